//! The resource policy of a secret.

use super::{named, writable};
use crate::error::AwsError;
use crate::services::iam::policy::{Policy, Use};
use crate::world::{Cx, Input};
use serde_json::{Value, json};

fn parsed(input: &Input) -> Result<Policy, AwsError> {
    let text = input.str("ResourcePolicy").unwrap_or_default();
    Policy::parse(text, Use::Resource).map_err(|why| {
        AwsError::new(
            "MalformedPolicyDocumentException",
            format!("This resource policy contains a syntax error: {why}"),
        )
    })
}

pub fn get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = named(cx, input)?;
    secret.check_not_deleted()?;
    let mut out = json!({"ARN": secret.arn, "Name": secret.name});
    if let Some(policy) = &secret.policy {
        out["ResourcePolicy"] = json!(&*policy.text);
    }
    Ok(out)
}

pub fn put(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = writable(cx, input)?;
    let policy = parsed(input)?;
    if input.bool("BlockPublicPolicy") == Some(true) && policy.is_public() {
        return Err(AwsError::new(
            "PublicPolicyException",
            "The BlockPublicPolicy parameter is set to true, and the resource policy did not prevent broad access to the \
             secret.",
        ));
    }
    super::change(cx, &secret, |s| s.policy = Some(policy));
    Ok(json!({"ARN": secret.arn, "Name": secret.name}))
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = writable(cx, input)?;
    super::change(cx, &secret, |s| s.policy = None);
    Ok(json!({"ARN": secret.arn, "Name": secret.name}))
}

pub fn validate(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    if input.has("SecretId") {
        named(cx, input)?;
    }
    let policy = parsed(input)?;
    let errors = match policy.is_public() {
        true => vec![json!({
            "CheckName": "PUBLIC_POLICY",
            "ErrorMessage": "The resource policy grants broad access to the secret.",
        })],
        false => Vec::new(),
    };
    Ok(json!({"PolicyValidationPassed": errors.is_empty(), "ValidationErrors": errors}))
}
