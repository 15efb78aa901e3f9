//! A task that asks the database from inside its network and answers through its log. Started before the fence, gone at the end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::composed::Composed;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "probe-task";
pub const SUMMARY: &str = "a task that asks a database from inside its network";
pub const EXAMPLE: &str = "\
id: probe-task
use: probe-task
with:
  name: drtool-7f3a-main-source
  cluster: redmine
  image: public.ecr.aws/docker/library/postgres:15-alpine
  executionRoleArn: arn:aws:iam::111122223333:role/redmine-execution
  subnets: [subnet-0a1b2c3d]
  securityGroups: [sg-0a1b2c3d]
  assignPublicIp: false
  logGroup: /ecs/redmine
  engine: postgres
  host: [redmine-db.c9akciq32.us-west-2.rds.amazonaws.com]
  port: 5432
  database: redmine_production
  username: redmine
  password: [\"arn:aws:secretsmanager:us-west-2:111122223333:secret:redmine/db-a1b2c3:password::\"]
  questions: { alive: select 1 }
";

/// The probe to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ProbeTask {
    /// Its task family, and its name in plans.
    pub name: String,
    pub cluster: Value<String>,
    pub image: String,
    /// The role that may read the password for it.
    pub execution_role_arn: String,
    pub subnets: Vec<Value<String>>,
    pub security_groups: Vec<Value<String>>,
    pub assign_public_ip: bool,
    pub log_group: String,
    /// `postgres` or `mysql`.
    pub engine: String,
    pub host: Composed,
    pub port: u16,
    pub database: String,
    pub username: String,
    /// `valueFrom` of the password: ECS gives it to the task, drtool never sees it.
    pub password: Composed,
    /// What it asks again and again, by name: one SELECT each (or, for `write`, a write that leaves nothing). It logs each
    /// answer under the question's name.
    pub questions: BTreeMap<String, String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ProbeRunning {
    pub task_arn: String,
    pub task_definition_arn: String,
    pub log_group: String,
    pub log_stream: String,
}

impl Yields for ProbeRunning {
    const NAME: &'static str = "probe task";
}
