//! Aurora clusters.

use super::*;

fn cluster(ground: &mut Ground, id: &str, more: Value) -> Value {
    let mut input = json!({
        "DBClusterIdentifier": id, "Engine": "aurora-postgresql", "EngineVersion": "15.8", "MasterUsername": "redmine",
        "MasterUserPassword": "correct-horse", "DatabaseName": "app", "DBSubnetGroupName": "isolated",
    });
    for (member, value) in more.as_object().into_iter().flatten() {
        input[member] = value.clone();
    }
    ground.ok(SOURCE, "CreateDBCluster", input)["DBCluster"].clone()
}

fn member(ground: &mut Ground, region: &str, id: &str, of: &str) {
    ground.ok(region, "CreateDBInstance", json!({
        "DBInstanceIdentifier": id, "DBInstanceClass": "db.t4g.medium", "Engine": "aurora-postgresql",
        "DBClusterIdentifier": of,
    }));
}

fn shown(ground: &mut Ground, region: &str, id: &str) -> Value {
    ground.ok(
        region,
        "DescribeDBClusters",
        json!({ "DBClusterIdentifier": id }),
    )["DBClusters"][0]
        .clone()
}

fn until(ground: &mut Ground, region: &str, id: &str, status: &str) {
    for _ in 0..20_000 {
        if shown(ground, region, id)["Status"] == status {
            return;
        }
        ground.pass_until_next();
    }
    panic!("{id} never became {status}");
}

fn stack(ground: &mut Ground, more: Value) {
    cluster(ground, "aurora", more);
    until(ground, SOURCE, "aurora", "available");
    member(ground, SOURCE, "aurora-1", "aurora");
    member(ground, SOURCE, "aurora-2", "aurora");
    ground.until(SOURCE, "aurora-1", "available");
    ground.until(SOURCE, "aurora-2", "available");
}

#[test]
fn a_cluster_has_a_writer_and_readers_behind_two_names() {
    let mut ground = Ground::new();
    stack(&mut ground, json!({}));
    let there = shown(&mut ground, SOURCE, "aurora");
    assert_eq!(there["DBClusterMembers"].as_array().unwrap().len(), 2);
    assert_eq!(there["DBClusterMembers"][0]["IsClusterWriter"], true);
    let at = |host: &Value, ground: &Ground| {
        crate::services::rds::database_at(&ground.world, host.as_str().unwrap()).unwrap()
    };
    let (writer, reader) = (
        at(&there["Endpoint"], &ground),
        at(&there["ReaderEndpoint"], &ground),
    );
    assert_eq!(
        (writer.instance.as_str(), reader.instance.as_str()),
        ("aurora-1", "aurora-2")
    );
    ground.write(SOURCE, "aurora-1", 1).unwrap();
    assert_eq!(ground.rows(SOURCE, "aurora-2"), [1]);
    assert!(ground.write(SOURCE, "aurora-2", 2).is_err());
    assert_eq!(
        ground
            .query(SOURCE, "aurora-2", "select pg_is_in_recovery()")
            .unwrap()[0][0],
        "t"
    );
    ground.ok(
        SOURCE,
        "FailoverDBCluster",
        json!({ "DBClusterIdentifier": "aurora" }),
    );
    until(&mut ground, SOURCE, "aurora", "available");
    assert_eq!(at(&there["Endpoint"], &ground).instance, "aurora-2");
    ground.write(SOURCE, "aurora-2", 2).unwrap();
}

#[test]
fn a_cluster_with_members_is_not_deleted() {
    let mut ground = Ground::new();
    stack(&mut ground, json!({}));
    let delete = json!({ "DBClusterIdentifier": "aurora", "SkipFinalSnapshot": true });
    assert_eq!(
        ground.code(SOURCE, "DeleteDBCluster", delete.clone()),
        "InvalidDBClusterStateFault"
    );
    for id in ["aurora-1", "aurora-2"] {
        ground.ok(
            SOURCE,
            "DeleteDBInstance",
            json!({ "DBInstanceIdentifier": id, "SkipFinalSnapshot": true }),
        );
    }
    ground.ok(SOURCE, "DeleteDBCluster", delete);
    ground.pass(HOUR);
    assert_eq!(
        ground.code(
            SOURCE,
            "DescribeDBClusters",
            json!({ "DBClusterIdentifier": "aurora" })
        ),
        "DBClusterNotFoundFault"
    );
    assert_eq!(
        ground.code(
            SOURCE,
            "DescribeDBInstances",
            json!({ "DBInstanceIdentifier": "aurora-1" })
        ),
        "DBInstanceNotFound"
    );
}

