//! Clusters and services: task definitions rewritten for the target, tasks started, scaling put behind them.

use drtool_engine::step::{Effect, Value};
use serde_json::Value as Json;

use super::{Expansion, times};
use crate::capture::compute;
use crate::composed::Late;
use crate::manifest::{Located, Service, Text};
use crate::steps;

pub(super) fn clusters(e: &mut Expansion<'_>, _: usize) {
    let to = e.asked.to.to_string();
    let mut names: Vec<&str> = e
        .manifest
        .services
        .iter()
        .map(|s| s.service.split().0)
        .collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let Some(cluster) = e.capture.clusters.iter().find(|c| c.name == name) else {
            e.fault(
                "E1103",
                e.manifest.name.at,
                format!("the source has no cluster {name}"),
                "this stack",
                "compare with the capture; `drtool capture` refreshes it",
            );
            continue;
        };
        let named = e.name(&cluster.name, 255);
        let step = e.step(
            name,
            steps::cluster::KIND,
            &to,
            Effect::Adds,
            format!("cluster {named}"),
            &steps::cluster::Cluster {
                name: named,
                container_insights: cluster.container_insights.clone(),
                capacity_providers: cluster.capacity_providers.clone(),
                tags: cluster.tags.clone(),
            },
        );
        e.becomes(&cluster.arn, &step, "arn", "the target's cluster");
        e.made
            .insert(format!("cluster {name}"), Value::later(step, "name"));
    }
}

