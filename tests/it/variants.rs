//! Redmine with a CNAME whose TTL is long, a second zone and a failover pair: cut, half cut and undone.

use std::collections::BTreeMap;

use aws_sim::action::Action;
use aws_sim::faults::{Fault, Rule};
use aws_sim::oracle;
use aws_sim::world::World;
use drtool::expand::Rehearsal;
use drtool_engine::event::{Outcome, Reach};
use drtool_engine::plan::Milestone;
use serde_json::{Value, json};

use crate::kill::{self, When};
use crate::world::{Bench, done};

const NAMES: [&str; 4] = [
    "redmine.sidpotti.infracourse.cloud",
    "tracker.infracourse.cloud",
    "redmine.infracourse.example",
    "issues.infracourse.cloud",
];

/// A read as the account's root, on a fork: nothing of it is in the world.
fn asked(world: &World, service: &str, operation: &str, input: Value) -> Value {
    let mut fork = world.fork();
    let action = Action::Call {
        account: "111122223333".into(),
        region: "us-east-1".into(),
        service: service.into(),
        operation: operation.into(),
        input,
    };
    let mut answer = aws_sim::action::act(&mut fork, &action);
    answer["output"].take()
}

/// A record set of the world, by name and set identifier.
fn record(world: &World, name: &str, set: Option<&str>) -> Value {
    let zones = asked(world, "route53", "ListHostedZones", json!({}));
    zones["HostedZones"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|zone| {
            let list = asked(
                world,
                "route53",
                "ListResourceRecordSets",
                json!({ "HostedZoneId": zone["Id"] }),
            );
            list["ResourceRecordSets"].as_array().unwrap().clone()
        })
        .find(|r| {
            r["Name"] == format!("{name}.")
                && ["A", "CNAME"].contains(&r["Type"].as_str().unwrap())
                && r["SetIdentifier"].as_str() == set
        })
        .unwrap_or_else(|| panic!("no record {name}"))
}

fn leads(world: &World, name: &str, set: Option<&str>) -> String {
    let record = record(world, name, set);
    record["AliasTarget"]["DNSName"]
        .as_str()
        .or(record["ResourceRecords"][0]["Value"].as_str())
        .unwrap()
        .to_owned()
}

/// When records were changed after an instant, in nanoseconds.
fn changes(world: &World, after: u64) -> Vec<u64> {
    world
        .log
        .entries()
        .filter(|a| a.operation == "ChangeResourceRecordSets" && a.executed && a.at > after)
        .map(|a| a.at)
        .collect()
}

