//! With whom a snapshot is shared.

use super::neighbours::{self};
use super::refusal::{combination, refuse, snapshot_not_found, snapshot_state, value};
use super::snapshot::Snapshot;
use crate::error::AwsError;
use crate::world::{Cx, Input, Output};
use serde_json::{Value, json};

fn attributes(snapshot: &Snapshot) -> Value {
    json!({
        "DBSnapshotAttributesResult": {
            "DBSnapshotIdentifier": snapshot.id,
            "DBSnapshotAttributes": [{ "AttributeName": "restore", "AttributeValues": snapshot.shared_with }],
        }
    })
}

pub fn describe_attributes(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let id = input
        .str("DBSnapshotIdentifier")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let snapshot = cx
        .place()
        .rds
        .snapshots
        .get(&id)
        .ok_or_else(|| snapshot_not_found(&id))?;
    Ok(attributes(snapshot).into())
}

pub fn modify_attribute(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let id = input
        .str("DBSnapshotIdentifier")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut snapshot = cx
        .place()
        .rds
        .snapshots
        .get(&id)
        .cloned()
        .ok_or_else(|| snapshot_not_found(&id))?;
    if input.str("AttributeName") != Some("restore") {
        return Err(value("The attribute name must be restore."));
    }
    if snapshot.kind == "automated" {
        return Err(snapshot_state(
            "Automated snapshots cannot be shared: copy it to a manual one first.",
        ));
    }
    if snapshot.status != "available" {
        return Err(snapshot_state(format!(
            "The snapshot {id} is not in the available state."
        )));
    }
    let add = input.strings("ValuesToAdd");
    if let Some(wrong) = add.iter().find(|with| {
        *with != "all" && (with.len() != 12 || !with.bytes().all(|b| b.is_ascii_digit()))
    }) {
        return Err(value(format!("Invalid account id: {wrong}")));
    }
    if add.iter().any(|with| with == "all") && snapshot.facts.bool("Encrypted") {
        return Err(combination("Encrypted snapshots cannot be public."));
    }
    let default_key = snapshot.facts.bool("Encrypted") && {
        let (account, region) = (cx.caller.account.clone(), cx.region.clone());
        neighbours::key(cx.world, &account, &region, "alias/aws/rds", "default")
            .ok()
            .as_deref()
            == Some(snapshot.facts.str("KmsKeyId"))
    };
    if default_key && !add.is_empty() {
        return Err(snapshot_state(
            "Snapshots encrypted with the default RDS KMS key cannot be shared.",
        ));
    }
    let remove = input.strings("ValuesToRemove");
    for with in add {
        if !snapshot.shared_with.contains(&with) {
            snapshot.shared_with.push(with);
        }
    }
    snapshot.shared_with.retain(|with| !remove.contains(with));
    if snapshot.shared_with.len() > 20 {
        return Err(refuse(
            "SharedSnapshotQuotaExceeded",
            "A snapshot can be shared with 20 accounts at most.",
        ));
    }
    let answer = attributes(&snapshot);
    let now = cx.now();
    cx.place().rds.snapshots.put(id, snapshot, now);
    Ok(answer.into())
}
