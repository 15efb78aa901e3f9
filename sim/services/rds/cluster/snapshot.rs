//! Snapshots of clusters. Their copies are always full.

use super::{Cluster, check_available, named};
use crate::clock::{Nanos, Pert};
use crate::error::AwsError;
use crate::plane::database::Database;
use crate::services::rds::facts::Facts;
use crate::services::rds::instance::Tags;
use crate::services::rds::neighbours::{self, Quota};
use crate::services::rds::refusal::{
    check_identifier, cluster_snapshot_not_found, combination, refuse, value,
};
use crate::services::rds::{events, names};
use crate::world::{Cx, Event, Input, Output, World};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Copies of cluster snapshots that may be in flight to one region.
const IN_FLIGHT: usize = 5;

#[derive(Clone, Debug, Default)]
pub struct ClusterSnapshot {
    pub id: String,
    pub arn: String,
    pub status: String,
    pub kind: String,
    pub facts: Facts,
    pub cluster: String,
    pub resource: String,
    pub tags: Tags,
    pub zones: Vec<String>,
    pub began: Nanos,
    pub takes: Nanos,
    pub created: Option<Nanos>,
    pub cluster_created: Nanos,
    pub content: Option<Arc<Database>>,
    pub shared_with: Vec<String>,
    /// Of a copy: the source's ARN, its region, and the keys that must stay usable (source's, own).
    pub source_arn: Option<String>,
    pub source_region: String,
    pub keys: (String, String),
}

const OF_CLUSTER: &[&str] = &[
    "Engine",
    "EngineMode",
    "EngineVersion",
    "AllocatedStorage",
    "Port",
    "MasterUsername",
    "StorageEncrypted",
    "KmsKeyId",
    "IAMDatabaseAuthenticationEnabled",
    "StorageType",
    "BackupRetentionPeriod",
    "PreferredBackupWindow",
];

impl ClusterSnapshot {
    fn of(cluster: &Cluster, id: &str, kind: &str, account: &str, region: &str) -> ClusterSnapshot {
        let mut facts = cluster.facts.only(OF_CLUSTER);
        facts.set("VpcId", cluster.vpc.as_str());
        if cluster.facts.has("DatabaseName") {
            facts.set("DatabaseName", cluster.facts.str("DatabaseName"));
        }
        ClusterSnapshot {
            id: id.to_owned(),
            arn: format!("arn:aws:rds:{region}:{account}:cluster-snapshot:{id}"),
            status: "creating".into(),
            kind: kind.to_owned(),
            facts,
            cluster: cluster.id.clone(),
            resource: cluster.resource.clone(),
            zones: cluster.zones.clone(),
            cluster_created: cluster.created,
            ..ClusterSnapshot::default()
        }
    }

    fn shown(&self, world: &World) -> Value {
        let mut shown = Map::new();
        for (member, value) in self
            .facts
            .0
            .iter()
            .filter(|(member, _)| *member != "DatabaseName")
        {
            shown.insert(member.clone(), value.clone());
        }
        let percent = match self.status.as_str() {
            "available" => 100,
            _ if self.takes == 0 => 0,
            _ => ((world.now().saturating_sub(self.began) * 100 / self.takes) as i64).clamp(0, 99),
        };
        for (member, value) in [
            ("AvailabilityZones", json!(self.zones)),
            ("DBClusterSnapshotIdentifier", json!(self.id)),
            ("DBClusterIdentifier", json!(self.cluster)),
            ("Status", json!(self.status)),
            ("SnapshotType", json!(self.kind)),
            ("PercentProgress", json!(percent)),
            ("DBClusterSnapshotArn", json!(self.arn)),
            ("DbClusterResourceId", json!(self.resource)),
            ("ClusterCreateTime", json!(world.unix(self.cluster_created))),
            (
                "LicenseModel",
                json!(if self.facts.str("Engine") == "aurora-postgresql" {
                    "postgresql-license"
                } else {
                    "aurora-mysql"
                }),
            ),
            ("TagList", names::shown_tags(&self.tags)),
        ] {
            shown.insert(member.into(), value);
        }
        if let Some(at) = self.created {
            shown.insert("SnapshotCreateTime".into(), json!(world.unix(at)));
        }
        if let Some(source) = &self.source_arn {
            shown.insert("SourceDBClusterSnapshotArn".into(), json!(source));
        }
        Value::Object(shown)
    }
}

