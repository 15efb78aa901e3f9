//! Discovery: asks AWS what the source stack is, and writes a [`Capture`].
//!
//! It starts from what the manifest names (services, databases, secrets, repositories, records) and follows references:
//! a service to its subnets, groups, target groups and balancers, these to their VPC and certificates, a task
//! definition to its roles and log groups. It reads; it never changes anything, and never reads a secret's value.
//!
//! What is not in a capture does not move, and nobody would miss it before it is needed. A list may lack something for a
//! moment, or be asked for in the middle of a deployment: so a capture counts when two readings in a row say the same.

mod compute;
mod edge;
mod network;
mod parameters;

use std::collections::BTreeSet;

use drtool_engine::Timestamp;
use drtool_engine::step::Look;

use crate::capture::drift::{Difference, differences};
use crate::capture::{Capture, Key, Secret, Tags, VERSION, database, edge::Record};
use crate::cloud::Cloud;
use crate::cloud::error::CloudError;
use crate::failure::{Exit, Failure};

/// What a manifest names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    pub stack: String,
    pub region: String,
    pub account: String,
    pub partition: String,
    pub databases: Vec<String>,
    pub secrets: Vec<String>,
    pub parameters: Vec<String>,
    pub repositories: Vec<String>,
    /// Cluster and service.
    pub services: Vec<(String, String)>,
    /// Zone and name.
    pub records: Vec<(String, String)>,
}

/// One reading: every list is fetched once.
pub(crate) struct Discovery<'a> {
    cloud: &'a Cloud,
    named: &'a Named,
    look: Look,
}

/// Readings, of which two in a row have to agree.
const READINGS: usize = 6;

/// AWS has refused to tell, or could not: another reading would not either.
const UNREADABLE: &str = "E2010";

/// Asks for everything that `named` names and refers to, until it is told the same twice.
pub async fn discover(cloud: &Cloud, named: &Named, taken: Timestamp) -> Result<Capture, Failure> {
    let mut before = None;
    let mut apart = String::new();
    for _ in 0..READINGS {
        cloud.looks().forget();
        let discovery = Discovery {
            cloud,
            named,
            look: Look::shared(0),
        };
        let now = discovery.all(taken).await;
        if let Err(failure) = &now
            && failure.code == UNREADABLE
        {
            return now;
        }
        apart = match before.take().map(|before| disagreement(&before, &now)) {
            Some(None) => return now,
            Some(Some(apart)) => apart,
            None => String::new(),
        };
        before = Some(now);
    }
    Err(Failure::new(
        "E2013",
        Exit::Refused,
        format_args!("the source stack is told differently each time: {apart}"),
    )
    .hint("is something being deployed, or deleted? when it is done, type the command again"))
}

/// Where two readings differ first.
fn disagreement(
    before: &Result<Capture, Failure>,
    now: &Result<Capture, Failure>,
) -> Option<String> {
    match (before, now) {
        (Ok(before), Ok(now)) => differences(before, now).first().map(Difference::to_string),
        (Err(before), Err(now)) if before.to_string() == now.to_string() => None,
        (Err(failure), _) | (_, Err(failure)) => Some(failure.to_string()),
    }
}

fn failed(error: CloudError) -> Failure {
    Failure::new(
        UNREADABLE,
        Exit::Refused,
        format_args!("the source stack cannot be read"),
    )
    .cause(error)
}

fn missing(what: &str, name: &str, region: &str) -> Failure {
    Failure::new(
        "E2011",
        Exit::Refused,
        format_args!("the manifest names {what} `{name}`, which is not in {region}"),
    )
    .hint("correct the manifest, or the profile and region that the command runs with")
}

