//! An ECS cluster.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::Yields;

pub const KIND: &str = "cluster";
pub const SUMMARY: &str = "an ECS cluster";
pub const EXAMPLE: &str = "\
id: cluster
use: cluster
with:
  name: redmine
  containerInsights: disabled
  capacityProviders: []
";

/// The cluster to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Cluster {
    pub name: String,
    pub container_insights: String,
    #[serde(default)]
    pub capacity_providers: Vec<String>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ClusterMade {
    pub arn: String,
    pub name: String,
}

impl Yields for ClusterMade {
    const NAME: &'static str = "cluster";
}
