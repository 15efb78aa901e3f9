//! Instances, from their creation to their end.

use super::*;

#[test]
fn an_instance_is_created_then_backed_up_then_available_and_its_port_is_open_while_it_is_backed_up()
{
    let mut ground = Ground::new();
    let created = ground.postgres("db", json!({}));
    assert_eq!(created["DBInstanceStatus"], "creating");
    assert!(created.get("Endpoint").is_none());
    assert_eq!(created["EngineVersion"], "15.12");
    assert_eq!(
        ground.until(SOURCE, "db", "backing-up"),
        ["creating", "backing-up"]
    );
    ground.unfilter(SOURCE, "db");
    assert_eq!(
        ground.login(SOURCE, "db", "correct-horse"),
        Ok(ground.at(SOURCE, "db"))
    );
    let refused = ground.call(
        SOURCE,
        "ModifyDBInstance",
        json!({ "DBInstanceIdentifier": "db", "BackupRetentionPeriod": 9 }),
    );
    assert_eq!(refused.unwrap_err().code, "InvalidDBInstanceState");
    ground.until(SOURCE, "db", "available");
    let there = ground.instance(SOURCE, "db");
    let host = there["Endpoint"]["Address"].as_str().unwrap();
    assert!(
        host.starts_with("db.c") && host.ends_with(".us-west-2.rds.amazonaws.com"),
        "{host}"
    );
    assert_eq!(there["StorageThroughput"], 125);
    assert_eq!(
        there["DBParameterGroups"][0]["DBParameterGroupName"],
        "default.postgres15"
    );
    assert_eq!(
        there["VpcSecurityGroups"][0]["VpcSecurityGroupId"],
        "sg-vpc-a"
    );
}

#[test]
fn an_instance_without_backups_goes_straight_to_available() {
    let mut ground = Ground::new();
    ground.postgres("db", json!({ "BackupRetentionPeriod": 0 }));
    assert_eq!(
        ground.until(SOURCE, "db", "available"),
        ["creating", "available"]
    );
    assert!(
        ground
            .instance(SOURCE, "db")
            .get("LatestRestorableTime")
            .is_none()
    );
}

#[test]
fn what_cannot_be_ordered_is_refused_with_the_code_that_aws_uses() {
    let mut ground = Ground::new();
    let base = json!({
        "DBInstanceIdentifier": "db", "DBInstanceClass": "db.t4g.medium", "Engine": "postgres", "AllocatedStorage": 20,
        "MasterUsername": "redmine", "MasterUserPassword": "correct-horse", "DBSubnetGroupName": "isolated",
    });
    for (member, value, code) in [
        (
            "DBInstanceIdentifier",
            json!("9db"),
            "InvalidParameterValue",
        ),
        (
            "DBInstanceIdentifier",
            json!("a--b"),
            "InvalidParameterValue",
        ),
        (
            "DBInstanceClass",
            json!("t4g.medium"),
            "InvalidParameterValue",
        ),
        (
            "DBInstanceClass",
            json!("db.x9.huge"),
            "InvalidParameterCombination",
        ),
        ("Engine", json!("db2"), "InvalidParameterValue"),
        ("EngineVersion", json!("9.6"), "InvalidParameterCombination"),
        ("AllocatedStorage", json!(5), "InvalidParameterValue"),
        ("AllocatedStorage", json!(null), "InvalidParameterValue"),
        ("StorageType", json!("gp9"), "StorageTypeNotSupported"),
        (
            "MasterUserPassword",
            json!("short"),
            "InvalidParameterValue",
        ),
        (
            "MasterUserPassword",
            json!("with@at-sign"),
            "InvalidParameterValue",
        ),
        ("MasterUsername", json!("rdsadmin"), "InvalidParameterValue"),
        (
            "DBSubnetGroupName",
            json!("absent"),
            "DBSubnetGroupNotFoundFault",
        ),
        (
            "DBParameterGroupName",
            json!("absent"),
            "DBParameterGroupNotFound",
        ),
        (
            "OptionGroupName",
            json!("absent"),
            "OptionGroupNotFoundFault",
        ),
        (
            "VpcSecurityGroupIds",
            json!(["sg-none"]),
            "InvalidParameterValue",
        ),
        (
            "VpcSecurityGroupIds",
            json!(["sg-vpc-z"]),
            "InvalidParameterCombination",
        ),
        ("BackupRetentionPeriod", json!(36), "InvalidParameterValue"),
        (
            "AvailabilityZone",
            json!("us-west-2d"),
            "InvalidVPCNetworkStateFault",
        ),
        (
            "KmsKeyId",
            json!("alias/none"),
            "InvalidParameterCombination",
        ),
        (
            "MonitoringInterval",
            json!(60),
            "InvalidParameterCombination",
        ),
        (
            "EnableCloudwatchLogsExports",
            json!(["audit"]),
            "InvalidParameterCombination",
        ),
    ] {
        let mut input = base.clone();
        input[member] = value.clone();
        assert_eq!(
            ground.code(SOURCE, "CreateDBInstance", input),
            code,
            "{member} {value}"
        );
    }
    let mut encrypted = base.clone();
    encrypted["StorageEncrypted"] = json!(true);
    encrypted["KmsKeyId"] = json!("alias/none");
    assert_eq!(
        ground.code(SOURCE, "CreateDBInstance", encrypted),
        "KMSKeyNotAccessibleFault"
    );
    let mut both = base.clone();
    both["MultiAZ"] = json!(true);
    both["AvailabilityZone"] = json!("us-west-2a");
    assert_eq!(
        ground.code(SOURCE, "CreateDBInstance", both),
        "InvalidParameterCombination"
    );
    ground.ok(SOURCE, "CreateDBInstance", base.clone());
    let error = ground.call(SOURCE, "CreateDBInstance", base).unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("DBInstanceAlreadyExists", "DB instance already exists")
    );
}

