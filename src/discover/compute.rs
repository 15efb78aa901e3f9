//! Services, what they run, and what that needs: task definitions, roles, images, log groups, scaling.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Discovery, count, failed, missing, own};
use crate::capture::compute::{
    CapacityProvider, Cluster, Image, LogGroup, Repository, Role, RoleStatement, RoleUse,
    ScalableTarget, ScalingPolicy, Service, ServiceTargetGroup, Suspended, TaskDefinition,
};
use crate::capture::{WrittenPath, database::Database};
use crate::failure::Failure;

/// What runs.
pub(crate) struct Compute {
    pub clusters: Vec<Cluster>,
    pub services: Vec<Service>,
    pub task_definitions: Vec<TaskDefinition>,
    pub scalable_targets: Vec<ScalableTarget>,
    pub scaling_policies: Vec<ScalingPolicy>,
    /// Repository and digest of what runs now.
    pub running: BTreeSet<(String, String)>,
}

/// Paths that images are known to write to: part of the image's name, path.
const WRITTEN: &[(&str, &str)] = &[
    ("redmine", "/home/redmine/data"),
    ("vikunja", "/app/vikunja/files"),
];

impl Compute {
    /// Paths that containers write to and that no mount keeps.
    pub fn written_paths(&self) -> Vec<WrittenPath> {
        let mut found = Vec::new();
        for container in self
            .task_definitions
            .iter()
            .flat_map(|t| &t.container_definitions)
        {
            let image = container["image"].as_str().unwrap_or_default();
            let name = container["name"].as_str().unwrap_or_default();
            for (known, path) in WRITTEN.iter().filter(|(known, _)| image.contains(known)) {
                found.push(WrittenPath {
                    container: name.to_owned(),
                    path: (*path).to_owned(),
                    known_from: format!("images of {known} write there"),
                });
            }
        }
        found
    }

    fn log_group_names(&self) -> BTreeSet<String> {
        self.task_definitions
            .iter()
            .flat_map(|t| &t.container_definitions)
            .filter_map(|c| {
                c.pointer("/logConfiguration/options/awslogs-group")?
                    .as_str()
                    .map(str::to_owned)
            })
            .collect()
    }
}

