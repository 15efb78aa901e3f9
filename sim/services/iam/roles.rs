//! Roles and their trust policies.

use super::policy::{Policy, Use};
use super::principal::{Kind, Principal, RoleFacts};
use super::{absent, exists, malformed, merged_tags, over, unique_id};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::protocol::address::GLOBAL_REGION;
use crate::services::quotas;
use crate::world::{Cx, Input};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const PROPAGATION: Pert = Pert(8.0, 12.0, 20.0);

/// When what changed now is believed by evaluation. A world without read lag has no propagation either.
pub fn believed_at(cx: &mut Cx<'_>, what: &str) -> u64 {
    if cx.world.settings.read_lag == 0 {
        return cx.now();
    }
    cx.now() + cx.world.sample(PROPAGATION, what, "iam propagation")
}

/// Writes a principal (or its removal) and announces it to evaluation.
pub fn write(
    cx: &mut Cx<'_>,
    key: &str,
    change: impl FnOnce(Option<&Principal>) -> Option<Principal>,
) {
    let visible = cx.visible_at(key);
    let believed = believed_at(cx, key);
    let now = cx.now();
    let state = &mut cx.account().iam;
    let after = change(state.principals.get(key));
    state.believed.entry(key.to_owned()).or_default().announce(
        after.clone().map(Arc::new),
        believed,
        now,
    );
    match after {
        Some(principal) => {
            if !state
                .principals
                .change(key, visible, |p| *p = principal.clone())
            {
                state.principals.put(key, principal, visible);
            }
        }
        None => {
            state.principals.remove(key, visible);
        }
    }
}

/// Changes a principal that is known to be there.
pub fn change(cx: &mut Cx<'_>, kind: Kind, name: &str, change: impl FnOnce(&mut Principal)) {
    write(cx, &kind.key(name), |present| {
        let mut after = present?.clone();
        change(&mut after);
        Some(after)
    });
}

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("RoleName").unwrap_or_default().to_owned();
    let path = input.str("Path").unwrap_or("/").to_owned();
    let trust = input.str("AssumeRolePolicyDocument").unwrap_or_default();
    check_path(&path)?;
    let trust = trust_policy(cx, trust)?;
    let max_session_seconds = session(input)?.unwrap_or(3600);
    let tags = merged_tags(&BTreeMap::new(), input, "TagsPerRole")?;
    let boundary = input.str("PermissionsBoundary").map(str::to_owned);
    super::grants::check_managed(cx, boundary.as_deref())?;
    if name.starts_with("AWSServiceRoleFor") {
        return Err(AwsError::new(
            "InvalidInput",
            format!("The role name {name} is reserved for service-linked roles."),
        ));
    }
    let key = Kind::Role.key(&name);
    if cx.account().iam.principals.contains(&key) {
        return Err(exists("Role", &name));
    }
    let principals = &cx.account().iam.principals;
    let held = principals
        .iter()
        .filter(|(_, p)| p.kind == Kind::Role)
        .count();
    let most = quotas::limit(cx.world, cx.account_id(), GLOBAL_REGION, "L-FE177D64");
    if held as f64 >= most {
        return Err(over("RolesPerAccount", most as usize));
    }
    let facts = RoleFacts {
        trust,
        description: input.str("Description").map(str::to_owned),
        max_session_seconds,
        linked_to: None,
    };
    let role = made(cx, Kind::Role, &name, &path, Some(facts), tags, boundary);
    let answer = json!({"Role": role.json(true)});
    write(cx, &key, |_| Some(role));
    Ok(answer)
}

/// A principal as it is born.
pub fn made(
    cx: &mut Cx<'_>,
    kind: Kind,
    name: &str,
    path: &str,
    role: Option<RoleFacts>,
    tags: BTreeMap<String, String>,
    boundary: Option<String>,
) -> Principal {
    let id = unique_id(
        cx,
        match kind {
            Kind::Role => "AROA",
            Kind::User => "AIDA",
            Kind::Group => "AGPA",
        },
    );
    Principal {
        kind,
        name: name.to_owned(),
        path: path.to_owned(),
        id,
        arn: format!(
            "arn:aws:iam::{}:{}{path}{name}",
            cx.account_id(),
            kind.word()
        ),
        created: cx.unix_now(),
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        boundary,
        tags,
        groups: BTreeSet::new(),
        role,
    }
}

pub fn check_path(path: &str) -> Result<(), AwsError> {
    if path.starts_with('/') && path.ends_with('/') && !path.contains("//") {
        return Ok(());
    }
    Err(AwsError::new(
        "ValidationError",
        "The specified value for path is invalid. It must begin and end with / and contain only \
         alphanumeric characters and/or / characters.",
    ))
}

