"""Which simulated operations the checks have seen succeed, and which they have seen refused.

Taken from the worlds' own access logs, not from what the checks say they do. An operation that no check has seen in one of
the two ways is listed, unless `excuses` gives the reason; so is an excuse that is no longer needed.
"""

import re

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from excuses import NO_ERROR, NO_SUCCESS
from world import ACCESS_KEY, ROOT, SECRET_KEY, SEEN, World

SERVICES = [
    "sts", "iam", "kms", "rds", "ecr", "secretsmanager", "ssm", "ec2", "elbv2", "ecs", "application-autoscaling", "acm", "logs",
    "cloudwatch", "route53", "s3", "service-quotas", "resourcegroupstaggingapi",
]


FOLDERS = {"application-autoscaling": "autoscaling", "secretsmanager": "secrets", "service-quotas": "quotas", "resourcegroupstaggingapi": "tagging"}


def dispatched(service):
    """The operations that the service's code names as a case. One that only the model knows is refused as not simulated
    once its request has been found complete."""
    folder = ROOT / "sim" / "services" / FOLDERS.get(service, service)
    text = "".join(path.read_text() for path in folder.rglob("*.rs") if "tests" not in path.parts and path.stem != "tests")
    return set(re.findall(r'"([A-Z]\w+)"\s*(?:=>|\|)', text))


def simulated(world):
    """Operations that do not answer 501, by service."""
    out = {}
    for service in SERVICES:
        client = boto3.client(
            service, region_name="us-west-2", endpoint_url=world.endpoint, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
            config=Config(retries={"max_attempts": 0}, parameter_validation=False, connect_timeout=2),
        )
        model, cases = client.meta.service_model, dispatched(service)
        for method, operation in client.meta.method_to_api_mapping.items():
            shape = model.operation_model(operation).input_shape
            asked = {}
            for name in shape.required_members if shape else []:
                if name == "Bucket" or shape.members[name].serialization.get("location") == "uri":
                    asked[name] = "nobodys-name"
            try:
                getattr(client, method)(**asked)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 501:
                    continue
            except (BotoCoreError, TypeError, KeyError):
                # The client itself cannot send it without more: not one that is simulated.
                continue
            if operation in cases:
                out.setdefault(service, set()).add(operation)
    return out


def report():
    """Prints the table and answers how many operations lack a check without an excuse."""
    with World("--no-throttle") as world:
        operations = simulated(world)
    # The world just asked was asked nothing that checks anything.
    del SEEN[world.endpoint]
    good, bad = {}, {}
    for entries in SEEN.values():
        for entry in entries:
            into = good if entry["error"] is None and entry["status"] < 400 else bad
            if entry["fault"] is None:
                into.setdefault((entry["service"], entry["operation"]), set()).add(entry["error"])
    wrong = 0
    print("service                   operations  succeeded  refused")
    for service in SERVICES:
        found = operations.get(service, set())
        done = {o for o in found if (service, o) in good}
        refused = {o for o in found if (service, o) in bad}
        print(f"{service:26}{len(found):10}{len(done):11}{len(refused):9}")
        for what, lacking, excused in (("seen to succeed", found - done, NO_SUCCESS), ("seen to be refused", found - refused, NO_ERROR)):
            known = {o for s, o in excused if s == service}
            for operation in sorted(lacking - known):
                print(f"  {service} {operation} was never {what}")
                wrong += 1
            for operation in sorted(known - lacking):
                print(f"  {service} {operation} needs no excuse any more: it was {what}")
                wrong += 1
    return wrong
