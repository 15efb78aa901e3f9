//! EC2, as far as it is a network: VPCs and what is in them, and who may talk to whom by its rules.
//!
//! Whether a packet arrives is decided in [`crate::plane`] from what is held here. Instances, volumes and images are
//! not simulated.
//!
//! * [`state`]: what there is. [`cidr`], [`zones`], [`tags`], `filters`: what every kind needs.
//! * One file per kind of thing: `vpcs`, `subnets`, `gateways`, `addresses`, `nat`, `routes`, `groups`, `rules`, `prefix_lists`, `acls`,
//!   `endpoints`, `interfaces`, `peerings`, `flow_logs`, `dhcp`.

mod acls;
mod addresses;
pub mod cidr;
mod dhcp;
mod endpoints;
mod filters;
mod flow_logs;
mod gateways;
mod groups;
#[cfg(test)]
mod history;
mod interfaces;
mod nat;
mod peerings;
mod permissions;
mod prefix_lists;
mod routes;
mod rules;
pub mod state;
mod subnets;
pub mod tags;
#[cfg(test)]
mod tests;
mod vpcs;
pub mod zones;

use super::{Service, ServiceId, quotas};
use crate::clock::MINUTE;
use crate::error::AwsError;
use crate::world::{Cx, Event, Input, Output, World};
use serde_json::{Value, json};

pub use addresses::associate_address;
pub use endpoints::service_address;
pub use gateways::has_internet_gateway;
pub use interfaces::{
    Attachment, attach, attach_interface, free_addresses_of, holder_of_private, holder_of_public,
    regroup, release_interface,
};
pub use prefix_lists::prefix_list_cidrs;
pub use state::{Interface, SecurityGroup, State, Subnet, Vpc};
pub use tags::tagged;
pub use zones::{Zone, opt_into, region_enabled, zones};

pub const SERVICE: Service = Service {
    id: ServiceId::Ec2,
    handle,
    happen,
    wants: permissions::wants,
};

/// How long a client token is remembered. AWS does not say; shorter than anyone should rely on.
const TOKEN_LIFE: u64 = 8 * MINUTE;