#[test]
fn a_class_that_a_region_does_not_offer_or_has_run_out_of_is_refused() {
    let mut ground = Ground::new();
    crate::services::rds::withdraw(&mut ground.world, ACCOUNT, SOURCE, "t4g", false);
    let input = json!({
        "DBInstanceIdentifier": "db", "DBInstanceClass": "db.t4g.medium", "Engine": "postgres", "AllocatedStorage": 20,
        "MasterUsername": "redmine", "MasterUserPassword": "correct-horse", "DBSubnetGroupName": "isolated",
    });
    assert_eq!(
        ground.code(SOURCE, "CreateDBInstance", input.clone()),
        "InvalidParameterCombination"
    );
    let offered = json!({ "Engine": "postgres", "DBInstanceClass": "db.t4g.medium" });
    let options = ground.ok(
        SOURCE,
        "DescribeOrderableDBInstanceOptions",
        offered.clone(),
    );
    assert_eq!(options["OrderableDBInstanceOptions"], json!([]));
    assert!(!ground.ok(TARGET, "DescribeOrderableDBInstanceOptions", offered)["OrderableDBInstanceOptions"].as_array().unwrap().is_empty());
    crate::services::rds::withdraw(&mut ground.world, ACCOUNT, SOURCE, "t4g", true);
    for zone in ["us-west-2a", "us-west-2b"] {
        crate::services::rds::exhaust(
            &mut ground.world,
            ACCOUNT,
            SOURCE,
            "db.t4g.medium",
            zone,
            true,
        );
    }
    assert_eq!(
        ground.code(SOURCE, "CreateDBInstance", input),
        "InsufficientDBInstanceCapacity"
    );
}

