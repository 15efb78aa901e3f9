//! A source service with no tasks. Undo gives it the desired count that it had.

use serde::{Deserialize, Serialize};

use drtool_engine::step::Yields;

pub const KIND: &str = "service-scale";
pub const SUMMARY: &str = "a source service, scaled to no tasks";
pub const EXAMPLE: &str = "\
id: service-scale
use: service-scale
with:
  cluster: redmine
  service: web
  desiredCount: 0
";

/// The service to scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceScale {
    pub cluster: String,
    pub service: String,
    pub desired_count: u32,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceScaled {
    pub running: u32,
}

impl Yields for ServiceScaled {
    const NAME: &'static str = "service scale";
}
