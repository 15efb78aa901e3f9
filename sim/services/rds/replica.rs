//! Read replicas, in the region of their source and in others, and how they become databases of their own.

use super::check;
use super::create::{self, Birth, Plan};
use super::engines;
use super::instance::{Instance, Source};
use super::lifecycle::{self, Step};
use super::neighbours::{self, Quota};
use super::refusal::{combination, instance_not_found, instance_state, value};
use super::{Content, Follower, connect, events, names};
use crate::clock::{MILLI, MINUTE, Nanos, Pert, SECOND};
use crate::error::AwsError;
use crate::world::{Cx, Event, Input, Output, World};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a replica takes over from its source when a call says nothing.
const TAKEN_OVER: &[&str] = &[
    "AllocatedStorage",
    "DBInstanceClass",
    "Iops",
    "LicenseModel",
    "MasterUsername",
    "DBName",
    "StorageThroughput",
    "StorageType",
    "MaxAllocatedStorage",
    "PreferredMaintenanceWindow",
];

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    if input.has("SourceDBClusterIdentifier") {
        return Err(combination(
            "Read replicas of Multi-AZ DB clusters are not offered for this engine.",
        ));
    }
    let given = input.str("SourceDBInstanceIdentifier").unwrap_or_default();
    let arn = names::Arn::read(given);
    let from = arn
        .as_ref()
        .map_or(region.as_str(), |arn| &arn.region)
        .to_owned();
    let source_id = names::identifier(given, "db");
    let place = cx.world.seen_place(&account, &from);
    let Some(source) = place
        .and_then(|place| place.rds.instances.get(&source_id))
        .cloned()
    else {
        return Err(instance_not_found(&source_id));
    };
    let id = input.str("DBInstanceIdentifier").unwrap_or_default();
    check::check_new(cx, id)?;
    let across = from != region;
    if source.cluster.is_some() {
        return Err(instance_state(
            "A read replica of a member of an Aurora cluster is made by CreateDBInstance.",
        ));
    }
    if !matches!(
        source.status.as_str(),
        "available" | "storage-optimization" | "backing-up"
    ) {
        return Err(instance_state(format!(
            "The source DB instance {source_id} is not in the available state."
        )));
    }
    if source.retention() == 0 {
        return Err(instance_state(
            "Automated backups are not enabled for this database instance. To enable automated backups, use \
             ModifyDBInstance to set the backup retention period to a non-zero value.",
        ));
    }
    if source.secret.is_some() {
        return Err(combination(
            "You can't create a read replica of a DB instance whose master user password is managed in Secrets Manager.",
        ));
    }
    let limit = neighbours::limit(cx, Quota::ReplicasPerPrimary);
    if source.replicas.len() as f64 >= limit {
        return Err(super::refusal::refuse(
            "InstanceQuotaExceeded",
            format!("A DB instance can have {limit} read replicas at most."),
        ));
    }
    let engine = engines::engine(source.engine())?;
    let mut birth = Birth::new(id, engine, source.facts.str("EngineVersion"));
    birth.facts = source.facts.only(TAKEN_OVER);
    birth.facts.set("BackupRetentionPeriod", 0);
    birth.port = source
        .endpoint
        .as_ref()
        .map_or(i64::from(engine.port), |endpoint| i64::from(endpoint.port));
    if !across {
        birth.subnet_group = Some(source.subnet_group.clone());
        birth.parameter_group = Some(source.parameter_group.clone());
        birth.option_group = Some(source.option_group.clone());
        birth.security_groups.clone_from(&source.security_groups);
        if input
            .str("DBSubnetGroupName")
            .is_some_and(|name| !name.eq_ignore_ascii_case(&source.subnet_group))
        {
            return Err(super::refusal::refuse(
                "DBSubnetGroupNotAllowedFault",
                "A DB subnet group should not be specified for read replicas that are created in the same Region as the \
                 source.",
            ));
        }
    }
    birth.read(input)?;
    if birth.facts.i64("AllocatedStorage") < source.facts.i64("AllocatedStorage") {
        return Err(value(
            "The replica's storage cannot be smaller than the source's.",
        ));
    }
    key(cx, input, &source, across, &mut birth)?;
    check::check_values(engine, &birth.facts)?;
    birth.source = Some(Source {
        shown: if across {
            source.arn.clone()
        } else {
            source_id.clone()
        },
        region: from.clone(),
        id: source_id.clone(),
    });
    let size = super::snapshot::by_size(&source.facts).max(0.6);
    birth.creating = if across {
        Pert(600.0, 1_500.0, 5_400.0).times(size)
    } else {
        Pert(300.0, 600.0, 1_500.0)
    };
    let plan = Plan::new(cx, &birth)?;
    let resource = names::resource_id(cx, "db-");
    let lag = if across {
        Pert(0.15, 0.6, 3.0)
    } else {
        Pert(0.01, 0.05, 0.3)
    };
    let lag = cx.world.sample(lag, &resource, "replica-lag");
    birth.content = Some(Content::Follows(Follower {
        account: account.clone(),
        region: from.clone(),
        resource: source.resource.clone(),
        lag,
        floor: 0,
        server: cx.uuid("server-uuid"),
    }));
    let born = birth.id.clone();
    let answer = create::bear(cx, birth, plan, resource)?;
    let named = if across {
        cx.arn("rds", &format!("db:{born}"))
    } else {
        born
    };
    cx.place_in(&from)
        .rds
        .instances
        .settle(&source_id, |source| source.replicas.push(named));
    Ok(answer)
}