#[test]
fn a_change_without_apply_immediately_waits_for_the_window() {
    let mut ground = Ground::new();
    ground.ready("db", json!({}));
    let modified = ground.ok(SOURCE, "ModifyDBInstance", json!({
        "DBInstanceIdentifier": "db", "DBInstanceClass": "db.t4g.large", "CopyTagsToSnapshot": true,
    }));
    assert_eq!(
        modified["DBInstance"]["PendingModifiedValues"],
        json!({ "DBInstanceClass": "db.t4g.large" })
    );
    assert_eq!(modified["DBInstance"]["CopyTagsToSnapshot"], true);
    ground.pass(HOUR);
    assert_eq!(
        ground.instance(SOURCE, "db")["DBInstanceClass"],
        "db.t4g.medium"
    );
    ground.pass(8 * DAY);
    let there = ground.instance(SOURCE, "db");
    assert_eq!(
        (&there["DBInstanceClass"], &there["PendingModifiedValues"]),
        (&json!("db.t4g.large"), &json!({}))
    );
}

#[test]
fn a_change_of_class_now_interrupts_and_stays_available_for_a_moment_first() {
    let mut ground = Ground::new();
    ground.ready("db", json!({}));
    let modified = ground.ok(SOURCE, "ModifyDBInstance", json!({
        "DBInstanceIdentifier": "db", "DBInstanceClass": "db.t4g.large", "ApplyImmediately": true,
    }));
    assert_eq!(modified["DBInstance"]["DBInstanceStatus"], "available");
    ground.until(SOURCE, "db", "modifying");
    assert_eq!(
        ground.code(
            SOURCE,
            "ModifyDBInstance",
            json!({ "DBInstanceIdentifier": "db", "MultiAZ": true })
        ),
        "InvalidDBInstanceState"
    );
    let mut refused = 0;
    while ground.instance(SOURCE, "db")["DBInstanceStatus"] == "modifying" {
        refused += u32::from(ground.write(SOURCE, "db", 1).is_err());
        ground.pass(SECOND);
    }
    assert!(refused >= 20, "the server was away for {refused} s");
    assert_eq!(
        ground.instance(SOURCE, "db")["DBInstanceClass"],
        "db.t4g.large"
    );
}

#[test]
fn raising_the_retention_from_zero_costs_an_outage_and_a_first_backup() {
    let mut ground = Ground::new();
    ground.ready("db", json!({ "BackupRetentionPeriod": 0 }));
    ground.ok(
        SOURCE,
        "ModifyDBInstance",
        json!({
            "DBInstanceIdentifier": "db", "BackupRetentionPeriod": 7, "ApplyImmediately": true,
        }),
    );
    ground.until(SOURCE, "db", "modifying");
    let mut away = false;
    while ground.instance(SOURCE, "db")["DBInstanceStatus"] != "backing-up" {
        away |= ground.write(SOURCE, "db", 1).is_err();
        ground.pass(SECOND);
    }
    assert!(away);
    ground.until(SOURCE, "db", "available");
    let there = ground.instance(SOURCE, "db");
    assert_eq!(there["BackupRetentionPeriod"], 7);
    assert!(there["LatestRestorableTime"].is_number());
    // From one retention to another nothing waits and nothing stops.
    let changed = ground.ok(
        SOURCE,
        "ModifyDBInstance",
        json!({ "DBInstanceIdentifier": "db", "BackupRetentionPeriod": 9 }),
    );
    assert_eq!(changed["DBInstance"]["BackupRetentionPeriod"], 9);
}

#[test]
fn a_new_password_works_a_moment_later_and_open_connections_stay() {
    let mut ground = Ground::new();
    ground.ready("db", json!({}));
    ground.unfilter(SOURCE, "db");
    ground.ok(
        SOURCE,
        "ModifyDBInstance",
        json!({ "DBInstanceIdentifier": "db", "MasterUserPassword": "battery-staple" }),
    );
    assert!(ground.login(SOURCE, "db", "correct-horse").is_ok());
    ground.pass(3 * MINUTE);
    assert!(matches!(
        ground.login(SOURCE, "db", "correct-horse"),
        Err(ConnectError::Denied(_))
    ));
    assert!(ground.login(SOURCE, "db", "battery-staple").is_ok());
}

