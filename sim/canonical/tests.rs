use super::ids::{label, order};
use super::*;
use crate::services::ServiceId::{Ec2, Kms, Rds};

#[test]
fn generated_ids_become_their_order_and_content_stays() {
    let mut value = json!([
        "vpc-0a1b2c3d4e5f60718",
        "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-0a1b2c3d4e5f60718",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:redmine/db-AbC123",
        "10.0.1.7",
        "10.0.0.0/16",
    ]);
    label(&mut value, &mut BTreeMap::new());
    let expected = json!([
        "vpc-#1",
        "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-#1",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:redmine/db-#2",
        "#3",
        "10.0.0.0/16",
    ]);
    assert_eq!(value, expected);
}

#[test]
fn lists_are_ordered_by_what_they_say_and_not_by_their_ids() {
    let one = json!([{"id": "sg-0000000000000000a", "name": "web"}, {"id": "sg-0000000000000000b", "name": "db"}]);
    let two = json!([{"id": "sg-0000000000000000c", "name": "db"}, {"id": "sg-0000000000000000d", "name": "web"}]);
    let form = |mut value: Value| {
        order(&mut value);
        label(&mut value, &mut BTreeMap::new());
        value
    };
    assert_eq!(form(one), form(two));
}

#[test]
fn every_look_names_an_operation_and_members_that_its_model_has() {
    for look in GLOBAL.iter().chain(REGIONAL) {
        let model = look.service.model();
        let operation = model.operation(look.operation);
        let operation = operation.unwrap_or_else(|| panic!("{}", look.operation));
        let fixed = look
            .fixed
            .split_terminator('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, _)| key);
        for member in look.from.iter().map(|(member, _, _)| *member).chain(fixed) {
            let input = model.shape(operation.input.unwrap());
            assert!(
                input.member(member).is_some(),
                "{} {member}",
                look.operation
            );
        }
    }
}

/// A network, a key, a role, a database and its snapshot, in that order or nearly so.
fn built(seed: u64, swapped: bool) -> World {
    build(seed, swapped, |_| {}).0
}

/// The same, with something in between; and every answer on the way.
fn build(seed: u64, swapped: bool, between: impl Fn(&mut World)) -> (World, Vec<Value>) {
    let mut world = World::new(seed);
    let mut answers = Vec::new();
    let mut step = |service, operation: &str, input: Value| {
        let later = world.now() + 1_800 * SECOND;
        let answer = world.invoke("111122223333", "us-west-2", service, operation, input);
        for _ in 0..4 {
            between(&mut world);
            let then = world.now() + 400 * SECOND;
            world.advance_to(then.min(later));
        }
        world.advance_to(later);
        let answer = answer.unwrap_or_else(|error| panic!("{operation}: {error}"));
        answers.push(answer.clone());
        answer
    };
    let vpc = step(Ec2, "CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}))["Vpc"]["VpcId"].clone();
    let zones = if swapped { ["b", "a"] } else { ["a", "b"] };
    let mut subnets = Vec::new();
    for zone in zones {
        let third = if zone == "a" { 1 } else { 2 };
        let input = json!({"VpcId": vpc, "CidrBlock": format!("10.0.{third}.0/24"), "AvailabilityZone": format!("us-west-2{zone}")});
        subnets.push(step(Ec2, "CreateSubnet", input)["Subnet"]["SubnetId"].clone());
    }
    let key = step(Kms, "CreateKey", json!({"Description": "data"}))["KeyMetadata"]["Arn"].clone();
    let group =
        json!({"DBSubnetGroupName": "main", "DBSubnetGroupDescription": "d", "SubnetIds": subnets});
    step(Rds, "CreateDBSubnetGroup", group);
    let database = json!({
        "DBInstanceIdentifier": "main", "Engine": "postgres", "DBInstanceClass": "db.t4g.medium", "AllocatedStorage": 20,
        "MasterUsername": "owner", "MasterUserPassword": "not-a-secret", "DBSubnetGroupName": "main",
        "StorageEncrypted": true, "KmsKeyId": key, "AvailabilityZone": "us-west-2a",
        "PreferredBackupWindow": "03:00-03:30", "PreferredMaintenanceWindow": "mon:05:00-mon:05:30",
    });
    step(Rds, "CreateDBInstance", database);
    step(
        Rds,
        "CreateDBSnapshot",
        json!({"DBInstanceIdentifier": "main", "DBSnapshotIdentifier": "first"}),
    );
    (world, answers)
}

#[test]
fn worlds_of_other_seeds_and_orders_are_equal_if_the_same_things_are_in_them() {
    let one = built(1, false).canonical();
    assert!(
        one["111122223333 us-west-2"]["rds DescribeDBInstances"][0]["is"]["DBInstances"].is_array()
    );
    for (seed, swapped) in [(1, false), (2, false), (3, true)] {
        let other = built(seed, swapped).canonical();
        let (a, b) = (
            serde_json::to_string_pretty(&one),
            serde_json::to_string_pretty(&other),
        );
        let (a, b) = (a.unwrap(), b.unwrap());
        let differing = a.lines().zip(b.lines()).find(|(a, b)| a != b);
        assert_eq!(differing, None, "seed {seed}");
    }
}

#[test]
fn a_world_with_one_thing_more_is_another() {
    let mut world = built(1, false);
    let before = world.canonical();
    let tag = json!({"ResourceName": "arn:aws:rds:us-west-2:111122223333:db:main", "Tags": [{"Key": "k", "Value": "v"}]});
    world
        .invoke("111122223333", "us-west-2", Rds, "AddTagsToResource", tag)
        .unwrap();
    assert_ne!(world.canonical(), before);
}

#[test]
fn reads_in_between_change_no_id_no_instant_and_no_answer() {
    let reads = |world: &mut World| {
        look(world, "111122223333", "us-east-1", GLOBAL);
        look(world, "111122223333", "us-west-2", REGIONAL);
    };
    let (mut quiet, said) = build(1, false, |_| {});
    let (mut watched, said_too) = build(1, false, reads);
    assert_eq!(said, said_too);
    assert_eq!(quiet.next_event(), watched.next_event());
    for operation in ["DescribeDBInstances", "DescribeDBSnapshots"] {
        let ask = |world: &mut World| {
            world
                .invoke("111122223333", "us-west-2", Rds, operation, json!({}))
                .unwrap()
        };
        assert_eq!(ask(&mut quiet), ask(&mut watched));
    }
}
