//! Replicas: copies in other regions that follow their primary until they are promoted.

use super::secret::{Replica, Secret, Status};
use super::{bad_parameter, change, invalid, key_usable, named, writable};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::services::{ServiceId, kms};
use crate::world::{Cx, Event, Input, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const FIRST: Pert = Pert(2.0, 5.0, 20.0);

/// The regions and keys that an input asks replicas in.
pub fn wanted(cx: &Cx<'_>, input: &Input) -> Result<Vec<(String, Option<String>)>, AwsError> {
    let mut wanted: Vec<(String, Option<String>)> = Vec::new();
    for row in input.list("AddReplicaRegions") {
        let region = row["Region"].as_str().unwrap_or_default().to_owned();
        if region == cx.region {
            return Err(bad_parameter(format!(
                "Invalid replica region: {region} is the region of the secret."
            )));
        }
        let plausible =
            region.split('-').count() >= 3 && region.ends_with(|c: char| c.is_ascii_digit());
        if !plausible {
            return Err(bad_parameter(format!("Invalid replica region: {region}")));
        }
        if wanted.iter().any(|(r, _)| *r == region) {
            return Err(bad_parameter(format!(
                "Replica region {region} is given twice."
            )));
        }
        let key = row["KmsKeyId"].as_str().map(str::to_owned);
        if key
            .as_ref()
            .is_some_and(|k| k.starts_with("arn:") && k.split(':').nth(3) != Some(&region))
        {
            return Err(bad_parameter(format!(
                "The KMS key for the replica must be in region {region}."
            )));
        }
        wanted.push((region, key));
    }
    Ok(wanted)
}

/// Enters the replicas and begins to make them. Answers the status of all.
pub fn start(
    cx: &mut Cx<'_>,
    secret: &Secret,
    wanted: Vec<(String, Option<String>)>,
    overwrite: bool,
) -> Value {
    let now = cx.now();
    for (region, key) in wanted {
        let replica = Replica {
            key,
            status: Status::InProgress,
            message: String::new(),
            overwrite,
        };
        cx.place().secrets.secrets.change(&secret.name, now, |s| {
            s.replicas.insert(region.clone(), replica);
        });
        copy_later(cx, &secret.name, &region, FIRST);
    }
    let present = cx.place().secrets.secrets.get(&secret.name);
    present.map_or(Value::Null, Secret::replication_json)
}

fn copy_later(cx: &mut Cx<'_>, name: &str, region: &str, pert: Pert) {
    let after = cx
        .world
        .sample(pert, &format!("{name}/{region}"), "replicate secret");
    cx.later_with(after, "replicate", name, json!({"region": region}));
}

/// A primary has changed: its replicas follow.
pub fn follow(cx: &mut Cx<'_>, secret: &Secret) {
    let regions: Vec<String> = secret
        .replicas
        .iter()
        .filter(|(_, replica)| replica.status != Status::Failed)
        .map(|(region, _)| region.clone())
        .collect();
    let now = cx.now();
    for region in regions {
        cx.place().secrets.secrets.change(&secret.name, now, |s| {
            if let Some(replica) = s.replicas.get_mut(&region) {
                replica.status = Status::InProgress;
            }
        });
        copy_later(cx, &secret.name, &region, Pert(1.0, 2.0, 10.0));
    }
}

/// A copy arrives in the replica's region, or fails there.
pub fn replicated(world: &mut World, event: &Event) {
    let Some(region) = event.detail["region"].as_str().map(str::to_owned) else {
        return;
    };
    let place = world.seen_place(&event.account, &event.region);
    let Some(primary) = place
        .and_then(|p| p.secrets.secrets.get(&event.id))
        .cloned()
    else {
        return;
    };
    let Some(replica) = primary.replicas.get(&region).cloned() else {
        return;
    };
    let there = world
        .seen_place(&event.account, &region)
        .and_then(|p| p.secrets.secrets.get(&event.id))
        .cloned();
    let ours = there.as_ref().is_some_and(|s| {
        s.primary.as_deref() == Some(event.region.as_str()) && same_suffix(s, &primary)
    });
    let root = format!("arn:aws:iam::{}:root", event.account);
    let failure = if there.is_some() && !ours && !replica.overwrite {
        Some(format!(
            "Replication failed: Secret name {} already exists in region {region}.",
            event.id
        ))
    } else {
        key_usable(
            world,
            &event.account,
            &region,
            &root,
            replica.key.as_deref(),
            false,
        )
        .err()
        .map(|why| format!("Replication failed: {}", why.message))
    };
    let now = world.now();
    if failure.is_none() {
        if replica.key.is_none() {
            kms::aws_managed(world, &event.account, &region, "secretsmanager");
        }
        let copy = Secret {
            arn: primary
                .arn
                .replacen(&format!(":{}:", event.region), &format!(":{region}:"), 1),
            // The key of a replica may have been changed in its own region.
            key: there
                .filter(|_| ours)
                .map_or(replica.key.clone(), |s| s.key),
            primary: Some(event.region.clone()),
            replicas: BTreeMap::new(),
            ..primary.clone()
        };
        world
            .place(&event.account, &region)
            .secrets
            .secrets
            .put(event.id.clone(), copy, now);
    }
    // A copy that was asked for later than this one is still on its way.
    let (account, home, name) = (
        event.account.clone(),
        event.region.clone(),
        event.id.clone(),
    );
    let more = world.is_scheduled(|e| {
        e.service == ServiceId::Secrets
            && e.what == "replicate"
            && e.account == account
            && e.region == home
            && e.id == name
            && e.detail["region"] == region.as_str()
    });
    world
        .place(&event.account, &event.region)
        .secrets
        .secrets
        .settle(&event.id, |s| {
            let Some(replica) = s.replicas.get_mut(&region) else {
                return;
            };
            (replica.status, replica.message) = match failure {
                Some(why) => (Status::Failed, why),
                None if more => (Status::InProgress, String::new()),
                None => (Status::InSync, "Replication succeeded".to_owned()),
            };
        });
}

fn same_suffix(a: &Secret, b: &Secret) -> bool {
    a.arn.rsplit(':').next() == b.arn.rsplit(':').next()
}

pub fn replicate(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = writable(cx, input)?;
    let wanted = wanted(cx, input)?;
    for (region, _) in &wanted {
        let present = secret.replicas.get(region);
        if present.is_some_and(|replica| replica.status != Status::Failed) {
            return Err(bad_parameter(format!(
                "The secret is already replicated to region {region}."
            )));
        }
    }
    let overwrite = input.bool("ForceOverwriteReplicaSecret").unwrap_or(false);
    let status = start(cx, &secret, wanted, overwrite);
    Ok(json!({"ARN": secret.arn, "ReplicationStatus": status}))
}

pub fn remove(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = writable(cx, input)?;
    let regions = input.strings("RemoveReplicaRegions");
    for region in &regions {
        if !secret.replicas.contains_key(region) {
            return Err(bad_parameter(format!(
                "The secret is not replicated to region {region}."
            )));
        }
    }
    let now = cx.now();
    for region in &regions {
        let secrets = &mut cx.place_in(region).secrets.secrets;
        let ours = secrets
            .get(&secret.name)
            .is_some_and(|s| s.primary.is_some() && same_suffix(s, &secret));
        if ours {
            secrets.remove(&secret.name, now);
        }
    }
    cx.place().secrets.secrets.change(&secret.name, now, |s| {
        s.replicas.retain(|region, _| !regions.contains(region));
    });
    let present = cx.place().secrets.secrets.get(&secret.name);
    let status = present.map_or(Value::Null, Secret::replication_json);
    Ok(json!({"ARN": secret.arn, "ReplicationStatus": status}))
}

/// Makes a replica a secret of its own. Called in the replica's region, so it works when the primary's is gone.
pub fn promote(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let secret = named(cx, input)?;
    let Some(primary) = secret.primary.clone() else {
        return Err(invalid(
            "Operation not permitted on a primary or standalone secret. Call must be made in the replica secret's region.",
        ));
    };
    let now = cx.now();
    change(cx, &secret, |s| s.primary = None);
    let region = cx.region.clone();
    cx.place_in(&primary)
        .secrets
        .secrets
        .change(&secret.name, now, |s| {
            s.replicas.remove(&region);
        });
    Ok(json!({"ARN": secret.arn}))
}
