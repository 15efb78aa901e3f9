//! What EC2's networking holds in one account and region. Plain data: no rule of behaviour is here.

use super::cidr::Cidr;
use super::tags::Tags;
use crate::clock::Nanos;
use crate::table::Table;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Clone, Default)]
pub struct State {
    pub(crate) vpcs: Table<Vpc>,
    pub(crate) subnets: Table<Subnet>,
    pub(crate) internet_gateways: Table<InternetGateway>,
    pub(crate) addresses: Table<Address>,
    pub(crate) nat_gateways: Table<NatGateway>,
    pub(crate) route_tables: Table<RouteTable>,
    pub(crate) groups: Table<SecurityGroup>,
    pub(crate) acls: Table<NetworkAcl>,
    pub(crate) endpoints: Table<Endpoint>,
    pub(crate) interfaces: Table<Interface>,
    pub(crate) peerings: Table<Peering>,
    pub(crate) flow_logs: Table<FlowLog>,
    pub(crate) dhcp_options: Table<DhcpOptions>,
    /// By resource id, whatever the kind.
    pub(crate) tags: Table<Tags>,
    /// Who holds a private address: (VPC, address) to interface.
    pub(crate) private: BTreeMap<(String, u32), String>,
    /// Who holds a public address: address to interface.
    pub(crate) public: BTreeMap<String, String>,
    /// Answers given under a client token: (operation, token).
    pub(crate) tokens: BTreeMap<(String, String), TokenAnswer>,
    /// Whether the account has opted into the region (matters in regions that must be opted into).
    pub(crate) opted_in: bool,
}

impl State {
    /// What no reader sees any more.
    pub(crate) fn forget(&mut self, now: Nanos) {
        self.vpcs.forget(now);
        self.subnets.forget(now);
        self.internet_gateways.forget(now);
        self.addresses.forget(now);
        self.nat_gateways.forget(now);
        self.route_tables.forget(now);
        self.groups.forget(now);
        self.acls.forget(now);
        self.endpoints.forget(now);
        self.interfaces.forget(now);
        self.tags.forget(now);
    }
}

#[derive(Clone, Debug)]
pub(crate) struct TokenAnswer {
    pub input: Value,
    pub output: Value,
    pub until: Nanos,
}

#[derive(Clone, Debug)]
pub struct Vpc {
    pub id: String,
    /// The primary block first, each with its association id.
    pub cidrs: Vec<(String, Cidr)>,
    pub dns_support: bool,
    pub dns_hostnames: bool,
    pub address_metrics: bool,
    pub tenancy: String,
    /// `default`, or an id.
    pub dhcp_options: String,
    pub default: bool,
    /// `pending` until then.
    pub available_at: Nanos,
}

impl Vpc {
    pub fn cidr(&self) -> Cidr {
        self.cidrs.first().map_or(Cidr::ANYWHERE, |(_, cidr)| *cidr)
    }

    pub fn has(&self, address: u32) -> bool {
        self.cidrs.iter().any(|(_, cidr)| cidr.has(address))
    }
}

#[derive(Clone, Debug)]
pub struct Subnet {
    pub id: String,
    pub vpc_id: String,
    pub cidr: Cidr,
    /// The zone's name in this account.
    pub zone: String,
    pub zone_id: String,
    pub map_public_address: bool,
    pub default_for_zone: bool,
    /// Further attributes that can be modified, in the model's names.
    pub attributes: BTreeMap<String, Value>,
    pub available_at: Nanos,
}

#[derive(Clone, Debug)]
pub struct InternetGateway {
    pub id: String,
    pub vpc_id: Option<String>,
}

/// An Elastic IP address.
#[derive(Clone, Debug)]
pub struct Address {
    pub id: String,
    pub public_address: String,
    pub association: Option<AddressAssociation>,
}

#[derive(Clone, Debug)]
pub struct AddressAssociation {
    pub id: String,
    pub interface_id: String,
    pub private_address: String,
}

#[derive(Clone, Debug)]
pub struct NatGateway {
    pub id: String,
    pub vpc_id: String,
    pub subnet_id: String,
    pub public: bool,
    /// `pending`, `available`, `failed`, `deleting`, `deleted`.
    pub state: &'static str,
    pub failure: Option<(String, String)>,
    pub created: f64,
    pub deleted: Option<f64>,
    pub allocation_id: Option<String>,
    pub association_id: Option<String>,
    pub public_address: Option<String>,
    pub interface_id: String,
    pub private_address: String,
}

