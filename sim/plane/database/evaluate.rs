//! Expressions over a row.

use super::parse::Expression;
use super::relation::{Relation, Value, lsn};
use super::select::select;
use super::server::Server;
use super::{Dialect, sql};
use std::cmp::Ordering;

/// One row that expressions look at, with the names of its columns.
pub struct Row<'a> {
    pub relation: &'a Relation,
    pub name: &'a str,
    pub values: &'a [Value],
}

pub(super) type Answer<T> = Result<T, String>;

pub fn evaluate(
    server: &mut Server<'_>,
    expression: &Expression,
    row: Option<&Row<'_>>,
) -> Answer<Value> {
    let dialect = server.dialect();
    match expression {
        Expression::Value(value) => Ok(value.clone()),
        Expression::Star => Err(sql::syntax(dialect, "*")),
        Expression::Variable(name) => server.setting(name),
        Expression::Joined(..) => Err(sql::error(
            dialect,
            "42803",
            1111,
            "aggregate functions are not allowed here",
        )),
        Expression::Element(array, index) => {
            let (array, index) = (evaluate(server, array, row)?, evaluate(server, index, row)?);
            let (Value::Array(values), Value::Int(index)) = (&array, &index) else {
                return Err(sql::error(
                    dialect,
                    "42804",
                    1064,
                    "only arrays can be subscripted",
                ));
            };
            let found = usize::try_from(index - 1)
                .ok()
                .and_then(|at| values.get(at));
            Ok(found.cloned().unwrap_or(Value::Null))
        }
        Expression::Column(table, name) => column(dialect, table.as_deref(), name, row),
        Expression::Not(inner) => {
            let truth = evaluate(server, inner, row)?.truth();
            Ok(truth.map_or(Value::Null, |truth| Value::Bool(!truth)))
        }
        Expression::Negative(inner) => match evaluate(server, inner, row)? {
            Value::Int(number) => Ok(Value::Int(-number)),
            other => Ok(other
                .number()
                .map_or(Value::Null, |number| Value::Float(-number))),
        },
        Expression::IsNull(inner, not) => Ok(Value::Bool(
            (evaluate(server, inner, row)? == Value::Null) != *not,
        )),
        Expression::In(inner, list, not) => {
            let value = evaluate(server, inner, row)?;
            if value == Value::Null {
                return Ok(Value::Null);
            }
            let mut found = false;
            for one in list {
                let one = evaluate(server, one, row)?;
                found |= value.compare(&one, dialect) == Some(Ordering::Equal);
            }
            Ok(Value::Bool(found != *not))
        }
        Expression::Like(inner, pattern, not) => {
            let (text, pattern) = (
                evaluate(server, inner, row)?,
                evaluate(server, pattern, row)?,
            );
            if text == Value::Null || pattern == Value::Null {
                return Ok(Value::Null);
            }
            let (mut text, mut pattern) = (text.shown(dialect), pattern.shown(dialect));
            if dialect == Dialect::Mysql {
                (text, pattern) = (text.to_lowercase(), pattern.to_lowercase());
            }
            Ok(Value::Bool(like(&text, &pattern) != *not))
        }
        Expression::Cast(inner, kind) => cast(dialect, evaluate(server, inner, row)?, kind),
        Expression::Binary(op, a, b) => {
            let (a, b) = (evaluate(server, a, row)?, evaluate(server, b, row)?);
            binary(dialect, op, &a, &b)
        }
        Expression::Field(inner, field) => match inner.as_ref() {
            Expression::Call(function, _) => {
                let relation = server.relation(None, function, true)?;
                let at = relation
                    .position(field)
                    .ok_or_else(|| sql::no_column(dialect, field))?;
                Ok(relation
                    .rows
                    .first()
                    .map_or(Value::Null, |row| row[at].clone()))
            }
            _ => Err(sql::unsupported(dialect, "fields of expressions")),
        },
        Expression::Select(inner) => {
            let mut rows = select(server, inner)?;
            match rows.len() {
                0 => Ok(Value::Null),
                1 if rows[0].len() == 1 => Ok(rows.remove(0).remove(0)),
                1 => Err(sql::error(
                    dialect,
                    "42601",
                    1241,
                    "subquery must return only one column",
                )),
                _ => Err(sql::error(
                    dialect,
                    "21000",
                    1242,
                    "more than one row returned by a subquery used as an expression",
                )),
            }
        }
        Expression::Exists(inner) => Ok(Value::Bool(!select(server, inner)?.is_empty())),
        Expression::Call(name, arguments) => {
            let mut values = Vec::new();
            for argument in arguments {
                values.push(evaluate(server, argument, row)?);
            }
            match (name.as_str(), values.as_slice()) {
                ("query_to_xml", [Value::Text(query), _, forest, _])
                    if dialect == Dialect::Postgres =>
                {
                    sql::query_to_xml(server, query, forest.truth() == Some(true)).map(Value::Text)
                }
                _ => server.call(name, &values),
            }
        }
    }
}

