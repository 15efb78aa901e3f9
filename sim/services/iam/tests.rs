use super::*;
use crate::clock::SECOND;
use crate::services::Wanted;
use crate::world::Caller;

const ACCOUNT: &str = "111122223333";

fn world() -> World {
    let mut world = World::new(1);
    world.settings.read_lag = 0;
    world
}

fn call(world: &mut World, operation: &str, input: Value) -> Result<Value, AwsError> {
    world.invoke(ACCOUNT, "us-east-1", ServiceId::Iam, operation, input)
}

fn trust(service: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}).to_string()
}

fn allow(action: &str, resource: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}).to_string()
}

fn role(world: &mut World, name: &str) -> String {
    let made = call(
        world,
        "CreateRole",
        json!({"RoleName": name, "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com")}),
    )
    .unwrap();
    made["Role"]["Arn"].as_str().unwrap().to_owned()
}

fn code(result: Result<Value, AwsError>) -> String {
    result.unwrap_err().code
}

#[test]
fn a_role_is_made_read_listed_and_deleted() {
    let mut world = world();
    let arn = role(&mut world, "app");
    assert_eq!(arn, "arn:aws:iam::111122223333:role/app");
    let got = call(&mut world, "GetRole", json!({"RoleName": "app"})).unwrap();
    assert!(got["Role"]["RoleId"].as_str().unwrap().starts_with("AROA"));
    assert!(
        got["Role"]["AssumeRolePolicyDocument"]
            .as_str()
            .unwrap()
            .starts_with("%7B%22Version%22")
    );
    assert_eq!(got["Role"]["MaxSessionDuration"], 3600);
    assert_eq!(
        call(&mut world, "ListRoles", json!({})).unwrap()["Roles"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        code(call(
            &mut world,
            "CreateRole",
            json!({"RoleName": "APP", "AssumeRolePolicyDocument": trust("a.amazonaws.com")})
        )),
        "EntityAlreadyExists"
    );
    call(&mut world, "DeleteRole", json!({"RoleName": "app"})).unwrap();
    assert_eq!(
        code(call(&mut world, "GetRole", json!({"RoleName": "app"}))),
        "NoSuchEntity"
    );
    assert_eq!(
        code(call(&mut world, "DeleteRole", json!({"RoleName": "app"}))),
        "NoSuchEntity"
    );
}

#[test]
fn a_role_with_policies_or_in_a_profile_is_not_deleted() {
    let mut world = world();
    role(&mut world, "app");
    call(
        &mut world,
        "PutRolePolicy",
        json!({"RoleName": "app", "PolicyName": "p", "PolicyDocument": allow("s3:*", "*")}),
    )
    .unwrap();
    call(
        &mut world,
        "AttachRolePolicy",
        json!({"RoleName": "app", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
    )
    .unwrap();
    call(
        &mut world,
        "CreateInstanceProfile",
        json!({"InstanceProfileName": "app"}),
    )
    .unwrap();
    call(
        &mut world,
        "AddRoleToInstanceProfile",
        json!({"InstanceProfileName": "app", "RoleName": "app"}),
    )
    .unwrap();
    let refused = |world: &mut World| {
        call(world, "DeleteRole", json!({"RoleName": "app"}))
            .unwrap_err()
            .message
    };
    assert_eq!(
        refused(&mut world),
        "Cannot delete entity, must remove roles from instance profile first."
    );
    assert_eq!(
        code(call(
            &mut world,
            "DeleteInstanceProfile",
            json!({"InstanceProfileName": "app"})
        )),
        "DeleteConflict"
    );
    assert_eq!(
        code(call(
            &mut world,
            "AddRoleToInstanceProfile",
            json!({"InstanceProfileName": "app", "RoleName": "app"})
        )),
        "LimitExceeded"
    );
    call(
        &mut world,
        "RemoveRoleFromInstanceProfile",
        json!({"InstanceProfileName": "app", "RoleName": "app"}),
    )
    .unwrap();
    assert_eq!(
        refused(&mut world),
        "Cannot delete entity, must detach all policies first."
    );
    call(
        &mut world,
        "DetachRolePolicy",
        json!({"RoleName": "app", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
    )
    .unwrap();
    assert_eq!(
        refused(&mut world),
        "Cannot delete entity, must delete policies first."
    );
    call(
        &mut world,
        "DeleteRolePolicy",
        json!({"RoleName": "app", "PolicyName": "p"}),
    )
    .unwrap();
    call(&mut world, "DeleteRole", json!({"RoleName": "app"})).unwrap();
    call(
        &mut world,
        "DeleteInstanceProfile",
        json!({"InstanceProfileName": "app"}),
    )
    .unwrap();
}

#[test]
fn malformed_documents_are_refused() {
    let mut world = world();
    assert_eq!(
        code(call(
            &mut world,
            "CreateRole",
            json!({"RoleName": "a", "AssumeRolePolicyDocument": "{"})
        )),
        "MalformedPolicyDocument"
    );
    role(&mut world, "app");
    assert_eq!(
        code(call(
            &mut world,
            "PutRolePolicy",
            json!({"RoleName": "app", "PolicyName": "p", "PolicyDocument": "{}"})
        )),
        "MalformedPolicyDocument"
    );
    assert_eq!(
        code(call(
            &mut world,
            "CreatePolicy",
            json!({"PolicyName": "p", "PolicyDocument": "[]"})
        )),
        "MalformedPolicyDocument"
    );
    let stranger = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/none"}, "Action": "sts:AssumeRole"}]}).to_string();
    let refused = call(
        &mut world,
        "UpdateAssumeRolePolicy",
        json!({"RoleName": "app", "PolicyDocument": stranger}),
    )
    .unwrap_err();
    assert_eq!(
        refused.message,
        "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111122223333:role/none\""
    );
}

#[test]
fn inline_policies_are_limited_in_total_size() {
    let mut world = world();
    role(&mut world, "app");
    let long: Vec<String> = (0..200)
        .map(|n| format!("arn:aws:s3:::bucket-of-some-length-{n}/*"))
        .collect();
    let document =
        json!({"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": long}]}).to_string();
    call(
        &mut world,
        "PutRolePolicy",
        json!({"RoleName": "app", "PolicyName": "a", "PolicyDocument": document}),
    )
    .unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "PutRolePolicy",
            json!({"RoleName": "app", "PolicyName": "b", "PolicyDocument": document})
        )),
        "LimitExceeded"
    );
    call(
        &mut world,
        "PutRolePolicy",
        json!({"RoleName": "app", "PolicyName": "a", "PolicyDocument": document}),
    )
    .unwrap();
}

