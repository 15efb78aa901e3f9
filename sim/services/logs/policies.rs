//! Resource policies of the account, and stored queries.

use super::{invalid, milliseconds};
use crate::error::AwsError;
use crate::services::iam::policy::{Policy, Use};
use crate::world::{Cx, Input};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct ResourcePolicy {
    text: String,
    updated: i64,
}

#[derive(Clone, Debug)]
pub struct QueryDefinition {
    name: String,
    query: String,
    groups: Vec<String>,
    modified: i64,
}

fn absent() -> AwsError {
    AwsError::new(
        "ResourceNotFoundException",
        "The specified resource does not exist.",
    )
}

pub fn put(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    if input.has("resourceArn") {
        return Err(cx.not_simulated());
    }
    let name = input.str("policyName").unwrap_or_default().to_owned();
    let text = input.str("policyDocument").unwrap_or_default().to_owned();
    Policy::parse(&text, Use::Resource)
        .map_err(|why| invalid(format!("Invalid policy document: {why}")))?;
    let present = &cx.place().logs.policies;
    if present.len() >= 10 && !present.contains(&name) {
        return Err(AwsError::new(
            "LimitExceededException",
            "Resource limit exceeded.",
        ));
    }
    let (now, updated) = (cx.now(), milliseconds(cx.world));
    let shown = json!({"policyName": name, "policyDocument": text, "lastUpdatedTime": updated});
    cx.place()
        .logs
        .policies
        .put(name, ResourcePolicy { text, updated }, now);
    Ok(json!({"resourcePolicy": shown}))
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let name = input.str("policyName").unwrap_or_default();
    cx.place()
        .logs
        .policies
        .remove(name, now)
        .ok_or_else(absent)?;
    Ok(json!({}))
}

pub fn describe(cx: &mut Cx<'_>) -> Value {
    let rows: Vec<Value> = cx
        .place()
        .logs
        .policies
        .iter()
        .map(|(name, p)| json!({"policyName": name, "policyDocument": p.text, "lastUpdatedTime": p.updated}))
        .collect();
    json!({"resourcePolicies": rows})
}

pub fn put_query(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = match input.str("queryDefinitionId") {
        Some(id) if cx.place().logs.queries.contains(id) => id.to_owned(),
        Some(_) => return Err(absent()),
        None => cx.uuid("query definition"),
    };
    let definition = QueryDefinition {
        name: input.str("name").unwrap_or_default().to_owned(),
        query: input.str("queryString").unwrap_or_default().to_owned(),
        groups: input.strings("logGroupNames"),
        modified: milliseconds(cx.world),
    };
    let now = cx.now();
    cx.place().logs.queries.put(id.clone(), definition, now);
    Ok(json!({"queryDefinitionId": id}))
}

pub fn delete_query(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let id = input.str("queryDefinitionId").unwrap_or_default();
    cx.place().logs.queries.remove(id, now).ok_or_else(absent)?;
    Ok(json!({"success": true}))
}

pub fn describe_queries(cx: &mut Cx<'_>, input: &Input) -> Value {
    let prefix = input.str("queryDefinitionNamePrefix").unwrap_or_default();
    let rows: Vec<Value> = cx
        .place()
        .logs
        .queries
        .iter()
        .filter(|(_, q)| q.name.starts_with(prefix))
        .map(|(id, q)| {
            json!({
                "queryDefinitionId": id,
                "name": q.name,
                "queryString": q.query,
                "lastModified": q.modified,
                "logGroupNames": q.groups,
            })
        })
        .collect();
    json!({"queryDefinitions": rows})
}
