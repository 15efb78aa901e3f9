//! The wire protocols, one codec each, driven by the model.

use crate::world::{Answer, Reply, Request, World};

/// Executes one request at the world's present instant.
pub fn serve(_world: &mut World, _request: &Request) -> Answer {
    Answer {
        latency: 0,
        reply: Reply::Silence,
    }
}
