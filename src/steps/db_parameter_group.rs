//! A DB parameter group with what a person set in the source's. A restore would otherwise fall back to the default group.

use crate::cloud::rds;
use crate::env::Env;
use crate::steps::ownership::{claim, made_here, tags};
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use crate::capture::database::ParameterValue;
use drtool_engine::step::Yields;

pub const KIND: &str = "db-parameter-group";
pub const SUMMARY: &str = "a DB parameter group with the source's values";
pub const EXAMPLE: &str = "\
id: db-parameter-group
use: db-parameter-group
with:
  name: redmine-postgres15
  family: postgres15
  description: redmine
  parameters: { log_min_duration_statement: { value: \"500\", needsRestart: false } }
";

/// The group to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbParameterGroup {
    pub name: String,
    pub family: String,
    pub description: String,
    #[serde(default)]
    pub parameters: BTreeMap<String, ParameterValue>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbParameterGroupMade {
    pub name: String,
}

impl Yields for DbParameterGroupMade {
    const NAME: &'static str = "db parameter group";
}

impl DbParameterGroup {
    async fn found(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Option<(rds::DbParameterGroup, Tags)>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let all = cloud.db_parameter_groups(region, cx.look()).await?;
        let Some(group) = all
            .iter()
            .find(|g| g.name.eq_ignore_ascii_case(&self.name))
            .cloned()
        else {
            return Ok(None);
        };
        let tags = cloud.db_tags(region, &group.arn, cx.look()).await?;
        Ok(Some((group, (*tags).clone())))
    }

    /// The parameters that are not set yet, at most as many as one call takes.
    async fn missing(&self, cx: &Cx<'_, Env>) -> Result<Vec<rds::DbParameter>, StepError> {
        /// `ModifyDBParameterGroup` takes 20 parameters.
        const CALL: usize = 20;
        let there = cx
            .env
            .cloud
            .db_parameters(cx.place().as_str(), &self.name, cx.look())
            .await?;
        Ok(self
            .parameters
            .iter()
            .filter(|(name, wanted)| {
                !there
                    .iter()
                    .any(|p| p.name == **name && p.value == wanted.value)
            })
            .map(|(name, wanted)| rds::DbParameter {
                name: name.clone(),
                value: wanted.value.clone(),
                apply: if wanted.needs_restart {
                    "pending-reboot"
                } else {
                    "immediate"
                }
                .to_owned(),
            })
            .take(CALL)
            .collect())
    }
}

impl Step for DbParameterGroup {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = DbParameterGroupMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<DbParameterGroupMade>, StepError> {
        let Some((group, tags)) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        match claim(
            cx,
            &tags,
            &group.name,
            &format!("DB parameter group `{}`", self.name),
        ) {
            Err(why) => Ok(Observed::Foreign(why)),
            Ok(Claim::Ours) if !self.missing(cx).await?.is_empty() => Ok(Observed::Partial {
                note: "not every parameter is set yet".into(),
            }),
            Ok(claimed) => Ok(Observed::Ready(
                DbParameterGroupMade { name: group.name },
                claimed,
            )),
        }
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        Ok(match self.found(cx).await? {
            Some(_) => cloud
                .modify_db_parameter_group(region, &self.name, &self.missing(cx).await?)
                .call(CallKind::Upsert),
            None => cloud
                .create_db_parameter_group(
                    region,
                    &self.name,
                    &self.family,
                    &self.description,
                    &tags(cx, &self.tags),
                )
                .call(CallKind::Named),
        })
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<DbParameterGroupMade, ()>,
    ) -> Result<Undo, StepError> {
        Ok(match self.found(cx).await? {
            Some((group, tags)) if made_here(cx, &tags) => Undo::Call(
                cx.env
                    .cloud
                    .delete_db_parameter_group(cx.place().as_str(), &group.name)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}
