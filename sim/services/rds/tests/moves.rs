//! Snapshots, their copies to other regions, and what is restored from them.

use super::*;

fn encrypted(ground: &mut Ground) -> (String, String) {
    let keys = (ground.key(SOURCE), ground.key(TARGET));
    ground.ready(
        "db",
        json!({ "StorageEncrypted": true, "KmsKeyId": keys.0 }),
    );
    keys
}

fn snapshot(ground: &mut Ground, id: &str) -> Value {
    let made = ground.ok(SOURCE, "CreateDBSnapshot", json!({
        "DBInstanceIdentifier": "db", "DBSnapshotIdentifier": id, "Tags": [{ "Key": "run", "Value": "1" }],
    }));
    ground.until_snapshot(SOURCE, id, "available");
    made["DBSnapshot"].clone()
}

fn copy(id: &str, target: &str, key: &str) -> Value {
    json!({
        "SourceDBSnapshotIdentifier": format!("arn:aws:rds:us-west-2:{ACCOUNT}:snapshot:{id}"),
        "TargetDBSnapshotIdentifier": target,
        "KmsKeyId": key,
        "CopyTags": true,
    })
}

#[test]
fn a_snapshot_holds_the_rows_of_its_instant_and_tells_when_that_was() {
    let mut ground = Ground::new();
    ground.ready("db", json!({}));
    ground.write(SOURCE, "db", 1).unwrap();
    let made = ground.ok(
        SOURCE,
        "CreateDBSnapshot",
        json!({ "DBInstanceIdentifier": "db", "DBSnapshotIdentifier": "Snap" }),
    );
    assert_eq!(made["DBSnapshot"]["Status"], "creating");
    assert_eq!(made["DBSnapshot"]["PercentProgress"], 0);
    assert!(made["DBSnapshot"].get("SnapshotDatabaseTime").is_none());
    // Users go on writing all the while.
    let mut written = vec![(0.0, 1)];
    for number in 2..600 {
        let at = ground.world.unix(ground.world.now());
        ground.write(SOURCE, "db", number).unwrap();
        written.push((at, number));
        ground.pass(SECOND / 2);
    }
    ground.until_snapshot(SOURCE, "snap", "available");
    let snapshot = ground.snapshot(SOURCE, "snap");
    assert_eq!(snapshot["PercentProgress"], 100);
    let database_time = snapshot["SnapshotDatabaseTime"].as_f64().unwrap();
    ground.ok(SOURCE, "RestoreDBInstanceFromDBSnapshot", json!({
        "DBInstanceIdentifier": "copy", "DBSnapshotIdentifier": "snap", "DBSubnetGroupName": "isolated",
    }));
    ground.until(SOURCE, "copy", "available");
    let until: Vec<u64> = written
        .iter()
        .filter(|(at, _)| *at <= database_time)
        .map(|(_, n)| *n)
        .collect();
    assert_eq!(ground.rows(SOURCE, "copy"), until);
    assert!(until.len() < 599);
}

#[test]
fn percent_progress_grows_while_a_snapshot_is_taken() {
    let mut ground = Ground::new();
    ground.ready("db", json!({}));
    ground.ok(
        SOURCE,
        "CreateDBSnapshot",
        json!({ "DBInstanceIdentifier": "db", "DBSnapshotIdentifier": "snap" }),
    );
    let mut seen = vec![];
    while ground.snapshot(SOURCE, "snap")["Status"] == "creating" {
        seen.push(
            ground.snapshot(SOURCE, "snap")["PercentProgress"]
                .as_i64()
                .unwrap(),
        );
        ground.pass(SECOND);
    }
    assert!(
        seen.windows(2).all(|pair| pair[0] <= pair[1])
            && seen.len() > 30
            && *seen.last().unwrap() >= 90,
        "{seen:?}"
    );
}

