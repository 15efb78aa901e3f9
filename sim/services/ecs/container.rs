//! What RegisterTaskDefinition refuses, and what it fills in.

use super::{client, rows, text};
use crate::error::AwsError;
use serde_json::{Map, Value, json};

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
        *c == cpu && (*min..=*max).contains(&memory) && (memory - min).is_multiple_of(*step)
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
pub(super) fn checked(given: &Value) -> Result<Map<String, Value>, AwsError> {
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
        let is_role = arn.starts_with("arn:aws") && arn.contains(":role/");
        if !arn.is_empty() && !is_role {
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
