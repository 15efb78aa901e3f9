//! The rules of security groups: granted, revoked, changed, each by itself or as a permission of many.

use super::cidr::{Cidr, canonical_v6};
use super::filters::{Filters, one};
use super::groups::named;
use super::prefix_lists::prefix_list;
use super::state::{GroupRule, Peer, SecurityGroup, State};
use super::tags::{self, Tags};
use super::{invalid, limit, missing, not_found};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

/// A rule as asked for: not yet in a group, so without an id.
#[derive(Clone, Debug)]
struct Wanted {
    protocol: String,
    from: i64,
    to: i64,
    peer: Peer,
    description: Option<String>,
}

impl Wanted {
    fn is(&self, rule: &GroupRule) -> bool {
        (&rule.protocol, rule.from, rule.to, &rule.peer)
            == (&self.protocol, self.from, self.to, &self.peer)
    }
}

fn protocol(text: &str) -> Result<String, AwsError> {
    let text = text.to_ascii_lowercase();
    Ok(match text.as_str() {
        "6" => "tcp".into(),
        "17" => "udp".into(),
        "1" => "icmp".into(),
        "58" => "icmpv6".into(),
        "all" => "-1".into(),
        "tcp" | "udp" | "icmp" | "icmpv6" | "-1" => text,
        number if number.parse::<u8>().is_ok() => text,
        _ => {
            return Err(AwsError::new(
                "InvalidPermission.Malformed",
                format!(
                    "Unsupported IP protocol \"{text}\" - supported: [udp, icmp, igmp, tcp, ospf, ipv6...]"
                ),
            ));
        }
    })
}

fn ports(protocol: &str, from: Option<i64>, to: Option<i64>) -> Result<(i64, i64), AwsError> {
    match protocol {
        "tcp" | "udp" => {
            let (Some(from), Some(to)) = (from, to) else {
                return Err(invalid(
                    "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
                ));
            };
            // AWS takes -1 to -1 as all ports of the protocol.
            if (from, to) == (-1, -1) {
                return Ok((0, 65_535));
            }
            if !(0..=65_535).contains(&from) || !(0..=65_535).contains(&to) {
                return Err(invalid(format!(
                    "TCP/UDP port ({}) out of range",
                    if (0..=65_535).contains(&from) {
                        to
                    } else {
                        from
                    }
                )));
            }
            if from > to {
                return Err(invalid(format!("Invalid TCP/UDP port range ({from}:{to})")));
            }
            Ok((from, to))
        }
        "icmp" | "icmpv6" => Ok((from.unwrap_or(-1), to.unwrap_or(-1))),
        // Other protocols have no ports, whatever is given.
        _ => Ok((-1, -1)),
    }
}

