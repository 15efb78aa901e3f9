//! The rules of a security group. The group has exactly these, or at least these where it is somebody else's.

use crate::cloud::ec2;
use crate::env::Env;
pub use crate::wanted::{Direction, Peer, Rule};
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "security-group-rules";
pub const SUMMARY: &str = "the rules of a security group";
pub const EXAMPLE: &str = "\
id: security-group-rules
use: security-group-rules
with:
  group: sg-0a1b2c3d
  rules:
    - { direction: ingress, protocol: tcp, fromPort: 5432, toPort: 5432, peer: { group: sg-0d2c1b0a } }
    - { direction: egress, protocol: \"-1\", peer: { cidr: 0.0.0.0/0 } }
  exactly: true
";

/// The rules that the group shall have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecurityGroupRules {
    pub group: Value<String>,
    pub rules: Vec<Rule>,
    /// Take away every other rule. False for a group that this run did not make.
    pub exactly: bool,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecurityGroupRulesMade {
    pub group_id: String,
}

impl Yields for SecurityGroupRulesMade {
    const NAME: &'static str = "security group rules";
}

/// What has to be done next to the rules of a group, in this order: letting in before keeping out.
enum Next {
    Allow(Direction, Vec<ec2::Rule>),
    Revoke(Direction, Vec<ec2::Rule>),
}

impl SecurityGroupRules {
    fn wanted(&self, cx: &Cx<'_, Env>, direction: Direction) -> Result<Vec<ec2::Rule>, StepError> {
        let mut wanted = Vec::new();
        for rule in self.rules.iter().filter(|r| r.direction == direction) {
            wanted.push(rule.known(cx)?);
        }
        Ok(wanted)
    }

    fn next(
        &self,
        cx: &Cx<'_, Env>,
        group: &ec2::SecurityGroup,
    ) -> Result<Option<Next>, StepError> {
        for (direction, there) in [
            (Direction::Ingress, &group.ingress),
            (Direction::Egress, &group.egress),
        ] {
            let wanted = self.wanted(cx, direction)?;
            let missing: Vec<ec2::Rule> = wanted
                .iter()
                .filter(|w| !there.iter().any(|t| same(t, w)))
                .cloned()
                .collect();
            if !missing.is_empty() {
                return Ok(Some(Next::Allow(direction, missing)));
            }
            let surplus: Vec<ec2::Rule> = there
                .iter()
                .filter(|t| !wanted.iter().any(|w| same(t, w)))
                .cloned()
                .collect();
            if self.exactly && !surplus.is_empty() {
                return Ok(Some(Next::Revoke(direction, surplus)));
            }
        }
        Ok(None)
    }

    async fn group(
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

/// Two rules let the same in, whatever their descriptions say. AWS leaves ports out where a rule is for every protocol.
pub fn same(a: &ec2::Rule, b: &ec2::Rule) -> bool {
    let ports = |r: &ec2::Rule| {
        if r.protocol == "-1" {
            (None, None)
        } else {
            (r.from, r.to)
        }
    };
    a.protocol == b.protocol && ports(a) == ports(b) && a.peer == b.peer
}

impl Step for SecurityGroupRules {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = SecurityGroupRulesMade;
    type Before = SourceRules;

    fn effect(&self) -> Effect {
        if self.exactly {
            Effect::Adds
        } else {
            Effect::Changes
        }
    }

    async fn observe(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Observed<SecurityGroupRulesMade>, StepError> {
        let id = cx.value(&self.group)?;
        let Some(group) = self.group(cx, &id).await? else {
            return Ok(Observed::Unseen(format!(
                "security group {id} is not visible yet"
            )));
        };
        Ok(match self.next(cx, &group)? {
            None => Observed::Ready(SecurityGroupRulesMade { group_id: id }, Claim::AsWanted),
            // Rules are not tagged: they are ours because the group is, which its own step has proven.
            Some(Next::Allow(direction, rules)) => Observed::Partial {
                note: format!("{} {direction:?} rules are missing", rules.len()),
            },
            Some(Next::Revoke(direction, rules)) => Observed::Partial {
                note: format!("{} {direction:?} rules that nobody asked for", rules.len()),
            },
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<SourceRules>, StepError> {
        let (cloud, region, id) = (&cx.env.cloud, cx.place().as_str(), cx.value(&self.group)?);
        let group = self.group(cx, &id).await?.ok_or_else(|| {
            StepError::wait("E4313", format!("security group {id} is not visible yet"))
        })?;
        let before = SourceRules {
            ingress: group.ingress.clone(),
            egress: group.egress.clone(),
        };
        let call = match self.next(cx, &group)? {
            Some(Next::Allow(Direction::Ingress, rules)) => {
                cloud.authorize_ingress(region, &id, &rules)
            }
            Some(Next::Allow(Direction::Egress, rules)) => {
                cloud.authorize_egress(region, &id, &rules)
            }
            Some(Next::Revoke(Direction::Ingress, rules)) => {
                cloud.revoke_ingress(region, &id, &rules)
            }
            Some(Next::Revoke(Direction::Egress, rules)) => {
                cloud.revoke_egress(region, &id, &rules)
            }
            None => {
                return Err(StepError::wait(
                    "E4313",
                    "the rules were completed meanwhile",
                ));
            }
        };
        Ok(call.with_before(CallKind::Upsert, before))
    }

    /// Takes away what was let in, so that groups that refer to each other can be deleted. What was revoked of a group of
    /// our own goes with the group.
    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        made: &Made<SecurityGroupRulesMade, SourceRules>,
    ) -> Result<Undo, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let (Some(before), Ok(id)) = (made.before(), cx.value(&self.group)) else {
            return Ok(Undo::Done);
        };
        let Some(group) = self.group(cx, &id).await? else {
            return Ok(Undo::Done);
        };
        let added = |there: &[ec2::Rule],
                     before: &[ec2::Rule],
                     wanted: Vec<ec2::Rule>|
         -> Vec<ec2::Rule> {
            there
                .iter()
                .filter(|t| wanted.iter().any(|w| same(t, w)) && !before.iter().any(|b| same(t, b)))
                .cloned()
                .collect()
        };
        let ingress = added(
            &group.ingress,
            &before.ingress,
            self.wanted(cx, Direction::Ingress)?,
        );
        if !ingress.is_empty() {
            return Ok(Undo::Call(
                cloud
                    .revoke_ingress(region, &id, &ingress)
                    .call(CallKind::Upsert),
            ));
        }
        let egress = added(
            &group.egress,
            &before.egress,
            self.wanted(cx, Direction::Egress)?,
        );
        if !egress.is_empty() {
            return Ok(Undo::Call(
                cloud
                    .revoke_egress(region, &id, &egress)
                    .call(CallKind::Upsert),
            ));
        }
        Ok(Undo::Done)
    }
}

/// The rules that a group had before this step came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SourceRules {
    pub ingress: Vec<ec2::Rule>,
    pub egress: Vec<ec2::Rule>,
}
