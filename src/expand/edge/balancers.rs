//! Load balancers, their target groups, listeners and rules.

use super::certificates::covered;
use super::wanted;
use crate::capture::edge::{Action, HealthCheck, TargetGroup};
use crate::expand::Expansion;
use crate::steps;
use drtool_engine::step::{Effect, Value};

/// Balancers, target groups, listeners and rules.
pub(in crate::expand) fn balancers(e: &mut Expansion<'_>, _: usize) {
    let to = e.asked.to.to_string();
    for balancer in wanted(e) {
        if let Some(acl) = &balancer.web_acl
            && !e
                .manifest
                .leave_behind
                .iter()
                .any(|l| l.what.as_str() == "wafv2/".to_owned() + &balancer.name)
        {
            let hint = format!(
                "if the target may stand without it: `leaveBehind: [ {{ what: wafv2/{}, why: … }} ]`",
                balancer.name
            );
            e.fault(
                "E1111",
                e.manifest.name.at,
                format!(
                    "the web ACL {acl} on balancer {} would not move",
                    balancer.name
                ),
                "this stack",
                hint,
            );
        }
        let subnets = e.all_of(&balancer.subnet_ids, "the subnet");
        let security_groups = e.all_of(&balancer.security_group_ids, "the security group");
        let name = e.name(&balancer.name, 32);
        let attributes = balancer
            .attributes
            .iter()
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let title = format!(
            "{} load balancer {name} ({})",
            balancer.kind, balancer.scheme
        );
        let step = e.step(
            &balancer.name,
            steps::load_balancer::KIND,
            &to,
            Effect::Adds,
            title,
            &steps::load_balancer::LoadBalancer {
                name,
                kind: balancer.kind.clone(),
                scheme: balancer.scheme.clone(),
                ip_address_type: balancer.ip_address_type.clone(),
                subnets,
                security_groups,
                attributes,
                tags: balancer.tags.clone(),
            },
        );
        e.becomes(
            &balancer.dns_name,
            &step,
            "dnsName",
            "the target's balancer",
        );
        e.becomes(&balancer.arn, &step, "arn", "the target's balancer");
        e.becomes(&format!("{}#dnsName", balancer.arn), &step, "dnsName", "");
        e.becomes(
            &format!("{}#zoneId", balancer.arn),
            &step,
            "canonicalHostedZoneId",
            "",
        );
        e.quota("load balancers", 1, 50);

        let mut arns: Vec<String> = balancer
            .listeners
            .iter()
            .flat_map(|l| l.forwards_to())
            .collect();
        arns.sort();
        arns.dedup();
        for arn in arns {
            match e.capture.target_group(&arn) {
                Some(group) => target_group(e, group),
                None => e.fault(
                    "E1103",
                    e.manifest.name.at,
                    format!("the capture lacks target group {arn}"),
                    "this stack",
                    "`drtool capture` refreshes it",
                ),
            }
        }
        for listener in &balancer.listeners {
            let certificates = e.all_of(&listener.certificate_arns, "the certificate");
            let actions = actions(e, &balancer.name, listener.port, &listener.default_actions);
            let listening = e.step(
                &format!("{}-listener-{}", balancer.name, listener.port),
                steps::listener::KIND,
                &to,
                Effect::Adds,
                format!(
                    "listener {} {} → {}",
                    listener.protocol,
                    listener.port,
                    words(&listener.default_actions, e)
                ),
                &steps::listener::Listener {
                    balancer: Value::later(step.clone(), "arn"),
                    port: listener.port,
                    protocol: listener.protocol.clone(),
                    ssl_policy: listener.ssl_policy.clone(),
                    certificates,
                    actions,
                },
            );
            e.made.insert(
                format!("{}#listening", balancer.arn),
                Value::later(listening.clone(), "arn"),
            );
            e.role(
                format!("listener {} {}", balancer.arn, listener.port),
                &listening,
            );
            for rule in &listener.rules {
                let conditions = rule
                    .conditions
                    .iter()
                    .map(|c| {
                        e.rewriter
                            .json(
                                &format!(
                                    "rule {} of {}:{}",
                                    rule.priority, balancer.name, listener.port
                                ),
                                c,
                            )
                            .0
                    })
                    .collect();
                let made = self::actions(e, &balancer.name, listener.port, &rule.actions);
                e.step(
                    &format!("{}-rule-{}-{}", balancer.name, listener.port, rule.priority),
                    steps::listener_rule::KIND,
                    &to,
                    Effect::Adds,
                    format!("rule {} of listener {}", rule.priority, listener.port),
                    &steps::listener_rule::ListenerRule {
                        listener: Value::later(listening.clone(), "arn"),
                        priority: rule.priority,
                        conditions,
                        actions: made,
                    },
                );
            }
        }
        covered(e, balancer);
    }
}

