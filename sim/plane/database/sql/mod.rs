//! SQL as operational checks need it: what a server says of itself, counts, and simple tables. Anything else is refused
//! with an SQLSTATE, never guessed.

mod again;
mod change;
mod users;
mod xml;

use super::evaluate::{self};
use super::parse::{self, Fault, Statement};
use super::relation::Value;
use super::select;
use super::server::Server;
use super::{Dialect, Rare, User};
use crate::services::rds::{self, DatabaseRef};
use crate::world::World;
use change::{check_kind, checksums, create_table, delete, drop_table, insert, update};

use users::{alter_user, no_user};
pub use xml::query_to_xml;

type Answer<T> = Result<T, String>;

/// An error as the client prints it: PostgreSQL by SQLSTATE, MySQL by number and SQLSTATE.
pub fn error(dialect: Dialect, state: &str, number: u32, text: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("ERROR:  {text} (SQLSTATE {state})"),
        Dialect::Mysql => format!("ERROR {number} ({state}): {text}"),
    }
}

pub fn syntax(dialect: Dialect, near: &str) -> String {
    match (dialect, near) {
        (Dialect::Postgres, "") => "ERROR:  syntax error at end of input (SQLSTATE 42601)".into(),
        (Dialect::Postgres, near) => {
            format!("ERROR:  syntax error at or near \"{near}\" (SQLSTATE 42601)")
        }
        (Dialect::Mysql, near) => format!(
            "ERROR 1064 (42000): You have an error in your SQL syntax; check the manual that corresponds to your MySQL \
             server version for the right syntax to use near '{near}'"
        ),
    }
}

/// A real server may know it; this one says that it does not.
pub fn unsupported(dialect: Dialect, what: &str) -> String {
    error(dialect, "0A000", 1235, &format!("{what}: not simulated"))
}

pub fn no_function(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("ERROR:  function {name} does not exist (SQLSTATE 42883)"),
        Dialect::Mysql => format!("ERROR 1305 (42000): FUNCTION {name} does not exist"),
    }
}

pub fn no_column(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("ERROR:  column \"{name}\" does not exist (SQLSTATE 42703)"),
        Dialect::Mysql => format!("ERROR 1054 (42S22): Unknown column '{name}' in 'field list'"),
    }
}

pub fn no_table(dialect: Dialect, database: &str, name: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("ERROR:  relation \"{name}\" does not exist (SQLSTATE 42P01)"),
        Dialect::Mysql => format!("ERROR 1146 (42S02): Table '{database}.{name}' doesn't exist"),
    }
}

/// Runs statements as `user`, each committed by itself, and answers the rows of the last one.
pub fn run(
    world: &mut World,
    at: &DatabaseRef,
    user: &str,
    database: &str,
    sql: &str,
) -> Answer<Vec<Vec<String>>> {
    run_as(world, at, (user, database, None), sql)
}

/// The same as a user in a database, over an open connection if there is one.
pub fn run_as(
    world: &mut World,
    at: &DatabaseRef,
    (user, database, session): (&str, &str, Option<u64>),
    sql: &str,
) -> Answer<Vec<Vec<String>>> {
    let mut server = Server::new(world, at, user, database)?;
    if let Some(session) = session {
        server.pid = session;
    }
    let dialect = server.dialect();
    if !server
        .contents
        .standing
        .users
        .get(user)
        .is_some_and(|user| user.login)
    {
        return Err(error(
            dialect,
            "28000",
            1045,
            &format!("role \"{user}\" cannot log in"),
        ));
    }
    if let Some(rows) = again::remembered(&server, sql) {
        return Ok(rows);
    }
    let statements = parse::known(sql, dialect).map_err(|fault| refused(dialect, fault))?;
    if statements.is_empty() {
        return Ok(vec![]);
    }
    let mut rows = Vec::new();
    for statement in statements.iter() {
        rows = execute(&mut server, statement)?;
        end_sessions(&mut server);
    }
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| row.iter().map(|value| value.shown(dialect)).collect())
        .collect();
    again::remember(&server, sql, &statements, &rows);
    Ok(rows)
}

fn refused(dialect: Dialect, fault: Fault) -> String {
    match fault {
        Fault::Syntax(near) => syntax(dialect, &near),
        Fault::Unsupported(what) => unsupported(dialect, &what),
    }
}

fn end_sessions(server: &mut Server<'_>) {
    if server.ended.is_empty() {
        return;
    }
    let ended = std::mem::take(&mut server.ended);
    let place = server.world.place(&server.at.account, &server.at.region);
    if let Some(sessions) = place.rds.sessions.get_mut(&server.instance.resource) {
        sessions.open.retain(|pid, _| !ended.contains(pid));
    }
}

