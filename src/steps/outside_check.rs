//! The stack, reached from outside by its name: the zone's own servers and other resolvers answer with the target, and a request gets there. The first success ends the downtime.

use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "outside-check";
pub const SUMMARY: &str = "the stack, reached from outside by its name";
pub const EXAMPLE: &str = "\
id: outside-check
use: outside-check
with:
  host: redmine.sidpotti.infracourse.cloud
  type: A
  balancer: redmine-456.eu-west-1.elb.amazonaws.com
  port: 443
  tls: true
  path: /login
  expect: 200
  body: Redmine
";

/// The name, and what is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OutsideCheck {
    pub host: String,
    /// `A` or `CNAME`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it must lead to.
    pub balancer: Value<String>,
    pub port: u16,
    pub tls: bool,
    pub path: String,
    pub expect: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReachedFromOutside {
    pub status: u16,
    /// Resolvers that answered with the target.
    pub resolvers: Vec<String>,
}

impl Yields for ReachedFromOutside {
    const NAME: &'static str = "outside check";
}
