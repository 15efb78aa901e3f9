"""Secrets Manager: versions, replicas, deletion, as AWS documents them."""

import json

from world import ACCOUNT

VALUE = json.dumps({"engine": "postgres", "host": "db.us-west-2.rds.amazonaws.com", "password": "pw"})


def token(n):
    return f"token-{n:032}"


def checks(world):
    here, there = world.client("secretsmanager"), world.client("secretsmanager", "eu-west-1")
    values(world, here)
    stages(world, here)
    lists(world, here)
    policies(world, here)
    replicas(world, here, there)
    taken(world, here, there)
    deletion(world, here)
    code, output, errors = world.cli("secretsmanager", "get-secret-value", "--secret-id", "redmine/db")
    world.that("the command line reads a secret", code == 0 and output["SecretString"], errors)


def values(world, here):
    ask = dict(Name="redmine/db", SecretString=VALUE, ClientRequestToken=token(1), Tags=[{"Key": "stack", "Value": "redmine"}])
    made = here.create_secret(**ask)
    arn = made["ARN"]
    world.that("an ARN with a suffix", arn.startswith(f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:redmine/db-"), arn)
    world.same("the token is the version", made["VersionId"], token(1))
    world.same("the same call again", here.create_secret(**ask)["ARN"], arn)
    world.refused("the name again", "ResourceExistsException", here.create_secret, 400, Name="redmine/db", SecretString="x")
    for name in ("redmine/db", arn, arn[:-7]):
        world.same(f"read as {name}", here.get_secret_value(SecretId=name)["SecretString"], VALUE)
    world.refused("a secret not there", "ResourceNotFoundException", here.get_secret_value, 400, SecretId="none")
    world.refused("a bad name", "ValidationException", here.create_secret, 400, Name="not a name")
    here.create_secret(Name="bytes", SecretBinary=b"\x00\x01")
    world.same("bytes", here.get_secret_value(SecretId="bytes")["SecretBinary"], b"\x00\x01")
    here.create_secret(Name="empty")
    world.refused("no value yet", "ResourceNotFoundException", here.get_secret_value, 400, SecretId="empty")
    seen = here.describe_secret(SecretId=arn)
    world.same("described", [seen["Name"], seen["Tags"], seen["VersionIdsToStages"]],
               ["redmine/db", [{"Key": "stack", "Value": "redmine"}], {token(1): ["AWSCURRENT"]}])
    here.update_secret(SecretId=arn, Description="the database")
    world.same("a description", here.describe_secret(SecretId=arn)["Description"], "the database")
    world.refused("a key not there", "InvalidParameterException", here.create_secret, 400, Name="x", KmsKeyId="alias/none",
                  SecretString="x")


def stages(world, here):
    here.put_secret_value(SecretId="redmine/db", SecretString="two", ClientRequestToken=token(2))
    world.same("current", here.get_secret_value(SecretId="redmine/db")["SecretString"], "two")
    world.same("previous", here.get_secret_value(SecretId="redmine/db", VersionStage="AWSPREVIOUS")["SecretString"], VALUE)
    world.same("by version", here.get_secret_value(SecretId="redmine/db", VersionId=token(1))["SecretString"], VALUE)
    here.put_secret_value(SecretId="redmine/db", SecretString="two", ClientRequestToken=token(2))
    world.refused("a token for another value", "ResourceExistsException", here.put_secret_value, 400, SecretId="redmine/db",
                  SecretString="other", ClientRequestToken=token(2))
    here.put_secret_value(SecretId="redmine/db", SecretString="three", ClientRequestToken=token(3), VersionStages=["AWSPENDING"])
    world.same("pending does not move current", here.get_secret_value(SecretId="redmine/db")["SecretString"], "two")
    world.refused("current is not taken without saying from where", "InvalidParameterException",
                  here.update_secret_version_stage, 400, SecretId="redmine/db", VersionStage="AWSCURRENT", MoveToVersionId=token(3))
    here.update_secret_version_stage(SecretId="redmine/db", VersionStage="AWSCURRENT", RemoveFromVersionId=token(2),
                                     MoveToVersionId=token(3))
    world.same("moved by hand", here.get_secret_value(SecretId="redmine/db")["SecretString"], "three")
    listed = here.list_secret_version_ids(SecretId="redmine/db", IncludeDeprecated=True)["Versions"]
    world.same("versions", {v["VersionId"] for v in listed}, {token(1), token(2), token(3)})


def lists(world, here):
    def names(**filters):
        rows = here.list_secrets(Filters=[{"Key": k.replace("_", "-"), "Values": v} for k, v in filters.items()])["SecretList"]
        return {row["Name"] for row in rows}

    world.same("by name", names(name=["redmine/"]), {"redmine/db"})
    world.same("by tag", names(tag_key=["stack"], tag_value=["redmine"]), {"redmine/db"})
    world.same("by what it is not", names(name=["!redmine/"]), {"bytes", "empty"})
    pages = list(here.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 1}))
    world.same("pages of one", [len(p["SecretList"]) for p in pages], [1, 1, 1])
    batch = here.batch_get_secret_value(SecretIdList=["redmine/db", "none"])
    world.same("a batch", [len(batch["SecretValues"]), batch["Errors"][0]["ErrorCode"]], [1, "ResourceNotFoundException"])
    password = here.get_random_password(PasswordLength=20, ExcludePunctuation=True)["RandomPassword"]
    world.that("a random password", len(password) == 20 and password.isalnum(), password)
    here.tag_resource(SecretId="bytes", Tags=[{"Key": "a", "Value": "1"}])
    here.untag_resource(SecretId="bytes", TagKeys=["a"])
    world.same("tags come and go", here.describe_secret(SecretId="bytes")["Tags"], [])


