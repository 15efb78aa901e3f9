//! Task definitions: families and revisions.

use super::{Scope, Tags, client, failure, includes, rows, tags_json, tags_of, text};
use crate::clock::{HOUR, SECOND};
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::{Map, Value, json};

#[derive(Clone, Debug)]
pub struct Definition {
    pub family: String,
    pub revision: u64,
    /// As DescribeTaskDefinition shows it, except for status and times.
    pub body: Value,
    /// `ACTIVE`, `INACTIVE` or `DELETE_IN_PROGRESS`.
    pub status: String,
    pub tags: Tags,
    pub registered: f64,
    pub registered_by: String,
    pub deregistered: Option<f64>,
    pub delete_requested: Option<f64>,
}

impl Definition {
    pub fn arn(&self) -> &str {
        text(&self.body, "taskDefinitionArn")
    }

    pub fn containers(&self) -> &[Value] {
        rows(&self.body, "containerDefinitions")
    }

    pub fn execution_role(&self) -> Option<&str> {
        self.body.get("executionRoleArn").and_then(Value::as_str)
    }

    pub fn task_role(&self) -> Option<&str> {
        self.body.get("taskRoleArn").and_then(Value::as_str)
    }

    /// CPU units and MiB of the task.
    pub fn size(&self) -> (u64, u64) {
        let number = |member| text(&self.body, member).parse().unwrap_or(0);
        (number("cpu"), number("memory"))
    }

    pub fn is_fargate(&self) -> bool {
        rows(&self.body, "compatibilities")
            .iter()
            .any(|c| c == "FARGATE")
    }

    pub fn network_mode(&self) -> &str {
        text(&self.body, "networkMode")
    }
}

/// The table's key of a revision.
pub(super) fn key(family: &str, revision: u64) -> String {
    format!("{family}:{revision:08}")
}

/// What `family`, `family:revision` or an ARN names: the table's key. A bare family means its latest active revision.
pub(super) fn find(world: &mut World, scope: &Scope, given: &str) -> Option<String> {
    if let Some((account, region)) = super::arn_place(given)
        && (account != scope.account || region != scope.region)
    {
        return None;
    }
    let short = super::last(given);
    let definitions = &scope.state(world).definitions;
    match short.rsplit_once(':') {
        Some((family, revision)) => {
            let key = key(family, revision.parse().ok()?);
            definitions.contains(&key).then_some(key)
        }
        None => definitions
            .iter()
            .filter(|(_, d)| d.family == short && d.status == "ACTIVE")
            .map(|(key, _)| key.to_owned())
            .last(),
    }
}

/// A definition from which tasks may be started: active, and of this place.
pub(super) fn active(cx: &mut Cx<'_>, given: &str) -> Result<Definition, AwsError> {
    let scope = Scope::of(cx);
    let key = find(cx.world, &scope, given).ok_or_else(|| client("TaskDefinition not found."))?;
    match scope.state(cx.world).definitions.get(&key) {
        Some(definition) if definition.status == "ACTIVE" => Ok(definition.clone()),
        Some(_) => Err(client("TaskDefinition is inactive")),
        None => Err(client("TaskDefinition not found.")),
    }
}

/// The definition of an ARN, whatever its status: a service goes on with an inactive one.
pub(super) fn by_arn<'w>(world: &'w World, scope: &Scope, arn: &str) -> Option<&'w Definition> {
    let (family, revision) = super::last(arn).rsplit_once(':')?;
    scope
        .seen(world)?
        .definitions
        .get(&key(family, revision.parse().ok()?))
}

pub(super) fn register(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let family = input.str("family").unwrap_or("").to_owned();
    let valid = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if family.is_empty() || family.len() > 255 || !family.chars().all(valid) {
        return Err(client("Family contains invalid characters."));
    }
    let body = checked(&input.value)?;
    let scope = Scope::of(cx);
    let state = scope.state(cx.world);
    let revision = state.revisions.get(&family).copied().unwrap_or(0) + 1;
    state.revisions.insert(family.clone(), revision);

    let mut full = Map::new();
    full.insert(
        "taskDefinitionArn".into(),
        scope
            .arn(&format!("task-definition/{family}:{revision}"))
            .into(),
    );
    full.insert("family".into(), family.clone().into());
    full.insert("revision".into(), revision.into());
    full.extend(body);
    let definition = Definition {
        family: family.clone(),
        revision,
        body: Value::Object(full),
        status: "ACTIVE".into(),
        tags: tags_of(input.value.get("tags")),
        registered: cx.unix_now(),
        registered_by: cx.caller.arn.clone(),
        deregistered: None,
        delete_requested: None,
    };
    let value =
        json!({ "taskDefinition": render(&definition), "tags": tags_json(&definition.tags) });
    let key = key(&family, revision);
    let fresh = cx.visible_at(&key);
    cx.place().ecs.definitions.put(key, definition, fresh);
    Ok(value)
}

