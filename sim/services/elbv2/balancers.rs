//! Load balancers: made, changed, removed; their nodes in subnets, and the names under which clients find them.

use super::state::{Balancer, Kind, Node, State};
use super::{attributes, check_name, facts, invalid, no_balancer, required, tags};
use crate::clock::{MINUTE, Pert};
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::services::ec2::{self, Attachment};
use crate::services::iam;
use crate::world::{Cx, Event, Input, World};
use serde_json::{Value, json};

/// A subnet as a create or SetSubnets names it.
#[derive(Clone, Debug, PartialEq)]
struct Mapping {
    subnet_id: String,
    allocation_id: Option<String>,
    private_address: Option<String>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = required(input, "Name")?.to_owned();
    check_name("The load balancer", &name)?;
    if name.starts_with("internal-") {
        return Err(invalid(format!(
            "The load balancer name '{name}' cannot begin with 'internal-'"
        )));
    }
    let kind = match input.str("Type").unwrap_or("application") {
        "application" => Kind::Application,
        "network" => Kind::Network,
        // Gateway balancers carry packets to appliances: nothing of this world is one.
        _ => return Err(cx.not_simulated()),
    };
    let internal = input.str("Scheme") == Some("internal");
    let given_tags = tags::read(input)?;
    let mappings = mappings(input)?;
    let groups = input.strings("SecurityGroups");
    let vpc_id = check_subnets(cx, &mappings, kind, internal)?;
    let groups = choose_groups(cx, groups, kind, &vpc_id)?;
    let same_name = cx
        .place()
        .elbv2
        .balancers
        .iter()
        .map(|(_, b)| b)
        .find(|b| b.name == name)
        .cloned();
    if let Some(existing) = same_name {
        let subnets: Vec<&str> = existing
            .nodes
            .iter()
            .map(|n| n.subnet_id.as_str())
            .collect();
        let same = existing.kind == kind
            && existing.internal == internal
            && existing.groups == groups
            && mappings.len() == subnets.len()
            && mappings
                .iter()
                .all(|m| subnets.contains(&m.subnet_id.as_str()))
            && cx
                .place()
                .elbv2
                .tags
                .get(&existing.arn)
                .cloned()
                .unwrap_or_default()
                == given_tags;
        if same {
            return Ok(json!({"LoadBalancers": [shown(&existing)]}));
        }
        return Err(AwsError::new(
            "DuplicateLoadBalancerName",
            format!(
                "A load balancer with the same name '{name}' exists, but with different settings"
            ),
        ));
    }
    let limit_name = match kind {
        Kind::Application => "application-load-balancers",
        Kind::Network => "network-load-balancers",
    };
    let held = cx
        .place()
        .elbv2
        .balancers
        .iter()
        .filter(|(_, b)| b.kind == kind)
        .count() as u64;
    if held >= facts::limit_of(cx, limit_name) {
        return Err(AwsError::new(
            "TooManyLoadBalancers",
            "The maximum number of load balancers has been reached.",
        ));
    }
    iam::ensure_service_linked_role(cx, "elasticloadbalancing.amazonaws.com")?;
    let digits = cx.hex("load balancer", 16);
    let short = match kind {
        Kind::Application => "app",
        Kind::Network => "net",
    };
    let arn = cx.arn(
        "elasticloadbalancing",
        &format!("loadbalancer/{short}/{name}/{digits}"),
    );
    let dns_name = dns_name(cx, &name, kind, internal, &digits);
    let mut balancer = Balancer {
        arn: arn.clone(),
        name,
        kind,
        internal,
        dns_name,
        vpc_id,
        groups,
        nodes: vec![],
        state: "provisioning",
        published: false,
        created: cx.unix_now(),
        address_type: input.str("IpAddressType").unwrap_or("ipv4").to_owned(),
        attributes: attributes::of_balancer(kind),
    };
    for mapping in &mappings {
        match add_node(cx, &balancer, mapping) {
            Ok(node) => balancer.nodes.push(node),
            Err(refused) => {
                // All or nothing: what was put into earlier subnets is let go.
                balancer.nodes.iter().for_each(|node| release(cx, node));
                return Err(refused);
            }
        }
    }
    let at = cx.visible_at(&arn);
    let output = json!({"LoadBalancers": [shown(&balancer)]});
    let state = &mut cx.place().elbv2;
    state.balancers.put(arn.clone(), balancer, at);
    state.tag(&arn, given_tags, at);
    let after = cx
        .world
        .sample(Pert(90.0, 150.0, 300.0), &arn, "load balancer active");
    cx.later(after, "balancer active", &arn);
    Ok(output)
}

