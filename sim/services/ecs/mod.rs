//! ECS: clusters, task definitions, services that converge, and tasks that really start.
//!
//! The control plane is in [`clusters`], [`definitions`], [`services`] (what callers ask for), [`deployments`] (what the
//! scheduler makes of it) and [`tasks`] (RunTask, StopTask, and the life of a task). What a task needs before it runs is
//! in [`start`]; what runs in it is the data plane's business ([`crate::plane::tasks`]).

use super::{Service, ServiceId};
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::plane::{Endpoint, HttpRequest};
use crate::table::Table;
use crate::world::{Caller, Cx, Event, Input, Output, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

mod breaker;
mod checks;
pub mod clusters;
mod container;
pub mod definitions;
pub mod deployments;
pub mod desired;
mod launch;
pub(crate) mod life;
mod permissions;
pub(crate) mod scheduler;
pub mod services;
pub mod settings;
mod shown;
pub(crate) mod start;
mod task_sets;
pub mod tasks;

#[cfg(test)]
pub(crate) mod tests;

pub use clusters::Cluster;
pub use definitions::Definition;
pub use services::{EcsService, Unit};
pub use tasks::{Container, Task};

pub const SERVICE: Service = Service {
    id: ServiceId::Ecs,
    handle,
    happen,
    wants: permissions::wants,
};

#[derive(Clone, Default)]
pub struct State {
    /// By name.
    pub clusters: Table<Cluster>,
    /// By family and zero-padded revision, so that they sort.
    pub definitions: Table<Definition>,
    /// The last revision ever given, by family: deregistering gives none back.
    pub revisions: BTreeMap<String, u64>,
    /// By `cluster/service`.
    pub services: Table<EcsService>,
    /// By `cluster/task id`.
    pub tasks: Table<Task>,
    /// Which task has which address, by VPC and address.
    pub addresses: BTreeMap<(String, String), String>,
    /// The tasks of each service, by `cluster/service`.
    pub(crate) members: BTreeMap<String, std::collections::BTreeSet<String>>,
    /// By ARN of the service deployment.
    pub service_deployments: Table<deployments::ServiceDeployment>,
    pub service_revisions: Table<deployments::Revision>,
    /// The scheduler's own notes about a service; no reader sees them.
    pub(crate) notes: BTreeMap<String, scheduler::Notes>,
    /// RunTask's tokens, by cluster and token.
    pub(crate) run_tokens: BTreeMap<(String, String), tasks::RunToken>,
    /// Account settings, by principal (`""` for the account) and name.
    pub(crate) settings: BTreeMap<(String, String), String>,
}

impl State {
    /// What no reader sees any more.
    pub(crate) fn forget(&mut self, now: Nanos) {
        self.clusters.forget(now);
        self.definitions.forget(now);
        self.services.forget(now);
        self.tasks.forget(now);
        self.service_deployments.forget(now);
        self.service_revisions.forget(now);
    }
}

/// What the process on a port of a task would answer to one request now.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskAnswer {
    /// Nobody listens there.
    Refused,
    /// It accepts and never answers.
    Silent,
    /// `by`: the task's ARN.
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
        by: String,
    },
}

/// The services of a cluster that have or will have tasks: those on their way out too, which no list has any more.
pub fn living(world: &World, account: &str, region: &str, cluster: &str) -> Vec<String> {
    let services = world.seen_place(account, region).map(|p| &p.ecs.services);
    let cluster = last(cluster);
    services
        .into_iter()
        .flat_map(Table::iter)
        .filter(|(_, s)| s.cluster == cluster && s.status != "INACTIVE")
        .map(|(_, s)| s.arn.clone())
        .collect()
}

/// What the process at `at` would answer now. Reachability is the caller's question ([`crate::plane`]).
pub fn answer(world: &World, at: &Endpoint, request: &HttpRequest) -> TaskAnswer {
    match task_at(world, at) {
        Some(task) => {
            crate::plane::tasks::web::answer(world, &at.account, &at.region, task, at.port, request)
        }
        None => TaskAnswer::Refused,
    }
}

/// The task that has an address.
pub fn task_at<'w>(world: &'w World, at: &Endpoint) -> Option<&'w Task> {
    let state = &world.seen_place(&at.account, &at.region)?.ecs;
    let key = state.addresses.get(&(at.vpc.clone(), at.ip.clone()))?;
    state.tasks.get(key)
}

