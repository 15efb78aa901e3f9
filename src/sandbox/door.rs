//! The ways into a world, wherever it is: its AWS APIs, its data plane, its container registries.
//!
//! Everything takes effect when it is asked; how long that takes is told, and whoever asks sleeps it.

use super::SharedWorld;
use aws_sim::action::Action;
use aws_sim::world::{Answer, Request, Response};
use drtool_engine::clock::Nanos;
use serde_json::Value;
use std::io;

/// A world that can be asked at an instant of its time.
pub trait Door: Send + Sync {
    /// One request to an AWS API.
    fn call(&self, request: &Request, at: Nanos) -> io::Result<Answer>;
    /// Something from outside the AWS APIs: a name, a connection.
    fn act(&self, at: Nanos, action: &Action) -> io::Result<Value>;
    /// One request to a region's registry.
    fn registry(&self, at: Nanos, region: &str, request: &Request) -> io::Result<Response>;
}

impl Door for SharedWorld {
    fn call(&self, request: &Request, at: Nanos) -> io::Result<Answer> {
        self.lock().call(request, at)
    }

    fn act(&self, at: Nanos, action: &Action) -> io::Result<Value> {
        SharedWorld::act(self, at, action)
    }

    fn registry(&self, at: Nanos, region: &str, request: &Request) -> io::Result<Response> {
        let mut kept = self.lock();
        kept.advance_to(at)?;
        kept.registry(&Action::registry(region, request))
    }
}
