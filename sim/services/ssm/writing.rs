//! Putting and deleting parameters.

use super::parameter::{Kind, Parameter, Version};
use super::{absent, invalid, key_usable, kms, labels, named, pattern};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn check_name(name: &str) -> Result<(), AwsError> {
    let fine = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c));
    if !fine || name.is_empty() {
        return Err(invalid(
            "Invalid parameter name. Please use letters, numbers and the following symbols .-_",
        ));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(invalid("Parameter name must be a fully qualified name."));
    }
    if name.contains("//") || (name.len() > 1 && name.ends_with('/')) {
        return Err(invalid("Parameter name must not have an empty level."));
    }
    let first = name.trim_start_matches('/').to_ascii_lowercase();
    if first.starts_with("aws") || first.starts_with("ssm") {
        let what = if name.starts_with('/') {
            "hierarchy"
        } else {
            "name"
        };
        return Err(invalid(format!(
            "Parameter {what}: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)."
        )));
    }
    if name.matches('/').count() > 15 {
        return Err(AwsError::new(
            "HierarchyLevelLimitExceededException",
            "A hierarchy can have a maximum of 15 levels.",
        ));
    }
    Ok(())
}

pub fn put(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = named(cx, input.str("Name").unwrap_or_default()).0;
    check_name(&name)?;
    let overwrite = input.bool("Overwrite").unwrap_or(false);
    if overwrite && !input.list("Tags").is_empty() {
        return Err(invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove \
             overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or \
             RemoveTagsFromResource.",
        ));
    }
    let present = cx.place().ssm.parameters.get(&name).cloned();
    if present.is_some() && !overwrite {
        return Err(AwsError::new(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        ));
    }
    let before = present.as_ref().and_then(|p| p.versions.last());
    let kind = match (input.str("Type"), before) {
        (None, None) => {
            return Err(invalid(
                "A parameter type is required when you create a parameter.",
            ));
        }
        (None, Some(before)) => before.kind,
        (Some(word), before) => {
            let kind = Kind::of(word).ok_or_else(|| {
                AwsError::new(
                    "UnsupportedParameterType",
                    format!("The parameter type {word} is not supported."),
                )
            })?;
            if before.is_some_and(|b| b.kind != kind) {
                return Err(AwsError::new(
                    "HierarchyTypeMismatchException",
                    "Parameter Store does not support changing a parameter type in a hierarchy. For example, you can't \
                     change a parameter from a String type to a SecureString type. You must create a new, unique parameter.",
                ));
            }
            kind
        }
    };
    let value = input.str("Value").unwrap_or_default().to_owned();
    let pattern = input
        .str("AllowedPattern")
        .map(str::to_owned)
        .filter(|p| !p.is_empty());
    let pattern = pattern.or_else(|| before.and_then(|b| b.pattern.clone()));
    if let Some(pattern) = &pattern {
        let compiled = pattern::parse(pattern).ok_or_else(|| {
            AwsError::new(
                "InvalidAllowedPatternException",
                format!("The pattern {pattern} is not a valid regular expression."),
            )
        })?;
        if !compiled.matches(&value) {
            return Err(AwsError::new(
                "ParameterPatternMismatchException",
                format!("Parameter value, cannot be validated against allowedPattern: {pattern}"),
            ));
        }
    }
    let tier = tier(input, before, &value)?;
    let policies = input
        .str("Policies")
        .map(str::to_owned)
        .filter(|p| !p.is_empty());
    if let Some(policies) = &policies {
        check_policies(policies, &tier)?;
    }
    let key = match kind {
        Kind::SecureString => {
            let given = input.str("KeyId").map(str::to_owned);
            let key = given
                .or_else(|| before.and_then(|b| b.key.clone()))
                .unwrap_or_else(|| "alias/aws/ssm".into());
            let (account, region, caller) = (
                cx.caller.account.clone(),
                cx.region.clone(),
                cx.caller.arn.clone(),
            );
            key_usable(cx.world, &account, &region, &caller, &key, "kms:Encrypt")?;
            if key == "alias/aws/ssm" {
                kms::aws_managed(cx.world, &account, &region, "ssm");
            }
            Some(key)
        }
        _ if input.has("KeyId") => {
            return Err(invalid(
                "KeyId is required for SecureString type parameter only.",
            ));
        }
        _ => None,
    };
    let tags = match &present {
        Some(present) => present.tags.clone(),
        None => labels::merged_tags(&BTreeMap::new(), input)?,
    };
    if present.is_none() && cx.place().ssm.parameters.len() >= 10_000 && tier == "Standard" {
        return Err(AwsError::new(
            "ParameterLimitExceeded",
            "You have exceeded the number of parameters for this Amazon Web Services account.",
        ));
    }
    let mut versions = present
        .as_ref()
        .map(|p| p.versions.clone())
        .unwrap_or_default();
    let number = versions.last().map_or(1, |v| v.number + 1);
    if versions.len() >= 100 {
        if versions
            .first()
            .is_some_and(|oldest| !oldest.labels.is_empty())
        {
            let message = format!(
                "You attempted to create a new version of {name} by calling the PutParameter API with the overwrite flag. \
                 Version {}, the oldest version, can't be deleted because it has a label associated with it. Move the label \
                 to another version of the parameter, and try again.",
                versions.first().map_or(0, |v| v.number)
            );
            return Err(AwsError::new("ParameterMaxVersionLimitExceeded", message));
        }
        versions.remove(0);
    }
    let description = input.str("Description").map(str::to_owned);
    versions.push(Version {
        number,
        kind,
        value,
        key,
        description: description.or_else(|| before.and_then(|b| b.description.clone())),
        pattern,
        tier: tier.clone(),
        policies: policies.or_else(|| before.and_then(|b| b.policies.clone())),
        data_type: input.str("DataType").unwrap_or("text").to_owned(),
        modified: cx.unix_now(),
        user: cx.caller.arn.clone(),
        labels: BTreeSet::new(),
    });
    let now = cx.now();
    let parameter = Parameter {
        name: name.clone(),
        versions,
        tags,
    };
    cx.place().ssm.parameters.put(name, parameter, now);
    Ok(json!({"Version": number, "Tier": tier}))
}

