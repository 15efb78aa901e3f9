//! The service scheduler: it makes of a service what its callers asked for, task by task, as fast and as safely as the
//! deployment configuration says. When it gives up is in [`super::breaker`].

use super::deployments::settle_deployment;
use super::launch::Launch;
use super::services::{EcsService, ServiceEvent, UNIT, Unit};
use super::tasks::{self, Task};
use super::{Scope, definitions, last, launch, life};
use crate::clock::{MINUTE, Nanos, SECOND};
use crate::services::elbv2;
use crate::world::World;
use serde_json::{Value, json};
use std::sync::Arc;

/// What the scheduler remembers about a service, unseen by any reader.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Notes {
    /// When it looks next.
    pub(super) due: Option<Nanos>,
    /// Starts that failed in a row, across deployments.
    pub(super) streak: u64,
    /// No task is started before this.
    pub(super) not_before: Nanos,
    pub(super) steady: bool,
    pub(super) said_inconsistent: bool,
}

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
        Some(notes) if notes.due.is_some_and(|due| due <= now) => notes.due = None,
        // Another look, nearer in time, has taken this one's place. (One that waited for the light comes late.)
        _ => return,
    }
    let Some(service) = scope.state(world).services.shared(key) else {
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
pub(super) struct Seen {
    pub(super) key: String,
    pub(super) id: String,
    pub(super) unit: String,
    /// `RUNNING` by the API.
    pub(super) running: bool,
    /// Running, and healthy in every target group.
    pub(super) healthy: bool,
    /// Out of its grace period and unhealthy in this target group, for this reason.
    pub(super) unhealthy: Option<(String, String)>,
    pub(super) created: Nanos,
}

pub(super) struct Turn<'s> {
    pub(super) scope: &'s Scope,
    pub(super) key: &'s str,
    /// Shared with the world until something about it changes.
    pub(super) service: Arc<EcsService>,
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
            .settle_as(self.key, service);
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
                match health.as_ref().map(|h| h.state) {
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

    pub(super) fn say(&mut self, world: &mut World, message: String) {
        say(world, self.scope, self.service_mut(), message);
    }

    pub(super) fn service_mut(&mut self) -> &mut EcsService {
        Arc::make_mut(&mut self.service)
    }

    pub(super) fn unit_mut(&mut self, id: &str) -> Option<&mut Unit> {
        self.service_mut().units.iter_mut().find(|u| u.id == id)
    }

    /// Keeps some of the service's units.
    fn retain(&mut self, keeps: impl Fn(&Unit) -> bool) {
        if !self.service.units.iter().all(&keeps) {
            self.service_mut().units.retain(keeps);
        }
    }

    /// ECS stops tasks that a target group finds unhealthy after the grace period.
    fn stop_unhealthy(&mut self, world: &mut World, seen: &mut Vec<Seen>) {
        let name = self.service.name.clone();
        let unwell: Vec<Seen> = seen.extract_if(.., |t| t.unhealthy.is_some()).collect();
        for task in unwell {
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
            life::begin_stop(
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
    }

    pub(super) fn notes<'w>(&self, world: &'w mut World) -> &'w mut Notes {
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
        let service = Arc::clone(&self.service);
        let sets = service.controller != "ECS";
        for unit in &service.units {
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
            life::begin_stop(
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
            match launch::launch(world, self.scope, &launch) {
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
        let service = Arc::clone(&self.service);
        for unit in &service.units {
            let own: Vec<&Seen> = seen.iter().filter(|t| t.unit == unit.id).collect();
            let wanted = self.service.wanted(unit) as usize;
            let stable = own.len() == wanted && own.iter().all(|t| t.healthy);
            all &= stable;
            if stable != unit.stable_since.is_some()
                && let Some(unit) = self.unit_mut(&unit.id)
            {
                unit.stable_since = stable.then_some(now);
            }
        }
        if self.service.controller == "ECS" {
            let only = seen
                .iter()
                .all(|t| self.service.primary().is_some_and(|p| p.id == t.unit));
            let service = Arc::clone(&self.service);
            if let Some(primary) = service.primary()
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
                self.retain(|u| u.status == "PRIMARY");
                settle_deployment(world, self.scope, primary, |d| {
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
                self.retain(|u| u.status == "PRIMARY" || u.rollout == "FAILED");
            }
        } else {
            self.retain(|u| u.status != "DRAINING" || seen.iter().any(|t| t.unit == u.id));
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
            life::begin_stop(
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
            let service = self.service_mut();
            service.status = "INACTIVE".into();
            service.units.clear();
            self.scope.state(world).notes.remove(self.key);
        }
    }
}

fn back_off(notes: &mut Notes, now: Nanos) {
    notes.streak += 1;
    // The first failures are retried at once; then the pauses double, up to a quarter of an hour.
    let pause = match notes.streak {
        0..=3 => 0,
        more => ((30 * SECOND) << (more - 4).min(10)).min(15 * MINUTE),
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
