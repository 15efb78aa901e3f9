//! Redmine moves to another region, in process and in virtual time.

use aws_sim::oracle;
use drtool::expand::Rehearsal;

use crate::kill::{self, When};
use crate::world::{Bench, done};

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
fn killed_at_each_eighth_of_its_life_a_run_resumes_to_the_same_world() {
    kill::resume_to_the_same_world(Bench::new, (1..=8).map(|part| part * 1_000 / 9));
}

#[test]
fn undo_gives_the_source_back_and_leaves_nothing() {
    kill::is_taken_back(&Bench::new(), Rehearsal::Real, When::Events(4_000));
}

/// The network's parts are made within seconds of each other, and lists lag behind them by as long: what they do not show
/// yet is taken back all the same, and so before the VPC that it stands in.
#[test]
fn killed_while_the_network_is_made_nothing_of_it_is_left() {
    for kill in 1..=KILLS {
        let when = When::Events(kill * BETWEEN);
        kill::is_taken_back(&Bench::new(), Rehearsal::Drill, when);
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
    kill::rehearsed(&bench.live(bench.begin(plan)).expect("it ends"));
    kill::is_as_before(&bench, &before, "a drill");
}
