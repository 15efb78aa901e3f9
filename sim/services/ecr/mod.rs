//! ECR: repositories, images, replication, and the registry that container engines speak to.
//!
//! Both faces, the API and the distribution protocol, go through the same few doors: [`layers`] takes bytes in, [`images`]
//! takes manifests in, and nothing else changes what a repository holds. Content is kept by its true digest; its bytes
//! are shared by the repositories of an account and region, and visible in those that have received them.

mod backfill;
mod images;
mod layers;
mod lifecycle;
mod lists;
mod manifest;
mod replication;
mod repositories;
mod rules;
mod scans;
mod token;

pub mod registry;

#[cfg(test)]
mod tests;

use super::{Service, ServiceId, Wanted};
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::services::{iam, kms};
use crate::table::Table;
use crate::world::{Cx, Event, Input, Output, World};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub const SERVICE: Service = Service {
    id: ServiceId::Ecr,
    handle,
    happen,
    wants,
};

/// One account's registry in one region.
#[derive(Clone, Default)]
pub struct State {
    /// By name.
    repositories: Table<Repository>,
    /// By digest: layers and configurations.
    blobs: Table<Bytes>,
    /// By repository: digests of the blobs that it has received. Nothing lists them, so no reader can see them late.
    layers: BTreeMap<String, Arc<BTreeSet<String>>>,
    /// By upload id.
    uploads: Table<layers::Upload>,
    replication: replication::Rules,
    /// By repository and digest.
    replicas: BTreeMap<(String, String), replication::Replicas>,
    /// By id, in the order of their start.
    backfills: Table<backfill::Backfill>,
    policy: Option<String>,
    scanning: Option<Value>,
    cache_rules: Table<Value>,
    templates: Table<Value>,
    settings: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
struct Repository {
    name: String,
    arn: String,
    uri: String,
    created: f64,
    mutability: String,
    /// Wildcards of tags to which the other mutability applies.
    exclusions: Vec<String>,
    scan_on_push: bool,
    encryption: Value,
    tags: Vec<(String, String)>,
    policy: Option<String>,
    lifecycle: Option<String>,
    preview: Option<Value>,
    /// By digest.
    images: BTreeMap<String, Stored>,
    /// Tag → digest.
    tagged: BTreeMap<String, String>,
}

/// An image (or an index of images) as it lies in a repository.
#[derive(Clone, Debug)]
struct Stored {
    manifest: Arc<str>,
    media_type: String,
    pushed: f64,
    pushed_at: Nanos,
    /// When its scan is complete.
    scanned_at: Option<Nanos>,
}

impl State {
    /// Whether a repository shows a blob.
    fn has_layer(&self, repository: &str, digest: &str) -> bool {
        self.layers
            .get(repository)
            .is_some_and(|l| l.contains(digest))
    }

    /// A blob, if the repository shows it.
    fn layer(&self, repository: &str, digest: &str) -> Option<&Bytes> {
        self.blobs
            .get(digest)
            .filter(|_| self.has_layer(repository, digest))
    }

    fn link(&mut self, repository: &str, digest: &str) {
        Arc::make_mut(self.layers.entry(repository.to_owned()).or_default())
            .insert(digest.to_owned());
    }
}

impl Repository {
    fn tags_of(&self, digest: &str) -> Vec<&str> {
        self.tagged
            .iter()
            .filter(|(_, d)| *d == digest)
            .map(|(t, _)| t.as_str())
            .collect()
    }

    /// Whether a tag that exists may be moved to another image.
    fn may_move(&self, tag: &str) -> bool {
        let excluded = self.exclusions.iter().any(|pattern| wildcard(pattern, tag));
        match self.mutability.as_str() {
            "IMMUTABLE" => false,
            "IMMUTABLE_WITH_EXCLUSION" => excluded,
            "MUTABLE_WITH_EXCLUSION" => !excluded,
            _ => true,
        }
    }
}

/// Whether text matches a pattern in which `*` stands for anything.
fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The digest by which a registry knows these bytes.
pub fn digest(bytes: &[u8]) -> String {
    manifest::digest_of(bytes)
}

/// An image as a container engine gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// The account, or the host of a public registry.
    pub registry: String,
    pub region: String,
    pub repository: String,
    /// Of what the URI names: an index's own digest, if it names an index.
    pub digest: String,
    pub media_type: String,
    /// The manifest's bytes; empty for images of other registries.
    pub manifest: String,
    /// Compressed, with its layers.
    pub size: u64,
    /// The variables that were baked into it (`ENV` of its Dockerfile), from its configuration.
    pub environment: BTreeMap<String, String>,
}

