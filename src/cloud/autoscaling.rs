//! Application Auto Scaling: targets and policies of ECS services.

use super::call::{Outgoing, outgoing};
use super::error::CloudError;
use super::{Cloud, Tags, refused, tags_of};
use aws_sdk_applicationautoscaling::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

const SERVICE: &str = "application-autoscaling";
const DIMENSION: &str = "ecs:service:DesiredCount";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScalableTarget {
    /// `service/CLUSTER/SERVICE`.
    pub resource: String,
    pub min: i32,
    pub max: i32,
    pub suspended: Suspension,
    pub arn: Option<String>,
    pub role_arn: Option<String>,
}

/// Which scaling is switched off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Suspension {
    pub scale_in: bool,
    pub scale_out: bool,
    pub scheduled: bool,
}

impl Suspension {
    pub const ALL: Suspension = Suspension {
        scale_in: true,
        scale_out: true,
        scheduled: true,
    };

    pub fn complete(self) -> bool {
        self == Suspension::ALL
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScalingPolicy {
    pub name: String,
    pub arn: String,
    pub resource: String,
    pub kind: String,
    /// The predefined metric of a target-tracking policy.
    pub metric: Option<String>,
    pub target: Option<f64>,
    pub scale_in_cooldown: Option<i32>,
    pub scale_out_cooldown: Option<i32>,
    pub disable_scale_in: Option<bool>,
}

fn suspension(s: Suspension) -> aws::SuspendedState {
    aws::SuspendedState::builder()
        .dynamic_scaling_in_suspended(s.scale_in)
        .dynamic_scaling_out_suspended(s.scale_out)
        .scheduled_scaling_suspended(s.scheduled)
        .build()
}

fn json_suspension(s: Suspension) -> Value {
    json!({
        "DynamicScalingInSuspended": s.scale_in, "DynamicScalingOutSuspended": s.scale_out,
        "ScheduledScalingSuspended": s.scheduled,
    })
}

/// Looks.
impl Cloud {
    pub async fn scalable_targets(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<ScalableTarget>>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("scaling/targets/{region}"), look, async {
                let mut pages = self
                    .autoscaling(region)
                    .describe_scalable_targets()
                    .service_namespace(aws::ServiceNamespace::Ecs)
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let t = item.map_err(refused(
                        SERVICE,
                        "DescribeScalableTargets",
                        region,
                        "all targets",
                    ))?;
                    let s = t.suspended_state();
                    all.push(ScalableTarget {
                        resource: t.resource_id().to_owned(),
                        min: t.min_capacity(),
                        max: t.max_capacity(),
                        suspended: Suspension {
                            scale_in: s
                                .and_then(|s| s.dynamic_scaling_in_suspended())
                                .unwrap_or_default(),
                            scale_out: s
                                .and_then(|s| s.dynamic_scaling_out_suspended())
                                .unwrap_or_default(),
                            scheduled: s
                                .and_then(|s| s.scheduled_scaling_suspended())
                                .unwrap_or_default(),
                        },
                        arn: t.scalable_target_arn().map(str::to_owned),
                        role_arn: Some(t.role_arn().to_owned()),
                    });
                }
                Ok(all)
            })
            .await
    }

    pub async fn scaling_policies(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<ScalingPolicy>>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("scaling/policies/{region}"), look, async {
                let mut pages = self
                    .autoscaling(region)
                    .describe_scaling_policies()
                    .service_namespace(aws::ServiceNamespace::Ecs)
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let p = item.map_err(refused(
                        SERVICE,
                        "DescribeScalingPolicies",
                        region,
                        "all policies",
                    ))?;
                    let t = p.target_tracking_scaling_policy_configuration();
                    all.push(ScalingPolicy {
                        name: p.policy_name().to_owned(),
                        arn: p.policy_arn().to_owned(),
                        resource: p.resource_id().to_owned(),
                        kind: p.policy_type().as_str().to_owned(),
                        metric: t
                            .and_then(|t| t.predefined_metric_specification())
                            .map(|m| m.predefined_metric_type().as_str().to_owned()),
                        target: t.map(|t| t.target_value()),
                        scale_in_cooldown: t.and_then(|t| t.scale_in_cooldown()),
                        scale_out_cooldown: t.and_then(|t| t.scale_out_cooldown()),
                        disable_scale_in: t.and_then(|t| t.disable_scale_in()),
                    });
                }
                Ok(all)
            })
            .await
    }

    pub async fn scalable_target_tags(&self, region: &str, arn: &str) -> Result<Tags, CloudError> {
        let answer = self
            .autoscaling(region)
            .list_tags_for_resource()
            .resource_arn(arn)
            .send()
            .await
            .map_err(refused(SERVICE, "ListTagsForResource", region, arn))?;
        Ok(tags_of(answer.tags()))
    }
}