/// CPU units and the memory (MiB) that Fargate offers with them: smallest, largest, step.
const FARGATE: [(u64, u64, u64, u64); 6] = [
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16_384, 1024),
    (4096, 8192, 30_720, 1024),
    (8192, 16_384, 61_440, 4096),
    (16_384, 32_768, 122_880, 8192),
];

fn fargate_offers(cpu: u64, memory: u64) -> bool {
    if cpu == 256 {
        return [512, 1024, 2048].contains(&memory);
    }
    FARGATE.iter().any(|(c, min, max, step)| {
        *c == cpu && (*min..=*max).contains(&memory) && (memory - min) % step == 0
    })
}

/// `256`, `.25 vCPU`, `512`, `0.5 GB`: as CPU units or MiB.
fn size(given: &str, unit: &str) -> Option<u64> {
    let lower = given.trim().to_ascii_lowercase();
    match lower.strip_suffix(unit) {
        Some(number) => number
            .trim()
            .parse::<f64>()
            .ok()
            .map(|n| (n * 1024.0) as u64),
        None => lower.parse().ok(),
    }
}

/// Checks a definition as RegisterTaskDefinition does, and fills in what AWS fills in.
fn checked(given: &Value) -> Result<Map<String, Value>, AwsError> {
    let mut body = Map::new();
    let containers = rows(given, "containerDefinitions");
    if containers.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    let wants = rows(given, "requiresCompatibilities");
    let fargate = wants.iter().any(|c| c == "FARGATE");
    let network = match text(given, "networkMode") {
        "" if fargate => return Err(client("Fargate only supports network mode ‘awsvpc’.")),
        "" => "bridge",
        mode => mode,
    };
    if fargate && network != "awsvpc" {
        return Err(client("Fargate only supports network mode ‘awsvpc’."));
    }
    let (cpu_given, memory_given) = (text(given, "cpu"), text(given, "memory"));
    let cpu = size(cpu_given, "vcpu");
    let memory = size(memory_given, "gb");
    if (!cpu_given.is_empty() && cpu.is_none()) || (!memory_given.is_empty() && memory.is_none()) {
        return Err(client("Invalid 'cpu' or 'memory' setting for task."));
    }
    if fargate {
        let cpu =
            cpu.ok_or_else(|| client("Fargate requires that 'cpu' be defined at the task level."))?;
        let memory = memory.ok_or_else(|| {
            client("Fargate requires that 'memory' be defined at the task level.")
        })?;
        if !fargate_offers(cpu, memory) {
            return Err(client(format!(
                "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS \
                 documentation for the valid values."
            )));
        }
        if ["pidMode", "ipcMode"]
            .iter()
            .any(|m| text(given, m) == "host")
        {
            return Err(client(
                "Fargate does not support the 'host' process or IPC namespace.",
            ));
        }
        if !rows(given, "placementConstraints").is_empty() {
            return Err(client(
                "Fargate task definitions do not support placement constraints.",
            ));
        }
    }
    for role in ["executionRoleArn", "taskRoleArn"] {
        let arn = text(given, role);
        if !arn.is_empty() && !(arn.starts_with("arn:aws") && arn.contains(":role/")) {
            return Err(client("Role is not valid"));
        }
    }
    let has_role = !text(given, "executionRoleArn").is_empty();
    let mut filled = vec![];
    let mut names = std::collections::BTreeSet::new();
    for container in containers {
        let container = checked_container(container, network, fargate, has_role, memory)?;
        if !names.insert(text(&container, "name").to_owned()) {
            return Err(client(
                "Container names must be unique within a task definition.",
            ));
        }
        filled.push(container);
    }
    if !filled.iter().any(|c| c["essential"] == true) {
        return Err(client("A task must have at least one essential container."));
    }
    for container in &filled {
        for on in rows(container, "dependsOn") {
            if !names.contains(text(on, "containerName")) {
                return Err(client(
                    "Container.dependsOn refers to a container that is not in the task definition.",
                ));
            }
        }
        for mount in rows(container, "mountPoints") {
            if !rows(given, "volumes")
                .iter()
                .any(|v| v["name"] == mount["sourceVolume"])
            {
                return Err(client(format!(
                    "Unknown volume '{}'.",
                    text(mount, "sourceVolume")
                )));
            }
        }
    }
    let container_sum: u64 = filled.iter().filter_map(|c| c["memory"].as_u64()).sum();
    if fargate && memory.is_some_and(|m| container_sum > m) {
        return Err(client(
            "Invalid setting for container. The sum of 'memory' settings is greater than for the task.",
        ));
    }

    body.insert("containerDefinitions".into(), filled.clone().into());
    for member in ["taskRoleArn", "executionRoleArn"] {
        if !text(given, member).is_empty() {
            body.insert(member.into(), given[member].clone());
        }
    }
    body.insert("networkMode".into(), network.into());
    body.insert(
        "volumes".into(),
        given.get("volumes").cloned().unwrap_or_else(|| json!([])),
    );
    body.insert(
        "requiresAttributes".into(),
        attributes(given, &filled, network),
    );
    body.insert(
        "placementConstraints".into(),
        given
            .get("placementConstraints")
            .cloned()
            .unwrap_or_else(|| json!([])),
    );
    let both = network == "awsvpc" && cpu.zip(memory).is_some_and(|(c, m)| fargate_offers(c, m));
    body.insert(
        "compatibilities".into(),
        if both {
            json!(["EC2", "FARGATE"])
        } else {
            json!(["EC2"])
        },
    );
    if !wants.is_empty() {
        body.insert("requiresCompatibilities".into(), wants.to_vec().into());
    }
    if let Some(cpu) = cpu {
        body.insert("cpu".into(), cpu.to_string().into());
    }
    if let Some(memory) = memory {
        body.insert("memory".into(), memory.to_string().into());
    }
    for member in [
        "pidMode",
        "ipcMode",
        "proxyConfiguration",
        "inferenceAccelerators",
        "ephemeralStorage",
        "runtimePlatform",
        "enableFaultInjection",
    ] {
        if let Some(value) = given.get(member).filter(|v| !v.is_null()) {
            body.insert(member.into(), value.clone());
        }
    }
    Ok(body)
}

