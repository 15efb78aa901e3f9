//! Functions that a server answers.

use super::super::relation::{Value, lsn};
use super::super::{Dialect, sql};
use super::{Answer, BACKGROUND, OF_ARGUMENTS, Server};
use crate::services::rds::Role;

impl Server<'_> {
    pub fn call(&mut self, name: &str, arguments: &[Value]) -> Answer<Value> {
        if !OF_ARGUMENTS.contains(&name) {
            self.told_more.set(true);
        }
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

    pub(super) fn common(&self, name: &str, arguments: &[Value]) -> Option<Value> {
        Some(match (name, arguments) {
            ("version", []) => Value::Text(self.version()),
            ("current_user" | "session_user" | "user" | "current_role", []) => match self.dialect()
            {
                Dialect::Postgres => Value::text(self.user),
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
            ("concat", values)
                if self.dialect() == Dialect::Mysql && values.contains(&Value::Null) =>
            {
                Value::Null
            }
            ("replace", [Value::Text(text), Value::Text(from), Value::Text(to)]) => {
                Value::Text(match from.as_str() {
                    "" => text.clone(),
                    from => text.replace(from, to),
                })
            }
            ("replace", [_, _, _]) if arguments.contains(&Value::Null) => Value::Null,
            ("concat_ws", [Value::Null, ..]) => Value::Null,
            ("concat_ws", [between, values @ ..]) => {
                let texts: Vec<String> = values
                    .iter()
                    .filter(|value| **value != Value::Null)
                    .map(|value| value.shown(self.dialect()))
                    .collect();
                Value::Text(texts.join(&between.shown(self.dialect())))
            }
            ("concat", values) => Value::Text(
                values
                    .iter()
                    .map(|value| value.shown(self.dialect()))
                    .collect::<String>(),
            ),
            _ => return None,
        })
    }

    pub(super) fn version(&self) -> String {
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

    pub(super) fn mysql_version(&self) -> String {
        // Aurora's version names the MySQL that it speaks first.
        match self.contents.version.split_once(".mysql_aurora.") {
            Some((major, _)) => format!("{major}.39"),
            None => self.contents.version.clone(),
        }
    }

    pub(super) fn position(&self) -> Value {
        Value::Lsn(self.contents.position_at(self.instant()))
    }

    pub(super) fn in_recovery(&self, function: &str) -> Answer<Option<Value>> {
        if self.recovering() {
            return Err(format!(
                "ERROR:  recovery is in progress\nHINT:  {function}() cannot be executed during recovery. (SQLSTATE 55000)"
            ));
        }
        Ok(Some(self.position()))
    }

    pub(super) fn postgres(&mut self, name: &str, arguments: &[Value]) -> Answer<Option<Value>> {
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
            ("current_database" | "current_catalog", []) => Value::text(self.database.as_ref()),
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
    pub(super) fn terminate(&mut self, pid: &Value) -> Answer<Value> {
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
        let Some((_, session)) = self.sessions().find(|(open, _)| *open == pid) else {
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
        let known = self.sessions().find(|(open, _)| *open == id);
        let Some((_, session)) = known else {
            return Err(format!("ERROR 1094 (HY000): Unknown thread id: {id}"));
        };
        if session.user != self.user && self.user != self.contents.master {
            return Err(format!(
                "ERROR 1095 (HY000): You are not owner of thread {id}"
            ));
        }
        self.ended.push(id);
        Ok(())
    }

    pub(super) fn mysql(&mut self, name: &str, arguments: &[Value]) -> Option<Value> {
        Some(match (name, arguments) {
            ("database" | "schema", []) => match self.database.as_ref() {
                "" => Value::Null,
                name => Value::text(name),
            },
            ("quote", [Value::Null]) => Value::text("NULL"),
            ("quote", [value]) => {
                let text = value.shown(Dialect::Mysql);
                Value::Text(format!(
                    "'{}'",
                    text.replace('\\', "\\\\").replace('\'', "\\'")
                ))
            }
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
