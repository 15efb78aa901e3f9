//! Subnet, parameter and option groups, what can be ordered, tags, events.

use super::*;

#[test]
fn a_subnet_group_covers_two_zones_of_one_vpc() {
    let mut ground = Ground::new();
    let group = |name: &str, subnets: Value| {
        json!({
            "DBSubnetGroupName": name, "DBSubnetGroupDescription": "d", "SubnetIds": subnets,
        })
    };
    for (name, subnets, code) in [
        (
            "x",
            json!(["subnet-a"]),
            "DBSubnetGroupDoesNotCoverEnoughAZs",
        ),
        ("x", json!(["subnet-a", "subnet-z"]), "InvalidSubnet"),
        ("x", json!(["subnet-a", "subnet-none"]), "InvalidSubnet"),
        (
            "isolated",
            json!(["subnet-a", "subnet-b"]),
            "DBSubnetGroupAlreadyExists",
        ),
        (
            "default",
            json!(["subnet-a", "subnet-b"]),
            "InvalidParameterValue",
        ),
    ] {
        assert_eq!(
            ground.code(SOURCE, "CreateDBSubnetGroup", group(name, subnets)),
            code,
            "{name}"
        );
    }
    let made = ground.ok(
        SOURCE,
        "CreateDBSubnetGroup",
        group("Mixed Case", json!(["subnet-a", "subnet-b"])),
    );
    assert_eq!(made["DBSubnetGroup"]["DBSubnetGroupName"], "mixed case");
    ground.postgres("db", json!({}));
    assert_eq!(
        ground.code(
            SOURCE,
            "DeleteDBSubnetGroup",
            json!({ "DBSubnetGroupName": "isolated" })
        ),
        "InvalidDBSubnetGroupStateFault"
    );
    ground.ok(
        SOURCE,
        "DeleteDBSubnetGroup",
        json!({ "DBSubnetGroupName": "mixed case" }),
    );
    assert_eq!(
        ground.code(
            SOURCE,
            "DescribeDBSubnetGroups",
            json!({ "DBSubnetGroupName": "mixed case" })
        ),
        "DBSubnetGroupNotFoundFault"
    );
}

fn own_group(ground: &mut Ground) {
    ground.ok(SOURCE, "CreateDBParameterGroup", json!({
        "DBParameterGroupName": "Redmine", "DBParameterGroupFamily": "postgres15", "Description": "slow queries",
    }));
}

fn set(name: &str, value: &str, method: &str) -> Value {
    json!({
        "DBParameterGroupName": "redmine",
        "Parameters": [{ "ParameterName": name, "ParameterValue": value, "ApplyMethod": method }],
    })
}

fn parameter(ground: &mut Ground, name: &str) -> Value {
    let all = ground.ok(
        SOURCE,
        "DescribeDBParameters",
        json!({ "DBParameterGroupName": "redmine" }),
    );
    let found = all["Parameters"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["ParameterName"] == name)
        .cloned();
    found.unwrap_or(Value::Null)
}

#[test]
fn parameters_are_set_within_what_is_allowed_and_reset() {
    let mut ground = Ground::new();
    own_group(&mut ground);
    assert_eq!(
        parameter(&mut ground, "log_min_duration_statement")["Source"],
        "engine-default"
    );
    ground.ok(
        SOURCE,
        "ModifyDBParameterGroup",
        set("log_min_duration_statement", "500", "immediate"),
    );
    let shown = parameter(&mut ground, "log_min_duration_statement");
    assert_eq!(
        (
            &shown["ParameterValue"],
            &shown["Source"],
            &shown["ApplyType"]
        ),
        (&json!("500"), &json!("user"), &json!("dynamic"))
    );
    let user = ground.ok(
        SOURCE,
        "DescribeDBParameters",
        json!({ "DBParameterGroupName": "redmine", "Source": "user" }),
    );
    assert_eq!(user["Parameters"].as_array().unwrap().len(), 1);
    for (name, value, method, code) in [
        (
            "log_min_duration_statement",
            "soon",
            "immediate",
            "InvalidParameterValue",
        ),
        (
            "max_connections",
            "100",
            "immediate",
            "InvalidParameterCombination",
        ),
        (
            "max_connections",
            "1",
            "pending-reboot",
            "InvalidParameterValue",
        ),
        (
            "wal_level",
            "logical",
            "pending-reboot",
            "InvalidParameterValue",
        ),
        (
            "no_such_parameter",
            "1",
            "immediate",
            "InvalidParameterValue",
        ),
    ] {
        assert_eq!(
            ground.code(SOURCE, "ModifyDBParameterGroup", set(name, value, method)),
            code,
            "{name}"
        );
    }
    ground.ok(
        SOURCE,
        "ResetDBParameterGroup",
        json!({ "DBParameterGroupName": "redmine", "ResetAllParameters": true }),
    );
    assert_eq!(
        parameter(&mut ground, "log_min_duration_statement")["Source"],
        "engine-default"
    );
}

