//! Replication between buckets: what is put after the rule was made, and nothing from before.

use super::objects::{self, Object};
use super::{Bucket, access};
use crate::clock::{Pert, SECOND};
use crate::error::AwsError;
use crate::services::{ServiceId, iam};
use crate::world::{Cx, Event, World};
use serde_json::{Value, json};

/// How long one object takes, beside its bytes. S3 gives no figure without a time control: seconds mostly, minutes at times.
const ARRIVAL: Pert = Pert(2.0, 15.0, 300.0);
const BYTES_PER_SECOND: u64 = 50 * 1024 * 1024;

fn destination_name(rule: &Value) -> &str {
    rule["Destination"]["Bucket"]
        .as_str()
        .unwrap_or_default()
        .trim_start_matches("arn:aws:s3:::")
}

/// What must hold before a configuration is stored.
pub(super) fn check(cx: &Cx<'_>, config: &Value, bucket: &Bucket) -> Result<(), AwsError> {
    let refused = |message: &str| Err(AwsError::new("InvalidRequest", message).status(400));
    if !bucket.versioned() {
        return refused(
            "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
        );
    }
    let rules = config["Rules"].as_array().cloned().unwrap_or_default();
    if rules.is_empty() || rules.len() > 1_000 {
        return refused("A replication configuration has between 1 and 1000 rules");
    }
    for rule in &rules {
        if rule["Filter"].is_object() && rule["Priority"].is_null() {
            return refused(
                "Priority must be specified for this version of Cross Region Replication configuration schema.",
            );
        }
        if rule["Filter"].is_object() && rule["DeleteMarkerReplication"].is_null() {
            return refused(
                "DeleteMarkerReplication must be specified for this version of Cross Region Replication configuration schema.",
            );
        }
        let name = destination_name(rule);
        if name == bucket.name {
            return refused("Destination bucket cannot be the same as the source bucket.");
        }
        match cx.world.s3.buckets.get(name) {
            None => return refused("Destination bucket must exist."),
            Some(b) if !b.versioned() => {
                return refused("Destination bucket must have versioning enabled.");
            }
            Some(_) => {}
        }
    }
    let mut priorities: Vec<&Value> = rules
        .iter()
        .map(|r| &r["Priority"])
        .filter(|p| !p.is_null())
        .collect();
    let before = priorities.len();
    priorities.sort_by_key(|p| p.as_i64());
    priorities.dedup();
    if priorities.len() < before {
        return refused("Found duplicate priority rule.");
    }
    Ok(())
}

fn takes(rule: &Value, object: &Object) -> bool {
    if rule["Status"] != json!("Enabled") {
        return false;
    }
    let filter = &rule["Filter"];
    let prefix = [&rule["Prefix"], &filter["Prefix"], &filter["And"]["Prefix"]]
        .into_iter()
        .find_map(Value::as_str);
    let mut tags: Vec<&Value> = filter["And"]["Tags"]
        .as_array()
        .map(|t| t.iter().collect())
        .unwrap_or_default();
    if filter["Tag"].is_object() {
        tags.push(&filter["Tag"]);
    }
    let has = |tag: &&Value| {
        object
            .tags
            .iter()
            .any(|(k, v)| tag["Key"] == json!(k) && tag["Value"] == json!(v))
    };
    prefix.is_none_or(|p| object.key.starts_with(p)) && tags.iter().all(has)
}

/// The names of the buckets that an object goes to: of several rules for one bucket, that of the highest priority.
fn rules_for<'r>(bucket: &'r Bucket, object: &Object) -> Vec<&'r Value> {
    let config = bucket.settings.get("ReplicationConfiguration");
    let mut rules: Vec<&Value> = config
        .and_then(|c| c["Rules"].as_array())
        .into_iter()
        .flatten()
        .filter(|r| takes(r, object))
        .collect();
    rules.sort_by_key(|r| std::cmp::Reverse(r["Priority"].as_i64().unwrap_or(0)));
    let mut seen: Vec<&str> = Vec::new();
    rules.retain(|r| {
        let name = destination_name(r);
        let new = !seen.contains(&name);
        seen.push(name);
        new
    });
    rules
}

