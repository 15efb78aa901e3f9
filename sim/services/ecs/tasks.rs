//! Tasks: RunTask and StopTask, and the life of a task from PROVISIONING to STOPPED.

use super::settings::check_tags;
use super::{
    Definition, Scope, Tags, client, clusters, definitions, deployments, failure, includes,
    invalid, last, rows, start, tags_json, tags_of, text,
};
use crate::clock::{DAY, HOUR, Nanos, Pert, SECOND};
use crate::error::AwsError;
use crate::plane::tasks::Process;
use crate::services::{ec2, elbv2, iam, quotas};
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};
use std::fmt;

#[derive(Clone, Debug)]
pub struct Task {
    pub id: String,
    pub arn: String,
    pub cluster: String,
    pub definition: String,
    pub group: String,
    pub service: Option<String>,
    /// The deployment or task set it belongs to.
    pub unit: Option<String>,
    pub started_by: String,
    pub launch_type: String,
    pub provider: Option<String>,
    pub platform: String,
    pub network: Value,
    pub subnet: String,
    pub zone: String,
    pub overrides: Value,
    pub cpu: u64,
    pub memory: u64,
    pub tags: Tags,
    pub execute_command: bool,
    /// `PROVISIONING` … `STOPPED`.
    pub last_status: String,
    /// `RUNNING` or `STOPPED`.
    pub desired_status: String,
    pub stop_code: Option<String>,
    pub stopped_reason: Option<String>,
    pub created_at: Nanos,
    pub pull_started: Option<Nanos>,
    pub pull_stopped: Option<Nanos>,
    pub connected: Option<Nanos>,
    pub started: Option<Nanos>,
    pub stopping: Option<Nanos>,
    pub execution_stopped: Option<Nanos>,
    pub stopped: Option<Nanos>,
    pub interface: Option<ec2::Interface>,
    pub attachment: String,
    pub containers: Vec<Container>,
    pub targets: Vec<Target>,
    /// Counted at each change; an event that names another is out of date.
    pub version: u64,
}

#[derive(Clone, Debug)]
pub struct Container {
    pub name: String,
    pub arn: String,
    pub image: String,
    pub digest: Option<String>,
    pub essential: bool,
    pub last_status: String,
    pub exit_code: Option<i64>,
    pub reason: Option<String>,
    pub runtime_id: Option<String>,
    /// What runs in it, while it runs.
    pub process: Option<Process>,
}

/// A seat in a target group.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub group: String,
    pub port: u16,
}

impl Task {
    pub fn key(&self) -> String {
        format!("{}/{}", self.cluster, self.id)
    }

    pub fn ip(&self) -> String {
        self.interface
            .as_ref()
            .map(|i| i.private_address.clone())
            .unwrap_or_default()
    }

    pub fn is_up(&self) -> bool {
        self.containers.iter().any(|c| c.process.is_some())
    }

    /// The vantage point of what runs in it.
    pub fn from(&self, account: &str, region: &str) -> Option<crate::plane::From> {
        let interface = self.interface.as_ref()?;
        Some(crate::plane::From::Interface {
            account: account.to_owned(),
            region: region.to_owned(),
            id: interface.id.clone(),
        })
    }
}

/// What a RunTask token stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RunToken {
    request: String,
    tasks: Vec<String>,
    at: Nanos,
}

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

    fn reason(&self) -> String {
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

/// `LATEST` is a name; tasks and deployments show the number.
pub(super) fn platform(given: &str) -> &str {
    match given {
        "" | "LATEST" => "1.4.0",
        number => number,
    }
}

/// Tasks of a service that are not STOPPED yet, oldest first.
pub(super) fn of_service(world: &World, scope: &Scope, service: &str) -> Vec<String> {
    let Some((cluster, name)) = service.split_once('/') else {
        return vec![];
    };
    let Some(state) = scope.seen(world) else {
        return vec![];
    };
    let mut found: Vec<(Nanos, String)> = state
        .members(cluster, name)
        .filter(|(_, t)| t.last_status != "STOPPED")
        .map(|(key, t)| (t.created_at, key.to_owned()))
        .collect();
    found.sort();
    found.into_iter().map(|(_, key)| key).collect()
}

impl super::State {
    /// The tasks of a service, stopped ones included while they are remembered.
    pub(super) fn members<'s>(
        &'s self,
        cluster: &str,
        service: &str,
    ) -> impl Iterator<Item = (&'s str, &'s Task)> {
        let keys = self.members.get(&format!("{cluster}/{service}"));
        keys.into_iter()
            .flatten()
            .filter_map(|key| self.tasks.get(key).map(|t| (key.as_str(), t)))
    }
}

