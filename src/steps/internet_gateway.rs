//! An internet gateway, attached to its VPC.

use crate::env::Env;
use crate::steps::ownership::{bare, claim, made_here, named, ours};
use drtool_engine::step::{Call, CallKind, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "internet-gateway";
pub const SUMMARY: &str = "an internet gateway, attached";
pub const EXAMPLE: &str = "\
id: internet-gateway
use: internet-gateway
with:
  name: redmine
  vpc: vpc-0a1b2c3d
";

/// The gateway to make and attach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InternetGateway {
    /// The `Name` tag.
    pub name: String,
    pub vpc: Value<String>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InternetGatewayMade {
    pub internet_gateway_id: String,
}

impl Yields for InternetGatewayMade {
    const NAME: &'static str = "internet gateway";
}

impl InternetGateway {
    async fn found(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Option<crate::cloud::ec2::InternetGateway>, StepError> {
        let all = cx
            .env
            .cloud
            .internet_gateways(cx.place().as_str(), cx.look())
            .await?;
        Ok(all
            .iter()
            .find(|g| cx.adopt() == Some(g.id.as_str()) || ours(cx, &g.tags))
            .cloned())
    }
}

impl Step for InternetGateway {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = InternetGatewayMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<InternetGatewayMade>, StepError> {
        let Some(gateway) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        let vpc = cx.value(&self.vpc)?;
        match claim(cx, &gateway.tags, &gateway.id, "the internet gateway") {
            Err(why) => Ok(Observed::Foreign(why)),
            Ok(claimed) if gateway.vpcs.contains(&vpc) => Ok(Observed::Ready(
                InternetGatewayMade {
                    internet_gateway_id: gateway.id,
                },
                claimed,
            )),
            Ok(_) => Ok(Observed::Partial {
                note: "not attached to its VPC".into(),
            }),
        }
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        Ok(match self.found(cx).await? {
            None => cloud
                .create_internet_gateway(region, &self.name, &named(cx, &self.name, &self.tags))
                .call(bare()),
            Some(gateway) => cloud
                .attach_internet_gateway(region, &gateway.id, &cx.value(&self.vpc)?)
                .call(CallKind::Upsert),
        })
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<InternetGatewayMade, ()>,
    ) -> Result<Undo, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        Ok(match self.found(cx).await? {
            Some(gateway) if made_here(cx, &gateway.tags) => {
                Undo::Call(match gateway.vpcs.first() {
                    Some(vpc) => cloud
                        .detach_internet_gateway(region, &gateway.id, vpc)
                        .call(CallKind::Upsert),
                    None => cloud
                        .delete_internet_gateway(region, &gateway.id)
                        .call(CallKind::Upsert),
                })
            }
            _ => Undo::Done,
        })
    }
}
