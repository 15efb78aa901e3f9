//! DB subnet groups: where an instance may stand.

use super::{SERVICE, aws_tags, json_tags};
use crate::cloud::call::{Outgoing, outgoing};
use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, Tags, refused};
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DbSubnetGroup {
    pub name: String,
    pub arn: String,
    pub description: String,
    pub vpc: String,
    pub subnets: Vec<String>,
    pub status: String,
}

/// Looks.
impl Cloud {
    pub async fn db_subnet_groups(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<DbSubnetGroup>>, CloudError> {
        let key = format!("rds/subnet-groups/{region}");
        self.looks()
            .shared(SERVICE, key, look, async {
                let mut pages = self
                    .rds(region)
                    .describe_db_subnet_groups()
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let g = item.map_err(refused(
                        SERVICE,
                        "DescribeDBSubnetGroups",
                        region,
                        "all subnet groups",
                    ))?;
                    all.push(DbSubnetGroup {
                        name: g.db_subnet_group_name().unwrap_or_default().to_owned(),
                        arn: g.db_subnet_group_arn().unwrap_or_default().to_owned(),
                        description: g
                            .db_subnet_group_description()
                            .unwrap_or_default()
                            .to_owned(),
                        vpc: g.vpc_id().unwrap_or_default().to_owned(),
                        subnets: g
                            .subnets()
                            .iter()
                            .filter_map(|s| s.subnet_identifier())
                            .map(str::to_owned)
                            .collect(),
                        status: g.subnet_group_status().unwrap_or_default().to_owned(),
                    });
                }
                Ok(all)
            })
            .await
    }
}

/// Calls. Described here, sent by the engine.
impl Cloud {
    pub fn create_db_subnet_group(
        &self,
        region: &str,
        name: &str,
        description: &str,
        subnets: &[String],
        tags: &Tags,
    ) -> Outgoing {
        let request = json!({
            "DBSubnetGroupName": name, "DBSubnetGroupDescription": description,
            "SubnetIds": subnets, "Tags": json_tags(tags),
        });
        let call = self
            .rds_writer(region)
            .create_db_subnet_group()
            .db_subnet_group_name(name)
            .db_subnet_group_description(description)
            .set_subnet_ids(Some(subnets.to_vec()))
            .set_tags(Some(aws_tags(tags)));
        outgoing!(SERVICE, "CreateDBSubnetGroup", region, name, request, call)
    }

    pub fn delete_db_subnet_group(&self, region: &str, name: &str) -> Outgoing {
        let call = self
            .rds_writer(region)
            .delete_db_subnet_group()
            .db_subnet_group_name(name);
        let request = json!({ "DBSubnetGroupName": name });
        outgoing!(SERVICE, "DeleteDBSubnetGroup", region, name, request, call)
    }
}