fn key(
    cx: &mut Cx<'_>,
    input: &Input,
    source: &Instance,
    across: bool,
    birth: &mut Birth,
) -> Result<(), AwsError> {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let encrypted = source.facts.bool("StorageEncrypted");
    birth.facts.set("StorageEncrypted", encrypted);
    match (encrypted, across, input.str("KmsKeyId")) {
        (true, true, Some(any)) => {
            birth.facts.set(
                "KmsKeyId",
                neighbours::key(cx.world, &account, &region, any, "specified")?,
            );
        }
        (true, true, None) => {
            return Err(combination(
                "Must specify a KMS key to create an encrypted read replica in another Region.",
            ));
        }
        (true, false, Some(any)) => {
            let wanted = neighbours::key(cx.world, &account, &region, any, "specified")?;
            if wanted != source.facts.str("KmsKeyId") {
                return Err(combination(
                    "A read replica in the same Region uses the KMS key of its source.",
                ));
            }
            birth.facts.set("KmsKeyId", wanted);
        }
        (true, false, None) => birth.facts.set("KmsKeyId", source.facts.str("KmsKeyId")),
        (false, _, Some(_)) => {
            return Err(combination(
                "You can't create an encrypted read replica from an unencrypted DB instance.",
            ));
        }
        (false, _, None) => {}
    }
    Ok(())
}

