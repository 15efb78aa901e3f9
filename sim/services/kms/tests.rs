use super::*;
use crate::clock::{DAY, SECOND};

const ACCOUNT: &str = "111122223333";
const HERE: &str = "us-west-2";
const THERE: &str = "eu-west-1";

fn world() -> World {
    let mut world = World::new(1);
    world.settings.read_lag = 0;
    world
}

fn call_in(
    world: &mut World,
    region: &str,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    world.invoke(ACCOUNT, region, ServiceId::Kms, operation, input)
}

fn call(world: &mut World, operation: &str, input: Value) -> Result<Value, AwsError> {
    call_in(world, HERE, operation, input)
}

fn key(world: &mut World, input: Value) -> (String, String) {
    let made = call(world, "CreateKey", input).unwrap();
    let metadata = &made["KeyMetadata"];
    (
        metadata["KeyId"].as_str().unwrap().to_owned(),
        metadata["Arn"].as_str().unwrap().to_owned(),
    )
}

fn code(result: Result<Value, AwsError>) -> String {
    result.unwrap_err().code
}

#[test]
fn a_key_is_found_by_id_arn_and_alias_in_its_region_only() {
    let mut world = world();
    let (id, arn) = key(
        &mut world,
        json!({"Description": "db", "Tags": [{"TagKey": "stack", "TagValue": "redmine"}]}),
    );
    call(
        &mut world,
        "CreateAlias",
        json!({"AliasName": "alias/redmine", "TargetKeyId": id}),
    )
    .unwrap();
    for any in [
        id.as_str(),
        arn.as_str(),
        "alias/redmine",
        "arn:aws:kms:us-west-2:111122223333:alias/redmine",
    ] {
        assert_eq!(
            call(&mut world, "DescribeKey", json!({"KeyId": any})).unwrap()["KeyMetadata"]["Arn"],
            arn.as_str()
        );
        assert_eq!(
            resolve(&world, ACCOUNT, HERE, any).as_deref(),
            Some(arn.as_str())
        );
    }
    let missing = call_in(&mut world, THERE, "DescribeKey", json!({"KeyId": id})).unwrap_err();
    assert_eq!(
        missing.message,
        format!("Key 'arn:aws:kms:eu-west-1:111122223333:key/{id}' does not exist")
    );
    assert_eq!(
        call_in(&mut world, THERE, "DescribeKey", json!({"KeyId": arn}))
            .unwrap_err()
            .message,
        "Invalid arn us-west-2"
    );
    assert_eq!(
        call(&mut world, "DescribeKey", json!({"KeyId": "alias/none"}))
            .unwrap_err()
            .message,
        "Alias arn:aws:kms:us-west-2:111122223333:alias/none is not found."
    );
    assert_eq!(
        code(call(
            &mut world,
            "GetKeyPolicy",
            json!({"KeyId": "alias/redmine"})
        )),
        "NotFoundException"
    );
    assert_eq!(tagged(&world, ACCOUNT, HERE)[0].1["stack"], "redmine");
}

#[test]
fn a_disabled_or_leaving_key_cannot_be_used() {
    let mut world = world();
    let (id, arn) = key(&mut world, json!({}));
    let use_it = |world: &mut World| {
        call(
            world,
            "GenerateDataKey",
            json!({"KeyId": id, "KeySpec": "AES_256"}),
        )
    };
    assert!(use_it(&mut world).is_ok());
    call(&mut world, "DisableKey", json!({"KeyId": id})).unwrap();
    assert_eq!(
        use_it(&mut world).unwrap_err().message,
        format!("{arn} is disabled.")
    );
    assert_eq!(
        usable(&world, ACCOUNT, HERE, &id).unwrap_err().code,
        "DisabledException"
    );
    let scheduled = call(
        &mut world,
        "ScheduleKeyDeletion",
        json!({"KeyId": id, "PendingWindowInDays": 7}),
    )
    .unwrap();
    assert_eq!(scheduled["KeyState"], "PendingDeletion");
    assert_eq!(
        use_it(&mut world).unwrap_err().message,
        format!("{arn} is pending deletion.")
    );
    assert_eq!(
        code(call(&mut world, "EnableKey", json!({"KeyId": id}))),
        "KMSInvalidStateException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "ScheduleKeyDeletion",
            json!({"KeyId": id})
        )),
        "KMSInvalidStateException"
    );
    call(&mut world, "CancelKeyDeletion", json!({"KeyId": id})).unwrap();
    assert_eq!(
        call(&mut world, "DescribeKey", json!({"KeyId": id})).unwrap()["KeyMetadata"]["KeyState"],
        "Disabled"
    );
    call(&mut world, "EnableKey", json!({"KeyId": id})).unwrap();
    world.advance_to(8 * DAY);
    assert!(
        use_it(&mut world).is_ok(),
        "a cancelled deletion does not happen"
    );
    assert_eq!(
        code(call(&mut world, "CancelKeyDeletion", json!({"KeyId": id}))),
        "KMSInvalidStateException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "ScheduleKeyDeletion",
            json!({"KeyId": id, "PendingWindowInDays": 3})
        )),
        "ValidationException"
    );
}

