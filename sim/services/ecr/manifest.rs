//! Manifests: their types, digests, and what they refer to. Knows no repository.

use serde_json::Value;
use sha2::{Digest, Sha256};

pub(super) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(super) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// `sha256:` and 64 hexadecimal digits.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(71);
    text.push_str("sha256:");
    for byte in Sha256::digest(bytes) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

pub(super) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

pub(super) fn is_tag(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    first
        && text.len() <= 300
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// What a manifest says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Manifest {
    pub media_type: String,
    /// Digest and size of each image of an index.
    pub children: Vec<(String, u64)>,
    pub config: Option<(String, u64)>,
    /// Of an image; those fetched from elsewhere (with `urls`) left out.
    pub layers: Vec<(String, u64)>,
    pub artifact_type: Option<String>,
    pub subject: Option<String>,
    pub annotations: Option<Value>,
    /// For each child: `os/architecture`.
    pub platforms: Vec<String>,
}

impl Manifest {
    pub fn is_index(&self) -> bool {
        is_index(&self.media_type)
    }

    /// Of an image, with its configuration.
    pub fn size(&self) -> u64 {
        self.layers
            .iter()
            .chain(&self.config)
            .map(|(_, size)| size)
            .sum()
    }
}

pub(super) fn is_index(media_type: &str) -> bool {
    matches!(media_type, DOCKER_LIST | OCI_INDEX)
}

fn descriptor(value: &Value) -> Option<(String, u64)> {
    let digest = value["digest"].as_str().filter(|d| is_digest(d))?;
    Some((digest.to_owned(), value["size"].as_u64()?))
}

/// Reads a manifest; the error says what is wrong with it.
pub(super) fn read(text: &str, declared: Option<&str>) -> Result<Manifest, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|_| "Manifest is not valid JSON".to_owned())?;
    if value["schemaVersion"].as_u64() != Some(2) {
        return Err("Only manifests of schemaVersion 2 are supported".to_owned());
    }
    let inside = value["mediaType"].as_str();
    if let (Some(inside), Some(declared)) = (inside, declared)
        && inside != declared
    {
        return Err(format!(
            "Manifest media type '{declared}' does not match the mediaType '{inside}' inside it"
        ));
    }
    let shape = if value["manifests"].is_array() {
        OCI_INDEX
    } else {
        OCI_MANIFEST
    };
    let media_type = declared.or(inside).unwrap_or(shape).to_owned();
    if ![DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX].contains(&media_type.as_str()) {
        return Err(format!(
            "Manifest media type '{media_type}' is not supported"
        ));
    }
    let rows = |member: &str| value[member].as_array().map_or(&[][..], Vec::as_slice);
    let mut out = Manifest {
        artifact_type: value["artifactType"].as_str().map(str::to_owned),
        subject: value["subject"]["digest"].as_str().map(str::to_owned),
        annotations: value.get("annotations").filter(|a| a.is_object()).cloned(),
        media_type,
        ..Manifest::default()
    };
    if out.is_index() {
        if !value["manifests"].is_array() {
            return Err("An image index needs a list of manifests".to_owned());
        }
        for child in rows("manifests") {
            out.children
                .push(descriptor(child).ok_or("A descriptor in the index is not valid")?);
            let platform = &child["platform"];
            let part = |member: &str| platform[member].as_str().unwrap_or_default();
            out.platforms
                .push(format!("{}/{}", part("os"), part("architecture")));
        }
        return Ok(out);
    }
    out.config =
        Some(descriptor(&value["config"]).ok_or("The config descriptor is missing or not valid")?);
    if out.artifact_type.is_none() {
        out.artifact_type = value["config"]["mediaType"].as_str().map(str::to_owned);
    }
    if !value["layers"].is_array() {
        return Err("An image manifest needs a list of layers".to_owned());
    }
    for layer in rows("layers") {
        let read = descriptor(layer).ok_or("A layer descriptor is not valid")?;
        if layer["urls"].as_array().is_none_or(Vec::is_empty) {
            out.layers.push(read);
        }
    }
    Ok(out)
}
