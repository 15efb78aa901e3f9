//! The databases, with every setting that a restore would otherwise take from a default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Tags;

/// An RDS instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Database {
    pub identifier: String,
    pub arn: String,
    pub endpoint: String,
    pub settings: Settings,
    pub subnet_group: SubnetGroup,
    pub security_group_ids: Vec<String>,
    /// The key's ARN; nothing for an unencrypted instance.
    pub kms_key: Option<String>,
    /// Set where RDS keeps the master password in a secret of its own.
    pub managed_secret: Option<String>,
    pub tags: Tags,
}

/// The settings that must be the same in the target. A restore names every one of them; the settings diff compares every one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Settings {
    pub engine: String,
    pub engine_version: String,
    pub license_model: String,
    pub class: String,
    pub allocated_storage_gib: u32,
    pub max_allocated_storage_gib: Option<u32>,
    pub storage_type: String,
    pub iops: Option<u32>,
    pub storage_throughput: Option<u32>,
    pub multi_az: bool,
    pub publicly_accessible: bool,
    pub port: u16,
    pub database_name: Option<String>,
    pub master_username: String,
    pub parameter_group: String,
    pub option_group: String,
    pub backup_retention_days: u32,
    pub backup_window: String,
    pub maintenance_window: String,
    pub auto_minor_version_upgrade: bool,
    pub deletion_protection: bool,
    pub copy_tags_to_snapshot: bool,
    pub iam_authentication: bool,
    pub ca_certificate: String,
    pub log_exports: Vec<String>,
    pub performance_insights: bool,
    pub performance_insights_retention_days: Option<u32>,
    /// Seconds between enhanced-monitoring samples; 0 is off.
    pub monitoring_interval: u32,
    pub monitoring_role_arn: Option<String>,
    pub network_type: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SubnetGroup {
    pub name: String,
    pub description: String,
    pub subnet_ids: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ParameterGroup {
    pub name: String,
    pub family: String,
    pub description: String,
    /// Only what a person set: `Source=user`.
    pub parameters: BTreeMap<String, ParameterValue>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ParameterValue {
    pub value: String,
    /// What AWS calls a static parameter: it takes effect at the next restart.
    pub needs_restart: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OptionGroup {
    pub name: String,
    pub engine: String,
    pub major_version: String,
    pub description: String,
    pub options: Vec<DatabaseOption>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DatabaseOption {
    pub name: String,
    pub version: Option<String>,
    pub port: Option<u16>,
    pub settings: BTreeMap<String, String>,
    pub security_group_ids: Vec<String>,
}

impl ParameterGroup {
    /// AWS's own group, which stands in every region and cannot be changed.
    pub fn is_default(&self) -> bool {
        self.name.starts_with("default.")
    }
}

impl OptionGroup {
    pub fn is_default(&self) -> bool {
        self.name.starts_with("default:")
    }
}
