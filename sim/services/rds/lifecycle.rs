//! How an instance's states follow each other: what is drawn when a change begins, and what happens at each step.

use super::delete::gone;
use super::instance::Instance;
use super::neighbours;
use super::parameters::{self, Kind};
use super::refusal::{instance_not_found, instance_state};
use super::{Content, backup, events, names, replica};
use crate::clock::{DAY, MINUTE, Nanos};
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::world::{Cx, Event, Input, World};
use serde_json::{Value, json};
use std::sync::Arc;

/// One step of a path of states: after a while the instance has a status, its port answers or not, and something has
/// come into effect.
#[derive(Clone, Debug)]
pub struct Step {
    pub after: Nanos,
    pub status: &'static str,
    pub up: bool,
    pub effect: &'static str,
    pub detail: Value,
}

impl Step {
    pub fn new(after: Nanos, status: &'static str, up: bool) -> Step {
        Step {
            after,
            status,
            up,
            effect: "",
            detail: Value::Null,
        }
    }

    pub fn effect(mut self, effect: &'static str) -> Step {
        self.effect = effect;
        self
    }

    pub fn detail(mut self, detail: Value) -> Step {
        self.detail = detail;
        self
    }
}

/// Schedules a path of states, one step after the other.
pub fn follow(world: &mut World, account: &str, region: &str, id: &str, steps: &[Step]) {
    follow_as(world, account, region, id, id, steps);
}

/// The same for an instance that will have another identifier when the first step comes.
pub fn follow_as(
    world: &mut World,
    account: &str,
    region: &str,
    id: &str,
    then: &str,
    steps: &[Step],
) {
    let Some(resource) = resource(world, account, region, id) else {
        return;
    };
    let mut after = 0;
    for step in steps {
        after += step.after;
        let detail = json!({
            "resource": resource,
            "status": step.status,
            "up": step.up,
            "effect": step.effect,
            "more": step.detail,
        });
        schedule(
            world,
            (account, region),
            after,
            "instance-step",
            then,
            detail,
        );
    }
}

fn resource(world: &World, account: &str, region: &str, id: &str) -> Option<String> {
    world
        .seen_place(account, region)?
        .rds
        .instances
        .get(id)
        .map(|instance| instance.resource.clone())
}

/// Schedules an event of RDS.
pub fn schedule(
    world: &mut World,
    place: (&str, &str),
    after: Nanos,
    what: &'static str,
    id: &str,
    detail: Value,
) {
    let (account, region) = (place.0.to_owned(), place.1.to_owned());
    world.schedule(
        after,
        Event {
            service: ServiceId::Rds,
            account,
            region,
            what,
            id: id.to_owned(),
            detail,
        },
    );
}

/// An instance that an event is about, if it is still that one.
pub(super) fn same<'w>(world: &'w World, event: &Event) -> Option<&'w Instance> {
    let instance = world
        .seen_place(&event.account, &event.region)?
        .rds
        .instances
        .get(&event.id)?;
    (event.detail["resource"] == instance.resource.as_str()).then_some(instance)
}

pub fn step(world: &mut World, event: &Event) {
    let Some(before) = same(world, event).cloned() else {
        return;
    };
    let detail = &event.detail;
    let effect = detail["effect"].as_str().unwrap_or_default();
    let (status, up) = (
        detail["status"].as_str().unwrap_or_default(),
        detail["up"] == true,
    );
    if before.status == "deleting" && effect != "gone" {
        return;
    }
    let (account, region, id) = (
        event.account.as_str(),
        event.region.as_str(),
        event.id.as_str(),
    );
    if up && !before.up && fails_for_its_key(world, event, &before) {
        return;
    }
    if up && !before.up && too_large(world, event, &before) {
        return;
    }
    if !up {
        drop_sessions(world, account, region, &before.resource);
    }
    let now = world.now();
    world
        .place(account, region)
        .rds
        .instances
        .settle(id, |instance| {
            if !status.is_empty() {
                status.clone_into(&mut instance.status);
            }
            instance.up = up;
        });
    match effect {
        "born" | "restored" => born(world, account, region, id, effect == "restored"),
        "backed-up" => backup::baseline(world, account, region, id),
        "daily-backed-up" => events::tell(
            world,
            account,
            region,
            ("db-instance", id),
            "backup",
            "Finished DB Instance backup",
        ),
        "modified" => super::effect::take_effect(world, account, region, id, &detail["more"]),
        "rebooted" => restarted(world, account, region, id, "DB instance restarted"),
        "failed-over" => failed_over(world, account, region, id),
        "stopped" => {
            let restart = now + 7 * DAY;
            world
                .place(account, region)
                .rds
                .instances
                .settle(id, |instance| instance.automatic_restart = Some(restart));
            let more = json!({ "resource": before.resource });
            schedule(
                world,
                (account, region),
                7 * DAY,
                "instance-autostart",
                id,
                more,
            );
            events::tell(
                world,
                account,
                region,
                ("db-instance", id),
                "notification",
                "DB instance stopped",
            );
        }
        "started" => {
            world
                .place(account, region)
                .rds
                .instances
                .settle(id, |instance| instance.automatic_restart = None);
            restarted(world, account, region, id, "DB instance started");
        }
        "promoted" => replica::promoted(world, account, region, id, &detail["more"]),
        "gone" => gone(world, account, region, id, &detail["more"]),
        _ => {}
    }
}

