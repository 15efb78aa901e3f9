//! Layers: how their bytes come in, by parts or at once, and where they are.

use super::{about, invalid, manifest, named, registry_of, state_of};
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};

/// An upload that is not complete.
#[derive(Clone, Debug, Default)]
pub(super) struct Upload {
    pub repository: String,
    pub parts: Vec<Bytes>,
}

impl Upload {
    pub fn size(&self) -> u64 {
        self.parts.iter().map(|p| p.len() as u64).sum()
    }

    /// All its bytes, in one piece.
    pub fn bytes(&self) -> Bytes {
        if let [one] = self.parts.as_slice() {
            return one.clone();
        }
        let mut all = Vec::with_capacity(self.size() as usize);
        for part in &self.parts {
            all.extend_from_slice(part);
        }
        all.into()
    }
}

const PART: u64 = 20 * 1024 * 1024;
const SMALLEST_PART: usize = 5 * 1024 * 1024;
const PARTS: usize = 4_200;

pub(super) fn initiate(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, name) = (registry_of(cx, input), named(cx, input)?.name.clone());
    let id = cx.uuid("layer-upload");
    let (now, region) = (cx.now(), cx.region.clone());
    let upload = Upload {
        repository: name,
        parts: Vec::new(),
    };
    cx.world
        .place(&registry, &region)
        .ecr
        .uploads
        .put(id.clone(), upload, now);
    Ok(json!({"uploadId": id, "partSize": PART}))
}

fn upload<'w>(
    world: &'w World,
    registry: &str,
    region: &str,
    name: &str,
    id: &str,
) -> Result<&'w Upload, AwsError> {
    let found = world
        .seen_place(registry, region)
        .and_then(|p| p.ecr.uploads.get(id));
    found.filter(|u| u.repository == name).ok_or_else(|| {
        let message = format!(
            "The upload id '{id}' does not exist in the repository with name '{name}' in the registry with id '{registry}'"
        );
        AwsError::new("UploadNotFoundException", message)
    })
}

pub(super) fn upload_part(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, name) = (registry_of(cx, input), named(cx, input)?.name.clone());
    let id = input.str("uploadId").unwrap_or_default().to_owned();
    let region = cx.region.clone();
    let received = upload(cx.world, &registry, &region, &name, &id)?;
    let (size, count) = (received.size(), received.parts.len());
    let bytes = input
        .str("layerPartBlob")
        .and_then(|b| STANDARD.decode(b).ok());
    let bytes = bytes.ok_or_else(|| invalid("The layer part is not valid base64"))?;
    let first = input.i64("partFirstByte").unwrap_or(-1);
    let last = input.i64("partLastByte").unwrap_or(-1);
    if first != size as i64 || last - first + 1 != bytes.len() as i64 {
        let message = format!(
            "The part for upload '{id}' is not valid: expected bytes from {size}, but received {first} to {last} with {} bytes",
            bytes.len()
        );
        return Err(AwsError::new("InvalidLayerPartException", message)
            .field("registryId", registry)
            .field("repositoryName", name)
            .field("uploadId", id)
            .field("lastValidByteReceived", size as i64 - 1));
    }
    if count >= PARTS {
        return Err(AwsError::new(
            "LimitExceededException",
            format!("A layer has at most {PARTS} parts"),
        ));
    }
    let now = cx.now();
    let uploads = &mut cx.world.place(&registry, &region).ecr.uploads;
    uploads.change(&id, now, |u| u.parts.push(bytes.into()));
    let mut out = about(&registry, &name);
    out["uploadId"] = json!(id);
    out["lastByteReceived"] = json!(last);
    Ok(out)
}

