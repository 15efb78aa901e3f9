//! An image, copied by digest with the tags that are on it, all its platforms byte for byte.

use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "image";
pub const SUMMARY: &str = "an image, copied by digest";
pub const EXAMPLE: &str = "\
id: image
use: image
with:
  repository: redmine
  from: 111122223333.dkr.ecr.us-west-2.amazonaws.com/redmine
  to: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/redmine
  digest: sha256:0f3c5ca25fc1ad23e2b2f5f1d7a8f4a2d1f9c3f1b9d0c7b1a9e8d7c6b5a49382
  tags: [latest]
  size: 412000000
";

/// The image to copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Image {
    pub repository: String,
    /// The source's repository, without a tag.
    pub from: String,
    /// The target's repository, without a tag.
    pub to: Value<String>,
    pub digest: String,
    pub tags: Vec<String>,
    /// Bytes, for the estimate.
    pub size: u64,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ImageCopied {
    /// `repository@digest`.
    pub uri: String,
    pub digest: String,
}

impl Yields for ImageCopied {
    const NAME: &'static str = "image";
}
