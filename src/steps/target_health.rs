//! The health of a target group: as many healthy targets as wanted, none of them draining. A group without targets is not healthy.

use crate::env::Env;
use drtool_engine::step::{Call, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "target-health";
pub const SUMMARY: &str = "as many healthy targets in a group as wanted";
pub const EXAMPLE: &str = "\
id: target-health
use: target-health
with:
  targetGroup: arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/redmine-web/6d0ecf831eec9f09
  healthy: 2
";

/// The group to look at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetHealth {
    pub target_group: Value<String>,
    /// How many at least.
    pub healthy: u32,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetsHealthy {
    pub healthy: u32,
}

impl Yields for TargetsHealthy {
    const NAME: &'static str = "target health";
}

impl Step for TargetHealth {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = TargetsHealthy;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<TargetsHealthy>, StepError> {
        let group = cx.value(&self.target_group)?;
        let targets = cx
            .env
            .cloud
            .target_health(cx.place().as_str(), &group, cx.look())
            .await?;
        let healthy = u32::try_from(targets.iter().filter(|t| t.state == "healthy").count())
            .unwrap_or(u32::MAX);
        // Targets that leave are no reason to wait; targets that fail are.
        let ailing = targets
            .iter()
            .find(|t| t.state == "unhealthy" || t.state.starts_with("unavailable"));
        Ok(match ailing {
            None if healthy >= self.healthy => {
                Observed::Ready(TargetsHealthy { healthy }, Claim::AsWanted)
            }
            Some(target) => Observed::underway(format!(
                "{healthy} of {} healthy; {} is {}: {}",
                self.healthy,
                target.target,
                target.state,
                target
                    .description
                    .as_deref()
                    .or(target.reason.as_deref())
                    .unwrap_or("no reason given"),
            )),
            None => Observed::underway(format!("{healthy} of {} healthy", self.healthy)),
        })
    }

    async fn begin(&self, _: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        Err(StepError::wait(
            "E4352",
            "targets become healthy by themselves, or not",
        ))
    }

    async fn undo(&self, _: &Cx<'_, Env>, _: &Made<TargetsHealthy, ()>) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
