//! Statements that change tables.

use super::super::evaluate::{self, Row};
use super::super::parse::Expression;
use super::super::relation::{Column, Relation, Value};
use super::super::server::Server;
use super::super::{Dialect, ENTRIES, Rare};
use super::{Answer, commit, error, no_column, no_table, unsupported, writable, write};
use std::sync::Arc;

/// MySQL's CHECKSUM TABLE: a number that is the same for the same rows; nothing for a table that is not there.
pub(super) fn checksums(server: &Server<'_>, tables: &[String]) -> Answer<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    for table in tables {
        let sum = server.relation(None, table, false).ok().map(|relation| {
            let words: Vec<String> = relation.rows.iter().map(|row| format!("{row:?}")).collect();
            let sum = words.iter().fold(0_u64, |sum, row| {
                sum ^ crate::clock::Dice(0).hash(&[row], 0)
            });
            i64::from(sum as u32)
        });
        rows.push(vec![
            Value::Text(format!("{}.{table}", server.database)),
            sum.map_or(Value::Null, Value::Int),
        ]);
    }
    Ok(rows)
}

/// The users' table looks like any other, but its rows are the history's.
fn entries_columns() -> Vec<Column> {
    let mut columns = Relation::of(&["client", "number"]).columns;
    columns[1].kind = "bigint".into();
    columns
}

pub(super) fn create_table(
    server: &mut Server<'_>,
    table: &str,
    columns: Vec<Column>,
    if_absent: bool,
) -> Answer<()> {
    let dialect = server.dialect();
    writable(server)?;
    let there = server.contents.standing.tables.contains_key(table)
        || (table == ENTRIES && server.has_entries());
    if there {
        return match (if_absent, dialect) {
            (true, _) => Ok(()),
            (false, Dialect::Postgres) => Err(format!(
                "ERROR:  relation \"{table}\" already exists (SQLSTATE 42P07)"
            )),
            (false, Dialect::Mysql) => Err(format!(
                "ERROR 1050 (42S01): Table '{table}' already exists"
            )),
        };
    }
    for column in &columns {
        check_kind(dialect, &column.kind)?;
    }
    let columns = if table == ENTRIES {
        entries_columns()
    } else {
        columns
    };
    let relation = Arc::new(Relation {
        columns,
        rows: vec![],
    });
    write(
        server,
        vec![Rare::Table {
            name: table.to_owned(),
            table: Some(relation),
        }],
    )
}

pub(super) fn check_kind(dialect: Dialect, kind: &str) -> Answer<()> {
    let known = [
        "int",
        "integer",
        "int4",
        "bigint",
        "int8",
        "smallint",
        "text",
        "varchar",
        "char",
        "character varying",
        "uuid",
        "boolean",
        "bool",
        "tinyint",
        "timestamp",
        "timestamptz",
        "timestamp with time zone",
        "timestamp without time zone",
        "datetime",
        "numeric",
        "decimal",
        "float",
        "double",
        "double precision",
        "real",
        "bigint unsigned",
        "int unsigned",
        "pg_lsn",
    ];
    if known.contains(&kind) {
        return Ok(());
    }
    match kind {
        "serial" | "bigserial" | "json" | "jsonb" | "bytea" | "blob" => {
            Err(unsupported(dialect, &format!("type {kind}")))
        }
        other => Err(error(
            dialect,
            "42704",
            1064,
            &format!("type \"{other}\" does not exist"),
        )),
    }
}

pub(super) fn drop_table(server: &mut Server<'_>, table: &str, if_there: bool) -> Answer<()> {
    let dialect = server.dialect();
    writable(server)?;
    let kept = server.contents.standing.tables.contains_key(table);
    let entries = table == ENTRIES && server.has_entries();
    if !kept && !entries {
        return match (if_there, dialect) {
            (true, _) => Ok(()),
            (false, Dialect::Postgres) => Err(format!(
                "ERROR:  table \"{table}\" does not exist (SQLSTATE 42P01)"
            )),
            (false, Dialect::Mysql) => Err(format!(
                "ERROR 1051 (42S02): Unknown table '{}.{table}'",
                server.database
            )),
        };
    }
    let mut changes = Vec::new();
    if entries {
        changes.push(Rare::EntriesEmptied);
    }
    if kept {
        changes.push(Rare::Table {
            name: table.to_owned(),
            table: None,
        });
    }
    write(server, changes)
}

