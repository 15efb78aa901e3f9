//! A NAT gateway. One that failed stays failed: it is replaced.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "nat-gateway";
pub const SUMMARY: &str = "a NAT gateway";
pub const EXAMPLE: &str = "\
id: nat-gateway
use: nat-gateway
with:
  name: redmine-a
  subnet: subnet-0a1b2c3d
  allocation: eipalloc-0a1b2c3d
";

/// The gateway to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NatGateway {
    /// The `Name` tag.
    pub name: String,
    /// A public subnet.
    pub subnet: Value<String>,
    pub allocation: Value<String>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NatGatewayMade {
    pub nat_gateway_id: String,
}

impl Yields for NatGatewayMade {
    const NAME: &'static str = "nat gateway";
}
