//! DB parameter groups: how an engine is set.

use super::{SERVICE, aws_tags, json_tags};
use crate::cloud::call::{Outgoing, outgoing};
use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, Tags, refused};
use aws_sdk_rds::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DbParameterGroup {
    pub name: String,
    pub arn: String,
    pub family: String,
    pub description: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DbParameter {
    pub name: String,
    pub value: String,
    /// `immediate` or `pending-reboot`.
    pub apply: String,
}

/// Looks.
impl Cloud {
    pub async fn db_parameter_groups(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<DbParameterGroup>>, CloudError> {
        let key = format!("rds/parameter-groups/{region}");
        self.looks()
            .shared(SERVICE, key, look, async {
                let mut pages = self
                    .rds(region)
                    .describe_db_parameter_groups()
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let g = item.map_err(refused(
                        SERVICE,
                        "DescribeDBParameterGroups",
                        region,
                        "all parameter groups",
                    ))?;
                    all.push(DbParameterGroup {
                        name: g.db_parameter_group_name().unwrap_or_default().to_owned(),
                        arn: g.db_parameter_group_arn().unwrap_or_default().to_owned(),
                        family: g.db_parameter_group_family().unwrap_or_default().to_owned(),
                        description: g.description().unwrap_or_default().to_owned(),
                    });
                }
                Ok(all)
            })
            .await
    }

    /// The parameters of a group that somebody has set, in name order.
    pub async fn db_parameters(
        &self,
        region: &str,
        group: &str,
        look: Look,
    ) -> Result<Arc<Vec<DbParameter>>, CloudError> {
        let key = format!("rds/parameters/{region}/{group}");
        self.looks()
            .shared(SERVICE, key, look, async {
                let mut pages = self
                    .rds(region)
                    .describe_db_parameters()
                    .db_parameter_group_name(group)
                    .source("user")
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let p =
                        item.map_err(refused(SERVICE, "DescribeDBParameters", region, group))?;
                    all.push(DbParameter {
                        name: p.parameter_name().unwrap_or_default().to_owned(),
                        value: p.parameter_value().unwrap_or_default().to_owned(),
                        apply: p
                            .apply_method()
                            .map(|m| m.as_str().to_owned())
                            .unwrap_or_default(),
                    });
                }
                all.sort_by(|a, b| a.name.cmp(&b.name));
                Ok(all)
            })
            .await
    }
}

/// Calls. Described here, sent by the engine.
impl Cloud {
    pub fn create_db_parameter_group(
        &self,
        region: &str,
        name: &str,
        family: &str,
        description: &str,
        tags: &Tags,
    ) -> Outgoing {
        let request = json!({
            "DBParameterGroupName": name, "DBParameterGroupFamily": family,
            "Description": description, "Tags": json_tags(tags),
        });
        let call = self
            .rds_writer(region)
            .create_db_parameter_group()
            .db_parameter_group_name(name)
            .db_parameter_group_family(family)
            .description(description)
            .set_tags(Some(aws_tags(tags)));
        outgoing!(
            SERVICE,
            "CreateDBParameterGroup",
            region,
            name,
            request,
            call
        )
    }

    /// Sets up to 20 parameters: AWS's limit for one call.
    pub fn modify_db_parameter_group(
        &self,
        region: &str,
        name: &str,
        parameters: &[DbParameter],
    ) -> Outgoing {
        let request = json!({
            "DBParameterGroupName": name,
            "Parameters": parameters.iter().map(|p| json!({
                "ParameterName": p.name, "ParameterValue": p.value, "ApplyMethod": p.apply,
            })).collect::<Vec<_>>(),
        });
        let list = parameters
            .iter()
            .map(|p| {
                aws::Parameter::builder()
                    .parameter_name(&p.name)
                    .parameter_value(&p.value)
                    .apply_method(aws::ApplyMethod::from(p.apply.as_str()))
                    .build()
            })
            .collect();
        let call = self
            .rds_writer(region)
            .modify_db_parameter_group()
            .db_parameter_group_name(name)
            .set_parameters(Some(list));
        outgoing!(
            SERVICE,
            "ModifyDBParameterGroup",
            region,
            name,
            request,
            call
        )
    }

    pub fn delete_db_parameter_group(&self, region: &str, name: &str) -> Outgoing {
        let call = self
            .rds_writer(region)
            .delete_db_parameter_group()
            .db_parameter_group_name(name);
        let request = json!({ "DBParameterGroupName": name });
        outgoing!(
            SERVICE,
            "DeleteDBParameterGroup",
            region,
            name,
            request,
            call
        )
    }
}
