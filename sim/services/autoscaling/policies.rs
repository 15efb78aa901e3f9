//! Scaling policies: target tracking and steps.

use super::{DIMENSION, NAMESPACE, not_registered, validation};
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub arn: String,
    pub name: String,
    pub resource: String,
    /// `TargetTrackingScaling` or `StepScaling`.
    pub kind: String,
    /// The configuration, as given.
    pub configuration: Value,
    /// Names and ARNs of the alarms made for it.
    pub alarms: Vec<(String, String)>,
    pub created: f64,
}

pub(super) fn key(resource: &str, name: &str) -> String {
    format!("{resource}#{name}")
}

/// The metric and dimensions that a tracking policy follows.
pub(super) fn metric(policy: &Policy) -> (&str, f64) {
    let kind = policy.configuration["PredefinedMetricSpecification"]["PredefinedMetricType"]
        .as_str()
        .unwrap_or("");
    let name = match kind {
        "ECSServiceAverageCPUUtilization" => "CPUUtilization",
        "ECSServiceAverageMemoryUtilization" => "MemoryUtilization",
        _ => "",
    };
    (
        name,
        policy.configuration["TargetValue"].as_f64().unwrap_or(0.0),
    )
}

pub(super) fn put(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let resource = input.str("ResourceId").unwrap_or("").to_owned();
    let name = input.str("PolicyName").unwrap_or("").to_owned();
    if !cx.place().autoscaling.targets.contains(&resource) {
        return Err(not_registered(&resource));
    }
    let key = key(&resource, &name);
    let old = cx.place().autoscaling.policies.get(&key).cloned();
    let kind = match (input.str("PolicyType"), &old) {
        (Some(kind), Some(old)) if kind != old.kind => {
            return Err(validation(
                "Policy type cannot be changed for an existing scaling policy.",
            ));
        }
        (Some(kind), _) => kind.to_owned(),
        (None, Some(old)) => old.kind.clone(),
        (None, None) => "StepScaling".to_owned(),
    };
    let member = match kind.as_str() {
        "TargetTrackingScaling" => "TargetTrackingScalingPolicyConfiguration",
        "StepScaling" => "StepScalingPolicyConfiguration",
        _ => return Err(cx.not_simulated()),
    };
    let Some(configuration) = input.value.get(member).filter(|c| c.is_object()).cloned() else {
        return Err(validation(format!(
            "{member} is required for policy type {kind}."
        )));
    };
    if kind == "TargetTrackingScaling" {
        check_tracking(&configuration)?;
    } else {
        check_steps(&configuration)?;
    }
    let count = cx
        .place()
        .autoscaling
        .policies
        .iter()
        .filter(|(_, p)| p.resource == resource)
        .count();
    if old.is_none() && count >= 50 {
        return Err(AwsError::new(
            "LimitExceededException",
            "The number of scaling policies of the target is at its limit.",
        ));
    }
    let (arn, alarms, created) = match &old {
        Some(old) => (old.arn.clone(), old.alarms.clone(), old.created),
        None => {
            let id = cx.uuid("scaling-policy");
            let arn = cx.arn(
                "autoscaling",
                &format!("scalingPolicy:{id}:resource/{NAMESPACE}/{resource}:policyName/{name}"),
            );
            let mut alarms = vec![];
            if kind == "TargetTrackingScaling" {
                for side in ["AlarmHigh", "AlarmLow"] {
                    let alarm = format!(
                        "TargetTracking-{resource}-{side}-{}",
                        cx.uuid("scaling-alarm")
                    );
                    let arn = cx.arn("cloudwatch", &format!("alarm:{alarm}"));
                    alarms.push((alarm, arn));
                }
            }
            (arn, alarms, cx.unix_now())
        }
    };
    let policy = Policy {
        arn: arn.clone(),
        name,
        resource,
        kind,
        configuration,
        alarms,
        created,
    };
    make_alarms(cx, &policy);
    let shown = alarms_json(&policy);
    let fresh = cx.visible_at(&key);
    cx.place().autoscaling.policies.put(key, policy, fresh);
    Ok(json!({ "PolicyARN": arn, "Alarms": shown }))
}

fn check_tracking(configuration: &Value) -> Result<(), AwsError> {
    let predefined = configuration
        .get("PredefinedMetricSpecification")
        .filter(|v| v.is_object());
    let customized = configuration
        .get("CustomizedMetricSpecification")
        .filter(|v| v.is_object());
    if predefined.is_some() == customized.is_some() {
        return Err(validation(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification is required.",
        ));
    }
    if configuration["TargetValue"]
        .as_f64()
        .is_none_or(|v| v <= 0.0)
    {
        return Err(validation("TargetValue must be greater than 0."));
    }
    let known = [
        "ECSServiceAverageCPUUtilization",
        "ECSServiceAverageMemoryUtilization",
        "ALBRequestCountPerTarget",
    ];
    if let Some(predefined) = predefined {
        let kind = predefined["PredefinedMetricType"].as_str().unwrap_or("");
        if !known.contains(&kind) {
            return Err(validation(format!(
                "Invalid metric type {kind} for the ecs:service:DesiredCount dimension."
            )));
        }
        let label = predefined
            .get("ResourceLabel")
            .and_then(Value::as_str)
            .is_some();
        if (kind == "ALBRequestCountPerTarget") != label {
            return Err(validation(
                "ResourceLabel is required for ALBRequestCountPerTarget, and for nothing else.",
            ));
        }
    }
    Ok(())
}

