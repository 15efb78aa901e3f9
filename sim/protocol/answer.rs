//! Answers and errors, in the protocol that the request spoke.

use super::{Dialect, cbor, json, rest, timestamp, xml};
use crate::error::AwsError;
use crate::model::{Model, Operation, Protocol, Shape};
use crate::services::ServiceId;
use crate::world::{Output, Response};
use bytes::Bytes;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// What every answer carries.
pub struct Envelope {
    pub request_id: String,
    /// Unix seconds of the world.
    pub now: f64,
}

/// Most answers in XML are no longer.
const ROOM: usize = 1_024;

/// An operation's output.
pub fn output(
    dialect: &Dialect,
    model: &Model,
    operation: &Operation,
    output: Output,
    envelope: &Envelope,
) -> Response {
    let shape = operation.output.map(|n| model.shape(n));
    let id = &envelope.request_id;
    let (status, headers, body) = match dialect.protocol {
        Protocol::Query => {
            let namespace = model.metadata.xml_namespace.as_deref().unwrap_or("");
            let name = &operation.name;
            let mut out = String::with_capacity(ROOM);
            for part in ["<", name, "Response xmlns=\"", namespace, "\">"] {
                out.push_str(part);
            }
            if let Some(shape) = shape {
                let wrapper = match &operation.result_wrapper {
                    Some(wrapper) => Cow::from(wrapper),
                    None => Cow::from(format!("{name}Result")),
                };
                xml::open(&mut out, &wrapper);
                xml::write_members(&mut out, model, shape, &output.value);
                xml::close(&mut out, &wrapper);
            }
            xml::open(&mut out, "ResponseMetadata");
            xml::leaf(&mut out, "RequestId", id);
            xml::close(&mut out, "ResponseMetadata");
            for part in ["</", name, "Response>"] {
                out.push_str(part);
            }
            (
                output.status.unwrap_or(200),
                output.headers,
                Bytes::from(out),
            )
        }
        Protocol::Ec2 => {
            let namespace = model.metadata.xml_namespace.as_deref().unwrap_or("");
            let name = &operation.name;
            let mut out = String::with_capacity(ROOM);
            out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
            for part in ["<", name, "Response xmlns=\"", namespace, "/\">"] {
                out.push_str(part);
            }
            xml::leaf(&mut out, "requestId", id);
            match shape {
                Some(shape) => xml::write_members(&mut out, model, shape, &output.value),
                None => xml::leaf(&mut out, "return", "true"),
            }
            for part in ["</", name, "Response>"] {
                out.push_str(part);
            }
            (
                output.status.unwrap_or(200),
                output.headers,
                Bytes::from(out),
            )
        }
        Protocol::Json => {
            // An operation without an output answers with nothing at all.
            let body = match shape {
                Some(_) if output.value.is_null() => Bytes::from_static(b"{}"),
                Some(shape) => Bytes::from(json::encode(model, shape, &output.value)),
                None => Bytes::new(),
            };
            (output.status.unwrap_or(200), output.headers, body)
        }
        Protocol::Cbor => {
            let body =
                shape.map_or_else(Vec::new, |shape| cbor::encode(model, shape, &output.value));
            (
                output.status.unwrap_or(200),
                output.headers,
                Bytes::from(body),
            )
        }
        Protocol::RestXml | Protocol::RestJson => {
            rest::encode(dialect.service, model, dialect.protocol, operation, output)
        }
    };
    finish(dialect, status, headers, body, envelope)
}