/// The rules of the permissions of an input.
fn wanted(cx: &mut Cx<'_>, input: &Input, group: &SecurityGroup) -> Result<Vec<Wanted>, AwsError> {
    let mut permissions = input.list("IpPermissions").to_vec();
    if input.has("IpProtocol") || input.has("CidrIp") || input.has("SourceSecurityGroupName") {
        if !permissions.is_empty() {
            return Err(AwsError::new(
                "InvalidParameterCombination",
                "The parameter ipPermissions may not be used with the parameter ipProtocol",
            ));
        }
        let mut one = json!({"IpProtocol": input.str("IpProtocol").unwrap_or("-1")});
        for name in ["FromPort", "ToPort"] {
            if let Some(port) = input.i64(name) {
                one[name] = port.into();
            }
        }
        if let Some(cidr) = input.str("CidrIp") {
            one["IpRanges"] = json!([{"CidrIp": cidr}]);
        }
        if let Some(name) = input.str("SourceSecurityGroupName") {
            one["UserIdGroupPairs"] = json!([{"GroupName": name}]);
        }
        permissions.push(one);
    }
    let mut rules: Vec<Wanted> = vec![];
    for permission in &permissions {
        let Some(text) = permission["IpProtocol"].as_str() else {
            return Err(missing("IpProtocol"));
        };
        let protocol = protocol(text)?;
        let (from, to) = ports(
            &protocol,
            permission["FromPort"].as_i64(),
            permission["ToPort"].as_i64(),
        )?;
        let mut peers: Vec<(Peer, Option<String>)> = vec![];
        let list = |name: &str| permission[name].as_array().cloned().unwrap_or_default();
        let described = |entry: &Value| entry["Description"].as_str().map(str::to_owned);
        for range in list("IpRanges") {
            let text = range["CidrIp"].as_str().unwrap_or_default();
            let cidr = Cidr::parse(text)
                .ok_or_else(|| invalid(format!("CIDR block {text} is malformed")))?;
            peers.push((Peer::Cidr(cidr), described(&range)));
        }
        for range in list("Ipv6Ranges") {
            let text = range["CidrIpv6"].as_str().unwrap_or_default();
            let cidr = canonical_v6(text)
                .ok_or_else(|| invalid(format!("CIDR block {text} is malformed")))?;
            peers.push((Peer::Cidr6(cidr), described(&range)));
        }
        for entry in list("PrefixListIds") {
            let id = entry["PrefixListId"].as_str().unwrap_or_default();
            if prefix_list(&cx.region, id).is_none() {
                return Err(AwsError::new(
                    "InvalidPrefixListID.NotFound",
                    format!("The prefix list ID '{id}' does not exist"),
                ));
            }
            peers.push((Peer::PrefixList(id.to_owned()), described(&entry)));
        }
        for pair in list("UserIdGroupPairs") {
            peers.push((referred_group(cx, &pair, group)?, described(&pair)));
        }
        if peers.is_empty() {
            return Err(AwsError::new(
                "MissingParameter",
                "Source group or CIDR must be specified",
            ));
        }
        for (peer, description) in peers {
            let rule = Wanted {
                protocol: protocol.clone(),
                from,
                to,
                peer,
                description,
            };
            let again = rules.iter().any(|r| {
                (&r.protocol, r.from, r.to, &r.peer)
                    == (&rule.protocol, rule.from, rule.to, &rule.peer)
            });
            if again {
                return Err(invalid(
                    "The same permission must not appear multiple times",
                ));
            }
            rules.push(rule);
        }
    }
    if rules.is_empty() {
        return Err(missing("IpPermissions"));
    }
    Ok(rules)
}

fn referred_group(cx: &mut Cx<'_>, pair: &Value, group: &SecurityGroup) -> Result<Peer, AwsError> {
    let own = cx.account_id().to_owned();
    let account = pair["UserId"].as_str().unwrap_or(&own).to_owned();
    let state = &cx.place().ec2;
    let Some(id) = pair["GroupId"].as_str() else {
        let name = pair["GroupName"].as_str().unwrap_or_default();
        let found = state
            .groups
            .iter()
            .find(|(_, g)| g.vpc_id == group.vpc_id && g.name == name);
        return match found {
            Some((id, _)) => Ok(Peer::Group {
                account: own,
                id: id.to_owned(),
            }),
            None => Err(AwsError::new(
                "InvalidGroup.NotFound",
                format!(
                    "The security group '{name}' does not exist in VPC '{}'",
                    group.vpc_id
                ),
            )),
        };
    };
    if let Some(other) = state.groups.get(id) {
        let peered = state.peerings.iter().any(|(_, p)| {
            let ends = [p.requester.vpc_id.as_str(), p.accepter.vpc_id.as_str()];
            p.status == "active"
                && ends.contains(&group.vpc_id.as_str())
                && ends.contains(&other.vpc_id.as_str())
        });
        if other.vpc_id != group.vpc_id && !peered {
            return Err(AwsError::new(
                "InvalidGroup.NotFound",
                "You have specified two resources that belong to different networks.",
            ));
        }
        return Ok(Peer::Group {
            account,
            id: id.to_owned(),
        });
    }
    if account != own {
        let region = cx.region.clone();
        let there = cx
            .world
            .seen_place(&account, &region)
            .is_some_and(|p| p.ec2.groups.contains(id));
        if there {
            return Ok(Peer::Group {
                account,
                id: id.to_owned(),
            });
        }
    }
    Err(not_found("security-group", id))
}

