//! The rules of a listener: in order of priority, the first whose conditions hold decides.

use super::actions::check_actions;
use super::conditions::check_conditions;
use super::state::{Balancer, Kind, Listener, Rule, State};
use super::{facts, invalid, no_balancer, no_listener, required, tags};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn no_rule(arn: &str) -> AwsError {
    AwsError::new("RuleNotFound", format!("Rules '{arn}' not found"))
}

fn context(state: &State, listener_arn: &str) -> Result<(Listener, Balancer), AwsError> {
    let Some(listener) = state.listeners.get(listener_arn).cloned() else {
        return Err(no_listener(listener_arn));
    };
    let Some(balancer) = state.balancers.get(&listener.balancer_arn).cloned() else {
        return Err(no_balancer(&listener.balancer_arn));
    };
    Ok((listener, balancer))
}

fn check_priority(
    state: &State,
    listener_arn: &str,
    priority: i64,
    but: &[String],
) -> Result<u32, AwsError> {
    if !(1..=50_000).contains(&priority) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{priority}' at 'priority' failed to satisfy constraint: Member must have value between 1 and 50000"
        )));
    }
    let priority = priority as u32;
    let taken = state.rules.iter().any(|(arn, r)| {
        r.listener_arn == listener_arn && r.priority == priority && !but.iter().any(|b| b == arn)
    });
    if taken {
        return Err(AwsError::new(
            "PriorityInUse",
            format!("Priority '{priority}' is currently in use"),
        ));
    }
    Ok(priority)
}

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let listener_arn = required(input, "ListenerArn")?;
    let (listener, balancer) = context(&cx.place().elbv2, listener_arn)?;
    if balancer.kind == Kind::Network {
        return Err(AwsError::new(
            "UnsupportedProtocol",
            "Rules are not supported for load balancers with type 'network'",
        ));
    }
    let given_tags = tags::read(input)?;
    let Some(priority) = input.i64("Priority") else {
        return Err(invalid("A rule priority must be specified"));
    };
    let conditions = check_conditions(input.list("Conditions"))?;
    let priority = check_priority(&cx.place().elbv2, listener_arn, priority, &[])?;
    let actions = check_actions(cx, &balancer, &listener.protocol, input.list("Actions"))?;
    let of_balancer: BTreeSet<String> = cx
        .place()
        .elbv2
        .listeners
        .iter()
        .filter(|(_, l)| l.balancer_arn == balancer.arn)
        .map(|(arn, _)| arn.to_owned())
        .collect();
    let held = cx
        .place()
        .elbv2
        .rules
        .iter()
        .filter(|(_, r)| of_balancer.contains(&r.listener_arn))
        .count() as u64;
    if held >= facts::limit_of(cx, "rules-per-application-load-balancer") {
        return Err(AwsError::new(
            "TooManyRules",
            "The maximum number of rules has been reached on this load balancer.",
        ));
    }
    let digits = cx.hex("rule", 16);
    let path = listener_arn
        .split_once(":listener/")
        .map_or("", |(_, path)| path);
    let rule = Rule {
        arn: cx.arn(
            "elasticloadbalancing",
            &format!("listener-rule/{path}/{digits}"),
        ),
        listener_arn: listener_arn.to_owned(),
        priority,
        conditions,
        actions,
    };
    let at = cx.visible_at(&rule.arn);
    let output = json!({"Rules": [shown(&rule)]});
    let state = &mut cx.place().elbv2;
    state.tag(&rule.arn, given_tags, at);
    state.rules.put(rule.arn.clone(), rule, at);
    Ok(output)
}

pub(super) fn modify(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = required(input, "RuleArn")?;
    refuse_default(&cx.place().elbv2, arn, "modified")?;
    let Some(mut rule) = cx.place().elbv2.rules.get(arn).cloned() else {
        return Err(no_rule(arn));
    };
    let (listener, balancer) = context(&cx.place().elbv2, &rule.listener_arn)?;
    if input.has("Conditions") {
        rule.conditions = check_conditions(input.list("Conditions"))?;
    }
    if input.has("Actions") {
        rule.actions = check_actions(cx, &balancer, &listener.protocol, input.list("Actions"))?;
    }
    let at = cx.visible_at(arn);
    let output = json!({"Rules": [shown(&rule)]});
    cx.place().elbv2.rules.change(arn, at, |r| *r = rule);
    Ok(output)
}

