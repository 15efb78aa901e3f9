//! Where two documents differ, field by field, as people read it: a saved plan and the plan of today, a manifest then and now.
//!
//! Pure. Must not know: what the documents are.

use std::fmt;

use serde_json::Value as Json;

use crate::printable::Printable;

/// No more differences than this are spelled out.
const MOST: usize = 30;

/// What differs, one line each.
#[derive(Debug, Default)]
pub struct Differences(pub Vec<String>);

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<&str> = self.0.iter().take(MOST).map(String::as_str).collect();
        f.write_str(&shown.join("\n"))?;
        match self.0.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for Differences {}

/// Every field of `old` and `new` that differs, each under `name`.
pub fn fields(name: &str, old: &Json, new: &Json) -> Vec<String> {
    let mut found = vec![];
    compare(name, old, new, &mut found);
    found
}

fn compare(path: &str, old: &Json, new: &Json, found: &mut Vec<String>) {
    let dotted = |key: &str| match path {
        "" => key.to_owned(),
        path if path.ends_with(' ') => format!("{path}{key}"),
        path => format!("{path}.{key}"),
    };
    match (old, new) {
        (Json::Object(one), Json::Object(other)) => {
            for (key, value) in one {
                compare(
                    &dotted(key),
                    value,
                    other.get(key).unwrap_or(&Json::Null),
                    found,
                );
            }
            for (key, value) in other.iter().filter(|(key, _)| !one.contains_key(*key)) {
                compare(&dotted(key), &Json::Null, value, found);
            }
        }
        (Json::Array(one), Json::Array(other)) => {
            for at in 0..one.len().max(other.len()) {
                let item = |list: &[Json]| list.get(at).cloned().unwrap_or(Json::Null);
                compare(
                    &format!("{path}[{}]", at + 1),
                    &item(one),
                    &item(other),
                    found,
                );
            }
        }
        (old, new) if old == new => {}
        (old, new) => found.push(format!(
            "{}: {} → {}",
            Printable(path),
            value(old),
            value(new)
        )),
    }
}

fn value(value: &Json) -> String {
    match value {
        Json::Null => "nothing".to_owned(),
        Json::String(text) => format!("`{}`", Printable(text)),
        other => Printable(&other.to_string()).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_field_that_differs_is_named_once_with_both_values() {
        let old = json!({ "class": "db.t3", "same": 1, "list": ["a", "b"], "gone": { "x": true } });
        let new =
            json!({ "class": "db.m6", "same": 1, "list": ["a", "c", "d"], "new": "\u{1b}[31m" });
        assert_eq!(
            fields("restore ", &old, &new),
            [
                "restore class: `db.t3` → `db.m6`",
                "restore list[2]: `b` → `c`",
                "restore list[3]: nothing → `d`",
                "restore gone: {\"x\":true} → nothing",
                "restore new: nothing → `\\u{1b}[31m`",
            ]
        );
        assert!(fields("", &old, &old).is_empty());
    }

    #[test]
    fn many_differences_are_counted_not_poured_out() {
        let all = Differences((0..45).map(|n| format!("line {n}")).collect());
        let text = all.to_string();
        assert_eq!(text.lines().count(), 31);
        assert!(text.ends_with("and 15 more"));
    }
}
