//! Expressions and SELECT over relations.

use super::parse::{Expression, Select};
use super::relation::{Relation, Value, lsn};
use super::server::Server;
use super::{Dialect, sql};
use std::cmp::Ordering;

/// One row that expressions look at, with the names of its columns.
pub struct Row<'a> {
    pub relation: &'a Relation,
    pub name: &'a str,
    pub values: &'a [Value],
}

type Answer<T> = Result<T, String>;

/// A SELECT's rows.
pub fn select(server: &mut Server<'_>, select: &Select) -> Answer<Vec<Vec<Value>>> {
    let (relation, name) = match &select.from {
        Some(source) => {
            let name = source.alias.clone().unwrap_or_else(|| source.name.clone());
            (
                server.relation(source.schema.as_deref(), &source.name, source.called)?,
                name,
            )
        }
        None => (
            Relation {
                columns: vec![],
                rows: vec![vec![]],
            },
            String::new(),
        ),
    };
    let mut kept: Vec<&Vec<Value>> = Vec::new();
    for values in &relation.rows {
        let row = Row {
            relation: &relation,
            name: &name,
            values,
        };
        let wanted = match &select.filter {
            Some(filter) => evaluate(server, filter, Some(&row))?.truth() == Some(true),
            None => true,
        };
        if wanted {
            kept.push(values);
        }
    }
    let aggregates = select.items.iter().any(|(item, _)| has_aggregate(item));
    let mut rows: Vec<(Vec<Value>, Vec<Value>)> = Vec::new();
    if aggregates || !select.group.is_empty() {
        for group in groups(server, select, &relation, &name, &kept)? {
            let mut out = Vec::new();
            for (item, _) in &select.items {
                out.push(aggregate(server, item, &relation, &name, &group)?);
            }
            let mut keys = Vec::new();
            for (by, _) in &select.order {
                keys.push(aggregate(
                    server,
                    &by_alias(select, by),
                    &relation,
                    &name,
                    &group,
                )?);
            }
            rows.push((keys, out));
        }
    } else {
        for values in kept {
            let row = Row {
                relation: &relation,
                name: &name,
                values,
            };
            let mut out = Vec::new();
            for (item, _) in &select.items {
                match item {
                    Expression::Star if select.from.is_some() => out.extend(values.iter().cloned()),
                    Expression::Star => return Err(sql::syntax(server.dialect(), "*")),
                    item => out.push(evaluate(server, item, Some(&row))?),
                }
            }
            let mut keys = Vec::new();
            for (by, _) in &select.order {
                keys.push(evaluate(server, &by_alias(select, by), Some(&row))?);
            }
            rows.push((keys, out));
        }
    }
    let dialect = server.dialect();
    rows.sort_by(|(a, _), (b, _)| by_keys(a, b, &select.order, dialect));
    let mut rows: Vec<Vec<Value>> = rows.into_iter().map(|(_, row)| row).collect();
    if select.distinct {
        let mut seen: Vec<Vec<Value>> = Vec::new();
        rows.retain(|row| {
            let new = !seen.contains(row);
            if new {
                seen.push(row.clone());
            }
            new
        });
    }
    if let Some(limit) = select.limit {
        rows.truncate(limit);
    }
    Ok(rows)
}

/// `ORDER BY alias` and `ORDER BY 1` mean an item.
fn by_alias(select: &Select, by: &Expression) -> Expression {
    let item = match by {
        Expression::Column(None, name) => select
            .items
            .iter()
            .find(|(_, alias)| alias.as_deref() == Some(name.as_str()))
            .map(|(item, _)| item),
        Expression::Value(Value::Int(n)) => usize::try_from(*n - 1)
            .ok()
            .and_then(|n| select.items.get(n))
            .map(|(item, _)| item),
        _ => None,
    };
    item.unwrap_or(by).clone()
}

fn groups<'a>(
    server: &mut Server<'_>,
    select: &Select,
    relation: &Relation,
    name: &str,
    rows: &[&'a Vec<Value>],
) -> Answer<Vec<Vec<&'a Vec<Value>>>> {
    if select.group.is_empty() {
        return Ok(vec![rows.to_vec()]);
    }
    let mut groups: Vec<(Vec<Value>, Vec<&Vec<Value>>)> = Vec::new();
    for values in rows {
        let row = Row {
            relation,
            name,
            values,
        };
        let mut key = Vec::new();
        for by in &select.group {
            key.push(evaluate(server, &by_alias(select, by), Some(&row))?);
        }
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(values),
            None => groups.push((key, vec![values])),
        }
    }
    Ok(groups.into_iter().map(|(_, members)| members).collect())
}

const AGGREGATES: &[&str] = &["count", "count distinct", "max", "min", "sum"];

fn has_aggregate(expression: &Expression) -> bool {
    match expression {
        Expression::Joined(..) => true,
        Expression::Element(a, b) => has_aggregate(a) || has_aggregate(b),
        Expression::Call(name, arguments) => {
            AGGREGATES.contains(&name.as_str()) || arguments.iter().any(has_aggregate)
        }
        Expression::Binary(_, a, b) | Expression::Like(a, b, _) => {
            has_aggregate(a) || has_aggregate(b)
        }
        Expression::Not(a)
        | Expression::Negative(a)
        | Expression::IsNull(a, _)
        | Expression::Cast(a, _)
        | Expression::Field(a, _) => has_aggregate(a),
        Expression::In(a, list, _) => has_aggregate(a) || list.iter().any(has_aggregate),
        _ => false,
    }
}