fn check_new(cx: &mut Cx<'_>, parameter: &str, id: &str) -> Result<(), AwsError> {
    check_identifier(parameter, id, 255)?;
    if cx.place().rds.cluster_snapshots.contains(id) {
        return Err(refuse(
            "DBClusterSnapshotAlreadyExistsFault",
            format!(
                "Cannot create the cluster snapshot because one with the identifier {id} already exists."
            ),
        ));
    }
    let limit = neighbours::limit(cx, Quota::ManualClusterSnapshots);
    let manual = cx
        .place()
        .rds
        .cluster_snapshots
        .iter()
        .filter(|(_, snapshot)| snapshot.kind == "manual")
        .count();
    if manual as f64 >= limit {
        return Err(refuse(
            "SnapshotQuotaExceeded",
            format!("Cannot create more than {limit} manual cluster snapshots"),
        ));
    }
    Ok(())
}

/// Begins a snapshot and answers how long it will take.
pub fn take(cx: &mut Cx<'_>, cluster: &Cluster, id: &str, tags: Tags) -> Result<Nanos, AwsError> {
    let id = id.to_ascii_lowercase();
    check_new(cx, "DBClusterSnapshotIdentifier", &id)?;
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let mut snapshot = ClusterSnapshot::of(cluster, &id, "manual", &account, &region);
    snapshot.tags = tags;
    // Aurora's storage remembers every instant: the snapshot is of the call's.
    let place = cx.world.seen_place(&account, &region);
    let content = place.and_then(|place| place.rds.contents.get(&cluster.resource));
    let now = cx.now();
    snapshot.content = content
        .and_then(|content| super::super::connect::resolve(cx.world, content))
        .map(|c| Arc::new(c.at(now)));
    snapshot.created = Some(now);
    snapshot.began = now;
    snapshot.takes = cx
        .world
        .sample(Pert(45.0, 150.0, 500.0), &snapshot.arn, "snapshot");
    let takes = snapshot.takes;
    cx.place().rds.cluster_snapshots.put(&id, snapshot, now);
    cx.later_with(takes, "cluster-snapshot-done", &id, json!({ "began": now }));
    Ok(takes)
}

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let cluster = named(cx, input)?;
    let id = input
        .str("DBClusterSnapshotIdentifier")
        .unwrap_or_default()
        .to_ascii_lowercase();
    check_new(cx, "DBClusterSnapshotIdentifier", &id)?;
    check_available(&cluster)?;
    let mut tags = if cluster.facts.bool("CopyTagsToSnapshot") {
        cluster.tags.clone()
    } else {
        vec![]
    };
    for (key, text) in names::tags(input)? {
        names::put_tag(&mut tags, &key, &text)?;
    }
    take(cx, &cluster, &id, tags)?;
    show(cx, &id)
}

fn show(cx: &mut Cx<'_>, id: &str) -> Result<Output, AwsError> {
    let place = cx.world.seen_place(&cx.caller.account, &cx.region);
    let snapshot = place
        .and_then(|place| place.rds.cluster_snapshots.get(id))
        .ok_or_else(|| cluster_snapshot_not_found(id))?;
    Ok(json!({ "DBClusterSnapshot": snapshot.shown(cx.world) }).into())
}

