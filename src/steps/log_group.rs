//! A log group with its retention. Named like the source's: tasks name it.

use crate::env::Env;
use crate::steps::ownership::{claim, made_here, tags};
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "log-group";
pub const SUMMARY: &str = "a log group with its retention";
pub const EXAMPLE: &str = "\
id: log-group
use: log-group
with:
  name: /ecs/redmine
  retentionDays: 30
";

/// The group to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LogGroup {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Value<String>>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LogGroupMade {
    pub name: String,
    pub arn: String,
}

impl Yields for LogGroupMade {
    const NAME: &'static str = "log group";
}

impl LogGroup {
    async fn found(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Option<(crate::cloud::logs::LogGroup, Arc<Tags>)>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let groups = cloud.log_groups(region, &self.name, cx.look()).await?;
        let Some(group) = groups.iter().find(|g| g.name == self.name).cloned() else {
            return Ok(None);
        };
        let tags = cloud.log_group_tags(region, &group.arn, cx.look()).await?;
        Ok(Some((group, tags)))
    }

    fn days(&self) -> Option<i32> {
        self.retention_days
            .and_then(|days| i32::try_from(days).ok())
    }
}

impl Step for LogGroup {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = LogGroupMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<LogGroupMade>, StepError> {
        let Some((group, tags)) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        Ok(
            match claim(
                cx,
                &tags,
                &group.name,
                &format!("log group `{}`", self.name),
            ) {
                Err(why) => Observed::Foreign(why),
                Ok(Claim::Ours) if group.retention_days != self.days() => Observed::Partial {
                    note: "its retention is not set yet".into(),
                },
                Ok(claimed) => Observed::Ready(
                    LogGroupMade {
                        name: group.name,
                        arn: group.arn,
                    },
                    claimed,
                ),
            },
        )
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        match (self.found(cx).await?, self.days()) {
            (Some(_), Some(days)) => Ok(cloud
                .put_retention(region, &self.name, days)
                .call(CallKind::Upsert)),
            _ => {
                let key = self.kms_key.as_ref().map(|key| cx.value(key)).transpose()?;
                Ok(cloud
                    .create_log_group(region, &self.name, key.as_deref(), &tags(cx, &self.tags))
                    .call(CallKind::Named))
            }
        }
    }

    async fn undo(&self, cx: &Cx<'_, Env>, _: &Made<LogGroupMade, ()>) -> Result<Undo, StepError> {
        Ok(match self.found(cx).await? {
            Some((group, tags)) if made_here(cx, &tags) => Undo::Call(
                cx.env
                    .cloud
                    .delete_log_group(cx.place().as_str(), &group.name)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}
