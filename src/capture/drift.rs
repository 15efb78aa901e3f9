//! What changed between two captures of a stack: a plan made from one is stale where the other differs.
//!
//! Pure; knows neither where the captures come from nor what a difference means for a move.

use std::fmt;

use serde_json::Value as Json;

use super::Capture;
use crate::printable::Printable;

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// `databases[redmine-db].settings.multiAz`.
    pub field: String,
    pub before: Option<Json>,
    pub now: Option<Json>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<Json>| {
            value.as_ref().map_or_else(
                || "nothing".to_owned(),
                |v| Printable(&v.to_string()).to_string(),
            )
        };
        write!(
            f,
            "{}: {} → {}",
            Printable(&self.field),
            shown(&self.before),
            shown(&self.now)
        )
    }
}

/// Members that differ between any two captures and mean nothing.
const MEANINGLESS: &[&str] = &["taken"];

/// Members that tell the things in a list apart, tried in order.
const NAMES: &[&str] = &[
    "identifier",
    "arn",
    "id",
    "name",
    "digest",
    "what",
    "number",
];

/// Every difference, in the order of the capture's fields.
pub fn differences(before: &Capture, now: &Capture) -> Vec<Difference> {
    let json = |capture| serde_json::to_value(capture).unwrap_or_default();
    let mut found = vec![];
    compare(
        String::new(),
        Some(&json(before)),
        Some(&json(now)),
        &mut found,
    );
    found
}

fn compare(field: String, before: Option<&Json>, now: Option<&Json>, found: &mut Vec<Difference>) {
    match (before, now) {
        (a, b) if a == b => {}
        (Some(Json::Object(a)), Some(Json::Object(b))) => {
            let names = a
                .keys()
                .chain(b.keys().filter(|name| !a.contains_key(*name)));
            for name in names.filter(|name| !MEANINGLESS.contains(&name.as_str())) {
                let field = if field.is_empty() {
                    name.clone()
                } else {
                    format!("{field}.{name}")
                };
                compare(field, a.get(name), b.get(name), found);
            }
        }
        (Some(Json::Array(a)), Some(Json::Array(b)))
            if !a.is_empty() && a.iter().chain(b).all(|item| identity(item).is_some()) =>
        {
            let names: Vec<String> = a.iter().chain(b).filter_map(identity).collect();
            let mut seen: Vec<&String> = vec![];
            for name in &names {
                if seen.contains(&name) {
                    continue;
                }
                seen.push(name);
                let of = |items: &[Json]| {
                    items
                        .iter()
                        .find(|item| identity(item).as_ref() == Some(name))
                        .cloned()
                };
                compare(
                    format!("{field}[{name}]"),
                    of(a).as_ref(),
                    of(b).as_ref(),
                    found,
                );
            }
        }
        (a, b) => found.push(Difference {
            field,
            before: a.cloned(),
            now: b.cloned(),
        }),
    }
}

fn identity(item: &Json) -> Option<String> {
    NAMES.iter().find_map(|name| item.get(name)).map(|value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(before: Json, now: Json) -> Vec<String> {
        let mut found = vec![];
        compare(String::new(), Some(&before), Some(&now), &mut found);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn things_in_lists_are_compared_by_name_and_the_time_does_not_count() {
        let before = serde_json::json!({ "taken": 1, "databases": [{ "identifier": "a", "multiAz": true }, { "identifier": "b" }] });
        let now = serde_json::json!({ "taken": 2, "databases": [{ "identifier": "b" }, { "identifier": "a", "multiAz": false }, { "identifier": "c" }] });
        assert_eq!(
            found(before, now),
            [
                "databases[a].multiAz: true → false",
                "databases[c]: nothing → {\"identifier\":\"c\"}"
            ]
        );
    }
}
