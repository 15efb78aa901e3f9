//! What a run came to, in a few lines: what was measured beside what was promised, what was not rehearsed, what is left.
//!
//! Must not know: whether the run has just ended or is read from an old journal.

use drtool_engine::event::{Halt, Outcome, Record, UnwindWhy, exit};
use drtool_engine::plan::Milestone;
use drtool_engine::report::figures::{Figures, figures};
use drtool_engine::report::verdict::{self, Judged, judge};
use drtool_engine::report::words::duration;
use drtool_engine::state::RunState;
use serde_json::{Value as Json, json};

use crate::printable::Printable;
use crate::steps::{probe_removal, security_group_removal, security_group_rules_removal};

pub struct Summary {
    figures: Figures,
    judged: Vec<Judged>,
    /// Lines of the runbook of which something was held.
    held: Vec<String>,
    /// What could not be taken back, and what to do instead.
    left: Vec<String>,
    rehearsed: bool,
    /// Users are served by the target, and nothing is left to be done but to take away what served the move.
    only_removals_open: bool,
}

/// The kinds that take away what served the move.
const REMOVALS: [&str; 3] = [
    probe_removal::KIND,
    security_group_removal::KIND,
    security_group_rules_removal::KIND,
];

impl Summary {
    pub fn of(records: &[Record], state: &RunState) -> Summary {
        let figures = figures(records, state);
        let mut held: Vec<String> = vec![];
        for line in state.plan.steps.iter().map(|step| &step.line) {
            let of_line = || state.plan.steps.iter().filter(|step| step.line == *line);
            let word = match (of_line().filter(|s| s.hold).count(), of_line().count()) {
                (0, _) => continue,
                (some, all) if some == all => line.clone(),
                (some, all) => format!("{line} ({some} of {all})"),
            };
            if !held.contains(&word) {
                held.push(word);
            }
        }
        let steps = state.plan.steps.iter().zip(state.steps());
        let left = steps
            .filter_map(|(planned, step)| step.left.as_ref().map(|left| (planned, left)))
            .map(|(planned, (why, instead))| {
                format!(
                    "{} ({}): {}; instead: {}",
                    planned.id,
                    Printable(&planned.title),
                    Printable(why),
                    Printable(instead)
                )
            })
            .collect();
        let mut serving = state.plan.steps.iter();
        let rehearsed = serving.any(|step| step.milestone == Some(Milestone::Serving) && step.hold);
        let mut open = state.plan.steps.iter().zip(state.steps());
        let only_removals_open = state.milestones.contains_key(&Milestone::Serving)
            && open.all(|(planned, step)| {
                step.phase.done() || REMOVALS.contains(&planned.kind.as_str())
            });
        Summary {
            only_removals_open,
            judged: judge(&state.plan, &figures),
            figures,
            held,
            left,
            rehearsed,
        }
    }

    /// The exit status of a run that ended so.
    pub fn status(&self, outcome: &Outcome) -> u8 {
        match (verdict::status(outcome, &self.judged), outcome) {
            (exit::STOPPED, Outcome::Failed { .. } | Outcome::Stopped(Halt::Paused { .. }))
                if self.only_removals_open =>
            {
                exit::LEFT
            }
            (status, _) => status,
        }
    }

    /// Beside each other: what was measured, and what was promised. Nothing of a run that was stopped or taken back on its way.
    pub fn lines(&self, outcome: Option<&Outcome>) -> Vec<String> {
        let whole = match outcome {
            Some(Outcome::Done | Outcome::Failed { .. }) => true,
            Some(Outcome::Unwound { why, .. }) => {
                matches!(why, UnwindWhy::Rehearsed | UnwindWhy::Failed(_))
            }
            _ => false,
        };
        let mut lines = vec![];
        for one in self.judged.iter().filter(|_| whole) {
            lines.push(format!(
                "  {:<20} {}",
                verdict::name(one.measure),
                verdict::say(one).text
            ));
        }
        if self.rehearsed && whole {
            lines.push(
                "  The recovery time is that to the last deep check; the DNS cut is not in it."
                    .to_owned(),
            );
        }
        if !self.held.is_empty() && whole {
            lines.push(format!(
                "  held, so not shown by this run: {}",
                self.held.join(", ")
            ));
        }
        for left in &self.left {
            lines.push(format!("  left behind: {left}"));
        }
        lines
    }

    /// More of what was counted, for a report.
    pub fn counts(&self) -> Vec<String> {
        let figures = &self.figures;
        let time = |time: Option<std::time::Duration>| time.map_or("not measured".into(), duration);
        vec![
            format!("  {:<20} {}", "whole time", time(figures.took)),
            format!("  {:<20} {}", "downtime", time(figures.downtime)),
            format!("  {:<20} {}", "recovery time", time(figures.recovery_time)),
            format!("  {:<20} {}", "lost data", time(figures.recovery_point)),
            format!("  {:<20} {}", "waited for people", time(figures.asked)),
            format!(
                "  {:<20} {}, {} refused, {} unanswered",
                "calls", figures.calls, figures.refused, figures.unanswered
            ),
            format!(
                "  {:<20} {} made, {} found, {} held, {} taken back, {} left",
                "steps", figures.made, figures.found, figures.held, figures.undone, figures.left
            ),
            format!("  {:<20} {}", "lives", figures.lives),
        ]
    }

    pub fn json(&self) -> Json {
        json!({ "figures": self.figures, "objectives": self.judged, "held": self.held, "left": self.left })
    }
}
