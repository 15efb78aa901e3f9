"""What moto holds, asked by boto3 and by skopeo: before, after, and field by field."""

import hashlib
import json

SOURCE, TARGET = "us-west-2", "eu-west-1"


class Checks:
    def __init__(self):
        self.passed, self.failures = 0, []

    def that(self, what, holds, seen=None):
        if holds:
            self.passed += 1
        else:
            self.failures.append(what if seen is None else f"{what}: {seen!r}")

    def same(self, what, seen, expected):
        self.that(what, seen == expected, f"{seen!r}, expected {expected!r}")


# Service, operation, member of the answer, what names an item.
LISTS = [
    ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    ("ec2", "describe_subnets", "Subnets", "SubnetId"),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ("ec2", "describe_nat_gateways", "NatGateways", "NatGatewayId"),
    ("ec2", "describe_addresses", "Addresses", "AllocationId"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("rds", "describe_db_instances", "DBInstances", "DBInstanceIdentifier"),
    ("rds", "describe_db_snapshots", "DBSnapshots", "DBSnapshotIdentifier"),
    ("rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName"),
    ("rds", "describe_db_parameter_groups", "DBParameterGroups", "DBParameterGroupName"),
    ("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),
    ("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn"),
    ("acm", "list_certificates", "CertificateSummaryList", "CertificateArn"),
    ("secretsmanager", "list_secrets", "SecretList", "ARN"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("ecr", "describe_repositories", "repositories", "repositoryName"),
    ("kms", "list_aliases", "Aliases", "AliasName"),
]
# What passes by itself, or is another thing's shadow.
VOLATILE = {"ResponseMetadata", "storedBytes", "LastAccessedDate", "LastChangedDate", "LatestRestorableTime", "events", "updatedAt", "createdAt", "id"}


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in sorted(value.items()) if k not in VOLATILE}
    if isinstance(value, list):
        return sorted((plain(v) for v in value), key=lambda v: json.dumps(v, sort_keys=True, default=str))
    return value


def everything(world, regions):
    """Every resource that is there, by region, kind and name."""
    aws, found = world.moto, {}
    for gap in ("rds-option-groups", "ec2-task-addresses", "elb-forward-forms", "scaling-suspended-form"):
        world.gaps.met(gap)
    for region in regions:
        for service, operation, member, name in LISTS:
            answer = getattr(aws.client(service, region), operation)()
            for item in answer[member]:
                # Deleted NAT gateways are listed for an hour.
                if item.get("State") == "deleted":
                    continue
                item.pop("AvailableIpAddressCount", None)
                found[f"{region} {operation} {item.get(name)}"] = plain(item)
        elb = aws.client("elbv2", region)
        for balancer in elb.describe_load_balancers()["LoadBalancers"]:
            for listener in elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
                listener["DefaultActions"] = [one_form(action) for action in listener["DefaultActions"]]
                found[f"{region} listener {listener['ListenerArn']}"] = plain(listener)
        for group in elb.describe_target_groups()["TargetGroups"]:
            health = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
            found[f"{region} targets {group['TargetGroupArn']}"] = plain([h for h in health if h["TargetHealth"]["State"] == "healthy"])
        ecs = aws.client("ecs", region)
        for cluster in active(ecs):
            found[f"{region} cluster {cluster}"] = True
            names = ecs.list_services(cluster=cluster)["serviceArns"]
            for service in ecs.describe_services(cluster=cluster, services=names)["services"] if names else []:
                wanted = {k: service[k] for k in ("desiredCount", "taskDefinition", "networkConfiguration", "loadBalancers", "status")}
                found[f"{region} service {service['serviceArn']}"] = plain(wanted)
        scaling = aws.client("application-autoscaling", region)
        for item in scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]:
            if not any(item.get("SuspendedState", {}).values()):
                item.pop("SuspendedState", None)
            found[f"{region} scalable target {item['ResourceId']}"] = plain({k: v for k, v in item.items() if k != "CreationTime"})
        for item in scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]:
            found[f"{region} scaling policy {item['PolicyName']}"] = plain({k: v for k, v in item.items() if k not in ("CreationTime", "Alarms")})
        for definition in ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"]:
            found[f"{region} task definition {definition}"] = True
    route53 = aws.client("route53", "us-east-1")
    for zone in route53.list_hosted_zones()["HostedZones"]:
        for record in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]:
            found[f"record {record['Name']} {record['Type']}"] = plain(record)
    iam = aws.client("iam", "us-east-1")
    for role in iam.list_roles()["Roles"]:
        for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            found[f"role {role['RoleName']} policy {policy}"] = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy)["PolicyDocument"]
    return found


def active(ecs):
    names = ecs.list_clusters()["clusterArns"]
    return [c["clusterArn"] for c in ecs.describe_clusters(clusters=names)["clusters"] if c["status"] == "ACTIVE"] if names else []


def one_form(action):
    """Forwarding to one group has two spellings, and AWS answers with both whichever was used."""
    groups = action.get("ForwardConfig", {}).get("TargetGroups", [])
    if action["Type"] == "forward" and len(groups) == 1:
        return {"Type": "forward", "TargetGroupArn": groups[0]["TargetGroupArn"]}
    return action


