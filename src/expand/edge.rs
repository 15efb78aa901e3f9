//! Certificates, load balancers and the DNS records that lead to them.

use drtool_engine::plan::Milestone;
use drtool_engine::step::{Effect, Value};

use super::{Expansion, slug};
use crate::capture::edge::{Action, Balancer, Certificate, HealthCheck, TargetGroup};
use crate::manifest::RecordKind;
use crate::steps;

/// The balancers in front of the manifest's services, each once.
fn wanted<'a>(e: &Expansion<'a>) -> Vec<&'a Balancer> {
    let mut found: Vec<&Balancer> = vec![];
    for service in &e.manifest.services {
        if let Some(arn) = e.balancer(service.name.as_str())
            && let Some(balancer) = e.capture.balancers.iter().find(|b| b.arn == arn)
            && !found.iter().any(|b| b.arn == balancer.arn)
        {
            found.push(balancer);
        }
    }
    found
}

/// The certificates of those balancers' listeners, asked for and validated.
pub(super) fn certificates(e: &mut Expansion<'_>, _: usize) {
    let to = e.asked.to.to_string();
    let mut arns: Vec<&String> = wanted(e)
        .iter()
        .flat_map(|b| b.listeners.iter().flat_map(|l| &l.certificate_arns))
        .collect();
    arns.sort();
    arns.dedup();
    for arn in arns {
        let Some(certificate) = e.capture.certificates.iter().find(|c| c.arn == *arn) else {
            e.fault(
                "E1103",
                e.manifest.name.at,
                format!("the capture lacks certificate {arn}"),
                "this stack",
                "`drtool capture` refreshes it",
            );
            continue;
        };
        if certificate.validation_method != "DNS" {
            let message = format!(
                "the certificate of {} is validated by e-mail: nobody would answer during a move",
                certificate.domain_name
            );
            e.fault(
                "E1114",
                e.manifest.name.at,
                message,
                "this stack",
                "have it validated by DNS",
            );
            continue;
        }
        let name = slug(&certificate.domain_name);
        let asked = e.step(
            &name,
            steps::certificate::KIND,
            &to,
            Effect::Adds,
            format!("certificate for {}", certificate.domain_name),
            &steps::certificate::Certificate {
                domain_name: certificate.domain_name.clone(),
                alternative_names: certificate
                    .subject_alternative_names
                    .iter()
                    .filter(|n| **n != certificate.domain_name)
                    .cloned()
                    .collect(),
                key_algorithm: certificate.key_algorithm.clone(),
                tags: Default::default(),
            },
        );
        let mut records = vec![];
        for domain in names(certificate) {
            let bare = domain.trim_start_matches("*.").to_owned();
            let Some(zone) = zone_of(e, &bare) else {
                let message = format!(
                    "no public zone of the manifest holds {bare}, which the certificate must prove"
                );
                e.fault(
                    "E1114",
                    e.manifest.name.at,
                    message,
                    "this stack",
                    "list a record of that zone under `dns:`, or issue the certificate beforehand",
                );
                continue;
            };
            let title = format!(
                "validation record for {bare} (ACM's is the same in every region: nearly always there)"
            );
            let params = steps::validation_record::ValidationRecord {
                zone_id: zone,
                certificate: Value::later(asked.clone(), "arn"),
                domain_name: domain.clone(),
            };
            records.push(e.step(
                &format!("validation-{}", slug(&bare)),
                steps::validation_record::KIND,
                "global",
                Effect::Adds,
                title,
                &params,
            ));
        }
        let params = steps::certificate_issued::CertificateIssued {
            certificate: Value::later(asked, "arn"),
            names: names(certificate),
        };
        let issued = e.step(
            &format!("issued-{name}"),
            steps::certificate_issued::KIND,
            &to,
            Effect::Reads,
            format!("certificate for {} is issued", certificate.domain_name),
            &params,
        );
        for record in records {
            e.need(record);
        }
        e.becomes(&certificate.arn, &issued, "arn", "the target's certificate");
        e.quota("ACM certificates", 1, 2500);
    }
}

