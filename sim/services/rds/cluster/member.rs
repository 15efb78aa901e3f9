//! Instances in a cluster: which one writes, and who takes over.

use super::{Cluster, check_available, named, show};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::services::rds::check;
use crate::services::rds::create::{self, Birth, Plan};
use crate::services::rds::engines::Engine;
use crate::services::rds::instance::Instance;
use crate::services::rds::refusal::{
    cluster_not_found, cluster_state, combination, instance_state,
};
use crate::services::rds::{events, names};
use crate::world::{Cx, Input, Output, World};

/// What only the cluster decides.
const THE_CLUSTERS: &[&str] = &[
    "AllocatedStorage",
    "MasterUsername",
    "MasterUserPassword",
    "DBName",
    "StorageType",
    "KmsKeyId",
    "MultiAZ",
    "Iops",
];

pub fn create(
    cx: &mut Cx<'_>,
    input: &Input,
    engine: &'static Engine,
    cluster: &str,
) -> Result<Output, AwsError> {
    let Some(cluster) = cx.place().rds.clusters.get(cluster).cloned() else {
        return Err(cluster_not_found(cluster));
    };
    if cluster.engine()?.name != engine.name {
        return Err(combination(format!(
            "The engine name requested for your DB instance ({}) doesn't match the engine name of your DB cluster ({}).",
            engine.name,
            cluster.facts.str("Engine")
        )));
    }
    if !matches!(
        cluster.status.as_str(),
        "available" | "creating" | "backing-up"
    ) {
        return Err(cluster_state(format!(
            "DBCluster {} is currently {}.",
            cluster.id, cluster.status
        )));
    }
    if let Some(wrong) = THE_CLUSTERS
        .iter()
        .find(|member| input.has(member) && input.bool(member) != Some(false))
    {
        return Err(combination(format!(
            "The requested DB Instance will be a member of a DB Cluster. Set {wrong} for the DB Cluster."
        )));
    }
    let id = input.str("DBInstanceIdentifier").unwrap_or_default();
    check::check_new(cx, id)?;
    let serverless = input.str("DBInstanceClass") == Some("db.serverless");
    if serverless && !cluster.facts.has("ServerlessV2ScalingConfiguration") {
        return Err(cluster_state(
            "Set the Serverless v2 scaling configuration on the parent DB cluster before creating a Serverless v2 DB instance.",
        ));
    }
    let version = cluster.facts.str("EngineVersion").to_owned();
    let mut birth = Birth::new(id, engine, &version);
    birth.facts = cluster.facts.only(&[
        "MasterUsername",
        "StorageEncrypted",
        "KmsKeyId",
        "IAMDatabaseAuthenticationEnabled",
    ]);
    if cluster.facts.has("DatabaseName") {
        birth.facts.set("DBName", cluster.facts.str("DatabaseName"));
    }
    birth.read(input)?;
    for member in ["BackupRetentionPeriod", "PreferredBackupWindow"] {
        if let Some(value) = cluster.facts.get(member) {
            birth.facts.set(member, value.clone());
        }
    }
    birth.subnet_group = Some(cluster.subnet_group.clone());
    birth.security_groups.clone_from(&cluster.security_groups);
    birth.port = cluster.facts.i64("Port");
    birth.option_group = Some(cluster.option_group.clone());
    birth.creating = Pert(240.0, 400.0, 900.0);
    birth.cluster = Some((cluster.id.clone(), cluster.resource.clone()));
    check::check_values(engine, &birth.facts)?;
    let plan = Plan::new(cx, &birth)?;
    let born = birth.id.clone();
    let resource = names::resource_id(cx, "db-");
    let answer = create::bear(cx, birth, plan, resource)?;
    if cluster.writer.is_none() {
        let now = cx.now();
        cx.place()
            .rds
            .clusters
            .change(&cluster.id, now, |cluster| cluster.writer = Some(born));
    }
    Ok(answer)
}

