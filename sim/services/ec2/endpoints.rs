//! VPC endpoints: ways to AWS's own services that do not go over the internet.

use super::cidr::Cidr;
use super::filters::{Filters, Question, one};
use super::interfaces::{self, Attachment};
use super::prefix_lists::prefix_lists;
use super::state::{Destination, Endpoint, Route, State, Target};
use super::tags::{self, Tags};
use super::zones;
use super::{invalid, not_found, required};
use crate::clock::{Dice, Pert};
use crate::error::AwsError;
use crate::world::{Cx, Event, Input, World};
use serde_json::{Value, json};

/// The services with interface endpoints in every region, by the last part of their names.
const INTERFACE_SERVICES: &[&str] = &[
    "acm",
    "application-autoscaling",
    "autoscaling",
    "codedeploy-commands-secure",
    "ec2",
    "ec2messages",
    "ecr.api",
    "ecr.dkr",
    "ecs",
    "ecs-agent",
    "ecs-telemetry",
    "elasticfilesystem",
    "elasticloadbalancing",
    "events",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "rds",
    "rds-data",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "ssmmessages",
    "states",
    "sts",
];

const GATEWAY_SERVICES: &[&str] = &["dynamodb", "s3"];

/// Where a service's public API is, for the purpose of rules and routes: an address that no VPC of this world has.
pub fn service_address(service: &str) -> u32 {
    let block = match service {
        "s3" => "52.216.0.0/15",
        "dynamodb" => "52.94.0.0/22",
        _ => "3.89.0.0/16",
    };
    Cidr::parse(block).map_or(0, |cidr| cidr.base() + 1)
}

fn services(region: &str) -> Vec<(String, &'static str)> {
    let named = |list: &[&str], kind| {
        list.iter()
            .map(|s| (format!("com.amazonaws.{region}.{s}"), kind))
            .collect::<Vec<_>>()
    };
    let mut all = named(INTERFACE_SERVICES, "Interface");
    all.extend(named(GATEWAY_SERVICES, "Gateway"));
    all.sort();
    all
}

/// The name under which clients know a service's API.
fn private_name(service_name: &str, region: &str) -> String {
    let last = service_name
        .strip_prefix(&format!("com.amazonaws.{region}."))
        .unwrap_or(service_name);
    match last {
        "ecr.api" => format!("api.ecr.{region}.amazonaws.com"),
        "ecr.dkr" => format!("*.dkr.ecr.{region}.amazonaws.com"),
        other => format!("{other}.{region}.amazonaws.com"),
    }
}

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = tags::on_create(input, "vpc-endpoint")?;
    let vpc_id = required(input, "VpcId")?.to_owned();
    let service_name = required(input, "ServiceName")?.to_owned();
    let kind = input.str("VpcEndpointType").unwrap_or("Gateway").to_owned();
    let Some(vpc) = cx.place().ec2.vpcs.get(&vpc_id).cloned() else {
        return Err(not_found("vpc", &vpc_id));
    };
    let offered: Vec<&'static str> = services(&cx.region)
        .into_iter()
        .filter(|(name, _)| *name == service_name)
        .map(|(_, kind)| kind)
        .collect();
    if offered.is_empty() {
        return Err(AwsError::new(
            "InvalidServiceName",
            format!("The Vpc Endpoint Service '{service_name}' does not exist"),
        ));
    }
    if !offered.contains(&kind.as_str()) {
        return Err(AwsError::new(
            "InvalidParameter",
            format!(
                "Endpoint type ({kind}) does not match available service types ([{}]).",
                offered.join(", ")
            ),
        ));
    }
    if let Some(policy) = input
        .str("PolicyDocument")
        .filter(|p| serde_json::from_str::<Value>(p).is_err())
    {
        return Err(AwsError::new(
            "InvalidPolicyDocument",
            format!("The policy document is not valid JSON: {policy}"),
        ));
    }
    let private_dns = kind == "Interface" && input.bool("PrivateDnsEnabled").unwrap_or(true);
    if private_dns {
        if !(vpc.dns_support && vpc.dns_hostnames) {
            return Err(AwsError::new(
                "InvalidParameter",
                format!(
                    "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {vpc_id}"
                ),
            ));
        }
        let state = &cx.place().ec2;
        let same =
            |e: &Endpoint| e.vpc_id == vpc_id && e.service_name == service_name && e.private_dns;
        if state.endpoints.iter().any(|(_, e)| same(e)) {
            let name = private_name(&service_name, &cx.region);
            return Err(AwsError::new(
                "InvalidParameter",
                format!(
                    "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {name} in the VPC {vpc_id}"
                ),
            ));
        }
    }
    let id = cx.new_id("vpce-");
    let mut endpoint = Endpoint {
        id: id.clone(),
        vpc_id,
        service_name,
        kind,
        policy: input
            .str("PolicyDocument")
            .unwrap_or(FULL_ACCESS)
            .to_owned(),
        route_tables: vec![],
        subnets: vec![],
        groups: vec![],
        interfaces: vec![],
        private_dns,
        address_type: input.str("IpAddressType").unwrap_or("ipv4").to_owned(),
        state: "Available",
        created: cx.unix_now(),
    };
    if endpoint.kind == "Gateway" {
        add_routes(cx, &mut endpoint, &input.strings("RouteTableIds"))?;
    } else {
        let mut groups = input.strings("SecurityGroupIds");
        let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
        if groups.is_empty()
            && let Some(default) =
                super::default_group(cx.world, &account, &region, &endpoint.vpc_id)
        {
            groups.push(default.id.clone());
        }
        endpoint.groups = groups;
        endpoint.state = "Pending";
        add_interfaces(cx, &mut endpoint, &input.strings("SubnetIds"))?;
        let after = cx
            .world
            .sample(Pert(20.0, 60.0, 150.0), &id, "endpoint available");
        cx.later(after, "endpoint available", &id);
    }
    let at = cx.visible_at(&id);
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    let state = &mut cx.place().ec2;
    let mut shown_now = endpoint.clone();
    if shown_now.kind == "Interface" {
        shown_now.state = "Pending";
    }
    let mut output = json!({"VpcEndpoint": shown(state, &shown_now, &given, &account, &region)});
    if let Some(token) = input.str("ClientToken") {
        output["ClientToken"] = token.into();
    }
    state.tags.put(id.clone(), given, at);
    state.endpoints.put(id, endpoint, at);
    Ok(output)
}