#[test]
fn a_managed_policy_has_versions_and_is_kept_while_attached() {
    let mut world = world();
    let arn = "arn:aws:iam::111122223333:policy/move";
    call(&mut world, "CreatePolicy", json!({"PolicyName": "move", "PolicyDocument": allow("rds:*", "*"), "Tags": [{"Key": "a", "Value": "1"}]})).unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "CreatePolicy",
            json!({"PolicyName": "Move", "PolicyDocument": allow("rds:*", "*")})
        )),
        "EntityAlreadyExists"
    );
    let role = role(&mut world, "app");
    call(
        &mut world,
        "AttachRolePolicy",
        json!({"RoleName": "app", "PolicyArn": arn}),
    )
    .unwrap();
    assert!(role_allows(
        &world,
        &role,
        "rds:CopyDBSnapshot",
        "*",
        "eu-west-1"
    ));
    let version = call(
        &mut world,
        "CreatePolicyVersion",
        json!({"PolicyArn": arn, "PolicyDocument": allow("ecs:*", "*"), "SetAsDefault": true}),
    )
    .unwrap();
    assert_eq!(version["PolicyVersion"]["VersionId"], "v2");
    assert!(!role_allows(
        &world,
        &role,
        "rds:CopyDBSnapshot",
        "*",
        "eu-west-1"
    ));
    for _ in 0..3 {
        call(
            &mut world,
            "CreatePolicyVersion",
            json!({"PolicyArn": arn, "PolicyDocument": allow("ecs:*", "*")}),
        )
        .unwrap();
    }
    assert_eq!(
        code(call(
            &mut world,
            "CreatePolicyVersion",
            json!({"PolicyArn": arn, "PolicyDocument": allow("ecs:*", "*")})
        )),
        "LimitExceeded"
    );
    assert_eq!(
        code(call(
            &mut world,
            "DeletePolicyVersion",
            json!({"PolicyArn": arn, "VersionId": "v2"})
        )),
        "DeleteConflict"
    );
    call(
        &mut world,
        "SetDefaultPolicyVersion",
        json!({"PolicyArn": arn, "VersionId": "v1"}),
    )
    .unwrap();
    assert!(role_allows(
        &world,
        &role,
        "rds:CopyDBSnapshot",
        "*",
        "eu-west-1"
    ));
    assert_eq!(
        code(call(&mut world, "DeletePolicy", json!({"PolicyArn": arn}))),
        "DeleteConflict"
    );
    let entities = call(
        &mut world,
        "ListEntitiesForPolicy",
        json!({"PolicyArn": arn}),
    )
    .unwrap();
    assert_eq!(entities["PolicyRoles"][0]["RoleName"], "app");
    assert_eq!(
        call(&mut world, "GetPolicy", json!({"PolicyArn": arn})).unwrap()["Policy"]["AttachmentCount"],
        1
    );
    call(
        &mut world,
        "DetachRolePolicy",
        json!({"RoleName": "app", "PolicyArn": arn}),
    )
    .unwrap();
    assert_eq!(
        code(call(&mut world, "DeletePolicy", json!({"PolicyArn": arn}))),
        "DeleteConflict",
        "versions first"
    );
    for version in ["v2", "v3", "v4", "v5"] {
        call(
            &mut world,
            "DeletePolicyVersion",
            json!({"PolicyArn": arn, "VersionId": version}),
        )
        .unwrap();
    }
    call(&mut world, "DeletePolicy", json!({"PolicyArn": arn})).unwrap();
    assert_eq!(
        code(call(&mut world, "GetPolicy", json!({"PolicyArn": arn}))),
        "NoSuchEntity"
    );
}

