//! New instances from snapshots and from automated backups. What a call leaves out is AWS's default, not the source's.

use super::backup::{self, AutomatedBackup};
use super::check;
use super::create::{self, Birth, Plan};
use super::engines::{self, Engine};
use super::facts::Facts;
use super::neighbours;
use super::refusal::{combination, refuse, snapshot_not_found, snapshot_state, value};
use super::{Content, names, snapshot};
use crate::clock::{HOUR, Nanos, Pert};
use crate::error::AwsError;
use crate::plane::database::{Database, Rare};
use crate::world::{Cx, Input, Output};
use std::sync::Arc;

/// What a restored instance takes over from its source when a call says nothing. Not the groups, not Multi-AZ, not the
/// protection against deletion.
const TAKEN_OVER: &[&str] = &[
    "AllocatedStorage",
    "BackupRetentionPeriod",
    "DBInstanceClass",
    "DBName",
    "Iops",
    "KmsKeyId",
    "LicenseModel",
    "MasterUsername",
    "PreferredBackupWindow",
    "StorageThroughput",
    "StorageType",
];

/// How long until the endpoint: nearly the same for any size, because blocks are fetched when they are first read.
pub fn restoring(facts: &Facts) -> Pert {
    let part = ((facts.i64("AllocatedStorage") as f64 - 20.0) / 80.0).clamp(0.0, 1.0);
    Pert(
        210.0 + 30.0 * part,
        360.0 + 120.0 * part,
        800.0 + 400.0 * part,
    )
}

/// The first backup after a restore reads everything.
pub fn backing_up(facts: &Facts) -> Pert {
    let size = (facts.i64("AllocatedStorage") as f64 / 100.0).clamp(0.3, 10.0);
    Pert(
        60.0,
        420.0_f64.mul_add(size, 0.0).max(120.0),
        3_600.0_f64.mul_add(size, 0.0).max(900.0),
    )
}

/// How long blocks still come from S3 afterwards.
fn lazy(facts: &Facts) -> Nanos {
    facts.i64("AllocatedStorage").max(1) as Nanos * HOUR / 50
}

pub fn from_snapshot(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let Some(given) = input.str("DBSnapshotIdentifier") else {
        return Err(combination("DBSnapshotIdentifier must be provided."));
    };
    let id = input.str("DBInstanceIdentifier").unwrap_or_default();
    let Some((_, snapshot)) = snapshot::find(cx.world, &account, &region, given) else {
        return Err(snapshot_not_found(&names::identifier(given, "snapshot")));
    };
    check::check_new(cx, id)?;
    let content = match (&snapshot.content, snapshot.status.as_str()) {
        (Some(content), "available") => Arc::clone(content),
        (_, status) => {
            return Err(snapshot_state(format!(
                "Cannot restore from the snapshot {}: it is not in the available state but {status}.",
                snapshot.id
            )));
        }
    };
    let mut source = snapshot.facts.clone();
    source.set("StorageEncrypted", snapshot.facts.bool("Encrypted"));
    restore(cx, input, id, &source, snapshot.facts.i64("Port"), content)
}

/// Makes the instance, from whichever source.
fn restore(
    cx: &mut Cx<'_>,
    input: &Input,
    id: &str,
    source: &Facts,
    port: i64,
    content: Arc<Database>,
) -> Result<Output, AwsError> {
    let engine = chosen_engine(input, source)?;
    let version = source.str("EngineVersion").to_owned();
    let mut birth = Birth::new(id, engine, &version);
    birth.facts = source.only(TAKEN_OVER);
    birth.port = port;
    birth.restored = true;
    birth.option_group = option_group(cx, source);
    if input.has("StorageType") {
        for (member, given) in [
            ("Iops", input.has("Iops")),
            ("StorageThroughput", input.has("StorageThroughput")),
        ] {
            if !given {
                birth.facts.unset(member);
            }
        }
    }
    birth.read(input)?;
    if let Some(size) = input.i64("AllocatedStorage") {
        if size < source.i64("AllocatedStorage") {
            return Err(value(
                "The allocated storage size cannot be smaller than the source's.",
            ));
        }
        birth.facts.set("AllocatedStorage", size);
    }
    if input.bool("ManageMasterUserPassword") == Some(true) {
        return Err(combination(
            "ManageMasterUserPassword is not supported when restoring this engine.",
        ));
    }
    let encrypted = source.bool("StorageEncrypted");
    birth.facts.set("StorageEncrypted", encrypted);
    if encrypted {
        let (account, region) = (cx.caller.account.clone(), cx.region.clone());
        let key = neighbours::key(
            cx.world,
            &account,
            &region,
            source.str("KmsKeyId"),
            "snapshot's",
        )?;
        birth.facts.set("KmsKeyId", key);
    } else {
        birth.facts.unset("KmsKeyId");
    }
    check::check_values(engine, &birth.facts)?;
    birth.creating = restoring(&birth.facts);
    birth.backing_up = backing_up(&birth.facts);
    birth.lazy_for = lazy(&birth.facts);
    let plan = Plan::new(cx, &birth)?;
    let server = cx.uuid("server-uuid");
    let now = cx.now();
    let mut database = Database {
        server,
        ..(*content).clone()
    };
    if let Some(name) = input.str("DBName")
        && engine.name == "mysql"
    {
        return Err(combination(format!(
            "DBName {name} must be null for engine mysql"
        )));
    } else if let Some(name) = input.str("DBName")
        && !database.standing.databases.contains_key(name)
    {
        database.write(
            now,
            Rare::Database {
                name: name.to_owned(),
                there: true,
            },
        );
    }
    birth.content = Some(Content::Own(Arc::new(database)));
    let resource = names::resource_id(cx, "db-");
    create::bear(cx, birth, plan, resource)
}

