//! The settings of a bucket that are stored as they are given, and the encryption that they ask for.

use super::buckets::change;
use super::{Bucket, access, replication};
use crate::error::AwsError;
use crate::services::kms;
use crate::world::{Cx, Input, Output};
use serde_json::{Map, Value, json};

pub(super) fn default_encryption() -> Value {
    json!({"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": false}]})
}

/// A setting that is stored as given: its `Put`, `Get` and `Delete`, the member that carries it, and the refusal when it
/// is absent (none: an empty answer).
pub(super) struct Setting {
    put: &'static str,
    get: &'static str,
    delete: &'static str,
    member: &'static str,
    /// Whether `Get` answers the members themselves instead of the one that carries them.
    spread: bool,
    absent: Option<(&'static str, &'static str)>,
}

pub(super) const SETTINGS: [Setting; 13] = [
    Setting {
        put: "PutBucketPolicy",
        get: "GetBucketPolicy",
        delete: "DeleteBucketPolicy",
        member: "Policy",
        spread: false,
        absent: Some(("NoSuchBucketPolicy", "The bucket policy does not exist")),
    },
    Setting {
        put: "PutBucketCors",
        get: "GetBucketCors",
        delete: "DeleteBucketCors",
        member: "CORSConfiguration",
        spread: true,
        absent: Some((
            "NoSuchCORSConfiguration",
            "The CORS configuration does not exist",
        )),
    },
    Setting {
        put: "PutBucketEncryption",
        get: "GetBucketEncryption",
        delete: "DeleteBucketEncryption",
        member: "ServerSideEncryptionConfiguration",
        spread: false,
        absent: Some((
            "ServerSideEncryptionConfigurationNotFoundError",
            "The server side encryption configuration was not found",
        )),
    },
    Setting {
        put: "PutBucketLifecycleConfiguration",
        get: "GetBucketLifecycleConfiguration",
        delete: "DeleteBucketLifecycle",
        member: "LifecycleConfiguration",
        spread: true,
        absent: Some((
            "NoSuchLifecycleConfiguration",
            "The lifecycle configuration does not exist",
        )),
    },
    Setting {
        put: "PutBucketReplication",
        get: "GetBucketReplication",
        delete: "DeleteBucketReplication",
        member: "ReplicationConfiguration",
        spread: false,
        absent: Some((
            "ReplicationConfigurationNotFoundError",
            "The replication configuration was not found",
        )),
    },
    Setting {
        put: "PutBucketWebsite",
        get: "GetBucketWebsite",
        delete: "DeleteBucketWebsite",
        member: "WebsiteConfiguration",
        spread: true,
        absent: Some((
            "NoSuchWebsiteConfiguration",
            "The specified bucket does not have a website configuration",
        )),
    },
    Setting {
        put: "PutPublicAccessBlock",
        get: "GetPublicAccessBlock",
        delete: "DeletePublicAccessBlock",
        member: "PublicAccessBlockConfiguration",
        spread: false,
        absent: Some((
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        )),
    },
    Setting {
        put: "PutBucketOwnershipControls",
        get: "GetBucketOwnershipControls",
        delete: "DeleteBucketOwnershipControls",
        member: "OwnershipControls",
        spread: false,
        absent: Some((
            "OwnershipControlsNotFoundError",
            "The bucket ownership controls were not found",
        )),
    },
    Setting {
        put: "PutObjectLockConfiguration",
        get: "GetObjectLockConfiguration",
        delete: "",
        member: "ObjectLockConfiguration",
        spread: false,
        absent: Some((
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
        )),
    },
    Setting {
        put: "PutBucketNotificationConfiguration",
        get: "GetBucketNotificationConfiguration",
        delete: "",
        member: "NotificationConfiguration",
        spread: true,
        absent: None,
    },
    Setting {
        put: "PutBucketLogging",
        get: "GetBucketLogging",
        delete: "",
        member: "BucketLoggingStatus",
        spread: true,
        absent: None,
    },
    Setting {
        put: "PutBucketRequestPayment",
        get: "GetBucketRequestPayment",
        delete: "",
        member: "RequestPaymentConfiguration",
        spread: true,
        absent: None,
    },
    Setting {
        put: "PutBucketAccelerateConfiguration",
        get: "GetBucketAccelerateConfiguration",
        delete: "",
        member: "AccelerateConfiguration",
        spread: true,
        absent: None,
    },
];

/// Executes an operation on a stored setting; none if it is not one.
pub(super) fn setting(
    cx: &mut Cx<'_>,
    operation: &str,
    input: &Input,
    bucket: &Bucket,
) -> Option<Result<Output, AwsError>> {
    let setting = SETTINGS
        .iter()
        .find(|s| [s.put, s.get, s.delete].contains(&operation))?;
    Some(if operation == setting.put {
        put_setting(cx, setting, input, bucket)
    } else if operation == setting.get {
        get_setting(setting, bucket)
    } else {
        change(cx, bucket, |b| {
            // Encryption is never absent: what is deleted is the choice.
            match setting.member {
                "ServerSideEncryptionConfiguration" => {
                    b.settings.insert(setting.member, default_encryption())
                }
                member => b.settings.remove(member),
            };
        })
    })
}

