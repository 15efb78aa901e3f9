//! `drtool migrate`: the planned move.

use std::path::PathBuf;

use clap::Args;

use drtool_engine::plan::{Plan, Planned};
use serde_json::Value as Json;

use super::difference::{Differences, fields};
use super::live::Wanted;
use super::{Shared, carry, close, live, saved, show, stack, tell};
use crate::expand::Rehearsal;
use crate::failure::{Exit, Failure, Failures};
use crate::session::Session;

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
            let saved = saved::read(path)?;
            if saved.stack != found.manifest.name.as_str() || saved.profile.name != "migrate" {
                let failure = Failure::input(
                    "E1105",
                    format!(
                        "{} holds the {} of {}, not the move of {}",
                        path.display(),
                        saved.profile.name,
                        saved.stack,
                        found.manifest.name.value
                    ),
                );
                return Err(failure
                    .hint("say --stack or --manifest for the plan's own stack, or plan the move")
                    .into());
            }
            fresh(&saved, &mut found, &session, shared)?;
            saved
        }
        None => {
            let to = stack::target(&found.manifest, command.to.as_deref())?;
            live::planned(&session, &mut found, to, Rehearsal::Real, shared)?
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
        tell(&show::head(&made, shared.colour()));
    }
    let (id, run) = carry::begin(&session, made)?;
    if !shared.json {
        tell(&format!("run {id}\n"));
    }
    let ended = carry::carry(&session, run, shared)?;
    close::close(&id, &ended, shared)
}

/// A saved plan is carried out only while manifest and source are what it was planned from.
fn fresh(
    saved: &Plan,
    found: &mut stack::Stack,
    session: &Session,
    shared: &Shared,
) -> Result<(), Failures> {
    let to = saved
        .facts
        .get("to")
        .and_then(|v| v.as_str())
        .map(str::to_owned);
    let to = stack::target(&found.manifest, to.as_deref())?;
    let wanted = Wanted {
        seed: Some(saved.seed.clone()),
        ..Wanted::default()
    };
    let live = live::live(
        session,
        found,
        &to,
        Rehearsal::Real,
        "migrate",
        wanted,
        shared,
    )?;
    let differing = differences(saved, &live.plan);
    if differing.is_empty() {
        let live = live::Live {
            plan: saved.clone(),
            ..live
        };
        return live::passed(session, &found.manifest, &live, &to, shared);
    }
    let failure = Failure::new(
        "E2092",
        Exit::Refused,
        "the saved plan is not the plan of today: the source or the manifest has changed since",
    );
    Err(failure
        .cause(Differences(differing))
        .hint("plan again, and have that plan reviewed")
        .into())
}

/// What a reviewer would have seen otherwise. Instants of looking and estimates are not what was reviewed.
fn differences(saved: &Plan, now: &Plan) -> Vec<String> {
    let mut found = vec![];
    for step in &saved.steps {
        match now.step(&step.id) {
            None => found.push(format!("step {} is not there any more", step.id)),
            Some(other) => {
                let name = format!("step {}: ", step.id);
                found.extend(fields(&name, &decided(step), &decided(other)));
            }
        }
    }
    let new = now.steps.iter().filter(|s| saved.step(&s.id).is_none());
    found.extend(new.map(|step| format!("step {} is new", step.id)));
    let promised = |plan: &Plan| serde_json::to_value(&plan.objectives).unwrap_or_default();
    found.extend(fields("objectives", &promised(saved), &promised(now)));
    found
}

/// What was decided about a step, without what is only told.
fn decided(step: &Planned) -> Json {
    let needs: Vec<&str> = step.needs.iter().map(|need| need.step.as_str()).collect();
    serde_json::json!({
        "kind": step.kind, "region": step.region, "hold": step.hold, "expect": step.expect, "parameters": step.params,
        "alternatives": step.alternatives, "confirm": step.confirm, "needs": needs,
    })
}
