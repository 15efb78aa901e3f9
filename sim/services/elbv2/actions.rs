//! What listeners and rules do with a request: checked, completed as AWS completes it, and followed to target groups.

use super::state::{Balancer, Kind, Rule, State, TargetGroup};
use super::{invalid, no_target_group};
use crate::error::AwsError;
use crate::world::Cx;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Checks actions and fills in what AWS fills in.
pub(super) fn check_actions(
    cx: &mut Cx<'_>,
    balancer: &Balancer,
    protocol: &str,
    actions: &[Value],
) -> Result<Vec<Value>, AwsError> {
    let routing = |kind: &str| matches!(kind, "forward" | "redirect" | "fixed-response");
    let kind_of = |action: &Value| action["Type"].as_str().unwrap_or_default().to_owned();
    if actions.is_empty() {
        return Err(invalid("You must specify an action"));
    }
    if actions.iter().filter(|a| routing(&kind_of(a))).count() != 1 {
        return Err(AwsError::new(
            "InvalidLoadBalancerAction",
            "You must specify exactly one action of type 'forward', 'redirect' or 'fixed-response'",
        ));
    }
    let mut ordered: Vec<&Value> = actions.iter().collect();
    ordered.sort_by_key(|a| a["Order"].as_i64().unwrap_or(i64::MAX));
    if ordered.last().is_some_and(|last| !routing(&kind_of(last))) {
        return Err(AwsError::new(
            "InvalidLoadBalancerAction",
            "The last action must be of type 'forward', 'redirect' or 'fixed-response'",
        ));
    }
    let mut filled = vec![];
    for action in ordered {
        let kind = kind_of(action);
        if balancer.kind == Kind::Network && kind != "forward" {
            return Err(AwsError::new(
                "InvalidLoadBalancerAction",
                format!(
                    "Action type '{kind}' is not supported for load balancers with type 'network'"
                ),
            ));
        }
        filled.push(match kind.as_str() {
            "forward" => check_forward(cx, balancer, protocol, action)?,
            "redirect" => check_redirect(action, protocol)?,
            "fixed-response" => check_fixed_response(action)?,
            "authenticate-oidc" | "authenticate-cognito" | "jwt-validation"
                if protocol == "HTTPS" =>
            {
                action.clone()
            }
            other => {
                return Err(AwsError::new(
                    "InvalidLoadBalancerAction",
                    format!("Action type '{other}' is only supported for HTTPS listeners"),
                ));
            }
        });
    }
    Ok(filled)
}

/// The target groups of a forward action with their weights.
pub(super) fn forwards_to(action: &Value) -> impl Iterator<Item = (&str, u64)> {
    let listed = action["ForwardConfig"]["TargetGroups"].as_array();
    let listed = listed.map_or(&[][..], Vec::as_slice);
    let alone = action["TargetGroupArn"].as_str();
    let alone = alone.filter(|_| listed.is_empty()).map(|arn| (arn, 1));
    let weighted = |group: &'_ Value| group["Weight"].as_u64().unwrap_or(1);
    listed
        .iter()
        .filter_map(move |group| Some((group["TargetGroupArn"].as_str()?, weighted(group))))
        .chain(alone)
}