fn refuse_default(state: &State, arn: &str, done: &str) -> Result<(), AwsError> {
    if state.listeners.iter().any(|(_, l)| l.default_rule == arn) {
        return Err(AwsError::new(
            "OperationNotPermitted",
            format!("Default rule '{arn}' cannot be {done}"),
        ));
    }
    Ok(())
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = required(input, "RuleArn")?;
    refuse_default(&cx.place().elbv2, arn, "deleted")?;
    let at = cx.visible_at(arn);
    let state = &mut cx.place().elbv2;
    if state.rules.remove(arn, at).is_none() {
        return Err(no_rule(arn));
    }
    state.tags.remove(arn, at);
    Ok(json!({}))
}

pub(super) fn set_priorities(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let mut wanted = vec![];
    for pair in input.list("RulePriorities") {
        let arn = pair["RuleArn"].as_str().unwrap_or_default().to_owned();
        refuse_default(&cx.place().elbv2, &arn, "modified")?;
        if !cx.place().elbv2.rules.contains(&arn) {
            return Err(no_rule(&arn));
        }
        wanted.push((arn, pair["Priority"].as_i64().unwrap_or_default()));
    }
    // All at once: rules may exchange their places.
    let moved: Vec<String> = wanted.iter().map(|(arn, _)| arn.clone()).collect();
    let mut places = BTreeSet::new();
    for (arn, priority) in &wanted {
        let state = &cx.place().elbv2;
        let listener = state
            .rules
            .get(arn)
            .map_or(String::new(), |r| r.listener_arn.clone());
        let priority = check_priority(state, &listener, *priority, &moved)?;
        if !places.insert((listener, priority)) {
            return Err(AwsError::new(
                "PriorityInUse",
                format!("Priority '{priority}' is currently in use"),
            ));
        }
    }
    let mut output = vec![];
    for (arn, priority) in wanted {
        let at = cx.visible_at(&arn);
        let rules = &mut cx.place().elbv2.rules;
        rules.change(&arn, at, |r| r.priority = priority as u32);
        output.extend(rules.get(&arn).map(shown));
    }
    Ok(object! { "Rules": output })
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arns = input.strings("RuleArns");
    let of = input.str("ListenerArn");
    let now = cx.now();
    let state = &cx.place().elbv2;
    match (arns.is_empty(), of) {
        (true, None) => {
            return Err(invalid(
                "You must specify either listener rule ARNs or a listener ARN",
            ));
        }
        (false, Some(_)) => {
            return Err(invalid(
                "You cannot specify both listener rule ARNs and a listener ARN",
            ));
        }
        (true, Some(arn)) if state.listeners.seen(arn, now).is_none() => {
            return Err(no_listener(arn));
        }
        _ => {}
    }
    let known = |arn: &String| {
        state.rules.seen(arn, now).is_some()
            || state
                .listeners
                .seen_all(now)
                .any(|(_, l)| l.default_rule == **arn)
    };
    if let Some(arn) = arns.iter().find(|arn| !known(arn)) {
        return Err(no_rule(arn));
    }
    let mut found: Vec<&Rule> = state
        .rules
        .seen_all(now)
        .filter(|(arn, r)| arns.iter().any(|a| a == arn) || of == Some(r.listener_arn.as_str()))
        .map(|(_, r)| r)
        .collect();
    found.sort_by_key(|r| (r.listener_arn.clone(), r.priority));
    let mut output: Vec<Value> = found.into_iter().map(shown).collect();
    for (arn, listener) in state.listeners.seen_all(now) {
        if of == Some(arn) || arns.contains(&listener.default_rule) {
            output.push(json!({
                "RuleArn": listener.default_rule, "Priority": "default", "Conditions": [],
                "Actions": listener.actions, "IsDefault": true,
            }));
        }
    }
    Ok(object! { "Rules": output })
}

fn shown(rule: &Rule) -> Value {
    json!({
        "RuleArn": rule.arn, "Priority": rule.priority.to_string(), "Conditions": rule.conditions,
        "Actions": rule.actions, "IsDefault": false,
    })
}
