//! A source listener (or one of its rules) that answers 503 to everybody. Undo puts its actions back exactly.

use crate::cloud::elb;
use crate::env::Env;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo,
};
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

/// `listener/app/NAME/ID/LISTENER` belongs to `loadbalancer/app/NAME/ID`.
fn balancer_of(listener: &str) -> Option<String> {
    let (whole, _) = listener.rsplit_once('/')?;
    Some(whole.replacen(":listener/", ":loadbalancer/", 1))
}

impl ListenerFence {
    fn fence(&self) -> elb::Action {
        elb::Action::FixedResponse {
            status: "503".into(),
            content_type: Some("text/plain".into()),
            body: Some(self.body.clone()),
        }
    }

    async fn there(&self, cx: &Cx<'_, Env>) -> Result<elb::Listener, StepError> {
        if let Some(rule) = &self.rule {
            return Err(StepError::fail(
                "E4380",
                format!("rule {rule} of the listener cannot be fenced singly; fence its listener"),
            ));
        }
        let gone = || {
            StepError::fail(
                "E4381",
                format!("listener {} does not exist any more", self.listener),
            )
        };
        let balancer = balancer_of(&self.listener).ok_or_else(gone)?;
        let all = cx
            .env
            .cloud
            .listeners(cx.place().as_str(), &balancer, cx.look())
            .await?;
        all.iter()
            .find(|l| l.arn == self.listener)
            .cloned()
            .ok_or_else(gone)
    }
}

impl Step for ListenerFence {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ListenerFenced;
    type Before = elb::Action;

    fn effect(&self) -> Effect {
        Effect::Fences
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ListenerFenced>, StepError> {
        let there = self.there(cx).await?;
        Ok(if there.action == self.fence() {
            Observed::Ready(
                ListenerFenced {
                    listener: self.listener.clone(),
                },
                Claim::AsWanted,
            )
        } else {
            Observed::Absent
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<elb::Action>, StepError> {
        let before = self.there(cx).await?.action;
        if let elb::Action::Other(kind) = &before {
            return Err(StepError::fail(
                "E4382",
                format!(
                    "listener {} does `{kind}`, which drtool could not put back: it is not fenced",
                    self.listener
                ),
            ));
        }
        Ok(cx
            .env
            .cloud
            .set_listener_action(cx.place().as_str(), &self.listener, &self.fence())
            .with_before(CallKind::Upsert, before))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        made: &Made<ListenerFenced, elb::Action>,
    ) -> Result<Undo, StepError> {
        let Some(before) = made.before() else {
            return Ok(Undo::Done);
        };
        let there = self.there(cx).await?;
        Ok(if there.action == self.fence() && *before != there.action {
            Undo::Call(
                cx.env
                    .cloud
                    .set_listener_action(cx.place().as_str(), &self.listener, before)
                    .call(CallKind::Upsert),
            )
        } else {
            Undo::Done
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_names_its_balancer() {
        let listener =
            "arn:aws:elasticloadbalancing:us-west-2:111122223333:listener/app/redmine/50dc/f2f7";
        let balancer =
            "arn:aws:elasticloadbalancing:us-west-2:111122223333:loadbalancer/app/redmine/50dc";
        assert_eq!(balancer_of(listener).as_deref(), Some(balancer));
    }
}
