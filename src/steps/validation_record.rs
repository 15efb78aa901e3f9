//! The CNAME that proves a name to ACM. ACM uses the same one for an account and name in every region: it is nearly always found, and never taken away while any certificate may use it.

use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "validation-record";
pub const SUMMARY: &str = "the DNS record that proves a name to ACM";
pub const EXAMPLE: &str = "\
id: validation-record
use: validation-record
with:
  zoneId: Z0123456789ABCDEFGHIJ
  certificate: arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012
  domainName: redmine.sidpotti.infracourse.cloud
";

/// The record that ACM asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ValidationRecord {
    pub zone_id: String,
    /// The certificate that says what the record is.
    pub certificate: Value<String>,
    pub domain_name: String,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ValidationRecordMade {
    pub name: String,
}

impl Yields for ValidationRecordMade {
    const NAME: &'static str = "validation record";
}
