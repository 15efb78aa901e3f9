//! Each kind of fault once, by what a client sees of it and by what the world then is.

use super::Rule;
use crate::call::tests::signed;
use crate::clock::{HOUR, MINUTE, Nanos, SECOND};
use crate::services::ServiceId;
use crate::services::ecs::tests::Site;
use crate::world::{Answer, Reply, World};
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";

fn vpcs(world: &mut World, more: &str) -> Answer {
    let body = format!("Action=DescribeVpcs&Version=2016-11-15{more}");
    let now = world.now();
    world.call(&signed("ec2", REGION, &body), now)
}

fn make(world: &mut World) -> Answer {
    let body = "Action=CreateVpc&CidrBlock=10.0.0.0/16&Version=2016-11-15";
    let now = world.now();
    world.call(&signed("ec2", REGION, body), now)
}

/// Status and body; nothing if no answer came.
fn seen(answer: Answer) -> Option<(u16, String)> {
    match answer.reply {
        Reply::Response(r) => Some((r.status, String::from_utf8_lossy(&r.body).into_owned())),
        Reply::Reset | Reply::Silence => None,
    }
}

/// How many VPCs there are, whatever anybody sees.
fn count(world: &mut World) -> usize {
    let all = invoke(world, ServiceId::Ec2, "DescribeVpcs", json!({}));
    all["Vpcs"].as_array().map_or(0, Vec::len)
}

fn invoke(world: &mut World, service: ServiceId, operation: &str, input: Value) -> Value {
    world
        .invoke(ACCOUNT, REGION, service, operation, input)
        .unwrap_or_else(|error| panic!("{operation}: {error}"))
}

/// A world whose readers see what was written.
fn plain() -> World {
    let mut world = World::new(1);
    world.settings.read_lag = 0;
    world.settings.odd_statuses = 0.0;
    world
}

fn faulty(rule: &str) -> World {
    let mut world = plain();
    world.faults.add(Rule::from_json(rule).unwrap());
    world
}

fn pass(world: &mut World, time: Nanos) {
    let until = world.now() + time;
    world.advance_to(until);
}

