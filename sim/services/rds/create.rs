//! How an instance comes into being: the same checks and the same path for create, restore and replica.

use super::check::{check_master, check_new, check_password, check_values, fill_storage};
use super::engines::{self, Engine};
use super::facts::Facts;
use super::instance::{Endpoint, Instance, MasterSecret, Source, Tags};
use super::lifecycle::{self, Step};
use super::neighbours::{self};
use super::parameters::{self, Kind};
use super::refusal::{combination, refuse, subnet_group_not_found, value};
use super::subnet_group::SubnetGroup;
use super::{Content, names, option_group};
use crate::clock::{Nanos, Pert};
use crate::error::AwsError;
use crate::plane::database::{Database, Rare};
use crate::world::{Cx, Input, Output};
use serde_json::{Value, json};
use std::sync::Arc;

/// Members of `DBInstance` that create, restore and replica calls share and that are kept as given.
pub const KEPT: &[&str] = &[
    "DBInstanceClass",
    "AutoMinorVersionUpgrade",
    "BackupRetentionPeriod",
    "BackupTarget",
    "CACertificateIdentifier",
    "CharacterSetName",
    "CopyTagsToSnapshot",
    "DatabaseInsightsMode",
    "DedicatedLogVolume",
    "DeletionProtection",
    "EngineLifecycleSupport",
    "Iops",
    "LicenseModel",
    "MaxAllocatedStorage",
    "MonitoringInterval",
    "MonitoringRoleArn",
    "NetworkType",
    "PerformanceInsightsRetentionPeriod",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "ProcessorFeatures",
    "PromotionTier",
    "StorageThroughput",
    "StorageType",
];

/// What an instance shall be when it is born.
pub struct Birth {
    pub id: String,
    pub engine: &'static Engine,
    pub version: String,
    pub facts: Facts,
    pub subnet_group: Option<String>,
    pub security_groups: Vec<String>,
    pub parameter_group: Option<String>,
    pub option_group: Option<String>,
    pub tags: Tags,
    pub port: i64,
    pub zone: Option<String>,
    pub public: Option<bool>,
    pub content: Option<Content>,
    /// Until the endpoint appears; then until the first backup is done.
    pub creating: Pert,
    pub backing_up: Pert,
    /// Where it is a member: the cluster's identifier and resource id.
    pub cluster: Option<(String, String)>,
    pub source: Option<Source>,
    pub secret: Option<MasterSecret>,
    /// What it is called in a refusal about its key, and the state it ends in if the key fails later.
    pub restored: bool,
    pub lazy_for: Nanos,
}

impl Birth {
    pub fn new(id: &str, engine: &'static Engine, version: &str) -> Birth {
        Birth {
            id: id.to_ascii_lowercase(),
            engine,
            version: version.to_owned(),
            facts: Facts::default(),
            subnet_group: None,
            security_groups: vec![],
            parameter_group: None,
            option_group: None,
            tags: vec![],
            port: i64::from(engine.port),
            zone: None,
            public: None,
            content: None,
            creating: Pert(180.0, 300.0, 720.0),
            backing_up: Pert(30.0, 90.0, 300.0),
            cluster: None,
            source: None,
            secret: None,
            restored: false,
            lazy_for: 0,
        }
    }

    /// Reads the members that every way of making an instance has.
    pub fn read(&mut self, input: &Input) -> Result<(), AwsError> {
        self.facts.take_from(&input.value, KEPT);
        for (given, kept) in [
            (
                "EnableIAMDatabaseAuthentication",
                "IAMDatabaseAuthenticationEnabled",
            ),
            ("EnablePerformanceInsights", "PerformanceInsightsEnabled"),
            (
                "EnableCloudwatchLogsExports",
                "EnabledCloudwatchLogsExports",
            ),
        ] {
            if let Some(value) = input.value.get(given).filter(|value| !value.is_null()) {
                self.facts.set(kept, value.clone());
            }
        }
        if let Some(multi) = input.bool("MultiAZ") {
            self.facts.set("MultiAZ", multi);
        }
        self.subnet_group = input
            .str("DBSubnetGroupName")
            .map(str::to_ascii_lowercase)
            .or(self.subnet_group.take());
        if input.has("VpcSecurityGroupIds") {
            self.security_groups = input.strings("VpcSecurityGroupIds");
        }
        self.parameter_group = input
            .str("DBParameterGroupName")
            .map(str::to_owned)
            .or(self.parameter_group.take());
        self.option_group = input
            .str("OptionGroupName")
            .map(str::to_owned)
            .or(self.option_group.take());
        if input.has("Tags") {
            self.tags = names::tags(input)?;
        }
        self.port = input.i64("Port").unwrap_or(self.port);
        self.zone = input
            .str("AvailabilityZone")
            .map(str::to_owned)
            .or(self.zone.take());
        self.public = input.bool("PubliclyAccessible").or(self.public);
        Ok(())
    }
}

