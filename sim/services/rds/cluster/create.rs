//! How a cluster comes into being.

use super::{Cluster, show, step};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::services::rds::check::{check_master, check_password};
use crate::services::rds::create::{empty_database, subnet_group};
use crate::services::rds::engines::{self, Engine};
use crate::services::rds::facts::Facts;
use crate::services::rds::instance::{MasterSecret, Tags};
use crate::services::rds::neighbours::{self, Quota};
use crate::services::rds::parameters::{self, Kind};
use crate::services::rds::refusal::{
    check_identifier, cluster_not_found, cluster_state, combination, refuse, value,
};
use crate::services::rds::{Content, names, option_group};
use crate::world::{Cx, Input, Output};
use serde_json::{Value, json};
use std::sync::Arc;

/// Members of `DBCluster` that create and restore calls share and that are kept as given.
const KEPT: &[&str] = &[
    "BackupRetentionPeriod",
    "BacktrackWindow",
    "CharacterSetName",
    "CopyTagsToSnapshot",
    "DatabaseName",
    "DeletionProtection",
    "EngineLifecycleSupport",
    "EngineMode",
    "MonitoringInterval",
    "MonitoringRoleArn",
    "NetworkType",
    "PerformanceInsightsRetentionPeriod",
    "Port",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "ServerlessV2ScalingConfiguration",
    "StorageType",
    "DatabaseInsightsMode",
];

/// What a new cluster shall be.
pub(super) struct Founding {
    pub id: String,
    pub engine: &'static Engine,
    pub version: &'static str,
    pub facts: Facts,
    pub creating: Pert,
    pub content: Content,
    pub secret: Option<MasterSecret>,
    pub resource: String,
    pub restored: bool,
    pub source: Option<String>,
}

pub fn check_new(cx: &mut Cx<'_>, id: &str) -> Result<(), AwsError> {
    check_identifier("DBClusterIdentifier", id, 63)?;
    if cx.place().rds.clusters.contains(&id.to_ascii_lowercase()) {
        return Err(refuse(
            "DBClusterAlreadyExistsFault",
            "DB Cluster already exists",
        ));
    }
    let limit = neighbours::limit(cx, Quota::Clusters);
    if cx.place().rds.clusters.len() as f64 >= limit {
        return Err(refuse(
            "DBClusterQuotaExceededFault",
            format!("Cluster quota exceeded: {limit} clusters are allowed"),
        ));
    }
    Ok(())
}

/// The engine of a cluster: Aurora, provisioned.
pub(super) fn aurora(name: &str, mode: Option<&str>) -> Result<&'static Engine, AwsError> {
    if name == "aurora" {
        return Err(value(
            "The engine aurora is no longer offered: use aurora-mysql.",
        ));
    }
    let engine = engines::engine(name)?;
    if !engine.aurora {
        return Err(combination(format!(
            "DB clusters of engine {name} are not offered here."
        )));
    }
    match mode {
        None | Some("provisioned") => Ok(engine),
        Some("serverless") => Err(combination(format!(
            "The engine mode serverless you requested is currently unavailable for {name}: use a serverless v2 scaling \
             configuration."
        ))),
        Some(other) => Err(value(format!("Invalid engine mode: {other}"))),
    }
}

/// Reads the members that every way of making a cluster has.
pub(super) fn read(input: &Input, facts: &mut Facts) -> Result<(), AwsError> {
    facts.take_from(&input.value, KEPT);
    for (given, kept) in [
        (
            "EnableIAMDatabaseAuthentication",
            "IAMDatabaseAuthenticationEnabled",
        ),
        ("EnablePerformanceInsights", "PerformanceInsightsEnabled"),
        ("EnableHttpEndpoint", "HttpEndpointEnabled"),
        (
            "EnableCloudwatchLogsExports",
            "EnabledCloudwatchLogsExports",
        ),
    ] {
        if let Some(value) = input.value.get(given).filter(|value| !value.is_null()) {
            facts.set(kept, value.clone());
        }
    }
    check_facts(facts)
}

