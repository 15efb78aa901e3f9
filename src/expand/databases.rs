//! A database's way to the target: settings groups, a first copy beside the running source, the last copy, the restore, its proof.

use drtool_engine::plan::{Lane, Milestone, Proof};
use drtool_engine::step::{Effect, Value};

use super::{Expansion, Rehearsal, questions, shown, times};
use crate::capture::network::Peer;
use crate::capture::{self, compute};
use crate::composed::Composed;
use crate::manifest::{Database, Located};
use crate::steps;

/// The captured instance of a database of the manifest, or a refusal.
pub(super) fn captured<'a>(
    e: &mut Expansion<'a>,
    index: usize,
) -> Option<(&'a Located<Database>, &'a capture::Database)> {
    let database: &Located<Database> = &e.manifest.databases[index];
    match e.capture.database(database.instance.as_str()) {
        Some(found) => Some((database, found)),
        None => {
            let message = format!("the source has no RDS instance {}", database.instance.value);
            let found = crate::failure::Failure::input("E1103", message).at(
                e.sources,
                database.instance.at,
                "listed here",
            );
            if !e.found.iter().any(|f| f.to_string() == found.to_string()) {
                e.found
                    .push(found.hint("compare with the capture; `drtool capture` refreshes it"));
            }
            None
        }
    }
}

/// The settings that a restore takes from nowhere: they are set after the cut, since an instance that backs up takes none.
const DEFERRED: &[&str] = &[
    "maintenanceWindow",
    "maxAllocatedStorageGib",
    "performanceInsights",
    "performanceInsightsRetentionDays",
    "monitoringInterval",
    "monitoringRoleArn",
];

pub(super) fn settings(e: &mut Expansion<'_>, index: usize) {
    let Some((database, source)) = captured(e, index) else {
        return;
    };
    let to = e.asked.to.to_string();
    let subnets = e.all_of(&source.subnet_group.subnet_ids, "the subnet");
    let name = e.name(&source.subnet_group.name, 255);
    let step = e.step(
        "subnet-group",
        steps::db_subnet_group::KIND,
        &to,
        Effect::Adds,
        format!("DB subnet group {name}"),
        &steps::db_subnet_group::DbSubnetGroup {
            name,
            description: source.subnet_group.description.clone(),
            subnets,
            tags: source.tags.clone(),
        },
    );
    e.made.insert(
        format!("{}#subnetGroup", source.arn),
        Value::later(step, "name"),
    );

    let mut group = e
        .capture
        .parameter_groups
        .iter()
        .find(|g| g.name == source.settings.parameter_group)
        .cloned();
    if let Some(group) = &mut group {
        for (name, value) in &database.parameters {
            let from = group
                .parameters
                .get(name)
                .map_or_else(|| "AWS's default".to_owned(), |p| p.value.clone());
            e.rewriter.note(
                &format!("parameter {name} of {}", database.name.value),
                &from,
                &Composed::known(value.clone()),
                "the manifest",
            );
            let needs_restart = group.parameters.get(name).is_some_and(|p| p.needs_restart);
            group.parameters.insert(
                name.clone(),
                capture::database::ParameterValue {
                    value: value.clone(),
                    needs_restart,
                },
            );
        }
    }
    match group {
        Some(group) if group.is_default() && database.parameters.is_empty() => {
            e.made.insert(
                format!("{}#parameterGroup", source.arn),
                Value::Known(group.name),
            );
        }
        Some(group) => {
            let own = if group.is_default() {
                format!("{}-{}", e.manifest.name.value, group.family)
            } else {
                group.name.clone()
            };
            let name = e.name(&own, 255);
            let words: Vec<String> = group
                .parameters
                .iter()
                .map(|(name, p)| format!("{name}={}", p.value))
                .collect();
            let title = format!("DB parameter group {name} ({})", words.join(", "));
            let step = e.step(
                "parameter-group",
                steps::db_parameter_group::KIND,
                &to,
                Effect::Adds,
                title,
                &steps::db_parameter_group::DbParameterGroup {
                    name,
                    family: group.family,
                    description: group.description,
                    parameters: group.parameters,
                    tags: group.tags,
                },
            );
            e.made.insert(
                format!("{}#parameterGroup", source.arn),
                Value::later(step, "name"),
            );
        }
        None => e.fault(
            "E1103",
            database.at,
            format!(
                "the capture lacks parameter group {}",
                source.settings.parameter_group
            ),
            "this database",
            "`drtool capture` refreshes it",
        ),
    }

    match e
        .capture
        .option_groups
        .iter()
        .find(|g| g.name == source.settings.option_group)
    {
        Some(group) if !group.is_default() => {
            let name = e.name(&group.name, 255);
            let mut options = group.options.clone();
            for option in &mut options {
                // An option's own groups are named in the instance's network; RDS takes those of the instance where none are given.
                option.security_group_ids.clear();
            }
            let words: Vec<&str> = options.iter().map(|o| o.name.as_str()).collect();
            let title = format!("DB option group {name} ({})", words.join(", "));
            let step = e.step(
                "option-group",
                steps::db_option_group::KIND,
                &to,
                Effect::Adds,
                title,
                &steps::db_option_group::DbOptionGroup {
                    name,
                    engine: group.engine.clone(),
                    major_version: group.major_version.clone(),
                    description: group.description.clone(),
                    options,
                    tags: group.tags.clone(),
                },
            );
            e.made.insert(
                format!("{}#optionGroup", source.arn),
                Value::later(step, "name"),
            );
        }
        // AWS's own, `default:postgres-15`, stands in every region.
        _ => {
            e.made.insert(
                format!("{}#optionGroup", source.arn),
                Value::Known(source.settings.option_group.clone()),
            );
        }
    }
}

