//! Where a command works: in AWS, or in the sandbox of this process. Both run the same code; they differ in the clock,
//! in where requests go, and in how a future is driven.
//!
//! Must not know: what the command is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sim::world::Settings;
use drtool_engine::clock::{Clock, Speed, SystemClock};
use drtool_engine::event::Holder;

use crate::cloud::Cloud;
use crate::cloud::seams::Seams;
use crate::env::Env;
use crate::failure::{Exit, Failure};
use crate::probe::Probe;
use crate::probe::network::{NetworkDial, NetworkResolve};
use crate::registry::{self, Transport};
use crate::sandbox::Sandbox;

/// A place to work in.
pub struct Session {
    place: Place,
    state: PathBuf,
}

enum Place {
    Aws {
        endpoint: Option<String>,
        profile: Option<String>,
    },
    Sandbox(Box<Sandbox>),
}

/// The world that `--sandbox` means when nobody says which.
const SEED: u64 = 1;

impl Session {
    /// Real AWS, or whatever answers at `endpoint`.
    pub fn aws(state: &Path, endpoint: Option<String>, profile: Option<String>) -> Session {
        Session {
            place: Place::Aws { endpoint, profile },
            state: state.to_owned(),
        }
    }

    /// The sandbox whose world is kept under the state directory. Runs in it are kept apart from real ones.
    pub fn sandbox(state: &Path, speed: Speed) -> Result<Session, Failure> {
        let state = state.join("sandbox");
        let failed = |error: std::io::Error| {
            Failure::new(
                "E3030",
                Exit::State,
                format_args!("the sandbox's folder {} cannot be made", state.display()),
            )
            .cause(error)
        };
        std::fs::create_dir_all(&state).map_err(failed)?;
        let path = state.join("world");
        let sandbox = Sandbox::open(&path, SEED, Settings::default()).map_err(|error| {
            Failure::new(
                "E3031",
                Exit::State,
                format_args!("the sandbox's world {} cannot be opened", path.display()),
            )
            .cause(error)
            .hint("is another drtool working in it? else begin a new world: drtool sandbox reset")
        })?;
        sandbox.clock().set_speed(speed);
        Ok(Session {
            place: Place::Sandbox(Box::new(sandbox)),
            state,
        })
    }

    /// A sandbox that was made elsewhere: tests.
    pub fn within(sandbox: Sandbox, state: &Path) -> Session {
        Session {
            place: Place::Sandbox(Box::new(sandbox)),
            state: state.to_owned(),
        }
    }

    /// Where runs are kept.
    pub fn state(&self) -> &Path {
        &self.state
    }

    pub fn is_sandbox(&self) -> bool {
        matches!(self.place, Place::Sandbox(_))
    }

    pub fn world(&self) -> Option<&Sandbox> {
        match &self.place {
            Place::Sandbox(sandbox) => Some(sandbox),
            Place::Aws { .. } => None,
        }
    }

    pub fn clock(&self) -> Arc<dyn Clock> {
        match &self.place {
            Place::Sandbox(sandbox) => Arc::new(sandbox.clock().clone()),
            Place::Aws { .. } => Arc::new(SystemClock),
        }
    }

    /// Drives a future to its end.
    pub fn block_on<T: Send + 'static>(
        &self,
        main: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        match &self.place {
            Place::Sandbox(sandbox) => sandbox.clock().run(main).map_err(|stop| {
                Failure::new(
                    "E9001",
                    Exit::Bug,
                    format_args!("the sandbox's time came to an end"),
                )
                .cause(stop)
            }),
            Place::Aws { .. } => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(|error| {
                        Failure::new(
                            "E9002",
                            Exit::Bug,
                            format_args!("this machine gives no runtime"),
                        )
                        .cause(error)
                    })?;
                Ok(runtime.block_on(main))
            }
        }
    }

    /// The ways to AWS: to be awaited inside [`Session::block_on`], once.
    pub fn cloud(&self) -> impl Future<Output = Cloud> + Send + 'static {
        let seams = match &self.place {
            Place::Sandbox(sandbox) => sandbox.seams(),
            Place::Aws { endpoint, profile } => Seams {
                endpoint: endpoint.clone(),
                profile: profile.clone(),
                ..Seams::default()
            },
        };
        Cloud::load(seams)
    }

    pub fn probe(&self) -> Result<Probe, Failure> {
        match &self.place {
            Place::Sandbox(sandbox) => Ok(sandbox.probe()),
            Place::Aws { .. } => {
                let dial = NetworkDial::new().map_err(|why| {
                    Failure::new(
                        "E2003",
                        Exit::Refused,
                        format_args!("TLS cannot be set up: {why}"),
                    )
                })?;
                Ok(Probe::new(Arc::new(dial), Arc::new(NetworkResolve)))
            }
        }
    }

    /// The way to container registries.
    fn registries(&self) -> Result<Arc<dyn Transport>, Failure> {
        match &self.place {
            Place::Sandbox(sandbox) => Ok(sandbox.registries()),
            Place::Aws { .. } => match registry::network::Network::new() {
                Ok(network) => Ok(Arc::new(network)),
                Err(why) => Err(Failure::new(
                    "E2003",
                    Exit::Refused,
                    format_args!("TLS cannot be set up: {why}"),
                )),
            },
        }
    }

    /// What steps are handed.
    pub fn env(&self, cloud: Cloud, account: &str, partition: &str) -> Result<Env, Failure> {
        Ok(Env {
            cloud,
            probe: self.probe()?,
            registries: self.registries()?,
            account: account.to_owned(),
            partition: partition.to_owned(),
        })
    }
}

/// Who carries a run out, for its journal.
pub fn holder(who: String) -> Holder {
    Holder {
        who,
        pid: std::process::id(),
        boot: std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .unwrap_or_default()
            .trim()
            .to_owned(),
        binary: concat!("drtool ", env!("CARGO_PKG_VERSION")).to_owned(),
    }
}