// ---- starting ---------------------------------------------------------------------------------------------------------

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

    let subnets = deployments::subnets(&launch.given);
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
        targets: deployments::targets(&launch.balancers),
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

pub(super) fn run(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let cluster = clusters::active(cx, input.str("cluster"))?;
    let definition = definitions::active(cx, input.str("taskDefinition").unwrap_or(""))?;
    let count = input.i64("count").unwrap_or(1);
    if !(1..=10).contains(&count) {
        return Err(invalid("Count must be between 1 and 10."));
    }
    let mut request = input.value.clone();
    if let Some(request) = request.as_object_mut() {
        request.remove("clientToken");
    }
    let request = request.to_string();
    let scope = Scope::of(cx);
    let token = input.str("clientToken").map(str::to_owned);
    if let Some(token) = &token {
        if token.is_empty() || token.len() > 64 {
            return Err(invalid(
                "clientToken must have between 1 and 64 characters.",
            ));
        }
        if let Some(known) = live_token(cx, &scope, &cluster, token) {
            if known.request != request {
                let ids: Vec<String> = known.tasks.iter().map(|k| last(k).to_owned()).collect();
                return Err(AwsError::new(
                    "ConflictException",
                    "The specified client token was used with different parameters.",
                )
                .field("resourceIds", ids));
            }
            let tasks: Vec<Value> = known
                .tasks
                .iter()
                .filter_map(|key| shown(cx.world, &scope, key, true))
                .collect();
            return Ok(json!({ "tasks": tasks, "failures": [] }));
        }
    }
    let tags = tags_of(input.value.get("tags"));
    check_tags(&tags)?;
    let mut given = input.value.clone();
    if given["propagateTags"] == "SERVICE" {
        return Err(invalid(
            "Tags can only be propagated from the task definition for RunTask.",
        ));
    }
    if text(&given, "launchType").is_empty() && rows(&given, "capacityProviderStrategy").is_empty()
    {
        let default = cx
            .place()
            .ecs
            .clusters
            .get(&cluster)
            .map(|c| c.strategy.clone())
            .unwrap_or(json!([]));
        given["capacityProviderStrategy"] = default;
    }
    super::services::check_launch(cx, &cluster, &given, &definition)?;
    super::services::check_network(cx, &definition, &given["networkConfiguration"])?;
    let overrides = overrides_of(&given, &definition)?;
    if text(&given, "group").starts_with("service:") {
        return Err(invalid("Task group must not start with 'service:'."));
    }
    let launch = Launch {
        cluster: cluster.clone(),
        group: match text(&given, "group") {
            "" => format!("family:{}", definition.family),
            group => group.to_owned(),
        },
        definition,
        balancers: vec![],
        given,
        overrides,
        service: None,
        unit: None,
        started_by: input.str("startedBy").unwrap_or("").to_owned(),
        service_tags: vec![],
        tags,
    };
    let (mut keys, mut failures) = (vec![], vec![]);
    for _ in 0..count {
        match self::launch(cx.world, &scope, &launch) {
            Ok(key) => keys.push(key),
            Err(refusal @ Refusal::Role(_)) => return Err(client(refusal.reason())),
            Err(refusal) => failures.push(json!({ "reason": refusal.reason() })),
        }
    }
    if let Some(token) = token
        && !keys.is_empty()
    {
        let at = cx.now();
        let token = (cluster, token);
        cx.place().ecs.run_tokens.insert(
            token,
            RunToken {
                request,
                tasks: keys.clone(),
                at,
            },
        );
    }
    let tasks: Vec<Value> = keys
        .iter()
        .filter_map(|key| shown(cx.world, &scope, key, true))
        .collect();
    Ok(json!({ "tasks": tasks, "failures": failures }))
}

/// A token lives for 24 hours, or until an hour after its tasks ended, whichever comes first.
fn live_token(cx: &mut Cx<'_>, scope: &Scope, cluster: &str, token: &str) -> Option<RunToken> {
    let now = cx.now();
    let state = scope.state(cx.world);
    let known = state
        .run_tokens
        .get(&(cluster.to_owned(), token.to_owned()))?;
    let alive = known.tasks.iter().any(|key| {
        state
            .tasks
            .get(key)
            .is_some_and(|t| t.stopped.is_none_or(|at| now < at + HOUR))
    });
    (now < known.at + DAY && alive).then(|| known.clone())
}

