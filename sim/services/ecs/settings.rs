//! Tags of every resource of ECS, and account settings.

use super::{Scope, State, Tags, definitions, invalid, merge_tags, tags_json, tags_of};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

/// What an ARN names.
enum Seat {
    Cluster(String),
    Service(String),
    Task(String),
    Definition(String),
    TaskSet(String, String),
}

fn locate(cx: &mut Cx<'_>, arn: &str) -> Result<Seat, AwsError> {
    let scope = Scope::of(cx);
    let malformed = || invalid("Invalid arn syntax.");
    let (account, region) = super::arn_place(arn).ok_or_else(malformed)?;
    if account != scope.account || region != scope.region {
        return Err(invalid("The ARN is of another account or region."));
    }
    let path = arn.splitn(6, ':').nth(5).ok_or_else(malformed)?;
    let (kind, rest) = path.split_once('/').ok_or_else(malformed)?;
    match kind {
        "cluster" => Ok(Seat::Cluster(rest.to_owned())),
        "service" => Ok(Seat::Service(rest.to_owned())),
        "task" => Ok(Seat::Task(rest.to_owned())),
        "task-definition" => Ok(Seat::Definition(
            definitions::find(cx.world, &scope, arn).unwrap_or_default(),
        )),
        "task-set" => {
            let (service, id) = rest.split_once("/ecs-svc/").ok_or_else(malformed)?;
            Ok(Seat::TaskSet(service.to_owned(), format!("ecs-svc/{id}")))
        }
        _ => Err(invalid("Tagging is not supported for this resource.")),
    }
}

fn read(state: &State, seat: &Seat) -> Result<Tags, AwsError> {
    let missing = |code: &str, what: &str| AwsError::new(code, format!("{what} not found."));
    let gone = |what: &str| {
        missing(
            "ResourceNotFoundException",
            &format!("The specified {what} was"),
        )
    };
    let set = |service: &str, id: &str| {
        state
            .services
            .get(service)?
            .units
            .iter()
            .find(|u| u.id == id)
            .map(|u| u.tags.clone())
    };
    match seat {
        Seat::Cluster(name) => {
            let cluster = state.clusters.get(name).map(|c| c.tags.clone());
            cluster.ok_or_else(|| missing("ClusterNotFoundException", "Cluster"))
        }
        Seat::Service(key) => {
            let service = state.services.get(key).map(|s| s.tags.clone());
            service.ok_or_else(|| missing("ServiceNotFoundException", "Service"))
        }
        Seat::Task(key) => state
            .tasks
            .get(key)
            .map(|t| t.tags.clone())
            .ok_or_else(|| gone("task")),
        Seat::Definition(key) => state
            .definitions
            .get(key)
            .map(|d| d.tags.clone())
            .ok_or_else(|| gone("task definition")),
        Seat::TaskSet(service, id) => set(service, id).ok_or_else(|| gone("task set")),
    }
}

fn change(cx: &mut Cx<'_>, arn: &str, change: impl FnOnce(&mut Tags)) -> Result<(), AwsError> {
    let seat = locate(cx, arn)?;
    read(&cx.place().ecs, &seat)?;
    let fresh = cx.visible_at(arn);
    let state = &mut cx.place().ecs;
    match seat {
        Seat::Cluster(name) => state.clusters.change(&name, fresh, |c| change(&mut c.tags)),
        Seat::Service(key) => state.services.change(&key, fresh, |s| change(&mut s.tags)),
        Seat::Task(key) => state.tasks.change(&key, fresh, |t| change(&mut t.tags)),
        Seat::Definition(key) => state
            .definitions
            .change(&key, fresh, |d| change(&mut d.tags)),
        Seat::TaskSet(key, id) => state.services.change(&key, fresh, |s| {
            if let Some(unit) = s.units.iter_mut().find(|u| u.id == id) {
                change(&mut unit.tags);
            }
        }),
    };
    Ok(())
}

pub(super) fn check_tags(tags: &Tags) -> Result<(), AwsError> {
    if tags.len() > 50 {
        return Err(invalid("The number of tags exceeds the limit of 50."));
    }
    if tags
        .iter()
        .any(|(k, _)| k.to_ascii_lowercase().starts_with("aws:"))
    {
        return Err(invalid("Tag keys cannot start with aws:."));
    }
    Ok(())
}

