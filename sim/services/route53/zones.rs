//! Hosted zones: their life, their lists, and the VPCs that see the private ones.

use super::records::{Body, RecordSet, Routing, invalid};
use super::vpcs::{check_conflict, check_vpc, vpc_of};
use super::{Change, SERVERS, Vpc, Zone, bare, change, name, no_such_zone};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::protocol::address::GLOBAL_REGION;
use crate::services::quotas;
use crate::world::{Cx, Event, Input, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const ZONES_PER_ACCOUNT: &str = "L-4EA4796A";

/// The zone that an input names, of the caller's account.
pub(super) fn named<'c>(
    cx: &'c mut Cx<'_>,
    input: &Input,
    member: &str,
) -> Result<&'c Zone, AwsError> {
    let id = bare(input.str(member).unwrap_or_default()).to_owned();
    cx.account()
        .route53
        .zones
        .get(&id)
        .ok_or_else(|| no_such_zone(&id))
}

fn json_of(zone: &Zone) -> Value {
    let mut config = json!({"PrivateZone": zone.private});
    if let Some(comment) = &zone.comment {
        config["Comment"] = json!(comment);
    }
    let mut out = json!({
        "Id": format!("/hostedzone/{}", zone.id),
        "Name": zone.name,
        "CallerReference": zone.reference,
        "Config": config,
        "ResourceRecordSetCount": zone.records.len(),
    });
    if let Some(status) = zone.accelerated {
        out["Features"] = json!({"AcceleratedRecoveryStatus": status});
    }
    out
}

pub(super) fn id_of(cx: &mut Cx<'_>, letter: char) -> String {
    const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let name = format!("r53-{letter}");
    let hex = cx.hex(&name, 32);
    let mut rest = u128::from_str_radix(&hex, 16).unwrap_or_default();
    let mut id = String::from(letter);
    id.push('0');
    for _ in 0..19 {
        id.push(char::from(DIGITS[(rest % 36) as usize]));
        rest /= 36;
    }
    id
}

/// The four servers of a zone, one in each top-level domain as Route 53 has them.
fn name_servers(cx: &mut Cx<'_>, private: bool) -> Vec<String> {
    let h = if private {
        0
    } else {
        u64::from_str_radix(&cx.hex("r53-ns", 12), 16).unwrap_or_default()
    };
    let tops = ["com", "net", "org", "co.uk"];
    (0..SERVERS)
        .map(|n| {
            let within = (h >> (9 * n)) % 512;
            format!(
                "ns-{}.awsdns-{:02}.{}",
                n as u64 * 512 + within,
                within / 8,
                tops[n]
            )
        })
        .collect()
}

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let raw = input.str("Name").unwrap_or_default();
    let zone_name = name::canonical(raw).map_err(|fault| {
        AwsError::new(
            "InvalidDomainName",
            format!("{}: '{raw}' is not a valid domain name.", fault.code),
        )
        .status(400)
    })?;
    if zone_name == "." || !zone_name.trim_end_matches('.').contains('.') && zone_name.len() <= 3 {
        let message = format!("{raw} is reserved by AWS!");
        return Err(AwsError::new("InvalidDomainName", message).status(400));
    }
    let reference = input.str("CallerReference").unwrap_or_default().to_owned();
    let most = quotas::limit(cx.world, cx.account_id(), GLOBAL_REGION, ZONES_PER_ACCOUNT);
    let state = &cx.account().route53;
    if state.zones.iter().any(|(_, z)| z.reference == reference) {
        let message = "A hosted zone has already been created with the specified caller reference.";
        return Err(AwsError::new("HostedZoneAlreadyExists", message).status(409));
    }
    if state.zones.len() as f64 >= most {
        let message =
            format!("Limits Exceeded: MAX_HOSTED_ZONES_BY_OWNER - Cannot create more than {most}.");
        return Err(AwsError::new("TooManyHostedZones", message).status(400));
    }
    if let Some(set) = input.str("DelegationSetId") {
        let message = format!("Delegation set {set} was not found.");
        return Err(AwsError::new("NoSuchDelegationSet", message).status(400));
    }
    let vpc = vpc_of(input);
    let config = &input.value["HostedZoneConfig"];
    if config["PrivateZone"].as_bool() == Some(true) && vpc.is_none() {
        return Err(invalid(
            "When you're creating a private hosted zone, you must specify a VPC.",
        ));
    }
    if let Some(vpc) = &vpc {
        check_vpc(cx, vpc)?;
        check_conflict(cx.world, &zone_name, vpc)?;
    }
    let private = vpc.is_some();
    let id = id_of(cx, 'Z');
    let servers = name_servers(cx, private);
    let mut records = BTreeMap::new();
    for (rtype, ttl, values) in [
        (
            "NS",
            172_800,
            servers.iter().map(|s| format!("{s}.")).collect::<Vec<_>>(),
        ),
        (
            "SOA",
            900,
            vec![format!(
                "{}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400",
                servers[0]
            )],
        ),
    ] {
        let set = RecordSet {
            name: zone_name.clone(),
            rtype: rtype.into(),
            set: None,
            routing: Routing::Simple,
            body: Body::Values { ttl, values },
            health_check: None,
        };
        records.insert(set.key(), set);
    }
    let now = cx.now();
    let zone = Zone {
        id: id.clone(),
        name: zone_name,
        reference,
        comment: config["Comment"].as_str().map(str::to_owned),
        private,
        vpcs: vpc.iter().cloned().collect(),
        authorized: Vec::new(),
        name_servers: servers,
        created: now,
        records: Arc::new(records),
        served: vec![Arc::default(); SERVERS],
        served_version: vec![0; SERVERS],
        version: 1,
        busy_until: 0,
        tags: Vec::new(),
        accelerated: None,
    };
    cx.account().route53.zones.put(id.clone(), zone, now);
    let info = submit(cx, &id, None);
    let zone = cx
        .account()
        .route53
        .zones
        .get(&id)
        .ok_or_else(|| no_such_zone(&id))?;
    let mut out = json!({
        "HostedZone": json_of(zone),
        "ChangeInfo": info,
        "DelegationSet": {"NameServers": zone.name_servers},
        "Location": format!("https://route53.amazonaws.com/2013-04-01/hostedzone/{id}"),
    });
    if let Some(vpc) = &vpc {
        out["VPC"] = vpc.json();
    }
    Ok(out)
}

