//! A shell, as far as probe scripts need one: lists of commands, `&&` and `||`, `if`, `while`, `until`, `for`-ever loops,
//! `sleep`, `echo`, `exit`. A script is compiled to a short program whose state is plain data, so that a process can be
//! interrupted by a sleep and the world be forked or saved in between. It knows no database.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A program and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Shared: a process is copied at each of its turns, its script never changes.
    pub program: Arc<Vec<Op>>,
    pub at: usize,
    /// Exit status of the last command.
    pub status: i64,
    /// Whether a shell runs it (or it was started directly).
    pub is_shell: bool,
    /// `set -e`.
    pub strict: bool,
    /// What the command that is under way will have written and returned when it ends.
    pub pending: Option<(Vec<String>, i64)>,
    pub variables: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// `checked`: its failure is looked at by what follows, so that `set -e` leaves it alone.
    Command {
        words: Vec<Word>,
        quiet: Quiet,
        checked: bool,
    },
    Jump(usize),
    JumpIfFailed(usize),
    JumpIfDone(usize),
    SetStatus(i64),
}

/// What a redirection to /dev/null takes away.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quiet {
    pub out: bool,
    pub errors: bool,
}

/// A word, in pieces.
#[derive(Clone, Debug, PartialEq)]
pub struct Word(pub Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    Text(String),
    /// `$NAME` or `${NAME}`, or `${NAME:-default}`.
    Variable(String, Option<String>),
}

impl Word {
    pub fn expand(&self, value: &dyn Fn(&str) -> String) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Variable(name, default) => match (value(name), default) {
                    (empty, Some(default)) if empty.is_empty() => default.clone(),
                    (found, _) => found,
                },
            })
            .collect()
    }

    fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// Makes a program of a container's command. The error is the line that the container logs before it exits with 127.
pub fn compile(command: &[String]) -> Result<Run, String> {
    let is_shell = command.first().is_some_and(|first| {
        ["sh", "bash", "ash", "dash"].contains(&first.rsplit('/').next().unwrap_or(""))
    });
    let mut run = Run {
        program: Arc::default(),
        at: 0,
        status: 0,
        is_shell,
        strict: false,
        pending: None,
        variables: BTreeMap::new(),
    };
    if !is_shell {
        if command.is_empty() {
            return Err(
                "no command was given: this image runs psql or mysql, or a script of them".into(),
            );
        }
        let words = command
            .iter()
            .map(|w| Word(vec![Piece::Text(w.clone())]))
            .collect();
        run.program = Arc::new(vec![Op::Command {
            words,
            quiet: Quiet::default(),
            checked: false,
        }]);
        return Ok(run);
    }
    let mut script = None;
    let mut rest = command[1..].iter();
    while let Some(option) = rest.next() {
        match option.strip_prefix('-') {
            Some(letters) if letters.chars().all(|c| "elc".contains(c)) => {
                run.strict |= letters.contains('e');
                if letters.contains('c') {
                    script = rest.next();
                    break;
                }
            }
            _ => return Err(format!("{option}: only scripts given with -c can be run")),
        }
    }
    let script = script.ok_or("sh: a script must be given with -c")?;
    let tokens = lex(script)?;
    let mut parser = Parser {
        tokens,
        at: 0,
        program: vec![],
        checked: 0,
    };
    parser.list(&[])?;
    if parser.at < parser.tokens.len() {
        return Err(format!("sh: syntax error: unexpected {}", parser.shown()));
    }
    run.program = Arc::new(parser.program);
    Ok(run)
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(Word),
    /// `;`, newline, `&&`, `||`
    Sign(&'static str),
    /// A redirection, as far as one is understood.
    Redirect(Quiet),
}

fn lex(script: &str) -> Result<Vec<Token>, String> {
    let mut tokens = vec![];
    let mut chars = script.chars().peekable();
    let mut pieces: Vec<Piece> = vec![];
    let mut begun = false;
    fn text(pieces: &mut Vec<Piece>, c: char) {
        match pieces.last_mut() {
            Some(Piece::Text(text)) => text.push(c),
            _ => pieces.push(Piece::Text(c.into())),
        }
    }
    fn flush(tokens: &mut Vec<Token>, pieces: &mut Vec<Piece>, begun: &mut bool) {
        if std::mem::take(begun) {
            tokens.push(Token::Word(Word(std::mem::take(pieces))));
        }
    }
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => flush(&mut tokens, &mut pieces, &mut begun),
            '\n' => {
                flush(&mut tokens, &mut pieces, &mut begun);
                tokens.push(Token::Sign(";"));
            }
            '#' if !begun => while chars.next_if(|c| *c != '\n').is_some() {},
            ';' => {
                flush(&mut tokens, &mut pieces, &mut begun);
                tokens.push(Token::Sign(";"));
            }
            '&' => {
                flush(&mut tokens, &mut pieces, &mut begun);
                if chars.next_if_eq(&'&').is_none() {
                    return Err(
                        "sh: commands in the background are not something that this image can run"
                            .into(),
                    );
                }
                tokens.push(Token::Sign("&&"));
            }
            '|' => {
                flush(&mut tokens, &mut pieces, &mut begun);
                if chars.next_if_eq(&'|').is_none() {
                    return Err("sh: pipes are not something that this image can run".into());
                }
                tokens.push(Token::Sign("||"));
            }
            '>' | '<' => {
                let descriptor = match pieces.as_slice() {
                    [Piece::Text(t)] if begun && (t == "1" || t == "2") => {
                        let errors = t == "2";
                        pieces.clear();
                        begun = false;
                        if errors { 2 } else { 1 }
                    }
                    _ => 1,
                };
                flush(&mut tokens, &mut pieces, &mut begun);
                if c == '<' {
                    return Err(
                        "sh: input from files is not something that this image can run".into(),
                    );
                }
                chars.next_if_eq(&'>');
                while chars.next_if_eq(&' ').is_some() {}
                let mut target = String::new();
                while let Some(c) =
                    chars.next_if(|c| !" \t\n;|&".contains(*c) || (*c == '&' && target.is_empty()))
                {
                    target.push(c);
                }
                let quiet = match (descriptor, target.as_str()) {
                    (_, "&1" | "&2") => Quiet::default(),
                    (1, "/dev/null") => Quiet {
                        out: true,
                        errors: false,
                    },
                    (2, "/dev/null") => Quiet {
                        out: false,
                        errors: true,
                    },
                    (_, "/dev/stdout" | "/dev/stderr") => Quiet::default(),
                    _ => {
                        return Err(format!(
                            "sh: {target}: files cannot be written in this image"
                        ));
                    }
                };
                tokens.push(Token::Redirect(quiet));
            }
            '\'' => {
                begun = true;
                if pieces.is_empty() {
                    pieces.push(Piece::Text(String::new()));
                }
                loop {
                    match chars.next() {
                        Some('\'') => break,
                        Some(c) => text(&mut pieces, c),
                        None => return Err("sh: syntax error: unterminated quoted string".into()),
                    }
                }
            }
            '"' => {
                begun = true;
                if pieces.is_empty() {
                    pieces.push(Piece::Text(String::new()));
                }
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => match chars.next() {
                            Some(c @ ('"' | '\\' | '$' | '`')) => text(&mut pieces, c),
                            Some('\n') => {}
                            Some(c) => {
                                text(&mut pieces, '\\');
                                text(&mut pieces, c);
                            }
                            None => {
                                return Err("sh: syntax error: unterminated quoted string".into());
                            }
                        },
                        Some('$') => variable(&mut chars, &mut pieces)?,
                        Some('`') => {
                            return Err(
                                "sh: command substitution is not something that this image can run"
                                    .into(),
                            );
                        }
                        Some(c) => text(&mut pieces, c),
                        None => return Err("sh: syntax error: unterminated quoted string".into()),
                    }
                }
            }
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(c) => {
                    begun = true;
                    text(&mut pieces, c);
                }
            },
            '$' => {
                begun = true;
                variable(&mut chars, &mut pieces)?;
            }
            '`' | '(' | ')' => {
                return Err(format!("sh: {c}: not something that this image can run"));
            }
            c => {
                begun = true;
                text(&mut pieces, c);
            }
        }
    }
    flush(&mut tokens, &mut pieces, &mut begun);
    Ok(tokens)
}

