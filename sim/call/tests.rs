use super::*;
use crate::faults::Rule;

/// A request as the SDKs sign it; nobody checks the signature itself.
pub(crate) fn signed(service: &str, region: &str, body: &str) -> Request {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20270115/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    Request {
        method: "POST".into(),
        host: "127.0.0.1:4566".into(),
        target: "/".into(),
        headers: vec![("Authorization".into(), authorization)],
        body: Bytes::from(body.to_owned()),
    }
}

fn identity() -> Request {
    signed(
        "sts",
        "eu-west-1",
        "Action=GetCallerIdentity&Version=2011-06-15",
    )
}

fn session() -> Request {
    signed(
        "sts",
        "eu-west-1",
        "Action=GetSessionToken&Version=2011-06-15",
    )
}

fn response(answer: Answer) -> Response {
    match answer.reply {
        Reply::Response(response) => response,
        other => panic!("no response: {other:?}"),
    }
}

fn body(answer: Answer) -> String {
    String::from_utf8(response(answer).body.to_vec()).unwrap()
}

fn faulty(rule: &str) -> World {
    let mut world = World::new(1);
    world.faults.add(Rule::from_json(rule).unwrap());
    world
}

#[test]
fn an_unknown_key_is_the_default_accounts_and_twelve_digits_are_an_account() {
    let mut world = World::new(1);
    assert!(body(serve(&mut world, &identity())).contains("<Account>111122223333</Account>"));
    let mut other = identity();
    other.headers[0].1 = other.headers[0]
        .1
        .replace("AKIAIOSFODNN7EXAMPLE", "444455556666");
    assert!(body(serve(&mut world, &other)).contains("<Account>444455556666</Account>"));
}

