//! IAM: principals, policies, and whether they allow a call.

use super::{Service, ServiceId, Wanted, nothing_happens, whole_service};
use crate::error::AwsError;
use crate::world::{Caller, Cx, Input, Output, World};

pub const SERVICE: Service = Service {
    id: ServiceId::Iam,
    handle,
    happen: nothing_happens,
    wants: whole_service,
};

#[derive(Clone, Default)]
pub struct State {}

fn handle(cx: &mut Cx<'_>, _operation: &str, _input: &Input) -> Result<Output, AwsError> {
    Err(cx.not_simulated())
}

impl State {
    pub fn new(_account: &str) -> State {
        State::default()
    }
}

/// Whether a role's policies (and its account's SCPs) allow an action now.
pub fn role_allows(
    world: &World,
    role_arn: &str,
    _action: &str,
    _resource: &str,
    _region: &str,
) -> bool {
    account_of(role_arn).is_some_and(|account| world.accounts.contains_key(account))
}

/// Whether a role's trust policy lets a service (`ecs-tasks.amazonaws.com`) assume it.
pub fn trusts(world: &World, role_arn: &str, _service_principal: &str) -> bool {
    account_of(role_arn).is_some_and(|account| world.accounts.contains_key(account))
}

pub fn has_service_linked_role(world: &World, account: &str, _service_principal: &str) -> bool {
    world.accounts.contains_key(account)
}

/// Makes the service-linked role of a service if the account has none, as services do on first use.
pub fn ensure_service_linked_role(world: &mut World, account: &str, _service_principal: &str) {
    world.account(account);
}

/// Whether a caller may do what is wanted; else `AccessDenied` in IAM's words.
pub fn authorize(
    _world: &World,
    _caller: &Caller,
    _wanted: &Wanted,
    _region: &str,
) -> Result<(), AwsError> {
    Ok(())
}

/// The secret key of an access key, and who calls with it.
pub fn secret_key(_world: &World, _access_key: &str) -> Option<(String, Caller)> {
    None
}

/// Assumes a role: who the caller becomes, without a session name.
pub fn assume(world: &World, role_arn: &str, caller: &Caller) -> Result<Assumed, AwsError> {
    match account_of(role_arn).filter(|account| world.accounts.contains_key(*account)) {
        Some(account) => Ok(Assumed {
            account: account.to_owned(),
            role_arn: role_arn.to_owned(),
            role_id: String::new(),
            max_session_seconds: 3600,
        }),
        None => Err(AwsError::new(
            "AccessDenied",
            format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
                caller.arn
            ),
        )
        .status(403)),
    }
}

/// What STS needs to know of an assumed role: sessions are `arn:aws:sts::…:assumed-role/<name>/<session>` and
/// `<role_id>:<session>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Assumed {
    pub account: String,
    pub role_arn: String,
    pub role_id: String,
    pub max_session_seconds: u32,
}

fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4)
}
