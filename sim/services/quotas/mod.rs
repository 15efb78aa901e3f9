//! Service Quotas: the limits that services enforce.

use super::{Service, ServiceId, nothing_happens, whole_service};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output, World};

pub const SERVICE: Service = Service {
    id: ServiceId::Quotas,
    handle,
    happen: nothing_happens,
    wants: whole_service,
};

#[derive(Clone, Default)]
pub struct State {}

fn handle(cx: &mut Cx<'_>, _operation: &str, _input: &Input) -> Result<Output, AwsError> {
    Err(cx.not_simulated())
}

/// The applied value of a quota, for instance `L-F678F1CE` (VPCs). Infinite for a code that is not known.
pub fn limit(world: &World, account: &str, region: &str, _quota_code: &str) -> f64 {
    let _ = world.seen_place(account, region);
    f64::INFINITY
}
