//! Images that serve: a port, pages, and a database behind them.

use super::{Behaviour, Doing, Process, listener, open_pool, pool_lives, real_host};
use crate::clock::{Nanos, SECOND};
use crate::plane::{Endpoint, From, HttpRequest};
use crate::services::ecs::{Scope, Task, TaskAnswer, task_at};
use crate::services::rds::{self, DatabaseRef};
use crate::world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Web {
    pub port: u16,
    /// The variable that names another port.
    #[serde(default)]
    pub port_variable: Option<String>,
    /// Seconds from the start to the first answer: least, typical, most.
    pub boot: (f64, f64, f64),
    /// Variables without which it does not start.
    #[serde(default)]
    pub required: Vec<String>,
    #[serde(default)]
    pub database: Option<Backend>,
    /// The first that matches answers.
    pub pages: Vec<Page>,
    /// What the first words of the command mean; an empty command serves.
    #[serde(default)]
    pub commands: BTreeMap<String, Command>,
    /// Done before it serves, wherever they have not been done; it ends if they fail.
    #[serde(default)]
    pub migrations: Option<Migrations>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    Serve,
    /// Brings its tables up to date, runs these statements, and ends.
    Runs {
        sql: Vec<String>,
    },
}

/// How an image brings an empty database to the tables that it works with, as frameworks' migrations do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Migrations {
    /// The table whose absence says that nothing has been done yet.
    pub marker: String,
    pub sql: Vec<String>,
}

/// Where an image finds its database: each field by the first of these variables that is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Backend {
    pub host: Vec<String>,
    pub port: Vec<String>,
    pub default_port: u16,
    pub name: Vec<String>,
    pub default_name: String,
    pub user: Vec<String>,
    pub password: Vec<String>,
    pub tls: bool,
    /// Seconds that it waits for its database before it listens; `None`: it listens without one.
    pub waits: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The whole path; with `*` at its end, what it begins with.
    pub path: String,
    pub status: u16,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    pub body: String,
    /// 500 if the database does not answer.
    #[serde(default)]
    pub asks_database: bool,
    /// The table that it reads: 500 without it.
    #[serde(default)]
    pub table: Option<String>,
}

/// What a process knows of its database.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Access {
    pub host: String,
    pub port: u16,
    pub name: String,
    pub user: String,
    pub password: String,
    pub tls: bool,
}

impl Access {
    pub fn login<'a>(&'a self, from: &'a From, application: &'a str) -> rds::Login<'a> {
        rds::Login {
            from,
            host: &self.host,
            port: self.port,
            user: &self.user,
            password: &self.password,
            database: &self.name,
            tls: self.tls,
            application,
        }
    }
}

impl Web {
    pub fn port(&self, process: &Process) -> u16 {
        let given = self
            .port_variable
            .as_deref()
            .and_then(|name| process.variable(name).parse().ok());
        given.unwrap_or(self.port)
    }

    fn command(&self, process: &Process) -> Option<Command> {
        let words = &process.command;
        if words.is_empty() {
            return Some(Command::Serve);
        }
        // The longest beginning that means something; the program itself may be named before it.
        let beginnings = (0..words.len().min(2))
            .flat_map(|from| (from + 1..=words.len()).rev().map(move |to| (from, to)));
        beginnings
            .map(|(from, to)| words[from..to].join(" "))
            .find_map(|key| self.commands.get(&key).cloned())
    }

    /// Why it does not start at all: exit code and last words.
    pub(super) fn refusal(&self, process: &Process) -> Option<(i64, String)> {
        if self.command(process).is_none() {
            let command = process.command.join(" ");
            return Some((
                127,
                format!("exec: \"{command}\": not something that this image can run"),
            ));
        }
        let missing = self
            .required
            .iter()
            .find(|name| process.variable(name).is_empty());
        missing.map(|name| (1, format!("{name} must be set. Aborting.")))
    }

    pub(super) fn is_one_off(&self, process: &Process) -> bool {
        matches!(self.command(process), Some(Command::Runs { .. }))
    }

    pub(crate) fn access(&self, world: &World, process: &Process, from: &From) -> Option<Access> {
        let backend = self.database.as_ref()?;
        let first = |names: &[String]| {
            names
                .iter()
                .map(|n| process.variable(n))
                .find(|v| !v.is_empty())
                .unwrap_or("")
                .to_owned()
        };
        let given = first(&backend.host);
        let (host, port) = match given.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => (host.to_owned(), port.to_owned()),
            _ => (given.clone(), first(&backend.port)),
        };
        let name = first(&backend.name);
        Some(Access {
            host: real_host(world, &host, from).into_owned(),
            port: port.parse().unwrap_or(backend.default_port),
            name: if name.is_empty() {
                backend.default_name.clone()
            } else {
                name
            },
            user: first(&backend.user),
            password: first(&backend.password),
            tls: backend.tls,
        })
    }
}

