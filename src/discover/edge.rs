//! Where users come in: target groups, the balancers in front of them, their certificates.

use std::collections::BTreeSet;

use super::compute::Compute;
use super::{Discovery, count, failed, own};
use crate::capture::Unhandled;
use crate::capture::edge::{
    Action, Balancer, Certificate, HealthCheck, Listener, ListenerRule, TargetGroup,
    ValidationRecord, Weighted,
};
use crate::cloud::elb;
use crate::failure::Failure;

/// What stands at the edge.
pub(crate) struct Edge {
    pub balancers: Vec<Balancer>,
    pub target_groups: Vec<TargetGroup>,
    pub certificates: Vec<Certificate>,
    pub unhandled: Vec<Unhandled>,
}

impl Discovery<'_> {
    pub(super) async fn edge(&self, compute: &Compute) -> Result<Edge, Failure> {
        let (cloud, region, look) = (self.cloud, &self.named.region, self.look);
        let wanted: BTreeSet<&String> = compute
            .services
            .iter()
            .flat_map(|s| &s.load_balancers)
            .map(|b| &b.target_group_arn)
            .collect();
        let mut edge = Edge {
            balancers: Vec::new(),
            target_groups: Vec::new(),
            certificates: Vec::new(),
            unhandled: Vec::new(),
        };
        let mut in_front: BTreeSet<String> = BTreeSet::new();
        let groups = cloud.target_groups(region, look).await.map_err(failed)?;
        for g in groups.iter().filter(|g| wanted.contains(&g.arn)) {
            in_front.extend(g.balancers.iter().cloned());
            let attributes = cloud
                .target_group_attributes(region, &g.arn, look)
                .await
                .map_err(failed)?;
            edge.target_groups.push(TargetGroup {
                name: g.name.clone(),
                arn: g.arn.clone(),
                protocol: g.protocol.clone(),
                port: u16::try_from(g.port).unwrap_or_default(),
                protocol_version: g.protocol_version.clone(),
                target_type: g.target_type.clone(),
                health_check: HealthCheck {
                    protocol: g.health.protocol.clone(),
                    port: g.health.port.clone(),
                    path: g.health.path.clone(),
                    matcher: g.health.matcher.clone(),
                    interval_seconds: count(g.health.interval),
                    timeout_seconds: count(g.health.timeout),
                    healthy_threshold: count(g.health.healthy),
                    unhealthy_threshold: count(g.health.unhealthy),
                },
                attributes: (*attributes).clone(),
                tags: own(&g.tags),
            });
        }
        let balancers = cloud.load_balancers(region, look).await.map_err(failed)?;
        for b in balancers.iter().filter(|b| in_front.contains(&b.arn)) {
            let attributes = cloud
                .balancer_attributes(region, &b.arn, look)
                .await
                .map_err(failed)?;
            let mut listeners = Vec::new();
            for l in cloud
                .listeners(region, &b.arn, look)
                .await
                .map_err(failed)?
                .iter()
            {
                let mut rules = Vec::new();
                for r in cloud
                    .listener_rules(region, &l.arn, look)
                    .await
                    .map_err(failed)?
                    .iter()
                {
                    match immovable(r, &edge.target_groups) {
                        Some(why) => edge.unhandled.push(Unhandled {
                            what: format!(
                                "elbv2/listener-rule {} on port {} of {}",
                                r.priority, l.port, b.name
                            ),
                            arn: Some(r.arn.clone()),
                            why,
                        }),
                        None => rules.push(ListenerRule {
                            arn: r.arn.clone(),
                            priority: r.priority,
                            conditions: r.conditions.clone(),
                            actions: vec![action(&r.action)],
                        }),
                    }
                }
                listeners.push(Listener {
                    arn: l.arn.clone(),
                    port: u16::try_from(l.port).unwrap_or_default(),
                    protocol: l.protocol.clone(),
                    ssl_policy: l.ssl_policy.clone(),
                    certificate_arns: l.certificates.clone(),
                    default_actions: vec![action(&l.action)],
                    rules,
                });
            }
            edge.balancers.push(Balancer {
                name: b.name.clone(),
                arn: b.arn.clone(),
                dns_name: b.dns_name.clone(),
                canonical_hosted_zone_id: b.zone_id.clone(),
                kind: b.kind.clone(),
                scheme: b.scheme.clone(),
                ip_address_type: b.ip_address_type.clone(),
                subnet_ids: b.subnets.clone(),
                security_group_ids: b.security_groups.clone(),
                attributes: (*attributes).clone(),
                listeners,
                web_acl: None,
                tags: own(&b.tags),
            });
        }
        let used: BTreeSet<String> = edge
            .balancers
            .iter()
            .flat_map(|b| &b.listeners)
            .flat_map(|l| l.certificate_arns.clone())
            .collect();
        let certificates = cloud.certificates(region, look).await.map_err(failed)?;
        for c in certificates.iter().filter(|c| used.contains(&c.arn)) {
            edge.certificates.push(Certificate {
                arn: c.arn.clone(),
                domain_name: c.domain.clone(),
                subject_alternative_names: c.names.clone(),
                key_algorithm: c.key_algorithm.clone(),
                validation_method: if c.kind == "AMAZON_ISSUED" {
                    "DNS"
                } else {
                    "NONE"
                }
                .to_owned(),
                validation_records: c
                    .validation
                    .iter()
                    .map(|v| ValidationRecord {
                        domain_name: v.domain.clone(),
                        name: v.name.clone(),
                        value: v.value.clone(),
                    })
                    .collect(),
            });
        }
        Ok(edge)
    }
}

/// Why a rule cannot be made again in the target, if it cannot.
fn immovable(rule: &elb::ListenerRule, groups: &[TargetGroup]) -> Option<String> {
    if rule.transforms > 0 {
        return Some("it rewrites the host or the URL on the way".to_owned());
    }
    match &rule.action {
        elb::Action::Other(kind) => Some(format!("its action ({kind}) is not one that is moved")),
        elb::Action::Forward(to) => to
            .iter()
            .find(|(arn, _)| !groups.iter().any(|g| g.arn == *arn))
            .map(|(arn, _)| format!("it sends to {arn}, which no service of this stack serves")),
        _ => None,
    }
}

fn action(a: &elb::Action) -> Action {
    match a {
        elb::Action::Forward(groups) => Action::Forward {
            target_groups: groups
                .iter()
                .map(|(arn, weight)| Weighted {
                    target_group_arn: arn.clone(),
                    weight: count(*weight),
                })
                .collect(),
        },
        elb::Action::Redirect {
            protocol,
            port,
            host,
            path,
            query,
            status,
        } => Action::Redirect {
            protocol: protocol.clone(),
            port: port.clone(),
            host: host.clone(),
            path: path.clone(),
            query: query.clone(),
            status: status.clone(),
        },
        elb::Action::FixedResponse {
            status,
            content_type,
            body,
        } => Action::FixedResponse {
            status: status.clone(),
            content_type: content_type.clone(),
            body: body.clone(),
        },
        elb::Action::Other(kind) => Action::Other(kind.clone()),
    }
}
