//! Aliases: names of keys, each of one region.

use super::{find, named, named_as, resolve};
use crate::error::AwsError;
use crate::services::quotas;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct Alias {
    /// The key's id.
    pub key: String,
    /// Unix seconds.
    pub created: f64,
    pub updated: f64,
}

fn check_name(name: &str) -> Result<(), AwsError> {
    if !name.starts_with("alias/") {
        return Err(AwsError::new("ValidationException", "Invalid identifier"));
    }
    if name.starts_with("alias/aws/") {
        return Err(AwsError::new("NotAuthorizedException", ""));
    }
    let fine = name.len() > 6
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/_-".contains(c));
    if !fine {
        return Err(AwsError::new(
            "InvalidAliasNameException",
            format!("{name} contains invalid characters for an alias"),
        ));
    }
    Ok(())
}

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("AliasName").unwrap_or_default().to_owned();
    check_name(&name)?;
    let target = input.str("TargetKeyId").unwrap_or_default().to_owned();
    if target.starts_with("alias/") || target.contains(":alias/") {
        return Err(AwsError::new(
            "ValidationException",
            "Aliases must refer to keys. Not aliases",
        ));
    }
    let key = named_as(cx, input, &target, false, Some("CreateAlias"))?;
    key.check_customer(&cx.caller.arn, "CreateAlias")?;
    if key.state == super::KeyState::PendingDeletion {
        return Err(key.invalid_state());
    }
    if cx.place().kms.aliases.contains(&name) {
        let message = format!(
            "An alias with the name {} already exists",
            cx.arn("kms", &name)
        );
        return Err(AwsError::new("AlreadyExistsException", message));
    }
    let held = &cx.place().kms.aliases;
    let held = held.iter().filter(|(_, alias)| alias.key == key.id).count();
    if held as f64 >= quotas::limit(cx.world, cx.account_id(), &cx.region, "L-340F62FB") {
        return Err(AwsError::new(
            "LimitExceededException",
            "The key has as many aliases as it may have.",
        ));
    }
    let (now, at) = (cx.now(), cx.unix_now());
    cx.place().kms.aliases.put(
        name,
        Alias {
            key: key.id,
            created: at,
            updated: at,
        },
        now,
    );
    Ok(json!({}))
}

fn absent(cx: &Cx<'_>, name: &str) -> AwsError {
    AwsError::new(
        "NotFoundException",
        format!("Alias {} is not found.", cx.arn("kms", name)),
    )
}

pub fn update(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("AliasName").unwrap_or_default().to_owned();
    check_name(&name)?;
    if !cx.place().kms.aliases.contains(&name) {
        return Err(absent(cx, &name));
    }
    let key = named(cx, input, "TargetKeyId", false)?;
    key.check_customer(&cx.caller.arn, "UpdateAlias")?;
    if key.state == super::KeyState::PendingDeletion {
        return Err(key.invalid_state());
    }
    let (now, at) = (cx.now(), cx.unix_now());
    cx.place().kms.aliases.change(&name, now, |alias| {
        alias.key = key.id;
        alias.updated = at;
    });
    Ok(json!({}))
}

pub fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("AliasName").unwrap_or_default().to_owned();
    check_name(&name)?;
    let now = cx.now();
    if cx.place().kms.aliases.remove(&name, now).is_none() {
        return Err(absent(cx, &name));
    }
    Ok(json!({}))
}

pub fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let only = match input.str("KeyId") {
        None => None,
        Some(any) => {
            let (account, region) = (cx.caller.account.clone(), cx.region.clone());
            let found =
                resolve(cx.world, &account, &region, any).and_then(|arn| find(cx.world, &arn));
            let key = found.ok_or_else(|| super::not_found(&account, &region, any))?;
            Some(key.id.clone())
        }
    };
    let prefix = cx.arn("kms", "");
    let aliases: Vec<Value> = cx
        .place()
        .kms
        .aliases
        .iter()
        .filter(|(_, alias)| only.as_ref().is_none_or(|id| alias.key == *id))
        .map(|(name, alias)| {
            json!({
                "AliasName": name,
                "AliasArn": format!("{prefix}{name}"),
                "TargetKeyId": alias.key,
                "CreationDate": alias.created,
                "LastUpdatedDate": alias.updated,
            })
        })
        .collect();
    Ok(json!({"Aliases": aliases, "Truncated": false}))
}