/// Tags without AWS's own, which no call may set.
fn own(tags: &Tags) -> Tags {
    tags.iter()
        .filter(|(key, _)| !key.starts_with("aws:"))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

fn count(n: i32) -> u32 {
    u32::try_from(n).unwrap_or_default()
}

impl Discovery<'_> {
    async fn all(&self, taken: Timestamp) -> Result<Capture, Failure> {
        let named = self.named;
        let compute = self.compute().await?;
        let edge = self.edge(&compute).await?;
        let databases = self.databases().await?;
        let mut groups: BTreeSet<String> = compute
            .services
            .iter()
            .flat_map(|s| s.security_groups.clone())
            .collect();
        groups.extend(
            edge.balancers
                .iter()
                .flat_map(|b| b.security_group_ids.clone()),
        );
        groups.extend(databases.iter().flat_map(|d| d.security_group_ids.clone()));
        let mut subnets: BTreeSet<String> = compute
            .services
            .iter()
            .flat_map(|s| s.subnets.clone())
            .collect();
        subnets.extend(edge.balancers.iter().flat_map(|b| b.subnet_ids.clone()));
        subnets.extend(
            databases
                .iter()
                .flat_map(|d| d.subnet_group.subnet_ids.clone()),
        );
        let (network, mut unhandled) = self.network(&subnets, &groups).await?;
        unhandled.extend(edge.unhandled);
        let secrets = self.secrets().await?;
        let (parameters, unlisted) = self.parameters(&compute).await?;
        unhandled.extend(unlisted);
        let repositories = self.repositories(&compute).await?;
        let log_groups = self.log_groups(&compute).await?;
        let mut keys: BTreeSet<String> =
            databases.iter().filter_map(|d| d.kms_key.clone()).collect();
        keys.extend(secrets.iter().filter_map(|s| s.kms_key.clone()));
        keys.extend(parameters.iter().filter_map(|p| p.kms_key.clone()));
        keys.extend(repositories.iter().filter_map(|r| r.kms_key.clone()));
        keys.extend(log_groups.iter().filter_map(|g| g.kms_key.clone()));
        Ok(Capture {
            version: VERSION,
            stack: named.stack.clone(),
            partition: named.partition.clone(),
            account: named.account.clone(),
            region: named.region.clone(),
            taken,
            network,
            keys: self.keys(&keys).await?,
            roles: self.roles(&compute, &databases).await?,
            certificates: edge.certificates,
            balancers: edge.balancers,
            target_groups: edge.target_groups,
            parameter_groups: self.parameter_groups(&databases).await?,
            option_groups: self.option_groups(&databases).await?,
            written_paths: compute.written_paths(),
            clusters: compute.clusters,
            task_definitions: compute.task_definitions,
            services: compute.services,
            scalable_targets: compute.scalable_targets,
            scaling_policies: compute.scaling_policies,
            databases,
            secrets,
            parameters,
            repositories,
            log_groups,
            records: self.records().await?,
            unhandled,
        })
    }

    async fn keys(&self, ids: &BTreeSet<String>) -> Result<Vec<Key>, Failure> {
        let mut keys = Vec::new();
        for id in ids {
            let key = self
                .cloud
                .key(&self.named.region, id, self.look)
                .await
                .map_err(failed)?;
            let Some(key) = key.as_ref() else {
                return Err(missing("key", id, &self.named.region));
            };
            let aliases = self
                .cloud
                .key_aliases(&self.named.region, &key.id)
                .await
                .map_err(failed)?;
            keys.push(Key {
                arn: key.arn.clone(),
                aliases,
                multi_region: key.multi_region,
                aws_managed: key.manager == "AWS",
            });
        }
        keys.dedup_by(|a, b| a.arn == b.arn);
        Ok(keys)
    }

    async fn secrets(&self) -> Result<Vec<Secret>, Failure> {
        let mut secrets = Vec::new();
        for name in &self.named.secrets {
            let secret = self
                .cloud
                .secret(&self.named.region, name, self.look)
                .await
                .map_err(failed)?;
            let Some(s) = secret.as_ref() else {
                return Err(missing("secret", name, &self.named.region));
            };
            secrets.push(Secret {
                name: s.name.clone(),
                arn: s.arn.clone(),
                kms_key: s.key.clone(),
                rotation_enabled: s.rotation,
                owning_service: s.owning_service.clone(),
                replica_regions: s.replicas.iter().map(|r| r.region.clone()).collect(),
                tags: own(&s.tags),
            });
        }
        Ok(secrets)
    }

    async fn databases(&self) -> Result<Vec<database::Database>, Failure> {
        let region = &self.named.region;
        let groups = self
            .cloud
            .db_subnet_groups(region, self.look)
            .await
            .map_err(failed)?;
        let mut databases = Vec::new();
        for id in &self.named.databases {
            let db = self
                .cloud
                .db_instance(region, id, self.look)
                .await
                .map_err(failed)?;
            let Some(db) = db else {
                return Err(missing("database", id, region));
            };
            let group = groups
                .iter()
                .find(|g| Some(&g.name) == db.subnet_group.as_ref());
            databases.push(database::Database {
                identifier: db.id.clone(),
                arn: db.arn.clone(),
                endpoint: db.host.clone().unwrap_or_default(),
                settings: settings(&db),
                subnet_group: database::SubnetGroup {
                    name: db.subnet_group.clone().unwrap_or_default(),
                    description: group.map(|g| g.description.clone()).unwrap_or_default(),
                    subnet_ids: group.map(|g| g.subnets.clone()).unwrap_or_default(),
                },
                security_group_ids: db.security_groups.clone(),
                kms_key: db.kms_key.clone(),
                managed_secret: db.managed_password.then(|| "managed by RDS".to_owned()),
                tags: own(&db.tags),
            });
        }
        Ok(databases)
    }

    async fn parameter_groups(
        &self,
        databases: &[database::Database],
    ) -> Result<Vec<database::ParameterGroup>, Failure> {
        let region = &self.named.region;
        let all = self
            .cloud
            .db_parameter_groups(region, self.look)
            .await
            .map_err(failed)?;
        let names: BTreeSet<&String> = databases
            .iter()
            .map(|d| &d.settings.parameter_group)
            .collect();
        let mut groups = Vec::new();
        for group in all.iter().filter(|g| names.contains(&g.name)) {
            let parameters = self
                .cloud
                .db_parameters(region, &group.name, self.look)
                .await
                .map_err(failed)?;
            let tags = self
                .cloud
                .db_tags(region, &group.arn, self.look)
                .await
                .map_err(failed)?;
            groups.push(database::ParameterGroup {
                name: group.name.clone(),
                family: group.family.clone(),
                description: group.description.clone(),
                parameters: parameters
                    .iter()
                    .map(|p| {
                        let needs_restart = p.apply == "pending-reboot";
                        (
                            p.name.clone(),
                            database::ParameterValue {
                                value: p.value.clone(),
                                needs_restart,
                            },
                        )
                    })
                    .collect(),
                tags: own(&tags),
            });
        }
        Ok(groups)
    }

    /// The groups with options of the databases' own. AWS's empty ones stand in every region.
    async fn option_groups(
        &self,
        databases: &[database::Database],
    ) -> Result<Vec<database::OptionGroup>, Failure> {
        let region = &self.named.region;
        let names: BTreeSet<&String> = databases
            .iter()
            .map(|d| &d.settings.option_group)
            .filter(|name| !name.is_empty() && !name.starts_with("default:"))
            .collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let all = self
            .cloud
            .db_option_groups(region, self.look)
            .await
            .map_err(failed)?;
        let mut groups = Vec::new();
        for group in all.iter().filter(|g| names.contains(&g.name)) {
            let tags = self
                .cloud
                .db_tags(region, &group.arn, self.look)
                .await
                .map_err(failed)?;
            groups.push(database::OptionGroup {
                name: group.name.clone(),
                engine: group.engine.clone(),
                major_version: group.major_version.clone(),
                description: group.description.clone(),
                options: group
                    .options
                    .iter()
                    .map(|o| database::DatabaseOption {
                        name: o.name.clone(),
                        version: o.version.clone(),
                        port: o.port.and_then(|p| u16::try_from(p).ok()),
                        settings: o.changed.clone(),
                        security_group_ids: o.security_groups.clone(),
                    })
                    .collect(),
                tags: own(&tags),
            });
        }
        Ok(groups)
    }

    async fn records(&self) -> Result<Vec<Record>, Failure> {
        let zones = self.cloud.hosted_zones(self.look).await.map_err(failed)?;
        let mut records = Vec::new();
        for (zone_name, name) in &self.named.records {
            let zone_name = zone_name.trim_end_matches('.').to_ascii_lowercase();
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let mut found = false;
            for zone in zones
                .iter()
                .filter(|z| z.name == zone_name || z.id == zone_name)
            {
                let all = self
                    .cloud
                    .records(&zone.id, self.look)
                    .await
                    .map_err(failed)?;
                for r in all
                    .iter()
                    .filter(|r| r.name == name && matches!(r.kind.as_str(), "A" | "AAAA" | "CNAME"))
                {
                    found = true;
                    records.push(Record {
                        zone_id: zone.id.clone(),
                        zone: zone.name.clone(),
                        private: zone.private,
                        name: r.name.clone(),
                        kind: r.kind.clone(),
                        ttl: r.ttl.and_then(|t| u32::try_from(t).ok()),
                        values: r.values.clone(),
                        alias: r.alias.as_ref().map(|a| crate::capture::edge::AliasTarget {
                            hosted_zone_id: a.zone.clone(),
                            dns_name: a.name.clone(),
                            evaluate_target_health: a.evaluate_health,
                        }),
                        set_identifier: r.set.clone(),
                        failover: r.failover.clone(),
                        weight: r.weight.and_then(|w| u32::try_from(w).ok()),
                        health_check_id: r.health_check.clone(),
                    });
                }
            }
            if !found {
                return Err(missing("record", &name, &format!("zone {zone_name}")));
            }
        }
        Ok(records)
    }
}