/// One service: its task definition, itself, its health, its scaling.
pub(super) fn service(e: &mut Expansion<'_>, index: usize) {
    let wanted: &Located<Service> = &e.manifest.services[index];
    let to = e.asked.to.to_string();
    let Some(source) = e.captured_service(wanted.name.as_str()) else {
        e.fault(
            "E1103",
            wanted.service.at,
            format!("the source has no service {}", wanted.service.value),
            "listed here",
            "compare with the capture; `drtool capture` refreshes it",
        );
        return;
    };
    let Some(definition) = e.capture.task_definition(&source.task_definition) else {
        e.fault(
            "E1103",
            wanted.service.at,
            format!(
                "the capture lacks task definition {}",
                source.task_definition
            ),
            "this service",
            "`drtool capture` refreshes it",
        );
        return;
    };
    for registry in &source.service_registries {
        let what = format!("service-discovery/{registry}");
        if !e
            .manifest
            .leave_behind
            .iter()
            .any(|l| l.what.as_str() == what)
        {
            e.fault(
                "E1111",
                wanted.at,
                format!(
                    "the Cloud Map registry {registry} of {} would not move",
                    source.name
                ),
                "this service",
                format!("if it may stay: `leaveBehind: [ {{ what: {what}, why: … }} ]`"),
            );
        }
    }
    let registered = task_definition(e, wanted, definition, &to);

    let cluster = e.of(&format!("cluster {}", source.cluster), "the cluster");
    let subnets = e.all_of(&source.subnets, "the subnet");
    let security_groups = e.all_of(&source.security_groups, "the security group");
    let mut load_balancers = vec![];
    let mut listening = vec![];
    let mut health = 0;
    for attached in &source.load_balancers {
        load_balancers.push(steps::service::ServiceBalancer {
            target_group: e.of(&attached.target_group_arn, "the target group"),
            container_name: attached.container_name.clone(),
            container_port: attached.container_port,
        });
        if let Some(Value::Known(wait)) = e.made.get(&format!("{}#wait", attached.target_group_arn))
        {
            health = health.max(wait.parse::<u32>().unwrap_or_default());
        }
        // CreateService is refused while no listener forwards to the group.
        if let Some(balancer) = e.capture.balancer_of(&attached.target_group_arn) {
            for listener in balancer
                .listeners
                .iter()
                .filter(|l| l.forwards_to().contains(&attached.target_group_arn))
            {
                listening.extend(
                    e.roles
                        .get(&format!("listener {} {}", balancer.arn, listener.port))
                        .cloned(),
                );
            }
        }
    }
    let desired = wanted
        .desired_count
        .as_ref()
        .map_or(source.desired_count, |count| count.value);
    if desired != source.desired_count {
        let to = crate::composed::Composed::known(desired.to_string());
        e.rewriter.note(
            &format!("service {}: desired count", source.name),
            &source.desired_count.to_string(),
            &to,
            "the manifest",
        );
    }
    if source
        .capacity_providers
        .iter()
        .any(|p| p.name == "FARGATE_SPOT")
        && !source
            .capacity_providers
            .iter()
            .any(|p| p.name == "FARGATE")
    {
        e.lint(
            format!("service {} runs on FARGATE_SPOT alone", source.name),
            "its tasks may not start when many move at once",
            "in the source: add FARGATE with a base of one task",
        );
    }
    let grace = source.health_check_grace_period_seconds;
    if grace.unwrap_or(0) < 60 && !source.load_balancers.is_empty() {
        e.lint(
            format!("service {}: health check grace period {} s", source.name, grace.unwrap_or(0)),
            "slow first starts on a restored (cold) volume may be taken for failures, and the deployment given up",
            "in the source: set healthCheckGracePeriodSeconds to 120",
        );
    }
    let title = format!(
        "service {} of {} ({desired} tasks of {})",
        source.name, source.cluster, definition.family
    );
    let made = e.step(
        "service",
        steps::service::KIND,
        &to,
        Effect::Adds,
        title,
        &steps::service::Service {
            name: source.name.clone(),
            cluster: cluster.clone(),
            task_definition: Value::later(registered, "arn"),
            desired_count: desired,
            launch_type: source.launch_type.clone(),
            platform_version: source.platform_version.clone(),
            capacity_providers: source.capacity_providers.clone(),
            minimum_healthy_percent: source.minimum_healthy_percent,
            maximum_percent: source.maximum_percent,
            circuit_breaker: source.circuit_breaker,
            health_check_grace_period_seconds: grace,
            enable_execute_command: source.enable_execute_command,
            enable_ecs_managed_tags: source.enable_ecs_managed_tags,
            propagate_tags: source.propagate_tags.clone(),
            assign_public_ip: source.assign_public_ip,
            subnets,
            security_groups,
            load_balancers,
            tags: source.tags.clone(),
        },
    );
    e.expect(times::service(health));
    for step in listening {
        e.need(step);
    }
    e.role(format!("service {}", wanted.name.value), &made);
    let vcpu = definition.cpu.parse::<u32>().unwrap_or_default() * desired / 1024;
    e.quota("Fargate vCPU", vcpu.max(1), 6);

    for attached in &source.load_balancers {
        let group = e.of(&attached.target_group_arn, "the target group");
        let name = e
            .capture
            .target_group(&attached.target_group_arn)
            .map_or("targets", |g| g.name.as_str())
            .to_owned();
        e.step(
            &format!("health-{name}"),
            steps::target_health::KIND,
            &to,
            Effect::Reads,
            format!("{desired} healthy targets in {name}"),
            &steps::target_health::TargetHealth {
                target_group: group,
                healthy: desired,
            },
        );
        e.need(made.clone());
        e.last().proof = Some(drtool_engine::plan::Proof::Health);
    }

    // Registering a target moves the service into its limits at once, so the service stands first.
    let resource = format!("service/{}/{}", source.cluster, source.name);
    let named = format!("service/{}/{}", e.name(&source.cluster, 255), source.name);
    for target in e
        .capture
        .scalable_targets
        .iter()
        .filter(|t| t.resource_id == resource)
    {
        let registered = e.step(
            "scaling",
            steps::scalable_target::KIND,
            &to,
            Effect::Adds,
            format!(
                "scaling of {named} between {} and {}",
                target.min, target.max
            ),
            &steps::scalable_target::ScalableTarget {
                resource: named.clone(),
                dimension: target.dimension.clone(),
                min: target.min,
                max: target.max,
                suspended: target.suspended,
            },
        );
        e.need(made.clone());
        for policy in e
            .capture
            .scaling_policies
            .iter()
            .filter(|p| p.resource_id == resource && p.dimension == target.dimension)
        {
            let (configuration, late) = e.rewriter.json(
                &format!("scaling policy {}", policy.name),
                &policy.configuration,
            );
            if !late.is_empty() {
                e.fault("E1119", wanted.at, format!("scaling policy {} speaks of a resource that is made in the move (requests per target)", policy.name), "this service", "this version moves policies on CPU and memory");
            }
            e.step(
                &format!("policy-{}", policy.name),
                steps::scaling_policy::KIND,
                &to,
                Effect::Adds,
                format!("scaling policy {}", policy.name),
                &steps::scaling_policy::ScalingPolicy {
                    name: policy.name.clone(),
                    resource: named.clone(),
                    dimension: policy.dimension.clone(),
                    policy_type: policy.kind.clone(),
                    configuration,
                },
            );
            e.need(registered.clone());
        }
    }
}

