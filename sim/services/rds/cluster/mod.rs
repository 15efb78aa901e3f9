//! Aurora clusters: storage and endpoints of their own, to which instances are added as members.

use super::engines::{self, Engine};
use super::facts::Facts;
use super::instance::{MasterSecret, Tags};
use super::lifecycle;
use super::neighbours::{self};
use super::refusal::{cluster_not_found, cluster_state};
use super::{Content, events, names};
use crate::clock::{DAY, MINUTE, Nanos, Pert};
use crate::error::AwsError;
use crate::plane::database::Database;
use crate::world::{Cx, Event, Input, Output, World};
pub use create::{check_new, create};
pub use end::delete;
use end::gone;
pub use power::{autostart, start, stop};
use serde_json::json;
pub use show::{describe, describe_endpoints, show, shown};
use std::sync::Arc;

mod create;
mod end;
pub mod member;

pub mod modify;
mod power;

pub mod restore;
mod show;

pub mod snapshot;

#[derive(Clone, Debug, Default)]
pub struct Cluster {
    pub id: String,
    pub arn: String,
    /// `cluster-…`
    pub resource: String,
    pub status: String,
    pub facts: Facts,
    pub pending: Facts,
    pub subnet_group: String,
    pub vpc: String,
    pub security_groups: Vec<String>,
    pub parameter_group: String,
    pub option_group: String,
    pub tags: Tags,
    pub created: Nanos,
    pub zones: Vec<String>,
    pub endpoint: String,
    pub reader_endpoint: String,
    /// Whether those names are in DNS.
    pub published: bool,
    /// The member that writes.
    pub writer: Option<String>,
    /// The member that takes over when the failover that is under way is done.
    pub heir: Option<String>,
    pub secret: Option<MasterSecret>,
    pub backups_since: Option<Nanos>,
    pub automatic_restart: Option<Nanos>,
    /// The ARN of the cluster that it replicates.
    pub source: Option<String>,
}

impl Cluster {
    pub fn engine(&self) -> Result<&'static Engine, AwsError> {
        engines::engine(self.facts.str("Engine"))
    }
}

/// Schedules a cluster's next state and what comes into effect with it.
fn step(
    world: &mut World,
    (account, region): (&str, &str),
    after: Nanos,
    id: &str,
    resource: &str,
    status: &str,
    effect: &str,
) {
    let detail = json!({ "resource": resource, "status": status, "effect": effect });
    lifecycle::schedule(world, (account, region), after, "cluster-step", id, detail);
}

/// The cluster that an event is about, if it is still that one.
fn same<'w>(world: &'w World, event: &Event) -> Option<&'w Cluster> {
    let cluster = world
        .seen_place(&event.account, &event.region)?
        .rds
        .clusters
        .get(&event.id)?;
    (event.detail["resource"] == cluster.resource.as_str()).then_some(cluster)
}

pub fn stepped(world: &mut World, event: &Event) {
    let Some(cluster) = same(world, event).cloned() else {
        return;
    };
    let effect = event.detail["effect"].as_str().unwrap_or_default();
    if cluster.status == "deleting" && effect != "gone" {
        return;
    }
    let (account, region, id) = (
        event.account.as_str(),
        event.region.as_str(),
        event.id.as_str(),
    );
    let key = cluster.facts.str("KmsKeyId");
    let comes_up = matches!(effect, "created" | "restored" | "started");
    if comes_up
        && !key.is_empty()
        && neighbours::key(world, account, region, key, "storage").is_err()
    {
        let status = if effect == "started" {
            "inaccessible-encryption-credentials"
        } else {
            "incompatible-restore"
        };
        world
            .place(account, region)
            .rds
            .clusters
            .settle(id, |cluster| status.clone_into(&mut cluster.status));
        events::tell(
            world,
            account,
            region,
            ("db-cluster", id),
            "failure",
            "The KMS key cannot be accessed.",
        );
        return;
    }
    let now = world.now();
    let state = &mut world.place(account, region).rds;
    state.clusters.settle(id, |cluster| {
        event.detail["status"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut cluster.status);
        if comes_up && cluster.backups_since.is_none() {
            cluster.backups_since = Some(now);
        }
    });
    match effect {
        "restored" => {
            if let Some(Content::Own(database)) = state.contents.get_mut(&cluster.resource) {
                let branched = database.branch(database.server.clone(), now);
                *database = Arc::new(branched);
            }
            events::tell(
                world,
                account,
                region,
                ("db-cluster", id),
                "creation",
                "DB cluster created",
            );
        }
        "created" => events::tell(
            world,
            account,
            region,
            ("db-cluster", id),
            "creation",
            "DB cluster created",
        ),
        "gone" => gone(world, account, region, &cluster),
        "failed-over" => member::failed_over(world, account, region, &cluster),
        "stopped" => {
            state.clusters.settle(id, |cluster| {
                cluster.automatic_restart = Some(now + 7 * DAY)
            });
            let detail = json!({ "resource": cluster.resource });
            lifecycle::schedule(
                world,
                (account, region),
                7 * DAY,
                "cluster-autostart",
                id,
                detail,
            );
        }
        "started" => {
            state
                .clusters
                .settle(id, |cluster| cluster.automatic_restart = None);
        }
        "promoted" => promoted(world, account, region, &cluster),
        _ => {}
    }
}