fn checked_container(
    given: &Value,
    network: &str,
    fargate: bool,
    has_role: bool,
    task_memory: Option<u64>,
) -> Result<Value, AwsError> {
    let (name, image) = (text(given, "name"), text(given, "image"));
    let valid = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.is_empty() {
        return Err(client("Container.name should not be null or empty."));
    }
    if name.len() > 255 || !name.chars().all(valid) {
        return Err(client("Container.name contains invalid characters."));
    }
    if image.is_empty() {
        return Err(client("Container.image should not be null or empty."));
    }
    if image.len() > 255 || image.chars().any(char::is_whitespace) {
        return Err(client("Container.image contains invalid characters."));
    }
    if task_memory.is_none()
        && given.get("memory").is_none()
        && given.get("memoryReservation").is_none()
    {
        return Err(client(format!(
            "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
        )));
    }
    let mut container = given.as_object().cloned().unwrap_or_default();
    let mut ports = rows(given, "portMappings").to_vec();
    for port in &mut ports {
        let inside = port["containerPort"].as_i64();
        if let Some(inside) = inside
            && !(0..=65_535).contains(&inside)
        {
            return Err(client(
                "Invalid container port. Valid values are between 0 and 65535.",
            ));
        }
        if network == "awsvpc" {
            if port
                .get("hostPort")
                .and_then(Value::as_i64)
                .is_some_and(|host| Some(host) != inside && host != 0)
            {
                return Err(client(
                    "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
                ));
            }
            port["hostPort"] = port["containerPort"].clone();
        } else if port.get("hostPort").is_none() {
            port["hostPort"] = json!(0);
        }
        if port.get("protocol").is_none() {
            port["protocol"] = json!("tcp");
        }
    }
    container.insert("portMappings".into(), ports.into());
    for (member, default) in [
        ("cpu", json!(0)),
        ("essential", json!(true)),
        ("environment", json!([])),
        ("mountPoints", json!([])),
        ("volumesFrom", json!([])),
        ("systemControls", json!([])),
    ] {
        container.entry(member).or_insert(default);
    }
    let secrets = rows(given, "secrets");
    if !secrets.is_empty() && !has_role {
        return Err(client(
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        ));
    }
    for secret in secrets {
        if text(secret, "name").is_empty() || text(secret, "valueFrom").is_empty() {
            return Err(client(
                "Container.secrets: 'name' and 'valueFrom' should not be null or empty.",
            ));
        }
        if rows(given, "environment")
            .iter()
            .any(|e| e["name"] == secret["name"])
        {
            return Err(client(
                "The secret name must be unique and not shared with any new or existing environment variables set on \
                 the container, such as those from 'environment'.",
            ));
        }
    }
    if fargate && is_private_ecr(image) && !has_role {
        return Err(client(
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ));
    }
    let log = &given["logConfiguration"];
    if text(log, "logDriver") == "awslogs" {
        if fargate && !has_role {
            return Err(client(
                "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
            ));
        }
        let option = |name: &str| !text(&log["options"], name).is_empty();
        if !option("awslogs-group") {
            return Err(client("Log driver awslogs requires options: awslogs-group"));
        }
        if fargate && !option("awslogs-region") {
            return Err(client(
                "Log driver awslogs requires options: awslogs-region",
            ));
        }
        if fargate && !option("awslogs-stream-prefix") {
            return Err(client(
                "Log driver awslogs requires options: awslogs-stream-prefix",
            ));
        }
    } else if fargate && !matches!(text(log, "logDriver"), "" | "splunk" | "awsfirelens") {
        return Err(client(format!(
            "Fargate does not support log driver '{}'.",
            text(log, "logDriver")
        )));
    }
    Ok(Value::Object(container))
}

