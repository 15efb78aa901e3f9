//! What a database server tells about itself: functions, settings, system tables.

use super::relation::{Relation, Value, lsn};
use super::{Database, Dialect, ENTRIES, Session, sql};
use crate::clock::Nanos;
use crate::services::rds::parameters::{catalogue, family};
use crate::services::rds::{self, DatabaseRef, Instance, Role};
use crate::world::World;

/// A server in one client's connection.
pub struct Server<'w> {
    pub world: &'w mut World,
    pub at: DatabaseRef,
    pub user: String,
    pub database: String,
    pub contents: Database,
    pub role: Role,
    pub instance: Instance,
    /// The client's own backend.
    pub pid: u64,
    /// Connections that a statement ends.
    pub ended: Vec<u64>,
}

type Answer<T> = Result<T, String>;

impl<'w> Server<'w> {
    pub fn new(
        world: &'w mut World,
        at: &DatabaseRef,
        user: &str,
        database: &str,
    ) -> Answer<Server<'w>> {
        let gone = || "server closed the connection unexpectedly".to_owned();
        let place = world.seen_place(&at.account, &at.region).ok_or_else(gone)?;
        let instance = place
            .rds
            .instances
            .get(&at.instance)
            .cloned()
            .ok_or_else(gone)?;
        let contents = rds::contents(world, at).ok_or_else(gone)?.into_owned();
        let role = rds::role(world, at).ok_or_else(gone)?;
        let database = match database {
            "" => first_database(&instance, contents.dialect),
            named => named.to_owned(),
        };
        Ok(Server {
            world,
            at: at.clone(),
            user: user.to_owned(),
            database,
            contents,
            role,
            instance,
            pid: 4_699,
            ended: vec![],
        })
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

