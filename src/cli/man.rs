//! `drtool man`: the manual page, in troff.

use clap::Args;

use crate::failure::{Exit, Failure, Failures};

#[derive(Debug, Args)]
pub struct Man {
    /// The page of this command instead of the whole.
    pub command: Option<String>,
}

pub fn run(wanted: &Man) -> Result<Exit, Failures> {
    let whole = super::definition();
    let page = match &wanted.command {
        None => whole,
        Some(name) => match whole.get_subcommands().find(|c| c.get_name() == name) {
            Some(command) => command.clone(),
            None => {
                return Err(Failure::input(
                    "E1094",
                    format!(
                        "there is no command `{}`",
                        crate::printable::Printable(name)
                    ),
                )
                .into());
            }
        },
    };
    let mut text = vec![];
    clap_mangen::Man::new(page)
        .render(&mut text)
        .map_err(|error| {
            Failure::new("E9001", Exit::Bug, "the manual page could not be written").cause(error)
        })?;
    super::say(&String::from_utf8_lossy(&text));
    Ok(Exit::Done)
}
