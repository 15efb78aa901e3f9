//! The filters that every Describe operation of EC2 takes. Knows nothing of what is filtered.

use super::state::State;
use super::tags::Tags;
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::table::Table;
use crate::world::{Cx, Input};
use serde_json::Value;

/// All must match; of the values of one, any.
pub(super) struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    /// Reads the filters of an input: the member is `Filters`, and `Filter` in a few older operations.
    pub fn read(input: &Input, member: &str) -> Result<Filters, AwsError> {
        let mut filters = vec![];
        for filter in input.list(member) {
            let name = filter
                .get("Name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if name.is_empty() {
                return Err(AwsError::new(
                    "InvalidParameterValue",
                    "The filter 'null' is invalid",
                ));
            }
            let values: Vec<String> = match filter.get("Values").and_then(Value::as_array) {
                Some(values) => values
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
                None => vec![],
            };
            if values.is_empty() {
                return Err(AwsError::new(
                    "InvalidParameterValue",
                    format!("The filter '{name}' has no value"),
                ));
            }
            if values.len() > 200 {
                return Err(AwsError::new(
                    "FilterLimitExceeded",
                    "The maximum number of filter values specified on a single call is 200",
                ));
            }
            filters.push((name.to_owned(), values));
        }
        Ok(Filters(filters))
    }

    /// Whether something with these tags and facts is kept. `facts` answers the values of a filter's name, or `None`
    /// for a name that this operation does not filter by.
    pub fn keep(
        &self,
        tags: &Tags,
        facts: impl Fn(&str) -> Option<Vec<String>>,
    ) -> Result<bool, AwsError> {
        let mut kept = true;
        for (name, wanted) in &self.0 {
            let values = if let Some(key) = name.strip_prefix("tag:") {
                tags.get(key).cloned().into_iter().collect()
            } else if name == "tag-key" {
                tags.keys().cloned().collect()
            } else if name == "tag-value" {
                tags.values().cloned().collect()
            } else {
                facts(name).ok_or_else(|| {
                    AwsError::new(
                        "InvalidParameterValue",
                        format!("The filter '{name}' is invalid"),
                    )
                })?
            };
            kept &= values
                .iter()
                .any(|value| wanted.iter().any(|pattern| matches(pattern, value)));
        }
        Ok(kept)
    }

    /// A filter of an unknown name is an error even where there is nothing to filter.
    pub fn check(&self, known: impl Fn(&str) -> bool) -> Result<(), AwsError> {
        match self
            .0
            .iter()
            .find(|(name, _)| !name.starts_with("tag:") && name != "tag-key" && !known(name))
        {
            Some((name, _)) => Err(AwsError::new(
                "InvalidParameterValue",
                format!("The filter '{name}' is invalid"),
            )),
            None => Ok(()),
        }
    }
}

/// What a Describe operation asks for: these ids (all must be seen), and what the filters keep.
pub(super) struct Question {
    kind: &'static str,
    ids: Vec<String>,
    filters: Filters,
    now: Nanos,
}

impl Question {
    pub fn read(
        cx: &Cx<'_>,
        input: &Input,
        kind: &'static str,
        ids: &str,
        filters: &str,
    ) -> Result<Question, AwsError> {
        Ok(Question {
            kind,
            ids: input.strings(ids),
            filters: Filters::read(input, filters)?,
            now: cx.now(),
        })
    }

    /// The rows asked for, as `shown` writes them. `names`: the filters that this operation knows.
    pub fn answer<V: Clone>(
        &self,
        state: &State,
        table: &Table<V>,
        names: &[&str],
        facts: impl Fn(&V, &str) -> Vec<String>,
        shown: impl Fn(&V, &Tags) -> Value,
    ) -> Result<Vec<Value>, AwsError> {
        self.filters.check(|name| names.contains(&name))?;
        if let Some(id) = self
            .ids
            .iter()
            .find(|id| table.seen(id, self.now).is_none())
        {
            return Err(super::not_found(self.kind, id));
        }
        let mut found = vec![];
        let none = Tags::new();
        for (id, row) in table.seen_all(self.now) {
            if !self.ids.is_empty() && !self.ids.iter().any(|i| i == id) {
                continue;
            }
            let tags = state.tags.seen(id, self.now).unwrap_or(&none);
            let known = |name: &str| names.contains(&name).then(|| facts(row, name));
            if self.filters.keep(tags, known)? {
                found.push(shown(row, tags));
            }
        }
        Ok(found)
    }
}

/// One value of a fact.
pub(super) fn one(text: impl Into<String>) -> Vec<String> {
    vec![text.into()]
}

/// Filters spell booleans in lower case.
pub(super) fn truth(value: bool) -> Vec<String> {
    one(if value { "true" } else { "false" })
}

/// `*` is any text, `?` one character, `\` takes the next one literally. Case counts.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    fn go(p: &[char], t: &[char]) -> bool {
        match p.split_first() {
            None => t.is_empty(),
            Some(('*', rest)) => (0..=t.len()).any(|n| go(rest, &t[n..])),
            Some(('?', rest)) => t.split_first().is_some_and(|(_, t)| go(rest, t)),
            Some(('\\', rest)) if !rest.is_empty() => t
                .split_first()
                .is_some_and(|(c, t)| *c == rest[0] && go(&rest[1..], t)),
            Some((c, rest)) => t.split_first().is_some_and(|(d, t)| c == d && go(rest, t)),
        }
    }
    if !pattern.contains(['*', '?', '\\']) {
        return pattern == text;
    }
    let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    go(&p, &t)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_match_as_documented() {
        for (pattern, text, expected) in [
            ("redmine*", "redmine-db", true),
            ("*db", "redmine-db", true),
            ("red?ine", "redmine", true),
            ("red?ine", "redmmine", false),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("Redmine", "redmine", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