#[test]
fn deletion_asks_for_a_last_snapshot_or_a_word_against_it() {
    let mut ground = Ground::new();
    ground.ready("db", json!({ "DeletionProtection": true }));
    let skip = json!({ "DBInstanceIdentifier": "db", "SkipFinalSnapshot": true });
    assert_eq!(
        ground.code(SOURCE, "DeleteDBInstance", skip.clone()),
        "InvalidParameterCombination"
    );
    ground.ok(
        SOURCE,
        "ModifyDBInstance",
        json!({ "DBInstanceIdentifier": "db", "DeletionProtection": false }),
    );
    assert_eq!(
        ground.code(
            SOURCE,
            "DeleteDBInstance",
            json!({ "DBInstanceIdentifier": "db" })
        ),
        "InvalidParameterCombination"
    );
    assert_eq!(
        ground.code(SOURCE, "DeleteDBInstance", json!({ "DBInstanceIdentifier": "db", "SkipFinalSnapshot": true, "FinalDBSnapshotIdentifier": "last" })),
        "InvalidParameterCombination"
    );
    ground.write(SOURCE, "db", 1).unwrap();
    let deleted = ground.ok(
        SOURCE,
        "DeleteDBInstance",
        json!({ "DBInstanceIdentifier": "db", "FinalDBSnapshotIdentifier": "last" }),
    );
    assert_eq!(deleted["DBInstance"]["DBInstanceStatus"], "deleting");
    assert_eq!(
        ground.code(SOURCE, "DeleteDBInstance", skip),
        "InvalidDBInstanceState"
    );
    ground.gone(SOURCE, "db");
    assert_eq!(ground.snapshot(SOURCE, "last")["Status"], "available");
    // Automated snapshots went with it.
    let left = ground.ok(SOURCE, "DescribeDBSnapshots", json!({}))["DBSnapshots"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(left, 1);
    let error = ground
        .call(
            SOURCE,
            "DescribeDBInstances",
            json!({ "DBInstanceIdentifier": "db" }),
        )
        .unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.status),
        ("DBInstanceNotFound", Some(404))
    );
}

#[test]
fn a_stopped_instance_starts_by_itself_after_seven_days() {
    let mut ground = Ground::new();
    ground.ready("db", json!({}));
    ground.ok(
        SOURCE,
        "StopDBInstance",
        json!({ "DBInstanceIdentifier": "db" }),
    );
    assert_eq!(
        ground.until(SOURCE, "db", "stopped"),
        ["stopping", "stopped"]
    );
    assert!(ground.write(SOURCE, "db", 1).is_err());
    assert!(ground.instance(SOURCE, "db")["AutomaticRestartTime"].is_number());
    ground.pass(7 * DAY - HOUR);
    assert_eq!(ground.instance(SOURCE, "db")["DBInstanceStatus"], "stopped");
    ground.pass(2 * HOUR);
    assert_eq!(
        ground.instance(SOURCE, "db")["DBInstanceStatus"],
        "available"
    );
    assert!(ground.write(SOURCE, "db", 1).is_ok());
}

#[test]
fn a_reboot_ends_connections_and_brings_static_parameters_into_effect() {
    let mut ground = Ground::new();
    ground.ok(SOURCE, "CreateDBParameterGroup", json!({
        "DBParameterGroupName": "own", "DBParameterGroupFamily": "postgres15", "Description": "own",
    }));
    ground.ready("db", json!({ "DBParameterGroupName": "own" }));
    ground.ok(SOURCE, "ModifyDBParameterGroup", json!({
        "DBParameterGroupName": "own",
        "Parameters": [{ "ParameterName": "max_connections", "ParameterValue": "50", "ApplyMethod": "pending-reboot" }],
    }));
    ground.pass(MINUTE);
    assert_eq!(
        ground.instance(SOURCE, "db")["DBParameterGroups"][0]["ParameterApplyStatus"],
        "pending-reboot"
    );
    ground.ok(
        SOURCE,
        "RebootDBInstance",
        json!({ "DBInstanceIdentifier": "db" }),
    );
    assert!(ground.write(SOURCE, "db", 1).is_err());
    ground.until(SOURCE, "db", "available");
    assert_eq!(
        ground.instance(SOURCE, "db")["DBParameterGroups"][0]["ParameterApplyStatus"],
        "in-sync"
    );
    let error = ground.code(
        SOURCE,
        "RebootDBInstance",
        json!({ "DBInstanceIdentifier": "db", "ForceFailover": true }),
    );
    assert_eq!(error, "InvalidParameterCombination");
}

