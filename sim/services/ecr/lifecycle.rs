//! Lifecycle policies: checked when they are put, and acted on once a day.

use super::{Repository, about, change, images, invalid, named, registry_of, seen, wildcard};
use crate::clock::{DAY, Nanos, Pert};
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::world::{Cx, Event, Input, World};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

struct Rule {
    priority: u64,
    selection: Selection,
    count: Count,
}

enum Selection {
    Any,
    Untagged,
    Prefixes(Vec<String>),
    Patterns(Vec<String>),
}

enum Count {
    MoreThan(u64),
    Days(u64),
}

fn refused(why: &str) -> AwsError {
    invalid(format!(
        "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: {why}'"
    ))
}

fn read(text: &str) -> Result<Vec<Rule>, AwsError> {
    let policy: Value = serde_json::from_str(text)
        .map_err(|_| refused("Could not map policyString into LifecyclePolicy."))?;
    let given = policy["rules"]
        .as_array()
        .ok_or_else(|| refused("instance is missing required property rules"))?;
    if given.is_empty() || given.len() > 50 {
        return Err(refused("a policy has between 1 and 50 rules"));
    }
    let mut rules: Vec<Rule> = Vec::new();
    for rule in given {
        let priority = rule["rulePriority"]
            .as_u64()
            .filter(|p| *p > 0)
            .ok_or_else(|| refused("rulePriority is missing"))?;
        if rules.iter().any(|r| r.priority == priority) {
            return Err(refused("rulePriority must be unique"));
        }
        if rule["action"]["type"] != json!("expire") {
            return Err(refused("action.type must be expire"));
        }
        let selection = &rule["selection"];
        let list = |member: &str| {
            let rows = selection[member].as_array().map_or(&[][..], Vec::as_slice);
            rows.iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let (prefixes, patterns) = (list("tagPrefixList"), list("tagPatternList"));
        let picked = match selection["tagStatus"].as_str() {
            Some("any") => Selection::Any,
            Some("untagged") => Selection::Untagged,
            Some("tagged") if !patterns.is_empty() && prefixes.is_empty() => {
                Selection::Patterns(patterns)
            }
            Some("tagged") if !prefixes.is_empty() && patterns.is_empty() => {
                Selection::Prefixes(prefixes)
            }
            Some("tagged") => {
                return Err(refused(
                    "tagStatus tagged needs one of tagPrefixList and tagPatternList",
                ));
            }
            _ => return Err(refused("tagStatus must be tagged, untagged or any")),
        };
        let number = selection["countNumber"].as_u64().filter(|n| *n > 0);
        let number = number.ok_or_else(|| refused("countNumber must be a positive number"))?;
        let count = match (
            selection["countType"].as_str(),
            selection["countUnit"].as_str(),
        ) {
            (Some("imageCountMoreThan"), None) => Count::MoreThan(number),
            (Some("sinceImagePushed"), Some("days")) => Count::Days(number),
            (Some("sinceImagePushed"), _) => {
                return Err(refused("sinceImagePushed needs countUnit days"));
            }
            (Some("imageCountMoreThan"), _) => {
                return Err(refused("imageCountMoreThan takes no countUnit"));
            }
            (Some("sinceImagePulled" | "sinceImageTransitioned"), _) => {
                return Err(AwsError::not_simulated(
                    "ecr",
                    "PutLifecyclePolicy with that countType",
                ));
            }
            _ => return Err(refused("countType is not known")),
        };
        rules.push(Rule {
            priority,
            selection: picked,
            count,
        });
    }
    let any: Vec<u64> = rules
        .iter()
        .filter(|r| matches!(r.selection, Selection::Any))
        .map(|r| r.priority)
        .collect();
    if any.len() > 1
        || any
            .first()
            .is_some_and(|p| rules.iter().any(|r| r.priority > *p))
    {
        return Err(refused(
            "a rule with tagStatus any must be the only one and have the highest value for rulePriority",
        ));
    }
    rules.sort_by_key(|r| r.priority);
    Ok(rules)
}

/// The digests that the rules expire now, each with the priority of the rule. An image that one rule selects is out of
/// the reach of all later ones, expired or not.
fn expired(repository: &Repository, rules: &[Rule], now: Nanos) -> Vec<(String, u64)> {
    let mut left: BTreeSet<&String> = repository.images.keys().collect();
    let mut out = Vec::new();
    for rule in rules {
        let mut selected: Vec<&String> = left
            .iter()
            .copied()
            .filter(|digest| {
                let tags = repository.tags_of(digest);
                match &rule.selection {
                    Selection::Any => true,
                    Selection::Untagged => tags.is_empty(),
                    Selection::Prefixes(all) => all
                        .iter()
                        .all(|p| tags.iter().any(|t| t.starts_with(p.as_str()))),
                    Selection::Patterns(all) => {
                        all.iter().all(|p| tags.iter().any(|t| wildcard(p, t)))
                    }
                }
            })
            .collect();
        let pushed = |digest: &str| repository.images.get(digest).map_or(0, |i| i.pushed_at);
        selected.sort_by_key(|d| std::cmp::Reverse(pushed(d)));
        for (n, digest) in selected.iter().enumerate() {
            let goes = match rule.count {
                Count::MoreThan(most) => n as u64 >= most,
                Count::Days(days) => now.saturating_sub(pushed(digest)) >= days * DAY,
            };
            // An image of an index stays as long as the index does.
            if goes && !images::referenced(repository, digest) {
                out.push(((*digest).clone(), rule.priority));
            }
        }
        for digest in selected {
            left.remove(digest);
        }
    }
    out
}

/// Gives a repository its policy, and its first day.
pub(super) fn attach(
    world: &mut World,
    registry: &str,
    region: &str,
    name: &str,
    text: String,
    visible: Nanos,
) {
    world
        .place(registry, region)
        .ecr
        .repositories
        .change(name, visible, |r| r.lifecycle = Some(text));
    let event = Event {
        service: ServiceId::Ecr,
        account: registry.to_owned(),
        region: region.to_owned(),
        what: "lifecycle",
        id: name.to_owned(),
        detail: Value::Null,
    };
    world.unschedule(|e| *e == event);
    world.schedule(DAY, event);
}

/// A day has passed.
pub(super) fn run(world: &mut World, event: &Event) {
    let now = world.now();
    let repositories = &mut world.place(&event.account, &event.region).ecr.repositories;
    let Some(repository) = repositories.get(&event.id) else {
        return;
    };
    let Some(rules) = repository
        .lifecycle
        .as_deref()
        .and_then(|text| read(text).ok())
    else {
        return;
    };
    let gone: BTreeMap<String, u64> = expired(repository, &rules, now).into_iter().collect();
    if !gone.is_empty() {
        repositories.settle(&event.id, |r| {
            r.images.retain(|digest, _| !gone.contains_key(digest));
            r.tagged.retain(|_, digest| !gone.contains_key(digest));
        });
    }
    world.schedule(DAY, event.clone());
}

pub(super) fn put(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, name) = (registry_of(cx, input), named(cx, input)?.name.clone());
    let text = input
        .str("lifecyclePolicyText")
        .unwrap_or_default()
        .to_owned();
    read(&text)?;
    let (visible, region) = (cx.visible_at(&name), cx.region.clone());
    attach(cx.world, &registry, &region, &name, text.clone(), visible);
    let mut out = about(&registry, &name);
    out["lifecyclePolicyText"] = json!(text);
    Ok(out)
}

