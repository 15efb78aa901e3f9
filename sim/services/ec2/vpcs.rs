//! VPCs: born with a default group, a default network ACL and a main route table; removed only when nothing else is in
//! them.

use super::cidr::Cidr;
use super::filters::{Question, one, truth};
use super::state::{
    AclEntry, Destination, GroupRule, NetworkAcl, Peer, Route, RouteAssociation, RouteTable,
    SecurityGroup, State, Target, Vpc,
};
use super::tags::{self, Tags};
use super::{dependency, gateways, invalid, limit, not_found, required, routes, subnets, zones};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = tags::on_create(input, "vpc")?;
    if input.has("Ipv4IpamPoolId")
        || input.has("Ipv6IpamPoolId")
        || input.bool("AmazonProvidedIpv6CidrBlock") == Some(true)
    {
        return Err(cx.not_simulated());
    }
    let cidr = block(required(input, "CidrBlock")?)?;
    let vpc = make(
        cx,
        cidr,
        input.str("InstanceTenancy").unwrap_or("default"),
        false,
        &given,
    )?;
    let account = cx.account_id().to_owned();
    Ok(json!({"Vpc": shown(&vpc, &given, &account, cx.now())}))
}

/// Reads a VPC's block: between /16 and /28.
fn block(text: &str) -> Result<Cidr, AwsError> {
    let Some(cidr) = Cidr::parse(text) else {
        return Err(invalid(format!(
            "Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        )));
    };
    if !(16..=28).contains(&cidr.prefix()) {
        return Err(AwsError::new(
            "InvalidVpc.Range",
            format!("The CIDR '{text}' is invalid."),
        ));
    }
    Ok(cidr)
}

fn make(
    cx: &mut Cx<'_>,
    cidr: Cidr,
    tenancy: &str,
    default: bool,
    given: &Tags,
) -> Result<Vpc, AwsError> {
    if cx.place().ec2.vpcs.len() as u64 >= limit(cx, "L-F678F1CE", 5) {
        return Err(AwsError::new(
            "VpcLimitExceeded",
            "The maximum number of VPCs has been reached.",
        ));
    }
    let id = cx.new_id("vpc-");
    let takes = cx.world.sample(Pert(1.0, 2.0, 5.0), &id, "vpc available");
    let vpc = Vpc {
        id: id.clone(),
        cidrs: vec![(cx.new_id("vpc-cidr-assoc-"), cidr)],
        dns_support: true,
        dns_hostnames: default,
        address_metrics: false,
        tenancy: tenancy.to_owned(),
        dhcp_options: "default".into(),
        default,
        available_at: cx.now() + takes,
    };
    let group = SecurityGroup {
        id: cx.new_id("sg-"),
        vpc_id: id.clone(),
        name: "default".into(),
        description: "default VPC security group".into(),
        rules: vec![],
    };
    let own = Peer::Group {
        account: cx.account_id().to_owned(),
        id: group.id.clone(),
    };
    let rules = vec![
        all_traffic(cx.new_id("sgr-"), false, own),
        all_traffic(cx.new_id("sgr-"), true, Peer::Cidr(Cidr::ANYWHERE)),
    ];
    let group = SecurityGroup { rules, ..group };
    let acl = NetworkAcl {
        id: cx.new_id("acl-"),
        vpc_id: id.clone(),
        default: true,
        entries: [false, true]
            .into_iter()
            .flat_map(|egress| [open_entry(egress), last_entry(egress)])
            .collect(),
        associations: vec![],
    };
    let table = RouteTable {
        id: cx.new_id("rtb-"),
        vpc_id: id.clone(),
        routes: vec![local(cidr)],
        associations: vec![RouteAssociation {
            id: cx.new_id("rtbassoc-"),
            subnet_id: None,
        }],
    };
    let at = cx.visible_at(&id);
    let state = &mut cx.place().ec2;
    state.groups.put(group.id.clone(), group, at);
    state.acls.put(acl.id.clone(), acl, at);
    state.route_tables.put(table.id.clone(), table, at);
    state.tags.put(id.clone(), given.clone(), at);
    state.vpcs.put(id, vpc.clone(), at);
    Ok(vpc)
}

/// A rule for all traffic, as groups have at birth.
pub(super) fn all_traffic(id: String, egress: bool, peer: Peer) -> GroupRule {
    GroupRule {
        id,
        egress,
        protocol: "-1".into(),
        from: -1,
        to: -1,
        peer,
        description: None,
    }
}

fn local(cidr: Cidr) -> Route {
    Route {
        destination: Destination::Cidr(cidr),
        target: Target::Local,
        origin: "CreateRouteTable",
    }
}

/// The local routes that a new route table of the VPC has.
pub(super) fn local_routes(vpc: &Vpc) -> Vec<Route> {
    vpc.cidrs.iter().map(|(_, cidr)| local(*cidr)).collect()
}

fn open_entry(egress: bool) -> AclEntry {
    AclEntry {
        number: 100,
        allow: true,
        ..last_entry(egress)
    }
}

/// The entry that every ACL ends with and nobody can change.
pub(super) fn last_entry(egress: bool) -> AclEntry {
    AclEntry {
        number: 32_767,
        egress,
        protocol: "-1".into(),
        allow: false,
        cidr: Some(Cidr::ANYWHERE),
        cidr6: None,
        ports: None,
        icmp: None,
    }
}

/// The account's default VPC: 172.31.0.0/16 with a public subnet in every zone.
pub(super) fn create_default(cx: &mut Cx<'_>, _: &Input) -> Result<Value, AwsError> {
    if cx.place().ec2.vpcs.iter().any(|(_, v)| v.default) {
        return Err(AwsError::new(
            "DefaultVpcAlreadyExists",
            "A Default VPC already exists for this account in this region.",
        ));
    }
    let cidr = block("172.31.0.0/16")?;
    let vpc = make(cx, cidr, "default", true, &Tags::new())?;
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    for (n, zone) in zones::zones(&account, &region).into_iter().enumerate() {
        let block = Cidr::parse(&format!("172.31.{}.0/20", n * 16))
            .ok_or_else(|| invalid("too many zones"))?;
        subnets::make(cx, &vpc, block, zone, true, &Tags::new());
    }
    let gateway = gateways::make(cx, &Tags::new());
    let at = cx.visible_at(&gateway.id);
    let state = &mut cx.place().ec2;
    state
        .internet_gateways
        .change(&gateway.id, at, |g| g.vpc_id = Some(vpc.id.clone()));
    let main = routes::main_table(state, &vpc.id)
        .map(|t| t.id.clone())
        .unwrap_or_default();
    state.route_tables.change(&main, at, |t| {
        t.routes.push(Route {
            destination: Destination::Cidr(Cidr::ANYWHERE),
            target: Target::InternetGateway(gateway.id.clone()),
            origin: "CreateRoute",
        });
    });
    Ok(json!({"Vpc": shown(&vpc, &Tags::new(), &account, cx.now())}))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "VpcId")?;
    let state = &cx.place().ec2;
    if !state.vpcs.contains(id) {
        return Err(not_found("vpc", id));
    }
    if holds_anything(state, id) {
        return Err(dependency("vpc", id));
    }
    let at = cx.visible_at(id);
    let state = &mut cx.place().ec2;
    let groups: Vec<String> = state
        .groups
        .iter()
        .filter(|(_, g)| g.vpc_id == id)
        .map(|(k, _)| k.to_owned())
        .collect();
    let acls: Vec<String> = state
        .acls
        .iter()
        .filter(|(_, a)| a.vpc_id == id)
        .map(|(k, _)| k.to_owned())
        .collect();
    let tables = routes::tables_of(state, id);
    for born_with in groups.iter().chain(&acls).chain(&tables) {
        state.groups.remove(born_with, at);
        state.acls.remove(born_with, at);
        state.route_tables.remove(born_with, at);
        state.tags.remove(born_with, at);
    }
    state.vpcs.remove(id, at);
    state.tags.remove(id, at);
    Ok(json!({}))
}

/// Whether there is anything in the VPC beyond what it was born with.
fn holds_anything(state: &State, id: &str) -> bool {
    state.subnets.iter().any(|(_, s)| s.vpc_id == id)
        || state
            .internet_gateways
            .iter()
            .any(|(_, g)| g.vpc_id.as_deref() == Some(id))
        || state
            .route_tables
            .iter()
            .any(|(_, t)| t.vpc_id == id && !t.is_main())
        || state
            .groups
            .iter()
            .any(|(_, g)| g.vpc_id == id && g.name != "default")
        || state.acls.iter().any(|(_, a)| a.vpc_id == id && !a.default)
        || state.endpoints.iter().any(|(_, e)| e.vpc_id == id)
        || state.interfaces.iter().any(|(_, i)| i.vpc_id == id)
        || state.peerings.iter().any(|(_, p)| {
            p.status == "active" && (p.requester.vpc_id == id || p.accepter.vpc_id == id)
        })
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let question = Question::read(cx, input, "vpc", "VpcIds", "Filters")?;
    let (now, account) = (cx.now(), cx.account_id().to_owned());
    let state = &cx.place().ec2;
    let names = [
        "vpc-id",
        "cidr",
        "cidr-block",
        "cidrBlock",
        "cidr-block-association.cidr-block",
        "cidr-block-association.association-id",
        "cidr-block-association.state",
        "dhcp-options-id",
        "dhcpOptionsId",
        "is-default",
        "isDefault",
        "owner-id",
        "state",
    ];
    let facts = |v: &Vpc, name: &str| match name {
        "vpc-id" => one(v.id.as_str()),
        "cidr" | "cidr-block" | "cidrBlock" => one(v.cidr().to_string()),
        "cidr-block-association.cidr-block" => v.cidrs.iter().map(|(_, c)| c.to_string()).collect(),
        "cidr-block-association.association-id" => {
            v.cidrs.iter().map(|(id, _)| id.clone()).collect()
        }
        "cidr-block-association.state" => one("associated"),
        "dhcp-options-id" | "dhcpOptionsId" => one(v.dhcp_options.as_str()),
        "is-default" | "isDefault" => truth(v.default),
        "owner-id" => one(account.as_str()),
        _ => one(if now < v.available_at {
            "pending"
        } else {
            "available"
        }),
    };
    let found = question.answer(state, &state.vpcs, &names, facts, |v, tags| {
        shown(v, tags, &account, now)
    })?;
    Ok(object! {"Vpcs": found})
}

fn shown(v: &Vpc, tags: &Tags, account: &str, now: u64) -> Value {
    let blocks: Vec<Value> = v.cidrs.iter().map(association_shown).collect();
    json!({
        "VpcId": v.id, "CidrBlock": v.cidr().to_string(), "CidrBlockAssociationSet": blocks,
        "Ipv6CidrBlockAssociationSet": [], "DhcpOptionsId": v.dhcp_options, "InstanceTenancy": v.tenancy,
        "IsDefault": v.default, "OwnerId": account, "Tags": tags::listed(tags),
        "State": if now < v.available_at { "pending" } else { "available" },
    })
}

fn association_shown((id, cidr): &(String, Cidr)) -> Value {
    json!({"AssociationId": id, "CidrBlock": cidr.to_string(), "CidrBlockState": {"State": "associated"}})
}

pub(super) fn describe_attribute(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "VpcId")?;
    let now = cx.now();
    let Some(vpc) = cx.place().ec2.vpcs.seen(id, now) else {
        return Err(not_found("vpc", id));
    };
    let mut output = json!({"VpcId": id});
    match required(input, "Attribute")? {
        "enableDnsSupport" => output["EnableDnsSupport"] = json!({"Value": vpc.dns_support}),
        "enableDnsHostnames" => output["EnableDnsHostnames"] = json!({"Value": vpc.dns_hostnames}),
        "enableNetworkAddressUsageMetrics" => {
            output["EnableNetworkAddressUsageMetrics"] = json!({"Value": vpc.address_metrics});
        }
        other => {
            return Err(invalid(format!(
                "Value ({other}) for parameter attribute is invalid."
            )));
        }
    }
    Ok(output)
}

pub(super) fn modify_attribute(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "VpcId")?;
    if !cx.place().ec2.vpcs.contains(id) {
        return Err(not_found("vpc", id));
    }
    let wanted = |name: &str| {
        input
            .value
            .get(name)
            .and_then(|a| a.get("Value"))
            .and_then(Value::as_bool)
    };
    let support = wanted("EnableDnsSupport");
    let hostnames = wanted("EnableDnsHostnames");
    let metrics = wanted("EnableNetworkAddressUsageMetrics");
    match [support, hostnames, metrics].iter().flatten().count() {
        0 => {
            return Err(AwsError::new(
                "MissingParameter",
                "The request must contain an attribute to modify",
            ));
        }
        1 => {}
        _ => {
            return Err(AwsError::new(
                "InvalidParameterCombination",
                "Fields for multiple attribute types specified: modify one attribute per request",
            ));
        }
    }
    let at = cx.visible_at(id);
    cx.place().ec2.vpcs.change(id, at, |v| {
        v.dns_support = support.unwrap_or(v.dns_support);
        v.dns_hostnames = hostnames.unwrap_or(v.dns_hostnames);
        v.address_metrics = metrics.unwrap_or(v.address_metrics);
    });
    Ok(json!({}))
}

