"""Every waiter that botocore knows, for every operation that is simulated: it ends well once the thing is so, and fails when
it cannot become so. A waiter that is in neither list is a failure.
"""

import botocore.session
from botocore.exceptions import WaiterError

from elbv2 import certificate
from paging import SERVICES

# Waiters of things that are not simulated, though the operation that they ask is: what they answer to nothing.
NOTHING_TO_WAIT_FOR = {
    ("ec2", "InstanceRunning"): "EC2 instances are not simulated",
    ("ec2", "InstanceStopped"): "EC2 instances are not simulated",
    ("ec2", "InstanceTerminated"): "EC2 instances are not simulated",
    ("ec2", "InstanceExists"): "EC2 instances are not simulated",
    ("cloudwatch", "CompositeAlarmExists"): "composite alarms are not simulated",
}
DOCUMENT = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}'
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
BRIEFLY = {"Delay": 1, "MaxAttempts": 3}


def checks(world):
    met = set()
    waiters = simulated()

    def wait(service, name, patient=None, **arguments):
        """It ends well."""
        met.add((service, name))
        client = world.client(service)
        try:
            client.get_waiter(snake(client, name)).wait(**arguments, **({"WaiterConfig": patient} if patient else {}))
            world.that(f"{service} waits for {name}", True)
        except WaiterError as error:
            world.that(f"{service} waits for {name}", False, str(error))

    def vain(service, name, **arguments):
        """It gives up, or finds a state from which there is no way."""
        client = world.client(service)
        try:
            client.get_waiter(snake(client, name)).wait(**arguments, WaiterConfig=BRIEFLY)
            world.that(f"{service} waits in vain for {name}", False)
        except WaiterError:
            world.that(f"{service} waits in vain for {name}", True)

    databases(world, wait, vain, network(world, wait, vain))
    identities(world, wait, vain)
    images(world, wait, vain)
    edge(world, wait, vain)
    buckets(world, wait, vain)
    missing = waiters - met - set(NOTHING_TO_WAIT_FOR)
    world.same("every waiter of a simulated operation", sorted(missing), [])
    print(f"  {len(waiters)} waiters of simulated operations; {len(met)} waited for")


def simulated():
    """All waiters of the services whose operations are there."""
    loader = botocore.session.get_session().get_component("data_loader")
    asked = {
        "iam": {"GetInstanceProfile", "GetUser", "GetRole", "GetPolicy"},
        "rds": {"DescribeDBClusters", "DescribeDBClusterSnapshots", "DescribeDBInstances", "DescribeDBSnapshots"},
        "ecr": {"DescribeImageScanFindings", "GetLifecyclePolicyPreview"},
        "ec2": {"DescribeInstances", "DescribeInternetGateways", "DescribeNatGateways", "DescribeNetworkInterfaces", "DescribeSecurityGroups",
                "DescribeSubnets", "DescribeVpcs", "DescribeVpcPeeringConnections"},
        "elbv2": {"DescribeLoadBalancers", "DescribeTargetHealth"},
        "ecs": {"DescribeServices", "DescribeTasks"},
        "acm": {"DescribeCertificate"},
        "cloudwatch": {"DescribeAlarms"},
        "route53": {"GetChange"},
        "s3": {"HeadBucket", "HeadObject"},
    }
    out = set()
    for service in SERVICES:
        try:
            waiters = loader.load_service_model(service, "waiters-2")["waiters"]
        except Exception:  # This version of botocore has no waiters for it.
            continue
        out |= {(service, name) for name, waiter in waiters.items() if waiter["operation"] in asked.get(service, ())}
    return out


def snake(client, name):
    squeezed = name.replace("_", "").lower()
    return next(n for n in client.waiter_names if n.replace("_", "").lower() == squeezed)


