"""Every paginator that botocore knows, for every operation that is simulated: the least page that AWS allows gives the same
list as one page, and a token that is none of its own is refused. Driven by botocore's paginator models.
"""

import pathlib
import sys

import boto3
import botocore.session
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

from world import ACCESS_KEY, SECRET_KEY

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tests" / "peers" / "stack"))

from play import play  # noqa: E402

SERVICES = [
    "iam", "kms", "rds", "ecr", "secretsmanager", "ssm", "ec2", "elbv2", "ecs", "application-autoscaling", "acm", "logs",
    "cloudwatch", "route53", "s3", "service-quotas", "resourcegroupstaggingapi",
]
# The least that AWS allows where that is more than one, from the API references.
LEAST = {"rds": 20, "ec2": 5}
# Operations whose pages are not compared one item at a time, with the reason.
WHOLE = {
    ("cloudwatch", "GetMetricData"): "its limit counts datapoints over all queries; all come in one answer here",
    ("s3", "ListDirectoryBuckets"): "directory buckets have hosts of their own: at S3's own host this is ListBuckets",
    ("rds", "DescribeDBLogFiles"): "a server's log grows between two looks",
}
# Tokens that are names or markers of the caller's own choosing: AWS takes any.
NATURAL = {
    ("route53", "ListResourceRecordSets"): "a record name to begin with",
    ("s3", "ListDirectoryBuckets"): "ListBuckets has another token",
    ("s3", "ListObjects"): "a key to begin after",
    ("s3", "ListMultipartUploads"): "a key to begin after",
    ("s3", "ListObjectVersions"): "a key to begin after",
    ("s3", "ListParts"): "a part number to begin after",
}


def lax(world, service):
    """A client that sends whatever it is told to."""
    return boto3.client(
        service, region_name="us-west-2", endpoint_url=world.endpoint, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
        config=Config(retries={"max_attempts": 1, "mode": "standard"}, parameter_validation=False, s3={"addressing_style": "path"}),
    )


