//! What an alias may point at, and what it answers.

use super::records::Records;
use super::{Zone, name};
use crate::services::elbv2;
use crate::world::{Cx, World};

pub(super) struct Alias<'a> {
    pub rtype: &'a str,
    /// The hosted zone that the alias says its target lies in.
    pub zone: &'a str,
    /// Canonical.
    pub target: &'a str,
    pub evaluate: bool,
}

/// The one hosted zone of every CloudFront distribution.
const CLOUDFRONT: &str = "Z2FDTNDATAQYW2";

/// The zones of S3 website endpoints.
const WEBSITES: [(&str, &str); 12] = [
    ("us-east-1", "Z3AQBSTGFYJSTF"),
    ("us-east-2", "Z2O1EMRO9K5GLX"),
    ("us-west-1", "Z2F56UZL2M1ACD"),
    ("us-west-2", "Z3BJ6K6RIION7M"),
    ("eu-central-1", "Z21DNDUVLTQW6Q"),
    ("eu-west-1", "Z1BKCTXD74EZPE"),
    ("eu-west-2", "Z3GKZC51ZF0DB4"),
    ("eu-west-3", "Z3R1K369G5AVDG"),
    ("eu-north-1", "Z3BAZG2TWCNX0D"),
    ("ap-northeast-1", "Z2M4EHUR26P7ZW"),
    ("ap-southeast-1", "Z3O0J2DXBE1FTB"),
    ("ap-southeast-2", "Z1WCIGYICN2BYD"),
];

/// Checks the target of an alias in `zone`, whose records after the batch are `records`.
pub(super) fn check(
    cx: &mut Cx<'_>,
    zone: &Zone,
    records: &Records,
    alias: &Alias<'_>,
    wrong: &mut Vec<String>,
) {
    let prefix = format!(
        "Tried to create an alias that targets {}, type {} in zone {}, ",
        alias.target, alias.rtype, alias.zone
    );
    let elsewhere =
        format!("{prefix}but the alias target name does not lie within the target zone");
    let missing = format!("{prefix}but that target was not found");
    if alias.zone == zone.id {
        if !name::within(alias.target, &zone.name) {
            wrong.push(elsewhere);
            wrong.push(missing);
            return;
        }
        let key = name::reversed(alias.target);
        let found = records
            .range((key.clone(), alias.rtype.to_owned(), String::new())..)
            .next()
            .is_some_and(|(k, _)| k.0 == key && k.1 == alias.rtype);
        if !found {
            wrong.push(missing);
        }
        return;
    }
    match target_zone(cx, alias.target) {
        Target::In(expected) if expected == alias.zone => {}
        Target::In(_) | Target::Unknown => {
            wrong.push(elsewhere);
            wrong.push(missing);
            return;
        }
        Target::Missing => {
            wrong.push(missing);
            return;
        }
    }
    if !matches!(alias.rtype, "A" | "AAAA" | "HTTPS" | "SVCB") {
        wrong.push(missing);
    } else if alias.zone == CLOUDFRONT && alias.evaluate {
        wrong.push("EvaluateTargetHealth cannot be true for an alias that targets a CloudFront distribution".to_owned());
    }
}

enum Target {
    /// The hosted zone that the name lies in.
    In(String),
    /// A name of a service, without the thing.
    Missing,
    Unknown,
}

/// The name without the prefix by which both families of addresses are asked for, and without the final dot.
pub(super) fn plain(target: &str) -> &str {
    let target = target.trim_end_matches('.');
    target.strip_prefix("dualstack.").unwrap_or(target)
}

fn target_zone(cx: &mut Cx<'_>, target: &str) -> Target {
    let host = plain(target);
    if host.ends_with(".cloudfront.net") {
        return Target::In(CLOUDFRONT.to_owned());
    }
    let website = WEBSITES.iter().find(|(region, _)| {
        host == format!("s3-website-{region}.amazonaws.com")
            || host == format!("s3-website.{region}.amazonaws.com")
    });
    if let Some((_, id)) = website {
        return Target::In((*id).to_owned());
    }
    if !is_balancer(host) {
        return Target::Unknown;
    }
    match balancer_zone(cx.world, host) {
        Some(id) => Target::In(id),
        None => Target::Missing,
    }
}

/// Whether a name is of a balancer's form: `x.eu-west-1.elb.amazonaws.com`, or `x.elb.eu-west-1.amazonaws.com` for
/// network ones.
fn is_balancer(host: &str) -> bool {
    let labels: Vec<&str> = host
        .strip_suffix(".amazonaws.com")
        .unwrap_or_default()
        .split('.')
        .collect();
    matches!(labels.as_slice(), [_, _, "elb"] | [_, "elb", _])
}

/// The hosted zone of a balancer of any account, by its DNS name.
fn balancer_zone(world: &World, host: &str) -> Option<String> {
    let (_, region, arn) = elbv2::balancer_by_dns(world, host)?;
    let balancer = elbv2::balancer(world, &arn)?;
    Some(elbv2::hosted_zone(&region, balancer.kind).to_owned())
}

/// Whether the target of an alias elsewhere can serve. What has no health of its own counts as healthy.
pub(super) fn is_healthy(world: &World, target: &str) -> bool {
    elbv2::balancer_by_dns(world, plain(target))
        .is_none_or(|(_, _, arn)| elbv2::is_healthy(world, &arn))
}