/// A server whose storage key is gone does not come up.
fn fails_for_its_key(world: &mut World, event: &Event, instance: &Instance) -> bool {
    let key = instance.facts.str("KmsKeyId").to_owned();
    if !instance.facts.bool("StorageEncrypted")
        || neighbours::key(world, &event.account, &event.region, &key, "storage").is_ok()
    {
        return false;
    }
    let restored = event.detail["effect"] == "restored";
    let status = if restored {
        "incompatible-restore"
    } else {
        "inaccessible-encryption-credentials"
    };
    world
        .place(&event.account, &event.region)
        .rds
        .instances
        .settle(&event.id, |instance| {
            status.clone_into(&mut instance.status);
            instance.up = false;
        });
    forget_steps(world, event);
    let text = "The KMS key of the DB instance's storage cannot be accessed.";
    events::tell(
        world,
        &event.account,
        &event.region,
        ("db-instance", &event.id),
        "failure",
        text,
    );
    true
}

/// A server whose parameters ask for more memory than its class has does not come up: the state that only other
/// parameters and a reboot end.
fn too_large(world: &mut World, event: &Event, instance: &Instance) -> bool {
    let Some(place) = world.seen_place(&event.account, &event.region) else {
        return false;
    };
    let values = parameters::values(&place.rds, Kind::Instance, &instance.parameter_group);
    let memory = super::engines::memory(instance.facts.str("DBInstanceClass"));
    let bytes = |name: &str, unit: u64| {
        values
            .get(name)
            .and_then(|value| value.parse::<u64>().ok())
            .map(|n| n.saturating_mul(unit))
    };
    let asked = bytes("shared_buffers", 8_192)
        .or(bytes("innodb_buffer_pool_size", 1))
        .unwrap_or(0);
    if asked <= memory {
        return false;
    }
    world
        .place(&event.account, &event.region)
        .rds
        .instances
        .settle(&event.id, |instance| {
            instance.status = "incompatible-parameters".into();
            instance.up = false;
        });
    forget_steps(world, event);
    let text = "The DB instance cannot be started with its parameters: not enough memory.";
    events::tell(
        world,
        &event.account,
        &event.region,
        ("db-instance", &event.id),
        "failure",
        text,
    );
    true
}

/// No later step of this path may bring the instance up after all.
fn forget_steps(world: &mut World, event: &Event) {
    let (account, region, id) = (
        event.account.clone(),
        event.region.clone(),
        event.id.clone(),
    );
    world.unschedule(|e| {
        e.service == ServiceId::Rds
            && e.what == "instance-step"
            && e.account == account
            && e.region == region
            && e.id == id
    });
}

/// The endpoint appears. Its name is in DNS unless the control plane that publishes names is dark.
fn born(world: &mut World, account: &str, region: &str, id: &str, restored: bool) {
    let now = world.now();
    let state = &mut world.place(account, region).rds;
    let group = state
        .instances
        .get(id)
        .map(|instance| instance.parameter_group.clone())
        .unwrap_or_default();
    let mut values = parameters::values(state, Kind::Instance, &group);
    if let Some(cluster) = state
        .instances
        .get(id)
        .and_then(|instance| instance.cluster.clone())
    {
        let of_cluster = state
            .clusters
            .get(&cluster)
            .map(|cluster| cluster.parameter_group.clone())
            .unwrap_or_default();
        values.extend(parameters::values(state, Kind::Cluster, &of_cluster));
    }
    state.instances.settle(id, |instance| {
        instance.created = Some(now);
        instance.parameters = values;
        if instance.retention() == 0 {
            instance.backups_since = None;
        }
    });
    let resource = state
        .instances
        .get(id)
        .map(|instance| instance.resource.clone())
        .unwrap_or_default();
    if let Some(Content::Own(database)) = state.contents.get_mut(&resource)
        && restored
    {
        // Recovery ends now: nothing was written between the snapshot and this instant.
        let branched = database.branch(database.server.clone(), now);
        *database = Arc::new(branched);
    }
    publish(world, account, region, id);
    let text = if restored {
        "Restored from snapshot"
    } else {
        "DB instance created"
    };
    events::tell(
        world,
        account,
        region,
        ("db-instance", id),
        "creation",
        text,
    );
    replica::watch(world, account, region, id);
}

