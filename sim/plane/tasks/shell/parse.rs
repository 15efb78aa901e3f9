//! Words, signs and redirections as a program.

use super::lex::{Token, tokens};
use super::{Assigned, Op, Piece, Simple, Streams, Word};

/// Words that are no commands where a command stands.
const KEYWORDS: &[&str] = &[
    "if", "then", "else", "elif", "fi", "while", "until", "do", "done", "for", "case", "esac",
    "function", "{", "}", "!",
];

pub fn program(script: &str) -> Result<Vec<Op>, String> {
    let mut parser = Parser {
        tokens: tokens(script)?,
        at: 0,
        program: vec![],
        checked: 0,
    };
    parser.list(&[])?;
    if parser.at < parser.tokens.len() {
        return Err(format!("sh: syntax error: unexpected {}", parser.shown()));
    }
    Ok(parser.program)
}

/// The one simple command of `$(…)`.
pub fn alone(mut tokens: Vec<Token>) -> Result<Simple, String> {
    while tokens.last() == Some(&Token::Sign(";")) {
        tokens.pop();
    }
    let command = simple(&tokens);
    let signs = tokens.iter().any(|t| matches!(t, Token::Sign(_)));
    let keyword = command.words.first().and_then(Word::plain);
    if signs
        || command.words.is_empty()
        || keyword.is_some_and(|word| KEYWORDS.contains(&word))
        || assigned(&command)?.is_some()
    {
        return Err(
            "sh: command substitution of more or less than one simple command is not something that this image can run"
                .into(),
        );
    }
    Ok(command)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    program: Vec<Op>,
    /// How many conditions we are inside of.
    checked: usize,
}

impl Parser {
    fn shown(&self) -> String {
        match self.tokens.get(self.at) {
            None => "end of script".into(),
            Some(Token::Sign(sign)) => format!("\"{sign}\""),
            Some(Token::Redirect(_)) => "redirection".into(),
            Some(Token::Word(word)) => format!("\"{}\"", word.plain().unwrap_or("word")),
        }
    }

    /// The keyword or plain word here.
    fn word(&self) -> Option<&str> {
        match self.tokens.get(self.at) {
            Some(Token::Word(word)) => word.plain(),
            _ => None,
        }
    }

