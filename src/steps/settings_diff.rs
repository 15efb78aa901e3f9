//! Every setting of the restored instance, compared with the source's. A difference that the manifest does not accept stops the run before the cut.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::capture::database::Settings;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "settings-diff";
pub const SUMMARY: &str = "every setting of the restored database, compared with the source's";
pub const EXAMPLE: &str = "\
id: settings-diff
use: settings-diff
with:
  instance: redmine-db
  settings:
    engine: postgres
    engineVersion: \"15.7\"
    licenseModel: postgresql-license
    class: db.t4g.medium
    allocatedStorageGib: 100
    storageType: gp3
    multiAz: true
    publiclyAccessible: false
    port: 5432
    masterUsername: redmine
    parameterGroup: redmine-postgres15
    optionGroup: default:postgres-15
    backupRetentionDays: 7
    backupWindow: 03:00-04:00
    maintenanceWindow: sun:05:00-sun:06:00
    autoMinorVersionUpgrade: true
    deletionProtection: true
    copyTagsToSnapshot: true
    iamAuthentication: false
    caCertificate: rds-ca-rsa2048-g1
    logExports: [postgresql]
    performanceInsights: false
    monitoringInterval: 0
    networkType: IPV4
  parameters: { log_min_duration_statement: \"500\" }
  accepted: []
";

/// What the instance must be like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SettingsDiff {
    pub instance: Value<String>,
    pub settings: Settings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Value<String>>,
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Classes that may stand in for the source's.
    #[serde(default)]
    pub class_alternatives: Vec<String>,
    /// Settings that may differ.
    #[serde(default)]
    pub accepted: Vec<String>,
    /// Settings that a restore does not take: they are set after the cut, since the instance backs up first, and compared then.
    #[serde(default)]
    pub deferred: Vec<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SettingsCompared {
    /// Settings that differ and are accepted.
    pub differences: Vec<String>,
}

impl Yields for SettingsCompared {
    const NAME: &'static str = "settings diff";
}
