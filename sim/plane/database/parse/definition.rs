//! What is made, altered and dropped: tables, users, databases.

use super::super::Dialect;
use super::super::relation::Column;
use super::super::token::Token;
use super::{Expression, Fault, Parsed, Parser, Statement};

impl Parser {
    pub(super) fn create(&mut self) -> Parsed<Statement> {
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
    pub(super) fn account(&mut self) -> Parsed<String> {
        let name = match self.peek() {
            Some(Token::Text(_)) if self.dialect == Dialect::Mysql => self.text()?,
            _ => self.name()?,
        };
        if matches!(self.peek(), Some(Token::Variable(host)) if host.starts_with('@')) {
            self.at += 1;
        } else if self.symbol("@") {
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
    pub(super) fn attributes(&mut self) -> Parsed<(Option<String>, Option<bool>)> {
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

    pub(super) fn columns(&mut self) -> Parsed<Vec<Column>> {
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

    pub(super) fn column(&mut self) -> Parsed<Column> {
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

    pub(super) fn alter(&mut self) -> Parsed<Statement> {
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

    pub(super) fn drop(&mut self) -> Parsed<Statement> {
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
