//! Tags of EC2 resources: on create, later, and across kinds.

use super::filters::Filters;
use super::state::State;
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub type Tags = BTreeMap<String, String>;

/// The kind of a resource by the prefix of its id, as DescribeTags and TagSpecifications call it.
const KINDS: &[(&str, &str)] = &[
    ("vpc-", "vpc"),
    ("subnet-", "subnet"),
    ("igw-", "internet-gateway"),
    ("eipalloc-", "elastic-ip"),
    ("nat-", "natgateway"),
    ("rtb-", "route-table"),
    ("sg-", "security-group"),
    ("sgr-", "security-group-rule"),
    ("acl-", "network-acl"),
    ("vpce-", "vpc-endpoint"),
    ("eni-", "network-interface"),
    ("pcx-", "vpc-peering-connection"),
    ("fl-", "vpc-flow-log"),
    ("dopt-", "dhcp-options"),
];

pub(super) fn kind_of(id: &str) -> Option<&'static str> {
    KINDS
        .iter()
        .find(|(prefix, _)| id.starts_with(prefix))
        .map(|(_, kind)| *kind)
}

/// The tags that a create gives to a resource of that kind.
pub(super) fn on_create(input: &Input, kind: &str) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    for specification in input.list("TagSpecifications") {
        let given = specification
            .get("ResourceType")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if given != kind {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!("'{given}' is not a valid taggable resource type for this operation."),
            ));
        }
        read(
            specification
                .get("Tags")
                .and_then(Value::as_array)
                .map_or(&[], Vec::as_slice),
            &mut tags,
        )?;
    }
    Ok(tags)
}

fn read(list: &[Value], tags: &mut Tags) -> Result<(), AwsError> {
    for tag in list {
        let key = tag.get("Key").and_then(Value::as_str).unwrap_or_default();
        let value = tag.get("Value").and_then(Value::as_str).unwrap_or_default();
        if key.is_empty() {
            return Err(AwsError::new(
                "InvalidParameterValue",
                "Tag key cannot be null or empty.",
            ));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(AwsError::new(
                "InvalidParameterValue",
                "Tag keys starting with 'aws:' are reserved for internal use",
            ));
        }
        if key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(AwsError::new(
                "InvalidParameterValue",
                "Tag key or value exceeds the maximum length.",
            ));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!("Duplicate tag key '{key}' specified."),
            ));
        }
    }
    if tags.len() > 50 {
        return Err(AwsError::new(
            "TagLimitExceeded",
            "The maximum number of Tags for a resource has been reached.",
        ));
    }
    Ok(())
}

/// Tags as the model lists them.
pub(super) fn listed(tags: &Tags) -> Value {
    tags.iter()
        .map(|(key, value)| object! {"Key": key.as_str(), "Value": value.as_str()})
        .collect()
}

impl State {
    /// The tags that a reader sees.
    pub(super) fn seen_tags(&self, id: &str, now: u64) -> Tags {
        self.tags.seen(id, now).cloned().unwrap_or_default()
    }

    fn exists(&self, id: &str) -> bool {
        match kind_of(id) {
            Some("vpc") => self.vpcs.contains(id),
            Some("subnet") => self.subnets.contains(id),
            Some("internet-gateway") => self.internet_gateways.contains(id),
            Some("elastic-ip") => self.addresses.contains(id),
            Some("natgateway") => self.nat_gateways.contains(id),
            Some("route-table") => self.route_tables.contains(id),
            Some("security-group") => self.groups.contains(id),
            Some("security-group-rule") => self
                .groups
                .iter()
                .any(|(_, g)| g.rules.iter().any(|r| r.id == id)),
            Some("network-acl") => self.acls.contains(id),
            Some("vpc-endpoint") => self.endpoints.contains(id),
            Some("network-interface") => self.interfaces.contains(id),
            Some("vpc-peering-connection") => self.peerings.contains(id),
            Some("vpc-flow-log") => self.flow_logs.contains(id),
            Some("dhcp-options") => self.dhcp_options.contains(id),
            _ => false,
        }
    }
}

