//! The wire protocols, one codec each, driven by the model: bytes to an operation's input, its output to bytes.
//!
//! Knows nothing of what an operation does. A service whose answer is bytes (S3) gives them as a body.

use crate::call::refusal;
use crate::error::AwsError;
use crate::model::{Model, Operation, Protocol};
use crate::services::ServiceId;
use crate::world::{Input, Request};
use bytes::Bytes;
use serde_json::{Map, Value};

pub mod address;
pub mod answer;
pub mod body;
pub mod cbor;
pub mod form;
pub mod json;
pub mod rest;
pub mod signature;
pub mod text;
pub mod timestamp;
pub mod xml;

#[cfg(test)]
mod tests;

/// How a request speaks, and so how it is to be answered.
#[derive(Clone, Debug)]
pub struct Dialect {
    pub service: ServiceId,
    pub protocol: Protocol,
    pub json_version: &'static str,
    /// The client wants query's error codes beside its own.
    pub query_mode: bool,
    pub head: bool,
}

/// A request, understood.
pub struct Decoded {
    pub operation: &'static Operation,
    pub input: Input,
    /// The frames of a signed body, for the verification of their signatures.
    pub chunks: Vec<body::Chunk>,
    pub trailers: Vec<(String, String)>,
}

/// Why a request has no operation.
pub enum Undecoded {
    /// AWS's own error.
    Refused(AwsError),
    /// AWS has the operation, and this simulation has not.
    NotSimulated(String),
}

impl From<AwsError> for Undecoded {
    fn from(error: AwsError) -> Undecoded {
        Undecoded::Refused(error)
    }
}

/// The protocol that the request speaks.
pub fn dialect(service: ServiceId, model: &Model, request: &Request) -> Dialect {
    let header = |name| address::header(request, name);
    let speaks = |protocol| model.metadata.protocols.contains(&protocol);
    let protocol = if header("smithy-protocol").is_some() && speaks(Protocol::Cbor) {
        Protocol::Cbor
    } else if header("x-amz-target").is_some() && speaks(Protocol::Json) {
        Protocol::Json
    } else if speaks(Protocol::Ec2) {
        Protocol::Ec2
    } else if speaks(Protocol::Query) {
        Protocol::Query
    } else {
        model.protocol()
    };
    let one = header("content-type").is_some_and(|t| t.contains("json-1.0"));
    Dialect {
        service,
        protocol,
        json_version: if one { "1.0" } else { "1.1" },
        query_mode: model.metadata.aws_query_compatible && header("x-amzn-query-mode").is_some(),
        head: request.method == "HEAD",
    }
}

/// The operation and its input.
pub fn decode(
    dialect: &Dialect,
    model: &'static Model,
    request: &Request,
    bucket: Option<&str>,
) -> Result<Decoded, Undecoded> {
    let service = dialect.service;
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    match dialect.protocol {
        Protocol::Query | Protocol::Ec2 => {
            let text = std::str::from_utf8(&request.body).map_err(|_| {
                AwsError::new("MalformedQueryString", "The request body is not UTF-8")
            })?;
            let mut pairs = text::pairs(query);
            pairs.extend(text::pairs(text));
            let named = pairs
                .iter()
                .find(|(k, _)| k == "Action")
                .map(|(_, v)| v.as_str());
            let Some(named) = named else {
                return Err(AwsError::new(
                    "MissingAction",
                    "The request must contain the parameter Action",
                )
                .into());
            };
            let operation = named_operation(model, dialect, named)?;
            let value = form::decode(
                service,
                model,
                operation,
                &pairs,
                dialect.protocol == Protocol::Ec2,
            )?;
            Ok(plain(operation, value))
        }
        Protocol::Json => {
            let target = address::header(request, "x-amz-target").unwrap_or("");
            let named = target.rsplit_once('.').map_or("", |(_, name)| name);
            let operation = named_operation(model, dialect, named)?;
            let value = if request.body.is_empty() {
                Value::Object(Map::new())
            } else {
                let mut value: Value = serde_json::from_slice(&request.body).map_err(|_| {
                    AwsError::new(
                        "SerializationException",
                        "The request body is not valid JSON",
                    )
                    .status(400)
                })?;
                // A client's order of members means nothing, and must not come back in an answer.
                value.sort_all_objects();
                value
            };
            Ok(plain(operation, value))
        }
        Protocol::Cbor => {
            let named = path.rsplit_once("/operation/").map_or("", |(_, name)| name);
            let operation = named_operation(model, dialect, named)?;
            let value = cbor::decode(&request.body).ok_or_else(|| {
                AwsError::new(
                    "SerializationException",
                    "The request body is not valid CBOR",
                )
                .status(400)
            })?;
            Ok(plain(operation, value))
        }
        Protocol::RestXml | Protocol::RestJson => {
            rest_request(dialect, model, request, bucket, path, query)
        }
    }
}