#[test]
fn a_restored_cluster_has_no_instances_and_every_row() {
    let mut ground = Ground::new();
    let keys = (ground.key(SOURCE), ground.key(TARGET));
    stack(
        &mut ground,
        json!({ "StorageEncrypted": true, "KmsKeyId": keys.0 }),
    );
    ground.write(SOURCE, "aurora-1", 1).unwrap();
    ground.ok(
        SOURCE,
        "CreateDBClusterSnapshot",
        json!({ "DBClusterIdentifier": "aurora", "DBClusterSnapshotIdentifier": "snap" }),
    );
    ground.write(SOURCE, "aurora-1", 2).unwrap();
    ground.pass(HOUR);
    let arn = format!("arn:aws:rds:us-west-2:{ACCOUNT}:cluster-snapshot:snap");
    let mut copy = json!({ "SourceDBClusterSnapshotIdentifier": arn, "TargetDBClusterSnapshotIdentifier": "copy" });
    assert_eq!(
        ground.code(TARGET, "CopyDBClusterSnapshot", copy.clone()),
        "InvalidParameterValue"
    );
    copy["KmsKeyId"] = json!(keys.1);
    let made = ground.ok(TARGET, "CopyDBClusterSnapshot", copy)["DBClusterSnapshot"].clone();
    assert_eq!(
        (&made["Status"], &made["SourceDBClusterSnapshotArn"]),
        (&json!("copying"), &json!(arn))
    );
    ground.pass(4 * HOUR);
    ground.ok(TARGET, "RestoreDBClusterFromSnapshot", json!({
        "DBClusterIdentifier": "aurora", "SnapshotIdentifier": "copy", "Engine": "aurora-postgresql",
        "DBSubnetGroupName": "isolated",
    }));
    until(&mut ground, TARGET, "aurora", "available");
    assert_eq!(
        shown(&mut ground, TARGET, "aurora")["DBClusterMembers"],
        json!([])
    );
    member(&mut ground, TARGET, "one", "aurora");
    ground.until(TARGET, "one", "available");
    assert_eq!(ground.rows(TARGET, "one"), [1]);
    ground.write(TARGET, "one", 7).unwrap();
    assert_eq!(
        (ground.rows(TARGET, "one"), ground.rows(SOURCE, "aurora-1")),
        (vec![1, 7], vec![1, 2])
    );
}

#[test]
fn cluster_copies_are_five_at_a_time_and_never_encrypt() {
    let mut ground = Ground::new();
    let key = ground.key(TARGET);
    stack(&mut ground, json!({}));
    ground.ok(
        SOURCE,
        "CreateDBClusterSnapshot",
        json!({ "DBClusterIdentifier": "aurora", "DBClusterSnapshotIdentifier": "snap" }),
    );
    ground.pass(HOUR);
    let copy = |n: usize| {
        json!({
            "SourceDBClusterSnapshotIdentifier": format!("arn:aws:rds:us-west-2:{ACCOUNT}:cluster-snapshot:snap"),
            "TargetDBClusterSnapshotIdentifier": format!("copy-{n}"),
        })
    };
    let mut sealed = copy(0);
    sealed["KmsKeyId"] = json!(key);
    assert_eq!(
        ground.code(TARGET, "CopyDBClusterSnapshot", sealed),
        "InvalidParameterCombination"
    );
    for n in 0..5 {
        ground.ok(TARGET, "CopyDBClusterSnapshot", copy(n));
    }
    assert_eq!(
        ground.code(TARGET, "CopyDBClusterSnapshot", copy(5)),
        "SnapshotQuotaExceeded"
    );
}

#[test]
fn serverless_members_need_a_scaling_configuration() {
    let mut ground = Ground::new();
    cluster(
        &mut ground,
        "aurora",
        json!({ "Engine": "aurora-mysql", "EngineVersion": "8.0", "EnableHttpEndpoint": true }),
    );
    until(&mut ground, SOURCE, "aurora", "available");
    let member = json!({
        "DBInstanceIdentifier": "one", "DBInstanceClass": "db.serverless", "Engine": "aurora-mysql",
        "DBClusterIdentifier": "aurora",
    });
    assert_eq!(
        ground.code(SOURCE, "CreateDBInstance", member.clone()),
        "InvalidDBClusterStateFault"
    );
    ground.ok(SOURCE, "ModifyDBCluster", json!({
        "DBClusterIdentifier": "aurora", "ServerlessV2ScalingConfiguration": { "MinCapacity": 0.5, "MaxCapacity": 2.0 },
    }));
    until(&mut ground, SOURCE, "aurora", "available");
    ground.ok(SOURCE, "CreateDBInstance", member);
    assert_eq!(
        shown(&mut ground, SOURCE, "aurora")["HttpEndpointEnabled"],
        true
    );
    assert_eq!(
        ground.code(SOURCE, "CreateDBCluster", json!({ "DBClusterIdentifier": "v1", "Engine": "aurora-mysql", "EngineMode": "serverless", "MasterUsername": "u", "MasterUserPassword": "correct-horse" })),
        "InvalidParameterCombination"
    );
}

#[test]
fn aurora_postgres_has_no_replica_in_another_region() {
    let mut ground = Ground::new();
    stack(&mut ground, json!({}));
    let wanted = json!({
        "DBClusterIdentifier": "replica", "Engine": "aurora-postgresql", "EngineVersion": "15.8",
        "ReplicationSourceIdentifier": format!("arn:aws:rds:us-west-2:{ACCOUNT}:cluster:aurora"),
        "DBSubnetGroupName": "isolated",
    });
    assert_eq!(
        ground.code(TARGET, "CreateDBCluster", wanted),
        "InvalidParameterCombination"
    );
}