fn check_steps(configuration: &Value) -> Result<(), AwsError> {
    let steps = configuration["StepAdjustments"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    if configuration
        .get("AdjustmentType")
        .and_then(Value::as_str)
        .is_none()
        || steps.is_empty()
    {
        return Err(validation(
            "AdjustmentType and at least one step adjustment are required for step scaling.",
        ));
    }
    if steps
        .iter()
        .any(|s| s.get("ScalingAdjustment").and_then(Value::as_i64).is_none())
    {
        return Err(validation("Every step needs a ScalingAdjustment."));
    }
    Ok(())
}

/// The alarms of a tracking policy are real alarms of the account, as far as CloudWatch takes them.
fn make_alarms(cx: &mut Cx<'_>, policy: &Policy) {
    if policy.kind != "TargetTrackingScaling" {
        return;
    }
    let (metric, target) = metric(policy);
    if metric.is_empty() {
        return;
    }
    let mut parts = policy.resource.split('/').skip(1);
    let (cluster, service) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    for (name, _) in &policy.alarms {
        let high = name.contains("AlarmHigh");
        let input = json!({
            "AlarmName": name,
            "AlarmDescription": format!("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {}.", policy.arn),
            "ActionsEnabled": true,
            "AlarmActions": [policy.arn],
            "MetricName": metric,
            "Namespace": "AWS/ECS",
            "Statistic": "Average",
            "Dimensions": [
                { "Name": "ClusterName", "Value": cluster },
                { "Name": "ServiceName", "Value": service },
            ],
            "Period": 60,
            "EvaluationPeriods": if high { 3 } else { 15 },
            "Threshold": if high { target } else { target * 0.9 },
            "ComparisonOperator": if high { "GreaterThanThreshold" } else { "LessThanThreshold" },
        });
        // What the alarm does is done by the actor; the alarm is what an operator sees of it.
        let _ = cx.world.invoke(
            &account,
            &region,
            ServiceId::Cloudwatch,
            "PutMetricAlarm",
            input,
        );
    }
}

fn alarms_json(policy: &Policy) -> Value {
    policy
        .alarms
        .iter()
        .map(|(name, arn)| json!({ "AlarmName": name, "AlarmARN": arn }))
        .collect()
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let (names, resource) = (
        input.strings("PolicyNames"),
        input.str("ResourceId").map(str::to_owned),
    );
    let rows: Vec<Value> = cx
        .place()
        .autoscaling
        .policies
        .seen_all(now)
        .map(|(_, p)| p)
        .filter(|p| names.is_empty() || names.contains(&p.name))
        .filter(|p| resource.as_ref().is_none_or(|r| p.resource == *r))
        .map(|p| {
            let mut value = json!({
                "PolicyARN": p.arn,
                "PolicyName": p.name,
                "ServiceNamespace": NAMESPACE,
                "ResourceId": p.resource,
                "ScalableDimension": DIMENSION,
                "PolicyType": p.kind,
                "Alarms": alarms_json(p),
                "CreationTime": p.created,
            });
            let member = if p.kind == "StepScaling" {
                "StepScalingPolicyConfiguration"
            } else {
                "TargetTrackingScalingPolicyConfiguration"
            };
            value[member] = p.configuration.clone();
            value
        })
        .collect();
    Ok(json!({ "ScalingPolicies": rows }))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (resource, name) = (
        input.str("ResourceId").unwrap_or(""),
        input.str("PolicyName").unwrap_or(""),
    );
    let key = key(resource, name);
    if !cx.place().autoscaling.policies.contains(&key) {
        return Err(AwsError::new(
            "ObjectNotFoundException",
            format!(
                "No scaling policy found for service namespace: {NAMESPACE}, resource ID: {resource}, scalable dimension: \
                 {DIMENSION}, policy name: {name}"
            ),
        ));
    }
    let gone = cx.visible_at(&key);
    remove(cx, &key, gone);
    Ok(json!({}))
}

/// Removes a policy with its alarms.
pub(super) fn remove(cx: &mut Cx<'_>, key: &str, gone: Nanos) {
    let Some(policy) = cx.place().autoscaling.policies.remove(key, gone) else {
        return;
    };
    let names: Vec<&String> = policy.alarms.iter().map(|(name, _)| name).collect();
    if !names.is_empty() {
        let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
        let input = json!({ "AlarmNames": names });
        // Somebody may have deleted them by hand.
        let _ = cx.world.invoke(
            &account,
            &region,
            ServiceId::Cloudwatch,
            "DeleteAlarms",
            input,
        );
    }
}