fn names(certificate: &Certificate) -> Vec<String> {
    let mut names = vec![certificate.domain_name.clone()];
    names.extend(
        certificate
            .subject_alternative_names
            .iter()
            .filter(|n| **n != certificate.domain_name)
            .cloned(),
    );
    names
}

/// The id of the public zone with the longest name that holds `name`.
fn zone_of(e: &Expansion<'_>, name: &str) -> Option<String> {
    let holds = |zone: &str| name == zone || name.ends_with(&format!(".{zone}"));
    e.capture
        .records
        .iter()
        .filter(|r| !r.private && holds(&r.zone))
        .max_by_key(|r| r.zone.len())
        .map(|r| r.zone_id.clone())
}

/// Balancers, target groups, listeners and rules.
pub(super) fn balancers(e: &mut Expansion<'_>, _: usize) {
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

/// Every name that leads to the balancer is covered by a certificate of its HTTPS listeners.
fn covered(e: &mut Expansion<'_>, balancer: &Balancer) {
    let secure: Vec<&String> = balancer
        .listeners
        .iter()
        .filter(|l| l.protocol == "HTTPS" || l.protocol == "TLS")
        .flat_map(|l| &l.certificate_arns)
        .collect();
    if secure.is_empty() {
        return;
    }
    let all: Vec<String> = e
        .capture
        .certificates
        .iter()
        .filter(|c| secure.contains(&&c.arn))
        .flat_map(names)
        .collect();
    for record in &e.manifest.dns {
        if e.balancer(record.to.as_str()) != Some(&balancer.arn) {
            continue;
        }
        let name = record.record.as_str();
        let covers = |pattern: &String| {
            pattern == name
                || pattern
                    .strip_prefix("*.")
                    .is_some_and(|zone| name.split_once('.').is_some_and(|(_, rest)| rest == zone))
        };
        if !all.iter().any(covers) {
            let message = format!("no certificate of balancer {} covers {name}", balancer.name);
            e.fault(
                "E1114",
                record.record.at,
                message,
                "this record",
                "users would be warned off: issue a certificate that covers it in the source first",
            );
        }
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

/// The captured records that a manifest's record stands for: the set itself, or the primary of a pair.
pub(super) fn captured<'a>(e: &Expansion<'a>, index: usize) -> Option<&'a crate::capture::Record> {
    let wanted = &e.manifest.dns[index];
    let named = |r: &&crate::capture::Record| {
        r.name == wanted.record.as_str()
            && r.zone == wanted.zone.as_str()
            && r.private == wanted.private
            && ["A", "CNAME"].contains(&r.kind.as_str())
    };
    let all: Vec<&crate::capture::Record> = e.capture.records.iter().filter(named).collect();
    all.iter()
        .find(|r| r.failover.as_deref() == Some("PRIMARY"))
        .or_else(|| all.first())
        .copied()
}

/// What a record is, or a refusal at the manifest's line.
fn record<'a>(
    e: &mut Expansion<'a>,
    index: usize,
) -> Option<(&'a crate::capture::Record, RecordKind)> {
    let wanted = &e.manifest.dns[index];
    let Some(record) = captured(e, index) else {
        let message = format!(
            "zone {} has no record {}",
            wanted.zone.value, wanted.record.value
        );
        e.fault(
            "E1103",
            wanted.record.at,
            message,
            "listed here",
            "a cut changes records that are there; `drtool capture` refreshes the capture",
        );
        return None;
    };
    if record.weight.is_some() || record.set_identifier.is_some() && record.failover.is_none() {
        let message = format!(
            "{} is one of several records by weight, latency or place: this version cuts simple records and failover pairs",
            record.name
        );
        e.fault("E1036", wanted.record.at, message, "this record", "");
        return None;
    }
    let kind = match record {
        r if r.failover.is_some() => RecordKind::Failover,
        r if r.alias.is_some() => RecordKind::Alias,
        _ => RecordKind::Cname,
    };
    if let Some(said) = &wanted.kind
        && said.value != kind
    {
        e.fault(
            "E1037",
            said.at,
            format!(
                "{} is {}, not {}",
                record.name,
                kind_word(kind),
                kind_word(said.value)
            ),
            "said here",
            "the zone decides: correct the manifest",
        );
        return None;
    }
    if record.kind == "A" && record.alias.is_none() {
        e.fault(
            "E1036",
            wanted.record.at,
            format!(
                "{} holds addresses, which a balancer does not keep",
                record.name
            ),
            "this record",
            "make it an alias of the balancer first",
        );
        return None;
    }
    Some((record, kind))
}

