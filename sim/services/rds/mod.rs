//! RDS: database instances and Aurora clusters, their snapshots and copies, groups of settings, and what can be ordered.
//!
//! Reading order: [`instance`] (what an instance is), [`create`] (how one comes into being), [`lifecycle`] (how states
//! follow each other), then one file per family of operations. What is *in* a database is in
//! [`crate::plane::database`]; [`connect`] is the door through which tasks, users and probes come to it. Knows nothing
//! of wire formats; regions meet only by ARN.

use super::{Service, ServiceId};
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::plane::database::{Database, Sessions};
use crate::table::Table;
use crate::world::{Cx, Event, Input, Output, World};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod address;
pub mod backup;
mod backup_replication;
mod check;
pub mod cluster;
mod connect;
mod copy;
mod create;
mod delete;
mod effect;
pub mod engines;
pub mod events;
pub mod facts;
mod house;
pub mod instance;
mod lifecycle;
mod modify;
mod names;
mod neighbours;
pub mod option_group;
pub mod parameters;
mod permissions;
mod power;
mod query;
mod refusal;
mod replica;
mod restore;
mod secret;
mod sharing;
pub mod snapshot;
pub mod subnet_group;
mod survey;
mod tag;

pub use address::{Address, address_of, database_at};
pub(crate) use connect::own;
pub use connect::{
    ConnectError, Connection, DatabaseRef, Held, Login, Role, close, connect, contents, held, open,
    role, session, shared_contents, visit,
};
pub use engines::withdraw;
pub use instance::Instance;
pub(crate) use query::refuses_writes;
pub use query::{query, query_in, query_in_session, query_over, rows, write_in_session, write_row};
pub use replica::set_lag;
pub use tag::tagged;

pub const SERVICE: Service = Service {
    id: ServiceId::Rds,
    handle,
    happen,
    wants: permissions::wants,
};

/// RDS in one account and region.
#[derive(Clone, Default)]
pub struct State {
    pub instances: Table<Instance>,
    pub snapshots: Table<snapshot::Snapshot>,
    pub automated_backups: Table<backup::AutomatedBackup>,
    pub clusters: Table<cluster::Cluster>,
    pub cluster_snapshots: Table<cluster::snapshot::ClusterSnapshot>,
    pub subnet_groups: Table<subnet_group::SubnetGroup>,
    pub parameter_groups: Table<parameters::ParameterGroup>,
    pub cluster_parameter_groups: Table<parameters::ParameterGroup>,
    pub option_groups: Table<option_group::OptionGroup>,
    pub events: Vec<events::Told>,
    /// By resource id (`db-…`, `cluster-…`): what is in the databases.
    pub contents: BTreeMap<String, Content>,
    /// By the resource id of an instance: who is connected to it.
    pub sessions: BTreeMap<String, Sessions>,
    /// Classes and families that this region does not offer in this world.
    pub withdrawn: BTreeSet<String>,
    /// Classes of which a zone has none left now.
    pub exhausted: BTreeSet<(String, String)>,
}

impl State {
    /// What no reader sees any more.
    pub(crate) fn forget(&mut self, now: Nanos) {
        self.instances.forget(now);
        self.snapshots.forget(now);
        self.automated_backups.forget(now);
        self.clusters.forget(now);
        self.cluster_snapshots.forget(now);
        self.subnet_groups.forget(now);
        self.parameter_groups.forget(now);
        self.cluster_parameter_groups.forget(now);
        self.option_groups.forget(now);
    }
}

/// Where the rows of a database are.
#[derive(Clone, Debug)]
pub enum Content {
    Own(Arc<Database>),
    /// A replica: what its source held a moment ago.
    Follows(Follower),
}

/// A replica's place behind its source.
#[derive(Clone, Debug, PartialEq)]
pub struct Follower {
    pub account: String,
    pub region: String,
    /// The source's resource id.
    pub resource: String,
    /// How far it is behind.
    pub lag: Nanos,
    /// It never goes back behind what it has once replayed.
    pub floor: Nanos,
    /// The replica's own server identity (MySQL).
    pub server: String,
}

