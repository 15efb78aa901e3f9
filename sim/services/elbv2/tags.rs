//! Tags of balancers, target groups, listeners and rules.

use super::state::{State, Tags};
use super::{no_balancer, no_listener, no_target_group};
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};

/// Reads the tags of a create or of AddTags.
pub(super) fn read(input: &Input) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    for tag in input.list("Tags") {
        let key = tag["Key"].as_str().unwrap_or_default();
        if key.is_empty() || key.chars().count() > 128 {
            return Err(super::invalid(
                "Tag keys must have between 1 and 128 characters",
            ));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(super::invalid("Tag keys cannot start with 'aws:'"));
        }
        let value = tag["Value"].as_str().unwrap_or_default();
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(AwsError::new(
                "DuplicateTagKeys",
                format!("Tag key '{key}' is specified more than once"),
            ));
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

fn check_count(tags: &Tags) -> Result<(), AwsError> {
    if tags.len() > 50 {
        return Err(AwsError::new(
            "TooManyTags",
            "The quota of tags per resource has been reached",
        ));
    }
    Ok(())
}

/// Refuses an ARN that names nothing, with the code of what it would have named.
fn check_arn(state: &State, arn: &str) -> Result<(), AwsError> {
    let resource = arn.split(':').nth(5).unwrap_or_default();
    let kind = resource.split('/').next().unwrap_or_default();
    match kind {
        "loadbalancer" if state.balancers.contains(arn) => Ok(()),
        "loadbalancer" => Err(no_balancer(arn)),
        "targetgroup" if state.groups.contains(arn) => Ok(()),
        "targetgroup" => Err(no_target_group(arn)),
        "listener" if state.listeners.contains(arn) => Ok(()),
        "listener" => Err(no_listener(arn)),
        "listener-rule" if state.rules.contains(arn) => Ok(()),
        "listener-rule" if state.listeners.iter().any(|(_, l)| l.default_rule == arn) => Ok(()),
        "listener-rule" => Err(AwsError::new(
            "RuleNotFound",
            format!("Rules '{arn}' not found"),
        )),
        _ => Err(super::invalid(format!("'{arn}' is not a valid ARN"))),
    }
}

pub(super) fn add(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = read(input)?;
    let arns = input.strings("ResourceArns");
    let state = &cx.place().elbv2;
    for arn in &arns {
        check_arn(state, arn)?;
        let mut tags = state.tags.get(arn).cloned().unwrap_or_default();
        tags.extend(given.clone());
        check_count(&tags)?;
    }
    for arn in arns {
        let at = cx.visible_at(&arn);
        let table = &mut cx.place().elbv2.tags;
        let mut tags = table.get(&arn).cloned().unwrap_or_default();
        tags.extend(given.clone());
        table.put(arn, tags, at);
    }
    Ok(json!({}))
}

pub(super) fn remove(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (arns, keys) = (input.strings("ResourceArns"), input.strings("TagKeys"));
    let state = &cx.place().elbv2;
    arns.iter().try_for_each(|arn| check_arn(state, arn))?;
    for arn in arns {
        let at = cx.visible_at(&arn);
        cx.place()
            .elbv2
            .tags
            .change(&arn, at, |tags| tags.retain(|key, _| !keys.contains(key)));
    }
    Ok(json!({}))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arns = input.strings("ResourceArns");
    if arns.len() > 20 {
        return Err(super::invalid("The maximum number of resources is 20"));
    }
    let now = cx.now();
    let state = &cx.place().elbv2;
    let mut descriptions = vec![];
    for arn in arns {
        check_arn(state, &arn)?;
        let tags = state
            .tags
            .seen(&arn, now)
            .map(listed)
            .unwrap_or_else(|| json!([]));
        descriptions.push(json!({"ResourceArn": arn, "Tags": tags}));
    }
    Ok(object! { "TagDescriptions": descriptions })
}

fn listed(tags: &Tags) -> Value {
    tags.iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

impl State {
    pub(super) fn tag(&mut self, arn: &str, tags: Tags, visible_at: Nanos) {
        self.tags.put(arn, tags, visible_at);
    }
}

/// Every tagged resource as the tagging service lists them: ARN and tags.
pub fn tagged(world: &World, account: &str, region: &str) -> Vec<(String, Tags)> {
    let Some(place) = world.seen_place(account, region) else {
        return vec![];
    };
    let tags = place.elbv2.tags.seen_all(world.now());
    tags.filter(|(_, tags)| !tags.is_empty())
        .map(|(arn, tags)| (arn.to_owned(), tags.clone()))
        .collect()
}
