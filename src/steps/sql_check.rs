//! A question to the restored database, from inside its network.

use crate::env::Env;
use crate::steps::probe_task::answers::ask;
use drtool_engine::step::{Call, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "sql-check";
pub const SUMMARY: &str = "a question to a database, with the answer that is wanted";
pub const EXAMPLE: &str = "\
id: sql-check
use: sql-check
with:
  probe: arn:aws:ecs:eu-west-1:111122223333:task/redmine/0f1e2d3c4b5a
  logGroup: /ecs/redmine
  logStream: drtool-7f3a/probe/0f1e2d3c4b5a
  question: alive
  expect: \"1\"
";

/// Which question of the probe's, and what is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SqlCheck {
    /// The probe's task.
    pub probe: Value<String>,
    pub log_group: String,
    pub log_stream: Value<String>,
    /// By its name in the probe's list.
    pub question: String,
    /// The answer, as text; any will do where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Value<String>>,
    /// The moment that the answer speaks of, when it is the wanted one: up to there data is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<Value<jiff::Timestamp>>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SqlAnswered {
    /// What the database answered.
    pub answer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<jiff::Timestamp>,
}

impl Yields for SqlAnswered {
    const NAME: &'static str = "sql check";
}

impl Step for SqlCheck {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = SqlAnswered;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<SqlAnswered>, StepError> {
        let stream = cx.value(&self.log_stream)?;
        let answer = match ask(cx, &self.log_group, &stream, &self.question).await? {
            Ok(answer) => answer,
            Err(why) => return Ok(Observed::Unseen(why)),
        };
        if answer.failed {
            return Ok(Observed::underway(answer.text));
        }
        let expected = self
            .expect
            .as_ref()
            .map(|value| cx.value(value))
            .transpose()?;
        Ok(match expected {
            Some(wanted) if wanted != answer.text => Observed::underway(format!(
                "`{}` answers `{}`, wanted `{wanted}`",
                self.question, answer.text
            )),
            _ => Observed::Ready(
                SqlAnswered {
                    answer: answer.text,
                    moment: self
                        .moment
                        .as_ref()
                        .map(|value| cx.value(value))
                        .transpose()?,
                },
                Claim::AsWanted,
            ),
        })
    }

    async fn begin(&self, _: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        Err(StepError::wait("E4400", "a check is only looked at"))
    }

    async fn undo(&self, _: &Cx<'_, Env>, _: &Made<SqlAnswered, ()>) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
