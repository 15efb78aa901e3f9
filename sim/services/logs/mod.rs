//! CloudWatch Logs: groups, streams, events, filters.

use super::{Service, ServiceId, nothing_happens, whole_service};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output, World};

pub const SERVICE: Service = Service {
    id: ServiceId::Logs,
    handle,
    happen: nothing_happens,
    wants: whole_service,
};

#[derive(Clone, Default)]
pub struct State {}

fn handle(cx: &mut Cx<'_>, _operation: &str, _input: &Input) -> Result<Output, AwsError> {
    Err(cx.not_simulated())
}

pub fn group_exists(world: &World, account: &str, region: &str, _group: &str) -> bool {
    world.seen_place(account, region).is_some_and(|_| false)
}

/// Appends one event, as the awslogs driver does: the stream is made if absent, the group is not. Lost if the group is
/// absent.
pub fn put(
    world: &mut World,
    account: &str,
    region: &str,
    _group: &str,
    _stream: &str,
    _message: &str,
) {
    world.place(account, region);
}
