//! Where a command works: in AWS, in the sandbox of this process, or in one that another process serves. All run the
//! same code; they differ in the clock, in where requests go, and in how a future is driven.
//!
//! Must not know: what the command is.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sim::keep::KeepError;
use aws_sim::world::Settings;
use drtool_engine::RunId;
use drtool_engine::clock::{Clock, Speed, Stop, SystemClock};
use drtool_engine::event::{Event, Holder, Record};

use crate::cloud::Cloud;
use crate::cloud::seams::Seams;
use crate::env::Env;
use crate::failure::{Exit, Failure};
use crate::probe::Probe;
use crate::probe::network::{NetworkDial, NetworkResolve};
use crate::registry::{self, Transport};
use crate::sandbox::Sandbox;
use crate::sandbox::remote::{NoSandbox, Remote};

/// A place to work in.
pub struct Session {
    place: Place,
    state: PathBuf,
}

enum Place {
    Aws(Reach),
    Sandbox(Box<Sandbox>),
    Remote {
        remote: Box<Remote>,
        profile: Option<String>,
    },
}

/// By which way real AWS, or what stands for it, is reached; the environment's own where nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    pub endpoint: Option<String>,
    pub profile: Option<String>,
    /// The registry's address by region, where it is not the one that ECR names.
    pub registries: BTreeMap<String, String>,
    pub resolver: Option<IpAddr>,
}

/// The world that `--sandbox` means when nobody says which.
const SEED: u64 = 1;

impl Session {
    /// Real AWS, or whatever answers there.
    pub fn aws(state: &Path, reach: Reach) -> Session {
        Session {
            place: Place::Aws(reach),
            state: state.to_owned(),
        }
    }