/// The parts of `account.dkr.ecr.region.amazonaws.com/name[:tag][@digest]`.
struct Reference<'a> {
    account: &'a str,
    region: &'a str,
    repository: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

fn parse_uri(uri: &str) -> Option<Reference<'_>> {
    let (host, path) = uri.split_once('/')?;
    let (account, rest) = host.split_once(".dkr.ecr.")?;
    let region = rest.split('.').next()?;
    let (path, digest) = match path.split_once('@') {
        Some((path, digest)) => (path, Some(digest)),
        None => (path, None),
    };
    let (repository, tag) = match path.rsplit_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (path, None),
    };
    Some(Reference {
        account,
        region,
        repository,
        tag,
        digest,
    })
}

/// Pulls an image for a task: by the role's permissions, from the registry that the URI names, whatever region the task
/// is in. (The login, `ecr:GetAuthorizationToken`, is the task starter's matter.) The error is written as ECS shows it
/// behind `CannotPullContainerError: `.
pub fn pull(
    world: &World,
    role_arn: &str,
    _region: &str,
    image_uri: &str,
) -> Result<Image, String> {
    let Some(reference) = parse_uri(image_uri) else {
        return Ok(foreign(image_uri));
    };
    let Reference {
        account,
        region: registry_region,
        repository,
        tag,
        digest,
    } = reference;
    let host = format!("{account}.dkr.ecr.{registry_region}.amazonaws.com");
    let failed = |why: &str| {
        format!(
            "pull image manifest has been retried 1 time(s): failed to resolve ref {image_uri}: {why}"
        )
    };
    let wanted = digest.or(tag).unwrap_or("latest");
    let forbidden = || {
        failed(&format!(
            "pulling from host {host} failed with status code [manifests {wanted}]: 403 Forbidden"
        ))
    };
    let arn = format!("arn:aws:ecr:{registry_region}:{account}:repository/{repository}");
    let actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
    if !actions
        .iter()
        .all(|action| iam::role_allows(world, role_arn, action, &arn, registry_region))
    {
        return Err(forbidden());
    }
    let missing = || failed(&format!("{image_uri}: not found"));
    let place = world
        .seen_place(account, registry_region)
        .ok_or_else(missing)?;
    let found = place.ecr.repositories.get(repository).ok_or_else(missing)?;
    let puller = role_arn.split(':').nth(4).unwrap_or_default();
    if puller != account
        && !repositories::lets(found.policy.as_deref(), puller, "ecr:BatchGetImage")
    {
        return Err(forbidden());
    }
    let digest = match digest {
        Some(digest) => digest,
        None => found
            .tagged
            .get(wanted)
            .map(String::as_str)
            .ok_or_else(missing)?,
    };
    let stored = found.images.get(digest).ok_or_else(missing)?;
    if let Some(key) = found.encryption["kmsKey"].as_str()
        && kms::usable(world, account, registry_region, key).is_err()
    {
        return Err(failed(&format!(
            "pulling from host {host} failed with status code [manifests {wanted}]: 400 Bad Request: KMS_EXCEPTION"
        )));
    }
    Ok(Image {
        registry: account.to_owned(),
        region: registry_region.to_owned(),
        repository: repository.to_owned(),
        digest: digest.to_owned(),
        media_type: stored.media_type.clone(),
        manifest: stored.manifest.to_string(),
        size: images::pulled_size(found, stored),
        environment: baked(&place.ecr, found, &stored.manifest),
    })
}

