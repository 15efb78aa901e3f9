//! Deployments: how one begins and takes another's place, and what is remembered of it as service deployments and
//! revisions.

use super::scheduler::{Turn, poke};
use super::services::{EcsService, UNIT, Unit, picked};
use super::shown::counts;
use super::{Scope, definitions, failure, invalid, tasks, text};
use crate::clock::SECOND;
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};
use std::sync::Arc;

/// A deployment of a service as ListServiceDeployments knows it; it outlives the deployment.
#[derive(Clone, Debug)]
pub struct ServiceDeployment {
    pub arn: String,
    pub service: String,
    pub service_arn: String,
    pub status: String,
    pub reason: String,
    pub created: f64,
    pub started: Option<f64>,
    pub finished: Option<f64>,
    pub stopped: Option<f64>,
    pub updated: f64,
    pub source: Option<String>,
    pub target: String,
    pub configuration: Value,
    pub rollback: Value,
    pub failures: u64,
    pub threshold: u64,
    pub breaker: bool,
}

/// What a service was to be at one time.
#[derive(Clone, Debug)]
pub struct Revision {
    pub arn: String,
    pub service: String,
    pub body: Value,
    pub created: f64,
}

/// How many failures trip the breaker: half of the desired count, at least 3 and at most 200.
pub(super) fn threshold(desired: u64) -> u64 {
    desired.div_ceil(2).clamp(3, 200)
}

fn digits(world: &mut World, scope: &Scope, name: &str) -> String {
    let hex = scope.cx(world, "number").hex(name, 16);
    let number = u64::from_str_radix(&hex, 16).unwrap_or(0);
    format!("{:019}", number % 10_u64.pow(19))
}

/// A unit that brings the service to what it is now told to be, with its records.
pub(super) fn new_unit(world: &mut World, scope: &Scope, service: &mut EcsService) -> Unit {
    let now = world.unix(world.now());
    let id = format!("ecs-svc/{}", digits(world, scope, "ecs-svc"));
    let key = service.key();
    let revision = scope.arn(&format!(
        "service-revision/{key}/{}",
        digits(world, scope, "revision")
    ));
    let deployment = format!(
        "{}{}",
        scope.arn(&format!("service-deployment/{key}/")),
        scope.cx(world, "deployment").hex("service-deployment", 21)
    );
    let definition = definitions::by_arn(world, scope, &service.definition);
    let images: Vec<Value> = definition
        .map(|d| {
            d.containers()
                .iter()
                .map(|c| json!({ "containerName": c["name"], "image": c["image"] }))
                .collect()
        })
        .unwrap_or_default();
    let mut body = json!({
        "serviceRevisionArn": revision,
        "serviceArn": service.arn,
        "clusterArn": scope.arn(&format!("cluster/{}", service.cluster)),
        "taskDefinition": service.definition,
        "platformFamily": "Linux",
        "containerImages": images,
        "guardDutyEnabled": false,
        "createdAt": now,
    });
    for member in UNIT {
        if let Some(value) = service.given.get(member) {
            body[member] = value.clone();
        }
    }
    body["platformVersion"] = tasks::platform(text(&service.given, "platformVersion")).into();
    let (breaker, _) = service.breaker();
    let record = ServiceDeployment {
        arn: deployment.clone(),
        service: key.clone(),
        service_arn: service.arn.clone(),
        status: "IN_PROGRESS".into(),
        reason: String::new(),
        created: now,
        started: Some(now),
        finished: None,
        stopped: None,
        updated: now,
        source: service.current_revision.clone(),
        target: revision.clone(),
        configuration: service.given["deploymentConfiguration"].clone(),
        rollback: Value::Null,
        failures: 0,
        threshold: threshold(service.desired),
        breaker,
    };
    let at = world.now();
    let state = scope.state(world);
    state.service_revisions.put(
        revision.clone(),
        Revision {
            arn: revision.clone(),
            service: key,
            body,
            created: now,
        },
        at,
    );
    if service.controller == "ECS" {
        state
            .service_deployments
            .put(deployment.clone(), record, at);
        service.current_deployment = Some(deployment.clone());
    }
    service.current_revision = Some(revision.clone());
    Unit {
        status: "PRIMARY".into(),
        definition: service.definition.clone(),
        given: picked(&service.given, &UNIT),
        created: now,
        updated: now,
        failed: 0,
        rollout: "IN_PROGRESS".into(),
        rollout_reason: format!("ECS deployment {id} in progress."),
        id,
        scale: 100.0,
        external_id: String::new(),
        started_by: String::new(),
        tags: vec![],
        revision: Some(revision),
        service_deployment: Some(deployment),
        stable_since: None,
    }
}