#[test]
fn every_name_is_cut_and_nothing_is_lost() {
    let bench = Bench::overlaid("failover-pair");
    for (number, name) in NAMES.iter().enumerate() {
        bench.users_of(&format!("users{number}"), name, 10);
    }
    bench.wait(600);
    let before = bench.fork();
    let began = bench.session.world().unwrap().clock().nanos();
    let plan = bench.plan(Rehearsal::Real);
    let ended = bench.live(bench.begin(plan)).expect("it ends");
    let state = ended.state.clone();
    done(Some(ended));
    let at = |milestone: Milestone| {
        let (moment, _) = &state.milestones[&milestone];
        u64::try_from(moment.as_nanosecond()).unwrap()
            - u64::try_from(aws_sim::clock::EPOCH).unwrap() * 1_000_000_000
    };
    let fenced = at(Milestone::Fenced);
    // Whoever kept an old answer for half an hour has asked again by then.
    bench.wait(3_600);
    let world = bench.fork();
    for name in NAMES {
        let set = name.starts_with("issues").then_some("primary");
        assert!(
            leads(&world, name, set).contains("eu-west-1"),
            "{name} leads to the target"
        );
    }
    let secondary = |world: &World| record(world, "issues.infracourse.cloud", Some("secondary"));
    assert_eq!(
        secondary(&before),
        secondary(&world),
        "the secondary is untouched"
    );
    let primary = record(&world, "issues.infracourse.cloud", Some("primary"));
    assert_eq!(primary["Failover"], "PRIMARY");
    assert_eq!(primary["AliasTarget"]["EvaluateTargetHealth"], true);
    assert_eq!(
        primary["HealthCheckId"],
        Value::Null,
        "the check of the source would send users to the secondary"
    );
    let tracker = record(&world, "tracker.infracourse.cloud", None);
    assert_eq!(tracker["TTL"], 300, "the TTL is what it was");

    // The TTL is lowered one old TTL before the fence, and put back after the cut.
    let changes = changes(&world, began);
    let [lowered, first, second, restored] = changes[..] else {
        panic!("the TTL, one batch a zone, the TTL: {changes:?}");
    };
    assert!(
        lowered + 300_000_000_000 <= fenced,
        "old answers are gone before the fence"
    );
    assert!(fenced < first && first < second);
    assert!(at(Milestone::Serving) < restored);

    assert_eq!(
        oracle::lost(&world, &bench.database("eu-west-1")),
        [],
        "every acknowledged write is in the target"
    );
    assert_eq!(
        oracle::accepted_after(&world, &bench.database("us-west-2"), first),
        [],
        "the source takes no write once it is fenced"
    );
    let moved = restored;
    let late = oracle::accepted_after(&world, &bench.database("eu-west-1"), moved);
    for number in 0..NAMES.len() {
        for user in 1..=10 {
            let name = format!("users{number}-{user}");
            assert!(
                late.iter().any(|row| row.client == name),
                "{name} writes to the target"
            );
        }
    }
}

#[test]
fn undo_before_the_cut_gives_every_record_back() {
    for part in [2, 5, 8] {
        let bench = Bench::overlaid("failover-pair");
        // Nobody agrees in advance: the power fails before the cut at the latest.
        kill::is_taken_back(&bench, Rehearsal::Real, When::Events(600 * part));
        let tracker = record(&bench.fork(), "tracker.infracourse.cloud", None);
        assert_eq!(tracker["TTL"], 300);
    }
}

fn second_zone_fails(fault: Fault, count: Option<u64>) -> Rule {
    Rule {
        id: Some("second".into()),
        service: Some("route53".into()),
        operation: Some("ChangeResourceRecordSets".into()),
        resource: Some("redmine.infracourse.example".into()),
        count,
        fault,
        ..Rule::default()
    }
}

#[test]
fn a_second_zone_that_is_throttled_for_a_while_is_cut_all_the_same() {
    let bench = Bench::overlaid("failover-pair");
    // More often than a step may be begun: a call that was turned away unread does not count.
    let rule = second_zone_fails(Fault::Throttle, Some(12));
    bench.act(&Action::AddFault { rule });
    done(bench.live(bench.begin(bench.plan(Rehearsal::Real))));
    for name in NAMES {
        let set = name.starts_with("issues").then_some("primary");
        assert!(leads(&bench.fork(), name, set).contains("eu-west-1"));
    }
}

#[test]
fn a_half_cut_is_told_and_resume_completes_it() {
    let bench = Bench::overlaid("failover-pair");
    bench.users_of("first", NAMES[0], 3);
    bench.users_of("second", NAMES[2], 3);
    bench.wait(300);
    let rule = second_zone_fails(
        Fault::Broken {
            status: 503,
            executed: false,
        },
        None,
    );
    bench.act(&Action::AddFault { rule });
    let plan = bench.plan(Rehearsal::Real);
    let ended = bench.live(bench.begin(plan.clone())).expect("it ends");
    let outcome = ended.result.unwrap();
    assert!(
        matches!(&outcome, Outcome::Failed { step, .. } if step.as_str() == "cut/redmine-infracourse-example"),
        "{outcome:?}"
    );
    assert!(outcome.resumable());
    assert_eq!(
        drtool::cli::close::half_cut(&ended.state).as_deref(),
        Some(
            "half cut: users of infracourse.cloud are in the target, users of infracourse.example read the maintenance page"
        )
    );
    assert!(leads(&bench.fork(), NAMES[0], None).contains("eu-west-1"));
    assert!(leads(&bench.fork(), NAMES[2], None).contains("us-west-2"));
    // What users were sent to is not taken from under them.
    let refused = bench.take_over(&plan).undo("test", Reach::BeforeCut);
    assert_eq!(refused.err().map(|e| e.code()), Some("E3021"));
    bench.act(&Action::RemoveFault {
        id: "second".into(),
    });
    done(bench.live(bench.take_over(&plan).resume().unwrap()));
    assert!(leads(&bench.fork(), NAMES[2], None).contains("eu-west-1"));
    bench.wait(3_600);
    let world = bench.fork();
    assert_eq!(oracle::lost(&world, &bench.database("eu-west-1")), []);
}

