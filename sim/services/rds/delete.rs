//! The end of an instance, and what stays of it.

use super::lifecycle::{Step, drop_sessions, follow, named, same, schedule};
use super::neighbours;
use super::refusal::{combination, instance_state};
use super::{backup, events, replica, snapshot};
use crate::clock::{MINUTE, Pert};
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::world::{Cx, Event, Input, Output, World};
use serde_json::{Value, json};

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let instance = named(cx, input)?;
    let skip = input.bool("SkipFinalSnapshot") == Some(true);
    let last = input.str("FinalDBSnapshotIdentifier");
    if instance.status == "deleting" {
        return Err(instance_state(format!(
            "Instance {} is already being deleted.",
            instance.id
        )));
    }
    if instance.facts.bool("DeletionProtection") {
        return Err(combination(
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        ));
    }
    let member = instance.cluster.is_some();
    match (member, skip, last) {
        (true, _, Some(_)) => {
            return Err(combination(
                "FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance",
            ));
        }
        (false, false, None) => {
            return Err(combination(
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
            ));
        }
        (false, true, Some(_)) => {
            return Err(combination(
                "FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is specified",
            ));
        }
        _ => {}
    }
    if matches!(
        instance.status.as_str(),
        "creating" | "rebooting" | "stopping" | "starting" | "modifying"
    ) {
        return Err(instance_state(format!(
            "Instance {} is currently {} - please wait until it is available.",
            instance.id, instance.status
        )));
    }
    if last.is_some() {
        let can = matches!(
            instance.status.as_str(),
            "available" | "storage-optimization" | "stopped" | "storage-full"
        );
        if !can {
            return Err(instance_state(format!(
                "A final snapshot cannot be taken of instance {} in state {}: specify SkipFinalSnapshot.",
                instance.id, instance.status
            )));
        }
    }
    if member {
        super::cluster::member::check_deletable(cx, &instance)?;
    }
    let mut after = 0;
    if let Some(name) = last {
        let tags = if instance.facts.bool("CopyTagsToSnapshot") {
            instance.tags.clone()
        } else {
            vec![]
        };
        after = snapshot::take(cx, &instance, name, tags)?;
    }
    let taken = cx
        .world
        .sample(Pert(60.0, 180.0, 540.0), &instance.resource, "delete");
    let retained = input.bool("DeleteAutomatedBackups") == Some(false);
    let now = cx.now();
    cx.place()
        .rds
        .instances
        .change(&instance.id, now, |instance| {
            instance.status = "deleting".into()
        });
    let (account, region, id) = (
        cx.caller.account.clone(),
        cx.region.clone(),
        instance.id.clone(),
    );
    world_forgets(cx.world, &account, &region, &id);
    // The server goes down soon after the call, or after its last snapshot.
    let down = after + MINUTE / 4;
    schedule(
        cx.world,
        (&account, &region),
        down,
        "instance-down",
        &id,
        json!({ "resource": instance.resource }),
    );
    let mut last_step = Step::new(down + taken, "deleting", false).effect("gone");
    last_step.detail = json!({ "retained": retained });
    follow(cx.world, &account, &region, &id, &[last_step]);
    let text = "DB instance is being deleted";
    events::tell(
        cx.world,
        &account,
        &region,
        ("db-instance", &id),
        "deletion",
        text,
    );
    super::show(cx, &id)
}

/// Takes back what was to happen to an instance.
fn world_forgets(world: &mut World, account: &str, region: &str, id: &str) {
    world.unschedule(|event| {
        event.service == ServiceId::Rds
            && event.what.starts_with("instance-")
            && event.account == account
            && event.region == region
            && event.id == id
    });
}

pub fn down(world: &mut World, event: &Event) {
    let Some(key) = same(world, event).map(|instance| instance.resource.clone()) else {
        return;
    };
    drop_sessions(world, &event.account, &event.region, &key);
    world
        .place(&event.account, &event.region)
        .rds
        .instances
        .settle(&event.id, |instance| instance.up = false);
}

/// The instance is no more. Its manual snapshots stay; its automated backups stay if they were to be retained.
pub(super) fn gone(world: &mut World, account: &str, region: &str, id: &str, more: &Value) {
    let now = world.now();
    world_forgets(world, account, region, id);
    let Some(instance) = world.place(account, region).rds.instances.remove(id, now) else {
        return;
    };
    world
        .place(account, region)
        .rds
        .sessions
        .remove(&instance.resource);
    if let Some(endpoint) = &instance.endpoint {
        neighbours::release(world, account, region, &endpoint.interface);
    }
    if let Some(secret) = instance
        .secret
        .as_ref()
        .filter(|_| instance.cluster.is_none())
    {
        super::secret::remove(world, secret);
    }
    replica::orphaned(world, account, region, &instance);
    if instance.cluster.is_none() {
        backup::source_deleted(world, account, region, &instance, more["retained"] == true);
        world
            .place(account, region)
            .rds
            .contents
            .remove(&instance.resource);
    } else {
        super::cluster::member::gone(world, account, region, &instance);
    }
    events::tell(
        world,
        account,
        region,
        ("db-instance", id),
        "deletion",
        "DB instance deleted",
    );
}
