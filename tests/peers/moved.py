"""`drtool migrate --sandbox`, then `drtool sandbox serve`, then the unmodified AWS CLI looks at what was moved.

    python3 tests/peers/moved.py

Everything in the target is read; a string of the source region may stand only in fields by which AWS itself says where a
thing came from.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE, TARGET = "us-west-2", "eu-west-1"

# Fields that say where a thing came from, by command. None configures what it does.
PROVENANCE = {
    ("rds describe-db-snapshots", "SourceDBSnapshotIdentifier"),
    ("rds describe-db-snapshots", "SourceRegion"),
    ("secretsmanager list-secrets", "PrimaryRegion"),
    ("secretsmanager describe-secret", "PrimaryRegion"),
}


def drtool():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return str(pathlib.Path(os.environ.get("DRTOOL", target / "release" / "drtool")))


class Checks:
    def __init__(self, endpoint):
        self.passed, self.failures = 0, []
        self.environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
        }

    def aws(self, command, *more, region=TARGET):
        words = ["aws", *command.split(), *more, "--region", region, "--output", "json"]
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(words)}: {done.stderr.strip()}")
        return json.loads(done.stdout or "{}")

    def same(self, what, found, wanted):
        if found == wanted:
            self.passed += 1
        else:
            self.failures.append(f"{what}: {found!r}, wanted {wanted!r}")

    def true(self, what, holds, found=""):
        self.same(f"{what} ({found})" if found else what, bool(holds), True)


def strings(path, value):
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for item in value:
            yield from strings(path, item)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from strings(name, member)


def everything(check):
    """Every list and description of the target that the CLI can ask for: `(command, answer)`."""

    def ask(command, *more):
        answer = check.aws(command, *more)
        found.append((command, answer))
        return answer

    found = []
    for name in (
        "vpcs", "subnets", "security-groups", "security-group-rules", "route-tables", "internet-gateways", "nat-gateways",
        "addresses", "network-interfaces", "network-acls", "vpc-endpoints",
    ):
        ask(f"ec2 describe-{name}")
    for name in (
        "db-instances", "db-snapshots", "db-subnet-groups", "db-parameter-groups", "option-groups", "db-clusters",
        "db-instance-automated-backups",
    ):
        ask(f"rds describe-{name}")
    for group in found[[c for c, _ in found].index("rds describe-db-parameter-groups")][1]["DBParameterGroups"]:
        if not group["DBParameterGroupName"].startswith("default."):
            ask("rds describe-db-parameters", "--source", "user", "--db-parameter-group-name", group["DBParameterGroupName"])
    for repository in ask("ecr describe-repositories")["repositories"]:
        ask("ecr describe-images", "--repository-name", repository["repositoryName"])
    for secret in ask("secretsmanager list-secrets")["SecretList"]:
        ask("secretsmanager describe-secret", "--secret-id", secret["ARN"])
    for balancer in ask("elbv2 describe-load-balancers")["LoadBalancers"]:
        ask("elbv2 describe-load-balancer-attributes", "--load-balancer-arn", balancer["LoadBalancerArn"])
        for listener in ask("elbv2 describe-listeners", "--load-balancer-arn", balancer["LoadBalancerArn"])["Listeners"]:
            ask("elbv2 describe-rules", "--listener-arn", listener["ListenerArn"])
    for group in ask("elbv2 describe-target-groups")["TargetGroups"]:
        ask("elbv2 describe-target-group-attributes", "--target-group-arn", group["TargetGroupArn"])
        ask("elbv2 describe-target-health", "--target-group-arn", group["TargetGroupArn"])
    for arn in ask("ecs list-clusters")["clusterArns"]:
        ask("ecs describe-clusters", "--clusters", arn)
        for service in ask("ecs list-services", "--cluster", arn)["serviceArns"]:
            ask("ecs describe-services", "--cluster", arn, "--services", service)
        for task in ask("ecs list-tasks", "--cluster", arn)["taskArns"]:
            ask("ecs describe-tasks", "--cluster", arn, "--tasks", task)
    for arn in ask("ecs list-task-definitions")["taskDefinitionArns"]:
        ask("ecs describe-task-definition", "--task-definition", arn)
    for certificate in ask("acm list-certificates")["CertificateSummaryList"]:
        ask("acm describe-certificate", "--certificate-arn", certificate["CertificateArn"])
    ask("application-autoscaling describe-scalable-targets", "--service-namespace", "ecs")
    ask("application-autoscaling describe-scaling-policies", "--service-namespace", "ecs")
    ask("logs describe-log-groups")
    ask("kms list-aliases")
    return found


def digests(answer):
    return {tag: image["imageDigest"] for image in answer["imageDetails"] for tag in image.get("imageTags", [])}


def look(check):
    found = everything(check)

    def one(command):
        return next(answer for name, answer in found if name == command)

    source_ids = set()
    for what in ("vpcs", "subnets", "security-groups", "route-tables", "internet-gateways", "nat-gateways"):
        answer = json.dumps(check.aws(f"ec2 describe-{what}", region=SOURCE))
        source_ids.update(re.findall(r"\b(?:vpc|subnet|sg|rtb|igw|nat)-[0-9a-f]{17}\b", answer))
    check.true("the source has a network", len(source_ids) > 10)
    for command, answer in found:
        for field, text in strings("", answer):
            named = SOURCE in text or any(i in text for i in source_ids)
            if named and (command, field) not in PROVENANCE:
                check.failures.append(f"{command}: {field} names the source: {text}")
    check.passed += len(found)

    database = next(d for d in one("rds describe-db-instances")["DBInstances"] if d["DBInstanceIdentifier"].startswith("redmine-db"))
    old = check.aws("rds describe-db-instances", "--db-instance-identifier", "redmine-db", region=SOURCE)["DBInstances"][0]
    check.same("the database", database["DBInstanceStatus"], "available")
    check.same("Multi-AZ", database["MultiAZ"], True)
    for same in ("Engine", "EngineVersion", "DBInstanceClass", "AllocatedStorage", "StorageType", "BackupRetentionPeriod", "DeletionProtection"):
        check.same(same, database[same], old[same])
    parameters = one("rds describe-db-parameters")["Parameters"]
    check.same("the parameter", {p["ParameterName"]: p["ParameterValue"] for p in parameters}.get("log_min_duration_statement"), "500")
    aliases = {a["AliasName"]: a.get("TargetKeyId", "") for a in one("kms list-aliases")["Aliases"]}
    check.true("the mapped key", database["KmsKeyId"].endswith(aliases["alias/redmine-eu"]), database["KmsKeyId"])

    images = digests(one("ecr describe-images"))
    check.same("tags", set(images), {"5.1", "latest"})
    check.same("digests", images, digests(check.aws("ecr describe-images", "--repository-name", "redmine", region=SOURCE)))
    for command, secret in found:
        if command == "secretsmanager describe-secret":
            check.true(f"{secret['Name']} stands alone", not secret.get("ReplicationStatus"), secret.get("ReplicationStatus"))

    service = one("ecs describe-services")["services"][0]
    check.same("tasks", (service["desiredCount"], service["runningCount"]), (2, 2))
    definition = check.aws("ecs describe-task-definition", "--task-definition", service["taskDefinition"])["taskDefinition"]
    container = definition["containerDefinitions"][0]
    environment = {e["name"]: e["value"] for e in container["environment"]}
    check.same("DB_HOST", environment["DB_HOST"], database["Endpoint"]["Address"])
    check.true("the image is named by digest", container["image"].endswith("@" + images["5.1"]), container["image"])

    listeners = [l for command, a in found if command == "elbv2 describe-listeners" for l in a["Listeners"]]
    secure = next(l for l in listeners if l["Port"] == 443)
    check.same("HTTPS", secure["Protocol"], "HTTPS")
    certificate = check.aws("acm describe-certificate", "--certificate-arn", secure["Certificates"][0]["CertificateArn"])
    check.same("the certificate", certificate["Certificate"]["Status"], "ISSUED")
    scaling = one("application-autoscaling describe-scalable-targets")["ScalableTargets"][0]
    check.same("scaling", (scaling["MinCapacity"], scaling["MaxCapacity"]), (2, 6))
    check.true("scaling is not suspended", not any(scaling.get("SuspendedState", {}).values()))

    balancer = one("elbv2 describe-load-balancers")["LoadBalancers"][0]
    zone = check.aws("route53 list-hosted-zones")["HostedZones"][0]["Id"]
    records = check.aws("route53 list-resource-record-sets", "--hosted-zone-id", zone)["ResourceRecordSets"]
    record = next(r for r in records if r["Name"] == "redmine.sidpotti.infracourse.cloud." and r["Type"] == "A")
    check.same("the record", record["AliasTarget"]["DNSName"].rstrip(".").lower(), balancer["DNSName"].lower())

    for region in (SOURCE, TARGET):
        groups = check.aws("ec2 describe-security-groups", region=region)["SecurityGroups"]
        check.true(f"no probe's group in {region}", not any("drtool" in g["GroupName"] for g in groups))
        families = check.aws("ecs list-task-definitions", region=region)["taskDefinitionArns"]
        check.true(f"no probe's definition in {region}", not any("drtool" in f for f in families))


def look_at_names(check):
    """The overlay's names: a CNAME with a long TTL, a second zone, a failover pair."""
    balancer = check.aws("elbv2 describe-load-balancers")["LoadBalancers"][0]["DNSName"].lower()
    found = {}
    for zone in check.aws("route53 list-hosted-zones")["HostedZones"]:
        for record in check.aws("route53 list-resource-record-sets", "--hosted-zone-id", zone["Id"])["ResourceRecordSets"]:
            found[record["Name"].rstrip("."), record["Type"], record.get("SetIdentifier")] = record

    def leads(record):
        return (record.get("AliasTarget") or {}).get("DNSName", "").rstrip(".").lower()

    tracker = found["tracker.infracourse.cloud", "CNAME", None]
    check.same("the CNAME", tracker["ResourceRecords"], [{"Value": balancer}])
    check.same("its TTL", tracker["TTL"], 300)
    check.same("the second zone", leads(found["redmine.infracourse.example", "A", None]), balancer)
    primary, secondary = (found["issues.infracourse.cloud", "A", name] for name in ("primary", "secondary"))
    check.same("the primary", leads(primary), balancer)
    check.same("the primary's health", (primary["AliasTarget"]["EvaluateTargetHealth"], primary.get("HealthCheckId")), (True, None))
    check.true("the secondary", SOURCE in leads(secondary), leads(secondary))


def moved(options, look):
    """One move in a world of its own, and what the CLI finds afterwards."""
    with tempfile.TemporaryDirectory() as state:
        common = ["--state", state]
        migrate = [drtool(), "migrate", "--stack", "redmine", "--to", TARGET, "--sandbox", "--sandbox-speed", "instant", *options, *common]
        done = subprocess.run(migrate, cwd=ROOT, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(migrate[1:])} ended with {done.returncode}\n{done.stderr}")
        serve = subprocess.Popen([drtool(), "sandbox", "serve", "--port", "0", *common], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            check = Checks(serve.stdout.readline().split()[-1])
            look(check)
        finally:
            serve.terminate()
            serve.wait(10)
    return check


def main():
    checks = [moved([], look), moved(["--overlay", "failover-pair"], look_at_names)]
    failures = [failure for check in checks for failure in check.failures]
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"moved: {sum(check.passed for check in checks)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