/// Puts the endpoint's name into DNS, or tries again later while the control plane that publishes names is dark.
pub fn publish(world: &mut World, account: &str, region: &str, id: &str) {
    let Some(resource) = resource(world, account, region, id) else {
        return;
    };
    if neighbours::publishing_is_dark(world) {
        let detail = json!({ "resource": resource });
        schedule(
            world,
            (account, region),
            MINUTE,
            "instance-publish",
            id,
            detail,
        );
        return;
    }
    world
        .place(account, region)
        .rds
        .instances
        .settle(id, |instance| {
            if let Some(endpoint) = &mut instance.endpoint {
                endpoint.published = true;
            }
        });
}

/// Another try.
pub fn published(world: &mut World, event: &Event) {
    if same(world, event).is_some() {
        publish(world, &event.account, &event.region, &event.id);
    }
}

/// A server came up again: static parameters are in effect, connections are gone.
fn restarted(world: &mut World, account: &str, region: &str, id: &str, text: &str) {
    let state = &mut world.place(account, region).rds;
    let Some(instance) = state.instances.get(id) else {
        return;
    };
    let mut values = parameters::values(state, Kind::Instance, &instance.parameter_group);
    if let Some(cluster) = instance
        .cluster
        .as_ref()
        .and_then(|cluster| state.clusters.get(cluster))
    {
        values.extend(parameters::values(
            state,
            Kind::Cluster,
            &cluster.parameter_group,
        ));
    }
    let key = instance.resource.clone();
    state.instances.settle(id, |instance| {
        instance.parameters = values;
        instance.parameter_apply = "in-sync".into();
    });
    drop_sessions(world, account, region, &key);
    events::tell(
        world,
        account,
        region,
        ("db-instance", id),
        "availability",
        text,
    );
}

/// Every connection to a server ends.
pub fn drop_sessions(world: &mut World, account: &str, region: &str, resource: &str) {
    if let Some(sessions) = world.place(account, region).rds.sessions.get_mut(resource) {
        sessions.open.clear();
    }
}

/// The standby takes over: zones change places, and the address with them.
fn failed_over(world: &mut World, account: &str, region: &str, id: &str) {
    let Some(instance) = world
        .seen_place(account, region)
        .and_then(|place| place.rds.instances.get(id))
        .cloned()
    else {
        return;
    };
    let standby = instance.facts.str("SecondaryAvailabilityZone").to_owned();
    move_to(world, account, region, &instance, &standby);
    let former = instance.facts.str("AvailabilityZone").to_owned();
    world
        .place(account, region)
        .rds
        .instances
        .settle(id, |instance| {
            instance.facts.set("AvailabilityZone", standby.as_str());
            instance
                .facts
                .set("SecondaryAvailabilityZone", former.as_str());
        });
    restarted(
        world,
        account,
        region,
        id,
        "Multi-AZ instance failover completed",
    );
}

/// Another interface, in another zone of the subnet group.
pub(super) fn move_to(
    world: &mut World,
    account: &str,
    region: &str,
    instance: &Instance,
    zone: &str,
) {
    let group = world
        .seen_place(account, region)
        .and_then(|place| place.rds.subnet_groups.get(&instance.subnet_group));
    let Some(subnet) = group
        .and_then(|group| group.subnet_in(zone))
        .map(str::to_owned)
    else {
        return;
    };
    let public = instance.facts.bool("PubliclyAccessible");
    let attached = neighbours::attach_in(
        world,
        account,
        region,
        &subnet,
        &instance.security_groups,
        public,
    );
    let Ok((interface, ip, public_ip)) = attached else {
        return;
    };
    if let Some(endpoint) = &instance.endpoint {
        neighbours::release(world, account, region, &endpoint.interface);
    }
    world
        .place(account, region)
        .rds
        .instances
        .settle(&instance.id, |instance| {
            if let Some(endpoint) = &mut instance.endpoint {
                endpoint.interface = interface;
                endpoint.ip = ip;
                endpoint.public_ip = public_ip;
            }
        });
}

/// The instance that an operation names.
pub fn named(cx: &mut Cx<'_>, input: &Input) -> Result<Instance, AwsError> {
    let id = names::identifier(input.str("DBInstanceIdentifier").unwrap_or_default(), "db");
    cx.place()
        .rds
        .instances
        .get(&id)
        .cloned()
        .ok_or_else(|| instance_not_found(&id))
}

/// States in which an instance does what it is told.
pub fn check_available(instance: &Instance) -> Result<(), AwsError> {
    if matches!(
        instance.status.as_str(),
        "available" | "storage-optimization"
    ) {
        return Ok(());
    }
    Err(instance_state(format!(
        "Database instance {} is not in available state. Its current state is {}.",
        instance.id, instance.status
    )))
}
