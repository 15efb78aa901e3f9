"""What the other checks leave out: operations that nobody else sees succeed, each looked at afterwards where it can be."""

import json

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
TAG = [{"Key": "k", "Value": "v"}]


def checks(world):
    identities(world)
    keys(world)
    images(world)
    logs_and_metrics(world)
    buckets(world)
    names(world)
    clusters(world)
    tasks(world)


def identities(world):
    iam, sts = world.client("iam"), world.client("sts")
    iam.create_user(UserName="odd")
    iam.create_group(GroupName="odd")
    iam.create_role(RoleName="odd", AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName="odd")
    arn = iam.create_policy(PolicyName="odd", PolicyDocument=POLICY)["Policy"]["Arn"]
    key = iam.create_access_key(UserName="odd")["AccessKey"]["AccessKeyId"]
    world.same("a key's account", sts.get_access_key_info(AccessKeyId=key)["Account"], "111122223333")
    iam.update_access_key(UserName="odd", AccessKeyId=key, Status="Inactive")
    world.same("a key is switched off", iam.list_access_keys(UserName="odd")["AccessKeyMetadata"][0]["Status"], "Inactive")
    world.same("a key's last use", iam.get_access_key_last_used(AccessKeyId=key)["UserName"], "odd")
    for put, get, delete, who in (
        (iam.put_group_policy, iam.get_group_policy, iam.delete_group_policy, {"GroupName": "odd"}),
        (iam.put_user_policy, iam.get_user_policy, iam.delete_user_policy, {"UserName": "odd"}),
        (iam.put_role_policy, iam.get_role_policy, iam.delete_role_policy, {"RoleName": "odd"}),
    ):
        put(PolicyName="own", PolicyDocument=POLICY, **who)
        world.same("a policy of its own", get(PolicyName="own", **who)["PolicyDocument"], json.loads(POLICY))
        delete(PolicyName="own", **who)
        world.refused("once it is deleted", "NoSuchEntity", get, 404, PolicyName="own", **who)
    for attach, detach, who in (
        (iam.attach_group_policy, iam.detach_group_policy, {"GroupName": "odd"}), (iam.attach_user_policy, iam.detach_user_policy, {"UserName": "odd"}),
    ):
        attach(PolicyArn=arn, **who)
        world.same("attached", iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"], 1)
        detach(PolicyArn=arn, **who)
        world.refused("detached twice", "NoSuchEntity", detach, 404, PolicyArn=arn, **who)
    iam.put_role_permissions_boundary(RoleName="odd", PermissionsBoundary=arn)
    world.same("a role's boundary", iam.get_role(RoleName="odd")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"], arn)
    iam.delete_role_permissions_boundary(RoleName="odd")
    world.that("is taken away", "PermissionsBoundary" not in iam.get_role(RoleName="odd")["Role"])
    iam.put_user_permissions_boundary(UserName="odd", PermissionsBoundary=arn)
    iam.delete_user_permissions_boundary(UserName="odd")
    world.that("a user's boundary is taken away", "PermissionsBoundary" not in iam.get_user(UserName="odd")["User"])
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=POLICY)["PolicyVersion"]["VersionId"]
    iam.set_default_policy_version(PolicyArn=arn, VersionId=version)
    world.same("the version that holds", iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"], version)
    for tag, untag, tags, who in (
        (iam.tag_role, iam.untag_role, iam.list_role_tags, {"RoleName": "odd"}), (iam.tag_user, iam.untag_user, iam.list_user_tags, {"UserName": "odd"}),
        (iam.tag_policy, iam.untag_policy, iam.list_policy_tags, {"PolicyArn": arn}),
        (iam.tag_instance_profile, iam.untag_instance_profile, iam.list_instance_profile_tags, {"InstanceProfileName": "odd"}),
    ):
        tag(Tags=TAG, **who)
        world.same("tagged", tags(**who)["Tags"], TAG)
        untag(TagKeys=["k"], **who)
        world.same("and not any more", tags(**who)["Tags"], [])
    iam.update_role_description(RoleName="odd", Description="new")
    world.same("described", iam.get_role(RoleName="odd")["Role"]["Description"], "new")
    iam.update_user(UserName="odd", NewUserName="even")
    world.refused("renamed", "NoSuchEntity", iam.get_user, 404, UserName="odd")
    iam.create_account_alias(AccountAlias="odd-alias")
    iam.delete_account_alias(AccountAlias="odd-alias")
    world.same("the account's alias is gone", iam.list_account_aliases()["AccountAliases"], [])
    found = iam.get_context_keys_for_custom_policy(PolicyInputList=[POLICY.replace('"*"}', '"*", "Condition": {"StringEquals": {"aws:PrincipalTag/a": "b"}}}')])
    world.same("keys of a condition", found["ContextKeyNames"], ["aws:PrincipalTag/a"])


def keys(world):
    kms, secrets, ssm = (world.client(s) for s in ("kms", "secretsmanager", "ssm"))
    id = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=id)
    kms.disable_key_rotation(KeyId=id)
    world.same("rotation is off", kms.get_key_rotation_status(KeyId=id)["KeyRotationEnabled"], False)
    kms.rotate_key_on_demand(KeyId=id)
    tags = [{"TagKey": "k", "TagValue": "v"}]
    kms.tag_resource(KeyId=id, Tags=tags)
    world.same("a key's tags", kms.list_resource_tags(KeyId=id)["Tags"], tags)
    kms.untag_resource(KeyId=id, TagKeys=["k"])
    world.same("taken away", kms.list_resource_tags(KeyId=id)["Tags"], [])
    secrets.create_secret(Name="odd", SecretString="x")
    world.same("a policy that is sound", secrets.validate_resource_policy(ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}))["PolicyValidationPassed"], True)
    ssm.put_parameter(Name="/odd", Type="String", Value="1")
    ssm.label_parameter_version(Name="/odd", ParameterVersion=1, Labels=["good"])
    world.same("a label is taken off", ssm.unlabel_parameter_version(Name="/odd", ParameterVersion=1, Labels=["good"])["RemovedLabels"], ["good"])


