//! Values that create, restore and modify check alike.

use super::engines::{self, Engine};
use super::facts::Facts;
use super::names;
use super::neighbours::{self, Quota};
use super::refusal::{check_identifier, combination, refuse, value};
use crate::error::AwsError;
use crate::plane::database::Dialect;
use crate::world::Cx;
use serde_json::Value;

/// Checks values that create and modify share.
pub fn check_values(engine: &Engine, facts: &Facts) -> Result<(), AwsError> {
    let retention = facts.i64("BackupRetentionPeriod");
    if !(0..=35).contains(&retention) {
        return Err(value(format!(
            "Invalid backup retention period: {retention}. Must be between 0 and 35."
        )));
    }
    for window in ["PreferredBackupWindow", "PreferredMaintenanceWindow"] {
        let given = facts.str(window);
        if !given.is_empty() && names::until_window(given, 0.0).is_none() {
            return Err(value(format!(
                "The parameter {window} is not valid: {given}"
            )));
        }
    }
    let exports = facts
        .get("EnabledCloudwatchLogsExports")
        .and_then(Value::as_array);
    for log in exports.into_iter().flatten().filter_map(Value::as_str) {
        if !engine.logs.contains(&log) {
            return Err(combination(format!(
                "You cannot use the log types '{log}' with engine version {} {}. For supported log types, see the \
                 documentation.",
                engine.name,
                facts.str("EngineVersion")
            )));
        }
    }
    if facts.has("CACertificateIdentifier") {
        engines::check_authority(facts.str("CACertificateIdentifier"))?;
    }
    if facts.i64("MonitoringInterval") > 0 && !facts.has("MonitoringRoleArn") {
        return Err(combination(
            "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.",
        ));
    }
    if engine.aurora {
        return Ok(());
    }
    check_storage(engine, facts)
}

fn check_storage(engine: &Engine, facts: &Facts) -> Result<(), AwsError> {
    let (kind, size) = (facts.str("StorageType"), facts.i64("AllocatedStorage"));
    let smallest = match kind {
        "io1" | "io2" => 100,
        "gp2" | "gp3" => 20,
        "standard" => 5,
        other => {
            return Err(refuse(
                "StorageTypeNotSupported",
                format!("Invalid storage type: {other}"),
            ));
        }
    };
    if !(smallest..=65_536).contains(&size) {
        return Err(value(format!(
            "Invalid storage size for engine name {} and storage type {kind}: {size}",
            engine.name
        )));
    }
    let asks = facts.has("Iops") || facts.has("StorageThroughput");
    if kind == "gp3"
        && size < 400
        && asks
        && (facts.i64("Iops") > 3_000 || facts.i64("StorageThroughput") > 125)
    {
        return Err(combination(format!(
            "You can't specify IOPS or storage throughput for engine {} and a storage size less than 400.",
            engine.name
        )));
    }
    if matches!(kind, "io1" | "io2") && !facts.has("Iops") {
        return Err(combination(format!(
            "You must specify IOPS when using storage type {kind}."
        )));
    }
    let most = facts.i64("MaxAllocatedStorage");
    if facts.has("MaxAllocatedStorage") && most <= size && most != 0 {
        return Err(combination(
            "Max storage size must be greater than storage size",
        ));
    }
    Ok(())
}

/// What AWS shows for IOPS and throughput where none were asked for.
pub fn fill_storage(facts: &mut Facts) {
    if facts.str("StorageType") == "gp3" {
        let large = facts.i64("AllocatedStorage") >= 400;
        if !facts.has("Iops") {
            facts.set("Iops", if large { 12_000 } else { 3_000 });
        }
        if !facts.has("StorageThroughput") {
            facts.set("StorageThroughput", if large { 500 } else { 125 });
        }
    } else {
        facts.set("StorageThroughput", 0);
    }
}

/// A password that RDS accepts.
pub fn check_password(engine: &Engine, password: &str) -> Result<(), AwsError> {
    let longest = if engine.dialect == Dialect::Postgres {
        128
    } else {
        41
    };
    let problem = if password.len() < 8 {
        "because it is shorter than 8 characters.".to_owned()
    } else if password.len() > longest {
        format!("because it is longer than {longest} characters.")
    } else if !password
        .bytes()
        .all(|b| (0x21..0x7f).contains(&b) && !b"/@\"".contains(&b))
    {
        return Err(value(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', \
             '\"', ' ' may be used.",
        ));
    } else {
        return Ok(());
    };
    Err(value(format!(
        "The parameter MasterUserPassword is not a valid password {problem}"
    )))
}

pub fn check_master(engine: &Engine, name: &str) -> Result<(), AwsError> {
    let reserved: &[&str] = match engine.dialect {
        Dialect::Postgres => &[
            "admin",
            "rdsadmin",
            "rdsrepladmin",
            "rds_superuser",
            "rds_replication",
            "replication",
        ],
        Dialect::Mysql => &["rdsadmin", "rdsrepladmin", "mysql.sys", "root"],
    };
    if reserved.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(value(format!(
            "MasterUsername {name} cannot be used as it is a reserved word used by the engine"
        )));
    }
    let longest = if engine.dialect == Dialect::Postgres {
        63
    } else {
        16
    };
    let fits = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= longest;
    if fits {
        Ok(())
    } else {
        Err(value(
            "The parameter MasterUsername is not a valid identifier.",
        ))
    }
}

/// The identifier is well-formed and free, and one more instance is allowed.
pub fn check_new(cx: &mut Cx<'_>, id: &str) -> Result<(), AwsError> {
    check_identifier("DBInstanceIdentifier", id, 63)?;
    let id = id.to_ascii_lowercase();
    if cx.place().rds.instances.contains(&id) {
        return Err(refuse(
            "DBInstanceAlreadyExists",
            "DB instance already exists",
        ));
    }
    let limit = neighbours::limit(cx, Quota::Instances);
    if cx.place().rds.instances.len() as f64 >= limit {
        return Err(refuse(
            "InstanceQuotaExceeded",
            format!("Instance quota exceeded: {limit} instances are allowed"),
        ));
    }
    Ok(())
}