#[test]
fn a_failover_moves_a_multi_az_instance_to_its_other_zone() {
    let mut ground = Ground::new();
    let before = ground.ready("db", json!({ "MultiAZ": true }));
    assert_ne!(
        before["AvailabilityZone"],
        before["SecondaryAvailabilityZone"]
    );
    ground.ok(
        SOURCE,
        "RebootDBInstance",
        json!({ "DBInstanceIdentifier": "db", "ForceFailover": true }),
    );
    ground.until(SOURCE, "db", "available");
    let after = ground.instance(SOURCE, "db");
    assert_eq!(
        after["AvailabilityZone"],
        before["SecondaryAvailabilityZone"]
    );
    assert_eq!(after["Endpoint"], before["Endpoint"]);
}

#[test]
fn a_renamed_instance_has_another_endpoint_and_the_same_resource_and_rows() {
    let mut ground = Ground::new();
    let before = ground.ready("db", json!({}));
    ground.write(SOURCE, "db", 1).unwrap();
    ground.ok(SOURCE, "ModifyDBInstance", json!({
        "DBInstanceIdentifier": "db", "NewDBInstanceIdentifier": "db-old", "ApplyImmediately": true,
    }));
    ground.gone(SOURCE, "db");
    let after = ground.instance(SOURCE, "db-old");
    assert_eq!(after["DbiResourceId"], before["DbiResourceId"]);
    assert_ne!(after["Endpoint"]["Address"], before["Endpoint"]["Address"]);
    assert_eq!(ground.rows(SOURCE, "db-old"), [1]);
    let host = before["Endpoint"]["Address"].as_str().unwrap();
    assert_eq!(crate::services::rds::database_at(&ground.world, host), None);
}

