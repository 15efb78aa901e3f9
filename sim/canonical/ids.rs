//! Generated ids, without their letters: what is compared is what they stand for.

use crate::call;
use crate::protocol::text::unescape;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is known of a generated id without its letters: a hash of everything that is said where it occurs.
type Signatures = BTreeMap<String, u64>;

/// How far what is said of one thing reaches those that refer to it: a rule, its listener, its balancer, its subnet.
const ROUNDS: usize = 5;

/// Sorts every list by what its items say, with generated ids standing for what is said of them.
pub(super) fn order(value: &mut Value) {
    let mut signatures = Signatures::new();
    for _ in 0..ROUNDS {
        sort(value, &signatures);
        let mut next = Signatures::new();
        sign(value, &signatures, &mut next);
        signatures = next;
    }
    sort(value, &signatures);
}

fn sort(value: &mut Value, signatures: &Signatures) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(|item| sort(item, signatures));
            items.sort_by_cached_key(|item| said(item, signatures));
        }
        Value::Object(map) => {
            map.values_mut().for_each(|inner| sort(inner, signatures));
            map.sort_keys();
        }
        _ => {}
    }
}

fn said(value: &Value, signatures: &Signatures) -> String {
    let mut shown = value.clone();
    replace(&mut shown, &mut |id| {
        format!("{:x}", signatures.get(id).unwrap_or(&0))
    });
    shown.to_string()
}

/// Adds to the signature of every id what is said in the objects that it occurs in, and where in them.
fn sign(value: &Value, before: &Signatures, after: &mut Signatures) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| sign(item, before, after)),
        Value::Object(map) => {
            let whole = said(value, before);
            for (name, inner) in map {
                let texts: Vec<&Value> = match inner {
                    Value::Array(items) => items.iter().filter(|i| i.is_string()).collect(),
                    Value::String(_) => vec![inner],
                    _ => Vec::new(),
                };
                for text in texts {
                    replace(&mut text.clone(), &mut |id| {
                        let mark = call::hash(format!("{name} {whole}").as_bytes());
                        let sum = after.entry(id.to_owned()).or_insert(0);
                        *sum = sum.wrapping_add(mark);
                        String::new()
                    });
                }
                sign(inner, before, after);
            }
        }
        _ => {}
    }
}

pub(super) fn label(value: &mut Value, labels: &mut BTreeMap<String, String>) {
    replace(value, &mut |id| {
        let next = format!("#{}", labels.len() + 1);
        labels.entry(id.to_owned()).or_insert(next).clone()
    });
}

fn replace(value: &mut Value, new: &mut impl FnMut(&str) -> String) {
    match value {
        // IAM writes policies percent-encoded.
        Value::String(text) if text.contains("%22") => {
            *text = without_ids(&unescape(text, false), new)
        }
        Value::String(text) => *text = without_ids(text, new),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, new)),
        Value::Object(map) => map.values_mut().for_each(|inner| replace(inner, new)),
        _ => {}
    }
}

/// Replaces what was generated: hexadecimal ids, UUIDs, IAM's and Route 53's ids, the six characters behind a secret's
/// name, private addresses. Digests stay: they are content.
fn without_ids(text: &str, new: &mut impl FnMut(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let is_secret = text.contains(":secretsmanager:");
    // The names of balancers and of databases carry numbers and suffixes of their own.
    let is_endpoint = text.contains(".elb.") || text.contains(".rds.");
    let in_endpoint = |word: &str| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        is_endpoint && word.len() > 7 && digits > 0
    };
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(uuid) = rest.get(..36).filter(|uuid| is_uuid(uuid)) {
            out.push_str(&new(uuid));
            rest = &rest[36..];
            continue;
        }
        if let Some(mac) = rest.get(..17).filter(|mac| is_mac(mac)) {
            out.push_str(&new(mac));
            rest = &rest[17..];
            continue;
        }
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let last = after.is_empty() || after.starts_with(':');
        let suffix = is_secret && last && word.len() == 6 && out.ends_with('-');
        match is_generated(word) || in_endpoint(word) || suffix {
            true => out.push_str(&new(word)),
            false => out.push_str(word),
        }
        let next = after.chars().next().map_or(0, char::len_utf8);
        out.push_str(&after[..next]);
        rest = &after[next..];
    }
    match is_private_address(&out) {
        true => new(&out),
        false => out,
    }
}

fn is_generated(word: &str) -> bool {
    let hex = word
        .bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let upper = word
        .bytes()
        .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    let lower = word
        .bytes()
        .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    match word.len() {
        // Accounts are twelve digits, digests 64 hexadecimal ones.
        8..=40 if hex && digits > 0 => digits < word.len() || word.len() > 12,
        // Long, of one case, with digits in it: nobody names things so.
        20..=40 if lower && digits > 1 => digits < word.len(),
        13..=40 if upper && digits > 0 => digits < word.len(),
        _ => false,
    }
}

/// The hardware address of an interface: `02:43:d8:be:75:ee`.
fn is_mac(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(n, byte)| match n % 3 {
        2 => *byte == b':',
        _ => byte.is_ascii_hexdigit(),
    })
}

fn is_uuid(text: &str) -> bool {
    let dash = |n: usize| matches!(n, 8 | 13 | 18 | 23);
    text.bytes().enumerate().all(|(n, b)| {
        if dash(n) {
            b == b'-'
        } else {
            b.is_ascii_hexdigit()
        }
    })
}

fn is_private_address(text: &str) -> bool {
    match text.parse::<std::net::Ipv4Addr>() {
        Ok(ip) => ip.is_private(),
        Err(_) => false,
    }
}
