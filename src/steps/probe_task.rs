//! A task that asks the database from inside its network and answers through its log. Started before the fence, gone at the end.

pub mod answers;

use crate::capture::Tags;
use crate::cloud::ecs;
use crate::env::Env;
use crate::steps::ownership::{made_here, tags};
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
  questions: { position: select pg_current_wal_lsn(), content: select count(*) from issues }
  settled: { content: position }
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
    /// Questions that are a load, each with the one whose answer moves with every write (the database's position in its log).
    /// Such a question is asked at the beginning, so that it is known that it can be answered, and then when the position stands
    /// still, or has not for some time; while it does, the same answer is given again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settled: BTreeMap<String, String>,
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
pub(super) const ASK: &str = "drtool ask ";
/// The container's name and the prefix of its log stream.
const CONTAINER: &str = "probe";
const PREFIX: &str = "drtool";
/// Questions that other kinds ask for by name.
pub const WRITE: &str = "write";
pub const POSITION: &str = "position";
pub const CONTENT: &str = "content";
/// Seconds between two rounds of questions.
const ROUND: u32 = 4;
/// Rounds after which a question that is a load is asked even if the position moves all the time.
const PATIENCE: usize = 10;

impl ProbeTask {
    /// A loop that asks every question and names it before its answer.
    fn script(&self) -> String {
        let mut script = String::new();
        // Rounds are counted by as many dots: every shell can do that.
        let patience = ".".repeat(PATIENCE);
        if !self.settled.is_empty() {
            script.push_str(&format!("counted=none; last=none; waited={patience}; "));
        }
        script.push_str("while true; do ");
        let moves = |name: &String| self.settled.values().any(|position| position == name);
        for (name, query) in &self.questions {
            if self.settled.contains_key(name) {
                continue;
            }
            let ask = self.client(query);
            script.push_str(&match moves(name) {
                true => format!("echo \"{ASK}{name}\"; position=$({ask}); echo \"$position\"; "),
                false => format!("echo \"{ASK}{name}\"; {ask}; "),
            });
        }
        for (name, position) in &self.settled {
            let (Some(query), Some(position)) =
                (self.questions.get(name), self.questions.get(position))
            else {
                continue;
            };
            // The position is asked for again after the question has been named: the answer is not older than its name.
            let (ask, position) = (self.client(query), self.client(position));
            script.push_str(&format!(
                "if [ \"$waited\" = {patience} ] || [ \"$position\" = \"$last\" ]; then waited=; echo \"{ASK}{name}\"; position=$({position}); \
                 if [ \"$position\" != \"$counted\" ]; then if content=$({ask}); then counted=$position; else counted=none; fi; fi; echo \"$content\"; \
                 else waited=\"$waited.\"; fi; last=$position; "
            ));
        }
        script.push_str(&format!("echo \"{ASK}end\"; sleep {ROUND}; done"));
        script
    }

    /// The client's command for one query.
    fn client(&self, query: &str) -> String {
        let query = quoted(query);
        match self.engine.as_str() {
            "postgres" => format!("psql -X -A -t -c {query} 2>&1"),
            _ => format!(
                "mysql -N -B -h \"$DB_HOST\" -P \"$DB_PORT\" -u \"$DB_USER\" -e {query} \"$DB_NAME\" 2>&1"
            ),
        }
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

    /// The task by the ARN that the call which started it answered with, if it did and the task is to be seen.
    async fn started(&self, cx: &Cx<'_, Env>) -> Result<Option<ecs::Task>, StepError> {
        let Some(arn) = cx
            .handles()
            .iter()
            .rfind(|handle| handle.contains(":task/"))
        else {
            return Ok(None);
        };
        let cluster = cx.value(&self.cluster)?;
        let of = ecs::TasksOf::Known(arn);
        let found = cx
            .env
            .cloud
            .tasks(cx.place().as_str(), &cluster, of, false, cx.look())
            .await?;
        Ok(found.first().cloned())
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

/// A probe that ended is a finding, not a reason to start another one for ever.
fn stopped(task: &ecs::Task) -> StepError {
    let why = task.stopped_reason.clone().unwrap_or_default();
    StepError::fail("E4410", format!("the probe stopped: {why}")).left(Left::Something(format!(
        "task definition {}",
        task.task_definition
    )))
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
        let running = match self.started(cx).await? {
            Some(task) => Some(task),
            None => self.tasks(cx, false).await?.first().cloned(),
        };
        let Some(task) = running else {
            if self.registered(cx).await?.is_none() {
                return Ok(Observed::Absent);
            }
            if let Some(dead) = self.tasks(cx, true).await?.first() {
                return Err(stopped(dead));
            }
            return Ok(Observed::Partial {
                note: "registered, not started".into(),
            });
        };
        if task.desired == "STOPPED" {
            return Err(stopped(&task));
        }
        if task.status != "RUNNING" {
            return Ok(Observed::underway(task.status.to_lowercase()));
        }
        let id = task.arn.rsplit('/').next().unwrap_or_default();
        let log_stream = format!("{PREFIX}/{CONTAINER}/{id}");
        let heard = cx
            .env
            .cloud
            .log_tail(
                cx.place().as_str(),
                &self.log_group,
                &log_stream,
                answers::TAILS[0],
                cx.look(),
            )
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

    #[test]
    fn a_query_stays_one_word_of_the_shell() {
        assert_eq!(quoted("select \"a$b\""), "\"select \\\"a\\$b\\\"\"");
    }
}