fn column(
    dialect: Dialect,
    table: Option<&str>,
    name: &str,
    row: Option<&Row<'_>>,
) -> Answer<Value> {
    let Some(row) = row else {
        return Err(sql::no_column(dialect, name));
    };
    if table.is_some_and(|table| !table.eq_ignore_ascii_case(row.name)) {
        return Err(sql::no_column(
            dialect,
            &format!("{}.{name}", table.unwrap_or_default()),
        ));
    }
    let at = match row.relation.position(name) {
        None if name == "xmin" => Some(row.relation.columns.len()),
        at => at,
    };
    at.and_then(|at| row.values.get(at).cloned())
        .ok_or_else(|| sql::no_column(dialect, name))
}

fn binary(dialect: Dialect, op: &str, a: &Value, b: &Value) -> Answer<Value> {
    let truths = (a.truth(), b.truth());
    match op {
        "and" => {
            return Ok(match truths {
                (Some(false), _) | (_, Some(false)) => Value::Bool(false),
                (Some(true), Some(true)) => Value::Bool(true),
                _ => Value::Null,
            });
        }
        "or" => {
            return Ok(match truths {
                (Some(true), _) | (_, Some(true)) => Value::Bool(true),
                (Some(false), Some(false)) => Value::Bool(false),
                _ => Value::Null,
            });
        }
        "is" => return Ok(Value::Bool(a.truth() == b.truth() && *a != Value::Null)),
        _ => {}
    }
    if *a == Value::Null || *b == Value::Null {
        return Ok(Value::Null);
    }
    if op == "||" && dialect == Dialect::Postgres {
        return Ok(Value::Text(format!(
            "{}{}",
            a.shown(dialect),
            b.shown(dialect)
        )));
    }
    let order = a.compare(b, dialect);
    let comparison = match op {
        "=" => Some(order == Some(Ordering::Equal)),
        "<>" => Some(order.is_some_and(|order| order != Ordering::Equal)),
        "<" => Some(order == Some(Ordering::Less)),
        ">" => Some(order == Some(Ordering::Greater)),
        "<=" => Some(matches!(order, Some(Ordering::Less | Ordering::Equal))),
        ">=" => Some(matches!(order, Some(Ordering::Greater | Ordering::Equal))),
        _ => None,
    };
    if let Some(comparison) = comparison {
        return Ok(Value::Bool(comparison));
    }
    arithmetic(dialect, op, a, b)
}

