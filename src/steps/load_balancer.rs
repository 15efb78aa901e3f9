//! A load balancer with its attributes. Its DNS name is new: it is read, never derived.

use crate::cloud::elb;
use crate::env::Env;
use crate::steps::ownership::{claim, made_here, tags};
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Left, Made, Observed, Step, StepError, Undo,
};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "load-balancer";
pub const SUMMARY: &str = "a load balancer with its attributes";
pub const EXAMPLE: &str = "\
id: load-balancer
use: load-balancer
with:
  name: redmine
  type: application
  scheme: internet-facing
  ipAddressType: ipv4
  subnets: [subnet-0a1b2c3d, subnet-0d2c1b0a]
  securityGroups: [sg-0a1b2c3d]
  attributes: { idle_timeout.timeout_seconds: \"60\" }
";

/// The balancer to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LoadBalancer {
    /// At most 32 characters.
    pub name: String,
    /// `application` or `network`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    pub ip_address_type: String,
    pub subnets: Vec<Value<String>>,
    pub security_groups: Vec<Value<String>>,
    /// Those that differ from the default.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LoadBalancerMade {
    pub arn: String,
    pub dns_name: String,
    pub canonical_hosted_zone_id: String,
}

impl Yields for LoadBalancerMade {
    const NAME: &'static str = "load balancer";
}

impl LoadBalancer {
    async fn found(&self, cx: &Cx<'_, Env>) -> Result<Option<elb::LoadBalancer>, StepError> {
        let all = cx
            .env
            .cloud
            .load_balancers(cx.place().as_str(), cx.look())
            .await?;
        Ok(all
            .iter()
            .find(|b| b.name == self.name || cx.adopt() == Some(b.arn.as_str()))
            .cloned())
    }

    /// The attributes that are not yet as they should be.
    async fn missing(
        &self,
        cx: &Cx<'_, Env>,
        arn: &str,
    ) -> Result<BTreeMap<String, String>, StepError> {
        let there = cx
            .env
            .cloud
            .balancer_attributes(cx.place().as_str(), arn, cx.look())
            .await?;
        Ok(self
            .attributes
            .iter()
            .filter(|(k, v)| there.get(*k) != Some(*v))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect())
    }
}

impl Step for LoadBalancer {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = LoadBalancerMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<LoadBalancerMade>, StepError> {
        let Some(balancer) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        let claimed = match claim(
            cx,
            &balancer.tags,
            &balancer.arn,
            &format!("load balancer `{}`", self.name),
        ) {
            Ok(claimed) => claimed,
            Err(why) => return Ok(Observed::Foreign(why)),
        };
        if balancer.state == "failed" {
            return Err(
                StepError::fail("E4350", format!("load balancer {} failed", self.name)).left(
                    Left::Something(format!("load balancer {} (failed)", balancer.arn)),
                ),
            );
        }
        // What is only wanted for its name and listeners exists already while AWS provisions it; what sends users there
        // needs it active, so that is what this step waits for.
        if !balancer.state.starts_with("active") {
            return Ok(Observed::underway(balancer.state));
        }
        if claimed == Claim::Ours && !self.missing(cx, &balancer.arn).await?.is_empty() {
            return Ok(Observed::Partial {
                note: "its attributes are AWS's defaults".into(),
            });
        }
        Ok(Observed::Ready(
            LoadBalancerMade {
                arn: balancer.arn,
                dns_name: balancer.dns_name,
                canonical_hosted_zone_id: balancer.zone_id,
            },
            claimed,
        ))
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        if let Some(balancer) = self.found(cx).await? {
            let missing = self.missing(cx, &balancer.arn).await?;
            return Ok(cloud
                .modify_balancer_attributes(region, &balancer.arn, &missing)
                .call(CallKind::Upsert));
        }
        let values = |list: &[Value<String>]| {
            list.iter()
                .map(|v| cx.value(v))
                .collect::<Result<Vec<_>, _>>()
        };
        let (subnets, groups) = (values(&self.subnets)?, values(&self.security_groups)?);
        let new = elb::NewLoadBalancer {
            name: &self.name,
            kind: &self.kind,
            scheme: &self.scheme,
            ip_address_type: &self.ip_address_type,
            subnets: &subnets,
            security_groups: &groups,
            tags: &tags(cx, &self.tags),
        };
        Ok(cloud
            .create_load_balancer(region, &new)
            .call(CallKind::Named))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<LoadBalancerMade, ()>,
    ) -> Result<Undo, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let Some(balancer) = self.found(cx).await? else {
            return Ok(Undo::Done);
        };
        if !made_here(cx, &balancer.tags) {
            return Ok(Undo::Done);
        }
        let there = cloud
            .balancer_attributes(region, &balancer.arn, cx.look())
            .await?;
        const PROTECTION: &str = "deletion_protection.enabled";
        if there.get(PROTECTION).is_some_and(|on| on == "true") {
            let off = BTreeMap::from([(PROTECTION.to_owned(), "false".to_owned())]);
            return Ok(Undo::Call(
                cloud
                    .modify_balancer_attributes(region, &balancer.arn, &off)
                    .call(CallKind::Upsert),
            ));
        }
        Ok(Undo::Call(
            cloud
                .delete_load_balancer(region, &balancer.arn)
                .call(CallKind::Upsert),
        ))
    }
}
