//! Who made what: at each call that makes something, the names it answers with that nobody has heard before.

use crate::clock::Nanos;
use crate::services::ServiceId;
use crate::world::{Cx, Input};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The call that made a resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Birth {
    pub at: Nanos,
    /// The principal's ARN.
    pub by: String,
    pub operation: String,
    pub request_id: String,
}

/// By ARN or id. Shared between forks until one of them makes something.
#[derive(Clone, Debug, Default)]
pub struct Births {
    by_name: Arc<BTreeMap<String, Arc<Birth>>>,
    made: Arc<BTreeMap<String, u64>>,
}

impl Births {
    pub fn get(&self, name: &str) -> Option<&Birth> {
        self.by_name.get(name).map(Arc::as_ref)
    }

    /// How many calls have made something since the world began, by region and operation, whatever became of it.
    pub fn made(&self) -> &BTreeMap<String, u64> {
        &self.made
    }

    fn knows(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }
}

/// Operations that make something begin with one of these.
const MAKING: [&str; 16] = [
    "Create",
    "Run",
    "Register",
    "Put",
    "Request",
    "Copy",
    "Restore",
    "Allocate",
    "Import",
    "Authorize",
    "Associate",
    "Attach",
    "Replicate",
    "Promote",
    "Start",
    "Upload",
];

/// What deletions name by a name alone: the member, and what stands before the name in the ARN.
const NAMED: [(&str, &str, &str); 16] = [
    ("DeleteDBInstance", "DBInstanceIdentifier", ":db:"),
    ("DeleteDBSnapshot", "DBSnapshotIdentifier", ":snapshot:"),
    ("DeleteDBCluster", "DBClusterIdentifier", ":cluster:"),
    (
        "DeleteDBClusterSnapshot",
        "DBClusterSnapshotIdentifier",
        ":cluster-snapshot:",
    ),
    ("DeleteDBSubnetGroup", "DBSubnetGroupName", ":subgrp:"),
    ("DeleteDBParameterGroup", "DBParameterGroupName", ":pg:"),
    (
        "DeleteDBClusterParameterGroup",
        "DBClusterParameterGroupName",
        ":cluster-pg:",
    ),
    ("DeleteOptionGroup", "OptionGroupName", ":og:"),
    ("DeleteCluster", "cluster", ":cluster/"),
    ("DeleteService", "service", "/"),
    ("DeleteRepository", "repositoryName", ":repository/"),
    ("DeleteRole", "RoleName", "/"),
    ("DeleteUser", "UserName", "/"),
    ("DeleteLogGroup", "logGroupName", ":log-group:"),
    ("DeleteBucket", "Bucket", ":s3:::"),
    ("DeleteAlias", "AliasName", ":"),
];

pub(crate) fn witness(cx: &mut Cx<'_>, input: &Input, output: &Value) {
    let operation = cx.operation.clone();
    if cx.service == ServiceId::Route53 && operation == "ChangeResourceRecordSets" {
        return record_sets(cx, input);
    }
    if operation.starts_with("Delete") || operation.starts_with("Release") {
        return death(cx, input);
    }
    if !MAKING.iter().any(|verb| operation.starts_with(verb)) {
        return;
    }
    let mut names = vec![];
    collect(output, &mut names);
    // What has no name of its own in the answer is named in the request.
    match cx.service {
        ServiceId::Logs => {
            name(
                input,
                "logGroupName",
                |n| cx.arn("logs", &format!("log-group:{n}")),
                &mut names,
            );
        }
        ServiceId::Ssm => {
            let full = |n: &str| cx.arn("ssm", &format!("parameter/{}", n.trim_start_matches('/')));
            name(input, "Name", full, &mut names);
        }
        ServiceId::S3 => name(input, "Bucket", |n| format!("arn:aws:s3:::{n}"), &mut names),
        ServiceId::Kms => name(input, "AliasName", |n| cx.arn("kms", n), &mut names),
        _ => {}
    }
    names.retain(|n| !cx.world.births.knows(n));
    put(cx, names);
}

