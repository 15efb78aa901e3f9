//! Task sets: the units of services under another deployment controller.

use super::checks::{check_balancers, check_launch, check_network};
use super::services::{EcsService, UNIT, Unit, picked};
use super::shown::counts;
use super::{
    Scope, definitions, deployments, failure, includes, invalid, last, scheduler, tags_json,
    tags_of, text,
};
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};

fn service_of(cx: &mut Cx<'_>, input: &Input) -> Result<EcsService, AwsError> {
    let service =
        super::services::active(cx, input.str("cluster"), input.str("service").unwrap_or(""))?;
    if service.controller == "ECS" {
        return Err(invalid(
            "Task sets are only supported for services with the EXTERNAL or CODE_DEPLOY controller.",
        ));
    }
    Ok(service)
}

fn not_found() -> AwsError {
    AwsError::new(
        "TaskSetNotFoundException",
        "The specified task set does not exist.",
    )
}

fn scale_of(input: &Input) -> Result<Option<f64>, AwsError> {
    let Some(scale) = input.value.get("scale").filter(|s| !s.is_null()) else {
        return Ok(None);
    };
    let value = scale["value"].as_f64().unwrap_or(0.0);
    if !matches!(text(scale, "unit"), "" | "PERCENT") || !(0.0..=100.0).contains(&value) {
        return Err(invalid("Scale must be a percentage between 0 and 100."));
    }
    Ok(Some(value))
}

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let mut service = service_of(cx, input)?;
    if service
        .units
        .iter()
        .filter(|u| u.status != "DRAINING")
        .count()
        >= 5
    {
        return Err(invalid(
            "The maximum number of task sets (5) in the service has been reached.",
        ));
    }
    let definition = definitions::active(cx, input.str("taskDefinition").unwrap_or(""))?;
    let mut given = picked(&input.value, &UNIT);
    if given.get("launchType").is_none() && given.get("capacityProviderStrategy").is_none() {
        given["launchType"] = service.given["launchType"].clone();
    }
    check_launch(cx, &service.cluster, &given, &definition)?;
    check_network(cx, &definition, &given["networkConfiguration"])?;
    let balancers = super::rows(&given, "loadBalancers").to_vec();
    check_balancers(cx, &definition, &balancers)?;
    let scope = Scope::of(cx);
    let scale = scale_of(input)?.unwrap_or(0.0);
    let before = service.definition.clone();
    service.definition = definition.arn().to_owned();
    let mut unit = deployments::new_unit(cx.world, &scope, &mut service);
    service.definition = before;
    unit.status = "ACTIVE".into();
    unit.given = given;
    unit.scale = scale;
    unit.external_id = input.str("externalId").unwrap_or("").into();
    unit.started_by = input.str("startedBy").unwrap_or("").into();
    unit.tags = tags_of(input.value.get("tags"));
    unit.service_deployment = None;
    let value = json!({ "taskSet": render(cx.world, &scope, &service, &unit, true) });
    service.units.push(unit);
    store(cx, &scope, service);
    Ok(value)
}

fn store(cx: &mut Cx<'_>, scope: &Scope, service: EcsService) {
    let key = service.key();
    let fresh = cx.visible_at(&key);
    cx.place()
        .ecs
        .services
        .change(&key, fresh, |old| *old = service);
    scheduler::poke(cx.world, scope, &key, crate::clock::SECOND);
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let service = service_of(cx, input)?;
    let (scope, now) = (Scope::of(cx), cx.now());
    let seen = cx
        .place()
        .ecs
        .services
        .seen(&service.key(), now)
        .cloned()
        .unwrap_or(service);
    let asked = input.strings("taskSets");
    let tags = includes(input, "TAGS");
    let sets: Vec<Value> = seen
        .units
        .iter()
        .filter(|u| asked.is_empty() || asked.iter().any(|a| names(a, u)))
        .map(|u| render(cx.world, &scope, &seen, u, tags))
        .collect();
    let failures: Vec<Value> = asked
        .iter()
        .filter(|a| !seen.units.iter().any(|u| names(a, u)))
        .map(|a| failure(a.clone(), "MISSING"))
        .collect();
    Ok(json!({ "taskSets": sets, "failures": failures }))
}

