//! A drill measures what the world knows, disturbs nobody, and leaves nothing, however it ends.

use std::sync::{Arc, Mutex};

use aws_sim::clock::EPOCH;
use aws_sim::oracle;
use aws_sim::plane::{DialAnswer, From, HttpRequest, Resolved};
use aws_sim::services::rds::DatabaseRef;
use aws_sim::world::World;
use drtool::expand::Rehearsal;
use drtool_engine::Timestamp;
use drtool_engine::event::{Event, Outcome, Record, UnwindWhy};
use drtool_engine::journal;
use drtool_engine::plan::{Measure, Milestone, Plan};
use drtool_engine::report::Reporter;
use drtool_engine::report::figures::{Figures, figures};
use drtool_engine::report::verdict::{Judged, Verdict, judge, status};
use drtool_engine::state::RunState;

use crate::kill::{self, When};
use crate::world::{Bench, differences};

const HOST: &str = "redmine.sidpotti.infracourse.cloud";

/// What is on the journal, and what the world was then.
struct Moment {
    at: Timestamp,
    world: World,
    /// The target's balancer, once it is known.
    balancer: Option<String>,
}

/// Keeps the world as it was at each record.
struct Album {
    sandbox: drtool::sandbox::Sandbox,
    moments: Arc<Mutex<Vec<Moment>>>,
}

impl Reporter for Album {
    fn record(&mut self, record: &Record, state: &RunState) {
        // What is taken back is no evidence, and every fork keeps its history alive.
        if state.unwinding.is_some() {
            return;
        }
        let balancer = state
            .plan
            .steps
            .iter()
            .position(|step| step.kind == "load-balancer")
            .and_then(|at| state.steps()[at].output.as_ref())
            .and_then(|output| output["dnsName"].as_str().map(str::to_owned));
        self.moments.lock().unwrap().push(Moment {
            at: record.at,
            world: self.sandbox.world().lock().world().fork(),
            balancer,
        });
    }
}

/// Whether a user who asks the target's balancer by the stack's own name is served.
fn serves(moment: &Moment) -> bool {
    let Some(balancer) = &moment.balancer else {
        return false;
    };
    let mut world = moment.world.fork();
    let from = From::Internet {
        ip: "198.51.100.7".into(),
    };
    let Resolved::Records { records, .. } = world.resolve(balancer, "A", &from) else {
        return false;
    };
    let request = HttpRequest {
        method: "GET".into(),
        host: HOST.into(),
        path: "/login".into(),
        headers: Default::default(),
        body: String::new(),
    };
    records.iter().all(|address| {
        let answer = world.dial(&from, address, 443, Some(HOST), &request);
        matches!(answer, DialAnswer::Answer { status: 200, body, .. } if body.contains("Redmine"))
    })
}

struct Drilled {
    bench: Bench,
    /// The same world without a drill.
    undisturbed: World,
    moments: Vec<Moment>,
    records: Vec<Record>,
    state: RunState,
    outcome: Outcome,
}

impl Drilled {
    fn figures(&self) -> Figures {
        figures(&self.records, &self.state)
    }

    fn judged(&self) -> Vec<Judged> {
        judge(&self.state.plan, &self.figures())
    }

    fn reached(&self, milestone: Milestone) -> Timestamp {
        self.state.milestones[&milestone].0
    }

    /// The world when the deep checks had passed.
    fn proven(&self) -> &World {
        let proven = self.records.iter().rev().find(|record| {
            matches!(
                &record.event,
                Event::Reached {
                    milestone: Milestone::Proven,
                    ..
                }
            )
        });
        let at = proven.expect("the checks pass").at;
        let moment = self.moments.iter().rev().find(|moment| moment.at <= at);
        &moment.expect("a moment for each record").world
    }
}

/// Drills in a world with users, after `before` has been done to it.
fn drill(
    before: impl FnOnce(&Bench),
    change: impl FnOnce(&mut Plan),
    points: &[(&str, &str)],
) -> Drilled {
    let bench = Bench::new();
    bench.users();
    bench.wait(3_600);
    before(&bench);
    let mut undisturbed = bench.fork();
    let mut plan = bench.plan_from(Rehearsal::Drill, points);
    change(&mut plan);
    let moments = Arc::new(Mutex::new(vec![]));
    let run = bench.begin(plan.clone()).reporter(Album {
        sandbox: bench.session.world().unwrap().clone(),
        moments: moments.clone(),
    });
    let ended = bench.live(run).expect("it ends");
    let outcome = ended.result.unwrap();
    bench.wait(3_600);
    undisturbed.advance_to(bench.session.world().unwrap().clock().nanos());
    let records = journal::read(&bench.place(&plan)).unwrap();
    let moments = std::mem::take(&mut *moments.lock().unwrap());
    Drilled {
        state: RunState::fold(&records).unwrap(),
        bench,
        undisturbed,
        moments,
        records,
        outcome,
    }
}

