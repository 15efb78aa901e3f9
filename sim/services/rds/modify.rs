//! ModifyDBInstance: what changes at once, what waits for the window, and what it costs.

use super::check::{check_password, check_values};
use super::effect::{DEFERRABLE, begin};
use super::engines;
use super::facts::Facts;
use super::instance::Instance;
use super::lifecycle::{self};
use super::neighbours;
use super::option_group;
use super::parameters::{self, Kind};
use super::refusal::{check_identifier, combination, instance_state, refuse, value};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::world::{Cx, Input, Output};
use serde_json::{Value, json};

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
pub(super) const DEFERRED: &[&str] = &[
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
    let storage = [
        "AllocatedStorage",
        "StorageType",
        "Iops",
        "StorageThroughput",
    ]
    .iter()
    .any(|m| wanted.has(m));
    if storage && instance.status == "storage-optimization" {
        return Err(combination(
            "You can't currently modify the storage of this DB instance because the previous storage change is being \
             optimized.",
        ));
    }
    let public = input
        .bool("PubliclyAccessible")
        .filter(|public| *public != instance.facts.bool("PubliclyAccessible"));
    if public == Some(true) {
        neighbours::can_be_public(cx, &instance.vpc)?;
    }
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
    if let Some(public) = public {
        // Another interface: the private address changes too, the name stays.
        cx.place().rds.instances.change(&id, now, |instance| {
            instance.facts.set("PubliclyAccessible", public)
        });
        let changed = cx
            .place()
            .rds
            .instances
            .get(&id)
            .cloned()
            .unwrap_or_default();
        let zone = changed.facts.str("AvailabilityZone").to_owned();
        lifecycle::move_to(cx.world, &account, &region, &changed, &zone);
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
                super::secret::remove(cx.world, &gone);
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
