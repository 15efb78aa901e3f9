//! ModifyDBInstance: what changes at once, what waits for the window, and what it costs.

use super::create::{check_password, check_values, fill_storage};
use super::engines;
use super::events;
use super::facts::Facts;
use super::instance::Instance;
use super::lifecycle::{self, Step};
use super::neighbours;
use super::parameters::{self, Kind};
use super::refusal::{check_identifier, combination, instance_state, refuse, value};
use super::{Content, names, option_group};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::world::{Cx, Input, Output, World};
use serde_json::{Value, json};
use std::sync::Arc;

/// Changed at once, whatever `ApplyImmediately` says, without an outage.
const AT_ONCE: &[&str] = &[
    "AutoMinorVersionUpgrade",
    "CopyTagsToSnapshot",
    "DeletionProtection",
    "MaxAllocatedStorage",
    "MonitoringInterval",
    "MonitoringRoleArn",
    "PerformanceInsightsRetentionPeriod",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "PromotionTier",
    "DatabaseInsightsMode",
];

/// Changed by a modification that may interrupt; deferred to the window unless told otherwise.
const DEFERRED: &[&str] = &[
    "AllocatedStorage",
    "CACertificateIdentifier",
    "DBInstanceClass",
    "EngineVersion",
    "Iops",
    "LicenseModel",
    "MultiAZ",
    "NetworkType",
    "StorageThroughput",
    "StorageType",
];

pub fn modify(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let instance = lifecycle::named(cx, input)?;
    let id = instance.id.clone();
    if !matches!(
        instance.status.as_str(),
        "available" | "storage-optimization" | "incompatible-parameters"
    ) {
        return Err(instance_state(format!(
            "Database instance {id} is not in available state. Its current state is {}.",
            instance.status
        )));
    }
    let engine = engines::engine(instance.engine())?;
    let mut wanted = Facts::default();
    wanted.take_from(&input.value, DEFERRED);
    check(cx, input, &instance, engine, &mut wanted)?;
    let groups = match input.has("VpcSecurityGroupIds") {
        true => Some(neighbours::security_groups(
            cx,
            &instance.vpc,
            &input.strings("VpcSecurityGroupIds"),
        )?),
        false => None,
    };
    let family = engine.family(
        wanted
            .get("EngineVersion")
            .and_then(Value::as_str)
            .unwrap_or(instance.facts.str("EngineVersion")),
    );
    let parameter_group = match input.str("DBParameterGroupName") {
        Some(name) => Some(parameters::choose(cx, Kind::Instance, Some(name), &family)?),
        None => None,
    };
    let option_group = match input.str("OptionGroupName") {
        Some(name) => Some(option_group::choose(
            cx,
            Some(name),
            engine,
            instance.facts.str("EngineVersion"),
        )?),
        None => None,
    };
    let immediately = input.bool("ApplyImmediately") == Some(true);
    let mut secret = instance.secret.clone();
    let password = password(cx, input, &instance, engine, &mut secret)?;
    let now = cx.now();
    cx.place().rds.instances.change(&id, now, |instance| {
        instance.facts.take_from(&input.value, AT_ONCE);
        for (given, kept) in [
            (
                "EnableIAMDatabaseAuthentication",
                "IAMDatabaseAuthenticationEnabled",
            ),
            ("EnablePerformanceInsights", "PerformanceInsightsEnabled"),
        ] {
            if let Some(on) = input.bool(given) {
                instance.facts.set(kept, on);
            }
        }
        export_logs(
            &mut instance.facts,
            &input.value["CloudwatchLogsExportConfiguration"],
        );
        if let Some(group) = parameter_group.filter(|group| *group != instance.parameter_group) {
            instance.parameter_group = group;
            instance.parameter_apply = "pending-reboot".into();
        }
        if let Some(group) = option_group {
            instance.option_group = group;
        }
        if let Some(groups) = &groups {
            instance.security_groups.clone_from(groups);
        }
        instance.secret = secret;
        for (member, value) in &wanted.0 {
            instance.pending.set(member, value.clone());
        }
        if password.is_some() {
            instance.pending.set("MasterUserPassword", "****");
        }
    });
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    if let (Some(groups), Some(endpoint)) = (&groups, &instance.endpoint) {
        neighbours::regroup(cx.world, &account, &region, &endpoint.interface, groups);
    }
    if let Some(password) = password {
        let taken = cx
            .world
            .sample(Pert(5.0, 30.0, 120.0), &instance.resource, "password");
        let detail = json!({ "resource": instance.resource, "password": password });
        lifecycle::schedule(
            cx.world,
            (&account, &region),
            taken,
            "instance-password",
            &id,
            detail,
        );
    }
    let pending = cx
        .place()
        .rds
        .instances
        .get(&id)
        .cloned()
        .unwrap_or_default();
    if immediately && !pending.pending.only(DEFERRABLE).0.is_empty() {
        begin(cx.world, &account, &region, &pending);
    } else if input.has("DBPortNumber") {
        // The port changes with a restart, at once.
        begin(cx.world, &account, &region, &pending);
    }
    super::show(cx, &id)
}

