//! Snapshots of instances: exactly what the database held at one instant.

use super::facts::Facts;
use super::instance::{Instance, Tags};
use super::lifecycle;
use super::neighbours::{self, Quota};
use super::refusal::{
    check_identifier, combination, instance_state, refuse, snapshot_not_found, snapshot_state,
    value,
};
use super::{connect, events, names};
use crate::clock::{Nanos, Pert};
use crate::error::AwsError;
use crate::plane::database::Database;
use crate::world::{Cx, Event, Input, Output, World};
use serde_json::{Map, Value, json};
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub id: String,
    pub arn: String,
    /// `pending` (a copy that waits for another of the same source), `creating`, `available`, `failed`.
    pub status: String,
    /// `manual`, `automated`.
    pub kind: String,
    /// Members of `DBSnapshot` that are kept.
    pub facts: Facts,
    /// The instance and its resource id.
    pub instance: String,
    pub resource: String,
    pub tags: Tags,
    /// When work began and how long it takes: what `PercentProgress` is computed from.
    pub began: Nanos,
    pub takes: Nanos,
    /// When it was taken; of a copy: when it was copied.
    pub created: Option<Nanos>,
    pub original: Option<Nanos>,
    /// Of when the last transaction in it is.
    pub database_time: Option<Nanos>,
    pub content: Option<Arc<Database>>,
    /// Accounts that may restore it; `all` is everybody.
    pub shared_with: Vec<String>,
    /// Of a copy.
    pub copy: Option<Copied>,
    /// Of an automated one: when it goes.
    pub instance_created: Option<Nanos>,
}

/// Where a copy comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Copied {
    pub source_arn: String,
    pub source_region: String,
    pub source_id: String,
    pub source_account: String,
    /// Keys that must be usable till the end: of the source, of the copy.
    pub source_key: String,
    pub key: String,
    /// Whether everything is copied, or only what differs from an earlier copy.
    pub full: bool,
}

/// What a snapshot keeps of its instance.
const OF_INSTANCE: &[&str] = &[
    "Engine",
    "EngineVersion",
    "AllocatedStorage",
    "AvailabilityZone",
    "MasterUsername",
    "LicenseModel",
    "Iops",
    "StorageThroughput",
    "StorageType",
    "IAMDatabaseAuthenticationEnabled",
    "ProcessorFeatures",
    "KmsKeyId",
    "DedicatedLogVolume",
    "BackupRetentionPeriod",
    "PreferredBackupWindow",
];

/// What a restore takes over beyond what is shown.
pub const OF_SOURCE: &[&str] = &["DBInstanceClass", "DBName"];

impl Snapshot {
    pub fn of(instance: &Instance, id: &str, kind: &str, account: &str, region: &str) -> Snapshot {
        let mut facts = instance.facts.only(OF_INSTANCE);
        let endpoint = instance.endpoint.as_ref();
        facts.set("Port", endpoint.map_or(0, |endpoint| endpoint.port));
        facts.set("VpcId", instance.vpc.as_str());
        facts.set("Encrypted", instance.facts.bool("StorageEncrypted"));
        facts.set("OptionGroupName", instance.option_group.as_str());
        for member in OF_SOURCE {
            if let Some(value) = instance.facts.get(member) {
                facts.set(member, value.clone());
            }
        }
        Snapshot {
            id: id.to_owned(),
            arn: format!("arn:aws:rds:{region}:{account}:snapshot:{id}"),
            status: "creating".into(),
            kind: kind.to_owned(),
            facts,
            instance: instance.id.clone(),
            resource: instance.resource.clone(),
            instance_created: instance.created,
            ..Snapshot::default()
        }
    }

    fn percent(&self, now: Nanos) -> u64 {
        match self.status.as_str() {
            "available" => 100,
            "creating" if self.takes > 0 => {
                let done = now.saturating_sub(self.began) as f64 / self.takes as f64;
                // Not evenly: some snapshots are slow at first, some at the end.
                let bend = [0.0, 0.6, -0.6][self.id.len() % 3];
                (done * (1.0 - bend + bend * done) * 100.0).clamp(0.0, 99.0) as u64
            }
            _ => 0,
        }
    }

