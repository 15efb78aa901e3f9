//! What a look means for a step. The adoption rule lives here: what is done when a thing is not there although a call that
//! may have made it was sent. Pure.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::Pace;
use crate::event::{Event, Sight};
use crate::plan::{Expect, Planned};
use crate::state::{Fate, Intent, StepState};
use crate::step::{CallKind, Claim, Observed, StepError};

/// What to do with a step after a look.
#[derive(Debug)]
pub enum Decision {
    /// The step is over.
    Take(Box<Event>),
    Wait {
        percent: Option<u8>,
        note: String,
    },
    /// An answer never came: what it may have made is searched for. Ends by itself, so no deadline ends it.
    Search {
        note: String,
    },
    Begin,
    /// The search has ended: nothing was made. Begins with another intent.
    Renew,
    Fail(Box<StepError>),
}

/// Time from `from` to `now`; none if the clock went back.
pub fn elapsed(from: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(from)).unwrap_or_default()
}

pub fn decide(
    planned: &Planned,
    step: &StepState,
    seen: Observed<Json>,
    now: Timestamp,
    pace: &Pace,
) -> Decision {
    let id = planned.id.clone();
    if planned.hold {
        return hold(planned, seen);
    }
    match seen {
        Observed::Ready(output, claim) => Decision::Take(Box::new(if step.intents.is_empty() {
            Event::Found {
                step: id,
                output,
                claim,
            }
        } else {
            Event::Made { step: id, output }
        })),
        Observed::Underway { percent, note } => Decision::Wait { percent, note },
        Observed::Unseen(why) => Decision::Wait {
            percent: step.percent,
            note: format!("cannot be seen: {why}"),
        },
        Observed::Foreign(why) => Decision::Fail(Box::new(
            StepError::fail(
                "E4090",
                format!("step `{id}` finds a stranger's thing in its place: {why}"),
            )
            .hint("remove or rename it, or name it in the manifest to adopt it"),
        )),
        Observed::Partial { note } => partial(step, note, now, pace),
        Observed::Absent => match (&planned.expect, step.intents.is_empty()) {
            (Expect::Adopt(named), true) => Decision::Fail(Box::new(
                StepError::fail(
                    "E4091",
                    format!("step `{id}` is to adopt `{named}`, which is not there"),
                )
                .resource(named.clone()),
            )),
            _ => missing(step, now, pace),
        },
    }
}

/// It is there, and lacks something. May that be begun?
fn partial(step: &StepState, note: String, now: Timestamp, pace: &Pace) -> Decision {
    // A call without a promise is the one that makes a thing, so it arrived: the thing is there, and ours.
    if step.last().is_some_and(Intent::is_bare) {
        return Decision::Begin;
    }
    match missing(step, now, pace) {
        Decision::Wait { .. } if step.last().is_some_and(|last| last.fate == Fate::Began) => {
            Decision::Begin
        }
        Decision::Renew => Decision::Begin,
        Decision::Wait { percent, .. } => Decision::Wait { percent, note },
        other => other,
    }
}

/// It is not there. May it be begun?
fn missing(step: &StepState, now: Timestamp, pace: &Pace) -> Decision {
    let Some(last) = step.last() else {
        return Decision::Begin;
    };
    let passed = elapsed(last.at, now);
    let wait = |note: String| Decision::Wait {
        percent: None,
        note,
    };
    match (last.fate, last.kind) {
        // Accepted, and not to be seen: lists lag. It is never made a second time; the deadline ends the wait.
        (Fate::Began, CallKind::Upsert) if passed >= pace.lag => Decision::Begin,
        (Fate::Began, _) => wait("accepted, not to be seen yet".into()),
        // The same request again is harmless.
        (Fate::Open | Fate::Unknown, CallKind::Upsert | CallKind::Named) => Decision::Begin,
        (Fate::Open | Fate::Unknown, CallKind::Token { ttl }) => {
            let first = step.first_sent().unwrap_or(last.at);
            if elapsed(first, now) < ttl.mul_f64(0.8) {
                Decision::Begin
            } else {
                search(passed, pace.late)
            }
        }
        (Fate::Open | Fate::Unknown, CallKind::Bare { window }) => search(passed, window),
    }
}

/// A request can be carried out late. Only after so long without a trace is it certain that it was not.
fn search(passed: Duration, window: Duration) -> Decision {
    match window.checked_sub(passed).filter(|left| !left.is_zero()) {
        None => Decision::Renew,
        Some(left) => Decision::Search {
            note: format!(
                "no answer came; searching {} s more for what it may have made",
                left.as_secs().max(1)
            ),
        },
    }
}

fn hold(planned: &Planned, seen: Observed<Json>) -> Decision {
    let (output, seen) = match seen {
        Observed::Ready(output, claim) => (Some(output), Sight::Ready(claim)),
        Observed::Absent => (None, Sight::Absent),
        Observed::Partial { note } => (None, Sight::Partial(note)),
        Observed::Underway { note, .. } => (None, Sight::Underway(note)),
        Observed::Foreign(why) => (None, Sight::Foreign(why)),
        Observed::Unseen(why) => (None, Sight::Unseen(why)),
    };
    let output = output.or_else(|| planned.stand_in.clone());
    Decision::Take(Box::new(Event::Held {
        step: planned.id.clone(),
        output,
        seen,
    }))
}