/// The table that a statement changes.
fn table(server: &Server<'_>, name: &str) -> Answer<Relation> {
    let found = server.contents.standing.tables.get(name);
    found
        .map(|table| (**table).clone())
        .ok_or_else(|| no_table(server.dialect(), &server.database, name))
}

fn keep(server: &mut Server<'_>, name: &str, relation: Relation) -> Answer<()> {
    write(
        server,
        vec![Rare::Table {
            name: name.to_owned(),
            table: Some(Arc::new(relation)),
        }],
    )
}

pub(super) fn insert(
    server: &mut Server<'_>,
    name: &str,
    columns: &[String],
    rows: &[Vec<Expression>],
    ignore: bool,
) -> Answer<()> {
    let dialect = server.dialect();
    writable(server)?;
    let entries = name == ENTRIES && server.has_entries();
    let mut relation = match entries {
        true => Relation {
            columns: entries_columns(),
            rows: vec![],
        },
        false => table(server, name)?,
    };
    let mut order = Vec::new();
    for column in columns {
        order.push(
            relation
                .position(column)
                .ok_or_else(|| no_column(dialect, column))?,
        );
    }
    if columns.is_empty() {
        order = (0..relation.columns.len()).collect();
    }
    let mut added = Vec::new();
    for row in rows {
        let too_many = row.len() > order.len();
        if too_many
            || (row.len() < order.len() && (!columns.is_empty() || dialect == Dialect::Mysql))
        {
            let text = if too_many {
                "INSERT has more expressions than target columns"
            } else {
                "INSERT has more target columns than expressions"
            };
            return Err(error(dialect, "42601", 1136, text));
        }
        let mut values: Vec<Value> = relation
            .columns
            .iter()
            .map(|column| column.default.clone().unwrap_or(Value::Null))
            .collect();
        for (expression, at) in row.iter().zip(&order) {
            let value = evaluate::evaluate(server, expression, None)?;
            values[*at] = stored(dialect, &relation.columns[*at], value)?;
        }
        added.push(values);
    }
    if entries {
        return insert_entries(server, added);
    }
    let xmin = server.xmin();
    for mut values in added {
        match check_row(dialect, &relation, name, &values, None) {
            Ok(()) => {
                values.extend(xmin.clone());
                relation.rows.push(values);
            }
            Err(problem) if ignore && problem.contains("23505") | problem.contains("1062") => {}
            Err(problem) => return Err(problem),
        }
    }
    keep(server, name, relation)
}

fn insert_entries(server: &mut Server<'_>, rows: Vec<Vec<Value>>) -> Answer<()> {
    let dialect = server.dialect();
    let mut entries = Vec::new();
    for row in rows {
        match (&row[0], &row[1]) {
            (Value::Text(client), Value::Int(number)) if *number >= 0 => {
                entries.push((client.clone(), *number as u64))
            }
            _ => {
                return Err(error(
                    dialect,
                    "23502",
                    1048,
                    "null or negative value in a row of entries",
                ));
            }
        }
    }
    commit(server, |database, now| {
        for (client, number) in entries {
            database.write_entry(now, &client, number);
        }
    })
}

/// A value as its column holds it.
fn stored(dialect: Dialect, column: &Column, value: Value) -> Answer<Value> {
    let kind = column.kind.as_str();
    let wrong = |value: &Value| {
        error(
            dialect,
            "22P02",
            1366,
            &format!(
                "invalid input syntax for type {kind}: \"{}\"",
                value.shown(dialect)
            ),
        )
    };
    Ok(match (kind, value) {
        (_, Value::Null) => Value::Null,
        (kind, Value::Int(number)) if kind.contains("int") => Value::Int(number),
        (kind, value) if kind.contains("int") => {
            let number = value
                .number()
                .filter(|number| number.fract() == 0.0)
                .ok_or_else(|| wrong(&value))?;
            Value::Int(number as i64)
        }
        ("boolean" | "bool", value) => Value::Bool(value.truth().ok_or_else(|| wrong(&value))?),
        ("numeric" | "decimal" | "float" | "double" | "double precision" | "real", value) => {
            Value::Float(value.number().ok_or_else(|| wrong(&value))?)
        }
        ("pg_lsn", Value::Text(text)) => {
            let read = super::super::relation::lsn(&text);
            Value::Lsn(read.ok_or_else(|| wrong(&Value::Text(text)))?)
        }
        (_, value @ (Value::Text(_) | Value::Time(_) | Value::Lsn(_))) => value,
        (_, value) => Value::Text(value.shown(dialect)),
    })
}

