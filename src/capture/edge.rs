//! Where users come in: load balancers, certificates, DNS records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Tags;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Balancer {
    pub name: String,
    pub arn: String,
    pub dns_name: String,
    pub canonical_hosted_zone_id: String,
    /// `application` or `network`.
    pub kind: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    pub ip_address_type: String,
    pub subnet_ids: Vec<String>,
    pub security_group_ids: Vec<String>,
    /// As `DescribeLoadBalancerAttributes` answers.
    pub attributes: BTreeMap<String, String>,
    pub listeners: Vec<Listener>,
    /// A WAF web ACL on it, which drtool does not move yet.
    pub web_acl: Option<String>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Listener {
    pub arn: String,
    pub port: u16,
    /// `HTTP`, `HTTPS`, `TCP`, `TLS`.
    pub protocol: String,
    pub ssl_policy: Option<String>,
    /// The default certificate first.
    pub certificate_arns: Vec<String>,
    pub default_actions: Vec<Action>,
    pub rules: Vec<ListenerRule>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ListenerRule {
    pub arn: String,
    pub priority: u32,
    /// In AWS's member names, as `DescribeRules` answers.
    pub conditions: Vec<serde_json::Value>,
    pub actions: Vec<Action>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    #[serde(rename_all = "camelCase")]
    Forward { target_groups: Vec<Weighted> },
    #[serde(rename_all = "camelCase")]
    Redirect {
        protocol: String,
        port: String,
        host: String,
        path: String,
        query: String,
        status: String,
    },
    #[serde(rename_all = "camelCase")]
    FixedResponse {
        status: String,
        content_type: Option<String>,
        body: Option<String>,
    },
    /// Authentication and whatever else: told in the plan, not moved.
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Weighted {
    pub target_group_arn: String,
    pub weight: u32,
}

impl Listener {
    /// The target groups that it may send users to, by its default actions and its rules.
    pub fn forwards_to(&self) -> Vec<String> {
        let actions = self
            .default_actions
            .iter()
            .chain(self.rules.iter().flat_map(|r| &r.actions));
        actions
            .flat_map(|action| match action {
                Action::Forward { target_groups } => target_groups
                    .iter()
                    .map(|t| t.target_group_arn.clone())
                    .collect(),
                _ => vec![],
            })
            .collect()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetGroup {
    pub name: String,
    pub arn: String,
    pub protocol: String,
    pub port: u16,
    pub protocol_version: Option<String>,
    /// `ip` or `instance`.
    pub target_type: String,
    pub health_check: HealthCheck,
    pub attributes: BTreeMap<String, String>,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HealthCheck {
    pub protocol: String,
    pub port: String,
    pub path: Option<String>,
    pub matcher: Option<String>,
    pub interval_seconds: u32,
    pub timeout_seconds: u32,
    pub healthy_threshold: u32,
    pub unhealthy_threshold: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Certificate {
    pub arn: String,
    pub domain_name: String,
    pub subject_alternative_names: Vec<String>,
    pub key_algorithm: String,
    /// `DNS` or `EMAIL`.
    pub validation_method: String,
    pub validation_records: Vec<ValidationRecord>,
}

/// The CNAME that proves a name to ACM. ACM uses the same one for an account and name in every region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ValidationRecord {
    pub domain_name: String,
    pub name: String,
    pub value: String,
}

/// A DNS record set, verbatim: a change deletes exactly what is here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Record {
    pub zone_id: String,
    pub zone: String,
    pub private: bool,
    /// Without the dot at the end.
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub ttl: Option<u32>,
    pub values: Vec<String>,
    pub alias: Option<AliasTarget>,
    pub set_identifier: Option<String>,
    /// `PRIMARY` or `SECONDARY`.
    pub failover: Option<String>,
    pub weight: Option<u32>,
    pub health_check_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AliasTarget {
    pub hosted_zone_id: String,
    pub dns_name: String,
    pub evaluate_target_health: bool,
}