pub(super) fn get_setting(setting: &Setting, bucket: &Bucket) -> Result<Output, AwsError> {
    let value = match (bucket.settings.get(setting.member), setting.absent) {
        (Some(value), _) => value.clone(),
        (None, None) if setting.member == "RequestPaymentConfiguration" => {
            json!({"Payer": "BucketOwner"})
        }
        (None, None) => json!({}),
        (None, Some((code, message))) => {
            return Err(AwsError::new(code, message)
                .status(404)
                .field("BucketName", bucket.name.as_str()));
        }
    };
    if setting.spread {
        return Ok(value.into());
    }
    let mut out = Map::new();
    out.insert(setting.member.to_owned(), value);
    Ok(Value::Object(out).into())
}

pub(super) fn put_setting(
    cx: &mut Cx<'_>,
    setting: &Setting,
    input: &Input,
    bucket: &Bucket,
) -> Result<Output, AwsError> {
    let value = match (&input.value[setting.member], setting.member) {
        (Value::Null, "Policy") => json!(String::from_utf8_lossy(&input.body)),
        (value, _) => value.clone(),
    };
    let mut status = None;
    match setting.member {
        "Policy" => {
            let text = value.as_str().unwrap_or_default();
            let policy: Value = serde_json::from_str(text).unwrap_or(Value::Null);
            if !policy.is_object() || policy["Statement"].is_null() {
                let message = "This policy contains invalid Json";
                return Err(AwsError::new("MalformedPolicy", message).status(400));
            }
            check_resources(&policy, bucket)?;
            let block = &bucket.settings.get("PublicAccessBlockConfiguration");
            if block.is_some_and(|b| b["BlockPublicPolicy"] == json!(true))
                && access::opens_to_all(text)
            {
                let message = format!(
                    "User: {} is not authorized to perform: s3:PutBucketPolicy on resource: \"arn:aws:s3:::{}\" because \
                     public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
                    cx.caller.arn, bucket.name
                );
                return Err(AwsError::new("AccessDenied", message).status(403));
            }
            status = Some(204);
        }
        "ReplicationConfiguration" => replication::check(cx, &value, bucket)?,
        "ServerSideEncryptionConfiguration" => {
            let rule = &value["Rules"][0]["ApplyServerSideEncryptionByDefault"];
            // AWS stores any key here; it is looked at when an object is put.
            if rule["KMSMasterKeyID"].is_string() && rule["SSEAlgorithm"] == json!("AES256") {
                let message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms";
                return Err(AwsError::new("InvalidArgument", message).status(400));
            }
        }
        "LifecycleConfiguration" => {
            let rules = value["Rules"].as_array().cloned().unwrap_or_default();
            if rules.is_empty() || rules.len() > 1_000 {
                return Err(AwsError::new("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema").status(400));
            }
        }
        "WebsiteConfiguration" => {
            let redirect = value["RedirectAllRequestsTo"].is_object();
            if redirect == value["IndexDocument"].is_object() {
                let message = "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty";
                return Err(AwsError::new("InvalidArgument", message).status(400));
            }
        }
        "ObjectLockConfiguration" if !bucket.versioned() => {
            let message =
                "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
            return Err(AwsError::new("InvalidBucketState", message).status(409));
        }
        _ => {}
    }
    let member = setting.member;
    let mut out = change(cx, bucket, |b| {
        b.settings.insert(member, value);
    })?;
    out.status = status;
    Ok(out)
}

/// A policy speaks of its own bucket only.
pub(super) fn check_resources(policy: &Value, bucket: &Bucket) -> Result<(), AwsError> {
    let statements = policy["Statement"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![policy["Statement"].clone()]);
    let own = format!("arn:aws:s3:::{}", bucket.name);
    for statement in &statements {
        if statement["Principal"].is_null() && statement["NotPrincipal"].is_null() {
            return Err(
                AwsError::new("MalformedPolicy", "Missing required field Principal").status(400),
            );
        }
        let resources = match &statement["Resource"] {
            Value::Array(rows) => rows.clone(),
            one => vec![one.clone()],
        };
        for resource in resources.iter().filter_map(Value::as_str) {
            let inside = resource
                .strip_prefix(&own)
                .is_some_and(|r| r.is_empty() || r.starts_with('/') || r.starts_with('*'));
            if !inside {
                return Err(
                    AwsError::new("MalformedPolicy", "Policy has invalid resource").status(400),
                );
            }
        }
    }
    Ok(())
}

/// The encryption of a new object, by the request or else by the bucket, as the members of an answer.
pub(super) fn encryption(
    cx: &mut Cx<'_>,
    input: &Input,
    bucket: &Bucket,
) -> Result<Value, AwsError> {
    let rule = bucket
        .settings
        .get("ServerSideEncryptionConfiguration")
        .map(|c| c["Rules"][0].clone())
        .unwrap_or_default();
    let default = &rule["ApplyServerSideEncryptionByDefault"];
    let algorithm = input
        .str("ServerSideEncryption")
        .or(default["SSEAlgorithm"].as_str())
        .unwrap_or("AES256");
    if !algorithm.starts_with("aws:kms") {
        return Ok(json!({"ServerSideEncryption": algorithm}));
    }
    let asked = input
        .str("SSEKMSKeyId")
        .or(default["KMSMasterKeyID"].as_str())
        .map(str::to_owned);
    let (account, region) = (cx.caller.account.clone(), bucket.region.clone());
    let key = match asked {
        Some(key) => kms::usable(cx.world, &account, &region, &key)
            .map_err(|e| AwsError::new(format!("KMS.{}", e.code), e.message).status(400))?,
        None => kms::aws_managed(cx.world, &account, &region, "s3"),
    };
    Ok(json!({"ServerSideEncryption": algorithm, "SSEKMSKeyId": key}))
}
