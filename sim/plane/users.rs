//! Simulated users: what people and programs outside AWS do with the stack, and what they remember of it.
//!
//! A user asks DNS for the stack's name (and keeps the answer for its TTL, or longer: some do not care), keeps a
//! connection open where it can, and posts a numbered row every so often. It remembers a number only when the answer
//! said that the row was stored: that memory, not any API, is what a move is judged by. A [`Session`] is a program that
//! holds a database connection itself, past every balancer, and goes on writing for as long as the connection lives:
//! numbered rows like a user, or always the same statement.

use super::tasks::{Pool, open_pool, pool_lives, real_host};
use super::{DialAnswer, From, HttpRequest, Resolved};
use crate::clock::{MINUTE, Nanos, SECOND};
use crate::services::ServiceId;
use crate::services::rds;
use crate::table::Table;
use crate::world::{Event, World};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub struct Users {
    pub users: Table<User>,
    pub sessions: Table<Session>,
}

#[derive(Clone, Debug)]
pub struct User {
    pub name: String,
    pub host: String,
    pub https: bool,
    pub path: String,
    pub every: Nanos,
    pub ip: String,
    /// How long it keeps an answer of DNS: for its TTL, or for this long whatever the TTL.
    pub keeps_answers: Option<Nanos>,
    /// How long it keeps a connection before it opens another; 0: one connection a request.
    pub keeps_connections: Nanos,
    /// Addresses, and until when they are believed.
    pub cached: Option<(Vec<String>, Nanos)>,
    /// The address it is connected to, and since when.
    pub connected: Option<(String, Nanos)>,
    /// The next row's number, counted from 1.
    pub next: u64,
    pub memory: Arc<Memory>,
    pub stopped: bool,
}

/// What a user or a session remembers. It only grows, and is shared by the forks of a world until one of them adds to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    pub acknowledged: Vec<Acknowledged>,
    pub failures: Vec<Failure>,
    /// What DNS told it, at each change.
    pub told: Vec<(Nanos, Vec<String>)>,
}

impl Memory {
    fn keep(&mut self, number: u64, at: Nanos, outcome: Result<String, String>) {
        match outcome {
            Ok(by) => self.acknowledged.push(Acknowledged { number, at, by }),
            Err(why) => self.failures.push(Failure { number, at, why }),
        }
    }

    fn hear(&mut self, at: Nanos, told: Option<Vec<String>>) {
        if let Some(told) = told
            && self.told.last().is_none_or(|(_, last)| *last != told)
        {
            self.told.push((at, told));
        }
    }
}

/// A row of which the user was told that it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Acknowledged {
    pub number: u64,
    pub at: Nanos,
    /// The ARN of who answered.
    pub by: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub number: u64,
    pub at: Nanos,
    pub why: String,
}

/// A program with a database connection of its own.
#[derive(Clone, Debug)]
pub struct Session {
    pub name: String,
    pub from: From,
    pub login: SessionLogin,
    /// What it says to the database each time, in place of a numbered row.
    pub statement: Option<Arc<str>>,
    pub every: Nanos,
    pub pool: Option<Pool>,
    /// Whether it opens another connection when it has lost its own.
    pub reconnects: bool,
    pub next: u64,
    pub memory: Arc<Memory>,
    pub stopped: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionLogin {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub database: String,
    pub tls: bool,
}

/// Of every ten users, one believes DNS for half an hour whatever it says, and three open a connection a request.
const STUBBORN: Nanos = 30 * MINUTE;
/// Browsers and pools keep a connection so long while they use it.
const KEPT: Nanos = 5 * MINUTE;

fn event(what: &'static str, id: &str) -> Event {
    // Users belong to no account.
    Event {
        service: ServiceId::Ecs,
        account: String::new(),
        region: String::new(),
        what,
        id: id.to_owned(),
        detail: Value::Null,
    }
}

impl World {
    /// Adds `count` users of `https://host/path` (or `http`), each of whom posts a row every `every`. Their names are
    /// `name-1`, `name-2`…
    pub fn add_users(
        &mut self,
        name: &str,
        host: &str,
        https: bool,
        path: &str,
        count: u32,
        every: Nanos,
    ) {
        let now = self.now();
        for n in 1..=count {
            let id = format!("{name}-{n}");
            let ordinal = self.ordinal("users");
            let user = User {
                name: id.clone(),
                host: host.to_owned(),
                https,
                path: path.to_owned(),
                every,
                ip: format!("203.0.{}.{}", 113 + ordinal / 254 % 100, ordinal % 254 + 1),
                keeps_answers: (n % 10 == 0).then_some(STUBBORN),
                keeps_connections: if n % 10 < 7 { KEPT } else { 0 },
                cached: None,
                connected: None,
                next: 1,
                memory: Arc::default(),
                stopped: false,
            };
            self.plane.users.users.put(id.clone(), user, now);
            // They do not all begin in the same instant.
            let spread = (self.dice.unit(&["user", &id], 0) * every as f64) as Nanos;
            self.schedule(spread, event("user acts", &id));
        }
    }

