//! `drtool kinds`: what steps a runbook can be made of.

use clap::Args;

use super::Shared;
use crate::failure::{Exit, Failures};

#[derive(Debug, Args)]
pub struct List {}

pub fn run(shared: &Shared) -> Result<Exit, Failures> {
    for kind in crate::steps::kinds().iter() {
        if shared.json {
            let row = serde_json::json!({ "kind": kind.name, "summary": kind.summary, "yields": kind.yields });
            super::say(&format!("{row}\n"));
        } else {
            super::say(&format!("{:24} {}\n", kind.name, kind.summary));
        }
    }
    Ok(Exit::Done)
}
