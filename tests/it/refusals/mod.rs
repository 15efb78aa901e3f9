//! What is refused, and what stops on the way: each with its own code and exit status, nothing fenced before the fence, nothing
//! cut after it, and the source given back exactly.

mod meanwhile;
mod names;
mod reads;
pub mod seen;
mod typed;
mod unhealthy;

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;

use aws_sim::clock::SECOND;
use aws_sim::world::World;
use clap::Parser;
use drtool::cli::live::{self, Live, Wanted};
use drtool::cli::{Cli, Shared};
use drtool::env::Env;
use drtool::expand::Rehearsal;
use drtool::manifest::Region;
use drtool::preflight::{Depth, Report};
use drtool::sandbox::Sandbox;
use drtool_engine::event::{Outcome, Reach};
use drtool_engine::plan::Plan;
use drtool_engine::run::{Ended, Fleet, Pace, Run};
use serde_json::{Value, json};

use crate::world::{Bench, call};

/// The flags of a command that works in a sandbox.
fn shared() -> Shared {
    let root = env!("CARGO_MANIFEST_DIR");
    let words = [
        "drtool",
        "--sandbox",
        "--quiet",
        "--directory",
        root,
        "runs",
    ];
    Cli::try_parse_from(words).unwrap().shared
}

fn target() -> Region {
    Region::new("eu-west-1").unwrap()
}

/// The live plan with a seed that tests know, and what preflight says of it.
pub fn preflight(bench: &Bench, profile: Rehearsal, depth: Depth) -> Report {
    let mut found = bench.stack();
    let mut live: Live = live::live(
        &bench.session,
        &mut found,
        &target(),
        profile,
        "migrate",
        Wanted::default(),
        &shared(),
    )
    .unwrap_or_else(|f| panic!("{}", f.render(false)));
    live.plan = bench.plan(profile);
    live::preflight(&bench.session, &found.manifest, &live, &target(), depth)
        .unwrap_or_else(|f| panic!("{}", f.render(false)))
}

pub fn codes(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|f| f.code).collect()
}

/// Carries a run out, and does something to the world as soon as it has come to a point.
fn live_and(
    bench: &Bench,
    run: Run<Env>,
    when: impl Fn(&World) -> bool + Send + 'static,
    what: impl FnOnce(&Sandbox) + Send + 'static,
) -> Ended {
    let fleet = Fleet::new(bench.session.clock(), Pace::default()).with(run);
    let sandbox = bench.session.world().unwrap().clone();
    let clock = sandbox.clock().clone();
    let ended = clock.clone().run(async move {
        let mut fleet = pin!(fleet.run());
        let mut what = Some(what);
        loop {
            if what.is_none() {
                return fleet.await;
            }
            let nap = clock.sleep_until(clock.nanos() + SECOND);
            tokio::select! {
                biased;
                ended = &mut fleet => return ended,
                () = nap => {}
            }
            let come = when(sandbox.world().lock().world());
            if come && let Some(what) = what.take() {
                what(&sandbox);
            }
        }
    });
    let mut ended = ended.expect("time goes on");
    ended.pop().expect("one run")
}

