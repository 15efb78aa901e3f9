"""Reads everything back that was built, and compares each answer with what was asked.

`READ` says for every operation that changes something how to look at its result. An operation that is not in it is a
failure: nothing that a stack asks for goes unlooked at.
"""

import hashlib
import json

SECRET = {"MasterUserPassword", "SecretString", "CallerReference", "IdempotencyToken", "ApplyImmediately", "Overwrite"}


def holds(asked, shown, path=""):
    """What of `asked` is not in `shown`, by its path. Lists hold if each asked item is held by some shown item."""
    if isinstance(asked, dict):
        if not isinstance(shown, dict):
            return [f"{path}: {shown!r}"]
        return [w for k, v in asked.items() if k not in SECRET for w in holds(v, shown.get(k), f"{path}.{k}")]
    if isinstance(asked, list):
        if not isinstance(shown, list):
            return [f"{path}: {shown!r}"]
        return [f"{path}: {item!r} is not in {shown!r}" for item in asked if not any(not holds(item, s) for s in shown)]
    if isinstance(asked, str) and isinstance(shown, str) and path.endswith(".EngineVersion"):
        return [] if shown.startswith(asked) else [f"{path}: {shown!r}, asked {asked!r}"]
    return [] if asked == shown else [f"{path}: {shown!r}, asked {asked!r}"]


def without(asked, *names):
    return {k: v for k, v in asked.items() if k not in names}


def tagged(asked, shown="Tags"):
    """EC2's way of giving tags when something is made."""
    specified = asked.get("TagSpecifications")
    return {**without(asked, "TagSpecifications"), **({shown: specified[0]["Tags"]} if specified else {})}


def renamed(asked, **names):
    """Members that are shown under another name, or inside something: a function of the asked value."""
    out = {}
    for key, value in asked.items():
        if key in names:
            out.update(names[key](value))
        else:
            out[key] = value
    return out


def vpc(w, c):
    return tagged(c.asked), w("ec2").describe_vpcs(VpcIds=[c.answer["Vpc"]["VpcId"]])["Vpcs"][0]


def vpc_attribute(w, c):
    name = next(k for k in c.asked if k != "VpcId")
    return c.asked, w("ec2").describe_vpc_attribute(VpcId=c.asked["VpcId"], Attribute=name[0].lower() + name[1:])


def gateway(w, c):
    found = w("ec2").describe_internet_gateways(InternetGatewayIds=[c.answer["InternetGateway"]["InternetGatewayId"]])
    return tagged(c.asked), found["InternetGateways"][0]


def attached(w, c):
    found = w("ec2").describe_internet_gateways(InternetGatewayIds=[c.asked["InternetGatewayId"]])["InternetGateways"][0]
    return {"Attachments": [{"VpcId": c.asked["VpcId"], "State": "available"}]}, found


def subnet(w, c):
    return tagged(c.asked), w("ec2").describe_subnets(SubnetIds=[c.answer["Subnet"]["SubnetId"]])["Subnets"][0]


def address(w, c):
    return tagged(c.asked), w("ec2").describe_addresses(AllocationIds=[c.answer["AllocationId"]])["Addresses"][0]


def nat(w, c):
    found = w("ec2").describe_nat_gateways(NatGatewayIds=[c.answer["NatGateway"]["NatGatewayId"]])["NatGateways"][0]
    return renamed(tagged(c.asked), AllocationId=lambda v: {"NatGatewayAddresses": [{"AllocationId": v}]}), found


def table_of(w, id):
    return w("ec2").describe_route_tables(RouteTableIds=[id])["RouteTables"][0]


def route_table(w, c):
    return tagged(c.asked), table_of(w, c.answer["RouteTable"]["RouteTableId"])


def route(w, c):
    asked = without(c.asked, "RouteTableId")
    return {"Routes": [{**asked, "State": "active"}]}, table_of(w, c.asked["RouteTableId"])


def association(w, c):
    return {"Associations": [{"SubnetId": c.asked["SubnetId"], "Main": False}]}, table_of(w, c.asked["RouteTableId"])


