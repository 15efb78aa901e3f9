"""Operations that the stacks seldom need: each done once, and looked at afterwards where something shows it."""

import json

from world import ACCOUNT

REGION = "us-west-2"
TAGS = [{"Key": "k", "Value": "v"}]
ANY = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


def checks(world):
    networks(world)
    balancers(world)
    clusters(world)
    sets(world)
    snapshots(world)
    registries(world)
    buckets(world)
    names(world)
    certificates(world)
    small(world)


def home(world, count=3):
    """One network for all that need one: an account has five."""
    ec2 = world.client("ec2")
    found = ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.6.0.0/16"]}])["Vpcs"]
    if found:
        vpc = found[0]["VpcId"]
    else:
        vpc = ec2.create_vpc(CidrBlock="10.6.0.0/16")["Vpc"]["VpcId"]
        ec2.attach_internet_gateway(InternetGatewayId=ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"], VpcId=vpc)
        for n, zone in enumerate("abc"):
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.6.{n}.0/24", AvailabilityZone=REGION + zone)
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    return vpc, sorted(s["SubnetId"] for s in subnets)[:count]


def networks(world):
    ec2 = world.client("ec2")
    world.same("the default network", ec2.create_default_vpc()["Vpc"]["IsDefault"], True)
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    other = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    gateways = []
    for _ in range(2):
        gateways.append(ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"])
    ec2.attach_internet_gateway(InternetGatewayId=gateways[0], VpcId=vpc)
    peering = lambda: ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    ec2.reject_vpc_peering_connection(VpcPeeringConnectionId=(first := peering()))
    seen = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[first])["VpcPeeringConnections"][0]
    world.same("a peering that is rejected", seen["Status"]["Code"], "rejected")
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=(link := peering()))
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    routes = lambda: {r["DestinationCidrBlock"]: r.get("GatewayId") or r.get("VpcPeeringConnectionId") for r in ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]}
    to = {"RouteTableId": table, "DestinationCidrBlock": "10.8.0.0/16"}
    ec2.create_route(GatewayId=gateways[0], **to)
    ec2.replace_route(VpcPeeringConnectionId=link, **to)
    world.same("a route that is replaced", routes()["10.8.0.0/16"], link)
    ec2.delete_route(**to)
    world.same("and deleted", routes(), {"10.9.0.0/16": "local"})
    world.refused("twice", "InvalidRoute.NotFound", ec2.delete_route, 400, **to)
    group = ec2.create_security_group(GroupName="seldom", Description="x", VpcId=vpc)["GroupId"]
    ec2.update_security_group_rule_descriptions_egress(GroupId=group, IpPermissions=[{**ANY[0], "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all"}]}])
    out = lambda: ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
    world.same("a rule's description", out()[0]["IpRanges"][0]["Description"], "all")
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=ANY)
    world.same("no way out", out(), [])
    far = ec2.create_security_group(GroupName="far", Description="x", VpcId=other)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=far, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": group, "UserId": ACCOUNT}]}])
    seen = ec2.describe_security_group_references(GroupId=[group])["SecurityGroupReferenceSet"]
    world.same("who names a group from across a peering", [(r["GroupId"], r["ReferencingVpcId"], r["VpcPeeringConnectionId"]) for r in seen], [(group, other, link)])
    door = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.s3")["VpcEndpoint"]["VpcEndpointId"]
    ec2.modify_vpc_endpoint(VpcEndpointId=door, AddRouteTableIds=[table])
    world.same("an endpoint's tables", ec2.describe_vpc_endpoints(VpcEndpointIds=[door])["VpcEndpoints"][0]["RouteTableIds"], [table])


def balancers(world):
    elb, (_, subnets) = world.client("elbv2"), home(world, 2)
    arn = elb.create_load_balancer(Name="seldom", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    elb.get_waiter("load_balancer_available").wait(LoadBalancerArns=[arn])
    world.same("addresses of one kind", elb.set_ip_address_type(LoadBalancerArn=arn, IpAddressType="ipv4")["IpAddressType"], "ipv4")
    fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}]
    listener = elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=fixed)["Listeners"][0]["ListenerArn"]
    elb.modify_listener_attributes(ListenerArn=listener, Attributes=[{"Key": "routing.http.response.server.enabled", "Value": "false"}])
    seen = {a["Key"]: a["Value"] for a in elb.describe_listener_attributes(ListenerArn=listener)["Attributes"]}
    world.same("a listener's attribute", seen["routing.http.response.server.enabled"], "false")