    /// Whatever answers at an endpoint: a sandbox, if it says that it is one.
    pub fn at(state: &Path, endpoint: &str, reach: Reach) -> Result<Session, Failure> {
        match Remote::find(endpoint) {
            Ok(remote) => Ok(Session {
                place: Place::Remote {
                    remote: Box::new(remote),
                    profile: reach.profile,
                },
                state: state.to_owned(),
            }),
            Err(NoSandbox::Other) => Ok(Session::aws(state, reach)),
            Err(NoSandbox::Nobody(error)) => Err(Failure::new(
                "E2004",
                Exit::Refused,
                format_args!("nothing answers at {endpoint}"),
            )
            .cause(error)
            .hint("a sandbox is served by: drtool sandbox serve")),
            Err(NoSandbox::Broken(error)) => Err(Failure::new(
                "E2005",
                Exit::Refused,
                format_args!("the sandbox at {endpoint} does not answer as it should"),
            )
            .cause(error)
            .hint("is it served by the same version of drtool?")),
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
        let sandbox = opened(&path).map_err(|error| {
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
        !matches!(self.place, Place::Aws { .. })
    }

    /// Which world this is, for people and for journals: the sort of it, and where it is found.
    pub fn named(&self) -> String {
        match &self.place {
            Place::Sandbox(_) => "the sandbox of this machine".to_owned(),
            Place::Remote { remote, .. } => format!("a served sandbox at {}", remote.url()),
            Place::Aws(Reach {
                endpoint: Some(url),
                ..
            }) => format!("an endpoint at {url}"),
            Place::Aws(_) => "AWS".to_owned(),
        }
    }

    /// Who carries a run out here, for its journal.
    pub fn holder(&self, who: String) -> Holder {
        Holder {
            place: Some(self.named()),
            ..holder(who)
        }
    }

    /// A run goes on in the sort of world where it began: a sandbox's must never reach AWS, nor the other way round. (The
    /// same world may be served at another address meanwhile.)
    pub fn is_where(&self, run: &RunId, records: &[Record]) -> Result<(), Failure> {
        let began = records.iter().find_map(|record| match &record.event {
            Event::Leased { holder, .. } => holder.place.as_deref(),
            _ => None,
        });
        let here = self.named();
        match began {
            Some(began) if sort(began) != sort(&here) => {
                let failure = Failure::input(
                    "E3023",
                    format_args!("run {run} works in {began}, and this is {here}"),
                );
                Err(match (began.split_once(" at "), began) {
                    (Some((_, url)), _) => failure.hint(format!("say --endpoint-url {url}")),
                    (None, "AWS") => failure.hint("leave --sandbox and --endpoint-url out"),
                    (None, _) => failure.hint("say --sandbox"),
                })
            }
            _ => Ok(()),
        }
    }

    /// Builds the source world of a stack and of its overlays, where this place is a sandbox and it does not stand there
    /// yet.
    pub fn ensure(&self, stack: &str, overlays: &[String]) -> Result<(), String> {
        match &self.place {
            Place::Sandbox(sandbox) => {
                sandbox.ensure(stack)?;
                sandbox.ensure_overlays(stack, overlays)
            }
            Place::Remote { remote, .. } => {
                remote.ensure(stack)?;
                overlays
                    .iter()
                    .try_for_each(|overlay| remote.ensure(&format!("{stack}.{overlay}")))
            }
            Place::Aws { .. } => Ok(()),
        }
    }

    pub fn world(&self) -> Option<&Sandbox> {
        match &self.place {
            Place::Sandbox(sandbox) => Some(sandbox),
            Place::Remote { .. } | Place::Aws(_) => None,
        }
    }

    pub fn clock(&self) -> Arc<dyn Clock> {
        match &self.place {
            Place::Sandbox(sandbox) => Arc::new(sandbox.clock().clone()),
            Place::Remote { remote, .. } => Arc::new(remote.clock().clone()),
            Place::Aws(_) => Arc::new(SystemClock),
        }
    }

    /// Drives a future to its end.
    pub fn block_on<T: Send + 'static>(
        &self,
        main: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        match &self.place {
            Place::Sandbox(sandbox) => sandbox.clock().run(main).map_err(ended),
            Place::Remote { remote, .. } => remote.clock().run(main).map_err(|stop| match stop {
                Stop::Gone => Failure::new(
                    "E2006",
                    Exit::Stopped,
                    format_args!("the sandbox at {} does not answer any more", remote.url()),
                )
                .hint("serve it again: drtool sandbox serve; then go on where a run stopped: drtool resume"),
                other => ended(other),
            }),
            Place::Aws(_) => {
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
            Place::Remote { remote, profile } => remote.seams(profile.clone()),
            Place::Aws(reach) => Seams {
                endpoint: reach.endpoint.clone(),
                profile: reach.profile.clone(),
                registries: reach.registries.clone(),
                ..Seams::default()
            },
        };
        Cloud::load(seams)
    }

    pub fn probe(&self) -> Result<Probe, Failure> {
        match &self.place {
            Place::Sandbox(sandbox) => Ok(sandbox.probe()),
            Place::Remote { remote, .. } => Ok(remote.probe()),
            Place::Aws(reach) => {
                let dial = NetworkDial::new().map_err(|why| {
                    Failure::new(
                        "E2003",
                        Exit::Refused,
                        format_args!("TLS cannot be set up: {why}"),
                    )
                })?;
                let resolve = NetworkResolve::new(reach.resolver);
                Ok(Probe::new(Arc::new(dial), Arc::new(resolve)))
            }
        }
    }

    /// The way to container registries.
    fn registries(&self) -> Result<Arc<dyn Transport>, Failure> {
        match &self.place {
            Place::Sandbox(sandbox) => Ok(sandbox.registries()),
            Place::Remote { remote, .. } => Ok(remote.registries()),
            Place::Aws(_) => match registry::network::Network::new() {
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

/// What a world is, without where it is found.
fn sort(named: &str) -> &str {
    named.split(" at ").next().unwrap_or(named)
}

fn ended(stop: Stop) -> Failure {
    Failure::new(
        "E9001",
        Exit::Bug,
        format_args!("the sandbox's time came to an end"),
    )
    .cause(stop)
}

/// How long an owner that is just ending may hold on to its world: a process that is being started holds what its
/// parent held until it has become another program.
const ENDING: Duration = Duration::from_secs(2);

/// The world of a file. One that somebody still has is asked for again for a moment.
fn opened(path: &Path) -> Result<Sandbox, KeepError> {
    let since = Instant::now();
    loop {
        match Sandbox::open(path, SEED, Settings::default()) {
            Err(KeepError::Owned) if since.elapsed() < ENDING => {
                std::thread::sleep(Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

/// Who carries a run out, wherever that is.
pub fn holder(who: String) -> Holder {
    Holder {
        who,
        pid: std::process::id(),
        boot: std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .unwrap_or_default()
            .trim()
            .to_owned(),
        binary: concat!("drtool ", env!("CARGO_PKG_VERSION")).to_owned(),
        place: None,
    }
}
