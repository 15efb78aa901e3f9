//! A log group with its retention. Named like the source's: tasks name it.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "log-group";
pub const SUMMARY: &str = "a log group with its retention";
pub const EXAMPLE: &str = "\
id: log-group
use: log-group
with:
  name: /ecs/redmine
  retentionDays: 30
";

/// The group to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LogGroup {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Value<String>>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LogGroupMade {
    pub name: String,
    pub arn: String,
}

impl Yields for LogGroupMade {
    const NAME: &'static str = "log group";
}