    fn sign(&self) -> Option<&'static str> {
        match self.tokens.get(self.at) {
            Some(Token::Sign(sign)) => Some(sign),
            _ => None,
        }
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.word() == Some(word) {
            self.at += 1;
            Ok(())
        } else {
            Err(format!(
                "sh: syntax error: unexpected {} (expecting \"{word}\")",
                self.shown()
            ))
        }
    }

    /// Commands until one of the `ends`.
    fn list(&mut self, ends: &[&str]) -> Result<(), String> {
        let mut any = false;
        loop {
            while self.sign() == Some(";") {
                self.at += 1;
            }
            let ended = match self.word() {
                Some(word) => ends.contains(&word),
                None => false,
            };
            if ended || self.at >= self.tokens.len() {
                break;
            }
            self.chain()?;
            any = true;
            if self.at < self.tokens.len() && self.sign() != Some(";") {
                return Err(format!("sh: syntax error: unexpected {}", self.shown()));
            }
        }
        if !any && !ends.is_empty() {
            return Err(format!("sh: syntax error: unexpected {}", self.shown()));
        }
        Ok(())
    }

    /// `a && b || c`: each looks at the status of what ran last.
    fn chain(&mut self) -> Result<(), String> {
        let first = self.program.len();
        self.command()?;
        let mut jumps = vec![];
        while let Some(sign @ ("&&" | "||")) = self.sign() {
            self.at += 1;
            while self.sign() == Some(";") {
                self.at += 1;
            }
            // All but the last of a chain are looked at.
            for checked in self.program[first..].iter_mut().filter_map(Op::checked) {
                *checked = true;
            }
            jumps.push(self.program.len());
            self.program.push(if sign == "&&" {
                Op::JumpIfFailed(0)
            } else {
                Op::JumpIfDone(0)
            });
            self.command()?;
            let end = self.program.len();
            // A skipped command leaves the status to the next sign of the chain.
            if let Some(jump) = jumps.pop() {
                self.land(jump, end);
            }
        }
        Ok(())
    }

    fn land(&mut self, jump: usize, end: usize) {
        if let Some(Op::Jump(to) | Op::JumpIfFailed(to) | Op::JumpIfDone(to)) =
            self.program.get_mut(jump)
        {
            *to = end;
        }
    }

    fn condition(&mut self, end: &str) -> Result<(), String> {
        self.checked += 1;
        let result = self.list(&[end]);
        self.checked -= 1;
        result?;
        self.expect(end)
    }

    fn command(&mut self) -> Result<(), String> {
        match self.word() {
            Some(kind @ ("while" | "until")) => {
                let until = kind == "until";
                self.at += 1;
                let top = self.program.len();
                self.condition("do")?;
                let leave = self.program.len();
                self.program.push(if until {
                    Op::JumpIfDone(0)
                } else {
                    Op::JumpIfFailed(0)
                });
                self.list(&["done"])?;
                self.expect("done")?;
                self.program.push(Op::Jump(top));
                let end = self.program.len();
                self.land(leave, end);
                self.program.push(Op::SetStatus(0));
                Ok(())
            }
            Some("if") => {
                self.at += 1;
                self.condition("then")?;
                let skip = self.program.len();
                self.program.push(Op::JumpIfFailed(0));
                self.list(&["else", "fi"])?;
                let leave = self.program.len();
                self.program.push(Op::Jump(0));
                let otherwise = self.program.len();
                self.land(skip, otherwise);
                if self.word() == Some("else") {
                    self.at += 1;
                    self.list(&["fi"])?;
                } else {
                    self.program.push(Op::SetStatus(0));
                }
                self.expect("fi")?;
                let end = self.program.len();
                self.land(leave, end);
                Ok(())
            }
            Some(word @ ("for" | "case" | "function" | "{" | "!" | "elif")) => {
                Err(format!("sh: {word}: not something that this image can run"))
            }
            _ => self.simple(),
        }
    }

    fn simple(&mut self) -> Result<(), String> {
        let from = self.at;
        while let Some(Token::Word(_) | Token::Redirect(_)) = self.tokens.get(self.at) {
            self.at += 1;
        }
        let command = simple(&self.tokens[from..self.at]);
        let checked = self.checked > 0;
        if command.words.is_empty() {
            return Err(format!("sh: syntax error: unexpected {}", self.shown()));
        }
        self.program.push(match assigned(&command)? {
            Some((name, value)) => Op::Assign {
                name,
                value,
                checked,
            },
            None => Op::Command { command, checked },
        });
        Ok(())
    }
}

/// Words and redirections in any order; the rest is not looked at.
fn simple(tokens: &[Token]) -> Simple {
    let mut command = Simple::default();
    for token in tokens {
        match token {
            Token::Word(word) => command.words.push(word.clone()),
            Token::Redirect(redirect) => redirect.apply(&mut command.streams),
            Token::Sign(_) => {}
        }
    }
    command
}

/// What a command that begins with `NAME=` assigns.
fn assigned(command: &Simple) -> Result<Option<(String, Assigned)>, String> {
    let assignment = match command.words[0].0.as_slice() {
        [Piece::Text(first), rest @ ..] => super::assignment(first).zip(Some(rest)),
        _ => None,
    };
    let substitutes = |word: &Word| word.0.iter().any(|p| matches!(p, Piece::Output(_)));
    match (assignment, command.words.as_slice()) {
        (Some(((name, _), _)), [_, _, ..]) => Err(format!(
            "sh: {name}=: an assignment together with other words is not something that this image can run"
        )),
        (Some(((name, ""), [Piece::Output(inner)])), _)
            if command.streams == Streams::default() =>
        {
            Ok(Some((name.to_owned(), Assigned::Output(inner.clone()))))
        }
        (_, words) if words.iter().any(substitutes) => Err(
            "sh: command substitution other than NAME=$(command) is not something that this image can run"
                .into(),
        ),
        (Some(((name, value), rest)), _) => {
            let mut pieces = vec![Piece::Text(value.to_owned())];
            pieces.extend(rest.iter().cloned());
            Ok(Some((name.to_owned(), Assigned::Word(Word(pieces)))))
        }
        (None, _) => Ok(None),
    }
}
