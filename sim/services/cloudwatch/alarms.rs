//! Metric alarms: evaluated each minute, M out of N periods, missing data treated as asked.

use super::metrics::{seconds, statistic};
use super::{dimensions, invalid};
use crate::clock::MINUTE;
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::world::{Cx, Event, Input, World};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct Alarm {
    pub name: String,
    pub arn: String,
    /// What was put, in the model's names.
    pub settings: Map<String, Value>,
    pub state: String,
    pub reason: String,
    pub reason_data: Option<String>,
    /// Unix seconds.
    pub configured: f64,
    pub updated: f64,
    pub tags: BTreeMap<String, String>,
    pub history: Vec<Value>,
}

impl Alarm {
    fn setting(&self, name: &str) -> &Value {
        self.settings.get(name).unwrap_or(&Value::Null)
    }

    fn json(&self) -> Value {
        let mut out = self.settings.clone();
        for (name, value) in [
            ("AlarmName", json!(self.name)),
            ("AlarmArn", json!(self.arn)),
            ("StateValue", json!(self.state)),
            ("StateReason", json!(self.reason)),
            ("StateUpdatedTimestamp", json!(self.updated)),
            ("StateTransitionedTimestamp", json!(self.updated)),
            ("AlarmConfigurationUpdatedTimestamp", json!(self.configured)),
        ] {
            out.insert(name.to_owned(), value);
        }
        for list in [
            "OKActions",
            "AlarmActions",
            "InsufficientDataActions",
            "Dimensions",
        ] {
            out.entry(list).or_insert_with(|| json!([]));
        }
        out.entry("ActionsEnabled").or_insert(json!(true));
        if let Some(data) = &self.reason_data {
            out.insert("StateReasonData".to_owned(), json!(data));
        }
        Value::Object(out)
    }

    fn enter(&mut self, state: &str, reason: String, data: Option<String>, at: f64) {
        let summary = format!("Alarm updated from {} to {state}", self.state);
        self.remember(
            "StateUpdate",
            &summary,
            at,
            json!({"oldState": self.state, "newState": state, "reason": reason}),
        );
        self.state = state.to_owned();
        self.reason = reason;
        self.reason_data = data;
        self.updated = at;
    }

    fn remember(&mut self, kind: &str, summary: &str, at: f64, data: Value) {
        self.history.push(json!({
            "AlarmName": self.name,
            "AlarmType": "MetricAlarm",
            "Timestamp": at,
            "HistoryItemType": kind,
            "HistorySummary": summary,
            "HistoryData": data.to_string(),
        }));
        if self.history.len() > 100 {
            self.history.remove(0);
        }
    }
}

