//! Proof of the fence: a write over the application's own path (its subnets, its security groups) is tried, and must be refused; so must a request to its balancer.

use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "write-refused";
pub const SUMMARY: &str = "a write to the source is tried and refused";
pub const EXAMPLE: &str = "\
id: write-refused
use: write-refused
with:
  probe: arn:aws:ecs:us-west-2:111122223333:task/redmine/0f1e2d3c4b5a
  logGroup: /ecs/redmine
  logStream: drtool-7f3a/probe/0f1e2d3c4b5a
  instance: redmine-db
  balancers: [redmine-123.us-west-2.elb.amazonaws.com]
  hosts: [redmine.sidpotti.infracourse.cloud]
";

/// The path over which to try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WriteRefused {
    /// A probe with the application's security groups.
    pub probe: Value<String>,
    pub log_group: String,
    pub log_stream: Value<String>,
    pub instance: String,
    /// DNS names of the source's balancers, which must answer 503 or nothing.
    pub balancers: Vec<String>,
    /// The host names to ask them for.
    pub hosts: Vec<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Refused {
    /// How the write was refused.
    pub how: String,
}

impl Yields for Refused {
    const NAME: &'static str = "write refused";
}
