//! DNS, pointed at the target by compare and swap: one batch deletes exactly the old record and creates the new one, so a change by anybody else meanwhile makes it fail. It waits for INSYNC. It is taken back only by failback.

use serde::{Deserialize, Serialize};

use crate::capture::edge::Record;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "dns-cut";
pub const SUMMARY: &str = "a DNS record, pointed at the target by compare and swap";
pub const EXAMPLE: &str = "\
id: dns-cut
use: dns-cut
with:
  record: { zoneId: Z0123456789ABCDEFGHIJ, zone: infracourse.cloud, private: false, name: redmine.sidpotti.infracourse.cloud, type: A, values: [], alias: { hostedZoneId: Z1H1FL5HABSF5, dnsName: redmine-123.us-west-2.elb.amazonaws.com, evaluateTargetHealth: true } }
  to: { dnsName: redmine-456.eu-west-1.elb.amazonaws.com, zoneId: Z32O12XQLNTSW2 }
";

/// The record, and what it shall lead to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DnsCut {
    /// As it is now: the change deletes exactly this.
    pub record: Record,
    /// The target's balancer.
    pub to: Destination,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DnsIsCut {
    pub change_id: String,
}

impl Yields for DnsIsCut {
    const NAME: &'static str = "dns cut";
}

/// A balancer, as an alias or a CNAME names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Destination {
    pub dns_name: Value<String>,
    pub zone_id: Value<String>,
}
