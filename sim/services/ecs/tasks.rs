//! Tasks: what they are, how callers run, stop and find them, and how they are shown.

use super::launch::{self, Launch, Refusal};
use super::settings::check_tags;
use super::{
    Definition, Scope, Tags, client, clusters, definitions, failure, includes, invalid, last, life,
    rows, tags_json, tags_of, text,
};
use crate::clock::{DAY, HOUR, Nanos};
use crate::error::AwsError;
use crate::plane::tasks::Process;
use crate::services::ec2;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};

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
    super::checks::check_launch(cx, &cluster, &given, &definition)?;
    super::checks::check_network(cx, &definition, &given["networkConfiguration"])?;
    let overrides = overrides_of(&given, &definition)?;
    if text(&given, "group").starts_with("service:") {
        return Err(invalid("Task group must not start with 'service:'."));
    }
    let wanted = Launch {
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
        match launch::launch(cx.world, &scope, &wanted) {
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
    Ok(object! { "tasks": tasks, "failures": failures })
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
    life::begin_stop(cx.world, &scope, &key, "UserInitiated", &reason);
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
    Ok(object! { "tasks": tasks, "failures": failures })
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
        && cx
            .place()
            .ecs
            .services
            .get(&format!("{cluster}/{service}"))
            .is_none_or(|s| s.status == "INACTIVE")
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
