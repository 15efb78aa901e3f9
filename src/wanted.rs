//! What more than one kind of step is told to bring about or to take away: a rule of a security group, a balancer that a record
//! shall lead to. It knows no kind of step.

use crate::cloud::{dns, ec2};
use crate::env::Env;
use drtool_engine::step::{Cx, StepError, Value};
use serde::{Deserialize, Serialize};

/// A balancer, as an alias or a CNAME names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Destination {
    pub dns_name: Value<String>,
    pub zone_id: Value<String>,
}

impl Destination {
    /// The record as it is once it leads here: the same seat and routing.
    pub fn of(&self, cx: &Cx<'_, Env>, there: &dns::Record) -> Result<dns::Record, StepError> {
        let name = cx
            .value(&self.dns_name)?
            .trim_end_matches('.')
            .to_ascii_lowercase();
        Ok(match &there.alias {
            Some(alias) => dns::Record {
                alias: Some(dns::Alias {
                    zone: cx.value(&self.zone_id)?,
                    name,
                    // A primary without a health check of its own is as healthy as what it leads to.
                    evaluate_health: alias.evaluate_health || there.failover.is_some(),
                }),
                // A health check of the old record watches the source, which is fenced: kept, it would send users away.
                health_check: None,
                ..there.clone()
            },
            None => dns::Record {
                values: vec![name],
                health_check: None,
                ..there.clone()
            },
        })
    }
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

impl Rule {
    /// As EC2 has it, its peer known.
    pub fn known(&self, cx: &Cx<'_, Env>) -> Result<ec2::Rule, StepError> {
        let peer = match &self.peer {
            Peer::Cidr(cidr) => ec2::Peer::Cidr(cidr.clone()),
            Peer::Cidr6(cidr) => ec2::Peer::Cidr6(cidr.clone()),
            Peer::Group(group) => ec2::Peer::Group(cx.value(group)?),
            Peer::PrefixList(list) => ec2::Peer::PrefixList(list.clone()),
        };
        Ok(ec2::Rule {
            protocol: self.protocol.clone(),
            from: self.from_port,
            to: self.to_port,
            peer,
            description: self.description.clone(),
        })
    }
}
