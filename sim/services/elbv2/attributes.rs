//! The attributes of balancers, target groups and listeners: which there are, their defaults, what they accept.

use super::state::Kind;
use super::{no_balancer, no_listener, no_target_group, required};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Attributes = BTreeMap<String, String>;

fn of(pairs: &[(&str, &str)]) -> Attributes {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub(super) fn of_balancer(kind: Kind) -> Attributes {
    let mut attributes = of(&[
        ("access_logs.s3.enabled", "false"),
        ("access_logs.s3.bucket", ""),
        ("access_logs.s3.prefix", ""),
        ("deletion_protection.enabled", "false"),
        ("zonal_shift.config.enabled", "false"),
    ]);
    attributes.extend(match kind {
        Kind::Application => of(&[
            ("client_keep_alive.seconds", "3600"),
            ("connection_logs.s3.enabled", "false"),
            ("connection_logs.s3.bucket", ""),
            ("connection_logs.s3.prefix", ""),
            ("health_check_logs.s3.enabled", "false"),
            ("health_check_logs.s3.bucket", ""),
            ("health_check_logs.s3.prefix", ""),
            ("idle_timeout.timeout_seconds", "60"),
            ("load_balancing.cross_zone.enabled", "true"),
            ("routing.http.desync_mitigation_mode", "defensive"),
            ("routing.http.drop_invalid_header_fields.enabled", "false"),
            ("routing.http.preserve_host_header.enabled", "false"),
            (
                "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
                "false",
            ),
            ("routing.http.xff_client_port.enabled", "false"),
            ("routing.http.xff_header_processing.mode", "append"),
            ("routing.http2.enabled", "true"),
            ("waf.fail_open.enabled", "false"),
        ]),
        Kind::Network => of(&[
            ("dns_record.client_routing_policy", "any_availability_zone"),
            ("load_balancing.cross_zone.enabled", "false"),
            ("secondary_ips.auto_assigned.per_subnet", "0"),
        ]),
    });
    attributes
}

pub(super) fn of_group(protocol: &str, target_type: &str) -> Attributes {
    let mut attributes = of(&[
        ("deregistration_delay.timeout_seconds", "300"),
        (
            "load_balancing.cross_zone.enabled",
            "use_load_balancer_configuration",
        ),
        ("stickiness.enabled", "false"),
        (
            "target_group_health.dns_failover.minimum_healthy_targets.count",
            "1",
        ),
        (
            "target_group_health.dns_failover.minimum_healthy_targets.percentage",
            "off",
        ),
        (
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
            "1",
        ),
        (
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
            "off",
        ),
    ]);
    attributes.extend(match protocol {
        "HTTP" | "HTTPS" => of(&[
            ("load_balancing.algorithm.type", "round_robin"),
            ("load_balancing.algorithm.anomaly_mitigation", "off"),
            ("slow_start.duration_seconds", "0"),
            ("stickiness.type", "lb_cookie"),
            ("stickiness.lb_cookie.duration_seconds", "86400"),
            ("stickiness.app_cookie.cookie_name", ""),
            ("stickiness.app_cookie.duration_seconds", "86400"),
        ]),
        _ => of(&[
            (
                "deregistration_delay.connection_termination.enabled",
                "false",
            ),
            (
                "preserve_client_ip.enabled",
                if target_type == "instance" {
                    "true"
                } else {
                    "false"
                },
            ),
            ("proxy_protocol_v2.enabled", "false"),
            ("stickiness.type", "source_ip"),
            (
                "target_health_state.unhealthy.connection_termination.enabled",
                "true",
            ),
            (
                "target_health_state.unhealthy.draining_interval_seconds",
                "0",
            ),
        ]),
    });
    attributes
}

pub(super) fn of_listener(protocol: &str, kind: Kind) -> Attributes {
    match (kind, protocol) {
        (Kind::Application, _) => of(&[
            ("routing.http.response.server.enabled", "true"),
            (
                "routing.http.response.strict_transport_security.header_value",
                "",
            ),
            (
                "routing.http.response.access_control_allow_origin.header_value",
                "",
            ),
            (
                "routing.http.response.access_control_allow_methods.header_value",
                "",
            ),
            (
                "routing.http.response.access_control_allow_headers.header_value",
                "",
            ),
            (
                "routing.http.response.access_control_allow_credentials.header_value",
                "",
            ),
            (
                "routing.http.response.access_control_expose_headers.header_value",
                "",
            ),
            (
                "routing.http.response.access_control_max_age.header_value",
                "",
            ),
            (
                "routing.http.response.content_security_policy.header_value",
                "",
            ),
            (
                "routing.http.response.x_content_type_options.header_value",
                "",
            ),
            ("routing.http.response.x_frame_options.header_value", ""),
        ]),
        (Kind::Network, "TCP") => of(&[("tcp.idle_timeout.seconds", "350")]),
        (Kind::Network, _) => Attributes::new(),
    }
}

/// The bounds of numeric attributes.
const NUMBERS: &[(&str, i64, i64)] = &[
    ("idle_timeout.timeout_seconds", 1, 4_000),
    ("client_keep_alive.seconds", 60, 604_800),
    ("deregistration_delay.timeout_seconds", 0, 3_600),
    ("stickiness.lb_cookie.duration_seconds", 1, 604_800),
    ("stickiness.app_cookie.duration_seconds", 1, 604_800),
    ("slow_start.duration_seconds", 0, 900),
    ("tcp.idle_timeout.seconds", 60, 6_000),
    ("secondary_ips.auto_assigned.per_subnet", 0, 7),
];

/// The words that an attribute accepts.
const WORDS: &[(&str, &[&str])] = &[
    (
        "routing.http.desync_mitigation_mode",
        &["monitor", "defensive", "strictest"],
    ),
    (
        "routing.http.xff_header_processing.mode",
        &["append", "preserve", "remove"],
    ),
    (
        "load_balancing.algorithm.type",
        &[
            "round_robin",
            "least_outstanding_requests",
            "weighted_random",
        ],
    ),
    (
        "load_balancing.algorithm.anomaly_mitigation",
        &["on", "off"],
    ),
    (
        "stickiness.type",
        &[
            "lb_cookie",
            "app_cookie",
            "source_ip",
            "source_ip_dest_ip",
            "source_ip_dest_ip_proto",
        ],
    ),
    (
        "dns_record.client_routing_policy",
        &[
            "any_availability_zone",
            "availability_zone_affinity",
            "partial_availability_zone_affinity",
        ],
    ),
];

fn check(held: &Attributes, key: &str, value: &str) -> Result<(), AwsError> {
    if !held.contains_key(key) {
        return Err(super::invalid(format!(
            "Load balancer attribute key '{key}' is not recognized"
        )));
    }
    let bad = || {
        AwsError::new(
            "InvalidConfigurationRequest",
            format!("The value '{value}' is not valid for the attribute '{key}'"),
        )
    };
    if let Some((_, low, high)) = NUMBERS.iter().find(|(name, _, _)| *name == key) {
        let within = value
            .parse::<i64>()
            .is_ok_and(|n| (*low..=*high).contains(&n));
        // A slow start of 0 is off; what is on lasts 30 seconds or more.
        let short = key == "slow_start.duration_seconds"
            && value.parse::<i64>().is_ok_and(|n| (1..30).contains(&n));
        return if within && !short { Ok(()) } else { Err(bad()) };
    }
    if let Some((_, words)) = WORDS.iter().find(|(name, _)| *name == key) {
        return if words.contains(&value) {
            Ok(())
        } else {
            Err(bad())
        };
    }
    if key == "load_balancing.cross_zone.enabled" {
        let words = ["true", "false", "use_load_balancer_configuration"];
        return if words.contains(&value) {
            Ok(())
        } else {
            Err(bad())
        };
    }
    if key.ends_with(".enabled") && !matches!(value, "true" | "false") {
        return Err(bad());
    }
    Ok(())
}

fn changed(held: &Attributes, input: &Input) -> Result<Attributes, AwsError> {
    let mut after = held.clone();
    for pair in input.list("Attributes") {
        let key = pair["Key"].as_str().unwrap_or_default();
        let value = pair["Value"].as_str().unwrap_or_default();
        check(held, key, value)?;
        after.insert(key.to_owned(), value.to_owned());
    }
    for log in ["access_logs", "connection_logs", "health_check_logs"] {
        let on = after
            .get(&format!("{log}.s3.enabled"))
            .is_some_and(|v| v == "true");
        if on
            && after
                .get(&format!("{log}.s3.bucket"))
                .is_none_or(String::is_empty)
        {
            return Err(AwsError::new(
                "InvalidConfigurationRequest",
                format!(
                    "A bucket must be specified in {log}.s3.bucket when {log}.s3.enabled is true"
                ),
            ));
        }
    }
    Ok(after)
}

fn listed(attributes: &Attributes) -> Value {
    let list: Vec<Value> = attributes
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    json!({"Attributes": list})
}

pub(super) fn describe_balancer(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (arn, now) = (required(input, "LoadBalancerArn")?, cx.now());
    cx.place()
        .elbv2
        .balancers
        .seen(arn, now)
        .map(|b| listed(&b.attributes))
        .ok_or_else(|| no_balancer(arn))
}

pub(super) fn modify_balancer(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = required(input, "LoadBalancerArn")?;
    let Some(balancer) = cx.place().elbv2.balancers.get(arn) else {
        return Err(no_balancer(arn));
    };
    let after = changed(&balancer.attributes, input)?;
    if balancer.kind == Kind::Application
        && after
            .get("load_balancing.cross_zone.enabled")
            .is_some_and(|value| value != "true")
    {
        return Err(AwsError::new(
            "InvalidConfigurationRequest",
            "Cross-zone load balancing cannot be turned off for load balancers with type 'application'",
        ));
    }
    let at = cx.visible_at(arn);
    let output = listed(&after);
    cx.place()
        .elbv2
        .balancers
        .change(arn, at, |b| b.attributes = after);
    Ok(output)
}

pub(super) fn describe_group(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (arn, now) = (required(input, "TargetGroupArn")?, cx.now());
    cx.place()
        .elbv2
        .groups
        .seen(arn, now)
        .map(|g| listed(&g.attributes))
        .ok_or_else(|| no_target_group(arn))
}

pub(super) fn modify_group(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = required(input, "TargetGroupArn")?;
    let Some(group) = cx.place().elbv2.groups.get(arn) else {
        return Err(no_target_group(arn));
    };
    let after = changed(&group.attributes, input)?;
    let at = cx.visible_at(arn);
    let output = listed(&after);
    cx.place()
        .elbv2
        .groups
        .change(arn, at, |g| g.attributes = after);
    Ok(output)
}

pub(super) fn describe_listener(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (arn, now) = (required(input, "ListenerArn")?, cx.now());
    cx.place()
        .elbv2
        .listeners
        .seen(arn, now)
        .map(|l| listed(&l.attributes))
        .ok_or_else(|| no_listener(arn))
}

pub(super) fn modify_listener(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = required(input, "ListenerArn")?;
    let Some(listener) = cx.place().elbv2.listeners.get(arn) else {
        return Err(no_listener(arn));
    };
    let after = changed(&listener.attributes, input)?;
    let at = cx.visible_at(arn);
    let output = listed(&after);
    cx.place()
        .elbv2
        .listeners
        .change(arn, at, |l| l.attributes = after);
    Ok(output)
}
