//! An ECR repository with its settings, which replication does not carry.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "repository";
pub const SUMMARY: &str = "an ECR repository with its settings and policies";
pub const EXAMPLE: &str = "\
id: repository
use: repository
with:
  name: redmine
  tagMutability: MUTABLE
  scanOnPush: false
";

/// The repository to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Repository {
    pub name: String,
    pub tag_mutability: String,
    pub scan_on_push: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Value<String>>,
    /// JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_policy: Option<String>,
    /// JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle_policy: Option<String>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RepositoryMade {
    pub arn: String,
    pub uri: String,
}

impl Yields for RepositoryMade {
    const NAME: &'static str = "repository";
}
