//! What is shown of certificates.

use super::{Certificate, Validation, check_arn, missing, named, pem, validation_error};
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::services::elbv2::certificate_users;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
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
    Ok(object! {"Certificate": out})
}

pub(super) fn eligibility(certificate: &Certificate, users: &[String]) -> &'static str {
    let renewable =
        certificate.kind == "AMAZON_ISSUED" && certificate.status == "ISSUED" && !users.is_empty();
    if renewable { "ELIGIBLE" } else { "INELIGIBLE" }
}

pub(super) fn validation_json(
    certificate: &Certificate,
    validation: &Validation,
    now: Nanos,
) -> Value {
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

pub(super) fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
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
    Ok(object! {"CertificateSummaryList": rows})
}

pub(super) fn text(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
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
