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
    world.invoke(ACCOUNT, region, ServiceId::Secrets, operation, input)
}

fn call(world: &mut World, operation: &str, input: Value) -> Result<Value, AwsError> {
    call_in(world, HERE, operation, input)
}

fn code(result: Result<Value, AwsError>) -> String {
    result.unwrap_err().code
}

const DATABASE: &str =
    r#"{"engine":"postgres","host":"db.us-west-2.rds.amazonaws.com","port":5432,"password":"pw"}"#;

fn database(world: &mut World) -> String {
    let made = call(world, "CreateSecret", json!({"Name": "redmine/db", "SecretString": DATABASE, "Tags": [{"Key": "stack", "Value": "redmine"}]})).unwrap();
    made["ARN"].as_str().unwrap().to_owned()
}

fn token(n: u32) -> String {
    format!("token-{n:032}")
}

#[test]
fn a_secret_is_found_by_name_and_by_its_arn_with_and_without_suffix() {
    let mut world = world();
    let arn = database(&mut world);
    assert!(arn.starts_with("arn:aws:secretsmanager:us-west-2:111122223333:secret:redmine/db-"));
    let bare = &arn[..arn.len() - 7];
    for any in ["redmine/db", &arn, bare] {
        let got = call(&mut world, "GetSecretValue", json!({"SecretId": any})).unwrap();
        assert_eq!(
            (&got["SecretString"], &got["ARN"]),
            (&json!(DATABASE), &json!(arn))
        );
    }
    assert_eq!(
        code(call(
            &mut world,
            "GetSecretValue",
            json!({"SecretId": "redmine"})
        )),
        "ResourceNotFoundException"
    );
    assert_eq!(
        code(call_in(
            &mut world,
            THERE,
            "DescribeSecret",
            json!({"SecretId": arn})
        )),
        "ResourceNotFoundException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "CreateSecret",
            json!({"Name": "redmine/db", "SecretString": "x"})
        )),
        "ResourceExistsException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "CreateSecret",
            json!({"Name": "not a name"})
        )),
        "ValidationException"
    );
    assert_eq!(tagged(&world, ACCOUNT, HERE)[0].1["stack"], "redmine");
}

#[test]
fn a_creation_repeated_with_its_token_is_the_same_secret() {
    let mut world = world();
    let ask = json!({"Name": "a", "SecretString": "x", "ClientRequestToken": token(1)});
    let first = call(&mut world, "CreateSecret", ask.clone()).unwrap();
    assert_eq!(call(&mut world, "CreateSecret", ask).unwrap(), first);
    assert_eq!(first["VersionId"], token(1).as_str());
    assert_eq!(
        code(call(
            &mut world,
            "CreateSecret",
            json!({"Name": "a", "SecretString": "y", "ClientRequestToken": token(1)})
        )),
        "ResourceExistsException"
    );
}

