use super::*;

fn policy(text: &str) -> Policy {
    Policy::parse(text, Use::Identity).unwrap()
}

fn ask(action: &str, resource: &str) -> Ask {
    Ask {
        principal: "arn:aws:iam::111122223333:user/ann".into(),
        principal_arn: "arn:aws:iam::111122223333:user/ann".into(),
        account: "111122223333".into(),
        action: action.into(),
        resource: resource.into(),
        ..Ask::default()
    }
}

fn conditioned(operator: &str, key: &str, values: &str) -> Policy {
    policy(&format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"{operator}":{{"{key}":{values}}}}}}}}}"#
    ))
}

#[test]
fn wildcards_match_runs_and_single_characters() {
    assert!(glob("rds:*DBSnapshot", "rds:CopyDBSnapshot"));
    assert!(glob("a?c*", "abcdef"));
    assert!(glob("*", ""));
    assert!(!glob("a?c", "ac"));
    assert!(glob("a*b*c", "a-b-b-c"));
    assert!(!glob("a*b*c", "a-b-b"));
}

#[test]
fn an_explicit_deny_wins_over_an_allow() {
    let p = policy(
        r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Action":"rds:*","Resource":"*"},
            {"Effect":"Deny","Action":"rds:Delete*","Resource":"arn:aws:rds:*:*:db:prod*"}]}"#,
    );
    assert_eq!(
        p.verdict(&ask(
            "rds:DeleteDBInstance",
            "arn:aws:rds:eu-west-1:111122223333:db:prod-1"
        )),
        Verdict::Deny
    );
    assert_eq!(
        p.verdict(&ask(
            "rds:DeleteDBInstance",
            "arn:aws:rds:eu-west-1:111122223333:db:drill"
        )),
        Verdict::Allow
    );
    assert_eq!(p.verdict(&ask("ecs:RunTask", "*")), Verdict::Silent);
}

#[test]
fn actions_compare_without_case_and_not_action_means_all_others() {
    let p = policy(r#"{"Statement":{"Effect":"Allow","NotAction":["IAM:*"],"Resource":"*"}}"#);
    assert_eq!(p.verdict(&ask("iam:CreateRole", "*")), Verdict::Silent);
    assert_eq!(p.verdict(&ask("s3:GetObject", "*")), Verdict::Allow);
}

#[test]
fn not_resource_means_all_others() {
    let p = policy(
        r#"{"Statement":{"Effect":"Deny","Action":"s3:*","NotResource":"arn:aws:s3:::mine/*"}}"#,
    );
    assert_eq!(
        p.verdict(&ask("s3:PutObject", "arn:aws:s3:::mine/a")),
        Verdict::Silent
    );
    assert_eq!(
        p.verdict(&ask("s3:PutObject", "arn:aws:s3:::other/a")),
        Verdict::Deny
    );
}

#[test]
fn a_region_deny_spares_the_listed_actions_and_regions() {
    let p = policy(
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotAction":["iam:*","route53:*"],"Resource":"*",
            "Condition":{"StringNotEquals":{"aws:RequestedRegion":["us-west-2","us-east-1"]}}}}"#,
    );
    let at = |action: &str, region: &str| {
        p.verdict(&ask(action, "*").with("aws:RequestedRegion", region))
    };
    assert_eq!(at("rds:CopyDBSnapshot", "eu-west-1"), Verdict::Deny);
    assert_eq!(at("rds:CopyDBSnapshot", "us-west-2"), Verdict::Silent);
    assert_eq!(at("iam:CreateRole", "eu-west-1"), Verdict::Silent);
}

#[test]
fn an_absent_key_fails_a_positive_operator_and_passes_a_negated_or_if_exists_one() {
    let absent = ask("x:Y", "*");
    assert_eq!(
        conditioned("StringEquals", "aws:x", "\"a\"").verdict(&absent),
        Verdict::Silent
    );
    assert_eq!(
        conditioned("StringNotEquals", "aws:x", "\"a\"").verdict(&absent),
        Verdict::Allow
    );
    assert_eq!(
        conditioned("StringEqualsIfExists", "aws:x", "\"a\"").verdict(&absent),
        Verdict::Allow
    );
    assert_eq!(
        conditioned("Null", "aws:x", "\"true\"").verdict(&absent),
        Verdict::Allow
    );
    assert_eq!(
        conditioned("Null", "aws:x", "true").verdict(&absent.clone().with("aws:X", "1")),
        Verdict::Silent
    );
    assert_eq!(
        conditioned("ForAllValues:StringEquals", "aws:x", "[\"a\"]").verdict(&absent),
        Verdict::Allow
    );
    assert_eq!(
        conditioned("ForAnyValue:StringEquals", "aws:x", "[\"a\"]").verdict(&absent),
        Verdict::Silent
    );
}

#[test]
fn set_operators_look_at_every_value_of_a_key() {
    let tags = ask("x:Y", "*")
        .with("aws:TagKeys", "a")
        .with("aws:TagKeys", "b");
    assert_eq!(
        conditioned(
            "ForAllValues:StringEquals",
            "aws:TagKeys",
            "[\"a\",\"b\",\"c\"]"
        )
        .verdict(&tags),
        Verdict::Allow
    );
    assert_eq!(
        conditioned("ForAllValues:StringEquals", "aws:TagKeys", "[\"a\"]").verdict(&tags),
        Verdict::Silent
    );
    assert_eq!(
        conditioned("ForAnyValue:StringLike", "aws:TagKeys", "[\"b*\"]").verdict(&tags),
        Verdict::Allow
    );
}

