//! How a task is made: its role trusted, its provider and subnet chosen, its place in the quota and in the region.

use super::tasks::{Container, Target, Task, platform};
use super::{Definition, Scope, Tags, definitions, rows, text};
use crate::clock::Pert;
use crate::services::{ec2, iam, quotas};
use crate::world::World;
use serde_json::{Value, json};
use std::fmt;

/// Everything that is needed to start one task.
pub(super) struct Launch {
    pub cluster: String,
    pub definition: Definition,
    pub balancers: Vec<Value>,
    pub given: Value,
    pub overrides: Value,
    pub group: String,
    pub service: Option<String>,
    pub unit: Option<String>,
    pub started_by: String,
    pub service_tags: Tags,
    pub tags: Tags,
}

/// Why no task was made.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Refusal {
    Capacity,
    Quota(&'static str),
    Role(String),
}

impl Refusal {
    /// Whether the circuit breaker counts it: ECS does not count what it could not place.
    pub fn counts_as_failure(&self) -> bool {
        matches!(self, Refusal::Role(_))
    }

    pub(super) fn reason(&self) -> String {
        match self {
            Refusal::Capacity => {
                "Capacity is unavailable at this time. Please try again later or in a different availability zone".into()
            }
            Refusal::Quota(kind) => format!("You've reached the limit on the number of {kind} you can run concurrently"),
            Refusal::Role(role) => format!(
                "ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role \
                 being passed has the proper trust relationship and permissions and that your IAM user has permissions \
                 to pass this role."
            ),
        }
    }
}

/// As the service's events say it, after `(service x)`.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Capacity => write!(
                f,
                "was unable to place a task. Reason: {}. For more information, see the Troubleshooting section of the \
                 Amazon ECS Developer Guide.",
                self.reason()
            ),
            Refusal::Quota(_) => {
                write!(f, "was unable to place a task. Reason: {}.", self.reason())
            }
            Refusal::Role(_) => write!(f, "failed to launch a task with (error {})", self.reason()),
        }
    }
}

/// Which capacity provider the next task goes to: bases first, then by weight.
fn provider(strategy: &[Value], placed: &[Option<String>]) -> Option<String> {
    let count = |name: &str| placed.iter().filter(|p| p.as_deref() == Some(name)).count() as f64;
    let base = strategy
        .iter()
        .find(|s| count(text(s, "capacityProvider")) < s["base"].as_f64().unwrap_or(0.0));
    let item = base.or_else(|| {
        strategy
            .iter()
            .filter(|s| s["weight"].as_f64().unwrap_or(0.0) > 0.0)
            .min_by(|a, b| {
                let share = |s: &Value| {
                    let over = (count(text(s, "capacityProvider"))
                        - s["base"].as_f64().unwrap_or(0.0))
                    .max(0.0);
                    over / s["weight"].as_f64().unwrap_or(1.0)
                };
                share(a).total_cmp(&share(b))
            })
            .or_else(|| strategy.first())
    })?;
    Some(text(item, "capacityProvider").to_owned())
}

