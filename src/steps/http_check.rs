//! A request through the target's balancer, with the real host name, whose certificate must cover it. DNS is not asked: the request goes to the balancer's own address.

use crate::env::Env;
use crate::probe::{Asked, Exchange, Expected};
use drtool_engine::step::{Call, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use crate::composed::Composed;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "http-check";
pub const SUMMARY: &str =
    "a request through the target's balancer, with the real name and certificate";
pub const EXAMPLE: &str = "\
id: http-check
use: http-check
with:
  balancer: redmine-456.eu-west-1.elb.amazonaws.com
  port: 443
  tls: true
  host: redmine.sidpotti.infracourse.cloud
  path: /login
  expect: 200
  body: Redmine
";

/// The request, and what is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HttpCheck {
    /// DNS name.
    pub balancer: Value<String>,
    pub port: u16,
    pub tls: bool,
    /// The name to ask for, in TLS and in the request.
    pub host: Composed,
    pub path: String,
    pub expect: u16,
    /// Text that the answer must contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HttpAnswered {
    pub status: u16,
    pub milliseconds: u64,
}

impl Yields for HttpAnswered {
    const NAME: &'static str = "http check";
}

impl Step for HttpCheck {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = HttpAnswered;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<HttpAnswered>, StepError> {
        let balancer = cx.value(&self.balancer)?;
        let host = self.host.resolve(|piece| cx.value(piece))?;
        let addresses = match cx.env.probe.addresses(&balancer, Asked::System).await {
            Ok(addresses) => addresses,
            Err(why) => return Ok(Observed::underway(why)),
        };
        let expected = Expected {
            status: self.expect,
            body: self.body.as_deref(),
        };
        let mut slowest = 0;
        // Every address: a balancer has one in each zone, and users meet all of them.
        for address in addresses {
            let tls = self.tls.then_some(host.as_str());
            let dialled = cx
                .env
                .probe
                .http(Exchange::get(address, self.port, tls, &host, &self.path))
                .await;
            match expected.judge(&dialled) {
                Ok(milliseconds) => slowest = slowest.max(milliseconds),
                Err(why) => {
                    return Ok(Observed::underway(format!(
                        "{host}{} at {address}: {why}",
                        self.path
                    )));
                }
            }
        }
        Ok(Observed::Ready(
            HttpAnswered {
                status: self.expect,
                milliseconds: slowest,
            },
            Claim::AsWanted,
        ))
    }

    async fn begin(&self, _: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        Err(StepError::wait("E4400", "a check is only looked at"))
    }

    async fn undo(&self, _: &Cx<'_, Env>, _: &Made<HttpAnswered, ()>) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
