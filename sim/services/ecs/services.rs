//! Services: what callers ask of them.

use super::checks::{check_balancers, check_launch, check_network, configured};
use super::settings::check_tags;
use super::shown::render;
use super::{
    Scope, Tags, clusters, definitions, deployments, invalid, last, rows, scheduler, tags_of, text,
};
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::services::iam;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct EcsService {
    pub cluster: String,
    pub name: String,
    pub arn: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// What the caller gave and DescribeServices shows as it was given.
    pub given: Value,
    /// The definition that the next task of the primary unit is made from.
    pub definition: String,
    pub desired: u64,
    /// Deployments (controller `ECS`) or task sets (other controllers), the primary one first.
    pub units: Vec<Unit>,
    pub events: Vec<ServiceEvent>,
    /// `ECS`, `CODE_DEPLOY` or `EXTERNAL`.
    pub controller: String,
    pub created: f64,
    pub created_at: Nanos,
    pub created_by: String,
    pub token: Option<String>,
    pub tags: Tags,
    pub current_revision: Option<String>,
    pub current_deployment: Option<String>,
}

#[derive(Clone, Debug)]
pub struct ServiceEvent {
    pub id: String,
    pub at: f64,
    pub message: String,
}

/// A group of tasks made from one definition: a deployment, or a task set.
#[derive(Clone, Debug)]
pub struct Unit {
    /// `ecs-svc/…`
    pub id: String,
    /// `PRIMARY`, `ACTIVE` or `INACTIVE` (`DRAINING` for a task set).
    pub status: String,
    pub definition: String,
    /// Network, launch type, providers, platform version, load balancers.
    pub given: Value,
    pub created: f64,
    pub updated: f64,
    /// Tasks that failed since the last that did well.
    pub failed: u64,
    /// `IN_PROGRESS`, `COMPLETED` or `FAILED`.
    pub rollout: String,
    pub rollout_reason: String,
    /// Percent of the service's desired count; task sets only.
    pub scale: f64,
    pub external_id: String,
    pub started_by: String,
    pub tags: Tags,
    pub revision: Option<String>,
    pub service_deployment: Option<String>,
    pub stable_since: Option<f64>,
}

impl EcsService {
    pub fn key(&self) -> String {
        format!("{}/{}", self.cluster, self.name)
    }

    pub fn primary(&self) -> Option<&Unit> {
        self.units.iter().find(|u| u.status == "PRIMARY")
    }

    /// How many tasks a unit is to have.
    pub fn wanted(&self, unit: &Unit) -> u64 {
        match (
            self.status.as_str(),
            self.controller.as_str(),
            unit.status.as_str(),
        ) {
            ("ACTIVE", "ECS", "PRIMARY") => self.desired,
            ("ACTIVE", "ECS", _) | ("DRAINING" | "INACTIVE", _, _) => 0,
            (_, _, "DRAINING") => 0,
            _ => (self.desired as f64 * unit.scale / 100.0).ceil() as u64,
        }
    }

    pub fn balancers<'s>(&'s self, unit: &'s Unit) -> &'s [Value] {
        match rows(&unit.given, "loadBalancers") {
            [] if self.controller == "ECS" => rows(&self.given, "loadBalancers"),
            own => own,
        }
    }

    pub fn grace_seconds(&self) -> u64 {
        self.given["healthCheckGracePeriodSeconds"]
            .as_u64()
            .unwrap_or(0)
    }

    /// Minimum healthy and maximum percent.
    pub fn percents(&self) -> (u64, u64) {
        let configuration = &self.given["deploymentConfiguration"];
        (
            configuration["minimumHealthyPercent"]
                .as_u64()
                .unwrap_or(100),
            configuration["maximumPercent"].as_u64().unwrap_or(200),
        )
    }

    /// Whether the circuit breaker is on, and whether it rolls back.
    pub fn breaker(&self) -> (bool, bool) {
        let breaker = &self.given["deploymentConfiguration"]["deploymentCircuitBreaker"];
        (breaker["enable"] == true, breaker["rollback"] == true)
    }
}

/// The table's key of the service that a call names.
pub(super) fn key_of(cluster: &str, given: &str) -> String {
    format!("{cluster}/{}", last(given))
}

