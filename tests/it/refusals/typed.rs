//! As people type it: the binary, its exit status and its words, in a world that is kept between commands.

use std::path::PathBuf;
use std::process::Command;

use aws_sim::action::Action;
use drtool::session::Session;
use drtool_engine::clock::Speed;

use super::*;
use crate::world::differences;

/// A desk with manifests, runbooks and a sandbox of its own.
struct Desk {
    folder: PathBuf,
}

/// What a command came to.
struct Answer {
    exit: i32,
    out: String,
    err: String,
}

/// Lets an hour pass.
fn settle(sandbox: &Sandbox) {
    let mut kept = sandbox.world().lock();
    let until = kept.world().now() + 3_600_000_000_000;
    kept.advance_to(until).unwrap();
}

impl Desk {
    /// A desk whose manifest differs by some words.
    fn with(name: &str, changes: &[(&str, &str)]) -> Desk {
        let folder = folder(name);
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for kind in ["manifests", "runbooks"] {
            std::fs::create_dir_all(folder.join(kind)).unwrap();
        }
        for file in ["manifests/redmine.yaml", "runbooks/migrate.yaml"] {
            let mut text = std::fs::read_to_string(root.join(file)).unwrap();
            for (from, to) in changes.iter().filter(|_| file.starts_with("manifests")) {
                assert!(text.contains(from), "{from}");
                text = text.replace(from, to);
            }
            std::fs::write(folder.join(file), text).unwrap();
        }
        let desk = Desk { folder };
        // What building the stack left behind (tasks that have run, their interfaces) has gone by then.
        desk.work(settle);
        desk
    }

    fn new(name: &str) -> Desk {
        Desk::with(name, &[])
    }

    fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Does something to the world between two commands, and says how it stands.
    fn work(&self, what: impl FnOnce(&Sandbox)) -> World {
        let session = Session::sandbox(&self.state(), Speed::Instant).unwrap();
        let sandbox = session.world().unwrap();
        sandbox.ensure("redmine").unwrap();
        what(sandbox);
        // What was done is to be seen by the next command.
        let mut kept = sandbox.world().lock();
        let seen = kept.world().now() + 120_000_000_000;
        kept.advance_to(seen).unwrap();
        drop(kept);
        sandbox.world().lock().world().fork()
    }

    fn type_in(&self, words: &[&str]) -> Answer {
        let done = Command::new(env!("CARGO_BIN_EXE_drtool"))
            .args(words)
            .args(["--sandbox", "--sandbox-speed", "instant", "--state"])
            .arg(self.state())
            .arg("--directory")
            .arg(&self.folder)
            .env_clear()
            .output()
            .unwrap();
        Answer {
            exit: done.status.code().unwrap(),
            out: String::from_utf8(done.stdout).unwrap(),
            err: String::from_utf8(done.stderr).unwrap(),
        }
    }

    /// A move that is refused: nothing is touched, the plan says the same, and so do scripts.
    fn refused(&self, to: &str, codes: &[&str]) -> String {
        let before = self.work(|_| {});
        let answer = self.type_in(&["migrate", "--to", to]);
        let drill = self.type_in(&["drill", "--to", to]);
        let plan = self.type_in(&["plan", "--to", to]);
        let json = self.type_in(&["migrate", "--to", to, "--json"]);
        let after = self.work(|_| {});
        assert_eq!(differences(&before, &after), [""; 0], "nothing is touched");
        let exits = [answer.exit, drill.exit, plan.exit, json.exit];
        assert_eq!(exits, [exits[0]; 4], "{}\n{}", plan.out, plan.err);
        let told: Vec<Value> = json
            .err
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {}", json.err)))
            .collect();
        let of: Vec<&str> = told.iter().map(|t| t["error"].as_str().unwrap()).collect();
        assert_eq!(of, codes, "{}", answer.err);
        for failure in &told {
            assert_eq!(failure["exit"], exits[0]);
            assert_ne!(failure["hints"], json!([]), "what to do next: {failure}");
        }
        for code in codes {
            assert!(answer.err.contains(code), "{}", answer.err);
            assert!(
                plan.out.contains(code) || plan.err.contains(code),
                "{}",
                plan.out
            );
        }
        assert!(
            !self.state().join("sandbox/runs").exists(),
            "no run was begun"
        );
        let here = self.folder.display().to_string();
        steady(&format!("exit {}\n{}", answer.exit, answer.err).replace(&here, "DESK"))
    }
}