/// `<account>.dkr.ecr.<region>.amazonaws.com/…`
pub(crate) fn is_private_ecr(image: &str) -> bool {
    image
        .split('/')
        .next()
        .is_some_and(|host| host.contains(".dkr.ecr.") && host.contains(".amazonaws.com"))
}

fn attributes(given: &Value, containers: &[Value], network: &str) -> Value {
    let mut names: Vec<&str> = vec![];
    let mut need = |name: &'static str| {
        if !names.contains(&name) {
            names.push(name);
        }
    };
    for container in containers {
        if text(&container["logConfiguration"], "logDriver") == "awslogs" {
            need("com.amazonaws.ecs.capability.logging-driver.awslogs");
            need("com.amazonaws.ecs.capability.docker-remote-api.1.19");
            if !text(given, "executionRoleArn").is_empty() {
                need("ecs.capability.execution-role-awslogs");
            }
        }
        if is_private_ecr(text(container, "image")) {
            need("com.amazonaws.ecs.capability.ecr-auth");
            if !text(given, "executionRoleArn").is_empty() {
                need("ecs.capability.execution-role-ecr-pull");
            }
        }
        for secret in rows(container, "secrets") {
            if text(secret, "valueFrom").contains(":secretsmanager:") {
                need("ecs.capability.secrets.asm.environment-variables");
            } else {
                need("ecs.capability.secrets.ssm.environment-variables");
            }
        }
    }
    if !text(given, "taskRoleArn").is_empty() {
        need("com.amazonaws.ecs.capability.task-iam-role");
    }
    if network == "awsvpc" {
        need("ecs.capability.task-eni");
    }
    need("com.amazonaws.ecs.capability.docker-remote-api.1.18");
    names.iter().map(|n| json!({ "name": n })).collect()
}

fn render(definition: &Definition) -> Value {
    let mut value = definition.body.clone();
    value["status"] = definition.status.clone().into();
    value["registeredAt"] = definition.registered.into();
    value["registeredBy"] = definition.registered_by.clone().into();
    if let Some(at) = definition.deregistered {
        value["deregisteredAt"] = at.into();
    }
    if let Some(at) = definition.delete_requested {
        value["deleteRequestedAt"] = at.into();
    }
    value
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (scope, now) = (Scope::of(cx), cx.now());
    let unable = || client("Unable to describe task definition.");
    let key =
        find(cx.world, &scope, input.str("taskDefinition").unwrap_or("")).ok_or_else(unable)?;
    let definition = scope
        .state(cx.world)
        .definitions
        .seen(&key, now)
        .ok_or_else(unable)?;
    let mut value = json!({ "taskDefinition": render(definition) });
    if includes(input, "TAGS") {
        value["tags"] = tags_json(&definition.tags);
    }
    Ok(value)
}

