//! Tags of objects.

use super::objects::{decode, existing};
use super::{Bucket, buckets};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output};
use serde_json::{Value, json};

/// Tags as the header writes them: a query string.
pub(super) fn header_tags(text: &str) -> Result<Vec<(String, String)>, AwsError> {
    let pairs = text
        .split('&')
        .filter(|p| !p.is_empty())
        .map(|p| p.split_once('=').unwrap_or((p, "")));
    let rows: Vec<Value> = pairs
        .map(|(k, v)| json!({"Key": decode(k), "Value": decode(v)}))
        .collect();
    buckets::read_tags(&rows, 10)
}

pub(super) fn change_tags(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
    tags: Vec<(String, String)>,
) -> Result<Output, AwsError> {
    let object = existing(cx, input, bucket)?;
    let (key, version) = (object.key.clone(), object.version.clone());
    let now = cx.now();
    if let Some(table) = cx.world.s3.objects.get_mut(&bucket.name) {
        table.change(&key, now, |versions| {
            if let Some(object) = versions.0.iter_mut().find(|o| o.version == version) {
                object.tags = tags;
            }
        });
    }
    Ok(of_version(bucket, &version).into())
}

pub(super) fn of_version(bucket: &Bucket, version: &str) -> Value {
    if bucket.versioning.is_some() {
        json!({"VersionId": version})
    } else {
        json!({})
    }
}

pub(super) fn get_tags(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    let object = existing(cx, input, bucket)?;
    let mut out = of_version(bucket, &object.version);
    out["TagSet"] = buckets::tags_json(&object.tags);
    Ok(out.into())
}

pub(super) fn put_tags(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    let tags = buckets::read_tags(
        input.value["Tagging"]["TagSet"]
            .as_array()
            .map_or(&[][..], Vec::as_slice),
        10,
    )?;
    change_tags(cx, input, bucket, tags)
}

pub(super) fn delete_tags(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    change_tags(cx, input, bucket, Vec::new())
}
