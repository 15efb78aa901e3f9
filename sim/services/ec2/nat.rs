//! NAT gateways: made in minutes, or failed for good; deleted ones stay listed for an hour.

use super::filters::{Question, one};
use super::interfaces::{self, Attachment};
use super::state::NatGateway;
use super::tags::{self, Tags};
use super::{addresses, gateways, limit, not_found, required};
use crate::clock::{HOUR, Pert};
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::world::{Cx, Event, Input, World};
use serde_json::{Value, json};

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = tags::on_create(input, "natgateway")?;
    if input.str("AvailabilityMode") == Some("regional") {
        return Err(cx.not_simulated());
    }
    let subnet_id = required(input, "SubnetId")?;
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    let Some(subnet) = super::subnet(cx.world, &account, &region, subnet_id).cloned() else {
        return Err(not_found("subnet", subnet_id));
    };
    let public = input.str("ConnectivityType") != Some("private");
    let allocation_id = input.str("AllocationId").map(str::to_owned);
    match (&allocation_id, public) {
        (None, true) => return Err(super::missing("AllocationId")),
        (Some(_), false) => {
            return Err(AwsError::new(
                "InvalidParameterCombination",
                "An allocation ID cannot be specified for a private NAT gateway",
            ));
        }
        (Some(id), true) if !cx.place().ec2.addresses.contains(id) => {
            return Err(not_found("elastic-ip", id));
        }
        _ => {}
    }
    let state = &cx.place().ec2;
    let living = |n: &NatGateway| matches!(n.state, "pending" | "available" | "deleting");
    let in_zone = state
        .nat_gateways
        .iter()
        .filter(|(_, n)| {
            living(n)
                && state
                    .subnets
                    .get(&n.subnet_id)
                    .is_some_and(|s| s.zone == subnet.zone)
        })
        .count() as u64;
    let most = limit(cx, "L-FE5A380F", 5);
    if in_zone >= most {
        return Err(AwsError::new(
            "NatGatewayLimitExceeded",
            format!("Performing this operation would exceed the limit of {most} NAT gateways"),
        ));
    }
    let id = cx.new_id("nat-");
    let wanted = Attachment {
        subnet_id: subnet.id.clone(),
        description: format!("Interface for NAT Gateway {id}"),
        requester: "amazon-nat".into(),
        kind: "nat_gateway".into(),
        private_address: input.str("PrivateIpAddress").map(str::to_owned),
        ..Attachment::default()
    };
    let interface = interfaces::attach(cx.world, &account, &region, &wanted)?;
    let mut nat = NatGateway {
        id: id.clone(),
        vpc_id: subnet.vpc_id,
        subnet_id: subnet.id,
        public,
        state: "pending",
        failure: None,
        created: cx.unix_now(),
        deleted: None,
        allocation_id,
        association_id: None,
        public_address: None,
        interface_id: interface.id.clone(),
        private_address: interface.private_address,
    };
    if let Some(allocation) = nat.allocation_id.clone() {
        // AWS takes the request, and tells in the gateway's state what was wrong with it.
        match addresses::associate_address(cx.world, &account, &region, &allocation, &interface.id)
        {
            Ok(address) => {
                nat.public_address = Some(address);
                nat.association_id = super::interface(cx.world, &account, &region, &interface.id)
                    .and_then(|i| i.association_id.clone());
            }
            Err(refused) if refused.code == "Gateway.NotAttached" => {
                let why = format!("Network {} has no Internet gateway attached", nat.vpc_id);
                nat.failure = Some((refused.code, why));
            }
            Err(refused) => {
                let why = format!("Elastic IP address [{allocation}] is already associated");
                nat.failure = Some((refused.code, why));
            }
        }
    }
    let at = cx.visible_at(&id);
    let shown_now = NatGateway {
        failure: None,
        ..nat.clone()
    };
    let mut output = json!({"NatGateway": shown(&shown_now, &given)});
    if let Some(token) = input.str("ClientToken") {
        output["ClientToken"] = token.into();
    }
    let failing = nat.failure.is_some();
    let state = &mut cx.place().ec2;
    state.tags.put(id.clone(), given, at);
    state.nat_gateways.put(id.clone(), nat, at);
    let takes = if failing {
        Pert(5.0, 20.0, 60.0)
    } else {
        Pert(60.0, 105.0, 180.0)
    };
    let after = cx.world.sample(takes, &id, "nat available");
    cx.later(after, "nat available", &id);
    Ok(output)
}

fn schedule(world: &mut World, event: &Event, what: &'static str, after: u64) {
    world.schedule(
        after,
        Event {
            service: ServiceId::Ec2,
            what,
            ..event.clone()
        },
    );
}

