//! What a request's members must be, and an answer's: the model's types, bounds, enums and required members.
//!
//! Works on values in the model's names, after the wire: so the same rules hold for a call and for `invoke`.

use super::refusal;
use crate::error::AwsError;
use crate::model::{Kind, Member, Model, Operation, Shape};
use crate::services::ServiceId;
use serde_json::Value;

/// A member that is not as the model has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// Member names from the input down; positions in lists are counted from 1.
    pub path: Vec<String>,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Missing,
    Unknown,
    /// Another type than this.
    Type(Kind),
    /// Not one of these.
    Enum(String, Vec<String>),
    Shorter(String, f64),
    Longer(String, f64),
    Less(String, f64),
    More(String, f64),
}

/// Refuses an input that the model does not allow, in the service's own words.
pub fn input(
    service: ServiceId,
    model: &Model,
    operation: &Operation,
    value: &Value,
) -> Result<(), AwsError> {
    let Some(shape) = operation.input else {
        return Ok(());
    };
    let mut found = Vec::new();
    let empty = Value::Object(serde_json::Map::new());
    let value = if value.is_null() { &empty } else { value };
    walk(
        model,
        model.shape(shape),
        value,
        &mut Vec::new(),
        true,
        &mut found,
    );
    match found.is_empty() {
        true => Ok(()),
        false => Err(refusal::violations(service, &found)),
    }
}

/// Holds a service to the model: a misspelt member or a wrong type in an answer is a defect of the simulation.
pub fn output(
    service: ServiceId,
    model: &Model,
    operation: &Operation,
    value: &Value,
) -> Result<(), AwsError> {
    let mut found = Vec::new();
    if !value.is_null() {
        match operation.output {
            Some(shape) => walk(
                model,
                model.shape(shape),
                value,
                &mut Vec::new(),
                false,
                &mut found,
            ),
            None if value.as_object().is_some_and(|o| o.is_empty()) => {}
            None => found.push(Violation {
                path: vec![],
                what: What::Unknown,
            }),
        }
    }
    let Some(first) = found.first() else {
        return Ok(());
    };
    let message = format!(
        "defect of the simulation: {} {} answers {} wrongly: {:?}",
        service.id(),
        operation.name,
        first.path.join("."),
        first.what
    );
    Err(AwsError::new("InternalFailure", message).status(500))
}

fn walk(
    model: &Model,
    shape: &Shape,
    value: &Value,
    path: &mut Vec<String>,
    bounds: bool,
    found: &mut Vec<Violation>,
) {
    let mut wrong = |what| {
        found.push(Violation {
            path: path.clone(),
            what,
        })
    };
    match shape.kind {
        Kind::Structure if shape.document => {}
        Kind::Structure => {
            let Some(object) = value.as_object() else {
                return wrong(What::Type(Kind::Structure));
            };
            if bounds {
                for member in shape.members.iter().filter(|m| m.required) {
                    let there = object.get(&member.name).is_some_and(|v| !v.is_null());
                    if !there && !in_the_body(model, shape, member) {
                        path.push(member.name.clone());
                        found.push(Violation {
                            path: path.clone(),
                            what: What::Missing,
                        });
                        path.pop();
                    }
                }
            }
            for (name, inner) in object {
                if inner.is_null() {
                    continue;
                }
                path.push(name.clone());
                match shape.member(name) {
                    Some(member) => walk(model, model.shape_of(member), inner, path, bounds, found),
                    None => found.push(Violation {
                        path: path.clone(),
                        what: What::Unknown,
                    }),
                }
                path.pop();
            }
        }
        Kind::List => {
            let Some(list) = value.as_array() else {
                return wrong(What::Type(Kind::List));
            };
            if bounds {
                length(shape, list.len(), || text(value), &mut wrong);
            }
            if let Some(element) = &shape.element {
                for (n, inner) in list.iter().enumerate() {
                    path.push((n + 1).to_string());
                    walk(model, model.shape_of(element), inner, path, bounds, found);
                    path.pop();
                }
            }
        }
        Kind::Map => {
            let Some(map) = value.as_object() else {
                return wrong(What::Type(Kind::Map));
            };
            if bounds {
                length(shape, map.len(), || text(value), &mut wrong);
            }
            if let (Some(key), Some(element)) = (&shape.key, &shape.element) {
                for (name, inner) in map {
                    path.push(name.clone());
                    let name = Value::String(name.clone());
                    walk(model, model.shape_of(key), &name, path, bounds, found);
                    walk(model, model.shape_of(element), inner, path, bounds, found);
                    path.pop();
                }
            }
        }
        Kind::String => {
            let Some(string) = value.as_str() else {
                return wrong(What::Type(Kind::String));
            };
            if bounds {
                // S3 has an error of its own for a region that it does not know.
                let open = shape.name == "BucketLocationConstraint";
                if !open && !shape.values.is_empty() && !shape.values.iter().any(|v| v == string) {
                    return wrong(What::Enum(string.to_owned(), shape.values.clone()));
                }
                if shape.min.is_some() || shape.max.is_some() {
                    length(
                        shape,
                        string.chars().count(),
                        || shown(shape, string),
                        &mut wrong,
                    );
                }
            }
        }
        Kind::Blob => {
            let Some(blob) = value.as_str() else {
                return wrong(What::Type(Kind::Blob));
            };
            let bytes = blob.trim_end_matches('=').len() * 3 / 4;
            if bounds {
                length(shape, bytes, || String::from("blob"), &mut wrong);
            }
        }
        Kind::Integer => {
            let whole = value.as_i64().is_some() || value.as_u64().is_some();
            match value.as_f64() {
                Some(number) if whole || (!bounds && number.fract() == 0.0) => {
                    if bounds {
                        range(shape, number, &mut wrong);
                    }
                }
                _ => wrong(What::Type(Kind::Integer)),
            }
        }
        Kind::Float => match value.as_f64() {
            Some(number) if bounds => range(shape, number, &mut wrong),
            Some(_) => {}
            None => wrong(What::Type(Kind::Float)),
        },
        Kind::Boolean if !value.is_boolean() => wrong(What::Type(Kind::Boolean)),
        Kind::Timestamp if !value.is_number() => wrong(What::Type(Kind::Timestamp)),
        Kind::Boolean | Kind::Timestamp => {}
    }
}

/// A payload of bytes is not in the value: `Input::body` holds it.
fn in_the_body(model: &Model, shape: &Shape, member: &Member) -> bool {
    shape.payload.as_deref() == Some(&member.name) && model.shape_of(member).kind == Kind::Blob
}

fn length(shape: &Shape, length: usize, text: impl Fn() -> String, wrong: &mut impl FnMut(What)) {
    let length = length as f64;
    if let Some(min) = shape.min.filter(|min| length < *min) {
        wrong(What::Shorter(text(), min));
    }
    if let Some(max) = shape.max.filter(|max| length > *max) {
        wrong(What::Longer(text(), max));
    }
}

fn range(shape: &Shape, number: f64, wrong: &mut impl FnMut(What)) {
    if let Some(min) = shape.min.filter(|min| number < *min) {
        wrong(What::Less(number.to_string(), min));
    }
    if let Some(max) = shape.max.filter(|max| number > *max) {
        wrong(What::More(number.to_string(), max));
    }
}

/// AWS does not repeat secrets in its messages.
fn shown(shape: &Shape, string: &str) -> String {
    if shape.sensitive {
        String::from("***")
    } else {
        string.to_owned()
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            let inner: Vec<String> = list.iter().map(text).collect();
            format!("[{}]", inner.join(", "))
        }
        Value::String(s) => s.clone(),
        other => other.to_string(),
    }
}