/// A snapshot and its copy: the first time nearly the whole database, later only what changed since.
fn copy(
    e: &mut Expansion<'_>,
    source: &capture::Database,
    word: &str,
    first: bool,
) -> drtool_engine::StepId {
    let to = e.asked.to.to_string();
    let from = e.capture.region.clone();
    let gib = source.settings.allocated_storage_gib;
    let name = e.of_run(&format!("{}-{word}", source.identifier), 200);
    let kind = if first { "whole" } else { "the difference" };
    let taken = e.step(
        &format!("{word}-snapshot"),
        steps::db_snapshot::KIND,
        &from,
        Effect::Adds,
        format!("snapshot {name} of {}", source.identifier),
        &steps::db_snapshot::DbSnapshot {
            instance: source.identifier.clone(),
            snapshot: name.clone(),
            tags: Default::default(),
        },
    );
    e.expect(times::snapshot(gib, first));
    let key = e.key(&source.kms_key);
    let own_options = !source.settings.option_group.starts_with("default:");
    let option_group =
        own_options.then(|| e.of(&format!("{}#optionGroup", source.arn), "the option group"));
    let title = format!("copy of snapshot {name} to {to} ({gib} GiB, {kind})");
    let copied = e.step(
        &format!("{word}-copy"),
        steps::db_snapshot_copy::KIND,
        &to,
        Effect::Adds,
        title,
        &steps::db_snapshot_copy::DbSnapshotCopy {
            source: Value::later(taken.clone(), "arn"),
            source_region: from,
            snapshot: name,
            kms_key: key,
            option_group,
            tags: Default::default(),
        },
    );
    e.expect(times::snapshot_copy(gib, first));
    // AWS lets so many copies into one region at a time; the twenty-first would be refused, not queued.
    e.last().lane = Some(Lane {
        name: format!("rds-snapshot-copies-{to}"),
        width: 20,
    });
    e.quota("manual DB snapshots", 1, 100);
    e.role(format!("{word} snapshot {}", source.identifier), &taken);
    copied
}

pub(super) fn seed(e: &mut Expansion<'_>, index: usize) {
    // A rehearsal restores from one snapshot: a second copy would show nothing and cost an hour.
    if e.asked.profile == Rehearsal::Drill {
        return;
    }
    let Some((_, source)) = captured(e, index) else {
        return;
    };
    copy(e, source, "seed", true);
}