pub(super) fn check_facts(facts: &Facts) -> Result<(), AwsError> {
    let retention = facts.i64("BackupRetentionPeriod");
    if facts.has("BackupRetentionPeriod") && !(1..=35).contains(&retention) {
        return Err(value(format!(
            "Invalid backup retention period: {retention}. Must be between 1 and 35."
        )));
    }
    if let Some(scaling) = facts.get("ServerlessV2ScalingConfiguration") {
        let (low, high) = (
            scaling["MinCapacity"].as_f64(),
            scaling["MaxCapacity"].as_f64(),
        );
        let fits = matches!((low, high), (Some(low), Some(high))
            if (0.0..=256.0).contains(&low) && (1.0..=256.0).contains(&high) && low <= high && (low * 2.0).fract() == 0.0);
        if !fits {
            return Err(value(
                "The Serverless v2 capacity must be given in steps of 0.5 from 0 to 256, with MinCapacity not above MaxCapacity.",
            ));
        }
    }
    let storage = facts.str("StorageType");
    if !["", "aurora", "aurora-iopt1"].contains(&storage) {
        return Err(refuse(
            "StorageTypeNotSupported",
            format!("Invalid storage type: {storage}"),
        ));
    }
    Ok(())
}

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let engine = aurora(
        input.str("Engine").unwrap_or_default(),
        input.str("EngineMode"),
    )?;
    if input.has("GlobalClusterIdentifier") {
        return Err(AwsError::not_simulated(
            "rds",
            "CreateDBCluster in a global cluster",
        ));
    }
    let version = engine.version(input.str("EngineVersion"))?;
    let id = input
        .str("DBClusterIdentifier")
        .unwrap_or_default()
        .to_ascii_lowercase();
    check_new(cx, &id)?;
    let mut facts = Facts::default();
    read(input, &mut facts)?;
    super::super::create::encrypt(cx, input, &mut facts)?;
    if let Some(source) = input.str("ReplicationSourceIdentifier") {
        return replicate(cx, input, engine, version, (&id, source), facts);
    }
    let Some(master) = input.str("MasterUsername").map(str::to_owned) else {
        return Err(value(
            "The parameter MasterUsername must be provided and must not be blank.",
        ));
    };
    check_master(engine, &master)?;
    facts.set("MasterUsername", master.as_str());
    // Everything is checked before a secret is made.
    let ground = Ground::find(cx, input, engine, version)?;
    let resource = names::resource_id(cx, "cluster-");
    let (password, secret) = super::super::create::master(cx, engine, input, &resource)?;
    let database = empty_database(
        cx,
        engine,
        version,
        (&master, &password),
        input.str("DatabaseName"),
    );
    let founding = Founding {
        id,
        engine,
        version,
        facts,
        creating: Pert(45.0, 120.0, 300.0),
        content: Content::Own(Arc::new(database)),
        secret,
        resource,
        restored: false,
        source: None,
    };
    found(cx, input, founding, ground)
}

/// A cluster that replicates one in another region: Aurora MySQL by its binary log; Aurora PostgreSQL cannot.
fn replicate(
    cx: &mut Cx<'_>,
    input: &Input,
    engine: &'static Engine,
    version: &'static str,
    (id, source): (&str, &str),
    mut facts: Facts,
) -> Result<Output, AwsError> {
    if engine.name != "aurora-mysql" {
        return Err(combination(
            "Cross-Region read replicas are not supported for aurora-postgresql: use a global database.",
        ));
    }
    let Some(arn) = names::Arn::read(source).filter(|arn| arn.kind == "cluster") else {
        return Err(value(format!("Invalid replication source: {source}")));
    };
    let account = cx.caller.account.clone();
    let place = cx.world.seen_place(&account, &arn.region);
    let Some(of) = place
        .and_then(|place| place.rds.clusters.get(&arn.id))
        .cloned()
    else {
        return Err(cluster_not_found(source));
    };
    if of.status != "available" {
        return Err(cluster_state(format!(
            "The source cluster {} is not available.",
            of.id
        )));
    }
    let binlog = of.created > 0 && {
        let values = cx.world.seen_place(&account, &arn.region);
        let values =
            values.map(|place| parameters::values(&place.rds, Kind::Cluster, &of.parameter_group));
        values.is_some_and(|values| {
            values
                .get("binlog_format")
                .is_some_and(|format| format != "OFF")
        })
    };
    if !binlog {
        return Err(cluster_state(
            "The source cluster must have binary logging enabled.",
        ));
    }
    if of.facts.bool("StorageEncrypted") && !facts.bool("StorageEncrypted") {
        return Err(combination(
            "Must specify a KMS key to create an encrypted read replica in another Region.",
        ));
    }
    facts.set("MasterUsername", of.facts.str("MasterUsername"));
    let ground = Ground::find(cx, input, engine, version)?;
    let resource = names::resource_id(cx, "cluster-");
    let lag = cx
        .world
        .sample(Pert(0.2, 0.8, 4.0), &resource, "replica-lag");
    let content = Content::Follows(super::super::Follower {
        account,
        region: arn.region,
        resource: of.resource.clone(),
        lag,
        floor: 0,
        server: cx.uuid("server-uuid"),
    });
    let founding = Founding {
        id: id.to_owned(),
        engine,
        version,
        facts,
        creating: Pert(600.0, 1_800.0, 5_400.0),
        content,
        secret: None,
        resource,
        restored: false,
        source: Some(of.arn),
    };
    found(cx, input, founding, ground)
}

/// Where a cluster will stand, found and checked before anything is made.
pub(super) struct Ground {
    group: super::super::subnet_group::SubnetGroup,
    security_groups: Vec<String>,
    parameter_group: String,
    option_group: String,
    tags: Tags,
    zones: Vec<String>,
}

