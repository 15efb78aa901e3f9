//! An RDS instance, restored from a snapshot with every setting named: what a restore is not told it takes from a default.

use crate::cloud::rds;
use crate::env::Env;
use crate::steps::ownership::{claim, made_here, tags};
use drtool_engine::step::{
    Call, CallKind, Cx, Effect, Left, Made, Observed, Step, StepError, Undo,
};
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

impl DbInstance {
    async fn found(&self, cx: &Cx<'_, Env>) -> Result<Option<rds::DbInstance>, StepError> {
        Ok(cx
            .env
            .cloud
            .db_instance(cx.place().as_str(), &self.identifier, cx.look())
            .await?)
    }
}

/// A group to ask for by name. RDS makes its default groups in a region when they are first needed and chooses them by
/// itself; until then they cannot be named.
fn own(group: String) -> Option<String> {
    Some(group).filter(|name| !name.starts_with("default:") && !name.starts_with("default."))
}

impl Step for DbInstance {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = DbInstanceRestored;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    /// Ready as soon as it has an endpoint and serves: AWS then takes its first backup, during which it can be used but
    /// not modified. Whether it answers with the right data is asked by SQL, by a step of its own.
    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<DbInstanceRestored>, StepError> {
        let Some(db) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        let claimed = match claim(
            cx,
            &db.tags,
            &db.id,
            &format!("DB instance `{}`", self.identifier),
        ) {
            Ok(claimed) => claimed,
            Err(why) => return Ok(Observed::Foreign(why)),
        };
        if db.engine != self.settings.engine {
            return Ok(Observed::Foreign(format!(
                "DB instance `{}` runs {}",
                db.id, db.engine
            )));
        }
        let serves = [
            "available",
            "backing-up",
            "modifying",
            "storage-optimization",
            "configuring-enhanced-monitoring",
        ];
        match (db.status.as_str(), db.host.clone(), db.port) {
            (
                "failed"
                | "incompatible-restore"
                | "incompatible-parameters"
                | "incompatible-network"
                | "storage-full",
                ..,
            ) => Err(
                StepError::fail("E4362", format!("DB instance {} is {}", db.id, db.status)).left(
                    Left::Something(format!(
                        "DB instance {} ({}) in {}",
                        db.id,
                        db.status,
                        cx.place()
                    )),
                ),
            ),
            (status, Some(endpoint), Some(port)) if serves.contains(&status) => {
                Ok(Observed::Ready(
                    DbInstanceRestored {
                        identifier: db.id,
                        arn: db.arn,
                        endpoint,
                        port: u16::try_from(port).unwrap_or(self.settings.port),
                        database_name: db
                            .database_name
                            .or(self.settings.database_name.clone())
                            .unwrap_or_default(),
                        master_username: db.master_username.unwrap_or_default(),
                    },
                    claimed,
                ))
            }
            (status, ..) => Ok(Observed::underway(status)),
        }
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let s = &self.settings;
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let restore = rds::Restore {
            id: self.identifier.clone(),
            snapshot: cx.value(&self.snapshot)?,
            class: s.class.clone(),
            license_model: s.license_model.clone(),
            network_type: s.network_type.clone(),
            port: i32::from(s.port),
            multi_az: s.multi_az,
            storage_type: s.storage_type.clone(),
            // Below 400 GiB gp3 takes neither: AWS refuses even the baseline values that it reports itself.
            iops: s
                .iops
                .filter(|_| s.storage_type != "gp3" || s.allocated_storage_gib >= 400)
                .map(number),
            storage_throughput: s
                .storage_throughput
                .filter(|_| s.storage_type == "gp3" && s.allocated_storage_gib >= 400)
                .map(number),
            subnet_group: cx.value(&self.subnet_group)?,
            security_groups: self
                .security_groups
                .iter()
                .map(|g| cx.value(g))
                .collect::<Result<_, _>>()?,
            parameter_group: own(cx.value(&self.parameter_group)?),
            option_group: own(cx.value(&self.option_group)?),
            backup_retention_days: number(s.backup_retention_days),
            backup_window: Some(s.backup_window.clone()),
            deletion_protection: s.deletion_protection,
            copy_tags_to_snapshot: s.copy_tags_to_snapshot,
            auto_minor_version_upgrade: s.auto_minor_version_upgrade,
            publicly_accessible: s.publicly_accessible,
            iam_authentication: s.iam_authentication,
            ca_certificate: Some(s.ca_certificate.clone()).filter(|ca| !ca.is_empty()),
            log_exports: s.log_exports.clone(),
            tags: tags(cx, &self.tags),
        };
        Ok(cx
            .env
            .cloud
            .restore_db_instance(cx.place().as_str(), &restore)
            .call(CallKind::Named))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<DbInstanceRestored, ()>,
    ) -> Result<Undo, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let Some(db) = self.found(cx).await? else {
            return Ok(Undo::Done);
        };
        if !made_here(cx, &db.tags) {
            return Ok(Undo::Done);
        }
        Ok(match db.status.as_str() {
            "deleting" => Undo::Wait("deleting".into()),
            // RDS refuses to modify or delete while it creates or backs up.
            "creating" | "backing-up" | "modifying" => Undo::Wait(db.status),
            _ if db.deletion_protection => {
                let off = rds::DbChange {
                    deletion_protection: Some(false),
                    ..Default::default()
                };
                Undo::Call(
                    cloud
                        .modify_db_instance(region, &db.id, &off)
                        .call(CallKind::Upsert),
                )
            }
            _ => Undo::Call(
                cloud
                    .delete_db_instance(region, &db.id)
                    .call(CallKind::Upsert),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_groups_are_not_asked_for_by_name() {
        assert_eq!(own("default:postgres-15".into()), None);
        assert_eq!(own("default.postgres15".into()), None);
        assert_eq!(own("redmine-pg15".into()), Some("redmine-pg15".into()));
    }
}
