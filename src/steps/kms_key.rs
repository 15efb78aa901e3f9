//! A KMS key of the target, found by its alias. A move makes no keys: this step is never begun.

use serde::{Deserialize, Serialize};

use drtool_engine::step::Yields;

pub const KIND: &str = "kms-key";
pub const SUMMARY: &str = "a KMS key of the target, found by its alias";
pub const EXAMPLE: &str = "\
id: kms-key
use: kms-key
with:
  alias: alias/redmine-eu
";

/// The key to find: enabled, and for encryption.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KmsKey {
    pub alias: String,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KmsKeyFound {
    pub arn: String,
    pub key_id: String,
}

impl Yields for KmsKeyFound {
    const NAME: &'static str = "kms key";
}
