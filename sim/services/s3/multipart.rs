//! Uploads in parts.

use super::objects::{self, ALGORITHMS, Object};
use super::{Bucket, buckets};
use crate::error::AwsError;
use crate::protocol::body::checksum;
use crate::world::{Cx, Input, Output};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SMALLEST_PART: usize = 5 * 1024 * 1024;

/// An upload that is not complete.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub bucket: String,
    /// What the object will be, without its bytes.
    object: Object,
    initiated: f64,
    /// In lower case; none: S3's own choice.
    algorithm: Option<String>,
    composite: bool,
    parts: BTreeMap<i64, Part>,
}

#[derive(Clone, Debug)]
struct Part {
    body: Bytes,
    etag: String,
    modified: f64,
    checksums: BTreeMap<String, String>,
}

impl Part {
    fn json(&self, number: i64) -> Value {
        let mut out = json!({
            "PartNumber": number,
            "LastModified": self.modified,
            "ETag": format!("\"{}\"", self.etag),
            "Size": self.body.len(),
        });
        self.put_checksums(&mut out);
        out
    }

    fn put_checksums(&self, out: &mut Value) {
        for (algorithm, member) in ALGORITHMS {
            if let Some(value) = self.checksums.get(algorithm) {
                out[member] = json!(value);
            }
        }
    }
}

fn find(cx: &Cx<'_>, input: &Input, bucket: &Bucket) -> Result<(String, Upload), AwsError> {
    let id = input.str("UploadId").unwrap_or_default();
    let found = cx.world.s3.uploads.get(id);
    let ours = found
        .filter(|u| u.bucket == bucket.name && Some(u.object.key.as_str()) == input.str("Key"));
    ours.map(|u| (id.to_owned(), u.clone())).ok_or_else(|| {
        let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
                       aborted or completed.";
        AwsError::new("NoSuchUpload", message).status(404).field("UploadId", id)
    })
}

pub(super) fn create(cx: &mut Cx<'_>, input: &Input, bucket: &Bucket) -> Result<Output, AwsError> {
    let object = objects::template(cx, input, bucket)?;
    let algorithm = input.str("ChecksumAlgorithm").map(str::to_ascii_lowercase);
    let full = match (algorithm.as_deref(), input.str("ChecksumType")) {
        (Some("sha1" | "sha256"), Some("FULL_OBJECT")) => {
            let message = "The FULL_OBJECT checksum type cannot be used with the sha1 and sha256 checksum algorithms.";
            return Err(AwsError::new("InvalidRequest", message).status(400));
        }
        (Some("crc64nvme") | None, Some("COMPOSITE")) => {
            let message =
                "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.";
            return Err(AwsError::new("InvalidRequest", message).status(400));
        }
        (_, Some("FULL_OBJECT")) | (Some("crc64nvme") | None, None) => true,
        _ => false,
    };
    let id = cx.hex("s3-upload", 32);
    let mut out = object.encryption.clone();
    out["Bucket"] = json!(bucket.name);
    out["Key"] = json!(object.key);
    out["UploadId"] = json!(id);
    if let Some(algorithm) = &algorithm {
        out["ChecksumAlgorithm"] = json!(algorithm.to_ascii_uppercase());
        out["ChecksumType"] = json!(if full { "FULL_OBJECT" } else { "COMPOSITE" });
    }
    let upload = Upload {
        bucket: bucket.name.clone(),
        initiated: cx.unix_now().floor(),
        object,
        algorithm,
        composite: !full,
        parts: BTreeMap::new(),
    };
    let now = cx.now();
    cx.world.s3.uploads.put(id, upload, now);
    Ok(out.into())
}

fn number(input: &Input) -> Result<i64, AwsError> {
    let number = input.i64("PartNumber").unwrap_or_default();
    if (1..=10_000).contains(&number) {
        return Ok(number);
    }
    Err(objects::invalid(
        "Part number must be an integer between 1 and 10000, inclusive",
    ))
}

