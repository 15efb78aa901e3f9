//! Elastic Load Balancing: application and network balancers, listeners, rules, target groups and the health of their
//! targets.
//!
//! * `state`: what there is. `balancers`, `listeners`, `rules` (with `actions` and `conditions`), `target_groups`, `tags`: the operations by kind.
//! * `health`: what balancers find out about targets. `serve`: what a client gets from a balancer.

mod actions;
mod attributes;
mod balancers;
mod certificates;
mod conditions;
mod facts;
mod health;
mod listeners;
mod permissions;
mod rules;
mod serve;
pub mod state;
mod tags;
mod target_groups;
#[cfg(test)]
mod tests;

use super::{Service, ServiceId, quotas};
use crate::error::AwsError;
use crate::world::{Cx, Event, Input, Output, World};
use serde_json::Value;

pub use balancers::{answering_nodes, balancer_by_dns};
pub use certificates::certificate_users;
pub use facts::hosted_zone;
pub use health::{deregister, register, target_health};
pub use serve::{Answered, BalancerAnswer, serve};
pub use state::{Balancer, State, TargetGroup, TargetHealth};
pub use tags::tagged;

pub const SERVICE: Service = Service {
    id: ServiceId::Elbv2,
    handle,
    happen,
    wants: permissions::wants,
};

type Operation = fn(&mut Cx<'_>, &Input) -> Result<Value, AwsError>;

fn operation(name: &str) -> Option<Operation> {
    Some(match name {
        "CreateLoadBalancer" => balancers::create,
        "DeleteLoadBalancer" => balancers::delete,
        "DescribeLoadBalancers" => balancers::describe,
        "SetSecurityGroups" => balancers::set_security_groups,
        "SetSubnets" => balancers::set_subnets,
        "SetIpAddressType" => balancers::set_address_type,
        "DescribeLoadBalancerAttributes" => attributes::describe_balancer,
        "ModifyLoadBalancerAttributes" => attributes::modify_balancer,
        "DescribeTargetGroupAttributes" => attributes::describe_group,
        "ModifyTargetGroupAttributes" => attributes::modify_group,
        "DescribeListenerAttributes" => attributes::describe_listener,
        "ModifyListenerAttributes" => attributes::modify_listener,
        "CreateTargetGroup" => target_groups::create,
        "ModifyTargetGroup" => target_groups::modify,
        "DeleteTargetGroup" => target_groups::delete,
        "DescribeTargetGroups" => target_groups::describe,
        "RegisterTargets" => target_groups::register_targets,
        "DeregisterTargets" => target_groups::deregister_targets,
        "DescribeTargetHealth" => target_groups::describe_health,
        "CreateListener" => listeners::create,
        "ModifyListener" => listeners::modify,
        "DeleteListener" => listeners::delete,
        "DescribeListeners" => listeners::describe,
        "AddListenerCertificates" => certificates::add,
        "RemoveListenerCertificates" => certificates::remove,
        "DescribeListenerCertificates" => certificates::describe,
        "CreateRule" => rules::create,
        "ModifyRule" => rules::modify,
        "DeleteRule" => rules::delete,
        "DescribeRules" => rules::describe,
        "SetRulePriorities" => rules::set_priorities,
        "AddTags" => tags::add,
        "RemoveTags" => tags::remove,
        "DescribeTags" => tags::describe,
        "DescribeAccountLimits" => facts::describe_account_limits,
        "DescribeSSLPolicies" => facts::describe_ssl_policies,
        _ => return None,
    })
}

fn handle(cx: &mut Cx<'_>, name: &str, input: &Input) -> Result<Output, AwsError> {
    match operation(name) {
        Some(execute) => execute(cx, input).map(Output::from),
        None => Err(cx.not_simulated()),
    }
}

fn happen(world: &mut World, event: &Event) {
    match event.what {
        "balancer active" => balancers::become_active(world, event),
        "publish name" => balancers::publish(world, event),
        "check target" => health::check(world, event),
        "target drained" => health::drained(world, event),
        _ => {}
    }
}

/// The account and the region that an ARN of this service names.
fn place_of(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.split(':').skip(3);
    let region = parts.next()?;
    Some((parts.next()?, region))
}

pub fn balancer<'w>(world: &'w World, arn: &str) -> Option<&'w Balancer> {
    let (account, region) = place_of(arn)?;
    world.seen_place(account, region)?.elbv2.balancers.get(arn)
}

