//! ModifyDBCluster and the Data API's switch.

use super::create::{check_facts, password};
use super::{check_available, named, show};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::services::rds::parameters::{self, Kind};
use crate::services::rds::refusal::{check_identifier, combination, refuse};
use crate::services::rds::{Content, names, neighbours, secret};
use crate::world::{Cx, Event, Input, Output, World};
use serde_json::json;
use std::sync::Arc;

const AT_ONCE: &[&str] = &[
    "BackupRetentionPeriod",
    "BacktrackWindow",
    "CopyTagsToSnapshot",
    "DeletionProtection",
    "MonitoringInterval",
    "MonitoringRoleArn",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "ServerlessV2ScalingConfiguration",
    "StorageType",
    "DatabaseInsightsMode",
    "AutoMinorVersionUpgrade",
];

pub fn modify(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let cluster = named(cx, input)?;
    check_available(&cluster)?;
    let engine = cluster.engine()?;
    let mut facts = cluster.facts.clone();
    facts.take_from(&input.value, AT_ONCE);
    for (given, kept) in [
        (
            "EnableIAMDatabaseAuthentication",
            "IAMDatabaseAuthenticationEnabled",
        ),
        ("EnableHttpEndpoint", "HttpEndpointEnabled"),
        ("EnablePerformanceInsights", "PerformanceInsightsEnabled"),
    ] {
        if let Some(on) = input.bool(given) {
            facts.set(kept, on);
        }
    }
    if let Some(port) = input.i64("Port") {
        facts.set("Port", port);
    }
    check_facts(&facts)?;
    let version = match input.str("EngineVersion") {
        Some(wanted) => {
            let (full, current) = (
                engine.version(Some(wanted))?,
                cluster.facts.str("EngineVersion"),
            );
            if full != current && !engine.upgrades(current).contains(&full) {
                return Err(combination(format!(
                    "Cannot upgrade {} from {current} to {full}",
                    engine.name
                )));
            }
            if engine.major(full) != engine.major(current)
                && input.bool("AllowMajorVersionUpgrade") != Some(true)
            {
                return Err(combination(
                    "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.",
                ));
            }
            full
        }
        None => engine.version(Some(cluster.facts.str("EngineVersion")))?,
    };
    let groups = match input.has("VpcSecurityGroupIds") {
        true => Some(neighbours::security_groups(
            cx,
            &cluster.vpc,
            &input.strings("VpcSecurityGroupIds"),
        )?),
        false => None,
    };
    let family = engine.family(version);
    let parameter_group = match input.str("DBClusterParameterGroupName") {
        Some(name) => Some(parameters::choose(cx, Kind::Cluster, Some(name), &family)?),
        None => None,
    };
    let renamed = match input
        .str("NewDBClusterIdentifier")
        .map(str::to_ascii_lowercase)
    {
        Some(new) => {
            check_identifier("NewDBClusterIdentifier", &new, 63)?;
            if cx.place().rds.clusters.contains(&new) {
                return Err(refuse(
                    "DBClusterAlreadyExistsFault",
                    "DB Cluster already exists",
                ));
            }
            Some(new)
        }
        None => None,
    };
    let mut kept_secret = cluster.secret.clone();
    let user = cluster.facts.str("MasterUsername");
    let password = match (
        input.bool("ManageMasterUserPassword"),
        input.str("MasterUserPassword"),
    ) {
        (Some(true), Some(_)) => {
            return Err(combination(
                "You can't specify MasterUserPassword when ManageMasterUserPassword is enabled.",
            ));
        }
        (Some(true), None) if kept_secret.is_none() => {
            let (password, made) = secret::make(
                cx,
                &cluster.resource,
                user,
                input.str("MasterUserSecretKmsKeyId"),
            )?;
            kept_secret = Some(made);
            Some(password)
        }
        (None, Some(_)) if kept_secret.is_some() => {
            return Err(combination(
                "You can't specify MasterUserPassword for a cluster whose password RDS manages.",
            ));
        }
        (managed, Some(given)) => {
            let given = password(engine, given)?;
            if managed == Some(false)
                && let Some(gone) = kept_secret.take()
            {
                secret::remove(cx.world, &gone);
            }
            Some(given)
        }
        (Some(false), None) if kept_secret.is_some() => {
            return Err(combination(
                "You must specify MasterUserPassword when you turn ManageMasterUserPassword off.",
            ));
        }
        _ => match (input.bool("RotateMasterUserPassword"), &kept_secret) {
            (Some(true), Some(secret_row)) => Some(secret::rotate(cx, secret_row, user)?),
            _ => None,
        },
    };
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let id = cluster.id.clone();
    facts.set("EngineVersion", version);
    let upgraded = version != cluster.facts.str("EngineVersion");
    let now = cx.now();
    cx.place().rds.clusters.change(&id, now, |cluster| {
        cluster.facts = facts;
        cluster.secret = kept_secret;
        if let Some(group) = &parameter_group {
            cluster.parameter_group.clone_from(group);
        }
        if let Some(groups) = &groups {
            cluster.security_groups.clone_from(groups);
        }
    });
    for member in super::members(cx.world, &account, &region, &cluster) {
        let instance = cx
            .place()
            .rds
            .instances
            .get(&member)
            .cloned()
            .unwrap_or_default();
        if let (Some(groups), Some(endpoint)) = (&groups, &instance.endpoint) {
            neighbours::regroup(cx.world, &account, &region, &endpoint.interface, groups);
        }
        cx.place().rds.instances.change(&member, now, |instance| {
            if let Some(groups) = &groups {
                instance.security_groups.clone_from(groups);
            }
            if parameter_group.is_some() {
                instance.parameter_apply = "pending-reboot".into();
            }
            if upgraded {
                instance.facts.set("EngineVersion", version);
            }
        });
    }
    if let Some(password) = password {
        let takes = cx
            .world
            .sample(Pert(5.0, 30.0, 120.0), &cluster.resource, "password");
        cx.later_with(
            takes,
            "cluster-password",
            &id,
            json!({ "resource": cluster.resource, "password": password }),
        );
    }
    let takes = cx
        .world
        .sample(Pert(5.0, 30.0, 120.0), &cluster.resource, "modify");
    let mut answered = id.clone();
    if let Some(new) = renamed {
        rename(cx.world, &account, &region, &id, &new);
        answered = new;
    }
    cx.place().rds.clusters.change(&answered, now, |cluster| {
        cluster.status = "modifying".into()
    });
    let answer = show(cx, &answered)?;
    super::step(
        cx.world,
        (&account, &region),
        takes,
        &answered,
        &cluster.resource,
        "available",
        "modified",
    );
    Ok(answer)
}