impl Ground {
    pub fn find(
        cx: &mut Cx<'_>,
        input: &Input,
        engine: &Engine,
        version: &str,
    ) -> Result<Ground, AwsError> {
        let named = input.str("DBSubnetGroupName").map(str::to_ascii_lowercase);
        neighbours::service_role(cx)?;
        let group = subnet_group(cx, named.as_deref())?;
        let security_groups =
            neighbours::security_groups(cx, &group.vpc, &input.strings("VpcSecurityGroupIds"))?;
        let family = engine.family(version);
        let parameter_group = parameters::choose(
            cx,
            Kind::Cluster,
            input.str("DBClusterParameterGroupName"),
            &family,
        )?;
        let option_group = option_group::choose(cx, input.str("OptionGroupName"), engine, version)?;
        let mut zones = input.strings("AvailabilityZones");
        let known = neighbours::zones(cx);
        if let Some(wrong) = zones.iter().find(|zone| !known.contains(zone)) {
            return Err(refuse(
                "InvalidVPCNetworkStateFault",
                format!("Availability zone {wrong} is not in this Region."),
            ));
        }
        if zones.is_empty() {
            zones = group.zones();
        }
        // Storage is always in three zones where the region has three.
        for zone in known {
            if zones.len() < 3 && !zones.contains(&zone) {
                zones.push(zone);
            }
        }
        zones.sort();
        let tags = names::tags(input)?;
        Ok(Ground {
            group,
            security_groups,
            parameter_group,
            option_group,
            tags,
            zones,
        })
    }
}

pub(super) fn found(
    cx: &mut Cx<'_>,
    _input: &Input,
    founding: Founding,
    ground: Ground,
) -> Result<Output, AwsError> {
    let Founding {
        id,
        engine,
        version,
        mut facts,
        resource,
        ..
    } = founding;
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    facts.set("Engine", engine.name);
    facts.set("EngineVersion", version);
    let chance = cx.world.dice.hash(&["cluster-windows", &region, &id], 0);
    let defaults: &[(&str, Value)] = &[
        ("AllocatedStorage", json!(1)),
        ("BackupRetentionPeriod", json!(1)),
        ("Port", json!(engine.port)),
        ("EngineMode", json!("provisioned")),
        (
            "PreferredBackupWindow",
            json!(format!("{:02}:00-{:02}:30", 3 + chance % 8, 3 + chance % 8)),
        ),
        (
            "PreferredMaintenanceWindow",
            json!(format!(
                "sun:{:02}:00-sun:{:02}:30",
                12 + chance % 9,
                12 + chance % 9
            )),
        ),
        ("IAMDatabaseAuthenticationEnabled", json!(false)),
        ("HttpEndpointEnabled", json!(false)),
        ("DeletionProtection", json!(false)),
        ("CopyTagsToSnapshot", json!(false)),
        ("CrossAccountClone", json!(false)),
        ("AutoMinorVersionUpgrade", json!(true)),
        ("NetworkType", json!("IPV4")),
        ("DatabaseInsightsMode", json!("standard")),
        ("ActivityStreamStatus", json!("stopped")),
        (
            "EngineLifecycleSupport",
            json!("open-source-rds-extended-support"),
        ),
    ];
    for (member, default) in defaults {
        if !facts.has(member) {
            facts.set(member, default.clone());
        }
    }
    let now = cx.now();
    let cluster = Cluster {
        arn: cx.arn("rds", &format!("cluster:{id}")),
        resource: resource.clone(),
        status: "creating".into(),
        facts,
        subnet_group: ground.group.name,
        vpc: ground.group.vpc,
        security_groups: ground.security_groups,
        parameter_group: ground.parameter_group,
        option_group: ground.option_group,
        tags: ground.tags,
        created: now,
        zones: ground.zones,
        endpoint: names::cluster_host(cx.world, &account, &region, &id, "cluster"),
        reader_endpoint: names::cluster_host(cx.world, &account, &region, &id, "cluster-ro"),
        secret: founding.secret,
        source: founding.source,
        id: id.clone(),
        ..Cluster::default()
    };
    cx.place()
        .rds
        .contents
        .insert(resource.clone(), founding.content);
    cx.place().rds.clusters.put(&id, cluster, now);
    super::publish(cx.world, &account, &region, &id);
    let takes = cx.world.sample(founding.creating, &resource, "creating");
    let more = if founding.restored {
        "restored"
    } else {
        "created"
    };
    step(
        cx.world,
        (&account, &region),
        takes,
        &id,
        &resource,
        "available",
        more,
    );
    show(cx, &id)
}

/// A password that a cluster's master shall have.
pub(super) fn password(engine: &Engine, given: &str) -> Result<String, AwsError> {
    check_password(engine, given)?;
    Ok(given.to_owned())
}