fn overrides_of(given: &Value, definition: &Definition) -> Result<Value, AwsError> {
    let mut overrides = given
        .get("overrides")
        .filter(|o| o.is_object())
        .cloned()
        .unwrap_or_else(|| json!({}));
    for container in rows(&overrides, "containerOverrides") {
        let name = text(container, "name");
        if !definition
            .containers()
            .iter()
            .any(|c| text(c, "name") == name)
        {
            return Err(invalid(format!(
                "Override for container named {name} is not a container in the TaskDefinition."
            )));
        }
    }
    let size = overrides.to_string().len();
    if size > 8192 {
        return Err(invalid("Overrides length must be at most 8192."));
    }
    for list in ["containerOverrides", "inferenceAcceleratorOverrides"] {
        if overrides.get(list).is_none() {
            overrides[list] = json!([]);
        }
    }
    Ok(overrides)
}

// ---- living -----------------------------------------------------------------------------------------------------------

/// The next step in the life of a task; `detail` is the version for which it was scheduled.
pub(super) fn step(world: &mut World, scope: &Scope, key: &str, detail: &Value) {
    let Some(task) = scope.state(world).tasks.get(key).cloned() else {
        return;
    };
    if detail.as_u64() != Some(task.version) {
        return;
    }
    match task.last_status.as_str() {
        "PROVISIONING" => provision(world, scope, task),
        "PENDING" => pull(world, scope, task),
        "ACTIVATING" => enter(world, scope, key, "RUNNING", None),
        "DEACTIVATING" => end_processes(world, scope, task),
        "STOPPING" => deprovision(world, scope, task),
        "DEPROVISIONING" => finish(world, scope, task),
        _ => {}
    }
}

/// Puts a task into a status, and schedules its next step.
fn enter(world: &mut World, scope: &Scope, key: &str, status: &str, next: Option<Nanos>) {
    let now = world.now();
    let mut version = 0;
    scope.state(world).tasks.settle(key, |task| {
        task.last_status = status.to_owned();
        task.version += 1;
        version = task.version;
        if status == "RUNNING" {
            task.started = Some(now);
        }
    });
    if let Some(after) = next {
        scope.later(world, after, "task", key, json!(version));
    }
    if let Some(task) = scope.state(world).tasks.get(key).cloned() {
        deployments::task_changed(world, scope, &task);
    }
}

fn provision(world: &mut World, scope: &Scope, task: Task) {
    let key = task.key();
    let groups: Vec<String> = rows(&task.network, "securityGroups")
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let public = task.network["assignPublicIp"] == "ENABLED";
    let description = format!(
        "arn:aws:ecs:{}:{}:attachment/{}",
        scope.region, scope.account, task.attachment
    );
    let attached = ec2::attach_interface(
        world,
        &scope.account,
        &scope.region,
        &task.subnet,
        &groups,
        &description,
        "ecs",
        public,
    );
    match attached {
        Ok(interface) => {
            let now = world.now();
            let address = (interface.vpc_id.clone(), interface.private_address.clone());
            let state = scope.state(world);
            state.addresses.insert(address, key.clone());
            state.tasks.settle(&key, |task| {
                task.interface = Some(interface);
                task.connected = Some(now);
                task.pull_started = Some(now + SECOND);
            });
            // What will fail by silence takes long to say so.
            let Some(task) = scope.state(world).tasks.get(&key).cloned() else {
                return;
            };
            let after = match start::check(world, scope, &task) {
                Err(failed) if failed.silent => {
                    world.sample(Pert(90.0, 150.0, 240.0), &key, "pull-in-vain")
                }
                Err(_) => world.sample(Pert(5.0, 12.0, 40.0), &key, "fail"),
                Ok(ready) => {
                    let transfer = (ready.bytes as f64 / 50_000_000.0 * SECOND as f64) as Nanos;
                    world.sample(Pert(8.0, 18.0, 60.0), &key, "pull") + transfer
                }
            };
            enter(world, scope, &key, "PENDING", Some(after));
        }
        Err(error) => {
            let reason = format!(
                "Unexpected EC2 error while attempting to create network interface: {}",
                error.message
            );
            fail(world, scope, &key, &reason, None);
        }
    }
}

