//! Application Auto Scaling, for the desired count of ECS services: targets, policies, scheduled actions, and the actor
//! that moves capacity. It acts whether anybody looks or not, so a fence by desired count alone does not hold.

use super::{Service, ServiceId, whole_service};
use crate::clock::{Nanos, SECOND};
use crate::error::AwsError;
use crate::services::{ecs, iam};
use crate::table::Table;
use crate::world::{Cx, Event, Input, Output, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

mod actor;
mod policies;
mod schedule;

#[cfg(test)]
mod tests;

pub const SERVICE: Service = Service {
    id: ServiceId::Autoscaling,
    handle,
    happen,
    wants: whole_service,
};

#[derive(Clone, Default)]
pub struct State {
    /// By resource id: one dimension is simulated, so the resource is the key.
    pub targets: Table<Target>,
    /// By resource id and policy name.
    pub policies: Table<policies::Policy>,
    /// By resource id and action name.
    pub actions: Table<schedule::Action>,
    pub activities: Vec<Activity>,
}

/// A scalable target.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub arn: String,
    pub resource: String,
    pub min: i64,
    pub max: i64,
    pub role: String,
    pub suspended: Suspended,
    pub tags: BTreeMap<String, String>,
    pub created: f64,
    /// When it last moved capacity up and down.
    pub moved_out: Nanos,
    pub moved_in: Nanos,
    /// How many minutes in a row each policy has seen its metric above and below its target.
    pub above: BTreeMap<String, u32>,
    pub below: BTreeMap<String, u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Suspended {
    pub inward: bool,
    pub outward: bool,
    pub scheduled: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    pub id: String,
    pub resource: String,
    pub description: String,
    pub cause: String,
    pub at: f64,
    pub status: String,
    pub message: String,
}

const NAMESPACE: &str = "ecs";
const DIMENSION: &str = "ecs:service:DesiredCount";

fn validation(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationException", message)
}

fn not_registered(resource: &str) -> AwsError {
    AwsError::new(
        "ObjectNotFoundException",
        format!(
            "No scalable target registered for service namespace: {NAMESPACE}, resource ID: {resource}, scalable \
             dimension: {DIMENSION}"
        ),
    )
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    if let Some(namespace) = input.str("ServiceNamespace")
        && namespace != NAMESPACE
    {
        return if operation.starts_with("Describe") {
            // Nothing of another namespace can have been registered.
            let list = match operation {
                "DescribeScalableTargets" => "ScalableTargets",
                "DescribeScalingPolicies" => "ScalingPolicies",
                "DescribeScheduledActions" => "ScheduledActions",
                _ => "ScalingActivities",
            };
            Ok(json!({ list: [] }).into())
        } else {
            Err(cx.not_simulated())
        };
    }
    if let Some(dimension) = input.str("ScalableDimension")
        && dimension != DIMENSION
    {
        return Err(validation(
            "Unsupported service namespace, resource type or scalable dimension",
        ));
    }
    let value = match operation {
        "RegisterScalableTarget" => register(cx, input),
        "DescribeScalableTargets" => describe(cx, input),
        "DeregisterScalableTarget" => deregister(cx, input),
        "PutScalingPolicy" => policies::put(cx, input),
        "DescribeScalingPolicies" => policies::describe(cx, input),
        "DeleteScalingPolicy" => policies::delete(cx, input),
        "PutScheduledAction" => schedule::put(cx, input),
        "DescribeScheduledActions" => schedule::describe(cx, input),
        "DeleteScheduledAction" => schedule::delete(cx, input),
        "DescribeScalingActivities" => activities(cx, input),
        "TagResource" => tag(cx, input),
        "UntagResource" => untag(cx, input),
        "ListTagsForResource" => list_tags(cx, input),
        _ => return Err(cx.not_simulated()),
    }?;
    Ok(value.into())
}

fn happen(world: &mut World, event: &Event) {
    match event.what {
        "look" => actor::look(world, &event.account, &event.region, &event.id),
        "scheduled" => schedule::due(
            world,
            &event.account,
            &event.region,
            &event.id,
            &event.detail,
        ),
        _ => {}
    }
}

fn suspended_json(s: Suspended) -> Value {
    json!({
        "DynamicScalingInSuspended": s.inward,
        "DynamicScalingOutSuspended": s.outward,
        "ScheduledScalingSuspended": s.scheduled,
    })
}

fn register(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let resource = input.str("ResourceId").unwrap_or("").to_owned();
    if resource.split('/').count() != 3 || !resource.starts_with("service/") {
        return Err(validation(format!(
            "Unsupported service namespace, resource type or scalable dimension: {resource}"
        )));
    }
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    let old = cx.place().autoscaling.targets.get(&resource).cloned();
    let min = input.i64("MinCapacity").or(old.as_ref().map(|t| t.min));
    let max = input.i64("MaxCapacity").or(old.as_ref().map(|t| t.max));
    let (Some(min), Some(max)) = (min, max) else {
        return Err(validation(
            "MinCapacity and MaxCapacity must be specified when registering a new scalable target.",
        ));
    };
    if min < 0 || max < 0 {
        return Err(validation(
            "Minimum and maximum capacity must not be negative",
        ));
    }
    if max < min {
        return Err(validation(
            "Maximum capacity cannot be less than minimum capacity",
        ));
    }
    if ecs::desired::scalable(cx.world, &account, &region, &resource).is_none() {
        return Err(validation(format!("ECS service doesn't exist: {resource}")));
    }
    let mut suspended = old.as_ref().map(|t| t.suspended).unwrap_or_default();
    if let Some(given) = input.value.get("SuspendedState").filter(|s| s.is_object()) {
        let flag =
            |member: &str, now: bool| given.get(member).and_then(Value::as_bool).unwrap_or(now);
        suspended = Suspended {
            inward: flag("DynamicScalingInSuspended", suspended.inward),
            outward: flag("DynamicScalingOutSuspended", suspended.outward),
            scheduled: flag("ScheduledScalingSuspended", suspended.scheduled),
        };
    }
    let given_tags: BTreeMap<String, String> = input
        .value
        .get("Tags")
        .and_then(Value::as_object)
        .map(|tags| {
            tags.iter()
                .map(|(k, v)| (k.clone(), v.as_str().unwrap_or("").to_owned()))
                .collect()
        })
        .unwrap_or_default();
    if old.is_some() && !given_tags.is_empty() {
        return Err(validation(
            "Tags cannot be specified when updating an existing scalable target.",
        ));
    }
    iam::ensure_service_linked_role(cx, "ecs.application-autoscaling.amazonaws.com")?;
    let id = cx.hex("scalable-target", 24);
    let target = match &old {
        Some(old) => Target {
            min,
            max,
            suspended,
            ..old.clone()
        },
        None => Target {
            arn: cx.arn(
                "application-autoscaling",
                &format!("scalable-target/0ec5{id}"),
            ),
            resource: resource.clone(),
            min,
            max,
            role: format!(
                "arn:aws:iam::{account}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/\
                 AWSServiceRoleForApplicationAutoScaling_ECSService"
            ),
            suspended,
            tags: given_tags,
            created: cx.unix_now(),
            moved_out: 0,
            moved_in: 0,
            above: BTreeMap::new(),
            below: BTreeMap::new(),
        },
    };
    let arn = target.arn.clone();
    let fresh = cx.visible_at(&resource);
    cx.place()
        .autoscaling
        .targets
        .put(resource.clone(), target, fresh);
    // Capacity outside the limits moves into them at once.
    actor::keep_limits(cx.world, &account, &region, &resource);
    if old.is_none() {
        actor::begin(cx.world, &account, &region, &resource);
    }
    Ok(json!({ "ScalableTargetARN": arn }))
}

fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let asked = input.strings("ResourceIds");
    let targets: Vec<Value> = cx
        .place()
        .autoscaling
        .targets
        .seen_all(now)
        .map(|(_, t)| t)
        .filter(|t| asked.is_empty() || asked.contains(&t.resource))
        .map(|t| {
            json!({
                "ServiceNamespace": NAMESPACE,
                "ResourceId": t.resource,
                "ScalableDimension": DIMENSION,
                "MinCapacity": t.min,
                "MaxCapacity": t.max,
                "RoleARN": t.role,
                "CreationTime": t.created,
                "SuspendedState": suspended_json(t.suspended),
                "ScalableTargetARN": t.arn,
            })
        })
        .collect();
    Ok(json!({ "ScalableTargets": targets }))
}

