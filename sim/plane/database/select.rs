//! SELECT over one relation: filter, groups, order.

use super::evaluate::{Answer, Row, evaluate};
use super::parse::{Expression, Select};
use super::relation::{Relation, Value};
use super::server::Server;
use super::{Dialect, sql};
use std::cmp::Ordering;

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
                    Expression::Star if select.from.is_some() => {
                        out.extend(values.iter().take(relation.columns.len()).cloned());
                    }
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
        if values.iter().any(|value| matches!(value, Value::Xid(_)))
            && !function.starts_with("count")
        {
            return Err(sql::no_function(
                server.dialect(),
                &format!("{function}(xid)"),
            ));
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
    let mut joined = texts.join(&separator);
    if dialect == Dialect::Mysql {
        // What is longer is cut, with nothing but a warning.
        let mut longest = match server.variables.get("group_concat_max_len") {
            Some(Value::Int(longest)) => usize::try_from(*longest).unwrap_or(usize::MAX),
            _ => 1_024,
        };
        if joined.len() > longest {
            while !joined.is_char_boundary(longest) {
                longest -= 1;
            }
            joined.truncate(longest);
        }
    }
    Ok(Value::Text(joined))
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