pub fn put(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("AlarmName").unwrap_or_default().to_owned();
    if input.has("Metrics") || input.has("ThresholdMetricId") || input.has("EvaluationCriteria") {
        return Err(cx.not_simulated());
    }
    let missing = |what: &str| {
        AwsError::new(
            "MissingParameter",
            format!("The request must contain the parameter {what}."),
        )
    };
    for required in [
        "MetricName",
        "Namespace",
        "Period",
        "EvaluationPeriods",
        "Threshold",
        "ComparisonOperator",
    ] {
        if !input.has(required) {
            return Err(missing(required));
        }
    }
    if input.has("Statistic") == input.has("ExtendedStatistic") {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "Must specify exactly one of Statistic and ExtendedStatistic.",
        ));
    }
    let period = input.i64("Period").unwrap_or(60);
    if !matches!(period, 10 | 20 | 30) && (period < 60 || period % 60 != 0) {
        return Err(invalid("Period must be 10, 20, 30 or a multiple of 60."));
    }
    let periods = input.i64("EvaluationPeriods").unwrap_or(1);
    let needed = input.i64("DatapointsToAlarm").unwrap_or(periods);
    if needed > periods || needed < 1 {
        return Err(invalid(
            "DatapointsToAlarm must be between 1 and EvaluationPeriods.",
        ));
    }
    let treat = input.str("TreatMissingData").unwrap_or("missing");
    if !matches!(treat, "missing" | "notBreaching" | "breaching" | "ignore") {
        return Err(invalid(format!(
            "Option {treat} is not supported. Supported options are breaching, notBreaching, ignore, missing."
        )));
    }
    let mut settings = input.value.as_object().cloned().unwrap_or_default();
    settings.shift_remove("AlarmName");
    settings.shift_remove("Tags");
    settings.insert(
        "ActionsEnabled".to_owned(),
        json!(input.bool("ActionsEnabled").unwrap_or(true)),
    );
    let at = cx.unix_now();
    let present = cx.place().cloudwatch.alarms.get(&name).cloned();
    let made = present.is_none();
    let mut alarm = present.unwrap_or_else(|| Alarm {
        arn: String::new(),
        name: name.clone(),
        settings: Map::new(),
        state: "INSUFFICIENT_DATA".to_owned(),
        reason: "Unchecked: Initial alarm creation".to_owned(),
        reason_data: None,
        configured: at,
        updated: at,
        tags: BTreeMap::new(),
        history: Vec::new(),
    });
    alarm.arn = cx.arn("cloudwatch", &format!("alarm:{name}"));
    alarm.settings = settings;
    alarm.configured = at;
    // Tags of a put are for the making only.
    if made {
        alarm.tags = given_tags(input);
    }
    let summary = if made { "created" } else { "updated" };
    alarm.remember(
        "ConfigurationUpdate",
        &format!("Alarm \"{name}\" {summary}"),
        at,
        json!({"type": summary}),
    );
    let now = cx.now();
    cx.place().cloudwatch.alarms.put(name.clone(), alarm, now);
    if made {
        cx.later(MINUTE, "evaluate", &name);
    }
    Ok(json!({}))
}

fn given_tags(input: &Input) -> BTreeMap<String, String> {
    let part = |tag: &Value, member: &str| tag[member].as_str().unwrap_or_default().to_owned();
    input
        .list("Tags")
        .iter()
        .map(|tag| (part(tag, "Key"), part(tag, "Value")))
        .collect()
}

fn breaches(operator: &str, value: f64, threshold: f64) -> bool {
    match operator {
        "GreaterThanOrEqualToThreshold" => value >= threshold,
        "GreaterThanThreshold" => value > threshold,
        "LessThanThreshold" => value < threshold,
        "LessThanOrEqualToThreshold" => value <= threshold,
        _ => false,
    }
}

/// A minute has passed for an alarm.
pub fn evaluate(world: &mut World, event: &Event) {
    let place = world.seen_place(&event.account, &event.region);
    let Some(alarm) = place.and_then(|p| p.cloudwatch.alarms.shared(&event.id)) else {
        return;
    };
    world.schedule(MINUTE, event.clone());
    let text = |name: &str| alarm.setting(name).as_str().unwrap_or_default();
    let number = |name: &str| alarm.setting(name).as_i64();
    let period = number("Period").unwrap_or(60).max(60);
    let periods = number("EvaluationPeriods").unwrap_or(1);
    let needed = number("DatapointsToAlarm").unwrap_or(periods);
    let threshold = alarm.setting("Threshold").as_f64().unwrap_or_default();
    let now = seconds(world);
    let end = now - now.rem_euclid(period);
    let from = end - periods * period;
    let dimensions = dimensions(alarm.settings.get("Dimensions"));
    let wanted = alarm
        .setting("ExtendedStatistic")
        .as_str()
        .unwrap_or(text("Statistic"));
    let points: BTreeMap<i64, f64> = statistic(
        world,
        (&event.account, &event.region),
        (text("Namespace"), text("MetricName"), &dimensions),
        period,
        wanted,
        (from, end),
    )
    .into_iter()
    .collect();
    let treat = alarm
        .setting("TreatMissingData")
        .as_str()
        .unwrap_or("missing")
        .to_owned();
    let (mut breaching, mut fine) = (0, 0);
    for index in 0..periods {
        match (points.get(&(from + index * period)), treat.as_str()) {
            (Some(value), _) if breaches(text("ComparisonOperator"), *value, threshold) => {
                breaching += 1
            }
            (Some(_), _) | (None, "notBreaching") => fine += 1,
            (None, "breaching") => breaching += 1,
            (None, _) => {}
        }
    }
    let state = if breaching >= needed {
        "ALARM"
    } else if breaching + fine > 0 {
        "OK"
    } else if treat == "ignore" {
        return;
    } else {
        "INSUFFICIENT_DATA"
    };
    if state == alarm.state {
        return;
    }
    let values: Vec<f64> = points.values().copied().collect();
    let reason = match state {
        "INSUFFICIENT_DATA" => format!("Insufficient Data: {periods} datapoints were unknown."),
        _ => format!(
            "Threshold Crossed: {breaching} out of the last {periods} datapoints {values:?} were breaching the threshold \
             ({threshold:?}) (minimum {needed} datapoints for {state} transition)."
        ),
    };
    let data =
        json!({"version": "1.0", "recentDatapoints": values, "threshold": threshold}).to_string();
    let at = world.unix(world.now());
    let alarms = &mut world.place(&event.account, &event.region).cloudwatch.alarms;
    alarms.settle(&event.id, |alarm| {
        alarm.enter(state, reason, Some(data), at)
    });
}

