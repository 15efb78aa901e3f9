//! A rule of a listener.

use serde::{Deserialize, Serialize};

use super::listener::Action;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "listener-rule";
pub const SUMMARY: &str = "a rule of a listener";
pub const EXAMPLE: &str = "\
id: listener-rule
use: listener-rule
with:
  listener: arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/redmine/50dc6c495c0c9188/f2f7dc8efc522ab2
  priority: 10
  conditions: [{ Field: path-pattern, PathPatternConfig: { Values: [/old/*] } }]
  actions: [{ fixedResponse: { status: \"410\" } }]
";

/// The rule to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ListenerRule {
    pub listener: Value<String>,
    pub priority: u32,
    /// In AWS's member names.
    pub conditions: Vec<serde_json::Value>,
    pub actions: Vec<Action>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ListenerRuleMade {
    pub arn: String,
}

impl Yields for ListenerRuleMade {
    const NAME: &'static str = "listener rule";
}
