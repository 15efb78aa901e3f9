//! The fence: whoever writes to the source is stopped, one layer behind the other, and a write is tried to prove it.

use std::collections::BTreeMap;

use drtool_engine::StepId;
use drtool_engine::plan::{Milestone, Passes, Proof};
use drtool_engine::step::{Effect, Value};

use super::{Expansion, databases, questions, shown, slug, times};
use crate::capture::edge::Action;
use crate::composed::Composed;
use crate::steps::{self, target_group_drain};

/// How long a request that has begun may go on behind a balancer that takes no other. Until then its task may write, and
/// the last write cannot be noted. Seconds.
const DRAIN: u32 = 30;

/// What users read while the stack moves.
const SORRY: &str = "This service is moving to another region and will be back shortly.";

/// Probes beside the source's database: one with its own way in, which the fence leaves open, one with the application's.
pub(super) fn probe(e: &mut Expansion<'_>, index: usize) {
    let Some((database, source)) = databases::captured(e, index) else {
        return;
    };
    let from = e.capture.region.clone();
    let engine = source.settings.engine.clone();
    let name = database.name.value.clone();
    let Some(mut own) = databases::task(
        e,
        database,
        source,
        &from,
        "source",
        questions::of_source(&engine),
    ) else {
        return;
    };
    let Some(of_application) =
        databases::task(e, database, source, &from, "fence", questions::of_fence())
    else {
        return;
    };
    own.settled = questions::settled();
    let stand_in = serde_json::json!({ "taskArn": "", "taskDefinitionArn": "", "logGroup": own.log_group, "logStream": "" });
    let (group, rule) = databases::open(e, source);
    // A drill leaves the source alone: its group and rule are held as the probe is.
    let drill = e.asked.profile == super::Rehearsal::Drill;
    for step in e.steps.iter_mut().rev().take(2) {
        step.hold = step.hold || drill;
        step.stand_in = Some(serde_json::json!({ "groupId": "" }));
    }
    let step = e.step(
        "own",
        steps::probe_task::KIND,
        &from,
        Effect::Adds,
        format!(
            "a probe beside {}, by a way that the fence leaves open",
            shown(&name)
        ),
        &steps::probe_task::ProbeTask {
            security_groups: vec![group],
            host: Composed::known(source.endpoint.clone()),
            ..own
        },
    );
    e.need(rule);
    e.hold_in_drill(stand_in.clone());
    e.role(format!("probe {name}"), &step);
    let groups = databases::user(e, source)
        .map(|(service, _)| service.security_groups.clone())
        .unwrap_or_default();
    let step = e.step(
        "application",
        steps::probe_task::KIND,
        &from,
        Effect::Adds,
        format!(
            "a probe beside {}, by the application's own way",
            shown(&name)
        ),
        &steps::probe_task::ProbeTask {
            security_groups: groups.into_iter().map(Value::Known).collect(),
            ..of_application
        },
    );
    e.hold_in_drill(stand_in);
    e.role(format!("application probe {name}"), &step);
}

