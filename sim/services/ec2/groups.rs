//! Security groups: made, found, removed when nothing names or uses them.

use super::cidr::Cidr;
use super::filters::{Question, one};
use super::rules::put_description;
use super::state::{GroupRule, Peer, SecurityGroup, State};
use super::tags::{self, Tags};
use super::vpcs::all_traffic;
use super::{invalid, limit, missing, not_found, required};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = tags::on_create(input, "security-group")?;
    let (name, description) = (
        required(input, "GroupName")?,
        required(input, "Description")?,
    );
    if name.to_ascii_lowercase().starts_with("sg-") {
        return Err(invalid(format!(
            "Value ({name}) for parameter GroupName is invalid. Group names may not be in the format sg-*"
        )));
    }
    if name == "default" {
        return Err(invalid("Cannot use reserved security group name: default"));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    for (parameter, text) in [("GroupName", name), ("GroupDescription", description)] {
        if text.chars().count() > 255 || !text.chars().all(allowed) {
            return Err(invalid(format!(
                "Value ({text}) for parameter {parameter} is invalid. Character sets beyond ASCII are not supported."
            )));
        }
    }
    let state = &cx.place().ec2;
    let vpc_id = match input.str("VpcId") {
        Some(id) => id.to_owned(),
        None => state
            .vpcs
            .iter()
            .find(|(_, v)| v.default)
            .map(|(id, _)| id.to_owned())
            .ok_or_else(|| AwsError::new("VPCIdNotSpecified", "No default VPC for this user"))?,
    };
    if !state.vpcs.contains(&vpc_id) {
        return Err(not_found("vpc", &vpc_id));
    }
    if state
        .groups
        .iter()
        .any(|(_, g)| g.vpc_id == vpc_id && g.name == name)
    {
        return Err(AwsError::new(
            "InvalidGroup.Duplicate",
            format!("The security group '{name}' already exists for VPC '{vpc_id}'"),
        ));
    }
    if state.groups.len() as u64 >= limit(cx, "L-E79EC296", 2_500) {
        return Err(AwsError::new(
            "SecurityGroupLimitExceeded",
            "The maximum number of security groups has been reached.",
        ));
    }
    let group = SecurityGroup {
        id: cx.new_id("sg-"),
        vpc_id,
        name: name.to_owned(),
        description: description.to_owned(),
        rules: vec![all_traffic(
            cx.new_id("sgr-"),
            true,
            Peer::Cidr(Cidr::ANYWHERE),
        )],
    };
    let at = cx.visible_at(&group.id);
    let mut output = json!({
        "GroupId": group.id, "SecurityGroupArn": cx.arn("ec2", &format!("security-group/{}", group.id)),
    });
    if !given.is_empty() {
        output["Tags"] = tags::listed(&given);
    }
    let state = &mut cx.place().ec2;
    state.tags.put(group.id.clone(), given, at);
    state.groups.put(group.id.clone(), group, at);
    Ok(output)
}

/// The group that an input names, by id or (in the default VPC) by name.
pub(super) fn named(state: &State, input: &Input) -> Result<SecurityGroup, AwsError> {
    if let Some(id) = input.str("GroupId") {
        return state
            .groups
            .get(id)
            .cloned()
            .ok_or_else(|| not_found("security-group", id));
    }
    let Some(name) = input.str("GroupName") else {
        return Err(missing("GroupId"));
    };
    let in_default = |g: &SecurityGroup| state.vpcs.get(&g.vpc_id).is_some_and(|v| v.default);
    let found = state
        .groups
        .iter()
        .map(|(_, g)| g)
        .find(|g| g.name == name && in_default(g));
    found.cloned().ok_or_else(|| {
        AwsError::new(
            "InvalidGroup.NotFound",
            format!("The security group '{name}' does not exist in default VPC"),
        )
    })
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let state = &cx.place().ec2;
    let group = named(state, input)?;
    if group.name == "default" {
        return Err(AwsError::new(
            "CannotDelete",
            format!(
                "the specified group: \"{}\" name: \"default\" cannot be deleted by a user",
                group.id
            ),
        ));
    }
    let referred = state.groups.iter().any(|(id, g)| {
        id != group.id
            && g.rules
                .iter()
                .any(|r| matches!(&r.peer, Peer::Group { id, .. } if *id == group.id))
    });
    let used = state
        .interfaces
        .iter()
        .any(|(_, i)| i.groups.contains(&group.id))
        || state
            .endpoints
            .iter()
            .any(|(_, e)| e.groups.contains(&group.id));
    if referred || used {
        return Err(AwsError::new(
            "DependencyViolation",
            format!("resource {} has a dependent object", group.id),
        ));
    }
    let at = cx.visible_at(&group.id);
    let state = &mut cx.place().ec2;
    for rule in &group.rules {
        state.tags.remove(&rule.id, at);
    }
    state.groups.remove(&group.id, at);
    state.tags.remove(&group.id, at);
    Ok(json!({"Return": true, "GroupId": group.id}))
}

