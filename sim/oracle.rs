//! Ground truth, from outside every API.

use crate::world::World;
use serde_json::{Value, json};

/// What is true now, as JSON.
pub fn dump(world: &World) -> Value {
    let now = world.now();
    json!({
        "now": now,
        "unix": world.unix(now),
        "calls": world.log.calls,
        "digest": format!("{:016x}", world.log.digest),
        "world": world.canonical(),
    })
}
