"""A good part of a stack by the AWS CLI as it is: made, waited for, described, changed, removed."""


def checks(world):
    def aws(*arguments, region="us-west-2"):
        code, output, errors = world.cli(*arguments, region=region)
        world.that("aws " + " ".join(arguments[:2]), code == 0, errors)
        return output

    def refused(code, *arguments):
        status, _, errors = world.cli(*arguments)
        world.that(f"aws {arguments[0]} {arguments[1]}: {code}", status not in (0, 252) and f"({code})" in errors, errors)

    # The command line waits in real time: the world's clock must run meanwhile.
    world.control("clock/leave", {"client": "conformance"})
    world.control("speed", {"mode": "fast", "factor": 4000})
    try:
        story(aws, refused)
    finally:
        world.control("clock/register", {"client": "conformance"})


def story(aws, refused):
    vpc = aws("ec2", "create-vpc", "--cidr-block", "10.90.0.0/16")["Vpc"]["VpcId"]
    aws("ec2", "wait", "vpc-available", "--vpc-ids", vpc)
    subnets = [
        aws("ec2", "create-subnet", "--vpc-id", vpc, "--cidr-block", f"10.90.{n}.0/24", "--availability-zone", f"us-west-2{z}")["Subnet"]["SubnetId"]
        for n, z in enumerate("ab")
    ]
    aws("ec2", "wait", "subnet-available", "--subnet-ids", *subnets)
    group = aws("ec2", "create-security-group", "--group-name", "cli", "--description", "cli", "--vpc-id", vpc)["GroupId"]
    aws("ec2", "wait", "security-group-exists", "--group-ids", group)
    refused("DependencyViolation", "ec2", "delete-vpc", "--vpc-id", vpc)
    aws("rds", "create-db-subnet-group", "--db-subnet-group-name", "cli", "--db-subnet-group-description", "cli", "--subnet-ids", *subnets)
    aws("rds", "create-db-instance", "--db-instance-identifier", "cli", "--engine", "mysql", "--db-instance-class", "db.t3.micro",
        "--allocated-storage", "20", "--master-username", "cli", "--master-user-password", "sandbox-cli-1", "--db-subnet-group-name", "cli",
        "--vpc-security-group-ids", group)
    aws("rds", "wait", "db-instance-available", "--db-instance-identifier", "cli")
    refused("InvalidDBSubnetGroupStateFault", "rds", "delete-db-subnet-group", "--db-subnet-group-name", "cli")
    aws("rds", "create-db-snapshot", "--db-instance-identifier", "cli", "--db-snapshot-identifier", "cli")
    aws("rds", "wait", "db-snapshot-available", "--db-snapshot-identifier", "cli")
    arn = "arn:aws:rds:us-west-2:111122223333:snapshot:cli"
    aws("rds", "copy-db-snapshot", "--source-db-snapshot-identifier", arn, "--target-db-snapshot-identifier", "cli", "--source-region", "us-west-2", region="eu-west-1")
    aws("rds", "wait", "db-snapshot-completed", "--db-snapshot-identifier", "cli", region="eu-west-1")
    aws("rds", "delete-db-snapshot", "--db-snapshot-identifier", "cli", region="eu-west-1")
    aws("rds", "wait", "db-snapshot-deleted", "--db-snapshot-identifier", "cli", region="eu-west-1")
    aws("rds", "delete-db-snapshot", "--db-snapshot-identifier", "cli")
    aws("secretsmanager", "create-secret", "--name", "cli/db", "--secret-string", "one")
    aws("secretsmanager", "get-secret-value", "--secret-id", "cli/db")
    aws("secretsmanager", "delete-secret", "--secret-id", "cli/db", "--force-delete-without-recovery")
    aws("ssm", "put-parameter", "--name", "/cli/host", "--type", "SecureString", "--value", "x")
    aws("ssm", "get-parameters-by-path", "--path", "/cli", "--with-decryption")
    aws("ssm", "delete-parameter", "--name", "/cli/host")
    aws("ecr", "create-repository", "--repository-name", "cli")
    aws("ecr", "describe-repositories", "--repository-names", "cli")
    aws("ecr", "delete-repository", "--repository-name", "cli")
    balancer = aws("elbv2", "create-load-balancer", "--name", "cli", "--type", "network", "--scheme", "internal", "--subnets", *subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    aws("elbv2", "wait", "load-balancer-available", "--load-balancer-arns", balancer)
    target = aws("elbv2", "create-target-group", "--name", "cli", "--protocol", "TCP", "--port", "80", "--vpc-id", vpc, "--target-type", "ip")["TargetGroups"][0]["TargetGroupArn"]
    aws("elbv2", "create-listener", "--load-balancer-arn", balancer, "--protocol", "TCP", "--port", "80", "--default-actions", f"Type=forward,TargetGroupArn={target}")
    refused("ResourceInUse", "elbv2", "delete-target-group", "--target-group-arn", target)
    aws("elbv2", "delete-load-balancer", "--load-balancer-arn", balancer)
    aws("elbv2", "wait", "load-balancers-deleted", "--load-balancer-arns", balancer)
    aws("elbv2", "delete-target-group", "--target-group-arn", target)
    aws("ecs", "create-cluster", "--cluster-name", "cli")
    aws("ecs", "describe-clusters", "--clusters", "cli")
    aws("ecs", "delete-cluster", "--cluster", "cli")
    aws("s3", "mb", "s3://cli-bucket-111122223333")
    aws("s3", "ls")
    aws("s3", "rb", "s3://cli-bucket-111122223333")
    zone = aws("route53", "create-hosted-zone", "--name", "cli.example.com", "--caller-reference", "cli")["HostedZone"]["Id"]
    change = aws("route53", "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch",
                 '{"Changes":[{"Action":"CREATE","ResourceRecordSet":{"Name":"www.cli.example.com","Type":"A","TTL":60,"ResourceRecords":[{"Value":"192.0.2.1"}]}}]}')
    aws("route53", "wait", "resource-record-sets-changed", "--id", change["ChangeInfo"]["Id"])
    refused("HostedZoneNotEmpty", "route53", "delete-hosted-zone", "--id", zone)
    aws("route53", "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch",
        '{"Changes":[{"Action":"DELETE","ResourceRecordSet":{"Name":"www.cli.example.com","Type":"A","TTL":60,"ResourceRecords":[{"Value":"192.0.2.1"}]}}]}')
    aws("route53", "delete-hosted-zone", "--id", zone)
    aws("rds", "delete-db-instance", "--db-instance-identifier", "cli", "--skip-final-snapshot")
    aws("rds", "wait", "db-instance-deleted", "--db-instance-identifier", "cli")
    aws("rds", "delete-db-subnet-group", "--db-subnet-group-name", "cli")
    aws("ec2", "delete-security-group", "--group-id", group)
    for subnet in subnets:
        aws("ec2", "delete-subnet", "--subnet-id", subnet)
    aws("ec2", "delete-vpc", "--vpc-id", vpc)
