//! Answers in JSON: a value as far as its shape knows it.

use crate::model::{Kind, Model, Shape};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// A value's text, without absent members and those that the model does not know (a debug build has refused them before).
pub fn encode(model: &Model, shape: &Shape, value: &Value) -> Vec<u8> {
    serde_json::to_vec(&Known {
        model,
        shape,
        value,
    })
    .unwrap_or_default()
}

/// The same as a value, for an answer that is made of parts.
pub fn known(model: &Model, shape: &Shape, value: &Value) -> Value {
    serde_json::to_value(Known {
        model,
        shape,
        value,
    })
    .unwrap_or_default()
}

/// A value and what the model says of it.
struct Known<'a> {
    model: &'a Model,
    shape: &'a Shape,
    value: &'a Value,
}

impl Serialize for Known<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let model = self.model;
        let known = |shape, value| Known {
            model,
            shape,
            value,
        };
        let element = self.shape.element.as_ref().map(|e| model.shape_of(e));
        match (self.shape.kind, self.value, element) {
            (Kind::Structure, Value::Object(members), _) if !self.shape.document => {
                let mut out = serializer.serialize_map(None)?;
                for (name, inner) in members.iter().filter(|(_, inner)| !inner.is_null()) {
                    if let Some(member) = self.shape.member(name) {
                        out.serialize_entry(name, &known(model.shape_of(member), inner))?;
                    }
                }
                out.end()
            }
            (Kind::List, Value::Array(items), Some(element)) => {
                serializer.collect_seq(items.iter().map(|item| known(element, item)))
            }
            (Kind::Map, Value::Object(entries), Some(element)) => {
                serializer.collect_map(entries.iter().map(|(key, v)| (key, known(element, v))))
            }
            (_, value, _) => value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::ServiceId;
    use serde_json::json;

    #[test]
    fn what_is_absent_or_unknown_is_not_written() {
        let model = ServiceId::Logs.model();
        let shape = model.shape(
            model
                .operation("DescribeLogGroups")
                .unwrap()
                .output
                .unwrap(),
        );
        let value = json!({
            "logGroups": [{"nonsense": 1, "retentionInDays": null, "logGroupName": "a"}, {}],
            "nextToken": null,
        });
        assert_eq!(
            encode(model, shape, &value),
            br#"{"logGroups":[{"logGroupName":"a"},{}]}"#
        );
    }
}
