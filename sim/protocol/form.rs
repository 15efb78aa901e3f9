//! Requests of the query protocols (`query` and EC2's): forms with dotted names.

use super::text;
use super::xml::wire_name;
use crate::call::refusal;
use crate::error::AwsError;
use crate::model::{Kind, Member, Model, Operation, Shape};
use crate::services::ServiceId;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A form as the tree that its dotted names draw.
#[derive(Default)]
struct Node<'f> {
    value: Option<&'f str>,
    children: BTreeMap<&'f str, Node<'f>>,
}

impl<'f> Node<'f> {
    fn put(&mut self, name: &'f str, value: &'f str) {
        let mut node = self;
        for part in name.split('.') {
            node = node.children.entry(part).or_default();
        }
        node.value = Some(value);
    }

    /// The children of a list, by their number.
    fn numbered(&self) -> Option<Vec<&Node<'f>>> {
        let mut numbered: Vec<(usize, &Node)> = Vec::new();
        for (key, node) in &self.children {
            numbered.push((key.parse().ok()?, node));
        }
        numbered.sort_by_key(|(n, _)| *n);
        Some(numbered.into_iter().map(|(_, node)| node).collect())
    }
}

struct Form<'m> {
    service: ServiceId,
    model: &'m Model,
    ec2: bool,
}

/// The operation's input from the form's pairs.
pub fn decode(
    service: ServiceId,
    model: &Model,
    operation: &Operation,
    pairs: &[(String, String)],
    ec2: bool,
) -> Result<Value, AwsError> {
    let mut root = Node::default();
    for (name, value) in pairs {
        // A signature in the query string is not a parameter of the operation.
        let other = matches!(
            name.as_str(),
            "Action"
                | "Version"
                | "AWSAccessKeyId"
                | "Signature"
                | "SignatureMethod"
                | "SignatureVersion"
                | "Timestamp"
                | "SecurityToken"
        ) || name.starts_with("X-Amz-");
        if !other {
            root.put(name, value);
        }
    }
    let form = Form {
        service,
        model,
        ec2,
    };
    match operation.input {
        Some(shape) => form.structure(model.shape(shape), &root, ""),
        None => Ok(Value::Object(Map::new())),
    }
}

impl Form<'_> {
    fn name<'n>(&self, member: &'n Member, shape: &'n Shape) -> &'n str {
        if self.ec2 {
            &member.query_name
        } else {
            wire_name(member, shape)
        }
    }

    fn structure(&self, shape: &Shape, node: &Node, path: &str) -> Result<Value, AwsError> {
        let mut out = Map::new();
        let mut known = 0;
        for member in &shape.members {
            let inner = self.model.shape_of(member);
            let name = self.name(member, inner);
            if let Some(child) = node.children.get(name) {
                known += 1;
                let path = if path.is_empty() {
                    name.to_owned()
                } else {
                    format!("{path}.{name}")
                };
                out.insert(
                    member.name.clone(),
                    self.any(inner, member.flattened, child, &path)?,
                );
            }
        }
        if known < node.children.len() {
            let is_known = |key: &str| {
                shape
                    .members
                    .iter()
                    .any(|m| self.name(m, self.model.shape_of(m)) == key)
            };
            if let Some(unknown) = node.children.keys().find(|key| !is_known(key)) {
                let name = if path.is_empty() {
                    (*unknown).to_owned()
                } else {
                    format!("{path}.{unknown}")
                };
                return Err(refusal::unknown_member(self.service, &name));
            }
        }
        Ok(Value::Object(out))
    }

    fn any(
        &self,
        shape: &Shape,
        flattened: bool,
        node: &Node,
        path: &str,
    ) -> Result<Value, AwsError> {
        let wrong = || refusal::wrong_type(self.service, shape.kind, path);
        match shape.kind {
            Kind::Structure => self.structure(shape, node, path),
            Kind::List => {
                let Some(element) = &shape.element else {
                    return Err(wrong());
                };
                if node.children.is_empty() {
                    return Ok(Value::Array(Vec::new()));
                }
                let named = element.location_name.as_deref().unwrap_or("member");
                let holder = if self.ec2 || flattened || shape.flattened {
                    node
                } else {
                    // AWS takes `.member.` for any list, whatever its elements are called.
                    match node
                        .children
                        .get(named)
                        .or_else(|| node.children.get("member"))
                    {
                        Some(holder) => holder,
                        None => node,
                    }
                };
                let inner = self.model.shape_of(element);
                let mut list = Vec::new();
                for (n, child) in holder.numbered().ok_or_else(wrong)?.into_iter().enumerate() {
                    list.push(self.any(inner, false, child, &format!("{path}.{}", n + 1))?);
                }
                Ok(Value::Array(list))
            }
            Kind::Map => {
                let (Some(key), Some(value)) = (&shape.key, &shape.element) else {
                    return Err(wrong());
                };
                if node.children.is_empty() {
                    return Ok(Value::Object(Map::new()));
                }
                let holder = node.children.get("entry").unwrap_or(node);
                let key_name = key.location_name.as_deref().unwrap_or("key");
                let value_name = value.location_name.as_deref().unwrap_or("value");
                let inner = self.model.shape_of(value);
                let mut map = Map::new();
                for entry in holder.numbered().ok_or_else(wrong)? {
                    let key = entry
                        .children
                        .get(key_name)
                        .and_then(|n| n.value)
                        .ok_or_else(wrong)?;
                    let value = match entry.children.get(value_name) {
                        Some(value) => self.any(inner, false, value, path)?,
                        None => continue,
                    };
                    map.insert(key.to_owned(), value);
                }
                Ok(Value::Object(map))
            }
            _ => match node.value {
                Some(value) if node.children.is_empty() => {
                    text::scalar(self.service, shape, path, value)
                }
                _ => Err(wrong()),
            },
        }
    }
}
