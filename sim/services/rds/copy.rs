//! CopyDBSnapshot, within a region and across regions. It runs in the region of the copy.

use super::instance::Tags;
use super::lifecycle;
use super::neighbours;
use super::refusal::{
    check_identifier, combination, option_group_not_found, refuse, snapshot_not_found,
    snapshot_state, value,
};
use super::snapshot::{self, Copied, Snapshot};
use super::{events, names, option_group};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::world::{Cx, Event, Input, Output, World};
use serde_json::json;

/// Copies from other regions that may be in flight to one region.
const IN_FLIGHT: usize = 20;

pub fn copy(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let given = input
        .str("SourceDBSnapshotIdentifier")
        .unwrap_or_default()
        .to_owned();
    let target = input
        .str("TargetDBSnapshotIdentifier")
        .unwrap_or_default()
        .to_ascii_lowercase();
    check_identifier("TargetDBSnapshotIdentifier", &target, 255)?;
    let arn = names::Arn::read(&given);
    if arn.is_none() && given.starts_with("arn:") {
        return Err(value(format!("Invalid snapshot identifier: {given}")));
    }
    let from = arn
        .as_ref()
        .map_or(region.as_str(), |arn| &arn.region)
        .to_owned();
    let across = from != region;
    if across && neighbours::data_dark(cx.world, &from) {
        return Err(refuse(
            "InternalFailure",
            format!("The source Region {from} cannot be reached."),
        )
        .status(500));
    }
    let (owner, source) = snapshot::find(cx.world, &account, &from, &given)
        .ok_or_else(|| snapshot_not_found(&given))?;
    snapshot::check_new(cx, &target)?;
    if source.status != "available" {
        return Err(snapshot_state(format!(
            "Cannot copy the snapshot {} because it is not in the available state: its state is {}.",
            source.id, source.status
        )));
    }
    let encrypted = source.facts.bool("Encrypted");
    let named_key = input.str("KmsKeyId");
    if encrypted && named_key.is_none() && (across || owner != account) {
        return Err(value(
            "Must specify new KMS key for cross region encrypted snapshot copy.",
        ));
    }
    let key = match named_key {
        Some(any) => Some(neighbours::key(
            cx.world,
            &account,
            &region,
            any,
            "target snapshot",
        )?),
        None => encrypted.then(|| source.facts.str("KmsKeyId").to_owned()),
    };
    let source_key = if encrypted {
        source.facts.str("KmsKeyId").to_owned()
    } else {
        String::new()
    };
    if encrypted {
        neighbours::key(cx.world, &owner, &from, &source_key, "source snapshot")?;
    }
    let option_group = option_group(cx, input, &source, &owner, &from, across)?;
    let tags = tags(input, &source)?;
    if across && in_flight(cx.world, &account, &region) >= IN_FLIGHT {
        return Err(refuse(
            "SnapshotQuotaExceeded",
            format!("Cannot exceed quota of {IN_FLIGHT} snapshot copies in progress to a region."),
        ));
    }
    let mut copied = Snapshot {
        id: target.clone(),
        arn: cx.arn("rds", &format!("snapshot:{target}")),
        status: "pending".into(),
        kind: "manual".into(),
        tags,
        shared_with: vec![],
        created: None,
        ..source.clone()
    };
    copied.facts.set("OptionGroupName", option_group);
    if across {
        copied.facts.unset("VpcId");
        copied.facts.unset("AvailabilityZone");
    }
    if let Some(key) = &key {
        copied.facts.set("KmsKeyId", key.as_str());
        copied.facts.set("Encrypted", true);
    }
    let key = key.unwrap_or_default();
    let full = !cx.place().rds.snapshots.iter().any(|(_, earlier)| {
        earlier.resource == source.resource
            && earlier.status == "available"
            && earlier.facts.str("KmsKeyId") == key
            && (earlier.copy.is_some() || !across)
    });
    copied.copy = Some(Copied {
        source_arn: source.arn.clone(),
        source_region: from,
        source_id: source.id.clone(),
        source_account: owner,
        source_key,
        key,
        full,
    });
    copied.began = cx.now();
    copied.takes = 0;
    let now = cx.now();
    cx.place().rds.snapshots.put(&target, copied, now);
    next(cx.world, &account, &region);
    snapshot::show(cx, &target)
}