fn dns_name(cx: &Cx<'_>, name: &str, kind: Kind, internal: bool, digits: &str) -> String {
    let prefix = if internal { "internal-" } else { "" };
    match kind {
        Kind::Application => {
            let number =
                u64::from_str_radix(digits, 16).unwrap_or_default() % 9_000_000_000 + 1_000_000_000;
            format!("{prefix}{name}-{number}.{}.elb.amazonaws.com", cx.region)
        }
        Kind::Network => format!("{name}-{digits}.elb.{}.amazonaws.com", cx.region),
    }
}

pub(super) fn become_active(world: &mut World, event: &Event) {
    world
        .place(&event.account, &event.region)
        .elbv2
        .balancers
        .settle(&event.id, |b| b.state = "active");
    publish(world, event);
}

/// Puts a balancer's name into DNS; while the control plane that does so is dark, it is tried again and again.
pub(super) fn publish(world: &mut World, event: &Event) {
    let dark = world
        .faults
        .control_dark(ServiceId::Route53, "us-east-1", world.now())
        .is_some();
    if dark {
        let again = Event {
            what: "publish name",
            ..event.clone()
        };
        world.schedule(MINUTE, again);
        return;
    }
    let balancers = &mut world.place(&event.account, &event.region).elbv2.balancers;
    balancers.settle(&event.id, |b| b.published = true);
}

fn mappings(input: &Input) -> Result<Vec<Mapping>, AwsError> {
    let plain = input.strings("Subnets");
    let mapped = input.list("SubnetMappings");
    match (plain.is_empty(), mapped.is_empty()) {
        (false, false) => Err(invalid(
            "You can specify either subnets or subnet mappings, but not both",
        )),
        (true, true) => Err(invalid(
            "You must specify subnets in at least one Availability Zone",
        )),
        (false, true) => Ok(plain
            .into_iter()
            .map(|subnet_id| Mapping {
                subnet_id,
                allocation_id: None,
                private_address: None,
            })
            .collect()),
        (true, false) => Ok(mapped
            .iter()
            .map(|m| Mapping {
                subnet_id: m["SubnetId"].as_str().unwrap_or_default().to_owned(),
                allocation_id: m["AllocationId"].as_str().map(str::to_owned),
                private_address: m["PrivateIPv4Address"].as_str().map(str::to_owned),
            })
            .collect()),
    }
}

