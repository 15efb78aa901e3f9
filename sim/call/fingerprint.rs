//! Requests as numbers: for chance, for latency and for the digest of a history.

use crate::protocol::address;
use crate::world::Request;

/// A 64-bit hash of bytes, eight at a time: fixed for ever, as `Dice` is.
pub fn hash(bytes: &[u8]) -> u64 {
    let mut h = 0x9e37_79b9_7f4a_7c15_u64 ^ bytes.len() as u64;
    let mut chunks = bytes.chunks_exact(8);
    let mut fold = |word: u64| {
        h = (h ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
        h ^= h >> 32;
    };
    for chunk in &mut chunks {
        fold(u64::from_le_bytes(chunk.try_into().unwrap_or_default()));
    }
    let mut rest = [0; 8];
    rest[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    fold(u64::from_le_bytes(rest));
    fold(0);
    h
}

/// What a request asks, without what differs between two askings of the same (signature, dates, ids, the server's port) and
/// without the order of a JSON object's members, which is chance in clients that keep maps unordered.
pub fn fingerprint(request: &Request) -> u64 {
    let target = address::header(request, "x-amz-target").unwrap_or("");
    hash(request.method.as_bytes())
        ^ hash(asked_of(request).as_bytes()).rotate_left(9)
        ^ hash(request.target.as_bytes()).rotate_left(21)
        ^ hash(target.as_bytes()).rotate_left(33)
        ^ body(request).rotate_left(45)
}

/// Of whom it is asked: the host where AWS's name is in it, the scope of the signature where it is some server's.
pub(super) fn asked_of(request: &Request) -> String {
    if request.host.ends_with(".amazonaws.com") {
        return request.host.clone();
    }
    match address::scope(request) {
        Some(scope) => format!("{}.{}", scope.service, scope.region),
        None => request.host.split(':').next().unwrap_or("").to_owned(),
    }
}

/// Whether a request's body is a JSON document.
pub(super) fn is_json(request: &Request) -> bool {
    address::header(request, "content-type").is_some_and(|kind| kind.contains("json"))
}

fn body(request: &Request) -> u64 {
    if !is_json(request) {
        return hash(&request.body);
    }
    // A sum does not depend on the order. Pieces between structural bytes are members, or parts of them.
    request
        .body
        .split(|byte| matches!(byte, b'{' | b'}' | b'[' | b']' | b','))
        .filter(|piece| !piece.is_empty())
        .fold(request.body.len() as u64, |sum, piece| {
            sum.wrapping_add(hash(piece))
        })
}