def furnish(world):
    """Something of everything, more than one page where that is cheap."""
    kept = {}
    for name in ("techchallenge", "vikunja"):
        stack = yaml.safe_load((ROOT / "src" / "sandbox" / "stacks" / f"{name}.yaml").read_text())
        kept[name], _ = play(world, stack)
    tech, vikunja = kept["techchallenge"], kept["vikunja"]
    iam, kms, rds, ecr = (world.client(s) for s in ("iam", "kms", "rds", "ecr"))
    document = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}'
    tags = [{"Key": k, "Value": k} for k in "abc"]
    for n in range(3):
        iam.create_user(UserName=f"user-{n}", Tags=tags)
        iam.create_group(GroupName=f"group-{n}")
        iam.create_instance_profile(InstanceProfileName=f"profile-{n}", Tags=tags)
        arn = iam.create_policy(PolicyName=f"policy-{n}", PolicyDocument=document, Tags=tags)["Policy"]["Arn"]
        iam.add_user_to_group(UserName="user-0", GroupName=f"group-{n}")
        for put, who in ((iam.attach_user_policy, {"UserName": "user-0"}), (iam.attach_group_policy, {"GroupName": "group-0"}),
                         (iam.attach_role_policy, {"RoleName": "vikunja-execution"})):
            put(PolicyArn=arn, **who)
        iam.put_user_policy(UserName="user-0", PolicyName=f"own-{n}", PolicyDocument=document)
        iam.put_group_policy(GroupName="group-0", PolicyName=f"own-{n}", PolicyDocument=document)
        iam.put_role_policy(RoleName="vikunja-execution", PolicyName=f"own-{n}", PolicyDocument=document)
        kms.create_alias(AliasName=f"alias/more-{n}", TargetKeyId=tech["key_id"])
        kms.create_grant(KeyId=tech["key_id"], GranteePrincipal=tech["task_role"], Operations=["Decrypt"], Name=f"grant-{n}")
        ecr.create_repository(repositoryName=f"more-{n}")
        world.client("secretsmanager").create_secret(Name=f"more-{n}", SecretString="x")
        world.client("secretsmanager").put_secret_value(SecretId="more-0", SecretString=f"x{n}", VersionStages=[f"stage-{n}"])
        world.client("ssm").put_parameter(Name="/vikunja/history", Value=str(n), Type="String", Overwrite=True)
        world.client("ecs").create_cluster(clusterName=f"more-{n}")
        world.client("ecs").put_account_setting(name=("serviceLongArnFormat", "taskLongArnFormat", "containerInsights")[n], value="enabled")
        world.client("acm").request_certificate(DomainName=f"w{n}.example.com", ValidationMethod="DNS")
        logs = world.client("logs")
        logs.create_log_group(logGroupName=f"/more/{n}")
        logs.create_log_stream(logGroupName="/more/0", logStreamName=f"stream-{n}")
        logs.put_metric_filter(logGroupName="/more/0", filterName=f"filter-{n}", filterPattern="ERROR",
                               metricTransformations=[{"metricName": f"m{n}", "metricNamespace": "more", "metricValue": "1"}])
        logs.put_log_events(logGroupName="/more/0", logStreamName="stream-0", logEvents=[
            {"timestamp": int(world.control("clock")["unix"] * 1000), "message": f"line {n}"}])
        cloudwatch = world.client("cloudwatch")
        cloudwatch.put_dashboard(DashboardName=f"board-{n}", DashboardBody='{"widgets":[]}')
        cloudwatch.put_metric_alarm(AlarmName=f"alarm-{n}", MetricName="m0", Namespace="more", Period=60, EvaluationPeriods=1, Threshold=1,
                                    ComparisonOperator="GreaterThanThreshold", Statistic="Sum")
        cloudwatch.put_metric_data(Namespace="more", MetricData=[{"MetricName": f"m{n}", "Value": 1}])
        route53 = world.client("route53")
        zone = route53.create_hosted_zone(Name=f"z{n}.example.com", CallerReference=str(n))["HostedZone"]["Id"]
        route53.create_health_check(CallerReference=str(n), HealthCheckConfig={"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 80})
        route53.create_cidr_collection(Name=f"cidrs-{n}", CallerReference=str(n))
        s3 = world.client("s3")
        s3.create_multipart_upload(Bucket="vikunja-artefacts-111122223333", Key=f"parts-{n}")
        rds.create_db_cluster_snapshot(DBClusterIdentifier="techchallenge-db", DBClusterSnapshotIdentifier=f"snap-{n}")
        world.wait(1200)
    collection = route53.list_cidr_collections()["CidrCollections"][0]["Id"]
    route53.change_cidr_collection(Id=collection, Changes=[
        {"LocationName": f"place-{n}", "Action": "PUT", "CidrList": [f"10.{n}.0.0/24", f"10.{n}.1.0/24"]} for n in range(3)])
    upload = s3.create_multipart_upload(Bucket="vikunja-artefacts-111122223333", Key="in-parts")["UploadId"]
    for n in range(3):
        s3.upload_part(Bucket="vikunja-artefacts-111122223333", Key="in-parts", UploadId=upload, PartNumber=n + 1, Body=b"x" * 10)
    s3.put_bucket_versioning(Bucket="vikunja-frontend-111122223333", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="vikunja-frontend-111122223333", Key="config.js", Body=b"again")
    for n in range(1, 3):
        iam.add_user_to_group(UserName=f"user-{n}", GroupName="group-0")
        iam.create_access_key(UserName="user-0")
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document)
    for n in range(24):
        rds.create_db_parameter_group(DBParameterGroupName=f"more-{n:02}", DBParameterGroupFamily="postgres15", Description="x")
        rds.create_db_cluster_parameter_group(DBClusterParameterGroupName=f"more-{n:02}", DBParameterGroupFamily="aurora-mysql8.0", Description="x")
    rds.create_db_snapshot(DBInstanceIdentifier="vikunja-db", DBSnapshotIdentifier="more")
    ec2 = world.client("ec2")
    for n in range(7):
        ec2.create_security_group(GroupName=f"more-{n}", Description="x", VpcId=vikunja["vpc"])
        ec2.create_route_table(VpcId=vikunja["vpc"])
        ec2.create_network_acl(VpcId=vikunja["vpc"])
        ec2.create_subnet(VpcId=vikunja["vpc"], CidrBlock=f"10.60.{10 + n}.0/24")
        ec2.create_network_interface(SubnetId=vikunja["service_a"])
    elbv2 = world.client("elbv2")
    for n in range(3):
        elbv2.create_target_group(Name=f"more-{n}", Protocol="HTTP", Port=80, VpcId=vikunja["vpc"], TargetType="ip")
        elbv2.create_rule(ListenerArn=tech["listener"], Priority=10 + n, Conditions=[{"Field": "path-pattern", "Values": [f"/{n}"]}],
                          Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}])
    autoscaling = world.client("application-autoscaling")
    for n in range(3):
        autoscaling.put_scheduled_action(ServiceNamespace="ecs", ResourceId="service/vikunja/api", ScalableDimension="ecs:service:DesiredCount",
                                         ScheduledActionName=f"night-{n}", Schedule="cron(0 3 * * ? *)", ScalableTargetAction={"MinCapacity": 1})
    ecr.start_image_scan(repositoryName="vikunja-api", imageId={"imageTag": "latest"})
    ecr.start_lifecycle_policy_preview(repositoryName="vikunja-api", lifecyclePolicyText='{"rules":[{"rulePriority":1,"selection":'
                                       '{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}')
    world.wait(600)
    # One of AWS's own.
    prefix = ec2.describe_managed_prefix_lists()["PrefixLists"][0]["PrefixListId"]
    return {
        "vpc": vikunja["vpc"], "policy": arn, "key": tech["key_id"], "zone": zone, "collection": collection, "listener": tech["listener"], "balancer": tech["balancer"],
        "group": tech["target_group"], "upload": upload, "prefix": prefix, "service": "app", "cluster": "techchallenge",
    }