/// Sends a new object on its way; answers the status that it has meanwhile.
pub(super) fn begins(cx: &mut Cx<'_>, bucket: &Bucket, object: &Object) -> Option<&'static str> {
    let rules: Vec<Value> = rules_for(bucket, object).into_iter().cloned().collect();
    if rules.is_empty() || !bucket.versioned() {
        return None;
    }
    let size = object.body.len() as u64;
    for rule in &rules {
        send(cx, bucket, &object.key, &object.version, rule, size);
    }
    Some("PENDING")
}

/// A delete marker was put: it is replicated only by rules that say so.
pub(super) fn marked(cx: &mut Cx<'_>, bucket: &Bucket, key: &str, version: &str) {
    let probe = Object {
        key: key.to_owned(),
        ..Object::default()
    };
    let rules: Vec<Value> = rules_for(bucket, &probe)
        .into_iter()
        .filter(|r| r["DeleteMarkerReplication"]["Status"] == json!("Enabled"))
        .cloned()
        .collect();
    for rule in &rules {
        send(cx, bucket, key, version, rule, 0);
    }
}

fn send(cx: &mut Cx<'_>, bucket: &Bucket, key: &str, version: &str, rule: &Value, size: u64) {
    let to = destination_name(rule);
    let resource = format!("{}/{key}/{to}", bucket.name);
    let after = cx.world.sample(ARRIVAL, &resource, "replicate") + size * SECOND / BYTES_PER_SECOND;
    let role = bucket
        .settings
        .get("ReplicationConfiguration")
        .map(|c| c["Role"].clone())
        .unwrap_or_default();
    let event = Event {
        service: ServiceId::S3,
        account: bucket.owner.clone(),
        region: bucket.region.clone(),
        what: "replicate",
        id: bucket.name.clone(),
        detail: json!({
            "key": key,
            "version": version,
            "to": to,
            "role": role,
            "class": rule["Destination"]["StorageClass"],
        }),
    };
    cx.world.schedule(after, event);
}

/// An object reaches its destination.
pub(super) fn arrive(world: &mut World, event: &Event) {
    let text = |member: &str| event.detail[member].as_str().unwrap_or_default().to_owned();
    let (key, version, to, role) = (text("key"), text("version"), text("to"), text("role"));
    let found = world.s3.objects.get(&event.id).and_then(|t| t.get(&key));
    // A version that is gone meanwhile goes nowhere.
    let Some(mut object) = found
        .and_then(|v| v.0.iter().find(|o| o.version == version))
        .cloned()
    else {
        return;
    };
    let resource = format!("arn:aws:s3:::{to}/{key}");
    let region = world.s3.buckets.get(&to).map(|b| b.region.clone());
    let owned = world.s3.buckets.get(&to).is_some_and(|b| {
        b.owner == event.account
            || access::verdict(
                b,
                Some(&event.account),
                &role,
                "s3:ReplicateObject",
                &resource,
            ) == access::Verdict::Allow
    });
    let versioned = world.s3.buckets.get(&to).is_some_and(Bucket::versioned);
    let permitted =
        region.is_some_and(|r| iam::role_allows(world, &role, "s3:ReplicateObject", &resource, &r));
    let fine = owned && versioned && permitted;
    if fine {
        object.replication = Some("REPLICA");
        if let Some(class) = event.detail["class"].as_str() {
            object.storage_class = class.to_owned();
        }
        let now = world.now();
        objects::insert_at(&mut world.s3, now, &to, object);
    }
    let status = if fine { "COMPLETED" } else { "FAILED" };
    if let Some(table) = world.s3.objects.get_mut(&event.id) {
        table.settle(&key, |versions| {
            if let Some(source) = versions
                .0
                .iter_mut()
                .find(|o| o.version == version && !o.deleted)
            {
                source.replication = Some(status);
            }
        });
    }
}
