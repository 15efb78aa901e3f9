//! Aurora clusters: storage and endpoints of their own, to which instances are added as members.

use super::create::{check_master, check_password, empty_database, subnet_group};
use super::engines::{self, Engine};
use super::facts::Facts;
use super::instance::{MasterSecret, Tags, hosted_zone};
use super::lifecycle;
use super::neighbours::{self, Quota};
use super::parameters::{self, Kind};
use super::refusal::{
    check_identifier, cluster_not_found, cluster_state, combination, refuse, value,
};
use super::{Content, events, names, option_group};
use crate::clock::{DAY, MINUTE, Nanos, Pert};
use crate::error::AwsError;
use crate::plane::database::Database;
use crate::services::ServiceId;
use crate::world::{Cx, Event, Input, Output, World};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub mod member;
pub mod modify;
pub mod restore;
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

impl Cluster {
    pub fn engine(&self) -> Result<&'static Engine, AwsError> {
        engines::engine(self.facts.str("Engine"))
    }
}

/// What a new cluster shall be.
struct Founding {
    id: String,
    engine: &'static Engine,
    version: &'static str,
    facts: Facts,
    creating: Pert,
    content: Content,
    secret: Option<MasterSecret>,
    resource: String,
    restored: bool,
    source: Option<String>,
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
fn aurora(name: &str, mode: Option<&str>) -> Result<&'static Engine, AwsError> {
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
fn read(input: &Input, facts: &mut Facts) -> Result<(), AwsError> {
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

fn check_facts(facts: &Facts) -> Result<(), AwsError> {
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
    super::create::encrypt(cx, input, &mut facts)?;
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
    let (password, secret) = super::create::master(cx, engine, input, &resource)?;
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
    let content = Content::Follows(super::Follower {
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
struct Ground {
    group: super::subnet_group::SubnetGroup,
    security_groups: Vec<String>,
    parameter_group: String,
    option_group: String,
    tags: Tags,
    zones: Vec<String>,
}

impl Ground {
    fn find(
        cx: &mut Cx<'_>,
        input: &Input,
        engine: &Engine,
        version: &str,
    ) -> Result<Ground, AwsError> {
        let named = input.str("DBSubnetGroupName").map(str::to_ascii_lowercase);
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

fn found(
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
        published: !neighbours::publishing_is_dark(cx.world),
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
    Ok(json!({ "DBClusters": shown }).into())
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
    Ok(json!({ "DBClusterEndpoints": endpoints }).into())
}

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

fn gone(world: &mut World, account: &str, region: &str, cluster: &Cluster) {
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
        super::secret::remove(world, account, region, secret);
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

/// A password that a cluster's master shall have.
fn password(engine: &Engine, given: &str) -> Result<String, AwsError> {
    check_password(engine, given)?;
    Ok(given.to_owned())
}