fn put(cx: &mut Cx<'_>, names: Vec<String>) {
    if names.is_empty() {
        return;
    }
    if names.iter().any(|name| !cx.world.births.knows(name)) {
        let what = format!("{} {} {}", cx.region, cx.service.id(), cx.operation);
        *Arc::make_mut(&mut cx.world.births.made)
            .entry(what)
            .or_default() += 1;
    }
    let birth = Arc::new(Birth {
        at: cx.now(),
        by: cx.caller.arn.clone(),
        operation: cx.operation.clone(),
        request_id: cx.request_id.clone(),
    });
    let births = Arc::make_mut(&mut cx.world.births.by_name);
    for name in names {
        births.insert(name, Arc::clone(&birth));
    }
}

/// What is deleted may be made again under its name, by somebody else.
fn death(cx: &mut Cx<'_>, input: &Input) {
    let mut gone: Vec<String> = vec![];
    if let Some(members) = input.value.as_object() {
        let strings = members.values().filter_map(Value::as_str);
        gone.extend(strings.filter(|s| is_name(s)).map(str::to_owned));
    }
    if let Some((_, member, before)) = NAMED.iter().find(|(op, ..)| *op == cx.operation)
        && let Some(given) = input.str(member)
    {
        let end = format!("{before}{}", given.rsplit('/').next().unwrap_or(given));
        let service = format!(":{}:", cx.service.signing());
        let here = format!(":{}:", cx.account_id());
        let named = |key: &&String| {
            key.ends_with(&end)
                && key.contains(&service)
                && (key.contains(&here) || cx.service == ServiceId::S3)
                && (key.contains(&format!(":{}:", cx.region))
                    || key.contains(":::")
                    || key.contains(":iam::"))
        };
        gone.extend(cx.world.births.by_name.keys().filter(named).cloned());
    }
    if gone.iter().any(|name| cx.world.births.knows(name)) {
        let births = Arc::make_mut(&mut cx.world.births.by_name);
        for name in &gone {
            births.remove(name);
        }
    }
}

/// Record sets have no ids: zone, name, type and set identifier are one.
pub(super) fn record_set(zone: &str, set: &Value) -> String {
    let part = |member: &str| set.get(member).and_then(Value::as_str).unwrap_or("");
    let name = part("Name").trim_end_matches('.').to_ascii_lowercase();
    format!("{zone} {name}. {} {}", part("Type"), part("SetIdentifier"))
        .trim_end()
        .to_owned()
}

fn record_sets(cx: &mut Cx<'_>, input: &Input) {
    let zone = input
        .str("HostedZoneId")
        .unwrap_or("")
        .trim_start_matches("/hostedzone/")
        .to_owned();
    let changes = input
        .value
        .pointer("/ChangeBatch/Changes")
        .and_then(Value::as_array)
        .cloned();
    let mut made = vec![];
    for change in changes.unwrap_or_default() {
        let id = record_set(&zone, &change["ResourceRecordSet"]);
        made.retain(|other| *other != id);
        if change["Action"] == "DELETE" {
            if cx.world.births.knows(&id) {
                Arc::make_mut(&mut cx.world.births.by_name).remove(&id);
            }
        } else {
            made.push(id);
        }
    }
    put(cx, made);
}

fn name(input: &Input, member: &str, full: impl Fn(&str) -> String, names: &mut Vec<String>) {
    if let Some(given) = input.str(member) {
        names.push(full(given));
    }
}

fn collect(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::String(text) if is_name(text) => names.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|v| collect(v, names)),
        Value::Object(members) => members.values().for_each(|v| collect(v, names)),
        _ => {}
    }
}

/// An ARN, an id such as `vpc-0a1b2c3d4e5f60718`, or a hosted zone's path.
fn is_name(text: &str) -> bool {
    if text.len() > 400 || text.contains(char::is_whitespace) {
        return false;
    }
    let id = text.rsplit_once('-').is_some_and(|(prefix, hex)| {
        !prefix.is_empty()
            && prefix.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
            && (8..=17).contains(&hex.len())
            && hex.bytes().all(|b| b.is_ascii_hexdigit())
    });
    text.starts_with("arn:aws") || text.starts_with("/hostedzone/") || id
}
