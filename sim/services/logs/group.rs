//! Log groups and their streams.

use super::filters::{MetricFilter, SubscriptionFilter};
use super::{change, invalid, milliseconds, name_in, named, no_group, no_stream, stream_key};
use crate::error::AwsError;
use crate::services::{kms, quotas};
use crate::world::{Cx, Input};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    /// Without `:*`.
    pub arn: String,
    pub created: i64,
    pub retention: Option<i64>,
    pub key: Option<String>,
    pub class: String,
    pub protected: bool,
    pub tags: BTreeMap<String, String>,
    pub metric_filters: BTreeMap<String, MetricFilter>,
    pub subscription_filters: BTreeMap<String, SubscriptionFilter>,
}

#[derive(Clone, Debug)]
pub struct Stream {
    pub name: String,
    pub created: i64,
    /// In the order in which they came in.
    pub events: Vec<LogEvent>,
    /// Whether that is also the order of their timestamps.
    pub ordered: bool,
}

impl Stream {
    pub fn new(name: &str, created: i64) -> Stream {
        Stream {
            name: name.to_owned(),
            created,
            events: Vec::new(),
            ordered: true,
        }
    }

    pub fn append(&mut self, events: impl IntoIterator<Item = LogEvent>) {
        events.into_iter().for_each(|event| self.push(event));
    }

    pub fn push(&mut self, event: LogEvent) {
        self.ordered &= self
            .events
            .last()
            .is_none_or(|last| last.timestamp <= event.timestamp);
        self.events.push(event);
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct LogEvent {
    pub timestamp: i64,
    pub ingested: i64,
    pub message: String,
}

const RETENTIONS: &[i64] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

fn check_name(name: &str) -> Result<(), AwsError> {
    let fine = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || ".-_/#".contains(c));
    match fine && !name.is_empty() && name.len() <= 512 {
        true => Ok(()),
        false => Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
        ))),
    }
}

/// The key of a group must be an ARN, and usable.
fn check_key(cx: &mut Cx<'_>, key: &str) -> Result<(), AwsError> {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let usable = key.starts_with("arn:") && kms::usable(cx.world, &account, &region, key).is_ok();
    match usable {
        true => Ok(()),
        false => Err(invalid(
            "The specified KMS key does not exist or is not allowed to be used with this log group.",
        )),
    }
}

fn tags_of(value: Option<&Value>) -> Result<BTreeMap<String, String>, AwsError> {
    let mut tags = BTreeMap::new();
    for (key, value) in value.and_then(Value::as_object).into_iter().flatten() {
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid(
                "Tag keys can't start with the reserved prefix aws:.",
            ));
        }
        tags.insert(key.clone(), value.as_str().unwrap_or_default().to_owned());
    }
    if tags.len() > 50 {
        return Err(AwsError::new(
            "TooManyTagsException",
            "A resource can have no more than 50 tags.",
        ));
    }
    Ok(tags)
}

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("logGroupName").unwrap_or_default().to_owned();
    check_name(&name)?;
    let tags = tags_of(input.value.get("tags"))?;
    let key = input.str("kmsKeyId").map(str::to_owned);
    if let Some(key) = &key {
        check_key(cx, key)?;
    }
    if cx.place().logs.groups.contains(&name) {
        return Err(AwsError::new(
            "ResourceAlreadyExistsException",
            "The specified log group already exists",
        ));
    }
    let held = cx.place().logs.groups.len();
    if held as f64 >= quotas::limit(cx.world, cx.account_id(), &cx.region, "L-C7B9AAAB") {
        return Err(AwsError::new(
            "LimitExceededException",
            "Resource limit exceeded.",
        ));
    }
    let group = Group {
        arn: cx.arn("logs", &format!("log-group:{name}")),
        created: milliseconds(cx.world),
        retention: None,
        key,
        class: input.str("logGroupClass").unwrap_or("STANDARD").to_owned(),
        protected: input.bool("deletionProtectionEnabled").unwrap_or(false),
        tags,
        metric_filters: BTreeMap::new(),
        subscription_filters: BTreeMap::new(),
        name: name.clone(),
    };
    let now = cx.now();
    cx.place().logs.groups.put(name, group, now);
    Ok(json!({}))
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    if group.protected {
        return Err(AwsError::new(
            "ValidationException",
            "The log group cannot be deleted because deletion protection is enabled.",
        ));
    }
    let now = cx.now();
    let state = &mut cx.place().logs;
    state.groups.remove(&group.name, now);
    let prefix = stream_key(&group.name, "");
    for key in state.streams.keys() {
        if key.starts_with(&prefix) {
            state.streams.remove(&key, now);
        }
    }
    Ok(json!({}))
}

