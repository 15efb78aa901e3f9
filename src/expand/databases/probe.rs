//! What asks a database where nobody else can reach it: the task, its group, the rule by which it is let in.

use super::user;
use crate::capture::network::Peer;
use crate::capture::{self, compute};
use crate::composed::Composed;
use crate::expand::Expansion;
use crate::manifest::{Database, Located};
use crate::steps;
use drtool_engine::step::{Effect, Value};

/// A probe of a database in `place`: everything but its groups and, in the target, its host.
pub(in crate::expand) fn task(
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
        settled: Default::default(),
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
pub(in crate::expand) fn open(
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
    e.made.insert(
        format!("{}#sourceProbeGroup", source.arn),
        Value::later(group.clone(), "groupId"),
    );
    (Value::later(group, "groupId"), step)
}

/// The probes of a database in both regions, their groups and the rules by which they were let in: removed at the end of a move.
pub(in crate::expand) fn remove_probes(e: &mut Expansion<'_>, index: usize) {
    let Some((database, source)) = super::captured(e, index) else {
        return;
    };
    let (from, to) = (e.capture.region.clone(), e.asked.to.to_string());
    let name = database.name.value.clone();
    let first = source
        .security_group_ids
        .first()
        .cloned()
        .unwrap_or_default();
    for (place, word, roles, group) in [
        (
            from,
            "source",
            vec![format!("probe {name}"), format!("application probe {name}")],
            "sourceProbeGroup",
        ),
        (
            to,
            "target",
            vec![format!("target probe {name}")],
            "probeGroup",
        ),
    ] {
        let mut gone = vec![];
        for (number, role) in roles.iter().enumerate() {
            let Some(step) = e.roles.get(role).cloned() else {
                continue;
            };
            let Some(probe) = e.steps.iter().find(|s| s.id == step).and_then(|s| {
                serde_json::from_value::<steps::probe_task::ProbeTask>(s.params.clone()).ok()
            }) else {
                continue;
            };
            let suffix = if number == 0 {
                String::new()
            } else {
                format!("-{}", number + 1)
            };
            gone.push(e.step(
                &format!("{word}-task{suffix}"),
                steps::probe_removal::KIND,
                &place,
                Effect::Changes,
                format!("probe {} is stopped and deregistered", probe.name),
                &steps::probe_removal::ProbeRemoval {
                    family: probe.name,
                    cluster: probe.cluster,
                    task: Value::later(step, "taskArn"),
                },
            ));
        }
        let made = e.made.get(&format!("{}#{group}", source.arn)).cloned();
        let Some(Value::Later(made, field)) = made else {
            continue;
        };
        let database_group = if word == "source" {
            Value::Known(first.clone())
        } else {
            e.of(&first, "the security group")
        };
        let rule = e.step(
            &format!("{word}-rule"),
            steps::security_group_rules_removal::KIND,
            &place,
            Effect::Changes,
            format!(
                "the {word}'s database lets the probe in no more (port {})",
                source.settings.port
            ),
            &steps::security_group_rules_removal::SecurityGroupRulesRemoval {
                group: database_group,
                rules: vec![probe_rule(source, made.clone())],
            },
        );
        for task in &gone {
            e.need(task.clone());
        }
        e.step(
            &format!("{word}-group"),
            steps::security_group_removal::KIND,
            &place,
            Effect::Changes,
            "the probe's security group is deleted",
            &steps::security_group_removal::SecurityGroupRemoval {
                group: Value::Later(made, field),
            },
        );
        e.need(rule);
    }
}

/// The probe's own security group.
pub(in crate::expand) fn probe_group(
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
pub(in crate::expand) fn probe_rule(
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
pub(in crate::expand) fn open_rules(
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
