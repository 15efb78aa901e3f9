use super::*;

#[test]
fn the_root_of_an_account_is_told_who_it_is() {
    let mut world = World::new(1);
    let found = world
        .invoke(
            "111122223333",
            "us-west-2",
            ServiceId::Sts,
            "GetCallerIdentity",
            json!({}),
        )
        .unwrap();
    assert_eq!(found["Arn"], "arn:aws:iam::111122223333:root");
    assert_eq!(found["Account"], "111122223333");
}

#[test]
fn a_session_belongs_to_its_key_until_it_expires() {
    let mut world = World::new(1);
    let answer = world
        .invoke(
            "111122223333",
            "us-west-2",
            ServiceId::Sts,
            "GetSessionToken",
            json!({"DurationSeconds": 900}),
        )
        .unwrap();
    let key = answer["Credentials"]["AccessKeyId"].as_str().unwrap();
    assert!(key.starts_with("ASIA") && key.len() == 20);
    let session = session(&world, key).unwrap();
    assert_eq!(session.expires, 900 * SECOND);
    assert_eq!(session.caller.account, "111122223333");
}

#[test]
fn root_may_not_assume_roles() {
    let mut world = World::new(1);
    let input =
        json!({"RoleArn": "arn:aws:iam::111122223333:role/operator", "RoleSessionName": "session"});
    let refused = world.invoke(
        "111122223333",
        "us-west-2",
        ServiceId::Sts,
        "AssumeRole",
        input,
    );
    assert_eq!(refused.unwrap_err().code, "AccessDenied");
}
