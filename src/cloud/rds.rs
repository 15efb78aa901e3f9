//! RDS: instances, snapshots and the groups they need.

use super::call::{Outgoing, outgoing};
use super::error::CloudError;
use super::{Cloud, Tags, refused};
use aws_sdk_rds::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const SERVICE: &str = "rds";

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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DbSnapshot {
    pub id: String,
    pub arn: String,
    pub instance: String,
    pub status: String,
    pub percent: Option<i32>,
    pub encrypted: bool,
    pub kms_key: Option<String>,
    pub storage_gib: i32,
    pub engine: String,
    pub kind: String,
    pub source: Option<String>,
    /// Unix seconds: when this snapshot (or copy) was made.
    pub created: Option<i64>,
    /// Unix seconds: when the first snapshot of the chain was made.
    pub original_created: Option<i64>,
    /// Unix seconds: the last transaction in it.
    pub database_time: Option<i64>,
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DbSubnetGroup {
    pub name: String,
    pub arn: String,
    pub description: String,
    pub vpc: String,
    pub subnets: Vec<String>,
    pub status: String,
}

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

/// Everything that a restore says explicitly: what is omitted would silently become AWS's default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restore {
    pub id: String,
    pub snapshot: String,
    pub class: String,
    pub port: i32,
    pub multi_az: bool,
    pub storage_type: String,
    pub iops: Option<i32>,
    pub storage_throughput: Option<i32>,
    pub subnet_group: String,
    pub security_groups: Vec<String>,
    pub parameter_group: String,
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

fn tags_of(list: &[aws::Tag]) -> Tags {
    list.iter()
        .filter_map(|t| {
            Some((
                t.key()?.to_owned(),
                t.value().unwrap_or_default().to_owned(),
            ))
        })
        .collect()
}

fn aws_tags(tags: &Tags) -> Vec<aws::Tag> {
    tags.iter()
        .map(|(k, v)| aws::Tag::builder().key(k).value(v).build())
        .collect()
}

fn json_tags(tags: &Tags) -> Value {
    tags.iter()
        .map(|(k, v)| json!({ "Key": k, "Value": v }))
        .collect()
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

impl From<&aws::DbSnapshot> for DbSnapshot {
    fn from(s: &aws::DbSnapshot) -> DbSnapshot {
        let text = |s: Option<&str>| s.unwrap_or_default().to_owned();
        DbSnapshot {
            id: text(s.db_snapshot_identifier()),
            arn: text(s.db_snapshot_arn()),
            instance: text(s.db_instance_identifier()),
            status: text(s.status()),
            percent: s.percent_progress(),
            encrypted: s.encrypted().unwrap_or_default(),
            kms_key: s.kms_key_id().map(str::to_owned),
            storage_gib: s.allocated_storage().unwrap_or_default(),
            engine: text(s.engine()),
            kind: text(s.snapshot_type()),
            source: s.source_db_snapshot_identifier().map(str::to_owned),
            created: s.snapshot_create_time().map(|t| t.secs()),
            original_created: s.original_snapshot_create_time().map(|t| t.secs()),
            database_time: s.snapshot_database_time().map(|t| t.secs()),
            tags: tags_of(s.tag_list()),
        }
    }
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
            .shared(key, look, async {
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

    /// Every manual snapshot of the region that this account owns.
    pub async fn db_snapshots(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<DbSnapshot>>, CloudError> {
        let key = format!("rds/snapshots/{region}");
        self.looks()
            .shared(key, look, async {
                let mut pages = self
                    .rds(region)
                    .describe_db_snapshots()
                    .snapshot_type("manual")
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let item = item.map_err(refused(
                        SERVICE,
                        "DescribeDBSnapshots",
                        region,
                        "all snapshots",
                    ))?;
                    all.push(DbSnapshot::from(&item));
                }
                Ok(all)
            })
            .await
    }

    pub async fn db_snapshot(
        &self,
        region: &str,
        id: &str,
        look: Look,
    ) -> Result<Option<DbSnapshot>, CloudError> {
        Ok(self
            .db_snapshots(region, look)
            .await?
            .iter()
            .find(|s| s.id.eq_ignore_ascii_case(id))
            .cloned())
    }

    pub async fn db_subnet_groups(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<DbSubnetGroup>>, CloudError> {
        let key = format!("rds/subnet-groups/{region}");
        self.looks()
            .shared(key, look, async {
                let mut pages = self
                    .rds(region)
                    .describe_db_subnet_groups()
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let g = item.map_err(refused(
                        SERVICE,
                        "DescribeDBSubnetGroups",
                        region,
                        "all subnet groups",
                    ))?;
                    all.push(DbSubnetGroup {
                        name: g.db_subnet_group_name().unwrap_or_default().to_owned(),
                        arn: g.db_subnet_group_arn().unwrap_or_default().to_owned(),
                        description: g
                            .db_subnet_group_description()
                            .unwrap_or_default()
                            .to_owned(),
                        vpc: g.vpc_id().unwrap_or_default().to_owned(),
                        subnets: g
                            .subnets()
                            .iter()
                            .filter_map(|s| s.subnet_identifier())
                            .map(str::to_owned)
                            .collect(),
                        status: g.subnet_group_status().unwrap_or_default().to_owned(),
                    });
                }
                Ok(all)
            })
            .await
    }

    pub async fn db_parameter_groups(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<DbParameterGroup>>, CloudError> {
        let key = format!("rds/parameter-groups/{region}");
        self.looks()
            .shared(key, look, async {
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

    /// Every option group of the region.
    pub async fn db_option_groups(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<DbOptionGroup>>, CloudError> {
        let key = format!("rds/option-groups/{region}");
        self.looks()
            .shared(key, look, async {
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

    /// The parameters of a group that somebody has set, in name order.
    pub async fn db_parameters(
        &self,
        region: &str,
        group: &str,
        look: Look,
    ) -> Result<Arc<Vec<DbParameter>>, CloudError> {
        let key = format!("rds/parameters/{region}/{group}");
        self.looks()
            .shared(key, look, async {
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

    /// The tags of a resource whose Describe does not carry them.
    pub async fn db_tags(
        &self,
        region: &str,
        arn: &str,
        look: Look,
    ) -> Result<Arc<Tags>, CloudError> {
        self.looks()
            .shared(format!("rds/tags/{arn}"), look, async {
                let answer = self
                    .rds(region)
                    .list_tags_for_resource()
                    .resource_name(arn)
                    .send()
                    .await
                    .map_err(refused(SERVICE, "ListTagsForResource", region, arn));
                match answer {
                    Ok(answer) => Ok(tags_of(answer.tag_list())),
                    // Gone between the two questions: nobody's.
                    Err(e) if e.not_found() => Ok(Tags::new()),
                    Err(e) => Err(e),
                }
            })
            .await
    }

    /// Whether a class can be ordered with an engine version, Multi-AZ or not, in that region.
    pub async fn db_orderable(
        &self,
        region: &str,
        engine: &str,
        version: &str,
        class: &str,
        multi_az: bool,
    ) -> Result<bool, CloudError> {
        let mut pages = self
            .rds(region)
            .describe_orderable_db_instance_options()
            .engine(engine)
            .engine_version(version)
            .db_instance_class(class)
            .vpc(true)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = pages.next().await {
            let option = item.map_err(refused(
                SERVICE,
                "DescribeOrderableDBInstanceOptions",
                region,
                class,
            ))?;
            if !multi_az || option.multi_az_capable().unwrap_or_default() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Calls. Described here, sent by the engine.
impl Cloud {
    pub fn create_db_snapshot(
        &self,
        region: &str,
        id: &str,
        instance: &str,
        tags: &Tags,
    ) -> Outgoing {
        let request = json!({ "DBSnapshotIdentifier": id, "DBInstanceIdentifier": instance, "Tags": json_tags(tags) });
        let call = self
            .rds_writer(region)
            .create_db_snapshot()
            .db_snapshot_identifier(id)
            .db_instance_identifier(instance)
            .set_tags(Some(aws_tags(tags)));
        outgoing!(SERVICE, "CreateDBSnapshot", region, id, request, call)
    }

    pub fn delete_db_snapshot(&self, region: &str, id: &str) -> Outgoing {
        let call = self
            .rds_writer(region)
            .delete_db_snapshot()
            .db_snapshot_identifier(id);
        let request = json!({ "DBSnapshotIdentifier": id });
        outgoing!(SERVICE, "DeleteDBSnapshot", region, id, request, call)
    }

    /// Called in the destination region.
    pub fn copy_db_snapshot(&self, region: &str, copy: &SnapshotCopy<'_>) -> Outgoing {
        let mut request = json!({
            "SourceDBSnapshotIdentifier": copy.source_arn,
            "TargetDBSnapshotIdentifier": copy.id,
            "SourceRegion": copy.source_region,
            "CopyTags": false,
            "Tags": json_tags(copy.tags),
        });
        if let Some(key) = copy.key {
            request["KmsKeyId"] = key.into();
        }
        if let Some(group) = copy.option_group {
            request["OptionGroupName"] = group.into();
        }
        let call = self
            .rds_writer(region)
            .copy_db_snapshot()
            .source_db_snapshot_identifier(copy.source_arn)
            .target_db_snapshot_identifier(copy.id)
            .copy_tags(false)
            .set_kms_key_id(copy.key.map(str::to_owned))
            .set_option_group_name(copy.option_group.map(str::to_owned))
            .set_tags(Some(aws_tags(copy.tags)));
        outgoing!(SERVICE, "CopyDBSnapshot", region, copy.id, request, call)
    }

    pub fn restore_db_instance(&self, region: &str, r: &Restore) -> Outgoing {
        let mut request = json!({
            "DBInstanceIdentifier": r.id,
            "DBSnapshotIdentifier": r.snapshot,
            "DBInstanceClass": r.class,
            "Port": r.port,
            "MultiAZ": r.multi_az,
            "StorageType": r.storage_type,
            "DBSubnetGroupName": r.subnet_group,
            "VpcSecurityGroupIds": r.security_groups,
            "DBParameterGroupName": r.parameter_group,
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
            .port(r.port)
            .multi_az(r.multi_az)
            .storage_type(&r.storage_type)
            .set_iops(r.iops)
            .set_storage_throughput(r.storage_throughput)
            .db_subnet_group_name(&r.subnet_group)
            .set_vpc_security_group_ids(Some(r.security_groups.clone()))
            .db_parameter_group_name(&r.parameter_group)
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

    pub fn create_db_subnet_group(
        &self,
        region: &str,
        name: &str,
        description: &str,
        subnets: &[String],
        tags: &Tags,
    ) -> Outgoing {
        let request = json!({
            "DBSubnetGroupName": name, "DBSubnetGroupDescription": description,
            "SubnetIds": subnets, "Tags": json_tags(tags),
        });
        let call = self
            .rds_writer(region)
            .create_db_subnet_group()
            .db_subnet_group_name(name)
            .db_subnet_group_description(description)
            .set_subnet_ids(Some(subnets.to_vec()))
            .set_tags(Some(aws_tags(tags)));
        outgoing!(SERVICE, "CreateDBSubnetGroup", region, name, request, call)
    }

    pub fn delete_db_subnet_group(&self, region: &str, name: &str) -> Outgoing {
        let call = self
            .rds_writer(region)
            .delete_db_subnet_group()
            .db_subnet_group_name(name);
        let request = json!({ "DBSubnetGroupName": name });
        outgoing!(SERVICE, "DeleteDBSubnetGroup", region, name, request, call)
    }

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

/// A copy of a snapshot in another region.
#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotCopy<'a> {
    pub id: &'a str,
    pub source_arn: &'a str,
    pub source_region: &'a str,
    pub key: Option<&'a str>,
    pub option_group: Option<&'a str>,
    pub tags: &'a Tags,
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
