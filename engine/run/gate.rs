//! What must hold before a step's call may leave: needs seen ready often enough and lately enough, and a person's word.
//! Pure: says what is missing.

use std::time::Duration;

use jiff::Timestamp;

use super::decide::elapsed;
use super::pace::later;
use crate::event::{Answer, How};
use crate::plan::{Confirm, Passes, Plan, Planned};
use crate::state::{Phase, RunState, StepState};

/// What looks of a gate's own have shown of a step.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    passes: u32,
    first: Option<Timestamp>,
    /// The latest look that showed it ready.
    last: Option<Timestamp>,
    looked: Option<Timestamp>,
}

impl Trust {
    /// It was seen then, ready or not.
    pub fn note(&mut self, at: Timestamp, ready: bool) {
        self.looked = Some(at);
        if ready {
            self.passes += 1;
            self.first.get_or_insert(at);
            self.last = Some(at);
        } else {
            *self = Trust {
                looked: Some(at),
                ..Trust::default()
            };
        }
    }

    fn settled(&self, passes: Passes) -> bool {
        let over = Duration::from_secs(passes.over.into());
        self.passes >= passes.count.max(1)
            && self
                .first
                .zip(self.last)
                .is_some_and(|(first, last)| elapsed(first, last) >= over)
    }

    fn fresh(&self, within: Duration, now: Timestamp) -> bool {
        self.last.is_some_and(|last| elapsed(last, now) <= within)
    }
}

/// What a step waits for before its call.
#[derive(Debug, PartialEq)]
pub(super) enum Gate {
    Open,
    /// Look at these steps, sharing no answer.
    Look(Vec<usize>),
    /// Nothing to do before then.
    Wait(Timestamp, String),
    /// A person is to be asked.
    Ask(Box<Confirm>),
    /// It was agreed in advance.
    Agreed(How),
    TimedOut,
}

/// How soon after a look that did not pass a gate looks again.
const AGAIN: Duration = Duration::from_secs(2);

fn gating<'p>(
    state: &'p RunState,
    planned: &'p Planned,
) -> impl Iterator<Item = (usize, &'p crate::plan::Need)> {
    planned
        .needs
        .iter()
        .filter_map(|need| Some((state.graph.position(&need.step)?, need)))
        // What is held was never brought about: there is nothing to look at.
        .filter(|(at, _)| state.steps()[*at].phase != Phase::Held)
}

/// Passes over a time. Comes before anybody is asked.
pub(super) fn settle(state: &RunState, planned: &Planned, trust: &[Trust], now: Timestamp) -> Gate {
    let mut due = Vec::new();
    let mut wait: Option<(Timestamp, String)> = None;
    for (at, need) in gating(state, planned) {
        let Some(passes) = need.settle else { continue };
        let trust = &trust[at];
        if trust.settled(passes) {
            continue;
        }
        let gap = Duration::from_secs(passes.over.into())
            .div_f64(f64::from(passes.count.saturating_sub(1).max(1)));
        let gap = if trust.passes == 0 { AGAIN } else { gap };
        match trust.looked.map(|looked| later(looked, gap)) {
            Some(then) if then > now => {
                let note = format!(
                    "`{}` passed {} of {} times",
                    need.step, trust.passes, passes.count
                );
                if wait.as_ref().is_none_or(|(sooner, _)| then < *sooner) {
                    wait = Some((then, note));
                }
            }
            _ => due.push(at),
        }
    }
    match (due.is_empty(), wait) {
        (false, _) => Gate::Look(due),
        (true, Some((then, note))) => Gate::Wait(then, note),
        (true, None) => Gate::Open,
    }
}

/// A person's word.
pub(super) fn confirm(plan: &Plan, planned: &Planned, step: &StepState, now: Timestamp) -> Gate {
    let Some(confirm) = &planned.confirm else {
        return Gate::Open;
    };
    match (&step.answer, &step.asked) {
        (Some(Answer::Yes), _) => Gate::Open,
        (_, None) => Gate::Ask(Box::new(confirm.clone())),
        (_, Some(_)) if confirm.given.is_some() => {
            Gate::Agreed(How::Given(confirm.given.clone().unwrap_or_default()))
        }
        (_, Some(_)) if plan.approved(planned.id.as_str()).is_some() => Gate::Agreed(How::Approval),
        (_, Some(asked)) if now >= asked.until => Gate::TimedOut,
        (_, Some(asked)) => Gate::Wait(asked.until, confirm.text.clone()),
    }
}

/// Seen lately. Comes last, right before the call.
pub(super) fn fresh(state: &RunState, planned: &Planned, trust: &[Trust], now: Timestamp) -> Gate {
    let mut due = Vec::new();
    let mut wait: Option<Timestamp> = None;
    for (at, need) in gating(state, planned) {
        let Some(within) = need.fresh.map(|fresh| Duration::from_secs(fresh.into())) else {
            continue;
        };
        if trust[at].fresh(within, now) {
            continue;
        }
        // A look that did not pass is not repeated at once, or a gate that stays shut would be hammered at.
        match trust[at]
            .looked
            .filter(|_| trust[at].last.is_none())
            .map(|looked| later(looked, AGAIN))
        {
            Some(then) if then > now => wait = Some(wait.map_or(then, |sooner| sooner.max(then))),
            _ => due.push(at),
        }
    }
    match (due.is_empty(), wait) {
        (_, Some(then)) => Gate::Wait(then, "a check that has to be fresh does not pass".into()),
        (false, None) => Gate::Look(due),
        (true, None) => Gate::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn passes_count_in_a_row_and_over_their_time() {
        let passes = Passes { count: 3, over: 20 };
        let mut trust = Trust::default();
        for second in [0, 5, 10] {
            trust.note(at(second), true);
        }
        assert!(!trust.settled(passes), "three passes, but in ten seconds");
        trust.note(at(20), true);
        assert!(trust.settled(passes));
        trust.note(at(25), false);
        assert!(!trust.settled(passes) && !trust.fresh(Duration::from_secs(60), at(25)));
    }
}
