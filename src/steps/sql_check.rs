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
  engine: postgres
  question: { select: { query: select 1, expect: \"1\" } }
  passes: 1
  everySeconds: 2
";

/// What to ask, and what is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SqlCheck {
    pub probe: Value<String>,
    pub log_group: String,
    pub log_stream: Value<String>,
    pub engine: String,
    pub question: Question,
    /// Passes in a row.
    pub passes: u8,
    pub every_seconds: u64,
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

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Question {
    /// One SELECT; the first value of its first row, as text. Without `expect` any answer will do.
    #[serde(rename_all = "camelCase")]
    Select {
        query: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expect: Option<String>,
    },
    /// Whether everything up to the source's watermark is there, and that it takes writes.
    #[serde(rename_all = "camelCase")]
    NothingLost {
        position: Value<String>,
        content: Value<String>,
    },
}
