//! Route 53: hosted zones, record sets, health checks, and the answers that authoritative servers give.

use super::{Service, ServiceId, nothing_happens, whole_service};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output, World};

pub const SERVICE: Service = Service {
    id: ServiceId::Route53,
    handle,
    happen: nothing_happens,
    wants: whole_service,
};

#[derive(Clone, Default)]
pub struct State {}

/// What an authoritative server (or, inside a VPC, the VPC's resolver) answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// `rtype` is the type asked for, or `CNAME`: then the asker goes on with the name in `records`.
    Records {
        rtype: String,
        records: Vec<String>,
        ttl: u64,
    },
    /// No such name in the zone, or no zone of the name.
    NxDomain,
    /// The name exists, without a record of this type.
    NoData,
}

/// Asks for `name`, from a VPC (`(region, vpc id)`: its private zones come first) or from the internet.
pub fn lookup(
    _world: &World,
    _name: &str,
    _rtype: &str,
    _from_vpc: Option<(&str, &str)>,
) -> Lookup {
    Lookup::NxDomain
}

fn handle(cx: &mut Cx<'_>, _operation: &str, _input: &Input) -> Result<Output, AwsError> {
    Err(cx.not_simulated())
}
