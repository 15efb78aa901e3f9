//! Tags of certificates.

use super::{TAGS_PER_CERTIFICATE, named};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

pub(super) fn read_tags(tags: &[Value]) -> Result<Vec<(String, String)>, AwsError> {
    let mut out: Vec<(String, String)> = Vec::new();
    for tag in tags {
        let key = tag["Key"].as_str().unwrap_or_default().to_owned();
        if key.to_ascii_lowercase().starts_with("aws:") {
            let message = format!("Tag key {key} begins with a reserved prefix.");
            return Err(AwsError::new("InvalidTagException", message));
        }
        if out.iter().any(|(k, _)| *k == key) {
            return Err(AwsError::new(
                "InvalidTagException",
                format!("Tag key {key} is given twice."),
            ));
        }
        out.push((key, tag["Value"].as_str().unwrap_or_default().to_owned()));
    }
    if out.len() > TAGS_PER_CERTIFICATE {
        return Err(too_many_tags());
    }
    Ok(out)
}

pub(super) fn too_many_tags() -> AwsError {
    AwsError::new(
        "TooManyTagsException",
        format!("A certificate can have at most {TAGS_PER_CERTIFICATE} tags."),
    )
}

pub(super) fn tags_json(tags: &[(String, String)]) -> Value {
    tags.iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

pub(super) fn add_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let new = read_tags(input.list("Tags"))?;
    let certificate = named(cx, input)?;
    let (arn, mut tags) = (certificate.arn.clone(), certificate.tags.clone());
    tags.retain(|(key, _)| !new.iter().any(|(k, _)| k == key));
    tags.extend(new);
    if tags.len() > TAGS_PER_CERTIFICATE {
        return Err(too_many_tags());
    }
    let visible = cx.visible_at(&arn);
    cx.place()
        .acm
        .certificates
        .change(&arn, visible, |c| c.tags = tags);
    Ok(json!({}))
}

pub(super) fn remove_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = named(cx, input)?.arn.clone();
    let visible = cx.visible_at(&arn);
    let gone = input.list("Tags").to_vec();
    // With a value, only a tag of that value goes.
    let matches = |key: &str, value: &str| {
        gone.iter()
            .any(|t| t["Key"] == json!(key) && t["Value"].as_str().is_none_or(|v| v == value))
    };
    cx.place()
        .acm
        .certificates
        .change(&arn, visible, |c| c.tags.retain(|(k, v)| !matches(k, v)));
    Ok(json!({}))
}
