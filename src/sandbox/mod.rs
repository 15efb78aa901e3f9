//! The simulated AWS, as drtool's users meet it: in this process, in virtual time, kept in a file between commands; or
//! served by another process.
//!
//! Modules: [`door`] (the ways into a world), [`remote`] (a world that another process serves), [`seed`] (source stacks
//! as lists of calls), [`stand`] (a stack built in a world), [`wire`] (the SDK's connector into the world), [`plane`]
//! (names and connections into the world), [`registry`] (its container registries).

pub mod door;
pub mod plane;
pub mod registry;
pub mod remote;
pub mod seed;
pub mod stand;
pub mod wire;

use crate::cloud::seams::Seams;
use crate::manifest::yaml;
use crate::probe::Probe;
use crate::registry::Transport;
use aws_sim::action::Action;
use aws_sim::keep::{KeepError, Kept};
use aws_sim::world::Settings;
use door::Door;
use drtool_engine::Timestamp;
use drtool_engine::clock::{Nanos, Outside, VirtualClock};
use seed::Seed;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The identity of whoever works in a sandbox: AWS's own example key.
const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A world and the clock that drives it.
#[derive(Clone)]
pub struct Sandbox {
    world: SharedWorld,
    clock: VirtualClock,
    seed: u64,
    /// Access key and secret of whoever works in it.
    caller: (String, String),
}

/// The world, seen by the clock, the connector and the probe.
#[derive(Clone)]
pub struct SharedWorld(Arc<Mutex<Kept>>);

impl SharedWorld {
    pub fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something from outside the AWS APIs, at an instant.
    pub fn act(&self, at: Nanos, action: &Action) -> std::io::Result<Value> {
        let mut kept = self.lock();
        kept.advance_to(at)?;
        kept.act(action)
    }
}

impl Outside for SharedWorld {
    fn next_event(&self) -> Option<Nanos> {
        self.lock().world().next_event()
    }

    fn advance_to(&self, at: Nanos) {
        // A world that cannot be kept any more refuses the next request; time itself has nobody to tell.
        drop(self.lock().advance_to(at));
    }
}

impl Sandbox {
    /// A world that dies with this process.
    pub fn in_memory(seed: u64, settings: Settings) -> Sandbox {
        let mut world = aws_sim::World::new(seed);
        world.settings = settings;
        Sandbox::around(Kept::in_memory(world), seed)
    }

    /// The world that is kept in a file, or a new one there.
    pub fn open(path: &Path, seed: u64, settings: Settings) -> Result<Sandbox, KeepError> {
        let kept = Kept::open(path, seed, settings)?;
        // A file that was begun elsewhere has the seed that was chosen there.
        let seed = kept.world().dice.0;
        Ok(Sandbox::around(kept, seed))
    }

    /// A world that was prepared elsewhere (a fork, for instance).
    pub fn around(kept: Kept, seed: u64) -> Sandbox {
        let origin = Timestamp::from_second(aws_sim::clock::EPOCH).unwrap_or(Timestamp::UNIX_EPOCH);
        let clock = VirtualClock::new(origin);
        clock.start_at(kept.world().now());
        let world = SharedWorld(Arc::new(Mutex::new(kept)));
        clock.attach(Arc::new(world.clone()));
        Sandbox {
            world,
            clock,
            seed,
            caller: (ACCESS_KEY.into(), SECRET_KEY.into()),
        }
    }

    /// The same world, worked in by somebody else: an access key that IAM gave there.
    pub fn signed_by(mut self, key: &str, secret: &str) -> Sandbox {
        self.caller = (key.to_owned(), secret.to_owned());
        self
    }

    pub fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    pub fn world(&self) -> &SharedWorld {
        &self.world
    }

    /// What a [`crate::cloud::Cloud`] needs to work in this world.
    pub fn seams(&self) -> Seams {
        Seams {
            credentials: Some(self.caller.clone()),
            pinned: Some(self.seed),
            ..seams(&self.clock, self.door())
        }
    }

    fn door(&self) -> Arc<dyn Door> {
        Arc::new(self.world.clone())
    }

    pub fn probe(&self) -> Probe {
        let plane = Arc::new(plane::Plane::new(self.clock.clone(), self.door()));
        Probe::new(plane.clone(), plane)
    }

    /// Builds the source world of a stack unless it stands already. Virtual time passes; real time hardly does.
    pub fn ensure(&self, stack: &str) -> Result<(), String> {
        stand::ensure(&mut self.world.lock(), stack)?;
        self.clock.start_at(self.world.lock().world().now());
        Ok(())
    }

    /// Builds the source world of a stack.
    pub fn build(&self, stack: &str) -> Result<(), String> {
        stand::build(&mut self.world.lock(), stack)?;
        self.clock.start_at(self.world.lock().world().now());
        Ok(())
    }

    /// Builds what overlays of a stack's manifest find in its source world, each unless it stands already. An overlay
    /// that the sandbox knows nothing of changes nothing in it.
    pub fn ensure_overlays(&self, stack: &str, overlays: &[String]) -> Result<(), String> {
        for seed in stand::overlays(stack, overlays)? {
            self.lay(&seed)?;
        }
        Ok(())
    }

    /// Plays a seed unless what it builds stands. What it kept by name is the answer.
    pub fn lay(&self, seed: &Seed) -> Result<BTreeMap<String, String>, String> {
        let kept = stand::lay(&mut self.world.lock(), seed)?;
        self.clock.start_at(self.world.lock().world().now());
        Ok(kept)
    }

    /// The container registries of its regions.
    pub fn registries(&self) -> Arc<dyn Transport> {
        Arc::new(registry::Registries::new(self.clock.clone(), self.door()))
    }
}

/// The names of the stacks that the sandbox can build.
pub fn names() -> Vec<&'static str> {
    seed::STACKS.iter().map(|(name, _)| *name).collect()
}

/// A stack of the sandbox, parsed.
pub fn read(text: &str) -> Result<Seed, String> {
    yaml::plain(text)
}

/// What a [`crate::cloud::Cloud`] needs to go through a door, but for who it is.
fn seams(clock: &VirtualClock, door: Arc<dyn Door>) -> Seams {
    Seams {
        http: Some(wire::client(clock.clone(), door)),
        clock: Some(Arc::new(clock.clone())),
        ..Seams::default()
    }
}
