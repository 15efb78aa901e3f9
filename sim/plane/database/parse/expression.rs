//! Expressions and SELECT.

use super::super::Dialect;
use super::super::relation::Value;
use super::super::token::Token;
use super::{Expression, Fault, Parsed, Parser, Select, Source};

/// Words that end an expression without a comma, so that they are no aliases.
const RESERVED: &[&str] = &[
    "from",
    "where",
    "group",
    "order",
    "limit",
    "having",
    "union",
    "join",
    "inner",
    "left",
    "right",
    "on",
    "and",
    "or",
    "not",
    "in",
    "is",
    "like",
    "as",
    "asc",
    "desc",
    "values",
    "set",
    "into",
    "offset",
    "for",
    "between",
    "then",
    "else",
    "end",
    "when",
    "returning",
    "cross",
    "using",
    "ilike",
];

impl Parser {
    pub(super) fn select(&mut self) -> Parsed<Select> {
        let mut select = Select {
            distinct: self.word("distinct"),
            ..Select::default()
        };
        loop {
            let item = if self.symbol("*") {
                Expression::Star
            } else {
                self.expression()?
            };
            let alias = self.alias()?;
            select.items.push((item, alias));
            if !self.symbol(",") {
                break;
            }
        }
        if self.word("from") {
            select.from = Some(self.source()?);
            if self.symbol(",")
                || self.word("join")
                || self.word("inner")
                || self.word("left")
                || self.word("cross")
            {
                return self.unsupported("joins");
            }
        }
        if self.word("where") {
            select.filter = Some(self.expression()?);
        }
        if self.words(&["group", "by"]) {
            select.group = self.list()?;
        }
        if self.word("having") {
            return self.unsupported("HAVING");
        }
        select.order = self.order()?;
        if self.word("limit") {
            match self.peek().cloned() {
                Some(Token::Number(digits)) => {
                    self.at += 1;
                    select.limit = Some(digits.parse().map_err(|_| Fault::Syntax(digits))?);
                }
                _ => return Err(self.here()),
            }
        }
        if self.dialect == Dialect::Mysql && self.word("into") {
            loop {
                match self.peek().cloned() {
                    Some(Token::Variable(name)) if name.starts_with('@') => {
                        self.at += 1;
                        select.into.push(name);
                    }
                    _ => return Err(self.here()),
                }
                if !self.symbol(",") {
                    break;
                }
            }
        }
        for clause in ["union", "offset", "for"] {
            if self.word(clause) {
                return self.unsupported(&clause.to_uppercase());
            }
        }
        Ok(select)
    }

    pub(super) fn order(&mut self) -> Parsed<Vec<(Expression, bool)>> {
        let mut order = Vec::new();
        if !self.words(&["order", "by"]) {
            return Ok(order);
        }
        loop {
            let by = self.expression()?;
            let down = self.word("desc");
            if !down {
                self.word("asc");
            }
            order.push((by, down));
            if !self.symbol(",") {
                return Ok(order);
            }
        }
    }

    pub(super) fn alias(&mut self) -> Parsed<Option<String>> {
        if self.word("as") {
            return match self.peek().cloned() {
                Some(Token::Text(text)) if self.dialect == Dialect::Mysql => {
                    self.at += 1;
                    Ok(Some(text))
                }
                _ => self.name().map(Some),
            };
        }
        match self.peek() {
            Some(Token::Word(word, _)) if RESERVED.contains(&word.as_str()) => Ok(None),
            Some(Token::Word(..) | Token::Name(_)) => self.name().map(Some),
            _ => Ok(None),
        }
    }

    pub(super) fn source(&mut self) -> Parsed<Source> {
        if matches!(self.peek(), Some(Token::Symbol("("))) {
            return self.unsupported("subqueries in FROM");
        }
        let (schema, name) = self.qualified()?;
        let called = self.symbol("(");
        if called {
            self.need_symbol(")")?;
        }
        let alias = self.alias()?;
        Ok(Source {
            schema,
            name,
            called,
            alias,
        })
    }

    pub(super) fn list(&mut self) -> Parsed<Vec<Expression>> {
        let mut list = vec![self.expression()?];
        while self.symbol(",") {
            list.push(self.expression()?);
        }
        Ok(list)
    }

