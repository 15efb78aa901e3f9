//! Automated backups replicated to another region.

use super::backup::{content, not_found, of_instance, shown, unlink, window};
use super::lifecycle;
use super::names;
use super::neighbours;
use super::refusal::{combination, instance_not_found, instance_state, refuse, value};
use super::snapshot::{self};
use crate::clock::{DAY, Nanos, Pert};
use crate::error::AwsError;
use crate::world::{Cx, Event, Input, Output, World};
use std::sync::Arc;

/// Replicas of automated backups in one region.
const REPLICATIONS: usize = 20;

pub fn start_replication(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let given = input.str("SourceDBInstanceArn").unwrap_or_default();
    let Some(arn) = names::Arn::read(given).filter(|arn| arn.kind == "db") else {
        return Err(value(format!("Invalid source DB instance ARN: {given}")));
    };
    if arn.region == cx.region {
        return Err(value("The source DB instance must be in another Region."));
    }
    if arn.account != cx.caller.account {
        return Err(instance_not_found(given));
    }
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let place = cx.world.seen_place(&account, &arn.region);
    let Some(instance) = place
        .and_then(|place| place.rds.instances.get(&arn.id))
        .cloned()
    else {
        return Err(instance_not_found(given));
    };
    lifecycle::check_available(&instance)?;
    if instance.retention() == 0 {
        return Err(instance_state(
            "Automated backups are not enabled for the source DB instance.",
        ));
    }
    if instance.cluster.is_some() {
        return Err(combination(
            "Automated backups of cluster members cannot be replicated.",
        ));
    }
    let backups = &cx.place().rds.automated_backups;
    if backups
        .iter()
        .any(|(_, backup)| backup.resource == instance.resource && backup.status == "replicating")
    {
        return Err(instance_state(
            "Automated backups of this DB instance are already being replicated to this Region.",
        ));
    }
    if backups
        .iter()
        .filter(|(_, backup)| backup.status == "replicating")
        .count()
        >= REPLICATIONS
    {
        return Err(refuse(
            "DBInstanceAutomatedBackupQuotaExceeded",
            format!(
                "The quota of {REPLICATIONS} replicated automated backups in a Region is exceeded."
            ),
        ));
    }
    let encrypted = instance.facts.bool("StorageEncrypted");
    let key = match input.str("KmsKeyId") {
        Some(any) if encrypted => Some(neighbours::key(
            cx.world,
            &account,
            &region,
            any,
            "specified",
        )?),
        None if encrypted => {
            return Err(combination(
                "Must specify a KMS key in this Region to replicate encrypted automated backups.",
            ));
        }
        Some(_) => {
            return Err(combination(
                "A KMS key cannot be given for the backups of an unencrypted DB instance.",
            ));
        }
        None => None,
    };
    let retention = input.i64("BackupRetentionPeriod").unwrap_or(7);
    if !(1..=35).contains(&retention) {
        return Err(value(format!(
            "Invalid backup retention period: {retention}. Must be between 1 and 35."
        )));
    }
    let mut backup = of_instance(&account, &arn.region, &instance);
    backup.id = format!("ab-{}", cx.hex("automated-backup", 26));
    backup.arn = cx.arn("rds", &format!("auto-backup:{}", backup.id));
    backup.here.clone_from(&region);
    backup.status = "pending".into();
    backup.since = None;
    backup.retention = retention;
    backup.tags = names::tags(input)?;
    if let Some(key) = key {
        backup.facts.set("KmsKeyId", key);
    }
    backup.facts.unset("VpcId");
    backup.facts.unset("AvailabilityZone");
    let size = snapshot::by_size(&instance.facts);
    let takes = cx.world.sample(
        Pert(300.0, 900.0, 3_600.0).times(size),
        &backup.arn,
        "replicate-backups",
    );
    let now = cx.now();
    let (id, backup_arn) = (backup.id.clone(), backup.arn.clone());
    let answer = shown(cx.world, &backup, &[]);
    cx.place().rds.automated_backups.put(&id, backup, now);
    cx.place_in(&arn.region)
        .rds
        .instances
        .settle(&arn.id, |source| {
            source.backup_replications.push(backup_arn)
        });
    cx.later(takes, "backup-replicating", &id);
    Ok(object! {"DBInstanceAutomatedBackup": answer}.into())
}

/// The first copy has arrived: restoring is possible from here on.
pub fn replicating(world: &mut World, event: &Event) {
    let now = world.now();
    world
        .place(&event.account, &event.region)
        .rds
        .automated_backups
        .settle(&event.id, |backup| {
            if backup.status == "pending" {
                backup.status = "replicating".into();
                backup.since = Some(now);
            }
        });
}

pub fn stop_replication(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let given = input
        .str("SourceDBInstanceArn")
        .unwrap_or_default()
        .to_owned();
    let found = cx.place().rds.automated_backups.iter().find(|(_, backup)| {
        backup.instance_arn == given && matches!(backup.status.as_str(), "replicating" | "pending")
    });
    let Some(mut backup) = found.map(|(_, backup)| backup.clone()) else {
        return Err(not_found(&given));
    };
    // What has been replicated is kept until its retention ends.
    let kept = content(cx.world, &backup);
    let until = window(cx.world, &backup).map(|(_, latest)| latest);
    let now = cx.now();
    unlink(cx.world, &backup);
    backup.status = "retained".into();
    backup.expires = Some(now + backup.retention.max(1) as Nanos * DAY);
    backup.content = match (kept, until) {
        (Some(kept), Some(until)) => Some(Arc::new(kept.at(until))),
        _ => None,
    };
    backup.until = until;
    let answer = shown(cx.world, &backup, &[]);
    cx.later(
        backup.retention.max(1) as Nanos * DAY,
        "backup-expired",
        &backup.id,
    );
    let id = backup.id.clone();
    cx.place().rds.automated_backups.put(id, backup, now);
    Ok(object! {"DBInstanceAutomatedBackup": answer}.into())
}