pub(super) fn tag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let new = tags_of(input.value.get("tags"));
    check_tags(&new)?;
    change(cx, input.str("resourceArn").unwrap_or(""), |tags| {
        merge_tags(tags, &new)
    })?;
    Ok(json!({}))
}

pub(super) fn untag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let keys = input.strings("tagKeys");
    change(cx, input.str("resourceArn").unwrap_or(""), |tags| {
        tags.retain(|(k, _)| !keys.contains(k))
    })?;
    Ok(json!({}))
}

pub(super) fn list_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let seat = locate(cx, input.str("resourceArn").unwrap_or(""))?;
    Ok(json!({ "tags": tags_json(&read(&cx.place().ecs, &seat)?) }))
}

const NAMES: [(&str, &str); 11] = [
    ("serviceLongArnFormat", "enabled"),
    ("taskLongArnFormat", "enabled"),
    ("containerInstanceLongArnFormat", "enabled"),
    ("awsvpcTrunking", "disabled"),
    ("containerInsights", "disabled"),
    ("fargateFIPSMode", "disabled"),
    ("tagResourceAuthorization", "on"),
    ("fargateTaskRetirementWaitPeriod", "7"),
    ("guardDutyActivate", "off"),
    ("defaultLogDriverMode", "non-blocking"),
    ("fargateEventWindows", "disabled"),
];

/// Root and the account's default are one principal; others have their own settings.
fn principal(cx: &Cx<'_>, input: &Input) -> String {
    let arn = input.str("principalArn").unwrap_or(&cx.caller.arn);
    if arn.ends_with(":root") {
        String::new()
    } else {
        arn.to_owned()
    }
}

fn shown(cx: &Cx<'_>, principal: &str, name: &str, value: &str) -> Value {
    let arn = if principal.is_empty() {
        format!("arn:aws:iam::{}:root", cx.account_id())
    } else {
        principal.to_owned()
    };
    let kind = if name == "guardDutyActivate" {
        "aws_managed"
    } else {
        "user"
    };
    json!({ "name": name, "value": value, "principalArn": arn, "type": kind })
}

pub(super) fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let principal = principal(cx, input);
    let effective = input.bool("effectiveSettings").unwrap_or(false);
    let (asked, value) = (input.str("name"), input.str("value"));
    let settings = cx.place().ecs.settings.clone();
    let mut rows = vec![];
    for (name, default) in NAMES {
        let own = settings.get(&(principal.clone(), name.to_owned()));
        let account = settings.get(&(String::new(), name.to_owned()));
        let current = match own {
            Some(own) => Some(own.as_str()),
            None if effective => Some(account.map_or(default, String::as_str)),
            None => None,
        };
        if let Some(current) = current
            && asked.is_none_or(|a| a == name)
            && value.is_none_or(|v| v == current)
        {
            rows.push(shown(cx, &principal, name, current));
        }
    }
    Ok(json!({ "settings": rows }))
}

pub(super) fn put(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let principal = principal(cx, input);
    store(cx, input, principal)
}

pub(super) fn put_default(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    store(cx, input, String::new())
}

fn store(cx: &mut Cx<'_>, input: &Input, principal: String) -> Result<Value, AwsError> {
    let (name, value) = (
        input.str("name").unwrap_or(""),
        input.str("value").unwrap_or(""),
    );
    if !NAMES.iter().any(|(n, _)| *n == name) {
        return Err(invalid("The specified account setting name is not valid."));
    }
    let valid = match name {
        "fargateTaskRetirementWaitPeriod" => ["0", "7", "14"].contains(&value),
        "containerInsights" => ["enabled", "disabled", "enhanced"].contains(&value),
        "tagResourceAuthorization" | "guardDutyActivate" => ["on", "off"].contains(&value),
        "defaultLogDriverMode" => ["blocking", "non-blocking"].contains(&value),
        _ => ["enabled", "disabled"].contains(&value),
    };
    if !valid {
        return Err(invalid("The specified account setting value is not valid."));
    }
    cx.place()
        .ecs
        .settings
        .insert((principal.clone(), name.to_owned()), value.to_owned());
    Ok(json!({ "setting": shown(cx, &principal, name, value) }))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let principal = principal(cx, input);
    let name = input.str("name").unwrap_or("").to_owned();
    let old = cx
        .place()
        .ecs
        .settings
        .remove(&(principal.clone(), name.clone()));
    Ok(json!({ "setting": shown(cx, &principal, &name, &old.unwrap_or_default()) }))
}