    pub(super) fn expression(&mut self) -> Parsed<Expression> {
        let mut left = self.conjunction()?;
        while self.word("or") {
            left = Expression::Binary("or", Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    pub(super) fn conjunction(&mut self) -> Parsed<Expression> {
        let mut left = self.negation()?;
        while self.word("and") {
            left = Expression::Binary("and", Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    pub(super) fn negation(&mut self) -> Parsed<Expression> {
        if self.word("not") {
            return Ok(Expression::Not(Box::new(self.negation()?)));
        }
        self.comparison()
    }

    pub(super) fn comparison(&mut self) -> Parsed<Expression> {
        let left = self.sum()?;
        if self.word("is") {
            let not = self.word("not");
            for (word, truth) in [("true", true), ("false", false)] {
                if self.word(word) {
                    let is = Expression::Binary(
                        "is",
                        Box::new(left),
                        Box::new(Expression::Value(Value::Bool(truth))),
                    );
                    return Ok(if not {
                        Expression::Not(Box::new(is))
                    } else {
                        is
                    });
                }
            }
            self.need_word("null")?;
            return Ok(Expression::IsNull(Box::new(left), not));
        }
        let not = self.word("not");
        if self.word("in") {
            self.need_symbol("(")?;
            if matches!(self.peek(), Some(Token::Word(word, _)) if word == "select") {
                return self.unsupported("IN (SELECT …)");
            }
            let list = self.list()?;
            self.need_symbol(")")?;
            return Ok(Expression::In(Box::new(left), list, not));
        }
        if self.word("like") {
            let pattern = self.sum()?;
            return Ok(Expression::Like(Box::new(left), Box::new(pattern), not));
        }
        if self.word("between") {
            let low = self.sum()?;
            self.need_word("and")?;
            let high = self.sum()?;
            let above = Expression::Binary(">=", Box::new(left.clone()), Box::new(low));
            let below = Expression::Binary("<=", Box::new(left), Box::new(high));
            let within = Expression::Binary("and", Box::new(above), Box::new(below));
            return Ok(if not {
                Expression::Not(Box::new(within))
            } else {
                within
            });
        }
        if not {
            return Err(self.here());
        }
        for symbol in ["<>", "!=", "<=", ">=", "=", "<", ">"] {
            if self.symbol(symbol) {
                let symbol = if symbol == "!=" { "<>" } else { symbol };
                return Ok(Expression::Binary(
                    symbol,
                    Box::new(left),
                    Box::new(self.sum()?),
                ));
            }
        }
        Ok(left)
    }

    pub(super) fn sum(&mut self) -> Parsed<Expression> {
        let mut left = self.product()?;
        loop {
            let symbol = ["+", "-", "||"]
                .into_iter()
                .find(|symbol| self.symbol(symbol));
            let Some(symbol) = symbol else {
                return Ok(left);
            };
            left = Expression::Binary(symbol, Box::new(left), Box::new(self.product()?));
        }
    }

    pub(super) fn product(&mut self) -> Parsed<Expression> {
        let mut left = self.cast()?;
        loop {
            let symbol = ["*", "/", "%"]
                .into_iter()
                .find(|symbol| self.symbol(symbol));
            let Some(symbol) = symbol else {
                return Ok(left);
            };
            left = Expression::Binary(symbol, Box::new(left), Box::new(self.cast()?));
        }
    }

    pub(super) fn cast(&mut self) -> Parsed<Expression> {
        let mut operand = self.operand()?;
        loop {
            if self.symbol("::") {
                let kind = self.kind()?;
                operand = Expression::Cast(Box::new(operand), kind);
            } else if self.symbol("[") {
                let index = self.expression()?;
                self.need_symbol("]")?;
                operand = Expression::Element(Box::new(operand), Box::new(index));
            } else {
                return Ok(operand);
            }
        }
    }

    /// The name of a type, with its parameters.
    pub(super) fn kind(&mut self) -> Parsed<String> {
        let mut kind = self.name()?.to_lowercase();
        for (first, more) in [
            ("double", &["precision"][..]),
            ("character", &["varying"]),
            ("timestamp", &["with", "time", "zone"]),
            ("timestamp", &["without", "time", "zone"]),
            ("bigint", &["unsigned"]),
            ("int", &["unsigned"]),
        ] {
            if kind == first && self.words(more) {
                kind = format!("{first} {}", more.join(" "));
            }
        }
        if self.symbol("(") {
            while !self.symbol(")") {
                if self.peek().is_none() {
                    return Err(self.here());
                }
                self.at += 1;
            }
        }
        Ok(kind)
    }

    pub(super) fn operand(&mut self) -> Parsed<Expression> {
        let Some(token) = self.peek().cloned() else {
            return Err(self.here());
        };
        self.at += 1;
        match token {
            Token::Number(digits) => number(&digits).ok_or(Fault::Syntax(digits)),
            Token::Text(text) => Ok(Expression::Value(Value::Text(text))),
            Token::Variable(name) => Ok(Expression::Variable(name)),
            Token::Symbol("-") => Ok(Expression::Negative(Box::new(self.operand()?))),
            Token::Symbol("(") => {
                if self.word("select") {
                    let select = self.select()?;
                    self.need_symbol(")")?;
                    return Ok(Expression::Select(Box::new(select)));
                }
                let inner = self.expression()?;
                self.need_symbol(")")?;
                if self.symbol(".") {
                    let field = self.name()?;
                    return Ok(Expression::Field(Box::new(inner), field));
                }
                Ok(inner)
            }
            Token::Word(lower, written) => self.named(lower, written),
            Token::Name(name) => {
                if self.symbol(".") {
                    let column = self.name()?;
                    return Ok(Expression::Column(Some(name), column));
                }
                Ok(Expression::Column(None, name))
            }
            other => Err(Fault::Syntax(other.written())),
        }
    }

    pub(super) fn named(&mut self, lower: String, written: String) -> Parsed<Expression> {
        match lower.as_str() {
            "null" => return Ok(Expression::Value(Value::Null)),
            "true" => return Ok(Expression::Value(Value::Bool(true))),
            "false" => return Ok(Expression::Value(Value::Bool(false))),
            // MySQL's other functions need their brackets: without, `user` is a column.
            "current_user" | "current_timestamp" | "session_user" | "user" | "current_catalog"
            | "current_role"
                if !matches!(self.peek(), Some(Token::Symbol("(")))
                    && (self.dialect == Dialect::Postgres
                        || ["current_user", "current_timestamp"].contains(&lower.as_str())) =>
            {
                return Ok(Expression::Call(lower, vec![]));
            }
            "exists" => {
                self.need_symbol("(")?;
                self.need_word("select")?;
                let select = self.select()?;
                self.need_symbol(")")?;
                return Ok(Expression::Exists(Box::new(select)));
            }
            "cast" => {
                self.need_symbol("(")?;
                let inner = self.expression()?;
                self.need_word("as")?;
                let kind = self.kind()?;
                self.need_symbol(")")?;
                return Ok(Expression::Cast(Box::new(inner), kind));
            }
            "case" | "extract" | "array" | "row" | "interval" => {
                return self.unsupported(&lower.to_uppercase());
            }
            word if RESERVED.contains(&word) => return Err(Fault::Syntax(written)),
            _ => {}
        }
        if self.symbol("(") {
            return self.call(lower);
        }
        if self.symbol(".") {
            if self.symbol("*") {
                return Ok(Expression::Star);
            }
            let second = self.name()?;
            if self.symbol("(") {
                // A function in a schema.
                return self.call(second.to_lowercase());
            }
            return Ok(Expression::Column(Some(lower), second));
        }
        Ok(Expression::Column(
            None,
            if self.dialect == Dialect::Postgres {
                lower
            } else {
                written
            },
        ))
    }

    pub(super) fn call(&mut self, name: String) -> Parsed<Expression> {
        if self.symbol(")") {
            return Ok(Expression::Call(name, vec![]));
        }
        if self.symbol("*") {
            self.need_symbol(")")?;
            return Ok(Expression::Call(name, vec![Expression::Star]));
        }
        if self.word("distinct") {
            let inner = self.expression()?;
            self.need_symbol(")")?;
            return Ok(Expression::Call(format!("{name} distinct"), vec![inner]));
        }
        let arguments = self.list()?;
        let order = self.order()?;
        if name == "group_concat" && self.dialect == Dialect::Mysql {
            let between = if self.word("separator") {
                self.text()?
            } else {
                ",".to_owned()
            };
            self.need_symbol(")")?;
            return Ok(Expression::Joined(
                Box::new(Expression::Call("concat".into(), arguments)),
                Box::new(Expression::Value(Value::Text(between))),
                order,
            ));
        }
        self.need_symbol(")")?;
        if name == "string_agg" && self.dialect == Dialect::Postgres {
            let mut arguments = arguments.into_iter();
            let (Some(what), Some(between), None) =
                (arguments.next(), arguments.next(), arguments.next())
            else {
                return Err(Fault::Syntax(name));
            };
            return Ok(Expression::Joined(Box::new(what), Box::new(between), order));
        }
        if !order.is_empty() {
            return self.unsupported("ORDER BY in an aggregate");
        }
        Ok(Expression::Call(name, arguments))
    }
}

fn number(digits: &str) -> Option<Expression> {
    let value = match digits.parse::<i64>() {
        Ok(number) => Value::Int(number),
        Err(_) => Value::Float(digits.parse().ok()?),
    };
    Some(Expression::Value(value))
}
