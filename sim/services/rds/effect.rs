//! How a modification is carried out, and what it costs.

use super::check::fill_storage;
use super::engines;
use super::events;
use super::instance::Instance;
use super::lifecycle::{self, Step};
use super::modify::DEFERRED;
use super::{Content, names};
use crate::clock::Pert;
use crate::world::World;
use serde_json::Value;
use std::sync::Arc;

/// What of `PendingModifiedValues` a modification carries out.
pub(super) const DEFERRABLE: &[&str] = &[
    "AllocatedStorage",
    "BackupRetentionPeriod",
    "CACertificateIdentifier",
    "DBInstanceClass",
    "DBInstanceIdentifier",
    "DBSubnetGroupName",
    "EngineVersion",
    "Iops",
    "LicenseModel",
    "MultiAZ",
    "NetworkType",
    "Port",
    "StorageThroughput",
    "StorageType",
];

/// The new password is in effect. Open connections stay.
pub fn password_set(world: &mut World, event: &crate::world::Event) {
    let password = event.detail["password"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let now = world.now();
    let state = &mut world.place(&event.account, &event.region).rds;
    let Some(instance) = state.instances.get(&event.id) else {
        return;
    };
    if event.detail["resource"] != instance.resource.as_str() {
        return;
    }
    let (key, user) = (
        instance.contents.clone(),
        instance.facts.str("MasterUsername").to_owned(),
    );
    if let Some(Content::Own(database)) = state.contents.get_mut(&key) {
        Arc::make_mut(database).set_password(now, &user, &password);
    }
    state.instances.settle(&event.id, |instance| {
        instance.pending.unset("MasterUserPassword")
    });
    let text = "The master user password was reset";
    events::tell(
        world,
        &event.account,
        &event.region,
        ("db-instance", &event.id),
        "configuration change",
        text,
    );
}

/// Starts carrying the pending values out: `available` for a moment still, then `modifying`, an outage where there is
/// one, and after it what new storage or a first backup need.
pub fn begin(world: &mut World, account: &str, region: &str, instance: &Instance) {
    let wanted = instance.pending.only(DEFERRABLE);
    if wanted.0.is_empty() {
        return;
    }
    let resource = instance.resource.as_str();
    let multi = instance.facts.bool("MultiAZ");
    let mut steps = Vec::new();
    let notice = world.sample(Pert(3.0, 20.0, 60.0), resource, "modify-notice");
    steps.push(Step::new(notice, "modifying", true));
    let class = wanted.has("DBInstanceClass");
    let version = wanted.has("EngineVersion");
    let storage = [
        "AllocatedStorage",
        "StorageType",
        "Iops",
        "StorageThroughput",
    ]
    .iter()
    .any(|m| wanted.has(m));
    let retention = wanted.get("BackupRetentionPeriod").and_then(Value::as_i64);
    let renamed = wanted.has("DBInstanceIdentifier");
    let moved = wanted.has("DBSubnetGroupName");
    let restarts =
        class || version || retention.is_some() || wanted.has("Port") || renamed || moved;
    let work = match () {
        () if version => Pert(300.0, 600.0, 1_800.0),
        () if class || moved => Pert(240.0, 480.0, 1_200.0),
        () if wanted.has("MultiAZ") => Pert(300.0, 720.0, 2_400.0),
        () => Pert(30.0, 90.0, 300.0),
    };
    let worked = world.sample(work, resource, "modify");
    let detail = Value::Object(wanted.0.clone());
    if restarts {
        // A Multi-AZ instance changes its standby first and is away only while it fails over.
        let outage = if multi && (class || version) {
            Pert(30.0, 60.0, 120.0)
        } else {
            Pert(30.0, 120.0, 420.0)
        };
        let away = world.sample(outage, resource, "modify-outage");
        steps.push(Step::new(worked, "modifying", false));
        let status = if retention.is_some_and(|days| days > 0) {
            "backing-up"
        } else if storage {
            "storage-optimization"
        } else {
            "available"
        };
        steps.push(
            Step::new(away, status, true)
                .effect("modified")
                .detail(detail),
        );
    } else {
        let status = if storage {
            "storage-optimization"
        } else {
            "available"
        };
        steps.push(
            Step::new(worked, status, true)
                .effect("modified")
                .detail(detail),
        );
    }
    let id = wanted
        .get("DBInstanceIdentifier")
        .and_then(Value::as_str)
        .unwrap_or(&instance.id)
        .to_owned();
    lifecycle::follow(world, account, region, &instance.id, &steps);
    let so_far: u64 = steps.iter().map(|step| step.after).sum();
    let mut tail = Vec::new();
    if retention.is_some_and(|days| days > 0) {
        let taken = world.sample(
            super::backup::first_backup(instance),
            resource,
            "backing-up",
        );
        let status = if storage {
            "storage-optimization"
        } else {
            "available"
        };
        tail.push(Step::new(so_far + taken, status, true).effect("backed-up"));
    }
    if storage {
        let taken = world.sample(
            Pert(600.0, 3_600.0, 21_600.0),
            resource,
            "storage-optimization",
        );
        let before = if tail.is_empty() { so_far } else { 0 };
        tail.push(Step::new(before + taken, "available", true));
    }
    lifecycle::follow_as(world, account, region, &instance.id, &id, &tail);
}

/// Pending values become the instance's own.
pub fn take_effect(world: &mut World, account: &str, region: &str, id: &str, wanted: &Value) {
    let now = world.now();
    let text = "Finished applying modification to DB instance";
    events::tell(
        world,
        account,
        region,
        ("db-instance", id),
        "configuration change",
        text,
    );
    let Some(engine) = world
        .seen_place(account, region)
        .and_then(|place| place.rds.instances.get(id))
        .and_then(|instance| engines::engine(instance.engine()).ok())
    else {
        return;
    };
    let group = wanted["DBSubnetGroupName"].as_str().and_then(|name| {
        world
            .seen_place(account, region)
            .and_then(|place| place.rds.subnet_groups.get(name))
            .cloned()
    });
    world
        .place(account, region)
        .rds
        .instances
        .settle(id, |instance| {
            instance.facts.take_from(wanted, DEFERRED);
            for member in wanted
                .as_object()
                .into_iter()
                .flatten()
                .map(|(member, _)| member)
            {
                instance.pending.unset(member);
            }
            if wanted.get("StorageType").is_some() || wanted.get("AllocatedStorage").is_some() {
                for member in ["Iops", "StorageThroughput"] {
                    if wanted.get(member).is_none() && wanted.get("StorageType").is_some() {
                        instance.facts.unset(member);
                    }
                }
                fill_storage(&mut instance.facts);
            }
            if let Some(days) = wanted["BackupRetentionPeriod"].as_i64() {
                instance.facts.set("BackupRetentionPeriod", days);
                if days == 0 {
                    instance.backups_since = None;
                }
            }
            if let (Some(port), Some(endpoint)) = (wanted["Port"].as_i64(), &mut instance.endpoint)
            {
                endpoint.port = port as u16;
            }
            if let Some(group) = &group {
                instance.subnet_group.clone_from(&group.name);
                instance.vpc.clone_from(&group.vpc);
            }
        });
    multi_az(world, account, region, id, wanted["MultiAZ"].as_bool());
    if let Some(version) = wanted["EngineVersion"].as_str() {
        upgraded(world, account, region, id, engine, version);
    }
    if wanted["BackupRetentionPeriod"] == 0 {
        super::backup::forget(world, account, region, id);
    }
    if let Some(new) = wanted["DBInstanceIdentifier"].as_str() {
        rename(world, account, region, id, new, now);
    }
}

/// A standby in another zone, or none any more.
fn multi_az(world: &mut World, account: &str, region: &str, id: &str, multi: Option<bool>) {
    let Some(multi) = multi else { return };
    let state = &mut world.place(account, region).rds;
    let Some(instance) = state.instances.get(id) else {
        return;
    };
    let zone = instance.facts.str("AvailabilityZone").to_owned();
    let zones = state
        .subnet_groups
        .get(&instance.subnet_group)
        .map(|group| group.zones())
        .unwrap_or_default();
    let standby = zones.into_iter().find(|other| *other != zone);
    state
        .instances
        .settle(id, |instance| match standby.filter(|_| multi) {
            Some(standby) => instance.facts.set("SecondaryAvailabilityZone", standby),
            None => instance.facts.unset("SecondaryAvailabilityZone"),
        });
}

fn upgraded(
    world: &mut World,
    account: &str,
    region: &str,
    id: &str,
    engine: &engines::Engine,
    version: &str,
) {
    let family = engine.family(version);
    let state = &mut world.place(account, region).rds;
    let Some(instance) = state.instances.get(id) else {
        return;
    };
    let key = instance.contents.clone();
    let fits = state
        .parameter_groups
        .get(&instance.parameter_group)
        .is_some_and(|group| group.family == family);
    let default = format!("default.{family}");
    state.instances.settle(id, |instance| {
        if !fits {
            instance.parameter_group = default;
            instance.parameters.clear();
        }
        if engine.option_group(version) != instance.option_group
            && instance.option_group.starts_with("default:")
        {
            instance.option_group = engine.option_group(version);
        }
    });
    if let Some(Content::Own(database)) = state.contents.get_mut(&key) {
        version.clone_into(&mut Arc::make_mut(database).version);
    }
}

/// Another identifier, and with it another ARN and another endpoint. Resource id and contents stay.
fn rename(world: &mut World, account: &str, region: &str, id: &str, new: &str, now: u64) {
    let host = names::host(world, account, region, new);
    let state = &mut world.place(account, region).rds;
    if state.instances.contains(new) {
        return;
    }
    let Some(instance) = state.instances.remove(id, now) else {
        return;
    };
    let mut instance = (*instance).clone();
    let old_arn = std::mem::replace(
        &mut instance.arn,
        format!("arn:aws:rds:{region}:{account}:db:{new}"),
    );
    new.clone_into(&mut instance.id);
    if let Some(endpoint) = &mut instance.endpoint {
        endpoint.host = host;
        endpoint.published = false;
    }
    state.instances.put(new, instance, now);
    lifecycle::publish(world, account, region, new);
    super::replica::renamed(world, account, region, (id, &old_arn), new);
    super::house::keep_house(world, account, region, new);
}
