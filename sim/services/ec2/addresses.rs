//! Elastic IP addresses.

use super::filters::{Question, one};
use super::interfaces::public_address;
use super::state::{Address, AddressAssociation, State};
use super::tags::{self, Tags};
use super::{invalid, limit, missing, not_found, required};
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};

pub(super) fn allocate(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = tags::on_create(input, "elastic-ip")?;
    if input.str("Domain").is_some_and(|d| d != "vpc") {
        return Err(invalid("Value (standard) for parameter domain is invalid."));
    }
    if input.has("Address") || input.has("CustomerOwnedIpv4Pool") || input.has("IpamPoolId") {
        return Err(cx.not_simulated());
    }
    if cx.place().ec2.addresses.len() as u64 >= limit(cx, "L-0263D0A3", 5) {
        return Err(AwsError::new(
            "AddressLimitExceeded",
            "The maximum number of addresses has been reached.",
        ));
    }
    let address = Address {
        id: cx.new_id("eipalloc-"),
        public_address: public_address(cx.world),
        association: None,
    };
    let at = cx.visible_at(&address.id);
    let output = json!({
        "AllocationId": address.id, "PublicIp": address.public_address, "Domain": "vpc", "PublicIpv4Pool": "amazon",
        "NetworkBorderGroup": cx.region,
    });
    let state = &mut cx.place().ec2;
    state.tags.put(address.id.clone(), given, at);
    state.addresses.put(address.id.clone(), address, at);
    Ok(output)
}

pub(super) fn release(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    if !input.has("AllocationId") && input.has("PublicIp") {
        return Err(invalid(
            "You must specify an allocation id when releasing a VPC elastic IP address",
        ));
    }
    let id = required(input, "AllocationId")?;
    let Some(address) = cx.place().ec2.addresses.get(id) else {
        return Err(not_found("elastic-ip", id));
    };
    if address.association.is_some() {
        return Err(AwsError::new(
            "InvalidIPAddress.InUse",
            format!("Address {} is in use.", address.public_address),
        ));
    }
    let at = cx.visible_at(id);
    let state = &mut cx.place().ec2;
    state.addresses.remove(id, at);
    state.tags.remove(id, at);
    Ok(json!({}))
}

/// Joins an Elastic IP to an interface of a service; answers the public address.
pub fn associate_address(
    world: &mut World,
    account: &str,
    region: &str,
    allocation_id: &str,
    interface_id: &str,
) -> Result<String, AwsError> {
    let now = world.now();
    let association_id = format!("eipassoc-{}", {
        let ordinal = world.ordinal(&format!("eipassoc/{allocation_id}"));
        let hash = world.dice.hash(&["eipassoc", allocation_id], ordinal);
        format!("{hash:016x}0")
    });
    join(
        &mut world.place(account, region).ec2,
        allocation_id,
        interface_id,
        &association_id,
        now,
    )
}

/// Writes an association into both of its ends.
fn join(
    state: &mut State,
    allocation_id: &str,
    interface_id: &str,
    association_id: &str,
    at: Nanos,
) -> Result<String, AwsError> {
    let Some(address) = state.addresses.get(allocation_id).cloned() else {
        return Err(not_found("elastic-ip", allocation_id));
    };
    if let Some(held) = &address.association {
        return Err(AwsError::new(
            "Resource.AlreadyAssociated",
            format!(
                "resource {allocation_id} is already associated with associate-id {}",
                held.id
            ),
        ));
    }
    let Some(interface) = state.interfaces.get(interface_id).cloned() else {
        return Err(not_found("network-interface", interface_id));
    };
    let attached = state
        .internet_gateways
        .iter()
        .any(|(_, g)| g.vpc_id.as_ref() == Some(&interface.vpc_id));
    if !attached {
        return Err(AwsError::new(
            "Gateway.NotAttached",
            format!(
                "Network {} is not attached to any internet gateway",
                interface.vpc_id
            ),
        ));
    }
    if let Some(old) = &interface.public_address {
        state.public.remove(old);
    }
    let public = address.public_address;
    state.public.insert(public.clone(), interface_id.to_owned());
    state.interfaces.change(interface_id, at, |i| {
        i.public_address = Some(public.clone());
        i.allocation_id = Some(allocation_id.to_owned());
        i.association_id = Some(association_id.to_owned());
    });
    state.addresses.change(allocation_id, at, |a| {
        a.association = Some(AddressAssociation {
            id: association_id.to_owned(),
            interface_id: interface_id.to_owned(),
            private_address: interface.private_address,
        });
    });
    Ok(public)
}