type Operation = fn(&mut Cx<'_>, &Input) -> Result<Value, AwsError>;

fn operation(name: &str) -> Option<Operation> {
    Some(match name {
        "CreateVpc" => vpcs::create,
        "CreateDefaultVpc" => vpcs::create_default,
        "DeleteVpc" => vpcs::delete,
        "DescribeVpcs" => vpcs::describe,
        "DescribeVpcAttribute" => vpcs::describe_attribute,
        "ModifyVpcAttribute" => vpcs::modify_attribute,
        "AssociateVpcCidrBlock" => vpcs::associate_cidr,
        "DisassociateVpcCidrBlock" => vpcs::disassociate_cidr,
        "CreateSubnet" => subnets::create,
        "DeleteSubnet" => subnets::delete,
        "DescribeSubnets" => subnets::describe,
        "ModifySubnetAttribute" => subnets::modify_attribute,
        "CreateInternetGateway" => gateways::create,
        "DeleteInternetGateway" => gateways::delete,
        "DescribeInternetGateways" => gateways::describe,
        "AttachInternetGateway" => gateways::attach,
        "DetachInternetGateway" => gateways::detach,
        "AllocateAddress" => addresses::allocate,
        "ReleaseAddress" => addresses::release,
        "AssociateAddress" => addresses::associate,
        "DisassociateAddress" => addresses::disassociate,
        "DescribeAddresses" => addresses::describe,
        "CreateNatGateway" => nat::create,
        "DeleteNatGateway" => nat::delete,
        "DescribeNatGateways" => nat::describe,
        "CreateRouteTable" => routes::create_table,
        "DeleteRouteTable" => routes::delete_table,
        "DescribeRouteTables" => routes::describe,
        "AssociateRouteTable" => routes::associate,
        "DisassociateRouteTable" => routes::disassociate,
        "ReplaceRouteTableAssociation" => routes::replace_association,
        "CreateRoute" => routes::create_route,
        "ReplaceRoute" => routes::replace_route,
        "DeleteRoute" => routes::delete_route,
        "CreateSecurityGroup" => groups::create,
        "DeleteSecurityGroup" => groups::delete,
        "DescribeSecurityGroups" => groups::describe,
        "AuthorizeSecurityGroupIngress" => rules::authorize_ingress,
        "AuthorizeSecurityGroupEgress" => rules::authorize_egress,
        "RevokeSecurityGroupIngress" => rules::revoke_ingress,
        "RevokeSecurityGroupEgress" => rules::revoke_egress,
        "DescribeSecurityGroupRules" => rules::describe_rules,
        "ModifySecurityGroupRules" => rules::modify_rules,
        "UpdateSecurityGroupRuleDescriptionsIngress" => rules::describe_ingress_anew,
        "UpdateSecurityGroupRuleDescriptionsEgress" => rules::describe_egress_anew,
        "DescribeSecurityGroupReferences" => groups::describe_references,
        "DescribePrefixLists" => prefix_lists::describe_prefix_lists,
        "DescribeManagedPrefixLists" => prefix_lists::describe_managed_prefix_lists,
        "GetManagedPrefixListEntries" => prefix_lists::prefix_list_entries,
        "CreateNetworkAcl" => acls::create,
        "DeleteNetworkAcl" => acls::delete,
        "DescribeNetworkAcls" => acls::describe,
        "CreateNetworkAclEntry" => acls::create_entry,
        "ReplaceNetworkAclEntry" => acls::replace_entry,
        "DeleteNetworkAclEntry" => acls::delete_entry,
        "ReplaceNetworkAclAssociation" => acls::replace_association,
        "CreateVpcEndpoint" => endpoints::create,
        "DeleteVpcEndpoints" => endpoints::delete,
        "DescribeVpcEndpoints" => endpoints::describe,
        "ModifyVpcEndpoint" => endpoints::modify,
        "DescribeVpcEndpointServices" => endpoints::describe_services,
        "CreateNetworkInterface" => interfaces::create,
        "DeleteNetworkInterface" => interfaces::delete,
        "DescribeNetworkInterfaces" => interfaces::describe,
        "ModifyNetworkInterfaceAttribute" => interfaces::modify_attribute,
        "DescribeNetworkInterfaceAttribute" => interfaces::describe_attribute,
        "DescribeAvailabilityZones" => zones::describe_availability_zones,
        "DescribeRegions" => zones::describe_regions,
        "DescribeAccountAttributes" => zones::describe_account_attributes,
        "CreateVpcPeeringConnection" => peerings::create,
        "AcceptVpcPeeringConnection" => peerings::accept,
        "RejectVpcPeeringConnection" => peerings::reject,
        "DeleteVpcPeeringConnection" => peerings::delete,
        "DescribeVpcPeeringConnections" => peerings::describe,
        "CreateFlowLogs" => flow_logs::create,
        "DeleteFlowLogs" => flow_logs::delete,
        "DescribeFlowLogs" => flow_logs::describe,
        "CreateDhcpOptions" => dhcp::create,
        "DeleteDhcpOptions" => dhcp::delete,
        "DescribeDhcpOptions" => dhcp::describe,
        "AssociateDhcpOptions" => dhcp::associate,
        "DescribeInstances" => describe_instances,
        "CreateTags" => tags::create_tags,
        "DeleteTags" => tags::delete_tags,
        "DescribeTags" => tags::describe_tags,
        _ => return None,
    })
}

fn handle(cx: &mut Cx<'_>, name: &str, input: &Input) -> Result<Output, AwsError> {
    let Some(execute) = operation(name) else {
        return Err(cx.not_simulated());
    };
    if input.bool("DryRun") == Some(true) {
        return Err(AwsError::new(
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
        )
        .status(412));
    }
    let Some(token) = input
        .str("ClientToken")
        .filter(|t| !t.is_empty())
        .map(str::to_owned)
    else {
        return execute(cx, input).map(Output::from);
    };
    if token.len() > 64 || !token.is_ascii() {
        return Err(AwsError::new(
            "InvalidParameterValue",
            "Client token must be at most 64 ASCII characters",
        ));
    }
    let now = cx.now();
    let key = (name.to_owned(), token);
    let tokens = &mut cx.place().ec2.tokens;
    tokens.retain(|_, answer| answer.until > now);
    if let Some(answer) = tokens.get(&key) {
        if answer.input != input.value {
            return Err(AwsError::new(
                "IdempotentParameterMismatch",
                "The client token you have provided is associated with a resource that has different parameters.",
            ));
        }
        return Ok(answer.output.clone().into());
    }
    let output = execute(cx, input)?;
    let answer = state::TokenAnswer {
        input: input.value.clone(),
        output: output.clone(),
        until: now + TOKEN_LIFE,
    };
    cx.place().ec2.tokens.insert(key, answer);
    Ok(output.into())
}

fn happen(world: &mut World, event: &Event) {
    match event.what {
        "nat available" => nat::become_available(world, event),
        "nat deleted" => nat::become_deleted(world, event),
        "nat gone" => nat::vanish(world, event),
        "interface gone" => interfaces::vanish(world, event),
        "endpoint available" => endpoints::become_available(world, event),
        "endpoint gone" => endpoints::vanish(world, event),
        _ => {}
    }
}

/// The network is simulated; what would run in it as an instance is not, so there are none.
fn describe_instances(_: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    if let Some(id) = input.strings("InstanceIds").first() {
        return Err(AwsError::new(
            "InvalidInstanceID.NotFound",
            format!("The instance ID '{id}' does not exist"),
        ));
    }
    Ok(json!({"Reservations": []}))
}

/// A subnet of the account in the region.
pub fn subnet<'w>(world: &'w World, account: &str, region: &str, id: &str) -> Option<&'w Subnet> {
    world.seen_place(account, region)?.ec2.subnets.get(id)
}

