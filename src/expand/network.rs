//! The network: made like the source's in another block, or adopted.

use std::collections::BTreeMap;

use drtool_engine::step::{Effect, Value};

use super::Expansion;
use crate::capture::network::{Peer, RouteTarget, Rule};
use crate::manifest::{Cidr, Tier};
use crate::steps;

pub(super) fn network(e: &mut Expansion<'_>, _: usize) {
    let network = &e.target.network;
    match (&network.cidr, &network.vpc) {
        (Some(cidr), _) => made(e, cidr.value),
        (None, Some(_)) => adopted(e),
        (None, None) => {}
    }
    groups(e);
}

/// A network like the source's.
fn made(e: &mut Expansion<'_>, block: Cidr) {
    let source = &e.capture.network;
    let to = e.asked.to.to_string();
    let name = e.name(e.manifest.name.as_str(), 63);
    let Ok(source_block) = Cidr::parse(&source.cidr) else {
        e.fault(
            "E1116",
            e.target.network.at,
            format!(
                "the source's VPC has no IPv4 block that can be read: {}",
                source.cidr
            ),
            "this network",
            "adopt a network instead",
        );
        return;
    };
    let vpc = e.step(
        "vpc",
        steps::vpc::KIND,
        &to,
        Effect::Adds,
        format!("VPC {name} {block}"),
        &steps::vpc::Vpc {
            name: name.clone(),
            cidr: block.to_string(),
            dns_support: source.enable_dns_support,
            dns_hostnames: source.enable_dns_hostnames,
            tags: source.tags.clone(),
        },
    );
    e.becomes(&source.vpc_id, &vpc, "vpcId", "the target's network");
    e.rewriter
        .becomes(&source.cidr, block.to_string(), "the target's network");
    e.quota("VPCs", 1, 5);

    if let Some(gateway) = &source.internet_gateway {
        let vpc_id = e.of(&source.vpc_id, "the VPC");
        let step = e.step(
            "internet-gateway",
            steps::internet_gateway::KIND,
            &to,
            Effect::Adds,
            format!("internet gateway {name}"),
            &steps::internet_gateway::InternetGateway {
                name: name.clone(),
                vpc: vpc_id,
                tags: Default::default(),
            },
        );
        e.becomes(
            gateway,
            &step,
            "internetGatewayId",
            "the target's internet gateway",
        );
        e.quota("internet gateways", 1, 5);
    }

    // Zones by their ids, and as many as the target is given: two subnets of one source zone stay in one zone.
    let mut zones: Vec<&str> = source.subnets.iter().map(|s| s.zone_id.as_str()).collect();
    zones.sort_unstable();
    zones.dedup();
    let zone_count = e
        .target
        .network
        .zones
        .map_or(zones.len(), usize::from)
        .max(1);
    for subnet in &source.subnets {
        let moved = Cidr::parse(&subnet.cidr)
            .ok()
            .and_then(|inner| source_block.translate(&inner, &block));
        let Some(moved) = moved else {
            let message = format!(
                "subnet {} ({}) has no place in {block}",
                subnet.name, subnet.cidr
            );
            e.fault(
                "E1116",
                e.target.network.at,
                message,
                "this network",
                format!("use a block as large as the source's {source_block}"),
            );
            continue;
        };
        let zone = zones
            .iter()
            .position(|z| *z == subnet.zone_id)
            .unwrap_or_default()
            % zone_count;
        let label = subnet
            .name
            .strip_prefix(e.manifest.name.as_str())
            .map_or(subnet.name.as_str(), |rest| rest.trim_start_matches('-'));
        let vpc_id = e.of(&source.vpc_id, "the VPC");
        let step = e.step(
            &format!("subnet-{label}"),
            steps::subnet::KIND,
            &to,
            Effect::Adds,
            format!(
                "subnet {} {moved} ({}, zone {})",
                subnet.name,
                subnet.tier.word(),
                zone + 1
            ),
            &steps::subnet::Subnet {
                name: e.name(&subnet.name, 255),
                vpc: vpc_id,
                cidr: moved.to_string(),
                zone,
                map_public_ip: subnet.map_public_ip_on_launch,
                tags: subnet.tags.clone(),
            },
        );
        e.becomes(&subnet.id, &step, "subnetId", "the target's subnet");
        e.rewriter
            .becomes(&subnet.cidr, moved.to_string(), "the target's network");
    }

    for (number, gateway) in source.nat_gateways.iter().enumerate() {
        let suffix = if source.nat_gateways.len() == 1 {
            String::new()
        } else {
            format!("-{}", number + 1)
        };
        let title = format!("elastic address for the NAT gateway {name}{suffix}");
        let address = e.step(
            &format!("elastic-ip{suffix}"),
            steps::elastic_ip::KIND,
            &to,
            Effect::Adds,
            title,
            &steps::elastic_ip::ElasticIp {
                name: format!("{name}-nat{suffix}"),
                tags: Default::default(),
            },
        );
        let subnet = e.of(&gateway.subnet_id, "the subnet");
        let step = e.step(
            &format!("nat-gateway{suffix}"),
            steps::nat_gateway::KIND,
            &to,
            Effect::Adds,
            format!("NAT gateway {name}{suffix}"),
            &steps::nat_gateway::NatGateway {
                name: format!("{name}{suffix}"),
                subnet,
                allocation: Value::later(address, "allocationId"),
                tags: gateway.tags.clone(),
            },
        );
        // Without a way out of the VPC a NAT gateway fails, and a failed one never recovers.
        if let Some(way_out) = &source.internet_gateway
            && let Value::Later(made, _) = e.of(way_out, "the internet gateway")
        {
            e.need(made);
        }
        e.becomes(
            &gateway.id,
            &step,
            "natGatewayId",
            "the target's NAT gateway",
        );
        e.quota("elastic addresses", 1, 5);
        e.quota("NAT gateways in a zone", 1, 5);
        if !gateway.public_ips.is_empty() {
            e.notes.push(format!(
                "outgoing address {} becomes a new one: whoever lets it in by address must be told",
                gateway.public_ips.join(", ")
            ));
        }
    }

    for table in &source.route_tables {
        // A main table without routes of its own says what every VPC's says.
        if table.routes.is_empty() && table.subnet_ids.is_empty() {
            continue;
        }
        let mut routes = vec![];
        for route in &table.routes {
            let through = match &route.target {
                RouteTarget::InternetGateway(id) => {
                    steps::route_table::Through::InternetGateway(e.of(id, "the internet gateway"))
                }
                RouteTarget::NatGateway(id) => {
                    steps::route_table::Through::NatGateway(e.of(id, "the NAT gateway"))
                }
                RouteTarget::Other(id) => {
                    unhandled(
                        e,
                        &format!("route/{}", route.destination),
                        &format!("route to {} through {id}", route.destination),
                    );
                    continue;
                }
            };
            routes.push(steps::route_table::Route {
                destination: route.destination.clone(),
                through,
            });
        }
        let label = table
            .name
            .strip_prefix(e.manifest.name.as_str())
            .map_or(table.name.as_str(), |rest| rest.trim_start_matches('-'));
        let label = if label.is_empty() { "main" } else { label };
        let vpc_id = e.of(&source.vpc_id, "the VPC");
        let subnets = e.all_of(&table.subnet_ids, "the subnet");
        let through: Vec<String> = routes.iter().map(|r| r.destination.clone()).collect();
        let title = if through.is_empty() {
            format!("route table {} (inside only)", table.name)
        } else {
            format!("route table {} → {}", table.name, through.join(", "))
        };
        e.step(
            &format!("routes-{label}"),
            steps::route_table::KIND,
            &to,
            Effect::Adds,
            title,
            &steps::route_table::RouteTable {
                name: e.name(&table.name, 255),
                vpc: vpc_id,
                routes,
                subnets,
                tags: table.tags.clone(),
            },
        );
    }
    for acl in source
        .network_acls
        .iter()
        .filter(|acl| !acl.default || !acl.entries.is_empty())
    {
        unhandled(
            e,
            &format!("network-acl/{}", acl.id),
            "a network ACL with rules of its own",
        );
    }
    for endpoint in &source.endpoints {
        unhandled(
            e,
            &format!("vpc-endpoint/{}", endpoint.service_name),
            "a VPC endpoint",
        );
    }
}

