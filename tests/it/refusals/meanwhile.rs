//! What others do while a run is under way: to the record that will be cut, and to what the caller may do.

use super::*;
use crate::world::done;

/// What somebody else makes of the record.
#[derive(Clone, Copy, Debug)]
enum Meddling {
    LeadsElsewhere,
    Deleted,
    AnotherType,
}

fn meddle(sandbox: &Sandbox, zone: &str, there: &Value, how: Meddling) {
    let delete = json!({ "Action": "DELETE", "ResourceRecordSet": there });
    let create = |kind: &str, value: &str| json!({ "Action": "CREATE", "ResourceRecordSet": { "Name": HOST, "Type": kind, "TTL": 60, "ResourceRecords": [{ "Value": value }] } });
    let changes = match how {
        Meddling::LeadsElsewhere => json!([delete, create("A", "192.0.2.7")]),
        Meddling::Deleted => json!([delete]),
        Meddling::AnotherType => json!([delete, create("CNAME", "elsewhere.example.com")]),
    };
    change(sandbox, zone, changes);
}

/// The run ends without a cut, the source is given back, and the record stays as somebody made it.
fn not_cut(how: Meddling, when: Option<&'static str>) {
    let bench = Bench::new();
    bench.wait(3_600);
    let (zone, _) = records(&bench);
    let there = record(&bench).unwrap();
    let before = standing(&bench);
    let plan = bench.plan(Rehearsal::Real);
    let run = bench.begin(plan.clone());
    let other = {
        let (zone, there) = (zone.clone(), there.clone());
        move |sandbox: &Sandbox| meddle(sandbox, &zone, &there, how)
    };
    let ended = match when {
        Some(operation) => live_and(&bench, run, called(operation), other),
        None => {
            other(bench.session.world().unwrap());
            bench.live(run).expect("it ends")
        }
    };
    let changed = record(&bench);
    let (step, why) = stopped(&ended);
    assert!(
        step.contains("cut") || step.contains("ttl"),
        "{how:?} {when:?}: {step}: {why}"
    );
    assert!(why.starts_with("E4090") || why.starts_with("E439"), "{why}");
    assert_eq!(ended.result.unwrap().exit(), 4);
    let to = |r: &Option<Value>| {
        r.as_ref()
            .is_some_and(|r| r.to_string().contains("eu-west-1"))
    };
    assert!(
        !to(&changed),
        "{how:?} {when:?}: nothing leads to the target: {changed:?}"
    );
    undo(&bench, &plan);
    assert_eq!(record(&bench), changed, "what somebody made of it stays");
    // With the record put back, the source is exactly what it was.
    bench.wait(3_600);
    let sandbox = bench.session.world().unwrap();
    if let Some(changed) = changed {
        change(
            sandbox,
            &zone,
            json!([{ "Action": "DELETE", "ResourceRecordSet": changed }]),
        );
        bench.wait(600);
    }
    change(
        sandbox,
        &zone,
        json!([{ "Action": "CREATE", "ResourceRecordSet": there }]),
    );
    bench.wait(600);
    given_back(&before, &standing(&bench));
}

#[test]
fn a_record_that_leads_elsewhere_since_the_plan_is_not_cut() {
    not_cut(Meddling::LeadsElsewhere, None);
}

#[test]
fn a_record_changed_between_fence_and_cut_is_not_cut() {
    not_cut(
        Meddling::LeadsElsewhere,
        Some("RestoreDBInstanceFromDBSnapshot"),
    );
}

#[test]
fn a_record_deleted_between_fence_and_cut_is_not_made_again() {
    not_cut(Meddling::Deleted, Some("RestoreDBInstanceFromDBSnapshot"));
}

#[test]
fn a_record_of_another_type_is_not_cut() {
    not_cut(
        Meddling::AnotherType,
        Some("RestoreDBInstanceFromDBSnapshot"),
    );
}

#[test]
fn preflight_sees_a_record_that_is_not_as_the_plan_knows_it() {
    let bench = Bench::new();
    let mut found = bench.stack();
    let mut live = live::live(
        &bench.session,
        &mut found,
        &target(),
        Rehearsal::Real,
        "migrate",
        live::Wanted::default(),
        &shared(),
    )
    .unwrap_or_else(|f| panic!("{}", f.render(false)));
    live.plan = bench.plan(Rehearsal::Real);
    let (zone, _) = records(&bench);
    let there = record(&bench).unwrap();
    meddle(
        bench.session.world().unwrap(),
        &zone,
        &there,
        Meddling::AnotherType,
    );
    bench.wait(60);
    let report = live::preflight(
        &bench.session,
        &found.manifest,
        &live,
        &target(),
        Depth::Reads,
    )
    .unwrap_or_else(|f| panic!("{}", f.render(false)));
    assert_eq!(codes(&report), ["E2073"], "{:#?}", report.findings);
}

/// A user that may do everything, and its key.
fn mover() -> Bench {
    let bench = Bench::new();
    let iam = |operation: &str, input: Value| bench.call("us-east-1", "iam", operation, input);
    let all = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    iam("CreateUser", json!({ "UserName": "mover" }));
    iam(
        "PutUserPolicy",
        json!({ "UserName": "mover", "PolicyName": "all", "PolicyDocument": all.to_string() }),
    );
    let made = iam("CreateAccessKey", json!({ "UserName": "mover" }));
    let text = |name: &str| made["AccessKey"][name].as_str().unwrap().to_owned();
    bench.wait(3_600);
    let world = bench.fork();
    Bench::of(
        world,
        Some((&text("AccessKeyId"), &text("SecretAccessKey"))),
    )
}

#[test]
fn a_permission_taken_away_in_the_middle_stops_and_given_back_goes_on() {
    for (taken, when) in [
        ("rds:CopyDBSnapshot", "CreateDBSnapshot"),
        ("rds:RestoreDBInstanceFromDBSnapshot", "CreateDBSubnetGroup"),
        (
            "route53:ChangeResourceRecordSets",
            "RestoreDBInstanceFromDBSnapshot",
        ),
    ] {
        let bench = mover();
        let led = record(&bench);
        let plan = bench.plan(Rehearsal::Real);
        let run = bench.begin(plan.clone());
        let ended = live_and(&bench, run, called(when), move |sandbox| {
            let deny = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": taken, "Resource": "*" }] });
            let input = json!({ "UserName": "mover", "PolicyName": "deny", "PolicyDocument": deny.to_string() });
            call(sandbox, "us-east-1", "iam", "PutUserPolicy", input);
        });
        let outcome = ended.result.unwrap();
        assert_eq!(outcome.exit(), 4, "{taken}: {outcome:?}");
        assert!(outcome.resumable(), "{taken}");
        let said = format!("{outcome:?}");
        assert!(said.contains("AccessDenied"), "{taken}: {said}");
        assert_eq!(record(&bench), led, "nothing is cut");
        let input = json!({ "UserName": "mover", "PolicyName": "deny" });
        bench.call("us-east-1", "iam", "DeleteUserPolicy", input);
        bench.wait(60);
        done(bench.live(bench.take_over(&plan).resume().unwrap()));
        assert_ne!(record(&bench), led, "users are on the target");
    }
}