/// Scaling, balancer, tasks, database, in this order: each would be undone or leak without the one before.
pub(super) fn fence(e: &mut Expansion<'_>, _: usize) {
    let from = e.capture.region.clone();
    let mut suspended = vec![];
    let mut closed = vec![];
    let mut stopped = vec![];
    let mut shortened = BTreeMap::new();
    for wanted in &e.manifest.services {
        let Some(service) = e.captured_service(wanted.name.as_str()) else {
            continue;
        };
        let resource = format!("service/{}/{}", service.cluster, service.name);
        for target in e
            .capture
            .scalable_targets
            .iter()
            .filter(|t| t.resource_id == resource)
        {
            let step = e.step(
                &format!("scaling-{}", service.name),
                steps::scaling_suspension::KIND,
                &from,
                Effect::Fences,
                format!("scaling of {resource} is suspended"),
                &steps::scaling_suspension::ScalingSuspension {
                    resource: resource.clone(),
                    dimension: target.dimension.clone(),
                    min: target.min,
                    max: target.max,
                    before: target.suspended,
                },
            );
            suspended.push(step);
        }
    }
    let mut arns: Vec<&str> = e
        .manifest
        .services
        .iter()
        .filter_map(|s| e.balancer(s.name.as_str()))
        .collect();
    arns.sort_unstable();
    arns.dedup();
    for balancer in e
        .capture
        .balancers
        .iter()
        .filter(|b| arns.contains(&b.arn.as_str()))
    {
        if balancer.kind != "application" {
            e.notes.push(format!("balancer {} cannot answer 503: it is fenced by its tasks being gone, and keeps established connections until then", balancer.name));
            continue;
        }
        for listener in &balancer.listeners {
            let forwards =
                |actions: &[Action]| actions.iter().any(|a| matches!(a, Action::Forward { .. }));
            if let Some(rule) = listener.rules.iter().find(|r| forwards(&r.actions)) {
                let message = format!(
                    "rule {} of listener {} of {} sends users on: this version fences a listener's default action only",
                    rule.priority, listener.port, balancer.name
                );
                e.fault("E1119", e.manifest.name.at, message, "this stack", "");
            }
            if !forwards(&listener.default_actions) {
                continue;
            }
            let title = format!(
                "{} {} of {} answers 503",
                listener.protocol, listener.port, balancer.name
            );
            let step = e.step(
                &format!("{}-{}", balancer.name, listener.port),
                steps::listener_fence::KIND,
                &from,
                Effect::Fences,
                title,
                &steps::listener_fence::ListenerFence {
                    listener: listener.arn.clone(),
                    rule: None,
                    before: listener.default_actions.clone(),
                    body: SORRY.to_owned(),
                },
            );
            for before in &suspended {
                e.need(before.clone());
            }
            e.last().milestone = Some(Milestone::Fenced);
            closed.push(step);
        }
    }
    for wanted in &e.manifest.services {
        let Some(service) = e.captured_service(wanted.name.as_str()) else {
            continue;
        };
        if service.deployment_controller != "ECS" {
            let message = format!(
                "service {} is deployed by {}: this version moves services that ECS deploys",
                service.name, service.deployment_controller
            );
            e.fault("E1119", wanted.at, message, "this service", "");
        }
        let mut drains = vec![];
        let mut drain = 0;
        for balancer in &service.load_balancers {
            let Some(group) = e.capture.target_group(&balancer.target_group_arn) else {
                continue;
            };
            let delay = target_group_drain::delay(&group.attributes);
            drain = drain.max(delay.min(DRAIN));
            if delay <= DRAIN {
                continue;
            }
            if let Some(step) = shortened.get(&group.arn) {
                drains.push(StepId::clone(step));
                continue;
            }
            let title = format!(
                "connections of target group {} drain for {DRAIN} s at most, not {delay}",
                group.name
            );
            let step = e.step(
                &format!("drain-{}", group.name),
                target_group_drain::KIND,
                &from,
                Effect::Changes,
                title,
                &target_group_drain::TargetGroupDrain {
                    target_group: group.arn.clone(),
                    seconds: DRAIN,
                },
            );
            shortened.insert(group.arn.clone(), step.clone());
            drains.push(step);
        }
        let title = format!(
            "service {} of {} has no tasks (it had {})",
            service.name, service.cluster, service.desired_count
        );
        let step = e.step(
            &format!("tasks-{}", service.name),
            steps::service_scale::KIND,
            &from,
            Effect::Fences,
            title,
            &steps::service_scale::ServiceScale {
                cluster: service.cluster.clone(),
                service: service.name.clone(),
                desired_count: 0,
            },
        );
        e.expect(times::scale_to_zero(drain));
        for before in suspended.iter().chain(&closed).chain(&drains) {
            e.need(before.clone());
        }
        // A service without a balancer is closed to its users when its tasks are gone.
        if closed.is_empty() {
            e.last().milestone = Some(Milestone::Fenced);
        }
        stopped.push(step);
    }
    for wanted in &e.manifest.databases {
        let Some(source) = e.capture.database(wanted.instance.as_str()) else {
            continue;
        };
        for id in &source.security_group_ids {
            let Some(group) = e.capture.network.security_group(id) else {
                continue;
            };
            let revoke = databases::open_rules(source, group);
            if revoke.is_empty() {
                continue;
            }
            let others: Vec<&str> = e
                .capture
                .databases
                .iter()
                .filter(|d| d.identifier != source.identifier && d.security_group_ids.contains(id))
                .map(|d| d.identifier.as_str())
                .collect();
            if !others.is_empty() {
                e.notes.push(format!(
                    "security group {} is also that of {}: the fence closes it for them as well",
                    group.name,
                    others.join(", ")
                ));
            }
            let title = format!(
                "{} is closed to everybody but the probe (group {}, {} {})",
                source.identifier,
                group.name,
                revoke.len(),
                if revoke.len() == 1 { "rule" } else { "rules" }
            );
            let params = steps::database_fence::DatabaseFence {
                instance: source.identifier.clone(),
                group: id.clone(),
                port: source.settings.port,
                revoke,
            };
            e.step(
                &format!("database-{}-{}", wanted.name.value, slug(&group.name)),
                steps::database_fence::KIND,
                &from,
                Effect::Fences,
                title,
                &params,
            );
            // Tracked connections outlive a rule: the tasks that hold them go first.
            for before in &stopped {
                e.need(before.clone());
            }
        }
    }
    // Users with an old answer must have had time to ask again.
    for (index, record) in e.manifest.dns.iter().enumerate() {
        let Some(ttl) = e.roles.get(&format!("ttl {index}")).cloned() else {
            continue;
        };
        let old = super::edge::captured(e, index)
            .and_then(|r| r.ttl)
            .unwrap_or_default();
        let first: Vec<usize> = (0..e.steps.len())
            .filter(|i| e.steps[*i].line == e.now.line && e.steps[*i].needs.is_empty())
            .collect();
        for at in first {
            let mut need = drtool_engine::plan::Need::on(ttl.clone());
            need.settle = Some(Passes {
                count: 2,
                over: old,
            });
            e.steps[at].needs.push(need);
        }
        if old >= 300 {
            e.notes.push(format!(
                "record {}: the fence waits {old} s after its TTL was lowered",
                record.record.value
            ));
        }
    }
}

