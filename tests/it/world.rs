//! A sandbox in which a stack stands, and a run in it: what the promises are tried on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sim::action::Action;
use aws_sim::oracle;
use aws_sim::world::{Settings, World};
use drtool::cli::carry;
use drtool::cli::stack::{Stack, Which};
use drtool::env::Env;
use drtool::expand::{self, Asked, Rehearsal};
use drtool::failure::{Failures, Sources};
use drtool::manifest::{self, File, Region};
use drtool::sandbox::Sandbox;
use drtool::session::{self, Session};
use drtool_engine::RunId;
use drtool_engine::event::Outcome;
use drtool_engine::journal::{MemoryDisk, Place};
use drtool_engine::plan::Plan;
use drtool_engine::run::{Ended, Fleet, Pace, Run};
use serde_json::Value;

/// A sandbox in which Redmine stands, and the plan of its move.
pub struct Bench {
    pub session: Session,
    pub disk: Arc<MemoryDisk>,
    /// Laid over the manifest, in order.
    pub overlays: Vec<PathBuf>,
}

impl Bench {
    pub fn new() -> Bench {
        let sandbox = Sandbox::in_memory(1, Settings::default());
        sandbox.build("redmine").unwrap();
        Bench {
            session: Session::within(sandbox, Path::new("/memory")),
            disk: Arc::default(),
            overlays: Vec::new(),
        }
    }

    pub fn stack(&self) -> Stack {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let which = Which {
            stack: None,
            manifest: Some(root.join("manifests/redmine.yaml")),
            overlay: Vec::new(),
        };
        let mut found = which
            .read_alone()
            .unwrap_or_else(|failures| panic!("{}", failures.render(false)));
        if !self.overlays.is_empty() {
            let read = |path: &Path| (path.display().to_string(), std::fs::read(path).unwrap());
            let (name, bytes) = read(&root.join("manifests/redmine.yaml"));
            let texts: Vec<_> = self.overlays.iter().map(|path| read(path)).collect();
            let overlays: Vec<File<'_>> = texts
                .iter()
                .map(|(name, bytes)| File { name, bytes })
                .collect();
            let base = File {
                name: &name,
                bytes: &bytes,
            };
            found.sources = Sources::default();
            found.manifest = manifest::load(&mut found.sources, &base, &overlays)
                .unwrap_or_else(|failures| panic!("{}", failures.render(false)));
        }
        found
    }

    /// Lays an overlay over the manifest, named from the root of the repository.
    pub fn overlay(&mut self, path: &str) {
        self.overlays
            .push(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    }

    pub fn plan(&self, profile: Rehearsal) -> Plan {
        self.try_plan(profile)
            .unwrap_or_else(|f| panic!("{}", f.render(false)))
    }

    /// The plan, or why there is none.
    pub fn try_plan(&self, profile: Rehearsal) -> Result<Plan, Failures> {
        let mut found = self.stack();
        let capture = carry::captured(&self.session, &found.manifest)?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let runbook = found
            .runbook_in(root, "migrate")
            .unwrap_or_else(|f| panic!("{}", f.render(false)));
        let asked = Asked {
            to: Region::new("eu-west-1").unwrap(),
            profile,
            lineage: "redmine-test".into(),
            seed: "7f3a".into(),
        };
        expand::expand(&found.manifest, &capture, &runbook, &asked, &found.sources)
    }

    pub fn begin(&self, mut plan: Plan) -> Run<Env> {
        carry::agree(&mut plan, "test", "--yes");
        let id = RunId::new(&plan.seed).unwrap();
        let env = carry::environment(&self.session, &plan)
            .unwrap_or_else(|f| panic!("{}", f.render(false)));
        let place = Place::new(self.disk.clone(), "/memory", id);
        let holder = session::holder("test".into());
        Run::begin(
            place,
            plan,
            &drtool::steps::kinds(),
            env,
            holder,
            self.session.clock().now(),
        )
        .unwrap_or_else(|e| panic!("{e}: {e:?}"))
    }

    pub fn take_over(&self, plan: &Plan) -> Run<Env> {
        let id = RunId::new(&plan.seed).unwrap();
        let env = carry::environment(&self.session, plan)
            .unwrap_or_else(|f| panic!("{}", f.render(false)));
        let place = Place::new(self.disk.clone(), "/memory", id);
        Run::take_over(
            place,
            &drtool::steps::kinds(),
            env,
            session::holder("test".into()),
        )
        .unwrap()
    }

    /// Carries a run out to the end of this life; nothing if the power failed.
    pub fn live(&self, run: Run<Env>) -> Option<Ended> {
        let fleet = Fleet::new(self.session.clock(), Pace::default()).with(run);
        let sandbox = self.session.world().unwrap();
        sandbox
            .clock()
            .run(fleet.run())
            .ok()
            .and_then(|mut ended| ended.pop())
    }

    /// The world as it is now.
    pub fn fork(&self) -> World {
        self.session.world().unwrap().world().lock().world().fork()
    }

    pub fn act(&self, action: &Action) {
        let sandbox = self.session.world().unwrap();
        sandbox
            .world()
            .act(sandbox.clock().nanos(), action)
            .unwrap();
    }

    /// One AWS call, made by an administrator of the account.
    pub fn call(&self, region: &str, service: &str, operation: &str, input: Value) -> Value {
        let action = Action::Call {
            account: "111122223333".into(),
            region: region.into(),
            service: service.into(),
            operation: operation.into(),
            input,
        };
        let sandbox = self.session.world().unwrap();
        let mut answer = sandbox
            .world()
            .act(sandbox.clock().nanos(), &action)
            .unwrap();
        assert!(answer.get("output").is_some(), "{operation}: {answer}");
        answer["output"].take()
    }

    /// Users who write all the time.
    pub fn users(&self) {
        self.act(&Action::AddUsers {
            name: "users".into(),
            host: "redmine.sidpotti.infracourse.cloud".into(),
            https: true,
            path: "/login".into(),
            count: 5,
            every: 10.0,
        });
    }

    /// Lets time pass with nobody at work.
    pub fn wait(&self, seconds: u64) {
        let sandbox = self.session.world().unwrap();
        let until = sandbox.clock().nanos() + seconds * 1_000_000_000;
        sandbox.world().lock().advance_to(until).unwrap();
        sandbox.clock().start_at(until);
    }
}

/// Where two worlds differ, but for what a log group holds (a probe has written into it) and the default groups that RDS
/// makes of its own when they are first needed.
pub fn differences(one: &World, other: &World) -> Vec<String> {
    let mut found = oracle::differences(one, other);
    found.retain(|path| {
        !path.contains("/storedBytes") && !path.contains("rds DescribeOptionGroups")
    });
    found
}

pub fn done(ended: Option<Ended>) {
    let ended = ended.expect("the power did not fail");
    assert!(
        matches!(ended.result, Ok(Outcome::Done)),
        "{:?}",
        ended.result
    );
}