/// What of `PendingModifiedValues` a modification carries out.
const DEFERRABLE: &[&str] = &[
    "AllocatedStorage",
    "BackupRetentionPeriod",
    "CACertificateIdentifier",
    "DBInstanceClass",
    "DBInstanceIdentifier",
    "DBSubnetGroupName",
    "EngineVersion",
    "Iops",
    "LicenseModel",
    "MultiAZ",
    "NetworkType",
    "Port",
    "StorageThroughput",
    "StorageType",
];

/// Checks what shall change, and puts it into `wanted` in the names of `PendingModifiedValues`.
fn check(
    cx: &mut Cx<'_>,
    input: &Input,
    instance: &Instance,
    engine: &'static engines::Engine,
    wanted: &mut Facts,
) -> Result<(), AwsError> {
    let facts = &instance.facts;
    if let Some(class) = input.str("DBInstanceClass") {
        engines::check_class(cx, engine, facts.str("EngineVersion"), class)?;
    }
    if let Some(version) = input.str("EngineVersion") {
        let full = engine.version(Some(version))?;
        let current = facts.str("EngineVersion");
        if full != current && !engine.upgrades(current).contains(&full) {
            return Err(combination(format!(
                "Cannot upgrade {} from {current} to {full}",
                engine.name
            )));
        }
        let major = engine.major(full) != engine.major(current);
        if major && input.bool("AllowMajorVersionUpgrade") != Some(true) {
            return Err(combination(
                "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.",
            ));
        }
        wanted.set("EngineVersion", full);
    }
    if let Some(size) = input.i64("AllocatedStorage")
        && !engine.aurora
    {
        let current = facts.i64("AllocatedStorage");
        if size < current {
            return Err(value(
                "Requested storage size cannot be smaller than the current one.",
            ));
        }
        if size != current && (size * 10) < current * 11 {
            return Err(value(format!(
                "Allocated storage must be increased by at least 10%: from {current} to {} at least.",
                (current * 11 + 9) / 10
            )));
        }
    }
    if let Some(retention) = input.i64("BackupRetentionPeriod") {
        if instance.cluster.is_some() {
            return Err(combination(
                "The backup retention period of a cluster's member is the cluster's.",
            ));
        }
        let crosses = (retention == 0) != (facts.i64("BackupRetentionPeriod") == 0);
        if retention == 0 && !instance.replicas.is_empty() {
            return Err(instance_state(
                "Cannot disable automated backups of a DB instance that has read replicas.",
            ));
        }
        if !(0..=35).contains(&retention) {
            return Err(value(format!(
                "Invalid backup retention period: {retention}. Must be between 0 and 35."
            )));
        }
        if crosses {
            wanted.set("BackupRetentionPeriod", retention);
        } else {
            let now = cx.now();
            cx.place()
                .rds
                .instances
                .change(&instance.id, now, |instance| {
                    instance.facts.set("BackupRetentionPeriod", retention);
                });
        }
    }
    if let Some(new) = input.str("NewDBInstanceIdentifier") {
        check_identifier("NewDBInstanceIdentifier", new, 63)?;
        let new = new.to_ascii_lowercase();
        if new != instance.id && cx.place().rds.instances.contains(&new) {
            return Err(refuse(
                "DBInstanceAlreadyExists",
                "DB instance already exists",
            ));
        }
        wanted.set("DBInstanceIdentifier", new);
    }
    if let Some(port) = input.i64("DBPortNumber") {
        if !(1_150..=65_535).contains(&port) {
            return Err(value(format!(
                "Invalid port: {port}. Must be between 1150 and 65535."
            )));
        }
        wanted.set("Port", port);
    }
    if let Some(name) = input.str("DBSubnetGroupName") {
        let group = super::create::subnet_group(cx, Some(&name.to_ascii_lowercase()))?;
        if group.name == instance.subnet_group {
            return Err(refuse(
                "InvalidVPCNetworkStateFault",
                format!(
                    "The specified DB instance is already in the target DB subnet group {name}."
                ),
            ));
        }
        wanted.set("DBSubnetGroupName", group.name);
    }
    // What would not change is not pending.
    wanted.0.retain(|member, new| {
        let current = match member.as_str() {
            "DBInstanceIdentifier" => json!(instance.id),
            "Port" => json!(instance.endpoint.as_ref().map(|endpoint| endpoint.port)),
            other => facts.get(other).cloned().unwrap_or(Value::Null),
        };
        current != *new
    });
    let mut after = facts.clone();
    after.take_from(&Value::Object(wanted.0.clone()), DEFERRED);
    if wanted.has("StorageType") {
        for (member, given) in [
            ("Iops", input.has("Iops")),
            ("StorageThroughput", input.has("StorageThroughput")),
        ] {
            if !given {
                after.unset(member);
            }
        }
    }
    after.take_from(&input.value, AT_ONCE);
    check_values(engine, &after)
}

