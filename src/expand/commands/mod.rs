//! A plan as commands of the AWS CLI: the paper fallback, for the day on which drtool itself cannot run.
//!
//! Pure. What only another step will yield stands in angle brackets: the person who types fills it in. Secrets have no place here:
//! their values are in no plan.

mod calls;
mod edge;
mod network;

use crate::printable::Printable;
use calls::commands;
use drtool_engine::plan::{Plan, Planned};
use serde_json::Value as Json;

/// One command: service, operation as AWS names it, input in AWS's member names.
struct Command {
    service: &'static str,
    operation: &'static str,
    input: Json,
}

/// The whole plan, one step after the other.
pub fn script(plan: &Plan) -> String {
    let mut out = String::from("# What stands in <…> is what the step named there has yielded.\n");
    for phase in &plan.phases {
        out.push_str(&format!("\n# {}\n", phase.title));
        for step in plan
            .steps
            .iter()
            .filter(|s| s.phase == phase.name && !s.hold)
        {
            out.push_str(&format!("\n# {}: {}\n", step.id, Printable(&step.title)));
            let commands = commands(step, plan);
            if step.kind == "image" {
                out.push_str(&copy(step));
            } else if commands.is_empty() {
                out.push_str(&format!("#   look: {}\n", looks(step)));
            }
            for command in commands {
                out.push_str(&line(step, &command));
            }
        }
    }
    out
}

/// An image is copied from registry to registry, which the AWS CLI does not do.
fn copy(step: &Planned) -> String {
    let text = |name: &str| {
        step.params
            .get(name)
            .map(shown)
            .and_then(|v| v.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    let tags = step
        .params
        .get("tags")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default();
    let tag = tags.first().and_then(Json::as_str).unwrap_or("latest");
    format!(
        "skopeo copy --all docker://{}@{} 'docker://{}:{tag}'\n",
        text("from"),
        text("digest"),
        text("to")
    )
}

fn line(step: &Planned, command: &Command) -> String {
    let region = match step.region.as_str() {
        "global" => String::new(),
        region => format!(" --region {region}"),
    };
    let input = pruned(command.input.clone())
        .to_string()
        .replace('\'', "'\\''");
    format!(
        "aws {} {}{region} --cli-input-json '{input}'\n",
        command.service,
        kebab(command.operation)
    )
}

/// `CopyDBSnapshot` → `copy-db-snapshot`, as botocore does it.
fn kebab(operation: &str) -> String {
    let chars: Vec<char> = operation.chars().collect();
    let mut out = String::new();
    for (index, c) in chars.iter().enumerate() {
        let starts = c.is_ascii_uppercase()
            && index > 0
            && (!chars[index - 1].is_ascii_uppercase()
                || chars.get(index + 1).is_some_and(|next| {
                    next.is_ascii_lowercase() && !(*next == 's' && index + 2 == chars.len())
                }));
        if starts {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Without members that say nothing.
fn pruned(value: Json) -> Json {
    match value {
        Json::Object(members) => Json::Object(
            members
                .into_iter()
                .map(|(name, inner)| (name, pruned(inner)))
                .filter(|(_, inner)| {
                    !inner.is_null() && inner.as_array().is_none_or(|a| !a.is_empty())
                })
                .collect(),
        ),
        Json::Array(items) => Json::Array(items.into_iter().map(pruned).collect()),
        other => other,
    }
}

/// Values that are known later, as a person reads them.
fn shown(value: &Json) -> Json {
    match value {
        Json::Object(members) => match (
            members.get("$later").and_then(Json::as_str),
            members.get("field").and_then(Json::as_str),
        ) {
            (Some(step), Some(field)) => Json::String(format!("<{field} of {step}>")),
            _ => Json::Object(
                members
                    .iter()
                    .map(|(name, inner)| (name.clone(), shown(inner)))
                    .collect(),
            ),
        },
        Json::Array(items) => Json::Array(items.iter().map(shown).collect()),
        other => other.clone(),
    }
}

/// A text in pieces, as one.
fn whole(value: &Json) -> Json {
    match shown(value) {
        Json::Array(pieces) => Json::String(
            pieces
                .iter()
                .map(|p| p.as_str().unwrap_or_default())
                .collect(),
        ),
        other => other,
    }
}

fn looks(step: &Planned) -> &'static str {
    match step.kind.as_str() {
        "kms-key" => "the key is enabled and encrypts",
        "dns-in-sync" => "aws route53 get-change says INSYNC",
        "certificate-issued" => "aws acm describe-certificate says ISSUED",
        "target-health" => "aws elbv2 describe-target-health says healthy, as often as wanted",
        "write-refused" => "try a write from the application's subnets and groups: it must fail",
        "watermark" => "note the position and the row counts that the probe logs",
        "sql-check" => "the probe's log answers as wanted",
        "settings-diff" => "aws rds describe-db-instances, compared with the source's",
        "http-check" | "tcp-check" => "curl --connect-to … with the real host name",
        "outside-check" | "watch" => "curl the name from somewhere else",
        _ => "it is as wanted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_written_as_the_cli_writes_them() {
        for (operation, command) in [
            ("CopyDBSnapshot", "copy-db-snapshot"),
            (
                "RestoreDBInstanceFromDBSnapshot",
                "restore-db-instance-from-db-snapshot",
            ),
            ("CreateVpc", "create-vpc"),
            ("ModifyDBInstance", "modify-db-instance"),
            ("ChangeResourceRecordSets", "change-resource-record-sets"),
        ] {
            assert_eq!(kebab(operation), command);
        }
    }
}
