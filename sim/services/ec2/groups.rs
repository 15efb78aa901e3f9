//! Security groups, their rules, and AWS's prefix lists.

use super::cidr::{Cidr, canonical_v6};
use super::filters::{Filters, Question, one};
use super::state::{GroupRule, Peer, SecurityGroup, State};
use super::tags::{self, Tags};
use super::vpcs::all_traffic;
use super::{invalid, limit, missing, not_found, required};
use crate::clock::Dice;
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
fn named(state: &State, input: &Input) -> Result<SecurityGroup, AwsError> {
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

fn put_description(shown: &mut Value, rule: &GroupRule) {
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
    Ok(json!({"SecurityGroupRules": found}))
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
    Ok(json!({"SecurityGroupReferenceSet": found}))
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
        json!({
            "GroupId": g.id, "GroupName": g.name, "Description": g.description, "VpcId": g.vpc_id, "OwnerId": account,
            "SecurityGroupArn": format!("arn:aws:ec2:{region}:{account}:security-group/{}", g.id),
            "IpPermissions": permissions(state, g, false), "IpPermissionsEgress": permissions(state, g, true),
            "Tags": tags::listed(tags),
        })
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
    Ok(json!({"SecurityGroups": found}))
}

/// Rules gathered by protocol and ports, as DescribeSecurityGroups shows them.
fn permissions(state: &State, group: &SecurityGroup, egress: bool) -> Vec<Value> {
    let mut gathered: Vec<((&str, i64, i64), Value)> = vec![];
    for rule in group.rules.iter().filter(|r| r.egress == egress) {
        let key = (rule.protocol.as_str(), rule.from, rule.to);
        let position = match gathered.iter().position(|(held, _)| *held == key) {
            Some(position) => position,
            None => {
                let mut fresh = json!({
                    "IpProtocol": rule.protocol, "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [],
                    "UserIdGroupPairs": [],
                });
                if rule.protocol != "-1" && (rule.from, rule.to) != (-1, -1)
                    || rule.protocol.starts_with("icmp")
                {
                    fresh["FromPort"] = rule.from.into();
                    fresh["ToPort"] = rule.to.into();
                }
                gathered.push((key, fresh));
                gathered.len() - 1
            }
        };
        let (list, mut entry) = match &rule.peer {
            Peer::Cidr(cidr) => ("IpRanges", json!({"CidrIp": cidr.to_string()})),
            Peer::Cidr6(text) => ("Ipv6Ranges", json!({"CidrIpv6": text})),
            Peer::PrefixList(id) => ("PrefixListIds", json!({"PrefixListId": id})),
            Peer::Group { account, id } => {
                let mut pair = json!({"UserId": account, "GroupId": id});
                if let Some(other) = state.groups.get(id).filter(|g| g.vpc_id != group.vpc_id) {
                    pair["VpcId"] = other.vpc_id.as_str().into();
                }
                ("UserIdGroupPairs", pair)
            }
        };
        put_description(&mut entry, rule);
        if let Some(entries) = gathered[position].1[list].as_array_mut() {
            entries.push(entry);
        }
    }
    gathered
        .into_iter()
        .map(|(_, permission)| permission)
        .collect()
}

/// A list of blocks that AWS keeps in a region.
pub(super) struct PrefixList {
    pub id: String,
    pub name: String,
    pub max_entries: u64,
    pub cidrs: Vec<Cidr>,
    /// Whether DescribePrefixLists lists it too (services that have gateway endpoints).
    gateway: bool,
}

/// What AWS keeps: the name's last part, how many rules it counts for, blocks, and whether a gateway endpoint uses it.
/// The blocks stand for the service; AWS's own lists are longer and change.
const PREFIX_LISTS: &[(&str, u64, &[&str], bool)] = &[
    ("s3", 20, &["52.216.0.0/15", "3.5.0.0/19"], true),
    ("dynamodb", 10, &["52.94.0.0/22"], true),
    ("ec2-instance-connect", 5, &["18.206.107.24/29"], false),
    (
        "global.cloudfront.origin-facing",
        55,
        &["13.124.199.0/24", "130.176.0.0/18", "15.158.0.0/16"],
        false,
    ),
];

pub(super) fn prefix_lists(region: &str) -> Vec<PrefixList> {
    PREFIX_LISTS
        .iter()
        .map(|(what, max_entries, blocks, gateway)| {
            let name = match what.strip_prefix("global.") {
                Some(_) => format!("com.amazonaws.{what}"),
                None => format!("com.amazonaws.{region}.{what}"),
            };
            // Ids are AWS's own: the same in every account, another in every region.
            let id = format!(
                "pl-{:08x}",
                Dice(0).hash(&["prefix list", region, what], 0) >> 32
            );
            let cidrs = blocks.iter().filter_map(|text| Cidr::parse(text)).collect();
            PrefixList {
                id,
                name,
                max_entries: *max_entries,
                cidrs,
                gateway: *gateway,
            }
        })
        .collect()
}

fn prefix_list(region: &str, id: &str) -> Option<PrefixList> {
    prefix_lists(region).into_iter().find(|list| list.id == id)
}

/// The blocks of a prefix list; none for one that this region does not have.
pub fn prefix_list_cidrs(region: &str, id: &str) -> Vec<Cidr> {
    prefix_list(region, id)
        .map(|list| list.cidrs)
        .unwrap_or_default()
}

fn chosen_lists(
    cx: &Cx<'_>,
    input: &Input,
    only_gateway: bool,
) -> Result<Vec<PrefixList>, AwsError> {
    let filters = Filters::read(input, "Filters")?;
    let ids = input.strings("PrefixListIds");
    let all: Vec<PrefixList> = prefix_lists(&cx.region)
        .into_iter()
        .filter(|l| l.gateway || !only_gateway)
        .collect();
    if let Some(id) = ids.iter().find(|id| !all.iter().any(|l| l.id == **id)) {
        return Err(AwsError::new(
            "InvalidPrefixListID.NotFound",
            format!("The prefix list ID '{id}' does not exist"),
        ));
    }
    filters.check(|name| matches!(name, "prefix-list-id" | "prefix-list-name" | "owner-id"))?;
    let mut found = vec![];
    for list in all {
        let kept = filters.keep(&Tags::new(), |name| match name {
            "prefix-list-id" => Some(one(list.id.as_str())),
            "prefix-list-name" => Some(one(list.name.as_str())),
            _ => Some(one("AWS")),
        })?;
        if kept && (ids.is_empty() || ids.contains(&list.id)) {
            found.push(list);
        }
    }
    Ok(found)
}

pub(super) fn describe_prefix_lists(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let lists = chosen_lists(cx, input, true)?;
    let shown: Vec<Value> = lists
        .iter()
        .map(|l| {
            let cidrs: Vec<String> = l.cidrs.iter().map(Cidr::to_string).collect();
            json!({"PrefixListId": l.id, "PrefixListName": l.name, "Cidrs": cidrs})
        })
        .collect();
    Ok(json!({"PrefixLists": shown}))
}

pub(super) fn describe_managed_prefix_lists(
    cx: &mut Cx<'_>,
    input: &Input,
) -> Result<Value, AwsError> {
    let lists = chosen_lists(cx, input, false)?;
    let shown: Vec<Value> = lists
        .iter()
        .map(|l| {
            json!({
                "PrefixListId": l.id, "PrefixListName": l.name, "AddressFamily": "IPv4", "State": "create-complete",
                "PrefixListArn": format!("arn:aws:ec2:{}:aws:prefix-list/{}", cx.region, l.id), "OwnerId": "AWS",
                "Tags": [],
            })
        })
        .collect();
    Ok(json!({"PrefixLists": shown}))
}

pub(super) fn prefix_list_entries(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "PrefixListId")?;
    let Some(list) = prefix_list(&cx.region, id) else {
        return Err(AwsError::new(
            "InvalidPrefixListID.NotFound",
            format!("The prefix list ID '{id}' does not exist"),
        ));
    };
    let entries: Vec<Value> = list
        .cidrs
        .iter()
        .map(|cidr| json!({"Cidr": cidr.to_string()}))
        .collect();
    Ok(json!({"Entries": entries}))
}
