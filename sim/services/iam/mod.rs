//! IAM: principals, policies, and whether they allow a call.
//!
//! Reading order: [`policy`] (the language), [`principal`] (roles, users and groups are one type), [`evaluate`] (who may
//! do what: the functions that other services call), then the operations: [`roles`], [`users`], [`grants`], [`managed`],
//! [`profiles`], [`linked`], [`simulate`]. Changes become visible to reads within the world's read lag, and to evaluation
//! only after propagation. Knows nothing of what the other services' actions do.

use super::{Service, ServiceId};
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::table::Table;
use crate::world::{Cx, Event, Input, Output, World};
use policy::{Policy, Settling};
use principal::{Kind, Principal};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

mod builtin;
mod evaluate;
mod grants;
mod linked;
mod managed;
pub mod policy;
pub mod principal;
mod profiles;
mod report;
mod roles;
mod simulate;
mod users;
mod wants;
mod written;

pub use evaluate::{
    Assumed, assume, authorize, identify, resource_allows, role_allows, secret_key, set_access_key,
    set_service_control_policies, trusts,
};
pub use linked::{ensure_service_linked_role, has_service_linked_role};

pub const SERVICE: Service = Service {
    id: ServiceId::Iam,
    handle,
    happen,
    wants: wants::wants,
};

/// IAM of one account.
#[derive(Clone, Default)]
pub struct State {
    pub account: String,
    /// Roles, users and groups, by `kind/name` in lower case: IAM's names differ by more than case.
    pub principals: Table<Principal>,
    /// By ARN: the account's own policies.
    pub policies: Table<managed::Managed>,
    pub profiles: Table<profiles::Profile>,
    /// By access key id.
    pub keys: Table<users::AccessKey>,
    /// By task id: the deletions of service-linked roles.
    deletions: Table<linked::Deletion>,
    /// What evaluation believes of the principals and the default versions of policies.
    believed: BTreeMap<String, Settling<Arc<Principal>>>,
    believed_policies: BTreeMap<String, Settling<Policy>>,
    /// The organization's policies over this account, by name; none means that everything is allowed.
    service_control: Vec<(String, Policy)>,
    alias: Option<String>,
}

impl State {
    pub fn new(account: &str) -> State {
        State {
            account: account.to_owned(),
            ..State::default()
        }
    }

    pub fn principal(&self, kind: Kind, name: &str) -> Option<&Principal> {
        self.principals
            .get(&kind.key(name))
            .filter(|p| p.name == name)
    }

    fn seen(&self, kind: Kind, name: &str, now: Nanos) -> Result<&Principal, AwsError> {
        self.principals
            .seen(&kind.key(name), now)
            .filter(|p| p.name == name)
            .ok_or_else(|| absent(kind.word(), name))
    }

