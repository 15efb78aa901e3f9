"""KMS: keys, aliases, grants, replicas, ciphertexts, as AWS documents them."""

import json

from world import ACCOUNT

ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"


def checks(world):
    kms = world.client("kms")
    there = world.client("kms", "eu-west-1")
    keys(world, kms, there)
    aliases(world, kms, there)
    policies(world, kms)
    ciphertexts(world, kms, there)
    grants(world, kms)
    replicas(world, kms, there)
    leaving(world, kms)


def keys(world, kms, there):
    made = kms.create_key(Description="db", Tags=[{"TagKey": "stack", "TagValue": "redmine"}])["KeyMetadata"]
    world.same("a key's ARN", made["Arn"], f"arn:aws:kms:us-west-2:{ACCOUNT}:key/{made['KeyId']}")
    world.same("a key's facts", [made[f] for f in ("KeyState", "Enabled", "KeyManager", "KeySpec", "KeyUsage", "MultiRegion")],
               ["Enabled", True, "CUSTOMER", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", False])
    world.same("tags", kms.list_resource_tags(KeyId=made["KeyId"])["Tags"], [{"TagKey": "stack", "TagValue": "redmine"}])
    world.refused("a key not there", "NotFoundException", kms.describe_key, 400, KeyId="00000000-0000-4000-8000-000000000000")
    world.refused("a key of another region", "NotFoundException", there.describe_key, 400, KeyId=made["KeyId"])
    kms.disable_key(KeyId=made["KeyId"])
    world.refused("a disabled key", "DisabledException", kms.generate_data_key, 400, KeyId=made["KeyId"], KeySpec="AES_256")
    kms.enable_key(KeyId=made["KeyId"])
    kms.update_key_description(KeyId=made["KeyId"], Description="other")
    world.same("description", kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]["Description"], "other")
    world.same("rotation is off", kms.get_key_rotation_status(KeyId=made["KeyId"])["KeyRotationEnabled"], False)
    kms.enable_key_rotation(KeyId=made["KeyId"])
    world.same("rotation is on", kms.get_key_rotation_status(KeyId=made["KeyId"])["KeyRotationEnabled"], True)
    world.refused("a reserved tag", "TagException", kms.tag_resource, 400, KeyId=made["KeyId"],
                  Tags=[{"TagKey": "aws:x", "TagValue": "1"}])
    for _ in range(4):
        kms.create_key()
    pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}))
    world.same("pages of keys", [len(p["Keys"]) for p in pages], [2, 2, 1])


def aliases(world, kms, there):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/redmine", TargetKeyId=key)
    world.same("found by alias", kms.describe_key(KeyId="alias/redmine")["KeyMetadata"]["KeyId"], key)
    world.same("found by the alias's ARN",
               kms.describe_key(KeyId=f"arn:aws:kms:us-west-2:{ACCOUNT}:alias/redmine")["KeyMetadata"]["KeyId"], key)
    world.refused("an alias twice", "AlreadyExistsException", kms.create_alias, 400, AliasName="alias/redmine", TargetKeyId=key)
    world.refused("a name without its prefix", "ValidationException", kms.create_alias, 400, AliasName="redmine", TargetKeyId=key)
    world.refused("an alias of another region", "NotFoundException", there.describe_key, 400, KeyId="alias/redmine")
    world.refused("an alias where none is taken", "NotFoundException", kms.get_key_policy, 400, KeyId="alias/redmine")
    listed = kms.list_aliases(KeyId=key)["Aliases"]
    world.same("aliases of a key", [a["AliasName"] for a in listed], ["alias/redmine"])
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName="alias/redmine", TargetKeyId=other)
    world.same("a moved alias", kms.describe_key(KeyId="alias/redmine")["KeyMetadata"]["KeyId"], other)
    kms.delete_alias(AliasName="alias/redmine")
    world.refused("a deleted alias", "NotFoundException", kms.describe_key, 400, KeyId="alias/redmine")
    managed = kms.describe_key(KeyId="alias/aws/rds")["KeyMetadata"]
    world.same("a managed key", managed["KeyManager"], "AWS")
    world.refused("a managed key is not changed", "AccessDeniedException", kms.disable_key, 400, KeyId=managed["KeyId"])


def policies(world, kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    world.same("one policy", kms.list_key_policies(KeyId=key)["PolicyNames"], ["default"])
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    world.same("the default policy", policy["Statement"][0]["Principal"], {"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    world.refused("no JSON", "MalformedPolicyDocumentException", kms.put_key_policy, 400, KeyId=key, PolicyName="default", Policy="{")
    shut = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "kms:*", "Resource": "*"}]})
    world.refused("a lock-out", "MalformedPolicyDocumentException", kms.put_key_policy, 400, KeyId=key, PolicyName="default",
                  Policy=shut)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=shut, BypassPolicyLockoutSafetyCheck=True)


