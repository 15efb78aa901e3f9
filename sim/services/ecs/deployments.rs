//! The service scheduler: it makes of a service what its callers asked for, task by task, as fast and as safely as the
//! deployment configuration says, and gives up where the circuit breaker says so.

use super::services::{EcsService, ServiceEvent, UNIT, Unit, counts, picked};
use super::tasks::{self, Launch, Task};
use super::{Scope, definitions, failure, invalid, last, rows, text};
use crate::clock::{MINUTE, Nanos, SECOND};
use crate::error::AwsError;
use crate::services::elbv2;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};

/// What the scheduler remembers about a service, unseen by any reader.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Notes {
    /// When it looks next.
    due: Option<Nanos>,
    /// Starts that failed in a row, across deployments.
    streak: u64,
    /// No task is started before this.
    not_before: Nanos,
    steady: bool,
    said_inconsistent: bool,
}

/// A deployment of a service as ListServiceDeployments knows it; it outlives the deployment.
#[derive(Clone, Debug)]
pub struct ServiceDeployment {
    pub arn: String,
    pub service: String,
    pub service_arn: String,
    pub status: String,
    pub reason: String,
    pub created: f64,
    pub started: Option<f64>,
    pub finished: Option<f64>,
    pub stopped: Option<f64>,
    pub updated: f64,
    pub source: Option<String>,
    pub target: String,
    pub configuration: Value,
    pub rollback: Value,
    pub failures: u64,
    pub threshold: u64,
    pub breaker: bool,
}

/// What a service was to be at one time.
#[derive(Clone, Debug)]
pub struct Revision {
    pub arn: String,
    pub service: String,
    pub body: Value,
    pub created: f64,
}

/// How many failures trip the breaker: half of the desired count, at least 3 and at most 200.
fn threshold(desired: u64) -> u64 {
    desired.div_ceil(2).clamp(3, 200)
}

// ---- looking ---------------------------------------------------------------------------------------------------------

/// Has the scheduler look at a service within `after`.
pub(super) fn poke(world: &mut World, scope: &Scope, key: &str, after: Nanos) {
    let now = world.now();
    let notes = scope.state(world).notes.entry(key.to_owned()).or_default();
    if notes
        .due
        .is_some_and(|due| due >= now && due <= now + after)
    {
        return;
    }
    notes.due = Some(now + after);
    scope.later(world, after, "service", key, Value::Null);
}

/// The scheduler looks at a service.
pub(super) fn tick(world: &mut World, scope: &Scope, key: &str) {
    let now = world.now();
    match scope.state(world).notes.get_mut(key) {
        Some(notes) if notes.due == Some(now) => notes.due = None,
        // Another look, nearer in time, has taken this one's place.
        _ => return,
    }
    let Some(service) = scope.state(world).services.get(key).cloned() else {
        return;
    };
    if service.status == "INACTIVE" {
        return;
    }
    let calm = Turn {
        scope,
        key,
        service,
    }
    .take(world);
    if let Some(after) = calm {
        poke(world, scope, key, after);
    }
}

/// One task as the scheduler sees it.
#[derive(Clone)]
struct Seen {
    key: String,
    id: String,
    unit: String,
    /// `RUNNING` by the API.
    running: bool,
    /// Running, and healthy in every target group.
    healthy: bool,
    /// Out of its grace period and unhealthy in this target group, for this reason.
    unhealthy: Option<(String, String)>,
    created: Nanos,
}

struct Turn<'s> {
    scope: &'s Scope,
    key: &'s str,
    service: EcsService,
}

