//! The distribution API's errors, headers, queries and pages. Knows no repository.

use crate::error::AwsError;
use crate::world::{Request, Response};
use bytes::Bytes;
use serde_json::{Value, json};

/// An error of the distribution API.
pub(super) struct Fault {
    status: u16,
    code: &'static str,
    message: String,
    pub headers: Vec<(String, String)>,
}

impl Fault {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Fault {
        Fault {
            status,
            code,
            message: message.into(),
            headers: Vec::new(),
        }
    }

    pub fn response(self) -> Response {
        let body = json!({"errors": [{"code": self.code, "message": self.message}]}).to_string();
        let mut headers = self.headers;
        headers.push((
            "Content-Type".into(),
            "application/json; charset=utf-8".into(),
        ));
        respond(self.status, headers, body)
    }
}

/// A refusal of the shared doors, in this API's words.
impl From<AwsError> for Fault {
    fn from(error: AwsError) -> Fault {
        let (status, code) = match error.code.as_str() {
            "RepositoryNotFoundException" => (404, "NAME_UNKNOWN"),
            "LayersNotFoundException" => (404, "MANIFEST_BLOB_UNKNOWN"),
            "ReferencedImagesNotFoundException" => (404, "MANIFEST_UNKNOWN"),
            "ImageTagAlreadyExistsException" => (400, "TAG_INVALID"),
            "ImageDigestDoesNotMatchException" => (400, "DIGEST_INVALID"),
            "AccessDeniedException" | "AccessDenied" => (403, "DENIED"),
            _ => (400, "MANIFEST_INVALID"),
        };
        Fault::new(status, code, error.message)
    }
}

pub(super) fn respond(
    status: u16,
    mut headers: Vec<(String, String)>,
    body: impl Into<Bytes>,
) -> Response {
    let body = body.into();
    if !headers.iter().any(|(name, _)| name == "Content-Length") && status != 204 {
        headers.push(("Content-Length".into(), body.len().to_string()));
    }
    Response {
        status,
        headers,
        body,
    }
}

pub(super) fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request
        .headers
        .iter()
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.as_str())
}

pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(text: &str) -> Query {
        let pairs = text.split('&').filter(|p| !p.is_empty());
        Query(
            pairs
                .map(|p| p.split_once('=').unwrap_or((p, "")))
                .map(|(k, v)| (decode(k), decode(v)))
                .collect(),
        )
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

/// Percent-decoding.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten();
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The first and last byte of `bytes=a-b`, `bytes=a-` or `bytes=-n`.
pub(super) fn byte_range(range: &str, size: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let end = size.checked_sub(1)?;
    let (first, last) = match (first, last) {
        ("", n) => (size.saturating_sub(n.parse().ok()?), end),
        (a, "") => (a.parse().ok()?, end),
        (a, b) => (a.parse().ok()?, b.parse::<usize>().ok()?.min(end)),
    };
    (first <= last && first < size).then_some((first, last))
}

/// A page of names by `n` and `last`, and what the next one begins after.
pub(super) fn cut(
    names: Vec<String>,
    query: &Query,
) -> Result<(Vec<String>, Option<String>), Fault> {
    let most = match query.get("n") {
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|n| (1..=1_000).contains(n))
            .ok_or_else(|| {
                Fault::new(
                    400,
                    "PAGINATION_NUMBER_INVALID",
                    "n must be between 1 and 1000",
                )
            })?,
        None => 1_000,
    };
    let last = query.get("last").unwrap_or_default();
    let mut rest = names.into_iter().filter(|name| name.as_str() > last);
    let page: Vec<String> = rest.by_ref().take(most).collect();
    let next = rest
        .next()
        .and_then(|_| page.last().map(|l| format!("n={most}&last={l}")));
    Ok((page, next))
}

pub(super) fn paged(body: Value, path: &str, next: Option<String>) -> Result<Response, Fault> {
    let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    if let Some(next) = next {
        headers.push(("Link".into(), format!("<{path}?{next}>; rel=\"next\"")));
    }
    Ok(respond(200, headers, body.to_string()))
}
