//! AWS errors, classified once: per service, operation and code.
//!
//! A code means different things in different services (`LimitExceededException` throttles in some and is a final
//! quota in others), so the table asks for all three. An outcome that nobody knows (no answer after sending) is a
//! class of its own and is never folded into a retry.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use drtool_engine::step::{CallError, Class, StepError};
use std::fmt;

/// What came of an AWS call that did not succeed.
#[derive(Debug, Clone)]
pub struct CloudError {
    pub service: &'static str,
    pub operation: &'static str,
    pub region: String,
    /// The resource that the call was about, as people know it.
    pub resource: String,
    pub kind: Failure,
}

#[derive(Debug, Clone)]
pub enum Failure {
    /// AWS said no.
    Refused {
        code: String,
        message: String,
        status: u16,
        request_id: Option<String>,
    },
    /// Nothing was sent, or nothing can have been executed (no connection, no credentials).
    NotSent(String),
    /// Sent, and no usable answer came back: executed or not, nobody knows.
    Unknown(String),
    /// Sent, and what came back cannot be read: executed or not, nobody knows.
    Unreadable(String),
}

impl CloudError {
    pub fn from_sdk<E>(
        service: &'static str,
        operation: &'static str,
        region: &str,
        resource: &str,
        error: SdkError<E, HttpResponse>,
    ) -> CloudError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let kind = match &error {
            SdkError::ServiceError(inner) => {
                let raw = inner.raw();
                let status = raw.status().as_u16();
                let request_id = ["x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"]
                    .iter()
                    .find_map(|name| raw.headers().get(*name))
                    .map(str::to_owned)
                    .or_else(|| {
                        inner
                            .err()
                            .meta()
                            .extra("aws_request_id")
                            .map(str::to_owned)
                    });
                match inner.err().code() {
                    Some(code) => Failure::Refused {
                        code: code.to_owned(),
                        message: inner.err().message().unwrap_or_default().to_owned(),
                        status,
                        request_id,
                    },
                    // It says that it went well, and not in a way that can be read.
                    None if status < 400 => Failure::Unreadable(format!(
                        "HTTP {status} with a body that cannot be read"
                    )),
                    // HEAD requests and foreign bodies carry no code; the status is all there is.
                    None if status < 500 => Failure::Refused {
                        code: status.to_string(),
                        message: String::new(),
                        status,
                        request_id,
                    },
                    None => Failure::Unknown(format!("HTTP {status} without an AWS error code")),
                }
            }
            SdkError::ResponseError(_) => Failure::Unreadable(chain(&error)),
            SdkError::ConstructionFailure(_) => Failure::NotSent(chain(&error)),
            SdkError::DispatchFailure(dispatch) if dispatch.is_user() => {
                Failure::NotSent(chain(&error))
            }
            // A refused or timed-out *connection* cannot have executed anything, but the SDK does not tell it from a
            // reset mid-answer reliably: unknown is the safe reading.
            _ => Failure::Unknown(chain(&error)),
        };
        CloudError {
            service,
            operation,
            region: region.to_owned(),
            resource: resource.to_owned(),
            kind,
        }
    }

    pub fn code(&self) -> Option<&str> {
        match &self.kind {
            Failure::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether AWS answered that the thing does not exist.
    pub fn not_found(&self) -> bool {
        self.code().is_some_and(|code| {
            code.contains("NotFound")
                || code.starts_with("NoSuch")
                || code == "404"
                || code == "ClusterNotFoundException"
                || code == "ServiceNotActiveException"
        })
    }

    pub fn is(&self, wanted: &str) -> bool {
        self.code() == Some(wanted)
    }

    /// Whether AWS's message begins so: for codes that stand for several things.
    pub fn says(&self, start: &str) -> bool {
        matches!(&self.kind, Failure::Refused { message, .. } if message.starts_with(start))
    }

    /// Whether AWS answered that whoever asks may not.
    pub fn denied(&self) -> bool {
        self.code().is_some_and(|code| {
            [
                "AccessDenied",
                "AccessDeniedException",
                "UnauthorizedOperation",
                "AuthorizationError",
                "NotAuthorized",
            ]
            .contains(&code)
        })
    }

    pub fn class(&self) -> Class {
        match &self.kind {
            Failure::Refused {
                code,
                status,
                message,
                ..
            } => classify(self.service, self.operation, code, *status, message),
            Failure::NotSent(_) | Failure::Unknown(_) => Class::Retry,
            Failure::Unreadable(_) => Class::Unreadable,
        }
    }

    fn text(&self) -> String {
        match &self.kind {
            Failure::Refused { code, message, .. } if message.is_empty() => code.clone(),
            Failure::Refused { code, message, .. } => format!("{code}: {message}"),
            Failure::NotSent(why) | Failure::Unknown(why) | Failure::Unreadable(why) => why.clone(),
        }
    }

    /// As the outcome of a mutating call.
    pub fn into_call_error(self) -> CallError {
        let what = self.to_string();
        let class = self.class();
        match self.kind {
            Failure::Refused {
                code,
                message,
                status,
                request_id,
            } => {
                // A 5xx of a mutating call may have been executed before it failed.
                if status >= 500 && class == Class::Retry {
                    CallError::Unknown { what }
                } else {
                    CallError::Refused {
                        class,
                        code,
                        message,
                        request_id,
                    }
                }
            }
            Failure::NotSent(why) => CallError::Refused {
                class: Class::Retry,
                code: "NotSent".into(),
                message: why,
                request_id: None,
            },
            Failure::Unknown(_) | Failure::Unreadable(_) => CallError::Unknown { what },
        }
    }

    /// As the failure of a look: nothing was asked to change.
    pub fn into_step_error(self) -> StepError {
        let request_id = match &self.kind {
            Failure::Refused { request_id, .. } => request_id.clone(),
            _ => None,
        };
        StepError::new("E4010", self.class(), self.text())
            .call(self.service, self.operation)
            .resource(format!("{} in {}", self.resource, self.region))
            .request(request_id)
    }
}

impl From<CloudError> for StepError {
    fn from(error: CloudError) -> StepError {
        error.into_step_error()
    }
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} on {} in {}: {}",
            self.service,
            self.operation,
            self.resource,
            self.region,
            self.text()
        )
    }
}