/// Sends the zone as it now is to its name servers, and answers the change that says how far that is.
pub(super) fn submit(cx: &mut Cx<'_>, zone: &str, comment: Option<&str>) -> Value {
    let id = id_of(cx, 'C');
    let submitted = cx.unix_now();
    let (version, records) = match cx.account().route53.zones.get(zone) {
        Some(z) => (z.version, Some(Arc::clone(&z.records))),
        None => (0, None),
    };
    let change = Change {
        zone: zone.to_owned(),
        insync: false,
        submitted,
        comment: comment.map(str::to_owned),
        version,
        records,
    };
    let info = change.json(&id);
    let now = cx.now();
    cx.account().route53.changes.put(id.clone(), change, now);
    change::propagate(cx, zone, &id);
    info
}

pub(super) fn get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let zone = named(cx, input, "Id")?;
    let mut out = json!({"HostedZone": json_of(zone)});
    if zone.private {
        out["VPCs"] = zone.vpcs.iter().map(Vpc::json).collect();
    } else {
        out["DelegationSet"] = json!({"NameServers": zone.name_servers});
    }
    Ok(out)
}

pub(super) fn limit(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let kind = input.str("Type").unwrap_or_default().to_owned();
    let zone = named(cx, input, "HostedZoneId")?;
    let (value, count) = match kind.as_str() {
        "MAX_VPCS_ASSOCIATED_BY_ZONE" if !zone.private => {
            return Err(AwsError::new(
                "HostedZoneNotPrivate",
                "The specified hosted zone is not private.",
            )
            .status(400));
        }
        "MAX_VPCS_ASSOCIATED_BY_ZONE" => (300, zone.vpcs.len()),
        _ => (change::RECORD_SETS_PER_ZONE, zone.records.len()),
    };
    Ok(json!({"Limit": {"Type": kind, "Value": value}, "Count": count}))
}

