//! Health checks: what they look at, how often, and what they make of it.
//!
//! A check of an endpoint really asks the data plane, every interval. A disabled or inverted one can be turned by hand.

use super::probe::alarm_state;
use super::records::invalid;
use crate::clock::{Nanos, SECOND};
use crate::error::AwsError;
use crate::protocol::address::GLOBAL_REGION;
use crate::services::{ServiceId, quotas};
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};

pub(super) const CHECKS_PER_ACCOUNT: &str = "L-ACB674F3";

/// Where checkers ask from, one block each (documentation addresses: AWS's own list changes).
pub(super) const CHECKER_RANGES: [&str; 3] = ["192.0.2.0/26", "198.51.100.0/26", "203.0.113.0/26"];

/// Checkers by region, each with the address it asks from.
pub(super) const CHECKERS: [(&str, &str); 8] = [
    ("us-east-1", "192.0.2.1"),
    ("us-west-1", "192.0.2.17"),
    ("us-west-2", "192.0.2.33"),
    ("eu-west-1", "198.51.100.1"),
    ("ap-southeast-1", "198.51.100.17"),
    ("ap-southeast-2", "198.51.100.33"),
    ("ap-northeast-1", "203.0.113.1"),
    ("sa-east-1", "203.0.113.17"),
];

#[derive(Clone, Debug)]
pub(super) struct HealthCheck {
    reference: String,
    /// As created, so that a repetition can be told from another check of the same reference.
    created: Value,
    pub config: Value,
    version: u64,
    pub tags: Vec<(String, String)>,
    /// What the checkers agree on, before inversion.
    pub healthy: bool,
    /// How many looks in a row have said the opposite.
    pub against: u64,
    pub last: Option<(f64, String)>,
    pub last_failure: Option<(f64, String)>,
}

pub(super) fn no_such_check(id: &str) -> AwsError {
    let message = format!("No health check exists with the specified ID: {id}");
    AwsError::new("NoSuchHealthCheck", message).status(404)
}

fn json_of(id: &str, check: &HealthCheck) -> Value {
    json!({
        "Id": id,
        "CallerReference": check.reference,
        "HealthCheckConfig": check.config,
        "HealthCheckVersion": check.version,
    })
}

pub(super) fn kind(config: &Value) -> &str {
    config["Type"].as_str().unwrap_or_default()
}

fn asks_endpoint(config: &Value) -> bool {
    !matches!(
        kind(config),
        "CALCULATED" | "CLOUDWATCH_METRIC" | "RECOVERY_CONTROL"
    )
}

pub(super) fn interval(config: &Value) -> Nanos {
    config["RequestInterval"].as_u64().unwrap_or(30) * SECOND
}

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let reference = input.str("CallerReference").unwrap_or_default().to_owned();
    let given = input.value["HealthCheckConfig"].clone();
    let state = &cx.account().route53;
    if let Some((id, same)) = state.checks.iter().find(|(_, c)| c.reference == reference) {
        if same.created == given {
            return Ok(json!({"HealthCheck": json_of(id, same), "Location": location(id)}));
        }
        return Err(reference_taken());
    }
    if state.spent_references.contains_key(&reference) {
        return Err(reference_taken());
    }
    let held = state.checks.len();
    let most = quotas::limit(cx.world, cx.account_id(), GLOBAL_REGION, CHECKS_PER_ACCOUNT);
    if held as f64 >= most {
        let message = format!(
            "Limits Exceeded: MAX_HEALTH_CHECKS_BY_OWNER - Cannot create more than {most}."
        );
        return Err(AwsError::new("TooManyHealthChecks", message).status(400));
    }
    let config = completed(given.clone());
    check_config(cx, &config)?;
    let id = cx.uuid("healthcheck");
    let looks = kind(&config) != "CALCULATED";
    let check = HealthCheck {
        reference,
        created: given,
        version: 1,
        tags: Vec::new(),
        healthy: true,
        against: 0,
        last: None,
        last_failure: None,
        config,
    };
    let out = json!({"HealthCheck": json_of(&id, &check), "Location": location(&id)});
    let (now, every) = (cx.now(), interval(&check.config));
    cx.account().route53.checks.put(id.clone(), check, now);
    if looks {
        cx.later(every, "probe", &id);
    }
    Ok(out)
}

fn location(id: &str) -> String {
    format!("https://route53.amazonaws.com/2013-04-01/healthcheck/{id}")
}

fn reference_taken() -> AwsError {
    let message = "A health check has already been created with the specified caller reference.";
    AwsError::new("HealthCheckAlreadyExists", message).status(409)
}

