//! Replication: what is pushed after a rule was made goes to the rule's destinations, once, without being asked.

use super::images::{Destination, Push};
use super::{about, images, invalid, manifest, no_repository, repositories};
use crate::clock::{Pert, SECOND};
use crate::error::AwsError;
use crate::services::{ServiceId, iam};
use crate::world::{Cx, Event, Input, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How long one image takes, beside its bytes.
pub(super) const ARRIVAL: Pert = Pert(10.0, 60.0, 300.0);
pub(super) const BYTES_PER_SECOND: u64 = 50 * 1024 * 1024;

#[derive(Clone, Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

/// By region and registry: `IN_PROGRESS`, `COMPLETE`, `FAILED`, and why it failed.
pub(super) type Replicas = BTreeMap<(String, String), (&'static str, Option<&'static str>)>;

#[derive(Clone, Debug)]
struct Rule {
    /// Region and registry.
    destinations: Vec<(String, String)>,
    /// Prefixes of repository names; none means all.
    prefixes: Vec<String>,
}

impl Rules {
    fn json(&self) -> Value {
        let rules: Vec<Value> = self.0.iter().map(Rule::json).collect();
        json!({"rules": rules})
    }
}

impl Rule {
    fn json(&self) -> Value {
        let to: Vec<Value> = self
            .destinations
            .iter()
            .map(|(region, registry)| json!({"region": region, "registryId": registry}))
            .collect();
        let mut out = json!({"destinations": to});
        if !self.prefixes.is_empty() {
            out["repositoryFilters"] = self
                .prefixes
                .iter()
                .map(|p| json!({"filter": p, "filterType": "PREFIX_MATCH"}))
                .collect();
        }
        out
    }

    fn takes(&self, repository: &str) -> bool {
        self.prefixes.is_empty() || self.prefixes.iter().any(|p| repository.starts_with(p))
    }
}

impl Rules {
    /// Whether any rule has the destination.
    pub fn has(&self, destination: &(String, String)) -> bool {
        self.0.iter().any(|r| r.destinations.contains(destination))
    }

    /// Whether a rule sends a repository to the destination.
    pub fn sends(&self, repository: &str, destination: &(String, String)) -> bool {
        self.0
            .iter()
            .any(|r| r.takes(repository) && r.destinations.contains(destination))
    }
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() >= 3
        && parts
            .last()
            .is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()))
}

pub(super) fn put(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = input.value["replicationConfiguration"]["rules"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let refused = |message: String| AwsError::new("ValidationException", message);
    if given.len() > 10 {
        return Err(refused(
            "A replication configuration has at most 10 rules".into(),
        ));
    }
    let mut rules = Vec::new();
    for rule in &given {
        let text =
            |value: &Value, member: &str| value[member].as_str().unwrap_or_default().to_owned();
        let rows = |member: &str| rule[member].as_array().cloned().unwrap_or_default();
        let destinations: Vec<(String, String)> = rows("destinations")
            .iter()
            .map(|d| (text(d, "region"), text(d, "registryId")))
            .collect();
        if destinations.is_empty() || destinations.len() > 25 {
            return Err(refused(
                "A replication rule has between 1 and 25 destinations".into(),
            ));
        }
        if let Some((region, _)) = destinations.iter().find(|(region, _)| !is_region(region)) {
            return Err(refused(format!(
                "Invalid region '{region}' in a replication destination"
            )));
        }
        if destinations.contains(&(cx.region.clone(), cx.account_id().to_owned())) {
            return Err(refused(
                "Invalid replication destination: a registry cannot replicate to itself".into(),
            ));
        }
        if let Some((_, id)) = destinations
            .iter()
            .find(|(_, id)| id.len() != 12 || !id.bytes().all(|b| b.is_ascii_digit()))
        {
            return Err(refused(format!(
                "Invalid registry id '{id}' in a replication destination"
            )));
        }
        let prefixes: Vec<String> = rows("repositoryFilters")
            .iter()
            .map(|f| text(f, "filter"))
            .collect();
        if prefixes.len() > 100 {
            return Err(refused("A replication rule has at most 100 filters".into()));
        }
        rules.push(Rule {
            destinations,
            prefixes,
        });
    }
    iam::ensure_service_linked_role(cx, "replication.ecr.amazonaws.com")?;
    let rules = Rules(rules);
    let out = json!({"replicationConfiguration": rules.json()});
    cx.place().ecr.replication = rules;
    Ok(out)
}

pub(super) fn describe(cx: &mut Cx<'_>) -> Value {
    let registry = cx.account_id().to_owned();
    json!({"registryId": registry, "replicationConfiguration": cx.place().ecr.replication.json()})
}

pub(super) fn status(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, name, digest) = images::one(cx, input)?;
    let key = (name.clone(), digest);
    let replicas = super::state_of(cx, &registry)
        .and_then(|s| s.replicas.get(&key))
        .cloned()
        .unwrap_or_default();
    let rows: Vec<Value> = replicas
        .iter()
        .map(|((region, registry), (status, why))| {
            let mut row = json!({"region": region, "registryId": registry, "status": status});
            if let Some(why) = why {
                row["failureCode"] = json!(why);
            }
            row
        })
        .collect();
    let mut out = about(&registry, &name);
    out["imageId"] = input.value["imageId"].clone();
    out["replicationStatuses"] = Value::Array(rows);
    Ok(out.as_object().map_or(Value::Null, |o| {
        // The answer has no registry id.
        Value::Object(
            o.iter()
                .filter(|(k, _)| *k != "registryId")
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
        )
    }))
}