/// A listener of a balancer that takes connections.
pub struct Fronted {
    pub region: String,
    pub dns_name: String,
    pub protocol: String,
    pub port: u16,
}

/// Every listener of every balancer that is active.
pub fn fronts(world: &World) -> Vec<Fronted> {
    let mut found = Vec::new();
    for ((_, region), place) in &world.places {
        let state = &place.elbv2;
        for (_, listener) in state.listeners.iter() {
            let balancer = state.balancers.get(&listener.balancer_arn);
            if let Some(balancer) = balancer.filter(|b| b.state == "active") {
                found.push(Fronted {
                    region: region.clone(),
                    dns_name: balancer.dns_name.clone(),
                    protocol: listener.protocol.clone(),
                    port: listener.port,
                });
            }
        }
    }
    found
}

pub fn target_group<'w>(world: &'w World, arn: &str) -> Option<&'w TargetGroup> {
    let (account, region) = place_of(arn)?;
    world.seen_place(account, region)?.elbv2.groups.get(arn)
}

/// Whether a listener or a rule forwards to the target group: ECS refuses a service whose group has none.
pub fn is_in_use(world: &World, target_group_arn: &str) -> bool {
    place_of(target_group_arn)
        .and_then(|(account, region)| world.seen_place(account, region))
        .is_some_and(|place| health::in_use(&place.elbv2, target_group_arn))
}

/// What Route 53 asks when an alias evaluates target health: for each target group that the balancer forwards to, is
/// there a healthy target? A group without targets is unhealthy; a balancer that forwards nowhere is healthy.
pub fn is_healthy(world: &World, balancer_arn: &str) -> bool {
    let Some((account, region)) = place_of(balancer_arn) else {
        return false;
    };
    let Some(place) = world.seen_place(account, region) else {
        return false;
    };
    if world.faults.data_dark(region, world.now()).is_some() {
        return false;
    }
    let state = &place.elbv2;
    state
        .balancers
        .get(balancer_arn)
        .is_some_and(|b| b.state == "active")
        && actions::groups_of(state, balancer_arn)
            .iter()
            .filter_map(|arn| state.groups.get(arn))
            .all(|group| group.targets.values().any(|t| t.state == "healthy"))
}

/// What the account may have of something in the called region.
fn limit(cx: &Cx<'_>, quota: &str, default: u64) -> u64 {
    let limit = quotas::limit(cx.world, cx.account_id(), &cx.region, quota);
    if limit.is_finite() {
        limit as u64
    } else {
        default
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationError", message)
}

fn no_target_group(arn: &str) -> AwsError {
    AwsError::new(
        "TargetGroupNotFound",
        format!("Target groups '{arn}' not found"),
    )
}

fn no_balancer(what: &str) -> AwsError {
    AwsError::new(
        "LoadBalancerNotFound",
        format!("Load balancers '[{what}]' not found"),
    )
}

fn no_listener(arn: &str) -> AwsError {
    AwsError::new("ListenerNotFound", format!("Listeners '{arn}' not found"))
}

fn required<'i>(input: &'i Input, member: &str) -> Result<&'i str, AwsError> {
    input
        .str(member)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| invalid(format!("1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null")))
}

/// Names of balancers and of target groups follow one rule.
fn check_name(what: &str, name: &str) -> Result<(), AwsError> {
    if name.chars().count() > 32 {
        return Err(invalid(format!(
            "{what} name '{name}' cannot be longer than '32' characters"
        )));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(invalid(format!(
            "{what} name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)"
        )));
    }
    if name.starts_with('-') || name.ends_with('-') {
        return Err(invalid(format!(
            "{what} name '{name}' cannot begin or end with a hyphen(-)"
        )));
    }
    Ok(())
}