def group_of(w, id):
    return w("ec2").describe_security_groups(GroupIds=[id])["SecurityGroups"][0]


def group(w, c):
    return tagged(c.asked), group_of(w, c.answer["GroupId"])


def ingress(w, c):
    return {"IpPermissions": c.asked["IpPermissions"]}, group_of(w, c.asked["GroupId"])


def key(w, c):
    kms, id = w("kms"), c.answer["KeyMetadata"]["KeyId"]
    shown = {**kms.describe_key(KeyId=id)["KeyMetadata"], "Tags": kms.list_resource_tags(KeyId=id)["Tags"]}
    return {**c.asked, "KeyState": "Enabled"}, shown


def alias(w, c):
    return {"Aliases": [c.asked]}, w("kms").list_aliases(KeyId=c.asked["TargetKeyId"])


def secret(w, c):
    shown = w("secretsmanager").describe_secret(SecretId=c.asked["Name"])
    return c.asked, shown


def secret_value(w, c):
    shown = w("secretsmanager").get_secret_value(SecretId=c.asked["SecretId"])
    # SecretString is compared here and nowhere else.
    return {"value": c.asked["SecretString"]}, {"value": shown["SecretString"]}


def role(w, c):
    asked = {**c.asked, "AssumeRolePolicyDocument": json.loads(c.asked["AssumeRolePolicyDocument"])}
    return asked, w("iam").get_role(RoleName=c.asked["RoleName"])["Role"]


def role_attachment(w, c):
    return {"AttachedPolicies": [{"PolicyArn": c.asked["PolicyArn"]}]}, w("iam").list_attached_role_policies(RoleName=c.asked["RoleName"])


def role_policy(w, c):
    asked = {**c.asked, "PolicyDocument": json.loads(c.asked["PolicyDocument"])}
    return asked, w("iam").get_role_policy(RoleName=c.asked["RoleName"], PolicyName=c.asked["PolicyName"])


def tags_of(w, arn):
    return w("rds").list_tags_for_resource(ResourceName=arn)["TagList"]


def subnet_group(w, c):
    found = w("rds").describe_db_subnet_groups(DBSubnetGroupName=c.asked["DBSubnetGroupName"])["DBSubnetGroups"][0]
    found["Tags"] = tags_of(w, found["DBSubnetGroupArn"])
    return renamed(c.asked, SubnetIds=lambda v: {"Subnets": [{"SubnetIdentifier": id} for id in v]}), found


def parameter_group(w, c):
    found = w("rds").describe_db_parameter_groups(DBParameterGroupName=c.asked["DBParameterGroupName"])["DBParameterGroups"][0]
    return c.asked, {**found, "Tags": tags_of(w, found["DBParameterGroupArn"])}


def cluster_parameter_group(w, c):
    name = c.asked["DBClusterParameterGroupName"]
    found = w("rds").describe_db_cluster_parameter_groups(DBClusterParameterGroupName=name)["DBClusterParameterGroups"][0]
    return c.asked, {**found, "Tags": tags_of(w, found["DBClusterParameterGroupArn"])}


def parameters(asked):
    # How a change is applied is not shown, only whether it can be at once.
    return {"Parameters": [without(p, "ApplyMethod") for p in asked["Parameters"]]}


def group_parameters(w, c):
    pages = w("rds").get_paginator("describe_db_parameters").paginate(DBParameterGroupName=c.asked["DBParameterGroupName"], Source="user")
    return parameters(c.asked), pages.build_full_result()


def cluster_group_parameters(w, c):
    name = c.asked["DBClusterParameterGroupName"]
    pages = w("rds").get_paginator("describe_db_cluster_parameters").paginate(DBClusterParameterGroupName=name, Source="user")
    return parameters(c.asked), pages.build_full_result()


