//! How health checks look: at endpoints through the data plane, and at alarms.

use super::health::{CHECKERS, interval, kind};
use crate::plane::{DialAnswer, From, HttpRequest, Resolved};
use crate::services::ServiceId;
use crate::world::{Event, World};
use serde_json::{Value, json};

/// The checkers look once more.
pub(super) fn probe(world: &mut World, event: &Event) {
    let Some(check) = world
        .account(&event.account)
        .route53
        .checks
        .get(&event.id)
        .cloned()
    else {
        return;
    };
    let config = &check.config;
    let looked = if config["Disabled"].as_bool() == Some(true) {
        None
    } else if kind(config) == "CLOUDWATCH_METRIC" {
        by_alarm(world, &event.account, config, check.healthy)
    } else {
        Some(ask(world, config))
    };
    if let Some((up, text)) = looked {
        let at = world.unix(world.now());
        let threshold = config["FailureThreshold"].as_u64().unwrap_or(1);
        world
            .account(&event.account)
            .route53
            .checks
            .settle(&event.id, |c| {
                if !up {
                    c.last_failure = Some((at, text.clone()));
                }
                c.last = Some((at, text));
                c.against = if up == c.healthy { 0 } else { c.against + 1 };
                if c.against >= threshold {
                    c.healthy = up;
                    c.against = 0;
                }
            });
    }
    world.schedule(interval(config), event.clone());
}

pub(super) fn by_alarm(
    world: &mut World,
    account: &str,
    config: &Value,
    before: bool,
) -> Option<(bool, String)> {
    let state = alarm_state(world, account, &config["AlarmIdentifier"]).unwrap_or_default();
    let up = match (
        state.as_str(),
        config["InsufficientDataHealthStatus"].as_str(),
    ) {
        ("OK", _) => true,
        ("ALARM", _) => false,
        (_, Some("Healthy")) => true,
        (_, Some("Unhealthy")) => false,
        _ => before,
    };
    Some((
        up,
        format!(
            "{}: the alarm is in state {state}",
            if up { "Success" } else { "Failure" }
        ),
    ))
}

pub(super) fn alarm_state(world: &mut World, account: &str, alarm: &Value) -> Option<String> {
    let region = alarm["Region"].as_str()?;
    let name = alarm["Name"].as_str()?;
    let asked = json!({"AlarmNames": [name]});
    let out = world
        .invoke(
            account,
            region,
            ServiceId::Cloudwatch,
            "DescribeAlarms",
            asked,
        )
        .ok()?;
    out["MetricAlarms"].get(0)?["StateValue"]
        .as_str()
        .map(str::to_owned)
}

/// Asks the endpoint as a checker does.
pub(super) fn ask(world: &mut World, config: &Value) -> (bool, String) {
    let from = From::Internet {
        ip: CHECKERS[0].1.to_owned(),
    };
    let name = config["FullyQualifiedDomainName"].as_str();
    let address = match (config["IPAddress"].as_str(), name) {
        (Some(ip), _) => ip.to_owned(),
        (None, Some(name)) => match world.resolve(name, "A", &from) {
            Resolved::Records { records, .. } if !records.is_empty() => records[0].clone(),
            _ => {
                return (
                    false,
                    "Failure: DNS resolution failed: the name could not be resolved".into(),
                );
            }
        },
        (None, None) => return (false, "Failure: no endpoint".into()),
    };
    let port = config["Port"]
        .as_u64()
        .and_then(|p| u16::try_from(p).ok())
        .unwrap_or(80);
    let https = kind(config).starts_with("HTTPS");
    let host = name.unwrap_or(&address).to_owned();
    let path = match config["ResourcePath"].as_str() {
        Some(path) if path.starts_with('/') => path.to_owned(),
        Some(path) => format!("/{path}"),
        None => "/".to_owned(),
    };
    let answer = world.dial(
        &from,
        &address,
        port,
        https.then_some(host.as_str()),
        &HttpRequest::get(&host, &path),
    );
    match answer {
        DialAnswer::Refused => (
            false,
            "Failure: Connection refused. The connection to the endpoint failed.".into(),
        ),
        DialAnswer::TimedOut { .. } => (
            false,
            "Failure: Connection timed out. The endpoint did not respond.".into(),
        ),
        _ if kind(config) == "TCP" => (true, "Success: TCP connection was successful".into()),
        DialAnswer::TlsFailed { .. } => (false, "Failure: SSL alert: the handshake failed.".into()),
        DialAnswer::Answer { status, body, .. } => {
            let fine = (200..400).contains(&status);
            let wanted = config["SearchString"].as_str();
            let start: String = body.chars().take(5_120).collect();
            if fine && wanted.is_some_and(|w| !start.contains(w)) {
                return (
                    false,
                    format!("Failure: HTTP Status Code {status}, the search string was not found."),
                );
            }
            (
                fine,
                format!(
                    "{}: HTTP Status Code {status}",
                    if fine { "Success" } else { "Failure" }
                ),
            )
        }
    }
}