/// The groups that an input asks for.
fn chosen<'c>(cx: &'c mut Cx<'_>, input: &Input) -> Result<Vec<&'c Group>, AwsError> {
    let (prefix, pattern) = (
        input.str("logGroupNamePrefix"),
        input.str("logGroupNamePattern"),
    );
    if prefix.is_some() && pattern.is_some() {
        return Err(invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let identifiers = input.strings("logGroupIdentifiers");
    let class = input.str("logGroupClass");
    let fits = |group: &&Group| {
        prefix.is_none_or(|p| group.name.starts_with(p))
            && pattern.is_none_or(|p| match p.strip_prefix('^') {
                Some(start) => group.name.starts_with(start),
                None => group.name.contains(p),
            })
            && (identifiers.is_empty() || identifiers.iter().any(|i| name_in(i) == group.name))
            && class.is_none_or(|c| group.class == c)
    };
    Ok(cx
        .place()
        .logs
        .groups
        .iter()
        .map(|(_, group)| group)
        .filter(fits)
        .collect())
}

pub fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let bytes: BTreeMap<String, i64> = {
        let mut bytes = BTreeMap::new();
        for (key, stream) in cx.place().logs.streams.iter() {
            let group = key.split('\n').next().unwrap_or_default().to_owned();
            *bytes.entry(group).or_default() += size(stream);
        }
        bytes
    };
    let groups: Vec<Value> = chosen(cx, input)?
        .into_iter()
        .map(|group| {
            let mut out = json!({
                "logGroupName": group.name,
                "creationTime": group.created,
                "metricFilterCount": group.metric_filters.len(),
                "arn": format!("{}:*", group.arn),
                "storedBytes": bytes.get(&group.name).copied().unwrap_or(0),
                "logGroupClass": group.class,
                "logGroupArn": group.arn,
                "deletionProtectionEnabled": group.protected,
            });
            if let Some(days) = group.retention {
                out["retentionInDays"] = json!(days);
            }
            if let Some(key) = &group.key {
                out["kmsKeyId"] = json!(key);
            }
            out
        })
        .collect();
    Ok(json!({"logGroups": groups}))
}

fn size(stream: &Stream) -> i64 {
    stream
        .events
        .iter()
        .map(|e| e.message.len() as i64 + 26)
        .sum()
}

pub fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let groups: Vec<Value> = chosen(cx, input)?
        .into_iter()
        .map(|group| {
            json!({
                "logGroupName": group.name,
                "logGroupArn": group.arn,
                "logGroupClass": group.class,
            })
        })
        .collect();
    Ok(json!({"logGroups": groups}))
}

pub fn put_retention(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    let days = input.i64("retentionInDays").unwrap_or_default();
    if !RETENTIONS.contains(&days) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member must \
             satisfy enum value set: {RETENTIONS:?}"
        )));
    }
    Ok(change(cx, &group.name, |g| g.retention = Some(days)))
}

pub fn delete_retention(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    Ok(change(cx, &group.name, |g| g.retention = None))
}

