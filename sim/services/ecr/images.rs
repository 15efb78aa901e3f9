//! Images: how manifests come in, are found, listed and deleted, and scanned.

use super::{
    Repository, State, Stored, about, change, invalid, manifest, named, no_repository, registry_of,
    replication,
};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How long a basic scan takes.
pub(super) const SCAN: Pert = Pert(5.0, 20.0, 90.0);

/// Where a manifest goes.
pub(super) struct Destination<'a> {
    pub registry: &'a str,
    pub region: &'a str,
    pub repository: &'a str,
    /// When readers see it.
    pub visible: u64,
}

/// A manifest on its way in.
pub(super) struct Push<'a> {
    pub text: &'a str,
    pub media_type: Option<&'a str>,
    pub tag: Option<&'a str>,
    pub digest: Option<&'a str>,
}

/// What became of a push.
#[derive(Debug, PartialEq)]
pub(super) struct Pushed {
    pub digest: String,
    pub media_type: String,
    pub subject: Option<String>,
    /// Neither the image nor the tag is new.
    pub existed: bool,
}

fn in_repository(to: &Destination<'_>) -> String {
    format!(
        "the repository with name '{}' in the registry with id '{}'",
        to.repository, to.registry
    )
}

/// Puts a manifest into a repository: everything that it refers to must be there.
pub(super) fn put(
    world: &mut World,
    to: &Destination<'_>,
    push: &Push<'_>,
) -> Result<Pushed, AwsError> {
    let state = &world.place(to.registry, to.region).ecr;
    let repository = state
        .repositories
        .get(to.repository)
        .ok_or_else(|| no_repository(to.repository, to.registry))?;
    let read = manifest::read(push.text, push.media_type).map_err(|why| {
        invalid(format!("Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax or schema': {why}"))
    })?;
    let digest = manifest::digest_of(push.text.as_bytes());
    if push.digest.is_some_and(|given| given != digest) {
        let message = format!(
            "The image digest '{}' does not match the digest '{digest}' of the manifest",
            push.digest.unwrap_or_default()
        );
        return Err(AwsError::new("ImageDigestDoesNotMatchException", message));
    }
    if let Some(tag) = push.tag.filter(|tag| !manifest::is_tag(tag)) {
        return Err(invalid(format!(
            "Invalid parameter at 'imageTag' failed to satisfy constraint: '{tag}' is not a tag"
        )));
    }
    check_content(state, repository, &read, to)?;
    let known = repository.images.contains_key(&digest);
    let current = push.tag.and_then(|tag| repository.tagged.get(tag));
    if let (Some(tag), Some(current)) = (push.tag, current)
        && *current != digest
        && !repository.may_move(tag)
    {
        let message = format!(
            "The image tag '{tag}' already exists in the '{}' repository and cannot be overwritten because the repository \
             is immutable.",
            to.repository
        );
        return Err(AwsError::new("ImageTagAlreadyExistsException", message));
    }
    let existed = known && (push.tag.is_none() || current == Some(&digest));
    let pushed = Pushed {
        digest: digest.clone(),
        media_type: read.media_type.clone(),
        subject: read.subject.clone(),
        existed,
    };
    if existed {
        return Ok(pushed);
    }
    let scans = repository.scan_on_push && !read.is_index();
    let (now, unix) = (world.now(), world.unix(world.now()));
    let scanned_at = scans.then(|| now + world.sample(SCAN, &digest, "scan"));
    let (text, tag, media_type): (Arc<str>, _, _) = (
        push.text.into(),
        push.tag.map(str::to_owned),
        read.media_type,
    );
    world
        .place(to.registry, to.region)
        .ecr
        .repositories
        .change(to.repository, to.visible, |r| {
            r.images.entry(digest.clone()).or_insert_with(|| Stored {
                manifest: text,
                media_type,
                pushed: unix,
                pushed_at: now,
                scanned_at,
            });
            if let Some(tag) = tag {
                r.tagged.insert(tag, digest);
            }
        });
    Ok(pushed)
}