fn tier(input: &Input, before: Option<&Version>, value: &str) -> Result<String, AwsError> {
    let advanced_before = before.is_some_and(|b| b.tier == "Advanced");
    let large = value.len() > 4_096;
    if value.len() > 8_192 {
        return Err(invalid(
            "Advanced tier parameters support a maximum parameter value of 8192 characters.",
        ));
    }
    let needs = large || input.has("Policies") || advanced_before;
    let tier = match input.str("Tier") {
        Some("Intelligent-Tiering") if needs => "Advanced",
        Some("Intelligent-Tiering") => "Standard",
        Some("Advanced") => "Advanced",
        Some("Standard") if advanced_before => {
            return Err(invalid(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the \
                 advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced \
                 parameter and recreate it as a standard parameter.",
            ));
        }
        _ if advanced_before => "Advanced",
        _ => "Standard",
    };
    if large && tier == "Standard" {
        return Err(invalid(
            "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter \
             value, upgrade the parameter to use the advanced-parameter tier.",
        ));
    }
    Ok(tier.to_owned())
}

fn check_policies(text: &str, tier: &str) -> Result<(), AwsError> {
    if tier != "Advanced" {
        return Err(invalid(
            "Parameter policies are supported for the advanced tier only.",
        ));
    }
    let rows: Vec<Value> = serde_json::from_str(text).map_err(|_| {
        AwsError::new(
            "InvalidPolicyTypeException",
            "The policies are not a JSON list.",
        )
    })?;
    if rows.len() > 10 {
        return Err(AwsError::new(
            "PoliciesLimitExceededException",
            "A parameter can have at most 10 policies.",
        ));
    }
    let known = |row: &Value| {
        matches!(
            row["Type"].as_str(),
            Some("Expiration" | "ExpirationNotification" | "NoChangeNotification")
        )
    };
    match rows.iter().all(known) {
        true => Ok(()),
        false => Err(AwsError::new(
            "InvalidPolicyTypeException",
            "The policy type isn't supported.",
        )),
    }
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = named(cx, input.str("Name").unwrap_or_default()).0;
    let now = cx.now();
    cx.place()
        .ssm
        .parameters
        .remove(&name, now)
        .ok_or_else(absent)?;
    Ok(json!({}))
}

pub fn delete_many(cx: &mut Cx<'_>, input: &Input) -> Value {
    let (mut deleted, mut unknown) = (Vec::new(), Vec::new());
    let now = cx.now();
    for given in input.strings("Names") {
        let name = named(cx, &given).0;
        match cx.place().ssm.parameters.remove(&name, now) {
            Some(_) => deleted.push(given),
            None => unknown.push(given),
        }
    }
    json!({"DeletedParameters": deleted, "InvalidParameters": unknown})
}
