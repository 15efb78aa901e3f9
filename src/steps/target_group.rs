//! A target group with its health check and attributes.

use crate::cloud::elb;
use crate::env::Env;
use crate::steps::ownership::{claim, made_here, tags};
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use crate::capture::edge::HealthCheck;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "target-group";
pub const SUMMARY: &str = "a target group with its health check";
pub const EXAMPLE: &str = "\
id: target-group
use: target-group
with:
  name: redmine-web
  vpc: vpc-0a1b2c3d
  protocol: HTTP
  port: 80
  targetType: ip
  healthCheck: { protocol: HTTP, port: traffic-port, path: /, matcher: 200-399, intervalSeconds: 5, timeoutSeconds: 4, healthyThreshold: 2, unhealthyThreshold: 5 }
  attributes: { deregistration_delay.timeout_seconds: \"30\" }
";

/// The group to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetGroup {
    /// At most 32 characters.
    pub name: String,
    pub vpc: Value<String>,
    pub protocol: String,
    pub port: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    /// `ip` or `instance`.
    pub target_type: String,
    pub health_check: HealthCheck,
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetGroupMade {
    pub arn: String,
}

impl Yields for TargetGroupMade {
    const NAME: &'static str = "target group";
}

impl TargetGroup {
    async fn found(&self, cx: &Cx<'_, Env>) -> Result<Option<elb::TargetGroup>, StepError> {
        let all = cx
            .env
            .cloud
            .target_groups(cx.place().as_str(), cx.look())
            .await?;
        Ok(all
            .iter()
            .find(|g| g.name == self.name || cx.adopt() == Some(g.arn.as_str()))
            .cloned())
    }

    async fn missing(
        &self,
        cx: &Cx<'_, Env>,
        arn: &str,
    ) -> Result<BTreeMap<String, String>, StepError> {
        let there = cx
            .env
            .cloud
            .target_group_attributes(cx.place().as_str(), arn, cx.look())
            .await?;
        Ok(self
            .attributes
            .iter()
            .filter(|(k, v)| there.get(*k) != Some(*v))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect())
    }
}

impl Step for TargetGroup {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = TargetGroupMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<TargetGroupMade>, StepError> {
        let Some(group) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        let claimed = match claim(
            cx,
            &group.tags,
            &group.arn,
            &format!("target group `{}`", self.name),
        ) {
            Ok(claimed) => claimed,
            Err(why) => return Ok(Observed::Foreign(why)),
        };
        if claimed == Claim::Ours && !self.missing(cx, &group.arn).await?.is_empty() {
            return Ok(Observed::Partial {
                note: "its attributes are AWS's defaults".into(),
            });
        }
        Ok(Observed::Ready(TargetGroupMade { arn: group.arn }, claimed))
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        if let Some(group) = self.found(cx).await? {
            let missing = self.missing(cx, &group.arn).await?;
            return Ok(cloud
                .modify_target_group_attributes(region, &group.arn, &missing)
                .call(CallKind::Upsert));
        }
        let count = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let h = &self.health_check;
        let health = elb::HealthCheck {
            protocol: h.protocol.clone(),
            port: h.port.clone(),
            path: h.path.clone(),
            matcher: h.matcher.clone(),
            interval: count(h.interval_seconds),
            timeout: count(h.timeout_seconds),
            healthy: count(h.healthy_threshold),
            unhealthy: count(h.unhealthy_threshold),
        };
        let new = elb::NewTargetGroup {
            name: &self.name,
            protocol: &self.protocol,
            port: i32::from(self.port),
            protocol_version: self.protocol_version.as_deref(),
            vpc: &cx.value(&self.vpc)?,
            target_type: &self.target_type,
            health: &health,
            tags: &tags(cx, &self.tags),
        };
        Ok(cloud
            .create_target_group(region, &new)
            .call(CallKind::Named))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<TargetGroupMade, ()>,
    ) -> Result<Undo, StepError> {
        Ok(match self.found(cx).await? {
            Some(group) if made_here(cx, &group.tags) => Undo::Call(
                cx.env
                    .cloud
                    .delete_target_group(cx.place().as_str(), &group.arn)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}