pub(super) fn account_limit(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let kind = input.str("Type").unwrap_or_default().to_owned();
    let limit =
        |quota: &str| quotas::limit(cx.world, cx.account_id(), GLOBAL_REGION, quota) as usize;
    let (checks, zones) = (
        limit(super::health::CHECKS_PER_ACCOUNT),
        limit(ZONES_PER_ACCOUNT),
    );
    let state = &cx.account().route53;
    let (value, count) = match kind.as_str() {
        "MAX_HEALTH_CHECKS_BY_OWNER" => (checks, state.checks.len()),
        "MAX_HOSTED_ZONES_BY_OWNER" => (zones, state.zones.len()),
        "MAX_REUSABLE_DELEGATION_SETS_BY_OWNER" => (100, 0),
        "MAX_TRAFFIC_POLICIES_BY_OWNER" => (50, 0),
        "MAX_TRAFFIC_POLICY_INSTANCES_BY_OWNER" => (5, 0),
        other => return Err(invalid(format!("Invalid limit type {other}"))),
    };
    Ok(json!({"Limit": {"Type": kind, "Value": value}, "Count": count}))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let zone = named(cx, input, "Id")?;
    let id = zone.id.clone();
    let own = |set: &RecordSet| set.name == zone.name && matches!(set.rtype.as_str(), "NS" | "SOA");
    if !zone.records.values().all(own) {
        let message = "The specified hosted zone contains non-required resource record sets  and so cannot be deleted.";
        return Err(AwsError::new("HostedZoneNotEmpty", message).status(400));
    }
    change::refuse_while_busy(cx, &id)?;
    let now = cx.now();
    cx.account().route53.zones.remove(&id, now);
    let info = submit(cx, &id, None);
    Ok(json!({"ChangeInfo": info}))
}

pub(super) fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    if let Some(set) = input.str("DelegationSetId") {
        let message = format!("Delegation set {set} was not found.");
        return Err(AwsError::new("NoSuchDelegationSet", message).status(400));
    }
    let only_private = input.str("HostedZoneType").is_some();
    let zones = &cx.account().route53.zones;
    let rows: Vec<Value> = zones
        .iter()
        .filter(|(_, z)| z.private || !only_private)
        .map(|(_, z)| json_of(z))
        .collect();
    Ok(
        json!({"HostedZones": rows, "IsTruncated": false, "MaxItems": max_items(input, 100)?.to_string()}),
    )
}

/// `MaxItems` as the lists of this service take it: a number in a string.
pub(super) fn max_items(input: &Input, most: usize) -> Result<usize, AwsError> {
    let Some(text) = input.value.get("MaxItems").filter(|v| !v.is_null()) else {
        return Ok(most);
    };
    let number = text.as_u64().or_else(|| text.as_str()?.parse().ok());
    match number {
        Some(n) if n > 0 => Ok((n as usize).min(most)),
        _ => Err(invalid(
            "Invalid value for maxitems: it must be a positive number",
        )),
    }
}

pub(super) fn list_by_name(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let most = max_items(input, 100)?;
    let start_name = match input.str("DNSName") {
        Some(raw) => Some(name::canonical(raw).map_err(|_| {
            AwsError::new(
                "InvalidDomainName",
                format!("'{raw}' is not a valid domain name."),
            )
            .status(400)
        })?),
        None => None,
    };
    let start_id = input.str("HostedZoneId").map(bare).map(str::to_owned);
    if start_id.is_some() && start_name.is_none() {
        return Err(invalid(
            "If you specify a value for HostedZoneId, you must also specify a value for DNSName.",
        ));
    }
    let from = (
        start_name
            .as_deref()
            .map(name::reversed)
            .unwrap_or_default(),
        start_id.clone().unwrap_or_default(),
    );
    let mut rows: Vec<((String, String), Value, String)> = cx
        .account()
        .route53
        .zones
        .iter()
        .map(|(id, z)| {
            (
                (name::reversed(&z.name), id.to_owned()),
                json_of(z),
                z.name.clone(),
            )
        })
        .filter(|(key, ..)| *key >= from)
        .collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let next = rows
        .get(most)
        .map(|(key, _, zone_name)| (zone_name.clone(), key.1.clone()));
    let page: Vec<Value> = rows.into_iter().take(most).map(|(_, row, _)| row).collect();
    let mut out =
        json!({"HostedZones": page, "IsTruncated": next.is_some(), "MaxItems": most.to_string()});
    if let Some(raw) = input.str("DNSName") {
        out["DNSName"] = json!(raw);
    }
    if let Some(id) = start_id {
        out["HostedZoneId"] = json!(id);
    }
    if let Some((zone_name, id)) = next {
        out["NextDNSName"] = json!(zone_name);
        out["NextHostedZoneId"] = json!(id);
    }
    Ok(out)
}