fn add(cx: &mut Cx<'_>, input: &Input, bucket: &Bucket, body: Bytes) -> Result<Part, AwsError> {
    let number = number(input)?;
    let (id, upload) = find(cx, input, bucket)?;
    let mut checksums = BTreeMap::new();
    if let Some(algorithm) = &upload.algorithm
        && let Some(value) = checksum(algorithm, &body)
    {
        checksums.insert(algorithm.clone(), value);
    } else {
        for (algorithm, member) in ALGORITHMS {
            checksums.extend(
                input
                    .str(member)
                    .map(|v| (algorithm.to_owned(), v.to_owned())),
            );
        }
    }
    let part = Part {
        etag: objects::hex_md5(&body),
        body,
        modified: cx.unix_now().floor(),
        checksums,
    };
    let (now, kept) = (cx.now(), part.clone());
    cx.world.s3.uploads.change(&id, now, |u| {
        u.parts.insert(number, kept);
    });
    Ok(part)
}

pub(super) fn upload_part(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    let part = add(cx, input, bucket, objects::payload(input))?;
    let mut out = json!({"ETag": format!("\"{}\"", part.etag), "ServerSideEncryption": "AES256"});
    part.put_checksums(&mut out);
    Ok(out.into())
}

pub(super) fn copy_part(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    find(cx, input, bucket)?;
    let (from, old) = super::copies::source(cx, input)?;
    let body = match input.str("CopySourceRange") {
        Some(range) => {
            let size = old.body.len();
            let bounds = range.strip_prefix("bytes=").and_then(|r| r.split_once('-'));
            let bounds = bounds
                .and_then(|(a, b)| Some((a.parse::<usize>().ok()?, b.parse::<usize>().ok()?)));
            match bounds {
                Some((first, last)) if first <= last && last < size => old.body.slice(first..=last),
                _ => {
                    let message =
                        format!("Range specified is not valid for source object of size: {size}");
                    return Err(objects::invalid(&message));
                }
            }
        }
        None => old.body.clone(),
    };
    let part = add(cx, input, bucket, body)?;
    let mut result = json!({"ETag": format!("\"{}\"", part.etag), "LastModified": part.modified});
    part.put_checksums(&mut result);
    let mut out = json!({"CopyPartResult": result, "ServerSideEncryption": "AES256"});
    if from.versioning.is_some() {
        out["CopySourceVersionId"] = json!(old.version);
    }
    Ok(out.into())
}

