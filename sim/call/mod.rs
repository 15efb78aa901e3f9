//! The path of one call: who is meant, who calls, what goes wrong on purpose, what IAM says, what the operation does.
//!
//! Everything here is the same for every service; what an operation means is the service's own affair.

use crate::clock::{Dice, MINUTE, Nanos, Pert, SECOND};
use crate::error::AwsError;
use crate::faults::{Fault, Met};
use crate::model::{Model, Operation};
use crate::protocol::answer::Envelope;
use crate::protocol::{self, Decoded, Dialect, Undecoded, address, answer};
use crate::services::{ServiceId, s3};
use crate::world::{Answer, Caller, Input, Output, Reply, Request, Response, World};
use bytes::Bytes;
use serde_json::Value;

pub mod caller;
mod execute;
mod fingerprint;
mod log;
pub mod pages;
pub mod refusal;
mod spoil;
pub mod throttle;
pub mod validate;

#[cfg(test)]
pub(crate) mod tests;

use execute::{Ask, paged};
pub use execute::{invoke, invoke_as, replay};
pub use fingerprint::{fingerprint, hash};
pub use log::{Access, Executed, Log};
use spoil::{enlarged, odd_status};

/// How long AWS takes to answer: most calls tens of milliseconds. An assumption; nobody publishes it.
const LATENCY: Pert = Pert(0.005, 0.018, 0.08);

/// Whether an operation, by its name, changes nothing.
pub fn reads(service: ServiceId, operation: &str) -> bool {
    const VERBS: &[&str] = &[
        "Describe",
        "List",
        "Get",
        "Head",
        "BatchGet",
        "BatchCheck",
        "Search",
        "Simulate",
        "Filter",
        "Test",
        "Select",
    ];
    let makes = matches!(
        (service, operation),
        (ServiceId::Sts, "GetSessionToken" | "GetFederationToken")
            | (ServiceId::Ecr, "GetAuthorizationToken")
    );
    !makes && VERBS.iter().any(|verb| operation.starts_with(verb))
}

/// Serves one request at the world's present instant.
pub fn serve(world: &mut World, request: &Request) -> Answer {
    let print = fingerprint(request);
    let now = world.now;
    let seconds = world.unix(now);
    let dice = world.dice;
    let scope = address::scope(request);
    let draw = draw(world, print, scope.as_ref());
    let latency = dice.duration(LATENCY, &["latency"], draw);
    let envelope = Envelope {
        request_id: request_id(dice, draw),
        now: seconds,
    };
    let Some(address) = place(world, request, scope.as_ref()) else {
        let (dialect, error) = protocol::nobody();
        let response = answer::error(&dialect, None, &error, &envelope);
        return digest(
            world,
            (request, print),
            Answer {
                latency,
                reply: Reply::Response(response),
            },
        );
    };
    let service = address.service;
    let model = service.model();
    let dialect = protocol::dialect(service, model, request);
    let mut access = Access {
        at: now,
        account: String::new(),
        arn: String::new(),
        service,
        region: address.region.clone(),
        operation: String::from("?"),
        request_id: envelope.request_id.clone(),
        status: 0,
        error: None,
        executed: false,
        writes: false,
        latency,
        fault: None,
    };
    if let Some(fails_fast) = world.faults.control_dark(service, &address.region, now) {
        access.fault = Some(String::from("blackout"));
        world.log.put(access);
        let reply = if fails_fast {
            Reply::Reset
        } else {
            Reply::Silence
        };
        return digest(world, (request, print), Answer { latency, reply });
    }
    let decoded = protocol::decode(&dialect, model, request, address.bucket.as_deref());
    if let Ok(decoded) = &decoded {
        access.operation.clone_from(&decoded.operation.name);
        access.writes = !reads(service, &decoded.operation.name);
    }
    let mut call = Call {
        world,
        request,
        dialect: &dialect,
        model,
        envelope: &envelope,
        latency,
        region: &address.region,
        draw,
    };
    let caller = caller::identify(
        call.world,
        service,
        &address.region,
        request,
        scope.as_ref(),
        decoded.as_ref().ok(),
    );
    let refused = match (caller, decoded) {
        (Err(error), _) | (Ok(_), Err(Undecoded::Refused(error))) => Err(error),
        (Ok(caller), Err(Undecoded::NotSimulated(name))) => {
            access.account.clone_from(&caller.account);
            access.operation.clone_from(&name);
            Err(AwsError::not_simulated(service.id(), &name))
        }
        (Ok(caller), Ok(decoded)) => {
            access.account.clone_from(&caller.account);
            access.arn.clone_from(&caller.arn);
            Ok(call.go(caller, decoded, &mut access))
        }
    };
    let answer = refused.unwrap_or_else(|error| {
        access.error = Some(error.code.clone());
        call.refuse(&error)
    });
    access.latency = answer.latency;
    if let Reply::Response(response) = &answer.reply {
        access.status = response.status;
    }
    world.log.put(access);
    digest(world, (request, print), answer)
}

