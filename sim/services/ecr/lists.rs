//! Lists of images, and what is said of each.

use super::images::{digest_in, id_json, not_found};
use super::{Repository, about, manifest, registry_of, seen};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

pub(super) fn tag_status(input: &Input) -> &str {
    input.value["filter"]["tagStatus"].as_str().unwrap_or("ANY")
}

pub(super) fn passes(status: &str, tagged: bool) -> bool {
    status == "ANY" || (status == "TAGGED") == tagged
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, repository, now) = (registry_of(cx, input), seen(cx, input)?, cx.now());
    let name = &repository.name;
    let ids = input.list("imageIds");
    let mut digests: Vec<String> = Vec::new();
    for id in ids {
        let digest = digest_in(repository, id).map_err(|_| not_found(&registry, name, id))?;
        if !digests.contains(&digest) {
            digests.push(digest);
        }
    }
    if ids.is_empty() {
        let status = tag_status(input);
        digests.extend(
            repository
                .images
                .keys()
                .filter(|d| passes(status, !repository.tags_of(d).is_empty()))
                .cloned(),
        );
    }
    let mut rows = Vec::new();
    for digest in digests {
        let Some(stored) = repository.images.get(&digest) else {
            continue;
        };
        let read = manifest::read(&stored.manifest, Some(&stored.media_type)).unwrap_or_default();
        let mut row = about(&registry, name);
        row["imageDigest"] = json!(digest);
        let tags = repository.tags_of(&digest);
        if !tags.is_empty() {
            row["imageTags"] = json!(tags);
        }
        if !read.is_index() {
            row["imageSizeInBytes"] = json!(read.size());
        }
        row["imagePushedAt"] = json!(stored.pushed);
        row["imageManifestMediaType"] = json!(stored.media_type);
        row["imageStatus"] = json!("ACTIVE");
        if let Some(kind) = &read.artifact_type {
            row["artifactMediaType"] = json!(kind);
        }
        if let Some(subject) = &read.subject {
            row["subjectManifestDigest"] = json!(subject);
        }
        if let Some(at) = stored.scanned_at {
            let done = now >= at;
            row["imageScanStatus"] =
                json!({"status": if done { "COMPLETE" } else { "IN_PROGRESS" }});
            if done {
                let at = cx.world.unix(at);
                row["imageScanFindingsSummary"] = json!({"imageScanCompletedAt": at, "vulnerabilitySourceUpdatedAt": at, "findingSeverityCounts": {}});
            }
        }
        rows.push(row);
    }
    Ok(object! {"imageDetails": rows})
}

pub(super) fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let repository = seen(cx, input)?;
    let status = tag_status(input);
    let mut rows = Vec::new();
    for digest in repository.images.keys() {
        let tags = repository.tags_of(digest);
        if !passes(status, !tags.is_empty()) {
            continue;
        }
        if tags.is_empty() {
            rows.push(id_json(digest, None));
        }
        rows.extend(tags.iter().map(|tag| id_json(digest, Some(tag))));
    }
    Ok(object! {"imageIds": rows})
}

/// The images that name another as their subject.
pub(super) fn referrers_of(
    repository: &Repository,
    subject: &str,
) -> Vec<(String, manifest::Manifest, u64)> {
    let all = repository.images.iter().filter_map(|(digest, stored)| {
        let read = manifest::read(&stored.manifest, Some(&stored.media_type)).ok()?;
        (read.subject.as_deref() == Some(subject))
            .then(|| (digest.clone(), read, stored.manifest.len() as u64))
    });
    all.collect()
}

pub(super) fn referrers(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let repository = seen(cx, input)?;
    let subject = input.value["subjectId"]["imageDigest"]
        .as_str()
        .unwrap_or_default();
    // A subject that is not there has no referrers: the operation has no error for it, and OCI's own API answers an empty list.
    let kinds = input.value["filter"]["artifactTypes"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut rows = Vec::new();
    for (digest, read, size) in referrers_of(repository, subject) {
        if !kinds.is_empty()
            && !kinds
                .iter()
                .any(|k| k.as_str() == read.artifact_type.as_deref())
        {
            continue;
        }
        let mut row = json!({"digest": digest, "mediaType": read.media_type, "size": size, "artifactStatus": "ACTIVE"});
        if let Some(kind) = read.artifact_type {
            row["artifactType"] = json!(kind);
        }
        if let Some(annotations) = read.annotations {
            row["annotations"] = annotations;
        }
        rows.push(row);
    }
    Ok(object! {"referrers": rows})
}
