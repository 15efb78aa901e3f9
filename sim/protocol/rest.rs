//! The REST protocols: which operation a method and path mean, and members in path, query, headers and body.

use super::{json, text, timestamp, xml};
use crate::call::refusal;
use crate::error::AwsError;
use crate::model::{
    Kind, Location, Member, Model, Operation, Protocol, Segment, Shape, TimestampFormat, Uri,
};
use crate::services::ServiceId;
use crate::world::Output;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};

/// A REST request, taken apart.
pub struct Parts<'r> {
    pub method: &'r str,
    /// Decoded path segments; an empty last one means a trailing slash.
    pub segments: Vec<String>,
    pub query: Vec<(String, String)>,
    pub headers: &'r [(String, String)],
    pub body: &'r Bytes,
}

impl Parts<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    fn query(&self, key: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, v)| v.as_str())
    }
}

/// Path (without the query), taken into decoded segments. Only the slash before the first is dropped: an object's key
/// may begin or end with slashes.
pub fn segments(path: &str) -> Vec<String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.is_empty() {
        return Vec::new();
    }
    path.split('/').map(|s| text::unescape(s, false)).collect()
}

/// The labels of a path, by their names in the template.
type Labels = Vec<(String, String)>;

pub enum Route<'m> {
    Operation(&'m Operation, Labels),
    /// An operation of the service that is not simulated.
    Other(String),
    Nothing,
}

/// The operation that method, path, query and headers mean: of those that fit, the one that asks for the most.
pub fn route<'m>(model: &'m Model, parts: &Parts<'_>) -> Route<'m> {
    let mut best: Option<(usize, &Operation, Labels)> = None;
    for operation in model
        .operations
        .values()
        .filter(|o| o.method == parts.method)
    {
        let Some(labels) = fits(&operation.uri, parts) else {
            continue;
        };
        let Some(asked) = asked(model, operation, parts) else {
            continue;
        };
        let weight = operation.uri.query.len() * 2 + asked;
        if best.as_ref().is_none_or(|(most, _, _)| weight > *most) {
            best = Some((weight, operation, labels));
        }
    }
    // An operation that is not simulated wins only by a query key that ours do not have.
    let weight = best.as_ref().map_or(0, |(_, o, _)| o.uri.query.len());
    for (name, place) in &model.others {
        let Some((method, uri)) = place else { continue };
        let closer = uri.query.len() > weight || best.is_none();
        if method == parts.method && closer && fits(uri, parts).is_some() {
            return Route::Other(name.clone());
        }
    }
    match best {
        Some((_, operation, labels)) => Route::Operation(operation, labels),
        None => Route::Nothing,
    }
}

fn fits(uri: &Uri, parts: &Parts<'_>) -> Option<Vec<(String, String)>> {
    let keys = uri
        .query
        .iter()
        .all(|(key, value)| match (parts.query(key), value) {
            (Some(found), Some(value)) => found == value,
            (found, _) => found.is_some(),
        });
    if !keys {
        return None;
    }
    let mut labels = Vec::new();
    let mut rest = parts.segments.as_slice();
    for segment in &uri.segments {
        match segment {
            Segment::Literal(word) => {
                let (first, others) = rest.split_first()?;
                if first != word {
                    return None;
                }
                rest = others;
            }
            Segment::Label(name) => {
                let (first, others) = rest.split_first().filter(|(first, _)| !first.is_empty())?;
                labels.push((name.clone(), first.clone()));
                rest = others;
            }
            Segment::Greedy(name) => {
                let all = rest.join("/");
                if all.is_empty() {
                    return None;
                }
                labels.push((name.clone(), all));
                rest = &[];
            }
        }
    }
    // A trailing slash is nothing.
    (rest.is_empty() || rest == [""]).then_some(labels)
}

/// How many required query and header members the request brings; `None` if one is missing that tells operations apart.
fn asked(model: &Model, operation: &Operation, parts: &Parts<'_>) -> Option<usize> {
    let Some(shape) = operation.input else {
        return Some(0);
    };
    let mut count = 0;
    for member in model.shape(shape).members.iter().filter(|m| m.required) {
        let name = member.location_name.as_deref().unwrap_or(&member.name);
        match member.location {
            Some(Location::Query) => {
                parts.query(name)?;
                count += 1;
            }
            Some(Location::Header) => {
                parts.header(name)?;
                count += 1;
            }
            _ => {}
        }
    }
    Some(count)
}

