//! AWS's own prefix lists: blocks of a service in a region, under ids that differ from region to region.

use super::cidr::Cidr;
use super::filters::{Filters, one};
use super::required;
use super::tags::Tags;
use crate::clock::Dice;
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

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

pub(super) fn prefix_list(region: &str, id: &str) -> Option<PrefixList> {
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
    Ok(object! {"PrefixLists": shown})
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
    Ok(object! {"PrefixLists": shown})
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
    Ok(object! {"Entries": entries})
}
