//! DNS moves only after the deep checks, the source takes nothing after the fence, and the report's downtime is the users'.

use aws_sim::action::Action;
use aws_sim::oracle;
use aws_sim::plane::From;
use aws_sim::plane::users::SessionLogin;
use aws_sim::services::ServiceId;
use drtool::expand::Rehearsal;
use drtool_engine::StepId;
use drtool_engine::event::{Event, Record};
use drtool_engine::plan::{Milestone, Proof};
use drtool_engine::report::Reporter;
use drtool_engine::report::figures::figures;
use drtool_engine::state::RunState;
use serde_json::json;
use std::sync::{Arc, Mutex};

use crate::answers::notes;
use crate::world::{self, Bench, done};

const NAME: &str = "redmine.sidpotti.infracourse.cloud";

fn finishes(event: &Event, step: &StepId) -> bool {
    event.step() == Some(step) && matches!(event, Event::Found { .. } | Event::Made { .. })
}

/// A moment of the run as the world counts time.
fn nanos(moment: drtool_engine::Timestamp) -> u64 {
    let epoch = u64::try_from(aws_sim::clock::EPOCH).unwrap() * 1_000_000_000;
    u64::try_from(moment.as_nanosecond()).unwrap() - epoch
}

/// Twenty users who mind TTLs and keep connections, some who keep old answers for half an hour, some who open a connection a
/// request; and one that asks for every row anew, so that its first success is the first that anybody can have.
fn everybody(bench: &Bench) {
    bench.users_of("users", NAME, 20);
    bench.wait(300);
}

#[test]
fn over_many_worlds_nothing_is_lost_and_users_are_cut_only_after_the_checks() {
    for seed in 1..=10 {
        let bench = Bench::seeded(seed);
        everybody(&bench);
        let began = bench.session.world().unwrap().clock().nanos();
        let plan = bench.plan(Rehearsal::Real);
        let ended = bench.live(bench.begin(plan.clone())).expect("it ends");
        let state = ended.state.clone();
        done(Some(ended));
        let records = bench.records(&plan);
        let moment = |milestone| nanos(state.milestones[&milestone].0);
        let (fenced, serving) = (moment(Milestone::Fenced), moment(Milestone::Serving));

        // The cut, by the simulator's log.
        let world = bench.fork();
        let cut: Vec<u64> = world
            .log
            .entries()
            .filter(|a| {
                a.service == ServiceId::Route53
                    && a.operation == "ChangeResourceRecordSets"
                    && a.at > began
                    && a.executed
            })
            .map(|a| a.at)
            .collect();
        let [cut] = cut[..] else {
            panic!("seed {seed}: one change of records: {cut:?}");
        };
        for (at, step) in state.plan.steps.iter().enumerate() {
            if step.proof == Some(Proof::Health) || step.proof == Some(Proof::Data) {
                let found = records
                    .iter()
                    .find(|r| finishes(&r.event, &step.id))
                    .map(|r| nanos(r.at));
                assert!(
                    found.is_some_and(|found| found < cut),
                    "seed {seed}: {} came before the cut ({:?})",
                    step.id,
                    state.steps()[at].phase
                );
            }
        }
        // The fence was looked at again in the ten seconds before: the probe's log was read in the source.
        let looked = world.log.entries().any(|a| {
            a.operation == "GetLogEvents"
                && a.region == "us-west-2"
                && a.at < cut
                && cut - a.at <= 10_000_000_000
        });
        assert!(looked, "seed {seed}: the fence was looked at again");

        bench.wait(3_600);
        let world = bench.fork();
        assert_eq!(
            oracle::lost(&world, &bench.database("eu-west-1")),
            [],
            "seed {seed}: every acknowledged write is in the target"
        );
        let refused = state
            .plan
            .steps
            .iter()
            .filter(|s| s.kind == "write-refused")
            .map(|s| {
                records
                    .iter()
                    .find(|r| finishes(&r.event, &s.id))
                    .map(|r| nanos(r.at))
                    .unwrap()
            })
            .max()
            .unwrap();
        assert_eq!(
            oracle::accepted_after(&world, &bench.database("us-west-2"), refused),
            [],
            "seed {seed}: the source takes nothing after the fence"
        );

        // Downtime: never told shorter than users had it, and longer by no more than it takes to look.
        let last = world
            .plane
            .users
            .users
            .iter()
            .flat_map(|(_, u)| u.memory.acknowledged.iter())
            .filter(|a| a.by.contains("us-west-2"))
            .map(|a| a.at)
            .max()
            .unwrap();
        let first = oracle::first_success(&world, fenced)["eu-west-1"];
        let told = figures(&records, &state).downtime.unwrap().as_secs_f64();
        let felt = (first - last) as f64 / 1e9;
        assert!(
            (told - (serving - fenced) as f64 / 1e9).abs() < 0.001,
            "seed {seed}: the report's figure is that of its milestones"
        );
        assert!(
            fenced <= last + 10_000_000_000 && first <= serving + 60_000_000_000,
            "seed {seed}: fenced {fenced}, last {last}, first {first}, serving {serving}"
        );
        assert!(
            told > felt - 75.0 && told < felt + 75.0,
            "seed {seed}: told {told}, felt {felt}"
        );
    }
}