pub(super) fn complete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, name) = (registry_of(cx, input), named(cx, input)?.name.clone());
    let id = input.str("uploadId").unwrap_or_default().to_owned();
    let region = cx.region.clone();
    let upload = upload(cx.world, &registry, &region, &name, &id)?.clone();
    if upload.parts.is_empty() {
        let message = format!("The upload with id '{id}' has no layer parts");
        return Err(AwsError::new("EmptyUploadException", message));
    }
    let all_but_last = &upload.parts[..upload.parts.len() - 1];
    if all_but_last.iter().any(|p| p.len() < SMALLEST_PART) {
        let message = format!(
            "Parts of upload '{id}' are smaller than 5 MiB, which only the last one may be"
        );
        return Err(AwsError::new("LayerPartTooSmallException", message));
    }
    let bytes = upload.bytes();
    let digest = manifest::digest_of(&bytes);
    if !input.strings("layerDigests").contains(&digest) {
        let message = format!(
            "The digest of the upload '{id}' is '{digest}', which does not match the given digests"
        );
        return Err(AwsError::new("InvalidLayerException", message));
    }
    if state_of(cx, &registry).is_some_and(|s| s.has_layer(&name, &digest)) {
        let message = format!(
            "Layer with digest '{digest}' already exists in the repository with name '{name}' in the registry with id \
             '{registry}'"
        );
        return Err(AwsError::new("LayerAlreadyExistsException", message));
    }
    let now = cx.now();
    cx.world
        .place(&registry, &region)
        .ecr
        .uploads
        .remove(&id, now);
    store(cx.world, &registry, &region, &name, &digest, bytes);
    let mut out = about(&registry, &name);
    out["uploadId"] = json!(id);
    out["layerDigest"] = json!(digest);
    Ok(out)
}

/// Keeps a blob and shows it in a repository.
pub(super) fn store(
    world: &mut World,
    registry: &str,
    region: &str,
    name: &str,
    digest: &str,
    bytes: Bytes,
) {
    let now = world.now();
    let state = &mut world.place(registry, region).ecr;
    if !state.blobs.contains(digest) {
        state.blobs.put(digest, bytes, now);
    }
    state.link(name, digest);
}

pub(super) fn availability(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, repository) = (registry_of(cx, input), named(cx, input)?);
    let (name, state) = (repository.name.as_str(), state_of(cx, &registry));
    let (mut layers, mut failures) = (Vec::new(), Vec::new());
    for digest in input.strings("layerDigests") {
        if digest.is_empty() {
            failures.push(json!({"failureCode": "MissingLayerDigest", "failureReason": "A layer digest is required"}));
            continue;
        }
        if !manifest::is_digest(&digest) {
            let reason = "Invalid request parameters: the layer digest is not valid";
            failures.push(json!({"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason}));
            continue;
        }
        layers.push(
            match state.and_then(|s| s.layer(name, &digest)).map(Bytes::len) {
                Some(size) => json!({
                    "layerDigest": digest,
                    "layerAvailability": "AVAILABLE",
                    "layerSize": size,
                    "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                }),
                None => json!({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}),
            },
        );
    }
    Ok(json!({"layers": layers, "failures": failures}))
}

pub(super) fn download_url(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, repository) = (registry_of(cx, input), named(cx, input)?);
    let (name, digest) = (
        repository.name.clone(),
        input.str("layerDigest").unwrap_or_default(),
    );
    if !manifest::is_digest(digest) {
        return Err(invalid(format!(
            "Invalid parameter at 'layerDigest': '{digest}' is not a digest"
        )));
    }
    if !state_of(cx, &registry).is_some_and(|s| s.has_layer(&name, digest)) {
        let message = format!(
            "Layer with digest '{digest}' does not exist in the repository with name '{name}' in the registry with id \
             '{registry}'"
        );
        return Err(AwsError::new("LayersNotFoundException", message));
    }
    let ticket = super::token::ticket(cx, &registry, digest);
    let host = format!("{registry}.dkr.ecr.{}.amazonaws.com", cx.region);
    // A served world has no host of AWS's: the link leads to where it is served.
    let door = match &cx.world.front {
        Some(front) => format!("{front}{}{host}", crate::server::LAYERS),
        None => format!("https://{host}"),
    };
    let url = format!("{door}/v2/{name}/blobs/{digest}?X-Amz-Expires=3600&ticket={ticket}");
    Ok(json!({"downloadUrl": url, "layerDigest": digest}))
}
