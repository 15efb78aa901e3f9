//! A plan, a move, its report, a drill.

use super::Desk;
use aws_sim::action::Action;
use aws_sim::keep::Kept;
use aws_sim::world::Settings;
use insta::assert_snapshot;

#[test]
fn a_stack_is_moved_and_the_reader_understands() {
    let desk = Desk::new("move");
    let seen = desk.sandbox("migrate --to eu-west-1");
    assert_eq!(seen.exit, 0, "{}", seen.err);
    assert!(seen.out.is_empty(), "stdout is for machines");
    let run = desk.runs().remove(0);
    let lines: Vec<&str> = seen.err.lines().collect();
    assert_eq!(
        lines.last(),
        Some(&format!("run {run}").as_str()),
        "the id is said last"
    );
    let head = lines.iter().position(|line| **line == format!("run {run}"));
    assert!(head.unwrap() < 12, "and at the beginning");
    // Each moment that somebody would look for, in this order.
    let told = [
        "Plan: moving redmine from us-west-2 to eu-west-1",
        "downtime begins",
        "refused/main: as wanted",
        "up to here data is kept",
        "the target answers its deep checks",
        "asks: Point redmine.sidpotti.infracourse.cloud at eu-west-1?",
        "approved by",
        "users are sent to the target",
        "downtime ends",
        "done",
        "lost data (RPO)",
    ];
    let mut at = 0;
    for moment in told {
        let found = lines[at..].iter().position(|line| line.contains(moment));
        at += found.unwrap_or_else(|| panic!("`{moment}` is told, after line {at}:\n{}", seen.err));
    }
    // Afterwards, from another process.
    assert_snapshot!("move-runs", desk.run("runs --sandbox").page());
    assert_snapshot!("move-status", desk.run("status --sandbox").page());
    let report = desk.run(&format!("report {run} --sandbox"));
    assert_eq!(report.exit, 0);
    for word in ["downtime", "promised", "met", "calls", "waited for people"] {
        assert!(report.out.contains(word), "{word}: {}", report.out);
    }
    let json = desk.run("report --json --sandbox");
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["outcome"], "done");
    assert_eq!(json["report"]["objectives"][0]["verdict"], "met");
    assert!(json["report"]["figures"]["downtime"].as_f64().unwrap() > 60.0);
    let page = desk.run("report --html report.html --sandbox");
    assert_eq!((page.exit, page.out.as_str()), (0, "report.html\n"));
    let page = std::fs::read_to_string(desk.path("report.html")).unwrap();
    for absent in [
        "http://",
        "https://cdn",
        "<script",
        "src=",
        "AKIA",
        "secret_key",
    ] {
        assert!(!page.contains(absent), "{absent}");
    }
    // What is over is over.
    assert_snapshot!(
        "move-undo-after-the-cut",
        desk.sandbox(&format!("undo {run}")).page()
    );
    assert_snapshot!(
        "move-resume-after-the-end",
        desk.sandbox(&format!("resume {run}")).page()
    );
    assert_snapshot!(
        "move-clean-of-a-move",
        desk.sandbox(&format!("drill clean {run}")).page()
    );
    assert_snapshot!(
        "move-twice",
        desk.sandbox("migrate --to eu-west-1 -q").page()
    );
}

#[test]
fn json_is_the_journal_and_nothing_else() {
    let desk = Desk::new("json");
    let seen = desk.sandbox("migrate --to eu-west-1 --json");
    assert_eq!((seen.exit, seen.err.as_str()), (0, ""));
    let run = desk.runs().remove(0);
    let journal = std::fs::read_to_string(desk.journal(&run)).unwrap();
    assert!(seen.out == journal, "line by line the same");
}

#[test]
fn a_saved_plan_is_run_exactly_or_refused_with_the_difference() {
    let desk = Desk::new("saved");
    let built = desk.sandbox("sandbox seed redmine");
    assert_eq!(built.exit, 0, "{}", built.err);
    let captured = desk.sandbox("capture");
    assert_eq!(captured.exit, 0, "{}", captured.err);
    let planned = desk.run("plan --to eu-west-1 --out plan.json");
    assert_eq!(planned.exit, 0, "{}", planned.err);
    assert!(planned.out.ends_with("drtool migrate --plan plan.json\n"));
    let again = desk.run("plan --to eu-west-1 --out plan.json");
    assert_snapshot!("saved-twice", again.page());
    // Changed by hand.
    let text = std::fs::read_to_string(desk.path("plan.json")).unwrap();
    desk.write(
        "tampered.json",
        text.replacen("db.t4g.medium", "db.t4g.large", 1),
    );
    let tampered = desk.sandbox("migrate --plan tampered.json");
    assert_snapshot!("saved-tampered", tampered.page());
    desk.write("other.json", "{}");
    assert_snapshot!(
        "saved-not-a-plan",
        desk.sandbox("migrate --plan other.json").page()
    );
    // The manifest has changed since.
    let manifest = std::fs::read(desk.path("manifests/redmine.yaml")).unwrap();
    desk.edit("interval: 5s", "interval: 10s");
    desk.edit("downtime: 30m", "downtime: 20m");
    let stale = desk.sandbox("migrate --plan plan.json");
    assert_snapshot!("saved-stale", stale.page());
    assert!(desk.runs().is_empty(), "nothing was begun");
    // As it was: exactly this plan.
    desk.write("manifests/redmine.yaml", manifest);
    let run = desk.sandbox("migrate --plan plan.json -q");
    assert_eq!(run.exit, 0, "{}", run.err);
    let saved: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(desk.runs(), [saved["plan"]["seed"].as_str().unwrap()]);
}

#[test]
fn a_drill_says_what_it_measured_and_what_it_did_not_show() {
    let desk = Desk::new("drill");
    assert_eq!(desk.sandbox("sandbox seed redmine").exit, 0);
    // The snapshot of somebody else, an hour ago.
    {
        let world = desk.path(".drtool/sandbox/world");
        let mut kept = Kept::open(&world, 1, Settings::default()).unwrap();
        let action = Action::Call {
            account: "111122223333".into(),
            region: "us-west-2".into(),
            service: "rds".into(),
            operation: "CreateDBSnapshot".into(),
            input: serde_json::json!({
                "DBInstanceIdentifier": "redmine-db", "DBSnapshotIdentifier": "by-hand",
            }),
        };
        let hour = 3_600_000_000_000;
        let now = kept.world().now();
        kept.advance_to(now + hour).unwrap();
        let answer = kept.act(&action).unwrap();
        assert!(answer["error"].is_null(), "{answer}");
        kept.advance_to(now + 2 * hour).unwrap();
    }
    let seen = desk.sandbox("drill --to eu-west-1 -q --recovery-point latest");
    assert_snapshot!("drill", seen.page());
    assert_eq!(seen.exit, 0);
    let run = desk.runs().remove(0);
    assert_snapshot!(
        "drill-clean-after-its-end",
        desk.sandbox(&format!("drill clean {run}")).page()
    );
    // Promised too much.
    desk.edit("rto: 75m", "rto: 10m");
    let seen = desk.sandbox("drill --to eu-west-1 -q");
    assert_snapshot!("drill-missed", seen.page());
    assert_eq!(seen.exit, 7);
    assert_snapshot!(
        "drill-from-nothing",
        desk.sandbox("drill --to eu-west-1 --recovery-point redmine-db-2019")
            .page()
    );
    assert_snapshot!(
        "drill-of-nothing",
        desk.sandbox("drill --to eu-west-1 --recovery-point other=latest")
            .page()
    );
}
