//! SQL text cut into tokens.

use super::Dialect;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// An unquoted word, in lower case, and as it was written.
    Word(String, String),
    /// A quoted identifier.
    Name(String),
    /// A string literal.
    Text(String),
    Number(String),
    /// `@@name`, with its scope cut off.
    Variable(String),
    Symbol(&'static str),
}

impl Token {
    /// As it stands in an error message.
    pub fn written(&self) -> String {
        match self {
            Token::Word(_, written) => written.clone(),
            Token::Name(name) => name.clone(),
            Token::Text(text) => format!("'{text}'"),
            Token::Number(digits) => digits.clone(),
            Token::Variable(name) if name.starts_with('@') => name.clone(),
            Token::Variable(name) => format!("@@{name}"),
            Token::Symbol(symbol) => (*symbol).to_owned(),
        }
    }
}

const SYMBOLS: &[&str] = &[
    "::", ":=", "<>", "!=", "<=", ">=", "||", "(", ")", ",", ";", "*", "=", "<", ">", "+", "-",
    "/", "%", ".", "[", "]",
];

/// Cuts a text into tokens. `Err`: what could not be read, from there on.
pub fn tokens(sql: &str, dialect: Dialect) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = sql.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '-' if rest.starts_with("--") => {
                rest = rest
                    .split_once('\n')
                    .map_or("", |(_, after)| after)
                    .trim_start();
                continue;
            }
            '#' if dialect == Dialect::Mysql => {
                rest = rest
                    .split_once('\n')
                    .map_or("", |(_, after)| after)
                    .trim_start();
                continue;
            }
            '/' if rest.starts_with("/*") => {
                rest = rest
                    .split_once("*/")
                    .ok_or_else(|| rest.to_owned())?
                    .1
                    .trim_start();
                continue;
            }
            '\'' => {
                let (text, after) = quoted(rest, '\'', dialect)?;
                (Token::Text(text), after)
            }
            '"' => {
                let (text, after) = quoted(rest, '"', dialect)?;
                match dialect {
                    Dialect::Postgres => (Token::Name(text), after),
                    Dialect::Mysql => (Token::Text(text), after),
                }
            }
            '`' if dialect == Dialect::Mysql => {
                let (text, after) = quoted(rest, '`', dialect)?;
                (Token::Name(text), after)
            }
            '@' if rest.starts_with("@@") && dialect == Dialect::Mysql => {
                let name = &rest[2..];
                let end = name
                    .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
                    .unwrap_or(name.len());
                let bare = name[..end].to_ascii_lowercase();
                let bare = bare
                    .strip_prefix("global.")
                    .or(bare.strip_prefix("session."))
                    .unwrap_or(&bare);
                (Token::Variable(bare.to_owned()), &name[end..])
            }
            '@' if dialect == Dialect::Mysql => {
                let name = &rest[1..];
                let end = name
                    .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.' || c == '$'))
                    .unwrap_or(name.len());
                match end {
                    0 => (Token::Symbol("@"), name),
                    // A variable of the session's own: its name keeps the sign.
                    _ => (
                        Token::Variable(rest[..=end].to_ascii_lowercase()),
                        &name[end..],
                    ),
                }
            }
            c if c.is_ascii_digit() => {
                let end = rest
                    .find(|c: char| !(c.is_ascii_digit() || c == '.'))
                    .unwrap_or(rest.len());
                (Token::Number(rest[..end].to_owned()), &rest[end..])
            }
            c if c.is_alphabetic() || c == '_' => {
                let end = rest
                    .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
                    .unwrap_or(rest.len());
                let written = rest[..end].to_owned();
                (Token::Word(written.to_lowercase(), written), &rest[end..])
            }
            _ => {
                let symbol = SYMBOLS
                    .iter()
                    .find(|symbol| rest.starts_with(**symbol))
                    .ok_or_else(|| rest.to_owned())?;
                (Token::Symbol(symbol), &rest[symbol.len()..])
            }
        };
        found.push(token);
        rest = after.trim_start();
    }
    Ok(found)
}

/// A quoted text, and what follows it. A doubled quote stands for one; MySQL knows the backslash too.
fn quoted(text: &str, quote: char, dialect: Dialect) -> Result<(String, &str), String> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => {
                    chars.next();
                    out.push(quote);
                }
                _ => return Ok((out, &text[at + quote.len_utf8()..])),
            }
        } else if c == '\\' && dialect == Dialect::Mysql && quote == '\'' {
            match chars.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, other)) => out.push(other),
                None => break,
            }
        } else {
            out.push(c);
        }
    }
    Err(text.to_owned())
}
