//! Network interfaces: made by callers, and by services for what they run; they outlive their owners by minutes.

use super::cidr::{Cidr, address_number, address_text};
use super::filters::Filters;
use super::state::{Interface, State};
use super::tags::{self, Tags};
use super::{check_ids, invalid, not_found, required};
use crate::clock::{Nanos, Pert};
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::world::{Cx, Event, Input, World};
use serde_json::{Value, json};

/// What a service asks for when it puts an interface into a subnet.
#[derive(Clone, Debug, Default)]
pub struct Attachment {
    pub subnet_id: String,
    /// Empty: nothing filters at this interface.
    pub groups: Vec<String>,
    pub description: String,
    /// `amazon-elb`, `amazon-rds`, `ecs`…
    pub requester: String,
    /// `interface`, `nat_gateway`, `network_load_balancer`, `vpc_endpoint`.
    pub kind: String,
    pub public: bool,
    /// A wanted private address.
    pub private_address: Option<String>,
}

/// Puts an interface of a service into a subnet. Without groups it gets the VPC's default group.
pub fn attach_interface(
    world: &mut World,
    account: &str,
    region: &str,
    subnet_id: &str,
    groups: &[String],
    description: &str,
    requester: &str,
    public: bool,
) -> Result<Interface, AwsError> {
    let mut groups = groups.to_vec();
    if groups.is_empty()
        && let Some(subnet) = super::subnet(world, account, region, subnet_id)
        && let Some(default) = super::default_group(world, account, region, &subnet.vpc_id)
    {
        groups.push(default.id.clone());
    }
    let wanted = Attachment {
        subnet_id: subnet_id.to_owned(),
        groups,
        description: description.to_owned(),
        requester: requester.to_owned(),
        kind: "interface".to_owned(),
        public,
        private_address: None,
    };
    attach(world, account, region, &wanted)
}

/// The same, with every choice. The interface is in use from now on.
pub fn attach(
    world: &mut World,
    account: &str,
    region: &str,
    wanted: &Attachment,
) -> Result<Interface, AwsError> {
    let Some(subnet) = super::subnet(world, account, region, &wanted.subnet_id).cloned() else {
        return Err(not_found("subnet", &wanted.subnet_id));
    };
    for id in &wanted.groups {
        match super::security_group(world, account, region, id) {
            None => return Err(not_found("security-group", id)),
            Some(group) if group.vpc_id != subnet.vpc_id => {
                return Err(AwsError::new(
                    "InvalidGroup.NotFound",
                    format!(
                        "The security group '{id}' does not exist in VPC '{}'",
                        subnet.vpc_id
                    ),
                ));
            }
            Some(_) => {}
        }
    }
    let ordinal = world.ordinal(&format!("interface/{account}/{region}"));
    let name = format!("interface/{account}/{region}/{ordinal}");
    let id = format!("eni-{}", digits(world, &name, 17));
    let private = match &wanted.private_address {
        Some(text) => {
            let number = address_number(text)
                .filter(|n| usable(subnet.cidr, *n))
                .ok_or_else(|| {
                    invalid(format!(
                        "Address does not fall within the subnet's address range: {text}"
                    ))
                })?;
            if world
                .place(account, region)
                .ec2
                .private
                .contains_key(&(subnet.vpc_id.clone(), number))
            {
                return Err(AwsError::new(
                    "InvalidIPAddress.InUse",
                    format!("Address {text} is in use."),
                ));
            }
            number
        }
        None => {
            let start = world.dice.hash(&["address", &name], 0);
            free_address(&world.place(account, region).ec2, &subnet.vpc_id, subnet.cidr, start).ok_or_else(|| {
                AwsError::new(
                    "InsufficientFreeAddressesInSubnet",
                    format!("The specified subnet '{}' does not have enough free addresses to satisfy the request.", subnet.id),
                )
            })?
        }
    };
    let public = wanted.public.then(|| public_address(world));
    let mac = digits(world, &format!("{name}/mac"), 10);
    let interface = Interface {
        id: id.clone(),
        vpc_id: subnet.vpc_id.clone(),
        subnet_id: subnet.id,
        zone: subnet.zone,
        zone_id: subnet.zone_id,
        groups: wanted.groups.clone(),
        private_address: address_text(private),
        public_address: public.clone(),
        allocation_id: None,
        association_id: None,
        description: wanted.description.clone(),
        requester: wanted.requester.clone(),
        kind: wanted.kind.clone(),
        mac: format!(
            "02:{}:{}:{}:{}:{}",
            &mac[0..2],
            &mac[2..4],
            &mac[4..6],
            &mac[6..8],
            &mac[8..10]
        ),
        status: if wanted.requester.is_empty() {
            "available"
        } else {
            "in-use"
        },
        released: false,
        attachment_id: (!wanted.requester.is_empty()).then(|| {
            format!(
                "eni-attach-{}",
                digits(world, &format!("{name}/attachment"), 17)
            )
        }),
        source_check: wanted.kind != "nat_gateway",
        created: world.now(),
    };
    let now = world.now();
    let state = &mut world.place(account, region).ec2;
    state.private.insert((subnet.vpc_id, private), id.clone());
    if let Some(address) = public {
        state.public.insert(address, id.clone());
    }
    state.interfaces.put(id, interface.clone(), now);
    Ok(interface)
}

