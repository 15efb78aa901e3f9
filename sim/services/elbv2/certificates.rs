//! The certificates of a listener: the default one, and those chosen by server name.

use super::{facts, no_listener, required};
use crate::error::AwsError;
use crate::services::acm;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A certificate must exist in the called region and be issued; one of IAM's own store is not simulated.
pub(super) fn check(cx: &Cx<'_>, arn: &str) -> Result<(), AwsError> {
    let here = format!("arn:aws:acm:{}:{}:certificate/", cx.region, cx.account_id());
    let certificate = if arn.starts_with(&here) {
        acm::certificate(cx.world, arn)
    } else {
        None
    };
    match certificate {
        None => Err(AwsError::new(
            "CertificateNotFound",
            format!("Certificate '{arn}' not found"),
        )),
        Some(found) if found.status != "ISSUED" => Err(AwsError::new(
            "UnsupportedCertificate",
            format!(
                "The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a supported key size."
            ),
        )),
        Some(_) => Ok(()),
    }
}

/// The balancers whose listeners use a certificate: ACM refuses to delete it while there are any.
pub fn certificate_users(world: &World, certificate_arn: &str) -> Vec<String> {
    let place = super::place_of(certificate_arn)
        .and_then(|(account, region)| world.seen_place(account, region));
    let Some(place) = place else { return vec![] };
    let users: BTreeSet<&str> = place
        .elbv2
        .listeners
        .iter()
        .filter(|(_, l)| l.certificates.iter().any(|c| c == certificate_arn))
        .map(|(_, l)| l.balancer_arn.as_str())
        .collect();
    users.into_iter().map(str::to_owned).collect()
}

fn given(input: &Input) -> Vec<String> {
    input
        .list("Certificates")
        .iter()
        .filter_map(|c| c["CertificateArn"].as_str())
        .map(str::to_owned)
        .collect()
}

pub(super) fn add(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let listener_arn = required(input, "ListenerArn")?;
    let Some(listener) = cx.place().elbv2.listeners.get(listener_arn).cloned() else {
        return Err(no_listener(listener_arn));
    };
    if listener.certificates.is_empty() {
        return Err(super::invalid(format!(
            "Certificates cannot be specified for {} listeners",
            listener.protocol
        )));
    }
    let arns = given(input);
    if input
        .list("Certificates")
        .iter()
        .any(|c| c["IsDefault"].as_bool().is_some())
    {
        return Err(super::invalid(
            "You cannot specify IsDefault when adding a certificate",
        ));
    }
    arns.iter().try_for_each(|arn| check(cx, arn))?;
    let mut all = listener.certificates.clone();
    for arn in &arns {
        if !all.contains(arn) {
            all.push(arn.clone());
        }
    }
    // The default certificate does not count.
    if all.len() as u64 - 1 > facts::limit_of(cx, "certificates-per-application-load-balancer") {
        return Err(AwsError::new(
            "TooManyCertificates",
            "The maximum number of certificates has been reached on this load balancer.",
        ));
    }
    let at = cx.visible_at(listener_arn);
    cx.place()
        .elbv2
        .listeners
        .change(listener_arn, at, |l| l.certificates = all);
    let listed: Vec<Value> = arns
        .iter()
        .map(|arn| json!({"CertificateArn": arn, "IsDefault": false}))
        .collect();
    Ok(json!({"Certificates": listed}))
}

pub(super) fn remove(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let listener_arn = required(input, "ListenerArn")?;
    let Some(listener) = cx.place().elbv2.listeners.get(listener_arn).cloned() else {
        return Err(no_listener(listener_arn));
    };
    let arns = given(input);
    if let Some(default) = listener.certificates.first().filter(|d| arns.contains(d)) {
        return Err(AwsError::new(
            "OperationNotPermitted",
            format!("Default certificate '{default}' cannot be removed from the listener"),
        ));
    }
    let at = cx.visible_at(listener_arn);
    cx.place().elbv2.listeners.change(listener_arn, at, |l| {
        l.certificates.retain(|c| !arns.contains(c))
    });
    Ok(json!({}))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = required(input, "ListenerArn")?;
    let now = cx.now();
    let Some(listener) = cx.place().elbv2.listeners.seen(arn, now) else {
        return Err(no_listener(arn));
    };
    let listed: Vec<Value> = listener
        .certificates
        .iter()
        .enumerate()
        .map(|(n, arn)| json!({"CertificateArn": arn, "IsDefault": n == 0}))
        .collect();
    Ok(json!({"Certificates": listed}))
}
