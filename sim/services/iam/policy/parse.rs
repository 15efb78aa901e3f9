//! From text to statements, with IAM's own words for what is wrong.

use super::condition::{self, Condition};
use super::span::{self, Position};
use super::{Listed, Policy, Principal, Statement, Use};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const SYNTAX: &str = "Syntax errors in policy.";

pub fn parse(text: &str, used: Use) -> Result<Policy, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|_| "This policy contains invalid Json".to_owned())?;
    let document = value.as_object().ok_or(SYNTAX)?;
    for key in document.keys() {
        if !matches!(key.as_str(), "Version" | "Id" | "Statement") {
            return Err(SYNTAX.to_owned());
        }
    }
    let version = match document.get("Version") {
        None => "2008-10-17",
        Some(Value::String(v)) if v == "2012-10-17" || v == "2008-10-17" => v.as_str(),
        Some(_) => return Err(SYNTAX.to_owned()),
    };
    let rows: Vec<&Value> = match document.get("Statement") {
        Some(Value::Array(rows)) if !rows.is_empty() => rows.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => return Err(SYNTAX.to_owned()),
    };
    let spans = span::statements(text);
    let mut sids = BTreeSet::new();
    let mut statements = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let (start, end) = spans
            .get(index)
            .copied()
            .unwrap_or((Position::default(), Position::default()));
        let row = row.as_object().ok_or(SYNTAX)?;
        let statement = statement(row, used, version == "2012-10-17", start, end)?;
        if let Some(sid) = &statement.sid
            && !sids.insert(sid.clone())
        {
            return Err("Statement IDs (SID) in a single policy must be unique.".to_owned());
        }
        statements.push(statement);
    }
    Ok(Policy {
        text: text.into(),
        statements: statements.into(),
    })
}

fn statement(
    row: &Map<String, Value>,
    used: Use,
    variables: bool,
    start: Position,
    end: Position,
) -> Result<Statement, String> {
    const KNOWN: &[&str] = &[
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ];
    if row.keys().any(|key| !KNOWN.contains(&key.as_str())) {
        return Err(SYNTAX.to_owned());
    }
    let sid = match row.get("Sid") {
        None => None,
        Some(Value::String(sid)) => {
            let plain = sid.chars().all(|c| c.is_ascii_alphanumeric());
            if used == Use::Identity && !plain {
                return Err(format!(
                    "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies \
                     the regular expression [0-9A-Za-z]*: {sid}"
                ));
            }
            Some(sid.clone()).filter(|sid| !sid.is_empty())
        }
        Some(_) => return Err(SYNTAX.to_owned()),
    };
    let allow = match row.get("Effect").and_then(Value::as_str) {
        Some("Allow") => true,
        Some("Deny") => false,
        _ => return Err(SYNTAX.to_owned()),
    };
    let actions =
        listed(row, "Action")?.ok_or("Policy statement must contain actions.".to_owned())?;
    for action in &actions.items {
        if action != "*" && !action.contains(':') {
            return Err(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
                    .to_owned(),
            );
        }
    }
    let resources = listed(row, "Resource")?;
    let principals = principals(row)?;
    match used {
        Use::Identity => {
            if principals.is_some() {
                return Err("Policy document should not specify a principal.".to_owned());
            }
            let Some(resources) = &resources else {
                return Err("Policy statement must contain resources.".to_owned());
            };
            for resource in &resources.items {
                let fine = resource == "*"
                    || resource.starts_with("arn:")
                    || resource.starts_with("${")
                    || resource.starts_with("*:");
                if !fine {
                    return Err(format!(
                        "Resource {resource} must be in ARN format or \"*\"."
                    ));
                }
                if resource != "*"
                    && resource.starts_with("arn:")
                    && resource.split(':').count() < 6
                    && !resource.contains('*')
                {
                    return Err(format!(
                        "Resource {resource} must be in ARN format or \"*\"."
                    ));
                }
            }
        }
        Use::Trust => {
            if resources.is_some() {
                return Err("Has prohibited field Resource".to_owned());
            }
            if principals.is_none() {
                return Err("Missing required field Principal".to_owned());
            }
            let sts = actions
                .items
                .iter()
                .all(|a| a == "*" || a.to_ascii_lowercase().starts_with("sts:"));
            if !sts {
                return Err("AssumeRole policy may only specify STS AssumeRole actions.".to_owned());
            }
        }
        Use::Resource => {
            if principals.is_none() {
                return Err("Missing required field Principal".to_owned());
            }
        }
    }
    let conditions = match row.get("Condition") {
        None => Vec::new(),
        Some(Value::Object(blocks)) => conditions(blocks)?,
        Some(_) => return Err(SYNTAX.to_owned()),
    };
    Ok(Statement {
        sid,
        allow,
        principals,
        actions,
        resources,
        conditions,
        variables,
        start,
        end,
    })
}

