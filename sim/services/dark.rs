//! What waits while a region is dark, or is stuck: the work that a control plane does by itself, and what goes from region to region.
//!
//! Calls to a dark region are answered by the call path, connections into one by the data plane; this is about what AWS
//! was in the middle of. What runs goes on running: tasks, databases, balancers and their checks, name servers and health
//! checks are data planes. A certificate still expires.

use super::{ServiceId, s3};
use crate::clock::{Nanos, SECOND};
use crate::protocol::address::GLOBAL_REGION;
use crate::world::{Event, World};

/// How long it takes until what waited notices that the light is on again.
pub const NOTICE: Nanos = 30 * SECOND;

/// Whether an event cannot happen now because something that it needs is dark.
pub fn waits(world: &World, event: &Event) -> bool {
    let now = world.now();
    if world.faults.is_calm(now) {
        return false;
    }
    if world.faults.stuck(event, now) {
        return true;
    }
    let control = |region: &str| {
        world
            .faults
            .control_dark(event.service, region, now)
            .is_some()
    };
    let data = |region: &str| world.faults.data_dark(region, now).is_some();
    let here = event.region.as_str();
    let there = || event.detail["region"].as_str().unwrap_or(here);
    match (event.service, event.what) {
        (ServiceId::Acm, "look" | "validated" | "renew")
        | (ServiceId::Autoscaling, _)
        | (
            ServiceId::Ec2,
            "nat available" | "nat deleted" | "interface gone" | "endpoint available"
            | "endpoint gone",
        )
        | (ServiceId::Ecr, "backfill-prepared" | "backfill-stopped" | "lifecycle" | "preview")
        | (ServiceId::Ecs, "service" | "task")
        | (ServiceId::Elbv2, "balancer active")
        | (ServiceId::Kms, _)
        | (ServiceId::Quotas, _)
        | (
            ServiceId::Rds,
            "instance-step"
            | "instance-down"
            | "instance-password"
            | "instance-parameters"
            | "instance-autostart"
            | "instance-daily"
            | "snapshot-taken"
            | "snapshot-done"
            | "copy-done"
            | "cluster-step"
            | "cluster-autostart"
            | "cluster-password"
            | "cluster-snapshot-done",
        )
        | (ServiceId::Secrets, "purge") => control(here),
        // What is on its way between regions needs the sender's store and the receiver's.
        (ServiceId::Ecr, "replicate" | "backfill-image") => data(here) || data(there()),
        (ServiceId::Secrets, "replicate") => data(here) || data(there()),
        (ServiceId::Rds, "backup-replicating") => control(here),
        (ServiceId::S3, "replicate") => {
            let to = event.detail["to"].as_str().unwrap_or_default();
            data(here) || s3::bucket_region(world, to).is_some_and(data)
        }
        // The one control plane of what is global. Its name servers and health checkers are everywhere.
        (ServiceId::Route53, "serve" | "insync" | "associated" | "accelerated")
        | (ServiceId::Iam, _) => control(GLOBAL_REGION),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