    fn sessions(&self) -> Vec<(u64, Session)> {
        let place = self.world.seen_place(&self.at.account, &self.at.region);
        let sessions = place.and_then(|place| place.rds.sessions.get(&self.instance.resource));
        let all = sessions.into_iter().flat_map(|sessions| &sessions.open);
        // A connection whose packets no longer flow is still there for the server: it has heard nothing of its end.
        all.filter(|(pid, _)| !self.ended.contains(pid))
            .map(|(pid, session)| (*pid, session.clone()))
            .collect()
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

    pub fn call(&mut self, name: &str, arguments: &[Value]) -> Answer<Value> {
        let dialect = self.dialect();
        if let Some(answer) = self.common(name, arguments) {
            return Ok(answer);
        }
        let answer = match dialect {
            Dialect::Postgres => self.postgres(name, arguments)?,
            Dialect::Mysql => self.mysql(name, arguments),
        };
        answer.ok_or_else(|| sql::no_function(dialect, name))
    }

    fn common(&self, name: &str, arguments: &[Value]) -> Option<Value> {
        Some(match (name, arguments) {
            ("version", []) => Value::Text(self.version()),
            ("current_user" | "session_user" | "user" | "current_role", []) => match self.dialect()
            {
                Dialect::Postgres => Value::text(&self.user),
                Dialect::Mysql => Value::Text(format!("{}@%", self.user)),
            },
            ("now" | "current_timestamp", []) => self.now(),
            ("coalesce", values) if !values.is_empty() => values
                .iter()
                .find(|value| **value != Value::Null)
                .cloned()
                .unwrap_or(Value::Null),
            ("lower", [Value::Text(text)]) => Value::Text(text.to_lowercase()),
            ("upper", [Value::Text(text)]) => Value::Text(text.to_uppercase()),
            ("length", [Value::Text(text)]) => Value::Int(text.chars().count() as i64),
            ("concat", values) => Value::Text(
                values
                    .iter()
                    .map(|value| value.shown(self.dialect()))
                    .collect::<String>(),
            ),
            _ => return None,
        })
    }

    fn version(&self) -> String {
        match self.dialect() {
            Dialect::Postgres => {
                let class = self.instance.facts.str("DBInstanceClass");
                let graviton = class
                    .split('.')
                    .nth(1)
                    .is_some_and(|family| family.ends_with('g'));
                let machine = if graviton { "aarch64" } else { "x86_64" };
                format!(
                    "PostgreSQL {} on {machine}-unknown-linux-gnu, compiled by gcc (GCC) 7.3.1 20180712 (Red Hat \
                     7.3.1-17), 64-bit",
                    self.contents.version
                )
            }
            Dialect::Mysql => self.mysql_version(),
        }
    }

    fn mysql_version(&self) -> String {
        // Aurora's version names the MySQL that it speaks first.
        match self.contents.version.split_once(".mysql_aurora.") {
            Some((major, _)) => format!("{major}.39"),
            None => self.contents.version.clone(),
        }
    }

    fn position(&self) -> Value {
        Value::Lsn(self.contents.position_at(self.instant()))
    }

    fn in_recovery(&self, function: &str) -> Answer<Option<Value>> {
        if self.recovering() {
            return Err(format!(
                "ERROR:  recovery is in progress\nHINT:  {function}() cannot be executed during recovery. (SQLSTATE 55000)"
            ));
        }
        Ok(Some(self.position()))
    }

    fn postgres(&mut self, name: &str, arguments: &[Value]) -> Answer<Option<Value>> {
        let value = match (name, arguments) {
            (
                "pg_current_wal_lsn" | "pg_current_wal_flush_lsn" | "pg_current_wal_insert_lsn",
                [],
            ) => {
                return self.in_recovery(name);
            }
            ("pg_last_wal_replay_lsn" | "pg_last_wal_receive_lsn", []) => {
                if self.aurora() {
                    return Err(format!(
                        "ERROR:  Function {name}() is currently not supported for Aurora (SQLSTATE 0A000)"
                    ));
                }
                if self.recovering() {
                    self.position()
                } else {
                    Value::Null
                }
            }
            ("pg_last_xact_replay_timestamp", []) => match self.role {
                Role::Replica { replayed } => {
                    Value::Time(self.world.unix(self.contents.last_commit(replayed)))
                }
                _ => Value::Null,
            },
            ("pg_is_in_recovery", []) => Value::Bool(self.recovering()),
            ("pg_wal_lsn_diff", [a, b]) => {
                let (a, b) = (as_lsn(a), as_lsn(b));
                match (a, b) {
                    (Some(a), Some(b)) => Value::Int(a as i64 - b as i64),
                    _ => Value::Null,
                }
            }
            ("current_database" | "current_catalog", []) => Value::text(&self.database),
            ("current_schema", []) => Value::text("public"),
            ("inet_server_addr", []) => Value::Text(self.address()),
            ("inet_server_port", []) => Value::Int(
                self.instance
                    .endpoint
                    .as_ref()
                    .map_or(0, |endpoint| i64::from(endpoint.port)),
            ),
            ("pg_backend_pid", []) => Value::Int(self.pid as i64),
            ("clock_timestamp" | "transaction_timestamp" | "statement_timestamp", []) => self.now(),
            ("pg_postmaster_start_time", []) => Value::Time(
                self.world
                    .unix(self.instance.created.unwrap_or(self.contents.began)),
            ),
            ("txid_current" | "pg_current_xact_id", []) => {
                if self.recovering() {
                    return Err(
                        "ERROR:  cannot assign TransactionIds during recovery (SQLSTATE 55000)"
                            .into(),
                    );
                }
                Value::Int(self.contents.transaction_at(self.instant()) as i64 + 1)
            }
            ("current_setting", [Value::Text(name)]) => return self.setting(name).map(Some),
            ("current_setting", [Value::Text(name), missing]) => match self.setting(name) {
                Ok(value) => value,
                Err(_) if missing.truth() == Some(true) => Value::Null,
                Err(error) => return Err(error),
            },
            ("pg_terminate_backend", [pid]) => return self.terminate(pid).map(Some),
            ("pg_wal_replay_pause" | "pg_wal_replay_resume" | "pg_promote", _) => {
                return Err(format!(
                    "ERROR:  permission denied for function {name} (SQLSTATE 42501)"
                ));
            }
            ("format", [Value::Text(pattern), rest @ ..]) => format(pattern, rest)?,
            ("quote_ident", [Value::Text(name)]) => Value::Text(quoted(name)),
            ("xpath", [Value::Text(path), Value::Text(xml)]) => xpath(path, xml)?,
            ("aurora_version", []) if self.aurora() => Value::text(&self.contents.version),
            ("aurora_db_instance_identifier", []) if self.aurora() => {
                Value::text(&self.instance.id)
            }
            _ => return Ok(None),
        };
        Ok(Some(value))
    }

    /// Ends a connection, if the user may: one's own, or any but RDS's for the master user.
    fn terminate(&mut self, pid: &Value) -> Answer<Value> {
        let Some(pid) = pid.number().map(|pid| pid as u64) else {
            return Ok(Value::Null);
        };
        if pid == self.pid {
            return Err(
                "ERROR:  terminating connection due to administrator command (SQLSTATE 57P01)"
                    .into(),
            );
        }
        if BACKGROUND.iter().any(|(background, ..)| *background == pid) {
            return Err(
                "ERROR:  must be a superuser to terminate superuser process (SQLSTATE 42501)"
                    .into(),
            );
        }
        let Some((_, session)) = self.sessions().into_iter().find(|(open, _)| *open == pid) else {
            return Ok(Value::Bool(false));
        };
        if session.user != self.user && self.user != self.contents.master {
            return Err("ERROR:  must be a member of the role whose process is being terminated or member of \
                        pg_signal_backend (SQLSTATE 42501)"
                .into());
        }
        self.ended.push(pid);
        Ok(Value::Bool(true))
    }

    /// Ends a MySQL connection.
    pub fn kill(&mut self, id: &Value) -> Answer<()> {
        let id = id.number().map_or(0, |id| id as u64);
        match self.sessions().into_iter().find(|(open, _)| *open == id) {
            None => Err(format!("ERROR 1094 (HY000): Unknown thread id: {id}")),
            Some((_, session))
                if session.user != self.user && self.user != self.contents.master =>
            {
                Err(format!(
                    "ERROR 1095 (HY000): You are not owner of thread {id}"
                ))
            }
            Some(_) => {
                self.ended.push(id);
                Ok(())
            }
        }
    }

    fn mysql(&mut self, name: &str, arguments: &[Value]) -> Option<Value> {
        Some(match (name, arguments) {
            ("database" | "schema", []) => match self.database.as_str() {
                "" => Value::Null,
                name => Value::text(name),
            },
            ("connection_id", []) => Value::Int(self.pid as i64),
            ("system_user", []) => Value::Text(format!("{}@%", self.user)),
            ("ifnull", [a, b]) => {
                if *a == Value::Null {
                    b.clone()
                } else {
                    a.clone()
                }
            }
            ("aurora_version", []) if self.aurora() => Value::text(
                self.contents
                    .version
                    .rsplit("mysql_aurora.")
                    .next()
                    .unwrap_or_default(),
            ),
            ("sysdate" | "utc_timestamp", []) => self.now(),
            _ => return None,
        })
    }

    /// A setting by name: `SHOW x`, `current_setting('x')`, `@@x`.
    pub fn setting(&self, name: &str) -> Answer<Value> {
        let name = name.to_ascii_lowercase();
        let built_in = match self.dialect() {
            Dialect::Postgres => self.postgres_setting(&name),
            Dialect::Mysql => self.mysql_setting(&name),
        };
        if let Some(value) = built_in {
            return Ok(value);
        }
        let family = family(
            self.instance.engine(),
            self.instance.facts.str("EngineVersion"),
        );
        let dashed = name.replace('_', "-");
        let known =
            catalogue::parameter(&family, &name).or_else(|| catalogue::parameter(&family, &dashed));
        let Some(parameter) = known else {
            return Err(self.no_setting(&name));
        };
        let set = self
            .instance
            .parameters
            .get(parameter.name)
            .map(String::as_str);
        let value = set.unwrap_or(parameter.default);
        if value.contains('{') || (set.is_none() && value.is_empty()) {
            return Err(sql::unsupported(
                self.dialect(),
                &format!("the engine's own default of {name}"),
            ));
        }
        Ok(match (parameter.kind, self.dialect()) {
            ("boolean", Dialect::Postgres) => {
                Value::text(if Value::text(value).truth() == Some(true) {
                    "on"
                } else {
                    "off"
                })
            }
            ("boolean", Dialect::Mysql) => {
                Value::Int(i64::from(Value::text(value).truth() == Some(true)))
            }
            ("integer", Dialect::Mysql) => value.parse().map_or(Value::text(value), Value::Int),
            _ => Value::text(value),
        })
    }

    fn no_setting(&self, name: &str) -> String {
        match self.dialect() {
            Dialect::Postgres => {
                format!("ERROR:  unrecognized configuration parameter \"{name}\" (SQLSTATE 42704)")
            }
            Dialect::Mysql => format!("ERROR 1193 (HY000): Unknown system variable '{name}'"),
        }
    }

    fn postgres_setting(&self, name: &str) -> Option<Value> {
        let read_only = rds::refuses_writes(self.world, &self.at, Some(&self.database)).is_some();
        let on = |yes: bool| Value::text(if yes { "on" } else { "off" });
        let version = &self.contents.version;
        Some(match name {
            "server_version" => Value::text(version),
            "server_version_num" => {
                let mut parts = version
                    .split('.')
                    .filter_map(|part| part.parse::<i64>().ok());
                let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
                Value::Text((major * 10_000 + minor).to_string())
            }
            "transaction_read_only" => on(read_only),
            "default_transaction_read_only" => {
                let by_database = self.contents.standing.databases.get(&self.database);
                let by_group = self
                    .instance
                    .parameters
                    .get(name)
                    .map(|value| Value::text(value).truth() == Some(true));
                on(
                    by_database.is_some_and(|settings| settings.read_only)
                        || by_group == Some(true),
                )
            }
            "in_hot_standby" => on(self.recovering()),
            "port" => Value::Text(
                self.instance
                    .endpoint
                    .as_ref()
                    .map_or(0, |endpoint| endpoint.port)
                    .to_string(),
            ),
            "data_checksums" => on(true),
            "is_superuser" => on(false),
            "session_authorization" => Value::text(&self.user),
            "server_encoding" | "client_encoding"
                if !self.instance.parameters.contains_key(name) =>
            {
                Value::text("UTF8")
            }
            "wal_level" => {
                let logical = self.instance.parameters.get("rds.logical_replication");
                Value::text(if logical.is_some_and(|value| value == "1") {
                    "logical"
                } else {
                    "replica"
                })
            }
            "default_transaction_isolation" | "transaction_isolation"
                if !self.instance.parameters.contains_key(name) =>
            {
                Value::text("read committed")
            }
            "log_min_duration_statement" if !self.instance.parameters.contains_key(name) => {
                Value::text("-1")
            }
            _ => return None,
        })
    }

    fn mysql_setting(&self, name: &str) -> Option<Value> {
        let number = |yes: bool| Value::Int(i64::from(yes));
        let parameter = |name: &str| self.instance.parameters.get(name).map(String::as_str);
        Some(match name {
            "version" => Value::Text(self.mysql_version()),
            "version_comment" => Value::text("Source distribution"),
            "aurora_version" if self.aurora() => Value::text(
                self.contents
                    .version
                    .rsplit("mysql_aurora.")
                    .next()
                    .unwrap_or_default(),
            ),
            "aurora_server_id" if self.aurora() => Value::text(&self.instance.id),
            "hostname" => Value::Text(format!("ip-{}", self.address().replace('.', "-"))),
            "port" => Value::Int(
                self.instance
                    .endpoint
                    .as_ref()
                    .map_or(0, |endpoint| i64::from(endpoint.port)),
            ),
            "server_uuid" => Value::text(&self.contents.server),
            "server_id" => Value::Int(
                (self
                    .world
                    .dice
                    .hash(&["server-id", &self.instance.resource], 0)
                    % 2_000_000_000) as i64,
            ),
            "read_only" => number(rds::refuses_writes(self.world, &self.at, None).is_some()),
            "innodb_read_only" => number(self.role == Role::Reader),
            "super_read_only" => number(false),
            "log_bin" => number(self.writes_binary_log()),
            "gtid_mode" => Value::text(parameter("gtid-mode").unwrap_or("OFF_PERMISSIVE")),
            "gtid_executed" => Value::Text(self.gtid()),
            "gtid_purged" => Value::text(""),
            "autocommit" => number(true),
            "have_ssl" => Value::text("YES"),
            "time_zone" if parameter("time_zone").is_none() => Value::text("UTC"),
            "transaction_isolation" if parameter(name).is_none() => Value::text("REPEATABLE-READ"),
            "character_set_server" if parameter(name).is_none() => Value::text("utf8mb4"),
            _ => return None,
        })
    }

    fn writes_binary_log(&self) -> bool {
        match self.aurora() {
            true => self
                .instance
                .parameters
                .get("binlog_format")
                .is_some_and(|format| format != "OFF"),
            false => self.instance.retention() > 0,
        }
    }

    /// The transactions executed, where identifiers are on. They carry the identity of the server that made them.
    fn gtid(&self) -> String {
        let on = self
            .instance
            .parameters
            .get("gtid-mode")
            .is_some_and(|mode| mode == "ON");
        let executed = self.contents.history.length_at(self.instant());
        if !on {
            return String::new();
        }
        let sets = self
            .contents
            .authors(executed)
            .into_iter()
            .map(|(author, made)| match made {
                1 => format!("{author}:1"),
                made => format!("{author}:1-{made}"),
            });
        sets.collect::<Vec<_>>().join(",")
    }

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
        self.contents.standing.tables.contains_key(ENTRIES)
            || !self.contents.history.rows().is_empty()
    }

