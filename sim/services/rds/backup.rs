//! Automated backups: the daily snapshot, the log behind it, what is kept of a deleted instance, and copies of all that
//! in another region.

use super::facts::Facts;
use super::instance::{Instance, Tags};
use super::lifecycle;
use super::refusal::refuse;
use super::snapshot::{self, Snapshot};
use super::{Content, events, names};
use crate::clock::{DAY, MINUTE, Nanos, Pert};
use crate::error::AwsError;
use crate::plane::database::Database;
use crate::world::{Cx, Event, Input, Output, World};
use serde_json::{Value, json};
use std::sync::Arc;

/// The backups of an instance in one region: its own, those retained after its deletion, or a replica of them.
#[derive(Clone, Debug, Default)]
pub struct AutomatedBackup {
    /// `ab-…`.
    pub id: String,
    pub arn: String,
    pub instance: String,
    pub instance_arn: String,
    pub resource: String,
    /// Where the instance is (or was), and where the backups are.
    pub account: String,
    pub region: String,
    pub here: String,
    /// `active`, `creating`, `retained`, `replicating`, `pending`.
    pub status: String,
    pub facts: Facts,
    pub tags: Tags,
    pub instance_created: Option<Nanos>,
    pub since: Option<Nanos>,
    /// Up to when there is something to restore: fixed once the source is gone.
    pub until: Option<Nanos>,
    /// What is kept of a source that is gone.
    pub content: Option<Arc<Database>>,
    /// Of a replica of backups: how long it keeps them, and its key.
    pub retention: i64,
    /// Until when backups of a deleted instance are kept.
    pub expires: Option<Nanos>,
}

/// The log goes to S3 every five minutes.
const LOG_GRAIN: Nanos = 5 * MINUTE;

pub fn not_found(id: &str) -> AwsError {
    refuse(
        "DBInstanceAutomatedBackupNotFound",
        format!("Automated backup not found: {id}"),
    )
    .status(404)
}

/// Up to when an instance could be restored now.
pub fn latest_restorable(world: &World, instance: &Instance) -> Option<Nanos> {
    let since = instance
        .backups_since
        .filter(|_| instance.retention() > 0 && instance.cluster.is_none())?;
    let passed = world.now().checked_sub(since)?;
    Some(since + passed / LOG_GRAIN * LOG_GRAIN)
}

/// The earliest and latest instants that a backup can be restored to.
pub fn window(world: &World, backup: &AutomatedBackup) -> Option<(Nanos, Nanos)> {
    let since = backup.since?;
    let end = match backup.until {
        Some(until) => until,
        None => since + world.now().checked_sub(since)? / LOG_GRAIN * LOG_GRAIN,
    };
    let days = backup.retention.max(0) as Nanos * DAY;
    (end >= since).then(|| (since.max(end.saturating_sub(days)), end))
}

/// What a backup is made of: the living source's contents, or what was kept.
pub fn content(world: &World, backup: &AutomatedBackup) -> Option<Arc<Database>> {
    if let Some(kept) = &backup.content {
        return Some(Arc::clone(kept));
    }
    match world
        .seen_place(&backup.account, &backup.region)?
        .rds
        .contents
        .get(&backup.resource)?
    {
        Content::Own(database) => Some(Arc::clone(database)),
        Content::Follows(_) => None,
    }
}

/// The backups of a living instance.
pub fn of_instance(account: &str, region: &str, instance: &Instance) -> AutomatedBackup {
    let snapshot = Snapshot::of(instance, "", "automated", account, region);
    let mut facts = snapshot.facts;
    facts.set("StorageEncrypted", instance.facts.bool("StorageEncrypted"));
    let id = format!(
        "ab-{}",
        instance
            .resource
            .trim_start_matches("db-")
            .to_ascii_lowercase()
    );
    AutomatedBackup {
        arn: format!("arn:aws:rds:{region}:{account}:auto-backup:{id}"),
        id,
        instance: instance.id.clone(),
        instance_arn: instance.arn.clone(),
        resource: instance.resource.clone(),
        account: account.to_owned(),
        region: region.to_owned(),
        here: region.to_owned(),
        status: if instance.backups_since.is_some() {
            "active"
        } else {
            "creating"
        }
        .into(),
        facts,
        instance_created: instance.created,
        since: instance.backups_since.filter(|_| instance.retention() > 0),
        retention: instance.retention(),
        ..AutomatedBackup::default()
    }
}

/// The first backup of an instance reads everything.
pub fn first_backup(instance: &Instance) -> Pert {
    super::restore::backing_up(&instance.facts)
}

