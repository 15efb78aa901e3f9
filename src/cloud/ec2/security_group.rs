//! Security groups and their rules.

use super::{SERVICE, json_specification, list, specification, tags_of, text};
use crate::cloud::call::{Outgoing, outgoing};
use crate::cloud::{Cloud, Tags};
use aws_sdk_ec2::types as aws;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecurityGroup {
    pub id: String,
    pub name: String,
    pub description: String,
    pub vpc: String,
    pub ingress: Vec<Rule>,
    pub egress: Vec<Rule>,
    pub tags: Tags,
}

/// One source of one permission: AWS's permissions are flattened so that they can be compared and taken back singly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// `tcp`, `udp`, `icmp`, a number, or `-1` for everything.
    pub protocol: String,
    pub from: Option<i32>,
    pub to: Option<i32>,
    pub peer: Peer,
    pub description: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Peer {
    Cidr(String),
    Cidr6(String),
    Group(String),
    PrefixList(String),
}

fn rules_of(permissions: &[aws::IpPermission]) -> Vec<Rule> {
    let mut rules = Vec::new();
    for p in permissions {
        let rule = |peer: Peer, description: Option<&str>| Rule {
            protocol: text(p.ip_protocol()),
            from: p.from_port(),
            to: p.to_port(),
            peer,
            description: description.map(str::to_owned),
        };
        rules.extend(
            p.ip_ranges()
                .iter()
                .map(|r| rule(Peer::Cidr(text(r.cidr_ip())), r.description())),
        );
        rules.extend(
            p.ipv6_ranges()
                .iter()
                .map(|r| rule(Peer::Cidr6(text(r.cidr_ipv6())), r.description())),
        );
        rules.extend(
            p.user_id_group_pairs()
                .iter()
                .map(|r| rule(Peer::Group(text(r.group_id())), r.description())),
        );
        rules.extend(
            p.prefix_list_ids()
                .iter()
                .map(|r| rule(Peer::PrefixList(text(r.prefix_list_id())), r.description())),
        );
    }
    rules.sort();
    rules
}

fn permission(rule: &Rule) -> aws::IpPermission {
    let builder = aws::IpPermission::builder()
        .ip_protocol(&rule.protocol)
        .set_from_port(rule.from)
        .set_to_port(rule.to);
    let description = rule.description.clone();
    match &rule.peer {
        Peer::Cidr(c) => builder.ip_ranges(
            aws::IpRange::builder()
                .cidr_ip(c)
                .set_description(description)
                .build(),
        ),
        Peer::Cidr6(c) => builder.ipv6_ranges(
            aws::Ipv6Range::builder()
                .cidr_ipv6(c)
                .set_description(description)
                .build(),
        ),
        Peer::Group(g) => builder.user_id_group_pairs(
            aws::UserIdGroupPair::builder()
                .group_id(g)
                .set_description(description)
                .build(),
        ),
        Peer::PrefixList(l) => builder.prefix_list_ids(
            aws::PrefixListId::builder()
                .prefix_list_id(l)
                .set_description(description)
                .build(),
        ),
    }
    .build()
}

fn json_permission(rule: &Rule) -> Value {
    let mut out = json!({ "IpProtocol": rule.protocol });
    if let Some(from) = rule.from {
        out["FromPort"] = from.into();
    }
    if let Some(to) = rule.to {
        out["ToPort"] = to.into();
    }
    let (list, member, id) = match &rule.peer {
        Peer::Cidr(c) => ("IpRanges", "CidrIp", c),
        Peer::Cidr6(c) => ("Ipv6Ranges", "CidrIpv6", c),
        Peer::Group(g) => ("UserIdGroupPairs", "GroupId", g),
        Peer::PrefixList(l) => ("PrefixListIds", "PrefixListId", l),
    };
    out[list] = match &rule.description {
        Some(description) => json!([{ member: id, "Description": description }]),
        None => json!([{ member: id }]),
    };
    out
}

