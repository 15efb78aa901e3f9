//! What Elastic Load Balancing holds in one account and region. Plain data: no rule of behaviour is here.

use crate::clock::Nanos;
use crate::table::Table;
use serde_json::Value;
use std::collections::BTreeMap;

pub type Tags = BTreeMap<String, String>;

#[derive(Clone, Default)]
pub struct State {
    /// All by ARN.
    pub(crate) balancers: Table<Balancer>,
    pub(crate) groups: Table<TargetGroup>,
    pub(crate) listeners: Table<Listener>,
    pub(crate) rules: Table<Rule>,
    pub(crate) tags: Table<Tags>,
}

impl State {
    /// What no reader sees any more.
    pub(crate) fn forget(&mut self, now: Nanos) {
        self.balancers.forget(now);
        self.groups.forget(now);
        self.listeners.forget(now);
        self.rules.forget(now);
        self.tags.forget(now);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Application,
    Network,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Application => "application",
            Kind::Network => "network",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Balancer {
    pub arn: String,
    pub name: String,
    pub kind: Kind,
    pub internal: bool,
    pub dns_name: String,
    pub vpc_id: String,
    pub groups: Vec<String>,
    pub nodes: Vec<Node>,
    /// `provisioning`, `active`, `failed`.
    pub state: &'static str,
    /// Whether the name is in DNS. Names are published through Route 53's control plane, which is in us-east-1.
    pub published: bool,
    pub created: f64,
    pub address_type: String,
    pub attributes: BTreeMap<String, String>,
}

/// A balancer's presence in one subnet.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub zone: String,
    pub subnet_id: String,
    pub interface_id: String,
    pub private_address: String,
    pub public_address: Option<String>,
    /// The Elastic IP given for it (network balancers).
    pub allocation_id: Option<String>,
}

#[derive(Clone, Debug)]
pub struct TargetGroup {
    pub arn: String,
    pub name: String,
    pub protocol: String,
    pub protocol_version: Option<String>,
    pub port: u16,
    pub vpc_id: String,
    /// `ip` or `instance`.
    pub target_type: String,
    pub address_type: String,
    pub check: HealthCheck,
    pub attributes: BTreeMap<String, String>,
    /// By address and port.
    pub targets: BTreeMap<(String, u16), Target>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct HealthCheck {
    pub protocol: String,
    /// `traffic-port`, or a number.
    pub port: String,
    pub path: Option<String>,
    /// Seconds.
    pub interval: i64,
    pub timeout: i64,
    pub healthy_threshold: i64,
    pub unhealthy_threshold: i64,
    /// HTTP codes: `200`, `200-399`, `200,302`.
    pub matcher: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub id: String,
    pub port: u16,
    pub zone: Option<String>,
    /// `initial`, `healthy`, `unhealthy`, `draining`. Whether the group is in use is asked when it is looked at.
    pub state: &'static str,
    pub reason: Option<&'static str>,
    pub description: Option<String>,
    pub passes: i64,
    pub failures: i64,
    pub registered: Nanos,
    /// Which series of checks is the living one: a target taken out and put back begins another.
    pub series: u64,
}

/// A target's health as `DescribeTargetHealth` tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetHealth {
    /// `initial`, `healthy`, `unhealthy`, `unused`, `draining`.
    pub state: &'static str,
    pub reason: Option<&'static str>,
    pub description: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Listener {
    pub arn: String,
    pub balancer_arn: String,
    pub protocol: String,
    pub port: u16,
    /// The default one first.
    pub certificates: Vec<String>,
    pub ssl_policy: Option<String>,
    pub alpn: Vec<String>,
    /// In the model's members, with AWS's defaults filled in.
    pub actions: Vec<Value>,
    pub attributes: BTreeMap<String, String>,
    pub mutual_authentication: Option<Value>,
    /// The ARN of the rule that is met when no other is; its actions are the listener's.
    pub default_rule: String,
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub arn: String,
    pub listener_arn: String,
    /// 1 to 50000. The default rule is no row: it is the listener itself.
    pub priority: u32,
    /// In the model's members.
    pub conditions: Vec<Value>,
    pub actions: Vec<Value>,
}