/// A service that is there and active; the errors as UpdateService gives them.
pub(super) fn active(
    cx: &mut Cx<'_>,
    cluster: Option<&str>,
    service: &str,
) -> Result<EcsService, AwsError> {
    let cluster = clusters::active(cx, cluster)?;
    let found = cx
        .place()
        .ecs
        .services
        .get(&key_of(&cluster, service))
        .cloned();
    match found {
        Some(service) if service.status == "ACTIVE" => Ok(service),
        Some(_) => Err(AwsError::new(
            "ServiceNotActiveException",
            "Service was not ACTIVE.",
        )),
        None => Err(AwsError::new(
            "ServiceNotFoundException",
            "Service not found.",
        )),
    }
}

/// Members of a call that DescribeServices shows as they were given.
pub(super) const SHOWN: [&str; 14] = [
    "loadBalancers",
    "serviceRegistries",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "deploymentConfiguration",
    "placementConstraints",
    "placementStrategy",
    "networkConfiguration",
    "healthCheckGracePeriodSeconds",
    "schedulingStrategy",
    "propagateTags",
    "enableECSManagedTags",
    "enableExecuteCommand",
];

pub(super) const UNIT: [&str; 5] = [
    "networkConfiguration",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "loadBalancers",
];

pub(super) fn picked(given: &Value, members: &[&str]) -> Value {
    let mut out = json!({});
    for member in members {
        if let Some(value) = given.get(*member).filter(|v| !v.is_null()) {
            out[*member] = value.clone();
        }
    }
    out
}

/// What AWS fills into the network configuration.
fn filled_network(given: &mut Value) {
    if let Some(network) = given.pointer_mut("/networkConfiguration/awsvpcConfiguration")
        && let Some(network) = network.as_object_mut()
    {
        network.entry("securityGroups").or_insert(json!([]));
        network.entry("assignPublicIp").or_insert(json!("DISABLED"));
    }
}

