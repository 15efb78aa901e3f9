//! CloudWatch: metrics and alarms.
//!
//! Reading order: [`metrics`] (how values are kept: one row per minute), [`queries`], [`alarms`], [`dashboards`]. A minute is
//! seen once it is over, so the newest value is always a little old; a minute without a value is a gap. Alarms are evaluated
//! each minute and change state; their actions go nowhere. Metric math and composite alarms are not simulated.

use super::{Service, ServiceId, Wanted};
use crate::error::AwsError;
use crate::table::Table;
use crate::world::{Cx, Event, Input, Output, World};
use alarms::Alarm;
use metrics::Metric;
use serde_json::Value;
use std::collections::BTreeMap;

pub mod alarms;
mod dashboards;
pub mod metrics;
mod queries;

pub use metrics::{put, statistic};

pub const SERVICE: Service = Service {
    id: ServiceId::Cloudwatch,
    handle,
    happen,
    wants,
};

/// CloudWatch in one account and region.
#[derive(Clone, Default)]
pub struct State {
    /// By namespace, name and dimensions ([`metrics::key`]).
    pub metrics: Table<Metric>,
    /// By name.
    pub alarms: Table<Alarm>,
    /// By name; kept in us-east-1, as dashboards have no region.
    dashboards: Table<dashboards::Dashboard>,
}

fn wants(cx: &Cx<'_>, operation: &str, input: &Input) -> Vec<Wanted> {
    let mut names = input.strings("AlarmNames");
    names.extend(input.str("AlarmName").map(str::to_owned));
    let action = format!("cloudwatch:{operation}");
    let mut context = Vec::new();
    if let Some(namespace) = input.str("Namespace") {
        context.push(("cloudwatch:namespace".to_owned(), namespace.to_owned()));
    }
    let resources: Vec<String> = match input.str("ResourceARN") {
        Some(arn) => vec![arn.to_owned()],
        None if names.is_empty() => vec!["*".to_owned()],
        None => names
            .iter()
            .map(|name| cx.arn("cloudwatch", &format!("alarm:{name}")))
            .collect(),
    };
    resources
        .into_iter()
        .map(|resource| Wanted {
            action: action.clone(),
            resource,
            context: context.clone(),
        })
        .collect()
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    let value = match operation {
        "PutMetricData" => metrics::put_data(cx, input)?,
        "ListMetrics" => queries::list(cx, input)?,
        "GetMetricStatistics" => queries::statistics(cx, input)?,
        "GetMetricData" => queries::data(cx, input)?,
        "PutMetricAlarm" => alarms::put(cx, input)?,
        "DescribeAlarms" => alarms::describe(cx, input)?,
        "DescribeAlarmsForMetric" => alarms::describe_for_metric(cx, input),
        "DescribeAlarmHistory" => alarms::history(cx, input),
        "DeleteAlarms" => alarms::delete(cx, input)?,
        "SetAlarmState" => alarms::set_state(cx, input)?,
        "EnableAlarmActions" => alarms::enable(cx, input, true),
        "DisableAlarmActions" => alarms::enable(cx, input, false),
        "TagResource" => alarms::tag(cx, input)?,
        "UntagResource" => alarms::untag(cx, input)?,
        "ListTagsForResource" => alarms::list_tags(cx, input)?,
        "PutDashboard" => dashboards::put(cx, input)?,
        "GetDashboard" => dashboards::get(cx, input)?,
        "ListDashboards" => dashboards::list(cx, input),
        "DeleteDashboards" => dashboards::delete(cx, input)?,
        _ => return Err(cx.not_simulated()),
    };
    Ok(value.into())
}

fn happen(world: &mut World, event: &Event) {
    if event.what == "evaluate" {
        alarms::evaluate(world, event);
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterValue", message)
}

/// The dimensions of an input, in the order of their names.
fn dimensions(value: Option<&Value>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = value
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .map(|d| {
            let part = |member: &str| d[member].as_str().unwrap_or_default().to_owned();
            (part("Name"), part("Value"))
        })
        .collect();
    found.sort();
    found
}

/// Every alarm with its tags, for the Tagging API.
pub fn tagged(
    world: &World,
    account: &str,
    region: &str,
) -> Vec<(String, BTreeMap<String, String>)> {
    world
        .seen_place(account, region)
        .map_or_else(Vec::new, |place| {
            place
                .cloudwatch
                .alarms
                .iter()
                .map(|(_, alarm)| (alarm.arn.clone(), alarm.tags.clone()))
                .collect()
        })
}

#[cfg(test)]
mod tests;
