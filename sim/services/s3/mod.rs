//! S3: buckets, objects, versions, uploads in parts, replication.

use super::{Service, ServiceId, nothing_happens, whole_service};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output, World};
use bytes::Bytes;

pub const SERVICE: Service = Service {
    id: ServiceId::S3,
    handle,
    happen: nothing_happens,
    wants: whole_service,
};

#[derive(Clone, Default)]
pub struct State {}

/// One version of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    pub key: String,
    pub body: Bytes,
    pub etag: String,
}

/// The current version of an object.
pub fn object<'w>(_world: &'w World, _bucket: &str, _key: &str) -> Option<&'w Object> {
    None
}

fn handle(cx: &mut Cx<'_>, _operation: &str, _input: &Input) -> Result<Output, AwsError> {
    Err(cx.not_simulated())
}
