//! The master user's secret, where RDS manages the password itself.

use super::instance::MasterSecret;
use super::refusal::{key_not_accessible, refuse};
use crate::error::AwsError;
use crate::services::{ServiceId, kms};
use crate::world::Cx;
use serde_json::json;

/// Makes a password and the secret that holds it.
pub fn make(
    cx: &mut Cx<'_>,
    resource: &str,
    user: &str,
    key: Option<&str>,
) -> Result<(String, MasterSecret), AwsError> {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let key = match key {
        Some(any) => kms::usable(cx.world, &account, &region, any)
            .map_err(|_| key_not_accessible("specified", any))?,
        None => kms::aws_managed(cx.world, &account, &region, "secretsmanager"),
    };
    let password = cx.hex("master-password", 28);
    let kind = if resource.starts_with("cluster-") {
        "cluster"
    } else {
        "db"
    };
    let name = format!("rds!{kind}-{}", cx.uuid("master-secret"));
    let made = cx.world.invoke(
        &account,
        &region,
        ServiceId::Secrets,
        "CreateSecret",
        json!({
            "Name": name,
            "Description": format!("Secret associated with primary RDS DB instance: {resource}"),
            "KmsKeyId": key,
            "SecretString": json!({ "username": user, "password": password }).to_string(),
            "Tags": [
                { "Key": "aws:rds:primaryDBInstanceArn", "Value": resource },
                { "Key": "aws:secretsmanager:owningService", "Value": "rds" },
            ],
        }),
    );
    let made = made.map_err(|error| refuse("InvalidParameterCombination", error.message))?;
    let arn = made["ARN"].as_str().unwrap_or_default().to_owned();
    Ok((password, MasterSecret { arn, key }))
}

/// Writes another password into the secret.
pub fn rotate(cx: &mut Cx<'_>, secret: &MasterSecret, user: &str) -> Result<String, AwsError> {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let password = cx.hex("master-password", 28);
    cx.world.invoke(
        &account,
        &region,
        ServiceId::Secrets,
        "PutSecretValue",
        json!({
            "SecretId": secret.arn,
            "SecretString": json!({ "username": user, "password": password }).to_string(),
        }),
    )?;
    Ok(password)
}

/// The secret goes with its database, at once.
pub fn remove(world: &mut crate::World, account: &str, region: &str, secret: &MasterSecret) {
    let input = json!({ "SecretId": secret.arn, "ForceDeleteWithoutRecovery": true });
    // A secret that somebody has deleted already is gone: that is what was wanted.
    let _ = world.invoke(account, region, ServiceId::Secrets, "DeleteSecret", input);
}
