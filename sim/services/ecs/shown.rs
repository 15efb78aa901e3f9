//! Services as callers see them.

use super::services::{EcsService, SHOWN, key_of};
use super::{Scope, clusters, deployments, failure, includes, invalid, rows, tags_json, text};
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let asked = input.strings("services");
    if asked.is_empty() {
        return Err(invalid("Services cannot be empty."));
    }
    if asked.len() > 10 {
        return Err(invalid("Services cannot have more than 10 elements."));
    }
    let cluster = clusters::active(cx, input.str("cluster"))?;
    let (scope, now) = (Scope::of(cx), cx.now());
    let tags = includes(input, "TAGS");
    let (mut services, mut failures) = (vec![], vec![]);
    for given in &asked {
        let key = key_of(&cluster, given);
        match cx.place().ecs.services.seen(&key, now).cloned() {
            Some(service) => services.push(render(cx, &service, tags)),
            None => failures.push(failure(scope.arn(&format!("service/{key}")), "MISSING")),
        }
    }
    Ok(object! { "services": services, "failures": failures })
}

pub(super) fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let cluster = clusters::active(cx, input.str("cluster"))?;
    let now = cx.now();
    let launch = input.str("launchType").map(str::to_owned);
    let arns: Vec<String> = cx
        .place()
        .ecs
        .services
        .seen_all(now)
        // One that is being deleted can be described, and is not listed any more.
        .filter(|(_, s)| s.cluster == cluster && s.status == "ACTIVE")
        .filter(|(_, s)| {
            launch
                .as_ref()
                .is_none_or(|l| text(&s.given, "launchType") == l)
        })
        .map(|(_, s)| s.arn.clone())
        .collect();
    Ok(json!({ "serviceArns": arns }))
}

/// Running and pending tasks of a service, or of one of its units, as a reader sees them.
pub(super) fn counts(
    world: &World,
    scope: &Scope,
    service: &EcsService,
    unit: Option<&str>,
) -> (usize, usize) {
    let Some(state) = scope.seen(world) else {
        return (0, 0);
    };
    let (mut running, mut pending) = (0, 0);
    for (_, task) in state.tasks.seen_all(world.now()) {
        if task.service.as_deref() == Some(&service.name)
            && task.cluster == service.cluster
            && unit.is_none_or(|u| task.unit.as_deref() == Some(u))
        {
            match task.last_status.as_str() {
                "RUNNING" => running += 1,
                "PROVISIONING" | "PENDING" | "ACTIVATING" => pending += 1,
                _ => {}
            }
        }
    }
    (running, pending)
}

/// A service as callers get it.
pub(super) fn render(cx: &mut Cx<'_>, service: &EcsService, tags: bool) -> Value {
    let scope = Scope::of(cx);
    let (running, pending) = counts(cx.world, &scope, service, None);
    let mut value = json!({
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": scope.arn(&format!("cluster/{}", service.cluster)),
        "status": service.status,
        "desiredCount": service.desired,
        "runningCount": running,
        "pendingCount": pending,
    });
    if service.status != "INACTIVE" || !service.definition.is_empty() {
        value["taskDefinition"] = service.definition.clone().into();
    }
    for member in SHOWN {
        if let Some(given) = service.given.get(member).filter(|v| !v.is_null()) {
            let empty = given.as_array().is_some_and(Vec::is_empty);
            if !(empty && member == "capacityProviderStrategy") {
                value[member] = given.clone();
            }
        }
    }
    for member in [
        "loadBalancers",
        "serviceRegistries",
        "placementConstraints",
        "placementStrategy",
    ] {
        if value.get(member).is_none() {
            value[member] = json!([]);
        }
    }
    for (member, default) in [
        ("schedulingStrategy", json!("REPLICA")),
        ("propagateTags", json!("NONE")),
        ("enableECSManagedTags", json!(false)),
        ("enableExecuteCommand", json!(false)),
    ] {
        if value.get(member).is_none() {
            value[member] = default;
        }
    }
    if !rows(&value, "loadBalancers").is_empty()
        && value.get("healthCheckGracePeriodSeconds").is_none()
    {
        value["healthCheckGracePeriodSeconds"] = json!(0);
    }
    value["platformFamily"] = json!("Linux");
    value["availabilityZoneRebalancing"] = json!("DISABLED");
    value["roleArn"] = json!(format!(
        "arn:aws:iam::{}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        scope.account
    ));
    value["createdAt"] = service.created.into();
    value["createdBy"] = service.created_by.clone().into();
    if service.controller != "ECS" {
        value["deploymentController"] = json!({ "type": service.controller });
        let sets: Vec<Value> = service
            .units
            .iter()
            .map(|u| super::task_sets::render(cx.world, &scope, service, u, false))
            .collect();
        value["taskSets"] = sets.into();
        value["deployments"] = json!([]);
    } else {
        let deployments: Vec<Value> = service
            .units
            .iter()
            .filter(|u| u.status != "INACTIVE" || service.status != "INACTIVE")
            .map(|u| deployments::render(cx.world, &scope, service, u))
            .collect();
        value["deployments"] = deployments.into();
        if let Some(arn) = &service.current_deployment {
            value["currentServiceDeployment"] = arn.clone().into();
        }
        if let Some(arn) = &service.current_revision {
            value["currentServiceRevisions"] = json!([{
                "arn": arn,
                "requestedTaskCount": service.desired,
                "runningTaskCount": running,
                "pendingTaskCount": pending,
            }]);
        }
    }
    // The newest first.
    value["events"] = service
        .events
        .iter()
        .rev()
        .map(|e| json!({ "id": e.id, "createdAt": e.at, "message": e.message }))
        .collect();
    if tags {
        value["tags"] = tags_json(&service.tags);
    }
    value
}
