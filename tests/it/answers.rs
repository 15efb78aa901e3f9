//! Answers that are none: they cannot be read, or somebody gave them who is dead. And what is left when only the cleaning up
//! fails.

use aws_sim::action::Action;
use aws_sim::faults::{Fault, Rule};
use drtool::cli::summary::Summary;
use drtool::expand::Rehearsal;
use drtool_engine::event::{Event, Halt, Outcome, Record};
use drtool_engine::plan::{Milestone, Plan};
use drtool_engine::report::Reporter;
use drtool_engine::state::RunState;
use serde_json::{Value, json};

use crate::kill;
use crate::world::{self, Bench, done};

/// When the source's last write is noted, stops the probe that noted it.
struct Stops {
    sandbox: drtool::sandbox::Sandbox,
}

impl Reporter for Stops {
    fn record(&mut self, record: &Record, state: &RunState) {
        if !notes(record, state) {
            return;
        }
        let outputs = state.plan.steps.iter().zip(state.steps());
        let mut probes = outputs.filter(|(planned, _)| planned.kind == "probe-task");
        let task = probes
            .find_map(|(planned, step)| {
                let here = planned.region.as_str() == "us-west-2";
                step.output.as_ref().filter(|_| here)?["taskArn"].as_str()
            })
            .expect("the source's probe runs");
        let input = json!({ "cluster": "redmine", "task": task });
        world::call(&self.sandbox, "us-west-2", "ecs", "StopTask", input);
    }
}

/// Whether the last write of the source is noted now.
pub fn notes(record: &Record, state: &RunState) -> bool {
    matches!(&record.event, Event::Found { step, .. } if kind(&state.plan, step.as_str()) == "watermark")
}

fn kind<'p>(plan: &'p Plan, step: &str) -> &'p str {
    let found = plan
        .steps
        .iter()
        .find(|planned| planned.id.as_str() == step);
    found.map_or("", |planned| planned.kind.as_str())
}

#[test]
fn what_a_dead_probe_once_answered_lets_nobody_through_to_the_cut() {
    let bench = Bench::new();
    bench.wait(3_600);
    let before = bench.fork();
    let plan = bench.plan(Rehearsal::Real);
    let run = bench.begin(plan.clone()).reporter(Stops {
        sandbox: bench.session.world().unwrap().clone(),
    });
    let ended = bench.live(run).expect("it ends");
    let Ok(Outcome::Failed { fault, .. }) = &ended.result else {
        panic!("{:?}", ended.result);
    };
    assert_eq!(fault.code, "E4013");
    assert!(
        fault
            .what
            .contains("the probe has not been asked `content` again"),
        "{}",
        fault.what
    );
    assert!(!ended.state.milestones.contains_key(&Milestone::Cut));
    kill::taken_back(&bench, &plan);
    kill::is_as_before(&bench, &before, "taken back");
}

fn broken(service: &str, operation: &str, region: &str, fault: Fault) -> Action {
    let rule = Rule {
        id: Some("broken".into()),
        service: Some(service.into()),
        operation: Some(operation.into()),
        region: Some(region.into()),
        fault,
        ..Rule::default()
    };
    Action::AddFault { rule }
}

fn mended() -> Action {
    Action::RemoveFault {
        id: "broken".into(),
    }
}

#[test]
fn answers_that_cannot_be_read_are_told_soon_and_not_asked_for_until_the_deadline() {
    let bench = Bench::new();
    let plan = bench.plan(Rehearsal::Real);
    bench.act(&broken(
        "ec2",
        "DescribeVpcs",
        "eu-west-1",
        Fault::Malformed,
    ));
    let began = bench.session.clock().now();
    let ended = bench.live(bench.begin(plan.clone())).expect("it ends");
    let Ok(Outcome::Failed { step, fault }) = &ended.result else {
        panic!("{:?}", ended.result);
    };
    assert_eq!(
        (kind(&plan, step.as_str()), fault.code.as_str()),
        ("vpc", "E4015")
    );
    assert!(fault.what.contains("6 times in a row"), "{}", fault.what);
    let passed = bench.session.clock().now().duration_since(began);
    assert!(passed.as_secs() < 300, "{passed}");
    bench.act(&mended());
    kill::resumed(&bench, &plan);
}

#[test]
fn now_and_then_an_answer_that_cannot_be_read_stops_nothing() {
    let bench = Bench::new();
    let plan = bench.plan(Rehearsal::Real);
    let rule = Rule {
        writes: Some(false),
        probability: Some(0.05),
        fault: Fault::Malformed,
        ..Rule::default()
    };
    bench.act(&Action::AddFault { rule });
    done(bench.live(bench.begin(plan)));
}

fn half_a_list(region: &str, count: u64) -> Action {
    let rule = Rule {
        id: Some("broken".into()),
        service: Some("application-autoscaling".into()),
        region: Some(region.into()),
        count: Some(count),
        fault: Fault::Partial,
        ..Rule::default()
    };
    Action::AddFault { rule }
}