/// A new, empty database with its master user and its first database.
pub fn empty_database(
    cx: &mut Cx<'_>,
    engine: &Engine,
    version: &str,
    master: (&str, &str),
    name: Option<&str>,
) -> Database {
    let now = cx.now();
    let system = cx.hex("system-identifier", 16);
    // As PostgreSQL makes them: seconds of its birth above, chance below.
    let system = (u64::from_str_radix(&system, 16).unwrap_or(7) % 0x0fff_ffff_ffff_ffff)
        | 0x6000_0000_0000_0000;
    let server = cx.uuid("server-uuid");
    let mut database = Database::new(engine.dialect, version, system, server, now);
    database.master = master.0.to_owned();
    database.set_password(now, master.0, master.1);
    if let Some(name) = name {
        database.write(
            now,
            Rare::Database {
                name: name.to_owned(),
                there: true,
            },
        );
    }
    database
}

/// The master's credentials that a create call wants: given, or made and kept in a secret of RDS's own.
pub fn master(
    cx: &mut Cx<'_>,
    engine: &Engine,
    input: &Input,
    resource: &str,
) -> Result<(String, Option<MasterSecret>), AwsError> {
    let managed = input.bool("ManageMasterUserPassword") == Some(true);
    match (managed, input.str("MasterUserPassword")) {
        (true, Some(_)) => Err(combination(
            "You can't specify MasterUserPassword when ManageMasterUserPassword is enabled.",
        )),
        (true, None) => {
            let name = input.str("MasterUsername").unwrap_or_default().to_owned();
            let (password, secret) =
                super::secret::make(cx, resource, &name, input.str("MasterUserSecretKmsKeyId"))?;
            Ok((password, Some(secret)))
        }
        (false, None) => Err(value(
            "The parameter MasterUserPassword must be provided and must not be blank.",
        )),
        (false, Some(password)) => {
            if input.has("MasterUserSecretKmsKeyId") {
                return Err(combination(
                    "MasterUserSecretKmsKeyId can be specified only with ManageMasterUserPassword.",
                ));
            }
            check_password(engine, password)?;
            Ok((password.to_owned(), None))
        }
    }
}

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let engine = engines::engine(input.str("Engine").unwrap_or_default())?;
    if let Some(cluster) = input.str("DBClusterIdentifier") {
        let cluster = cluster.to_ascii_lowercase();
        return super::cluster::member::create(cx, input, engine, &cluster);
    }
    if engine.aurora {
        return Err(value(
            "The parameter DBClusterIdentifier must be provided for Aurora.",
        ));
    }
    let version = engine.version(input.str("EngineVersion"))?;
    let id = input.str("DBInstanceIdentifier").unwrap_or_default();
    check_new(cx, id)?;
    let mut birth = Birth::new(id, engine, version);
    birth.facts.set("BackupRetentionPeriod", 1);
    birth
        .facts
        .set("StorageType", if input.has("Iops") { "io1" } else { "gp2" });
    birth.read(input)?;
    for required in ["AllocatedStorage", "MasterUsername"] {
        if !input.has(required) {
            return Err(value(format!(
                "The parameter {required} must be provided and must not be blank."
            )));
        }
    }
    birth.facts.set(
        "AllocatedStorage",
        input.i64("AllocatedStorage").unwrap_or_default(),
    );
    let master_name = input.str("MasterUsername").unwrap_or_default().to_owned();
    check_master(engine, &master_name)?;
    birth.facts.set("MasterUsername", master_name.clone());
    let database_name = input.str("DBName").map(str::to_owned);
    if let Some(name) = &database_name {
        let fits = name
            .chars()
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && name.len() <= 64;
        if !fits {
            return Err(value(format!(
                "The parameter DBName must begin with a letter and contain only alphanumeric characters: {name}"
            )));
        }
        birth.facts.set("DBName", name.clone());
    }
    encrypt(cx, input, &mut birth.facts)?;
    check_values(engine, &birth.facts)?;
    // The checks first, all of them: a secret is made only for an instance that will be.
    let plan = Plan::new(cx, &birth)?;
    let resource = names::resource_id(cx, "db-");
    let (password, secret) = master(cx, engine, input, &resource)?;
    birth.secret = secret;
    let database = empty_database(
        cx,
        engine,
        version,
        (&master_name, &password),
        database_name.as_deref(),
    );
    birth.content = Some(Content::Own(Arc::new(database)));
    bear(cx, birth, plan, resource)
}

