//! Objects: how they are put, read, copied and deleted, with their conditions, versions and checksums.

use super::conditions::{bounds, check_read, check_write, part_bounds};
use super::object_tags::header_tags;
use super::{Bucket, buckets, replication, settings};
use crate::error::AwsError;
use crate::protocol::body::checksum;
use crate::world::{Cx, Input, Output};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use md5::{Digest, Md5};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One version of an object, or a marker that it was deleted.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Object {
    pub key: String,
    pub body: Bytes,
    /// Without quotation marks.
    pub etag: String,
    /// Unix seconds.
    pub modified: f64,
    /// `null` for what was put while the bucket was not versioned.
    pub version: String,
    /// Nothing but a marker.
    pub deleted: bool,
    pub content_type: String,
    pub metadata: BTreeMap<String, String>,
    /// Further headers, by their member names (`CacheControl` …).
    pub(super) headers: BTreeMap<String, Value>,
    pub(super) storage_class: String,
    pub(super) tags: Vec<(String, String)>,
    /// `ServerSideEncryption` and its key.
    pub(super) encryption: Value,
    /// By algorithm, in lower case.
    pub(super) checksums: BTreeMap<String, String>,
    pub(super) checksum_type: &'static str,
    /// The sizes of the parts of which it was put together.
    pub(super) parts: Vec<usize>,
    /// `PENDING`, `COMPLETED`, `FAILED` or `REPLICA`.
    pub(super) replication: Option<&'static str>,
}

/// All versions of a key, the newest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Versions(pub Vec<Object>);

impl Versions {
    /// What a reader without a version id gets.
    pub fn current(&self) -> Option<&Object> {
        self.0.first().filter(|o| !o.deleted)
    }
}

pub(super) const ALGORITHMS: [(&str, &str); 5] = [
    ("crc32", "ChecksumCRC32"),
    ("crc32c", "ChecksumCRC32C"),
    ("crc64nvme", "ChecksumCRC64NVME"),
    ("sha1", "ChecksumSHA1"),
    ("sha256", "ChecksumSHA256"),
];

const HEADERS: [&str; 6] = [
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "Expires",
    "WebsiteRedirectLocation",
];

const CLASSES: [&str; 8] = [
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
];

