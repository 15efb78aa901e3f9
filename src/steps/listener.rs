//! A listener with its default actions.

use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "listener";
pub const SUMMARY: &str = "a listener with its certificate and default action";
pub const EXAMPLE: &str = "\
id: listener
use: listener
with:
  balancer: arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/redmine/50dc6c495c0c9188
  port: 443
  protocol: HTTPS
  sslPolicy: ELBSecurityPolicy-TLS13-1-2-2021-06
  certificates: [arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012]
  actions: [{ forward: { targetGroups: [{ targetGroup: arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/redmine-web/6d0ecf831eec9f09, weight: 1 }] } }]
";

/// The listener to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Listener {
    pub balancer: Value<String>,
    pub port: u16,
    pub protocol: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl_policy: Option<String>,
    /// The default certificate first.
    #[serde(default)]
    pub certificates: Vec<Value<String>>,
    /// The default actions.
    pub actions: Vec<Action>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ListenerMade {
    pub arn: String,
}

impl Yields for ListenerMade {
    const NAME: &'static str = "listener";
}

/// What a listener or rule does with a request.
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content_type: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Weighted {
    pub target_group: Value<String>,
    pub weight: u32,
}
