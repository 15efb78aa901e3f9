//! How values are kept: one row per metric and minute, fifteen days long.

use super::{dimensions, invalid};
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const KEPT: i64 = 15 * 86_400;
/// So many single values of a minute are kept for percentiles.
const SINGLE: usize = 200;

#[derive(Clone, Debug)]
pub struct Metric {
    pub namespace: String,
    pub name: String,
    pub dimensions: Vec<(String, String)>,
    pub unit: String,
    /// By the unix second at which the minute begins.
    pub minutes: BTreeMap<i64, Minute>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Minute {
    pub count: f64,
    pub sum: f64,
    pub minimum: f64,
    pub maximum: f64,
    pub values: Vec<f64>,
}

impl Minute {
    fn add(&mut self, other: &Minute) {
        if self.count == 0.0 {
            self.minimum = other.minimum;
            self.maximum = other.maximum;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
        let room = SINGLE.saturating_sub(self.values.len());
        self.values.extend(other.values.iter().take(room));
    }

    fn of(value: f64, count: f64) -> Minute {
        Minute {
            count,
            sum: value * count,
            minimum: value,
            maximum: value,
            values: vec![value],
        }
    }

    /// `Average`, `Sum`, `Minimum`, `Maximum`, `SampleCount`, or a percentile such as `p95`.
    pub fn statistic(&self, name: &str) -> Option<f64> {
        match name {
            "Average" => Some(self.sum / self.count),
            "Sum" => Some(self.sum),
            "Minimum" => Some(self.minimum),
            "Maximum" => Some(self.maximum),
            "SampleCount" => Some(self.count),
            _ => {
                let percent: f64 = name.strip_prefix('p')?.parse().ok()?;
                let mut sorted = self.values.clone();
                sorted.sort_by(f64::total_cmp);
                let last = sorted.len().checked_sub(1)?;
                let position = percent / 100.0 * last as f64;
                let below = sorted.get(position.floor() as usize)?;
                let above = sorted.get((position.ceil() as usize).min(last))?;
                Some(below + (above - below) * position.fract())
            }
        }
    }
}

pub fn key(namespace: &str, name: &str, dimensions: &[(String, String)]) -> String {
    let mut sorted = dimensions.to_vec();
    sorted.sort();
    let mut key = format!("{namespace}\n{name}");
    for (name, value) in sorted {
        key.push_str(&format!("\n{name}={value}"));
    }
    key
}

/// The current unix second.
pub fn seconds(world: &World) -> i64 {
    world.unix(world.now()).floor() as i64
}

/// Records one value of a metric now, as AWS services publish theirs.
pub fn put(
    world: &mut World,
    account: &str,
    region: &str,
    namespace: &str,
    metric: &str,
    dimensions: &[(String, String)],
    value: f64,
) {
    let at = seconds(world);
    add(
        world,
        account,
        region,
        (namespace, metric, dimensions, "None"),
        at,
        &Minute::of(value, 1.0),
    );
}

fn add(
    world: &mut World,
    account: &str,
    region: &str,
    (namespace, name, dimensions, unit): (&str, &str, &[(String, String)], &str),
    at: i64,
    minute: &Minute,
) {
    let key = key(namespace, name, dimensions);
    let (now, oldest) = (world.now(), seconds(world) - KEPT);
    let metrics = &mut world.place(account, region).cloudwatch.metrics;
    if !metrics.contains(&key) {
        let mut sorted = dimensions.to_vec();
        sorted.sort();
        let made = Metric {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            dimensions: sorted,
            unit: unit.to_owned(),
            minutes: BTreeMap::new(),
        };
        metrics.put(key.clone(), made, now);
    }
    metrics.settle(&key, |metric| {
        metric
            .minutes
            .entry(at - at.rem_euclid(60))
            .or_default()
            .add(minute);
        while metric
            .minutes
            .first_key_value()
            .is_some_and(|(at, _)| *at < oldest)
        {
            metric.minutes.pop_first();
        }
    });
}

/// The values of a statistic over periods (seconds) that begin at or after `from` and before `to` (unix seconds). Only
/// minutes that are over are seen.
pub fn statistic(
    world: &World,
    (account, region): (&str, &str),
    (namespace, name, dimensions): (&str, &str, &[(String, String)]),
    period: i64,
    statistic: &str,
    (from, to): (i64, i64),
) -> Vec<(i64, f64)> {
    let metrics = world
        .seen_place(account, region)
        .map(|place| &place.cloudwatch.metrics);
    let Some(metric) = metrics.and_then(|m| m.get(&key(namespace, name, dimensions))) else {
        return Vec::new();
    };
    metric
        .periods(period, from, to, seconds(world))
        .into_iter()
        .filter_map(|(at, minute)| Some((at, minute.statistic(statistic)?)))
        .collect()
}

impl Metric {
    /// The minutes between two instants, joined into periods that begin at multiples of the period.
    pub fn periods(&self, period: i64, from: i64, to: i64, now: i64) -> BTreeMap<i64, Minute> {
        let period = period.max(1);
        let mut joined: BTreeMap<i64, Minute> = BTreeMap::new();
        if from >= to {
            return joined;
        }
        for (at, minute) in self.minutes.range(from - from.rem_euclid(60)..to) {
            if at + 60 <= now {
                joined
                    .entry(at - at.rem_euclid(period))
                    .or_default()
                    .add(minute);
            }
        }
        joined.retain(|at, _| *at + period > from);
        joined
    }