    pub fn shown(&self, world: &World) -> Value {
        // A dozen members beside the facts.
        let mut shown = Map::with_capacity(self.facts.0.len() + 16);
        let mut put = |name: &str, value: Value| {
            shown.insert(name.to_owned(), value);
        };
        put("DBSnapshotIdentifier", json!(self.id));
        put("DBInstanceIdentifier", json!(self.instance));
        put("Status", json!(self.status));
        put("SnapshotType", json!(self.kind));
        for (member, value) in &self.facts.0 {
            if !OF_SOURCE.contains(&member.as_str()) {
                put(member, value.clone());
            }
        }
        for (member, at) in [
            ("SnapshotCreateTime", self.created),
            ("OriginalSnapshotCreateTime", self.original),
            ("SnapshotDatabaseTime", self.database_time),
            ("InstanceCreateTime", self.instance_created),
        ] {
            if let Some(at) = at {
                put(member, json!(world.unix(at)));
            }
        }
        put("PercentProgress", json!(self.percent(world.now())));
        put("DBSnapshotArn", json!(self.arn));
        put("DbiResourceId", json!(self.resource));
        put("SnapshotTarget", json!("region"));
        put("TagList", names::shown_tags(&self.tags));
        put(
            "ProcessorFeatures",
            self.facts
                .get("ProcessorFeatures")
                .cloned()
                .unwrap_or(json!([])),
        );
        if let Some(copy) = &self.copy {
            put("SourceDBSnapshotIdentifier", json!(copy.source_arn));
            put("SourceRegion", json!(copy.source_region));
        }
        Value::Object(shown)
    }
}

/// How much longer than for 100 GB something takes, for work that grows with size: from half to several times.
pub fn by_size(facts: &Facts) -> f64 {
    (facts.i64("AllocatedStorage") as f64 / 100.0).clamp(0.2, 50.0)
}

fn duration(facts: &Facts, first: bool) -> Pert {
    if first {
        // 20 GB take 45/90/240 s, 100 GB take 60/180/600 s.
        let part = ((facts.i64("AllocatedStorage") as f64 - 20.0) / 80.0).clamp(0.0, 8.0);
        Pert(45.0 + 15.0 * part, 90.0 + 90.0 * part, 240.0 + 360.0 * part)
    } else {
        Pert(45.0, 90.0, 240.0)
    }
}

/// Begins a manual snapshot of an instance and answers how long it will take.
pub fn take(cx: &mut Cx<'_>, instance: &Instance, id: &str, tags: Tags) -> Result<Nanos, AwsError> {
    check_identifier("DBSnapshotIdentifier", id, 255)?;
    let id = id.to_ascii_lowercase();
    check_new(cx, &id)?;
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let mut snapshot = Snapshot::of(instance, &id, "manual", &account, &region);
    snapshot.tags = tags;
    Ok(begin(cx.world, &account, &region, snapshot))
}

/// The name is free and one more manual snapshot is allowed.
pub fn check_new(cx: &mut Cx<'_>, id: &str) -> Result<(), AwsError> {
    if cx.place().rds.snapshots.contains(id) {
        return Err(refuse(
            "DBSnapshotAlreadyExists",
            format!(
                "Cannot create the snapshot because a snapshot with the identifier {id} already exists."
            ),
        ));
    }
    let limit = neighbours::limit(cx, Quota::ManualSnapshots);
    let manual = cx
        .place()
        .rds
        .snapshots
        .iter()
        .filter(|(_, snapshot)| snapshot.kind == "manual")
        .count();
    if manual as f64 >= limit {
        return Err(refuse(
            "SnapshotQuotaExceeded",
            format!("Cannot create more than {limit} manual snapshots"),
        ));
    }
    Ok(())
}

/// Puts a snapshot down as `creating`; its instant comes a few seconds later.
pub fn begin(world: &mut World, account: &str, region: &str, mut snapshot: Snapshot) -> Nanos {
    let now = world.now();
    let taken_before = world
        .seen_place(account, region)
        .and_then(|place| place.rds.instances.get(&snapshot.instance));
    let first = taken_before.is_none_or(|instance| instance.snapshots_taken == 0);
    let instant = world.sample(Pert(1.0, 5.0, 20.0), &snapshot.arn, "snapshot-instant");
    let takes = world
        .sample(duration(&snapshot.facts, first), &snapshot.arn, "snapshot")
        .max(instant);
    snapshot.began = now;
    snapshot.takes = takes;
    let (id, instance) = (snapshot.id.clone(), snapshot.instance.clone());
    let detail = json!({ "began": now });
    let state = &mut world.place(account, region).rds;
    state
        .instances
        .settle(&instance, |instance| instance.snapshots_taken += 1);
    state.snapshots.put(&id, snapshot, now);
    lifecycle::schedule(
        world,
        (account, region),
        instant,
        "snapshot-taken",
        &id,
        detail.clone(),
    );
    lifecycle::schedule(
        world,
        (account, region),
        takes,
        "snapshot-done",
        &id,
        detail,
    );
    takes
}

/// The snapshot that an event is about, if it is still that one.
pub fn same<'w>(world: &'w World, event: &Event) -> Option<&'w Snapshot> {
    let snapshot = world
        .seen_place(&event.account, &event.region)?
        .rds
        .snapshots
        .get(&event.id)?;
    (event.detail["began"] == snapshot.began).then_some(snapshot)
}

