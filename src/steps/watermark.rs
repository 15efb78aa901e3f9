//! The last write of the source, noted after the fence through the path that it leaves open. The restored database is compared with it.

use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "watermark";
pub const SUMMARY: &str = "the last write of the source, noted after the fence";
pub const EXAMPLE: &str = "\
id: watermark
use: watermark
with:
  probe: arn:aws:ecs:us-west-2:111122223333:task/redmine/0f1e2d3c4b5a
  logGroup: /ecs/redmine
  logStream: drtool-7f3a/probe/0f1e2d3c4b5a
";

/// Whom to ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Watermark {
    pub probe: Value<String>,
    pub log_group: String,
    pub log_stream: Value<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WatermarkNoted {
    /// The position in the database's own log: an LSN or a GTID set.
    pub position: String,
    /// Rows per table, as a digest that the restored database must yield as well.
    pub content: String,
    /// By the database's clock.
    pub at: jiff::Timestamp,
}

impl Yields for WatermarkNoted {
    const NAME: &'static str = "watermark";
}