fn settings(db: &crate::cloud::rds::DbInstance) -> database::Settings {
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    database::Settings {
        engine: db.engine.clone(),
        engine_version: db.engine_version.clone(),
        license_model: text(&db.license_model),
        class: db.class.clone(),
        allocated_storage_gib: count(db.storage_gib),
        max_allocated_storage_gib: db.max_storage_gib.map(count),
        storage_type: db.storage_type.clone(),
        iops: db.iops.map(count),
        storage_throughput: db.storage_throughput.map(count),
        multi_az: db.multi_az,
        publicly_accessible: db.publicly_accessible,
        port: db
            .port
            .and_then(|p| u16::try_from(p).ok())
            .unwrap_or_default(),
        database_name: db.database_name.clone(),
        master_username: text(&db.master_username),
        parameter_group: text(&db.parameter_group),
        option_group: text(&db.option_group),
        backup_retention_days: count(db.backup_retention_days),
        backup_window: text(&db.backup_window),
        maintenance_window: text(&db.maintenance_window),
        auto_minor_version_upgrade: db.auto_minor_version_upgrade,
        deletion_protection: db.deletion_protection,
        copy_tags_to_snapshot: db.copy_tags_to_snapshot,
        iam_authentication: db.iam_authentication,
        ca_certificate: text(&db.ca_certificate),
        log_exports: db.log_exports.clone(),
        performance_insights: db.performance_insights,
        performance_insights_retention_days: db.performance_insights_retention_days.map(count),
        monitoring_interval: count(db.monitoring_interval),
        monitoring_role_arn: db.monitoring_role.clone(),
        network_type: db.network_type.clone().unwrap_or_else(|| "IPV4".to_owned()),
    }
}