#[test]
fn a_put_moves_the_current_version_to_previous() {
    let mut world = world();
    call(
        &mut world,
        "CreateSecret",
        json!({"Name": "a", "SecretString": "1", "ClientRequestToken": token(1)}),
    )
    .unwrap();
    for n in 2..4 {
        call(
            &mut world,
            "PutSecretValue",
            json!({"SecretId": "a", "SecretString": n.to_string(), "ClientRequestToken": token(n)}),
        )
        .unwrap();
    }
    let stage = |world: &mut World, stage: &str| {
        call(
            world,
            "GetSecretValue",
            json!({"SecretId": "a", "VersionStage": stage}),
        )
        .unwrap()["SecretString"]
            .clone()
    };
    assert_eq!(
        (
            stage(&mut world, "AWSCURRENT"),
            stage(&mut world, "AWSPREVIOUS")
        ),
        (json!("3"), json!("2"))
    );
    let listed = call(&mut world, "ListSecretVersionIds", json!({"SecretId": "a"})).unwrap();
    assert_eq!(listed["Versions"].as_array().unwrap().len(), 2);
    let all = call(
        &mut world,
        "ListSecretVersionIds",
        json!({"SecretId": "a", "IncludeDeprecated": true}),
    )
    .unwrap();
    assert_eq!(all["Versions"].as_array().unwrap().len(), 3);
    let again = call(
        &mut world,
        "PutSecretValue",
        json!({"SecretId": "a", "SecretString": "3", "ClientRequestToken": token(3)}),
    )
    .unwrap();
    assert_eq!(again["VersionId"], token(3).as_str());
    assert_eq!(
        code(call(
            &mut world,
            "PutSecretValue",
            json!({"SecretId": "a", "SecretString": "9", "ClientRequestToken": token(3)})
        )),
        "ResourceExistsException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "GetSecretValue",
            json!({"SecretId": "a", "VersionId": token(3), "VersionStage": "AWSPREVIOUS"})
        )),
        "InvalidRequestException"
    );
    call(
        &mut world,
        "PutSecretValue",
        json!({"SecretId": "a", "SecretString": "4", "VersionStages": ["AWSPENDING"]}),
    )
    .unwrap();
    assert_eq!(stage(&mut world, "AWSCURRENT"), "3");
    call(&mut world, "UpdateSecretVersionStage", json!({"SecretId": "a", "VersionStage": "AWSCURRENT", "RemoveFromVersionId": token(3), "MoveToVersionId": token(2)})).unwrap();
    assert_eq!(
        (
            stage(&mut world, "AWSCURRENT"),
            stage(&mut world, "AWSPREVIOUS")
        ),
        (json!("2"), json!("3"))
    );
    assert_eq!(
        code(call(
            &mut world,
            "UpdateSecretVersionStage",
            json!({"SecretId": "a", "VersionStage": "AWSCURRENT", "MoveToVersionId": token(3)})
        )),
        "InvalidParameterException"
    );
}

#[test]
fn a_secret_without_a_value_has_none_to_give() {
    let mut world = world();
    let made = call(&mut world, "CreateSecret", json!({"Name": "a"})).unwrap();
    assert!(made.get("VersionId").is_none());
    let refused = call(&mut world, "GetSecretValue", json!({"SecretId": "a"})).unwrap_err();
    assert_eq!(
        refused.message,
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
    );
    assert_eq!(
        code(call(&mut world, "PutSecretValue", json!({"SecretId": "a"}))),
        "InvalidParameterException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "PutSecretValue",
            json!({"SecretId": "a", "SecretString": "x", "SecretBinary": "AAEC"})
        )),
        "InvalidParameterException"
    );
}

#[test]
fn a_name_is_blocked_until_the_recovery_window_ends_or_deletion_is_forced() {
    let mut world = world();
    let arn = database(&mut world);
    call(
        &mut world,
        "DeleteSecret",
        json!({"SecretId": "redmine/db", "RecoveryWindowInDays": 7}),
    )
    .unwrap();
    let refused = call(
        &mut world,
        "CreateSecret",
        json!({"Name": "redmine/db", "SecretString": "x"}),
    )
    .unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        (
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion."
        )
    );
    assert_eq!(
        code(call(
            &mut world,
            "GetSecretValue",
            json!({"SecretId": "redmine/db"})
        )),
        "InvalidRequestException"
    );
    assert!(
        call(
            &mut world,
            "DescribeSecret",
            json!({"SecretId": "redmine/db"})
        )
        .unwrap()["DeletedDate"]
            .is_f64()
    );
    assert_eq!(
        call(&mut world, "ListSecrets", json!({})).unwrap()["SecretList"],
        json!([])
    );
    assert_eq!(
        call(
            &mut world,
            "ListSecrets",
            json!({"IncludePlannedDeletion": true})
        )
        .unwrap()["SecretList"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    call(
        &mut world,
        "RestoreSecret",
        json!({"SecretId": "redmine/db"}),
    )
    .unwrap();
    world.advance_to(8 * DAY);
    assert!(
        call(
            &mut world,
            "GetSecretValue",
            json!({"SecretId": "redmine/db"})
        )
        .is_ok()
    );
    call(
        &mut world,
        "DeleteSecret",
        json!({"SecretId": "redmine/db", "RecoveryWindowInDays": 7}),
    )
    .unwrap();
    world.advance_to(16 * DAY);
    assert_eq!(
        code(call(
            &mut world,
            "DescribeSecret",
            json!({"SecretId": "redmine/db"})
        )),
        "ResourceNotFoundException"
    );
    let second = database(&mut world);
    assert_ne!(arn, second, "another suffix");
    call(
        &mut world,
        "DeleteSecret",
        json!({"SecretId": "redmine/db", "ForceDeleteWithoutRecovery": true}),
    )
    .unwrap();
    database(&mut world);
    assert_eq!(
        code(call(
            &mut world,
            "DeleteSecret",
            json!({"SecretId": "redmine/db", "RecoveryWindowInDays": 3})
        )),
        "InvalidParameterException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "DeleteSecret",
            json!({"SecretId": "redmine/db", "RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": true})
        )),
        "InvalidParameterException"
    );
    assert!(
        call(
            &mut world,
            "DeleteSecret",
            json!({"SecretId": "none", "ForceDeleteWithoutRecovery": true})
        )
        .is_ok()
    );
}