/// The instant of the snapshot: what is committed now is in it, what comes later is not.
pub fn taken(world: &mut World, event: &Event) {
    let Some(snapshot) = same(world, event) else {
        return;
    };
    let at = super::DatabaseRef {
        account: event.account.clone(),
        region: event.region.clone(),
        instance: snapshot.instance.clone(),
    };
    let now = world.now();
    let content = connect::contents(world, &at).map(|contents| Arc::new(contents.at(now)));
    let database_time = connect::replayed(world, &at).unwrap_or(now);
    world
        .place(&event.account, &event.region)
        .rds
        .snapshots
        .settle(&event.id, |snapshot| {
            snapshot.content = content;
            snapshot.created = Some(now);
            snapshot.original = Some(now);
            snapshot.database_time = Some(database_time);
        });
}

pub fn done(world: &mut World, event: &Event) {
    let Some(snapshot) = same(world, event) else {
        return;
    };
    let (kind, whole) = (snapshot.kind.clone(), snapshot.content.is_some());
    let status = if whole { "available" } else { "failed" };
    world
        .place(&event.account, &event.region)
        .rds
        .snapshots
        .settle(&event.id, |snapshot| {
            status.clone_into(&mut snapshot.status);
        });
    let text = match (whole, kind.as_str()) {
        (false, _) => "Snapshot failed",
        (true, "automated") => "Automated snapshot created",
        (true, _) => "Manual snapshot created",
    };
    let category = if whole { "creation" } else { "notification" };
    events::tell(
        world,
        &event.account,
        &event.region,
        ("db-snapshot", &event.id),
        category,
        text,
    );
}

/// Whether a snapshot of this instance is being copied out of or into this region.
pub fn copying(world: &World, account: &str, region: &str, resource: &str) -> bool {
    let Some(place) = world.seen_place(account, region) else {
        return false;
    };
    place.rds.snapshots.iter().any(|(_, snapshot)| {
        snapshot.resource == resource && snapshot.copy.is_some() && snapshot.status == "creating"
    })
}

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let instance = lifecycle::named(cx, input)?;
    if instance.cluster.is_some() {
        return Err(value(
            "The specified instance is a member of a cluster and a snapshot cannot be created directly.",
        ));
    }
    let name = input
        .str("DBSnapshotIdentifier")
        .unwrap_or_default()
        .to_owned();
    check_identifier("DBSnapshotIdentifier", &name, 255)?;
    check_new(cx, &name.to_ascii_lowercase())?;
    if !matches!(
        instance.status.as_str(),
        "available" | "storage-optimization" | "storage-full"
    ) {
        return Err(instance_state(format!(
            "Cannot create a snapshot because the database instance {} is not currently in the available state.",
            instance.id
        )));
    }
    let mut tags = if instance.facts.bool("CopyTagsToSnapshot") {
        instance.tags.clone()
    } else {
        vec![]
    };
    for (key, text) in names::tags(input)? {
        names::put_tag(&mut tags, &key, &text)?;
    }
    take(cx, &instance, &name, tags)?;
    show(cx, &name.to_ascii_lowercase())
}

/// The answer of an operation on one snapshot.
pub fn show(cx: &mut Cx<'_>, id: &str) -> Result<Output, AwsError> {
    let place = cx.world.seen_place(&cx.caller.account, &cx.region);
    let snapshot = place
        .and_then(|place| place.rds.snapshots.get(id))
        .ok_or_else(|| snapshot_not_found(id))?;
    Ok(object! { "DBSnapshot": snapshot.shown(cx.world) }.into())
}

/// A snapshot by identifier or ARN, also one that another account shares, with its account.
pub fn find(world: &World, account: &str, region: &str, given: &str) -> Option<(String, Snapshot)> {
    match names::Arn::read(given) {
        Some(arn) if arn.kind == "snapshot" => {
            let snapshot = world
                .seen_place(&arn.account, &arn.region)?
                .rds
                .snapshots
                .get(&arn.id)?;
            let mine = arn.account == account;
            let shared = snapshot
                .shared_with
                .iter()
                .any(|with| with == "all" || with == account);
            (arn.region == region && (mine || shared)).then(|| (arn.account, snapshot.clone()))
        }
        Some(_) => None,
        None => {
            let snapshot = world
                .seen_place(account, region)?
                .rds
                .snapshots
                .get(&given.to_ascii_lowercase())?;
            Some((account.to_owned(), snapshot.clone()))
        }
    }
}

