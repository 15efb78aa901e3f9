//! A world in which Redmine stands, forked for each move, and moves of it through the real SDK.

// Every benchmark is a program of its own and uses its part of this.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sim::keep::Kept;
use aws_sim::world::{Settings, World};
use drtool::capture::Capture;
use drtool::cli::stack::{Stack, Which};
use drtool::cli::{carry, live};
use drtool::expand::{self, Asked, Rehearsal};
use drtool::manifest::Region;
use drtool::sandbox::Sandbox;
use drtool::session::{self, Session};
use drtool_engine::RunId;
use drtool_engine::event::Outcome;
use drtool_engine::journal::{MemoryDisk, Place};
use drtool_engine::plan::Plan;
use drtool_engine::run::{Fleet, Pace, Run};
use drtool_engine::state::RunState;

/// The directory with runbooks and manifests.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The world of a seed with Redmine in us-west-2.
pub fn world(seed: u64, settings: Settings) -> World {
    let sandbox = Sandbox::in_memory(seed, settings);
    sandbox.build("redmine").expect("the stack can be built");
    sandbox.world().lock().world().fork()
}

pub fn stack() -> Stack {
    let which = Which {
        stack: None,
        manifest: Some(root().join("manifests/redmine.yaml")),
        overlay: Vec::new(),
    };
    which
        .read_alone()
        .unwrap_or_else(|failures| panic!("{}", failures.render(false)))
}

/// A sandbox around a world of its own.
pub fn session(world: World, seed: u64) -> Session {
    Session::within(
        Sandbox::around(Kept::in_memory(world), seed),
        Path::new("/memory"),
    )
}

/// How many requests the world of a session has been sent.
pub fn calls(session: &Session) -> u64 {
    let sandbox = session.world().expect("a sandbox");
    sandbox.world().lock().world().log.calls
}

/// What the source stack is, asked of AWS.
pub fn capture(session: &Session, stack: &Stack) -> Capture {
    live::captured(session, &stack.manifest)
        .unwrap_or_else(|failures| panic!("{}", failures.render(false)))
}

pub fn plan(stack: &mut Stack, capture: &Capture) -> Plan {
    let runbook = stack
        .runbook_in(&root(), "migrate")
        .unwrap_or_else(|failures| panic!("{}", failures.render(false)));
    let asked = Asked {
        to: Region::new("eu-west-1").expect("a region"),
        profile: Rehearsal::Real,
        lineage: "redmine-bench".into(),
        seed: "7f3a".into(),
        recovery_points: Default::default(),
    };
    let mut plan = expand::expand(&stack.manifest, capture, &runbook, &asked, &stack.sources)
        .unwrap_or_else(|failures| panic!("{}", failures.render(false)));
    carry::agree(&mut plan, "benchmark", "--yes");
    plan
}

/// Carries a plan out to its end, which has to be a good one.
pub fn carry_out(session: &Session, plan: Plan, pace: Pace) -> RunState {
    let id = RunId::new(&plan.seed).expect("a run id");
    let env = live::environment(session, &plan)
        .unwrap_or_else(|failures| panic!("{}", failures.render(false)));
    let disk = Arc::new(MemoryDisk::default());
    let run = Run::begin(
        Place::new(disk, "/memory", id),
        plan,
        &drtool::steps::kinds(),
        env,
        session::holder("benchmark".into()),
        session.clock().now(),
    )
    .unwrap_or_else(|error| panic!("{error}: {error:?}"));
    let fleet = Fleet::new(session.clock(), pace).with(run);
    let ended = session
        .block_on(fleet.run())
        .unwrap_or_else(|failure| panic!("{failure:?}"))
        .pop()
        .expect("one run");
    assert!(
        matches!(ended.result, Ok(Outcome::Done)),
        "{:?}",
        ended.result
    );
    ended.state
}
