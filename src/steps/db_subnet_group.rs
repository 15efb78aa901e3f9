//! A DB subnet group.

use crate::cloud::rds;
use crate::env::Env;
use crate::steps::ownership::{claim, made_here, tags};
use drtool_engine::step::{Call, CallKind, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "db-subnet-group";
pub const SUMMARY: &str = "a DB subnet group";
pub const EXAMPLE: &str = "\
id: db-subnet-group
use: db-subnet-group
with:
  name: redmine
  description: isolated subnets
  subnets: [subnet-0a1b2c3d, subnet-0d2c1b0a]
";

/// The group to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbSubnetGroup {
    pub name: String,
    pub description: String,
    pub subnets: Vec<Value<String>>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbSubnetGroupMade {
    pub name: String,
}

impl Yields for DbSubnetGroupMade {
    const NAME: &'static str = "db subnet group";
}

impl DbSubnetGroup {
    async fn found(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Option<(rds::DbSubnetGroup, Tags)>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let all = cloud.db_subnet_groups(region, cx.look()).await?;
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
}

impl Step for DbSubnetGroup {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = DbSubnetGroupMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<DbSubnetGroupMade>, StepError> {
        let Some((group, tags)) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        Ok(
            match claim(
                cx,
                &tags,
                &group.name,
                &format!("DB subnet group `{}`", self.name),
            ) {
                Err(why) => Observed::Foreign(why),
                Ok(claimed) => Observed::Ready(DbSubnetGroupMade { name: group.name }, claimed),
            },
        )
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let subnets: Vec<String> = self
            .subnets
            .iter()
            .map(|s| cx.value(s))
            .collect::<Result<_, _>>()?;
        Ok(cx
            .env
            .cloud
            .create_db_subnet_group(
                cx.place().as_str(),
                &self.name,
                &self.description,
                &subnets,
                &tags(cx, &self.tags),
            )
            .call(CallKind::Named))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<DbSubnetGroupMade, ()>,
    ) -> Result<Undo, StepError> {
        Ok(match self.found(cx).await? {
            Some((group, tags)) if made_here(cx, &tags) => Undo::Call(
                cx.env
                    .cloud
                    .delete_db_subnet_group(cx.place().as_str(), &group.name)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}
