//! A certificate, issued and covering its names.

use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "certificate-issued";
pub const SUMMARY: &str = "waits until a certificate is issued";
pub const EXAMPLE: &str = "\
id: certificate-issued
use: certificate-issued
with:
  certificate: arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012
  names: [redmine.sidpotti.infracourse.cloud]
";

/// The certificate to wait for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CertificateIssued {
    pub certificate: Value<String>,
    /// Every name that it must cover.
    pub names: Vec<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct IssuedCertificate {
    pub arn: String,
}

impl Yields for IssuedCertificate {
    const NAME: &'static str = "certificate issued";
}