fn target_group(e: &mut Expansion<'_>, group: &TargetGroup) {
    if e.made.contains_key(&group.arn) {
        return;
    }
    let to = e.asked.to.to_string();
    let service = e.manifest.services.iter().find(|s| {
        let (cluster, name) = s.service.split();
        e.capture.service(cluster, name).is_some_and(|s| {
            s.load_balancers
                .iter()
                .any(|b| b.target_group_arn == group.arn)
        })
    });
    let mut health: HealthCheck = group.health_check.clone();
    let over = service.and_then(|s| s.health_check.as_ref());
    if let Some(over) = over {
        let field = format!("health check of {}", group.name);
        let mut note = |what: &str, from: String, to: String| {
            e.rewriter.note(
                &format!("{field}: {what}"),
                &from,
                &crate::composed::Composed::known(to),
                "the manifest",
            );
        };
        if let Some(path) = &over.path {
            note(
                "path",
                health.path.clone().unwrap_or_default(),
                path.clone(),
            );
            health.path = Some(path.clone());
        }
        if let Some(matcher) = &over.matcher {
            note(
                "matcher",
                health.matcher.clone().unwrap_or_default(),
                matcher.clone(),
            );
            health.matcher = Some(matcher.clone());
        }
        if let Some(interval) = over.interval {
            let seconds = interval.as_secs() as u32;
            note(
                "interval",
                format!("{} s", health.interval_seconds),
                format!("{seconds} s"),
            );
            health.interval_seconds = seconds;
            // AWS wants the time-out shorter than the interval.
            let timeout = health.timeout_seconds.min(seconds.saturating_sub(1).max(2));
            if timeout != health.timeout_seconds {
                note(
                    "timeout",
                    format!("{} s", health.timeout_seconds),
                    format!("{timeout} s"),
                );
                health.timeout_seconds = timeout;
            }
        }
        if let Some(count) = over.healthy {
            note(
                "healthy after",
                health.healthy_threshold.to_string(),
                count.to_string(),
            );
            health.healthy_threshold = u32::from(count);
        }
        if let Some(count) = over.unhealthy {
            note(
                "unhealthy after",
                health.unhealthy_threshold.to_string(),
                count.to_string(),
            );
            health.unhealthy_threshold = u32::from(count);
        }
    }
    let wait = health.interval_seconds * health.healthy_threshold;
    if wait > 30 {
        let name = service.map_or("…".to_owned(), |s| s.name.to_string());
        e.lint(
            format!("target group {}: health check {} s × {}", group.name, health.interval_seconds, health.healthy_threshold),
            format!("{wait} s of downtime"),
            format!("in the manifest, for service {name}: `healthCheck: {{ interval: 5s, healthy: 2, unhealthy: 5 }}` (10 s)"),
        );
    }
    let vpc = e.of(&e.capture.network.vpc_id, "the VPC");
    let title = format!(
        "target group {} ({} {}, {} every {} s, healthy after {})",
        group.name,
        group.protocol,
        group.port,
        health.path.as_deref().unwrap_or("a connection"),
        health.interval_seconds,
        health.healthy_threshold
    );
    let step = e.step(
        &format!("targets-{}", group.name),
        steps::target_group::KIND,
        &to,
        Effect::Adds,
        title,
        &steps::target_group::TargetGroup {
            name: e.name(&group.name, 32),
            vpc,
            protocol: group.protocol.clone(),
            port: group.port,
            protocol_version: group.protocol_version.clone(),
            target_type: group.target_type.clone(),
            health_check: health,
            attributes: group.attributes.clone(),
            tags: group.tags.clone(),
        },
    );
    e.becomes(&group.arn, &step, "arn", "the target's target group");
    e.made.insert(
        format!("{}#wait", group.arn),
        Value::Known(wait.to_string()),
    );
    e.quota("target groups", 1, 3000);
}

fn actions(
    e: &mut Expansion<'_>,
    balancer: &str,
    port: u16,
    captured: &[Action],
) -> Vec<steps::listener::Action> {
    let mut made = vec![];
    for action in captured {
        made.push(match action {
            Action::Forward { target_groups } => steps::listener::Action::Forward {
                target_groups: target_groups
                    .iter()
                    .map(|t| steps::listener::Weighted { target_group: e.of(&t.target_group_arn, "the target group"), weight: t.weight })
                    .collect(),
            },
            Action::Redirect { protocol, port, host, path, query, status } => steps::listener::Action::Redirect {
                protocol: protocol.clone(),
                port: port.clone(),
                host: host.clone(),
                path: path.clone(),
                query: query.clone(),
                status: status.clone(),
            },
            Action::FixedResponse { status, content_type, body } => {
                steps::listener::Action::FixedResponse { status: status.clone(), content_type: content_type.clone(), body: body.clone() }
            }
            Action::Other(kind) => {
                let what = format!("listener-action/{kind}");
                if !e.manifest.leave_behind.iter().any(|l| l.what.as_str() == what) {
                    let message = format!("listener {port} of {balancer} has an action ({kind}) that would not move");
                    e.fault("E1111", e.manifest.name.at, message, "this stack", format!("if the target may stand without it: `leaveBehind: [ {{ what: {what}, why: … }} ]`"));
                }
                continue;
            }
        });
    }
    made
}

fn words(actions: &[Action], e: &Expansion<'_>) -> String {
    actions
        .iter()
        .map(|action| match action {
            Action::Forward { target_groups } => target_groups
                .iter()
                .map(|t| {
                    e.capture
                        .target_group(&t.target_group_arn)
                        .map_or("?", |g| g.name.as_str())
                })
                .collect::<Vec<_>>()
                .join(", "),
            Action::Redirect {
                protocol,
                port,
                status,
                ..
            } => format!("redirect to {protocol}:{port} ({status})"),
            Action::FixedResponse { status, .. } => status.clone(),
            Action::Other(kind) => kind.clone(),
        })
        .collect::<Vec<_>>()
        .join(", ")
}
