//! `drtool iam`: the least IAM policy for a move, made from its plan.

use clap::Args;

use crate::expand::{self, Asked, Rehearsal, permissions};
use crate::failure::{Exit, Failures};

use super::{Shared, live, stack};

#[derive(Debug, Args)]
pub struct Iam {
    #[command(flatten)]
    pub which: stack::Which,
    /// The region to move to; may be left out where the manifest allows only one.
    #[arg(long, value_name = "REGION")]
    pub to: Option<String>,
    /// The policy of a role that only plans: it reads, and no value of any secret.
    #[arg(long)]
    pub read_only: bool,
}

pub fn run(command: &Iam, shared: &Shared) -> Result<Exit, Failures> {
    let mut found = command.which.read_one(shared)?;
    let to = stack::target(&found.manifest, command.to.as_deref())?;
    let capture = found.capture()?;
    let runbook = found.runbook(shared, "migrate")?;
    let asked = Asked {
        to,
        profile: Rehearsal::Real,
        lineage: live::lineage(&capture.account, &capture.stack),
        seed: "0000".to_owned(),
        recovery_points: Default::default(),
    };
    let plan = expand::expand(&found.manifest, &capture, &runbook, &asked, &found.sources)?;
    let policy = permissions::policy(&plan, command.read_only);
    super::say(&format!(
        "{}\n",
        serde_json::to_string_pretty(&policy).unwrap_or_default()
    ));
    Ok(Exit::Done)
}