fn deregister(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let resource = input.str("ResourceId").unwrap_or("").to_owned();
    if !cx.place().autoscaling.targets.contains(&resource) {
        return Err(not_registered(&resource));
    }
    let gone = cx.visible_at(&resource);
    let prefix = format!("{resource}#");
    let policies: Vec<String> = cx
        .place()
        .autoscaling
        .policies
        .keys()
        .into_iter()
        .filter(|k| k.starts_with(&prefix))
        .collect();
    for key in policies {
        policies::remove(cx, &key, gone);
    }
    let state = &mut cx.place().autoscaling;
    for key in state
        .actions
        .keys()
        .into_iter()
        .filter(|k| k.starts_with(&prefix))
    {
        state.actions.remove(&key, gone);
    }
    state.targets.remove(&resource, gone);
    Ok(json!({}))
}

fn activities(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let resource = input.str("ResourceId").map(str::to_owned);
    let rows: Vec<Value> = cx
        .place()
        .autoscaling
        .activities
        .iter()
        .rev()
        .filter(|a| resource.as_ref().is_none_or(|r| a.resource == *r))
        .map(|a| {
            json!({
                "ActivityId": a.id,
                "ServiceNamespace": NAMESPACE,
                "ResourceId": a.resource,
                "ScalableDimension": DIMENSION,
                "Description": a.description,
                "Cause": a.cause,
                "StartTime": a.at,
                "EndTime": a.at,
                "StatusCode": a.status,
                "StatusMessage": a.message,
            })
        })
        .collect();
    Ok(json!({ "ScalingActivities": rows }))
}

