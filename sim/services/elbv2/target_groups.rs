//! Target groups and who is registered in them.

use super::state::{HealthCheck, TargetGroup};
use super::{
    actions, attributes, check_name, facts, health, invalid, no_balancer, no_target_group,
    required, tags,
};
use crate::error::AwsError;
use crate::services::ec2;
use crate::services::ec2::cidr::{address_number, is_private};
use crate::world::{Cx, Input};
use serde_json::{Value, json};

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = required(input, "Name")?.to_owned();
    check_name("Target group", &name)?;
    let target_type = match input.str("TargetType").unwrap_or("instance") {
        known @ ("ip" | "instance") => known.to_owned(),
        // Functions, and balancers behind balancers.
        _ => return Err(cx.not_simulated()),
    };
    let Some(protocol) = input.str("Protocol").map(str::to_owned) else {
        return Err(invalid("A protocol must be specified"));
    };
    if !matches!(
        protocol.as_str(),
        "HTTP" | "HTTPS" | "TCP" | "TLS" | "UDP" | "TCP_UDP"
    ) {
        return Err(cx.not_simulated());
    }
    let Some(port) = input.i64("Port") else {
        return Err(invalid("A port must be specified"));
    };
    let port = u16::try_from(port)
        .ok()
        .filter(|p| *p > 0)
        .ok_or_else(|| invalid(format!("Port '{port}' must be between 1 and 65535")))?;
    let Some(vpc_id) = input.str("VpcId").map(str::to_owned) else {
        return Err(invalid("A VPC ID must be specified"));
    };
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    if ec2::vpc(cx.world, &account, &region, &vpc_id).is_none() {
        return Err(invalid(format!("The VPC ID '{vpc_id}' is not found")));
    }
    let given_tags = tags::read(input)?;
    let http = matches!(protocol.as_str(), "HTTP" | "HTTPS");
    let check = check_health(input, http, default_check(&protocol))?;
    let version = http.then(|| input.str("ProtocolVersion").unwrap_or("HTTP1").to_owned());
    let existing = cx
        .place()
        .elbv2
        .groups
        .iter()
        .map(|(_, g)| g)
        .find(|g| g.name == name)
        .cloned();
    if let Some(existing) = existing {
        let same = existing.protocol == protocol
            && existing.port == port
            && existing.vpc_id == vpc_id
            && existing.target_type == target_type
            && existing.protocol_version == version
            && existing.check == check
            && cx
                .place()
                .elbv2
                .tags
                .get(&existing.arn)
                .cloned()
                .unwrap_or_default()
                == given_tags;
        if same {
            return Ok(json!({"TargetGroups": [shown(&existing, &[])]}));
        }
        return Err(AwsError::new(
            "DuplicateTargetGroupName",
            format!(
                "A target group with the same name '{name}' exists, but with different settings"
            ),
        ));
    }
    if cx.place().elbv2.groups.len() as u64 >= facts::limit_of(cx, "target-groups") {
        return Err(AwsError::new(
            "TooManyTargetGroups",
            "The maximum number of target groups has been reached.",
        ));
    }
    let digits = cx.hex("target group", 16);
    let group = TargetGroup {
        arn: cx.arn(
            "elasticloadbalancing",
            &format!("targetgroup/{name}/{digits}"),
        ),
        name,
        attributes: attributes::of_group(&protocol, &target_type),
        protocol,
        protocol_version: version,
        port,
        vpc_id,
        target_type,
        address_type: input.str("IpAddressType").unwrap_or("ipv4").to_owned(),
        check,
        targets: std::collections::BTreeMap::new(),
    };
    let at = cx.visible_at(&group.arn);
    let output = json!({"TargetGroups": [shown(&group, &[])]});
    let state = &mut cx.place().elbv2;
    state.tag(&group.arn, given_tags, at);
    state.groups.put(group.arn.clone(), group, at);
    Ok(output)
}

fn default_check(protocol: &str) -> HealthCheck {
    let http = matches!(protocol, "HTTP" | "HTTPS");
    HealthCheck {
        protocol: if http { "HTTP".into() } else { "TCP".into() },
        port: "traffic-port".into(),
        path: None,
        interval: 30,
        timeout: if http { 5 } else { 10 },
        healthy_threshold: 5,
        unhealthy_threshold: 2,
        matcher: None,
    }
}

