//! Tags set and removed through the services' own operations.

use super::invalid;
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::world::{Cx, Input};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What the operation of one service is, for one ARN.
struct Call {
    service: ServiceId,
    operation: &'static str,
    input: Value,
}

/// The ways of writing tags: lists of `Key` and `Value`, of `key` and `value`, of `TagKey` and `TagValue`, or a map.
fn pairs(tags: &BTreeMap<String, String>, key: &str, value: &str) -> Value {
    tags.iter()
        .map(|(k, v)| json!({key: k, value: v}))
        .collect()
}

fn last(resource: &str) -> &str {
    resource.rsplit(['/', ':']).next().unwrap_or(resource)
}

fn tagging(
    service: &str,
    resource: &str,
    arn: &str,
    tags: &BTreeMap<String, String>,
) -> Option<Call> {
    let list = || pairs(tags, "Key", "Value");
    let call = |service, operation, input| {
        Some(Call {
            service,
            operation,
            input,
        })
    };
    match service {
        "acm" => call(
            ServiceId::Acm,
            "AddTagsToCertificate",
            json!({"CertificateArn": arn, "Tags": list()}),
        ),
        "application-autoscaling" => call(
            ServiceId::Autoscaling,
            "TagResource",
            json!({"ResourceARN": arn, "Tags": tags}),
        ),
        "cloudwatch" => call(
            ServiceId::Cloudwatch,
            "TagResource",
            json!({"ResourceARN": arn, "Tags": list()}),
        ),
        "ec2" => call(
            ServiceId::Ec2,
            "CreateTags",
            json!({"Resources": [last(resource)], "Tags": list()}),
        ),
        "ecr" => call(
            ServiceId::Ecr,
            "TagResource",
            json!({"resourceArn": arn, "tags": list()}),
        ),
        "ecs" => {
            let tags = pairs(tags, "key", "value");
            call(
                ServiceId::Ecs,
                "TagResource",
                json!({"resourceArn": arn, "tags": tags}),
            )
        }
        "elasticloadbalancing" => call(
            ServiceId::Elbv2,
            "AddTags",
            json!({"ResourceArns": [arn], "Tags": list()}),
        ),
        "kms" => {
            let tags = pairs(tags, "TagKey", "TagValue");
            call(
                ServiceId::Kms,
                "TagResource",
                json!({"KeyId": arn, "Tags": tags}),
            )
        }
        "logs" => call(
            ServiceId::Logs,
            "TagResource",
            json!({"resourceArn": arn, "tags": tags}),
        ),
        "rds" => call(
            ServiceId::Rds,
            "AddTagsToResource",
            json!({"ResourceName": arn, "Tags": list()}),
        ),
        "route53" => {
            let (kind, id) = resource.split_once('/')?;
            let input = json!({"ResourceType": kind, "ResourceId": id, "AddTags": list()});
            call(ServiceId::Route53, "ChangeTagsForResource", input)
        }
        "secretsmanager" => call(
            ServiceId::Secrets,
            "TagResource",
            json!({"SecretId": arn, "Tags": list()}),
        ),
        "ssm" => {
            let input = json!({"ResourceType": "Parameter", "ResourceId": arn, "Tags": list()});
            call(ServiceId::Ssm, "AddTagsToResource", input)
        }
        _ => None,
    }
}

