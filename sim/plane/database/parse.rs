//! Statements read from tokens. What is not understood is a syntax error, or said to be unsupported: never guessed.

use super::Dialect;
use super::relation::{Column, Value};
use super::token::{self, Token};

#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    Value(Value),
    Column(Option<String>, String),
    Star,
    Call(String, Vec<Expression>),
    /// `string_agg(what, between ORDER BY …)`
    Joined(Box<Expression>, Box<Expression>, Vec<(Expression, bool)>),
    /// `array[1]`
    Element(Box<Expression>, Box<Expression>),
    Binary(&'static str, Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Negative(Box<Expression>),
    IsNull(Box<Expression>, bool),
    In(Box<Expression>, Vec<Expression>, bool),
    Like(Box<Expression>, Box<Expression>, bool),
    Cast(Box<Expression>, String),
    /// `(function()).field`
    Field(Box<Expression>, String),
    Variable(String),
    Select(Box<Select>),
    Exists(Box<Select>),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Select {
    pub items: Vec<(Expression, Option<String>)>,
    pub from: Option<Source>,
    pub filter: Option<Expression>,
    pub group: Vec<Expression>,
    pub order: Vec<(Expression, bool)>,
    pub limit: Option<usize>,
    pub distinct: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub schema: Option<String>,
    pub name: String,
    /// A function in place of a table.
    pub called: bool,
    pub alias: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    Select(Select),
    Show(Vec<String>, Option<String>),
    Insert {
        table: String,
        columns: Vec<String>,
        rows: Vec<Vec<Expression>>,
        ignore: bool,
    },
    Update {
        table: String,
        set: Vec<(String, Expression)>,
        filter: Option<Expression>,
    },
    Delete {
        table: String,
        filter: Option<Expression>,
    },
    CreateTable {
        table: String,
        columns: Vec<Column>,
        if_absent: bool,
        /// Gone with its session.
        temporary: bool,
    },
    Checksum(Vec<String>),
    DropTable {
        table: String,
        if_there: bool,
    },
    CreateUser {
        name: String,
        password: Option<String>,
        login: bool,
        if_absent: bool,
    },
    AlterUser {
        name: String,
        password: Option<String>,
        login: Option<bool>,
    },
    DropUser {
        name: String,
        if_there: bool,
    },
    CreateDatabase {
        name: String,
        if_absent: bool,
    },
    DropDatabase {
        name: String,
        if_there: bool,
    },
    ReadOnlyDatabase {
        name: String,
        on: bool,
    },
    Kill(Expression),
}

/// Why a text is no statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// At or near this; empty: at the end.
    Syntax(String),
    /// It may be SQL, but not what this server speaks.
    Unsupported(String),
}

type Parsed<T> = Result<T, Fault>;

