//! Every setting of the restored instance, compared with the source's. A difference that the manifest does not accept stops the run before the cut.

use crate::cloud::rds;
use crate::env::Env;
use drtool_engine::step::{Call, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo};
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

impl SettingsDiff {
    /// Name, wanted, found: every setting that differs.
    fn differences(
        &self,
        cx: &Cx<'_, Env>,
        db: &rds::DbInstance,
    ) -> Result<Vec<(String, String, String)>, StepError> {
        let s = &self.settings;
        let text = |t: &Option<String>| t.clone().unwrap_or_default();
        let mut pairs: Vec<(&str, String, String)> = vec![
            ("engine", s.engine.clone(), db.engine.clone()),
            (
                "engineVersion",
                s.engine_version.clone(),
                db.engine_version.clone(),
            ),
            (
                "licenseModel",
                s.license_model.clone(),
                text(&db.license_model),
            ),
            (
                "allocatedStorageGib",
                s.allocated_storage_gib.to_string(),
                db.storage_gib.to_string(),
            ),
            (
                "storageType",
                s.storage_type.clone(),
                db.storage_type.clone(),
            ),
            ("multiAz", s.multi_az.to_string(), db.multi_az.to_string()),
            (
                "publiclyAccessible",
                s.publicly_accessible.to_string(),
                db.publicly_accessible.to_string(),
            ),
            (
                "port",
                s.port.to_string(),
                db.port.unwrap_or_default().to_string(),
            ),
            (
                "masterUsername",
                s.master_username.clone(),
                text(&db.master_username),
            ),
            (
                "backupRetentionDays",
                s.backup_retention_days.to_string(),
                db.backup_retention_days.to_string(),
            ),
            (
                "backupWindow",
                s.backup_window.clone(),
                text(&db.backup_window),
            ),
            (
                "maintenanceWindow",
                s.maintenance_window.clone(),
                text(&db.maintenance_window),
            ),
            (
                "autoMinorVersionUpgrade",
                s.auto_minor_version_upgrade.to_string(),
                db.auto_minor_version_upgrade.to_string(),
            ),
            (
                "deletionProtection",
                s.deletion_protection.to_string(),
                db.deletion_protection.to_string(),
            ),
            (
                "copyTagsToSnapshot",
                s.copy_tags_to_snapshot.to_string(),
                db.copy_tags_to_snapshot.to_string(),
            ),
            (
                "iamAuthentication",
                s.iam_authentication.to_string(),
                db.iam_authentication.to_string(),
            ),
            (
                "caCertificate",
                s.ca_certificate.clone(),
                text(&db.ca_certificate),
            ),
            (
                "performanceInsights",
                s.performance_insights.to_string(),
                db.performance_insights.to_string(),
            ),
            (
                "monitoringInterval",
                s.monitoring_interval.to_string(),
                db.monitoring_interval.to_string(),
            ),
            (
                "parameterGroup",
                s.parameter_group.clone(),
                text(&db.parameter_group),
            ),
            (
                "optionGroup",
                s.option_group.clone(),
                text(&db.option_group),
            ),
        ];
        let sorted = |list: &[String]| {
            let mut list = list.to_vec();
            list.sort();
            list.join(", ")
        };
        pairs.push((
            "logExports",
            sorted(&s.log_exports),
            sorted(&db.log_exports),
        ));
        if let Some(max) = s.max_allocated_storage_gib {
            pairs.push((
                "maxAllocatedStorageGib",
                max.to_string(),
                db.max_storage_gib.unwrap_or_default().to_string(),
            ));
        }
        if !self.class_alternatives.contains(&db.class) {
            pairs.push(("class", s.class.clone(), db.class.clone()));
        }
        if let Some(key) = &self.kms_key {
            pairs.push(("kmsKey", cx.value(key)?, text(&db.kms_key)));
        }
        Ok(pairs
            .into_iter()
            .filter(|(_, wanted, found)| wanted != found)
            .map(|(name, wanted, found)| (name.to_owned(), wanted, found))
            .collect())
    }
}

impl Step for SettingsDiff {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = SettingsCompared;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<SettingsCompared>, StepError> {
        let (cloud, region, id) = (
            &cx.env.cloud,
            cx.place().as_str(),
            cx.value(&self.instance)?,
        );
        let Some(db) = cloud.db_instance(region, &id, cx.look()).await? else {
            return Err(StepError::fail(
                "E4363",
                format!("DB instance {id} is gone from {region}"),
            ));
        };
        let mut differences = self.differences(cx, &db)?;
        if !self.parameters.is_empty() {
            let group = db.parameter_group.clone().unwrap_or_default();
            let there = cloud.db_parameters(region, &group, cx.look()).await?;
            for (name, wanted) in &self.parameters {
                let found = there
                    .iter()
                    .find(|p| p.name == *name)
                    .map(|p| p.value.clone())
                    .unwrap_or_default();
                if found != *wanted {
                    differences.push((format!("parameter {name}"), wanted.clone(), found));
                }
            }
            if db
                .parameter_status
                .as_deref()
                .is_some_and(|status| status == "pending-reboot")
            {
                return Ok(Observed::Unseen(format!(
                    "parameter group {group} waits for a restart of {id}"
                )));
            }
        }
        let known = |name: &String| self.accepted.contains(name) || self.deferred.contains(name);
        let refused: Vec<String> = differences
            .iter()
            .filter(|(name, ..)| !known(name))
            .map(|(name, wanted, found)| format!("{name}: source `{wanted}`, target `{found}`"))
            .collect();
        if refused.is_empty() {
            let differences = differences.into_iter().map(|(name, ..)| name).collect();
            return Ok(Observed::Ready(
                SettingsCompared { differences },
                Claim::AsWanted,
            ));
        }
        Err(StepError::fail(
            "E4364",
            format!(
                "DB instance {id} differs from the source: {}",
                refused.join("; ")
            ),
        )
        .hint("accept the difference in the manifest (databases[].acceptedDifferences), or undo"))
    }

    async fn begin(&self, _: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        Err(StepError::wait("E4365", "a comparison is only looked at"))
    }

    async fn undo(
        &self,
        _: &Cx<'_, Env>,
        _: &Made<SettingsCompared, ()>,
    ) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
