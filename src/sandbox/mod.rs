//! The simulated AWS, as drtool's users meet it: in this process, in virtual time, kept in a file between commands.
//!
//! Modules: [`seed`] (source stacks as lists of calls), [`wire`] (the way of requests into the world), [`plane`] (names
//! and connections into the world), [`registry`] (its container registries).

pub mod plane;
pub mod registry;
pub mod seed;
pub mod wire;

use crate::cloud::seams::Seams;
use crate::manifest::yaml;
use crate::probe::Probe;
use crate::registry::Transport;
use aws_sim::action::Action;
use aws_sim::keep::{KeepError, Kept};
use aws_sim::world::Settings;
use drtool_engine::Timestamp;
use drtool_engine::clock::{Nanos, Outside, VirtualClock};
use seed::{Player, Seed};
use serde_json::Value;
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
        Ok(Sandbox::around(Kept::open(path, seed, settings)?, seed))
    }

    /// A world that was prepared elsewhere (a fork, for instance).
    pub fn around(kept: Kept, seed: u64) -> Sandbox {
        let origin = Timestamp::from_second(aws_sim::clock::EPOCH).unwrap_or(Timestamp::UNIX_EPOCH);
        let clock = VirtualClock::new(origin);
        clock.start_at(kept.world().now());
        let world = SharedWorld(Arc::new(Mutex::new(kept)));
        clock.attach(Arc::new(world.clone()));
        Sandbox { world, clock, seed }
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
            http: Some(wire::client(self.clock.clone(), self.world.clone())),
            clock: Some(Arc::new(self.clock.clone())),
            credentials: Some((ACCESS_KEY.into(), SECRET_KEY.into())),
            pinned: Some(self.seed),
            ..Seams::default()
        }
    }

    pub fn probe(&self) -> Probe {
        let plane = Arc::new(plane::Plane::new(self.clock.clone(), self.world.clone()));
        Probe::new(plane.clone(), plane)
    }

    /// Builds the source world of a stack unless it stands already.
    pub fn ensure(&self, stack: &str) -> Result<(), String> {
        let mut player = InProcess {
            world: self.world.clone(),
        };
        if known(stack)?.stands(&mut player)? {
            Ok(())
        } else {
            self.build(stack)
        }
    }

    /// The container registries of its regions.
    pub fn registries(&self) -> Arc<dyn Transport> {
        let (clock, world) = (self.clock.clone(), self.world.clone());
        Arc::new(registry::Registries::new(clock, world))
    }

    /// Builds the source world of a stack. Virtual time passes; real time hardly does.
    pub fn build(&self, stack: &str) -> Result<(), String> {
        let seed = known(stack)?;
        let mut player = InProcess {
            world: self.world.clone(),
        };
        seed.play(&mut player).map_err(|e| e.to_string())?;
        self.clock.start_at(self.world.lock().world().now());
        Ok(())
    }
}

/// The names of the stacks that the sandbox can build.
pub fn names() -> Vec<&'static str> {
    seed::STACKS.iter().map(|(name, _)| *name).collect()
}

fn known(stack: &str) -> Result<Seed, String> {
    let found = seed::STACKS.iter().find(|(name, _)| *name == stack);
    let (_, text) = found.ok_or_else(|| {
        format!(
            "the sandbox knows no stack `{stack}`; it knows {}",
            names().join(", ")
        )
    })?;
    read(text)
}

/// A stack of the sandbox, parsed.
pub fn read(text: &str) -> Result<Seed, String> {
    yaml::plain(text)
}

/// Plays a stack straight into the world.
struct InProcess {
    world: SharedWorld,
}

impl Player for InProcess {
    fn call(
        &mut self,
        account: &str,
        region: &str,
        service: &str,
        operation: &str,
        input: Value,
    ) -> Result<Value, String> {
        let action = Action::Call {
            account: account.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            operation: operation.to_owned(),
            input,
        };
        let mut kept = self.world.lock();
        // A second between two calls: what was just written is seen by then.
        let now = kept.world().now();
        kept.advance_to(now + 4_000_000_000)
            .map_err(|e| e.to_string())?;
        let mut answer = kept.act(&action).map_err(|e| e.to_string())?;
        match answer.get_mut("output") {
            Some(output) => Ok(output.take()),
            None => Err(answer["error"].to_string()),
        }
    }

    fn wait(&mut self) {
        let mut kept = self.world.lock();
        let now = kept.world().now();
        drop(kept.advance_to(now + 5_000_000_000));
    }
}
