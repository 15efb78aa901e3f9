//! Route tables: what leads where, and which subnets go by which.

use super::cidr::{Cidr, canonical_v6};
use super::filters::{Question, one, truth};
use super::state::{Destination, Route, RouteAssociation, RouteTable, State, Subnet, Target};
use super::tags::{self, Tags};
use super::vpcs::local_routes;
use super::{dependency, invalid, limit, missing, not_found, required};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

/// The ids of a VPC's route tables.
pub(super) fn tables_of(state: &State, vpc_id: &str) -> Vec<String> {
    state
        .route_tables
        .iter()
        .filter(|(_, t)| t.vpc_id == vpc_id)
        .map(|(id, _)| id.to_owned())
        .collect()
}

pub(super) fn main_table<'s>(state: &'s State, vpc_id: &str) -> Option<&'s RouteTable> {
    state
        .route_tables
        .iter()
        .map(|(_, t)| t)
        .find(|t| t.vpc_id == vpc_id && t.is_main())
}

/// The table that a subnet goes by: its own, or the main one.
pub(super) fn table_of_subnet<'s>(state: &'s State, subnet: &Subnet) -> Option<&'s RouteTable> {
    let own = |t: &&RouteTable| {
        t.associations
            .iter()
            .any(|a| a.subnet_id.as_ref() == Some(&subnet.id))
    };
    state
        .route_tables
        .iter()
        .map(|(_, t)| t)
        .find(own)
        .or_else(|| main_table(state, &subnet.vpc_id))
}

pub(super) fn leads_to_internet_gateway(state: &State, subnet: &Subnet) -> bool {
    table_of_subnet(state, subnet).is_some_and(|table| {
        table.routes.iter().any(|r| {
            r.destination == Destination::Cidr(Cidr::ANYWHERE)
                && matches!(&r.target, Target::InternetGateway(id) if state.internet_gateways.contains(id))
        })
    })
}

pub(super) fn create_table(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = tags::on_create(input, "route-table")?;
    let vpc_id = required(input, "VpcId")?;
    let Some(vpc) = cx.place().ec2.vpcs.get(vpc_id).cloned() else {
        return Err(not_found("vpc", vpc_id));
    };
    if tables_of(&cx.place().ec2, vpc_id).len() as u64 >= limit(cx, "L-589F43AA", 200) {
        return Err(AwsError::new(
            "RouteTableLimitExceeded",
            "The maximum number of route tables has been reached.",
        ));
    }
    let table = RouteTable {
        id: cx.new_id("rtb-"),
        vpc_id: vpc_id.to_owned(),
        routes: local_routes(&vpc),
        associations: vec![],
    };
    let at = cx.visible_at(&table.id);
    let account = cx.account_id().to_owned();
    let state = &mut cx.place().ec2;
    let mut output = object! {"RouteTable": shown(state, &table, &given, &account)};
    if let Some(token) = input.str("ClientToken") {
        output["ClientToken"] = token.into();
    }
    state.tags.put(table.id.clone(), given, at);
    state.route_tables.put(table.id.clone(), table, at);
    Ok(output)
}

fn existing(state: &State, id: &str) -> Result<RouteTable, AwsError> {
    state
        .route_tables
        .get(id)
        .cloned()
        .ok_or_else(|| not_found("route-table", id))
}

pub(super) fn delete_table(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "RouteTableId")?;
    let table = existing(&cx.place().ec2, id)?;
    if !table.associations.is_empty()
        || table
            .routes
            .iter()
            .any(|r| matches!(r.target, Target::Endpoint(_)))
    {
        return Err(dependency("routeTable", id));
    }
    let at = cx.visible_at(id);
    let state = &mut cx.place().ec2;
    state.route_tables.remove(id, at);
    state.tags.remove(id, at);
    Ok(json!({}))
}

