//! What runs in a task: processes, made from images whose behaviour is scripted.
//!
//! An image's behaviour is data ([`Image`]), found by the name of its repository; the built-in ones are in
//! [`built_in`]. A process lives in its task's container and does three things: it answers requests ([`web`]), it runs a
//! script of SQL clients ([`client`], [`shell`]), or it ends. What it cannot do it says in its log, and exits with 127.

use crate::clock::{MILLI, Nanos, Pert, SECOND};
use crate::plane::{Flow, From, To};
use crate::services::ecs::start::Prepared;
use crate::services::ecs::{Scope, Task};
use crate::services::rds;
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

pub mod built_in;
pub mod client;
mod content;
pub mod shell;
pub mod web;

#[cfg(test)]
mod tests;

/// What images of a name do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// Matches an image whose repository path (no registry, no tag) contains this, without regard to case.
    pub pattern: String,
    /// Variables baked into the image; what the task definition gives wins.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    pub behaviour: Behaviour,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "kebab-case")]
pub enum Behaviour {
    Serves(Box<web::Web>),
    /// Runs `psql` and `mysql` by shell commands.
    RunsSql,
    /// Answers every request with its own first line.
    Echoes {
        port: u16,
    },
    /// Writes a line and ends.
    Exits {
        code: i64,
        line: String,
    },
}

/// Region, group and stream.
pub type LogStream = (String, String, String);

/// A process in a container.
#[derive(Clone, Debug)]
pub struct Process {
    pub image: Arc<Image>,
    pub environment: Arc<BTreeMap<String, String>>,
    pub command: Arc<Vec<String>>,
    pub log: Option<Arc<LogStream>>,
    pub began: Nanos,
    pub doing: Doing,
    /// An open connection to its database.
    pub pool: Option<Pool>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Doing {
    /// `until`: when it gives up waiting for its database.
    Boots {
        until: Option<Nanos>,
    },
    Listens,
    Runs(shell::Run),
    /// Has decided to end with this code.
    Ends(i64),
}

/// A connection that a process keeps open, and the flow that carries it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    pub connection: rds::Connection,
    pub flow: Flow,
    pub since: Nanos,
}

impl Process {
    pub fn variable(&self, name: &str) -> &str {
        self.environment.get(name).map_or("", String::as_str)
    }

    /// How it takes SIGTERM: after how many seconds it ends, and with which code.
    pub fn ending(&self) -> (u64, i64) {
        match (&self.image.behaviour, &self.doing) {
            (Behaviour::Serves(_), _) => (3, 0),
            (Behaviour::Echoes { .. }, _) => (1, 0),
            // A shell that is process 1 has no handler for SIGTERM, and the kernel then drops the signal.
            (_, Doing::Runs(run)) if run.is_shell => (u64::MAX, 137),
            _ => (1, 143),
        }
    }
}

impl World {
    /// Scripts the behaviour of images. The latest wins over earlier ones, and all win over the built-in ones.
    pub fn script_image(&mut self, image: Image) {
        self.plane.images.insert(0, Arc::new(image));
    }

    /// Limits how many Fargate tasks a region can hold (`FARGATE` or `FARGATE_SPOT`); `None` lifts the limit.
    pub fn limit_capacity(&mut self, region: &str, provider: &str, tasks: Option<u64>) {
        let key = (region.to_owned(), provider.to_owned());
        match tasks {
            Some(tasks) => self.plane.capacity.insert(key, tasks),
            None => self.plane.capacity.remove(&key),
        };
    }
}

/// The repository path of an image: no registry, no tag, no digest.
pub fn repository(image: &str) -> String {
    let path = match image.split_once('/') {
        Some((host, rest)) if host.contains('.') || host.contains(':') || host == "localhost" => {
            rest
        }
        _ => image,
    };
    let path = path.split('@').next().unwrap_or(path);
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(f, n)| (f, n));
    let name = name.split(':').next().unwrap_or(name);
    if folder.is_empty() {
        name.to_ascii_lowercase()
    } else {
        format!("{folder}/{name}").to_ascii_lowercase()
    }
}

