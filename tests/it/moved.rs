//! What a moved Redmine is, field by field: read from the target's own lists and descriptions, never from the journal.

use std::collections::BTreeSet;

use aws_sim::world::World;
use drtool::expand::Rehearsal;
use serde_json::Value;

use crate::world::{Bench, done};

const SOURCE: &str = "us-west-2";

/// Where the target may name the source's region: fields by which AWS itself says where a thing came from. None of them
/// configures what the thing does. A `*` stands for one number or name.
const PROVENANCE: &[(&str, &str, &str)] = &[
    (
        "rds DescribeDBSnapshots",
        "DBSnapshots/*/SourceDBSnapshotIdentifier",
        "the snapshot that this one was copied from",
    ),
    (
        "rds DescribeDBSnapshots",
        "DBSnapshots/*/SourceRegion",
        "the region that it was copied from",
    ),
    (
        "secretsmanager GetSecretValue",
        "SecretString",
        "a secret's value is not read, so not rewritten: the task takes only its password from there, its host from DB_HOST",
    ),
    (
        "kms DescribeKey",
        "KeyMetadata/MultiRegionConfiguration/PrimaryKey/Region",
        "the other key of a multi-region key",
    ),
];

/// Every string under a value, with its path.
fn strings<'v>(path: &str, value: &'v Value, found: &mut Vec<(String, &'v str)>) {
    match value {
        Value::String(text) => found.push((path.to_owned(), text)),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                strings(&format!("{path}/{at}"), item, found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                strings(&format!("{path}/{name}"), member, found);
            }
        }
        _ => {}
    }
}

fn fits(path: &str, pattern: &str) -> bool {
    let (path, pattern): (Vec<&str>, Vec<&str>) =
        (path.split('/').collect(), pattern.split('/').collect());
    path.len() == pattern.len()
        && path
            .iter()
            .zip(&pattern)
            .all(|(part, wanted)| *wanted == "*" || part == wanted)
}

/// The answers to a read in the target, one for each thing asked about.
fn answers<'v>(described: &'v Value, place: &str, read: &str) -> Vec<&'v Value> {
    described[place][read]
        .as_array()
        .map(|all| all.iter().map(|one| &one["is"]).collect())
        .unwrap_or_default()
}

fn target<'v>(described: &'v Value, read: &str) -> Vec<&'v Value> {
    let found = answers(described, "111122223333 eu-west-1", read);
    assert!(!found.is_empty(), "{read}");
    found
}

/// Ids that AWS gave to things of the source: subnets, groups, gateways, and whatever else has a prefix and 17 digits;
/// names of hosts and ARNs are told by their region.
fn source_ids(described: &Value) -> BTreeSet<String> {
    let mut found = vec![];
    strings("", &described["111122223333 us-west-2"], &mut found);
    let id = |text: &&str| {
        text.rsplit_once('-').is_some_and(|(prefix, digits)| {
            [
                "vpc", "subnet", "sg", "igw", "nat", "rtb", "eipalloc", "eni", "acl",
            ]
            .contains(&prefix)
                && digits.len() == 17
                && digits.chars().all(|c| c.is_ascii_hexdigit())
        })
    };
    found
        .into_iter()
        .map(|(_, text)| text)
        .filter(id)
        .map(str::to_owned)
        .collect()
}

/// Every string of the target that names the source and is not provenance.
fn left_of_source(described: &Value) -> (Vec<String>, BTreeSet<usize>) {
    let ids = source_ids(described);
    assert!(ids.len() > 10, "the source has a network: {ids:?}");
    let mut named = vec![];
    let mut used = BTreeSet::new();
    let reads = described["111122223333 eu-west-1"].as_object().unwrap();
    for (read, asked) in reads {
        for answer in asked.as_array().unwrap() {
            let mut found = vec![];
            strings("", &answer["is"], &mut found);
            for (path, text) in found {
                if !text.contains(SOURCE) && !ids.iter().any(|id| text.contains(id.as_str())) {
                    continue;
                }
                let path = path.trim_start_matches('/');
                match PROVENANCE
                    .iter()
                    .position(|(of, pattern, _)| of == read && fits(path, pattern))
                {
                    Some(row) => {
                        used.insert(row);
                    }
                    None => named.push(format!("{read} {path}: {text}")),
                }
            }
        }
    }
    (named, used)
}

fn moved() -> (Bench, World) {
    let bench = Bench::new();
    done(bench.live(bench.begin(bench.plan(Rehearsal::Real))));
    bench.wait(60);
    let world = bench.fork();
    (bench, world)
}