#[test]
fn dynamic_parameters_reach_a_running_server_and_static_ones_wait() {
    let mut ground = Ground::new();
    own_group(&mut ground);
    ground.ready("db", json!({ "DBParameterGroupName": "redmine" }));
    ground.ok(
        SOURCE,
        "ModifyDBParameterGroup",
        set("rds.force_ssl", "0", "immediate"),
    );
    assert_eq!(
        ground.instance(SOURCE, "db")["DBParameterGroups"][0]["ParameterApplyStatus"],
        "applying"
    );
    ground.pass(MINUTE);
    assert_eq!(
        ground.instance(SOURCE, "db")["DBParameterGroups"][0]["ParameterApplyStatus"],
        "in-sync"
    );
    assert_eq!(
        ground.query(SOURCE, "db", "show rds.force_ssl").unwrap()[0][0],
        "off"
    );
    assert_eq!(
        ground.code(
            SOURCE,
            "DeleteDBParameterGroup",
            json!({ "DBParameterGroupName": "redmine" })
        ),
        "InvalidDBParameterGroupState"
    );
}

#[test]
fn a_group_of_another_family_does_not_fit_and_defaults_do_not_change() {
    let mut ground = Ground::new();
    ground.ok(SOURCE, "CreateDBParameterGroup", json!({
        "DBParameterGroupName": "old", "DBParameterGroupFamily": "postgres14", "Description": "d",
    }));
    let code = ground.call(SOURCE, "CreateDBInstance", json!({
        "DBInstanceIdentifier": "db", "DBInstanceClass": "db.t4g.medium", "Engine": "postgres", "EngineVersion": "15",
        "AllocatedStorage": 20, "MasterUsername": "redmine", "MasterUserPassword": "correct-horse",
        "DBSubnetGroupName": "isolated", "DBParameterGroupName": "old",
    }));
    assert_eq!(code.unwrap_err().code, "InvalidParameterCombination");
    assert_eq!(
        ground.code(SOURCE, "CreateDBParameterGroup", json!({ "DBParameterGroupName": "x", "DBParameterGroupFamily": "postgres8", "Description": "d" })),
        "InvalidParameterValue"
    );
    ground.postgres("db", json!({}));
    let mut change = set("work_mem", "64", "immediate");
    change["DBParameterGroupName"] = json!("default.postgres15");
    assert_eq!(
        ground.code(SOURCE, "ModifyDBParameterGroup", change),
        "InvalidParameterValue"
    );
    let defaults = ground.ok(
        SOURCE,
        "DescribeEngineDefaultParameters",
        json!({ "DBParameterGroupFamily": "mysql8.0" }),
    );
    assert!(
        defaults["EngineDefaults"]["Parameters"]
            .as_array()
            .unwrap()
            .len()
            > 50
    );
}

#[test]
fn an_option_group_holds_what_its_engine_offers_and_stays_while_it_is_used() {
    let mut ground = Ground::new();
    ground.ok(SOURCE, "CreateOptionGroup", json!({
        "OptionGroupName": "audit", "EngineName": "mysql", "MajorEngineVersion": "8.0", "OptionGroupDescription": "audit",
    }));
    let include = |name: &str, settings: Value| {
        json!({
            "OptionGroupName": "audit",
            "OptionsToInclude": [{ "OptionName": name, "OptionSettings": settings }],
            "ApplyImmediately": true,
        })
    };
    assert_eq!(
        ground.code(SOURCE, "ModifyOptionGroup", include("TDE", json!([]))),
        "InvalidParameterValue"
    );
    assert_eq!(
        ground.code(
            SOURCE,
            "ModifyOptionGroup",
            include(
                "MARIADB_AUDIT_PLUGIN",
                json!([{ "Name": "SERVER_AUDIT_EVENTS", "Value": "ALL" }])
            )
        ),
        "InvalidParameterValue"
    );
    ground.ok(
        SOURCE,
        "ModifyOptionGroup",
        include(
            "MARIADB_AUDIT_PLUGIN",
            json!([{ "Name": "SERVER_AUDIT_EVENTS", "Value": "CONNECT" }]),
        ),
    );
    let shown = ground.ok(
        SOURCE,
        "DescribeOptionGroups",
        json!({ "OptionGroupName": "audit" }),
    );
    assert_eq!(
        shown["OptionGroupsList"][0]["Options"][0]["OptionName"],
        "MARIADB_AUDIT_PLUGIN"
    );
    ground.ok(SOURCE, "CreateDBInstance", json!({
        "DBInstanceIdentifier": "db", "DBInstanceClass": "db.t3.micro", "Engine": "mysql", "EngineVersion": "8.0",
        "AllocatedStorage": 20, "MasterUsername": "vikunja", "MasterUserPassword": "correct-horse",
        "DBSubnetGroupName": "isolated", "OptionGroupName": "audit",
    }));
    assert_eq!(
        ground.code(
            SOURCE,
            "DeleteOptionGroup",
            json!({ "OptionGroupName": "audit" })
        ),
        "InvalidOptionGroupStateFault"
    );
    assert_eq!(
        ground.code(
            SOURCE,
            "DeleteOptionGroup",
            json!({ "OptionGroupName": "none" })
        ),
        "OptionGroupNotFoundFault"
    );
    let options = ground.ok(
        SOURCE,
        "DescribeOptionGroupOptions",
        json!({ "EngineName": "mysql", "MajorEngineVersion": "8.0" }),
    );
    assert_eq!(options["OptionGroupOptions"].as_array().unwrap().len(), 2);
}

