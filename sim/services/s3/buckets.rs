//! Buckets: their life, and the settings that are stored as they are given.

use super::settings::default_encryption;
use super::{Bucket, no_such_bucket, objects};
use crate::error::AwsError;
use crate::table::Table;
use crate::world::{Cx, Input, Output};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const BUCKETS: usize = 10_000;

pub(super) fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (3..=63).contains(&name.len())
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !["xn--", "sthree-", "amzn-s3-demo-"]
            .iter()
            .any(|p| name.starts_with(p))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3"]
            .iter()
            .any(|s| name.ends_with(s))
}

fn canonical_id(account: &str) -> String {
    // Anything of the right length that belongs to the account alone.
    account
        .bytes()
        .cycle()
        .take(64)
        .enumerate()
        .map(|(n, b)| char::from(b"0123456789abcdef"[(n + usize::from(b)) % 16]))
        .collect()
}

pub(super) fn owner_json(account: &str) -> Value {
    json!({"ID": canonical_id(account)})
}

pub(super) fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let (prefix, region) = (
        input.str("Prefix").unwrap_or_default(),
        input.str("BucketRegion"),
    );
    let rows: Vec<Value> = cx
        .world
        .s3
        .buckets
        .iter()
        .map(|(_, b)| b)
        .filter(|b| {
            b.owner == cx.account_id()
                && b.name.starts_with(prefix)
                && region.is_none_or(|r| r == b.region)
        })
        .map(|b| {
            json!({
                "Name": b.name,
                "CreationDate": b.created,
                "BucketRegion": b.region,
                "BucketArn": format!("arn:aws:s3:::{}", b.name),
            })
        })
        .collect();
    let mut out = json!({"Buckets": rows, "Owner": owner_json(cx.account_id())});
    if !prefix.is_empty() {
        out["Prefix"] = json!(prefix);
    }
    Ok(out.into())
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() >= 3
        && parts
            .last()
            .is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()))
}

fn illegal_location(message: String) -> AwsError {
    AwsError::new("IllegalLocationConstraintException", message).status(400)
}

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let name = input.str("Bucket").unwrap_or_default().to_owned();
    if !is_name(&name) {
        return Err(
            AwsError::new("InvalidBucketName", "The specified bucket is not valid.")
                .status(400)
                .field("BucketName", name),
        );
    }
    let config = &input.value["CreateBucketConfiguration"];
    let asked = config["LocationConstraint"]
        .as_str()
        .filter(|c| !c.is_empty());
    let asked = asked.map(|c| if c == "EU" { "eu-west-1" } else { c });
    let region = match (cx.region.as_str(), asked) {
        ("us-east-1", None) => "us-east-1".to_owned(),
        ("us-east-1", Some("us-east-1")) => {
            let message = "The specified location-constraint is not valid";
            return Err(AwsError::new("InvalidLocationConstraint", message)
                .status(400)
                .field("LocationConstraint", "us-east-1"));
        }
        ("us-east-1", Some(other)) if !is_region(other) => {
            let message = "The specified location-constraint is not valid";
            return Err(AwsError::new("InvalidLocationConstraint", message)
                .status(400)
                .field("LocationConstraint", other));
        }
        ("us-east-1", Some(other)) => other.to_owned(),
        (_, None) => {
            return Err(illegal_location(
                "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to."
                    .into(),
            ));
        }
        (called, Some(other)) if called != other => {
            return Err(illegal_location(format!(
                "The {other} location constraint is incompatible for the region specific endpoint this request was sent to."
            )));
        }
        (called, Some(_)) => called.to_owned(),
    };
    if let Some(existing) = cx.world.s3.buckets.get(&name) {
        if existing.owner != cx.account_id() {
            let message = "The requested bucket name is not available. The bucket namespace is shared by all users of the \
                           system. Please select a different name and try again.";
            return Err(AwsError::new("BucketAlreadyExists", message)
                .status(409)
                .field("BucketName", name));
        }
        // In us-east-1 alone, making one's own bucket again succeeds.
        if cx.region == "us-east-1" && existing.region == "us-east-1" {
            return Ok(json!({"Location": format!("/{name}")}).into());
        }
        let message =
            "Your previous request to create the named bucket succeeded and you already own it.";
        return Err(AwsError::new("BucketAlreadyOwnedByYou", message)
            .status(409)
            .field("BucketName", name));
    }
    let owned = cx
        .world
        .s3
        .buckets
        .iter()
        .filter(|(_, b)| b.owner == cx.account_id())
        .count();
    if owned >= BUCKETS {
        return Err(AwsError::new(
            "TooManyBuckets",
            "You have attempted to create more buckets than allowed",
        )
        .status(400));
    }
    let ownership = input
        .str("ObjectOwnership")
        .unwrap_or("BucketOwnerEnforced");
    if input.str("ACL").is_some_and(|acl| acl != "private") && ownership == "BucketOwnerEnforced" {
        let message =
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
        return Err(AwsError::new("InvalidBucketAclWithObjectOwnership", message).status(400));
    }
    let mut settings = BTreeMap::new();
    settings.insert(
        "OwnershipControls",
        json!({"Rules": [{"ObjectOwnership": ownership}]}),
    );
    settings.insert(
        "PublicAccessBlockConfiguration",
        json!({
            "BlockPublicAcls": true,
            "IgnorePublicAcls": true,
            "BlockPublicPolicy": true,
            "RestrictPublicBuckets": true,
        }),
    );
    settings.insert("ServerSideEncryptionConfiguration", default_encryption());
    let locked = input.bool("ObjectLockEnabledForBucket") == Some(true);
    if locked {
        settings.insert(
            "ObjectLockConfiguration",
            json!({"ObjectLockEnabled": "Enabled"}),
        );
    }
    let bucket = Bucket {
        name: name.clone(),
        owner: cx.account_id().to_owned(),
        region: region.clone(),
        created: cx.unix_now().floor(),
        versioning: locked.then(|| "Enabled".to_owned()),
        tags: read_tags(config["Tags"].as_array().map_or(&[][..], Vec::as_slice), 50)?,
        settings,
    };
    let now = cx.now();
    cx.world.s3.buckets.put(name.clone(), bucket, now);
    cx.world.s3.objects.insert(name.clone(), Table::default());
    let location = if cx.region == "us-east-1" {
        format!("/{name}")
    } else {
        format!("http://{name}.s3.amazonaws.com/")
    };
    Ok(json!({"Location": location, "BucketArn": format!("arn:aws:s3:::{name}")}).into())
}