impl Turn<'_> {
    /// Does what is due and answers when to look again; `None` if only a change of a task needs another look.
    fn take(mut self, world: &mut World) -> Option<Nanos> {
        let mut seen = self.look(world);
        self.stop_unhealthy(world, &mut seen);
        if self.service.status == "DRAINING" {
            self.drain(world, &seen);
            return self.finish(world, Some(10 * SECOND));
        }
        self.judge(world, &seen);
        self.scale(world, &seen);
        let seen = self.look(world);
        let steady = self.conclude(world, &seen);
        let balanced = self
            .service
            .units
            .iter()
            .any(|u| !self.service.balancers(u).is_empty());
        let next = match (steady, balanced) {
            (true, true) => Some(30 * SECOND),
            (true, false) => None,
            (false, _) => Some(10 * SECOND),
        };
        self.finish(world, next)
    }

    fn finish(self, world: &mut World, next: Option<Nanos>) -> Option<Nanos> {
        let service = self.service;
        let gone = service.status == "INACTIVE";
        self.scope
            .state(world)
            .services
            .settle(self.key, |old| *old = service);
        if gone { None } else { next }
    }

    /// The tasks that are to run: those that are being stopped do not count any more.
    fn look(&self, world: &mut World) -> Vec<Seen> {
        let now = world.now();
        let grace = self.service.grace_seconds() * SECOND;
        let mut seen = vec![];
        let keys = tasks::of_service(world, self.scope, self.key);
        for key in keys {
            let Some(task) = self.scope.seen(world).and_then(|s| s.tasks.get(&key)) else {
                continue;
            };
            if task.desired_status != "RUNNING" || task.last_status == "STOPPED" {
                continue;
            }
            let running = task.last_status == "RUNNING";
            let (mut healthy, mut unhealthy) = (running, None);
            for target in &task.targets {
                let health = elbv2::target_health(
                    world,
                    &self.scope.account,
                    &self.scope.region,
                    &target.group,
                    &task.ip(),
                    target.port,
                );
                match health.as_ref().map(|h| h.state.to_string()).as_deref() {
                    Some("healthy") => {}
                    Some("unhealthy") => {
                        healthy = false;
                        let after_grace = task.started.is_some_and(|at| now >= at + grace);
                        if running && after_grace {
                            let reason = health.and_then(|h| h.description).unwrap_or_default();
                            unhealthy = Some((target.group.clone(), reason));
                        }
                    }
                    _ => healthy = false,
                }
            }
            seen.push(Seen {
                key: key.clone(),
                id: task.id.clone(),
                unit: task.unit.clone().unwrap_or_default(),
                running,
                healthy,
                unhealthy,
                created: task.created_at,
            });
        }
        seen
    }

    fn say(&mut self, world: &mut World, message: String) {
        say(world, self.scope, &mut self.service, message);
    }

    fn unit_mut(&mut self, id: &str) -> Option<&mut Unit> {
        self.service.units.iter_mut().find(|u| u.id == id)
    }

    /// ECS stops tasks that a target group finds unhealthy after the grace period.
    fn stop_unhealthy(&mut self, world: &mut World, seen: &mut Vec<Seen>) {
        let name = self.service.name.clone();
        for task in seen
            .iter()
            .filter(|t| t.unhealthy.is_some())
            .cloned()
            .collect::<Vec<_>>()
        {
            let Some((group, reason)) = &task.unhealthy else {
                continue;
            };
            let port = self
                .scope
                .seen(world)
                .and_then(|s| s.tasks.get(&task.key))
                .and_then(|t| t.targets.first().map(|t| t.port))
                .unwrap_or(0);
            self.say(
                world,
                format!("(service {name}) (port {port}) is unhealthy in (target-group {group}) due to (reason {reason})"),
            );
            let why = format!("Task failed ELB health checks in (target-group {group})");
            tasks::begin_stop(
                world,
                self.scope,
                &task.key,
                "ServiceSchedulerInitiated",
                &why,
            );
            self.say(
                world,
                format!(
                    "(service {name}) has stopped 1 running tasks: (task {}).",
                    task.id
                ),
            );
            if let Some(unit) = self.unit_mut(&task.unit)
                && unit.rollout == "IN_PROGRESS"
            {
                unit.failed += 1;
            }
        }
        seen.retain(|t| t.unhealthy.is_none());
    }

    /// Takes in what became of tasks since the last look, and trips the breaker.
    fn judge(&mut self, world: &mut World, seen: &[Seen]) {
        let now = world.unix(world.now());
        let well: Vec<String> = seen
            .iter()
            .filter(|t| t.healthy)
            .map(|t| t.unit.clone())
            .collect();
        for unit in &mut self.service.units {
            if well.contains(&unit.id) {
                unit.failed = 0;
            }
        }
        if !well.is_empty() {
            let notes = self.notes(world);
            notes.streak = 0;
            notes.said_inconsistent = false;
        }
        let (enabled, rolls_back) = self.service.breaker();
        let limit = threshold(self.service.desired);
        let Some(primary) = self.service.primary().cloned() else {
            return;
        };
        self.note_failures(world, &primary, limit);
        let tripped = self.service.controller == "ECS"
            && enabled
            && primary.rollout == "IN_PROGRESS"
            && primary.failed >= limit;
        if !tripped {
            return;
        }
        let name = self.service.name.clone();
        self.say(
            world,
            format!(
                "(service {name}) (deployment {}) deployment failed: tasks failed to start.",
                primary.id
            ),
        );
        let back = self
            .service
            .units
            .iter()
            .find(|u| u.status == "ACTIVE" && u.rollout == "COMPLETED")
            .cloned();
        let reason = match (&back, rolls_back) {
            (Some(back), true) => {
                format!(
                    "ECS deployment circuit breaker: rolling back to deploymentId {}.",
                    back.id
                )
            }
            _ => "ECS deployment circuit breaker: tasks failed to start.".to_owned(),
        };
        if let Some(unit) = self.unit_mut(&primary.id) {
            unit.rollout = "FAILED".into();
            unit.rollout_reason.clone_from(&reason);
            unit.updated = now;
        }
        let rolling = rolls_back && back.is_some();
        settle_deployment(world, self.scope, &primary, |d| {
            d.failures = primary.failed;
            d.reason.clone_from(&reason);
            d.updated = now;
            if rolling {
                d.status = "ROLLBACK_IN_PROGRESS".into();
            } else {
                d.status = "STOPPED".into();
                d.stopped = Some(now);
                d.finished = Some(now);
            }
        });
        if let (Some(back), true) = (back, rolls_back) {
            self.roll_back(world, &primary, &back, "Service deployment rolled back because the circuit breaker threshold was exceeded.");
        }
    }

    /// A new deployment of what ran before takes the failed one's place.
    fn roll_back(&mut self, world: &mut World, failed: &Unit, back: &Unit, reason: &str) {
        self.service.definition.clone_from(&back.definition);
        for member in UNIT {
            match back.given.get(member) {
                Some(value) => self.service.given[member] = value.clone(),
                None => {
                    if let Some(given) = self.service.given.as_object_mut() {
                        given.remove(member);
                    }
                }
            }
        }
        let now = world.unix(world.now());
        let mut unit = new_unit(world, self.scope, &mut self.service);
        unit.rollout_reason = format!(
            "ECS deployment circuit breaker: rollback of {} in progress.",
            failed.id
        );
        // A rollback is part of the service deployment that failed.
        if let Some(arn) = unit.service_deployment.take() {
            self.scope.state(world).service_deployments.remove(&arn, 0);
        }
        unit.service_deployment
            .clone_from(&failed.service_deployment);
        self.service
            .current_deployment
            .clone_from(&failed.service_deployment);
        let revision = unit.revision.clone();
        settle_deployment(world, self.scope, failed, |d| {
            d.status = "ROLLBACK_IN_PROGRESS".into();
            d.rollback =
                json!({ "reason": reason, "startedAt": now, "serviceRevisionArn": revision });
        });
        let name = self.service.name.clone();
        self.say(
            world,
            format!("(service {name}) rolling back to (deployment {}).", unit.id),
        );
        for old in &mut self.service.units {
            if old.status == "PRIMARY" {
                old.status = "ACTIVE".into();
            }
        }
        self.service.units.insert(0, unit);
        self.notes(world).not_before = 0;
        self.notes(world).streak = 0;
    }

    fn note_failures(&self, world: &mut World, primary: &Unit, limit: u64) {
        let failures = primary.failed;
        settle_deployment(world, self.scope, primary, |d| {
            if d.failures != failures {
                d.failures = failures;
                d.threshold = limit;
            }
        });
    }

    fn notes<'w>(&self, world: &'w mut World) -> &'w mut Notes {
        self.scope
            .state(world)
            .notes
            .entry(self.key.to_owned())
            .or_default()
    }

    /// Starts and stops tasks towards what is wanted.
    fn scale(&mut self, world: &mut World, seen: &[Seen]) {
        let (minimum, maximum) = self.service.percents();
        let desired = self.service.desired;
        let floor = (desired * minimum).div_ceil(100) as usize;
        let ceiling = (desired * maximum / 100) as usize;
        let mut alive = seen.len();
        let mut healthy = seen.iter().filter(|t| t.healthy).count();
        let units = self.service.units.clone();
        let sets = self.service.controller != "ECS";
        for unit in &units {
            let own: Vec<&Seen> = seen.iter().filter(|t| t.unit == unit.id).collect();
            let wanted = self.service.wanted(unit) as usize;
            let fading = !sets && unit.status != "PRIMARY";
            if own.len() > wanted {
                let mut surplus: Vec<&Seen> = own.clone();
                // What does not run goes first, then the youngest.
                surplus.sort_by_key(|t| (t.running, t.healthy, std::cmp::Reverse(t.created)));
                surplus.truncate(own.len() - wanted);
                if fading {
                    // A deployment that fades keeps enough of the service healthy.
                    let mut spare = healthy.saturating_sub(floor);
                    surplus.retain(|t| {
                        if !t.healthy {
                            return true;
                        }
                        let may = spare > 0;
                        spare = spare.saturating_sub(1);
                        may
                    });
                }
                healthy -= surplus.iter().filter(|t| t.healthy).count();
                alive -= surplus.len();
                self.stop_surplus(world, unit, &surplus);
            } else if own.len() < wanted && unit.rollout != "FAILED" && !fading {
                let mut room = wanted - own.len();
                if !sets {
                    room = room.min(ceiling.max(1).saturating_sub(alive));
                }
                alive += self.start(world, unit, room);
            }
        }
        // A failed deployment without a way back keeps what runs and starts nothing.
    }

    fn stop_surplus(&mut self, world: &mut World, unit: &Unit, surplus: &[&Seen]) {
        if surplus.is_empty() {
            return;
        }
        let name = self.service.name.clone();
        let reason = format!("Scaling activity initiated by (deployment {})", unit.id);
        for task in surplus {
            tasks::begin_stop(
                world,
                self.scope,
                &task.key,
                "ServiceSchedulerInitiated",
                &reason,
            );
        }
        let listed: Vec<String> = surplus.iter().map(|t| format!("(task {})", t.id)).collect();
        if !self.service.balancers(unit).is_empty() && surplus.iter().any(|t| t.running) {
            self.say(
                world,
                format!(
                    "(service {name}) has begun draining connections on {} tasks.",
                    surplus.len()
                ),
            );
        }
        self.say(
            world,
            format!(
                "(service {name}) has stopped {} running tasks: {}.",
                surplus.len(),
                listed.join(" ")
            ),
        );
        self.notes(world).steady = false;
    }

    /// Starts up to `count` tasks of a unit; answers how many were.
    fn start(&mut self, world: &mut World, unit: &Unit, count: usize) -> usize {
        let now = world.now();
        if count == 0 || self.notes(world).not_before > now {
            return 0;
        }
        let Some(definition) = definitions::by_arn(world, self.scope, &unit.definition).cloned()
        else {
            return 0;
        };
        let mut given = self.service.given.clone();
        for member in UNIT {
            if let Some(value) = unit.given.get(member) {
                given[member] = value.clone();
            }
        }
        let launch = Launch {
            cluster: self.service.cluster.clone(),
            definition,
            balancers: self.service.balancers(unit).to_vec(),
            given,
            overrides: json!({ "containerOverrides": [], "inferenceAcceleratorOverrides": [] }),
            group: format!("service:{}", self.service.name),
            service: Some(self.service.name.clone()),
            unit: Some(unit.id.clone()),
            started_by: unit.id.clone(),
            service_tags: self.service.tags.clone(),
            tags: vec![],
        };
        let name = self.service.name.clone();
        let mut started = vec![];
        for _ in 0..count {
            match tasks::launch(world, self.scope, &launch) {
                Ok(key) => started.push(format!("(task {})", last(&key))),
                Err(refusal) => {
                    self.say(world, format!("(service {name}) {refusal}"));
                    let failed = refusal.counts_as_failure();
                    if failed && let Some(unit) = self.unit_mut(&unit.id) {
                        unit.failed += 1;
                    }
                    back_off(self.notes(world), now);
                    break;
                }
            }
        }
        if !started.is_empty() {
            self.say(
                world,
                format!(
                    "(service {name}) has started {} tasks: {}.",
                    started.len(),
                    started.join(" ")
                ),
            );
            self.notes(world).steady = false;
        }
        started.len()
    }

    /// Whether the service is as it is wanted; ends deployments that are.
    fn conclude(&mut self, world: &mut World, seen: &[Seen]) -> bool {
        let now = world.unix(world.now());
        let name = self.service.name.clone();
        let leaving = tasks::of_service(world, self.scope, self.key).len() - seen.len();
        let mut all = true;
        let units = self.service.units.clone();
        for unit in &units {
            let own: Vec<&Seen> = seen.iter().filter(|t| t.unit == unit.id).collect();
            let wanted = self.service.wanted(unit) as usize;
            let stable = own.len() == wanted && own.iter().all(|t| t.healthy);
            all &= stable;
            if let Some(unit) = self.unit_mut(&unit.id) {
                match (stable, unit.stable_since) {
                    (true, None) => unit.stable_since = Some(now),
                    (false, Some(_)) => unit.stable_since = None,
                    _ => {}
                }
            }
        }
        if self.service.controller == "ECS" {
            let only = seen
                .iter()
                .all(|t| self.service.primary().is_some_and(|p| p.id == t.unit));
            if let Some(primary) = self.service.primary().cloned()
                && all
                && only
                && primary.rollout == "IN_PROGRESS"
            {
                let rollback = primary
                    .rollout_reason
                    .starts_with("ECS deployment circuit breaker: rollback");
                if let Some(unit) = self.unit_mut(&primary.id) {
                    unit.rollout = "COMPLETED".into();
                    unit.rollout_reason = format!("ECS deployment {} completed.", primary.id);
                    unit.updated = now;
                }
                self.service.units.retain(|u| u.status == "PRIMARY");
                settle_deployment(world, self.scope, &primary, |d| {
                    d.status = if rollback {
                        "ROLLBACK_SUCCESSFUL".into()
                    } else {
                        "SUCCESSFUL".into()
                    };
                    d.finished = Some(now);
                    d.updated = now;
                });
                self.say(
                    world,
                    format!(
                        "(service {name}) (deployment {}) deployment completed.",
                        primary.id
                    ),
                );
                // Circuit breaker or not: what completed has shown that tasks start.
                self.notes(world).streak = 0;
            } else if all && only {
                self.service
                    .units
                    .retain(|u| u.status == "PRIMARY" || u.rollout == "FAILED");
            }
        } else {
            let gone: Vec<String> = units
                .iter()
                .filter(|u| u.status == "DRAINING" && !seen.iter().any(|t| t.unit == u.id))
                .map(|u| u.id.clone())
                .collect();
            self.service.units.retain(|u| !gone.contains(&u.id));
        }
        let steady = all && leaving == 0;
        if steady && !self.notes(world).steady {
            self.notes(world).steady = true;
            self.say(
                world,
                format!("(service {name}) has reached a steady state."),
            );
        } else if !steady {
            self.notes(world).steady = false;
        }
        steady
    }

    /// A deleted service loses its tasks, and is inactive once they are gone.
    fn drain(&mut self, world: &mut World, seen: &[Seen]) {
        let name = self.service.name.clone();
        let unit = self
            .service
            .units
            .first()
            .map(|u| u.id.clone())
            .unwrap_or_default();
        for task in seen {
            let reason = format!("Scaling activity initiated by (deployment {unit})");
            tasks::begin_stop(
                world,
                self.scope,
                &task.key,
                "ServiceSchedulerInitiated",
                &reason,
            );
        }
        if !seen.is_empty() {
            let listed: Vec<String> = seen.iter().map(|t| format!("(task {})", t.id)).collect();
            self.say(
                world,
                format!(
                    "(service {name}) has stopped {} running tasks: {}.",
                    seen.len(),
                    listed.join(" ")
                ),
            );
        }
        if tasks::of_service(world, self.scope, self.key).is_empty() {
            self.service.status = "INACTIVE".into();
            self.service.units.clear();
            self.scope.state(world).notes.remove(self.key);
        }
    }
}

