//! The way of a packet: from an interface by its routes, over the borders of subnets, through security groups, to
//! another interface or out of the world.

use super::here::{End, Here, ephemeral};
use super::{Blocked, SOMEWHERE, To};
use crate::plane::From;
use crate::services::ec2;
use crate::services::ec2::cidr::{address_number, is_private};
use crate::services::ec2::state::{Route, State, Target};
use crate::world::World;

pub(super) fn walk(
    world: &World,
    from: &From,
    to: &To,
    port: u16,
    groups: bool,
) -> Result<(), Blocked> {
    match from {
        From::Internet { .. } | From::Resolver { .. } => {
            let source = match from {
                From::Internet { ip } => address_number(ip).unwrap_or_default(),
                _ => SOMEWHERE,
            };
            let (account, region, id) = match to {
                To::Interface {
                    account,
                    region,
                    id,
                } => (account.as_str(), region.as_str(), id.as_str()),
                To::Address(address) => match ec2::holder_of_public(world, address) {
                    Some((account, region, interface)) => (account, region, interface.id.as_str()),
                    None => return Err(Blocked::NobodyThere(address.clone())),
                },
            };
            let there = target(world, account, region, id)?;
            from_internet(&there, source, port, ephemeral("internet"), groups)
        }
        From::Interface {
            account,
            region,
            id,
        } => {
            let here = Here::of(world, account, region, id)?;
            match to {
                To::Interface {
                    account,
                    region,
                    id,
                } => {
                    let there = here.neighbour(account, region, id);
                    let there = match there {
                        Some(there) => there,
                        None => target(world, account, region, id)?,
                    };
                    to_interface(world, &here, &there, port, groups)
                }
                To::Address(text) => to_address(world, &here, text, port, groups),
            }
        }
    }
}

fn target<'w>(
    world: &'w World,
    account: &'w str,
    region: &'w str,
    id: &str,
) -> Result<Here<'w>, Blocked> {
    Here::of(world, account, region, id).map_err(|blocked| match blocked {
        Blocked::SourceGone(id) => Blocked::NobodyThere(id),
        other => other,
    })
}

fn from_internet(
    there: &Here<'_>,
    source: u32,
    port: u16,
    ephemeral: &[u16],
    groups: bool,
) -> Result<(), Blocked> {
    if there.interface.public_address.is_none() {
        return Err(Blocked::NotPublic(there.interface.id.clone()));
    }
    // The way back decides: without a route to the internet gateway no answer leaves the subnet.
    let (table, route) = there.route(source)?;
    match &route.target {
        Target::InternetGateway(id) if gateway_works(there.state, id, &there.interface.vpc_id) => {}
        Target::InternetGateway(id) => {
            return Err(Blocked::Blackhole {
                route_table: table.id.clone(),
                target: id.clone(),
            });
        }
        _ => {
            return Err(Blocked::NoRoute {
                route_table: table.id.clone(),
                address: ec2::cidr::address_text(source),
            });
        }
    }
    there.border(false, source, port, ephemeral)?;
    if groups {
        there.group_allows(false, &End::Address(source), port)
    } else {
        Ok(())
    }
}

fn gateway_works(state: &State, id: &str, vpc_id: &str) -> bool {
    state
        .internet_gateways
        .get(id)
        .is_some_and(|g| g.vpc_id.as_deref() == Some(vpc_id))
}

fn to_interface(
    world: &World,
    here: &Here<'_>,
    there: &Here<'_>,
    port: u16,
    groups: bool,
) -> Result<(), Blocked> {
    let same_vpc = here.interface.vpc_id == there.interface.vpc_id;
    if !same_vpc && !peered(here, there.address) {
        // Another network: the only other way is over the internet, to its public address.
        return match &there.interface.public_address {
            Some(address) => to_address(world, here, address, port, groups),
            None => {
                let (table, route) = here.route(there.address)?;
                Err(Blocked::Blackhole {
                    route_table: table.id.clone(),
                    target: target_name(&route.target),
                })
            }
        };
    }
    if groups {
        here.group_allows(true, &End::Interface(there), port)?;
    }
    if !same_vpc {
        // The answers need their own route.
        if !peered(there, here.address) {
            let table = there
                .route_table()
                .map_or_else(String::new, |t| t.id.clone());
            return Err(Blocked::NoRoute {
                route_table: table,
                address: here.interface.private_address.clone(),
            });
        }
    }
    if here.interface.subnet_id != there.interface.subnet_id {
        let ports = ephemeral(&here.interface.kind);
        here.border(true, there.address, port, ports)?;
        there.border(false, here.address, port, ports)?;
    }
    if groups {
        there.group_allows(false, &End::Interface(here), port)
    } else {
        Ok(())
    }
}

/// Whether the route for an address leads over a peering that is active.
fn peered(here: &Here<'_>, address: u32) -> bool {
    let Ok((_, route)) = here.route(address) else {
        return false;
    };
    match &route.target {
        Target::Peering(id) => here
            .state
            .peerings
            .get(id)
            .is_some_and(|p| p.status == "active"),
        _ => false,
    }
}