/// The operation's input.
pub fn decode(
    service: ServiceId,
    model: &Model,
    protocol: Protocol,
    operation: &Operation,
    labels: Vec<(String, String)>,
    parts: &Parts<'_>,
) -> Result<Value, AwsError> {
    let mut out = Map::new();
    let Some(shape) = operation.input.map(|n| model.shape(n)) else {
        return Ok(Value::Object(out));
    };
    for member in &shape.members {
        let inner = model.shape_of(member);
        let name = member.location_name.as_deref().unwrap_or(&member.name);
        match member.location {
            Some(Location::Uri) => {
                if let Some((_, value)) = labels.iter().find(|(label, _)| label == name) {
                    out.insert(
                        member.name.clone(),
                        text::scalar(service, inner, name, value)?,
                    );
                }
            }
            Some(Location::Query) => {
                if inner.kind == Kind::List {
                    let element = inner.element.as_ref().map(|e| model.shape_of(e));
                    let found = parts.query.iter().filter(|(k, _)| k == name);
                    let list: Result<Vec<Value>, AwsError> = found
                        .filter_map(|(_, v)| element.map(|e| text::scalar(service, e, name, v)))
                        .collect();
                    let list = list?;
                    if !list.is_empty() {
                        out.insert(member.name.clone(), Value::Array(list));
                    }
                } else if let Some(value) = parts.query(name) {
                    // `?prefix=` says the same as no prefix.
                    if !value.is_empty() || inner.kind == Kind::String {
                        out.insert(
                            member.name.clone(),
                            text::scalar(service, inner, name, value)?,
                        );
                    }
                }
            }
            Some(Location::Header) => {
                if let Some(value) = parts.header(name) {
                    out.insert(
                        member.name.clone(),
                        from_header(service, model, inner, name, value)?,
                    );
                }
            }
            Some(Location::Headers) => {
                let mut map = Map::new();
                for (header, value) in parts.headers {
                    let lower = header.to_ascii_lowercase();
                    if let Some(key) = lower.strip_prefix(&name.to_ascii_lowercase()) {
                        map.insert(key.to_owned(), Value::String(value.trim().to_owned()));
                    }
                }
                if !map.is_empty() {
                    out.insert(member.name.clone(), Value::Object(map));
                }
            }
            Some(Location::Status) | None => {}
        }
    }
    body(service, model, protocol, shape, parts, &mut out)?;
    Ok(Value::Object(out))
}

fn from_header(
    service: ServiceId,
    model: &Model,
    shape: &Shape,
    name: &str,
    value: &str,
) -> Result<Value, AwsError> {
    if shape.kind != Kind::List {
        return text::scalar(service, shape, name, value.trim());
    }
    let element = shape.element.as_ref().map(|e| model.shape_of(e));
    let parts = value.split(',').map(str::trim).filter(|v| !v.is_empty());
    let list: Result<Vec<Value>, AwsError> = parts
        .filter_map(|v| element.map(|e| text::scalar(service, e, name, v)))
        .collect();
    Ok(Value::Array(list?))
}

fn body(
    service: ServiceId,
    model: &Model,
    protocol: Protocol,
    shape: &Shape,
    parts: &Parts<'_>,
    out: &mut Map<String, Value>,
) -> Result<(), AwsError> {
    let malformed = || match (service, protocol) {
        (_, Protocol::RestJson) => {
            AwsError::new("SerializationException", "Could not parse the request body")
        }
        (ServiceId::S3, _) => refusal::malformed_xml(),
        _ => AwsError::new(
            "InvalidInput",
            "Invalid XML ; the request body could not be parsed",
        ),
    };
    let payload = shape.payload.as_deref().and_then(|name| shape.member(name));
    let (target, inner) = match payload {
        // Bytes stay in `Input::body`.
        Some(member) if model.shape_of(member).kind == Kind::Blob => return Ok(()),
        Some(member) if model.shape_of(member).kind == Kind::String => {
            if !parts.body.is_empty() {
                let text = String::from_utf8(parts.body.to_vec()).map_err(|_| malformed())?;
                out.insert(member.name.clone(), Value::String(text));
            }
            return Ok(());
        }
        Some(member) => (Some(member), model.shape_of(member)),
        None => (None, shape),
    };
    let in_body = payload.is_some() || shape.members.iter().any(|m| m.location.is_none());
    if !in_body || parts.body.is_empty() {
        return Ok(());
    }
    let text = std::str::from_utf8(parts.body).map_err(|_| malformed())?;
    let value = match protocol {
        Protocol::RestJson => serde_json::from_str(text).map_err(|_| malformed())?,
        _ => {
            let root = xml::parse(text).ok_or_else(malformed)?;
            xml::read(service, model, inner, &root)?
        }
    };
    match target {
        Some(member) => {
            out.insert(member.name.clone(), value);
        }
        None => {
            if let Value::Object(members) = value {
                out.extend(members);
            }
        }
    }
    Ok(())
}

