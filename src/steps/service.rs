//! An ECS service. Steady means: as many tasks running as desired, of this revision, and its deployment completed.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use crate::capture::compute::CapacityProvider;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "service";
pub const SUMMARY: &str = "an ECS service, steady";
pub const EXAMPLE: &str = "\
id: service
use: service
with:
  name: web
  cluster: redmine
  taskDefinition: arn:aws:ecs:eu-west-1:111122223333:task-definition/redmine:1
  desiredCount: 2
  launchType: FARGATE
  platformVersion: LATEST
  minimumHealthyPercent: 100
  maximumPercent: 200
  circuitBreaker: true
  healthCheckGracePeriodSeconds: 120
  enableExecuteCommand: false
  enableEcsManagedTags: false
  propagateTags: NONE
  assignPublicIp: false
  subnets: [subnet-0a1b2c3d]
  securityGroups: [sg-0a1b2c3d]
  loadBalancers: [{ targetGroup: arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/redmine-web/6d0ecf831eec9f09, containerName: redmine, containerPort: 80 }]
";

/// The service to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Service {
    pub name: String,
    pub cluster: Value<String>,
    pub task_definition: Value<String>,
    pub desired_count: u32,
    /// `FARGATE` or `EC2`; empty where capacity providers decide.
    pub launch_type: String,
    pub platform_version: String,
    #[serde(default)]
    pub capacity_providers: Vec<CapacityProvider>,
    pub minimum_healthy_percent: u32,
    pub maximum_percent: u32,
    /// The deployment circuit breaker: on, and whether it rolls back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_grace_period_seconds: Option<u32>,
    pub enable_execute_command: bool,
    pub enable_ecs_managed_tags: bool,
    pub propagate_tags: String,
    pub assign_public_ip: bool,
    pub subnets: Vec<Value<String>>,
    pub security_groups: Vec<Value<String>>,
    #[serde(default)]
    pub load_balancers: Vec<ServiceBalancer>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceMade {
    pub arn: String,
    pub name: String,
}

impl Yields for ServiceMade {
    const NAME: &'static str = "service";
}

/// A target group that the service's tasks join.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceBalancer {
    pub target_group: Value<String>,
    pub container_name: String,
    pub container_port: u16,
}