pub fn statements(sql: &str, dialect: Dialect) -> Parsed<Vec<Statement>> {
    let tokens = token::tokens(sql, dialect)
        .map_err(|rest| Fault::Syntax(rest.chars().take(20).collect()))?;
    let mut parser = Parser {
        tokens,
        at: 0,
        dialect,
    };
    let mut found = Vec::new();
    loop {
        while parser.symbol(";") {}
        if parser.peek().is_none() {
            break;
        }
        found.push(parser.statement()?);
        if parser.peek().is_some() && !parser.symbol(";") {
            return Err(parser.here());
        }
    }
    Ok(found)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    dialect: Dialect,
}

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
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn here(&self) -> Fault {
        Fault::Syntax(self.peek().map(Token::written).unwrap_or_default())
    }

    fn unsupported<T>(&self, what: &str) -> Parsed<T> {
        Err(Fault::Unsupported(what.to_owned()))
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Symbol(found)) if *found == symbol);
        self.at += usize::from(is);
        is
    }

    fn word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(found, _)) if found == word);
        self.at += usize::from(is);
        is
    }

    /// Several words in a row, or none of them.
    fn words(&mut self, words: &[&str]) -> bool {
        let start = self.at;
        for word in words {
            if !self.word(word) {
                self.at = start;
                return false;
            }
        }
        true
    }

    fn need_symbol(&mut self, symbol: &str) -> Parsed<()> {
        if self.symbol(symbol) {
            Ok(())
        } else {
            Err(self.here())
        }
    }

    fn need_word(&mut self, word: &str) -> Parsed<()> {
        if self.word(word) {
            Ok(())
        } else {
            Err(self.here())
        }
    }

    fn name(&mut self) -> Parsed<String> {
        let name = match self.peek() {
            Some(Token::Word(lower, written)) => match self.dialect {
                Dialect::Postgres => lower.clone(),
                Dialect::Mysql => written.clone(),
            },
            Some(Token::Name(name)) => name.clone(),
            _ => return Err(self.here()),
        };
        self.at += 1;
        Ok(name)
    }

    /// A name, or the last part of a qualified one, with what stands before it.
    fn qualified(&mut self) -> Parsed<(Option<String>, String)> {
        let first = self.name()?;
        if self.symbol(".") {
            let second = self.name()?;
            return Ok((Some(first), second));
        }
        Ok((None, first))
    }

    fn text(&mut self) -> Parsed<String> {
        match self.peek().cloned() {
            Some(Token::Text(text)) => {
                self.at += 1;
                Ok(text)
            }
            _ => Err(self.here()),
        }
    }

    fn statement(&mut self) -> Parsed<Statement> {
        let Some(Token::Word(first, written)) = self.peek().cloned() else {
            return Err(self.here());
        };
        self.at += 1;
        match first.as_str() {
            "select" => Ok(Statement::Select(self.select()?)),
            "show" => self.show(),
            "insert" => self.insert(),
            "update" => self.update(),
            "delete" => {
                self.need_word("from")?;
                let (_, table) = self.qualified()?;
                let filter = if self.word("where") {
                    Some(self.expression()?)
                } else {
                    None
                };
                Ok(Statement::Delete { table, filter })
            }
            "create" => self.create(),
            "alter" => self.alter(),
            "drop" => self.drop(),
            "checksum" if self.dialect == Dialect::Mysql => {
                self.need_word("table")?;
                let mut tables = vec![self.qualified()?.1];
                while self.symbol(",") {
                    tables.push(self.qualified()?.1);
                }
                Ok(Statement::Checksum(tables))
            }
            "kill" if self.dialect == Dialect::Mysql => {
                let _ = self.word("connection");
                Ok(Statement::Kill(self.expression()?))
            }
            "call" if self.dialect == Dialect::Mysql => {
                let (_, name) = self.qualified()?;
                self.need_symbol("(")?;
                let argument = self.expression()?;
                self.need_symbol(")")?;
                match name.to_ascii_lowercase().as_str() {
                    "rds_kill" => Ok(Statement::Kill(argument)),
                    other => self.unsupported(&format!("CALL {other}")),
                }
            }
            "begin" | "start" | "commit" | "rollback" | "set" | "grant" | "revoke" | "with"
            | "explain" | "truncate" | "copy" | "vacuum" | "analyze" | "lock" | "use" | "do"
            | "merge" | "replace" | "values" | "table" => self.unsupported(&first.to_uppercase()),
            _ => Err(Fault::Syntax(written)),
        }
    }

    fn show(&mut self) -> Parsed<Statement> {
        let mut words = Vec::new();
        while let Some(Token::Word(lower, _)) = self.peek().cloned() {
            if lower == "like" || lower == "where" {
                break;
            }
            self.at += 1;
            let mut name = lower;
            while self.symbol(".") {
                name = format!("{name}.{}", self.name()?);
            }
            words.push(name);
        }
        if words.is_empty() {
            return Err(self.here());
        }
        let like = if self.word("like") {
            Some(self.text()?)
        } else {
            None
        };
        if self.word("where") {
            return self.unsupported("SHOW … WHERE");
        }
        Ok(Statement::Show(words, like))
    }

    fn select(&mut self) -> Parsed<Select> {
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
        for clause in ["union", "offset", "for"] {
            if self.word(clause) {
                return self.unsupported(&clause.to_uppercase());
            }
        }
        Ok(select)
    }

    fn order(&mut self) -> Parsed<Vec<(Expression, bool)>> {
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

    fn alias(&mut self) -> Parsed<Option<String>> {
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

    fn source(&mut self) -> Parsed<Source> {
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

    fn list(&mut self) -> Parsed<Vec<Expression>> {
        let mut list = vec![self.expression()?];
        while self.symbol(",") {
            list.push(self.expression()?);
        }
        Ok(list)
    }

    fn expression(&mut self) -> Parsed<Expression> {
        let mut left = self.conjunction()?;
        while self.word("or") {
            left = Expression::Binary("or", Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Parsed<Expression> {
        let mut left = self.negation()?;
        while self.word("and") {
            left = Expression::Binary("and", Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Parsed<Expression> {
        if self.word("not") {
            return Ok(Expression::Not(Box::new(self.negation()?)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Parsed<Expression> {
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

    fn sum(&mut self) -> Parsed<Expression> {
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

    fn product(&mut self) -> Parsed<Expression> {
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

    fn cast(&mut self) -> Parsed<Expression> {
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
    fn kind(&mut self) -> Parsed<String> {
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

    fn operand(&mut self) -> Parsed<Expression> {
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

    fn named(&mut self, lower: String, written: String) -> Parsed<Expression> {
        match lower.as_str() {
            "null" => return Ok(Expression::Value(Value::Null)),
            "true" => return Ok(Expression::Value(Value::Bool(true))),
            "false" => return Ok(Expression::Value(Value::Bool(false))),
            "current_user" | "session_user" | "user" | "current_timestamp" | "current_catalog"
            | "current_role"
                if !matches!(self.peek(), Some(Token::Symbol("("))) =>
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

    fn call(&mut self, name: String) -> Parsed<Expression> {
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

    fn insert(&mut self) -> Parsed<Statement> {
        let mut ignore = self.dialect == Dialect::Mysql && self.word("ignore");
        self.need_word("into")?;
        let (_, table) = self.qualified()?;
        let mut columns = Vec::new();
        if self.symbol("(") {
            loop {
                columns.push(self.name()?);
                if !self.symbol(",") {
                    break;
                }
            }
            self.need_symbol(")")?;
        }
        let values = self.word("values") || (self.dialect == Dialect::Mysql && self.word("value"));
        if !values {
            return self.unsupported("INSERT without VALUES");
        }
        let mut rows = Vec::new();
        loop {
            self.need_symbol("(")?;
            rows.push(self.list()?);
            self.need_symbol(")")?;
            if !self.symbol(",") {
                break;
            }
        }
        if self.words(&["on", "conflict"]) {
            if self.symbol("(") {
                self.name()?;
                self.need_symbol(")")?;
            }
            if !self.words(&["do", "nothing"]) {
                return self.unsupported("ON CONFLICT DO UPDATE");
            }
            ignore = true;
        }
        for clause in ["returning", "on"] {
            if self.word(clause) {
                return self.unsupported(&format!("INSERT … {}", clause.to_uppercase()));
            }
        }
        Ok(Statement::Insert {
            table,
            columns,
            rows,
            ignore,
        })
    }

    fn update(&mut self) -> Parsed<Statement> {
        let (_, table) = self.qualified()?;
        self.need_word("set")?;
        let mut set = Vec::new();
        loop {
            let column = self.name()?;
            self.need_symbol("=")?;
            set.push((column, self.sum()?));
            if !self.symbol(",") {
                break;
            }
        }
        let filter = if self.word("where") {
            Some(self.expression()?)
        } else {
            None
        };
        Ok(Statement::Update { table, set, filter })
    }

    fn create(&mut self) -> Parsed<Statement> {
        let temporary = self.word("temporary") || self.word("temp");
        if self.word("table") {
            let if_absent = self.words(&["if", "not", "exists"]);
            let (_, table) = self.qualified()?;
            return Ok(Statement::CreateTable {
                table,
                columns: self.columns()?,
                if_absent,
                temporary,
            });
        }
        if temporary {
            return Err(self.here());
        }
        if self.word("database") {
            let if_absent = self.words(&["if", "not", "exists"]);
            return Ok(Statement::CreateDatabase {
                name: self.name()?,
                if_absent,
            });
        }
        let role = self.word("role");
        if !role && !self.word("user") {
            return match self.peek() {
                Some(Token::Word(word, _)) => {
                    self.unsupported(&format!("CREATE {}", word.to_uppercase()))
                }
                _ => Err(self.here()),
            };
        }
        let if_absent = self.words(&["if", "not", "exists"]);
        let name = self.account()?;
        let (password, login) = self.attributes()?;
        Ok(Statement::CreateUser {
            name,
            password,
            login: login.unwrap_or(!role),
            if_absent,
        })
    }

    /// A user: a name, or MySQL's `'name'@'host'`.
    fn account(&mut self) -> Parsed<String> {
        let name = match self.peek() {
            Some(Token::Text(_)) if self.dialect == Dialect::Mysql => self.text()?,
            _ => self.name()?,
        };
        if self.symbol("@") {
            match self.peek() {
                Some(Token::Text(_)) => {
                    self.text()?;
                }
                _ => {
                    self.name()?;
                }
            }
        }
        Ok(name)
    }

    /// `WITH LOGIN PASSWORD '…'`, `IDENTIFIED BY '…' ACCOUNT LOCK`.
    fn attributes(&mut self) -> Parsed<(Option<String>, Option<bool>)> {
        let (mut password, mut login) = (None, None);
        loop {
            if self.word("with") {
                continue;
            } else if self.word("login") || self.words(&["account", "unlock"]) {
                login = Some(true);
            } else if self.word("nologin") || self.words(&["account", "lock"]) {
                login = Some(false);
            } else if self.word("password") || self.words(&["identified", "by"]) {
                password = Some(self.text()?);
            } else {
                return Ok((password, login));
            }
        }
    }

    fn columns(&mut self) -> Parsed<Vec<Column>> {
        self.need_symbol("(")?;
        let mut columns: Vec<Column> = Vec::new();
        loop {
            if self.words(&["primary", "key"]) || self.word("unique") {
                self.need_symbol("(")?;
                let name = self.name()?;
                if self.symbol(",") {
                    return self.unsupported("keys over several columns");
                }
                self.need_symbol(")")?;
                let Some(column) = columns.iter_mut().find(|column| column.name == name) else {
                    return Err(Fault::Syntax(name));
                };
                column.unique = true;
            } else {
                columns.push(self.column()?);
            }
            if !self.symbol(",") {
                break;
            }
        }
        self.need_symbol(")")?;
        Ok(columns)
    }

    fn column(&mut self) -> Parsed<Column> {
        let name = self.name()?;
        let kind = self.kind()?;
        let mut column = Column {
            name,
            kind,
            required: false,
            unique: false,
            default: None,
        };
        loop {
            if self.words(&["not", "null"]) {
                column.required = true;
            } else if self.words(&["primary", "key"]) {
                (column.required, column.unique) = (true, true);
            } else if self.word("unique") {
                column.unique = true;
            } else if self.word("null") {
                continue;
            } else if self.word("default") {
                match self.cast()? {
                    Expression::Value(value) => column.default = Some(value),
                    Expression::Call(name, _)
                        if matches!(name.as_str(), "now" | "current_timestamp") =>
                    {
                        return self.unsupported("defaults that are computed");
                    }
                    _ => return self.unsupported("defaults that are computed"),
                }
            } else if matches!(self.peek(), Some(Token::Word(..))) {
                return self.unsupported("constraints other than keys and NOT NULL");
            } else {
                return Ok(column);
            }
        }
    }

    fn alter(&mut self) -> Parsed<Statement> {
        if self.word("database") {
            let name = self.name()?;
            self.need_word("set")?;
            let parameter = self.name()?;
            if parameter != "default_transaction_read_only" {
                return self.unsupported(&format!("ALTER DATABASE … SET {parameter}"));
            }
            if !self.symbol("=") {
                self.need_word("to")?;
            }
            let value = match self.peek().cloned() {
                Some(Token::Word(word, _)) => word,
                Some(Token::Text(text)) => text.to_lowercase(),
                _ => return Err(self.here()),
            };
            self.at += 1;
            let on = match value.as_str() {
                "on" | "true" | "1" => true,
                "off" | "false" | "0" => false,
                other => return Err(Fault::Syntax(other.to_owned())),
            };
            return Ok(Statement::ReadOnlyDatabase { name, on });
        }
        if !self.word("role") && !self.word("user") {
            return match self.peek() {
                Some(Token::Word(word, _)) => {
                    self.unsupported(&format!("ALTER {}", word.to_uppercase()))
                }
                _ => Err(self.here()),
            };
        }
        let name = self.account()?;
        let (password, login) = self.attributes()?;
        if password.is_none() && login.is_none() {
            return Err(self.here());
        }
        Ok(Statement::AlterUser {
            name,
            password,
            login,
        })
    }

    fn drop(&mut self) -> Parsed<Statement> {
        let what = match self.peek().cloned() {
            Some(Token::Word(word, _)) => word,
            _ => return Err(self.here()),
        };
        self.at += 1;
        let if_there = self.words(&["if", "exists"]);
        match what.as_str() {
            "table" => {
                let (_, table) = self.qualified()?;
                Ok(Statement::DropTable { table, if_there })
            }
            "user" | "role" => Ok(Statement::DropUser {
                name: self.account()?,
                if_there,
            }),
            "database" => Ok(Statement::DropDatabase {
                name: self.name()?,
                if_there,
            }),
            other => self.unsupported(&format!("DROP {}", other.to_uppercase())),
        }
    }
}

fn number(digits: &str) -> Option<Expression> {
    let value = match digits.parse::<i64>() {
        Ok(number) => Value::Int(number),
        Err(_) => Value::Float(digits.parse().ok()?),
    };
    Some(Expression::Value(value))
}
