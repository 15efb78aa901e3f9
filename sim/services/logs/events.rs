//! Writing and reading log events.

use super::group::{Group, LogEvent, Stream};
use super::pattern::Pattern;
use super::{invalid, milliseconds, named, no_stream, stream_key};
use crate::error::AwsError;
use crate::services::cloudwatch;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Appends an event for each message, as the awslogs driver does: the stream is made if absent, the group is not. Lost if
/// the group is absent.
pub fn put(
    world: &mut World,
    account: &str,
    region: &str,
    group: &str,
    stream: &str,
    messages: Vec<String>,
) {
    let at = milliseconds(world);
    let now = world.now();
    let state = &mut world.place(account, region).logs;
    let Some(filters) = state.groups.get(group).map(|group| &group.metric_filters) else {
        return;
    };
    let filtered = !filters.is_empty();
    let key = stream_key(group, stream);
    if !state.streams.contains(&key) {
        state.streams.put(key.clone(), Stream::new(stream, at), now);
    }
    let events = messages.into_iter().map(|message| LogEvent {
        timestamp: at,
        ingested: at,
        message,
    });
    if !filtered {
        state.streams.settle(&key, |stream| stream.append(events));
        return;
    }
    for event in events {
        append(world, account, region, group, &key, vec![event]);
    }
}

/// What a group holds, oldest first: time, stream, message. For whoever looks from outside the API.
pub fn messages(
    world: &World,
    account: &str,
    region: &str,
    group: &str,
) -> Vec<(i64, String, String)> {
    let Some(place) = world.seen_place(account, region) else {
        return Vec::new();
    };
    let prefix = stream_key(group, "");
    let mut all: Vec<(i64, String, String)> = place
        .logs
        .streams
        .iter()
        .filter(|(key, _)| key.starts_with(&prefix))
        .flat_map(|(_, s)| {
            s.events
                .iter()
                .map(|e| (e.timestamp, s.name.clone(), e.message.clone()))
        })
        .collect();
    all.sort_by_key(|(at, ..)| *at);
    all
}

/// Appends events and lets the group's metric filters see them.
fn append(
    world: &mut World,
    account: &str,
    region: &str,
    group: &str,
    key: &str,
    events: Vec<LogEvent>,
) {
    let logs = &mut world.place(account, region).logs;
    let mut measured = Vec::new();
    let filters = logs.groups.get(group).map(|group| &group.metric_filters);
    for filter in filters.into_iter().flat_map(|filters| filters.values()) {
        for event in &events {
            measured.extend(filter.measure(&event.message));
        }
    }
    logs.streams.settle(key, |stream| stream.append(events));
    for m in measured {
        cloudwatch::put(
            world,
            account,
            region,
            &m.namespace,
            &m.name,
            &m.dimensions,
            m.value,
        );
    }
}