/// The text without what differs from run to run.
fn steady(text: &str) -> String {
    let mut text = text.to_owned();
    for mark in ["redmine-db-", "drtool-"] {
        let mut from = 0;
        while let Some(at) = text[from..].find(mark).map(|at| from + at + mark.len()) {
            let seed = text.get(at..at + 4).unwrap_or_default();
            if seed.len() == 4 && seed.bytes().all(|b| b.is_ascii_hexdigit()) {
                text.replace_range(at..at + 4, "SEED");
            }
            from = at;
        }
    }
    text
}

#[test]
fn wrong_account() {
    let desk = Desk::with("account", &[("\"111122223333\"", "\"444455556666\"")]);
    insta::assert_snapshot!(desk.refused("eu-west-1", &["E2001"]));
}

#[test]
fn wrong_region() {
    let desk = Desk::with("region", &[("  eu-west-1:\n", "  eu-south-1:\n")]);
    insta::assert_snapshot!("region_not_enabled", desk.refused("eu-south-1", &["E2022"]));
    insta::assert_snapshot!(
        "region_not_a_target",
        desk.refused("eu-central-1", &["E1031"])
    );
    insta::assert_snapshot!(
        "region_is_the_source",
        desk.refused("us-west-2", &["E1030"])
    );
}

#[test]
fn missing_key() {
    let desk = Desk::with(
        "key",
        &[(
            "alias/redmine: alias/redmine-eu",
            "alias/redmine: alias/nobody",
        )],
    );
    insta::assert_snapshot!(desk.refused("eu-west-1", &["E2030"]));
}

