//! Read-only operations about the account and the region.

use super::lifecycle;
use super::names;
use super::neighbours::{self, Quota};
use super::refusal::{refuse, value};
use crate::clock::HOUR;
use crate::error::AwsError;
use crate::plane::database::Dialect;
use crate::services::ec2;
use crate::world::{Cx, Input, Output};
use serde_json::{Value, json};

pub fn account_attributes(cx: &mut Cx<'_>) -> Result<Output, AwsError> {
    let limits = [
        ("DBInstances", Quota::Instances),
        ("ManualSnapshots", Quota::ManualSnapshots),
        ("DBParameterGroups", Quota::ParameterGroups),
        ("DBSubnetGroups", Quota::SubnetGroups),
        ("OptionGroups", Quota::OptionGroups),
        ("DBClusters", Quota::Clusters),
        ("ManualClusterSnapshots", Quota::ManualClusterSnapshots),
        ("ReadReplicasPerMaster", Quota::ReplicasPerPrimary),
        ("AllocatedStorage", Quota::TotalStorage),
    ];
    let limits = limits.map(|(name, quota)| (name, neighbours::limit(cx, quota)));
    let state = &cx.place().rds;
    let used = |name: &str| match name {
        "DBInstances" => state.instances.len() as i64,
        "ManualSnapshots" => state
            .snapshots
            .iter()
            .filter(|(_, s)| s.kind == "manual")
            .count() as i64,
        "DBParameterGroups" => state
            .parameter_groups
            .iter()
            .filter(|(name, _)| !name.starts_with("default."))
            .count() as i64,
        "DBSubnetGroups" => state.subnet_groups.len() as i64,
        "OptionGroups" => state
            .option_groups
            .iter()
            .filter(|(name, _)| !name.starts_with("default:"))
            .count() as i64,
        "DBClusters" => state.clusters.len() as i64,
        "ManualClusterSnapshots" => state
            .cluster_snapshots
            .iter()
            .filter(|(_, s)| s.kind == "manual")
            .count() as i64,
        "AllocatedStorage" => state
            .instances
            .iter()
            .map(|(_, i)| i.facts.i64("AllocatedStorage"))
            .sum(),
        _ => state
            .instances
            .iter()
            .map(|(_, i)| i.replicas.len() as i64)
            .max()
            .unwrap_or(0),
    };
    let quotas: Vec<Value> = limits
        .into_iter()
        .map(|(name, max)| json!({ "AccountQuotaName": name, "Used": used(name), "Max": max as i64 }))
        .collect();
    Ok(object! {"AccountQuotas": quotas}.into())
}

/// No maintenance is ever due by itself in this world; an identifier must still exist.
pub fn pending_maintenance(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    if let Some(given) = input.str("ResourceIdentifier") {
        let there = names::Arn::read(given).is_some_and(|arn| match arn.kind.as_str() {
            "db" => cx.place().rds.instances.contains(&arn.id),
            "cluster" => cx.place().rds.clusters.contains(&arn.id),
            _ => false,
        });
        if !there {
            return Err(refuse(
                "ResourceNotFoundFault",
                format!("Resource not found: {given}"),
            )
            .status(404));
        }
    }
    Ok(json!({ "PendingMaintenanceActions": [] }).into())
}

