//! ACM: certificates, validated by looking at Route 53.
//!
//! A requested certificate is issued only when the CNAME that it asks for really answers in public DNS. Nothing here
//! knows cryptography: what looks like a certificate is text of the right shape, and an imported one is only read.

mod describe;
mod names;
mod pem;
mod request;
mod tags;
mod validation;

#[cfg(test)]
mod tests;

use super::{Service, ServiceId, Wanted};
use crate::clock::{DAY, HOUR, Nanos};
use crate::error::AwsError;
use crate::services::elbv2::certificate_users;
use crate::table::Table;
use crate::world::{Cx, Event, Input, Output, World};
use serde_json::{Value, json};

pub use names::covers;

pub const SERVICE: Service = Service {
    id: ServiceId::Acm,
    handle,
    happen,
    wants,
};

#[derive(Clone, Default)]
pub struct State {
    /// By ARN.
    certificates: Table<Certificate>,
    days_before_expiry: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    pub arn: String,
    /// The first of its names.
    pub domain: String,
    /// The domain name and the subject alternative names.
    pub names: Vec<String>,
    /// `PENDING_VALIDATION`, `ISSUED`, `VALIDATION_TIMED_OUT`, `FAILED`, `EXPIRED`.
    pub status: String,
    /// `AMAZON_ISSUED` or `IMPORTED`.
    pub kind: &'static str,
    /// Unix seconds of the end of its validity; 0 until it is issued.
    pub not_after: f64,
    not_before: f64,
    created: f64,
    issued: Option<f64>,
    failure: Option<&'static str>,
    method: String,
    validations: Vec<Validation>,
    /// The records to make are shown a few seconds after the request, not at once.
    records_shown_at: Nanos,
    key_algorithm: String,
    transparency: String,
    serial: String,
    /// The idempotency token and when it was used.
    token: Option<(String, Nanos)>,
    tags: Vec<(String, String)>,
    /// The texts of an imported certificate and of its chain.
    imported: Option<(String, Option<String>)>,
}

/// The proof that one name is the requester's.
#[derive(Clone, Debug, PartialEq)]
struct Validation {
    name: String,
    /// The record to make, the same for an account and name in every region and for ever.
    record: (String, String),
    done: bool,
    /// The record has been seen, and the proof is on its way.
    seen: bool,
}

const CERTIFICATES_PER_REGION: usize = 2_500;
const NAMES_PER_CERTIFICATE: usize = 10;
const TAGS_PER_CERTIFICATE: usize = 50;
/// How long an idempotency token is remembered.
const TOKEN_LIFE: Nanos = HOUR;
/// How long a request waits for its records.
const PATIENCE: Nanos = 72 * HOUR;
/// How long an issued certificate is valid.
const VALIDITY: Nanos = 198 * DAY;
/// How long before its end a certificate in use is renewed.
const RENEWAL: Nanos = 45 * DAY;

/// The certificate of an ARN, in whichever region that names.
pub fn certificate<'w>(world: &'w World, arn: &str) -> Option<&'w Certificate> {
    let (account, region) = place_of(arn)?;
    world.seen_place(account, region)?.acm.certificates.get(arn)
}

fn place_of(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.split(':');
    let region = parts.nth(3)?;
    Some((parts.next()?, region))
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    let output = match operation {
        "RequestCertificate" => request::request(cx, input)?,
        "DescribeCertificate" => describe::describe(cx, input)?,
        "ListCertificates" => describe::list(cx, input)?,
        "DeleteCertificate" => delete(cx, input)?,
        "ImportCertificate" => request::import(cx, input)?,
        "GetCertificate" => describe::text(cx, input)?,
        "AddTagsToCertificate" => tags::add_tags(cx, input)?,
        "RemoveTagsFromCertificate" => tags::remove_tags(cx, input)?,
        "ListTagsForCertificate" => json!({"Tags": tags::tags_json(&named(cx, input)?.tags)}),
        "UpdateCertificateOptions" => update_options(cx, input)?,
        "RenewCertificate" => renew(cx, input)?,
        "ExportCertificate" => {
            named(cx, input)?;
            return Err(validation_error(
                "Certificate ARN: the certificate is not exportable.",
            ));
        }
        "ResendValidationEmail" => resend(cx, input)?,
        "GetAccountConfiguration" => {
            json!({"ExpiryEvents": {"DaysBeforeExpiry": cx.place().acm.days_before_expiry.unwrap_or(45)}})
        }
        "PutAccountConfiguration" => {
            let days = input.value["ExpiryEvents"]["DaysBeforeExpiry"].as_i64();
            cx.place().acm.days_before_expiry = days;
            json!({})
        }
        _ => return Err(cx.not_simulated()),
    };
    Ok(output.into())
}

