//! The way of requests into a world, through whichever door leads there: the same bytes.
//!
//! The request takes effect when it is sent; its answer arrives after the latency that the world says. A client that
//! gives up meanwhile, or dies, does not take the effect back.

use super::door::Door;
use crate::cloud::seams::Http;
use aws_sim::world::{Reply, Request, Response};
use bytes::Bytes;
use drtool_engine::clock::VirtualClock;
use http::{HeaderName, HeaderValue, StatusCode};
use std::io;
use std::sync::Arc;

/// A client whose every connection leads through `door`.
pub fn client(clock: VirtualClock, door: Arc<dyn Door>) -> Http {
    Http::of(move |request| Box::pin(exchange(clock.clone(), door.clone(), request)))
}

async fn exchange(
    clock: VirtualClock,
    door: Arc<dyn Door>,
    request: http::Request<Bytes>,
) -> io::Result<http::Response<Bytes>> {
    // The power is off: nothing leaves this machine any more.
    if clock.dead() {
        std::future::pending::<()>().await;
    }
    let request = received(request)?;
    let answer = door.call(&request, clock.nanos())?;
    // Where others share the time, it may have gone on meanwhile.
    let now = clock.nanos();
    clock.sleep_until(now.saturating_add(answer.latency)).await;
    match answer.reply {
        Reply::Response(response) => answered(response),
        Reply::Reset => Err(io::Error::new(
            io::ErrorKind::ConnectionReset,
            "connection reset by peer",
        )),
        Reply::Silence => std::future::pending().await,
    }
}

/// The request as a server reads it.
fn received(request: http::Request<Bytes>) -> io::Result<Request> {
    let (head, body) = request.into_parts();
    let mut headers = Vec::with_capacity(head.headers.len());
    for (name, value) in &head.headers {
        let value = value.to_str().map_err(io::Error::other)?;
        headers.push((name.as_str().to_owned(), value.to_owned()));
    }
    let authority = head.uri.authority().map(|a| a.as_str().to_owned());
    Ok(Request {
        method: head.method.as_str().to_owned(),
        host: authority.unwrap_or_default(),
        target: head
            .uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), |t| t.as_str().to_owned()),
        headers,
        body,
    })
}

fn answered(response: Response) -> io::Result<http::Response<Bytes>> {
    let mut answer = http::Response::new(response.body);
    *answer.status_mut() = StatusCode::from_u16(response.status).map_err(io::Error::other)?;
    let headers = answer.headers_mut();
    headers.reserve(response.headers.len());
    for (name, value) in response.headers {
        let name = HeaderName::try_from(name).map_err(io::Error::other)?;
        headers.append(
            name,
            HeaderValue::try_from(value).map_err(io::Error::other)?,
        );
    }
    Ok(answer)
}