def images(world):
    ecr = world.client("ecr")
    ecr.create_repository(repositoryName="odd")
    text = json.dumps({"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}, "action": {"type": "expire"}}]})
    ecr.put_lifecycle_policy(repositoryName="odd", lifecyclePolicyText=text)
    world.same("a lifecycle policy", json.loads(ecr.get_lifecycle_policy(repositoryName="odd")["lifecyclePolicyText"]), json.loads(text))
    ecr.delete_lifecycle_policy(repositoryName="odd")
    world.refused("is deleted", "LifecyclePolicyNotFoundException", ecr.get_lifecycle_policy, 400, repositoryName="odd")
    ecr.put_image_scanning_configuration(repositoryName="odd", imageScanningConfiguration={"scanOnPush": True})
    found = ecr.batch_get_repository_scanning_configuration(repositoryNames=["odd"])["scanningConfigurations"][0]
    world.same("scanned when pushed", found["scanOnPush"], True)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "r", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
                                                              "Action": "ecr:ReplicateImage", "Resource": "arn:aws:ecr:us-west-2:111122223333:repository/*"}]})
    ecr.put_registry_policy(policyText=policy)
    world.same("the registry's policy", json.loads(ecr.get_registry_policy()["policyText"]), json.loads(policy))
    ecr.delete_registry_policy()
    world.refused("is deleted", "RegistryPolicyNotFoundException", ecr.get_registry_policy, 400)
    world.same("an account's setting", ecr.get_account_setting(name="BASIC_SCAN_TYPE_VERSION")["name"], "BASIC_SCAN_TYPE_VERSION")


