//! The proof of a name: a CNAME that ACM asks for, and finds in public DNS or does not.

use super::{Certificate, Validation, certificate, fail, issue, settle};
use crate::clock::{HOUR, MINUTE, Nanos, Pert, SECOND};
use crate::services::route53::{self, Lookup};
use crate::world::{Event, World};
use serde_json::json;

/// How often ACM looks in the first hour, and after it.
pub(super) const LOOK_EVERY: Nanos = 15 * SECOND;
const LOOK_LATER: Nanos = 5 * MINUTE;
/// From the record's appearance to the proof.
const PROOF: Pert = Pert(30.0, 120.0, 600.0);

/// The authorities by whose names a CAA record lets ACM issue.
const AUTHORITIES: [&str; 4] = [
    "amazon.com",
    "amazontrust.com",
    "awstrust.com",
    "amazonaws.com",
];

/// The record that proves a name: the same for an account and name, whatever the region and however often asked.
pub(super) fn record(world: &World, account: &str, name: &str) -> (String, String) {
    let base = name.strip_prefix("*.").unwrap_or(name);
    let hash = |word: &str| world.dice.hash(&["acm-validation", word, account, base], 0);
    let hex = |word: &str| format!("{:016x}{:016x}", hash(word), hash(&format!("{word}+")));
    let mut rest = hash("zone");
    let mut zone = String::new();
    for _ in 0..10 {
        zone.push(char::from(b'a' + (rest % 26) as u8));
        rest /= 26;
    }
    (
        format!("_{}.{base}.", hex("name")),
        format!("_{}.{zone}.acm-validations.aws.", hex("value")),
    )
}

/// Whether public DNS answers with the record.
pub(super) fn answers(world: &World, validation: &Validation) -> bool {
    let (name, value) = &validation.record;
    match route53::lookup(world, name, "CNAME", None) {
        Lookup::Records { records, .. } => {
            let plain = |text: &str| text.trim_end_matches('.').to_ascii_lowercase();
            records.iter().any(|r| plain(r) == plain(value))
        }
        _ => false,
    }
}

/// Whether the CAA records that hold for a name let ACM issue: its own, else its nearest ancestor's.
fn permitted(world: &World, name: &str) -> bool {
    let (wild, base) = match name.strip_prefix("*.") {
        Some(base) => (true, base),
        None => (false, name),
    };
    let mut here = Some(base);
    while let Some(at) = here.filter(|h| h.contains('.')) {
        if let Lookup::Records { rtype, records, .. } = route53::lookup(world, at, "CAA", None)
            && rtype == "CAA"
        {
            return allows(&records, wild);
        }
        here = at.split_once('.').map(|(_, rest)| rest);
    }
    true
}

fn allows(records: &[String], wild: bool) -> bool {
    let of = |tag: &str| {
        let values = records.iter().filter_map(|r| {
            let mut parts = r.splitn(3, ' ');
            let (_, found, value) = (parts.next()?, parts.next()?, parts.next()?);
            (found == tag).then(|| {
                value
                    .trim_matches('"')
                    .split(';')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_owned()
            })
        });
        values.collect::<Vec<String>>()
    };
    let mut issuers = if wild { of("issuewild") } else { Vec::new() };
    if issuers.is_empty() {
        issuers = of("issue");
    }
    issuers.is_empty() || issuers.iter().any(|i| AUTHORITIES.contains(&i.as_str()))
}

fn pending(world: &World, event: &Event) -> Option<Certificate> {
    certificate(world, &event.id)
        .filter(|c| c.status == "PENDING_VALIDATION")
        .cloned()
}

/// ACM looks for the records that have not been seen yet.
pub(super) fn look(world: &mut World, event: &Event) {
    let Some(certificate) = pending(world, event) else {
        return;
    };
    for (n, validation) in certificate.validations.iter().enumerate() {
        if validation.seen || !answers(world, validation) {
            continue;
        }
        settle(world, event, |c| c.validations[n].seen = true);
        let after = world.sample(PROOF, &event.id, &format!("validate {}", validation.name));
        world.schedule(
            after,
            Event {
                what: "validated",
                detail: json!({"name": validation.name}),
                ..event.clone()
            },
        );
    }
    let age = world.unix(world.now()) - certificate.created;
    let next = if age < (HOUR / SECOND) as f64 {
        LOOK_EVERY
    } else {
        LOOK_LATER
    };
    world.schedule(next, event.clone());
}

/// A proof is complete, if the record is still there and the zone lets ACM issue.
pub(super) fn validated(world: &mut World, event: &Event) {
    let Some(certificate) = pending(world, event) else {
        return;
    };
    let Some(name) = event.detail["name"].as_str() else {
        return;
    };
    let Some(n) = certificate.validations.iter().position(|v| v.name == name) else {
        return;
    };
    if !answers(world, &certificate.validations[n]) {
        settle(world, event, |c| c.validations[n].seen = false);
        return;
    }
    if !permitted(world, name) {
        settle(world, event, |c| fail(c, "CAA_ERROR"));
        return;
    }
    settle(world, event, |c| c.validations[n].done = true);
    if certificate
        .validations
        .iter()
        .enumerate()
        .all(|(k, v)| v.done || k == n)
    {
        issue(world, event);
    }
}