    fn entries(&self) -> Relation {
        let mut relation = Relation::of(&["client", "number"]);
        for (client, numbers) in self.contents.history.rows() {
            let row = |number: u64| vec![Value::text(&client), Value::Int(number as i64)];
            relation.rows.extend(numbers.into_iter().map(row));
        }
        relation
    }

    fn postgres_table(&self, name: &str, called: bool) -> Option<Relation> {
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

    fn activity(&self) -> Relation {
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
        let mut clients: Vec<(u64, Session, &str)> = self
            .sessions()
            .into_iter()
            .map(|(pid, session)| (pid, session, "idle"))
            .collect();
        let own = Session {
            user: self.user.clone(),
            database: self.database.clone(),
            application: String::new(),
            flow: None,
            address: String::new(),
            since: self.world.now(),
            tls: true,
        };
        clients.push((self.pid, own, "active"));
        for (pid, session, state) in clients {
            relation.rows.push(vec![
                null(),
                Value::text(session.database),
                Value::Int(pid as i64),
                Value::text(session.user),
                Value::text(session.application),
                if session.address.is_empty() {
                    null()
                } else {
                    Value::text(session.address)
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
    fn replication(&self) -> Relation {
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

    fn receiver(&self) -> Relation {
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

    fn databases(&self) -> Relation {
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

    fn schemata(&self) -> Relation {
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

    fn users(&self) -> Relation {
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

    fn tables(&self) -> Relation {
        let mut relation = Relation::of(&["table_schema", "table_name", "table_type"]);
        let schema = match self.dialect() {
            Dialect::Postgres => "public",
            Dialect::Mysql => self.database.as_str(),
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
        for (id, session) in self.sessions() {
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
            &self.user,
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
                super::evaluate::like(&name.to_lowercase(), &pattern.to_lowercase())
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

fn as_lsn(value: &Value) -> Option<u64> {
    match value {
        Value::Lsn(at) => Some(*at),
        Value::Text(text) => lsn(text),
        _ => None,
    }
}

/// A name as PostgreSQL quotes it: only where it must.
fn quoted(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// `format('… %I.%I', …)`: `%s` as it is, `%I` as a name, `%L` as a literal.
fn format(pattern: &str, values: &[Value]) -> Answer<Value> {
    let mut out = String::new();
    let mut values = values.iter();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let kind = chars.next().unwrap_or(' ');
        if kind == '%' {
            out.push('%');
            continue;
        }
        let Some(value) = values.next() else {
            return Err("ERROR:  too few arguments for format() (SQLSTATE 22023)".into());
        };
        let text = value.shown(Dialect::Postgres);
        match kind {
            's' => out.push_str(&text),
            'I' => out.push_str(&quoted(&text)),
            'L' => out.push_str(&format!("'{}'", text.replace('\'', "''"))),
            other => {
                return Err(format!(
                    "ERROR:  unrecognized format() type specifier \"{other}\" (SQLSTATE 22023)"
                ));
            }
        }
    }
    Ok(Value::Text(out))
}

/// `/a/b/text()`: the texts of the elements at a path without conditions.
fn xpath(path: &str, xml: &str) -> Answer<Value> {
    let unsupported = || sql::unsupported(Dialect::Postgres, &format!("the path {path}"));
    let steps = path
        .strip_prefix('/')
        .and_then(|path| path.strip_suffix("/text()"))
        .ok_or_else(unsupported)?;
    if steps.is_empty()
        || !steps
            .chars()
            .all(|c| c.is_alphanumeric() || c == '/' || c == '_')
        || steps.contains("//")
    {
        return Err(unsupported());
    }
    let mut found = vec![xml.to_owned()];
    for step in steps.split('/') {
        found = found.iter().flat_map(|xml| elements(xml, step)).collect();
    }
    let unescaped = |text: String| {
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    };
    Ok(Value::Array(
        found
            .into_iter()
            .map(|text| Value::Text(unescaped(text)))
            .collect(),
    ))
}

/// What is inside the elements of a name.
fn elements(xml: &str, name: &str) -> Vec<String> {
    let (close, mut rest) = (format!("</{name}>"), xml);
    let mut found = Vec::new();
    while let Some(at) = rest.find(&format!("<{name}")) {
        let after = &rest[at + name.len() + 1..];
        if !after.starts_with(['>', ' ']) {
            rest = after;
            continue;
        }
        let Some((_, inside)) = after.split_once('>') else {
            break;
        };
        let Some((text, further)) = inside.split_once(&close) else {
            break;
        };
        found.push(text.to_owned());
        rest = further;
    }
    found
}
