//! The end of a cluster.

use super::{Cluster, members, named, show, snapshot, step};
use crate::clock::{MINUTE, Pert};
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::services::rds::events;
use crate::services::rds::refusal::{cluster_state, combination};
use crate::world::{Cx, Input, Output, World};

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let cluster = named(cx, input)?;
    let (skip, last) = (
        input.bool("SkipFinalSnapshot") == Some(true),
        input.str("FinalDBSnapshotIdentifier"),
    );
    if cluster.status == "deleting" {
        return Err(cluster_state(format!(
            "Cluster {} is already being deleted.",
            cluster.id
        )));
    }
    if cluster.facts.bool("DeletionProtection") {
        return Err(combination(
            "Cannot delete protected Cluster, please disable deletion protection and try again.",
        ));
    }
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let members = members(cx.world, &account, &region, &cluster);
    let alive = |id: &String| {
        cx.world
            .seen_place(&account, &region)
            .and_then(|p| p.rds.instances.get(id))
            .is_some_and(|i| i.status != "deleting")
    };
    if members.iter().any(alive) {
        return Err(cluster_state(
            "Cluster cannot be deleted, it still contains DB instances in non-deleting state.",
        ));
    }
    match (skip, last) {
        (false, None) => {
            return Err(combination(
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
            ));
        }
        (true, Some(_)) => {
            return Err(combination(
                "FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is specified",
            ));
        }
        _ => {}
    }
    if !matches!(
        cluster.status.as_str(),
        "available"
            | "stopped"
            | "incompatible-restore"
            | "failed"
            | "inaccessible-encryption-credentials"
    ) {
        return Err(cluster_state(format!(
            "Cluster {} is currently {}.",
            cluster.id, cluster.status
        )));
    }
    let mut after = 0;
    if let Some(name) = last {
        let tags = if cluster.facts.bool("CopyTagsToSnapshot") {
            cluster.tags.clone()
        } else {
            vec![]
        };
        after = snapshot::take(cx, &cluster, name, tags)?;
    }
    let takes = cx
        .world
        .sample(Pert(30.0, 90.0, 300.0), &cluster.resource, "delete");
    let now = cx.now();
    cx.place().rds.clusters.change(&cluster.id, now, |cluster| {
        cluster.status = "deleting".into()
    });
    step(
        cx.world,
        (&account, &region),
        after + takes,
        &cluster.id,
        &cluster.resource,
        "deleting",
        "gone",
    );
    show(cx, &cluster.id)
}

pub(super) fn gone(world: &mut World, account: &str, region: &str, cluster: &Cluster) {
    let now = world.now();
    let left = members(world, account, region, cluster);
    if !left.is_empty() {
        // Members that are still being deleted go first.
        step(
            world,
            (account, region),
            MINUTE / 2,
            &cluster.id,
            &cluster.resource,
            "deleting",
            "gone",
        );
        return;
    }
    world.unschedule(|event| {
        event.service == ServiceId::Rds
            && event.what.starts_with("cluster-")
            && !event.what.starts_with("cluster-snapshot")
            && event.account == account
            && event.region == region
            && event.id == cluster.id
    });
    let state = &mut world.place(account, region).rds;
    state.clusters.remove(&cluster.id, now);
    state.contents.remove(&cluster.resource);
    let automated: Vec<String> = state
        .cluster_snapshots
        .iter()
        .filter(|(_, snapshot)| {
            snapshot.kind == "automated" && snapshot.resource == cluster.resource
        })
        .map(|(id, _)| id.to_owned())
        .collect();
    for id in automated {
        state.cluster_snapshots.remove(&id, now);
    }
    if let Some(secret) = &cluster.secret {
        super::super::secret::remove(world, secret);
    }
    events::tell(
        world,
        account,
        region,
        ("db-cluster", &cluster.id),
        "deletion",
        "DB cluster deleted",
    );
}
