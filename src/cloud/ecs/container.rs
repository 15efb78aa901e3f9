//! Container definitions, between AWS's shapes and AWS's member names: what drtool does not know of one is refused, never lost.

use super::text;
use aws_sdk_ecs::types as aws;
use serde_json::{Value, json};

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

pub(super) fn json_container(c: &aws::ContainerDefinition) -> Value {
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

pub(super) fn aws_container(c: &Value) -> aws::ContainerDefinition {
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
