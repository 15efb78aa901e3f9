//! Listeners, and what they and their rules do with a request: actions and conditions, checked and evaluated.

use super::state::{Balancer, Kind, Listener, Rule, State, TargetGroup};
use super::{
    attributes, certificates, facts, invalid, no_balancer, no_listener, no_target_group, required,
    tags,
};
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::plane::HttpRequest;
use crate::services::ec2::cidr::{Cidr, address_number};
use crate::world::{Cx, Input};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = required(input, "LoadBalancerArn")?;
    let Some(balancer) = cx.place().elbv2.balancers.get(arn).cloned() else {
        return Err(no_balancer(arn));
    };
    let Some(port) = input.i64("Port") else {
        return Err(invalid("A listener port must be specified"));
    };
    let Some(protocol) = input.str("Protocol") else {
        return Err(invalid("A listener protocol must be specified"));
    };
    let given_tags = tags::read(input)?;
    let port = check_port(port)?;
    check_protocol(&balancer, protocol)?;
    check_port_free(&cx.place().elbv2, &balancer.arn, port, protocol, None)?;
    let limit_name = match balancer.kind {
        Kind::Application => "listeners-per-application-load-balancer",
        Kind::Network => "listeners-per-network-load-balancer",
    };
    let held = cx
        .place()
        .elbv2
        .listeners
        .iter()
        .filter(|(_, l)| l.balancer_arn == balancer.arn)
        .count() as u64;
    if held >= facts::limit_of(cx, limit_name) {
        return Err(AwsError::new(
            "TooManyListeners",
            "The maximum number of listeners has been reached on this load balancer.",
        ));
    }
    let actions = check_actions(cx, &balancer, protocol, input.list("DefaultActions"))?;
    let (certificates, ssl_policy) = check_security(cx, protocol, input, None)?;
    let digits = cx.hex("listener", 16);
    let rule_digits = cx.hex("rule", 16);
    let path = balancer
        .arn
        .split_once(":loadbalancer/")
        .map_or("", |(_, path)| path)
        .to_owned();
    let listener = Listener {
        arn: cx.arn("elasticloadbalancing", &format!("listener/{path}/{digits}")),
        balancer_arn: balancer.arn.clone(),
        protocol: protocol.to_owned(),
        port,
        certificates,
        ssl_policy,
        alpn: input.strings("AlpnPolicy"),
        actions,
        attributes: attributes::of_listener(protocol, balancer.kind),
        mutual_authentication: (protocol == "HTTPS").then(|| {
            input
                .value
                .get("MutualAuthentication")
                .cloned()
                .unwrap_or_else(|| json!({"Mode": "off"}))
        }),
        default_rule: cx.arn(
            "elasticloadbalancing",
            &format!("listener-rule/{path}/{digits}/{rule_digits}"),
        ),
    };
    let at = cx.visible_at(&listener.arn);
    let output = json!({"Listeners": [shown(&listener)]});
    let state = &mut cx.place().elbv2;
    state.tag(&listener.arn, given_tags, at);
    state.listeners.put(listener.arn.clone(), listener, at);
    Ok(output)
}

fn check_port(port: i64) -> Result<u16, AwsError> {
    match u16::try_from(port) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(invalid(format!(
            "1 validation error detected: Value '{port}' at 'port' failed to satisfy constraint: Member must have value between 1 and 65535"
        ))),
    }
}

fn check_protocol(balancer: &Balancer, protocol: &str) -> Result<(), AwsError> {
    let supported: &[&str] = match balancer.kind {
        Kind::Application => &["HTTP", "HTTPS"],
        Kind::Network => &["TCP", "TLS", "UDP", "TCP_UDP"],
    };
    if supported.contains(&protocol) {
        return Ok(());
    }
    let what = balancer.kind.word();
    Err(invalid(format!(
        "Listener protocol '{protocol}' must be one of '{}' for a load balancer with type '{what}'",
        supported.join(", ")
    )))
}