/// The configuration with what AWS fills in.
fn completed(mut config: Value) -> Value {
    let endpoint = asks_endpoint(&config);
    let (https, tcp) = (kind(&config).starts_with("HTTPS"), kind(&config) == "TCP");
    let Some(members) = config.as_object_mut() else {
        return config;
    };
    if endpoint {
        if !tcp {
            members
                .entry("Port")
                .or_insert(json!(if https { 443 } else { 80 }));
        }
        members.entry("RequestInterval").or_insert(json!(30));
        members.entry("FailureThreshold").or_insert(json!(3));
        members.entry("MeasureLatency").or_insert(json!(false));
        members.entry("EnableSNI").or_insert(json!(https));
    }
    members.entry("Inverted").or_insert(json!(false));
    members.entry("Disabled").or_insert(json!(false));
    config
}

fn check_config(cx: &mut Cx<'_>, config: &Value) -> Result<(), AwsError> {
    let has = |member: &str| config.get(member).is_some_and(|v| !v.is_null() && v != "");
    let refused = |message: &str| Err(invalid(message));
    match kind(config) {
        "CALCULATED" => {
            if !has("ChildHealthChecks") && !has("HealthThreshold") {
                return refused(
                    "ChildHealthChecks and HealthThreshold must be specified for CALCULATED health checks.",
                );
            }
            let children = config["ChildHealthChecks"]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            for child in children.iter().filter_map(Value::as_str) {
                let state = &cx.account().route53;
                let Some(check) = state.checks.get(child) else {
                    return Err(invalid(format!(
                        "No health check exists with the specified ID: {child}"
                    )));
                };
                if kind(&check.config) == "CALCULATED" {
                    return refused(
                        "A calculated health check cannot monitor another calculated health check.",
                    );
                }
            }
            if config["RequestInterval"].is_number()
                || has("IPAddress")
                || has("FullyQualifiedDomainName")
            {
                return refused("CALCULATED health checks have no endpoint.");
            }
            Ok(())
        }
        "CLOUDWATCH_METRIC" => {
            if !has("AlarmIdentifier") || !has("InsufficientDataHealthStatus") {
                return refused(
                    "AlarmIdentifier and InsufficientDataHealthStatus must be specified for CLOUDWATCH_METRIC health checks.",
                );
            }
            let alarm = &config["AlarmIdentifier"];
            if alarm_state(cx.world, &cx.caller.account.clone(), alarm).is_none() {
                return refused("The specified CloudWatch alarm does not exist.");
            }
            Ok(())
        }
        "RECOVERY_CONTROL" => Err(AwsError::not_simulated(
            "route53",
            "CreateHealthCheck of type RECOVERY_CONTROL",
        )),
        of_endpoint => {
            if !has("IPAddress") && !has("FullyQualifiedDomainName") {
                return refused(
                    "Invalid parameter : FullyQualifiedDomainName or IPAddress must be specified.",
                );
            }
            if config["IPAddress"]
                .as_str()
                .is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_err())
            {
                return refused("Invalid parameter : IPAddress is not a valid IP address.");
            }
            if config["IPAddress"]
                .as_str()
                .and_then(|ip| ip.parse::<std::net::Ipv4Addr>().ok())
                .is_some_and(|ip| {
                    ip.is_private()
                        || ip.is_loopback()
                        || ip.is_link_local()
                        || ip.is_multicast()
                        || ip.is_unspecified()
                })
            {
                return refused("Invalid parameter : IPAddress must be a public address.");
            }
            if of_endpoint.ends_with("STR_MATCH") != has("SearchString") {
                return refused(
                    "Invalid parameter : SearchString is for health checks of type STR_MATCH, and required there.",
                );
            }
            if of_endpoint == "TCP" && has("ResourcePath") {
                return refused(
                    "Invalid parameter : ResourcePath cannot be specified for TCP health checks.",
                );
            }
            if of_endpoint == "TCP" && !config["Port"].is_u64() {
                return refused(
                    "Invalid parameter : Port must be specified for TCP health checks.",
                );
            }
            if !matches!(config["RequestInterval"].as_u64(), Some(10 | 30)) {
                return refused("Invalid parameter : RequestInterval must be 10 or 30.");
            }
            if has("ChildHealthChecks") || has("AlarmIdentifier") || has("RoutingControlArn") {
                return refused(
                    "Invalid parameter : it does not belong to a health check of an endpoint.",
                );
            }
            if config["Regions"]
                .as_array()
                .is_some_and(|r| !r.is_empty() && r.len() < 3)
            {
                return refused("Invalid parameter : at least three Regions must be specified.");
            }
            Ok(())
        }
    }
}

