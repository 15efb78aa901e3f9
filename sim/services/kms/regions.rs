//! Multi-region keys: replicas share the key material and the id; policy, tags, aliases and grants are each region's own.

use super::key::{Key, KeyState, RegionRole};
use super::lifecycle::{merged_tags, policy, tags_json};
use super::named;
use crate::clock::Pert;
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::world::{Cx, Event, Input};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn unsupported(message: String) -> AwsError {
    AwsError::new("UnsupportedOperationException", message)
}

/// The primary key that an input names.
fn primary(cx: &mut Cx<'_>, input: &Input) -> Result<Key, AwsError> {
    let key = named(cx, input, "KeyId", false)?;
    match key.region_role {
        Some(RegionRole::Primary) => {}
        Some(RegionRole::Replica) => {
            return Err(unsupported(format!("{} is a replica key.", key.arn)));
        }
        None => {
            return Err(unsupported(format!(
                "{} is not a multi-region key.",
                key.arn
            )));
        }
    }
    match key.state {
        KeyState::Enabled => Ok(key),
        KeyState::Disabled => Err(key.disabled()),
        _ => Err(key.invalid_state()),
    }
}

fn later(cx: &mut Cx<'_>, region: &str, what: &'static str, id: &str) {
    let after = cx
        .world
        .sample(Pert(2.0, 8.0, 45.0), &format!("{region}/{id}"), what);
    let event = Event {
        service: ServiceId::Kms,
        account: cx.caller.account.clone(),
        region: region.to_owned(),
        what,
        id: id.to_owned(),
        detail: Value::Null,
    };
    cx.world.schedule(after, event);
}

pub fn replicate(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = primary(cx, input)?;
    let region = input.str("ReplicaRegion").unwrap_or_default().to_owned();
    let bypass = input
        .bool("BypassPolicyLockoutSafetyCheck")
        .unwrap_or(false);
    if region == cx.region || cx.place_in(&region).kms.keys.contains(&key.id) {
        let message = format!(
            "Unable to replicate {} to {region} because the key already exists there.",
            key.arn
        );
        return Err(AwsError::new("AlreadyExistsException", message));
    }
    let policy = policy(cx, input.str("Policy"), bypass)?;
    let tags = merged_tags(&BTreeMap::new(), input)?;
    let replica = Key {
        arn: format!("arn:aws:kms:{region}:{}:key/{}", cx.account_id(), key.id),
        created: cx.unix_now(),
        description: input.str("Description").unwrap_or_default().to_owned(),
        state: KeyState::Creating,
        policy,
        tags,
        rotations: Vec::new(),
        region_role: Some(RegionRole::Replica),
        grants: BTreeMap::new(),
        deletion: None,
        pending_window: None,
        ..key.clone()
    };
    let now = cx.now();
    cx.place_in(&region)
        .kms
        .keys
        .put(key.id.clone(), replica.clone(), now);
    later(cx, &region, "replica enabled", &key.id);
    Ok(json!({
        "ReplicaKeyMetadata": replica.json(cx.world),
        "ReplicaPolicy": &*replica.policy.text,
        "ReplicaTags": tags_json(&replica.tags),
    }))
}

pub fn update_primary(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = primary(cx, input)?;
    let region = input.str("PrimaryRegion").unwrap_or_default().to_owned();
    if region == cx.region {
        return Err(unsupported(format!(
            "{} is the primary key already.",
            key.arn
        )));
    }
    let replica = cx.place_in(&region).kms.keys.get(&key.id).cloned();
    let Some(replica) = replica else {
        let arn = format!("arn:aws:kms:{region}:{}:key/{}", cx.account_id(), key.id);
        return Err(AwsError::new(
            "NotFoundException",
            format!("Key '{arn}' does not exist"),
        ));
    };
    match replica.state {
        KeyState::Enabled => {}
        KeyState::Disabled => return Err(replica.disabled()),
        _ => return Err(replica.invalid_state()),
    }
    let now = cx.now();
    for (region, role) in [
        (region, RegionRole::Primary),
        (cx.region.clone(), RegionRole::Replica),
    ] {
        cx.place_in(&region).kms.keys.change(&key.id, now, |k| {
            k.region_role = Some(role);
            k.state = KeyState::Updating;
        });
        later(cx, &region, "primary updated", &key.id);
    }
    Ok(json!({}))
}
