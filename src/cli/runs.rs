//! `drtool runs`: all runs, the newest last.

use clap::Args;
use drtool_engine::report::words;

use super::{Shared, records, say};
use crate::failure::{Exit, Failures};

#[derive(Debug, Args)]
pub struct Runs {}

pub fn run(_: &Runs, shared: &Shared) -> Result<Exit, Failures> {
    let runs = records::all(shared)?;
    if runs.is_empty() && !shared.json {
        say(&format!("no runs in {}\n", shared.whither.runs().display()));
        return Ok(Exit::Done);
    }
    let mut rows = vec![["run", "began", "what", "stack", "how it stands"].map(str::to_owned)];
    for (place, records) in runs {
        let state = records::state(&records)?;
        let held = place.held();
        if shared.json {
            let document = serde_json::json!({
                "run": place.run().as_str(), "began": state.began, "profile": state.plan.profile.name, "stack": state.plan.stack,
                "held": held, "outcome": state.outcome,
            });
            say(&format!("{document}\n"));
            continue;
        }
        let how = match (&state.outcome, held) {
            (Some(outcome), _) => words::outcome(outcome).text,
            (None, true) => "running".to_owned(),
            (None, false) => "killed".to_owned(),
        };
        let second = state.began.round(jiff::Unit::Second).unwrap_or(state.began);
        rows.push([
            place.run().to_string(),
            second.to_string(),
            state.plan.profile.name.clone(),
            state.plan.stack.clone(),
            how,
        ]);
    }
    if !shared.json {
        say(&table(&rows));
    }
    Ok(Exit::Done)
}

/// Columns as wide as what stands in them; the last as it is.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
