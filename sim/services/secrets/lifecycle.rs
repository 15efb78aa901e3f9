//! Secrets from their making to their deletion: descriptions, tags, rotation settings.

use super::secret::{Content, Rotation, Secret};
use super::versions::{add, repeated, token};
use super::{bad_parameter, change, invalid, key_for, named, replication, writable};
use crate::clock::DAY;
use crate::error::AwsError;
use crate::services::{ServiceId, kms};
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The six letters and digits that AWS adds to a name in the ARN.
fn suffix(world: &mut World, account: &str, region: &str, name: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let ordinal = world.ordinal(&format!("secret suffix/{account}/{region}/{name}"));
    let mut hash = world
        .dice
        .hash(&["secret suffix", account, region, name], ordinal);
    (0..6)
        .map(|_| {
            let letter = LETTERS[(hash % LETTERS.len() as u64) as usize];
            hash /= LETTERS.len() as u64;
            letter as char
        })
        .collect()
}

fn check_name(name: &str) -> Result<(), AwsError> {
    let fine = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/_+=.@-!".contains(c));
    if fine && !name.is_empty() {
        return Ok(());
    }
    Err(AwsError::new(
        "ValidationException",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    ))
}

/// The tags of an input, checked as Secrets Manager checks them and merged into what is there.
fn merged_tags(
    present: &BTreeMap<String, String>,
    input: &Input,
) -> Result<BTreeMap<String, String>, AwsError> {
    let mut merged = present.clone();
    let mut given = BTreeSet::new();
    for tag in input.list("Tags") {
        let key = tag["Key"].as_str().unwrap_or_default();
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(bad_parameter(
                "Tag keys can't start with the reserved prefix aws:.",
            ));
        }
        if !given.insert(key) {
            return Err(bad_parameter("Tag keys must be unique."));
        }
        merged.insert(
            key.to_owned(),
            tag["Value"].as_str().unwrap_or_default().to_owned(),
        );
    }
    if merged.len() > 50 {
        return Err(bad_parameter("A secret can't have more than 50 tags."));
    }
    Ok(merged)
}

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("Name").unwrap_or_default().to_owned();
    check_name(&name)?;
    let content = Content::of(input)?;
    let id = token(cx, input);
    let tags = merged_tags(&BTreeMap::new(), input)?;
    let replicas = replication::wanted(cx, input)?;
    if let Some(present) = cx.place().secrets.secrets.get(&name).cloned() {
        if present.deleted.is_some() {
            return Err(invalid(
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            ));
        }
        let again = match &content {
            Some(content) => repeated(&present, &id, content)?,
            None => false,
        };
        if again && present.primary.is_none() {
            return Ok(json!({"ARN": present.arn, "Name": name, "VersionId": id}));
        }
        return Err(AwsError::new(
            "ResourceExistsException",
            format!("The operation failed because the secret {name} already exists."),
        ));
    }
    let key = input.str("KmsKeyId").map(str::to_owned);
    key_for(cx, key.as_deref(), false)?;
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let suffix = suffix(cx.world, &account, &region, &name);
    let created = cx.unix_now();
    let mut secret = Secret {
        arn: cx.arn("secretsmanager", &format!("secret:{name}-{suffix}")),
        name: name.clone(),
        description: input.str("Description").map(str::to_owned),
        key,
        created,
        changed: created,
        deleted: None,
        tags,
        versions: BTreeMap::new(),
        policy: None,
        rotation: None,
        owner: None,
        primary: None,
        replicas: BTreeMap::new(),
    };
    let mut answer = json!({"ARN": secret.arn, "Name": name});
    if let Some(content) = content {
        add(
            &mut secret,
            &id,
            content,
            created,
            &["AWSCURRENT".to_owned()],
        );
        answer["VersionId"] = json!(id);
    }
    let now = cx.now();
    cx.place().secrets.secrets.put(name, secret.clone(), now);
    if !replicas.is_empty() {
        let overwrite = input.bool("ForceOverwriteReplicaSecret").unwrap_or(false);
        answer["ReplicationStatus"] = replication::start(cx, &secret, replicas, overwrite);
    }
    Ok(answer)
}