/// Calls.
impl Cloud {
    /// Registers, or changes what is registered. Unless suspended, AWS moves the capacity into the bounds at once.
    pub fn register_scalable_target(
        &self,
        region: &str,
        resource: &str,
        min: i32,
        max: i32,
        suspended: Suspension,
        tags: &Tags,
    ) -> Outgoing {
        let mut request = json!({
            "ServiceNamespace": "ecs", "ResourceId": resource, "ScalableDimension": DIMENSION,
            "MinCapacity": min, "MaxCapacity": max, "SuspendedState": json_suspension(suspended),
        });
        let mut call = self
            .autoscaling_writer(region)
            .register_scalable_target()
            .service_namespace(aws::ServiceNamespace::Ecs)
            .resource_id(resource)
            .scalable_dimension(aws::ScalableDimension::EcsServiceDesiredCount)
            .min_capacity(min)
            .max_capacity(max)
            .suspended_state(suspension(suspended));
        if !tags.is_empty() {
            request["Tags"] = json!(tags);
            call = call.set_tags(Some(
                tags.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            ));
        }
        outgoing!(
            SERVICE,
            "RegisterScalableTarget",
            region,
            resource,
            request,
            call
        )
    }

    /// Switches scaling off or on without touching the bounds.
    pub fn suspend_scaling(&self, region: &str, resource: &str, suspended: Suspension) -> Outgoing {
        let request = json!({
            "ServiceNamespace": "ecs", "ResourceId": resource, "ScalableDimension": DIMENSION,
            "SuspendedState": json_suspension(suspended),
        });
        let call = self
            .autoscaling_writer(region)
            .register_scalable_target()
            .service_namespace(aws::ServiceNamespace::Ecs)
            .resource_id(resource)
            .scalable_dimension(aws::ScalableDimension::EcsServiceDesiredCount)
            .suspended_state(suspension(suspended));
        outgoing!(
            SERVICE,
            "RegisterScalableTarget",
            region,
            resource,
            request,
            call
        )
    }

    pub fn deregister_scalable_target(&self, region: &str, resource: &str) -> Outgoing {
        let request = json!({ "ServiceNamespace": "ecs", "ResourceId": resource, "ScalableDimension": DIMENSION });
        let call = self
            .autoscaling_writer(region)
            .deregister_scalable_target()
            .service_namespace(aws::ServiceNamespace::Ecs)
            .resource_id(resource)
            .scalable_dimension(aws::ScalableDimension::EcsServiceDesiredCount);
        outgoing!(
            SERVICE,
            "DeregisterScalableTarget",
            region,
            resource,
            request,
            call
        )
    }

    pub fn put_scaling_policy(
        &self,
        region: &str,
        resource: &str,
        policy: &ScalingPolicy,
    ) -> Outgoing {
        let metric = policy.metric.clone().unwrap_or_default();
        let mut tracking = json!({
            "TargetValue": policy.target, "PredefinedMetricSpecification": { "PredefinedMetricType": metric },
        });
        for (member, value) in [
            ("ScaleInCooldown", policy.scale_in_cooldown.map(Value::from)),
            (
                "ScaleOutCooldown",
                policy.scale_out_cooldown.map(Value::from),
            ),
            ("DisableScaleIn", policy.disable_scale_in.map(Value::from)),
        ] {
            if let Some(value) = value {
                tracking[member] = value;
            }
        }
        let request = json!({
            "ServiceNamespace": "ecs", "ResourceId": resource, "ScalableDimension": DIMENSION,
            "PolicyName": policy.name, "PolicyType": policy.kind, "TargetTrackingScalingPolicyConfiguration": tracking,
        });
        let specification = aws::PredefinedMetricSpecification::builder()
            .predefined_metric_type(aws::MetricType::from(metric.as_str()))
            .build()
            .ok();
        let configuration = aws::TargetTrackingScalingPolicyConfiguration::builder()
            .set_target_value(policy.target)
            .set_predefined_metric_specification(specification)
            .set_scale_in_cooldown(policy.scale_in_cooldown)
            .set_scale_out_cooldown(policy.scale_out_cooldown)
            .set_disable_scale_in(policy.disable_scale_in)
            .build()
            .ok();
        let call = self
            .autoscaling_writer(region)
            .put_scaling_policy()
            .service_namespace(aws::ServiceNamespace::Ecs)
            .resource_id(resource)
            .scalable_dimension(aws::ScalableDimension::EcsServiceDesiredCount)
            .policy_name(&policy.name)
            .policy_type(aws::PolicyType::from(policy.kind.as_str()))
            .set_target_tracking_scaling_policy_configuration(configuration);
        outgoing!(
            SERVICE,
            "PutScalingPolicy",
            region,
            policy.name,
            request,
            call,
            |a| Some(a.policy_arn().to_owned())
        )
    }

    pub fn delete_scaling_policy(&self, region: &str, resource: &str, name: &str) -> Outgoing {
        let request = json!({
            "ServiceNamespace": "ecs", "ResourceId": resource, "ScalableDimension": DIMENSION, "PolicyName": name,
        });
        let call = self
            .autoscaling_writer(region)
            .delete_scaling_policy()
            .service_namespace(aws::ServiceNamespace::Ecs)
            .resource_id(resource)
            .scalable_dimension(aws::ScalableDimension::EcsServiceDesiredCount)
            .policy_name(name);
        outgoing!(SERVICE, "DeleteScalingPolicy", region, name, request, call)
    }
}
