//! XML: a small reader for requests, and writers for answers in the three dialects (query, EC2, REST-XML).

use super::{text, timestamp};
use crate::call::refusal;
use crate::error::AwsError;
use crate::model::{Kind, Member, Model, Shape, TimestampFormat};
use crate::services::ServiceId;
use serde_json::{Map, Value};

/// An element of a request.
#[derive(Debug, Default, PartialEq)]
pub struct Element {
    /// Without its prefix.
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    pub text: String,
}

/// How deep a request may nest.
const DEPTH: usize = 64;

/// Reads one document. No entities but the predefined ones, no document type.
pub fn parse(text: &str) -> Option<Element> {
    let mut reader = Reader {
        rest: text.trim_start_matches('\u{feff}'),
    };
    reader.prologue()?;
    let root = reader.element(0)?;
    reader.prologue()?;
    reader.rest.is_empty().then_some(root)
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn take(&mut self, end: &str) -> Option<&'t str> {
        let at = self.rest.find(end)?;
        let taken = &self.rest[..at];
        self.rest = &self.rest[at + end.len()..];
        Some(taken)
    }

    /// Skips blanks, comments and processing instructions.
    fn prologue(&mut self) -> Option<()> {
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.starts_with("<?") {
                self.take("?>")?;
            } else if self.rest.starts_with("<!--") {
                self.take("-->")?;
            } else {
                return Some(());
            }
        }
    }

    fn element(&mut self, depth: usize) -> Option<Element> {
        if depth > DEPTH {
            return None;
        }
        self.rest = self.rest.strip_prefix('<')?;
        let end = self
            .rest
            .find(|c: char| c.is_whitespace() || c == '>' || c == '/')?;
        let qualified = &self.rest[..end];
        if qualified.is_empty() || qualified.starts_with('!') {
            return None;
        }
        self.rest = &self.rest[end..];
        let mut element = Element {
            name: local(qualified).to_owned(),
            ..Element::default()
        };
        loop {
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix("/>") {
                self.rest = rest;
                return Some(element);
            }
            if let Some(rest) = self.rest.strip_prefix('>') {
                self.rest = rest;
                break;
            }
            let name = self.take("=")?.trim();
            self.rest = self.rest.trim_start();
            let quote = self
                .rest
                .chars()
                .next()
                .filter(|c| *c == '"' || *c == '\'')?;
            self.rest = &self.rest[1..];
            let value = self.take(if quote == '"' { "\"" } else { "'" })?;
            element.attributes.push((name.to_owned(), unescape(value)?));
        }
        loop {
            if self.rest.starts_with("<!--") {
                self.take("-->")?;
            } else if let Some(rest) = self.rest.strip_prefix("<![CDATA[") {
                self.rest = rest;
                let data = self.take("]]>")?;
                element.text.push_str(data);
            } else if let Some(rest) = self.rest.strip_prefix("</") {
                self.rest = rest;
                let closed = self.take(">")?.trim();
                return (closed == qualified).then_some(element);
            } else if self.rest.starts_with('<') {
                element.children.push(self.element(depth + 1)?);
            } else {
                let at = self.rest.find('<')?;
                element.text.push_str(&unescape(&self.rest[..at])?);
                self.rest = &self.rest[at..];
            }
        }
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn unescape(text: &str) -> Option<String> {
    if !text.contains('&') {
        return Some(text.to_owned());
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let end = rest[at..].find(';')? + at;
        let entity = &rest[at + 1..end];
        out.push(match entity {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = entity.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)?
            }
        });
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Some(out)
}

pub fn escape_into(out: &mut String, text: &str) {
    let mut written = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'&' => "&amp;",
            b'"' => "&quot;",
            b'\r' => "&#13;",
            _ => continue,
        };
        out.push_str(&text[written..at]);
        out.push_str(escaped);
        written = at + 1;
    }
    out.push_str(&text[written..]);
}

