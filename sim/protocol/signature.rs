//! SigV4: the signature that a request should have, from the request and a secret key.

use super::address::{self, Scope};
use super::body::{Chunk, hex};
use super::text;
use crate::services::ServiceId;
use crate::world::Request;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// What a request says of its signature, taken apart.
#[derive(Debug)]
pub struct Signed {
    /// `20270115T080000Z`.
    pub date: String,
    pub signed_headers: Vec<String>,
    pub signature: String,
    /// Seconds that a presigned request is good for.
    pub expires: Option<u64>,
    pub token: Option<String>,
}

pub fn signed(request: &Request) -> Option<Signed> {
    let header = |name| address::header(request, name);
    if let Some(authorization) = header("authorization") {
        let part = |key: &str| {
            let at = authorization.find(key)? + key.len();
            authorization[at..]
                .split([',', ' '])
                .next()
                .map(str::to_owned)
        };
        return Some(Signed {
            date: header("x-amz-date").or_else(|| header("date"))?.to_owned(),
            signed_headers: part("SignedHeaders=")?
                .split(';')
                .map(str::to_owned)
                .collect(),
            signature: part("Signature=")?,
            expires: None,
            token: header("x-amz-security-token").map(str::to_owned),
        });
    }
    let pairs = text::pairs(request.target.split_once('?')?.1);
    let part = |key: &str| pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
    Some(Signed {
        date: part("X-Amz-Date")?,
        signed_headers: part("X-Amz-SignedHeaders")?
            .split(';')
            .map(str::to_owned)
            .collect(),
        signature: part("X-Amz-Signature")?,
        expires: Some(part("X-Amz-Expires")?.parse().ok()?),
        token: part("X-Amz-Security-Token"),
    })
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn signing_key(secret: &str, scope: &Scope) -> Vec<u8> {
    let date = hmac(format!("AWS4{secret}").as_bytes(), &scope.date);
    let region = hmac(&date, &scope.region);
    let service = hmac(&region, &scope.service);
    hmac(&service, "aws4_request")
}

fn scope_text(scope: &Scope) -> String {
    format!(
        "{}/{}/{}/aws4_request",
        scope.date, scope.region, scope.service
    )
}

/// The signature that the request should carry.
pub fn expected(
    request: &Request,
    service: ServiceId,
    scope: &Scope,
    signed: &Signed,
    secret: &str,
) -> String {
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    // S3 signs the path as it is sent; all others encode it once more.
    let path = if path.is_empty() { "/" } else { path };
    let path = if service == ServiceId::S3 {
        text::escape(&text::unescape(path, false), true)
    } else {
        text::escape(path, true)
    };
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|p| !p.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let again = |part: &str| text::escape(&text::unescape(part, false), false);
            (again(key), again(value))
        })
        .filter(|(key, _)| key != "X-Amz-Signature")
        .collect();
    pairs.sort();
    let query: Vec<String> = pairs.into_iter().map(|(k, v)| format!("{k}={v}")).collect();
    let mut canonical = format!("{}\n{path}\n{}\n", request.method, query.join("&"));
    for name in &signed.signed_headers {
        let values: Vec<String> = if name == "host" {
            vec![request.host.clone()]
        } else {
            let named = request
                .headers
                .iter()
                .filter(|(n, _)| n.eq_ignore_ascii_case(name));
            named
                .map(|(_, v)| v.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect()
        };
        canonical.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    let payload = match (
        address::header(request, "x-amz-content-sha256"),
        signed.expires,
    ) {
        (Some(hash), _) => hash.to_owned(),
        (None, Some(_)) if service == ServiceId::S3 => String::from("UNSIGNED-PAYLOAD"),
        (None, _) => hex(&Sha256::digest(&request.body)),
    };
    canonical.push_str(&format!("\n{}\n{payload}", signed.signed_headers.join(";")));
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{}\n{}\n{}",
        signed.date,
        scope_text(scope),
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    hex(&hmac(&signing_key(secret, scope), &to_sign))
}

/// Whether the signatures of a body's frames and of its trailers are those that they should be.
pub fn chunks_hold(
    chunks: &[Chunk],
    trailers: &[(String, String)],
    scope: &Scope,
    signed: &Signed,
    secret: &str,
) -> bool {
    let key = signing_key(secret, scope);
    let empty = hex(&Sha256::digest(b""));
    let mut before = signed.signature.clone();
    for chunk in chunks {
        let Some(found) = &chunk.signature else {
            continue;
        };
        let to_sign = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{before}\n{empty}\n{}",
            signed.date,
            scope_text(scope),
            hex(&Sha256::digest(&chunk.data))
        );
        before = hex(&hmac(&key, &to_sign));
        if *found != before {
            return false;
        }
    }
    let Some((_, found)) = trailers
        .iter()
        .find(|(name, _)| name == "x-amz-trailer-signature")
    else {
        return true;
    };
    let lines = trailers
        .iter()
        .filter(|(name, _)| name != "x-amz-trailer-signature");
    let text: String = lines
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let to_sign = format!(
        "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{before}\n{}",
        signed.date,
        scope_text(scope),
        hex(&Sha256::digest(text.as_bytes()))
    );
    hex(&hmac(&key, &to_sign)) == *found
}
