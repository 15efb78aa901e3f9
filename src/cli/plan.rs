//! `drtool plan`: what a move would do, for review.

use std::path::PathBuf;

use clap::Args;
use sha2::{Digest, Sha256};

use crate::expand::{self, Asked, Rehearsal};
use crate::failure::{Exit, Failure, Failures};
use crate::manifest::Region;
use crate::preflight::Depth;

use super::carry::Wanted;
use super::{Shared, carry, show, stack};

#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    pub which: stack::Which,
    /// The region to move to; may be left out where the manifest allows only one.
    #[arg(long, value_name = "REGION")]
    pub to: Option<String>,
    /// The order to follow: `runbooks/NAME.yaml`.
    #[arg(long, value_name = "NAME", default_value = "migrate")]
    pub runbook: String,
    /// Plan the rehearsal instead of the move.
    #[arg(long)]
    pub drill: bool,
    /// Save the plan, so that exactly this can be reviewed and run.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print the equivalent commands of the AWS CLI: the way to go on if drtool cannot run.
    #[arg(long)]
    pub as_cli: bool,
    /// Ask AWS nothing: plan from the capture alone. So it is when there are no credentials.
    #[arg(long)]
    pub offline: bool,
}

pub fn run(command: &Plan, shared: &Shared) -> Result<Exit, Failures> {
    let mut found = command.which.read_one(shared)?;
    let to = stack::target(&found.manifest, command.to.as_deref())?;
    let profile = if command.drill {
        Rehearsal::Drill
    } else {
        Rehearsal::Real
    };
    let (plan, report) = if command.offline || !shared.whither.answers() {
        (captured(command, &mut found, to, profile, shared)?, None)
    } else {
        let session = shared.whither.session()?;
        let live = carry::live(
            &session,
            &mut found,
            &to,
            profile,
            &command.runbook,
            Wanted::default(),
            shared,
        )?;
        let report = carry::preflight(&session, &found.manifest, &live, &to, Depth::Reads)?;
        (live.plan, Some(report))
    };
    if let Some(path) = &command.out {
        save(&plan, path)?;
    }
    if command.as_cli {
        super::say(&expand::commands::script(&plan));
    } else if shared.json {
        let mut shown = serde_json::to_value(&plan).unwrap_or_default();
        if let Some(report) = &report {
            shown["preflight"] = serde_json::to_value(report).unwrap_or_default();
        }
        let mut text = serde_json::to_string_pretty(&shown).unwrap_or_default();
        text.push('\n');
        super::say(&text);
    } else {
        let colour = shared.colour_out();
        super::say(&show::plan(&plan, colour, shared.verbose > 0));
        super::say(&show::preflight::section(report.as_ref(), colour));
        if let Some(path) = &command.out {
            super::say(&format!(
                "saved to {}; run exactly this with: drtool migrate --plan {}\n",
                path.display(),
                path.display()
            ));
        }
    }
    match report {
        Some(report) if report.refuses() && (shared.json || command.as_cli) => {
            Err(report.failures())
        }
        Some(report) if report.refuses() => Ok(Exit::Refused),
        _ => Ok(Exit::Done),
    }
}

/// A plan from the capture beside the manifest: pure, and quick.
fn captured(
    command: &Plan,
    found: &mut stack::Stack,
    to: Region,
    profile: Rehearsal,
    shared: &Shared,
) -> Result<drtool_engine::plan::Plan, Failures> {
    let capture = found.capture()?;
    let runbook = found.runbook(shared, &command.runbook)?;
    let asked = Asked {
        to,
        profile,
        lineage: lineage(&capture.account, &capture.stack),
        seed: seed(),
        recovery_points: Default::default(),
    };
    let mut plan = expand::expand(&found.manifest, &capture, &runbook, &asked, &found.sources)?;
    found.note(&mut plan);
    Ok(plan)
}

/// The same for all runs of one stack in one account.
pub fn lineage(account: &str, stack: &str) -> String {
    let digest = Sha256::digest(format!("{account}/{stack}").as_bytes());
    let short: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("{stack}-{short}")
}

/// What tells this run's names from another's.
pub fn seed() -> String {
    format!("{:04x}", fastrand::u16(..))
}

/// Writes a new file: an existing one is somebody's plan.
fn save(plan: &drtool_engine::plan::Plan, path: &std::path::Path) -> Result<(), Failures> {
    use std::io::Write;
    let saved = serde_json::json!({ "hash": plan.hash(), "plan": plan });
    let failed = |error: std::io::Error| -> Failures {
        let failure = Failure::input(
            "E1071",
            format!("the plan cannot be saved to {}", path.display()),
        );
        let failure = if error.kind() == std::io::ErrorKind::AlreadyExists {
            failure.hint("the file is there already: name another, or move it away")
        } else {
            failure
        };
        failure.cause(error).into()
    };
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(failed)?;
    let mut text = serde_json::to_string_pretty(&saved).unwrap_or_default();
    text.push('\n');
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)
}

/// A plan that was saved, proven by its hash.
pub fn saved(path: &std::path::Path) -> Result<drtool_engine::plan::Plan, Failures> {
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::input("E1093", format!("{} cannot be read", path.display())).cause(error)
    })?;
    proven(&path.display().to_string(), &bytes)
}

/// The plan in the bytes of a file, if its hash fits.
pub fn proven(name: &str, bytes: &[u8]) -> Result<drtool_engine::plan::Plan, Failures> {
    #[derive(serde::Deserialize)]
    struct Saved {
        hash: String,
        plan: drtool_engine::plan::Plan,
    }
    let saved: Saved = serde_json::from_slice(bytes).map_err(|error| {
        Failure::input("E1105", format!("{name} is not a saved plan"))
            .cause(error)
            .hint("drtool plan --out FILE saves one")
    })?;
    if saved.plan.format != drtool_engine::plan::FORMAT {
        return Err(Failure::input(
            "E1105",
            format!("{name} was saved by another version of drtool"),
        )
        .hint("plan again")
        .into());
    }
    if saved.plan.hash() != saved.hash {
        let failure = Failure::new(
            "E3011",
            Exit::State,
            format!("{name} was changed after it was saved: its hash does not fit"),
        );
        return Err(failure
            .hint("plan again, and have that plan reviewed")
            .into());
    }
    Ok(saved.plan)
}
