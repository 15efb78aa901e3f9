//! Settings, as SHOW and its likes name them.

use super::super::relation::Value;
use super::super::{Dialect, sql};
use super::{Answer, Server};
use crate::services::rds::parameters::{catalogue, family};
use crate::services::rds::{self, Role};

impl Server<'_> {
    /// A setting by name: `SHOW x`, `current_setting('x')`, `@@x`.
    pub fn setting(&self, name: &str) -> Answer<Value> {
        self.told_more.set(true);
        let name = name.to_ascii_lowercase();
        if let Some(own) = self.variables.get(&name) {
            return Ok(own.clone());
        }
        if name.starts_with('@') {
            return Ok(Value::Null);
        }
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

    pub(super) fn no_setting(&self, name: &str) -> String {
        match self.dialect() {
            Dialect::Postgres => {
                format!("ERROR:  unrecognized configuration parameter \"{name}\" (SQLSTATE 42704)")
            }
            Dialect::Mysql => format!("ERROR 1193 (HY000): Unknown system variable '{name}'"),
        }
    }

    pub(super) fn postgres_setting(&self, name: &str) -> Option<Value> {
        let read_only = rds::refuses_writes(self.world, self.at, Some(&self.database)).is_some();
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
                let by_database = self.contents.standing.databases.get(self.database.as_ref());
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
            "session_authorization" => Value::text(self.user),
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

    pub(super) fn mysql_setting(&self, name: &str) -> Option<Value> {
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
            "read_only" => number(rds::refuses_writes(self.world, self.at, None).is_some()),
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

    pub(super) fn writes_binary_log(&self) -> bool {
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
    pub(super) fn gtid(&self) -> String {
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
}
