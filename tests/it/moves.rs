//! Redmine moves to another region, in process and in virtual time.

use aws_sim::oracle;
use drtool::expand::Rehearsal;
use drtool_engine::event::{Outcome, Reach, UnwindWhy};

use crate::world::{Bench, differences, done};

#[test]
fn redmine_moves_to_another_region_while_users_write() {
    let bench = Bench::new();
    bench.users();
    bench.wait(120);
    let plan = bench.plan(Rehearsal::Real);
    done(bench.live(bench.begin(plan)));
    let sandbox = bench.session.world().unwrap();
    let moved = sandbox.clock().nanos();
    bench.wait(600);
    let world = &bench.fork();
    assert_eq!(
        oracle::lost(world, &bench.database("eu-west-1")),
        [],
        "every acknowledged write is in the target"
    );
    assert!(
        oracle::accepted_after(world, &bench.database("us-west-2"), moved).is_empty(),
        "the source stays fenced"
    );
    assert!(
        !oracle::accepted_after(world, &bench.database("eu-west-1"), moved).is_empty(),
        "users write to the target"
    );
}

#[test]
fn killed_at_any_instant_a_run_resumes_to_the_same_world() {
    let whole = Bench::new();
    let plan = whole.plan(Rehearsal::Real);
    let before = whole.session.world().unwrap().clock().events();
    done(whole.live(whole.begin(plan)));
    let events = whole.session.world().unwrap().clock().events() - before;
    let wanted = whole.fork();
    for part in 1..=8 {
        let bench = Bench::new();
        let plan = bench.plan(Rehearsal::Real);
        let clock = bench.session.world().unwrap().clock().clone();
        let run = bench.begin(plan.clone());
        clock.crash_at(clock.events() + events * part / 9);
        assert!(bench.live(run).is_none(), "the power fails");
        clock.reboot();
        let run = bench.take_over(&plan).resume().unwrap();
        done(bench.live(run));
        let differences = differences(&wanted, &bench.fork());
        assert!(
            differences.is_empty(),
            "killed after {part} ninths: {differences:#?}"
        );
    }
}

#[test]
fn undo_gives_the_source_back_and_leaves_nothing() {
    let bench = Bench::new();
    bench.wait(3_600);
    let before = bench.fork();
    let plan = bench.plan(Rehearsal::Real);
    let clock = bench.session.world().unwrap().clock().clone();
    let run = bench.begin(plan.clone());
    let events = clock.events();
    clock.crash_at(events + 4_000);
    assert!(bench.live(run).is_none(), "the power fails");
    clock.reboot();
    let run = bench
        .take_over(&plan)
        .undo("test", Reach::BeforeCut)
        .unwrap();
    let ended = bench.live(run).expect("it ends");
    assert!(
        matches!(&ended.result, Ok(Outcome::Unwound { left, .. }) if left.is_empty()),
        "{:?}",
        ended.result
    );
    bench.wait(3_600);
    let differences = differences(&before, &bench.fork());
    assert!(differences.is_empty(), "{differences:#?}");
}

/// The network's parts are made within seconds of each other, and lists lag behind them by as long: what they do not show
/// yet is taken back all the same, and so before the VPC that it stands in.
#[test]
fn killed_while_the_network_is_made_nothing_of_it_is_left() {
    for kill in 1..=KILLS {
        let bench = Bench::new();
        bench.wait(3_600);
        let before = bench.fork();
        let plan = bench.plan(Rehearsal::Drill);
        let clock = bench.session.world().unwrap().clock().clone();
        let run = bench.begin(plan.clone());
        clock.crash_at(clock.events() + kill * BETWEEN);
        assert!(bench.live(run).is_none(), "the power fails");
        clock.reboot();
        let run = bench
            .take_over(&plan)
            .undo("test", Reach::BeforeCut)
            .unwrap();
        let ended = bench.live(run).expect("it ends");
        assert!(
            matches!(&ended.result, Ok(Outcome::Unwound { left, .. }) if left.is_empty()),
            "kill {kill}: {:?}",
            ended.result
        );
        bench.wait(3_600);
        let differences = differences(&before, &bench.fork());
        assert!(differences.is_empty(), "kill {kill}: {differences:#?}");
    }
}

/// So many events lie between one kill and the next.
const BETWEEN: u64 = 40;
const KILLS: u64 = 12;

#[test]
fn a_drill_is_rehearsed_and_taken_back() {
    let bench = Bench::new();
    bench.wait(3_600);
    let before = bench.fork();
    let plan = bench.plan(Rehearsal::Drill);
    let ended = bench.live(bench.begin(plan)).expect("it ends");
    let rehearsed = matches!(
        &ended.result,
        Ok(Outcome::Unwound { why: UnwindWhy::Rehearsed, left }) if left.is_empty()
    );
    assert!(rehearsed, "{:?}", ended.result);
    bench.wait(3_600);
    let differences = differences(&before, &bench.fork());
    assert!(differences.is_empty(), "{differences:#?}");
}
