//! A snapshot of the source's database. Its name belongs to this run: a name proves nothing about when.

use crate::env::Env;
use crate::steps::ownership::{claim, made_here, percent, tags};
use drtool_engine::step::{
    Call, CallKind, Cx, Effect, Left, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::Yields;

pub const KIND: &str = "db-snapshot";
pub const SUMMARY: &str = "a snapshot of a database";
pub const EXAMPLE: &str = "\
id: db-snapshot
use: db-snapshot
with:
  instance: redmine-db
  snapshot: redmine-db-7f3a-final
";

/// The snapshot to take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbSnapshot {
    pub instance: String,
    pub snapshot: String,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbSnapshotTaken {
    pub identifier: String,
    pub arn: String,
    /// When the last transaction in it was written, as RDS tells it: up to here data is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<jiff::Timestamp>,
    pub encrypted: bool,
}

impl Yields for DbSnapshotTaken {
    const NAME: &'static str = "db snapshot";
}

impl Step for DbSnapshot {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = DbSnapshotTaken;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Changes
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<DbSnapshotTaken>, StepError> {
        let Some(snapshot) = cx
            .env
            .cloud
            .db_snapshot(cx.place().as_str(), &self.snapshot, cx.look())
            .await?
        else {
            return Ok(Observed::Absent);
        };
        let claimed = match claim(
            cx,
            &snapshot.tags,
            &snapshot.id,
            &format!("snapshot `{}`", self.snapshot),
        ) {
            Ok(claimed) => claimed,
            Err(why) => return Ok(Observed::Foreign(why)),
        };
        if !snapshot.instance.eq_ignore_ascii_case(&self.instance) {
            return Ok(Observed::Foreign(format!(
                "snapshot `{}` is of {}",
                self.snapshot, snapshot.instance
            )));
        }
        match snapshot.status.as_str() {
            "available" => Ok(Observed::Ready(
                DbSnapshotTaken {
                    identifier: snapshot.id,
                    arn: snapshot.arn,
                    moment: snapshot
                        .database_time
                        .or(snapshot.original_created)
                        .and_then(|time| jiff::Timestamp::from_millisecond(time).ok()),
                    encrypted: snapshot.encrypted,
                },
                claimed,
            )),
            "failed" => Err(
                StepError::fail("E4360", format!("snapshot {} failed", snapshot.id)).left(
                    Left::Something(format!(
                        "snapshot {} (failed) in {}",
                        snapshot.id,
                        cx.place()
                    )),
                ),
            ),
            status => Ok(Observed::Underway {
                percent: percent(snapshot.percent),
                note: status.to_owned(),
            }),
        }
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let tags = tags(cx, &self.tags);
        Ok(cx
            .env
            .cloud
            .create_db_snapshot(cx.place().as_str(), &self.snapshot, &self.instance, &tags)
            .call(CallKind::Named))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<DbSnapshotTaken, ()>,
    ) -> Result<Undo, StepError> {
        let snapshot = cx
            .env
            .cloud
            .db_snapshot(cx.place().as_str(), &self.snapshot, cx.look())
            .await?;
        Ok(match snapshot {
            Some(s) if made_here(cx, &s.tags) && s.status == "deleting" => {
                Undo::Wait("deleting".into())
            }
            Some(s) if made_here(cx, &s.tags) => Undo::Call(
                cx.env
                    .cloud
                    .delete_db_snapshot(cx.place().as_str(), &s.id)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}
