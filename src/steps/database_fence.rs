//! The source's database, closed to the application: the rules of one of its security groups that let anybody else than the probe in are revoked. Tracked connections live on, so the tasks are gone before.

use crate::capture::network::Peer;
use crate::cloud::ec2;
use crate::env::Env;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use crate::capture::network::Rule;
use drtool_engine::step::Yields;

pub const KIND: &str = "database-fence";
pub const SUMMARY: &str = "a source database, closed to everybody but the probe";
pub const EXAMPLE: &str = "\
id: database-fence
use: database-fence
with:
  instance: redmine-db
  group: sg-0a1b2c3d
  port: 5432
  revoke: [{ protocol: tcp, fromPort: 5432, toPort: 5432, peer: { cidr: 0.0.0.0/0 }, description: null }]
";

/// The rules to revoke.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DatabaseFence {
    pub instance: String,
    /// The security group.
    pub group: String,
    pub port: u16,
    /// Ingress rules, as captured.
    pub revoke: Vec<Rule>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DatabaseFenced {
    pub group: String,
}

impl Yields for DatabaseFenced {
    const NAME: &'static str = "database fence";
}

impl DatabaseFence {
    /// Which of the rules to revoke are there.
    async fn there(&self, cx: &Cx<'_, Env>) -> Result<Vec<ec2::Rule>, StepError> {
        let all = cx
            .env
            .cloud
            .security_groups(cx.place().as_str(), cx.look())
            .await?;
        let group = all.iter().find(|g| g.id == self.group).ok_or_else(|| {
            StepError::fail(
                "E4384",
                format!("security group {} is gone from {}", self.group, cx.place()),
            )
        })?;
        Ok(group
            .ingress
            .iter()
            .filter(|rule| self.revoke.iter().any(|r| lets_in_the_same(r, rule)))
            .cloned()
            .collect())
    }
}

fn lets_in_the_same(captured: &Rule, there: &ec2::Rule) -> bool {
    let peer = match &captured.peer {
        Peer::Cidr(c) => ec2::Peer::Cidr(c.clone()),
        Peer::Cidr6(c) => ec2::Peer::Cidr6(c.clone()),
        Peer::SecurityGroup(g) => ec2::Peer::Group(g.clone()),
        Peer::PrefixList(l) => ec2::Peer::PrefixList(l.clone()),
    };
    captured.protocol == there.protocol
        && captured.from_port == there.from
        && captured.to_port == there.to
        && peer == there.peer
}

impl Step for DatabaseFence {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = DatabaseFenced;
    type Before = Vec<ec2::Rule>;

    fn effect(&self) -> Effect {
        Effect::Fences
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<DatabaseFenced>, StepError> {
        Ok(if self.there(cx).await?.is_empty() {
            Observed::Ready(
                DatabaseFenced {
                    group: self.group.clone(),
                },
                Claim::AsWanted,
            )
        } else {
            Observed::Absent
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<Vec<ec2::Rule>>, StepError> {
        let rules = self.there(cx).await?;
        Ok(cx
            .env
            .cloud
            .revoke_ingress(cx.place().as_str(), &self.group, &rules)
            .with_before(CallKind::Upsert, rules))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        made: &Made<DatabaseFenced, Vec<ec2::Rule>>,
    ) -> Result<Undo, StepError> {
        let there = self.there(cx).await?;
        let missing: Vec<ec2::Rule> = made
            .befores
            .iter()
            .flatten()
            .filter(|rule| !there.contains(rule))
            .cloned()
            .collect();
        Ok(if missing.is_empty() {
            Undo::Done
        } else {
            Undo::Call(
                cx.env
                    .cloud
                    .authorize_ingress(cx.place().as_str(), &self.group, &missing)
                    .call(CallKind::Upsert),
            )
        })
    }
}
