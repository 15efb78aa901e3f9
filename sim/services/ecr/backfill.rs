//! Replication backfills: what was pushed before a rule was made goes to its destination after all, when asked.

use super::{State, images, invalid, registry_of, replication};
use crate::clock::{Pert, SECOND};
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::world::{Cx, Event, Input, World};
use serde_json::{Value, json};

/// How long the set of images is prepared, and how long those on their way hold up a stop.
const PREPARATION: Pert = Pert(5.0, 20.0, 120.0);
const STOPPING: Pert = Pert(2.0, 10.0, 60.0);
const AT_ONCE: usize = 10;
/// Of so many replications, half may fail; then the whole backfill has failed.
const JUDGED_FROM: usize = 100;

/// One backfill of a registry.
#[derive(Clone, Debug)]
pub(super) struct Backfill {
    /// Region and registry.
    destination: (String, String),
    status: &'static str,
    failure: Option<&'static str>,
    started: f64,
    ended: Option<f64>,
    /// How many replications there are; none while it is prepared.
    total: Option<usize>,
    results: Vec<Outcome>,
}

/// What became of one image under one tag.
#[derive(Clone, Debug)]
struct Outcome {
    repository: String,
    digest: String,
    tag: Option<String>,
    failure: Option<&'static str>,
}

impl Backfill {
    fn is_over(&self) -> bool {
        matches!(self.status, "COMPLETE" | "FAILED" | "STOPPED")
    }

    fn failed(&self) -> usize {
        self.results.iter().filter(|r| r.failure.is_some()).count()
    }

    /// The members that every answer about it has.
    fn json(&self, id: &str) -> Value {
        let (region, registry) = &self.destination;
        json!({
            "replicationBackfillId": id,
            "destination": {"region": region, "registryId": registry},
            "status": self.status,
            "startedAt": self.started,
        })
    }

    fn told(&self, id: &str) -> Value {
        let mut out = self.json(id);
        if let Some(total) = self.total {
            let mut codes: Vec<&str> = self.results.iter().filter_map(|r| r.failure).collect();
            codes.sort_unstable();
            codes.dedup();
            out["progress"] = json!({
                "totalReplicationCount": total,
                "completedReplicationCount": self.results.len() - self.failed(),
                "failedReplicationCount": self.failed(),
                "failureCodes": codes,
            });
        }
        if let Some(why) = self.failure {
            out["failureCode"] = json!(why);
        }
        if let Some(ended) = self.ended {
            out["endedAt"] = json!(ended);
        }
        out
    }
}

pub(super) fn start(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let registry = own_registry(cx, input)?;
    let text = |member: &str| {
        input.value["destination"][member]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let destination = (text("region"), text("registryId"));
    let state = &cx.place().ecr;
    if !state.replication.has(&destination) {
        let message = format!(
            "The destination {} in registry {} is not part of the registry's replication configuration",
            destination.0, destination.1
        );
        return Err(AwsError::new("ValidationException", message));
    }
    let running: Vec<&Backfill> = state
        .backfills
        .iter()
        .map(|(_, b)| b)
        .filter(|b| !b.is_over())
        .collect();
    if running.iter().any(|b| b.destination.0 == destination.0) {
        let message = format!(
            "A replication backfill to {} is already in progress",
            destination.0
        );
        return Err(AwsError::new(
            "ReplicationBackfillInProgressException",
            message,
        ));
    }
    if running.len() >= AT_ONCE {
        let message = format!("A registry has at most {AT_ONCE} replication backfills in progress");
        return Err(AwsError::new("LimitExceededException", message));
    }
    let ordinal = state.backfills.len();
    // Listed in the order of their start, which the ids therefore keep.
    let id = format!(
        "{ordinal:04x}{}",
        cx.uuid("backfill").get(4..).unwrap_or_default()
    );
    let backfill = Backfill {
        destination,
        status: "PREPARING",
        failure: None,
        started: cx.unix_now(),
        ended: None,
        total: None,
        results: Vec::new(),
    };
    let mut out = backfill.json(&id);
    out["registryId"] = json!(registry);
    let now = cx.now();
    cx.place().ecr.backfills.put(id.clone(), backfill, now);
    let after = cx
        .world
        .sample(PREPARATION, &id, "StartReplicationBackfill");
    cx.later(after, "backfill-prepared", &id);
    Ok(out)
}

fn own_registry(cx: &Cx<'_>, input: &Input) -> Result<String, AwsError> {
    let registry = registry_of(cx, input);
    if registry == cx.account_id() {
        return Ok(registry);
    }
    Err(invalid(
        "Invalid parameter at 'registryId': a backfill belongs to the caller's own registry",
    ))
}

fn named(cx: &mut Cx<'_>, input: &Input) -> Result<(String, Backfill), AwsError> {
    own_registry(cx, input)?;
    let id = input
        .str("replicationBackfillId")
        .unwrap_or_default()
        .to_owned();
    let found = cx.place().ecr.backfills.get(&id).cloned();
    found.map(|b| (id.clone(), b)).ok_or_else(|| {
        let message = format!("The replication backfill with id '{id}' does not exist");
        AwsError::new("ReplicationBackfillNotFoundException", message)
    })
}

pub(super) fn stop(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (id, backfill) = named(cx, input)?;
    if backfill.is_over() || backfill.status == "STOPPING" {
        let message = format!(
            "The replication backfill with id '{id}' has the status {}",
            backfill.status
        );
        return Err(AwsError::new(
            "ReplicationBackfillInvalidStatusException",
            message,
        ));
    }
    let preparing = backfill.status == "PREPARING";
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    cx.world.unschedule(|e| {
        e.service == ServiceId::Ecr
            && e.account == account
            && e.region == region
            && (e.detail["backfill"] == json!(id) || (e.what == "backfill-prepared" && e.id == id))
    });
    let (now, at) = (cx.now(), cx.unix_now());
    let backfills = &mut cx.place().ecr.backfills;
    backfills.change(&id, now, |b| {
        b.status = if preparing { "STOPPED" } else { "STOPPING" };
        b.ended = preparing.then_some(at);
    });
    let mut out = backfills.get(&id).map(|b| b.json(&id)).unwrap_or_default();
    if !preparing {
        let after = cx.world.sample(STOPPING, &id, "StopReplicationBackfill");
        cx.later(after, "backfill-stopped", &id);
    }
    out["registryId"] = json!(account);
    Ok(out)
}

pub(super) fn stopped(world: &mut World, event: &Event) {
    let at = world.unix(world.now());
    world
        .place(&event.account, &event.region)
        .ecr
        .backfills
        .settle(&event.id, |b| {
            b.status = "STOPPED";
            b.ended = Some(at);
        });
}

pub(super) fn results(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (id, backfill) = named(cx, input)?;
    let mut out = backfill.told(&id);
    out["registryId"] = json!(cx.account_id());
    if !backfill.is_over() {
        return Ok(out);
    }
    let wanted = input.str("resultStatusFilter");
    let rows = backfill.results.iter().map(|r| {
        let mut row = json!({
            "repositoryName": r.repository,
            "imageId": {"imageDigest": r.digest},
            "status": if r.failure.is_some() { "FAILED" } else { "COMPLETE" },
        });
        if let Some(tag) = &r.tag {
            row["imageId"]["imageTag"] = json!(tag);
        }
        if let Some(why) = r.failure {
            row["failureCode"] = json!(why);
        }
        row
    });
    out["results"] = rows
        .filter(|r| wanted.is_none_or(|w| r["status"] == json!(w)))
        .collect();
    Ok(out)
}

pub(super) fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let registry = own_registry(cx, input)?;
    let rows: Vec<Value> = cx
        .place()
        .ecr
        .backfills
        .iter()
        .map(|(id, b)| b.told(id))
        .collect();
    Ok(json!({"registryId": registry, "backfills": rows}))
}

