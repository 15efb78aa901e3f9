//! Percent-encoding, forms, and scalars written as text.

use super::timestamp;
use crate::call::refusal;
use crate::error::AwsError;
use crate::model::{Kind, Shape};
use crate::services::ServiceId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Undoes percent-encoding; with `plus`, a `+` is a blank (forms and query strings).
pub fn unescape(text: &str, plus: bool) -> String {
    if !text.bytes().any(|b| b == b'%' || (plus && b == b'+')) {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |n: usize| bytes.get(at + n).and_then(|b| (*b as char).to_digit(16));
        match (bytes[at], hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (b'+', _, _) if plus => {
                out.push(b' ');
                at += 1;
            }
            (byte, _, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// Percent-encodes everything but the unreserved characters; `keep_slash` for paths.
pub fn escape(text: &str, keep_slash: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte as char)
            }
            b'/' if keep_slash => out.push('/'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// The pairs of a form or a query string, decoded, in order.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescape(key, true), unescape(value, true))
        })
        .collect()
}

/// A scalar from its text.
pub fn scalar(
    service: ServiceId,
    shape: &Shape,
    name: &str,
    text: &str,
) -> Result<Value, AwsError> {
    let wrong = || refusal::wrong_type(service, shape.kind, name);
    Ok(match shape.kind {
        Kind::String => Value::String(text.to_owned()),
        Kind::Blob => match STANDARD.decode(text) {
            Ok(_) => Value::String(text.to_owned()),
            Err(_) => return Err(wrong()),
        },
        Kind::Integer => Value::from(text.trim().parse::<i64>().map_err(|_| wrong())?),
        Kind::Float => Value::from(text.trim().parse::<f64>().map_err(|_| wrong())?),
        Kind::Boolean => match text.trim() {
            "true" | "True" | "TRUE" => Value::Bool(true),
            "false" | "False" | "FALSE" => Value::Bool(false),
            _ => return Err(wrong()),
        },
        Kind::Timestamp => Value::from(timestamp::read(text).ok_or_else(wrong)?),
        Kind::Structure | Kind::List | Kind::Map => return Err(wrong()),
    })
}