pub(super) fn hex_md5(bytes: &[u8]) -> String {
    Md5::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

pub(super) fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// The bytes of a request's payload, whichever door it came through.
pub(super) fn payload(input: &Input) -> Bytes {
    match input.str("Body") {
        Some(blob) => STANDARD.decode(blob).unwrap_or_default().into(),
        None => input.body.clone(),
    }
}

pub(super) fn invalid(message: &str) -> AwsError {
    AwsError::new("InvalidArgument", message).status(400)
}

pub(super) fn no_such_key(key: &str) -> AwsError {
    AwsError::new("NoSuchKey", "The specified key does not exist.")
        .status(404)
        .field("Key", key)
}

/// What a request says of the object that it makes, without its bytes.
pub(super) fn template(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<Object, AwsError> {
    let key = input.str("Key").unwrap_or_default().to_owned();
    if key.len() > 1_024 {
        return Err(AwsError::new("KeyTooLongError", "Your key is too long").status(400));
    }
    if input.has("SSECustomerAlgorithm") || input.has("SSECustomerKey") {
        return Err(AwsError::not_simulated(
            "s3",
            "encryption with customer-provided keys",
        ));
    }
    if input
        .str("ACL")
        .is_some_and(|acl| !matches!(acl, "private" | "bucket-owner-full-control"))
    {
        return Err(buckets::acl_unsupported());
    }
    let storage_class = input.str("StorageClass").unwrap_or("STANDARD").to_owned();
    if !CLASSES.contains(&storage_class.as_str()) {
        return Err(AwsError::new(
            "InvalidStorageClass",
            "The storage class you specified is not valid",
        )
        .status(400));
    }
    let metadata: BTreeMap<String, String> = input.value["Metadata"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| {
            (
                k.to_ascii_lowercase(),
                v.as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    if metadata
        .iter()
        .map(|(k, v)| k.len() + v.len())
        .sum::<usize>()
        > 2_048
    {
        let message = "Your metadata headers exceed the maximum allowed metadata size";
        return Err(AwsError::new("MetadataTooLarge", message)
            .status(400)
            .field("MaxSizeAllowed", 2_048));
    }
    let given = HEADERS.iter().filter_map(|h| {
        Some((
            (*h).to_owned(),
            input.value.get(*h).filter(|v| !v.is_null())?.clone(),
        ))
    });
    let encryption = settings::encryption(cx, input, bucket)?;
    Ok(Object {
        key,
        modified: cx.unix_now().floor(),
        content_type: input
            .str("ContentType")
            .unwrap_or("binary/octet-stream")
            .to_owned(),
        metadata,
        headers: given.collect(),
        storage_class,
        tags: header_tags(input.str("Tagging").unwrap_or_default())?,
        encryption,
        ..Object::default()
    })
}

/// Percent-decoding, with `+` for a space.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten();
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The checksums that a request names or asks for; S3 keeps one of its own choice otherwise.
pub(super) fn checksums(input: &Input, body: &[u8]) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for (algorithm, member) in ALGORITHMS {
        if let Some(given) = input.str(member) {
            out.insert(algorithm.to_owned(), given.to_owned());
        }
    }
    let asked = input.str("ChecksumAlgorithm").map(str::to_ascii_lowercase);
    if let (true, Some(algorithm)) = (out.is_empty(), asked)
        && let Some(value) = checksum(&algorithm, body)
    {
        out.insert(algorithm, value);
    }
    if out.is_empty()
        && let Some(value) = checksum("crc64nvme", body)
    {
        out.insert("crc64nvme".to_owned(), value);
    }
    out
}

pub(super) fn put_checksums(out: &mut Value, object: &Object) {
    for (algorithm, member) in ALGORITHMS {
        if let Some(value) = object.checksums.get(algorithm) {
            out[member] = json!(value);
        }
    }
    if !object.checksums.is_empty() {
        out["ChecksumType"] = json!(object.checksum_type);
    }
}

/// Puts a version in its place, and sends it on. Answers its version id, if the bucket has ever been versioned.
pub(super) fn keep(cx: &mut Cx<'_>, bucket: &Bucket, mut object: Object) -> Option<String> {
    object.version = if bucket.versioned() {
        cx.hex("s3-version", 32)
    } else {
        "null".to_owned()
    };
    let version = object.version.clone();
    if !object.deleted {
        object.replication = replication::begins(cx, bucket, &object);
    }
    insert(cx, &bucket.name, object);
    bucket.versioning.is_some().then_some(version)
}

/// Puts a version before the others of its key; of those without an id there is at most one.
pub(super) fn insert(cx: &mut Cx<'_>, bucket: &str, object: Object) {
    let now = cx.now();
    insert_at(&mut cx.world.s3, now, bucket, object);
}

pub(super) fn insert_at(state: &mut super::State, now: u64, bucket: &str, object: Object) {
    let Some(table) = state.objects.get_mut(bucket) else {
        return;
    };
    let key = object.key.clone();
    let mut versions = table.get(&key).cloned().unwrap_or_default();
    versions.0.retain(|o| o.version != object.version);
    versions.0.insert(0, object);
    table.put(key, versions, now);
}

pub(super) fn put(cx: &mut Cx<'_>, input: &Input, bucket: &Bucket) -> Result<Output, AwsError> {
    let mut object = template(cx, input, bucket)?;
    check_write(cx, input, bucket, &object.key)?;
    object.body = payload(input);
    object.etag = hex_md5(&object.body);
    object.checksums = checksums(input, &object.body);
    object.checksum_type = "FULL_OBJECT";
    let mut out = object.encryption.clone();
    out["ETag"] = json!(quoted(&object.etag));
    put_checksums(&mut out, &object);
    if let Some(version) = keep(cx, bucket, object) {
        out["VersionId"] = json!(version);
    }
    Ok(out.into())
}

/// The version that a read names, or the current one.
pub(super) fn existing<'c>(
    cx: &'c Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<&'c Object, AwsError> {
    let key = input.str("Key").unwrap_or_default();
    find(cx, &bucket.name, key, input.str("VersionId"))
}

pub(super) fn find<'c>(
    cx: &'c Cx<'_>,
    bucket: &str,
    key: &str,
    version: Option<&str>,
) -> Result<&'c Object, AwsError> {
    let versions = cx.world.s3.objects.get(bucket).and_then(|t| t.get(key));
    let Some(wanted) = version else {
        return match versions.and_then(|v| v.0.first()) {
            Some(object) if object.deleted => Err(no_such_key(key)
                .field("x-amz-delete-marker", "true")
                .field("x-amz-version-id", object.version.as_str())),
            Some(object) => Ok(object),
            None => Err(no_such_key(key)),
        };
    };
    let found = versions
        .and_then(|v| v.0.iter().find(|o| o.version == wanted))
        .ok_or_else(|| {
            AwsError::new("NoSuchVersion", "The specified version does not exist.")
                .status(404)
                .field("Key", key)
                .field("VersionId", wanted)
        })?;
    if found.deleted {
        let message = "The specified method is not allowed against this resource.";
        return Err(AwsError::new("MethodNotAllowed", message)
            .status(405)
            .field("x-amz-delete-marker", "true"));
    }
    Ok(found)
}

pub(super) fn get(
    cx: &mut Cx<'_>,
    operation: &str,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    let object = existing(cx, input, bucket)?.clone();
    let mut out = described(&object);
    if bucket.versioning.is_some() {
        out["VersionId"] = json!(object.version);
    }
    if !check_read(&|member| input.value.get(member).cloned(), &object)? {
        let kept = [
            "ETag",
            "LastModified",
            "VersionId",
            "CacheControl",
            "Expires",
        ];
        if let Some(members) = out.as_object_mut() {
            members.retain(|name, _| kept.contains(&name.as_str()));
        }
        return Ok(Output {
            value: out,
            body: Some(Bytes::new()),
            status: Some(304),
            ..Output::default()
        });
    }
    if operation == "GetObject"
        && matches!(object.storage_class.as_str(), "GLACIER" | "DEEP_ARCHIVE")
    {
        let message = "The operation is not valid for the object's storage class";
        return Err(AwsError::new("InvalidObjectState", message)
            .status(403)
            .field("StorageClass", object.storage_class));
    }
    for (member, target) in [
        ("ResponseContentType", "ContentType"),
        ("ResponseCacheControl", "CacheControl"),
        ("ResponseContentDisposition", "ContentDisposition"),
        ("ResponseContentEncoding", "ContentEncoding"),
        ("ResponseContentLanguage", "ContentLanguage"),
    ] {
        if let Some(text) = input.str(member) {
            out[target] = json!(text);
        }
    }
    if input.str("ChecksumMode") == Some("ENABLED") {
        put_checksums(&mut out, &object);
    }
    let size = object.body.len();
    let part = match input.i64("PartNumber") {
        Some(number) => Some(part_bounds(&object, number)?),
        None => None,
    };
    let range = match (input.str("Range"), part) {
        (_, Some(part)) => Some(part),
        (Some(range), None) => bounds(range, size)?,
        (None, None) => None,
    };
    let mut status = None;
    let body = match range {
        Some((first, end)) => {
            out["ContentRange"] = json!(format!("bytes {first}-{}/{size}", end.saturating_sub(1)));
            status = Some(206);
            // A checksum is of the whole.
            if let Some(members) = out.as_object_mut() {
                members.retain(|name, _| !name.starts_with("Checksum"));
            }
            object.body.slice(first..end)
        }
        None => object.body.clone(),
    };
    if part.is_some() {
        out["PartsCount"] = json!(object.parts.len().max(1));
    }
    out["ContentLength"] = json!(body.len());
    let body = if operation == "HeadObject" {
        Bytes::new()
    } else {
        body
    };
    Ok(Output {
        value: out,
        body: Some(body),
        status,
        ..Output::default()
    })
}

/// The members that both a read and a look at the headers answer.
fn described(object: &Object) -> Value {
    let mut out = object.encryption.clone();
    out["AcceptRanges"] = json!("bytes");
    out["LastModified"] = json!(object.modified);
    out["ETag"] = json!(quoted(&object.etag));
    out["ContentType"] = json!(object.content_type);
    let metadata: Map<String, Value> = object
        .metadata
        .iter()
        .map(|(k, v)| (k.clone(), json!(v)))
        .collect();
    out["Metadata"] = Value::Object(metadata);
    for (member, value) in &object.headers {
        out[member.as_str()] = value.clone();
    }
    if object.storage_class != "STANDARD" {
        out["StorageClass"] = json!(object.storage_class);
    }
    if !object.tags.is_empty() {
        out["TagCount"] = json!(object.tags.len());
    }
    if let Some(status) = object.replication {
        out["ReplicationStatus"] = json!(status);
    }
    out
}

pub(super) fn attributes(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    let object = existing(cx, input, bucket)?;
    let wanted: Vec<String> = match input.value.get("ObjectAttributes") {
        // One header with all of them, or one header each.
        Some(Value::String(text)) => text.split(',').map(|t| t.trim().to_owned()).collect(),
        _ => input
            .strings("ObjectAttributes")
            .iter()
            .flat_map(|t| t.split(','))
            .map(|t| t.trim().to_owned())
            .collect(),
    };
    let mut out = json!({"LastModified": object.modified});
    if bucket.versioning.is_some() {
        out["VersionId"] = json!(object.version);
    }
    for name in wanted {
        match name.as_str() {
            "ETag" => out["ETag"] = json!(object.etag),
            "ObjectSize" => out["ObjectSize"] = json!(object.body.len()),
            "StorageClass" => out["StorageClass"] = json!(object.storage_class),
            "Checksum" => {
                let mut all = json!({});
                put_checksums(&mut all, object);
                out["Checksum"] = all;
            }
            "ObjectParts" if !object.parts.is_empty() => {
                out["ObjectParts"] = json!({"TotalPartsCount": object.parts.len()});
            }
            _ => {}
        }
    }
    Ok(out.into())
}
