//! The container registries of a world.

use super::door::Door;
use crate::registry::{Broken, Content, Transport, region, whole};
use aws_sim::world::Request;
use drtool_engine::clock::{Nanos, VirtualClock};
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use std::sync::Arc;

/// What a request takes, in virtual time, whatever it carries.
const ROUND_TRIP: Nanos = 30_000_000;

/// Virtual time per byte, either way: 50 MB a second.
const PER_BYTE: Nanos = 20;

/// All registries of all regions.
pub struct Registries {
    clock: VirtualClock,
    door: Arc<dyn Door>,
}

impl Registries {
    pub fn new(clock: VirtualClock, door: Arc<dyn Door>) -> Registries {
        Registries { clock, door }
    }
}

impl Transport for Registries {
    fn send(
        &self,
        request: http::Request<Content>,
    ) -> BoxFuture<'_, Result<http::Response<Content>, Broken>> {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            // A body that breaks off while it is sent has no effect: a blob is kept when all of it is there.
            let body = body.collect().await?.to_bytes();
            // The power is off: nothing leaves this machine any more.
            if self.clock.dead() {
                std::future::pending::<()>().await;
            }
            let host = head.uri.host().unwrap_or_default().to_owned();
            let region = region(&host)
                .ok_or_else(|| format!("the sandbox has no registry {host}"))?
                .to_owned();
            let mut headers: Vec<(String, String)> = head
                .headers
                .iter()
                .map(|(name, value)| {
                    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    (name.as_str().to_owned(), value)
                })
                .collect();
            headers.push(("host".into(), host.clone()));
            let up = body.len() as u64;
            let request = Request {
                method: head.method.as_str().to_owned(),
                host,
                target: head
                    .uri
                    .path_and_query()
                    .map_or("/", |target| target.as_str())
                    .to_owned(),
                headers,
                body,
            };
            let answer = self.door.registry(self.clock.nanos(), &region, &request)?;
            let now = self.clock.nanos();
            let bytes = up + answer.body.len() as u64;
            self.clock
                .sleep_until(now + ROUND_TRIP + bytes.saturating_mul(PER_BYTE))
                .await;
            let mut response = http::Response::builder().status(answer.status);
            for (name, value) in answer.headers {
                response = response.header(name, value);
            }
            Ok(response.body(whole(answer.body))?)
        })
    }
}
