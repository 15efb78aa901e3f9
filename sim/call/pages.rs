//! Pages: a service returns whole lists, and they are cut here by the model's paginators.
//!
//! A token is opaque, and good only for the operation and the parameters that it was handed out for. Lists whose
//! paging is part of their meaning (S3's keys, Route 53's record names, log events) are paged by their services.

use super::refusal;
use crate::error::AwsError;
use crate::model::{Kind, Model, Operation, Paginator};
use crate::services::ServiceId;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Where a page begins, and how long it may be.
pub struct Page {
    from: usize,
    /// The key of the item before the page: the list may have changed since.
    after: u64,
    limit: usize,
    parameters: u64,
}

fn pages_itself(service: ServiceId, operation: &str) -> bool {
    match service {
        ServiceId::S3 => operation != "ListBuckets",
        ServiceId::Route53 => matches!(
            operation,
            "ListResourceRecordSets" | "ListHostedZonesByName"
        ),
        ServiceId::Logs => operation == "GetLogEvents",
        ServiceId::Cloudwatch => operation == "GetMetricData",
        _ => false,
    }
}

/// How many items come in a page if the client does not say; and how few and many it may ask for where the model does
/// not tell.
fn sizes(service: ServiceId, operation: &str) -> (usize, Option<(usize, usize)>) {
    match service {
        ServiceId::Rds => (100, Some((20, 100))),
        ServiceId::Elbv2 => (400, Some((1, 400))),
        ServiceId::Ecs if operation == "ListServices" => (10, Some((1, 100))),
        ServiceId::Ecs => (100, Some((1, 100))),
        ServiceId::Logs if operation == "FilterLogEvents" => (10_000, None),
        ServiceId::Logs | ServiceId::Autoscaling | ServiceId::Tagging => (50, None),
        ServiceId::Ssm if operation == "GetParametersByPath" => (10, None),
        ServiceId::Ssm => (50, None),
        ServiceId::Kms if operation == "ListKeys" => (100, None),
        ServiceId::Kms => (50, None),
        ServiceId::Cloudwatch if operation == "ListMetrics" => (500, None),
        ServiceId::Cloudwatch => (50, None),
        ServiceId::S3 => (10_000, None),
        ServiceId::Ec2 => (1_000, None),
        _ => (100, None),
    }
}

/// Reads token and limit out of an input; `None` if the operation has no pages.
pub fn wanted(
    service: ServiceId,
    operation: &Operation,
    input: &mut Value,
) -> Result<Option<Page>, AwsError> {
    let Some(paginator) = &operation.paginator else {
        return Ok(None);
    };
    if pages_itself(service, &operation.name) || paginator.result_key.is_empty() {
        return Ok(None);
    }
    let empty = Map::new();
    let members = input.as_object().unwrap_or(&empty);
    let parameters = parameters(&operation.name, members, paginator);
    let (standard, bounds) = sizes(service, &operation.name);
    let asked = paginator
        .limit_key
        .as_ref()
        .and_then(|key| members.get(key));
    let limit = match asked {
        Some(value) => {
            // Route 53 writes numbers as strings.
            let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
            let number = number
                .ok_or_else(|| refusal::wrong_type(service, Kind::Integer, "MaxItems"))?
                as usize;
            if let Some((least, most)) =
                bounds.filter(|(least, most)| number < *least || number > *most)
            {
                let key = paginator.limit_key.as_deref().unwrap_or("");
                return Err(bad_limit(service, key, number, least, most));
            }
            if number == 0 { standard } else { number }
        }
        None => standard,
    };
    let token = paginator
        .input_token
        .first()
        .and_then(|key| members.get(key))
        .and_then(Value::as_str);
    let (from, after) = match token {
        Some(token) => open(token, parameters).ok_or_else(|| refusal::bad_page(service))?,
        None => (0, 0),
    };
    Ok(Some(Page {
        from,
        after,
        limit,
        parameters,
    }))
}

fn bad_limit(service: ServiceId, key: &str, asked: usize, least: usize, most: usize) -> AwsError {
    match service {
        ServiceId::Rds => AwsError::new(
            "InvalidParameterValue",
            format!("Invalid value {asked} for {key}. Must be between {least} and {most}"),
        ),
        ServiceId::Elbv2 => AwsError::new(
            "ValidationError",
            format!("'{key}' must be between {least} and {most}"),
        ),
        _ => AwsError::new(
            "InvalidParameterException",
            format!("{key} must be between {least} and {most}."),
        ),
    }
}