fn arithmetic(dialect: Dialect, op: &str, a: &Value, b: &Value) -> Answer<Value> {
    let out_of_range = || sql::error(dialect, "22003", 1690, "bigint out of range");
    let by_zero = || sql::error(dialect, "22012", 1365, "division by zero");
    if let (Value::Lsn(a), Value::Lsn(b), "-") = (a, b, op) {
        return Ok(Value::Int(*a as i64 - *b as i64));
    }
    if let (Value::Int(a), Value::Int(b)) = (a, b) {
        let result = match op {
            "+" => a.checked_add(*b),
            "-" => a.checked_sub(*b),
            "*" => a.checked_mul(*b),
            "/" if *b == 0 => return Err(by_zero()),
            "/" if dialect == Dialect::Mysql => return Ok(Value::Float(*a as f64 / *b as f64)),
            "/" => a.checked_div(*b),
            "%" if *b == 0 => return Err(by_zero()),
            "%" => a.checked_rem(*b),
            _ => None,
        };
        return result.map(Value::Int).ok_or_else(out_of_range);
    }
    let (Some(x), Some(y)) = (a.number(), b.number()) else {
        return Err(sql::error(
            dialect,
            "22P02",
            1292,
            "invalid input syntax for a number",
        ));
    };
    Ok(Value::Float(match op {
        "+" => x + y,
        "-" => x - y,
        "*" => x * y,
        "/" if y == 0.0 => return Err(by_zero()),
        "/" => x / y,
        "%" => x % y,
        _ => return Err(sql::unsupported(dialect, &format!("operator {op}"))),
    }))
}

fn cast(dialect: Dialect, value: Value, kind: &str) -> Answer<Value> {
    if value == Value::Null {
        return Ok(Value::Null);
    }
    let wrong = |value: &Value| {
        sql::error(
            dialect,
            "22P02",
            1292,
            &format!(
                "invalid input syntax for type {kind}: \"{}\"",
                value.shown(dialect)
            ),
        )
    };
    match kind {
        _ if matches!(value, Value::Xid(_)) && !matches!(kind, "text" | "varchar") => {
            Err(sql::error(
                dialect,
                "42846",
                1064,
                &format!("cannot cast type xid to {kind}"),
            ))
        }
        "text" | "varchar" | "char" | "name" | "character varying" | "inet" | "json" => {
            Ok(Value::Text(match &value {
                // As text a boolean is spelt out.
                Value::Bool(yes) if dialect == Dialect::Postgres => yes.to_string(),
                other => other.shown(dialect),
            }))
        }
        "int" | "integer" | "int4" | "bigint" | "int8" | "smallint" | "oid" | "signed"
        | "unsigned" | "regclass" => value
            .number()
            .filter(|n| n.is_finite())
            .map(|n| Value::Int(n.round() as i64))
            .ok_or_else(|| wrong(&value)),
        "numeric" | "decimal" | "float" | "float8" | "real" | "double precision" => value
            .number()
            .map(Value::Float)
            .ok_or_else(|| wrong(&value)),
        "bool" | "boolean" => value.truth().map(Value::Bool).ok_or_else(|| wrong(&value)),
        "pg_lsn" => match &value {
            Value::Lsn(_) => Ok(value),
            other => lsn(&other.shown(dialect))
                .map(Value::Lsn)
                .ok_or_else(|| wrong(other)),
        },
        "timestamp" | "timestamptz" | "timestamp with time zone" | "datetime" => match value {
            Value::Time(_) => Ok(value),
            other => Err(wrong(&other)),
        },
        other => Err(sql::error(
            dialect,
            "42704",
            1064,
            &format!("type \"{other}\" does not exist"),
        )),
    }
}

/// `%` is anything, `_` one character.
pub fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) =
        (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut with) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(with) {
            Some('%') => {
                retry = Some((at, with + 1));
                with += 1;
            }
            Some(c) if *c == '_' || *c == text[at] => {
                at += 1;
                with += 1;
            }
            _ => match retry {
                Some((from, after)) => {
                    retry = Some((from + 1, after));
                    at = from + 1;
                    with = after;
                }
                None => return false,
            },
        }
    }
    pattern[with..].iter().all(|c| *c == '%')
}