/// Everything that a start needs is looked at when it is needed, not before.
fn pull(world: &mut World, scope: &Scope, task: Task) {
    let key = task.key();
    let now = world.now();
    match start::check(world, scope, &task) {
        Err(failed) => fail(
            world,
            scope,
            &key,
            &failed.reason,
            failed.container.as_deref(),
        ),
        Ok(ready) => {
            start::make_log_groups(world, scope, &task);
            let mut runtime = vec![];
            for _ in &task.containers {
                runtime.push(format!(
                    "{}-{}",
                    task.id,
                    scope.cx(world, "runtime").hex("runtime", 10)
                ));
            }
            scope.state(world).tasks.settle(&key, |task| {
                task.pull_stopped = Some(now);
                for ((container, digest), runtime) in
                    task.containers.iter_mut().zip(ready.digests).zip(runtime)
                {
                    container.digest = digest;
                    container.last_status = "RUNNING".into();
                    container.runtime_id = Some(runtime);
                }
            });
            for (container, prepared) in ready.containers.into_iter().enumerate() {
                crate::plane::tasks::begin(world, scope, &key, container, prepared);
            }
            let registered = !task.targets.is_empty();
            if registered {
                register(world, scope, &key);
                let after = world.sample(Pert(1.0, 3.0, 8.0), &key, "activate");
                enter(world, scope, &key, "ACTIVATING", Some(after));
            } else {
                enter(world, scope, &key, "RUNNING", None);
            }
        }
    }
}

fn register(world: &mut World, scope: &Scope, key: &str) {
    let Some(task) = scope.state(world).tasks.get(key).cloned() else {
        return;
    };
    for target in &task.targets {
        let done = elbv2::register(
            world,
            &scope.account,
            &scope.region,
            &target.group,
            &task.ip(),
            target.port,
        );
        let what = match done {
            Ok(()) => format!("registered 1 targets in (target-group {})", target.group),
            Err(error) => format!(
                "was unable to register targets in (target-group {}): {error}",
                target.group
            ),
        };
        tell_service(world, scope, &task, &what);
    }
}

fn tell_service(world: &mut World, scope: &Scope, task: &Task, what: &str) {
    let Some(name) = &task.service else { return };
    let key = format!("{}/{name}", task.cluster);
    if let Some(mut service) = scope.state(world).services.get(&key).cloned() {
        deployments::say(
            world,
            scope,
            &mut service,
            format!("(service {name}) {what}"),
        );
        scope
            .state(world)
            .services
            .settle(&key, |old| *old = service);
    }
}

/// A task that never ran.
fn fail(world: &mut World, scope: &Scope, key: &str, reason: &str, container: Option<&str>) {
    let now = world.now();
    scope.state(world).tasks.settle(key, |task| {
        task.desired_status = "STOPPED".into();
        task.stop_code = Some("TaskFailedToStart".into());
        task.stopped_reason = Some(reason.to_owned());
        task.stopping = Some(now);
        task.execution_stopped = Some(now);
        for c in &mut task.containers {
            c.last_status = "STOPPED".into();
            if Some(c.name.as_str()) == container {
                c.reason = Some(reason.to_owned());
            }
        }
    });
    let after = world.sample(Pert(5.0, 10.0, 25.0), key, "deprovision");
    enter(world, scope, key, "DEPROVISIONING", Some(after));
    if let Some(task) = scope.state(world).tasks.get(key).cloned() {
        deployments::task_ended(world, scope, &task, false);
    }
}

/// Begins to stop a task, unless it is being stopped.
pub(super) fn begin_stop(world: &mut World, scope: &Scope, key: &str, code: &str, reason: &str) {
    let now = world.now();
    let Some(task) = scope.state(world).tasks.get(key).cloned() else {
        return;
    };
    if task.desired_status == "STOPPED" {
        return;
    }
    scope.state(world).tasks.settle(key, |task| {
        task.desired_status = "STOPPED".into();
        task.stop_code = Some(code.to_owned());
        task.stopped_reason = Some(reason.to_owned());
        task.stopping = Some(now);
    });
    match task.last_status.as_str() {
        "PROVISIONING" | "PENDING" => {
            scope.state(world).tasks.settle(key, |task| {
                for c in &mut task.containers {
                    c.last_status = "STOPPED".into();
                }
            });
            let after = world.sample(Pert(5.0, 10.0, 25.0), key, "deprovision");
            enter(world, scope, key, "DEPROVISIONING", Some(after));
        }
        _ => {
            let drained = deregister(world, scope, &task);
            let after = if task.is_up() { drained } else { SECOND };
            enter(world, scope, key, "DEACTIVATING", Some(after.max(SECOND)));
        }
    }
}

