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
pub struct Births(Arc<BTreeMap<String, Arc<Birth>>>);

impl Births {
    pub fn get(&self, name: &str) -> Option<&Birth> {
        self.0.get(name).map(Arc::as_ref)
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

pub(crate) fn witness(cx: &mut Cx<'_>, input: &Input, output: &Value) {
    let operation = cx.operation.clone();
    if !MAKING.iter().any(|verb| operation.starts_with(verb)) {
        return;
    }
    let mut names = vec![];
    collect(output, &mut names);
    // What has no name of its own in the answer is named in the request.
    match cx.service {
        ServiceId::Logs => name(
            input,
            "logGroupName",
            |n| cx.arn("logs", &format!("log-group:{n}")),
            &mut names,
        ),
        ServiceId::Ssm => {
            name(
                input,
                "Name",
                |n| cx.arn("ssm", &format!("parameter/{}", n.trim_start_matches('/'))),
                &mut names,
            );
        }
        ServiceId::S3 => name(input, "Bucket", |n| format!("arn:aws:s3:::{n}"), &mut names),
        ServiceId::Kms => name(input, "AliasName", |n| cx.arn("kms", n), &mut names),
        _ => {}
    }
    names.retain(|n| !cx.world.births.0.contains_key(n));
    if names.is_empty() {
        return;
    }
    let birth = Arc::new(Birth {
        at: cx.now(),
        by: cx.caller.arn.clone(),
        operation,
        request_id: cx.request_id.clone(),
    });
    let births = Arc::make_mut(&mut cx.world.births.0);
    for name in names {
        births.insert(name, Arc::clone(&birth));
    }
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
