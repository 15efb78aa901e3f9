//! An elastic address for a NAT gateway. Partners may have it on an allow-list: the plan tells each.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::Yields;

pub const KIND: &str = "elastic-ip";
pub const SUMMARY: &str = "an elastic IP address";
pub const EXAMPLE: &str = "\
id: elastic-ip
use: elastic-ip
with:
  name: redmine-nat-a
";

/// The address to allocate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ElasticIp {
    /// The `Name` tag.
    pub name: String,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ElasticIpMade {
    pub allocation_id: String,
    pub public_ip: String,
}

impl Yields for ElasticIpMade {
    const NAME: &'static str = "elastic ip";
}