/// How many rules a rule counts for: a prefix list counts with its size.
fn weight(region: &str, peer: &Peer) -> u64 {
    match peer {
        Peer::PrefixList(id) => prefix_list(region, id).map_or(1, |list| list.max_entries),
        _ => 1,
    }
}

fn authorize(cx: &mut Cx<'_>, input: &Input, egress: bool) -> Result<Value, AwsError> {
    let given = tags::on_create(input, "security-group-rule")?;
    let group = named(&cx.place().ec2, input)?;
    let wanted = wanted(cx, input, &group)?;
    for rule in &wanted {
        if group
            .rules
            .iter()
            .any(|held| held.egress == egress && rule.is(held))
        {
            return Err(AwsError::new(
                "InvalidPermission.Duplicate",
                format!("the specified rule \"{}\" already exists", words(rule)),
            ));
        }
    }
    let region = cx.region.clone();
    let held: u64 = group
        .rules
        .iter()
        .filter(|r| r.egress == egress)
        .map(|r| weight(&region, &r.peer))
        .sum();
    let added: u64 = wanted.iter().map(|r| weight(&region, &r.peer)).sum();
    if held + added > limit(cx, "L-0EA8095F", 60) {
        return Err(AwsError::new(
            "RulesPerSecurityGroupLimitExceeded",
            "The maximum number of rules per security group has been reached.",
        ));
    }
    let at = cx.visible_at(&group.id);
    let mut made = vec![];
    for rule in wanted {
        let Wanted {
            protocol,
            from,
            to,
            peer,
            description,
        } = rule;
        made.push(GroupRule {
            id: cx.new_id("sgr-"),
            egress,
            protocol,
            from,
            to,
            peer,
            description,
        });
    }
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    let state = &mut cx.place().ec2;
    let shown: Vec<Value> = made
        .iter()
        .map(|r| rule_shown(state, &group, r, &given, &account, &region))
        .collect();
    for rule in &made {
        if !given.is_empty() {
            state.tags.put(rule.id.clone(), given.clone(), at);
        }
    }
    state.groups.change(&group.id, at, |g| g.rules.extend(made));
    Ok(json!({"Return": true, "SecurityGroupRules": shown}))
}

/// A rule in the words of AWS's messages.
fn words(rule: &Wanted) -> String {
    let peer = match &rule.peer {
        Peer::Cidr(cidr) => cidr.to_string(),
        Peer::Cidr6(text) | Peer::PrefixList(text) => text.clone(),
        Peer::Group { id, .. } => id.clone(),
    };
    match rule.protocol.as_str() {
        "-1" => format!("peer: {peer}, ALL, ALLOW"),
        other => format!(
            "peer: {peer}, {}, from port: {}, to port: {}, ALLOW",
            other.to_ascii_uppercase(),
            rule.from,
            rule.to
        ),
    }
}

pub(super) fn authorize_ingress(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    authorize(cx, input, false)
}

pub(super) fn authorize_egress(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    authorize(cx, input, true)
}