/// Which other VPCs refer to these groups over a peering.
pub(super) fn describe_references(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let ids = input.strings("GroupId");
    let state = &cx.place().ec2;
    let mut found = vec![];
    for id in &ids {
        let Some(group) = state.groups.get(id) else {
            return Err(not_found("security-group", id));
        };
        for (_, other) in state
            .groups
            .iter()
            .filter(|(_, other)| other.vpc_id != group.vpc_id)
        {
            let refers = other
                .rules
                .iter()
                .any(|r| matches!(&r.peer, Peer::Group { id: named, .. } if named == id));
            let peering = state.peerings.iter().find(|(_, p)| {
                if p.status != "active" {
                    return false;
                }
                let ends = [&p.requester.vpc_id, &p.accepter.vpc_id];
                ends.contains(&&group.vpc_id) && ends.contains(&&other.vpc_id)
            });
            if let (true, Some((peering, _))) = (refers, peering) {
                found.push(json!({
                    "GroupId": id, "ReferencingVpcId": other.vpc_id, "VpcPeeringConnectionId": peering,
                }));
            }
        }
    }
    Ok(object! {"SecurityGroupReferenceSet": found})
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let question = Question::read(cx, input, "security-group", "GroupIds", "Filters")?;
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    let state = &cx.place().ec2;
    let wanted_names = input.strings("GroupNames");
    let of_rules =
        |g: &SecurityGroup, egress: bool, fact: fn(&GroupRule) -> Option<String>| -> Vec<String> {
            g.rules
                .iter()
                .filter(|r| r.egress == egress)
                .filter_map(fact)
                .collect()
        };
    let names = [
        "group-id",
        "group-name",
        "vpc-id",
        "owner-id",
        "description",
        "ip-permission.cidr",
        "ip-permission.from-port",
        "ip-permission.to-port",
        "ip-permission.protocol",
        "ip-permission.group-id",
        "ip-permission.group-name",
        "ip-permission.user-id",
        "ip-permission.prefix-list-id",
        "egress.ip-permission.cidr",
        "egress.ip-permission.from-port",
        "egress.ip-permission.to-port",
        "egress.ip-permission.protocol",
        "egress.ip-permission.group-id",
        "egress.ip-permission.prefix-list-id",
    ];
    let facts = |g: &SecurityGroup, name: &str| {
        let (egress, fact) = match name.strip_prefix("egress.") {
            Some(rest) => (true, rest),
            None => (false, name),
        };
        match fact {
            "group-id" => one(g.id.as_str()),
            "group-name" => one(g.name.as_str()),
            "vpc-id" => one(g.vpc_id.as_str()),
            "owner-id" => one(account.as_str()),
            "description" => one(g.description.as_str()),
            "ip-permission.cidr" => of_rules(g, egress, |r| match &r.peer {
                Peer::Cidr(cidr) => Some(cidr.to_string()),
                _ => None,
            }),
            "ip-permission.from-port" => of_rules(g, egress, |r| Some(r.from.to_string())),
            "ip-permission.to-port" => of_rules(g, egress, |r| Some(r.to.to_string())),
            "ip-permission.protocol" => of_rules(g, egress, |r| Some(r.protocol.clone())),
            "ip-permission.group-id" => of_rules(g, egress, |r| match &r.peer {
                Peer::Group { id, .. } => Some(id.clone()),
                _ => None,
            }),
            "ip-permission.user-id" => of_rules(g, egress, |r| match &r.peer {
                Peer::Group { account, .. } => Some(account.clone()),
                _ => None,
            }),
            "ip-permission.group-name" => of_rules(g, egress, |r| match &r.peer {
                Peer::Group { id, .. } => Some(id.clone()),
                _ => None,
            })
            .iter()
            .filter_map(|id| Some(state.groups.get(id)?.name.clone()))
            .collect(),
            _ => of_rules(g, egress, |r| match &r.peer {
                Peer::PrefixList(id) => Some(id.clone()),
                _ => None,
            }),
        }
    };
    let shown = |g: &SecurityGroup, tags: &Tags| {
        object! {
            "GroupId": g.id.as_str(), "GroupName": g.name.as_str(), "Description": g.description.as_str(),
            "VpcId": g.vpc_id.as_str(), "OwnerId": account.as_str(),
            "SecurityGroupArn": format!("arn:aws:ec2:{region}:{account}:security-group/{}", g.id),
            "IpPermissions": permissions(state, g, false), "IpPermissionsEgress": permissions(state, g, true),
            "Tags": tags::listed(tags),
        }
    };
    let mut found = question.answer(state, &state.groups, &names, facts, shown)?;
    if !wanted_names.is_empty() {
        found.retain(|g| wanted_names.iter().any(|name| g["GroupName"] == **name));
        if let Some(name) = wanted_names
            .iter()
            .find(|name| !found.iter().any(|g| g["GroupName"] == ***name))
        {
            return Err(AwsError::new(
                "InvalidGroup.NotFound",
                format!("The security group '{name}' does not exist"),
            ));
        }
    }
    Ok(object! {"SecurityGroups": found})
}

