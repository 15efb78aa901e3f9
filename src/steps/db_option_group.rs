//! A DB option group: it does not travel with a snapshot.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use crate::capture::database::DatabaseOption;
use drtool_engine::step::Yields;

pub const KIND: &str = "db-option-group";
pub const SUMMARY: &str = "a DB option group with the source's options";
pub const EXAMPLE: &str = "\
id: db-option-group
use: db-option-group
with:
  name: redmine-mysql
  engine: mysql
  majorVersion: \"8.0\"
  description: audit
  options: [{ name: MARIADB_AUDIT_PLUGIN, version: null, port: null, settings: { SERVER_AUDIT_EVENTS: CONNECT }, securityGroupIds: [] }]
";

/// The group to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbOptionGroup {
    pub name: String,
    pub engine: String,
    pub major_version: String,
    pub description: String,
    #[serde(default)]
    pub options: Vec<DatabaseOption>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbOptionGroupMade {
    pub name: String,
}

impl Yields for DbOptionGroupMade {
    const NAME: &'static str = "db option group";
}