/// The digest of an image that lies in a registry outside this world: always the same for the same name.
pub fn public_digest(image: &str) -> String {
    use sha2::{Digest, Sha256};
    if let Some((_, digest)) = image.split_once('@') {
        return digest.to_owned();
    }
    let digest = Sha256::digest(image.as_bytes());
    let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}

fn behaviour_of(world: &World, image: &str) -> Arc<Image> {
    let path = repository(image);
    let scripted = world
        .plane
        .images
        .iter()
        .find(|i| path.contains(&i.pattern.to_ascii_lowercase()));
    match scripted {
        Some(image) => Arc::clone(image),
        None => Arc::new(built_in::find(&path)),
    }
}

// ---- a life -----------------------------------------------------------------------------------------------------------

/// Starts a container's process.
pub(crate) fn begin(
    world: &mut World,
    scope: &Scope,
    key: &str,
    container: usize,
    prepared: Prepared,
) {
    let image = behaviour_of(world, &prepared.image);
    let mut environment = image.environment.clone();
    environment.extend(prepared.environment);
    let now = world.now();
    let mut process = Process {
        command: Arc::new([prepared.entry_point, prepared.command].concat()),
        image: Arc::clone(&image),
        environment: Arc::new(environment),
        log: prepared.log.map(Arc::new),
        began: now,
        doing: Doing::Boots { until: None },
        pool: None,
    };
    let (first, line) = match &image.behaviour {
        Behaviour::Serves(web) => match web.refusal(&process) {
            Some((code, line)) => {
                process.doing = Doing::Ends(code);
                (SECOND, Some(line))
            }
            None if web.is_one_off(&process) => (2 * SECOND, None),
            None => {
                let (min, typical, max) = web.boot;
                (
                    world.sample(Pert(min, typical, max), key, "boot"),
                    Some(format!("{} starts", image.pattern)),
                )
            }
        },
        Behaviour::RunsSql => match shell::compile(&process.command) {
            Ok(run) => {
                process.doing = Doing::Runs(run);
                (200 * MILLI, None)
            }
            Err(line) => {
                process.doing = Doing::Ends(127);
                (SECOND, Some(line))
            }
        },
        Behaviour::Echoes { .. } => (SECOND, None),
        Behaviour::Exits { code, line } => {
            process.doing = Doing::Ends(*code);
            (SECOND, Some(line.clone()))
        }
    };
    let log = process.log.clone();
    put(world, scope, key, container, Some(process));
    if let Some(line) = line {
        write_log(world, scope, &log, vec![line]);
    }
    again(world, scope, key, container, first);
}

/// A process is gone: its connections are closed.
pub(crate) fn end(world: &mut World, scope: &Scope, key: &str, container: usize) {
    let pool = process(world, scope, key, container).and_then(|p| p.pool.clone());
    if let Some(pool) = pool {
        rds::close(world, &pool.connection);
    }
}

pub(crate) fn process<'w>(
    world: &'w World,
    scope: &Scope,
    key: &str,
    container: usize,
) -> Option<&'w Process> {
    scope
        .seen(world)?
        .tasks
        .get(key)?
        .containers
        .get(container)?
        .process
        .as_ref()
}

fn put(world: &mut World, scope: &Scope, key: &str, container: usize, process: Option<Process>) {
    let Some(state) = scope.seen_mut(world) else {
        return;
    };
    state.tasks.settle(key, |task| {
        if let Some(container) = task.containers.get_mut(container) {
            container.process = process;
        }
    });
}

fn again(world: &mut World, scope: &Scope, key: &str, container: usize, after: Nanos) {
    scope.later(world, after, "process", key, json!(container));
}

fn write_log(world: &mut World, scope: &Scope, log: &Option<Arc<LogStream>>, lines: Vec<String>) {
    if let Some((region, group, stream)) = log.as_deref()
        && !lines.is_empty()
    {
        crate::services::logs::put(world, &scope.account, region, group, stream, lines);
    }
}

