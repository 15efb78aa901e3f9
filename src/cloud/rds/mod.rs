//! RDS: instances, snapshots and the groups they need.

mod instance;
mod offer;
mod option_group;
mod parameter_group;
mod snapshot;
mod subnet_group;

use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, Tags, refused};
use aws_sdk_rds::types as aws;
use drtool_engine::step::Look;
use serde_json::{Value, json};
use std::sync::Arc;

pub use instance::{DbChange, DbInstance, Restore};
pub use offer::{ClassOffer, EngineVersion};
pub use option_group::{DbOption, DbOptionGroup};
pub use parameter_group::{DbParameter, DbParameterGroup};
pub use snapshot::{DbSnapshot, SnapshotCopy};
pub use subnet_group::DbSubnetGroup;

const SERVICE: &str = "rds";

fn tags_of(list: &[aws::Tag]) -> Tags {
    list.iter()
        .filter_map(|t| {
            Some((
                t.key()?.to_owned(),
                t.value().unwrap_or_default().to_owned(),
            ))
        })
        .collect()
}

fn aws_tags(tags: &Tags) -> Vec<aws::Tag> {
    tags.iter()
        .map(|(k, v)| aws::Tag::builder().key(k).value(v).build())
        .collect()
}

fn json_tags(tags: &Tags) -> Value {
    tags.iter()
        .map(|(k, v)| json!({ "Key": k, "Value": v }))
        .collect()
}

/// Looks.
impl Cloud {
    /// The tags of a resource whose Describe does not carry them.
    pub async fn db_tags(
        &self,
        region: &str,
        arn: &str,
        look: Look,
    ) -> Result<Arc<Tags>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("rds/tags/{arn}"), look, async {
                let answer = self
                    .rds(region)
                    .list_tags_for_resource()
                    .resource_name(arn)
                    .send()
                    .await
                    .map_err(refused(SERVICE, "ListTagsForResource", region, arn));
                match answer {
                    Ok(answer) => Ok(tags_of(answer.tag_list())),
                    // Gone between the two questions: nobody's.
                    Err(e) if e.not_found() => Ok(Tags::new()),
                    Err(e) => Err(e),
                }
            })
            .await
    }
}
