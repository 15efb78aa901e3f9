//! Read replicas and their promotion.

use super::*;

fn replica(ground: &mut Ground) {
    ground.ready("db", json!({}));
    ground.write(SOURCE, "db", 1).unwrap();
    ground.ok(
        TARGET,
        "CreateDBInstanceReadReplica",
        json!({
            "DBInstanceIdentifier": "replica",
            "SourceDBInstanceIdentifier": format!("arn:aws:rds:us-west-2:{ACCOUNT}:db:db"),
            "DBSubnetGroupName": "isolated",
        }),
    );
    ground.until(TARGET, "replica", "available");
}

#[test]
fn a_replica_in_another_region_follows_its_source_and_takes_no_writes() {
    let mut ground = Ground::new();
    replica(&mut ground);
    let there = ground.instance(TARGET, "replica");
    let source = format!("arn:aws:rds:us-west-2:{ACCOUNT}:db:db");
    assert_eq!(there["ReadReplicaSourceDBInstanceIdentifier"], source);
    assert_eq!(there["StatusInfos"][0]["Status"], "replicating");
    assert_eq!(
        ground.instance(SOURCE, "db")["ReadReplicaDBInstanceIdentifiers"],
        json!([format!("arn:aws:rds:eu-west-1:{ACCOUNT}:db:replica")])
    );
    ground.write(SOURCE, "db", 2).unwrap();
    assert_eq!(ground.rows(TARGET, "replica"), [1]);
    ground.pass(4 * SECOND);
    assert_eq!(ground.rows(TARGET, "replica"), [1, 2]);
    assert!(
        ground
            .write(TARGET, "replica", 3)
            .unwrap_err()
            .contains("25006")
    );
    assert_eq!(
        ground
            .query(TARGET, "replica", "select pg_is_in_recovery()")
            .unwrap()[0][0],
        "t"
    );
    assert!(
        ground
            .query(TARGET, "replica", "select pg_current_wal_lsn()")
            .unwrap_err()
            .contains("55000")
    );
    let (a, b) = (
        ground.query(SOURCE, "db", "select pg_current_wal_lsn()"),
        ground.query(TARGET, "replica", "select pg_last_wal_replay_lsn()"),
    );
    assert_eq!(a, b, "nothing was written since");
    assert_eq!(
        ground
            .query(SOURCE, "db", "select count(*) from pg_stat_replication")
            .unwrap()[0][0],
        "1"
    );
}

#[test]
fn a_replica_that_falls_behind_never_goes_back() {
    let mut ground = Ground::new();
    replica(&mut ground);
    ground.pass(10 * SECOND);
    crate::services::rds::set_lag(&mut ground.world, ACCOUNT, TARGET, "replica", 10 * MINUTE);
    ground.write(SOURCE, "db", 2).unwrap();
    ground.pass(5 * MINUTE);
    assert_eq!(ground.rows(TARGET, "replica"), [1]);
    crate::services::rds::set_lag(&mut ground.world, ACCOUNT, TARGET, "replica", SECOND);
    assert_eq!(ground.rows(TARGET, "replica"), [1, 2]);
}

#[test]
fn a_promoted_replica_stands_alone_after_a_restart_and_a_backup() {
    let mut ground = Ground::new();
    replica(&mut ground);
    ground.ok(
        TARGET,
        "PromoteReadReplica",
        json!({ "DBInstanceIdentifier": "replica" }),
    );
    assert_eq!(
        ground.code(
            TARGET,
            "PromoteReadReplica",
            json!({ "DBInstanceIdentifier": "replica" })
        ),
        "InvalidDBInstanceState"
    );
    let path = ground.until(TARGET, "replica", "available");
    assert_eq!(path, ["modifying", "rebooting", "backing-up", "available"]);
    let there = ground.instance(TARGET, "replica");
    assert!(there.get("ReadReplicaSourceDBInstanceIdentifier").is_none());
    assert_eq!(there["BackupRetentionPeriod"], 1);
    assert_eq!(
        ground.instance(SOURCE, "db")["ReadReplicaDBInstanceIdentifiers"],
        json!([])
    );
    ground.write(TARGET, "replica", 5).unwrap();
    ground.write(SOURCE, "db", 6).unwrap();
    ground.pass(MINUTE);
    assert_eq!(
        (ground.rows(TARGET, "replica"), ground.rows(SOURCE, "db")),
        (vec![1, 5], vec![1, 6])
    );
    assert_eq!(
        ground.code(
            TARGET,
            "PromoteReadReplica",
            json!({ "DBInstanceIdentifier": "replica" })
        ),
        "InvalidDBInstanceState"
    );
}

#[test]
fn a_replica_needs_backups_of_its_source_and_a_key_of_its_own_region() {
    let mut ground = Ground::new();
    let key = ground.key(SOURCE);
    ground.ready("plain", json!({ "BackupRetentionPeriod": 0 }));
    ground.ready(
        "sealed",
        json!({ "StorageEncrypted": true, "KmsKeyId": key }),
    );
    let wanted = |source: &str| {
        json!({
            "DBInstanceIdentifier": "replica",
            "SourceDBInstanceIdentifier": format!("arn:aws:rds:us-west-2:{ACCOUNT}:db:{source}"),
            "DBSubnetGroupName": "isolated",
        })
    };
    assert_eq!(
        ground.code(TARGET, "CreateDBInstanceReadReplica", wanted("plain")),
        "InvalidDBInstanceState"
    );
    assert_eq!(
        ground.code(TARGET, "CreateDBInstanceReadReplica", wanted("sealed")),
        "InvalidParameterCombination"
    );
    assert_eq!(
        ground.code(TARGET, "CreateDBInstanceReadReplica", wanted("none")),
        "DBInstanceNotFound"
    );
}

#[test]
fn replicas_survive_the_end_of_their_source_as_databases_of_their_own() {
    let mut ground = Ground::new();
    replica(&mut ground);
    ground.pass(10 * SECOND);
    ground.ok(
        SOURCE,
        "DeleteDBInstance",
        json!({ "DBInstanceIdentifier": "db", "SkipFinalSnapshot": true }),
    );
    ground.gone(SOURCE, "db");
    assert!(
        ground
            .instance(TARGET, "replica")
            .get("ReadReplicaSourceDBInstanceIdentifier")
            .is_none()
    );
    assert_eq!(ground.rows(TARGET, "replica"), [1]);
    ground.write(TARGET, "replica", 2).unwrap();
}

#[test]
fn a_stop_is_refused_while_there_is_a_replica() {
    let mut ground = Ground::new();
    replica(&mut ground);
    assert_eq!(
        ground.code(
            SOURCE,
            "StopDBInstance",
            json!({ "DBInstanceIdentifier": "db" })
        ),
        "InvalidDBInstanceState"
    );
    assert_eq!(
        ground.code(
            SOURCE,
            "ModifyDBInstance",
            json!({ "DBInstanceIdentifier": "db", "BackupRetentionPeriod": 0 })
        ),
        "InvalidDBInstanceState"
    );
}
