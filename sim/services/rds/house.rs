//! What goes on as long as an instance lives: its daily backup and its weekly maintenance.

use super::lifecycle::{Step, follow, same, schedule};
use super::{backup, events, names, snapshot};
use crate::clock::{DAY, HOUR};
use crate::world::{Event, World};
use serde_json::json;

/// Starts what goes on as long as an instance lives: its daily backup and its weekly maintenance.
pub fn keep_house(world: &mut World, account: &str, region: &str, id: &str) {
    let Some(instance) = world
        .seen_place(account, region)
        .and_then(|place| place.rds.instances.get(id))
    else {
        return;
    };
    let unix = world.unix(world.now());
    let detail = json!({ "resource": instance.resource });
    let daily =
        names::until_window(instance.facts.str("PreferredBackupWindow"), unix).unwrap_or(DAY);
    let weekly = names::until_window(instance.facts.str("PreferredMaintenanceWindow"), unix)
        .unwrap_or(7 * DAY);
    schedule(
        world,
        (account, region),
        daily,
        "instance-daily",
        id,
        detail.clone(),
    );
    schedule(
        world,
        (account, region),
        weekly,
        "instance-weekly",
        id,
        detail,
    );
}

/// The daily backup: an automated snapshot, and `backing-up` while it is taken. The port stays open.
pub fn daily(world: &mut World, event: &Event) {
    let Some(instance) = same(world, event).cloned() else {
        return;
    };
    let (account, region, id) = (
        event.account.as_str(),
        event.region.as_str(),
        event.id.as_str(),
    );
    schedule(
        world,
        (account, region),
        DAY,
        "instance-daily",
        id,
        event.detail.clone(),
    );
    if instance.retention() == 0 || instance.cluster.is_some() {
        return;
    }
    backup::expire(world, account, region, &instance);
    // No automated backup while the instance is busy, or while a snapshot of it is being copied here.
    if instance.status != "available"
        || snapshot::copying(world, account, region, &instance.resource)
    {
        return;
    }
    let taken = backup::automated_snapshot(world, account, region, &instance);
    world
        .place(account, region)
        .rds
        .instances
        .settle(id, |instance| instance.status = "backing-up".into());
    events::tell(
        world,
        account,
        region,
        ("db-instance", id),
        "backup",
        "Backing up DB instance",
    );
    follow(
        world,
        account,
        region,
        id,
        &[Step::new(taken, "available", true).effect("daily-backed-up")],
    );
}

/// The weekly window: what was asked for without `ApplyImmediately` is done.
pub fn weekly(world: &mut World, event: &Event) {
    let Some(instance) = same(world, event).cloned() else {
        return;
    };
    let (account, region, id) = (
        event.account.as_str(),
        event.region.as_str(),
        event.id.as_str(),
    );
    schedule(
        world,
        (account, region),
        7 * DAY,
        "instance-weekly",
        id,
        event.detail.clone(),
    );
    if !instance.pending.0.is_empty() && instance.status == "available" {
        super::effect::begin(world, account, region, &instance);
    } else if !instance.pending.0.is_empty() {
        schedule(
            world,
            (account, region),
            HOUR,
            "instance-weekly-again",
            id,
            event.detail.clone(),
        );
    }
}

pub fn weekly_again(world: &mut World, event: &Event) {
    let Some(instance) = same(world, event).cloned() else {
        return;
    };
    if !instance.pending.0.is_empty() && instance.status == "available" {
        super::effect::begin(world, &event.account, &event.region, &instance);
    }
}
