//! Keys from their making to their deletion: states, policies, tags, rotation.

use super::key::{Key, KeyState, RegionRole};
use super::{change, named};
use crate::clock::DAY;
use crate::error::AwsError;
use crate::services::iam::policy::{Ask, Policy, Use, Verdict};
use crate::services::{ServiceId, iam};
use crate::world::{Cx, Event, Input, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let spec = input
        .str("KeySpec")
        .or(input.str("CustomerMasterKeySpec"))
        .unwrap_or("SYMMETRIC_DEFAULT");
    let origin = input.str("Origin").unwrap_or("AWS_KMS");
    let usage = input.str("KeyUsage").unwrap_or("ENCRYPT_DECRYPT");
    if spec != "SYMMETRIC_DEFAULT" || origin != "AWS_KMS" {
        return Err(cx.not_simulated());
    }
    if usage != "ENCRYPT_DECRYPT" {
        return Err(AwsError::new(
            "ValidationException",
            format!("KeyUsage {usage} is not compatible with KeySpec {spec}"),
        ));
    }
    let multi_region = input.bool("MultiRegion").unwrap_or(false);
    let bypass = input
        .bool("BypassPolicyLockoutSafetyCheck")
        .unwrap_or(false);
    let policy = policy(cx, input.str("Policy"), bypass)?;
    let tags = merged_tags(&BTreeMap::new(), input)?;
    if cx
        .place()
        .kms
        .keys
        .iter()
        .filter(|(_, k)| !k.managed_by_aws)
        .count()
        >= 100_000
    {
        return Err(AwsError::new(
            "LimitExceededException",
            "The number of KMS keys is at its quota.",
        ));
    }
    let id = if multi_region {
        format!("mrk-{}", cx.hex("mrk", 32))
    } else {
        cx.uuid("key")
    };
    let key = Key {
        arn: cx.arn("kms", &format!("key/{id}")),
        id: id.clone(),
        created: cx.unix_now(),
        description: input.str("Description").unwrap_or_default().to_owned(),
        state: KeyState::Enabled,
        managed_by_aws: false,
        policy,
        tags,
        rotation_days: None,
        rotations: Vec::new(),
        region_role: multi_region.then_some(RegionRole::Primary),
        grants: BTreeMap::new(),
        deletion: None,
        pending_window: None,
    };
    if multi_region {
        iam::ensure_service_linked_role(cx, "mrk.kms.amazonaws.com")?;
    }
    let now = cx.now();
    cx.place().kms.keys.put(id, key.clone(), now);
    Ok(json!({"KeyMetadata": key.json(cx.world)}))
}

/// The policy of a key, as given or AWS's default, with the check that its maker does not lock itself out.
pub fn policy(cx: &Cx<'_>, text: Option<&str>, bypass: bool) -> Result<Policy, AwsError> {
    let account = cx.account_id().to_owned();
    let malformed = |message: String| AwsError::new("MalformedPolicyDocumentException", message);
    let Some(text) = text else {
        let text = json!({
            "Version": "2012-10-17",
            "Id": "key-default-1",
            "Statement": [{
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
                "Action": "kms:*",
                "Resource": "*",
            }],
        });
        return Policy::parse(&text.to_string(), Use::Resource).map_err(malformed);
    };
    let policy = Policy::parse(text, Use::Resource).map_err(malformed)?;
    if text.len() > 32_768 {
        return Err(AwsError::new(
            "LimitExceededException",
            "The key policy is larger than 32768 bytes.",
        ));
    }
    for principal in policy
        .statements
        .iter()
        .filter_map(|s| s.principals.as_ref())
        .flat_map(|p| &p.items)
    {
        let arn = &principal.value;
        let checked =
            principal.kind == "AWS" && arn.starts_with("arn:aws:iam::") && !arn.ends_with(":root");
        let home = arn.split(':').nth(4).unwrap_or_default();
        if checked && cx.world.accounts.contains_key(home) && iam::identify(cx.world, arn).is_none()
        {
            return Err(malformed(
                "Policy contains a statement with one or more invalid principals.".into(),
            ));
        }
    }
    if !bypass {
        let ask = Ask {
            principal: cx.caller.arn.clone(),
            principal_arn: cx.caller.arn.clone(),
            account: account.clone(),
            action: "kms:PutKeyPolicy".into(),
            resource: "*".into(),
            ..Ask::default()
        }
        .with("kms:CallerAccount", account);
        if policy.verdict(&ask) != Verdict::Allow && !policy.delegates(&ask) {
            return Err(malformed(
                "The new key policy will not allow you to update the key policy in the future."
                    .into(),
            ));
        }
    }
    Ok(policy)
}

pub fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = named(cx, input, "KeyId", true)?;
    Ok(json!({"KeyMetadata": key.json(cx.world)}))
}