#[test]
fn a_deleted_key_takes_its_aliases_with_it() {
    let mut world = world();
    let (id, _) = key(&mut world, json!({}));
    call(
        &mut world,
        "CreateAlias",
        json!({"AliasName": "alias/a", "TargetKeyId": id}),
    )
    .unwrap();
    call(
        &mut world,
        "ScheduleKeyDeletion",
        json!({"KeyId": id, "PendingWindowInDays": 7}),
    )
    .unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "CreateAlias",
            json!({"AliasName": "alias/b", "TargetKeyId": id})
        )),
        "KMSInvalidStateException"
    );
    world.advance_to(7 * DAY);
    assert_eq!(
        code(call(&mut world, "DescribeKey", json!({"KeyId": id}))),
        "NotFoundException"
    );
    assert_eq!(
        call(&mut world, "ListAliases", json!({})).unwrap()["Aliases"],
        json!([])
    );
}

#[test]
fn aliases_are_unique_and_refuse_reserved_and_odd_names() {
    let mut world = world();
    let (id, _) = key(&mut world, json!({}));
    let (other, _) = key(&mut world, json!({}));
    let make = |world: &mut World, name: &str| {
        call(
            world,
            "CreateAlias",
            json!({"AliasName": name, "TargetKeyId": id}),
        )
    };
    make(&mut world, "alias/a").unwrap();
    let again = make(&mut world, "alias/a").unwrap_err();
    assert_eq!(
        (again.code.as_str(), again.message.as_str()),
        (
            "AlreadyExistsException",
            "An alias with the name arn:aws:kms:us-west-2:111122223333:alias/a already exists"
        )
    );
    assert_eq!(
        code(make(&mut world, "alias/aws/mine")),
        "NotAuthorizedException"
    );
    assert_eq!(code(make(&mut world, "mine")), "ValidationException");
    assert_eq!(
        code(make(&mut world, "alias/a b")),
        "InvalidAliasNameException"
    );
    call(
        &mut world,
        "UpdateAlias",
        json!({"AliasName": "alias/a", "TargetKeyId": other}),
    )
    .unwrap();
    assert_eq!(
        call(&mut world, "ListAliases", json!({"KeyId": other})).unwrap()["Aliases"][0]["AliasName"],
        "alias/a"
    );
    call(&mut world, "DeleteAlias", json!({"AliasName": "alias/a"})).unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "DeleteAlias",
            json!({"AliasName": "alias/a"})
        )),
        "NotFoundException"
    );
}

