//! Answers that are right but for one thing that no client expects.

use crate::model::{Kind, Model, Shape};
use bytes::Bytes;
use serde_json::Value;

/// Puts a status that no client knows where the first one is.
pub(super) fn odd_status(model: &Model, shape: &Shape, value: &mut Value, odd: &str) -> bool {
    match (shape.kind, value) {
        (Kind::Structure, Value::Object(map)) => {
            // Its own status before those of its parts.
            for member in &shape.members {
                let lower = member.name.to_ascii_lowercase();
                let is_status =
                    lower.ends_with("status") || lower == "state" || lower == "laststatus";
                let found = map.get_mut(&member.name).filter(|v| v.is_string());
                if let Some(found) = found.filter(|_| is_status) {
                    *found = Value::String(odd.to_owned());
                    return true;
                }
            }
            shape.members.iter().any(|member| {
                let found = map.get_mut(&member.name);
                found.is_some_and(|found| odd_status(model, model.shape_of(member), found, odd))
            })
        }
        (Kind::List, Value::Array(items)) => {
            let Some(element) = &shape.element else {
                return false;
            };
            let inner = model.shape_of(element);
            items
                .iter_mut()
                .any(|item| odd_status(model, inner, item, odd))
        }
        _ => false,
    }
}

/// The same JSON or XML document with one more member, which no model knows. Others have no room for one.
pub(super) fn enlarged(body: &Bytes) -> Bytes {
    let end = match body.first() {
        Some(b'{') => Some((
            body.len() - 1,
            if body.len() > 2 {
                ",\"unheardOf\":[1]"
            } else {
                "\"unheardOf\":[1]"
            },
        )),
        Some(b'<') => body
            .windows(2)
            .rposition(|two| two == b"</")
            .map(|at| (at, "<unheardOf>1</unheardOf>")),
        _ => None,
    };
    let Some((at, more)) = end else {
        return body.clone();
    };
    let (before, after) = body.split_at(at);
    [before, more.as_bytes(), after].concat().into()
}
