//! A NAT gateway. One that failed stays failed: it is replaced.

use crate::env::Env;
use crate::steps::ownership::{claim, made_here, named, ours, short_token};
use drtool_engine::step::{
    Call, CallKind, Cx, Effect, Left, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "nat-gateway";
pub const SUMMARY: &str = "a NAT gateway";
pub const EXAMPLE: &str = "\
id: nat-gateway
use: nat-gateway
with:
  name: redmine-a
  subnet: subnet-0a1b2c3d
  allocation: eipalloc-0a1b2c3d
";

/// The gateway to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NatGateway {
    /// The `Name` tag.
    pub name: String,
    /// A public subnet.
    pub subnet: Value<String>,
    pub allocation: Value<String>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NatGatewayMade {
    pub nat_gateway_id: String,
}

impl Yields for NatGatewayMade {
    const NAME: &'static str = "nat gateway";
}

impl NatGateway {
    /// A gateway that is deleted stays listed for a while; it is not there any more.
    async fn found(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Option<crate::cloud::ec2::NatGateway>, StepError> {
        let all = cx
            .env
            .cloud
            .nat_gateways(cx.place().as_str(), cx.look())
            .await?;
        Ok(all
            .iter()
            .find(|n| {
                n.state != "deleted" && (cx.adopt() == Some(n.id.as_str()) || ours(cx, &n.tags))
            })
            .cloned())
    }
}

impl Step for NatGateway {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = NatGatewayMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<NatGatewayMade>, StepError> {
        let Some(gateway) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        let claimed = match claim(cx, &gateway.tags, &gateway.id, "the NAT gateway") {
            Ok(claimed) => claimed,
            Err(why) => return Ok(Observed::Foreign(why)),
        };
        match gateway.state.as_str() {
            "available" => Ok(Observed::Ready(
                NatGatewayMade {
                    nat_gateway_id: gateway.id,
                },
                claimed,
            )),
            // A failed gateway never recovers: it has to be deleted and made again.
            "failed" => Err(StepError::fail(
                "E4311",
                format!(
                    "NAT gateway {} failed: {}",
                    gateway.id,
                    gateway.failure.unwrap_or_default()
                ),
            )
            .left(Left::Something(format!(
                "NAT gateway {} (failed)",
                gateway.id
            )))),
            other => Ok(Observed::underway(other)),
        }
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let tags = named(cx, &self.name, &self.tags);
        let (subnet, allocation) = (cx.value(&self.subnet)?, cx.value(&self.allocation)?);
        Ok(cx
            .env
            .cloud
            .create_nat_gateway(
                cx.place().as_str(),
                &self.name,
                &subnet,
                &allocation,
                &cx.token(),
                &tags,
            )
            .call(short_token()))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<NatGatewayMade, ()>,
    ) -> Result<Undo, StepError> {
        Ok(match self.found(cx).await? {
            Some(gateway) if !made_here(cx, &gateway.tags) => Undo::Done,
            Some(gateway) if gateway.state == "deleting" => Undo::Wait("deleting".into()),
            Some(gateway) => Undo::Call(
                cx.env
                    .cloud
                    .delete_nat_gateway(cx.place().as_str(), &gateway.id)
                    .call(CallKind::Upsert),
            ),
            None => Undo::Done,
        })
    }
}
