//! A service's scaling limits. Registering moves the service into them at once, so it comes after the service is steady.

use serde::{Deserialize, Serialize};

use crate::capture::compute::Suspended;
use drtool_engine::step::Yields;

pub const KIND: &str = "scalable-target";
pub const SUMMARY: &str = "the scaling limits of a service";
pub const EXAMPLE: &str = "\
id: scalable-target
use: scalable-target
with:
  resource: service/redmine/web
  dimension: ecs:service:DesiredCount
  min: 2
  max: 6
  suspended: { dynamicIn: false, dynamicOut: false, scheduled: false }
";

/// The limits to register.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScalableTarget {
    /// `service/cluster/name`.
    pub resource: String,
    pub dimension: String,
    pub min: u32,
    pub max: u32,
    pub suspended: Suspended,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScalableTargetMade {
    pub resource: String,
}

impl Yields for ScalableTargetMade {
    const NAME: &'static str = "scalable target";
}