#[test]
fn a_ciphertext_opens_with_its_key_its_context_and_in_its_region_only() {
    let mut world = world();
    let (id, arn) = key(&mut world, json!({}));
    let (other, _) = key(&mut world, json!({}));
    let sealed = call(
        &mut world,
        "Encrypt",
        json!({"KeyId": id, "Plaintext": "c2VjcmV0", "EncryptionContext": {"a": "1", "b": "2"}}),
    )
    .unwrap();
    let blob = sealed["CiphertextBlob"].clone();
    let opened = call(
        &mut world,
        "Decrypt",
        json!({"CiphertextBlob": blob, "EncryptionContext": {"b": "2", "a": "1"}}),
    )
    .unwrap();
    assert_eq!(
        (&opened["Plaintext"], &opened["KeyId"]),
        (&json!("c2VjcmV0"), &json!(arn))
    );
    assert_eq!(
        code(call(&mut world, "Decrypt", json!({"CiphertextBlob": blob}))),
        "InvalidCiphertextException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "Decrypt",
            json!({"CiphertextBlob": blob, "KeyId": other, "EncryptionContext": {"a": "1", "b": "2"}})
        )),
        "IncorrectKeyException"
    );
    assert_eq!(
        code(call_in(
            &mut world,
            THERE,
            "Decrypt",
            json!({"CiphertextBlob": blob, "EncryptionContext": {"a": "1", "b": "2"}})
        )),
        "AccessDeniedException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "Decrypt",
            json!({"CiphertextBlob": "AAAA"})
        )),
        "InvalidCiphertextException"
    );
    let moved = call(&mut world, "ReEncrypt", json!({"CiphertextBlob": blob, "SourceEncryptionContext": {"a": "1", "b": "2"}, "DestinationKeyId": other})).unwrap();
    call(&mut world, "ScheduleKeyDeletion", json!({"KeyId": id})).unwrap();
    assert_eq!(
        call(
            &mut world,
            "Decrypt",
            json!({"CiphertextBlob": moved["CiphertextBlob"]})
        )
        .unwrap()["Plaintext"],
        "c2VjcmV0"
    );
    assert_eq!(
        code(call(
            &mut world,
            "Decrypt",
            json!({"CiphertextBlob": blob, "EncryptionContext": {"a": "1", "b": "2"}})
        )),
        "KMSInvalidStateException"
    );
}

#[test]
fn a_data_key_wants_a_spec_or_a_number_of_bytes() {
    let mut world = world();
    let (id, _) = key(&mut world, json!({}));
    assert_eq!(
        code(call(&mut world, "GenerateDataKey", json!({"KeyId": id}))),
        "ValidationException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "GenerateDataKey",
            json!({"KeyId": id, "KeySpec": "AES_256", "NumberOfBytes": 3})
        )),
        "ValidationException"
    );
    let made = call(
        &mut world,
        "GenerateDataKey",
        json!({"KeyId": id, "NumberOfBytes": 6}),
    )
    .unwrap();
    let opened = call(
        &mut world,
        "Decrypt",
        json!({"CiphertextBlob": made["CiphertextBlob"]}),
    )
    .unwrap();
    assert_eq!(opened["Plaintext"], made["Plaintext"]);
    let blind = call(
        &mut world,
        "GenerateDataKeyWithoutPlaintext",
        json!({"KeyId": id, "KeySpec": "AES_128"}),
    )
    .unwrap();
    assert!(blind.get("Plaintext").is_none());
    let dry = call(
        &mut world,
        "GenerateDataKey",
        json!({"KeyId": id, "KeySpec": "AES_128", "DryRun": true}),
    )
    .unwrap_err();
    assert_eq!(dry.code, "DryRunOperationException");
}