fn untagging(service: &str, resource: &str, arn: &str, keys: &[String]) -> Option<Call> {
    let call = |service, operation, input| {
        Some(Call {
            service,
            operation,
            input,
        })
    };
    let rows = || -> Value { keys.iter().map(|k| json!({"Key": k})).collect() };
    match service {
        "acm" => call(
            ServiceId::Acm,
            "RemoveTagsFromCertificate",
            json!({"CertificateArn": arn, "Tags": rows()}),
        ),
        "application-autoscaling" => call(
            ServiceId::Autoscaling,
            "UntagResource",
            json!({"ResourceARN": arn, "TagKeys": keys}),
        ),
        "cloudwatch" => call(
            ServiceId::Cloudwatch,
            "UntagResource",
            json!({"ResourceARN": arn, "TagKeys": keys}),
        ),
        "ec2" => call(
            ServiceId::Ec2,
            "DeleteTags",
            json!({"Resources": [last(resource)], "Tags": rows()}),
        ),
        "ecr" => call(
            ServiceId::Ecr,
            "UntagResource",
            json!({"resourceArn": arn, "tagKeys": keys}),
        ),
        "ecs" => call(
            ServiceId::Ecs,
            "UntagResource",
            json!({"resourceArn": arn, "tagKeys": keys}),
        ),
        "elasticloadbalancing" => call(
            ServiceId::Elbv2,
            "RemoveTags",
            json!({"ResourceArns": [arn], "TagKeys": keys}),
        ),
        "kms" => call(
            ServiceId::Kms,
            "UntagResource",
            json!({"KeyId": arn, "TagKeys": keys}),
        ),
        "logs" => call(
            ServiceId::Logs,
            "UntagResource",
            json!({"resourceArn": arn, "tagKeys": keys}),
        ),
        "rds" => call(
            ServiceId::Rds,
            "RemoveTagsFromResource",
            json!({"ResourceName": arn, "TagKeys": keys}),
        ),
        "route53" => {
            let (kind, id) = resource.split_once('/')?;
            let input = json!({"ResourceType": kind, "ResourceId": id, "RemoveTagKeys": keys});
            call(ServiceId::Route53, "ChangeTagsForResource", input)
        }
        "secretsmanager" => call(
            ServiceId::Secrets,
            "UntagResource",
            json!({"SecretId": arn, "TagKeys": keys}),
        ),
        "ssm" => {
            let input = json!({"ResourceType": "Parameter", "ResourceId": arn, "TagKeys": keys});
            call(ServiceId::Ssm, "RemoveTagsFromResource", input)
        }
        _ => None,
    }
}

/// Does it for every ARN; what fails is told per ARN, the call itself succeeds.
fn each(
    cx: &mut Cx<'_>,
    input: &Input,
    call: impl Fn(&str, &str, &str) -> Option<Call>,
) -> Result<Value, AwsError> {
    let arns = input.strings("ResourceARNList");
    if let Some(bad) = arns.iter().find(|arn| arn.splitn(6, ':').count() != 6) {
        return Err(invalid(format!("The ARN {bad} is not valid.")));
    }
    let mut failed = Map::new();
    for arn in arns {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let (service, region, resource) = (parts[2], parts[3], parts[5]);
        let here = region.is_empty() || region == cx.region;
        let outcome = match call(service, resource, &arn).filter(|_| here) {
            None => Err(invalid(
                "The resource is not of this region or of a type that can be tagged here.",
            )),
            Some(call) => {
                let (caller, region) = (cx.caller.clone(), cx.region.clone());
                cx.world
                    .invoke_as(caller, &region, call.service, call.operation, call.input)
            }
        };
        if let Err(why) = outcome {
            let code = match why.status.unwrap_or(400) {
                500.. => "InternalServiceException",
                _ => "InvalidParameterException",
            };
            let row = json!({
                "StatusCode": why.status.unwrap_or(400),
                "ErrorCode": code,
                "ErrorMessage": format!("{}: {}", why.code, why.message),
            });
            failed.insert(arn, row);
        }
    }
    Ok(json!({"FailedResourcesMap": failed}))
}

pub fn tag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = input
        .value
        .get("Tags")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let tags: BTreeMap<String, String> = given
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    if tags
        .keys()
        .any(|key| key.to_ascii_lowercase().starts_with("aws:"))
    {
        return Err(invalid(
            "Tag keys can't start with the reserved prefix aws:.",
        ));
    }
    each(cx, input, |service, resource, arn| {
        tagging(service, resource, arn, &tags)
    })
}

pub fn untag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let keys = input.strings("TagKeys");
    each(cx, input, |service, resource, arn| {
        untagging(service, resource, arn, &keys)
    })
}