fn back_off(notes: &mut Notes, now: Nanos) {
    notes.streak += 1;
    // The first failures are retried at once; then the pauses double, up to a quarter of an hour.
    let pause = match notes.streak {
        0..=3 => 0,
        more => (30 * SECOND << (more - 4).min(10)).min(15 * MINUTE),
    };
    notes.not_before = now + pause;
}

/// A task of a service has ended by itself: `began` says whether it ever ran.
pub(super) fn task_ended(world: &mut World, scope: &Scope, task: &Task, began: bool) {
    let Some(name) = &task.service else { return };
    let key = format!("{}/{name}", task.cluster);
    let now = world.now();
    if !began {
        let state = scope.state(world);
        back_off(state.notes.entry(key.clone()).or_default(), now);
        let unit = task.unit.clone().unwrap_or_default();
        state.services.settle(&key, |service| {
            if let Some(unit) = service.units.iter_mut().find(|u| u.id == unit) {
                unit.failed += 1;
            }
        });
        let notes = state.notes.entry(key.clone()).or_default();
        if notes.streak > 3 && !notes.said_inconsistent {
            notes.said_inconsistent = true;
            if let Some(mut service) = state.services.get(&key).cloned() {
                let message = format!(
                    "(service {name}) is unable to consistently start tasks successfully. For more information, see the \
                     Troubleshooting section of the Amazon ECS Developer Guide."
                );
                say(world, scope, &mut service, message);
                scope
                    .state(world)
                    .services
                    .settle(&key, |old| *old = service);
            }
        }
    }
    poke(world, scope, &key, SECOND);
    let wait = scope
        .state(world)
        .notes
        .get(&key)
        .map_or(0, |n| n.not_before.saturating_sub(now));
    if wait > SECOND {
        // The look after the pause; nearer looks come and go in between.
        scope.state(world).notes.entry(key.clone()).or_default().due = None;
        poke(world, scope, &key, 10 * SECOND);
    }
}

