//! DB instances: what they are, how they are restored, changed and deleted.

use super::{SERVICE, aws_tags, json_tags, tags_of};
use crate::cloud::call::{Outgoing, outgoing};
use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, Tags, refused};
use aws_sdk_rds::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DbInstance {
    pub id: String,
    pub arn: String,
    pub status: String,
    pub engine: String,
    pub engine_version: String,
    pub class: String,
    pub storage_gib: i32,
    pub max_storage_gib: Option<i32>,
    pub storage_type: String,
    pub iops: Option<i32>,
    pub storage_throughput: Option<i32>,
    pub encrypted: bool,
    pub kms_key: Option<String>,
    pub multi_az: bool,
    pub host: Option<String>,
    pub port: Option<i32>,
    pub subnet_group: Option<String>,
    pub vpc: Option<String>,
    pub security_groups: Vec<String>,
    pub parameter_group: Option<String>,
    pub parameter_status: Option<String>,
    pub option_group: Option<String>,
    pub backup_retention_days: i32,
    pub backup_window: Option<String>,
    pub maintenance_window: Option<String>,
    pub deletion_protection: bool,
    pub copy_tags_to_snapshot: bool,
    pub auto_minor_version_upgrade: bool,
    pub publicly_accessible: bool,
    pub iam_authentication: bool,
    pub ca_certificate: Option<String>,
    pub log_exports: Vec<String>,
    pub performance_insights: bool,
    pub performance_insights_retention_days: Option<i32>,
    pub monitoring_interval: i32,
    pub monitoring_role: Option<String>,
    pub license_model: Option<String>,
    pub network_type: Option<String>,
    /// A change that waits for a restart or a window.
    pub pending: bool,
    pub master_username: Option<String>,
    pub database_name: Option<String>,
    pub managed_password: bool,
    pub replica_of: Option<String>,
    /// Unix seconds.
    pub created: Option<i64>,
    pub tags: Tags,
}

impl From<&aws::DbInstance> for DbInstance {
    fn from(db: &aws::DbInstance) -> DbInstance {
        let text = |s: Option<&str>| s.unwrap_or_default().to_owned();
        DbInstance {
            id: text(db.db_instance_identifier()),
            arn: text(db.db_instance_arn()),
            status: text(db.db_instance_status()),
            engine: text(db.engine()),
            engine_version: text(db.engine_version()),
            class: text(db.db_instance_class()),
            storage_gib: db.allocated_storage().unwrap_or_default(),
            max_storage_gib: db.max_allocated_storage(),
            storage_type: text(db.storage_type()),
            iops: db.iops(),
            storage_throughput: db.storage_throughput(),
            encrypted: db.storage_encrypted().unwrap_or_default(),
            kms_key: db.kms_key_id().map(str::to_owned),
            multi_az: db.multi_az().unwrap_or_default(),
            host: db.endpoint().and_then(|e| e.address()).map(str::to_owned),
            port: db.endpoint().and_then(|e| e.port()),
            subnet_group: db
                .db_subnet_group()
                .and_then(|g| g.db_subnet_group_name())
                .map(str::to_owned),
            vpc: db
                .db_subnet_group()
                .and_then(|g| g.vpc_id())
                .map(str::to_owned),
            security_groups: db
                .vpc_security_groups()
                .iter()
                .filter_map(|g| g.vpc_security_group_id())
                .map(str::to_owned)
                .collect(),
            parameter_group: db
                .db_parameter_groups()
                .first()
                .and_then(|g| g.db_parameter_group_name())
                .map(str::to_owned),
            parameter_status: db
                .db_parameter_groups()
                .first()
                .and_then(|g| g.parameter_apply_status())
                .map(str::to_owned),
            option_group: db
                .option_group_memberships()
                .first()
                .and_then(|g| g.option_group_name())
                .map(str::to_owned),
            backup_retention_days: db.backup_retention_period().unwrap_or_default(),
            backup_window: db.preferred_backup_window().map(str::to_owned),
            maintenance_window: db.preferred_maintenance_window().map(str::to_owned),
            deletion_protection: db.deletion_protection().unwrap_or_default(),
            copy_tags_to_snapshot: db.copy_tags_to_snapshot().unwrap_or_default(),
            auto_minor_version_upgrade: db.auto_minor_version_upgrade().unwrap_or_default(),
            publicly_accessible: db.publicly_accessible().unwrap_or_default(),
            iam_authentication: db.iam_database_authentication_enabled().unwrap_or_default(),
            ca_certificate: db.ca_certificate_identifier().map(str::to_owned),
            log_exports: db.enabled_cloudwatch_logs_exports().to_vec(),
            performance_insights: db.performance_insights_enabled().unwrap_or_default(),
            performance_insights_retention_days: db.performance_insights_retention_period(),
            monitoring_interval: db.monitoring_interval().unwrap_or_default(),
            monitoring_role: db.monitoring_role_arn().map(str::to_owned),
            license_model: db.license_model().map(str::to_owned),
            network_type: db.network_type().map(str::to_owned),
            pending: db
                .pending_modified_values()
                .is_some_and(|p| *p != aws::PendingModifiedValues::builder().build()),
            master_username: db.master_username().map(str::to_owned),
            database_name: db.db_name().map(str::to_owned),
            managed_password: db.master_user_secret().is_some(),
            replica_of: db
                .read_replica_source_db_instance_identifier()
                .map(str::to_owned),
            created: db.instance_create_time().map(|t| t.secs()),
            tags: tags_of(db.tag_list()),
        }
    }
}