pub fn password_set(world: &mut World, event: &Event) {
    let password = event.detail["password"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let now = world.now();
    let state = &mut world.place(&event.account, &event.region).rds;
    // By resource: the cluster may have got another name meanwhile.
    let found = state
        .clusters
        .iter()
        .find(|(_, cluster)| event.detail["resource"] == cluster.resource.as_str());
    let Some((key, user)) =
        found.map(|(_, c)| (c.resource.clone(), c.facts.str("MasterUsername").to_owned()))
    else {
        return;
    };
    if let Some(Content::Own(database)) = state.contents.get_mut(&key) {
        Arc::make_mut(database).set_password(now, &user, &password);
    }
}

fn rename(world: &mut World, account: &str, region: &str, id: &str, new: &str) {
    let now = world.now();
    let (endpoint, reader) = (
        names::cluster_host(world, account, region, new, "cluster"),
        names::cluster_host(world, account, region, new, "cluster-ro"),
    );
    let state = &mut world.place(account, region).rds;
    let Some(cluster) = state.clusters.remove(id, now) else {
        return;
    };
    let mut cluster = (*cluster).clone();
    new.clone_into(&mut cluster.id);
    cluster.arn = format!("arn:aws:rds:{region}:{account}:cluster:{new}");
    cluster.endpoint = endpoint;
    cluster.reader_endpoint = reader;
    cluster.published = false;
    state.clusters.put(new, cluster, now);
    for member in state.instances.keys() {
        state.instances.settle(&member, |instance| {
            if instance.cluster.as_deref() == Some(id) {
                instance.cluster = Some(new.to_owned());
            }
        });
    }
    super::publish(world, account, region, new);
}

/// EnableHttpEndpoint and DisableHttpEndpoint name the cluster by ARN.
pub fn http_endpoint(cx: &mut Cx<'_>, input: &Input, on: bool) -> Result<Output, AwsError> {
    let arn = input.str("ResourceArn").unwrap_or_default().to_owned();
    let id = names::identifier(&arn, "cluster");
    let now = cx.now();
    if !cx.place().rds.clusters.change(&id, now, |cluster| {
        cluster.facts.set("HttpEndpointEnabled", on)
    }) {
        return Err(refuse(
            "ResourceNotFoundFault",
            format!("Resource not found: {arn}"),
        )
        .status(404));
    }
    Ok(json!({ "ResourceArn": arn, "HttpEndpointEnabled": on }).into())
}
