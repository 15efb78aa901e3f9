//! A subnet. Zones are chosen by number, in the order of their ids among those that are available: names differ per account.

use crate::env::Env;
use crate::steps::ownership::{claim, made_here, named, ours};
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "subnet";
pub const SUMMARY: &str = "a subnet in one availability zone";
pub const EXAMPLE: &str = "\
id: subnet
use: subnet
with:
  name: redmine-public-a
  vpc: vpc-0a1b2c3d
  cidr: 10.20.0.0/24
  zone: 0
  mapPublicIp: true
";

/// The subnet to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Subnet {
    /// The `Name` tag.
    pub name: String,
    pub vpc: Value<String>,
    pub cidr: String,
    /// Which of the available zones, ordered by zone id, from 0.
    pub zone: usize,
    pub map_public_ip: bool,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SubnetMade {
    pub subnet_id: String,
    pub zone: String,
    pub zone_id: String,
}

impl Yields for SubnetMade {
    const NAME: &'static str = "subnet";
}

impl Subnet {
    /// Ours by tag; else whatever occupies the range in that VPC, which is somebody's.
    async fn found(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Option<crate::cloud::ec2::Subnet>, StepError> {
        let all = cx.env.cloud.subnets(cx.place().as_str(), cx.look()).await?;
        if let Some(mine) = all
            .iter()
            .find(|s| cx.adopt() == Some(s.id.as_str()) || ours(cx, &s.tags))
        {
            return Ok(Some(mine.clone()));
        }
        let vpc = cx.value(&self.vpc)?;
        Ok(all
            .iter()
            .find(|s| s.vpc == vpc && s.cidr == self.cidr)
            .cloned())
    }
}

impl Step for Subnet {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = SubnetMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<SubnetMade>, StepError> {
        let Some(subnet) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        let claimed = match claim(cx, &subnet.tags, &subnet.id, "the subnet") {
            Ok(claimed) => claimed,
            Err(why) => return Ok(Observed::Foreign(why)),
        };
        if subnet.state != "available" {
            return Ok(Observed::underway(subnet.state));
        }
        if claimed == Claim::Ours && subnet.public_addresses != self.map_public_ip {
            return Ok(Observed::Partial {
                note: "public addresses are not mapped as wanted".into(),
            });
        }
        Ok(Observed::Ready(
            SubnetMade {
                subnet_id: subnet.id,
                zone: subnet.zone,
                zone_id: subnet.zone_id,
            },
            claimed,
        ))
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        if let Some(subnet) = self.found(cx).await? {
            return Ok(cloud
                .map_public_addresses(region, &subnet.id, self.map_public_ip)
                .call(CallKind::Upsert));
        }
        let mut zones = (*cloud.zones(region, cx.look()).await?).clone();
        zones.sort_by(|a, b| a.id.cmp(&b.id));
        // Fewer zones than in the source: the last one is used twice rather than not at all.
        let zone = zones.get(self.zone).or(zones.last()).ok_or_else(|| {
            StepError::fail(
                "E4310",
                format!("{region} has no zone that this account can use"),
            )
        })?;
        let tags = named(cx, &self.name, &self.tags);
        Ok(cloud
            .create_subnet(
                region,
                &self.name,
                &cx.value(&self.vpc)?,
                &self.cidr,
                &zone.name,
                &tags,
            )
            .call(CallKind::Named))
    }

    async fn undo(&self, cx: &Cx<'_, Env>, _: &Made<SubnetMade, ()>) -> Result<Undo, StepError> {
        let all = cx.env.cloud.subnets(cx.place().as_str(), cx.look()).await?;
        Ok(match all.iter().find(|s| made_here(cx, &s.tags)) {
            Some(subnet) => Undo::Call(
                cx.env
                    .cloud
                    .delete_subnet(cx.place().as_str(), &subnet.id)
                    .call(CallKind::Upsert),
            ),
            None => Undo::Done,
        })
    }
}
