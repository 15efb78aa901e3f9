//! An interface and what decides about its packets: routes, the borders of its subnet, its security groups.

use super::Blocked;
use crate::services::ec2::cidr::address_number;
use crate::services::ec2::state::{
    Destination, GroupRule, NetworkAcl, Peer, Route, RouteTable, State,
};
use crate::services::ec2::{self, Interface};
use crate::world::World;

/// An interface with all that decides about its packets.
pub(super) struct Here<'w> {
    pub account: &'w str,
    pub region: &'w str,
    pub state: &'w State,
    pub interface: &'w Interface,
    /// The interface's private address.
    pub address: u32,
}

/// The ports that a client may send from: both ends of what is in use. NAT gateways and balancers use more.
pub(super) fn ephemeral(kind: &str) -> &'static [u16] {
    match kind {
        "interface" => &[32_768, 60_999],
        _ => &[1_024, 65_535],
    }
}

impl<'w> Here<'w> {
    pub fn of(
        world: &'w World,
        account: &'w str,
        region: &'w str,
        id: &str,
    ) -> Result<Here<'w>, Blocked> {
        if world.faults.data_dark(region, world.now()).is_some() {
            return Err(Blocked::RegionDark(region.to_owned()));
        }
        let gone = || Blocked::SourceGone(id.to_owned());
        let state = &world.seen_place(account, region).ok_or_else(gone)?.ec2;
        let interface = state
            .interfaces
            .get(id)
            .filter(|i| !i.released)
            .ok_or_else(gone)?;
        Ok(Here::at(account, region, state, interface))
    }

    pub fn at(
        account: &'w str,
        region: &'w str,
        state: &'w State,
        interface: &'w Interface,
    ) -> Here<'w> {
        Here {
            account,
            region,
            state,
            interface,
            address: address_number(&interface.private_address).unwrap_or_default(),
        }
    }

    /// Another interface in the same place, if it is there.
    pub fn neighbour(&self, account: &str, region: &str, id: &str) -> Option<Here<'w>> {
        if (self.account, self.region) != (account, region) {
            return None;
        }
        let interface = self.state.interfaces.get(id).filter(|i| !i.released)?;
        Some(Here::at(self.account, self.region, self.state, interface))
    }

    pub fn route_table(&self) -> Option<&'w RouteTable> {
        table_of(
            self.state,
            &self.interface.vpc_id,
            &self.interface.subnet_id,
        )
    }

    fn acl(&self) -> Option<&'w NetworkAcl> {
        let subnet = &self.interface.subnet_id;
        self.state
            .acls
            .iter()
            .map(|(_, acl)| acl)
            .find(|acl| acl.associations.iter().any(|(_, s)| s == subnet))
    }

    /// The network ACL's verdict on one packet that crosses the subnet's border.
    pub fn acl_allows(
        &self,
        acl: &NetworkAcl,
        egress: bool,
        other: u32,
        port: u16,
    ) -> Result<(), Blocked> {
        let denied = |rule| Blocked::Acl {
            acl: acl.id.clone(),
            subnet: self.interface.subnet_id.clone(),
            egress,
            port,
            rule,
        };
        let first = acl
            .entries
            .iter()
            .filter(|entry| {
                let of_port = |(from, to)| (from..=to).contains(&i64::from(port));
                entry.egress == egress
                    && entry.cidr.is_some_and(|cidr| cidr.has(other))
                    && match entry.protocol.as_str() {
                        "-1" => true,
                        "6" => entry.ports.is_none_or(of_port),
                        _ => false,
                    }
            })
            .min_by_key(|entry| entry.number);
        match first {
            Some(entry) if entry.allow => Ok(()),
            Some(entry) => Err(denied(Some(entry.number))),
            None => Err(denied(None)),
        }
    }

    /// Both directions of a connection at this border. `client`: this end opened it.
    pub fn border(
        &self,
        client: bool,
        other: u32,
        port: u16,
        ephemeral: &[u16],
    ) -> Result<(), Blocked> {
        let Some(acl) = self.acl() else { return Ok(()) };
        self.acl_allows(acl, client, other, port)?;
        ephemeral
            .iter()
            .try_for_each(|sample| self.acl_allows(acl, !client, other, *sample))
    }

    pub fn leaves_by_group(&self, other: u32, port: u16) -> Result<(), Blocked> {
        self.group_allows(true, &End::Address(other), port)
    }

    pub fn group_allows(&self, egress: bool, other: &End<'_>, port: u16) -> Result<(), Blocked> {
        let allowed = self.interface.groups.is_empty()
            || self
                .interface
                .groups
                .iter()
                .filter_map(|id| self.state.groups.get(id))
                .any(|group| {
                    group.rules.iter().any(|rule| {
                        rule.egress == egress && rule_allows(rule, other, port, self.region)
                    })
                });
        if allowed {
            return Ok(());
        }
        Err(Blocked::SecurityGroup {
            interface: self.interface.id.clone(),
            egress,
            port,
        })
    }

    /// The most specific route for an address.
    pub fn route(&self, address: u32) -> Result<(&'w RouteTable, &'w Route), Blocked> {
        let Some(table) = self.route_table() else {
            return Err(Blocked::NoRoute {
                route_table: self.interface.subnet_id.clone(),
                address: ec2::cidr::address_text(address),
            });
        };
        most_specific(table, address)
            .map(|route| (table, route))
            .ok_or_else(|| Blocked::NoRoute {
                route_table: table.id.clone(),
                address: ec2::cidr::address_text(address),
            })
    }
}

fn table_of<'s>(state: &'s State, vpc_id: &str, subnet_id: &str) -> Option<&'s RouteTable> {
    let mut main = None;
    for (_, table) in state
        .route_tables
        .iter()
        .filter(|(_, t)| t.vpc_id == vpc_id)
    {
        if table
            .associations
            .iter()
            .any(|a| a.subnet_id.as_deref() == Some(subnet_id))
        {
            return Some(table);
        }
        if table.is_main() {
            main = Some(table);
        }
    }
    main
}

fn most_specific(table: &RouteTable, address: u32) -> Option<&Route> {
    table
        .routes
        .iter()
        .filter_map(|route| match &route.destination {
            Destination::Cidr(cidr) if cidr.has(address) => Some((cidr.prefix(), route)),
            _ => None,
        })
        .max_by_key(|(prefix, _)| *prefix)
        .map(|(_, route)| route)
}

/// The other end of a packet, as a security group looks at it.
pub(super) enum End<'a> {
    Address(u32),
    Interface(&'a Here<'a>),
}

fn rule_allows(rule: &GroupRule, other: &End<'_>, port: u16, region: &str) -> bool {
    let of_port = match rule.protocol.as_str() {
        "-1" => true,
        "tcp" | "6" => (rule.from..=rule.to).contains(&i64::from(port)),
        _ => false,
    };
    let address = match other {
        End::Address(address) => *address,
        End::Interface(here) => here.address,
    };
    of_port
        && match &rule.peer {
            Peer::Cidr(cidr) => cidr.has(address),
            Peer::Cidr6(_) => false,
            Peer::PrefixList(id) => ec2::prefix_list_cidrs(region, id)
                .iter()
                .any(|cidr| cidr.has(address)),
            Peer::Group { id, .. } => match other {
                End::Address(_) => false,
                End::Interface(here) => here.interface.groups.contains(id),
            },
        }
}
