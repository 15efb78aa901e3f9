//! Redmine moves to another region, in process and in virtual time.

use std::path::Path;
use std::sync::Arc;

use aws_sim::action::Action;
use aws_sim::oracle;
use aws_sim::services::rds::DatabaseRef;
use aws_sim::world::{Settings, World};
use drtool::cli::carry;
use drtool::cli::stack::{Stack, Which};
use drtool::env::Env;
use drtool::expand::{self, Asked, Rehearsal};
use drtool::manifest::Region;
use drtool::sandbox::Sandbox;
use drtool::session::{self, Session};
use drtool_engine::RunId;
use drtool_engine::event::{Outcome, Reach, UnwindWhy};
use drtool_engine::journal::{MemoryDisk, Place};
use drtool_engine::plan::Plan;
use drtool_engine::run::{Ended, Fleet, Pace, Run};

/// A sandbox in which Redmine stands, and the plan of its move.
struct Bench {
    session: Session,
    disk: Arc<MemoryDisk>,
}

impl Bench {
    fn new() -> Bench {
        let sandbox = Sandbox::in_memory(1, Settings::default());
        sandbox.build("redmine").unwrap();
        Bench {
            session: Session::within(sandbox, Path::new("/memory")),
            disk: Arc::default(),
        }
    }

    fn stack(&self) -> Stack {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let which = Which {
            stack: None,
            manifest: Some(root.join("manifests/redmine.yaml")),
            overlay: Vec::new(),
        };
        which
            .read_alone()
            .unwrap_or_else(|failures| panic!("{}", failures.render(false)))
    }

    fn plan(&self, profile: Rehearsal) -> Plan {
        let mut found = self.stack();
        let capture = carry::captured(&self.session, &found.manifest)
            .unwrap_or_else(|f| panic!("{}", f.render(false)));
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
            .unwrap_or_else(|f| panic!("{}", f.render(false)))
    }

    fn begin(&self, mut plan: Plan) -> Run<Env> {
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

    fn take_over(&self, plan: &Plan) -> Run<Env> {
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
    fn live(&self, run: Run<Env>) -> Option<Ended> {
        let fleet = Fleet::new(self.session.clock(), Pace::default()).with(run);
        let sandbox = self.session.world().unwrap();
        sandbox
            .clock()
            .run(fleet.run())
            .ok()
            .and_then(|mut ended| ended.pop())
    }

    /// The world as it is now.
    fn fork(&self) -> World {
        self.session.world().unwrap().world().lock().world().fork()
    }

    fn act(&self, action: &Action) {
        let sandbox = self.session.world().unwrap();
        sandbox
            .world()
            .act(sandbox.clock().nanos(), action)
            .unwrap();
    }

    /// Users who write all the time.
    fn users(&self) {
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
    fn wait(&self, seconds: u64) {
        let sandbox = self.session.world().unwrap();
        let until = sandbox.clock().nanos() + seconds * 1_000_000_000;
        sandbox.world().lock().advance_to(until).unwrap();
        sandbox.clock().start_at(until);
    }
}

/// Where two worlds differ, but for what a log group holds (a probe has written into it) and the default groups that RDS
/// makes of its own when they are first needed.
fn differences(one: &World, other: &World) -> Vec<String> {
    let mut found = oracle::differences(one, other);
    found.retain(|path| {
        !path.contains("/storedBytes") && !path.contains("rds DescribeOptionGroups")
    });
    found
}

fn done(ended: Option<Ended>) {
    let ended = ended.expect("the power did not fail");
    assert!(
        matches!(ended.result, Ok(Outcome::Done)),
        "{:?}",
        ended.result
    );
}

#[test]
fn redmine_moves_to_another_region_while_users_write() {
    let bench = Bench::new();
    bench.users();
    bench.wait(120);
    let plan = bench.plan(Rehearsal::Real);
    done(bench.live(bench.begin(plan)));
    let sandbox = bench.session.world().unwrap();
    let moved = sandbox.clock().nanos();
    bench.wait(600);
    let kept = sandbox.world().lock();
    let world = kept.world();
    let rows = oracle::where_rows_are(world);
    let database = |region: &str| {
        let name = rows
            .keys()
            .find(|name| name.contains(region))
            .expect("a database in each region");
        let mut parts = name.split(' ').map(str::to_owned);
        let mut next = || parts.next().unwrap();
        DatabaseRef {
            account: next(),
            region: next(),
            instance: next(),
        }
    };
    assert_eq!(
        oracle::lost(world, &database("eu-west-1")),
        [],
        "every acknowledged write is in the target"
    );
    assert!(
        oracle::accepted_after(world, &database("us-west-2"), moved).is_empty(),
        "the source stays fenced"
    );
    assert!(
        !oracle::accepted_after(world, &database("eu-west-1"), moved).is_empty(),
        "users write to the target"
    );
}

#[test]
fn killed_at_any_instant_a_run_resumes_to_the_same_world() {
    let whole = Bench::new();
    let plan = whole.plan(Rehearsal::Real);
    let before = whole.session.world().unwrap().clock().events();
    done(whole.live(whole.begin(plan)));
    let events = whole.session.world().unwrap().clock().events() - before;
    let wanted = whole.fork();
    for part in 1..=8 {
        let bench = Bench::new();
        let plan = bench.plan(Rehearsal::Real);
        let clock = bench.session.world().unwrap().clock().clone();
        let run = bench.begin(plan.clone());
        clock.crash_at(clock.events() + events * part / 9);
        assert!(bench.live(run).is_none(), "the power fails");
        clock.reboot();
        let run = bench.take_over(&plan).resume().unwrap();
        done(bench.live(run));
        let differences = differences(&wanted, &bench.fork());
        assert!(
            differences.is_empty(),
            "killed after {part} ninths: {differences:#?}"
        );
    }
}

#[test]
fn undo_gives_the_source_back_and_leaves_nothing() {
    let bench = Bench::new();
    bench.wait(3_600);
    let before = bench.fork();
    let plan = bench.plan(Rehearsal::Real);
    let clock = bench.session.world().unwrap().clock().clone();
    let run = bench.begin(plan.clone());
    let events = clock.events();
    clock.crash_at(events + 4_000);
    assert!(bench.live(run).is_none(), "the power fails");
    clock.reboot();
    let run = bench
        .take_over(&plan)
        .undo("test", Reach::BeforeCut)
        .unwrap();
    let ended = bench.live(run).expect("it ends");
    assert!(
        matches!(&ended.result, Ok(Outcome::Unwound { left, .. }) if left.is_empty()),
        "{:?}",
        ended.result
    );
    bench.wait(3_600);
    let differences = differences(&before, &bench.fork());
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn a_drill_is_rehearsed_and_taken_back() {
    let bench = Bench::new();
    bench.wait(3_600);
    let before = bench.fork();
    let plan = bench.plan(Rehearsal::Drill);
    let ended = bench.live(bench.begin(plan)).expect("it ends");
    let rehearsed = matches!(
        &ended.result,
        Ok(Outcome::Unwound { why: UnwindWhy::Rehearsed, left }) if left.is_empty()
    );
    assert!(rehearsed, "{:?}", ended.result);
    bench.wait(3_600);
    let differences = differences(&before, &bench.fork());
    assert!(differences.is_empty(), "{differences:#?}");
}
