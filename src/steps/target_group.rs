//! A target group with its health check and attributes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use crate::capture::edge::HealthCheck;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "target-group";
pub const SUMMARY: &str = "a target group with its health check";
pub const EXAMPLE: &str = "\
id: target-group
use: target-group
with:
  name: redmine-web
  vpc: vpc-0a1b2c3d
  protocol: HTTP
  port: 80
  targetType: ip
  healthCheck: { protocol: HTTP, port: traffic-port, path: /, matcher: 200-399, intervalSeconds: 5, timeoutSeconds: 4, healthyThreshold: 2, unhealthyThreshold: 5 }
  attributes: { deregistration_delay.timeout_seconds: \"30\" }
";

/// The group to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetGroup {
    /// At most 32 characters.
    pub name: String,
    pub vpc: Value<String>,
    pub protocol: String,
    pub port: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    /// `ip` or `instance`.
    pub target_type: String,
    pub health_check: HealthCheck,
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetGroupMade {
    pub arn: String,
}

impl Yields for TargetGroupMade {
    const NAME: &'static str = "target group";
}