#[test]
fn every_family_of_operators_compares_in_its_own_way() {
    let cases = [
        ("StringEqualsIgnoreCase", "k:a", "\"ABC\"", "abc", true),
        ("StringNotLike", "k:a", "\"ab*\"", "abc", false),
        (
            "ArnLike",
            "k:a",
            "\"arn:aws:iam::*:role/ops-*\"",
            "arn:aws:iam::111122223333:role/ops-1",
            true,
        ),
        (
            "ArnLike",
            "k:a",
            "\"arn:aws:*:role/ops\"",
            "arn:aws:iam::111122223333:role/ops",
            false,
        ),
        (
            "ArnNotEquals",
            "k:a",
            "\"arn:aws:iam::1:role/a\"",
            "arn:aws:iam::1:role/b",
            true,
        ),
        ("Bool", "k:a", "\"true\"", "true", true),
        ("Bool", "k:a", "true", "false", false),
        (
            "IpAddress",
            "k:a",
            "\"203.0.113.0/24\"",
            "203.0.113.9",
            true,
        ),
        (
            "NotIpAddress",
            "k:a",
            "\"203.0.113.0/24\"",
            "203.0.114.9",
            true,
        ),
        ("IpAddress", "k:a", "\"2001:db8::/32\"", "2001:db8::1", true),
        ("NumericLessThanEquals", "k:a", "10", "10", true),
        ("NumericGreaterThan", "k:a", "\"10\"", "10", false),
        (
            "DateLessThan",
            "k:a",
            "\"2027-01-15T08:00:01Z\"",
            "2027-01-15T08:00:00Z",
            true,
        ),
        (
            "DateGreaterThan",
            "k:a",
            "\"2027-01-16\"",
            "1800000000",
            false,
        ),
        (
            "DateEquals",
            "k:a",
            "\"2027-01-15T08:00:00Z\"",
            "1800000000",
            true,
        ),
    ];
    for (operator, key, values, actual, expected) in cases {
        let verdict =
            conditioned(operator, key, values).verdict(&ask("x:Y", "*").with(key, actual));
        assert_eq!(
            verdict == Verdict::Allow,
            expected,
            "{operator} {values} {actual}"
        );
    }
}

#[test]
fn variables_are_replaced_in_the_new_version_only() {
    let text = |version: &str| {
        format!(
            r#"{{"Version":"{version}","Statement":{{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::home/${{aws:username}}/*"}}}}"#
        )
    };
    let mine = ask("s3:GetObject", "arn:aws:s3:::home/ann/x").with("aws:username", "ann");
    assert_eq!(policy(&text("2012-10-17")).verdict(&mine), Verdict::Allow);
    assert_eq!(policy(&text("2008-10-17")).verdict(&mine), Verdict::Silent);
}

#[test]
fn a_trust_policy_names_services_and_accounts() {
    let p = Policy::parse(
        r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Principal":{"Service":["ecs-tasks.amazonaws.com"]},"Action":"sts:AssumeRole"},
            {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}"#,
        Use::Trust,
    )
    .unwrap();
    let service = Ask {
        principal: "ecs-tasks.amazonaws.com".into(),
        action: "sts:AssumeRole".into(),
        ..Ask::default()
    };
    assert_eq!(p.verdict(&service), Verdict::Allow);
    assert_eq!(p.verdict(&ask("sts:AssumeRole", "")), Verdict::Allow);
    let stranger = Ask {
        principal: "ec2.amazonaws.com".into(),
        action: "sts:AssumeRole".into(),
        ..Ask::default()
    };
    assert_eq!(p.verdict(&stranger), Verdict::Silent);
}

#[test]
fn malformed_documents_are_refused_in_iams_words() {
    let cases = [
        ("{", Use::Identity, "This policy contains invalid Json"),
        ("{}", Use::Identity, "Syntax errors in policy."),
        (
            r#"{"Statement":[{"Effect":"Maybe","Action":"*","Resource":"*"}]}"#,
            Use::Identity,
            "Syntax errors in policy.",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Resource":"*"}]}"#,
            Use::Identity,
            "Policy statement must contain actions.",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"s3:*"}]}"#,
            Use::Identity,
            "Policy statement must contain resources.",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"s3","Resource":"*"}]}"#,
            Use::Identity,
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}]}"#,
            Use::Identity,
            "Resource bucket must be in ARN format or \"*\".",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"}]}"#,
            Use::Identity,
            "Policy document should not specify a principal.",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"}]}"#,
            Use::Trust,
            "Has prohibited field Resource",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"s3:Get","Resource":"*","Condition":{"Strange":{"aws:x":"1"}}}]}"#,
            Use::Identity,
            "Invalid Condition type : Strange.",
        ),
        (
            r#"{"Statement":[{"Sid":"A","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"A","Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#,
            Use::Identity,
            "Statement IDs (SID) in a single policy must be unique.",
        ),
    ];
    for (text, used, message) in cases {
        assert_eq!(Policy::parse(text, used).unwrap_err(), message, "{text}");
    }
}

#[test]
fn statements_know_where_they_stand() {
    let p = policy(
        "{\n  \"Statement\": [\n    {\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}\n  ]\n}",
    );
    assert_eq!(p.statements[0].start, Position { line: 3, column: 5 });
    assert_eq!(p.statements[0].end.line, 3);
}

#[test]
fn a_change_is_believed_only_once_it_has_settled() {
    let mut value = Settling::default();
    value.announce(Some(1), 10, 0);
    assert_eq!((value.at(9), value.at(10)), (None, Some(&1)));
    value.announce(Some(2), 5, 1);
    assert_eq!(
        (value.at(9), value.at(10)),
        (None, Some(&2)),
        "never before an earlier change"
    );
    value.announce(None, 30, 20);
    assert_eq!((value.at(29), value.at(30)), (Some(&2), None));
}