fn mark(world: &mut World, event: &Event, status: &'static str, why: Option<&'static str>) {
    let text = |member: &str| event.detail[member].as_str().unwrap_or_default().to_owned();
    let (digest, to) = (text("digest"), (text("region"), text("registry")));
    let replicas = &mut world.place(&event.account, &event.region).ecr.replicas;
    replicas
        .entry((event.id.clone(), digest))
        .or_default()
        .insert(to, (status, why));
}

/// An image was pushed: the rules of its registry send it on. What replication itself brings is not sent on again.
pub(super) fn pushed(
    world: &mut World,
    registry: &str,
    region: &str,
    name: &str,
    digest: &str,
    tag: Option<&str>,
) {
    let state = &world.place(registry, region).ecr;
    let Some(repository) = state.repositories.get(name) else {
        return;
    };
    let Some(stored) = repository.images.get(digest) else {
        return;
    };
    let size = images::pulled_size(repository, stored);
    let mut destinations: Vec<(String, String)> = Vec::new();
    for rule in state.replication.0.iter().filter(|r| r.takes(name)) {
        for destination in &rule.destinations {
            if !destinations.contains(destination) {
                destinations.push(destination.clone());
            }
        }
    }
    for (to_region, to_registry) in destinations {
        let event = Event {
            service: ServiceId::Ecr,
            account: registry.to_owned(),
            region: region.to_owned(),
            what: "replicate",
            id: name.to_owned(),
            detail: json!({"digest": digest, "tag": tag, "region": to_region, "registry": to_registry}),
        };
        let resource = format!("{registry}/{region}/{name}/{digest}/{to_registry}/{to_region}");
        let after =
            world.sample(ARRIVAL, &resource, "replicate") + size * SECOND / BYTES_PER_SECOND;
        mark(world, &event, "IN_PROGRESS", None);
        world.schedule(after, event);
    }
}

/// An image reaches a destination.
pub(super) fn arrive(world: &mut World, event: &Event) {
    // What became of it is kept with the image.
    let _ = deliver(world, event);
}

/// Brings an image to a destination, and marks it; the error is the failure code.
pub(super) fn deliver(world: &mut World, event: &Event) -> Result<(), &'static str> {
    let text = |member: &str| event.detail[member].as_str().unwrap_or_default().to_owned();
    let (digest, region, registry) = (text("digest"), text("region"), text("registry"));
    let tag = event.detail["tag"].as_str();
    let permitted = registry == event.account || {
        let policy = world
            .seen_place(&registry, &region)
            .and_then(|p| p.ecr.policy.clone());
        repositories::lets(policy.as_deref(), &event.account, "ecr:ReplicateImage")
    };
    let brought = match permitted {
        false => Err("AccessDenied"),
        true => bring(world, event, &registry, &region, &digest, tag).map_err(|e| {
            match e.code.as_str() {
                "ImageTagAlreadyExistsException" => "ImageTagAlreadyExists",
                "RepositoryNotFoundException" => "ImageNotFound",
                _ => "InternalError",
            }
        }),
    };
    match brought {
        Ok(()) => mark(world, event, "COMPLETE", None),
        Err(why) => mark(world, event, "FAILED", Some(why)),
    }
    brought
}

/// Copies an image, and first the images of an index, to a registry.
fn bring(
    world: &mut World,
    event: &Event,
    registry: &str,
    region: &str,
    digest: &str,
    tag: Option<&str>,
) -> Result<(), AwsError> {
    let name = event.id.as_str();
    let gone = || no_repository(name, &event.account);
    let source = world
        .seen_place(&event.account, &event.region)
        .ok_or_else(gone)?
        .ecr
        .clone();
    let stored = source
        .repositories
        .get(name)
        .and_then(|r| r.images.get(digest))
        .ok_or_else(gone)?
        .clone();
    let read = manifest::read(&stored.manifest, Some(&stored.media_type)).map_err(invalid)?;
    if !world
        .place(registry, region)
        .ecr
        .repositories
        .contains(name)
    {
        repositories::make_by_template(world, registry, region, name, "REPLICATION")?;
    }
    for (child, _) in &read.children {
        bring(world, event, registry, region, child, None)?;
    }
    for (layer, _) in read.config.iter().chain(&read.layers) {
        let bytes = source.blobs.get(layer).cloned().ok_or_else(gone)?;
        super::layers::store(world, registry, region, name, layer, bytes);
    }
    let visible = world.now();
    let to = Destination {
        registry,
        region,
        repository: name,
        visible,
    };
    let push = Push {
        text: &stored.manifest,
        media_type: Some(&stored.media_type),
        tag,
        digest: Some(digest),
    };
    images::put(world, &to, &push).map(drop)
}