def clusters(world):
    """An Aurora cluster: changed, stopped and started, as it was at another time, its Data API switched."""
    rds, (_, subnets) = world.client("rds"), home(world)
    rds.create_db_subnet_group(DBSubnetGroupName="seldom", DBSubnetGroupDescription="x", SubnetIds=subnets[:2])
    group = rds.modify_db_subnet_group(DBSubnetGroupName="seldom", SubnetIds=subnets)["DBSubnetGroup"]
    world.same("a subnet more", {s["SubnetIdentifier"] for s in group["Subnets"]}, set(subnets))
    at = {"DBClusterIdentifier": "seldom"}
    arn = rds.create_db_cluster(
        Engine="aurora-postgresql", MasterUsername="keeper", MasterUserPassword="a-long-password", DBSubnetGroupName="seldom",
        ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 2}, **at)["DBCluster"]["DBClusterArn"]
    rds.get_waiter("db_cluster_available").wait(**at)
    rds.create_db_instance(DBInstanceIdentifier="seldom-1", DBInstanceClass="db.serverless", Engine="aurora-postgresql", **at)
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="seldom-1")
    shown = lambda: rds.describe_db_clusters(**at)["DBClusters"][0]
    rds.modify_db_cluster(BackupRetentionPeriod=5, ApplyImmediately=True, **at)
    rds.get_waiter("db_cluster_available").wait(**at)
    world.same("backups are kept longer", shown()["BackupRetentionPeriod"], 5)
    world.same("the Data API is switched on", rds.enable_http_endpoint(ResourceArn=arn)["HttpEndpointEnabled"], True)
    world.same("and shown", shown()["HttpEndpointEnabled"], True)
    world.same("and off", rds.disable_http_endpoint(ResourceArn=arn)["HttpEndpointEnabled"], False)
    world.refused("a cluster that is no replica", "InvalidDBClusterStateFault", rds.promote_read_replica_db_cluster, 400, **at)
    rds.create_db_cluster_snapshot(DBClusterSnapshotIdentifier="seldom", **at)
    rds.get_waiter("db_cluster_snapshot_available").wait(DBClusterSnapshotIdentifier="seldom")
    named = {"DBClusterSnapshotIdentifier": "seldom"}
    rds.modify_db_cluster_snapshot_attribute(AttributeName="restore", ValuesToAdd=["444455556666"], **named)
    seen = rds.describe_db_cluster_snapshot_attributes(**named)["DBClusterSnapshotAttributesResult"]["DBClusterSnapshotAttributes"]
    world.same("who may restore it", seen, [{"AttributeName": "restore", "AttributeValues": ["444455556666"]}])
    world.wait(900)
    back = {"DBClusterIdentifier": "seldom-then"}
    rds.restore_db_cluster_to_point_in_time(SourceDBClusterIdentifier="seldom", UseLatestRestorableTime=True, DBSubnetGroupName="seldom", **back)
    rds.get_waiter("db_cluster_available").wait(**back)
    world.same("the cluster as it was", rds.describe_db_clusters(**back)["DBClusters"][0]["Engine"], "aurora-postgresql")
    world.same("it is stopping", rds.stop_db_cluster(**at)["DBCluster"]["Status"], "stopping")
    world.wait(1800)
    world.same("it has stopped", shown()["Status"], "stopped")
    world.refused("twice", "InvalidDBClusterStateFault", rds.stop_db_cluster, 400, **at)
    rds.start_db_cluster(**at)
    rds.get_waiter("db_cluster_available").wait(**at)
    world.same("and runs again", shown()["Status"], "available")


