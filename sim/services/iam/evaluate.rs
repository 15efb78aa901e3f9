//! Who may do what, as of now: the functions that the kernel and other services ask.
//!
//! Evaluation sees what has propagated, not what was just written. A call needs: no deny anywhere, an allow of the
//! organization's policies if there are any, an allow of the boundary if there is one, and an allow of an identity
//! policy. Resource policies are the services' own; [`resource_allows`] joins theirs with the rest.

use super::policy::{Ask, Policy, Use, Verdict};
use super::principal::{Kind, Principal};
use super::{State, builtin};
use crate::clock::EPOCH;
use crate::error::AwsError;
use crate::services::Wanted;
use crate::world::{Caller, World};
use std::sync::Arc;

/// What STS needs to know of an assumed role: sessions are `arn:aws:sts::…:assumed-role/<name>/<session>` and
/// `<role_id>:<session>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Assumed {
    pub account: String,
    pub role_arn: String,
    pub role_id: String,
    pub max_session_seconds: u32,
}

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A deny in the policies of the principal.
    Explicit,
    /// No policy of the principal allows it.
    Implicit,
    BoundaryExplicit,
    BoundaryImplicit,
    OrganizationExplicit,
    OrganizationImplicit,
    SessionUnknown,
}

impl Refusal {
    fn words(self, action: &str) -> String {
        let (deny, kind) = match self {
            Refusal::Explicit => (true, "identity-based policy"),
            Refusal::Implicit | Refusal::SessionUnknown => (false, "identity-based policy"),
            Refusal::BoundaryExplicit => (true, "permissions boundary"),
            Refusal::BoundaryImplicit => (false, "permissions boundary"),
            Refusal::OrganizationExplicit => (true, "service control policy"),
            Refusal::OrganizationImplicit => (false, "service control policy"),
        };
        if deny {
            let article = if kind.starts_with('i') { "an" } else { "a" };
            format!("with an explicit deny in {article} {kind}")
        } else {
            format!("because no {kind} allows the {action} action")
        }
    }
}

pub fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

/// The kind and name behind a caller's ARN; `None` for root and for services.
fn named(arn: &str) -> Option<(Kind, &str)> {
    let resource = arn.split(':').nth(5)?;
    let mut parts = resource.split('/');
    match parts.next()? {
        "user" => Some((Kind::User, resource.rsplit('/').next()?)),
        "role" => Some((Kind::Role, resource.rsplit('/').next()?)),
        "assumed-role" => Some((Kind::Role, parts.next()?)),
        _ => None,
    }
}

fn is_root(arn: &str) -> bool {
    arn.ends_with(":root")
}

impl State {
    /// What evaluation believes of a principal now.
    fn believed(&self, kind: Kind, name: &str, now: u64) -> Option<&Arc<Principal>> {
        self.believed.get(&kind.key(name))?.at(now)
    }

    fn believed_policy(&self, arn: &str, now: u64) -> Option<&Policy> {
        match self.believed_policies.get(arn) {
            Some(policy) => policy.at(now),
            None => builtin::find(arn).map(|b| &b.policy),
        }
    }

    /// The verdict of everything granted to a principal, its groups included.
    fn granted(&self, principal: &Principal, ask: &Ask, now: u64) -> Verdict {
        let mut allowed = false;
        let groups = principal
            .groups
            .iter()
            .filter_map(|g| self.believed(Kind::Group, g, now));
        for holder in std::iter::once(principal).chain(groups.map(Arc::as_ref)) {
            let attached = holder
                .attached
                .iter()
                .filter_map(|arn| self.believed_policy(arn, now));
            for policy in holder.inline.values().chain(attached) {
                match policy.verdict(ask) {
                    Verdict::Deny => return Verdict::Deny,
                    Verdict::Allow => allowed = true,
                    Verdict::Silent => {}
                }
            }
        }
        if allowed {
            Verdict::Allow
        } else {
            Verdict::Silent
        }
    }

    /// The verdict of the organization's policies; without any, everything is allowed.
    fn organization(&self, ask: &Ask) -> Verdict {
        if self.service_control.is_empty() {
            return Verdict::Allow;
        }
        let mut verdict = Verdict::Silent;
        for (_, policy) in &self.service_control {
            match policy.verdict(ask) {
                Verdict::Deny => return Verdict::Deny,
                Verdict::Allow => verdict = Verdict::Allow,
                Verdict::Silent => {}
            }
        }
        verdict
    }