pub fn associate_key(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    let key = input.str("kmsKeyId").unwrap_or_default().to_owned();
    check_key(cx, &key)?;
    Ok(change(cx, &group.name, |g| g.key = Some(key)))
}

pub fn disassociate_key(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    Ok(change(cx, &group.name, |g| g.key = None))
}

pub fn protect(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    let on = input.bool("deletionProtectionEnabled").unwrap_or(false);
    Ok(change(cx, &group.name, |g| g.protected = on))
}

pub fn tag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    let mut tags = group.tags.clone();
    tags.extend(tags_of(input.value.get("tags"))?);
    if tags.len() > 50 {
        return Err(AwsError::new(
            "TooManyTagsException",
            "A resource can have no more than 50 tags.",
        ));
    }
    Ok(change(cx, &group.name, |g| g.tags = tags))
}

pub fn untag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    let keys: Vec<String> = input
        .strings("tagKeys")
        .into_iter()
        .chain(input.strings("tags"))
        .collect();
    Ok(change(cx, &group.name, |g| {
        g.tags.retain(|key, _| !keys.contains(key))
    }))
}

pub fn list_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    Ok(json!({"tags": group.tags}))
}

pub fn create_stream(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    let name = input.str("logStreamName").unwrap_or_default().to_owned();
    if name.is_empty() || name.contains([':', '*']) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'logStreamName' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: [^:*]*"
        )));
    }
    let key = stream_key(&group.name, &name);
    if cx.place().logs.streams.contains(&key) {
        return Err(AwsError::new(
            "ResourceAlreadyExistsException",
            "The specified log stream already exists",
        ));
    }
    let stream = Stream::new(&name, milliseconds(cx.world));
    let now = cx.now();
    cx.place().logs.streams.put(key, stream, now);
    Ok(json!({}))
}

pub fn delete_stream(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    let key = stream_key(&group.name, input.str("logStreamName").unwrap_or_default());
    let now = cx.now();
    cx.place()
        .logs
        .streams
        .remove(&key, now)
        .ok_or_else(no_stream)?;
    Ok(json!({}))
}

pub fn describe_streams(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    if !input.has("logGroupName") && !input.has("logGroupIdentifier") {
        return Err(invalid(
            "Either logGroupName or logGroupIdentifier must be given.",
        ));
    }
    let group = named(cx, input).map_err(|_| no_group())?;
    let prefix = input.str("logStreamNamePrefix");
    let by_time = input.str("orderBy") == Some("LastEventTime");
    if by_time && prefix.is_some() {
        return Err(invalid(
            "Cannot order by LastEventTime with a logStreamNamePrefix.",
        ));
    }
    let start = stream_key(&group.name, prefix.unwrap_or_default());
    let mut streams: Vec<&Stream> = cx
        .place()
        .logs
        .streams
        .iter()
        .filter(|(key, _)| key.starts_with(&start))
        .map(|(_, stream)| stream)
        .collect();
    if by_time {
        streams.sort_by_key(|s| (s.events.iter().map(|e| e.timestamp).max(), s.name.clone()));
    }
    if input.bool("descending") == Some(true) {
        streams.reverse();
    }
    let rows: Vec<Value> = streams
        .into_iter()
        .map(|stream| {
            let mut out = json!({
                "logStreamName": stream.name,
                "creationTime": stream.created,
                "arn": format!("{}:log-stream:{}", group.arn, stream.name),
                "storedBytes": 0,
            });
            let times = || stream.events.iter().map(|e| e.timestamp);
            if let (Some(first), Some(last), Some(newest)) =
                (times().min(), times().max(), stream.events.last())
            {
                out["firstEventTimestamp"] = json!(first);
                out["lastEventTimestamp"] = json!(last);
                out["lastIngestionTime"] = json!(newest.ingested);
                out["uploadSequenceToken"] = json!(format!("{:056}", stream.events.len()));
            }
            out
        })
        .collect();
    Ok(json!({"logStreams": rows}))
}
