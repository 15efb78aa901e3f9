//! A security group that this run made for itself and does not need any more. It goes when nothing uses it: network interfaces linger for minutes after their task.

use crate::cloud::ec2;
use crate::env::Env;
use crate::steps::ownership::made_in_run;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "security-group-removal";
pub const SUMMARY: &str = "a security group of this run, deleted";
pub const EXAMPLE: &str = "\
id: security-group-removal
use: security-group-removal
with:
  group: sg-0d2c1b0a
";

/// The group that shall be gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecurityGroupRemoval {
    pub group: Value<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecurityGroupRemoved {
    pub group_id: String,
}

impl Yields for SecurityGroupRemoved {
    const NAME: &'static str = "security group removal";
}

impl SecurityGroupRemoval {
    async fn there(
        &self,
        cx: &Cx<'_, Env>,
        id: &str,
    ) -> Result<Option<ec2::SecurityGroup>, StepError> {
        let all = cx
            .env
            .cloud
            .security_groups(cx.place().as_str(), cx.look())
            .await?;
        Ok(all.iter().find(|g| g.id == id).cloned())
    }
}

impl Step for SecurityGroupRemoval {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = SecurityGroupRemoved;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Changes
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<SecurityGroupRemoved>, StepError> {
        let id = cx.value(&self.group)?;
        Ok(match self.there(cx, &id).await? {
            None => Observed::Ready(SecurityGroupRemoved { group_id: id }, Claim::AsWanted),
            Some(group) if made_in_run(cx, &group.tags) => Observed::Partial {
                note: "still there".into(),
            },
            Some(group) => Observed::Foreign(format!(
                "security group {id} ({}) does not carry the tags of this run any more",
                group.name
            )),
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let id = cx.value(&self.group)?;
        let call = cx.env.cloud.delete_security_group(cx.place().as_str(), &id);
        Ok(call.call(CallKind::Upsert))
    }

    /// What was taken away was this run's own.
    async fn undo(
        &self,
        _: &Cx<'_, Env>,
        _: &Made<SecurityGroupRemoved, ()>,
    ) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
