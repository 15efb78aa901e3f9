//! Tokens for the registry's other face: bound to a region, good for twelve hours, not to be made by anyone else.

use super::invalid;
use crate::clock::{HOUR, Nanos};
use crate::error::AwsError;
use crate::world::{Caller, Cx, Input, World};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

const LIFE: Nanos = 12 * HOUR;

/// What a token is found to be.
#[derive(Debug, PartialEq)]
pub(super) enum Login {
    Caller(Caller),
    /// It was good once.
    Expired,
    /// Not one of this region's, or no token at all.
    Unknown,
}

fn seal(world: &World, words: &[&str]) -> String {
    let mut named = vec!["ecr-token"];
    named.extend(words);
    format!("{:016x}", world.dice.hash(&named, 0))
}

pub(super) fn get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let ids = input.strings("registryIds");
    if ids.len() > 10 {
        return Err(invalid(
            "Invalid parameter at 'registryIds': at most 10 registries",
        ));
    }
    let registries = if ids.is_empty() {
        vec![cx.account_id().to_owned()]
    } else {
        ids
    };
    let until = cx.now() + LIFE;
    let token = make(cx, until);
    let expires = cx.world.unix(until);
    let rows: Vec<Value> = registries
        .iter()
        .map(|registry| {
            json!({
                "authorizationToken": token,
                "expiresAt": expires,
                "proxyEndpoint": format!("https://{registry}.dkr.ecr.{}.amazonaws.com", cx.region),
            })
        })
        .collect();
    Ok(json!({"authorizationData": rows}))
}

fn make(cx: &Cx<'_>, until: Nanos) -> String {
    let caller = &cx.caller;
    let end = until.to_string();
    let seal = seal(
        cx.world,
        &[
            &caller.account,
            &cx.region,
            &caller.arn,
            &caller.id,
            &caller.access_key,
            &end,
        ],
    );
    let inside = json!({
        "version": "2",
        "type": "DATA_KEY",
        "account": caller.account,
        "region": cx.region,
        "arn": caller.arn,
        "id": caller.id,
        "key": caller.access_key,
        "expiration": until,
        "payload": seal,
    });
    STANDARD.encode(format!("AWS:{}", STANDARD.encode(inside.to_string())))
}

/// Whose login an `Authorization` header is, for the registry of `region`.
pub(super) fn login(world: &World, region: &str, header: &str) -> Login {
    read(world, region, header).unwrap_or(Login::Unknown)
}

fn read(world: &World, region: &str, header: &str) -> Option<Login> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let password = pair.strip_prefix("AWS:")?;
    let inside: Value = serde_json::from_slice(&STANDARD.decode(password).ok()?).ok()?;
    let text = |member: &str| inside[member].as_str().map(str::to_owned);
    let caller = Caller {
        account: text("account")?,
        arn: text("arn")?,
        id: text("id")?,
        access_key: text("key")?,
    };
    let until = inside["expiration"].as_u64()?;
    let end = until.to_string();
    let expected = seal(
        world,
        &[
            &caller.account,
            region,
            &caller.arn,
            &caller.id,
            &caller.access_key,
            &end,
        ],
    );
    if text("region")? != region || text("payload")? != expected {
        return None;
    }
    Some(if world.now() < until {
        Login::Caller(caller)
    } else {
        Login::Expired
    })
}

/// What lets anyone who holds it fetch one layer, for an hour.
pub(super) fn ticket(cx: &Cx<'_>, registry: &str, digest: &str) -> String {
    let until = (cx.now() + HOUR).to_string();
    let seal = seal(cx.world, &["ticket", registry, &cx.region, digest, &until]);
    format!("{until}-{seal}")
}

pub(super) fn is_ticket(
    world: &World,
    region: &str,
    registry: &str,
    digest: &str,
    text: &str,
) -> bool {
    let Some((until, given)) = text.split_once('-') else {
        return false;
    };
    let fresh = until.parse::<Nanos>().is_ok_and(|u| world.now() < u);
    fresh && given == seal(world, &["ticket", registry, region, digest, until])
}
