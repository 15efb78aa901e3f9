//! Reads a generated model and turns shape names into indices, so that a call looks nothing up by name twice.

use super::*;
use serde::Deserializer;
use serde::de::IgnoredAny;

#[derive(Deserialize)]
struct RawModel {
    metadata: Metadata,
    operations: BTreeMap<String, RawOperation>,
    paginators: BTreeMap<String, Paginator>,
    others: BTreeMap<String, String>,
    shapes: BTreeMap<String, RawShape>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawOperation {
    method: String,
    uri: String,
    status: Option<u16>,
    input: Option<String>,
    output: Option<String>,
    location_name: Option<String>,
    result_wrapper: Option<String>,
    #[serde(default)]
    errors: Vec<String>,
    #[serde(default)]
    unsigned: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawShape {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    required: Vec<String>,
    /// In the model's order: XML answers are written in it.
    #[serde(default)]
    members: serde_json::Map<String, serde_json::Value>,
    member: Option<RawMember>,
    key: Option<RawMember>,
    value: Option<RawMember>,
    #[serde(default, rename = "enum")]
    values: Vec<String>,
    min: Option<f64>,
    max: Option<f64>,
    pattern: Option<String>,
    #[serde(default)]
    sensitive: bool,
    payload: Option<String>,
    #[serde(default)]
    flattened: bool,
    location_name: Option<String>,
    timestamp_format: Option<TimestampFormat>,
    #[serde(default)]
    streaming: bool,
    #[serde(default)]
    document: bool,
    #[serde(default)]
    exception: bool,
    #[serde(default)]
    fault: bool,
    error: Option<RawError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawError {
    code: Option<String>,
    http_status_code: Option<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMember {
    shape: String,
    location: Option<Location>,
    location_name: Option<String>,
    query_name: Option<String>,
    #[serde(default)]
    flattened: bool,
    xml_namespace: Option<RawNamespace>,
    #[serde(default)]
    xml_attribute: bool,
    timestamp_format: Option<TimestampFormat>,
    #[serde(default)]
    streaming: bool,
    #[serde(default)]
    jsonvalue: bool,
    #[serde(default)]
    idempotency_token: bool,
}

#[derive(Deserialize)]
struct RawNamespace {
    #[serde(default)]
    prefix: String,
    uri: String,
}

/// The models are part of this program: that they parse is tested for each of them.
pub(super) fn parse(text: &str) -> Model {
    let raw: RawModel =
        serde_json::from_str(text).unwrap_or_else(|e| unreachable!("a generated model: {e}"));
    let index: BTreeMap<&str, usize> = raw
        .shapes
        .keys()
        .enumerate()
        .map(|(n, name)| (name.as_str(), n))
        .collect();
    let find = |name: &str| index.get(name).copied();
    let link = |name: &str, member: RawMember, required: bool| Member {
        name: name.to_owned(),
        shape: find(&member.shape)
            .unwrap_or_else(|| unreachable!("shape {} of {name}", member.shape)),
        location: member.location,
        query_name: query_name(&member, name),
        location_name: member.location_name,
        flattened: member.flattened,
        xml_attribute: member.xml_attribute,
        xml_namespace: member.xml_namespace.map(|n| (n.prefix, n.uri)),
        timestamp: member.timestamp_format,
        streaming: member.streaming,
        json_value: member.jsonvalue,
        idempotency_token: member.idempotency_token,
        required,
    };
    let mut errors = BTreeMap::new();
    let mut operations = BTreeMap::new();
    for (name, operation) in raw.operations {
        let linked = Operation {
            method: operation.method,
            uri: uri(&operation.uri),
            status: operation.status.unwrap_or(200),
            input: operation.input.as_deref().and_then(find),
            output: operation.output.as_deref().and_then(find),
            result_wrapper: operation.result_wrapper,
            location_name: operation.location_name,
            errors: operation.errors.iter().filter_map(|e| find(e)).collect(),
            paginator: raw.paginators.get(&name).cloned(),
            unsigned: operation.unsigned,
            name: name.clone(),
        };
        operations.insert(name, linked);
    }
    let others = raw
        .others
        .into_iter()
        .map(|(name, http)| {
            let place = http
                .split_once(' ')
                .map(|(method, path)| (method.to_owned(), uri(path)));
            (name, place)
        })
        .collect();
    let mut shapes = Vec::new();
    // A wire code is stronger than a shape's name: `AccessDenied` is a code here and a name there.
    let mut codes = Vec::new();
    for (position, (name, shape)) in raw.shapes.iter().enumerate() {
        if shape.exception || shape.error.is_some() || shape.fault {
            errors.insert(name.clone(), position);
            if let Some(code) = shape.error.as_ref().and_then(|e| e.code.clone()) {
                codes.push((code, position));
            }
        }
    }
    errors.extend(codes);
    for (name, shape) in &raw.shapes {
        let mut members = Vec::new();
        for (member_name, member) in &shape.members {
            let member: RawMember = RawMember::deserialize(member)
                .unwrap_or_else(|e| unreachable!("member {member_name} of {name}: {e}"));
            members.push(link(
                member_name,
                member,
                shape.required.contains(member_name),
            ));
        }
        let mut by_name: Vec<usize> = (0..members.len()).collect();
        by_name.sort_by_key(|n| &members[*n].name);
        let fault_status = if shape.fault { 500 } else { 400 };
        let exception = (shape.exception || shape.error.is_some()).then(|| {
            let error = shape.error.as_ref();
            Exception {
                code: error.and_then(|e| e.code.clone()),
                status: error
                    .and_then(|e| e.http_status_code)
                    .or(Some(fault_status)),
            }
        });
        let part = |member: &Option<RawMember>, name: &str| {
            member.as_ref().map(|m| {
                Box::new(Member {
                    name: name.to_owned(),
                    shape: find(&m.shape).unwrap_or_else(|| unreachable!("shape {}", m.shape)),
                    location: None,
                    location_name: m.location_name.clone(),
                    query_name: query_name(m, name),
                    flattened: m.flattened,
                    xml_attribute: false,
                    xml_namespace: None,
                    timestamp: m.timestamp_format,
                    streaming: false,
                    json_value: false,
                    idempotency_token: false,
                    required: false,
                })
            })
        };
        shapes.push(Shape {
            name: name.clone(),
            kind: kind(&shape.kind),
            members,
            by_name,
            element: part(&shape.member, "member").or_else(|| part(&shape.value, "value")),
            key: part(&shape.key, "key"),
            values: shape.values.clone(),
            min: shape.min,
            max: shape.max,
            pattern: shape.pattern.clone(),
            sensitive: shape.sensitive,
            payload: shape.payload.clone(),
            flattened: shape.flattened,
            location_name: shape.location_name.clone(),
            timestamp: shape.timestamp_format,
            streaming: shape.streaming,
            document: shape.document,
            exception,
        });
    }
    Model {
        metadata: raw.metadata,
        operations,
        shapes,
        others,
        errors,
    }
}

fn query_name(member: &RawMember, name: &str) -> String {
    let given = member.query_name.clone();
    let located = || member.location_name.as_deref().map(upper_first);
    given.or_else(located).unwrap_or_else(|| name.to_owned())
}

fn upper_first(name: &str) -> String {
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

fn kind(name: &str) -> Kind {
    match name {
        "structure" => Kind::Structure,
        "list" => Kind::List,
        "map" => Kind::Map,
        "blob" => Kind::Blob,
        "integer" | "long" => Kind::Integer,
        "float" | "double" => Kind::Float,
        "boolean" => Kind::Boolean,
        "timestamp" => Kind::Timestamp,
        "string" | "character" => Kind::String,
        other => unreachable!("shape type {other}"),
    }
}

fn uri(template: &str) -> Uri {
    let (path, query) = template.split_once('?').unwrap_or((template, ""));
    let segments = path
        .split('/')
        .filter(|s| !s.is_empty())
        .map(
            |s| match s.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
                Some(label) => match label.strip_suffix('+') {
                    Some(greedy) => Segment::Greedy(greedy.to_owned()),
                    None => Segment::Label(label.to_owned()),
                },
                None => Segment::Literal(s.to_owned()),
            },
        )
        .collect();
    let query = query
        .split('&')
        .filter(|s| !s.is_empty())
        .map(|s| match s.split_once('=') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (s.to_owned(), None),
        })
        .collect();
    Uri { segments, query }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

pub(super) fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(match OneOrMany::deserialize(from)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// `true` if the key is there, whatever it holds.
pub(super) fn present<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(from).map(|_| true)
}
