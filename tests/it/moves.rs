//! Redmine moves to another region, in process and in virtual time.

use std::path::Path;
use std::sync::Arc;

use aws_sim::world::Settings;
use drtool::cli::carry;
use drtool::cli::stack::{Stack, Which};
use drtool::expand::{self, Asked, Rehearsal};
use drtool::manifest::Region;
use drtool::sandbox::Sandbox;
use drtool::session::{self, Session};
use drtool_engine::RunId;
use drtool_engine::event::Outcome;
use drtool_engine::journal::{MemoryDisk, Place};
use drtool_engine::plan::Plan;
use drtool_engine::report::lines::{Detail, Lines};
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

    fn run(&self, mut plan: Plan) -> Ended {
        carry::agree(&mut plan, "test", "--yes");
        let id = RunId::new(&plan.seed).unwrap();
        let env = carry::environment(&self.session, &plan)
            .unwrap_or_else(|f| panic!("{}", f.render(false)));
        let place = Place::new(self.disk.clone(), "/memory", id);
        let run = Run::begin(
            place,
            plan,
            &drtool::steps::kinds(),
            env,
            session::holder("test".into()),
            self.session.clock().now(),
        )
        .unwrap_or_else(|e| panic!("{e}: {e:?}"));
        let run = run.reporter(Lines::new(std::io::stderr(), Detail::Normal));
        let fleet = Fleet::new(self.session.clock(), Pace::default()).with(run);
        self.session.block_on(fleet.run()).unwrap().pop().unwrap()
    }
}

#[test]
fn redmine_moves_to_another_region() {
    let bench = Bench::new();
    let plan = bench.plan(Rehearsal::Real);
    let ended = bench.run(plan);
    assert!(
        matches!(ended.result, Ok(Outcome::Done)),
        "{:?}",
        ended.result
    );
}
