//! A stack's source world, built in a world.
//!
//! It is built in a fork first, and then done to the world as one action: a process that dies meanwhile leaves a world
//! in which the stack stands, or one in which nothing of it does.

use super::seed::{self, Player, Seed};
use aws_sim::World;
use aws_sim::action::{self, Action, Timed};
use aws_sim::call::reads;
use aws_sim::keep::Kept;
use aws_sim::services::ServiceId;
use serde_json::Value;
use std::collections::BTreeMap;

/// Between two calls: what was just written is seen by then.
const PAUSE: u64 = 4_000_000_000;

/// Between two looks for something that takes its time.
const LOOK: u64 = 5_000_000_000;

/// What builds a stack.
fn known(stack: &str) -> Result<Seed, String> {
    let found = seed::STACKS.iter().find(|(name, _)| *name == stack);
    let (_, text) = found.ok_or_else(|| {
        format!(
            "the sandbox knows no stack `{stack}`; it knows {}",
            super::names().join(", ")
        )
    })?;
    super::read(text)
}

/// What builds the overlays of a stack that the sandbox knows something of.
pub fn overlays(stack: &str, overlays: &[String]) -> Result<Vec<Seed>, String> {
    overlays
        .iter()
        .filter_map(|overlay| {
            let known = seed::OVERLAYS.iter();
            let mut known = known.filter(|(of, name, _)| *of == stack && name == overlay);
            known.next().map(|(_, _, text)| super::read(text))
        })
        .collect()
}

/// Builds a stack (`redmine`) or what an overlay finds (`redmine.failover-pair`), unless it stands already.
pub fn ensure(kept: &mut Kept, name: &str) -> Result<(), String> {
    match name.split_once('.') {
        None => lay(kept, &known(name)?).map(drop),
        Some((stack, overlay)) => {
            for seed in overlays(stack, &[overlay.to_owned()])? {
                lay(kept, &seed)?;
            }
            Ok(())
        }
    }
}

/// Plays a seed unless what it builds stands. What it kept by name is the answer.
pub fn lay(kept: &mut Kept, seed: &Seed) -> Result<BTreeMap<String, String>, String> {
    if seed.stands(&mut Fork::of(kept.world()))? {
        return Ok(BTreeMap::new());
    }
    play(kept, seed)
}

/// Builds a stack.
pub fn build(kept: &mut Kept, stack: &str) -> Result<(), String> {
    play(kept, &known(stack)?).map(drop)
}

fn play(kept: &mut Kept, seed: &Seed) -> Result<BTreeMap<String, String>, String> {
    let mut fork = Fork::of(kept.world());
    let names = seed.play(&mut fork).map_err(|e| e.to_string())?;
    let mut steps = fork.steps;
    steps.extend(fork.read);
    let done = Action::Sequence { steps };
    kept.act(&done).map_err(|e| e.to_string())?;
    Ok(names)
}

/// A fork, and what was done to it that changed something.
struct Fork {
    world: World,
    begun: u64,
    steps: Vec<Timed>,
    /// The read after the last of them: the stack was ready then.
    read: Option<Timed>,
}

impl Fork {
    fn of(world: &World) -> Fork {
        Fork {
            begun: world.now(),
            world: world.fork(),
            steps: Vec::new(),
            read: None,
        }
    }
}

impl Player for Fork {
    fn call(
        &mut self,
        account: &str,
        region: &str,
        service: &str,
        operation: &str,
        input: Value,
    ) -> Result<Value, String> {
        self.world.advance_to(self.world.now() + PAUSE);
        let action = Action::Call {
            account: account.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            operation: operation.to_owned(),
            input,
        };
        let mut answer = action::act(&mut self.world, &action);
        let step = Timed {
            after: self.world.now() - self.begun,
            action,
        };
        if ServiceId::named(service).is_some_and(|s| reads(s, operation)) {
            self.read = Some(step);
        } else {
            self.read = None;
            self.steps.push(step);
        }
        match answer.get_mut("output") {
            Some(output) => Ok(output.take()),
            None => Err(answer["error"].to_string()),
        }
    }

    fn wait(&mut self) {
        self.world.advance_to(self.world.now() + LOOK);
    }
}