/// Lets a zone run out of a class, or have it again.
pub fn exhaust(
    world: &mut World,
    account: &str,
    region: &str,
    class: &str,
    zone: &str,
    none_left: bool,
) {
    let exhausted = &mut world.place(account, region).rds.exhausted;
    let place = (class.to_owned(), zone.to_owned());
    if none_left {
        exhausted.insert(place);
    } else {
        exhausted.remove(&place);
    }
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    use parameters::Kind::{Cluster, Instance as OfInstance};
    match operation {
        "CreateDBInstance" => create::create(cx, input),
        "DescribeDBInstances" => describe(cx, input),
        "ModifyDBInstance" => modify::modify(cx, input),
        "RebootDBInstance" => power::reboot(cx, input),
        "StartDBInstance" => power::start(cx, input),
        "StopDBInstance" => power::stop(cx, input),
        "DeleteDBInstance" => delete::delete(cx, input),
        "CreateDBInstanceReadReplica" => replica::create(cx, input),
        "PromoteReadReplica" => replica::promote(cx, input),
        "RestoreDBInstanceFromDBSnapshot" => restore::from_snapshot(cx, input),
        "RestoreDBInstanceToPointInTime" => restore::to_point_in_time(cx, input),
        "DescribeDBInstanceAutomatedBackups" => backup::describe(cx, input),
        "DeleteDBInstanceAutomatedBackup" => backup::delete(cx, input),
        "StartDBInstanceAutomatedBackupsReplication" => {
            backup_replication::start_replication(cx, input)
        }
        "StopDBInstanceAutomatedBackupsReplication" => {
            backup_replication::stop_replication(cx, input)
        }
        "CreateDBSnapshot" => snapshot::create(cx, input),
        "DescribeDBSnapshots" => snapshot::describe(cx, input),
        "DeleteDBSnapshot" => snapshot::delete(cx, input),
        "ModifyDBSnapshot" => snapshot::modify(cx, input),
        "ModifyDBSnapshotAttribute" => sharing::modify_attribute(cx, input),
        "DescribeDBSnapshotAttributes" => sharing::describe_attributes(cx, input),
        "CopyDBSnapshot" => copy::copy(cx, input),
        "CreateDBSubnetGroup" => subnet_group::create(cx, input),
        "DescribeDBSubnetGroups" => subnet_group::describe(cx, input),
        "ModifyDBSubnetGroup" => subnet_group::modify(cx, input),
        "DeleteDBSubnetGroup" => subnet_group::delete(cx, input),
        "CreateDBParameterGroup" => parameters::create(cx, OfInstance, input),
        "CopyDBParameterGroup" => parameters::copy(cx, OfInstance, input),
        "DescribeDBParameterGroups" => parameters::describe_groups(cx, OfInstance, input),
        "DescribeDBParameters" => parameters::describe(cx, OfInstance, input),
        "DescribeEngineDefaultParameters" => parameters::describe_defaults(OfInstance, input),
        "ModifyDBParameterGroup" => parameters::modify(cx, OfInstance, input),
        "ResetDBParameterGroup" => parameters::reset(cx, OfInstance, input),
        "DeleteDBParameterGroup" => parameters::delete(cx, OfInstance, input),
        "CreateDBClusterParameterGroup" => parameters::create(cx, Cluster, input),
        "CopyDBClusterParameterGroup" => parameters::copy(cx, Cluster, input),
        "DescribeDBClusterParameterGroups" => parameters::describe_groups(cx, Cluster, input),
        "DescribeDBClusterParameters" => parameters::describe(cx, Cluster, input),
        "DescribeEngineDefaultClusterParameters" => parameters::describe_defaults(Cluster, input),
        "ModifyDBClusterParameterGroup" => parameters::modify(cx, Cluster, input),
        "ResetDBClusterParameterGroup" => parameters::reset(cx, Cluster, input),
        "DeleteDBClusterParameterGroup" => parameters::delete(cx, Cluster, input),
        "CreateOptionGroup" => option_group::create(cx, input),
        "DescribeOptionGroups" => option_group::describe(cx, input),
        "DescribeOptionGroupOptions" => option_group::describe_offers(input),
        "ModifyOptionGroup" => option_group::modify(cx, input),
        "DeleteOptionGroup" => option_group::delete(cx, input),
        "DescribeDBEngineVersions" => engines::describe_versions(cx, input),
        "DescribeOrderableDBInstanceOptions" => engines::describe_orderable(cx, input),
        "DescribeCertificates" => engines::describe_certificates(cx, input),
        "DescribeEvents" => events::describe(cx, input),
        "DescribeEventCategories" => Ok(events::categories(input)),
        "AddTagsToResource" => tag::add(cx, input),
        "RemoveTagsFromResource" => tag::remove(cx, input),
        "ListTagsForResource" => tag::list(cx, input),
        "DescribeAccountAttributes" => survey::account_attributes(cx),
        "DescribePendingMaintenanceActions" => survey::pending_maintenance(cx, input),
        "DescribeDBLogFiles" => survey::log_files(cx, input),
        "DescribeSourceRegions" => survey::source_regions(cx, input),
        "DescribeValidDBInstanceModifications" => survey::valid_modifications(cx, input),
        "DescribeGlobalClusters" => survey::global_clusters(input),
        "DescribeEventSubscriptions" => survey::event_subscriptions(input),
        "CreateDBCluster" => cluster::create(cx, input),
        "DescribeDBClusters" => cluster::describe(cx, input),
        "DescribeDBClusterEndpoints" => cluster::describe_endpoints(cx, input),
        "ModifyDBCluster" => cluster::modify::modify(cx, input),
        "DeleteDBCluster" => cluster::delete(cx, input),
        "StartDBCluster" => cluster::start(cx, input),
        "StopDBCluster" => cluster::stop(cx, input),
        "FailoverDBCluster" => cluster::member::failover(cx, input),
        "PromoteReadReplicaDBCluster" => cluster::promote(cx, input),
        "EnableHttpEndpoint" => cluster::modify::http_endpoint(cx, input, true),
        "DisableHttpEndpoint" => cluster::modify::http_endpoint(cx, input, false),
        "CreateDBClusterSnapshot" => cluster::snapshot::create(cx, input),
        "DescribeDBClusterSnapshots" => cluster::snapshot::describe(cx, input),
        "DeleteDBClusterSnapshot" => cluster::snapshot::delete(cx, input),
        "CopyDBClusterSnapshot" => cluster::snapshot::copy(cx, input),
        "DescribeDBClusterSnapshotAttributes" => cluster::snapshot::describe_attributes(cx, input),
        "ModifyDBClusterSnapshotAttribute" => cluster::snapshot::modify_attribute(cx, input),
        "RestoreDBClusterFromSnapshot" => cluster::restore::from_snapshot(cx, input),
        "RestoreDBClusterToPointInTime" => cluster::restore::to_point_in_time(cx, input),
        _ => Err(cx.not_simulated()),
    }
}

