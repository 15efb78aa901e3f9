//! Metric filters and subscription filters.

use super::pattern::{self, Pattern};
use super::{change, invalid, milliseconds, named};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct MetricFilter {
    pub text: String,
    pub pattern: Pattern,
    /// As given.
    pub transformations: Value,
    pub created: i64,
}

#[derive(Clone, Debug)]
pub struct SubscriptionFilter {
    pub pattern: String,
    pub destination: String,
    pub role: Option<String>,
    pub distribution: String,
    pub created: i64,
}

/// One value that a filter publishes.
pub struct Measured {
    pub namespace: String,
    pub name: String,
    pub dimensions: Vec<(String, String)>,
    pub value: f64,
}

impl MetricFilter {
    /// What the filter publishes for a message.
    pub fn measure(&self, message: &str) -> Vec<Measured> {
        if !self.pattern.matches(message) {
            return Vec::new();
        }
        let parsed: Value = serde_json::from_str(message).unwrap_or(Value::Null);
        let read = |text: &str| -> Option<Value> {
            let path = pattern::path(text)?;
            pattern::at(&parsed, &path).cloned()
        };
        let rows = self
            .transformations
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        rows.iter()
            .filter_map(|row| {
                let text = row["metricValue"].as_str().unwrap_or_default();
                let value = match text.parse::<f64>() {
                    Ok(number) => number,
                    Err(_) => read(text)?.as_f64()?,
                };
                let dimensions = row["dimensions"].as_object().into_iter().flatten();
                let dimensions = dimensions
                    .map(|(name, path)| {
                        let found = read(path.as_str().unwrap_or_default())?;
                        Some((
                            name.clone(),
                            found
                                .as_str()
                                .map_or_else(|| found.to_string(), str::to_owned),
                        ))
                    })
                    .collect::<Option<Vec<_>>>()?;
                Some(Measured {
                    namespace: row["metricNamespace"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned(),
                    name: row["metricName"].as_str().unwrap_or_default().to_owned(),
                    dimensions,
                    value,
                })
            })
            .collect()
    }
}

fn filter_name(input: &Input) -> Result<String, AwsError> {
    let name = input.str("filterName").unwrap_or_default();
    match name.contains([':', '*']) {
        true => Err(invalid(format!(
            "Invalid filter name {name}: it must not contain : or *."
        ))),
        false => Ok(name.to_owned()),
    }
}

fn absent() -> AwsError {
    AwsError::new(
        "ResourceNotFoundException",
        "The specified resource does not exist.",
    )
}

pub fn put_metric(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    let name = filter_name(input)?;
    let text = input.str("filterPattern").unwrap_or_default().to_owned();
    let pattern = Pattern::parse(&text)?;
    let transformations = input
        .value
        .get("metricTransformations")
        .cloned()
        .unwrap_or_default();
    for row in transformations.as_array().into_iter().flatten() {
        if row.get("defaultValue").is_some() && row.get("dimensions").is_some() {
            return Err(invalid(
                "Invalid metric transformation: dimensions and default value are mutually exclusive properties.",
            ));
        }
    }
    if group.metric_filters.len() >= 100 && !group.metric_filters.contains_key(&name) {
        return Err(AwsError::new(
            "LimitExceededException",
            "Resource limit exceeded.",
        ));
    }
    let filter = MetricFilter {
        text,
        pattern,
        transformations,
        created: milliseconds(cx.world),
    };
    Ok(change(cx, &group.name, |g| {
        g.metric_filters.insert(name, filter);
    }))
}

pub fn delete_metric(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    let name = input.str("filterName").unwrap_or_default();
    if !group.metric_filters.contains_key(name) {
        return Err(absent());
    }
    Ok(change(cx, &group.name, |g| {
        g.metric_filters.remove(name);
    }))
}

pub fn describe_metric(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let only = match input.has("logGroupName") {
        true => Some(named(cx, input)?.name),
        false => None,
    };
    let prefix = input.str("filterNamePrefix").unwrap_or_default();
    let (metric, namespace) = (input.str("metricName"), input.str("metricNamespace"));
    if metric.is_some() != namespace.is_some() {
        return Err(invalid(
            "metricName and metricNamespace must be given together.",
        ));
    }
    let mut rows = Vec::new();
    for (_, group) in cx.place().logs.groups.iter() {
        if only.as_ref().is_some_and(|name| *name != group.name) {
            continue;
        }
        for (name, filter) in &group.metric_filters {
            let transformations = filter
                .transformations
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            let publishes = metric.is_none_or(|metric| {
                transformations.iter().any(|t| {
                    t["metricName"] == metric && t["metricNamespace"].as_str() == namespace
                })
            });
            if name.starts_with(prefix) && publishes {
                rows.push(json!({
                    "filterName": name,
                    "filterPattern": filter.text,
                    "metricTransformations": filter.transformations,
                    "creationTime": filter.created,
                    "logGroupName": group.name,
                }));
            }
        }
    }
    Ok(json!({"metricFilters": rows}))
}

pub fn test(input: &Input) -> Result<Value, AwsError> {
    let pattern = Pattern::parse(input.str("filterPattern").unwrap_or_default())?;
    let matches: Vec<Value> = input
        .strings("logEventMessages")
        .into_iter()
        .enumerate()
        .filter(|(_, message)| pattern.matches(message))
        .map(|(index, message)| {
            json!({"eventNumber": index + 1, "eventMessage": message, "extractedValues": {}})
        })
        .collect();
    Ok(json!({"matches": matches}))
}

pub fn put_subscription(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    let name = filter_name(input)?;
    let pattern = input.str("filterPattern").unwrap_or_default().to_owned();
    Pattern::parse(&pattern)?;
    let destination = input.str("destinationArn").unwrap_or_default().to_owned();
    if !destination.starts_with("arn:") {
        return Err(invalid("Invalid destinationArn."));
    }
    if group.subscription_filters.len() >= 2 && !group.subscription_filters.contains_key(&name) {
        return Err(AwsError::new(
            "LimitExceededException",
            "Resource limit exceeded.",
        ));
    }
    let filter = SubscriptionFilter {
        pattern,
        destination,
        role: input.str("roleArn").map(str::to_owned),
        distribution: input
            .str("distribution")
            .unwrap_or("ByLogStream")
            .to_owned(),
        created: milliseconds(cx.world),
    };
    Ok(change(cx, &group.name, |g| {
        g.subscription_filters.insert(name, filter);
    }))
}

pub fn delete_subscription(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    let name = input.str("filterName").unwrap_or_default();
    if !group.subscription_filters.contains_key(name) {
        return Err(absent());
    }
    Ok(change(cx, &group.name, |g| {
        g.subscription_filters.remove(name);
    }))
}

pub fn describe_subscription(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    let prefix = input.str("filterNamePrefix").unwrap_or_default();
    let rows: Vec<Value> = group
        .subscription_filters
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, filter)| {
            let mut out = json!({
                "filterName": name,
                "logGroupName": group.name,
                "filterPattern": filter.pattern,
                "destinationArn": filter.destination,
                "distribution": filter.distribution,
                "creationTime": filter.created,
            });
            if let Some(role) = &filter.role {
                out["roleArn"] = json!(role);
            }
            out
        })
        .collect();
    Ok(json!({"subscriptionFilters": rows}))
}
