//! The master user's secret, where RDS manages the password itself.

use super::instance::MasterSecret;
use super::refusal::key_not_accessible;
use crate::error::AwsError;
use crate::services::{ServiceId, kms, secrets};
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
    let value = json!({ "username": user, "password": password }).to_string();
    let arn = secrets::create_managed(
        cx.world,
        &account,
        &region,
        "rds",
        &name,
        &value,
        Some(&key),
    );
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
pub fn remove(world: &mut crate::World, secret: &MasterSecret) {
    secrets::delete_managed(world, &secret.arn);
}
