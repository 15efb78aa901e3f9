"""Takes a stack down again: first in orders that AWS refuses, then in the right one, until nothing is left."""

from botocore.exceptions import ClientError

# How each thing that was made is removed: in the reverse order of its making.
def gone_nat(world, client, id):
    client.delete_nat_gateway(NatGatewayId=id)
    client.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[id])


def gone_service(world, client, c):
    name = dict(cluster=c.asked["cluster"], service=c.asked["serviceName"])
    if c.asked.get("deploymentController", {}).get("type") == "CODE_DEPLOY":
        client.delete_service(**name, force=True)
    else:
        client.update_service(**name, desiredCount=0)
        client.get_waiter("services_stable").wait(cluster=c.asked["cluster"], services=[c.asked["serviceName"]])
        client.delete_service(**name)
    client.get_waiter("services_inactive").wait(cluster=c.asked["cluster"], services=[c.asked["serviceName"]])
    for _ in range(200):
        if not client.list_tasks(cluster=c.asked["cluster"])["taskArns"]:
            break
        world.wait(10)


def gone_instance(world, client, c):
    id = c.asked["DBInstanceIdentifier"]
    member = "DBClusterIdentifier" in c.asked
    if c.asked.get("DeletionProtection"):
        client.modify_db_instance(DBInstanceIdentifier=id, DeletionProtection=False, ApplyImmediately=True)
    world.wait(60)
    client.get_waiter("db_instance_available").wait(DBInstanceIdentifier=id)
    client.delete_db_instance(DBInstanceIdentifier=id, SkipFinalSnapshot=True, **({} if member else {"DeleteAutomatedBackups": True}))
    client.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier=id)


def gone_cluster(world, client, c):
    id = c.asked["DBClusterIdentifier"]
    if c.asked.get("DeletionProtection"):
        client.modify_db_cluster(DBClusterIdentifier=id, DeletionProtection=False, ApplyImmediately=True)
    world.wait(60)
    client.delete_db_cluster(DBClusterIdentifier=id, SkipFinalSnapshot=True)
    client.get_waiter("db_cluster_deleted").wait(DBClusterIdentifier=id)


def gone_definition(world, client, c):
    arn = c.answer["taskDefinition"]["taskDefinitionArn"]
    client.deregister_task_definition(taskDefinition=arn)
    world.same("a definition is deleted once it is inactive", client.delete_task_definitions(taskDefinitions=[arn])["failures"], [])


def gone_zone(world, client, c):
    id = c.answer["HostedZone"]["Id"]
    found = client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=id).build_full_result()["ResourceRecordSets"]
    changes = [{"Action": "DELETE", "ResourceRecordSet": r} for r in found if r["Type"] not in ("NS", "SOA")]
    if changes:
        change = client.change_resource_record_sets(HostedZoneId=id, ChangeBatch={"Changes": changes})["ChangeInfo"]["Id"]
        client.get_waiter("resource_record_sets_changed").wait(Id=change)
    client.delete_hosted_zone(Id=id)


def gone_role(world, client, c):
    name = c.asked["RoleName"]
    for policy in client.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        client.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    for policy in client.list_role_policies(RoleName=name)["PolicyNames"]:
        client.delete_role_policy(RoleName=name, PolicyName=policy)
    client.delete_role(RoleName=name)


def gone_bucket(world, client, c):
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=c.asked["Bucket"]):
        for found in page.get("Contents", []):
            client.delete_object(Bucket=c.asked["Bucket"], Key=found["Key"])
    client.delete_bucket(Bucket=c.asked["Bucket"])


def gone_scaling(world, client, c):
    client.deregister_scalable_target(**{k: c.asked[k] for k in ("ServiceNamespace", "ResourceId", "ScalableDimension")})


def gone_route_table(world, client, c):
    id = c.answer["RouteTable"]["RouteTableId"]
    for found in client.describe_route_tables(RouteTableIds=[id])["RouteTables"][0]["Associations"]:
        client.disassociate_route_table(AssociationId=found["RouteTableAssociationId"])
    client.delete_route_table(RouteTableId=id)