def logs_and_metrics(world):
    logs, cloudwatch = world.client("logs"), world.client("cloudwatch")
    key = world.client("kms").create_key()["KeyMetadata"]["Arn"]
    logs.create_log_group(logGroupName="/odd")
    logs.associate_kms_key(logGroupName="/odd", kmsKeyId=key)
    world.same("a group's key", logs.describe_log_groups(logGroupNamePrefix="/odd")["logGroups"][0].get("kmsKeyId"), key)
    logs.disassociate_kms_key(logGroupName="/odd")
    world.that("taken away", "kmsKeyId" not in logs.describe_log_groups(logGroupNamePrefix="/odd")["logGroups"][0])
    logs.tag_log_group(logGroupName="/odd", tags={"k": "v"})
    world.same("a group's tags", logs.list_tags_log_group(logGroupName="/odd")["tags"], {"k": "v"})
    logs.untag_log_group(logGroupName="/odd", tags=["k"])
    world.same("none", logs.list_tags_log_group(logGroupName="/odd")["tags"], {})
    id = logs.put_query_definition(name="odd", queryString="fields @message")["queryDefinitionId"]
    world.same("a stored query", [q["name"] for q in logs.describe_query_definitions()["queryDefinitions"]], ["odd"])
    world.same("is deleted", logs.delete_query_definition(queryDefinitionId=id)["success"], True)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "route53.amazonaws.com"},
                                                              "Action": "logs:PutLogEvents", "Resource": "*"}]})
    logs.put_resource_policy(policyName="odd", policyDocument=policy)
    logs.delete_resource_policy(policyName="odd")
    world.same("no policy is left", logs.describe_resource_policies()["resourcePolicies"], [])
    cloudwatch.put_dashboard(DashboardName="odd", DashboardBody='{"widgets":[]}')
    world.same("a dashboard", json.loads(cloudwatch.get_dashboard(DashboardName="odd")["DashboardBody"]), {"widgets": []})
    cloudwatch.put_metric_alarm(AlarmName="odd", MetricName="m", Namespace="odd", Period=60, EvaluationPeriods=1, Threshold=1,
                                ComparisonOperator="GreaterThanThreshold", Statistic="Sum", ActionsEnabled=False)
    cloudwatch.enable_alarm_actions(AlarmNames=["odd"])
    alarm = cloudwatch.describe_alarms(AlarmNames=["odd"])["MetricAlarms"][0]
    world.same("an alarm may act", alarm["ActionsEnabled"], True)
    cloudwatch.tag_resource(ResourceARN=alarm["AlarmArn"], Tags=TAG)
    world.same("its tags", cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"], TAG)
    cloudwatch.untag_resource(ResourceARN=alarm["AlarmArn"], TagKeys=["k"])
    world.same("none", cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"], [])


def buckets(world):
    s3 = world.client("s3")
    s3.create_bucket(Bucket="odd-bucket", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    on = {"Bucket": "odd-bucket"}
    rule = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
    s3.put_bucket_encryption(ServerSideEncryptionConfiguration=rule, **on)
    seen = lambda: s3.get_bucket_encryption(**on)["ServerSideEncryptionConfiguration"]["Rules"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
    world.same("encrypted by KMS", seen(), "aws:kms")
    s3.delete_bucket_encryption(**on)
    world.same("and as S3 does by itself", seen(), "AES256")
    s3.put_bucket_cors(CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}, **on)
    s3.delete_bucket_cors(**on)
    world.refused("no CORS rules", "NoSuchCORSConfiguration", s3.get_bucket_cors, 404, **on)
    s3.put_bucket_lifecycle_configuration(LifecycleConfiguration={"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "x"}, "Expiration": {"Days": 1}}]}, **on)
    s3.delete_bucket_lifecycle(**on)
    world.refused("no lifecycle rules", "NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, 404, **on)
    s3.delete_bucket_ownership_controls(**on)
    world.refused("no ownership controls", "OwnershipControlsNotFoundError", s3.get_bucket_ownership_controls, 404, **on)
    s3.put_bucket_accelerate_configuration(AccelerateConfiguration={"Status": "Enabled"}, **on)
    world.same("accelerated", s3.get_bucket_accelerate_configuration(**on).get("Status"), "Enabled")
    s3.put_bucket_notification_configuration(NotificationConfiguration={"EventBridgeConfiguration": {}}, **on)
    world.same("events go out", s3.get_bucket_notification_configuration(**on).get("EventBridgeConfiguration"), {})
    s3.put_object(Key="k", Body=b"k", **on)
    s3.put_object_tagging(Key="k", Tagging={"TagSet": TAG}, **on)
    s3.delete_object_tagging(Key="k", **on)
    world.same("an object's tags are gone", s3.get_object_tagging(Key="k", **on)["TagSet"], [])
    world.same("an object's owner", s3.get_object_acl(Key="k", **on)["Grants"][0]["Permission"], "FULL_CONTROL")
    world.refused("no replication", "ReplicationConfigurationNotFoundError", s3.get_bucket_replication, 404, **on)
    s3.delete_bucket_replication(**on)


def names(world):
    route53, acm = world.client("route53", "us-east-1"), world.client("acm")
    id = route53.create_health_check(CallerReference="odd", HealthCheckConfig={"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 80})["HealthCheck"]["Id"]
    world.same("a health check", route53.get_health_check(HealthCheckId=id)["HealthCheck"]["HealthCheckConfig"]["Port"], 80)
    world.wait(120)
    world.that("why it failed", len(route53.get_health_check_last_failure_reason(HealthCheckId=id)["HealthCheckObservations"]) > 0)
    world.same("a limit", route53.get_account_limit(Type="MAX_HOSTED_ZONES_BY_OWNER")["Limit"]["Value"], 500)
    world.same("tags of many", [t["ResourceId"] for t in route53.list_tags_for_resources(ResourceType="healthcheck", ResourceIds=[id])["ResourceTagSets"]], [id])
    collection = route53.create_cidr_collection(Name="odd", CallerReference="odd")["Collection"]["Id"]
    route53.delete_cidr_collection(Id=collection)
    world.same("no collection is left", route53.list_cidr_collections()["CidrCollections"], [])
    acm.put_account_configuration(ExpiryEvents={"DaysBeforeExpiry": 10}, IdempotencyToken="odd")
    world.same("when certificates are announced", acm.get_account_configuration()["ExpiryEvents"]["DaysBeforeExpiry"], 10)


def clusters(world):
    rds = world.client("rds")
    rds.create_db_parameter_group(DBParameterGroupName="odd", DBParameterGroupFamily="postgres15", Description="odd")
    rds.modify_db_parameter_group(DBParameterGroupName="odd", Parameters=[{"ParameterName": "autovacuum", "ParameterValue": "0", "ApplyMethod": "immediate"}])
    rds.copy_db_parameter_group(SourceDBParameterGroupIdentifier="odd", TargetDBParameterGroupIdentifier="odd-2", TargetDBParameterGroupDescription="odd")
    own = lambda name: [p["ParameterName"] for p in rds.describe_db_parameters(DBParameterGroupName=name, Source="user")["Parameters"]]
    world.same("a copy has its settings", own("odd-2"), ["autovacuum"])
    rds.reset_db_parameter_group(DBParameterGroupName="odd-2", ResetAllParameters=True)
    world.same("until it is reset", own("odd-2"), [])
    rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="odd", DBParameterGroupFamily="aurora-postgresql15", Description="odd")
    rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="odd", Parameters=[{"ParameterName": "autovacuum", "ParameterValue": "0", "ApplyMethod": "immediate"}])
    rds.copy_db_cluster_parameter_group(SourceDBClusterParameterGroupIdentifier="odd", TargetDBClusterParameterGroupIdentifier="odd-2", TargetDBClusterParameterGroupDescription="odd")
    rds.reset_db_cluster_parameter_group(DBClusterParameterGroupName="odd-2", ResetAllParameters=True)
    own = rds.describe_db_cluster_parameters(DBClusterParameterGroupName="odd-2", Source="user")["Parameters"]
    world.same("a cluster's group too", own, [])
    rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName="odd-2")
    world.refused("and is deleted", "DBParameterGroupNotFound", rds.delete_db_cluster_parameter_group, 404, DBClusterParameterGroupName="odd-2")


def tasks(world):
    ecs = world.client("ecs")
    ecs.create_cluster(clusterName="odd")
    ecs.update_cluster_settings(cluster="odd", settings=[{"name": "containerInsights", "value": "enabled"}])
    seen = lambda: ecs.describe_clusters(clusters=["odd"], include=["SETTINGS"])["clusters"][0]
    world.same("insights are on", seen()["settings"], [{"name": "containerInsights", "value": "enabled"}])
    ecs.update_cluster(cluster="odd", settings=[{"name": "containerInsights", "value": "disabled"}])
    world.same("and off", seen()["settings"], [{"name": "containerInsights", "value": "disabled"}])
    strategy = [{"capacityProvider": "FARGATE", "weight": 1, "base": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 3, "base": 0}]
    ecs.put_cluster_capacity_providers(cluster="odd", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=strategy)
    world.same("its strategy", seen()["defaultCapacityProviderStrategy"], strategy)
    world.refused("two bases", "InvalidParameterException", ecs.put_cluster_capacity_providers, 400, cluster="odd", capacityProviders=["FARGATE", "FARGATE_SPOT"],
                  defaultCapacityProviderStrategy=[{**s, "base": 1} for s in strategy])
    ecs.put_account_setting_default(name="containerInsights", value="enabled")
    found = ecs.list_account_settings(name="containerInsights", effectiveSettings=True)["settings"]
    world.same("the account's default", found[0]["value"], "enabled")