/// Where a request goes. A request to S3 that names no region (an old signature, none at all) and comes to no regional
/// host goes to the bucket's own.
fn place(
    world: &World,
    request: &Request,
    scope: Option<&address::Scope>,
) -> Option<address::Address> {
    let mut address = address::find(request, scope)?;
    let named =
        scope.is_some_and(|s| !s.region.is_empty()) || request.host.contains(".amazonaws.com");
    if address.service == ServiceId::S3 && !named {
        let bucket = address::bucket_of(&address, request);
        if let Some(region) = s3::bucket_region(world, &bucket) {
            address.region = region.to_owned();
        }
    }
    Some(address)
}

/// The ordinal of all chance in one call: what is asked, by which key, and how often that key has asked the same before.
/// Neither the time nor what anybody else asks is in it: one more read changes no other duration.
fn draw(world: &mut World, print: u64, scope: Option<&address::Scope>) -> u64 {
    let key = scope.map_or(0, |scope| hash(scope.access_key.as_bytes()));
    let asked = hash(&(print ^ key.rotate_left(17)).to_le_bytes());
    let nth = world.log.nth(asked);
    hash(&(asked ^ hash(&nth.to_le_bytes())).to_le_bytes())
}

/// A random UUID (version 4).
fn request_id(dice: Dice, draw: u64) -> String {
    let high = dice.hash(&["request"], draw);
    let low = dice.hash(&["request", "low"], draw);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

fn digest(world: &mut World, (request, print): (&Request, u64), answer: Answer) -> Answer {
    let now = world.now;
    world.log.write(now, request, &answer);
    let mut h = world.log.digest ^ print ^ answer.latency.rotate_left(32);
    h = match &answer.reply {
        Reply::Response(response) => {
            let mut h = hash(&h.to_le_bytes()) ^ u64::from(response.status);
            for (name, value) in &response.headers {
                h = hash(
                    &(h ^ hash(name.as_bytes()) ^ hash(value.as_bytes()).rotate_left(7))
                        .to_le_bytes(),
                );
            }
            h ^ hash(&response.body)
        }
        Reply::Reset => hash(&(h ^ 1).to_le_bytes()),
        Reply::Silence => hash(&(h ^ 2).to_le_bytes()),
    };
    world.log.digest = hash(&h.to_le_bytes());
    answer
}

/// One call on its way.
struct Call<'c> {
    world: &'c mut World,
    request: &'c Request,
    dialect: &'c Dialect,
    model: &'static Model,
    envelope: &'c Envelope,
    latency: Nanos,
    region: &'c str,
    draw: u64,
}

