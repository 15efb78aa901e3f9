//! Copies, also across regions.

use super::Bucket;
use super::conditions::{check_read, check_write, precondition};
use super::objects::{
    Object, checksums, decode, find, hex_md5, invalid, keep, put_checksums, quoted, template,
};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output};
use serde_json::json;

/// The parts of `bucket/key?versionId=v`, perhaps with a slash before it, percent-encoded.
pub(super) fn copy_source(text: &str) -> Option<(String, String, Option<String>)> {
    let (path, version) = match text.split_once("?versionId=") {
        Some((path, version)) => (path, Some(decode(version))),
        None => (text, None),
    };
    let path = decode(&path.replace('+', "%2B"));
    let (bucket, key) = path.trim_start_matches('/').split_once('/')?;
    Some((bucket.to_owned(), key.to_owned(), version))
}

/// The object that a copy reads, of whichever region, and its bucket.
pub(super) fn source(cx: &Cx<'_>, input: &Input) -> Result<(Bucket, Object), AwsError> {
    let bad = || invalid("Invalid copy source object key");
    let (name, key, version) = input
        .str("CopySource")
        .and_then(copy_source)
        .ok_or_else(bad)?;
    let bucket = cx
        .world
        .s3
        .buckets
        .get(&name)
        .cloned()
        .ok_or_else(|| super::no_such_bucket(&name))?;
    if input
        .str("ExpectedSourceBucketOwner")
        .is_some_and(|owner| owner != bucket.owner)
    {
        return Err(super::access::denied());
    }
    let mut asked = json!({"Bucket": name, "Key": key});
    if let Some(version) = &version {
        asked["VersionId"] = json!(version);
    }
    let asked = Input {
        value: asked,
        ..Input::default()
    };
    super::access::admit(cx, "GetObject", &asked, &bucket)?;
    let object = find(cx, &name, &key, version.as_deref())?.clone();
    let given = |member: &str| {
        input
            .value
            .get(format!("CopySource{member}").as_str())
            .cloned()
    };
    if !check_read(&given, &object)? {
        return Err(precondition("x-amz-copy-source-If-None-Match"));
    }
    Ok((bucket, object))
}

pub(super) fn copy(cx: &mut Cx<'_>, input: &Input, bucket: &Bucket) -> Result<Output, AwsError> {
    let (from, old) = source(cx, input)?;
    let mut object = template(cx, input, bucket)?;
    check_write(cx, input, bucket, &object.key)?;
    let replaces = input.str("MetadataDirective") == Some("REPLACE");
    let changes = replaces
        || input.has("StorageClass")
        || input.has("ServerSideEncryption")
        || input.has("WebsiteRedirectLocation")
        || input.str("TaggingDirective") == Some("REPLACE")
        || input.value["CopySource"]
            .as_str()
            .is_some_and(|s| s.contains("?versionId="));
    if from.name == bucket.name && old.key == object.key && !changes {
        let message = "This copy request is illegal because it is trying to copy an object to itself without changing the \
                       object's metadata, storage class, website redirect location or encryption attributes.";
        return Err(AwsError::new("InvalidRequest", message).status(400));
    }
    if matches!(old.storage_class.as_str(), "GLACIER" | "DEEP_ARCHIVE") {
        let message = "The source object of the COPY action is not in the active tier";
        return Err(AwsError::new("ObjectNotInActiveTierError", message).status(403));
    }
    if !replaces {
        object.metadata = old.metadata.clone();
        object.content_type = old.content_type.clone();
        let kept = old
            .headers
            .iter()
            .filter(|(name, _)| *name != "WebsiteRedirectLocation");
        object
            .headers
            .extend(kept.map(|(n, v)| (n.clone(), v.clone())));
    }
    if input.str("TaggingDirective") != Some("REPLACE") {
        object.tags = old.tags.clone();
    }
    // A copy is one object, however many parts its source had: its tag is that of its bytes.
    object.etag = hex_md5(&old.body);
    object.body = old.body.clone();
    object.checksums = match input.str("ChecksumAlgorithm") {
        None if old.checksum_type == "FULL_OBJECT" => old.checksums.clone(),
        _ => checksums(input, &object.body),
    };
    object.checksum_type = "FULL_OBJECT";
    let mut result = json!({"ETag": quoted(&object.etag), "LastModified": object.modified});
    put_checksums(&mut result, &object);
    let mut out = object.encryption.clone();
    out["CopyObjectResult"] = result;
    if from.versioning.is_some() {
        out["CopySourceVersionId"] = json!(old.version);
    }
    if let Some(version) = keep(cx, bucket, object) {
        out["VersionId"] = json!(version);
    }
    Ok(out.into())
}
