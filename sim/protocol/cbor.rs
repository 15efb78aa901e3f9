//! RPC v2 CBOR: the model's values as CBOR items.

use crate::model::{Kind, Model, Shape};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ciborium::value::Value as Cbor;
use serde_json::{Map, Number, Value};

/// A request's body; `None` if it is not CBOR of a form that JSON can hold.
pub fn decode(body: &[u8]) -> Option<Value> {
    if body.is_empty() {
        return Some(Value::Object(Map::new()));
    }
    let item: Cbor = ciborium::from_reader(body).ok()?;
    plain(item)
}

fn plain(item: Cbor) -> Option<Value> {
    Some(match item {
        Cbor::Integer(n) => match (i64::try_from(n), u64::try_from(n)) {
            (Ok(n), _) => Value::from(n),
            (_, Ok(n)) => Value::from(n),
            _ => return None,
        },
        Cbor::Bytes(bytes) => Value::String(STANDARD.encode(bytes)),
        Cbor::Float(n) => Value::Number(Number::from_f64(n)?),
        Cbor::Text(text) => Value::String(text),
        Cbor::Bool(b) => Value::Bool(b),
        Cbor::Null => Value::Null,
        // Tag 1 is a timestamp: unix seconds.
        Cbor::Tag(_, inner) => plain(*inner)?,
        Cbor::Array(items) => Value::Array(items.into_iter().map(plain).collect::<Option<_>>()?),
        Cbor::Map(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                map.insert(key.into_text().ok()?, plain(value)?);
            }
            Value::Object(map)
        }
        _ => return None,
    })
}

/// A structure's value as CBOR, by its shape.
pub fn encode(model: &Model, shape: &Shape, value: &Value) -> Vec<u8> {
    bytes(&item(model, shape, value))
}

pub fn bytes(item: &Cbor) -> Vec<u8> {
    let mut out = Vec::new();
    ciborium::into_writer(item, &mut out)
        .unwrap_or_else(|e| unreachable!("writing to memory: {e}"));
    out
}

fn item(model: &Model, shape: &Shape, value: &Value) -> Cbor {
    match shape.kind {
        Kind::Structure => Cbor::Map(
            shape
                .members
                .iter()
                .filter_map(|m| {
                    let inner = value.get(&m.name).filter(|v| !v.is_null())?;
                    Some((
                        Cbor::Text(m.name.clone()),
                        item(model, model.shape_of(m), inner),
                    ))
                })
                .collect(),
        ),
        Kind::List => {
            let element = shape.element.as_ref().map(|e| model.shape_of(e));
            let items = value.as_array().into_iter().flatten();
            Cbor::Array(
                items
                    .filter_map(|v| element.map(|e| item(model, e, v)))
                    .collect(),
            )
        }
        Kind::Map => {
            let element = shape.element.as_ref().map(|e| model.shape_of(e));
            let entries = value.as_object().into_iter().flatten();
            Cbor::Map(
                entries
                    .filter_map(|(k, v)| {
                        element.map(|e| (Cbor::Text(k.clone()), item(model, e, v)))
                    })
                    .collect(),
            )
        }
        Kind::Timestamp => Cbor::Tag(1, Box::new(Cbor::Float(value.as_f64().unwrap_or(0.0)))),
        Kind::Blob => Cbor::Bytes(
            STANDARD
                .decode(value.as_str().unwrap_or(""))
                .unwrap_or_default(),
        ),
        Kind::Integer => match (value.as_i64(), value.as_u64()) {
            (Some(n), _) => Cbor::Integer(n.into()),
            (_, Some(n)) => Cbor::Integer(n.into()),
            _ => Cbor::Integer((value.as_f64().unwrap_or(0.0) as i64).into()),
        },
        Kind::Float => Cbor::Float(value.as_f64().unwrap_or(0.0)),
        Kind::Boolean => Cbor::Bool(value.as_bool().unwrap_or(false)),
        Kind::String => Cbor::Text(value.as_str().unwrap_or("").to_owned()),
    }
}

/// An error's body: its type is the shape's name.
pub fn error(
    kind: &str,
    message: &str,
    fields: &std::collections::BTreeMap<String, Value>,
) -> Vec<u8> {
    let mut entries = vec![
        (Cbor::Text("__type".into()), Cbor::Text(kind.to_owned())),
        (Cbor::Text("message".into()), Cbor::Text(message.to_owned())),
    ];
    for (name, value) in fields {
        if let Some(text) = value.as_str() {
            entries.push((Cbor::Text(name.clone()), Cbor::Text(text.to_owned())));
        }
    }
    bytes(&Cbor::Map(entries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::ServiceId;
    use serde_json::json;

    #[test]
    fn a_value_survives_the_way_there_and_back() {
        let model = ServiceId::Cloudwatch.model();
        let shape = model.shape(model.operation("PutMetricData").unwrap().input.unwrap());
        let value = json!({"Namespace": "App", "MetricData": [
            {"MetricName": "latency", "Timestamp": 1_800_000_000.5, "Value": 3.5, "Dimensions": [{"Name": "a", "Value": "b"}]}
        ]});
        assert_eq!(decode(&encode(model, shape, &value)), Some(value));
    }
}
