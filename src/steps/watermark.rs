//! The last write of the source, noted after the fence through the path that it leaves open. The restored database is compared with it.

use crate::env::Env;
use crate::steps::probe_task::answers::ask;
use crate::steps::probe_task::{CONTENT, POSITION};
use drtool_engine::step::{Call, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo};
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
  after: 2026-11-21T03:04:05Z
";

/// Whom to ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Watermark {
    pub probe: Value<String>,
    pub log_group: String,
    pub log_stream: Value<String>,
    /// When the fence was proven. An older answer may lack writes that were still accepted.
    pub after: Value<jiff::Timestamp>,
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

impl Step for Watermark {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = WatermarkNoted;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<WatermarkNoted>, StepError> {
        let stream = cx.value(&self.log_stream)?;
        let position = ask(cx, &self.log_group, &stream, POSITION).await?;
        let content = ask(cx, &self.log_group, &stream, CONTENT).await?;
        let (position, content) = match (position, content) {
            (Ok(position), Ok(content)) => (position, content),
            (Err(why), _) | (_, Err(why)) => {
                return Ok(Observed::Unseen(why));
            }
        };
        if let Some(failed) = [&position, &content].into_iter().find(|a| a.failed) {
            return Ok(Observed::underway(failed.text.clone()));
        }
        let (at, after) = (position.time()?, cx.value(&self.after)?);
        if at <= after || content.time()? <= after {
            return Ok(Observed::underway(
                "the probe's newest answers are older than the fence's proof",
            ));
        }
        Ok(Observed::Ready(
            WatermarkNoted {
                position: position.text,
                content: content.text,
                at,
            },
            Claim::AsWanted,
        ))
    }

    async fn begin(&self, _: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        Err(StepError::wait("E4400", "a check is only looked at"))
    }

    async fn undo(&self, _: &Cx<'_, Env>, _: &Made<WatermarkNoted, ()>) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
