//! KMS: keys, aliases, grants, multi-region replicas.
//!
//! Reading order: [`key`] (what a key is and what its state allows), then the operations: [`lifecycle`], [`aliases`],
//! [`grants`], [`regions`], [`crypto`]. Access to a key is decided here and not by the kernel: its policy, its grants and
//! IAM together. Ciphertexts are made up, but only the right key, in the right state, with the right context, opens them.

use super::iam;
use super::iam::policy::{Policy, Use};
use super::{Service, ServiceId, Wanted};
use crate::error::AwsError;
use crate::table::Table;
use crate::world::{Cx, Event, Input, Output, World};
use key::{Key, KeyState};
use serde_json::{Value, json};
use std::collections::BTreeMap;

mod aliases;
mod crypto;
mod grants;
pub mod key;
mod lifecycle;
mod regions;

pub const SERVICE: Service = Service {
    id: ServiceId::Kms,
    handle,
    happen,
    wants,
};

/// KMS in one account and region.
#[derive(Clone, Default)]
pub struct State {
    /// By key id.
    pub keys: Table<Key>,
    /// By name (`alias/…`).
    pub aliases: Table<aliases::Alias>,
}

/// The services with an AWS-managed key behind `alias/aws/<service>`.
const MANAGED: &[&str] = &[
    "acm",
    "backup",
    "dynamodb",
    "ebs",
    "ecr",
    "elasticache",
    "elasticfilesystem",
    "es",
    "fsx",
    "kinesis",
    "lambda",
    "logs",
    "rds",
    "redshift",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
];

/// Operations on no existing key are the kernel's to authorize; for the others the key's policy has a say.
fn wants(cx: &Cx<'_>, operation: &str, input: &Input) -> Vec<Wanted> {
    match operation {
        "CreateKey" | "ListKeys" | "ListAliases" | "GenerateRandom" => {
            let mut context = Vec::new();
            for tag in input.list("Tags") {
                let key = tag["TagKey"].as_str().unwrap_or_default().to_owned();
                let value = tag["TagValue"].as_str().unwrap_or_default().to_owned();
                context.push((format!("aws:RequestTag/{key}"), value));
                context.push(("aws:TagKeys".to_owned(), key));
            }
            vec![Wanted {
                action: format!("kms:{operation}"),
                resource: "*".into(),
                context,
            }]
        }
        "CreateAlias" | "DeleteAlias" | "UpdateAlias" => vec![Wanted {
            action: format!("kms:{operation}"),
            resource: cx.arn("kms", input.str("AliasName").unwrap_or_default()),
            context: Vec::new(),
        }],
        _ => Vec::new(),
    }
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    let value = match operation {
        "CreateKey" => lifecycle::create(cx, input)?,
        "DescribeKey" => lifecycle::describe(cx, input)?,
        "ListKeys" => lifecycle::list(cx),
        "EnableKey" => lifecycle::enable(cx, input, true)?,
        "DisableKey" => lifecycle::enable(cx, input, false)?,
        "ScheduleKeyDeletion" => lifecycle::schedule_deletion(cx, input)?,
        "CancelKeyDeletion" => lifecycle::cancel_deletion(cx, input)?,
        "UpdateKeyDescription" => lifecycle::update_description(cx, input)?,
        "GetKeyPolicy" => lifecycle::get_policy(cx, input)?,
        "PutKeyPolicy" => lifecycle::put_policy(cx, input)?,
        "ListKeyPolicies" => lifecycle::list_policies(cx, input)?,
        "EnableKeyRotation" => lifecycle::rotation(cx, input, true)?,
        "DisableKeyRotation" => lifecycle::rotation(cx, input, false)?,
        "GetKeyRotationStatus" => lifecycle::rotation_status(cx, input)?,
        "RotateKeyOnDemand" => lifecycle::rotate(cx, input)?,
        "ListKeyRotations" => lifecycle::list_rotations(cx, input)?,
        "TagResource" => lifecycle::tag(cx, input)?,
        "UntagResource" => lifecycle::untag(cx, input)?,
        "ListResourceTags" => lifecycle::list_tags(cx, input)?,
        "CreateAlias" => aliases::create(cx, input)?,
        "UpdateAlias" => aliases::update(cx, input)?,
        "DeleteAlias" => aliases::delete(cx, input)?,
        "ListAliases" => aliases::list(cx, input)?,
        "CreateGrant" => grants::create(cx, input)?,
        "ListGrants" => grants::list(cx, input)?,
        "ListRetirableGrants" => grants::list_retirable(cx, input),
        "RetireGrant" => grants::retire(cx, input)?,
        "RevokeGrant" => grants::revoke(cx, input)?,
        "ReplicateKey" => regions::replicate(cx, input)?,
        "UpdatePrimaryRegion" => regions::update_primary(cx, input)?,
        "Encrypt" => crypto::encrypt(cx, input)?,
        "Decrypt" => crypto::decrypt(cx, input)?,
        "ReEncrypt" => crypto::re_encrypt(cx, input)?,
        "GenerateDataKey" => crypto::data_key(cx, input, true)?,
        "GenerateDataKeyWithoutPlaintext" => crypto::data_key(cx, input, false)?,
        "GenerateRandom" => crypto::random(cx, input),
        _ => return Err(cx.not_simulated()),
    };
    Ok(value.into())
}