    /// Organization, boundary and identity policies together. `granted_elsewhere`: a resource policy names the principal
    /// itself, so that its own policies need not allow.
    fn decide(
        &self,
        principal: Option<&Principal>,
        ask: &Ask,
        now: u64,
        granted_elsewhere: bool,
    ) -> Result<(), Refusal> {
        let linked = principal
            .and_then(|p| p.role.as_ref())
            .is_some_and(|role| role.linked_to.is_some());
        if !linked {
            match self.organization(ask) {
                Verdict::Allow => {}
                Verdict::Deny => return Err(Refusal::OrganizationExplicit),
                Verdict::Silent => return Err(Refusal::OrganizationImplicit),
            }
        }
        let Some(principal) = principal else {
            return Ok(());
        };
        let granted = self.granted(principal, ask, now);
        if granted == Verdict::Deny {
            return Err(Refusal::Explicit);
        }
        if let Some(boundary) = &principal.boundary {
            let verdict = self.believed_policy(boundary, now).map(|p| p.verdict(ask));
            match verdict {
                Some(Verdict::Allow) => {}
                Some(Verdict::Deny) => return Err(Refusal::BoundaryExplicit),
                Some(Verdict::Silent) | None => return Err(Refusal::BoundaryImplicit),
            }
        }
        if granted == Verdict::Allow || granted_elsewhere {
            return Ok(());
        }
        Err(Refusal::Implicit)
    }
}

/// The request as policies see it, with the global condition keys.
fn ask_of(world: &World, caller_arn: &str, wanted: &Wanted, region: &str) -> Ask {
    let now = world.now();
    let account = account_of(caller_arn).unwrap_or_default();
    let principal = named(caller_arn).and_then(|(kind, name)| {
        world
            .accounts
            .get(account)
            .and_then(|a| a.iam.believed(kind, name, now))
    });
    let mut ask = Ask {
        principal: caller_arn.to_owned(),
        principal_arn: principal.map_or(caller_arn, |p| &p.arn).to_owned(),
        account: account.to_owned(),
        action: wanted.action.clone(),
        resource: wanted.resource.clone(),
        ..Ask::default()
    };
    let kind = match named(caller_arn) {
        Some((Kind::User, _)) => "User",
        Some(_) => "AssumedRole",
        None => "Account",
    };
    ask = ask
        .clone()
        .with("aws:PrincipalArn", ask.principal_arn.clone())
        .with("aws:PrincipalAccount", account)
        .with("aws:PrincipalType", kind)
        .with("aws:SecureTransport", "true")
        .with("aws:ViaAWSService", "false")
        .with("aws:PrincipalIsAWSService", "false")
        .with("aws:RequestedRegion", region)
        .with(
            "aws:EpochTime",
            (EPOCH as u64 + now / crate::clock::SECOND).to_string(),
        )
        .with(
            "aws:CurrentTime",
            (EPOCH as u64 + now / crate::clock::SECOND).to_string(),
        );
    if let Some((Kind::User, name)) = named(caller_arn) {
        ask = ask.with("aws:username", name);
    }
    if let Some(principal) = principal {
        ask = ask.with("aws:userid", principal.id.clone());
        for (key, value) in &principal.tags {
            ask = ask.with(&format!("aws:PrincipalTag/{key}"), value.clone());
        }
    }
    if let Some(owner) = account_of(&wanted.resource) {
        ask = ask.with("aws:ResourceAccount", owner);
    }
    for (key, value) in &wanted.context {
        ask = ask.with(key, value.clone());
    }
    ask
}

fn decide(world: &World, caller_arn: &str, wanted: &Wanted, region: &str) -> Result<(), Refusal> {
    decide_with(world, caller_arn, wanted, region, false)
}

fn decide_with(
    world: &World,
    caller_arn: &str,
    wanted: &Wanted,
    region: &str,
    granted_elsewhere: bool,
) -> Result<(), Refusal> {
    let account = account_of(caller_arn).unwrap_or_default();
    let Some(state) = world.accounts.get(account).map(|a| &a.iam) else {
        return if is_root(caller_arn) {
            Ok(())
        } else {
            Err(Refusal::SessionUnknown)
        };
    };
    // The usual caller of a sandbox, answered without looking further.
    if is_root(caller_arn) && state.service_control.is_empty() {
        return Ok(());
    }
    let ask = ask_of(world, caller_arn, wanted, region);
    if is_root(caller_arn) {
        return state.decide(None, &ask, world.now(), false);
    }
    let principal = named(caller_arn)
        .and_then(|(kind, name)| state.believed(kind, name, world.now()))
        .ok_or(Refusal::SessionUnknown)?;
    state.decide(Some(principal), &ask, world.now(), granted_elsewhere)
}

/// Whether a role's policies, its boundary and its account's organization allow an action now.
pub fn role_allows(
    world: &World,
    role_arn: &str,
    action: &str,
    resource: &str,
    region: &str,
) -> bool {
    let wanted = Wanted {
        action: action.to_owned(),
        resource: resource.to_owned(),
        context: Vec::new(),
    };
    decide(world, role_arn, &wanted, region).is_ok()
}

