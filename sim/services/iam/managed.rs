//! Managed policies with their versions: the account's own; AWS's are in [`super::builtin`].

use super::grants::last;
use super::policy::{Policy, Use};
use super::principal::Kind;
use super::roles::{believed_at, check_path};
use super::{builtin, encoded, malformed, merged_tags, over, tags_json, unique_id};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct Managed {
    pub name: String,
    pub path: String,
    pub id: String,
    pub arn: String,
    pub description: Option<String>,
    /// Unix seconds.
    pub created: f64,
    pub updated: f64,
    pub tags: BTreeMap<String, String>,
    /// By number; the next one is never a number used before.
    pub versions: BTreeMap<u32, Version>,
    pub default: u32,
    pub next: u32,
}

#[derive(Clone, Debug)]
pub struct Version {
    pub policy: Policy,
    pub created: f64,
}

impl Managed {
    pub fn default_policy(&self) -> Option<&Policy> {
        self.versions.get(&self.default).map(|v| &v.policy)
    }

    pub fn json(&self, attachments: usize, boundaries: usize) -> Value {
        let mut out = json!({
            "PolicyName": self.name,
            "PolicyId": self.id,
            "Arn": self.arn,
            "Path": self.path,
            "DefaultVersionId": format!("v{}", self.default),
            "AttachmentCount": attachments,
            "PermissionsBoundaryUsageCount": boundaries,
            "IsAttachable": true,
            "CreateDate": self.created,
            "UpdateDate": self.updated,
        });
        if let Some(description) = &self.description {
            out["Description"] = json!(description);
        }
        out
    }

    pub fn version_json(&self, number: u32, version: &Version, document: bool) -> Value {
        let mut out = json!({
            "VersionId": format!("v{number}"),
            "IsDefaultVersion": number == self.default,
            "CreateDate": version.created,
        });
        if document {
            out["Document"] = json!(encoded(&version.policy.text));
        }
        out
    }
}

/// How many principals an ARN is attached to, and of how many it is the boundary.
pub fn usage(cx: &mut Cx<'_>, arn: &str) -> (usize, usize) {
    let principals = &cx.account().iam.principals;
    let attached = principals
        .iter()
        .filter(|(_, p)| p.attached.contains(arn))
        .count();
    let bounded = principals
        .iter()
        .filter(|(_, p)| p.boundary.as_deref() == Some(arn))
        .count();
    (attached, bounded)
}

fn absent(arn: &str) -> AwsError {
    AwsError::new("NoSuchEntity", format!("Policy {arn} was not found."))
}

fn no_version(arn: &str, version: &str) -> AwsError {
    AwsError::new(
        "NoSuchEntity",
        format!("Policy {arn} version {version} does not exist or is not attachable."),
    )
}

/// AWS's own policies cannot be changed by anyone else.
fn own(cx: &mut Cx<'_>, arn: &str) -> Result<(), AwsError> {
    if cx.account().iam.policies.contains(arn) {
        return Ok(());
    }
    if builtin::find(arn).is_some() {
        return Err(AwsError::new(
            "AccessDenied",
            format!("Policy {arn} is managed by AWS and cannot be changed."),
        )
        .status(403));
    }
    if !arn.starts_with("arn:") {
        return Err(AwsError::new(
            "InvalidInput",
            format!("ARN {arn} is not valid."),
        ));
    }
    Err(absent(arn))
}

/// Announces the default version (or its absence) to evaluation.
fn announce(cx: &mut Cx<'_>, arn: &str) {
    let believed = believed_at(cx, arn);
    let now = cx.now();
    let state = &mut cx.account().iam;
    let policy = state
        .policies
        .get(arn)
        .and_then(|m| m.default_policy().cloned());
    state
        .believed_policies
        .entry(arn.to_owned())
        .or_default()
        .announce(policy, believed, now);
}

