//! Whether the certificates can be issued: the zones that prove their names are ours and public, no CAA record forbids ACM, the
//! validation records are free, and a certificate may hold so many names.

use super::{Ground, Report};
use crate::cloud::dns::{Record, Zone};
use crate::cloud::quotas;
use crate::steps;

/// The authorities by whose names a CAA record lets ACM issue.
/// <https://docs.aws.amazon.com/acm/latest/userguide/setup-caa.html>
const AUTHORITIES: [&str; 4] = [
    "amazon.com",
    "amazontrust.com",
    "awstrust.com",
    "amazonaws.com",
];

pub async fn check(ground: &Ground<'_>, report: &mut Report) {
    let to = ground.to().to_owned();
    let wanted = ground.steps::<steps::certificate::Certificate>(steps::certificate::KIND);
    let proofs =
        ground.steps::<steps::validation_record::ValidationRecord>(steps::validation_record::KIND);
    if wanted.is_empty() {
        return;
    }
    let most = ground.cloud().quota(&to, quotas::CERTIFICATE_NAMES).await;
    let most = report.seen("how many names a certificate may hold", most);
    for (_, certificate) in &wanted {
        let names = certificate.alternative_names.len() + 1;
        judge_names(&to, &certificate.domain_name, names, most.flatten(), report);
    }
    let zones = ground.cloud().hosted_zones(ground.look).await;
    let Some(zones) = report.seen("the hosted zones", zones) else {
        return;
    };
    for (_, proof) in proofs {
        let name = proof.domain_name.as_str();
        if !judge_zone(&zones, &proof.zone_id, name, report) {
            continue;
        }
        let records = ground.cloud().records(&proof.zone_id, ground.look).await;
        let Some(records) = report.seen(&format!("the records of zone {}", proof.zone_id), records)
        else {
            continue;
        };
        let known = ground
            .subject
            .capture
            .certificates
            .iter()
            .flat_map(|c| &c.validation_records)
            .find(|r| r.domain_name.eq_ignore_ascii_case(name));
        let caa = judge_caa(&records, name, report);
        let free = known.is_none_or(|k| judge_record(&records, name, &k.name, &k.value, report));
        if caa && free {
            report.shown(format!(
                "a certificate for {name} can be issued: its zone is ours and public, and no CAA record forbids it"
            ));
        }
    }
}

fn judge_names(to: &str, domain: &str, names: usize, most: Option<f64>, report: &mut Report) {
    if most.is_some_and(|most| names as f64 > most) {
        report.finding(
            "E2043",
            format!("{to} certificate for {domain}"),
            format!(
                "it holds {names} names, and the account may have {} on one",
                most.unwrap_or_default()
            ),
            format!(
                "aws service-quotas request-service-quota-increase --region {to} --service-code acm --quota-code {} --desired-value {names}",
                quotas::CERTIFICATE_NAMES.code
            ),
        );
    }
}

fn judge_zone(zones: &[Zone], id: &str, name: &str, report: &mut Report) -> bool {
    let place = format!("global zone {id}");
    match zones.iter().find(|zone| zone.id == id) {
        None => {
            report.finding(
                "E2040",
                place,
                format!("the zone that must prove {name} to ACM is not in this account"),
                "run with credentials that own the zone, or issue the certificate beforehand",
            );
            false
        }
        Some(zone) if zone.private => {
            report.finding(
                "E2040",
                place,
                format!(
                    "zone {} is private: ACM cannot see the record that proves {name}",
                    zone.name
                ),
                "list a record of a public zone under `dns:`",
            );
            false
        }
        Some(_) => true,
    }
}

/// Whether the CAA records that hold for a name let ACM issue: its own, else its nearest ancestor's.
fn judge_caa(records: &[Record], name: &str, report: &mut Report) -> bool {
    let (wild, base) = match name.strip_prefix("*.") {
        Some(base) => (true, base),
        None => (false, name),
    };
    let mut here = Some(base.trim_end_matches('.').to_ascii_lowercase());
    while let Some(at) = here {
        let found = records
            .iter()
            .find(|r| r.kind == "CAA" && r.name.eq_ignore_ascii_case(&at));
        if let Some(record) = found {
            if allows(&record.values, wild) {
                return true;
            }
            report.finding(
                "E2041",
                format!("global record {} CAA", record.name),
                format!(
                    "it lets only {} issue certificates for {name}, not Amazon",
                    issuers(&record.values, wild).join(", ")
                ),
                format!("add to the record: 0 issue \"{}\"", AUTHORITIES[0]),
            );
            return false;
        }
        here = at.split_once('.').map(|(_, rest)| rest.to_owned());
    }
    true
}

