"""One refusal of every operation that the services' own checks only see succeed.

The codes and statuses are those of each operation's page in AWS's API reference. An operation without an error of its
own is refused to somebody who may do nothing, with the code of its service's protocol.
"""

import boto3
from botocore.config import Config

from world import ACCOUNT

REGION = "us-west-2"
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
DIGEST = "sha256:" + "0" * 64
BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/none/50dc6c495c0c9188"
LISTENER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener/app/none/50dc6c495c0c9188/f2f7dc8efc522ab2"
RULE = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener-rule/app/none/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee"
TARGETS = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/none/73e2d6bc24d8a067"
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/12345678-1234-1234-1234-123456789012"
GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:none"
TAGS = [{"Key": "k", "Value": "v"}]
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}'
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}'


def checks(world):
    for table in (IAM, KMS, RDS, ECR, SECRETS, SSM, EC2, ELB, ECS, ACM, LOGS, CLOUDWATCH, ROUTE53, OTHERS):
        refused(world, table)
    buckets(world)
    twice(world)
    denied(world)
    sessions(world)


def refused(world, table):
    for service, code, status, calls in table:
        client = world.client(service)
        for method, arguments in calls.items():
            world.refused(f"{service} {method}", code, getattr(client, method), status, **arguments)


def of(*methods, **arguments):
    return {method: arguments for method in methods}


