//! The last lines of a command: how the run ended, and what to type next.

use drtool_engine::RunId;
use drtool_engine::event::{Outcome, exit};
use drtool_engine::report::words;
use drtool_engine::run::Ended;
use drtool_engine::state::RunState;
use drtool_engine::step::Effect;

use super::summary::Summary;
use super::{Shared, records, tell};
use crate::failure::{Exit, Failure, Failures};

/// Whose names lead to the target and whose do not, where some zones are cut and others are not.
pub fn half_cut(state: &RunState) -> Option<String> {
    let (mut cut, mut waiting) = (vec![], vec![]);
    for (at, planned) in state.plan.steps.iter().enumerate() {
        if planned.effect != Effect::Cuts || planned.hold {
            continue;
        }
        let zone = planned
            .params
            .get("zone")
            .and_then(|zone| zone.as_str())
            .unwrap_or(planned.id.as_str());
        if state.steps()[at].phase.done() {
            cut.push(zone);
        } else {
            waiting.push(zone);
        }
    }
    if cut.is_empty() || waiting.is_empty() {
        return None;
    }
    Some(format!(
        "half cut: users of {} are in the target, users of {} read the maintenance page",
        cut.join(", "),
        waiting.join(", ")
    ))
}

/// The last lines: how it ended, and what to type next.
pub fn close(run: &RunId, ended: &Ended, shared: &Shared) -> Result<Exit, Failures> {
    let outcome = match &ended.result {
        Ok(outcome) => outcome,
        Err(error) => {
            let exit = if error.exit() == exit::STOPPED {
                Exit::Stopped
            } else {
                Exit::State
            };
            return Err(
                Failure::new(error.code(), exit, format_args!("run {run} ended early"))
                    .cause(error)
                    .hint(format!("drtool status {run}"))
                    .into(),
            );
        }
    };
    let records = records::read(&records::place(&shared.whither.runs(), run))?;
    let summary = Summary::of(&records, &ended.state);
    if !shared.json {
        let again = shared.whither.again();
        tell(&format!("{}\n", words::outcome(outcome).text));
        for line in summary.lines(Some(outcome)) {
            tell(&format!("{line}\n"));
        }
        if let Outcome::Refused { fault, .. } | Outcome::Failed { fault, .. } = outcome {
            for line in words::fault(fault) {
                tell(&format!("  {line}\n"));
            }
        }
        let half = half_cut(&ended.state);
        if let Some(half) = &half {
            tell(&format!("{half}\n"));
        }
        if outcome.resumable() {
            tell(&format!("go on:        drtool resume {run}{again}\n"));
        }
        // Past a cut there is only the way on.
        if outcome.resumable() && ended.state.cut().is_none() {
            tell(&format!("take it back: drtool undo {run}{again}\n"));
        }
        tell(&format!(
            "report:       drtool report {run} --html {run}.html{again}\n"
        ));
        tell(&format!("run {run}\n"));
    }
    Ok(match summary.status(outcome) {
        exit::DONE => Exit::Done,
        exit::BUG => Exit::Bug,
        exit::INPUT => Exit::Input,
        exit::REFUSED => Exit::Refused,
        exit::STOPPED => Exit::Stopped,
        exit::LEFT => Exit::LeftBehind,
        exit::MISSED => Exit::Missed,
        _ => Exit::State,
    })
}