pub fn promote(cx: &mut Cx<'_>, input: &Input) -> Result<Output, AwsError> {
    let instance = lifecycle::named(cx, input)?;
    if instance.source.is_none() {
        return Err(instance_state("DB Instance is not a read replica."));
    }
    if instance.status == "backing-up" {
        return Err(instance_state(
            "The read replica cannot be promoted while it is in the backing-up state.",
        ));
    }
    lifecycle::check_available(&instance)?;
    let retention = input.i64("BackupRetentionPeriod").unwrap_or(1);
    if !(0..=35).contains(&retention) {
        return Err(value(format!(
            "Invalid backup retention period: {retention}. Must be between 0 and 35."
        )));
    }
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let resource = instance.resource.as_str();
    let whole = cx
        .world
        .sample(Pert(120.0, 300.0, 720.0), resource, "promote");
    let detail = json!({ "retention": retention, "window": input.str("PreferredBackupWindow") });
    let reboot = whole / 4;
    let mut steps = vec![
        Step::new(whole / 4, "modifying", true),
        // The connection to the source ends here; the restart that follows ends every connection of clients.
        Step::new(whole / 2, "rebooting", false)
            .effect("promoted")
            .detail(detail),
        Step::new(
            reboot,
            if retention > 0 {
                "backing-up"
            } else {
                "available"
            },
            true,
        )
        .effect("rebooted"),
    ];
    if retention > 0 {
        let taken = cx
            .world
            .sample(Pert(60.0, 180.0, 600.0), resource, "backing-up");
        steps.push(Step::new(taken, "available", true).effect("backed-up"));
    }
    let now = cx.now();
    cx.place()
        .rds
        .instances
        .change(&instance.id, now, |instance| {
            instance.status = "modifying".into()
        });
    lifecycle::follow(cx.world, &account, &region, &instance.id, &steps);
    super::show(cx, &instance.id)
}

/// The replica has replayed what it had received, and writes for itself from now on.
pub fn promoted(world: &mut World, account: &str, region: &str, id: &str, detail: &Value) {
    detach(world, account, region, id);
    world
        .place(account, region)
        .rds
        .instances
        .settle(id, |instance| {
            instance.facts.set(
                "BackupRetentionPeriod",
                detail["retention"].as_i64().unwrap_or(1),
            );
            if let Some(window) = detail["window"].as_str() {
                instance.facts.set("PreferredBackupWindow", window);
            }
        });
    events::tell(
        world,
        account,
        region,
        ("db-instance", id),
        "read replica",
        "Promoted Read Replica instance to a stand-alone database",
    );
}

/// Makes a replica's contents its own, as far as it has got, and forgets its source.
fn detach(world: &mut World, account: &str, region: &str, id: &str) {
    let now = world.now();
    let at = super::DatabaseRef {
        account: account.to_owned(),
        region: region.to_owned(),
        instance: id.to_owned(),
    };
    let Some(instance) = world
        .seen_place(account, region)
        .and_then(|place| place.rds.instances.get(id))
        .cloned()
    else {
        return;
    };
    let Some(contents) = connect::contents(world, &at).map(|contents| contents.into_owned()) else {
        return;
    };
    let own = contents.branch(contents.server.clone(), now);
    let state = &mut world.place(account, region).rds;
    state
        .contents
        .insert(instance.resource.clone(), Content::Own(Arc::new(own)));
    state
        .instances
        .settle(id, |instance| instance.source = None);
    if let Some(source) = &instance.source {
        let rds = &mut world.place(account, &source.region).rds;
        rds.instances.settle(&source.id, |source| {
            source.replicas.retain(|r| *r != id && *r != instance.arn)
        });
    }
}

/// The instance is gone: its source forgets it, and its replicas stand alone.
pub fn orphaned(world: &mut World, account: &str, region: &str, instance: &Instance) {
    if let Some(source) = &instance.source {
        let rds = &mut world.place(account, &source.region).rds;
        rds.instances.settle(&source.id, |source| {
            source
                .replicas
                .retain(|r| *r != instance.id && *r != instance.arn)
        });
    }
    for replica in &instance.replicas {
        let (region, id) = match names::Arn::read(replica) {
            Some(arn) => (arn.region, arn.id),
            None => (region.to_owned(), replica.clone()),
        };
        detach(world, account, &region, &id);
        let text = "Replication has ended: the source DB instance was deleted";
        events::tell(
            world,
            account,
            &region,
            ("db-instance", &id),
            "read replica",
            text,
        );
    }
}

