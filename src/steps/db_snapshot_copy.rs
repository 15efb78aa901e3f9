//! A copy of a snapshot in the target region, under the target's key. Called in the target. A second copy of the same source carries only the difference.

use crate::cloud::rds::SnapshotCopy;
use crate::env::Env;
use crate::steps::ownership::{claim, made_here, percent, tags};
use drtool_engine::step::{
    Call, CallKind, Cx, Effect, Left, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "db-snapshot-copy";
pub const SUMMARY: &str = "a copy of a snapshot in another region";
pub const EXAMPLE: &str = "\
id: db-snapshot-copy
use: db-snapshot-copy
with:
  source: arn:aws:rds:us-west-2:111122223333:snapshot:redmine-db-7f3a-final
  sourceRegion: us-west-2
  snapshot: redmine-db-7f3a-final
  kmsKey: arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
";

/// The copy to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbSnapshotCopy {
    /// The snapshot's ARN in the source region.
    pub source: Value<String>,
    pub source_region: String,
    /// The copy's name.
    pub snapshot: String,
    /// The target's key; nothing for a source that is not encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Value<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option_group: Option<Value<String>>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbSnapshotCopied {
    pub identifier: String,
    pub arn: String,
}

impl Yields for DbSnapshotCopied {
    const NAME: &'static str = "db snapshot copy";
}

impl Step for DbSnapshotCopy {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = DbSnapshotCopied;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<DbSnapshotCopied>, StepError> {
        let Some(copy) = cx
            .env
            .cloud
            .db_snapshot(cx.place().as_str(), &self.snapshot, cx.look())
            .await?
        else {
            return Ok(Observed::Absent);
        };
        let claimed = match claim(
            cx,
            &copy.tags,
            &copy.id,
            &format!("snapshot `{}`", self.snapshot),
        ) {
            Ok(claimed) => claimed,
            Err(why) => return Ok(Observed::Foreign(why)),
        };
        // Tags travel with copies; what a copy was made from does not lie.
        let source = cx.value(&self.source)?;
        if copy.source.as_ref().is_some_and(|of| *of != source) {
            return Ok(Observed::Foreign(format!(
                "snapshot `{}` is a copy of {}",
                copy.id,
                copy.source.unwrap_or_default()
            )));
        }
        match copy.status.as_str() {
            "available" => Ok(Observed::Ready(
                DbSnapshotCopied {
                    identifier: copy.id,
                    arn: copy.arn,
                },
                claimed,
            )),
            "failed" => Err(StepError::fail(
                "E4361",
                format!("the copy {} failed: is its key still enabled?", copy.id),
            )
            .left(Left::Something(format!(
                "snapshot {} (failed) in {}",
                copy.id,
                cx.place()
            )))),
            status => Ok(Observed::Underway {
                percent: percent(copy.percent),
                // RDS shows no progress while a copy waits behind another of the same database.
                note: if copy.percent == Some(0) {
                    format!("{status}, queued")
                } else {
                    status.to_owned()
                },
            }),
        }
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let key = self.kms_key.as_ref().map(|key| cx.value(key)).transpose()?;
        let group = self
            .option_group
            .as_ref()
            .map(|group| cx.value(group))
            .transpose()?;
        let copy = SnapshotCopy {
            id: &self.snapshot,
            source_arn: &cx.value(&self.source)?,
            source_region: &self.source_region,
            key: key.as_deref(),
            option_group: group.as_deref(),
            tags: &tags(cx, &self.tags),
        };
        Ok(cx
            .env
            .cloud
            .copy_db_snapshot(cx.place().as_str(), &copy)
            .call(CallKind::Named))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<DbSnapshotCopied, ()>,
    ) -> Result<Undo, StepError> {
        let copy = cx
            .env
            .cloud
            .db_snapshot(cx.place().as_str(), &self.snapshot, cx.look())
            .await?;
        Ok(match copy {
            Some(c) if made_here(cx, &c.tags) && c.status == "deleting" => {
                Undo::Wait("deleting".into())
            }
            Some(c) if made_here(cx, &c.tags) => Undo::Call(
                cx.env
                    .cloud
                    .delete_db_snapshot(cx.place().as_str(), &c.id)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}