def policies(world, here):
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "secretsmanager:*", "Resource": "*"}]})
    here.put_resource_policy(SecretId="redmine/db", ResourcePolicy=policy)
    world.same("a policy", here.get_resource_policy(SecretId="redmine/db")["ResourcePolicy"], policy)
    world.refused("no JSON", "MalformedPolicyDocumentException", here.put_resource_policy, 400, SecretId="redmine/db",
                  ResourcePolicy="{")
    public = policy.replace(f'{{"AWS": "arn:aws:iam::{ACCOUNT}:root"}}', '"*"')
    world.refused("a public one", "PublicPolicyException", here.put_resource_policy, 400, SecretId="redmine/db",
                  ResourcePolicy=public, BlockPublicPolicy=True)
    here.delete_resource_policy(SecretId="redmine/db")
    world.that("none", "ResourcePolicy" not in here.get_resource_policy(SecretId="redmine/db"))
    world.refused("rotation without a function", "InvalidRequestException", here.rotate_secret, 400, SecretId="redmine/db")


def replicas(world, here, there):
    arn = here.describe_secret(SecretId="redmine/db")["ARN"]
    began = here.replicate_secret_to_regions(SecretId=arn, AddReplicaRegions=[{"Region": "eu-west-1"}])
    world.same("on its way", began["ReplicationStatus"][0]["Status"], "InProgress")
    world.wait(60)
    seen = here.describe_secret(SecretId=arn)
    world.same("in sync", [seen["ReplicationStatus"][0]["Status"], seen["PrimaryRegion"]], ["InSync", "us-west-2"])
    copy = there.describe_secret(SecretId="redmine/db")
    world.same("the same suffix", copy["ARN"], arn.replace("us-west-2", "eu-west-1"))
    world.same("the same tags, another primary", [copy["Tags"], copy["PrimaryRegion"]], [seen["Tags"], "us-west-2"])
    world.refused("read-only", "InvalidRequestException", there.put_secret_value, 400, SecretId="redmine/db", SecretString="x")
    world.refused("again", "InvalidParameterException", here.replicate_secret_to_regions, 400, SecretId=arn,
                  AddReplicaRegions=[{"Region": "eu-west-1"}])
    world.refused("a primary with replicas is kept", "InvalidRequestException", here.delete_secret, 400, SecretId=arn)
    here.put_secret_value(SecretId=arn, SecretString="four")
    world.wait(60)
    world.same("a replica follows", there.get_secret_value(SecretId="redmine/db")["SecretString"], "four")
    there.stop_replication_to_replica(SecretId="redmine/db")
    world.that("promoted", "PrimaryRegion" not in there.describe_secret(SecretId="redmine/db"))
    there.put_secret_value(SecretId="redmine/db", SecretString="own")
    world.wait(60)
    world.same("the source keeps its own", here.get_secret_value(SecretId=arn)["SecretString"], "four")
    world.refused("promoted twice", "InvalidRequestException", there.stop_replication_to_replica, 400, SecretId="redmine/db")


def taken(world, here, there):
    arn = here.describe_secret(SecretId="redmine/db")["ARN"]
    here.replicate_secret_to_regions(SecretId=arn, AddReplicaRegions=[{"Region": "eu-west-1"}])
    world.wait(60)
    status = here.describe_secret(SecretId=arn)["ReplicationStatus"][0]
    world.same("a taken name", status["Status"], "Failed")
    world.that("says why", "already exists" in status["StatusMessage"], status["StatusMessage"])
    world.same("and touches nothing", there.get_secret_value(SecretId="redmine/db")["SecretString"], "own")
    here.remove_regions_from_replication(SecretId=arn, RemoveReplicaRegions=["eu-west-1"])
    world.same("nor when removed", there.get_secret_value(SecretId="redmine/db")["SecretString"], "own")


def deletion(world, here):
    world.refused("a window too short", "InvalidParameterException", here.delete_secret, 400, SecretId="bytes", RecoveryWindowInDays=2)
    here.delete_secret(SecretId="bytes", RecoveryWindowInDays=7)
    world.refused("a name that waits", "InvalidRequestException", here.create_secret, 400, Name="bytes", SecretString="x")
    world.refused("a value that waits", "InvalidRequestException", here.get_secret_value, 400, SecretId="bytes")
    here.restore_secret(SecretId="bytes")
    world.same("restored", here.get_secret_value(SecretId="bytes")["SecretBinary"], b"\x00\x01")
    here.delete_secret(SecretId="bytes", RecoveryWindowInDays=7)
    world.wait(8 * 86400)
    world.refused("gone", "ResourceNotFoundException", here.describe_secret, 400, SecretId="bytes")
    here.delete_secret(SecretId="empty", ForceDeleteWithoutRecovery=True)
    world.that("a forced name is free at once", here.create_secret(Name="empty", SecretString="x")["ARN"])
