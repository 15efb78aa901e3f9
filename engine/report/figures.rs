//! The numbers of a run, each recomputed from its records. What was not measured is not a number.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::words::between;
use crate::event::{Event, Outcome, Record};
use crate::name::StepId;
use crate::plan::{Measure, Milestone};
use crate::state::RunState;

/// Times and counts. Durations are in seconds when written as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    pub began: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    /// From the first record to the last, lives and the pauses between them together.
    #[serde(serialize_with = "seconds")]
    pub took: Option<Duration>,
    /// From the source's first refusal to the first success seen from outside.
    #[serde(serialize_with = "seconds")]
    pub downtime: Option<Duration>,
    /// From the first record to the first success: what an outage's users would wait. Seen from outside; where the plan holds
    /// that (a drill sends nobody anywhere), the deep checks, all of them passed.
    #[serde(serialize_with = "seconds")]
    pub recovery_time: Option<Duration>,
    /// How much written data is lost: from the moment up to which it is kept to the moment the source took no more or, where
    /// nothing was fenced, to the first record.
    #[serde(serialize_with = "seconds")]
    pub recovery_point: Option<Duration>,
    /// Of the whole: waiting for people.
    #[serde(serialize_with = "seconds")]
    pub asked: Option<Duration>,
    pub lives: u32,
    pub calls: u64,
    pub refused: u64,
    pub unanswered: u64,
    pub made: u64,
    pub found: u64,
    pub held: u64,
    pub undone: u64,
    pub left: u64,
}

impl Figures {
    /// What was measured of something that can be promised.
    pub fn measured(&self, measure: Measure) -> Option<Duration> {
        match measure {
            Measure::RecoveryTime => self.recovery_time,
            Measure::RecoveryPoint => self.recovery_point,
            Measure::Downtime => self.downtime,
        }
    }
}

fn seconds<S: serde::Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

/// The figures of a run's records, folded into `state`.
pub fn figures(records: &[Record], state: &RunState) -> Figures {
    let mut figures = Figures {
        began: records.first().map(|record| record.at),
        ..Figures::default()
    };
    let mut question: Option<Timestamp> = None;
    let mut proven: BTreeSet<&StepId> = BTreeSet::new();
    for record in records {
        match &record.event {
            Event::Leased { epoch, .. } => figures.lives = *epoch,
            Event::Intended { .. } | Event::UndoIntended { .. } => figures.calls += 1,
            Event::Refused { .. } | Event::UndoRefused { .. } => figures.refused += 1,
            Event::Unknown { .. } | Event::UndoUnknown { .. } => figures.unanswered += 1,
            Event::Made { .. } => figures.made += 1,
            Event::Found { .. } => figures.found += 1,
            Event::Held { .. } => figures.held += 1,
            Event::Undone { .. } => figures.undone += 1,
            Event::LeftBehind { .. } => figures.left += 1,
            Event::Reached {
                milestone: Milestone::Proven,
                step,
                ..
            } => {
                proven.insert(step);
            }
            // What is made again is proven again.
            Event::Forward { .. } => proven.clear(),
            Event::Asked { .. } => question = Some(record.at),
            Event::Answered { .. } | Event::TimedOut { .. } => {
                if let Some(asked) = question.take() {
                    figures.asked =
                        Some(figures.asked.unwrap_or_default() + between(asked, record.at));
                }
            }
            _ => {}
        }
    }
    figures.ended = match state.outcome {
        Some(Outcome::Stopped(_)) | None => None,
        Some(_) => Some(state.now),
    };
    figures.took = figures.began.map(|began| between(began, state.now));
    let moment = |milestone| state.milestones.get(&milestone).map(|(moment, _)| *moment);
    let pair = |from: Option<Timestamp>, to: Option<Timestamp>| Some(between(from?, to?));
    let (fenced, kept, serving) = (
        moment(Milestone::Fenced),
        moment(Milestone::RecoveryPoint),
        moment(Milestone::Serving),
    );
    figures.downtime = pair(fenced, serving);
    let speaking = |milestone| {
        let steps = state.plan.steps.iter();
        steps.filter(move |step| step.milestone == Some(milestone) && !step.hold)
    };
    let checks = speaking(Milestone::Proven).all(|step| proven.contains(&step.id));
    let recovered = match speaking(Milestone::Serving).next() {
        Some(_) => serving,
        None => moment(Milestone::Proven).filter(|_| checks),
    };
    figures.recovery_time = pair(figures.began, recovered);
    // A moment kept after the fence began loses nothing: that is measured, and it is 0.
    figures.recovery_point = pair(kept, fenced.or(figures.began));
    figures
}
