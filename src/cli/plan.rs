//! `drtool plan`: what a move would do, for review.

use std::path::PathBuf;

use clap::Args;

use crate::expand::{self, Asked, Rehearsal};
use crate::failure::{Exit, Failures};
use crate::manifest::Region;
use crate::preflight::Depth;

use super::live::Wanted;
use super::{Shared, live, saved, show, stack};

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
        let live = live::live(
            &session,
            &mut found,
            &to,
            profile,
            &command.runbook,
            Wanted::default(),
            shared,
        )?;
        let report = live::preflight(&session, &found.manifest, &live, &to, Depth::Reads)?;
        (live.plan, Some(report))
    };
    if let Some(path) = &command.out {
        saved::save(&plan, path)?;
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
        lineage: live::lineage(&capture.account, &capture.stack),
        seed: live::seed(),
        recovery_points: Default::default(),
    };
    let mut plan = expand::expand(&found.manifest, &capture, &runbook, &asked, &found.sources)?;
    found.note(&mut plan);
    Ok(plan)
}
