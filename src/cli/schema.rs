//! `drtool schema`: what editors want to know of the files that people write.

use clap::{Args, ValueEnum};

use crate::expand::runbook::Runbook;
use crate::failure::{Exit, Failures};
use crate::manifest;

#[derive(Debug, Args)]
pub struct Schema {
    #[arg(value_enum, default_value = "manifest")]
    pub of: Of,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Of {
    Manifest,
    Runbook,
}

pub fn run(command: &Schema) -> Result<Exit, Failures> {
    let schema = match command.of {
        Of::Manifest => manifest::schema(),
        Of::Runbook => schemars::schema_for!(Runbook).to_value(),
    };
    super::say(&format!(
        "{}\n",
        serde_json::to_string_pretty(&schema).unwrap_or_default()
    ));
    Ok(Exit::Done)
}