pub(super) fn become_available(world: &mut World, event: &Event) {
    let (account, region) = (&event.account, &event.region);
    let Some(nat) = world
        .place(account, region)
        .ec2
        .nat_gateways
        .get(&event.id)
        .cloned()
    else {
        return;
    };
    if nat.state != "pending" {
        return;
    }
    let mut failure = nat.failure.clone();
    if failure.is_none()
        && nat.public
        && !gateways::has_internet_gateway(world, account, region, &nat.vpc_id)
    {
        let why = format!("Network {} has no Internet gateway attached", nat.vpc_id);
        failure = Some(("Gateway.NotAttached".into(), why));
    }
    let Some(failure) = failure else {
        world
            .place(account, region)
            .ec2
            .nat_gateways
            .settle(&event.id, |n| n.state = "available");
        return;
    };
    let now = world.now();
    let when = world.unix(now);
    let state = &mut world.place(account, region).ec2;
    // A failed gateway holds no address, only its name; it goes away in about an hour.
    if let (Some(allocation), Some(_)) = (&nat.allocation_id, &nat.association_id) {
        addresses::part(state, allocation, now);
    }
    state.nat_gateways.settle(&event.id, |n| {
        n.state = "failed";
        n.failure = Some(failure);
        n.deleted = Some(when);
        n.association_id = None;
    });
    interfaces::remove(world, account, region, &nat.interface_id, now);
    schedule(world, event, "nat gone", HOUR);
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "NatGatewayId")?;
    let Some(nat) = cx.place().ec2.nat_gateways.get(id) else {
        return Err(not_found("natgateway", id));
    };
    match nat.state {
        // Asked again, AWS answers the same.
        "deleting" | "deleted" => return Ok(json!({"NatGatewayId": id})),
        "failed" => {
            let at = cx.visible_at(id);
            cx.place()
                .ec2
                .nat_gateways
                .change(id, at, |n| n.state = "deleted");
            return Ok(json!({"NatGatewayId": id}));
        }
        _ => {}
    }
    let at = cx.visible_at(id);
    cx.place()
        .ec2
        .nat_gateways
        .change(id, at, |n| n.state = "deleting");
    let after = cx.world.sample(Pert(20.0, 45.0, 120.0), id, "nat deleted");
    cx.later(after, "nat deleted", id);
    Ok(json!({"NatGatewayId": id}))
}

pub(super) fn become_deleted(world: &mut World, event: &Event) {
    let (account, region) = (&event.account, &event.region);
    let Some(nat) = world
        .place(account, region)
        .ec2
        .nat_gateways
        .get(&event.id)
        .cloned()
    else {
        return;
    };
    let now = world.now();
    let when = world.unix(now);
    let state = &mut world.place(account, region).ec2;
    if let Some(allocation) = &nat.allocation_id {
        addresses::part(state, allocation, now);
    }
    state.nat_gateways.settle(&event.id, |n| {
        n.state = "deleted";
        n.deleted = Some(when);
    });
    interfaces::remove(world, account, region, &nat.interface_id, now);
    schedule(world, event, "nat gone", HOUR);
}

pub(super) fn vanish(world: &mut World, event: &Event) {
    let now = world.now();
    let state = &mut world.place(&event.account, &event.region).ec2;
    state.nat_gateways.remove(&event.id, now);
    state.tags.remove(&event.id, now);
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let question = Question::read(cx, input, "natgateway", "NatGatewayIds", "Filter")?;
    let state = &cx.place().ec2;
    let names = ["nat-gateway-id", "state", "subnet-id", "vpc-id"];
    let facts = |n: &NatGateway, name: &str| match name {
        "nat-gateway-id" => one(n.id.as_str()),
        "state" => one(n.state),
        "subnet-id" => one(n.subnet_id.as_str()),
        _ => one(n.vpc_id.as_str()),
    };
    let found = question.answer(state, &state.nat_gateways, &names, facts, shown)?;
    Ok(object! {"NatGateways": found})
}

fn shown(n: &NatGateway, tags: &Tags) -> Value {
    let mut address = json!({
        "NetworkInterfaceId": n.interface_id, "PrivateIp": n.private_address, "IsPrimary": true,
        "Status": if n.state == "failed" { "failed" } else { "succeeded" },
    });
    for (name, value) in [
        ("AllocationId", &n.allocation_id),
        ("AssociationId", &n.association_id),
        ("PublicIp", &n.public_address),
    ] {
        if let Some(value) = value {
            address[name] = value.as_str().into();
        }
    }
    let mut shown = json!({
        "NatGatewayId": n.id, "VpcId": n.vpc_id, "SubnetId": n.subnet_id, "State": n.state, "CreateTime": n.created,
        "ConnectivityType": if n.public { "public" } else { "private" }, "AvailabilityMode": "zonal",
        "NatGatewayAddresses": [address], "Tags": tags::listed(tags),
    });
    if let Some(when) = n.deleted {
        shown["DeleteTime"] = when.into();
    }
    if let Some((code, why)) = &n.failure
        && n.state != "pending"
    {
        shown["FailureCode"] = code.as_str().into();
        shown["FailureMessage"] = why.as_str().into();
    }
    shown
}