    /// Every policy document that exists by this ARN, the account's own or AWS's.
    fn default_version(&self, arn: &str) -> Option<Policy> {
        match self.policies.get(arn) {
            Some(managed) => managed.default_policy().cloned(),
            None => builtin::find(arn).map(|b| b.policy.clone()),
        }
    }
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    let value = match operation {
        "CreateRole" => roles::create(cx, input)?,
        "GetRole" => roles::get(cx, input)?,
        "ListRoles" => roles::list(cx, input),
        "DeleteRole" => roles::delete(cx, input)?,
        "UpdateRole" => roles::update(cx, input)?,
        "UpdateRoleDescription" => roles::describe(cx, input)?,
        "UpdateAssumeRolePolicy" => roles::trust(cx, input)?,
        "CreateUser" => users::create(cx, input)?,
        "GetUser" => users::get(cx, input)?,
        "ListUsers" => users::list(cx, input),
        "UpdateUser" => users::update(cx, input)?,
        "DeleteUser" => users::delete(cx, input)?,
        "CreateAccessKey" => users::create_key(cx, input)?,
        "ListAccessKeys" => users::list_keys(cx, input)?,
        "UpdateAccessKey" => users::update_key(cx, input)?,
        "DeleteAccessKey" => users::delete_key(cx, input)?,
        "GetAccessKeyLastUsed" => users::key_last_used(cx, input)?,
        "CreateGroup" => users::create_group(cx, input)?,
        "GetGroup" => users::get_group(cx, input)?,
        "ListGroups" => users::list_groups(cx, input),
        "DeleteGroup" => users::delete_group(cx, input)?,
        "AddUserToGroup" => users::join(cx, input, true)?,
        "RemoveUserFromGroup" => users::join(cx, input, false)?,
        "ListGroupsForUser" => users::groups_of(cx, input)?,
        "PutRolePolicy" => grants::put(cx, input, Kind::Role)?,
        "PutUserPolicy" => grants::put(cx, input, Kind::User)?,
        "PutGroupPolicy" => grants::put(cx, input, Kind::Group)?,
        "GetRolePolicy" => grants::get(cx, input, Kind::Role)?,
        "GetUserPolicy" => grants::get(cx, input, Kind::User)?,
        "GetGroupPolicy" => grants::get(cx, input, Kind::Group)?,
        "ListRolePolicies" => grants::list(cx, input, Kind::Role)?,
        "ListUserPolicies" => grants::list(cx, input, Kind::User)?,
        "ListGroupPolicies" => grants::list(cx, input, Kind::Group)?,
        "DeleteRolePolicy" => grants::delete(cx, input, Kind::Role)?,
        "DeleteUserPolicy" => grants::delete(cx, input, Kind::User)?,
        "DeleteGroupPolicy" => grants::delete(cx, input, Kind::Group)?,
        "AttachRolePolicy" => grants::attach(cx, input, Kind::Role)?,
        "AttachUserPolicy" => grants::attach(cx, input, Kind::User)?,
        "AttachGroupPolicy" => grants::attach(cx, input, Kind::Group)?,
        "DetachRolePolicy" => grants::detach(cx, input, Kind::Role)?,
        "DetachUserPolicy" => grants::detach(cx, input, Kind::User)?,
        "DetachGroupPolicy" => grants::detach(cx, input, Kind::Group)?,
        "ListAttachedRolePolicies" => grants::list_attached(cx, input, Kind::Role)?,
        "ListAttachedUserPolicies" => grants::list_attached(cx, input, Kind::User)?,
        "ListAttachedGroupPolicies" => grants::list_attached(cx, input, Kind::Group)?,
        "PutRolePermissionsBoundary" => grants::put_boundary(cx, input, Kind::Role)?,
        "PutUserPermissionsBoundary" => grants::put_boundary(cx, input, Kind::User)?,
        "DeleteRolePermissionsBoundary" => grants::delete_boundary(cx, input, Kind::Role)?,
        "DeleteUserPermissionsBoundary" => grants::delete_boundary(cx, input, Kind::User)?,
        "TagRole" => grants::tag(cx, input, Kind::Role)?,
        "TagUser" => grants::tag(cx, input, Kind::User)?,
        "UntagRole" => grants::untag(cx, input, Kind::Role)?,
        "UntagUser" => grants::untag(cx, input, Kind::User)?,
        "ListRoleTags" => grants::list_tags(cx, input, Kind::Role)?,
        "ListUserTags" => grants::list_tags(cx, input, Kind::User)?,
        "CreatePolicy" => managed::create(cx, input)?,
        "GetPolicy" => managed::get(cx, input)?,
        "ListPolicies" => managed::list(cx, input),
        "DeletePolicy" => managed::delete(cx, input)?,
        "CreatePolicyVersion" => managed::create_version(cx, input)?,
        "GetPolicyVersion" => managed::get_version(cx, input)?,
        "ListPolicyVersions" => managed::list_versions(cx, input)?,
        "DeletePolicyVersion" => managed::delete_version(cx, input)?,
        "SetDefaultPolicyVersion" => managed::set_default(cx, input)?,
        "ListEntitiesForPolicy" => managed::entities(cx, input)?,
        "TagPolicy" => managed::tag(cx, input)?,
        "UntagPolicy" => managed::untag(cx, input)?,
        "ListPolicyTags" => managed::list_tags(cx, input)?,
        "CreateInstanceProfile" => profiles::create(cx, input)?,
        "GetInstanceProfile" => profiles::get(cx, input)?,
        "ListInstanceProfiles" => profiles::list(cx, input),
        "ListInstanceProfilesForRole" => profiles::list_for_role(cx, input)?,
        "DeleteInstanceProfile" => profiles::delete(cx, input)?,
        "AddRoleToInstanceProfile" => profiles::add_role(cx, input)?,
        "RemoveRoleFromInstanceProfile" => profiles::remove_role(cx, input)?,
        "TagInstanceProfile" => profiles::tag(cx, input)?,
        "UntagInstanceProfile" => profiles::untag(cx, input)?,
        "ListInstanceProfileTags" => profiles::list_tags(cx, input)?,
        "CreateServiceLinkedRole" => linked::create(cx, input)?,
        "DeleteServiceLinkedRole" => linked::delete(cx, input)?,
        "GetServiceLinkedRoleDeletionStatus" => linked::deletion_status(cx, input)?,
        "SimulatePrincipalPolicy" => simulate::principal(cx, input)?,
        "SimulateCustomPolicy" => simulate::custom(cx, input)?,
        "GetContextKeysForCustomPolicy" => simulate::custom_keys(input)?,
        "GetContextKeysForPrincipalPolicy" => simulate::principal_keys(cx, input)?,
        "GetAccountSummary" => report::summary(cx),
        "GetAccountAuthorizationDetails" => report::details(cx, input),
        "CreateAccountAlias" => report::create_alias(cx, input)?,
        "DeleteAccountAlias" => report::delete_alias(cx, input)?,
        "ListAccountAliases" => report::list_aliases(cx),
        // Nobody can make these here, so there are none.
        "ListOpenIDConnectProviders" => json!({"OpenIDConnectProviderList": []}),
        "ListServerCertificates" => {
            json!({"ServerCertificateMetadataList": [], "IsTruncated": false})
        }
        _ => return Err(cx.not_simulated()),
    };
    Ok(value.into())
}

