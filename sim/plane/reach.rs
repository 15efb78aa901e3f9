//! Reachability: whether a TCP connection from here to there would be made, by routes, network ACLs and security
//! groups, and if not, precisely why.
//!
//! It knows addresses and interfaces, and nothing of what listens behind them.

mod here;
mod path;
#[cfg(test)]
mod tests;

use super::From;
use crate::clock::Nanos;
use crate::services::ec2;
use crate::services::ec2::state::Endpoint;
use crate::world::World;
use here::Here;
use path::walk;
use std::fmt;

/// Where it goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum To {
    Interface {
        account: String,
        region: String,
        id: String,
    },
    /// An IPv4 address: private within the VPC of the source (or a peered one), public otherwise.
    Address(String),
}

/// An established connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    pub from: From,
    pub to: To,
    pub port: u16,
}

/// Why a packet does not arrive. A caller that waits sees a time-out in every case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blocked {
    /// The interface it starts from is gone.
    SourceGone(String),
    /// The region's data plane is dark.
    RegionDark(String),
    /// Nobody has that address (any more).
    NobodyThere(String),
    /// The target has no public address.
    NotPublic(String),
    /// The subnet's route table has no route for that address.
    NoRoute {
        route_table: String,
        address: String,
    },
    /// The route's target is gone or not (yet) working.
    Blackhole { route_table: String, target: String },
    /// The route leads to an internet gateway, and the interface has no public address.
    NoPublicAddress(String),
    /// A network ACL denies it.
    Acl {
        acl: String,
        subnet: String,
        egress: bool,
        port: u16,
        rule: Option<i64>,
    },
    /// No security group of the interface allows it.
    SecurityGroup {
        interface: String,
        egress: bool,
        port: u16,
    },
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = |egress: &bool| if *egress { "outbound" } else { "inbound" };
        match self {
            Blocked::SourceGone(id) => write!(f, "the source interface {id} is gone"),
            Blocked::RegionDark(region) => write!(f, "{region} is dark"),
            Blocked::NobodyThere(address) => write!(f, "nobody has the address {address}"),
            Blocked::NotPublic(id) => write!(f, "{id} has no public address"),
            Blocked::NoRoute {
                route_table,
                address,
            } => write!(f, "{route_table} has no route to {address}"),
            Blocked::Blackhole {
                route_table,
                target,
            } => write!(f, "{route_table} routes to {target}, which is a blackhole"),
            Blocked::NoPublicAddress(id) => write!(f, "{id} has no public address to leave with"),
            Blocked::Acl {
                acl,
                subnet,
                egress,
                port,
                rule,
            } => match rule {
                Some(number) => write!(
                    f,
                    "{acl} of {subnet} denies {} port {port} by rule {number}",
                    way(egress)
                ),
                None => write!(f, "{acl} of {subnet} allows no {} port {port}", way(egress)),
            },
            Blocked::SecurityGroup {
                interface,
                egress,
                port,
            } => {
                write!(
                    f,
                    "no security group of {interface} allows {} port {port}",
                    way(egress)
                )
            }
        }
    }
}

impl std::error::Error for Blocked {}

/// Whether a new connection to that port would be made.
pub fn reach(world: &World, from: &From, to: &To, port: u16) -> Result<(), Blocked> {
    walk(world, from, to, port, true)
}

/// Whether an established connection still carries packets. Security groups track connections, so rules taken away
/// do not break it; network ACLs and routes do, and so does the end of either interface. `since`: when it was made.
pub fn still_flows(world: &World, flow: &Flow, since: Nanos) -> Result<(), Blocked> {
    for (account, region, id) in [end_of_from(&flow.from), end_of_to(&flow.to)]
        .into_iter()
        .flatten()
    {
        if let Some(interface) = ec2::interface(world, account, region, id)
            && interface.created > since
        {
            return Err(Blocked::NobodyThere(interface.private_address.clone()));
        }
    }
    walk(world, &flow.from, &flow.to, flow.port, false)
}

/// Whether an AWS service's regional API is reached from here: over the internet, or a VPC endpoint. `service` is the
/// last part of an endpoint service's name, for instance `ecr.dkr`, `secretsmanager`, `s3`.
pub fn reach_service(world: &World, from: &From, service: &str) -> Result<(), Blocked> {
    let From::Interface {
        account,
        region,
        id,
    } = from
    else {
        return Ok(());
    };
    let here = Here::of(world, account, region, id)?;
    let address = ec2::service_address(service);
    let name = format!("com.amazonaws.{region}.{service}");
    for (_, endpoint) in here.state.endpoints.iter() {
        if endpoint.vpc_id != here.interface.vpc_id
            || endpoint.service_name != name
            || endpoint.state != "Available"
        {
            continue;
        }
        if endpoint.kind == "Interface" && !endpoint.private_dns {
            // The service's own name still resolves to its public addresses.
            continue;
        }
        if endpoint.kind == "Interface" {
            return reach_endpoint(world, from, &here, endpoint);
        }
        let table = here.route_table();
        if table.is_some_and(|t| endpoint.route_tables.contains(&t.id)) {
            return here.leaves_by_group(address, 443);
        }
    }
    reach(
        world,
        from,
        &To::Address(ec2::cidr::address_text(address)),
        443,
    )
}

/// Who is behind a shared resolver is anywhere on the internet: an address that no rule names by itself.
const SOMEWHERE: u32 = 0x0808_0808;

fn reach_endpoint(
    world: &World,
    from: &From,
    here: &Here<'_>,
    endpoint: &Endpoint,
) -> Result<(), Blocked> {
    let mut last = Err(Blocked::NobodyThere(endpoint.id.clone()));
    for id in &endpoint.interfaces {
        let to = To::Interface {
            account: here.account.to_owned(),
            region: here.region.to_owned(),
            id: id.clone(),
        };
        last = reach(world, from, &to, 443);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn end_of_from(from: &From) -> Option<(&str, &str, &str)> {
    match from {
        From::Internet { .. } | From::Resolver { .. } => None,
        From::Interface {
            account,
            region,
            id,
        } => Some((account, region, id)),
    }
}

fn end_of_to(to: &To) -> Option<(&str, &str, &str)> {
    match to {
        To::Address(_) => None,
        To::Interface {
            account,
            region,
            id,
        } => Some((account, region, id)),
    }
}