/// By identifier or ARN, in a region; with the account that has it.
pub fn find(
    world: &World,
    account: &str,
    region: &str,
    given: &str,
) -> Option<(String, ClusterSnapshot)> {
    match names::Arn::read(given) {
        Some(arn) if arn.kind == "cluster-snapshot" && arn.region == region => {
            let snapshot = world
                .seen_place(&arn.account, &arn.region)?
                .rds
                .cluster_snapshots
                .get(&arn.id)?;
            let shared = snapshot
                .shared_with
                .iter()
                .any(|with| with == "all" || with == account);
            (arn.account == account || shared).then(|| (arn.account, snapshot.clone()))
        }
        Some(_) => None,
        None => {
            let snapshot = world
                .seen_place(account, region)?
                .rds
                .cluster_snapshots
                .get(&given.to_ascii_lowercase())?;
            Some((account.to_owned(), snapshot.clone()))
        }
    }
}

pub fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    names::check_filters(
        input,
        &[
            "db-cluster-id",
            "db-cluster-snapshot-id",
            "snapshot-type",
            "engine",
        ],
    )?;
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let world = &*cx.world;
    let kind = input.str("SnapshotType");
    let mut found: Vec<&ClusterSnapshot> = Vec::new();
    for ((owner, _), place) in world
        .places
        .iter()
        .filter(|((_, in_region), _)| *in_region == region)
    {
        for (_, snapshot) in place.rds.cluster_snapshots.iter() {
            let mine = *owner == account;
            let shared = snapshot.shared_with.contains(&account);
            let public = snapshot.shared_with.iter().any(|with| with == "all");
            let wanted = match kind {
                Some("shared") => !mine && shared,
                Some("public") => public,
                Some(kind) => mine && snapshot.kind == kind,
                None => {
                    mine || (shared && input.bool("IncludeShared") == Some(true))
                        || (public && input.bool("IncludePublic") == Some(true))
                }
            };
            if wanted {
                found.push(snapshot);
            }
        }
    }
    if let Some(given) = input.str("DBClusterSnapshotIdentifier") {
        let id = names::identifier(given, "cluster-snapshot");
        found.retain(|snapshot| snapshot.id == id);
        if found.is_empty() {
            return Err(cluster_snapshot_not_found(&id));
        }
    }
    if let Some(given) = input.str("DBClusterIdentifier") {
        let id = names::identifier(given, "cluster");
        found.retain(|snapshot| snapshot.cluster == id);
    }
    for (name, read) in [
        (
            "db-cluster-id",
            (|s| s.cluster.clone()) as fn(&ClusterSnapshot) -> String,
        ),
        ("db-cluster-snapshot-id", |s| s.id.clone()),
        ("snapshot-type", |s| s.kind.clone()),
        ("engine", |s| s.facts.str("Engine").to_owned()),
    ] {
        if let Some(wanted) = names::filter(input, name) {
            found.retain(|snapshot| {
                wanted.iter().any(|one| {
                    *one == read(snapshot) || one.ends_with(&format!(":{}", read(snapshot)))
                })
            });
        }
    }
    let shown: Vec<Value> = found
        .into_iter()
        .map(|snapshot| snapshot.shown(world))
        .collect();
    Ok(object! {"DBClusterSnapshots": shown}.into())
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let id = names::identifier(
        input.str("DBClusterSnapshotIdentifier").unwrap_or_default(),
        "cluster-snapshot",
    );
    let snapshot = cx
        .place()
        .rds
        .cluster_snapshots
        .get(&id)
        .cloned()
        .ok_or_else(|| cluster_snapshot_not_found(&id))?;
    if snapshot.kind == "automated" {
        return Err(refuse(
            "InvalidDBClusterSnapshotStateFault",
            "Automated cluster snapshots cannot be deleted.",
        ));
    }
    if snapshot.status == "creating" && snapshot.source_arn.is_none() {
        return Err(refuse(
            "InvalidDBClusterSnapshotStateFault",
            "Cannot delete the snapshot because it is not currently in the available or failed state.",
        ));
    }
    let mut shown = snapshot.shown(cx.world);
    shown["Status"] = json!("deleted");
    let now = cx.now();
    cx.place().rds.cluster_snapshots.remove(&id, now);
    source_deleted(cx.world, &snapshot.arn);
    Ok(object! {"DBClusterSnapshot": shown}.into())
}

