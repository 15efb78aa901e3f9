//! A task that asks the database from inside its network and answers through its log. Started before the fence, gone at the end.

use crate::capture::Tags;
use crate::cloud::ecs;
use crate::cloud::logs::LogLine;
use crate::env::Env;
use crate::steps::ownership::{made_here, tags};
use drtool_engine::Timestamp;
use drtool_engine::step::{
    Call, CallKind, Claim, Cx, Effect, Left, Made, Observed, Step, StepError, Undo,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::composed::Composed;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "probe-task";
/// CPU units of its task.
const CPU: u32 = 256;
/// What its task takes of the quota for Fargate.
pub const VCPU: f64 = CPU as f64 / 1024.0;
pub const SUMMARY: &str = "a task that asks a database from inside its network";
pub const EXAMPLE: &str = "\
id: probe-task
use: probe-task
with:
  name: drtool-7f3a-main-source
  cluster: redmine
  image: public.ecr.aws/docker/library/postgres:15-alpine
  executionRoleArn: arn:aws:iam::111122223333:role/redmine-execution
  subnets: [subnet-0a1b2c3d]
  securityGroups: [sg-0a1b2c3d]
  assignPublicIp: false
  logGroup: /ecs/redmine
  engine: postgres
  host: [redmine-db.c9akciq32.us-west-2.rds.amazonaws.com]
  port: 5432
  database: redmine_production
  username: redmine
  password: [\"arn:aws:secretsmanager:us-west-2:111122223333:secret:redmine/db-a1b2c3:password::\"]
  questions: { alive: select 1 }
";

/// The probe to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ProbeTask {
    /// Its task family, and its name in plans.
    pub name: String,
    pub cluster: Value<String>,
    pub image: String,
    /// The role that may read the password for it.
    pub execution_role_arn: String,
    pub subnets: Vec<Value<String>>,
    pub security_groups: Vec<Value<String>>,
    pub assign_public_ip: bool,
    pub log_group: String,
    /// `postgres` or `mysql`.
    pub engine: String,
    pub host: Composed,
    pub port: u16,
    pub database: String,
    pub username: String,
    /// `valueFrom` of the password: ECS gives it to the task, drtool never sees it.
    pub password: Composed,
    /// What it asks again and again, by name: one SELECT each (or, for `write`, a write that leaves nothing). It logs each
    /// answer under the question's name.
    pub questions: BTreeMap<String, String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ProbeRunning {
    pub task_arn: String,
    pub task_definition_arn: String,
    pub log_group: String,
    pub log_stream: String,
}

impl Yields for ProbeRunning {
    const NAME: &'static str = "probe task";
}

/// The word before every line of a probe that is not an answer.
const ASK: &str = "drtool ask ";
/// The container's name and the prefix of its log stream.
const CONTAINER: &str = "probe";
const PREFIX: &str = "drtool";
/// Questions that other kinds ask for by name.
pub const WRITE: &str = "write";
pub const POSITION: &str = "position";
pub const CONTENT: &str = "content";
/// Seconds between two rounds of questions.
const ROUND: u32 = 2;
/// Milliseconds for which an answer is one of now: some rounds with questions that time out, and the log's own delay.
const FRESH: i64 = 60_000;

impl ProbeTask {
    /// A loop that asks every question and names it before its answer.
    fn script(&self) -> String {
        let mut script = String::from("while true; do ");
        for (name, query) in &self.questions {
            script.push_str(&format!("echo \"{ASK}{name}\"; "));
            script.push_str(&match self.engine.as_str() {
                "postgres" => format!("psql -X -A -t -c {} 2>&1; ", quoted(query)),
                _ => format!(
                    "mysql -N -B -h \"$DB_HOST\" -P \"$DB_PORT\" -u \"$DB_USER\" -e {} \"$DB_NAME\" 2>&1; ",
                    quoted(query)
                ),
            });
        }
        script.push_str(&format!("echo \"{ASK}end\"; sleep {ROUND}; done"));
        script
    }

    fn definition(&self, cx: &Cx<'_, Env>) -> Result<ecs::TaskDefinition, StepError> {
        let host = self.host.resolve(|piece| cx.value(piece))?;
        let password = self.password.resolve(|piece| cx.value(piece))?;
        let (environment, secret) = match self.engine.as_str() {
            "postgres" => (
                json!([
                    { "name": "PGHOST", "value": host }, { "name": "PGPORT", "value": self.port.to_string() },
                    { "name": "PGDATABASE", "value": self.database }, { "name": "PGUSER", "value": self.username },
                    { "name": "PGCONNECT_TIMEOUT", "value": "3" }, { "name": "PGAPPNAME", "value": "drtool" },
                ]),
                "PGPASSWORD",
            ),
            _ => (
                json!([
                    { "name": "DB_HOST", "value": host }, { "name": "DB_PORT", "value": self.port.to_string() },
                    { "name": "DB_NAME", "value": self.database }, { "name": "DB_USER", "value": self.username },
                ]),
                "MYSQL_PWD",
            ),
        };
        Ok(ecs::TaskDefinition {
            arn: String::new(),
            family: self.name.clone(),
            revision: 0,
            status: String::new(),
            cpu: Some(CPU.to_string()),
            memory: Some("512".into()),
            network_mode: Some("awsvpc".into()),
            compatibilities: vec!["FARGATE".into()],
            execution_role: Some(self.execution_role_arn.clone()),
            task_role: None,
            containers: vec![json!({
                "name": CONTAINER, "image": self.image, "essential": true,
                "entryPoint": ["sh", "-c"], "command": [self.script()],
                "environment": environment,
                "secrets": [{ "name": secret, "valueFrom": password }],
                "logConfiguration": { "logDriver": "awslogs", "options": {
                    "awslogs-group": self.log_group, "awslogs-region": cx.place().as_str(), "awslogs-stream-prefix": PREFIX,
                } },
            })],
            platform: None,
            ephemeral_storage_gib: None,
            volumes: Vec::new(),
            tags: tags(cx, &Tags::new()),
        })
    }

    async fn registered(&self, cx: &Cx<'_, Env>) -> Result<Option<ecs::TaskDefinition>, StepError> {
        let newest = cx
            .env
            .cloud
            .task_definition(cx.place().as_str(), &self.name, cx.look())
            .await?;
        Ok(newest.as_ref().clone().filter(|t| {
            t.status != "INACTIVE" && t.status != "DELETE_IN_PROGRESS" && made_here(cx, &t.tags)
        }))
    }

    /// What this step started, running or not yet; the intent makes it findable without the answer of the call.
    async fn tasks(
        &self,
        cx: &Cx<'_, Env>,
        stopped: bool,
    ) -> Result<Arc<Vec<ecs::Task>>, StepError> {
        let cluster = cx.value(&self.cluster)?;
        let of = ecs::TasksOf::StartedBy(&cx.mark().intent);
        Ok(cx
            .env
            .cloud
            .tasks(cx.place().as_str(), &cluster, of, stopped, cx.look())
            .await?)
    }
}

/// A query as one word of a shell.
fn quoted(query: &str) -> String {
    let mut out = String::from("\"");
    for letter in query.chars() {
        if matches!(letter, '"' | '\\' | '$' | '`') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push('"');
    out
}

/// What a probe's database answered to one question, most recently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub text: String,
    /// The client could not connect, or the database refused.
    pub failed: bool,
    /// Milliseconds since 1970, by the log.
    pub at: i64,
}

impl Answer {
    /// When the question was asked, by the log.
    pub fn time(&self) -> Result<jiff::Timestamp, StepError> {
        jiff::Timestamp::from_millisecond(self.at).map_err(|e| {
            StepError::fail("E4411", "the probe's log has an impossible time").because(e)
        })
    }
}

/// Reads the newest whole answer to a question out of a probe's log. Whole: another question follows it.
pub fn newest(lines: &[LogLine], question: &str) -> Option<Answer> {
    let marker = format!("{ASK}{question}");
    let end = lines.iter().rposition(|l| l.message.starts_with(ASK))?;
    let start = lines[..end]
        .iter()
        .rposition(|l| l.message.trim_end() == marker)?;
    let stop = start
        + 1
        + lines[start + 1..]
            .iter()
            .position(|l| l.message.starts_with(ASK))?;
    let answer: Vec<&str> = lines[start + 1..stop]
        .iter()
        .map(|l| l.message.trim_end())
        .filter(|l| !l.is_empty())
        .collect();
    let text = answer.join("\n");
    let failed = [
        "psql: error",
        "ERROR",
        "FATAL",
        "sh:",
        "connection to server",
    ]
    .iter()
    .any(|sign| {
        answer
            .iter()
            .any(|line| line.starts_with(sign) || line.contains(": FATAL"))
    });
    Some(Answer {
        text,
        failed,
        at: lines[start].at,
    })
}

/// The answer, if it speaks of what is; or why none does. A probe that is dead has left answers behind: only one to a question
/// that was asked after everything stood that it is asked about, and asked just now, proves anything.
fn fresh(
    answer: Option<Answer>,
    question: &str,
    since: Timestamp,
    now: Timestamp,
) -> Result<Answer, String> {
    let Some(answer) = answer else {
        return Err(format!("the probe has not answered `{question}` yet"));
    };
    // The log's instants are cut to milliseconds.
    if answer.at <= since.as_millisecond() {
        return Err(format!(
            "the probe has not been asked `{question}` again yet"
        ));
    }
    let age = now.as_millisecond().saturating_sub(answer.at);
    if age > FRESH {
        return Err(format!(
            "the probe last answered `{question}` {} s ago: it has stopped, or this machine's clock is wrong",
            age / 1_000
        ));
    }
    Ok(answer)
}

/// Asks the log of a probe: its answer, or why there is none that counts.
pub async fn ask(
    cx: &Cx<'_, Env>,
    group: &str,
    stream: &str,
    question: &str,
) -> Result<Result<Answer, String>, StepError> {
    let lines = cx
        .env
        .cloud
        .log_tail(cx.place().as_str(), group, stream, cx.look())
        .await?;
    let answer = newest(&lines, question);
    Ok(fresh(answer, question, cx.since(), cx.now()))
}

impl Step for ProbeTask {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = ProbeRunning;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<ProbeRunning>, StepError> {
        let running = self.tasks(cx, false).await?;
        let Some(task) = running.first() else {
            let Some(definition) = self.registered(cx).await? else {
                return Ok(Observed::Absent);
            };
            // A probe that ended is a finding, not a reason to start another one for ever.
            if let Some(dead) = self.tasks(cx, true).await?.first() {
                let why = dead.stopped_reason.clone().unwrap_or_default();
                return Err(
                    StepError::fail("E4410", format!("the probe stopped: {why}")).left(
                        Left::Something(format!("task definition {}", definition.arn)),
                    ),
                );
            }
            return Ok(Observed::Partial {
                note: "registered, not started".into(),
            });
        };
        if task.status != "RUNNING" {
            return Ok(Observed::underway(task.status.to_lowercase()));
        }
        let id = task.arn.rsplit('/').next().unwrap_or_default();
        let log_stream = format!("{PREFIX}/{CONTAINER}/{id}");
        let heard = cx
            .env
            .cloud
            .log_tail(cx.place().as_str(), &self.log_group, &log_stream, cx.look())
            .await?;
        if heard.is_empty() {
            return Ok(Observed::underway("running, silent so far"));
        }
        Ok(Observed::Ready(
            ProbeRunning {
                task_arn: task.arn.clone(),
                task_definition_arn: task.task_definition.clone(),
                log_group: self.log_group.clone(),
                log_stream,
            },
            Claim::Ours,
        ))
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let Some(definition) = self.registered(cx).await? else {
            let call = cloud.register_task_definition(region, &self.definition(cx)?);
            return Ok(call.call(CallKind::Bare {
                window: Duration::from_secs(60),
            }));
        };
        let values = |list: &[Value<String>]| {
            list.iter()
                .map(|v| cx.value(v))
                .collect::<Result<Vec<_>, _>>()
        };
        let task = ecs::OneOff {
            cluster: cx.value(&self.cluster)?,
            task_definition: definition.arn,
            subnets: values(&self.subnets)?,
            security_groups: values(&self.security_groups)?,
            public_address: self.assign_public_ip,
            started_by: cx.mark().intent.clone(),
            token: cx.token(),
            tags: tags(cx, &Tags::new()),
        };
        // ECS forgets the token an hour after the task has ended; this task runs until it is taken away.
        Ok(cloud.run_task(region, &task).call(CallKind::Token {
            ttl: Duration::from_secs(3600),
        }))
    }

    async fn undo(&self, cx: &Cx<'_, Env>, _: &Made<ProbeRunning, ()>) -> Result<Undo, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        if let Some(task) = self.tasks(cx, false).await?.first() {
            if task.desired == "STOPPED" {
                return Ok(Undo::Wait("stopping".into()));
            }
            let cluster = cx.value(&self.cluster)?;
            let call = cloud.stop_task(
                region,
                &cluster,
                &task.arn,
                "drtool: the probe is not needed any more",
            );
            return Ok(Undo::Call(call.call(CallKind::Upsert)));
        }
        Ok(match self.registered(cx).await? {
            Some(definition) => Undo::Call(
                cloud
                    .deregister_task_definition(region, &definition.arn)
                    .call(CallKind::Upsert),
            ),
            None => Undo::Done,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<LogLine> {
        texts
            .iter()
            .enumerate()
            .map(|(at, text)| LogLine {
                at: at as i64,
                message: (*text).to_owned(),
            })
            .collect()
    }

    #[test]
    fn the_newest_whole_answer_counts() {
        let log = lines(&[
            "drtool ask alive",
            "1",
            "drtool ask position",
            "0/16B3748",
            "drtool ask end",
            "drtool ask alive",
        ]);
        assert_eq!(newest(&log, "alive").map(|a| a.text), Some("1".into()));
        assert_eq!(
            newest(&log, "position").map(|a| (a.text, a.failed)),
            Some(("0/16B3748".into(), false))
        );
        assert_eq!(newest(&log, "write"), None);
    }

    #[test]
    fn what_a_dead_probe_has_left_behind_is_no_answer() {
        let answer = |at| {
            Some(Answer {
                text: "t".into(),
                failed: false,
                at,
            })
        };
        let instant = |millis| Timestamp::from_millisecond(millis).unwrap();
        let heard =
            |at, since, now| fresh(answer(at), "content", instant(since), instant(now)).is_ok();
        assert!(heard(100_001, 100_000, 101_000));
        assert!(
            !heard(100_000, 100_000, 101_000),
            "perhaps asked before it stood"
        );
        assert!(heard(100_001, 0, 160_001));
        assert!(!heard(100_001, 0, 160_002), "nobody has answered since");
        assert!(fresh(None, "content", instant(0), instant(0)).is_err());
    }

    #[test]
    fn a_connection_that_fails_is_a_failed_answer() {
        let log = lines(&[
            "drtool ask write",
            "psql: error: connection to server at \"db\" (10.0.20.5), port 5432 failed: timeout expired",
            "drtool ask end",
        ]);
        assert!(newest(&log, "write").is_some_and(|a| a.failed));
    }

    #[test]
    fn a_query_stays_one_word_of_the_shell() {
        assert_eq!(quoted("select \"a$b\""), "\"select \\\"a\\$b\\\"\"");
    }
}
