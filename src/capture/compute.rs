//! What runs: clusters, services, task definitions, their images, roles, logs and scaling.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Tags;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Cluster {
    pub name: String,
    pub arn: String,
    /// `enabled`, `enhanced` or `disabled`.
    pub container_insights: String,
    pub capacity_providers: Vec<String>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Service {
    pub name: String,
    pub cluster: String,
    pub arn: String,
    pub task_definition: String,
    pub desired_count: u32,
    /// `FARGATE` or `EC2`; empty where capacity providers decide.
    pub launch_type: String,
    pub platform_version: String,
    pub capacity_providers: Vec<CapacityProvider>,
    /// `ECS`, `CODE_DEPLOY` or `EXTERNAL`.
    pub deployment_controller: String,
    pub minimum_healthy_percent: u32,
    pub maximum_percent: u32,
    /// The deployment circuit breaker: on, and whether it rolls back.
    pub circuit_breaker: Option<bool>,
    pub health_check_grace_period_seconds: Option<u32>,
    pub enable_execute_command: bool,
    pub enable_ecs_managed_tags: bool,
    pub propagate_tags: String,
    pub assign_public_ip: bool,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub load_balancers: Vec<ServiceTargetGroup>,
    /// Cloud Map registries, which drtool does not move.
    pub service_registries: Vec<String>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CapacityProvider {
    pub name: String,
    pub weight: u32,
    pub base: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceTargetGroup {
    pub target_group_arn: String,
    pub container_name: String,
    pub container_port: u16,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TaskDefinition {
    pub arn: String,
    pub family: String,
    pub cpu: String,
    pub memory: String,
    pub network_mode: String,
    pub requires_compatibilities: Vec<String>,
    pub execution_role_arn: Option<String>,
    pub task_role_arn: Option<String>,
    /// As `DescribeTaskDefinition` answers, member names and all.
    pub container_definitions: Vec<Value>,
    pub volumes: Vec<Value>,
    pub runtime_platform: Option<Value>,
    pub ephemeral_storage_gib: Option<u32>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScalableTarget {
    /// `service/cluster/name`.
    pub resource_id: String,
    /// `ecs:service:DesiredCount`.
    pub dimension: String,
    pub min: u32,
    pub max: u32,
    /// What is suspended today, to be put back exactly.
    pub suspended: Suspended,
    pub role_arn: String,
}

/// Which kinds of scaling are suspended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Suspended {
    pub dynamic_in: bool,
    pub dynamic_out: bool,
    pub scheduled: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScalingPolicy {
    pub name: String,
    pub resource_id: String,
    pub dimension: String,
    /// `TargetTrackingScaling` or `StepScaling`.
    pub kind: String,
    /// The policy's configuration in AWS's member names.
    pub configuration: Value,
}

/// A role that the stack runs under. Roles are global: the move uses them as they are and grants them the target's ARNs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Role {
    pub name: String,
    pub arn: String,
    pub used_as: RoleUse,
    /// What its policies allow on resources that name the source region: the target's need the same.
    pub statements: Vec<RoleStatement>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RoleStatement {
    pub actions: Vec<String>,
    /// Only those that name the source region.
    pub resources: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RoleUse {
    TaskExecution,
    Task,
    Monitoring,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Repository {
    pub name: String,
    pub arn: String,
    pub uri: String,
    pub tag_mutability: String,
    pub scan_on_push: bool,
    /// The key's ARN where the repository is encrypted under one.
    pub kms_key: Option<String>,
    /// The policies as JSON text.
    pub repository_policy: Option<String>,
    pub lifecycle_policy: Option<String>,
    /// The images that matter: what task definitions run, and the tags on them.
    pub images: Vec<Image>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Image {
    pub digest: String,
    pub tags: Vec<String>,
    pub media_type: String,
    /// Bytes, as ECR tells it.
    pub size: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LogGroup {
    pub name: String,
    pub retention_days: Option<u32>,
    pub kms_key: Option<String>,
    pub tags: Tags,
}
