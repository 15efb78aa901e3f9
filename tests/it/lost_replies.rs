//! A call takes effect and nobody hears of it: its reply is lost on the way, or the power fails before it comes. Whatever call
//! that is, the run ends as if nothing had been, and nothing is made twice.
//!
//! A spread of the calls is tried; `DRTOOL_LOST_REPLIES=all` tries each of them.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use aws_sim::action::Action;
use aws_sim::call::Access;
use aws_sim::clock::{EPOCH, Nanos};
use aws_sim::faults::{Fault, Rule};
use aws_sim::oracle;
use aws_sim::world::World;
use drtool::expand::Rehearsal;
use drtool_engine::event::Reach;
use drtool_engine::plan::{Milestone, Plan};

use crate::kill::{self, When};
use crate::world::{Bench, done};

/// So many calls of each story are tried unless all are asked for.
const SPREAD: usize = 5;
/// Which of them: the spread begins at this part of its own stride.
const SEED: f64 = 0.37;

/// A world in which a stack stands, and what is to be done in it.
struct Story {
    bench: Bench,
    plan: Plan,
    act: Act,
}

#[derive(Clone, Copy, PartialEq)]
enum Act {
    Move,
    Drill,
    /// A move that was killed when everything stood and nothing was cut is taken back.
    Undo,
}

/// A call that changes something, of the undisturbed story.
#[derive(Clone, Debug)]
struct Write {
    /// How many came before it.
    number: usize,
    at: Nanos,
    what: String,
    refused: bool,
}

fn write(number: usize, access: &Access) -> Write {
    Write {
        number,
        at: access.at,
        what: format!(
            "{} {} {}",
            access.region,
            access.service.id(),
            access.operation
        ),
        refused: access.error.is_some(),
    }
}

/// How a story ended.
struct End {
    world: World,
    writes: Vec<Write>,
    /// What was made, and how often.
    made: BTreeMap<String, u64>,
}

impl Story {
    fn of(act: Act) -> Story {
        let bench = Bench::new();
        bench.wait(3_600);
        let profile = match act {
            Act::Drill => Rehearsal::Drill,
            Act::Move | Act::Undo => Rehearsal::Real,
        };
        let plan = bench.plan(profile);
        if act == Act::Undo {
            let whole = Bench::of(bench.fork(), None);
            let (_, ended) = kill::lived(&whole, plan.clone());
            let (cut, _) = ended.state.milestones[&Milestone::Cut];
            let origin = i128::from(EPOCH) * 1_000_000_000;
            let cut = Nanos::try_from(cut.as_nanosecond() - origin).unwrap();
            done(Some(ended));
            kill::killed(&bench, &plan, When::After(cut - 30_000_000_000));
        }
        Story { bench, plan, act }
    }

    /// The same once more, from the same instant.
    fn again(&self) -> Story {
        let mut bench = Bench::of(self.bench.fork(), None);
        bench.disk = self.bench.disk.fork().into();
        Story {
            bench,
            plan: self.plan.clone(),
            act: self.act,
        }
    }

    /// Does it, and says how it ended.
    fn told(self, disturb: impl FnOnce(&Story)) -> End {
        let before = self.bench.fork();
        disturb(&self);
        let run = match self.act {
            Act::Undo => {
                let run = self.bench.take_over(&self.plan);
                run.undo("test", Reach::BeforeCut).unwrap()
            }
            Act::Move | Act::Drill if self.bench.disk.operations() == 0 => {
                self.bench.begin(self.plan.clone())
            }
            Act::Move | Act::Drill => self.bench.take_over(&self.plan).resume().unwrap(),
        };
        let ended = self.bench.live(run);
        match self.act {
            Act::Move => done(ended),
            Act::Drill => kill::rehearsed(&ended.expect("it ends")),
            Act::Undo => kill::unwound(&ended.expect("it ends")),
        }
        let mut made = oracle::made(&self.bench.fork()).clone();
        for (what, count) in oracle::made(&before) {
            *made.get_mut(what).unwrap() -= count;
        }
        made.retain(|_, count| *count > 0);
        let after = self.bench.fork();
        let skipped = usize::try_from(before.log.calls).unwrap();
        assert!(after.log.calls < 20_000, "the log keeps every call");
        let writes = after.log.entries().skip(skipped);
        let writes = writes.filter(|access| access.writes && access.executed);
        let writes = writes.enumerate();
        let writes = writes.map(|(n, access)| write(n, access)).collect();
        self.bench.wait(3_600);
        End {
            world: self.bench.fork(),
            writes,
            made,
        }
    }

    /// The reply of a call is lost.
    fn loses(&self, lost: &Write) {
        let rule = Rule {
            id: Some("lost".into()),
            writes: Some(true),
            skip: lost.number as u64,
            count: Some(1),
            fault: Fault::ReplyLost,
            ..Rule::default()
        };
        self.bench.act(&Action::AddFault { rule });
    }

    /// The power fails after a call took effect and before its reply is there.
    fn dies(&self, call: &Write) {
        let when = When::After(call.at);
        match self.act {
            Act::Move | Act::Drill => kill::killed(&self.bench, &self.plan, when),
            Act::Undo => kill::killed_undoing(&self.bench, &self.plan, when),
        }
    }
}

/// The calls that are tried.
fn chosen(writes: &[Write]) -> Vec<Write> {
    let told: Vec<&Write> = writes.iter().filter(|write| !write.refused).collect();
    if std::env::var("DRTOOL_LOST_REPLIES").is_ok_and(|which| which == "all") {
        return told.into_iter().cloned().collect();
    }
    let stride = told.len() as f64 / SPREAD as f64;
    (0..SPREAD)
        .map(|n| told[((n as f64 + SEED) * stride) as usize].clone())
        .collect()
}

/// Tells the story once for each of its calls, each time with that call disturbed, and compares the ends.
fn whatever_call(act: Act, disturb: impl Fn(&Story, &Write)) {
    let story = Story::of(act);
    let wanted = story.again().told(|_| ());
    assert!(wanted.writes.len() > 50, "{}", wanted.writes.len());
    let mut wrong = vec![];
    for call in chosen(&wanted.writes) {
        let tried = catch_unwind(AssertUnwindSafe(|| {
            let end = story.again().told(|story| disturb(story, &call));
            kill::same(&wanted.world, &end.world, &call.what);
            assert_eq!(wanted.made, end.made, "{}: what was made", call.what);
        }));
        if tried.is_err() {
            wrong.push(format!("write {}, {}", call.number, call.what));
        }
    }
    assert!(wrong.is_empty(), "{} calls: {wrong:#?}", wrong.len());
}

#[test]
fn a_move_whose_call_is_not_answered_ends_the_same() {
    whatever_call(Act::Move, Story::loses);
}

#[test]
fn a_move_that_is_killed_before_an_answer_comes_resumes_to_the_same() {
    whatever_call(Act::Move, Story::dies);
}

#[test]
fn a_drill_whose_call_is_not_answered_leaves_nothing() {
    whatever_call(Act::Drill, Story::loses);
}

#[test]
fn a_drill_that_is_killed_before_an_answer_comes_is_resumed_and_leaves_nothing() {
    whatever_call(Act::Drill, Story::dies);
}

#[test]
fn an_undo_whose_call_is_not_answered_leaves_nothing() {
    whatever_call(Act::Undo, Story::loses);
}

#[test]
fn an_undo_that_is_killed_before_an_answer_comes_leaves_nothing() {
    whatever_call(Act::Undo, Story::dies);
}
