//! One call of psql or mysql: a connection, its statements, what the client prints.

use super::Outcome;
use crate::clock::{MILLI, SECOND};
use crate::plane::From;
use crate::plane::tasks::real_host;
use crate::services::rds::{self, ConnectError, Login};
use crate::world::World;

/// One call of a client program.
#[derive(Debug)]
pub struct Call {
    pub is_psql: bool,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub database: String,
    pub tls: bool,
    pub timeout: u64,
    pub commands: Vec<String>,
    /// Rows only, no footer.
    pub bare: bool,
    pub separator: String,
    pub application: String,
    pub stop_on_error: bool,
}

/// A port, as both clients read one.
pub fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| format!("invalid port number: \"{text}\""))
}

impl Call {
    pub fn run(&self, world: &mut World, from: &From) -> Outcome {
        let host = real_host(world, &self.host, from);
        let login = Login {
            from,
            host: &host,
            port: self.port,
            user: &self.user,
            password: &self.password,
            database: &self.database,
            tls: self.tls,
            application: &self.application,
        };
        let connection = match rds::visit(world, &login) {
            Ok(connection) => connection,
            Err(error) => return self.not_connected(&error),
        };
        let mut outcome = Outcome {
            takes: 80 * MILLI,
            ..Outcome::status(0)
        };
        for sql in &self.commands {
            match rds::query_over(world, &connection, (&self.user, &self.database), sql) {
                Ok(rows) => {
                    let count = rows.len();
                    outcome
                        .out
                        .extend(rows.iter().map(|row| row.join(&self.separator)));
                    if !self.bare {
                        outcome.out.push(format!(
                            "({count} row{})",
                            if count == 1 { "" } else { "s" }
                        ));
                    }
                    // psql's status is that of its last -c.
                    outcome.status = 0;
                }
                Err(error) => {
                    outcome.errors.push(error);
                    outcome.status = 1;
                    if self.stop_on_error {
                        outcome.status = if self.is_psql && self.commands.len() > 1 {
                            3
                        } else {
                            1
                        };
                        break;
                    }
                }
            }
        }
        rds::close(world, &connection);
        outcome
    }

    fn not_connected(&self, error: &ConnectError) -> Outcome {
        let silent = matches!(error, ConnectError::TimedOut(_));
        let takes = match (silent, self.timeout) {
            // The kernel gives up after about two minutes.
            (true, 0) => 130 * SECOND,
            (true, seconds) => seconds.max(2) * SECOND,
            (false, _) => 50 * MILLI,
        };
        let line = if self.is_psql {
            let prefix = format!(
                "connection to server at \"{}\", port {} failed: ",
                self.host, self.port
            );
            match error {
                ConnectError::NoSuchName(host) => {
                    format!(
                        "psql: error: could not translate host name \"{host}\" to address: Name or service not known"
                    )
                }
                ConnectError::TimedOut(_) => format!("psql: error: {prefix}timeout expired"),
                ConnectError::Refused => format!(
                    "psql: error: {prefix}Connection refused\n\tIs the server running on that host and accepting TCP/IP \
                     connections?"
                ),
                other => format!("psql: error: {prefix}FATAL:  {other}"),
            }
        } else {
            match error {
                ConnectError::NoSuchName(host) => {
                    format!("ERROR 2005 (HY000): Unknown MySQL server host '{host}' (-2)")
                }
                ConnectError::TimedOut(_) => {
                    format!(
                        "ERROR 2003 (HY000): Can't connect to MySQL server on '{}:{}' (110)",
                        self.host, self.port
                    )
                }
                ConnectError::Refused => {
                    format!(
                        "ERROR 2003 (HY000): Can't connect to MySQL server on '{}:{}' (111)",
                        self.host, self.port
                    )
                }
                other => other.to_string(),
            }
        };
        Outcome::fails(line, if self.is_psql { 2 } else { 1 }, takes)
    }
}