fn check_port_free(
    state: &State,
    balancer_arn: &str,
    port: u16,
    protocol: &str,
    but: Option<&str>,
) -> Result<(), AwsError> {
    let transport = |protocol: &str| match protocol {
        "UDP" => (false, true),
        "TCP_UDP" => (true, true),
        _ => (true, false),
    };
    let (tcp, udp) = transport(protocol);
    let taken = state.listeners.iter().any(|(arn, l)| {
        let (other_tcp, other_udp) = transport(&l.protocol);
        Some(arn) != but
            && l.balancer_arn == balancer_arn
            && l.port == port
            && (tcp && other_tcp || udp && other_udp)
    });
    if taken {
        return Err(AwsError::new(
            "DuplicateListener",
            format!(
                "A listener already exists on this port for this load balancer '{balancer_arn}'"
            ),
        ));
    }
    Ok(())
}

/// Certificates and TLS policy of a listener: what is given, or what it has.
fn check_security(
    cx: &Cx<'_>,
    protocol: &str,
    input: &Input,
    before: Option<&Listener>,
) -> Result<(Vec<String>, Option<String>), AwsError> {
    let given = input.list("Certificates");
    let secure = matches!(protocol, "HTTPS" | "TLS");
    if !secure {
        if !given.is_empty() {
            return Err(invalid(format!(
                "Certificates cannot be specified for {protocol} listeners"
            )));
        }
        if input.has("SslPolicy") {
            return Err(invalid(format!(
                "An SSL policy cannot be specified for {protocol} listeners"
            )));
        }
        return Ok((vec![], None));
    }
    let policy = input
        .str("SslPolicy")
        .map(str::to_owned)
        .or_else(|| before.and_then(|l| l.ssl_policy.clone()))
        .unwrap_or_else(|| facts::DEFAULT_POLICY.to_owned());
    facts::check_policy(&policy)?;
    let mut certificates = before.map(|l| l.certificates.clone()).unwrap_or_default();
    match given {
        [] => {}
        [one] => {
            let arn = one["CertificateArn"].as_str().unwrap_or_default();
            certificates::check(cx, arn)?;
            // A new default replaces the old one; what was added for SNI stays.
            if !certificates.is_empty() {
                certificates.remove(0);
            }
            certificates.retain(|held| held != arn);
            certificates.insert(0, arn.to_owned());
        }
        _ => {
            return Err(AwsError::new(
                "TooManyCertificates",
                "You can specify only one certificate for a listener",
            ));
        }
    }
    if certificates.is_empty() {
        return Err(AwsError::new(
            "ValidationError",
            format!("A certificate must be specified for {protocol} listeners"),
        ));
    }
    Ok((certificates, Some(policy)))
}

pub(super) fn modify(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = required(input, "ListenerArn")?;
    let Some(before) = cx.place().elbv2.listeners.get(arn).cloned() else {
        return Err(no_listener(arn));
    };
    let Some(balancer) = cx
        .place()
        .elbv2
        .balancers
        .get(&before.balancer_arn)
        .cloned()
    else {
        return Err(no_balancer(&before.balancer_arn));
    };
    let mut after = before.clone();
    if let Some(port) = input.i64("Port") {
        after.port = check_port(port)?;
    }
    if let Some(protocol) = input.str("Protocol") {
        check_protocol(&balancer, protocol)?;
        after.protocol = protocol.to_owned();
    }
    check_port_free(
        &cx.place().elbv2,
        &balancer.arn,
        after.port,
        &after.protocol,
        Some(arn),
    )?;
    if input.has("DefaultActions") {
        after.actions =
            check_actions(cx, &balancer, &after.protocol, input.list("DefaultActions"))?;
    }
    (after.certificates, after.ssl_policy) =
        check_security(cx, &after.protocol, input, Some(&before))?;
    if input.has("AlpnPolicy") {
        after.alpn = input.strings("AlpnPolicy");
    }
    if input.has("MutualAuthentication") {
        after.mutual_authentication = input.value.get("MutualAuthentication").cloned();
    } else if after.protocol == "HTTPS" && after.mutual_authentication.is_none() {
        after.mutual_authentication = Some(json!({"Mode": "off"}));
    } else if after.protocol != "HTTPS" {
        after.mutual_authentication = None;
    }
    let at = cx.visible_at(arn);
    let output = json!({"Listeners": [shown(&after)]});
    cx.place().elbv2.listeners.change(arn, at, |l| *l = after);
    Ok(output)
}

