//! ECS: clusters, task definitions, services, tasks.
//!
//! Container definitions are kept as AWS's own JSON and converted member by member, so that nothing that drtool does
//! not know is dropped silently: an unknown member is reported by [`unknown_members`] and refused by the plan.

use super::call::{Outgoing, outgoing};
use super::error::CloudError;
use super::{Cloud, Tags, refused};
use aws_sdk_ecs::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

const SERVICE: &str = "ecs";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    pub name: String,
    pub arn: String,
    pub status: String,
    pub capacity_providers: Vec<String>,
    /// `enabled`, `enhanced` or `disabled`.
    pub insights: String,
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    pub name: String,
    pub arn: String,
    pub status: String,
    pub task_definition: String,
    pub desired: i32,
    pub running: i32,
    pub pending: i32,
    pub launch_type: Option<String>,
    pub capacity: Vec<CapacityShare>,
    pub controller: String,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub public_address: bool,
    pub targets: Vec<ServiceTarget>,
    pub grace_seconds: Option<i32>,
    pub minimum_percent: Option<i32>,
    pub maximum_percent: Option<i32>,
    pub circuit_breaker: bool,
    pub rollback: bool,
    /// The rollout state of the primary deployment: `IN_PROGRESS`, `COMPLETED`, `FAILED`.
    pub rollout: Option<String>,
    pub rollout_reason: Option<String>,
    pub deployments: usize,
    pub propagate_tags: Option<String>,
    pub managed_tags: bool,
    /// Cloud Map registries.
    pub registries: Vec<String>,
    pub execute_command: bool,
    pub platform_version: Option<String>,
    /// The newest event, as AWS words it.
    pub last_event: Option<String>,
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CapacityShare {
    pub provider: String,
    pub weight: i32,
    pub base: i32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceTarget {
    pub target_group: String,
    pub container: String,
    pub port: i32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinition {
    pub arn: String,
    pub family: String,
    pub revision: i32,
    pub status: String,
    pub cpu: Option<String>,
    pub memory: Option<String>,
    pub network_mode: Option<String>,
    pub compatibilities: Vec<String>,
    pub execution_role: Option<String>,
    pub task_role: Option<String>,
    /// AWS's JSON of each container.
    pub containers: Vec<Value>,
    /// CPU architecture and operating system family, where the definition says them.
    pub platform: Option<(String, String)>,
    pub ephemeral_storage_gib: Option<i32>,
    /// Names of volumes; drtool moves none that hold state without a declared policy.
    pub volumes: Vec<String>,
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub arn: String,
    pub status: String,
    pub desired: String,
    pub task_definition: String,
    pub stop_code: Option<String>,
    pub stopped_reason: Option<String>,
    pub exit_code: Option<i32>,
    pub image_digest: Option<String>,
    pub address: Option<String>,
    pub started_by: Option<String>,
    pub tags: Tags,
}

fn text(s: Option<&str>) -> String {
    s.unwrap_or_default().to_owned()
}

fn tags_of(list: &[aws::Tag]) -> Tags {
    list.iter()
        .map(|t| (text(t.key()), text(t.value())))
        .collect()
}

fn aws_tags(tags: &Tags) -> Option<Vec<aws::Tag>> {
    (!tags.is_empty()).then(|| {
        tags.iter()
            .map(|(k, v)| aws::Tag::builder().key(k).value(v).build())
            .collect()
    })
}

fn json_tags(tags: &Tags) -> Value {
    tags.iter()
        .map(|(k, v)| json!({ "key": k, "value": v }))
        .collect()
}

/// The members of a container definition that drtool carries over.
const CONTAINER_MEMBERS: &[&str] = &[
    "name",
    "image",
    "cpu",
    "memory",
    "memoryReservation",
    "essential",
    "entryPoint",
    "command",
    "workingDirectory",
    "user",
    "environment",
    "secrets",
    "portMappings",
    "logConfiguration",
    "healthCheck",
    "stopTimeout",
    "startTimeout",
    "readonlyRootFilesystem",
    "ulimits",
    "dependsOn",
    "mountPoints",
    "volumesFrom",
    "linuxParameters",
    "systemControls",
];

/// Members of a container definition that hold something and that drtool would lose.
pub fn unknown_members(container: &Value) -> Vec<String> {
    let empty = |v: &Value| v.is_null() || v.as_array().is_some_and(Vec::is_empty);
    container
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| !CONTAINER_MEMBERS.contains(&name.as_str()) && !empty(value))
        .map(|(name, _)| name.clone())
        .chain(
            [
                "mountPoints",
                "volumesFrom",
                "linuxParameters",
                "systemControls",
                "healthCheck",
                "dependsOn",
            ]
            .iter()
            .filter(|m| container.get(**m).is_some_and(|v| !empty(v)) && !CARRIED.contains(m))
            .map(|m| (*m).to_owned()),
        )
        .collect()
}

/// Of the members that matter, those that [`aws_container`] really writes.
const CARRIED: &[&str] = &["healthCheck", "dependsOn"];

fn json_container(c: &aws::ContainerDefinition) -> Value {
    let mut out = json!({ "name": text(c.name()), "image": text(c.image()), "essential": c.essential().unwrap_or(true) });
    if c.cpu() != 0 {
        out["cpu"] = c.cpu().into();
    }
    if let Some(memory) = c.memory() {
        out["memory"] = memory.into();
    }
    if let Some(memory) = c.memory_reservation() {
        out["memoryReservation"] = memory.into();
    }
    for (name, list) in [("entryPoint", c.entry_point()), ("command", c.command())] {
        if !list.is_empty() {
            out[name] = json!(list);
        }
    }
    for (name, value) in [
        ("workingDirectory", c.working_directory()),
        ("user", c.user()),
    ] {
        if let Some(value) = value {
            out[name] = value.into();
        }
    }
    if !c.environment().is_empty() {
        out["environment"] = c
            .environment()
            .iter()
            .map(|e| json!({ "name": text(e.name()), "value": text(e.value()) }))
            .collect();
    }
    if !c.secrets().is_empty() {
        out["secrets"] = c
            .secrets()
            .iter()
            .map(|s| json!({ "name": s.name(), "valueFrom": s.value_from() }))
            .collect();
    }
    if !c.port_mappings().is_empty() {
        out["portMappings"] = c
            .port_mappings()
            .iter()
            .map(|p| {
                let mut port = json!({ "containerPort": p.container_port() });
                if let Some(protocol) = p.protocol() {
                    port["protocol"] = protocol.as_str().into();
                }
                if let Some(name) = p.name() {
                    port["name"] = name.into();
                }
                port
            })
            .collect();
    }
    if let Some(log) = c.log_configuration() {
        let options: std::collections::BTreeMap<&String, &String> =
            log.options().into_iter().flatten().collect();
        out["logConfiguration"] =
            json!({ "logDriver": log.log_driver().as_str(), "options": options });
        if !log.secret_options().is_empty() {
            out["logSecretOptions"] = json!(log.secret_options().len());
        }
    }
    if let Some(h) = c.health_check() {
        out["healthCheck"] = json!({
            "command": h.command(), "interval": h.interval(), "timeout": h.timeout(),
            "retries": h.retries(), "startPeriod": h.start_period(),
        });
    }
    if !c.depends_on().is_empty() {
        out["dependsOn"] = c
            .depends_on()
            .iter()
            .map(|d| json!({ "containerName": d.container_name(), "condition": d.condition().as_str() }))
            .collect();
    }
    if let Some(seconds) = c.stop_timeout() {
        out["stopTimeout"] = seconds.into();
    }
    if let Some(seconds) = c.start_timeout() {
        out["startTimeout"] = seconds.into();
    }
    if let Some(only) = c.readonly_root_filesystem() {
        out["readonlyRootFilesystem"] = only.into();
    }
    if !c.ulimits().is_empty() {
        out["ulimits"] = c
            .ulimits()
            .iter()
            .map(|u| json!({ "name": u.name().as_str(), "softLimit": u.soft_limit(), "hardLimit": u.hard_limit() }))
            .collect();
    }
    // What is only counted here is what `unknown_members` refuses: a plan that would lose it does not run.
    for (name, count) in [
        ("mountPoints", c.mount_points().len()),
        ("volumesFrom", c.volumes_from().len()),
        ("systemControls", c.system_controls().len()),
        ("environmentFiles", c.environment_files().len()),
        ("resourceRequirements", c.resource_requirements().len()),
        ("dockerSecurityOptions", c.docker_security_options().len()),
        ("extraHosts", c.extra_hosts().len()),
    ] {
        if count > 0 {
            out[name] = count.into();
        }
    }
    for (name, there) in [
        ("linuxParameters", c.linux_parameters().is_some()),
        (
            "firelensConfiguration",
            c.firelens_configuration().is_some(),
        ),
        (
            "repositoryCredentials",
            c.repository_credentials().is_some(),
        ),
        ("restartPolicy", c.restart_policy().is_some()),
    ] {
        if there {
            out[name] = true.into();
        }
    }
    out
}

fn aws_container(c: &Value) -> aws::ContainerDefinition {
    let string = |v: &Value, m: &str| v.get(m).and_then(Value::as_str).map(str::to_owned);
    let number = |v: &Value, m: &str| {
        v.get(m)
            .and_then(Value::as_i64)
            .and_then(|n| i32::try_from(n).ok())
    };
    let strings = |v: &Value, m: &str| -> Option<Vec<String>> {
        v.get(m).and_then(Value::as_array).map(|l| {
            l.iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        })
    };
    let items = |m: &str| {
        c.get(m)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let mut b = aws::ContainerDefinition::builder()
        .set_name(string(c, "name"))
        .set_image(string(c, "image"))
        .set_essential(c.get("essential").and_then(Value::as_bool))
        .set_cpu(number(c, "cpu"))
        .set_memory(number(c, "memory"))
        .set_memory_reservation(number(c, "memoryReservation"))
        .set_entry_point(strings(c, "entryPoint"))
        .set_command(strings(c, "command"))
        .set_working_directory(string(c, "workingDirectory"))
        .set_user(string(c, "user"))
        .set_stop_timeout(number(c, "stopTimeout"))
        .set_start_timeout(number(c, "startTimeout"))
        .set_readonly_root_filesystem(c.get("readonlyRootFilesystem").and_then(Value::as_bool));
    for e in items("environment") {
        b = b.environment(
            aws::KeyValuePair::builder()
                .set_name(string(&e, "name"))
                .set_value(string(&e, "value"))
                .build(),
        );
    }
    for s in items("secrets") {
        if let Ok(secret) = aws::Secret::builder()
            .set_name(string(&s, "name"))
            .set_value_from(string(&s, "valueFrom"))
            .build()
        {
            b = b.secrets(secret);
        }
    }
    for p in items("portMappings") {
        b = b.port_mappings(
            aws::PortMapping::builder()
                .set_container_port(number(&p, "containerPort"))
                .set_protocol(
                    string(&p, "protocol").map(|s| aws::TransportProtocol::from(s.as_str())),
                )
                .set_name(string(&p, "name"))
                .build(),
        );
    }
    if let Some(log) = c.get("logConfiguration") {
        let options = log.get("options").and_then(Value::as_object).map(|o| {
            o.iter()
                .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())))
                .collect()
        });
        let driver = string(log, "logDriver").unwrap_or_default();
        if let Ok(log) = aws::LogConfiguration::builder()
            .log_driver(aws::LogDriver::from(driver.as_str()))
            .set_options(options)
            .build()
        {
            b = b.log_configuration(log);
        }
    }
    if let Some(h) = c.get("healthCheck")
        && let Ok(health) = aws::HealthCheck::builder()
            .set_command(strings(h, "command"))
            .set_interval(number(h, "interval"))
            .set_timeout(number(h, "timeout"))
            .set_retries(number(h, "retries"))
            .set_start_period(number(h, "startPeriod"))
            .build()
    {
        b = b.health_check(health);
    }
    for d in items("dependsOn") {
        let condition = string(&d, "condition").unwrap_or_default();
        if let Ok(dependency) = aws::ContainerDependency::builder()
            .set_container_name(string(&d, "containerName"))
            .condition(aws::ContainerCondition::from(condition.as_str()))
            .build()
        {
            b = b.depends_on(dependency);
        }
    }
    for u in items("ulimits") {
        let name = string(&u, "name").unwrap_or_default();
        if let Ok(limit) = aws::Ulimit::builder()
            .name(aws::UlimitName::from(name.as_str()))
            .set_soft_limit(number(&u, "softLimit"))
            .set_hard_limit(number(&u, "hardLimit"))
            .build()
        {
            b = b.ulimits(limit);
        }
    }
    b.build()
}