/// Something changed about a task of a service.
pub(super) fn task_changed(world: &mut World, scope: &Scope, task: &Task) {
    if let Some(name) = &task.service {
        poke(world, scope, &format!("{}/{name}", task.cluster), SECOND);
    }
}

/// AWS keeps the latest 100 events of a service.
pub(super) fn say(world: &mut World, scope: &Scope, service: &mut EcsService, message: String) {
    let at = world.unix(world.now());
    let id = scope.cx(world, "event").uuid("event");
    service.events.push(ServiceEvent { id, at, message });
    if service.events.len() > 100 {
        service.events.remove(0);
    }
}

// ---- deployments -------------------------------------------------------------------------------------------------------

fn digits(world: &mut World, scope: &Scope, name: &str) -> String {
    let hex = scope.cx(world, "number").hex(name, 16);
    let number = u64::from_str_radix(&hex, 16).unwrap_or(0);
    format!("{:019}", number % 10_u64.pow(19))
}

/// A unit that brings the service to what it is now told to be, with its records.
pub(super) fn new_unit(world: &mut World, scope: &Scope, service: &mut EcsService) -> Unit {
    let now = world.unix(world.now());
    let id = format!("ecs-svc/{}", digits(world, scope, "ecs-svc"));
    let key = service.key();
    let revision = scope.arn(&format!(
        "service-revision/{key}/{}",
        digits(world, scope, "revision")
    ));
    let deployment = format!(
        "{}{}",
        scope.arn(&format!("service-deployment/{key}/")),
        scope.cx(world, "deployment").hex("service-deployment", 21)
    );
    let definition = definitions::by_arn(world, scope, &service.definition);
    let images: Vec<Value> = definition
        .map(|d| {
            d.containers()
                .iter()
                .map(|c| json!({ "containerName": c["name"], "image": c["image"] }))
                .collect()
        })
        .unwrap_or_default();
    let mut body = json!({
        "serviceRevisionArn": revision,
        "serviceArn": service.arn,
        "clusterArn": scope.arn(&format!("cluster/{}", service.cluster)),
        "taskDefinition": service.definition,
        "platformFamily": "Linux",
        "containerImages": images,
        "guardDutyEnabled": false,
        "createdAt": now,
    });
    for member in UNIT {
        if let Some(value) = service.given.get(member) {
            body[member] = value.clone();
        }
    }
    body["platformVersion"] = tasks::platform(text(&service.given, "platformVersion")).into();
    let (breaker, _) = service.breaker();
    let record = ServiceDeployment {
        arn: deployment.clone(),
        service: key.clone(),
        service_arn: service.arn.clone(),
        status: "IN_PROGRESS".into(),
        reason: String::new(),
        created: now,
        started: Some(now),
        finished: None,
        stopped: None,
        updated: now,
        source: service.current_revision.clone(),
        target: revision.clone(),
        configuration: service.given["deploymentConfiguration"].clone(),
        rollback: Value::Null,
        failures: 0,
        threshold: threshold(service.desired),
        breaker,
    };
    let at = world.now();
    let state = scope.state(world);
    state.service_revisions.put(
        revision.clone(),
        Revision {
            arn: revision.clone(),
            service: key,
            body,
            created: now,
        },
        at,
    );
    if service.controller == "ECS" {
        state
            .service_deployments
            .put(deployment.clone(), record, at);
        service.current_deployment = Some(deployment.clone());
    }
    service.current_revision = Some(revision.clone());
    Unit {
        status: "PRIMARY".into(),
        definition: service.definition.clone(),
        given: picked(&service.given, &UNIT),
        created: now,
        updated: now,
        failed: 0,
        rollout: "IN_PROGRESS".into(),
        rollout_reason: format!("ECS deployment {id} in progress."),
        id,
        scale: 100.0,
        external_id: String::new(),
        started_by: String::new(),
        tags: vec![],
        revision: Some(revision),
        service_deployment: Some(deployment),
        stable_since: None,
    }
}