pub fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let names = input.strings("AlarmNames");
    let prefix = input.str("AlarmNamePrefix");
    if !names.is_empty() && prefix.is_some() {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "AlarmNames and AlarmNamePrefix are mutually exclusive.",
        ));
    }
    let (state, action) = (input.str("StateValue"), input.str("ActionPrefix"));
    let types = input.strings("AlarmTypes");
    let metric_alarms = types.is_empty() || types.iter().any(|t| t == "MetricAlarm");
    let rows: Vec<Value> = cx
        .place()
        .cloudwatch
        .alarms
        .iter()
        .map(|(_, alarm)| alarm)
        .filter(|a| metric_alarms && (names.is_empty() || names.contains(&a.name)))
        .filter(|a| {
            prefix.is_none_or(|p| a.name.starts_with(p)) && state.is_none_or(|s| a.state == s)
        })
        .filter(|a| {
            action.is_none_or(|prefix| {
                ["OKActions", "AlarmActions", "InsufficientDataActions"]
                    .iter()
                    .any(|list| {
                        let actions = a.setting(list).as_array().map_or(&[][..], Vec::as_slice);
                        actions
                            .iter()
                            .any(|x| x.as_str().is_some_and(|x| x.starts_with(prefix)))
                    })
            })
        })
        .map(Alarm::json)
        .collect();
    Ok(json!({"MetricAlarms": rows, "CompositeAlarms": []}))
}

pub fn describe_for_metric(cx: &mut Cx<'_>, input: &Input) -> Value {
    let wanted = dimensions(input.value.get("Dimensions"));
    let rows: Vec<Value> = cx
        .place()
        .cloudwatch
        .alarms
        .iter()
        .map(|(_, alarm)| alarm)
        .filter(|a| {
            a.setting("MetricName").as_str() == input.str("MetricName")
                && a.setting("Namespace").as_str() == input.str("Namespace")
                && dimensions(a.settings.get("Dimensions")) == wanted
                && (!input.has("Statistic")
                    || a.setting("Statistic").as_str() == input.str("Statistic"))
                && (!input.has("Period") || a.setting("Period").as_i64() == input.i64("Period"))
        })
        .map(Alarm::json)
        .collect();
    json!({"MetricAlarms": rows})
}