/// Launch type and provider strategy, where the caller left them to the cluster.
fn filled_launch(cx: &mut Cx<'_>, cluster: &str, given: &mut Value) {
    let strategy = given["capacityProviderStrategy"]
        .as_array()
        .is_some_and(|s| !s.is_empty());
    if !strategy && text(given, "launchType").is_empty() {
        let default = cx
            .place()
            .ecs
            .clusters
            .get(cluster)
            .map(|c| c.strategy.clone());
        given["capacityProviderStrategy"] = default.unwrap_or_else(|| json!([]));
    }
    if text(given, "platformVersion").is_empty() {
        given["platformVersion"] = json!("LATEST");
    }
}

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("serviceName").unwrap_or("").to_owned();
    let valid = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.is_empty() || name.len() > 255 || !name.chars().all(valid) {
        return Err(invalid("Invalid service name."));
    }
    let token = input.str("clientToken").map(str::to_owned);
    if token
        .as_ref()
        .is_some_and(|t| t.len() > 36 || !t.bytes().all(|b| (33..=126).contains(&b)))
    {
        return Err(invalid(
            "clientToken must be at most 36 printable ASCII characters.",
        ));
    }
    let cluster = clusters::active(cx, input.str("cluster"))?;
    let key = key_of(&cluster, &name);
    if let Some(old) = cx.place().ecs.services.get(&key).cloned() {
        match old.status.as_str() {
            "ACTIVE" if token.is_some() && old.token == token => {
                return Ok(json!({ "service": render(cx, &old, true) }));
            }
            "ACTIVE" => return Err(invalid("Creation of service was not idempotent.")),
            "DRAINING" => return Err(invalid("Unable to Start a service that is still Draining.")),
            _ => {}
        }
    }
    let controller = match text(&input.value["deploymentController"], "type") {
        "" => "ECS",
        other => other,
    }
    .to_owned();
    if input.str("schedulingStrategy") == Some("DAEMON") {
        return Err(invalid(
            "The DAEMON scheduling strategy is not supported with the Fargate launch type.",
        ));
    }
    let tags = tags_of(input.value.get("tags"));
    check_tags(&tags)?;
    let desired = match input.i64("desiredCount") {
        Some(n) if n < 0 => return Err(invalid("Invalid desiredCount: it must not be negative.")),
        Some(n) => n as u64,
        None => {
            return Err(invalid(
                "The desired count must be specified for the REPLICA scheduling strategy.",
            ));
        }
    };
    let external = controller == "EXTERNAL";
    let mut given = picked(&input.value, &SHOWN);
    let definition = match input.str("taskDefinition") {
        None if external => None,
        None => return Err(invalid("TaskDefinition cannot be blank.")),
        Some(_) if external => {
            return Err(invalid(
                "Task definition cannot be given for a service with an EXTERNAL deployment controller.",
            ));
        }
        Some(definition) => Some(definitions::active(cx, definition)?),
    };
    if let Some(definition) = &definition {
        check_launch(cx, &cluster, &given, definition)?;
        check_network(cx, definition, &given["networkConfiguration"])?;
        let balancers = rows(&given, "loadBalancers").to_vec();
        if controller == "CODE_DEPLOY" && balancers.len() != 1 {
            return Err(invalid(
                "A load balancer is required when using the CODE_DEPLOY deployment controller, and only one.",
            ));
        }
        check_balancers(cx, definition, &balancers)?;
    }
    if input.has("healthCheckGracePeriodSeconds") && rows(&given, "loadBalancers").is_empty() {
        return Err(invalid(
            "Health check grace period is only valid for services configured to use load balancers",
        ));
    }
    given["deploymentConfiguration"] = configured(input.value.get("deploymentConfiguration"))?;
    filled_network(&mut given);
    filled_launch(cx, &cluster, &mut given);
    iam::ensure_service_linked_role(cx, "ecs.amazonaws.com")?;

    let scope = Scope::of(cx);
    let arn = scope.arn(&format!("service/{key}"));
    let mut service = EcsService {
        cluster: cluster.clone(),
        name,
        arn,
        status: "ACTIVE".into(),
        given,
        definition: definition
            .as_ref()
            .map(|d| d.arn().to_owned())
            .unwrap_or_default(),
        desired,
        units: vec![],
        events: vec![],
        controller: controller.clone(),
        created: cx.unix_now(),
        created_at: cx.now(),
        created_by: cx.caller.arn.clone(),
        token,
        tags,
        current_revision: None,
        current_deployment: None,
    };
    if definition.is_some() {
        let mut unit = deployments::new_unit(cx.world, &scope, &mut service);
        if controller != "ECS" {
            unit.scale = 100.0;
            unit.given = picked(&service.given, &UNIT);
            unit.service_deployment = None;
        }
        service.units.push(unit);
    }
    let value = json!({ "service": render(cx, &service, true) });
    let fresh = cx.visible_at(&key);
    // A new service of an old name starts with a clean sheet.
    cx.place().ecs.notes.remove(&key);
    cx.place().ecs.services.put(key.clone(), service, fresh);
    scheduler::poke(cx.world, &scope, &key, crate::clock::SECOND);
    Ok(value)
}

/// What CODE_DEPLOY's services refuse in UpdateService.
const REFUSED: [(&str, &str); 5] = [
    (
        "taskDefinition",
        "Unable to update task definition on services with a CODE_DEPLOY deployment controller.",
    ),
    (
        "forceNewDeployment",
        "Cannot force a new deployment on services with a CODE_DEPLOY deployment controller.",
    ),
    (
        "networkConfiguration",
        "Unable to update network parameters on services with a CODE_DEPLOY deployment controller.",
    ),
    (
        "platformVersion",
        "Unable to update platform version on services with a CODE_DEPLOY deployment controller.",
    ),
    (
        "loadBalancers",
        "Unable to update load balancers on services with a CODE_DEPLOY deployment controller.",
    ),
];

