//! `plan --as-cli` is what is typed when drtool cannot run, so it must say what drtool would send: the same operations, and in each
//! every setting. This also finds a setting that is planned and shown, and forgotten by the step that should send it.

use std::collections::{BTreeMap, BTreeSet};

use drtool::expand::{self, Rehearsal};
use drtool_engine::event::{Event, Record};
use drtool_engine::plan::Plan;
use serde_json::Value;

use crate::world::{Bench, done};

/// Members by which a call is told from another, which nobody has to type.
const OWN: &[&str] = &[
    "CallerReference",
    "ClientRequestToken",
    "ClientToken",
    "IdempotencyToken",
    "clientToken",
    "reason",
];

/// What drtool sends only where the thing is not born as it should be.
const AS_BORN: &[&str] = &[
    "modifyloadbalancerattributes",
    "modifytargetgroupattributes",
];

/// Kinds whose commands are not what is sent, and why.
const OTHERWISE: &[(&str, &str)] = &[
    (
        "image",
        "skopeo copies by hand what drtool copies from registry to registry",
    ),
    (
        "probe-task",
        "a probe is drtool's instrument: by hand, somebody asks the database in any task that reaches it",
    ),
    (
        "validation-record",
        "the record that validates is the same in every region, and there already",
    ),
    (
        "db-instance-settings",
        "drtool sends only what is not yet as it should be",
    ),
];

/// Settings by step, operation and member.
type Settings = BTreeMap<(String, String), BTreeMap<String, Value>>;

/// The settings of the script, in AWS's names.
fn typed(script: &str, plan: &Plan) -> Settings {
    let mut found = Settings::new();
    let mut step = String::new();
    for line in script.lines() {
        if let Some((id, _)) = line.strip_prefix("# ").and_then(|l| l.split_once(": ")) {
            step = id.to_owned();
        }
        let Some((command, input)) = line.split_once(" --cli-input-json '") else {
            continue;
        };
        if otherwise(plan, &step) {
            continue;
        }
        let operation = command.split(' ').nth(2).unwrap().replace('-', "");
        let input = input.strip_suffix('\'').unwrap().replace("'\\''", "'");
        let input: Value = serde_json::from_str(&input).unwrap_or_else(|e| panic!("{e}: {line}"));
        found
            .entry((step.clone(), operation))
            .or_default()
            .extend(input.as_object().unwrap().clone());
    }
    found
}

/// The settings that were sent, as the journal has them.
fn sent(records: &[Record], plan: &Plan) -> Settings {
    let mut found = Settings::new();
    for record in records {
        let Event::Intended { step, call, .. } = &record.event else {
            continue;
        };
        let Some(request) = call.request.as_object() else {
            continue;
        };
        if otherwise(plan, step.as_str()) {
            continue;
        }
        found
            .entry((step.to_string(), call.operation.to_lowercase()))
            .or_default()
            .extend(request.clone());
    }
    found
}

fn otherwise(plan: &Plan, step: &str) -> bool {
    let kind = plan.steps.iter().find(|s| s.id.as_str() == step);
    kind.is_some_and(|s| OTHERWISE.iter().any(|(kind, _)| *kind == s.kind.as_str()))
}

/// Nothing is said by what is empty all through.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(all) => !all.is_empty(),
        Value::Object(all) => all.values().any(says_something),
        _ => true,
    }
}

/// A value as it can be compared: without drtool's own marks and what has only a place in the script, in one order, numbers as text
/// (some protocols have them so).
fn comparable(value: &Value) -> Value {
    match value {
        Value::Array(all) => {
            let mut all: Vec<Value> = all
                .iter()
                .filter(|one| !["Key", "key"].iter().any(|k| own(&one[*k])))
                .map(comparable)
                .collect();
            all.sort_by_key(Value::to_string);
            Value::Array(all)
        }
        Value::Object(all) => {
            let mut sorted: Vec<_> = all.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            sorted
                .into_iter()
                .filter(|(name, value)| !name.starts_with("drtool:") && says_something(value))
                .map(|(name, value)| (name.clone(), comparable(value)))
                .collect()
        }
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            // A document within the text, like a policy.
            Ok(inner @ Value::Object(_)) => comparable(&inner),
            _ => Value::String(text.clone()),
        },
        other => Value::String(other.to_string()),
    }
}

/// A mark that tells drtool's resources from others.
fn own(key: &Value) -> bool {
    key.as_str().is_some_and(|key| key.starts_with("drtool:"))
}

#[test]
fn what_is_typed_by_hand_is_what_is_sent() {
    let bench = Bench::new();
    let plan = bench.plan(Rehearsal::Real);
    let typed = typed(&expand::commands::script(&plan), &plan);
    done(bench.live(bench.begin(plan.clone())));
    let sent = sent(&bench.records(&plan), &plan);
    assert!(sent.len() > 40, "the run was compared: {}", sent.len());
    let mut wrong = BTreeSet::new();
    for ((step, operation), settings) in &typed {
        let Some(there) = sent.get(&(step.clone(), operation.clone())) else {
            if !AS_BORN.contains(&operation.as_str()) {
                wrong.insert(format!("{step}: {operation} is typed and not sent"));
            }
            continue;
        };
        for (name, value) in settings {
            let (typed, sent) = (
                comparable(value),
                there.get(name).map(comparable).unwrap_or_default(),
            );
            // What another step yields is not known to the script.
            let own = OWN.contains(&name.as_str());
            if !own && says_something(&typed) && typed != sent && !typed.to_string().contains('<') {
                wrong.insert(format!(
                    "{step}: {operation}: {name} is typed as {typed} and sent as {sent}"
                ));
            }
        }
    }
    for ((step, operation), settings) in &sent {
        let Some(there) = typed.get(&(step.clone(), operation.clone())) else {
            wrong.insert(format!("{step}: {operation} is sent and not typed"));
            continue;
        };
        for (name, value) in settings {
            let said = says_something(&comparable(value)) && !OWN.contains(&name.as_str());
            if said && !there.contains_key(name) {
                wrong.insert(format!("{step}: {operation}: {name} is not typed"));
            }
        }
    }
    let wrong: Vec<_> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
