//! Requests over the real network.

use super::{Broken, Content, Transport};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(20);

/// A transfer in which nothing moves for so long is given up. The transfer itself may take as long as it takes.
const STALL: Duration = Duration::from_secs(60);

/// Pooled connections of this machine.
pub struct Network {
    client: Client<HttpsConnector<HttpConnector>, Content>,
}

impl Network {
    /// Reads the roots that this machine trusts.
    pub fn new() -> Result<Network, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_native_roots()
            .map_err(|e| format!("the trusted roots of this machine: {e}"))?
            .with_no_client_auth();
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_nodelay(true);
        plain.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(plain);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Network { client })
    }
}

impl Transport for Network {
    fn send(
        &self,
        request: http::Request<Content>,
    ) -> BoxFuture<'_, Result<http::Response<Content>, Broken>> {
        Box::pin(async move {
            // A password goes over plain HTTP to nobody but a registry on this very machine.
            let uri = request.uri();
            if uri.scheme_str() != Some("https") && uri.host() != Some("127.0.0.1") {
                return Err(format!("{uri} is not HTTPS").into());
            }
            let moved = Arc::new(AtomicU64::new(0));
            let counter = Arc::clone(&moved);
            let request = request.map(|body| {
                body.map_frame(move |frame: Frame<Bytes>| {
                    counter.fetch_add(1, Ordering::Relaxed);
                    frame
                })
                .boxed_unsync()
            });
            let mut answer = pin!(self.client.request(request));
            let mut before = 0;
            let response = loop {
                match tokio::time::timeout(STALL, &mut answer).await {
                    Ok(answered) => break answered?,
                    Err(_) => {
                        let now = moved.load(Ordering::Relaxed);
                        if now == before {
                            return Err(stalled());
                        }
                        before = now;
                    }
                }
            };
            Ok(response.map(watched))
        })
    }
}

fn stalled() -> Broken {
    format!("nothing moved for {} seconds", STALL.as_secs()).into()
}

/// A body that breaks off rather than hang.
fn watched(body: Incoming) -> Content {
    let frames = stream::try_unfold(body, |mut body| async move {
        match tokio::time::timeout(STALL, body.frame()).await {
            Ok(None) => Ok(None),
            Ok(Some(Ok(frame))) => Ok(Some((frame, body))),
            Ok(Some(Err(error))) => Err(Broken::from(error)),
            Err(_) => Err(stalled()),
        }
    });
    StreamBody::new(frames).boxed_unsync()
}