pub(super) fn associate(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    if input.has("GatewayId") {
        return Err(cx.not_simulated());
    }
    let (table_id, subnet_id) = (
        required(input, "RouteTableId")?,
        required(input, "SubnetId")?,
    );
    let state = &cx.place().ec2;
    let table = existing(state, table_id)?;
    let Some(subnet) = state.subnets.get(subnet_id) else {
        return Err(not_found("subnet", subnet_id));
    };
    if subnet.vpc_id != table.vpc_id {
        return Err(invalid(format!(
            "route table {table_id} and subnet {subnet_id} belong to different networks"
        )));
    }
    let held = state.route_tables.iter().find_map(|(id, t)| {
        t.associations
            .iter()
            .find(|a| a.subnet_id.as_deref() == Some(subnet_id))
            .map(|a| (id.to_owned(), a.id.clone()))
    });
    match held {
        Some((id, association)) if id == table_id => {
            return Ok(
                json!({"AssociationId": association, "AssociationState": {"State": "associated"}}),
            );
        }
        Some(_) => {
            return Err(AwsError::new(
                "Resource.AlreadyAssociated",
                format!(
                    "the specified association for route table {table_id} conflicts with an existing association"
                ),
            ));
        }
        None => {}
    }
    let association = cx.new_id("rtbassoc-");
    let at = cx.visible_at(table_id);
    let added = RouteAssociation {
        id: association.clone(),
        subnet_id: Some(subnet_id.to_owned()),
    };
    cx.place()
        .ec2
        .route_tables
        .change(table_id, at, |t| t.associations.push(added));
    Ok(json!({"AssociationId": association, "AssociationState": {"State": "associated"}}))
}

fn association(state: &State, id: &str) -> Result<(String, RouteAssociation), AwsError> {
    let found = state.route_tables.iter().find_map(|(table, t)| {
        t.associations
            .iter()
            .find(|a| a.id == id)
            .map(|a| (table.to_owned(), a.clone()))
    });
    found.ok_or_else(|| {
        AwsError::new(
            "InvalidAssociationID.NotFound",
            format!("The association ID '{id}' does not exist"),
        )
    })
}

pub(super) fn disassociate(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "AssociationId")?;
    let (table, held) = association(&cx.place().ec2, id)?;
    if held.subnet_id.is_none() {
        return Err(invalid(format!(
            "cannot disassociate the main route table association {id}"
        )));
    }
    let at = cx.visible_at(&table);
    cx.place()
        .ec2
        .route_tables
        .change(&table, at, |t| t.associations.retain(|a| a.id != id));
    Ok(json!({}))
}

pub(super) fn replace_association(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (id, table_id) = (
        required(input, "AssociationId")?,
        required(input, "RouteTableId")?,
    );
    let state = &cx.place().ec2;
    let (old, held) = association(state, id)?;
    let (from, to) = (existing(state, &old)?, existing(state, table_id)?);
    if from.vpc_id != to.vpc_id {
        return Err(invalid(format!(
            "route table {table_id} and association {id} belong to different networks"
        )));
    }
    let new = cx.new_id("rtbassoc-");
    let at = cx.visible_at(table_id);
    let tables = &mut cx.place().ec2.route_tables;
    tables.change(&old, at, |t| t.associations.retain(|a| a.id != id));
    let moved = RouteAssociation {
        id: new.clone(),
        subnet_id: held.subnet_id,
    };
    tables.change(table_id, at, |t| t.associations.push(moved));
    Ok(json!({"NewAssociationId": new, "AssociationState": {"State": "associated"}}))
}

fn destination(input: &Input) -> Result<Destination, AwsError> {
    let given = (
        input.str("DestinationCidrBlock"),
        input.str("DestinationIpv6CidrBlock"),
        input.str("DestinationPrefixListId"),
    );
    let malformed = |name: &str, text: &str| {
        invalid(format!(
            "Value ({text}) for parameter {name} is invalid. This is not a valid CIDR block."
        ))
    };
    match given {
        (Some(text), None, None) => Cidr::parse(text)
            .map(Destination::Cidr)
            .ok_or_else(|| malformed("destinationCidrBlock", text)),
        (None, Some(text), None) => canonical_v6(text)
            .map(Destination::Cidr6)
            .ok_or_else(|| malformed("destinationIpv6CidrBlock", text)),
        (None, None, Some(list)) => Ok(Destination::PrefixList(list.to_owned())),
        (None, None, None) => Err(missing("DestinationCidrBlock")),
        _ => Err(AwsError::new(
            "InvalidParameterCombination",
            "You must specify exactly one destination",
        )),
    }
}