/// What an image's configuration says of its environment. Of an index, that of its image for the platform that Fargate
/// runs unless told otherwise.
fn baked(ecr: &State, repository: &Repository, text: &str) -> BTreeMap<String, String> {
    let read = |text: &str| manifest::read(text, None).unwrap_or_default();
    let own = read(text);
    let usual = own.platforms.iter().position(|p| p == "linux/amd64");
    let config = match own.children.get(usual.unwrap_or(0)) {
        Some((child, _)) => repository
            .images
            .get(child)
            .and_then(|child| read(&child.manifest).config),
        None => own.config,
    };
    let bytes = config.and_then(|(digest, _)| ecr.blobs.get(&digest));
    let config: Option<Value> = bytes.and_then(|bytes| serde_json::from_slice(bytes).ok());
    let Some(config) = config else {
        return BTreeMap::new();
    };
    let variables = config["config"]["Env"].as_array().into_iter().flatten();
    variables
        .filter_map(|line| line.as_str()?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// An image of another registry: taken to exist, with a digest of its name's own.
fn foreign(uri: &str) -> Image {
    let (host, repository) = match uri.split_once('/') {
        Some((host, path)) if host.contains('.') || host.contains(':') => (host, path),
        _ => ("docker.io", uri),
    };
    let digest = match uri.split_once('@') {
        Some((_, digest)) => digest.to_owned(),
        None => manifest::digest_of(uri.as_bytes()),
    };
    Image {
        registry: host.to_owned(),
        region: String::new(),
        repository: repository
            .split([':', '@'])
            .next()
            .unwrap_or_default()
            .to_owned(),
        digest,
        media_type: manifest::DOCKER_MANIFEST.to_owned(),
        manifest: String::new(),
        size: 200 * 1024 * 1024,
        environment: BTreeMap::new(),
    }
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    let output = match operation {
        "CreateRepository" => repositories::create(cx, input)?,
        "DescribeRepositories" => repositories::describe(cx, input)?,
        "DeleteRepository" => repositories::delete(cx, input)?,
        "PutImageTagMutability" => repositories::put_mutability(cx, input)?,
        "PutImageScanningConfiguration" => repositories::put_scanning(cx, input)?,
        "SetRepositoryPolicy" => repositories::set_policy(cx, input)?,
        "GetRepositoryPolicy" => repositories::get_policy(cx, input)?,
        "DeleteRepositoryPolicy" => repositories::delete_policy(cx, input)?,
        "TagResource" => repositories::tag(cx, input)?,
        "UntagResource" => repositories::untag(cx, input)?,
        "ListTagsForResource" => repositories::list_tags(cx, input)?,
        "BatchGetRepositoryScanningConfiguration" => repositories::scanning_of_many(cx, input)?,
        "PutLifecyclePolicy" => lifecycle::put(cx, input)?,
        "GetLifecyclePolicy" => lifecycle::get(cx, input)?,
        "DeleteLifecyclePolicy" => lifecycle::delete(cx, input)?,
        "StartLifecyclePolicyPreview" => lifecycle::start_preview(cx, input)?,
        "GetLifecyclePolicyPreview" => lifecycle::get_preview(cx, input)?,
        "InitiateLayerUpload" => layers::initiate(cx, input)?,
        "UploadLayerPart" => layers::upload_part(cx, input)?,
        "CompleteLayerUpload" => layers::complete(cx, input)?,
        "BatchCheckLayerAvailability" => layers::availability(cx, input)?,
        "GetDownloadUrlForLayer" => layers::download_url(cx, input)?,
        "PutImage" => images::put_image(cx, input)?,
        "BatchGetImage" => images::batch_get(cx, input)?,
        "BatchDeleteImage" => images::batch_delete(cx, input)?,
        "DescribeImages" => lists::describe(cx, input)?,
        "ListImages" => lists::list(cx, input)?,
        "ListImageReferrers" => lists::referrers(cx, input)?,
        "StartImageScan" => scans::start_scan(cx, input)?,
        "DescribeImageScanFindings" => scans::scan_findings(cx, input)?,
        "GetAuthorizationToken" => token::get(cx, input)?,
        "PutReplicationConfiguration" => replication::put(cx, input)?,
        "DescribeRegistry" => replication::describe(cx),
        "DescribeImageReplicationStatus" => replication::status(cx, input)?,
        "StartReplicationBackfill" => backfill::start(cx, input)?,
        "StopReplicationBackfill" => backfill::stop(cx, input)?,
        "DescribeReplicationBackfillResults" => backfill::results(cx, input)?,
        "ListReplicationBackfills" => backfill::list(cx, input)?,
        "PutRegistryPolicy" => rules::put_registry_policy(cx, input)?,
        "GetRegistryPolicy" => rules::get_registry_policy(cx)?,
        "DeleteRegistryPolicy" => rules::delete_registry_policy(cx)?,
        "PutRegistryScanningConfiguration" => rules::put_scanning(cx, input),
        "GetRegistryScanningConfiguration" => rules::get_scanning(cx),
        "GetAccountSetting" => rules::get_setting(cx, input)?,
        "PutAccountSetting" => rules::put_setting(cx, input)?,
        "CreatePullThroughCacheRule" => rules::create_cache_rule(cx, input)?,
        "DescribePullThroughCacheRules" => rules::describe_cache_rules(cx, input)?,
        "UpdatePullThroughCacheRule" => rules::update_cache_rule(cx, input)?,
        "DeletePullThroughCacheRule" => rules::delete_cache_rule(cx, input)?,
        "ValidatePullThroughCacheRule" => rules::validate_cache_rule(cx, input)?,
        "CreateRepositoryCreationTemplate" => rules::create_template(cx, input)?,
        "DescribeRepositoryCreationTemplates" => rules::describe_templates(cx, input)?,
        "UpdateRepositoryCreationTemplate" => rules::update_template(cx, input)?,
        "DeleteRepositoryCreationTemplate" => rules::delete_template(cx, input)?,
        _ => return Err(cx.not_simulated()),
    };
    Ok(output.into())
}

fn happen(world: &mut World, event: &Event) {
    match event.what {
        "replicate" => replication::arrive(world, event),
        "backfill-prepared" => backfill::prepared(world, event),
        "backfill-image" => backfill::image(world, event),
        "backfill-stopped" => backfill::stopped(world, event),
        "lifecycle" => lifecycle::run(world, event),
        "preview" => lifecycle::finish_preview(world, event),
        _ => {}
    }
}

fn wants(cx: &Cx<'_>, operation: &str, input: &Input) -> Vec<Wanted> {
    let resource = match (input.str("repositoryName"), input.str("resourceArn")) {
        (Some(name), _) => {
            let registry = input.str("registryId").unwrap_or(cx.account_id());
            format!("arn:aws:ecr:{}:{registry}:repository/{name}", cx.region)
        }
        (None, Some(arn)) => arn.to_owned(),
        _ => "*".to_owned(),
    };
    vec![Wanted {
        action: format!("ecr:{operation}"),
        resource,
        context: vec![],
    }]
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterException", message)
}

fn no_repository(name: &str, registry: &str) -> AwsError {
    let message = format!(
        "The repository with name '{name}' does not exist in the registry with id '{registry}'"
    );
    AwsError::new("RepositoryNotFoundException", message)
}

/// The registry that an input names: the caller's own, or another account's.
fn registry_of(cx: &Cx<'_>, input: &Input) -> String {
    input
        .str("registryId")
        .unwrap_or(cx.account_id())
        .to_owned()
}

/// The repository that an input names, as it is. Another account's must let the caller in by its policy.
fn named<'c>(cx: &'c Cx<'_>, input: &Input) -> Result<&'c Repository, AwsError> {
    let registry = registry_of(cx, input);
    let name = input.str("repositoryName").unwrap_or_default();
    let place = cx.world.seen_place(&registry, &cx.region);
    let found = place
        .and_then(|p| p.ecr.repositories.get(name))
        .ok_or_else(|| no_repository(name, &registry))?;
    admit(cx, &registry, found)?;
    Ok(found)
}

/// The state of the registry that an input names.
fn state_of<'c>(cx: &'c Cx<'_>, registry: &str) -> Option<&'c State> {
    cx.world.seen_place(registry, &cx.region).map(|p| &p.ecr)
}

/// The same as a reader sees it: lagging.
fn seen<'c>(cx: &'c Cx<'_>, input: &Input) -> Result<&'c Repository, AwsError> {
    let registry = registry_of(cx, input);
    let name = input.str("repositoryName").unwrap_or_default();
    let place = cx.world.seen_place(&registry, &cx.region);
    let found = place
        .and_then(|p| p.ecr.repositories.seen(name, cx.now()))
        .ok_or_else(|| no_repository(name, &registry))?;
    admit(cx, &registry, found)?;
    Ok(found)
}

fn admit(cx: &Cx<'_>, registry: &str, repository: &Repository) -> Result<(), AwsError> {
    let action = format!("ecr:{}", cx.operation);
    if registry == cx.account_id()
        || repositories::lets(repository.policy.as_deref(), cx.account_id(), &action)
    {
        return Ok(());
    }
    let message = format!(
        "User: {} is not authorized to perform: {action} on resource: {} because no resource-based policy allows the \
         {action} action",
        cx.caller.arn, repository.arn
    );
    Err(AwsError::new("AccessDeniedException", message))
}

/// Changes a repository; readers see it within the world's lag.
fn change(cx: &mut Cx<'_>, registry: &str, name: &str, change: impl FnOnce(&mut Repository)) {
    let visible = cx.visible_at(name);
    let region = cx.region.clone();
    cx.world
        .place(registry, &region)
        .ecr
        .repositories
        .change(name, visible, change);
}

/// The members that most answers begin with.
fn about(registry: &str, name: &str) -> Value {
    json!({"registryId": registry, "repositoryName": name})
}

/// Every tagged repository as the tagging service lists them: ARN and tags.
pub fn tagged(world: &World, account: &str, region: &str) -> Vec<(String, Vec<(String, String)>)> {
    let Some(place) = world.seen_place(account, region) else {
        return vec![];
    };
    let repositories = place.ecr.repositories.seen_all(world.now());
    repositories
        .filter(|(_, r)| !r.tags.is_empty())
        .map(|(_, r)| (r.arn.clone(), r.tags.clone()))
        .collect()
}