#[test]
fn the_same_seed_gives_the_same_answers_and_another_does_not() {
    let run = |seed| {
        let mut world = World::new(seed);
        for n in 0..20 {
            world.call(&session(), n * SECOND);
        }
        world.log.digest
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

/// The same request by another key.
fn by_another(request: &Request) -> Request {
    let mut other = request.clone();
    other.headers[0].1 = other.headers[0].1.replace("IOSFODNN7", "ANOTHER00");
    other
}

#[test]
fn one_read_more_changes_no_other_duration_nor_does_a_moment_more() {
    let latencies = |extra: Option<Request>, later: u64| {
        let mut world = World::new(1);
        (0..20)
            .map(|n| {
                if n == 7 {
                    extra
                        .iter()
                        .for_each(|extra| drop(world.call(extra, n * SECOND)));
                }
                world.call(&session(), n * SECOND + later).latency
            })
            .collect::<Vec<_>>()
    };
    let alone = latencies(None, 0);
    assert_eq!(alone, latencies(Some(identity()), 0), "another question");
    let same = Some(by_another(&session()));
    assert_eq!(alone, latencies(same, 0), "the same by another key");
    assert_eq!(alone, latencies(None, 1), "all of it a moment later");
    let mut distinct = alone.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 20, "asked again, it takes another time");
}

#[test]
fn what_is_missing_or_not_simulated_is_said_in_the_services_words() {
    let mut world = World::new(1);
    let missing = signed(
        "rds",
        "eu-west-1",
        "Action=DeleteDBSnapshot&Version=2014-10-31",
    );
    let text = body(serve(&mut world, &missing));
    assert!(
        text.contains("<Code>MissingParameter</Code>") && text.contains("DBSnapshotIdentifier"),
        "{text}"
    );
    let unknown = signed(
        "rds",
        "eu-west-1",
        "Action=CreateDBProxy&Version=2014-10-31",
    );
    let answer = response(serve(&mut world, &unknown));
    assert_eq!(answer.status, 501);
    assert!(String::from_utf8_lossy(&answer.body).contains("rds CreateDBProxy is not simulated"));
}

#[test]
fn a_lost_reply_comes_after_the_fact_and_a_reset_before_it() {
    let mut world =
        faulty(r#"{"service":"sts","operation":"GetSessionToken","count":1,"fault":"reply-lost"}"#);
    assert!(matches!(serve(&mut world, &session()).reply, Reply::Reset));
    assert!(world.log.entries().next_back().unwrap().executed);
    assert_eq!(response(serve(&mut world, &session())).status, 200);
    let mut world = faulty(r#"{"service":"sts","count":1,"fault":"reset"}"#);
    assert!(matches!(serve(&mut world, &session()).reply, Reply::Reset));
    assert!(!world.log.entries().next_back().unwrap().executed);
}

#[test]
fn a_late_request_is_executed_when_its_time_comes() {
    let mut world = faulty(
        r#"{"service":"rds","operation":"CreateDBParameterGroup","count":1,"fault":{"late":{"seconds":300}}}"#,
    );
    world.recording = true;
    let group = "DBParameterGroupName=late&Version=2014-10-31";
    let create = signed(
        "rds",
        "eu-west-1",
        &format!(
            "Action=CreateDBParameterGroup&{group}&DBParameterGroupFamily=postgres15&Description=late"
        ),
    );
    let describe = signed(
        "rds",
        "eu-west-1",
        &format!("Action=DescribeDBParameterGroups&{group}"),
    );
    assert!(matches!(serve(&mut world, &create).reply, Reply::Reset));
    // It is kept when it is held up, with its time: a process that dies in between does not forget it.
    assert_eq!(world.executed.len(), 1);
    assert_eq!(world.executed[0].due, Some(300 * SECOND));
    world.advance_to(299 * SECOND);
    assert_eq!(response(serve(&mut world, &describe)).status, 404);
    world.advance_to(301 * SECOND);
    assert_eq!(response(serve(&mut world, &describe)).status, 200);
    assert_eq!(world.executed.len(), 1, "it is not kept twice");
}

#[test]
fn faults_answer_as_the_service_would() {
    let first = |fault: &str| {
        let mut world = faulty(&format!(r#"{{"count":1,"fault":{fault}}}"#));
        response(serve(&mut world, &identity()))
    };
    let text = |fault: &str| String::from_utf8_lossy(&first(fault).body).into_owned();
    assert!(text(r#""throttle""#).contains("<Code>Throttling</Code>"));
    assert!(text(r#""expired-token""#).contains("<Code>ExpiredToken</Code>"));
    assert!(
        text(r#""access-denied""#).contains("not authorized to perform: sts:GetCallerIdentity")
    );
    assert_eq!(first(r#"{"broken":{"status":503}}"#).status, 503);
    assert!(text(r#"{"error":{"code":"Quota","message":"m"}}"#).contains("<Code>Quota</Code>"));
    assert!(!text(r#""truncated""#).contains("</GetCallerIdentityResponse>"));
}

#[test]
fn a_dark_region_answers_nothing_and_others_do() {
    let mut world = faulty(r#"{"region":"us-west-2","fault":{"blackout":{}}}"#);
    let west = signed(
        "sts",
        "us-west-2",
        "Action=GetCallerIdentity&Version=2011-06-15",
    );
    assert!(matches!(serve(&mut world, &west).reply, Reply::Silence));
    assert_eq!(response(serve(&mut world, &identity())).status, 200);
}

#[test]
fn signatures_are_checked_when_told_to() {
    let mut world = World::new(1);
    let key = world
        .invoke(
            "111122223333",
            "eu-west-1",
            ServiceId::Sts,
            "GetSessionToken",
            serde_json::json!({}),
        )
        .unwrap();
    let credentials = &key["Credentials"];
    let of = |name: &str| credentials[name].as_str().unwrap().to_owned();
    world.settings.check_signatures = true;
    let mut stranger = identity();
    stranger.headers[0].1 = stranger.headers[0].1.replace("IOSFODNN7", "STRANGER");
    assert!(body(serve(&mut world, &stranger)).contains("InvalidClientTokenId"));
    let mut request = Request {
        method: "POST".into(),
        host: "sts.eu-west-1.amazonaws.com".into(),
        target: "/".into(),
        headers: vec![
            ("x-amz-date".into(), "20270115T080100Z".into()),
            ("x-amz-security-token".into(), of("SessionToken")),
            ("Authorization".into(), String::new()),
        ],
        body: Bytes::from_static(b"Action=GetCallerIdentity&Version=2011-06-15"),
    };
    let sign = |request: &mut Request, secret: &str| {
        let head = format!(
            "AWS4-HMAC-SHA256 Credential={}/20270115/eu-west-1/sts/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=",
            of("AccessKeyId")
        );
        request.headers[2].1 = head.clone();
        let scope = address::scope(request).unwrap();
        let signed = protocol::signature::signed(request).unwrap();
        let signature =
            protocol::signature::expected(request, ServiceId::Sts, &scope, &signed, secret);
        request.headers[2].1 = head + &signature;
    };
    sign(&mut request, &of("SecretAccessKey"));
    assert_eq!(response(serve(&mut world, &request)).status, 200);
    request.body = Bytes::from_static(b"Action=GetCallerIdentity&Version=2011-06-15&");
    assert!(body(serve(&mut world, &request)).contains("SignatureDoesNotMatch"));
    request.headers[0].1 = "20270115T084000Z".into();
    sign(&mut request, &of("SecretAccessKey"));
    assert!(body(serve(&mut world, &request)).contains("Signature expired"));
    world.advance_to(13 * crate::clock::HOUR);
    assert!(body(serve(&mut world, &request)).contains("ExpiredToken"));
}

#[test]
fn a_region_that_is_not_enabled_knows_no_keys() {
    let mut world = World::new(1);
    for region in ["mars-1", "af-south-1"] {
        let request = signed("sts", region, "Action=GetCallerIdentity&Version=2011-06-15");
        assert!(body(serve(&mut world, &request)).contains("InvalidClientTokenId"));
    }
}

#[test]
fn now_and_then_a_read_shows_a_status_that_nobody_knows() {
    let mut world = World::new(1);
    world.settings.odd_statuses = 0.5;
    let vpc = signed(
        "ec2",
        "eu-west-1",
        "Action=CreateVpc&CidrBlock=10.0.0.0/16&Version=2016-11-15",
    );
    assert_eq!(response(serve(&mut world, &vpc)).status, 200);
    let list = signed("ec2", "eu-west-1", "Action=DescribeVpcs&Version=2016-11-15");
    let odd = (1..=100).filter(|n| {
        let answer = world.call(&list, n * 10 * SECOND);
        body(answer).contains("<state>reconsidering</state>")
    });
    assert!((20..80).contains(&odd.count()));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    /// Whatever bytes come: an answer, never a panic. The pieces are those that the codecs look for.
    #[test]
    fn any_request_is_answered(
        service in 0..ServiceId::ALL.len(),
        operation in 0..200_usize,
        method in "GET|PUT|POST|DELETE|HEAD|PATCH",
        path in "(/|/b|/b/|/b/k|/2013-04-01/hostedzone/Z1|/service/x/operation/ListMetrics|/%zz|//|/\\PC{0,8})",
        query in "(|\\?|\\?delete|\\?uploadId=1&partNumber=x|\\?X-Amz-Credential=a/b/c/d/e|\\?list-type=2&max-keys=\\PC{0,3})",
        body in "(|[{\\[\"<>/a-z0-9&=.%:;\\r\\n ]{0,60}|<a><b>1</b></a>|\\{\"a\":1\\}|&A.member.1.B=c&A.2=d|5\r\nhello\r\n0\r\n)",
        streaming in proptest::bool::ANY,
        cbor in proptest::bool::ANY,
    ) {
        let service = ServiceId::ALL[service];
        let model = service.model();
        let name = model.operations.keys().nth(operation % model.operations.len()).unwrap();
        let mut request = signed(service.signing(), "eu-west-1", "");
        request.method = method;
        request.target = format!("{path}{query}");
        request.body = match model.metadata.target_prefix {
            Some(_) => Bytes::from(body),
            None => Bytes::from(format!("Action={name}{body}")),
        };
        if let Some(prefix) = &model.metadata.target_prefix {
            request.headers.push(("X-Amz-Target".into(), format!("{prefix}.{name}")));
        }
        if streaming {
            request.headers.push(("x-amz-content-sha256".into(), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER".into()));
        }
        if cbor {
            request.headers.push(("smithy-protocol".into(), "rpc-v2-cbor".into()));
        }
        let mut world = World::new(1);
        let answer = world.call(&request, 0);
        proptest::prop_assert!(matches!(answer.reply, Reply::Response(_)));
    }
}