fn happen(world: &mut World, event: &Event) {
    if event.what == "delete service-linked role" {
        linked::deleted(world, &event.account, &event.id);
    }
}

fn absent(word: &str, name: &str) -> AwsError {
    AwsError::new(
        "NoSuchEntity",
        format!("The {word} with name {name} cannot be found."),
    )
}

fn exists(word: &str, name: &str) -> AwsError {
    AwsError::new(
        "EntityAlreadyExists",
        format!("{word} with name {name} already exists."),
    )
}

fn malformed(message: String) -> AwsError {
    AwsError::new("MalformedPolicyDocument", message)
}

fn over(quota: &str, limit: usize) -> AwsError {
    AwsError::new(
        "LimitExceeded",
        format!("Cannot exceed quota for {quota}: {limit}"),
    )
}

/// A unique id such as `AROA…`.
fn unique_id(cx: &mut Cx<'_>, prefix: &str) -> String {
    let digits = cx.hex(prefix, 32);
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut id = prefix.to_owned();
    for pair in digits.as_bytes().chunks(2).take(16) {
        let number = pair.iter().fold(0_usize, |n, d| {
            n * 16 + (*d as char).to_digit(16).map_or(0, |d| d as usize)
        });
        id.push(letters[number % 32] as char);
    }
    id
}

/// Policy documents travel percent-encoded (RFC 3986) in IAM's answers.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn tags_json(tags: &BTreeMap<String, String>) -> Value {
    tags.iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

/// The tags of an input, checked as IAM checks them and merged into what is there.
fn merged_tags(
    present: &BTreeMap<String, String>,
    input: &Input,
    quota: &str,
) -> Result<BTreeMap<String, String>, AwsError> {
    let mut merged = present.clone();
    let mut given = std::collections::BTreeSet::new();
    for tag in input.list("Tags") {
        let key = tag["Key"].as_str().unwrap_or_default();
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(AwsError::new(
                "InvalidInput",
                "Tag keys that start with aws: are reserved for system use.",
            ));
        }
        if !given.insert(key.to_ascii_lowercase()) {
            return Err(AwsError::new(
                "InvalidInput",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        merged.insert(
            key.to_owned(),
            tag["Value"].as_str().unwrap_or_default().to_owned(),
        );
    }
    if merged.len() > 50 {
        return Err(over(quota, 50));
    }
    Ok(merged)
}

#[cfg(test)]
mod tests;
