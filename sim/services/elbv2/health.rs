//! Target health: every target is asked every interval, by every node of every balancer that forwards to its group.

use super::actions;
use super::state::{HealthCheck, State, Target, TargetGroup, TargetHealth};
use crate::clock::{Nanos, SECOND};
use crate::error::AwsError;
use crate::plane::{self, Blocked, Endpoint, HttpRequest};
use crate::services::ServiceId;
use crate::services::ecs::{self, TaskAnswer};
use crate::world::{Event, World};
use serde_json::{Value, json};

/// The targets that may get requests: the healthy ones, or every one of the group if none is (it fails open).
pub(super) fn candidates<'s>(state: &'s State, group: &'s TargetGroup) -> Vec<&'s Target> {
    if !in_use(state, &group.arn) {
        return vec![];
    }
    let alive = || group.targets.values().filter(|t| t.state != "draining");
    let healthy: Vec<&Target> = alive().filter(|t| t.state == "healthy").collect();
    if !healthy.is_empty() {
        return healthy;
    }
    // Registered but never yet checked targets get nothing while the balancer still finds out.
    let judged: Vec<&Target> = alive().filter(|t| t.state == "unhealthy").collect();
    if judged.is_empty() {
        vec![]
    } else {
        alive().collect()
    }
}

/// Whether a listener or rule of a balancer forwards to the group.
pub(super) fn in_use(state: &State, group_arn: &str) -> bool {
    actions::is_forwarded_to(state, group_arn)
}

/// Registers an address and port, or changes nothing if they are there. A draining target comes back.
pub fn register(
    world: &mut World,
    account: &str,
    region: &str,
    target_group_arn: &str,
    ip: &str,
    port: u16,
) -> Result<(), AwsError> {
    let now = world.now();
    put(
        world,
        account,
        region,
        target_group_arn,
        (ip, port, None),
        now,
    )
}

pub(super) fn put(
    world: &mut World,
    account: &str,
    region: &str,
    arn: &str,
    (ip, port, zone): (&str, u16, Option<&str>),
    visible_at: Nanos,
) -> Result<(), AwsError> {
    let now = world.now();
    let state = &mut world.place(account, region).elbv2;
    let Some(group) = state.groups.get(arn) else {
        return Err(super::no_target_group(arn));
    };
    let key = (ip.to_owned(), port);
    if group
        .targets
        .get(&key)
        .is_some_and(|t| t.state != "draining")
    {
        return Ok(());
    }
    let interval = group.check.interval as u64 * SECOND;
    let series = world.ordinal(&format!("elbv2 series/{arn}/{ip}/{port}"));
    let target = Target {
        id: ip.to_owned(),
        port,
        zone: zone.map(str::to_owned),
        state: "initial",
        reason: Some("Elb.RegistrationInProgress"),
        description: Some("Target registration is in progress".into()),
        passes: 0,
        failures: 0,
        registered: now,
        series,
    };
    let state = &mut world.place(account, region).elbv2;
    state.groups.change(arn, visible_at, |g| {
        g.targets.insert(key, target);
    });
    world.schedule(
        interval,
        check_event(account, region, arn, ip, port, series),
    );
    Ok(())
}

fn check_event(account: &str, region: &str, arn: &str, ip: &str, port: u16, series: u64) -> Event {
    Event {
        service: ServiceId::Elbv2,
        account: account.to_owned(),
        region: region.to_owned(),
        what: "check target",
        id: arn.to_owned(),
        detail: json!({"ip": ip, "port": port, "series": series}),
    }
}

/// Takes a target out: it gets no new requests, and is gone after the group's deregistration delay.
pub fn deregister(
    world: &mut World,
    account: &str,
    region: &str,
    target_group_arn: &str,
    ip: &str,
    port: u16,
) {
    let now = world.now();
    take_out(world, account, region, target_group_arn, ip, port, now);
}