/// The engine is the source's; naming another one is refused.
fn chosen_engine(input: &Input, source: &Facts) -> Result<&'static Engine, AwsError> {
    let own = engines::engine(source.str("Engine"))?;
    match input.str("Engine") {
        Some(wanted) if wanted != own.name => Err(combination(format!(
            "The engine {wanted} is not compatible with the source's: {}",
            own.name
        ))),
        _ => Ok(own),
    }
}

/// The option group that the snapshot names, where it exists in this region; else the default.
fn option_group(cx: &mut Cx<'_>, source: &Facts) -> Option<String> {
    let name = source.str("OptionGroupName").to_owned();
    cx.place().rds.option_groups.contains(&name).then_some(name)
}

pub fn to_point_in_time(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let target = input
        .str("TargetDBInstanceIdentifier")
        .unwrap_or_default()
        .to_owned();
    let (latest, wanted) = (
        input.bool("UseLatestRestorableTime") == Some(true),
        input.value["RestoreTime"].as_f64(),
    );
    match (latest, wanted) {
        (true, Some(_)) => {
            return Err(combination(
                "RestoreTime cannot be specified when UseLatestRestorableTime is true.",
            ));
        }
        (false, None) => {
            return Err(combination(
                "RestoreTime must be specified unless UseLatestRestorableTime is true.",
            ));
        }
        _ => {}
    }
    let backup = source(cx, input)?;
    check::check_new(cx, &target)?;
    let Some((earliest, newest)) = backup::window(cx.world, &backup) else {
        return Err(refuse(
            "PointInTimeRestoreNotEnabled",
            format!(
                "Point in time restore is not enabled for DB instance {}.",
                backup.instance
            ),
        ));
    };
    let at = match wanted {
        None => newest,
        Some(unix) => {
            let (low, high) = (cx.world.unix(earliest), cx.world.unix(newest));
            if unix < low || unix > high {
                return Err(value(format!(
                    "The specified instance cannot be restored to a time {} {}.",
                    if unix < low {
                        "earlier than"
                    } else {
                        "later than"
                    },
                    super::backup::iso(if unix < low { low } else { high })
                )));
            }
            ((unix - crate::clock::EPOCH as f64).max(0.0) * 1e9) as Nanos
        }
    };
    let content = backup::content(cx.world, &backup).ok_or_else(|| {
        refuse(
            "InvalidDBInstanceState",
            format!("There is nothing to restore {} from.", backup.instance),
        )
    })?;
    let content = Arc::new(content.at(at));
    let facts = backup.facts.clone();
    restore(
        cx,
        input,
        &target,
        &facts,
        backup.facts.i64("Port"),
        content,
    )
}

/// What to restore from: an instance by identifier or resource id, or a (retained or replicated) automated backup.
fn source(cx: &mut Cx<'_>, input: &Input) -> Result<AutomatedBackup, AwsError> {
    let given = [
        "SourceDBInstanceIdentifier",
        "SourceDbiResourceId",
        "SourceDBInstanceAutomatedBackupsArn",
    ]
    .into_iter()
    .filter(|member| input.has(member))
    .count();
    if given != 1 {
        return Err(combination(
            "Exactly one of SourceDBInstanceIdentifier, SourceDbiResourceId and SourceDBInstanceAutomatedBackupsArn must \
             be specified.",
        ));
    }
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    if let Some(arn) = input.str("SourceDBInstanceAutomatedBackupsArn") {
        let id = names::Arn::read(arn).map(|arn| arn.id).unwrap_or_default();
        let found = cx.place().rds.automated_backups.get(&id).cloned();
        return found.ok_or_else(|| backup::not_found(arn));
    }
    let instances: Vec<super::Instance> = cx
        .place()
        .rds
        .instances
        .iter()
        .map(|(_, instance)| instance.clone())
        .collect();
    let instance = match (
        input.str("SourceDBInstanceIdentifier"),
        input.str("SourceDbiResourceId"),
    ) {
        (Some(id), _) => {
            let id = names::identifier(id, "db");
            let found = instances.into_iter().find(|instance| instance.id == id);
            found.ok_or_else(|| super::refusal::instance_not_found(&id))?
        }
        (None, resource) => {
            let resource = resource.unwrap_or_default();
            match instances
                .into_iter()
                .find(|instance| instance.resource == resource)
            {
                Some(instance) => instance,
                None => {
                    let retained = cx
                        .place()
                        .rds
                        .automated_backups
                        .iter()
                        .find(|(_, backup)| backup.resource == resource);
                    return retained
                        .map(|(_, backup)| backup.clone())
                        .ok_or_else(|| super::refusal::instance_not_found(resource));
                }
            }
        }
    };
    Ok(backup::of_instance(&account, &region, &instance))
}