#[test]
fn no_field_that_configures_anything_names_the_source() {
    let (_, world) = moved();
    let described = world.described();
    let (named, used) = left_of_source(&described);
    assert!(named.is_empty(), "{named:#?}");
    // The list shows that the look finds such strings at all, and it cannot rot: but for keys, which need not be of
    // several regions, each row is met.
    let unused: Vec<&str> = (0..PROVENANCE.len())
        .filter(|row| !used.contains(row) && !PROVENANCE[*row].0.starts_with("kms"))
        .map(|row| PROVENANCE[row].1)
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn redmine_stands_in_the_target_as_it_stood_in_the_source() {
    let before = Bench::new().fork().described();
    let (_, world) = moved();
    let described = world.described();
    let there = |read| target(&described, read)[0];
    let source = |read: &str| answers(&before, "111122223333 us-west-2", read)[0].clone();

    let database = &there("rds DescribeDBInstances")["DBInstances"][0];
    let old = &source("rds DescribeDBInstances")["DBInstances"][0];
    for same in [
        "Engine",
        "EngineVersion",
        "DBInstanceClass",
        "AllocatedStorage",
        "StorageType",
        "Iops",
        "MultiAZ",
        "MasterUsername",
        "DBName",
        "BackupRetentionPeriod",
        "PreferredBackupWindow",
        "PreferredMaintenanceWindow",
        "StorageEncrypted",
        "DeletionProtection",
        "AutoMinorVersionUpgrade",
        "PubliclyAccessible",
        "CopyTagsToSnapshot",
        "IAMDatabaseAuthenticationEnabled",
        "PerformanceInsightsEnabled",
        "MonitoringInterval",
    ] {
        assert_eq!(database[same], old[same], "{same}");
    }
    assert_eq!(database["DBInstanceStatus"], "available");
    assert_eq!(database["MultiAZ"], true);
    let group = |of: &Value| of["DBParameterGroups"][0]["DBParameterGroupName"].clone();
    assert_eq!(group(database), group(old));
    let parameter = target(&described, "rds DescribeDBParameters")
        .iter()
        .flat_map(|answer| answer["Parameters"].as_array().unwrap())
        .find(|p| p["ParameterName"] == "log_min_duration_statement")
        .unwrap();
    assert_eq!(parameter["ParameterValue"], "500");
    let alias = target(&described, "kms ListAliases")[0]["Aliases"]
        .as_array()
        .unwrap()
        .iter()
        .find(|a| a["AliasName"] == "alias/redmine-eu")
        .unwrap();
    assert!(
        database["KmsKeyId"]
            .as_str()
            .unwrap()
            .ends_with(alias["TargetKeyId"].as_str().unwrap()),
        "the mapped key"
    );

    let tags = |described: &Value, place: &str| {
        let mut found: Vec<(String, String)> = answers(described, place, "ecr DescribeImages")
            .iter()
            .flat_map(|answer| answer["imageDetails"].as_array().unwrap())
            .flat_map(|image| {
                let digest = image["imageDigest"].as_str().unwrap().to_owned();
                image["imageTags"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(move |tag| (tag.as_str().unwrap().to_owned(), digest.clone()))
                    .collect::<Vec<_>>()
            })
            .collect();
        found.sort();
        found
    };
    let wanted = tags(&before, "111122223333 us-west-2");
    assert_eq!(wanted.len(), 2, "5.1 and latest");
    assert_eq!(wanted[0].1, wanted[1].1);
    assert_eq!(tags(&described, "111122223333 eu-west-1"), wanted);

    for name in ["redmine/db", "redmine/app"] {
        let secret = target(&described, "secretsmanager DescribeSecret")
            .into_iter()
            .find(|s| s["Name"] == name)
            .unwrap();
        assert!(
            secret["ReplicationStatus"]
                .as_array()
                .is_none_or(Vec::is_empty),
            "{name} stands alone"
        );
    }

    let service = &there("ecs DescribeServices")["services"][0];
    assert_eq!(service["desiredCount"], 2);
    assert_eq!(service["runningCount"], 2);
    let running = service["taskDefinition"].as_str().unwrap();
    let definition = target(&described, "ecs DescribeTaskDefinition")
        .into_iter()
        .find(|d| d["taskDefinition"]["taskDefinitionArn"] == running)
        .unwrap();
    let container = &definition["taskDefinition"]["containerDefinitions"][0];
    let host = container["environment"]
        .as_array()
        .unwrap()
        .iter()
        .find(|e| e["name"] == "DB_HOST")
        .unwrap();
    assert_eq!(host["value"], database["Endpoint"]["Address"]);
    assert!(
        container["image"]
            .as_str()
            .unwrap()
            .ends_with(&format!("eu-west-1.amazonaws.com/redmine@{}", wanted[0].1)),
        "{}",
        container["image"]
    );
    assert_eq!(
        container["logConfiguration"]["options"]["awslogs-region"],
        "eu-west-1"
    );

    let listeners: Vec<&Value> = target(&described, "elbv2 DescribeListeners")
        .iter()
        .flat_map(|a| a["Listeners"].as_array().unwrap())
        .collect();
    let secure = listeners.iter().find(|l| l["Port"] == 443).unwrap();
    assert_eq!(secure["Protocol"], "HTTPS");
    let certificate = &secure["Certificates"][0]["CertificateArn"];
    let issued = target(&described, "acm DescribeCertificate")
        .into_iter()
        .find(|c| c["Certificate"]["CertificateArn"] == *certificate)
        .unwrap();
    assert_eq!(issued["Certificate"]["Status"], "ISSUED");
    let plain = listeners.iter().find(|l| l["Port"] == 80).unwrap();
    assert_eq!(plain["DefaultActions"][0]["Type"], "redirect");

    let scaling = &there("application-autoscaling DescribeScalableTargets")["ScalableTargets"][0];
    assert_eq!(
        (&scaling["MinCapacity"], &scaling["MaxCapacity"]),
        (&2.into(), &6.into())
    );
    for what in [
        "DynamicScalingInSuspended",
        "DynamicScalingOutSuspended",
        "ScheduledScalingSuspended",
    ] {
        assert_ne!(scaling["SuspendedState"][what], true, "{what}");
    }
    let policy = &there("application-autoscaling DescribeScalingPolicies")["ScalingPolicies"][0];
    assert_eq!(
        policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"],
        60.0
    );

    let balancer = &there("elbv2 DescribeLoadBalancers")["LoadBalancers"][0];
    let record = answers(&described, "111122223333", "route53 ListResourceRecordSets")
        .iter()
        .flat_map(|a| a["ResourceRecordSets"].as_array().unwrap())
        .find(|r| r["Name"] == "redmine.sidpotti.infracourse.cloud." && r["Type"] == "A")
        .unwrap();
    assert_eq!(
        record["AliasTarget"]["DNSName"]
            .as_str()
            .unwrap()
            .trim_end_matches('.')
            .to_lowercase(),
        balancer["DNSName"].as_str().unwrap().to_lowercase()
    );
    assert_eq!(
        record["AliasTarget"]["HostedZoneId"],
        balancer["CanonicalHostedZoneId"]
    );
}

/// What a read says of the source's security groups: names and rules.
fn groups(described: &Value, place: &str) -> Vec<(String, Value)> {
    let mut found: Vec<(String, Value)> = answers(described, place, "ec2 DescribeSecurityGroups")
        .iter()
        .flat_map(|a| a["SecurityGroups"].as_array().unwrap())
        .map(|g| {
            (
                g["GroupName"].as_str().unwrap().to_owned(),
                g["IpPermissions"].clone(),
            )
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[test]
fn nothing_of_the_probes_is_left_in_either_region() {
    let before = Bench::new().fork().described();
    let (_, world) = moved();
    let described = world.described();
    let place = "111122223333 us-west-2";
    let (old, new) = (groups(&before, place), groups(&described, place));
    let closed = |found: &[(String, Value)]| -> Vec<(String, Value)> {
        found
            .iter()
            .filter(|(name, _)| name != "redmine-database")
            .cloned()
            .collect()
    };
    assert_eq!(closed(&old), closed(&new), "groups and rules are as before");
    let of_database = new.iter().find(|(n, _)| n == "redmine-database").unwrap();
    assert!(of_database.1.is_null(), "but for the fence, which holds");
    for place in ["111122223333 us-west-2", "111122223333 eu-west-1"] {
        for (name, rules) in groups(&described, place) {
            assert!(!name.contains("drtool"), "{place}: {name}");
            assert!(
                !rules.to_string().contains("drtool"),
                "{place}: {name} {rules}"
            );
        }
        for tasks in answers(&described, place, "ecs DescribeTasks") {
            assert!(
                !tasks.to_string().contains("drtool-main"),
                "{place}: {tasks}"
            );
        }
        for definition in answers(&described, place, "ecs DescribeTaskDefinition") {
            let family = definition["taskDefinition"]["family"].as_str().unwrap();
            assert!(!family.contains("drtool"), "{place}: {family} is active");
        }
    }
}

#[test]
fn the_probes_go_as_steps_of_the_plan_whose_failure_is_told_and_resumed() {
    use aws_sim::action::Action;
    use aws_sim::faults::{Fault, Rule};
    use drtool_engine::event::Outcome;

    let bench = Bench::new();
    let plan = bench.plan(Rehearsal::Real);
    let tidy: Vec<&str> = plan
        .steps
        .iter()
        .filter(|s| s.line == "tidy")
        .map(|s| s.kind.as_str())
        .collect();
    assert_eq!(tidy.iter().filter(|k| **k == "probe-removal").count(), 3);
    assert_eq!(tidy.len(), 7);
    bench.act(&Action::AddFault {
        rule: Rule {
            id: Some("kept".into()),
            service: Some("ec2".into()),
            operation: Some("DeleteSecurityGroup".into()),
            region: Some("us-west-2".into()),
            fault: Fault::AccessDenied,
            ..Rule::default()
        },
    });
    let ended = bench.live(bench.begin(plan.clone())).expect("it ends");
    let outcome = ended.result.unwrap();
    let (Outcome::Failed { .. } | Outcome::Stopped(_)) = &outcome else {
        panic!("{outcome:?}");
    };
    assert!(
        format!("{outcome:?}").contains("tidy/main-source-group"),
        "{outcome:?}"
    );
    bench.act(&Action::RemoveFault { id: "kept".into() });
    done(bench.live(bench.take_over(&plan).resume().unwrap()));
    for (name, _) in groups(&bench.fork().described(), "111122223333 us-west-2") {
        assert!(!name.contains("drtool"), "{name}");
    }
}