/// Makes a secret that a service owns (a managed master password) and answers its ARN.
pub fn create_managed(
    world: &mut World,
    account: &str,
    region: &str,
    service: &str,
    name: &str,
    value: &str,
    key: Option<&str>,
) -> String {
    let created = world.unix(world.now());
    let now = world.now();
    if key.is_none() {
        kms::aws_managed(world, account, region, "secretsmanager");
    }
    let suffix = suffix(world, account, region, name);
    let id = format!(
        "{:016x}{:016x}",
        world.dice.hash(&["managed secret", account, name], 0),
        world.dice.hash(&["managed secret", account, name], 1)
    );
    let arn = format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}-{suffix}");
    let mut secret = Secret {
        name: name.to_owned(),
        arn: arn.clone(),
        description: None,
        key: key.map(str::to_owned),
        created,
        changed: created,
        deleted: None,
        tags: BTreeMap::new(),
        versions: BTreeMap::new(),
        policy: None,
        rotation: Some(Rotation {
            enabled: true,
            function: None,
            rules: json!({"AutomaticallyAfterDays": 7}),
            next: Some(created + 7.0 * 86_400.0),
        }),
        owner: Some(service.to_owned()),
        primary: None,
        replicas: BTreeMap::new(),
    };
    add(
        &mut secret,
        &id,
        Content::Text(value.to_owned()),
        created,
        &["AWSCURRENT".to_owned()],
    );
    world
        .place(account, region)
        .secrets
        .secrets
        .put(name, secret, now);
    arn
}

/// Removes a secret that a service owns, when the service lets go of it.
pub fn delete_managed(world: &mut World, arn: &str) {
    let mut parts = arn.split(':').skip(3);
    let (Some(region), Some(account)) = (parts.next(), parts.next()) else {
        return;
    };
    let (region, account, now) = (region.to_owned(), account.to_owned(), world.now());
    let state = &mut world.place(&account, &region).secrets;
    let name = state
        .secrets
        .iter()
        .find(|(_, s)| s.arn == arn)
        .map(|(name, _)| name.to_owned());
    if let Some(name) = name {
        state.secrets.remove(&name, now);
    }
}

pub fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = named(cx, input)?;
    let mut out = secret.json("VersionIdsToStages");
    if !secret.replicas.is_empty() {
        out["ReplicationStatus"] = secret.replication_json();
    }
    Ok(out)
}

/// A service's own secret is changed by that service only.
fn check_own(secret: &Secret) -> Result<(), AwsError> {
    match &secret.owner {
        None => Ok(()),
        Some(owner) => Err(invalid(format!(
            "You can't perform this operation on the secret because it is managed by {owner}."
        ))),
    }
}

pub fn update(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = named(cx, input)?;
    secret.check_not_deleted()?;
    let content = Content::of(input)?;
    let key = input.str("KmsKeyId").map(str::to_owned);
    // All that can be changed of a replica is its key.
    if content.is_some() || input.has("Description") || key.is_none() {
        secret.check_not_replica()?;
    }
    if content.is_some() {
        check_own(&secret)?;
    }
    if let Some(key) = &key {
        key_for(cx, Some(key), false)?;
    } else if content.is_some() {
        key_for(cx, secret.key.as_deref(), false)?;
    }
    let id = token(cx, input);
    let mut answer = json!({"ARN": secret.arn, "Name": secret.name});
    let again = match &content {
        Some(content) => {
            answer["VersionId"] = json!(id);
            repeated(&secret, &id, content)?
        }
        None => false,
    };
    let description = input.str("Description").map(str::to_owned);
    let created = cx.unix_now();
    change(cx, &secret, |s| {
        s.description = description.or(s.description.take());
        s.key = key.or(s.key.take());
        if let Some(content) = content.filter(|_| !again) {
            add(s, &id, content, created, &["AWSCURRENT".to_owned()]);
        }
    });
    Ok(answer)
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let force = input.bool("ForceDeleteWithoutRecovery").unwrap_or(false);
    let days = input.i64("RecoveryWindowInDays");
    if force && days.is_some() {
        return Err(bad_parameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ));
    }
    let window = days.unwrap_or(30);
    if !(7..=30).contains(&window) {
        return Err(bad_parameter(
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
        ));
    }
    let found = named(cx, input);
    let secret = match found {
        Ok(secret) => secret,
        // A forced deletion of what is not there succeeds, like the removal of something already removed.
        Err(error) if force && error.code == "ResourceNotFoundException" => {
            let any = input.str("SecretId").unwrap_or_default();
            let name = any.rsplit(":secret:").next().unwrap_or(any).to_owned();
            let arn = cx.arn("secretsmanager", &format!("secret:{name}"));
            return Ok(json!({"ARN": arn, "Name": name, "DeletionDate": cx.unix_now()}));
        }
        Err(error) => return Err(error),
    };
    secret.check_not_replica()?;
    check_own(&secret)?;
    if !secret.replicas.is_empty() {
        return Err(invalid(
            "You can't delete secret that still has replicas. Remove the replicas first with RemoveRegionsFromReplication.",
        ));
    }
    if secret.deleted.is_some() && !force {
        secret.check_not_deleted()?;
    }
    let name = secret.name.clone();
    if force {
        let now = cx.now();
        unschedule_purge(cx, &name);
        cx.place().secrets.secrets.remove(&name, now);
        return Ok(json!({"ARN": secret.arn, "Name": name, "DeletionDate": cx.unix_now()}));
    }
    let at = cx.unix_now();
    change(cx, &secret, |s| s.deleted = Some(at));
    let after = window as u64 * DAY;
    cx.later(after, "purge", &name);
    let date = cx.world.unix(cx.now() + after);
    Ok(json!({"ARN": secret.arn, "Name": name, "DeletionDate": date}))
}