pub(super) fn complete(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    let (id, upload) = find(cx, input, bucket)?;
    let wanted = input.value["MultipartUpload"]["Parts"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if wanted.is_empty() {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        return Err(AwsError::new("MalformedXML", message).status(400));
    }
    super::conditions::check_write(cx, input, bucket, &upload.object.key)?;
    let mut parts: Vec<&Part> = Vec::new();
    let mut before = 0;
    for part in &wanted {
        let number = part["PartNumber"].as_i64().unwrap_or_default();
        if number <= before {
            let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
            return Err(AwsError::new("InvalidPartOrder", message)
                .status(400)
                .field("UploadId", id));
        }
        before = number;
        let etag = part["ETag"].as_str().unwrap_or_default().trim_matches('"');
        let found = upload.parts.get(&number).filter(|p| {
            let sums = ALGORITHMS.iter().all(|(algorithm, member)| {
                match (part[*member].as_str(), p.checksums.get(*algorithm)) {
                    (Some(given), Some(kept)) => given == kept,
                    _ => true,
                }
            });
            p.etag == etag && sums
        });
        let missing = || {
            let message = "One or more of the specified parts could not be found.  The part may not have been uploaded, or \
                           the specified entity tag may not match the part's entity tag.";
            AwsError::new("InvalidPart", message)
                .status(400)
                .field("UploadId", id.as_str())
                .field("PartNumber", number)
                .field("ETag", etag)
        };
        parts.push(found.ok_or_else(missing)?);
    }
    for (n, part) in parts.iter().enumerate() {
        if n + 1 < parts.len() && part.body.len() < SMALLEST_PART {
            let message = "Your proposed upload is smaller than the minimum allowed size";
            return Err(AwsError::new("EntityTooSmall", message)
                .status(400)
                .field("ProposedSize", part.body.len() as u64)
                .field("MinSizeAllowed", SMALLEST_PART as u64)
                .field("PartNumber", n as u64 + 1)
                .field("ETag", part.etag.as_str()));
        }
    }
    let size: usize = parts.iter().map(|p| p.body.len()).sum();
    if input.i64("MpuObjectSize").is_some_and(|n| n != size as i64) {
        let message =
            "The provided 'x-amz-mp-object-size' header value does not match what was computed.";
        return Err(AwsError::new("InvalidRequest", message).status(400));
    }
    let mut body = Vec::with_capacity(size);
    let mut sums = Vec::new();
    for part in &parts {
        body.extend_from_slice(&part.body);
        sums.extend(hex_bytes(&part.etag));
    }
    let mut object = upload.object.clone();
    object.etag = format!("{}-{}", objects::hex_md5(&sums), parts.len());
    object.parts = parts.iter().map(|p| p.body.len()).collect();
    let algorithm = upload
        .algorithm
        .clone()
        .unwrap_or_else(|| "crc64nvme".to_owned());
    let whole = if upload.composite {
        let raw: Vec<u8> = parts
            .iter()
            .filter_map(|p| STANDARD.decode(p.checksums.get(&algorithm)?).ok())
            .flatten()
            .collect();
        checksum(&algorithm, &raw).map(|c| format!("{c}-{}", parts.len()))
    } else {
        checksum(&algorithm, &body)
    };
    let member = ALGORITHMS
        .iter()
        .find(|(a, _)| *a == algorithm)
        .map(|(_, m)| *m);
    if let (Some(given), Some(whole)) = (member.and_then(|m| input.str(m)), &whole)
        && given != whole
    {
        let message = format!(
            "The {} you specified did not match what we received.",
            algorithm.to_ascii_uppercase()
        );
        return Err(AwsError::new("BadDigest", message).status(400));
    }
    object.body = body.into();
    object.modified = cx.unix_now().floor();
    object.checksum_type = if upload.composite {
        "COMPOSITE"
    } else {
        "FULL_OBJECT"
    };
    object.checksums = whole.into_iter().map(|w| (algorithm.clone(), w)).collect();
    let mut out = object.encryption.clone();
    out["Location"] = json!(format!(
        "https://{}.s3.{}.amazonaws.com/{}",
        bucket.name, bucket.region, object.key
    ));
    out["Bucket"] = json!(bucket.name);
    out["Key"] = json!(object.key);
    out["ETag"] = json!(format!("\"{}\"", object.etag));
    if let (Some(member), Some(value)) = (member, object.checksums.get(&algorithm)) {
        out[member] = json!(value);
        out["ChecksumType"] = json!(object.checksum_type);
    }
    if let Some(version) = objects::keep(cx, bucket, object) {
        out["VersionId"] = json!(version);
    }
    let now = cx.now();
    cx.world.s3.uploads.remove(&id, now);
    Ok(out.into())
}

fn hex_bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2)
        .filter_map(|n| u8::from_str_radix(hex.get(2 * n..2 * n + 2)?, 16).ok())
        .collect()
}

pub(super) fn abort(cx: &mut Cx<'_>, input: &Input, bucket: &Bucket) -> Result<Output, AwsError> {
    let (id, _) = find(cx, input, bucket)?;
    let now = cx.now();
    cx.world.s3.uploads.remove(&id, now);
    Ok(json!({}).into())
}