    pub fn json(&self) -> Value {
        let dimensions: Vec<Value> = self
            .dimensions
            .iter()
            .map(|(name, value)| json!({"Name": name, "Value": value}))
            .collect();
        json!({"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions})
    }
}

pub fn put_data(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let namespace = input.str("Namespace").unwrap_or_default().to_owned();
    if namespace.starts_with("AWS/") || namespace.starts_with(':') {
        return Err(invalid(
            "The value AWS/ for parameter Namespace is invalid.",
        ));
    }
    let now = seconds(cx.world);
    let mut rows = Vec::new();
    for datum in input.list("MetricData") {
        let name = datum["MetricName"].as_str().unwrap_or_default().to_owned();
        let dimensions = dimensions(datum.get("Dimensions"));
        if dimensions.len() > 30 || dimensions.iter().any(|(_, value)| value.is_empty()) {
            return Err(invalid(format!(
                "The value for the dimensions of metric {name} is invalid."
            )));
        }
        let at = datum["Timestamp"]
            .as_f64()
            .map_or(now, |t| t.floor() as i64);
        if at < now - 14 * 86_400 || at > now + 7_200 {
            return Err(invalid(
                "The parameter MetricData.member.1.Timestamp must be within the past two weeks and at most two hours in the \
                 future.",
            ));
        }
        let unit = datum["Unit"].as_str().unwrap_or("None").to_owned();
        let given = [
            datum.get("Value"),
            datum.get("Values"),
            datum.get("StatisticValues"),
        ];
        match given.iter().flatten().count() {
            0 => {
                return Err(AwsError::new(
                    "MissingParameter",
                    "At least one of the parameters MetricData.member.1.Value, Values or StatisticValues must be specified.",
                ));
            }
            1 => {}
            _ => {
                return Err(AwsError::new(
                    "InvalidParameterCombination",
                    "The parameters Value, Values and StatisticValues are mutually exclusive.",
                ));
            }
        }
        let mut minute = Minute::default();
        if let Some(value) = datum["Value"].as_f64() {
            minute = Minute::of(value, 1.0);
        } else if let Some(set) = datum.get("StatisticValues") {
            let part = |member: &str| set[member].as_f64().unwrap_or_default();
            minute = Minute {
                count: part("SampleCount"),
                sum: part("Sum"),
                minimum: part("Minimum"),
                maximum: part("Maximum"),
                values: vec![part("Minimum"), part("Maximum")],
            };
        } else {
            let values = datum["Values"].as_array().map_or(&[][..], Vec::as_slice);
            for (index, value) in values.iter().enumerate() {
                let count = datum["Counts"][index].as_f64().unwrap_or(1.0);
                minute.add(&Minute::of(value.as_f64().unwrap_or_default(), count));
            }
        }
        rows.push((name, dimensions, unit, at, minute));
    }
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    for (name, dimensions, unit, at, minute) in rows {
        add(
            cx.world,
            &account,
            &region,
            (&namespace, &name, &dimensions, &unit),
            at,
            &minute,
        );
    }
    Ok(json!({}))
}
