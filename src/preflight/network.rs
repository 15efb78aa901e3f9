//! Address blocks and networks: a new block must not overlap with what the source's network is joined to, and a network to adopt
//! must be there with the subnets it is said to have.

use std::collections::BTreeSet;

use super::{Ground, Report};
use crate::capture::network::RouteTarget;
use crate::cloud::ec2::{Subnet, Vpc};
use crate::manifest::{Cidr, Tier};

pub async fn check(ground: &Ground<'_>, report: &mut Report) {
    let network = &ground.subject.network;
    if let Some(block) = &network.cidr {
        let joined = joined(ground, report).await;
        judge_block(ground.to(), &block.value, &joined, report);
    }
    if let Some(vpc) = &network.vpc {
        adopted(ground, vpc.value.as_str(), report).await;
    }
}

/// The blocks that the source's network is joined to, and by what.
async fn joined(ground: &Ground<'_>, report: &mut Report) -> Vec<(String, String)> {
    let source = &ground.subject.capture.network;
    let from = ground.from().to_owned();
    let mut all: Vec<(String, String)> = source
        .route_tables
        .iter()
        .flat_map(|table| &table.routes)
        .filter(|route| matches!(route.target, RouteTarget::Other(_)))
        .filter_map(|route| match &route.target {
            RouteTarget::Other(id) => Some((route.destination.clone(), format!("routed to {id}"))),
            _ => None,
        })
        .collect();
    let peerings = ground.cloud().peerings(&from, ground.look).await;
    let peerings = report.seen(&format!("the peerings of {from}"), peerings);
    for peering in peerings.iter().flat_map(|all| all.iter()) {
        let ours = peering.ends.iter().any(|(vpc, _)| *vpc == source.vpc_id);
        if !ours || peering.status != "active" {
            continue;
        }
        all.extend(
            peering
                .ends
                .iter()
                .filter(|(vpc, _)| *vpc != source.vpc_id)
                .map(|(vpc, cidr)| (cidr.clone(), format!("{vpc}, peered by {}", peering.id))),
        );
    }
    all
}

fn judge_block(to: &str, block: &Cidr, joined: &[(String, String)], report: &mut Report) {
    let mut met = BTreeSet::new();
    for (other, by) in joined {
        // A default route leads everywhere and joins to nothing in particular.
        if let Ok(cidr) = Cidr::parse(other)
            && cidr.prefix > 0
            && cidr.overlaps(block)
            && met.insert(other)
        {
            report.finding(
                "E2080",
                format!("{to} network {block}"),
                format!(
                    "it overlaps with {other} ({by}), which the source's network talks to: the target could never be joined to it"
                ),
                "choose a block of its own under `network: { cidr: … }` in the manifest",
            );
        }
    }
    if met.is_empty() {
        report.shown(format!(
            "{to} network {block} overlaps with nothing that the source's network is joined to"
        ));
    }
}

async fn adopted(ground: &Ground<'_>, id: &str, report: &mut Report) {
    let to = ground.to().to_owned();
    let vpcs = ground.cloud().vpcs(&to, ground.look).await;
    let Some(vpcs) = report.seen(&format!("the VPCs of {to}"), vpcs) else {
        return;
    };
    let vpc = vpcs.iter().find(|vpc| vpc.id == id);
    if !judge_vpc(&to, id, vpc, report) {
        return;
    }
    let dns = ground.cloud().vpc_dns(&to, id, ground.look).await;
    let wanted = &ground.subject.capture.network;
    if let Some((support, hostnames)) = report.seen(&format!("the names of {id}"), dns) {
        let lacks = [
            (
                wanted.enable_dns_support && !support,
                "enableDnsSupport",
                "enable-dns-support",
            ),
            (
                wanted.enable_dns_hostnames && !hostnames,
                "enableDnsHostnames",
                "enable-dns-hostnames",
            ),
        ];
        for (_, word, flag) in lacks.into_iter().filter(|(lacking, ..)| *lacking) {
            report.finding(
                "E2082",
                format!("{to} {id}"),
                format!("{word} is on in the source's network and off in the adopted one"),
                format!(
                    "aws ec2 modify-vpc-attribute --region {to} --vpc-id {id} --{flag} '{{\"Value\":true}}'"
                ),
            );
        }
    }
    let subnets = ground.cloud().subnets(&to, ground.look).await;
    let Some(subnets) = report.seen(&format!("the subnets of {to}"), subnets) else {
        return;
    };
    for (tier, wanted) in &ground.subject.network.subnets {
        let ids: Vec<&str> = wanted.iter().map(|id| id.value.as_str()).collect();
        judge_tier(&to, id, *tier, &ids, &subnets, report);
    }
}