/// One log file per hour, for as long as the engine keeps them.
pub fn log_files(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let instance = lifecycle::named(cx, input)?;
    let engine = super::engines::engine(instance.engine())?;
    let Some(created) = instance.created else {
        return Err(refuse(
            "DBInstanceNotReady",
            format!("DB instance {} is not ready.", instance.id),
        ));
    };
    let now = cx.now();
    let kept = match engine.dialect {
        Dialect::Postgres => 72,
        Dialect::Mysql => 24,
    };
    let first = created.max(now.saturating_sub(kept * HOUR)) / HOUR;
    let mut files = Vec::new();
    for hour in first..=now / HOUR {
        let begins = cx.world.unix(hour * HOUR);
        let stamp = names::stamp(begins);
        let name = match engine.dialect {
            Dialect::Postgres => format!("error/postgresql.log.{}", stamp[..13].to_owned()),
            Dialect::Mysql if hour == now / HOUR => "error/mysql-error.log".to_owned(),
            Dialect::Mysql => format!("error/mysql-error-running.log.{}", stamp[..13].to_owned()),
        };
        let last = cx.world.unix(((hour + 1) * HOUR).min(now));
        let size = 1_024 + cx.world.dice.hash(&["log", &instance.resource], hour) % 4_096;
        files.push(
            json!({ "LogFileName": name, "LastWritten": (last * 1_000.0) as i64, "Size": size }),
        );
    }
    if let Some(part) = input.str("FilenameContains") {
        files.retain(|file| {
            file["LogFileName"]
                .as_str()
                .is_some_and(|name| name.contains(part))
        });
    }
    if let Some(since) = input.i64("FileLastWritten") {
        files.retain(|file| file["LastWritten"].as_i64().is_some_and(|at| at >= since));
    }
    if let Some(least) = input.i64("FileSize") {
        files.retain(|file| file["Size"].as_i64().is_some_and(|size| size >= least));
    }
    Ok(object! {"DescribeDBLogFiles": files}.into())
}

/// Regions from which snapshots and backups can come to this one.
pub fn source_regions(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let only = input.str("RegionName");
    if only.is_some_and(|name| ec2::zones::region(name).is_none()) {
        return Err(value(format!(
            "Invalid Region: {}",
            only.unwrap_or_default()
        )));
    }
    let here = cx.region.clone();
    let regions: Vec<Value> = ec2::zones::REGIONS
        .iter()
        .map(|facts| facts.name)
        .filter(|name| *name != here && only.is_none_or(|only| only == *name))
        .map(|name| {
            json!({
                "RegionName": name,
                "Endpoint": format!("https://rds.{name}.amazonaws.com"),
                "Status": "available",
                "SupportsDBInstanceAutomatedBackupsReplication": true,
            })
        })
        .collect();
    Ok(object! {"SourceRegions": regions}.into())
}

pub fn valid_modifications(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let instance = lifecycle::named(cx, input)?;
    let size = instance.facts.i64("AllocatedStorage");
    let range = |from: i64, to: i64| json!([{ "From": from, "To": to, "Step": 1 }]);
    let storage: Vec<Value> = ["gp2", "gp3", "io1", "io2"]
        .iter()
        .map(|kind| {
            let provisioned = kind.starts_with("io");
            let mut option = json!({
                "StorageType": kind,
                "StorageSize": range((size * 11 + 9) / 10, 65_536),
                "SupportsStorageAutoscaling": true,
            });
            if provisioned {
                option["ProvisionedIops"] = range(1_000, 256_000);
            }
            option
        })
        .collect();
    Ok(json!({ "ValidDBInstanceModificationsMessage": { "Storage": storage, "ValidProcessorFeatures": [] } }).into())
}

/// Global clusters are not simulated yet, so there are none.
pub fn global_clusters(input: &Input) -> Result<Output, AwsError> {
    match input.str("GlobalClusterIdentifier") {
        Some(id) => Err(refuse(
            "GlobalClusterNotFoundFault",
            format!("Global cluster {id} not found."),
        )
        .status(404)),
        None => Ok(json!({ "GlobalClusters": [] }).into()),
    }
}

/// Subscriptions cannot be made here, so there are none.
pub fn event_subscriptions(input: &Input) -> Result<Output, AwsError> {
    match input.str("SubscriptionName") {
        Some(name) => Err(refuse(
            "SubscriptionNotFound",
            format!("Event subscription {name} not found."),
        )
        .status(404)),
        None => Ok(json!({ "EventSubscriptionsList": [] }).into()),
    }
}
