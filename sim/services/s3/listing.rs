//! Lists of keys and versions: prefixes, delimiters, pages.

use super::{Bucket, buckets, objects::Object};
use crate::clock::Dice;
use crate::error::AwsError;
use crate::world::{Cx, Input, Output};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

const PAGE: usize = 1_000;

fn max_keys(input: &Input, member: &str) -> Result<usize, AwsError> {
    match input.i64(member) {
        None => Ok(PAGE),
        Some(n) => usize::try_from(n).map(|n| n.min(PAGE)).map_err(|_| {
            AwsError::new(
                "InvalidArgument",
                format!("Argument {member} must be an integer between 0 and 2147483647"),
            )
            .status(400)
        }),
    }
}

/// The names in an answer, as the client wants them written.
struct Writer {
    url: bool,
}

impl Writer {
    fn of(input: &Input) -> Writer {
        Writer {
            url: input.str("EncodingType") == Some("url"),
        }
    }

    fn text(&self, text: &str) -> Value {
        if !self.url {
            return json!(text);
        }
        let mut out = String::with_capacity(text.len());
        for byte in text.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                    out.push(char::from(byte))
                }
                b' ' => out.push('+'),
                other => out.push_str(&format!("%{other:02X}")),
            }
        }
        json!(out)
    }

    /// The members that repeat what was asked.
    fn echo(&self, out: &mut Value, input: &Input, bucket: &Bucket) {
        out["Name"] = json!(bucket.name);
        out["Prefix"] = self.text(input.str("Prefix").unwrap_or_default());
        if let Some(delimiter) = input.str("Delimiter").filter(|d| !d.is_empty()) {
            out["Delimiter"] = self.text(delimiter);
        }
        if self.url {
            out["EncodingType"] = json!("url");
        }
    }
}

/// A place in a list: a key, or what stands for all keys of a prefix.
enum Place<'o> {
    Key(&'o str),
    Prefix(String),
}

impl Place<'_> {
    fn name(&self) -> &str {
        match self {
            Place::Key(key) => key,
            Place::Prefix(prefix) => prefix,
        }
    }
}

/// The places of a page after `after`, and whether there are more.
fn page<'o>(
    keys: impl Iterator<Item = &'o str>,
    input: &Input,
    after: &str,
    most: usize,
) -> (Vec<Place<'o>>, bool) {
    let prefix = input.str("Prefix").unwrap_or_default();
    let delimiter = input.str("Delimiter").filter(|d| !d.is_empty());
    let mut places: Vec<Place<'o>> = Vec::new();
    for key in keys.filter(|k| k.starts_with(prefix)) {
        let folded = delimiter.and_then(|d| {
            let rest = &key[prefix.len()..];
            rest.find(d)
                .map(|at| key[..prefix.len() + at + d.len()].to_owned())
        });
        let place = match folded {
            Some(common) => {
                // A page that ended with this prefix has spoken for all its keys.
                if common.as_str() <= after
                    || matches!(places.last(), Some(Place::Prefix(last)) if *last == common)
                {
                    continue;
                }
                Place::Prefix(common)
            }
            None if key <= after => continue,
            None => Place::Key(key),
        };
        if places.len() == most {
            return (places, most > 0);
        }
        places.push(place);
    }
    (places, false)
}

fn row(writer: &Writer, object: &Object) -> Value {
    let algorithms: Vec<String> = object
        .checksums
        .keys()
        .map(|a| a.to_ascii_uppercase())
        .collect();
    json!({
        "Key": writer.text(&object.key),
        "LastModified": object.modified,
        "ETag": format!("\"{}\"", object.etag),
        "ChecksumAlgorithm": algorithms,
        "ChecksumType": object.checksum_type,
        "Size": object.body.len(),
        "StorageClass": object.storage_class,
    })
}

/// The current objects of a bucket by key.
fn current<'c>(cx: &'c Cx<'_>, bucket: &Bucket) -> impl Iterator<Item = &'c Object> {
    let table = cx.world.s3.objects.get(&bucket.name);
    table
        .into_iter()
        .flat_map(|t| t.iter())
        .filter_map(|(_, versions)| versions.current())
}