/// Looks.
impl Cloud {
    list!(
        security_groups,
        describe_security_groups,
        "DescribeSecurityGroups",
        SecurityGroup,
        |g: &aws::SecurityGroup| SecurityGroup {
            id: text(g.group_id()),
            name: text(g.group_name()),
            description: text(g.description()),
            vpc: text(g.vpc_id()),
            ingress: rules_of(g.ip_permissions()),
            egress: rules_of(g.ip_permissions_egress()),
            tags: tags_of(g.tags()),
        }
    );
}

/// Calls.
impl Cloud {
    pub fn create_security_group(
        &self,
        region: &str,
        name: &str,
        description: &str,
        vpc: &str,
        tags: &Tags,
    ) -> Outgoing {
        let request = json!({
            "GroupName": name, "Description": description, "VpcId": vpc,
            "TagSpecifications": json_specification("security-group", tags),
        });
        let call = self
            .ec2_writer(region)
            .create_security_group()
            .group_name(name)
            .description(description)
            .vpc_id(vpc)
            .tag_specifications(specification(aws::ResourceType::SecurityGroup, tags));
        outgoing!(
            SERVICE,
            "CreateSecurityGroup",
            region,
            name,
            request,
            call,
            |a| a.group_id().map(str::to_owned)
        )
    }

    pub fn delete_security_group(&self, region: &str, group: &str) -> Outgoing {
        let call = self
            .ec2_writer(region)
            .delete_security_group()
            .group_id(group);
        outgoing!(
            SERVICE,
            "DeleteSecurityGroup",
            region,
            group,
            json!({ "GroupId": group }),
            call
        )
    }

    pub fn authorize_ingress(&self, region: &str, group: &str, rules: &[Rule]) -> Outgoing {
        let request = json!({ "GroupId": group, "IpPermissions": rules.iter().map(json_permission).collect::<Vec<_>>() });
        let call = self
            .ec2_writer(region)
            .authorize_security_group_ingress()
            .group_id(group)
            .set_ip_permissions(Some(rules.iter().map(permission).collect()));
        outgoing!(
            SERVICE,
            "AuthorizeSecurityGroupIngress",
            region,
            group,
            request,
            call
        )
    }

    pub fn revoke_ingress(&self, region: &str, group: &str, rules: &[Rule]) -> Outgoing {
        let request = json!({ "GroupId": group, "IpPermissions": rules.iter().map(json_permission).collect::<Vec<_>>() });
        let call = self
            .ec2_writer(region)
            .revoke_security_group_ingress()
            .group_id(group)
            .set_ip_permissions(Some(rules.iter().map(permission).collect()));
        outgoing!(
            SERVICE,
            "RevokeSecurityGroupIngress",
            region,
            group,
            request,
            call
        )
    }

    pub fn authorize_egress(&self, region: &str, group: &str, rules: &[Rule]) -> Outgoing {
        let request = json!({ "GroupId": group, "IpPermissions": rules.iter().map(json_permission).collect::<Vec<_>>() });
        let call = self
            .ec2_writer(region)
            .authorize_security_group_egress()
            .group_id(group)
            .set_ip_permissions(Some(rules.iter().map(permission).collect()));
        outgoing!(
            SERVICE,
            "AuthorizeSecurityGroupEgress",
            region,
            group,
            request,
            call
        )
    }

    pub fn revoke_egress(&self, region: &str, group: &str, rules: &[Rule]) -> Outgoing {
        let request = json!({ "GroupId": group, "IpPermissions": rules.iter().map(json_permission).collect::<Vec<_>>() });
        let call = self
            .ec2_writer(region)
            .revoke_security_group_egress()
            .group_id(group)
            .set_ip_permissions(Some(rules.iter().map(permission).collect()));
        outgoing!(
            SERVICE,
            "RevokeSecurityGroupEgress",
            region,
            group,
            request,
            call
        )
    }
}