/// What this version does not make is told, and wants a word from somebody.
fn unhandled(e: &mut Expansion<'_>, what: &str, why: &str) {
    if !e
        .manifest
        .leave_behind
        .iter()
        .any(|l| l.what.as_str() == what)
    {
        e.fault(
            "E1111",
            e.target.network.at,
            format!("{what} would not move ({why})"),
            "this network",
            format!("if it may stay: `leaveBehind: [ {{ what: {what}, why: … }} ]`"),
        );
    }
}

/// A network that stands: its subnets take the places of the source's, tier by tier.
fn adopted(e: &mut Expansion<'_>) {
    let network = &e.target.network;
    let source = &e.capture.network;
    if let Some(vpc) = &network.vpc {
        e.made
            .insert(source.vpc_id.clone(), Value::Known(vpc.to_string()));
        e.rewriter
            .becomes(&source.vpc_id, vpc.to_string(), "the adopted network");
    }
    let mut used: BTreeMap<Tier, usize> = BTreeMap::new();
    for subnet in &source.subnets {
        let offered = network
            .subnets
            .get(&subnet.tier)
            .map(Vec::as_slice)
            .unwrap_or_default();
        if offered.is_empty() {
            continue;
        }
        let count = used.entry(subnet.tier).or_default();
        let id = offered[*count % offered.len()].to_string();
        *count += 1;
        e.rewriter
            .becomes(&subnet.id, id.clone(), "the adopted network");
        e.made.insert(subnet.id.clone(), Value::Known(id));
    }
}

