//! The stack, watched for a while after the cut: the same requests as before, and the source still fenced.

use crate::env::Env;
use crate::probe::{Asked, Exchange, Expected};
use drtool_engine::step::{Call, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use drtool_engine::step::Yields;

pub const KIND: &str = "watch";
pub const SUMMARY: &str = "the stack, watched for a while after the cut";
pub const EXAMPLE: &str = "\
id: watch
use: watch
with:
  requests: [{ host: redmine.sidpotti.infracourse.cloud, port: 443, tls: true, path: /login, expect: 200 }]
";

/// What to watch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Watch {
    pub requests: Vec<Request>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Watched {
    /// How many requests were answered as wanted.
    pub answered: u32,
}

impl Yields for Watched {
    const NAME: &'static str = "watch";
}

/// One request to a name, wherever it leads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Request {
    pub host: String,
    pub port: u16,
    pub tls: bool,
    pub path: String,
    pub expect: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Step for Watch {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = Watched;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<Watched>, StepError> {
        let mut answered = 0;
        for request in &self.requests {
            let addresses = match cx.env.probe.addresses(&request.host, Asked::System).await {
                Ok(addresses) => addresses,
                Err(why) => return Ok(Observed::underway(why)),
            };
            for address in addresses {
                let tls = request.tls.then_some(request.host.as_str());
                let exchange =
                    Exchange::get(address, request.port, tls, &request.host, &request.path);
                let expected = Expected {
                    status: request.expect,
                    body: request.body.as_deref(),
                };
                match expected.judge(&cx.env.probe.http(exchange).await) {
                    Ok(_) => answered += 1,
                    Err(why) => {
                        return Ok(Observed::underway(format!(
                            "{}{}: {why}",
                            request.host, request.path
                        )));
                    }
                }
            }
        }
        Ok(Observed::Ready(Watched { answered }, Claim::AsWanted))
    }

    async fn begin(&self, _: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        Err(StepError::wait("E4400", "a check is only looked at"))
    }

    async fn undo(&self, _: &Cx<'_, Env>, _: &Made<Watched, ()>) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