def option_group(w, c):
    found = w("rds").describe_option_groups(OptionGroupName=c.asked["OptionGroupName"])["OptionGroupsList"][0]
    asked = renamed(
        c.asked,
        MajorEngineVersion=lambda v: {"MajorEngineVersion": v},
        OptionsToInclude=lambda v: {"Options": v},
    )
    if "OptionGroupArn" in found:
        found["Tags"] = tags_of(w, found["OptionGroupArn"])
    return asked, found


GROUPS = dict(
    VpcSecurityGroupIds=lambda v: {"VpcSecurityGroups": [{"VpcSecurityGroupId": g, "Status": "active"} for g in v]},
    Tags=lambda v: {"TagList": v},
)


def instance(w, c):
    found = w("rds").describe_db_instances(DBInstanceIdentifier=c.asked["DBInstanceIdentifier"])["DBInstances"][0]
    asked = renamed(
        c.asked,
        DBSubnetGroupName=lambda v: {"DBSubnetGroup": {"DBSubnetGroupName": v}},
        DBParameterGroupName=lambda v: {"DBParameterGroups": [{"DBParameterGroupName": v, "ParameterApplyStatus": "in-sync"}]},
        OptionGroupName=lambda v: {"OptionGroupMemberships": [{"OptionGroupName": v, "Status": "in-sync"}]},
        Port=lambda v: {"Endpoint": {"Port": v}},
        DBSnapshotIdentifier=lambda v: {},
        **GROUPS,
    )
    return asked, found


def cluster(w, c):
    found = w("rds").describe_db_clusters(DBClusterIdentifier=c.asked["DBClusterIdentifier"])["DBClusters"][0]
    asked = renamed(
        c.asked,
        DBSubnetGroupName=lambda v: {"DBSubnetGroup": v},
        DBClusterParameterGroupName=lambda v: {"DBClusterParameterGroup": v},
        EnableHttpEndpoint=lambda v: {"HttpEndpointEnabled": v},
        SnapshotIdentifier=lambda v: {},
        **GROUPS,
    )
    return asked, found


def repository(w, c):
    ecr = w("ecr")
    found = ecr.describe_repositories(repositoryNames=[c.asked["repositoryName"]])["repositories"][0]
    return c.asked, {**found, "tags": ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]}


def layer(w, c):
    found = w("ecr").batch_check_layer_availability(repositoryName=c.asked["repositoryName"], layerDigests=c.asked["layerDigests"])
    return {"layers": [{"layerDigest": d, "layerAvailability": "AVAILABLE"} for d in c.asked["layerDigests"]]}, found


def image(w, c):
    found = w("ecr").batch_get_image(repositoryName=c.asked["repositoryName"], imageIds=[{"imageTag": c.asked["imageTag"]}])["images"][0]
    digest = "sha256:" + hashlib.sha256(c.asked["imageManifest"].encode()).hexdigest()
    asked = renamed(c.asked, imageTag=lambda v: {"imageId": {"imageTag": v, "imageDigest": digest}})
    return asked, found


def dotted(name):
    return name.lower().rstrip(".") + "."


def zone(w, c):
    return {"Name": dotted(c.asked["Name"])}, w("route53").get_hosted_zone(Id=c.answer["HostedZone"]["Id"])["HostedZone"]


def records(w, c):
    zone = c.asked["HostedZoneId"]
    found = w("route53").get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone).build_full_result()
    asked = []
    for change in c.asked["ChangeBatch"]["Changes"]:
        record = {**change["ResourceRecordSet"], "Name": dotted(change["ResourceRecordSet"]["Name"])}
        if "AliasTarget" in record:
            record["AliasTarget"] = {**record["AliasTarget"], "DNSName": dotted(record["AliasTarget"]["DNSName"])}
        asked.append(record)
    return {"ResourceRecordSets": asked}, found


def certificate(w, c):
    acm, arn = w("acm"), c.answer["CertificateArn"]
    shown = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    asked = renamed(c.asked, ValidationMethod=lambda v: {"DomainValidationOptions": [{"ValidationMethod": v}]})
    return {**asked, "Status": "ISSUED"}, {**shown, "Tags": acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]}