/// `StorageEncrypted` and its key.
pub fn encrypt(cx: &mut Cx<'_>, input: &Input, facts: &mut Facts) -> Result<(), AwsError> {
    let key = input.str("KmsKeyId");
    let encrypted = input.bool("StorageEncrypted").unwrap_or(false);
    if key.is_some() && !encrypted {
        return Err(combination(
            "You can't specify a KMS key without encrypting storage: set StorageEncrypted.",
        ));
    }
    facts.set("StorageEncrypted", encrypted);
    if encrypted {
        let key = neighbours::key_or_default(cx, key)?;
        facts.set("KmsKeyId", key);
    }
    Ok(())
}

/// Where an instance will stand, found and checked before anything is made.
pub struct Plan {
    group: SubnetGroup,
    security_groups: Vec<String>,
    parameter_group: String,
    option_group: String,
    zone: String,
    standby: Option<String>,
    public: bool,
}

impl Plan {
    pub fn new(cx: &mut Cx<'_>, birth: &Birth) -> Result<Plan, AwsError> {
        let class = birth.facts.str("DBInstanceClass").to_owned();
        engines::check_class(cx, birth.engine, &birth.version, &class)?;
        neighbours::service_role(cx)?;
        let group = subnet_group(cx, birth.subnet_group.as_deref())?;
        let multi = birth.facts.bool("MultiAZ");
        if multi && birth.zone.is_some() {
            return Err(combination(
                "Requesting a specific availability zone is not valid for Multi-AZ instances.",
            ));
        }
        let zones = group.zones();
        let exhausted = &cx.place().rds.exhausted;
        let free: Vec<String> = zones
            .iter()
            .filter(|zone| !exhausted.contains(&(class.clone(), (*zone).clone())))
            .cloned()
            .collect();
        let needed = if multi { 2 } else { 1 };
        let wanted_full = birth.zone.as_ref().is_some_and(|zone| !free.contains(zone));
        if birth
            .zone
            .as_ref()
            .is_some_and(|zone| !zones.contains(zone))
        {
            return Err(refuse(
                "InvalidVPCNetworkStateFault",
                format!(
                    "The availability zone {} is not covered by the DB subnet group {}.",
                    birth.zone.as_deref().unwrap_or_default(),
                    group.name
                ),
            ));
        }
        if free.len() < needed || wanted_full {
            return Err(refuse(
                "InsufficientDBInstanceCapacity",
                format!(
                    "RDS does not have the capacity to fulfill the request for {class} in this Availability Zone. Choose \
                     another class or zone, or try again later."
                ),
            ));
        }
        let first = cx.world.dice.hash(&["zone", &cx.region, &birth.id], 0) as usize % free.len();
        let zone = birth.zone.clone().unwrap_or_else(|| free[first].clone());
        let standby = multi.then(|| free[(first + 1) % free.len()].clone());
        let security_groups = neighbours::security_groups(cx, &group.vpc, &birth.security_groups)?;
        let family = birth.engine.family(&birth.version);
        let parameter_group = parameters::choose(
            cx,
            Kind::Instance,
            birth.parameter_group.as_deref(),
            &family,
        )?;
        let option_group = option_group::choose(
            cx,
            birth.option_group.as_deref(),
            birth.engine,
            &birth.version,
        )?;
        let public = match birth.public {
            Some(true) => {
                neighbours::can_be_public(cx, &group.vpc)?;
                true
            }
            Some(false) => false,
            None => neighbours::public_by_default(cx, &group.vpc),
        };
        Ok(Plan {
            group,
            security_groups,
            parameter_group,
            option_group,
            zone,
            standby,
            public,
        })
    }
}