/// A write by the application's own way, which must fail; and its balancers, which must not serve.
pub(super) fn write_refused(e: &mut Expansion<'_>, index: usize) {
    let Some((database, source)) = databases::captured(e, index) else {
        return;
    };
    let name = database.name.value.clone();
    let from = e.capture.region.clone();
    let Some(probe) = e.roles.get(&format!("application probe {name}")).cloned() else {
        return;
    };
    let arns: Vec<&str> = e
        .manifest
        .services
        .iter()
        .filter_map(|s| e.balancer(s.name.as_str()))
        .collect();
    let balancers: Vec<String> = e
        .capture
        .balancers
        .iter()
        .filter(|b| arns.contains(&b.arn.as_str()))
        .map(|b| b.dns_name.clone())
        .collect();
    let hosts = e
        .manifest
        .dns
        .iter()
        .map(|r| r.record.to_string())
        .collect();
    let step = e.step(
        "",
        steps::write_refused::KIND,
        &from,
        Effect::Reads,
        format!(
            "a write to {} by the application's way is refused",
            shown(&name)
        ),
        &steps::write_refused::WriteRefused {
            probe: Value::later(probe.clone(), "taskArn"),
            log_group: databases::task_log_group(e, database).unwrap_or_default(),
            log_stream: Value::later(probe, "logStream"),
            instance: source.identifier.clone(),
            balancers,
            hosts,
        },
    );
    e.last().proof = Some(Proof::Fence);
    e.hold_in_drill(
        serde_json::json!({ "how": "not tried: a drill sets no fence", "at": e.capture.taken }),
    );
    e.role(format!("refused {name}"), &step);
}

/// The last write, noted through the way that is left open.
pub(super) fn watermark(e: &mut Expansion<'_>, index: usize) {
    let Some((database, _)) = databases::captured(e, index) else {
        return;
    };
    let name = database.name.value.clone();
    let from = e.capture.region.clone();
    let Some(probe) = e.roles.get(&format!("probe {name}")).cloned() else {
        return;
    };
    let Some(refused) = e.roles.get(&format!("refused {name}")).cloned() else {
        return;
    };
    let step = e.step(
        "",
        steps::watermark::KIND,
        &from,
        Effect::Reads,
        format!("the last write of {} is noted", shown(&name)),
        &steps::watermark::Watermark {
            probe: Value::later(probe.clone(), "taskArn"),
            log_group: databases::task_log_group(e, database).unwrap_or_default(),
            log_stream: Value::later(probe, "logStream"),
            after: Value::later(refused, "at"),
        },
    );
    e.hold_in_drill(serde_json::json!({ "position": "", "content": "", "at": e.capture.taken }));
    e.role(format!("watermark {name}"), &step);
}