impl State {
    /// Removes a listener with its rules.
    pub(super) fn remove_listener(&mut self, arn: &str, gone_at: Nanos) {
        let rules: Vec<String> = self
            .rules
            .iter()
            .filter(|(_, r)| r.listener_arn == arn)
            .map(|(arn, _)| arn.to_owned())
            .collect();
        for rule in rules {
            self.rules.remove(&rule, gone_at);
            self.tags.remove(&rule, gone_at);
        }
        self.listeners.remove(arn, gone_at);
        self.tags.remove(arn, gone_at);
    }
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = required(input, "ListenerArn")?;
    if !cx.place().elbv2.listeners.contains(arn) {
        return Err(no_listener(arn));
    }
    let at = cx.visible_at(arn);
    cx.place().elbv2.remove_listener(arn, at);
    Ok(json!({}))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arns = input.strings("ListenerArns");
    let of = input.str("LoadBalancerArn");
    let now = cx.now();
    let state = &cx.place().elbv2;
    match (arns.is_empty(), of) {
        (true, None) => {
            return Err(invalid(
                "You must specify either listener ARNs or a load balancer ARN",
            ));
        }
        (false, Some(_)) => {
            return Err(invalid(
                "You cannot specify both listener ARNs and a load balancer ARN",
            ));
        }
        (true, Some(arn)) if state.balancers.seen(arn, now).is_none() => {
            return Err(no_balancer(arn));
        }
        _ => {}
    }
    if let Some(arn) = arns
        .iter()
        .find(|arn| state.listeners.seen(arn, now).is_none())
    {
        return Err(no_listener(arn));
    }
    let found: Vec<Value> = state
        .listeners
        .seen_all(now)
        .filter(|(arn, l)| arns.iter().any(|a| a == arn) || of == Some(l.balancer_arn.as_str()))
        .map(|(_, l)| shown(l))
        .collect();
    Ok(json!({"Listeners": found}))
}

pub(super) fn shown(l: &Listener) -> Value {
    let mut shown = json!({
        "ListenerArn": l.arn, "LoadBalancerArn": l.balancer_arn, "Port": l.port, "Protocol": l.protocol,
        "DefaultActions": l.actions,
    });
    if let Some(default) = l.certificates.first() {
        shown["Certificates"] = json!([{"CertificateArn": default}]);
    }
    if let Some(policy) = &l.ssl_policy {
        shown["SslPolicy"] = policy.as_str().into();
    }
    if !l.alpn.is_empty() {
        shown["AlpnPolicy"] = l.alpn.clone().into();
    }
    if let Some(mutual) = &l.mutual_authentication {
        shown["MutualAuthentication"] = mutual.clone();
    }
    shown
}

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
pub(super) fn forwards_to(action: &Value) -> Vec<(String, u64)> {
    let listed = action["ForwardConfig"]["TargetGroups"].as_array();
    if let Some(listed) = listed.filter(|l| !l.is_empty()) {
        return listed
            .iter()
            .filter_map(|t| {
                Some((
                    t["TargetGroupArn"].as_str()?.to_owned(),
                    t["Weight"].as_u64().unwrap_or(1),
                ))
            })
            .collect();
    }
    action["TargetGroupArn"]
        .as_str()
        .map(|arn| (arn.to_owned(), 1))
        .into_iter()
        .collect()
}