def network(world, wait, vain):
    ec2 = world.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    wait("ec2", "VpcExists", VpcIds=[vpc])
    wait("ec2", "VpcAvailable", VpcIds=[vpc])
    vain("ec2", "VpcExists", VpcIds=["vpc-0123456789abcdef0"])
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-west-2{z}")["Subnet"]["SubnetId"] for n, z in enumerate("ab")]
    wait("ec2", "SubnetAvailable", SubnetIds=subnets)
    group = ec2.create_security_group(GroupName="w", Description="w", VpcId=vpc)["GroupId"]
    wait("ec2", "SecurityGroupExists", GroupIds=[group])
    vain("ec2", "SecurityGroupExists", GroupIds=["sg-0123456789abcdef0"])
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    wait("ec2", "InternetGatewayExists", InternetGatewayIds=[gateway])
    vain("ec2", "InternetGatewayExists", InternetGatewayIds=["igw-0123456789abcdef0"])
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    main = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    interface = ec2.create_network_interface(SubnetId=subnets[0])["NetworkInterface"]["NetworkInterfaceId"]
    wait("ec2", "NetworkInterfaceAvailable", NetworkInterfaceIds=[interface])
    vain("ec2", "NetworkInterfaceAvailable", NetworkInterfaceIds=["eni-0123456789abcdef0"])
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
    wait("ec2", "NatGatewayAvailable", NatGatewayIds=[nat])
    vain("ec2", "NatGatewayDeleted", NatGatewayIds=[nat])
    ec2.delete_nat_gateway(NatGatewayId=nat)
    wait("ec2", "NatGatewayDeleted", NatGatewayIds=[nat])
    vain("ec2", "NatGatewayAvailable", NatGatewayIds=[nat])
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    wait("ec2", "VpcPeeringConnectionExists", VpcPeeringConnectionIds=[peering])
    vain("ec2", "VpcPeeringConnectionDeleted", VpcPeeringConnectionIds=[peering])
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    wait("ec2", "VpcPeeringConnectionDeleted", VpcPeeringConnectionIds=[peering])
    return vpc, subnets, group


def databases(world, wait, vain, ground):
    rds, (vpc, subnets, group) = world.client("rds"), ground
    rds.create_db_subnet_group(DBSubnetGroupName="w", DBSubnetGroupDescription="w", SubnetIds=subnets)
    common = dict(MasterUsername="w", MasterUserPassword="sandbox-w-1", DBSubnetGroupName="w")
    rds.create_db_instance(DBInstanceIdentifier="w", Engine="postgres", DBInstanceClass="db.t4g.medium", AllocatedStorage=20, **common)
    vain("rds", "DBInstanceAvailable", DBInstanceIdentifier="w")
    wait("rds", "DBInstanceAvailable", DBInstanceIdentifier="w")
    rds.create_db_snapshot(DBInstanceIdentifier="w", DBSnapshotIdentifier="w")
    vain("rds", "DBSnapshotAvailable", DBSnapshotIdentifier="w")
    wait("rds", "DBSnapshotAvailable", DBSnapshotIdentifier="w")
    wait("rds", "DBSnapshotCompleted", DBSnapshotIdentifier="w")
    vain("rds", "DBSnapshotDeleted", DBSnapshotIdentifier="w")
    rds.delete_db_snapshot(DBSnapshotIdentifier="w")
    wait("rds", "DBSnapshotDeleted", DBSnapshotIdentifier="w")
    rds.create_db_cluster(DBClusterIdentifier="c", Engine="aurora-postgresql", **common)
    wait("rds", "DBClusterAvailable", DBClusterIdentifier="c")
    rds.create_db_cluster_snapshot(DBClusterIdentifier="c", DBClusterSnapshotIdentifier="c")
    vain("rds", "DBClusterSnapshotAvailable", DBClusterSnapshotIdentifier="c")
    wait("rds", "DBClusterSnapshotAvailable", DBClusterSnapshotIdentifier="c")
    vain("rds", "DBClusterSnapshotDeleted", DBClusterSnapshotIdentifier="c")
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="c")
    wait("rds", "DBClusterSnapshotDeleted", DBClusterSnapshotIdentifier="c")
    vain("rds", "DBClusterDeleted", DBClusterIdentifier="c")
    rds.delete_db_cluster(DBClusterIdentifier="c", SkipFinalSnapshot=True)
    vain("rds", "DBClusterAvailable", DBClusterIdentifier="c")
    wait("rds", "DBClusterDeleted", DBClusterIdentifier="c")
    rds.delete_db_instance(DBInstanceIdentifier="w", SkipFinalSnapshot=True)
    vain("rds", "DBInstanceAvailable", DBInstanceIdentifier="w")
    wait("rds", "DBInstanceDeleted", DBInstanceIdentifier="w")
    compute(world, wait, vain, vpc, subnets, group)


