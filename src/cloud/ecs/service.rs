//! Services.

use super::placement::{awsvpc, json_awsvpc};
use super::{SERVICE, aws_tags, json_tags, tags_of, text};
use crate::cloud::call::{Outgoing, outgoing};
use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, Tags, refused};
use aws_sdk_ecs::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    pub name: String,
    pub arn: String,
    pub status: String,
    pub task_definition: String,
    pub desired: i32,
    pub running: i32,
    pub pending: i32,
    pub launch_type: Option<String>,
    pub capacity: Vec<CapacityShare>,
    pub controller: String,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub public_address: bool,
    pub targets: Vec<ServiceTarget>,
    pub grace_seconds: Option<i32>,
    pub minimum_percent: Option<i32>,
    pub maximum_percent: Option<i32>,
    pub circuit_breaker: bool,
    pub rollback: bool,
    /// The rollout state of the primary deployment: `IN_PROGRESS`, `COMPLETED`, `FAILED`.
    pub rollout: Option<String>,
    pub rollout_reason: Option<String>,
    pub deployments: usize,
    pub propagate_tags: Option<String>,
    pub managed_tags: bool,
    /// Cloud Map registries.
    pub registries: Vec<String>,
    pub execute_command: bool,
    pub platform_version: Option<String>,
    /// The newest event, as AWS words it.
    pub last_event: Option<String>,
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CapacityShare {
    pub provider: String,
    pub weight: i32,
    pub base: i32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceTarget {
    pub target_group: String,
    pub container: String,
    pub port: i32,
}

fn service_of(s: &aws::Service) -> Service {
    let network = s
        .network_configuration()
        .and_then(|n| n.awsvpc_configuration());
    let primary = s
        .deployments()
        .iter()
        .find(|d| d.status() == Some("PRIMARY"));
    let breaker = s
        .deployment_configuration()
        .and_then(|d| d.deployment_circuit_breaker());
    Service {
        name: text(s.service_name()),
        arn: text(s.service_arn()),
        status: text(s.status()),
        task_definition: text(s.task_definition()),
        desired: s.desired_count(),
        running: s.running_count(),
        pending: s.pending_count(),
        launch_type: s.launch_type().map(|l| l.as_str().to_owned()),
        capacity: s
            .capacity_provider_strategy()
            .iter()
            .map(|c| CapacityShare {
                provider: c.capacity_provider().to_owned(),
                weight: c.weight(),
                base: c.base(),
            })
            .collect(),
        controller: s
            .deployment_controller()
            .map_or("ECS", |c| c.r#type().as_str())
            .to_owned(),
        subnets: network.map(|n| n.subnets().to_vec()).unwrap_or_default(),
        security_groups: network
            .map(|n| n.security_groups().to_vec())
            .unwrap_or_default(),
        public_address: network.and_then(|n| n.assign_public_ip())
            == Some(&aws::AssignPublicIp::Enabled),
        targets: s
            .load_balancers()
            .iter()
            .map(|l| ServiceTarget {
                target_group: text(l.target_group_arn()),
                container: text(l.container_name()),
                port: l.container_port().unwrap_or_default(),
            })
            .collect(),
        grace_seconds: s.health_check_grace_period_seconds(),
        minimum_percent: s
            .deployment_configuration()
            .and_then(|d| d.minimum_healthy_percent()),
        maximum_percent: s
            .deployment_configuration()
            .and_then(|d| d.maximum_percent()),
        circuit_breaker: breaker.is_some_and(|b| b.enable()),
        rollback: breaker.is_some_and(|b| b.rollback()),
        rollout: primary
            .and_then(|d| d.rollout_state())
            .map(|r| r.as_str().to_owned()),
        rollout_reason: primary
            .and_then(|d| d.rollout_state_reason())
            .map(str::to_owned),
        deployments: s.deployments().len(),
        propagate_tags: s.propagate_tags().map(|p| p.as_str().to_owned()),
        managed_tags: s.enable_ecs_managed_tags(),
        registries: s
            .service_registries()
            .iter()
            .filter_map(|r| r.registry_arn())
            .map(str::to_owned)
            .collect(),
        execute_command: s.enable_execute_command(),
        platform_version: s.platform_version().map(str::to_owned),
        last_event: s
            .events()
            .first()
            .and_then(|e| e.message())
            .map(str::to_owned),
        tags: tags_of(s.tags()),
    }
}

/// What a service is made with.
#[derive(Debug, Clone, PartialEq)]
pub struct NewService {
    pub cluster: String,
    pub name: String,
    pub task_definition: String,
    pub desired: i32,
    pub launch_type: Option<String>,
    pub capacity: Vec<CapacityShare>,
    pub platform_version: Option<String>,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub public_address: bool,
    pub targets: Vec<ServiceTarget>,
    pub grace_seconds: Option<i32>,
    pub minimum_percent: Option<i32>,
    pub maximum_percent: Option<i32>,
    pub circuit_breaker: bool,
    pub rollback: bool,
    pub propagate_tags: Option<String>,
    pub managed_tags: bool,
    pub execute_command: bool,
    pub token: String,
    pub tags: Tags,
}

/// Looks.
impl Cloud {
    /// A service by name, whatever its status.
    pub async fn service(
        &self,
        region: &str,
        cluster: &str,
        name: &str,
        look: Look,
    ) -> Result<Arc<Option<Service>>, CloudError> {
        self.looks()
            .shared(
                SERVICE,
                format!("ecs/service/{region}/{cluster}/{name}"),
                look,
                async {
                    let answer = self
                        .ecs(region)
                        .describe_services()
                        .cluster(cluster)
                        .services(name)
                        .include(aws::ServiceField::Tags)
                        .send()
                        .await
                        .map_err(refused(SERVICE, "DescribeServices", region, name));
                    match answer {
                        Ok(answer) => Ok(answer.services().first().map(service_of)),
                        Err(e) if e.is("ClusterNotFoundException") => Ok(None),
                        Err(e) => Err(e),
                    }
                },
            )
            .await
    }
}

/// Calls.
impl Cloud {
    pub fn create_service(&self, region: &str, new: &NewService) -> Outgoing {
        let mut request = json!({
            "cluster": new.cluster, "serviceName": new.name, "taskDefinition": new.task_definition,
            "desiredCount": new.desired, "clientToken": new.token,
            "networkConfiguration": json_awsvpc(&new.subnets, &new.security_groups, new.public_address),
            "loadBalancers": new.targets.iter().map(|t| json!({
                "targetGroupArn": t.target_group, "containerName": t.container, "containerPort": t.port,
            })).collect::<Vec<_>>(),
            "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": new.circuit_breaker, "rollback": new.rollback } },
            "enableExecuteCommand": new.execute_command, "tags": json_tags(&new.tags),
        });
        let deployment = aws::DeploymentConfiguration::builder()
            .set_minimum_healthy_percent(new.minimum_percent)
            .set_maximum_percent(new.maximum_percent)
            .deployment_circuit_breaker(
                aws::DeploymentCircuitBreaker::builder()
                    .enable(new.circuit_breaker)
                    .rollback(new.rollback)
                    .build(),
            );
        for (member, value) in [
            ("minimumHealthyPercent", new.minimum_percent),
            ("maximumPercent", new.maximum_percent),
        ] {
            if let Some(value) = value {
                request["deploymentConfiguration"][member] = value.into();
            }
        }
        let mut call = self
            .ecs_writer(region)
            .create_service()
            .cluster(&new.cluster)
            .service_name(&new.name)
            .task_definition(&new.task_definition)
            .desired_count(new.desired)
            .client_token(&new.token)
            .set_network_configuration(awsvpc(
                &new.subnets,
                &new.security_groups,
                new.public_address,
            ))
            .set_load_balancers(Some(
                new.targets
                    .iter()
                    .map(|t| {
                        aws::LoadBalancer::builder()
                            .target_group_arn(&t.target_group)
                            .container_name(&t.container)
                            .container_port(t.port)
                            .build()
                    })
                    .collect(),
            ))
            .deployment_configuration(deployment.build())
            .enable_execute_command(new.execute_command)
            .set_tags(aws_tags(&new.tags));
        if let Some(seconds) = new.grace_seconds {
            request["healthCheckGracePeriodSeconds"] = seconds.into();
            call = call.health_check_grace_period_seconds(seconds);
        }
        if new.managed_tags {
            request["enableECSManagedTags"] = true.into();
            call = call.enable_ecs_managed_tags(true);
        }
        if let Some(version) = &new.platform_version {
            request["platformVersion"] = json!(version);
            call = call.platform_version(version);
        }
        if let Some(from) = new.propagate_tags.as_deref().filter(|p| *p != "NONE") {
            request["propagateTags"] = json!(from);
            call = call.propagate_tags(aws::PropagateTags::from(from));
        }
        if new.capacity.is_empty() {
            if let Some(kind) = &new.launch_type {
                request["launchType"] = json!(kind);
                call = call.launch_type(aws::LaunchType::from(kind.as_str()));
            }
        } else {
            request["capacityProviderStrategy"] = new
                .capacity
                .iter()
                .map(|c| json!({ "capacityProvider": c.provider, "weight": c.weight, "base": c.base }))
                .collect();
            let strategy = new
                .capacity
                .iter()
                .filter_map(|c| {
                    aws::CapacityProviderStrategyItem::builder()
                        .capacity_provider(&c.provider)
                        .weight(c.weight)
                        .base(c.base)
                        .build()
                        .ok()
                })
                .collect();
            call = call.set_capacity_provider_strategy(Some(strategy));
        }
        let token = new.token.clone();
        outgoing!(
            SERVICE,
            "CreateService",
            region,
            new.name,
            request,
            call,
            |a| a.service().and_then(|s| s.service_arn()).map(str::to_owned)
        )
        .token(&token)
    }

    pub fn scale_service(&self, region: &str, cluster: &str, name: &str, desired: i32) -> Outgoing {
        let request = json!({ "cluster": cluster, "service": name, "desiredCount": desired });
        let call = self
            .ecs_writer(region)
            .update_service()
            .cluster(cluster)
            .service(name)
            .desired_count(desired);
        outgoing!(SERVICE, "UpdateService", region, name, request, call)
    }

    pub fn delete_service(&self, region: &str, cluster: &str, name: &str) -> Outgoing {
        let request = json!({ "cluster": cluster, "service": name, "force": true });
        let call = self
            .ecs_writer(region)
            .delete_service()
            .cluster(cluster)
            .service(name)
            .force(true);
        outgoing!(SERVICE, "DeleteService", region, name, request, call)
    }
}