#[test]
fn what_a_region_offers_is_data() {
    let mut ground = Ground::new();
    let versions = ground.ok(
        SOURCE,
        "DescribeDBEngineVersions",
        json!({ "Engine": "postgres", "EngineVersion": "15", "DefaultOnly": true }),
    );
    assert_eq!(versions["DBEngineVersions"].as_array().unwrap().len(), 1);
    assert_eq!(versions["DBEngineVersions"][0]["EngineVersion"], "15.12");
    let options = |region: &str, ground: &mut Ground| {
        let wanted = json!({ "Engine": "postgres", "EngineVersion": "15.12", "DBInstanceClass": "db.r7g.large" });
        ground.ok(region, "DescribeOrderableDBInstanceOptions", wanted)["OrderableDBInstanceOptions"].as_array().unwrap().len()
    };
    assert_eq!(
        (
            options(SOURCE, &mut ground),
            options("eu-west-3", &mut ground)
        ),
        (4, 0)
    );
    let certificates = ground.ok(SOURCE, "DescribeCertificates", json!({}));
    assert_eq!(certificates["Certificates"].as_array().unwrap().len(), 3);
    assert_eq!(
        ground.code(
            SOURCE,
            "DescribeCertificates",
            json!({ "CertificateIdentifier": "x" })
        ),
        "CertificateNotFound"
    );
}

#[test]
fn tags_are_put_on_any_resource_by_its_arn_and_reserved_keys_are_refused() {
    let mut ground = Ground::new();
    let arn =
        ground.postgres("db", json!({ "Tags": [{ "Key": "a", "Value": "1" }] }))["DBInstanceArn"]
            .clone();
    ground.ok(
        SOURCE,
        "AddTagsToResource",
        json!({ "ResourceName": arn, "Tags": [{ "Key": "b", "Value": "2" }] }),
    );
    ground.ok(
        SOURCE,
        "RemoveTagsFromResource",
        json!({ "ResourceName": arn, "TagKeys": ["a"] }),
    );
    let listed = ground.ok(
        SOURCE,
        "ListTagsForResource",
        json!({ "ResourceName": arn }),
    );
    assert_eq!(listed["TagList"], json!([{ "Key": "b", "Value": "2" }]));
    assert_eq!(ground.instance(SOURCE, "db")["TagList"], listed["TagList"]);
    assert_eq!(
        ground.code(
            SOURCE,
            "AddTagsToResource",
            json!({ "ResourceName": arn, "Tags": [{ "Key": "aws:x", "Value": "2" }] })
        ),
        "InvalidParameterValue"
    );
    let none = format!("arn:aws:rds:us-west-2:{ACCOUNT}:db:none");
    assert_eq!(
        ground.code(
            SOURCE,
            "ListTagsForResource",
            json!({ "ResourceName": none })
        ),
        "DBInstanceNotFound"
    );
    assert_eq!(
        crate::services::rds::tagged(&ground.world, ACCOUNT, SOURCE).len(),
        1
    );
}

#[test]
fn events_tell_what_happened() {
    let mut ground = Ground::new();
    ground.ready("db", json!({}));
    let events = ground.ok(
        SOURCE,
        "DescribeEvents",
        json!({ "SourceIdentifier": "db", "SourceType": "db-instance" }),
    );
    let messages: Vec<&str> = events["Events"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|e| e["Message"].as_str())
        .collect();
    assert!(messages.contains(&"DB instance created"), "{messages:?}");
    assert_eq!(
        ground.code(
            SOURCE,
            "DescribeEvents",
            json!({ "SourceIdentifier": "db" })
        ),
        "InvalidParameterCombination"
    );
}
