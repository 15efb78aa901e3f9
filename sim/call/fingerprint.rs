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

/// What a request asks, without what differs between two askings of the same (signature, dates, ids).
pub fn fingerprint(request: &Request) -> u64 {
    let target = address::header(request, "x-amz-target").unwrap_or("");
    hash(request.method.as_bytes())
        ^ hash(request.host.as_bytes()).rotate_left(9)
        ^ hash(request.target.as_bytes()).rotate_left(21)
        ^ hash(target.as_bytes()).rotate_left(33)
        ^ hash(&request.body).rotate_left(45)
}