#[test]
fn a_replica_follows_its_primary_is_read_only_and_becomes_its_own_when_promoted() {
    let mut world = world();
    let arn = database(&mut world);
    let began = call(
        &mut world,
        "ReplicateSecretToRegions",
        json!({"SecretId": arn, "AddReplicaRegions": [{"Region": THERE}]}),
    )
    .unwrap();
    assert_eq!(began["ReplicationStatus"][0]["Status"], "InProgress");
    assert_eq!(
        code(call_in(
            &mut world,
            THERE,
            "DescribeSecret",
            json!({"SecretId": "redmine/db"})
        )),
        "ResourceNotFoundException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "ReplicateSecretToRegions",
            json!({"SecretId": arn, "AddReplicaRegions": [{"Region": THERE}]})
        )),
        "InvalidParameterException"
    );
    world.advance_to(21 * SECOND);
    let shown = call(&mut world, "DescribeSecret", json!({"SecretId": arn})).unwrap();
    assert_eq!(
        (
            &shown["ReplicationStatus"][0]["Status"],
            &shown["PrimaryRegion"]
        ),
        (&json!("InSync"), &json!(HERE))
    );
    let there = call_in(
        &mut world,
        THERE,
        "DescribeSecret",
        json!({"SecretId": "redmine/db"}),
    )
    .unwrap();
    assert_eq!(
        there["ARN"],
        arn.replace(HERE, THERE).as_str(),
        "the same suffix"
    );
    assert_eq!(
        (&there["PrimaryRegion"], &there["Tags"][0]["Value"]),
        (&json!(HERE), &json!("redmine"))
    );
    let refused = call_in(
        &mut world,
        THERE,
        "PutSecretValue",
        json!({"SecretId": "redmine/db", "SecretString": "x"}),
    )
    .unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        (
            "InvalidRequestException",
            "Operation not permitted on a replica secret. Call must be made in primary secret's region."
        )
    );
    assert_eq!(
        code(call_in(
            &mut world,
            THERE,
            "DeleteSecret",
            json!({"SecretId": "redmine/db"})
        )),
        "InvalidRequestException"
    );
    assert_eq!(
        code(call(&mut world, "DeleteSecret", json!({"SecretId": arn}))),
        "InvalidRequestException",
        "replicas first"
    );
    call(
        &mut world,
        "PutSecretValue",
        json!({"SecretId": arn, "SecretString": "new"}),
    )
    .unwrap();
    assert_eq!(
        call(&mut world, "DescribeSecret", json!({"SecretId": arn})).unwrap()["ReplicationStatus"]
            [0]["Status"],
        "InProgress"
    );
    world.advance_to(60 * SECOND);
    assert_eq!(
        call_in(
            &mut world,
            THERE,
            "GetSecretValue",
            json!({"SecretId": "redmine/db"})
        )
        .unwrap()["SecretString"],
        "new"
    );
    assert_eq!(
        code(call(
            &mut world,
            "StopReplicationToReplica",
            json!({"SecretId": arn})
        )),
        "InvalidRequestException"
    );
    call_in(
        &mut world,
        THERE,
        "StopReplicationToReplica",
        json!({"SecretId": "redmine/db"}),
    )
    .unwrap();
    assert!(
        call(&mut world, "DescribeSecret", json!({"SecretId": arn}))
            .unwrap()
            .get("ReplicationStatus")
            .is_none()
    );
    assert!(
        call_in(
            &mut world,
            THERE,
            "DescribeSecret",
            json!({"SecretId": "redmine/db"})
        )
        .unwrap()
        .get("PrimaryRegion")
        .is_none()
    );
    call_in(
        &mut world,
        THERE,
        "PutSecretValue",
        json!({"SecretId": "redmine/db", "SecretString": "own"}),
    )
    .unwrap();
    call(
        &mut world,
        "PutSecretValue",
        json!({"SecretId": arn, "SecretString": "source"}),
    )
    .unwrap();
    world.advance_to(120 * SECOND);
    assert_eq!(
        call_in(
            &mut world,
            THERE,
            "GetSecretValue",
            json!({"SecretId": "redmine/db"})
        )
        .unwrap()["SecretString"],
        "own"
    );
    assert_eq!(
        code(call_in(
            &mut world,
            THERE,
            "StopReplicationToReplica",
            json!({"SecretId": "redmine/db"})
        )),
        "InvalidRequestException"
    );
}