    /// Adds a program that connects to a database by itself and writes a row every `every`, or says a statement.
    pub fn add_session(
        &mut self,
        name: &str,
        from: From,
        login: SessionLogin,
        statement: Option<&str>,
        every: Nanos,
        reconnects: bool,
    ) {
        let now = self.now();
        let session = Session {
            name: name.to_owned(),
            from,
            login,
            statement: statement.map(Arc::from),
            every,
            pool: None,
            reconnects,
            next: 1,
            memory: Arc::default(),
            stopped: false,
        };
        self.plane.users.sessions.put(name, session, now);
        self.schedule(0, event("session acts", name));
    }

    /// Users and sessions whose names begin with `prefix` do nothing more. What they remember stays.
    pub fn stop_users(&mut self, prefix: &str) {
        for key in self
            .plane
            .users
            .users
            .keys()
            .into_iter()
            .filter(|k| k.starts_with(prefix))
        {
            self.plane.users.users.settle(&key, |u| u.stopped = true);
        }
        for key in self
            .plane
            .users
            .sessions
            .keys()
            .into_iter()
            .filter(|k| k.starts_with(prefix))
        {
            let pool = self
                .plane
                .users
                .sessions
                .get(&key)
                .and_then(|s| s.pool.clone());
            if let Some(pool) = pool {
                rds::close(self, &pool.connection);
            }
            self.plane.users.sessions.settle(&key, |s| {
                s.stopped = true;
                s.pool = None;
            });
        }
    }
}

/// What happens to users by themselves.
pub(crate) fn happen(world: &mut World, event: &Event) {
    match event.what {
        "user acts" => user_acts(world, &event.id),
        "session acts" => session_acts(world, &event.id),
        _ => {}
    }
}

fn user_acts(world: &mut World, id: &str) {
    let now = world.now();
    let known = world.plane.users.users.get(id).filter(|u| !u.stopped);
    let Some(mut user) = known.map(User::without_memory) else {
        return;
    };
    let number = user.next;
    user.next += 1;
    let mut told = None;
    let outcome = attempt(world, &mut user, number, &mut told);
    let every = user.every;
    world.plane.users.users.settle(id, |old| {
        user.memory = std::mem::take(&mut old.memory);
        *old = user;
        let memory = Arc::make_mut(&mut old.memory);
        memory.hear(now, told);
        memory.keep(number, now, outcome);
    });
    world.schedule(every, event("user acts", id));
}

impl User {
    fn without_memory(&self) -> User {
        User {
            name: self.name.clone(),
            host: self.host.clone(),
            path: self.path.clone(),
            ip: self.ip.clone(),
            cached: self.cached.clone(),
            connected: self.connected.clone(),
            memory: Arc::default(),
            ..*self
        }
    }
}

fn attempt(
    world: &mut World,
    user: &mut User,
    number: u64,
    told: &mut Option<Vec<String>>,
) -> Result<String, String> {
    let now = world.now();
    let from = From::Internet {
        ip: user.ip.clone(),
    };
    let kept = user
        .connected
        .clone()
        .filter(|(_, since)| now < since + user.keeps_connections);
    let addresses = match kept {
        // An open connection asks no name server.
        Some((address, _)) => vec![address],
        None => {
            user.connected = None;
            addresses(world, user, &from, told)?
        }
    };
    let port = if user.https { 443 } else { 80 };
    let request = HttpRequest {
        method: "POST".into(),
        host: user.host.clone(),
        path: user.path.clone(),
        headers: vec![("Content-Type".into(), "application/json".into())],
        body: json!({ "client": user.name, "number": number }).to_string(),
    };
    let name = user.https.then_some(user.host.clone());
    let mut last = String::from("no address");
    for address in addresses {
        match world.dial(&from, &address, port, name.as_deref(), &request) {
            DialAnswer::Answer { status, by, .. } => {
                if user.connected.is_none() && user.keeps_connections > 0 {
                    user.connected = Some((address, now));
                }
                // A balancer that redirects or answers by itself has stored nothing.
                return if (200..300).contains(&status) && by.contains(":task/") {
                    Ok(by)
                } else {
                    Err(format!("{status} by {by}"))
                };
            }
            DialAnswer::Refused => last = format!("{address}: connection refused"),
            DialAnswer::TimedOut { reason } => last = format!("{address}: timed out ({reason})"),
            DialAnswer::TlsFailed { reason } => last = format!("{address}: TLS: {reason}"),
        }
        user.connected = None;
    }
    Err(last)
}

/// The addresses of the user's host, from its own memory or from DNS.
fn addresses(
    world: &World,
    user: &mut User,
    from: &From,
    told: &mut Option<Vec<String>>,
) -> Result<Vec<String>, String> {
    let now = world.now();
    if let Some((addresses, until)) = &user.cached
        && now < *until
    {
        return Ok(addresses.clone());
    }
    match world.resolve(&user.host, "A", from) {
        Resolved::Records { records, ttl, .. } => {
            let keep = user.keeps_answers.unwrap_or(ttl * SECOND);
            user.cached = Some((records.clone(), now + keep));
            *told = Some(records.clone());
            Ok(records)
        }
        Resolved::NoSuchName => {
            *told = Some(vec![]);
            Err(format!("{}: no such name", user.host))
        }
        Resolved::NoData => Err(format!("{}: no address", user.host)),
    }
}

fn session_acts(world: &mut World, id: &str) {
    let now = world.now();
    let known = world.plane.users.sessions.get(id).filter(|s| !s.stopped);
    let Some(mut session) = known.map(Session::without_memory) else {
        return;
    };
    let number = session.next;
    session.next += 1;
    let mut lost = false;
    let outcome = write(world, &mut session, number, &mut lost);
    // Without its connection, a program that opens no other has nothing more to do.
    if lost && !session.reconnects {
        session.stopped = true;
    }
    let (every, stopped) = (session.every, session.stopped);
    world.plane.users.sessions.settle(id, |old| {
        session.memory = std::mem::take(&mut old.memory);
        *old = session;
        Arc::make_mut(&mut old.memory).keep(number, now, outcome);
    });
    if !stopped {
        world.schedule(every, event("session acts", id));
    }
}

impl Session {
    fn without_memory(&self) -> Session {
        Session {
            name: self.name.clone(),
            from: self.from.clone(),
            login: self.login.clone(),
            statement: self.statement.clone(),
            pool: self.pool.clone(),
            memory: Arc::default(),
            ..*self
        }
    }
}

fn write(
    world: &mut World,
    session: &mut Session,
    number: u64,
    lost: &mut bool,
) -> Result<String, String> {
    if let Some(pool) = &session.pool
        && !pool_lives(world, pool)
    {
        session.pool = None;
        *lost = true;
        if !session.reconnects {
            return Err("the connection is gone".into());
        }
    }
    let pool = match &session.pool {
        Some(pool) => pool.clone(),
        None => {
            let login = &session.login;
            let host = real_host(world, &login.host, &session.from);
            let login = rds::Login {
                from: &session.from,
                host: &host,
                port: login.port,
                user: &login.user,
                password: &login.password,
                database: &login.database,
                tls: login.tls,
                application: &session.name,
            };
            let pool = open_pool(world, &login).map_err(|error| error.to_string())?;
            session.pool = Some(pool.clone());
            pool
        }
    };
    match &session.statement {
        Some(statement) => {
            rds::query_in_session(world, &pool.connection, statement)?;
        }
        None => rds::write_in_session(world, &pool.connection, &session.name, number)?,
    }
    let at = &pool.connection.database;
    Ok(format!(
        "arn:aws:rds:{}:{}:db:{}",
        at.region, at.account, at.instance
    ))
}

impl Users {
    /// Every acknowledged row, by user or session; a statement that was acknowledged counts as one.
    pub fn acknowledged(&self) -> BTreeMap<String, Vec<Acknowledged>> {
        let users = self
            .users
            .iter()
            .map(|(name, u)| (name.to_owned(), u.memory.acknowledged.clone()));
        let sessions = self
            .sessions
            .iter()
            .map(|(name, s)| (name.to_owned(), s.memory.acknowledged.clone()));
        users.chain(sessions).collect()
    }

    pub fn failures(&self) -> BTreeMap<String, Vec<Failure>> {
        let users = self
            .users
            .iter()
            .map(|(name, u)| (name.to_owned(), u.memory.failures.clone()));
        let sessions = self
            .sessions
            .iter()
            .map(|(name, s)| (name.to_owned(), s.memory.failures.clone()));
        users.chain(sessions).collect()
    }
}
