//! Members that RDS stores as they came and shows again: a JSON object with typed readers.

use serde_json::{Map, Value};

/// Members in the model's names. A member that is `Null` is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts(pub Map<String, Value>);

impl Facts {
    pub fn str(&self, member: &str) -> &str {
        self.0
            .get(member)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub fn i64(&self, member: &str) -> i64 {
        self.0
            .get(member)
            .and_then(Value::as_i64)
            .unwrap_or_default()
    }

    pub fn bool(&self, member: &str) -> bool {
        self.0
            .get(member)
            .and_then(Value::as_bool)
            .unwrap_or_default()
    }

    pub fn has(&self, member: &str) -> bool {
        self.0.get(member).is_some_and(|value| !value.is_null())
    }

    pub fn get(&self, member: &str) -> Option<&Value> {
        self.0.get(member).filter(|value| !value.is_null())
    }

    pub fn set(&mut self, member: &str, value: impl Into<Value>) {
        self.0.insert(member.to_owned(), value.into());
    }

    pub fn unset(&mut self, member: &str) {
        self.0.shift_remove(member);
    }

    /// Takes over those of `members` that `other` has.
    pub fn take_from(&mut self, other: &Value, members: &[&str]) {
        for member in members {
            if let Some(value) = other.get(member).filter(|value| !value.is_null()) {
                self.set(member, value.clone());
            }
        }
    }

    /// Those of `members` that are there.
    pub fn only(&self, members: &[&str]) -> Facts {
        let kept = members
            .iter()
            .filter_map(|member| Some(((*member).to_owned(), self.get(member)?.clone())));
        Facts(kept.collect())
    }
}