fn document(input: &Input) -> Result<Policy, AwsError> {
    let text = input.str("PolicyDocument").unwrap_or_default();
    let policy = Policy::parse(text, Use::Identity).map_err(malformed)?;
    if text.chars().filter(|c| !c.is_whitespace()).count() > 6_144 {
        return Err(over("PolicySize", 6_144));
    }
    Ok(policy)
}

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("PolicyName").unwrap_or_default().to_owned();
    let path = input.str("Path").unwrap_or("/").to_owned();
    check_path(&path)?;
    let policy = document(input)?;
    let tags = merged_tags(&BTreeMap::new(), input, "TagsPerPolicy")?;
    let arn = format!("arn:aws:iam::{}:policy{path}{name}", cx.account_id());
    let taken = cx
        .account()
        .iam
        .policies
        .iter()
        .any(|(_, managed)| managed.name.eq_ignore_ascii_case(&name));
    if taken {
        return Err(AwsError::new(
            "EntityAlreadyExists",
            format!("A policy called {name} already exists. Duplicate names are not allowed."),
        ));
    }
    if cx.account().iam.policies.len() >= 1500 {
        return Err(over("PoliciesPerAccount", 1500));
    }
    let created = cx.unix_now();
    let managed = Managed {
        id: unique_id(cx, "ANPA"),
        name,
        path,
        arn: arn.clone(),
        description: input.str("Description").map(str::to_owned),
        created,
        updated: created,
        tags,
        versions: BTreeMap::from([(1, Version { policy, created })]),
        default: 1,
        next: 2,
    };
    let mut shown = managed.json(0, 0);
    if !managed.tags.is_empty() {
        shown["Tags"] = tags_json(&managed.tags);
    }
    let visible = cx.visible_at(&arn);
    cx.account().iam.policies.put(arn.clone(), managed, visible);
    announce(cx, &arn);
    Ok(object! {"Policy": shown})
}

pub fn get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = input.str("PolicyArn").unwrap_or_default();
    let (attached, bounded) = usage(cx, arn);
    if let Some(builtin) = builtin::find(arn) {
        return Ok(json!({"Policy": builtin.json(attached, bounded)}));
    }
    let now = cx.now();
    let managed = cx
        .account()
        .iam
        .policies
        .seen(arn, now)
        .ok_or_else(|| absent(arn))?;
    let mut shown = managed.json(attached, bounded);
    if !managed.tags.is_empty() {
        shown["Tags"] = tags_json(&managed.tags);
    }
    Ok(object! {"Policy": shown})
}

pub fn list(cx: &mut Cx<'_>, input: &Input) -> Value {
    let now = cx.now();
    let scope = input.str("Scope").unwrap_or("All");
    let prefix = input.str("PathPrefix").unwrap_or("/");
    let attached_only = input.bool("OnlyAttached").unwrap_or(false);
    let as_boundary = input.str("PolicyUsageFilter") == Some("PermissionsBoundary");
    let mut found: Vec<(String, String, Value)> = Vec::new();
    if scope != "AWS" {
        for (arn, managed) in cx.account().iam.policies.seen_all(now) {
            found.push((arn.to_owned(), managed.path.clone(), managed.json(0, 0)));
        }
    }
    if scope != "Local" {
        for builtin in builtin::all() {
            found.push((
                builtin.arn.clone(),
                builtin.path().to_owned(),
                builtin.json(0, 0),
            ));
        }
    }
    let mut policies = Vec::new();
    for (arn, path, mut shown) in found {
        if !path.starts_with(prefix) {
            continue;
        }
        let (attached, bounded) = usage(cx, &arn);
        let used = if as_boundary { bounded } else { attached };
        if (attached_only || as_boundary) && used == 0 {
            continue;
        }
        shown["AttachmentCount"] = json!(attached);
        shown["PermissionsBoundaryUsageCount"] = json!(bounded);
        policies.push(shown);
    }
    json!({"Policies": policies, "IsTruncated": false})
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = input.str("PolicyArn").unwrap_or_default().to_owned();
    own(cx, &arn)?;
    let (attached, bounded) = usage(cx, &arn);
    let conflict = |message: &str| Err(AwsError::new("DeleteConflict", message));
    if attached > 0 || bounded > 0 {
        return conflict("Cannot delete a policy attached to entities.");
    }
    if cx
        .account()
        .iam
        .policies
        .get(&arn)
        .is_some_and(|m| m.versions.len() > 1)
    {
        return conflict(
            "This policy has more than one version. Before you delete a policy, you must delete \
             the policy's versions. The default version is deleted with the policy.",
        );
    }
    let visible = cx.visible_at(&arn);
    cx.account().iam.policies.remove(&arn, visible);
    announce(cx, &arn);
    Ok(json!({}))
}

