//! Clusters from snapshots and from an instant. They are born without any instance.

use super::check_new;
use super::create::{Founding, Ground, aurora, found, read};
use crate::clock::{DAY, EPOCH, Nanos, Pert};
use crate::error::AwsError;
use crate::plane::database::Database;
use crate::services::rds::engines::Engine;
use crate::services::rds::facts::Facts;
use crate::services::rds::refusal::{
    cluster_not_found, cluster_snapshot_not_found, combination, refuse, value,
};
use crate::services::rds::{Content, connect, names, neighbours};
use crate::world::{Cx, Input, Output};
use std::sync::Arc;

const TAKEN_OVER: &[&str] = &[
    "BackupRetentionPeriod",
    "DatabaseName",
    "MasterUsername",
    "Port",
    "PreferredBackupWindow",
    "StorageType",
];

pub fn from_snapshot(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let given = input.str("SnapshotIdentifier").unwrap_or_default();
    let Some((_, snapshot)) = super::snapshot::find(cx.world, &account, &region, given) else {
        return Err(cluster_snapshot_not_found(given));
    };
    let content = match (&snapshot.content, snapshot.status.as_str()) {
        (Some(content), "available") => Arc::clone(content),
        (_, status) => {
            return Err(refuse(
                "InvalidDBClusterSnapshotStateFault",
                format!(
                    "Cannot restore from the cluster snapshot {}: its state is {status}.",
                    snapshot.id
                ),
            ));
        }
    };
    let engine = aurora(
        input.str("Engine").unwrap_or_default(),
        input.str("EngineMode"),
    )?;
    if engine.name != snapshot.facts.str("Engine") {
        return Err(combination(format!(
            "The engine {} is not compatible with the snapshot's.",
            engine.name
        )));
    }
    let facts = snapshot.facts.clone();
    restore(cx, input, engine, &facts, content)
}

fn restore(
    cx: &mut Cx<'_>,
    input: &Input,
    engine: &'static Engine,
    source: &Facts,
    content: Arc<Database>,
) -> Result<Output, AwsError> {
    let id = input
        .str("DBClusterIdentifier")
        .unwrap_or_default()
        .to_ascii_lowercase();
    check_new(cx, &id)?;
    let own = source.str("EngineVersion");
    let version = engine.version(Some(input.str("EngineVersion").unwrap_or(own)))?;
    if version != own && !engine.upgrades(own).contains(&version) {
        return Err(combination(format!(
            "A snapshot of {own} cannot be restored to {version}."
        )));
    }
    let mut facts = source.only(TAKEN_OVER);
    read(input, &mut facts)?;
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    // Aurora encrypts when it restores, if it is given a key.
    let key = match (input.str("KmsKeyId"), source.bool("StorageEncrypted")) {
        (Some(any), _) => Some(neighbours::key(
            cx.world,
            &account,
            &region,
            any,
            "specified",
        )?),
        (None, true) => Some(neighbours::key(
            cx.world,
            &account,
            &region,
            source.str("KmsKeyId"),
            "snapshot's",
        )?),
        (None, false) => None,
    };
    facts.set("StorageEncrypted", key.is_some());
    if let Some(key) = key {
        facts.set("KmsKeyId", key);
    }
    let ground = Ground::find(cx, input, engine, version)?;
    let resource = names::resource_id(cx, "cluster-");
    let server = cx.uuid("server-uuid");
    let database = Database {
        server,
        version: version.to_owned(),
        ..(*content).clone()
    };
    let founding = Founding {
        id,
        engine,
        version,
        facts,
        creating: Pert(200.0, 400.0, 900.0),
        content: Content::Own(Arc::new(database)),
        secret: None,
        resource,
        restored: true,
        source: None,
    };
    found(cx, input, founding, ground)
}

pub fn to_point_in_time(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let given = input
        .str("SourceDBClusterIdentifier")
        .or(input.str("SourceDbClusterResourceId"))
        .unwrap_or_default();
    let id = names::identifier(given, "cluster");
    let found = cx
        .place()
        .rds
        .clusters
        .iter()
        .find(|(name, cluster)| *name == id || cluster.resource.eq_ignore_ascii_case(&id));
    let Some(source) = found.map(|(_, cluster)| cluster.clone()) else {
        return Err(cluster_not_found(&id));
    };
    let (latest, wanted) = (
        input.bool("UseLatestRestorableTime") == Some(true),
        input.value["RestoreToTime"].as_f64(),
    );
    if latest == wanted.is_some() {
        return Err(combination(
            "Either RestoreToTime or UseLatestRestorableTime must be specified.",
        ));
    }
    if input.str("RestoreType") == Some("copy-on-write") && wanted.is_some() {
        return Err(combination(
            "A clone is made of the latest restorable time: RestoreToTime cannot be specified.",
        ));
    }
    let Some(since) = source.backups_since else {
        return Err(refuse(
            "InvalidDBClusterStateFault",
            format!("DBCluster {id} has no backups yet."),
        ));
    };
    let now = cx.now();
    // Aurora's storage can go back to (nearly) now.
    let kept = source.facts.i64("BackupRetentionPeriod").max(1) as Nanos * DAY;
    let earliest = since.max(now.saturating_sub(kept));
    let at = match wanted {
        None => now,
        Some(unix) if unix < cx.world.unix(earliest) || unix > cx.world.unix(now) => {
            return Err(value(
                "The specified cluster cannot be restored to a time outside its restore window.",
            ));
        }
        Some(unix) => ((unix - EPOCH as f64).max(0.0) * 1e9) as Nanos,
    };
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let place = cx.world.seen_place(&account, &region);
    let content = place
        .and_then(|place| place.rds.contents.get(&source.resource))
        .and_then(|content| connect::resolve(cx.world, content))
        .map(|contents| Arc::new(contents.at(at)));
    let Some(content) = content else {
        return Err(refuse(
            "InvalidDBClusterStateFault",
            format!("DBCluster {id} has nothing to restore from."),
        ));
    };
    let engine = source.engine()?;
    let mut facts = source.facts.clone();
    facts.unset("ServerlessV2ScalingConfiguration");
    restore(cx, input, engine, &facts, content)
}
