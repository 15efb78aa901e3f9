//! `drtool undo`: takes back what a run made, before its cut.

use clap::Args;
use drtool_engine::event::Reach;
use drtool_engine::run::RunError;

use super::{Shared, carry, close, records};
use crate::failure::{Exit, Failures};

#[derive(Debug, Args)]
pub struct Undo {
    /// The run's id.
    pub run: String,
}

pub fn run(command: &Undo, shared: &Shared) -> Result<Exit, Failures> {
    let session = shared.whither.session()?;
    let place = records::place(session.state(), &records::id(&command.run)?);
    let id = place.run().clone();
    let records = records::read(&place)?;
    let run = carry::take_over(&session, place, &records)?
        .undo(carry::who(), Reach::BeforeCut)
        .map_err(|error| {
            let past = matches!(error, RunError::PastTheCut { .. });
            let mut failures = carry::refused(error, "the run cannot be taken back");
            if past && let Some(first) = failures.0.pop() {
                failures.0.push(first.hint(
                    "users are on the target: the way home is a new move, back to the source",
                ));
            }
            failures
        })?;
    let ended = carry::carry(&session, run, shared)?;
    close::close(&id, &ended, shared)
}
