//! Operations, once it is known who calls and with what: permission, the service, the page that was asked for.

use super::{caller, draw, fingerprint, pages, place, reads, refusal, request_id, validate};
use crate::error::AwsError;
use crate::model::{Model, Operation};
use crate::protocol::{self, address};
use crate::services::{ServiceId, iam};
use crate::world::{Caller, Cx, Input, Output, Request, World};
use serde_json::Value;

/// One operation as its service will see it.
pub(super) struct Ask<'a> {
    pub(super) model: &'static Model,
    pub(super) caller: &'a Caller,
    pub(super) region: &'a str,
    pub(super) service: ServiceId,
    pub(super) operation: &'static Operation,
    pub(super) request_id: &'a str,
    /// Whether a page repeats the last item of the one before: a fault.
    pub(super) repeats: bool,
}

/// The operation, and the page of its answer that was asked for.
pub(super) fn paged(
    world: &mut World,
    ask: &Ask<'_>,
    mut input: Input,
) -> Result<Output, AwsError> {
    validate::input(ask.service, ask.model, ask.operation, &input.value)?;
    let page = pages::wanted(ask.service, ask.operation, &mut input.value)?;
    let mut output = execute(world, ask, &input)?;
    if let Some(mut page) = page {
        if ask.repeats {
            page.begin_earlier();
        }
        pages::cut(ask.model, ask.operation, &page, &mut output.value);
    }
    Ok(output)
}

/// Authorizes and does it. The input has been validated.
fn execute(world: &mut World, ask: &Ask<'_>, input: &Input) -> Result<Output, AwsError> {
    let (service, operation) = (ask.service, ask.operation);
    let seat = service.service();
    let mut cx = Cx {
        world,
        caller: ask.caller.clone(),
        region: ask.region.to_owned(),
        service,
        operation: operation.name.clone(),
        request_id: ask.request_id.to_owned(),
    };
    if !operation.unsigned && !cx.caller.account.is_empty() {
        for wanted in (seat.wants)(&cx, &operation.name, input) {
            let verdict = iam::authorize(cx.world, &cx.caller, &wanted, &cx.region);
            verdict.map_err(|error| match error.code.as_str() {
                "AccessDenied" | "AccessDeniedException" => {
                    refusal::denied(service, &error.message)
                }
                _ => error,
            })?;
        }
    }
    // EC2 stops here when it is only asked whether it would.
    if service == ServiceId::Ec2 && input.bool("DryRun") == Some(true) {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(AwsError::new("DryRunOperation", message).status(412));
    }
    let output = (seat.handle)(&mut cx, &operation.name, input)?;
    if !reads(service, &operation.name) {
        crate::oracle::witness(&mut cx, input, &output.value);
    }
    if cfg!(debug_assertions) {
        validate::output(service, ask.model, operation, &output.value)?;
    }
    Ok(output)
}

/// One operation without a wire, by the root of an account: validated, not throttled, met by no fault, not paged.
pub fn invoke(
    world: &mut World,
    account: &str,
    region: &str,
    service: ServiceId,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    let caller = caller::root(account, "");
    invoke_as(world, caller, region, service, operation, input)
}

/// The same by any principal.
pub fn invoke_as(
    world: &mut World,
    caller: Caller,
    region: &str,
    service: ServiceId,
    operation: &str,
    input: Value,
) -> Result<Value, AwsError> {
    let model = service.model();
    let Some(operation) = model.operation(operation) else {
        return Err(AwsError::not_simulated(service.id(), operation));
    };
    validate::input(service, model, operation, &input)?;
    let input = Input {
        value: input,
        ..Input::default()
    };
    let ask = Ask {
        model,
        caller: &caller,
        region,
        service,
        operation,
        request_id: "",
        repeats: false,
    };
    execute(world, &ask, &input).map(|output| output.value)
}

/// Executes a request again, or late: by the same caller, met by no fault, not throttled. Nobody hears the answer.
pub fn replay(world: &mut World, caller: &Caller, request: &Request) {
    let scope = address::scope(request);
    let Some(address) = place(world, request, scope.as_ref()) else {
        return;
    };
    let model = address.service.model();
    let dialect = protocol::dialect(address.service, model, request);
    let Ok(decoded) = protocol::decode(&dialect, model, request, address.bucket.as_deref()) else {
        return;
    };
    let draw = draw(world, fingerprint(request), scope.as_ref());
    let id = request_id(world.dice, draw);
    let ask = Ask {
        model,
        caller,
        region: &address.region,
        service: address.service,
        operation: decoded.operation,
        request_id: &id,
        repeats: false,
    };
    // A refusal is a result like any other.
    let _ = paged(world, &ask, decoded.input);
}
