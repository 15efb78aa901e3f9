//! Repositories with their images, and log groups.

use drtool_engine::step::{Effect, Value};

use super::{Expansion, times};
use crate::steps;

/// One repository and the images that matter: what runs, and what the manifest names.
pub(super) fn images(e: &mut Expansion<'_>, index: usize) {
    let wanted = &e.manifest.images[index];
    let Some(repository) = e.capture.repository(wanted.repository.as_str()) else {
        e.fault(
            "E1103",
            wanted.at,
            format!("the source has no repository {}", wanted.repository.value),
            "listed here",
            "compare with the capture; `drtool capture` refreshes it",
        );
        return;
    };
    let to = e.asked.to.to_string();
    let key = e.key(&repository.kms_key);
    let policy = |e: &mut Expansion<'_>, field: &str, text: &Option<String>| {
        let text = text.as_ref()?;
        e.rewriter
            .text(&format!("repository {}: {field}", repository.name), text)
            .text()
    };
    let repository_policy = policy(e, "policy", &repository.repository_policy);
    let lifecycle_policy = policy(e, "lifecycle policy", &repository.lifecycle_policy);
    let made = e.step(
        "",
        steps::repository::KIND,
        &to,
        Effect::Adds,
        format!("repository {}", repository.name),
        &steps::repository::Repository {
            name: repository.name.clone(),
            tag_mutability: repository.tag_mutability.clone(),
            scan_on_push: repository.scan_on_push,
            kms_key: key,
            repository_policy,
            lifecycle_policy,
            tags: repository.tags.clone(),
        },
    );
    let running: Vec<String> = e
        .capture
        .task_definitions
        .iter()
        .flat_map(|t| &t.container_definitions)
        .filter_map(|c| c.get("image").and_then(|i| i.as_str()).map(str::to_owned))
        .collect();
    for tag in &wanted.tags {
        if !repository
            .images
            .iter()
            .any(|image| image.tags.contains(tag))
        {
            e.fault(
                "E1103",
                wanted.at,
                format!("repository {} has no tag {tag}", repository.name),
                "listed here",
                "",
            );
        }
    }
    for image in &repository.images {
        let runs = running.iter().any(|uri| {
            uri == &format!("{}@{}", repository.uri, image.digest)
                || image
                    .tags
                    .iter()
                    .any(|tag| uri == &format!("{}:{tag}", repository.uri))
        });
        let named = image.tags.iter().any(|tag| wanted.tags.contains(tag));
        if !runs && !named {
            continue;
        }
        let short: String = image
            .digest
            .trim_start_matches("sha256:")
            .chars()
            .take(12)
            .collect();
        let tags = if image.tags.is_empty() {
            "no tag".to_owned()
        } else {
            image.tags.join(", ")
        };
        e.step(
            &short,
            steps::image::KIND,
            &to,
            Effect::Adds,
            format!(
                "image {}@{short} ({tags}, {} MB)",
                repository.name,
                image.size / 1_000_000
            ),
            &steps::image::Image {
                repository: repository.name.clone(),
                from: repository.uri.clone(),
                to: Value::later(made.clone(), "uri"),
                digest: image.digest.clone(),
                tags: image.tags.clone(),
                size: image.size,
            },
        );
        e.expect(times::image(image.size));
    }
}

/// The log groups that tasks write to, under the same names.
pub(super) fn logs(e: &mut Expansion<'_>, _: usize) {
    let to = e.asked.to.to_string();
    for group in &e.capture.log_groups {
        let key = e.key(&group.kms_key);
        let kept = group
            .retention_days
            .map_or_else(|| "for ever".to_owned(), |days| format!("{days} days"));
        e.step(
            &group.name,
            steps::log_group::KIND,
            &to,
            Effect::Adds,
            format!("log group {} (kept {kept})", group.name),
            &steps::log_group::LogGroup {
                name: e.name(&group.name, 512),
                retention_days: group.retention_days,
                kms_key: key,
                tags: group.tags.clone(),
            },
        );
        let named = e.name(&group.name, 512);
        if named != group.name {
            e.rewriter
                .becomes(&group.name, named, "the drill's own log group");
        }
    }
}