fn session(input: &Input) -> Result<Option<i64>, AwsError> {
    match input.i64("MaxSessionDuration") {
        Some(seconds) if !(3600..=43_200).contains(&seconds) => Err(AwsError::new(
            "ValidationError",
            format!(
                "1 validation error detected: Value '{seconds}' at 'maxSessionDuration' failed to \
                 satisfy constraint: Member must be between 3600 and 43200"
            ),
        )),
        other => Ok(other),
    }
}

/// Reads a trust policy; principals of accounts that this world knows must exist.
fn trust_policy(cx: &Cx<'_>, text: &str) -> Result<Policy, AwsError> {
    let policy = Policy::parse(text, Use::Trust).map_err(malformed)?;
    if text.chars().filter(|c| !c.is_whitespace()).count() > 2048 {
        return Err(over("ACLSizePerRole", 2048));
    }
    for principal in policy
        .statements
        .iter()
        .filter_map(|s| s.principals.as_ref())
        .flat_map(|p| &p.items)
    {
        if principal.kind != "AWS" || !principal.value.starts_with("arn:aws:iam::") {
            continue;
        }
        let account = principal.value.split(':').nth(4).unwrap_or_default();
        let resource = principal.value.split(':').nth(5).unwrap_or_default();
        let Some(known) = cx.world.accounts.get(account) else {
            continue;
        };
        let found = resource == "root"
            || known
                .iam
                .principals
                .iter()
                .any(|(_, p)| p.arn == principal.value);
        if !found {
            return Err(malformed(format!(
                "Invalid principal in policy: \"AWS\":\"{}\"",
                principal.value
            )));
        }
    }
    Ok(policy)
}

pub fn get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let role = cx
        .account()
        .iam
        .seen(Kind::Role, input.str("RoleName").unwrap_or_default(), now)?;
    Ok(json!({"Role": role.json(true)}))
}

pub fn list(cx: &mut Cx<'_>, input: &Input) -> Value {
    let now = cx.now();
    let prefix = input.str("PathPrefix").unwrap_or("/").to_owned();
    let roles: Vec<Value> = cx
        .account()
        .iam
        .principals
        .seen_all(now)
        .filter(|(_, p)| p.kind == Kind::Role && p.path.starts_with(&prefix))
        .map(|(_, p)| p.json(false))
        .collect();
    json!({"Roles": roles, "IsTruncated": false})
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("RoleName").unwrap_or_default().to_owned();
    modifiable(cx, &name)?;
    let state = &cx.account().iam;
    let role = state
        .principal(Kind::Role, &name)
        .ok_or_else(|| absent("role", &name))?;
    let conflict = |what: &str| {
        Err(AwsError::new(
            "DeleteConflict",
            format!("Cannot delete entity, must {what} first."),
        ))
    };
    if state
        .profiles
        .iter()
        .any(|(_, p)| p.role.as_deref() == Some(&name))
    {
        return conflict("remove roles from instance profile");
    }
    if !role.attached.is_empty() {
        return conflict("detach all policies");
    }
    if !role.inline.is_empty() {
        return conflict("delete policies");
    }
    write(cx, &Kind::Role.key(&name), |_| None);
    Ok(json!({}))
}

pub fn update(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("RoleName").unwrap_or_default().to_owned();
    let seconds = session(input)?;
    modifiable(cx, &name)?;
    let description = input.str("Description").map(str::to_owned);
    change(cx, Kind::Role, &name, |p| {
        if let Some(role) = &mut p.role {
            role.max_session_seconds = seconds.unwrap_or(role.max_session_seconds);
            role.description = description.or(role.description.take());
        }
    });
    Ok(json!({}))
}

pub fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("RoleName").unwrap_or_default().to_owned();
    modifiable(cx, &name)?;
    let description = input.str("Description").map(str::to_owned);
    change(cx, Kind::Role, &name, |p| {
        if let Some(role) = &mut p.role {
            role.description = description;
        }
    });
    let role = cx
        .account()
        .iam
        .principal(Kind::Role, &name)
        .ok_or_else(|| absent("role", &name))?;
    Ok(json!({"Role": role.json(true)}))
}

pub fn trust(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("RoleName").unwrap_or_default().to_owned();
    modifiable(cx, &name)?;
    let policy = trust_policy(cx, input.str("PolicyDocument").unwrap_or_default())?;
    change(cx, Kind::Role, &name, |p| {
        if let Some(role) = &mut p.role {
            role.trust = policy;
        }
    });
    Ok(json!({}))
}

/// A role that is there and is not AWS's own.
pub fn modifiable(cx: &mut Cx<'_>, name: &str) -> Result<(), AwsError> {
    let role = cx
        .account()
        .iam
        .principal(Kind::Role, name)
        .ok_or_else(|| absent("role", name))?;
    if role.role.as_ref().is_some_and(|r| r.linked_to.is_some()) {
        return Err(AwsError::new(
            "UnmodifiableEntity",
            format!(
                "Cannot perform the operation on the protected role '{name}' - this role is only \
                 modifiable by AWS"
            ),
        ));
    }
    Ok(())
}
