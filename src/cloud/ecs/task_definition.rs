//! Task definitions.

use super::container::{aws_container, json_container};
use super::{SERVICE, aws_tags, json_tags, tags_of, text};
use crate::cloud::call::{Outgoing, outgoing};
use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, Tags, refused};
use aws_sdk_ecs::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinition {
    pub arn: String,
    pub family: String,
    pub revision: i32,
    pub status: String,
    pub cpu: Option<String>,
    pub memory: Option<String>,
    pub network_mode: Option<String>,
    pub compatibilities: Vec<String>,
    pub execution_role: Option<String>,
    pub task_role: Option<String>,
    /// AWS's JSON of each container.
    pub containers: Vec<Value>,
    /// CPU architecture and operating system family, where the definition says them.
    pub platform: Option<(String, String)>,
    pub ephemeral_storage_gib: Option<i32>,
    /// Names of volumes; drtool moves none that hold state without a declared policy.
    pub volumes: Vec<String>,
    pub tags: Tags,
}

/// Looks.
impl Cloud {
    pub async fn task_definition(
        &self,
        region: &str,
        name: &str,
        look: Look,
    ) -> Result<Arc<Option<TaskDefinition>>, CloudError> {
        self.looks()
            .shared(
                SERVICE,
                format!("ecs/task-definition/{region}/{name}"),
                look,
                async {
                    let answer = self
                        .ecs(region)
                        .describe_task_definition()
                        .task_definition(name)
                        .include(aws::TaskDefinitionField::Tags)
                        .send()
                        .await
                        .map_err(refused(SERVICE, "DescribeTaskDefinition", region, name));
                    let answer = match answer {
                        Ok(answer) => answer,
                        // AWS has no code of its own for a family that has no active revision.
                        Err(e)
                            if e.is("ClientException")
                                && e.says("Unable to describe task definition") =>
                        {
                            return Ok(None);
                        }
                        Err(e) => return Err(e),
                    };
                    let tags = tags_of(answer.tags());
                    Ok(answer.task_definition().map(|t| TaskDefinition {
                        arn: text(t.task_definition_arn()),
                        family: text(t.family()),
                        revision: t.revision(),
                        status: t
                            .status()
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        cpu: t.cpu().map(str::to_owned),
                        memory: t.memory().map(str::to_owned),
                        network_mode: t.network_mode().map(|m| m.as_str().to_owned()),
                        compatibilities: t
                            .requires_compatibilities()
                            .iter()
                            .map(|c| c.as_str().to_owned())
                            .collect(),
                        execution_role: t.execution_role_arn().map(str::to_owned),
                        task_role: t.task_role_arn().map(str::to_owned),
                        containers: t
                            .container_definitions()
                            .iter()
                            .map(json_container)
                            .collect(),
                        platform: t.runtime_platform().map(|p| {
                            (
                                p.cpu_architecture()
                                    .map(|a| a.as_str().to_owned())
                                    .unwrap_or_default(),
                                p.operating_system_family()
                                    .map(|o| o.as_str().to_owned())
                                    .unwrap_or_default(),
                            )
                        }),
                        ephemeral_storage_gib: t.ephemeral_storage().map(|e| e.size_in_gib()),
                        volumes: t
                            .volumes()
                            .iter()
                            .filter_map(|v| v.name())
                            .map(str::to_owned)
                            .collect(),
                        tags,
                    }))
                },
            )
            .await
    }

    /// The active revisions of a family, newest first.
    pub async fn task_definitions(
        &self,
        region: &str,
        family: &str,
        look: Look,
    ) -> Result<Arc<Vec<String>>, CloudError> {
        self.looks()
            .shared(
                SERVICE,
                format!("ecs/task-definitions/{region}/{family}"),
                look,
                async {
                    let mut pages = self
                        .ecs(region)
                        .list_task_definitions()
                        .family_prefix(family)
                        .sort(aws::SortOrder::Desc)
                        .into_paginator()
                        .items()
                        .send();
                    let mut all = Vec::new();
                    while let Some(item) = pages.next().await {
                        all.push(item.map_err(refused(
                            SERVICE,
                            "ListTaskDefinitions",
                            region,
                            family,
                        ))?);
                    }
                    Ok(all)
                },
            )
            .await
    }
}

/// Calls.
impl Cloud {
    pub fn register_task_definition(&self, region: &str, definition: &TaskDefinition) -> Outgoing {
        let d = definition;
        let mut request = json!({
            "family": d.family, "networkMode": d.network_mode, "requiresCompatibilities": d.compatibilities,
            "containerDefinitions": d.containers, "tags": json_tags(&d.tags),
        });
        for (member, value) in [
            ("cpu", &d.cpu),
            ("memory", &d.memory),
            ("executionRoleArn", &d.execution_role),
            ("taskRoleArn", &d.task_role),
        ] {
            if let Some(value) = value {
                request[member] = value.as_str().into();
            }
        }
        let mut call = self
            .ecs_writer(region)
            .register_task_definition()
            .family(&d.family)
            .set_network_mode(d.network_mode.as_deref().map(aws::NetworkMode::from))
            .set_requires_compatibilities(Some(
                d.compatibilities
                    .iter()
                    .map(|c| aws::Compatibility::from(c.as_str()))
                    .collect(),
            ))
            .set_cpu(d.cpu.clone())
            .set_memory(d.memory.clone())
            .set_execution_role_arn(d.execution_role.clone())
            .set_task_role_arn(d.task_role.clone())
            .set_container_definitions(Some(d.containers.iter().map(aws_container).collect()))
            .set_tags(aws_tags(&d.tags));
        if let Some((architecture, system)) = &d.platform {
            request["runtimePlatform"] =
                json!({ "cpuArchitecture": architecture, "operatingSystemFamily": system });
            call = call.runtime_platform(
                aws::RuntimePlatform::builder()
                    .cpu_architecture(aws::CpuArchitecture::from(architecture.as_str()))
                    .operating_system_family(aws::OsFamily::from(system.as_str()))
                    .build(),
            );
        }
        if let Some(size) = d.ephemeral_storage_gib {
            request["ephemeralStorage"] = json!({ "sizeInGiB": size });
            call =
                call.ephemeral_storage(aws::EphemeralStorage::builder().size_in_gib(size).build());
        }
        outgoing!(
            SERVICE,
            "RegisterTaskDefinition",
            region,
            d.family,
            request,
            call,
            |a| a
                .task_definition()
                .and_then(|t| t.task_definition_arn())
                .map(str::to_owned)
        )
    }

    pub fn deregister_task_definition(&self, region: &str, arn: &str) -> Outgoing {
        let call = self
            .ecs_writer(region)
            .deregister_task_definition()
            .task_definition(arn);
        outgoing!(
            SERVICE,
            "DeregisterTaskDefinition",
            region,
            arn,
            json!({ "taskDefinition": arn }),
            call
        )
    }
}
