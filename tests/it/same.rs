//! A move repeats by its seed, to the byte of what the SDK sends and of what it is answered; and who only reads changes
//! nothing of it, wherever and whatever is read.

use aws_sim::call::{Access, reads};
use aws_sim::clock::{Nanos, SECOND};
use aws_sim::services::ServiceId;
use aws_sim::world::{Request, Settings, World};
use drtool::expand::Rehearsal;
use drtool::sandbox::Sandbox;
use drtool_engine::event::Record;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::world::{Bench, call, done};

/// What is left of a whole move.
struct Moved {
    world: World,
    began: Nanos,
    records: Vec<Record>,
}

/// A world in which Redmine stands and another user, who may only read, holds a key.
fn prepared(seed: u64) -> (World, String) {
    let sandbox = Sandbox::in_memory(seed, Settings::default());
    sandbox.build("redmine").unwrap();
    let user = json!({ "UserName": "reader" });
    let iam = |operation: &str, input: Value| call(&sandbox, "us-east-1", "iam", operation, input);
    iam("CreateUser", user.clone());
    let key = iam("CreateAccessKey", user);
    iam(
        "AttachUserPolicy",
        json!({ "UserName": "reader", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess" }),
    );
    let mut world = sandbox.world().lock().world().fork();
    // What was written last is seen by then.
    let now = world.now();
    world.advance_to(now + 60_000_000_000);
    let key = key["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
    (world, key)
}

/// Moves Redmine in a world, while others ask it something at instants of their own.
fn moved(mut world: World, others: &[(Nanos, Request)]) -> Moved {
    world.log.keep_transcript();
    world.log.keep_requests();
    let began = world.now();
    let bench = Bench::of(world, None);
    let sandbox = bench.session.world().unwrap();
    for (at, request) in others {
        let (world, at, request) = (sandbox.world().clone(), *at, request.clone());
        sandbox.clock().at(at, move || {
            world.lock().call(&request, at).unwrap();
        });
    }
    let plan = bench.plan(Rehearsal::Real);
    done(bench.live(bench.begin(plan.clone())));
    Moved {
        world: bench.fork(),
        began,
        records: bench.records(&plan),
    }
}

/// Every request as it came, to the byte.
fn sent(world: &World) -> Vec<String> {
    let requests = world.log.requests().iter();
    let text = |r: &Request| {
        let headers: Vec<String> = r.headers.iter().map(|(n, v)| format!("{n}: {v}")).collect();
        let body = String::from_utf8_lossy(&r.body);
        format!(
            "{} {}{}\n{}\n\n{body}",
            r.method,
            r.host,
            r.target,
            headers.join("\n")
        )
    };
    requests.map(text).collect()
}

/// The access log from the beginning of the move, but for what one principal asked.
fn asked_by_others<'w>(moved: &'w Moved, principal: &str) -> Vec<&'w Access> {
    let entries = moved.world.log.entries();
    entries
        .filter(|a| a.at >= moved.began && !a.arn.ends_with(principal))
        .collect()
}

fn sampled(world: &World) -> BTreeMap<(&str, u64), Nanos> {
    world
        .sampled()
        .map(|(what, nth, taken)| ((what, nth), taken))
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let log = |seed| {
        let moved = moved(prepared(seed).0, &[]);
        let transcript = moved.world.log.transcript().unwrap().to_vec();
        (sent(&moved.world), transcript)
    };
    let (once, answers) = log(3);
    let (twice, again) = log(3);
    assert!(once.len() > 500, "{} requests", once.len());
    for (at, (one, other)) in once.iter().zip(&twice).enumerate() {
        assert_eq!(one, other, "request {at}");
    }
    assert_eq!(once.len(), twice.len());
    assert!(answers == again, "what is answered differs");
    let (others, answered) = log(4);
    assert_ne!(once, others);
    assert_ne!(answers, answered);
}

/// The same request by another key.
fn by(key: &str, request: &Request) -> Request {
    let mut request = request.clone();
    for (name, value) in &mut request.headers {
        if name.eq_ignore_ascii_case("authorization") {
            let (before, after) = value.split_once("Credential=").unwrap();
            let (_, after) = after.split_once('/').unwrap();
            *value = format!("{before}Credential={key}/{after}");
        }
    }
    request
}

#[test]
fn one_more_read_changes_no_other_duration() {
    let (world, key) = prepared(5);
    let alone = moved(world.fork(), &[]);
    let entries: Vec<&Access> = alone
        .world
        .log
        .entries()
        .filter(|a| a.at >= alone.began)
        .collect();
    let requests = alone.world.log.requests();
    assert_eq!(entries.len(), requests.len());
    // Route 53 serves five requests a second to a whole account: one more would take from those that the move sends just then.
    let crowded = |one: &Access| {
        one.service == ServiceId::Route53
            && entries
                .iter()
                .any(|a| a.service == one.service && a.at > one.at && a.at < one.at + SECOND)
    };
    // What the move itself reads, by somebody else, in the middle of what is under way there.
    let reading: Vec<(Nanos, Request)> = entries
        .iter()
        .zip(requests)
        .filter(|(a, _)| reads(a.service, &a.operation) && !crowded(a))
        .map(|(a, request)| (a.at + 1_000_003, by(&key, request)))
        .collect();
    let spread = |count: usize| {
        let every = reading.len() / count;
        reading.iter().skip(every / 2).step_by(every).take(count)
    };
    let mut trials: Vec<Vec<(Nanos, Request)>> = spread(6).map(|one| vec![one.clone()]).collect();
    trials.push(spread(60).cloned().collect());
    let durations = sampled(&alone.world);
    assert!(durations.len() > 50, "{durations:?}");
    for trial in trials {
        let disturbed = moved(world.fork(), &trial);
        let asked: Vec<_> = disturbed
            .world
            .log
            .entries()
            .filter(|a| a.arn.ends_with("user/reader"))
            .collect();
        assert_eq!(asked.len(), trial.len());
        assert!(asked.iter().all(|a| a.executed), "{asked:?}");
        // Each call of the move: when, of whom, with which answer, after which time.
        let (before, after) = (
            asked_by_others(&alone, "user/reader"),
            asked_by_others(&disturbed, "user/reader"),
        );
        for (at, (one, other)) in before.iter().zip(&after).enumerate() {
            assert_eq!(one, other, "call {at}");
        }
        assert_eq!(before.len(), after.len());
        // Each duration that was drawn, each instant at which the run learnt anything, and what the world is then.
        assert_eq!(durations, sampled(&disturbed.world));
        assert_eq!(alone.records, disturbed.records);
        assert_eq!(alone.world.canonical(), disturbed.world.canonical());
    }
}

#[test]
fn a_read_by_the_same_key_shifts_no_duration_of_what_it_does_not_ask() {
    let (world, _) = prepared(5);
    let alone = moved(world.fork(), &[]);
    let entries = alone.world.log.entries().filter(|a| a.at >= alone.began);
    let asked: Vec<&Request> = entries
        .zip(alone.world.log.requests())
        .filter(|(a, _)| reads(a.service, &a.operation))
        .map(|(_, request)| request)
        .collect();
    // Of the same service, of which nothing else asks that way: a filter of its own.
    let mut request = asked[asked.len() / 2].clone();
    request.target.push_str("?unlike=others");
    let at = alone.began + 900_000_000_001;
    let disturbed = moved(world.fork(), &[(at, request)]);
    assert_eq!(
        disturbed.world.log.requests().len(),
        alone.world.log.requests().len() + 1
    );
    let left = |moved: &Moved| -> Vec<Access> {
        let entries = moved.world.log.entries();
        entries
            .filter(|a| a.at >= moved.began && a.at != at)
            .cloned()
            .collect()
    };
    assert_eq!(left(&alone), left(&disturbed));
    assert_eq!(sampled(&alone.world), sampled(&disturbed.world));
    assert_eq!(alone.records, disturbed.records);
}

#[test]
fn a_run_is_named_by_the_chance_of_its_sandbox() {
    let name = |seed| {
        let bench = Bench::of(World::new(seed), None);
        let cloud = bench.session.cloud();
        bench
            .session
            .block_on(async move {
                cloud.await;
                drtool::cli::live::seed()
            })
            .unwrap_or_else(|failure| panic!("{failure:?}"))
    };
    assert_eq!(name(1), name(1));
    assert_ne!(name(1), name(2));
}