/// The last snapshot, its difference, the restore with every setting named.
pub(super) fn restore(e: &mut Expansion<'_>, index: usize) {
    let Some((database, source)) = captured(e, index) else {
        return;
    };
    let to = e.asked.to.to_string();
    let copied = copy(e, source, "final", e.asked.profile == Rehearsal::Drill);
    // The first step of the line is the snapshot: up to here data is kept.
    if let Some(taken) = e
        .roles
        .get(&format!("final snapshot {}", source.identifier))
        .cloned()
        && let Some(step) = e.steps.iter_mut().find(|s| s.id == taken)
    {
        step.milestone = Some(Milestone::RecoveryPoint);
    }
    let subnet_group = e.of(
        &format!("{}#subnetGroup", source.arn),
        "the subnet group of",
    );
    let parameter_group = e.of(
        &format!("{}#parameterGroup", source.arn),
        "the parameter group of",
    );
    let option_group = e.of(
        &format!("{}#optionGroup", source.arn),
        "the option group of",
    );
    let security_groups = e.all_of(&source.security_group_ids, "the security group");
    let identifier = e.of_run(&source.identifier, 63);
    let settings = source.settings.clone();
    let params = steps::db_instance::DbInstance {
        identifier: identifier.clone(),
        snapshot: Value::later(copied, "identifier"),
        subnet_group,
        security_groups,
        parameter_group,
        option_group,
        settings: settings.clone(),
        tags: source.tags.clone(),
    };
    let words = format!(
        "{} {}, {}, {} GiB {}{}",
        settings.engine,
        settings.engine_version,
        settings.class,
        settings.allocated_storage_gib,
        settings.storage_type,
        if settings.multi_az { ", Multi-AZ" } else { "" }
    );
    let step = e.step(
        "restore",
        steps::db_instance::KIND,
        &to,
        Effect::Adds,
        format!("database {identifier} ({words})"),
        &params,
    );
    e.last().alternatives = database
        .class_alternatives
        .iter()
        .map(|class| {
            let mut other = params.clone();
            other.settings.class = class.value.clone();
            serde_json::to_value(&other).unwrap_or_default()
        })
        .collect();
    e.becomes(
        &format!("database {}#endpoint", database.name.value),
        &step,
        "endpoint",
        "",
    );
    e.becomes(&source.endpoint, &step, "endpoint", "the restored database");
    e.rewriter.becomes(
        &source.arn,
        source
            .arn
            .replacen(&e.capture.region, &to, 1)
            .replace(&source.identifier, &identifier),
        "the restored database",
    );
    e.role(format!("restore {}", database.name.value), &step);
    e.quota("DB instances", 1, 40);
    e.quota("DB storage, GiB", settings.allocated_storage_gib, 100_000);
}