fn digits(world: &World, name: &str, count: usize) -> String {
    let (high, low) = (
        world.dice.hash(&[name], 0),
        world.dice.hash(&[name, "low"], 0),
    );
    format!("{high:016x}{low:016x}")
        .chars()
        .take(count)
        .collect()
}

/// The first four addresses of a subnet and its last are AWS's own.
fn usable(subnet: Cidr, address: u32) -> bool {
    subnet.has(address)
        && address - subnet.base() >= 4
        && u64::from(address - subnet.base()) < subnet.size() - 1
}

fn free_address(state: &State, vpc_id: &str, subnet: Cidr, start: u64) -> Option<u32> {
    let hosts = subnet.size() - 5;
    (0..hosts)
        .map(|n| subnet.base() + 4 + ((start % hosts + n) % hosts) as u32)
        .find(|address| !state.private.contains_key(&(vpc_id.to_owned(), *address)))
}

/// How many addresses of a subnet are free.
pub(super) fn free_addresses(state: &State, vpc_id: &str, subnet: Cidr) -> u64 {
    let first = (vpc_id.to_owned(), subnet.base());
    let last = (
        vpc_id.to_owned(),
        (u64::from(subnet.base()) + subnet.size() - 1) as u32,
    );
    (subnet.size() - 5).saturating_sub(state.private.range(first..=last).count() as u64)
}

/// The same by id; none are free in a subnet that is not there.
pub fn free_addresses_of(world: &World, account: &str, region: &str, subnet_id: &str) -> u64 {
    let Some(place) = world.seen_place(account, region) else {
        return 0;
    };
    place
        .ec2
        .subnets
        .get(subnet_id)
        .map_or(0, |s| free_addresses(&place.ec2, &s.vpc_id, s.cidr))
}

/// A public address that nobody else in the world has had: from the range set aside for benchmarks, which is not
/// routed anywhere.
pub(super) fn public_address(world: &mut World) -> String {
    const RANGE: u64 = 1 << 17;
    let ordinal = world.ordinal("public address");
    // An odd factor permutes the range: neighbours in time are not neighbours in space.
    let offset = (ordinal.wrapping_mul(77_477) + world.dice.hash(&["public address"], 0)) % RANGE;
    address_text(0xc612_0000 + offset as u32)
}

/// Its owner lets go of an interface: it answers nothing from now on, and is gone in minutes. Until then it holds its
/// subnet and its groups.
pub fn release_interface(world: &mut World, account: &str, region: &str, id: &str) {
    let Some(interface) = super::interface(world, account, region, id)
        .filter(|i| !i.released)
        .cloned()
    else {
        return;
    };
    let lingers = match interface.requester.as_str() {
        "amazon-elb" => Pert(60.0, 180.0, 600.0),
        "ecs" => Pert(10.0, 30.0, 120.0),
        _ => Pert(20.0, 60.0, 240.0),
    };
    let after = world.sample(lingers, id, "interface gone");
    let state = &mut world.place(account, region).ec2;
    state.interfaces.settle(id, |i| {
        i.released = true;
        i.status = "available";
        i.attachment_id = None;
    });
    world.schedule(
        after,
        Event {
            service: ServiceId::Ec2,
            account: account.to_owned(),
            region: region.to_owned(),
            what: "interface gone",
            id: id.to_owned(),
            detail: Value::Null,
        },
    );
}

