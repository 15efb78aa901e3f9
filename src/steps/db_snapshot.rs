//! A snapshot of the source's database. Its name belongs to this run: a name proves nothing about when.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::Yields;

pub const KIND: &str = "db-snapshot";
pub const SUMMARY: &str = "a snapshot of a database";
pub const EXAMPLE: &str = "\
id: db-snapshot
use: db-snapshot
with:
  instance: redmine-db
  snapshot: redmine-db-7f3a-final
";

/// The snapshot to take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbSnapshot {
    pub instance: String,
    pub snapshot: String,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbSnapshotTaken {
    pub identifier: String,
    pub arn: String,
    /// When the last transaction in it was written, as RDS tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_time: Option<jiff::Timestamp>,
    pub encrypted: bool,
}

impl Yields for DbSnapshotTaken {
    const NAME: &'static str = "db snapshot";
}