pub fn create_version(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = input.str("PolicyArn").unwrap_or_default().to_owned();
    own(cx, &arn)?;
    let policy = document(input)?;
    if cx
        .account()
        .iam
        .policies
        .get(&arn)
        .is_some_and(|m| m.versions.len() >= 5)
    {
        return Err(AwsError::new(
            "LimitExceeded",
            "A managed policy can have up to 5 versions. Before you create a new version, you must \
             delete an existing version.",
        ));
    }
    let created = cx.unix_now();
    let visible = cx.visible_at(&arn);
    let as_default = input.bool("SetAsDefault").unwrap_or(false);
    let mut shown = Value::Null;
    cx.account().iam.policies.change(&arn, visible, |managed| {
        let number = managed.next;
        managed.next += 1;
        managed.versions.insert(number, Version { policy, created });
        managed.updated = created;
        if as_default {
            managed.default = number;
        }
        if let Some(version) = managed.versions.get(&number) {
            shown = managed.version_json(number, version, false);
        }
    });
    announce(cx, &arn);
    Ok(object! {"PolicyVersion": shown})
}

fn number(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.parse().ok()
}

pub fn get_version(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = input.str("PolicyArn").unwrap_or_default();
    let wanted = input.str("VersionId").unwrap_or_default();
    if let Some(builtin) = builtin::find(arn) {
        if wanted != "v1" {
            return Err(no_version(arn, wanted));
        }
        return Ok(json!({"PolicyVersion": builtin.version_json(true)}));
    }
    let now = cx.now();
    let managed = cx
        .account()
        .iam
        .policies
        .seen(arn, now)
        .ok_or_else(|| absent(arn))?;
    let number = number(wanted).ok_or_else(|| no_version(arn, wanted))?;
    let version = managed
        .versions
        .get(&number)
        .ok_or_else(|| no_version(arn, wanted))?;
    Ok(json!({"PolicyVersion": managed.version_json(number, version, true)}))
}

pub fn list_versions(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = input.str("PolicyArn").unwrap_or_default();
    if let Some(builtin) = builtin::find(arn) {
        return Ok(json!({"Versions": [builtin.version_json(false)], "IsTruncated": false}));
    }
    let now = cx.now();
    let managed = cx
        .account()
        .iam
        .policies
        .seen(arn, now)
        .ok_or_else(|| absent(arn))?;
    let versions: Vec<Value> = managed
        .versions
        .iter()
        .rev()
        .map(|(number, version)| managed.version_json(*number, version, false))
        .collect();
    Ok(json!({"Versions": versions, "IsTruncated": false}))
}

pub fn delete_version(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = input.str("PolicyArn").unwrap_or_default().to_owned();
    let wanted = input.str("VersionId").unwrap_or_default();
    own(cx, &arn)?;
    let present = cx
        .account()
        .iam
        .policies
        .get(&arn)
        .cloned()
        .ok_or_else(|| absent(&arn))?;
    let number = number(wanted)
        .filter(|n| present.versions.contains_key(n))
        .ok_or_else(|| no_version(&arn, wanted))?;
    if number == present.default {
        let message = "Cannot delete the default version of a policy.";
        return Err(AwsError::new("DeleteConflict", message));
    }
    let visible = cx.visible_at(&arn);
    cx.account().iam.policies.change(&arn, visible, |managed| {
        managed.versions.remove(&number);
    });
    Ok(json!({}))
}