/// Everything that a restore says explicitly: what is omitted would silently become AWS's default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restore {
    pub id: String,
    pub snapshot: String,
    pub class: String,
    pub license_model: String,
    /// `IPV4` or `DUAL`.
    pub network_type: String,
    pub port: i32,
    pub multi_az: bool,
    pub storage_type: String,
    pub iops: Option<i32>,
    pub storage_throughput: Option<i32>,
    pub subnet_group: String,
    pub security_groups: Vec<String>,
    pub parameter_group: Option<String>,
    pub option_group: Option<String>,
    pub backup_retention_days: i32,
    pub backup_window: Option<String>,
    pub deletion_protection: bool,
    pub copy_tags_to_snapshot: bool,
    pub auto_minor_version_upgrade: bool,
    pub publicly_accessible: bool,
    pub iam_authentication: bool,
    pub ca_certificate: Option<String>,
    pub log_exports: Vec<String>,
    pub tags: Tags,
}

/// Settings of an instance to change; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DbChange {
    pub deletion_protection: Option<bool>,
    pub backup_retention_days: Option<i32>,
    pub backup_window: Option<String>,
    pub maintenance_window: Option<String>,
    pub ca_certificate: Option<String>,
    pub max_storage_gib: Option<i32>,
    pub performance_insights: Option<(bool, Option<i32>, Option<String>)>,
    pub monitoring: Option<(i32, Option<String>)>,
}

/// Looks.
impl Cloud {
    /// Every DB instance of the region.
    pub async fn db_instances(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<DbInstance>>, CloudError> {
        let key = format!("rds/instances/{region}");
        self.looks()
            .shared(SERVICE, key, look, async {
                let mut pages = self
                    .rds(region)
                    .describe_db_instances()
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let item = item.map_err(refused(
                        SERVICE,
                        "DescribeDBInstances",
                        region,
                        "all instances",
                    ))?;
                    all.push(DbInstance::from(&item));
                }
                Ok(all)
            })
            .await
    }

    pub async fn db_instance(
        &self,
        region: &str,
        id: &str,
        look: Look,
    ) -> Result<Option<DbInstance>, CloudError> {
        Ok(self
            .db_instances(region, look)
            .await?
            .iter()
            .find(|db| db.id.eq_ignore_ascii_case(id))
            .cloned())
    }
}

