use super::*;
use crate::services::sts;

fn path(name: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("aws-sim-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

fn session() -> Request {
    let credential = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20270115/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=0";
    Request {
        method: "POST".into(),
        host: "127.0.0.1".into(),
        target: "/".into(),
        headers: vec![("Authorization".into(), credential.into())],
        body: Bytes::from_static(b"Action=GetSessionToken&Version=2011-06-15"),
    }
}

fn keys(kept: &Kept) -> Vec<String> {
    sts::access_keys(kept.world())
}

#[test]
fn every_answered_change_is_there_after_a_restart() {
    let path = path("restart");
    let mut kept = Kept::open(&path, 7, Settings::default()).unwrap();
    for n in 0..5 {
        kept.call(&session(), n * SECOND).unwrap();
    }
    kept.act(&Action::AddFault {
        rule: crate::faults::Rule::default(),
    })
    .unwrap();
    let (before, now) = (keys(&kept), kept.world().now());
    drop(kept);
    let kept = Kept::open(&path, 1, Settings::default()).unwrap();
    assert_eq!(keys(&kept), before);
    assert!(kept.world().now() >= now);
    assert_eq!(kept.world().faults.rules().count(), 1);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_fault_that_counts_goes_on_counting_after_a_restart() {
    let path = path("counted");
    let twice = Action::AddFault {
        rule: serde_json::from_str(
            r#"{"operation":"GetSessionToken","skip":1,"count":2,"fault":"reset"}"#,
        )
        .unwrap(),
    };
    let mut lives = Vec::new();
    for life in 0..5 {
        let mut kept = Kept::open(&path, 1, Settings::default()).unwrap();
        if life == 0 {
            kept.act(&twice).unwrap();
        }
        let at = kept.world().now() + SECOND;
        let answer = kept.call(&session(), at).unwrap();
        lives.push(matches!(answer.reply, crate::world::Reply::Reset));
    }
    assert_eq!(lives, [false, true, true, false, false]);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_request_that_is_held_up_arrives_although_the_process_died() {
    let path = path("late");
    let late = Action::AddFault {
        rule: serde_json::from_str(
            r#"{"operation":"GetSessionToken","count":1,"fault":{"late":{"seconds":300}}}"#,
        )
        .unwrap(),
    };
    let mut kept = Kept::open(&path, 1, Settings::default()).unwrap();
    kept.act(&late).unwrap();
    let answer = kept.call(&session(), 5 * SECOND).unwrap();
    assert!(matches!(answer.reply, crate::world::Reply::Reset));
    let mut whole = kept.world().fork();
    whole.advance_to(400 * SECOND);
    assert_eq!(sts::access_keys(&whole).len(), 1, "it arrives late");
    drop(kept);
    let mut again = Kept::open(&path, 1, Settings::default()).unwrap();
    assert_eq!(keys(&again), Vec::<String>::new());
    again.advance_to(400 * SECOND).unwrap();
    assert_eq!(keys(&again).len(), 1);
    drop(again);
    let last = Kept::open(&path, 1, Settings::default()).unwrap();
    assert_eq!(keys(&last).len(), 1, "it is executed once");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_sequence_is_kept_whole_or_not_at_all() {
    let path = path("sequence");
    let role = |name: &str| Action::Call {
        account: "111122223333".into(),
        region: "us-east-1".into(),
        service: "ecr".into(),
        operation: "CreateRepository".into(),
        input: serde_json::json!({"repositoryName": name}),
    };
    let steps = [("one", 0), ("two", 7 * SECOND)]
        .map(|(name, after)| crate::action::Timed {
            after,
            action: role(name),
        })
        .to_vec();
    let mut kept = Kept::open(&path, 1, Settings::default()).unwrap();
    let before = std::fs::metadata(&path).unwrap().len();
    kept.act(&Action::Sequence { steps }).unwrap();
    assert_eq!(kept.world().now(), 7 * SECOND);
    let after = kept.world().canonical();
    drop(kept);
    let bytes = std::fs::read(&path).unwrap();
    let again = Kept::open(&path, 1, Settings::default()).unwrap();
    assert_eq!(again.world().canonical(), after);
    drop(again);
    let empty = World::new(1).canonical();
    for cut in [before + 1, (before + bytes.len() as u64) / 2] {
        std::fs::write(&path, &bytes[..cut as usize]).unwrap();
        let torn = Kept::open(&path, 1, Settings::default()).unwrap();
        assert_eq!(torn.world().canonical(), empty);
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_torn_tail_is_dropped_at_every_byte_and_damage_is_refused() {
    let path = path("torn");
    let mut kept = Kept::open(&path, 7, Settings::default()).unwrap();
    kept.call(&session(), 1).unwrap();
    let sound = std::fs::metadata(&path).unwrap().len() as usize;
    kept.call(&session(), 1).unwrap();
    drop(kept);
    let whole = std::fs::read(&path).unwrap();
    for cut in sound..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let kept = Kept::open(&path, 7, Settings::default()).unwrap();
        assert_eq!(keys(&kept).len(), 1, "cut at {cut}");
    }
    let mut damaged = whole.clone();
    damaged[40] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    assert!(matches!(
        Kept::open(&path, 7, Settings::default()),
        Err(KeepError::Damaged(0))
    ));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_world_has_one_owner() {
    let path = path("owner");
    let first = Kept::open(&path, 7, Settings::default()).unwrap();
    assert!(matches!(
        Kept::open(&path, 7, Settings::default()),
        Err(KeepError::Owned)
    ));
    drop(first);
    assert!(Kept::open(&path, 7, Settings::default()).is_ok());
    std::fs::remove_file(&path).unwrap();
}

/// Requests that need nothing of each other, by what they are sent with and what they say.
const SCRIPT: &[(&str, &str, &str, &str)] = &[
    (
        "iam",
        "",
        "Action=CreateUser&Version=2010-05-08&UserName=u",
        "",
    ),
    ("iam", "", "Action=ListUsers&Version=2010-05-08", ""),
    (
        "iam",
        "",
        "Action=CreateAccessKey&Version=2010-05-08&UserName=u",
        "",
    ),
    ("sts", "", "Action=GetSessionToken&Version=2011-06-15", ""),
    (
        "ec2",
        "",
        "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0/16",
        "",
    ),
    (
        "ec2",
        "",
        "Action=CreateNatGateway&Version=2016-11-15&SubnetId=subnet-0123456789abcdef0",
        "",
    ),
    ("ec2", "", "Action=AllocateAddress&Version=2016-11-15", ""),
    ("ec2", "", "Action=DescribeVpcs&Version=2016-11-15", ""),
    (
        "rds",
        "",
        "Action=CreateDBParameterGroup&Version=2014-10-31&DBParameterGroupName=p&DBParameterGroupFamily=postgres15&Description=d",
        "",
    ),
    (
        "rds",
        "",
        "Action=DescribeDBParameterGroups&Version=2014-10-31",
        "",
    ),
    ("kms", "TrentService.CreateKey", "{}", ""),
    ("kms", "TrentService.ListKeys", "{}", ""),
    (
        "kms",
        "TrentService.GenerateRandom",
        "{\"NumberOfBytes\":8}",
        "",
    ),
    (
        "secretsmanager",
        "secretsmanager.CreateSecret",
        "{\"Name\":\"s\",\"SecretString\":\"x\",\"ClientRequestToken\":\"0123456789abcdef0123456789abcdef\"}",
        "",
    ),
    (
        "secretsmanager",
        "secretsmanager.GetSecretValue",
        "{\"SecretId\":\"s\"}",
        "",
    ),
    (
        "ssm",
        "AmazonSSM.PutParameter",
        "{\"Name\":\"/p\",\"Value\":\"v\",\"Type\":\"String\",\"Overwrite\":true}",
        "",
    ),
    (
        "ecr",
        "AmazonEC2ContainerRegistry_V20150921.CreateRepository",
        "{\"repositoryName\":\"repo\"}",
        "",
    ),
    (
        "ecr",
        "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
        "{}",
        "",
    ),
    (
        "ecs",
        "AmazonEC2ContainerServiceV20141113.CreateCluster",
        "{\"clusterName\":\"c\"}",
        "",
    ),
    (
        "ecs",
        "AmazonEC2ContainerServiceV20141113.DeleteCluster",
        "{\"cluster\":\"c\"}",
        "",
    ),
    (
        "ecs",
        "AmazonEC2ContainerServiceV20141113.DescribeClusters",
        "{\"clusters\":[\"c\"]}",
        "",
    ),
    (
        "logs",
        "Logs_20140328.CreateLogGroup",
        "{\"logGroupName\":\"/l\"}",
        "",
    ),
    (
        "acm",
        "CertificateManager.RequestCertificate",
        "{\"DomainName\":\"a.example.com\",\"ValidationMethod\":\"DNS\"}",
        "",
    ),
    (
        "s3",
        "PUT",
        "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>",
        "/kept-bucket",
    ),
    ("s3", "PUT", "body", "/kept-bucket/key"),
    ("s3", "GET", "", "/kept-bucket/key"),
];

fn scripted(n: usize) -> Request {
    let (service, target, body, path) = SCRIPT[n % SCRIPT.len()];
    let region = if service == "iam" {
        "us-east-1"
    } else {
        "eu-west-1"
    };
    let credential = format!(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20270115/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let mut headers = vec![("Authorization".to_owned(), credential)];
    if path.is_empty() && !target.is_empty() {
        headers.push(("X-Amz-Target".into(), target.into()));
    }
    Request {
        method: if path.is_empty() {
            "POST".into()
        } else {
            target.into()
        },
        host: "127.0.0.1".into(),
        target: if path.is_empty() {
            "/".into()
        } else {
            path.into()
        },
        headers,
        body: Bytes::from_static(body.as_bytes()),
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 12, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_world_that_was_closed_and_opened_goes_on_as_one_that_was_not(
        steps in proptest::collection::vec((0..SCRIPT.len(), 0..400_u64), 1..60),
        closed_at in 0..60_usize,
    ) {
        let path = path("same");
        let mut kept = Kept::open(&path, 7, Settings::default()).unwrap();
        let mut other = Kept::in_memory(World::new(7));
        let rules = [r#"{"writes":true,"skip":5,"count":1,"fault":"reply-lost"}"#, r#"{"writes":true,"skip":9,"count":1,"fault":"throttle"}"#];
        for rule in rules {
            let action = Action::AddFault { rule: crate::faults::Rule::from_json(rule).unwrap() };
            kept.act(&action).unwrap();
            other.act(&action).unwrap();
        }
        let mut now = 0;
        for (n, (request, pause)) in steps.iter().enumerate() {
            if n == closed_at {
                drop(kept);
                kept = Kept::open(&path, 1, Settings::default()).unwrap();
                // Only the time that was reserved may have passed meanwhile; what a rule has met is begun again.
                now = now.max(kept.world().now());
                for rule in ["fault-1", "fault-2"] {
                    let action = Action::RemoveFault { id: rule.into() };
                    kept.act(&action).unwrap();
                    other.act(&action).unwrap();
                }
            }
            now += pause * SECOND;
            kept.call(&scripted(*request), now).unwrap();
            other.call(&scripted(*request), now).unwrap();
        }
        now += 3_600 * SECOND;
        kept.advance_to(now).unwrap();
        other.advance_to(now).unwrap();
        proptest::prop_assert_eq!(kept.world().next_event(), other.world().next_event());
        let (one, two) = (kept.world().canonical(), other.world().canonical());
        std::fs::remove_file(&path).unwrap();
        proptest::prop_assert_eq!(one, two);
    }
}

#[test]
fn the_script_is_understood() {
    let mut kept = Kept::in_memory(World::new(7));
    for n in 0..SCRIPT.len() {
        kept.call(&scripted(n), n as u64 * 60 * SECOND).unwrap();
    }
    let refused: Vec<(String, Option<String>)> = kept
        .world()
        .log
        .entries()
        .filter(|a| a.status != 200)
        .map(|a| (a.operation.clone(), a.error.clone()))
        .collect();
    // A NAT gateway needs a subnet that is there.
    let expected = (
        String::from("CreateNatGateway"),
        Some(String::from("InvalidSubnetID.NotFound")),
    );
    assert_eq!(refused, [expected]);
}
