//! `drtool report`: what a run came to, as text, as JSON or as one HTML page.

use std::path::PathBuf;

use clap::Args;
use drtool_engine::event::Record;
use drtool_engine::journal::Place;
use drtool_engine::report::{html, words};
use drtool_engine::state::RunState;

use super::summary::Summary;
use super::{Shared, records, say};
use crate::failure::{Exit, Failure, Failures};

#[derive(Debug, Args)]
pub struct Report {
    /// The run's id; the newest run where it is left out.
    pub run: Option<String>,
    /// Write the whole report as one HTML file instead, timeline drawn.
    #[arg(long, value_name = "FILE", visible_alias = "out")]
    pub html: Option<PathBuf>,
}

pub fn run(command: &Report, shared: &Shared) -> Result<Exit, Failures> {
    let (place, records) = records::meant(shared, command.run.as_deref(), |_| true)?;
    let state = records::state(&records)?;
    let Some(path) = &command.html else {
        say(&told(&place, &records, &state, shared));
        return Ok(Exit::Done);
    };
    let page = html::page(&records).map_err(|error| {
        Failure::new("E3009", Exit::State, "the journal contradicts itself").cause(error)
    })?;
    std::fs::write(path, page).map_err(|error| {
        Failure::input(
            "E1071",
            format!("the report cannot be written to {}", path.display()),
        )
        .cause(error)
    })?;
    say(&format!("{}\n", path.display()));
    Ok(Exit::Done)
}

/// The report as text, or as one JSON document.
fn told(place: &Place, records: &[Record], state: &RunState, shared: &Shared) -> String {
    let summary = Summary::of(records, state);
    let said = match (&state.outcome, place.held()) {
        (Some(outcome), _) => words::outcome(outcome).text,
        (None, true) => "running".to_owned(),
        (None, false) => "killed; `drtool resume` goes on".to_owned(),
    };
    if shared.json {
        let document = serde_json::json!({
            "run": place.run().as_str(), "profile": state.plan.profile.name, "stack": state.plan.stack, "plan": state.hash,
            "began": state.began, "outcome": state.outcome, "report": summary.json(),
        });
        return format!("{document}\n");
    }
    let mut lines = vec![
        format!(
            "run {}: {} of {}",
            place.run(),
            state.plan.profile.name,
            state.plan.stack
        ),
        format!("  {said}"),
        format!("  began {}", state.began),
        String::new(),
    ];
    lines.extend(summary.lines(state.outcome.as_ref()));
    lines.push(String::new());
    lines.extend(summary.counts());
    let faults = state.steps().iter().filter_map(|step| step.fault.as_ref());
    for fault in faults {
        lines.push(String::new());
        lines.extend(words::fault(fault));
    }
    lines.push(String::new());
    lines.push(format!(
        "every event, with the timeline drawn: drtool report {} --html {}.html{}",
        place.run(),
        place.run(),
        shared.whither.again()
    ));
    lines.join("\n") + "\n"
}