/// Takes a task out of its target groups; answers how long they drain.
fn deregister(world: &mut World, scope: &Scope, task: &Task) -> Nanos {
    let mut longest = 0;
    for target in &task.targets {
        let delay = elbv2::target_group(world, &target.group)
            .and_then(|g| g.attributes.get("deregistration_delay.timeout_seconds"))
            .and_then(|seconds| seconds.parse().ok())
            .unwrap_or(300);
        longest = longest.max(delay * SECOND);
        elbv2::deregister(
            world,
            &scope.account,
            &scope.region,
            &target.group,
            &task.ip(),
            target.port,
        );
        tell_service(
            world,
            scope,
            task,
            &format!("deregistered 1 targets in (target-group {})", target.group),
        );
    }
    longest
}

/// The processes are told to end; those that do not are killed after the stop timeout.
fn end_processes(world: &mut World, scope: &Scope, task: Task) {
    let key = task.key();
    let definition = definitions::by_arn(world, scope, &task.definition).cloned();
    let mut longest = SECOND;
    let mut codes = vec![];
    for container in &task.containers {
        let timeout = definition
            .as_ref()
            .and_then(|d| {
                d.containers()
                    .iter()
                    .find(|c| text(c, "name") == container.name)
            })
            .and_then(|c| c["stopTimeout"].as_u64())
            .unwrap_or(30)
            .min(120);
        let ending = container.process.as_ref().map(Process::ending);
        let (seconds, code) = match ending {
            Some((seconds, code)) if seconds <= timeout => (seconds, Some(code)),
            Some(_) => (timeout, Some(137)),
            None => (0, container.exit_code),
        };
        longest = longest.max(seconds * SECOND);
        codes.push(code);
    }
    scope.state(world).tasks.settle(&key, |task| {
        for (container, code) in task.containers.iter_mut().zip(codes) {
            container.exit_code = code;
        }
    });
    enter(world, scope, &key, "STOPPING", Some(longest));
}

fn deprovision(world: &mut World, scope: &Scope, task: Task) {
    let key = task.key();
    let now = world.now();
    for container in 0..task.containers.len() {
        crate::plane::tasks::end(world, scope, &key, container);
    }
    scope.state(world).tasks.settle(&key, |task| {
        task.execution_stopped.get_or_insert(now);
        for container in &mut task.containers {
            container.last_status = "STOPPED".into();
            container.process = None;
        }
    });
    let after = world.sample(Pert(5.0, 10.0, 25.0), &key, "deprovision");
    enter(world, scope, &key, "DEPROVISIONING", Some(after));
}

fn finish(world: &mut World, scope: &Scope, task: Task) {
    let key = task.key();
    let now = world.now();
    if let Some(interface) = &task.interface {
        let address = (interface.vpc_id.clone(), interface.private_address.clone());
        let state = scope.state(world);
        if state.addresses.get(&address) == Some(&key) {
            state.addresses.remove(&address);
        }
        ec2::release_interface(world, &scope.account, &scope.region, &interface.id);
    }
    scope
        .state(world)
        .tasks
        .settle(&key, |task| task.stopped = Some(now));
    if let Some(service) = &task.service
        && let Some(members) = scope
            .state(world)
            .members
            .get_mut(&format!("{}/{service}", task.cluster))
    {
        members.remove(&key);
    }
    enter(world, scope, &key, "STOPPED", None);
    // ECS remembers stopped tasks for an hour.
    scope.later(world, HOUR, "task-gone", &key, Value::Null);
}

