//! The actor: every minute it looks at each target, keeps capacity within the limits, and follows the policies.

use super::policies::{Policy, metric};
use super::{Activity, EVERY, Target};
use crate::clock::{Nanos, SECOND};
use crate::services::{ServiceId, cloudwatch, ecs};
use crate::world::{Event, World};
use serde_json::Value;

impl World {
    /// What an ECS service's work costs: percent of CPU and memory of one task, shared by all its tasks. `resource`:
    /// `service/cluster/name`. Without it a service idles.
    pub fn set_load(&mut self, account: &str, region: &str, resource: &str, cpu: f64, memory: f64) {
        let key = (account.to_owned(), region.to_owned(), resource.to_owned());
        self.plane.loads.insert(key, (cpu, memory));
    }
}

/// CPU and memory of a service that nobody uses, per task.
const IDLE: (f64, f64) = (2.0, 20.0);

fn event(account: &str, region: &str, resource: &str) -> Event {
    Event {
        service: ServiceId::Autoscaling,
        account: account.to_owned(),
        region: region.to_owned(),
        what: "look",
        id: resource.to_owned(),
        detail: Value::Null,
    }
}

/// The actor's life with a target begins.
pub(super) fn begin(world: &mut World, account: &str, region: &str, resource: &str) {
    let pending = event(account, region, resource);
    world.unschedule(|e| *e == pending);
    world.schedule(EVERY, pending);
}

pub(super) fn look(world: &mut World, account: &str, region: &str, resource: &str) {
    let Some(target) = world
        .place(account, region)
        .autoscaling
        .targets
        .get(resource)
        .cloned()
    else {
        return;
    };
    world.schedule(EVERY, event(account, region, resource));
    if ecs::desired::scalable(world, account, region, resource).is_none() {
        return;
    }
    measure(world, account, region, resource);
    if !keep_limits(world, account, region, resource) {
        follow(world, account, region, &target);
    }
}

/// Average CPU and memory per task, as CloudWatch has them; a service without tasks has none.
fn averages(world: &World, account: &str, region: &str, resource: &str) -> Option<(f64, f64)> {
    let (_, running) = ecs::desired::scalable(world, account, region, resource)?;
    if running == 0 {
        return None;
    }
    let key = (account.to_owned(), region.to_owned(), resource.to_owned());
    let share = running as f64;
    Some(match world.plane.loads.get(&key) {
        Some((cpu, memory)) => (
            (IDLE.0 + cpu / share).min(100.0),
            (IDLE.1 + memory / share).min(100.0),
        ),
        None => IDLE,
    })
}

fn measure(world: &mut World, account: &str, region: &str, resource: &str) {
    let Some((cpu, memory)) = averages(world, account, region, resource) else {
        return;
    };
    let mut parts = resource.split('/').skip(1);
    let dimensions = vec![
        (
            "ClusterName".to_owned(),
            parts.next().unwrap_or("").to_owned(),
        ),
        (
            "ServiceName".to_owned(),
            parts.next().unwrap_or("").to_owned(),
        ),
    ];
    cloudwatch::put(
        world,
        account,
        region,
        "AWS/ECS",
        "CPUUtilization",
        &dimensions,
        cpu,
    );
    cloudwatch::put(
        world,
        account,
        region,
        "AWS/ECS",
        "MemoryUtilization",
        &dimensions,
        memory,
    );
}

/// Moves capacity into the limits, unless that direction is suspended; answers whether it moved.
pub(super) fn keep_limits(world: &mut World, account: &str, region: &str, resource: &str) -> bool {
    let Some(target) = world
        .place(account, region)
        .autoscaling
        .targets
        .get(resource)
        .cloned()
    else {
        return false;
    };
    let Some((desired, _)) = ecs::desired::scalable(world, account, region, resource) else {
        return false;
    };
    let desired = desired as i64;
    if desired < target.min && !target.suspended.outward {
        let cause = format!("minimum capacity was set to {}", target.min);
        move_to(world, account, region, &target, target.min, cause);
        true
    } else if desired > target.max && !target.suspended.inward {
        let cause = format!("maximum capacity was set to {}", target.max);
        move_to(world, account, region, &target, target.max, cause);
        true
    } else {
        false
    }
}