pub(super) fn update(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let mut service = active(cx, input.str("cluster"), input.str("service").unwrap_or(""))?;
    let force = input.bool("forceNewDeployment").unwrap_or(false);
    if service.controller != "ECS" {
        for (member, refusal) in REFUSED {
            let given = if member == "forceNewDeployment" {
                force
            } else {
                input.has(member)
            };
            if given && service.controller == "CODE_DEPLOY" {
                return Err(invalid(format!(
                    "{refusal} Use AWS CodeDeploy to trigger a new deployment."
                )));
            }
            if given {
                return Err(invalid(format!(
                    "Unable to update {member} on services with an EXTERNAL deployment controller."
                )));
            }
        }
    }
    let definition = match input.str("taskDefinition") {
        Some(given) => Some(definitions::active(cx, given)?),
        None => None,
    };
    let scope = Scope::of(cx);
    let current = match &definition {
        Some(definition) => Some(definition.clone()),
        None => definitions::by_arn(cx.world, &scope, &service.definition).cloned(),
    };
    let mut given = service.given.clone();
    for member in SHOWN {
        if input.has(member) {
            given[member] = input.value[member].clone();
        }
    }
    if input.has("capacityProviderStrategy") {
        if !text(&service.given, "launchType").is_empty() && !force {
            return Err(invalid(
                "When switching from launch type to capacity provider strategy on an existing service, or \
                 making a change to a capacity provider strategy on a service that is already using one, you must force \
                 a new deployment.",
            ));
        }
        if let Some(given) = given.as_object_mut() {
            given.remove("launchType");
        }
    }
    if let Some(definition) = &current {
        check_launch(cx, &service.cluster, &given, definition)?;
        if input.has("networkConfiguration") || input.has("taskDefinition") {
            check_network(cx, definition, &given["networkConfiguration"])?;
        }
        if input.has("loadBalancers") || input.has("taskDefinition") {
            let balancers = rows(&given, "loadBalancers").to_vec();
            check_balancers(cx, definition, &balancers)?;
        }
    }
    if input.has("healthCheckGracePeriodSeconds") && rows(&given, "loadBalancers").is_empty() {
        return Err(invalid(
            "Health check grace period is only valid for services configured to use load balancers",
        ));
    }
    if input.has("deploymentConfiguration") {
        let mut merged = service.given["deploymentConfiguration"].clone();
        if let (Some(merged), Some(new)) = (
            merged.as_object_mut(),
            input.value["deploymentConfiguration"].as_object(),
        ) {
            merged.extend(new.clone());
        }
        given["deploymentConfiguration"] = configured(Some(&merged))?;
    }
    if let Some(desired) = input.i64("desiredCount") {
        service.desired = u64::try_from(desired)
            .map_err(|_| invalid("Invalid desiredCount: it must not be negative."))?;
    }
    filled_network(&mut given);
    let redeploys = [
        "networkConfiguration",
        "platformVersion",
        "loadBalancers",
        "serviceRegistries",
        "enableExecuteCommand",
    ]
    .iter()
    .any(|m| given[*m] != service.given[*m]);
    let new_definition = definition
        .as_ref()
        .is_some_and(|d| d.arn() != service.definition);
    service.given = given;
    if let Some(definition) = &definition {
        service.definition = definition.arn().to_owned();
    }
    if service.controller == "ECS" && (force || redeploys || new_definition) {
        let unit = deployments::new_unit(cx.world, &scope, &mut service);
        deployments::supersede(cx.world, &scope, &mut service, unit);
    }
    let key = service.key();
    let value = json!({ "service": render(cx, &service, true) });
    let fresh = cx.visible_at(&key);
    cx.place()
        .ecs
        .services
        .change(&key, fresh, |old| *old = service);
    scheduler::poke(cx.world, &scope, &key, crate::clock::SECOND);
    Ok(value)
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let cluster = clusters::active(cx, input.str("cluster"))?;
    let key = key_of(&cluster, input.str("service").unwrap_or(""));
    let service = cx.place().ecs.services.get(&key).cloned();
    let Some(mut service) = service.filter(|s| s.status != "INACTIVE") else {
        return Err(AwsError::new(
            "ServiceNotFoundException",
            "Service not found.",
        ));
    };
    let force = input.bool("force").unwrap_or(false);
    if service.status == "ACTIVE" {
        if service.desired > 0 && !force {
            return Err(invalid(
                "The service cannot be stopped while it is scaled above 0.",
            ));
        }
        if service.controller != "ECS"
            && !force
            && service.units.iter().any(|u| u.status != "DRAINING")
        {
            return Err(invalid(
                "The service cannot be stopped while the service contains active task sets.",
            ));
        }
        service.status = "DRAINING".into();
        service.desired = 0;
        for unit in &mut service.units {
            unit.status = if service.controller == "ECS" {
                "INACTIVE".into()
            } else {
                "DRAINING".into()
            };
        }
    }
    let scope = Scope::of(cx);
    let value = json!({ "service": render(cx, &service, true) });
    let fresh = cx.visible_at(&key);
    cx.place()
        .ecs
        .services
        .change(&key, fresh, |old| *old = service);
    scheduler::poke(cx.world, &scope, &key, crate::clock::SECOND);
    Ok(value)
}