pub(super) fn read_tags(tags: &[Value], most: usize) -> Result<Vec<(String, String)>, AwsError> {
    let mut out: Vec<(String, String)> = Vec::new();
    for tag in tags {
        let text = |member: &str| tag[member].as_str().unwrap_or_default().to_owned();
        let (key, value) = (text("Key"), text("Value"));
        if key.is_empty() || key.len() > 128 || value.len() > 256 {
            return Err(
                AwsError::new("InvalidTag", "The TagKey you have provided is invalid").status(400),
            );
        }
        if key.starts_with("aws:") {
            return Err(AwsError::new(
                "InvalidTag",
                "System tags cannot be added/updated by requester",
            )
            .status(400));
        }
        if out.iter().any(|(k, _)| *k == key) {
            let message = "Cannot provide multiple Tags with the same key";
            return Err(AwsError::new("InvalidTag", message)
                .status(400)
                .field("TagKey", key));
        }
        out.push((key, value));
    }
    if out.len() > most {
        let message = if most == 10 {
            "Object tags cannot be greater than 10"
        } else {
            "Bucket tag count cannot be greater than 50"
        };
        return Err(AwsError::new("BadRequest", message).status(400));
    }
    Ok(out)
}

pub(super) fn tags_json(tags: &[(String, String)]) -> Value {
    tags.iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

pub(super) fn head(bucket: &Bucket) -> Result<Output, AwsError> {
    Ok(json!({
        "BucketRegion": bucket.region,
        "BucketArn": format!("arn:aws:s3:::{}", bucket.name),
        "AccessPointAlias": false,
    })
    .into())
}

pub(super) fn location(bucket: &Bucket) -> Output {
    // The oldest region has no name here.
    let constraint = if bucket.region == "us-east-1" {
        Value::Null
    } else {
        json!(bucket.region)
    };
    json!({"LocationConstraint": constraint}).into()
}

pub(super) fn delete(cx: &mut Cx<'_>, bucket: &Bucket) -> Result<Output, AwsError> {
    let holds = cx
        .world
        .s3
        .objects
        .get(&bucket.name)
        .is_some_and(|o| !o.is_empty());
    if holds {
        let message = if bucket.versioning.is_some() {
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
        } else {
            "The bucket you tried to delete is not empty"
        };
        return Err(AwsError::new("BucketNotEmpty", message)
            .status(409)
            .field("BucketName", bucket.name.as_str()));
    }
    let now = cx.now();
    let state = &mut cx.world.s3;
    state.buckets.remove(&bucket.name, now);
    state.objects.remove(&bucket.name);
    let uploads: Vec<String> = state
        .uploads
        .iter()
        .filter(|(_, u)| u.bucket == bucket.name)
        .map(|(id, _)| id.to_owned())
        .collect();
    for id in uploads {
        state.uploads.remove(&id, now);
    }
    Ok(Value::Null.into())
}

pub(super) fn change(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    change: impl FnOnce(&mut Bucket),
) -> Result<Output, AwsError> {
    let now = cx.now();
    if cx.world.s3.buckets.change(&bucket.name, now, change) {
        return Ok(Value::Null.into());
    }
    Err(no_such_bucket(&bucket.name))
}

pub(super) fn get_versioning(bucket: &Bucket) -> Output {
    match &bucket.versioning {
        Some(status) => json!({"Status": status}).into(),
        None => json!({}).into(),
    }
}

pub(super) fn put_versioning(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    let Some(status) = input.value["VersioningConfiguration"]["Status"]
        .as_str()
        .map(str::to_owned)
    else {
        let message = "The Versioning element must be specified";
        return Err(AwsError::new("IllegalVersioningConfigurationException", message).status(400));
    };
    if status == "Suspended" {
        let state = |message: &str| Err(AwsError::new("InvalidBucketState", message).status(409));
        if bucket.settings.contains_key("ReplicationConfiguration") {
            return state(
                "A replication configuration is present on this bucket, so the versioning state cannot be changed.",
            );
        }
        if bucket.settings.contains_key("ObjectLockConfiguration") {
            return state(
                "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
            );
        }
    }
    change(cx, bucket, |b| b.versioning = Some(status))
}

pub(super) fn get_tags(bucket: &Bucket) -> Result<Output, AwsError> {
    if bucket.tags.is_empty() {
        return Err(AwsError::new("NoSuchTagSet", "The TagSet does not exist")
            .status(404)
            .field("BucketName", bucket.name.as_str()));
    }
    Ok(json!({"TagSet": tags_json(&bucket.tags)}).into())
}

pub(super) fn put_tags(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    let tags = read_tags(
        input.value["Tagging"]["TagSet"]
            .as_array()
            .map_or(&[][..], Vec::as_slice),
        50,
    )?;
    let mut out = change(cx, bucket, |b| b.tags = tags)?;
    out.status = Some(204);
    Ok(out)
}

pub(super) fn delete_tags(cx: &mut Cx<'_>, bucket: &Bucket) -> Result<Output, AwsError> {
    change(cx, bucket, |b| b.tags.clear())
}

fn enforced(bucket: &Bucket) -> bool {
    let controls = bucket.settings.get("OwnershipControls");
    controls.is_some_and(|c| c["Rules"][0]["ObjectOwnership"] == json!("BucketOwnerEnforced"))
}

pub(super) fn get_acl(
    cx: &mut Cx<'_>,
    operation: &str,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    if operation == "GetObjectAcl" {
        objects::existing(cx, input, bucket)?;
    }
    let owner = owner_json(&bucket.owner);
    let grantee = json!({"ID": owner["ID"], "Type": "CanonicalUser"});
    Ok(
        json!({"Owner": owner, "Grants": [{"Grantee": grantee, "Permission": "FULL_CONTROL"}]})
            .into(),
    )
}

pub(super) fn put_acl(
    cx: &mut Cx<'_>,
    operation: &str,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    if operation == "PutObjectAcl" {
        objects::existing(cx, input, bucket)?;
    }
    let private = matches!(
        input.str("ACL"),
        Some("private" | "bucket-owner-full-control")
    );
    if enforced(bucket) && !private {
        return Err(acl_unsupported());
    }
    if !private {
        return Err(cx.not_simulated());
    }
    Ok(json!({}).into())
}

pub(super) fn acl_unsupported() -> AwsError {
    AwsError::new(
        "AccessControlListNotSupported",
        "The bucket does not allow ACLs",
    )
    .status(400)
}