fn variable(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    pieces: &mut Vec<Piece>,
) -> Result<(), String> {
    match chars.peek() {
        Some('(') => {
            Err("sh: command substitution is not something that this image can run".into())
        }
        Some('{') => {
            chars.next();
            let mut inside = String::new();
            loop {
                match chars.next() {
                    Some('}') => break,
                    Some(c) => inside.push(c),
                    None => return Err("sh: syntax error: unterminated ${".into()),
                }
            }
            match inside.split_once(":-") {
                Some((name, default)) => {
                    pieces.push(Piece::Variable(name.into(), Some(default.into())))
                }
                None if inside
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_') =>
                {
                    pieces.push(Piece::Variable(inside, None));
                }
                None => {
                    return Err(format!(
                        "sh: ${{{inside}}}: not something that this image can run"
                    ));
                }
            }
            Ok(())
        }
        Some(c) if c.is_ascii_alphabetic() || *c == '_' => {
            let mut name = String::new();
            while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                name.push(c);
            }
            pieces.push(Piece::Variable(name, None));
            Ok(())
        }
        Some('?') => {
            chars.next();
            pieces.push(Piece::Variable("?".into(), None));
            Ok(())
        }
        _ => {
            pieces.push(Piece::Text("$".into()));
            Ok(())
        }
    }
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
            for op in &mut self.program[first..] {
                if let Op::Command { checked, .. } = op {
                    *checked = true;
                }
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
        let (mut words, mut quiet) = (vec![], Quiet::default());
        loop {
            match self.tokens.get(self.at) {
                Some(Token::Word(word)) => words.push(word.clone()),
                Some(Token::Redirect(more)) => {
                    quiet.out |= more.out;
                    quiet.errors |= more.errors;
                }
                _ => break,
            }
            self.at += 1;
        }
        if words.is_empty() {
            return Err(format!("sh: syntax error: unexpected {}", self.shown()));
        }
        self.program.push(Op::Command {
            words,
            quiet,
            checked: self.checked > 0,
        });
        Ok(())
    }
}
