//! System tables, and what SHOW lists.

use super::super::relation::{Relation, Value};
use super::super::{Dialect, ENTRIES, Session, sql};
use super::{Answer, BACKGROUND, Server};
use crate::clock::Nanos;
use crate::services::rds::{self, Role};

impl Server<'_> {
    /// A table, a system table, or a function in place of one.
    pub fn relation(&self, schema: Option<&str>, name: &str, called: bool) -> Answer<Relation> {
        let lower = name.to_ascii_lowercase();
        let schema = schema.map(str::to_ascii_lowercase);
        let system = match (self.dialect(), schema.as_deref()) {
            (Dialect::Postgres, None | Some("pg_catalog")) => self.postgres_table(&lower, called),
            (Dialect::Postgres, Some("information_schema")) if lower == "tables" => {
                Some(self.tables())
            }
            (Dialect::Mysql, Some("information_schema" | "performance_schema")) => {
                match lower.as_str() {
                    "processlist" => Some(self.process_list()),
                    "tables" => Some(self.tables()),
                    "schemata" => Some(self.schemata()),
                    _ => None,
                }
            }
            (Dialect::Mysql, Some("mysql")) if lower == "user" => Some(self.users()),
            _ => None,
        };
        if let Some(system) = system {
            if lower != "tables" {
                self.told_more.set(true);
            }
            return Ok(system);
        }
        if called {
            return Err(sql::no_function(self.dialect(), name));
        }
        if name == ENTRIES && self.has_entries() {
            return Ok(self.entries());
        }
        match self.contents.standing.tables.get(name) {
            Some(table) => Ok((**table).clone()),
            None => Err(sql::no_table(self.dialect(), &self.database, name)),
        }
    }

    /// The users' table is there from the first row on, or from when somebody made it.
    pub fn has_entries(&self) -> bool {
        self.contents.standing.tables.contains_key(ENTRIES) || self.contents.history.has_rows()
    }

    pub(super) fn entries(&self) -> Relation {
        let mut relation = Relation::of(&["client", "number"]);
        for (client, numbers) in self.contents.history.versions() {
            for (number, transaction) in numbers {
                let mut row = vec![Value::text(client), Value::Int(number as i64)];
                row.extend(self.xid(self.contents.transactions + transaction));
                relation.rows.push(row);
            }
        }
        relation
    }

    /// What a row that is written now has behind its columns.
    pub fn xmin(&self) -> Option<Value> {
        self.xid(self.contents.transaction_at(self.instant()) + 1)
    }

    fn xid(&self, transaction: u64) -> Option<Value> {
        (self.dialect() == Dialect::Postgres).then_some(Value::Xid(transaction as u32))
    }

    pub(super) fn postgres_table(&self, name: &str, called: bool) -> Option<Relation> {
        Some(match (name, called) {
            ("pg_stat_activity", false) => self.activity(),
            ("pg_stat_replication", false) => self.replication(),
            ("pg_stat_wal_receiver", false) => self.receiver(),
            ("pg_database", false) => self.databases(),
            ("pg_roles" | "pg_user", false) => self.users(),
            ("pg_tables", false) => {
                let tables = self.tables();
                let mut relation = Relation::of(&["schemaname", "tablename"]);
                relation.rows = tables
                    .rows
                    .into_iter()
                    .map(|row| row[..2].to_vec())
                    .collect();
                relation
            }
            ("pg_control_system", true) => {
                let mut relation = Relation::of(&[
                    "pg_control_version",
                    "catalog_version_no",
                    "system_identifier",
                    "pg_control_last_modified",
                ]);
                let system = Value::Int(self.contents.system as i64);
                relation.rows.push(vec![
                    Value::Int(1_300),
                    Value::Int(202_209_061),
                    system,
                    self.now(),
                ]);
                relation
            }
            ("pg_control_checkpoint", true) => {
                let mut relation = Relation::of(&["checkpoint_lsn", "redo_lsn", "timeline_id"]);
                let at = self.position();
                relation.rows.push(vec![
                    at.clone(),
                    at,
                    Value::Int(i64::from(self.contents.timeline)),
                ]);
                relation
            }
            _ => return None,
        })
    }

    pub(super) fn activity(&self) -> Relation {
        let mut relation = Relation::of(&[
            "datid",
            "datname",
            "pid",
            "usename",
            "application_name",
            "client_addr",
            "backend_start",
            "state",
            "backend_type",
            "query",
        ]);
        let null = || Value::Null;
        for (pid, kind, user) in BACKGROUND {
            let user = if user.is_empty() {
                null()
            } else {
                Value::text(*user)
            };
            let client = *kind == "client backend";
            relation.rows.push(vec![
                null(),
                if client {
                    Value::text("rdsadmin")
                } else {
                    null()
                },
                Value::Int(*pid as i64),
                user,
                Value::text(if client { "PostgreSQL JDBC Driver" } else { "" }),
                null(),
                Value::Time(self.world.unix(self.contents.began)),
                if client { Value::text("idle") } else { null() },
                Value::text(*kind),
                Value::text(""),
            ]);
        }
        let own = Session {
            user: self.user.to_owned(),
            database: self.database.to_string(),
            application: String::new(),
            flow: None,
            address: String::new(),
            since: self.world.now(),
            tls: true,
        };
        let mut clients: Vec<(u64, &Session)> = self.sessions().collect();
        if clients.iter().all(|(pid, _)| *pid != self.pid) {
            clients.push((self.pid, &own));
        }
        for (pid, session) in clients {
            let state = if pid == self.pid { "active" } else { "idle" };
            relation.rows.push(vec![
                null(),
                Value::text(&session.database),
                Value::Int(pid as i64),
                Value::text(&session.user),
                Value::text(&session.application),
                if session.address.is_empty() {
                    null()
                } else {
                    Value::text(&session.address)
                },
                Value::Time(self.world.unix(session.since)),
                Value::text(state),
                Value::text("client backend"),
                Value::text(""),
            ]);
        }
        relation
    }

    /// The replicas that follow this server, as it sees them.
    pub(super) fn replication(&self) -> Relation {
        let mut relation = Relation::of(&[
            "pid",
            "usename",
            "application_name",
            "client_addr",
            "state",
            "sent_lsn",
            "write_lsn",
            "flush_lsn",
            "replay_lsn",
            "sync_state",
        ]);
        let followers = self
            .world
            .places
            .values()
            .flat_map(|place| place.rds.contents.values());
        for (n, content) in followers.enumerate() {
            let rds::Content::Follows(follower) = content else {
                continue;
            };
            if follower.resource != self.instance.resource {
                continue;
            }
            let now = self.world.now();
            let replayed = now.saturating_sub(follower.lag).max(follower.floor);
            let behind = Value::Lsn(self.contents.position_at(replayed));
            relation.rows.push(vec![
                Value::Int(900 + n as i64),
                Value::text("rdsrepladmin"),
                Value::text("walreceiver"),
                Value::Null,
                Value::text("streaming"),
                Value::Lsn(self.contents.position_at(now)),
                behind.clone(),
                behind.clone(),
                behind,
                Value::text("async"),
            ]);
        }
        relation
    }

    pub(super) fn receiver(&self) -> Relation {
        let mut relation = Relation::of(&["pid", "status", "latest_end_lsn", "received_tli"]);
        if let Role::Replica { .. } = self.role {
            relation.rows.push(vec![
                Value::Int(890),
                Value::text("streaming"),
                self.position(),
                Value::Int(i64::from(self.contents.timeline)),
            ]);
        }
        relation
    }

    pub(super) fn databases(&self) -> Relation {
        let mut relation = Relation::of(&["datname"]);
        relation.rows = self
            .contents
            .standing
            .databases
            .keys()
            .map(|name| vec![Value::text(name)])
            .collect();
        relation
    }

    pub(super) fn schemata(&self) -> Relation {
        let mut relation = Relation::of(&["schema_name"]);
        relation.rows = self
            .contents
            .standing
            .databases
            .keys()
            .map(|name| vec![Value::text(name)])
            .collect();
        relation
    }

    pub(super) fn users(&self) -> Relation {
        let names = match self.dialect() {
            Dialect::Postgres => ["rolname", "usename", "rolcanlogin"],
            Dialect::Mysql => ["user", "host", "account_locked"],
        };
        let mut relation = Relation::of(&names);
        for (name, user) in &self.contents.standing.users {
            relation.rows.push(match self.dialect() {
                Dialect::Postgres => vec![
                    Value::text(name),
                    Value::text(name),
                    Value::Bool(user.login),
                ],
                Dialect::Mysql => {
                    vec![
                        Value::text(name),
                        Value::text("%"),
                        Value::text(if user.login { "N" } else { "Y" }),
                    ]
                }
            });
        }
        relation
    }

    pub(super) fn tables(&self) -> Relation {
        let mut relation = Relation::of(&["table_schema", "table_name", "table_type"]);
        let schema = match self.dialect() {
            Dialect::Postgres => "public",
            Dialect::Mysql => &self.database,
        };
        let mut names: Vec<&str> = self
            .contents
            .standing
            .tables
            .keys()
            .map(String::as_str)
            .collect();
        if self.has_entries() && !names.contains(&ENTRIES) {
            names.push(ENTRIES);
        }
        names.sort_unstable();
        let row = |name: &str| {
            vec![
                Value::text(schema),
                Value::text(name),
                Value::text("BASE TABLE"),
            ]
        };
        relation.rows = names.into_iter().map(row).collect();
        relation
    }

    pub fn process_list(&self) -> Relation {
        let mut relation = Relation::of(&[
            "ID", "USER", "HOST", "DB", "COMMAND", "TIME", "STATE", "INFO",
        ]);
        let now = self.world.now();
        let mut row = |id: u64, user: &str, host: &str, db: &str, command: &str, since: Nanos| {
            relation.rows.push(vec![
                Value::Int(id as i64),
                Value::text(user),
                Value::text(host),
                if db.is_empty() {
                    Value::Null
                } else {
                    Value::text(db)
                },
                Value::text(command),
                Value::Int((now.saturating_sub(since) / crate::clock::SECOND) as i64),
                Value::text(""),
                Value::Null,
            ]);
        };
        row(4, "rdsadmin", "localhost", "", "Sleep", now);
        for (id, session) in self.sessions().filter(|(id, _)| *id != self.pid) {
            row(
                id,
                &session.user,
                &session.address,
                &session.database,
                "Sleep",
                session.since,
            );
        }
        row(
            self.pid,
            self.user,
            "localhost",
            &self.database,
            "Query",
            now,
        );
        relation
    }

    /// The rows of `SHOW …` beyond single settings.
    pub fn show(&self, words: &[&str], like: Option<&str>) -> Answer<Option<Vec<Vec<Value>>>> {
        let dialect = self.dialect();
        let fits = |name: &str| {
            like.is_none_or(|pattern| {
                super::super::evaluate::like(&name.to_lowercase(), &pattern.to_lowercase())
            })
        };
        let words: Vec<&str> = words
            .iter()
            .filter(|word| !["full", "global", "session"].contains(*word))
            .copied()
            .collect();
        if dialect == Dialect::Postgres {
            return Ok(None);
        }
        Ok(match words.as_slice() {
            ["databases" | "schemas"] => Some(
                self.databases()
                    .rows
                    .into_iter()
                    .filter(|row| fits(&row[0].shown(dialect)))
                    .collect(),
            ),
            ["tables"] => Some(
                self.tables()
                    .rows
                    .into_iter()
                    .map(|row| vec![row[1].clone()])
                    .filter(|row| fits(&row[0].shown(dialect)))
                    .collect(),
            ),
            ["processlist"] => Some(self.process_list().rows),
            ["variables"] => {
                // A pattern without wildcards names one variable; an unknown one has no row.
                let Some(pattern) = like else {
                    return Err(sql::unsupported(dialect, "SHOW VARIABLES without LIKE"));
                };
                if pattern.contains('%') {
                    return Err(sql::unsupported(
                        dialect,
                        "SHOW VARIABLES LIKE with a wildcard",
                    ));
                }
                match self.setting(pattern) {
                    Ok(value) => {
                        let shown = match (&value, pattern) {
                            (
                                Value::Int(0),
                                "read_only" | "innodb_read_only" | "super_read_only" | "log_bin",
                            ) => Value::text("OFF"),
                            (
                                Value::Int(1),
                                "read_only" | "innodb_read_only" | "super_read_only" | "log_bin",
                            ) => Value::text("ON"),
                            _ => value,
                        };
                        Some(vec![vec![Value::text(pattern), shown]])
                    }
                    Err(_) => Some(vec![]),
                }
            }
            ["status"] => match like.map(str::to_lowercase).as_deref() {
                Some("threads_connected") => Some(vec![vec![
                    Value::text("Threads_connected"),
                    Value::Int(self.process_list().rows.len() as i64),
                ]]),
                _ => {
                    return Err(sql::unsupported(
                        dialect,
                        "SHOW STATUS but for Threads_connected",
                    ));
                }
            },
            ["master", "status"] | ["binary", "log", "status"] => {
                if !self.writes_binary_log() || self.recovering() {
                    return Ok(Some(vec![]));
                }
                let at = self.contents.position_at(self.instant());
                let file = format!("mysql-bin-changelog.{:06}", at / (128 * 1024 * 1024) + 1);
                Some(vec![vec![
                    Value::Text(file),
                    Value::Int((at % (128 * 1024 * 1024)) as i64),
                    Value::text(""),
                    Value::text(""),
                    Value::Text(self.gtid()),
                ]])
            }
            ["replica" | "slave", "status"] => match self.role {
                Role::Replica { replayed } => {
                    let behind = (self.world.now() - replayed) / crate::clock::SECOND;
                    Some(vec![vec![
                        Value::text("Waiting for source to send event"),
                        Value::text("Yes"),
                        Value::text("Yes"),
                        Value::Int(behind as i64),
                    ]])
                }
                _ => Some(vec![]),
            },
            _ => None,
        })
    }
}
