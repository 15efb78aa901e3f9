//! A source listener (or one of its rules) that answers 503 to everybody. Undo puts its actions back exactly.

use serde::{Deserialize, Serialize};

use crate::capture::edge::Action;
use drtool_engine::step::Yields;

pub const KIND: &str = "listener-fence";
pub const SUMMARY: &str = "a source listener that answers 503";
pub const EXAMPLE: &str = "\
id: listener-fence
use: listener-fence
with:
  listener: arn:aws:elasticloadbalancing:us-west-2:111122223333:listener/app/redmine/50dc6c495c0c9188/f2f7dc8efc522ab2
  before: [{ forward: { targetGroups: [{ targetGroupArn: arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/redmine-web/6d0ecf831eec9f09, weight: 1 }] } }]
  body: Moving to another region.
";

/// The listener to fence, or one of its rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ListenerFence {
    pub listener: String,
    /// The rule; the listener's default action where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The actions as captured; what undo restores is read again first.
    pub before: Vec<Action>,
    /// What users read.
    pub body: String,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ListenerFenced {
    pub listener: String,
}

impl Yields for ListenerFenced {
    const NAME: &'static str = "listener fence";
}
