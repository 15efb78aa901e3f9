//! DB snapshots and their copies in other regions.

use super::{SERVICE, aws_tags, json_tags, tags_of};
use crate::cloud::call::{Outgoing, outgoing};
use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, Tags, refused};
use aws_sdk_rds::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DbSnapshot {
    pub id: String,
    pub arn: String,
    pub instance: String,
    pub status: String,
    pub percent: Option<i32>,
    pub encrypted: bool,
    pub kms_key: Option<String>,
    pub storage_gib: i32,
    pub engine: String,
    pub kind: String,
    pub source: Option<String>,
    /// Unix seconds: when this snapshot (or copy) was made.
    pub created: Option<i64>,
    /// Unix milliseconds: when the first snapshot of the chain was made.
    pub original_created: Option<i64>,
    /// Unix milliseconds: the last transaction in it.
    pub database_time: Option<i64>,
    pub tags: Tags,
}

fn millis(time: Option<&aws_smithy_types::DateTime>) -> Option<i64> {
    time.and_then(|time| time.to_millis().ok())
}

/// Which snapshots: those that somebody asked for, or those of RDS's own backups, whose names begin with `rds:`.
fn kind_of(id: &str) -> &'static str {
    if id.starts_with("rds:") {
        "automated"
    } else {
        "manual"
    }
}

impl From<&aws::DbSnapshot> for DbSnapshot {
    fn from(s: &aws::DbSnapshot) -> DbSnapshot {
        let text = |s: Option<&str>| s.unwrap_or_default().to_owned();
        DbSnapshot {
            id: text(s.db_snapshot_identifier()),
            arn: text(s.db_snapshot_arn()),
            instance: text(s.db_instance_identifier()),
            status: text(s.status()),
            percent: s.percent_progress(),
            encrypted: s.encrypted().unwrap_or_default(),
            kms_key: s.kms_key_id().map(str::to_owned),
            storage_gib: s.allocated_storage().unwrap_or_default(),
            engine: text(s.engine()),
            kind: text(s.snapshot_type()),
            source: s.source_db_snapshot_identifier().map(str::to_owned),
            created: s.snapshot_create_time().map(|t| t.secs()),
            original_created: millis(s.original_snapshot_create_time()),
            database_time: millis(s.snapshot_database_time()),
            tags: tags_of(s.tag_list()),
        }
    }
}

/// A copy of a snapshot in another region.
#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotCopy<'a> {
    pub id: &'a str,
    pub source_arn: &'a str,
    pub source_region: &'a str,
    pub key: Option<&'a str>,
    pub option_group: Option<&'a str>,
    pub tags: &'a Tags,
}

/// Looks.
impl Cloud {
    /// Every manual snapshot of the region that this account owns.
    pub async fn db_snapshots(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<DbSnapshot>>, CloudError> {
        self.snapshots_of_kind(region, "manual", look).await
    }

    /// What a database can be recovered from: its snapshots that are whole, the newest data last.
    pub async fn db_recovery_points(
        &self,
        region: &str,
        instance: &str,
        look: Look,
    ) -> Result<Vec<DbSnapshot>, CloudError> {
        let mut all = vec![];
        for kind in ["manual", "automated"] {
            let snapshots = self.snapshots_of_kind(region, kind, look).await?;
            all.extend(snapshots.iter().cloned());
        }
        all.retain(|s| s.instance.eq_ignore_ascii_case(instance) && s.status == "available");
        all.sort_by_key(|s| (s.database_time.or(s.original_created), s.id.clone()));
        Ok(all)
    }

    async fn snapshots_of_kind(
        &self,
        region: &str,
        kind: &'static str,
        look: Look,
    ) -> Result<Arc<Vec<DbSnapshot>>, CloudError> {
        let key = format!("rds/snapshots/{kind}/{region}");
        self.looks()
            .shared(SERVICE, key, look, async {
                let mut pages = self
                    .rds(region)
                    .describe_db_snapshots()
                    .snapshot_type(kind)
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let item = item.map_err(refused(
                        SERVICE,
                        "DescribeDBSnapshots",
                        region,
                        "all snapshots",
                    ))?;
                    all.push(DbSnapshot::from(&item));
                }
                Ok(all)
            })
            .await
    }

    pub async fn db_snapshot(
        &self,
        region: &str,
        id: &str,
        look: Look,
    ) -> Result<Option<DbSnapshot>, CloudError> {
        Ok(self
            .snapshots_of_kind(region, kind_of(id), look)
            .await?
            .iter()
            .find(|s| s.id.eq_ignore_ascii_case(id))
            .cloned())
    }
}

/// Calls. Described here, sent by the engine.
impl Cloud {
    pub fn create_db_snapshot(
        &self,
        region: &str,
        id: &str,
        instance: &str,
        tags: &Tags,
    ) -> Outgoing {
        let request = json!({ "DBSnapshotIdentifier": id, "DBInstanceIdentifier": instance, "Tags": json_tags(tags) });
        let call = self
            .rds_writer(region)
            .create_db_snapshot()
            .db_snapshot_identifier(id)
            .db_instance_identifier(instance)
            .set_tags(Some(aws_tags(tags)));
        outgoing!(SERVICE, "CreateDBSnapshot", region, id, request, call)
    }

    /// Called in the destination region.
    pub fn copy_db_snapshot(&self, region: &str, copy: &SnapshotCopy<'_>) -> Outgoing {
        let mut request = json!({
            "SourceDBSnapshotIdentifier": copy.source_arn,
            "TargetDBSnapshotIdentifier": copy.id,
            "SourceRegion": copy.source_region,
            "CopyTags": false,
            "Tags": json_tags(copy.tags),
        });
        if let Some(key) = copy.key {
            request["KmsKeyId"] = key.into();
        }
        if let Some(group) = copy.option_group {
            request["OptionGroupName"] = group.into();
        }
        let call = self
            .rds_writer(region)
            .copy_db_snapshot()
            .source_db_snapshot_identifier(copy.source_arn)
            .target_db_snapshot_identifier(copy.id)
            .copy_tags(false)
            .set_kms_key_id(copy.key.map(str::to_owned))
            .set_option_group_name(copy.option_group.map(str::to_owned))
            .set_tags(Some(aws_tags(copy.tags)));
        outgoing!(SERVICE, "CopyDBSnapshot", region, copy.id, request, call)
    }

    pub fn delete_db_snapshot(&self, region: &str, id: &str) -> Outgoing {
        let call = self
            .rds_writer(region)
            .delete_db_snapshot()
            .db_snapshot_identifier(id);
        let request = json!({ "DBSnapshotIdentifier": id });
        outgoing!(SERVICE, "DeleteDBSnapshot", region, id, request, call)
    }
}