#[test]
fn snapshots_are_refused_by_name_state_and_quota() {
    let mut ground = Ground::new();
    ground.postgres("db", json!({}));
    let take = json!({ "DBInstanceIdentifier": "db", "DBSnapshotIdentifier": "snap" });
    assert_eq!(
        ground.code(SOURCE, "CreateDBSnapshot", take.clone()),
        "InvalidDBInstanceState"
    );
    ground.until(SOURCE, "db", "available");
    ground.ok(SOURCE, "CreateDBSnapshot", take.clone());
    assert_eq!(
        ground.code(SOURCE, "CreateDBSnapshot", take),
        "DBSnapshotAlreadyExists"
    );
    assert_eq!(
        ground.code(
            SOURCE,
            "DeleteDBSnapshot",
            json!({ "DBSnapshotIdentifier": "snap" })
        ),
        "InvalidDBSnapshotState"
    );
    assert_eq!(
        ground.code(
            SOURCE,
            "DescribeDBSnapshots",
            json!({ "DBSnapshotIdentifier": "none" })
        ),
        "DBSnapshotNotFound"
    );
    assert_eq!(
        ground.code(
            SOURCE,
            "CreateDBSnapshot",
            json!({ "DBInstanceIdentifier": "none", "DBSnapshotIdentifier": "x" })
        ),
        "DBInstanceNotFound"
    );
    assert_eq!(
        ground.code(
            SOURCE,
            "RestoreDBInstanceFromDBSnapshot",
            json!({ "DBInstanceIdentifier": "x", "DBSnapshotIdentifier": "snap" })
        ),
        "InvalidDBSnapshotState"
    );
}

#[test]
fn a_copy_to_another_region_names_its_source_and_takes_the_target_regions_key() {
    let mut ground = Ground::new();
    let (source_key, key) = encrypted(&mut ground);
    snapshot(&mut ground, "snap");
    let mut input = copy("snap", "snap-copy", &key);
    input["KmsKeyId"] = Value::Null;
    let error = ground
        .call(TARGET, "CopyDBSnapshot", input.clone())
        .unwrap_err();
    assert_eq!(error.code, "InvalidParameterValue");
    assert!(
        error
            .message
            .contains("Must specify new KMS key for cross region"),
        "{}",
        error.message
    );
    input["KmsKeyId"] = json!(source_key);
    assert_eq!(
        ground.code(TARGET, "CopyDBSnapshot", input),
        "KMSKeyNotAccessibleFault"
    );
    let made =
        ground.ok(TARGET, "CopyDBSnapshot", copy("snap", "snap-copy", &key))["DBSnapshot"].clone();
    assert_eq!(
        made["SourceDBSnapshotIdentifier"],
        format!("arn:aws:rds:us-west-2:{ACCOUNT}:snapshot:snap")
    );
    assert_eq!(made["SourceRegion"], SOURCE);
    assert_eq!(made["KmsKeyId"], key);
    assert_eq!(made["TagList"], json!([{ "Key": "run", "Value": "1" }]));
    assert_eq!(
        ground.code(TARGET, "CopyDBSnapshot", copy("snap", "snap-copy", &key)),
        "DBSnapshotAlreadyExists"
    );
    let before = ground.world.now();
    ground.until_snapshot(TARGET, "snap-copy", "available");
    assert!((250 * SECOND..=3_650 * SECOND).contains(&(ground.world.now() - before)));
    let copied = ground.snapshot(TARGET, "snap-copy");
    let original = ground.snapshot(SOURCE, "snap");
    assert_eq!(
        copied["OriginalSnapshotCreateTime"],
        original["SnapshotCreateTime"]
    );
    assert_ne!(copied["SnapshotCreateTime"], original["SnapshotCreateTime"]);
    assert_eq!(
        copied["SnapshotDatabaseTime"],
        original["SnapshotDatabaseTime"]
    );
    // The second copy of the same source under the same key is incremental.
    snapshot(&mut ground, "snap-2");
    let before = ground.world.now();
    ground.ok(
        TARGET,
        "CopyDBSnapshot",
        copy("snap-2", "snap-2-copy", &key),
    );
    ground.until_snapshot(TARGET, "snap-2-copy", "available");
    assert!((110 * SECOND..=910 * SECOND).contains(&(ground.world.now() - before)));
}