def differences(before, after):
    for path in sorted({*before, *after}):
        was, now = before.get(path), after.get(path)
        if was != now:
            yield path, was, now


def regional(value, path=""):
    """Every string that names the source's region, with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from regional(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from regional(inner, f"{path}/{index}")
    elif isinstance(value, str) and SOURCE in value:
        yield path, value


def moved(checks, world, users, run):
    """What a move of Redmine means, field by field."""
    source, target = (lambda service: world.moto.client(service, SOURCE)), (lambda service: world.moto.client(service, TARGET))
    database(checks, source, target)
    data(checks, world, users)
    images(checks, world)
    service(checks, world, target)
    edge(checks, world, users, target)
    secrets(checks, source, target)
    fenced(checks, world, source)


def one(items, what):
    if len(items) != 1:
        raise SystemExit(f"{len(items)} of {what}, expected one: {items}")
    return items[0]


def database(checks, source, target):
    was = one(source("rds").describe_db_instances()["DBInstances"], "source instances")
    now = one(target("rds").describe_db_instances()["DBInstances"], "target instances")
    for field in (
        "Engine", "EngineVersion", "DBInstanceClass", "AllocatedStorage", "StorageType", "StorageEncrypted", "MultiAZ", "MasterUsername",
        "BackupRetentionPeriod", "PreferredBackupWindow", "PreferredMaintenanceWindow", "CopyTagsToSnapshot", "DeletionProtection",
        "AutoMinorVersionUpgrade", "PubliclyAccessible", "DBName",
    ):
        checks.same(f"database {field}", now.get(field), was.get(field))
    checks.same("database port", now["Endpoint"]["Port"], 5432)
    alias = {a["AliasName"]: a for a in target("kms").list_aliases()["Aliases"]}["alias/redmine-eu"]
    checks.that("the database is under the mapped key", now["KmsKeyId"].endswith(alias["TargetKeyId"]), now["KmsKeyId"])
    group = now["DBParameterGroups"][0]["DBParameterGroupName"]
    values = {p["ParameterName"]: p.get("ParameterValue") for p in target("rds").describe_db_parameters(DBParameterGroupName=group)["Parameters"]}
    checks.same("parameter log_min_duration_statement", values.get("log_min_duration_statement"), "500")
    subnets = {s["SubnetIdentifier"] for s in now["DBSubnetGroup"]["Subnets"]}
    found = target("ec2").describe_subnets(SubnetIds=sorted(subnets))["Subnets"]
    checks.same("the database's subnets", sorted(s["CidrBlock"] for s in found), ["10.20.20.0/24", "10.20.21.0/24"])


def data(checks, world, users):
    there = one([server for (region, _), server in world.databases.servers.items() if region == TARGET], "target databases")
    rows = {int(n) for n in there.ask("select id from issues").split()}
    acknowledged = [number for _, number in users.acknowledged]
    checks.that("users wrote", len(acknowledged) > 10, len(acknowledged))
    missing = [number for number in acknowledged if number not in rows]
    checks.same("acknowledged writes that are missing in the target", missing, [])
    checks.same("the users of before are there", there.ask("select string_agg(login, ',' order by id) from users"), "admin,anna")


def images(checks, world):
    raw = {}
    for region, registry in world.registries.items():
        for tag in ("5.1", "latest"):
            where = f"docker://{registry.host}/redmine:{tag}"
            inspected = registry.skopeo("inspect", "--tls-verify=false", "--creds", registry.credentials, "--format", "{{.Digest}}", where)
            checks.same(f"skopeo: {tag} in {region}", inspected.strip(), world.digest)
            raw[region, tag] = registry.skopeo("inspect", "--raw", "--tls-verify=false", "--creds", registry.credentials, where)
    checks.same("skopeo: the index, byte for byte", raw[TARGET, "5.1"], raw[SOURCE, "5.1"])
    checks.same("skopeo: both tags are one index", raw[TARGET, "latest"], raw[TARGET, "5.1"])
    index = json.loads(raw[TARGET, "5.1"])
    checks.same("the index leads to two platforms and an attestation", len(index["manifests"]), 3)
    near, far = world.registries[SOURCE], world.registries[TARGET]
    digests = set()
    for child in index["manifests"]:
        was, now = near.manifest("redmine", child["digest"]), far.manifest("redmine", child["digest"])
        checks.same(f"manifest {child['digest'][:19]}, byte for byte", now.body, was.body)
        digests.update(blob["digest"] for blob in now.blobs)
    for digest in sorted(digests):
        # The source's bytes are those of this digest, by skopeo's word and the registry's: the target's are asked for.
        checks.same(f"blob {digest[:19]}", "sha256:" + hashlib.sha256(far.blob("redmine", digest)).hexdigest(), digest)


def service(checks, world, target):
    ecs = target("ecs")
    cluster = one(active(ecs), "target clusters")
    names = ecs.list_services(cluster=cluster)["serviceArns"]
    found = one(ecs.describe_services(cluster=cluster, services=names)["services"], "target services")
    checks.same("service name", found["serviceName"], "web")
    checks.same("desired tasks", found["desiredCount"], 2)
    group = found["loadBalancers"][0]["targetGroupArn"]
    healthy = [t for t in target("elbv2").describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"] if t["TargetHealth"]["State"] == "healthy"]
    checks.same("healthy targets", len(healthy), 2)
    definition = ecs.describe_task_definition(taskDefinition=found["taskDefinition"])["taskDefinition"]
    container = one(definition["containerDefinitions"], "containers")
    endpoint = target("rds").describe_db_instances()["DBInstances"][0]["Endpoint"]["Address"]
    environment = {item["name"]: item["value"] for item in container["environment"]}
    checks.same("DB_HOST", environment["DB_HOST"], endpoint)
    checks.same("DB_NAME", environment["DB_NAME"], "redmine_production")
    checks.same("image", container["image"], f"123456789012.dkr.ecr.{TARGET}.amazonaws.com/redmine@{world.digest}")
    checks.same("log region", container["logConfiguration"]["options"]["awslogs-region"], TARGET)
    checks.that("log group", any(g["logGroupName"] == "/ecs/redmine" and g["retentionInDays"] == 30 for g in target("logs").describe_log_groups()["logGroups"]))
    for where in ("taskDefinition", "service"):
        held = definition if where == "taskDefinition" else {k: v for k, v in found.items() if k not in ("events",)}
        for path, value in regional(held):
            checks.that(f"no {SOURCE} in the {where}", "/tags/" in path, f"{path}: {value}")
    scaling = target("application-autoscaling")
    limits = one(scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"], "scalable targets")
    checks.same("scaling from and to", (limits["MinCapacity"], limits["MaxCapacity"]), (2, 6))
    policy = one(scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"], "scaling policies")
    checks.same("scaling at", policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"], 60)


def edge(checks, world, users, target):
    elb = target("elbv2")
    balancer = one(elb.describe_load_balancers()["LoadBalancers"], "target balancers")
    listeners = {item["Port"]: item for item in elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]}
    checks.same("listeners", {port: item["Protocol"] for port, item in listeners.items()}, {443: "HTTPS", 80: "HTTP"})
    checks.same("TLS policy", listeners[443]["SslPolicy"], "ELBSecurityPolicy-TLS13-1-2-2021-06")
    certificate = listeners[443]["Certificates"][0]["CertificateArn"]
    checks.that("the certificate is of the target", f":{TARGET}:" in certificate, certificate)
    found = target("acm").describe_certificate(CertificateArn=certificate)["Certificate"]
    checks.same("the certificate", (found["DomainName"], found["Status"]), (users.name, "ISSUED"))
    records = next(records for zone, records in world.names.zones() if zone == "infracourse.cloud")
    record = next(r for r in records if r["Name"].rstrip(".") == users.name)
    checks.that("the record leads to the target's balancer", record["AliasTarget"]["DNSName"].rstrip(".").lower().endswith(balancer["DNSName"].lower()), record)
    status, body, subject = users.request("GET", "/login")
    checks.same("users reach it by its name", (status, "Redmine" in body), (200, True))
    checks.same("and meet the target's certificate", subject, certificate.rsplit("/", 1)[-1][:60])
    groups = {g["GroupName"]: g for g in target("ec2").describe_security_groups()["SecurityGroups"]}
    pairs = groups["redmine-service"]["IpPermissions"][0]["UserIdGroupPairs"]
    checks.same("the service's group refers to the target's own", [p["GroupId"] for p in pairs], [groups["redmine-balancer"]["GroupId"]])
    blocks = sorted(s["CidrBlock"] for s in target("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": [balancer["VpcId"]]}])["Subnets"])
    checks.same("subnets", blocks, [f"10.20.{n}.0/24" for n in (0, 1, 10, 11, 20, 21)])


def secrets(checks, source, target):
    for name in ("redmine/db", "redmine/app"):
        was, now = (where("secretsmanager").get_secret_value(SecretId=name)["SecretString"] for where in (source, target))
        checks.same(f"secret {name}", now == was, True)


def fenced(checks, world, source):
    elb = source("elbv2")
    balancer = one(elb.describe_load_balancers()["LoadBalancers"], "source balancers")
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    secure = next(item for item in listeners if item["Port"] == 443)
    checks.same("the source's balancer answers", secure["DefaultActions"][-1].get("FixedResponseConfig", {}).get("StatusCode"), "503")
    ecs = source("ecs")
    found = ecs.describe_services(cluster="redmine", services=["web"])["services"][0]
    checks.same("the source's tasks", found["desiredCount"], 0)
    group = {g["GroupName"]: g for g in source("ec2").describe_security_groups()["SecurityGroups"]}["redmine-database"]
    open_to = [r for rule in group["IpPermissions"] for r in rule["IpRanges"]]
    checks.same("the source's database is open to", open_to, [])
    limits = one(source("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"], "scalable targets")
    checks.that("the source's scaling is suspended", all(limits["SuspendedState"].values()), limits["SuspendedState"])
