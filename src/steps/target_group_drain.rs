//! How long connections of a source target group may drain, shortened before its tasks go and put back by undo.

use crate::env::Env;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use drtool_engine::step::Yields;

pub const KIND: &str = "target-group-drain";
pub const SUMMARY: &str = "the deregistration delay of a source target group, shortened";
pub const EXAMPLE: &str = "\
id: target-group-drain
use: target-group-drain
with:
  targetGroup: arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/redmine/73e2d6bc24d8a067
  seconds: 30
";

/// The attribute that says so.
pub const DELAY: &str = "deregistration_delay.timeout_seconds";

/// What AWS takes where nobody has said anything.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html>
pub const DEFAULT: u32 = 300;

/// The group and its delay until the move is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetGroupDrain {
    pub target_group: String,
    pub seconds: u32,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetGroupDrains {
    pub seconds: u32,
}

impl Yields for TargetGroupDrains {
    const NAME: &'static str = "target group drain";
}

/// The delay that a group's attributes tell, in seconds.
pub fn delay(attributes: &BTreeMap<String, String>) -> u32 {
    let told = attributes.get(DELAY).and_then(|told| told.parse().ok());
    told.unwrap_or(DEFAULT)
}

impl TargetGroupDrain {
    async fn there(&self, cx: &Cx<'_, Env>) -> Result<u32, StepError> {
        let (region, group) = (cx.place().as_str(), &self.target_group);
        let attributes = cx
            .env
            .cloud
            .target_group_attributes(region, group, cx.look())
            .await?;
        Ok(delay(&attributes))
    }
}

impl Step for TargetGroupDrain {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = TargetGroupDrains;
    type Before = u32;

    fn effect(&self) -> Effect {
        Effect::Changes
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<TargetGroupDrains>, StepError> {
        let seconds = self.there(cx).await?;
        Ok(if seconds > self.seconds {
            Observed::Absent
        } else {
            Observed::Ready(TargetGroupDrains { seconds }, Claim::AsWanted)
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<u32>, StepError> {
        let before = self.there(cx).await?;
        Ok(self
            .set(cx, self.seconds)
            .with_before(CallKind::Upsert, before))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        made: &Made<TargetGroupDrains, u32>,
    ) -> Result<Undo, StepError> {
        let Some(before) = made.before() else {
            return Ok(Undo::Done);
        };
        // Another value is somebody else's by now.
        Ok(
            if self.there(cx).await? == self.seconds && *before != self.seconds {
                Undo::Call(self.set(cx, *before).call(CallKind::Upsert))
            } else {
                Undo::Done
            },
        )
    }
}

impl TargetGroupDrain {
    fn set(&self, cx: &Cx<'_, Env>, seconds: u32) -> crate::cloud::call::Outgoing {
        let attributes = BTreeMap::from([(DELAY.to_owned(), seconds.to_string())]);
        cx.env.cloud.modify_target_group_attributes(
            cx.place().as_str(),
            &self.target_group,
            &attributes,
        )
    }
}