/// A process has ended by itself.
pub(crate) fn process_ended(
    world: &mut World,
    scope: &Scope,
    key: &str,
    container: usize,
    code: i64,
) {
    let now = world.now();
    crate::plane::tasks::end(world, scope, key, container);
    let mut essential = false;
    scope.state(world).tasks.settle(key, |task| {
        if let Some(container) = task.containers.get_mut(container) {
            container.process = None;
            container.exit_code = Some(code);
            container.last_status = "STOPPED".into();
            essential = container.essential;
        }
    });
    let Some(task) = scope.state(world).tasks.get(key).cloned() else {
        return;
    };
    let last_one = !task.is_up();
    if (!essential && !last_one) || task.desired_status == "STOPPED" {
        return;
    }
    scope.state(world).tasks.settle(key, |task| {
        task.desired_status = "STOPPED".into();
        task.stop_code = Some("EssentialContainerExited".into());
        task.stopped_reason = Some("Essential container in task exited".into());
        task.stopping = Some(now);
        task.execution_stopped = Some(now);
    });
    deregister(world, scope, &task);
    let after = world.sample(Pert(1.0, 3.0, 8.0), key, "stop");
    enter(world, scope, key, "DEACTIVATING", Some(after));
    deployments::task_ended(world, scope, &task, task.started.is_some());
}

// ---- showing ----------------------------------------------------------------------------------------------------------

pub(super) fn stop(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let cluster = clusters::active(cx, input.str("cluster"))?;
    let scope = Scope::of(cx);
    let key = format!("{cluster}/{}", last(input.str("task").unwrap_or("")));
    if !cx.place().ecs.tasks.contains(&key) {
        return Err(invalid("The referenced task was not found."));
    }
    let reason = match input.str("reason") {
        None | Some("") => "Task stopped by user".to_owned(),
        Some(reason) => reason.to_owned(),
    };
    begin_stop(cx.world, &scope, &key, "UserInitiated", &reason);
    Ok(json!({ "task": shown(cx.world, &scope, &key, true) }))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let asked = input.strings("tasks");
    if asked.is_empty() {
        return Err(invalid("Tasks cannot be empty."));
    }
    if asked.len() > 100 {
        return Err(invalid("Tasks cannot have more than 100 elements."));
    }
    let cluster = clusters::active(cx, input.str("cluster"))?;
    let scope = Scope::of(cx);
    let tags = includes(input, "TAGS");
    let (mut tasks, mut failures) = (vec![], vec![]);
    for given in &asked {
        let key = format!("{cluster}/{}", last(given));
        let foreign =
            super::arn_place(given).is_some_and(|(a, r)| a != scope.account || r != scope.region);
        match seen(cx.world, &scope, &key).filter(|_| !foreign) {
            Some(task) => tasks.push(render(cx.world, &scope, task, tags)),
            None => failures.push(failure(scope.arn(&format!("task/{key}")), "MISSING")),
        }
    }
    Ok(json!({ "tasks": tasks, "failures": failures }))
}

fn seen<'w>(world: &'w World, scope: &Scope, key: &str) -> Option<&'w Task> {
    scope.seen(world)?.tasks.seen(key, world.now())
}

fn shown(world: &World, scope: &Scope, key: &str, tags: bool) -> Option<Value> {
    let task = scope.seen(world)?.tasks.get(key)?;
    Some(render(world, scope, task, tags))
}

pub(super) fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let cluster = clusters::active(cx, input.str("cluster"))?;
    let (scope, now) = (Scope::of(cx), cx.now());
    let service = input.str("serviceName").map(|s| last(s).to_owned());
    if let Some(service) = &service
        && !cx
            .place()
            .ecs
            .services
            .get(&format!("{cluster}/{service}"))
            .is_some_and(|s| s.status != "INACTIVE")
    {
        return Err(AwsError::new(
            "ServiceNotFoundException",
            "Service not found.",
        ));
    }
    let desired = input.str("desiredStatus").unwrap_or("RUNNING").to_owned();
    let family = input.str("family").map(str::to_owned);
    let started_by = input.str("startedBy").map(str::to_owned);
    let launch = input.str("launchType").map(str::to_owned);
    if input.has("containerInstance") {
        return Ok(json!({ "taskArns": [] }));
    }
    let arns: Vec<String> = scope
        .state(cx.world)
        .tasks
        .seen_all(now)
        .map(|(_, t)| t)
        .filter(|t| t.cluster == cluster && t.desired_status == desired)
        .filter(|t| {
            service
                .as_ref()
                .is_none_or(|s| t.service.as_ref() == Some(s))
        })
        .filter(|t| {
            family.as_ref().is_none_or(|f| {
                last(&t.definition)
                    .rsplit_once(':')
                    .is_some_and(|(n, _)| n == f)
            })
        })
        .filter(|t| started_by.as_ref().is_none_or(|s| t.started_by == *s))
        .filter(|t| launch.as_ref().is_none_or(|l| t.launch_type == *l))
        .map(|t| t.arn.clone())
        .collect();
    Ok(json!({ "taskArns": arns }))
}