/// Names follow an instance that was renamed.
pub fn renamed(
    world: &mut World,
    account: &str,
    region: &str,
    (old, old_arn): (&str, &str),
    new: &str,
) {
    let new_arn = format!("arn:aws:rds:{region}:{account}:db:{new}");
    for ((of, in_region), place) in world.places.iter_mut().filter(|((of, _), _)| of == account) {
        let _ = of;
        for id in place.rds.instances.keys() {
            place.rds.instances.settle(&id, |instance| {
                if let Some(source) = instance
                    .source
                    .as_mut()
                    .filter(|s| s.id == old && s.region == region)
                {
                    new.clone_into(&mut source.id);
                    source.shown = if in_region == region {
                        new.to_owned()
                    } else {
                        new_arn.clone()
                    };
                }
                for replica in &mut instance.replicas {
                    if *replica == old_arn {
                        replica.clone_from(&new_arn);
                    } else if *replica == old && in_region == region {
                        new.clone_into(replica);
                    }
                }
            });
        }
    }
}

/// Sets how far a replica is behind from now on. It never goes back behind what it has replayed.
pub fn set_lag(world: &mut World, account: &str, region: &str, id: &str, lag: Nanos) {
    let now = world.now();
    let state = &mut world.place(account, region).rds;
    let Some(resource) = state
        .instances
        .get(id)
        .map(|instance| instance.resource.clone())
    else {
        return;
    };
    if let Some(Content::Follows(follower)) = state.contents.get_mut(&resource) {
        follower.floor = follower.floor.max(now.saturating_sub(follower.lag));
        follower.lag = lag;
    }
}

/// Starts the metrics of a replica.
pub fn watch(world: &mut World, account: &str, region: &str, id: &str) {
    let Some(place) = world.seen_place(account, region) else {
        return;
    };
    let Some(instance) = place
        .rds
        .instances
        .get(id)
        .filter(|instance| instance.source.is_some())
    else {
        return;
    };
    let detail = json!({ "resource": instance.resource });
    let to_the_minute = MINUTE - world.now() % MINUTE;
    lifecycle::schedule(
        world,
        (account, region),
        to_the_minute,
        "replica-minute",
        id,
        detail,
    );
}

/// Once a minute a replica tells how far it is behind; now and then the value is missing.
pub fn minute(world: &mut World, event: &Event) {
    let (account, region, id) = (
        event.account.as_str(),
        event.region.as_str(),
        event.id.as_str(),
    );
    let Some(place) = world.seen_place(account, region) else {
        return;
    };
    let Some(instance) = place.rds.instances.get(id) else {
        return;
    };
    if instance.source.is_none() || event.detail["resource"] != instance.resource.as_str() {
        return;
    }
    let lag = lag(world, account, region, instance);
    let missing = world
        .dice
        .unit(&["replica-lag", &instance.resource], world.now() / MINUTE)
        < 0.04;
    let up = instance.up;
    lifecycle::schedule(
        world,
        (account, region),
        MINUTE,
        "replica-minute",
        id,
        event.detail.clone(),
    );
    if let Some(lag) = lag.filter(|_| up && !missing) {
        neighbours::metric(
            world,
            account,
            region,
            id,
            "ReplicaLag",
            lag as f64 / SECOND as f64,
        );
    }
}

/// What the metric says: PostgreSQL the time since the last commit that was replayed, which climbs while the source is
/// idle; MySQL the true distance, in whole seconds.
fn lag(world: &World, account: &str, region: &str, instance: &Instance) -> Option<Nanos> {
    let rds = &world.seen_place(account, region)?.rds;
    let Content::Follows(follower) = rds.contents.get(&instance.resource)? else {
        return None;
    };
    let replayed = connect::replayed_at(world, follower);
    if instance.engine() == "mysql" {
        return Some((world.now() - replayed) / SECOND * SECOND);
    }
    let at = super::DatabaseRef {
        account: account.into(),
        region: region.into(),
        instance: instance.id.clone(),
    };
    let contents = connect::contents(world, &at)?;
    Some(
        world
            .now()
            .saturating_sub(contents.last_commit(replayed))
            .max(MILLI),
    )
}