fn happen(world: &mut World, event: &Event) {
    match event.what {
        "look" => validation::look(world, event),
        "validated" => validation::validated(world, event),
        "timeout" => settle(world, event, |c| {
            if c.status == "PENDING_VALIDATION" {
                c.status = "VALIDATION_TIMED_OUT".into();
            }
        }),
        "refused" => settle(world, event, |c| fail(c, "DOMAIN_NOT_ALLOWED")),
        "expire" => expire(world, event),
        "renew" => renew_by_itself(world, event),
        _ => {}
    }
}

fn settle(world: &mut World, event: &Event, change: impl FnOnce(&mut Certificate)) {
    world
        .place(&event.account, &event.region)
        .acm
        .certificates
        .settle(&event.id, change);
}

fn fail(certificate: &mut Certificate, reason: &'static str) {
    if certificate.status == "PENDING_VALIDATION" {
        certificate.status = "FAILED".into();
        certificate.failure = Some(reason);
    }
}

fn wants(_: &Cx<'_>, operation: &str, input: &Input) -> Vec<Wanted> {
    let resource = input.str("CertificateArn").unwrap_or("*").to_owned();
    let mut context = Vec::new();
    if operation == "RequestCertificate" {
        context.extend(
            input
                .str("DomainName")
                .map(|name| ("acm:DomainNames".to_owned(), name.to_owned())),
        );
        context.extend(
            input
                .strings("SubjectAlternativeNames")
                .into_iter()
                .map(|n| ("acm:DomainNames".to_owned(), n)),
        );
        let method = input.str("ValidationMethod").unwrap_or("EMAIL").to_owned();
        context.push(("acm:ValidationMethod".to_owned(), method));
    }
    vec![Wanted {
        action: format!("acm:{operation}"),
        resource,
        context,
    }]
}

fn validation_error(message: &str) -> AwsError {
    AwsError::new("ValidationException", message)
}

fn missing(cx: &Cx<'_>, arn: &str) -> AwsError {
    let message = format!(
        "Could not find certificate {arn} in account {} in {}.",
        cx.caller.account, cx.region
    );
    AwsError::new("ResourceNotFoundException", message)
}

/// The certificate that an input names, as it is.
fn named<'c>(cx: &'c mut Cx<'_>, input: &Input) -> Result<&'c Certificate, AwsError> {
    let arn = input.str("CertificateArn").unwrap_or_default().to_owned();
    check_arn(cx, &arn)?;
    let gone = missing(cx, &arn);
    cx.place().acm.certificates.get(&arn).ok_or(gone)
}

fn check_arn(cx: &Cx<'_>, arn: &str) -> Result<(), AwsError> {
    let ours = cx.arn("acm", "certificate/");
    if arn.starts_with(&ours) {
        return Ok(());
    }
    if arn.starts_with("arn:aws:acm:") && arn.contains(":certificate/") {
        return Err(missing(cx, arn));
    }
    Err(AwsError::new(
        "InvalidArnException",
        format!("The ARN {arn} is not valid."),
    ))
}

fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = named(cx, input)?.arn.clone();
    let account = cx.caller.account.clone();
    if !certificate_users(cx.world, &arn).is_empty() {
        let message = format!("Certificate {arn} in account {account} is in use.");
        return Err(AwsError::new("ResourceInUseException", message));
    }
    let visible = cx.visible_at(&arn);
    cx.place().acm.certificates.remove(&arn, visible);
    cx.world
        .unschedule(|e| e.service == ServiceId::Acm && e.id == arn);
    Ok(json!({}))
}