#[test]
fn a_replica_opens_what_the_primary_sealed_and_has_its_own_policy_tags_and_aliases() {
    let mut world = world();
    let (id, _) = key(
        &mut world,
        json!({"MultiRegion": true, "Tags": [{"TagKey": "a", "TagValue": "1"}]}),
    );
    assert!(id.starts_with("mrk-"));
    call(
        &mut world,
        "CreateAlias",
        json!({"AliasName": "alias/m", "TargetKeyId": id}),
    )
    .unwrap();
    let made = call(
        &mut world,
        "ReplicateKey",
        json!({"KeyId": id, "ReplicaRegion": THERE, "Tags": [{"TagKey": "b", "TagValue": "2"}]}),
    )
    .unwrap();
    assert_eq!(made["ReplicaKeyMetadata"]["KeyState"], "Creating");
    assert_eq!(
        made["ReplicaTags"],
        json!([{"TagKey": "b", "TagValue": "2"}])
    );
    let blob = call(
        &mut world,
        "Encrypt",
        json!({"KeyId": id, "Plaintext": "AAEC"}),
    )
    .unwrap()["CiphertextBlob"]
        .clone();
    assert_eq!(
        code(call_in(
            &mut world,
            THERE,
            "Decrypt",
            json!({"CiphertextBlob": blob})
        )),
        "KMSInvalidStateException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "ReplicateKey",
            json!({"KeyId": id, "ReplicaRegion": THERE})
        )),
        "AlreadyExistsException"
    );
    world.advance_to(60 * SECOND);
    assert_eq!(
        call_in(
            &mut world,
            THERE,
            "Decrypt",
            json!({"CiphertextBlob": blob})
        )
        .unwrap()["Plaintext"],
        "AAEC"
    );
    assert_eq!(
        code(call_in(
            &mut world,
            THERE,
            "DescribeKey",
            json!({"KeyId": "alias/m"})
        )),
        "NotFoundException"
    );
    let shown = call(&mut world, "DescribeKey", json!({"KeyId": id})).unwrap();
    let configuration = &shown["KeyMetadata"]["MultiRegionConfiguration"];
    assert_eq!(
        (
            &configuration["MultiRegionKeyType"],
            &configuration["ReplicaKeys"][0]["Region"]
        ),
        (&json!("PRIMARY"), &json!(THERE))
    );
    assert_eq!(
        code(call_in(
            &mut world,
            THERE,
            "ReplicateKey",
            json!({"KeyId": id, "ReplicaRegion": "us-east-1"})
        )),
        "UnsupportedOperationException"
    );
    let waiting = call(
        &mut world,
        "ScheduleKeyDeletion",
        json!({"KeyId": id, "PendingWindowInDays": 7}),
    )
    .unwrap();
    assert_eq!(waiting["KeyState"], "PendingReplicaDeletion");
    call(&mut world, "CancelKeyDeletion", json!({"KeyId": id})).unwrap();
    call(&mut world, "EnableKey", json!({"KeyId": id})).unwrap();
    call(
        &mut world,
        "UpdatePrimaryRegion",
        json!({"KeyId": id, "PrimaryRegion": THERE}),
    )
    .unwrap();
    world.advance_to(180 * SECOND);
    let there = call_in(&mut world, THERE, "DescribeKey", json!({"KeyId": id})).unwrap();
    assert_eq!(
        there["KeyMetadata"]["MultiRegionConfiguration"]["MultiRegionKeyType"],
        "PRIMARY"
    );
    assert_eq!(there["KeyMetadata"]["KeyState"], "Enabled");
}

#[test]
fn a_primary_goes_only_after_its_last_replica() {
    let mut world = world();
    let (id, _) = key(&mut world, json!({"MultiRegion": true}));
    call(
        &mut world,
        "ReplicateKey",
        json!({"KeyId": id, "ReplicaRegion": THERE}),
    )
    .unwrap();
    world.advance_to(60 * SECOND);
    call(
        &mut world,
        "ScheduleKeyDeletion",
        json!({"KeyId": id, "PendingWindowInDays": 7}),
    )
    .unwrap();
    call_in(
        &mut world,
        THERE,
        "ScheduleKeyDeletion",
        json!({"KeyId": id, "PendingWindowInDays": 7}),
    )
    .unwrap();
    world.advance_to(8 * DAY);
    assert_eq!(
        code(call_in(
            &mut world,
            THERE,
            "DescribeKey",
            json!({"KeyId": id})
        )),
        "NotFoundException"
    );
    assert_eq!(
        call(&mut world, "DescribeKey", json!({"KeyId": id})).unwrap()["KeyMetadata"]["KeyState"],
        "PendingDeletion"
    );
    world.advance_to(16 * DAY);
    assert_eq!(
        code(call(&mut world, "DescribeKey", json!({"KeyId": id}))),
        "NotFoundException"
    );
}

