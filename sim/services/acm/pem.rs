//! The texts of certificates: plausible ones for what ACM issues, and enough reading for what is imported.

use crate::error::AwsError;
use crate::world::World;
use base64::{Engine, engine::general_purpose::STANDARD};

/// What is read out of an imported certificate.
pub(super) struct Facts {
    pub names: Vec<String>,
    pub not_before: f64,
    pub not_after: f64,
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// `0a:1b:…` of hexadecimal digits.
pub(super) fn serial(hex: &str) -> String {
    let pairs: Vec<&str> = (0..hex.len() / 2).map(|n| &hex[2 * n..2 * n + 2]).collect();
    pairs.join(":")
}

/// The text in a blob member (base64 of it).
pub(super) fn decode_blob(blob: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(blob).ok()?).ok()
}

/// Text of a certificate's shape, the same for the same subject.
pub(super) fn plausible(world: &World, subject: &str, what: &str) -> String {
    let mut bytes = vec![0x30, 0x82, 0x04, 0x1c];
    for n in 0..132 {
        bytes.extend(world.dice.hash(&["pem", subject, what], n).to_be_bytes());
    }
    let text = STANDARD.encode(&bytes);
    let lines: Vec<&str> = (0..text.len().div_ceil(64))
        .map(|n| &text[64 * n..(64 * n + 64).min(text.len())])
        .collect();
    format!("{BEGIN}\n{}\n{END}", lines.join("\n"))
}

pub(super) fn is_private_key(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("-----BEGIN ")
        && text.contains("PRIVATE KEY-----")
        && !text.contains("ENCRYPTED")
}

fn refused(message: &str) -> AwsError {
    AwsError::new("ValidationException", message)
}

/// Reads the names and the validity of one certificate.
pub(super) fn read(text: &str) -> Result<Facts, AwsError> {
    let text = text.trim();
    let body = text.strip_prefix(BEGIN).and_then(|t| t.strip_suffix(END));
    let Some(body) = body else {
        return Err(refused(
            "The certificate body is not in a valid PEM format.",
        ));
    };
    if body.contains(BEGIN) {
        let message = "The certificate field contains more than one certificate. You can specify only one certificate in this field.";
        return Err(refused(message));
    }
    let plain: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    let der = STANDARD
        .decode(plain)
        .map_err(|_| refused("The certificate body is not in a valid PEM format."))?;
    let mut names = alternative_names(&der);
    if names.is_empty() {
        names.extend(common_name(&der));
    }
    let mut times = times(&der).into_iter();
    match (names.is_empty(), times.next(), times.next()) {
        (false, Some(not_before), Some(not_after)) => Ok(Facts {
            names,
            not_before,
            not_after,
        }),
        _ => Err(refused("The certificate body could not be parsed.")),
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

/// The length that a DER header at `at` gives, and where the content begins.
fn length(der: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = *der.get(at)?;
    if first < 0x80 {
        return Some((usize::from(first), at + 1));
    }
    let count = usize::from(first & 0x7f);
    let bytes = der.get(at + 1..at + 1 + count)?;
    let length = bytes
        .iter()
        .fold(0_usize, |n, b| (n << 8) | usize::from(*b));
    Some((length, at + 1 + count))
}

/// The DNS names of the extension 2.5.29.17.
fn alternative_names(der: &[u8]) -> Vec<String> {
    let read = || {
        let extension = find(der, &[0x06, 0x03, 0x55, 0x1d, 0x11])? + 5;
        let octets = extension + der.get(extension..)?.iter().position(|b| *b == 0x04)?;
        let (_, sequence) = length(der, octets + 1)?;
        let (total, mut at) = length(der, sequence + 1)?;
        let end = at + total;
        let mut names = Vec::new();
        while at < end {
            let tag = *der.get(at)?;
            let (size, start) = length(der, at + 1)?;
            if tag == 0x82 {
                names.push(
                    String::from_utf8(der.get(start..start + size)?.to_vec())
                        .ok()?
                        .to_ascii_lowercase(),
                );
            }
            at = start + size;
        }
        Some(names)
    };
    read().unwrap_or_default()
}

/// The last common name (2.5.4.3): the subject's comes after the issuer's.
fn common_name(der: &[u8]) -> Option<String> {
    let oid = [0x06, 0x03, 0x55, 0x04, 0x03];
    let at = der.windows(oid.len()).rposition(|w| w == oid)? + oid.len();
    let (size, start) = length(der, at + 1)?;
    String::from_utf8(der.get(start..start + size)?.to_vec()).ok()
}

/// The first two times: the bounds of the validity, in unix seconds.
fn times(der: &[u8]) -> Vec<f64> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + 2 < der.len() && found.len() < 2 {
        let (tag, size) = (der[at], usize::from(der[at + 1]));
        let text = der
            .get(at + 2..at + 2 + size)
            .filter(|_| (tag == 0x17 && size == 13) || (tag == 0x18 && size == 15));
        match text.and_then(|t| unix(std::str::from_utf8(t).ok()?)) {
            Some(time) => {
                found.push(time);
                at += 2 + size;
            }
            None => at += 1,
        }
    }
    found
}

/// `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`.
fn unix(text: &str) -> Option<f64> {
    let digits = text.strip_suffix('Z')?;
    let full = if digits.len() == 12 {
        let century = if digits.get(..2)?.parse::<u8>().ok()? < 50 {
            "20"
        } else {
            "19"
        };
        format!("{century}{digits}")
    } else {
        digits.to_owned()
    };
    let number = |from: usize, to: usize| full.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
    // Days since 1970-01-01 in the proleptic Gregorian calendar, with the year beginning in March.
    let (y, m) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let days =
        365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day
            - 1
            - 719_468;
    Some((days * 86_400 + hour * 3_600 + minute * 60 + second) as f64)
}
