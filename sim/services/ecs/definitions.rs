//! Task definitions: families and revisions.

use super::{Scope, Tags, client, container, failure, includes, rows, tags_json, tags_of, text};
use crate::clock::{HOUR, SECOND};
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::{Map, Value, json};

#[derive(Clone, Debug)]
pub struct Definition {
    pub family: String,
    pub revision: u64,
    /// As DescribeTaskDefinition shows it, except for status and times.
    pub body: Value,
    /// `ACTIVE`, `INACTIVE` or `DELETE_IN_PROGRESS`.
    pub status: String,
    pub tags: Tags,
    pub registered: f64,
    pub registered_by: String,
    pub deregistered: Option<f64>,
    pub delete_requested: Option<f64>,
}

impl Definition {
    pub fn arn(&self) -> &str {
        text(&self.body, "taskDefinitionArn")
    }

    pub fn containers(&self) -> &[Value] {
        rows(&self.body, "containerDefinitions")
    }

    pub fn execution_role(&self) -> Option<&str> {
        self.body.get("executionRoleArn").and_then(Value::as_str)
    }

    pub fn task_role(&self) -> Option<&str> {
        self.body.get("taskRoleArn").and_then(Value::as_str)
    }

    /// CPU units and MiB of the task.
    pub fn size(&self) -> (u64, u64) {
        let number = |member| text(&self.body, member).parse().unwrap_or(0);
        (number("cpu"), number("memory"))
    }

    pub fn is_fargate(&self) -> bool {
        rows(&self.body, "compatibilities")
            .iter()
            .any(|c| c == "FARGATE")
    }

    pub fn network_mode(&self) -> &str {
        text(&self.body, "networkMode")
    }
}

/// The table's key of a revision.
pub(super) fn key(family: &str, revision: u64) -> String {
    format!("{family}:{revision:08}")
}

/// What `family`, `family:revision` or an ARN names: the table's key. A bare family means its latest active revision.
pub(super) fn find(world: &mut World, scope: &Scope, given: &str) -> Option<String> {
    if let Some((account, region)) = super::arn_place(given)
        && (account != scope.account || region != scope.region)
    {
        return None;
    }
    let short = super::last(given);
    let definitions = &scope.state(world).definitions;
    match short.rsplit_once(':') {
        Some((family, revision)) => {
            let key = key(family, revision.parse().ok()?);
            definitions.contains(&key).then_some(key)
        }
        None => definitions
            .iter()
            .filter(|(_, d)| d.family == short && d.status == "ACTIVE")
            .map(|(key, _)| key.to_owned())
            .last(),
    }
}

/// A definition from which tasks may be started: active, and of this place.
pub(super) fn active(cx: &mut Cx<'_>, given: &str) -> Result<Definition, AwsError> {
    let scope = Scope::of(cx);
    let key = find(cx.world, &scope, given).ok_or_else(|| client("TaskDefinition not found."))?;
    match scope.state(cx.world).definitions.get(&key) {
        Some(definition) if definition.status == "ACTIVE" => Ok(definition.clone()),
        Some(_) => Err(client("TaskDefinition is inactive")),
        None => Err(client("TaskDefinition not found.")),
    }
}

/// The definition of an ARN, whatever its status: a service goes on with an inactive one.
pub(super) fn by_arn<'w>(world: &'w World, scope: &Scope, arn: &str) -> Option<&'w Definition> {
    let (family, revision) = super::last(arn).rsplit_once(':')?;
    scope
        .seen(world)?
        .definitions
        .get(&key(family, revision.parse().ok()?))
}

pub(super) fn register(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let family = input.str("family").unwrap_or("").to_owned();
    let valid = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if family.is_empty() || family.len() > 255 || !family.chars().all(valid) {
        return Err(client("Family contains invalid characters."));
    }
    let body = container::checked(&input.value)?;
    let scope = Scope::of(cx);
    let state = scope.state(cx.world);
    let revision = state.revisions.get(&family).copied().unwrap_or(0) + 1;
    state.revisions.insert(family.clone(), revision);

    let mut full = Map::new();
    full.insert(
        "taskDefinitionArn".into(),
        scope
            .arn(&format!("task-definition/{family}:{revision}"))
            .into(),
    );
    full.insert("family".into(), family.clone().into());
    full.insert("revision".into(), revision.into());
    full.extend(body);
    let definition = Definition {
        family: family.clone(),
        revision,
        body: Value::Object(full),
        status: "ACTIVE".into(),
        tags: tags_of(input.value.get("tags")),
        registered: cx.unix_now(),
        registered_by: cx.caller.arn.clone(),
        deregistered: None,
        delete_requested: None,
    };
    let value =
        json!({ "taskDefinition": render(&definition), "tags": tags_json(&definition.tags) });
    let key = key(&family, revision);
    let fresh = cx.visible_at(&key);
    cx.place().ecs.definitions.put(key, definition, fresh);
    Ok(value)
}