pub(super) fn associate_cidr(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "VpcId")?;
    if input.bool("AmazonProvidedIpv6CidrBlock") == Some(true) || input.has("Ipv4IpamPoolId") {
        return Err(cx.not_simulated());
    }
    let Some(vpc) = cx.place().ec2.vpcs.get(id).cloned() else {
        return Err(not_found("vpc", id));
    };
    let cidr = block(required(input, "CidrBlock")?)?;
    if vpc.cidrs.iter().any(|(_, held)| held.overlaps(cidr)) {
        return Err(AwsError::new(
            "InvalidVpc.Conflict",
            format!("The CIDR '{cidr}' conflicts with another CIDR"),
        ));
    }
    if vpc.cidrs.len() as u64 >= limit(cx, "L-83CA0A9D", 5) {
        return Err(AwsError::new(
            "CidrLimitExceeded",
            format!("This network '{id}' has met its maximum number of allowed CIDRs: 5"),
        ));
    }
    let association = (cx.new_id("vpc-cidr-assoc-"), cidr);
    let at = cx.visible_at(id);
    let state = &mut cx.place().ec2;
    state
        .vpcs
        .change(id, at, |v| v.cidrs.push(association.clone()));
    for table in routes::tables_of(state, id) {
        state
            .route_tables
            .change(&table, at, |t| t.routes.insert(1, local(cidr)));
    }
    let mut shown = association_shown(&association);
    shown["CidrBlockState"] = json!({"State": "associating"});
    Ok(json!({"VpcId": id, "CidrBlockAssociation": shown}))
}

