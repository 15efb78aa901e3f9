//! Scans of images. They find nothing.

use super::images::{SCAN, one};
use super::{about, change, manifest, state_of};
use crate::clock::DAY;
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

pub(super) fn start_scan(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, name, digest) = one(cx, input)?;
    let stored =
        state_of(cx, &registry).and_then(|s| s.repositories.get(&name)?.images.get(&digest));
    if stored.is_some_and(|s| manifest::is_index(&s.media_type)) {
        let message = format!("The image '{digest}' is a manifest list, which cannot be scanned");
        return Err(AwsError::new("UnsupportedImageTypeException", message));
    }
    let now = cx.now();
    if stored
        .and_then(|s| s.scanned_at)
        .is_some_and(|at| now < at + DAY)
    {
        let message = "The scan quota per image has been exceeded. Wait and try again.";
        return Err(AwsError::new("LimitExceededException", message));
    }
    let at = now + cx.world.sample(SCAN, &digest, "scan");
    change(cx, &registry, &name, |r| {
        if let Some(image) = r.images.get_mut(&digest) {
            image.scanned_at = Some(at);
        }
    });
    let mut out = about(&registry, &name);
    out["imageId"] = input.value["imageId"].clone();
    out["imageScanStatus"] = json!({"status": "IN_PROGRESS"});
    Ok(out)
}

pub(super) fn scan_findings(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, name, digest) = one(cx, input)?;
    let stored =
        state_of(cx, &registry).and_then(|s| s.repositories.get(&name)?.images.get(&digest));
    let Some(at) = stored.and_then(|s| s.scanned_at) else {
        let message = format!(
            "Image scan does not exist for the image with '{digest}' in the repository with name '{name}'"
        );
        return Err(AwsError::new("ScanNotFoundException", message));
    };
    let done = cx.now() >= at;
    let mut out = about(&registry, &name);
    out["imageId"] = input.value["imageId"].clone();
    out["imageScanStatus"] = json!({"status": if done { "COMPLETE" } else { "IN_PROGRESS" }});
    if done {
        let at = cx.world.unix(at);
        out["imageScanFindings"] = json!({
            "imageScanCompletedAt": at,
            "vulnerabilitySourceUpdatedAt": at,
            "findingSeverityCounts": {},
            "findings": [],
        });
    }
    Ok(out)
}