const FULL_ACCESS: &str = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

/// A gateway endpoint is a route to the service's prefix list in each of its route tables.
fn add_routes(cx: &mut Cx<'_>, endpoint: &mut Endpoint, tables: &[String]) -> Result<(), AwsError> {
    let list = prefix_lists(&cx.region)
        .into_iter()
        .find(|l| l.name == endpoint.service_name);
    let Some(list) = list else {
        return Err(invalid("The service has no prefix list in this region"));
    };
    let state = &cx.place().ec2;
    let destination = Destination::PrefixList(list.id);
    for id in tables {
        let Some(table) = state.route_tables.get(id) else {
            return Err(not_found("route-table", id));
        };
        if table.vpc_id != endpoint.vpc_id {
            return Err(invalid(format!(
                "route table {id} and VPC {} belong to different networks",
                endpoint.vpc_id
            )));
        }
        if table.routes.iter().any(|r| r.destination == destination) {
            return Err(AwsError::new(
                "RouteAlreadyExists",
                format!("route table {id} already has a route with destination-prefix-list-id"),
            ));
        }
    }
    for id in tables {
        let at = cx.visible_at(id);
        let route = Route {
            destination: destination.clone(),
            target: Target::Endpoint(endpoint.id.clone()),
            origin: "CreateRoute",
        };
        cx.place()
            .ec2
            .route_tables
            .change(id, at, |t| t.routes.push(route));
        endpoint.route_tables.push(id.clone());
    }
    Ok(())
}

fn remove_routes(cx: &mut Cx<'_>, endpoint: &mut Endpoint, tables: &[String]) {
    for id in tables {
        let at = cx.visible_at(id);
        let own = Target::Endpoint(endpoint.id.clone());
        cx.place()
            .ec2
            .route_tables
            .change(id, at, |t| t.routes.retain(|r| r.target != own));
        endpoint.route_tables.retain(|held| held != id);
    }
}

fn add_interfaces(
    cx: &mut Cx<'_>,
    endpoint: &mut Endpoint,
    subnets: &[String],
) -> Result<(), AwsError> {
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    let state = &cx.place().ec2;
    let zone_of = |id: &String| state.subnets.get(id).map(|s| s.zone.clone());
    let mut zones: Vec<Option<String>> = endpoint.subnets.iter().map(zone_of).collect();
    for id in subnets {
        let Some(subnet) = state.subnets.get(id) else {
            return Err(not_found("subnet", id));
        };
        if subnet.vpc_id != endpoint.vpc_id {
            return Err(invalid(format!(
                "The subnet ID '{id}' does not belong to the VPC {}",
                endpoint.vpc_id
            )));
        }
        if zones.contains(&Some(subnet.zone.clone())) {
            return Err(AwsError::new(
                "DuplicateSubnetsInSameZone",
                format!(
                    "Found another VPC endpoint subnet in the availability zone of {id}. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service."
                ),
            ));
        }
        zones.push(Some(subnet.zone.clone()));
    }
    for id in subnets {
        let wanted = Attachment {
            subnet_id: id.clone(),
            groups: endpoint.groups.clone(),
            description: format!("VPC Endpoint Interface {}", endpoint.id),
            requester: "vpc-endpoint".into(),
            kind: "vpc_endpoint".into(),
            ..Attachment::default()
        };
        let interface = interfaces::attach(cx.world, &account, &region, &wanted)?;
        endpoint.subnets.push(id.clone());
        endpoint.interfaces.push(interface.id);
    }
    Ok(())
}

