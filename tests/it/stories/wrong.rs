//! What is typed or written wrongly: one clear error, its code, its place, and nothing touched.

use super::Desk;
use insta::assert_snapshot;

#[test]
fn every_wrong_usage_is_told_what_to_type() {
    let desk = Desk::new("usage");
    let mut pages = String::new();
    let mut all = |arguments: &str, exit: i32| {
        let seen = desk.run(arguments);
        assert_eq!(seen.exit, exit, "{arguments}: {}", seen.err);
        assert!(seen.out.is_empty(), "{arguments}");
        pages.push_str(&format!("$ drtool {arguments}\n{}\n", seen.page()));
    };
    all("plan --stack redmin", 2);
    all("plan --stack ../redmine", 2);
    all("plan --manifest nowhere.yaml", 2);
    all("plan --manifest manifests", 2);
    all("plan --to us-west-2", 2);
    all("plan --to eu-west-3", 2);
    all("plan --to EU-WEST-1", 2);
    all("plan --to eu-west-1 --overlay dev", 2);
    all("plan --to eu-west-1 --runbook failover", 2);
    all("plan --to eu-west-1 --out manifests", 2);
    all("plan --too eu-west-1", 2);
    all("move", 2);
    all("migrate --to eu-west-1", 2);
    all("migrate --to eu-west-1 --ask", 2);
    all("migrate --plan nowhere.json --yes", 2);
    all("migrate --to eu-west-1 --sandbox --sandbox-speed slow", 2);
    all("status", 2);
    all("status ../../x", 2);
    all("status 7f3a", 2);
    all("resume 7f3a --sandbox", 2);
    all("undo --sandbox", 2);
    all("drill clean 7f3a --sandbox", 2);
    all("report 7f3a --sandbox", 2);
    all("approve 7f3a cut --sandbox", 2);
    all("schema nonsense", 2);
    assert_snapshot!("usage", pages);
    assert!(!desk.path(".drtool/runs").exists(), "no run was begun");
}

#[test]
fn a_state_folder_that_cannot_be_used_is_named() {
    let desk = Desk::new("state");
    desk.write("file", "not a folder");
    let seen = desk.run("migrate --to eu-west-1 --sandbox --state file");
    assert_snapshot!("state-is-a-file", seen.page());
    assert_eq!(seen.exit, 6);
    let seen = desk.run("runs --state file");
    assert_eq!(seen.exit, 6, "{}", seen.err);
}

#[test]
fn other_credentials_are_refused_before_anything_is_asked() {
    let desk = Desk::new("account");
    desk.edit("111122223333", "444455556666");
    let seen = desk.sandbox("migrate --to eu-west-1");
    assert_snapshot!("account", seen.page());
    assert_eq!(seen.exit, 3);
    assert!(desk.runs().is_empty());
}