pub fn put_events(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    let key = stream_key(&group.name, input.str("logStreamName").unwrap_or_default());
    if !cx.place().logs.streams.contains(&key) {
        return Err(no_stream());
    }
    let now = milliseconds(cx.world);
    let rows: Vec<(i64, String)> = input
        .list("logEvents")
        .iter()
        .map(|e| {
            (
                e["timestamp"].as_i64().unwrap_or_default(),
                e["message"].as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    if rows.windows(2).any(|pair| pair[1].0 < pair[0].0) {
        return Err(invalid(
            "Log events in a single PutLogEvents request must be in chronological order.",
        ));
    }
    if let (Some(first), Some(last)) = (rows.first(), rows.last())
        && last.0 - first.0 > DAY
    {
        return Err(invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    if rows
        .iter()
        .map(|(_, message)| message.len() + 26)
        .sum::<usize>()
        > 1_048_576
    {
        return Err(invalid(
            "Upload too large: the batch exceeds 1048576 bytes.",
        ));
    }
    let oldest = now - 14 * DAY;
    let expired = group.retention.map_or(i64::MIN, |days| now - days * DAY);
    let mut rejected = json!({});
    let (mut kept, mut too_old, mut gone, mut too_new) = (Vec::new(), None, None, None);
    for (index, (timestamp, message)) in rows.into_iter().enumerate() {
        if timestamp < expired {
            gone = Some(index + 1);
        } else if timestamp < oldest {
            too_old = Some(index + 1);
        } else if timestamp > now + 2 * HOUR {
            too_new = too_new.or(Some(index));
        } else {
            kept.push(LogEvent {
                timestamp,
                ingested: now,
                message,
            });
        }
    }
    for (member, index) in [
        ("tooNewLogEventStartIndex", too_new),
        ("tooOldLogEventEndIndex", too_old),
        ("expiredLogEventEndIndex", gone),
    ] {
        if let Some(index) = index {
            rejected[member] = json!(index);
        }
    }
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    append(cx.world, &account, &region, &group.name, &key, kept);
    let count = cx
        .place()
        .logs
        .streams
        .get(&key)
        .map_or(0, |s| s.events.len());
    let mut out = json!({"nextSequenceToken": format!("{count:056}")});
    if rejected.as_object().is_some_and(|o| !o.is_empty()) {
        out["rejectedLogEventsInfo"] = rejected;
    }
    Ok(out)
}

/// The events of a stream within a time span that have not expired, in the order of their timestamps, each with its
/// place in the stream.
fn within<'s>(
    group: &Group,
    stream: &'s Stream,
    input: &Input,
    now: i64,
    end_inclusive: bool,
) -> Vec<(usize, &'s LogEvent)> {
    let span = span(group, input, now);
    let inside = |at: i64| at >= span.start && (at < span.end || (end_inclusive && at == span.end));
    if stream.ordered {
        let from = stream.events.partition_point(|e| e.timestamp < span.start);
        let some = stream.events[from..].iter().enumerate();
        return some
            .map(|(index, e)| (from + index, e))
            .take_while(|(_, e)| inside(e.timestamp))
            .collect();
    }
    let all = stream.events.iter().enumerate();
    let mut events: Vec<(usize, &LogEvent)> = all.filter(|(_, e)| inside(e.timestamp)).collect();
    events.sort_by_key(|(index, e)| (e.timestamp, *index));
    events
}

/// Events of a stream by their timestamps.
enum Events<'s> {
    InOrder(&'s [LogEvent]),
    Sorted(Vec<&'s LogEvent>),
}

impl<'s> Events<'s> {
    fn len(&self) -> usize {
        match self {
            Events::InOrder(events) => events.len(),
            Events::Sorted(events) => events.len(),
        }
    }

    fn at(&self, index: usize) -> &'s LogEvent {
        match self {
            Events::InOrder(events) => &events[index],
            Events::Sorted(events) => events[index],
        }
    }
}

struct Span {
    start: i64,
    end: i64,
}

/// What is asked for, as far as it has not expired.
fn span(group: &Group, input: &Input, now: i64) -> Span {
    let expired = group.retention.map_or(i64::MIN, |days| now - days * DAY);
    Span {
        start: input.i64("startTime").unwrap_or(i64::MIN).max(expired),
        end: input.i64("endTime").unwrap_or(i64::MAX),
    }
}

pub fn get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    let key = stream_key(&group.name, input.str("logStreamName").unwrap_or_default());
    let now = milliseconds(cx.world);
    let limit = usize::try_from(input.i64("limit").unwrap_or(10_000)).unwrap_or(10_000);
    let head = input.bool("startFromHead").unwrap_or(false);
    let stream = cx.place().logs.streams.get(&key).ok_or_else(no_stream)?;
    // A stream is long and a tail of it short: what came in order is not gone through.
    let events = if stream.ordered {
        let span = span(&group, input, now);
        let from = stream.events.partition_point(|e| e.timestamp < span.start);
        let to = stream.events.partition_point(|e| e.timestamp < span.end);
        Events::InOrder(&stream.events[from..to.max(from)])
    } else {
        let sorted = within(&group, stream, input, now, false);
        Events::Sorted(sorted.into_iter().map(|(_, e)| e).collect())
    };
    let total = events.len();
    // A token is a direction and a position between events.
    let token = match input.str("nextToken") {
        None => None,
        Some(token) => {
            let position = token.get(2..).and_then(|n| n.parse::<usize>().ok());
            let bad = || invalid("The specified nextToken is invalid.");
            Some((
                token.starts_with("f/"),
                position.ok_or_else(bad)?.min(total),
            ))
        }
    };
    let (from, to) = match token {
        Some((true, at)) => (at, (at + limit).min(total)),
        Some((false, at)) => (at.saturating_sub(limit), at),
        None if head => (0, limit.min(total)),
        None => (total.saturating_sub(limit), total),
    };
    let rows: Vec<Value> = (from..to)
        .map(|index| events.at(index))
        .map(|e| object! { "timestamp": e.timestamp, "message": e.message.as_str(), "ingestionTime": e.ingested })
        .collect();
    Ok(object! {
        "events": rows,
        "nextForwardToken": format!("f/{to:056}"),
        "nextBackwardToken": format!("b/{from:056}"),
    })
}

pub fn filter(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = named(cx, input)?;
    let names = input.strings("logStreamNames");
    let prefix = input.str("logStreamNamePrefix");
    if !names.is_empty() && prefix.is_some() {
        return Err(invalid(
            "logStreamNames and logStreamNamePrefix are mutually exclusive parameters.",
        ));
    }
    let pattern = Pattern::parse(input.str("filterPattern").unwrap_or_default())?;
    let now = milliseconds(cx.world);
    let start = stream_key(&group.name, "");
    let state = &cx.place().logs;
    for name in &names {
        if !state.streams.contains(&stream_key(&group.name, name)) {
            return Err(no_stream());
        }
    }
    let mut found: Vec<(i64, usize, &Stream, &LogEvent)> = Vec::new();
    for (key, stream) in state.streams.iter() {
        let wanted = key.starts_with(&start)
            && (names.is_empty() || names.contains(&stream.name))
            && prefix.is_none_or(|p| stream.name.starts_with(p));
        if wanted {
            let events = within(&group, stream, input, now, true);
            found.extend(
                events
                    .into_iter()
                    .filter(|(_, e)| pattern.matches(&e.message))
                    .map(|(index, e)| (e.timestamp, index, stream, e)),
            );
        }
    }
    found.sort_by_key(|(at, index, stream, _)| (*at, stream.name.clone(), *index));
    let rows: Vec<Value> = found
        .into_iter()
        .map(|(at, index, stream, e)| {
            json!({
                "logStreamName": stream.name,
                "timestamp": at,
                "message": e.message,
                "ingestionTime": e.ingested,
                "eventId": format!("{:040}{index:016}", e.ingested),
            })
        })
        .collect();
    Ok(json!({"events": rows, "searchedLogStreams": []}))
}