fn happen(world: &mut World, event: &Event) {
    match event.what {
        "instance-step" => lifecycle::step(world, event),
        "instance-daily" => house::daily(world, event),
        "instance-weekly" => house::weekly(world, event),
        "instance-weekly-again" => house::weekly_again(world, event),
        "instance-autostart" => power::autostart(world, event),
        "instance-publish" => lifecycle::published(world, event),
        "cluster-publish" => cluster::published(world, event),
        "instance-down" => delete::down(world, event),
        "instance-password" => effect::password_set(world, event),
        "instance-parameters" => parameters::applied(world, event),
        "replica-minute" => replica::minute(world, event),
        "snapshot-taken" => snapshot::taken(world, event),
        "snapshot-done" => snapshot::done(world, event),
        "copy-checked" => copy::checked(world, event),
        "copy-done" => copy::done(world, event),
        "backup-replicating" => backup_replication::replicating(world, event),
        "backup-expired" => backup::expired(world, event),
        "cluster-step" => cluster::stepped(world, event),
        "cluster-autostart" => cluster::autostart(world, event),
        "cluster-password" => cluster::modify::password_set(world, event),
        "cluster-snapshot-checked" | "cluster-snapshot-done" => {
            cluster::snapshot::finish(world, event)
        }
        other => debug_assert!(false, "rds knows no event {other}"),
    }
}

/// The answer of an operation on one instance.
fn show(cx: &mut Cx<'_>, id: &str) -> Result<Output, AwsError> {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let place = cx.world.seen_place(&account, &region);
    let instance = place
        .and_then(|place| place.rds.instances.get(id))
        .ok_or_else(|| refusal::instance_not_found(id))?;
    Ok(object! { "DBInstance": instance::shown(cx.world, &account, &region, instance) }.into())
}

fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    names::check_filters(
        input,
        &[
            "db-cluster-id",
            "db-instance-id",
            "dbi-resource-id",
            "domain",
            "engine",
        ],
    )?;
    let (account, region, now) = (cx.caller.account.clone(), cx.region.clone(), cx.now());
    let world = &*cx.world;
    let all = world
        .seen_place(&account, &region)
        .into_iter()
        .flat_map(|place| place.rds.instances.seen_all(now));
    let mut found: Vec<&Instance> = all.map(|(_, instance)| instance).collect();
    if let Some(given) = input.str("DBInstanceIdentifier") {
        let id = names::identifier(given, "db");
        found.retain(|instance| instance.id == id);
        if found.is_empty() {
            return Err(refusal::instance_not_found(&id));
        }
    }
    for (name, read) in [
        (
            "db-instance-id",
            (|i| i.id.clone()) as fn(&Instance) -> String,
        ),
        ("db-cluster-id", |i| i.cluster.clone().unwrap_or_default()),
        ("dbi-resource-id", |i| i.resource.to_ascii_lowercase()),
        ("engine", |i| i.engine().to_owned()),
    ] {
        if let Some(wanted) = names::filter(input, name) {
            found.retain(|instance| {
                let has = read(instance);
                wanted.iter().any(|one| {
                    *one == has || (!has.is_empty() && one.ends_with(&format!(":{has}")))
                })
            });
        }
    }
    let shown: Vec<Value> = found
        .into_iter()
        .map(|instance| instance::shown(world, &account, &region, instance))
        .collect();
    Ok(object! {"DBInstances": shown}.into())
}

#[cfg(test)]
mod tests;
