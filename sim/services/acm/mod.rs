//! ACM: certificates, validated by looking at Route 53.
//!
//! A requested certificate is issued only when the CNAME that it asks for really answers in public DNS. Nothing here
//! knows cryptography: what looks like a certificate is text of the right shape, and an imported one is only read.

mod names;
mod pem;
mod validation;

#[cfg(test)]
mod tests;

use super::{Service, ServiceId, Wanted};
use crate::clock::{DAY, HOUR, Nanos, Pert};
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
        "RequestCertificate" => request(cx, input)?,
        "DescribeCertificate" => describe(cx, input)?,
        "ListCertificates" => list(cx, input)?,
        "DeleteCertificate" => delete(cx, input)?,
        "ImportCertificate" => import(cx, input)?,
        "GetCertificate" => text(cx, input)?,
        "AddTagsToCertificate" => add_tags(cx, input)?,
        "RemoveTagsFromCertificate" => remove_tags(cx, input)?,
        "ListTagsForCertificate" => json!({"Tags": tags_json(&named(cx, input)?.tags)}),
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

fn request(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let domain = input
        .str("DomainName")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut wanted = vec![domain.clone()];
    for name in input.strings("SubjectAlternativeNames") {
        let name = name.to_ascii_lowercase();
        if !wanted.contains(&name) {
            wanted.push(name);
        }
    }
    if let Some(bad) = wanted.iter().find(|name| !names::is_requestable(name)) {
        let message =
            format!("The domain name {bad} is not a valid domain name for a certificate.");
        return Err(AwsError::new("InvalidParameterException", message));
    }
    if wanted.len() > NAMES_PER_CERTIFICATE {
        let message = format!(
            "You cannot request more than {NAMES_PER_CERTIFICATE} domain names for one certificate."
        );
        return Err(AwsError::new("LimitExceededException", message));
    }
    let now = cx.now();
    let token = input.str("IdempotencyToken").map(str::to_owned);
    if let Some(token) = &token {
        let found = cx.place().acm.certificates.iter().find(|(_, c)| {
            c.names == wanted
                && c.token
                    .as_ref()
                    .is_some_and(|(t, at)| t == token && now < at + TOKEN_LIFE)
        });
        if let Some((arn, _)) = found {
            return Ok(json!({"CertificateArn": arn}));
        }
    }
    let tags = read_tags(input.list("Tags"))?;
    if cx.place().acm.certificates.len() >= CERTIFICATES_PER_REGION {
        let message = format!(
            "Error: you have reached your limit of {CERTIFICATES_PER_REGION} certificates."
        );
        return Err(AwsError::new("LimitExceededException", message));
    }
    let method = input.str("ValidationMethod").unwrap_or("EMAIL").to_owned();
    if method == "HTTP" && input.str("ManagedBy") != Some("CLOUDFRONT") {
        return Err(AwsError::new(
            "InvalidParameterException",
            "HTTP validation is only for certificates of CloudFront.",
        ));
    }
    if input.str("CertificateAuthorityArn").is_some() {
        return Err(AwsError::not_simulated(
            "acm",
            "RequestCertificate with a private certificate authority",
        ));
    }
    let account = cx.caller.account.clone();
    let validations: Vec<Validation> = wanted
        .iter()
        .map(|name| Validation {
            name: name.clone(),
            record: validation::record(cx.world, &account, name),
            done: false,
            seen: false,
        })
        .collect();
    let arn = new_arn(cx);
    let shown = cx
        .world
        .sample(Pert(1.0, 3.0, 10.0), &arn, "RequestCertificate");
    let options = &input.value["Options"];
    let certificate = Certificate {
        arn: arn.clone(),
        domain,
        names: wanted.clone(),
        status: "PENDING_VALIDATION".into(),
        kind: "AMAZON_ISSUED",
        not_after: 0.0,
        not_before: 0.0,
        created: cx.unix_now(),
        issued: None,
        failure: None,
        method: method.clone(),
        validations,
        records_shown_at: now + shown,
        key_algorithm: input.str("KeyAlgorithm").unwrap_or("RSA_2048").to_owned(),
        transparency: options["CertificateTransparencyLoggingPreference"]
            .as_str()
            .unwrap_or("ENABLED")
            .to_owned(),
        serial: pem::serial(&cx.hex("acm-serial", 32)),
        token: token.map(|t| (t, now)),
        tags,
        imported: None,
    };
    let visible = cx.visible_at(&arn);
    cx.place()
        .acm
        .certificates
        .put(arn.clone(), certificate, visible);
    if wanted.iter().any(|name| names::is_reserved(name)) {
        cx.later(shown, "refused", &arn);
    } else {
        if method == "DNS" {
            cx.later(validation::LOOK_EVERY, "look", &arn);
        }
        cx.later(PATIENCE, "timeout", &arn);
    }
    Ok(json!({"CertificateArn": arn}))
}