/// The named subnet group; without a name the one called `default`, made from the default VPC.
pub fn subnet_group(cx: &mut Cx<'_>, named: Option<&str>) -> Result<SubnetGroup, AwsError> {
    let name = named.unwrap_or("default");
    if let Some(group) = cx.place().rds.subnet_groups.get(name) {
        return Ok(group.clone());
    }
    if named.is_some_and(|named| named != "default") {
        return Err(subnet_group_not_found(name));
    }
    let Some((vpc, subnets)) = neighbours::default_subnets(cx) else {
        return Err(refuse(
            "InvalidSubnet",
            "No default subnet detected in VPC. Please contact AWS Support to recreate the default Subnets.",
        ));
    };
    let group = SubnetGroup {
        name: "default".into(),
        arn: cx.arn("rds", "subgrp:default"),
        description: "default".into(),
        vpc,
        subnets,
        tags: vec![],
    };
    let now = cx.now();
    cx.place()
        .rds
        .subnet_groups
        .put("default", group.clone(), now);
    Ok(group)
}

/// Makes the instance and lets it come up.
pub fn bear(
    cx: &mut Cx<'_>,
    birth: Birth,
    plan: Plan,
    resource: String,
) -> Result<Output, AwsError> {
    let Birth {
        id,
        engine,
        version,
        mut facts,
        ..
    } = birth;
    let subnet = plan
        .group
        .subnet_in(&plan.zone)
        .unwrap_or_default()
        .to_owned();
    let (interface, ip, public_ip) =
        neighbours::attach(cx, &subnet, &plan.security_groups, plan.public)?;
    facts.set("Engine", engine.name);
    facts.set("EngineVersion", version.as_str());
    facts.set("AvailabilityZone", plan.zone.as_str());
    if let Some(standby) = &plan.standby {
        facts.set("SecondaryAvailabilityZone", standby.as_str());
    }
    facts.set("MultiAZ", plan.standby.is_some());
    facts.set("PubliclyAccessible", plan.public);
    fill(cx, engine, &id, &mut facts);
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let host = names::host(cx.world, &account, &region, &id);
    let instance = Instance {
        arn: cx.arn("rds", &format!("db:{id}")),
        id: id.clone(),
        resource: resource.clone(),
        status: "creating".into(),
        up: false,
        facts,
        subnet_group: plan.group.name.clone(),
        vpc: plan.group.vpc.clone(),
        security_groups: plan.security_groups,
        parameter_group: plan.parameter_group,
        parameter_apply: "in-sync".into(),
        option_group: plan.option_group,
        tags: birth.tags,
        endpoint: Some(Endpoint {
            host,
            port: birth.port as u16,
            published: false,
            interface,
            ip,
            public_ip,
        }),
        cluster: birth.cluster.as_ref().map(|(id, _)| id.clone()),
        contents: birth
            .cluster
            .map_or_else(|| resource.clone(), |(_, resource)| resource),
        source: birth.source,
        secret: birth.secret,
        lazy_until: (birth.lazy_for > 0).then(|| cx.now() + birth.lazy_for),
        ..Instance::default()
    };
    if let Some(content) = birth.content {
        cx.place().rds.contents.insert(resource.clone(), content);
    }
    let mut steps = Vec::new();
    let creating = cx.world.sample(birth.creating, &resource, "creating");
    let backs_up =
        instance.retention() > 0 && instance.cluster.is_none() && instance.source.is_none();
    steps.push(
        Step::new(
            creating,
            if backs_up {
                "backing-up"
            } else {
                "configuring"
            },
            true,
        )
        .effect(if birth.restored { "restored" } else { "born" }),
    );
    if backs_up {
        let backing_up = cx.world.sample(birth.backing_up, &resource, "backing-up");
        steps.push(Step::new(backing_up, "configuring", true).effect("backed-up"));
    }
    for (status, needed) in [
        (
            "configuring-enhanced-monitoring",
            instance.facts.i64("MonitoringInterval") > 0,
        ),
        (
            "configuring-log-exports",
            instance.facts.has("EnabledCloudwatchLogsExports"),
        ),
    ] {
        if needed {
            let taken = cx.world.sample(Pert(10.0, 30.0, 90.0), &resource, status);
            if let Some(last) = steps.last_mut() {
                last.status = status;
            }
            steps.push(Step::new(taken, "configuring", true));
        }
    }
    if let Some(last) = steps.last_mut() {
        last.status = "available";
    }
    let now = cx.now();
    cx.place().rds.instances.put(&id, instance, now);
    lifecycle::follow(cx.world, &account, &region, &id, &steps);
    super::house::keep_house(cx.world, &account, &region, &id);
    super::show(cx, &id)
}

