//! Resource Groups Tagging: what carries a tag, in one region, over all services.
//!
//! Each service lists its own tagged resources (`tagged`), as its readers see them now; setting and removing is done by the
//! services' own operations, in the caller's name. IAM's resources are not listed, as with AWS.

use super::{
    Service, ServiceId, acm, autoscaling, cloudwatch, ec2, ecr, ecs, elbv2, kms, logs,
    nothing_happens, rds, route53, s3, secrets, ssm, whole_service,
};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output, World};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

mod change;

pub const SERVICE: Service = Service {
    id: ServiceId::Tagging,
    handle,
    happen: nothing_happens,
    wants: wants_tagging,
};

#[derive(Clone, Default)]
pub struct State {}

/// The IAM prefix of this service is `tag`.
fn wants_tagging(cx: &Cx<'_>, operation: &str, input: &Input) -> Vec<super::Wanted> {
    let mut wanted = whole_service(cx, operation, input);
    for one in &mut wanted {
        one.action = format!("tag:{operation}");
    }
    wanted
}

/// Every tagged resource of an account in a region, by ARN.
pub fn all(
    world: &World,
    account: &str,
    region: &str,
) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    macro_rules! every {
        ($($service:ident),*) => {
            $(for (arn, tags) in $service::tagged(world, account, region) {
                let tags: BTreeMap<String, String> = tags.into_iter().collect();
                if !tags.is_empty() {
                    found.insert(arn, tags);
                }
            })*
        };
    }
    every!(
        acm,
        autoscaling,
        cloudwatch,
        ec2,
        ecr,
        ecs,
        elbv2,
        kms,
        logs,
        rds,
        route53,
        s3,
        secrets,
        ssm
    );
    found
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    let value = match operation {
        "GetResources" => resources(cx, input)?,
        "GetTagKeys" => {
            let all = all(cx.world, cx.account_id(), &cx.region);
            let keys: BTreeSet<&String> = all.values().flat_map(BTreeMap::keys).collect();
            json!({"TagKeys": keys})
        }
        "GetTagValues" => {
            let all = all(cx.world, cx.account_id(), &cx.region);
            let key = input.str("Key").unwrap_or_default();
            let values: BTreeSet<&String> = all.values().filter_map(|tags| tags.get(key)).collect();
            json!({"TagValues": values})
        }
        "TagResources" => change::tag(cx, input)?,
        "UntagResources" => change::untag(cx, input)?,
        _ => return Err(cx.not_simulated()),
    };
    Ok(value.into())
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterException", message)
}

/// Whether an ARN is of a type such as `rds`, `rds:db` or `ecs:service`.
fn is_of_type(arn: &str, wanted: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let (Some(service), Some(resource)) = (parts.get(2), parts.get(5)) else {
        return false;
    };
    let (wanted_service, kind) = match wanted.split_once(':') {
        Some((service, kind)) => (service, Some(kind)),
        None => (wanted, None),
    };
    if *service != wanted_service {
        return false;
    }
    kind.is_none_or(|kind| {
        // Buckets are named by the bare name.
        (*service == "s3" && kind == "bucket")
            || resource
                .strip_prefix(kind)
                .is_some_and(|rest| rest.starts_with(['/', ':']))
    })
}

fn resources(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let filters = input.list("TagFilters");
    let types = input.strings("ResourceTypeFilters");
    let arns = input.strings("ResourceARNList");
    if !arns.is_empty() && (!filters.is_empty() || !types.is_empty()) {
        return Err(invalid(
            "ResourceARNList cannot be given together with TagFilters or ResourceTypeFilters.",
        ));
    }
    if types.iter().any(|t| t.is_empty() || t.contains('*')) {
        return Err(invalid("A resource type filter is not valid."));
    }
    if input.bool("ExcludeCompliantResources") == Some(true)
        && input.bool("IncludeComplianceDetails") != Some(true)
    {
        return Err(invalid(
            "ExcludeCompliantResources needs IncludeComplianceDetails.",
        ));
    }
    let passes = |tags: &BTreeMap<String, String>| {
        filters.iter().all(|filter| {
            let values = filter["Values"].as_array().map_or(&[][..], Vec::as_slice);
            let found = filter["Key"].as_str().and_then(|key| tags.get(key));
            found.is_some_and(|value| {
                values.is_empty() || values.iter().any(|v| v == value.as_str())
            })
        })
    };
    let rows: Vec<Value> = all(cx.world, cx.account_id(), &cx.region)
        .into_iter()
        .filter(|(arn, _)| arns.is_empty() || arns.contains(arn))
        .filter(|(arn, _)| types.is_empty() || types.iter().any(|t| is_of_type(arn, t)))
        .filter(|(_, tags)| passes(tags))
        .map(|(arn, tags)| {
            let tags: Vec<Value> = tags
                .iter()
                .map(|(k, v)| json!({"Key": k, "Value": v}))
                .collect();
            let mut row = Map::new();
            row.insert("ResourceARN".to_owned(), json!(arn));
            row.insert("Tags".to_owned(), json!(tags));
            if input.bool("IncludeComplianceDetails") == Some(true) {
                row.insert(
                    "ComplianceDetails".to_owned(),
                    json!({"ComplianceStatus": true}),
                );
            }
            Value::Object(row)
        })
        .collect();
    Ok(json!({"ResourceTagMappingList": rows}))
}

#[cfg(test)]
mod tests;
