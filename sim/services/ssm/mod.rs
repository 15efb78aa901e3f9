//! Systems Manager: Parameter Store.

use super::{Service, ServiceId, nothing_happens, whole_service};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output, World};

pub const SERVICE: Service = Service {
    id: ServiceId::Ssm,
    handle,
    happen: nothing_happens,
    wants: whole_service,
};

#[derive(Clone, Default)]
pub struct State {}

fn handle(cx: &mut Cx<'_>, _operation: &str, _input: &Input) -> Result<Output, AwsError> {
    Err(cx.not_simulated())
}

/// A parameter's value, decrypted, by name or ARN. The refusal is the reason as ECS prints it.
pub fn read(world: &World, account: &str, region: &str, name: &str) -> Result<String, String> {
    let _ = world.seen_place(account, region);
    Err(format!("ParameterNotFound: invalid parameters: {name}"))
}