/// The restored database, compared with the source: every setting, every row count, and that it takes a write.
pub(super) fn verify(e: &mut Expansion<'_>, index: usize) {
    let Some((database, source)) = captured(e, index) else {
        return;
    };
    let to = e.asked.to.to_string();
    let name = &database.name.value;
    let Some(restored) = e.roles.get(&format!("restore {name}")).cloned() else {
        return;
    };
    let key = e.key(&source.kms_key);
    let group = e
        .capture
        .parameter_groups
        .iter()
        .find(|g| g.name == source.settings.parameter_group);
    let mut parameters: std::collections::BTreeMap<String, String> = group
        .map(|g| {
            g.parameters
                .iter()
                .map(|(n, p)| (n.clone(), p.value.clone()))
                .collect()
        })
        .unwrap_or_default();
    parameters.extend(database.parameters.clone());
    // Groups have the target's names, which in a drill are the run's own; what is in them is compared by itself.
    let mut settings = source.settings.clone();
    match group.filter(|g| g.is_default()) {
        // A default group cannot be changed: parameters of the manifest's make one of its own.
        Some(group) if !database.parameters.is_empty() => {
            let own = format!("{}-{}", e.manifest.name.value, group.family);
            settings.parameter_group = e.name(&own, 255);
        }
        Some(_) => {}
        None => settings.parameter_group = e.name(&settings.parameter_group, 255),
    }
    if !settings.option_group.starts_with("default:") {
        settings.option_group = e.name(&settings.option_group, 255);
    }
    e.step(
        "settings",
        steps::settings_diff::KIND,
        &to,
        Effect::Reads,
        format!("settings of {} are the source's", shown(name)),
        &steps::settings_diff::SettingsDiff {
            instance: Value::later(restored.clone(), "identifier"),
            settings,
            kms_key: key,
            parameters,
            class_alternatives: database
                .class_alternatives
                .iter()
                .map(|c| c.value.clone())
                .collect(),
            accepted: database
                .accept_difference
                .iter()
                .map(|a| a.setting.clone())
                .collect(),
            deferred: DEFERRED.iter().map(|s| (*s).to_owned()).collect(),
        },
    );
    e.last().proof = Some(Proof::Data);

    let mut asked = questions::of_target(&source.settings.engine);
    let mut own: Vec<(String, Option<String>)> = vec![];
    for (number, check) in e.manifest.checks.iter().enumerate() {
        if let Some(sql) = &check.sql
            && sql.database.value == *name
        {
            let question = format!("check-{}", number + 1);
            asked.insert(
                question.clone(),
                sql.query.trim().trim_end_matches(';').to_owned(),
            );
            own.push((question, sql.expect.clone()));
        }
    }
    let Some(task) = task(e, database, source, &to, "target", asked) else {
        return;
    };
    let groups = vec![e.of(
        &format!("{}#probeGroup", source.arn),
        "the probe's security group beside",
    )];
    let probe = e.step(
        "probe",
        steps::probe_task::KIND,
        &to,
        Effect::Adds,
        format!("a probe beside {}, in {to}", shown(name)),
        &steps::probe_task::ProbeTask {
            security_groups: groups,
            host: Composed::later(restored, "endpoint"),
            ..task
        },
    );
    let asks = |question: &str, expect: Option<Value<String>>, log_group: String| {
        steps::sql_check::SqlCheck {
            probe: Value::later(probe.clone(), "taskArn"),
            log_group,
            log_stream: Value::later(probe.clone(), "logStream"),
            question: question.to_owned(),
            expect,
        }
    };
    let log_group = task_log_group(e, database)
        .map(|group| e.name(&group, 512))
        .unwrap_or_default();
    e.step(
        "alive",
        steps::sql_check::KIND,
        &to,
        Effect::Reads,
        format!("{} answers", shown(name)),
        &asks(
            questions::ALIVE,
            Some(Value::Known("1".into())),
            log_group.clone(),
        ),
    );
    e.last().proof = Some(Proof::Data);
    if let Some(watermark) = e.roles.get(&format!("watermark {name}")).cloned() {
        let mark = Value::later(watermark, "content");
        e.step(
            "nothing-lost",
            steps::sql_check::KIND,
            &to,
            Effect::Reads,
            format!("every row that {} had at the fence is there", shown(name)),
            &asks(questions::CONTENT, Some(mark), log_group.clone()),
        );
        e.last().proof = Some(Proof::Data);
        // Without a fence there is no last write to compare with.
        e.hold_in_drill(serde_json::json!({ "answer": "not compared: a drill sets no fence" }));
    }
    e.step(
        "writable",
        steps::sql_check::KIND,
        &to,
        Effect::Reads,
        format!("{} takes a write", shown(name)),
        &asks(questions::WRITE, None, log_group.clone()),
    );
    e.last().proof = Some(Proof::Data);
    for (question, expect) in own {
        let title = format!(
            "{}: {}",
            shown(name),
            e.manifest
                .checks
                .get(
                    question
                        .trim_start_matches("check-")
                        .parse::<usize>()
                        .unwrap_or(1)
                        - 1
                )
                .and_then(|c| c.sql.as_ref())
                .map_or("", |s| s.query.value.as_str())
        );
        e.step(
            &question,
            steps::sql_check::KIND,
            &to,
            Effect::Reads,
            title,
            &asks(&question, expect.map(Value::Known), log_group.clone()),
        );
        e.last().proof = Some(Proof::Data);
    }
}

/// What a restore does not take, set once users are served.
pub(super) fn finish(e: &mut Expansion<'_>, index: usize) {
    let Some((database, source)) = captured(e, index) else {
        return;
    };
    let to = e.asked.to.to_string();
    let Some(restored) = e
        .roles
        .get(&format!("restore {}", database.name.value))
        .cloned()
    else {
        return;
    };
    let s = &source.settings;
    let key = e.key(&source.kms_key).filter(|_| s.performance_insights);
    let title = format!(
        "{}: maintenance window, monitoring and what else a restore does not take",
        shown(&database.name.value)
    );
    e.step(
        "settings",
        steps::db_instance_settings::KIND,
        &to,
        Effect::Adds,
        title,
        &steps::db_instance_settings::DbInstanceSettings {
            instance: Value::later(restored, "identifier"),
            backup_retention_days: s.backup_retention_days,
            backup_window: s.backup_window.clone(),
            maintenance_window: s.maintenance_window.clone(),
            ca_certificate: s.ca_certificate.clone(),
            max_allocated_storage_gib: s.max_allocated_storage_gib,
            performance_insights: s.performance_insights,
            performance_insights_retention_days: s.performance_insights_retention_days,
            performance_insights_kms_key: key,
            monitoring_interval: s.monitoring_interval,
            monitoring_role_arn: s.monitoring_role_arn.clone(),
        },
    );
}