/// The option group of the copy: named, the source's own within a region, else the default. Options that data depends
/// on must be in it.
fn option_group(
    cx: &mut Cx<'_>,
    input: &Input,
    source: &Snapshot,
    owner: &str,
    from: &str,
    across: bool,
) -> Result<String, AwsError> {
    let engine = super::engines::engine(source.facts.str("Engine"))?;
    let version = source.facts.str("EngineVersion");
    let own = source.facts.str("OptionGroupName");
    let group = cx
        .world
        .seen_place(owner, from)
        .and_then(|place| place.rds.option_groups.get(own));
    let needed: Vec<String> = group
        .map(|group| group.persistent().into_iter().map(str::to_owned).collect())
        .unwrap_or_default();
    match input.str("OptionGroupName") {
        Some(name) => {
            let name = option_group::choose(cx, Some(name), engine, version)?;
            let target = cx
                .place()
                .rds
                .option_groups
                .get(&name)
                .ok_or_else(|| option_group_not_found(&name))?;
            match needed
                .iter()
                .find(|option| !target.options.contains_key(*option))
            {
                Some(missing) => Err(lacks(missing)),
                None => Ok(name),
            }
        }
        None if !across => Ok(own.to_owned()),
        None if !needed.is_empty() => Err(lacks(&needed.join(", "))),
        None => option_group::choose(cx, None, engine, version),
    }
}

fn lacks(options: &str) -> AwsError {
    combination(format!(
        "The requested snapshot copy requires a target option group with the following options: [{options}]"
    ))
}

fn tags(input: &Input, source: &Snapshot) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    if input.bool("CopyTags") == Some(true) {
        for (key, text) in &source.tags {
            names::put_tag(&mut tags, key, text)?;
        }
    }
    for (key, text) in names::tags(input)? {
        names::put_tag(&mut tags, &key, &text)?;
    }
    Ok(tags)
}

/// Copies from other regions that are not finished.
fn in_flight(world: &World, account: &str, region: &str) -> usize {
    let Some(place) = world.seen_place(account, region) else {
        return 0;
    };
    let unfinished = |snapshot: &Snapshot| {
        matches!(snapshot.status.as_str(), "pending" | "creating")
            && snapshot
                .copy
                .as_ref()
                .is_some_and(|copy| copy.source_region != region)
    };
    place
        .rds
        .snapshots
        .iter()
        .filter(|(_, snapshot)| unfinished(snapshot))
        .count()
}

/// Starts the copies that may run: one per source instance at a time, in the order in which they were asked for.
pub fn next(world: &mut World, account: &str, region: &str) {
    let Some(place) = world.seen_place(account, region) else {
        return;
    };
    let copies: Vec<&Snapshot> = place
        .rds
        .snapshots
        .iter()
        .map(|(_, snapshot)| snapshot)
        .filter(|snapshot| snapshot.copy.is_some())
        .collect();
    let running = copies
        .iter()
        .filter(|snapshot| snapshot.status == "creating");
    let running: Vec<&str> = running.map(|snapshot| snapshot.resource.as_str()).collect();
    let mut waiting: Vec<&Snapshot> = copies
        .into_iter()
        .filter(|snapshot| snapshot.status == "pending")
        .collect();
    waiting.sort_by(|a, b| (a.began, &a.id).cmp(&(b.began, &b.id)));
    let mut started: Vec<(String, String)> = Vec::new();
    for snapshot in waiting {
        let taken = running.contains(&snapshot.resource.as_str())
            || started
                .iter()
                .any(|(_, resource)| *resource == snapshot.resource);
        if !taken {
            started.push((snapshot.id.clone(), snapshot.resource.clone()));
        }
    }
    for (id, _) in started {
        start(world, account, region, &id);
    }
}