/// Parts an Elastic IP from its interface, whoever owns that.
pub(super) fn part(state: &mut State, allocation_id: &str, at: Nanos) {
    let Some(address) = state.addresses.get(allocation_id).cloned() else {
        return;
    };
    let Some(association) = address.association else {
        return;
    };
    state.public.remove(&address.public_address);
    state.interfaces.change(&association.interface_id, at, |i| {
        i.public_address = None;
        i.allocation_id = None;
        i.association_id = None;
    });
    state
        .addresses
        .change(allocation_id, at, |a| a.association = None);
}

pub(super) fn associate(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    if let Some(instance) = input.str("InstanceId") {
        return Err(AwsError::new(
            "InvalidInstanceID.NotFound",
            format!("The instance ID '{instance}' does not exist"),
        ));
    }
    let allocation = required(input, "AllocationId")?;
    let interface = required(input, "NetworkInterfaceId")?;
    let Some(address) = cx.place().ec2.addresses.get(allocation).cloned() else {
        return Err(not_found("elastic-ip", allocation));
    };
    if !cx.place().ec2.interfaces.contains(interface) {
        return Err(not_found("network-interface", interface));
    }
    let id = cx.new_id("eipassoc-");
    let at = cx.visible_at(allocation);
    let state = &mut cx.place().ec2;
    if let Some(held) = &address.association {
        if held.interface_id == interface {
            return Ok(json!({"AssociationId": held.id}));
        }
        // In a VPC an address moves only when told so.
        if input.bool("AllowReassociation") == Some(true) {
            part(state, allocation, at);
        }
    }
    join(state, allocation, interface, &id, at)?;
    Ok(json!({"AssociationId": id}))
}

pub(super) fn disassociate(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let Some(association) = input.str("AssociationId") else {
        return Err(missing("AssociationId"));
    };
    let state = &cx.place().ec2;
    let found = state
        .addresses
        .iter()
        .find(|(_, a)| {
            a.association
                .as_ref()
                .is_some_and(|held| held.id == association)
        })
        .map(|(id, a)| (id.to_owned(), a.association.clone()));
    let Some((id, Some(held))) = found else {
        return Err(AwsError::new(
            "InvalidAssociationID.NotFound",
            format!("The association ID '{association}' does not exist"),
        ));
    };
    if state
        .interfaces
        .get(&held.interface_id)
        .is_some_and(|i| !i.requester.is_empty())
    {
        return Err(AwsError::new(
            "AuthFailure",
            "You do not have permission to access the specified resource.",
        ));
    }
    let at = cx.visible_at(&id);
    part(&mut cx.place().ec2, &id, at);
    Ok(json!({}))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let question = Question::read(cx, input, "elastic-ip", "AllocationIds", "Filters")?;
    let (now, account, region) = (cx.now(), cx.account_id().to_owned(), cx.region.clone());
    let state = &cx.place().ec2;
    let wanted = input.strings("PublicIps");
    if let Some(unknown) = wanted.iter().find(|ip| {
        !state
            .addresses
            .seen_all(now)
            .any(|(_, a)| a.public_address == **ip)
    }) {
        return Err(AwsError::new(
            "InvalidAddress.NotFound",
            format!("Address '{unknown}' not found."),
        ));
    }
    let names = [
        "allocation-id",
        "association-id",
        "domain",
        "network-border-group",
        "network-interface-id",
        "network-interface-owner-id",
        "private-ip-address",
        "public-ip",
        "instance-id",
    ];
    let facts = |a: &Address, name: &str| {
        let held = a.association.as_ref();
        match name {
            "allocation-id" => one(a.id.as_str()),
            "association-id" => held.map(|h| h.id.clone()).into_iter().collect(),
            "domain" => one("vpc"),
            "network-border-group" => one(region.as_str()),
            "network-interface-id" => held.map(|h| h.interface_id.clone()).into_iter().collect(),
            "network-interface-owner-id" => held.map(|_| account.clone()).into_iter().collect(),
            "private-ip-address" => held
                .map(|h| h.private_address.clone())
                .into_iter()
                .collect(),
            "public-ip" => one(a.public_address.as_str()),
            _ => vec![],
        }
    };
    let shown = |a: &Address, tags: &Tags| {
        let mut shown = json!({
            "AllocationId": a.id, "PublicIp": a.public_address, "Domain": "vpc", "PublicIpv4Pool": "amazon",
            "NetworkBorderGroup": region, "Tags": tags::listed(tags),
        });
        if let Some(held) = &a.association {
            shown["AssociationId"] = held.id.as_str().into();
            shown["NetworkInterfaceId"] = held.interface_id.as_str().into();
            shown["NetworkInterfaceOwnerId"] = account.as_str().into();
            shown["PrivateIpAddress"] = held.private_address.as_str().into();
        }
        shown
    };
    let mut found = question.answer(state, &state.addresses, &names, facts, shown)?;
    if !wanted.is_empty() {
        found.retain(|a| wanted.iter().any(|ip| a["PublicIp"] == **ip));
    }
    Ok(object! {"Addresses": found})
}