/// The service whose tasks use a database, and the container definition that names it.
pub(super) fn user<'a>(
    e: &Expansion<'a>,
    source: &capture::Database,
) -> Option<(&'a compute::Service, &'a compute::TaskDefinition)> {
    let services = e
        .manifest
        .services
        .iter()
        .filter_map(|s| e.captured_service(s.name.as_str()));
    let with: Vec<_> = services
        .filter_map(|s| {
            e.capture
                .task_definition(&s.task_definition)
                .map(|t| (s, t))
        })
        .collect();
    let names = |t: &&compute::TaskDefinition| {
        serde_json::to_string(&t.container_definitions)
            .is_ok_and(|text| text.contains(&source.endpoint))
    };
    with.iter()
        .find(|(_, t)| names(t))
        .or_else(|| with.first())
        .copied()
}

/// The log group of the tasks that use a database, in the source.
pub(super) fn task_log_group(e: &Expansion<'_>, database: &Located<Database>) -> Option<String> {
    let source = e.capture.database(database.instance.as_str())?;
    let (_, definition) = user(e, source)?;
    let group = definition.container_definitions.iter().find_map(|c| {
        c.pointer("/logConfiguration/options/awslogs-group")
            .and_then(|g| g.as_str())
    })?;
    Some(group.to_owned())
}

/// A probe of a database in `place`: everything but its groups and, in the target, its host.
pub(super) fn task(
    e: &mut Expansion<'_>,
    database: &Located<Database>,
    source: &capture::Database,
    place: &str,
    word: &str,
    questions: std::collections::BTreeMap<String, String>,
) -> Option<steps::probe_task::ProbeTask> {
    let in_source = place == e.capture.region;
    let probe = e.manifest.probe.as_ref()?;
    let Some((service, definition)) = user(e, source) else {
        e.fault("E1118", database.at, "no service of the manifest uses this database: a probe has no cluster, subnets and role to run with", "this database", "list the service that uses it");
        return None;
    };
    if source.settings.engine != "postgres" {
        e.fault(
            "E1118",
            database.at,
            format!(
                "{} cannot be asked for exact row counts by this version",
                source.settings.engine
            ),
            "this database",
            "",
        );
        return None;
    }
    let Some(role) = &definition.execution_role_arn else {
        e.fault(
            "E1118",
            database.at,
            format!(
                "task definition {} has no execution role that may read the password",
                definition.family
            ),
            "this database",
            "",
        );
        return None;
    };
    let Some(password) = password(e, database, definition) else {
        let hint = "name it: `databases: [ { name: …, secret: … } ]`; its JSON member `password` is read by ECS, never by drtool";
        e.fault(
            "E1118",
            database.at,
            "no secret with the database's password was found in the task definition",
            "this database",
            hint,
        );
        return None;
    };
    let log_group = definition.container_definitions.iter().find_map(|c| {
        c.pointer("/logConfiguration/options/awslogs-group")
            .and_then(|g| g.as_str())
    });
    let Some(log_group) = log_group else {
        e.fault(
            "E1118",
            database.at,
            format!(
                "the tasks of {} write no log in which a probe could answer",
                service.name
            ),
            "this database",
            "use the awslogs driver",
        );
        return None;
    };
    let (cluster, subnets, password, log_group) = if in_source {
        (
            Value::Known(service.cluster.clone()),
            service.subnets.iter().cloned().map(Value::Known).collect(),
            Composed::known(password),
            log_group.to_owned(),
        )
    } else {
        let cluster = e.of(&format!("cluster {}", service.cluster), "the cluster");
        let subnets = e.all_of(&service.subnets, "the subnet");
        let log_group = e.name(log_group, 512);
        (
            cluster,
            subnets,
            e.rewriter.text(
                &format!("probe of {} in the target: password", database.name.value),
                &password,
            ),
            log_group,
        )
    };
    Some(steps::probe_task::ProbeTask {
        name: e.of_run(&format!("drtool-{}-{word}", database.name.value), 200),
        cluster,
        image: probe.image.value.clone(),
        execution_role_arn: role.clone(),
        subnets,
        security_groups: vec![],
        assign_public_ip: service.assign_public_ip,
        log_group,
        engine: source.settings.engine.clone(),
        host: Composed::known(source.endpoint.clone()),
        port: source.settings.port,
        database: source
            .settings
            .database_name
            .clone()
            .unwrap_or_else(|| "postgres".to_owned()),
        username: source.settings.master_username.clone(),
        password,
        questions,
    })
}