fn move_to(
    world: &mut World,
    account: &str,
    region: &str,
    target: &Target,
    to: i64,
    cause: String,
) {
    let now = world.now();
    let before = ecs::desired::scalable(world, account, region, &target.resource)
        .map_or(0, |(d, _)| d as i64);
    let done =
        ecs::desired::set_desired(world, account, region, &target.resource, to.max(0) as u64);
    let ordinal = world.ordinal(&format!("scaling/{account}/{region}/{}", target.resource));
    let hash = |word: &str| {
        world.dice.hash(
            &["activity", account, region, &target.resource, word],
            ordinal,
        )
    };
    let (high, low) = (hash("high"), hash("low"));
    let id = format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    );
    let at = world.unix(now);
    let state = &mut world.place(account, region).autoscaling;
    state.activities.push(Activity {
        id,
        resource: target.resource.clone(),
        description: format!("Setting desired count to {to}."),
        cause,
        at,
        status: if done {
            "Successful".into()
        } else {
            "Failed".into()
        },
        message: if done {
            format!("Successfully set desired count to {to}. Change successfully fulfilled by ecs.")
        } else {
            "The service is not active.".into()
        },
    });
    // AWS forgets activities after six weeks; so many are never looked at.
    if state.activities.len() > 500 {
        state.activities.remove(0);
    }
    state.targets.settle(&target.resource, |t| {
        if to > before {
            t.moved_out = now;
        } else {
            t.moved_in = now;
        }
    });
}

/// Follows the tracking policies: out if any wants it, in only if all agree.
fn follow(world: &mut World, account: &str, region: &str, target: &Target) {
    let resource = &target.resource;
    let Some((desired, running)) = ecs::desired::scalable(world, account, region, resource) else {
        return;
    };
    let Some((cpu, memory)) = averages(world, account, region, resource) else {
        return;
    };
    let policies: Vec<Policy> = world
        .place(account, region)
        .autoscaling
        .policies
        .iter()
        .map(|(_, p)| p)
        .filter(|p| p.resource == *resource && p.kind == "TargetTrackingScaling")
        .cloned()
        .collect();
    let (mut above, mut below) = (target.above.clone(), target.below.clone());
    let mut wishes: Vec<(i64, &Policy)> = vec![];
    for policy in &policies {
        let (name, goal) = metric(policy);
        let value = match name {
            "CPUUtilization" => cpu,
            "MemoryUtilization" => memory,
            _ => continue,
        };
        let high = above.entry(policy.name.clone()).or_default();
        *high = if value > goal { *high + 1 } else { 0 };
        let low = below.entry(policy.name.clone()).or_default();
        *low = if value < goal * 0.9 { *low + 1 } else { 0 };
        let fitting = (running as f64 * value / goal).ceil() as i64;
        if *high >= 3 {
            wishes.push((fitting.max(desired as i64), policy));
        } else if *low >= 15 && policy.configuration["DisableScaleIn"] != true {
            wishes.push((fitting.min(desired as i64), policy));
        } else {
            wishes.push((desired as i64, policy));
        }
    }
    world
        .place(account, region)
        .autoscaling
        .targets
        .settle(resource, |t| {
            t.above = above;
            t.below = below;
        });
    let Some((wish, policy)) = wishes.into_iter().max_by_key(|(wish, _)| *wish) else {
        return;
    };
    let to = wish.clamp(target.min, target.max);
    let now = world.now();
    let cooled = |member: &str, since: Nanos| {
        let seconds = policy.configuration[member].as_u64().unwrap_or(300);
        since == 0 || now >= since + seconds * SECOND
    };
    let outward = to > desired as i64
        && !target.suspended.outward
        && cooled("ScaleOutCooldown", target.moved_out);
    let inward = to < desired as i64
        && !target.suspended.inward
        && cooled("ScaleInCooldown", target.moved_in.max(target.moved_out));
    if outward || inward {
        let side = if outward { "AlarmHigh" } else { "AlarmLow" };
        let alarm = policy
            .alarms
            .iter()
            .find(|(n, _)| n.contains(side))
            .map_or("", |(n, _)| n.as_str());
        let cause = format!(
            "monitor alarm {alarm} in state ALARM triggered policy {}",
            policy.name
        );
        move_to(world, account, region, target, to, cause);
    }
}