fn happen(world: &mut World, event: &Event) {
    match event.what {
        "delete key" => lifecycle::deleted(world, event),
        "replica enabled" | "primary updated" => {
            let place = world.place(&event.account, &event.region);
            place.kms.keys.settle(&event.id, |key| {
                if matches!(key.state, KeyState::Creating | KeyState::Updating) {
                    key.state = KeyState::Enabled;
                }
            });
        }
        _ => {}
    }
}

/// The ARN of the key that an id, ARN or alias (name or ARN) names in this account and region. An AWS-managed key has its
/// ARN before its first use.
pub fn resolve(world: &World, account: &str, region: &str, any: &str) -> Option<String> {
    let (account, name) = match any.strip_prefix("arn:aws:kms:") {
        Some(rest) => {
            let mut parts = rest.splitn(3, ':');
            if parts.next()? != region {
                return None;
            }
            (parts.next()?, parts.next()?)
        }
        None => (account, any),
    };
    let state = world.seen_place(account, region).map(|place| &place.kms);
    if name.starts_with("alias/") {
        if let Some(alias) = state.and_then(|s| s.aliases.get(name)) {
            return Some(arn(account, region, &alias.key));
        }
        let service = name
            .strip_prefix("alias/aws/")
            .filter(|s| MANAGED.contains(s))?;
        return Some(arn(
            account,
            region,
            &managed_id(world, account, region, service),
        ));
    }
    let id = name.strip_prefix("key/").unwrap_or(name);
    let known = state.is_some_and(|s| s.keys.contains(id))
        || MANAGED
            .iter()
            .any(|service| managed_id(world, account, region, service) == id);
    known.then(|| arn(account, region, id))
}

/// The ARN of that key if it can be used now; else KMS's own refusal, which callers translate.
pub fn usable(world: &World, account: &str, region: &str, any: &str) -> Result<String, AwsError> {
    let Some(found) = resolve(world, account, region, any) else {
        return Err(not_found(account, region, any));
    };
    match find(world, &found) {
        Some(key) => {
            key.check_usable()?;
            Ok(found)
        }
        // An AWS-managed key that is made when it is first used.
        None => Ok(found),
    }
}

