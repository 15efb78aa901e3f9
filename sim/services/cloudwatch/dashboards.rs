//! Dashboards: kept as text, of the account and no region.

use crate::error::AwsError;
use crate::table::Table;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct Dashboard {
    body: String,
    /// Unix seconds.
    modified: f64,
}

fn table<'c>(cx: &'c mut Cx<'_>) -> &'c mut Table<Dashboard> {
    &mut cx.place_in("us-east-1").cloudwatch.dashboards
}

fn arn(cx: &Cx<'_>, name: &str) -> String {
    format!("arn:aws:cloudwatch::{}:dashboard/{name}", cx.account_id())
}

fn absent(name: &str) -> AwsError {
    AwsError::new(
        "ResourceNotFound",
        format!("Dashboard {name} does not exist"),
    )
}

pub fn put(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("DashboardName").unwrap_or_default().to_owned();
    let body = input.str("DashboardBody").unwrap_or_default().to_owned();
    let valid = serde_json::from_str::<Value>(&body).is_ok_and(|v| v["widgets"].is_array());
    if !valid {
        return Err(AwsError::new(
            "InvalidParameterInput",
            "The field \"DashboardBody\" must be a valid JSON object",
        ));
    }
    let (now, modified) = (cx.now(), cx.unix_now());
    table(cx).put(name, Dashboard { body, modified }, now);
    Ok(json!({"DashboardValidationMessages": []}))
}

pub fn get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("DashboardName").unwrap_or_default();
    let body = table(cx)
        .get(name)
        .map(|d| d.body.clone())
        .ok_or_else(|| absent(name))?;
    Ok(json!({"DashboardArn": arn(cx, name), "DashboardBody": body, "DashboardName": name}))
}

pub fn list(cx: &mut Cx<'_>, input: &Input) -> Value {
    let prefix = input.str("DashboardNamePrefix").unwrap_or_default();
    let base = arn(cx, "");
    let rows: Vec<Value> = table(cx)
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, d)| {
            json!({
                "DashboardName": name,
                "DashboardArn": format!("{base}{name}"),
                "LastModified": d.modified,
                "Size": d.body.len(),
            })
        })
        .collect();
    json!({"DashboardEntries": rows})
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let names = input.strings("DashboardNames");
    if let Some(name) = names.iter().find(|name| !table(cx).contains(name)) {
        return Err(absent(name));
    }
    let now = cx.now();
    for name in names {
        table(cx).remove(&name, now);
    }
    Ok(json!({}))
}