#[test]
fn a_replica_fails_on_a_name_that_is_taken_there_unless_told_to_overwrite() {
    let mut world = world();
    let arn = database(&mut world);
    call_in(
        &mut world,
        THERE,
        "CreateSecret",
        json!({"Name": "redmine/db", "SecretString": "stranger"}),
    )
    .unwrap();
    call(
        &mut world,
        "ReplicateSecretToRegions",
        json!({"SecretId": arn, "AddReplicaRegions": [{"Region": THERE}]}),
    )
    .unwrap();
    world.advance_to(30 * SECOND);
    let shown = call(&mut world, "DescribeSecret", json!({"SecretId": arn})).unwrap();
    assert_eq!(shown["ReplicationStatus"][0]["Status"], "Failed");
    assert_eq!(
        shown["ReplicationStatus"][0]["StatusMessage"],
        "Replication failed: Secret name redmine/db already exists in region eu-west-1."
    );
    assert_eq!(
        call_in(
            &mut world,
            THERE,
            "GetSecretValue",
            json!({"SecretId": "redmine/db"})
        )
        .unwrap()["SecretString"],
        "stranger"
    );
    call(&mut world, "ReplicateSecretToRegions", json!({"SecretId": arn, "AddReplicaRegions": [{"Region": THERE}], "ForceOverwriteReplicaSecret": true})).unwrap();
    world.advance_to(60 * SECOND);
    assert_eq!(
        call_in(
            &mut world,
            THERE,
            "GetSecretValue",
            json!({"SecretId": "redmine/db"})
        )
        .unwrap()["SecretString"],
        DATABASE
    );
    call(
        &mut world,
        "RemoveRegionsFromReplication",
        json!({"SecretId": arn, "RemoveReplicaRegions": [THERE]}),
    )
    .unwrap();
    assert_eq!(
        code(call_in(
            &mut world,
            THERE,
            "DescribeSecret",
            json!({"SecretId": "redmine/db"})
        )),
        "ResourceNotFoundException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "RemoveRegionsFromReplication",
            json!({"SecretId": arn, "RemoveReplicaRegions": [THERE]})
        )),
        "InvalidParameterException"
    );
    call(&mut world, "DeleteSecret", json!({"SecretId": arn})).unwrap();
}

#[test]
fn a_replica_needs_a_key_of_its_own_region() {
    let mut world = world();
    let arn = database(&mut world);
    let foreign = json!({"SecretId": arn, "AddReplicaRegions": [{"Region": THERE, "KmsKeyId": "arn:aws:kms:us-west-2:111122223333:key/x"}]});
    assert_eq!(
        code(call(&mut world, "ReplicateSecretToRegions", foreign)),
        "InvalidParameterException"
    );
    call(&mut world, "ReplicateSecretToRegions", json!({"SecretId": arn, "AddReplicaRegions": [{"Region": THERE, "KmsKeyId": "alias/missing"}]})).unwrap();
    world.advance_to(30 * SECOND);
    let shown = call(&mut world, "DescribeSecret", json!({"SecretId": arn})).unwrap();
    assert_eq!(shown["ReplicationStatus"][0]["Status"], "Failed");
    assert_eq!(
        code(call(
            &mut world,
            "ReplicateSecretToRegions",
            json!({"SecretId": arn, "AddReplicaRegions": [{"Region": HERE}]})
        )),
        "InvalidParameterException"
    );
}