pub(super) fn become_available(world: &mut World, event: &Event) {
    let endpoints = &mut world.place(&event.account, &event.region).ec2.endpoints;
    endpoints.settle(&event.id, |e| {
        if e.state == "Pending" {
            e.state = "Available";
        }
    });
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let mut unsuccessful = vec![];
    for id in input.strings("VpcEndpointIds") {
        let Some(mut endpoint) = cx.place().ec2.endpoints.get(&id).cloned() else {
            let error = not_found("vpc-endpoint", &id);
            unsuccessful.push(
                json!({"ResourceId": id, "Error": {"Code": error.code, "Message": error.message}}),
            );
            continue;
        };
        let at = cx.visible_at(&id);
        let tables = endpoint.route_tables.clone();
        remove_routes(cx, &mut endpoint, &tables);
        if endpoint.kind == "Gateway" {
            let state = &mut cx.place().ec2;
            state.endpoints.remove(&id, at);
            state.tags.remove(&id, at);
            continue;
        }
        cx.place()
            .ec2
            .endpoints
            .change(&id, at, |e| e.state = "Deleting");
        let after = cx
            .world
            .sample(Pert(20.0, 60.0, 180.0), &id, "endpoint gone");
        cx.later(after, "endpoint gone", &id);
    }
    Ok(json!({"Unsuccessful": unsuccessful}))
}

pub(super) fn vanish(world: &mut World, event: &Event) {
    let now = world.now();
    let state = &mut world.place(&event.account, &event.region).ec2;
    state.tags.remove(&event.id, now);
    let Some(endpoint) = state.endpoints.remove(&event.id, now) else {
        return;
    };
    for id in &endpoint.interfaces {
        interfaces::remove(world, &event.account, &event.region, id, now);
    }
}

pub(super) fn modify(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "VpcEndpointId")?;
    let Some(mut endpoint) = cx.place().ec2.endpoints.get(id).cloned() else {
        return Err(not_found("vpc-endpoint", id));
    };
    add_routes_if_any(cx, &mut endpoint, &input.strings("AddRouteTableIds"))?;
    remove_routes(cx, &mut endpoint, &input.strings("RemoveRouteTableIds"));
    add_interfaces(cx, &mut endpoint, &input.strings("AddSubnetIds"))?;
    let (account, region, now) = (cx.account_id().to_owned(), cx.region.clone(), cx.now());
    for subnet in input.strings("RemoveSubnetIds") {
        if let Some(position) = endpoint.subnets.iter().position(|s| *s == subnet) {
            endpoint.subnets.remove(position);
            let interface = endpoint.interfaces.remove(position);
            interfaces::remove(cx.world, &account, &region, &interface, now);
        }
    }
    for group in input.strings("AddSecurityGroupIds") {
        if !cx.place().ec2.groups.contains(&group) {
            return Err(not_found("security-group", &group));
        }
        if !endpoint.groups.contains(&group) {
            endpoint.groups.push(group);
        }
    }
    let dropped = input.strings("RemoveSecurityGroupIds");
    endpoint.groups.retain(|g| !dropped.contains(g));
    for interface in &endpoint.interfaces {
        interfaces::regroup(cx.world, &account, &region, interface, &endpoint.groups);
    }
    if let Some(enabled) = input.bool("PrivateDnsEnabled") {
        endpoint.private_dns = enabled;
    }
    if input.bool("ResetPolicy") == Some(true) {
        endpoint.policy = FULL_ACCESS.to_owned();
    } else if let Some(policy) = input.str("PolicyDocument") {
        endpoint.policy = policy.to_owned();
    }
    let at = cx.visible_at(id);
    cx.place().ec2.endpoints.change(id, at, |e| *e = endpoint);
    Ok(json!({"Return": true}))
}