pub(super) fn list_by_vpc(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let most = max_items(input, 100)?;
    let vpc = Vpc {
        region: input.str("VPCRegion").unwrap_or_default().to_owned(),
        id: input.str("VPCId").unwrap_or_default().to_owned(),
    };
    let mut rows = Vec::new();
    for (owner, account) in &cx.world.accounts {
        for (id, zone) in account
            .route53
            .zones
            .iter()
            .filter(|(_, z)| z.vpcs.contains(&vpc))
        {
            rows.push(
                json!({"HostedZoneId": id, "Name": zone.name, "Owner": {"OwningAccount": owner}}),
            );
        }
    }
    let from: usize = match input.str("NextToken") {
        Some(token) => token.parse().map_err(|_| {
            AwsError::new(
                "InvalidPaginationToken",
                "The value that you specified for NextToken is not valid.",
            )
            .status(400)
        })?,
        None => 0,
    };
    let more = rows.len() > from + most;
    let page: Vec<Value> = rows.into_iter().skip(from).take(most).collect();
    let mut out = json!({"HostedZoneSummaries": page, "MaxItems": most.to_string()});
    if more {
        out["NextToken"] = json!((from + most).to_string());
    }
    Ok(out)
}

pub(super) fn comment(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = named(cx, input, "Id")?.id.clone();
    let comment = input.str("Comment").map(str::to_owned);
    let now = cx.now();
    cx.account()
        .route53
        .zones
        .change(&id, now, |z| z.comment = comment);
    let zone = named(cx, input, "Id")?;
    Ok(json!({"HostedZone": json_of(zone)}))
}

pub(super) fn features(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let zone = named(cx, input, "HostedZoneId")?;
    let id = zone.id.clone();
    if zone.private {
        return Err(invalid(
            "Accelerated recovery is available for public hosted zones only.",
        ));
    }
    let Some(enable) = input.bool("EnableAcceleratedRecovery") else {
        return Ok(json!({}));
    };
    let status = if enable { "ENABLING" } else { "DISABLING" };
    let now = cx.now();
    cx.account()
        .route53
        .zones
        .change(&id, now, |z| z.accelerated = Some(status));
    let after = cx
        .world
        .sample(Pert(60.0, 300.0, 1_800.0), &id, "UpdateHostedZoneFeatures");
    cx.later_with(after, "accelerated", &id, json!({"enabled": enable}));
    Ok(json!({}))
}

pub(super) fn accelerated(world: &mut World, event: &Event) {
    let status = if event.detail["enabled"] == json!(true) {
        "ENABLED"
    } else {
        "DISABLED"
    };
    world
        .account(&event.account)
        .route53
        .zones
        .settle(&event.id, |z| z.accelerated = Some(status));
}

/// Lists record sets by reversed name, type and identifier. It pages itself: three tokens, and a start anywhere.
pub(super) fn record_sets(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let most = max_items(input, 300)?;
    let (start_type, start_set) = (
        input.str("StartRecordType"),
        input.str("StartRecordIdentifier"),
    );
    if start_type.is_some() && input.str("StartRecordName").is_none() {
        return Err(invalid(
            "The input is not valid: StartRecordType requires StartRecordName.",
        ));
    }
    if start_set.is_some() && start_type.is_none() {
        return Err(invalid(
            "The input is not valid: StartRecordIdentifier requires StartRecordName and StartRecordType.",
        ));
    }
    let start_name = match input.str("StartRecordName") {
        Some(raw) => name::canonical(raw).map_err(|fault| {
            invalid(format!(
                "{} ({}) encountered with '{raw}'",
                fault.code, fault.text
            ))
        })?,
        None => String::new(),
    };
    let zone = named(cx, input, "HostedZoneId")?;
    let from = (
        name::reversed(&start_name),
        start_type.unwrap_or_default().to_owned(),
        start_set.unwrap_or_default().to_owned(),
    );
    let mut rows = zone.records.range(from..).map(|(_, set)| set);
    let page: Vec<Value> = rows.by_ref().take(most).map(RecordSet::json).collect();
    let next = rows.next();
    let mut out = json!({"ResourceRecordSets": page, "IsTruncated": next.is_some(), "MaxItems": most.to_string()});
    if let Some(set) = next {
        out["NextRecordName"] = json!(set.name);
        out["NextRecordType"] = json!(set.rtype);
        if let Some(identifier) = &set.set {
            out["NextRecordIdentifier"] = json!(identifier);
        }
    }
    Ok(out)
}
