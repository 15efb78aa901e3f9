//! Network ACLs: numbered entries at the border of subnets, each way, without memory.

use super::cidr::{Cidr, canonical_v6};
use super::filters::{Question, one, truth};
use super::state::{AclEntry, NetworkAcl, State};
use super::tags::{self, Tags};
use super::vpcs::last_entry;
use super::{dependency, invalid, limit, missing, not_found, required};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = tags::on_create(input, "network-acl")?;
    let vpc_id = required(input, "VpcId")?;
    let state = &cx.place().ec2;
    if !state.vpcs.contains(vpc_id) {
        return Err(not_found("vpc", vpc_id));
    }
    if state
        .acls
        .iter()
        .filter(|(_, a)| a.vpc_id == vpc_id)
        .count() as u64
        >= limit(cx, "L-B4A6D682", 200)
    {
        return Err(AwsError::new(
            "NetworkAclLimitExceeded",
            "The maximum number of network ACLs has been reached.",
        ));
    }
    let acl = NetworkAcl {
        id: cx.new_id("acl-"),
        vpc_id: vpc_id.to_owned(),
        default: false,
        entries: vec![last_entry(false), last_entry(true)],
        associations: vec![],
    };
    let at = cx.visible_at(&acl.id);
    let account = cx.account_id().to_owned();
    let mut output = json!({"NetworkAcl": shown(&acl, &given, &account)});
    if let Some(token) = input.str("ClientToken") {
        output["ClientToken"] = token.into();
    }
    let state = &mut cx.place().ec2;
    state.tags.put(acl.id.clone(), given, at);
    state.acls.put(acl.id.clone(), acl, at);
    Ok(output)
}

fn existing(state: &State, id: &str) -> Result<NetworkAcl, AwsError> {
    state
        .acls
        .get(id)
        .cloned()
        .ok_or_else(|| not_found("network-acl", id))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "NetworkAclId")?;
    let acl = existing(&cx.place().ec2, id)?;
    if acl.default {
        return Err(invalid(format!("cannot delete default network ACL {id}")));
    }
    if !acl.associations.is_empty() {
        return Err(dependency("networkAcl", id));
    }
    let at = cx.visible_at(id);
    let state = &mut cx.place().ec2;
    state.acls.remove(id, at);
    state.tags.remove(id, at);
    Ok(json!({}))
}

fn entry(input: &Input) -> Result<AclEntry, AwsError> {
    let number = input
        .i64("RuleNumber")
        .ok_or_else(|| missing("RuleNumber"))?;
    if !(1..=32_766).contains(&number) {
        return Err(invalid(format!(
            "Invalid value '{number}' for ruleNumber. The rule number must be between 1 and 32766."
        )));
    }
    let protocol = match required(input, "Protocol")?.to_ascii_lowercase().as_str() {
        "tcp" => "6".to_owned(),
        "udp" => "17".to_owned(),
        "icmp" => "1".to_owned(),
        "all" | "-1" => "-1".to_owned(),
        number if number.parse::<u8>().is_ok() => number.to_owned(),
        other => {
            return Err(invalid(format!(
                "Invalid value '{other}' for IP protocol. Unknown protocol."
            )));
        }
    };
    let allow = match required(input, "RuleAction")? {
        "allow" => true,
        "deny" => false,
        other => {
            return Err(invalid(format!(
                "Value ({other}) for parameter ruleAction is invalid."
            )));
        }
    };
    let (mut cidr, mut cidr6) = (None, None);
    match (input.str("CidrBlock"), input.str("Ipv6CidrBlock")) {
        (Some(text), None) => {
            cidr = Some(Cidr::parse(text).ok_or_else(|| {
                invalid(format!("Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."))
            })?);
        }
        (None, Some(text)) => {
            cidr6 = Some(canonical_v6(text).ok_or_else(|| {
                invalid(format!("Value ({text}) for parameter ipv6CidrBlock is invalid. This is not a valid CIDR block."))
            })?);
        }
        (None, None) => return Err(missing("CidrBlock")),
        _ => {
            return Err(AwsError::new(
                "InvalidParameterCombination",
                "You must specify exactly one of cidrBlock and ipv6CidrBlock",
            ));
        }
    }
    let end = |name: &str| {
        input
            .value
            .get("PortRange")
            .and_then(|r| r.get(name))
            .and_then(Value::as_i64)
    };
    let ports = match (protocol.as_str(), end("From"), end("To")) {
        ("6" | "17", Some(from), Some(to))
            if (0..=65_535).contains(&from) && (from..=65_535).contains(&to) =>
        {
            Some((from, to))
        }
        ("6" | "17", None, None) => return Err(missing("PortRange")),
        ("6" | "17", _, _) => return Err(invalid("Invalid port range")),
        _ => None,
    };
    let code = |name: &str| {
        input
            .value
            .get("IcmpTypeCode")
            .and_then(|c| c.get(name))
            .and_then(Value::as_i64)
    };
    let icmp = match protocol.as_str() {
        "1" | "58" => Some((
            code("Type").ok_or_else(|| missing("IcmpTypeCode"))?,
            code("Code").unwrap_or(-1),
        )),
        _ => None,
    };
    let egress = input.bool("Egress").ok_or_else(|| missing("Egress"))?;
    Ok(AclEntry {
        number,
        egress,
        protocol,
        allow,
        cidr,
        cidr6,
        ports,
        icmp,
    })
}

