//! A question to the restored database, from inside its network.

use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "sql-check";
pub const SUMMARY: &str = "a question to a database, with the answer that is wanted";
pub const EXAMPLE: &str = "\
id: sql-check
use: sql-check
with:
  probe: arn:aws:ecs:eu-west-1:111122223333:task/redmine/0f1e2d3c4b5a
  logGroup: /ecs/redmine
  logStream: drtool-7f3a/probe/0f1e2d3c4b5a
  question: alive
  expect: \"1\"
";

/// Which question of the probe's, and what is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SqlCheck {
    /// The probe's task.
    pub probe: Value<String>,
    pub log_group: String,
    pub log_stream: Value<String>,
    /// By its name in the probe's list.
    pub question: String,
    /// The answer, as text; any will do where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Value<String>>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SqlAnswered {
    /// What the database answered.
    pub answer: String,
}

impl Yields for SqlAnswered {
    const NAME: &'static str = "sql check";
}
