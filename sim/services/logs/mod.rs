//! CloudWatch Logs: groups, streams, events, filters.
//!
//! Reading order: [`group`], [`events`] (writing and reading), [`filters`] (metric and subscription filters), [`pattern`]
//! (the filter language), [`policies`]. Metric filters act; subscription filters are kept but deliver nothing; queries are
//! not simulated. All times here are milliseconds of the unix epoch, as in the API.

use super::{Service, ServiceId, Wanted, nothing_happens};
use crate::error::AwsError;
use crate::table::Table;
use crate::world::{Cx, Input, Output, World};
use group::{Group, Stream};
use serde_json::Value;
use std::collections::BTreeMap;

mod events;
mod filters;
pub mod group;
mod pattern;
mod policies;

pub use events::{messages, put};

pub const SERVICE: Service = Service {
    id: ServiceId::Logs,
    handle,
    happen: nothing_happens,
    wants,
};

/// CloudWatch Logs in one account and region.
#[derive(Clone, Default)]
pub struct State {
    /// By name.
    pub groups: Table<Group>,
    /// By group name, a line feed, and stream name.
    pub streams: Table<Stream>,
    policies: Table<policies::ResourcePolicy>,
    queries: Table<policies::QueryDefinition>,
}

fn wants(cx: &Cx<'_>, operation: &str, input: &Input) -> Vec<Wanted> {
    let resource = match input
        .str("logGroupName")
        .or(input.str("logGroupIdentifier"))
    {
        Some(name) => {
            let name = name_in(name);
            let stream = match (operation, input.str("logStreamName")) {
                (
                    "PutLogEvents" | "GetLogEvents" | "CreateLogStream" | "DeleteLogStream",
                    Some(stream),
                ) => {
                    format!(":log-stream:{stream}")
                }
                _ => String::new(),
            };
            cx.arn("logs", &format!("log-group:{name}{stream}"))
        }
        None => input.str("resourceArn").unwrap_or("*").to_owned(),
    };
    vec![Wanted {
        action: format!("logs:{operation}"),
        resource,
        context: Vec::new(),
    }]
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    let value = match operation {
        "CreateLogGroup" => group::create(cx, input)?,
        "DeleteLogGroup" => group::delete(cx, input)?,
        "DescribeLogGroups" => group::describe(cx, input)?,
        "ListLogGroups" => group::list(cx, input)?,
        "PutRetentionPolicy" => group::put_retention(cx, input)?,
        "DeleteRetentionPolicy" => group::delete_retention(cx, input)?,
        "AssociateKmsKey" => group::associate_key(cx, input)?,
        "DisassociateKmsKey" => group::disassociate_key(cx, input)?,
        "PutLogGroupDeletionProtection" => group::protect(cx, input)?,
        "TagResource" | "TagLogGroup" => group::tag(cx, input)?,
        "UntagResource" | "UntagLogGroup" => group::untag(cx, input)?,
        "ListTagsForResource" | "ListTagsLogGroup" => group::list_tags(cx, input)?,
        "CreateLogStream" => group::create_stream(cx, input)?,
        "DeleteLogStream" => group::delete_stream(cx, input)?,
        "DescribeLogStreams" => group::describe_streams(cx, input)?,
        "PutLogEvents" => events::put_events(cx, input)?,
        "GetLogEvents" => events::get(cx, input)?,
        "FilterLogEvents" => events::filter(cx, input)?,
        "PutMetricFilter" => filters::put_metric(cx, input)?,
        "DeleteMetricFilter" => filters::delete_metric(cx, input)?,
        "DescribeMetricFilters" => filters::describe_metric(cx, input)?,
        "TestMetricFilter" => filters::test(input)?,
        "PutSubscriptionFilter" => filters::put_subscription(cx, input)?,
        "DeleteSubscriptionFilter" => filters::delete_subscription(cx, input)?,
        "DescribeSubscriptionFilters" => filters::describe_subscription(cx, input)?,
        "PutResourcePolicy" => policies::put(cx, input)?,
        "DeleteResourcePolicy" => policies::delete(cx, input)?,
        "DescribeResourcePolicies" => policies::describe(cx),
        "PutQueryDefinition" => policies::put_query(cx, input)?,
        "DeleteQueryDefinition" => policies::delete_query(cx, input)?,
        "DescribeQueryDefinitions" => policies::describe_queries(cx, input),
        _ => return Err(cx.not_simulated()),
    };
    Ok(value.into())
}

pub fn group_exists(world: &World, account: &str, region: &str, group: &str) -> bool {
    world
        .seen_place(account, region)
        .is_some_and(|place| place.logs.groups.contains(group))
}

/// Milliseconds of the unix epoch.
fn milliseconds(world: &World) -> i64 {
    (world.unix(world.now()) * 1_000.0).round() as i64
}

/// The name in a name or an ARN (with or without `:*`).
fn name_in(any: &str) -> &str {
    match any.split_once(":log-group:") {
        Some((_, name)) => name.trim_end_matches(":*"),
        None => any,
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterException", message)
}

fn no_group() -> AwsError {
    AwsError::new(
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    )
}

fn no_stream() -> AwsError {
    AwsError::new(
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )
}

/// The group that an input names.
fn named(cx: &mut Cx<'_>, input: &Input) -> Result<Group, AwsError> {
    let any = input
        .str("logGroupName")
        .or(input.str("logGroupIdentifier"))
        .or(input.str("resourceIdentifier"))
        .or(input.str("resourceArn"))
        .unwrap_or_default();
    cx.place()
        .logs
        .groups
        .get(name_in(any))
        .cloned()
        .ok_or_else(no_group)
}

fn stream_key(group: &str, stream: &str) -> String {
    [group, stream].join("\n")
}

fn change(cx: &mut Cx<'_>, name: &str, change: impl FnOnce(&mut Group)) -> Value {
    let now = cx.now();
    cx.place().logs.groups.change(name, now, change);
    Value::Object(serde_json::Map::new())
}

/// Every group with its tags, for the Tagging API.
pub fn tagged(
    world: &World,
    account: &str,
    region: &str,
) -> Vec<(String, BTreeMap<String, String>)> {
    world
        .seen_place(account, region)
        .map_or_else(Vec::new, |place| {
            place
                .logs
                .groups
                .iter()
                .map(|(_, group)| (group.arn.clone(), group.tags.clone()))
                .collect()
        })
}

#[cfg(test)]
mod tests;
