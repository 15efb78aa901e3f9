//! What the oracle knows.

use super::*;
use crate::clock::MINUTE;
use crate::services::ServiceId;
use crate::services::ecs::tests::Site;

#[test]
fn every_resource_is_known_with_its_maker_and_its_tags() {
    let mut site = Site::new();
    let tags = json!([{ "ResourceType": "vpc", "Tags": [{ "Key": "run", "Value": "7f3a" }] }]);
    site.ok(
        ServiceId::Ec2,
        "CreateVpc",
        json!({ "CidrBlock": "10.7.0.0/16", "TagSpecifications": tags }),
    );
    let definition = site.define(
        "web",
        "public.ecr.aws/docker/library/http-echo:1.0",
        json!({}),
    );
    site.service("web", &definition, 1);
    site.pass(2 * MINUTE);
    let all = resources(&site.world);
    let kinds: std::collections::BTreeSet<&str> = all.iter().map(|r| r.kind.as_str()).collect();
    for kind in [
        "vpc",
        "subnet",
        "security-group",
        "cluster",
        "service",
        "task",
        "task-definition",
        "role",
        "network-interface",
    ] {
        assert!(kinds.contains(kind), "{kind} is missing from {kinds:?}");
    }
    for kind in ["vpc", "cluster", "service", "task-definition", "role"] {
        let one = all
            .iter()
            .find(|r| r.kind == kind && !r.id.starts_with("AWSServiceRole"))
            .unwrap();
        let made = one
            .made
            .as_ref()
            .unwrap_or_else(|| panic!("who made {one:?}?"));
        assert_eq!(made.by, "arn:aws:iam::111122223333:root");
    }
    assert_eq!(
        count_by_tag(&site.world, "run", "7f3a")
            .values()
            .sum::<usize>(),
        1
    );
}

#[test]
fn asking_the_oracle_changes_nothing() {
    let mut site = Site::new();
    let before = site.world.canonical();
    let (calls, next) = (site.world.log.calls, site.world.next_event());
    dump(&site.world);
    assert_eq!(
        (site.world.log.calls, site.world.next_event()),
        (calls, next)
    );
    assert!(differences(&site.world, &site.world.fork()).is_empty());
    assert_eq!(site.world.canonical(), before);
    let fork = site.world.fork();
    site.ok(
        ServiceId::Ec2,
        "CreateVpc",
        json!({ "CidrBlock": "10.7.0.0/16" }),
    );
    assert!(!differences(&site.world, &fork).is_empty());
}

#[test]
fn what_is_made_again_has_a_new_maker() {
    let mut site = Site::new();
    let made = |site: &mut Site| {
        site.pass(MINUTE);
        site.ok(
            ServiceId::Ecr,
            "CreateRepository",
            json!({ "repositoryName": "redmine" }),
        );
        let all = resources(&site.world);
        all.iter()
            .find(|r| r.kind == "repository")
            .unwrap()
            .made
            .clone()
            .unwrap()
            .at
    };
    let first = made(&mut site);
    site.ok(
        ServiceId::Ecr,
        "DeleteRepository",
        json!({ "repositoryName": "redmine" }),
    );
    assert_eq!(made(&mut site), first + MINUTE);
    let zone = site.ok(
        ServiceId::Route53,
        "CreateHostedZone",
        json!({ "Name": "example.com", "CallerReference": "1" }),
    );
    let zone = zone["HostedZone"]["Id"]
        .as_str()
        .unwrap()
        .trim_start_matches("/hostedzone/")
        .to_owned();
    let set = json!({ "Name": "www.example.com", "Type": "A", "TTL": 60, "ResourceRecords": [{ "Value": "192.0.2.1" }] });
    let batch = json!({ "Changes": [{ "Action": "CREATE", "ResourceRecordSet": set }] });
    site.ok(
        ServiceId::Route53,
        "ChangeResourceRecordSets",
        json!({ "HostedZoneId": zone, "ChangeBatch": batch }),
    );
    let all = resources(&site.world);
    let record = all
        .iter()
        .find(|r| r.id == format!("{zone} www.example.com. A"))
        .unwrap();
    assert_eq!(
        record.made.as_ref().unwrap().operation,
        "ChangeResourceRecordSets"
    );
}
