//! A DB subnet group.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "db-subnet-group";
pub const SUMMARY: &str = "a DB subnet group";
pub const EXAMPLE: &str = "\
id: db-subnet-group
use: db-subnet-group
with:
  name: redmine
  description: isolated subnets
  subnets: [subnet-0a1b2c3d, subnet-0d2c1b0a]
";

/// The group to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbSubnetGroup {
    pub name: String,
    pub description: String,
    pub subnets: Vec<Value<String>>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbSubnetGroupMade {
    pub name: String,
}

impl Yields for DbSubnetGroupMade {
    const NAME: &'static str = "db subnet group";
}
