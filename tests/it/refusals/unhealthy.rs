//! A target that is not healthy after the restore: nothing is cut, and `undo` gives the source back exactly; users write to it
//! again.

use aws_sim::oracle;
use aws_sim::services::rds::DatabaseRef;

use super::*;

fn source() -> DatabaseRef {
    DatabaseRef {
        account: "111122223333".into(),
        region: "us-west-2".into(),
        instance: "redmine-db".into(),
    }
}

/// Breaks the target when a call has been made there; the run must stop, and everything can be taken back.
fn not_cut(
    when: impl Fn(&World) -> bool + Send + 'static,
    breaks: impl FnOnce(&Sandbox) + Send + 'static,
) -> (String, String) {
    let bench = Bench::new();
    bench.wait(3_600);
    let before = standing(&bench);
    let led = record(&bench);
    let plan = bench.plan(Rehearsal::Real);
    let ended = live_and(&bench, bench.begin(plan.clone()), when, breaks);
    let stop = stopped(&ended);
    assert_eq!(ended.result.unwrap().exit(), 4);
    assert_eq!(record(&bench), led, "nothing is cut");
    undo(&bench, &plan);
    assert_eq!(record(&bench), led);
    bench.wait(3_600);
    given_back(&before, &standing(&bench));
    let since = bench.session.world().unwrap().clock().nanos();
    bench.users();
    bench.wait(300);
    let written = oracle::accepted_after(&bench.fork(), &source(), since);
    assert!(!written.is_empty(), "users write to the source again");
    stop
}

fn there(sandbox: &Sandbox, service: &str, operation: &str, input: Value) -> Value {
    call(sandbox, "eu-west-1", service, operation, input)
}

fn in_target(operation: &'static str) -> impl Fn(&World) -> bool + Send + 'static {
    move |world| succeeded(world, operation, "eu-west-1")
}

#[test]
fn a_health_path_that_answers_404() {
    let (step, why) = not_cut(in_target("CreateService"), |sandbox| {
        let groups = there(sandbox, "elbv2", "DescribeTargetGroups", json!({}));
        let arn = &groups["TargetGroups"][0]["TargetGroupArn"];
        let input = json!({ "TargetGroupArn": arn, "HealthCheckPath": "/nowhere", "Matcher": { "HttpCode": "200" } });
        there(sandbox, "elbv2", "ModifyTargetGroup", input);
    });
    assert_eq!(step, "services/web-service", "{why}");
    assert!(why.starts_with("E4372"), "{why}");
}

#[test]
fn a_database_gone_dark() {
    let (step, why) = not_cut(in_target("CreateService"), |sandbox| {
        let groups = there(sandbox, "ec2", "DescribeSecurityGroups", json!({}));
        let all = groups["SecurityGroups"].as_array().unwrap();
        let group = all
            .iter()
            .find(|g| g["GroupName"] == "redmine-database")
            .unwrap();
        let input = json!({ "GroupId": group["GroupId"], "IpPermissions": group["IpPermissions"] });
        there(sandbox, "ec2", "RevokeSecurityGroupIngress", input);
    });
    assert_eq!(step, "services/web-service", "{why}");
    assert!(why.starts_with("E4013"), "{why}");
}

#[test]
fn a_secret_without_its_key() {
    let (step, why) = not_cut(in_target("StopReplicationToReplica"), |sandbox| {
        let input = json!({ "SecretId": "redmine/app", "SecretString": "{\"another\":\"key\"}" });
        let action = aws_sim::action::Action::Call {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            service: "secretsmanager".into(),
            operation: "PutSecretValue".into(),
            input,
        };
        // The other of the two may have been promoted first: then this one is still a replica for some seconds.
        for later in 0..60 {
            let at = sandbox.clock().nanos() + later * SECOND;
            let answer = sandbox.world().act(at, &action).unwrap();
            if answer.get("error").is_none() {
                return;
            }
        }
        panic!("the secret was never promoted");
    });
    assert_eq!(step, "services/web-service", "{why}");
    assert!(why.starts_with("E4372"), "{why}");
}

#[test]
fn tasks_that_crash() {
    let bench = Bench::new();
    bench.wait(3_600);
    let led = record(&bench);
    let plan = bench.plan(Rehearsal::Real);
    let ended = live_and(
        &bench,
        bench.begin(plan.clone()),
        called("RestoreDBInstanceFromDBSnapshot"),
        |sandbox| {
            let action: aws_sim::action::Action = serde_json::from_value(json!({
                "script-image": { "image": { "pattern": "redmine", "behaviour": { "does": "exits", "code": 1, "line": "out of memory" } } }
            }))
            .unwrap();
            sandbox
                .world()
                .act(sandbox.clock().nanos(), &action)
                .unwrap();
        },
    );
    let (step, why) = stopped(&ended);
    assert_eq!(step, "services/web-service", "{why}");
    assert!(why.starts_with("E4372"), "{why}");
    assert_eq!(record(&bench), led, "nothing is cut");
}
