//! Regions and their availability zones: which there are, which must be opted into, and which zone an account calls by
//! which name.

use super::filters::Filters;
use super::state::State;
use super::tags::Tags;
use crate::clock::Dice;
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};

/// A region: its name, the prefix of its zone ids, the letters of its zones, and whether accounts must opt in.
pub struct RegionFacts {
    pub name: &'static str,
    prefix: &'static str,
    zones: &'static str,
    opt_in: bool,
    /// In regions that existed before zone names were fixed, every account has its own order of zones.
    shuffled: bool,
}

const fn old(name: &'static str, prefix: &'static str, zones: &'static str) -> RegionFacts {
    RegionFacts {
        name,
        prefix,
        zones,
        opt_in: false,
        shuffled: true,
    }
}

const fn newer(name: &'static str, prefix: &'static str, zones: &'static str) -> RegionFacts {
    RegionFacts {
        name,
        prefix,
        zones,
        opt_in: false,
        shuffled: false,
    }
}

const fn opt_in(name: &'static str, prefix: &'static str, zones: &'static str) -> RegionFacts {
    RegionFacts {
        name,
        prefix,
        zones,
        opt_in: true,
        shuffled: false,
    }
}

/// The regions of the commercial partition. In `us-west-1` and `ap-northeast-1` an account sees fewer zones than the
/// region has letters for; a stack that needs three zones must notice.
pub const REGIONS: &[RegionFacts] = &[
    opt_in("af-south-1", "afs1", "abc"),
    opt_in("ap-east-1", "ape1", "abc"),
    old("ap-northeast-1", "apne1", "acd"),
    newer("ap-northeast-2", "apne2", "abcd"),
    newer("ap-northeast-3", "apne3", "abc"),
    newer("ap-south-1", "aps1", "abc"),
    opt_in("ap-south-2", "aps2", "abc"),
    old("ap-southeast-1", "apse1", "abc"),
    old("ap-southeast-2", "apse2", "abc"),
    opt_in("ap-southeast-3", "apse3", "abc"),
    opt_in("ap-southeast-4", "apse4", "abc"),
    opt_in("ap-southeast-5", "apse5", "abc"),
    newer("ca-central-1", "cac1", "abd"),
    opt_in("ca-west-1", "caw1", "abc"),
    newer("eu-central-1", "euc1", "abc"),
    opt_in("eu-central-2", "euc2", "abc"),
    newer("eu-north-1", "eun1", "abc"),
    opt_in("eu-south-1", "eus1", "abc"),
    opt_in("eu-south-2", "eus2", "abc"),
    old("eu-west-1", "euw1", "abc"),
    newer("eu-west-2", "euw2", "abc"),
    newer("eu-west-3", "euw3", "abc"),
    opt_in("il-central-1", "ilc1", "abc"),
    opt_in("me-central-1", "mec1", "abc"),
    opt_in("me-south-1", "mes1", "abc"),
    opt_in("mx-central-1", "mxc1", "abc"),
    old("sa-east-1", "sae1", "abc"),
    old("us-east-1", "use1", "abcdef"),
    newer("us-east-2", "use2", "abc"),
    old("us-west-1", "usw1", "ac"),
    old("us-west-2", "usw2", "abcd"),
];

/// An availability zone as an account names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// For instance `us-west-2a`: another building in another account.
    pub name: String,
    /// For instance `usw2-az3`: the same building in every account.
    pub id: String,
}

pub fn region(name: &str) -> Option<&'static RegionFacts> {
    REGIONS.iter().find(|r| r.name == name)
}

/// The zones that the account can use in the region, by name. None in an unknown region.
pub fn zones(account: &str, region_name: &str) -> Vec<Zone> {
    let Some(facts) = region(region_name) else {
        return vec![];
    };
    let mut numbers: Vec<usize> = (1..=facts.zones.len()).collect();
    if facts.shuffled {
        // Fixed per account and region, whatever the world's seed: it is a fact of the account.
        numbers.sort_by_key(|n| Dice(0).hash(&["zones", account, region_name], *n as u64));
    }
    facts
        .zones
        .chars()
        .zip(numbers)
        .map(|(letter, number)| Zone {
            name: format!("{region_name}{letter}"),
            id: format!("{}-az{number}", facts.prefix),
        })
        .collect()
}

/// The zone of that name or id.
pub fn zone(account: &str, region: &str, name_or_id: &str) -> Option<Zone> {
    zones(account, region)
        .into_iter()
        .find(|z| z.name == name_or_id || z.id == name_or_id)
}

/// Whether the account may use the region: always, but for the regions that must be opted into.
pub fn region_enabled(world: &World, account: &str, name: &str) -> bool {
    match region(name) {
        None => false,
        Some(facts) if !facts.opt_in => true,
        Some(_) => world
            .seen_place(account, name)
            .is_some_and(|p| p.ec2.opted_in),
    }
}

/// Opts the account into a region (on AWS: a call of the Account service, not simulated) or out of it.
pub fn opt_into(world: &mut World, account: &str, region: &str, opted_in: bool) {
    world.place(account, region).ec2.opted_in = opted_in;
}

