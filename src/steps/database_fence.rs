//! The source's database, closed to the application: the rules of one of its security groups that let anybody else than the probe in are revoked. Tracked connections live on, so the tasks are gone before.

use serde::{Deserialize, Serialize};

use crate::capture::network::Rule;
use drtool_engine::step::Yields;

pub const KIND: &str = "database-fence";
pub const SUMMARY: &str = "a source database, closed to everybody but the probe";
pub const EXAMPLE: &str = "\
id: database-fence
use: database-fence
with:
  instance: redmine-db
  group: sg-0a1b2c3d
  port: 5432
  revoke: [{ protocol: tcp, fromPort: 5432, toPort: 5432, peer: { cidr: 0.0.0.0/0 }, description: null }]
";

/// The rules to revoke.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DatabaseFence {
    pub instance: String,
    /// The security group.
    pub group: String,
    pub port: u16,
    /// Ingress rules, as captured.
    pub revoke: Vec<Rule>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DatabaseFenced {
    pub group: String,
}

impl Yields for DatabaseFenced {
    const NAME: &'static str = "database fence";
}