/// A health check with the members of the input put over `before`.
fn check_health(
    input: &Input,
    application: bool,
    before: HealthCheck,
) -> Result<HealthCheck, AwsError> {
    let mut check = before;
    if input.bool("HealthCheckEnabled") == Some(false) {
        return Err(invalid(
            "Health checks must be enabled for target groups with target type 'instance' or 'ip'",
        ));
    }
    if let Some(protocol) = input.str("HealthCheckProtocol") {
        let allowed: &[&str] = if application {
            &["HTTP", "HTTPS"]
        } else {
            &["HTTP", "HTTPS", "TCP"]
        };
        if !allowed.contains(&protocol) {
            return Err(invalid(format!(
                "Health check protocol '{protocol}' must be one of '{}'",
                allowed.join(", ")
            )));
        }
        if check.protocol != protocol {
            check.protocol = protocol.to_owned();
            if !application && !input.has("HealthCheckTimeoutSeconds") {
                check.timeout = if protocol == "HTTP" { 6 } else { 10 };
            }
        }
    }
    if let Some(port) = input.str("HealthCheckPort") {
        let numeric = port.parse::<u16>().is_ok_and(|p| p > 0);
        if port != "traffic-port" && !numeric {
            return Err(invalid(format!(
                "Health check port '{port}' must be either 'traffic-port' or an integer between 1 and 65535"
            )));
        }
        check.port = port.to_owned();
    }
    let number = |name: &str, low: i64, high: i64, held: i64| match input.i64(name) {
        None => Ok(held),
        Some(n) if (low..=high).contains(&n) => Ok(n),
        Some(n) => Err(invalid(format!(
            "1 validation error detected: Value '{n}' at '{name}' failed to satisfy constraint: Member must have value between {low} and {high}"
        ))),
    };
    check.interval = number("HealthCheckIntervalSeconds", 5, 300, check.interval)?;
    check.timeout = number("HealthCheckTimeoutSeconds", 2, 120, check.timeout)?;
    check.healthy_threshold = number("HealthyThresholdCount", 2, 10, check.healthy_threshold)?;
    check.unhealthy_threshold =
        number("UnhealthyThresholdCount", 2, 10, check.unhealthy_threshold)?;
    if check.timeout >= check.interval {
        return Err(invalid(format!(
            "Health check timeout '{}' must be smaller than the interval '{}'",
            check.timeout, check.interval
        )));
    }
    let speaks_http = check.protocol != "TCP";
    if !speaks_http {
        if input.has("HealthCheckPath")
            || input
                .value
                .pointer("/Matcher/HttpCode")
                .is_some_and(|m| !m.is_null())
        {
            return Err(invalid(
                "Health check paths and matchers are not supported for health checks with protocol 'TCP'",
            ));
        }
        (check.path, check.matcher) = (None, None);
        return Ok(check);
    }
    match input.str("HealthCheckPath") {
        Some(path) if !path.starts_with('/') || path.chars().count() > 1024 => {
            return Err(invalid(format!(
                "Health check path '{path}' must begin with a '/' character, and can only contain printable ASCII characters, without spaces"
            )));
        }
        Some(path) => check.path = Some(path.to_owned()),
        None if check.path.is_none() => check.path = Some("/".into()),
        None => {}
    }
    match input
        .value
        .pointer("/Matcher/HttpCode")
        .and_then(Value::as_str)
    {
        Some(matcher) => {
            let high = if application { 499 } else { 599 };
            let valid = !matcher.is_empty()
                && matcher.split(',').all(|part| {
                    let mut ends = part
                        .trim()
                        .splitn(2, '-')
                        .map(|end| end.trim().parse::<i64>().unwrap_or(0));
                    let low_end = ends.next().unwrap_or(0);
                    let high_end = ends.next().unwrap_or(low_end);
                    (200..=high).contains(&low_end) && (low_end..=high).contains(&high_end)
                });
            if !valid {
                return Err(invalid(format!(
                    "Health check matcher HTTP code '{matcher}' must be within '200-{high}' inclusive"
                )));
            }
            check.matcher = Some(matcher.to_owned());
        }
        None if check.matcher.is_none() => {
            check.matcher = Some(if application { "200" } else { "200-399" }.into())
        }
        None => {}
    }
    Ok(check)
}

