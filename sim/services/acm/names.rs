//! The names of certificates: which may be asked for, and which hosts they are valid for.

use super::Certificate;

/// Whether a certificate is valid for a host name; a wildcard stands for exactly one label.
pub fn covers(certificate: &Certificate, name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    certificate.names.iter().any(|covered| {
        let covered = covered.to_ascii_lowercase();
        if covered == name {
            return true;
        }
        match (covered.strip_prefix("*."), name.split_once('.')) {
            (Some(parent), Some((label, rest))) => {
                !label.is_empty() && label != "*" && parent == rest
            }
            _ => false,
        }
    })
}

/// Whether ACM takes a request for the name: two labels or more, a wildcard only as the whole first one.
pub(super) fn is_requestable(name: &str) -> bool {
    let base = name.strip_prefix("*.").unwrap_or(name);
    let labels: Vec<&str> = base.split('.').collect();
    let fine = |label: &&str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top = labels
        .last()
        .is_some_and(|top| top.bytes().any(|b| b.is_ascii_alphabetic()));
    labels.len() >= 2 && top && name.len() <= 253 && labels.iter().all(fine)
}

/// Names that ACM does not issue for.
pub(super) fn is_reserved(name: &str) -> bool {
    [
        ".amazonaws.com",
        ".elb.amazonaws.com",
        ".cloudfront.net",
        ".elasticbeanstalk.com",
    ]
    .iter()
    .any(|suffix| name.ends_with(suffix))
}
