//! Where a command works: flags that every command takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use drtool_engine::clock::Speed;

use crate::failure::Failure;
use crate::session::Session;

/// Where runs are kept if nobody says otherwise.
const DIRECTORY: &str = ".drtool";

#[derive(Clone, Debug, Args)]
pub struct Whither {
    /// Work in the simulated AWS of this process instead of AWS. Its world is kept between commands. Counts as `--yes`.
    #[arg(long, global = true)]
    pub sandbox: bool,
    /// How fast the sandbox's time passes: a whole move takes some 20 seconds when fast.
    #[arg(long, global = true, value_enum, default_value_t = Pace::Fast, hide_default_value = true, value_name = "SPEED")]
    pub sandbox_speed: Pace,
    /// Where runs are kept.
    #[arg(long, global = true, default_value = DIRECTORY, value_name = "DIR")]
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
    /// Ask before the cut in the sandbox too, where everything counts as agreed to otherwise.
    #[arg(long, global = true, requires = "sandbox", conflicts_with = "yes")]
    pub ask: bool,
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

    /// What has to be typed after a command that is to find the same runs again.
    pub fn again(&self) -> String {
        let mut words = String::new();
        if self.sandbox {
            words.push_str(" --sandbox");
        }
        if let Some(url) = &self.endpoint_url {
            words.push_str(&format!(" --endpoint-url {url}"));
        }
        if let Some(profile) = &self.profile {
            words.push_str(&format!(" --profile {profile}"));
        }
        if self.state != std::path::Path::new(DIRECTORY) {
            words.push_str(&format!(" --state {}", self.state.display()));
        }
        words
    }

    /// Whether nobody will be asked.
    pub fn agreed(&self) -> bool {
        self.yes || (self.sandbox && !self.ask)
    }
}