def arguments(had):
    """What operations need to be told: by service and operation, else by service and member."""
    return {
        ("iam", "UserName"): "user-0", ("iam", "GroupName"): "group-0", ("iam", "RoleName"): "vikunja-execution", ("iam", "PolicyArn"): had["policy"],
        ("iam", "PolicySourceArn"): "arn:aws:iam::111122223333:role/vikunja-execution", ("iam", "ActionNames"): ["s3:ListAllMyBuckets", "s3:GetObject", "ec2:RunInstances"],
        ("iam", "PolicyInputList"): ['{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'],
        ("iam", "InstanceProfileName"): "profile-0",
        ("kms", "KeyId"): had["key"], ("kms", "RetiringPrincipal"): "arn:aws:iam::111122223333:role/vikunja-execution",
        ("rds", "DBParameterGroupName"): "more-00", ("rds", "DBClusterParameterGroupName"): "techchallenge-pg15", ("rds", "DBInstanceIdentifier"): "vikunja-db",
        ("rds", "DBParameterGroupFamily"): "postgres15", ("rds", "EngineName"): "mysql", ("rds", "Engine"): "postgres", ("rds", "LogFileName"): "error/mysql-error.log",
        ("ecr", "repositoryName"): "vikunja-api", ("ecr", "imageId"): {"imageTag": "latest"},
        ("secretsmanager", "SecretId"): "more-0",
        ("ssm", "Name"): "/vikunja/history", ("ssm", "Path"): "/vikunja/",
        ("ec2", "PrefixListId"): had["prefix"],
        ("elbv2", "LoadBalancerArn"): had["balancer"], ("elbv2", "ListenerArn"): had["listener"], ("elbv2", "TargetGroupArn"): had["group"],
        # Not simulated, which is said once the request is complete.
        ("iam", "OpenIDConnectProviderArn"): "arn:aws:iam::111122223333:oidc-provider/example.com", ("iam", "ServerCertificateName"): "none",
        ("rds", "DBClusterIdentifier"): "techchallenge-db", ("ecs", "namespace"): "none",
        ("ecs", "targetType"): "container-instance", ("ec2", "VpcId"): had["vpc"],
        ("cloudwatch", "MetricDataQueries"): [{"Id": f"q{n}", "MetricStat": {"Metric": {"Namespace": "more", "MetricName": f"m{n}"}, "Period": 60, "Stat": "Sum"}} for n in range(3)],
        ("cloudwatch", "StartTime"): 1_800_000_000, ("cloudwatch", "EndTime"): 1_800_000_000 + 86_400,
        ("ecs", "cluster"): had["cluster"], ("ecs", "service"): had["service"],
        ("application-autoscaling", "ServiceNamespace"): "ecs",
        ("logs", "logGroupName"): "/more/0", ("logs", "logStreamName"): "stream-0",
        ("route53", "HostedZoneId"): had["zone"], ("route53", "CollectionId"): had["collection"], ("route53", "VPCId"): "vpc-1", ("route53", "VPCRegion"): "us-west-2",
        ("s3", "Bucket"): "vikunja-frontend-111122223333", ("s3", "Key"): "in-parts", ("s3", "UploadId"): had["upload"],
        ("s3", "ListParts", "Bucket"): "vikunja-artefacts-111122223333", ("s3", "ListMultipartUploads", "Bucket"): "vikunja-artefacts-111122223333",
        ("service-quotas", "ServiceCode"): "vpc", ("service-quotas", "QuotaCode"): "L-F678F1CE",
        ("resourcegroupstaggingapi", "Key"): "app",
        # Not required, but without them there is nothing to list or AWS wants one of them.
        ("elbv2", "DescribeListeners", "LoadBalancerArn"): had["balancer"], ("elbv2", "DescribeRules", "ListenerArn"): had["listener"],
        ("ecs", "ListServices", "cluster"): had["cluster"], ("ecs", "ListTasks", "cluster"): had["cluster"],
        ("logs", "GetLogEvents", "logGroupName"): "/more/0",
    }


