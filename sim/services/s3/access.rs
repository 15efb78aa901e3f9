//! Who may do what to a bucket: the names of S3's permissions, and bucket policies as far as they are understood.

use super::Bucket;
use crate::error::AwsError;
use crate::services::Wanted;
use crate::world::{Cx, Input, Output};
use serde_json::{Value, json};

pub(super) fn denied() -> AwsError {
    AwsError::new("AccessDenied", "Access Denied").status(403)
}

/// The permission behind an operation, without the service's prefix.
fn permission(operation: &str, input: &Input) -> String {
    let versioned = input.has("VersionId");
    let name = match operation {
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => "ListBucket",
        "ListBuckets" => "ListAllMyBuckets",
        "ListObjectVersions" => "ListBucketVersions",
        "ListMultipartUploads" => "ListBucketMultipartUploads",
        "ListParts" => "ListMultipartUploadParts",
        "GetObject" | "HeadObject" | "GetObjectAttributes" if versioned => "GetObjectVersion",
        "GetObject" | "HeadObject" | "GetObjectAttributes" => "GetObject",
        "DeleteObject" if versioned => "DeleteObjectVersion",
        "DeleteObject" | "DeleteObjects" => "DeleteObject",
        "PutObject"
        | "CopyObject"
        | "CreateMultipartUpload"
        | "UploadPart"
        | "UploadPartCopy"
        | "CompleteMultipartUpload" => "PutObject",
        "GetObjectTagging" if versioned => "GetObjectVersionTagging",
        "PutObjectTagging" if versioned => "PutObjectVersionTagging",
        "GetBucketEncryption" => "GetEncryptionConfiguration",
        "PutBucketEncryption" | "DeleteBucketEncryption" => "PutEncryptionConfiguration",
        "GetBucketLifecycleConfiguration" => "GetLifecycleConfiguration",
        "PutBucketLifecycleConfiguration" | "DeleteBucketLifecycle" => "PutLifecycleConfiguration",
        "GetBucketReplication" => "GetReplicationConfiguration",
        "PutBucketReplication" | "DeleteBucketReplication" => "PutReplicationConfiguration",
        "GetBucketCors" => "GetBucketCORS",
        "PutBucketCors" | "DeleteBucketCors" => "PutBucketCORS",
        "DeleteBucketTagging" => "PutBucketTagging",
        "DeleteBucketOwnershipControls" => "PutBucketOwnershipControls",
        "GetPublicAccessBlock" => "GetBucketPublicAccessBlock",
        "PutPublicAccessBlock" | "DeletePublicAccessBlock" => "PutBucketPublicAccessBlock",
        "GetBucketNotificationConfiguration" => "GetBucketNotification",
        "PutBucketNotificationConfiguration" => "PutBucketNotification",
        "GetBucketAccelerateConfiguration" => "GetAccelerateConfiguration",
        "PutBucketAccelerateConfiguration" => "PutAccelerateConfiguration",
        "GetObjectLockConfiguration" => "GetBucketObjectLockConfiguration",
        "PutObjectLockConfiguration" => "PutBucketObjectLockConfiguration",
        other => other,
    };
    name.to_owned()
}

fn resource(input: &Input, key: Option<&str>) -> String {
    match (input.str("Bucket"), key) {
        (Some(bucket), Some(key)) => format!("arn:aws:s3:::{bucket}/{key}"),
        (Some(bucket), None) => format!("arn:aws:s3:::{bucket}"),
        (None, _) => "*".to_owned(),
    }
}

pub(super) fn wants(_: &Cx<'_>, operation: &str, input: &Input) -> Vec<Wanted> {
    let wanted = |action: &str, resource: String| Wanted {
        action: format!("s3:{action}"),
        resource,
        context: vec![],
    };
    if operation == "DeleteObjects" {
        let rows = input.value["Delete"]["Objects"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let one = |row: &Value| {
            let action = if row["VersionId"].is_string() {
                "DeleteObjectVersion"
            } else {
                "DeleteObject"
            };
            wanted(action, resource(input, row["Key"].as_str()))
        };
        return rows.iter().map(one).collect();
    }
    let mut first = wanted(
        &permission(operation, input),
        resource(input, input.str("Key")),
    );
    if let Some(prefix) = input.str("Prefix") {
        first.context.push(("s3:prefix".into(), prefix.to_owned()));
    }
    let mut out = vec![first];
    if let Some((bucket, key, version)) =
        input.str("CopySource").and_then(super::copies::copy_source)
    {
        let action = if version.is_some() {
            "GetObjectVersion"
        } else {
            "GetObject"
        };
        out.push(wanted(action, format!("arn:aws:s3:::{bucket}/{key}")));
    }
    out
}

/// What a bucket's policy says to a request.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    Allow,
    Deny,
    Nothing,
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(rows) => rows.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether text matches a pattern in which `*` stands for anything and `?` for one character.
fn matches(pattern: &str, text: &str) -> bool {
    let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut from, mut star) = (0, 0, None);
    while from < t.len() {
        if at < p.len() && (p[at] == '?' || p[at] == t[from]) && p[at] != '*' {
            at += 1;
            from += 1;
        } else if at < p.len() && p[at] == '*' {
            star = Some((at, from));
            at += 1;
        } else if let Some((star_at, star_from)) = star {
            at = star_at + 1;
            from = star_from + 1;
            star = Some((star_at, from));
        } else {
            return false;
        }
    }
    p[at..].iter().all(|c| *c == '*')
}

