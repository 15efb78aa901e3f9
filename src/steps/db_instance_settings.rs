//! The settings of a restored instance that a restore does not take: windows, storage autoscaling, monitoring, insights, certificate authority. Waits while the instance backs up.

use crate::cloud::rds;
use crate::env::Env;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
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

impl DbInstanceSettings {
    async fn instance(&self, cx: &Cx<'_, Env>) -> Result<rds::DbInstance, StepError> {
        let id = cx.value(&self.instance)?;
        cx.env
            .cloud
            .db_instance(cx.place().as_str(), &id, cx.look())
            .await?
            .ok_or_else(|| {
                StepError::fail(
                    "E4363",
                    format!("DB instance {id} is gone from {}", cx.place()),
                )
            })
    }

    /// What is still different.
    fn change(&self, cx: &Cx<'_, Env>, db: &rds::DbInstance) -> Result<rds::DbChange, StepError> {
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let differs = |there: &Option<String>, wanted: &str| there.as_deref() != Some(wanted);
        let insights_days = self.performance_insights_retention_days.map(number);
        let insights_differ = db.performance_insights != self.performance_insights
            || (self.performance_insights
                && insights_days.is_some()
                && db.performance_insights_retention_days != insights_days);
        let key = self
            .performance_insights_kms_key
            .as_ref()
            .map(|key| cx.value(key))
            .transpose()?;
        Ok(rds::DbChange {
            deletion_protection: None,
            backup_retention_days: (db.backup_retention_days != number(self.backup_retention_days))
                .then(|| number(self.backup_retention_days)),
            backup_window: differs(&db.backup_window, &self.backup_window)
                .then(|| self.backup_window.clone()),
            maintenance_window: differs(&db.maintenance_window, &self.maintenance_window)
                .then(|| self.maintenance_window.clone()),
            ca_certificate: (!self.ca_certificate.is_empty()
                && differs(&db.ca_certificate, &self.ca_certificate))
            .then(|| self.ca_certificate.clone()),
            max_storage_gib: self
                .max_allocated_storage_gib
                .map(number)
                .filter(|max| db.max_storage_gib != Some(*max)),
            performance_insights: insights_differ.then_some((
                self.performance_insights,
                insights_days,
                key,
            )),
            monitoring: (db.monitoring_interval != number(self.monitoring_interval)).then(|| {
                (
                    number(self.monitoring_interval),
                    self.monitoring_role_arn.clone(),
                )
            }),
        })
    }
}

impl Step for DbInstanceSettings {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = DbInstanceSet;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<DbInstanceSet>, StepError> {
        let db = self.instance(cx).await?;
        if db.status != "available" && db.status != "storage-optimization" {
            return Ok(Observed::underway(format!(
                "{}: RDS takes no changes until it is available",
                db.status
            )));
        }
        Ok(if self.change(cx, &db)? != rds::DbChange::default() {
            Observed::Absent
        } else {
            Observed::Ready(DbInstanceSet { identifier: db.id }, Claim::AsWanted)
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let db = self.instance(cx).await?;
        let change = self.change(cx, &db)?;
        Ok(cx
            .env
            .cloud
            .modify_db_instance(cx.place().as_str(), &db.id, &change)
            .call(CallKind::Upsert))
    }

    /// Goes with the instance.
    async fn undo(&self, _: &Cx<'_, Env>, _: &Made<DbInstanceSet, ()>) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
