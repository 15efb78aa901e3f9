//! What was promised beside what was measured, and with which status a run therefore ends. Pure.
//!
//! Must not know: where a promise was written.

use std::time::Duration;

use serde::Serialize;

use super::figures::Figures;
use super::words::{Said, Tone, duration};
use crate::event::{Outcome, UnwindWhy, exit};
use crate::plan::{Measure, Objective, Plan};

/// How an objective stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Met,
    Missed,
    /// The run never came to the moments between which it would be measured.
    NotMeasured,
}

/// One objective of a plan, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    pub measure: Measure,
    /// In seconds.
    pub limit: u64,
    /// In seconds; nothing if it was not measured.
    pub measured: Option<f64>,
    pub verdict: Verdict,
}

/// Every objective of a plan, in its order.
pub fn judge(plan: &Plan, figures: &Figures) -> Vec<Judged> {
    let judged = |objective: &Objective| {
        let measured = figures.measured(objective.measure);
        Judged {
            measure: objective.measure,
            limit: objective.limit,
            measured: measured.map(|time| time.as_secs_f64()),
            verdict: match measured {
                None => Verdict::NotMeasured,
                Some(time) if time <= Duration::from_secs(objective.limit) => Verdict::Met,
                Some(_) => Verdict::Missed,
            },
        }
    };
    plan.objectives.iter().map(judged).collect()
}

/// The status of a process whose run ended so. A run that came to its end and did not show what was promised says so with a
/// status of its own; one that was stopped, refused or taken back early has its own already.
pub fn status(outcome: &Outcome, judged: &[Judged]) -> u8 {
    let whole = matches!(
        outcome,
        Outcome::Done
            | Outcome::Unwound {
                why: UnwindWhy::Rehearsed,
                ..
            }
    );
    let shown = judged.iter().all(|one| one.verdict == Verdict::Met);
    match outcome.exit() {
        exit::DONE if whole && !shown => exit::MISSED,
        other => other,
    }
}

pub fn name(measure: Measure) -> &'static str {
    match measure {
        Measure::RecoveryTime => "recovery time (RTO)",
        Measure::RecoveryPoint => "lost data (RPO)",
        Measure::Downtime => "downtime",
    }
}

/// One objective in words: `34 min 12 s, promised 45 min 00 s: met`.
pub fn say(judged: &Judged) -> Said {
    let limit = duration(Duration::from_secs(judged.limit));
    let measured = judged.measured.map_or("not measured".to_owned(), |time| {
        duration(Duration::from_secs_f64(time))
    });
    let (tone, text) = match judged.verdict {
        Verdict::Met => (Tone::Good, format!("{measured}, promised {limit}: met")),
        Verdict::Missed => (Tone::Bad, format!("{measured}, promised {limit}: missed")),
        Verdict::NotMeasured => (
            Tone::Bad,
            format!("{measured}, promised {limit}: not shown"),
        ),
    };
    Said { tone, text }
}