fn check_forward(
    cx: &mut Cx<'_>,
    balancer: &Balancer,
    protocol: &str,
    action: &Value,
) -> Result<Value, AwsError> {
    let groups: Vec<_> = forwards_to(action).collect();
    if groups.is_empty() {
        return Err(invalid(
            "You must specify a target group for a forward action",
        ));
    }
    if let (Some(arn), Some(listed)) = (
        action["TargetGroupArn"].as_str(),
        action["ForwardConfig"]["TargetGroups"].as_array(),
    ) && !(listed.len() == 1 && listed[0]["TargetGroupArn"].as_str() == Some(arn))
    {
        return Err(invalid(
            "You cannot specify a target group ARN and a different forward configuration",
        ));
    }
    if groups.len() > 5 || balancer.kind == Kind::Network && groups.len() > 5 {
        return Err(AwsError::new(
            "TooManyTargetGroups",
            "You can specify at most 5 target groups",
        ));
    }
    let state = &cx.place().elbv2;
    for (arn, weight) in &groups {
        if *weight > 999 {
            return Err(invalid(format!(
                "Weight '{weight}' must be between 0 and 999"
            )));
        }
        let Some(group) = state.groups.get(arn) else {
            return Err(no_target_group(arn));
        };
        check_fits(state, balancer, protocol, group)?;
    }
    let distinct: BTreeSet<&&str> = groups.iter().map(|(arn, _)| arn).collect();
    if distinct.len() != groups.len() {
        return Err(invalid(
            "A target group can be specified only once per action",
        ));
    }
    let stickiness = action["ForwardConfig"]["TargetGroupStickinessConfig"].clone();
    let mut filled = Map::new();
    filled.insert("Type".into(), "forward".into());
    if let [(arn, _)] = groups.as_slice() {
        filled.insert("TargetGroupArn".into(), (*arn).into());
    }
    if let Some(order) = action.get("Order") {
        filled.insert("Order".into(), order.clone());
    }
    let listed: Vec<Value> = groups
        .iter()
        .map(|(arn, weight)| json!({"TargetGroupArn": arn, "Weight": weight}))
        .collect();
    let mut config = json!({"TargetGroups": listed});
    if balancer.kind == Kind::Application {
        config["TargetGroupStickinessConfig"] = if stickiness.is_null() {
            json!({"Enabled": false})
        } else {
            stickiness
        };
    }
    filled.insert("ForwardConfig".into(), config);
    Ok(Value::Object(filled))
}

fn check_fits(
    state: &State,
    balancer: &Balancer,
    protocol: &str,
    group: &TargetGroup,
) -> Result<(), AwsError> {
    let fits = match protocol {
        "HTTP" | "HTTPS" => matches!(group.protocol.as_str(), "HTTP" | "HTTPS"),
        "TLS" => matches!(group.protocol.as_str(), "TCP" | "TLS"),
        other => group.protocol == other,
    };
    if !fits {
        return Err(AwsError::new(
            "IncompatibleProtocols",
            format!(
                "The protocol '{}' of target group '{}' is not compatible with the listener protocol '{protocol}'",
                group.protocol, group.arn
            ),
        ));
    }
    if group.vpc_id != balancer.vpc_id {
        return Err(AwsError::new(
            "InvalidConfigurationRequest",
            format!(
                "The following target groups are not in the same VPC as the load balancer: {}",
                group.arn
            ),
        ));
    }
    let others = balancers_of(state, &group.arn);
    if others.iter().any(|arn| *arn != balancer.arn) {
        return Err(AwsError::new(
            "TargetGroupAssociationLimit",
            format!(
                "The following target groups cannot be associated with more than one load balancer: {}",
                group.arn
            ),
        ));
    }
    Ok(())
}

fn check_redirect(action: &Value, listener_protocol: &str) -> Result<Value, AwsError> {
    let config = &action["RedirectConfig"];
    let bad = |message: &str| AwsError::new("InvalidLoadBalancerAction", message);
    let Some(status) = config["StatusCode"].as_str() else {
        return Err(invalid("A redirect action needs a status code"));
    };
    let field = |name: &str, default: &str| config[name].as_str().unwrap_or(default).to_owned();
    let (protocol, port) = (field("Protocol", "#{protocol}"), field("Port", "#{port}"));
    let (host, path, query) = (
        field("Host", "#{host}"),
        field("Path", "/#{path}"),
        field("Query", "#{query}"),
    );
    if !matches!(protocol.as_str(), "HTTP" | "HTTPS" | "#{protocol}") {
        return Err(bad(
            "The redirect protocol must be HTTP, HTTPS or #{protocol}",
        ));
    }
    if listener_protocol == "HTTPS" && protocol == "HTTP" {
        return Err(bad("A redirect from HTTPS to HTTP is not allowed"));
    }
    if port != "#{port}" && !port.parse::<u16>().is_ok_and(|p| p > 0) {
        return Err(bad(
            "The redirect port must be a value between 1 and 65535, or #{port}",
        ));
    }
    if !path.starts_with('/') {
        return Err(bad("The redirect path must start with '/'"));
    }
    let same_protocol = protocol == "#{protocol}" || protocol == listener_protocol;
    if same_protocol && port == "#{port}" && host == "#{host}" && path == "/#{path}" {
        return Err(bad(
            "The RedirectConfig parameter is invalid because it creates a loop: change the protocol, port, host or path",
        ));
    }
    let mut filled = Map::new();
    filled.insert("Type".into(), "redirect".into());
    if let Some(order) = action.get("Order") {
        filled.insert("Order".into(), order.clone());
    }
    let config = json!({
        "Protocol": protocol, "Port": port, "Host": host, "Path": path, "Query": query, "StatusCode": status,
    });
    filled.insert("RedirectConfig".into(), config);
    Ok(Value::Object(filled))
}

