//! A security group without rules: groups may refer to each other, so all are made before any rule. The rule that AWS gives to a new group (all out) is taken away by the rules step.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "security-group";
pub const SUMMARY: &str = "a security group, without rules";
pub const EXAMPLE: &str = "\
id: security-group
use: security-group
with:
  name: redmine-database
  description: the database
  vpc: vpc-0a1b2c3d
";

/// The group to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecurityGroup {
    /// The group's name.
    pub name: String,
    pub description: String,
    pub vpc: Value<String>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecurityGroupMade {
    pub group_id: String,
}

impl Yields for SecurityGroupMade {
    const NAME: &'static str = "security group";
}