/// Evaluates a bucket's policy. A statement with a condition never allows and never denies: conditions are not read.
pub(super) fn verdict(
    bucket: &Bucket,
    account: Option<&str>,
    arn: &str,
    action: &str,
    resource: &str,
) -> Verdict {
    let Some(text) = bucket.settings.get("Policy").and_then(Value::as_str) else {
        return Verdict::Nothing;
    };
    let policy: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let statements = match &policy["Statement"] {
        Value::Array(rows) => rows.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let mut out = Verdict::Nothing;
    for statement in &statements {
        let mut principals = texts(&statement["Principal"]);
        principals.extend(texts(&statement["Principal"]["AWS"]));
        let named = principals.iter().any(|p| {
            *p == "*"
                || *p == arn
                || account.is_some_and(|a| *p == a || *p == format!("arn:aws:iam::{a}:root"))
        });
        let acts = texts(&statement["Action"])
            .iter()
            .any(|a| matches(&a.to_lowercase(), &action.to_lowercase()));
        let about = texts(&statement["Resource"])
            .iter()
            .any(|r| matches(r, resource));
        if !named || !acts || !about || statement.get("Condition").is_some_and(|c| !c.is_null()) {
            continue;
        }
        if statement["Effect"] == json!("Deny") {
            return Verdict::Deny;
        }
        out = Verdict::Allow;
    }
    out
}

/// Another account needs the bucket's policy; the owner's own needs it not to object.
pub(super) fn admit(
    cx: &Cx<'_>,
    operation: &str,
    input: &Input,
    bucket: &Bucket,
) -> Result<(), AwsError> {
    let action = format!("s3:{}", permission(operation, input));
    let resource = resource(input, input.str("Key"));
    let root = cx.caller.arn == format!("arn:aws:iam::{}:root", bucket.owner);
    match verdict(
        bucket,
        Some(cx.account_id()),
        &cx.caller.arn,
        &action,
        &resource,
    ) {
        // The owner's root can always repair a policy that shuts everybody out.
        Verdict::Deny if root && operation.ends_with("BucketPolicy") => Ok(()),
        Verdict::Deny => Err(explicit(cx, &action, &resource)),
        Verdict::Nothing if cx.account_id() != bucket.owner => Err(denied()),
        _ => Ok(()),
    }
}

fn explicit(cx: &Cx<'_>, action: &str, resource: &str) -> AwsError {
    let message = format!(
        "User: {} is not authorized to perform: {action} on resource: \"{resource}\" with an explicit deny in a \
         resource-based policy",
        cx.caller.arn
    );
    AwsError::new("AccessDenied", message).status(403)
}

/// Whether anybody on the internet may read an object.
pub(super) fn is_public(bucket: &Bucket, key: &str) -> bool {
    let block = bucket.settings.get("PublicAccessBlockConfiguration");
    let restricted = block.is_some_and(|b| b["RestrictPublicBuckets"] == json!(true));
    let resource = format!("arn:aws:s3:::{}/{key}", bucket.name);
    !restricted && verdict(bucket, None, "", "s3:GetObject", &resource) == Verdict::Allow
}

pub(super) fn policy_status(bucket: &Bucket) -> Output {
    json!({"PolicyStatus": {"IsPublic": is_public(bucket, "any")}}).into()
}

/// Whether a policy opens the bucket to everybody: what `BlockPublicPolicy` refuses.
pub(super) fn opens_to_all(text: &str) -> bool {
    let policy: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let statements = policy["Statement"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![policy["Statement"].clone()]);
    statements.iter().any(|s| {
        let everybody =
            texts(&s["Principal"]).contains(&"*") || texts(&s["Principal"]["AWS"]).contains(&"*");
        everybody && s["Effect"] == json!("Allow") && s.get("Condition").is_none_or(Value::is_null)
    })
}