fn check_fixed_response(action: &Value) -> Result<Value, AwsError> {
    let config = &action["FixedResponseConfig"];
    let Some(status) = config["StatusCode"].as_str() else {
        return Err(invalid("A fixed-response action needs a status code"));
    };
    let well_formed = status.len() == 3 && status.bytes().all(|b| b.is_ascii_digit());
    if !well_formed || !matches!(status.as_bytes()[0], b'2' | b'4' | b'5') {
        return Err(invalid(format!(
            "The status code '{status}' must be 2XX, 4XX or 5XX"
        )));
    }
    const TYPES: &[&str] = &[
        "text/plain",
        "text/css",
        "text/html",
        "application/javascript",
        "application/json",
    ];
    let kind = config["ContentType"].as_str();
    if kind.is_some_and(|kind| !TYPES.contains(&kind)) {
        return Err(invalid(format!(
            "The content type must be one of: {}",
            TYPES.join(", ")
        )));
    }
    let body = config["MessageBody"].as_str();
    if body.is_some_and(|body| body.len() > 1024) {
        return Err(invalid(
            "The message body cannot be longer than '1024' characters",
        ));
    }
    let mut filled = action.clone();
    filled["FixedResponseConfig"] = json!({"StatusCode": status});
    if let Some(kind) = kind.or(body.map(|_| "text/plain")) {
        filled["FixedResponseConfig"]["ContentType"] = kind.into();
    }
    if let Some(body) = body {
        filled["FixedResponseConfig"]["MessageBody"] = body.into();
    }
    Ok(filled)
}

fn all_actions(state: &State) -> impl Iterator<Item = (&str, &Value)> {
    let of_listeners = state.listeners.iter().flat_map(|(_, l)| {
        l.actions
            .iter()
            .map(|action| (l.balancer_arn.as_str(), action))
    });
    let of_rules = state.rules.iter().flat_map(|(_, rule): (&str, &Rule)| {
        let balancer = state
            .listeners
            .get(&rule.listener_arn)
            .map_or("", |l| l.balancer_arn.as_str());
        rule.actions.iter().map(move |action| (balancer, action))
    });
    of_listeners.chain(of_rules)
}

/// The balancers that forward to a group.
pub(super) fn balancers_of(state: &State, group_arn: &str) -> Vec<String> {
    let found: BTreeSet<&str> = forwarding(state, group_arn).collect();
    found.into_iter().map(str::to_owned).collect()
}

/// Whether any does.
pub(super) fn is_forwarded_to(state: &State, group_arn: &str) -> bool {
    forwarding(state, group_arn).next().is_some()
}

fn forwarding<'s>(state: &'s State, group_arn: &str) -> impl Iterator<Item = &'s str> {
    all_actions(state)
        .filter(|(balancer, _)| !balancer.is_empty())
        .filter(move |(_, action)| forwards_to(action).any(|(arn, _)| arn == group_arn))
        .map(|(balancer, _)| balancer)
}

/// The groups that a balancer forwards to.
pub(super) fn groups_of(state: &State, balancer_arn: &str) -> Vec<String> {
    let found: BTreeSet<&str> = all_actions(state)
        .filter(|(balancer, _)| *balancer == balancer_arn)
        .flat_map(|(_, action)| forwards_to(action))
        .map(|(arn, _)| arn)
        .collect();
    found.into_iter().map(str::to_owned).collect()
}
