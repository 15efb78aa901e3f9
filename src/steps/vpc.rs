//! A VPC, with its DNS settings. No AWS call but its tags tells two of them apart, so it is found by tag.

use crate::env::Env;
use crate::steps::ownership::{bare, claim, made_here, named, ours};
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::Yields;

pub const KIND: &str = "vpc";
pub const SUMMARY: &str = "a VPC with its DNS settings";
pub const EXAMPLE: &str = "\
id: vpc
use: vpc
with:
  name: redmine
  cidr: 10.20.0.0/16
  dnsSupport: true
  dnsHostnames: true
";

/// The VPC to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Vpc {
    /// The `Name` tag.
    pub name: String,
    pub cidr: String,
    pub dns_support: bool,
    pub dns_hostnames: bool,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct VpcMade {
    pub vpc_id: String,
}

impl Yields for VpcMade {
    const NAME: &'static str = "vpc";
}

impl Vpc {
    /// The VPC that this step made or adopts: AWS knows no other way to tell two of them apart.
    async fn found(&self, cx: &Cx<'_, Env>) -> Result<Option<crate::cloud::ec2::Vpc>, StepError> {
        let all = cx.env.cloud.vpcs(cx.place().as_str(), cx.look()).await?;
        Ok(all
            .iter()
            .find(|v| cx.adopt() == Some(v.id.as_str()) || ours(cx, &v.tags))
            .cloned())
    }
}

impl Step for Vpc {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = VpcMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<VpcMade>, StepError> {
        let Some(vpc) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        if vpc.state != "available" {
            return Ok(Observed::underway(vpc.state));
        }
        let claimed = match claim(cx, &vpc.tags, &vpc.id, "the VPC") {
            Ok(claimed) => claimed,
            Err(why) => return Ok(Observed::Foreign(why)),
        };
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let dns = cloud.vpc_dns(region, &vpc.id, cx.look()).await?;
        if claimed == Claim::Ours && dns != (self.dns_support, self.dns_hostnames) {
            return Ok(Observed::Partial {
                note: "its DNS settings are AWS's defaults".into(),
            });
        }
        Ok(Observed::Ready(VpcMade { vpc_id: vpc.id }, claimed))
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let Some(vpc) = self.found(cx).await? else {
            let call = cloud.create_vpc(
                region,
                &self.name,
                &self.cidr,
                &named(cx, &self.name, &self.tags),
            );
            return Ok(call.call(bare()));
        };
        let (support, _) = cloud.vpc_dns(region, &vpc.id, cx.look()).await?;
        Ok(if support == self.dns_support {
            cloud
                .set_vpc_dns_hostnames(region, &vpc.id, self.dns_hostnames)
                .call(CallKind::Upsert)
        } else {
            cloud
                .set_vpc_dns_support(region, &vpc.id, self.dns_support)
                .call(CallKind::Upsert)
        })
    }

    async fn undo(&self, cx: &Cx<'_, Env>, _: &Made<VpcMade, ()>) -> Result<Undo, StepError> {
        Ok(match self.found(cx).await? {
            Some(vpc) if made_here(cx, &vpc.tags) => Undo::Call(
                cx.env
                    .cloud
                    .delete_vpc(cx.place().as_str(), &vpc.id)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}