/// Puts a new primary deployment before the present ones.
pub(super) fn supersede(world: &mut World, scope: &Scope, service: &mut EcsService, unit: Unit) {
    let now = world.unix(world.now());
    for old in &mut service.units {
        if old.status == "PRIMARY" {
            old.status = "ACTIVE".into();
            old.updated = now;
            if old.rollout == "IN_PROGRESS" {
                settle_deployment(world, scope, old, |d| {
                    d.status = "STOPPED".into();
                    d.reason = "Service deployment stopped because a newer one was started.".into();
                    d.stopped = Some(now);
                    d.finished = Some(now);
                });
            }
        }
    }
    service.units.insert(0, unit);
    let key = service.key();
    let notes = scope.state(world).notes.entry(key).or_default();
    notes.not_before = 0;
    notes.streak = 0;
    notes.steady = false;
}

pub(super) fn settle_deployment(
    world: &mut World,
    scope: &Scope,
    unit: &Unit,
    change: impl FnOnce(&mut ServiceDeployment),
) {
    if let Some(arn) = &unit.service_deployment {
        scope.state(world).service_deployments.settle(arn, change);
    }
}

pub(super) fn render(world: &World, scope: &Scope, service: &EcsService, unit: &Unit) -> Value {
    let (running, pending) = counts(world, scope, service, Some(&unit.id));
    let mut value = json!({
        "id": unit.id,
        "status": unit.status,
        "taskDefinition": unit.definition,
        "desiredCount": service.wanted(unit),
        "pendingCount": pending,
        "runningCount": running,
        "failedTasks": unit.failed,
        "createdAt": unit.created,
        "updatedAt": unit.updated,
        "platformVersion": tasks::platform(text(&unit.given, "platformVersion")),
        "platformFamily": "Linux",
        "rolloutState": unit.rollout,
        "rolloutStateReason": unit.rollout_reason,
    });
    for member in [
        "networkConfiguration",
        "launchType",
        "capacityProviderStrategy",
    ] {
        if let Some(given) = unit
            .given
            .get(member)
            .filter(|g| !g.as_array().is_some_and(Vec::is_empty))
        {
            value[member] = given.clone();
        }
    }
    value
}

fn brief(d: &ServiceDeployment, cluster: &str) -> Value {
    let mut value = json!({
        "serviceDeploymentArn": d.arn,
        "serviceArn": d.service_arn,
        "clusterArn": cluster,
        "createdAt": d.created,
        "targetServiceRevisionArn": d.target,
        "status": d.status,
    });
    for (member, at) in [("startedAt", d.started), ("finishedAt", d.finished)] {
        if let Some(at) = at {
            value[member] = at.into();
        }
    }
    if !d.reason.is_empty() {
        value["statusReason"] = d.reason.clone().into();
    }
    value
}