fn judge_vpc(to: &str, id: &str, vpc: Option<&Vpc>, report: &mut Report) -> bool {
    match vpc {
        Some(vpc) if vpc.state == "available" => {
            report.shown(format!("{to} {id} is there ({})", vpc.cidr));
            true
        }
        Some(vpc) => {
            report.finding(
                "E2081",
                format!("{to} {id}"),
                format!("the network to adopt is {}", vpc.state),
                "wait until it is available",
            );
            false
        }
        None => {
            report.finding(
                "E2081",
                format!("{to} {id}"),
                "the network to adopt is not there",
                format!(
                    "aws ec2 describe-vpcs --region {to}; correct `network: {{ vpc: … }}` in the manifest"
                ),
            );
            false
        }
    }
}

fn judge_tier(
    to: &str,
    vpc: &str,
    tier: Tier,
    ids: &[&str],
    subnets: &[Subnet],
    report: &mut Report,
) {
    let mut zones = BTreeSet::new();
    for id in ids {
        match subnets.iter().find(|subnet| subnet.id == *id) {
            Some(subnet) if subnet.vpc == vpc => {
                zones.insert(subnet.zone.as_str());
            }
            Some(subnet) => {
                report.finding(
                    "E2081",
                    format!("{to} {id}"),
                    format!("the subnet is in {}, not in {vpc}", subnet.vpc),
                    "correct `network: { subnets: … }` in the manifest",
                );
            }
            None => {
                report.finding(
                    "E2081",
                    format!("{to} {id}"),
                    "the subnet to adopt is not there",
                    format!(
                        "aws ec2 describe-subnets --region {to} --filters Name=vpc-id,Values={vpc}"
                    ),
                );
            }
        }
    }
    // Balancers stand in the public tier and databases in the isolated one: AWS wants two zones of both.
    if zones.len() == 1 && ids.len() > 1 && matches!(tier, Tier::Public | Tier::Isolated) {
        report.finding(
            "E2081",
            format!("{to} {vpc}"),
            format!("all subnets given for a tier that needs two zones are in one ({ids:?})"),
            "name subnets of two zones in `network: { subnets: … }`",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_may_meet_nothing_that_the_source_is_joined_to() {
        let block = Cidr::parse("10.20.0.0/16").unwrap();
        let of = |other: &str| {
            let mut report = Report::default();
            let joined = [(other.to_owned(), "pcx-1".to_owned())];
            judge_block("eu-west-1", &block, &joined, &mut report);
            report.findings.first().map(|f| f.code)
        };
        assert_eq!(of("10.20.4.0/24"), Some("E2080"));
        assert_eq!(of("10.0.0.0/8"), Some("E2080"));
        assert_eq!(of("10.21.0.0/16"), None);
        assert_eq!(of("0.0.0.0/0"), None);
        assert_eq!(of("pl-12345"), None);
    }

    #[test]
    fn subnets_to_adopt_are_in_their_network_and_in_two_zones() {
        let subnet = |id: &str, vpc: &str, zone: &str| Subnet {
            id: id.into(),
            vpc: vpc.into(),
            cidr: "10.1.0.0/24".into(),
            zone: zone.into(),
            zone_id: String::new(),
            state: "available".into(),
            public_addresses: false,
            tags: Default::default(),
        };
        let subnets = [
            subnet("subnet-a", "vpc-1", "eu-west-1a"),
            subnet("subnet-b", "vpc-1", "eu-west-1b"),
            subnet("subnet-c", "vpc-1", "eu-west-1a"),
            subnet("subnet-d", "vpc-2", "eu-west-1b"),
        ];
        let of = |ids: &[&str]| {
            let mut report = Report::default();
            judge_tier(
                "eu-west-1",
                "vpc-1",
                Tier::Isolated,
                ids,
                &subnets,
                &mut report,
            );
            report.refuses()
        };
        assert!(!of(&["subnet-a", "subnet-b"]));
        assert!(of(&["subnet-a", "subnet-c"]));
        assert!(of(&["subnet-a", "subnet-d"]));
        assert!(of(&["subnet-a", "subnet-x"]));
    }
}
