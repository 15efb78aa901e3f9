//! `drtool migrate`: the planned move.

use std::path::PathBuf;

use clap::Args;

use super::{Shared, carry, plan, show, stack};
use crate::expand::Rehearsal;
use crate::failure::{Exit, Failure, Failures};

#[derive(Debug, Args)]
pub struct Migrate {
    #[command(flatten)]
    pub which: stack::Which,
    /// The region to move to; may be left out where the manifest allows only one.
    #[arg(long, value_name = "REGION")]
    pub to: Option<String>,
    /// Carry out exactly this saved plan, or refuse.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "overlay"])]
    pub plan: Option<PathBuf>,
}

pub fn run(command: &Migrate, shared: &Shared) -> Result<Exit, Failures> {
    carry::attended(shared)?;
    let session = shared.whither.session()?;
    let mut found = command.which.read_one(shared)?;
    let mut made = match &command.plan {
        Some(path) => {
            let saved = plan::saved(path)?;
            fresh(&saved, command, &mut found, &session, shared)?;
            saved
        }
        None => {
            let to = stack::target(&found.manifest, command.to.as_deref())?;
            carry::planned(&session, &mut found, to, Rehearsal::Real, shared)?
        }
    };
    if shared.whither.agreed() {
        let why = if shared.whither.yes {
            "--yes"
        } else {
            "--sandbox"
        };
        carry::agree(&mut made, &carry::who(), why);
    }
    if !shared.json && !shared.quiet {
        eprint!("{}", show::head(&made, shared.colour()));
    }
    let (id, run) = carry::begin(&session, made)?;
    if !shared.json {
        eprintln!("run {id}");
    }
    let ended = carry::carry(&session, run, shared)?;
    carry::close(&id, &ended, shared)
}

/// A saved plan is carried out only while the source is what it was planned from.
fn fresh(
    saved: &drtool_engine::plan::Plan,
    _: &Migrate,
    found: &mut stack::Stack,
    session: &crate::session::Session,
    shared: &Shared,
) -> Result<(), Failures> {
    let to = saved
        .facts
        .get("to")
        .and_then(|v| v.as_str())
        .map(str::to_owned);
    let to = stack::target(&found.manifest, to.as_deref())?;
    let live = carry::live(session, found, &to, Rehearsal::Real, "migrate", shared)?;
    let mut now = live.plan.clone();
    now.seed = saved.seed.clone();
    let differing: Vec<String> = saved
        .steps
        .iter()
        .filter(|step| {
            now.step(&step.id)
                .is_none_or(|other| plain(other, &now.seed) != plain(step, &saved.seed))
        })
        .map(|step| step.id.to_string())
        .chain(
            now.steps
                .iter()
                .filter(|s| saved.step(&s.id).is_none())
                .map(|s| s.id.to_string()),
        )
        .collect();
    if differing.is_empty() {
        let live = carry::Live {
            plan: saved.clone(),
            ..live
        };
        return carry::passed(session, &found.manifest, &live, &to, shared);
    }
    let shown: Vec<&String> = differing.iter().take(5).collect();
    Err(Failure::new(
        "E3012",
        Exit::State,
        format!(
            "the source has changed since the plan was saved: {} steps differ ({shown:?}…)",
            differing.len()
        ),
    )
    .hint("plan again, and have that plan reviewed")
    .into())
}

/// A step without what the run's own names make different.
fn plain(step: &drtool_engine::plan::Planned, seed: &str) -> String {
    serde_json::to_string(&(&step.kind, &step.params, &step.region))
        .unwrap_or_default()
        .replace(seed, "")
}
