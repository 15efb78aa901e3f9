//! The stack, watched for a while after the cut: the same requests as before, and the source still fenced.

use serde::{Deserialize, Serialize};

use drtool_engine::step::Yields;

pub const KIND: &str = "watch";
pub const SUMMARY: &str = "the stack, watched for a while after the cut";
pub const EXAMPLE: &str = "\
id: watch
use: watch
with:
  requests: [{ host: redmine.sidpotti.infracourse.cloud, port: 443, tls: true, path: /login, expect: 200 }]
";

/// What to watch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Watch {
    pub requests: Vec<Request>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Watched {
    /// How many requests were answered as wanted.
    pub answered: u32,
}

impl Yields for Watched {
    const NAME: &'static str = "watch";
}

/// One request to a name, wherever it leads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Request {
    pub host: String,
    pub port: u16,
    pub tls: bool,
    pub path: String,
    pub expect: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}
