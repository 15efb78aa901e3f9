//! ECS: clusters, task definitions, services, tasks.

use super::{Service, ServiceId, nothing_happens, whole_service};
use crate::error::AwsError;
use crate::plane::{Endpoint, HttpRequest};
use crate::world::{Cx, Input, Output, World};

pub const SERVICE: Service = Service {
    id: ServiceId::Ecs,
    handle,
    happen: nothing_happens,
    wants: whole_service,
};

#[derive(Clone, Default)]
pub struct State {}

/// What the process on a port of a task would answer to one request now.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskAnswer {
    /// Nobody listens there.
    Refused,
    /// It accepts and never answers.
    Silent,
    /// `by`: the task's ARN.
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
        by: String,
    },
}

/// What the process at `at` would answer now. Reachability is the caller's question ([`crate::plane`]).
pub fn answer(_world: &World, _at: &Endpoint, _request: &HttpRequest) -> TaskAnswer {
    TaskAnswer::Refused
}

fn handle(cx: &mut Cx<'_>, _operation: &str, _input: &Input) -> Result<Output, AwsError> {
    Err(cx.not_simulated())
}