#[test]
fn a_disabled_key_keeps_a_secret_shut() {
    let mut world = world();
    let made = world
        .invoke(ACCOUNT, HERE, ServiceId::Kms, "CreateKey", json!({}))
        .unwrap();
    let key = made["KeyMetadata"]["KeyId"].clone();
    call(
        &mut world,
        "CreateSecret",
        json!({"Name": "a", "SecretString": "x", "KmsKeyId": key}),
    )
    .unwrap();
    assert_eq!(
        call(&mut world, "DescribeSecret", json!({"SecretId": "a"})).unwrap()["KmsKeyId"],
        key
    );
    world
        .invoke(
            ACCOUNT,
            HERE,
            ServiceId::Kms,
            "DisableKey",
            json!({"KeyId": key}),
        )
        .unwrap();
    assert_eq!(
        code(call(&mut world, "GetSecretValue", json!({"SecretId": "a"}))),
        "DecryptionFailure"
    );
    assert_eq!(
        code(call(
            &mut world,
            "PutSecretValue",
            json!({"SecretId": "a", "SecretString": "y"})
        )),
        "EncryptionFailure"
    );
    assert_eq!(
        code(call(
            &mut world,
            "CreateSecret",
            json!({"Name": "b", "SecretString": "x", "KmsKeyId": "alias/none"})
        )),
        "InvalidParameterException"
    );
}

#[test]
fn a_task_reads_a_json_key_a_stage_or_a_version() {
    let mut world = world();
    let arn = database(&mut world);
    assert_eq!(read(&world, &format!("{arn}:password::")).unwrap(), "pw");
    assert_eq!(read(&world, &format!("{arn}:port::")).unwrap(), "5432");
    assert_eq!(read(&world, &arn).unwrap(), DATABASE);
    assert_eq!(
        read(&world, &format!("{arn}:none::")).unwrap_err(),
        "retrieved secret from Secrets Manager did not contain json key none"
    );
    assert!(
        read(&world, &arn.replace(HERE, THERE))
            .unwrap_err()
            .contains("ResourceNotFoundException")
    );
    call(
        &mut world,
        "PutSecretValue",
        json!({"SecretId": arn, "SecretString": "{\"password\":\"two\"}"}),
    )
    .unwrap();
    assert_eq!(
        read(&world, &format!("{arn}:password:AWSPREVIOUS:")).unwrap(),
        "pw"
    );
    assert_eq!(read(&world, &format!("{arn}:password::")).unwrap(), "two");
}

#[test]
fn a_role_reads_only_what_its_policies_or_the_secrets_own_allow() {
    let mut world = world();
    let arn = database(&mut world);
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
    assert!(
        read_as(&world, role, &arn)
            .unwrap_err()
            .contains("AccessDeniedException")
    );
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": role}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}).to_string();
    call(
        &mut world,
        "PutResourcePolicy",
        json!({"SecretId": arn, "ResourcePolicy": policy}),
    )
    .unwrap();
    assert!(read_as(&world, role, &arn).is_ok());
    call(&mut world, "DeleteResourcePolicy", json!({"SecretId": arn})).unwrap();
    let allow = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "arn:aws:secretsmanager:us-west-2:111122223333:secret:redmine/*"}]}).to_string();
    world
        .invoke(
            ACCOUNT,
            "us-east-1",
            ServiceId::Iam,
            "PutRolePolicy",
            json!({"RoleName": "app", "PolicyName": "p", "PolicyDocument": allow}),
        )
        .unwrap();
    assert!(read_as(&world, role, &arn).is_ok());
    call(
        &mut world,
        "ReplicateSecretToRegions",
        json!({"SecretId": arn, "AddReplicaRegions": [{"Region": THERE}]}),
    )
    .unwrap();
    world.advance_to(30 * SECOND);
    assert!(
        read_as(&world, role, &arn.replace(HERE, THERE))
            .unwrap_err()
            .contains("AccessDeniedException"),
        "the policy names one region"
    );
}