def compute(world, wait, vain, vpc, subnets, group):
    elbv2, ecs, iam, ec2 = (world.client(s) for s in ("elbv2", "ecs", "iam", "ec2"))
    balancer = elbv2.create_load_balancer(Name="w", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0]["LoadBalancerArn"]
    wait("elbv2", "LoadBalancerExists", LoadBalancerArns=[balancer])
    wait("elbv2", "LoadBalancerAvailable", LoadBalancerArns=[balancer])
    vain("elbv2", "LoadBalancersDeleted", LoadBalancerArns=[balancer])
    target = elbv2.create_target_group(Name="w", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
    elbv2.modify_target_group_attributes(TargetGroupArn=target, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}])
    elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[{"Type": "forward", "TargetGroupArn": target}])
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": group}]}])
    ecs.create_cluster(clusterName="w")
    iam.create_role(RoleName="w-execution", AssumeRolePolicyDocument=TRUST)
    world.wait(60)
    definition = ecs.register_task_definition(
        family="w", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="512",
        containerDefinitions=[{"name": "w", "image": "public.ecr.aws/acme/echo:1", "essential": True, "portMappings": [{"containerPort": 8080}]}],
    )["taskDefinition"]["taskDefinitionArn"]
    placed = {"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [group], "assignPublicIp": "ENABLED"}}
    ecs.create_service(cluster="w", serviceName="w", taskDefinition=definition, desiredCount=1, launchType="FARGATE", networkConfiguration=placed,
                       loadBalancers=[{"targetGroupArn": target, "containerName": "w", "containerPort": 8080}])
    vain("ecs", "ServicesStable", cluster="w", services=["w"])
    wait("ecs", "ServicesStable", cluster="w", services=["w"])
    vain("ecs", "ServicesStable", cluster="w", services=["nobody"])
    vain("ecs", "ServicesInactive", cluster="w", services=["w"])
    wait("elbv2", "TargetInService", TargetGroupArn=target)
    task = ecs.run_task(cluster="w", taskDefinition=definition, launchType="FARGATE", networkConfiguration=placed)["tasks"][0]["taskArn"]
    wait("ecs", "TasksRunning", cluster="w", tasks=[task])
    vain("ecs", "TasksStopped", cluster="w", tasks=[task])
    ecs.stop_task(cluster="w", task=task)
    wait("ecs", "TasksStopped", cluster="w", tasks=[task])
    vain("ecs", "TasksRunning", cluster="w", tasks=[task])
    found = elbv2.describe_target_health(TargetGroupArn=target)["TargetHealthDescriptions"][0]["Target"]
    vain("elbv2", "TargetDeregistered", TargetGroupArn=target, Targets=[found])
    ecs.update_service(cluster="w", service="w", desiredCount=0)
    wait("elbv2", "TargetDeregistered", TargetGroupArn=target, Targets=[found])
    ecs.delete_service(cluster="w", service="w", force=True)
    wait("ecs", "ServicesInactive", cluster="w", services=["w"])
    elbv2.delete_load_balancer(LoadBalancerArn=balancer)
    wait("elbv2", "LoadBalancersDeleted", LoadBalancerArns=[balancer])
    vain("elbv2", "LoadBalancerExists", LoadBalancerArns=[balancer])


def identities(world, wait, vain):
    iam = world.client("iam")
    for name, make, member in (("User", iam.create_user, "UserName"), ("InstanceProfile", iam.create_instance_profile, "InstanceProfileName")):
        vain("iam", f"{name}Exists", **{member: "w"})
        make(**{member: "w"})
        wait("iam", f"{name}Exists", **{member: "w"})
    vain("iam", "RoleExists", RoleName="w")
    iam.create_role(RoleName="w", AssumeRolePolicyDocument=TRUST)
    wait("iam", "RoleExists", RoleName="w")
    arn = "arn:aws:iam::111122223333:policy/w"
    vain("iam", "PolicyExists", PolicyArn=arn)
    iam.create_policy(PolicyName="w", PolicyDocument=DOCUMENT)
    wait("iam", "PolicyExists", PolicyArn=arn)


def images(world, wait, vain):
    import hashlib
    import json

    ecr = world.client("ecr")
    ecr.create_repository(repositoryName="waited")
    blobs = []
    for data in (b"{}", b"layer"):
        upload = ecr.initiate_layer_upload(repositoryName="waited")["uploadId"]
        ecr.upload_layer_part(repositoryName="waited", uploadId=upload, partFirstByte=0, partLastByte=len(data) - 1, layerPartBlob=data)
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        ecr.complete_layer_upload(repositoryName="waited", uploadId=upload, layerDigests=[digest])
        blobs.append({"mediaType": "application/vnd.oci.image.layer.v1.tar", "size": len(data), "digest": digest})
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": blobs[1:],
                "config": {**blobs[0], "mediaType": "application/vnd.oci.image.config.v1+json"}}
    ecr.put_image(repositoryName="waited", imageManifest=json.dumps(manifest), imageTag="1")
    ecr.start_image_scan(repositoryName="waited", imageId={"imageTag": "1"})
    wait("ecr", "ImageScanComplete", repositoryName="waited", imageId={"imageTag": "1"})
    ecr.start_lifecycle_policy_preview(repositoryName="waited", lifecyclePolicyText=json.dumps({"rules": [{
        "rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}, "action": {"type": "expire"}}]}))
    wait("ecr", "LifecyclePolicyPreviewComplete", repositoryName="waited")


def edge(world, wait, vain):
    route53, cloudwatch = world.client("route53", "us-east-1"), world.client("cloudwatch")
    change = route53.create_hosted_zone(Name="example.com", CallerReference="zone")["ChangeInfo"]["Id"]
    vain("route53", "ResourceRecordSetsChanged", Id=change)
    wait("route53", "ResourceRecordSetsChanged", Id=change)
    arn = certificate(world, ["w.example.com"])
    wait("acm", "CertificateValidated", CertificateArn=arn)
    pending = world.client("acm").request_certificate(DomainName="w.example.org", ValidationMethod="DNS")["CertificateArn"]
    vain("acm", "CertificateValidated", CertificateArn=pending)
    vain("cloudwatch", "AlarmExists", AlarmNames=["w"])
    cloudwatch.put_metric_alarm(AlarmName="w", MetricName="m", Namespace="w", Period=60, EvaluationPeriods=1, Threshold=1,
                                ComparisonOperator="GreaterThanThreshold", Statistic="Sum")
    wait("cloudwatch", "AlarmExists", AlarmNames=["w"])


def buckets(world, wait, vain):
    s3 = world.client("s3")
    vain("s3", "BucketExists", Bucket="waited-for")
    wait("s3", "BucketNotExists", Bucket="waited-for")
    s3.create_bucket(Bucket="waited-for", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    wait("s3", "BucketExists", Bucket="waited-for")
    vain("s3", "BucketNotExists", Bucket="waited-for")
    wait("s3", "ObjectNotExists", Bucket="waited-for", Key="k")
    vain("s3", "ObjectExists", Bucket="waited-for", Key="k")
    s3.put_object(Bucket="waited-for", Key="k", Body=b"k")
    wait("s3", "ObjectExists", Bucket="waited-for", Key="k")
    vain("s3", "ObjectNotExists", Bucket="waited-for", Key="k")