/// The resource whose target has this ARN.
fn by_arn(cx: &mut Cx<'_>, input: &Input) -> Result<String, AwsError> {
    let arn = input.str("ResourceARN").unwrap_or("");
    let found = cx
        .place()
        .autoscaling
        .targets
        .iter()
        .find(|(_, t)| t.arn == arn)
        .map(|(k, _)| k.to_owned());
    found.ok_or_else(|| {
        AwsError::new(
            "ResourceNotFoundException",
            "The specified resource doesn't exist.",
        )
        .field("ResourceName", arn)
    })
}

fn tag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = by_arn(cx, input)?;
    let given: Vec<(String, String)> = input
        .value
        .get("Tags")
        .and_then(Value::as_object)
        .map(|tags| {
            tags.iter()
                .map(|(k, v)| (k.clone(), v.as_str().unwrap_or("").to_owned()))
                .collect()
        })
        .unwrap_or_default();
    let arn = input.str("ResourceARN").unwrap_or("").to_owned();
    let count = cx.place().autoscaling.targets.get(&key).map_or(0, |t| {
        t.tags.len()
            + given
                .iter()
                .filter(|(k, _)| !t.tags.contains_key(k))
                .count()
    });
    if count > 50 {
        return Err(
            AwsError::new("TooManyTagsException", "Too many tags.").field("ResourceName", arn)
        );
    }
    let fresh = cx.visible_at(&key);
    cx.place()
        .autoscaling
        .targets
        .change(&key, fresh, |t| t.tags.extend(given));
    Ok(json!({}))
}

fn untag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = by_arn(cx, input)?;
    let keys = input.strings("TagKeys");
    let fresh = cx.visible_at(&key);
    cx.place()
        .autoscaling
        .targets
        .change(&key, fresh, |t| t.tags.retain(|k, _| !keys.contains(k)));
    Ok(json!({}))
}

fn list_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = by_arn(cx, input)?;
    let tags = cx
        .place()
        .autoscaling
        .targets
        .get(&key)
        .map(|t| t.tags.clone())
        .unwrap_or_default();
    Ok(json!({ "Tags": tags }))
}

/// How often the actor looks.
const EVERY: Nanos = 60 * SECOND;

/// Every tagged scalable target as the tagging service lists them: ARN and tags.
pub fn tagged(
    world: &World,
    account: &str,
    region: &str,
) -> Vec<(String, BTreeMap<String, String>)> {
    let Some(place) = world.seen_place(account, region) else {
        return vec![];
    };
    let targets = place.autoscaling.targets.iter();
    targets
        .filter(|(_, t)| !t.tags.is_empty())
        .map(|(_, t)| (t.arn.clone(), t.tags.clone()))
        .collect()
}