/// Whom the values of a CAA record let issue.
fn issuers(values: &[String], wild: bool) -> Vec<String> {
    let of = |tag: &str| -> Vec<String> {
        values
            .iter()
            .filter_map(|value| {
                let mut parts = value.splitn(3, ' ');
                let (_, found, issuer) = (parts.next()?, parts.next()?, parts.next()?);
                let issuer = issuer.trim_matches('"').split(';').next()?.trim();
                found
                    .eq_ignore_ascii_case(tag)
                    .then(|| issuer.to_ascii_lowercase())
            })
            .collect()
    };
    match of("issuewild") {
        wilder if wild && !wilder.is_empty() => wilder,
        _ => of("issue"),
    }
}

fn allows(values: &[String], wild: bool) -> bool {
    let issuers = issuers(values, wild);
    issuers.is_empty() || issuers.iter().any(|i| AUTHORITIES.contains(&i.as_str()))
}

/// Whether the place of the validation record, the same in every region, is free or holds what ACM wants.
fn judge_record(
    records: &[Record],
    domain: &str,
    name: &str,
    value: &str,
    report: &mut Report,
) -> bool {
    let plain = |text: &str| text.trim_end_matches('.').to_ascii_lowercase();
    let there = records.iter().find(|r| plain(&r.name) == plain(name));
    match there {
        Some(there)
            if there.kind != "CNAME" || !there.values.iter().any(|v| plain(v) == plain(value)) =>
        {
            report.finding(
                "E2042",
                format!("global record {}", there.name),
                format!(
                    "it stands where {domain} is proven to ACM, and answers {} instead of {value}",
                    there.answer()
                ),
                "delete the record, or set it to what ACM asks for",
            );
            false
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caa(name: &str, values: &[&str]) -> Record {
        let mut record = Record::plain(name, "CAA", 300, "");
        record.values = values.iter().map(|v| (*v).to_owned()).collect();
        record
    }

    fn refused(records: &[Record], name: &str) -> bool {
        let mut report = Report::default();
        assert_eq!(judge_caa(records, name, &mut report), !report.refuses());
        report.refuses()
    }

    #[test]
    fn the_nearest_caa_record_decides() {
        let letsencrypt = caa("example.com", &["0 issue \"letsencrypt.org\""]);
        let amazon = caa("www.example.com", &["0 issue \"amazon.com; x=y\""]);
        let both = [letsencrypt.clone(), amazon];
        assert!(refused(&both, "example.com"));
        assert!(!refused(&both, "www.example.com"));
        assert!(!refused(&both, "a.www.example.com"));
        assert!(refused(&both, "b.example.com"));
        assert!(refused(&both, "*.example.com"));
        assert!(!refused(&[], "example.com"));
        assert!(!refused(
            &[caa("example.com", &["0 iodef \"mailto:a@b.c\""])],
            "example.com"
        ));
        assert!(refused(
            &[caa("example.com", &["0 issue \";\""])],
            "example.com"
        ));
    }

    #[test]
    fn wildcards_have_a_rule_of_their_own() {
        let record = [caa(
            "example.com",
            &["0 issue \"amazon.com\"", "0 issuewild \"other.org\""],
        )];
        assert!(!refused(&record, "example.com"));
        assert!(refused(&record, "*.example.com"));
    }

    #[test]
    fn the_zone_is_ours_and_public() {
        let zone = |id: &str, private| Zone {
            id: id.into(),
            name: "example.com".into(),
            private,
        };
        let zones = [zone("Z1", false), zone("Z2", true)];
        for (id, usable) in [("Z1", true), ("Z2", false), ("Z3", false)] {
            let mut report = Report::default();
            assert_eq!(
                judge_zone(&zones, id, "www.example.com", &mut report),
                usable
            );
            assert_eq!(report.findings.is_empty(), usable, "{id}");
        }
    }

    #[test]
    fn a_validation_record_of_somebody_else_refuses() {
        let ours = Record::plain("_a.example.com", "CNAME", 300, "_b.acm-validations.aws");
        for (value, usable) in [
            ("_b.acm-validations.aws.", true),
            ("_c.acm-validations.aws.", false),
        ] {
            let mut report = Report::default();
            let judged = judge_record(
                std::slice::from_ref(&ours),
                "example.com",
                "_a.example.com.",
                value,
                &mut report,
            );
            assert_eq!(judged, usable);
            assert_eq!(report.refuses(), !usable);
        }
    }
}
