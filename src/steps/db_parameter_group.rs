//! A DB parameter group with what a person set in the source's. A restore would otherwise fall back to the default group.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use crate::capture::database::ParameterValue;
use drtool_engine::step::Yields;

pub const KIND: &str = "db-parameter-group";
pub const SUMMARY: &str = "a DB parameter group with the source's values";
pub const EXAMPLE: &str = "\
id: db-parameter-group
use: db-parameter-group
with:
  name: redmine-postgres15
  family: postgres15
  description: redmine
  parameters: { log_min_duration_statement: { value: \"500\", needsRestart: false } }
";

/// The group to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbParameterGroup {
    pub name: String,
    pub family: String,
    pub description: String,
    #[serde(default)]
    pub parameters: BTreeMap<String, ParameterValue>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbParameterGroupMade {
    pub name: String,
}

impl Yields for DbParameterGroupMade {
    const NAME: &'static str = "db parameter group";
}