pub(super) fn vanish(world: &mut World, event: &Event) {
    remove(world, &event.account, &event.region, &event.id, 0);
}

/// Removes an interface at once and frees its addresses.
pub(super) fn remove(world: &mut World, account: &str, region: &str, id: &str, gone_at: Nanos) {
    let state = &mut world.place(account, region).ec2;
    let Some(interface) = state.interfaces.remove(id, gone_at) else {
        return;
    };
    if let Some(number) = address_number(&interface.private_address) {
        state.private.remove(&(interface.vpc_id.clone(), number));
    }
    if let Some(address) = &interface.public_address {
        state.public.remove(address);
    }
    if let Some(allocation) = &interface.allocation_id {
        state.addresses.settle(allocation, |a| a.association = None);
    }
    state.tags.remove(id, gone_at);
}

/// The interface that has this private address in that VPC.
pub fn holder_of_private<'w>(
    world: &'w World,
    account: &str,
    region: &str,
    vpc_id: &str,
    address: &str,
) -> Option<&'w Interface> {
    let state = &world.seen_place(account, region)?.ec2;
    let id = state
        .private
        .get(&(vpc_id.to_owned(), address_number(address)?))?;
    state.interfaces.get(id)
}

/// The interface that has this public address, with its account and region.
pub fn holder_of_public<'w>(
    world: &'w World,
    address: &str,
) -> Option<(&'w str, &'w str, &'w Interface)> {
    world.places.iter().find_map(|((account, region), place)| {
        let interface = place.ec2.interfaces.get(place.ec2.public.get(address)?)?;
        Some((account.as_str(), region.as_str(), interface))
    })
}

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = tags::on_create(input, "network-interface")?;
    let subnet_id = required(input, "SubnetId")?;
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    let Some(subnet) = super::subnet(cx.world, &account, &region, subnet_id).cloned() else {
        return Err(not_found("subnet", subnet_id));
    };
    let mut groups = input.strings("Groups");
    if groups.is_empty()
        && let Some(default) = super::default_group(cx.world, &account, &region, &subnet.vpc_id)
    {
        groups.push(default.id.clone());
    }
    check_group_count(&groups)?;
    let wanted = Attachment {
        subnet_id: subnet.id,
        groups,
        description: input.str("Description").unwrap_or_default().to_owned(),
        kind: input.str("InterfaceType").unwrap_or("interface").to_owned(),
        private_address: input.str("PrivateIpAddress").map(str::to_owned),
        ..Attachment::default()
    };
    let interface = attach(cx.world, &account, &region, &wanted)?;
    let at = cx.visible_at(&interface.id);
    let state = &mut cx.place().ec2;
    state.interfaces.remove(&interface.id, 0);
    state
        .interfaces
        .put(interface.id.clone(), interface.clone(), at);
    state.tags.put(interface.id.clone(), given.clone(), at);
    let shown = shown(state, &interface, &given, &account);
    let mut output = json!({"NetworkInterface": shown});
    if let Some(token) = input.str("ClientToken") {
        output["ClientToken"] = token.into();
    }
    Ok(output)
}