/// Whether a step that says it is taken back really is: a request that was never answered can still be carried out, and one
/// that was accepted a moment ago may not be seen yet.
///
/// But a thing that one request alone can have made, and that was there to be removed, was made by that request; and no
/// request is carried out twice. (A request that sets something proves less: somebody else may have set the same.) And
/// where as many requests took back as were accepted, all of them had been seen.
pub fn surely_undone(step: &StepState, now: Timestamp, pace: &Pace) -> Result<(), String> {
    if let [only] = step.intents.as_slice()
        && only.kind != CallKind::Upsert
        && step.taken_back > 0
    {
        return Ok(());
    }
    let answered = step.intents.iter().all(|intent| intent.fate == Fate::Began);
    if answered && step.taken_back as usize >= step.intents.len() {
        return Ok(());
    }
    let left = |intent: &Intent| {
        let (from, long, what) = match (intent.fate, intent.kind) {
            (Fate::Began, _) => (
                intent.accepted.unwrap_or(intent.at),
                pace.lag,
                "a call that was accepted may not be seen",
            ),
            (Fate::Open | Fate::Unknown, CallKind::Bare { window }) => {
                (intent.at, window, UNANSWERED)
            }
            (
                Fate::Open | Fate::Unknown,
                CallKind::Named | CallKind::Token { .. } | CallKind::Upsert,
            ) => (intent.at, pace.late, UNANSWERED),
        };
        let left = long.checked_sub(elapsed(from, now))?;
        (!left.is_zero()).then_some((left, what))
    };
    match step.intents.iter().filter_map(left).max() {
        None => Ok(()),
        Some((left, what)) => Err(format!("{what} for {} s", left.as_secs().max(1))),
    }
}

const UNANSWERED: &str = "a call that was not answered may still have an effect";

/// Whether a look shows that a step that was done still is. `None` if it shows neither.
pub fn holds(seen: &Observed<Json>) -> Option<Result<(), String>> {
    match seen {
        Observed::Ready(_, Claim::Ours | Claim::Adopted | Claim::AsWanted) => Some(Ok(())),
        Observed::Unseen(_) => None,
        Observed::Absent => Some(Err("it is not there any more".into())),
        Observed::Partial { note } | Observed::Underway { note, .. } => Some(Err(note.clone())),
        Observed::Foreign(why) => Some(Err(why.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(kinds: &[CallKind], taken_back: u32) -> StepState {
        let intent = |kind: &CallKind| Intent {
            at: Timestamp::UNIX_EPOCH,
            kind: *kind,
            fate: Fate::Open,
            accepted: None,
        };
        StepState {
            intents: kinds.iter().map(intent).collect(),
            taken_back,
            ..StepState::default()
        }
    }

    fn sure(step: &StepState) -> bool {
        surely_undone(step, Timestamp::UNIX_EPOCH, &Pace::default()).is_ok()
    }

    #[test]
    fn what_one_unanswered_request_made_is_gone_when_it_was_removed() {
        assert!(!sure(&asked(&[CallKind::Named], 0)));
        assert!(sure(&asked(&[CallKind::Named], 1)));
        let window = Duration::from_secs(60);
        assert!(sure(&asked(&[CallKind::Bare { window }], 1)));
    }

    #[test]
    fn a_second_request_or_one_that_sets_something_may_still_arrive() {
        assert!(!sure(&asked(&[CallKind::Named, CallKind::Named], 1)));
        assert!(!sure(&asked(&[CallKind::Upsert], 1)));
    }

    fn sent(kind: CallKind, fate: Fate) -> StepState {
        let mut step = StepState::default();
        step.intents.push(Intent {
            at: Timestamp::UNIX_EPOCH,
            kind,
            fate,
            accepted: (fate == Fate::Began).then_some(Timestamp::UNIX_EPOCH),
        });
        step
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn what_was_accepted_a_moment_ago_and_is_not_seen_is_not_gone() {
        let (mut step, pace) = (sent(CallKind::Named, Fate::Began), Pace::default());
        assert!(surely_undone(&step, at(59), &pace).is_err());
        assert!(surely_undone(&step, at(60), &pace).is_ok());
        // What counts is when it was accepted: an answer may take long.
        step.intents[0].accepted = Some(at(30));
        assert!(surely_undone(&step, at(89), &pace).is_err());
        step.taken_back = 1;
        assert!(surely_undone(&step, at(31), &pace).is_ok());
    }

    #[test]
    fn of_two_accepted_calls_one_taken_back_proves_nothing_of_the_other() {
        let (mut step, pace) = (sent(CallKind::Upsert, Fate::Began), Pace::default());
        step.intents.push(step.intents[0].clone());
        step.taken_back = 1;
        assert!(surely_undone(&step, at(1), &pace).is_err());
        step.taken_back = 2;
        assert!(surely_undone(&step, at(1), &pace).is_ok());
    }

    const BARE: CallKind = CallKind::Bare {
        window: Duration::from_secs(1_500),
    };

    #[test]
    fn a_thing_is_searched_for_until_its_call_can_no_longer_arrive() {
        let (step, pace) = (sent(BARE, Fate::Open), Pace::default());
        assert!(matches!(
            missing(&step, at(1_499), &pace),
            Decision::Search { .. }
        ));
        assert!(matches!(missing(&step, at(1_500), &pace), Decision::Renew));
    }

    #[test]
    fn a_thing_that_is_there_is_proof_that_the_call_that_makes_it_arrived() {
        let (step, pace) = (sent(BARE, Fate::Open), Pace::default());
        let next = partial(&step, "lacks a part".into(), at(1), &pace);
        assert!(matches!(next, Decision::Begin));
    }
}