/// Somebody points the second zone's record elsewhere.
fn meddle(bench: &Bench, from: &str, to: &str) {
    let world = bench.fork();
    let zones = asked(&world, "route53", "ListHostedZones", json!({}));
    let zone = zones["HostedZones"]
        .as_array()
        .unwrap()
        .iter()
        .find(|z| z["Name"] == "infracourse.example.")
        .unwrap()["Id"]
        .clone();
    let mut new = record(&world, NAMES[2], None);
    assert!(
        new["AliasTarget"]["DNSName"]
            .as_str()
            .unwrap()
            .contains(from)
    );
    let other = record(&world, "issues.infracourse.cloud", Some(to));
    new["AliasTarget"] = other["AliasTarget"].clone();
    new["AliasTarget"]["EvaluateTargetHealth"] = false.into();
    bench.act(&Action::Call {
        account: "111122223333".into(),
        region: "us-east-1".into(),
        service: "route53".into(),
        operation: "ChangeResourceRecordSets".into(),
        input: json!({ "HostedZoneId": zone, "ChangeBatch": { "Changes": [{ "Action": "UPSERT", "ResourceRecordSet": new }] } }),
    });
}

/// What a run changes in the source and gives back. (Tasks that were stopped come back as others, perhaps in other subnets.)
fn settings(world: &World) -> Vec<Value> {
    let described = world.described();
    let source = &described["111122223333 us-west-2"];
    let services: Vec<Value> = source["ecs DescribeServices"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|a| a["is"]["services"].as_array().unwrap())
        .map(|s| {
            json!([
                s["serviceName"],
                s["desiredCount"],
                s["runningCount"],
                s["taskDefinition"]
            ])
        })
        .collect();
    vec![
        described["111122223333"]["route53 ListResourceRecordSets"].clone(),
        source["ec2 DescribeSecurityGroups"].clone(),
        source["elbv2 DescribeListeners"].clone(),
        source["application-autoscaling DescribeScalableTargets"].clone(),
        services.into(),
    ]
}

#[test]
fn as_long_as_one_zone_is_not_as_planned_no_zone_is_cut() {
    let bench = Bench::overlaid("failover-pair");
    bench.wait(3_600);
    let before = bench.fork();
    let plan = bench.plan(Rehearsal::Real);
    meddle(&bench, "redmine-", "secondary");
    let meddled = bench.fork();
    let ended = bench.live(bench.begin(plan.clone())).expect("it ends");
    let outcome = ended.result.unwrap();
    let Outcome::Failed { step, fault } = &outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(step.as_str(), "cut/redmine-sidpotti-infracourse-cloud");
    let said = format!("{fault:?}");
    assert!(
        said.contains("redmine.infracourse.example was changed by somebody"),
        "{said}"
    );
    assert_eq!(drtool::cli::close::half_cut(&ended.state), None);
    for name in [NAMES[0], NAMES[1]] {
        assert!(leads(&bench.fork(), name, None).contains("us-west-2"));
    }
    kill::taken_back(&bench, &plan);
    bench.wait(3_600);
    assert_eq!(settings(&meddled), settings(&bench.fork()));
    assert_ne!(settings(&before), settings(&bench.fork()));
}

