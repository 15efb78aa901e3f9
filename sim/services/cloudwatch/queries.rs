//! Reading metrics.

use super::metrics::{key, seconds, statistic};
use super::{dimensions, invalid};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

pub fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (namespace, name) = (input.str("Namespace"), input.str("MetricName"));
    let wanted: Vec<(String, Option<String>)> = input
        .list("Dimensions")
        .iter()
        .map(|d| {
            (
                d["Name"].as_str().unwrap_or_default().to_owned(),
                d["Value"].as_str().map(str::to_owned),
            )
        })
        .collect();
    let recent = match input.str("RecentlyActive") {
        None => None,
        Some("PT3H") => Some(seconds(cx.world) - 3 * 3_600),
        Some(other) => {
            return Err(invalid(format!(
                "The value {other} for parameter RecentlyActive is invalid."
            )));
        }
    };
    let rows: Vec<Value> = cx
        .place()
        .cloudwatch
        .metrics
        .iter()
        .map(|(_, metric)| metric)
        .filter(|m| namespace.is_none_or(|n| m.namespace == n) && name.is_none_or(|n| m.name == n))
        .filter(|m| {
            wanted.iter().all(|(name, value)| {
                m.dimensions
                    .iter()
                    .any(|(n, v)| n == name && value.as_ref().is_none_or(|value| v == value))
            })
        })
        .filter(|m| {
            recent.is_none_or(|from| {
                m.minutes
                    .last_key_value()
                    .is_some_and(|(at, _)| *at >= from)
            })
        })
        .map(|m| m.json())
        .collect();
    Ok(json!({"Metrics": rows}))
}

fn span(input: &Input) -> Result<(i64, i64), AwsError> {
    let at = |member: &str| input.value[member].as_f64().unwrap_or_default().floor() as i64;
    let (from, to) = (at("StartTime"), at("EndTime"));
    match from < to {
        true => Ok((from, to)),
        false => Err(invalid(
            "The parameter StartTime must be less than the parameter EndTime.",
        )),
    }
}

fn check_period(period: i64) -> Result<(), AwsError> {
    match matches!(period, 1 | 5 | 10 | 20 | 30) || (period >= 60 && period % 60 == 0) {
        true => Ok(()),
        false => Err(invalid("The parameter Period must be a multiple of 60.")),
    }
}

pub fn statistics(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (from, to) = span(input)?;
    let period = input.i64("Period").unwrap_or(60);
    check_period(period)?;
    let mut wanted = input.strings("Statistics");
    let extended = input.strings("ExtendedStatistics");
    if wanted.is_empty() == extended.is_empty() {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "Must specify either Statistics or ExtendedStatistics, but not both.",
        ));
    }
    wanted.extend(extended.iter().cloned());
    let asked = (to - from) / period;
    if asked > 1_440 {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            format!(
                "You have requested up to {asked} datapoints, which exceeds the limit of 1,440. You may reduce the \
                 datapoints requested by increasing Period, or decreasing the time range."
            ),
        ));
    }
    let name = input.str("MetricName").unwrap_or_default().to_owned();
    let namespace = input.str("Namespace").unwrap_or_default().to_owned();
    let key = key(
        &namespace,
        &name,
        &dimensions(input.value.get("Dimensions")),
    );
    let now = seconds(cx.world);
    let mut rows = Vec::new();
    if let Some(metric) = cx.place().cloudwatch.metrics.get(&key) {
        let unit = input.str("Unit");
        if unit.is_none_or(|unit| unit == metric.unit) {
            for (at, minute) in metric.periods(period, from, to, now) {
                let mut row = json!({"Timestamp": at as f64, "Unit": metric.unit});
                let mut more = serde_json::Map::new();
                for statistic in &wanted {
                    let Some(value) = minute.statistic(statistic) else {
                        continue;
                    };
                    match extended.contains(statistic) {
                        true => {
                            more.insert(statistic.clone(), json!(value));
                        }
                        false => row[statistic.as_str()] = json!(value),
                    }
                }
                if !more.is_empty() {
                    row["ExtendedStatistics"] = Value::Object(more);
                }
                rows.push(row);
            }
        }
    }
    Ok(json!({"Label": name, "Datapoints": rows}))
}

pub fn data(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    // All that is asked for comes in one answer, so no token was ever given.
    if input.str("NextToken").is_some() {
        return Err(AwsError::new("InvalidNextToken", "Invalid nextToken"));
    }
    let (from, to) = span(input)?;
    let ascending = input.str("ScanBy") == Some("TimestampAscending");
    let queries = input.list("MetricDataQueries");
    let mut ids = std::collections::BTreeSet::new();
    let mut results = Vec::new();
    for query in queries {
        let id = query["Id"].as_str().unwrap_or_default();
        if !id.starts_with(|c: char| c.is_ascii_lowercase()) || !ids.insert(id) {
            return Err(AwsError::new(
                "ValidationError",
                format!(
                    "The values for parameter id in parameter metricDataQueries are not unique or not valid: {id}."
                ),
            ));
        }
        if query.get("Expression").is_some() {
            return Err(cx.not_simulated());
        }
        let Some(asked) = query.get("MetricStat") else {
            return Err(AwsError::new(
                "ValidationError",
                "Either MetricStat or Expression must be specified.",
            ));
        };
        if query["ReturnData"] == false {
            continue;
        }
        let metric = &asked["Metric"];
        let name = metric["MetricName"].as_str().unwrap_or_default();
        let namespace = metric["Namespace"].as_str().unwrap_or_default();
        let period = asked["Period"].as_i64().unwrap_or(60);
        check_period(period)?;
        let dimensions = dimensions(metric.get("Dimensions"));
        let mut points = statistic(
            cx.world,
            (cx.account_id(), &cx.region),
            (namespace, name, &dimensions),
            period,
            asked["Stat"].as_str().unwrap_or_default(),
            (from, to),
        );
        if !ascending {
            points.reverse();
        }
        let (timestamps, values): (Vec<f64>, Vec<f64>) =
            points.into_iter().map(|(at, v)| (at as f64, v)).unzip();
        results.push(json!({
            "Id": id,
            "Label": query["Label"].as_str().unwrap_or(name),
            "Timestamps": timestamps,
            "Values": values,
            "StatusCode": "Complete",
        }));
    }
    Ok(json!({"MetricDataResults": results, "Messages": []}))
}