/// The end of a boot, or another try at the database; answers when to try again.
pub(super) fn boot(
    world: &mut World,
    scope: &Scope,
    process: &mut Process,
    web: &Web,
    from: &From,
    until: Option<Nanos>,
) -> Option<Nanos> {
    let now = world.now();
    if let Some(Command::Runs { sql }) = web.command(process) {
        let code = match statements(world, scope, process, web, from, &sql) {
            Ok(()) => 0,
            Err(line) => {
                super::write_log(world, scope, &process.log, vec![line]);
                1
            }
        };
        process.doing = Doing::Ends(code);
        return Some(SECOND);
    }
    let waits = web.database.as_ref().and_then(|d| d.waits);
    if let Some(access) = web.access(world, process, from) {
        match open_pool(world, &access.login(from, &process.image.pattern)) {
            Ok(pool) => {
                let at = pool.connection.database.clone();
                process.pool = Some(pool);
                if let Err(line) = migrate(world, scope, process, web, &at, &access) {
                    super::write_log(world, scope, &process.log, vec![line]);
                    process.doing = Doing::Ends(1);
                    return Some(SECOND);
                }
            }
            Err(error) => {
                if let Some(waits) = waits {
                    let until = until.unwrap_or(now + waits * SECOND);
                    super::write_log(
                        world,
                        scope,
                        &process.log,
                        vec![format!(
                            "waiting for the database at {}: {error}",
                            access.host
                        )],
                    );
                    if now >= until {
                        super::write_log(
                            world,
                            scope,
                            &process.log,
                            vec!["Could not connect to database server. Aborting.".into()],
                        );
                        process.doing = Doing::Ends(1);
                        return Some(SECOND);
                    }
                    process.doing = Doing::Boots { until: Some(until) };
                    return Some(5 * SECOND);
                }
            }
        }
    } else if waits.is_some() {
        process.doing = Doing::Ends(1);
        return Some(SECOND);
    }
    process.doing = Doing::Listens;
    super::write_log(
        world,
        scope,
        &process.log,
        vec![format!("listening on 0.0.0.0:{}", web.port(process))],
    );
    None
}

/// Runs a command's statements in a connection of its own; the error is the last line of its log.
fn statements(
    world: &mut World,
    scope: &Scope,
    process: &Process,
    web: &Web,
    from: &From,
    sql: &[String],
) -> Result<(), String> {
    let access = web
        .access(world, process, from)
        .ok_or("no database is configured")?;
    let at = rds::connect(world, &access.login(from, &process.image.pattern))
        .map_err(|error| error.to_string())?;
    migrate(world, scope, process, web, &at, &access)?;
    run(world, scope, process, &at, &access, sql)
}

fn run(
    world: &mut World,
    scope: &Scope,
    process: &Process,
    at: &DatabaseRef,
    access: &Access,
    sql: &[String],
) -> Result<(), String> {
    for statement in sql {
        super::write_log(world, scope, &process.log, vec![statement.clone()]);
        rds::query_in(world, at, &access.user, &access.name, statement)?;
    }
    Ok(())
}

fn migrate(
    world: &mut World,
    scope: &Scope,
    process: &Process,
    web: &Web,
    at: &DatabaseRef,
    access: &Access,
) -> Result<(), String> {
    match &web.migrations {
        Some(migrations) if !has_table(world, at, &migrations.marker) => {
            run(world, scope, process, at, access, &migrations.sql)
        }
        _ => Ok(()),
    }
}

fn has_table(world: &World, at: &DatabaseRef, table: &str) -> bool {
    rds::contents(world, at).is_some_and(|contents| contents.standing.tables.contains_key(table))
}

/// A numbered row in a request's body: `{"client": "ann", "number": 7}`.
pub(crate) fn row(request: &HttpRequest) -> Option<(String, u64)> {
    if !request.method.eq_ignore_ascii_case("POST") {
        return None;
    }
    let body: serde_json::Value = serde_json::from_str(&request.body).ok()?;
    Some((
        body.get("client")?.as_str()?.to_owned(),
        body.get("number")?.as_u64()?,
    ))
}

