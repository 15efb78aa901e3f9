//! A sandbox in which a stack stands, and a run in it: what the promises are tried on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use aws_sim::action::Action;
use aws_sim::keep::Kept;
use aws_sim::oracle;
use aws_sim::services::rds::DatabaseRef;
use aws_sim::world::{Settings, World};
use drtool::cli::stack::{Stack, Which};
use drtool::cli::{carry, live};
use drtool::env::Env;
use drtool::expand::{self, Asked, Rehearsal};
use drtool::failure::{Failures, Sources};
use drtool::manifest::{self, File, Region};
use drtool::sandbox::Sandbox;
use drtool::session::Session;
use drtool_engine::RunId;
use drtool_engine::event::{Outcome, Record};
use drtool_engine::journal::{self, MemoryDisk, Place};
use drtool_engine::plan::Plan;
use drtool_engine::run::{Ended, Fleet, Pace, Run};
use serde_json::Value;

/// A sandbox in which Redmine stands, and the plan of its move.
pub struct Bench {
    pub session: Session,
    pub disk: Arc<MemoryDisk>,
    /// The manifest's text, where it is not the one that is shipped.
    manifest: Option<String>,
    overlays: Vec<String>,
    /// Overlays that no stack is shipped with, laid over all of it; named from the root of the repository.
    pub laid_over: Vec<String>,
}

impl Bench {
    pub fn new() -> Bench {
        let sandbox = Sandbox::in_memory(1, Settings::default());
        sandbox.build("redmine").unwrap();
        Bench::around(sandbox)
    }

    /// The same in another of all possible worlds.
    pub fn seeded(seed: u64) -> Bench {
        let sandbox = Sandbox::in_memory(seed, Settings::default());
        sandbox.build("redmine").unwrap();
        Bench::around(sandbox)
    }

    fn around(sandbox: Sandbox) -> Bench {
        Bench {
            session: Session::within(sandbox, Path::new("/memory")),
            disk: Arc::default(),
            manifest: None,
            overlays: Vec::new(),
            laid_over: Vec::new(),
        }
    }

    /// With an overlay of the manifest, and what it finds in the source world.
    pub fn overlaid(overlay: &str) -> Bench {
        let mut bench = Bench::new();
        bench.overlays = vec![overlay.to_owned()];
        let sandbox = bench.session.world().unwrap();
        sandbox.ensure_overlays("redmine", &bench.overlays).unwrap();
        bench
    }

    /// With more in the source world (calls as the sandbox's stacks have them) and another text of the manifest.
    pub fn changed(
        calls: &str,
        manifest: impl Fn(&str, &BTreeMap<String, String>) -> String,
    ) -> Bench {
        let mut bench = Bench::new();
        let text = format!(
            "{{stack: redmine, region: us-west-2, account: \"111122223333\", stands: {{ call: \"rds DescribeDBInstances\", with: {{ DBInstanceIdentifier: nothing }} }}, calls: [{calls}]}}"
        );
        let seed = drtool::sandbox::read(&text).unwrap();
        let kept = bench.session.world().unwrap().lay(&seed).unwrap();
        // What was written last is seen by then.
        bench.wait(10);
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/redmine.yaml");
        bench.manifest = Some(manifest(&std::fs::read_to_string(base).unwrap(), &kept));
        bench
    }

    /// The same stack in a world that was prepared elsewhere, worked in by whoever holds that key.
    pub fn of(world: World, key: Option<(&str, &str)>) -> Bench {
        let seed = world.dice.0;
        let sandbox = Sandbox::around(Kept::in_memory(world), seed);
        Bench::around(match key {
            Some((key, secret)) => sandbox.signed_by(key, secret),
            None => sandbox,
        })
    }

    /// One AWS call by somebody else: the account's root.
    pub fn call(&self, region: &str, service: &str, operation: &str, input: Value) -> Value {
        let sandbox = self.session.world().unwrap();
        call(sandbox, region, service, operation, input)
    }

    pub fn stack(&self) -> Stack {
        self.stack_read()
            .unwrap_or_else(|failures| panic!("{}", failures.render(false)))
    }