#[test]
fn a_record_that_is_changed_between_two_cuts_is_told_and_resume_goes_on_when_it_is_put_back() {
    let bench = Bench::overlaid("failover-pair");
    let plan = bench.plan(Rehearsal::Real);
    // The second zone is dark for ten minutes, in which somebody else gets through by other means.
    let rule = second_zone_fails(
        Fault::Error {
            code: "PriorRequestNotComplete".into(),
            message: "a change is under way".into(),
            status: Some(400),
        },
        None,
    );
    bench.act(&Action::AddFault { rule });
    let ended = bench.live(bench.begin(plan.clone())).expect("it ends");
    assert!(matches!(ended.result, Ok(Outcome::Failed { .. })));
    bench.act(&Action::RemoveFault {
        id: "second".into(),
    });
    let was = record(&bench.fork(), NAMES[2], None);
    meddle(&bench, "redmine-", "secondary");
    bench.wait(60);
    let ended = bench
        .live(bench.take_over(&plan).resume().unwrap())
        .expect("it ends");
    let outcome = ended.result.unwrap();
    let said = format!("{outcome:?}");
    assert!(
        said.contains("infracourse.cloud is cut already, infracourse.example is not"),
        "{said}"
    );
    let zones = asked(&bench.fork(), "route53", "ListHostedZones", json!({}));
    let zone = zones["HostedZones"]
        .as_array()
        .unwrap()
        .iter()
        .find(|z| z["Name"] == "infracourse.example.")
        .unwrap()["Id"]
        .clone();
    bench.act(&Action::Call {
        account: "111122223333".into(),
        region: "us-east-1".into(),
        service: "route53".into(),
        operation: "ChangeResourceRecordSets".into(),
        input: json!({ "HostedZoneId": zone, "ChangeBatch": { "Changes": [{ "Action": "UPSERT", "ResourceRecordSet": was }] } }),
    });
    bench.wait(60);
    done(bench.live(bench.take_over(&plan).resume().unwrap()));
    assert!(leads(&bench.fork(), NAMES[2], None).contains("eu-west-1"));
}

#[test]
fn killed_between_and_after_the_cuts_it_resumes_to_the_same_records() {
    let make = || Bench::overlaid("failover-pair");
    kill::resume_to_the_same_world(make, [840, 880, 910, 940, 960, 985]);
}

