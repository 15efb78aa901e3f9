//! A security group without rules: groups may refer to each other, so all are made before any rule. The rule that AWS gives to a new group (all out) is taken away by the rules step.

use crate::env::Env;
use crate::steps::ownership::{claim, made_here, named, ours};
use drtool_engine::step::{Call, CallKind, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "security-group";
pub const SUMMARY: &str = "a security group, without rules";
pub const EXAMPLE: &str = "\
id: security-group
use: security-group
with:
  name: redmine-database
  description: the database
  vpc: vpc-0a1b2c3d
";

/// The group to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecurityGroup {
    /// The group's name.
    pub name: String,
    pub description: String,
    pub vpc: Value<String>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecurityGroupMade {
    pub group_id: String,
}

impl Yields for SecurityGroupMade {
    const NAME: &'static str = "security group";
}

impl SecurityGroup {
    /// Ours by tag; else whatever has the name in that VPC, which is somebody's.
    async fn found(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Option<crate::cloud::ec2::SecurityGroup>, StepError> {
        let all = cx
            .env
            .cloud
            .security_groups(cx.place().as_str(), cx.look())
            .await?;
        if let Some(mine) = all
            .iter()
            .find(|g| cx.adopt() == Some(g.id.as_str()) || ours(cx, &g.tags))
        {
            return Ok(Some(mine.clone()));
        }
        let vpc = cx.value(&self.vpc)?;
        Ok(all
            .iter()
            .find(|g| g.vpc == vpc && g.name == self.name)
            .cloned())
    }
}

impl Step for SecurityGroup {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = SecurityGroupMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<SecurityGroupMade>, StepError> {
        let Some(group) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        Ok(
            match claim(
                cx,
                &group.tags,
                &group.id,
                &format!("security group `{}`", self.name),
            ) {
                Err(why) => Observed::Foreign(why),
                Ok(claimed) => Observed::Ready(SecurityGroupMade { group_id: group.id }, claimed),
            },
        )
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let tags = named(cx, &self.name, &self.tags);
        let vpc = cx.value(&self.vpc)?;
        Ok(cx
            .env
            .cloud
            .create_security_group(
                cx.place().as_str(),
                &self.name,
                &self.description,
                &vpc,
                &tags,
            )
            .call(CallKind::Named))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<SecurityGroupMade, ()>,
    ) -> Result<Undo, StepError> {
        let all = cx
            .env
            .cloud
            .security_groups(cx.place().as_str(), cx.look())
            .await?;
        Ok(match all.iter().find(|g| made_here(cx, &g.tags)) {
            Some(group) => Undo::Call(
                cx.env
                    .cloud
                    .delete_security_group(cx.place().as_str(), &group.id)
                    .call(CallKind::Upsert),
            ),
            None => Undo::Done,
        })
    }
}