fn start(world: &mut World, account: &str, region: &str, id: &str) {
    let Some(place) = world.seen_place(account, region) else {
        return;
    };
    let Some(snapshot) = place.rds.snapshots.get(id) else {
        return;
    };
    let Some(copy) = snapshot.copy.clone() else {
        return;
    };
    // Whether an earlier copy is there is decided when the work begins: the one before may just have finished.
    let full = copy.full
        && !place.rds.snapshots.iter().any(|(other, earlier)| {
            other != id
                && earlier.copy.is_some()
                && earlier.resource == snapshot.resource
                && earlier.status == "available"
                && earlier.facts.str("KmsKeyId") == copy.key
        });
    let across = copy.source_region != region;
    let size = snapshot::by_size(&snapshot.facts);
    let pert = match (full, across) {
        (true, true) => Pert(300.0, 900.0, 3_600.0).times(size),
        (false, true) => Pert(120.0, 300.0, 900.0),
        (true, false) => Pert(60.0, 180.0, 600.0).times(size.max(0.5)),
        (false, false) => Pert(30.0, 90.0, 240.0),
    };
    let arn = snapshot.arn.clone();
    let takes = world.sample(pert, &arn, "copy");
    let now = world.now();
    world
        .place(account, region)
        .rds
        .snapshots
        .settle(id, |snapshot| {
            snapshot.status = "creating".into();
            snapshot.began = now;
            snapshot.takes = takes;
            if let Some(copy) = &mut snapshot.copy {
                copy.full = full;
            }
        });
    let detail = json!({ "began": now });
    // Keys are asked for again in the middle of the work: a key that was disabled meanwhile fails it then.
    lifecycle::schedule(
        world,
        (account, region),
        takes / 3,
        "copy-checked",
        id,
        detail.clone(),
    );
    lifecycle::schedule(world, (account, region), takes, "copy-done", id, detail);
}

/// Whether what a running copy needs is still there.
fn broken(world: &World, account: &str, region: &str, copy: &Copied) -> Option<&'static str> {
    let key = |account: &str, region: &str, key: &str| {
        key.is_empty() || neighbours::key(world, account, region, key, "snapshot").is_ok()
    };
    if !key(&copy.source_account, &copy.source_region, &copy.source_key) {
        return Some("The KMS key of the source snapshot cannot be accessed.");
    }
    if !key(account, region, &copy.key) {
        return Some("The KMS key of the target snapshot cannot be accessed.");
    }
    if copy.source_region != region && neighbours::data_dark(world, &copy.source_region) {
        return Some("The source Region cannot be reached.");
    }
    None
}

pub fn checked(world: &mut World, event: &Event) {
    let Some(copy) = snapshot::same(world, event).and_then(|snapshot| snapshot.copy.clone()) else {
        return;
    };
    if let Some(reason) = broken(world, &event.account, &event.region, &copy) {
        fail(world, &event.account, &event.region, &event.id, reason);
    }
}

pub fn done(world: &mut World, event: &Event) {
    let Some(snapshot) =
        snapshot::same(world, event).filter(|snapshot| snapshot.status == "creating")
    else {
        return;
    };
    let Some(copy) = snapshot.copy.clone() else {
        return;
    };
    if let Some(reason) = broken(world, &event.account, &event.region, &copy) {
        fail(world, &event.account, &event.region, &event.id, reason);
        return;
    }
    let now = world.now();
    world
        .place(&event.account, &event.region)
        .rds
        .snapshots
        .settle(&event.id, |snapshot| {
            snapshot.status = "available".into();
            snapshot.created = Some(now);
        });
    let text = format!(
        "Finished copy of snapshot {} from region {}",
        copy.source_id, copy.source_region
    );
    events::tell(
        world,
        &event.account,
        &event.region,
        ("db-snapshot", &event.id),
        "creation",
        &text,
    );
    next(world, &event.account, &event.region);
}

fn fail(world: &mut World, account: &str, region: &str, id: &str, reason: &str) {
    world
        .place(account, region)
        .rds
        .snapshots
        .settle(id, |snapshot| {
            snapshot.status = "failed".into();
            snapshot.content = None;
        });
    events::tell(
        world,
        account,
        region,
        ("db-snapshot", id),
        "notification",
        reason,
    );
    next(world, account, region);
}

/// A source that is deleted takes its unfinished copies with it.
pub fn source_deleted(world: &mut World, arn: &str) {
    let mut killed = Vec::new();
    for ((account, region), place) in &world.places {
        for (id, snapshot) in place.rds.snapshots.iter() {
            let unfinished = matches!(snapshot.status.as_str(), "pending" | "creating");
            if unfinished
                && snapshot
                    .copy
                    .as_ref()
                    .is_some_and(|copy| copy.source_arn == arn)
            {
                killed.push((account.clone(), region.clone(), id.to_owned()));
            }
        }
    }
    for (account, region, id) in killed {
        world.unschedule(|event| {
            event.service == ServiceId::Rds
                && event.what.starts_with("copy-")
                && event.account == account
                && event.region == region
                && event.id == id
        });
        fail(
            world,
            &account,
            &region,
            &id,
            "The source snapshot was deleted while it was being copied.",
        );
    }
}
