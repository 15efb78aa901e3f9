//! `drtool capture`: what the source stack is, written down beside its manifest.

use clap::Args;

use super::{Shared, live, stack};
use crate::failure::{Exit, Failure, Failures};

#[derive(Debug, Args)]
pub struct Capture {
    #[command(flatten)]
    pub which: stack::Which,
}

pub fn run(command: &Capture, shared: &Shared) -> Result<Exit, Failures> {
    let session = shared.whither.session()?;
    let found = command.which.read_one(shared)?;
    live::build(&session, &found)?;
    let capture = live::captured(&session, &found.manifest)?;
    let path = found.capture_path();
    // Beside and renamed: a capture that is half written would be worse than an old one.
    let beside = path.with_extension("json.new");
    std::fs::write(&beside, capture.write())
        .and_then(|()| std::fs::rename(&beside, &path))
        .map_err(|error| {
            Failure::input(
                "E1071",
                format!("the capture cannot be written to {}", path.display()),
            )
            .cause(error)
        })?;
    super::say(&format!("{}\n", path.display()));
    Ok(Exit::Done)
}
