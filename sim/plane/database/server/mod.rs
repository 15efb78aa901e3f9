//! What a database server tells about itself: functions, settings, system tables.

mod function;
mod setting;
mod table;

use super::relation::Value;
use super::{Database, Dialect, Session};
use crate::clock::Nanos;
use crate::services::rds::{self, DatabaseRef, Held, Instance, Role};
use crate::world::World;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A server in one client's connection.
pub struct Server<'w> {
    pub world: &'w mut World,
    pub at: &'w DatabaseRef,
    pub user: &'w str,
    pub database: Cow<'w, str>,
    pub contents: Arc<Database>,
    pub role: Role,
    pub instance: Arc<Instance>,
    /// The client's own backend.
    pub pid: u64,
    /// Connections that a statement ends.
    pub ended: Vec<u64>,
    /// What this connection has set for itself: `@name`, and settings of the server by their names.
    pub variables: BTreeMap<String, Value>,
    pub prepared: BTreeMap<String, String>,
    /// Something went into what was said that is not in the contents: the time, a setting, who is connected.
    told_more: Cell<bool>,
}

/// Functions whose values follow from their arguments, who asks, and of what database.
const OF_ARGUMENTS: &[&str] = &[
    "coalesce",
    "concat",
    "concat_ws",
    "current_database",
    "current_schema",
    "current_user",
    "database",
    "format",
    "ifnull",
    "length",
    "lower",
    "quote",
    "quote_ident",
    "replace",
    "upper",
    "xpath",
];

type Answer<T> = Result<T, String>;

/// Processes that every PostgreSQL under RDS has.
const BACKGROUND: &[(u64, &str, &str)] = &[
    (401, "checkpointer", ""),
    (402, "background writer", ""),
    (404, "walwriter", ""),
    (405, "autovacuum launcher", ""),
    (406, "logical replication launcher", "rdsadmin"),
    (512, "client backend", "rdsadmin"),
];

/// The database that a client without a wish gets.
fn first_database(instance: &Instance, dialect: Dialect) -> String {
    match (instance.facts.str("DBName"), dialect) {
        ("", Dialect::Postgres) => "postgres".into(),
        (named, _) => named.to_owned(),
    }
}

impl<'w> Server<'w> {
    pub fn new(
        world: &'w mut World,
        at: &'w DatabaseRef,
        user: &'w str,
        database: &'w str,
    ) -> Answer<Server<'w>> {
        let gone = || "server closed the connection unexpectedly".to_owned();
        let Held {
            instance,
            contents,
            role,
        } = rds::held(world, at).ok_or_else(gone)?;
        let database = match database {
            "" => Cow::Owned(first_database(&instance, contents.dialect)),
            named => Cow::Borrowed(named),
        };
        Ok(Server {
            world,
            at,
            user,
            database,
            contents,
            role,
            instance,
            pid: 4_699,
            ended: vec![],
            variables: BTreeMap::new(),
            prepared: BTreeMap::new(),
            told_more: Cell::new(false),
        })
    }

    /// Whether all that was said so far follows from the contents, for this user and database.
    pub fn of_contents_alone(&self) -> bool {
        !self.told_more.get()
    }

    pub fn dialect(&self) -> Dialect {
        self.contents.dialect
    }

    fn aurora(&self) -> bool {
        self.instance.cluster.is_some()
    }

    fn recovering(&self) -> bool {
        self.role != Role::Writer
    }

    /// The instant that this server's contents are of.
    fn instant(&self) -> Nanos {
        match self.role {
            Role::Replica { replayed } => replayed,
            Role::Writer | Role::Reader => self.world.now(),
        }
    }

    fn sessions(&self) -> impl Iterator<Item = (u64, &Session)> {
        let place = self.world.seen_place(&self.at.account, &self.at.region);
        let sessions = place.and_then(|place| place.rds.sessions.get(&self.instance.resource));
        let all = sessions.into_iter().flat_map(|sessions| &sessions.open);
        // A connection whose packets no longer flow is still there for the server: it has heard nothing of its end.
        all.filter(|(pid, _)| !self.ended.contains(pid))
            .map(|(pid, session)| (*pid, session))
    }

    fn address(&self) -> String {
        self.instance
            .endpoint
            .as_ref()
            .map(|endpoint| endpoint.ip.clone())
            .unwrap_or_default()
    }

    fn now(&self) -> Value {
        Value::Time(self.world.unix(self.world.now()))
    }
}