/// An account in a region: where a function of this service works.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scope {
    pub account: String,
    pub region: String,
}

impl Scope {
    pub fn of(cx: &Cx<'_>) -> Scope {
        Scope {
            account: cx.account_id().to_owned(),
            region: cx.region.clone(),
        }
    }

    pub fn state<'w>(&self, world: &'w mut World) -> &'w mut State {
        &mut world.place(&self.account, &self.region).ecs
    }

    pub fn seen<'w>(&self, world: &'w World) -> Option<&'w State> {
        world
            .seen_place(&self.account, &self.region)
            .map(|p| &p.ecs)
    }

    pub fn seen_mut<'w>(&self, world: &'w mut World) -> Option<&'w mut State> {
        world
            .seen_place_mut(&self.account, &self.region)
            .map(|p| &mut p.ecs)
    }

    pub fn arn(&self, resource: &str) -> String {
        format!("arn:aws:ecs:{}:{}:{resource}", self.region, self.account)
    }

    /// A context in which ECS itself acts, as its service-linked role.
    pub fn cx<'w>(&self, world: &'w mut World, operation: &str) -> Cx<'w> {
        let caller = Caller {
            account: self.account.clone(),
            arn: format!(
                "arn:aws:sts::{}:assumed-role/AWSServiceRoleForECS/ecs-service-scheduler",
                self.account
            ),
            id: "AROAECSSERVICESCHEDULER:ecs-service-scheduler".into(),
            access_key: String::new(),
        };
        Cx {
            world,
            caller,
            region: self.region.clone(),
            service: ServiceId::Ecs,
            operation: operation.to_owned(),
            request_id: String::new(),
        }
    }

    /// Schedules an event of this service here.
    pub fn later(
        &self,
        world: &mut World,
        after: crate::Nanos,
        what: &'static str,
        id: &str,
        detail: Value,
    ) {
        let event = Event {
            service: ServiceId::Ecs,
            account: self.account.clone(),
            region: self.region.clone(),
            what,
            id: id.to_owned(),
            detail,
        };
        world.schedule(after, event);
    }
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    let value = match operation {
        "CreateCluster" => clusters::create(cx, input),
        "DescribeClusters" => clusters::describe(cx, input),
        "ListClusters" => clusters::list(cx),
        "UpdateCluster" | "UpdateClusterSettings" => clusters::update(cx, input),
        "PutClusterCapacityProviders" => clusters::put_capacity_providers(cx, input),
        "DeleteCluster" => clusters::delete(cx, input),
        "DescribeCapacityProviders" => clusters::describe_capacity_providers(cx, input),
        "RegisterTaskDefinition" => definitions::register(cx, input),
        "DescribeTaskDefinition" => definitions::describe(cx, input),
        "DeregisterTaskDefinition" => definitions::deregister(cx, input),
        "DeleteTaskDefinitions" => definitions::delete(cx, input),
        "ListTaskDefinitions" => definitions::list(cx, input),
        "ListTaskDefinitionFamilies" => definitions::families(cx, input),
        "CreateService" => services::create(cx, input),
        "UpdateService" => services::update(cx, input),
        "DeleteService" => services::delete(cx, input),
        "DescribeServices" => shown::describe(cx, input),
        "ListServices" => shown::list(cx, input),
        "ListServiceDeployments" => deployments::list(cx, input),
        "DescribeServiceDeployments" => deployments::describe(cx, input),
        "DescribeServiceRevisions" => deployments::describe_revisions(cx, input),
        "StopServiceDeployment" => deployments::stop(cx, input),
        "CreateTaskSet" => task_sets::create(cx, input),
        "DescribeTaskSets" => task_sets::describe(cx, input),
        "UpdateTaskSet" => task_sets::update(cx, input),
        "UpdateServicePrimaryTaskSet" => task_sets::make_primary(cx, input),
        "DeleteTaskSet" => task_sets::delete(cx, input),
        "RunTask" => tasks::run(cx, input),
        "StopTask" => tasks::stop(cx, input),
        "DescribeTasks" => tasks::describe(cx, input),
        "ListTasks" => tasks::list(cx, input),
        "TagResource" => settings::tag(cx, input),
        "UntagResource" => settings::untag(cx, input),
        "ListTagsForResource" => settings::list_tags(cx, input),
        "ListAccountSettings" => settings::list(cx, input),
        "PutAccountSetting" => settings::put(cx, input),
        "PutAccountSettingDefault" => settings::put_default(cx, input),
        "DeleteAccountSetting" => settings::delete(cx, input),
        "ListContainerInstances" => clusters::active(cx, input.str("cluster"))
            .map(|_| json!({ "containerInstanceArns": [] })),
        _ => return Err(cx.not_simulated()),
    }?;
    Ok(value.into())
}

