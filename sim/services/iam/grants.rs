//! What principals are granted: inline policies, attached policies, boundaries; and their tags.

use super::policy::{Policy, Use};
use super::principal::Kind;
use super::roles::{change, modifiable};
use super::{absent, builtin, encoded, malformed, merged_tags, over, tags_json};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

/// The principal that an input names: there, and if it is to be changed, not AWS's own.
fn named(cx: &mut Cx<'_>, input: &Input, kind: Kind) -> Result<String, AwsError> {
    let name = input.str(kind.member()).unwrap_or_default().to_owned();
    if kind == Kind::Role {
        modifiable(cx, &name)?;
    } else if cx.account().iam.principal(kind, &name).is_none() {
        return Err(absent(kind.word(), &name));
    }
    Ok(name)
}

fn policy_absent(name: &str, kind: Kind) -> AwsError {
    AwsError::new(
        "NoSuchEntity",
        format!(
            "The {} policy with name {name} cannot be found.",
            kind.word()
        ),
    )
}

pub fn put(cx: &mut Cx<'_>, input: &Input, kind: Kind) -> Result<Value, AwsError> {
    let name = named(cx, input, kind)?;
    let policy_name = input.str("PolicyName").unwrap_or_default().to_owned();
    let text = input.str("PolicyDocument").unwrap_or_default();
    let policy = Policy::parse(text, Use::Identity).map_err(malformed)?;
    let (limit, word) = match kind {
        Kind::Role => (10_240, "role"),
        Kind::User => (2_048, "user"),
        Kind::Group => (5_120, "group"),
    };
    let plain = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    let others: usize = cx.account().iam.principal(kind, &name).map_or(0, |p| {
        p.inline
            .iter()
            .filter(|(n, _)| **n != policy_name)
            .map(|(_, p)| plain(&p.text))
            .sum()
    });
    if others + plain(text) > limit {
        return Err(AwsError::new(
            "LimitExceeded",
            format!("Maximum policy size of {limit} bytes exceeded for {word} {name}"),
        ));
    }
    change(cx, kind, &name, |p| {
        p.inline.insert(policy_name, policy);
    });
    Ok(json!({}))
}

pub fn get(cx: &mut Cx<'_>, input: &Input, kind: Kind) -> Result<Value, AwsError> {
    let now = cx.now();
    let name = input.str(kind.member()).unwrap_or_default();
    let policy_name = input.str("PolicyName").unwrap_or_default();
    let holder = cx.account().iam.seen(kind, name, now)?;
    let policy = holder
        .inline
        .get(policy_name)
        .ok_or_else(|| policy_absent(policy_name, kind))?;
    Ok(json!({
        (kind.member()): name,
        "PolicyName": policy_name,
        "PolicyDocument": encoded(&policy.text),
    }))
}

pub fn list(cx: &mut Cx<'_>, input: &Input, kind: Kind) -> Result<Value, AwsError> {
    let now = cx.now();
    let holder = cx
        .account()
        .iam
        .seen(kind, input.str(kind.member()).unwrap_or_default(), now)?;
    let names: Vec<&String> = holder.inline.keys().collect();
    Ok(json!({"PolicyNames": names, "IsTruncated": false}))
}

pub fn delete(cx: &mut Cx<'_>, input: &Input, kind: Kind) -> Result<Value, AwsError> {
    let name = named(cx, input, kind)?;
    let policy_name = input.str("PolicyName").unwrap_or_default().to_owned();
    let present = cx
        .account()
        .iam
        .principal(kind, &name)
        .is_some_and(|p| p.inline.contains_key(&policy_name));
    if !present {
        return Err(policy_absent(&policy_name, kind));
    }
    change(cx, kind, &name, |p| {
        p.inline.remove(&policy_name);
    });
    Ok(json!({}))
}

/// That a managed policy exists, if one is named.
pub fn check_managed(cx: &mut Cx<'_>, arn: Option<&str>) -> Result<(), AwsError> {
    let Some(arn) = arn else { return Ok(()) };
    if builtin::find(arn).is_some() || cx.account().iam.policies.contains(arn) {
        return Ok(());
    }
    if !arn.starts_with("arn:") {
        return Err(AwsError::new(
            "InvalidInput",
            format!("ARN {arn} is not valid."),
        ));
    }
    Err(AwsError::new(
        "NoSuchEntity",
        format!("Policy {arn} does not exist or is not attachable."),
    ))
}