fn source_deleted(world: &mut World, arn: &str) {
    for (_, place) in world.places.iter_mut() {
        for id in place.rds.cluster_snapshots.keys() {
            place.rds.cluster_snapshots.settle(&id, |snapshot| {
                if snapshot.source_arn.as_deref() == Some(arn) && snapshot.status == "copying" {
                    snapshot.status = "failed".into();
                    snapshot.content = None;
                }
            });
        }
    }
}

pub fn copy(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let given = input
        .str("SourceDBClusterSnapshotIdentifier")
        .unwrap_or_default()
        .to_owned();
    let target = input
        .str("TargetDBClusterSnapshotIdentifier")
        .unwrap_or_default()
        .to_ascii_lowercase();
    check_new(cx, "TargetDBClusterSnapshotIdentifier", &target)?;
    let from = names::Arn::read(&given).map_or(region.clone(), |arn| arn.region);
    let across = from != region;
    if across && neighbours::data_dark(cx.world, &from) {
        return Err(refuse(
            "InternalFailure",
            format!("The source Region {from} cannot be reached."),
        )
        .status(500));
    }
    let (owner, source) = find(cx.world, &account, &from, &given)
        .ok_or_else(|| cluster_snapshot_not_found(&given))?;
    if source.status != "available" {
        return Err(refuse(
            "InvalidDBClusterSnapshotStateFault",
            format!(
                "The source cluster snapshot {} is not in the available state.",
                source.id
            ),
        ));
    }
    let encrypted = source.facts.bool("StorageEncrypted");
    let key = match (encrypted, input.str("KmsKeyId")) {
        (false, Some(_)) => {
            return Err(combination(
                "You can't encrypt an unencrypted DB cluster snapshot when you copy it: KmsKeyId must not be specified.",
            ));
        }
        (false, None) => String::new(),
        (true, None) if across || owner != account => {
            return Err(value(
                "Must specify new KMS key for cross region encrypted snapshot copy.",
            ));
        }
        (true, None) => source.facts.str("KmsKeyId").to_owned(),
        (true, Some(any)) => neighbours::key(cx.world, &account, &region, any, "target snapshot")?,
    };
    let source_key = source.facts.str("KmsKeyId").to_owned();
    if encrypted {
        neighbours::key(cx.world, &owner, &from, &source_key, "source snapshot")?;
    }
    let in_flight = cx
        .place()
        .rds
        .cluster_snapshots
        .iter()
        .filter(|(_, s)| s.status == "copying")
        .count();
    if in_flight >= IN_FLIGHT {
        return Err(refuse(
            "SnapshotQuotaExceeded",
            format!(
                "Cannot exceed quota of {IN_FLIGHT} cluster snapshot copies in progress to a region."
            ),
        ));
    }
    let mut tags = Tags::new();
    let inherited = if input.bool("CopyTags") == Some(true) {
        source.tags.clone()
    } else {
        vec![]
    };
    for (key, text) in inherited.into_iter().chain(names::tags(input)?) {
        names::put_tag(&mut tags, &key, &text)?;
    }
    let now = cx.now();
    let arn = cx.arn("rds", &format!("cluster-snapshot:{target}"));
    let gigabytes = source
        .content
        .as_ref()
        .map_or(1.0, |content| content.history.len() as f64 / 1e6)
        .max(0.4);
    let pert = if across {
        Pert(300.0, 900.0, 3_600.0)
    } else {
        Pert(120.0, 400.0, 1_500.0)
    };
    let takes = cx
        .world
        .sample(pert.times(gigabytes.min(10.0)), &arn, "copy");
    let mut copied = ClusterSnapshot {
        id: target.clone(),
        arn,
        status: "copying".into(),
        kind: "manual".into(),
        tags,
        shared_with: vec![],
        began: now,
        takes,
        source_arn: Some(source.arn.clone()),
        source_region: from,
        keys: (source_key, key.clone()),
        ..source
    };
    if encrypted {
        copied.facts.set("KmsKeyId", key);
    }
    if across {
        copied.facts.unset("VpcId");
        copied.zones = neighbours::zones(cx).into_iter().take(3).collect();
    }
    cx.place().rds.cluster_snapshots.put(&target, copied, now);
    cx.later_with(
        takes / 3,
        "cluster-snapshot-checked",
        &target,
        json!({ "began": now, "owner": owner }),
    );
    cx.later_with(
        takes,
        "cluster-snapshot-done",
        &target,
        json!({ "began": now, "owner": owner }),
    );
    show(cx, &target)
}