fn check_group_count(groups: &[String]) -> Result<(), AwsError> {
    if groups.len() > 5 {
        return Err(AwsError::new(
            "SecurityGroupsPerInterfaceLimitExceeded",
            "The maximum number of security groups per interface has been reached.",
        ));
    }
    Ok(())
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "NetworkInterfaceId")?;
    let Some(interface) = cx.place().ec2.interfaces.get(id).cloned() else {
        return Err(not_found("network-interface", id));
    };
    if !interface.requester.is_empty() && !interface.released {
        let attachment = interface.attachment_id.unwrap_or_default();
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!(
                "Network interface '{id}' is currently in use and is managed by {} ({attachment}).",
                interface.requester
            ),
        ));
    }
    if interface.status == "in-use" {
        return Err(AwsError::new(
            "InvalidNetworkInterface.InUse",
            format!("Interface: [{id}] in use."),
        ));
    }
    let at = cx.visible_at(id);
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    remove(cx.world, &account, &region, id, at);
    Ok(json!({}))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let filters = Filters::read(input, "Filters")?;
    filters.check(|name| FILTERS.contains(&name))?;
    let ids = input.strings("NetworkInterfaceIds");
    let (now, account) = (cx.now(), cx.account_id().to_owned());
    let state = &cx.place().ec2;
    check_ids("network-interface", &ids, |id| {
        state.interfaces.seen(id, now).map(|i| i.id.as_str())
    })?;
    let mut found = vec![];
    for (id, interface) in state.interfaces.seen_all(now) {
        let tags = state.seen_tags(id, now);
        if (ids.is_empty() || ids.iter().any(|i| i == id))
            && filters.keep(&tags, |name| facts(state, interface, &account, name))?
        {
            found.push(shown(state, interface, &tags, &account));
        }
    }
    Ok(object! {"NetworkInterfaces": found})
}

const FILTERS: &[&str] = &[
    "network-interface-id",
    "vpc-id",
    "subnet-id",
    "availability-zone",
    "availability-zone-id",
    "group-id",
    "group-name",
    "private-ip-address",
    "addresses.private-ip-address",
    "association.public-ip",
    "addresses.association.public-ip",
    "association.allocation-id",
    "association.association-id",
    "description",
    "status",
    "requester-id",
    "requester-managed",
    "interface-type",
    "mac-address",
    "owner-id",
    "attachment.attachment-id",
    "attachment.status",
    "attachment.instance-id",
    "attachment.instance-owner-id",
    "source-dest-check",
    "private-dns-name",
];

fn facts(state: &State, i: &Interface, account: &str, name: &str) -> Option<Vec<String>> {
    let one = |text: &str| vec![text.to_owned()];
    Some(match name {
        "network-interface-id" => one(&i.id),
        "vpc-id" => one(&i.vpc_id),
        "subnet-id" => one(&i.subnet_id),
        "availability-zone" => one(&i.zone),
        "availability-zone-id" => one(&i.zone_id),
        "group-id" => i.groups.clone(),
        "group-name" => i
            .groups
            .iter()
            .filter_map(|g| Some(state.groups.get(g)?.name.clone()))
            .collect(),
        "private-ip-address" | "addresses.private-ip-address" => one(&i.private_address),
        "association.public-ip" | "addresses.association.public-ip" => {
            i.public_address.clone().into_iter().collect()
        }
        "association.allocation-id" => i.allocation_id.clone().into_iter().collect(),
        "association.association-id" => i.association_id.clone().into_iter().collect(),
        "description" => one(&i.description),
        "status" => one(i.status),
        "requester-id" => one(&i.requester),
        "requester-managed" => one(if i.requester.is_empty() {
            "false"
        } else {
            "true"
        }),
        "interface-type" => one(&i.kind),
        "mac-address" => one(&i.mac),
        "owner-id" => one(account),
        "attachment.attachment-id" => i.attachment_id.clone().into_iter().collect(),
        "attachment.status" => i
            .attachment_id
            .iter()
            .map(|_| "attached".to_owned())
            .collect(),
        "attachment.instance-id" => vec![],
        "attachment.instance-owner-id" => i
            .attachment_id
            .iter()
            .map(|_| i.requester.clone())
            .collect(),
        "source-dest-check" => one(if i.source_check { "true" } else { "false" }),
        "private-dns-name" => one(&private_name(&i.private_address)),
        _ => return None,
    })
}

fn private_name(address: &str) -> String {
    format!("ip-{}.ec2.internal", address.replace('.', "-"))
}