fn new_arn(cx: &mut Cx<'_>) -> String {
    let id = cx.uuid("certificate");
    cx.arn("acm", &format!("certificate/{id}"))
}

fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = input.str("CertificateArn").unwrap_or_default().to_owned();
    check_arn(cx, &arn)?;
    let (now, gone) = (cx.now(), missing(cx, &arn));
    let certificate = cx
        .place()
        .acm
        .certificates
        .seen(&arn, now)
        .ok_or(gone)?
        .clone();
    let users = certificate_users(cx.world, &arn);
    let c = &certificate;
    let mut out = json!({
        "CertificateArn": c.arn,
        "DomainName": c.domain,
        "SubjectAlternativeNames": c.names,
        "Subject": format!("CN={}", c.domain),
        "Issuer": if c.kind == "IMPORTED" { "Imported" } else { "Amazon" },
        "Status": c.status,
        "KeyAlgorithm": c.key_algorithm.replace("RSA_", "RSA-"),
        "SignatureAlgorithm": "SHA256WITHRSA",
        "InUseBy": users,
        "Type": c.kind,
        "RenewalEligibility": eligibility(c, &users),
        "Options": {"CertificateTransparencyLoggingPreference": c.transparency, "Export": "DISABLED"},
    });
    if c.kind == "AMAZON_ISSUED" {
        out["CreatedAt"] = json!(c.created);
        out["DomainValidationOptions"] = c
            .validations
            .iter()
            .map(|v| validation_json(c, v, now))
            .collect();
    } else {
        out["CreatedAt"] = json!(c.created);
        out["ImportedAt"] = json!(c.created);
    }
    if let Some(issued) = c.issued {
        if c.kind == "AMAZON_ISSUED" {
            out["IssuedAt"] = json!(issued);
        }
        out["Serial"] = json!(c.serial);
        out["NotBefore"] = json!(c.not_before);
        out["NotAfter"] = json!(c.not_after);
        out["KeyUsages"] = json!([{"Name": "DIGITAL_SIGNATURE"}, {"Name": "KEY_ENCIPHERMENT"}]);
        out["ExtendedKeyUsages"] =
            json!([{"Name": "TLS_WEB_SERVER_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.1"}]);
    }
    if let Some(reason) = c.failure {
        out["FailureReason"] = json!(reason);
    }
    Ok(json!({"Certificate": out}))
}

fn eligibility(certificate: &Certificate, users: &[String]) -> &'static str {
    let renewable =
        certificate.kind == "AMAZON_ISSUED" && certificate.status == "ISSUED" && !users.is_empty();
    if renewable { "ELIGIBLE" } else { "INELIGIBLE" }
}

fn validation_json(certificate: &Certificate, validation: &Validation, now: Nanos) -> Value {
    let status = match (validation.done, certificate.status.as_str()) {
        (true, _) => "SUCCESS",
        (false, "FAILED" | "VALIDATION_TIMED_OUT") => "FAILED",
        _ => "PENDING_VALIDATION",
    };
    let mut out = json!({
        "DomainName": validation.name,
        "ValidationDomain": validation.name,
        "ValidationStatus": status,
        "ValidationMethod": certificate.method,
    });
    if certificate.method == "DNS" && now >= certificate.records_shown_at {
        let (name, value) = &validation.record;
        out["ResourceRecord"] = json!({"Name": name, "Type": "CNAME", "Value": value});
    }
    if certificate.method == "EMAIL" {
        let base = validation.name.trim_start_matches("*.");
        let of = [
            "administrator",
            "hostmaster",
            "postmaster",
            "webmaster",
            "admin",
        ];
        out["ValidationEmails"] = of.iter().map(|user| format!("{user}@{base}")).collect();
    }
    out
}

fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let statuses = input.strings("CertificateStatuses");
    let key_types = input.value["Includes"]["keyTypes"].as_array().cloned();
    let sorts = (input.str("SortBy"), input.str("SortOrder"));
    if sorts.0.is_some() != sorts.1.is_some() {
        return Err(validation_error(
            "SortBy and SortOrder must be specified together.",
        ));
    }
    let now = cx.now();
    let certificates: Vec<Certificate> = cx
        .place()
        .acm
        .certificates
        .seen_all(now)
        .map(|(_, c)| c.clone())
        .filter(|c| statuses.is_empty() || statuses.contains(&c.status))
        // Without the filter, AWS lists RSA certificates of 1024 and 2048 bits only.
        .filter(|c| match &key_types {
            Some(types) => types.iter().any(|t| *t == json!(c.key_algorithm)),
            None => matches!(c.key_algorithm.as_str(), "RSA_1024" | "RSA_2048"),
        })
        .collect();
    let mut sorted = certificates;
    sorted.sort_by(|a, b| {
        a.created
            .total_cmp(&b.created)
            .then_with(|| a.arn.cmp(&b.arn))
    });
    if sorts.1 != Some("ASCENDING") {
        sorted.reverse();
    }
    let mut rows = Vec::new();
    for c in &sorted {
        let users = certificate_users(cx.world, &c.arn);
        let mut row = json!({
            "CertificateArn": c.arn,
            "DomainName": c.domain,
            "SubjectAlternativeNameSummaries": c.names.iter().take(100).collect::<Vec<_>>(),
            "HasAdditionalSubjectAlternativeNames": c.names.len() > 100,
            "Status": c.status,
            "Type": c.kind,
            "KeyAlgorithm": c.key_algorithm.replace("RSA_", "RSA-"),
            "KeyUsages": [],
            "ExtendedKeyUsages": [],
            "ExportOption": "DISABLED",
            "InUse": !users.is_empty(),
            "RenewalEligibility": eligibility(c, &users),
            "CreatedAt": c.created,
        });
        if let Some(issued) = c.issued {
            let moment = if c.kind == "IMPORTED" {
                "ImportedAt"
            } else {
                "IssuedAt"
            };
            row[moment] = json!(issued);
            row["NotBefore"] = json!(c.not_before);
            row["NotAfter"] = json!(c.not_after);
        }
        rows.push(row);
    }
    Ok(json!({"CertificateSummaryList": rows}))
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

fn import(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = |member: &str| input.str(member).and_then(pem::decode_blob);
    let body = given("Certificate").unwrap_or_default();
    let key = given("PrivateKey").unwrap_or_default();
    let chain = given("CertificateChain");
    let facts = pem::read(&body)?;
    if !pem::is_private_key(&key) {
        return Err(validation_error(
            "The private key is not supported or is not in PEM format.",
        ));
    }
    let (now, at) = (cx.now(), cx.unix_now());
    if facts.not_after <= at {
        return Err(validation_error(
            "The certificate that is being imported has expired.",
        ));
    }
    let old = match input.str("CertificateArn") {
        Some(_) => Some(named(cx, input)?.clone()),
        None => None,
    };
    if let Some(old) = &old {
        if old.kind != "IMPORTED" {
            return Err(validation_error(
                "Only an imported certificate can be replaced by an import.",
            ));
        }
        if !input.list("Tags").is_empty() {
            return Err(AwsError::new(
                "InvalidParameterException",
                "Tagging is not permitted on re-import.",
            ));
        }
    } else if cx.place().acm.certificates.len() >= CERTIFICATES_PER_REGION {
        return Err(AwsError::new(
            "LimitExceededException",
            "You have reached your limit of imported certificates.",
        ));
    }
    let tags = match &old {
        Some(old) => old.tags.clone(),
        None => read_tags(input.list("Tags"))?,
    };
    let arn = match old {
        Some(old) => old.arn,
        None => new_arn(cx),
    };
    let certificate = Certificate {
        arn: arn.clone(),
        domain: facts.names[0].clone(),
        names: facts.names,
        status: "ISSUED".into(),
        kind: "IMPORTED",
        not_after: facts.not_after,
        not_before: facts.not_before,
        created: at,
        issued: Some(at),
        failure: None,
        method: String::new(),
        validations: Vec::new(),
        records_shown_at: now,
        key_algorithm: "RSA_2048".into(),
        transparency: "DISABLED".into(),
        serial: pem::serial(&cx.hex("acm-serial", 32)),
        token: None,
        tags,
        imported: Some((body, chain)),
    };
    let left = (certificate.not_after - at).max(0.0) * crate::clock::SECOND as f64;
    let visible = cx.visible_at(&arn);
    cx.place()
        .acm
        .certificates
        .put(arn.clone(), certificate, visible);
    cx.world
        .unschedule(|e| e.service == ServiceId::Acm && e.id == arn && e.what == "expire");
    cx.later(left as Nanos, "expire", &arn);
    Ok(json!({"CertificateArn": arn}))
}