fn kind_word(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Alias => "an alias",
        RecordKind::Cname => "a CNAME",
        RecordKind::Failover => "a failover pair",
    }
}

/// The TTL of a record that has one.
pub(super) fn lower_ttl(e: &mut Expansion<'_>, index: usize) {
    let Some((record, _)) = record(e, index) else {
        return;
    };
    let wanted = &e.manifest.dns[index];
    let Some(old) = record.ttl else {
        if let Some(lower) = &wanted.lower_ttl_to {
            e.fault(
                "E1038",
                lower.at,
                format!("{} is an alias and has no TTL of its own", record.name),
                "here",
                "leave `lowerTtlTo` out: an alias answers with its balancer's 60 seconds",
            );
        }
        return;
    };
    let Some(lower) = wanted.lower_ttl_to.as_ref().map(|l| l.as_secs() as u32) else {
        if old > 60 {
            e.lint(
                format!("record {}: TTL {old} s", record.name),
                format!("up to {old} s of downtime for users with an old answer"),
                "in the manifest, for this record: `lowerTtlTo: 60s`",
            );
        }
        return;
    };
    let title = format!(
        "TTL of {} {} s → {lower} s, then {old} s until old answers are gone",
        record.name, old
    );
    let step = e.step(
        "",
        steps::dns_ttl::KIND,
        "global",
        Effect::Changes,
        title,
        &steps::dns_ttl::DnsTtl {
            record: record.clone(),
            ttl: lower,
        },
    );
    e.role(format!("ttl {index}"), &step);
}

/// The record, pointed at the target.
pub(super) fn cut(e: &mut Expansion<'_>, index: usize) {
    let Some((record, kind)) = record(e, index) else {
        return;
    };
    let wanted = &e.manifest.dns[index];
    let Some(balancer) = e.balancer(wanted.to.as_str()) else {
        e.fault(
            "E1103",
            wanted.to.at,
            format!(
                "service {} has no balancer that the capture knows",
                wanted.to.value
            ),
            "the record leads here",
            "",
        );
        return;
    };
    let balancer = balancer.to_owned();
    let destination = steps::dns_cut::Destination {
        dns_name: e.of(&format!("{balancer}#dnsName"), "the balancer"),
        zone_id: e.of(&format!("{balancer}#zoneId"), "the balancer"),
    };
    let lowered = wanted
        .lower_ttl_to
        .as_ref()
        .map(|l| l.as_secs() as u32)
        .filter(|_| record.ttl.is_some());
    let mut now = record.clone();
    now.ttl = lowered.or(now.ttl);
    let from = record
        .alias
        .as_ref()
        .map_or_else(|| record.values.join(", "), |a| a.dns_name.clone());
    let field = format!("record {} ({})", record.name, kind_word(kind));
    let to = crate::composed::Composed(vec![destination.dns_name.clone()]);
    e.rewriter.note(&field, &from, &to, "the cut");
    let title = format!(
        "{} {} ({}) → the balancer in {}",
        record.kind,
        record.name,
        kind_word(kind),
        e.asked.to
    );
    e.step(
        "",
        steps::dns_cut::KIND,
        "global",
        Effect::Cuts,
        title,
        &steps::dns_cut::DnsCut {
            record: now,
            to: destination,
        },
    );
    let confirm = e.confirm(format!(
        "Point {} at {}? The source is fenced; after this there is no way back but another move.",
        record.name, e.asked.to
    ));
    let step = e.last();
    step.confirm = confirm;
    step.milestone = Some(Milestone::Cut);
    // Records are cut one after the other: a crash between two leaves a known half.
    let before: Vec<_> = e
        .steps
        .iter()
        .rev()
        .skip(1)
        .filter(|s| s.kind == steps::dns_cut::KIND)
        .map(|s| s.id.clone())
        .take(1)
        .collect();
    for id in before {
        e.need(id);
        // The first answer is for all of them.
        e.last().confirm = None;
    }
}