    fn stack_read(&self) -> Result<Stack, Failures> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = root.join("manifests/redmine.yaml");
        if self.manifest.is_some() || !self.laid_over.is_empty() {
            let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
            let text = self.manifest.clone();
            let text = text.unwrap_or_else(|| read("manifests/redmine.yaml"));
            let over: Vec<_> = self
                .laid_over
                .iter()
                .map(|name| (name, read(name)))
                .collect();
            let over: Vec<_> = over
                .iter()
                .map(|(name, text)| File {
                    name,
                    bytes: text.as_bytes(),
                })
                .collect();
            let mut sources = Sources::default();
            let base = File {
                name: "manifests/redmine.yaml",
                bytes: text.as_bytes(),
            };
            let manifest = manifest::load(&mut sources, &base, &over)?;
            return Ok(Stack {
                sources,
                manifest,
                path,
                overlays: Vec::new(),
            });
        }
        let which = Which {
            stack: None,
            manifest: Some(path),
            overlay: self.overlays.clone(),
        };
        which.read_alone()
    }

    pub fn plan(&self, profile: Rehearsal) -> Plan {
        self.planned(profile)
            .unwrap_or_else(|f| panic!("{}", f.render(false)))
    }

    /// A plan that recovers each database instance from a snapshot.
    pub fn plan_from(&self, profile: Rehearsal, points: &[(&str, &str)]) -> Plan {
        self.planned_from(profile, points)
            .unwrap_or_else(|f| panic!("{}", f.render(false)))
    }

    /// The plan, or why there is none.
    pub fn planned(&self, profile: Rehearsal) -> Result<Plan, Failures> {
        self.planned_from(profile, &[])
    }

    fn planned_from(&self, profile: Rehearsal, points: &[(&str, &str)]) -> Result<Plan, Failures> {
        let mut found = self.stack_read()?;
        let capture = live::captured(&self.session, &found.manifest)?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let runbook = found
            .runbook_in(root, "migrate")
            .unwrap_or_else(|f| panic!("{}", f.render(false)));
        let asked = Asked {
            to: Region::new("eu-west-1").unwrap(),
            profile,
            lineage: "redmine-test".into(),
            seed: "7f3a".into(),
            recovery_points: points
                .iter()
                .map(|(instance, snapshot)| ((*instance).to_owned(), (*snapshot).to_owned()))
                .collect(),
        };
        expand::expand(&found.manifest, &capture, &runbook, &asked, &found.sources)
    }

    pub fn begin(&self, mut plan: Plan) -> Run<Env> {
        carry::agree(&mut plan, "test", "--yes");
        let id = RunId::new(&plan.seed).unwrap();
        let env = live::environment(&self.session, &plan)
            .unwrap_or_else(|f| panic!("{}", f.render(false)));
        let place = Place::new(self.disk.clone(), "/memory", id);
        let holder = self.session.holder("test".into());
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

    /// The files of a plan's run.
    pub fn place(&self, plan: &Plan) -> Place {
        let id = RunId::new(&plan.seed).unwrap();
        Place::new(self.disk.clone(), "/memory", id)
    }

    pub fn take_over(&self, plan: &Plan) -> Run<Env> {
        let id = RunId::new(&plan.seed).unwrap();
        let env = live::environment(&self.session, plan)
            .unwrap_or_else(|f| panic!("{}", f.render(false)));
        let place = Place::new(self.disk.clone(), "/memory", id);
        Run::take_over(
            place,
            &drtool::steps::kinds(),
            env,
            self.session.holder("test".into()),
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

    /// The stack's database in a region.
    pub fn database(&self, region: &str) -> DatabaseRef {
        let rows = oracle::where_rows_are(&self.fork());
        let name = rows
            .keys()
            .find(|name| name.contains(region))
            .unwrap_or_else(|| panic!("a database in {region}"));
        let mut parts = name.split(' ').map(str::to_owned);
        let mut next = || parts.next().unwrap();
        DatabaseRef {
            account: next(),
            region: next(),
            instance: next(),
        }
    }

    /// The world as it is now.
    pub fn fork(&self) -> World {
        self.session.world().unwrap().world().lock().world().fork()
    }

    /// Does something from outside the APIs. What comes of it, as JSON.
    pub fn act(&self, action: &Action) -> serde_json::Value {
        let sandbox = self.session.world().unwrap();
        sandbox
            .world()
            .act(sandbox.clock().nanos(), action)
            .unwrap()
    }

    /// What is written of a run.
    pub fn records(&self, plan: &Plan) -> Vec<Record> {
        let id = RunId::new(&plan.seed).unwrap();
        journal::read(&Place::new(self.disk.clone(), "/memory", id)).unwrap()
    }

    /// Users who write all the time.
    pub fn users(&self) {
        self.users_of("users", "redmine.sidpotti.infracourse.cloud", 5);
    }

    /// Users of a name: of ten, one keeps old answers for half an hour, three open a connection a request.
    pub fn users_of(&self, name: &str, host: &str, count: u32) {
        self.act(&Action::AddUsers {
            name: name.into(),
            host: host.into(),
            https: true,
            path: "/login".into(),
            count,
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

/// One AWS call by somebody else: the account's root.
pub fn call(
    sandbox: &Sandbox,
    region: &str,
    service: &str,
    operation: &str,
    input: Value,
) -> Value {
    let action = Action::Call {
        account: "111122223333".into(),
        region: region.into(),
        service: service.into(),
        operation: operation.into(),
        input,
    };
    let now = sandbox.clock().nanos();
    let answer = sandbox.world().act(now, &action).unwrap();
    assert!(answer.get("error").is_none(), "{operation}: {answer}");
    answer["output"].clone()
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
