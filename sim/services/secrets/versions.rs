//! The values of a secret: versions, and the stages that name them.

use super::secret::{Content, Secret, Version};
use super::{
    bad_parameter, change, invalid, key_for, key_usable, listing, named, named_as, writable,
};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The token of an input, which becomes the id of the version; made up if the client sent none.
pub fn token(cx: &mut Cx<'_>, input: &Input) -> String {
    match input.str("ClientRequestToken") {
        Some(token) => token.to_owned(),
        None => cx.uuid("secret version"),
    }
}

/// Whether a version of this id is there with this content. The same id with another content is refused.
pub fn repeated(secret: &Secret, id: &str, content: &Content) -> Result<bool, AwsError> {
    match secret.versions.get(id) {
        None => Ok(false),
        Some(version) if version.content == *content => Ok(true),
        Some(_) => Err(AwsError::new(
            "ResourceExistsException",
            format!(
                "You can't use ClientRequestToken {id} because that value is already in use for a version of secret {}.",
                secret.arn
            ),
        )),
    }
}

/// Adds a version and moves the stages to it. Of versions without a stage only the newest hundred are kept.
pub fn add(secret: &mut Secret, id: &str, content: Content, created: f64, stages: &[String]) {
    secret.versions.insert(
        id.to_owned(),
        Version {
            content,
            created,
            stages: BTreeSet::new(),
        },
    );
    for stage in stages {
        secret.stage(stage, id);
    }
    let mut deprecated: Vec<(f64, String)> = secret
        .versions
        .iter()
        .filter(|(_, version)| version.stages.is_empty())
        .map(|(id, version)| (version.created, id.clone()))
        .collect();
    deprecated.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (_, id) in deprecated.into_iter().skip(100) {
        secret.versions.remove(&id);
    }
}

pub fn put(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = writable(cx, input)?;
    let Some(content) = Content::of(input)? else {
        return Err(bad_parameter(
            "You must provide either SecretString or SecretBinary.",
        ));
    };
    let id = token(cx, input);
    let mut stages = input.strings("VersionStages");
    if stages.is_empty() {
        stages.push("AWSCURRENT".to_owned());
    }
    let answer =
        json!({"ARN": secret.arn, "Name": secret.name, "VersionId": id, "VersionStages": stages});
    if repeated(&secret, &id, &content)? {
        return Ok(answer);
    }
    key_for(cx, secret.key.as_deref(), false)?;
    let created = cx.unix_now();
    change(cx, &secret, |s| add(s, &id, content, created, &stages));
    Ok(answer)
}

/// The version that an input asks for.
fn chosen<'s>(
    secret: &'s Secret,
    id: Option<&str>,
    stage: Option<&str>,
) -> Result<(&'s String, &'s Version), AwsError> {
    let missing = |what: String| {
        AwsError::new(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret value for {what}"),
        )
    };
    match (id, stage) {
        (Some(id), stage) => {
            let found = secret
                .versions
                .get_key_value(id)
                .ok_or_else(|| missing(format!("VersionId: {id}")))?;
            if stage.is_some_and(|stage| !found.1.stages.contains(stage)) {
                return Err(invalid(
                    "You provided a VersionStage that is not associated to the provided VersionId.",
                ));
            }
            Ok(found)
        }
        (None, stage) => {
            let stage = stage.unwrap_or("AWSCURRENT");
            secret
                .staged(stage)
                .ok_or_else(|| missing(format!("staging label: {stage}")))
        }
    }
}

fn value_json(secret: &Secret, id: &str, version: &Version) -> Value {
    let mut out = json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": id,
        "VersionStages": version.stages,
        "CreatedDate": version.created,
    });
    match &version.content {
        Content::Text(text) => out["SecretString"] = json!(text),
        Content::Binary(bytes) => out["SecretBinary"] = json!(bytes),
    }
    out
}

pub fn get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = named(cx, input)?;
    get_of(
        cx,
        &secret,
        input.str("VersionId"),
        input.str("VersionStage"),
    )
}

fn get_of(
    cx: &mut Cx<'_>,
    secret: &Secret,
    id: Option<&str>,
    stage: Option<&str>,
) -> Result<Value, AwsError> {
    secret.check_not_deleted()?;
    let (id, version) = chosen(secret, id, stage)?;
    key_usable(
        cx.world,
        secret.account(),
        secret.region(),
        &cx.caller.arn,
        secret.key.as_deref(),
        true,
    )?;
    Ok(value_json(secret, id, version))
}

pub fn batch_get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let ids = input.strings("SecretIdList");
    let filtered = input.has("Filters");
    if filtered != ids.is_empty() {
        return Err(bad_parameter(
            "Either 'SecretIdList' or 'Filters' must be provided, but not both.",
        ));
    }
    let ids = match filtered {
        true => listing::matching(cx, input),
        false => ids,
    };
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for id in ids {
        let found = named_as(cx, &id, "GetSecretValue", input)
            .and_then(|secret| get_of(cx, &secret, None, None));
        match found {
            Ok(value) => values.push(value),
            Err(error) => errors.push(json!({
                "SecretId": id,
                "ErrorCode": error.code,
                "Message": error.message,
            })),
        }
    }
    Ok(json!({"SecretValues": values, "Errors": errors}))
}

pub fn update_stage(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = writable(cx, input)?;
    let stage = input.str("VersionStage").unwrap_or_default().to_owned();
    let (from, to) = (
        input.str("RemoveFromVersionId"),
        input.str("MoveToVersionId"),
    );
    let now_at = secret.staged(&stage).map(|(id, _)| id.clone());
    if let Some(to) = to
        && !secret.versions.contains_key(to)
    {
        return Err(AwsError::new(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret value for VersionId: {to}"),
        ));
    }
    match (&now_at, from) {
        (Some(at), None) if to != Some(at) => {
            return Err(bad_parameter(format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to \
                 version {at}, so you must explicitly reference that version in RemoveFromVersionId."
            )));
        }
        (at, Some(from)) if at.as_deref() != Some(from) => {
            return Err(bad_parameter(format!(
                "Staging label {stage} is not attached to version {from}, which RemoveFromVersionId names."
            )));
        }
        _ => {}
    }
    if to.is_none() {
        if stage == "AWSCURRENT" {
            return Err(bad_parameter(
                "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.",
            ));
        }
        change(cx, &secret, |s| {
            for version in s.versions.values_mut() {
                version.stages.remove(&stage);
            }
        });
    } else if let Some(to) = to.map(str::to_owned) {
        change(cx, &secret, |s| s.stage(&stage, &to));
    }
    Ok(json!({"ARN": secret.arn, "Name": secret.name}))
}

pub fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = named(cx, input)?;
    let deprecated = input.bool("IncludeDeprecated").unwrap_or(false);
    let mut versions: Vec<(&String, &Version)> = secret
        .versions
        .iter()
        .filter(|(_, version)| deprecated || !version.stages.is_empty())
        .collect();
    versions.sort_by(|a, b| b.1.created.total_cmp(&a.1.created));
    let key = secret.key.as_deref().unwrap_or("DefaultEncryptionKey");
    let versions: Vec<Value> = versions
        .into_iter()
        .map(|(id, version)| {
            let mut out =
                json!({"VersionId": id, "CreatedDate": version.created, "KmsKeyIds": [key]});
            if !version.stages.is_empty() {
                out["VersionStages"] = json!(version.stages);
            }
            out
        })
        .collect();
    Ok(json!({"Versions": versions, "ARN": secret.arn, "Name": secret.name}))
}