fn shown(state: &State, i: &Interface, tags: &Tags, account: &str) -> Value {
    let groups: Vec<Value> = i
        .groups
        .iter()
        .map(|id| json!({"GroupId": id, "GroupName": state.groups.get(id).map_or("", |g| g.name.as_str())}))
        .collect();
    let association = i.public_address.as_ref().map(|address| {
        let owner = if i.allocation_id.is_some() {
            account
        } else if i.requester.is_empty() {
            "amazon"
        } else {
            i.requester.as_str()
        };
        let mut association = json!({
            "PublicIp": address, "IpOwnerId": owner,
            "PublicDnsName": format!("ec2-{}.compute.amazonaws.com", address.replace('.', "-")),
        });
        if let Some(id) = &i.allocation_id {
            association["AllocationId"] = id.as_str().into();
        }
        if let Some(id) = &i.association_id {
            association["AssociationId"] = id.as_str().into();
        }
        association
    });
    let mut address = json!({
        "Primary": true, "PrivateIpAddress": i.private_address, "PrivateDnsName": private_name(&i.private_address),
    });
    let mut shown = json!({
        "NetworkInterfaceId": i.id, "VpcId": i.vpc_id, "SubnetId": i.subnet_id, "AvailabilityZone": i.zone,
        "AvailabilityZoneId": i.zone_id, "Description": i.description, "Groups": groups, "InterfaceType": i.kind,
        "Ipv6Addresses": [], "MacAddress": i.mac, "OwnerId": account, "PrivateIpAddress": i.private_address,
        "PrivateDnsName": private_name(&i.private_address), "RequesterManaged": !i.requester.is_empty(),
        "SourceDestCheck": i.source_check, "Status": i.status, "TagSet": tags::listed(tags),
    });
    if !i.requester.is_empty() {
        shown["RequesterId"] = i.requester.as_str().into();
    }
    if let Some(id) = &i.attachment_id {
        shown["Attachment"] = json!({
            "AttachmentId": id, "DeleteOnTermination": false, "DeviceIndex": 1, "InstanceOwnerId": i.requester,
            "Status": "attached",
        });
    }
    if let Some(association) = association {
        address["Association"] = association.clone();
        shown["Association"] = association;
    }
    shown["PrivateIpAddresses"] = json!([address]);
    shown
}

pub(super) fn modify_attribute(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "NetworkInterfaceId")?;
    let Some(interface) = cx.place().ec2.interfaces.get(id).cloned() else {
        return Err(not_found("network-interface", id));
    };
    let groups = input.strings("Groups");
    check_group_count(&groups)?;
    for group in &groups {
        if cx
            .place()
            .ec2
            .groups
            .get(group)
            .is_none_or(|g| g.vpc_id != interface.vpc_id)
        {
            return Err(not_found("security-group", group));
        }
    }
    if !interface.requester.is_empty() && !groups.is_empty() && interface.requester != "ecs" {
        return Err(AwsError::new(
            "AuthFailure",
            "You do not have permission to access the specified resource.",
        ));
    }
    let description = input
        .value
        .pointer("/Description/Value")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let source_check = input
        .value
        .pointer("/SourceDestCheck/Value")
        .and_then(Value::as_bool);
    let at = cx.visible_at(id);
    cx.place().ec2.interfaces.change(id, at, |i| {
        if !groups.is_empty() {
            i.groups = groups;
        }
        if let Some(text) = description {
            i.description = text;
        }
        if let Some(check) = source_check {
            i.source_check = check;
        }
    });
    Ok(json!({}))
}

pub(super) fn describe_attribute(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "NetworkInterfaceId")?;
    let (now, account) = (cx.now(), cx.account_id().to_owned());
    let state = &cx.place().ec2;
    let Some(interface) = state.interfaces.seen(id, now) else {
        return Err(not_found("network-interface", id));
    };
    let all = shown(state, interface, &Tags::new(), &account);
    let mut output = json!({"NetworkInterfaceId": id});
    match input.str("Attribute") {
        Some("description") => output["Description"] = json!({"Value": interface.description}),
        Some("groupSet") => output["Groups"] = all["Groups"].clone(),
        Some("sourceDestCheck") => {
            output["SourceDestCheck"] = json!({"Value": interface.source_check})
        }
        Some("attachment") => output["Attachment"] = all["Attachment"].clone(),
        other => {
            return Err(invalid(format!(
                "Value ({}) for parameter attribute is invalid.",
                other.unwrap_or("null")
            )));
        }
    }
    Ok(output)
}

/// Changes the groups of an interface that a service owns.
pub fn regroup(world: &mut World, account: &str, region: &str, id: &str, groups: &[String]) {
    world
        .place(account, region)
        .ec2
        .interfaces
        .settle(id, |i| i.groups = groups.to_vec());
}