/// Puts a new primary deployment before the present ones.
pub(super) fn supersede(world: &mut World, scope: &Scope, service: &mut EcsService, unit: Unit) {
    let now = world.unix(world.now());
    for old in &mut service.units {
        if old.status == "PRIMARY" {
            old.status = "ACTIVE".into();
            old.updated = now;
            if old.rollout == "IN_PROGRESS" {
                settle_deployment(world, scope, old, |d| {
                    d.status = "STOPPED".into();
                    d.reason = "Service deployment stopped because a newer one was started.".into();
                    d.stopped = Some(now);
                    d.finished = Some(now);
                });
            }
        }
    }
    service.units.insert(0, unit);
    let key = service.key();
    let notes = scope.state(world).notes.entry(key).or_default();
    notes.not_before = 0;
    notes.streak = 0;
    notes.steady = false;
}

fn settle_deployment(
    world: &mut World,
    scope: &Scope,
    unit: &Unit,
    change: impl FnOnce(&mut ServiceDeployment),
) {
    if let Some(arn) = &unit.service_deployment {
        scope.state(world).service_deployments.settle(arn, change);
    }
}

pub(super) fn render(world: &World, scope: &Scope, service: &EcsService, unit: &Unit) -> Value {
    let (running, pending) = counts(world, scope, service, Some(&unit.id));
    let mut value = json!({
        "id": unit.id,
        "status": unit.status,
        "taskDefinition": unit.definition,
        "desiredCount": service.wanted(unit),
        "pendingCount": pending,
        "runningCount": running,
        "failedTasks": unit.failed,
        "createdAt": unit.created,
        "updatedAt": unit.updated,
        "platformVersion": tasks::platform(text(&unit.given, "platformVersion")),
        "platformFamily": "Linux",
        "rolloutState": unit.rollout,
        "rolloutStateReason": unit.rollout_reason,
    });
    for member in [
        "networkConfiguration",
        "launchType",
        "capacityProviderStrategy",
    ] {
        if let Some(given) = unit
            .given
            .get(member)
            .filter(|g| !g.as_array().is_some_and(Vec::is_empty))
        {
            value[member] = given.clone();
        }
    }
    value
}