/// Cuts the page out of a whole answer, and says where the next one begins.
pub fn cut(model: &Model, operation: &Operation, page: &Page, output: &mut Value) {
    let (Some(paginator), Some(shape)) = (&operation.paginator, operation.output) else {
        return;
    };
    if !output.is_object() {
        *output = Value::Object(Map::new());
    }
    // A list and its token may be inside a member (`EngineDefaults.Parameters`).
    let around = paginator.result_key.first().and_then(|k| k.split_once('.'));
    let (output, shape) = match around {
        None => (output, shape),
        Some((around, _)) => {
            let member = model.shape(shape).member(around);
            let (Some(inner), Some(member)) = (output.get_mut(around), member) else {
                return;
            };
            (inner, member.shape)
        }
    };
    let inside = |key: &String| match around {
        Some((around, _)) => key
            .strip_prefix(around)
            .and_then(|rest| rest.strip_prefix('.'))
            .unwrap_or(key)
            .to_owned(),
        None => key.clone(),
    };
    let keys: Vec<String> = paginator.result_key.iter().map(inside).collect();
    let keys: Vec<&String> = keys
        .iter()
        .filter(|k| model.shape(shape).member(k).is_some())
        .collect();
    let total: usize = keys.iter().map(|key| length(output, key)).sum();
    let from = match page.from {
        0 => 0,
        from => begin(output, &keys, from, page.after),
    };
    let to = (from + page.limit).min(total);
    let last = to
        .checked_sub(1)
        .and_then(|n| nth(output, &keys, n))
        .map_or(0, identity);
    let mut position = 0;
    for key in &keys {
        let Some(list) = output.get_mut(key.as_str()).and_then(Value::as_array_mut) else {
            continue;
        };
        let length = list.len();
        let start = from.saturating_sub(position).min(length);
        let end = to.saturating_sub(position).min(length);
        list.truncate(end);
        list.drain(..start.min(end));
        position += length;
    }
    let more = to < total;
    let Some(members) = output.as_object_mut() else {
        return;
    };
    if let Some(key) = &paginator.output_token.first().map(inside) {
        if more {
            members.insert(key.clone(), Value::String(close(to, last, page.parameters)));
        } else if !model.shape(shape).member(key).is_some_and(|m| m.required) {
            members.shift_remove(key);
        }
    }
    let mut set = |name: &str, value: Value| {
        if model.shape(shape).member(name).is_some() {
            members.insert(name.to_owned(), value);
        }
    };
    if let Some(key) = &paginator.more_results {
        set(key, Value::Bool(more));
    }
    if model.metadata.endpoint_prefix == "route53" {
        set("MaxItems", Value::String(page.limit.to_string()));
    }
}

impl Page {
    /// Begins with the last item of the page before: a fault.
    pub fn begin_earlier(&mut self) {
        if self.from > 0 {
            self.from -= 1;
            self.after = 0;
        }
    }
}

/// Half of the list is all there is: a fault.
pub fn halve(operation: &Operation, output: &mut Value) {
    let Some(paginator) = &operation.paginator else {
        return;
    };
    for key in &paginator.result_key {
        if let Some(list) = output.get_mut(key.as_str()).and_then(Value::as_array_mut) {
            list.truncate(list.len() / 2);
        }
    }
    if let Some(members) = output.as_object_mut() {
        for key in &paginator.output_token {
            members.shift_remove(key);
        }
    }
}

/// Whether the input asks for a page after the first.
pub fn is_later(operation: &Operation, input: &Value) -> bool {
    let tokens = operation
        .paginator
        .as_ref()
        .map(|p| p.input_token.as_slice())
        .unwrap_or_default();
    tokens.iter().any(|key| input.get(key).is_some())
}

fn length(output: &Value, key: &str) -> usize {
    output
        .get(key)
        .and_then(Value::as_array)
        .map_or(0, Vec::len)
}

fn nth<'v>(output: &'v Value, keys: &[&String], n: usize) -> Option<&'v Value> {
    keys.iter()
        .filter_map(|key| output.get(key.as_str())?.as_array())
        .flatten()
        .nth(n)
}

