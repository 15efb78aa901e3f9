//! What is in a database: its rows, its users, its place in the write-ahead log, and who is connected.
//!
//! A database is a history. Everything ever written to it is one [`Record`] with its instant and its log position, and
//! the state at an instant is the prefix of records up to it. So a snapshot is a length, a point-in-time restore is a
//! search, and a replica that lags sees a shorter prefix: none of them can hold a row too many or too few. Copies share
//! the history. Knows nothing of instances, endpoints or the API that makes them; SQL is in [`sql`].

use crate::clock::{MINUTE, Nanos};
pub use history::History;
use std::collections::BTreeMap;
use std::sync::Arc;

mod evaluate;
mod history;
mod parse;
pub mod relation;
mod select;
mod server;
pub mod sql;
mod token;

/// The table that simulated users write their numbered rows to.
pub const ENTRIES: &str = "entries";

/// How often an idle PostgreSQL under RDS switches to a new segment of its log, and how large one is.
const SEGMENT_SWITCH: Nanos = 5 * MINUTE;
const SEGMENT: u64 = 64 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    Postgres,
    Mysql,
}

/// One change, when it was committed, and the log position after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub at: Nanos,
    pub position: u64,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A row of [`ENTRIES`]: the number of the client in [`History::clients`], and the number it wrote.
    Entry { client: u32, number: u64 },
    /// Anything rarer.
    Other(Arc<Rare>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Rare {
    User {
        name: String,
        user: Option<User>,
    },
    Database {
        name: String,
        there: bool,
    },
    ReadOnlyByDefault {
        database: String,
        on: bool,
    },
    Table {
        name: String,
        table: Option<Arc<relation::Relation>>,
    },
    /// Rows of [`ENTRIES`] leave only all at once.
    EntriesEmptied,
}

/// Someone who may log in.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub password: String,
    pub login: bool,
}

/// What the history has led to, kept so that reading needs no replay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    pub users: BTreeMap<String, User>,
    pub databases: BTreeMap<String, DatabaseSettings>,
    pub tables: BTreeMap<String, Arc<relation::Relation>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatabaseSettings {
    /// `ALTER DATABASE … SET default_transaction_read_only`.
    pub read_only: bool,
}

impl Standing {
    fn apply(&mut self, rare: &Rare) {
        match rare {
            Rare::User {
                name,
                user: Some(user),
            } => {
                self.users.insert(name.clone(), user.clone());
            }
            Rare::User { name, user: None } => {
                self.users.remove(name);
            }
            Rare::Database { name, there: true } => {
                self.databases.entry(name.clone()).or_default();
            }
            Rare::Database { name, there: false } => {
                self.databases.remove(name);
            }
            Rare::ReadOnlyByDefault { database, on } => {
                self.databases
                    .entry(database.clone())
                    .or_default()
                    .read_only = *on;
            }
            Rare::Table {
                name,
                table: Some(table),
            } => {
                self.tables.insert(name.clone(), Arc::clone(table));
            }
            Rare::Table { name, table: None } => {
                self.tables.remove(name);
            }
            Rare::EntriesEmptied => {}
        }
    }
}

/// One open connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub user: String,
    pub database: String,
    pub application: String,
    /// The connection as the network knows it; `None` for one that was never on a network.
    pub flow: Option<super::Flow>,
    /// The client's address as the server sees it.
    pub address: String,
    pub since: Nanos,
    pub tls: bool,
}

/// The open connections of one server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sessions {
    pub open: BTreeMap<u64, Session>,
    last: u64,
}

impl Sessions {
    /// Opens a connection and answers its number (PostgreSQL: the backend's pid).
    pub fn add(&mut self, session: Session) -> u64 {
        self.last = self.last.max(4_700) + 11;
        self.open.insert(self.last, session);
        self.last
    }
}

/// A database server's contents.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    pub dialect: Dialect,
    pub version: String,
    /// PostgreSQL's system identifier: travels with snapshots and copies, so a restored database has its source's.
    pub system: u64,
    /// MySQL's `server_uuid`: every server its own.
    pub server: String,
    /// Under whose identity transactions are made now, and which earlier servers made the first so-and-so many: what
    /// MySQL's executed set is written from. A replica executes under its source's identity.
    pub author: String,
    pub lineage: Vec<(String, usize)>,
    /// PostgreSQL's timeline: one more with each restore or promotion.
    pub timeline: u32,
    pub master: String,
    /// The log position and transaction number with which the history begins.
    pub origin: u64,
    pub transactions: u64,
    pub began: Nanos,
    pub history: History,
    pub standing: Arc<Standing>,
}

impl Database {
    /// An empty server with its master user and, where one is named, a first database.
    pub fn new(
        dialect: Dialect,
        version: &str,
        system: u64,
        server: String,
        began: Nanos,
    ) -> Database {
        let mut standing = Standing::default();
        let databases: &[&str] = match dialect {
            Dialect::Postgres => &["postgres", "rdsadmin", "template1"],
            Dialect::Mysql => &["mysql", "information_schema", "performance_schema", "sys"],
        };
        for name in databases {
            standing
                .databases
                .insert((*name).to_owned(), DatabaseSettings::default());
        }
        Database {
            dialect,
            version: version.to_owned(),
            system,
            author: server.clone(),
            lineage: vec![],
            server,
            timeline: 1,
            master: String::new(),
            origin: 0x0400_0000,
            transactions: 750,
            began,
            history: History::default(),
            standing: Arc::new(standing),
        }
    }