/// Puts the cluster's names into DNS, or tries again later while the control plane that publishes names is dark.
fn publish(world: &mut World, account: &str, region: &str, id: &str) {
    let place = world.seen_place(account, region);
    let Some(resource) = place
        .and_then(|p| p.rds.clusters.get(id))
        .map(|c| c.resource.clone())
    else {
        return;
    };
    if neighbours::publishing_is_dark(world) {
        let detail = json!({ "resource": resource });
        lifecycle::schedule(
            world,
            (account, region),
            MINUTE,
            "cluster-publish",
            id,
            detail,
        );
        return;
    }
    world
        .place(account, region)
        .rds
        .clusters
        .settle(id, |cluster| cluster.published = true);
}

/// Another try.
pub fn published(world: &mut World, event: &Event) {
    if same(world, event).is_some() {
        publish(world, &event.account, &event.region, &event.id);
    }
}

/// The named cluster.
pub fn named(cx: &mut Cx<'_>, input: &Input) -> Result<Cluster, AwsError> {
    let id = names::identifier(
        input.str("DBClusterIdentifier").unwrap_or_default(),
        "cluster",
    );
    cx.place()
        .rds
        .clusters
        .get(&id)
        .cloned()
        .ok_or_else(|| cluster_not_found(&id))
}

pub fn check_available(cluster: &Cluster) -> Result<(), AwsError> {
    if cluster.status == "available" {
        return Ok(());
    }
    Err(cluster_state(format!(
        "DBCluster {} is not currently in the available state: its state is {}.",
        cluster.id, cluster.status
    )))
}

/// The members' identifiers, the writer first.
pub fn members(world: &World, account: &str, region: &str, cluster: &Cluster) -> Vec<String> {
    let Some(place) = world.seen_place(account, region) else {
        return vec![];
    };
    let all = place
        .rds
        .instances
        .iter()
        .filter(|(_, instance)| instance.cluster.as_ref() == Some(&cluster.id));
    let mut ids: Vec<String> = all.map(|(id, _)| id.to_owned()).collect();
    ids.sort_by_key(|id| (cluster.writer.as_ref() != Some(id), id.clone()));
    ids
}

/// Every connection to any member ends.
fn drop_sessions(world: &mut World, account: &str, region: &str, cluster: &Cluster) {
    for id in members(world, account, region, cluster) {
        let place = world.seen_place(account, region);
        if let Some(resource) = place
            .and_then(|p| p.rds.instances.get(&id))
            .map(|i| i.resource.clone())
        {
            lifecycle::drop_sessions(world, account, region, &resource);
        }
    }
}

pub fn promote(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let cluster = named(cx, input)?;
    if cluster.source.is_none() {
        return Err(cluster_state(format!(
            "DB Cluster {} is not a read replica.",
            cluster.id
        )));
    }
    check_available(&cluster)?;
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let takes = cx
        .world
        .sample(Pert(60.0, 180.0, 600.0), &cluster.resource, "promote");
    let now = cx.now();
    cx.place().rds.clusters.change(&cluster.id, now, |cluster| {
        cluster.status = "promoting".into()
    });
    step(
        cx.world,
        (&account, &region),
        takes,
        &cluster.id,
        &cluster.resource,
        "available",
        "promoted",
    );
    show(cx, &cluster.id)
}

fn promoted(world: &mut World, account: &str, region: &str, cluster: &Cluster) {
    let now = world.now();
    let Some(place) = world.seen_place(account, region) else {
        return;
    };
    let Some(content) = place.rds.contents.get(&cluster.resource) else {
        return;
    };
    let Some(replayed) =
        super::connect::resolve(world, content).map(|contents| contents.into_owned())
    else {
        return;
    };
    let own: Database = replayed.branch(replayed.server.clone(), now);
    let state = &mut world.place(account, region).rds;
    state
        .contents
        .insert(cluster.resource.clone(), Content::Own(Arc::new(own)));
    state
        .clusters
        .settle(&cluster.id, |cluster| cluster.source = None);
    events::tell(
        world,
        account,
        region,
        ("db-cluster", &cluster.id),
        "notification",
        "Promoted Read Replica cluster to a stand-alone database cluster",
    );
}