#[test]
fn half_a_list_hides_nothing_from_a_plan() {
    let steps = |plan: Plan| -> Vec<String> {
        let ids = plan.steps.iter();
        ids.map(|step| step.id.to_string()).collect()
    };
    let bench = Bench::new();
    let whole = steps(bench.plan(Rehearsal::Real));
    bench.act(&half_a_list("us-west-2", 1));
    assert_eq!(steps(bench.plan(Rehearsal::Real)), whole);
    // No two readings are the same: what is true, nobody knows.
    bench.act(&mended());
    let rule = Rule {
        operation: Some("DescribeScalableTargets".into()),
        region: Some("us-west-2".into()),
        count: Some(1),
        fault: Fault::Partial,
        ..Rule::default()
    };
    for skip in [0, 1, 2] {
        let rule = Rule {
            skip,
            ..rule.clone()
        };
        bench.act(&Action::AddFault { rule });
    }
    let refused = bench.planned(Rehearsal::Real).expect_err("it is refused");
    let told = refused.to_string();
    assert!(
        told.contains("E2013") && told.contains("scalableTargets"),
        "{told}"
    );
}

#[test]
fn a_list_that_lacks_its_target_fences_no_scaling() {
    let bench = Bench::new();
    let plan = bench.plan(Rehearsal::Real);
    bench.act(&half_a_list("us-west-2", 4));
    done(bench.live(bench.begin(plan)));
    let described = bench.fork().described();
    let targets =
        &described["111122223333 us-west-2"]["application-autoscaling DescribeScalableTargets"];
    let suspended = &targets[0]["is"]["ScalableTargets"][0]["SuspendedState"];
    assert_eq!(suspended["DynamicScalingOutSuspended"], true, "{targets}");
}

#[test]
fn half_a_list_while_a_drill_is_taken_back_leaves_nothing() {
    let mut shown = 0;
    for skip in 0.. {
        let bench = Bench::new();
        let plan = bench.plan(Rehearsal::Drill);
        let rule = Rule {
            id: Some("broken".into()),
            operation: Some("DescribeScalableTargets".into()),
            region: Some("eu-west-1".into()),
            skip,
            count: Some(1),
            fault: Fault::Partial,
            ..Rule::default()
        };
        bench.act(&Action::AddFault { rule });
        let ended = bench.live(bench.begin(plan)).expect("it ends");
        assert!(ended.result.is_ok(), "{:?}", ended.result);
        let met = bench.fork().faults.rules().map(|(_, met)| met).sum::<u64>();
        if met == 0 {
            break;
        }
        shown += 1;
        bench.act(&mended());
        let described = bench.fork().described();
        let place = &described["111122223333 eu-west-1"];
        let left = &place["application-autoscaling DescribeScalableTargets"];
        assert!(left.is_null(), "look {skip}: {left}");
    }
    assert!(shown > 2, "{shown}");
}

#[test]
fn a_move_whose_cleaning_up_fails_has_moved_and_says_that_something_is_left() {
    let bench = Bench::new();
    let plan = bench.plan(Rehearsal::Real);
    bench.act(&broken(
        "ecs",
        "DeregisterTaskDefinition",
        "us-west-2",
        Fault::AccessDenied,
    ));
    let ended = bench.live(bench.begin(plan.clone())).expect("it ends");
    let outcome = ended.result.as_ref().unwrap();
    assert!(
        matches!(outcome, Outcome::Stopped(Halt::Paused { step, .. }) if kind(&plan, step.as_str()) == "probe-removal"),
        "{outcome:?}"
    );
    let status = |outcome: &Outcome, state: &RunState| {
        Summary::of(&bench.records(&plan), state).status(outcome)
    };
    assert_eq!(
        status(outcome, &ended.state),
        4,
        "the database is being set still"
    );
    // A refusal stops every life early; what is not refused gets on in each of them all the same.
    let mut statuses = vec![];
    while statuses.last() != Some(&5) {
        assert!(statuses.len() < 4, "{statuses:?}");
        bench.wait(3_600);
        let ended = bench.live(bench.take_over(&plan).resume().unwrap());
        let ended = ended.expect("it ends");
        statuses.push(status(ended.result.as_ref().unwrap(), &ended.state));
    }
    let active = |world: &aws_sim::World| -> Vec<Value> {
        let described = world.described();
        let all = &described["111122223333 us-west-2"]["ecs DescribeTaskDefinition"];
        let all = all.as_array().into_iter().flatten();
        all.map(|one| one["is"]["taskDefinition"].clone())
            .filter(|one| {
                let family = one["family"].as_str().unwrap_or_default();
                one["status"] == "ACTIVE" && family.starts_with("drtool-")
            })
            .collect()
    };
    assert!(!active(&bench.fork()).is_empty());
    bench.act(&mended());
    let ended = bench.live(bench.take_over(&plan).resume().unwrap());
    let ended = ended.expect("it ends");
    assert_eq!(status(ended.result.as_ref().unwrap(), &ended.state), 0);
    assert!(active(&bench.fork()).is_empty());
}