fn add_routes_if_any(
    cx: &mut Cx<'_>,
    endpoint: &mut Endpoint,
    tables: &[String],
) -> Result<(), AwsError> {
    if tables.is_empty() {
        Ok(())
    } else {
        add_routes(cx, endpoint, tables)
    }
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let question = Question::read(cx, input, "vpc-endpoint", "VpcEndpointIds", "Filters")?;
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    let state = &cx.place().ec2;
    let names = [
        "vpc-endpoint-id",
        "vpc-id",
        "service-name",
        "vpc-endpoint-type",
        "vpc-endpoint-state",
        "ip-address-type",
    ];
    let facts = |e: &Endpoint, name: &str| match name {
        "vpc-endpoint-id" => one(e.id.as_str()),
        "vpc-id" => one(e.vpc_id.as_str()),
        "service-name" => one(e.service_name.as_str()),
        "vpc-endpoint-type" => one(e.kind.as_str()),
        "ip-address-type" => one(e.address_type.as_str()),
        // The filter spells states in camel case.
        _ => vec![e.state.to_owned(), e.state.to_ascii_lowercase()],
    };
    let shown = |e: &Endpoint, tags: &Tags| shown(state, e, tags, &account, &region);
    let found = question.answer(state, &state.endpoints, &names, facts, shown)?;
    Ok(object! {"VpcEndpoints": found})
}

fn shown(state: &State, e: &Endpoint, tags: &Tags, account: &str, region: &str) -> Value {
    let groups: Vec<Value> = e
        .groups
        .iter()
        .map(|id| json!({"GroupId": id, "GroupName": state.groups.get(id).map_or("", |g| g.name.as_str())}))
        .collect();
    let mut names = vec![];
    if e.kind == "Interface" {
        let last = e
            .service_name
            .rsplit_once(&format!("{region}."))
            .map_or("", |(_, last)| last);
        let hash = Dice(0).hash(&["endpoint", &e.id], 0) >> 32;
        names.push(json!({
            "DnsName": format!("{}-{hash:08x}.{last}.{region}.vpce.amazonaws.com", e.id), "HostedZoneId": "Z1YSA3EXCYUU9Z",
        }));
        if e.private_dns {
            names.push(json!({"DnsName": private_name(&e.service_name, region), "HostedZoneId": "ZONEIDPENDING"}));
        }
    }
    json!({
        "VpcEndpointId": e.id, "VpcEndpointType": e.kind, "VpcId": e.vpc_id, "ServiceName": e.service_name,
        "State": e.state.to_ascii_lowercase(), "PolicyDocument": e.policy, "RouteTableIds": e.route_tables,
        "SubnetIds": e.subnets, "Groups": groups, "IpAddressType": e.address_type, "PrivateDnsEnabled": e.private_dns,
        "RequesterManaged": false, "NetworkInterfaceIds": e.interfaces, "DnsEntries": names,
        "CreationTimestamp": e.created, "Tags": tags::listed(tags), "OwnerId": account, "ServiceRegion": region,
    })
}

pub(super) fn describe_services(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let filters = Filters::read(input, "Filters")?;
    filters.check(|name| {
        matches!(
            name,
            "service-name" | "service-type" | "owner" | "service-region"
        )
    })?;
    let wanted = input.strings("ServiceNames");
    let all = services(&cx.region);
    if let Some(name) = wanted
        .iter()
        .find(|name| !all.iter().any(|(known, _)| known == *name))
    {
        return Err(AwsError::new(
            "InvalidServiceName",
            format!("The Vpc Endpoint Service '{name}' does not exist"),
        ));
    }
    let zone_list = zones::zones(cx.account_id(), &cx.region);
    let (zone_names, zone_ids): (Vec<String>, Vec<String>) =
        zone_list.into_iter().map(|z| (z.name, z.id)).unzip();
    let (mut names, mut details) = (vec![], vec![]);
    for (name, kind) in all {
        let kept = filters.keep(&Tags::new(), |filter| match filter {
            "service-name" => Some(one(name.as_str())),
            "service-type" => Some(one(kind)),
            "service-region" => Some(one(cx.region.as_str())),
            _ => Some(one("amazon")),
        })?;
        if !kept || !wanted.is_empty() && !wanted.contains(&name) {
            continue;
        }
        details.push(json!({
            "ServiceName": name, "ServiceType": [{"ServiceType": kind}], "ServiceRegion": cx.region, "Owner": "amazon",
            "AvailabilityZones": zone_names, "AvailabilityZoneIds": zone_ids, "VpcEndpointPolicySupported": true,
            "AcceptanceRequired": false, "ManagesVpcEndpoints": false, "PrivateDnsName": private_name(&name, &cx.region),
            "BaseEndpointDnsNames": [private_name(&name, &cx.region)], "SupportedIpAddressTypes": ["ipv4"],
        }));
        if names.last() != Some(&name) {
            names.push(name);
        }
    }
    Ok(json!({"ServiceNames": names, "ServiceDetails": details}))
}
