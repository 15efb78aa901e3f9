//! Tasks, and one-off tasks.

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
pub struct Task {
    pub arn: String,
    pub status: String,
    pub desired: String,
    pub task_definition: String,
    pub stop_code: Option<String>,
    pub stopped_reason: Option<String>,
    pub exit_code: Option<i32>,
    pub image_digest: Option<String>,
    pub address: Option<String>,
    pub started_by: Option<String>,
    pub tags: Tags,
}

/// Whose tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TasksOf<'a> {
    Service(&'a str),
    StartedBy(&'a str),
    /// Every task of a family of task definitions.
    Family(&'a str),
    /// This one, by its ARN, running or stopped within the last hour.
    Known(&'a str),
}

/// A one-off task.
#[derive(Debug, Clone, PartialEq)]
pub struct OneOff {
    pub cluster: String,
    pub task_definition: String,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub public_address: bool,
    pub started_by: String,
    pub token: String,
    pub tags: Tags,
}

/// Looks.
impl Cloud {
    /// The tasks of a cluster that a service or a one-off start (`started_by`) has, running or (if asked) stopped.
    pub async fn tasks(
        &self,
        region: &str,
        cluster: &str,
        of: TasksOf<'_>,
        stopped: bool,
        look: Look,
    ) -> Result<Arc<Vec<Task>>, CloudError> {
        let key = format!("ecs/tasks/{region}/{cluster}/{of:?}/{stopped}");
        self.looks()
            .shared(SERVICE, key, look, async {
                let arns = self.task_arns(region, cluster, of, stopped).await?;
                let mut all = Vec::new();
                for chunk in arns.chunks(100) {
                    let answer = self
                        .ecs(region)
                        .describe_tasks()
                        .cluster(cluster)
                        .set_tasks(Some(chunk.to_vec()))
                        .include(aws::TaskField::Tags)
                        .send()
                        .await
                        .map_err(refused(SERVICE, "DescribeTasks", region, cluster))?;
                    all.extend(answer.tasks().iter().map(|t| {
                        Task {
                            arn: text(t.task_arn()),
                            status: text(t.last_status()),
                            desired: text(t.desired_status()),
                            task_definition: text(t.task_definition_arn()),
                            stop_code: t.stop_code().map(|c| c.as_str().to_owned()),
                            stopped_reason: t.stopped_reason().map(str::to_owned),
                            exit_code: t.containers().first().and_then(|c| c.exit_code()),
                            image_digest: t
                                .containers()
                                .first()
                                .and_then(|c| c.image_digest())
                                .map(str::to_owned),
                            address: t
                                .attachments()
                                .iter()
                                .flat_map(|a| a.details())
                                .find(|d| d.name() == Some("privateIPv4Address"))
                                .and_then(|d| d.value())
                                .map(str::to_owned),
                            started_by: t.started_by().map(str::to_owned),
                            tags: tags_of(t.tags()),
                        }
                    }));
                }
                Ok(all)
            })
            .await
    }
}

impl Cloud {
    async fn task_arns(
        &self,
        region: &str,
        cluster: &str,
        of: TasksOf<'_>,
        stopped: bool,
    ) -> Result<Vec<String>, CloudError> {
        let mut list = self.ecs(region).list_tasks().cluster(cluster);
        list = match of {
            TasksOf::Service(name) => list.service_name(name),
            TasksOf::StartedBy(id) => list.started_by(id),
            TasksOf::Family(name) => list.family(name),
            TasksOf::Known(arn) => return Ok(vec![arn.to_owned()]),
        };
        if stopped {
            list = list.desired_status(aws::DesiredStatus::Stopped);
        }
        let mut arns = Vec::new();
        let mut pages = list.into_paginator().items().send();
        while let Some(item) = pages.next().await {
            match item.map_err(refused(SERVICE, "ListTasks", region, cluster)) {
                Ok(arn) => arns.push(arn),
                Err(e) if e.is("ClusterNotFoundException") || e.is("ServiceNotFoundException") => {
                    return Ok(Vec::new());
                }
                Err(e) => return Err(e),
            }
        }
        Ok(arns)
    }
}

/// Calls.
impl Cloud {
    pub fn run_task(&self, region: &str, task: &OneOff) -> Outgoing {
        let request = json!({
            "cluster": task.cluster, "taskDefinition": task.task_definition, "launchType": "FARGATE", "count": 1,
            "clientToken": task.token, "startedBy": task.started_by,
            "networkConfiguration": json_awsvpc(&task.subnets, &task.security_groups, task.public_address),
            "tags": json_tags(&task.tags),
        });
        let call = self
            .ecs_writer(region)
            .run_task()
            .cluster(&task.cluster)
            .task_definition(&task.task_definition)
            .launch_type(aws::LaunchType::Fargate)
            .count(1)
            .client_token(&task.token)
            .started_by(&task.started_by)
            .set_network_configuration(awsvpc(
                &task.subnets,
                &task.security_groups,
                task.public_address,
            ))
            .set_tags(aws_tags(&task.tags));
        let (region_name, name) = (region.to_owned(), task.started_by.clone());
        let refusal = refused(SERVICE, "RunTask", region, &name);
        let resource = name.clone();
        // A placement that failed comes in an answer of HTTP 200: it has to be read, not assumed.
        Outgoing::new(
            SERVICE,
            "RunTask",
            region,
            &resource,
            request,
            move || async move {
                let answer = call.send().await.map_err(refusal)?;
                match (
                    answer.tasks().first().and_then(|t| t.task_arn()),
                    answer.failures().first(),
                ) {
                    (Some(arn), _) => Ok(crate::cloud::call::handle(arn)),
                    (None, failure) => Err(CloudError {
                        service: SERVICE,
                        operation: "RunTask",
                        region: region_name,
                        resource: name,
                        kind: crate::cloud::error::Failure::Refused {
                            code: failure
                                .and_then(|f| f.reason())
                                .unwrap_or("no task and no failure")
                                .to_owned(),
                            message: failure
                                .and_then(|f| f.detail())
                                .unwrap_or_default()
                                .to_owned(),
                            status: 200,
                            request_id: None,
                        },
                    }),
                }
            },
        )
        .token(&task.token)
    }

    pub fn stop_task(&self, region: &str, cluster: &str, task: &str, reason: &str) -> Outgoing {
        let request = json!({ "cluster": cluster, "task": task, "reason": reason });
        let call = self
            .ecs_writer(region)
            .stop_task()
            .cluster(cluster)
            .task(task)
            .reason(reason);
        outgoing!(SERVICE, "StopTask", region, task, request, call)
    }
}
