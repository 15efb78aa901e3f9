//! Listeners, and what they and their rules do with a request: actions and conditions, checked and evaluated.

use super::actions::check_actions;
use super::state::{Balancer, Kind, Listener, State};
use super::{attributes, certificates, facts, invalid, no_balancer, no_listener, required, tags};
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

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
    Ok(object! { "Listeners": found })
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
