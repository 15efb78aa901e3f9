//! `drtool completions`: the script that a shell completes with.

use clap::Args;
use clap_complete::Shell;

use crate::failure::{Exit, Failures};

#[derive(Debug, Args)]
pub struct Completions {
    pub shell: Shell,
}

pub fn run(command: &Completions) -> Result<Exit, Failures> {
    let mut script = vec![];
    clap_complete::generate(
        command.shell,
        &mut super::definition(),
        "drtool",
        &mut script,
    );
    super::say(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}