# Optional members that are given all the same.
ALSO = {
    ("elbv2", "DescribeListeners"): ["LoadBalancerArn"], ("elbv2", "DescribeRules"): ["ListenerArn"],
    ("ecs", "ListServices"): ["cluster"], ("ecs", "ListTasks"): ["cluster"], ("ecs", "ListContainerInstances"): ["cluster"], ("ecs", "ListAttributes"): ["cluster"], ("iam", "ListAccessKeys"): ["UserName"],
    ("logs", "FilterLogEvents"): ["logGroupName"], ("logs", "DescribeLogStreams"): ["logGroupName"], ("logs", "DescribeMetricFilters"): ["logGroupName"],
}


def checks(world):
    had = furnish(world)
    known = arguments(had)
    loader = botocore.session.get_session().get_component("data_loader")
    seen, several, single = 0, 0, []
    for service in SERVICES:
        client = lax(world, service)
        model = client.meta.service_model
        for operation, page in sorted(loader.load_service_model(service, "paginators-1")["pagination"].items()):
            asked, missing = asked_for(service, operation, model.operation_model(operation), known)
            verdict = one(world, client, service, operation, page, asked)
            if verdict is None:
                continue
            world.that(f"{service} {operation}: nobody says with which {missing}", not missing)
            seen += 1
            several += verdict > 1
            if verdict <= 1:
                single.append(f"{service} {operation}")
    world.that("most paginators really turn a page", several >= 75, f"{several} of {seen}; not: {', '.join(single)}")
    print(f"  {seen} paginators of simulated operations, {several} of them over several pages; of one page only: {', '.join(single)}")


def asked_for(service, operation, model, known):
    asked, missing = {}, []
    shape = model.input_shape
    wanted = list(shape.required_members) if shape else []
    for member in wanted + ALSO.get((service, operation), []):
        value = known.get((service, operation, member), known.get((service, member)))
        if value is None:
            missing.append(member)
        else:
            asked[member] = value
    return asked, missing


def listed(value):
    return value if isinstance(value, list) else [] if value is None else [value]


def lists(page, answers):
    """All that the pages list, by result key: lists are joined, the rest is the last."""
    import jmespath

    keys = page["result_key"] if isinstance(page["result_key"], list) else [page["result_key"]]
    out = {}
    for key in keys:
        found = [jmespath.search(key, answer) for answer in answers]
        out[key] = [item for part in found for item in listed(part)] if any(isinstance(f, list) for f in found) else None
    return out


def one(world, client, service, operation, page, asked):
    """How many pages it had; `None` if the operation is not simulated."""
    what = f"{service} {operation}"
    method = next(m for m, op in client.meta.method_to_api_mapping.items() if op == operation)
    paginator = client.get_paginator(method)
    try:
        whole = list(paginator.paginate(**asked))
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 501:
            return None
        world.that(f"{what} is listed", False, str(error))
        return 0
    pages = 1
    if "limit_key" in page and (service, operation) not in WHOLE:
        limit = client.meta.service_model.operation_model(operation).input_shape.members[page["limit_key"]]
        least = max(LEAST.get(service, 1), limit.metadata.get("min", 1))
        size = least if limit.type_name != "string" else str(least)
        try:
            paged = list(paginator.paginate(**asked, PaginationConfig={"PageSize": size}))
        except ClientError as error:
            world.that(f"{what}, {least} at a time", False, str(error))
            return 0
        pages = len(paged)
        world.same(f"{what}, {least} at a time", lists(page, paged), lists(page, whole))
        longest = max((len(v) for v in lists(page, whole).values() if v is not None), default=0)
        world.that(f"{what}: {longest} are not one page of {least}", pages > 1 or longest <= least)
        if pages > 1 and least == 1:
            sizes = {len(v) for answer in paged for v in [lists(page, [answer])] for v in v.values() if v is not None}
            world.that(f"{what}: no page is larger than asked", max(sizes, default=0) <= 1, sizes)
    tokens = page["input_token"] if isinstance(page["input_token"], list) else [page["input_token"]]
    if (service, operation) not in NATURAL:
        try:
            getattr(client, method)(**asked, **{tokens[0]: "bm90LWEtdG9rZW4"})
            world.that(f"{what}: a token that is none of its own is refused", False, "taken")
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            code = error.response["Error"]["Code"]
            world.that(f"{what}: a token that is none of its own is refused", status in (400, 404), (status, code))
            FOUND.setdefault(service, {}).setdefault(code, []).append(operation)
    return pages


# The code that refused a strange token, by service: what AWS's references name.
FOUND = {}