fn export_logs(facts: &mut Facts, wanted: &Value) {
    let mut logs: Vec<Value> = facts
        .get("EnabledCloudwatchLogsExports")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let (Some(on), off) = (wanted.as_object(), wanted["DisableLogTypes"].as_array()) else {
        return;
    };
    for log in on
        .get("EnableLogTypes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if !logs.contains(log) {
            logs.push(log.clone());
        }
    }
    logs.retain(|log| !off.is_some_and(|off| off.contains(log)));
    if logs.is_empty() {
        facts.unset("EnabledCloudwatchLogsExports");
    } else {
        facts.set("EnabledCloudwatchLogsExports", logs);
    }
}

/// The new master password, if one is to be set: given, or made for a secret.
fn password(
    cx: &mut Cx<'_>,
    input: &Input,
    instance: &Instance,
    engine: &engines::Engine,
    secret: &mut Option<super::instance::MasterSecret>,
) -> Result<Option<String>, AwsError> {
    let given = input.str("MasterUserPassword");
    let manage = input.bool("ManageMasterUserPassword");
    if instance.cluster.is_some() && (given.is_some() || manage.is_some()) {
        return Err(combination(
            "The master password of a cluster's member is the cluster's: modify the cluster.",
        ));
    }
    if instance.source.is_some() && given.is_some() {
        return Err(instance_state(
            "The master password of a read replica cannot be changed.",
        ));
    }
    let user = instance.facts.str("MasterUsername");
    match (manage, given) {
        (Some(true), Some(_)) => Err(combination(
            "You can't specify MasterUserPassword when ManageMasterUserPassword is enabled.",
        )),
        (Some(true), None) if secret.is_none() => {
            if !instance.replicas.is_empty() || instance.source.is_some() {
                return Err(combination(
                    "ManageMasterUserPassword cannot be enabled for an instance with read replicas.",
                ));
            }
            let (password, made) = super::secret::make(
                cx,
                &instance.resource,
                user,
                input.str("MasterUserSecretKmsKeyId"),
            )?;
            *secret = Some(made);
            Ok(Some(password))
        }
        (Some(false), Some(password)) => {
            check_password(engine, password)?;
            if let Some(gone) = secret.take() {
                let (account, region) = (cx.caller.account.clone(), cx.region.clone());
                super::secret::remove(cx.world, &account, &region, &gone);
            }
            Ok(Some(password.to_owned()))
        }
        (Some(false), None) if secret.is_some() => Err(combination(
            "You must specify MasterUserPassword when you turn ManageMasterUserPassword off.",
        )),
        (None, Some(_)) if secret.is_some() => Err(combination(
            "You can't specify MasterUserPassword for an instance whose password RDS manages.",
        )),
        (_, Some(password)) => {
            check_password(engine, password)?;
            Ok(Some(password.to_owned()))
        }
        _ => match (input.bool("RotateMasterUserPassword"), secret.as_ref()) {
            (Some(true), Some(secret)) => super::secret::rotate(cx, secret, user).map(Some),
            (Some(true), None) => Err(combination(
                "RotateMasterUserPassword needs a password that RDS manages.",
            )),
            _ => Ok(None),
        },
    }
}