pub fn leaf(out: &mut String, name: &str, text: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    escape_into(out, text);
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Reads a member's value from its element (REST-XML requests).
pub fn read(
    service: ServiceId,
    model: &Model,
    shape: &Shape,
    element: &Element,
) -> Result<Value, AwsError> {
    let wrong = || refusal::wrong_type(service, shape.kind, &element.name);
    match shape.kind {
        Kind::Structure => {
            let mut out = Map::new();
            let mut used = 0;
            for member in &shape.members {
                if member.location.is_some() {
                    continue;
                }
                let inner = model.shape_of(member);
                let name = wire_name(member, inner);
                if member.xml_attribute {
                    let attribute = element
                        .attributes
                        .iter()
                        .find(|(key, _)| key == name || local(key) == local(name));
                    if let Some((_, value)) = attribute {
                        out.insert(member.name.clone(), Value::String(value.clone()));
                    }
                    continue;
                }
                if inner.kind == Kind::List && (inner.flattened || member.flattened) {
                    let Some(item) = &inner.element else { continue };
                    let mut list = Vec::new();
                    for child in element.children.iter().filter(|c| c.name == name) {
                        list.push(read(service, model, model.shape_of(item), child)?);
                    }
                    used += list.len();
                    if !list.is_empty() {
                        out.insert(member.name.clone(), Value::Array(list));
                    }
                    continue;
                }
                if let Some(child) = element.children.iter().find(|c| c.name == name) {
                    used += 1;
                    out.insert(member.name.clone(), read(service, model, inner, child)?);
                }
            }
            if used < element.children.len() {
                let known = |child: &Element| {
                    shape
                        .members
                        .iter()
                        .any(|m| wire_name(m, model.shape_of(m)) == child.name)
                };
                if let Some(child) = element.children.iter().find(|c| !known(c)) {
                    return Err(refusal::unknown_member(service, &child.name));
                }
            }
            Ok(Value::Object(out))
        }
        Kind::List => {
            let item = shape.element.as_ref().ok_or_else(wrong)?;
            let inner = model.shape_of(item);
            let list: Result<Vec<Value>, AwsError> = element
                .children
                .iter()
                .map(|child| read(service, model, inner, child))
                .collect();
            Ok(Value::Array(list?))
        }
        Kind::Map => {
            let (key, value) = shape
                .key
                .as_ref()
                .zip(shape.element.as_ref())
                .ok_or_else(wrong)?;
            let key_name = key.location_name.as_deref().unwrap_or("key");
            let value_name = value.location_name.as_deref().unwrap_or("value");
            let mut map = Map::new();
            for entry in &element.children {
                let key = entry
                    .children
                    .iter()
                    .find(|c| c.name == key_name)
                    .ok_or_else(wrong)?;
                if let Some(found) = entry.children.iter().find(|c| c.name == value_name) {
                    map.insert(
                        key.text.clone(),
                        read(service, model, model.shape_of(value), found)?,
                    );
                }
            }
            Ok(Value::Object(map))
        }
        _ if !element.children.is_empty() => Err(wrong()),
        _ => text::scalar(service, shape, &element.name, &element.text),
    }
}

/// The element of a member. A flattened list repeats under the name of its elements.
pub fn wire_name<'m>(member: &'m Member, shape: &'m Shape) -> &'m str {
    let flattened = shape.kind == Kind::List && (shape.flattened || member.flattened);
    let element = shape.element.as_ref().filter(|_| flattened);
    if let Some(name) = element.and_then(|e| e.location_name.as_deref()) {
        return name;
    }
    member.location_name.as_deref().unwrap_or(&member.name)
}

/// Writes the members of a structure, without an element around them: those that the model knows, in its order.
pub fn write_members(out: &mut String, model: &Model, shape: &Shape, value: &Value) {
    let held = Vec::with_capacity(64);
    Writer { out, model, held }.members(shape, value);
}

/// One answer on its way to text.
struct Writer<'w, 'v> {
    out: &'w mut String,
    model: &'w Model,
    /// The members of the structures that are open, the innermost structure's last: position in its shape, and value.
    held: Vec<(usize, &'v Value)>,
}

impl<'v> Writer<'_, 'v> {
    fn members(&mut self, shape: &Shape, value: &'v Value) {
        let from = self.held.len();
        for (name, inner) in value.as_object().into_iter().flatten() {
            let Some(position) = shape.position(name) else {
                continue;
            };
            let member = &shape.members[position];
            if member.location.is_none() && !member.xml_attribute && !inner.is_null() {
                self.held.push((position, inner));
            }
        }
        let to = self.held.len();
        self.held[from..].sort_unstable_by_key(|(position, _)| *position);
        for at in from..to {
            let (position, inner) = self.held[at];
            self.member(&shape.members[position], inner);
        }
        self.held.truncate(from);
    }

    fn member(&mut self, member: &Member, value: &'v Value) {
        let shape = self.model.shape_of(member);
        let name = wire_name(member, shape);
        if shape.flattened || member.flattened {
            match (shape.kind, &shape.element, &shape.key) {
                (Kind::List, Some(element), _) => {
                    for item in value.as_array().into_iter().flatten() {
                        self.write(self.model.shape_of(element), element, name, item);
                    }
                    return;
                }
                (Kind::Map, Some(element), Some(key)) => {
                    for (k, v) in value.as_object().into_iter().flatten() {
                        self.entry(key, element, name, k, v);
                    }
                    return;
                }
                _ => {}
            }
        }
        self.write(shape, member, name, value);
    }

    fn entry(&mut self, key: &Member, value: &Member, name: &str, k: &str, v: &'v Value) {
        open(self.out, name);
        leaf(self.out, key.location_name.as_deref().unwrap_or("key"), k);
        let value_name = value.location_name.as_deref().unwrap_or("value");
        self.write(self.model.shape_of(value), value, value_name, v);
        close(self.out, name);
    }

    /// Writes a value in an element of that name.
    fn write(&mut self, shape: &Shape, member: &Member, name: &str, value: &'v Value) {
        match shape.kind {
            Kind::Structure => {
                self.open_structure(shape, member, name, value);
                self.members(shape, value);
                close(self.out, name);
            }
            Kind::List => {
                open(self.out, name);
                if let Some(element) = &shape.element {
                    let item_name = element.location_name.as_deref().unwrap_or("member");
                    let inner = self.model.shape_of(element);
                    for item in value.as_array().into_iter().flatten() {
                        self.write(inner, element, item_name, item);
                    }
                }
                close(self.out, name);
            }
            Kind::Map => {
                open(self.out, name);
                if let (Some(key), Some(element)) = (&shape.key, &shape.element) {
                    for (k, v) in value.as_object().into_iter().flatten() {
                        self.entry(key, element, "entry", k, v);
                    }
                }
                close(self.out, name);
            }
            Kind::Timestamp => {
                let format = member
                    .timestamp
                    .or(shape.timestamp)
                    .unwrap_or(TimestampFormat::Iso8601);
                leaf(self.out, name, &timestamp::write(value, format));
            }
            _ => match value {
                Value::String(text) => leaf(self.out, name, text),
                Value::Bool(true) => leaf(self.out, name, "true"),
                Value::Bool(false) => leaf(self.out, name, "false"),
                other => leaf(self.out, name, &other.to_string()),
            },
        }
    }

    fn open_structure(&mut self, shape: &Shape, member: &Member, name: &str, value: &Value) {
        let out = &mut *self.out;
        let mut attributes = shape.members.iter().filter(|m| m.xml_attribute).peekable();
        out.push('<');
        out.push_str(name);
        if let Some((prefix, uri)) = &member.xml_namespace {
            let colon = if prefix.is_empty() { "" } else { ":" };
            out.push_str(&format!(" xmlns{colon}{prefix}=\"{uri}\""));
        } else if attributes.peek().is_some() {
            // The one structure with an attribute is S3's grantee: its prefix is declared on its shape.
            out.push_str(" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"");
        }
        for attribute in attributes {
            if let Some(text) = value.get(&attribute.name).and_then(Value::as_str) {
                let name = attribute.location_name.as_deref();
                out.push(' ');
                out.push_str(name.unwrap_or(&attribute.name));
                out.push_str("=\"");
                escape_into(out, text);
                out.push('"');
            }
        }
        out.push('>');
    }
}

pub fn open(out: &mut String, name: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
}

pub fn close(out: &mut String, name: &str) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_with_its_attributes_entities_and_sections() {
        let root = parse("<?xml version='1.0'?><a:b c=\"1 &amp; 2\"><d/><!-- x --><e>&#65;<![CDATA[<f>]]></e></a:b>\n").unwrap();
        assert_eq!(root.name, "b");
        assert_eq!(root.attributes, [("c".to_owned(), "1 & 2".to_owned())]);
        assert_eq!(root.children[1].text, "A<f>");
    }

    #[test]
    fn what_is_not_xml_is_refused() {
        for bad in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "<a>&nope;</a>",
            "<a/><b/>",
            "<!DOCTYPE a><a/>",
            "<a b=1/>",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse(&"<a>".repeat(100_000)), None);
    }
}
