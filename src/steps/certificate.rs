//! A certificate, asked for. It is issued once its validation records answer; `certificate-issued` waits for that.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::Yields;

pub const KIND: &str = "certificate";
pub const SUMMARY: &str = "a certificate, asked for";
pub const EXAMPLE: &str = "\
id: certificate
use: certificate
with:
  domainName: redmine.sidpotti.infracourse.cloud
  alternativeNames: []
  keyAlgorithm: RSA_2048
";

/// The certificate to ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Certificate {
    pub domain_name: String,
    /// Without the domain name itself.
    pub alternative_names: Vec<String>,
    pub key_algorithm: String,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CertificateAsked {
    pub arn: String,
}

impl Yields for CertificateAsked {
    const NAME: &'static str = "certificate";
}
