//! Stop and start of a cluster with its members.

use super::{Cluster, check_available, drop_sessions, members, named, same, show, step};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::services::rds::lifecycle;
use crate::services::rds::refusal::cluster_state;
use crate::world::{Cx, Event, Input, Output, World};

fn with_members(cx: &mut Cx<'_>, cluster: &Cluster, status: &str, up: bool) {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let now = cx.now();
    for id in members(cx.world, &account, &region, cluster) {
        cx.place().rds.instances.change(&id, now, |instance| {
            status.clone_into(&mut instance.status);
            instance.up = up;
        });
    }
}

pub fn stop(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let cluster = named(cx, input)?;
    check_available(&cluster)?;
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let takes = cx
        .world
        .sample(Pert(60.0, 180.0, 480.0), &cluster.resource, "stop");
    let now = cx.now();
    with_members(cx, &cluster, "stopping", false);
    drop_sessions(cx.world, &account, &region, &cluster);
    cx.place().rds.clusters.change(&cluster.id, now, |cluster| {
        cluster.status = "stopping".into()
    });
    for id in members(cx.world, &account, &region, &cluster) {
        lifecycle::follow(
            cx.world,
            &account,
            &region,
            &id,
            &[lifecycle::Step::new(takes, "stopped", false)],
        );
    }
    step(
        cx.world,
        (&account, &region),
        takes,
        &cluster.id,
        &cluster.resource,
        "stopped",
        "stopped",
    );
    show(cx, &cluster.id)
}

pub fn start(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let cluster = named(cx, input)?;
    if cluster.status != "stopped" {
        return Err(cluster_state(format!(
            "DBCluster {} is not in stopped state",
            cluster.id
        )));
    }
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    begin_start(cx.world, &account, &region, &cluster);
    show(cx, &cluster.id)
}

fn begin_start(world: &mut World, account: &str, region: &str, cluster: &Cluster) {
    let takes = world.sample(Pert(180.0, 420.0, 900.0), &cluster.resource, "start");
    let now = world.now();
    world
        .place(account, region)
        .rds
        .clusters
        .change(&cluster.id, now, |cluster| {
            cluster.status = "starting".into()
        });
    for id in members(world, account, region, cluster) {
        world
            .place(account, region)
            .rds
            .instances
            .change(&id, now, |instance| instance.status = "starting".into());
        let steps = [lifecycle::Step::new(takes, "available", true).effect("started")];
        lifecycle::follow(world, account, region, &id, &steps);
    }
    step(
        world,
        (account, region),
        takes,
        &cluster.id,
        &cluster.resource,
        "available",
        "started",
    );
}

pub fn autostart(world: &mut World, event: &Event) {
    let Some(cluster) = same(world, event).cloned() else {
        return;
    };
    if cluster.status == "stopped"
        && cluster
            .automatic_restart
            .is_some_and(|at| at <= world.now())
    {
        begin_start(world, &event.account, &event.region, &cluster);
    }
}