fn destination_text(destination: &Destination) -> String {
    match destination {
        Destination::Cidr(cidr) => cidr.to_string(),
        Destination::Cidr6(text) | Destination::PrefixList(text) => text.clone(),
    }
}

const TARGETS: &[&str] = &[
    "GatewayId",
    "NatGatewayId",
    "NetworkInterfaceId",
    "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId",
    "TransitGatewayId",
    "InstanceId",
    "VpcEndpointId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
];

fn target(state: &State, table: &RouteTable, input: &Input) -> Result<Target, AwsError> {
    let given: Vec<(&'static str, &str)> = TARGETS
        .iter()
        .filter_map(|name| Some((*name, input.str(name)?)))
        .collect();
    if input.bool("LocalTarget") == Some(true) && given.is_empty() {
        return Ok(Target::Local);
    }
    let [(name, id)] = given.as_slice() else {
        if given.is_empty() {
            return Err(AwsError::new(
                "MissingParameter",
                "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId, instanceId",
            ));
        }
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "You must specify exactly one target of a route",
        ));
    };
    let other_network = |what: &str| {
        invalid(format!(
            "route table {} and {what} {id} belong to different networks",
            table.id
        ))
    };
    match *name {
        "GatewayId" if *id == "local" => Ok(Target::Local),
        "GatewayId" if id.starts_with("igw-") => match state.internet_gateways.get(id) {
            None => Err(AwsError::new(
                "InvalidGatewayID.NotFound",
                format!("The gateway ID '{id}' does not exist"),
            )),
            Some(g) if g.vpc_id.as_ref() != Some(&table.vpc_id) => {
                Err(other_network("network gateway"))
            }
            Some(_) => Ok(Target::InternetGateway((*id).to_owned())),
        },
        "NatGatewayId" => match state.nat_gateways.get(id) {
            None => Err(AwsError::new(
                "InvalidNatGatewayID.NotFound",
                format!("The natGateway ID '{id}' does not exist"),
            )),
            Some(n) if matches!(n.state, "failed" | "deleting" | "deleted") => Err(AwsError::new(
                "InvalidNatGatewayID.NotFound",
                format!("The natGateway ID '{id}' does not exist"),
            )),
            Some(n) if n.vpc_id != table.vpc_id => Err(other_network("NAT gateway")),
            Some(_) => Ok(Target::Nat((*id).to_owned())),
        },
        "NetworkInterfaceId" => match state.interfaces.get(id) {
            None => Err(not_found("network-interface", id)),
            Some(i) if i.vpc_id != table.vpc_id => Err(other_network("interface")),
            Some(_) => Ok(Target::Interface((*id).to_owned())),
        },
        "VpcPeeringConnectionId" => match state.peerings.get(id) {
            None => Err(not_found("vpc-peering-connection", id)),
            Some(_) => Ok(Target::Peering((*id).to_owned())),
        },
        // Kinds that do not exist in this world, so no id names one.
        _ => Err(AwsError::new(
            format!("Invalid{}.NotFound", name.replace("Id", "ID")),
            format!("The {} '{id}' does not exist", super::lower_first(name)),
        )),
    }
}