/// Everything that a manifest refers to must be in its repository.
fn check_content(
    state: &State,
    repository: &Repository,
    read: &manifest::Manifest,
    to: &Destination<'_>,
) -> Result<(), AwsError> {
    let missing = |digests: Vec<&str>| format!("[{}]", digests.join(", "));
    let children: Vec<&str> = read
        .children
        .iter()
        .map(|(d, _)| d.as_str())
        .filter(|d| !repository.images.contains_key(*d))
        .collect();
    if !children.is_empty() {
        let message = format!(
            "Images with digests '{}' required for pushing image into {} do not exist",
            missing(children),
            in_repository(to)
        );
        return Err(AwsError::new("ReferencedImagesNotFoundException", message));
    }
    let layers: Vec<&str> = read
        .config
        .iter()
        .chain(&read.layers)
        .map(|(d, _)| d.as_str())
        .filter(|d| !state.has_layer(&repository.name, d))
        .collect();
    if !layers.is_empty() {
        let message = format!(
            "Layers with digests '{}' required for pushing image into {} do not exist",
            missing(layers),
            in_repository(to)
        );
        return Err(AwsError::new("LayersNotFoundException", message));
    }
    let wrong = read
        .config
        .iter()
        .chain(&read.layers)
        .find(|(digest, size)| {
            state
                .blobs
                .get(digest)
                .is_some_and(|b| b.len() as u64 != *size)
        });
    if let Some((digest, size)) = wrong {
        return Err(invalid(format!(
            "The size {size} of the layer '{digest}' in the manifest is not its size"
        )));
    }
    Ok(())
}

pub(super) fn put_image(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, name) = (registry_of(cx, input), named(cx, input)?.name.clone());
    let region = cx.region.clone();
    let visible = cx.visible_at(&name);
    let text = input.str("imageManifest").unwrap_or_default();
    let push = Push {
        text,
        media_type: input.str("imageManifestMediaType"),
        tag: input.str("imageTag"),
        digest: input.str("imageDigest"),
    };
    let to = Destination {
        registry: &registry,
        region: &region,
        repository: &name,
        visible,
    };
    let pushed = put(cx.world, &to, &push)?;
    if pushed.existed {
        let tag = push
            .tag
            .map(|t| format!(" and tag '{t}'"))
            .unwrap_or_default();
        let message = format!(
            "Image with digest '{}'{tag} already exists in {}",
            pushed.digest,
            in_repository(&to)
        );
        return Err(AwsError::new("ImageAlreadyExistsException", message));
    }
    replication::pushed(
        cx.world,
        &registry,
        &region,
        &name,
        &pushed.digest,
        push.tag,
    );
    let mut image = about(&registry, &name);
    image["imageId"] = id_json(&pushed.digest, push.tag);
    image["imageManifest"] = json!(text);
    image["imageManifestMediaType"] = json!(pushed.media_type);
    Ok(json!({"image": image}))
}

pub(super) fn id_json(digest: &str, tag: Option<&str>) -> Value {
    let mut id = json!({"imageDigest": digest});
    if let Some(tag) = tag {
        id["imageTag"] = json!(tag);
    }
    id
}

/// Why an image id of a batch names nothing.
type Miss = (&'static str, &'static str);

/// The digest that an image id means.
pub(super) fn digest_in(repository: &Repository, id: &Value) -> Result<String, Miss> {
    let (digest, tag) = (id["imageDigest"].as_str(), id["imageTag"].as_str());
    if digest.is_none() && tag.is_none() {
        return Err((
            "MissingDigestAndTag",
            "Invalid request parameters: both tag and digest cannot be null",
        ));
    }
    if digest.is_some_and(|d| !manifest::is_digest(d)) {
        return Err((
            "InvalidImageDigest",
            "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        ));
    }
    let by_tag = tag.map(|t| repository.tagged.get(t));
    match (digest, by_tag) {
        (_, Some(None)) | (None, None) => Err(("ImageNotFound", "Requested image not found")),
        (Some(digest), Some(Some(found))) if digest != found => Err((
            "ImageTagDoesNotMatchDigest",
            "The image tag does not belong to the image digest",
        )),
        (None, Some(Some(found))) => Ok(found.clone()),
        (Some(digest), _) if repository.images.contains_key(digest) => Ok(digest.to_owned()),
        _ => Err(("ImageNotFound", "Requested image not found")),
    }
}

fn failure(id: &Value, (code, reason): Miss) -> Value {
    json!({"imageId": id, "failureCode": code, "failureReason": reason})
}

pub(super) fn batch_get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, repository) = (registry_of(cx, input), named(cx, input)?.clone());
    let ids = input.list("imageIds");
    if ids.is_empty() || ids.len() > 100 {
        return Err(invalid(
            "Invalid parameter at 'imageIds' failed to satisfy constraint: 'between 1 and 100 image ids'",
        ));
    }
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        let found = digest_in(&repository, id)
            .ok()
            .and_then(|d| Some((repository.images.get(&d)?, d)));
        let Some((stored, digest)) = found else {
            let miss = digest_in(&repository, id)
                .err()
                .unwrap_or(("ImageNotFound", "Requested image not found"));
            failures.push(failure(id, miss));
            continue;
        };
        let mut image = about(&registry, &repository.name);
        image["imageId"] = id_json(&digest, id["imageTag"].as_str());
        image["imageManifest"] = json!(stored.manifest.as_ref());
        image["imageManifestMediaType"] = json!(stored.media_type);
        images.push(image);
    }
    Ok(json!({"images": images, "failures": failures}))
}

