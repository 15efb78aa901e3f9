//! A world in a form in which two worlds can be compared: what every list and description in it says, without the
//! instants at which things were made and with generated ids replaced by their order.
//!
//! Read through the same operations as any client reads, on a fork in which every write has become visible: so a new
//! service is compared as soon as it is listed here, and nothing of its insides is. Bytes of objects are compared by
//! their checksums.

use crate::call;
use crate::clock::SECOND;
use crate::model::{Kind, Member, Model};
use crate::services::ServiceId;
use crate::world::World;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

mod ids;
mod looks;
#[cfg(test)]
mod tests;

use looks::{GLOBAL, Look, REGIONAL};

impl World {
    /// The world, comparable. Equal for worlds in which the same things are, whatever they are called internally.
    pub fn canonical(&self) -> Value {
        let mut out = self.described();
        ids::order(&mut out);
        ids::label(&mut out, &mut BTreeMap::new());
        out
    }

    /// The same with every id and name as its owner reads it, in the order in which AWS lists things: by account or by
    /// account and region, then by service and operation, what was asked (`of`) and answered (`is`).
    pub fn described(&self) -> Value {
        let mut world = self.fork();
        world.recording = false;
        let readable = world.now() + world.settings.read_lag + SECOND;
        world.advance_to(readable);
        let mut places: BTreeSet<(String, String)> = world.places.keys().cloned().collect();
        let mut accounts: BTreeSet<String> = world.accounts.keys().cloned().collect();
        accounts.extend(places.iter().map(|(account, _)| account.clone()));
        places.retain(|(account, _)| !account.is_empty());
        let mut out = Map::new();
        for account in accounts.iter().filter(|a| !a.is_empty()) {
            let seen = look(&mut world, account, "us-east-1", GLOBAL);
            if !seen.is_empty() {
                out.insert(account.clone(), Value::Object(seen));
            }
        }
        for (account, region) in &places {
            let seen = look(&mut world, account, region, REGIONAL);
            if !seen.is_empty() {
                out.insert(format!("{account} {region}"), Value::Object(seen));
            }
        }
        Value::Object(out)
    }
}

/// Answers by `service operation`: a list of what was asked and answered.
fn look(world: &mut World, account: &str, region: &str, looks: &[Look]) -> Map<String, Value> {
    let mut answers: BTreeMap<&str, Vec<(Value, Value)>> = BTreeMap::new();
    let mut out = Map::new();
    for look in looks {
        let model = look.service.model();
        let mut found = Vec::new();
        for mut input in inputs(look, &answers) {
            for (key, value) in look
                .fixed
                .split_terminator('&')
                .filter_map(|pair| pair.split_once('='))
            {
                let value = value
                    .parse::<bool>()
                    .map_or_else(|_| json!(value), Value::Bool);
                input[key] = value;
            }
            let answer = call::invoke(
                world,
                account,
                region,
                look.service,
                look.operation,
                input.clone(),
            );
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) if error.status == Some(501) => break,
                // Most often: this one has none of it.
                Err(error) => json!({"error": error.code}),
            };
            found.push((input, answer));
        }
        let name = format!("{} {}", look.service.id(), look.operation);
        let mut shown = Vec::new();
        for (input, answer) in &found {
            let mut answer = answer.clone();
            if let Some(shape) = model.operation(look.operation).and_then(|o| o.output) {
                timeless(model, shape, &mut answer);
            }
            if !is_empty(&answer) {
                shown.push(json!({"of": input, "is": answer}));
            }
        }
        if !shown.is_empty() {
            let entry = out.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(entries) = entry {
                entries.extend(shown);
            }
        }
        answers.entry(look.operation).or_default().extend(found);
    }
    out
}