/// Whether a role's trust policy lets a service (`ecs-tasks.amazonaws.com`) assume it now.
pub fn trusts(world: &World, role_arn: &str, service_principal: &str) -> bool {
    let Some(account) = account_of(role_arn) else {
        return false;
    };
    let Some((Kind::Role, name)) = named(role_arn) else {
        return false;
    };
    let role = world
        .accounts
        .get(account)
        .and_then(|a| a.iam.believed(Kind::Role, name, world.now()));
    let Some(role) = role.filter(|role| role.arn == role_arn) else {
        return false;
    };
    let ask = Ask {
        principal: service_principal.to_owned(),
        principal_arn: service_principal.to_owned(),
        action: "sts:AssumeRole".to_owned(),
        resource: role_arn.to_owned(),
        ..Ask::default()
    }
    .with("aws:SourceAccount", account);
    role.role
        .as_ref()
        .is_some_and(|facts| facts.trust.verdict(&ask) == Verdict::Allow)
}

/// Whether a caller may do what is wanted; else a refusal in IAM's words.
pub fn authorize(
    world: &World,
    caller: &Caller,
    wanted: &Wanted,
    region: &str,
) -> Result<(), AwsError> {
    decide(world, &caller.arn, wanted, region)
        .map_err(|refusal| denied(&caller.arn, wanted, refusal))
}

/// Whether a principal may act on a resource that has a policy of its own: that policy may allow by itself within the
/// account, may deny, and says nothing if it is silent. `sole`: the resource policy must allow or delegate to IAM (keys).
pub fn resource_allows(
    world: &World,
    principal_arn: &str,
    wanted: &Wanted,
    region: &str,
    policy: &Policy,
    sole: bool,
) -> Result<(), AwsError> {
    let ask = ask_of(world, principal_arn, wanted, region);
    let explicit = |kind: &str| {
        let message = format!(
            "User: {principal_arn} is not authorized to perform: {} on resource: {} with an explicit \
             deny in a {kind}",
            wanted.action, wanted.resource
        );
        refusal(wanted, message)
    };
    let silent = || {
        let message = format!(
            "User: {principal_arn} is not authorized to perform: {} on resource: {} because no \
             resource-based policy allows the {} action",
            wanted.action, wanted.resource, wanted.action
        );
        refusal(wanted, message)
    };
    match policy.verdict(&ask) {
        Verdict::Deny => Err(explicit("resource-based policy")),
        Verdict::Allow => {
            // A policy that names the account hands the decision to its IAM policies; one that names the principal
            // decides by itself.
            let by_name = policy
                .judge(&ask)
                .1
                .and_then(|s| s.principals.as_ref())
                .is_some_and(|p| {
                    p.items.iter().any(|p| {
                        p.value == ask.principal || p.value == ask.principal_arn || p.value == "*"
                    })
                });
            let same_account = account_of(&wanted.resource) == Some(&ask.account);
            decide_with(
                world,
                principal_arn,
                wanted,
                region,
                by_name && same_account,
            )
            .map_err(|refusal| denied(principal_arn, wanted, refusal))
        }
        Verdict::Silent if sole && !policy.delegates(&ask) => Err(silent()),
        Verdict::Silent => decide(world, principal_arn, wanted, region)
            .map_err(|refusal| denied(principal_arn, wanted, refusal)),
    }
}

fn denied(principal_arn: &str, wanted: &Wanted, why: Refusal) -> AwsError {
    let message = format!(
        "User: {principal_arn} is not authorized to perform: {} on resource: {} {}",
        wanted.action,
        wanted.resource,
        why.words(&wanted.action)
    );
    refusal(wanted, message)
}

/// The code differs by protocol and service; here by the service of the action.
fn refusal(wanted: &Wanted, message: String) -> AwsError {
    let service = wanted.action.split(':').next().unwrap_or_default();
    match service {
        "ec2" => AwsError::new(
            "UnauthorizedOperation",
            format!("You are not authorized to perform this operation. {message}"),
        )
        .status(403),
        "ecs"
        | "ecr"
        | "kms"
        | "secretsmanager"
        | "ssm"
        | "logs"
        | "acm"
        | "servicequotas"
        | "tag"
        | "application-autoscaling" => AwsError::new("AccessDeniedException", message).status(400),
        _ => AwsError::new("AccessDenied", message).status(403),
    }
}