// ---- service deployments ------------------------------------------------------------------------------------------------

fn brief(d: &ServiceDeployment, cluster: &str) -> Value {
    let mut value = json!({
        "serviceDeploymentArn": d.arn,
        "serviceArn": d.service_arn,
        "clusterArn": cluster,
        "createdAt": d.created,
        "targetServiceRevisionArn": d.target,
        "status": d.status,
    });
    for (member, at) in [("startedAt", d.started), ("finishedAt", d.finished)] {
        if let Some(at) = at {
            value[member] = at.into();
        }
    }
    if !d.reason.is_empty() {
        value["statusReason"] = d.reason.clone().into();
    }
    value
}

pub(super) fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let cluster = super::clusters::active(cx, input.str("cluster"))?;
    let (scope, now) = (Scope::of(cx), cx.now());
    let key = super::services::key_of(&cluster, input.str("service").unwrap_or(""));
    if !cx.place().ecs.services.contains(&key) {
        return Err(AwsError::new(
            "ServiceNotFoundException",
            "Service not found.",
        ));
    }
    let status = input.strings("status");
    let created = input.value.get("createdAt").cloned().unwrap_or(Value::Null);
    let after = created["after"].as_f64().unwrap_or(f64::MIN);
    let before = created["before"].as_f64().unwrap_or(f64::MAX);
    let arn = scope.arn(&format!("cluster/{cluster}"));
    let mut found: Vec<&ServiceDeployment> = cx
        .place()
        .ecs
        .service_deployments
        .seen_all(now)
        .map(|(_, d)| d)
        .filter(|d| d.service == key && (status.is_empty() || status.contains(&d.status)))
        .filter(|d| d.created >= after && d.created <= before)
        .collect();
    found.sort_by(|a, b| b.created.total_cmp(&a.created));
    let listed: Vec<Value> = found.into_iter().map(|d| brief(d, &arn)).collect();
    Ok(json!({ "serviceDeployments": listed }))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (scope, now) = (Scope::of(cx), cx.now());
    let asked = input.strings("serviceDeploymentArns");
    if asked.is_empty() || asked.len() > 20 {
        return Err(invalid("Specify between 1 and 20 service deployments."));
    }
    let (mut found, mut failures) = (vec![], vec![]);
    for arn in asked {
        let Some(d) = cx.place().ecs.service_deployments.seen(&arn, now).cloned() else {
            failures.push(failure(arn, "MISSING"));
            continue;
        };
        let cluster = d.service.split('/').next().unwrap_or("").to_owned();
        let mut value = brief(&d, &scope.arn(&format!("cluster/{cluster}")));
        let service = cx.place().ecs.services.get(&d.service).cloned();
        let totals = service.as_ref().map_or((0, 0, 0), |s| {
            let (running, pending) = counts(cx.world, &scope, s, None);
            (s.desired, running, pending)
        });
        if let Some(value) = value.as_object_mut() {
            value.remove("targetServiceRevisionArn");
        }
        value["updatedAt"] = d.updated.into();
        if let Some(at) = d.stopped {
            value["stoppedAt"] = at.into();
        }
        value["sourceServiceRevisions"] =
            d.source.iter().map(|arn| json!({ "arn": arn, "requestedTaskCount": 0, "runningTaskCount": 0, "pendingTaskCount": 0 })).collect();
        value["targetServiceRevision"] = json!({
            "arn": d.target,
            "requestedTaskCount": totals.0,
            "runningTaskCount": totals.1,
            "pendingTaskCount": totals.2,
        });
        value["deploymentConfiguration"] = d.configuration.clone();
        if !d.rollback.is_null() {
            value["rollback"] = d.rollback.clone();
        }
        let tripped = d.failures >= d.threshold && d.breaker;
        let status = match (d.breaker, tripped, d.status.as_str()) {
            (false, _, _) => "DISABLED",
            (true, true, _) => "TRIGGERED",
            (true, false, "IN_PROGRESS") => "MONITORING",
            _ => "MONITORING_COMPLETE",
        };
        value["deploymentCircuitBreaker"] =
            json!({ "status": status, "failureCount": d.failures, "threshold": d.threshold });
        found.push(value);
    }
    Ok(json!({ "serviceDeployments": found, "failures": failures }))
}

