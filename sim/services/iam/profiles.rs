//! Instance profiles: the role that a machine carries.

use super::principal::Kind;
use super::roles::{check_path, modifiable};
use super::{absent, merged_tags, over, tags_json, unique_id};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct Profile {
    pub name: String,
    pub path: String,
    pub id: String,
    pub arn: String,
    /// Unix seconds.
    pub created: f64,
    pub role: Option<String>,
    pub tags: BTreeMap<String, String>,
}

impl Profile {
    fn json(&self, state: &super::State, now: u64) -> Value {
        let roles: Vec<Value> = self
            .role
            .iter()
            .filter_map(|name| state.principals.seen(&Kind::Role.key(name), now))
            .map(|role| role.json(false))
            .collect();
        let mut out = json!({
            "Path": self.path,
            "InstanceProfileName": self.name,
            "InstanceProfileId": self.id,
            "Arn": self.arn,
            "CreateDate": self.created,
            "Roles": roles,
        });
        if !self.tags.is_empty() {
            out["Tags"] = tags_json(&self.tags);
        }
        out
    }
}

fn no_profile(name: &str) -> AwsError {
    AwsError::new(
        "NoSuchEntity",
        format!("Instance Profile {name} cannot be found."),
    )
}

fn name_of(input: &Input) -> String {
    input
        .str("InstanceProfileName")
        .unwrap_or_default()
        .to_owned()
}

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = name_of(input);
    let path = input.str("Path").unwrap_or("/").to_owned();
    check_path(&path)?;
    let tags = merged_tags(&BTreeMap::new(), input, "TagsPerInstanceProfile")?;
    if cx.account().iam.profiles.contains(&name) {
        return Err(AwsError::new(
            "EntityAlreadyExists",
            format!("Instance Profile {name} already exists."),
        ));
    }
    if cx.account().iam.profiles.len() >= 1000 {
        return Err(over("InstanceProfilesPerAccount", 1000));
    }
    let profile = Profile {
        id: unique_id(cx, "AIPA"),
        arn: format!(
            "arn:aws:iam::{}:instance-profile{path}{name}",
            cx.account_id()
        ),
        name: name.clone(),
        path,
        created: cx.unix_now(),
        role: None,
        tags,
    };
    let now = cx.now();
    let visible = cx.visible_at(&name);
    let state = &mut cx.account().iam;
    let shown = profile.json(state, now);
    state.profiles.put(name, profile, visible);
    Ok(object! {"InstanceProfile": shown})
}

pub fn get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let name = name_of(input);
    let state = &cx.account().iam;
    let profile = state
        .profiles
        .seen(&name, now)
        .ok_or_else(|| no_profile(&name))?;
    Ok(json!({"InstanceProfile": profile.json(state, now)}))
}

pub fn list(cx: &mut Cx<'_>, input: &Input) -> Value {
    let now = cx.now();
    let prefix = input.str("PathPrefix").unwrap_or("/");
    let state = &cx.account().iam;
    let profiles: Vec<Value> = state
        .profiles
        .seen_all(now)
        .filter(|(_, p)| p.path.starts_with(prefix))
        .map(|(_, p)| p.json(state, now))
        .collect();
    json!({"InstanceProfiles": profiles, "IsTruncated": false})
}

pub fn list_for_role(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let role = input.str("RoleName").unwrap_or_default();
    let state = &cx.account().iam;
    state.seen(Kind::Role, role, now)?;
    let profiles: Vec<Value> = state
        .profiles
        .seen_all(now)
        .filter(|(_, p)| p.role.as_deref() == Some(role))
        .map(|(_, p)| p.json(state, now))
        .collect();
    Ok(json!({"InstanceProfiles": profiles, "IsTruncated": false}))
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = name_of(input);
    let profile = cx
        .account()
        .iam
        .profiles
        .get(&name)
        .ok_or_else(|| no_profile(&name))?;
    if profile.role.is_some() {
        return Err(AwsError::new(
            "DeleteConflict",
            "Cannot delete entity, must remove roles from instance profile first.",
        ));
    }
    let visible = cx.visible_at(&name);
    cx.account().iam.profiles.remove(&name, visible);
    Ok(json!({}))
}

pub fn add_role(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = name_of(input);
    let role = input.str("RoleName").unwrap_or_default().to_owned();
    let profile = cx
        .account()
        .iam
        .profiles
        .get(&name)
        .cloned()
        .ok_or_else(|| no_profile(&name))?;
    modifiable(cx, &role)?;
    if profile.role.is_some() {
        return Err(over("InstanceSessionsPerInstanceProfile", 1));
    }
    let visible = cx.visible_at(&name);
    cx.account()
        .iam
        .profiles
        .change(&name, visible, |p| p.role = Some(role));
    Ok(json!({}))
}

pub fn remove_role(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = name_of(input);
    let role = input.str("RoleName").unwrap_or_default().to_owned();
    let profile = cx
        .account()
        .iam
        .profiles
        .get(&name)
        .cloned()
        .ok_or_else(|| no_profile(&name))?;
    if profile.role.as_deref() != Some(&role) {
        return Err(absent("role", &role));
    }
    let visible = cx.visible_at(&name);
    cx.account()
        .iam
        .profiles
        .change(&name, visible, |p| p.role = None);
    Ok(json!({}))
}

pub fn tag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = name_of(input);
    let profile = cx
        .account()
        .iam
        .profiles
        .get(&name)
        .ok_or_else(|| no_profile(&name))?;
    let tags = merged_tags(&profile.tags.clone(), input, "TagsPerInstanceProfile")?;
    let visible = cx.visible_at(&name);
    cx.account()
        .iam
        .profiles
        .change(&name, visible, |p| p.tags = tags);
    Ok(json!({}))
}

pub fn untag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = name_of(input);
    let keys = input.strings("TagKeys");
    let visible = cx.visible_at(&name);
    let profiles = &mut cx.account().iam.profiles;
    if !profiles.change(&name, visible, |p| p.tags.retain(|k, _| !keys.contains(k))) {
        return Err(no_profile(&name));
    }
    Ok(json!({}))
}

pub fn list_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let name = name_of(input);
    let profile = cx
        .account()
        .iam
        .profiles
        .seen(&name, now)
        .ok_or_else(|| no_profile(&name))?;
    Ok(json!({"Tags": tags_json(&profile.tags), "IsTruncated": false}))
}