/// A task as callers get it.
pub(super) fn render(world: &World, scope: &Scope, task: &Task, tags: bool) -> Value {
    let mut value = json!({
        "attachments": [attachment(task)],
        "attributes": [{ "name": "ecs.cpu-architecture", "value": "x86_64" }],
        "availabilityZone": task.zone,
        "clusterArn": scope.arn(&format!("cluster/{}", task.cluster)),
        "containers": task.containers.iter().map(|c| container(task, c)).collect::<Vec<_>>(),
        "cpu": task.cpu.to_string(),
        "createdAt": world.unix(task.created_at),
        "desiredStatus": task.desired_status,
        "enableExecuteCommand": task.execute_command,
        "group": task.group,
        "healthStatus": "UNKNOWN",
        "lastStatus": task.last_status,
        "launchType": task.launch_type,
        "memory": task.memory.to_string(),
        "overrides": task.overrides,
        "platformVersion": task.platform,
        "platformFamily": "Linux",
        "tags": if tags { tags_json(&task.tags) } else { json!([]) },
        "taskArn": task.arn,
        "taskDefinitionArn": task.definition,
        "version": task.version,
        "ephemeralStorage": { "sizeInGiB": 20 },
        "fargateEphemeralStorage": { "sizeInGiB": 20 },
    });
    if let Some(provider) = &task.provider {
        value["capacityProviderName"] = provider.clone().into();
    }
    if !task.started_by.is_empty() {
        value["startedBy"] = task.started_by.clone().into();
    }
    if task.connected.is_some() {
        value["connectivity"] = "CONNECTED".into();
    }
    let now = world.now();
    for (member, at) in [
        ("connectivityAt", task.connected),
        ("pullStartedAt", task.pull_started.filter(|at| *at <= now)),
        ("pullStoppedAt", task.pull_stopped),
        ("startedAt", task.started),
        ("stoppingAt", task.stopping),
        ("executionStoppedAt", task.execution_stopped),
        ("stoppedAt", task.stopped),
    ] {
        if let Some(at) = at {
            value[member] = world.unix(at).into();
        }
    }
    if let Some(code) = &task.stop_code {
        value["stopCode"] = code.clone().into();
    }
    if let Some(reason) = &task.stopped_reason {
        value["stoppedReason"] = reason.clone().into();
    }
    value
}

fn attachment(task: &Task) -> Value {
    let mut details = vec![json!({ "name": "subnetId", "value": task.subnet })];
    let status = match (&task.interface, task.last_status.as_str()) {
        (_, "STOPPED") => "DELETED",
        (Some(interface), _) => {
            details.push(json!({ "name": "networkInterfaceId", "value": interface.id }));
            details.push(json!({ "name": "macAddress", "value": interface.mac }));
            details
                .push(json!({ "name": "privateIPv4Address", "value": interface.private_address }));
            "ATTACHED"
        }
        (None, "DEPROVISIONING") => "DELETED",
        (None, _) => "PRECREATED",
    };
    json!({ "id": task.attachment, "type": "ElasticNetworkInterface", "status": status, "details": details })
}

fn container(task: &Task, c: &Container) -> Value {
    let interfaces: Vec<Value> = task
        .interface
        .iter()
        .filter(|_| task.last_status != "STOPPED")
        .map(
            |i| json!({ "attachmentId": task.attachment, "privateIpv4Address": i.private_address }),
        )
        .collect();
    let mut value = json!({
        "containerArn": c.arn,
        "taskArn": task.arn,
        "name": c.name,
        "image": c.image,
        "lastStatus": c.last_status,
        "networkInterfaces": interfaces,
        "networkBindings": [],
        "healthStatus": "UNKNOWN",
        "cpu": "0",
    });
    if let Some(digest) = &c.digest {
        value["imageDigest"] = digest.clone().into();
    }
    if let Some(id) = &c.runtime_id {
        value["runtimeId"] = id.clone().into();
    }
    // A code that is already decided shows only once the container has stopped.
    if let Some(code) = c.exit_code
        && c.last_status == "STOPPED"
    {
        value["exitCode"] = code.into();
    }
    if let Some(reason) = &c.reason {
        value["reason"] = reason.clone().into();
    }
    value
}
