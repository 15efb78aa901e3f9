//! The network that the stack's subnets are in.

use std::collections::BTreeSet;

use super::{Discovery, failed, missing, own};
use crate::capture::Unhandled;
use crate::capture::network::{
    NatGateway, Network, Peer, Route, RouteTable, RouteTarget, Rule, SecurityGroup, Subnet,
};
use crate::cloud::ec2;
use crate::failure::{Exit, Failure};
use crate::manifest::Tier;

impl Discovery<'_> {
    pub(super) async fn network(
        &self,
        subnets: &BTreeSet<String>,
        groups: &BTreeSet<String>,
    ) -> Result<(Network, Vec<Unhandled>), Failure> {
        let (cloud, region, look) = (self.cloud, &self.named.region, self.look);
        let all_subnets = cloud.subnets(region, look).await.map_err(failed)?;
        let vpcs: BTreeSet<&String> = all_subnets
            .iter()
            .filter(|s| subnets.contains(&s.id))
            .map(|s| &s.vpc)
            .collect();
        let (Some(vpc_id), true) = (vpcs.first(), vpcs.len() == 1) else {
            return Err(Failure::new(
                "E2012",
                Exit::Refused,
                format_args!(
                    "the stack's subnets are in {} VPCs; drtool moves a stack that stands in one",
                    vpcs.len()
                ),
            ));
        };
        let all = cloud.vpcs(region, look).await.map_err(failed)?;
        let vpc = all
            .iter()
            .find(|v| v.id == **vpc_id)
            .ok_or_else(|| missing("VPC", vpc_id, region))?;
        let (support, hostnames) = cloud.vpc_dns(region, &vpc.id, look).await.map_err(failed)?;
        let tables = cloud.route_tables(region, look).await.map_err(failed)?;
        let tables: Vec<&ec2::RouteTable> = tables.iter().filter(|t| t.vpc == vpc.id).collect();
        let nats = cloud.nat_gateways(region, look).await.map_err(failed)?;
        let gateways = cloud
            .internet_gateways(region, look)
            .await
            .map_err(failed)?;
        let in_vpc: Vec<&ec2::Subnet> = all_subnets.iter().filter(|s| s.vpc == vpc.id).collect();
        let security_groups = cloud.security_groups(region, look).await.map_err(failed)?;
        let mut unhandled = Vec::new();
        for table in &tables {
            for route in &table.routes {
                if let RouteTarget::Other(target) = target(&route.target)
                    && target != "local"
                {
                    unhandled.push(Unhandled {
                        what: format!("ec2/route {} to {target}", route.destination),
                        arn: None,
                        why: format!("route table {} of the stack's VPC leads there", table.id),
                    });
                }
            }
        }
        let network = Network {
            vpc_id: vpc.id.clone(),
            cidr: vpc.cidr.clone(),
            enable_dns_support: support,
            enable_dns_hostnames: hostnames,
            subnets: in_vpc
                .iter()
                .map(|s| Subnet {
                    id: s.id.clone(),
                    name: s.tags.get("Name").cloned().unwrap_or_else(|| s.id.clone()),
                    cidr: s.cidr.clone(),
                    zone: s.zone.clone(),
                    zone_id: s.zone_id.clone(),
                    tier: tier(&s.id, &tables),
                    map_public_ip_on_launch: s.public_addresses,
                    tags: own(&s.tags),
                })
                .collect(),
            internet_gateway: gateways
                .iter()
                .find(|g| g.vpcs.contains(&vpc.id))
                .map(|g| g.id.clone()),
            nat_gateways: nats
                .iter()
                .filter(|n| {
                    n.vpc == vpc.id
                        && !matches!(n.state.as_str(), "deleted" | "deleting" | "failed")
                })
                .map(|n| NatGateway {
                    id: n.id.clone(),
                    subnet_id: n.subnet.clone(),
                    public_ips: n.ip.iter().cloned().collect(),
                    tags: own(&n.tags),
                })
                .collect(),
            route_tables: tables
                .iter()
                .map(|t| RouteTable {
                    id: t.id.clone(),
                    name: t.tags.get("Name").cloned().unwrap_or_else(|| t.id.clone()),
                    main: t.main,
                    subnet_ids: t
                        .associations
                        .iter()
                        .filter_map(|a| a.subnet.clone())
                        .collect(),
                    routes: t
                        .routes
                        .iter()
                        .filter(|r| r.target != "local")
                        .map(|r| Route {
                            destination: r.destination.clone(),
                            target: target(&r.target),
                        })
                        .collect(),
                    tags: own(&t.tags),
                })
                .collect(),
            security_groups: used(&security_groups, groups)
                .into_iter()
                .map(|g| SecurityGroup {
                    id: g.id.clone(),
                    name: g.name.clone(),
                    description: g.description.clone(),
                    ingress: g.ingress.iter().map(rule).collect(),
                    egress: g.egress.iter().map(rule).collect(),
                    tags: own(&g.tags),
                })
                .collect(),
            network_acls: Vec::new(),
            endpoints: Vec::new(),
            tags: own(&vpc.tags),
        };
        Ok((network, unhandled))
    }
}

/// The groups in use, and those that their rules refer to, and so on.
fn used<'g>(
    all: &'g [ec2::SecurityGroup],
    first: &BTreeSet<String>,
) -> Vec<&'g ec2::SecurityGroup> {
    let mut wanted = first.clone();
    loop {
        let referred: Vec<String> = all
            .iter()
            .filter(|g| wanted.contains(&g.id))
            .flat_map(|g| g.ingress.iter().chain(&g.egress))
            .filter_map(|r| match &r.peer {
                ec2::Peer::Group(id) => Some(id.clone()),
                _ => None,
            })
            .collect();
        let before = wanted.len();
        wanted.extend(referred);
        if wanted.len() == before {
            return all.iter().filter(|g| wanted.contains(&g.id)).collect();
        }
    }
}

fn rule(r: &ec2::Rule) -> Rule {
    Rule {
        protocol: r.protocol.clone(),
        from_port: r.from,
        to_port: r.to,
        peer: match &r.peer {
            ec2::Peer::Cidr(c) => Peer::Cidr(c.clone()),
            ec2::Peer::Cidr6(c) => Peer::Cidr6(c.clone()),
            ec2::Peer::Group(g) => Peer::SecurityGroup(g.clone()),
            ec2::Peer::PrefixList(l) => Peer::PrefixList(l.clone()),
        },
        description: r.description.clone(),
    }
}

fn target(id: &str) -> RouteTarget {
    if id.starts_with("igw-") {
        RouteTarget::InternetGateway(id.to_owned())
    } else if id.starts_with("nat-") {
        RouteTarget::NatGateway(id.to_owned())
    } else {
        RouteTarget::Other(id.to_owned())
    }
}

/// A subnet is what its routes make it: straight to the internet, out through a NAT gateway, or nowhere.
fn tier(subnet: &str, tables: &[&ec2::RouteTable]) -> Tier {
    let of = |t: &&&ec2::RouteTable| {
        t.associations
            .iter()
            .any(|a| a.subnet.as_deref() == Some(subnet))
    };
    let table = tables
        .iter()
        .find(of)
        .or_else(|| tables.iter().find(|t| t.main));
    let Some(table) = table else {
        return Tier::Isolated;
    };
    let default = table
        .routes
        .iter()
        .find(|r| r.destination == "0.0.0.0/0")
        .map(|r| target(&r.target));
    match default {
        Some(RouteTarget::InternetGateway(_)) => Tier::Public,
        Some(_) => Tier::Private,
        None => Tier::Isolated,
    }
}