/// Every image, under each of its tags, that the rules send to a destination: repository, digest, tag, bytes.
fn images_for(
    state: &State,
    destination: &(String, String),
) -> Vec<(String, String, Option<String>, u64)> {
    let mut all = Vec::new();
    for (name, repository) in state
        .repositories
        .iter()
        .filter(|(n, _)| state.replication.sends(n, destination))
    {
        for (digest, stored) in &repository.images {
            let size = images::pulled_size(repository, stored);
            let tags = repository.tags_of(digest);
            if tags.is_empty() {
                all.push((name.to_owned(), digest.clone(), None, size));
            }
            all.extend(tags.iter().map(|tag| {
                (
                    name.to_owned(),
                    digest.clone(),
                    Some((*tag).to_owned()),
                    size,
                )
            }));
        }
    }
    all
}

/// The set of images is known: each goes its way.
pub(super) fn prepared(world: &mut World, event: &Event) {
    let state = &world.place(&event.account, &event.region).ecr;
    let Some(destination) = state
        .backfills
        .get(&event.id)
        .map(|b| b.destination.clone())
    else {
        return;
    };
    let all = images_for(state, &destination);
    let at = world.unix(world.now());
    world
        .place(&event.account, &event.region)
        .ecr
        .backfills
        .settle(&event.id, |b| {
            b.total = Some(all.len());
            b.status = if all.is_empty() {
                "COMPLETE"
            } else {
                "IN_PROGRESS"
            };
            b.ended = all.is_empty().then_some(at);
        });
    let mut bytes = 0;
    for (repository, digest, tag, size) in all {
        bytes += size;
        let resource = format!(
            "{}/{repository}/{digest}/{}",
            event.id,
            tag.as_deref().unwrap_or_default()
        );
        let after = world.sample(replication::ARRIVAL, &resource, "backfill")
            + bytes * SECOND / replication::BYTES_PER_SECOND;
        let detail = json!({
            "backfill": event.id, "digest": digest, "tag": tag, "region": destination.0, "registry": destination.1,
        });
        world.schedule(
            after,
            Event {
                what: "backfill-image",
                id: repository,
                detail,
                ..event.clone()
            },
        );
    }
}

/// One image arrives, or does not.
pub(super) fn image(world: &mut World, event: &Event) {
    let failure = replication::deliver(world, event).err();
    let at = world.unix(world.now());
    let id = event.detail["backfill"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let outcome = Outcome {
        repository: event.id.clone(),
        digest: event.detail["digest"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        tag: event.detail["tag"].as_str().map(str::to_owned),
        failure,
    };
    let mut hopeless = false;
    world
        .place(&event.account, &event.region)
        .ecr
        .backfills
        .settle(&id, |b| {
            b.results.push(outcome);
            let done = b.results.len();
            hopeless = done >= JUDGED_FROM && 2 * b.failed() >= done;
            if hopeless {
                b.status = "FAILED";
                b.failure = Some("TooManyFailures");
            } else if Some(done) == b.total {
                b.status = if b.failed() == done {
                    "FAILED"
                } else {
                    "COMPLETE"
                };
            }
            if b.is_over() {
                b.ended = Some(at);
            }
        });
    if hopeless {
        world.unschedule(|e| e.service == ServiceId::Ecr && e.detail["backfill"] == json!(id));
    }
}