/// A revision for the target: identifiers rewritten, the manifest's environment laid over it.
fn task_definition(
    e: &mut Expansion<'_>,
    wanted: &Service,
    definition: &compute::TaskDefinition,
    to: &str,
) -> drtool_engine::StepId {
    let mut containers = vec![];
    let mut late: Vec<Late> = vec![];
    let mut used: Vec<&String> = vec![];
    for (number, container) in definition.container_definitions.iter().enumerate() {
        let name = container
            .get("name")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned();
        let field = format!("{}/{name}", definition.family);
        let (mut rewritten, found) = e.rewriter.json(&field, container);
        late.extend(found.into_iter().map(|l| Late {
            pointer: format!("/{number}{}", l.pointer),
            text: l.text,
        }));
        let meant = wanted.container.as_ref().is_none_or(|c| c.as_str() == name);
        for (variable, text) in wanted.environment.iter().filter(|_| meant) {
            let existing = container
                .get("environment")
                .and_then(Json::as_array)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let position = existing
                .iter()
                .position(|v| v.get("name").and_then(Json::as_str) == Some(variable));
            // A variable that no container has is added to the named container, or to the only one.
            if position.is_none()
                && wanted.container.is_none()
                && definition.container_definitions.len() > 1
            {
                continue;
            }
            used.push(variable);
            overlay(
                e,
                &mut rewritten,
                &mut late,
                &field,
                number,
                variable,
                text,
                position,
            );
        }
        containers.push(rewritten);
    }
    for (variable, text) in wanted
        .environment
        .iter()
        .filter(|(variable, _)| !used.contains(variable))
    {
        let hint = "say which: `container: …`";
        e.fault(
            "E1120",
            text.at,
            format!(
                "no container of {} has the variable {variable}, and there are several",
                definition.family
            ),
            "overridden here",
            hint,
        );
    }
    names_database(e, wanted, definition, &late);
    let (volumes, late_volumes) = e.rewriter.json(
        &format!("{}: volumes", definition.family),
        &Json::Array(definition.volumes.clone()),
    );
    if !late_volumes.is_empty()
        || volumes
            .as_array()
            .is_some_and(|v| v.iter().any(|v| v.get("efsVolumeConfiguration").is_some()))
    {
        e.fault(
            "E1119",
            e.manifest.name.at,
            format!(
                "task definition {} mounts a file system, which this version does not move",
                definition.family
            ),
            "this stack",
            "",
        );
    }
    let title = format!(
        "task definition {} (rewritten, see the changes)",
        definition.family
    );
    e.step(
        "definition",
        steps::task_definition::KIND,
        to,
        Effect::Adds,
        title,
        &steps::task_definition::TaskDefinition {
            family: e.name(&definition.family, 255),
            cpu: definition.cpu.clone(),
            memory: definition.memory.clone(),
            network_mode: definition.network_mode.clone(),
            requires_compatibilities: definition.requires_compatibilities.clone(),
            execution_role_arn: definition.execution_role_arn.clone(),
            task_role_arn: definition.task_role_arn.clone(),
            container_definitions: containers,
            volumes: volumes.as_array().cloned().unwrap_or_default(),
            runtime_platform: definition.runtime_platform.clone(),
            ephemeral_storage_gib: definition.ephemeral_storage_gib,
            late,
            tags: definition.tags.clone(),
        },
    )
}

/// Gives a container's variable the manifest's value.
fn overlay(
    e: &mut Expansion<'_>,
    container: &mut Json,
    late: &mut Vec<Late>,
    field: &str,
    number: usize,
    variable: &str,
    text: &Located<Text>,
    position: Option<usize>,
) {
    let composed = e.text(text);
    let shown = Json::String(composed.to_string());
    let before = position
        .and_then(|at| container.pointer(&format!("/environment/{at}/value")))
        .and_then(Json::as_str)
        .unwrap_or("(not set)")
        .to_owned();
    let Some(members) = container.as_object_mut() else {
        return;
    };
    let list = members
        .entry("environment")
        .or_insert_with(|| Json::Array(vec![]));
    let Some(list) = list.as_array_mut() else {
        return;
    };
    let at = match position {
        Some(at) => {
            list[at]["value"] = shown;
            at
        }
        None => {
            list.push(serde_json::json!({ "name": variable, "value": shown }));
            list.len() - 1
        }
    };
    let pointer = format!("/{number}/environment/{at}/value");
    late.retain(|l| l.pointer != pointer);
    if !composed.is_known() {
        late.push(Late {
            pointer,
            text: composed.clone(),
        });
    }
    let field = format!("{field}.environment[{variable}].value");
    // What the rewriting had made of it counts no longer; the source's own value is the one to show.
    let original = e
        .rewriter
        .changes()
        .iter()
        .find(|c| c.field == field)
        .map_or(before, |c| c.from.clone());
    e.rewriter
        .note(&field, &original, &composed, "the manifest");
}

/// A service of a stack with databases whose definition names none of them would go on using the source's.
fn names_database(
    e: &mut Expansion<'_>,
    wanted: &Service,
    definition: &compute::TaskDefinition,
    late: &[Late],
) {
    if e.manifest.databases.is_empty() {
        return;
    }
    let restores: Vec<_> = e
        .manifest
        .databases
        .iter()
        .filter_map(|d| e.roles.get(&format!("restore {}", d.name.value)))
        .cloned()
        .collect();
    let names = late.iter().any(|l| {
        l.text
            .0
            .iter()
            .any(|piece| matches!(piece, Value::Later(step, _) if restores.contains(step)))
    });
    if !names {
        let message = format!(
            "nothing in task definition {} names a restored database: the target's tasks might go on writing to the source's",
            definition.family
        );
        let hint = "if its host is baked into the image or a secret: `environment: { DB_HOST: \"${database.….endpoint}\" }`";
        e.fault("E1121", wanted.name.at, message, "this service", hint);
    }
}
