//! Names and connections, asked of a world.

use super::door::Door;
use crate::probe::{Asked, Dial, Dialled, Exchange, Named, Resolve};
use aws_sim::action::Action;
use aws_sim::plane::{DialAnswer, From, HttpRequest, Resolved};
use drtool_engine::clock::{Nanos, VirtualClock};
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Where the operator sits: outside every VPC. An address of the range that is kept for documentation.
const OPERATOR: &str = "198.51.100.7";

/// What a question to the data plane takes, in virtual time.
const ROUND_TRIP: Nanos = 20_000_000;

/// The data plane of a world.
pub struct Plane {
    clock: VirtualClock,
    door: Arc<dyn Door>,
}

impl Plane {
    pub fn new(clock: VirtualClock, door: Arc<dyn Door>) -> Plane {
        Plane { clock, door }
    }

    async fn act<T: DeserializeOwned>(&self, action: Action) -> Result<T, String> {
        if self.clock.dead() {
            std::future::pending::<()>().await;
        }
        let answer = self
            .door
            .act(self.clock.nanos(), &action)
            .map_err(|e| e.to_string())?;
        let now = self.clock.nanos();
        self.clock.sleep_until(now + ROUND_TRIP).await;
        serde_json::from_value(answer).map_err(|e| e.to_string())
    }
}

impl Dial for Plane {
    fn http(&self, e: Exchange) -> BoxFuture<'_, Dialled> {
        Box::pin(async move {
            let action = Action::Dial {
                from: From::Internet {
                    ip: OPERATOR.into(),
                },
                address: e.address.to_string(),
                port: e.port,
                tls_name: e.tls,
                request: HttpRequest {
                    method: e.method,
                    host: e.host,
                    path: e.path,
                    headers: e.headers,
                    body: String::new(),
                },
            };
            match self.act(action).await {
                Ok(DialAnswer::Refused) => Dialled::Refused,
                Ok(DialAnswer::TimedOut { .. }) => {
                    let patience = u64::try_from(e.patience.as_nanos()).unwrap_or(u64::MAX);
                    self.clock
                        .sleep_until(self.clock.nanos().saturating_add(patience))
                        .await;
                    Dialled::TimedOut
                }
                Ok(DialAnswer::TlsFailed { reason }) => Dialled::TlsFailed(reason),
                Ok(DialAnswer::Answer {
                    status,
                    headers,
                    body,
                    ..
                }) => Dialled::Answer {
                    status,
                    headers,
                    body,
                    milliseconds: ROUND_TRIP / 1_000_000,
                },
                Err(why) => Dialled::Broken(why),
            }
        })
    }
}

impl Resolve for Plane {
    fn ask(
        &self,
        name: String,
        kind: &'static str,
        asked: Asked,
    ) -> BoxFuture<'_, Result<Named, String>> {
        Box::pin(async move {
            let from = match asked {
                Asked::Authoritative(_) => From::Internet {
                    ip: OPERATOR.into(),
                },
                Asked::Resolver(name) => From::Resolver { name },
                Asked::System => From::Internet {
                    ip: OPERATOR.into(),
                },
            };
            Ok(
                match self
                    .act(Action::Resolve {
                        name,
                        kind: kind.to_owned(),
                        from,
                    })
                    .await?
                {
                    Resolved::Records { records, ttl, .. } => Named::Records {
                        values: records,
                        ttl,
                    },
                    Resolved::NoSuchName => Named::NoSuchName,
                    Resolved::NoData => Named::NoData,
                },
            )
        })
    }
}
