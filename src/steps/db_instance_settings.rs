//! The settings of a restored instance that a restore does not take: windows, storage autoscaling, monitoring, insights, certificate authority. Waits while the instance backs up.

use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "db-instance-settings";
pub const SUMMARY: &str = "the settings of an instance that a restore does not take";
pub const EXAMPLE: &str = "\
id: db-instance-settings
use: db-instance-settings
with:
  instance: redmine-db
  backupRetentionDays: 7
  backupWindow: 03:00-04:00
  maintenanceWindow: sun:05:00-sun:06:00
  caCertificate: rds-ca-rsa2048-g1
  performanceInsights: false
  monitoringInterval: 0
";

/// What the instance shall be set to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbInstanceSettings {
    pub instance: Value<String>,
    pub backup_retention_days: u32,
    pub backup_window: String,
    pub maintenance_window: String,
    pub ca_certificate: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_allocated_storage_gib: Option<u32>,
    pub performance_insights: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub performance_insights_retention_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub performance_insights_kms_key: Option<Value<String>>,
    pub monitoring_interval: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitoring_role_arn: Option<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbInstanceSet {
    pub identifier: String,
}

impl Yields for DbInstanceSet {
    const NAME: &'static str = "db instance settings";
}
