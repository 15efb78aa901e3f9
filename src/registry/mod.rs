//! Container registries over HTTP: the distribution API, version 2, as far as copying an image by digest needs it.
//!
//! [`Transport`] carries a request and streams both bodies: [`network`] over TLS, the sandbox's into a simulated world.
//! [`Registry`] says what can be asked, [`copy`] moves content from one to another. Nothing here retries: what is there
//! already is recognised by its digest, so whoever calls may simply call again. Must not know: steps, AWS's own API.

mod client;
pub mod copy;
mod error;
mod manifest;
mod name;
pub mod network;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};

pub use client::{Registry, Upload};
pub use error::{Failure, RegistryError};
pub use manifest::{Blob, Manifest, Parts};
pub use name::{Name, region};

/// What breaks a connection or a body.
pub type Broken = Box<dyn std::error::Error + Send + Sync>;

/// A body that is read while it arrives.
pub type Content = UnsyncBoxBody<Bytes, Broken>;

/// Carries one request to the registry that its URI names, and nothing more: no redirects, no retries.
pub trait Transport: Send + Sync {
    fn send(
        &self,
        request: http::Request<Content>,
    ) -> BoxFuture<'_, Result<http::Response<Content>, Broken>>;
}

/// No body.
pub fn empty() -> Content {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body that is in memory.
pub fn whole(bytes: Bytes) -> Content {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}