fn render(definition: &Definition) -> Value {
    let mut value = definition.body.clone();
    value["status"] = definition.status.clone().into();
    value["registeredAt"] = definition.registered.into();
    value["registeredBy"] = definition.registered_by.clone().into();
    if let Some(at) = definition.deregistered {
        value["deregisteredAt"] = at.into();
    }
    if let Some(at) = definition.delete_requested {
        value["deleteRequestedAt"] = at.into();
    }
    value
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (scope, now) = (Scope::of(cx), cx.now());
    let unable = || client("Unable to describe task definition.");
    let key =
        find(cx.world, &scope, input.str("taskDefinition").unwrap_or("")).ok_or_else(unable)?;
    let definition = scope
        .state(cx.world)
        .definitions
        .seen(&key, now)
        .ok_or_else(unable)?;
    let mut value = object! { "taskDefinition": render(definition) };
    if includes(input, "TAGS") {
        value["tags"] = tags_json(&definition.tags);
    }
    Ok(value)
}

pub(super) fn deregister(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let scope = Scope::of(cx);
    let given = input.str("taskDefinition").unwrap_or("");
    if !super::last(given).contains(':') {
        return Err(client("Please specify a revision in the task definition."));
    }
    let key = find(cx.world, &scope, given)
        .ok_or_else(|| client("The specified task definition does not exist."))?;
    let (at, fresh) = (cx.unix_now(), cx.visible_at(&key));
    let state = scope.state(cx.world);
    state.definitions.change(&key, fresh, |d| {
        if d.status == "ACTIVE" {
            d.status = "INACTIVE".into();
            d.deregistered = Some(at);
        }
    });
    let definition = state
        .definitions
        .get(&key)
        .ok_or_else(|| client("The specified task definition does not exist."))?;
    Ok(json!({ "taskDefinition": render(definition) }))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let scope = Scope::of(cx);
    let asked = input.strings("taskDefinitions");
    if asked.is_empty() || asked.len() > 10 {
        return Err(AwsError::new(
            "InvalidParameterException",
            "Specify between 1 and 10 task definitions.",
        ));
    }
    let (mut deleted, mut failures) = (vec![], vec![]);
    for given in &asked {
        let arn = if given.starts_with("arn:") {
            given.clone()
        } else {
            scope.arn(&format!("task-definition/{given}"))
        };
        let Some(key) = find(cx.world, &scope, given).filter(|_| super::last(given).contains(':'))
        else {
            failures.push(json!({ "arn": arn, "reason": "The specified task definition does not exist. Specify a valid \
                 account, family, revision and try again." }));
            continue;
        };
        let (at, fresh) = (cx.unix_now(), cx.visible_at(&key));
        let state = scope.state(cx.world);
        if state
            .definitions
            .get(&key)
            .is_some_and(|d| d.status == "ACTIVE")
        {
            failures.push(failure(
                arn,
                "The specified task definition is still in ACTIVE status. Please deregister the \
                 target and try again.",
            ));
            continue;
        }
        state.definitions.change(&key, fresh, |d| {
            d.status = "DELETE_IN_PROGRESS".into();
            d.delete_requested.get_or_insert(at);
        });
        if let Some(definition) = state.definitions.get(&key) {
            deleted.push(render(definition));
        }
        scope.later(cx.world, 60 * SECOND, "definition-gone", &key, Value::Null);
    }
    Ok(json!({ "taskDefinitions": deleted, "failures": failures }))
}

/// A definition in deletion goes once no task and no service uses it.
pub(super) fn purge(world: &mut World, scope: &Scope, key: &str) {
    let state = scope.state(world);
    let Some(definition) = state.definitions.get(key) else {
        return;
    };
    let arn = definition.arn().to_owned();
    let used = state
        .tasks
        .iter()
        .any(|(_, t)| t.definition == arn && t.last_status != "STOPPED")
        || state
            .services
            .iter()
            .any(|(_, s)| s.status != "INACTIVE" && s.units.iter().any(|u| u.definition == arn));
    if used {
        scope.later(world, HOUR, "definition-gone", key, Value::Null);
    } else {
        state.definitions.remove(key, 0);
    }
}

pub(super) fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let status = input.str("status").unwrap_or("ACTIVE").to_owned();
    let family = input.str("familyPrefix").map(str::to_owned);
    let mut arns: Vec<String> = cx
        .place()
        .ecs
        .definitions
        .seen_all(now)
        .filter(|(_, d)| d.status == status && family.as_ref().is_none_or(|f| *f == d.family))
        .map(|(_, d)| d.arn().to_owned())
        .collect();
    if input.str("sort") == Some("DESC") {
        arns.reverse();
    }
    Ok(json!({ "taskDefinitionArns": arns }))
}

pub(super) fn families(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let prefix = input.str("familyPrefix").unwrap_or("").to_owned();
    let status = input.str("status").unwrap_or("ACTIVE").to_owned();
    let mut families: Vec<(String, bool)> = vec![];
    for (_, d) in cx
        .place()
        .ecs
        .definitions
        .seen_all(now)
        .filter(|(_, d)| d.family.starts_with(&prefix))
    {
        let active = d.status == "ACTIVE";
        match families.iter_mut().find(|(f, _)| *f == d.family) {
            Some((_, any)) => *any |= active,
            None => families.push((d.family.clone(), active)),
        }
    }
    let names: Vec<String> = families
        .into_iter()
        .filter(|(_, active)| match status.as_str() {
            "ACTIVE" => *active,
            "INACTIVE" => !*active,
            _ => true,
        })
        .map(|(f, _)| f)
        .collect();
    Ok(json!({ "families": names }))
}
