//! STS: who calls, and sessions of roles.

use super::{Service, ServiceId, Wanted, iam, nothing_happens};
use crate::clock::{Nanos, SECOND};
use crate::error::AwsError;
use crate::world::{Caller, Cx, Input, Output, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

#[cfg(test)]
mod tests;

pub const SERVICE: Service = Service {
    id: ServiceId::Sts,
    handle,
    happen: nothing_happens,
    wants,
};

/// A session: a temporary access key, and who calls with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub caller: Caller,
    pub secret: String,
    pub token: String,
    pub expires: Nanos,
}

/// Every session of the world, by its access key: keys are unique across accounts.
#[derive(Clone, Debug, Default)]
pub struct State {
    sessions: BTreeMap<String, Arc<Session>>,
}

/// The session of an access key, expired or not.
pub fn session<'w>(world: &'w World, access_key: &str) -> Option<&'w Session> {
    world.sts.sessions.get(access_key).map(AsRef::as_ref)
}

/// The access keys of every session that is kept.
pub fn access_keys(world: &World) -> Vec<String> {
    world.sts.sessions.keys().cloned().collect()
}

/// `sts:AssumeRole` is decided by [`iam::assume`], with the role's trust policy; the others need no permission.
fn wants(_: &Cx<'_>, operation: &str, _: &Input) -> Vec<Wanted> {
    match operation {
        "GetFederationToken" | "GetAccessKeyInfo" => vec![Wanted {
            action: format!("sts:{operation}"),
            resource: "*".into(),
            context: vec![],
        }],
        _ => Vec::new(),
    }
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    match operation {
        "GetCallerIdentity" => Ok(json!({
            "UserId": cx.caller.id,
            "Account": cx.caller.account,
            "Arn": cx.caller.arn,
        })
        .into()),
        "AssumeRole" => assume_role(cx, input),
        "GetSessionToken" => session_token(cx, input),
        "GetAccessKeyInfo" => {
            let key = input.str("AccessKeyId").unwrap_or_default();
            let identity = crate::call::caller::of_key(cx.world, key);
            match identity.filter(|i| i.secret.is_some()) {
                Some(identity) => Ok(json!({"Account": identity.caller.account}).into()),
                None => Err(AwsError::new(
                    "ValidationError",
                    format!("Access key {key} is not valid"),
                )),
            }
        }
        _ => Err(cx.not_simulated()),
    }
}

fn assume_role(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    // Session policies would narrow the session; a session that is not narrowed would allow too much.
    if input.has("Policy") || !input.list("PolicyArns").is_empty() || input.has("SerialNumber") {
        return Err(cx.not_simulated());
    }
    let role = input.str("RoleArn").unwrap_or_default().to_owned();
    let name = input.str("RoleSessionName").unwrap_or_default().to_owned();
    if !name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
    {
        return Err(AwsError::new(
            "ValidationError",
            format!(
                "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: [\\w+=,.@-]*"
            ),
        ));
    }
    if cx.caller.arn.ends_with(":root") {
        return Err(
            AwsError::new("AccessDenied", "Roles may not be assumed by root accounts.").status(403),
        );
    }
    let assumed = iam::assume(cx.world, &role, &cx.caller)?;
    let seconds = input.i64("DurationSeconds").unwrap_or(3_600).max(0) as u64;
    if seconds > u64::from(assumed.max_session_seconds) {
        return Err(AwsError::new(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let chained = cx.caller.arn.contains(":assumed-role/");
    if chained && seconds > 3_600 {
        return Err(AwsError::new(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    let role_name = assumed.role_arn.rsplit('/').next().unwrap_or_default();
    let caller = Caller {
        arn: format!(
            "arn:aws:sts::{}:assumed-role/{role_name}/{name}",
            assumed.account
        ),
        id: format!("{}:{name}", assumed.role_id),
        account: assumed.account,
        access_key: String::new(),
    };
    let credentials = open(cx, caller.clone(), seconds);
    let mut output = json!({
        "Credentials": credentials,
        "AssumedRoleUser": {"AssumedRoleId": caller.id, "Arn": caller.arn},
    });
    if let Some(source) = input.str("SourceIdentity") {
        output["SourceIdentity"] = json!(source);
    }
    Ok(output.into())
}

fn session_token(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    if input.has("SerialNumber") || input.has("TokenCode") {
        return Err(cx.not_simulated());
    }
    // Not only a role's: nobody gets a session out of a session.
    if cx.caller.access_key.starts_with("ASIA") {
        return Err(AwsError::new(
            "AccessDenied",
            "Cannot call GetSessionToken with session credentials",
        )
        .status(403));
    }
    let longest = if cx.caller.arn.ends_with(":root") {
        3_600
    } else {
        129_600
    };
    let seconds = input.i64("DurationSeconds").unwrap_or(43_200).max(0) as u64;
    let caller = cx.caller.clone();
    let credentials = open(cx, caller, seconds.min(longest));
    Ok(json!({"Credentials": credentials}).into())
}

/// Opens a session, and answers its credentials.
fn open(cx: &mut Cx<'_>, mut caller: Caller, seconds: u64) -> Value {
    let now = cx.now();
    let access_key = format!("ASIA{}", upper(cx, "session-key", 16));
    let secret = cx.hex("session-secret", 32) + &cx.hex("session-secret", 8);
    let token = format!(
        "IQoJb3JpZ2lu{}{}",
        cx.hex("session-token", 32),
        cx.hex("session-token", 32)
    );
    caller.access_key.clone_from(&access_key);
    let expires = now + seconds * SECOND;
    let session = Session {
        caller,
        secret: secret.clone(),
        token: token.clone(),
        expires,
    };
    // Sessions that are long over need not be kept: their keys are refused as unknown then.
    let day = crate::clock::DAY;
    cx.world.sts.sessions.retain(|_, s| s.expires + day > now);
    cx.world
        .sts
        .sessions
        .insert(access_key.clone(), Arc::new(session));
    json!({
        "AccessKeyId": access_key,
        "SecretAccessKey": secret,
        "SessionToken": token,
        "Expiration": cx.world.unix(expires),
    })
}

/// Letters and digits as in access keys.
fn upper(cx: &mut Cx<'_>, name: &str, digits: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let hex = cx.hex(name, 32);
    hex.as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .map(|byte| ALPHABET[(byte & 31) as usize] as char)
        .take(digits)
        .collect()
}
