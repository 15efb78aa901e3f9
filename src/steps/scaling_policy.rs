//! A scaling policy. Target tracking makes its alarms itself.

use crate::cloud::autoscaling;
use crate::env::Env;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
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

impl ScalingPolicy {
    /// The target-tracking configuration, which is the one kind that drtool carries.
    fn policy(&self) -> Result<autoscaling::ScalingPolicy, StepError> {
        let c = &self.configuration;
        let number = |m: &str| {
            c.get(m)
                .and_then(|v| v.as_i64())
                .and_then(|n| i32::try_from(n).ok())
        };
        let metric = c
            .pointer("/PredefinedMetricSpecification/PredefinedMetricType")
            .and_then(|v| v.as_str());
        let (Some(metric), Some(target)) = (metric, c.get("TargetValue").and_then(|v| v.as_f64()))
        else {
            return Err(StepError::fail(
                "E4374",
                format!(
                    "scaling policy {} is not target tracking on a predefined metric, which is all that drtool carries",
                    self.name
                ),
            ));
        };
        Ok(autoscaling::ScalingPolicy {
            name: self.name.clone(),
            arn: String::new(),
            resource: self.resource.clone(),
            kind: self.policy_type.clone(),
            metric: Some(metric.to_owned()),
            target: Some(target),
            scale_in_cooldown: number("ScaleInCooldown"),
            scale_out_cooldown: number("ScaleOutCooldown"),
            disable_scale_in: c.get("DisableScaleIn").and_then(|v| v.as_bool()),
        })
    }

    async fn found(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Option<autoscaling::ScalingPolicy>, StepError> {
        let all = cx
            .env
            .cloud
            .scaling_policies(cx.place().as_str(), cx.look())
            .await?;
        Ok(all
            .iter()
            .find(|p| p.name == self.name && p.resource == self.resource)
            .cloned())
    }
}

impl Step for ScalingPolicy {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ScalingPolicyMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ScalingPolicyMade>, StepError> {
        let Some(there) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        let wanted = self.policy()?;
        Ok(
            if there.metric == wanted.metric && there.target == wanted.target {
                Observed::Ready(ScalingPolicyMade { arn: there.arn }, Claim::AsWanted)
            } else {
                Observed::Partial {
                    note: "it tracks something else".into(),
                }
            },
        )
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        Ok(cx
            .env
            .cloud
            .put_scaling_policy(cx.place().as_str(), &self.resource, &self.policy()?)
            .call(CallKind::Upsert))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<ScalingPolicyMade, ()>,
    ) -> Result<Undo, StepError> {
        Ok(match self.found(cx).await? {
            Some(_) => Undo::Call(
                cx.env
                    .cloud
                    .delete_scaling_policy(cx.place().as_str(), &self.resource, &self.name)
                    .call(CallKind::Upsert),
            ),
            None => Undo::Done,
        })
    }
}