/// An error.
pub fn error(
    dialect: &Dialect,
    model: Option<&Model>,
    error: &AwsError,
    envelope: &Envelope,
) -> Response {
    let shape = model.and_then(|m| m.error(&error.code));
    let exception = shape.and_then(|s| s.exception.as_ref());
    let status = error
        .status
        .or(exception.and_then(|e| e.status))
        .unwrap_or(400);
    let sender = if status < 500 { "Sender" } else { "Receiver" };
    let id = &envelope.request_id;
    let mut headers = Vec::new();
    let body = match dialect.protocol {
        Protocol::Query | Protocol::RestXml if dialect.service != ServiceId::S3 => {
            let namespace = match model.and_then(|m| m.metadata.xml_namespace.as_deref()) {
                Some(namespace) => namespace,
                None if dialect.service == ServiceId::Route53 => {
                    "https://route53.amazonaws.com/doc/2013-04-01/"
                }
                None => "",
            };
            let mut out =
                format!("<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"{namespace}\"><Error>");
            xml::leaf(&mut out, "Type", sender);
            xml::leaf(&mut out, "Code", &error.code);
            xml::leaf(&mut out, "Message", &error.message);
            if let (Some(model), Some(shape)) = (model, shape) {
                xml::write_members(&mut out, model, shape, &fields(error));
            }
            xml::close(&mut out, "Error");
            xml::leaf(&mut out, "RequestId", id);
            xml::close(&mut out, "ErrorResponse");
            Bytes::from(out)
        }
        Protocol::Query | Protocol::RestXml => {
            let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
            xml::leaf(&mut out, "Code", &error.code);
            xml::leaf(&mut out, "Message", &error.message);
            for (name, value) in &error.fields {
                // What S3 says of an error in headers (a bucket's region) is named as they are.
                if name.starts_with("x-amz-") {
                    headers.push((name.clone(), plain(value)));
                } else {
                    xml::leaf(&mut out, name, &plain(value));
                }
            }
            xml::leaf(&mut out, "RequestId", id);
            xml::leaf(&mut out, "HostId", &host_id(id));
            xml::close(&mut out, "Error");
            Bytes::from(out)
        }
        Protocol::Ec2 => {
            let mut out = String::from(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>",
            );
            xml::leaf(&mut out, "Code", &error.code);
            xml::leaf(&mut out, "Message", &error.message);
            out.push_str("</Error></Errors>");
            xml::leaf(&mut out, "RequestID", id);
            xml::close(&mut out, "Response");
            Bytes::from(out)
        }
        Protocol::Json | Protocol::RestJson => {
            let mut map = Map::new();
            map.insert(
                "__type".into(),
                Value::String(shape_name(dialect, shape, error)),
            );
            map.insert(
                message_member(shape).into(),
                Value::String(error.message.clone()),
            );
            for (name, value) in &error.fields {
                map.insert(name.clone(), value.clone());
            }
            headers.push((
                "x-amzn-ErrorType".to_owned(),
                shape_name(dialect, shape, error),
            ));
            Bytes::from(Value::Object(map).to_string())
        }
        Protocol::Cbor => {
            let kind = shape_name(dialect, shape, error);
            Bytes::from(cbor::error(&kind, &error.message, &error.fields))
        }
    };
    if dialect.query_mode {
        headers.push((
            "x-amzn-query-error".to_owned(),
            format!("{};{sender}", error.code),
        ));
    }
    finish(dialect, status, headers, body, envelope)
}

/// JSON clients know errors by their shape's name; a service that also speaks query uses the query code elsewhere.
fn shape_name(dialect: &Dialect, shape: Option<&Shape>, error: &AwsError) -> String {
    match shape {
        Some(shape) if dialect.service == ServiceId::Cloudwatch => {
            format!("com.amazonaws.cloudwatch#{}", shape.name)
        }
        Some(shape) => shape.name.clone(),
        None => error.code.clone(),
    }
}

fn message_member(shape: Option<&Shape>) -> &str {
    let capital = shape.is_some_and(|s| s.member("Message").is_some());
    if capital { "Message" } else { "message" }
}

fn fields(error: &AwsError) -> Value {
    let known = |name: &String| !name.eq_ignore_ascii_case("message");
    let fields = error.fields.iter().filter(|(name, _)| known(name));
    Value::Object(fields.map(|(k, v)| (k.clone(), v.clone())).collect())
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn host_id(request_id: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(format!("{request_id}/{request_id}"))
}

fn finish(
    dialect: &Dialect,
    status: u16,
    mut headers: Vec<(String, String)>,
    body: Bytes,
    envelope: &Envelope,
) -> Response {
    let mut put = |name: &str, value: String| {
        if !headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
            headers.push((name.to_owned(), value));
        }
    };
    let id = envelope.request_id.clone();
    if dialect.service == ServiceId::S3 {
        put("x-amz-id-2", host_id(&id));
        put("x-amz-request-id", id);
        put("Server", "AmazonS3".to_owned());
    } else {
        put("x-amzn-RequestId", id);
    }
    let kind = match dialect.protocol {
        Protocol::Query => "text/xml",
        Protocol::Ec2 => "text/xml;charset=UTF-8",
        Protocol::RestXml if dialect.service == ServiceId::S3 => "application/xml",
        Protocol::RestXml => "text/xml",
        Protocol::Json if dialect.json_version == "1.0" => "application/x-amz-json-1.0",
        Protocol::Json => "application/x-amz-json-1.1",
        Protocol::RestJson => "application/json",
        Protocol::Cbor => "application/cbor",
    };
    if !body.is_empty() {
        put("Content-Type", kind.to_owned());
    }
    if dialect.protocol == Protocol::Cbor {
        put("smithy-protocol", "rpc-v2-cbor".to_owned());
    }
    put("Date", timestamp::http_date(envelope.now));
    // The answer to HEAD is its headers.
    let body = if dialect.head { Bytes::new() } else { body };
    Response {
        status,
        headers,
        body,
    }
}
