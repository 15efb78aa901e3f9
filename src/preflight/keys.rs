//! The keys: those of the target exist, are enabled and can encrypt; those of the source let their data be read.

use super::{Ground, Report};
use crate::cloud::keys::Key;
use crate::steps;
use std::collections::BTreeMap;

pub async fn check(ground: &Ground<'_>, report: &mut Report) {
    let (from, to) = (ground.from().to_owned(), ground.to().to_owned());
    for (step, wanted) in ground.steps::<steps::kms_key::KmsKey>(steps::kms_key::KIND) {
        let region = step.region.as_str();
        let key = ground.cloud().key(region, &wanted.alias, ground.look).await;
        let what = format!("key {} in {region}", wanted.alias);
        if let Some(key) = report.seen(&what, key) {
            judge_target(region, &wanted.alias, key.as_ref().as_ref(), report);
        }
    }
    for (arn, what) in read_with(ground) {
        let key = ground.cloud().key(&from, &arn, ground.look).await;
        if let Some(key) = report.seen(&format!("the key of {what} in {from}"), key) {
            judge_source(&from, &to, &what, &arn, key.as_ref().as_ref(), report);
        }
    }
}

/// The source's keys, and what is encrypted under each.
fn read_with(ground: &Ground<'_>) -> BTreeMap<String, String> {
    let capture = &ground.subject.capture;
    let databases = capture
        .databases
        .iter()
        .filter_map(|d| Some((d.kms_key.clone()?, format!("database {}", d.identifier))));
    let secrets = capture
        .secrets
        .iter()
        .filter_map(|s| Some((s.kms_key.clone()?, format!("secret {}", s.name))));
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (key, what) in databases.chain(secrets) {
        all.entry(key)
            .and_modify(|others| {
                others.push_str(", ");
                others.push_str(&what);
            })
            .or_insert(what);
    }
    all
}

fn judge_target(region: &str, alias: &str, key: Option<&Key>, report: &mut Report) {
    let place = format!("{region} key {alias}");
    let Some(key) = key else {
        report.finding(
            "E2030",
            place,
            "there is no such key, and a move makes no keys",
            format!(
                "aws kms create-key --region {region}, then aws kms create-alias --region {region} --alias-name {alias} --target-key-id KEY"
            ),
        );
        report.hint("or name another key of the target under `keys:` in the manifest");
        return;
    };
    match key.state.as_str() {
        "Enabled" => {}
        "Disabled" => {
            report.finding(
                "E2031",
                place,
                "the key is disabled: nothing can be encrypted under it",
                format!("aws kms enable-key --region {region} --key-id {}", key.id),
            );
            return;
        }
        "PendingDeletion" => {
            report.finding(
                "E2031",
                place,
                "the key is waiting to be deleted, and with it all that is encrypted under it",
                format!(
                    "aws kms cancel-key-deletion --region {region} --key-id {0}, then aws kms enable-key --region {region} --key-id {0}",
                    key.id
                ),
            );
            return;
        }
        other => {
            report.finding(
                "E2031",
                place,
                format!("the key is {other}: nothing can be encrypted under it"),
                format!("aws kms describe-key --region {region} --key-id {}", key.id),
            );
            return;
        }
    }
    if key.usage != "ENCRYPT_DECRYPT" || key.spec != "SYMMETRIC_DEFAULT" {
        report.finding(
            "E2032",
            place,
            format!(
                "the key is {} for {}: RDS, Secrets Manager and ECR take symmetric keys for encryption only",
                key.spec, key.usage
            ),
            "name a symmetric encryption key of the target under `keys:` in the manifest",
        );
        return;
    }
    report.shown(format!("{place} is enabled and encrypts ({})", key.id));
}

fn judge_source(
    from: &str,
    to: &str,
    what: &str,
    arn: &str,
    key: Option<&Key>,
    report: &mut Report,
) {
    let state = key.map_or("not there any more", |key| key.state.as_str());
    if state == "Enabled" {
        report.shown(format!("{from} the key of {what} is enabled"));
        return;
    }
    let id = arn.rsplit('/').next().unwrap_or(arn);
    report.finding(
        "E2033",
        format!("{from} key {id}"),
        format!("the key is {state}, so {what} cannot be copied to {to}"),
        match state {
            "PendingDeletion" => {
                format!("aws kms cancel-key-deletion --region {from} --key-id {id}, then aws kms enable-key --region {from} --key-id {id}")
            }
            _ => format!("aws kms enable-key --region {from} --key-id {id}"),
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(state: &str, usage: &str, spec: &str) -> Key {
        Key {
            id: "1234abcd".into(),
            arn: "arn:aws:kms:eu-west-1:111122223333:key/1234abcd".into(),
            state: state.into(),
            usage: usage.into(),
            spec: spec.into(),
            manager: "CUSTOMER".into(),
            multi_region: false,
        }
    }

    #[test]
    fn a_target_key_must_be_there_be_enabled_and_encrypt() {
        for (found, code) in [
            (None, Some("E2030")),
            (
                Some(key("Disabled", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")),
                Some("E2031"),
            ),
            (
                Some(key(
                    "PendingDeletion",
                    "ENCRYPT_DECRYPT",
                    "SYMMETRIC_DEFAULT",
                )),
                Some("E2031"),
            ),
            (
                Some(key("Unavailable", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")),
                Some("E2031"),
            ),
            (
                Some(key("Enabled", "SIGN_VERIFY", "RSA_2048")),
                Some("E2032"),
            ),
            (
                Some(key("Enabled", "ENCRYPT_DECRYPT", "RSA_4096")),
                Some("E2032"),
            ),
            (
                Some(key("Enabled", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")),
                None,
            ),
        ] {
            let mut report = Report::default();
            judge_target("eu-west-1", "alias/redmine-eu", found.as_ref(), &mut report);
            assert_eq!(report.findings.first().map(|f| f.code), code, "{found:?}");
        }
    }
}
