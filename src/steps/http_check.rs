//! A request through the target's balancer, with the real host name, whose certificate must cover it. DNS is not asked: the request goes to the balancer's own address.

use serde::{Deserialize, Serialize};

use crate::composed::Composed;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "http-check";
pub const SUMMARY: &str =
    "a request through the target's balancer, with the real name and certificate";
pub const EXAMPLE: &str = "\
id: http-check
use: http-check
with:
  balancer: redmine-456.eu-west-1.elb.amazonaws.com
  port: 443
  tls: true
  host: redmine.sidpotti.infracourse.cloud
  path: /login
  expect: 200
  body: Redmine
";

/// The request, and what is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HttpCheck {
    /// DNS name.
    pub balancer: Value<String>,
    pub port: u16,
    pub tls: bool,
    /// The name to ask for, in TLS and in the request.
    pub host: Composed,
    pub path: String,
    pub expect: u16,
    /// Text that the answer must contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HttpAnswered {
    pub status: u16,
    pub milliseconds: u64,
}

impl Yields for HttpAnswered {
    const NAME: &'static str = "http check";
}