/// The secret key of an access key, and who calls with it.
pub fn secret_key(world: &World, access_key: &str) -> Option<(String, Caller)> {
    for (account, state) in &world.accounts {
        let Some(key) = state.iam.keys.get(access_key).filter(|key| key.active) else {
            continue;
        };
        let user = state.iam.principal(Kind::User, &key.user)?;
        let caller = Caller {
            account: account.clone(),
            arn: user.arn.clone(),
            id: user.id.clone(),
            access_key: access_key.to_owned(),
        };
        return Some((key.secret.clone(), caller));
    }
    None
}

/// Gives an account an access key from outside its APIs. The user is made if absent, as an administrator.
pub fn set_access_key(
    world: &mut World,
    account: &str,
    user: &str,
    access_key: &str,
    secret: &str,
) {
    let created = world.unix(world.now());
    let now = world.now();
    let id = format!("AIDA{:016X}", world.dice.hash(&["user", account, user], 0));
    let state = &mut world.account(account).iam;
    if state.principal(Kind::User, user).is_none() {
        let principal = Principal {
            kind: Kind::User,
            name: user.to_owned(),
            path: "/".to_owned(),
            id,
            arn: format!("arn:aws:iam::{account}:user/{user}"),
            created,
            inline: Default::default(),
            attached: ["arn:aws:iam::aws:policy/AdministratorAccess".to_owned()].into(),
            boundary: None,
            tags: Default::default(),
            groups: Default::default(),
            role: None,
        };
        let key = Kind::User.key(user);
        state.believed.entry(key.clone()).or_default().announce(
            Some(Arc::new(principal.clone())),
            now,
            now,
        );
        state.principals.put(key, principal, now);
    }
    let key = super::users::AccessKey {
        user: user.to_owned(),
        secret: secret.to_owned(),
        active: true,
        created,
    };
    state.keys.put(access_key, key, now);
}

/// Puts an account under service control policies, by name, from outside its APIs; none frees it. The refusal says which
/// policy is malformed.
pub fn set_service_control_policies(
    world: &mut World,
    account: &str,
    policies: &[(&str, &str)],
) -> Result<(), String> {
    let mut read = Vec::new();
    for (name, text) in policies {
        let policy = Policy::parse(text, Use::Identity).map_err(|why| format!("{name}: {why}"))?;
        read.push(((*name).to_owned(), policy));
    }
    world.account(account).iam.service_control = read;
    Ok(())
}

/// The stable id of a principal (`AIDA…`, `AROA…`), if there is one of that ARN.
pub fn identify(world: &World, arn: &str) -> Option<String> {
    let account = account_of(arn)?;
    let (kind, name) = named(arn)?;
    world
        .accounts
        .get(account)?
        .iam
        .principal(kind, name)
        .map(|p| p.id.clone())
}

/// Assumes a role: who the caller becomes, without a session name. The role's trust policy must let the caller, and unless
/// it names the caller itself, the caller's own policies must allow it too.
pub fn assume(world: &World, role_arn: &str, caller: &Caller) -> Result<Assumed, AwsError> {
    let wanted = Wanted {
        action: "sts:AssumeRole".to_owned(),
        resource: role_arn.to_owned(),
        context: Vec::new(),
    };
    let refused = || {
        let message = format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
            caller.arn
        );
        AwsError::new("AccessDenied", message).status(403)
    };
    if is_root(&caller.arn) && !caller.access_key.is_empty() {
        let message = "Roles may not be assumed by root accounts.";
        return Err(AwsError::new("AccessDenied", message).status(403));
    }
    let account = account_of(role_arn).ok_or_else(refused)?;
    let Some((Kind::Role, name)) = named(role_arn) else {
        return Err(refused());
    };
    let state = &world.accounts.get(account).ok_or_else(refused)?.iam;
    let role = state
        .believed(Kind::Role, name, world.now())
        .filter(|role| role.arn == role_arn)
        .ok_or_else(refused)?;
    let facts = role.role.as_ref().ok_or_else(refused)?;
    let ask = ask_of(world, &caller.arn, &wanted, "us-east-1");
    let (verdict, statement) = facts.trust.judge(&ask);
    if verdict != Verdict::Allow {
        return Err(refused());
    }
    let names_caller = statement
        .and_then(|s| s.principals.as_ref())
        .is_some_and(|p| {
            p.items
                .iter()
                .any(|p| p.value == ask.principal || p.value == ask.principal_arn)
        });
    let within = account == caller.account;
    if !is_root(&caller.arn) {
        decide_with(
            world,
            &caller.arn,
            &wanted,
            "us-east-1",
            names_caller && within,
        )
        .map_err(|_| refused())?;
    }
    Ok(Assumed {
        account: account.to_owned(),
        role_arn: role_arn.to_owned(),
        role_id: role.id.clone(),
        max_session_seconds: u32::try_from(facts.max_session_seconds).unwrap_or(3600),
    })
}
