//! `drtool status`: how a run stands, also while another process carries it out.

use clap::Args;
use drtool_engine::Timestamp;
use drtool_engine::report::{picture, words};

use super::summary::Summary;
use super::{Shared, records, say};
use crate::failure::{Exit, Failures};

#[derive(Debug, Args)]
pub struct Status {
    /// The run's id; the newest run where it is left out.
    pub run: Option<String>,
}

pub fn run(command: &Status, shared: &Shared) -> Result<Exit, Failures> {
    let (place, records) = records::meant(shared, command.run.as_deref(), |_| true)?;
    let state = records::state(&records)?;
    let now = records.last().map_or(Timestamp::UNIX_EPOCH, |r| r.at);
    let held = place.held();
    let waiting: Vec<_> = state
        .plan
        .steps
        .iter()
        .zip(state.steps())
        .filter(|(_, step)| step.asked.is_some() && step.answer.is_none())
        .map(|(planned, _)| planned.id.as_str())
        .collect();
    if shared.json {
        let document = serde_json::json!({
            "run": place.run().as_str(), "profile": state.plan.profile.name, "stack": state.plan.stack, "held": held,
            "outcome": state.outcome, "waiting": waiting, "report": Summary::of(&records, &state).json(),
        });
        say(&format!("{document}\n"));
        return Ok(Exit::Done);
    }
    let again = shared.whither.again();
    let mut text = format!(
        "run {}: {} of {}, {} after its begin\n",
        place.run(),
        state.plan.profile.name,
        state.plan.stack,
        words::duration(words::between(state.began, now))
    );
    for line in picture::picture(&state, now) {
        text.push_str(&line);
        text.push('\n');
    }
    for step in waiting {
        text.push_str(&format!(
            "waits for an answer: drtool approve {} {step}{again}\n",
            place.run()
        ));
    }
    text.push_str(&match (&state.outcome, held) {
        (Some(outcome), _) => format!("{}\n", words::outcome(outcome).text),
        (None, true) => "somebody carries it out now\n".to_owned(),
        (None, false) => format!("killed: drtool resume {}{again}\n", place.run()),
    });
    say(&text);
    Ok(Exit::Done)
}