#[test]
fn lists_are_filtered_by_name_tag_and_owner() {
    let mut world = world();
    database(&mut world);
    call(
        &mut world,
        "CreateSecret",
        json!({"Name": "other", "Description": "a session key", "SecretString": "x"}),
    )
    .unwrap();
    create_managed(&mut world, ACCOUNT, HERE, "rds", "rds!db-1", "{}", None);
    let names = |world: &mut World, filters: Value| -> Vec<String> {
        let list = call(
            world,
            "ListSecrets",
            json!({"Filters": filters, "SortOrder": "asc", "SortBy": "name"}),
        )
        .unwrap();
        list["SecretList"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["Name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        names(&mut world, json!([{"Key": "name", "Values": ["redmine/"]}])),
        ["redmine/db"]
    );
    assert_eq!(
        names(
            &mut world,
            json!([{"Key": "name", "Values": ["!redmine/"]}])
        ),
        ["other", "rds!db-1"]
    );
    assert_eq!(
        names(
            &mut world,
            json!([{"Key": "tag-key", "Values": ["stack"]}, {"Key": "tag-value", "Values": ["redmine"]}])
        ),
        ["redmine/db"]
    );
    assert_eq!(
        names(
            &mut world,
            json!([{"Key": "owning-service", "Values": ["rds"]}])
        ),
        ["rds!db-1"]
    );
    assert_eq!(
        names(
            &mut world,
            json!([{"Key": "description", "Values": ["session"]}])
        ),
        ["other"]
    );
    assert_eq!(
        code(call(
            &mut world,
            "DeleteSecret",
            json!({"SecretId": "rds!db-1"})
        )),
        "InvalidRequestException"
    );
    let batch = call(
        &mut world,
        "BatchGetSecretValue",
        json!({"SecretIdList": ["other", "none"]}),
    )
    .unwrap();
    assert_eq!(
        (
            &batch["SecretValues"][0]["SecretString"],
            &batch["Errors"][0]["ErrorCode"]
        ),
        (&json!("x"), &json!("ResourceNotFoundException"))
    );
}

#[test]
fn resource_policies_are_checked_and_rotation_is_settings_only() {
    let mut world = world();
    database(&mut world);
    assert_eq!(
        code(call(
            &mut world,
            "PutResourcePolicy",
            json!({"SecretId": "redmine/db", "ResourcePolicy": "{"})
        )),
        "MalformedPolicyDocumentException"
    );
    let public = json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:*", "Resource": "*"}]}).to_string();
    assert_eq!(
        code(call(
            &mut world,
            "PutResourcePolicy",
            json!({"SecretId": "redmine/db", "ResourcePolicy": public, "BlockPublicPolicy": true})
        )),
        "PublicPolicyException"
    );
    assert_eq!(
        code(call(
            &mut world,
            "RotateSecret",
            json!({"SecretId": "redmine/db"})
        )),
        "InvalidRequestException"
    );
    call(&mut world, "RotateSecret", json!({"SecretId": "redmine/db", "RotationLambdaARN": "arn:aws:lambda:us-west-2:111122223333:function:r", "RotationRules": {"AutomaticallyAfterDays": 30}})).unwrap();
    let shown = call(
        &mut world,
        "DescribeSecret",
        json!({"SecretId": "redmine/db"}),
    )
    .unwrap();
    assert_eq!(
        (
            &shown["RotationEnabled"],
            &shown["RotationRules"]["AutomaticallyAfterDays"]
        ),
        (&json!(true), &json!(30))
    );
    call(
        &mut world,
        "CancelRotateSecret",
        json!({"SecretId": "redmine/db"}),
    )
    .unwrap();
    assert_eq!(
        call(
            &mut world,
            "DescribeSecret",
            json!({"SecretId": "redmine/db"})
        )
        .unwrap()["RotationEnabled"],
        false
    );
    let password = call(
        &mut world,
        "GetRandomPassword",
        json!({"PasswordLength": 40, "ExcludePunctuation": true}),
    )
    .unwrap();
    assert!(
        password["RandomPassword"]
            .as_str()
            .unwrap()
            .chars()
            .all(|c| c.is_ascii_alphanumeric())
    );
}
