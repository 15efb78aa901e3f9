//! `drtool drill`: the rehearsal, and the cleaning up after one that was killed.

use clap::{Args, Subcommand};
use drtool_engine::event::Reach;
use drtool_engine::plan::Finish;

use super::{Shared, carry, close, live, records, recovery, stack, tell};
use crate::expand::Rehearsal;
use crate::failure::{Exit, Failure, Failures};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Drill {
    #[command(flatten)]
    pub which: stack::Which,
    /// The region to rehearse the move to.
    #[arg(long, value_name = "REGION")]
    pub to: Option<String>,
    /// Recover from a snapshot that exists instead of a fresh one: `latest`, its name, or `DATABASE=NAME` (repeatable). This is
    /// what a lost region would be recovered from; a fresh one rehearses a planned move.
    #[arg(long, visible_alias = "from-snapshot", value_name = "SNAPSHOT")]
    pub recovery_point: Vec<String>,
    #[command(subcommand)]
    pub what: Option<What>,
}

#[derive(Debug, Subcommand)]
pub enum What {
    /// Takes away what a killed drill left.
    Clean {
        /// The drill's run id.
        run: String,
    },
}

pub fn run(command: &Drill, shared: &Shared) -> Result<Exit, Failures> {
    let session = shared.whither.session()?;
    if let Some(What::Clean { run }) = &command.what {
        let id = records::id(run)?;
        let place = records::place(session.state(), &id);
        let records = records::read(&place)?;
        let plan = records::plan(&records)?;
        if plan.profile.finish != Finish::Unwind {
            let what = &plan.profile.name;
            return Err(
                Failure::input("E1097", format!("run {id} is no drill but a {what}"))
                    .hint(format!(
                        "take it back: drtool undo {id}{}",
                        shared.whither.again()
                    ))
                    .into(),
            );
        }
        if records::clean(&records)? {
            if !shared.json {
                tell(&format!("nothing of drill {id} is left\nrun {id}\n"));
            }
            return Ok(Exit::Done);
        }
        let taken = carry::take_over(&session, place, &records)?
            .undo(carry::who(), Reach::BeforeCut)
            .map_err(|error| carry::refused(error, "the drill cannot be cleaned"))?;
        let ended = carry::carry(&session, taken, shared)?;
        return close::close(&id, &ended, shared);
    }
    let mut found = command.which.read_one(shared)?;
    let to = stack::target(&found.manifest, command.to.as_deref())?;
    live::build(&session, &found)?;
    let points = recovery::points(&session, &found.manifest, &command.recovery_point)?;
    let profile = Rehearsal::Drill;
    let wanted = live::Wanted {
        recovery_points: points,
        seed: None,
    };
    let plan = live::planned_from(&session, &mut found, to, profile, wanted, shared)?;
    let (id, run) = carry::begin(&session, plan)?;
    if !shared.json {
        tell(&format!("run {id}\n"));
    }
    let ended = carry::carry(&session, run, shared)?;
    close::close(&id, &ended, shared)
}
