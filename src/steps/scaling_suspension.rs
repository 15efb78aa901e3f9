//! Scaling of a source service, suspended: else Auto Scaling would raise the tasks that the fence takes away.

use serde::{Deserialize, Serialize};

use crate::capture::compute::Suspended;
use drtool_engine::step::Yields;

pub const KIND: &str = "scaling-suspension";
pub const SUMMARY: &str = "scaling of a source service, suspended";
pub const EXAMPLE: &str = "\
id: scaling-suspension
use: scaling-suspension
with:
  resource: service/redmine/web
  dimension: ecs:service:DesiredCount
  min: 2
  max: 6
  before: { dynamicIn: false, dynamicOut: false, scheduled: false }
";

/// The scalable target to suspend, all three ways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScalingSuspension {
    pub resource: String,
    pub dimension: String,
    /// As registered: the call wants them.
    pub min: u32,
    pub max: u32,
    /// What is suspended today, for undo to put back.
    pub before: Suspended,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScalingSuspended {
    pub resource: String,
}

impl Yields for ScalingSuspended {
    const NAME: &'static str = "scaling suspension";
}