def with_tags(w, shown, arn):
    return {**shown, "Tags": w("elbv2").describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]}


def balancer(w, c):
    found = w("elbv2").describe_load_balancers(Names=[c.asked["Name"]])["LoadBalancers"][0]
    asked = renamed(
        c.asked,
        Name=lambda v: {"LoadBalancerName": v},
        Subnets=lambda v: {"AvailabilityZones": [{"SubnetId": s} for s in v]},
    )
    return asked, with_tags(w, found, found["LoadBalancerArn"])


def target_group(w, c):
    found = w("elbv2").describe_target_groups(Names=[c.asked["Name"]])["TargetGroups"][0]
    return renamed(c.asked, Name=lambda v: {"TargetGroupName": v}), with_tags(w, found, found["TargetGroupArn"])


def target_group_attributes(w, c):
    return {"Attributes": c.asked["Attributes"]}, w("elbv2").describe_target_group_attributes(TargetGroupArn=c.asked["TargetGroupArn"])


def listener(w, c):
    arn = c.answer["Listeners"][0]["ListenerArn"]
    found = w("elbv2").describe_listeners(ListenerArns=[arn])["Listeners"][0]
    return c.asked, with_tags(w, found, arn)


def log_group(w, c):
    logs = w("logs")
    found = logs.describe_log_groups(logGroupNamePrefix=c.asked["logGroupName"])["logGroups"][0]
    arn = found["arn"].removesuffix(":*")
    return c.asked, {**found, "tags": logs.list_tags_for_resource(resourceArn=arn)["tags"]}


def task_cluster(w, c):
    return c.asked, w("ecs").describe_clusters(clusters=[c.asked["clusterName"]], include=["TAGS"])["clusters"][0]


def definition(w, c):
    found = w("ecs").describe_task_definition(taskDefinition=c.answer["taskDefinition"]["taskDefinitionArn"], include=["TAGS"])
    return c.asked, {**found["taskDefinition"], "tags": found["tags"]}


def service(w, c):
    found = w("ecs").describe_services(cluster=c.asked["cluster"], services=[c.asked["serviceName"]], include=["TAGS"])["services"][0]
    asked = {**without(c.asked, "cluster"), "runningCount": c.asked["desiredCount"]}
    if "taskSets" in found and asked.get("deploymentController", {}).get("type") == "CODE_DEPLOY":
        # Another controller keeps them in its task set.
        inner = found["taskSets"][0]
        found = {**found, **{k: inner[k] for k in ("networkConfiguration", "launchType", "loadBalancers") if k in inner}}
    return asked, found


def one_off(w, c):
    found = w("ecs").describe_tasks(cluster=c.asked["cluster"], tasks=[c.answer["tasks"][0]["taskArn"]])["tasks"][0]
    asked = {"taskDefinitionArn": c.asked["taskDefinition"], "lastStatus": "STOPPED", "containers": [{"exitCode": 0}]}
    return asked, found


def scalable(w, c):
    found = w("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[c.asked["ResourceId"]])
    return c.asked, found["ScalableTargets"][0]


def scaling_policy(w, c):
    found = w("application-autoscaling").describe_scaling_policies(ServiceNamespace="ecs", PolicyNames=[c.asked["PolicyName"]])
    return c.asked, found["ScalingPolicies"][0]


def parameter(w, c):
    ssm = w("ssm")
    found = ssm.get_parameter(Name=c.asked["Name"], WithDecryption=True)["Parameter"]
    found["Tags"] = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=c.asked["Name"])["TagList"]
    return c.asked, found


def bucket(w, c):
    return c.asked["CreateBucketConfiguration"], w("s3").get_bucket_location(Bucket=c.asked["Bucket"])


def s3_object(w, c):
    found = w("s3").get_object(Bucket=c.asked["Bucket"], Key=c.asked["Key"])
    return without(c.asked, "Bucket", "Key"), {**found, "Body": found["Body"].read()}