def ciphertexts(world, kms, there):
    key = kms.create_key()["KeyMetadata"]
    other = kms.create_key()["KeyMetadata"]
    context = {"stack": "redmine"}
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"secret", EncryptionContext=context)
    world.same("which key sealed", sealed["KeyId"], key["Arn"])
    blob = sealed["CiphertextBlob"]
    world.same("opened", kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"], b"secret")
    try:
        kms.decrypt(CiphertextBlob=blob)
        world.that("without its context", False)
    except kms.exceptions.InvalidCiphertextException as error:  # AWS says no more than the code.
        world.same("without its context (status)", error.response["ResponseMetadata"]["HTTPStatusCode"], 400)
    world.refused("with another key", "IncorrectKeyException", kms.decrypt, 400, CiphertextBlob=blob, KeyId=other["KeyId"],
                  EncryptionContext=context)
    world.refused("in another region", "AccessDeniedException", there.decrypt, 400, CiphertextBlob=blob, EncryptionContext=context)
    moved = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=context, DestinationKeyId=other["KeyId"])
    world.same("moved to another key", kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["KeyId"], other["Arn"])
    made = kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256")
    world.same("a data key's length", len(made["Plaintext"]), 32)
    world.same("and its copy", kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"], made["Plaintext"])
    blind = kms.generate_data_key_without_plaintext(KeyId=key["KeyId"], NumberOfBytes=24)
    world.that("a blind data key", "Plaintext" not in blind)
    world.same("random bytes", len(kms.generate_random(NumberOfBytes=16)["Plaintext"]), 16)
    world.refused("too much", "ValidationException", kms.encrypt, 400, KeyId=key["KeyId"], Plaintext=b"x" * 4097)


def grants(world, kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    ask = dict(KeyId=key, GranteePrincipal=ROLE, RetiringPrincipal=ROLE, Operations=["Decrypt"], Name="one")
    first, again = kms.create_grant(**ask), kms.create_grant(**ask)
    world.same("the same grant by its name", first["GrantId"], again["GrantId"])
    nameless = kms.create_grant(KeyId=key, GranteePrincipal=ROLE, Operations=["Encrypt"])
    world.same("grants listed", {g["GrantId"] for g in kms.list_grants(KeyId=key)["Grants"]}, {first["GrantId"], nameless["GrantId"]})
    world.same("grants to retire", len(kms.list_retirable_grants(RetiringPrincipal=ROLE)["Grants"]), 1)
    kms.retire_grant(GrantToken=first["GrantToken"])
    kms.revoke_grant(KeyId=key, GrantId=nameless["GrantId"])
    world.same("no grants left", kms.list_grants(KeyId=key)["Grants"], [])
    world.refused("revoked twice", "NotFoundException", kms.revoke_grant, 400, KeyId=key, GrantId=nameless["GrantId"])


def replicas(world, kms, there):
    single = kms.create_key()["KeyMetadata"]["KeyId"]
    world.refused("a key of one region", "UnsupportedOperationException", kms.replicate_key, 400, KeyId=single,
                  ReplicaRegion="eu-west-1")
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    world.that("a multi-region id", key.startswith("mrk-"), key)
    blob = kms.encrypt(KeyId=key, Plaintext=b"both")["CiphertextBlob"]
    made = kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")["ReplicaKeyMetadata"]
    world.same("a replica is created first", made["KeyState"], "Creating")
    world.refused("and cannot be used yet", "KMSInvalidStateException", there.decrypt, 400, CiphertextBlob=blob)
    world.refused("a replica twice", "AlreadyExistsException", kms.replicate_key, 400, KeyId=key, ReplicaRegion="eu-west-1")
    world.wait(120)
    world.same("then it opens what the primary sealed", there.decrypt(CiphertextBlob=blob)["Plaintext"], b"both")
    facts = kms.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]
    world.same("the family", [facts["MultiRegionKeyType"], facts["PrimaryKey"]["Region"], facts["ReplicaKeys"][0]["Region"]],
               ["PRIMARY", "us-west-2", "eu-west-1"])
    kms.update_primary_region(KeyId=key, PrimaryRegion="eu-west-1")
    world.wait(120)
    seen = there.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]["MultiRegionKeyType"]
    world.same("the primary moved", seen, "PRIMARY")


def leaving(world, kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    world.refused("a window too short", "ValidationException", kms.schedule_key_deletion, 400, KeyId=key, PendingWindowInDays=3)
    gone = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    world.same("a key leaves", gone["KeyState"], "PendingDeletion")
    world.refused("and cannot be used", "KMSInvalidStateException", kms.encrypt, 400, KeyId=key, Plaintext=b"x")
    kms.cancel_key_deletion(KeyId=key)
    world.same("a key that stays is disabled", kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"], "Disabled")
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    world.wait(8 * 86400)
    world.refused("a key that left", "NotFoundException", kms.describe_key, 400, KeyId=key)
    code, output, errors = world.cli("kms", "list-keys")
    world.that("the command line lists keys", code == 0 and len(output["Keys"]) > 5, errors)