/// The baseline is there: from now on the instance can be restored to an instant, and there is a first snapshot.
pub fn baseline(world: &mut World, account: &str, region: &str, id: &str) {
    let now = world.now();
    let state = &mut world.place(account, region).rds;
    state
        .instances
        .settle(id, |instance| instance.backups_since = Some(now));
    let Some(instance) = state.instances.get(id).cloned() else {
        return;
    };
    automated_snapshot(world, account, region, &instance);
    events::tell(
        world,
        account,
        region,
        ("db-instance", id),
        "backup",
        "Finished DB Instance backup",
    );
}

/// Begins an automated snapshot and answers how long it takes.
pub fn automated_snapshot(
    world: &mut World,
    account: &str,
    region: &str,
    instance: &Instance,
) -> Nanos {
    let name = format!(
        "rds:{}-{}",
        instance.id,
        names::stamp(world.unix(world.now()))
    );
    if world
        .seen_place(account, region)
        .is_some_and(|place| place.rds.snapshots.contains(&name))
    {
        return MINUTE;
    }
    let mut snapshot = Snapshot::of(instance, &name, "automated", account, region);
    if instance.facts.bool("CopyTagsToSnapshot") {
        snapshot.tags.clone_from(&instance.tags);
    }
    snapshot::begin(world, account, region, snapshot)
}

/// Automated snapshots older than the retention go.
pub fn expire(world: &mut World, account: &str, region: &str, instance: &Instance) {
    let now = world.now();
    let kept = instance.retention() as Nanos * DAY;
    let state = &mut world.place(account, region).rds;
    let old: Vec<String> = state
        .snapshots
        .iter()
        .filter(|(_, snapshot)| {
            snapshot.kind == "automated" && snapshot.resource == instance.resource
        })
        .filter(|(_, snapshot)| snapshot.created.is_some_and(|at| at + kept < now))
        .map(|(id, _)| id.to_owned())
        .collect();
    for id in old {
        state.snapshots.remove(&id, now);
    }
    state.instances.settle(&instance.id, |instance| {
        instance.backups_since = instance
            .backups_since
            .map(|since| since.max(now.saturating_sub(kept)));
    });
}

/// Retention 0: what was kept is gone.
pub fn forget(world: &mut World, account: &str, region: &str, id: &str) {
    let now = world.now();
    let state = &mut world.place(account, region).rds;
    let Some(resource) = state
        .instances
        .get(id)
        .map(|instance| instance.resource.clone())
    else {
        return;
    };
    let automated: Vec<String> = state
        .snapshots
        .iter()
        .filter(|(_, snapshot)| snapshot.kind == "automated" && snapshot.resource == resource)
        .map(|(id, _)| id.to_owned())
        .collect();
    for id in automated {
        state.snapshots.remove(&id, now);
    }
}

/// The instance is gone: its backups go with it, or stay as retained ones; replicas elsewhere stop where they are.
pub fn source_deleted(
    world: &mut World,
    account: &str,
    region: &str,
    instance: &Instance,
    retained: bool,
) {
    let now = world.now();
    let mut backup = of_instance(account, region, instance);
    let (kept, until) = (content(world, &backup), latest_restorable(world, instance));
    if retained && instance.retention() > 0 {
        backup.status = "retained".into();
        backup.content.clone_from(&kept);
        backup.until = until;
        backup.expires = Some(now + instance.retention() as Nanos * DAY);
        let id = backup.id.clone();
        let after = instance.retention() as Nanos * DAY;
        world
            .place(account, region)
            .rds
            .automated_backups
            .put(&id, backup, now);
        lifecycle::schedule(
            world,
            (account, region),
            after,
            "backup-expired",
            &id,
            Value::Null,
        );
    } else {
        let state = &mut world.place(account, region).rds;
        let gone: Vec<String> = state
            .snapshots
            .iter()
            .filter(|(_, snapshot)| {
                snapshot.kind == "automated" && snapshot.resource == instance.resource
            })
            .map(|(id, _)| id.to_owned())
            .collect();
        for id in gone {
            state.snapshots.remove(&id, now);
        }
    }
    for (_, place) in world.places.iter_mut() {
        let replicas = place.rds.automated_backups.keys();
        for id in replicas {
            place.rds.automated_backups.settle(&id, |backup| {
                if backup.resource == instance.resource && backup.status == "replicating" {
                    backup.status = "retained".into();
                    backup.content.clone_from(&kept);
                    backup.until = until;
                }
            });
        }
    }
}

pub fn expired(world: &mut World, event: &Event) {
    let now = world.now();
    let state = &mut world.place(&event.account, &event.region).rds;
    if state
        .automated_backups
        .get(&event.id)
        .is_some_and(|backup| backup.expires.is_some_and(|at| at <= now))
    {
        state.automated_backups.remove(&event.id, now);
    }
}

