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
    /// Unix seconds: when the first snapshot of the chain was made.
    pub original_created: Option<i64>,
    /// Unix seconds: the last transaction in it.
    pub database_time: Option<i64>,
    pub tags: Tags,
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
            original_created: s.original_snapshot_create_time().map(|t| t.secs()),
            database_time: s.snapshot_database_time().map(|t| t.secs()),
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
        let key = format!("rds/snapshots/{region}");
        self.looks()
            .shared(key, look, async {
                let mut pages = self
                    .rds(region)
                    .describe_db_snapshots()
                    .snapshot_type("manual")
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
            .db_snapshots(region, look)
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