#[test]
fn the_records_that_a_cut_cannot_move_are_refused_with_their_line() {
    let zone = "ListHostedZonesByName\", with: { DNSName: infracourse.cloud, MaxItems: \"1\" }, keep: { zone: /HostedZones/0/Id } }";
    let balancer = "{ call: \"elbv2 DescribeLoadBalancers\", with: { Names: [redmine] }, keep: { name: /LoadBalancers/0/DNSName, alias: /LoadBalancers/0/CanonicalHostedZoneId } }";
    let upsert = |sets: &str| {
        format!(
            "{balancer}, {{ call: \"route53 {zone}, {{ call: \"route53 ChangeResourceRecordSets\", with: {{ HostedZoneId: \"${{zone}}\", ChangeBatch: {{ Changes: [{sets}] }} }} }}"
        )
    };
    let set = |members: &str| {
        format!(
            "{{ Action: CREATE, ResourceRecordSet: {{ Name: other.infracourse.cloud, {members} }} }}"
        )
    };
    let alias = "AliasTarget: { HostedZoneId: \"${alias}\", DNSName: \"${name}\", EvaluateTargetHealth: false }";
    let listed = |zone: &str, more: &str| {
        let (zone, more) = (zone.to_owned(), more.to_owned());
        move |base: &str, _: &BTreeMap<String, String>| {
            base.replace(
                "redmine.sidpotti.infracourse.cloud, to: web }",
                &format!(
                    "redmine.sidpotti.infracourse.cloud, to: web }}\n  - {{ zone: {zone}, record: other.infracourse.cloud, to: web{more} }}"
                ),
            )
        }
    };
    let cases: Vec<(&str, String, &str, &str)> = vec![
        (
            "weighted",
            upsert(&set(&format!(
                "Type: A, SetIdentifier: a, Weight: 10, {alias}"
            ))),
            "E1036",
            "by weight, latency or place",
        ),
        (
            "latency",
            upsert(&set(&format!(
                "Type: A, SetIdentifier: a, Region: us-west-2, {alias}"
            ))),
            "E1036",
            "by weight, latency or place",
        ),
        (
            "addresses",
            upsert(&set(
                "Type: A, TTL: 60, ResourceRecords: [{ Value: 192.0.2.1 }]",
            )),
            "E1036",
            "holds addresses",
        ),
        (
            "absent",
            balancer.to_owned(),
            "E2011",
            "which is not in zone",
        ),
        (
            "elsewhere",
            upsert(&set(
                "Type: CNAME, TTL: 60, ResourceRecords: [{ Value: www.example.com }]",
            )),
            "E1036",
            "which is not the balancer",
        ),
    ];
    for (case, calls, code, says) in cases {
        let bench = Bench::changed(&calls, listed("infracourse.cloud", ""));
        let failures = bench
            .planned(Rehearsal::Real)
            .expect_err("it cannot be cut");
        let told = failures.render(false);
        assert!(told.contains(code) && told.contains(says), "{case}: {told}");
        assert!(
            told.contains("redmine.yaml:") || code == "E2011",
            "{case}: {told}"
        );
    }
    let private = "{ call: \"ec2 DescribeVpcs\", with: { Filters: [{ Name: \"tag:Name\", Values: [redmine] }] }, keep: { vpc: /Vpcs/0/VpcId } }, { call: \"route53 CreateHostedZone\", with: { Name: infracourse.cloud, CallerReference: inside, VPC: { VPCRegion: us-west-2, VPCId: \"${vpc}\" } }, keep: { inside: /HostedZone/Id } }";
    let calls = format!(
        "{balancer}, {private}, {{ call: \"route53 ChangeResourceRecordSets\", with: {{ HostedZoneId: \"${{inside}}\", ChangeBatch: {{ Changes: [{}] }} }} }}",
        set(&format!("Type: A, {alias}"))
    );
    let bench = Bench::changed(&calls, listed("infracourse.cloud", ", private: true"));
    let told = bench
        .planned(Rehearsal::Real)
        .expect_err("it cannot be cut")
        .render(false);
    assert!(
        told.contains("E1036") && told.contains("private zone"),
        "{told}"
    );
}

#[test]
fn both_address_families_of_a_name_are_cut_together() {
    let calls = "{ call: \"elbv2 DescribeLoadBalancers\", with: { Names: [redmine] }, keep: { name: /LoadBalancers/0/DNSName, alias: /LoadBalancers/0/CanonicalHostedZoneId } }, { call: \"route53 ListHostedZonesByName\", with: { DNSName: infracourse.cloud, MaxItems: \"1\" }, keep: { zone: /HostedZones/0/Id } }, { call: \"route53 ChangeResourceRecordSets\", with: { HostedZoneId: \"${zone}\", ChangeBatch: { Changes: [{ Action: CREATE, ResourceRecordSet: { Name: redmine.sidpotti.infracourse.cloud, Type: AAAA, AliasTarget: { HostedZoneId: \"${alias}\", DNSName: \"dualstack.${name}\", EvaluateTargetHealth: false } } }] } } }";
    let bench = Bench::changed(calls, |base, _| base.to_owned());
    done(bench.live(bench.begin(bench.plan(Rehearsal::Real))));
    let world = bench.fork();
    let zones = asked(&world, "route53", "ListHostedZones", json!({}));
    let list = asked(
        &world,
        "route53",
        "ListResourceRecordSets",
        json!({ "HostedZoneId": zones["HostedZones"][0]["Id"] }),
    );
    let six = list["ResourceRecordSets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["Type"] == "AAAA")
        .unwrap();
    assert!(
        six["AliasTarget"]["DNSName"]
            .as_str()
            .unwrap()
            .contains("eu-west-1")
    );
}
