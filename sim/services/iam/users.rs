//! Users with their access keys, and groups.

use super::principal::{Kind, Principal};
use super::roles::{change, check_path, made, write};
use super::{absent, exists, merged_tags, over, unique_id};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct AccessKey {
    pub user: String,
    pub secret: String,
    pub active: bool,
    /// Unix seconds.
    pub created: f64,
}

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("UserName").unwrap_or_default().to_owned();
    let path = input.str("Path").unwrap_or("/").to_owned();
    check_path(&path)?;
    let tags = merged_tags(&BTreeMap::new(), input, "TagsPerUser")?;
    let boundary = input.str("PermissionsBoundary").map(str::to_owned);
    super::grants::check_managed(cx, boundary.as_deref())?;
    let key = Kind::User.key(&name);
    if cx.account().iam.principals.contains(&key) {
        return Err(exists("User", &name));
    }
    if cx
        .account()
        .iam
        .principals
        .iter()
        .filter(|(_, p)| p.kind == Kind::User)
        .count()
        >= 5000
    {
        return Err(over("UsersPerAccount", 5000));
    }
    let user = made(cx, Kind::User, &name, &path, None, tags, boundary);
    let answer = json!({"User": user.json(true)});
    write(cx, &key, |_| Some(user));
    Ok(answer)
}

/// The user that an input names, or the caller when it names none.
fn user_name(cx: &Cx<'_>, input: &Input) -> Result<String, AwsError> {
    if let Some(name) = input.str("UserName") {
        return Ok(name.to_owned());
    }
    match cx.caller.arn.split_once(":user/") {
        Some((_, path)) => Ok(super::grants::last(path).to_owned()),
        None => Err(AwsError::new(
            "ValidationError",
            "Must specify userName when calling with non-User credentials",
        )),
    }
}

pub fn get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = user_name(cx, input)?;
    let now = cx.now();
    let user = cx.account().iam.seen(Kind::User, &name, now)?;
    Ok(json!({"User": user.json(true)}))
}

fn listed(cx: &mut Cx<'_>, input: &Input, kind: Kind) -> Vec<Value> {
    let now = cx.now();
    let prefix = input.str("PathPrefix").unwrap_or("/").to_owned();
    let principals = &cx.account().iam.principals;
    principals
        .seen_all(now)
        .filter(|(_, p)| p.kind == kind && p.path.starts_with(&prefix))
        .map(|(_, p)| p.json(false))
        .collect()
}

pub fn list(cx: &mut Cx<'_>, input: &Input) -> Value {
    json!({"Users": listed(cx, input, Kind::User), "IsTruncated": false})
}

pub fn update(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("UserName").unwrap_or_default().to_owned();
    let present = cx.account().iam.principal(Kind::User, &name).cloned();
    let mut user = present.ok_or_else(|| absent("user", &name))?;
    if let Some(path) = input.str("NewPath") {
        check_path(path)?;
        user.path = path.to_owned();
    }
    let new_name = input.str("NewUserName").unwrap_or(&name).to_owned();
    if new_name != name {
        if cx
            .account()
            .iam
            .principals
            .contains(&Kind::User.key(&new_name))
        {
            return Err(exists("User", &new_name));
        }
        let visible = cx.visible_at(&name);
        for id in cx.account().iam.keys.keys() {
            cx.account().iam.keys.change(&id, visible, |key| {
                if key.user == name {
                    key.user.clone_from(&new_name);
                }
            });
        }
        write(cx, &Kind::User.key(&name), |_| None);
    }
    user.name.clone_from(&new_name);
    user.arn = format!(
        "arn:aws:iam::{}:user{}{new_name}",
        cx.account_id(),
        user.path
    );
    write(cx, &Kind::User.key(&new_name), |_| Some(user));
    Ok(json!({}))
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("UserName").unwrap_or_default().to_owned();
    let state = &cx.account().iam;
    let user = state
        .principal(Kind::User, &name)
        .ok_or_else(|| absent("user", &name))?;
    let first = if state.keys.iter().any(|(_, key)| key.user == name) {
        Some("delete access keys")
    } else if !user.attached.is_empty() {
        Some("detach all policies")
    } else if !user.inline.is_empty() {
        Some("delete policies")
    } else if !user.groups.is_empty() {
        Some("remove users from group")
    } else {
        None
    };
    if let Some(first) = first {
        let message = format!("Cannot delete entity, must {first} first.");
        return Err(AwsError::new("DeleteConflict", message));
    }
    write(cx, &Kind::User.key(&name), |_| None);
    Ok(json!({}))
}

pub fn create_key(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = user_name(cx, input)?;
    if cx.account().iam.principal(Kind::User, &name).is_none() {
        return Err(absent("user", &name));
    }
    if cx
        .account()
        .iam
        .keys
        .iter()
        .filter(|(_, key)| key.user == name)
        .count()
        >= 2
    {
        return Err(over("AccessKeysPerUser", 2));
    }
    let id = unique_id(cx, "AKIA");
    let secret: String = format!("{}{}", cx.hex("secret", 32), cx.hex("secret", 8));
    let key = AccessKey {
        user: name.clone(),
        secret: secret.clone(),
        active: true,
        created: cx.unix_now(),
    };
    let answer = json!({"AccessKey": {
        "UserName": name,
        "AccessKeyId": id,
        "Status": "Active",
        "SecretAccessKey": secret,
        "CreateDate": key.created,
    }});
    let visible = cx.visible_at(&id);
    cx.account().iam.keys.put(id, key, visible);
    Ok(answer)
}