pub(super) fn create_entry(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "NetworkAclId")?;
    let acl = existing(&cx.place().ec2, id)?;
    let entry = entry(input)?;
    let same_way = || acl.entries.iter().filter(|e| e.egress == entry.egress);
    if same_way().any(|e| e.number == entry.number) {
        return Err(AwsError::new(
            "NetworkAclEntryAlreadyExists",
            format!(
                "The network acl entry identified by {} already exists.",
                entry.number
            ),
        ));
    }
    // The last entry is AWS's and does not count.
    if same_way().count() as u64 > limit(cx, "L-2AEEBF1A", 20) {
        return Err(AwsError::new(
            "NetworkAclEntryLimitExceeded",
            "The maximum number of network acl entries has been reached.",
        ));
    }
    let at = cx.visible_at(id);
    cx.place().ec2.acls.change(id, at, |a| {
        a.entries.push(entry);
        a.entries.sort_by_key(|e| (e.egress, e.number));
    });
    Ok(json!({}))
}

fn no_entry(number: i64) -> AwsError {
    AwsError::new(
        "InvalidNetworkAclEntry.NotFound",
        format!("The network acl entry identified by {number} does not exist"),
    )
}

pub(super) fn replace_entry(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "NetworkAclId")?;
    let acl = existing(&cx.place().ec2, id)?;
    let entry = entry(input)?;
    if !acl
        .entries
        .iter()
        .any(|e| e.egress == entry.egress && e.number == entry.number)
    {
        return Err(no_entry(entry.number));
    }
    let at = cx.visible_at(id);
    cx.place().ec2.acls.change(id, at, |a| {
        if let Some(held) = a
            .entries
            .iter_mut()
            .find(|e| e.egress == entry.egress && e.number == entry.number)
        {
            *held = entry;
        }
    });
    Ok(json!({}))
}

pub(super) fn delete_entry(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "NetworkAclId")?;
    let acl = existing(&cx.place().ec2, id)?;
    let number = input
        .i64("RuleNumber")
        .ok_or_else(|| missing("RuleNumber"))?;
    let egress = input.bool("Egress").ok_or_else(|| missing("Egress"))?;
    if number == 32_767
        || !acl
            .entries
            .iter()
            .any(|e| e.egress == egress && e.number == number)
    {
        return Err(no_entry(number));
    }
    let at = cx.visible_at(id);
    cx.place().ec2.acls.change(id, at, |a| {
        a.entries
            .retain(|e| e.egress != egress || e.number != number)
    });
    Ok(json!({}))
}

