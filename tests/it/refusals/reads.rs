//! A plan, a refused move and every look from another terminal send reads and nothing else.

use super::*;

/// The calls that may change something, since the log was so long.
fn writes(bench: &Bench, since: u64) -> Vec<String> {
    let world = bench.fork();
    let new = usize::try_from(world.log.calls - since).unwrap();
    let entries: Vec<_> = world.log.entries().rev().take(new).collect();
    assert!(new == 0 || !entries.is_empty());
    entries
        .into_iter()
        .filter(|a| a.writes)
        .map(|a| format!("{} in {}", a.operation, a.region))
        .collect()
}

#[test]
fn a_plan_with_preflight_sends_reads_only() {
    let bench = Bench::new();
    let since = bench.fork().log.calls;
    let report = preflight(&bench, Rehearsal::Real, Depth::Reads);
    assert!(!report.refuses(), "{:#?}", report.findings);
    assert_eq!(report.unseen, [""; 0], "everything can be asked");
    assert!(bench.fork().log.calls > since + 50, "it really asks");
    assert_eq!(writes(&bench, since), [""; 0]);
    let drill = preflight(&bench, Rehearsal::Drill, Depth::Reads);
    assert!(!drill.refuses(), "{:#?}", drill.findings);
    assert_eq!(writes(&bench, since), [""; 0]);
}

#[test]
fn before_a_run_ec2_judges_real_requests_and_makes_nothing() {
    let bench = Bench::new();
    bench.wait(3_600);
    let before = bench.fork();
    let report = preflight(&bench, Rehearsal::Real, Depth::DryRuns);
    assert!(!report.refuses(), "{:#?}", report.findings);
    let shown: Vec<&str> = report
        .permissions
        .shown
        .iter()
        .map(String::as_str)
        .collect();
    assert_eq!(
        shown,
        [
            "eu-west-1 ec2:AllocateAddress",
            "eu-west-1 ec2:CreateInternetGateway",
            "eu-west-1 ec2:CreateVpc"
        ]
    );
    assert_eq!(crate::world::differences(&before, &bench.fork()), [""; 0]);
}
