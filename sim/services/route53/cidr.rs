//! CIDR collections, for routing by the asker's address.

use super::records::{Routing, invalid};
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

#[derive(Clone, Debug)]
pub(super) struct Collection {
    name: String,
    reference: String,
    version: u64,
    /// Location → blocks.
    locations: BTreeMap<String, Vec<String>>,
}

fn missing(id: &str) -> AwsError {
    let message = format!("No CIDR collection found with ID: {id}");
    AwsError::new("NoSuchCidrCollectionException", message).status(404)
}

fn json_of(id: &str, collection: &Collection) -> Value {
    json!({
        "Arn": format!("arn:aws:route53:::cidrcollection/{id}"),
        "Id": id,
        "Name": collection.name,
        "Version": collection.version,
    })
}

/// An IPv4 block as address and prefix length; the address has no bits below the prefix.
fn block(text: &str) -> Option<(u32, u32)> {
    let (address, length) = text.split_once('/')?;
    let address = u32::from(address.parse::<Ipv4Addr>().ok()?);
    let length: u32 = length.parse().ok().filter(|l| *l <= 24)?;
    (address & !mask(length) == 0).then_some((address, length))
}

fn mask(length: u32) -> u32 {
    u32::MAX.checked_shl(32 - length).unwrap_or(0)
}

pub(super) fn exists(world: &World, account: &str, id: &str) -> bool {
    world
        .accounts
        .get(account)
        .is_some_and(|a| a.route53.collections.contains(id))
}

/// The location that an address belongs to, by the longest block.
pub(super) fn location(
    world: &World,
    account: &str,
    id: &str,
    asker: Option<Ipv4Addr>,
) -> Option<String> {
    let asker = u32::from(asker?);
    let collection = world.accounts.get(account)?.route53.collections.get(id)?;
    let blocks = collection
        .locations
        .iter()
        .flat_map(|(l, blocks)| blocks.iter().map(move |b| (l, b)));
    blocks
        .filter_map(|(l, b)| block(b).map(|b| (l, b)))
        .filter(|(_, (address, length))| asker & mask(*length) == *address)
        .max_by_key(|(_, (_, length))| *length)
        .map(|(l, _)| l.clone())
}

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("Name").unwrap_or_default().to_owned();
    let reference = input.str("CallerReference").unwrap_or_default().to_owned();
    let now = cx.now();
    let collections = &cx.account().route53.collections;
    if let Some((id, same)) = collections
        .iter()
        .find(|(_, c)| c.name == name || c.reference == reference)
    {
        if same.name == name && same.reference == reference {
            return Ok(json!({"Collection": json_of(id, same), "Location": location_of(id)}));
        }
        let message = "A CIDR collection with this name and a different caller reference already exists in this account.";
        return Err(AwsError::new("CidrCollectionAlreadyExistsException", message).status(400));
    }
    let id = cx.uuid("cidrcollection");
    let collection = Collection {
        name,
        reference,
        version: 1,
        locations: BTreeMap::new(),
    };
    let out = json!({"Collection": json_of(&id, &collection), "Location": location_of(&id)});
    cx.account().route53.collections.put(id, collection, now);
    Ok(out)
}

fn location_of(id: &str) -> String {
    format!("https://route53.amazonaws.com/2013-04-01/cidrcollection/{id}")
}

pub(super) fn change(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = input.str("Id").unwrap_or_default().to_owned();
    let collection = cx
        .account()
        .route53
        .collections
        .get(&id)
        .cloned()
        .ok_or_else(|| missing(&id))?;
    if input
        .i64("CollectionVersion")
        .is_some_and(|v| v != collection.version as i64)
    {
        let message =
            "The CIDR collection version you provided does not match the one in the account.";
        return Err(AwsError::new("CidrCollectionVersionMismatchException", message).status(409));
    }
    let mut changed = collection;
    for entry in input.list("Changes") {
        let location = entry["LocationName"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let blocks: Vec<String> = entry["CidrList"]
            .as_array()
            .map(|l| {
                l.iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect()
            })
            .unwrap_or_default();
        if let Some(bad) = blocks.iter().find(|b| block(b).is_none()) {
            return Err(invalid(format!("The CIDR block {bad} is not valid.")));
        }
        let kept = changed.locations.entry(location).or_default();
        kept.retain(|b| !blocks.contains(b));
        if entry["Action"] == json!("PUT") {
            kept.extend(blocks);
        }
    }
    changed.locations.retain(|_, blocks| !blocks.is_empty());
    changed.version += 1;
    let now = cx.now();
    cx.account()
        .route53
        .collections
        .put(id.clone(), changed, now);
    Ok(json!({"Id": id}))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = input.str("Id").unwrap_or_default().to_owned();
    let now = cx.now();
    let state = &cx.account().route53;
    let collection = state.collections.get(&id).ok_or_else(|| missing(&id))?;
    let used = state.zones.iter().any(|(_, z)| {
        z.records
            .values()
            .any(|r| matches!(&r.routing, Routing::Cidr { collection, .. } if *collection == id))
    });
    if used || !collection.locations.is_empty() {
        let message = "This CIDR collection is in use, and isn't empty.";
        return Err(AwsError::new("CidrCollectionInUseException", message).status(400));
    }
    cx.account().route53.collections.remove(&id, now);
    Ok(json!({}))
}

pub(super) fn list(cx: &mut Cx<'_>) -> Value {
    let rows: Vec<Value> = cx
        .account()
        .route53
        .collections
        .iter()
        .map(|(id, c)| json_of(id, c))
        .collect();
    json!({"CidrCollections": rows})
}

pub(super) fn locations(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = input.str("CollectionId").unwrap_or_default();
    let collection = cx
        .account()
        .route53
        .collections
        .get(id)
        .ok_or_else(|| missing(id))?;
    let rows: Vec<Value> = collection
        .locations
        .keys()
        .map(|l| json!({"LocationName": l}))
        .collect();
    Ok(json!({"CidrLocations": rows}))
}

pub(super) fn blocks(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = input.str("CollectionId").unwrap_or_default();
    let collection = cx
        .account()
        .route53
        .collections
        .get(id)
        .ok_or_else(|| missing(id))?;
    let wanted = input.str("LocationName");
    if let Some(location) = wanted.filter(|l| !collection.locations.contains_key(*l)) {
        let message = format!(
            "The CIDR collection location {location} doesn't match any locations in your account."
        );
        return Err(AwsError::new("NoSuchCidrLocationException", message).status(404));
    }
    let mut rows = Vec::new();
    for (location, blocks) in collection
        .locations
        .iter()
        .filter(|(l, _)| wanted.is_none_or(|w| w == *l))
    {
        rows.extend(
            blocks
                .iter()
                .map(|b| json!({"CidrBlock": b, "LocationName": location})),
        );
    }
    Ok(json!({"CidrBlocks": rows}))
}
