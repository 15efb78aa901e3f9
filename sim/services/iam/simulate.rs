//! SimulatePrincipalPolicy and SimulateCustomPolicy, with what they do not see.
//!
//! A simulation looks at the policies as written, skips every service control policy with a condition, knows no resource
//! policy that it is not given, and no condition key that it is not told.

use super::evaluate::account_of;
use super::policy::{Ask, Policy, Position, Use, Verdict};
use super::principal::Principal;
use super::written::Source;
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The principal that an ARN names in the caller's account.
fn source(cx: &mut Cx<'_>, arn: &str) -> Result<Principal, AwsError> {
    if !arn.starts_with("arn:aws:iam::") || arn.ends_with(":root") {
        return Err(AwsError::new(
            "InvalidInput",
            format!("Invalid Entity Arn: {arn} does not clearly define entity type and name."),
        ));
    }
    cx.account()
        .iam
        .principals
        .iter()
        .find(|(_, p)| p.arn == arn)
        .map(|(_, p)| p.clone())
        .ok_or_else(|| {
            AwsError::new(
                "NoSuchEntity",
                format!("The entity with ARN {arn} cannot be found."),
            )
        })
}

fn given(input: &Input, member: &str) -> Result<Vec<Source>, AwsError> {
    let mut sources = Vec::new();
    for (index, text) in input.strings(member).iter().enumerate() {
        let policy = Policy::parse(text, Use::Identity).map_err(|why| {
            AwsError::new("InvalidInput", format!("Invalid policy document: {why}"))
        })?;
        sources.push(Source {
            id: format!("{member}.{}", index + 1),
            policy,
        });
    }
    Ok(sources)
}

pub fn principal(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = input.str("PolicySourceArn").unwrap_or_default().to_owned();
    let who = source(cx, &arn)?;
    let (mut sources, boundary) = cx.account().iam.written(&who);
    sources.extend(given(input, "PolicyInputList")?);
    let caller = input.str("CallerArn").unwrap_or(&arn).to_owned();
    run(cx, input, &caller, sources, boundary, true)
}

pub fn custom(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let sources = given(input, "PolicyInputList")?;
    let caller = input.str("CallerArn").unwrap_or_default().to_owned();
    run(cx, input, &caller, sources, None, false)
}

fn run(
    cx: &mut Cx<'_>,
    input: &Input,
    caller: &str,
    sources: Vec<Source>,
    boundary: Option<Policy>,
    organized: bool,
) -> Result<Value, AwsError> {
    let boundaries = given(input, "PermissionsBoundaryPolicyInputList")?;
    let boundary = boundaries.into_iter().next().map(|s| s.policy).or(boundary);
    let resource_policy = match input.str("ResourcePolicy") {
        None => None,
        Some(text) => Some(Policy::parse(text, Use::Resource).map_err(|why| {
            AwsError::new(
                "InvalidInput",
                format!("Invalid resource policy document: {why}"),
            )
        })?),
    };
    if resource_policy.is_some() && caller.is_empty() {
        let message = "CallerArn is required when a resource policy is given.";
        return Err(AwsError::new("InvalidInput", message));
    }
    let mut resources = input.strings("ResourceArns");
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    for resource in &resources {
        if resource != "*" && !resource.starts_with("arn:") {
            let message = format!("Invalid Resource Arn: {resource}");
            return Err(AwsError::new("InvalidInput", message));
        }
    }
    let mut results = Vec::new();
    for action in input.strings("ActionNames") {
        if !action.contains(':') {
            let message = format!("Invalid Action Name: {action}");
            return Err(AwsError::new("InvalidInput", message));
        }
        for resource in &resources {
            let mut ask = Ask {
                principal: caller.to_owned(),
                principal_arn: caller.to_owned(),
                account: account_of(caller).unwrap_or_default().to_owned(),
                action: action.clone(),
                resource: resource.clone(),
                ..Ask::default()
            };
            for entry in input.list("ContextEntries") {
                let key = entry["ContextKeyName"].as_str().unwrap_or_default();
                for value in entry["ContextKeyValues"]
                    .as_array()
                    .map_or(&[][..], Vec::as_slice)
                {
                    ask = ask.with(key, value.as_str().unwrap_or_default());
                }
            }
            let organization = organized.then(|| cx.account().iam.simulated_organization(&ask));
            results.push(one(
                &ask,
                &sources,
                boundary.as_ref(),
                resource_policy.as_ref(),
                organization,
            ));
        }
    }
    Ok(json!({"EvaluationResults": results, "IsTruncated": false}))
}

fn one(
    ask: &Ask,
    sources: &[Source],
    boundary: Option<&Policy>,
    resource_policy: Option<&Policy>,
    organization: Option<bool>,
) -> Value {
    let (mut allowed, mut denied) = (Vec::new(), Vec::new());
    let mut missing = BTreeSet::new();
    let mut look = |id: &str, kind: &str, policy: &Policy| {
        for statement in policy.statements.iter() {
            if statement.names_action(&ask.action) {
                for condition in &statement.conditions {
                    if !ask.keys.contains_key(&condition.key.to_ascii_lowercase()) {
                        missing.insert(condition.key.clone());
                    }
                }
            }
            if statement.applies(ask) {
                let place = |p: Position| json!({"Line": p.line, "Column": p.column});
                let matched = json!({
                    "SourcePolicyId": id,
                    "SourcePolicyType": kind,
                    "StartPosition": place(statement.start),
                    "EndPosition": place(statement.end),
                });
                if statement.allow {
                    allowed.push(matched)
                } else {
                    denied.push(matched)
                }
            }
        }
    };
    for source in sources {
        look(&source.id, "IAM Policy", &source.policy);
    }
    if let Some(policy) = resource_policy {
        look("ResourcePolicy", "Resource Policy", policy);
    }
    let bounded = boundary.map(|policy| policy.verdict(ask));
    let (decision, matched) = if !denied.is_empty() {
        ("explicitDeny", denied)
    } else if bounded == Some(Verdict::Deny) {
        ("explicitDeny", Vec::new())
    } else if allowed.is_empty() || organization == Some(false) || bounded == Some(Verdict::Silent)
    {
        ("implicitDeny", Vec::new())
    } else {
        ("allowed", allowed)
    };
    let mut out = json!({
        "EvalActionName": ask.action,
        "EvalResourceName": ask.resource,
        "EvalDecision": decision,
        "MatchedStatements": matched,
        "MissingContextValues": missing,
    });
    if let Some(allowed) = organization {
        out["OrganizationsDecisionDetail"] = json!({"AllowedByOrganizations": allowed});
    }
    if let Some(verdict) = bounded {
        out["PermissionsBoundaryDecisionDetail"] =
            json!({"AllowedByPermissionsBoundary": verdict == Verdict::Allow});
    }
    out
}

fn keys(sources: &[Source]) -> Value {
    let names: BTreeSet<String> = sources
        .iter()
        .flat_map(|s| s.policy.statements.iter())
        .flat_map(|s| s.conditions.iter().map(|c| c.key.clone()))
        .collect();
    json!({"ContextKeyNames": names})
}

pub fn custom_keys(input: &Input) -> Result<Value, AwsError> {
    Ok(keys(&given(input, "PolicyInputList")?))
}

pub fn principal_keys(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let who = source(cx, input.str("PolicySourceArn").unwrap_or_default())?;
    let (mut sources, _) = cx.account().iam.written(&who);
    sources.extend(given(input, "PolicyInputList")?);
    Ok(keys(&sources))
}