pub fn history(cx: &mut Cx<'_>, input: &Input) -> Value {
    let (name, kind) = (input.str("AlarmName"), input.str("HistoryItemType"));
    let at = |member: &str| input.value[member].as_f64();
    let (from, to) = (at("StartDate"), at("EndDate"));
    let mut rows: Vec<Value> = cx
        .place()
        .cloudwatch
        .alarms
        .iter()
        .filter(|(n, _)| name.is_none_or(|name| *n == name))
        .flat_map(|(_, alarm)| alarm.history.iter().cloned())
        .filter(|row| kind.is_none_or(|kind| row["HistoryItemType"] == kind))
        .filter(|row| {
            let at = row["Timestamp"].as_f64().unwrap_or_default();
            from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to)
        })
        .collect();
    let time = |row: &Value| row["Timestamp"].as_f64().unwrap_or_default();
    rows.sort_by(|a, b| time(a).total_cmp(&time(b)));
    if input.str("ScanBy") != Some("TimestampAscending") {
        rows.reverse();
    }
    json!({"AlarmHistoryItems": rows})
}

fn absent() -> AwsError {
    AwsError::new("ResourceNotFound", "Alarm not found")
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let names = input.strings("AlarmNames");
    if names
        .iter()
        .any(|name| !cx.place().cloudwatch.alarms.contains(name))
    {
        return Err(absent());
    }
    let now = cx.now();
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    for name in names {
        cx.place().cloudwatch.alarms.remove(&name, now);
        cx.world.unschedule(|e| {
            e.service == ServiceId::Cloudwatch
                && e.id == name
                && e.account == account
                && e.region == region
        });
    }
    Ok(json!({}))
}

pub fn set_state(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("AlarmName").unwrap_or_default();
    let data = input.str("StateReasonData").map(str::to_owned);
    if data
        .as_deref()
        .is_some_and(|d| serde_json::from_str::<Value>(d).is_err())
    {
        return Err(AwsError::new(
            "InvalidFormat",
            "StateReasonData is not valid JSON",
        ));
    }
    let state = input.str("StateValue").unwrap_or_default().to_owned();
    let reason = input.str("StateReason").unwrap_or_default().to_owned();
    let (now, at) = (cx.now(), cx.unix_now());
    let alarms = &mut cx.place().cloudwatch.alarms;
    match alarms.change(name, now, |alarm| alarm.enter(&state, reason, data, at)) {
        true => Ok(json!({})),
        false => Err(absent()),
    }
}

pub fn enable(cx: &mut Cx<'_>, input: &Input, on: bool) -> Value {
    let now = cx.now();
    for name in input.strings("AlarmNames") {
        cx.place().cloudwatch.alarms.change(&name, now, |alarm| {
            alarm
                .settings
                .insert("ActionsEnabled".to_owned(), json!(on));
        });
    }
    json!({})
}

/// The alarm of an ARN.
fn named(cx: &mut Cx<'_>, input: &Input) -> Result<Alarm, AwsError> {
    let arn = input.str("ResourceARN").unwrap_or_default();
    let found = cx
        .place()
        .cloudwatch
        .alarms
        .iter()
        .find(|(_, a)| a.arn == arn)
        .map(|(_, a)| a.clone());
    found.ok_or_else(|| AwsError::new("ResourceNotFoundException", format!("{arn} does not exist")))
}

pub fn tag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let alarm = named(cx, input)?;
    let mut tags = alarm.tags.clone();
    tags.extend(given_tags(input));
    if tags.len() > 50 {
        return Err(invalid("The resource would have more than 50 tags."));
    }
    let now = cx.now();
    cx.place()
        .cloudwatch
        .alarms
        .change(&alarm.name, now, |a| a.tags = tags);
    Ok(json!({}))
}

pub fn untag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let alarm = named(cx, input)?;
    let keys = input.strings("TagKeys");
    let now = cx.now();
    cx.place().cloudwatch.alarms.change(&alarm.name, now, |a| {
        a.tags.retain(|key, _| !keys.contains(key))
    });
    Ok(json!({}))
}

pub fn list_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let alarm = named(cx, input)?;
    let tags: Vec<Value> = alarm
        .tags
        .iter()
        .map(|(k, v)| json!({"Key": k, "Value": v}))
        .collect();
    Ok(json!({"Tags": tags}))
}
