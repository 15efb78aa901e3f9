//! The stack, reached from outside by its name: the zone's own servers and other resolvers answer with the target, and a request gets there. The first success ends the downtime.

use crate::env::Env;
use crate::probe::{Asked, Exchange, Expected, Named};
use drtool_engine::step::{Call, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "outside-check";
pub const SUMMARY: &str = "the stack, reached from outside by its name";
pub const EXAMPLE: &str = "\
id: outside-check
use: outside-check
with:
  host: redmine.sidpotti.infracourse.cloud
  type: A
  balancer: redmine-456.eu-west-1.elb.amazonaws.com
  port: 443
  tls: true
  path: /login
  expect: 200
  body: Redmine
";

/// The name, and what is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OutsideCheck {
    pub host: String,
    /// `A` or `CNAME`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it must lead to.
    pub balancer: Value<String>,
    pub port: u16,
    pub tls: bool,
    pub path: String,
    pub expect: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReachedFromOutside {
    pub status: u16,
    /// Resolvers that answered with the target.
    pub resolvers: Vec<String>,
}

impl Yields for ReachedFromOutside {
    const NAME: &'static str = "outside check";
}

/// Resolvers that many people use, besides this machine's own: Cloudflare's, Google's, Quad9's.
const RESOLVERS: &[&str] = &["1.1.1.1", "8.8.8.8", "9.9.9.9"];

impl OutsideCheck {
    /// The name servers of the public zone that the name is in.
    async fn name_servers(&self, cx: &Cx<'_, Env>) -> Result<Vec<String>, StepError> {
        let host = self.host.to_ascii_lowercase();
        let servers = cx.env.cloud.name_servers(&host, cx.look()).await?;
        servers.as_ref().clone().ok_or_else(|| {
            StepError::fail(
                "E4401",
                format!("no public hosted zone holds {}", self.host),
            )
        })
    }
}

impl Step for OutsideCheck {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ReachedFromOutside;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ReachedFromOutside>, StepError> {
        let probe = &cx.env.probe;
        let target = match probe
            .addresses(&cx.value(&self.balancer)?, Asked::System)
            .await
        {
            Ok(addresses) => addresses,
            Err(why) => return Ok(Observed::underway(why)),
        };
        let authoritative = Asked::Authoritative(self.name_servers(cx).await?);
        // A CNAME leads out of the zone, so its own servers answer with the name and not with the address.
        let at_target = if self.kind == "CNAME" {
            let balancer = cx.value(&self.balancer)?;
            matches!(probe.ask(&self.host, "CNAME", authoritative).await, Ok(Named::Records { values, .. })
                if values.iter().any(|v| v.trim_end_matches('.').eq_ignore_ascii_case(balancer.trim_end_matches('.'))))
        } else {
            probe
                .addresses(&self.host, authoritative)
                .await
                .is_ok_and(|found| found.iter().any(|a| target.contains(a)))
        };
        if !at_target {
            return Ok(Observed::underway(
                "the zone's own servers do not answer with the target yet",
            ));
        }
        let Some(address) = target.first() else {
            return Ok(Observed::underway("the balancer has no address"));
        };
        let tls = self.tls.then_some(self.host.as_str());
        let dialled = probe
            .http(Exchange::get(
                *address, self.port, tls, &self.host, &self.path,
            ))
            .await;
        if let Err(why) = (Expected {
            status: self.expect,
            body: self.body.as_deref(),
        })
        .judge(&dialled)
        {
            return Ok(Observed::underway(format!(
                "{}{}: {why}",
                self.host, self.path
            )));
        }
        // Caches of other people may hold the old answer for its TTL: told, not waited for.
        let mut resolvers = Vec::new();
        for resolver in RESOLVERS {
            let found = probe
                .addresses(&self.host, Asked::Resolver((*resolver).to_owned()))
                .await;
            if found.is_ok_and(|found| found.iter().any(|a| target.contains(a))) {
                resolvers.push((*resolver).to_owned());
            }
        }
        Ok(Observed::Ready(
            ReachedFromOutside {
                status: self.expect,
                resolvers,
            },
            Claim::AsWanted,
        ))
    }

    async fn begin(&self, _: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        Err(StepError::wait("E4400", "a check is only looked at"))
    }

    async fn undo(
        &self,
        _: &Cx<'_, Env>,
        _: &Made<ReachedFromOutside, ()>,
    ) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
