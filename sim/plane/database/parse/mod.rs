//! Statements read from tokens. What is not understood is a syntax error, or said to be unsupported: never guessed.

mod definition;
mod expression;

use super::Dialect;
use super::relation::{Column, Value};
use super::token::{self, Token};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    Value(Value),
    Column(Option<String>, String),
    Star,
    Call(String, Vec<Expression>),
    /// `string_agg(what, between ORDER BY …)`, `group_concat(what ORDER BY … SEPARATOR between)`
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
    /// The variables of the session that take its one row.
    pub into: Vec<String>,
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
    /// A variable of the session's own (`@name`), or a setting of the server for this session.
    Set(String, Expression),
    Prepare(String, Expression),
    Execute(String),
    Deallocate(String),
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

/// Texts that were read lately: a probe asks the same few questions for hours.
const KNOWN: usize = 64;

/// What each text says, in PostgreSQL's SQL and in MySQL's.
type Known = [BTreeMap<String, Rc<Vec<Statement>>>; 2];

thread_local! {
    static READ: RefCell<Known> = const { RefCell::new([BTreeMap::new(), BTreeMap::new()]) };
}

/// As [`statements`], but a text is read once.
pub fn known(sql: &str, dialect: Dialect) -> Parsed<Rc<Vec<Statement>>> {
    let which = usize::from(dialect == Dialect::Mysql);
    if let Some(read) = READ.with_borrow(|known| known[which].get(sql).cloned()) {
        return Ok(read);
    }
    let read = Rc::new(statements(sql, dialect)?);
    READ.with_borrow_mut(|known| {
        let known = &mut known[which];
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(sql.to_owned(), Rc::clone(&read));
    });
    Ok(read)
}

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
            "set" if self.dialect == Dialect::Mysql => {
                let name = match self.peek().cloned() {
                    Some(Token::Variable(name)) => {
                        self.at += 1;
                        name
                    }
                    _ if self.word("session") => self.name()?.to_ascii_lowercase(),
                    _ => return self.unsupported("SET"),
                };
                if !self.symbol("=") {
                    self.need_symbol(":=")?;
                }
                Ok(Statement::Set(name, self.expression()?))
            }
            "prepare" if self.dialect == Dialect::Mysql => {
                let name = self.name()?;
                self.need_word("from")?;
                Ok(Statement::Prepare(name, self.expression()?))
            }
            "execute" if self.dialect == Dialect::Mysql => {
                let name = self.name()?;
                if self.word("using") {
                    return self.unsupported("EXECUTE … USING");
                }
                Ok(Statement::Execute(name))
            }
            "deallocate" if self.dialect == Dialect::Mysql => {
                self.need_word("prepare")?;
                Ok(Statement::Deallocate(self.name()?))
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
}
