//! A revision of a task definition, rewritten for the target. Every call makes another revision: one that fits is found by its tags and content.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use crate::composed::Late;
use drtool_engine::step::Yields;

pub const KIND: &str = "task-definition";
pub const SUMMARY: &str = "a revision of a task definition, rewritten for the target";
pub const EXAMPLE: &str = "\
id: task-definition
use: task-definition
with:
  family: redmine
  cpu: \"512\"
  memory: \"1024\"
  networkMode: awsvpc
  requiresCompatibilities: [FARGATE]
  executionRoleArn: arn:aws:iam::111122223333:role/redmine-execution
  containerDefinitions: [{ name: redmine, image: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/redmine, environment: [{ name: DB_HOST, value: later }] }]
  late: [{ pointer: /0/environment/0/value, text: [redmine-db.c9akciq32.eu-west-1.rds.amazonaws.com] }]
";

/// The revision to register.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TaskDefinition {
    pub family: String,
    pub cpu: String,
    pub memory: String,
    pub network_mode: String,
    pub requires_compatibilities: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_role_arn: Option<String>,
    /// In AWS's member names; what is known only later stands in `late`.
    pub container_definitions: Vec<serde_json::Value>,
    #[serde(default)]
    pub volumes: Vec<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_platform: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ephemeral_storage_gib: Option<u32>,
    /// Members of the container definitions that other steps yield.
    #[serde(default)]
    pub late: Vec<Late>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TaskDefinitionMade {
    /// With its revision.
    pub arn: String,
}

impl Yields for TaskDefinitionMade {
    const NAME: &'static str = "task definition";
}