/// The rules for a balancer's subnets; answers their VPC.
fn check_subnets(
    cx: &mut Cx<'_>,
    mappings: &[Mapping],
    kind: Kind,
    internal: bool,
) -> Result<String, AwsError> {
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    let mut vpc_id = String::new();
    let mut zones: Vec<String> = vec![];
    for mapping in mappings {
        let Some(subnet) = ec2::subnet(cx.world, &account, &region, &mapping.subnet_id) else {
            return Err(AwsError::new(
                "SubnetNotFound",
                format!("The subnet ID '{}' does not exist", mapping.subnet_id),
            ));
        };
        if !vpc_id.is_empty() && vpc_id != subnet.vpc_id {
            return Err(AwsError::new(
                "InvalidConfigurationRequest",
                "All subnets must belong to the same VPC",
            ));
        }
        if zones.contains(&subnet.zone) {
            return Err(AwsError::new(
                "InvalidConfigurationRequest",
                "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
            ));
        }
        if kind == Kind::Application {
            if mapping.allocation_id.is_some() {
                return Err(AwsError::new(
                    "InvalidConfigurationRequest",
                    "Elastic IP addresses are not supported for load balancers with type 'application'",
                ));
            }
            let free = ec2::free_addresses_of(cx.world, &account, &region, &subnet.id);
            if subnet.cidr.prefix() > 27 || free < 8 {
                return Err(AwsError::new(
                    "InvalidSubnet",
                    format!(
                        "Not enough IP space available in {}. ELB requires at least 8 free IP addresses in each subnet.",
                        subnet.id
                    ),
                ));
            }
        }
        vpc_id.clone_from(&subnet.vpc_id);
        zones.push(subnet.zone.clone());
    }
    if kind == Kind::Application && zones.len() < 2 {
        return Err(invalid(
            "At least two subnets in two different Availability Zones must be specified",
        ));
    }
    if !internal && !ec2::has_internet_gateway(cx.world, &account, &region, &vpc_id) {
        return Err(AwsError::new(
            "InvalidSubnet",
            format!("VPC {vpc_id} has no internet gateway"),
        ));
    }
    Ok(vpc_id)
}

fn choose_groups(
    cx: &Cx<'_>,
    groups: Vec<String>,
    kind: Kind,
    vpc_id: &str,
) -> Result<Vec<String>, AwsError> {
    let (account, region) = (cx.account_id(), &cx.region);
    if groups.len() > 5 {
        return Err(AwsError::new(
            "InvalidSecurityGroup",
            "The maximum number of security groups is 5",
        ));
    }
    for id in &groups {
        if ec2::security_group(cx.world, account, region, id).is_none_or(|g| g.vpc_id != vpc_id) {
            return Err(AwsError::new(
                "InvalidSecurityGroup",
                format!("One or more security groups are invalid: {id}"),
            ));
        }
    }
    if groups.is_empty() && kind == Kind::Application {
        return Ok(ec2::default_group(cx.world, account, region, vpc_id)
            .map(|g| g.id.clone())
            .into_iter()
            .collect());
    }
    Ok(groups)
}

fn add_node(cx: &mut Cx<'_>, balancer: &Balancer, mapping: &Mapping) -> Result<Node, AwsError> {
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    let path = balancer
        .arn
        .split_once("loadbalancer/")
        .map_or("", |(_, path)| path);
    let wanted = Attachment {
        subnet_id: mapping.subnet_id.clone(),
        groups: balancer.groups.clone(),
        description: format!("ELB {path}"),
        requester: "amazon-elb".into(),
        kind: match balancer.kind {
            Kind::Application => "interface".into(),
            Kind::Network => "network_load_balancer".into(),
        },
        public: !balancer.internal && mapping.allocation_id.is_none(),
        private_address: mapping.private_address.clone(),
    };
    let interface = ec2::attach(cx.world, &account, &region, &wanted)?;
    let mut node = Node {
        zone: interface.zone,
        subnet_id: interface.subnet_id,
        interface_id: interface.id,
        private_address: interface.private_address,
        public_address: interface.public_address,
        allocation_id: None,
    };
    if let Some(allocation) = &mapping.allocation_id {
        match ec2::associate_address(cx.world, &account, &region, allocation, &node.interface_id) {
            Ok(address) => {
                node.public_address = Some(address);
                node.allocation_id = Some(allocation.clone());
            }
            Err(refused) => {
                release(cx, &node);
                return Err(AwsError::new("AllocationIdNotFound", refused.message));
            }
        }
    }
    Ok(node)
}