pub(super) fn replace_association(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (id, acl_id) = (
        required(input, "AssociationId")?,
        required(input, "NetworkAclId")?,
    );
    let state = &cx.place().ec2;
    let to = existing(state, acl_id)?;
    let held = state.acls.iter().find_map(|(acl, a)| {
        a.associations
            .iter()
            .find(|(held, _)| held == id)
            .map(|(_, subnet)| (acl.to_owned(), a.vpc_id.clone(), subnet.clone()))
    });
    let Some((from, vpc_id, subnet)) = held else {
        return Err(AwsError::new(
            "InvalidAssociationID.NotFound",
            format!("The association ID '{id}' does not exist"),
        ));
    };
    if vpc_id != to.vpc_id {
        return Err(invalid(format!(
            "network ACL {acl_id} and subnet {subnet} belong to different networks"
        )));
    }
    let new = cx.new_id("aclassoc-");
    let at = cx.visible_at(acl_id);
    let acls = &mut cx.place().ec2.acls;
    acls.change(&from, at, |a| a.associations.retain(|(held, _)| held != id));
    acls.change(acl_id, at, |a| a.associations.push((new.clone(), subnet)));
    Ok(json!({"NewAssociationId": new}))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let question = Question::read(cx, input, "network-acl", "NetworkAclIds", "Filters")?;
    let account = cx.account_id().to_owned();
    let state = &cx.place().ec2;
    let names = [
        "network-acl-id",
        "vpc-id",
        "default",
        "owner-id",
        "association.association-id",
        "association.network-acl-id",
        "association.subnet-id",
        "entry.cidr",
        "entry.egress",
        "entry.port-range.from",
        "entry.port-range.to",
        "entry.protocol",
        "entry.rule-action",
        "entry.rule-number",
    ];
    let facts = |a: &NetworkAcl, name: &str| -> Vec<String> {
        let entries = || a.entries.iter();
        match name {
            "network-acl-id" => one(a.id.as_str()),
            "vpc-id" => one(a.vpc_id.as_str()),
            "default" => truth(a.default),
            "owner-id" => one(account.as_str()),
            "association.association-id" => {
                a.associations.iter().map(|(id, _)| id.clone()).collect()
            }
            "association.network-acl-id" => a.associations.iter().map(|_| a.id.clone()).collect(),
            "association.subnet-id" => a
                .associations
                .iter()
                .map(|(_, subnet)| subnet.clone())
                .collect(),
            "entry.cidr" => entries()
                .filter_map(|e| e.cidr)
                .map(|c| c.to_string())
                .collect(),
            "entry.egress" => entries().flat_map(|e| truth(e.egress)).collect(),
            "entry.port-range.from" => entries()
                .filter_map(|e| e.ports)
                .map(|(from, _)| from.to_string())
                .collect(),
            "entry.port-range.to" => entries()
                .filter_map(|e| e.ports)
                .map(|(_, to)| to.to_string())
                .collect(),
            "entry.protocol" => entries().map(|e| e.protocol.clone()).collect(),
            "entry.rule-action" => entries().map(|e| action(e).to_owned()).collect(),
            _ => entries().map(|e| e.number.to_string()).collect(),
        }
    };
    let shown = |a: &NetworkAcl, tags: &Tags| shown(a, tags, &account);
    let found = question.answer(state, &state.acls, &names, facts, shown)?;
    Ok(object! {"NetworkAcls": found})
}

fn action(entry: &AclEntry) -> &'static str {
    if entry.allow { "allow" } else { "deny" }
}

fn shown(a: &NetworkAcl, tags: &Tags, account: &str) -> Value {
    let entries: Vec<Value> = a
        .entries
        .iter()
        .map(|e| {
            let mut shown = json!({
                "RuleNumber": e.number, "Egress": e.egress, "Protocol": e.protocol, "RuleAction": action(e),
            });
            if let Some(cidr) = e.cidr {
                shown["CidrBlock"] = cidr.to_string().into();
            }
            if let Some(cidr) = &e.cidr6 {
                shown["Ipv6CidrBlock"] = cidr.as_str().into();
            }
            if let Some((from, to)) = e.ports {
                shown["PortRange"] = json!({"From": from, "To": to});
            }
            if let Some((kind, code)) = e.icmp {
                shown["IcmpTypeCode"] = json!({"Type": kind, "Code": code});
            }
            shown
        })
        .collect();
    let associations: Vec<Value> = a
        .associations
        .iter()
        .map(|(id, subnet)| json!({"NetworkAclAssociationId": id, "NetworkAclId": a.id, "SubnetId": subnet}))
        .collect();
    json!({
        "NetworkAclId": a.id, "VpcId": a.vpc_id, "IsDefault": a.default, "OwnerId": account, "Entries": entries,
        "Associations": associations, "Tags": tags::listed(tags),
    })
}