fn unschedule_purge(cx: &mut Cx<'_>, name: &str) {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    cx.world.unschedule(|e| {
        e.service == ServiceId::Secrets
            && e.what == "purge"
            && e.id == name
            && e.account == account
            && e.region == region
    });
}

pub fn restore(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = named(cx, input)?;
    secret.check_not_replica()?;
    unschedule_purge(cx, &secret.name);
    change(cx, &secret, |s| s.deleted = None);
    Ok(json!({"ARN": secret.arn, "Name": secret.name}))
}

pub fn rotate(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = writable(cx, input)?;
    let present = secret.rotation.clone().unwrap_or_default();
    let function = input
        .str("RotationLambdaARN")
        .map(str::to_owned)
        .or(present.function);
    if function.is_none() && secret.owner.is_none() {
        return Err(invalid(
            "No Lambda rotation function ARN is associated with this secret.",
        ));
    }
    let pending = secret
        .staged("AWSPENDING")
        .is_some_and(|(_, v)| !v.stages.contains("AWSCURRENT"));
    if pending {
        return Err(invalid(
            "A previous rotation isn't complete. That rotation will be reattempted.",
        ));
    }
    let rules = input
        .value
        .get("RotationRules")
        .cloned()
        .unwrap_or(present.rules);
    let days = rules["AutomaticallyAfterDays"].as_i64();
    if rules.get("ScheduleExpression").is_some() && days.is_some() {
        return Err(bad_parameter(
            "You can't specify both AutomaticallyAfterDays and ScheduleExpression.",
        ));
    }
    let id = token(cx, input);
    let next = days.map(|days| cx.unix_now() + days as f64 * 86_400.0);
    change(cx, &secret, |s| {
        s.rotation = Some(Rotation {
            enabled: true,
            function,
            rules,
            next,
        })
    });
    Ok(json!({"ARN": secret.arn, "Name": secret.name, "VersionId": id}))
}

pub fn cancel_rotation(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = writable(cx, input)?;
    if secret.rotation.is_none() {
        return Err(invalid(
            "You tried to cancel the rotation of a secret that has no rotation.",
        ));
    }
    check_own(&secret)?;
    change(cx, &secret, |s| {
        if let Some(rotation) = &mut s.rotation {
            rotation.enabled = false;
        }
    });
    Ok(json!({"ARN": secret.arn, "Name": secret.name}))
}

pub fn tag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = writable(cx, input)?;
    let tags = merged_tags(&secret.tags, input)?;
    change(cx, &secret, |s| s.tags = tags);
    Ok(json!({}))
}

pub fn untag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = writable(cx, input)?;
    let keys = input.strings("TagKeys");
    change(cx, &secret, |s| s.tags.retain(|key, _| !keys.contains(key)));
    Ok(json!({}))
}