pub(super) fn modify(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = required(input, "TargetGroupArn")?;
    let Some(group) = cx.place().elbv2.groups.get(arn).cloned() else {
        return Err(no_target_group(arn));
    };
    let application = matches!(group.protocol.as_str(), "HTTP" | "HTTPS");
    let check = check_health(input, application, group.check.clone())?;
    let at = cx.visible_at(arn);
    let state = &mut cx.place().elbv2;
    state.groups.change(arn, at, |g| g.check = check);
    let balancers = actions::balancers_of(state, arn);
    let after = state.groups.get(arn).map(|g| shown(g, &balancers));
    Ok(json!({"TargetGroups": [after]}))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = required(input, "TargetGroupArn")?;
    if health::in_use(&cx.place().elbv2, arn) {
        return Err(AwsError::new(
            "ResourceInUse",
            format!("Target group '{arn}' is currently in use by a listener or a rule"),
        ));
    }
    let at = cx.visible_at(arn);
    let state = &mut cx.place().elbv2;
    // AWS answers the same whether or not there was one.
    state.groups.remove(arn, at);
    state.tags.remove(arn, at);
    Ok(json!({}))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (arns, names) = (input.strings("TargetGroupArns"), input.strings("Names"));
    let of = input.str("LoadBalancerArn");
    let given = [!arns.is_empty(), !names.is_empty(), of.is_some()]
        .into_iter()
        .filter(|g| *g)
        .count();
    if given > 1 {
        return Err(invalid(
            "You can specify only one of a load balancer ARN, target group ARNs, or target group names",
        ));
    }
    let now = cx.now();
    let state = &cx.place().elbv2;
    if let Some(arn) = of.filter(|arn| state.balancers.seen(arn, now).is_none()) {
        return Err(no_balancer(arn));
    }
    let seen: Vec<&TargetGroup> = state.groups.seen_all(now).map(|(_, g)| g).collect();
    let missing = arns
        .iter()
        .find(|arn| !seen.iter().any(|g| g.arn == **arn))
        .or_else(|| {
            names
                .iter()
                .find(|name| !seen.iter().any(|g| g.name == **name))
        });
    if missing.is_some() {
        return Err(AwsError::new(
            "TargetGroupNotFound",
            "One or more target groups not found",
        ));
    }
    let mut found = vec![];
    for group in seen {
        let balancers = actions::balancers_of(state, &group.arn);
        let wanted = (arns.is_empty() || arns.contains(&group.arn))
            && (names.is_empty() || names.contains(&group.name))
            && of.is_none_or(|arn| balancers.iter().any(|b| b == arn));
        if wanted {
            found.push(shown(group, &balancers));
        }
    }
    Ok(object! { "TargetGroups": found })
}

fn shown(g: &TargetGroup, balancers: &[String]) -> Value {
    let mut shown = json!({
        "TargetGroupArn": g.arn, "TargetGroupName": g.name, "Protocol": g.protocol, "Port": g.port, "VpcId": g.vpc_id,
        "HealthCheckProtocol": g.check.protocol, "HealthCheckPort": g.check.port, "HealthCheckEnabled": true,
        "HealthCheckIntervalSeconds": g.check.interval, "HealthCheckTimeoutSeconds": g.check.timeout,
        "HealthyThresholdCount": g.check.healthy_threshold, "UnhealthyThresholdCount": g.check.unhealthy_threshold,
        "LoadBalancerArns": balancers, "TargetType": g.target_type, "IpAddressType": g.address_type,
    });
    if let Some(path) = &g.check.path {
        shown["HealthCheckPath"] = path.as_str().into();
    }
    if let Some(matcher) = &g.check.matcher {
        shown["Matcher"] = json!({"HttpCode": matcher});
    }
    if let Some(version) = &g.protocol_version {
        shown["ProtocolVersion"] = version.as_str().into();
    }
    shown
}