pub fn attach(cx: &mut Cx<'_>, input: &Input, kind: Kind) -> Result<Value, AwsError> {
    let name = named(cx, input, kind)?;
    let arn = input.str("PolicyArn").unwrap_or_default().to_owned();
    check_managed(cx, Some(&arn))?;
    if arn.contains(":policy/aws-service-role/") {
        return Err(AwsError::new(
            "PolicyNotAttachable",
            "Cannot attach a Service Role Policy to a Customer Role.",
        ));
    }
    let attached = cx
        .account()
        .iam
        .principal(kind, &name)
        .map(|p| p.attached.clone())
        .unwrap_or_default();
    if attached.contains(&arn) {
        return Ok(json!({}));
    }
    if attached.len() >= 10 {
        return Err(over(&format!("PoliciesPer{}", kind.title()), 10));
    }
    change(cx, kind, &name, |p| {
        p.attached.insert(arn);
    });
    Ok(json!({}))
}

pub fn detach(cx: &mut Cx<'_>, input: &Input, kind: Kind) -> Result<Value, AwsError> {
    let name = named(cx, input, kind)?;
    let arn = input.str("PolicyArn").unwrap_or_default().to_owned();
    let present = cx
        .account()
        .iam
        .principal(kind, &name)
        .is_some_and(|p| p.attached.contains(&arn));
    if !present {
        return Err(AwsError::new(
            "NoSuchEntity",
            format!("Policy {arn} was not found."),
        ));
    }
    change(cx, kind, &name, |p| {
        p.attached.remove(&arn);
    });
    Ok(json!({}))
}

pub fn list_attached(cx: &mut Cx<'_>, input: &Input, kind: Kind) -> Result<Value, AwsError> {
    let now = cx.now();
    let prefix = input.str("PathPrefix").unwrap_or("/").to_owned();
    let holder = cx
        .account()
        .iam
        .seen(kind, input.str(kind.member()).unwrap_or_default(), now)?;
    let policies: Vec<Value> = holder
        .attached
        .iter()
        .filter(|arn| {
            let path = arn.split_once(":policy").map_or("/", |(_, path)| path);
            path.starts_with(&prefix)
        })
        .map(|arn| json!({"PolicyName": last(arn), "PolicyArn": arn}))
        .collect();
    Ok(json!({"AttachedPolicies": policies, "IsTruncated": false}))
}

/// The name at the end of an ARN with a path.
pub fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

pub fn put_boundary(cx: &mut Cx<'_>, input: &Input, kind: Kind) -> Result<Value, AwsError> {
    let name = named(cx, input, kind)?;
    let arn = input
        .str("PermissionsBoundary")
        .unwrap_or_default()
        .to_owned();
    check_managed(cx, Some(&arn))?;
    change(cx, kind, &name, |p| p.boundary = Some(arn));
    Ok(json!({}))
}

pub fn delete_boundary(cx: &mut Cx<'_>, input: &Input, kind: Kind) -> Result<Value, AwsError> {
    let name = named(cx, input, kind)?;
    if cx
        .account()
        .iam
        .principal(kind, &name)
        .is_some_and(|p| p.boundary.is_none())
    {
        return Err(AwsError::new(
            "NoSuchEntity",
            format!("No permissions boundary is set on {} {name}.", kind.word()),
        ));
    }
    change(cx, kind, &name, |p| p.boundary = None);
    Ok(json!({}))
}

pub fn tag(cx: &mut Cx<'_>, input: &Input, kind: Kind) -> Result<Value, AwsError> {
    let name = named(cx, input, kind)?;
    let present = cx
        .account()
        .iam
        .principal(kind, &name)
        .map(|p| p.tags.clone())
        .unwrap_or_default();
    let tags = merged_tags(&present, input, &format!("TagsPer{}", kind.title()))?;
    change(cx, kind, &name, |p| p.tags = tags);
    Ok(json!({}))
}

pub fn untag(cx: &mut Cx<'_>, input: &Input, kind: Kind) -> Result<Value, AwsError> {
    let name = named(cx, input, kind)?;
    let keys = input.strings("TagKeys");
    change(cx, kind, &name, |p| {
        p.tags.retain(|key, _| !keys.contains(key))
    });
    Ok(json!({}))
}

pub fn list_tags(cx: &mut Cx<'_>, input: &Input, kind: Kind) -> Result<Value, AwsError> {
    let now = cx.now();
    let holder = cx
        .account()
        .iam
        .seen(kind, input.str(kind.member()).unwrap_or_default(), now)?;
    Ok(json!({"Tags": tags_json(&holder.tags), "IsTruncated": false}))
}