impl Call<'_> {
    fn respond(&self, response: Response) -> Answer {
        Answer {
            latency: self.latency,
            reply: Reply::Response(response),
        }
    }

    fn refuse(&self, error: &AwsError) -> Answer {
        self.respond(answer::error(
            self.dialect,
            Some(self.model),
            error,
            self.envelope,
        ))
    }

    fn go(&mut self, caller: Caller, decoded: Decoded, access: &mut Access) -> Answer {
        let service = self.dialect.service;
        let operation = decoded.operation;
        let name = operation.name.as_str();
        let now = self.world.now;
        if self.world.settings.throttle
            && !self
                .world
                .buckets
                .take(&caller.account, self.region, service, name, now)
        {
            let error = refusal::throttled(service);
            access.error = Some(error.code.clone());
            return self.refuse(&error);
        }
        let dice = self.world.dice;
        let met = Met {
            service,
            operation: name,
            account: &caller.account,
            region: self.region,
            writes: access.writes,
            draw: self.draw,
            request: self.request,
        };
        let fault = self.world.faults.meet(dice, now, &met).or_else(|| {
            // AWS adds statuses without asking: a client meets one now and then, whatever else goes wrong.
            let odd = !access.writes
                && dice.unit(&["odd status", name], self.draw) < self.world.settings.odd_statuses;
            odd.then(|| Fault::UnknownStatus {
                value: String::from("reconsidering"),
            })
        });
        if let Some(fault) = &fault {
            access.fault = Some(name_of(fault));
            if let Some(answer) = self.before(fault, service, operation, &caller, &decoded.input) {
                return answer;
            }
        }
        access.executed = true;
        if self.world.recording && access.writes {
            let executed = Executed {
                at: now,
                due: None,
                caller: caller.clone(),
                request: self.request.clone(),
            };
            self.world.executed.push(executed);
        }
        let ask = Ask {
            model: self.model,
            caller: &caller,
            region: self.region,
            service,
            operation,
            request_id: &self.envelope.request_id,
            repeats: matches!(fault, Some(Fault::Repeat)),
        };
        let result = paged(self.world, &ask, decoded.input);
        if let Err(error) = &result {
            access.error = Some(error.code.clone());
        }
        self.after(fault, operation, result)
    }

    /// What a fault makes of a request before it is executed; `None` if it is executed.
    fn before(
        &mut self,
        fault: &Fault,
        service: ServiceId,
        operation: &Operation,
        caller: &Caller,
        input: &Input,
    ) -> Option<Answer> {
        let latency = self.latency;
        let error = match fault {
            Fault::Throttle => refusal::throttled(service),
            Fault::Broken {
                status,
                executed: false,
            } => refusal::broken(service, *status),
            Fault::Error {
                code,
                message,
                status,
            } => AwsError {
                status: *status,
                ..AwsError::new(code, message)
            },
            Fault::AccessDenied => {
                let action = format!("{}:{}", service.action_prefix(), operation.name);
                let message = format!(
                    "User: {} is not authorized to perform: {action}",
                    caller.arn
                );
                refusal::denied(service, &message)
            }
            Fault::ExpiredToken => refusal::expired(service),
            Fault::LaterPage if pages::is_later(operation, &input.value) => {
                refusal::broken(service, 500)
            }
            Fault::Silence { executed: false } => {
                return Some(Answer {
                    latency,
                    reply: Reply::Silence,
                });
            }
            Fault::Reset => {
                return Some(Answer {
                    latency,
                    reply: Reply::Reset,
                });
            }
            Fault::Late { seconds } => {
                let after = ((seconds.max(0.0) * SECOND as f64) as Nanos).min(15 * MINUTE);
                let at = self.world.now + after;
                // What is on its way outlives this process: it is kept when it is held up, not when it arrives.
                if self.world.recording && !reads(service, &operation.name) {
                    self.world.executed.push(Executed {
                        at: self.world.now,
                        due: Some(at),
                        caller: caller.clone(),
                        request: self.request.clone(),
                    });
                }
                self.world
                    .faults
                    .postpone(at, self.request.clone(), caller.clone());
                return Some(Answer {
                    latency,
                    reply: Reply::Reset,
                });
            }
            _ => return None,
        };
        Some(self.refuse(&error))
    }

    /// The answer of an executed operation, and what a fault makes of it.
    fn after(
        &mut self,
        fault: Option<Fault>,
        operation: &Operation,
        result: Result<Output, AwsError>,
    ) -> Answer {
        let service = self.dialect.service;
        let result = match (&fault, result) {
            (Some(Fault::UnknownStatus { value }), Ok(mut output)) => {
                if let Some(shape) = operation.output {
                    odd_status(
                        self.model,
                        self.model.shape(shape),
                        &mut output.value,
                        value,
                    );
                }
                Ok(output)
            }
            (Some(Fault::Partial), Ok(mut output)) => {
                pages::halve(operation, &mut output.value);
                Ok(output)
            }
            (_, result) => result,
        };
        let mut response = match result {
            Ok(output) => {
                answer::output(self.dialect, self.model, operation, output, self.envelope)
            }
            Err(error) => answer::error(self.dialect, Some(self.model), &error, self.envelope),
        };
        match fault {
            Some(Fault::Broken { status, .. }) => self.refuse(&refusal::broken(service, status)),
            Some(Fault::Silence { .. }) => Answer {
                latency: self.latency,
                reply: Reply::Silence,
            },
            Some(Fault::ReplyLost) => Answer {
                latency: self.latency,
                reply: Reply::Reset,
            },
            Some(Fault::Truncated) => {
                let half = response.body.len() / 2;
                response.body = response.body.slice(..half);
                self.respond(response)
            }
            Some(Fault::UnknownMember) => {
                response.body = enlarged(&response.body);
                self.respond(response)
            }
            Some(Fault::Malformed) => {
                response.body =
                    Bytes::from_static(b"<html><body>upstream connect error</body></html>");
                self.respond(response)
            }
            Some(Fault::Slow { seconds }) => {
                self.latency += (seconds.max(0.0) * SECOND as f64) as Nanos;
                self.respond(response)
            }
            _ => self.respond(response),
        }
    }
}

fn name_of(fault: &Fault) -> String {
    match serde_json::to_value(fault) {
        Ok(Value::String(name)) => name,
        Ok(Value::Object(map)) => map.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}
