//! Secrets Manager: secrets, their versions and their replicas.

use super::{Service, ServiceId, nothing_happens, whole_service};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output, World};

pub const SERVICE: Service = Service {
    id: ServiceId::Secrets,
    handle,
    happen: nothing_happens,
    wants: whole_service,
};

#[derive(Clone, Default)]
pub struct State {}

fn handle(cx: &mut Cx<'_>, _operation: &str, _input: &Input) -> Result<Output, AwsError> {
    Err(cx.not_simulated())
}

/// What ECS gets for a container secret's `valueFrom`: an ARN with optional `:json-key:stage:version`. The refusal is
/// the reason as ECS prints it.
pub fn read(world: &World, value_from: &str) -> Result<String, String> {
    let _ = world;
    Err(format!(
        "ResourceNotFoundException: Secrets Manager can't find the specified secret. ({value_from})"
    ))
}