fn revoke(cx: &mut Cx<'_>, input: &Input, egress: bool) -> Result<Value, AwsError> {
    let group = named(&cx.place().ec2, input)?;
    let ids = input.strings("SecurityGroupRuleIds");
    let mut gone: Vec<GroupRule> = vec![];
    if ids.is_empty() {
        for rule in wanted(cx, input, &group)? {
            match group
                .rules
                .iter()
                .find(|held| held.egress == egress && rule.is(held))
            {
                Some(held) => gone.push(held.clone()),
                None => {
                    return Err(AwsError::new(
                        "InvalidPermission.NotFound",
                        "The specified rule does not exist in this security group.",
                    ));
                }
            }
        }
    } else {
        if input.has("IpPermissions") {
            return Err(AwsError::new(
                "InvalidParameterCombination",
                "You can specify either security group rule IDs or IP permissions, but not both",
            ));
        }
        for id in &ids {
            match group
                .rules
                .iter()
                .find(|held| held.egress == egress && held.id == *id)
            {
                Some(held) => gone.push(held.clone()),
                None => return Err(not_found("security-group-rule", id)),
            }
        }
    }
    let at = cx.visible_at(&group.id);
    let state = &mut cx.place().ec2;
    for rule in &gone {
        state.tags.remove(&rule.id, at);
    }
    state.groups.change(&group.id, at, |g| {
        g.rules
            .retain(|r| !gone.iter().any(|other| other.id == r.id))
    });
    let revoked: Vec<Value> = gone
        .iter()
        .map(|r| {
            let mut shown = json!({
                "SecurityGroupRuleId": r.id, "GroupId": group.id, "IsEgress": r.egress, "IpProtocol": r.protocol,
                "FromPort": r.from, "ToPort": r.to,
            });
            put_peer(&mut shown, &r.peer, "ReferencedGroupId");
            put_description(&mut shown, r);
            shown
        })
        .collect();
    Ok(json!({"Return": true, "RevokedSecurityGroupRules": revoked}))
}

pub(super) fn revoke_ingress(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    revoke(cx, input, false)
}

pub(super) fn revoke_egress(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    revoke(cx, input, true)
}

fn put_peer(shown: &mut Value, peer: &Peer, group_member: &str) {
    match peer {
        Peer::Cidr(cidr) => shown["CidrIpv4"] = cidr.to_string().into(),
        Peer::Cidr6(text) => shown["CidrIpv6"] = text.as_str().into(),
        Peer::PrefixList(id) => shown["PrefixListId"] = id.as_str().into(),
        Peer::Group { id, .. } => shown[group_member] = id.as_str().into(),
    }
}

pub(super) fn put_description(shown: &mut Value, rule: &GroupRule) {
    if let Some(text) = &rule.description {
        shown["Description"] = text.as_str().into();
    }
}

fn rule_shown(
    state: &State,
    group: &SecurityGroup,
    r: &GroupRule,
    tags: &Tags,
    account: &str,
    region: &str,
) -> Value {
    let mut shown = json!({
        "SecurityGroupRuleId": r.id, "GroupId": group.id, "GroupOwnerId": account, "IsEgress": r.egress,
        "IpProtocol": r.protocol, "FromPort": r.from, "ToPort": r.to, "Tags": tags::listed(tags),
        "SecurityGroupRuleArn": format!("arn:aws:ec2:{region}:{account}:security-group-rule/{}", r.id),
    });
    match &r.peer {
        Peer::Group { account, id } => {
            let mut info = json!({"GroupId": id, "UserId": account});
            if let Some(other) = state.groups.get(id).filter(|g| g.vpc_id != group.vpc_id) {
                info["VpcId"] = other.vpc_id.as_str().into();
            }
            shown["ReferencedGroupInfo"] = info;
        }
        other => put_peer(&mut shown, other, ""),
    }
    put_description(&mut shown, r);
    shown
}

pub(super) fn describe_rules(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let filters = Filters::read(input, "Filters")?;
    filters.check(|name| matches!(name, "group-id" | "security-group-rule-id"))?;
    let ids = input.strings("SecurityGroupRuleIds");
    let (now, account, region) = (cx.now(), cx.account_id().to_owned(), cx.region.clone());
    let state = &cx.place().ec2;
    let all: Vec<(&SecurityGroup, &GroupRule)> = state
        .groups
        .seen_all(now)
        .flat_map(|(_, g)| g.rules.iter().map(move |r| (g, r)))
        .collect();
    if let Some(id) = ids.iter().find(|id| !all.iter().any(|(_, r)| r.id == **id)) {
        return Err(not_found("security-group-rule", id));
    }
    let mut found = vec![];
    for (group, rule) in all {
        let tags = state.seen_tags(&rule.id, now);
        let kept = filters.keep(&tags, |name| match name {
            "group-id" => Some(one(group.id.as_str())),
            "security-group-rule-id" => Some(one(rule.id.as_str())),
            _ => None,
        })?;
        if kept && (ids.is_empty() || ids.contains(&rule.id)) {
            found.push(rule_shown(state, group, rule, &tags, &account, &region));
        }
    }
    Ok(object! {"SecurityGroupRules": found})
}

