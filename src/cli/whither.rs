//! Where a command works: flags that every command takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use drtool_engine::clock::Speed;

use crate::failure::Failure;
use crate::session::Session;

#[derive(Clone, Debug, Args)]
pub struct Whither {
    /// Work in the simulated AWS of this process instead of AWS. Its world is kept between commands. Counts as `--yes`.
    #[arg(long, global = true)]
    pub sandbox: bool,
    /// How fast the sandbox's time passes: a whole move takes some 20 seconds when fast.
    #[arg(long, global = true, value_enum, default_value_t = Pace::Fast, hide_default_value = true, value_name = "SPEED")]
    pub sandbox_speed: Pace,
    /// Where runs are kept.
    #[arg(long, global = true, default_value = ".drtool", value_name = "DIR", value_parser = folder)]
    pub state: PathBuf,
    /// The AWS profile to use.
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Ask this endpoint instead of AWS's own.
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Agree in advance to everything that would be asked.
    #[arg(long, global = true)]
    pub yes: bool,
}

/// A folder of this machine. An address would otherwise become a folder named `s3:`, and the run would be kept where nobody looks.
fn folder(text: &str) -> Result<PathBuf, String> {
    match text.split_once("://") {
        Some((scheme, _)) => Err(format!(
            "runs are kept in a folder of this machine; this version keeps none at {scheme}://"
        )),
        None => Ok(PathBuf::from(text)),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Pace {
    Instant,
    Fast,
    Real,
}

impl Pace {
    pub fn speed(self) -> Speed {
        match self {
            Pace::Instant => Speed::Instant,
            Pace::Fast => Speed::Times(120.0),
            Pace::Real => Speed::Times(1.0),
        }
    }
}

impl Whither {
    /// Where runs are kept, without opening anything.
    pub fn runs(&self) -> PathBuf {
        if self.sandbox {
            self.state.join("sandbox")
        } else {
            self.state.clone()
        }
    }

    pub fn session(&self) -> Result<Session, Failure> {
        if self.sandbox {
            Session::sandbox(&self.state, self.sandbox_speed.speed())
        } else {
            Ok(Session::aws(
                &self.state,
                self.endpoint_url.clone(),
                self.profile.clone(),
            ))
        }
    }

    /// Whether nobody will be asked.
    pub fn agreed(&self) -> bool {
        self.yes || self.sandbox
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_a_folder_and_no_address() {
        assert_eq!(folder("runs/here"), Ok(PathBuf::from("runs/here")));
        for address in ["s3://bucket/prefix", "https://example.com/x"] {
            assert!(folder(address).unwrap_err().contains("this version"));
        }
    }
}