pub(super) fn create_route(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "RouteTableId")?;
    let most = limit(cx, "L-93826ACB", 50);
    let state = &cx.place().ec2;
    let table = existing(state, id)?;
    let destination = destination(input)?;
    let target = target(state, &table, input)?;
    if let Destination::Cidr(cidr) = destination {
        let local = table
            .routes
            .iter()
            .find_map(|r| match (&r.target, &r.destination) {
                (Target::Local, Destination::Cidr(own)) if own.contains(cidr) => Some(*own),
                _ => None,
            });
        if local == Some(cidr) {
            return Err(already(&destination));
        }
        if local.is_some() && !matches!(target, Target::Interface(_) | Target::Nat(_)) {
            return Err(invalid(format!(
                "The destination CIDR block {cidr} is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance."
            )));
        }
    }
    if table.routes.iter().any(|r| r.destination == destination) {
        return Err(already(&destination));
    }
    if table.routes.len() as u64 >= most {
        return Err(AwsError::new(
            "RouteLimitExceeded",
            "The maximum number of routes has been reached.",
        ));
    }
    let at = cx.visible_at(id);
    let route = Route {
        destination,
        target,
        origin: "CreateRoute",
    };
    cx.place()
        .ec2
        .route_tables
        .change(id, at, |t| t.routes.push(route));
    Ok(json!({"Return": true}))
}

fn already(destination: &Destination) -> AwsError {
    let text = destination_text(destination);
    AwsError::new(
        "RouteAlreadyExists",
        format!("The route identified by {text} already exists."),
    )
}

fn no_route(table: &str, destination: &Destination) -> AwsError {
    let text = destination_text(destination);
    AwsError::new(
        "InvalidRoute.NotFound",
        format!("no route with destination-cidr-block {text} in route table {table}"),
    )
}

pub(super) fn replace_route(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "RouteTableId")?;
    let state = &cx.place().ec2;
    let table = existing(state, id)?;
    let destination = destination(input)?;
    let target = target(state, &table, input)?;
    match table.routes.iter().find(|r| r.destination == destination) {
        None => {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!(
                    "There is no route defined for '{}' in the route table. Use CreateRoute instead.",
                    destination_text(&destination)
                ),
            ));
        }
        Some(held) if matches!(held.target, Target::Endpoint(_)) => {
            return Err(invalid("cannot replace the route of a gateway endpoint"));
        }
        Some(_) => {}
    }
    let at = cx.visible_at(id);
    cx.place().ec2.route_tables.change(id, at, |t| {
        if let Some(route) = t.routes.iter_mut().find(|r| r.destination == destination) {
            route.target = target;
        }
    });
    Ok(json!({}))
}

pub(super) fn delete_route(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "RouteTableId")?;
    let table = existing(&cx.place().ec2, id)?;
    let destination = destination(input)?;
    let Some(route) = table.routes.iter().find(|r| r.destination == destination) else {
        return Err(no_route(id, &destination));
    };
    if route.origin == "CreateRouteTable" {
        return Err(invalid(format!(
            "cannot remove local route {} in route table {id}",
            destination_text(&destination)
        )));
    }
    if matches!(route.target, Target::Endpoint(_)) {
        return Err(invalid(format!(
            "cannot remove VPC endpoint route {} in route table {id}",
            destination_text(&destination)
        )));
    }
    let at = cx.visible_at(id);
    cx.place().ec2.route_tables.change(id, at, |t| {
        t.routes.retain(|r| r.destination != destination)
    });
    Ok(json!({}))
}

/// `active`, or `blackhole` when the target is gone.
fn route_state(state: &State, table: &RouteTable, route: &Route) -> &'static str {
    let works = match &route.target {
        Target::Local | Target::Other(..) => true,
        Target::InternetGateway(id) => state
            .internet_gateways
            .get(id)
            .is_some_and(|g| g.vpc_id.as_ref() == Some(&table.vpc_id)),
        Target::Nat(id) => state
            .nat_gateways
            .get(id)
            .is_some_and(|n| matches!(n.state, "pending" | "available")),
        Target::Interface(id) => state.interfaces.get(id).is_some_and(|i| !i.released),
        Target::Peering(id) => state.peerings.get(id).is_some_and(|p| p.status == "active"),
        Target::Endpoint(id) => state.endpoints.contains(id),
    };
    if works { "active" } else { "blackhole" }
}

fn target_member(target: &Target) -> (&'static str, &str) {
    match target {
        Target::Local => ("GatewayId", "local"),
        Target::InternetGateway(id) | Target::Endpoint(id) => ("GatewayId", id),
        Target::Nat(id) => ("NatGatewayId", id),
        Target::Interface(id) => ("NetworkInterfaceId", id),
        Target::Peering(id) => ("VpcPeeringConnectionId", id),
        Target::Other(name, id) => (name, id),
    }
}