/// Whether drtool's call of that name has succeeded.
fn called(operation: &'static str) -> impl Fn(&World) -> bool + Send + 'static {
    move |world| succeeded(world, operation, "")
}

fn succeeded(world: &World, operation: &str, region: &str) -> bool {
    let mut recent = world.log.entries().rev().take(3_000);
    recent.any(|a| {
        a.operation == operation
            && a.status == 200
            && a.executed
            && (region.is_empty() || a.region == region)
    })
}

/// The fault that a run stopped at.
fn stopped(ended: &Ended) -> (String, String) {
    match ended.result.as_ref().unwrap_or_else(|e| panic!("{e}")) {
        Outcome::Failed { step, fault } => {
            (step.to_string(), format!("{}: {}", fault.code, fault.what))
        }
        other => panic!("{other:?}"),
    }
}

/// Takes everything back, and nothing is left.
fn undo(bench: &Bench, plan: &Plan) {
    let run = bench
        .take_over(plan)
        .undo("test", Reach::BeforeCut)
        .unwrap();
    let ended = bench.live(run).expect("it ends");
    assert!(
        matches!(&ended.result, Ok(Outcome::Unwound { left, .. }) if left.is_empty()),
        "{:?}",
        ended.result
    );
}

/// The zone of the stack's name, and its records.
fn records(bench: &Bench) -> (String, Vec<Value>) {
    let zones = bench.call("us-east-1", "route53", "ListHostedZones", json!({}));
    let zone = zones["HostedZones"][0]["Id"].as_str().unwrap().to_owned();
    let input = json!({ "HostedZoneId": zone });
    let list = bench.call("us-east-1", "route53", "ListResourceRecordSets", input);
    let records = list["ResourceRecordSets"].as_array().unwrap().clone();
    (zone, records)
}

const HOST: &str = "redmine.sidpotti.infracourse.cloud.";

/// The record that leads users to the stack.
fn record(bench: &Bench) -> Option<Value> {
    let (_, records) = records(bench);
    records.into_iter().find(|r| r["Name"] == HOST)
}

/// Changes records as somebody else would.
fn change(sandbox: &Sandbox, zone: &str, changes: Value) {
    let input = json!({ "HostedZoneId": zone, "ChangeBatch": { "Changes": changes } });
    call(
        sandbox,
        "us-east-1",
        "route53",
        "ChangeResourceRecordSets",
        input,
    );
}

/// How both regions stand, in AWS's own words and with its own ids: what changes by itself is left out. Which tasks run is no
/// matter, how many is.
fn standing(bench: &Bench) -> BTreeMap<String, Value> {
    const LISTS: &[(&str, &str)] = &[
        ("ec2", "DescribeVpcs"),
        ("ec2", "DescribeSubnets"),
        ("ec2", "DescribeRouteTables"),
        ("ec2", "DescribeSecurityGroups"),
        ("ec2", "DescribeInternetGateways"),
        ("ec2", "DescribeAddresses"),
        ("elbv2", "DescribeLoadBalancers"),
        ("elbv2", "DescribeTargetGroups"),
        ("rds", "DescribeDBInstances"),
        ("rds", "DescribeDBSnapshots"),
        ("rds", "DescribeDBSubnetGroups"),
        ("rds", "DescribeDBParameterGroups"),
        ("secretsmanager", "ListSecrets"),
        ("ecr", "DescribeRepositories"),
        ("ecs", "ListClusters"),
        ("ecs", "ListTaskDefinitions"),
        ("logs", "DescribeLogGroups"),
        ("acm", "ListCertificates"),
        ("kms", "ListKeys"),
    ];
    let mut all = BTreeMap::new();
    for region in ["us-west-2", "eu-west-1"] {
        for (service, operation) in LISTS {
            let found = bench.call(region, service, operation, json!({}));
            all.insert(format!("{region} {operation}"), found);
        }
        let input = json!({ "ServiceNamespace": "ecs" });
        for operation in ["DescribeScalableTargets", "DescribeScalingPolicies"] {
            let found = bench.call(region, "application-autoscaling", operation, input.clone());
            all.insert(format!("{region} {operation}"), found);
        }
        let balancers = all[&format!("{region} DescribeLoadBalancers")]["LoadBalancers"].clone();
        for balancer in balancers.as_array().into_iter().flatten() {
            let input = json!({ "LoadBalancerArn": balancer["LoadBalancerArn"] });
            let found = bench.call(region, "elbv2", "DescribeListeners", input);
            for listener in found["Listeners"].as_array().into_iter().flatten() {
                let arn = &listener["ListenerArn"];
                let rules = bench.call(
                    region,
                    "elbv2",
                    "DescribeRules",
                    json!({ "ListenerArn": arn }),
                );
                all.insert(format!("{region} rules of {arn}"), rules);
            }
            all.insert(format!("{region} listeners"), found);
        }
    }
    let input = json!({ "cluster": "redmine", "services": ["web"] });
    let found = bench.call("us-west-2", "ecs", "DescribeServices", input);
    let service = &found["services"][0];
    for member in [
        "desiredCount",
        "runningCount",
        "taskDefinition",
        "networkConfiguration",
        "loadBalancers",
        "status",
    ] {
        all.insert(format!("service {member}"), service[member].clone());
    }
    let input = json!({ "RoleName": "redmine-execution" });
    all.insert(
        "role".into(),
        bench.call("us-east-1", "iam", "ListRolePolicies", input),
    );
    all.insert("records".into(), json!(records(bench).1));
    for value in all.values_mut() {
        settle(value);
    }
    all
}

/// Without what changes by itself, and without an order that means nothing.
fn settle(value: &mut Value) {
    const BY_ITSELF: [&str; 5] = [
        "storedBytes",
        "LatestRestorableTime",
        "AvailableIpAddressCount",
        "LastAccessedDate",
        "LastChangedDate",
    ];
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !BY_ITSELF.contains(&name.as_str()));
            members.values_mut().for_each(settle);
        }
        Value::Array(items) => {
            items.iter_mut().for_each(settle);
            items.sort_by_key(Value::to_string);
        }
        _ => {}
    }
}

/// Nothing is other than it was.
fn given_back(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) {
    for (what, was) in before {
        assert_eq!(Some(was), after.get(what), "{what}");
    }
    assert_eq!(before.len(), after.len());
}

/// A folder of a test's own.
fn folder(name: &str) -> std::path::PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("refusals-{name}"));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}