pub fn list(cx: &mut Cx<'_>) -> Value {
    let keys: Vec<Value> = cx
        .place()
        .kms
        .keys
        .iter()
        .map(|(id, key)| json!({"KeyId": id, "KeyArn": key.arn}))
        .collect();
    json!({"Keys": keys, "Truncated": false})
}

/// A key that the caller may change.
fn own(cx: &mut Cx<'_>, input: &Input) -> Result<Key, AwsError> {
    let key = named(cx, input, "KeyId", false)?;
    key.check_customer(&cx.caller.arn, &cx.operation)?;
    Ok(key)
}

pub fn enable(cx: &mut Cx<'_>, input: &Input, enabled: bool) -> Result<Value, AwsError> {
    let key = own(cx, input)?;
    key.check_changeable()?;
    change(cx, &key, |k| {
        k.state = if enabled {
            KeyState::Enabled
        } else {
            KeyState::Disabled
        }
    });
    Ok(json!({}))
}

pub fn schedule_deletion(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = own(cx, input)?;
    let days = input.i64("PendingWindowInDays").unwrap_or(30);
    if !(7..=30).contains(&days) {
        return Err(AwsError::new(
            "ValidationException",
            format!(
                "1 validation error detected: Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint: \
                 Member must be between 7 and 30"
            ),
        ));
    }
    key.check_changeable()?;
    let has_replicas = key.region_role == Some(RegionRole::Primary)
        && key
            .family(cx.world)
            .iter()
            .any(|k| k.region_role == Some(RegionRole::Replica));
    if has_replicas {
        change(cx, &key, |k| {
            k.state = KeyState::PendingReplicaDeletion;
            k.pending_window = Some(days);
        });
        return Ok(
            json!({"KeyId": key.arn, "KeyState": "PendingReplicaDeletion", "PendingWindowInDays": days}),
        );
    }
    let after = days as u64 * DAY;
    let date = cx.world.unix(cx.now() + after);
    change(cx, &key, |k| {
        k.state = KeyState::PendingDeletion;
        k.deletion = Some(date);
        k.pending_window = Some(days);
    });
    cx.later(after, "delete key", &key.id);
    Ok(json!({
        "KeyId": key.arn,
        "DeletionDate": date,
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": days,
    }))
}

pub fn cancel_deletion(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = own(cx, input)?;
    if !matches!(
        key.state,
        KeyState::PendingDeletion | KeyState::PendingReplicaDeletion
    ) {
        let message = format!("{} is not pending deletion.", key.arn);
        return Err(AwsError::new("KMSInvalidStateException", message));
    }
    change(cx, &key, |k| {
        k.state = KeyState::Disabled;
        k.deletion = None;
        k.pending_window = None;
    });
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    cx.world.unschedule(|e| {
        e.service == ServiceId::Kms
            && e.what == "delete key"
            && e.id == key.id
            && e.account == account
            && e.region == region
    });
    Ok(json!({"KeyId": key.arn}))
}

/// The waiting period of a key is over.
pub fn deleted(world: &mut World, event: &Event) {
    let now = world.now();
    let state = &mut world.place(&event.account, &event.region).kms;
    let Some(key) = state.keys.remove(&event.id, now) else {
        return;
    };
    for name in state.aliases.keys() {
        if state.aliases.get(&name).is_some_and(|a| a.key == event.id) {
            state.aliases.remove(&name, now);
        }
    }
    // A primary that waited for this replica, if it was the last, begins its own waiting period.
    let family = key.family(world);
    let waiting = family
        .iter()
        .find(|k| k.state == KeyState::PendingReplicaDeletion);
    let last = !family
        .iter()
        .any(|k| k.region_role == Some(RegionRole::Replica));
    let Some(primary) = waiting.filter(|_| last).map(|k| (*k).clone()) else {
        return;
    };
    let days = primary.pending_window.unwrap_or(30);
    let after = days as u64 * DAY;
    let date = world.unix(now + after);
    let region = primary.region().to_owned();
    world
        .place(&event.account, &region)
        .kms
        .keys
        .settle(&primary.id, |k| {
            k.state = KeyState::PendingDeletion;
            k.deletion = Some(date);
        });
    world.schedule(
        after,
        Event {
            region,
            ..event.clone()
        },
    );
}

pub fn update_description(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = own(cx, input)?;
    key.check_changeable()?;
    let description = input.str("Description").unwrap_or_default().to_owned();
    change(cx, &key, |k| k.description = description);
    Ok(json!({}))
}

fn only_default(input: &Input) -> Result<(), AwsError> {
    match input.str("PolicyName").unwrap_or("default") {
        "default" => Ok(()),
        _ => Err(AwsError::new("NotFoundException", "No such policy exists")),
    }
}

