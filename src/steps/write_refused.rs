//! Proof of the fence: a write over the application's own path (its subnets, its security groups) is tried, and must be refused; so must a request to its balancer.

use crate::env::Env;
use crate::probe::{Asked, Dialled, Exchange};
use crate::steps::probe_task::WRITE;
use crate::steps::probe_task::answers::ask;
use drtool_engine::step::{Call, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "write-refused";
pub const SUMMARY: &str = "a write to the source is tried and refused";
pub const EXAMPLE: &str = "\
id: write-refused
use: write-refused
with:
  probe: arn:aws:ecs:us-west-2:111122223333:task/redmine/0f1e2d3c4b5a
  logGroup: /ecs/redmine
  logStream: drtool-7f3a/probe/0f1e2d3c4b5a
  instance: redmine-db
  balancers: [redmine-123.us-west-2.elb.amazonaws.com]
  hosts: [redmine.sidpotti.infracourse.cloud]
";

/// The path over which to try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WriteRefused {
    /// A probe with the application's security groups.
    pub probe: Value<String>,
    pub log_group: String,
    pub log_stream: Value<String>,
    pub instance: String,
    /// DNS names of the source's balancers, which must answer 503 or nothing.
    pub balancers: Vec<String>,
    /// The host names to ask them for.
    pub hosts: Vec<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Refused {
    /// How the write was refused.
    pub how: String,
    /// When it was tried, by the log. What was asked before this was asked before the fence was whole.
    pub at: jiff::Timestamp,
}

impl Yields for Refused {
    const NAME: &'static str = "write refused";
}

impl Step for WriteRefused {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = Refused;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<Refused>, StepError> {
        let stream = cx.value(&self.log_stream)?;
        let write = match ask(cx, &self.log_group, &stream, WRITE).await? {
            Ok(write) => write,
            Err(why) => return Ok(Observed::Unseen(why)),
        };
        if !write.failed {
            return Ok(Observed::underway(format!(
                "{} still takes writes over the application's path",
                self.instance
            )));
        }
        for balancer in &self.balancers {
            let Ok(addresses) = cx.env.probe.addresses(balancer, Asked::System).await else {
                continue;
            };
            for host in &self.hosts {
                for address in &addresses {
                    for (port, tls) in [(443, Some(host.as_str())), (80, None)] {
                        let dialled = cx
                            .env
                            .probe
                            .http(Exchange::get(*address, port, tls, host, "/"))
                            .await;
                        // A redirect from port 80 to 443 lets nothing through by itself.
                        if let Dialled::Answer { status, .. } = dialled
                            && status != 503
                            && !(300..400).contains(&status)
                        {
                            return Ok(Observed::underway(format!(
                                "{balancer} answers HTTP {status} for {host}"
                            )));
                        }
                    }
                }
            }
        }
        let at = write.time()?;
        Ok(Observed::Ready(
            Refused {
                how: write.text,
                at,
            },
            Claim::AsWanted,
        ))
    }

    async fn begin(&self, _: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        Err(StepError::wait("E4400", "a check is only looked at"))
    }

    async fn undo(&self, _: &Cx<'_, Env>, _: &Made<Refused, ()>) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