fn text(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let certificate = named(cx, input)?.clone();
    if let Some((body, chain)) = certificate.imported {
        let mut out = json!({"Certificate": body});
        if let Some(chain) = chain {
            out["CertificateChain"] = json!(chain);
        }
        return Ok(out);
    }
    match certificate.status.as_str() {
        "ISSUED" | "EXPIRED" => {
            let body = pem::plausible(cx.world, &certificate.arn, "leaf");
            let chain = format!(
                "{}\n{}",
                pem::plausible(cx.world, "acm", "m01"),
                pem::plausible(cx.world, "acm", "root")
            );
            Ok(json!({"Certificate": body, "CertificateChain": chain}))
        }
        "PENDING_VALIDATION" => {
            let message = format!("The certificate {} is not yet issued.", certificate.arn);
            Err(AwsError::new("RequestInProgressException", message))
        }
        _ => Err(missing(cx, &certificate.arn)),
    }
}

fn read_tags(tags: &[Value]) -> Result<Vec<(String, String)>, AwsError> {
    let mut out: Vec<(String, String)> = Vec::new();
    for tag in tags {
        let key = tag["Key"].as_str().unwrap_or_default().to_owned();
        if key.to_ascii_lowercase().starts_with("aws:") {
            let message = format!("Tag key {key} begins with a reserved prefix.");
            return Err(AwsError::new("InvalidTagException", message));
        }
        if out.iter().any(|(k, _)| *k == key) {
            return Err(AwsError::new(
                "InvalidTagException",
                format!("Tag key {key} is given twice."),
            ));
        }
        out.push((key, tag["Value"].as_str().unwrap_or_default().to_owned()));
    }
    if out.len() > TAGS_PER_CERTIFICATE {
        return Err(too_many_tags());
    }
    Ok(out)
}

fn too_many_tags() -> AwsError {
    AwsError::new(
        "TooManyTagsException",
        format!("A certificate can have at most {TAGS_PER_CERTIFICATE} tags."),
    )
}

fn tags_json(tags: &[(String, String)]) -> Value {
    tags.iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

fn add_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let new = read_tags(input.list("Tags"))?;
    let certificate = named(cx, input)?;
    let (arn, mut tags) = (certificate.arn.clone(), certificate.tags.clone());
    tags.retain(|(key, _)| !new.iter().any(|(k, _)| k == key));
    tags.extend(new);
    if tags.len() > TAGS_PER_CERTIFICATE {
        return Err(too_many_tags());
    }
    let visible = cx.visible_at(&arn);
    cx.place()
        .acm
        .certificates
        .change(&arn, visible, |c| c.tags = tags);
    Ok(json!({}))
}

fn remove_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = named(cx, input)?.arn.clone();
    let visible = cx.visible_at(&arn);
    let gone = input.list("Tags").to_vec();
    // With a value, only a tag of that value goes.
    let matches = |key: &str, value: &str| {
        gone.iter()
            .any(|t| t["Key"] == json!(key) && t["Value"].as_str().is_none_or(|v| v == value))
    };
    cx.place()
        .acm
        .certificates
        .change(&arn, visible, |c| c.tags.retain(|(k, v)| !matches(k, v)));
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