pub(super) fn batch_delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, repository) = (registry_of(cx, input), named(cx, input)?.clone());
    let ids = input.list("imageIds");
    if ids.is_empty() || ids.len() > 100 {
        return Err(invalid(
            "Invalid parameter at 'imageIds' failed to satisfy constraint: 'between 1 and 100 image ids'",
        ));
    }
    let mut changed = repository.clone();
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        let digest = match digest_in(&changed, id) {
            Ok(digest) => digest,
            Err(miss) => {
                failures.push(failure(id, miss));
                continue;
            }
        };
        match (id["imageTag"].as_str(), id["imageDigest"].as_str()) {
            // A tag alone is taken off; the image goes with its last tag.
            (Some(tag), None) => {
                if changed.tags_of(&digest).len() == 1 && referenced(&changed, &digest) {
                    failures.push(failure(id, REFERENCED));
                    continue;
                }
                changed.tagged.remove(tag);
                if changed.tags_of(&digest).is_empty() {
                    changed.images.remove(&digest);
                }
                deleted.push(id_json(&digest, Some(tag)));
            }
            _ if referenced(&changed, &digest) => failures.push(failure(id, REFERENCED)),
            _ => {
                let tags: Vec<String> = changed
                    .tags_of(&digest)
                    .into_iter()
                    .map(str::to_owned)
                    .collect();
                changed.images.remove(&digest);
                changed.tagged.retain(|_, d| *d != digest);
                if tags.is_empty() {
                    deleted.push(id_json(&digest, None));
                }
                deleted.extend(tags.iter().map(|tag| id_json(&digest, Some(tag))));
            }
        }
    }
    let name = repository.name;
    change(cx, &registry, &name, |r| *r = changed);
    let region = cx.region.clone();
    drop_unused_blobs(&mut cx.world.place(&registry, &region).ecr);
    Ok(json!({"imageIds": deleted, "failures": failures}))
}

const REFERENCED: Miss = (
    "ImageReferencedByManifestList",
    "Requested image referenced by manifest list: the list must be deleted before its images",
);

/// Whether an index of the repository names the image.
pub(super) fn referenced(repository: &Repository, digest: &str) -> bool {
    repository.images.iter().any(|(own, stored)| {
        own != digest
            && manifest::is_index(&stored.media_type)
            && manifest::read(&stored.manifest, Some(&stored.media_type))
                .is_ok_and(|m| m.children.iter().any(|(child, _)| child == digest))
    })
}

/// Forgets blobs that no repository shows any more.
pub(super) fn drop_unused_blobs(state: &mut State) {
    let shown: BTreeSet<&String> = state.layers.values().flat_map(|l| l.iter()).collect();
    let unused: Vec<String> = state
        .blobs
        .keys()
        .into_iter()
        .filter(|d| !shown.contains(d))
        .collect();
    for digest in unused {
        state.blobs.remove(&digest, 0);
    }
}

/// The layers and configuration of an image, in bytes; of an index, those of the image for 64-bit Linux servers.
pub(super) fn pulled_size(repository: &Repository, stored: &Stored) -> u64 {
    let Ok(read) = manifest::read(&stored.manifest, Some(&stored.media_type)) else {
        return 0;
    };
    if !read.is_index() {
        return read.size();
    }
    let at = read
        .platforms
        .iter()
        .position(|p| p == "linux/amd64")
        .unwrap_or(0);
    let child = read
        .children
        .get(at)
        .and_then(|(digest, _)| repository.images.get(digest));
    child.map_or(0, |c| pulled_size(repository, c))
}

pub(super) fn not_found(registry: &str, name: &str, id: &Value) -> AwsError {
    let shown = |member: &str| {
        id[member]
            .as_str()
            .map_or("null".to_owned(), |v| format!("'{v}'"))
    };
    let message = format!(
        "The image with imageId {{imageDigest:{}, imageTag:{}}} does not exist within the repository with name '{name}' in \
         the registry with id '{registry}'",
        shown("imageDigest"),
        shown("imageTag")
    );
    AwsError::new("ImageNotFoundException", message)
}

/// The repository and the digest that an operation on one image names.
pub(super) fn one(cx: &Cx<'_>, input: &Input) -> Result<(String, String, String), AwsError> {
    let (registry, repository) = (registry_of(cx, input), named(cx, input)?);
    let id = &input.value["imageId"];
    let digest = digest_in(repository, id).map_err(|(code, reason)| match code {
        "ImageNotFound" | "ImageTagDoesNotMatchDigest" => {
            not_found(&registry, &repository.name, id)
        }
        _ => invalid(reason),
    })?;
    Ok((registry, repository.name.clone(), digest))
}