pub(super) fn modify_rules(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(&cx.place().ec2, input)?;
    let mut after = group.rules.clone();
    for update in input.list("SecurityGroupRules") {
        let id = update["SecurityGroupRuleId"].as_str().unwrap_or_default();
        let request = &update["SecurityGroupRule"];
        let Some(position) = after.iter().position(|r| r.id == id) else {
            return Err(not_found("security-group-rule", id));
        };
        let text = request["IpProtocol"]
            .as_str()
            .ok_or_else(|| missing("IpProtocol"))?;
        let protocol = protocol(text)?;
        let (from, to) = ports(
            &protocol,
            request["FromPort"].as_i64(),
            request["ToPort"].as_i64(),
        )?;
        let peer = if let Some(text) = request["CidrIpv4"].as_str() {
            Peer::Cidr(
                Cidr::parse(text)
                    .ok_or_else(|| invalid(format!("CIDR block {text} is malformed")))?,
            )
        } else if let Some(text) = request["CidrIpv6"].as_str() {
            Peer::Cidr6(
                canonical_v6(text)
                    .ok_or_else(|| invalid(format!("CIDR block {text} is malformed")))?,
            )
        } else if let Some(other) = request["ReferencedGroupId"].as_str() {
            referred_group(cx, &json!({"GroupId": other}), &group)?
        } else if let Some(list) = request["PrefixListId"].as_str() {
            Peer::PrefixList(list.to_owned())
        } else {
            return Err(AwsError::new(
                "MissingParameter",
                "Source group or CIDR must be specified",
            ));
        };
        // The kind of the other end cannot change.
        if std::mem::discriminant(&after[position].peer) != std::mem::discriminant(&peer) {
            return Err(invalid(format!(
                "You may not modify the source or destination type of the rule {id}"
            )));
        }
        let description = request["Description"].as_str().map(str::to_owned);
        let egress = after[position].egress;
        after[position] = GroupRule {
            id: id.to_owned(),
            egress,
            protocol,
            from,
            to,
            peer,
            description,
        };
        let twin = after.iter().enumerate().any(|(n, r)| {
            n != position
                && r.egress == egress
                && (&r.protocol, r.from, r.to, &r.peer)
                    == (&after[position].protocol, from, to, &after[position].peer)
        });
        if twin {
            return Err(AwsError::new(
                "InvalidPermission.Duplicate",
                "the specified rule already exists",
            ));
        }
    }
    let at = cx.visible_at(&group.id);
    cx.place()
        .ec2
        .groups
        .change(&group.id, at, |g| g.rules = after);
    Ok(json!({"Return": true}))
}

fn describe_anew(cx: &mut Cx<'_>, input: &Input, egress: bool) -> Result<Value, AwsError> {
    let group = named(&cx.place().ec2, input)?;
    let mut after = group.rules.clone();
    for update in input.list("SecurityGroupRuleDescriptions") {
        let id = update["SecurityGroupRuleId"].as_str().unwrap_or_default();
        let Some(rule) = after.iter_mut().find(|r| r.id == id && r.egress == egress) else {
            return Err(not_found("security-group-rule", id));
        };
        rule.description = update["Description"].as_str().map(str::to_owned);
    }
    if input.has("IpPermissions") {
        for named in wanted(cx, input, &group)? {
            let Some(rule) = after.iter_mut().find(|r| r.egress == egress && named.is(r)) else {
                return Err(AwsError::new(
                    "InvalidPermission.NotFound",
                    "The specified rule does not exist in this security group.",
                ));
            };
            rule.description = named.description;
        }
    }
    let at = cx.visible_at(&group.id);
    cx.place()
        .ec2
        .groups
        .change(&group.id, at, |g| g.rules = after);
    Ok(json!({"Return": true}))
}

pub(super) fn describe_ingress_anew(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    describe_anew(cx, input, false)
}

pub(super) fn describe_egress_anew(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    describe_anew(cx, input, true)
}