pub(super) fn list_parts(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    let (id, upload) = find(cx, input, bucket)?;
    let most = input.i64("MaxParts").unwrap_or(1_000).clamp(0, 1_000) as usize;
    let marker = input.i64("PartNumberMarker").unwrap_or(0);
    let mut rest = upload.parts.range(marker + 1..);
    let page: Vec<(i64, Value)> = rest
        .by_ref()
        .take(most)
        .map(|(n, p)| (*n, p.json(*n)))
        .collect();
    let more = rest.next().is_some();
    let last = page.last().map_or(marker, |(n, _)| *n);
    let owner = buckets::owner_json(&bucket.owner);
    let mut out = json!({
        "Bucket": bucket.name,
        "Key": upload.object.key,
        "UploadId": id,
        "PartNumberMarker": marker,
        "NextPartNumberMarker": last,
        "MaxParts": most,
        "IsTruncated": more,
        "Parts": page.into_iter().map(|(_, p)| p).collect::<Vec<_>>(),
        "Initiator": owner,
        "Owner": owner,
        "StorageClass": upload.object.storage_class,
    });
    if let Some(algorithm) = &upload.algorithm {
        out["ChecksumAlgorithm"] = json!(algorithm.to_ascii_uppercase());
        out["ChecksumType"] = json!(if upload.composite {
            "COMPOSITE"
        } else {
            "FULL_OBJECT"
        });
    }
    Ok(out.into())
}

pub(super) fn list(cx: &mut Cx<'_>, input: &Input, bucket: &Bucket) -> Result<Output, AwsError> {
    let most = input.i64("MaxUploads").unwrap_or(1_000).clamp(0, 1_000) as usize;
    let prefix = input.str("Prefix").unwrap_or_default();
    let delimiter = input.str("Delimiter").filter(|d| !d.is_empty());
    let (key_marker, id_marker) = (
        input.str("KeyMarker").unwrap_or_default(),
        input.str("UploadIdMarker").unwrap_or_default(),
    );
    let mut all: Vec<(&str, &str, &Upload)> = cx
        .world
        .s3
        .uploads
        .iter()
        .filter(|(_, u)| u.bucket == bucket.name && u.object.key.starts_with(prefix))
        .map(|(id, u)| (u.object.key.as_str(), id, u))
        .collect();
    all.sort_by_key(|(key, id, _)| (*key, *id));
    let owner = buckets::owner_json(&bucket.owner);
    let (mut rows, mut prefixes): (Vec<Value>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut next, mut more) = (None, false);
    for (key, id, upload) in all {
        let seen =
            key < key_marker || (key == key_marker && (id_marker.is_empty() || id <= id_marker));
        if !key_marker.is_empty() && seen {
            continue;
        }
        let common = delimiter.and_then(|d| {
            key[prefix.len()..]
                .find(d)
                .map(|at| key[..prefix.len() + at + d.len()].to_owned())
        });
        if common.as_ref().is_some_and(|c| prefixes.last() == Some(c)) {
            continue;
        }
        if rows.len() + prefixes.len() == most {
            more = true;
            break;
        }
        next = Some((key, id));
        match common {
            Some(common) => prefixes.push(common),
            None => rows.push(json!({
                "UploadId": id,
                "Key": key,
                "Initiated": upload.initiated,
                "StorageClass": upload.object.storage_class,
                "Owner": owner,
                "Initiator": owner,
            })),
        }
    }
    let mut out = json!({
        "Bucket": bucket.name,
        "KeyMarker": key_marker,
        "UploadIdMarker": id_marker,
        "Prefix": prefix,
        "MaxUploads": most,
        "IsTruncated": more,
        "Uploads": rows,
        "CommonPrefixes": prefixes.iter().map(|p| json!({"Prefix": p})).collect::<Vec<_>>(),
    });
    if let Some(delimiter) = delimiter {
        out["Delimiter"] = json!(delimiter);
    }
    if let (true, Some((key, id))) = (more, next) {
        out["NextKeyMarker"] = json!(key);
        out["NextUploadIdMarker"] = json!(id);
    }
    Ok(out.into())
}