pub(super) fn shown(world: &World, backup: &AutomatedBackup, replications: &[String]) -> Value {
    let mut shown = json!({
        "DBInstanceArn": backup.instance_arn,
        "DbiResourceId": backup.resource,
        "Region": backup.region,
        "DBInstanceIdentifier": backup.instance,
        "Status": backup.status,
        "BackupRetentionPeriod": backup.retention,
        "DBInstanceAutomatedBackupsArn": backup.arn,
        "BackupTarget": "region",
        "TagList": names::shown_tags(&backup.tags),
        "Encrypted": backup.facts.bool("StorageEncrypted"),
        "DBInstanceAutomatedBackupsReplications":
            replications.iter().map(|arn| json!({ "DBInstanceAutomatedBackupsArn": arn })).collect::<Vec<_>>(),
    });
    for member in [
        "AllocatedStorage",
        "Port",
        "AvailabilityZone",
        "VpcId",
        "MasterUsername",
        "Engine",
        "EngineVersion",
        "LicenseModel",
        "Iops",
        "StorageThroughput",
        "OptionGroupName",
        "StorageType",
        "KmsKeyId",
        "IAMDatabaseAuthenticationEnabled",
        "PreferredBackupWindow",
    ] {
        if let Some(value) = backup.facts.get(member) {
            shown[member] = value.clone();
        }
    }
    if let Some(created) = backup.instance_created {
        shown["InstanceCreateTime"] = json!(world.unix(created));
    }
    if let Some((earliest, latest)) = window(world, backup) {
        shown["RestoreWindow"] =
            json!({ "EarliestTime": world.unix(earliest), "LatestTime": world.unix(latest) });
    }
    shown
}

pub fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    names::check_filters(input, &["status", "db-instance-id", "dbi-resource-id"])?;
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let Some(place) = cx.world.seen_place(&account, &region) else {
        return Ok(json!({ "DBInstanceAutomatedBackups": [] }).into());
    };
    let mut all: Vec<(AutomatedBackup, Vec<String>)> = Vec::new();
    for (_, instance) in place.rds.instances.iter() {
        if instance.retention() > 0 && instance.cluster.is_none() && instance.created.is_some() {
            all.push((
                of_instance(&account, &region, instance),
                instance.backup_replications.clone(),
            ));
        }
    }
    all.extend(
        place
            .rds
            .automated_backups
            .iter()
            .map(|(_, backup)| (backup.clone(), vec![])),
    );
    if let Some(id) = input.str("DBInstanceIdentifier") {
        let id = names::identifier(id, "db");
        all.retain(|(backup, _)| backup.instance == id);
    }
    if let Some(resource) = input.str("DbiResourceId") {
        all.retain(|(backup, _)| backup.resource == resource);
    }
    if let Some(arn) = input.str("DBInstanceAutomatedBackupsArn") {
        all.retain(|(backup, _)| backup.arn == arn);
        if all.is_empty() {
            return Err(not_found(arn));
        }
    }
    for (name, read) in [
        (
            "status",
            (|b| b.status.clone()) as fn(&AutomatedBackup) -> String,
        ),
        ("db-instance-id", |b| b.instance.clone()),
        ("dbi-resource-id", |b| b.resource.to_ascii_lowercase()),
    ] {
        if let Some(wanted) = names::filter(input, name) {
            all.retain(|(backup, _)| wanted.contains(&read(backup)));
        }
    }
    let shown: Vec<Value> = all
        .iter()
        .map(|(backup, replications)| shown(cx.world, backup, replications))
        .collect();
    Ok(object! {"DBInstanceAutomatedBackups": shown}.into())
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let given = input
        .str("DBInstanceAutomatedBackupsArn")
        .or(input.str("DbiResourceId"))
        .unwrap_or_default()
        .to_owned();
    let now = cx.now();
    let found = cx
        .place()
        .rds
        .automated_backups
        .iter()
        .find(|(_, backup)| backup.arn == given || backup.resource == given);
    let Some(backup) = found.map(|(_, backup)| backup.clone()) else {
        let active = cx
            .place()
            .rds
            .instances
            .iter()
            .any(|(_, instance)| instance.resource == given);
        if active {
            return Err(refuse(
                "InvalidDBInstanceAutomatedBackupState",
                "The automated backups of a DB instance that exists cannot be deleted.",
            ));
        }
        return Err(not_found(&given));
    };
    cx.place().rds.automated_backups.remove(&backup.id, now);
    unlink(cx.world, &backup);
    let mut answer = shown(cx.world, &backup, &[]);
    answer["Status"] = json!("deleting");
    Ok(object! {"DBInstanceAutomatedBackup": answer}.into())
}

/// The source no longer names a replica of its backups.
pub(super) fn unlink(world: &mut World, backup: &AutomatedBackup) {
    let source = world.place(&backup.account, &backup.region);
    source.rds.instances.settle(&backup.instance, |instance| {
        instance
            .backup_replications
            .retain(|arn| *arn != backup.arn);
    });
}

/// An instant as messages have it.
pub fn iso(unix: f64) -> String {
    let (year, month, day, hour, minute, second, _) = names::calendar(unix as i64);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