/// The ARN of the key behind `alias/aws/<service>`, made on first use.
pub fn aws_managed(world: &mut World, account: &str, region: &str, service: &str) -> String {
    let id = managed_id(world, account, region, service);
    let arn = arn(account, region, &id);
    if find(world, &arn).is_some() {
        return arn;
    }
    let (now, created) = (world.now(), world.unix(world.now()));
    let policy = json!({
        "Version": "2012-10-17",
        "Id": format!("auto-{service}-1"),
        "Statement": [
            {
                "Sid": format!("Allow access through {service} for all principals in the account that are authorized to use it"),
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": [
                    "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant",
                    "kms:DescribeKey",
                ],
                "Resource": "*",
                "Condition": {"StringEquals": {
                    "kms:CallerAccount": account,
                    "kms:ViaService": format!("{service}.{region}.amazonaws.com"),
                }},
            },
            {
                "Sid": "Allow direct access to key metadata to the account",
                "Effect": "Allow",
                "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
                "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
                "Resource": "*",
            },
        ],
    });
    let Ok(policy) = Policy::parse(&policy.to_string(), Use::Resource) else {
        unreachable!("a key policy of ours is well-formed")
    };
    let key = Key {
        id: id.clone(),
        arn: arn.clone(),
        created,
        description: format!(
            "Default key that protects my {service} data when no other key is defined"
        ),
        state: KeyState::Enabled,
        managed_by_aws: true,
        policy,
        tags: BTreeMap::new(),
        rotation_days: Some(365),
        rotations: Vec::new(),
        region_role: None,
        grants: BTreeMap::new(),
        deletion: None,
        pending_window: None,
    };
    let state = &mut world.place(account, region).kms;
    state.keys.put(id.clone(), key, now);
    let name = format!("alias/aws/{service}");
    state.aliases.put(
        name,
        aliases::Alias {
            key: id,
            created,
            updated: created,
        },
        now,
    );
    arn
}

/// Whether a principal (a role's ARN, a caller's ARN) may do something with a key: by its policy with IAM, or by a grant.
/// The key's state is not looked at.
pub fn principal_may(
    world: &World,
    principal_arn: &str,
    key_arn: &str,
    action: &str,
) -> Result<(), AwsError> {
    principal_may_via(world, principal_arn, key_arn, action, None)
}

/// The same through a service (`secretsmanager`), as `kms:ViaService` conditions have it.
pub fn principal_may_via(
    world: &World,
    principal_arn: &str,
    key_arn: &str,
    action: &str,
    via: Option<&str>,
) -> Result<(), AwsError> {
    let region = key_arn.split(':').nth(3).unwrap_or_default();
    let account = key_arn.split(':').nth(4).unwrap_or_default();
    let caller_account = principal_arn.split(':').nth(4).unwrap_or_default();
    let mut context = vec![("kms:CallerAccount".to_owned(), caller_account.to_owned())];
    if let Some(service) = via {
        context.push((
            "kms:ViaService".to_owned(),
            format!("{service}.{region}.amazonaws.com"),
        ));
    }
    let wanted = Wanted {
        action: action.to_owned(),
        resource: key_arn.to_owned(),
        context,
    };
    let Some(key) = find(world, key_arn) else {
        // An AWS-managed key before its first use lets its own account's principals through its service.
        return match via.is_some() && account == caller_account {
            true => Ok(()),
            false => Err(not_found(account, region, key_arn)),
        };
    };
    if key.granted(
        world.now(),
        principal_arn,
        action.trim_start_matches("kms:"),
        &[],
    ) {
        return Ok(());
    }
    iam::resource_allows(world, principal_arn, &wanted, region, &key.policy, true)
}

/// The key of an ARN in the region that the ARN names.
fn find<'w>(world: &'w World, key_arn: &str) -> Option<&'w Key> {
    let mut parts = key_arn.splitn(6, ':').skip(3);
    let (region, account, name) = (parts.next()?, parts.next()?, parts.next()?);
    world
        .seen_place(account, region)?
        .kms
        .keys
        .get(name.strip_prefix("key/")?)
}

fn arn(account: &str, region: &str, id: &str) -> String {
    format!("arn:aws:kms:{region}:{account}:key/{id}")
}

