//! Reboot, stop and start.

use super::instance::Instance;
use super::lifecycle::{Step, check_available, drop_sessions, follow, named, same};
use super::refusal::{combination, instance_state};
use super::{events, snapshot};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::world::{Cx, Event, Input, Output, World};

fn set_status(cx: &mut Cx<'_>, id: &str, status: &str) {
    let now = cx.now();
    cx.place()
        .rds
        .instances
        .change(id, now, |instance| status.clone_into(&mut instance.status));
}

pub fn reboot(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let instance = named(cx, input)?;
    let broken = instance.status == "incompatible-parameters";
    if !broken {
        check_available(&instance)?;
    }
    let failover = input.bool("ForceFailover") == Some(true);
    if failover && !instance.facts.bool("MultiAZ") {
        return Err(combination(
            "Cannot force failover: the DB instance is not configured for Multi-AZ.",
        ));
    }
    let pert = if failover {
        Pert(45.0, 75.0, 150.0)
    } else {
        Pert(15.0, 45.0, 150.0)
    };
    let taken = cx.world.sample(pert, &instance.resource, "reboot");
    let now = cx.now();
    cx.place()
        .rds
        .instances
        .change(&instance.id, now, |instance| {
            instance.status = "rebooting".into();
            instance.up = false;
        });
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    drop_sessions(cx.world, &account, &region, &instance.resource);
    let effect = if failover { "failed-over" } else { "rebooted" };
    follow(
        cx.world,
        &account,
        &region,
        &instance.id,
        &[Step::new(taken, "available", true).effect(effect)],
    );
    super::show(cx, &instance.id)
}

pub fn stop(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let instance = named(cx, input)?;
    check_available(&instance)?;
    if instance.cluster.is_some() {
        return Err(instance_state(
            "The instance is a member of an Aurora cluster: stop the cluster instead.",
        ));
    }
    if instance.source.is_some() || !instance.replicas.is_empty() {
        return Err(instance_state(
            "Cannot stop a DB instance that has read replicas or is a read replica.",
        ));
    }
    if let Some(name) = input.str("DBSnapshotIdentifier") {
        snapshot::take(cx, &instance, name, vec![])?;
    }
    let taken = cx
        .world
        .sample(Pert(45.0, 120.0, 420.0), &instance.resource, "stop");
    set_status(cx, &instance.id, "stopping");
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let steps = [Step::new(taken, "stopped", false).effect("stopped")];
    follow(cx.world, &account, &region, &instance.id, &steps);
    super::show(cx, &instance.id)
}

pub fn start(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let instance = named(cx, input)?;
    if instance.status != "stopped" {
        return Err(instance_state(format!(
            "Instance {} is not stopped",
            instance.id
        )));
    }
    let place = (
        instance.facts.str("DBInstanceClass").to_owned(),
        instance.facts.str("AvailabilityZone").to_owned(),
    );
    if cx.place().rds.exhausted.contains(&place) {
        return Err(super::refusal::refuse(
            "InsufficientDBInstanceCapacity",
            format!(
                "RDS does not have the capacity to start {} in {} now.",
                place.0, place.1
            ),
        ));
    }
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    begin_start(cx.world, &account, &region, &instance);
    super::show(cx, &instance.id)
}

fn begin_start(world: &mut World, account: &str, region: &str, instance: &Instance) {
    let taken = world.sample(Pert(120.0, 240.0, 600.0), &instance.resource, "start");
    let now = world.now();
    world
        .place(account, region)
        .rds
        .instances
        .change(&instance.id, now, |instance| {
            instance.status = "starting".into()
        });
    let steps = [Step::new(taken, "available", true).effect("started")];
    follow(world, account, region, &instance.id, &steps);
}

/// A stopped instance starts by itself after seven days.
pub fn autostart(world: &mut World, event: &Event) {
    let Some(instance) = same(world, event).cloned() else {
        return;
    };
    let due = instance
        .automatic_restart
        .is_some_and(|at| at <= world.now());
    if instance.status != "stopped" || !due {
        return;
    }
    let text =
        "DB instance is being started due to it exceeding the maximum allowed time being stopped.";
    events::tell(
        world,
        &event.account,
        &event.region,
        ("db-instance", &event.id),
        "notification",
        text,
    );
    begin_start(world, &event.account, &event.region, &instance);
}