pub fn set_default(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = input.str("PolicyArn").unwrap_or_default().to_owned();
    let wanted = input.str("VersionId").unwrap_or_default();
    own(cx, &arn)?;
    let present = cx
        .account()
        .iam
        .policies
        .get(&arn)
        .cloned()
        .ok_or_else(|| absent(&arn))?;
    let number = number(wanted)
        .filter(|n| present.versions.contains_key(n))
        .ok_or_else(|| no_version(&arn, wanted))?;
    let visible = cx.visible_at(&arn);
    let updated = cx.unix_now();
    cx.account().iam.policies.change(&arn, visible, |managed| {
        managed.default = number;
        managed.updated = updated;
    });
    announce(cx, &arn);
    Ok(json!({}))
}

pub fn entities(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = input.str("PolicyArn").unwrap_or_default();
    let now = cx.now();
    let state = &cx.account().iam;
    if builtin::find(arn).is_none() && state.policies.seen(arn, now).is_none() {
        return Err(absent(arn));
    }
    let filter = input.str("EntityFilter").unwrap_or_default();
    let prefix = input.str("PathPrefix").unwrap_or("/");
    let as_boundary = input.str("PolicyUsageFilter") == Some("PermissionsBoundary");
    let of = |kind: Kind| -> Vec<Value> {
        let word = kind.title();
        if !filter.is_empty() && filter != word {
            return Vec::new();
        }
        state
            .principals
            .seen_all(now)
            .filter(|(_, p)| p.kind == kind && p.path.starts_with(prefix))
            .filter(|(_, p)| {
                (!as_boundary && p.attached.contains(arn))
                    || (as_boundary && p.boundary.as_deref() == Some(arn))
            })
            .map(|(_, p)| json!({(format!("{word}Name")): p.name, (format!("{word}Id")): p.id}))
            .collect()
    };
    Ok(json!({
        "PolicyGroups": of(Kind::Group),
        "PolicyUsers": of(Kind::User),
        "PolicyRoles": of(Kind::Role),
        "IsTruncated": false,
    }))
}

pub fn tag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = input.str("PolicyArn").unwrap_or_default().to_owned();
    own(cx, &arn)?;
    let present = cx
        .account()
        .iam
        .policies
        .get(&arn)
        .map(|m| m.tags.clone())
        .unwrap_or_default();
    let tags = merged_tags(&present, input, "TagsPerPolicy")?;
    let visible = cx.visible_at(&arn);
    cx.account()
        .iam
        .policies
        .change(&arn, visible, |m| m.tags = tags);
    Ok(json!({}))
}

pub fn untag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = input.str("PolicyArn").unwrap_or_default().to_owned();
    own(cx, &arn)?;
    let keys = input.strings("TagKeys");
    let visible = cx.visible_at(&arn);
    cx.account()
        .iam
        .policies
        .change(&arn, visible, |m| m.tags.retain(|k, _| !keys.contains(k)));
    Ok(json!({}))
}

pub fn list_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = input.str("PolicyArn").unwrap_or_default();
    if builtin::find(arn).is_some() {
        return Ok(json!({"Tags": [], "IsTruncated": false}));
    }
    let now = cx.now();
    let managed = cx
        .account()
        .iam
        .policies
        .seen(arn, now)
        .ok_or_else(|| absent(arn))?;
    Ok(json!({"Tags": tags_json(&managed.tags), "IsTruncated": false}))
}

/// The name of a policy, for messages and simulations.
pub fn name_of(arn: &str) -> &str {
    last(arn)
}
