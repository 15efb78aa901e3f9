//! Labels of versions, and tags of parameters.

use super::{absent, named, tags_json};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The version that an input names, or the latest.
fn version(cx: &mut Cx<'_>, input: &Input, name: &str) -> Result<i64, AwsError> {
    let parameter = cx.place().ssm.parameters.get(name).ok_or_else(absent)?;
    let latest = parameter.versions.last().map_or(0, |v| v.number);
    let number = input.i64("ParameterVersion").unwrap_or(latest);
    if parameter.versions.iter().any(|v| v.number == number) {
        return Ok(number);
    }
    Err(AwsError::new(
        "ParameterVersionNotFound",
        format!(
            "Systems Manager could not find version {number} of {name}. Verify the version and try again."
        ),
    ))
}

pub fn label(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = named(cx, input.str("Name").unwrap_or_default()).0;
    let number = version(cx, input, &name)?;
    let valid = |label: &String| {
        let lower = label.to_ascii_lowercase();
        label
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
            && !label.starts_with(|c: char| c.is_ascii_digit())
            && !lower.starts_with("aws")
            && !lower.starts_with("ssm")
    };
    let (good, bad): (Vec<String>, Vec<String>) =
        input.strings("Labels").into_iter().partition(valid);
    let parameter = cx
        .place()
        .ssm
        .parameters
        .get(&name)
        .cloned()
        .ok_or_else(absent)?;
    let here = parameter.versions.iter().find(|v| v.number == number);
    let all: BTreeSet<&String> = here
        .map(|v| v.labels.iter().collect::<BTreeSet<_>>())
        .unwrap_or_default();
    let together = all.into_iter().chain(&good).collect::<BTreeSet<_>>().len();
    if together > 10 {
        return Err(AwsError::new(
            "ParameterVersionLabelLimitExceeded",
            "An error occurred (ParameterVersionLabelLimitExceeded): a version can have at most 10 labels.",
        ));
    }
    let now = cx.now();
    cx.place().ssm.parameters.change(&name, now, |p| {
        for version in &mut p.versions {
            for label in &good {
                version.labels.remove(label);
            }
            if version.number == number {
                version.labels.extend(good.iter().cloned());
            }
        }
    });
    Ok(json!({"InvalidLabels": bad, "ParameterVersion": number}))
}

pub fn unlabel(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = named(cx, input.str("Name").unwrap_or_default()).0;
    let number = version(cx, input, &name)?;
    let (mut removed, mut unknown) = (Vec::new(), Vec::new());
    let now = cx.now();
    let labels = input.strings("Labels");
    cx.place().ssm.parameters.change(&name, now, |p| {
        if let Some(version) = p.versions.iter_mut().find(|v| v.number == number) {
            for label in labels {
                match version.labels.remove(&label) {
                    true => removed.push(label),
                    false => unknown.push(label),
                }
            }
        }
    });
    Ok(json!({"RemovedLabels": removed, "InvalidLabels": unknown}))
}

/// The tags of an input, checked and merged into what is there.
pub fn merged_tags(
    present: &BTreeMap<String, String>,
    input: &Input,
) -> Result<BTreeMap<String, String>, AwsError> {
    let mut merged = present.clone();
    for tag in input.list("Tags") {
        let key = tag["Key"].as_str().unwrap_or_default();
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(super::invalid(
                "Tag keys can't start with the reserved prefix aws:.",
            ));
        }
        merged.insert(
            key.to_owned(),
            tag["Value"].as_str().unwrap_or_default().to_owned(),
        );
    }
    if merged.len() > 50 {
        return Err(AwsError::new(
            "TooManyTagsError",
            "A resource can have at most 50 tags.",
        ));
    }
    Ok(merged)
}

/// The parameter that a tag operation names.
fn resource(cx: &mut Cx<'_>, input: &Input) -> Result<String, AwsError> {
    match input.str("ResourceType") {
        Some("Parameter") => {}
        // The model knows them; nobody can make one here.
        Some(_) => {
            return Err(AwsError::new(
                "InvalidResourceId",
                "The resource ID isn't valid.",
            ));
        }
        None => {
            return Err(AwsError::new(
                "InvalidResourceType",
                "The resource type isn't valid.",
            ));
        }
    }
    let name = named(cx, input.str("ResourceId").unwrap_or_default()).0;
    if !cx.place().ssm.parameters.contains(&name) {
        return Err(AwsError::new(
            "InvalidResourceId",
            "The resource ID isn't valid. Verify that you entered the correct ID and try again.",
        ));
    }
    Ok(name)
}

pub fn tag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = resource(cx, input)?;
    let present = cx
        .place()
        .ssm
        .parameters
        .get(&name)
        .map(|p| p.tags.clone())
        .unwrap_or_default();
    let tags = merged_tags(&present, input)?;
    let now = cx.now();
    cx.place()
        .ssm
        .parameters
        .change(&name, now, |p| p.tags = tags);
    Ok(json!({}))
}

pub fn untag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = resource(cx, input)?;
    let keys = input.strings("TagKeys");
    let now = cx.now();
    cx.place()
        .ssm
        .parameters
        .change(&name, now, |p| p.tags.retain(|key, _| !keys.contains(key)));
    Ok(json!({}))
}

pub fn list_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = resource(cx, input)?;
    let tags = cx
        .place()
        .ssm
        .parameters
        .get(&name)
        .map(|p| tags_json(&p.tags));
    Ok(json!({"TagList": tags.unwrap_or_default()}))
}