pub(super) fn take_out(
    world: &mut World,
    account: &str,
    region: &str,
    arn: &str,
    ip: &str,
    port: u16,
    visible_at: Nanos,
) {
    let state = &mut world.place(account, region).elbv2;
    let Some(group) = state.groups.get(arn) else {
        return;
    };
    let key = (ip.to_owned(), port);
    let Some(target) = group.targets.get(&key).filter(|t| t.state != "draining") else {
        return;
    };
    let series = target.series;
    let delay = group
        .attributes
        .get("deregistration_delay.timeout_seconds")
        .and_then(|v| v.parse::<u64>().ok())
        .unwrap_or(300);
    if delay == 0 || !in_use(state, arn) {
        state.groups.change(arn, visible_at, |g| {
            g.targets.remove(&key);
        });
        return;
    }
    state.groups.change(arn, visible_at, |g| {
        if let Some(target) = g.targets.get_mut(&key) {
            target.state = "draining";
            target.reason = Some("Target.DeregistrationInProgress");
            target.description = Some("Target deregistration is in progress".into());
        }
    });
    let mut event = check_event(account, region, arn, ip, port, series);
    event.what = "target drained";
    world.schedule(delay * SECOND, event);
}

fn of_event(event: &Event) -> Option<((String, u16), u64)> {
    let ip = event.detail.get("ip").and_then(Value::as_str)?;
    let port = event.detail.get("port").and_then(Value::as_u64)?;
    let series = event.detail.get("series").and_then(Value::as_u64)?;
    Some(((ip.to_owned(), port as u16), series))
}

pub(super) fn drained(world: &mut World, event: &Event) {
    let Some((key, series)) = of_event(event) else {
        return;
    };
    let groups = &mut world.place(&event.account, &event.region).elbv2.groups;
    let draining = |g: &TargetGroup| {
        g.targets
            .get(&key)
            .is_some_and(|t| t.series == series && t.state == "draining")
    };
    if groups.get(&event.id).is_some_and(draining) {
        groups.settle(&event.id, |g| {
            g.targets.remove(&key);
        });
    }
}

/// One check of one target, and the appointment for the next.
pub(super) fn check(world: &mut World, event: &Event) {
    let Some((key, series)) = of_event(event) else {
        return;
    };
    let Some(place) = world.seen_place(&event.account, &event.region) else {
        return;
    };
    let Some(group) = place.elbv2.groups.get(&event.id) else {
        return;
    };
    let Some(target) = group
        .targets
        .get(&key)
        .filter(|t| t.series == series && t.state != "draining")
    else {
        return;
    };
    let interval = group.check.interval as u64 * SECOND;
    if world.faults.data_dark(&event.region, world.now()).is_some() {
        // Nothing is asked and nothing is learnt.
        world.schedule(interval, event.clone());
        return;
    }
    let balancers = actions::balancers_of(&place.elbv2, &event.id);
    let active: Vec<&String> = balancers
        .iter()
        .filter(|arn| {
            place
                .elbv2
                .balancers
                .get(arn)
                .is_some_and(|b| b.state == "active")
        })
        .collect();
    if active.is_empty() {
        // Nobody checks. What was known is not known any more.
        let fresh = target.state == "initial" && target.passes == 0 && target.failures == 0;
        if !fresh {
            world
                .place(&event.account, &event.region)
                .elbv2
                .groups
                .settle(&event.id, |g| {
                    if let Some(t) = g.targets.get_mut(&key) {
                        begin_anew(t);
                    }
                });
        }
        world.schedule(interval, event.clone());
        return;
    }
    let failed = active
        .iter()
        .find_map(|arn| ask(world, event, group, target, arn).err());
    let before = target.clone();
    let after = judge(&group.check, &before, failed);
    if after != before {
        world
            .place(&event.account, &event.region)
            .elbv2
            .groups
            .settle(&event.id, |g| {
                g.targets.insert(key, after);
            });
    }
    world.schedule(interval, event.clone());
}

/// What is known of a target after one more check.
pub(super) fn judge(check: &HealthCheck, before: &Target, failed: Option<Failure>) -> Target {
    let mut after = before.clone();
    let checking = |after: &mut Target| {
        if before.state == "initial" {
            after.reason = Some("Elb.InitialHealthChecking");
            after.description = Some("Initial health checks in progress".into());
        }
    };
    // Beyond the thresholds the counts say nothing; kept small so that a steady target is not rewritten every interval.
    match failed {
        None => {
            after.passes = (before.passes + 1).min(check.healthy_threshold);
            after.failures = 0;
            if before.state == "healthy" || after.passes >= check.healthy_threshold {
                after.state = "healthy";
                after.reason = None;
                after.description = None;
            } else {
                checking(&mut after);
            }
        }
        Some((reason, description)) => {
            after.failures = (before.failures + 1).min(check.unhealthy_threshold);
            after.passes = 0;
            if before.state == "unhealthy" || after.failures >= check.unhealthy_threshold {
                after.state = "unhealthy";
                after.reason = Some(reason);
                after.description = Some(description);
            } else {
                checking(&mut after);
            }
        }
    }
    after
}