fn check_forward(
    cx: &mut Cx<'_>,
    balancer: &Balancer,
    protocol: &str,
    action: &Value,
) -> Result<Value, AwsError> {
    let groups = forwards_to(action);
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
    let distinct: BTreeSet<&String> = groups.iter().map(|(arn, _)| arn).collect();
    if distinct.len() != groups.len() {
        return Err(invalid(
            "A target group can be specified only once per action",
        ));
    }
    let stickiness = action["ForwardConfig"]["TargetGroupStickinessConfig"].clone();
    let mut filled = Map::new();
    filled.insert("Type".into(), "forward".into());
    if let [(arn, _)] = groups.as_slice() {
        filled.insert("TargetGroupArn".into(), arn.as_str().into());
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
    let found: BTreeSet<&str> = all_actions(state)
        .filter(|(_, action)| forwards_to(action).iter().any(|(arn, _)| arn == group_arn))
        .map(|(balancer, _)| balancer)
        .collect();
    found
        .into_iter()
        .filter(|arn| !arn.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The groups that a balancer forwards to.
pub(super) fn groups_of(state: &State, balancer_arn: &str) -> Vec<String> {
    let found: BTreeSet<String> = all_actions(state)
        .filter(|(balancer, _)| *balancer == balancer_arn)
        .flat_map(|(_, action)| forwards_to(action))
        .map(|(arn, _)| arn)
        .collect();
    found.into_iter().collect()
}

/// Whether a rule's condition holds for a request.
pub(super) fn condition_holds(condition: &Value, request: &HttpRequest, source: &str) -> bool {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let host = request
        .host
        .rsplit_once(':')
        .map_or(request.host.as_str(), |(host, _)| host);
    let values = |config: &str| -> Vec<String> {
        let listed = condition[config]["Values"]
            .as_array()
            .or_else(|| condition["Values"].as_array());
        listed.map_or_else(Vec::new, |l| {
            l.iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        })
    };
    match condition["Field"].as_str().unwrap_or_default() {
        "host-header" => values("HostHeaderConfig")
            .iter()
            .any(|p| wildcard(&p.to_ascii_lowercase(), &host.to_ascii_lowercase())),
        "path-pattern" => values("PathPatternConfig")
            .iter()
            .any(|p| wildcard(p, path)),
        "http-request-method" => {
            let method = if request.method.is_empty() {
                "GET"
            } else {
                &request.method
            };
            values("HttpRequestMethodConfig")
                .iter()
                .any(|m| m == method)
        }
        "http-header" => {
            let name = condition["HttpHeaderConfig"]["HttpHeaderName"]
                .as_str()
                .unwrap_or_default();
            let patterns = values("HttpHeaderConfig");
            request
                .headers
                .iter()
                .filter(|(n, _)| n.eq_ignore_ascii_case(name))
                .any(|(_, value)| {
                    patterns
                        .iter()
                        .any(|p| wildcard(&p.to_ascii_lowercase(), &value.to_ascii_lowercase()))
                })
        }
        "query-string" => condition["QueryStringConfig"]["Values"]
            .as_array()
            .is_some_and(|wanted| {
                wanted.iter().any(|pair| {
                    query.split('&').any(|given| {
                        let (key, value) = given.split_once('=').unwrap_or((given, ""));
                        pair["Key"].as_str().is_none_or(|k| {
                            wildcard(&k.to_ascii_lowercase(), &key.to_ascii_lowercase())
                        }) && wildcard(
                            &pair["Value"]
                                .as_str()
                                .unwrap_or_default()
                                .to_ascii_lowercase(),
                            &value.to_ascii_lowercase(),
                        )
                    })
                })
            }),
        "source-ip" => address_number(source).is_some_and(|address| {
            values("SourceIpConfig")
                .iter()
                .filter_map(|block| Cidr::parse(block))
                .any(|block| block.has(address))
        }),
        _ => false,
    }
}

/// `*` is any text, `?` one character.
fn wildcard(pattern: &str, text: &str) -> bool {
    let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut i, mut j, mut star, mut mark) = (0, 0, None, 0);
    while j < t.len() {
        if i < p.len() && (p[i] == '?' || p[i] == t[j]) && p[i] != '*' {
            (i, j) = (i + 1, j + 1);
        } else if i < p.len() && p[i] == '*' {
            (star, mark) = (Some(i), j);
            i += 1;
        } else if let Some(at) = star {
            mark += 1;
            (i, j) = (at + 1, mark);
        } else {
            return false;
        }
    }
    p[i..].iter().all(|c| *c == '*')
}
