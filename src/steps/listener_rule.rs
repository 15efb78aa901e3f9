//! A rule of a listener.

use serde::{Deserialize, Serialize};

use super::listener::{Action, action};
use crate::capture::Tags;
use crate::cloud::elb;
use crate::env::Env;
use crate::steps::ownership::{claim, made_here, tags};
use drtool_engine::step::{Call, CallKind, Cx, Effect, Made, Observed, Step, StepError, Undo};
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

impl ListenerRule {
    async fn found(
        &self,
        cx: &Cx<'_, Env>,
        listener: &str,
    ) -> Result<Option<elb::ListenerRule>, StepError> {
        let all = cx
            .env
            .cloud
            .listener_rules(cx.place().as_str(), listener, cx.look())
            .await?;
        Ok(all.iter().find(|r| r.priority == self.priority).cloned())
    }
}

impl Step for ListenerRule {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ListenerRuleMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ListenerRuleMade>, StepError> {
        let listener = cx.value(&self.listener)?;
        let Some(rule) = self.found(cx, &listener).await? else {
            return Ok(Observed::Absent);
        };
        Ok(
            match claim(
                cx,
                &rule.tags,
                &rule.arn,
                &format!("a listener rule with priority {}", self.priority),
            ) {
                Err(why) => Observed::Foreign(why),
                Ok(claimed) => Observed::Ready(ListenerRuleMade { arn: rule.arn }, claimed),
            },
        )
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let listener = cx.value(&self.listener)?;
        let whose = format!("listener rule {}", self.priority);
        let action = action(cx, &self.actions, &whose)?;
        Ok(cx
            .env
            .cloud
            .create_listener_rule(
                cx.place().as_str(),
                &listener,
                self.priority,
                &self.conditions,
                &action,
                &tags(cx, &Tags::new()),
            )
            .map_err(|why| StepError::fail("E4353", format!("{whose}: {why}")))?
            .call(CallKind::Named))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<ListenerRuleMade, ()>,
    ) -> Result<Undo, StepError> {
        let Ok(listener) = cx.value(&self.listener) else {
            return Ok(Undo::Done);
        };
        Ok(match self.found(cx, &listener).await? {
            Some(rule) if made_here(cx, &rule.tags) => Undo::Call(
                cx.env
                    .cloud
                    .delete_listener_rule(cx.place().as_str(), &rule.arn)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}
