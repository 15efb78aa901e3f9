use super::*;

const ACCOUNT: &str = "111122223333";
const HERE: &str = "us-west-2";

fn world() -> World {
    let mut world = World::new(1);
    world.settings.read_lag = 0;
    world
}

fn call(world: &mut World, operation: &str, input: Value) -> Result<Value, AwsError> {
    world.invoke(ACCOUNT, HERE, ServiceId::Ssm, operation, input)
}

fn put(world: &mut World, name: &str, value: &str) {
    call(
        world,
        "PutParameter",
        json!({"Name": name, "Value": value, "Type": "String"}),
    )
    .unwrap();
}

fn code(result: Result<Value, AwsError>) -> String {
    result.unwrap_err().code
}

#[test]
fn a_parameter_is_read_by_name_version_label_and_arn() {
    let mut world = world();
    put(&mut world, "/app/url", "one");
    let second = call(
        &mut world,
        "PutParameter",
        json!({"Name": "/app/url", "Value": "two", "Overwrite": true}),
    )
    .unwrap();
    assert_eq!(
        (&second["Version"], &second["Tier"]),
        (&json!(2), &json!("Standard"))
    );
    call(
        &mut world,
        "LabelParameterVersion",
        json!({"Name": "/app/url", "ParameterVersion": 1, "Labels": ["good", "9bad"]}),
    )
    .unwrap();
    let value = |world: &mut World, name: &str| {
        call(world, "GetParameter", json!({"Name": name})).unwrap()["Parameter"].clone()
    };
    assert_eq!(value(&mut world, "/app/url")["Value"], "two");
    assert_eq!(value(&mut world, "/app/url:1")["Value"], "one");
    let labelled = value(&mut world, "/app/url:good");
    assert_eq!(
        (
            &labelled["Value"],
            &labelled["Selector"],
            &labelled["Version"]
        ),
        (&json!("one"), &json!(":good"), &json!(1))
    );
    let arn = "arn:aws:ssm:us-west-2:111122223333:parameter/app/url";
    assert_eq!(value(&mut world, arn)["ARN"], arn);
    assert_eq!(value(&mut world, &format!("{arn}:1"))["Value"], "one");
    assert_eq!(
        code(call(
            &mut world,
            "GetParameter",
            json!({"Name": "/app/none"})
        )),
        "ParameterNotFound"
    );
    assert_eq!(
        code(call(
            &mut world,
            "GetParameter",
            json!({"Name": "/app/url:7"})
        )),
        "ParameterVersionNotFound"
    );
    assert_eq!(
        code(call(&mut world, "GetParameter", json!({"Name": "app/url"}))),
        "ParameterNotFound"
    );
    let history = call(
        &mut world,
        "GetParameterHistory",
        json!({"Name": "/app/url"}),
    )
    .unwrap();
    assert_eq!(
        (
            &history["Parameters"][0]["Labels"],
            &history["Parameters"][1]["Value"]
        ),
        (&json!(["good"]), &json!("two"))
    );
}

