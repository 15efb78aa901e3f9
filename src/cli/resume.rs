//! `drtool resume`: goes on with a run that was stopped or killed.

use clap::Args;
use drtool_engine::state::RunState;

use super::difference::Differences;
use super::{Shared, carry, close, records, stack, tell};
use crate::failure::{Exit, Failures};

#[derive(Debug, Args)]
pub struct Resume {
    /// The run's id; the newest run that can go on where it is left out.
    pub run: Option<String>,
}

pub fn run(command: &Resume, shared: &Shared) -> Result<Exit, Failures> {
    let session = shared.whither.session()?;
    let can_go_on = |state: &RunState| {
        state
            .outcome
            .as_ref()
            .is_none_or(|outcome| outcome.resumable())
    };
    let (place, records) = records::meant(shared, command.run.as_deref(), can_go_on)?;
    let id = place.run().clone();
    if let Some((file, changed)) = stack::edited(&records::plan(&records)?) {
        let changed = Differences(changed).to_string().replace('\n', "\n  ");
        tell(&format!(
            "{file} has been changed since this run was planned; the run goes on as it was planned:\n  {changed}\n"
        ));
    }
    let run = carry::take_over(&session, place, &records)?
        .resume()
        .map_err(|error| carry::refused(error, "the run cannot go on"))?;
    let ended = carry::carry(&session, run, shared)?;
    close::close(&id, &ended, shared)
}