impl Discovery<'_> {
    pub(super) async fn compute(&self) -> Result<Compute, Failure> {
        let (cloud, region, look) = (self.cloud, &self.named.region, self.look);
        let mut compute = Compute {
            clusters: Vec::new(),
            services: Vec::new(),
            task_definitions: Vec::new(),
            scalable_targets: Vec::new(),
            scaling_policies: Vec::new(),
            running: BTreeSet::new(),
        };
        for (cluster_name, service_name) in &self.named.services {
            let cluster = cloud
                .cluster(region, cluster_name, look)
                .await
                .map_err(failed)?;
            let Some(cluster) = cluster.as_ref() else {
                return Err(missing("cluster", cluster_name, region));
            };
            if !compute.clusters.iter().any(|c| c.name == cluster.name) {
                compute.clusters.push(Cluster {
                    name: cluster.name.clone(),
                    arn: cluster.arn.clone(),
                    container_insights: cluster.insights.clone(),
                    capacity_providers: cluster.capacity_providers.clone(),
                    tags: own(&cluster.tags),
                });
            }
            let service = cloud
                .service(region, cluster_name, service_name, look)
                .await
                .map_err(failed)?;
            let Some(s) = service
                .as_ref()
                .as_ref()
                .filter(|s| !matches!(s.status.as_str(), "INACTIVE" | "DRAINING"))
            else {
                return Err(missing(
                    "service",
                    &format!("{cluster_name}/{service_name}"),
                    region,
                ));
            };
            compute.services.push(Service {
                name: s.name.clone(),
                cluster: cluster.name.clone(),
                arn: s.arn.clone(),
                task_definition: s.task_definition.clone(),
                desired_count: count(s.desired),
                launch_type: s.launch_type.clone().unwrap_or_default(),
                platform_version: s.platform_version.clone().unwrap_or_default(),
                capacity_providers: s
                    .capacity
                    .iter()
                    .map(|c| CapacityProvider {
                        name: c.provider.clone(),
                        weight: count(c.weight),
                        base: count(c.base),
                    })
                    .collect(),
                deployment_controller: s.controller.clone(),
                minimum_healthy_percent: s.minimum_percent.map_or(100, count),
                maximum_percent: s.maximum_percent.map_or(200, count),
                circuit_breaker: s.circuit_breaker.then_some(s.rollback),
                health_check_grace_period_seconds: s.grace_seconds.map(count),
                enable_execute_command: s.execute_command,
                enable_ecs_managed_tags: s.managed_tags,
                propagate_tags: s
                    .propagate_tags
                    .clone()
                    .unwrap_or_else(|| "NONE".to_owned()),
                assign_public_ip: s.public_address,
                subnets: s.subnets.clone(),
                security_groups: s.security_groups.clone(),
                load_balancers: s
                    .targets
                    .iter()
                    .map(|t| ServiceTargetGroup {
                        target_group_arn: t.target_group.clone(),
                        container_name: t.container.clone(),
                        container_port: u16::try_from(t.port).unwrap_or_default(),
                    })
                    .collect(),
                service_registries: s.registries.clone(),
                tags: own(&s.tags),
            });
            self.task_definition(&s.task_definition, &mut compute)
                .await?;
            self.running(cluster_name, service_name, &mut compute)
                .await?;
            self.scaling(cluster_name, service_name, &mut compute)
                .await?;
        }
        Ok(compute)
    }

    async fn task_definition(&self, arn: &str, compute: &mut Compute) -> Result<(), Failure> {
        let definition = self
            .cloud
            .task_definition(&self.named.region, arn, self.look)
            .await
            .map_err(failed)?;
        let Some(t) = definition.as_ref() else {
            return Err(missing("task definition", arn, &self.named.region));
        };
        if compute
            .task_definitions
            .iter()
            .any(|known| known.arn == t.arn)
        {
            return Ok(());
        }
        compute.task_definitions.push(TaskDefinition {
            arn: t.arn.clone(),
            family: t.family.clone(),
            cpu: t.cpu.clone().unwrap_or_default(),
            memory: t.memory.clone().unwrap_or_default(),
            network_mode: t.network_mode.clone().unwrap_or_default(),
            requires_compatibilities: t.compatibilities.clone(),
            execution_role_arn: t.execution_role.clone(),
            task_role_arn: t.task_role.clone(),
            container_definitions: t.containers.clone(),
            volumes: t
                .volumes
                .iter()
                .map(|name| json!({ "name": name }))
                .collect(),
            runtime_platform: t
                .platform
                .as_ref()
                .map(|(cpu, os)| json!({ "cpuArchitecture": cpu, "operatingSystemFamily": os })),
            ephemeral_storage_gib: t.ephemeral_storage_gib.map(count),
            tags: own(&t.tags),
        });
        Ok(())
    }

    /// What runs by digest: a tag may have moved since the tasks started.
    async fn running(
        &self,
        cluster: &str,
        service: &str,
        compute: &mut Compute,
    ) -> Result<(), Failure> {
        let of = crate::cloud::ecs::TasksOf::Service(service);
        let tasks = self
            .cloud
            .tasks(&self.named.region, cluster, of, false, self.look)
            .await
            .map_err(failed)?;
        for task in tasks.iter() {
            let definition = compute
                .task_definitions
                .iter()
                .find(|t| t.arn == task.task_definition);
            let image =
                definition.and_then(|t| t.container_definitions.first()?.get("image")?.as_str());
            if let (Some(image), Some(digest)) = (image, &task.image_digest) {
                compute
                    .running
                    .insert((repository_of(image), digest.clone()));
            }
        }
        Ok(())
    }

    async fn scaling(
        &self,
        cluster: &str,
        service: &str,
        compute: &mut Compute,
    ) -> Result<(), Failure> {
        let resource = format!("service/{cluster}/{service}");
        let region = &self.named.region;
        let targets = self
            .cloud
            .scalable_targets(region, self.look)
            .await
            .map_err(failed)?;
        for t in targets.iter().filter(|t| t.resource == resource) {
            compute.scalable_targets.push(ScalableTarget {
                resource_id: t.resource.clone(),
                dimension: "ecs:service:DesiredCount".to_owned(),
                min: count(t.min),
                max: count(t.max),
                suspended: Suspended {
                    dynamic_in: t.suspended.scale_in,
                    dynamic_out: t.suspended.scale_out,
                    scheduled: t.suspended.scheduled,
                },
                role_arn: t.role_arn.clone().unwrap_or_default(),
            });
        }
        let policies = self
            .cloud
            .scaling_policies(region, self.look)
            .await
            .map_err(failed)?;
        for p in policies.iter().filter(|p| p.resource == resource) {
            let mut configuration = json!({});
            for (member, value) in [
                ("TargetValue", p.target.map(Value::from)),
                ("ScaleInCooldown", p.scale_in_cooldown.map(Value::from)),
                ("ScaleOutCooldown", p.scale_out_cooldown.map(Value::from)),
                ("DisableScaleIn", p.disable_scale_in.map(Value::from)),
                (
                    "PredefinedMetricSpecification",
                    p.metric
                        .as_ref()
                        .map(|m| json!({ "PredefinedMetricType": m })),
                ),
            ] {
                if let Some(value) = value {
                    configuration[member] = value;
                }
            }
            compute.scaling_policies.push(ScalingPolicy {
                name: p.name.clone(),
                resource_id: p.resource.clone(),
                dimension: "ecs:service:DesiredCount".to_owned(),
                kind: p.kind.clone(),
                configuration,
            });
        }
        Ok(())
    }

    pub(super) async fn repositories(&self, compute: &Compute) -> Result<Vec<Repository>, Failure> {
        let (cloud, region) = (self.cloud, &self.named.region);
        let mut repositories = Vec::new();
        for name in &self.named.repositories {
            let repository = cloud
                .repository(region, name, self.look)
                .await
                .map_err(failed)?;
            let Some(r) = repository.as_ref() else {
                return Err(missing("repository", name, region));
            };
            let all = cloud
                .images(region, name, self.look)
                .await
                .map_err(failed)?;
            // What runs, and what the task definitions name; in a repository that nothing names, everything that is tagged.
            let named: BTreeSet<String> = compute
                .task_definitions
                .iter()
                .flat_map(|t| &t.container_definitions)
                .filter_map(|c| c["image"].as_str())
                .filter(|image| repository_of(image) == *name)
                .map(reference_of)
                .collect();
            let runs = |digest: &str| compute.running.contains(&(name.clone(), digest.to_owned()));
            let images: Vec<Image> = all
                .iter()
                .filter(|i| {
                    runs(&i.digest)
                        || named.contains(&i.digest)
                        || i.tags.iter().any(|tag| named.contains(tag))
                        || (named.is_empty() && !i.tags.is_empty())
                })
                .map(|i| Image {
                    digest: i.digest.clone(),
                    tags: i.tags.clone(),
                    media_type: i.media_type.clone().unwrap_or_default(),
                    size: u64::try_from(i.bytes).unwrap_or_default(),
                })
                .collect();
            repositories.push(Repository {
                name: r.name.clone(),
                arn: r.arn.clone(),
                uri: r.uri.clone(),
                tag_mutability: if r.immutable { "IMMUTABLE" } else { "MUTABLE" }.to_owned(),
                scan_on_push: r.scan_on_push,
                kms_key: r.key.clone(),
                repository_policy: cloud
                    .repository_policy(region, name)
                    .await
                    .map_err(failed)?,
                lifecycle_policy: cloud.lifecycle_policy(region, name).await.map_err(failed)?,
                images,
                tags: own(&r.tags),
            });
        }
        Ok(repositories)
    }

    pub(super) async fn log_groups(&self, compute: &Compute) -> Result<Vec<LogGroup>, Failure> {
        let (cloud, region) = (self.cloud, &self.named.region);
        let mut groups = Vec::new();
        for name in compute.log_group_names() {
            let all = cloud
                .log_groups(region, &name, self.look)
                .await
                .map_err(failed)?;
            let Some(group) = all.iter().find(|g| g.name == name) else {
                continue;
            };
            let tags = cloud
                .log_group_tags(region, &group.arn, self.look)
                .await
                .map_err(failed)?;
            groups.push(LogGroup {
                name: group.name.clone(),
                retention_days: group.retention_days.map(count),
                kms_key: group.key.clone(),
                tags: own(&tags),
            });
        }
        Ok(groups)
    }

    pub(super) async fn roles(
        &self,
        compute: &Compute,
        databases: &[Database],
    ) -> Result<Vec<Role>, Failure> {
        let mut wanted: Vec<(String, RoleUse)> = Vec::new();
        for t in &compute.task_definitions {
            wanted.extend(
                t.execution_role_arn
                    .clone()
                    .map(|arn| (arn, RoleUse::TaskExecution)),
            );
            wanted.extend(t.task_role_arn.clone().map(|arn| (arn, RoleUse::Task)));
        }
        wanted.extend(
            databases
                .iter()
                .filter_map(|d| d.settings.monitoring_role_arn.clone())
                .map(|arn| (arn, RoleUse::Monitoring)),
        );
        let mut roles: Vec<Role> = Vec::new();
        for (arn, used_as) in wanted {
            if roles.iter().any(|r| r.arn == arn) {
                continue;
            }
            let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
            let documents = self.cloud.role_documents(&name).await.map_err(failed)?;
            let statements = documents.iter().flat_map(|d| self.statements(d)).collect();
            roles.push(Role {
                name,
                arn,
                used_as,
                statements,
            });
        }
        Ok(roles)
    }

    /// What a policy allows on resources that name the source region.
    fn statements(&self, document: &Value) -> Vec<RoleStatement> {
        let list = |v: &Value| -> Vec<String> {
            match v {
                Value::String(one) => vec![one.clone()],
                Value::Array(many) => many
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
                _ => Vec::new(),
            }
        };
        let statements = match &document["Statement"] {
            Value::Array(many) => many.clone(),
            one => vec![one.clone()],
        };
        let here = |arn: &String| arn.split(':').nth(3) == Some(self.named.region.as_str());
        statements
            .iter()
            .filter(|s| s["Effect"] == "Allow")
            .map(|s| RoleStatement {
                actions: list(&s["Action"]),
                resources: list(&s["Resource"]).into_iter().filter(here).collect(),
            })
            .filter(|s| !s.resources.is_empty() && !s.actions.is_empty())
            .collect()
    }
}

/// `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG` → `NAME`.
fn repository_of(image: &str) -> String {
    let path = image.split_once('/').map_or(
        image,
        |(host, path)| if host.contains('.') { path } else { image },
    );
    let path = path.split('@').next().unwrap_or(path);
    match path.rsplit_once(':') {
        Some((name, _)) => name.to_owned(),
        None => path.to_owned(),
    }
}

/// The digest or tag of an image URI; `latest` where it names neither.
fn reference_of(image: &str) -> String {
    if let Some((_, digest)) = image.split_once('@') {
        return digest.to_owned();
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split_once(':')
        .map_or_else(|| "latest".to_owned(), |(_, tag)| tag.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_uri_names_its_repository_and_its_reference() {
        let uri = "111122223333.dkr.ecr.us-west-2.amazonaws.com/team/redmine:5.1";
        assert_eq!(
            (repository_of(uri), reference_of(uri)),
            ("team/redmine".into(), "5.1".into())
        );
        let pinned = "111122223333.dkr.ecr.us-west-2.amazonaws.com/redmine@sha256:ab";
        assert_eq!(
            (repository_of(pinned), reference_of(pinned)),
            ("redmine".into(), "sha256:ab".into())
        );
    }
}