/// Status, headers and body of an answer.
pub fn encode(
    service: ServiceId,
    model: &Model,
    protocol: Protocol,
    operation: &Operation,
    output: Output,
) -> (u16, Vec<(String, String)>, Bytes) {
    let mut status = output.status.unwrap_or(operation.status);
    let mut headers = Vec::new();
    let Some(shape) = operation.output.map(|n| model.shape(n)) else {
        headers.extend(output.headers);
        return (status, headers, output.body.unwrap_or_default());
    };
    for member in &shape.members {
        let Some(value) = output.value.get(&member.name).filter(|v| !v.is_null()) else {
            continue;
        };
        let inner = model.shape_of(member);
        let name = member.location_name.as_deref().unwrap_or(&member.name);
        match member.location {
            Some(Location::Status) => status = value.as_u64().map_or(status, |n| n as u16),
            Some(Location::Header) => {
                headers.push((name.to_owned(), to_header(member, inner, value)))
            }
            Some(Location::Headers) => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    headers.push((
                        format!("{name}{key}"),
                        value.as_str().unwrap_or("").to_owned(),
                    ));
                }
            }
            _ => {}
        }
    }
    headers.extend(output.headers);
    let payload = shape.payload.as_deref().and_then(|name| shape.member(name));
    let body = match payload {
        Some(member) => {
            let inner = model.shape_of(member);
            let value = output.value.get(&member.name).filter(|v| !v.is_null());
            match (inner.kind, value, output.body) {
                (_, _, Some(body)) => body,
                (Kind::Blob, Some(Value::String(blob)), None) => {
                    Bytes::from(STANDARD.decode(blob).unwrap_or_default())
                }
                (Kind::String, Some(Value::String(text)), None) => Bytes::from(text.clone()),
                (_, Some(value), None) => match protocol {
                    Protocol::RestJson => Bytes::from(json::encode(model, inner, value)),
                    _ => {
                        let root = member
                            .location_name
                            .clone()
                            .or_else(|| inner.location_name.clone());
                        document(
                            service,
                            model,
                            inner,
                            &root.unwrap_or_else(|| inner.name.clone()),
                            value,
                        )
                    }
                },
                (_, None, None) => Bytes::new(),
            }
        }
        None => {
            let in_body = shape.members.iter().any(|m| m.location.is_none());
            match (output.body, in_body, protocol) {
                (Some(body), _, _) => body,
                (None, false, _) => Bytes::new(),
                (None, true, Protocol::RestJson) => {
                    let members = shape.members.iter().filter(|m| m.location.is_none());
                    let map: Map<String, Value> = members
                        .filter_map(|m| {
                            let value = output.value.get(&m.name).filter(|v| !v.is_null())?;
                            Some((
                                m.location_name.clone().unwrap_or_else(|| m.name.clone()),
                                json::known(model, model.shape_of(m), value),
                            ))
                        })
                        .collect();
                    Bytes::from(Value::Object(map).to_string())
                }
                (None, true, _) => document(
                    service,
                    model,
                    shape,
                    &root(operation, shape),
                    &output.value,
                ),
            }
        }
    };
    (status, headers, body)
}

/// The root element of an answer without a payload member. Clients in Rust and Go check it.
fn root(operation: &Operation, shape: &Shape) -> String {
    let name = match operation.name.as_str() {
        "GetBucketAcl" | "GetObjectAcl" => "AccessControlPolicy",
        "GetBucketAccelerateConfiguration" => "AccelerateConfiguration",
        "GetBucketCors" => "CORSConfiguration",
        "GetBucketLifecycleConfiguration" => "LifecycleConfiguration",
        "GetBucketLocation" => "LocationConstraint",
        "GetBucketLogging" => "BucketLoggingStatus",
        "GetBucketRequestPayment" => "RequestPaymentConfiguration",
        "GetBucketTagging" | "GetObjectTagging" => "Tagging",
        "GetBucketVersioning" => "VersioningConfiguration",
        "GetBucketWebsite" => "WebsiteConfiguration",
        "GetObjectAttributes" => "GetObjectAttributesResponse",
        "ListBuckets" => "ListAllMyBucketsResult",
        "ListObjects" | "ListObjectsV2" => "ListBucketResult",
        "ListObjectVersions" => "ListVersionsResult",
        "ListMultipartUploads" => "ListMultipartUploadsResult",
        "ListParts" => "ListPartsResult",
        "DeleteObjects" => "DeleteResult",
        "CompleteMultipartUpload" => "CompleteMultipartUploadResult",
        "CreateMultipartUpload" => "InitiateMultipartUploadResult",
        _ => shape.location_name.as_deref().unwrap_or(&shape.name),
    };
    name.to_owned()
}

fn document(service: ServiceId, model: &Model, shape: &Shape, root: &str, value: &Value) -> Bytes {
    let namespace = match service {
        ServiceId::S3 => "http://s3.amazonaws.com/doc/2006-03-01/",
        _ => "https://route53.amazonaws.com/doc/2013-04-01/",
    };
    let mut out =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"{namespace}\">");
    // The one answer whose root is its only member.
    if root == "LocationConstraint" {
        xml::escape_into(
            &mut out,
            value.get(root).and_then(Value::as_str).unwrap_or(""),
        );
    } else {
        xml::write_members(&mut out, model, shape, value);
    }
    xml::close(&mut out, root);
    Bytes::from(out)
}

fn to_header(member: &Member, shape: &Shape, value: &Value) -> String {
    match (shape.kind, value) {
        (Kind::Timestamp, value) => timestamp::write(
            value,
            member
                .timestamp
                .or(shape.timestamp)
                .unwrap_or(TimestampFormat::Http),
        ),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Array(items)) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            items.join(", ")
        }
        (_, other) => other.to_string(),
    }
}
