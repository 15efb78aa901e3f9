//! Deleting objects and versions: one, or many at once.

use super::conditions::{precondition, same_tag};
use super::objects::{Object, keep, no_such_key};
use super::{Bucket, replication};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output};
use serde_json::{Value, json};

/// Deletes a key or one of its versions. Answers the version and whether it is, or was, a marker.
pub(super) fn remove(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    key: &str,
    version: Option<&str>,
) -> (Option<String>, bool) {
    let now = cx.now();
    if let Some(version) = version {
        let Some(table) = cx.world.s3.objects.get_mut(&bucket.name) else {
            return (None, false);
        };
        let mut versions = table.get(key).cloned().unwrap_or_default();
        let marker = versions.0.iter().any(|o| o.version == version && o.deleted);
        versions.0.retain(|o| o.version != version);
        if versions.0.is_empty() {
            table.remove(key, now);
        } else {
            table.put(key, versions, now);
        }
        return (Some(version.to_owned()), marker);
    }
    if bucket.versioning.is_none() {
        if let Some(table) = cx.world.s3.objects.get_mut(&bucket.name) {
            table.remove(key, now);
        }
        return (None, false);
    }
    let marker = Object {
        key: key.to_owned(),
        deleted: true,
        modified: cx.unix_now().floor(),
        ..Object::default()
    };
    let id = keep(cx, bucket, marker);
    replication::marked(cx, bucket, key, id.as_deref().unwrap_or("null"));
    (id, true)
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input, bucket: &Bucket) -> Result<Output, AwsError> {
    let key = input.str("Key").unwrap_or_default().to_owned();
    if let Some(given) = input.str("IfMatch") {
        match super::object(cx.world, &bucket.name, &key) {
            None => return Err(no_such_key(&key)),
            Some(object) if !same_tag(given, &object.etag) => return Err(precondition("If-Match")),
            Some(_) => {}
        }
    }
    let (version, marker) = remove(cx, bucket, &key, input.str("VersionId"));
    let mut out = json!({});
    if let Some(version) = version {
        out["VersionId"] = json!(version);
    }
    if marker {
        out["DeleteMarker"] = json!(true);
    }
    Ok(out.into())
}

pub(super) fn delete_many(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    let delete = &input.value["Delete"];
    let rows = delete["Objects"].as_array().cloned().unwrap_or_default();
    if rows.is_empty() || rows.len() > 1_000 {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        return Err(AwsError::new("MalformedXML", message).status(400));
    }
    let quiet = delete["Quiet"].as_bool().unwrap_or(false);
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for row in &rows {
        let key = row["Key"].as_str().unwrap_or_default();
        if let Some(given) = row["ETag"].as_str() {
            let current = super::object(cx.world, &bucket.name, key);
            if !current.is_some_and(|o| same_tag(given, &o.etag)) {
                let message = "At least one of the pre-conditions you specified did not hold";
                errors.push(json!({"Key": key, "Code": "PreconditionFailed", "Message": message}));
                continue;
            }
        }
        let asked = row["VersionId"].as_str();
        let (version, marker) = remove(cx, bucket, key, asked);
        let mut done = json!({"Key": key});
        if let Some(asked) = asked {
            done["VersionId"] = json!(asked);
        }
        if marker {
            done["DeleteMarker"] = json!(true);
            done["DeleteMarkerVersionId"] = json!(version);
        }
        deleted.push(done);
    }
    let mut out = json!({});
    if !quiet {
        out["Deleted"] = Value::Array(deleted);
    }
    if !errors.is_empty() {
        out["Errors"] = Value::Array(errors);
    }
    Ok(out.into())
}
