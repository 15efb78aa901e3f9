//! The rules of a security group. The group has exactly these, or at least these where it is somebody else's.

use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "security-group-rules";
pub const SUMMARY: &str = "the rules of a security group";
pub const EXAMPLE: &str = "\
id: security-group-rules
use: security-group-rules
with:
  group: sg-0a1b2c3d
  rules:
    - { direction: ingress, protocol: tcp, fromPort: 5432, toPort: 5432, peer: { group: sg-0d2c1b0a } }
    - { direction: egress, protocol: \"-1\", peer: { cidr: 0.0.0.0/0 } }
  exactly: true
";

/// The rules that the group shall have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecurityGroupRules {
    pub group: Value<String>,
    pub rules: Vec<Rule>,
    /// Take away every other rule. False for a group that this run did not make.
    pub exactly: bool,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecurityGroupRulesMade {
    pub group_id: String,
}

impl Yields for SecurityGroupRulesMade {
    const NAME: &'static str = "security group rules";
}

/// One rule, one peer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rule {
    pub direction: Direction,
    /// `tcp`, `udp`, `icmp`, a number, or `-1` for all.
    pub protocol: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_port: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_port: Option<i32>,
    pub peer: Peer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    Ingress,
    Egress,
}

/// Whom a rule lets in or out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Peer {
    Cidr(String),
    Cidr6(String),
    Group(Value<String>),
    PrefixList(String),
}