/// Makes a task, PROVISIONING.
pub(super) fn launch(world: &mut World, scope: &Scope, launch: &Launch) -> Result<String, Refusal> {
    let overrides = &launch.overrides;
    let override_role = |member: &str| {
        overrides
            .get(member)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let roles = [
        override_role("executionRoleArn")
            .or_else(|| launch.definition.execution_role().map(str::to_owned)),
        override_role("taskRoleArn").or_else(|| launch.definition.task_role().map(str::to_owned)),
    ];
    for role in roles.into_iter().flatten() {
        if !iam::trusts(world, &role, "ecs-tasks.amazonaws.com") {
            return Err(Refusal::Role(role));
        }
    }
    let (cpu, memory) = launch.definition.size();
    let siblings: Vec<(Option<String>, String)> = match &launch.service {
        Some(service) => scope
            .state(world)
            .members(&launch.cluster, service)
            .filter(|(_, t)| t.desired_status == "RUNNING" && t.unit == launch.unit)
            .map(|(_, t)| (t.provider.clone(), t.subnet.clone()))
            .collect(),
        None => vec![],
    };
    let strategy = rows(&launch.given, "capacityProviderStrategy");
    let placed: Vec<Option<String>> = siblings.iter().map(|(p, _)| p.clone()).collect();
    let provider = provider(strategy, &placed);
    let spot = provider.as_deref() == Some("FARGATE_SPOT");
    check_capacity(world, scope, spot, cpu)?;

    let subnets = subnets(&launch.given);
    // The subnet with the fewest siblings; the first of those.
    let subnet = subnets
        .iter()
        .min_by_key(|s| siblings.iter().filter(|(_, used)| used == *s).count())
        .cloned()
        .unwrap_or_default();
    let zone = ec2::subnet(world, &scope.account, &scope.region, &subnet)
        .map(|s| s.zone.clone())
        .unwrap_or_default();
    let mut cx = scope.cx(world, "RunTask");
    let id = cx.hex("task", 32);
    let attachment = cx.uuid("attachment");
    let containers: Vec<Container> = launch
        .definition
        .containers()
        .iter()
        .map(|c| {
            let uuid = cx.uuid("container");
            Container {
                name: text(c, "name").to_owned(),
                arn: cx.arn("ecs", &format!("container/{}/{id}/{uuid}", launch.cluster)),
                image: text(c, "image").to_owned(),
                digest: None,
                essential: c["essential"] != false,
                last_status: "PENDING".into(),
                exit_code: None,
                reason: None,
                runtime_id: None,
                process: None,
            }
        })
        .collect();
    let key = format!("{}/{id}", launch.cluster);
    let fresh = cx.visible_at(&key);
    let now = world.now();
    let mut tags = launch.tags.clone();
    let propagated = match text(&launch.given, "propagateTags") {
        "TASK_DEFINITION" => scope
            .state(world)
            .definitions
            .get(&definitions::key(
                &launch.definition.family,
                launch.definition.revision,
            ))
            .map(|d| d.tags.clone())
            .unwrap_or_default(),
        "SERVICE" => launch.service_tags.clone(),
        _ => vec![],
    };
    for (k, v) in propagated {
        if !tags.iter().any(|(own, _)| *own == k) {
            tags.push((k, v));
        }
    }
    if launch.given["enableECSManagedTags"] == true {
        tags.push(("aws:ecs:clusterName".into(), launch.cluster.clone()));
        if let Some(service) = &launch.service {
            tags.push(("aws:ecs:serviceName".into(), service.clone()));
        }
    }
    let task = Task {
        arn: scope.arn(&format!("task/{key}")),
        id,
        cluster: launch.cluster.clone(),
        definition: launch.definition.arn().to_owned(),
        group: launch.group.clone(),
        service: launch.service.clone(),
        unit: launch.unit.clone(),
        started_by: launch.started_by.clone(),
        launch_type: "FARGATE".into(),
        provider,
        platform: platform(text(&launch.given, "platformVersion")).to_owned(),
        network: launch.given["networkConfiguration"]["awsvpcConfiguration"].clone(),
        subnet,
        zone,
        overrides: overrides.clone(),
        cpu: size_override(overrides, "cpu").unwrap_or(cpu),
        memory: size_override(overrides, "memory").unwrap_or(memory),
        tags,
        execute_command: launch.given["enableExecuteCommand"] == true,
        last_status: "PROVISIONING".into(),
        desired_status: "RUNNING".into(),
        stop_code: None,
        stopped_reason: None,
        created_at: now,
        pull_started: None,
        pull_stopped: None,
        connected: None,
        started: None,
        stopping: None,
        execution_stopped: None,
        stopped: None,
        interface: None,
        attachment,
        containers,
        targets: targets(&launch.balancers),
        version: 1,
    };
    let state = scope.state(world);
    if let Some(service) = &task.service {
        state
            .members
            .entry(format!("{}/{service}", task.cluster))
            .or_default()
            .insert(key.clone());
    }
    state.tasks.put(key.clone(), task, fresh);
    let after = world.sample(Pert(6.0, 12.0, 25.0), &key, "provision");
    scope.later(world, after, "task", &key, json!(1));
    Ok(key)
}

fn size_override(overrides: &Value, member: &str) -> Option<u64> {
    text(overrides, member).parse().ok()
}

/// The account's vCPU quota, and what the region has left.
fn check_capacity(world: &mut World, scope: &Scope, spot: bool, cpu: u64) -> Result<(), Refusal> {
    let alive: Vec<(bool, u64)> = scope
        .state(world)
        .tasks
        .iter()
        .filter(|(_, t)| t.last_status != "STOPPED")
        .map(|(_, t)| (t.provider.as_deref() == Some("FARGATE_SPOT"), t.cpu))
        .collect();
    let used: u64 = alive
        .iter()
        .filter(|(s, _)| *s == spot)
        .map(|(_, c)| c)
        .sum();
    let code = if spot { "L-36FBB829" } else { "L-3032A538" };
    let limit = quotas::limit(world, &scope.account, &scope.region, code);
    if (used + cpu) as f64 / 1024.0 > limit {
        return Err(Refusal::Quota("vCPUs"));
    }
    let kind = if spot { "FARGATE_SPOT" } else { "FARGATE" };
    match world
        .plane
        .capacity
        .get(&(scope.region.clone(), kind.to_owned()))
    {
        Some(limit) if alive.iter().filter(|(s, _)| *s == spot).count() as u64 >= *limit => {
            Err(Refusal::Capacity)
        }
        _ => Ok(()),
    }
}

/// Balancers that a unit registers its tasks with, as targets.
fn targets(balancers: &[Value]) -> Vec<Target> {
    balancers
        .iter()
        .filter(|b| !text(b, "targetGroupArn").is_empty())
        .map(|b| Target {
            group: text(b, "targetGroupArn").to_owned(),
            port: b["containerPort"]
                .as_u64()
                .and_then(|p| u16::try_from(p).ok())
                .unwrap_or(0),
        })
        .collect()
}

/// Subnets of a service or a task.
fn subnets(given: &Value) -> Vec<String> {
    rows(
        &given["networkConfiguration"]["awsvpcConfiguration"],
        "subnets",
    )
    .iter()
    .filter_map(Value::as_str)
    .map(str::to_owned)
    .collect()
}