/// `X` or `NotX`, a string or a list of strings; both at once is an error.
fn listed(row: &Map<String, Value>, name: &str) -> Result<Option<Listed<String>>, String> {
    let (plain, except) = (row.get(name), row.get(&format!("Not{name}")));
    let (value, except) = match (plain, except) {
        (None, None) => return Ok(None),
        (Some(value), None) => (value, false),
        (None, Some(value)) => (value, true),
        (Some(_), Some(_)) => return Err(SYNTAX.to_owned()),
    };
    let items = strings(value)?;
    if items.is_empty() {
        return Err(SYNTAX.to_owned());
    }
    Ok(Some(Listed { except, items }))
}

fn strings(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(one) => Ok(vec![one.clone()]),
        Value::Array(many) => many
            .iter()
            .map(|v| {
                v.as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| SYNTAX.to_owned())
            })
            .collect(),
        _ => Err(SYNTAX.to_owned()),
    }
}

fn principals(row: &Map<String, Value>) -> Result<Option<Listed<Principal>>, String> {
    let (value, except) = match (row.get("Principal"), row.get("NotPrincipal")) {
        (None, None) => return Ok(None),
        (Some(value), None) => (value, false),
        (None, Some(value)) => (value, true),
        (Some(_), Some(_)) => return Err(SYNTAX.to_owned()),
    };
    let mut items = Vec::new();
    match value {
        Value::String(all) if all == "*" => {
            items.push(Principal {
                kind: "AWS".to_owned(),
                value: "*".to_owned(),
            });
        }
        Value::Object(kinds) => {
            for (kind, values) in kinds {
                if !matches!(
                    kind.as_str(),
                    "AWS" | "Service" | "Federated" | "CanonicalUser" | "*"
                ) {
                    return Err(format!("Invalid principal in policy: \"{kind}\""));
                }
                for value in strings(values)? {
                    if kind == "Service" && !value.contains('.') {
                        return Err(format!(
                            "Invalid principal in policy: \"SERVICE\":\"{value}\""
                        ));
                    }
                    items.push(Principal {
                        kind: kind.clone(),
                        value,
                    });
                }
            }
        }
        _ => return Err("Invalid principal in policy.".to_owned()),
    }
    Ok(Some(Listed { except, items }))
}

fn conditions(blocks: &Map<String, Value>) -> Result<Vec<Condition>, String> {
    let mut found = Vec::new();
    for (operator, keys) in blocks {
        let keys = keys.as_object().ok_or(SYNTAX)?;
        for (key, values) in keys {
            let values = match values {
                Value::Array(many) => many.iter().map(scalar).collect::<Result<Vec<_>, _>>()?,
                one => vec![scalar(one)?],
            };
            if !key.contains(':') {
                return Err(
                    "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
                        .to_owned(),
                );
            }
            found.push(condition::read(operator, key, values)?);
        }
    }
    Ok(found)
}

fn scalar(value: &Value) -> Result<String, String> {
    match value {
        Value::String(s) => Ok(s.clone()),
        Value::Bool(b) => Ok(b.to_string()),
        Value::Number(n) => Ok(n.to_string()),
        _ => Err(SYNTAX.to_owned()),
    }
}