/// The middle or the end of a snapshot or copy: keys must still be usable.
pub fn finish(world: &mut World, event: &Event) {
    let Some(place) = world.seen_place(&event.account, &event.region) else {
        return;
    };
    let Some(snapshot) = place.rds.cluster_snapshots.get(&event.id) else {
        return;
    };
    if event.detail["began"] != snapshot.began
        || !matches!(snapshot.status.as_str(), "creating" | "copying")
    {
        return;
    }
    let owner = event.detail["owner"].as_str().unwrap_or(&event.account);
    let (source_key, key) = &snapshot.keys;
    let usable = |account: &str, region: &str, key: &str| {
        key.is_empty() || neighbours::key(world, account, region, key, "snapshot").is_ok()
    };
    let whole = snapshot.content.is_some()
        && usable(owner, &snapshot.source_region, source_key)
        && usable(&event.account, &event.region, key)
        && (snapshot.source_arn.is_none()
            || snapshot.source_region == event.region
            || !neighbours::data_dark(world, &snapshot.source_region));
    let checked_only = event.what == "cluster-snapshot-checked";
    let status = match (whole, checked_only) {
        (true, true) => return,
        (true, false) => "available",
        (false, _) => "failed",
    };
    let now = world.now();
    world
        .place(&event.account, &event.region)
        .rds
        .cluster_snapshots
        .settle(&event.id, |snapshot| {
            status.clone_into(&mut snapshot.status);
            if snapshot.source_arn.is_some() {
                snapshot.created = Some(now);
            }
            if !whole {
                snapshot.content = None;
            }
        });
    let text = if whole {
        "Cluster snapshot created"
    } else {
        "Cluster snapshot failed"
    };
    events::tell(
        world,
        &event.account,
        &event.region,
        ("db-cluster-snapshot", &event.id),
        "backup",
        text,
    );
}

fn attributes(snapshot: &ClusterSnapshot) -> Output {
    json!({
        "DBClusterSnapshotAttributesResult": {
            "DBClusterSnapshotIdentifier": snapshot.id,
            "DBClusterSnapshotAttributes": [{ "AttributeName": "restore", "AttributeValues": snapshot.shared_with }],
        }
    })
    .into()
}

pub fn describe_attributes(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let id = input
        .str("DBClusterSnapshotIdentifier")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let snapshot = cx
        .place()
        .rds
        .cluster_snapshots
        .get(&id)
        .ok_or_else(|| cluster_snapshot_not_found(&id))?;
    Ok(attributes(snapshot))
}

pub fn modify_attribute(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let id = input
        .str("DBClusterSnapshotIdentifier")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut snapshot = cx
        .place()
        .rds
        .cluster_snapshots
        .get(&id)
        .cloned()
        .ok_or_else(|| cluster_snapshot_not_found(&id))?;
    if input.str("AttributeName") != Some("restore") {
        return Err(value("The attribute name must be restore."));
    }
    let add = input.strings("ValuesToAdd");
    if add.iter().any(|with| with == "all") && snapshot.facts.bool("StorageEncrypted") {
        return Err(combination("Encrypted snapshots cannot be public."));
    }
    let remove = input.strings("ValuesToRemove");
    snapshot.shared_with.extend(add);
    snapshot.shared_with.sort();
    snapshot.shared_with.dedup();
    snapshot.shared_with.retain(|with| !remove.contains(with));
    let answer = attributes(&snapshot);
    let now = cx.now();
    cx.place().rds.cluster_snapshots.put(id, snapshot, now);
    Ok(answer)
}
