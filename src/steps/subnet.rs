//! A subnet. Zones are chosen by number, in the order of their ids among those that are available: names differ per account.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "subnet";
pub const SUMMARY: &str = "a subnet in one availability zone";
pub const EXAMPLE: &str = "\
id: subnet
use: subnet
with:
  name: redmine-public-a
  vpc: vpc-0a1b2c3d
  cidr: 10.20.0.0/24
  zone: 0
  mapPublicIp: true
";

/// The subnet to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Subnet {
    /// The `Name` tag.
    pub name: String,
    pub vpc: Value<String>,
    pub cidr: String,
    /// Which of the available zones, ordered by zone id, from 0.
    pub zone: usize,
    pub map_public_ip: bool,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SubnetMade {
    pub subnet_id: String,
    pub zone: String,
    pub zone_id: String,
}

impl Yields for SubnetMade {
    const NAME: &'static str = "subnet";
}
