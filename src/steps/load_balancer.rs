//! A load balancer with its attributes. Its DNS name is new: it is read, never derived.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "load-balancer";
pub const SUMMARY: &str = "a load balancer with its attributes";
pub const EXAMPLE: &str = "\
id: load-balancer
use: load-balancer
with:
  name: redmine
  type: application
  scheme: internet-facing
  ipAddressType: ipv4
  subnets: [subnet-0a1b2c3d, subnet-0d2c1b0a]
  securityGroups: [sg-0a1b2c3d]
  attributes: { idle_timeout.timeout_seconds: \"60\" }
";

/// The balancer to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LoadBalancer {
    /// At most 32 characters.
    pub name: String,
    /// `application` or `network`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    pub ip_address_type: String,
    pub subnets: Vec<Value<String>>,
    pub security_groups: Vec<Value<String>>,
    /// Those that differ from the default.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LoadBalancerMade {
    pub arn: String,
    pub dns_name: String,
    pub canonical_hosted_zone_id: String,
}

impl Yields for LoadBalancerMade {
    const NAME: &'static str = "load balancer";
}