#[test]
fn a_key_of_one_region_is_not_replicated() {
    let mut world = world();
    let (id, _) = key(&mut world, json!({}));
    assert_eq!(
        code(call(
            &mut world,
            "ReplicateKey",
            json!({"KeyId": id, "ReplicaRegion": THERE})
        )),
        "UnsupportedOperationException"
    );
}

#[test]
fn a_grant_of_a_name_is_made_once_and_its_token_works_before_it_has_settled() {
    let mut world = World::new(1);
    let (id, arn) = key(&mut world, json!({}));
    let grantee = "arn:aws:iam::111122223333:role/app";
    let ask =
        json!({"KeyId": id, "GranteePrincipal": grantee, "Operations": ["Decrypt"], "Name": "one"});
    let first = call(&mut world, "CreateGrant", ask.clone()).unwrap();
    let again = call(&mut world, "CreateGrant", ask).unwrap();
    assert_eq!(first["GrantId"], again["GrantId"]);
    assert_ne!(first["GrantToken"], again["GrantToken"]);
    let nameless = json!({"KeyId": id, "GranteePrincipal": grantee, "Operations": ["Encrypt"], "RetiringPrincipal": grantee});
    let a = call(&mut world, "CreateGrant", nameless.clone()).unwrap();
    let b = call(&mut world, "CreateGrant", nameless).unwrap();
    assert_ne!(
        a["GrantId"], b["GrantId"],
        "without a name every call makes one"
    );
    assert_eq!(
        call(&mut world, "ListGrants", json!({"KeyId": id})).unwrap()["Grants"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let row = world
        .place(ACCOUNT, HERE)
        .kms
        .keys
        .get(&id)
        .unwrap()
        .clone();
    let token = first["GrantToken"].as_str().unwrap().to_owned();
    assert!(row.granted(0, grantee, "Decrypt", std::slice::from_ref(&token)));
    assert!(!row.granted(0, grantee, "Decrypt", &[]));
    assert!(row.granted(
        300 * SECOND,
        "arn:aws:sts::111122223333:assumed-role/app/s",
        "Decrypt",
        &[]
    ));
    assert_eq!(
        call(
            &mut world,
            "ListRetirableGrants",
            json!({"RetiringPrincipal": grantee})
        )
        .unwrap()["Grants"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    call(&mut world, "RetireGrant", json!({"GrantToken": token})).unwrap();
    call(
        &mut world,
        "RevokeGrant",
        json!({"KeyId": arn, "GrantId": a["GrantId"]}),
    )
    .unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "RevokeGrant",
            json!({"KeyId": arn, "GrantId": a["GrantId"]})
        )),
        "NotFoundException"
    );
}

#[test]
fn a_managed_key_is_there_on_first_use_and_cannot_be_changed() {
    let mut world = world();
    assert_eq!(
        call(&mut world, "ListAliases", json!({})).unwrap()["Aliases"],
        json!([])
    );
    let before = usable(&world, ACCOUNT, HERE, "alias/aws/rds").unwrap();
    let made = aws_managed(&mut world, ACCOUNT, HERE, "rds");
    assert_eq!(before, made);
    let shown = call(&mut world, "DescribeKey", json!({"KeyId": "alias/aws/rds"})).unwrap();
    assert_eq!(shown["KeyMetadata"]["KeyManager"], "AWS");
    assert_eq!(
        code(call(&mut world, "DisableKey", json!({"KeyId": made}))),
        "AccessDeniedException"
    );
    assert_eq!(
        call(&mut world, "DescribeKey", json!({"KeyId": "alias/aws/ebs"})).unwrap()["KeyMetadata"]
            ["KeyState"],
        "Enabled"
    );
    assert!(usable(&world, ACCOUNT, HERE, "alias/aws/nothing").is_err());
}

#[test]
fn a_policy_that_locks_its_maker_out_is_refused() {
    let mut world = world();
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "kms:*", "Resource": "*"}]}).to_string();
    let refused = call(&mut world, "CreateKey", json!({"Policy": policy})).unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        (
            "MalformedPolicyDocumentException",
            "The new key policy will not allow you to update the key policy in the future."
        )
    );
    assert_eq!(
        code(call(&mut world, "CreateKey", json!({"Policy": "{"}))),
        "MalformedPolicyDocumentException"
    );
    let (id, _) = key(
        &mut world,
        json!({"Policy": policy, "BypassPolicyLockoutSafetyCheck": true}),
    );
    assert_eq!(
        call(&mut world, "GetKeyPolicy", json!({"KeyId": id})).unwrap()["Policy"],
        policy.as_str()
    );
}

