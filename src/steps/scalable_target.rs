//! A service's scaling limits. Registering moves the service into them at once, so it comes after the service is steady.

use crate::cloud::autoscaling;
use crate::env::Env;
use crate::steps::ownership::tags;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use crate::capture::compute::Suspended;
use drtool_engine::step::Yields;

pub const KIND: &str = "scalable-target";
pub const SUMMARY: &str = "the scaling limits of a service";
pub const EXAMPLE: &str = "\
id: scalable-target
use: scalable-target
with:
  resource: service/redmine/web
  dimension: ecs:service:DesiredCount
  min: 2
  max: 6
  suspended: { dynamicIn: false, dynamicOut: false, scheduled: false }
";

/// The limits to register.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScalableTarget {
    /// `service/cluster/name`.
    pub resource: String,
    pub dimension: String,
    pub min: u32,
    pub max: u32,
    pub suspended: Suspended,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScalableTargetMade {
    pub resource: String,
}

impl Yields for ScalableTargetMade {
    const NAME: &'static str = "scalable target";
}

impl ScalableTarget {
    async fn found(
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

    fn suspension(&self) -> autoscaling::Suspension {
        suspension(&self.suspended)
    }

    fn limits(&self) -> (i32, i32) {
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        (number(self.min), number(self.max))
    }
}

/// The captured form of a suspension, as the cloud module has it.
pub fn suspension(s: &Suspended) -> autoscaling::Suspension {
    autoscaling::Suspension {
        scale_in: s.dynamic_in,
        scale_out: s.dynamic_out,
        scheduled: s.scheduled,
    }
}

impl Step for ScalableTarget {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ScalableTargetMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ScalableTargetMade>, StepError> {
        let Some(target) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        let made = ScalableTargetMade {
            resource: self.resource.clone(),
        };
        Ok(
            if (target.min, target.max) == self.limits() && target.suspended == self.suspension() {
                // The target belongs to the service, which its own step has proven ours.
                Observed::Ready(made, Claim::AsWanted)
            } else {
                Observed::Partial {
                    note: "other limits are registered".into(),
                }
            },
        )
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let (min, max) = self.limits();
        // Tags are for a new one: with them an update is refused.
        let tags = match self.found(cx).await? {
            None => tags(cx, &Default::default()),
            Some(_) => Default::default(),
        };
        Ok(cx
            .env
            .cloud
            .register_scalable_target(
                cx.place().as_str(),
                &self.resource,
                min,
                max,
                self.suspension(),
                &tags,
            )
            .call(CallKind::Upsert))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<ScalableTargetMade, ()>,
    ) -> Result<Undo, StepError> {
        Ok(match self.found(cx).await? {
            Some(_) => Undo::Call(
                cx.env
                    .cloud
                    .deregister_scalable_target(cx.place().as_str(), &self.resource)
                    .call(CallKind::Upsert),
            ),
            None => Undo::Done,
        })
    }
}