fn begin_anew(target: &mut Target) {
    target.state = "initial";
    target.reason = Some("Elb.InitialHealthChecking");
    target.description = Some("Initial health checks in progress".into());
    target.passes = 0;
    target.failures = 0;
}

/// AWS's reason and its words.
pub(super) type Failure = (&'static str, String);

/// Asks a target from every node of one balancer. The first failure counts.
fn ask(
    world: &World,
    event: &Event,
    group: &TargetGroup,
    target: &Target,
    balancer_arn: &str,
) -> Result<(), Failure> {
    let balancer = world
        .seen_place(&event.account, &event.region)
        .and_then(|p| p.elbv2.balancers.get(balancer_arn));
    let Some(balancer) = balancer else {
        return Ok(());
    };
    let port = group.check.port.parse().unwrap_or(target.port);
    for node in &balancer.nodes {
        let from = plane::From::Interface {
            account: event.account.clone(),
            region: event.region.clone(),
            id: node.interface_id.clone(),
        };
        match plane::reach(world, &from, &plane::To::Address(target.id.clone()), port) {
            Ok(()) | Err(Blocked::SourceGone(_)) => {}
            Err(_) => return Err(("Target.Timeout", "Request timed out".into())),
        }
    }
    let at = Endpoint {
        account: event.account.clone(),
        region: event.region.clone(),
        vpc: group.vpc_id.clone(),
        ip: target.id.clone(),
        port,
    };
    let path = group.check.path.as_deref().unwrap_or("/");
    let mut request = HttpRequest::get(&format!("{}:{port}", target.id), path);
    request
        .headers
        .push(("user-agent".into(), "ELB-HealthChecker/2.0".into()));
    match (
        group.check.protocol.as_str(),
        ecs::answer(world, &at, &request),
    ) {
        (_, TaskAnswer::Refused) => {
            Err(("Target.FailedHealthChecks", "Health checks failed".into()))
        }
        ("TCP" | "TLS", _) => Ok(()),
        (_, TaskAnswer::Silent) => Err(("Target.Timeout", "Request timed out".into())),
        (_, TaskAnswer::Answer { status, .. }) => {
            let matcher = group.check.matcher.as_deref().unwrap_or("200");
            if code_matches(matcher, status) {
                return Ok(());
            }
            Err((
                "Target.ResponseCodeMismatch",
                format!("Health checks failed with these codes: [{status}]"),
            ))
        }
    }
}

/// `200`, `200-399`, `200,302`.
pub(super) fn code_matches(matcher: &str, status: u16) -> bool {
    matcher
        .split(',')
        .any(|part| match part.trim().split_once('-') {
            Some((from, to)) => {
                let (from, to): (u16, u16) = (
                    from.trim().parse().unwrap_or(1),
                    to.trim().parse().unwrap_or(0),
                );
                (from..=to).contains(&status)
            }
            None => part.trim().parse() == Ok(status),
        })
}

/// The health of one target as AWS tells it; `None` for one that is not registered.
pub fn target_health(
    world: &World,
    account: &str,
    region: &str,
    target_group_arn: &str,
    ip: &str,
    port: u16,
) -> Option<TargetHealth> {
    let state = &world.seen_place(account, region)?.elbv2;
    let group = state.groups.get(target_group_arn)?;
    group
        .targets
        .get(&(ip.to_owned(), port))
        .map(|target| told(state, group, target))
}

pub(super) fn told(state: &State, group: &TargetGroup, target: &Target) -> TargetHealth {
    if target.state != "draining" && !in_use(state, &group.arn) {
        return TargetHealth {
            state: "unused",
            reason: Some("Target.NotInUse"),
            description: Some(
                "Target group is not configured to receive traffic from the load balancer".into(),
            ),
        };
    }
    TargetHealth {
        state: target.state,
        reason: target.reason,
        description: target.description.clone(),
    }
}
