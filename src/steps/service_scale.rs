//! A source service with no tasks. Undo gives it the desired count that it had.

use crate::cloud::ecs::{self, TasksOf};
use crate::env::Env;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use drtool_engine::step::Yields;

pub const KIND: &str = "service-scale";
pub const SUMMARY: &str = "a source service, scaled to no tasks";
pub const EXAMPLE: &str = "\
id: service-scale
use: service-scale
with:
  cluster: redmine
  service: web
  desiredCount: 0
";

/// The service to scale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceScale {
    pub cluster: String,
    pub service: String,
    pub desired_count: u32,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceScaled {
    pub running: u32,
}

impl Yields for ServiceScaled {
    const NAME: &'static str = "service scale";
}

impl ServiceScale {
    async fn there(&self, cx: &Cx<'_, Env>) -> Result<ecs::Service, StepError> {
        let service = cx
            .env
            .cloud
            .service(cx.place().as_str(), &self.cluster, &self.service, cx.look())
            .await?;
        service.as_ref().clone().ok_or_else(|| {
            StepError::fail(
                "E4383",
                format!("service {} is gone from {}", self.service, cx.place()),
            )
        })
    }

    fn wanted(&self) -> i32 {
        i32::try_from(self.desired_count).unwrap_or(i32::MAX)
    }
}

/// Whether a task with this status may still have a process.
fn leaves(status: &str) -> bool {
    !matches!(status, "DEPROVISIONING" | "STOPPED" | "DELETED")
}

impl Step for ServiceScale {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ServiceScaled;
    type Before = i32;

    fn effect(&self) -> Effect {
        Effect::Fences
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ServiceScaled>, StepError> {
        let service = self.there(cx).await?;
        if service.desired != self.wanted() {
            return Ok(Observed::Absent);
        }
        if service.running != self.wanted() || service.pending != 0 {
            return Ok(Observed::underway(format!(
                "{} tasks still run",
                service.running + service.pending
            )));
        }
        // A task that is on its way out is not counted as running; until it has stopped, its connections live.
        let (region, of) = (cx.place().as_str(), TasksOf::Service(&self.service));
        let told = cx
            .env
            .cloud
            .tasks(region, &self.cluster, of, true, cx.look())
            .await?;
        let leaving = told.iter().filter(|task| leaves(&task.status)).count();
        if leaving > 0 {
            return Ok(Observed::underway(format!(
                "{leaving} tasks drain their connections or stop"
            )));
        }
        let running = u32::try_from(service.running).unwrap_or_default();
        Ok(Observed::Ready(ServiceScaled { running }, Claim::AsWanted))
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<i32>, StepError> {
        let before = self.there(cx).await?.desired;
        Ok(cx
            .env
            .cloud
            .scale_service(
                cx.place().as_str(),
                &self.cluster,
                &self.service,
                self.wanted(),
            )
            .with_before(CallKind::Upsert, before))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        made: &Made<ServiceScaled, i32>,
    ) -> Result<Undo, StepError> {
        let Some(before) = made.before() else {
            return Ok(Undo::Done);
        };
        let service = self.there(cx).await?;
        Ok(if service.desired != *before {
            Undo::Call(
                cx.env
                    .cloud
                    .scale_service(cx.place().as_str(), &self.cluster, &self.service, *before)
                    .call(CallKind::Upsert),
            )
        } else if service.running < *before {
            Undo::Wait(format!("{} of {before} tasks run again", service.running))
        } else {
            Undo::Done
        })
    }
}
