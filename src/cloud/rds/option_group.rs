//! DB option groups: what an engine is given beside its parameters.

use super::{SERVICE, aws_tags, json_tags};
use crate::cloud::call::{Outgoing, outgoing};
use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, Tags, refused};
use aws_sdk_rds::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DbOptionGroup {
    pub name: String,
    pub arn: String,
    pub engine: String,
    pub major_version: String,
    pub description: String,
    pub options: Vec<DbOption>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DbOption {
    pub name: String,
    pub version: Option<String>,
    pub port: Option<i32>,
    /// All settings, those that nobody has set included.
    pub settings: BTreeMap<String, String>,
    /// The settings that are not as AWS delivers them.
    pub changed: BTreeMap<String, String>,
    pub security_groups: Vec<String>,
}

impl From<&aws::Option> for DbOption {
    fn from(o: &aws::Option) -> DbOption {
        let mut out = DbOption {
            name: o.option_name().unwrap_or_default().to_owned(),
            version: o.option_version().map(str::to_owned),
            port: o.port(),
            security_groups: o
                .vpc_security_group_memberships()
                .iter()
                .filter_map(|g| g.vpc_security_group_id())
                .map(str::to_owned)
                .collect(),
            ..DbOption::default()
        };
        for setting in o.option_settings() {
            let (Some(name), Some(value)) = (setting.name(), setting.value()) else {
                continue;
            };
            out.settings.insert(name.to_owned(), value.to_owned());
            // A password is answered as asterisks, which nobody wants for a password.
            let masked = !value.is_empty() && value.bytes().all(|b| b == b'*');
            if setting.is_modifiable() != Some(false)
                && setting.default_value() != Some(value)
                && !masked
            {
                out.changed.insert(name.to_owned(), value.to_owned());
            }
        }
        out
    }
}

/// Looks.
impl Cloud {
    /// Every option group of the region.
    pub async fn db_option_groups(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<DbOptionGroup>>, CloudError> {
        let key = format!("rds/option-groups/{region}");
        self.looks()
            .shared(SERVICE, key, look, async {
                let mut pages = self
                    .rds(region)
                    .describe_option_groups()
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let g = item.map_err(refused(
                        SERVICE,
                        "DescribeOptionGroups",
                        region,
                        "all option groups",
                    ))?;
                    all.push(DbOptionGroup {
                        name: g.option_group_name().unwrap_or_default().to_owned(),
                        arn: g.option_group_arn().unwrap_or_default().to_owned(),
                        engine: g.engine_name().unwrap_or_default().to_owned(),
                        major_version: g.major_engine_version().unwrap_or_default().to_owned(),
                        description: g.option_group_description().unwrap_or_default().to_owned(),
                        options: g.options().iter().map(DbOption::from).collect(),
                    });
                }
                Ok(all)
            })
            .await
    }
}

/// Calls. Described here, sent by the engine.
impl Cloud {
    pub fn create_db_option_group(
        &self,
        region: &str,
        new: &DbOptionGroup,
        tags: &Tags,
    ) -> Outgoing {
        let request = json!({
            "OptionGroupName": new.name, "EngineName": new.engine, "MajorEngineVersion": new.major_version,
            "OptionGroupDescription": new.description, "Tags": json_tags(tags),
        });
        let call = self
            .rds_writer(region)
            .create_option_group()
            .option_group_name(&new.name)
            .engine_name(&new.engine)
            .major_engine_version(&new.major_version)
            .option_group_description(&new.description)
            .set_tags(Some(aws_tags(tags)));
        outgoing!(
            SERVICE,
            "CreateOptionGroup",
            region,
            &new.name,
            request,
            call
        )
    }

    /// Adds options, or changes those that are there. Of their settings, the `changed` ones are sent.
    pub fn include_db_options(&self, region: &str, group: &str, options: &[DbOption]) -> Outgoing {
        let mut rows = Vec::new();
        let mut list = Vec::new();
        for o in options {
            let settings: Vec<Value> = o
                .changed
                .iter()
                .map(|(name, value)| json!({ "Name": name, "Value": value }))
                .collect();
            let mut row = json!({ "OptionName": o.name });
            for (member, value) in [
                ("OptionVersion", o.version.clone().map(Value::from)),
                ("Port", o.port.map(Value::from)),
                (
                    "VpcSecurityGroupMemberships",
                    (!o.security_groups.is_empty()).then(|| json!(o.security_groups)),
                ),
                (
                    "OptionSettings",
                    (!settings.is_empty()).then(|| json!(settings)),
                ),
            ] {
                if let Some(value) = value {
                    row[member] = value;
                }
            }
            rows.push(row);
            let settings: Vec<aws::OptionSetting> = o
                .changed
                .iter()
                .map(|(name, value)| {
                    aws::OptionSetting::builder()
                        .name(name)
                        .value(value)
                        .build()
                })
                .collect();
            list.push(
                aws::OptionConfiguration::builder()
                    .option_name(&o.name)
                    .set_option_version(o.version.clone())
                    .set_port(o.port)
                    .set_vpc_security_group_memberships(
                        (!o.security_groups.is_empty()).then(|| o.security_groups.clone()),
                    )
                    .set_option_settings((!settings.is_empty()).then_some(settings))
                    .build(),
            );
        }
        let request = json!({
            "OptionGroupName": group, "OptionsToInclude": rows, "ApplyImmediately": true,
        });
        let call = self
            .rds_writer(region)
            .modify_option_group()
            .option_group_name(group)
            .set_options_to_include(Some(list))
            .apply_immediately(true);
        outgoing!(SERVICE, "ModifyOptionGroup", region, group, request, call)
    }

    pub fn delete_db_option_group(&self, region: &str, name: &str) -> Outgoing {
        let call = self
            .rds_writer(region)
            .delete_option_group()
            .option_group_name(name);
        let request = json!({ "OptionGroupName": name });
        outgoing!(SERVICE, "DeleteOptionGroup", region, name, request, call)
    }
}
