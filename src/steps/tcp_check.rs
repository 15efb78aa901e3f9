//! A connection to the target's balancer.

use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "tcp-check";
pub const SUMMARY: &str = "a connection to the target's balancer";
pub const EXAMPLE: &str = "\
id: tcp-check
use: tcp-check
with:
  balancer: redmine-456.eu-west-1.elb.amazonaws.com
  port: 3456
";

/// The connection to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TcpCheck {
    /// DNS name.
    pub balancer: Value<String>,
    pub port: u16,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TcpAnswered {
    pub milliseconds: u64,
}

impl Yields for TcpAnswered {
    const NAME: &'static str = "tcp check";
}
