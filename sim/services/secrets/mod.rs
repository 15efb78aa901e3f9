//! Secrets Manager: secrets, their versions and their replicas.
//!
//! Reading order: [`secret`] (what a secret is), [`versions`] (values and their stages), [`replication`], [`lifecycle`],
//! [`listing`], [`reading`] (how tasks get a value). A replica is a row of its own in its region that follows its primary
//! until it is promoted. Knows nothing of rotation functions: rotation is settings only.

use super::iam::{self, policy::Policy};
use super::{Service, ServiceId, Wanted, kms};
use crate::error::AwsError;
use crate::table::Table;
use crate::world::{Cx, Event, Input, Output, World};
use secret::Secret;
use serde_json::{Value, json};
use std::collections::BTreeMap;

mod lifecycle;
mod listing;
mod policies;
mod reading;
mod replication;
pub mod secret;
mod versions;

pub use lifecycle::{create_managed, delete_managed};
pub use reading::{read, read_as};

pub const SERVICE: Service = Service {
    id: ServiceId::Secrets,
    handle,
    happen,
    wants,
};

/// Secrets Manager in one account and region.
#[derive(Clone, Default)]
pub struct State {
    /// By name; a secret that is scheduled for deletion keeps its name.
    pub secrets: Table<Secret>,
}

/// Operations on an existing secret are decided here, as its resource policy has a say.
fn wants(cx: &Cx<'_>, operation: &str, input: &Input) -> Vec<Wanted> {
    let (resource, mut context) = match operation {
        "CreateSecret" => {
            let name = input.str("Name").unwrap_or_default();
            let context = vec![("secretsmanager:Name".to_owned(), name.to_owned())];
            (cx.arn("secretsmanager", &format!("secret:{name}")), context)
        }
        "ListSecrets" | "GetRandomPassword" | "BatchGetSecretValue" => ("*".to_owned(), Vec::new()),
        _ => return Vec::new(),
    };
    for tag in input.list("Tags") {
        let key = tag["Key"].as_str().unwrap_or_default().to_owned();
        let value = tag["Value"].as_str().unwrap_or_default().to_owned();
        context.push((format!("aws:RequestTag/{key}"), value));
        context.push(("aws:TagKeys".to_owned(), key));
    }
    vec![Wanted {
        action: format!("secretsmanager:{operation}"),
        resource,
        context,
    }]
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    let value = match operation {
        "CreateSecret" => lifecycle::create(cx, input)?,
        "DescribeSecret" => lifecycle::describe(cx, input)?,
        "UpdateSecret" => lifecycle::update(cx, input)?,
        "DeleteSecret" => lifecycle::delete(cx, input)?,
        "RestoreSecret" => lifecycle::restore(cx, input)?,
        "RotateSecret" => lifecycle::rotate(cx, input)?,
        "CancelRotateSecret" => lifecycle::cancel_rotation(cx, input)?,
        "TagResource" => lifecycle::tag(cx, input)?,
        "UntagResource" => lifecycle::untag(cx, input)?,
        "GetSecretValue" => versions::get(cx, input)?,
        "BatchGetSecretValue" => versions::batch_get(cx, input)?,
        "PutSecretValue" => versions::put(cx, input)?,
        "UpdateSecretVersionStage" => versions::update_stage(cx, input)?,
        "ListSecretVersionIds" => versions::list(cx, input)?,
        "ListSecrets" => listing::list(cx, input),
        "GetRandomPassword" => listing::random_password(cx, input)?,
        "GetResourcePolicy" => policies::get(cx, input)?,
        "PutResourcePolicy" => policies::put(cx, input)?,
        "DeleteResourcePolicy" => policies::delete(cx, input)?,
        "ValidateResourcePolicy" => policies::validate(cx, input)?,
        "ReplicateSecretToRegions" => replication::replicate(cx, input)?,
        "RemoveRegionsFromReplication" => replication::remove(cx, input)?,
        "StopReplicationToReplica" => replication::promote(cx, input)?,
        _ => return Err(cx.not_simulated()),
    };
    Ok(value.into())
}

