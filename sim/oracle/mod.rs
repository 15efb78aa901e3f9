//! Ground truth, from outside every API: what there is and who made it, what users were told is stored and where it is
//! now, what each database accepted and when, what users were sent to.
//!
//! Tests and the sandbox ask here; no simulated client can. It only looks.

use crate::world::World;
use serde_json::{Value, json};

mod births;
mod resources;
mod writes;

#[cfg(test)]
mod tests;

pub(crate) use births::witness;
pub use births::{Birth, Births};
pub use resources::{Resource, count_by_tag, resources};
pub use writes::{
    Accepted, Lost, accepted_after, first_success, lost, since, told, where_rows_are,
};

/// What is true now, as JSON.
pub fn dump(world: &World) -> Value {
    let now = world.now();
    json!({
        "now": now,
        "unix": world.unix(now),
        "calls": world.log.calls,
        "digest": format!("{:016x}", world.log.digest),
        "world": world.canonical(),
        "resources": resources(world),
        "acknowledged": world.plane.users.acknowledged(),
        "failures": world.plane.users.failures(),
        "rows": where_rows_are(world),
        "told": told(world, None),
    })
}

/// How many calls have made something since the world began, by region, service and operation, whatever became of it: a
/// thing that was made twice counts twice, also if one of the two is gone.
pub fn made(world: &World) -> &std::collections::BTreeMap<String, u64> {
    world.births.made()
}

/// Where two worlds differ, as paths into their canonical forms with what each has there.
pub fn differences(one: &World, other: &World) -> Vec<String> {
    let mut found = vec![];
    compare("", &one.canonical(), &other.canonical(), &mut found);
    found
}

fn compare(path: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                compare(
                    &format!("{path}/{key}"),
                    value,
                    b.get(key).unwrap_or(&Value::Null),
                    found,
                );
            }
            for (key, value) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
                compare(&format!("{path}/{key}"), &Value::Null, value, found);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for n in 0..a.len().max(b.len()) {
                let at = |list: &[Value]| list.get(n).cloned().unwrap_or(Value::Null);
                compare(&format!("{path}/{n}"), &at(a), &at(b), found);
            }
        }
        _ if one == other => {}
        _ => found.push(format!("{path}: {one} / {other}")),
    }
}