/// Whether a process would get through to its database now.
fn database_answers(
    world: &World,
    web: &Web,
    process: &Process,
    from: &From,
) -> Result<DatabaseRef, String> {
    if let Some(pool) = process.pool.as_ref().filter(|pool| pool_lives(world, pool)) {
        return Ok(pool.connection.database.clone());
    }
    let access = web
        .access(world, process, from)
        .ok_or("no database is configured")?;
    rds::connect(world, &access.login(from, &process.image.pattern))
        .map_err(|error| error.to_string())
}

/// Whether a page's own question is answered.
fn page_answers(
    world: &World,
    web: &Web,
    process: &Process,
    from: &From,
    page: &Page,
) -> Result<(), String> {
    if !page.asks_database && page.table.is_none() {
        return Ok(());
    }
    let at = database_answers(world, web, process, from)?;
    match &page.table {
        Some(table) if !has_table(world, &at, table) => {
            Err(format!("relation \"{table}\" does not exist"))
        }
        _ => Ok(()),
    }
}

/// What a task answers on a port. Nothing is changed: a row in the request is stored by [`store`].
pub(crate) fn answer(
    world: &World,
    account: &str,
    region: &str,
    task: &Task,
    port: u16,
    request: &HttpRequest,
) -> TaskAnswer {
    let Some((_, process)) = listener(task, port) else {
        return TaskAnswer::Refused;
    };
    let Some(from) = task.from(account, region) else {
        return TaskAnswer::Refused;
    };
    let reply = |status: u16, headers: Vec<(String, String)>, body: String| TaskAnswer::Answer {
        status,
        headers,
        body,
        by: task.arn.clone(),
    };
    let html = || {
        vec![(
            "Content-Type".to_owned(),
            "text/html; charset=utf-8".to_owned(),
        )]
    };
    let path = request.path.split(['?', '#']).next().unwrap_or("/");
    let method = if request.method.is_empty() {
        "GET"
    } else {
        request.method.as_str()
    };
    let web = match &process.image.behaviour {
        Behaviour::Serves(web) => web,
        _ => {
            return reply(
                200,
                vec![("Content-Type".into(), "text/plain".into())],
                format!("{method} {}\n", request.path),
            );
        }
    };
    let broken = |error: String| {
        reply(
            500,
            html(),
            format!("<h1>Internal Server Error</h1><p>{error}</p>"),
        )
    };
    if web.database.is_some() && row(request).is_some() {
        return match database_answers(world, web, process, &from) {
            Ok(_) => reply(
                201,
                vec![("Content-Type".into(), "application/json".into())],
                request.body.clone(),
            ),
            Err(error) => broken(error),
        };
    }
    let page = web.pages.iter().find(|p| match p.path.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => p.path == path,
    });
    match page {
        None => reply(404, html(), "<h1>Not Found</h1>".into()),
        Some(page) => {
            if let Err(error) = page_answers(world, web, process, &from, page) {
                return broken(error);
            }
            let mut headers = html();
            headers.extend(page.headers.clone());
            let body = if method == "HEAD" {
                String::new()
            } else {
                page.body.clone()
            };
            reply(page.status, headers, body)
        }
    }
}

/// Stores the row of a request that the task at `at` has taken; the error is the application's.
pub(crate) fn store(world: &mut World, at: &Endpoint, request: &HttpRequest) -> Result<(), String> {
    let Some((client, number)) = row(request) else {
        return Ok(());
    };
    let scope = Scope {
        account: at.account.clone(),
        region: at.region.clone(),
    };
    let (key, container, process, from) = {
        let task = task_at(world, at).ok_or("the task is gone")?;
        let (container, process) = listener(task, at.port).ok_or("the process is gone")?;
        let from = task
            .from(&at.account, &at.region)
            .ok_or("the task has no address")?;
        (task.key(), container, process.clone(), from)
    };
    let Behaviour::Serves(web) = &process.image.behaviour else {
        return Ok(());
    };
    let living = process.pool.clone().filter(|pool| pool_lives(world, pool));
    let pool = match living {
        Some(pool) => pool,
        None => {
            let access = web
                .access(world, &process, &from)
                .ok_or("no database is configured")?;
            let pool = open_pool(world, &access.login(&from, &process.image.pattern))
                .map_err(|e| e.to_string())?;
            let kept = pool.clone();
            scope.state(world).tasks.settle(&key, |task| {
                if let Some(process) = task
                    .containers
                    .get_mut(container)
                    .and_then(|c| c.process.as_mut())
                {
                    process.pool = Some(kept);
                }
            });
            pool
        }
    };
    rds::write_in_session(world, &pool.connection, &client, number)
}
