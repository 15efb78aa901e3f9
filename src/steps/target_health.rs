//! The health of a target group: as many healthy targets as wanted, none of them draining. A group without targets is not healthy.

use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "target-health";
pub const SUMMARY: &str = "as many healthy targets in a group as wanted";
pub const EXAMPLE: &str = "\
id: target-health
use: target-health
with:
  targetGroup: arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/redmine-web/6d0ecf831eec9f09
  healthy: 2
";

/// The group to look at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetHealth {
    pub target_group: Value<String>,
    /// How many at least.
    pub healthy: u32,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetsHealthy {
    pub healthy: u32,
}

impl Yields for TargetsHealthy {
    const NAME: &'static str = "target health";
}
