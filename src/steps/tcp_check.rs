//! A connection to the target's balancer.

use crate::env::Env;
use crate::probe::{Asked, Dialled, Exchange};
use drtool_engine::step::{Call, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "tcp-check";
pub const SUMMARY: &str = "a connection to the target's balancer";
pub const EXAMPLE: &str = "\
id: tcp-check
use: tcp-check
with:
  balancer: redmine-456.eu-west-1.elb.amazonaws.com
  port: 3456
";

/// The connection to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TcpCheck {
    /// DNS name.
    pub balancer: Value<String>,
    pub port: u16,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TcpAnswered {
    pub milliseconds: u64,
}

impl Yields for TcpAnswered {
    const NAME: &'static str = "tcp check";
}

impl Step for TcpCheck {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = TcpAnswered;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<TcpAnswered>, StepError> {
        let balancer = cx.value(&self.balancer)?;
        let addresses = match cx.env.probe.addresses(&balancer, Asked::System).await {
            Ok(addresses) => addresses,
            Err(why) => return Ok(Observed::underway(why)),
        };
        for address in addresses {
            let dialled = cx
                .env
                .probe
                .http(Exchange::get(address, self.port, None, &balancer, "/"))
                .await;
            // The connection is the question; what is spoken over it is not.
            if matches!(dialled, Dialled::Refused | Dialled::TimedOut) {
                return Ok(Observed::underway(format!(
                    "{address}:{}: {}",
                    self.port,
                    dialled.words()
                )));
            }
        }
        Ok(Observed::Ready(
            TcpAnswered { milliseconds: 0 },
            Claim::AsWanted,
        ))
    }

    async fn begin(&self, _: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        Err(StepError::wait("E4400", "a check is only looked at"))
    }

    async fn undo(&self, _: &Cx<'_, Env>, _: &Made<TcpAnswered, ()>) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
