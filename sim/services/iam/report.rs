//! The account as a whole: its summary, its authorization details, its alias.

use super::encoded;
use super::managed::{name_of, usage};
use super::principal::{Kind, Principal};
use super::{builtin, tags_json};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

pub fn summary(cx: &mut Cx<'_>) -> Value {
    let state = &cx.account().iam;
    let count = |kind: Kind| {
        state
            .principals
            .iter()
            .filter(|(_, p)| p.kind == kind)
            .count()
    };
    json!({"SummaryMap": {
        "Users": count(Kind::User),
        "UsersQuota": 5000,
        "Groups": count(Kind::Group),
        "GroupsQuota": 300,
        "Roles": count(Kind::Role),
        "RolesQuota": 1000,
        "Policies": state.policies.len(),
        "PoliciesQuota": 1500,
        "PolicySizeQuota": 6144,
        "VersionsPerPolicyQuota": 5,
        "InstanceProfiles": state.profiles.len(),
        "InstanceProfilesQuota": 1000,
        "AccessKeysPerUserQuota": 2,
        "AttachedPoliciesPerRoleQuota": 10,
        "AttachedPoliciesPerUserQuota": 10,
        "AttachedPoliciesPerGroupQuota": 10,
        "AssumeRolePolicySizeQuota": 2048,
        "AccountAccessKeysPresent": 0,
        "AccountMFAEnabled": 0,
        "MFADevices": 0,
        "Providers": 0,
        "ServerCertificates": 0,
        "ServerCertificatesQuota": 20,
    }})
}

fn inline(principal: &Principal) -> Vec<Value> {
    principal
        .inline
        .iter()
        .map(|(name, policy)| json!({"PolicyName": name, "PolicyDocument": encoded(&policy.text)}))
        .collect()
}

fn attached(principal: &Principal) -> Vec<Value> {
    principal
        .attached
        .iter()
        .map(|arn| json!({"PolicyName": name_of(arn), "PolicyArn": arn}))
        .collect()
}

pub fn details(cx: &mut Cx<'_>, input: &Input) -> Value {
    let now = cx.now();
    let filter = input.strings("Filter");
    let wanted = |what: &str| filter.is_empty() || filter.iter().any(|f| f == what);
    let (mut users, mut groups, mut roles) = (Vec::new(), Vec::new(), Vec::new());
    let state = &cx.account().iam;
    for (_, principal) in state.principals.seen_all(now) {
        let mut shown = principal.json(true);
        shown["AttachedManagedPolicies"] = json!(attached(principal));
        match principal.kind {
            Kind::User if wanted("User") => {
                shown["UserPolicyList"] = json!(inline(principal));
                shown["GroupList"] = json!(principal.groups);
                users.push(shown);
            }
            Kind::Group if wanted("Group") => {
                shown["GroupPolicyList"] = json!(inline(principal));
                groups.push(shown);
            }
            Kind::Role if wanted("Role") => {
                shown["RolePolicyList"] = json!(inline(principal));
                let profiles: Vec<Value> = state
                    .profiles
                    .seen_all(now)
                    .filter(|(_, p)| p.role.as_deref() == Some(&principal.name))
                    .map(|(_, p)| {
                        json!({
                            "Path": p.path,
                            "InstanceProfileName": p.name,
                            "InstanceProfileId": p.id,
                            "Arn": p.arn,
                            "CreateDate": p.created,
                            "Roles": [principal.json(false)],
                        })
                    })
                    .collect();
                shown["InstanceProfileList"] = json!(profiles);
                // The shape RoleDetail has neither of the two.
                if let Some(fields) = shown.as_object_mut() {
                    fields.remove("MaxSessionDuration");
                    fields.remove("Description");
                }
                roles.push(shown);
            }
            _ => {}
        }
    }
    let mut policies = Vec::new();
    if wanted("LocalManagedPolicy") {
        let arns = cx.account().iam.policies.keys();
        for arn in arns {
            let (attached, bounded) = usage(cx, &arn);
            let Some(managed) = cx.account().iam.policies.seen(&arn, now) else {
                continue;
            };
            let versions: Vec<Value> = managed
                .versions
                .iter()
                .map(|(number, version)| managed.version_json(*number, version, true))
                .collect();
            let mut shown = managed.json(attached, bounded);
            shown["PolicyVersionList"] = json!(versions);
            if !managed.tags.is_empty() {
                shown["Tags"] = tags_json(&managed.tags);
            }
            // The shape ManagedPolicyDetail has no tags.
            if let Some(fields) = shown.as_object_mut() {
                fields.remove("Tags");
            }
            policies.push(shown);
        }
    }
    if wanted("AWSManagedPolicy") {
        for builtin in builtin::all() {
            let (attached, bounded) = usage(cx, &builtin.arn);
            if attached + bounded == 0 {
                continue;
            }
            let mut shown = builtin.json(attached, bounded);
            shown["PolicyVersionList"] = json!([builtin.version_json(true)]);
            policies.push(shown);
        }
    }
    json!({
        "UserDetailList": users,
        "GroupDetailList": groups,
        "RoleDetailList": roles,
        "Policies": policies,
        "IsTruncated": false,
    })
}

pub fn create_alias(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let alias = input.str("AccountAlias").unwrap_or_default().to_owned();
    // Twelve digits are an account's number.
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let sound = alias.starts_with(plain)
        && alias.ends_with(plain)
        && alias.chars().all(|c| plain(c) || c == '-')
        && !alias.contains("--")
        && !(alias.len() == 12 && alias.chars().all(|c| c.is_ascii_digit()));
    if !sound {
        return Err(AwsError::new(
            "ValidationError",
            format!("The specified value for accountAlias is invalid: {alias}"),
        ));
    }
    let taken = cx.world.accounts.iter().any(|(account, a)| {
        *account != cx.caller.account && a.iam.alias.as_deref() == Some(&alias)
    });
    if taken {
        return Err(AwsError::new(
            "EntityAlreadyExists",
            format!("The account alias {alias} already exists."),
        ));
    }
    cx.account().iam.alias = Some(alias);
    Ok(json!({}))
}

pub fn delete_alias(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let alias = input.str("AccountAlias").unwrap_or_default();
    let state = &mut cx.account().iam;
    if state.alias.as_deref() != Some(alias) {
        return Err(AwsError::new(
            "NoSuchEntity",
            format!("The account alias {alias} cannot be found."),
        ));
    }
    state.alias = None;
    Ok(json!({}))
}

pub fn list_aliases(cx: &mut Cx<'_>) -> Value {
    let aliases: Vec<String> = cx.account().iam.alias.iter().cloned().collect();
    json!({"AccountAliases": aliases, "IsTruncated": false})
}