pub(super) fn deregister(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let scope = Scope::of(cx);
    let given = input.str("taskDefinition").unwrap_or("");
    if !super::last(given).contains(':') {
        return Err(client("Please specify a revision in the task definition."));
    }
    let key = find(cx.world, &scope, given)
        .ok_or_else(|| client("The specified task definition does not exist."))?;
    let (at, fresh) = (cx.unix_now(), cx.visible_at(&key));
    let state = scope.state(cx.world);
    state.definitions.change(&key, fresh, |d| {
        if d.status == "ACTIVE" {
            d.status = "INACTIVE".into();
            d.deregistered = Some(at);
        }
    });
    let definition = state
        .definitions
        .get(&key)
        .ok_or_else(|| client("The specified task definition does not exist."))?;
    Ok(json!({ "taskDefinition": render(definition) }))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let scope = Scope::of(cx);
    let asked = input.strings("taskDefinitions");
    if asked.is_empty() || asked.len() > 10 {
        return Err(AwsError::new(
            "InvalidParameterException",
            "Specify between 1 and 10 task definitions.",
        ));
    }
    let (mut deleted, mut failures) = (vec![], vec![]);
    for given in &asked {
        let arn = if given.starts_with("arn:") {
            given.clone()
        } else {
            scope.arn(&format!("task-definition/{given}"))
        };
        let Some(key) = find(cx.world, &scope, given).filter(|_| super::last(given).contains(':'))
        else {
            failures.push(json!({ "arn": arn, "reason": "The specified task definition does not exist. Specify a valid \
                 account, family, revision and try again." }));
            continue;
        };
        let (at, fresh) = (cx.unix_now(), cx.visible_at(&key));
        let state = scope.state(cx.world);
        if state
            .definitions
            .get(&key)
            .is_some_and(|d| d.status == "ACTIVE")
        {
            failures.push(failure(
                arn,
                "The specified task definition is still in ACTIVE status. Please deregister the \
                 target and try again.",
            ));
            continue;
        }
        state.definitions.change(&key, fresh, |d| {
            d.status = "DELETE_IN_PROGRESS".into();
            d.delete_requested.get_or_insert(at);
        });
        if let Some(definition) = state.definitions.get(&key) {
            deleted.push(render(definition));
        }
        scope.later(cx.world, 60 * SECOND, "definition-gone", &key, Value::Null);
    }
    Ok(json!({ "taskDefinitions": deleted, "failures": failures }))
}

/// A definition in deletion goes once no task and no service uses it.
pub(super) fn purge(world: &mut World, scope: &Scope, key: &str) {
    let state = scope.state(world);
    let Some(definition) = state.definitions.get(key) else {
        return;
    };
    let arn = definition.arn().to_owned();
    let used = state
        .tasks
        .iter()
        .any(|(_, t)| t.definition == arn && t.last_status != "STOPPED")
        || state
            .services
            .iter()
            .any(|(_, s)| s.status != "INACTIVE" && s.units.iter().any(|u| u.definition == arn));
    if used {
        scope.later(world, HOUR, "definition-gone", key, Value::Null);
    } else {
        state.definitions.remove(key, 0);
    }
}

pub(super) fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let status = input.str("status").unwrap_or("ACTIVE").to_owned();
    let family = input.str("familyPrefix").map(str::to_owned);
    let mut arns: Vec<String> = cx
        .place()
        .ecs
        .definitions
        .seen_all(now)
        .filter(|(_, d)| d.status == status && family.as_ref().is_none_or(|f| *f == d.family))
        .map(|(_, d)| d.arn().to_owned())
        .collect();
    if input.str("sort") == Some("DESC") {
        arns.reverse();
    }
    Ok(json!({ "taskDefinitionArns": arns }))
}

pub(super) fn families(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let prefix = input.str("familyPrefix").unwrap_or("").to_owned();
    let status = input.str("status").unwrap_or("ACTIVE").to_owned();
    let mut families: Vec<(String, bool)> = vec![];
    for (_, d) in cx
        .place()
        .ecs
        .definitions
        .seen_all(now)
        .filter(|(_, d)| d.family.starts_with(&prefix))
    {
        let active = d.status == "ACTIVE";
        match families.iter_mut().find(|(f, _)| *f == d.family) {
            Some((_, any)) => *any |= active,
            None => families.push((d.family.clone(), active)),
        }
    }
    let names: Vec<String> = families
        .into_iter()
        .filter(|(_, active)| match status.as_str() {
            "ACTIVE" => *active,
            "INACTIVE" => !*active,
            _ => true,
        })
        .map(|(f, _)| f)
        .collect();
    Ok(json!({ "families": names }))
}