/// Required values are there, and keys are used once.
fn check_row(
    dialect: Dialect,
    relation: &Relation,
    name: &str,
    values: &[Value],
    except: Option<usize>,
) -> Answer<()> {
    for (at, column) in relation.columns.iter().enumerate() {
        if column.required && values[at] == Value::Null {
            return Err(match dialect {
                Dialect::Postgres => format!(
                    "ERROR:  null value in column \"{}\" of relation \"{name}\" violates not-null constraint (SQLSTATE 23502)",
                    column.name
                ),
                Dialect::Mysql => format!(
                    "ERROR 1048 (23000): Column '{}' cannot be null",
                    column.name
                ),
            });
        }
        let taken = column.unique
            && values[at] != Value::Null
            && relation
                .rows
                .iter()
                .enumerate()
                .any(|(n, row)| Some(n) != except && row[at] == values[at]);
        if taken {
            return Err(match dialect {
                Dialect::Postgres => format!(
                    "ERROR:  duplicate key value violates unique constraint \"{name}_{}_key\" (SQLSTATE 23505)",
                    column.name
                ),
                Dialect::Mysql => format!(
                    "ERROR 1062 (23000): Duplicate entry '{}' for key '{name}.{}'",
                    values[at].shown(dialect),
                    column.name
                ),
            });
        }
    }
    Ok(())
}

pub(super) fn update(
    server: &mut Server<'_>,
    name: &str,
    set: &[(String, Expression)],
    filter: Option<&Expression>,
) -> Answer<()> {
    let dialect = server.dialect();
    writable(server)?;
    if name == ENTRIES && server.has_entries() {
        return Err(unsupported(dialect, "UPDATE of entries"));
    }
    let mut relation = table(server, name)?;
    let before = relation.clone();
    let xmin = server.xmin();
    for (n, values) in before.rows.iter().enumerate() {
        let row = Row {
            relation: &before,
            name,
            values,
        };
        let wanted = match filter {
            Some(filter) => evaluate::evaluate(server, filter, Some(&row))?.truth() == Some(true),
            None => true,
        };
        if !wanted {
            continue;
        }
        let mut changed = values.clone();
        for (column, expression) in set {
            let at = before
                .position(column)
                .ok_or_else(|| no_column(dialect, column))?;
            let value = evaluate::evaluate(server, expression, Some(&row))?;
            changed[at] = stored(dialect, &before.columns[at], value)?;
        }
        check_row(dialect, &relation, name, &changed, Some(n))?;
        // PostgreSQL writes a row anew even if nothing in it is new.
        changed.truncate(before.columns.len());
        changed.extend(xmin.clone());
        relation.rows[n] = changed;
    }
    if relation == before {
        return Ok(());
    }
    keep(server, name, relation)
}

pub(super) fn delete(
    server: &mut Server<'_>,
    name: &str,
    filter: Option<&Expression>,
) -> Answer<()> {
    let dialect = server.dialect();
    writable(server)?;
    if name == ENTRIES && server.has_entries() {
        return match filter {
            Some(_) => Err(unsupported(dialect, "DELETE of single entries")),
            None => write(server, vec![Rare::EntriesEmptied]),
        };
    }
    let mut relation = table(server, name)?;
    let before = relation.clone();
    relation.rows.clear();
    for values in &before.rows {
        let row = Row {
            relation: &before,
            name,
            values,
        };
        let gone = match filter {
            Some(filter) => evaluate::evaluate(server, filter, Some(&row))?.truth() == Some(true),
            None => true,
        };
        if !gone {
            relation.rows.push(values.clone());
        }
    }
    if relation == before {
        return Ok(());
    }
    keep(server, name, relation)
}
