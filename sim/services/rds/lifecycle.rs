//! How an instance's states follow each other: what is drawn when a change begins, and what happens at each step.

use super::instance::Instance;
use super::neighbours;
use super::parameters::{self, Kind};
use super::refusal::{combination, instance_not_found, instance_state};
use super::{Content, backup, events, names, replica, snapshot};
use crate::clock::{DAY, HOUR, MINUTE, Nanos, Pert};
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::world::{Cx, Event, Input, Output, World};
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

/// Starts what goes on as long as an instance lives: its daily backup and its weekly maintenance.
pub fn keep_house(world: &mut World, account: &str, region: &str, id: &str) {
    let Some(instance) = world
        .seen_place(account, region)
        .and_then(|place| place.rds.instances.get(id))
    else {
        return;
    };
    let unix = world.unix(world.now());
    let detail = json!({ "resource": instance.resource });
    let daily =
        names::until_window(instance.facts.str("PreferredBackupWindow"), unix).unwrap_or(DAY);
    let weekly = names::until_window(instance.facts.str("PreferredMaintenanceWindow"), unix)
        .unwrap_or(7 * DAY);
    schedule(
        world,
        (account, region),
        daily,
        "instance-daily",
        id,
        detail.clone(),
    );
    schedule(
        world,
        (account, region),
        weekly,
        "instance-weekly",
        id,
        detail,
    );
}

/// An instance that an event is about, if it is still that one.
fn same<'w>(world: &'w World, event: &Event) -> Option<&'w Instance> {
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
        "modified" => super::modify::take_effect(world, account, region, id, &detail["more"]),
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
    // No later step of this path may bring it up after all.
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