/// All groups first, then the rules: groups may refer to each other.
fn groups(e: &mut Expansion<'_>) {
    let to = e.asked.to.to_string();
    let source = &e.capture.network;
    for group in &source.security_groups {
        let vpc = e.of(&source.vpc_id, "the VPC");
        let label = group
            .name
            .strip_prefix(e.manifest.name.as_str())
            .map_or(group.name.as_str(), |rest| rest.trim_start_matches('-'));
        let step = e.step(
            &format!("group-{label}"),
            steps::security_group::KIND,
            &to,
            Effect::Adds,
            format!("security group {}", group.name),
            &steps::security_group::SecurityGroup {
                name: e.name(&group.name, 255),
                description: group.description.clone(),
                vpc,
                tags: group.tags.clone(),
            },
        );
        e.becomes(&group.id, &step, "groupId", "the target's security group");
    }
    // The target's database lets a probe in from the start: nobody waits for that rule while the source is down.
    let capture = e.capture;
    let mut probes: Vec<(String, steps::security_group_rules::Rule)> = vec![];
    if e.manifest.probe.is_some() {
        for wanted in &e.manifest.databases {
            let Some(database) = capture.database(wanted.instance.as_str()) else {
                continue;
            };
            let Some(first) = database.security_group_ids.first() else {
                continue;
            };
            let vpc = e.of(&source.vpc_id, "the VPC");
            let made = super::databases::probe_group(e, database, &to, vpc);
            e.made.insert(
                format!("{}#probeGroup", database.arn),
                Value::later(made.clone(), "groupId"),
            );
            probes.push((first.clone(), super::databases::probe_rule(database, made)));
        }
    }
    for group in &source.security_groups {
        let label = group
            .name
            .strip_prefix(e.manifest.name.as_str())
            .map_or(group.name.as_str(), |rest| rest.trim_start_matches('-'));
        let mut rules = vec![];
        for (direction, captured) in [
            (
                steps::security_group_rules::Direction::Ingress,
                &group.ingress,
            ),
            (
                steps::security_group_rules::Direction::Egress,
                &group.egress,
            ),
        ] {
            for rule in captured {
                if let Some(peer) = peer(e, &group.name, rule) {
                    rules.push(steps::security_group_rules::Rule {
                        direction,
                        protocol: rule.protocol.clone(),
                        from_port: rule.from_port,
                        to_port: rule.to_port,
                        peer,
                        description: rule.description.clone(),
                    });
                }
            }
        }
        rules.extend(
            probes
                .iter()
                .filter(|(id, _)| *id == group.id)
                .map(|(_, rule)| rule.clone()),
        );
        let id = e.of(&group.id, "the security group");
        let title = format!(
            "rules of {}: {}",
            group.name,
            rules.iter().map(rule_words).collect::<Vec<_>>().join("; ")
        );
        e.step(
            &format!("rules-{label}"),
            steps::security_group_rules::KIND,
            &to,
            Effect::Adds,
            title,
            &steps::security_group_rules::SecurityGroupRules {
                group: id,
                rules,
                exactly: true,
            },
        );
    }
}

