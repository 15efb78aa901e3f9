//! A mutating call, described before it is sent.
//!
//! The description is the whole input in AWS's own member names, so that the journal, the permissions, the dry run and
//! the equivalent AWS CLI command all come from one place. Sending happens later, once, by the engine.

use super::error::CloudError;
use drtool_engine::Place;
use drtool_engine::step::{Call, CallError, CallKind, CallRecord, Handle};
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::fmt::Write as _;
use std::future::Future;

/// A call that is ready to be sent, and has not been.
pub struct Outgoing {
    pub record: CallRecord,
    send: Box<dyn FnOnce() -> BoxFuture<'static, Result<Handle, CallError>> + Send>,
}

impl Outgoing {
    /// `service` is the AWS CLI's name of it; `request` the input in AWS's member names with sensitive members blanked.
    pub fn new<F>(
        service: &'static str,
        operation: &'static str,
        region: &str,
        resource: &str,
        request: Value,
        send: impl FnOnce() -> F + Send + 'static,
    ) -> Outgoing
    where
        F: Future<Output = Result<Handle, CloudError>> + Send + 'static,
    {
        let cli = as_cli(service, operation, region, &request);
        let record = CallRecord {
            service: service.to_owned(),
            operation: operation.to_owned(),
            region: place(region),
            resource: resource.to_owned(),
            token: None,
            request,
            cli,
        };
        Outgoing {
            record,
            send: Box::new(move || {
                Box::pin(async move {
                    match send().await {
                        // Taking away what is gone already is what was wanted.
                        Err(error) if removes(operation) && error.not_found() => {
                            Ok(Handle::default())
                        }
                        // And giving what is given already.
                        Err(error) if already(operation, error.code()) => Ok(Handle::default()),
                        other => other.map_err(CloudError::into_call_error),
                    }
                })
            }),
        }
    }

    /// The stored token that makes sending it again harmless.
    pub fn token(mut self, token: &str) -> Outgoing {
        self.record.token = Some(token.to_owned());
        self
    }

    /// As the engine takes it: with what undo must restore.
    pub fn with_before<B>(self, kind: CallKind, before: B) -> Call<B> {
        Call {
            record: self.record,
            kind,
            before,
            send: self.send,
        }
    }

    pub fn call<B: Default>(self, kind: CallKind) -> Call<B> {
        self.with_before(kind, B::default())
    }
}

/// Whether a refusal says that the very same thing is there: a rule or an attachment has no name that could be a
/// stranger's.
fn already(operation: &str, code: Option<&str>) -> bool {
    matches!(
        (operation, code),
        (
            "AuthorizeSecurityGroupIngress" | "AuthorizeSecurityGroupEgress",
            Some("InvalidPermission.Duplicate")
        ) | ("AttachInternetGateway", Some("Resource.AlreadyAssociated"))
    )
}

/// Whether an operation takes something away.
fn removes(operation: &str) -> bool {
    [
        "Delete",
        "Release",
        "Detach",
        "Disassociate",
        "Deregister",
        "Remove",
        "Revoke",
        "Stop",
    ]
    .iter()
    .any(|verb| operation.starts_with(verb))
}

/// A region as the engine names it. Regions come from manifests, captures and this crate's own constants, which are
/// all checked where they are read.
fn place(region: &str) -> Place {
    Place::new(region).unwrap_or_else(|bad| unreachable!("{bad}"))
}

/// A call that is sent by an SDK builder. The handle is the resource's name, or what the last argument reads from
/// the answer.
macro_rules! outgoing {
    ($service:expr, $operation:literal, $region:expr, $resource:expr, $request:expr, $call:expr) => {
        outgoing!(
            $service,
            $operation,
            $region,
            $resource,
            $request,
            $call,
            |_| None
        )
    };
    ($service:expr, $operation:literal, $region:expr, $resource:expr, $request:expr, $call:expr, $id:expr) => {{
        let call = $call;
        let resource = ($resource).to_string();
        let refusal = $crate::cloud::refused($service, $operation, $region, &resource);
        let name = resource.clone();
        $crate::cloud::call::Outgoing::new(
            $service,
            $operation,
            $region,
            &name,
            $request,
            move || async move {
                let answer = call.send().await.map_err(refusal)?;
                Ok($crate::cloud::call::handle(
                    $crate::cloud::call::read(&answer, $id).unwrap_or(resource),
                ))
            },
        )
    }};
}
pub(crate) use outgoing;

/// Reads an id from an answer (a function, so that the closure's argument has a type).
pub fn read<T>(answer: &T, id: impl FnOnce(&T) -> Option<String>) -> Option<String> {
    id(answer)
}

pub fn handle(id: impl Into<String>) -> Handle {
    Handle::of(id)
}

/// The AWS CLI command that does the same.
pub fn as_cli(service: &str, operation: &str, region: &str, request: &Value) -> String {
    let command = match service {
        "elasticloadbalancing" => "elbv2",
        "servicequotas" => "service-quotas",
        other => other,
    };
    let mut line = format!("aws {command} {}", kebab(operation));
    if !region.is_empty() && region != "global" {
        let _ = write!(line, " --region {region}");
    }
    if request
        .as_object()
        .is_some_and(|members| !members.is_empty())
    {
        let quoted = request.to_string().replace('\'', r"'\''");
        let _ = write!(line, " --cli-input-json '{quoted}'");
    }
    line
}

/// `CopyDBSnapshot` → `copy-db-snapshot`, as the AWS CLI names its commands.
fn kebab(operation: &str) -> String {
    let letters: Vec<char> = operation.chars().collect();
    let mut out = String::new();
    for (i, letter) in letters.iter().enumerate() {
        let boundary = letter.is_uppercase()
            && i > 0
            && (letters[i - 1].is_lowercase()
                || letters[i - 1].is_ascii_digit()
                || letters.get(i + 1).is_some_and(|next| next.is_lowercase()));
        if boundary {
            out.push('-');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_named_as_the_cli_names_them() {
        assert_eq!(kebab("CopyDBSnapshot"), "copy-db-snapshot");
        assert_eq!(
            kebab("RestoreDBInstanceFromDBSnapshot"),
            "restore-db-instance-from-db-snapshot"
        );
        assert_eq!(
            kebab("ReplicateSecretToRegions"),
            "replicate-secret-to-regions"
        );
        assert_eq!(kebab("CreateVpc"), "create-vpc");
    }
}
