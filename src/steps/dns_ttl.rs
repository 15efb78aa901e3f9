//! The TTL of a record, lowered before the fence and put back by undo. An alias has none: for it this step is not applicable, which is not the same as made.

use serde::{Deserialize, Serialize};

use crate::capture::edge::Record;
use drtool_engine::step::Yields;

pub const KIND: &str = "dns-ttl";
pub const SUMMARY: &str = "the TTL of a record, lowered beforehand";
pub const EXAMPLE: &str = "\
id: dns-ttl
use: dns-ttl
with:
  record: { zoneId: Z0123456789ABCDEFGHIJ, zone: infracourse.cloud, private: false, name: tracker.infracourse.cloud, type: CNAME, ttl: 300, values: [redmine-123.us-west-2.elb.amazonaws.com] }
  ttl: 60
";

/// The record, verbatim, and its TTL until the cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DnsTtl {
    /// As it is now: the change deletes exactly this.
    pub record: Record,
    /// Seconds.
    pub ttl: u32,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DnsTtlLowered {
    /// Seconds; nothing for an alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<u32>,
}

impl Yields for DnsTtlLowered {
    const NAME: &'static str = "dns ttl";
}