#[test]
fn aws_policies_can_be_attached_and_read_and_not_changed() {
    let mut world = world();
    let arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
    let role = role(&mut world, "execution");
    call(
        &mut world,
        "AttachRolePolicy",
        json!({"RoleName": "execution", "PolicyArn": arn}),
    )
    .unwrap();
    assert!(role_allows(
        &world,
        &role,
        "ecr:BatchGetImage",
        "arn:aws:ecr:eu-west-1:111122223333:repository/redmine",
        "eu-west-1"
    ));
    assert!(!role_allows(
        &world,
        &role,
        "secretsmanager:GetSecretValue",
        "*",
        "eu-west-1"
    ));
    assert!(trusts(&world, &role, "ecs-tasks.amazonaws.com"));
    assert!(!trusts(&world, &role, "ec2.amazonaws.com"));
    let got = call(&mut world, "GetPolicy", json!({"PolicyArn": arn})).unwrap();
    assert_eq!(got["Policy"]["Path"], "/service-role/");
    assert_eq!(
        code(call(&mut world, "DeletePolicy", json!({"PolicyArn": arn}))),
        "AccessDenied"
    );
    assert_eq!(
        code(call(
            &mut world,
            "AttachRolePolicy",
            json!({"RoleName": "execution", "PolicyArn": "arn:aws:iam::aws:policy/None"})
        )),
        "NoSuchEntity"
    );
    assert!(all_builtins_parse());
}

fn all_builtins_parse() -> bool {
    builtin::all().count() >= 40
}

#[test]
fn a_new_role_works_only_after_propagation() {
    let mut world = World::new(3);
    let arn = role(&mut world, "app");
    call(
        &mut world,
        "PutRolePolicy",
        json!({"RoleName": "app", "PolicyName": "p", "PolicyDocument": allow("s3:*", "*")}),
    )
    .unwrap();
    assert!(!trusts(&world, &arn, "ecs-tasks.amazonaws.com"));
    assert!(!role_allows(&world, &arn, "s3:GetObject", "*", "us-west-2"));
    world.advance_to(7 * SECOND);
    assert!(!role_allows(&world, &arn, "s3:GetObject", "*", "us-west-2"));
    world.advance_to(21 * SECOND);
    assert!(trusts(&world, &arn, "ecs-tasks.amazonaws.com"));
    assert!(role_allows(&world, &arn, "s3:GetObject", "*", "us-west-2"));
    call(
        &mut world,
        "DeleteRolePolicy",
        json!({"RoleName": "app", "PolicyName": "p"}),
    )
    .unwrap();
    assert!(
        role_allows(&world, &arn, "s3:GetObject", "*", "us-west-2"),
        "what is taken away lingers as long"
    );
    world.advance_to(45 * SECOND);
    assert!(!role_allows(&world, &arn, "s3:GetObject", "*", "us-west-2"));
}

