//! A revision of a task definition, rewritten for the target. Every call makes another revision: one that fits is found by its tags and content.

use crate::cloud::ecs;
use crate::env::Env;
use crate::steps::ownership::{made_here, ours, tags};
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

use crate::capture::Tags;
use crate::composed::Late;
use drtool_engine::step::Yields;

pub const KIND: &str = "task-definition";
pub const SUMMARY: &str = "a revision of a task definition, rewritten for the target";
pub const EXAMPLE: &str = "\
id: task-definition
use: task-definition
with:
  family: redmine
  cpu: \"512\"
  memory: \"1024\"
  networkMode: awsvpc
  requiresCompatibilities: [FARGATE]
  executionRoleArn: arn:aws:iam::111122223333:role/redmine-execution
  containerDefinitions: [{ name: redmine, image: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/redmine, environment: [{ name: DB_HOST, value: later }] }]
  late: [{ pointer: /0/environment/0/value, text: [redmine-db.c9akciq32.eu-west-1.rds.amazonaws.com] }]
";

/// The revision to register.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TaskDefinition {
    pub family: String,
    pub cpu: String,
    pub memory: String,
    pub network_mode: String,
    pub requires_compatibilities: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_role_arn: Option<String>,
    /// In AWS's member names; what is known only later stands in `late`.
    pub container_definitions: Vec<serde_json::Value>,
    #[serde(default)]
    pub volumes: Vec<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_platform: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ephemeral_storage_gib: Option<u32>,
    /// Members of the container definitions that other steps yield.
    #[serde(default)]
    pub late: Vec<Late>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TaskDefinitionMade {
    /// With its revision.
    pub arn: String,
}

impl Yields for TaskDefinitionMade {
    const NAME: &'static str = "task definition";
}

impl TaskDefinition {
    /// As AWS takes it, with every late member in its place.
    fn whole(&self, cx: &Cx<'_, Env>) -> Result<ecs::TaskDefinition, StepError> {
        if let Some(volume) = self.volumes.first() {
            let name = volume
                .get("name")
                .and_then(|n| n.as_str())
                .unwrap_or("without a name");
            return Err(StepError::fail(
                "E4370",
                format!(
                    "task definition {} has volume {name}, which drtool does not move",
                    self.family
                ),
            ));
        }
        let mut containers = serde_json::Value::Array(self.container_definitions.clone());
        for late in &self.late {
            let text = late.text.resolve(|piece| cx.value(piece))?;
            match containers.pointer_mut(&late.pointer) {
                Some(place) => *place = text.into(),
                None => {
                    return Err(StepError::fail(
                        "E4371",
                        format!(
                            "task definition {} has nothing at {}",
                            self.family, late.pointer
                        ),
                    ));
                }
            }
        }
        let text = |member: &str| {
            let value = self
                .runtime_platform
                .as_ref()
                .and_then(|p| p.get(member))
                .and_then(|v| v.as_str());
            value.unwrap_or_default().to_owned()
        };
        Ok(ecs::TaskDefinition {
            arn: String::new(),
            family: self.family.clone(),
            revision: 0,
            status: String::new(),
            cpu: Some(self.cpu.clone()).filter(|c| !c.is_empty()),
            memory: Some(self.memory.clone()).filter(|m| !m.is_empty()),
            network_mode: Some(self.network_mode.clone()),
            compatibilities: self.requires_compatibilities.clone(),
            execution_role: self.execution_role_arn.clone(),
            task_role: self.task_role_arn.clone(),
            containers: containers.as_array().cloned().unwrap_or_default(),
            platform: self
                .runtime_platform
                .as_ref()
                .map(|_| (text("cpuArchitecture"), text("operatingSystemFamily")))
                .filter(|(architecture, system)| !architecture.is_empty() && !system.is_empty()),
            ephemeral_storage_gib: self
                .ephemeral_storage_gib
                .and_then(|g| i32::try_from(g).ok()),
            volumes: Vec::new(),
            tags: tags(cx, &self.tags),
        })
    }

    /// The newest active revision of the family that this step registered. Others may be newer: two services can run one
    /// family, each with an environment of its own.
    async fn found(&self, cx: &Cx<'_, Env>) -> Result<Option<ecs::TaskDefinition>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let mine = |t: &ecs::TaskDefinition| {
            t.status != "INACTIVE" && t.status != "DELETE_IN_PROGRESS" && ours(cx, &t.tags)
        };
        let newest = cloud
            .task_definition(region, &self.family, cx.look())
            .await?;
        match newest.as_ref() {
            Some(newest) if mine(newest) => return Ok(Some(newest.clone())),
            None => return Ok(None),
            Some(_) => {}
        }
        let all = cloud
            .task_definitions(region, &self.family, cx.look())
            .await?;
        for arn in all.iter() {
            let revision = cloud.task_definition(region, arn, cx.look()).await?;
            if let Some(found) = revision.as_ref().clone().filter(mine) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl Step for TaskDefinition {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = TaskDefinitionMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<TaskDefinitionMade>, StepError> {
        let Some(there) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        let wanted = self.whole(cx)?;
        let image = |containers: &[serde_json::Value]| -> Vec<String> {
            containers
                .iter()
                .filter_map(|c| c.get("image")?.as_str().map(str::to_owned))
                .collect()
        };
        // An earlier run of the lineage may have registered another image or another database.
        let same = image(&there.containers) == image(&wanted.containers)
            && environment(&there.containers) == environment(&wanted.containers);
        Ok(if same || made_here(cx, &there.tags) {
            Observed::Ready(TaskDefinitionMade { arn: there.arn }, Claim::Ours)
        } else {
            Observed::Absent
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let wanted = self.whole(cx)?;
        // A second revision does no harm (nothing runs it), but it is searched for first all the same.
        Ok(cx
            .env
            .cloud
            .register_task_definition(cx.place().as_str(), &wanted)
            .call(CallKind::Bare {
                window: Duration::from_secs(60),
            }))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<TaskDefinitionMade, ()>,
    ) -> Result<Undo, StepError> {
        Ok(match self.found(cx).await? {
            Some(there) if made_here(cx, &there.tags) => Undo::Call(
                cx.env
                    .cloud
                    .deregister_task_definition(cx.place().as_str(), &there.arn)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}

/// The environment and secrets of each container, in an order that can be compared.
fn environment(containers: &[serde_json::Value]) -> Vec<BTreeMap<String, String>> {
    let text = |v: &serde_json::Value, m: &str| {
        v.get(m)
            .and_then(|v| v.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    containers
        .iter()
        .map(|c| {
            let list = |m: &str| {
                c.get(m)
                    .and_then(|v| v.as_array())
                    .cloned()
                    .unwrap_or_default()
            };
            let plain = list("environment")
                .into_iter()
                .map(|e| (text(&e, "name"), text(&e, "value")));
            let secret = list("secrets")
                .into_iter()
                .map(|s| (text(&s, "name"), text(&s, "valueFrom")));
            plain.chain(secret).collect()
        })
        .collect()
}
