//! Who calls: from the access key, and, if the world checks them, from the signature.

use super::refusal;
use crate::clock::{MINUTE, Nanos};
use crate::error::AwsError;
use crate::protocol::address::Scope;
use crate::protocol::{Decoded, signature, timestamp};
use crate::services::ec2::zones;
use crate::services::{ServiceId, iam, sts};
use crate::world::{Caller, Request, World};

/// The account of whoever signs with a key that nobody made.
pub const DEFAULT_ACCOUNT: &str = "111122223333";

/// The root key of the default account: the example of AWS's documentation, with its secret, so that signed calls can
/// be made to a world in which nobody has made a key yet.
pub const EXAMPLE_KEY: (&str, &str) = (
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
);

/// A principal and what it proves itself with.
pub struct Identity {
    pub caller: Caller,
    pub secret: Option<String>,
    pub token: Option<String>,
    pub expires: Option<Nanos>,
}

pub fn root(account: &str, access_key: &str) -> Caller {
    Caller {
        account: account.to_owned(),
        arn: format!("arn:aws:iam::{account}:root"),
        id: account.to_owned(),
        access_key: access_key.to_owned(),
    }
}

/// Whose key it is. A key of twelve digits is the root of that account; an unknown one the default account's.
pub fn of_key(world: &World, access_key: &str) -> Option<Identity> {
    if let Some(session) = sts::session(world, access_key) {
        return Some(Identity {
            caller: session.caller.clone(),
            secret: Some(session.secret.clone()),
            token: Some(session.token.clone()),
            expires: Some(session.expires),
        });
    }
    if let Some((secret, caller)) = iam::secret_key(world, access_key) {
        return Some(Identity {
            caller,
            secret: Some(secret),
            token: None,
            expires: None,
        });
    }
    if access_key == EXAMPLE_KEY.0 {
        return Some(Identity {
            caller: root(DEFAULT_ACCOUNT, access_key),
            secret: Some(EXAMPLE_KEY.1.to_owned()),
            token: None,
            expires: None,
        });
    }
    if world.settings.check_signatures {
        return None;
    }
    let account = match access_key.len() == 12 && access_key.bytes().all(|b| b.is_ascii_digit()) {
        true => access_key,
        false => DEFAULT_ACCOUNT,
    };
    Some(Identity {
        caller: root(account, access_key),
        secret: None,
        token: None,
        expires: None,
    })
}

/// The caller of a request, or why it is refused.
pub fn identify(
    world: &World,
    service: ServiceId,
    region: &str,
    request: &Request,
    scope: Option<&Scope>,
    decoded: Option<&Decoded>,
) -> Result<Caller, AwsError> {
    let Some(scope) = scope else {
        let unsigned = decoded.is_some_and(|d| d.operation.unsigned);
        // Anonymous requests to S3 are S3's to judge, by bucket policy.
        return match unsigned || service == ServiceId::S3 {
            true => Ok(Caller {
                account: String::new(),
                arn: String::from("*"),
                id: String::new(),
                access_key: String::new(),
            }),
            false if world.settings.check_signatures => Err(refusal::unsigned(Some(service))),
            false => Ok(root(DEFAULT_ACCOUNT, "")),
        };
    };
    let identity = of_key(world, &scope.access_key).ok_or_else(|| refusal::unknown_key(service))?;
    if identity.expires.is_some_and(|at| at <= world.now()) {
        return Err(refusal::expired(service));
    }
    // A region that the account has not opted into, or that does not exist, knows none of its keys.
    if !zones::region_enabled(world, &identity.caller.account, region) {
        return Err(refusal::unknown_key(service));
    }
    if world.settings.check_signatures {
        verify(world, service, request, scope, &identity, decoded)?;
    }
    Ok(identity.caller)
}

fn verify(
    world: &World,
    service: ServiceId,
    request: &Request,
    scope: &Scope,
    identity: &Identity,
    decoded: Option<&Decoded>,
) -> Result<(), AwsError> {
    let signed = signature::signed(request).ok_or_else(|| refusal::bad_signature(service))?;
    let secret = identity
        .secret
        .as_deref()
        .ok_or_else(|| refusal::unknown_key(service))?;
    let now = world.unix(world.now());
    let date = timestamp::read(&signed.date).ok_or_else(|| refusal::bad_signature(service))?;
    let slack = (15 * MINUTE) as f64 / 1e9;
    let skewed = || refusal::skewed(service, &signed.date, &timestamp::basic(now));
    match signed.expires {
        _ if !world.settings.check_dates => {}
        Some(seconds) if now > date + seconds as f64 => {
            return Err(AwsError::new("AccessDenied", "Request has expired").status(403));
        }
        Some(_) if date > now + slack => return Err(skewed()),
        None if (now - date).abs() > slack => return Err(skewed()),
        _ => {}
    }
    if identity.token.is_some() && identity.token != signed.token {
        return Err(refusal::unknown_key(service));
    }
    let holds = signature::expected(request, service, scope, &signed, secret) == signed.signature
        && decoded
            .is_none_or(|d| signature::chunks_hold(&d.chunks, &d.trailers, scope, &signed, secret));
    if holds {
        Ok(())
    } else {
        Err(refusal::bad_signature(service))
    }
}