#[test]
fn a_conditional_service_control_policy_denies_a_region_even_to_root_and_the_simulator_does_not_see_it()
 {
    let mut world = world();
    let arn = role(&mut world, "mover");
    call(
        &mut world,
        "AttachRolePolicy",
        json!({"RoleName": "mover", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    )
    .unwrap();
    let deny = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "NotAction": ["iam:*", "route53:*"], "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["us-west-2"]}},
    }]})
    .to_string();
    set_service_control_policies(
        &mut world,
        ACCOUNT,
        &[("FullAWSAccess", &allow("*", "*")), ("regions", &deny)],
    )
    .unwrap();
    assert!(role_allows(
        &world,
        &arn,
        "rds:CopyDBSnapshot",
        "*",
        "us-west-2"
    ));
    assert!(!role_allows(
        &world,
        &arn,
        "rds:CopyDBSnapshot",
        "*",
        "eu-west-1"
    ));
    let root = Caller {
        account: ACCOUNT.into(),
        arn: format!("arn:aws:iam::{ACCOUNT}:root"),
        id: ACCOUNT.into(),
        access_key: String::new(),
    };
    let wanted = Wanted {
        action: "rds:CopyDBSnapshot".into(),
        resource: "*".into(),
        context: vec![],
    };
    let refused = authorize(&world, &root, &wanted, "eu-west-1").unwrap_err();
    assert_eq!(
        refused.message,
        "User: arn:aws:iam::111122223333:root is not authorized to perform: rds:CopyDBSnapshot on resource: * with an explicit deny in a service control policy"
    );
    let simulated = call(&mut world, "SimulatePrincipalPolicy", json!({
        "PolicySourceArn": arn, "ActionNames": ["rds:CopyDBSnapshot"],
        "ContextEntries": [{"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": ["eu-west-1"], "ContextKeyType": "string"}],
    }))
    .unwrap();
    assert_eq!(simulated["EvaluationResults"][0]["EvalDecision"], "allowed");
    assert_eq!(
        simulated["EvaluationResults"][0]["OrganizationsDecisionDetail"]["AllowedByOrganizations"],
        true
    );
}

#[test]
fn a_boundary_limits_what_policies_grant() {
    let mut world = world();
    call(
        &mut world,
        "CreatePolicy",
        json!({"PolicyName": "edge", "PolicyDocument": allow("s3:*", "*")}),
    )
    .unwrap();
    let arn = role(&mut world, "app");
    call(
        &mut world,
        "AttachRolePolicy",
        json!({"RoleName": "app", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    )
    .unwrap();
    call(
        &mut world,
        "PutRolePermissionsBoundary",
        json!({"RoleName": "app", "PermissionsBoundary": "arn:aws:iam::111122223333:policy/edge"}),
    )
    .unwrap();
    assert!(role_allows(&world, &arn, "s3:GetObject", "*", "us-west-2"));
    assert!(!role_allows(
        &world,
        &arn,
        "rds:DescribeDBInstances",
        "*",
        "us-west-2"
    ));
    call(
        &mut world,
        "DeleteRolePermissionsBoundary",
        json!({"RoleName": "app"}),
    )
    .unwrap();
    assert!(role_allows(
        &world,
        &arn,
        "rds:DescribeDBInstances",
        "*",
        "us-west-2"
    ));
}

#[test]
fn passing_a_role_depends_on_the_service_it_is_passed_to() {
    let mut world = world();
    role(&mut world, "app");
    call(&mut world, "CreateUser", json!({"UserName": "ann"})).unwrap();
    let document = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::111122223333:role/app",
        "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
    }]})
    .to_string();
    call(
        &mut world,
        "PutUserPolicy",
        json!({"UserName": "ann", "PolicyName": "pass", "PolicyDocument": document}),
    )
    .unwrap();
    let ann = Caller {
        account: ACCOUNT.into(),
        arn: format!("arn:aws:iam::{ACCOUNT}:user/ann"),
        id: String::new(),
        access_key: String::new(),
    };
    let pass = |service: &str| Wanted {
        action: "iam:PassRole".into(),
        resource: "arn:aws:iam::111122223333:role/app".into(),
        context: vec![("iam:PassedToService".into(), service.into())],
    };
    assert!(authorize(&world, &ann, &pass("ecs-tasks.amazonaws.com"), "us-west-2").is_ok());
    let refused = authorize(&world, &ann, &pass("ec2.amazonaws.com"), "us-west-2").unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.status),
        ("AccessDenied", Some(403))
    );
    assert!(
        refused
            .message
            .ends_with("because no identity-based policy allows the iam:PassRole action")
    );
}