pub fn security_group<'w>(
    world: &'w World,
    account: &str,
    region: &str,
    id: &str,
) -> Option<&'w SecurityGroup> {
    world.seen_place(account, region)?.ec2.groups.get(id)
}

/// The security group named `default` of a VPC: what an interface gets that names none.
pub fn default_group<'w>(
    world: &'w World,
    account: &str,
    region: &str,
    vpc_id: &str,
) -> Option<&'w SecurityGroup> {
    let state = &world.seen_place(account, region)?.ec2;
    state
        .groups
        .iter()
        .map(|(_, g)| g)
        .find(|g| g.vpc_id == vpc_id && g.name == "default")
}

pub fn vpc<'w>(world: &'w World, account: &str, region: &str, id: &str) -> Option<&'w Vpc> {
    world.seen_place(account, region)?.ec2.vpcs.get(id)
}

pub fn interface<'w>(
    world: &'w World,
    account: &str,
    region: &str,
    id: &str,
) -> Option<&'w Interface> {
    world.seen_place(account, region)?.ec2.interfaces.get(id)
}

/// Whether a subnet's route table leads to an internet gateway: what makes a subnet public.
pub fn is_public_subnet(world: &World, account: &str, region: &str, subnet_id: &str) -> bool {
    let Some(place) = world.seen_place(account, region) else {
        return false;
    };
    place
        .ec2
        .subnets
        .get(subnet_id)
        .is_some_and(|subnet| routes::leads_to_internet_gateway(&place.ec2, subnet))
}

/// What the account may have of something in the called region.
fn limit(cx: &Cx<'_>, quota: &str, default: u64) -> u64 {
    let limit = quotas::limit(cx.world, cx.account_id(), &cx.region, quota);
    if limit.is_finite() {
        limit as u64
    } else {
        default
    }
}

/// AWS's words for a refusal to remove something that others hold.
fn dependency(word: &str, id: &str) -> AwsError {
    AwsError::new(
        "DependencyViolation",
        format!("The {word} '{id}' has dependencies and cannot be deleted."),
    )
}