fn to_address(
    world: &World,
    here: &Here<'_>,
    text: &str,
    port: u16,
    groups: bool,
) -> Result<(), Blocked> {
    let Some(address) = address_number(text) else {
        return Err(Blocked::NobodyThere(text.to_owned()));
    };
    let vpc_id = &here.interface.vpc_id;
    if here
        .state
        .vpcs
        .get(vpc_id)
        .is_some_and(|vpc| vpc.has(address))
    {
        let there = ec2::holder_of_private(world, here.account, here.region, vpc_id, text)
            .filter(|i| !i.released);
        let Some(interface) = there else {
            return Err(Blocked::NobodyThere(text.to_owned()));
        };
        let there = Here::at(here.account, here.region, here.state, interface);
        return to_interface(world, here, &there, port, groups);
    }
    let (table, route) = here.route(address)?;
    let blackhole = |id: &str| Blocked::Blackhole {
        route_table: table.id.clone(),
        target: id.to_owned(),
    };
    if groups {
        // An address elsewhere matches by its block; what is behind it is judged when the packet is there.
        match (&route.target, peer_holder(world, here, &route.target, text)) {
            (Target::Peering(_), Some(_)) => {}
            _ => here.leaves_by_group(address, port)?,
        }
    }
    let leaves_as = match &route.target {
        Target::Peering(id) => {
            return match peer_holder(world, here, &route.target, text) {
                Some(there) => to_interface(world, here, &there, port, groups),
                None if peered(here, address) => Err(Blocked::NobodyThere(text.to_owned())),
                None => Err(blackhole(id)),
            };
        }
        Target::InternetGateway(id) => {
            if !gateway_works(here.state, id, vpc_id) {
                return Err(blackhole(id));
            }
            here.border(true, address, port, ephemeral(&here.interface.kind))?;
            let own = here.interface.public_address.clone();
            own.ok_or_else(|| Blocked::NoPublicAddress(here.interface.id.clone()))?
        }
        Target::Nat(id) => {
            let nat = here
                .state
                .nat_gateways
                .get(id)
                .filter(|n| n.state == "available")
                .ok_or_else(|| blackhole(id))?;
            let gate = Here::of(world, here.account, here.region, &nat.interface_id)
                .map_err(|_| blackhole(id))?;
            if gate.interface.subnet_id != here.interface.subnet_id {
                let ports = ephemeral(&here.interface.kind);
                here.border(true, address, port, ports)?;
                // What the gateway's subnet sees is the client's own address on one side…
                gate.border(false, here.address, port, ports)?;
            }
            // …and its own on the other.
            return match (&nat.public_address, gate.route(address)?) {
                (
                    Some(public),
                    (
                        _,
                        Route {
                            target: Target::InternetGateway(igw),
                            ..
                        },
                    ),
                ) if gateway_works(gate.state, igw, &nat.vpc_id) => {
                    gate.border(true, address, port, ephemeral("nat_gateway"))?;
                    arrive(world, public, text, address, port, groups)
                }
                (_, (table, route)) => Err(Blocked::Blackhole {
                    route_table: table.id.clone(),
                    target: target_name(&route.target),
                }),
            };
        }
        other => return Err(blackhole(&target_name(other))),
    };
    arrive(world, &leaves_as, text, address, port, groups)
}

/// A packet from a public address arrives at another: at something of this world, or at the outside, which answers.
fn arrive(
    world: &World,
    source: &str,
    text: &str,
    address: u32,
    port: u16,
    groups: bool,
) -> Result<(), Blocked> {
    if is_private(address) {
        return Err(Blocked::NobodyThere(text.to_owned()));
    }
    match ec2::holder_of_public(world, text) {
        Some((account, region, interface)) => {
            let there = target(world, account, region, &interface.id)?;
            from_internet(
                &there,
                address_number(source).unwrap_or_default(),
                port,
                ephemeral("internet"),
                groups,
            )
        }
        // The range from which this world gives public addresses: nobody has this one.
        None if address >> 17 == 0xc612_0000 >> 17 => Err(Blocked::NobodyThere(text.to_owned())),
        None => Ok(()),
    }
}

fn peer_holder<'w>(
    world: &'w World,
    here: &Here<'_>,
    target: &Target,
    address: &str,
) -> Option<Here<'w>> {
    let Target::Peering(id) = target else {
        return None;
    };
    let peering = here
        .state
        .peerings
        .get(id)
        .filter(|p| p.status == "active")?;
    let own = (&peering.requester.vpc_id, &peering.requester.region)
        == (&here.interface.vpc_id, &here.region.to_owned());
    let other = if own {
        &peering.accepter
    } else {
        &peering.requester
    };
    // The world's own strings outlive the copy of the peering that was looked at.
    let ((account, region), place) = world
        .places
        .get_key_value(&(other.account.clone(), other.region.clone()))?;
    let interface = ec2::holder_of_private(world, account, region, &other.vpc_id, address)
        .filter(|i| !i.released)?;
    Some(Here::at(account, region, &place.ec2, interface))
}

fn target_name(target: &Target) -> String {
    match target {
        Target::Local => "local".to_owned(),
        Target::InternetGateway(id)
        | Target::Nat(id)
        | Target::Interface(id)
        | Target::Peering(id)
        | Target::Endpoint(id)
        | Target::Other(_, id) => id.clone(),
    }
}
