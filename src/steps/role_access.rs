//! An inline policy on a role of the stack, so that its tasks may read what stands in the target. Roles are global: this is an addition to the source's role, named so that undo finds it.

use serde::{Deserialize, Serialize};

use crate::composed::Composed;
use drtool_engine::step::Yields;

pub const KIND: &str = "role-access";
pub const SUMMARY: &str = "an inline policy that lets a role of the stack use the target";
pub const EXAMPLE: &str = "\
id: role-access
use: role-access
with:
  role: redmine-execution
  policy: drtool-eu-west-1
  statements:
    - { actions: [secretsmanager:GetSecretValue], resources: [arn:aws:secretsmanager:eu-west-1:111122223333:secret:redmine/db-a1b2c3] }
";

/// The policy to put.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RoleAccess {
    /// The role's name.
    pub role: String,
    /// The inline policy's name.
    pub policy: String,
    pub statements: Vec<Statement>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RoleAccessMade {
    pub policy: String,
}

impl Yields for RoleAccessMade {
    const NAME: &'static str = "role access";
}

/// What the policy allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Statement {
    pub actions: Vec<String>,
    /// ARNs and patterns.
    pub resources: Vec<Composed>,
}