def gone_gateway(world, client, c):
    id = c.answer["InternetGateway"]["InternetGatewayId"]
    for found in client.describe_internet_gateways(InternetGatewayIds=[id])["InternetGateways"][0]["Attachments"]:
        patiently(world, client.detach_internet_gateway, InternetGatewayId=id, VpcId=found["VpcId"])
    client.delete_internet_gateway(InternetGatewayId=id)


def gone_group(world, client, c):
    found = client.describe_security_groups(GroupIds=[c.answer["GroupId"]])["SecurityGroups"][0]
    if found["IpPermissions"]:
        client.revoke_security_group_ingress(GroupId=c.answer["GroupId"], IpPermissions=found["IpPermissions"])


def gone_balancer(world, client, c):
    arn = c.answer["LoadBalancers"][0]["LoadBalancerArn"]
    client.delete_load_balancer(LoadBalancerArn=arn)
    client.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[arn])


def patiently(world, call, **arguments):
    """Interfaces of balancers and tasks linger: AWS refuses until they are gone, for minutes."""
    for _ in range(120):
        try:
            return call(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("DependencyViolation", "ResourceInUse", "ResourceInUseException"):
                raise
        world.wait(30)
    return call(**arguments)


REMOVE = {
    "ecs CreateService": gone_service,
    "application-autoscaling RegisterScalableTarget": gone_scaling,
    "elbv2 CreateListener": lambda w, k, c: k.delete_listener(ListenerArn=c.answer["Listeners"][0]["ListenerArn"]),
    "elbv2 CreateTargetGroup": lambda w, k, c: patiently(w, k.delete_target_group, TargetGroupArn=c.answer["TargetGroups"][0]["TargetGroupArn"]),
    "elbv2 CreateLoadBalancer": gone_balancer,
    "ecs RegisterTaskDefinition": gone_definition,
    "ecs CreateCluster": lambda w, k, c: k.delete_cluster(cluster=c.asked["clusterName"]),
    "logs CreateLogGroup": lambda w, k, c: k.delete_log_group(logGroupName=c.asked["logGroupName"]),
    "acm RequestCertificate": lambda w, k, c: patiently(w, k.delete_certificate, CertificateArn=c.answer["CertificateArn"]),
    "route53 CreateHostedZone": gone_zone,
    "ecr CreateRepository": lambda w, k, c: k.delete_repository(repositoryName=c.asked["repositoryName"], force=True),
    "rds CreateDBInstance": gone_instance,
    "rds RestoreDBInstanceFromDBSnapshot": gone_instance,
    "rds CreateDBCluster": gone_cluster,
    "rds RestoreDBClusterFromSnapshot": gone_cluster,
    "rds CreateDBParameterGroup": lambda w, k, c: k.delete_db_parameter_group(DBParameterGroupName=c.asked["DBParameterGroupName"]),
    "rds CreateDBClusterParameterGroup": lambda w, k, c: k.delete_db_cluster_parameter_group(DBClusterParameterGroupName=c.asked["DBClusterParameterGroupName"]),
    "rds CreateDBSubnetGroup": lambda w, k, c: k.delete_db_subnet_group(DBSubnetGroupName=c.asked["DBSubnetGroupName"]),
    "secretsmanager CreateSecret": lambda w, k, c: k.delete_secret(SecretId=c.asked["Name"], ForceDeleteWithoutRecovery=True),
    "ssm PutParameter": lambda w, k, c: k.delete_parameter(Name=c.asked["Name"]),
    "s3 CreateBucket": gone_bucket,
    "iam CreateRole": gone_role,
    "kms CreateAlias": lambda w, k, c: k.delete_alias(AliasName=c.asked["AliasName"]),
    "kms CreateKey": lambda w, k, c: k.schedule_key_deletion(KeyId=c.answer["KeyMetadata"]["KeyId"], PendingWindowInDays=7),
    "ec2 AuthorizeSecurityGroupIngress": lambda w, k, c: None,
    "ec2 CreateNatGateway": lambda w, k, c: gone_nat(w, k, c.answer["NatGateway"]["NatGatewayId"]),
    "ec2 AllocateAddress": lambda w, k, c: k.release_address(AllocationId=c.answer["AllocationId"]),
    "ec2 CreateRouteTable": gone_route_table,
    "ec2 CreateInternetGateway": gone_gateway,
    "ec2 CreateSubnet": lambda w, k, c: patiently(w, k.delete_subnet, SubnetId=c.answer["Subnet"]["SubnetId"]),
    "ec2 CreateVpc": lambda w, k, c: patiently(w, k.delete_vpc, VpcId=c.answer["Vpc"]["VpcId"]),
}
# Removed with their owner, or by the step after all others of their kind.
WITH_OWNER = {"rds CreateOptionGroup", "ec2 CreateSecurityGroup", "ec2 CreateRoute"}


def refusals(c):
    """What AWS answers to removing this while the stack stands: method, arguments, code, HTTP status."""
    a, b = c.asked, c.answer
    return {
        "ec2 CreateVpc": lambda: [("delete_vpc", {"VpcId": b["Vpc"]["VpcId"]}, "DependencyViolation", 400)],
        "ec2 CreateSecurityGroup": lambda: [("delete_security_group", {"GroupId": b["GroupId"]}, "DependencyViolation", 400)],
        "ec2 CreateInternetGateway": lambda: [("delete_internet_gateway", {"InternetGatewayId": b["InternetGateway"]["InternetGatewayId"]}, "DependencyViolation", 400)],
        "ec2 AttachInternetGateway": lambda: [("detach_internet_gateway", a, "DependencyViolation", 400)],
        "ec2 CreateRouteTable": lambda: [("delete_route_table", {"RouteTableId": b["RouteTable"]["RouteTableId"]}, "DependencyViolation", 400)],
        "ec2 AllocateAddress": lambda: [("release_address", {"AllocationId": b["AllocationId"]}, "InvalidIPAddress.InUse", 400)],
        "kms CreateKey": lambda: [("delete_alias", {"AliasName": "alias/nobody"}, "NotFoundException", 400)],
        "iam CreateRole": lambda: [],
        "iam AttachRolePolicy": lambda: [("delete_role", {"RoleName": a["RoleName"]}, "DeleteConflict", 409)],
        "rds CreateDBSubnetGroup": lambda: [("delete_db_subnet_group", {"DBSubnetGroupName": a["DBSubnetGroupName"]}, "InvalidDBSubnetGroupStateFault", 400)],
        "rds CreateDBParameterGroup": lambda: [("delete_db_parameter_group", {"DBParameterGroupName": a["DBParameterGroupName"]}, "InvalidDBParameterGroupState", 400)],
        "rds CreateDBClusterParameterGroup": lambda: [("delete_db_cluster_parameter_group", {"DBClusterParameterGroupName": a["DBClusterParameterGroupName"]}, "InvalidDBParameterGroupState", 400)],
        "rds CreateOptionGroup": lambda: [("delete_option_group", {"OptionGroupName": a["OptionGroupName"]}, "InvalidOptionGroupStateFault", 400)],
        "rds CreateDBCluster": lambda: [("delete_db_cluster", {"DBClusterIdentifier": a["DBClusterIdentifier"], "SkipFinalSnapshot": True},
                                         "InvalidParameterCombination" if a.get("DeletionProtection") else "InvalidDBClusterStateFault", 400)],
        "rds CreateDBInstance": lambda: [("delete_db_instance", {"DBInstanceIdentifier": a["DBInstanceIdentifier"], "SkipFinalSnapshot": True},
                                          "InvalidParameterCombination", 400)] if a.get("DeletionProtection") else [],
        "ecr PutImage": lambda: [("delete_repository", {"repositoryName": a["repositoryName"]}, "RepositoryNotEmptyException", 400)],
        "acm RequestCertificate": lambda: [("delete_certificate", {"CertificateArn": b["CertificateArn"]}, "ResourceInUseException", 400)],
        "route53 CreateHostedZone": lambda: [("delete_hosted_zone", {"Id": b["HostedZone"]["Id"]}, "HostedZoneNotEmpty", 400)],
        "elbv2 CreateListener": lambda: [("delete_target_group", {"TargetGroupArn": t["TargetGroupArn"]}, "ResourceInUse", 400)
                                         for t in a["DefaultActions"] if "TargetGroupArn" in t],
        "ecs CreateCluster": lambda: [("delete_cluster", {"cluster": a["clusterName"]}, "ClusterContainsServicesException", 400)],
        "ecs CreateService": lambda: [("delete_service", {"cluster": a["cluster"], "service": a["serviceName"]}, "InvalidParameterException", 400)],
        "s3 PutObject": lambda: [("delete_bucket", {"Bucket": a["Bucket"]}, "BucketNotEmpty", 409)],
    }.get(c.name, lambda: [])()


def wrong_orders(world, made):
    for c in made:
        for name, arguments, code, status in refusals(c):
            world.refused(f"{name} too early", code, getattr(world.client(c.service, c.region), name), status, **arguments)
    # An active definition is not deleted, which is said in the answer, not as an error.
    for c in [c for c in made if c.name == "ecs RegisterTaskDefinition"]:
        arn = c.answer["taskDefinition"]["taskDefinitionArn"]
        failures = world.client("ecs", c.region).delete_task_definitions(taskDefinitions=[arn])["failures"]
        world.that("an active definition is not deleted", len(failures) == 1 and failures[0]["arn"] == arn, failures)


def remove(world, made, also_snapshots):
    groups = [c for c in made if c.name == "ec2 CreateSecurityGroup"]
    for c in reversed(made):
        if c.operation.startswith(("Describe", "Get")):
            continue
        client = world.client(c.service, c.region)
        if c.name == "ec2 CreateVpc":
            # Groups that name each other: rules first, then the groups.
            for g in groups:
                gone_group(world, client, g)
            for g in groups:
                patiently(world, client.delete_security_group, GroupId=g.answer["GroupId"])
        if c.name in REMOVE:
            REMOVE[c.name](world, client, c)
    for region in {c.region for c in made}:
        rds = world.client("rds", region)
        for name in also_snapshots:
            for method, member in (("delete_db_snapshot", "DBSnapshotIdentifier"), ("delete_db_cluster_snapshot", "DBClusterSnapshotIdentifier")):
                try:
                    getattr(rds, method)(**{member: name})
                except ClientError as error:
                    world.that("only one kind of snapshot was there", "NotFound" in error.response["Error"]["Code"], str(error))
    for c in made:
        if c.name == "rds CreateOptionGroup":
            world.client("rds", c.region).delete_option_group(OptionGroupName=c.asked["OptionGroupName"])


def resources(world):
    """What the oracle knows to be alive, without what AWS itself makes and keeps: default groups and its own keys."""
    out = set()
    for r in world.control("oracle")["resources"]:
        if r["status"] in ("PendingDeletion", "DELETE_IN_PROGRESS", "deleted"):
            continue
        if r["service"] == "rds" and r["id"].startswith("default"):
            continue
        if r["service"] == "kms" and r["id"].startswith("alias/aws/"):
            continue
        if r["service"] == "kms" and r["kind"] == "key":
            key = world.client("kms", r["region"]).describe_key(KeyId=r["id"])["KeyMetadata"]
            if key["KeyManager"] == "AWS" or key["KeyState"] == "PendingDeletion":
                continue
        if r["service"] == "iam" and "AWSServiceRoleFor" in r["id"]:
            continue
        out.add((r["region"], r["service"], r["kind"], r["id"]))
    return out