def bucket_policy(w, c):
    shown = w("s3").get_bucket_policy(Bucket=c.asked["Bucket"])["Policy"]
    return {"Policy": json.loads(c.asked["Policy"])}, {"Policy": json.loads(shown)}


def bucket_website(w, c):
    return c.asked["WebsiteConfiguration"], w("s3").get_bucket_website(Bucket=c.asked["Bucket"])


def bucket_block(w, c):
    return without(c.asked, "Bucket"), w("s3").get_public_access_block(Bucket=c.asked["Bucket"])


def seen_elsewhere(w, c):
    """Part of something that another operation completes."""
    return {}, {}


READ = {
    "ec2 CreateVpc": vpc,
    "ec2 ModifyVpcAttribute": vpc_attribute,
    "ec2 CreateInternetGateway": gateway,
    "ec2 AttachInternetGateway": attached,
    "ec2 CreateSubnet": subnet,
    "ec2 AllocateAddress": address,
    "ec2 CreateNatGateway": nat,
    "ec2 CreateRouteTable": route_table,
    "ec2 CreateRoute": route,
    "ec2 AssociateRouteTable": association,
    "ec2 CreateSecurityGroup": group,
    "ec2 AuthorizeSecurityGroupIngress": ingress,
    "kms CreateKey": key,
    "kms CreateAlias": alias,
    "secretsmanager CreateSecret": secret,
    "secretsmanager PutSecretValue": secret_value,
    "iam CreateRole": role,
    "iam AttachRolePolicy": role_attachment,
    "iam PutRolePolicy": role_policy,
    "rds CreateDBSubnetGroup": subnet_group,
    "rds CreateDBParameterGroup": parameter_group,
    "rds ModifyDBParameterGroup": group_parameters,
    "rds CreateDBClusterParameterGroup": cluster_parameter_group,
    "rds ModifyDBClusterParameterGroup": cluster_group_parameters,
    "rds CreateOptionGroup": option_group,
    "rds ModifyOptionGroup": option_group,
    "rds CreateDBInstance": instance,
    "rds RestoreDBInstanceFromDBSnapshot": instance,
    "rds ModifyDBInstance": instance,
    "rds ModifyDBCluster": cluster,
    "rds CreateDBCluster": cluster,
    "rds RestoreDBClusterFromSnapshot": cluster,
    "ecr CreateRepository": repository,
    "ecr InitiateLayerUpload": seen_elsewhere,
    "ecr UploadLayerPart": seen_elsewhere,
    "ecr CompleteLayerUpload": layer,
    "ecr PutImage": image,
    "route53 CreateHostedZone": zone,
    "route53 ChangeResourceRecordSets": records,
    "acm RequestCertificate": certificate,
    "elbv2 CreateLoadBalancer": balancer,
    "elbv2 CreateTargetGroup": target_group,
    "elbv2 ModifyTargetGroupAttributes": target_group_attributes,
    "elbv2 CreateListener": listener,
    "logs CreateLogGroup": log_group,
    "logs PutRetentionPolicy": log_group,
    "ecs CreateCluster": task_cluster,
    "ecs RegisterTaskDefinition": definition,
    "ecs CreateService": service,
    "ecs RunTask": one_off,
    "application-autoscaling RegisterScalableTarget": scalable,
    "application-autoscaling PutScalingPolicy": scaling_policy,
    "ssm PutParameter": parameter,
    "s3 CreateBucket": bucket,
    "s3 PutObject": s3_object,
    "s3 PutBucketPolicy": bucket_policy,
    "s3 PutBucketWebsite": bucket_website,
    "s3 PutPublicAccessBlock": bucket_block,
}

READS = ("Describe", "Get", "List")


def read_back(world, made):
    for call in made:
        if call.operation.startswith(READS):
            continue
        look = READ.get(call.name)
        if look is None:
            world.that(f"{call.name} is read back", False, "nobody says how")
            continue
        asked, shown = look(lambda service: world.client(service, call.region), call)
        wrong = holds(asked, shown)
        world.that(f"{call.name} shows what was asked", not wrong, wrong)