#[test]
fn a_principal_uses_a_key_by_its_policy_with_iam_or_by_a_grant() {
    let mut world = world();
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}).to_string();
    world
        .invoke(
            ACCOUNT,
            "us-east-1",
            ServiceId::Iam,
            "CreateRole",
            json!({"RoleName": "app", "AssumeRolePolicyDocument": trust}),
        )
        .unwrap();
    let role = "arn:aws:iam::111122223333:role/app";
    let (id, arn) = key(&mut world, json!({}));
    assert!(
        principal_may(&world, role, &arn, "kms:Decrypt").is_err(),
        "the default policy leaves it to IAM"
    );
    let allow = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": arn}]}).to_string();
    world
        .invoke(
            ACCOUNT,
            "us-east-1",
            ServiceId::Iam,
            "PutRolePolicy",
            json!({"RoleName": "app", "PolicyName": "p", "PolicyDocument": allow}),
        )
        .unwrap();
    assert!(principal_may(&world, role, &arn, "kms:Decrypt").is_ok());
    let closed = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/nobody-of-ours"}, "Action": "kms:*", "Resource": "*"}]}).to_string();
    assert_eq!(
        code(call(
            &mut world,
            "PutKeyPolicy",
            json!({"KeyId": id, "PolicyName": "default", "Policy": closed})
        )),
        "MalformedPolicyDocumentException"
    );
    let service = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "kms:*", "Resource": "*"}]}).to_string();
    call(&mut world, "PutKeyPolicy", json!({"KeyId": id, "PolicyName": "default", "Policy": service, "BypassPolicyLockoutSafetyCheck": true})).unwrap();
    assert!(
        principal_may(&world, role, &arn, "kms:Decrypt").is_err(),
        "IAM alone is not enough"
    );
    call(
        &mut world,
        "CreateGrant",
        json!({"KeyId": id, "GranteePrincipal": role, "Operations": ["Decrypt"]}),
    )
    .unwrap();
    assert!(principal_may(&world, role, &arn, "kms:Decrypt").is_ok());
    assert!(principal_may(&world, role, &arn, "kms:Encrypt").is_err());
    let managed = usable(&world, ACCOUNT, HERE, "alias/aws/secretsmanager").unwrap();
    assert!(
        principal_may_via(
            &world,
            role,
            &managed,
            "kms:Decrypt",
            Some("secretsmanager")
        )
        .is_ok()
    );
}

#[test]
fn rotation_and_tags_are_kept() {
    let mut world = world();
    let (id, arn) = key(&mut world, json!({}));
    assert_eq!(
        call(&mut world, "GetKeyRotationStatus", json!({"KeyId": id})).unwrap()["KeyRotationEnabled"],
        false
    );
    call(
        &mut world,
        "EnableKeyRotation",
        json!({"KeyId": id, "RotationPeriodInDays": 180}),
    )
    .unwrap();
    assert_eq!(
        call(&mut world, "GetKeyRotationStatus", json!({"KeyId": arn})).unwrap()["RotationPeriodInDays"],
        180
    );
    call(
        &mut world,
        "TagResource",
        json!({"KeyId": id, "Tags": [{"TagKey": "a", "TagValue": "1"}]}),
    )
    .unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "TagResource",
            json!({"KeyId": id, "Tags": [{"TagKey": "aws:a", "TagValue": "1"}]})
        )),
        "TagException"
    );
    call(
        &mut world,
        "UntagResource",
        json!({"KeyId": id, "TagKeys": ["a"]}),
    )
    .unwrap();
    assert_eq!(
        call(&mut world, "ListResourceTags", json!({"KeyId": id})).unwrap()["Tags"],
        json!([])
    );
}