#[test]
fn a_database_in_use_is_asked_for_its_rows_once_and_then_seldom() {
    let bench = Bench::new();
    everybody(&bench);
    let plan = bench.plan(Rehearsal::Real);
    let probe = plan
        .steps
        .iter()
        .find(|step| step.kind == "probe-task" && step.params.get("settled").is_some())
        .expect("a probe that counts rows");
    let group = probe.params["logGroup"].clone();
    let ended = bench.live(bench.begin(plan.clone())).expect("it ends");
    let fenced = nanos(ended.state.milestones[&Milestone::Fenced].0);
    done(Some(ended));
    let asked = |question: &str| -> Vec<u64> {
        let input = serde_json::json!({ "logGroupName": group, "filterPattern": format!("\"drtool ask {question}\"") });
        let found = bench.call("us-west-2", "logs", "FilterLogEvents", input);
        assert!(found.get("nextToken").is_none(), "all of them");
        let events = found["events"].as_array().unwrap();
        let epoch = u64::try_from(aws_sim::clock::EPOCH).unwrap() * 1_000;
        events
            .iter()
            .map(|event| (event["timestamp"].as_u64().unwrap() - epoch) * 1_000_000)
            .collect()
    };
    let (positions, contents) = (asked("position"), asked("content"));
    let before = |times: &[u64]| times.iter().filter(|at| **at < fenced).count();
    assert!(
        before(&contents) >= 1,
        "whether it can be counted is known before the fence"
    );
    assert!(
        before(&contents) * 5 < before(&positions),
        "{} counts in {} rounds",
        before(&contents),
        before(&positions)
    );
    // Fenced, it is counted at once.
    let first = contents.iter().find(|at| **at > fenced).unwrap();
    assert!(first - fenced < 60_000_000_000, "{}", first - fenced);
}

/// How the source's tasks stand when the last write is noted.
struct Leaving {
    sandbox: drtool::sandbox::Sandbox,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Reporter for Leaving {
    fn record(&mut self, record: &Record, state: &RunState) {
        if !notes(record, state) {
            return;
        }
        let ask = |operation: &str, input| {
            world::call(&self.sandbox, "us-west-2", "ecs", operation, input)
        };
        let of = json!({ "cluster": "redmine", "serviceName": "web", "desiredStatus": "STOPPED" });
        let tasks = ask("ListTasks", of)["taskArns"].clone();
        let told = ask(
            "DescribeTasks",
            json!({ "cluster": "redmine", "tasks": tasks }),
        );
        let tasks = told["tasks"].as_array().expect("tasks are told");
        let states = tasks.iter().map(|task| task["lastStatus"].to_string());
        self.seen.lock().unwrap().extend(states);
    }
}

#[test]
fn the_last_write_is_noted_when_the_tasks_have_stopped() {
    let bench = Bench::new();
    let plan = bench.plan(Rehearsal::Real);
    let seen = Arc::default();
    let run = bench.begin(plan).reporter(Leaving {
        sandbox: bench.session.world().unwrap().clone(),
        seen: Arc::clone(&seen),
    });
    done(bench.live(run));
    let seen = seen.lock().unwrap();
    assert!(seen.len() >= 2, "{seen:?}");
    let gone = |state: &String| state.contains("STOPPED") || state.contains("DEPROVISIONING");
    assert!(seen.iter().all(gone), "{seen:?}");
}

#[test]
fn a_program_that_goes_on_writing_to_the_source_stops_the_run_before_the_cut() {
    stopped_before_the_cut(None);
}

#[test]
fn so_does_one_that_only_changes_what_is_there() {
    stopped_before_the_cut(Some("update schema_migrations set version = version"));
}

/// A program beside the tasks writes rows, or says its statement, every two minutes.
fn stopped_before_the_cut(statement: Option<&str>) {
    let bench = Bench::new();
    bench.wait(60);
    let described = bench.fork().described();
    let place = &described["111122223333 us-west-2"];
    let host = place["rds DescribeDBInstances"][0]["is"]["DBInstances"][0]["Endpoint"]["Address"]
        .as_str()
        .unwrap()
        .to_owned();
    // It stands beside the tasks and has a connection of its own, which no security group cuts.
    let subnet = place["ec2 DescribeSubnets"][0]["is"]["Subnets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["CidrBlock"] == "10.0.10.0/24")
        .unwrap()["SubnetId"]
        .clone();
    let made = bench.act(&Action::Call {
        account: "111122223333".into(),
        region: "us-west-2".into(),
        service: "ec2".into(),
        operation: "CreateNetworkInterface".into(),
        input: serde_json::json!({ "SubnetId": subnet }),
    });
    let interface = made["output"]["NetworkInterface"]["NetworkInterfaceId"]
        .as_str()
        .unwrap()
        .to_owned();
    bench.act(&Action::AddSession {
        name: "nightly".into(),
        from: From::Interface {
            account: "111122223333".into(),
            region: "us-west-2".into(),
            id: interface,
        },
        login: SessionLogin {
            host,
            port: 5432,
            user: "redmine".into(),
            password: "sandbox-Redmine-db-5.1".into(),
            database: "redmine_production".into(),
            tls: true,
        },
        statement: statement.map(str::to_owned),
        every: 120.0,
        reconnects: false,
    });
    bench.wait(300);
    assert!(
        !bench.fork().plane.users.acknowledged()["nightly"].is_empty(),
        "it writes"
    );
    let plan = bench.plan(Rehearsal::Real);
    let ended = bench.live(bench.begin(plan)).expect("it ends");
    assert!(ended.state.cut().is_none(), "nothing is cut");
    let outcome = format!("{:?}", ended.result);
    assert!(
        outcome.contains("nothing-lost") || outcome.contains("unchanged-main"),
        "{outcome}"
    );
}