pub(super) fn describe_revisions(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let asked = input.strings("serviceRevisionArns");
    let state = &cx.place().ecs;
    let found: Vec<Value> = asked
        .iter()
        .filter_map(|arn| state.service_revisions.seen(arn, now))
        .map(|r| r.body.clone())
        .collect();
    let failures: Vec<Value> = asked
        .iter()
        .filter(|arn| state.service_revisions.seen(arn, now).is_none())
        .map(|arn| failure(arn.clone(), "MISSING"))
        .collect();
    Ok(json!({ "serviceRevisions": found, "failures": failures }))
}

/// StopServiceDeployment: the deployment rolls back to what ran before.
pub(super) fn stop(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = input.str("serviceDeploymentArn").unwrap_or("").to_owned();
    let scope = Scope::of(cx);
    let missing = || {
        AwsError::new(
            "ServiceDeploymentNotFoundException",
            "The service deployment was not found.",
        )
    };
    let deployment = cx
        .place()
        .ecs
        .service_deployments
        .get(&arn)
        .cloned()
        .ok_or_else(missing)?;
    if deployment.status != "IN_PROGRESS" && deployment.status != "PENDING" {
        return Err(AwsError::new(
            "ConflictException",
            "The service deployment is not in progress.",
        ));
    }
    let service = cx
        .place()
        .ecs
        .services
        .get(&deployment.service)
        .cloned()
        .ok_or_else(missing)?;
    let current = service
        .units
        .iter()
        .find(|u| u.service_deployment.as_ref() == Some(&arn))
        .cloned();
    let back = service
        .units
        .iter()
        .find(|u| u.status == "ACTIVE" && u.rollout == "COMPLETED")
        .cloned();
    let (Some(current), Some(back)) = (current, back) else {
        return Err(invalid("There is no service revision to roll back to."));
    };
    if input.str("stopType") == Some("ABORT") {
        return Err(AwsError::new(
            "UnsupportedFeatureException",
            "ABORT is not supported.",
        ));
    }
    let key = deployment.service.clone();
    let mut turn = Turn {
        scope: &scope,
        key: &key,
        service,
    };
    if let Some(unit) = turn.unit_mut(&current.id) {
        unit.rollout = "FAILED".into();
        unit.rollout_reason =
            "Service deployment rolled back because of a StopServiceDeployment request.".into();
    }
    turn.roll_back(
        cx.world,
        &current,
        &back,
        "Service deployment rolled back because of a StopServiceDeployment request.",
    );
    let service = turn.service;
    scope
        .state(cx.world)
        .services
        .settle(&key, |old| *old = service);
    poke(cx.world, &scope, &key, SECOND);
    Ok(json!({ "serviceDeploymentArn": arn }))
}