/// A process after it went on, and when it does so again.
type Went = (Process, Option<Nanos>);

/// Goes on with the script that runs in a container, if one does.
fn go_on(world: &mut World, scope: &Scope, key: &str, container: usize) -> Option<Went> {
    // Nobody looks at it while it goes on, so it is taken out of its container, not copied.
    let task = scope.seen_mut(world)?.tasks.inner(key)?;
    let from = task.from(&scope.account, &scope.region)?;
    let held = &mut task.containers.get_mut(container)?.process;
    let mut process = held.take_if(|process| matches!(process.doing, Doing::Runs(_)))?;
    let next = match std::mem::replace(&mut process.doing, Doing::Listens) {
        Doing::Runs(run) => client::go_on(world, scope, &mut process, &from, run),
        _ => None,
    };
    Some((process, next))
}

/// Has a process that is no script boot or end; nothing is left of one that ends.
fn boot_or_end(world: &mut World, scope: &Scope, key: &str, container: usize) -> Option<Went> {
    let mut process = process(world, scope, key, container).cloned()?;
    let task = scope.seen(world)?.tasks.get(key)?;
    let from = task.from(&scope.account, &scope.region)?;
    let image = Arc::clone(&process.image);
    let next = match (&process.doing, &image.behaviour) {
        (Doing::Ends(code), _) => {
            let code = *code;
            crate::services::ecs::life::process_ended(world, scope, key, container, code);
            return None;
        }
        (Doing::Boots { until }, Behaviour::Serves(web)) => {
            let until = *until;
            web::boot(world, scope, &mut process, web, &from, until)
        }
        (Doing::Boots { .. }, _) => {
            process.doing = Doing::Listens;
            None
        }
        (Doing::Runs(_) | Doing::Listens, _) => None,
    };
    Some((process, next))
}

/// A process goes on.
pub(crate) fn happen(world: &mut World, scope: &Scope, key: &str, detail: &Value) {
    let container = detail.as_u64().unwrap_or(0) as usize;
    let went =
        go_on(world, scope, key, container).or_else(|| boot_or_end(world, scope, key, container));
    let Some((process, next)) = went else {
        return;
    };
    put(world, scope, key, container, Some(process));
    if let Some(after) = next {
        again(world, scope, key, container, after);
    }
}

/// Whether an open connection still serves.
pub(crate) fn pool_lives(world: &World, pool: &Pool) -> bool {
    rds::session(world, &pool.connection).is_ok()
        && super::still_flows(world, &pool.flow, pool.since).is_ok()
}

/// Opens a connection that lasts.
pub(crate) fn open_pool(
    world: &mut World,
    login: &rds::Login<'_>,
) -> Result<Pool, rds::ConnectError> {
    let address = rds::address_of(world, login.host);
    let connection = rds::open(world, login)?;
    let to = match address {
        Some(address) => To::Interface {
            account: address.database.account,
            region: address.database.region,
            id: address.interface,
        },
        None => To::Address(String::new()),
    };
    let since = world.now();
    Ok(Pool {
        connection,
        flow: Flow {
            from: login.from.clone(),
            to,
            port: login.port,
        },
        since,
    })
}

/// The task and the container that listen on a port.
pub(crate) fn listener(task: &Task, port: u16) -> Option<(usize, &Process)> {
    task.containers.iter().enumerate().find_map(|(n, c)| {
        let process = c.process.as_ref()?;
        let listens = process.doing == Doing::Listens
            && match &process.image.behaviour {
                Behaviour::Serves(web) => web.port(process) == port,
                Behaviour::Echoes { port: own } => *own == port,
                _ => false,
            };
        listens.then_some((n, process))
    })
}

/// The vantage point's name for a database may be an alias (a CNAME in a private zone, for instance).
pub(crate) fn real_host<'h>(world: &World, host: &'h str, from: &From) -> Cow<'h, str> {
    match world.follow(host, from) {
        Some(real) => Cow::Owned(real),
        None => Cow::Borrowed(host),
    }
}
