//! The source's network: a VPC and what stands in it.

use serde::{Deserialize, Serialize};

use super::Tags;
use crate::manifest::Tier;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Network {
    pub vpc_id: String,
    pub cidr: String,
    pub enable_dns_support: bool,
    pub enable_dns_hostnames: bool,
    pub subnets: Vec<Subnet>,
    pub internet_gateway: Option<String>,
    pub nat_gateways: Vec<NatGateway>,
    pub route_tables: Vec<RouteTable>,
    /// Groups that the stack uses, and those that these refer to. The VPC's `default` group only if it is used.
    pub security_groups: Vec<SecurityGroup>,
    /// Network ACLs that are not the default one, or whose rules are not the default's.
    pub network_acls: Vec<NetworkAcl>,
    pub endpoints: Vec<Endpoint>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Subnet {
    pub id: String,
    /// The `Name` tag, or the id.
    pub name: String,
    pub cidr: String,
    pub zone: String,
    /// `usw2-az1`: zone names differ per account, zone ids do not.
    pub zone_id: String,
    pub tier: Tier,
    pub map_public_ip_on_launch: bool,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NatGateway {
    pub id: String,
    pub subnet_id: String,
    pub public_ips: Vec<String>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RouteTable {
    pub id: String,
    pub name: String,
    pub main: bool,
    pub subnet_ids: Vec<String>,
    /// Without the `local` route, which every table has.
    pub routes: Vec<Route>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Route {
    pub destination: String,
    pub target: RouteTarget,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RouteTarget {
    InternetGateway(String),
    NatGateway(String),
    /// Peering, transit gateways and whatever else drtool does not make: kept by id, told in the plan.
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecurityGroup {
    pub id: String,
    pub name: String,
    pub description: String,
    pub ingress: Vec<Rule>,
    pub egress: Vec<Rule>,
    pub tags: Tags,
}

/// One rule: one protocol and port range, one peer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rule {
    /// `tcp`, `udp`, `icmp`, a number, or `-1` for all.
    pub protocol: String,
    pub from_port: Option<i32>,
    pub to_port: Option<i32>,
    pub peer: Peer,
    pub description: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Peer {
    Cidr(String),
    Cidr6(String),
    SecurityGroup(String),
    PrefixList(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NetworkAcl {
    pub id: String,
    pub default: bool,
    pub subnet_ids: Vec<String>,
    pub entries: Vec<AclEntry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AclEntry {
    pub number: i32,
    pub egress: bool,
    pub protocol: String,
    pub allow: bool,
    pub cidr: String,
    pub from_port: Option<i32>,
    pub to_port: Option<i32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Endpoint {
    pub id: String,
    /// `com.amazonaws.us-west-2.s3`.
    pub service_name: String,
    /// `Gateway` or `Interface`.
    pub kind: String,
    pub route_table_ids: Vec<String>,
    pub subnet_ids: Vec<String>,
    pub security_group_ids: Vec<String>,
    pub private_dns: bool,
}

impl Network {
    pub fn subnet(&self, id: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|s| s.id == id)
    }

    pub fn security_group(&self, id: &str) -> Option<&SecurityGroup> {
        self.security_groups.iter().find(|g| g.id == id)
    }
}