pub fn list_keys(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = user_name(cx, input)?;
    let now = cx.now();
    let state = &cx.account().iam;
    state.seen(Kind::User, &name, now)?;
    let keys: Vec<Value> = state
        .keys
        .seen_all(now)
        .filter(|(_, key)| key.user == name)
        .map(|(id, key)| {
            json!({
                "UserName": name,
                "AccessKeyId": id,
                "Status": if key.active { "Active" } else { "Inactive" },
                "CreateDate": key.created,
            })
        })
        .collect();
    Ok(json!({"AccessKeyMetadata": keys, "IsTruncated": false}))
}

fn key_absent(id: &str) -> AwsError {
    AwsError::new(
        "NoSuchEntity",
        format!("The Access Key with id {id} cannot be found."),
    )
}

pub fn update_key(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = input.str("AccessKeyId").unwrap_or_default().to_owned();
    let active = input.str("Status") == Some("Active");
    let now = cx.now();
    // A switched-off key stops working at once here; AWS takes seconds.
    if !cx
        .account()
        .iam
        .keys
        .change(&id, now, |key| key.active = active)
    {
        return Err(key_absent(&id));
    }
    Ok(json!({}))
}

pub fn delete_key(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = input.str("AccessKeyId").unwrap_or_default().to_owned();
    let now = cx.now();
    cx.account()
        .iam
        .keys
        .remove(&id, now)
        .ok_or_else(|| key_absent(&id))?;
    Ok(json!({}))
}

pub fn key_last_used(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = input.str("AccessKeyId").unwrap_or_default();
    let key = cx
        .account()
        .iam
        .keys
        .get(id)
        .ok_or_else(|| key_absent(id))?;
    Ok(json!({
        "UserName": key.user,
        "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"},
    }))
}

pub fn create_group(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("GroupName").unwrap_or_default().to_owned();
    let path = input.str("Path").unwrap_or("/").to_owned();
    check_path(&path)?;
    let key = Kind::Group.key(&name);
    if cx.account().iam.principals.contains(&key) {
        return Err(exists("Group", &name));
    }
    if cx
        .account()
        .iam
        .principals
        .iter()
        .filter(|(_, p)| p.kind == Kind::Group)
        .count()
        >= 300
    {
        return Err(over("GroupsPerAccount", 300));
    }
    let group = made(cx, Kind::Group, &name, &path, None, BTreeMap::new(), None);
    let answer = json!({"Group": group.json(true)});
    write(cx, &key, |_| Some(group));
    Ok(answer)
}

pub fn get_group(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let name = input.str("GroupName").unwrap_or_default();
    let state = &cx.account().iam;
    let group = state.seen(Kind::Group, name, now)?;
    let users: Vec<Value> = state
        .principals
        .seen_all(now)
        .filter(|(_, p)| p.groups.contains(name))
        .map(|(_, p)| p.json(false))
        .collect();
    Ok(json!({"Group": group.json(true), "Users": users, "IsTruncated": false}))
}

pub fn list_groups(cx: &mut Cx<'_>, input: &Input) -> Value {
    json!({"Groups": listed(cx, input, Kind::Group), "IsTruncated": false})
}

pub fn delete_group(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("GroupName").unwrap_or_default().to_owned();
    let state = &cx.account().iam;
    let group: &Principal = state
        .principal(Kind::Group, &name)
        .ok_or_else(|| absent("group", &name))?;
    let first = if state
        .principals
        .iter()
        .any(|(_, p)| p.groups.contains(&name))
    {
        Some("remove users from group")
    } else if !group.attached.is_empty() {
        Some("detach all policies")
    } else if !group.inline.is_empty() {
        Some("delete policies")
    } else {
        None
    };
    if let Some(first) = first {
        let message = format!("Cannot delete entity, must {first} first.");
        return Err(AwsError::new("DeleteConflict", message));
    }
    write(cx, &Kind::Group.key(&name), |_| None);
    Ok(json!({}))
}

pub fn join(cx: &mut Cx<'_>, input: &Input, joins: bool) -> Result<Value, AwsError> {
    let user = input.str("UserName").unwrap_or_default().to_owned();
    let group = input.str("GroupName").unwrap_or_default().to_owned();
    if cx.account().iam.principal(Kind::Group, &group).is_none() {
        return Err(absent("group", &group));
    }
    if cx.account().iam.principal(Kind::User, &user).is_none() {
        return Err(absent("user", &user));
    }
    change(cx, Kind::User, &user, |p| {
        if joins {
            p.groups.insert(group);
        } else {
            p.groups.remove(&group);
        }
    });
    Ok(json!({}))
}

pub fn groups_of(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let state = &cx.account().iam;
    let user = state.seen(Kind::User, input.str("UserName").unwrap_or_default(), now)?;
    let groups: Vec<Value> = user
        .groups
        .iter()
        .filter_map(|name| state.principals.seen(&Kind::Group.key(name), now))
        .map(|group| group.json(false))
        .collect();
    Ok(json!({"Groups": groups, "IsTruncated": false}))
}