impl std::error::Error for CloudError {}

/// An error and its causes in one line, each part once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut parts: Vec<String> = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if parts.last() != Some(&text) {
            parts.push(text);
        }
        cause = inner.source();
    }
    parts.join(": ")
}

/// The class of a refusal. Sources: the services' API references and botocore's retry tables.
fn classify(service: &str, operation: &str, code: &str, status: u16, message: &str) -> Class {
    match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "EC2ThrottledException"
        | "SlowDown"
        | "PriorRequestNotComplete"
        | "BandwidthLimitExceeded"
        | "TransactionInProgressException"
        | "RequestTimeout"
        | "RequestTimeoutException" => return Class::Retry,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "AuthFailure"
        | "SignatureDoesNotMatch" => return Class::Pause,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "AuthorizationError"
        | "NotAuthorized"
        | "OptInRequired" => return Class::Pause,
        "NotSimulated" => return Class::Fail,
        // The name is taken: by us, in a life whose answer was lost, or by a stranger. Lists may lag, so only the next looks
        // can tell which.
        "InvalidSubnet.Conflict" | "RouteAlreadyExists" | "Resource.AlreadyAssociated" => {
            return Class::Wait;
        }
        taken if taken.contains("AlreadyExists") || taken.contains("Duplicate") => {
            return Class::Wait;
        }
        // What is to be taken away is not there any more: by a call of ours whose answer was lost, mostly. Lists may still
        // show it, so only the next looks can tell.
        gone if takes_away(operation) && says_gone(gone) => return Class::Wait,
        _ => {}
    }
    match (service, code) {
        // Quotas and capacity: a person can lift them, progress is kept.
        (
            _,
            "SnapshotQuotaExceeded"
            | "InstanceQuotaExceeded"
            | "StorageQuotaExceeded"
            | "VpcLimitExceeded",
        ) => Class::Pause,
        (_, "AddressLimitExceeded" | "NatGatewayLimitExceeded") => Class::Pause,
        // Another class may be there, or offered.
        ("rds", "InsufficientDBInstanceCapacity" | "InsufficientDBClusterCapacityFault") => {
            Class::Scarce
        }
        ("rds", "InvalidParameterCombination") if message.contains("DBInstanceClass=") => {
            Class::Scarce
        }
        ("rds", "InvalidParameterValue") if message.starts_with("Invalid DB Instance class") => {
            Class::Scarce
        }
        (_, "TooManyLoadBalancers" | "TooManyTargetGroups" | "TooManyListeners") => Class::Pause,
        (_, "LimitExceededException" | "LimitExceeded" | "ServiceQuotaExceededException") => {
            Class::Pause
        }
        // The state of something else has to change first; it does so by itself.
        (
            "rds",
            "InvalidDBInstanceState" | "InvalidDBSnapshotState" | "InvalidDBClusterStateFault",
        ) => Class::Wait,
        (
            "rds",
            "InvalidDBParameterGroupState"
            | "InvalidOptionGroupStateFault"
            | "InvalidDBSubnetGroupStateFault"
            | "InvalidDBClusterSnapshotStateFault",
        ) => Class::Wait,
        ("ec2", "DependencyViolation" | "IncorrectState" | "InvalidIPAddress.InUse") => Class::Wait,
        (
            "kms",
            "KMSInvalidStateException" | "DependencyTimeoutException" | "KMSInternalException",
        ) => Class::Wait,
        ("logs", "OperationAbortedException" | "ServiceUnavailableException") => Class::Wait,
        ("application-autoscaling", "ConcurrentUpdateException" | "InternalServiceException") => {
            Class::Wait
        }
        // It is there already, by a call of ours whose answer was lost: an update takes no tags.
        ("application-autoscaling", "ValidationException")
            if message.contains("existing scalable target") =>
        {
            Class::Wait
        }
        ("elasticloadbalancing", "ResourceInUse" | "ResourceInUseException") => Class::Wait,
        ("iam", "DeleteConflict" | "ConcurrentModification" | "EntityTemporarilyUnmodifiable") => {
            Class::Wait
        }
        ("acm", "ResourceInUseException") => Class::Wait,
        (
            "ecs",
            "ClusterContainsServicesException"
            | "ClusterContainsTasksException"
            | "UpdateInProgressException",
        ) => Class::Wait,
        ("ecs", "InvalidParameterException")
            if message.contains("Draining") || message.contains("idempotent") =>
        {
            Class::Wait
        }
        ("s3", "OperationAborted" | "409") => Class::Wait,
        // What was just made may not be visible to its neighbour yet.
        ("ec2", other) if other.ends_with(".NotFound") && !operation.starts_with("Describe") => {
            Class::Wait
        }
        _ if status >= 500 => Class::Retry,
        _ => Class::Fail,
    }
}