fn happen(world: &mut World, event: &Event) {
    let scope = Scope {
        account: event.account.clone(),
        region: event.region.clone(),
    };
    match event.what {
        "service" => scheduler::tick(world, &scope, &event.id),
        "task" => life::step(world, &scope, &event.id, &event.detail),
        "process" => crate::plane::tasks::happen(world, &scope, &event.id, &event.detail),
        "task-gone" => {
            scope.state(world).tasks.remove(&event.id, 0);
        }
        "definition-gone" => definitions::purge(world, &scope, &event.id),
        _ => {}
    }
}

// ---- what every file here needs -------------------------------------------------------------------------------------

/// Tags, in the order given.
pub type Tags = Vec<(String, String)>;

fn tags_of(value: Option<&Value>) -> Tags {
    let rows = value
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    rows.iter()
        .map(|t| (text(t, "key").to_owned(), text(t, "value").to_owned()))
        .collect()
}

fn tags_json(tags: &Tags) -> Value {
    tags.iter()
        .map(|(k, v)| json!({ "key": k, "value": v }))
        .collect()
}

/// Puts `new` over `tags`: a key that is there keeps its seat.
fn merge_tags(tags: &mut Tags, new: &Tags) {
    for (key, value) in new {
        match tags.iter_mut().find(|(k, _)| k == key) {
            Some((_, v)) => v.clone_from(value),
            None => tags.push((key.clone(), value.clone())),
        }
    }
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap_or("")
}

fn rows<'v>(value: &'v Value, member: &str) -> &'v [Value] {
    value
        .get(member)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn includes(input: &Input, what: &str) -> bool {
    input.strings("include").iter().any(|i| i == what)
}

fn client(message: impl Into<String>) -> AwsError {
    AwsError::new("ClientException", message)
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterException", message)
}

/// The last part of an ARN or of a path, or the name itself.
fn last(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

fn failure(arn: String, reason: &str) -> Value {
    json!({ "arn": arn, "reason": reason })
}

/// The account and region that an ARN names, where it is one.
fn arn_place(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.strip_prefix("arn:")?.splitn(5, ':');
    let (_, _) = (parts.next()?, parts.next()?);
    let region = parts.next()?;
    Some((parts.next()?, region))
}

/// Every tagged resource as the tagging service lists them: ARN and tags.
pub fn tagged(world: &World, account: &str, region: &str) -> Vec<(String, Tags)> {
    let Some(place) = world.seen_place(account, region) else {
        return vec![];
    };
    let (state, now) = (&place.ecs, world.now());
    let arn = |resource: String| format!("arn:aws:ecs:{region}:{account}:{resource}");
    let clusters = state
        .clusters
        .seen_all(now)
        .filter(|(_, c)| c.status == "ACTIVE");
    let clusters = clusters.map(|(_, c)| (arn(format!("cluster/{}", c.name)), c.tags.clone()));
    let definitions = state
        .definitions
        .seen_all(now)
        .filter(|(_, d)| d.status == "ACTIVE");
    let definitions = definitions.map(|(_, d)| {
        let resource = format!("task-definition/{}:{}", d.family, d.revision);
        (arn(resource), d.tags.clone())
    });
    let services = state
        .services
        .seen_all(now)
        .filter(|(_, s)| s.status != "INACTIVE");
    let services = services.map(|(_, s)| (s.arn.clone(), s.tags.clone()));
    let tasks = state
        .tasks
        .seen_all(now)
        .filter(|(_, t)| t.last_status != "STOPPED");
    let tasks = tasks.map(|(_, t)| (t.arn.clone(), t.tags.clone()));
    let all = clusters.chain(definitions).chain(services).chain(tasks);
    all.filter(|(_, tags)| !tags.is_empty()).collect()
}
