//! A scaling policy. Target tracking makes its alarms itself.

use serde::{Deserialize, Serialize};

use drtool_engine::step::Yields;

pub const KIND: &str = "scaling-policy";
pub const SUMMARY: &str = "a scaling policy of a service";
pub const EXAMPLE: &str = "\
id: scaling-policy
use: scaling-policy
with:
  name: cpu
  resource: service/redmine/web
  dimension: ecs:service:DesiredCount
  policyType: TargetTrackingScaling
  configuration: { TargetValue: 60, PredefinedMetricSpecification: { PredefinedMetricType: ECSServiceAverageCPUUtilization } }
";

/// The policy to put.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScalingPolicy {
    pub name: String,
    pub resource: String,
    pub dimension: String,
    pub policy_type: String,
    /// In AWS's member names.
    pub configuration: serde_json::Value,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScalingPolicyMade {
    pub arn: String,
}

impl Yields for ScalingPolicyMade {
    const NAME: &'static str = "scaling policy";
}
