//! A copy of a snapshot in the target region, under the target's key. Called in the target. A second copy of the same source carries only the difference.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "db-snapshot-copy";
pub const SUMMARY: &str = "a copy of a snapshot in another region";
pub const EXAMPLE: &str = "\
id: db-snapshot-copy
use: db-snapshot-copy
with:
  source: arn:aws:rds:us-west-2:111122223333:snapshot:redmine-db-7f3a-final
  sourceRegion: us-west-2
  snapshot: redmine-db-7f3a-final
  kmsKey: arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
";

/// The copy to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbSnapshotCopy {
    /// The snapshot's ARN in the source region.
    pub source: Value<String>,
    pub source_region: String,
    /// The copy's name.
    pub snapshot: String,
    /// The target's key; nothing for a source that is not encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Value<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option_group: Option<Value<String>>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbSnapshotCopied {
    pub identifier: String,
    pub arn: String,
}

impl Yields for DbSnapshotCopied {
    const NAME: &'static str = "db snapshot copy";
}
