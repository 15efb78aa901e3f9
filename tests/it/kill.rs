//! A run whose life is cut short, and what its user types then: shared by every promise about kills.

use aws_sim::clock::Nanos;
use aws_sim::world::World;
use drtool::env::Env;
use drtool::expand::Rehearsal;
use drtool_engine::event::{Outcome, Reach, UnwindWhy};
use drtool_engine::plan::Plan;
use drtool_engine::run::{Ended, Run};

use crate::world::{Bench, differences, done};

/// When the power fails in the life of a run.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// After so many events of the clock: a sleep that ends, something of the world's own.
    Events(u64),
    /// Right after an instant. A call that took effect at that instant has not been answered yet.
    After(Nanos),
}

/// The events of a run that nobody kills, and the world that it leaves.
pub struct Whole {
    pub events: u64,
    pub world: World,
}

/// Carries a move out, undisturbed.
pub fn whole(bench: &Bench) -> Whole {
    let plan = bench.plan(Rehearsal::Real);
    let (events, ended) = lived(bench, plan);
    done(Some(ended));
    Whole {
        events,
        world: bench.fork(),
    }
}

/// Carries a plan out, undisturbed: how many events that took, and how it ended.
pub fn lived(bench: &Bench, plan: Plan) -> (u64, Ended) {
    let clock = bench.session.world().unwrap().clock();
    let run = bench.begin(plan);
    let before = clock.events();
    let ended = bench.live(run).expect("it ends");
    (clock.events() - before, ended)
}

/// Begins a run; the power fails in it, and comes back.
pub fn killed(bench: &Bench, plan: &Plan, when: When) {
    cut_short(bench, bench.begin(plan.clone()), when);
}

/// Begins to take a run back; the power fails, and comes back.
pub fn killed_undoing(bench: &Bench, plan: &Plan, when: When) {
    let run = bench.take_over(plan);
    cut_short(bench, run.undo("test", Reach::BeforeCut).unwrap(), when);
}

fn cut_short(bench: &Bench, run: Run<Env>, when: When) {
    let clock = bench.session.world().unwrap().clock();
    match when {
        When::Events(events) => clock.crash_at(events),
        When::After(instant) => {
            let off = clock.clone();
            clock.at(instant + 1, move || off.crash_now());
        }
    }
    assert!(bench.live(run).is_none(), "{when:?}: the power fails");
    clock.reboot();
}

/// `resume`: it ends well.
pub fn resumed(bench: &Bench, plan: &Plan) {
    done(bench.live(bench.take_over(plan).resume().unwrap()));
}

/// `undo` before the cut, or `drill clean`: nothing is left behind.
pub fn taken_back(bench: &Bench, plan: &Plan) {
    let run = bench
        .take_over(plan)
        .undo("test", Reach::BeforeCut)
        .unwrap_or_else(|refused| panic!("{refused}"));
    unwound(&bench.live(run).expect("it ends"));
}

/// It was taken back, and nothing was left behind.
pub fn unwound(ended: &Ended) {
    assert!(
        matches!(&ended.result, Ok(Outcome::Unwound { left, .. }) if left.is_empty()),
        "{:?}",
        ended.result
    );
}

/// A drill has ended as it should.
pub fn rehearsed(ended: &Ended) {
    unwound(ended);
    assert!(
        matches!(
            &ended.result,
            Ok(Outcome::Unwound {
                why: UnwindWhy::Rehearsed,
                ..
            })
        ),
        "{:?}",
        ended.result
    );
}

/// An hour after it, the world is as it was.
pub fn is_as_before(bench: &Bench, before: &World, what: &str) {
    bench.wait(3_600);
    same(before, &bench.fork(), what);
}

pub fn same(wanted: &World, world: &World, what: &str) {
    let differences = differences(wanted, world);
    assert!(differences.is_empty(), "{what}: {differences:#?}");
}

/// A run of this profile is killed, taken back, and the world is as it was.
pub fn is_taken_back(bench: &Bench, profile: Rehearsal, when: When) {
    bench.wait(3_600);
    let before = bench.fork();
    let plan = bench.plan(profile);
    killed(bench, &plan, when);
    taken_back(bench, &plan);
    is_as_before(bench, &before, &format!("{when:?}"));
}

/// Moves are killed at these parts of their life (of 1000), each resumed once, and end in the world that nobody disturbed.
pub fn resume_to_the_same_world(make: impl Fn() -> Bench, parts: impl IntoIterator<Item = u64>) {
    let wanted = whole(&make());
    for part in parts {
        let bench = make();
        let plan = bench.plan(Rehearsal::Real);
        killed(&bench, &plan, When::Events(wanted.events * part / 1_000));
        resumed(&bench, &plan);
        same(
            &wanted.world,
            &bench.fork(),
            &format!("killed after {part} of 1000 parts"),
        );
    }
}
