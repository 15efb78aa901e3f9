//! An elastic address for a NAT gateway. Partners may have it on an allow-list: the plan tells each.

use crate::env::Env;
use crate::steps::ownership::{bare, claim, made_here, named, ours};
use drtool_engine::step::{Call, CallKind, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::Yields;

pub const KIND: &str = "elastic-ip";
pub const SUMMARY: &str = "an elastic IP address";
pub const EXAMPLE: &str = "\
id: elastic-ip
use: elastic-ip
with:
  name: redmine-nat-a
";

/// The address to allocate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ElasticIp {
    /// The `Name` tag.
    pub name: String,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ElasticIpMade {
    pub allocation_id: String,
    pub public_ip: String,
}

impl Yields for ElasticIpMade {
    const NAME: &'static str = "elastic ip";
}

impl ElasticIp {
    async fn found(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Option<crate::cloud::ec2::Address>, StepError> {
        let all = cx
            .env
            .cloud
            .addresses(cx.place().as_str(), cx.look())
            .await?;
        Ok(all
            .iter()
            .find(|a| cx.adopt() == Some(a.allocation.as_str()) || ours(cx, &a.tags))
            .cloned())
    }
}

impl Step for ElasticIp {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ElasticIpMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ElasticIpMade>, StepError> {
        let Some(address) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        Ok(
            match claim(
                cx,
                &address.tags,
                &address.allocation,
                "the elastic IP address",
            ) {
                Err(why) => Observed::Foreign(why),
                Ok(claimed) => Observed::Ready(
                    ElasticIpMade {
                        allocation_id: address.allocation,
                        public_ip: address.ip,
                    },
                    claimed,
                ),
            },
        )
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let tags = named(cx, &self.name, &self.tags);
        Ok(cx
            .env
            .cloud
            .allocate_address(cx.place().as_str(), &self.name, &tags)
            .call(bare()))
    }

    async fn undo(&self, cx: &Cx<'_, Env>, _: &Made<ElasticIpMade, ()>) -> Result<Undo, StepError> {
        Ok(match self.found(cx).await? {
            Some(address) if made_here(cx, &address.tags) && address.association.is_some() => {
                Undo::Wait("still associated".into())
            }
            Some(address) if made_here(cx, &address.tags) => Undo::Call(
                cx.env
                    .cloud
                    .release_address(cx.place().as_str(), &address.allocation)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}