fn opt_in_status(world: &World, account: &str, facts: &RegionFacts) -> &'static str {
    match (facts.opt_in, region_enabled(world, account, facts.name)) {
        (false, _) => "opt-in-not-required",
        (true, true) => "opted-in",
        (true, false) => "not-opted-in",
    }
}

pub(super) fn describe_regions(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let filters = Filters::read(input, "Filters")?;
    let wanted = input.strings("RegionNames");
    if let Some(unknown) = wanted.iter().find(|name| region(name).is_none()) {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("Invalid region names: [{unknown}]"),
        ));
    }
    let all = input.bool("AllRegions") == Some(true);
    let account = cx.account_id().to_owned();
    let mut regions = vec![];
    for facts in REGIONS {
        let status = opt_in_status(cx.world, &account, facts);
        if !wanted.is_empty() && !wanted.iter().any(|w| w == facts.name) {
            continue;
        }
        if wanted.is_empty() && !all && status == "not-opted-in" {
            continue;
        }
        let endpoint = format!("ec2.{}.amazonaws.com", facts.name);
        let kept = filters.keep(&Tags::new(), |name| match name {
            "region-name" => Some(vec![facts.name.to_owned()]),
            "endpoint" => Some(vec![endpoint.clone()]),
            "opt-in-status" => Some(vec![status.to_owned()]),
            _ => None,
        })?;
        if kept {
            regions.push(
                json!({"RegionName": facts.name, "Endpoint": endpoint, "OptInStatus": status}),
            );
        }
    }
    Ok(object! {"Regions": regions})
}

pub(super) fn describe_availability_zones(
    cx: &mut Cx<'_>,
    input: &Input,
) -> Result<Value, AwsError> {
    let filters = Filters::read(input, "Filters")?;
    let (account, region_name) = (cx.account_id().to_owned(), cx.region.clone());
    let known = zones(&account, &region_name);
    let (names, ids) = (input.strings("ZoneNames"), input.strings("ZoneIds"));
    if let Some(unknown) = names.iter().find(|n| !known.iter().any(|z| z.name == **n)) {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("Invalid availability zone: [{unknown}]"),
        ));
    }
    if let Some(unknown) = ids.iter().find(|i| !known.iter().any(|z| z.id == **i)) {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("Invalid availability zone-id: [{unknown}]"),
        ));
    }
    let mut found = vec![];
    for zone in known {
        if !names.is_empty() && !names.contains(&zone.name)
            || !ids.is_empty() && !ids.contains(&zone.id)
        {
            continue;
        }
        let group = format!("{region_name}-zg-1");
        let kept = filters.keep(&Tags::new(), |name| match name {
            "zone-name" => Some(vec![zone.name.clone()]),
            "zone-id" => Some(vec![zone.id.clone()]),
            "region-name" => Some(vec![region_name.clone()]),
            "state" => Some(vec!["available".into()]),
            "group-name" => Some(vec![group.clone()]),
            "zone-type" => Some(vec!["availability-zone".into()]),
            "opt-in-status" => Some(vec!["opt-in-not-required".into()]),
            "message" | "parent-zone-name" | "parent-zone-id" => Some(vec![]),
            _ => None,
        })?;
        if kept {
            found.push(json!({
                "State": "available", "OptInStatus": "opt-in-not-required", "Messages": [], "RegionName": region_name,
                "ZoneName": zone.name, "ZoneId": zone.id, "GroupName": group, "NetworkBorderGroup": region_name,
                "ZoneType": "availability-zone",
            }));
        }
    }
    Ok(object! {"AvailabilityZones": found})
}

pub(super) fn describe_account_attributes(
    cx: &mut Cx<'_>,
    input: &Input,
) -> Result<Value, AwsError> {
    let wanted = input.strings("AttributeNames");
    let state: &State = &cx.place().ec2;
    let default = state
        .vpcs
        .iter()
        .find(|(_, v)| v.default)
        .map_or("none", |(id, _)| id)
        .to_owned();
    let elastic = super::limit(cx, "L-0263D0A3", 5).to_string();
    let all = [
        ("supported-platforms", "VPC".to_owned()),
        ("default-vpc", default),
        ("max-instances", "20".to_owned()),
        ("vpc-max-security-groups-per-interface", "5".to_owned()),
        ("max-elastic-ips", elastic.clone()),
        ("vpc-max-elastic-ips", elastic.clone()),
    ];
    if let Some(unknown) = wanted
        .iter()
        .find(|w| !all.iter().any(|(name, _)| name == w))
    {
        return Err(AwsError::new(
            "InvalidParameterValue",
            format!("Value ({unknown}) for parameter attributeName is invalid."),
        ));
    }
    let attributes: Vec<Value> = all
        .iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| w == name))
        .map(|(name, value)| json!({"AttributeName": name, "AttributeValues": [{"AttributeValue": value}]}))
        .collect();
    Ok(object! {"AccountAttributes": attributes})
}
