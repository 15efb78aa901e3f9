//! The way of requests into a world in this process: no socket, the same bytes.
//!
//! The request takes effect when it is sent; its answer arrives after the latency that the world says. A client that
//! gives up meanwhile, or dies, does not take the effect back.

use super::SharedWorld;
use crate::cloud::seams::Http;
use aws_sim::world::{Reply, Request, Response};
use bytes::Bytes;
use drtool_engine::clock::VirtualClock;
use std::io;

/// A client whose every connection leads into `world`.
pub fn client(clock: VirtualClock, world: SharedWorld) -> Http {
    Http::of(move |request| Box::pin(exchange(clock.clone(), world.clone(), request)))
}

async fn exchange(
    clock: VirtualClock,
    world: SharedWorld,
    request: http::Request<Bytes>,
) -> io::Result<http::Response<Bytes>> {
    // The power is off: nothing leaves this machine any more.
    if clock.dead() {
        std::future::pending::<()>().await;
    }
    let request = received(request)?;
    let now = clock.nanos();
    let answer = world.lock().call(&request, now)?;
    clock.sleep_until(now + answer.latency).await;
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
    let mut builder = http::Response::builder().status(response.status);
    for (name, value) in response.headers {
        builder = builder.header(name, value);
    }
    builder.body(response.body).map_err(io::Error::other)
}