IAM = [
    ("iam", "NoSuchEntity", 404, {
        "add_user_to_group": dict(GroupName="none", UserName="none"),
        "attach_group_policy": dict(GroupName="none", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess"),
        "attach_user_policy": dict(UserName="none", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess"),
        "delete_access_key": dict(UserName="none", AccessKeyId="AKIAIOSFODNN7EXAMPLE"),
        "update_access_key": dict(UserName="none", AccessKeyId="AKIAIOSFODNN7EXAMPLE", Status="Active"),
        "delete_account_alias": dict(AccountAlias="none"),
        "delete_group_policy": dict(GroupName="none", PolicyName="none"),
        "delete_role_policy": dict(RoleName="none", PolicyName="none"),
        "delete_user_policy": dict(UserName="none", PolicyName="none"),
        "delete_role_permissions_boundary": dict(RoleName="none"),
        "delete_user_permissions_boundary": dict(UserName="none"),
        "put_role_permissions_boundary": dict(RoleName="none", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess"),
        "put_user_permissions_boundary": dict(UserName="none", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess"),
        "put_group_policy": dict(GroupName="none", PolicyName="own", PolicyDocument=POLICY),
        "put_user_policy": dict(UserName="none", PolicyName="own", PolicyDocument=POLICY),
        "delete_service_linked_role": dict(RoleName="AWSServiceRoleForNone"),
        "get_service_linked_role_deletion_status": dict(DeletionTaskId="task/aws-service-role/none.amazonaws.com/AWSServiceRoleForNone/0"),
        "get_context_keys_for_principal_policy": dict(PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/none"),
        "get_policy_version": dict(PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/none", VersionId="v1"),
        "set_default_policy_version": dict(PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/none", VersionId="v1"),
        "remove_role_from_instance_profile": dict(InstanceProfileName="none", RoleName="none"),
        "remove_user_from_group": dict(GroupName="none", UserName="none"),
        "tag_instance_profile": dict(InstanceProfileName="none", Tags=TAGS),
        "tag_policy": dict(PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/none", Tags=TAGS),
        "tag_role": dict(RoleName="none", Tags=TAGS),
        "tag_user": dict(UserName="none", Tags=TAGS),
        "untag_instance_profile": dict(InstanceProfileName="none", TagKeys=["k"]),
        "untag_policy": dict(PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/none", TagKeys=["k"]),
        "untag_role": dict(RoleName="none", TagKeys=["k"]),
        "untag_user": dict(UserName="none", TagKeys=["k"]),
        "update_assume_role_policy": dict(RoleName="none", PolicyDocument=TRUST),
        "update_role_description": dict(RoleName="none", Description="x"),
        "update_user": dict(UserName="none", NewUserName="nobody"),
    }),
    ("iam", "ValidationError", 400, of("create_account_alias", AccountAlias="No-Capitals")),
    ("iam", "InvalidInput", 400, of("get_context_keys_for_custom_policy", PolicyInputList=["{"])),
]

KMS = [
    ("kms", "NotFoundException", 400, {
        **of("cancel_key_deletion", "disable_key_rotation", "enable_key", "enable_key_rotation", "get_key_rotation_status", "rotate_key_on_demand", KeyId=KEY),
        "create_grant": dict(KeyId=KEY, GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:root", Operations=["Decrypt"]),
        "delete_alias": dict(AliasName="alias/none"),
        "generate_data_key_without_plaintext": dict(KeyId=KEY, KeySpec="AES_256"),
        "retire_grant": dict(KeyId=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY}", GrantId="0" * 64),
        "untag_resource": dict(KeyId=KEY, TagKeys=["k"]),
        "update_alias": dict(AliasName="alias/none", TargetKeyId=KEY),
        "update_key_description": dict(KeyId=KEY, Description="x"),
        "update_primary_region": dict(KeyId=KEY, PrimaryRegion="eu-west-1"),
    }),
    ("kms", "ValidationException", 400, of("generate_random", NumberOfBytes=2000)),
    ("kms", "InvalidCiphertextException", 400, of("re_encrypt", CiphertextBlob=b"nonsense", DestinationKeyId=KEY)),
]

RDS = [
    ("rds", "DBParameterGroupNotFound", 404, {
        "copy_db_parameter_group": dict(SourceDBParameterGroupIdentifier="none", TargetDBParameterGroupIdentifier="new", TargetDBParameterGroupDescription="x"),
        "copy_db_cluster_parameter_group": dict(
            SourceDBClusterParameterGroupIdentifier="none", TargetDBClusterParameterGroupIdentifier="new", TargetDBClusterParameterGroupDescription="x"),
        "reset_db_parameter_group": dict(DBParameterGroupName="none", ResetAllParameters=True),
        "reset_db_cluster_parameter_group": dict(DBClusterParameterGroupName="none", ResetAllParameters=True),
        "modify_db_cluster_parameter_group": dict(
            DBClusterParameterGroupName="none", Parameters=[{"ParameterName": "autovacuum", "ParameterValue": "0", "ApplyMethod": "immediate"}]),
    }),
    ("rds", "DBSubnetGroupNotFoundFault", 404, {
        "create_db_cluster": dict(
            DBClusterIdentifier="new", Engine="aurora-postgresql", MasterUsername="root1", MasterUserPassword="a-long-password", DBSubnetGroupName="none"),
        "modify_db_subnet_group": dict(DBSubnetGroupName="none", SubnetIds=["subnet-0123456789abcdef0"]),
    }),
    ("rds", "DBClusterNotFoundFault", 404, {
        **of("failover_db_cluster", "modify_db_cluster", "promote_read_replica_db_cluster", "start_db_cluster", "stop_db_cluster", DBClusterIdentifier="none"),
        "create_db_cluster_snapshot": dict(DBClusterIdentifier="none", DBClusterSnapshotIdentifier="new"),
        "restore_db_cluster_to_point_in_time": dict(DBClusterIdentifier="new", SourceDBClusterIdentifier="none", UseLatestRestorableTime=True),
    }),
    ("rds", "DBClusterSnapshotNotFoundFault", 404, {
        **of("delete_db_cluster_snapshot", "describe_db_cluster_snapshot_attributes", DBClusterSnapshotIdentifier="none"),
        "modify_db_cluster_snapshot_attribute": dict(DBClusterSnapshotIdentifier="none", AttributeName="restore", ValuesToAdd=["444455556666"]),
        "restore_db_cluster_from_snapshot": dict(DBClusterIdentifier="new", SnapshotIdentifier="none", Engine="aurora-postgresql"),
    }),
    ("rds", "DBInstanceNotFound", 404, {
        **of("describe_valid_db_instance_modifications", "reboot_db_instance", "start_db_instance", DBInstanceIdentifier="none"),
        "remove_tags_from_resource": dict(ResourceName=f"arn:aws:rds:{REGION}:{ACCOUNT}:db:none", TagKeys=["k"]),
    }),
    ("rds", "DBSnapshotNotFound", 404, of("describe_db_snapshot_attributes", "modify_db_snapshot", DBSnapshotIdentifier="none")),
    ("rds", "DBInstanceAutomatedBackupNotFound", 404, of("delete_db_instance_automated_backup", DbiResourceId="db-NONE")),
    ("rds", "OptionGroupNotFoundFault", 404, of("delete_option_group", OptionGroupName="none")),
    ("rds", "ResourceNotFoundFault", 404, of("enable_http_endpoint", "disable_http_endpoint", ResourceArn=f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:none")),
]

ECR = [
    ("ecr", "RepositoryNotFoundException", 400, {
        **of("delete_lifecycle_policy", "delete_repository_policy", "initiate_layer_upload", repositoryName="none"),
        **of("describe_image_replication_status", "start_image_scan", repositoryName="none", imageId={"imageDigest": DIGEST}),
        **of("batch_get_image", "batch_delete_image", repositoryName="none", imageIds=[{"imageTag": "latest"}]),
        **of("list_tags_for_resource", resourceArn=f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/none"),
        "tag_resource": dict(resourceArn=f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/none", tags=TAGS),
        "untag_resource": dict(resourceArn=f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/none", tagKeys=["k"]),
        "batch_check_layer_availability": dict(repositoryName="none", layerDigests=[DIGEST]),
        "list_image_referrers": dict(repositoryName="none", subjectId={"imageDigest": DIGEST}),
        "put_image_scanning_configuration": dict(repositoryName="none", imageScanningConfiguration={"scanOnPush": True}),
        "put_image_tag_mutability": dict(repositoryName="none", imageTagMutability="IMMUTABLE"),
        "set_repository_policy": dict(repositoryName="none", policyText=POLICY.replace('"Resource":"*"', '"Principal":"*"').replace("s3:GetObject", "ecr:BatchGetImage")),
        "start_lifecycle_policy_preview": dict(repositoryName="none"),
    }),
    ("ecr", "PullThroughCacheRuleNotFoundException", 400, {
        **of("delete_pull_through_cache_rule", "validate_pull_through_cache_rule", ecrRepositoryPrefix="none"),
        "update_pull_through_cache_rule": dict(ecrRepositoryPrefix="none", credentialArn=f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:ecr-pullthroughcache/x-AbCdEf"),
    }),
    ("ecr", "RegistryPolicyNotFoundException", 400, of("delete_registry_policy")),
    ("ecr", "InvalidParameterException", 400, of("put_registry_policy", policyText="{")),
    ("ecr", "TemplateNotFoundException", 400, of("delete_repository_creation_template", "update_repository_creation_template", prefix="none")),
]

SECRETS = [
    ("secretsmanager", "ResourceNotFoundException", 400, {
        **of("cancel_rotate_secret", "delete_resource_policy", "get_resource_policy", "list_secret_version_ids", "restore_secret", SecretId="none"),
        "remove_regions_from_replication": dict(SecretId="none", RemoveReplicaRegions=["eu-west-1"]),
        "tag_resource": dict(SecretId="none", Tags=TAGS),
        "untag_resource": dict(SecretId="none", TagKeys=["k"]),
        "update_secret": dict(SecretId="none", SecretString="x"),
    }),
    ("secretsmanager", "MalformedPolicyDocumentException", 400, of("validate_resource_policy", ResourcePolicy="{")),
    ("secretsmanager", "InvalidParameterException", 400, {
        "batch_get_secret_value": dict(SecretIdList=["a"], Filters=[{"Key": "name", "Values": ["a"]}]),
        # Four kinds of characters do not fit into three.
        "get_random_password": dict(PasswordLength=3, RequireEachIncludedType=True),
    }),
]

SSM = [
    ("ssm", "InvalidResourceId", 400, {
        "add_tags_to_resource": dict(ResourceType="Parameter", ResourceId="/none", Tags=TAGS),
        "remove_tags_from_resource": dict(ResourceType="Parameter", ResourceId="/none", TagKeys=["k"]),
    }),
    ("ssm", "ValidationException", 400, of("get_parameters", "delete_parameters", Names=[f"/n{n}" for n in range(11)])),
    ("ssm", "ParameterNotFound", 400, {
        "label_parameter_version": dict(Name="/none", Labels=["x"]),
        "unlabel_parameter_version": dict(Name="/none", ParameterVersion=1, Labels=["x"]),
    }),
]

VPC, SG, ENI, PEERING = "vpc-0123456789abcdef0", "sg-0123456789abcdef0", "eni-0123456789abcdef0", "pcx-0123456789abcdef0"
ANY = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
EC2 = [
    ("ec2", "InvalidAllocationID.NotFound", 400, {
        "associate_address": dict(AllocationId="eipalloc-0123456789abcdef0", NetworkInterfaceId=ENI),
        "describe_addresses": dict(AllocationIds=["eipalloc-0123456789abcdef0"]),
    }),
    ("ec2", "InvalidVpcID.NotFound", 400, {
        "create_network_acl": dict(VpcId=VPC),
        "create_vpc_peering_connection": dict(VpcId=VPC, PeerVpcId=VPC),
        "describe_vpc_attribute": dict(VpcId=VPC, Attribute="enableDnsSupport"),
    }),
    ("ec2", "InvalidGroup.NotFound", 400, {
        **of("authorize_security_group_egress", "revoke_security_group_egress", "update_security_group_rule_descriptions_egress",
             "update_security_group_rule_descriptions_ingress", GroupId=SG, IpPermissions=ANY),
        "describe_security_group_references": dict(GroupId=[SG]),
        "modify_security_group_rules": dict(GroupId=SG, SecurityGroupRules=[{"SecurityGroupRuleId": "sgr-0123456789abcdef0", "SecurityGroupRule": {"IpProtocol": "-1", "CidrIpv4": "10.0.0.0/8"}}]),
    }),
    ("ec2", "InvalidNetworkInterfaceID.NotFound", 400, {
        "delete_network_interface": dict(NetworkInterfaceId=ENI),
        "describe_network_interface_attribute": dict(NetworkInterfaceId=ENI, Attribute="description"),
        "modify_network_interface_attribute": dict(NetworkInterfaceId=ENI, Description={"Value": "x"}),
    }),
    ("ec2", "InvalidVpcPeeringConnectionID.NotFound", 400, of("delete_vpc_peering_connection", "reject_vpc_peering_connection", VpcPeeringConnectionId=PEERING)),
    ("ec2", "InvalidDhcpOptionID.NotFound", 400, of("associate_dhcp_options", DhcpOptionsId="dopt-0123456789abcdef0", VpcId=VPC)),
    ("ec2", "NatGatewayNotFound", 400, of("delete_nat_gateway", NatGatewayId="nat-0123456789abcdef0")),
    ("ec2", "InvalidNetworkAclID.NotFound", 400, of("delete_network_acl_entry", NetworkAclId="acl-0123456789abcdef0", RuleNumber=100, Egress=False)),
    ("ec2", "InvalidInternetGatewayID.NotFound", 400, of("detach_internet_gateway", InternetGatewayId="igw-0123456789abcdef0", VpcId=VPC)),
    ("ec2", "InvalidVpcCidrBlockAssociationID.NotFound", 400, of("disassociate_vpc_cidr_block", AssociationId="vpc-cidr-assoc-0123456789abcdef0")),
    ("ec2", "InvalidSubnetID.NotFound", 400, of("modify_subnet_attribute", SubnetId="subnet-0123456789abcdef0", MapPublicIpOnLaunch={"Value": True})),
    ("ec2", "InvalidVpcEndpointId.NotFound", 400, of("modify_vpc_endpoint", VpcEndpointId="vpce-0123456789abcdef0")),
    ("ec2", "InvalidAssociationID.NotFound", 400, of("replace_route_table_association", AssociationId="rtbassoc-0123456789abcdef0", RouteTableId="rtb-0123456789abcdef0")),
    ("ec2", "InvalidParameterValue", 400, {
        "describe_regions": dict(RegionNames=["mars-north-1"]),
        "create_dhcp_options": dict(DhcpConfigurations=[{"Key": "no-such-option", "Values": ["x"]}]),
    }),
]

ELB = [
    ("elbv2", "LoadBalancerNotFound", 400, {
        "add_tags": dict(ResourceArns=[BALANCER], Tags=TAGS),
        "remove_tags": dict(ResourceArns=[BALANCER], TagKeys=["k"]),
        "describe_tags": dict(ResourceArns=[BALANCER]),
        "describe_load_balancer_attributes": dict(LoadBalancerArn=BALANCER),
        "set_ip_address_type": dict(LoadBalancerArn=BALANCER, IpAddressType="ipv4"),
        "set_security_groups": dict(LoadBalancerArn=BALANCER, SecurityGroups=[SG]),
        "set_subnets": dict(LoadBalancerArn=BALANCER, Subnets=["subnet-0123456789abcdef0"]),
    }),
    ("elbv2", "ListenerNotFound", 400, {
        "add_listener_certificates": dict(ListenerArn=LISTENER, Certificates=[{"CertificateArn": CERTIFICATE}]),
        "describe_listener_attributes": dict(ListenerArn=LISTENER),
        "modify_listener": dict(ListenerArn=LISTENER, Port=81),
        "modify_listener_attributes": dict(ListenerArn=LISTENER, Attributes=[{"Key": "routing.http.response.server.enabled", "Value": "false"}]),
    }),
    ("elbv2", "TargetGroupNotFound", 400, {
        **of("describe_target_group_attributes", "describe_target_health", TargetGroupArn=TARGETS),
        "deregister_targets": dict(TargetGroupArn=TARGETS, Targets=[{"Id": "10.0.0.1"}]),
        "modify_target_group": dict(TargetGroupArn=TARGETS, HealthCheckPath="/x"),
        "modify_target_group_attributes": dict(TargetGroupArn=TARGETS, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}]),
    }),
    ("elbv2", "RuleNotFound", 400, {
        "modify_rule": dict(RuleArn=RULE, Conditions=[{"Field": "path-pattern", "Values": ["/x"]}]),
        "set_rule_priorities": dict(RulePriorities=[{"RuleArn": RULE, "Priority": 5}]),
    }),
]

SET = dict(cluster="none", service="none")
ECS = [
    ("ecs", "ClusterNotFoundException", 400, {
        "create_task_set": dict(**SET, taskDefinition="none"),
        "delete_task_set": dict(**SET, taskSet="ecs-svc/1234567890123456789"),
        "describe_task_sets": SET,
        "update_service_primary_task_set": dict(**SET, primaryTaskSet="ecs-svc/1234567890123456789"),
        "describe_tasks": dict(cluster="none", tasks=["0123456789abcdef0123456789abcdef"]),
        "update_cluster": dict(cluster="none", settings=[{"name": "containerInsights", "value": "enabled"}]),
        "update_cluster_settings": dict(cluster="none", settings=[{"name": "containerInsights", "value": "enabled"}]),
        "list_service_deployments": SET,
        "untag_resource": dict(resourceArn=f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/none", tagKeys=["k"]),
    }),
    ("ecs", "InvalidParameterException", 400, {
        "delete_account_setting": dict(name="noSuchSetting"),
        "put_account_setting": dict(name="noSuchSetting", value="enabled"),
        "put_account_setting_default": dict(name="noSuchSetting", value="enabled"),
        "delete_task_definitions": dict(taskDefinitions=[f"family:{n}" for n in range(11)]),
    }),
    ("ecs", "ServiceDeploymentNotFoundException", 400, of(
        "stop_service_deployment", serviceDeploymentArn=f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-deployment/none/none/0123456789abcdefghijk")),
]

ACM = [
    ("acm", "ResourceNotFoundException", 400, {
        **of("list_tags_for_certificate", "renew_certificate", CertificateArn=CERTIFICATE),
        "export_certificate": dict(CertificateArn=CERTIFICATE, Passphrase=b"passphrase"),
        "remove_tags_from_certificate": dict(CertificateArn=CERTIFICATE, Tags=TAGS),
        "resend_validation_email": dict(CertificateArn=CERTIFICATE, Domain="example.com", ValidationDomain="example.com"),
        "update_certificate_options": dict(CertificateArn=CERTIFICATE, Options={"CertificateTransparencyLoggingPreference": "DISABLED"}),
    }),
]

LOGS = [
    ("logs", "ResourceNotFoundException", 400, {
        **of("delete_retention_policy", "disassociate_kms_key", "list_tags_log_group", logGroupName="none"),
        "delete_log_stream": dict(logGroupName="none", logStreamName="none"),
        "delete_subscription_filter": dict(logGroupName="none", filterName="none"),
        "delete_query_definition": dict(queryDefinitionId=KEY),
        "put_query_definition": dict(queryDefinitionId=KEY, name="x", queryString="fields @message"),
        "delete_resource_policy": dict(policyName="none"),
        "list_tags_for_resource": dict(resourceArn=GROUP),
        "tag_resource": dict(resourceArn=GROUP, tags={"k": "v"}),
        "untag_resource": dict(resourceArn=GROUP, tagKeys=["k"]),
        "tag_log_group": dict(logGroupName="none", tags={"k": "v"}),
        "untag_log_group": dict(logGroupName="none", tags=["k"]),
        "put_log_group_deletion_protection": dict(logGroupIdentifier="none", deletionProtectionEnabled=True),
        "put_metric_filter": dict(
            logGroupName="none", filterName="x", filterPattern="ERROR", metricTransformations=[{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]),
    }),
    ("logs", "InvalidParameterException", 400, {
        "put_resource_policy": dict(policyName="x", policyDocument="{"),
        "test_metric_filter": dict(filterPattern="{ $.a = ", logEventMessages=["x"]),
    }),
]

ALARM = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:none"
CLOUDWATCH = [
    ("cloudwatch", "ResourceNotFound", 404, {
        "delete_dashboards": dict(DashboardNames=["none"]),
        "set_alarm_state": dict(AlarmName="none", StateValue="OK", StateReason="x"),
    }),
    ("cloudwatch", "ResourceNotFoundException", 404, {
        "list_tags_for_resource": dict(ResourceARN=ALARM),
        "tag_resource": dict(ResourceARN=ALARM, Tags=TAGS),
        "untag_resource": dict(ResourceARN=ALARM, TagKeys=["k"]),
    }),
    ("cloudwatch", "InvalidParameterInput", 400, of("put_dashboard", DashboardName="x", DashboardBody="{")),
]

ZONE = dict(HostedZoneId="Z00000000000NONE")
ROUTE53 = [
    ("route53", "NoSuchHealthCheck", 404, {
        **of("delete_health_check", "get_health_check_last_failure_reason", "get_health_check_status", HealthCheckId=KEY),
        "change_tags_for_resource": dict(ResourceType="healthcheck", ResourceId=KEY, AddTags=TAGS),
        "list_tags_for_resource": dict(ResourceType="healthcheck", ResourceId=KEY),
        "list_tags_for_resources": dict(ResourceType="healthcheck", ResourceIds=[KEY]),
    }),
    ("route53", "NoSuchHostedZone", 404, {
        **of("create_vpc_association_authorization", "delete_vpc_association_authorization", **ZONE, VPC={"VPCRegion": REGION, "VPCId": VPC}),
        "get_hosted_zone_limit": dict(**ZONE, Type="MAX_RRSETS_BY_ZONE"),
        "test_dns_answer": dict(**ZONE, RecordName="a.example.com", RecordType="A"),
        "update_hosted_zone_comment": dict(Id="Z00000000000NONE", Comment="x"),
        "update_hosted_zone_features": dict(**ZONE, EnableAcceleratedRecovery=True),
    }),
]

QUOTA = f"arn:aws:servicequotas:{REGION}:{ACCOUNT}:vpc/L-00000000"
OTHERS = [
    ("application-autoscaling", "ResourceNotFoundException", 400, {
        "tag_resource": dict(ResourceARN=f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/none", Tags={"k": "v"}),
        "untag_resource": dict(ResourceARN=f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/none", TagKeys=["k"]),
    }),
    ("service-quotas", "NoSuchResourceException", 400, {
        "get_aws_default_service_quota": dict(ServiceCode="vpc", QuotaCode="L-00000000"),
        "get_requested_service_quota_change": dict(RequestId="0" * 32),
        "list_tags_for_resource": dict(ResourceARN=QUOTA),
        "tag_resource": dict(ResourceARN=QUOTA, Tags=TAGS),
        "untag_resource": dict(ResourceARN=QUOTA, TagKeys=["k"]),
    }),
]


def buckets(world):
    """Everything that a bucket can be asked, of one that is not there."""
    s3 = world.client("s3")
    on_bucket = [
        "delete_bucket_cors", "delete_bucket_encryption", "delete_bucket_lifecycle", "delete_bucket_ownership_controls", "delete_bucket_replication",
        "delete_bucket_tagging", "delete_public_access_block", "get_bucket_accelerate_configuration", "get_bucket_acl", "get_bucket_encryption",
        "get_bucket_location", "get_bucket_notification_configuration", "get_bucket_policy_status", "get_bucket_versioning",
        "get_object_lock_configuration", "list_multipart_uploads", "list_object_versions", "list_objects",
    ]
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "x"}, "Expiration": {"Days": 1}}
    calls = {
        **{method: {} for method in on_bucket},
        **{method: {"Key": "k"} for method in ("create_multipart_upload", "delete_object_tagging", "get_object_acl", "get_object_tagging")},
        "abort_multipart_upload": dict(Key="k", UploadId="x"),
        "upload_part": dict(Key="k", UploadId="x", PartNumber=1, Body=b"x"),
        "upload_part_copy": dict(Key="k", UploadId="x", PartNumber=1, CopySource="nobodys-bucket/k"),
        "delete_objects": dict(Delete={"Objects": [{"Key": "k"}]}),
        "get_object_attributes": dict(Key="k", ObjectAttributes=["ETag"]),
        "put_object_acl": dict(Key="k", ACL="private"),
        "put_object_tagging": dict(Key="k", Tagging={"TagSet": TAGS}),
        "put_bucket_tagging": dict(Tagging={"TagSet": TAGS}),
        "put_bucket_accelerate_configuration": dict(AccelerateConfiguration={"Status": "Enabled"}),
        "put_bucket_cors": dict(CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}),
        "put_bucket_encryption": dict(ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}),
        "put_bucket_lifecycle_configuration": dict(LifecycleConfiguration={"Rules": [rule]}),
        "put_bucket_notification_configuration": dict(NotificationConfiguration={}),
        "put_bucket_versioning": dict(VersioningConfiguration={"Status": "Enabled"}),
        "put_object_lock_configuration": dict(ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}),
        "put_public_access_block": dict(PublicAccessBlockConfiguration={"BlockPublicAcls": True}),
    }
    for method, arguments in calls.items():
        world.refused(f"s3 {method}", "NoSuchBucket", getattr(s3, method), 404, Bucket="nobodys-bucket", **arguments)


def twice(world):
    """What may be made once."""
    for service, method, code, status, arguments in (
        ("iam", "create_group", "EntityAlreadyExists", 409, dict(GroupName="once")),
        ("iam", "create_user", "EntityAlreadyExists", 409, dict(UserName="once")),
        ("iam", "create_instance_profile", "EntityAlreadyExists", 409, dict(InstanceProfileName="once")),
        ("rds", "create_db_cluster_parameter_group", "DBParameterGroupAlreadyExists", 400,
         dict(DBClusterParameterGroupName="once", DBParameterGroupFamily="aurora-postgresql15", Description="x")),
        ("ec2", "create_default_vpc", "DefaultVpcAlreadyExists", 400, {}),
    ):
        make = getattr(world.client(service), method)
        make(**arguments)
        world.refused(f"{service} {method} twice", code, make, status, **arguments)
    route53 = world.client("route53")
    route53.create_cidr_collection(Name="once", CallerReference="1")
    world.refused("a collection's name twice", "CidrCollectionAlreadyExistsException", route53.create_cidr_collection, 400, Name="once", CallerReference="2")


DENIED = [
    ("sts", "get_access_key_info", dict(AccessKeyId="AKIAIOSFODNN7EXAMPLE")),
    ("iam", "get_access_key_last_used", dict(AccessKeyId="AKIAIOSFODNN7EXAMPLE")),
    ("iam", "get_account_summary", {}),
    ("iam", "list_open_id_connect_providers", {}),
    ("rds", "describe_account_attributes", {}),
    ("rds", "describe_event_categories", {}),
    ("ecr", "batch_get_repository_scanning_configuration", dict(repositoryNames=["none"])),
    ("ecr", "describe_registry", {}),
    ("ecr", "get_account_setting", dict(name="BASIC_SCAN_TYPE_VERSION")),
    ("ecr", "put_account_setting", dict(name="BASIC_SCAN_TYPE_VERSION", value="AWS_NATIVE")),
    ("ecr", "get_authorization_token", {}),
    ("ecr", "get_registry_scanning_configuration", {}),
    ("ecr", "put_registry_scanning_configuration", dict(scanType="BASIC", rules=[])),
    ("ec2", "create_flow_logs", dict(ResourceIds=[VPC], ResourceType="VPC", TrafficType="ALL", LogGroupName="none")),
    ("ec2", "create_internet_gateway", {}),
    ("ec2", "delete_flow_logs", dict(FlowLogIds=["fl-0123456789abcdef0"])),
    ("ec2", "delete_tags", dict(Resources=[VPC], Tags=TAGS)),
    ("ec2", "delete_vpc_endpoints", dict(VpcEndpointIds=["vpce-0123456789abcdef0"])),
    ("ec2", "describe_account_attributes", {}),
    ("ecs", "describe_capacity_providers", {}),
    ("ecs", "describe_clusters", {}),
    ("ecs", "describe_service_deployments", dict(serviceDeploymentArns=[f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-deployment/none/none/0123456789abcdefghijk"])),
    ("ecs", "describe_service_revisions", dict(serviceRevisionArns=[f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-revision/none/none/1234567890123456789"])),
    ("acm", "get_account_configuration", {}),
    ("acm", "put_account_configuration", dict(IdempotencyToken="x", ExpiryEvents={"DaysBeforeExpiry": 10})),
    ("logs", "describe_query_definitions", {}),
    ("logs", "list_log_groups", {}),
    ("cloudwatch", "describe_alarms_for_metric", dict(MetricName="m", Namespace="n")),
    ("cloudwatch", "disable_alarm_actions", dict(AlarmNames=["none"])),
    ("cloudwatch", "enable_alarm_actions", dict(AlarmNames=["none"])),
    ("route53", "get_account_limit", dict(Type="MAX_HOSTED_ZONES_BY_OWNER")),
    ("route53", "get_checker_ip_ranges", {}),
    ("route53", "get_health_check_count", {}),
    ("route53", "get_hosted_zone_count", {}),
    ("route53", "list_hosted_zones_by_name", {}),
    ("route53", "list_hosted_zones_by_vpc", dict(VPCId=VPC, VPCRegion=REGION)),
    ("route53", "list_traffic_policies", {}),
    ("resourcegroupstaggingapi", "tag_resources", dict(ResourceARNList=[f"arn:aws:rds:{REGION}:{ACCOUNT}:db:none"], Tags={"k": "v"})),
    ("resourcegroupstaggingapi", "untag_resources", dict(ResourceARNList=[f"arn:aws:rds:{REGION}:{ACCOUNT}:db:none"], TagKeys=["k"])),
]
# The code and the status of a refusal differ by protocol.
QUERY, JSON = ("AccessDenied", 403), ("AccessDeniedException", 400)
NOT_ALLOWED = {"sts": QUERY, "iam": QUERY, "rds": QUERY, "cloudwatch": QUERY, "route53": QUERY, "ec2": ("UnauthorizedOperation", 403)}


def client_of(world, service, key, secret, token=None):
    return boto3.client(
        service, region_name=REGION, endpoint_url=world.endpoint, aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
        config=Config(retries={"max_attempts": 1, "mode": "standard"}),
    )


def denied(world):
    iam = world.client("iam")
    iam.create_user(UserName="powerless")
    key = iam.create_access_key(UserName="powerless")["AccessKey"]
    for service, method, arguments in DENIED:
        code, status = NOT_ALLOWED.get(service, JSON)
        client = client_of(world, service, key["AccessKeyId"], key["SecretAccessKey"])
        world.refused(f"{service} {method} by somebody without permissions", code, getattr(client, method), status, **arguments)


def sessions(world):
    """A user's own session, which may not ask for another."""
    iam = world.client("iam")
    iam.create_user(UserName="mobile")
    key = iam.create_access_key(UserName="mobile")["AccessKey"]
    given = client_of(world, "sts", key["AccessKeyId"], key["SecretAccessKey"]).get_session_token(DurationSeconds=900)["Credentials"]
    session = client_of(world, "sts", given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    world.same("who a session is", session.get_caller_identity()["Arn"], f"arn:aws:iam::{ACCOUNT}:user/mobile")
    world.refused("a session's session", "AccessDenied", session.get_session_token, 403)
