//! CloudWatch: metrics and alarms.

use super::{Service, ServiceId, nothing_happens, whole_service};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output, World};

pub const SERVICE: Service = Service {
    id: ServiceId::Cloudwatch,
    handle,
    happen: nothing_happens,
    wants: whole_service,
};

#[derive(Clone, Default)]
pub struct State {}

fn handle(cx: &mut Cx<'_>, _operation: &str, _input: &Input) -> Result<Output, AwsError> {
    Err(cx.not_simulated())
}

/// Records one value of a metric now, as AWS services publish theirs.
pub fn put(
    world: &mut World,
    account: &str,
    region: &str,
    _namespace: &str,
    _metric: &str,
    _dimensions: &[(String, String)],
    _value: f64,
) {
    world.place(account, region);
}