#[derive(Clone, Debug)]
pub struct RouteTable {
    pub id: String,
    pub vpc_id: String,
    pub routes: Vec<Route>,
    pub associations: Vec<RouteAssociation>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    pub destination: Destination,
    pub target: Target,
    /// `CreateRouteTable` (the local routes), `CreateRoute`, `EnableVgwRoutePropagation`.
    pub origin: &'static str,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Destination {
    Cidr(Cidr),
    Cidr6(String),
    PrefixList(String),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Local,
    InternetGateway(String),
    Nat(String),
    Interface(String),
    Peering(String),
    /// A gateway endpoint.
    Endpoint(String),
    /// Kinds that this simulation holds as names only, with the model's member name.
    Other(&'static str, String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct RouteAssociation {
    pub id: String,
    /// `None`: the main association of the VPC.
    pub subnet_id: Option<String>,
}

impl RouteTable {
    pub fn is_main(&self) -> bool {
        self.associations.iter().any(|a| a.subnet_id.is_none())
    }
}

#[derive(Clone, Debug)]
pub struct SecurityGroup {
    pub id: String,
    pub vpc_id: String,
    pub name: String,
    pub description: String,
    pub rules: Vec<GroupRule>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct GroupRule {
    pub id: String,
    pub egress: bool,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, `-1` (all), or a protocol number.
    pub protocol: String,
    /// -1 where the protocol has no ports.
    pub from: i64,
    pub to: i64,
    pub peer: Peer,
    pub description: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    Cidr(Cidr),
    Cidr6(String),
    Group { account: String, id: String },
    PrefixList(String),
}

#[derive(Clone, Debug)]
pub struct NetworkAcl {
    pub id: String,
    pub vpc_id: String,
    pub default: bool,
    pub entries: Vec<AclEntry>,
    /// Association id and subnet.
    pub associations: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AclEntry {
    pub number: i64,
    pub egress: bool,
    /// A protocol number, or `-1`.
    pub protocol: String,
    pub allow: bool,
    pub cidr: Option<Cidr>,
    pub cidr6: Option<String>,
    pub ports: Option<(i64, i64)>,
    pub icmp: Option<(i64, i64)>,
}

#[derive(Clone, Debug)]
pub struct Endpoint {
    pub id: String,
    pub vpc_id: String,
    pub service_name: String,
    /// `Interface` or `Gateway`.
    pub kind: String,
    pub policy: String,
    pub route_tables: Vec<String>,
    pub subnets: Vec<String>,
    pub groups: Vec<String>,
    pub interfaces: Vec<String>,
    pub private_dns: bool,
    pub address_type: String,
    /// `Pending`, `Available`, `Deleting`.
    pub state: &'static str,
    pub created: f64,
}

/// An elastic network interface: what has an address in a subnet.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    pub id: String,
    pub vpc_id: String,
    pub subnet_id: String,
    pub zone: String,
    pub zone_id: String,
    /// Security groups. None: nothing filters at the interface (NAT gateways, network balancers without groups).
    pub groups: Vec<String>,
    pub private_address: String,
    pub public_address: Option<String>,
    /// The Elastic IP's allocation, if the public address is one.
    pub allocation_id: Option<String>,
    pub association_id: Option<String>,
    pub description: String,
    /// Who made it: `amazon-elb`, `amazon-rds`, `ecs`…; empty for one made by `CreateNetworkInterface`.
    pub requester: String,
    /// `interface`, `nat_gateway`, `network_load_balancer`, `vpc_endpoint`.
    pub kind: String,
    pub mac: String,
    /// `available`, `in-use`.
    pub status: &'static str,
    /// Its owner has let go of it: it answers nothing any more, and goes away in minutes.
    pub released: bool,
    pub attachment_id: Option<String>,
    pub source_check: bool,
    pub created: Nanos,
}

#[derive(Clone, Debug)]
pub struct Peering {
    pub id: String,
    pub requester: PeerVpc,
    pub accepter: PeerVpc,
    /// `pending-acceptance`, `active`, `rejected`, `deleted`.
    pub status: &'static str,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PeerVpc {
    pub account: String,
    pub region: String,
    pub vpc_id: String,
    pub cidrs: Vec<Cidr>,
}

#[derive(Clone, Debug)]
pub struct FlowLog {
    pub id: String,
    pub resource_id: String,
    /// The settings as given, in the model's names.
    pub settings: serde_json::Map<String, Value>,
    pub created: f64,
}

#[derive(Clone, Debug)]
pub struct DhcpOptions {
    pub id: String,
    pub configurations: Vec<(String, Vec<String>)>,
}
