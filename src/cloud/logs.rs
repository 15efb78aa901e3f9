//! CloudWatch Logs: log groups, and the answers of probe tasks.

use super::call::{Outgoing, outgoing};
use super::error::CloudError;
use super::{Cloud, Tags, refused, tags_of};
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

const SERVICE: &str = "logs";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogGroup {
    pub name: String,
    pub arn: String,
    pub retention_days: Option<i32>,
    pub key: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Milliseconds since 1970.
    pub at: i64,
    pub message: String,
}

/// Looks.
impl Cloud {
    /// The log groups whose names begin with `prefix`.
    pub async fn log_groups(
        &self,
        region: &str,
        prefix: &str,
        look: Look,
    ) -> Result<Arc<Vec<LogGroup>>, CloudError> {
        self.looks()
            .shared(
                SERVICE,
                format!("logs/groups/{region}/{prefix}"),
                look,
                async {
                    let mut pages = self
                        .logs(region)
                        .describe_log_groups()
                        .log_group_name_prefix(prefix)
                        .into_paginator()
                        .items()
                        .send();
                    let mut all = Vec::new();
                    while let Some(item) = pages.next().await {
                        let g =
                            item.map_err(refused(SERVICE, "DescribeLogGroups", region, prefix))?;
                        all.push(LogGroup {
                            name: g.log_group_name().unwrap_or_default().to_owned(),
                            arn: g
                                .arn()
                                .unwrap_or_default()
                                .trim_end_matches(":*")
                                .to_owned(),
                            retention_days: g.retention_in_days(),
                            key: g.kms_key_id().map(str::to_owned),
                        });
                    }
                    Ok(all)
                },
            )
            .await
    }

    pub async fn log_group_tags(
        &self,
        region: &str,
        arn: &str,
        look: Look,
    ) -> Result<Arc<Tags>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("logs/tags/{arn}"), look, async {
                let answer = self
                    .logs(region)
                    .list_tags_for_resource()
                    .resource_arn(arn)
                    .send()
                    .await
                    .map_err(refused(SERVICE, "ListTagsForResource", region, arn));
                let answer = match answer {
                    Ok(answer) => answer,
                    // Gone between the two questions: nobody's.
                    Err(e) if e.not_found() => return Ok(Tags::new()),
                    Err(e) => return Err(e),
                };
                Ok(tags_of(answer.tags()))
            })
            .await
    }

    /// The newest lines of a stream, so many at most, oldest first. A stream or group that is not there yet has none.
    pub async fn log_tail(
        &self,
        region: &str,
        group: &str,
        stream: &str,
        lines: i32,
        look: Look,
    ) -> Result<Arc<Vec<LogLine>>, CloudError> {
        self.looks()
            .shared(
                SERVICE,
                format!("logs/tail/{region}/{group}/{stream}/{lines}"),
                look,
                async {
                    let answer = self
                        .logs(region)
                        .get_log_events()
                        .log_group_name(group)
                        .log_stream_name(stream)
                        .start_from_head(false)
                        .limit(lines)
                        .send()
                        .await
                        .map_err(refused(SERVICE, "GetLogEvents", region, stream));
                    match answer {
                        Ok(answer) => Ok(answer
                            .events()
                            .iter()
                            .map(|e| LogLine {
                                at: e.timestamp().unwrap_or_default(),
                                message: e.message().unwrap_or_default().to_owned(),
                            })
                            .collect()),
                        Err(e) if e.not_found() => Ok(Vec::new()),
                        Err(e) => Err(e),
                    }
                },
            )
            .await
    }
}

/// Calls.
impl Cloud {
    pub fn create_log_group(
        &self,
        region: &str,
        name: &str,
        key: Option<&str>,
        tags: &Tags,
    ) -> Outgoing {
        let mut request = json!({ "logGroupName": name, "tags": tags });
        let mut call = self
            .logs_writer(region)
            .create_log_group()
            .log_group_name(name)
            .set_tags(Some(
                tags.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            ));
        if let Some(key) = key {
            request["kmsKeyId"] = key.into();
            call = call.kms_key_id(key);
        }
        outgoing!(SERVICE, "CreateLogGroup", region, name, request, call)
    }

    pub fn put_retention(&self, region: &str, name: &str, days: i32) -> Outgoing {
        let request = json!({ "logGroupName": name, "retentionInDays": days });
        let call = self
            .logs_writer(region)
            .put_retention_policy()
            .log_group_name(name)
            .retention_in_days(days);
        outgoing!(SERVICE, "PutRetentionPolicy", region, name, request, call)
    }

    pub fn delete_log_group(&self, region: &str, name: &str) -> Outgoing {
        let call = self
            .logs_writer(region)
            .delete_log_group()
            .log_group_name(name);
        outgoing!(
            SERVICE,
            "DeleteLogGroup",
            region,
            name,
            json!({ "logGroupName": name }),
            call
        )
    }
}
