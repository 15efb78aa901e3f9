//! An RDS instance, restored from a snapshot with every setting named: what a restore is not told it takes from a default.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use crate::capture::database::Settings;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "db-instance";
pub const SUMMARY: &str = "an RDS instance, restored from a snapshot";
pub const EXAMPLE: &str = "\
id: db-instance
use: db-instance
with:
  identifier: redmine-db
  snapshot: redmine-db-7f3a-final
  subnetGroup: redmine
  securityGroups: [sg-0a1b2c3d]
  parameterGroup: redmine-postgres15
  optionGroup: default:postgres-15
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
";

/// The instance to restore.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbInstance {
    pub identifier: String,
    /// The snapshot's name in this region.
    pub snapshot: Value<String>,
    pub subnet_group: Value<String>,
    pub security_groups: Vec<Value<String>>,
    pub parameter_group: Value<String>,
    pub option_group: Value<String>,
    /// The source's settings. Those that a restore does not take are set by `db-instance-settings`.
    pub settings: Settings,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DbInstanceRestored {
    pub identifier: String,
    pub arn: String,
    pub endpoint: String,
    pub port: u16,
    pub database_name: String,
    pub master_username: String,
}

impl Yields for DbInstanceRestored {
    const NAME: &'static str = "db instance";
}