fn known(cx: &mut Cx<'_>, input: &Input) -> Result<Vec<String>, AwsError> {
    let ids = input.strings("Resources");
    for id in &ids {
        let Some(kind) = kind_of(id) else {
            return Err(AwsError::new(
                "InvalidID",
                format!("The ID '{id}' is not valid"),
            ));
        };
        if !cx.place().ec2.exists(id) {
            return Err(super::not_found(kind, id));
        }
    }
    Ok(ids)
}

pub(super) fn create_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let ids = known(cx, input)?;
    let mut given = Tags::new();
    read(input.list("Tags"), &mut given)?;
    for id in &ids {
        let held = cx.place().ec2.tags.get(id).cloned().unwrap_or_default();
        if held
            .keys()
            .chain(given.keys())
            .collect::<std::collections::BTreeSet<_>>()
            .len()
            > 50
        {
            return Err(AwsError::new(
                "TagLimitExceeded",
                "The maximum number of Tags for a resource has been reached.",
            ));
        }
    }
    for id in ids {
        let at = cx.visible_at(&id);
        let table = &mut cx.place().ec2.tags;
        let mut tags = table.get(&id).cloned().unwrap_or_default();
        tags.extend(given.clone());
        table.put(id, tags, at);
    }
    Ok(json!({}))
}

pub(super) fn delete_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let ids = known(cx, input)?;
    let wanted: Vec<(String, Option<String>)> = input
        .list("Tags")
        .iter()
        .filter_map(|t| {
            let value = t.get("Value").and_then(Value::as_str).map(str::to_owned);
            Some((t.get("Key")?.as_str()?.to_owned(), value))
        })
        .collect();
    for id in ids {
        let at = cx.visible_at(&id);
        let table = &mut cx.place().ec2.tags;
        let mut tags = table.get(&id).cloned().unwrap_or_default();
        if input.list("Tags").is_empty() {
            tags.retain(|key, _| key.starts_with("aws:"));
        }
        for (key, value) in &wanted {
            if value.as_ref().is_none_or(|v| tags.get(key) == Some(v)) {
                tags.remove(key);
            }
        }
        table.put(id, tags, at);
    }
    Ok(json!({}))
}

pub(super) fn describe_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let filters = Filters::read(input, "Filters")?;
    let now = cx.now();
    let state = &cx.place().ec2;
    let mut found = vec![];
    let nothing = |name: &str| matches!(name, "key" | "resource-id" | "resource-type" | "value");
    filters.check(|name| nothing(name) || name == "tag-value")?;
    for (id, tags) in state.tags.seen_all(now) {
        let kind = kind_of(id).unwrap_or_default();
        for (key, value) in tags {
            let one = Tags::from([(key.clone(), value.clone())]);
            let kept = filters.keep(&one, |name| match name {
                "key" => Some(vec![key.clone()]),
                "value" => Some(vec![value.clone()]),
                "resource-id" => Some(vec![id.to_owned()]),
                "resource-type" => Some(vec![kind.to_owned()]),
                _ => None,
            })?;
            if kept {
                found.push(
                    json!({"Key": key, "Value": value, "ResourceId": id, "ResourceType": kind}),
                );
            }
        }
    }
    Ok(object! {"Tags": found})
}

/// Every tagged resource as the tagging service lists them: ARN and tags.
pub fn tagged(world: &World, account: &str, region: &str) -> Vec<(String, Tags)> {
    let Some(place) = world.seen_place(account, region) else {
        return vec![];
    };
    place
        .ec2
        .tags
        .seen_all(world.now())
        .filter(|(_, tags)| !tags.is_empty())
        .filter_map(|(id, tags)| {
            let kind = kind_of(id)?;
            Some((
                format!("arn:aws:ec2:{region}:{account}:{kind}/{id}"),
                tags.clone(),
            ))
        })
        .collect()
}