fn happen(world: &mut World, event: &Event) {
    match event.what {
        "replicate" => replication::replicated(world, event),
        "purge" => {
            let now = world.now();
            world
                .place(&event.account, &event.region)
                .secrets
                .secrets
                .remove(&event.id, now);
        }
        _ => {}
    }
}

fn absent() -> AwsError {
    AwsError::new(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
    )
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidRequestException", message)
}

fn bad_parameter(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterException", message)
}

/// The name of the secret that a name, an ARN or an ARN without its suffix names in a region.
fn name_of(state: &State, region: &str, any: &str) -> Option<String> {
    let Some(rest) = any.strip_prefix("arn:") else {
        return state.secrets.contains(any).then(|| any.to_owned());
    };
    if rest.split(':').nth(2) != Some(region) {
        return None;
    }
    let found = state.secrets.iter().find(|(_, secret)| {
        secret.arn == any || secret.arn.get(..secret.arn.len().saturating_sub(7)) == Some(any)
    });
    found.map(|(name, _)| name.to_owned())
}

/// The secret that `SecretId` names, with the caller's right to do the operation to it.
fn named(cx: &mut Cx<'_>, input: &Input) -> Result<Secret, AwsError> {
    let any = input.str("SecretId").unwrap_or_default().to_owned();
    named_as(cx, &any, &cx.operation.clone(), input)
}

fn named_as(
    cx: &mut Cx<'_>,
    any: &str,
    operation: &str,
    input: &Input,
) -> Result<Secret, AwsError> {
    let region = cx.region.clone();
    // A secret shared by its policy is named by its ARN and lives in its owner's account.
    let owner = any
        .strip_prefix("arn:")
        .and_then(|rest| rest.split(':').nth(3));
    let owner = owner.unwrap_or(&cx.caller.account).to_owned();
    let secret = cx.world.seen_place(&owner, &region).and_then(|place| {
        let name = name_of(&place.secrets, &region, any)?;
        place.secrets.secrets.get(&name).cloned()
    });
    let Some(secret) = secret else {
        // Whoever may not ask about a secret is not told that there is none.
        let resource = match any.starts_with("arn:") {
            true => any.to_owned(),
            false => cx.arn("secretsmanager", &format!("secret:{any}")),
        };
        let wanted = Wanted {
            action: format!("secretsmanager:{operation}"),
            resource,
            context: Vec::new(),
        };
        iam::authorize(cx.world, &cx.caller, &wanted, &region)?;
        return Err(absent());
    };
    let wanted = Wanted {
        action: format!("secretsmanager:{operation}"),
        resource: secret.arn.clone(),
        context: context(&secret, input),
    };
    permit(
        cx.world,
        &cx.caller.arn,
        &wanted,
        &region,
        secret.policy.as_ref(),
    )?;
    Ok(secret)
}

fn context(secret: &Secret, input: &Input) -> Vec<(String, String)> {
    let mut context = vec![("secretsmanager:SecretId".to_owned(), secret.arn.clone())];
    if let Some(stage) = input.str("VersionStage") {
        context.push(("secretsmanager:VersionStage".to_owned(), stage.to_owned()));
    }
    if let Some(force) = input.bool("ForceDeleteWithoutRecovery") {
        context.push((
            "secretsmanager:ForceDeleteWithoutRecovery".to_owned(),
            force.to_string(),
        ));
    }
    if let Some(days) = input.i64("RecoveryWindowInDays") {
        context.push((
            "secretsmanager:RecoveryWindowInDays".to_owned(),
            days.to_string(),
        ));
    }
    for (key, value) in &secret.tags {
        context.push((format!("aws:ResourceTag/{key}"), value.clone()));
        context.push((format!("secretsmanager:ResourceTag/{key}"), value.clone()));
    }
    for tag in input.list("Tags") {
        let key = tag["Key"].as_str().unwrap_or_default().to_owned();
        let value = tag["Value"].as_str().unwrap_or_default().to_owned();
        context.push((format!("aws:RequestTag/{key}"), value));
        context.push(("aws:TagKeys".to_owned(), key));
    }
    context
}