#[test]
fn every_day_there_is_an_automated_snapshot_and_old_ones_go() {
    let mut ground = Ground::new();
    ground.ready("db", json!({ "BackupRetentionPeriod": 2 }));
    ground.pass(6 * DAY);
    let automated = ground.ok(
        SOURCE,
        "DescribeDBSnapshots",
        json!({ "SnapshotType": "automated" }),
    );
    let automated = automated["DBSnapshots"].as_array().unwrap();
    assert!((2..=4).contains(&automated.len()), "{}", automated.len());
    let name = automated[0]["DBSnapshotIdentifier"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(name.starts_with("rds:db-2027-01-"), "{name}");
    assert_eq!(
        ground.code(
            SOURCE,
            "DeleteDBSnapshot",
            json!({ "DBSnapshotIdentifier": name })
        ),
        "InvalidDBSnapshotState"
    );
}

#[test]
fn two_worlds_of_the_same_seed_take_the_same_time() {
    let times = || {
        let mut ground = Ground::new();
        ground.ready("db", json!({}));
        ground.world.now()
    };
    assert_eq!(times(), times());
}

#[test]
fn a_managed_password_is_in_a_secret_that_goes_with_its_instance() {
    let mut ground = Ground::new();
    ground.ready(
        "db",
        json!({ "ManageMasterUserPassword": true, "MasterUserPassword": null }),
    );
    ground.unfilter(SOURCE, "db");
    let secret = ground.instance(SOURCE, "db")["MasterUserSecret"].clone();
    let arn = secret["SecretArn"].as_str().unwrap().to_owned();
    assert!(arn.contains(":secret:rds!db-"), "{arn}");
    let password =
        crate::services::secrets::read(&ground.world, &format!("{arn}:password::")).unwrap();
    assert!(ground.login(SOURCE, "db", &password).is_ok());
    let rotate = json!({ "DBInstanceIdentifier": "db", "RotateMasterUserPassword": true, "ApplyImmediately": true });
    ground.ok(SOURCE, "ModifyDBInstance", rotate);
    ground.pass(5 * MINUTE);
    let rotated =
        crate::services::secrets::read(&ground.world, &format!("{arn}:password::")).unwrap();
    assert_ne!(rotated, password);
    assert!(ground.login(SOURCE, "db", &rotated).is_ok());
    let given = json!({ "DBInstanceIdentifier": "db", "MasterUserPassword": "battery-staple" });
    assert_eq!(
        ground.code(SOURCE, "ModifyDBInstance", given),
        "InvalidParameterCombination"
    );
    let own = json!({
        "DBInstanceIdentifier": "db", "MasterUserPassword": "battery-staple", "ManageMasterUserPassword": false,
    });
    ground.ok(SOURCE, "ModifyDBInstance", own);
    ground.pass(5 * MINUTE);
    assert!(ground.login(SOURCE, "db", "battery-staple").is_ok());
    assert!(crate::services::secrets::read(&ground.world, &format!("{arn}:password::")).is_err());
}

#[test]
fn parameters_that_ask_for_more_memory_than_there_is_keep_a_server_down() {
    let mut ground = Ground::new();
    ground.ok(SOURCE, "CreateDBParameterGroup", json!({
        "DBParameterGroupName": "large", "DBParameterGroupFamily": "postgres15", "Description": "large",
    }));
    ground.ready("db", json!({ "DBParameterGroupName": "large" }));
    ground.ok(SOURCE, "ModifyDBParameterGroup", json!({
        "DBParameterGroupName": "large",
        "Parameters": [{ "ParameterName": "shared_buffers", "ParameterValue": "1000000", "ApplyMethod": "pending-reboot" }],
    }));
    ground.pass(MINUTE);
    ground.ok(
        SOURCE,
        "RebootDBInstance",
        json!({ "DBInstanceIdentifier": "db" }),
    );
    ground.until(SOURCE, "db", "incompatible-parameters");
    assert!(ground.write(SOURCE, "db", 1).is_err());
    ground.ok(
        SOURCE,
        "ResetDBParameterGroup",
        json!({ "DBParameterGroupName": "large", "ResetAllParameters": true }),
    );
    ground.ok(
        SOURCE,
        "RebootDBInstance",
        json!({ "DBInstanceIdentifier": "db" }),
    );
    ground.until(SOURCE, "db", "available");
    ground.write(SOURCE, "db", 1).unwrap();
}

#[test]
fn a_name_made_while_route_53_is_dark_resolves_only_when_it_is_lit_again() {
    let mut ground = Ground::new();
    ground.ready("old", json!({}));
    let dark =
        r#"{"region":"us-east-1","from":0,"until":90000,"fault":{"blackout":{"plane":"control"}}}"#;
    ground
        .world
        .faults
        .add(crate::faults::Rule::from_json(dark).unwrap());
    ground.ready("db", json!({}));
    let host = |ground: &mut Ground, id: &str| {
        ground.instance(SOURCE, id)["Endpoint"]["Address"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (old, new) = (host(&mut ground, "old"), host(&mut ground, "db"));
    assert!(crate::services::rds::database_at(&ground.world, &old).is_some());
    assert_eq!(crate::services::rds::database_at(&ground.world, &new), None);
    ground.pass(90_000 * SECOND);
    assert!(crate::services::rds::database_at(&ground.world, &new).is_some());
}

#[test]
fn a_first_database_needs_a_role_that_iam_makes() {
    let mut ground = Ground::new();
    let dark =
        r#"{"region":"us-east-1","from":0,"until":90000,"fault":{"blackout":{"plane":"control"}}}"#;
    ground
        .world
        .faults
        .add(crate::faults::Rule::from_json(dark).unwrap());
    let refused = ground.call(SOURCE, "CreateDBInstance", json!({
        "DBInstanceIdentifier": "db", "DBInstanceClass": "db.t4g.medium", "Engine": "postgres", "AllocatedStorage": 20,
        "MasterUsername": "redmine", "MasterUserPassword": "correct-horse", "DBSubnetGroupName": "isolated",
    }));
    let refused = refused.unwrap_err();
    assert!(refused.message.contains("service linked role"), "{refused}");
}