#[test]
fn copies_of_the_same_source_wait_for_each_other_and_twenty_may_be_in_flight() {
    let mut ground = Ground::new();
    let (_, key) = encrypted(&mut ground);
    for n in 0..21 {
        snapshot(&mut ground, &format!("snap-{n}"));
    }
    for n in 0..20 {
        ground.ok(
            TARGET,
            "CopyDBSnapshot",
            copy(&format!("snap-{n}"), &format!("copy-{n}"), &key),
        );
    }
    assert_eq!(
        ground.code(TARGET, "CopyDBSnapshot", copy("snap-20", "copy-20", &key)),
        "SnapshotQuotaExceeded"
    );
    assert_eq!(ground.snapshot(TARGET, "copy-0")["Status"], "creating");
    assert_eq!(ground.snapshot(TARGET, "copy-7")["Status"], "pending");
    ground.pass(2 * MINUTE);
    assert_eq!(ground.snapshot(TARGET, "copy-7")["PercentProgress"], 0);
    ground.until_snapshot(TARGET, "copy-1", "available");
    assert_eq!(ground.snapshot(TARGET, "copy-0")["Status"], "available");
    ground.ok(TARGET, "CopyDBSnapshot", copy("snap-20", "copy-20", &key));
}

#[test]
fn a_key_that_is_disabled_meanwhile_fails_the_copy_minutes_later() {
    let mut ground = Ground::new();
    let (_, key) = encrypted(&mut ground);
    snapshot(&mut ground, "snap");
    ground.ok(TARGET, "CopyDBSnapshot", copy("snap", "copy", &key));
    ground.disable(TARGET, &key);
    assert_eq!(ground.snapshot(TARGET, "copy")["Status"], "creating");
    ground.until_snapshot(TARGET, "copy", "failed");
    assert_eq!(
        ground.code(TARGET, "CopyDBSnapshot", copy("snap", "copy-2", &key)),
        "KMSKeyNotAccessibleFault"
    );
    assert_eq!(
        ground.code(
            TARGET,
            "RestoreDBInstanceFromDBSnapshot",
            json!({ "DBInstanceIdentifier": "x", "DBSnapshotIdentifier": "copy" })
        ),
        "InvalidDBSnapshotState"
    );
    ground.ok(
        TARGET,
        "DeleteDBSnapshot",
        json!({ "DBSnapshotIdentifier": "copy" }),
    );
}

#[test]
fn a_source_that_is_deleted_kills_its_copy_and_a_deleted_copy_is_given_up() {
    let mut ground = Ground::new();
    let (_, key) = encrypted(&mut ground);
    snapshot(&mut ground, "one");
    snapshot(&mut ground, "two");
    ground.ok(TARGET, "CopyDBSnapshot", copy("one", "copy-one", &key));
    ground.ok(TARGET, "CopyDBSnapshot", copy("two", "copy-two", &key));
    ground.ok(
        SOURCE,
        "DeleteDBSnapshot",
        json!({ "DBSnapshotIdentifier": "one" }),
    );
    assert_eq!(ground.snapshot(TARGET, "copy-one")["Status"], "failed");
    // The next in the queue goes on.
    assert_eq!(ground.snapshot(TARGET, "copy-two")["Status"], "creating");
    ground.ok(
        TARGET,
        "DeleteDBSnapshot",
        json!({ "DBSnapshotIdentifier": "copy-two" }),
    );
    ground.pass(2 * HOUR);
    assert_eq!(
        ground.code(
            TARGET,
            "DescribeDBSnapshots",
            json!({ "DBSnapshotIdentifier": "copy-two" })
        ),
        "DBSnapshotNotFound"
    );
}

