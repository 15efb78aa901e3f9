//! What is shown of clusters.

use super::{Cluster, members};
use crate::clock::{DAY, MINUTE, Nanos};
use crate::error::AwsError;
use crate::services::rds::instance::hosted_zone;
use crate::services::rds::names;
use crate::services::rds::refusal::cluster_not_found;
use crate::world::{Cx, Input, Output, World};
use serde_json::{Map, Value, json};

pub fn show(cx: &mut Cx<'_>, id: &str) -> Result<Output, AwsError> {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let place = cx.world.seen_place(&account, &region);
    let cluster = place
        .and_then(|place| place.rds.clusters.get(id))
        .ok_or_else(|| cluster_not_found(id))?;
    Ok(json!({ "DBCluster": shown(cx.world, &account, &region, cluster) }).into())
}

fn latest(world: &World, cluster: &Cluster) -> Option<Nanos> {
    let since = cluster.backups_since?;
    Some(since + world.now().saturating_sub(since) / (5 * MINUTE) * (5 * MINUTE))
}

pub fn shown(world: &World, account: &str, region: &str, cluster: &Cluster) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| {
        shown.insert(name.to_owned(), value);
    };
    put("DBClusterIdentifier", json!(cluster.id));
    put("Status", json!(cluster.status));
    for (member, value) in &cluster.facts.0 {
        put(member, value.clone());
    }
    put("AvailabilityZones", json!(cluster.zones));
    put("DBClusterParameterGroup", json!(cluster.parameter_group));
    put("DBSubnetGroup", json!(cluster.subnet_group));
    put("Endpoint", json!(cluster.endpoint));
    put("ReaderEndpoint", json!(cluster.reader_endpoint));
    put("HostedZoneId", json!(hosted_zone(region)));
    put("DbClusterResourceId", json!(cluster.resource));
    put("DBClusterArn", json!(cluster.arn));
    put("ClusterCreateTime", json!(world.unix(cluster.created)));
    if let (Some(since), Some(latest)) = (cluster.backups_since, latest(world, cluster)) {
        let kept = cluster.facts.i64("BackupRetentionPeriod").max(1) as Nanos * DAY;
        put(
            "EarliestRestorableTime",
            json!(world.unix(since.max(latest.saturating_sub(kept)))),
        );
        put("LatestRestorableTime", json!(world.unix(latest)));
    }
    let place = world.seen_place(account, region);
    let mut zones = std::collections::BTreeSet::new();
    let members: Vec<Value> = members(world, account, region, cluster)
        .iter()
        .filter_map(|id| place?.rds.instances.get(id))
        .map(|instance| {
            zones.insert(instance.facts.str("AvailabilityZone"));
            json!({
                "DBInstanceIdentifier": instance.id,
                "IsClusterWriter": cluster.writer.as_deref() == Some(&instance.id),
                "DBClusterParameterGroupStatus": instance.parameter_apply,
                "PromotionTier": instance.facts.i64("PromotionTier"),
            })
        })
        .collect();
    put("MultiAZ", json!(zones.len() > 1));
    put("DBClusterMembers", json!(members));
    let active = |id: &String| json!({ "VpcSecurityGroupId": id, "Status": "active" });
    put(
        "VpcSecurityGroups",
        cluster.security_groups.iter().map(active).collect(),
    );
    put("AssociatedRoles", json!([]));
    put("DomainMemberships", json!([]));
    put("ReadReplicaIdentifiers", json!(replicas(world, cluster)));
    put("TagList", names::shown_tags(&cluster.tags));
    put(
        "DBClusterOptionGroupMemberships",
        json!([{ "DBClusterOptionGroupName": cluster.option_group, "Status": "in-sync" }]),
    );
    if let Some(source) = &cluster.source {
        put("ReplicationSourceIdentifier", json!(source));
    }
    if let Some(at) = cluster.automatic_restart {
        put("AutomaticRestartTime", json!(world.unix(at)));
    }
    if let Some(secret) = &cluster.secret {
        put(
            "MasterUserSecret",
            json!({ "SecretArn": secret.arn, "SecretStatus": "active", "KmsKeyId": secret.key }),
        );
    }
    if !cluster.pending.0.is_empty() {
        put(
            "PendingModifiedValues",
            Value::Object(cluster.pending.0.clone()),
        );
    }
    Value::Object(shown)
}

/// ARNs of the clusters that replicate this one.
fn replicas(world: &World, cluster: &Cluster) -> Vec<String> {
    let all = world
        .places
        .values()
        .flat_map(|place| place.rds.clusters.iter());
    all.filter(|(_, other)| other.source.as_ref() == Some(&cluster.arn))
        .map(|(_, other)| other.arn.clone())
        .collect()
}

pub fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    names::check_filters(
        input,
        &[
            "clone-group-id",
            "db-cluster-id",
            "db-cluster-resource-id",
            "domain",
            "engine",
        ],
    )?;
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let world = &*cx.world;
    let mut found: Vec<&Cluster> = world
        .seen_place(&account, &region)
        .into_iter()
        .flat_map(|place| place.rds.clusters.iter())
        .map(|(_, cluster)| cluster)
        .collect();
    if let Some(given) = input.str("DBClusterIdentifier") {
        let id = names::identifier(given, "cluster");
        found.retain(|cluster| cluster.id == id || cluster.resource.eq_ignore_ascii_case(&id));
        if found.is_empty() {
            return Err(cluster_not_found(&id));
        }
    }
    for (name, read) in [
        (
            "db-cluster-id",
            (|c| c.id.clone()) as fn(&Cluster) -> String,
        ),
        ("db-cluster-resource-id", |c| {
            c.resource.to_ascii_lowercase()
        }),
        ("engine", |c| c.facts.str("Engine").to_owned()),
    ] {
        if let Some(wanted) = names::filter(input, name) {
            found.retain(|cluster| {
                wanted
                    .iter()
                    .any(|one| *one == read(cluster) || *one == cluster.arn)
            });
        }
    }
    let shown: Vec<Value> = found
        .into_iter()
        .map(|cluster| shown(world, &account, &region, cluster))
        .collect();
    Ok(object! {"DBClusters": shown}.into())
}

pub fn describe_endpoints(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let only = input
        .str("DBClusterIdentifier")
        .map(|given| names::identifier(given, "cluster"));
    let mut endpoints = Vec::new();
    for (id, cluster) in cx.place().rds.clusters.iter() {
        if only.as_ref().is_some_and(|only| only != id) {
            continue;
        }
        for (host, kind) in [
            (&cluster.endpoint, "WRITER"),
            (&cluster.reader_endpoint, "READER"),
        ] {
            endpoints.push(json!({
                "DBClusterIdentifier": id,
                "Endpoint": host,
                "Status": if cluster.status == "available" { "available" } else { "creating" },
                "EndpointType": kind,
            }));
        }
    }
    Ok(object! {"DBClusterEndpoints": endpoints}.into())
}
