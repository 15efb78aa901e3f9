//! An ECS service. Steady means: as many tasks running as desired, of this revision, and its deployment completed.

use crate::cloud::ecs;
use crate::env::Env;
use crate::steps::ownership::{claim, made_here, percent, short_token, tags};
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Left, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use crate::capture::compute::CapacityProvider;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "service";
pub const SUMMARY: &str = "an ECS service, steady";
pub const EXAMPLE: &str = "\
id: service
use: service
with:
  name: web
  cluster: redmine
  taskDefinition: arn:aws:ecs:eu-west-1:111122223333:task-definition/redmine:1
  desiredCount: 2
  launchType: FARGATE
  platformVersion: LATEST
  minimumHealthyPercent: 100
  maximumPercent: 200
  circuitBreaker: true
  healthCheckGracePeriodSeconds: 120
  enableExecuteCommand: false
  enableEcsManagedTags: false
  propagateTags: NONE
  assignPublicIp: false
  subnets: [subnet-0a1b2c3d]
  securityGroups: [sg-0a1b2c3d]
  loadBalancers: [{ targetGroup: arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/redmine-web/6d0ecf831eec9f09, containerName: redmine, containerPort: 80 }]
";

/// The service to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Service {
    pub name: String,
    pub cluster: Value<String>,
    pub task_definition: Value<String>,
    pub desired_count: u32,
    /// `FARGATE` or `EC2`; empty where capacity providers decide.
    pub launch_type: String,
    pub platform_version: String,
    #[serde(default)]
    pub capacity_providers: Vec<CapacityProvider>,
    pub minimum_healthy_percent: u32,
    pub maximum_percent: u32,
    /// The deployment circuit breaker: on, and whether it rolls back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_grace_period_seconds: Option<u32>,
    pub enable_execute_command: bool,
    pub enable_ecs_managed_tags: bool,
    pub propagate_tags: String,
    pub assign_public_ip: bool,
    pub subnets: Vec<Value<String>>,
    pub security_groups: Vec<Value<String>>,
    #[serde(default)]
    pub load_balancers: Vec<ServiceBalancer>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceMade {
    pub arn: String,
    pub name: String,
}

impl Yields for ServiceMade {
    const NAME: &'static str = "service";
}

/// A target group that the service's tasks join.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceBalancer {
    pub target_group: Value<String>,
    pub container_name: String,
    pub container_port: u16,
}

impl Service {
    /// A service that is INACTIVE is gone; its name lingers in lists.
    async fn found(&self, cx: &Cx<'_, Env>) -> Result<Option<ecs::Service>, StepError> {
        let cluster = cx.value(&self.cluster)?;
        let service = cx
            .env
            .cloud
            .service(cx.place().as_str(), &cluster, &self.name, cx.look())
            .await?;
        Ok(service.as_ref().clone().filter(|s| s.status != "INACTIVE"))
    }
}

impl Step for Service {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ServiceMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ServiceMade>, StepError> {
        let Some(service) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        if service.status == "DRAINING" {
            return Ok(Observed::Unseen(format!(
                "a service named {} is still draining",
                self.name
            )));
        }
        let claimed = match claim(
            cx,
            &service.tags,
            &service.arn,
            &format!("service `{}`", self.name),
        ) {
            Ok(claimed) => claimed,
            Err(why) => return Ok(Observed::Foreign(why)),
        };
        let rollout = service.rollout.as_deref().unwrap_or("COMPLETED");
        if rollout == "FAILED" {
            // Terminal: a first deployment has nothing to roll back to.
            let reason = service
                .rollout_reason
                .or(service.last_event)
                .unwrap_or_default();
            return Err(StepError::fail(
                "E4372",
                format!("service {} does not start: {reason}", self.name),
            )
            .left(Left::Something(format!(
                "service {} in {}",
                service.arn,
                cx.place()
            ))));
        }
        let wanted = cx.value(&self.task_definition)?;
        // A circuit breaker that rolled back leaves a steady service of the old revision.
        if claimed == Claim::Ours && service.task_definition != wanted {
            return Err(StepError::fail(
                "E4373",
                format!(
                    "service {} runs {}, not {wanted}",
                    self.name, service.task_definition
                ),
            )
            .left(Left::Something(format!(
                "service {} in {}",
                service.arn,
                cx.place()
            ))));
        }
        let desired = i32::try_from(self.desired_count).unwrap_or(i32::MAX);
        if rollout == "COMPLETED"
            && service.running >= desired
            && service.pending == 0
            && service.deployments == 1
        {
            return Ok(Observed::Ready(
                ServiceMade {
                    arn: service.arn,
                    name: service.name,
                },
                claimed,
            ));
        }
        let share = if desired > 0 {
            Some(service.running * 100 / desired)
        } else {
            None
        };
        Ok(Observed::Underway {
            percent: percent(share),
            note: format!("{} of {desired} tasks run", service.running),
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let values = |list: &[Value<String>]| {
            list.iter()
                .map(|v| cx.value(v))
                .collect::<Result<Vec<_>, _>>()
        };
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let new = ecs::NewService {
            cluster: cx.value(&self.cluster)?,
            name: self.name.clone(),
            task_definition: cx.value(&self.task_definition)?,
            desired: number(self.desired_count),
            launch_type: Some(self.launch_type.clone()).filter(|l| !l.is_empty()),
            capacity: self
                .capacity_providers
                .iter()
                .map(|c| ecs::CapacityShare {
                    provider: c.name.clone(),
                    weight: number(c.weight),
                    base: number(c.base),
                })
                .collect(),
            platform_version: Some(self.platform_version.clone())
                .filter(|v| !v.is_empty() && v != "LATEST"),
            subnets: values(&self.subnets)?,
            security_groups: values(&self.security_groups)?,
            public_address: self.assign_public_ip,
            targets: self
                .load_balancers
                .iter()
                .map(|b| {
                    Ok(ecs::ServiceTarget {
                        target_group: cx.value(&b.target_group)?,
                        container: b.container_name.clone(),
                        port: i32::from(b.container_port),
                    })
                })
                .collect::<Result<_, StepError>>()?,
            grace_seconds: self.health_check_grace_period_seconds.map(number),
            minimum_percent: Some(number(self.minimum_healthy_percent)),
            maximum_percent: Some(number(self.maximum_percent)),
            circuit_breaker: self.circuit_breaker.is_some(),
            rollback: self.circuit_breaker.unwrap_or_default(),
            propagate_tags: Some(self.propagate_tags.clone()).filter(|p| !p.is_empty()),
            managed_tags: self.enable_ecs_managed_tags,
            execute_command: self.enable_execute_command,
            token: cx.token(),
            tags: tags(cx, &self.tags),
        };
        Ok(cx
            .env
            .cloud
            .create_service(cx.place().as_str(), &new)
            .call(short_token()))
    }

    async fn undo(&self, cx: &Cx<'_, Env>, _: &Made<ServiceMade, ()>) -> Result<Undo, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let Some(service) = self.found(cx).await? else {
            return Ok(Undo::Done);
        };
        if !made_here(cx, &service.tags) {
            return Ok(Undo::Done);
        }
        if service.status == "DRAINING" {
            return Ok(Undo::Wait("draining".into()));
        }
        let cluster = cx.value(&self.cluster)?;
        Ok(Undo::Call(
            cloud
                .delete_service(region, &cluster, &self.name)
                .call(CallKind::Upsert),
        ))
    }
}