fn managed_id(world: &World, account: &str, region: &str, service: &str) -> String {
    let h = world
        .dice
        .hash(&["aws-managed key", account, region, service], 0);
    let low = world
        .dice
        .hash(&["aws-managed key", account, region, service], 1);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        h >> 32,
        h >> 16 & 0xffff,
        h & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

fn not_found(account: &str, region: &str, any: &str) -> AwsError {
    let message = match any {
        _ if any.starts_with("arn:") && any.split(':').nth(3) != Some(region) => {
            format!("Invalid arn {}", any.split(':').nth(3).unwrap_or_default())
        }
        _ if any.contains(":alias/") => format!("Alias {any} is not found."),
        _ if any.starts_with("alias/") => {
            format!("Alias arn:aws:kms:{region}:{account}:{any} is not found.")
        }
        _ if any.starts_with("arn:") => format!("Key '{any}' does not exist"),
        _ => format!("Key '{}' does not exist", arn(account, region, any)),
    };
    AwsError::new("NotFoundException", message)
}

/// The key that an input member names, with the caller's right to do the operation to it. The id and the account that owns
/// it. Aliases are accepted by few operations.
fn named(cx: &mut Cx<'_>, input: &Input, member: &str, aliases_too: bool) -> Result<Key, AwsError> {
    let any = input.str(member).unwrap_or_default().to_owned();
    named_as(cx, input, &any, aliases_too, None)
}

fn named_as(
    cx: &mut Cx<'_>,
    input: &Input,
    any: &str,
    aliases_too: bool,
    action: Option<&str>,
) -> Result<Key, AwsError> {
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let is_alias = any.starts_with("alias/") || any.contains(":alias/");
    if is_alias && !aliases_too {
        return Err(AwsError::new(
            "NotFoundException",
            format!("Invalid keyId {any}"),
        ));
    }
    let found = resolve(cx.world, &account, &region, any)
        .ok_or_else(|| not_found(&account, &region, any))?;
    if find(cx.world, &found).is_none() {
        // Looked at or used for the first time, by its alias.
        let service = MANAGED
            .iter()
            .find(|service| found.ends_with(&managed_id(cx.world, &account, &region, service)));
        if let Some(service) = service {
            aws_managed(cx.world, &account, &region, service);
        }
    }
    let operation = action.unwrap_or(&cx.operation).to_owned();
    let key = find(cx.world, &found)
        .ok_or_else(|| not_found(&account, &region, any))?
        .clone();
    let tokens = input.strings("GrantTokens");
    if key.granted(cx.now(), &cx.caller.arn, &operation, &tokens) {
        return Ok(key);
    }
    let mut context = vec![("kms:CallerAccount".to_owned(), account.clone())];
    if let Some(pairs) = input
        .value
        .get("EncryptionContext")
        .and_then(Value::as_object)
    {
        for (name, value) in pairs {
            context.push((
                format!("kms:EncryptionContext:{name}"),
                value.as_str().unwrap_or_default().to_owned(),
            ));
            context.push(("kms:EncryptionContextKeys".to_owned(), name.clone()));
        }
    }
    if let Some(operations) = input.value.get("Operations").and_then(Value::as_array) {
        for operation in operations.iter().filter_map(Value::as_str) {
            context.push(("kms:GrantOperations".to_owned(), operation.to_owned()));
        }
    }
    for (name, value) in &key.tags {
        context.push((format!("aws:ResourceTag/{name}"), value.clone()));
    }
    let wanted = Wanted {
        action: format!("kms:{operation}"),
        resource: key.arn.clone(),
        context,
    };
    // The root of an account always gets to its own keys here: the sandbox's usual caller.
    let own_root = cx.caller.arn == format!("arn:aws:iam::{account}:root")
        && key.arn.contains(&format!(":{account}:"));
    if !own_root || key.managed_by_aws {
        iam::resource_allows(
            cx.world,
            &cx.caller.arn,
            &wanted,
            &region,
            &key.policy,
            true,
        )?;
    }
    Ok(key)
}

/// Changes a key in place, in the called region and in the account that owns it.
fn change(cx: &mut Cx<'_>, key: &Key, change: impl FnOnce(&mut Key)) {
    let now = cx.now();
    let account = key.arn.split(':').nth(4).unwrap_or_default().to_owned();
    let region = cx.region.clone();
    cx.world
        .place(&account, &region)
        .kms
        .keys
        .change(&key.id, now, change);
}

/// Every key with its tags, for the Tagging API.
pub fn tagged(
    world: &World,
    account: &str,
    region: &str,
) -> Vec<(String, BTreeMap<String, String>)> {
    world
        .seen_place(account, region)
        .map_or_else(Vec::new, |place| {
            place
                .kms
                .keys
                .iter()
                .map(|(_, key)| (key.arn.clone(), key.tags.clone()))
                .collect()
        })
}

#[cfg(test)]
mod tests;