fn rule_words(rule: &steps::security_group_rules::Rule) -> String {
    use steps::security_group_rules::{Direction, Peer};
    let peer = match &rule.peer {
        Peer::Cidr(block) | Peer::Cidr6(block) => block.clone(),
        Peer::Group(group) => group.to_string(),
        Peer::PrefixList(id) => id.clone(),
    };
    let ports = match (rule.protocol.as_str(), rule.from_port, rule.to_port) {
        ("-1", ..) => "everything".to_owned(),
        (protocol, Some(from), Some(to)) if from == to => format!("{protocol} {from}"),
        (protocol, Some(from), Some(to)) => format!("{protocol} {from}-{to}"),
        (protocol, ..) => protocol.to_owned(),
    };
    match rule.direction {
        Direction::Ingress => format!("in {ports} from {peer}"),
        Direction::Egress => format!("out {ports} to {peer}"),
    }
}

/// Whom a rule of the target lets in: blocks of the source's network move with it, groups become the target's.
fn peer(
    e: &mut Expansion<'_>,
    group: &str,
    rule: &Rule,
) -> Option<steps::security_group_rules::Peer> {
    use steps::security_group_rules::Peer as Made;
    Some(match &rule.peer {
        Peer::Cidr(block) => {
            let network = Cidr::parse(&e.capture.network.cidr).ok();
            let target = e.target.network.cidr.as_ref().map(|c| c.value);
            let moved = match (network, target, Cidr::parse(block).ok()) {
                (Some(network), Some(target), Some(inner)) => network.translate(&inner, &target),
                _ => None,
            };
            match moved {
                Some(moved) => {
                    let moved = moved.to_string();
                    e.rewriter.note(
                        &format!("security group {group}: {block}"),
                        block,
                        &crate::composed::Composed::known(moved.clone()),
                        "the target's network",
                    );
                    Made::Cidr(moved)
                }
                None => Made::Cidr(block.clone()),
            }
        }
        Peer::Cidr6(block) => Made::Cidr6(block.clone()),
        Peer::SecurityGroup(id) if e.made.contains_key(id) => {
            Made::Group(e.of(id, "the security group"))
        }
        Peer::SecurityGroup(id) => {
            unhandled(
                e,
                &format!("security-group/{id}"),
                &format!("a rule of {group} refers to it"),
            );
            return None;
        }
        Peer::PrefixList(id) => {
            unhandled(
                e,
                &format!("prefix-list/{id}"),
                &format!("a rule of {group} refers to it; its ids differ per region"),
            );
            return None;
        }
    })
}
