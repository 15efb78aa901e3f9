//! Plans of the stacks in `manifests/`, and what is refused.

use super::*;
use crate::manifest::{self, File};
use drtool_engine::StepId;
use drtool_engine::plan::{self, Planned};
use drtool_engine::step::Effect;

fn read(path: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    std::fs::read_to_string(format!("{root}{path}")).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The files of Redmine, to be changed by a test before they are read.
struct Files {
    manifest: String,
    overlay: Option<String>,
    capture: String,
    runbook: String,
    profile: Rehearsal,
}

impl Files {
    fn redmine() -> Files {
        Files {
            manifest: read("manifests/redmine.yaml"),
            overlay: None,
            capture: read("manifests/redmine.capture.json"),
            runbook: read("runbooks/migrate.yaml"),
            profile: Rehearsal::Real,
        }
    }

    fn failover_pair() -> Files {
        Files {
            overlay: Some(read("manifests/redmine.failover-pair.yaml")),
            capture: read("manifests/redmine.failover-pair.capture.json"),
            ..Files::redmine()
        }
    }

    fn plan(&self) -> Result<Plan, Failures> {
        let mut sources = Sources::default();
        let base = File {
            name: "manifests/redmine.yaml",
            bytes: self.manifest.as_bytes(),
        };
        let overlays: Vec<File<'_>> = self
            .overlay
            .iter()
            .map(|text| File {
                name: "manifests/redmine.failover-pair.yaml",
                bytes: text.as_bytes(),
            })
            .collect();
        let manifest = manifest::load(&mut sources, &base, &overlays)?;
        let capture = Capture::read("manifests/redmine.capture.json", self.capture.as_bytes())?;
        let runbook = runbook::load(
            &mut sources,
            &File {
                name: "runbooks/migrate.yaml",
                bytes: self.runbook.as_bytes(),
            },
        )?;
        let asked = Asked {
            to: Region::new("eu-west-1").unwrap(),
            profile: self.profile,
            lineage: "redmine-4c1d".into(),
            seed: "7f3a".into(),
            recovery_points: Default::default(),
        };
        expand(&manifest, &capture, &runbook, &asked, &sources)
    }

    fn planned(&self) -> Plan {
        self.plan()
            .unwrap_or_else(|e| panic!("{}", e.render(false)))
    }

    fn refused(&self) -> String {
        match self.plan() {
            Ok(_) => panic!("planned"),
            Err(failures) => failures.render(false),
        }
    }
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"));
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn redmine_is_planned() {
    snapshot(
        "plan-redmine",
        &crate::cli::show::plan(&Files::redmine().planned(), false, true),
    );
}

#[test]
fn a_drill_holds_what_fences_changes_or_cuts_and_uses_names_of_its_own() {
    let plan = Files {
        profile: Rehearsal::Drill,
        ..Files::redmine()
    }
    .planned();
    for step in &plan.steps {
        let harmless = matches!(step.effect, Effect::Reads | Effect::Adds);
        assert!(harmless || step.hold, "{}", step.id);
        // What is added in the source is one snapshot and the replicas of the secrets.
        if step.region.as_str() == "us-west-2" && step.effect == Effect::Adds && !step.hold {
            assert!(
                ["db-snapshot", "secret-replica"].contains(&step.kind.as_str()),
                "{}",
                step.id
            );
        }
        // A step that is held and looked at may be referred to: it says what it would yield.
        let referred = plan
            .steps
            .iter()
            .any(|other| other.needs.iter().any(|need| need.step == step.id));
        if step.hold && step.effect == Effect::Reads && referred {
            assert!(step.stand_in.is_some(), "{}", step.id);
        }
    }
    snapshot(
        "plan-redmine-drill",
        &crate::cli::show::plan(&plan, false, false),
    );
}

#[test]
fn the_variant_with_a_cname_a_second_zone_and_a_failover_pair_is_planned() {
    let plan = Files::failover_pair().planned();
    let cuts: Vec<&Planned> = plan
        .steps
        .iter()
        .filter(|s| s.effect == Effect::Cuts)
        .collect();
    // One batch a zone.
    assert_eq!(cuts.len(), 2);
    // Asked once, for all of them.
    assert_eq!(cuts.iter().filter(|s| s.confirm.is_some()).count(), 1);
    let records = |cut: &Planned| cut.params["records"].as_array().unwrap().clone();
    let named = |name: &str| {
        records(cuts[0])
            .into_iter()
            .map(|r| r["record"].clone())
            .find(|r| r["name"] == name)
            .unwrap()
    };
    assert_eq!(records(cuts[0]).len(), 3);
    assert_eq!(
        named("tracker.infracourse.cloud")["ttl"],
        60,
        "the cut deletes the record as the lowered TTL left it"
    );
    // The first zone is cut only while the second is as planned, and the second only after the first.
    assert_eq!(
        cuts[0].params["then"][0]["record"]["name"],
        "redmine.infracourse.example"
    );
    assert!(cuts[1].needs.iter().any(|n| n.step == cuts[0].id));
    let waits = plan
        .steps
        .iter()
        .flat_map(|s| &s.needs)
        .find(|n| n.step.line() == "lower-ttl" && n.settle.is_some())
        .unwrap();
    assert_eq!(
        waits.settle.unwrap().over,
        300,
        "users with an old answer ask again before the fence"
    );
    assert_eq!(named("issues.infracourse.cloud")["failover"], "PRIMARY");
    snapshot(
        "plan-redmine-failover-pair",
        &crate::cli::show::plan(&plan, false, false),
    );
}

#[test]
fn the_plan_can_be_carried_out_by_hand() {
    let script = commands::script(&Files::redmine().planned());
    for operation in [
        "create-vpc",
        "copy-db-snapshot",
        "restore-db-instance-from-db-snapshot",
        "update-service",
        "change-resource-record-sets",
    ] {
        assert!(script.contains(&format!(" {operation} ")), "{operation}");
    }
    snapshot("plan-redmine-as-cli", &script);
}

#[test]
fn the_engine_finds_no_flaw_in_any_of_them() {
    let drill = Files {
        profile: Rehearsal::Drill,
        ..Files::redmine()
    };
    for files in [Files::redmine(), drill, Files::failover_pair()] {
        let flaws: Vec<String> = plan::check(&files.planned())
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(flaws.is_empty(), "{flaws:#?}");
    }
}

#[test]
fn the_same_files_give_the_same_plan() {
    assert_eq!(
        Files::redmine().planned().hash(),
        Files::redmine().planned().hash()
    );
}

#[test]
fn no_step_names_the_source_region_but_where_it_acts_on_the_source() {
    let plan = Files::redmine().planned();
    let of_source = ["db-snapshot-copy", "image", "dns-cut", "settings-diff"];
    for step in plan
        .steps
        .iter()
        .filter(|s| s.region.as_str() == "eu-west-1" && !of_source.contains(&s.kind.as_str()))
    {
        let text = step.params.to_string();
        assert!(!text.contains("us-west-2"), "{}: {text}", step.id);
    }
}

#[test]
fn every_step_of_the_plan_can_be_read_back() {
    let plan = Files::redmine().planned();
    let text = serde_json::to_string(&plan).unwrap();
    let back: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(back.hash(), plan.hash());
    let ids: BTreeSet<&StepId> = plan.steps.iter().map(|s| &s.id).collect();
    assert_eq!(ids.len(), plan.steps.len());
    let mut before: BTreeSet<&StepId> = BTreeSet::new();
    for step in &plan.steps {
        for need in &step.needs {
            assert!(
                before.contains(&need.step),
                "{} comes before {}, which it needs",
                step.id,
                need.step
            );
        }
        before.insert(&step.id);
    }
}

#[test]
fn groups_that_refer_to_each_other_are_made_before_their_rules() {
    let mut files = Files::redmine();
    files.capture = files.capture.replacen(
        "\"id\": \"sg-0b2\",\n        \"name\": \"redmine-service\",\n        \"description\": \"Redmine tasks\",\n        \"ingress\": [",
        "\"id\": \"sg-0b2\",\n        \"name\": \"redmine-service\",\n        \"description\": \"Redmine tasks\",\n        \"ingress\": [\n          { \"protocol\": \"tcp\", \"fromPort\": 5432, \"toPort\": 5432, \"peer\": { \"securityGroup\": \"sg-0b3\" }, \"description\": null },",
        1,
    );
    files.capture = files.capture.replacen("\"peer\": {\n              \"cidr\": \"0.0.0.0/0\"\n            },\n            \"description\": null\n          }\n        ],\n        \"egress\": [\n          {\n            \"protocol\": \"-1\",\n            \"fromPort\": null,\n            \"toPort\": null,\n            \"peer\": {\n              \"cidr\": \"0.0.0.0/0\"\n            },\n            \"description\": null\n          }\n        ],\n        \"tags\": {\n          \"Name\": \"redmine-database\"", "\"peer\": { \"securityGroup\": \"sg-0b2\" }, \"description\": null } ], \"egress\": [], \"tags\": { \"Name\": \"redmine-database\"", 1);
    let plan = files.planned();
    let needs = |id: &str| -> Vec<String> {
        plan.steps
            .iter()
            .find(|s| s.id.as_str() == id)
            .unwrap()
            .needs
            .iter()
            .map(|n| n.step.to_string())
            .collect()
    };
    assert!(needs("network/rules-service").contains(&"network/group-database".to_owned()));
    assert!(needs("network/rules-database").contains(&"network/group-service".to_owned()));
}

#[test]
fn every_refusal_points_at_its_place_and_says_what_to_do() {
    let swap = |text: &mut String, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        *text = text.replacen(from, to, 1);
    };
    type Case = (&'static str, Box<dyn Fn(&mut Files)>);
    let cases: Vec<Case> = vec![
        (
            "a runbook line that nobody knows",
            Box::new(move |f| swap(&mut f.runbook, "use: network,", "use: netwrok,")),
        ),
        (
            "a need of nothing",
            Box::new(move |f| {
                swap(
                    &mut f.runbook,
                    "needs: [network, certificates]",
                    "needs: [netwrk, certificates]",
                )
            }),
        ),
        (
            "lines that wait for each other",
            Box::new(move |f| {
                swap(
                    &mut f.runbook,
                    "use: network,           summary: The network }",
                    "use: network,           summary: The network, needs: [balancers] }",
                )
            }),
        ),
        (
            "two lines of one name",
            Box::new(move |f| swap(&mut f.runbook, "id: seed,", "id: settings,")),
        ),
        (
            "a list that does not fit",
            Box::new(move |f| {
                swap(
                    &mut f.runbook,
                    "needs: [keys], for_each: secrets",
                    "needs: [keys], for_each: images",
                )
            }),
        ),
        (
            "a cut without a check",
            Box::new(move |f| {
                swap(
                    &mut f.runbook,
                    "needs: [checks, refused, verify-data]",
                    "needs: [refused, verify-data]",
                )
            }),
        ),
        (
            "a cut without a fence",
            Box::new(move |f| {
                swap(
                    &mut f.runbook,
                    "      - { id: refused,      use: write-refused,     summary: \"A write is tried, and refused\",          needs: [probe, fence], for_each: databases }\n",
                    "",
                );
                swap(
                    &mut f.runbook,
                    "needs: [refused], for_each: databases }",
                    "needs: [probe], for_each: databases }",
                );
                swap(
                    &mut f.runbook,
                    "needs: [checks, refused, verify-data]",
                    "needs: [checks, verify-data]",
                );
            }),
        ),
        (
            "a snapshot before the fence",
            Box::new(move |f| {
                swap(
                    &mut f.runbook,
                    "needs: [watermark, seed, settings]",
                    "needs: [seed, settings]",
                )
            }),
        ),
        (
            "tasks before their database answers",
            Box::new(move |f| {
                swap(
                    &mut f.runbook,
                    "needs: [verify-data, promote, parameters, images,",
                    "needs: [promote, parameters, images,",
                )
            }),
        ),
        (
            "a line before what it uses",
            Box::new(move |f| {
                swap(
                    &mut f.runbook,
                    "      - { id: network,      use: network,           summary: The network }\n",
                    "",
                );
                swap(
                    &mut f.runbook,
                    "needs: [network, certificates]",
                    "needs: [certificates]",
                );
                swap(&mut f.runbook, "needs: [network, logs]", "needs: [logs]");
                swap(
                    &mut f.runbook,
                    "needs: [network], for_each: databases",
                    "for_each: databases",
                );
            }),
        ),
        (
            "a key that is not mapped",
            Box::new(move |f| {
                swap(
                    &mut f.manifest,
                    "    keys: { alias/redmine: alias/redmine-eu }\n",
                    "",
                )
            }),
        ),
        (
            "something left that nobody has seen",
            Box::new(move |f| {
                swap(
                    &mut f.manifest,
                    "leaveBehind:\n  - { what: codepipeline/redmine, why: \"CI is repointed by hand, see the wiki\" }\n",
                    "",
                )
            }),
        ),
        (
            "a path that no volume keeps",
            Box::new(move |f| {
                swap(
                    &mut f.manifest,
                    "acceptedLoss:\n  - { path: /home/redmine/data, why: \"uploads live in the task only, as they do today\" }\n",
                    "",
                )
            }),
        ),
        (
            "a task that names no restored database",
            Box::new(move |f| {
                swap(
                    &mut f.manifest,
                    "    environment: { DB_HOST: \"${database.main.endpoint}\" }\n",
                    "",
                );
                f.capture = f
                    .capture
                    .replace("\"name\": \"DB_HOST\",", "\"name\": \"BAKED_IN\",")
                    .replacen(
                        "\"value\": \"redmine-db.c9akciq32rmd.us-west-2.rds.amazonaws.com\"",
                        "\"value\": \"x\"",
                        1,
                    );
            }),
        ),
        (
            "a queue in the source region",
            Box::new(move |f| {
                swap(
                    &mut f.capture,
                    "\"value\": \"postgresql\"",
                    "\"value\": \"https://sqs.us-west-2.amazonaws.com/111122223333/jobs\"",
                );
            }),
        ),
        (
            "a certificate that does not cover the name",
            Box::new(move |f| {
                f.capture = f.capture.replace("\"domainName\": \"redmine.sidpotti.infracourse.cloud\"", "\"domainName\": \"other.infracourse.cloud\"").replace("\"subjectAlternativeNames\": [\n        \"redmine.sidpotti.infracourse.cloud\"\n      ]", "\"subjectAlternativeNames\": []")
            }),
        ),
        (
            "a database that is not there",
            Box::new(move |f| {
                swap(
                    &mut f.manifest,
                    "instance: redmine-db",
                    "instance: redmine-database",
                )
            }),
        ),
        (
            "a record that is not there",
            Box::new(move |f| {
                swap(
                    &mut f.manifest,
                    "record: redmine.sidpotti.infracourse.cloud",
                    "record: redmine.infracourse.cloud",
                )
            }),
        ),
        (
            "a record that is something else",
            Box::new(move |f| {
                swap(
                    &mut f.manifest,
                    "to: web }\n\n# What must",
                    "to: web, as: cname }\n\n# What must",
                )
            }),
        ),
        (
            "a TTL where there is none",
            Box::new(move |f| {
                swap(
                    &mut f.manifest,
                    "to: web }\n\n# What must",
                    "to: web, lowerTtlTo: 60s }\n\n# What must",
                )
            }),
        ),
        (
            "a network too small",
            Box::new(move |f| swap(&mut f.manifest, "cidr: 10.20.0.0/16", "cidr: 10.20.0.0/20")),
        ),
        (
            "a protected stack",
            Box::new(move |f| f.manifest.push_str("protect: true\n")),
        ),
        (
            "a capture of another account",
            Box::new(move |f| {
                swap(
                    &mut f.capture,
                    "\"account\": \"111122223333\"",
                    "\"account\": \"444455556666\"",
                )
            }),
        ),
        (
            "a capture of another format",
            Box::new(move |f| swap(&mut f.capture, "\"version\": 1", "\"version\": 9")),
        ),
        (
            "a capture cut short",
            Box::new(move |f| f.capture.truncate(200)),
        ),
    ];
    let mut told = String::new();
    for (name, change) in cases {
        let mut files = Files::redmine();
        change(&mut files);
        told.push_str(&format!("── {name}\n{}\n", files.refused()));
    }
    snapshot("refused-plans", &told);
}