pub fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    names::check_filters(
        input,
        &[
            "db-instance-id",
            "db-snapshot-id",
            "dbi-resource-id",
            "snapshot-type",
            "engine",
        ],
    )?;
    let kind = input.str("SnapshotType");
    if let Some(kind) = kind
        && !["automated", "manual", "shared", "public", "awsbackup"].contains(&kind)
    {
        return Err(value(format!(
            "Invalid value for snapshot type: {kind}. Valid values: automated, manual, shared, public, awsbackup"
        )));
    }
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let world = &*cx.world;
    let mut found: Vec<&Snapshot> = Vec::new();
    for ((owner, in_region), place) in &world.places {
        if *in_region != region {
            continue;
        }
        let mine = *owner == account;
        for (_, snapshot) in place.rds.snapshots.iter() {
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
    if let Some(given) = input.str("DBSnapshotIdentifier") {
        let id = names::identifier(given, "snapshot");
        found.retain(|snapshot| {
            snapshot.id == id && (!given.starts_with("arn:") || snapshot.arn == given)
        });
        if found.is_empty() {
            return Err(snapshot_not_found(&id));
        }
    }
    if let Some(given) = input.str("DBInstanceIdentifier") {
        let id = names::identifier(given, "db");
        found.retain(|snapshot| snapshot.instance == id);
    }
    if let Some(resource) = input.str("DbiResourceId") {
        found.retain(|snapshot| snapshot.resource == resource);
    }
    for (name, read) in [
        (
            "db-instance-id",
            (|s| s.instance.clone()) as fn(&Snapshot) -> String,
        ),
        ("db-snapshot-id", |s| s.id.clone()),
        ("dbi-resource-id", |s| s.resource.to_ascii_lowercase()),
        ("snapshot-type", |s| s.kind.clone()),
        ("engine", |s| s.facts.str("Engine").to_owned()),
    ] {
        if let Some(wanted) = names::filter(input, name) {
            found.retain(|snapshot| {
                let has = read(snapshot);
                wanted
                    .iter()
                    .any(|one| *one == has || one.ends_with(&format!(":{has}")))
            });
        }
    }
    let shown: Vec<Value> = found
        .into_iter()
        .map(|snapshot| snapshot.shown(world))
        .collect();
    Ok(object! {"DBSnapshots": shown}.into())
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let id = input
        .str("DBSnapshotIdentifier")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let snapshot = cx
        .place()
        .rds
        .snapshots
        .get(&id)
        .cloned()
        .ok_or_else(|| snapshot_not_found(&id))?;
    if snapshot.kind == "automated" {
        return Err(snapshot_state(
            "Cannot delete the snapshot because it is an automated snapshot.",
        ));
    }
    // A copy may be deleted while it is being made: that is how one is given up.
    let deletable =
        matches!(snapshot.status.as_str(), "available" | "failed") || snapshot.copy.is_some();
    if !deletable {
        return Err(snapshot_state(
            "Cannot delete the snapshot because it is not currently in the available or failed state.",
        ));
    }
    let mut shown = snapshot.shown(cx.world);
    shown["Status"] = json!("deleted");
    let now = cx.now();
    cx.place().rds.snapshots.remove(&id, now);
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    super::copy::source_deleted(cx.world, &snapshot.arn);
    if snapshot.copy.is_some() {
        super::copy::next(cx.world, &account, &region);
    }
    events::tell(
        cx.world,
        &account,
        &region,
        ("db-snapshot", &id),
        "deletion",
        "Deleted manual snapshot",
    );
    Ok(object! {"DBSnapshot": shown}.into())
}

/// ModifyDBSnapshot: another engine version or option group.
pub fn modify(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let id = input
        .str("DBSnapshotIdentifier")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let snapshot = cx
        .place()
        .rds
        .snapshots
        .get(&id)
        .cloned()
        .ok_or_else(|| snapshot_not_found(&id))?;
    if snapshot.status != "available" {
        return Err(snapshot_state(format!(
            "The snapshot {id} is not in the available state."
        )));
    }
    let engine = super::engines::engine(snapshot.facts.str("Engine"))?;
    let version = match input.str("EngineVersion") {
        Some(wanted) => {
            let full = engine.version(Some(wanted))?;
            if !engine
                .upgrades(snapshot.facts.str("EngineVersion"))
                .contains(&full)
            {
                return Err(combination(format!(
                    "The snapshot cannot be upgraded to {full}."
                )));
            }
            Some(full)
        }
        None => None,
    };
    let group = match input.str("OptionGroupName") {
        Some(name) => {
            let at = version
                .unwrap_or(snapshot.facts.str("EngineVersion"))
                .to_owned();
            Some(super::option_group::choose(cx, Some(name), engine, &at)?)
        }
        None => None,
    };
    let now = cx.now();
    cx.place().rds.snapshots.change(&id, now, |snapshot| {
        if let Some(version) = version {
            snapshot.facts.set("EngineVersion", version);
        }
        if let Some(group) = group {
            snapshot.facts.set("OptionGroupName", group);
        }
    });
    show(cx, &id)
}