/// The endpoint appears. Its name is in DNS unless the control plane that publishes names is dark.
fn born(world: &mut World, account: &str, region: &str, id: &str, restored: bool) {
    let now = world.now();
    let published = !neighbours::publishing_is_dark(world);
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
        if let Some(endpoint) = &mut instance.endpoint {
            endpoint.published = published;
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
fn move_to(world: &mut World, account: &str, region: &str, instance: &Instance, zone: &str) {
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

fn set_status(cx: &mut Cx<'_>, id: &str, status: &str) {
    let now = cx.now();
    cx.place()
        .rds
        .instances
        .change(id, now, |instance| status.clone_into(&mut instance.status));
}

pub fn reboot(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let instance = named(cx, input)?;
    let broken = instance.status == "incompatible-parameters";
    if !broken {
        check_available(&instance)?;
    }
    let failover = input.bool("ForceFailover") == Some(true);
    if failover && !instance.facts.bool("MultiAZ") {
        return Err(combination(
            "Cannot force failover: the DB instance is not configured for Multi-AZ.",
        ));
    }
    let pert = if failover {
        Pert(45.0, 75.0, 150.0)
    } else {
        Pert(15.0, 45.0, 150.0)
    };
    let taken = cx.world.sample(pert, &instance.resource, "reboot");
    let now = cx.now();
    cx.place()
        .rds
        .instances
        .change(&instance.id, now, |instance| {
            instance.status = "rebooting".into();
            instance.up = false;
        });
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    drop_sessions(cx.world, &account, &region, &instance.resource);
    let effect = if failover { "failed-over" } else { "rebooted" };
    follow(
        cx.world,
        &account,
        &region,
        &instance.id,
        &[Step::new(taken, "available", true).effect(effect)],
    );
    super::show(cx, &instance.id)
}

pub fn stop(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let instance = named(cx, input)?;
    check_available(&instance)?;
    if instance.cluster.is_some() {
        return Err(instance_state(
            "The instance is a member of an Aurora cluster: stop the cluster instead.",
        ));
    }
    if instance.source.is_some() || !instance.replicas.is_empty() {
        return Err(instance_state(
            "Cannot stop a DB instance that has read replicas or is a read replica.",
        ));
    }
    if let Some(name) = input.str("DBSnapshotIdentifier") {
        snapshot::take(cx, &instance, name, vec![])?;
    }
    let taken = cx
        .world
        .sample(Pert(45.0, 120.0, 420.0), &instance.resource, "stop");
    set_status(cx, &instance.id, "stopping");
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let steps = [Step::new(taken, "stopped", false).effect("stopped")];
    follow(cx.world, &account, &region, &instance.id, &steps);
    super::show(cx, &instance.id)
}

pub fn start(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let instance = named(cx, input)?;
    if instance.status != "stopped" {
        return Err(instance_state(format!(
            "Instance {} is not stopped",
            instance.id
        )));
    }
    let place = (
        instance.facts.str("DBInstanceClass").to_owned(),
        instance.facts.str("AvailabilityZone").to_owned(),
    );
    if cx.place().rds.exhausted.contains(&place) {
        return Err(super::refusal::refuse(
            "InsufficientDBInstanceCapacity",
            format!(
                "RDS does not have the capacity to start {} in {} now.",
                place.0, place.1
            ),
        ));
    }
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    begin_start(cx.world, &account, &region, &instance);
    super::show(cx, &instance.id)
}

fn begin_start(world: &mut World, account: &str, region: &str, instance: &Instance) {
    let taken = world.sample(Pert(120.0, 240.0, 600.0), &instance.resource, "start");
    let now = world.now();
    world
        .place(account, region)
        .rds
        .instances
        .change(&instance.id, now, |instance| {
            instance.status = "starting".into()
        });
    let steps = [Step::new(taken, "available", true).effect("started")];
    follow(world, account, region, &instance.id, &steps);
}

/// A stopped instance starts by itself after seven days.
pub fn autostart(world: &mut World, event: &Event) {
    let Some(instance) = same(world, event).cloned() else {
        return;
    };
    let due = instance
        .automatic_restart
        .is_some_and(|at| at <= world.now());
    if instance.status != "stopped" || !due {
        return;
    }
    let text =
        "DB instance is being started due to it exceeding the maximum allowed time being stopped.";
    events::tell(
        world,
        &event.account,
        &event.region,
        ("db-instance", &event.id),
        "notification",
        text,
    );
    begin_start(world, &event.account, &event.region, &instance);
}

/// The daily backup: an automated snapshot, and `backing-up` while it is taken. The port stays open.
pub fn daily(world: &mut World, event: &Event) {
    let Some(instance) = same(world, event).cloned() else {
        return;
    };
    let (account, region, id) = (
        event.account.as_str(),
        event.region.as_str(),
        event.id.as_str(),
    );
    schedule(
        world,
        (account, region),
        DAY,
        "instance-daily",
        id,
        event.detail.clone(),
    );
    if instance.retention() == 0 || instance.cluster.is_some() {
        return;
    }
    backup::expire(world, account, region, &instance);
    // No automated backup while the instance is busy, or while a snapshot of it is being copied here.
    if instance.status != "available"
        || snapshot::copying(world, account, region, &instance.resource)
    {
        return;
    }
    let taken = backup::automated_snapshot(world, account, region, &instance);
    world
        .place(account, region)
        .rds
        .instances
        .settle(id, |instance| instance.status = "backing-up".into());
    events::tell(
        world,
        account,
        region,
        ("db-instance", id),
        "backup",
        "Backing up DB instance",
    );
    follow(
        world,
        account,
        region,
        id,
        &[Step::new(taken, "available", true).effect("daily-backed-up")],
    );
}

/// The weekly window: what was asked for without `ApplyImmediately` is done.
pub fn weekly(world: &mut World, event: &Event) {
    let Some(instance) = same(world, event).cloned() else {
        return;
    };
    let (account, region, id) = (
        event.account.as_str(),
        event.region.as_str(),
        event.id.as_str(),
    );
    schedule(
        world,
        (account, region),
        7 * DAY,
        "instance-weekly",
        id,
        event.detail.clone(),
    );
    if !instance.pending.0.is_empty() && instance.status == "available" {
        super::modify::begin(world, account, region, &instance);
    } else if !instance.pending.0.is_empty() {
        schedule(
            world,
            (account, region),
            HOUR,
            "instance-weekly-again",
            id,
            event.detail.clone(),
        );
    }
}

pub fn weekly_again(world: &mut World, event: &Event) {
    let Some(instance) = same(world, event).cloned() else {
        return;
    };
    if !instance.pending.0.is_empty() && instance.status == "available" {
        super::modify::begin(world, &event.account, &event.region, &instance);
    }
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let instance = named(cx, input)?;
    let skip = input.bool("SkipFinalSnapshot") == Some(true);
    let last = input.str("FinalDBSnapshotIdentifier");
    if instance.status == "deleting" {
        return Err(instance_state(format!(
            "Instance {} is already being deleted.",
            instance.id
        )));
    }
    if instance.facts.bool("DeletionProtection") {
        return Err(combination(
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        ));
    }
    let member = instance.cluster.is_some();
    match (member, skip, last) {
        (true, _, Some(_)) => {
            return Err(combination(
                "FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance",
            ));
        }
        (false, false, None) => {
            return Err(combination(
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
            ));
        }
        (false, true, Some(_)) => {
            return Err(combination(
                "FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is specified",
            ));
        }
        _ => {}
    }
    if matches!(
        instance.status.as_str(),
        "creating" | "rebooting" | "stopping" | "starting" | "modifying"
    ) {
        return Err(instance_state(format!(
            "Instance {} is currently {} - please wait until it is available.",
            instance.id, instance.status
        )));
    }
    if last.is_some() {
        let can = matches!(
            instance.status.as_str(),
            "available" | "storage-optimization" | "stopped" | "storage-full"
        );
        if !can {
            return Err(instance_state(format!(
                "A final snapshot cannot be taken of instance {} in state {}: specify SkipFinalSnapshot.",
                instance.id, instance.status
            )));
        }
    }
    if member {
        super::cluster::member::check_deletable(cx, &instance)?;
    }
    let mut after = 0;
    if let Some(name) = last {
        let tags = if instance.facts.bool("CopyTagsToSnapshot") {
            instance.tags.clone()
        } else {
            vec![]
        };
        after = snapshot::take(cx, &instance, name, tags)?;
    }
    let taken = cx
        .world
        .sample(Pert(60.0, 180.0, 540.0), &instance.resource, "delete");
    let retained = input.bool("DeleteAutomatedBackups") == Some(false);
    let now = cx.now();
    cx.place()
        .rds
        .instances
        .change(&instance.id, now, |instance| {
            instance.status = "deleting".into()
        });
    let (account, region, id) = (
        cx.caller.account.clone(),
        cx.region.clone(),
        instance.id.clone(),
    );
    world_forgets(cx.world, &account, &region, &id);
    // The server goes down soon after the call, or after its last snapshot.
    let down = after + MINUTE / 4;
    schedule(
        cx.world,
        (&account, &region),
        down,
        "instance-down",
        &id,
        json!({ "resource": instance.resource }),
    );
    let mut last_step = Step::new(down + taken, "deleting", false).effect("gone");
    last_step.detail = json!({ "retained": retained });
    follow(cx.world, &account, &region, &id, &[last_step]);
    let text = "DB instance is being deleted";
    events::tell(
        cx.world,
        &account,
        &region,
        ("db-instance", &id),
        "deletion",
        text,
    );
    super::show(cx, &id)
}

/// Takes back what was to happen to an instance.
fn world_forgets(world: &mut World, account: &str, region: &str, id: &str) {
    world.unschedule(|event| {
        event.service == ServiceId::Rds
            && event.what.starts_with("instance-")
            && event.account == account
            && event.region == region
            && event.id == id
    });
}

pub fn down(world: &mut World, event: &Event) {
    let Some(key) = same(world, event).map(|instance| instance.resource.clone()) else {
        return;
    };
    drop_sessions(world, &event.account, &event.region, &key);
    world
        .place(&event.account, &event.region)
        .rds
        .instances
        .settle(&event.id, |instance| instance.up = false);
}

/// The instance is no more. Its manual snapshots stay; its automated backups stay if they were to be retained.
fn gone(world: &mut World, account: &str, region: &str, id: &str, more: &Value) {
    let now = world.now();
    world_forgets(world, account, region, id);
    let Some(instance) = world.place(account, region).rds.instances.remove(id, now) else {
        return;
    };
    world
        .place(account, region)
        .rds
        .sessions
        .remove(&instance.resource);
    if let Some(endpoint) = &instance.endpoint {
        neighbours::release(world, account, region, &endpoint.interface);
    }
    if let Some(secret) = instance
        .secret
        .as_ref()
        .filter(|_| instance.cluster.is_none())
    {
        super::secret::remove(world, account, region, secret);
    }
    replica::orphaned(world, account, region, &instance);
    if instance.cluster.is_none() {
        backup::source_deleted(world, account, region, &instance, more["retained"] == true);
        world
            .place(account, region)
            .rds
            .contents
            .remove(&instance.resource);
    } else {
        super::cluster::member::gone(world, account, region, &instance);
    }
    events::tell(
        world,
        account,
        region,
        ("db-instance", id),
        "deletion",
        "DB instance deleted",
    );
}
