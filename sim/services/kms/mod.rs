//! KMS: keys, aliases, grants, multi-region replicas.

use super::{Service, ServiceId, nothing_happens, whole_service};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output, World};

pub const SERVICE: Service = Service {
    id: ServiceId::Kms,
    handle,
    happen: nothing_happens,
    wants: whole_service,
};

#[derive(Clone, Default)]
pub struct State {}

fn handle(cx: &mut Cx<'_>, _operation: &str, _input: &Input) -> Result<Output, AwsError> {
    Err(cx.not_simulated())
}

/// The ARN of the key that an id, ARN or alias (name or ARN) names in this account and region.
pub fn resolve(world: &World, account: &str, region: &str, any: &str) -> Option<String> {
    world.seen_place(account, region)?;
    any.starts_with(&format!("arn:aws:kms:{region}:{account}:key/"))
        .then(|| any.to_owned())
}

/// The ARN of that key if it can be used now; else KMS's own refusal, which callers translate.
pub fn usable(world: &World, account: &str, region: &str, any: &str) -> Result<String, AwsError> {
    resolve(world, account, region, any)
        .ok_or_else(|| AwsError::new("NotFoundException", format!("Key '{any}' does not exist")))
}

/// The ARN of the key behind `alias/aws/<service>`, made on first use.
pub fn aws_managed(world: &mut World, account: &str, region: &str, service: &str) -> String {
    world.place(account, region);
    let hash = world
        .dice
        .hash(&["aws-managed", account, region, service], 0);
    format!(
        "arn:aws:kms:{region}:{account}:key/{:08x}-0000-4000-8000-{:012x}",
        hash >> 32,
        hash & 0xffff_ffff
    )
}