fn key(sandbox: &Sandbox, region: &str, alias: &str) -> String {
    let found = call(
        sandbox,
        region,
        "kms",
        "DescribeKey",
        json!({ "KeyId": alias }),
    );
    found["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
}

fn disable(sandbox: &Sandbox, region: &str, alias: &str) {
    let input = json!({ "KeyId": key(sandbox, region, alias) });
    call(sandbox, region, "kms", "DisableKey", input);
}

#[test]
fn keys_that_cannot_be_used() {
    let desk = Desk::new("key-disabled");
    desk.work(|sandbox| disable(sandbox, "eu-west-1", "alias/redmine-eu"));
    insta::assert_snapshot!("key_disabled", desk.refused("eu-west-1", &["E2031"]));
    let desk = Desk::new("key-leaving");
    desk.work(|sandbox| {
        let target = key(sandbox, "eu-west-1", "alias/redmine-eu");
        let input = json!({ "KeyId": target, "PendingWindowInDays": 7 });
        call(sandbox, "eu-west-1", "kms", "ScheduleKeyDeletion", input);
    });
    insta::assert_snapshot!("key_leaving", desk.refused("eu-west-1", &["E2031"]));
    let desk = Desk::new("key-of-the-source");
    desk.work(|sandbox| disable(sandbox, "us-west-2", "alias/redmine"));
    insta::assert_snapshot!("source_key_disabled", desk.refused("eu-west-1", &["E2033"]));
}

#[test]
fn certificate_not_issuable() {
    let desk = Desk::new("caa");
    desk.work(|sandbox| {
        let zones = call(sandbox, "us-east-1", "route53", "ListHostedZones", json!({}));
        let zone = zones["HostedZones"][0]["Id"].as_str().unwrap();
        let caa = json!({ "Name": "infracourse.cloud", "Type": "CAA", "TTL": 300, "ResourceRecords": [{ "Value": "0 issue \"letsencrypt.org\"" }] });
        change(sandbox, zone, json!([{ "Action": "CREATE", "ResourceRecordSet": caa }]));
    });
    insta::assert_snapshot!(desk.refused("eu-west-1", &["E2041"]));
}

#[test]
fn quota_short() {
    let desk = Desk::new("quota");
    desk.work(|sandbox| {
        for number in 0..4 {
            let input = json!({ "CidrBlock": format!("10.{}.0.0/16", 40 + number) });
            call(sandbox, "eu-west-1", "ec2", "CreateVpc", input);
            call(
                sandbox,
                "eu-west-1",
                "ec2",
                "CreateInternetGateway",
                json!({}),
            );
            call(
                sandbox,
                "eu-west-1",
                "ec2",
                "AllocateAddress",
                json!({ "Domain": "vpc" }),
            );
        }
        let input = json!({ "CidrBlock": "10.50.0.0/16" });
        call(sandbox, "eu-west-1", "ec2", "CreateVpc", input);
        call(
            sandbox,
            "eu-west-1",
            "ec2",
            "AllocateAddress",
            json!({ "Domain": "vpc" }),
        );
    });
    insta::assert_snapshot!(desk.refused("eu-west-1", &["E2050", "E2050"]));
}

fn offer(sandbox: &Sandbox, class: &str, offered: bool) {
    let action = Action::OfferDatabaseClass {
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        class: class.into(),
        offered,
    };
    sandbox
        .world()
        .act(sandbox.clock().nanos(), &action)
        .unwrap();
}

#[test]
fn class_not_orderable() {
    let desk = Desk::new("class");
    desk.work(|sandbox| {
        for class in ["t4g", "m6g", "m5"] {
            offer(sandbox, class, false);
        }
    });
    insta::assert_snapshot!(desk.refused("eu-west-1", &["E2060"]));
}

#[test]
fn an_alternative_class_is_said_and_taken() {
    let desk = Desk::new("class-alternative");
    desk.work(|sandbox| offer(sandbox, "t4g", false));
    let plan = desk.type_in(&["plan", "--to", "eu-west-1"]);
    assert_eq!(plan.exit, 0, "{}", plan.out);
    assert!(
        plan.out
            .contains("db.t4g.medium cannot be ordered there; db.m6g.large will be taken"),
        "{}",
        plan.out
    );
    let moved = desk.type_in(&["migrate", "--to", "eu-west-1"]);
    assert_eq!(moved.exit, 0, "{}", moved.err);
    desk.work(|sandbox| {
        let all = call(
            sandbox,
            "eu-west-1",
            "rds",
            "DescribeDBInstances",
            json!({}),
        );
        assert_eq!(all["DBInstances"][0]["DBInstanceClass"], "db.m6g.large");
    });
}

#[test]
fn names_taken_by_strangers() {
    let desk = Desk::new("names");
    desk.work(|sandbox| {
        let there = |service: &str, operation: &str, input: Value| {
            call(sandbox, "eu-west-1", service, operation, input)
        };
        there("ecr", "CreateRepository", json!({ "repositoryName": "redmine" }));
        there("ecs", "CreateCluster", json!({ "clusterName": "redmine" }));
        there("logs", "CreateLogGroup", json!({ "logGroupName": "/ecs/redmine" }));
        there("secretsmanager", "CreateSecret", json!({ "Name": "redmine/db", "SecretString": "theirs" }));
        let input = json!({ "DBParameterGroupName": "redmine-pg15", "DBParameterGroupFamily": "postgres15", "Description": "theirs" });
        there("rds", "CreateDBParameterGroup", input);
    });
    insta::assert_snapshot!(desk.refused("eu-west-1", &["E2070"; 5]));
}

#[test]
fn everything_is_told_at_once() {
    let desk = Desk::with(
        "several",
        &[(
            "alias/redmine: alias/redmine-eu",
            "alias/redmine: alias/nobody",
        )],
    );
    desk.work(|sandbox| {
        for class in ["t4g", "m6g", "m5"] {
            offer(sandbox, class, false);
        }
        call(
            sandbox,
            "eu-west-1",
            "ecs",
            "CreateCluster",
            json!({ "clusterName": "redmine" }),
        );
    });
    insta::assert_snapshot!(desk.refused("eu-west-1", &["E2070", "E2030", "E2060"]));
}

#[test]
fn a_plan_without_an_aws_to_ask_says_so() {
    let done = Command::new(env!("CARGO_BIN_EXE_drtool"))
        .args([
            "plan",
            "--stack",
            "redmine",
            "--to",
            "eu-west-1",
            "--directory",
        ])
        .arg(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .output()
        .unwrap();
    let out = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(0), "{out}");
    assert!(
        out.contains("not asked: planned from the capture alone"),
        "{out}"
    );
}