fn service_of(s: &aws::Service) -> Service {
    let network = s
        .network_configuration()
        .and_then(|n| n.awsvpc_configuration());
    let primary = s
        .deployments()
        .iter()
        .find(|d| d.status() == Some("PRIMARY"));
    let breaker = s
        .deployment_configuration()
        .and_then(|d| d.deployment_circuit_breaker());
    Service {
        name: text(s.service_name()),
        arn: text(s.service_arn()),
        status: text(s.status()),
        task_definition: text(s.task_definition()),
        desired: s.desired_count(),
        running: s.running_count(),
        pending: s.pending_count(),
        launch_type: s.launch_type().map(|l| l.as_str().to_owned()),
        capacity: s
            .capacity_provider_strategy()
            .iter()
            .map(|c| CapacityShare {
                provider: c.capacity_provider().to_owned(),
                weight: c.weight(),
                base: c.base(),
            })
            .collect(),
        controller: s
            .deployment_controller()
            .map_or("ECS", |c| c.r#type().as_str())
            .to_owned(),
        subnets: network.map(|n| n.subnets().to_vec()).unwrap_or_default(),
        security_groups: network
            .map(|n| n.security_groups().to_vec())
            .unwrap_or_default(),
        public_address: network.and_then(|n| n.assign_public_ip())
            == Some(&aws::AssignPublicIp::Enabled),
        targets: s
            .load_balancers()
            .iter()
            .map(|l| ServiceTarget {
                target_group: text(l.target_group_arn()),
                container: text(l.container_name()),
                port: l.container_port().unwrap_or_default(),
            })
            .collect(),
        grace_seconds: s.health_check_grace_period_seconds(),
        minimum_percent: s
            .deployment_configuration()
            .and_then(|d| d.minimum_healthy_percent()),
        maximum_percent: s
            .deployment_configuration()
            .and_then(|d| d.maximum_percent()),
        circuit_breaker: breaker.is_some_and(|b| b.enable()),
        rollback: breaker.is_some_and(|b| b.rollback()),
        rollout: primary
            .and_then(|d| d.rollout_state())
            .map(|r| r.as_str().to_owned()),
        rollout_reason: primary
            .and_then(|d| d.rollout_state_reason())
            .map(str::to_owned),
        deployments: s.deployments().len(),
        propagate_tags: s.propagate_tags().map(|p| p.as_str().to_owned()),
        managed_tags: s.enable_ecs_managed_tags(),
        registries: s
            .service_registries()
            .iter()
            .filter_map(|r| r.registry_arn())
            .map(str::to_owned)
            .collect(),
        execute_command: s.enable_execute_command(),
        platform_version: s.platform_version().map(str::to_owned),
        last_event: s
            .events()
            .first()
            .and_then(|e| e.message())
            .map(str::to_owned),
        tags: tags_of(s.tags()),
    }
}

/// Looks.
impl Cloud {
    /// A cluster by name; an INACTIVE one does not count as there.
    pub async fn cluster(
        &self,
        region: &str,
        name: &str,
        look: Look,
    ) -> Result<Arc<Option<Cluster>>, CloudError> {
        self.looks()
            .shared(format!("ecs/cluster/{region}/{name}"), look, async {
                let answer = self
                    .ecs(region)
                    .describe_clusters()
                    .clusters(name)
                    .include(aws::ClusterField::Tags)
                    .include(aws::ClusterField::Settings)
                    .send()
                    .await
                    .map_err(refused(SERVICE, "DescribeClusters", region, name))?;
                Ok(answer
                    .clusters()
                    .iter()
                    .find(|c| c.status() != Some("INACTIVE"))
                    .map(|c| Cluster {
                        name: text(c.cluster_name()),
                        arn: text(c.cluster_arn()),
                        status: text(c.status()),
                        capacity_providers: c.capacity_providers().to_vec(),
                        insights: c
                            .settings()
                            .iter()
                            .find(|s| s.name() == Some(&aws::ClusterSettingName::ContainerInsights))
                            .and_then(|s| s.value())
                            .unwrap_or("disabled")
                            .to_owned(),
                        tags: tags_of(c.tags()),
                    }))
            })
            .await
    }

    /// A service by name, whatever its status.
    pub async fn service(
        &self,
        region: &str,
        cluster: &str,
        name: &str,
        look: Look,
    ) -> Result<Arc<Option<Service>>, CloudError> {
        self.looks()
            .shared(
                format!("ecs/service/{region}/{cluster}/{name}"),
                look,
                async {
                    let answer = self
                        .ecs(region)
                        .describe_services()
                        .cluster(cluster)
                        .services(name)
                        .include(aws::ServiceField::Tags)
                        .send()
                        .await
                        .map_err(refused(SERVICE, "DescribeServices", region, name));
                    match answer {
                        Ok(answer) => Ok(answer.services().first().map(service_of)),
                        Err(e) if e.is("ClusterNotFoundException") => Ok(None),
                        Err(e) => Err(e),
                    }
                },
            )
            .await
    }

    pub async fn task_definition(
        &self,
        region: &str,
        name: &str,
        look: Look,
    ) -> Result<Arc<Option<TaskDefinition>>, CloudError> {
        self.looks()
            .shared(
                format!("ecs/task-definition/{region}/{name}"),
                look,
                async {
                    let answer = self
                        .ecs(region)
                        .describe_task_definition()
                        .task_definition(name)
                        .include(aws::TaskDefinitionField::Tags)
                        .send()
                        .await
                        .map_err(refused(SERVICE, "DescribeTaskDefinition", region, name));
                    let answer = match answer {
                        Ok(answer) => answer,
                        // AWS answers ClientException for a family that has no active revision.
                        Err(e) if e.is("ClientException") => return Ok(None),
                        Err(e) => return Err(e),
                    };
                    let tags = tags_of(answer.tags());
                    Ok(answer.task_definition().map(|t| TaskDefinition {
                        arn: text(t.task_definition_arn()),
                        family: text(t.family()),
                        revision: t.revision(),
                        status: t
                            .status()
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        cpu: t.cpu().map(str::to_owned),
                        memory: t.memory().map(str::to_owned),
                        network_mode: t.network_mode().map(|m| m.as_str().to_owned()),
                        compatibilities: t
                            .requires_compatibilities()
                            .iter()
                            .map(|c| c.as_str().to_owned())
                            .collect(),
                        execution_role: t.execution_role_arn().map(str::to_owned),
                        task_role: t.task_role_arn().map(str::to_owned),
                        containers: t
                            .container_definitions()
                            .iter()
                            .map(json_container)
                            .collect(),
                        platform: t.runtime_platform().map(|p| {
                            (
                                p.cpu_architecture()
                                    .map(|a| a.as_str().to_owned())
                                    .unwrap_or_default(),
                                p.operating_system_family()
                                    .map(|o| o.as_str().to_owned())
                                    .unwrap_or_default(),
                            )
                        }),
                        ephemeral_storage_gib: t.ephemeral_storage().map(|e| e.size_in_gib()),
                        volumes: t
                            .volumes()
                            .iter()
                            .filter_map(|v| v.name())
                            .map(str::to_owned)
                            .collect(),
                        tags,
                    }))
                },
            )
            .await
    }

    /// The active revisions of a family, newest first.
    pub async fn task_definitions(
        &self,
        region: &str,
        family: &str,
        look: Look,
    ) -> Result<Arc<Vec<String>>, CloudError> {
        self.looks()
            .shared(
                format!("ecs/task-definitions/{region}/{family}"),
                look,
                async {
                    let mut pages = self
                        .ecs(region)
                        .list_task_definitions()
                        .family_prefix(family)
                        .sort(aws::SortOrder::Desc)
                        .into_paginator()
                        .items()
                        .send();
                    let mut all = Vec::new();
                    while let Some(item) = pages.next().await {
                        all.push(item.map_err(refused(
                            SERVICE,
                            "ListTaskDefinitions",
                            region,
                            family,
                        ))?);
                    }
                    Ok(all)
                },
            )
            .await
    }

    /// The tasks of a cluster that a service or a one-off start (`started_by`) has, running or (if asked) stopped.
    pub async fn tasks(
        &self,
        region: &str,
        cluster: &str,
        of: TasksOf<'_>,
        stopped: bool,
        look: Look,
    ) -> Result<Arc<Vec<Task>>, CloudError> {
        let key = format!("ecs/tasks/{region}/{cluster}/{of:?}/{stopped}");
        self.looks()
            .shared(key, look, async {
                let mut list = self.ecs(region).list_tasks().cluster(cluster);
                list = match of {
                    TasksOf::Service(name) => list.service_name(name),
                    TasksOf::StartedBy(id) => list.started_by(id),
                };
                if stopped {
                    list = list.desired_status(aws::DesiredStatus::Stopped);
                }
                let mut arns = Vec::new();
                let mut pages = list.into_paginator().items().send();
                while let Some(item) = pages.next().await {
                    match item.map_err(refused(SERVICE, "ListTasks", region, cluster)) {
                        Ok(arn) => arns.push(arn),
                        Err(e)
                            if e.is("ClusterNotFoundException")
                                || e.is("ServiceNotFoundException") =>
                        {
                            return Ok(Vec::new());
                        }
                        Err(e) => return Err(e),
                    }
                }
                let mut all = Vec::new();
                for chunk in arns.chunks(100) {
                    let answer = self
                        .ecs(region)
                        .describe_tasks()
                        .cluster(cluster)
                        .set_tasks(Some(chunk.to_vec()))
                        .include(aws::TaskField::Tags)
                        .send()
                        .await
                        .map_err(refused(SERVICE, "DescribeTasks", region, cluster))?;
                    all.extend(answer.tasks().iter().map(|t| {
                        Task {
                            arn: text(t.task_arn()),
                            status: text(t.last_status()),
                            desired: text(t.desired_status()),
                            task_definition: text(t.task_definition_arn()),
                            stop_code: t.stop_code().map(|c| c.as_str().to_owned()),
                            stopped_reason: t.stopped_reason().map(str::to_owned),
                            exit_code: t.containers().first().and_then(|c| c.exit_code()),
                            image_digest: t
                                .containers()
                                .first()
                                .and_then(|c| c.image_digest())
                                .map(str::to_owned),
                            address: t
                                .attachments()
                                .iter()
                                .flat_map(|a| a.details())
                                .find(|d| d.name() == Some("privateIPv4Address"))
                                .and_then(|d| d.value())
                                .map(str::to_owned),
                            started_by: t.started_by().map(str::to_owned),
                            tags: tags_of(t.tags()),
                        }
                    }));
                }
                Ok(all)
            })
            .await
    }
}

/// Whose tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TasksOf<'a> {
    Service(&'a str),
    StartedBy(&'a str),
}

/// What a service is made with.
#[derive(Debug, Clone, PartialEq)]
pub struct NewService {
    pub cluster: String,
    pub name: String,
    pub task_definition: String,
    pub desired: i32,
    pub launch_type: Option<String>,
    pub capacity: Vec<CapacityShare>,
    pub platform_version: Option<String>,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub public_address: bool,
    pub targets: Vec<ServiceTarget>,
    pub grace_seconds: Option<i32>,
    pub minimum_percent: Option<i32>,
    pub maximum_percent: Option<i32>,
    pub circuit_breaker: bool,
    pub rollback: bool,
    pub propagate_tags: Option<String>,
    pub managed_tags: bool,
    pub execute_command: bool,
    pub token: String,
    pub tags: Tags,
}

/// A one-off task.
#[derive(Debug, Clone, PartialEq)]
pub struct OneOff {
    pub cluster: String,
    pub task_definition: String,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub public_address: bool,
    pub started_by: String,
    pub token: String,
    pub tags: Tags,
}

fn awsvpc(
    subnets: &[String],
    groups: &[String],
    public: bool,
) -> Option<aws::NetworkConfiguration> {
    let inner = aws::AwsVpcConfiguration::builder()
        .set_subnets(Some(subnets.to_vec()))
        .set_security_groups(Some(groups.to_vec()))
        .assign_public_ip(if public {
            aws::AssignPublicIp::Enabled
        } else {
            aws::AssignPublicIp::Disabled
        })
        .build()
        .ok()?;
    Some(
        aws::NetworkConfiguration::builder()
            .awsvpc_configuration(inner)
            .build(),
    )
}

fn json_awsvpc(subnets: &[String], groups: &[String], public: bool) -> Value {
    json!({ "awsvpcConfiguration": {
        "subnets": subnets, "securityGroups": groups, "assignPublicIp": if public { "ENABLED" } else { "DISABLED" },
    } })
}

/// Calls.
impl Cloud {
    /// `insights`: `enabled`, `enhanced` or `disabled`.
    pub fn create_cluster(
        &self,
        region: &str,
        name: &str,
        insights: &str,
        capacity_providers: &[String],
        tags: &Tags,
    ) -> Outgoing {
        let mut request = json!({ "clusterName": name, "tags": json_tags(tags) });
        let mut call = self
            .ecs_writer(region)
            .create_cluster()
            .cluster_name(name)
            .set_tags(aws_tags(tags));
        if !capacity_providers.is_empty() {
            request["capacityProviders"] = json!(capacity_providers);
            call = call.set_capacity_providers(Some(capacity_providers.to_vec()));
        }
        if !insights.is_empty() && insights != "disabled" {
            request["settings"] = json!([{ "name": "containerInsights", "value": insights }]);
            call = call.settings(
                aws::ClusterSetting::builder()
                    .name(aws::ClusterSettingName::ContainerInsights)
                    .value(insights)
                    .build(),
            );
        }
        outgoing!(SERVICE, "CreateCluster", region, name, request, call)
    }

    pub fn delete_cluster(&self, region: &str, name: &str) -> Outgoing {
        let call = self.ecs_writer(region).delete_cluster().cluster(name);
        outgoing!(
            SERVICE,
            "DeleteCluster",
            region,
            name,
            json!({ "cluster": name }),
            call
        )
    }

    pub fn register_task_definition(&self, region: &str, definition: &TaskDefinition) -> Outgoing {
        let d = definition;
        let mut request = json!({
            "family": d.family, "networkMode": d.network_mode, "requiresCompatibilities": d.compatibilities,
            "containerDefinitions": d.containers, "tags": json_tags(&d.tags),
        });
        for (member, value) in [
            ("cpu", &d.cpu),
            ("memory", &d.memory),
            ("executionRoleArn", &d.execution_role),
            ("taskRoleArn", &d.task_role),
        ] {
            if let Some(value) = value {
                request[member] = value.as_str().into();
            }
        }
        let mut call = self
            .ecs_writer(region)
            .register_task_definition()
            .family(&d.family)
            .set_network_mode(d.network_mode.as_deref().map(aws::NetworkMode::from))
            .set_requires_compatibilities(Some(
                d.compatibilities
                    .iter()
                    .map(|c| aws::Compatibility::from(c.as_str()))
                    .collect(),
            ))
            .set_cpu(d.cpu.clone())
            .set_memory(d.memory.clone())
            .set_execution_role_arn(d.execution_role.clone())
            .set_task_role_arn(d.task_role.clone())
            .set_container_definitions(Some(d.containers.iter().map(aws_container).collect()))
            .set_tags(aws_tags(&d.tags));
        if let Some((architecture, system)) = &d.platform {
            request["runtimePlatform"] =
                json!({ "cpuArchitecture": architecture, "operatingSystemFamily": system });
            call = call.runtime_platform(
                aws::RuntimePlatform::builder()
                    .cpu_architecture(aws::CpuArchitecture::from(architecture.as_str()))
                    .operating_system_family(aws::OsFamily::from(system.as_str()))
                    .build(),
            );
        }
        if let Some(size) = d.ephemeral_storage_gib {
            request["ephemeralStorage"] = json!({ "sizeInGiB": size });
            call =
                call.ephemeral_storage(aws::EphemeralStorage::builder().size_in_gib(size).build());
        }
        outgoing!(
            SERVICE,
            "RegisterTaskDefinition",
            region,
            d.family,
            request,
            call,
            |a| a
                .task_definition()
                .and_then(|t| t.task_definition_arn())
                .map(str::to_owned)
        )
    }

    pub fn deregister_task_definition(&self, region: &str, arn: &str) -> Outgoing {
        let call = self
            .ecs_writer(region)
            .deregister_task_definition()
            .task_definition(arn);
        outgoing!(
            SERVICE,
            "DeregisterTaskDefinition",
            region,
            arn,
            json!({ "taskDefinition": arn }),
            call
        )
    }

    pub fn create_service(&self, region: &str, new: &NewService) -> Outgoing {
        let mut request = json!({
            "cluster": new.cluster, "serviceName": new.name, "taskDefinition": new.task_definition,
            "desiredCount": new.desired, "clientToken": new.token,
            "networkConfiguration": json_awsvpc(&new.subnets, &new.security_groups, new.public_address),
            "loadBalancers": new.targets.iter().map(|t| json!({
                "targetGroupArn": t.target_group, "containerName": t.container, "containerPort": t.port,
            })).collect::<Vec<_>>(),
            "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": new.circuit_breaker, "rollback": new.rollback } },
            "enableExecuteCommand": new.execute_command, "tags": json_tags(&new.tags),
        });
        let deployment = aws::DeploymentConfiguration::builder()
            .set_minimum_healthy_percent(new.minimum_percent)
            .set_maximum_percent(new.maximum_percent)
            .deployment_circuit_breaker(
                aws::DeploymentCircuitBreaker::builder()
                    .enable(new.circuit_breaker)
                    .rollback(new.rollback)
                    .build(),
            );
        for (member, value) in [
            ("minimumHealthyPercent", new.minimum_percent),
            ("maximumPercent", new.maximum_percent),
        ] {
            if let Some(value) = value {
                request["deploymentConfiguration"][member] = value.into();
            }
        }
        let mut call = self
            .ecs_writer(region)
            .create_service()
            .cluster(&new.cluster)
            .service_name(&new.name)
            .task_definition(&new.task_definition)
            .desired_count(new.desired)
            .client_token(&new.token)
            .set_network_configuration(awsvpc(
                &new.subnets,
                &new.security_groups,
                new.public_address,
            ))
            .set_load_balancers(Some(
                new.targets
                    .iter()
                    .map(|t| {
                        aws::LoadBalancer::builder()
                            .target_group_arn(&t.target_group)
                            .container_name(&t.container)
                            .container_port(t.port)
                            .build()
                    })
                    .collect(),
            ))
            .deployment_configuration(deployment.build())
            .enable_execute_command(new.execute_command)
            .set_tags(aws_tags(&new.tags));
        if let Some(seconds) = new.grace_seconds {
            request["healthCheckGracePeriodSeconds"] = seconds.into();
            call = call.health_check_grace_period_seconds(seconds);
        }
        if new.managed_tags {
            request["enableECSManagedTags"] = true.into();
            call = call.enable_ecs_managed_tags(true);
        }
        if let Some(version) = &new.platform_version {
            request["platformVersion"] = json!(version);
            call = call.platform_version(version);
        }
        if let Some(from) = new.propagate_tags.as_deref().filter(|p| *p != "NONE") {
            request["propagateTags"] = json!(from);
            call = call.propagate_tags(aws::PropagateTags::from(from));
        }
        if new.capacity.is_empty() {
            if let Some(kind) = &new.launch_type {
                request["launchType"] = json!(kind);
                call = call.launch_type(aws::LaunchType::from(kind.as_str()));
            }
        } else {
            request["capacityProviderStrategy"] = new
                .capacity
                .iter()
                .map(|c| json!({ "capacityProvider": c.provider, "weight": c.weight, "base": c.base }))
                .collect();
            let strategy = new
                .capacity
                .iter()
                .filter_map(|c| {
                    aws::CapacityProviderStrategyItem::builder()
                        .capacity_provider(&c.provider)
                        .weight(c.weight)
                        .base(c.base)
                        .build()
                        .ok()
                })
                .collect();
            call = call.set_capacity_provider_strategy(Some(strategy));
        }
        let token = new.token.clone();
        outgoing!(
            SERVICE,
            "CreateService",
            region,
            new.name,
            request,
            call,
            |a| a.service().and_then(|s| s.service_arn()).map(str::to_owned)
        )
        .token(&token)
    }

    pub fn scale_service(&self, region: &str, cluster: &str, name: &str, desired: i32) -> Outgoing {
        let request = json!({ "cluster": cluster, "service": name, "desiredCount": desired });
        let call = self
            .ecs_writer(region)
            .update_service()
            .cluster(cluster)
            .service(name)
            .desired_count(desired);
        outgoing!(SERVICE, "UpdateService", region, name, request, call)
    }

    pub fn delete_service(&self, region: &str, cluster: &str, name: &str) -> Outgoing {
        let request = json!({ "cluster": cluster, "service": name, "force": true });
        let call = self
            .ecs_writer(region)
            .delete_service()
            .cluster(cluster)
            .service(name)
            .force(true);
        outgoing!(SERVICE, "DeleteService", region, name, request, call)
    }

    pub fn run_task(&self, region: &str, task: &OneOff) -> Outgoing {
        let request = json!({
            "cluster": task.cluster, "taskDefinition": task.task_definition, "launchType": "FARGATE", "count": 1,
            "clientToken": task.token, "startedBy": task.started_by,
            "networkConfiguration": json_awsvpc(&task.subnets, &task.security_groups, task.public_address),
            "tags": json_tags(&task.tags),
        });
        let call = self
            .ecs_writer(region)
            .run_task()
            .cluster(&task.cluster)
            .task_definition(&task.task_definition)
            .launch_type(aws::LaunchType::Fargate)
            .count(1)
            .client_token(&task.token)
            .started_by(&task.started_by)
            .set_network_configuration(awsvpc(
                &task.subnets,
                &task.security_groups,
                task.public_address,
            ))
            .set_tags(aws_tags(&task.tags));
        let (region_name, name) = (region.to_owned(), task.started_by.clone());
        let refusal = refused(SERVICE, "RunTask", region, &name);
        let resource = name.clone();
        // A placement that failed comes in an answer of HTTP 200: it has to be read, not assumed.
        Outgoing::new(
            SERVICE,
            "RunTask",
            region,
            &resource,
            request,
            move || async move {
                let answer = call.send().await.map_err(refusal)?;
                match (
                    answer.tasks().first().and_then(|t| t.task_arn()),
                    answer.failures().first(),
                ) {
                    (Some(arn), _) => Ok(super::call::handle(arn)),
                    (None, failure) => Err(CloudError {
                        service: SERVICE,
                        operation: "RunTask",
                        region: region_name,
                        resource: name,
                        kind: super::error::Failure::Refused {
                            code: failure
                                .and_then(|f| f.reason())
                                .unwrap_or("no task and no failure")
                                .to_owned(),
                            message: failure
                                .and_then(|f| f.detail())
                                .unwrap_or_default()
                                .to_owned(),
                            status: 200,
                            request_id: None,
                        },
                    }),
                }
            },
        )
        .token(&task.token)
    }

    pub fn stop_task(&self, region: &str, cluster: &str, task: &str, reason: &str) -> Outgoing {
        let request = json!({ "cluster": cluster, "task": task, "reason": reason });
        let call = self
            .ecs_writer(region)
            .stop_task()
            .cluster(cluster)
            .task(task)
            .reason(reason);
        outgoing!(SERVICE, "StopTask", region, task, request, call)
    }
}
