//! Manifests: kept byte for byte, since their digest is their name, and read only to learn what they refer to.

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

pub(super) const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// A manifest as its registry keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub digest: String,
    pub media_type: String,
    pub bytes: Bytes,
}

/// A layer or a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blob {
    pub digest: String,
    pub size: u64,
}

/// What a manifest refers to: an index to other manifests, an image to blobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    pub children: Vec<String>,
    pub blobs: Vec<Blob>,
}

impl Manifest {
    pub fn new(media_type: String, bytes: Bytes) -> Manifest {
        Manifest {
            digest: written(Sha256::digest(&bytes).as_slice()),
            media_type,
            bytes,
        }
    }

    /// What it refers to, each digest once, in its order.
    pub fn parts(&self) -> Result<Parts, String> {
        let json: Value = serde_json::from_slice(&self.bytes)
            .map_err(|e| format!("manifest {} is not JSON: {e}", self.digest))?;
        if json["schemaVersion"].as_u64() != Some(2) {
            return Err(format!(
                "manifest {} is of schema version {}: such an image has no digest that survives a copy; push it again \
                 with a current tool",
                self.digest, json["schemaVersion"]
            ));
        }
        let mut parts = Parts::default();
        let mut seen = BTreeSet::new();
        for child in rows(&json, "manifests") {
            let blob = self.descriptor(child)?;
            if seen.insert(blob.digest.clone()) {
                parts.children.push(blob.digest);
            }
        }
        let config = json.get("config").into_iter();
        for row in config
            .chain(rows(&json, "layers"))
            .chain(rows(&json, "blobs"))
        {
            // A layer with `urls` lives outside registries and is never pushed to one.
            if !rows(row, "urls").is_empty() {
                continue;
            }
            let blob = self.descriptor(row)?;
            if seen.insert(blob.digest.clone()) {
                parts.blobs.push(blob);
            }
        }
        if parts.children.is_empty() && parts.blobs.is_empty() && json.get("manifests").is_none() {
            return Err(format!(
                "manifest {} of type {} names neither layers nor images",
                self.digest, self.media_type
            ));
        }
        Ok(parts)
    }

    fn descriptor(&self, row: &Value) -> Result<Blob, String> {
        match (row["digest"].as_str(), row["size"].as_u64()) {
            (Some(digest), Some(size)) if is_digest(digest) => Ok(Blob {
                digest: digest.to_owned(),
                size,
            }),
            _ => Err(format!(
                "manifest {} names something without a sha256 digest and a size",
                self.digest
            )),
        }
    }
}

fn rows<'v>(json: &'v Value, member: &str) -> &'v [Value] {
    json[member].as_array().map_or(&[], Vec::as_slice)
}

/// `sha256:` and 64 hexadecimal digits: what goes into a URL is nothing else.
pub(super) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// A hash as a digest is written.
pub(super) fn written(hash: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(71);
    out.push_str("sha256:");
    for byte in hash {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn digest(letter: char) -> String {
        format!("sha256:{}", letter.to_string().repeat(64))
    }

    fn manifest(json: &Value) -> Manifest {
        Manifest::new("application/x".into(), json.to_string().into())
    }

    #[test]
    fn a_manifest_is_named_by_the_hash_of_its_bytes() {
        let manifest = Manifest::new(String::new(), Bytes::new());
        assert_eq!(
            manifest.digest,
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn an_image_names_each_blob_once_and_no_foreign_layer() {
        let parts = manifest(&json!({ "schemaVersion": 2,
            "config": { "digest": digest('a'), "size": 3 },
            "layers": [
                { "digest": digest('b'), "size": 5 }, { "digest": digest('b'), "size": 5 },
                { "digest": digest('c'), "size": 7, "urls": ["https://example.com/layer"] }
            ] }))
        .parts()
        .unwrap();
        let digests: Vec<_> = parts.blobs.iter().map(|b| b.digest.clone()).collect();
        assert_eq!(digests, [digest('a'), digest('b')]);
        assert!(parts.children.is_empty());
    }

    #[test]
    fn an_index_names_its_images() {
        let parts = manifest(
            &json!({ "schemaVersion": 2, "manifests": [{ "digest": digest('d'), "size": 1 }] }),
        )
        .parts()
        .unwrap();
        assert_eq!(parts.children, [digest('d')]);
    }

    #[test]
    fn what_cannot_be_copied_by_digest_is_refused() {
        assert!(manifest(&json!({ "schemaVersion": 1 })).parts().is_err());
        assert!(manifest(&json!({ "schemaVersion": 2 })).parts().is_err());
        let path =
            json!({ "schemaVersion": 2, "layers": [{ "digest": "sha256:../../etc", "size": 1 }] });
        assert!(manifest(&path).parts().is_err());
    }
}