    /// The log position at `at`, and what an idle server adds to it by itself.
    pub fn position_at(&self, at: Nanos) -> u64 {
        let at = at.max(self.began);
        let last = match self.history.length_at(at) {
            0 => self.origin,
            n => self
                .history
                .get(n - 1)
                .map_or(self.origin, |record| record.position),
        };
        last.max(self.origin).max(self.background(at))
    }

    /// What the segment switches of an idle server alone would have led to.
    fn background(&self, at: Nanos) -> u64 {
        match self.dialect {
            Dialect::Postgres => {
                let switches = at.saturating_sub(self.began) / SEGMENT_SWITCH;
                (self.origin / SEGMENT + switches) * SEGMENT + self.origin % SEGMENT
            }
            Dialect::Mysql => self.origin,
        }
    }

    /// When something was last committed, as far as replaying it shows: the segment switch counts.
    pub fn last_commit(&self, at: Nanos) -> Nanos {
        let written = match self.history.length_at(at) {
            0 => self.began,
            n => self
                .history
                .get(n - 1)
                .map_or(self.began, |record| record.at),
        };
        let switched = self.began + at.saturating_sub(self.began) / SEGMENT_SWITCH * SEGMENT_SWITCH;
        match self.dialect {
            Dialect::Postgres => written.max(switched),
            Dialect::Mysql => written,
        }
    }

    /// The number of the last transaction at `at`.
    pub fn transaction_at(&self, at: Nanos) -> u64 {
        self.transactions + self.history.length_at(at) as u64
    }

    fn commit(&mut self, now: Nanos, bytes: u64, change: Change) {
        let position = self.position_at(now) + bytes;
        if let Change::Other(rare) = &change {
            Arc::make_mut(&mut self.standing).apply(rare);
        }
        self.history.push(Record {
            at: now,
            position,
            change,
        });
    }

    /// Commits one numbered row.
    pub fn write_entry(&mut self, now: Nanos, client: &str, number: u64) {
        let client = self.history.client(client);
        self.commit(now, 184, Change::Entry { client, number });
    }

    /// Commits a change of another kind.
    pub fn write(&mut self, now: Nanos, rare: Rare) {
        self.commit(now, 1_208, Change::Other(Arc::new(rare)));
    }

    pub fn set_password(&mut self, now: Nanos, user: &str, password: &str) {
        let login = self
            .standing
            .users
            .get(user)
            .is_none_or(|known| known.login);
        let user_row = User {
            password: password.to_owned(),
            login,
        };
        self.write(
            now,
            Rare::User {
                name: user.to_owned(),
                user: Some(user_row),
            },
        );
    }

    /// Everything as it was at `at`, what a snapshot, a restore or a replica's reader gets.
    pub fn at(&self, at: Nanos) -> Database {
        let length = self.history.length_at(at);
        if length == self.history.len() {
            return self.clone();
        }
        let mut standing = Database::new(self.dialect, "", 0, String::new(), 0).standing;
        for record in self.history.iter().take(length) {
            if let Change::Other(rare) = &record.change {
                Arc::make_mut(&mut standing).apply(rare);
            }
        }
        Database {
            history: self.history.prefix(length),
            standing,
            ..self.clone()
        }
    }

    /// A server that starts from this content at `now`: a new timeline, a new server identity, no connections.
    pub fn branch(&self, server: String, now: Nanos) -> Database {
        let origin = self.position_at(now).max(self.origin);
        let transactions = self.transactions;
        let next = match self.dialect {
            // Recovery ends with a new segment.
            Dialect::Postgres => (origin / SEGMENT + 1) * SEGMENT + 0xd8,
            Dialect::Mysql => origin,
        };
        let mut lineage = self.lineage.clone();
        lineage.push((self.author.clone(), self.history.len()));
        Database {
            author: server.clone(),
            lineage,
            server,
            timeline: self.timeline + 1,
            origin: next,
            transactions,
            began: now,
            ..self.clone()
        }
    }

    /// Which server made how many of the first `executed` transactions, in order.
    pub fn authors(&self, executed: usize) -> Vec<(&str, usize)> {
        let mut made: Vec<(&str, usize)> = Vec::new();
        let mut done = 0;
        let last = (self.author.as_str(), executed);
        for (author, until) in self
            .lineage
            .iter()
            .map(|(author, until)| (author.as_str(), *until))
            .chain([last])
        {
            let part = until.min(executed).saturating_sub(done);
            done += part;
            match made.iter_mut().find(|(known, _)| *known == author) {
                Some((_, count)) => *count += part,
                None if part > 0 => made.push((author, part)),
                None => {}
            }
        }
        made
    }
}

#[cfg(test)]
mod tests;