#[test]
fn a_user_has_at_most_two_access_keys_and_a_switched_off_key_calls_no_more() {
    let mut world = world();
    call(&mut world, "CreateUser", json!({"UserName": "ann"})).unwrap();
    let made = call(&mut world, "CreateAccessKey", json!({"UserName": "ann"})).unwrap();
    let id = made["AccessKey"]["AccessKeyId"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        made["AccessKey"]["SecretAccessKey"].as_str().unwrap().len(),
        40
    );
    call(&mut world, "CreateAccessKey", json!({"UserName": "ann"})).unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "CreateAccessKey",
            json!({"UserName": "ann"})
        )),
        "LimitExceeded"
    );
    let (secret, caller) = secret_key(&world, &id).unwrap();
    assert_eq!(
        (secret.as_str(), caller.arn.as_str()),
        (
            made["AccessKey"]["SecretAccessKey"].as_str().unwrap(),
            "arn:aws:iam::111122223333:user/ann"
        )
    );
    assert_eq!(
        code(call(&mut world, "DeleteUser", json!({"UserName": "ann"}))),
        "DeleteConflict"
    );
    call(
        &mut world,
        "UpdateAccessKey",
        json!({"UserName": "ann", "AccessKeyId": id, "Status": "Inactive"}),
    )
    .unwrap();
    assert!(secret_key(&world, &id).is_none());
}