/// Refuses an id of the wrong form, then one that names nothing.
fn not_found(kind: &str, id: &str) -> AwsError {
    let hexadecimal = |text: &str| {
        (text.len() == 8 || text.len() == 17) && text.bytes().all(|b| b.is_ascii_hexdigit())
    };
    let well_formed = id.rsplit_once('-').is_some_and(|(prefix, rest)| {
        tags::kind_of(&format!("{prefix}-")) == Some(kind) && hexadecimal(rest)
    });
    let (missing, malformed, word) = match kind {
        "vpc" => ("InvalidVpcID.NotFound", "InvalidVpcId.Malformed", "vpc ID"),
        "subnet" => (
            "InvalidSubnetID.NotFound",
            "InvalidSubnetId.Malformed",
            "subnet ID",
        ),
        "internet-gateway" => (
            "InvalidInternetGatewayID.NotFound",
            "InvalidInternetGatewayId.Malformed",
            "internetGateway ID",
        ),
        "elastic-ip" => (
            "InvalidAllocationID.NotFound",
            "InvalidAllocationID.Malformed",
            "allocation ID",
        ),
        "natgateway" => ("NatGatewayNotFound", "NatGatewayMalformed", "NAT gateway"),
        "route-table" => (
            "InvalidRouteTableID.NotFound",
            "InvalidRouteTableId.Malformed",
            "routeTable ID",
        ),
        "security-group" => (
            "InvalidGroup.NotFound",
            "InvalidGroupId.Malformed",
            "security group",
        ),
        "security-group-rule" => (
            "InvalidSecurityGroupRuleId.NotFound",
            "InvalidSecurityGroupRuleId.Malformed",
            "security group rule ID",
        ),
        "network-acl" => (
            "InvalidNetworkAclID.NotFound",
            "InvalidNetworkAclId.Malformed",
            "networkAcl ID",
        ),
        "vpc-endpoint" => (
            "InvalidVpcEndpointId.NotFound",
            "InvalidVpcEndpointId.Malformed",
            "Vpc Endpoint Id",
        ),
        "network-interface" => (
            "InvalidNetworkInterfaceID.NotFound",
            "InvalidNetworkInterfaceId.Malformed",
            "networkInterface ID",
        ),
        "vpc-peering-connection" => (
            "InvalidVpcPeeringConnectionID.NotFound",
            "InvalidVpcPeeringConnectionId.Malformed",
            "vpcPeeringConnection ID",
        ),
        "vpc-flow-log" => (
            "InvalidFlowLogId.NotFound",
            "InvalidFlowLogId.Malformed",
            "flow log ID",
        ),
        "dhcp-options" => (
            "InvalidDhcpOptionID.NotFound",
            "InvalidDhcpOptionsId.Malformed",
            "dhcpOption ID",
        ),
        _ => ("InvalidID", "InvalidID", "ID"),
    };
    if !well_formed {
        return AwsError::new(malformed, format!("Invalid id: \"{id}\""));
    }
    match kind {
        "natgateway" => AwsError::new(missing, format!("NAT gateway {id} was not found")),
        _ => AwsError::new(missing, format!("The {word} '{id}' does not exist")),
    }
}

/// A required member as text; the protocol has refused requests without it, unit tests may not have.
fn required<'i>(input: &'i Input, member: &str) -> Result<&'i str, AwsError> {
    input
        .str(member)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| missing(member))
}

fn missing(member: &str) -> AwsError {
    AwsError::new(
        "MissingParameter",
        format!(
            "The request must contain the parameter {}",
            lower_first(member)
        ),
    )
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterValue", message)
}

fn lower_first(member: &str) -> String {
    let mut letters = member.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

/// The ids that a Describe names: each must exist for the reader, or the call fails.
fn check_ids<'a>(
    kind: &str,
    ids: &[String],
    seen: impl Fn(&str) -> Option<&'a str>,
) -> Result<(), AwsError> {
    match ids.iter().find(|id| seen(id).is_none()) {
        Some(id) => Err(not_found(kind, id)),
        None => Ok(()),
    }
}
