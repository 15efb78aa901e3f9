//! Tags of zones and health checks.

use super::{bare, no_such_zone, records::invalid};
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};

const TAGS_PER_RESOURCE: usize = 50;

pub(super) fn change(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let kind = input.str("ResourceType").unwrap_or_default();
    let id = bare(input.str("ResourceId").unwrap_or_default());
    let mut tags = tags_of(cx, kind, id)?;
    let (add, remove) = (input.list("AddTags"), input.strings("RemoveTagKeys"));
    if add.is_empty() && remove.is_empty() {
        return Err(invalid(
            "The request must contain at least one of AddTags or RemoveTagKeys.",
        ));
    }
    if add.len() > 10 || remove.len() > 10 {
        return Err(invalid(
            "At most 10 tags can be added or removed in one request.",
        ));
    }
    tags.retain(|(key, _)| !remove.contains(key));
    for tag in add {
        let key = tag["Key"].as_str().unwrap_or_default().to_owned();
        if key.is_empty() || key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid(format!("Invalid tag key '{key}'")));
        }
        tags.retain(|(k, _)| *k != key);
        tags.push((key, tag["Value"].as_str().unwrap_or_default().to_owned()));
    }
    if tags.len() > TAGS_PER_RESOURCE {
        return Err(invalid(format!(
            "A resource can have at most {TAGS_PER_RESOURCE} tags."
        )));
    }
    let now = cx.now();
    let state = &mut cx.account().route53;
    if kind == "hostedzone" {
        state.zones.change(id, now, |z| z.tags = tags);
    } else {
        state.checks.change(id, now, |c| c.tags = tags);
    }
    Ok(json!({}))
}

pub(super) fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let kind = input.str("ResourceType").unwrap_or_default();
    let id = bare(input.str("ResourceId").unwrap_or_default());
    Ok(json!({"ResourceTagSet": tag_set(cx, kind, id)?}))
}

pub(super) fn list_many(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let kind = input.str("ResourceType").unwrap_or_default();
    let ids = input.strings("ResourceIds");
    let sets = ids
        .iter()
        .map(|id| tag_set(cx, kind, bare(id)))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(json!({"ResourceTagSets": sets}))
}

fn tag_set(cx: &mut Cx<'_>, kind: &str, id: &str) -> Result<Value, AwsError> {
    let tags: Vec<Value> = tags_of(cx, kind, id)?
        .into_iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    Ok(json!({"ResourceType": kind, "ResourceId": id, "Tags": tags}))
}

fn tags_of(cx: &mut Cx<'_>, kind: &str, id: &str) -> Result<Vec<(String, String)>, AwsError> {
    let state = &cx.account().route53;
    match kind {
        "hostedzone" => state
            .zones
            .get(id)
            .map(|z| z.tags.clone())
            .ok_or_else(|| no_such_zone(id)),
        "healthcheck" => state
            .checks
            .get(id)
            .map(|c| c.tags.clone())
            .ok_or_else(|| super::health::no_such_check(id)),
        other => Err(invalid(format!("Invalid resource type {other}"))),
    }
}

/// Every tagged zone and health check as the tagging service lists them in us-east-1: ARN and tags.
pub fn tagged(world: &World, account: &str, region: &str) -> Vec<(String, Vec<(String, String)>)> {
    let Some(state) = world.accounts.get(account).map(|a| &a.route53) else {
        return Vec::new();
    };
    if region != "us-east-1" {
        return Vec::new();
    }
    let zones = state
        .zones
        .iter()
        .map(|(id, z)| (format!("arn:aws:route53:::hostedzone/{id}"), &z.tags));
    let checks = state
        .checks
        .iter()
        .map(|(id, c)| (format!("arn:aws:route53:::healthcheck/{id}"), &c.tags));
    zones
        .chain(checks)
        .filter(|(_, tags)| !tags.is_empty())
        .map(|(arn, tags)| (arn, tags.clone()))
        .collect()
}