#[test]
fn a_restore_takes_awss_defaults_and_not_the_sources_settings() {
    let mut ground = Ground::new();
    let (_, key) = encrypted(&mut ground);
    ground.ok(SOURCE, "ModifyDBInstance", json!({
        "DBInstanceIdentifier": "db", "DeletionProtection": true, "MultiAZ": true, "ApplyImmediately": true,
    }));
    ground.pass(MINUTE);
    ground.until(SOURCE, "db", "available");
    ground.write(SOURCE, "db", 1).unwrap();
    snapshot(&mut ground, "snap");
    ground.ok(TARGET, "CopyDBSnapshot", copy("snap", "copy", &key));
    ground.until_snapshot(TARGET, "copy", "available");
    let made = ground.ok(TARGET, "RestoreDBInstanceFromDBSnapshot", json!({
        "DBInstanceIdentifier": "db", "DBSnapshotIdentifier": "copy", "DBSubnetGroupName": "isolated",
        "VpcSecurityGroupIds": ["sg-vpc-a"],
    }))["DBInstance"].clone();
    assert_eq!(made["DBInstanceStatus"], "creating");
    let path = ground.until(TARGET, "db", "available");
    assert_eq!(path, ["creating", "backing-up", "available"]);
    let (source, target) = (ground.instance(SOURCE, "db"), ground.instance(TARGET, "db"));
    assert_eq!(
        (&source["MultiAZ"], &target["MultiAZ"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        (&source["DeletionProtection"], &target["DeletionProtection"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(target["KmsKeyId"], key);
    assert_eq!(target["BackupRetentionPeriod"], 7);
    assert_eq!(
        target["AvailabilityZone"].as_str().unwrap()[..9],
        TARGET[..9]
    );
    assert_eq!(
        target["DBParameterGroups"][0]["DBParameterGroupName"],
        "default.postgres15"
    );
    assert_ne!(source["DbiResourceId"], target["DbiResourceId"]);
    assert_eq!(ground.rows(TARGET, "db"), [1]);
    // What it does not have it cannot lose: the source goes on by itself.
    ground.write(SOURCE, "db", 2).unwrap();
    assert_eq!(ground.rows(TARGET, "db"), [1]);
    let same = "select system_identifier from pg_control_system()";
    assert_eq!(
        ground.query(SOURCE, "db", same),
        ground.query(TARGET, "db", same)
    );
    let at = "select pg_current_wal_lsn()";
    assert_ne!(
        ground.query(SOURCE, "db", at),
        ground.query(TARGET, "db", at)
    );
}

#[test]
fn a_restored_database_takes_the_password_of_its_instant() {
    let mut ground = Ground::new();
    ground.ready("db", json!({}));
    snapshot(&mut ground, "snap");
    ground.ok(
        SOURCE,
        "ModifyDBInstance",
        json!({ "DBInstanceIdentifier": "db", "MasterUserPassword": "battery-staple" }),
    );
    ground.pass(5 * MINUTE);
    ground.ok(SOURCE, "RestoreDBInstanceFromDBSnapshot", json!({
        "DBInstanceIdentifier": "copy", "DBSnapshotIdentifier": "snap", "DBSubnetGroupName": "isolated",
    }));
    ground.until(SOURCE, "copy", "backing-up");
    ground.unfilter(SOURCE, "copy");
    assert!(ground.login(SOURCE, "copy", "correct-horse").is_ok());
    assert!(ground.login(SOURCE, "copy", "battery-staple").is_err());
}

#[test]
fn what_a_restore_names_must_exist_and_fit() {
    let mut ground = Ground::new();
    ground.ready("db", json!({}));
    snapshot(&mut ground, "snap");
    for (member, value, code) in [
        ("DBSnapshotIdentifier", json!("none"), "DBSnapshotNotFound"),
        (
            "DBSubnetGroupName",
            json!("none"),
            "DBSubnetGroupNotFoundFault",
        ),
        ("DBSubnetGroupName", json!(null), "InvalidSubnet"),
        (
            "DBParameterGroupName",
            json!("none"),
            "DBParameterGroupNotFound",
        ),
        ("OptionGroupName", json!("none"), "OptionGroupNotFoundFault"),
        ("StorageType", json!("floppy"), "StorageTypeNotSupported"),
        (
            "DBInstanceClass",
            json!("db.x"),
            "InvalidParameterCombination",
        ),
        (
            "DBInstanceIdentifier",
            json!("db"),
            "DBInstanceAlreadyExists",
        ),
        ("Engine", json!("mysql"), "InvalidParameterCombination"),
        ("AllocatedStorage", json!(20), "InvalidParameterValue"),
        (
            "AvailabilityZone",
            json!("us-west-2d"),
            "InvalidVPCNetworkStateFault",
        ),
        (
            "ManageMasterUserPassword",
            json!(true),
            "InvalidParameterCombination",
        ),
        (
            "VpcSecurityGroupIds",
            json!(["sg-vpc-z"]),
            "InvalidParameterCombination",
        ),
    ] {
        let mut input = json!({ "DBInstanceIdentifier": "copy", "DBSnapshotIdentifier": "snap", "DBSubnetGroupName": "isolated" });
        input[member] = value.clone();
        assert_eq!(
            ground.code(SOURCE, "RestoreDBInstanceFromDBSnapshot", input),
            code,
            "{member} {value}"
        );
    }
}

#[test]
fn a_key_that_fails_during_a_restore_leaves_an_incompatible_restore() {
    let mut ground = Ground::new();
    let (key, _) = encrypted(&mut ground);
    snapshot(&mut ground, "snap");
    ground.ok(SOURCE, "RestoreDBInstanceFromDBSnapshot", json!({
        "DBInstanceIdentifier": "copy", "DBSnapshotIdentifier": "snap", "DBSubnetGroupName": "isolated",
    }));
    ground.disable(SOURCE, &key);
    ground.until(SOURCE, "copy", "incompatible-restore");
    ground.pass(2 * HOUR);
    assert_eq!(
        ground.instance(SOURCE, "copy")["DBInstanceStatus"],
        "incompatible-restore"
    );
    ground.ok(
        SOURCE,
        "DeleteDBInstance",
        json!({ "DBInstanceIdentifier": "copy", "SkipFinalSnapshot": true }),
    );
    ground.gone(SOURCE, "copy");
}

#[test]
fn a_restore_to_an_instant_holds_the_rows_until_then() {
    let mut ground = Ground::new();
    ground.ready("db", json!({}));
    ground.pass(20 * MINUTE);
    let mut marks = vec![];
    for number in 1..=20 {
        ground.write(SOURCE, "db", number).unwrap();
        marks.push(ground.world.unix(ground.world.now()));
        ground.pass(MINUTE);
    }
    ground.pass(20 * MINUTE);
    let restore = |target: &str, time: f64| {
        json!({
            "SourceDBInstanceIdentifier": "db", "TargetDBInstanceIdentifier": target, "RestoreTime": time,
            "DBSubnetGroupName": "isolated",
        })
    };
    let mut both = restore("x", marks[9]);
    both["UseLatestRestorableTime"] = json!(true);
    assert_eq!(
        ground.code(SOURCE, "RestoreDBInstanceToPointInTime", both),
        "InvalidParameterCombination"
    );
    let future = ground.world.unix(ground.world.now()) + 10.0;
    assert_eq!(
        ground.code(
            SOURCE,
            "RestoreDBInstanceToPointInTime",
            restore("x", future)
        ),
        "InvalidParameterValue"
    );
    ground.ok(
        SOURCE,
        "RestoreDBInstanceToPointInTime",
        restore("then", marks[9] + 1.0),
    );
    ground.until(SOURCE, "then", "available");
    assert_eq!(ground.rows(SOURCE, "then"), (1..=10).collect::<Vec<_>>());
    ground.ok(SOURCE, "ModifyDBInstance", json!({ "DBInstanceIdentifier": "then", "BackupRetentionPeriod": 0, "ApplyImmediately": true }));
    ground.pass(HOUR);
    let mut input = restore("y", marks[9]);
    input["SourceDBInstanceIdentifier"] = json!("then");
    assert_eq!(
        ground.code(SOURCE, "RestoreDBInstanceToPointInTime", input),
        "PointInTimeRestoreNotEnabled"
    );
}

#[test]
fn replicated_backups_restore_in_the_other_region_also_after_the_source_is_gone() {
    let mut ground = Ground::new();
    let (_, key) = encrypted(&mut ground);
    let arn = format!("arn:aws:rds:us-west-2:{ACCOUNT}:db:db");
    let start = json!({ "SourceDBInstanceArn": arn, "BackupRetentionPeriod": 3, "KmsKeyId": key });
    let mut without = start.clone();
    without["KmsKeyId"] = Value::Null;
    assert_eq!(
        ground.code(
            TARGET,
            "StartDBInstanceAutomatedBackupsReplication",
            without
        ),
        "InvalidParameterCombination"
    );
    let made = ground.ok(
        TARGET,
        "StartDBInstanceAutomatedBackupsReplication",
        start.clone(),
    )["DBInstanceAutomatedBackup"]
        .clone();
    assert_eq!(made["Status"], "pending");
    ground.pass(3 * HOUR);
    let listed = ground.ok(
        TARGET,
        "DescribeDBInstanceAutomatedBackups",
        json!({ "DBInstanceIdentifier": "db" }),
    );
    let backup = listed["DBInstanceAutomatedBackups"][0].clone();
    assert_eq!(
        (&backup["Status"], &backup["Region"]),
        (&json!("replicating"), &json!(SOURCE))
    );
    assert_eq!(
        ground.code(TARGET, "StartDBInstanceAutomatedBackupsReplication", start),
        "InvalidDBInstanceState"
    );
    assert_eq!(
        ground.instance(SOURCE, "db")["DBInstanceAutomatedBackupsReplications"][0]["DBInstanceAutomatedBackupsArn"],
        backup["DBInstanceAutomatedBackupsArn"]
    );
    ground.write(SOURCE, "db", 1).unwrap();
    ground.pass(30 * MINUTE);
    ground.ok(
        SOURCE,
        "DeleteDBInstance",
        json!({ "DBInstanceIdentifier": "db", "SkipFinalSnapshot": true }),
    );
    ground.gone(SOURCE, "db");
    ground.ok(TARGET, "RestoreDBInstanceToPointInTime", json!({
        "SourceDBInstanceAutomatedBackupsArn": backup["DBInstanceAutomatedBackupsArn"],
        "TargetDBInstanceIdentifier": "db", "UseLatestRestorableTime": true, "DBSubnetGroupName": "isolated",
    }));
    ground.until(TARGET, "db", "available");
    assert_eq!(ground.rows(TARGET, "db"), [1]);
    assert_eq!(ground.instance(TARGET, "db")["KmsKeyId"], key);
}

#[test]
fn retained_backups_of_a_deleted_instance_are_listed_and_restored() {
    let mut ground = Ground::new();
    ground.ready("db", json!({}));
    ground.write(SOURCE, "db", 1).unwrap();
    ground.pass(HOUR);
    ground.ok(SOURCE, "DeleteDBInstance", json!({
        "DBInstanceIdentifier": "db", "SkipFinalSnapshot": true, "DeleteAutomatedBackups": false,
    }));
    ground.gone(SOURCE, "db");
    let listed = ground.ok(SOURCE, "DescribeDBInstanceAutomatedBackups", json!({}))["DBInstanceAutomatedBackups"].clone();
    assert_eq!(listed[0]["Status"], "retained");
    ground.ok(SOURCE, "RestoreDBInstanceToPointInTime", json!({
        "SourceDbiResourceId": listed[0]["DbiResourceId"], "TargetDBInstanceIdentifier": "again",
        "UseLatestRestorableTime": true, "DBSubnetGroupName": "isolated",
    }));
    ground.until(SOURCE, "again", "available");
    assert_eq!(ground.rows(SOURCE, "again"), [1]);
    ground.ok(
        SOURCE,
        "DeleteDBInstanceAutomatedBackup",
        json!({ "DbiResourceId": listed[0]["DbiResourceId"] }),
    );
    assert_eq!(
        ground.code(
            SOURCE,
            "DeleteDBInstanceAutomatedBackup",
            json!({ "DbiResourceId": listed[0]["DbiResourceId"] })
        ),
        "DBInstanceAutomatedBackupNotFound"
    );
}

#[test]
fn a_shared_snapshot_is_restored_by_its_arn_and_an_encrypted_one_is_never_public() {
    let mut ground = Ground::new();
    let (_, _) = encrypted(&mut ground);
    snapshot(&mut ground, "snap");
    let share = |values: Value| json!({ "DBSnapshotIdentifier": "snap", "AttributeName": "restore", "ValuesToAdd": values });
    assert_eq!(
        ground.code(SOURCE, "ModifyDBSnapshotAttribute", share(json!(["all"]))),
        "InvalidParameterCombination"
    );
    assert_eq!(
        ground.code(SOURCE, "ModifyDBSnapshotAttribute", share(json!(["12"]))),
        "InvalidParameterValue"
    );
    ground.ok(
        SOURCE,
        "ModifyDBSnapshotAttribute",
        share(json!(["444455556666"])),
    );
    let shown = ground.ok(
        SOURCE,
        "DescribeDBSnapshotAttributes",
        json!({ "DBSnapshotIdentifier": "snap" }),
    );
    assert_eq!(
        shown["DBSnapshotAttributesResult"]["DBSnapshotAttributes"][0]["AttributeValues"],
        json!(["444455556666"])
    );
    let theirs = ground
        .world
        .invoke(
            "444455556666",
            SOURCE,
            ServiceId::Rds,
            "DescribeDBSnapshots",
            json!({ "SnapshotType": "shared" }),
        )
        .unwrap();
    assert_eq!(theirs["DBSnapshots"].as_array().unwrap().len(), 1);
}