/// Where a page begins whose predecessor ended after so many items, with an item of that identity.
fn begin(output: &Value, keys: &[&String], from: usize, after: u64) -> usize {
    let items: Vec<u64> = keys
        .iter()
        .filter_map(|key| output.get(key.as_str())?.as_array())
        .flatten()
        .map(identity)
        .collect();
    if from > 0 && items.get(from - 1) == Some(&after) {
        return from;
    }
    match items.iter().position(|item| *item == after) {
        Some(at) => at + 1,
        None => from.min(items.len()),
    }
}

/// What an item is, whatever state it is in: the first string in it.
fn identity(item: &Value) -> u64 {
    let text = match item {
        Value::String(text) => Some(text.as_str()),
        Value::Object(members) => members.values().find_map(Value::as_str),
        _ => None,
    };
    super::hash(text.unwrap_or("").as_bytes())
}

fn parameters(operation: &str, members: &Map<String, Value>, paginator: &Paginator) -> u64 {
    let mut hash = super::hash(operation.as_bytes());
    for (name, value) in members {
        let paging =
            paginator.input_token.contains(name) || paginator.limit_key.as_deref() == Some(name);
        if !paging {
            hash = super::hash(format!("{hash:x} {name} {value}").as_bytes());
        }
    }
    hash
}

fn close(from: usize, after: u64, parameters: u64) -> String {
    let check = super::hash(format!("{from} {after} {parameters}").as_bytes());
    let mut bytes = Vec::with_capacity(32);
    for word in [
        from as u64 ^ check,
        after ^ check.rotate_left(17),
        parameters ^ check.rotate_left(33),
        check,
    ] {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

fn open(token: &str, parameters: u64) -> Option<(usize, u64)> {
    let bytes = URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .filter(|b| b.len() == 32)?;
    let word = |n: usize| {
        Some(u64::from_be_bytes(
            bytes.get(n * 8..n * 8 + 8)?.try_into().ok()?,
        ))
    };
    let check = word(3)?;
    let from = (word(0)? ^ check) as usize;
    let after = word(1)? ^ check.rotate_left(17);
    let meant = word(2)? ^ check.rotate_left(33);
    let sound = check == super::hash(format!("{from} {after} {meant}").as_bytes());
    (sound && meant == parameters).then_some((from, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn walk(limit: usize, total: usize) -> Vec<String> {
        let service = ServiceId::Ecr;
        let model = service.model();
        let operation = model.operation("DescribeRepositories").unwrap();
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut input = json!({"maxResults": limit});
            if let Some(token) = &token {
                input["nextToken"] = json!(token);
            }
            let page = wanted(service, operation, &mut input).unwrap().unwrap();
            let all: Vec<Value> = (0..total)
                .map(|n| json!({"repositoryName": format!("r{n}")}))
                .collect();
            let mut output = json!({"repositories": all});
            cut(model, operation, &page, &mut output);
            let names = output["repositories"].as_array().unwrap().iter();
            found.extend(names.map(|r| r["repositoryName"].as_str().unwrap().to_owned()));
            match output["nextToken"].as_str() {
                Some(next) => token = Some(next.to_owned()),
                None => return found,
            }
        }
    }

    #[test]
    fn pages_of_any_size_give_the_same_list() {
        let whole = walk(100, 7);
        assert_eq!(whole.len(), 7);
        for limit in 1..9 {
            assert_eq!(walk(limit, 7), whole);
        }
        assert!(walk(3, 0).is_empty());
    }

    #[test]
    fn a_token_is_good_only_for_what_it_was_given_for() {
        let token = close(3, 5, 7);
        assert_eq!(open(&token, 7), Some((3, 5)));
        assert_eq!(open(&token, 8), None);
        assert_eq!(open(&token[1..], 7), None);
        assert_eq!(open("nonsense", 7), None);
    }

    #[test]
    fn an_item_that_went_away_between_pages_hides_no_other() {
        let key = String::from("x");
        let list = json!({"x": ["b", "c", "d"]});
        // The first page was a, b; then a was deleted.
        assert_eq!(begin(&list, &[&key], 2, identity(&json!("b"))), 1);
    }
}