fn release(cx: &mut Cx<'_>, node: &Node) {
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    ec2::release_interface(cx.world, &account, &region, &node.interface_id);
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = required(input, "LoadBalancerArn")?;
    // AWS answers the same whether or not there was one.
    let Some(balancer) = cx.place().elbv2.balancers.get(arn).cloned() else {
        return Ok(json!({}));
    };
    if balancer
        .attributes
        .get("deletion_protection.enabled")
        .is_some_and(|v| v == "true")
    {
        return Err(AwsError::new(
            "OperationNotPermitted",
            format!(
                "Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            ),
        ));
    }
    let at = cx.visible_at(arn);
    let state = &mut cx.place().elbv2;
    let listeners: Vec<String> = state
        .listeners
        .iter()
        .filter(|(_, l)| l.balancer_arn == arn)
        .map(|(arn, _)| arn.to_owned())
        .collect();
    for listener in listeners {
        state.remove_listener(&listener, at);
    }
    state.balancers.remove(arn, at);
    state.tags.remove(arn, at);
    cx.world.unschedule(|event| {
        matches!(event.what, "balancer active" | "publish name") && event.id == arn
    });
    for node in &balancer.nodes {
        release(cx, node);
    }
    Ok(json!({}))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (arns, names) = (input.strings("LoadBalancerArns"), input.strings("Names"));
    if !arns.is_empty() && !names.is_empty() {
        return Err(invalid(
            "Load balancer names and load balancer ARNs cannot be specified at the same time",
        ));
    }
    let now = cx.now();
    let state = &cx.place().elbv2;
    let seen: Vec<&Balancer> = state.balancers.seen_all(now).map(|(_, b)| b).collect();
    if let Some(arn) = arns.iter().find(|arn| !seen.iter().any(|b| b.arn == **arn)) {
        return Err(no_balancer(arn));
    }
    if let Some(name) = names
        .iter()
        .find(|name| !seen.iter().any(|b| b.name == **name))
    {
        return Err(no_balancer(name));
    }
    let found: Vec<Value> = seen
        .into_iter()
        .filter(|b| arns.is_empty() || arns.contains(&b.arn))
        .filter(|b| names.is_empty() || names.contains(&b.name))
        .map(shown)
        .collect();
    Ok(object! { "LoadBalancers": found })
}

pub(super) fn shown(b: &Balancer) -> Value {
    let region = b.arn.split(':').nth(3).unwrap_or_default();
    let mut shown = json!({
        "LoadBalancerArn": b.arn, "DNSName": b.dns_name, "CanonicalHostedZoneId": facts::hosted_zone(region, b.kind),
        "CreatedTime": b.created, "LoadBalancerName": b.name,
        "Scheme": if b.internal { "internal" } else { "internet-facing" },
        "VpcId": b.vpc_id, "State": {"Code": b.state}, "Type": b.kind.word(),
        "AvailabilityZones": zones_shown(b), "IpAddressType": b.address_type,
    });
    if b.kind == Kind::Application || !b.groups.is_empty() {
        shown["SecurityGroups"] = b.groups.clone().into();
    }
    if b.kind == Kind::Network {
        shown["EnablePrefixForIpv6SourceNat"] = "off".into();
    }
    shown
}

fn zones_shown(b: &Balancer) -> Vec<Value> {
    b.nodes
        .iter()
        .map(|node| {
            let addresses: Vec<Value> = node
                .allocation_id
                .iter()
                .map(|allocation| json!({"IpAddress": node.public_address, "AllocationId": allocation}))
                .collect();
            json!({"ZoneName": node.zone, "SubnetId": node.subnet_id, "LoadBalancerAddresses": addresses})
        })
        .collect()
}

fn existing(state: &State, arn: &str) -> Result<Balancer, AwsError> {
    state
        .balancers
        .get(arn)
        .cloned()
        .ok_or_else(|| no_balancer(arn))
}

pub(super) fn set_security_groups(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let balancer = existing(&cx.place().elbv2, required(input, "LoadBalancerArn")?)?;
    let groups = input.strings("SecurityGroups");
    if balancer.kind == Kind::Network && balancer.groups.is_empty() {
        return Err(AwsError::new(
            "InvalidConfigurationRequest",
            "You cannot set security groups on a Network Load Balancer that was created without security groups",
        ));
    }
    if groups.is_empty() {
        return Err(AwsError::new(
            "InvalidConfigurationRequest",
            "You must specify at least one security group",
        ));
    }
    let groups = choose_groups(cx, groups, balancer.kind, &balancer.vpc_id)?;
    let at = cx.visible_at(&balancer.arn);
    cx.place()
        .elbv2
        .balancers
        .change(&balancer.arn, at, |b| b.groups.clone_from(&groups));
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    for node in &balancer.nodes {
        ec2::regroup(cx.world, &account, &region, &node.interface_id, &groups);
    }
    Ok(json!({"SecurityGroupIds": groups}))
}

pub(super) fn set_subnets(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let mut balancer = existing(&cx.place().elbv2, required(input, "LoadBalancerArn")?)?;
    let mappings = mappings(input)?;
    let vpc_id = check_subnets(cx, &mappings, balancer.kind, balancer.internal)?;
    if vpc_id != balancer.vpc_id {
        return Err(AwsError::new(
            "InvalidConfigurationRequest",
            "The subnets must belong to the load balancer's VPC",
        ));
    }
    let wanted = |node: &Node| mappings.iter().any(|m| m.subnet_id == node.subnet_id);
    let (kept, dropped): (Vec<Node>, Vec<Node>) = balancer.nodes.iter().cloned().partition(wanted);
    balancer.nodes = kept;
    for mapping in &mappings {
        if !balancer
            .nodes
            .iter()
            .any(|n| n.subnet_id == mapping.subnet_id)
        {
            let node = add_node(cx, &balancer, mapping)?;
            balancer.nodes.push(node);
        }
    }
    dropped.iter().for_each(|node| release(cx, node));
    let at = cx.visible_at(&balancer.arn);
    let output = json!({"AvailabilityZones": zones_shown(&balancer), "IpAddressType": balancer.address_type});
    let nodes = balancer.nodes;
    cx.place()
        .elbv2
        .balancers
        .change(&balancer.arn, at, |b| b.nodes = nodes);
    Ok(output)
}

pub(super) fn set_address_type(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let balancer = existing(&cx.place().elbv2, required(input, "LoadBalancerArn")?)?;
    let wanted = required(input, "IpAddressType")?.to_owned();
    if wanted != "ipv4" {
        // No subnet of this world has an IPv6 block.
        return Err(AwsError::new(
            "InvalidSubnet",
            "You must specify subnets with an associated IPv6 CIDR block",
        ));
    }
    let at = cx.visible_at(&balancer.arn);
    cx.place()
        .elbv2
        .balancers
        .change(&balancer.arn, at, |b| b.address_type.clone_from(&wanted));
    Ok(json!({"IpAddressType": wanted}))
}

/// The balancer of a DNS name: account, region, ARN. Names are compared as DNS does; `dualstack.` may precede.
pub fn balancer_by_dns(world: &World, dns: &str) -> Option<(String, String, String)> {
    let name = dns.trim_end_matches('.').to_ascii_lowercase();
    let name = name.strip_prefix("dualstack.").unwrap_or(&name);
    world.places.iter().find_map(|((account, region), place)| {
        // The region is in the name: other places need not be looked through.
        if !name.contains(region.as_str()) {
            return None;
        }
        let (arn, _) = place
            .elbv2
            .balancers
            .iter()
            .find(|(_, b)| b.dns_name.eq_ignore_ascii_case(name))?;
        Some((account.clone(), region.clone(), arn.to_owned()))
    })
}

/// The nodes whose addresses the balancer's DNS name answers with: all of them, once the name is published. An address
/// is the public one, or the private one of an internal balancer.
pub fn answering_nodes(world: &World, balancer_arn: &str) -> Vec<Node> {
    let Some(balancer) = super::balancer(world, balancer_arn) else {
        return vec![];
    };
    if !balancer.published {
        return vec![];
    }
    balancer.nodes.clone()
}
