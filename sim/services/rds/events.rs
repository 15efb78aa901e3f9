//! What RDS tells of what has happened.

use super::names;
use super::refusal::value;
use crate::clock::{DAY, Nanos};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output, World};
use serde_json::{Value, json};

/// One line of `DescribeEvents`.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub at: Nanos,
    /// `db-instance`, `db-snapshot`, `db-cluster`…
    pub kind: &'static str,
    pub id: String,
    pub arn: String,
    pub category: &'static str,
    pub message: String,
}

/// For how long events are kept.
const KEPT: Nanos = 14 * DAY;

pub fn tell(
    world: &mut World,
    account: &str,
    region: &str,
    (kind, id): (&'static str, &str),
    category: &'static str,
    message: &str,
) {
    let arn_kind = match kind {
        "db-instance" => "db",
        "db-snapshot" => "snapshot",
        "db-cluster" => "cluster",
        _ => "cluster-snapshot",
    };
    let at = world.now();
    let told = Told {
        at,
        kind,
        id: id.to_owned(),
        arn: format!("arn:aws:rds:{region}:{account}:{arn_kind}:{id}"),
        category,
        message: message.to_owned(),
    };
    let events = &mut world.place(account, region).rds.events;
    events.retain(|event| at - event.at < KEPT);
    events.push(told);
}

/// Kinds of sources and the categories that each has.
const CATEGORIES: &[(&str, &[&str])] = &[
    (
        "db-instance",
        &[
            "availability",
            "backup",
            "configuration change",
            "creation",
            "deletion",
            "failover",
            "failure",
            "low storage",
            "maintenance",
            "notification",
            "read replica",
            "recovery",
            "restoration",
        ],
    ),
    (
        "db-snapshot",
        &["creation", "deletion", "notification", "restoration"],
    ),
    (
        "db-cluster",
        &[
            "configuration change",
            "creation",
            "deletion",
            "failover",
            "failure",
            "maintenance",
            "notification",
        ],
    ),
    ("db-cluster-snapshot", &["backup"]),
];

pub fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let now = cx.unix_now();
    let source = input.str("SourceIdentifier");
    let kind = input.str("SourceType");
    if source.is_some() && kind.is_none() {
        return Err(super::refusal::combination(
            "SourceType must be supplied when SourceIdentifier is.",
        ));
    }
    if let Some(kind) = kind
        && !CATEGORIES.iter().any(|(known, _)| *known == kind)
        && ![
            "db-parameter-group",
            "db-security-group",
            "custom-engine-version",
            "db-proxy",
            "blue-green-deployment",
        ]
        .contains(&kind)
    {
        return Err(value(format!("Invalid source type: {kind}")));
    }
    let duration = input.i64("Duration").unwrap_or(60) as f64 * 60.0;
    let start = input.value["StartTime"].as_f64().unwrap_or(now - duration);
    let end = input.value["EndTime"].as_f64().unwrap_or(
        if input.has("StartTime") && input.has("Duration") {
            start + duration
        } else {
            now
        },
    );
    let categories = input.strings("EventCategories");
    let place = cx.world.seen_place(&cx.caller.account, &cx.region);
    let events: Vec<Value> = place
        .into_iter()
        .flat_map(|place| &place.rds.events)
        .filter(|event| source.is_none_or(|source| names::identifier(source, "db") == event.id))
        .filter(|event| kind.is_none_or(|kind| kind == event.kind))
        .filter(|event| {
            categories.is_empty() || categories.iter().any(|category| category == event.category)
        })
        .filter(|event| {
            let at = cx.world.unix(event.at);
            start <= at && at <= end
        })
        .map(|event| {
            json!({
                "SourceIdentifier": event.id,
                "SourceType": event.kind,
                "Message": event.message,
                "EventCategories": [event.category],
                "Date": cx.world.unix(event.at),
                "SourceArn": event.arn,
            })
        })
        .collect();
    Ok(object! {"Events": events}.into())
}

pub fn categories(input: &Input) -> Output {
    let wanted = input.str("SourceType");
    let maps: Vec<Value> = CATEGORIES
        .iter()
        .filter(|(kind, _)| wanted.is_none_or(|wanted| wanted == *kind))
        .map(|(kind, categories)| json!({ "SourceType": kind, "EventCategories": categories }))
        .collect();
    json!({ "EventCategoriesMapList": maps }).into()
}