fn database(world: &World, region: &str) -> DatabaseRef {
    let rows = oracle::where_rows_are(world);
    let name = rows.keys().find(|name| name.contains(region));
    let mut parts = name
        .expect("a database there")
        .split(' ')
        .map(str::to_owned);
    let mut next = || parts.next().unwrap();
    DatabaseRef {
        account: next(),
        region: next(),
        instance: next(),
    }
}

fn instant(nanos: u64) -> Timestamp {
    let origin = Timestamp::from_second(EPOCH).unwrap();
    origin + std::time::Duration::from_nanos(nanos)
}

/// The newest row that the restored database holds, and the oldest that it lacks of those the source took by then.
fn edge(world: &World) -> (Timestamp, Option<Timestamp>) {
    let rows = |region: &str| oracle::accepted_after(world, &database(world, region), 0);
    let (kept, all) = (rows("eu-west-1"), rows("us-west-2"));
    let users = |client: &str| client.starts_with("users");
    let has = |client: &str, number: u64| {
        kept.iter()
            .any(|row| row.client == client && row.number == number)
    };
    let newest = kept
        .iter()
        .filter(|row| users(&row.client))
        .map(|row| row.at)
        .max();
    let lacking = all
        .iter()
        .filter(|row| !has(&row.client, row.number))
        .map(|row| row.at)
        .min();
    (instant(newest.expect("users wrote")), lacking.map(instant))
}

#[test]
fn nobody_notices_a_drill_and_nothing_of_it_is_left() {
    let drilled = drill(|_| {}, |_| {}, &[]);
    assert!(
        matches!(&drilled.outcome, Outcome::Unwound { why: UnwindWhy::Rehearsed, left } if left.is_empty()),
        "{:?}",
        drilled.outcome
    );
    let world = drilled.bench.fork();
    assert_eq!(
        oracle::told(&drilled.undisturbed, None),
        oracle::told(&world, None),
        "every name answers every user as if there had been no drill"
    );
    let users = |world: &World| {
        (
            world.plane.users.acknowledged(),
            world.plane.users.failures().clone(),
        )
    };
    assert_eq!(
        users(&drilled.undisturbed),
        users(&world),
        "every request ends as it would have"
    );
    let differences = differences(&drilled.undisturbed, &world);
    assert!(differences.is_empty(), "{differences:#?}");
    let of_run: Vec<_> = oracle::resources(&world)
        .into_iter()
        .filter(|resource| resource.tags.keys().any(|key| key.starts_with("drtool:")))
        .collect();
    assert!(of_run.is_empty(), "{of_run:#?}");
}

#[test]
fn what_a_drill_measures_is_what_the_world_knows() {
    let drilled = drill(|_| {}, |_| {}, &[]);
    let figures = drilled.figures();
    // The recovery point: no row that it holds is younger, none that it lacks is older.
    let kept = drilled.reached(Milestone::RecoveryPoint);
    let (newest, lacking) = edge(drilled.proven());
    assert!(newest <= kept, "{newest} is kept, so {kept} is too early");
    assert!(
        lacking.is_none_or(|lacking| kept < lacking),
        "{lacking:?} is not kept, so {kept} is too late"
    );
    assert_eq!(
        figures.recovery_point.map(|time| time.as_secs()),
        Some(0),
        "a fresh snapshot holds everything that was written before the drill began"
    );
    // The recovery time: when the checks pass, users are served; just before, they were not.
    let first = drilled
        .moments
        .iter()
        .position(serves)
        .expect("it serves at some time");
    let (before, served) = (drilled.moments[first - 1].at, drilled.moments[first].at);
    let proven = drilled.reached(Milestone::Proven);
    assert!(
        proven >= before,
        "{proven}: nobody was served before {before}"
    );
    let late = proven.duration_since(served).as_secs();
    assert!(
        late <= 60,
        "served from {served} on, measured {late} s later"
    );
    let began = drilled.records[0].at;
    assert_eq!(
        figures.recovery_time,
        Some(std::time::Duration::try_from(proven.duration_since(began)).unwrap())
    );
    assert!(
        figures.downtime.is_none(),
        "a drill has no downtime: not measured, and not 0"
    );
    assert!(
        drilled
            .judged()
            .iter()
            .all(|one| one.verdict == Verdict::Met),
        "{:?}",
        drilled.judged()
    );
    assert_eq!(status(&drilled.outcome, &drilled.judged()), 0);
}

