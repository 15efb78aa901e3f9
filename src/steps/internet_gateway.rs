//! An internet gateway, attached to its VPC.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "internet-gateway";
pub const SUMMARY: &str = "an internet gateway, attached";
pub const EXAMPLE: &str = "\
id: internet-gateway
use: internet-gateway
with:
  name: redmine
  vpc: vpc-0a1b2c3d
";

/// The gateway to make and attach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InternetGateway {
    /// The `Name` tag.
    pub name: String,
    pub vpc: Value<String>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InternetGatewayMade {
    pub internet_gateway_id: String,
}

impl Yields for InternetGatewayMade {
    const NAME: &'static str = "internet gateway";
}