/// The services of a place, for those who scale them: cluster and name.
pub fn scalable(
    world: &World,
    account: &str,
    region: &str,
    resource: &str,
) -> Option<(u64, usize)> {
    let key = resource.strip_prefix("service/")?;
    let scope = Scope {
        account: account.to_owned(),
        region: region.to_owned(),
    };
    let service = scope
        .seen(world)?
        .services
        .get(key)
        .filter(|s| s.status == "ACTIVE")?;
    let (running, _) = counts(world, &scope, service, None);
    Some((service.desired, running))
}

/// Sets a service's desired count, as Application Auto Scaling does.
pub fn set_desired(
    world: &mut World,
    account: &str,
    region: &str,
    resource: &str,
    desired: u64,
) -> bool {
    let scope = Scope {
        account: account.to_owned(),
        region: region.to_owned(),
    };
    let Some(key) = resource.strip_prefix("service/").map(str::to_owned) else {
        return false;
    };
    let active = scope
        .state(world)
        .services
        .get(&key)
        .is_some_and(|s| s.status == "ACTIVE");
    if active {
        scope
            .state(world)
            .services
            .settle(&key, |s| s.desired = desired);
        poke(world, &scope, &key, SECOND);
    }
    active
}

/// Balancers that a unit registers its tasks with, as targets.
pub(super) fn targets(balancers: &[Value]) -> Vec<tasks::Target> {
    balancers
        .iter()
        .filter(|b| !text(b, "targetGroupArn").is_empty())
        .map(|b| tasks::Target {
            group: text(b, "targetGroupArn").to_owned(),
            port: b["containerPort"]
                .as_u64()
                .and_then(|p| u16::try_from(p).ok())
                .unwrap_or(0),
        })
        .collect()
}

/// Subnets of a service or a task.
pub(super) fn subnets(given: &Value) -> Vec<String> {
    rows(
        &given["networkConfiguration"]["awsvpcConfiguration"],
        "subnets",
    )
    .iter()
    .filter_map(Value::as_str)
    .map(str::to_owned)
    .collect()
}