/// Whether an id (`ecs-svc/1`) or an ARN names a unit.
fn names(given: &str, unit: &Unit) -> bool {
    given == unit.id || last(given) == last(&unit.id)
}

fn change(
    cx: &mut Cx<'_>,
    input: &Input,
    member: &str,
    change: impl FnOnce(&mut EcsService, usize) -> Result<(), AwsError>,
) -> Result<Value, AwsError> {
    let mut service = service_of(cx, input)?;
    let given = input.str(member).unwrap_or("");
    let at = service
        .units
        .iter()
        .position(|u| names(given, u))
        .ok_or_else(not_found)?;
    change(&mut service, at)?;
    let scope = Scope::of(cx);
    let id = service.units[at].id.clone();
    let now = cx.unix_now();
    service.units[at].updated = now;
    let value = service
        .units
        .iter()
        .find(|u| u.id == id)
        .map_or(Value::Null, |u| render(cx.world, &scope, &service, u, true));
    store(cx, &scope, service);
    Ok(json!({ "taskSet": value }))
}

pub(super) fn update(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let scale = scale_of(input)?.ok_or_else(|| invalid("Scale must be specified."))?;
    change(cx, input, "taskSet", |service, at| {
        service.units[at].scale = scale;
        Ok(())
    })
}

pub(super) fn make_primary(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    change(cx, input, "primaryTaskSet", |service, at| {
        for (n, unit) in service.units.iter_mut().enumerate() {
            if n == at {
                unit.status = "PRIMARY".into();
            } else if unit.status == "PRIMARY" {
                unit.status = "ACTIVE".into();
            }
        }
        let unit = service.units[at].clone();
        service.definition.clone_from(&unit.definition);
        if let Some(balancers) = unit.given.get("loadBalancers") {
            service.given["loadBalancers"] = balancers.clone();
        }
        Ok(())
    })
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let force = input.bool("force").unwrap_or(false);
    change(cx, input, "taskSet", |service, at| {
        let unit = &mut service.units[at];
        if unit.scale > 0.0 && !force {
            return Err(invalid(
                "The task set cannot be deleted while it is scaled above 0.",
            ));
        }
        unit.status = "DRAINING".into();
        unit.scale = 0.0;
        Ok(())
    })
}

pub(super) fn render(
    world: &World,
    scope: &Scope,
    service: &EcsService,
    unit: &Unit,
    tags: bool,
) -> Value {
    let (running, pending) = counts(world, scope, service, Some(&unit.id));
    let wanted = service.wanted(unit);
    let stable = wanted as usize == running && pending == 0;
    let mut value = json!({
        "id": unit.id,
        "taskSetArn": scope.arn(&format!("task-set/{}/{}", service.key(), unit.id)),
        "serviceArn": service.arn,
        "clusterArn": scope.arn(&format!("cluster/{}", service.cluster)),
        "status": unit.status,
        "taskDefinition": unit.definition,
        "computedDesiredCount": wanted,
        "pendingCount": pending,
        "runningCount": running,
        "createdAt": unit.created,
        "updatedAt": unit.updated,
        "platformVersion": super::tasks::platform(text(&unit.given, "platformVersion")),
        "platformFamily": "Linux",
        "serviceRegistries": [],
        "scale": { "value": unit.scale, "unit": "PERCENT" },
        "stabilityStatus": if stable { "STEADY_STATE" } else { "STABILIZING" },
        "stabilityStatusAt": unit.stable_since.unwrap_or(unit.updated),
        "tags": if tags { tags_json(&unit.tags) } else { json!([]) },
    });
    for member in [
        "networkConfiguration",
        "launchType",
        "capacityProviderStrategy",
        "loadBalancers",
    ] {
        if let Some(given) = unit.given.get(member).filter(|v| !v.is_null()) {
            value[member] = given.clone();
        }
    }
    if !unit.external_id.is_empty() {
        value["externalId"] = unit.external_id.clone().into();
    }
    if service.controller == "CODE_DEPLOY" {
        value["startedBy"] = "CODE_DEPLOY".into();
    } else if !unit.started_by.is_empty() {
        value["startedBy"] = unit.started_by.clone().into();
    }
    value
}