/// Fills in contents and common prefixes of a page.
fn fill(
    cx: &Cx<'_>,
    bucket: &Bucket,
    writer: &Writer,
    places: &[Place<'_>],
    owner: bool,
    out: &mut Value,
) {
    let (mut contents, mut prefixes) = (Vec::new(), Vec::new());
    for place in places {
        match place {
            Place::Prefix(prefix) => prefixes.push(json!({"Prefix": writer.text(prefix)})),
            Place::Key(key) => {
                if let Some(object) = super::object(cx.world, &bucket.name, key) {
                    let mut row = row(writer, object);
                    if owner {
                        row["Owner"] = buckets::owner_json(&bucket.owner);
                    }
                    contents.push(row);
                }
            }
        }
    }
    out["Contents"] = Value::Array(contents);
    out["CommonPrefixes"] = Value::Array(prefixes);
}

pub(super) fn objects(cx: &mut Cx<'_>, input: &Input, bucket: &Bucket) -> Result<Output, AwsError> {
    let (most, writer) = (max_keys(input, "MaxKeys")?, Writer::of(input));
    let marker = input.str("Marker").unwrap_or_default();
    let (places, more) = page(
        current(cx, bucket).map(|o| o.key.as_str()),
        input,
        marker,
        most,
    );
    let mut out = json!({"IsTruncated": more, "MaxKeys": most, "Marker": writer.text(marker)});
    writer.echo(&mut out, input, bucket);
    fill(cx, bucket, &writer, &places, true, &mut out);
    // Without a delimiter a client goes on from the last key that it got.
    if let (true, Some(last), true) = (more, places.last(), input.str("Delimiter").is_some()) {
        out["NextMarker"] = writer.text(last.name());
    }
    Ok(out.into())
}

/// A token for the place after a name: it is good for its bucket, and nobody makes one up.
fn sealed(bucket: &str, name: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{:016x}{name}", seal(bucket, name)))
}

fn opened(bucket: &str, token: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (given, name) = text.split_at_checked(16)?;
    let given = u64::from_str_radix(given, 16).ok()?;
    (given == seal(bucket, name)).then(|| name.to_owned())
}

fn seal(bucket: &str, name: &str) -> u64 {
    Dice(0).hash(&["continuation", bucket, name], 0)
}

pub(super) fn objects_v2(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    let (most, writer) = (max_keys(input, "MaxKeys")?, Writer::of(input));
    let start = input.str("StartAfter").unwrap_or_default();
    let after = match input.str("ContinuationToken") {
        Some(token) => opened(&bucket.name, token).ok_or_else(|| {
            AwsError::new(
                "InvalidArgument",
                "The continuation token provided is incorrect",
            )
            .status(400)
        })?,
        None => start.to_owned(),
    };
    let (places, more) = page(
        current(cx, bucket).map(|o| o.key.as_str()),
        input,
        &after,
        most,
    );
    let mut out = json!({"IsTruncated": more, "MaxKeys": most, "KeyCount": places.len()});
    writer.echo(&mut out, input, bucket);
    fill(
        cx,
        bucket,
        &writer,
        &places,
        input.bool("FetchOwner") == Some(true),
        &mut out,
    );
    if let Some(token) = input.str("ContinuationToken") {
        out["ContinuationToken"] = json!(token);
    }
    if !start.is_empty() {
        out["StartAfter"] = writer.text(start);
    }
    if let (true, Some(last)) = (more, places.last()) {
        out["NextContinuationToken"] = json!(sealed(&bucket.name, last.name()));
    }
    Ok(out.into())
}

pub(super) fn versions(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    let (most, writer) = (max_keys(input, "MaxKeys")?, Writer::of(input));
    let (key_marker, version_marker) = (
        input.str("KeyMarker").unwrap_or_default(),
        input.str("VersionIdMarker"),
    );
    if version_marker.is_some_and(|v| !v.is_empty()) && key_marker.is_empty() {
        let message = "A version-id marker cannot be specified without a key marker.";
        return Err(AwsError::new("InvalidArgument", message).status(400));
    }
    let table = cx.world.s3.objects.get(&bucket.name);
    let prefix = input.str("Prefix").unwrap_or_default();
    let delimiter = input.str("Delimiter").filter(|d| !d.is_empty());
    let (mut rows, mut markers, mut prefixes) = (Vec::new(), Vec::new(), Vec::new());
    let mut next: Option<(String, Option<String>)> = None;
    let mut truncated = false;
    'keys: for (key, versions) in table
        .into_iter()
        .flat_map(|t| t.iter())
        .filter(|(k, _)| k.starts_with(prefix))
    {
        let folded = delimiter.and_then(|d| {
            key[prefix.len()..]
                .find(d)
                .map(|at| &key[..prefix.len() + at + d.len()])
        });
        let count = rows.len() + markers.len() + prefixes.len();
        if let Some(common) = folded {
            if common <= key_marker || prefixes.last().is_some_and(|p: &String| p == common) {
                continue;
            }
            if count == most {
                truncated = true;
                break;
            }
            prefixes.push(common.to_owned());
            next = Some((common.to_owned(), None));
            continue;
        }
        if key < key_marker || (key == key_marker && version_marker.is_none()) {
            continue;
        }
        // In the marker's own key, the list goes on behind the marker's version.
        let mut skipping = key == key_marker;
        for (n, object) in versions.0.iter().enumerate() {
            if skipping {
                skipping = Some(object.version.as_str()) != version_marker;
                continue;
            }
            if rows.len() + markers.len() + prefixes.len() == most {
                truncated = true;
                break 'keys;
            }
            let mut row = if object.deleted {
                json!({"Key": writer.text(key), "LastModified": object.modified})
            } else {
                row(&writer, object)
            };
            row["VersionId"] = json!(object.version);
            row["IsLatest"] = json!(n == 0);
            row["Owner"] = buckets::owner_json(&bucket.owner);
            if object.deleted {
                markers.push(row)
            } else {
                rows.push(row)
            }
            next = Some((key.to_owned(), Some(object.version.clone())));
        }
    }
    let mut out = json!({
        "IsTruncated": truncated,
        "MaxKeys": most,
        "KeyMarker": writer.text(key_marker),
        "VersionIdMarker": version_marker.unwrap_or_default(),
        "Versions": rows,
        "DeleteMarkers": markers,
        "CommonPrefixes": prefixes.iter().map(|p| json!({"Prefix": writer.text(p)})).collect::<Vec<_>>(),
    });
    writer.echo(&mut out, input, bucket);
    if let (true, Some((key, version))) = (truncated, next) {
        out["NextKeyMarker"] = writer.text(&key);
        if let Some(version) = version {
            out["NextVersionIdMarker"] = json!(version);
        }
    }
    Ok(out.into())
}
