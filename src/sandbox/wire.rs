//! The SDK's connector into a world in this process: no socket, the same bytes.
//!
//! The request takes effect when it is sent; its answer arrives after the latency that the world says. A client that
//! gives up meanwhile, or dies, does not take the effect back.

use super::SharedWorld;
use aws_sim::world::{Reply, Request, Response};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use drtool_engine::clock::VirtualClock;

/// An HTTP client whose every connection leads into `world`.
pub fn client(clock: VirtualClock, world: SharedWorld) -> SharedHttpClient {
    http_client_fn(move |_, _| {
        SharedHttpConnector::new(Wire {
            clock: clock.clone(),
            world: world.clone(),
        })
    })
}

#[derive(Clone)]
struct Wire {
    clock: VirtualClock,
    world: SharedWorld,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

/// The request as a server reads it. The body has to be read to its end, or the SDK takes the upload for stalled.
async fn received(mut request: HttpRequest) -> Result<Request, ConnectorError> {
    let body = std::mem::replace(request.body_mut(), SdkBody::taken());
    let body = match body.bytes() {
        Some(whole) => Bytes::copy_from_slice(whole),
        None => ByteStream::new(body)
            .collect()
            .await
            .map_err(|e| ConnectorError::io(e.into()))?
            .into_bytes(),
    };
    let uri: http::Uri = request
        .uri()
        .parse()
        .map_err(|e: http::uri::InvalidUri| ConnectorError::user(e.into()))?;
    Ok(Request {
        method: request.method().to_owned(),
        host: uri
            .authority()
            .map(|a| a.as_str().to_owned())
            .unwrap_or_default(),
        target: uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), |t| t.as_str().to_owned()),
        headers: request
            .headers()
            .iter()
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect(),
        body,
    })
}

fn answered(response: Response) -> Result<HttpResponse, ConnectorError> {
    let status =
        StatusCode::try_from(response.status).map_err(|e| ConnectorError::other(e.into(), None))?;
    let mut answer = HttpResponse::new(status, SdkBody::from(response.body));
    for (name, value) in response.headers {
        answer.headers_mut().append(name, value);
    }
    Ok(answer)
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let wire = self.clone();
        HttpConnectorFuture::new(async move {
            // The power is off: nothing leaves this machine any more.
            if wire.clock.dead() {
                std::future::pending::<()>().await;
            }
            let request = received(request).await?;
            let now = wire.clock.nanos();
            let answer = wire
                .world
                .lock()
                .call(&request, now)
                .map_err(|e| ConnectorError::io(e.into()))?;
            wire.clock.sleep_until(now + answer.latency).await;
            match answer.reply {
                Reply::Response(response) => answered(response),
                Reply::Reset => Err(ConnectorError::io("connection reset by peer".into())),
                Reply::Silence => std::future::pending().await,
            }
        })
    }
}