/// What AWS fills in where a call says nothing.
fn fill(cx: &mut Cx<'_>, engine: &Engine, id: &str, facts: &mut Facts) {
    let mut chance = cx.world.dice.hash(&["windows", &cx.region, id], 0);
    let mut draw = |n: u64| {
        let drawn = chance % n;
        chance /= n;
        drawn
    };
    if !facts.has("PreferredBackupWindow") {
        let (hour, half) = (3 + draw(8), draw(2) * 30);
        let ends = (hour * 60 + half + 30) % (24 * 60);
        facts.set(
            "PreferredBackupWindow",
            format!("{hour:02}:{half:02}-{:02}:{:02}", ends / 60, ends % 60),
        );
    }
    if !facts.has("PreferredMaintenanceWindow") {
        let day = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"][draw(7) as usize];
        let hour = 12 + draw(10);
        facts.set(
            "PreferredMaintenanceWindow",
            format!("{day}:{hour:02}:00-{day}:{hour:02}:30"),
        );
    }
    let zero: &[(&str, Value)] = &[
        ("BackupRetentionPeriod", json!(1)),
        ("AutoMinorVersionUpgrade", json!(true)),
        ("LicenseModel", json!(engine.license)),
        ("StorageEncrypted", json!(false)),
        ("CACertificateIdentifier", json!(engines::DEFAULT_AUTHORITY)),
        ("CopyTagsToSnapshot", json!(false)),
        ("MonitoringInterval", json!(0)),
        ("IAMDatabaseAuthenticationEnabled", json!(false)),
        ("PerformanceInsightsEnabled", json!(false)),
        ("DeletionProtection", json!(false)),
        ("DbInstancePort", json!(0)),
        ("NetworkType", json!("IPV4")),
        ("BackupTarget", json!("region")),
        ("CustomerOwnedIpEnabled", json!(false)),
        ("DedicatedLogVolume", json!(false)),
        ("DatabaseInsightsMode", json!("standard")),
        (
            "EngineLifecycleSupport",
            json!("open-source-rds-extended-support"),
        ),
        ("ActivityStreamStatus", json!("stopped")),
        ("IsStorageConfigUpgradeAvailable", json!(false)),
    ];
    for (member, default) in zero {
        if !facts.has(member) {
            facts.set(member, default.clone());
        }
    }
    if facts.bool("PerformanceInsightsEnabled") && !facts.has("PerformanceInsightsRetentionPeriod")
    {
        facts.set("PerformanceInsightsRetentionPeriod", 7);
    }
    if engine.aurora {
        facts.set("StorageType", "aurora");
        facts.set("AllocatedStorage", 1);
        if !facts.has("PromotionTier") {
            facts.set("PromotionTier", 1);
        }
    } else {
        fill_storage(facts);
    }
}