fn takes_away(operation: &str) -> bool {
    [
        "Delete",
        "Deregister",
        "Detach",
        "Disassociate",
        "Release",
        "Remove",
        "Revoke",
        "Stop",
    ]
    .iter()
    .any(|verb| operation.starts_with(verb))
}

fn says_gone(code: &str) -> bool {
    code.contains("NotFound")
        || code.starts_with("NoSuch")
        || ["Gateway.NotAttached", "ServiceNotActiveException"].contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_already_is_looked_at_again_and_only_where_it_was_to_go() {
        for (service, operation, code) in [
            ("ec2", "DetachInternetGateway", "Gateway.NotAttached"),
            ("rds", "DeleteDBInstance", "DBInstanceNotFound"),
            ("iam", "DeleteRolePolicy", "NoSuchEntity"),
        ] {
            let class = classify(service, operation, code, 400, "");
            assert_eq!(class, Class::Wait, "{operation}");
        }
        let class = classify("rds", "ModifyDBInstance", "DBInstanceNotFound", 404, "");
        assert_eq!(class, Class::Fail);
    }

    #[test]
    fn only_what_another_class_would_mend_is_scarce() {
        let restore = |code, message| {
            let operation = "RestoreDBInstanceFromDBSnapshot";
            classify("rds", operation, code, 400, message)
        };
        let offered = "RDS does not support creating a DB instance with the following combination: DBInstanceClass=db.x, Engine=postgres";
        for (code, message) in [
            ("InsufficientDBInstanceCapacity", "no capacity"),
            ("InvalidParameterCombination", offered),
            ("InvalidParameterValue", "Invalid DB Instance class: db.x"),
        ] {
            assert_eq!(restore(code, message), Class::Scarce, "{code}");
        }
        for (code, message) in [
            ("InvalidParameterCombination", "Cannot specify both"),
            ("DBSnapshotNotFound", ""),
            ("KMSKeyNotAccessibleFault", ""),
            ("InvalidVPCNetworkStateFault", ""),
        ] {
            assert_eq!(restore(code, message), Class::Fail, "{code}");
        }
        assert_eq!(restore("InstanceQuotaExceeded", ""), Class::Pause);
        assert_eq!(restore("AccessDenied", ""), Class::Pause);
    }

    #[test]
    fn the_same_code_is_classified_by_service() {
        assert_eq!(
            classify("rds", "ModifyDBInstance", "InvalidDBInstanceState", 400, ""),
            Class::Wait
        );
        assert_eq!(
            classify("ecr", "CreateRepository", "LimitExceededException", 400, ""),
            Class::Pause
        );
        assert_eq!(
            classify("route53", "ChangeResourceRecordSets", "Throttling", 400, ""),
            Class::Retry
        );
        assert_eq!(
            classify(
                "route53",
                "ChangeResourceRecordSets",
                "InvalidChangeBatch",
                400,
                ""
            ),
            Class::Fail
        );
        assert_eq!(
            classify("ec2", "CreateSubnet", "InvalidVpcID.NotFound", 400, ""),
            Class::Wait
        );
    }

    #[test]
    fn a_name_that_is_taken_is_looked_at_again() {
        for (service, code) in [
            ("rds", "DBInstanceAlreadyExists"),
            ("ec2", "InvalidGroup.Duplicate"),
            ("ec2", "InvalidSubnet.Conflict"),
            ("elasticloadbalancing", "DuplicateListener"),
            ("ecr", "RepositoryAlreadyExistsException"),
        ] {
            assert_eq!(
                classify(service, "Create", code, 400, ""),
                Class::Wait,
                "{code}"
            );
        }
    }
}
