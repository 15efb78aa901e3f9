//! Scaling of a source service, suspended: else Auto Scaling would raise the tasks that the fence takes away.

use crate::cloud::autoscaling;
use crate::env::Env;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use crate::capture::compute::Suspended;
use drtool_engine::step::Yields;

pub const KIND: &str = "scaling-suspension";
pub const SUMMARY: &str = "scaling of a source service, suspended";
pub const EXAMPLE: &str = "\
id: scaling-suspension
use: scaling-suspension
with:
  resource: service/redmine/web
  dimension: ecs:service:DesiredCount
  min: 2
  max: 6
  before: { dynamicIn: false, dynamicOut: false, scheduled: false }
";

/// The scalable target to suspend, all three ways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScalingSuspension {
    pub resource: String,
    pub dimension: String,
    /// As registered: the call wants them.
    pub min: u32,
    pub max: u32,
    /// What is suspended today, for undo to put back.
    pub before: Suspended,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScalingSuspended {
    pub resource: String,
}

impl Yields for ScalingSuspended {
    const NAME: &'static str = "scaling suspension";
}

impl ScalingSuspension {
    async fn there(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Option<autoscaling::ScalableTarget>, StepError> {
        let all = cx
            .env
            .cloud
            .scalable_targets(cx.place().as_str(), cx.look())
            .await?;
        Ok(all.iter().find(|t| t.resource == self.resource).cloned())
    }
}

impl Step for ScalingSuspension {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ScalingSuspended;
    type Before = autoscaling::Suspension;

    fn effect(&self) -> Effect {
        Effect::Fences
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ScalingSuspended>, StepError> {
        let done = ScalingSuspended {
            resource: self.resource.clone(),
        };
        Ok(match self.there(cx).await? {
            Some(target) if target.suspended.complete() => Observed::Ready(done, Claim::AsWanted),
            // A list that lacks it proves nothing: AWS refuses the call if it is really gone.
            _ => Observed::Absent,
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<autoscaling::Suspension>, StepError> {
        let planned = autoscaling::Suspension {
            scale_in: self.before.dynamic_in,
            scale_out: self.before.dynamic_out,
            scheduled: self.before.scheduled,
        };
        let before = self.there(cx).await?.map_or(planned, |t| t.suspended);
        Ok(cx
            .env
            .cloud
            .suspend_scaling(
                cx.place().as_str(),
                &self.resource,
                autoscaling::Suspension::ALL,
            )
            .with_before(CallKind::Upsert, before))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        made: &Made<ScalingSuspended, autoscaling::Suspension>,
    ) -> Result<Undo, StepError> {
        let Some(before) = made.before() else {
            return Ok(Undo::Done);
        };
        Ok(match self.there(cx).await? {
            Some(target) if target.suspended == *before => Undo::Done,
            _ => Undo::Call(
                cx.env
                    .cloud
                    .suspend_scaling(cx.place().as_str(), &self.resource, *before)
                    .call(CallKind::Upsert),
            ),
        })
    }
}
