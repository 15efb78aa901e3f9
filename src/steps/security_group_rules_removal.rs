//! Rules that this run added to a security group and does not need any more. Others of the group are left alone.

use crate::cloud::ec2;
use crate::env::Env;
use crate::steps::security_group_rules::same;
use crate::wanted::{Direction, Rule};
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "security-group-rules-removal";
pub const SUMMARY: &str = "rules that this run added to a security group, revoked";
pub const EXAMPLE: &str = "\
id: security-group-rules-removal
use: security-group-rules-removal
with:
  group: sg-0a1b2c3d
  rules:
    - { direction: ingress, protocol: tcp, fromPort: 5432, toPort: 5432, peer: { group: sg-0d2c1b0a } }
";

/// The rules that shall be gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecurityGroupRulesRemoval {
    pub group: Value<String>,
    /// Rules whose peer is a group of this run's own, so that nobody else can have made them.
    pub rules: Vec<Rule>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecurityGroupRulesRemoved {
    pub group_id: String,
}

impl Yields for SecurityGroupRulesRemoved {
    const NAME: &'static str = "security group rules removal";
}

impl SecurityGroupRulesRemoval {
    /// Those of the rules that are there. A group that is gone has none.
    async fn rest(
        &self,
        cx: &Cx<'_, Env>,
        id: &str,
    ) -> Result<Option<(Direction, Vec<ec2::Rule>)>, StepError> {
        let all = cx
            .env
            .cloud
            .security_groups(cx.place().as_str(), cx.look())
            .await?;
        let Some(group) = all.iter().find(|g| g.id == id) else {
            return Ok(None);
        };
        for (direction, there) in [
            (Direction::Ingress, &group.ingress),
            (Direction::Egress, &group.egress),
        ] {
            let mut added = Vec::new();
            for rule in self.rules.iter().filter(|r| r.direction == direction) {
                added.push(rule.known(cx)?);
            }
            let rest: Vec<ec2::Rule> = there
                .iter()
                .filter(|t| added.iter().any(|a| same(t, a)))
                .cloned()
                .collect();
            if !rest.is_empty() {
                return Ok(Some((direction, rest)));
            }
        }
        Ok(None)
    }
}

impl Step for SecurityGroupRulesRemoval {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = SecurityGroupRulesRemoved;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Changes
    }

    async fn observe(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Observed<SecurityGroupRulesRemoved>, StepError> {
        let id = cx.value(&self.group)?;
        Ok(match self.rest(cx, &id).await? {
            None => Observed::Ready(SecurityGroupRulesRemoved { group_id: id }, Claim::AsWanted),
            Some((direction, rest)) => Observed::Partial {
                note: format!("{} {direction:?} rules are there", rest.len()),
            },
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let (cloud, region, id) = (&cx.env.cloud, cx.place().as_str(), cx.value(&self.group)?);
        let call = match self.rest(cx, &id).await? {
            Some((Direction::Ingress, rest)) => cloud.revoke_ingress(region, &id, &rest),
            Some((Direction::Egress, rest)) => cloud.revoke_egress(region, &id, &rest),
            None => {
                return Err(StepError::wait("E4313", "the rules have gone meanwhile"));
            }
        };
        Ok(call.call(CallKind::Upsert))
    }

    /// What was taken away was this run's own.
    async fn undo(
        &self,
        _: &Cx<'_, Env>,
        _: &Made<SecurityGroupRulesRemoved, ()>,
    ) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