/// Calls. Described here, sent by the engine.
impl Cloud {
    pub fn restore_db_instance(&self, region: &str, r: &Restore) -> Outgoing {
        let mut request = json!({
            "DBInstanceIdentifier": r.id,
            "DBSnapshotIdentifier": r.snapshot,
            "DBInstanceClass": r.class,
            "LicenseModel": r.license_model,
            "NetworkType": r.network_type,
            "Port": r.port,
            "MultiAZ": r.multi_az,
            "StorageType": r.storage_type,
            "DBSubnetGroupName": r.subnet_group,
            "VpcSecurityGroupIds": r.security_groups,
            "BackupRetentionPeriod": r.backup_retention_days,
            "DeletionProtection": r.deletion_protection,
            "CopyTagsToSnapshot": r.copy_tags_to_snapshot,
            "AutoMinorVersionUpgrade": r.auto_minor_version_upgrade,
            "PubliclyAccessible": r.publicly_accessible,
            "EnableIAMDatabaseAuthentication": r.iam_authentication,
            "EnableCloudwatchLogsExports": r.log_exports,
            "Tags": json_tags(&r.tags),
        });
        for (name, value) in [
            ("Iops", r.iops.map(Value::from)),
            ("StorageThroughput", r.storage_throughput.map(Value::from)),
            (
                "DBParameterGroupName",
                r.parameter_group.clone().map(Value::from),
            ),
            ("OptionGroupName", r.option_group.clone().map(Value::from)),
            (
                "PreferredBackupWindow",
                r.backup_window.clone().map(Value::from),
            ),
            (
                "CACertificateIdentifier",
                r.ca_certificate.clone().map(Value::from),
            ),
        ] {
            if let Some(value) = value {
                request[name] = value;
            }
        }
        let call = self
            .rds_writer(region)
            .restore_db_instance_from_db_snapshot()
            .db_instance_identifier(&r.id)
            .db_snapshot_identifier(&r.snapshot)
            .db_instance_class(&r.class)
            .license_model(&r.license_model)
            .network_type(&r.network_type)
            .port(r.port)
            .multi_az(r.multi_az)
            .storage_type(&r.storage_type)
            .set_iops(r.iops)
            .set_storage_throughput(r.storage_throughput)
            .db_subnet_group_name(&r.subnet_group)
            .set_vpc_security_group_ids(Some(r.security_groups.clone()))
            .set_db_parameter_group_name(r.parameter_group.clone())
            .set_option_group_name(r.option_group.clone())
            .backup_retention_period(r.backup_retention_days)
            .set_preferred_backup_window(r.backup_window.clone())
            .deletion_protection(r.deletion_protection)
            .copy_tags_to_snapshot(r.copy_tags_to_snapshot)
            .auto_minor_version_upgrade(r.auto_minor_version_upgrade)
            .publicly_accessible(r.publicly_accessible)
            .enable_iam_database_authentication(r.iam_authentication)
            .set_ca_certificate_identifier(r.ca_certificate.clone())
            .set_enable_cloudwatch_logs_exports(Some(r.log_exports.clone()))
            .set_tags(Some(aws_tags(&r.tags)));
        outgoing!(
            SERVICE,
            "RestoreDBInstanceFromDBSnapshot",
            region,
            &r.id,
            request,
            call
        )
    }

    /// Changes single settings of an instance, at once.
    pub fn modify_db_instance(&self, region: &str, id: &str, change: &DbChange) -> Outgoing {
        let mut request = json!({ "DBInstanceIdentifier": id, "ApplyImmediately": true });
        let mut call = self
            .rds_writer(region)
            .modify_db_instance()
            .db_instance_identifier(id)
            .apply_immediately(true)
            .set_deletion_protection(change.deletion_protection)
            .set_backup_retention_period(change.backup_retention_days)
            .set_preferred_backup_window(change.backup_window.clone())
            .set_preferred_maintenance_window(change.maintenance_window.clone())
            .set_ca_certificate_identifier(change.ca_certificate.clone())
            .set_max_allocated_storage(change.max_storage_gib);
        for (member, value) in [
            (
                "DeletionProtection",
                change.deletion_protection.map(Value::from),
            ),
            (
                "BackupRetentionPeriod",
                change.backup_retention_days.map(Value::from),
            ),
            (
                "PreferredBackupWindow",
                change.backup_window.clone().map(Value::from),
            ),
            (
                "PreferredMaintenanceWindow",
                change.maintenance_window.clone().map(Value::from),
            ),
            (
                "CACertificateIdentifier",
                change.ca_certificate.clone().map(Value::from),
            ),
            (
                "MaxAllocatedStorage",
                change.max_storage_gib.map(Value::from),
            ),
        ] {
            if let Some(value) = value {
                request[member] = value;
            }
        }
        if let Some((on, days, key)) = &change.performance_insights {
            request["EnablePerformanceInsights"] = json!(on);
            request["PerformanceInsightsRetentionPeriod"] = json!(days);
            request["PerformanceInsightsKMSKeyId"] = json!(key);
            call = call
                .enable_performance_insights(*on)
                .set_performance_insights_retention_period(*days)
                .set_performance_insights_kms_key_id(key.clone());
        }
        if let Some((interval, role)) = &change.monitoring {
            request["MonitoringInterval"] = json!(interval);
            request["MonitoringRoleArn"] = json!(role);
            call = call
                .monitoring_interval(*interval)
                .set_monitoring_role_arn(role.clone());
        }
        outgoing!(SERVICE, "ModifyDBInstance", region, id, request, call)
    }

    /// Deletes an instance that this run restored: no final snapshot, its automated backups go with it.
    pub fn delete_db_instance(&self, region: &str, id: &str) -> Outgoing {
        let request = json!({ "DBInstanceIdentifier": id, "SkipFinalSnapshot": true, "DeleteAutomatedBackups": true });
        let call = self
            .rds_writer(region)
            .delete_db_instance()
            .db_instance_identifier(id)
            .skip_final_snapshot(true)
            .delete_automated_backups(true);
        outgoing!(SERVICE, "DeleteDBInstance", region, id, request, call)
    }
}