pub(super) fn disassociate_cidr(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let association_id = required(input, "AssociationId")?;
    let state = &cx.place().ec2;
    let found = state.vpcs.iter().find_map(|(id, v)| {
        let at = v.cidrs.iter().position(|(a, _)| a == association_id)?;
        Some((id.to_owned(), at, v.cidrs[at].clone()))
    });
    let Some((id, position, association)) = found else {
        return Err(AwsError::new(
            "InvalidVpcCidrBlockAssociationID.NotFound",
            format!("The vpc CIDR block association ID '{association_id}' does not exist"),
        ));
    };
    if position == 0 {
        return Err(AwsError::new(
            "OperationNotPermitted",
            format!(
                "The vpc CIDR block with association ID {association_id} may not be disassociated. It is the primary IPv4 CIDR block of the VPC"
            ),
        ));
    }
    if state
        .subnets
        .iter()
        .any(|(_, s)| s.vpc_id == id && association.1.contains(s.cidr))
    {
        return Err(AwsError::new(
            "InvalidCidrBlock.InUse",
            format!(
                "The vpc CIDR block with association ID {association_id} may not be disassociated. It has subnets in it"
            ),
        ));
    }
    let at = cx.visible_at(&id);
    let state = &mut cx.place().ec2;
    state.vpcs.change(&id, at, |v| {
        v.cidrs.remove(position);
    });
    for table in routes::tables_of(state, &id) {
        state.route_tables.change(&table, at, |t| {
            t.routes.retain(|r| *r != local(association.1))
        });
    }
    let mut shown = association_shown(&association);
    shown["CidrBlockState"] = json!({"State": "disassociating"});
    Ok(json!({"VpcId": id, "CidrBlockAssociation": shown}))
}