pub fn get_policy(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = named(cx, input, "KeyId", false)?;
    only_default(input)?;
    Ok(json!({"Policy": &*key.policy.text, "PolicyName": "default"}))
}

pub fn put_policy(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = own(cx, input)?;
    only_default(input)?;
    let bypass = input
        .bool("BypassPolicyLockoutSafetyCheck")
        .unwrap_or(false);
    let policy = policy(cx, input.str("Policy"), bypass)?;
    change(cx, &key, |k| k.policy = policy);
    Ok(json!({}))
}

pub fn list_policies(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    named(cx, input, "KeyId", false)?;
    Ok(json!({"PolicyNames": ["default"], "Truncated": false}))
}

pub fn rotation(cx: &mut Cx<'_>, input: &Input, on: bool) -> Result<Value, AwsError> {
    let key = own(cx, input)?;
    key.check_usable()?;
    let days = input.i64("RotationPeriodInDays").unwrap_or(365);
    if key.region_role == Some(RegionRole::Replica) {
        return Err(AwsError::new(
            "UnsupportedOperationException",
            format!(
                "{} is a replica key; its rotation is set on the primary key.",
                key.arn
            ),
        ));
    }
    // Rotation is a shared property of related keys.
    let regions: Vec<String> = key
        .family(cx.world)
        .iter()
        .map(|k| k.region().to_owned())
        .collect();
    let regions = if key.region_role.is_some() {
        regions
    } else {
        vec![cx.region.clone()]
    };
    let now = cx.now();
    for region in regions {
        let keys = &mut cx.place_in(&region).kms.keys;
        keys.change(&key.id, now, |k| k.rotation_days = on.then_some(days));
    }
    Ok(json!({}))
}

pub fn rotation_status(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = named(cx, input, "KeyId", false)?;
    let mut out = json!({
        "KeyId": key.arn,
        "KeyRotationEnabled": key.rotation_days.is_some() && key.state != KeyState::PendingDeletion,
    });
    if let Some(days) = key.rotation_days {
        let passed = ((cx.unix_now() - key.created) / 86_400.0 / days as f64).floor() + 1.0;
        out["RotationPeriodInDays"] = json!(days);
        out["NextRotationDate"] = json!(key.created + passed * days as f64 * 86_400.0);
    }
    Ok(out)
}

pub fn rotate(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = own(cx, input)?;
    key.check_usable()?;
    if key.rotations.len() >= 25 {
        return Err(AwsError::new(
            "LimitExceededException",
            "The key has been rotated on demand 25 times.",
        ));
    }
    let at = cx.unix_now();
    change(cx, &key, |k| k.rotations.push(at));
    Ok(json!({"KeyId": key.id}))
}

pub fn list_rotations(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = named(cx, input, "KeyId", false)?;
    let rotations: Vec<Value> = key
        .rotations
        .iter()
        .map(|at| json!({"KeyId": key.id, "RotationDate": at, "RotationType": "ON_DEMAND"}))
        .collect();
    Ok(json!({"Rotations": rotations, "Truncated": false}))
}

/// The tags of an input, checked as KMS checks them and merged into what is there.
pub fn merged_tags(
    present: &BTreeMap<String, String>,
    input: &Input,
) -> Result<BTreeMap<String, String>, AwsError> {
    let mut merged = present.clone();
    let mut given = std::collections::BTreeSet::new();
    for tag in input.list("Tags") {
        let key = tag["TagKey"].as_str().unwrap_or_default();
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(AwsError::new(
                "TagException",
                "Tags with the prefix aws: cannot be set by users",
            ));
        }
        if !given.insert(key) {
            return Err(AwsError::new("TagException", "Duplicate tag keys"));
        }
        merged.insert(
            key.to_owned(),
            tag["TagValue"].as_str().unwrap_or_default().to_owned(),
        );
    }
    if merged.len() > 50 {
        return Err(AwsError::new("TagException", "Too many tags"));
    }
    Ok(merged)
}

pub fn tags_json(tags: &BTreeMap<String, String>) -> Value {
    tags.iter()
        .map(|(key, value)| json!({"TagKey": key, "TagValue": value}))
        .collect()
}

pub fn tag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = own(cx, input)?;
    key.check_changeable()?;
    let tags = merged_tags(&key.tags, input)?;
    change(cx, &key, |k| k.tags = tags);
    Ok(json!({}))
}

pub fn untag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = own(cx, input)?;
    key.check_changeable()?;
    let keys = input.strings("TagKeys");
    change(cx, &key, |k| k.tags.retain(|name, _| !keys.contains(name)));
    Ok(json!({}))
}

pub fn list_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = named(cx, input, "KeyId", false)?;
    Ok(json!({"Tags": tags_json(&key.tags), "Truncated": false}))
}