fn no_policy(registry: &str, name: &str) -> AwsError {
    let message = format!(
        "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{registry}'"
    );
    AwsError::new("LifecyclePolicyNotFoundException", message)
}

pub(super) fn get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, repository) = (registry_of(cx, input), seen(cx, input)?);
    let text = repository
        .lifecycle
        .as_ref()
        .ok_or_else(|| no_policy(&registry, &repository.name))?;
    let mut out = about(&registry, &repository.name);
    out["lifecyclePolicyText"] = json!(text);
    Ok(out)
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, repository) = (registry_of(cx, input), named(cx, input)?.clone());
    let text = repository
        .lifecycle
        .ok_or_else(|| no_policy(&registry, &repository.name))?;
    change(cx, &registry, &repository.name, |r| r.lifecycle = None);
    let mut out = about(&registry, &repository.name);
    out["lifecyclePolicyText"] = json!(text);
    Ok(out)
}

pub(super) fn start_preview(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, repository) = (registry_of(cx, input), named(cx, input)?.clone());
    let name = repository.name;
    if repository
        .preview
        .is_some_and(|p| p["status"] == json!("IN_PROGRESS"))
    {
        let message = format!(
            "Lifecycle policy preview is in progress for the repository with name '{name}'"
        );
        return Err(AwsError::new(
            "LifecyclePolicyPreviewInProgressException",
            message,
        ));
    }
    let text = input
        .str("lifecyclePolicyText")
        .map(str::to_owned)
        .or(repository.lifecycle);
    let text = text.ok_or_else(|| no_policy(&registry, &name))?;
    read(&text)?;
    let mut out = about(&registry, &name);
    out["lifecyclePolicyText"] = json!(text);
    out["status"] = json!("IN_PROGRESS");
    let preview = out.clone();
    change(cx, &registry, &name, |r| r.preview = Some(preview));
    let after = cx
        .world
        .sample(Pert(2.0, 5.0, 30.0), &name, "StartLifecyclePolicyPreview");
    cx.later(after, "preview", &name);
    Ok(out)
}

pub(super) fn finish_preview(world: &mut World, event: &Event) {
    let now = world.now();
    let repositories = &mut world.place(&event.account, &event.region).ecr.repositories;
    let Some(repository) = repositories.get(&event.id).cloned() else {
        return;
    };
    let Some(mut preview) = repository.preview.clone() else {
        return;
    };
    let text = preview["lifecyclePolicyText"].as_str().unwrap_or_default();
    let Ok(rules) = read(text) else { return };
    let results: Vec<Value> = expired(&repository, &rules, now)
        .into_iter()
        .filter_map(|(digest, priority)| {
            let image = repository.images.get(&digest)?;
            Some(json!({
                "imageTags": repository.tags_of(&digest),
                "imageDigest": digest,
                "imagePushedAt": image.pushed,
                "action": {"type": "EXPIRE"},
                "appliedRulePriority": priority,
            }))
        })
        .collect();
    preview["status"] = json!("COMPLETE");
    preview["summary"] = json!({"expiringImageTotalCount": results.len()});
    preview["previewResults"] = Value::Array(results);
    repositories.settle(&event.id, |r| r.preview = Some(preview));
}

pub(super) fn get_preview(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, repository) = (registry_of(cx, input), named(cx, input)?);
    repository.preview.clone().ok_or_else(|| {
        let message = format!(
            "Lifecycle policy preview does not exist for the repository with name '{}' in the registry with id '{registry}'",
            repository.name
        );
        AwsError::new("LifecyclePolicyPreviewNotFoundException", message)
    })
}
