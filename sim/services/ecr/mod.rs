//! ECR: repositories, images, replication, and the registry that container engines speak to.

pub mod registry;

use super::{Service, ServiceId, nothing_happens, whole_service};
use crate::error::AwsError;
use crate::world::{Cx, Input, Output, World};

pub const SERVICE: Service = Service {
    id: ServiceId::Ecr,
    handle,
    happen: nothing_happens,
    wants: whole_service,
};

#[derive(Clone, Default)]
pub struct State {}

/// An image as a container engine gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    pub registry: String,
    pub region: String,
    pub repository: String,
    pub digest: String,
    pub media_type: String,
    /// The manifest's bytes.
    pub manifest: String,
    /// Compressed, with its layers.
    pub size: u64,
}

/// Pulls an image for a task: by the role's permissions, from the registry that the URI names. The error is written as
/// ECS shows it in `CannotPullContainerError`.
pub fn pull(
    _world: &World,
    _role_arn: &str,
    _region: &str,
    image_uri: &str,
) -> Result<Image, String> {
    Err(format!(
        "pull image manifest has been retried 1 time(s): failed to resolve ref {image_uri}: not found"
    ))
}

fn handle(cx: &mut Cx<'_>, _operation: &str, _input: &Input) -> Result<Output, AwsError> {
    Err(cx.not_simulated())
}
