//! A probe that is not needed any more: its task is stopped and its definition deregistered. Undo takes a probe back by itself; this is for a run that ends well.

use crate::cloud::ecs;
use crate::env::Env;
use crate::steps::ownership::made_in_run;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "probe-removal";
pub const SUMMARY: &str = "a probe of this run, stopped and deregistered";
pub const EXAMPLE: &str = "\
id: probe-removal
use: probe-removal
with:
  family: drtool-main-source-7f3a
  cluster: redmine
  task: arn:aws:ecs:us-west-2:111122223333:task/redmine/0f1e2d3c4b5a
";

/// The probe that shall be gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ProbeRemoval {
    /// The probe's task family, which is this run's own.
    pub family: String,
    pub cluster: Value<String>,
    /// The task that its own step has started.
    pub task: Value<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ProbeRemoved {
    pub family: String,
}

impl Yields for ProbeRemoved {
    const NAME: &'static str = "probe removal";
}

/// What is left of a probe, the first of it first.
enum Rest {
    Running(String),
    Stopping,
    Registered(String),
    /// It has a status that says neither that it is there nor that it is gone.
    Unclear(String),
    Nothing,
}

/// What a task definition is by its status. AWS adds statuses: one that is not known is no proof that the thing is gone.
fn registered(arn: &str, status: &str) -> Rest {
    match status {
        "ACTIVE" => Rest::Registered(arn.to_owned()),
        "INACTIVE" | "DELETE_IN_PROGRESS" => Rest::Nothing,
        other => Rest::Unclear(other.to_owned()),
    }
}

impl ProbeRemoval {
    /// Only what carries this run's tags is looked at: a family's name proves nothing.
    async fn rest(&self, cx: &Cx<'_, Env>) -> Result<Rest, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let cluster = cx.value(&self.cluster)?;
        let of = ecs::TasksOf::Family(&self.family);
        let tasks = cloud.tasks(region, &cluster, of, false, cx.look()).await?;
        if let Some(task) = tasks.iter().find(|t| made_in_run(cx, &t.tags)) {
            return Ok(if task.desired == "STOPPED" {
                Rest::Stopping
            } else {
                Rest::Running(task.arn.clone())
            });
        }
        let newest = cloud
            .task_definition(region, &self.family, cx.look())
            .await?;
        Ok(match newest.as_ref() {
            Some(definition) if made_in_run(cx, &definition.tags) => {
                registered(&definition.arn, &definition.status)
            }
            _ => Rest::Nothing,
        })
    }
}

impl Step for ProbeRemoval {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ProbeRemoved;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Changes
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ProbeRemoved>, StepError> {
        Ok(match self.rest(cx).await? {
            Rest::Running(_) => Observed::Partial {
                note: "the probe runs".into(),
            },
            Rest::Stopping => Observed::underway("stopping"),
            Rest::Registered(_) => Observed::Partial {
                note: "stopped, registered".into(),
            },
            Rest::Unclear(status) => Observed::Unseen(format!("its definition is {status}")),
            Rest::Nothing => Observed::Ready(
                ProbeRemoved {
                    family: self.family.clone(),
                },
                Claim::AsWanted,
            ),
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        match self.rest(cx).await? {
            Rest::Running(task) => {
                let cluster = cx.value(&self.cluster)?;
                let why = "drtool: the probe is not needed any more";
                let call = cloud.stop_task(region, &cluster, &task, why);
                Ok(call.call(CallKind::Upsert))
            }
            Rest::Registered(definition) => {
                let call = cloud.deregister_task_definition(region, &definition);
                Ok(call.call(CallKind::Upsert))
            }
            Rest::Stopping => Err(StepError::wait("E4413", "the probe is stopping")),
            Rest::Unclear(status) => Err(StepError::wait(
                "E4413",
                format!("the probe's definition is {status}"),
            )),
            Rest::Nothing => Err(StepError::wait("E4413", "the probe has gone meanwhile")),
        }
    }

    /// What was taken away was this run's own.
    async fn undo(&self, _: &Cx<'_, Env>, _: &Made<ProbeRemoved, ()>) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_nobody_knows_is_no_proof_that_a_probe_is_gone() {
        assert!(matches!(registered("a", "ACTIVE"), Rest::Registered(_)));
        assert!(matches!(registered("a", "INACTIVE"), Rest::Nothing));
        assert!(matches!(registered("a", "reconsidering"), Rest::Unclear(_)));
    }
}
