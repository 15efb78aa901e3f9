//! Subnets: a block of a VPC in one zone.

use super::cidr::Cidr;
use super::filters::{Question, one, truth};
use super::interfaces::free_addresses;
use super::state::{State, Subnet, Vpc};
use super::tags::{self, Tags};
use super::zones::{self, Zone};
use super::{dependency, invalid, limit, not_found, required};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = tags::on_create(input, "subnet")?;
    let vpc_id = required(input, "VpcId")?;
    if input.has("Ipv6CidrBlock") || input.has("OutpostArn") || input.has("Ipv4IpamPoolId") {
        return Err(cx.not_simulated());
    }
    let Some(vpc) = cx.place().ec2.vpcs.get(vpc_id).cloned() else {
        return Err(not_found("vpc", vpc_id));
    };
    let text = required(input, "CidrBlock")?;
    let Some(cidr) = Cidr::parse(text) else {
        return Err(invalid(format!(
            "Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        )));
    };
    let inside = vpc.cidrs.iter().any(|(_, block)| block.contains(cidr));
    if !(16..=28).contains(&cidr.prefix()) || !inside {
        return Err(AwsError::new(
            "InvalidSubnet.Range",
            format!("The CIDR '{text}' is invalid."),
        ));
    }
    let siblings: Vec<Cidr> = cx
        .place()
        .ec2
        .subnets
        .iter()
        .filter(|(_, s)| s.vpc_id == vpc_id)
        .map(|(_, s)| s.cidr)
        .collect();
    if siblings.iter().any(|other| other.overlaps(cidr)) {
        return Err(AwsError::new(
            "InvalidSubnet.Conflict",
            format!("The CIDR '{cidr}' conflicts with another subnet"),
        ));
    }
    if siblings.len() as u64 >= limit(cx, "L-407747CB", 200) {
        return Err(AwsError::new(
            "SubnetLimitExceeded",
            "The maximum number of subnets has been reached.",
        ));
    }
    let zone = choose_zone(cx, input, &vpc, cidr)?;
    let subnet = make(cx, &vpc, cidr, zone, false, &given);
    let (account, region, now) = (cx.account_id().to_owned(), cx.region.clone(), cx.now());
    Ok(json!({"Subnet": shown(&cx.place().ec2, &subnet, &given, &account, &region, now)}))
}

fn choose_zone(cx: &Cx<'_>, input: &Input, vpc: &Vpc, cidr: Cidr) -> Result<Zone, AwsError> {
    let known = zones::zones(cx.account_id(), &cx.region);
    let names = || {
        known
            .iter()
            .map(|z| z.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match (input.str("AvailabilityZone"), input.str("AvailabilityZoneId")) {
        (Some(_), Some(_)) => Err(AwsError::new(
            "InvalidParameterCombination",
            "You can specify either AvailabilityZone or AvailabilityZoneId, but not both",
        )),
        (Some(name), None) => known.iter().find(|z| z.name == name).cloned().ok_or_else(|| {
            invalid(format!(
                "Value ({name}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {}.",
                names()
            ))
        }),
        (None, Some(id)) => known.iter().find(|z| z.id == id).cloned().ok_or_else(|| {
            invalid(format!("Value ({id}) for parameter availabilityZoneId is invalid."))
        }),
        (None, None) => {
            let hash = cx.world.dice.hash(&["zone", &vpc.id, &cidr.to_string()], 0) as usize;
            known.get(hash % known.len().max(1)).cloned().ok_or_else(|| invalid("There is no availability zone in this region"))
        }
    }
}

pub(super) fn make(
    cx: &mut Cx<'_>,
    vpc: &Vpc,
    cidr: Cidr,
    zone: Zone,
    default: bool,
    given: &Tags,
) -> Subnet {
    let id = cx.new_id("subnet-");
    let takes = cx
        .world
        .sample(Pert(1.0, 2.0, 5.0), &id, "subnet available");
    let subnet = Subnet {
        id: id.clone(),
        vpc_id: vpc.id.clone(),
        cidr,
        zone: zone.name,
        zone_id: zone.id,
        map_public_address: default,
        default_for_zone: default,
        attributes: BTreeMap::from([
            ("AssignIpv6AddressOnCreation".to_owned(), json!(false)),
            ("EnableDns64".to_owned(), json!(false)),
        ]),
        available_at: cx.now() + takes,
    };
    let association = cx.new_id("aclassoc-");
    let at = cx.visible_at(&id);
    let state = &mut cx.place().ec2;
    let acl = state
        .acls
        .iter()
        .find(|(_, a)| a.vpc_id == vpc.id && a.default)
        .map(|(id, _)| id.to_owned());
    if let Some(acl) = acl {
        state
            .acls
            .change(&acl, at, |a| a.associations.push((association, id.clone())));
    }
    state.tags.put(id.clone(), given.clone(), at);
    state.subnets.put(id, subnet.clone(), at);
    subnet
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "SubnetId")?;
    let state = &cx.place().ec2;
    if !state.subnets.contains(id) {
        return Err(not_found("subnet", id));
    }
    if state.interfaces.iter().any(|(_, i)| i.subnet_id == id) {
        return Err(dependency("subnet", id));
    }
    let at = cx.visible_at(id);
    let state = &mut cx.place().ec2;
    let tables: Vec<String> = state
        .route_tables
        .iter()
        .filter(|(_, t)| {
            t.associations
                .iter()
                .any(|a| a.subnet_id.as_deref() == Some(id))
        })
        .map(|(id, _)| id.to_owned())
        .collect();
    for table in tables {
        state.route_tables.change(&table, at, |t| {
            t.associations
                .retain(|a| a.subnet_id.as_deref() != Some(id))
        });
    }
    let acls: Vec<String> = state
        .acls
        .iter()
        .filter(|(_, a)| a.associations.iter().any(|(_, s)| s == id))
        .map(|(id, _)| id.to_owned())
        .collect();
    for acl in acls {
        state
            .acls
            .change(&acl, at, |a| a.associations.retain(|(_, s)| s != id));
    }
    state.subnets.remove(id, at);
    state.tags.remove(id, at);
    Ok(json!({}))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let question = Question::read(cx, input, "subnet", "SubnetIds", "Filters")?;
    let (now, account, region) = (cx.now(), cx.account_id().to_owned(), cx.region.clone());
    let state = &cx.place().ec2;
    let names = [
        "subnet-id",
        "vpc-id",
        "availability-zone",
        "availabilityZone",
        "availability-zone-id",
        "availabilityZoneId",
        "cidr",
        "cidr-block",
        "cidrBlock",
        "available-ip-address-count",
        "default-for-az",
        "defaultForAz",
        "map-public-ip-on-launch",
        "owner-id",
        "state",
        "subnet-arn",
    ];
    let facts = |s: &Subnet, name: &str| match name {
        "subnet-id" => one(s.id.as_str()),
        "vpc-id" => one(s.vpc_id.as_str()),
        "availability-zone" | "availabilityZone" => one(s.zone.as_str()),
        "availability-zone-id" | "availabilityZoneId" => one(s.zone_id.as_str()),
        "cidr" | "cidr-block" | "cidrBlock" => one(s.cidr.to_string()),
        "available-ip-address-count" => one(free_addresses(state, &s.vpc_id, s.cidr).to_string()),
        "default-for-az" | "defaultForAz" => truth(s.default_for_zone),
        "map-public-ip-on-launch" => truth(s.map_public_address),
        "owner-id" => one(account.as_str()),
        "subnet-arn" => one(arn(s, &account, &region)),
        _ => one(if now < s.available_at {
            "pending"
        } else {
            "available"
        }),
    };
    let shown = |s: &Subnet, tags: &Tags| shown(state, s, tags, &account, &region, now);
    let found = question.answer(state, &state.subnets, &names, facts, shown)?;
    Ok(object! {"Subnets": found})
}

fn arn(s: &Subnet, account: &str, region: &str) -> String {
    format!("arn:aws:ec2:{region}:{account}:subnet/{}", s.id)
}

fn shown(state: &State, s: &Subnet, tags: &Tags, account: &str, region: &str, now: u64) -> Value {
    let mut shown = json!({
        "SubnetId": s.id, "SubnetArn": arn(s, account, region), "VpcId": s.vpc_id, "CidrBlock": s.cidr.to_string(),
        "AvailabilityZone": s.zone, "AvailabilityZoneId": s.zone_id,
        "AvailableIpAddressCount": free_addresses(state, &s.vpc_id, s.cidr), "DefaultForAz": s.default_for_zone,
        "Ipv6CidrBlockAssociationSet": [], "Ipv6Native": false, "MapCustomerOwnedIpOnLaunch": false,
        "MapPublicIpOnLaunch": s.map_public_address, "OwnerId": account,
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": "ip-name", "EnableResourceNameDnsARecord": false, "EnableResourceNameDnsAAAARecord": false,
        },
        "State": if now < s.available_at { "pending" } else { "available" }, "Tags": tags::listed(tags),
    });
    for (name, value) in &s.attributes {
        match name.as_str() {
            "AssignIpv6AddressOnCreation" | "EnableDns64" => shown[name] = value.clone(),
            "PrivateDnsHostnameTypeOnLaunch" => {
                shown["PrivateDnsNameOptionsOnLaunch"]["HostnameType"] = value.clone()
            }
            "EnableResourceNameDnsARecordOnLaunch" => {
                shown["PrivateDnsNameOptionsOnLaunch"]["EnableResourceNameDnsARecord"] =
                    value.clone();
            }
            _ => {}
        }
    }
    shown
}

pub(super) fn modify_attribute(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "SubnetId")?;
    if !cx.place().ec2.subnets.contains(id) {
        return Err(not_found("subnet", id));
    }
    const KNOWN: &[&str] = &[
        "MapPublicIpOnLaunch",
        "AssignIpv6AddressOnCreation",
        "EnableDns64",
        "PrivateDnsHostnameTypeOnLaunch",
        "EnableResourceNameDnsARecordOnLaunch",
    ];
    let given: Vec<&&str> = KNOWN.iter().filter(|name| input.has(name)).collect();
    let [name] = given.as_slice() else {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "Modify exactly one attribute of a subnet per request",
        ));
    };
    let value = input.value.get(**name).cloned().unwrap_or_default();
    let value = value.get("Value").cloned().unwrap_or(value);
    if **name == "AssignIpv6AddressOnCreation" && value == json!(true) {
        return Err(invalid(format!(
            "Subnet '{id}' does not have an IPv6 CIDR block"
        )));
    }
    let at = cx.visible_at(id);
    let name = (**name).to_owned();
    cx.place().ec2.subnets.change(id, at, |s| {
        if name == "MapPublicIpOnLaunch" {
            s.map_public_address = value == json!(true);
        } else {
            s.attributes.insert(name, value);
        }
    });
    Ok(json!({}))
}