/// `valueFrom` of the password: what the application's own container is given, or the manifest's secret.
fn password(
    e: &Expansion<'_>,
    database: &Located<Database>,
    definition: &compute::TaskDefinition,
) -> Option<String> {
    if let Some(name) = &database.secret {
        return e
            .capture
            .secret(name.as_str())
            .map(|s| format!("{}:password::", s.arn));
    }
    let secrets = definition
        .container_definitions
        .iter()
        .filter_map(|c| c.get("secrets").and_then(|s| s.as_array()))
        .flatten();
    let named = |s: &&serde_json::Value| {
        s.get("name")
            .and_then(|n| n.as_str())
            .is_some_and(|n| n.to_uppercase().contains("PASS"))
    };
    let all: Vec<&serde_json::Value> = secrets.filter(named).collect();
    // Two passwords and no word which: the manifest must say.
    if all.len() != 1 {
        return None;
    }
    all[0]
        .get("valueFrom")
        .and_then(|v| v.as_str())
        .map(str::to_owned)
}

/// A group for the probe beside the source's database, and the rule by which the database lets it in.
pub(super) fn open(
    e: &mut Expansion<'_>,
    source: &capture::Database,
) -> (Value<String>, drtool_engine::StepId) {
    let from = e.capture.region.clone();
    let group = probe_group(
        e,
        source,
        &from,
        Value::Known(e.capture.network.vpc_id.clone()),
    );
    let first = source
        .security_group_ids
        .first()
        .cloned()
        .unwrap_or_default();
    let title = format!(
        "the source's database lets the probe in (group {first}, port {})",
        source.settings.port
    );
    let step = e.step(
        "probe-rule",
        steps::security_group_rules::KIND,
        &from,
        Effect::Changes,
        title,
        &steps::security_group_rules::SecurityGroupRules {
            group: Value::Known(first),
            rules: vec![probe_rule(source, group.clone())],
            exactly: false,
        },
    );
    (Value::later(group, "groupId"), step)
}

/// The probe's own security group.
pub(super) fn probe_group(
    e: &mut Expansion<'_>,
    source: &capture::Database,
    place: &str,
    vpc: Value<String>,
) -> drtool_engine::StepId {
    let name = e.of_run(&format!("drtool-probe-{}", source.identifier), 200);
    let title = format!("security group {name}, for the probe");
    e.step(
        &format!("group-probe-{}", source.identifier),
        steps::security_group::KIND,
        place,
        Effect::Adds,
        title,
        &steps::security_group::SecurityGroup {
            name,
            description: "drtool: the probe that asks the database".to_owned(),
            vpc,
            tags: Default::default(),
        },
    )
}

/// The rule by which a database lets the probe in.
pub(super) fn probe_rule(
    source: &capture::Database,
    group: drtool_engine::StepId,
) -> steps::security_group_rules::Rule {
    steps::security_group_rules::Rule {
        direction: steps::security_group_rules::Direction::Ingress,
        protocol: "tcp".to_owned(),
        from_port: Some(i32::from(source.settings.port)),
        to_port: Some(i32::from(source.settings.port)),
        peer: steps::security_group_rules::Peer::Group(Value::later(group, "groupId")),
        description: Some("drtool: the probe".to_owned()),
    }
}

/// The rules of a database's groups that let anybody in on its port.
pub(super) fn open_rules(
    source: &capture::Database,
    group: &capture::network::SecurityGroup,
) -> Vec<capture::network::Rule> {
    let port = i32::from(source.settings.port);
    group
        .ingress
        .iter()
        .filter(|rule| {
            rule.protocol == "-1"
                || rule.from_port.is_none_or(|from| from <= port)
                    && rule.to_port.is_none_or(|to| to >= port)
        })
        .filter(|rule| {
            !matches!(&rule.peer, Peer::PrefixList(_))
                || rule.protocol == "-1"
                || rule.from_port == Some(port)
        })
        .cloned()
        .collect()
}
