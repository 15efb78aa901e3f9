//! Certificates for the balancers of the target, asked for and validated.

use super::wanted;
use crate::capture::edge::{Balancer, Certificate};
use crate::expand::{Expansion, slug};
use crate::steps;
use drtool_engine::step::{Effect, Value};

/// The certificates of those balancers' listeners, asked for and validated.
pub(in crate::expand) fn certificates(e: &mut Expansion<'_>, _: usize) {
    let to = e.asked.to.to_string();
    let mut arns: Vec<&String> = wanted(e)
        .iter()
        .flat_map(|b| b.listeners.iter().flat_map(|l| &l.certificate_arns))
        .collect();
    arns.sort();
    arns.dedup();
    for arn in arns {
        let Some(certificate) = e.capture.certificates.iter().find(|c| c.arn == *arn) else {
            e.fault(
                "E1103",
                e.manifest.name.at,
                format!("the capture lacks certificate {arn}"),
                "this stack",
                "`drtool capture` refreshes it",
            );
            continue;
        };
        if certificate.validation_method != "DNS" {
            let message = format!(
                "the certificate of {} is validated by e-mail: nobody would answer during a move",
                certificate.domain_name
            );
            e.fault(
                "E1114",
                e.manifest.name.at,
                message,
                "this stack",
                "have it validated by DNS",
            );
            continue;
        }
        let name = slug(&certificate.domain_name);
        let asked = e.step(
            &name,
            steps::certificate::KIND,
            &to,
            Effect::Adds,
            format!("certificate for {}", certificate.domain_name),
            &steps::certificate::Certificate {
                domain_name: certificate.domain_name.clone(),
                alternative_names: certificate
                    .subject_alternative_names
                    .iter()
                    .filter(|n| **n != certificate.domain_name)
                    .cloned()
                    .collect(),
                key_algorithm: certificate.key_algorithm.clone(),
                tags: Default::default(),
            },
        );
        let mut records = vec![];
        for domain in names(certificate) {
            let bare = domain.trim_start_matches("*.").to_owned();
            let Some(zone) = zone_of(e, &bare) else {
                let message = format!(
                    "no public zone of the manifest holds {bare}, which the certificate must prove"
                );
                e.fault(
                    "E1114",
                    e.manifest.name.at,
                    message,
                    "this stack",
                    "list a record of that zone under `dns:`, or issue the certificate beforehand",
                );
                continue;
            };
            let title = format!(
                "validation record for {bare} (ACM's is the same in every region: nearly always there)"
            );
            let params = steps::validation_record::ValidationRecord {
                zone_id: zone,
                certificate: Value::later(asked.clone(), "arn"),
                domain_name: domain.clone(),
            };
            records.push(e.step(
                &format!("validation-{}", slug(&bare)),
                steps::validation_record::KIND,
                "global",
                Effect::Adds,
                title,
                &params,
            ));
        }
        let params = steps::certificate_issued::CertificateIssued {
            certificate: Value::later(asked, "arn"),
            names: names(certificate),
        };
        let issued = e.step(
            &format!("issued-{name}"),
            steps::certificate_issued::KIND,
            &to,
            Effect::Reads,
            format!("certificate for {} is issued", certificate.domain_name),
            &params,
        );
        for record in records {
            e.need(record);
        }
        e.becomes(&certificate.arn, &issued, "arn", "the target's certificate");
        e.quota("ACM certificates", 1, 2500);
    }
}

fn names(certificate: &Certificate) -> Vec<String> {
    let mut names = vec![certificate.domain_name.clone()];
    names.extend(
        certificate
            .subject_alternative_names
            .iter()
            .filter(|n| **n != certificate.domain_name)
            .cloned(),
    );
    names
}

/// The id of the public zone with the longest name that holds `name`.
fn zone_of(e: &Expansion<'_>, name: &str) -> Option<String> {
    let holds = |zone: &str| name == zone || name.ends_with(&format!(".{zone}"));
    e.capture
        .records
        .iter()
        .filter(|r| !r.private && holds(&r.zone))
        .max_by_key(|r| r.zone.len())
        .map(|r| r.zone_id.clone())
}

/// Every name that leads to the balancer is covered by a certificate of its HTTPS listeners.
pub(super) fn covered(e: &mut Expansion<'_>, balancer: &Balancer) {
    let secure: Vec<&String> = balancer
        .listeners
        .iter()
        .filter(|l| l.protocol == "HTTPS" || l.protocol == "TLS")
        .flat_map(|l| &l.certificate_arns)
        .collect();
    if secure.is_empty() {
        return;
    }
    let all: Vec<String> = e
        .capture
        .certificates
        .iter()
        .filter(|c| secure.contains(&&c.arn))
        .flat_map(names)
        .collect();
    for record in &e.manifest.dns {
        if e.balancer(record.to.as_str()) != Some(&balancer.arn) {
            continue;
        }
        let name = record.record.as_str();
        let covers = |pattern: &String| {
            pattern == name
                || pattern
                    .strip_prefix("*.")
                    .is_some_and(|zone| name.split_once('.').is_some_and(|(_, rest)| rest == zone))
        };
        if !all.iter().any(covers) {
            let message = format!("no certificate of balancer {} covers {name}", balancer.name);
            e.fault(
                "E1114",
                record.record.at,
                message,
                "this record",
                "users would be warned off: issue a certificate that covers it in the source first",
            );
        }
    }
}