def sets(world):
    """Task sets: two of a service that somebody else deploys."""
    ecs, (_, (subnet,)) = world.client("ecs"), home(world, 1)
    ecs.create_cluster(clusterName="seldom")
    ecs.register_task_definition(
        family="seldom", networkMode="awsvpc", cpu="256", memory="512", requiresCompatibilities=["FARGATE"],
        containerDefinitions=[{"name": "a", "image": "public.ecr.aws/nginx/nginx:latest", "essential": True}])
    at = dict(cluster="seldom", service="seldom")
    ecs.create_service(cluster="seldom", serviceName="seldom", desiredCount=1, deploymentController={"type": "EXTERNAL"})
    new = lambda: ecs.create_task_set(
        taskDefinition="seldom:1", launchType="FARGATE", scale={"value": 50, "unit": "PERCENT"}, networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet]}}, **at)["taskSet"]["taskSetArn"]
    blue, green = new(), new()
    shown = lambda: {s["taskSetArn"]: s for s in ecs.describe_task_sets(**at)["taskSets"]}
    ecs.update_service_primary_task_set(primaryTaskSet=green, **at)
    world.same("the set that counts", {arn: s["status"] for arn, s in shown().items()}, {blue: "ACTIVE", green: "PRIMARY"})
    ecs.update_task_set(taskSet=blue, scale={"value": 100, "unit": "PERCENT"}, **at)
    world.same("its scale", shown()[blue]["scale"]["value"], 100)
    ecs.delete_task_set(taskSet=blue, force=True, **at)
    world.wait(300)
    world.that("is deleted", blue not in shown(), shown())
    # A deployment under way: the service's first has nothing to go back to.
    where = {"awsvpcConfiguration": {"subnets": [subnet]}}
    ecs.create_service(cluster="seldom", serviceName="slow", taskDefinition="seldom:1", desiredCount=1, launchType="FARGATE", networkConfiguration=where)
    world.wait(30)
    first = ecs.list_service_deployments(cluster="seldom", service="slow")["serviceDeployments"][0]
    world.same("a deployment under way", first["status"], "IN_PROGRESS")
    world.refused("going back to nothing", "InvalidParameterException", ecs.stop_service_deployment, 400, serviceDeploymentArn=first["serviceDeploymentArn"], stopType="ROLLBACK")


def snapshots(world):
    rds, named = world.client("rds"), {"DBSnapshotIdentifier": "seldom"}
    rds.create_db_instance(DBInstanceIdentifier="plain", DBInstanceClass="db.t4g.medium", Engine="postgres", EngineVersion="15.7", AllocatedStorage=20,
                           MasterUsername="keeper", MasterUserPassword="a-long-password", DBSubnetGroupName="seldom")
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="plain")
    offers = rds.describe_valid_db_instance_modifications(DBInstanceIdentifier="plain")["ValidDBInstanceModificationsMessage"]
    world.that("storage that it may have", "gp3" in {s["StorageType"] for s in offers["Storage"]}, offers)
    rds.create_db_snapshot(DBInstanceIdentifier="plain", **named)
    rds.get_waiter("db_snapshot_available").wait(**named)
    seen = rds.describe_db_snapshot_attributes(**named)["DBSnapshotAttributesResult"]
    world.same("a snapshot is nobody else's", [a for a in seen["DBSnapshotAttributes"] if a["AttributeName"] == "restore"], [{"AttributeName": "restore", "AttributeValues": []}])
    world.same("a snapshot of another version", rds.modify_db_snapshot(EngineVersion="15.8", **named)["DBSnapshot"]["DBSnapshotIdentifier"], "seldom")
    kinds = {c["SourceType"]: c["EventCategories"] for c in rds.describe_event_categories()["EventCategoriesMapList"]}
    world.that("events of instances", {"availability", "backup", "failover"} <= set(kinds["db-instance"]), kinds)


def registries(world):
    ecr = world.client("ecr")
    ecr.create_repository(repositoryName="seldom")
    world.same("who refers to an image", ecr.list_image_referrers(repositoryName="seldom", subjectId={"imageDigest": "sha256:" + "0" * 64})["referrers"], [])
    rules = [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}]
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=rules)
    world.same("what is scanned", ecr.get_registry_scanning_configuration()["scanningConfiguration"], {"scanType": "BASIC", "rules": rules})
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="mirror", upstreamRegistryUrl="public.ecr.aws")
    world.same("a cache that can be used", ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="mirror")["isValid"], True)
    secret = world.client("secretsmanager").create_secret(Name="ecr-pullthroughcache/hub", SecretString='{"username":"u","accessToken":"t"}')["ARN"]
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="hub", upstreamRegistryUrl="registry-1.docker.io", credentialArn=secret)
    other = world.client("secretsmanager").create_secret(Name="ecr-pullthroughcache/hub2", SecretString='{"username":"u","accessToken":"t"}')["ARN"]
    world.same("another credential", ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="hub", credentialArn=other)["credentialArn"], other)
    ecr.create_repository_creation_template(prefix="seldom", appliedFor=["REPLICATION"], description="old")
    ecr.update_repository_creation_template(prefix="seldom", description="new")
    world.same("a template", ecr.describe_repository_creation_templates(prefixes=["seldom"])["repositoryCreationTemplates"][0]["description"], "new")