pub(super) fn get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = input.str("HealthCheckId").unwrap_or_default();
    let check = cx
        .account()
        .route53
        .checks
        .get(id)
        .ok_or_else(|| no_such_check(id))?;
    Ok(json!({"HealthCheck": json_of(id, check)}))
}

pub(super) fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let most = super::zones::max_items(input, 1_000)?;
    let rows: Vec<Value> = cx
        .account()
        .route53
        .checks
        .iter()
        .map(|(id, c)| json_of(id, c))
        .collect();
    Ok(json!({"HealthChecks": rows, "IsTruncated": false, "MaxItems": most.to_string()}))
}

pub(super) fn update(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = input.str("HealthCheckId").unwrap_or_default().to_owned();
    let check = cx
        .account()
        .route53
        .checks
        .get(&id)
        .cloned()
        .ok_or_else(|| no_such_check(&id))?;
    if input
        .i64("HealthCheckVersion")
        .is_some_and(|v| v != check.version as i64)
    {
        let message = "The value of HealthCheckVersion in the request doesn't match the value of HealthCheckVersion in the health check.";
        return Err(AwsError::new("HealthCheckVersionMismatch", message).status(409));
    }
    let mut config = check.config.clone();
    let Some(members) = config.as_object_mut() else {
        return Err(invalid("The health check cannot be updated."));
    };
    for element in input.strings("ResetElements") {
        members.remove(&element);
    }
    let given = input.value.as_object().into_iter().flatten();
    for (member, value) in given {
        if !matches!(
            member.as_str(),
            "HealthCheckId" | "HealthCheckVersion" | "ResetElements"
        ) && !value.is_null()
        {
            members.insert(member.clone(), value.clone());
        }
    }
    check_config(cx, &config)?;
    let now = cx.now();
    let checks = &mut cx.account().route53.checks;
    checks.change(&id, now, |c| {
        c.config = config;
        c.version += 1;
        c.against = 0;
    });
    let check = checks.get(&id).ok_or_else(|| no_such_check(&id))?;
    Ok(json!({"HealthCheck": json_of(&id, check)}))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = input.str("HealthCheckId").unwrap_or_default().to_owned();
    let now = cx.now();
    let state = &mut cx.account().route53;
    let check = state
        .checks
        .remove(&id, now)
        .ok_or_else(|| no_such_check(&id))?;
    state.spent_references.insert(check.reference.clone(), ());
    cx.world
        .unschedule(|e| e.service == ServiceId::Route53 && e.what == "probe" && e.id == id);
    Ok(json!({}))
}

fn observations(cx: &mut Cx<'_>, input: &Input, failures: bool) -> Result<Value, AwsError> {
    let id = input.str("HealthCheckId").unwrap_or_default();
    let check = cx
        .account()
        .route53
        .checks
        .get(id)
        .cloned()
        .ok_or_else(|| no_such_check(id))?;
    if kind(&check.config) == "CALCULATED" {
        return Err(invalid(
            "The status of a calculated health check cannot be observed by checkers.",
        ));
    }
    let report = if failures {
        check.last_failure.clone()
    } else {
        check.last.clone()
    };
    let regions = check.config["Regions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let rows: Vec<Value> = CHECKERS
        .iter()
        .filter(|(region, _)| regions.is_empty() || regions.iter().any(|r| r == region))
        .filter_map(|(region, ip)| {
            let (at, status) = report.clone()?;
            let report = json!({"Status": status, "CheckedTime": at});
            Some(json!({"Region": region, "IPAddress": ip, "StatusReport": report}))
        })
        .collect();
    Ok(json!({"HealthCheckObservations": rows}))
}

pub(super) fn status(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    observations(cx, input, false)
}

pub(super) fn last_failure(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    observations(cx, input, true)
}

/// Whether Route 53 takes the check for healthy now. A check that is gone counts as healthy, as with AWS.
pub fn is_healthy(world: &World, account: &str, id: &str) -> bool {
    healthy_at_depth(world, account, id, 4)
}

fn healthy_at_depth(world: &World, account: &str, id: &str, depth: u8) -> bool {
    let Some(check) = world
        .accounts
        .get(account)
        .and_then(|a| a.route53.checks.get(id))
    else {
        return true;
    };
    let flag = |member: &str| check.config[member].as_bool().unwrap_or(false);
    let plain = if flag("Disabled") {
        true
    } else if kind(&check.config) == "CALCULATED" && depth > 0 {
        let children = check.config["ChildHealthChecks"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let threshold = check.config["HealthThreshold"].as_u64().unwrap_or(0);
        let up = children.iter().filter_map(Value::as_str);
        up.filter(|child| healthy_at_depth(world, account, child, depth - 1))
            .count() as u64
            >= threshold
    } else {
        check.healthy
    };
    plain != flag("Inverted")
}