fn update_options(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let certificate = named(cx, input)?;
    let arn = certificate.arn.clone();
    if certificate.kind == "IMPORTED" {
        return Err(AwsError::new(
            "InvalidStateException",
            "The options of an imported certificate cannot be changed.",
        ));
    }
    let options = input.value["Options"].clone();
    if options["Export"] == json!("ENABLED") {
        return Err(AwsError::new(
            "InvalidStateException",
            "The export option cannot be changed after the request.",
        ));
    }
    let visible = cx.visible_at(&arn);
    cx.place().acm.certificates.change(&arn, visible, |c| {
        if let Some(preference) = options["CertificateTransparencyLoggingPreference"].as_str() {
            c.transparency = preference.to_owned();
        }
    });
    Ok(json!({}))
}

fn renew(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let certificate = named(cx, input)?;
    if certificate.status == "PENDING_VALIDATION" {
        return Err(AwsError::new(
            "RequestInProgressException",
            "The certificate is not yet issued.",
        ));
    }
    Err(validation_error(
        "Only exported private certificates can be renewed with RenewCertificate.",
    ))
}

fn resend(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let certificate = named(cx, input)?;
    if certificate.method != "EMAIL" || certificate.status != "PENDING_VALIDATION" {
        return Err(AwsError::new(
            "InvalidStateException",
            "The certificate does not wait for an email validation.",
        ));
    }
    let domain = input.str("Domain").unwrap_or_default();
    if !certificate.names.iter().any(|n| n == domain) {
        let message = format!("{domain} is not a domain of the certificate.");
        return Err(AwsError::new(
            "InvalidDomainValidationOptionsException",
            message,
        ));
    }
    Ok(json!({}))
}

/// Gives a certificate its validity, and schedules its renewal and its end.
fn issue(world: &mut World, event: &Event) {
    let now = world.unix(world.now());
    let until = now + VALIDITY as f64 / crate::clock::SECOND as f64;
    settle(world, event, |c| {
        c.status = "ISSUED".into();
        c.issued = Some(now);
        c.not_before = now;
        c.not_after = until;
    });
    world.unschedule(|e| e.service == ServiceId::Acm && e.id == event.id);
    world.schedule(
        VALIDITY - RENEWAL,
        Event {
            what: "renew",
            detail: Value::Null,
            ..event.clone()
        },
    );
    world.schedule(
        VALIDITY,
        Event {
            what: "expire",
            detail: Value::Null,
            ..event.clone()
        },
    );
}

/// A certificate in use is issued anew if its records still answer; else it goes on until it expires.
fn renew_by_itself(world: &mut World, event: &Event) {
    let used = !certificate_users(world, &event.id).is_empty();
    let Some(certificate) = certificate(world, &event.id).cloned() else {
        return;
    };
    let proven = certificate
        .validations
        .iter()
        .all(|v| validation::answers(world, v));
    if used && proven && certificate.status == "ISSUED" {
        issue(world, event);
    }
}

fn expire(world: &mut World, event: &Event) {
    let now = world.unix(world.now());
    settle(world, event, |c| {
        // A millisecond of slack: the end is kept as a number of seconds, the event in nanoseconds.
        if c.status == "ISSUED" && c.not_after <= now + 0.002 {
            c.status = "EXPIRED".into();
        }
    });
}

/// Every tagged certificate as the tagging service lists them: ARN and tags.
pub fn tagged(world: &World, account: &str, region: &str) -> Vec<(String, Vec<(String, String)>)> {
    let Some(place) = world.seen_place(account, region) else {
        return vec![];
    };
    let certificates = place.acm.certificates.seen_all(world.now());
    certificates
        .filter(|(_, c)| !c.tags.is_empty())
        .map(|(_, c)| (c.arn.clone(), c.tags.clone()))
        .collect()
}
