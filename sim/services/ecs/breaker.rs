//! The circuit breaker of a deployment: when tasks fail too often, it ends, and what ran before comes back.

use super::deployments::{new_unit, settle_deployment, threshold};
use super::scheduler::{Seen, Turn};
use super::services::{UNIT, Unit};
use crate::world::World;
use serde_json::json;
use std::sync::Arc;

impl Turn<'_> {
    /// Takes in what became of tasks since the last look, and trips the breaker.
    pub(super) fn judge(&mut self, world: &mut World, seen: &[Seen]) {
        let now = world.unix(world.now());
        let well: Vec<String> = seen
            .iter()
            .filter(|t| t.healthy)
            .map(|t| t.unit.clone())
            .collect();
        let recovers = |unit: &Unit| unit.failed > 0 && well.contains(&unit.id);
        if self.service.units.iter().any(recovers) {
            let units = self.service_mut().units.iter_mut();
            units
                .filter(|unit| recovers(unit))
                .for_each(|unit| unit.failed = 0);
        }
        if !well.is_empty() {
            let notes = self.notes(world);
            notes.streak = 0;
            notes.said_inconsistent = false;
        }
        let (enabled, rolls_back) = self.service.breaker();
        let limit = threshold(self.service.desired);
        let service = Arc::clone(&self.service);
        let Some(primary) = service.primary() else {
            return;
        };
        self.note_failures(world, primary, limit);
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
        settle_deployment(world, self.scope, primary, |d| {
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
            self.roll_back(world, primary, &back, "Service deployment rolled back because the circuit breaker threshold was exceeded.");
        }
    }

    /// A new deployment of what ran before takes the failed one's place.
    pub(super) fn roll_back(
        &mut self,
        world: &mut World,
        failed: &Unit,
        back: &Unit,
        reason: &str,
    ) {
        let service = self.service_mut();
        service.definition.clone_from(&back.definition);
        for member in UNIT {
            match back.given.get(member) {
                Some(value) => service.given[member] = value.clone(),
                None => {
                    if let Some(given) = service.given.as_object_mut() {
                        given.remove(member);
                    }
                }
            }
        }
        let now = world.unix(world.now());
        let mut unit = new_unit(world, self.scope, self.service_mut());
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
        self.service_mut()
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
        let units = &mut self.service_mut().units;
        for old in units.iter_mut() {
            if old.status == "PRIMARY" {
                old.status = "ACTIVE".into();
            }
        }
        units.insert(0, unit);
        self.notes(world).not_before = 0;
        self.notes(world).streak = 0;
    }

    pub(super) fn note_failures(&self, world: &mut World, primary: &Unit, limit: u64) {
        let failures = primary.failed;
        settle_deployment(world, self.scope, primary, |d| {
            if d.failures != failures {
                d.failures = failures;
                d.threshold = limit;
            }
        });
    }
}