/// Whether a member may be deleted now.
pub fn check_deletable(cx: &mut Cx<'_>, instance: &Instance) -> Result<(), AwsError> {
    let cluster = instance.cluster.clone().unwrap_or_default();
    let Some(cluster) = cx.place().rds.clusters.get(&cluster).cloned() else {
        return Ok(());
    };
    if matches!(
        cluster.status.as_str(),
        "available" | "deleting" | "stopped"
    ) {
        return Ok(());
    }
    if cluster.source.is_some() {
        return Err(instance_state(
            "Cannot delete the last instance of the read replica DB cluster: promote it first.",
        ));
    }
    Err(cluster_state(format!(
        "DBCluster {} is currently {}.",
        cluster.id, cluster.status
    )))
}

/// A member is gone; if it was the writer, another takes over.
pub fn gone(world: &mut World, account: &str, region: &str, instance: &Instance) {
    let Some(id) = &instance.cluster else { return };
    let Some(cluster) = world
        .seen_place(account, region)
        .and_then(|place| place.rds.clusters.get(id))
        .cloned()
    else {
        return;
    };
    if cluster.writer.as_deref() == Some(&instance.id) {
        super::drop_sessions(world, account, region, &cluster);
        let next = heir(world, account, region, &cluster);
        world
            .place(account, region)
            .rds
            .clusters
            .settle(id, |cluster| cluster.writer = next);
    }
}

/// Who takes over: the lowest promotion tier, then the name.
fn heir(world: &World, account: &str, region: &str, cluster: &Cluster) -> Option<String> {
    let place = world.seen_place(account, region)?;
    place
        .rds
        .instances
        .iter()
        .filter(|(id, instance)| {
            instance.cluster.as_ref() == Some(&cluster.id)
                && cluster.writer.as_deref() != Some(*id)
                && instance.status == "available"
        })
        .min_by_key(|(id, instance)| (instance.facts.i64("PromotionTier"), (*id).to_owned()))
        .map(|(id, _)| id.to_owned())
}

pub fn failover(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let cluster = named(cx, input)?;
    check_available(&cluster)?;
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let next = match input.str("TargetDBInstanceIdentifier") {
        Some(given) => {
            let id = names::identifier(given, "db");
            let target = cx.place().rds.instances.get(&id).cloned();
            let member = target.is_some_and(|i| {
                i.cluster.as_ref() == Some(&cluster.id) && i.status == "available"
            });
            if !member {
                return Err(instance_state(format!(
                    "DB Instance {id} is not an available member of cluster {}",
                    cluster.id
                )));
            }
            if cluster.writer.as_deref() == Some(&id) {
                return Err(instance_state(format!(
                    "DB Instance {id} is already the writer of cluster {}",
                    cluster.id
                )));
            }
            Some(id)
        }
        None => heir(cx.world, &account, &region, &cluster),
    };
    let Some(next) = next else {
        return Err(cluster_state(format!(
            "Cannot failover cluster {} without a reader instance.",
            cluster.id
        )));
    };
    let takes = cx
        .world
        .sample(Pert(15.0, 35.0, 90.0), &cluster.resource, "failover");
    let now = cx.now();
    cx.place().rds.clusters.change(&cluster.id, now, |cluster| {
        cluster.status = "failing-over".into();
        cluster.heir = Some(next);
    });
    super::step(
        cx.world,
        (&account, &region),
        takes,
        &cluster.id,
        &cluster.resource,
        "available",
        "failed-over",
    );
    let answer = show(cx, &cluster.id)?;
    Ok(answer)
}

pub fn failed_over(world: &mut World, account: &str, region: &str, cluster: &Cluster) {
    let Some(next) = cluster.heir.clone() else {
        return;
    };
    super::drop_sessions(world, account, region, cluster);
    world
        .place(account, region)
        .rds
        .clusters
        .settle(&cluster.id, |cluster| {
            cluster.heir = None;
            cluster.writer = Some(next.clone());
        });
    let text = format!("Completed failover to DB instance: {next}");
    events::tell(
        world,
        account,
        region,
        ("db-cluster", &cluster.id),
        "failover",
        &text,
    );
}