fn rest_request(
    dialect: &Dialect,
    model: &'static Model,
    request: &Request,
    bucket: Option<&str>,
    path: &str,
    query: &str,
) -> Result<Decoded, Undecoded> {
    let service = dialect.service;
    let mut headers = request.headers.clone();
    let mut body = request.body.clone();
    let (mut chunks, mut trailers) = (Vec::new(), Vec::new());
    if service == ServiceId::S3 {
        if body::is_framed(request) {
            let unframed = body::unframe(request)?;
            body = unframed.body;
            headers.extend(unframed.trailers.iter().cloned());
            headers.retain(|(name, value)| {
                !(name.eq_ignore_ascii_case("content-encoding") && value.trim() == "aws-chunked")
            });
            for (name, value) in &mut headers {
                if name.eq_ignore_ascii_case("content-encoding") {
                    let kept: Vec<&str> = value
                        .split(',')
                        .map(str::trim)
                        .filter(|e| *e != "aws-chunked")
                        .collect();
                    *value = kept.join(",");
                }
            }
            chunks = unframed.chunks;
            trailers = unframed.trailers;
        }
        body::verify(&headers, &body)?;
    }
    let mut segments = rest::segments(path);
    if let Some(bucket) = bucket {
        segments.insert(0, bucket.to_owned());
    }
    if service == ServiceId::Route53 {
        segments = without_id_prefixes(segments);
    }
    let parts = rest::Parts {
        method: &request.method,
        segments,
        query: text::pairs(query),
        headers: &headers,
        body: &body,
    };
    match rest::route(model, &parts) {
        rest::Route::Operation(operation, labels) => {
            let value = rest::decode(service, model, dialect.protocol, operation, labels, &parts)?;
            let input = Input {
                value,
                body: body.clone(),
            };
            Ok(Decoded {
                operation,
                input,
                chunks,
                trailers,
            })
        }
        rest::Route::Other(name) => Err(Undecoded::NotSimulated(name)),
        rest::Route::Nothing if service == ServiceId::S3 => Err(AwsError::new(
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        )
        .status(405)
        .into()),
        rest::Route::Nothing => Err(AwsError::new(
            "UnknownOperationException",
            "Unknown operation",
        )
        .status(404)
        .into()),
    }
}

/// Route 53 writes ids as `/hostedzone/Z1` and takes them back so: `/2013-04-01/hostedzone//hostedzone/Z1/rrset`.
fn without_id_prefixes(segments: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for segment in segments {
        for part in segment.split('/') {
            let repeated = out.len() >= 2 && out.last().is_some_and(|last| last == part);
            let prefix = matches!(
                part,
                "hostedzone" | "healthcheck" | "change" | "delegationset"
            );
            if part.is_empty() || (prefix && repeated) {
                continue;
            }
            out.push(part.to_owned());
        }
    }
    out
}

fn named_operation(
    model: &'static Model,
    dialect: &Dialect,
    name: &str,
) -> Result<&'static Operation, Undecoded> {
    if let Some(operation) = model.operation(name) {
        return Ok(operation);
    }
    if model.others.contains_key(name) {
        return Err(Undecoded::NotSimulated(name.to_owned()));
    }
    let version = &model.metadata.api_version;
    Err(Undecoded::Refused(match dialect.protocol {
        Protocol::Query | Protocol::Ec2 => AwsError::new(
            "InvalidAction",
            format!("Could not find operation {name} for version {version}"),
        )
        .status(400),
        _ => AwsError::new(
            "UnknownOperationException",
            format!("Unknown operation: {name}"),
        )
        .status(400),
    }))
}

fn plain(operation: &'static Operation, value: Value) -> Decoded {
    let input = Input {
        value,
        body: Bytes::new(),
    };
    Decoded {
        operation,
        input,
        chunks: Vec::new(),
        trailers: Vec::new(),
    }
}

/// The error for a request that says neither service nor signer.
pub fn nobody() -> (Dialect, AwsError) {
    let dialect = Dialect {
        service: ServiceId::Sts,
        protocol: Protocol::Query,
        json_version: "1.1",
        query_mode: false,
        head: false,
    };
    (dialect, refusal::unsigned(None))
}