/// Commits changes, if this server takes writes in this database.
fn write(server: &mut Server<'_>, changes: Vec<Rare>) -> Answer<()> {
    writable(server)?;
    commit(server, |database, now| {
        for change in changes {
            database.write(now, change);
        }
    })
}

fn commit(
    server: &mut Server<'_>,
    change: impl FnOnce(&mut super::Database, crate::clock::Nanos),
) -> Answer<()> {
    let now = server.world.now();
    change(rds::own(server.world, server.at)?, now);
    if let Some(contents) = rds::shared_contents(server.world, server.at) {
        server.contents = contents;
    }
    Ok(())
}

fn writable(server: &Server<'_>) -> Answer<()> {
    match rds::refuses_writes(server.world, server.at, Some(&server.database)) {
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

/// Only the master user makes users and databases here.
fn master_only(server: &Server<'_>, what: &str) -> Answer<()> {
    if server.user == server.contents.master {
        return Ok(());
    }
    Err(error(
        server.dialect(),
        "42501",
        1227,
        &format!("permission denied to {what}"),
    ))
}

fn execute(server: &mut Server<'_>, statement: &Statement) -> Answer<Vec<Vec<Value>>> {
    let dialect = server.dialect();
    match statement {
        Statement::Select(select) if select.into.is_empty() => {
            return select::select(server, select);
        }
        Statement::Select(select) => {
            let mut rows = select::select(server, select)?;
            if rows.len() > 1 {
                return Err(error(
                    dialect,
                    "42000",
                    1172,
                    "Result consisted of more than one row",
                ));
            }
            let row = rows.pop().unwrap_or_default();
            if !row.is_empty() && row.len() != select.into.len() {
                return Err(error(
                    dialect,
                    "21000",
                    1222,
                    "The used SELECT statements have a different number of columns",
                ));
            }
            for (name, value) in select.into.iter().zip(row) {
                server.variables.insert(name.clone(), value);
            }
        }
        Statement::Set(name, value) => {
            let value = evaluate::evaluate(server, value, None)?;
            if !name.starts_with('@') {
                settable(dialect, name, &value)?;
            }
            server.variables.insert(name.clone(), value);
        }
        Statement::Prepare(name, text) => {
            let text = match evaluate::evaluate(server, text, None)? {
                Value::Text(text) => text,
                _ => return Err(syntax(dialect, "NULL")),
            };
            let parsed =
                parse::statements(&text, dialect).map_err(|fault| refused(dialect, fault))?;
            if parsed.len() != 1 {
                return Err(syntax(dialect, ";"));
            }
            server.prepared.insert(name.clone(), text);
        }
        Statement::Execute(name) => {
            let text = server
                .prepared
                .get(name)
                .cloned()
                .ok_or_else(|| no_prepared(name, "EXECUTE"))?;
            let parsed =
                parse::statements(&text, dialect).map_err(|fault| refused(dialect, fault))?;
            return match parsed.as_slice() {
                [Statement::Prepare(..) | Statement::Execute(_) | Statement::Deallocate(_)] => {
                    Err(error(
                        dialect,
                        "HY000",
                        1295,
                        "This command is not supported in the prepared statement protocol yet",
                    ))
                }
                [one] => execute(server, one),
                _ => Err(syntax(dialect, ";")),
            };
        }
        Statement::Deallocate(name) => {
            if server.prepared.remove(name).is_none() {
                return Err(no_prepared(name, "DEALLOCATE PREPARE"));
            }
        }
        Statement::Show(words, like) => return show(server, words, like.as_deref()),
        Statement::Checksum(tables) => return checksums(server, tables),
        Statement::Kill(id) => {
            let id = evaluate::evaluate(server, id, None)?;
            server.kill(&id)?;
        }
        Statement::Insert {
            table,
            columns,
            rows,
            ignore,
        } => insert(server, table, columns, rows, *ignore)?,
        Statement::Update { table, set, filter } => update(server, table, set, filter.as_ref())?,
        Statement::Delete { table, filter } => delete(server, table, filter.as_ref())?,
        Statement::CreateTable {
            columns,
            temporary: true,
            ..
        } => {
            // Gone with this connection, which ends with this query: only whether it may be made is left.
            writable(server)?;
            columns
                .iter()
                .try_for_each(|column| check_kind(dialect, &column.kind))?;
        }
        Statement::CreateTable {
            table,
            columns,
            if_absent,
            ..
        } => {
            create_table(server, table, columns.clone(), *if_absent)?;
        }
        Statement::DropTable { table, if_there } => drop_table(server, table, *if_there)?,
        Statement::CreateUser {
            name,
            password,
            login,
            if_absent,
        } => {
            master_only(server, "create role")?;
            writable(server)?;
            if server.contents.standing.users.contains_key(name) {
                if *if_absent {
                    return Ok(vec![]);
                }
                return Err(match dialect {
                    Dialect::Postgres => {
                        format!("ERROR:  role \"{name}\" already exists (SQLSTATE 42710)")
                    }
                    Dialect::Mysql => {
                        format!("ERROR 1396 (HY000): Operation CREATE USER failed for '{name}'@'%'")
                    }
                });
            }
            let user = User {
                password: password.clone().unwrap_or_default(),
                login: *login,
            };
            write(
                server,
                vec![Rare::User {
                    name: name.clone(),
                    user: Some(user),
                }],
            )?;
        }
        Statement::AlterUser {
            name,
            password,
            login,
        } => alter_user(server, name, password.as_deref(), *login)?,
        Statement::DropUser { name, if_there } => {
            master_only(server, "drop role")?;
            if !server.contents.standing.users.contains_key(name) {
                return if *if_there {
                    Ok(vec![])
                } else {
                    Err(no_user(dialect, name))
                };
            }
            if *name == server.contents.master {
                return Err(error(
                    dialect,
                    "55006",
                    1396,
                    "current user cannot be dropped",
                ));
            }
            write(
                server,
                vec![Rare::User {
                    name: name.clone(),
                    user: None,
                }],
            )?;
        }
        Statement::CreateDatabase { name, if_absent } => {
            master_only(server, "create database")?;
            if server.contents.standing.databases.contains_key(name) {
                if *if_absent && dialect == Dialect::Mysql {
                    return Ok(vec![]);
                }
                return Err(match dialect {
                    Dialect::Postgres => {
                        format!("ERROR:  database \"{name}\" already exists (SQLSTATE 42P04)")
                    }
                    Dialect::Mysql => {
                        format!(
                            "ERROR 1007 (HY000): Can't create database '{name}'; database exists"
                        )
                    }
                });
            }
            write(
                server,
                vec![Rare::Database {
                    name: name.clone(),
                    there: true,
                }],
            )?;
        }
        Statement::DropDatabase { name, if_there } => {
            master_only(server, "drop database")?;
            if !server.contents.standing.databases.contains_key(name) {
                return match (if_there, dialect) {
                    (true, _) => Ok(vec![]),
                    (false, Dialect::Postgres) => Err(format!(
                        "ERROR:  database \"{name}\" does not exist (SQLSTATE 3D000)"
                    )),
                    (false, Dialect::Mysql) => Err(format!(
                        "ERROR 1008 (HY000): Can't drop database '{name}'; database doesn't exist"
                    )),
                };
            }
            if *name == server.database {
                return Err(error(
                    dialect,
                    "55006",
                    1235,
                    "cannot drop the currently open database",
                ));
            }
            write(
                server,
                vec![Rare::Database {
                    name: name.clone(),
                    there: false,
                }],
            )?;
        }
        Statement::ReadOnlyDatabase { name, on } => {
            if dialect == Dialect::Mysql {
                return Err(syntax(dialect, "SET"));
            }
            master_only(server, "alter database")?;
            if !server.contents.standing.databases.contains_key(name) {
                return Err(format!(
                    "ERROR:  database \"{name}\" does not exist (SQLSTATE 3D000)"
                ));
            }
            // A client can still say SET TRANSACTION READ WRITE for this very statement.
            if server.role != rds::Role::Writer {
                writable(server)?;
            }
            let change = Rare::ReadOnlyByDefault {
                database: name.clone(),
                on: *on,
            };
            commit(server, |database, now| database.write(now, change))?;
        }
    }
    Ok(vec![])
}

fn no_prepared(name: &str, command: &str) -> String {
    format!("ERROR 1243 (HY000): Unknown prepared statement handler ({name}) given to {command}")
}

/// Whether a session may give itself this setting. Those without an effect here are refused rather than ignored.
fn settable(dialect: Dialect, name: &str, value: &Value) -> Answer<()> {
    match (name, value) {
        ("group_concat_max_len", Value::Int(4..)) => Ok(()),
        ("group_concat_max_len", _) => Err(error(
            dialect,
            "42000",
            1231,
            &format!(
                "Variable '{name}' can't be set to the value of '{}'",
                value.shown(dialect)
            ),
        )),
        (other, _) => Err(unsupported(dialect, &format!("SET SESSION {other}"))),
    }
}

fn show(server: &mut Server<'_>, words: &[String], like: Option<&str>) -> Answer<Vec<Vec<Value>>> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let Some(rows) = server.show(&words, like)? {
        return Ok(rows);
    }
    match (server.dialect(), words.as_slice()) {
        (Dialect::Postgres, [name]) => server.setting(name).map(|value| vec![vec![value]]),
        (Dialect::Postgres, ["transaction", "isolation", "level"]) => {
            Ok(vec![vec![Value::text("read committed")]])
        }
        (dialect, words) => Err(syntax(dialect, words.first().copied().unwrap_or_default())),
    }
}