#[test]
fn an_old_snapshot_costs_what_was_written_since() {
    let taken = std::cell::Cell::new(Timestamp::UNIX_EPOCH);
    let drilled = drill(
        |bench| {
            bench.call(
                "us-west-2",
                "rds",
                "CreateDBSnapshot",
                serde_json::json!({
                    "DBInstanceIdentifier": "redmine-db", "DBSnapshotIdentifier": "by-hand",
                }),
            );
            taken.set(instant(bench.session.world().unwrap().clock().nanos()));
            bench.wait(2 * 3_600);
        },
        // Promised: an hour. The snapshot is two hours old.
        |plan| {
            let rpo = plan
                .objectives
                .iter_mut()
                .find(|o| o.measure == Measure::RecoveryPoint);
            rpo.unwrap().limit = 3_600;
        },
        &[("redmine-db", "by-hand")],
    );
    let kept = drilled.reached(Milestone::RecoveryPoint);
    let (newest, lacking) = edge(drilled.proven());
    let lacking = lacking.expect("two hours of writes are not in the snapshot");
    assert!(
        newest <= kept && kept < lacking,
        "{newest} ≤ {kept} < {lacking}"
    );
    let began = drilled.records[0].at;
    let lost = drilled
        .figures()
        .recovery_point
        .expect("it is measured")
        .as_secs_f64();
    // What the oracle calls lost is older than the drill's begin by no more than what is measured.
    let oldest_lost = began.duration_since(lacking).as_secs_f64();
    let newest_kept = began.duration_since(newest).as_secs_f64();
    assert!(
        oldest_lost < lost && lost <= newest_kept,
        "{oldest_lost} < {lost} ≤ {newest_kept}"
    );
    assert!(began.duration_since(taken.get()).as_secs_f64() - lost < 600.0);
    let verdicts: Vec<_> = drilled
        .judged()
        .iter()
        .map(|one| (one.measure, one.verdict))
        .collect();
    assert_eq!(
        verdicts,
        [
            (Measure::RecoveryTime, Verdict::Met),
            (Measure::RecoveryPoint, Verdict::Missed)
        ]
    );
    assert_eq!(
        status(&drilled.outcome, &drilled.judged()),
        7,
        "an objective was not met"
    );
    // What was there before is still there; the drill's own copy is not.
    let snapshots: Vec<String> = oracle::resources(&drilled.bench.fork())
        .into_iter()
        .filter(|r| r.kind == "db-snapshot" && !r.id.starts_with("rds:"))
        .map(|r| format!("{} {}", r.region, r.id))
        .collect();
    assert_eq!(snapshots, ["us-west-2 by-hand"]);
    let differences = differences(&drilled.undisturbed, &drilled.bench.fork());
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn a_drill_whose_checks_never_pass_is_taken_back_and_says_what_it_did_not_measure() {
    let drilled = drill(
        |_| {},
        |plan| {
            let check = plan
                .steps
                .iter_mut()
                .find(|step| step.kind == "http-check")
                .unwrap();
            check.params["body"] = "a word that Redmine never says".into();
            check.limits.deadline = 300;
        },
        &[],
    );
    assert!(
        matches!(&drilled.outcome, Outcome::Unwound { why: UnwindWhy::Failed(_), left } if left.is_empty()),
        "{:?}",
        drilled.outcome
    );
    let figures = drilled.figures();
    assert!(figures.recovery_time.is_none() && figures.recovery_point.is_some());
    assert_eq!(drilled.judged()[0].verdict, Verdict::NotMeasured);
    assert_eq!(status(&drilled.outcome, &drilled.judged()), 7);
    let differences = differences(&drilled.undisturbed, &drilled.bench.fork());
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn a_killed_drill_is_cleaned_and_nothing_is_left() {
    let whole = Bench::new();
    let plan = whole.plan(Rehearsal::Drill);
    let (events, ended) = kill::lived(&whole, plan);
    kill::rehearsed(&ended);
    for part in 1..=4 {
        let bench = Bench::new();
        bench.users();
        bench.wait(3_600);
        let mut undisturbed = bench.fork();
        let plan = bench.plan(Rehearsal::Drill);
        kill::killed(&bench, &plan, When::Events(events * part / 5));
        kill::taken_back(&bench, &plan);
        bench.wait(3_600);
        undisturbed.advance_to(bench.session.world().unwrap().clock().nanos());
        let what = format!("killed after {part} fifths");
        kill::same(&undisturbed, &bench.fork(), &what);
    }
}