/// The new password is in effect. Open connections stay.
pub fn password_set(world: &mut World, event: &crate::world::Event) {
    let password = event.detail["password"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let now = world.now();
    let state = &mut world.place(&event.account, &event.region).rds;
    let Some(instance) = state.instances.get(&event.id) else {
        return;
    };
    if event.detail["resource"] != instance.resource.as_str() {
        return;
    }
    let (key, user) = (
        instance.contents.clone(),
        instance.facts.str("MasterUsername").to_owned(),
    );
    if let Some(Content::Own(database)) = state.contents.get_mut(&key) {
        Arc::make_mut(database).set_password(now, &user, &password);
    }
    state.instances.settle(&event.id, |instance| {
        instance.pending.unset("MasterUserPassword")
    });
    let text = "The master user password was reset";
    events::tell(
        world,
        &event.account,
        &event.region,
        ("db-instance", &event.id),
        "configuration change",
        text,
    );
}

/// Starts carrying the pending values out: `available` for a moment still, then `modifying`, an outage where there is
/// one, and after it what new storage or a first backup need.
pub fn begin(world: &mut World, account: &str, region: &str, instance: &Instance) {
    let wanted = instance.pending.only(DEFERRABLE);
    if wanted.0.is_empty() {
        return;
    }
    let resource = instance.resource.as_str();
    let multi = instance.facts.bool("MultiAZ");
    let mut steps = Vec::new();
    let notice = world.sample(Pert(3.0, 20.0, 60.0), resource, "modify-notice");
    steps.push(Step::new(notice, "modifying", true));
    let class = wanted.has("DBInstanceClass");
    let version = wanted.has("EngineVersion");
    let storage = [
        "AllocatedStorage",
        "StorageType",
        "Iops",
        "StorageThroughput",
    ]
    .iter()
    .any(|m| wanted.has(m));
    let retention = wanted.get("BackupRetentionPeriod").and_then(Value::as_i64);
    let renamed = wanted.has("DBInstanceIdentifier");
    let moved = wanted.has("DBSubnetGroupName");
    let restarts =
        class || version || retention.is_some() || wanted.has("Port") || renamed || moved;
    let work = match () {
        () if version => Pert(300.0, 600.0, 1_800.0),
        () if class || moved => Pert(240.0, 480.0, 1_200.0),
        () if wanted.has("MultiAZ") => Pert(300.0, 720.0, 2_400.0),
        () => Pert(30.0, 90.0, 300.0),
    };
    let worked = world.sample(work, resource, "modify");
    let detail = Value::Object(wanted.0.clone());
    if restarts {
        // A Multi-AZ instance changes its standby first and is away only while it fails over.
        let outage = if multi && (class || version) {
            Pert(30.0, 60.0, 120.0)
        } else {
            Pert(30.0, 120.0, 420.0)
        };
        let away = world.sample(outage, resource, "modify-outage");
        steps.push(Step::new(worked, "modifying", false));
        let status = if retention.is_some_and(|days| days > 0) {
            "backing-up"
        } else if storage {
            "storage-optimization"
        } else {
            "available"
        };
        steps.push(
            Step::new(away, status, true)
                .effect("modified")
                .detail(detail),
        );
    } else {
        let status = if storage {
            "storage-optimization"
        } else {
            "available"
        };
        steps.push(
            Step::new(worked, status, true)
                .effect("modified")
                .detail(detail),
        );
    }
    let id = wanted
        .get("DBInstanceIdentifier")
        .and_then(Value::as_str)
        .unwrap_or(&instance.id)
        .to_owned();
    lifecycle::follow(world, account, region, &instance.id, &steps);
    let so_far: u64 = steps.iter().map(|step| step.after).sum();
    let mut tail = Vec::new();
    if retention.is_some_and(|days| days > 0) {
        let taken = world.sample(
            super::backup::first_backup(instance),
            resource,
            "backing-up",
        );
        let status = if storage {
            "storage-optimization"
        } else {
            "available"
        };
        tail.push(Step::new(so_far + taken, status, true).effect("backed-up"));
    }
    if storage {
        let taken = world.sample(
            Pert(600.0, 3_600.0, 21_600.0),
            resource,
            "storage-optimization",
        );
        let before = if tail.is_empty() { so_far } else { 0 };
        tail.push(Step::new(before + taken, "available", true));
    }
    lifecycle::follow_as(world, account, region, &instance.id, &id, &tail);
}

/// Pending values become the instance's own.
pub fn take_effect(world: &mut World, account: &str, region: &str, id: &str, wanted: &Value) {
    let now = world.now();
    let text = "Finished applying modification to DB instance";
    events::tell(
        world,
        account,
        region,
        ("db-instance", id),
        "configuration change",
        text,
    );
    let Some(engine) = world
        .seen_place(account, region)
        .and_then(|place| place.rds.instances.get(id))
        .and_then(|instance| engines::engine(instance.engine()).ok())
    else {
        return;
    };
    let group = wanted["DBSubnetGroupName"].as_str().and_then(|name| {
        world
            .seen_place(account, region)
            .and_then(|place| place.rds.subnet_groups.get(name))
            .cloned()
    });
    world
        .place(account, region)
        .rds
        .instances
        .settle(id, |instance| {
            instance.facts.take_from(wanted, DEFERRED);
            for member in wanted
                .as_object()
                .into_iter()
                .flatten()
                .map(|(member, _)| member)
            {
                instance.pending.unset(member);
            }
            if wanted.get("StorageType").is_some() || wanted.get("AllocatedStorage").is_some() {
                for member in ["Iops", "StorageThroughput"] {
                    if wanted.get(member).is_none() && wanted.get("StorageType").is_some() {
                        instance.facts.unset(member);
                    }
                }
                fill_storage(&mut instance.facts);
            }
            if let Some(days) = wanted["BackupRetentionPeriod"].as_i64() {
                instance.facts.set("BackupRetentionPeriod", days);
                if days == 0 {
                    instance.backups_since = None;
                }
            }
            if let (Some(port), Some(endpoint)) = (wanted["Port"].as_i64(), &mut instance.endpoint)
            {
                endpoint.port = port as u16;
            }
            if let Some(group) = &group {
                instance.subnet_group.clone_from(&group.name);
                instance.vpc.clone_from(&group.vpc);
            }
        });
    multi_az(world, account, region, id, wanted["MultiAZ"].as_bool());
    if let Some(version) = wanted["EngineVersion"].as_str() {
        upgraded(world, account, region, id, engine, version);
    }
    if wanted["BackupRetentionPeriod"] == 0 {
        super::backup::forget(world, account, region, id);
    }
    if let Some(new) = wanted["DBInstanceIdentifier"].as_str() {
        rename(world, account, region, id, new, now);
    }
}

/// A standby in another zone, or none any more.
fn multi_az(world: &mut World, account: &str, region: &str, id: &str, multi: Option<bool>) {
    let Some(multi) = multi else { return };
    let state = &mut world.place(account, region).rds;
    let Some(instance) = state.instances.get(id) else {
        return;
    };
    let zone = instance.facts.str("AvailabilityZone").to_owned();
    let zones = state
        .subnet_groups
        .get(&instance.subnet_group)
        .map(|group| group.zones())
        .unwrap_or_default();
    let standby = zones.into_iter().find(|other| *other != zone);
    state
        .instances
        .settle(id, |instance| match standby.filter(|_| multi) {
            Some(standby) => instance.facts.set("SecondaryAvailabilityZone", standby),
            None => instance.facts.unset("SecondaryAvailabilityZone"),
        });
}

fn upgraded(
    world: &mut World,
    account: &str,
    region: &str,
    id: &str,
    engine: &engines::Engine,
    version: &str,
) {
    let family = engine.family(version);
    let state = &mut world.place(account, region).rds;
    let Some(instance) = state.instances.get(id) else {
        return;
    };
    let key = instance.contents.clone();
    let fits = state
        .parameter_groups
        .get(&instance.parameter_group)
        .is_some_and(|group| group.family == family);
    let default = format!("default.{family}");
    state.instances.settle(id, |instance| {
        if !fits {
            instance.parameter_group = default;
            instance.parameters.clear();
        }
        if engine.option_group(version) != instance.option_group
            && instance.option_group.starts_with("default:")
        {
            instance.option_group = engine.option_group(version);
        }
    });
    if let Some(Content::Own(database)) = state.contents.get_mut(&key) {
        version.clone_into(&mut Arc::make_mut(database).version);
    }
}

/// Another identifier, and with it another ARN and another endpoint. Resource id and contents stay.
fn rename(world: &mut World, account: &str, region: &str, id: &str, new: &str, now: u64) {
    let published = !neighbours::publishing_is_dark(world);
    let host = names::host(world, account, region, new);
    let state = &mut world.place(account, region).rds;
    if state.instances.contains(new) {
        return;
    }
    let Some(instance) = state.instances.remove(id, now) else {
        return;
    };
    let mut instance = (*instance).clone();
    let old_arn = std::mem::replace(
        &mut instance.arn,
        format!("arn:aws:rds:{region}:{account}:db:{new}"),
    );
    new.clone_into(&mut instance.id);
    if let Some(endpoint) = &mut instance.endpoint {
        endpoint.host = host;
        endpoint.published = published;
    }
    state.instances.put(new, instance, now);
    super::replica::renamed(world, account, region, (id, &old_arn), new);
    lifecycle::keep_house(world, account, region, new);
}