/// Rules gathered by protocol and ports, as DescribeSecurityGroups shows them.
fn permissions(state: &State, group: &SecurityGroup, egress: bool) -> Vec<Value> {
    let mut gathered: Vec<Permission> = vec![];
    for rule in group.rules.iter().filter(|r| r.egress == egress) {
        let key = |r: &GroupRule| (r.from, r.to);
        let same = |p: &Permission| p.of.protocol == rule.protocol && key(p.of) == key(rule);
        let position = gathered.iter().position(same).unwrap_or_else(|| {
            gathered.push(Permission::of(rule));
            gathered.len() - 1
        });
        let permission = &mut gathered[position];
        let (list, mut entry) = match &rule.peer {
            Peer::Cidr(cidr) => (&mut permission.ranges, object! {"CidrIp": cidr.to_string()}),
            Peer::Cidr6(text) => (
                &mut permission.ranges_6,
                object! {"CidrIpv6": text.as_str()},
            ),
            Peer::PrefixList(id) => (
                &mut permission.prefix_lists,
                object! {"PrefixListId": id.as_str()},
            ),
            Peer::Group { account, id } => {
                let mut pair = object! {"UserId": account.as_str(), "GroupId": id.as_str()};
                if let Some(other) = state.groups.get(id).filter(|g| g.vpc_id != group.vpc_id) {
                    pair["VpcId"] = other.vpc_id.as_str().into();
                }
                (&mut permission.pairs, pair)
            }
        };
        put_description(&mut entry, rule);
        list.push(entry);
    }
    gathered.into_iter().map(Permission::shown).collect()
}

/// The peers of the rules of one protocol and range of ports.
struct Permission<'s> {
    /// The first of the rules.
    of: &'s GroupRule,
    ranges: Vec<Value>,
    ranges_6: Vec<Value>,
    prefix_lists: Vec<Value>,
    pairs: Vec<Value>,
}

impl<'s> Permission<'s> {
    fn of(of: &'s GroupRule) -> Permission<'s> {
        Permission {
            of,
            ranges: vec![],
            ranges_6: vec![],
            prefix_lists: vec![],
            pairs: vec![],
        }
    }

    fn shown(self) -> Value {
        let rule = self.of;
        let mut shown = object! {
            "IpProtocol": rule.protocol.as_str(), "IpRanges": self.ranges, "Ipv6Ranges": self.ranges_6,
            "PrefixListIds": self.prefix_lists, "UserIdGroupPairs": self.pairs,
        };
        if rule.protocol != "-1" && (rule.from, rule.to) != (-1, -1)
            || rule.protocol.starts_with("icmp")
        {
            shown["FromPort"] = rule.from.into();
            shown["ToPort"] = rule.to.into();
        }
        shown
    }
}
