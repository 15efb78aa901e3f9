//! `drtool sandbox`: the simulated AWS by itself.

use aws_sim::keep::Kept;
use aws_sim::server::{Serving, Speed, serve};
use aws_sim::world::{Settings, World};
use clap::{Args, Subcommand};
use std::path::PathBuf;

use super::Shared;
use super::whither::Pace;
use crate::failure::{Exit, Failure, Failures};
use crate::sandbox::stand;
use crate::session::Session;

#[derive(Debug, Args)]
pub struct Sandbox {
    #[command(subcommand)]
    pub what: What,
}

#[derive(Debug, Subcommand)]
pub enum What {
    /// Opens the sandbox's world on 127.0.0.1, for the AWS CLI and any SDK.
    Serve {
        #[arg(long, default_value_t = 4580)]
        port: u16,
        /// A world of its own in this file instead of the one that `--sandbox` uses; `-` keeps it in memory.
        #[arg(long, value_name = "FILE")]
        keep: Option<PathBuf>,
        /// Which of all possible worlds, where a new one is begun.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// A stack whose source world is built in it first, unless it stands already. Repeatable.
        #[arg(long, value_name = "NAME")]
        stack: Vec<String>,
    },
    /// Builds the source world of a stack; without one, lists those that it can build.
    Seed {
        stack: Option<String>,
        /// And what this overlay of its manifest finds there. Repeatable.
        #[arg(long, value_name = "NAME", requires = "stack")]
        overlay: Vec<String>,
    },
    /// Throws the world and the runs in it away.
    Reset,
}

/// Regions whose registries get a port of their own.
const REGIONS: &[&str] = &["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"];

fn failed(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Failures {
    Failure::new("E3031", Exit::State, what).cause(error).into()
}

pub fn run(command: &Sandbox, shared: &Shared) -> Result<Exit, Failures> {
    let folder = shared.whither.state.join("sandbox");
    match &command.what {
        What::Seed { stack: None, .. } => {
            super::say(&format!("{}\n", crate::sandbox::names().join("\n")));
            Ok(Exit::Done)
        }
        What::Seed {
            stack: Some(stack),
            overlay,
        } => {
            let session = if shared.whither.endpoint_url.is_some() {
                shared.whither.session()?
            } else {
                Session::sandbox(&shared.whither.state, shared.whither.sandbox_speed.speed())?
            };
            if !session.is_sandbox() {
                return Err(
                    Failure::input("E1096", "there is no sandbox at that endpoint")
                        .hint("a sandbox is served by: drtool sandbox serve")
                        .into(),
                );
            }
            session.ensure(stack, overlay).map_err(|why| {
                Failure::input(
                    "E2020",
                    format!("the sandbox cannot build `{stack}`: {why}"),
                )
            })?;
            super::say(&format!("{stack} stands in the sandbox\n"));
            Ok(Exit::Done)
        }
        What::Reset => {
            if folder.exists() {
                std::fs::remove_dir_all(&folder)
                    .map_err(|e| failed("the sandbox's folder cannot be removed", e))?;
            }
            Ok(Exit::Done)
        }
        What::Serve {
            port,
            keep,
            seed,
            stack,
        } => {
            // Other clients sign by the machine's clock, which is not the world's.
            let settings = Settings {
                check_dates: false,
                ..Settings::default()
            };
            let mut world = match keep {
                Some(path) if path.as_os_str() == "-" => {
                    let mut world = World::new(*seed);
                    world.settings = settings;
                    Kept::in_memory(world)
                }
                keep => {
                    let path = keep.clone().unwrap_or_else(|| folder.join("world"));
                    if let Some(parent) = path.parent() {
                        std::fs::create_dir_all(parent)
                            .map_err(|e| failed("the sandbox's folder cannot be made", e))?;
                    }
                    Kept::open(&path, *seed, settings)
                        .map_err(|e| failed("the sandbox's world cannot be opened", e))?
                }
            };
            for stack in stack {
                stand::ensure(&mut world, stack).map_err(|why| {
                    Failure::input(
                        "E2020",
                        format!("the sandbox cannot build `{stack}`: {why}"),
                    )
                })?;
            }
            let speed = match shared.whither.sandbox_speed {
                Pace::Instant => Speed::Instant,
                Pace::Fast => Speed::Fast { factor: 120.0 },
                Pace::Real => Speed::Real,
            };
            let regions = REGIONS.iter().map(|r| (*r).to_owned()).collect();
            let serving = Serving {
                world,
                speed,
                port: *port,
                regions,
                stand: Some(Box::new(stand::ensure)),
                opened: Box::new(|front| {
                    super::say(&format!(
                        "{} {} of {} on http://{}\n",
                        front.protocol, front.port, front.name, front.address
                    ));
                }),
            };
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|e| failed("this machine gives no runtime", e))?;
            let local = tokio::task::LocalSet::new();
            let ready = |addresses: &aws_sim::server::Addresses| {
                let mut text = format!("listening on {}\n", addresses.aws);
                for (region, address) in &addresses.registries {
                    text.push_str(&format!("registry of {region} on http://{address}\n"));
                }
                super::say(&text);
            };
            local
                .block_on(&runtime, serve(serving, ready, stopped()))
                .map_err(|e| failed("the sandbox cannot be served", e))?;
            Ok(Exit::Done)
        }
    }
}

async fn stopped() {
    let Ok(mut terminate) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
