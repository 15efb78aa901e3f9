//! Refusals that no service writes itself, in each service's own words: codes, statuses and texts as AWS has them.

use super::validate::{Violation, What};
use crate::error::AwsError;
use crate::model::Kind;
use crate::services::ServiceId;

/// How a service speaks of a bad parameter.
enum Manner {
    /// `MissingParameter`, `InvalidParameterValue`: EC2 and RDS, one at a time.
    Parameter,
    /// `1 validation error detected: Value null at 'x' failed to satisfy constraint: …` under this code.
    Constraint(&'static str),
    S3,
}

fn manner(service: ServiceId) -> Manner {
    match service {
        ServiceId::Ec2 | ServiceId::Rds => Manner::Parameter,
        ServiceId::Iam | ServiceId::Sts | ServiceId::Elbv2 | ServiceId::Cloudwatch => {
            Manner::Constraint("ValidationError")
        }
        ServiceId::Acm
        | ServiceId::Autoscaling
        | ServiceId::Kms
        | ServiceId::Secrets
        | ServiceId::Ssm
        | ServiceId::Quotas => Manner::Constraint("ValidationException"),
        ServiceId::Ecr | ServiceId::Ecs | ServiceId::Logs | ServiceId::Tagging => {
            Manner::Constraint("InvalidParameterException")
        }
        ServiceId::Route53 => Manner::Constraint("InvalidInput"),
        ServiceId::S3 => Manner::S3,
    }
}

/// Members that the model does not allow.
pub fn violations(service: ServiceId, found: &[Violation]) -> AwsError {
    let Some(first) = found.first() else {
        return AwsError::new("InternalFailure", "no violation").status(500);
    };
    let dotted = first.path.join(".");
    if let Some(kind) = found.iter().find_map(|v| match v.what {
        What::Type(kind) => Some((kind, v.path.join("."))),
        _ => None,
    }) {
        return wrong_type(service, kind.0, &kind.1);
    }
    if let Some(unknown) = found.iter().find(|v| v.what == What::Unknown) {
        return unknown_member(service, &unknown.path.join("."));
    }
    match manner(service) {
        Manner::Parameter => match &first.what {
            What::Missing => AwsError::new(
                "MissingParameter",
                match service {
                    ServiceId::Rds => {
                        format!("The request must contain the parameter {dotted}.")
                    }
                    _ => format!(
                        "The request must contain the parameter {}",
                        lower_first(&dotted)
                    ),
                },
            ),
            What::Enum(value, _) => AwsError::new(
                "InvalidParameterValue",
                format!("Invalid value '{value}' for {dotted}."),
            ),
            What::Shorter(value, bound) | What::Less(value, bound) => AwsError::new(
                "InvalidParameterValue",
                format!(
                    "Value ( {value} ) for parameter {dotted} is invalid. Must be at least {bound}."
                ),
            ),
            What::Longer(value, bound) | What::More(value, bound) => AwsError::new(
                "InvalidParameterValue",
                format!(
                    "Value ( {value} ) for parameter {dotted} is invalid. Must be at most {bound}."
                ),
            ),
            What::Unknown | What::Type(_) => unknown_member(service, &dotted),
        },
        Manner::Constraint(code) => {
            let texts: Vec<String> = found.iter().map(constraint).collect();
            let plural = if texts.len() == 1 { "" } else { "s" };
            let message = format!(
                "{} validation error{plural} detected: {}",
                texts.len(),
                texts.join("; ")
            );
            AwsError::new(code, message)
        }
        Manner::S3 => match &first.what {
            What::Missing if first.path.len() > 1 => malformed_xml(),
            What::Missing => AwsError::new(
                "InvalidRequest",
                format!("Missing required parameter for this request: '{dotted}'"),
            ),
            What::Enum(..) if first.path.len() > 1 => malformed_xml(),
            What::Enum(value, _) => {
                AwsError::new("InvalidArgument", format!("Invalid value for {dotted}"))
                    .field("ArgumentName", dotted.as_str())
                    .field("ArgumentValue", value.as_str())
            }
            _ => AwsError::new("InvalidArgument", format!("Invalid value for {dotted}")),
        },
    }
}

pub fn malformed_xml() -> AwsError {
    AwsError::new(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}

fn constraint(violation: &Violation) -> String {
    let path: Vec<String> = violation
        .path
        .iter()
        .map(|part| match part.parse::<usize>() {
            Ok(_) => format!("{part}.member"),
            Err(_) => lower_first(part),
        })
        .collect();
    let at = path.join(".");
    let at = at.strip_suffix(".member").unwrap_or(&at);
    let (value, rule) = match &violation.what {
        What::Missing => (
            String::from("null"),
            String::from("Member must not be null"),
        ),
        What::Enum(value, values) => (
            format!("'{value}'"),
            format!(
                "Member must satisfy enum value set: [{}]",
                values.join(", ")
            ),
        ),
        What::Shorter(value, bound) => (
            format!("'{value}'"),
            format!("Member must have length greater than or equal to {bound}"),
        ),
        What::Longer(value, bound) => (
            format!("'{value}'"),
            format!("Member must have length less than or equal to {bound}"),
        ),
        What::Less(value, bound) => (
            format!("'{value}'"),
            format!("Member must have value greater than or equal to {bound}"),
        ),
        What::More(value, bound) => (
            format!("'{value}'"),
            format!("Member must have value less than or equal to {bound}"),
        ),
        What::Unknown | What::Type(_) => (String::from("?"), String::from("Member must be known")),
    };
    format!("Value {value} at '{at}' failed to satisfy constraint: {rule}")
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// A parameter that the model does not have. Stricter than AWS, which ignores many: a parameter that would be ignored
/// here may well do something there.
pub fn unknown_member(service: ServiceId, name: &str) -> AwsError {
    match service {
        ServiceId::Ec2 => AwsError::new(
            "UnknownParameter",
            format!("The parameter {name} is not recognized"),
        ),
        ServiceId::S3 | ServiceId::Route53 => malformed_xml(),
        ServiceId::Rds
        | ServiceId::Iam
        | ServiceId::Sts
        | ServiceId::Elbv2
        | ServiceId::Cloudwatch => {
            AwsError::new("MalformedInput", format!("Unexpected parameter: {name}"))
        }
        _ => AwsError::new(
            "SerializationException",
            format!("Unexpected field: {name}"),
        ),
    }
}

/// A parameter of another type than the model has.
pub fn wrong_type(service: ServiceId, kind: Kind, name: &str) -> AwsError {
    let wanted = match kind {
        Kind::Structure => "Structure",
        Kind::List => "List",
        Kind::Map => "Map",
        Kind::String => "String",
        Kind::Blob => "Blob",
        Kind::Integer => "Integer",
        Kind::Float => "Double",
        Kind::Boolean => "Boolean",
        Kind::Timestamp => "Timestamp",
    };
    match service {
        ServiceId::Ec2 | ServiceId::Rds => AwsError::new(
            "InvalidParameterValue",
            format!("Invalid value for parameter {name}: expected a value of type {wanted}"),
        ),
        ServiceId::Iam | ServiceId::Sts | ServiceId::Elbv2 => AwsError::new(
            "MalformedInput",
            format!("{name}: the value cannot be converted to {wanted}"),
        ),
        ServiceId::S3 => AwsError::new(
            "InvalidArgument",
            format!("Provided {name} not an integer or within integer range"),
        ),
        ServiceId::Route53 => AwsError::new(
            "InvalidInput",
            format!("{name}: the value cannot be converted to {wanted}"),
        ),
        _ => AwsError::new(
            "SerializationException",
            format!("{name}: the value can not be converted to {wanted}"),
        ),
    }
}

/// The caller calls too fast.
pub fn throttled(service: ServiceId) -> AwsError {
    match service {
        ServiceId::Ec2 => {
            AwsError::new("RequestLimitExceeded", "Request limit exceeded.").status(503)
        }
        ServiceId::S3 => AwsError::new("SlowDown", "Please reduce your request rate.").status(503),
        ServiceId::Rds
        | ServiceId::Elbv2
        | ServiceId::Iam
        | ServiceId::Sts
        | ServiceId::Cloudwatch
        | ServiceId::Route53 => AwsError::new("Throttling", "Rate exceeded").status(400),
        ServiceId::Quotas => {
            AwsError::new("TooManyRequestsException", "Too many requests").status(400)
        }
        ServiceId::Tagging => AwsError::new("ThrottledException", "Rate exceeded").status(400),
        _ => AwsError::new("ThrottlingException", "Rate exceeded").status(400),
    }
}

/// IAM says no.
pub fn denied(service: ServiceId, message: &str) -> AwsError {
    match service {
        ServiceId::Ec2 => AwsError::new("UnauthorizedOperation", message).status(403),
        ServiceId::Rds
        | ServiceId::Elbv2
        | ServiceId::Iam
        | ServiceId::Sts
        | ServiceId::Cloudwatch
        | ServiceId::Route53 => AwsError::new("AccessDenied", message).status(403),
        ServiceId::S3 => AwsError::new("AccessDenied", message).status(403),
        _ => AwsError::new("AccessDeniedException", message).status(400),
    }
}

/// A session that is over.
pub fn expired(service: ServiceId) -> AwsError {
    let message = "The security token included in the request is expired";
    match service {
        ServiceId::Ec2 => AwsError::new("RequestExpired", "Request has expired.").status(400),
        ServiceId::S3 => {
            AwsError::new("ExpiredToken", "The provided token has expired.").status(400)
        }
        ServiceId::Rds
        | ServiceId::Elbv2
        | ServiceId::Iam
        | ServiceId::Sts
        | ServiceId::Cloudwatch
        | ServiceId::Route53 => AwsError::new("ExpiredToken", message).status(403),
        _ => AwsError::new("ExpiredTokenException", message).status(400),
    }
}

/// An access key that nobody has.
pub fn unknown_key(service: ServiceId) -> AwsError {
    match service {
        ServiceId::Ec2 => AwsError::new(
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
        )
        .status(401),
        ServiceId::S3 => AwsError::new(
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        )
        .status(403),
        service => AwsError::new(
            if json(service) {
                "UnrecognizedClientException"
            } else {
                "InvalidClientTokenId"
            },
            "The security token included in the request is invalid.",
        )
        .status(if json(service) { 400 } else { 403 }),
    }
}

pub fn bad_signature(service: ServiceId) -> AwsError {
    let message = "The request signature we calculated does not match the signature you provided. \
                   Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
    match service {
        ServiceId::Ec2 => AwsError::new(
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
        )
        .status(401),
        service if json(service) => AwsError::new("InvalidSignatureException", message).status(400),
        _ => AwsError::new("SignatureDoesNotMatch", message).status(403),
    }
}

/// The request's date is more than 15 minutes from the world's.
pub fn skewed(service: ServiceId, date: &str, now: &str) -> AwsError {
    match service {
        ServiceId::S3 => AwsError::new(
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        )
        .status(403)
        .field("RequestTime", date)
        .field("ServerTime", now)
        .field("MaxAllowedSkewMilliseconds", "900000"),
        ServiceId::Ec2 => AwsError::new("RequestExpired", "Request has expired.").status(400),
        service => {
            let message = format!("Signature expired: {date} is now earlier than {now} - 15 min.");
            match json(service) {
                true => AwsError::new("InvalidSignatureException", message).status(400),
                false => AwsError::new("SignatureDoesNotMatch", message).status(403),
            }
        }
    }
}

pub fn unsigned(service: Option<ServiceId>) -> AwsError {
    match service {
        Some(ServiceId::S3) => AwsError::new("AccessDenied", "Access Denied").status(403),
        Some(service) if json(service) => AwsError::new(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        )
        .status(400),
        _ => AwsError::new(
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        )
        .status(403),
    }
}

/// A page token that this operation did not hand out.
pub fn bad_page(service: ServiceId) -> AwsError {
    match service {
        ServiceId::Ec2 => AwsError::new(
            "InvalidNextToken",
            "The token provided is not valid for this request.",
        ),
        ServiceId::Rds => AwsError::new(
            "InvalidParameterValue",
            "Unable to parse pagination marker.",
        ),
        ServiceId::Iam => AwsError::new("ValidationError", "Invalid Marker."),
        ServiceId::Elbv2 => AwsError::new("ValidationError", "The marker is not valid"),
        ServiceId::Kms => AwsError::new("InvalidMarkerException", "Invalid marker."),
        ServiceId::Ssm => AwsError::new("InvalidNextToken", "The specified token isn't valid."),
        ServiceId::Logs => AwsError::new(
            "InvalidParameterException",
            "The specified nextToken is invalid.",
        ),
        ServiceId::Secrets | ServiceId::Autoscaling => AwsError::new(
            "InvalidNextTokenException",
            "The NextToken value is invalid.",
        ),
        ServiceId::Route53 => AwsError::new("InvalidInput", "The marker is invalid."),
        ServiceId::Cloudwatch => AwsError::new("InvalidNextToken", "Invalid nextToken"),
        ServiceId::Quotas => AwsError::new("InvalidPaginationTokenException", "Invalid NextToken"),
        ServiceId::Tagging => AwsError::new(
            "PaginationTokenExpiredException",
            "The pagination token is not valid or has expired.",
        ),
        ServiceId::S3 => AwsError::new(
            "InvalidArgument",
            "The continuation token provided is incorrect",
        ),
        ServiceId::Acm => AwsError::new("ValidationException", "Invalid NextToken"),
        _ => AwsError::new("InvalidParameterException", "Invalid token"),
    }
}

/// AWS itself fails.
/// A service that cannot do it now, in its own form, and why.
pub fn unavailable(service: ServiceId, why: &str) -> AwsError {
    AwsError {
        message: why.to_owned(),
        ..broken(service, 503)
    }
}

pub fn broken(service: ServiceId, status: u16) -> AwsError {
    let (code, message) = match (service, status) {
        (ServiceId::S3, 503) => ("ServiceUnavailable", "Reduce your request rate."),
        (ServiceId::S3, _) => (
            "InternalError",
            "We encountered an internal error. Please try again.",
        ),
        (ServiceId::Ec2, 503) => (
            "Unavailable",
            "The server is overloaded and can't handle the request.",
        ),
        (ServiceId::Ec2, _) => ("InternalError", "An internal error has occurred"),
        (service, 503) if json(service) => (
            "ServiceUnavailableException",
            "The service is temporarily unavailable.",
        ),
        (_, 503) => ("ServiceUnavailable", "Service is unable to handle request."),
        (ServiceId::Ecs | ServiceId::Ecr, _) => (
            "ServerException",
            "Service Unavailable. Please try again later.",
        ),
        (service, _) if json(service) => (
            "InternalServerError",
            "We encountered an internal error. Please try again.",
        ),
        _ => (
            "InternalFailure",
            "We encountered an internal error. Please try again.",
        ),
    };
    AwsError::new(code, message).status(status)
}

fn json(service: ServiceId) -> bool {
    !matches!(
        service,
        ServiceId::Rds
            | ServiceId::Ec2
            | ServiceId::Elbv2
            | ServiceId::Iam
            | ServiceId::Sts
            | ServiceId::Cloudwatch
            | ServiceId::Route53
            | ServiceId::S3
    )
}