pub(super) fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let cluster = super::clusters::active(cx, input.str("cluster"))?;
    let (scope, now) = (Scope::of(cx), cx.now());
    let key = super::services::key_of(&cluster, input.str("service").unwrap_or(""));
    if !cx.place().ecs.services.contains(&key) {
        return Err(AwsError::new(
            "ServiceNotFoundException",
            "Service not found.",
        ));
    }
    let status = input.strings("status");
    let created = input.value.get("createdAt").cloned().unwrap_or(Value::Null);
    let after = created["after"].as_f64().unwrap_or(f64::MIN);
    let before = created["before"].as_f64().unwrap_or(f64::MAX);
    let arn = scope.arn(&format!("cluster/{cluster}"));
    let mut found: Vec<&ServiceDeployment> = cx
        .place()
        .ecs
        .service_deployments
        .seen_all(now)
        .map(|(_, d)| d)
        .filter(|d| d.service == key && (status.is_empty() || status.contains(&d.status)))
        .filter(|d| d.created >= after && d.created <= before)
        .collect();
    found.sort_by(|a, b| b.created.total_cmp(&a.created));
    let listed: Vec<Value> = found.into_iter().map(|d| brief(d, &arn)).collect();
    Ok(json!({ "serviceDeployments": listed }))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (scope, now) = (Scope::of(cx), cx.now());
    let asked = input.strings("serviceDeploymentArns");
    if asked.is_empty() || asked.len() > 20 {
        return Err(invalid("Specify between 1 and 20 service deployments."));
    }
    let (mut found, mut failures) = (vec![], vec![]);
    for arn in asked {
        let Some(d) = cx.place().ecs.service_deployments.seen(&arn, now).cloned() else {
            failures.push(failure(arn, "MISSING"));
            continue;
        };
        let cluster = d.service.split('/').next().unwrap_or("").to_owned();
        let mut value = brief(&d, &scope.arn(&format!("cluster/{cluster}")));
        let service = cx.place().ecs.services.get(&d.service).cloned();
        let totals = service.as_ref().map_or((0, 0, 0), |s| {
            let (running, pending) = counts(cx.world, &scope, s, None);
            (s.desired, running, pending)
        });
        if let Some(value) = value.as_object_mut() {
            value.remove("targetServiceRevisionArn");
        }
        value["updatedAt"] = d.updated.into();
        if let Some(at) = d.stopped {
            value["stoppedAt"] = at.into();
        }
        value["sourceServiceRevisions"] =
            d.source.iter().map(|arn| json!({ "arn": arn, "requestedTaskCount": 0, "runningTaskCount": 0, "pendingTaskCount": 0 })).collect();
        value["targetServiceRevision"] = json!({
            "arn": d.target,
            "requestedTaskCount": totals.0,
            "runningTaskCount": totals.1,
            "pendingTaskCount": totals.2,
        });
        value["deploymentConfiguration"] = d.configuration.clone();
        if !d.rollback.is_null() {
            value["rollback"] = d.rollback.clone();
        }
        let tripped = d.failures >= d.threshold && d.breaker;
        let status = match (d.breaker, tripped, d.status.as_str()) {
            (false, _, _) => "DISABLED",
            (true, true, _) => "TRIGGERED",
            (true, false, "IN_PROGRESS") => "MONITORING",
            _ => "MONITORING_COMPLETE",
        };
        value["deploymentCircuitBreaker"] =
            json!({ "status": status, "failureCount": d.failures, "threshold": d.threshold });
        found.push(value);
    }
    Ok(json!({ "serviceDeployments": found, "failures": failures }))
}

pub(super) fn describe_revisions(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let asked = input.strings("serviceRevisionArns");
    let state = &cx.place().ecs;
    let found: Vec<Value> = asked
        .iter()
        .filter_map(|arn| state.service_revisions.seen(arn, now))
        .map(|r| r.body.clone())
        .collect();
    let failures: Vec<Value> = asked
        .iter()
        .filter(|arn| state.service_revisions.seen(arn, now).is_none())
        .map(|arn| failure(arn.clone(), "MISSING"))
        .collect();
    Ok(json!({ "serviceRevisions": found, "failures": failures }))
}

/// StopServiceDeployment: the deployment rolls back to what ran before.
pub(super) fn stop(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = input.str("serviceDeploymentArn").unwrap_or("").to_owned();
    let scope = Scope::of(cx);
    let missing = || {
        AwsError::new(
            "ServiceDeploymentNotFoundException",
            "The service deployment was not found.",
        )
    };
    let deployment = cx
        .place()
        .ecs
        .service_deployments
        .get(&arn)
        .cloned()
        .ok_or_else(missing)?;
    if deployment.status != "IN_PROGRESS" && deployment.status != "PENDING" {
        return Err(AwsError::new(
            "ConflictException",
            "The service deployment is not in progress.",
        ));
    }
    let service = cx
        .place()
        .ecs
        .services
        .get(&deployment.service)
        .cloned()
        .ok_or_else(missing)?;
    let current = service
        .units
        .iter()
        .find(|u| u.service_deployment.as_ref() == Some(&arn))
        .cloned();
    let back = service
        .units
        .iter()
        .find(|u| u.status == "ACTIVE" && u.rollout == "COMPLETED")
        .cloned();
    let (Some(current), Some(back)) = (current, back) else {
        return Err(invalid("There is no service revision to roll back to."));
    };
    if input.str("stopType") == Some("ABORT") {
        return Err(AwsError::new(
            "UnsupportedFeatureException",
            "ABORT is not supported.",
        ));
    }
    let key = deployment.service.clone();
    let mut turn = Turn {
        scope: &scope,
        key: &key,
        service: Arc::new(service),
    };
    if let Some(unit) = turn.unit_mut(&current.id) {
        unit.rollout = "FAILED".into();
        unit.rollout_reason =
            "Service deployment rolled back because of a StopServiceDeployment request.".into();
    }
    turn.roll_back(
        cx.world,
        &current,
        &back,
        "Service deployment rolled back because of a StopServiceDeployment request.",
    );
    let service = turn.service;
    scope.state(cx.world).services.settle_as(&key, service);
    poke(cx.world, &scope, &key, SECOND);
    Ok(json!({ "serviceDeploymentArn": arn }))
}