/// An item over a group of rows: aggregates over all of them, the rest over the first.
fn aggregate(
    server: &mut Server<'_>,
    expression: &Expression,
    relation: &Relation,
    name: &str,
    rows: &[&Vec<Value>],
) -> Answer<Value> {
    if let Expression::Call(function, arguments) = expression
        && AGGREGATES.contains(&function.as_str())
    {
        if function == "count" && arguments.first() == Some(&Expression::Star) {
            return Ok(Value::Int(rows.len() as i64));
        }
        let [argument] = arguments.as_slice() else {
            return Err(sql::no_function(server.dialect(), function));
        };
        let mut values = Vec::new();
        for row in rows {
            let value = evaluate(
                server,
                argument,
                Some(&Row {
                    relation,
                    name,
                    values: row,
                }),
            )?;
            if value != Value::Null {
                values.push(value);
            }
        }
        return Ok(fold(server.dialect(), function, values));
    }
    if let Expression::Joined(what, between, order) = expression {
        return join(server, (what, between, order), relation, name, rows);
    }
    if has_aggregate(expression) {
        let reduced = reduce(server, expression, relation, name, rows)?;
        return evaluate(server, &reduced, None);
    }
    match rows.first() {
        Some(values) => evaluate(
            server,
            expression,
            Some(&Row {
                relation,
                name,
                values,
            }),
        ),
        None if mentions_column(expression) => Ok(Value::Null),
        None => evaluate(server, expression, None),
    }
}

/// `string_agg`: the texts of all rows, in an order, with something between them.
fn join(
    server: &mut Server<'_>,
    (what, between, order): (&Expression, &Expression, &[(Expression, bool)]),
    relation: &Relation,
    name: &str,
    rows: &[&Vec<Value>],
) -> Answer<Value> {
    let dialect = server.dialect();
    let mut parts: Vec<(Vec<Value>, String)> = Vec::new();
    let mut separator = String::new();
    for values in rows {
        let row = Row {
            relation,
            name,
            values,
        };
        let text = evaluate(server, what, Some(&row))?;
        separator = evaluate(server, between, Some(&row))?.shown(dialect);
        if text == Value::Null {
            continue;
        }
        let mut keys = Vec::new();
        for (by, _) in order {
            keys.push(evaluate(server, by, Some(&row))?);
        }
        parts.push((keys, text.shown(dialect)));
    }
    parts.sort_by(|(a, _), (b, _)| by_keys(a, b, order, dialect));
    if parts.is_empty() {
        return Ok(Value::Null);
    }
    let texts: Vec<String> = parts.into_iter().map(|(_, text)| text).collect();
    Ok(Value::Text(texts.join(&separator)))
}

/// The order of two rows by their keys.
fn by_keys(a: &[Value], b: &[Value], order: &[(Expression, bool)], dialect: Dialect) -> Ordering {
    for ((x, y), (_, down)) in a.iter().zip(b).zip(order) {
        let order = x.compare(y, dialect).unwrap_or(Ordering::Equal);
        if order != Ordering::Equal {
            return if *down { order.reverse() } else { order };
        }
    }
    Ordering::Equal
}

fn mentions_column(expression: &Expression) -> bool {
    match expression {
        Expression::Column(..) => true,
        Expression::Call(_, arguments) => arguments.iter().any(mentions_column),
        Expression::Cast(inner, _) => mentions_column(inner),
        _ => false,
    }
}

/// The expression with its parts over the group replaced by their values.
fn reduce(
    server: &mut Server<'_>,
    expression: &Expression,
    relation: &Relation,
    name: &str,
    rows: &[&Vec<Value>],
) -> Answer<Expression> {
    let mut part = |inner: &Expression| -> Answer<Expression> {
        aggregate(server, inner, relation, name, rows).map(Expression::Value)
    };
    Ok(match expression {
        Expression::Binary(op, a, b) => {
            Expression::Binary(op, Box::new(part(a)?), Box::new(part(b)?))
        }
        Expression::Cast(a, kind) => Expression::Cast(Box::new(part(a)?), kind.clone()),
        Expression::Not(a) => Expression::Not(Box::new(part(a)?)),
        Expression::Negative(a) => Expression::Negative(Box::new(part(a)?)),
        Expression::IsNull(a, not) => Expression::IsNull(Box::new(part(a)?), *not),
        Expression::Call(function, arguments) => {
            let mut values = Vec::new();
            for argument in arguments {
                values.push(part(argument)?);
            }
            Expression::Call(function.clone(), values)
        }
        other => {
            return Err(sql::unsupported(
                server.dialect(),
                &format!("aggregates inside {other:?}"),
            ));
        }
    })
}

fn fold(dialect: Dialect, function: &str, values: Vec<Value>) -> Value {
    match function {
        "count" => Value::Int(values.len() as i64),
        "count distinct" => {
            let mut seen: Vec<Value> = Vec::new();
            for value in values {
                if !seen.contains(&value) {
                    seen.push(value);
                }
            }
            Value::Int(seen.len() as i64)
        }
        "sum" => {
            let integral = values.iter().all(|value| matches!(value, Value::Int(_)));
            let sum: f64 = values.iter().filter_map(Value::number).sum();
            match (values.is_empty(), integral) {
                (true, _) => Value::Null,
                (false, true) => Value::Int(sum as i64),
                (false, false) => Value::Float(sum),
            }
        }
        extreme => {
            let wanted = if extreme == "max" {
                Ordering::Greater
            } else {
                Ordering::Less
            };
            let better = |a: Value, b: Value| {
                if b.compare(&a, dialect) == Some(wanted) {
                    b
                } else {
                    a
                }
            };
            values.into_iter().reduce(better).unwrap_or(Value::Null)
        }
    }
}

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
    let at = row
        .relation
        .position(name)
        .ok_or_else(|| sql::no_column(dialect, name))?;
    Ok(row.values[at].clone())
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
