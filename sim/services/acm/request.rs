//! How certificates come to be: asked for, or brought from elsewhere.

use super::tags::read_tags;
use super::{
    CERTIFICATES_PER_REGION, Certificate, NAMES_PER_CERTIFICATE, PATIENCE, TOKEN_LIFE, Validation,
    named, names, pem, validation, validation_error,
};
use crate::clock::{Nanos, Pert};
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

pub(super) fn request(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
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

pub(super) fn new_arn(cx: &mut Cx<'_>) -> String {
    let id = cx.uuid("certificate");
    cx.arn("acm", &format!("certificate/{id}"))
}

pub(super) fn import(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
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