/// The targets of a request: id, port (the group's if not given) and zone.
fn targets(
    input: &Input,
    group: &TargetGroup,
) -> Result<Vec<(String, u16, Option<String>)>, AwsError> {
    input
        .list("Targets")
        .iter()
        .map(|t| {
            let id = t["Id"].as_str().unwrap_or_default().to_owned();
            let port = match t["Port"].as_i64() {
                None => group.port,
                Some(port) => u16::try_from(port)
                    .ok()
                    .filter(|p| *p > 0)
                    .ok_or_else(|| invalid(format!("Port '{port}' must be between 1 and 65535")))?,
            };
            Ok((id, port, t["AvailabilityZone"].as_str().map(str::to_owned)))
        })
        .collect()
}

pub(super) fn register_targets(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = required(input, "TargetGroupArn")?;
    let Some(group) = cx.place().elbv2.groups.get(arn).cloned() else {
        return Err(no_target_group(arn));
    };
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    let wanted = targets(input, &group)?;
    if wanted.is_empty() {
        return Err(invalid("You must specify at least one target"));
    }
    for (id, _, zone) in &wanted {
        if group.target_type == "instance" {
            return Err(AwsError::new(
                "InvalidTarget",
                format!(
                    "The following targets are not in a running state and cannot be registered: '{id}'"
                ),
            ));
        }
        let Some(address) = address_number(id) else {
            return Err(invalid(format!(
                "The IP address '{id}' is not a valid IPv4 address"
            )));
        };
        let inside = ec2::vpc(cx.world, &account, &region, &group.vpc_id)
            .is_some_and(|vpc| vpc.has(address));
        if !inside && !is_private(address) {
            return Err(invalid(format!(
                "The IP address '{id}' is not within a supported range"
            )));
        }
        if !inside && zone.as_deref() != Some("all") {
            return Err(invalid(format!(
                "The IP address '{id}' is outside of the VPC of the target group: you must specify 'all' for the Availability Zone"
            )));
        }
    }
    if group.targets.len() + wanted.len() > 1_000 {
        return Err(AwsError::new(
            "TooManyTargets",
            "The maximum number of targets has been reached.",
        ));
    }
    let at = cx.visible_at(arn);
    for (id, port, zone) in wanted {
        health::put(
            cx.world,
            &account,
            &region,
            arn,
            (&id, port, zone.as_deref()),
            at,
        )?;
    }
    Ok(json!({}))
}

pub(super) fn deregister_targets(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = required(input, "TargetGroupArn")?;
    let Some(group) = cx.place().elbv2.groups.get(arn).cloned() else {
        return Err(no_target_group(arn));
    };
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    let at = cx.visible_at(arn);
    for (id, port, _) in targets(input, &group)? {
        health::take_out(cx.world, &account, &region, arn, &id, port, at);
    }
    Ok(json!({}))
}

pub(super) fn describe_health(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (arn, now) = (required(input, "TargetGroupArn")?, cx.now());
    let state = &cx.place().elbv2;
    let Some(group) = state.groups.seen(arn, now) else {
        return Err(no_target_group(arn));
    };
    let wanted = targets(input, group)?;
    let mut found = vec![];
    for ((id, port), target) in &group.targets {
        if !wanted.is_empty()
            && !wanted
                .iter()
                .any(|(wid, wport, _)| wid == id && wport == port)
        {
            continue;
        }
        let told = health::told(state, group, target);
        let mut shown = json!({"Id": id, "Port": port});
        if let Some(zone) = &target.zone {
            shown["AvailabilityZone"] = zone.as_str().into();
        }
        let check_port = match group.check.port.as_str() {
            "traffic-port" => port.to_string(),
            fixed => fixed.to_owned(),
        };
        let mut health = json!({"State": told.state});
        if let Some(reason) = told.reason {
            health["Reason"] = reason.into();
        }
        if let Some(description) = told.description {
            health["Description"] = description.into();
        }
        found.push(json!({"Target": shown, "HealthCheckPort": check_port, "TargetHealth": health}));
    }
    for (id, port, _) in &wanted {
        if !group.targets.contains_key(&(id.clone(), *port)) {
            found.push(json!({
                "Target": {"Id": id, "Port": port},
                "TargetHealth": {
                    "State": "unused", "Reason": "Target.NotRegistered",
                    "Description": "Target is not registered to the target group",
                },
            }));
        }
    }
    Ok(json!({"TargetHealthDescriptions": found}))
}
