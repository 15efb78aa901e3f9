//! Objects: how they are put, read, copied and deleted, with their conditions, versions and checksums.

use super::{Bucket, buckets, replication};
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

fn quoted(etag: &str) -> String {
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

fn precondition(condition: &str) -> AwsError {
    AwsError::new(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    )
    .status(412)
    .field("Condition", condition)
}

fn same_tag(given: &str, etag: &str) -> bool {
    given
        .split(',')
        .map(|g| g.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|g| g == "*" || g == etag)
}

/// The conditions of a write on what is there now.
pub(super) fn check_write(
    cx: &Cx<'_>,
    input: &Input,
    bucket: &Bucket,
    key: &str,
) -> Result<(), AwsError> {
    let current = super::object(cx.world, &bucket.name, key);
    if let Some(given) = input.str("IfNoneMatch") {
        if given != "*" {
            let message = "A header you provided implies functionality that is not implemented";
            return Err(AwsError::new("NotImplemented", message)
                .status(501)
                .field("Header", "If-None-Match"));
        }
        if current.is_some() {
            return Err(precondition("If-None-Match"));
        }
    }
    if let Some(given) = input.str("IfMatch") {
        match current {
            None => return Err(no_such_key(key)),
            Some(object) if !same_tag(given, &object.etag) => return Err(precondition("If-Match")),
            Some(_) => {}
        }
    }
    Ok(())
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
    let encryption = buckets::encryption(cx, input, bucket)?;
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

/// Tags as the header writes them: a query string.
fn header_tags(text: &str) -> Result<Vec<(String, String)>, AwsError> {
    let pairs = text
        .split('&')
        .filter(|p| !p.is_empty())
        .map(|p| p.split_once('=').unwrap_or((p, "")));
    let rows: Vec<Value> = pairs
        .map(|(k, v)| json!({"Key": decode(k), "Value": decode(v)}))
        .collect();
    buckets::read_tags(&rows, 10)
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

fn put_checksums(out: &mut Value, object: &Object) {
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

fn find<'c>(
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

/// What the conditions of a read come to: go on, or nothing new.
fn check_read(given: &dyn Fn(&str) -> Option<Value>, object: &Object) -> Result<bool, AwsError> {
    let text = |member: &str| given(member).and_then(|v| v.as_str().map(str::to_owned));
    let time = |member: &str| given(member).and_then(|v| v.as_f64());
    if let Some(tags) = text("IfMatch") {
        if !same_tag(&tags, &object.etag) {
            return Err(precondition("If-Match"));
        }
    } else if time("IfUnmodifiedSince").is_some_and(|t| object.modified > t) {
        return Err(precondition("If-Unmodified-Since"));
    }
    if let Some(tags) = text("IfNoneMatch") {
        return Ok(!same_tag(&tags, &object.etag));
    }
    Ok(time("IfModifiedSince").is_none_or(|t| object.modified > t))
}

/// The first byte and the one after the last, of a range of a body.
fn bounds(range: &str, size: usize) -> Result<Option<(usize, usize)>, AwsError> {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|r| r.split_once('-')) else {
        return Ok(None);
    };
    let unsatisfiable = || {
        AwsError::new("InvalidRange", "The requested range is not satisfiable")
            .status(416)
            .field("RangeRequested", range)
            .field("ActualObjectSize", size as u64)
    };
    let read = |text: &str| text.parse::<usize>().ok();
    let (first, end) = match (read(first), read(last)) {
        (None, Some(n)) if first.is_empty() => (size.saturating_sub(n), size),
        (Some(a), None) if last.is_empty() => (a, size),
        (Some(a), Some(b)) if a <= b => (a, size.min(b.saturating_add(1))),
        _ => return Ok(None),
    };
    if first >= size || first >= end {
        return Err(unsatisfiable());
    }
    Ok(Some((first, end)))
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

fn part_bounds(object: &Object, number: i64) -> Result<(usize, usize), AwsError> {
    let sizes = if object.parts.is_empty() {
        vec![object.body.len()]
    } else {
        object.parts.clone()
    };
    let at = usize::try_from(number - 1)
        .ok()
        .filter(|n| *n < sizes.len())
        .ok_or_else(|| {
            AwsError::new(
                "InvalidPartNumber",
                "The requested partnumber is not satisfiable",
            )
            .status(416)
        })?;
    let first: usize = sizes[..at].iter().sum();
    Ok((first, first + sizes[at]))
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

/// Deletes a key or one of its versions. Answers the version and whether it is, or was, a marker.
fn remove(
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

fn change_tags(
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

fn of_version(bucket: &Bucket, version: &str) -> Value {
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