def buckets(world):
    s3 = world.client("s3")
    s3.create_bucket(Bucket="seldom-locked", ObjectLockEnabledForBucket=True, CreateBucketConfiguration={"LocationConstraint": REGION})
    rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    s3.put_object_lock_configuration(Bucket="seldom-locked", ObjectLockConfiguration=rule)
    world.same("what is locked, and how long", s3.get_object_lock_configuration(Bucket="seldom-locked")["ObjectLockConfiguration"], rule)
    on = {"Bucket": "seldom-plain"}
    s3.create_bucket(CreateBucketConfiguration={"LocationConstraint": REGION}, **on)
    world.refused("a bucket without locks", "ObjectLockConfigurationNotFoundError", s3.get_object_lock_configuration, 404, **on)
    # ACLs are off in a new bucket: only the one that changes nothing is taken.
    s3.put_bucket_acl(ACL="private", **on)
    world.refused("an ACL where they are off", "AccessControlListNotSupported", s3.put_bucket_acl, 400, ACL="public-read", **on)
    s3.put_bucket_ownership_controls(OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}, **on)
    world.same("whose the objects are", s3.get_bucket_ownership_controls(**on)["OwnershipControls"]["Rules"], [{"ObjectOwnership": "BucketOwnerPreferred"}])
    s3.put_object(Key="k", Body=b"k", **on)
    s3.put_object_acl(Key="k", ACL="private", **on)
    world.same("an object's owner", [g["Permission"] for g in s3.get_object_acl(Key="k", **on)["Grants"]], ["FULL_CONTROL"])
    s3.put_bucket_website(WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}}, **on)
    s3.delete_bucket_website(**on)
    world.refused("no website", "NoSuchWebsiteConfiguration", s3.get_bucket_website, 404, **on)
    world.that("nothing is logged", "LoggingEnabled" not in s3.get_bucket_logging(**on))
    s3.put_bucket_logging(BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "seldom-plain", "TargetPrefix": "log/"}}, **on)
    world.same("where it is logged", s3.get_bucket_logging(**on)["LoggingEnabled"]["TargetPrefix"], "log/")
    world.same("who pays", s3.get_bucket_request_payment(**on)["Payer"], "BucketOwner")
    s3.put_bucket_request_payment(RequestPaymentConfiguration={"Payer": "Requester"}, **on)
    world.same("whoever asks", s3.get_bucket_request_payment(**on)["Payer"], "Requester")
    for method, arguments in (
        ("get_bucket_logging", {}), ("put_bucket_logging", dict(BucketLoggingStatus={})), ("get_bucket_request_payment", {}),
        ("put_bucket_request_payment", dict(RequestPaymentConfiguration={"Payer": "Requester"})),
        ("put_bucket_ownership_controls", dict(OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]})),
        ("put_bucket_website", dict(WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})), ("delete_bucket_website", {}), ("delete_bucket_policy", {}),
    ):
        world.refused(f"nobody's bucket: {method}", "NoSuchBucket", getattr(s3, method), 404, Bucket="nobodys-bucket", **arguments)
    for name in ("seldom-from", "seldom-to"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = world.client("iam").create_role(RoleName="copier", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    rules = {"Role": role, "Rules": [{"ID": "all", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": ""}, "DeleteMarkerReplication": {"Status": "Disabled"},
                                      "Destination": {"Bucket": "arn:aws:s3:::seldom-to"}}]}
    s3.put_bucket_replication(Bucket="seldom-from", ReplicationConfiguration=rules)
    world.same("what is replicated", s3.get_bucket_replication(Bucket="seldom-from")["ReplicationConfiguration"], rules)


def names(world):
    route53, ec2 = world.client("route53"), world.client("ec2")
    vpc = {"VPCRegion": REGION, "VPCId": home(world)[0]}
    zone = route53.create_hosted_zone(Name="seldom.internal", CallerReference="1", VPC=vpc)["HostedZone"]["Id"].rsplit("/", 1)[-1]
    other = {"VPCRegion": REGION, "VPCId": ec2.create_vpc(CidrBlock="10.4.0.0/16")["Vpc"]["VpcId"]}
    route53.create_vpc_association_authorization(HostedZoneId=zone, VPC=other)
    seen = lambda: route53.list_vpc_association_authorizations(HostedZoneId=zone)["VPCs"]
    world.same("who may join a zone", seen(), [other])
    route53.delete_vpc_association_authorization(HostedZoneId=zone, VPC=other)
    world.same("nobody any more", seen(), [])
    public = route53.create_hosted_zone(Name="seldom.example.org", CallerReference="2")["HostedZone"]["Id"].rsplit("/", 1)[-1]
    route53.update_hosted_zone_features(HostedZoneId=public, EnableAcceleratedRecovery=True)
    world.that("a zone that is there in another region too", route53.get_hosted_zone(Id=public)["HostedZone"].get("Features"))
    world.that("where checks come from", all("/" in block for block in route53.get_checker_ip_ranges()["CheckerIpRanges"]))
    world.same("no traffic policies", route53.list_traffic_policies()["TrafficPolicySummaries"], [])


def certificates(world):
    acm = world.client("acm")
    arn = acm.request_certificate(DomainName="seldom.example.com", ValidationMethod="EMAIL")["CertificateArn"]
    world.wait(30)
    acm.resend_validation_email(CertificateArn=arn, Domain="seldom.example.com", ValidationDomain="example.com")
    asked = acm.request_certificate(DomainName="seldom.example.net", ValidationMethod="DNS")["CertificateArn"]
    world.refused("mail for a name that DNS proves", "InvalidStateException", acm.resend_validation_email, 400, CertificateArn=asked, Domain="seldom.example.net", ValidationDomain="example.net")
    acm.update_certificate_options(CertificateArn=asked, Options={"CertificateTransparencyLoggingPreference": "DISABLED"})
    world.same("a certificate that is not published", acm.describe_certificate(CertificateArn=asked)["Certificate"]["Options"]["CertificateTransparencyLoggingPreference"], "DISABLED")


def small(world):
    logs, secrets, iam, quotas = (world.client(s) for s in ("logs", "secretsmanager", "iam", "service-quotas"))
    world.same("no identity providers", iam.list_open_id_connect_providers()["OpenIDConnectProviderList"], [])
    logs.create_log_group(logGroupName="/seldom")
    world.same("groups by their pattern", [g["logGroupName"] for g in logs.list_log_groups(logGroupNamePattern="seldom")["logGroups"]], ["/seldom"])
    logs.put_log_group_deletion_protection(logGroupIdentifier="/seldom", deletionProtectionEnabled=True)
    world.refused("a group that is protected", "ValidationException", logs.delete_log_group, 400, logGroupName="/seldom")
    logs.put_log_group_deletion_protection(logGroupIdentifier="/seldom", deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="/seldom")
    logs.create_log_group(logGroupName="/seldom-out")
    to = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:x"
    logs.put_subscription_filter(logGroupName="/seldom-out", filterName="f", filterPattern="", destinationArn=to)
    logs.delete_subscription_filter(logGroupName="/seldom-out", filterName="f")
    world.same("nobody listens any more", logs.describe_subscription_filters(logGroupName="/seldom-out")["subscriptionFilters"], [])
    secrets.create_secret(Name="seldom", SecretString="x")
    secrets.rotate_secret(SecretId="seldom", RotationLambdaARN=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:rotate", RotationRules={"AutomaticallyAfterDays": 30}, RotateImmediately=False)
    seen = secrets.describe_secret(SecretId="seldom")
    world.same("how it rotates", (seen["RotationEnabled"], seen["RotationRules"]["AutomaticallyAfterDays"]), (True, 30))
    secrets.cancel_rotate_secret(SecretId="seldom")
    world.same("not any more", secrets.describe_secret(SecretId="seldom").get("RotationEnabled", False), False)
    asked = quotas.request_service_quota_increase(ServiceCode="vpc", QuotaCode="L-F678F1CE", DesiredValue=20)["RequestedQuota"]
    world.same("what was asked for", quotas.get_requested_service_quota_change(RequestId=asked["Id"])["RequestedQuota"]["DesiredValue"], 20)
    arn = f"arn:aws:servicequotas:{REGION}:{ACCOUNT}:vpc/L-F678F1CE"
    quotas.tag_resource(ResourceARN=arn, Tags=TAGS)
    world.same("a quota's tags", quotas.list_tags_for_resource(ResourceARN=arn)["Tags"], TAGS)
    quotas.untag_resource(ResourceARN=arn, TagKeys=["k"])
    world.same("none", quotas.list_tags_for_resource(ResourceARN=arn)["Tags"], [])