fn shown(state: &State, t: &RouteTable, tags: &Tags, account: &str) -> Value {
    let routes: Vec<Value> = t
        .routes
        .iter()
        .map(|r| {
            let (member, id) = target_member(&r.target);
            let mut shown = object! {"Origin": r.origin, "State": route_state(state, t, r)};
            shown[member] = id.into();
            let member = match &r.destination {
                Destination::Cidr(_) => "DestinationCidrBlock",
                Destination::Cidr6(_) => "DestinationIpv6CidrBlock",
                Destination::PrefixList(_) => "DestinationPrefixListId",
            };
            shown[member] = destination_text(&r.destination).into();
            shown
        })
        .collect();
    let associations: Vec<Value> = t
        .associations
        .iter()
        .map(|a| {
            let mut shown = object! {
                "RouteTableAssociationId": a.id.as_str(), "RouteTableId": t.id.as_str(), "Main": a.subnet_id.is_none(),
                "AssociationState": object! {"State": "associated"},
            };
            if let Some(subnet) = &a.subnet_id {
                shown["SubnetId"] = subnet.as_str().into();
            }
            shown
        })
        .collect();
    object! {
        "RouteTableId": t.id.as_str(), "VpcId": t.vpc_id.as_str(), "OwnerId": account, "Routes": routes,
        "Associations": associations, "PropagatingVgws": Value::Array(vec![]), "Tags": tags::listed(tags),
    }
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let question = Question::read(cx, input, "route-table", "RouteTableIds", "Filters")?;
    let account = cx.account_id().to_owned();
    let state = &cx.place().ec2;
    let names = [
        "route-table-id",
        "vpc-id",
        "owner-id",
        "association.route-table-association-id",
        "association.route-table-id",
        "association.subnet-id",
        "association.main",
        "association.gateway-id",
        "route.destination-cidr-block",
        "route.destination-prefix-list-id",
        "route.gateway-id",
        "route.nat-gateway-id",
        "route.vpc-peering-connection-id",
        "route.transit-gateway-id",
        "route.instance-id",
        "route.origin",
        "route.state",
    ];
    let of_target = |t: &RouteTable, member: &str| -> Vec<String> {
        let of = t.routes.iter().map(|r| target_member(&r.target));
        of.filter(|(name, _)| *name == member)
            .map(|(_, id)| id.to_owned())
            .collect()
    };
    let facts = |t: &RouteTable, name: &str| match name {
        "route-table-id" => one(t.id.as_str()),
        "vpc-id" => one(t.vpc_id.as_str()),
        "owner-id" => one(account.as_str()),
        "association.route-table-association-id" => {
            t.associations.iter().map(|a| a.id.clone()).collect()
        }
        "association.route-table-id" => t.associations.iter().map(|_| t.id.clone()).collect(),
        "association.subnet-id" => t
            .associations
            .iter()
            .filter_map(|a| a.subnet_id.clone())
            .collect(),
        "association.main" => t
            .associations
            .iter()
            .flat_map(|a| truth(a.subnet_id.is_none()))
            .collect(),
        "route.destination-cidr-block" | "route.destination-prefix-list-id" => t
            .routes
            .iter()
            .map(|r| destination_text(&r.destination))
            .collect(),
        "route.gateway-id" => of_target(t, "GatewayId"),
        "route.nat-gateway-id" => of_target(t, "NatGatewayId"),
        "route.vpc-peering-connection-id" => of_target(t, "VpcPeeringConnectionId"),
        "route.origin" => t.routes.iter().map(|r| r.origin.to_owned()).collect(),
        "route.state" => t
            .routes
            .iter()
            .map(|r| route_state(state, t, r).to_owned())
            .collect(),
        _ => vec![],
    };
    let shown = |t: &RouteTable, tags: &Tags| shown(state, t, tags, &account);
    let found = question.answer(state, &state.route_tables, &names, facts, shown)?;
    Ok(object! {"RouteTables": found})
}