/// The inputs that a look asks with.
fn inputs(look: &Look, answers: &BTreeMap<&str, Vec<(Value, Value)>>) -> Vec<Value> {
    let Some((_, source, _)) = look.from.first() else {
        return vec![json!({})];
    };
    let mut out = Vec::new();
    for (asked, answered) in answers.get(source).into_iter().flatten() {
        let Some((member, _, path)) = look.from.last() else {
            continue;
        };
        let mut values = Vec::new();
        collect(answered, path, &mut values);
        for value in values {
            let mut input = Map::new();
            for (name, _, path) in look.from {
                if let Some(given) = path.strip_prefix('@').and_then(|given| asked.get(given)) {
                    input.insert((*name).to_owned(), given.clone());
                }
            }
            // Route 53 writes ids with a prefix that its clients take off again.
            let value = match (look.service, value.as_str()) {
                (ServiceId::Route53, Some(id)) => json!(id.rsplit('/').next()),
                _ => value,
            };
            input.insert((*member).to_owned(), one_or_list(look, member, value));
            // What descriptions leave out unless asked.
            let more = match look.operation {
                "DescribeClusters" => Some(json!(["TAGS", "SETTINGS", "CONFIGURATIONS"])),
                "DescribeServices" | "DescribeTaskDefinition" | "DescribeTasks" => {
                    Some(json!(["TAGS"]))
                }
                _ => None,
            };
            if let Some(more) = more {
                input.insert(String::from("include"), more);
            }
            out.push(Value::Object(input));
        }
    }
    out
}

fn one_or_list(look: &Look, member: &str, value: Value) -> Value {
    let model = look.service.model();
    let shape = model
        .operation(look.operation)
        .and_then(|o| o.input)
        .map(|n| model.shape(n));
    let kind = shape
        .and_then(|s| s.member(member))
        .map(|m| model.shape_of(m).kind);
    if kind == Some(Kind::List) {
        Value::Array(vec![value])
    } else {
        value
    }
}

fn collect(value: &Value, path: &str, into: &mut Vec<Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, path, into)),
        Value::Null => {}
        value if path.is_empty() => into.push(value.clone()),
        value => {
            let (head, rest) = path.split_once('.').unwrap_or((path, ""));
            if let Some(inner) = value.get(head) {
                collect(inner, rest, into);
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().all(is_empty),
        Value::Object(map) => map.values().all(is_empty),
        _ => false,
    }
}

/// Members that say when, or how far, and not what.
fn is_passing(model: &Model, member: &Member) -> bool {
    let shape = model.shape_of(member);
    shape.kind == Kind::Timestamp
        || matches!(
            member.name.as_str(),
            // Histories, and texts with instants in them.
            "MacAddress"
                | "PrivateDnsName"
                | "PublicDnsName"
                | "PublicIp"
                | "events"
                | "deployments"
                | "PercentProgress"
                | "connectivityAt"
                | "version"
                | "RestoreWindow"
                | "IsTruncated"
                | "MaxItems"
                | "StateReasonData"
                | "lastStatus"
                | "NextToken"
                | "nextToken"
                | "HostId"
                | "RequestId"
                // CloudWatch Logs writes instants as numbers; how much was logged is a history too.
                | "creationTime"
                | "firstEventTimestamp"
                | "lastEventTimestamp"
                | "lastIngestionTime"
                | "storedBytes"
        )
}

fn timeless(model: &Model, shape: usize, value: &mut Value) {
    let shape = model.shape(shape);
    match value {
        Value::Object(map) if shape.kind == Kind::Structure => {
            map.retain(|name, inner| match shape.member(name) {
                Some(member) => {
                    if is_passing(model, member) || is_empty(inner) {
                        return false;
                    }
                    timeless(model, member.shape, inner);
                    true
                }
                None => true,
            });
        }
        Value::Object(map) => {
            if let Some(element) = &shape.element {
                map.values_mut()
                    .for_each(|inner| timeless(model, element.shape, inner));
            }
        }
        Value::Array(items) => {
            if let Some(element) = &shape.element {
                items
                    .iter_mut()
                    .for_each(|inner| timeless(model, element.shape, inner));
            }
        }
        _ => {}
    }
}
