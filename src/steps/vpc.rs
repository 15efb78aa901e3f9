//! A VPC, with its DNS settings. No AWS call but its tags tells two of them apart, so it is found by tag.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::Yields;

pub const KIND: &str = "vpc";
pub const SUMMARY: &str = "a VPC with its DNS settings";
pub const EXAMPLE: &str = "\
id: vpc
use: vpc
with:
  name: redmine
  cidr: 10.20.0.0/16
  dnsSupport: true
  dnsHostnames: true
";

/// The VPC to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Vpc {
    /// The `Name` tag.
    pub name: String,
    pub cidr: String,
    pub dns_support: bool,
    pub dns_hostnames: bool,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct VpcMade {
    pub vpc_id: String,
}

impl Yields for VpcMade {
    const NAME: &'static str = "vpc";
}