/// IAM's decision, with the secret's own policy if it has one.
fn permit(
    world: &World,
    principal: &str,
    wanted: &Wanted,
    region: &str,
    policy: Option<&Policy>,
) -> Result<(), AwsError> {
    let account = principal.split(':').nth(4).unwrap_or_default();
    let own_root =
        principal.ends_with(":root") && wanted.resource.contains(&format!(":{account}:"));
    match policy {
        // The root of the owning account can always take a policy back that locks everyone out.
        Some(policy) if !own_root => {
            iam::resource_allows(world, principal, wanted, region, policy, false)
        }
        _ => {
            let caller = crate::world::Caller {
                account: account.to_owned(),
                arn: principal.to_owned(),
                id: String::new(),
                access_key: String::new(),
            };
            iam::authorize(world, &caller, wanted, region)
        }
    }
}

/// A secret that the caller may change: not a replica, not on its way out.
fn writable(cx: &mut Cx<'_>, input: &Input) -> Result<Secret, AwsError> {
    let secret = named(cx, input)?;
    secret.check_not_replica()?;
    secret.check_not_deleted()?;
    Ok(secret)
}

/// Changes a secret in place in the called region, and lets its replicas follow.
fn change(cx: &mut Cx<'_>, secret: &Secret, change: impl FnOnce(&mut Secret)) {
    let (now, at) = (cx.now(), cx.unix_now());
    let region = cx.region.clone();
    cx.world
        .place(secret.account(), &region)
        .secrets
        .secrets
        .change(&secret.name, now, |s| {
            change(s);
            s.changed = at;
        });
    replication::follow(cx, secret);
}

/// The ARN of the key that protects a secret, if it can be used by the caller; else what Secrets Manager says. `opens`:
/// to decrypt, else to encrypt.
fn key_for(cx: &mut Cx<'_>, key: Option<&str>, opens: bool) -> Result<(), AwsError> {
    let (account, region, caller) = (
        cx.caller.account.clone(),
        cx.region.clone(),
        cx.caller.arn.clone(),
    );
    key_usable(cx.world, &account, &region, &caller, key, opens)?;
    if key.is_none() {
        kms::aws_managed(cx.world, &account, &region, "secretsmanager");
    }
    Ok(())
}

fn key_usable(
    world: &World,
    account: &str,
    region: &str,
    principal: &str,
    key: Option<&str>,
    opens: bool,
) -> Result<(), AwsError> {
    let key = key.unwrap_or("alias/aws/secretsmanager");
    let failure = |why: AwsError| match (why.code.as_str(), opens) {
        ("NotFoundException", false) => bad_parameter(format!(
            "The KMS key {key} cannot be found: {}",
            why.message
        )),
        (_, true) => AwsError::new(
            "DecryptionFailure",
            format!(
                "Secrets Manager can't decrypt the protected secret text using the provided KMS key. {}",
                why.message
            ),
        ),
        (_, false) => AwsError::new(
            "EncryptionFailure",
            format!(
                "Secrets Manager can't encrypt the protected secret text using the provided KMS key. {}",
                why.message
            ),
        ),
    };
    let arn = kms::usable(world, account, region, key).map_err(failure)?;
    if principal.ends_with(":root") {
        return Ok(());
    }
    let action = if opens {
        "kms:Decrypt"
    } else {
        "kms:GenerateDataKey"
    };
    kms::principal_may_via(world, principal, &arn, action, Some("secretsmanager")).map_err(|_| {
        AwsError::new("AccessDeniedException", "Access to KMS is not allowed").status(400)
    })
}

/// Every secret with its tags, for the Tagging API.
pub fn tagged(
    world: &World,
    account: &str,
    region: &str,
) -> Vec<(String, BTreeMap<String, String>)> {
    world
        .seen_place(account, region)
        .map_or_else(Vec::new, |place| {
            place
                .secrets
                .secrets
                .iter()
                .filter(|(_, secret)| secret.deleted.is_none())
                .map(|(_, secret)| (secret.arn.clone(), secret.tags.clone()))
                .collect()
        })
}

fn tags_json(tags: &BTreeMap<String, String>) -> Value {
    tags.iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

#[cfg(test)]
mod tests;