#[test]
fn a_put_is_refused_where_aws_refuses_it() {
    let mut world = world();
    put(&mut world, "/a/b", "x");
    let refuse = |world: &mut World, input: Value| code(call(world, "PutParameter", input));
    assert_eq!(
        refuse(
            &mut world,
            json!({"Name": "/a/b", "Value": "y", "Type": "String"})
        ),
        "ParameterAlreadyExists"
    );
    assert_eq!(
        refuse(
            &mut world,
            json!({"Name": "/a/b", "Value": "y", "Type": "SecureString", "Overwrite": true})
        ),
        "HierarchyTypeMismatchException"
    );
    assert_eq!(
        refuse(
            &mut world,
            json!({"Name": "/a/b", "Value": "y", "Overwrite": true, "Tags": [{"Key": "a", "Value": "b"}]})
        ),
        "ValidationException"
    );
    assert_eq!(
        refuse(&mut world, json!({"Name": "/n", "Value": "y"})),
        "ValidationException"
    );
    assert_eq!(
        refuse(
            &mut world,
            json!({"Name": "a/b", "Value": "y", "Type": "String"})
        ),
        "ValidationException"
    );
    assert_eq!(
        refuse(
            &mut world,
            json!({"Name": "/aws/x", "Value": "y", "Type": "String"})
        ),
        "ValidationException"
    );
    assert_eq!(
        refuse(
            &mut world,
            json!({"Name": "/a b", "Value": "y", "Type": "String"})
        ),
        "ValidationException"
    );
    assert_eq!(
        refuse(
            &mut world,
            json!({"Name": "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "Value": "y", "Type": "String"})
        ),
        "HierarchyLevelLimitExceededException"
    );
    assert_eq!(
        refuse(
            &mut world,
            json!({"Name": "/n", "Value": "y", "Type": "String", "KeyId": "alias/x"})
        ),
        "ValidationException"
    );
    assert_eq!(
        refuse(
            &mut world,
            json!({"Name": "/n", "Value": "y", "Type": "String", "AllowedPattern": "^\\d+$"})
        ),
        "ParameterPatternMismatchException"
    );
    assert_eq!(
        refuse(
            &mut world,
            json!({"Name": "/n", "Value": "y", "Type": "String", "AllowedPattern": "(" })
        ),
        "InvalidAllowedPatternException"
    );
    assert_eq!(
        refuse(
            &mut world,
            json!({"Name": "/n", "Value": "x".repeat(5000), "Type": "String"})
        ),
        "ValidationException"
    );
}

#[test]
fn a_large_value_needs_the_advanced_tier_which_is_not_left_again() {
    let mut world = world();
    let large = "x".repeat(5000);
    let made = call(
        &mut world,
        "PutParameter",
        json!({"Name": "/n", "Value": large, "Type": "String", "Tier": "Intelligent-Tiering"}),
    )
    .unwrap();
    assert_eq!(made["Tier"], "Advanced");
    assert_eq!(
        code(call(
            &mut world,
            "PutParameter",
            json!({"Name": "/n", "Value": "x", "Tier": "Standard", "Overwrite": true})
        )),
        "ValidationException"
    );
    assert_eq!(
        call(
            &mut world,
            "PutParameter",
            json!({"Name": "/n", "Value": "x", "Overwrite": true})
        )
        .unwrap()["Tier"],
        "Advanced"
    );
}

#[test]
fn a_secure_string_is_shown_only_decrypted_and_only_with_its_key() {
    let mut world = world();
    let made = world
        .invoke(ACCOUNT, HERE, ServiceId::Kms, "CreateKey", json!({}))
        .unwrap();
    let key = made["KeyMetadata"]["KeyId"].clone();
    call(
        &mut world,
        "PutParameter",
        json!({"Name": "/p", "Value": "secret", "Type": "SecureString", "KeyId": key}),
    )
    .unwrap();
    call(
        &mut world,
        "PutParameter",
        json!({"Name": "/q", "Value": "other", "Type": "SecureString"}),
    )
    .unwrap();
    assert_ne!(
        call(&mut world, "GetParameter", json!({"Name": "/p"})).unwrap()["Parameter"]["Value"],
        "secret"
    );
    assert_eq!(
        call(
            &mut world,
            "GetParameter",
            json!({"Name": "/p", "WithDecryption": true})
        )
        .unwrap()["Parameter"]["Value"],
        "secret"
    );
    assert_eq!(read(&world, ACCOUNT, HERE, "/p").unwrap(), "secret");
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
        code(call(
            &mut world,
            "GetParameter",
            json!({"Name": "/p", "WithDecryption": true})
        )),
        "InvalidKeyId"
    );
    assert!(
        read(&world, ACCOUNT, HERE, "/p")
            .unwrap_err()
            .contains("InvalidKeyId")
    );
    assert_eq!(
        code(call(
            &mut world,
            "PutParameter",
            json!({"Name": "/r", "Value": "x", "Type": "SecureString", "KeyId": "alias/none"})
        )),
        "InvalidKeyId"
    );
    let shown = call(
        &mut world,
        "DescribeParameters",
        json!({"ParameterFilters": [{"Key": "Type", "Values": ["SecureString"]}]}),
    )
    .unwrap();
    assert_eq!(shown["Parameters"][1]["KeyId"], "alias/aws/ssm");
}

#[test]
fn a_path_lists_its_level_or_everything_below() {
    let mut world = world();
    for name in ["/app/a", "/app/b", "/app/deep/c", "/other", "plain"] {
        put(&mut world, name, "x");
    }
    let names = |world: &mut World, input: Value| -> Vec<String> {
        let found = call(world, "GetParametersByPath", input).unwrap();
        found["Parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["Name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        names(&mut world, json!({"Path": "/app"})),
        ["/app/a", "/app/b"]
    );
    assert_eq!(
        names(&mut world, json!({"Path": "/app/", "Recursive": true})),
        ["/app/a", "/app/b", "/app/deep/c"]
    );
    assert_eq!(
        names(&mut world, json!({"Path": "/", "Recursive": true})).len(),
        4
    );
    assert_eq!(
        code(call(
            &mut world,
            "GetParametersByPath",
            json!({"Path": "app"})
        )),
        "ValidationException"
    );
    let described = call(
        &mut world,
        "DescribeParameters",
        json!({"ParameterFilters": [{"Key": "Name", "Option": "BeginsWith", "Values": ["/app/"]}]}),
    )
    .unwrap();
    assert_eq!(described["Parameters"].as_array().unwrap().len(), 3);
    assert_eq!(
        code(call(
            &mut world,
            "DescribeParameters",
            json!({"ParameterFilters": [{"Key": "Size", "Values": ["1"]}]})
        )),
        "InvalidFilterKey"
    );
}

#[test]
fn several_are_read_and_deleted_with_the_unknown_named() {
    let mut world = world();
    put(&mut world, "a", "1");
    put(&mut world, "b", "2");
    let got = call(
        &mut world,
        "GetParameters",
        json!({"Names": ["a", "none", "b"]}),
    )
    .unwrap();
    assert_eq!(
        (
            got["Parameters"].as_array().unwrap().len(),
            &got["InvalidParameters"]
        ),
        (2, &json!(["none"]))
    );
    let gone = call(
        &mut world,
        "DeleteParameters",
        json!({"Names": ["a", "none"]}),
    )
    .unwrap();
    assert_eq!(
        (&gone["DeletedParameters"], &gone["InvalidParameters"]),
        (&json!(["a"]), &json!(["none"]))
    );
    call(&mut world, "DeleteParameter", json!({"Name": "b"})).unwrap();
    assert_eq!(
        code(call(&mut world, "DeleteParameter", json!({"Name": "b"}))),
        "ParameterNotFound"
    );
}

#[test]
fn tags_are_given_at_creation_and_changed_later() {
    let mut world = world();
    call(&mut world, "PutParameter", json!({"Name": "/a", "Value": "x", "Type": "String", "Tags": [{"Key": "stack", "Value": "redmine"}]})).unwrap();
    call(&mut world, "AddTagsToResource", json!({"ResourceType": "Parameter", "ResourceId": "/a", "Tags": [{"Key": "b", "Value": "2"}]})).unwrap();
    call(
        &mut world,
        "RemoveTagsFromResource",
        json!({"ResourceType": "Parameter", "ResourceId": "/a", "TagKeys": ["b"]}),
    )
    .unwrap();
    assert_eq!(
        call(
            &mut world,
            "ListTagsForResource",
            json!({"ResourceType": "Parameter", "ResourceId": "/a"})
        )
        .unwrap()["TagList"],
        json!([{"Key": "stack", "Value": "redmine"}])
    );
    assert_eq!(
        code(call(
            &mut world,
            "ListTagsForResource",
            json!({"ResourceType": "Parameter", "ResourceId": "/none"})
        )),
        "InvalidResourceId"
    );
    let found = call(
        &mut world,
        "DescribeParameters",
        json!({"ParameterFilters": [{"Key": "tag:stack", "Values": ["redmine"]}]}),
    )
    .unwrap();
    assert_eq!(found["Parameters"].as_array().unwrap().len(), 1);
    assert_eq!(
        tagged(&world, ACCOUNT, HERE)[0].0,
        "arn:aws:ssm:us-west-2:111122223333:parameter/a"
    );
}

#[test]
fn the_hundredth_version_pushes_the_oldest_out_unless_it_is_labelled() {
    let mut world = world();
    put(&mut world, "a", "0");
    for n in 1..=100 {
        call(
            &mut world,
            "PutParameter",
            json!({"Name": "a", "Value": n.to_string(), "Overwrite": true}),
        )
        .unwrap();
    }
    assert_eq!(
        code(call(&mut world, "GetParameter", json!({"Name": "a:1"}))),
        "ParameterVersionNotFound"
    );
    call(
        &mut world,
        "LabelParameterVersion",
        json!({"Name": "a", "ParameterVersion": 2, "Labels": ["keep"]}),
    )
    .unwrap();
    assert_eq!(
        code(call(
            &mut world,
            "PutParameter",
            json!({"Name": "a", "Value": "x", "Overwrite": true})
        )),
        "ParameterMaxVersionLimitExceeded"
    );
    let removed = call(
        &mut world,
        "UnlabelParameterVersion",
        json!({"Name": "a", "ParameterVersion": 2, "Labels": ["keep", "none"]}),
    )
    .unwrap();
    assert_eq!(
        (&removed["RemovedLabels"], &removed["InvalidLabels"]),
        (&json!(["keep"]), &json!(["none"]))
    );
}

#[test]
fn a_task_reads_by_name_in_its_region_or_by_arn_anywhere() {
    let mut world = world();
    put(&mut world, "/app/url", "x");
    assert_eq!(read(&world, ACCOUNT, HERE, "/app/url").unwrap(), "x");
    assert!(
        read(&world, ACCOUNT, "eu-west-1", "/app/url")
            .unwrap_err()
            .contains("invalid parameters: /app/url")
    );
    assert_eq!(
        read(
            &world,
            ACCOUNT,
            "eu-west-1",
            "arn:aws:ssm:us-west-2:111122223333:parameter/app/url"
        )
        .unwrap(),
        "x"
    );
    assert!(
        read_as(
            &world,
            "arn:aws:iam::111122223333:role/none",
            ACCOUNT,
            HERE,
            "/app/url"
        )
        .unwrap_err()
        .contains("AccessDeniedException")
    );
}

#[test]
fn patterns_match_as_regular_expressions_do() {
    for (pattern, value, expected) in [
        ("^\\d+$", "123", true),
        ("^\\d+$", "12a", false),
        ("b", "abc", true),
        ("^(dev|prod)-[a-z]{2,3}$", "prod-eu", true),
        ("^(dev|prod)-[a-z]{2,3}$", "test-eu", false),
        ("^[^@]+@[\\w.-]+$", "a@b-c.d", true),
        ("^a.?c*$", "abccc", true),
        ("^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false),
        ("^(?:x|y)*z$", "xyxyz", true),
    ] {
        assert_eq!(
            pattern::parse(pattern).unwrap().matches(value),
            expected,
            "{pattern} {value}"
        );
    }
    for bad in ["(", "[a", "*a", "a{2,1}", "(?=a)", "a)"] {
        assert!(pattern::parse(bad).is_none(), "{bad}");
    }
}