#[test]
fn f1_a_burst_of_throttling_ends_and_a_permanent_one_does_not() {
    let mut world = faulty(r#"{"service":"ec2","count":3,"fault":"throttle"}"#);
    let statuses = [0; 5].map(|_| seen(vpcs(&mut world, "")).unwrap().0);
    assert_eq!(statuses, [503, 503, 503, 200, 200]);
    let mut world = faulty(r#"{"service":"ec2","fault":"throttle"}"#);
    assert!((0..50).all(|_| {
        let (status, body) = seen(vpcs(&mut world, "")).unwrap();
        status == 503 && body.contains("RequestLimitExceeded")
    }));
}

#[test]
fn f2_a_500_before_the_operation_leaves_nothing() {
    let mut world = faulty(r#"{"writes":true,"fault":{"broken":{"status":500}}}"#);
    assert_eq!(seen(make(&mut world)).unwrap().0, 500);
    assert_eq!(count(&mut world), 0);
}

#[test]
fn f3_a_500_after_the_operation_leaves_what_it_made() {
    let mut world = faulty(r#"{"writes":true,"fault":{"broken":{"status":500,"executed":true}}}"#);
    assert_eq!(seen(make(&mut world)).unwrap().0, 500);
    assert_eq!(count(&mut world), 1);
}

#[test]
fn f4_silence_after_the_operation_leaves_what_it_made() {
    let mut world = faulty(r#"{"writes":true,"fault":{"silence":{"executed":true}}}"#);
    assert!(matches!(make(&mut world).reply, Reply::Silence));
    assert_eq!(count(&mut world), 1);
}

#[test]
fn f5_silence_before_the_operation_leaves_nothing() {
    let mut world = faulty(r#"{"writes":true,"fault":{"silence":{}}}"#);
    assert!(matches!(make(&mut world).reply, Reply::Silence));
    assert_eq!(count(&mut world), 0);
}

#[test]
fn f6_a_late_request_takes_effect_when_nobody_waits_for_it_any_more() {
    let mut world = faulty(r#"{"writes":true,"fault":{"late":{"seconds":300}}}"#);
    assert!(matches!(make(&mut world).reply, Reply::Reset));
    pass(&mut world, 299 * SECOND);
    assert_eq!(count(&mut world), 0);
    pass(&mut world, 2 * SECOND);
    assert_eq!(count(&mut world), 1);
}

#[test]
fn f7_a_connection_breaks_before_the_operation_after_it_or_in_the_middle_of_the_answer() {
    for (fault, made) in [("reset", 0), ("reply-lost", 1), ("truncated", 1)] {
        let mut world = faulty(&format!(r#"{{"writes":true,"fault":"{fault}"}}"#));
        let answer = seen(make(&mut world));
        assert!(answer.is_none_or(|(_, body)| !body.contains("</CreateVpcResponse>")));
        assert_eq!(count(&mut world), made, "{fault}");
    }
}

#[test]
fn f8_a_body_may_be_no_answer_of_awss() {
    let mut world = faulty(r#"{"writes":true,"fault":"malformed"}"#);
    let (status, body) = seen(make(&mut world)).unwrap();
    assert_eq!(status, 200);
    assert!(body.starts_with("<html>"), "{body}");
    assert_eq!(count(&mut world), 1);
}

#[test]
fn f9_an_answer_of_200_carries_failures() {
    let mut site = Site::new();
    let gone = "arn:aws:ecs:us-west-2:111122223333:task/main/0123456789abcdef0123456789abcdef";
    let answer = site.ecs(
        "DescribeTasks",
        json!({ "cluster": "main", "tasks": [gone] }),
    );
    assert_eq!(answer["tasks"], json!([]));
    assert_eq!(answer["failures"][0]["reason"], "MISSING");
}

/// What a reader sees of a VPC every tenth of a second after it was made.
fn sightings(world: &mut World) -> Vec<bool> {
    let id = {
        let (_, body) = seen(make(world)).unwrap();
        let (_, rest) = body.split_once("<vpcId>").unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    (0..40)
        .map(|_| {
            pass(world, SECOND / 10);
            seen(vpcs(world, "")).unwrap().1.contains(&id)
        })
        .collect()
}

#[test]
fn f10_what_was_made_is_seen_after_a_while() {
    let mut world = World::new(3);
    world.settings.odd_statuses = 0.0;
    world.settings.throttle = false;
    let sightings = sightings(&mut world);
    assert!(!sightings[0], "not at once");
    assert!(
        sightings[35..].iter().all(|seen| *seen),
        "in the end: {sightings:?}"
    );
}

#[test]
fn f11_a_list_lacks_its_half_breaks_at_its_second_page_or_repeats_an_item() {
    let many = |rule: &str| {
        let mut world = faulty(rule);
        for n in 0..12 {
            let input = json!({ "CidrBlock": format!("10.{n}.0.0/16") });
            crate::services::quotas::set(&mut world, ACCOUNT, REGION, "L-F678F1CE", 50.0);
            invoke(&mut world, ServiceId::Ec2, "CreateVpc", input);
        }
        world
    };
    let ids = |body: &str| -> Vec<String> {
        let pieces = body.split("<vpcId>").skip(1);
        pieces
            .map(|p| p.split('<').next().unwrap().to_owned())
            .collect()
    };
    let mut world = many(r#"{"operation":"DescribeVpcs","fault":"partial"}"#);
    let (_, body) = seen(vpcs(&mut world, "")).unwrap();
    assert_eq!(ids(&body).len(), 6);
    assert!(!body.contains("nextToken>"), "{body}");

    let token = |body: &str| {
        let (_, rest) = body.split_once("<nextToken>").unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let mut world = many(r#"{"operation":"DescribeVpcs","fault":"later-page"}"#);
    let (status, first) = seen(vpcs(&mut world, "&MaxResults=5")).unwrap();
    assert_eq!(status, 200);
    let next = format!("&MaxResults=5&NextToken={}", token(&first));
    assert_eq!(seen(vpcs(&mut world, &next)).unwrap().0, 500);

    let mut world = many(r#"{"operation":"DescribeVpcs","fault":"repeat"}"#);
    let (_, first) = seen(vpcs(&mut world, "&MaxResults=5")).unwrap();
    let next = format!("&MaxResults=5&NextToken={}", token(&first));
    let (_, second) = seen(vpcs(&mut world, &next)).unwrap();
    assert_eq!(ids(&first).last(), ids(&second).first());
}

#[test]
fn f12_a_read_after_a_write_shows_what_was_before() {
    let mut site = Site::new();
    site.world.settings.read_lag = 3 * SECOND;
    let definition = site.define("web", "public.ecr.aws/acme/echo:1", json!({}));
    site.pass(10 * SECOND);
    site.service("web", &definition, 1);
    site.pass(10 * SECOND);
    let stale = (0..20).any(|n| {
        let desired = 1 + n % 2;
        let input = json!({ "cluster": "main", "service": "web", "desiredCount": desired });
        site.ecs("UpdateService", input);
        let read = site.seen("web")["desiredCount"] != desired;
        site.pass(10 * SECOND);
        assert_eq!(site.seen("web")["desiredCount"], desired);
        read
    });
    assert!(stale, "of twenty reads right after a write, one is stale");
}

#[test]
fn f13_a_delete_says_not_found_of_what_lives() {
    let mut world = faulty(
        r#"{"operation":"DeleteVpc","count":1,"fault":{"error":{"code":"InvalidVpcID.NotFound","status":400}}}"#,
    );
    let made = invoke(
        &mut world,
        ServiceId::Ec2,
        "CreateVpc",
        json!({ "CidrBlock": "10.0.0.0/16" }),
    );
    let id = made["Vpc"]["VpcId"].as_str().unwrap();
    let body = format!("Action=DeleteVpc&VpcId={id}&Version=2016-11-15");
    let (_, answer) = seen(world.call(&signed("ec2", REGION, &body), 0)).unwrap();
    assert!(answer.contains("InvalidVpcID.NotFound"), "{answer}");
    assert_eq!(count(&mut world), 1);
}

#[test]
fn f14_a_status_or_a_member_is_one_that_no_client_knows() {
    for (fault, piece) in [
        (r#"{"unknown-status":{}}"#, "<state>reconsidering</state>"),
        (
            r#""unknown-member""#,
            "<unheardOf>1</unheardOf></DescribeVpcsResponse>",
        ),
    ] {
        let mut world = faulty(&format!(
            r#"{{"operation":"DescribeVpcs","fault":{fault}}}"#
        ));
        make(&mut world);
        let (status, body) = seen(vpcs(&mut world, "")).unwrap();
        assert_eq!(status, 200);
        assert!(body.contains(piece), "{body}");
    }
    let mut world = faulty(r#"{"fault":"unknown-member"}"#);
    let mut request = signed("ecs", REGION, "{}");
    let target = "AmazonEC2ContainerServiceV20141113.ListClusters";
    request.headers.push(("X-Amz-Target".into(), target.into()));
    let kind = "application/x-amz-json-1.1";
    request.headers.push(("Content-Type".into(), kind.into()));
    let (_, body) = seen(world.call(&request, 0)).unwrap();
    let json: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(json["unheardOf"], json!([1]), "{body}");
}

#[test]
fn f15_what_goes_on_by_itself_sticks_until_it_is_let_go() {
    let mut world =
        faulty(r#"{"id":"stuck","service":"route53","operation":"insync","fault":"stuck"}"#);
    let input = json!({ "Name": "example.com", "CallerReference": "one" });
    let made = invoke(&mut world, ServiceId::Route53, "CreateHostedZone", input);
    let change = json!({ "Id": made["ChangeInfo"]["Id"] });
    let status = |world: &mut World| {
        let seen = invoke(world, ServiceId::Route53, "GetChange", change.clone());
        seen["ChangeInfo"]["Status"].clone()
    };
    pass(&mut world, 5 * HOUR);
    assert_eq!(status(&mut world), "PENDING");
    world.faults.remove("stuck");
    pass(&mut world, MINUTE);
    assert_eq!(status(&mut world), "INSYNC");
}

#[test]
fn f16_a_quota_is_full_and_capacity_is_out() {
    let mut world = plain();
    crate::services::quotas::set(&mut world, ACCOUNT, REGION, "L-F678F1CE", 0.0);
    let (_, body) = seen(make(&mut world)).unwrap();
    assert!(body.contains("VpcLimitExceeded"), "{body}");
    let mut site = Site::new();
    let limit = crate::action::Action::LimitCapacity {
        region: "us-west-2".into(),
        provider: "FARGATE".into(),
        tasks: Some(0),
    };
    crate::action::act(&mut site.world, &limit);
    let definition = site.define("web", "public.ecr.aws/acme/echo:1", json!({}));
    let ran = site.run(&definition, json!({}));
    assert_eq!(ran["tasks"], json!([]));
    assert!(!ran["failures"].as_array().unwrap().is_empty(), "{ran}");
}

#[test]
fn f17_access_is_denied_for_a_while_and_then_granted() {
    let mut world = faulty(r#"{"until":60,"fault":"access-denied"}"#);
    let (status, body) = seen(make(&mut world)).unwrap();
    assert_eq!(status, 403);
    assert!(body.contains("UnauthorizedOperation"), "{body}");
    assert_eq!(count(&mut world), 0);
    pass(&mut world, MINUTE);
    assert_eq!(seen(make(&mut world)).unwrap().0, 200);
}

#[test]
fn f18_credentials_expire_at_any_call() {
    let mut world = faulty(r#"{"skip":1,"count":1,"fault":"expired-token"}"#);
    let answers = [0; 3].map(|_| seen(vpcs(&mut world, "")).unwrap());
    assert_eq!(
        answers.each_ref().map(|(status, _)| *status),
        [200, 400, 200]
    );
    assert!(answers[1].1.contains("RequestExpired"), "{}", answers[1].1);
}

#[test]
fn f19_a_client_whose_clock_has_jumped_is_refused() {
    let mut world = plain();
    world.settings.check_signatures = true;
    let key = invoke(&mut world, ServiceId::Sts, "GetSessionToken", json!({}));
    let key = |name: &str| key["Credentials"][name].as_str().unwrap().to_owned();
    let mut at = |date: &str| {
        let head = format!(
            "AWS4-HMAC-SHA256 Credential={}/20270115/{REGION}/ec2/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=",
            key("AccessKeyId")
        );
        let mut request = signed("ec2", REGION, "Action=DescribeVpcs&Version=2016-11-15");
        request.headers = vec![
            ("x-amz-date".into(), date.into()),
            ("x-amz-security-token".into(), key("SessionToken")),
            ("Authorization".into(), head.clone()),
        ];
        let scope = crate::protocol::address::scope(&request).unwrap();
        let signed = crate::protocol::signature::signed(&request).unwrap();
        let secret = key("SecretAccessKey");
        request.headers[2].1 = head
            + &crate::protocol::signature::expected(
                &request,
                ServiceId::Ec2,
                &scope,
                &signed,
                &secret,
            );
        seen(world.call(&request, 0)).unwrap()
    };
    assert_eq!(at("20270115T080000Z").0, 200);
    for jumped in ["20270115T072000Z", "20270115T084000Z"] {
        let (status, body) = at(jumped);
        assert!(status >= 400, "{jumped}: {body}");
    }
}

#[test]
fn f20_a_region_is_dark_fails_fast_or_flaps_and_heals() {
    let dark = |more: &str| {
        faulty(&format!(
            r#"{{"region":"{REGION}","from":0,"until":600,"fault":{{"blackout":{{{more}}}}}}}"#
        ))
    };
    assert!(matches!(make(&mut dark("")).reply, Reply::Silence));
    assert!(matches!(
        make(&mut dark(r#""fails_fast":true"#)).reply,
        Reply::Reset
    ));
    let mut world = dark(r#""plane":"data""#);
    assert_eq!(seen(make(&mut world)).unwrap().0, 200, "control is lit");
    let mut world = dark(r#""flaps":60"#);
    let lit: Vec<bool> = (0..12)
        .map(|_| {
            let lit = seen(vpcs(&mut world, "")).is_some();
            pass(&mut world, MINUTE);
            lit
        })
        .collect();
    let flapping = [false, true].repeat(5);
    assert_eq!(lit, [flapping, vec![true; 2]].concat());
    let mut world = dark("");
    assert!(matches!(make(&mut world).reply, Reply::Silence));
    assert_eq!(
        count(&mut world),
        0,
        "what is asked in the dark is not done"
    );
}

#[test]
fn f21_an_endpoint_that_cannot_be_reached_fails_at_once_and_only_that() {
    let mut world = faulty(&format!(
        r#"{{"service":"ec2","region":"{REGION}","fault":{{"blackout":{{"plane":"control","fails_fast":true}}}}}}"#
    ));
    assert!(matches!(vpcs(&mut world, "").reply, Reply::Reset));
    let identity = "Action=GetCallerIdentity&Version=2011-06-15";
    assert!(seen(world.call(&signed("sts", REGION, identity), 0)).is_some());
}

#[test]
fn f22_a_third_party_retags_and_removes_what_is_ours_behind_our_back() {
    let mut world = plain();
    let (_, body) = seen(make(&mut world)).unwrap();
    let (_, rest) = body.split_once("<vpcId>").unwrap();
    let id = rest.split('<').next().unwrap().to_owned();
    let by = |operation: &str, input: Value| crate::action::Action::Call {
        account: ACCOUNT.into(),
        region: REGION.into(),
        service: "ec2".into(),
        operation: operation.into(),
        input,
    };
    let tag = json!({ "Resources": [id], "Tags": [{ "Key": "owner", "Value": "stranger" }] });
    crate::action::act(&mut world, &by("CreateTags", tag));
    assert!(seen(vpcs(&mut world, "")).unwrap().1.contains("stranger"));
    crate::action::act(&mut world, &by("DeleteVpc", json!({ "VpcId": id })));
    assert!(!seen(vpcs(&mut world, "")).unwrap().1.contains(&id));
}

#[test]
fn f23_a_disabled_key_opens_nothing() {
    let mut world = plain();
    let key = invoke(&mut world, ServiceId::Kms, "CreateKey", json!({}));
    let key = key["KeyMetadata"]["KeyId"].clone();
    let input = json!({ "Name": "s", "SecretString": "one", "KmsKeyId": key });
    invoke(&mut world, ServiceId::Secrets, "CreateSecret", input);
    let read = |world: &mut World| {
        let input = json!({ "SecretId": "s" });
        world.invoke(ACCOUNT, REGION, ServiceId::Secrets, "GetSecretValue", input)
    };
    assert!(read(&mut world).is_ok());
    invoke(
        &mut world,
        ServiceId::Kms,
        "DisableKey",
        json!({ "KeyId": key }),
    );
    assert!(read(&mut world).is_err());
}

#[test]
fn f24_a_name_that_is_used_again_is_another_thing() {
    let mut world = plain();
    let mut made = |_| {
        let input = json!({ "Name": "s", "SecretString": "one" });
        let arn = invoke(&mut world, ServiceId::Secrets, "CreateSecret", input)["ARN"].clone();
        let input = json!({ "SecretId": arn, "ForceDeleteWithoutRecovery": true });
        invoke(&mut world, ServiceId::Secrets, "DeleteSecret", input);
        pass(&mut world, HOUR);
        arn
    };
    assert_ne!(made(1), made(2));
}