#[test]
fn a_group_grants_to_its_members() {
    let mut world = world();
    call(&mut world, "CreateUser", json!({"UserName": "ann"})).unwrap();
    call(&mut world, "CreateGroup", json!({"GroupName": "ops"})).unwrap();
    call(
        &mut world,
        "AttachGroupPolicy",
        json!({"GroupName": "ops", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
    )
    .unwrap();
    let ann = Caller {
        account: ACCOUNT.into(),
        arn: format!("arn:aws:iam::{ACCOUNT}:user/ann"),
        id: String::new(),
        access_key: String::new(),
    };
    let look = Wanted {
        action: "rds:DescribeDBInstances".into(),
        resource: "*".into(),
        context: vec![],
    };
    assert!(authorize(&world, &ann, &look, "us-west-2").is_err());
    call(
        &mut world,
        "AddUserToGroup",
        json!({"GroupName": "ops", "UserName": "ann"}),
    )
    .unwrap();
    assert!(authorize(&world, &ann, &look, "us-west-2").is_ok());
    assert_eq!(
        code(call(&mut world, "DeleteGroup", json!({"GroupName": "ops"}))),
        "DeleteConflict"
    );
}

#[test]
fn a_service_linked_role_is_made_once_and_changed_by_nobody() {
    let mut world = world();
    assert!(!has_service_linked_role(
        &world,
        ACCOUNT,
        "ecs.amazonaws.com"
    ));
    let made = call(
        &mut world,
        "CreateServiceLinkedRole",
        json!({"AWSServiceName": "ecs.amazonaws.com"}),
    )
    .unwrap();
    assert_eq!(
        made["Role"]["Arn"],
        "arn:aws:iam::111122223333:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    );
    assert!(has_service_linked_role(
        &world,
        ACCOUNT,
        "ecs.amazonaws.com"
    ));
    let again = call(
        &mut world,
        "CreateServiceLinkedRole",
        json!({"AWSServiceName": "ecs.amazonaws.com"}),
    )
    .unwrap_err();
    assert_eq!(again.code, "InvalidInput");
    assert!(again.message.contains("has been taken in this account"));
    assert_eq!(
        code(call(
            &mut world,
            "DeleteRole",
            json!({"RoleName": "AWSServiceRoleForECS"})
        )),
        "UnmodifiableEntity"
    );
    assert_eq!(
        code(call(
            &mut world,
            "CreateServiceLinkedRole",
            json!({"AWSServiceName": "none.amazonaws.com"})
        )),
        "InvalidInput"
    );
    let task = call(
        &mut world,
        "DeleteServiceLinkedRole",
        json!({"RoleName": "AWSServiceRoleForECS"}),
    )
    .unwrap();
    let id = task["DeletionTaskId"].as_str().unwrap().to_owned();
    assert_eq!(
        call(
            &mut world,
            "GetServiceLinkedRoleDeletionStatus",
            json!({"DeletionTaskId": id})
        )
        .unwrap()["Status"],
        "IN_PROGRESS"
    );
    world.advance_to(30 * SECOND);
    assert_eq!(
        call(
            &mut world,
            "GetServiceLinkedRoleDeletionStatus",
            json!({"DeletionTaskId": id})
        )
        .unwrap()["Status"],
        "SUCCEEDED"
    );
    assert!(!has_service_linked_role(
        &world,
        ACCOUNT,
        "ecs.amazonaws.com"
    ));
    linked::make_for(&mut world, ACCOUNT, "rds.amazonaws.com");
    assert!(has_service_linked_role(
        &world,
        ACCOUNT,
        "rds.amazonaws.com"
    ));
}

#[test]
fn assuming_a_role_needs_its_trust_and_unless_named_ones_own_policies() {
    let mut world = world();
    call(&mut world, "CreateUser", json!({"UserName": "ann"})).unwrap();
    let ann = Caller {
        account: ACCOUNT.into(),
        arn: format!("arn:aws:iam::{ACCOUNT}:user/ann"),
        id: String::new(),
        access_key: "AKIAIOSFODNN7EXAMPLE".into(),
    };
    let trusting = |who: &str| {
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": who}, "Action": "sts:AssumeRole"}]}).to_string()
    };
    call(&mut world, "CreateRole", json!({"RoleName": "named", "AssumeRolePolicyDocument": trusting(&ann.arn), "MaxSessionDuration": 7200})).unwrap();
    call(&mut world, "CreateRole", json!({"RoleName": "rooted", "AssumeRolePolicyDocument": trusting("arn:aws:iam::111122223333:root")})).unwrap();
    let assumed = assume(&world, "arn:aws:iam::111122223333:role/named", &ann).unwrap();
    assert_eq!(assumed.max_session_seconds, 7200);
    assert_eq!(
        assume(&world, "arn:aws:iam::111122223333:role/rooted", &ann)
            .unwrap_err()
            .code,
        "AccessDenied"
    );
    call(&mut world, "PutUserPolicy", json!({"UserName": "ann", "PolicyName": "a", "PolicyDocument": allow("sts:AssumeRole", "*")})).unwrap();
    assert!(assume(&world, "arn:aws:iam::111122223333:role/rooted", &ann).is_ok());
    assert_eq!(
        assume(&world, "arn:aws:iam::111122223333:role/none", &ann)
            .unwrap_err()
            .code,
        "AccessDenied"
    );
    let session = Caller {
        arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/named/s"),
        ..ann
    };
    let look = Wanted {
        action: "rds:DescribeDBInstances".into(),
        resource: "*".into(),
        context: vec![],
    };
    assert!(authorize(&world, &session, &look, "us-west-2").is_err());
    call(
        &mut world,
        "AttachRolePolicy",
        json!({"RoleName": "named", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
    )
    .unwrap();
    assert!(authorize(&world, &session, &look, "us-west-2").is_ok());
}

#[test]
fn a_simulation_names_the_statement_that_decides_and_the_keys_it_lacked() {
    let mut world = world();
    let arn = role(&mut world, "app");
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "rds:*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}},
        {"Effect": "Deny", "Action": "rds:Delete*", "Resource": "*"},
    ]})
    .to_string();
    call(
        &mut world,
        "PutRolePolicy",
        json!({"RoleName": "app", "PolicyName": "p", "PolicyDocument": document}),
    )
    .unwrap();
    let got = call(&mut world, "SimulatePrincipalPolicy", json!({"PolicySourceArn": arn, "ActionNames": ["rds:CopyDBSnapshot", "rds:DeleteDBInstance", "ecs:RunTask"]})).unwrap();
    let results = got["EvaluationResults"].as_array().unwrap();
    assert_eq!(results[0]["EvalDecision"], "implicitDeny");
    assert_eq!(
        results[0]["MissingContextValues"],
        json!(["aws:RequestedRegion"])
    );
    assert_eq!(results[1]["EvalDecision"], "explicitDeny");
    assert_eq!(
        results[1]["MatchedStatements"][0]["SourcePolicyId"],
        "role_app_p"
    );
    assert_eq!(results[2]["EvalDecision"], "implicitDeny");
    assert_eq!(
        code(call(
            &mut world,
            "SimulatePrincipalPolicy",
            json!({"PolicySourceArn": "arn:aws:iam::111122223333:role/none", "ActionNames": ["a:b"]})
        )),
        "NoSuchEntity"
    );
    let custom = call(&mut world, "SimulateCustomPolicy", json!({"PolicyInputList": [allow("s3:*", "arn:aws:s3:::mine/*")], "ActionNames": ["s3:GetObject"], "ResourceArns": ["arn:aws:s3:::mine/a", "arn:aws:s3:::other/a"]})).unwrap();
    let decisions: Vec<&str> = custom["EvaluationResults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["EvalDecision"].as_str().unwrap())
        .collect();
    assert_eq!(decisions, ["allowed", "implicitDeny"]);
}

#[test]
fn reads_lag_a_write() {
    let mut world = World::new(5);
    role(&mut world, "app");
    let first = call(&mut world, "GetRole", json!({"RoleName": "app"}));
    world.advance_to(4 * SECOND);
    assert!(first.is_err());
    assert!(call(&mut world, "GetRole", json!({"RoleName": "app"})).is_ok());
}

#[test]
fn tags_are_checked_merged_and_removed() {
    let mut world = world();
    role(&mut world, "app");
    call(&mut world, "TagRole", json!({"RoleName": "app", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]})).unwrap();
    call(
        &mut world,
        "UntagRole",
        json!({"RoleName": "app", "TagKeys": ["a"]}),
    )
    .unwrap();
    assert_eq!(
        call(&mut world, "ListRoleTags", json!({"RoleName": "app"})).unwrap()["Tags"],
        json!([{"Key": "b", "Value": "2"}])
    );
    assert_eq!(
        code(call(
            &mut world,
            "TagRole",
            json!({"RoleName": "app", "Tags": [{"Key": "aws:x", "Value": "1"}]})
        )),
        "InvalidInput"
    );
    assert_eq!(
        code(call(
            &mut world,
            "TagRole",
            json!({"RoleName": "app", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "1"}]})
        )),
        "InvalidInput"
    );
}

#[test]
fn an_access_key_set_from_outside_belongs_to_an_administrator() {
    let mut world = world();
    set_access_key(
        &mut world,
        ACCOUNT,
        "operator",
        "AKIAIOSFODNN7EXAMPLE",
        "secret",
    );
    let (secret, caller) = secret_key(&world, "AKIAIOSFODNN7EXAMPLE").unwrap();
    assert_eq!(secret, "secret");
    let wanted = Wanted {
        action: "ec2:CreateVpc".into(),
        resource: "*".into(),
        context: vec![],
    };
    assert!(authorize(&world, &caller, &wanted, "eu-west-1").is_ok());
    let details = call(&mut world, "GetAccountAuthorizationDetails", json!({})).unwrap();
    assert_eq!(details["UserDetailList"][0]["UserName"], "operator");
    assert_eq!(
        call(&mut world, "GetAccountSummary", json!({})).unwrap()["SummaryMap"]["Users"],
        1
    );
}
