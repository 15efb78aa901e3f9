//! A shell, as far as probe scripts need one: lists of commands, `&&` and `||`, `if`, `while`, `until`, variables,
//! `NAME=$(command)`. A script is read ([`lex`], [`parse`]) into a short program whose state is plain data, so that a
//! process can be interrupted by a sleep and the world be forked or saved in between. What a
//! client of a database does is [`super::client`]'s.

mod lex;
mod parse;

use super::client::Calls;
use std::borrow::Cow;
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
    /// What the command that is under way will have done when it ends.
    pub pending: Option<Ended>,
    pub variables: BTreeMap<String, String>,
    /// The calls of clients in the program.
    pub calls: Calls,
}

/// What a command has done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ended {
    /// What it wrote to the log.
    pub lines: Vec<String>,
    /// What it wrote for `$(…)`.
    pub value: String,
    pub status: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// `checked`: its failure is looked at by what follows, so that `set -e` leaves it alone.
    Command {
        command: Simple,
        checked: bool,
    },
    Assign {
        name: String,
        value: Assigned,
        checked: bool,
    },
    Jump(usize),
    JumpIfFailed(usize),
    JumpIfDone(usize),
    SetStatus(i64),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Assigned {
    /// `NAME=word`
    Word(Word),
    /// `NAME=$(command)`
    Output(Simple),
}

/// A command of words and redirections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Simple {
    pub words: Vec<Word>,
    pub streams: Streams,
}

/// Where a command's two streams lead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Streams {
    pub out: Stream,
    pub errors: Stream,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stream {
    /// The shell's output: the log, or the value of `$(…)`.
    Out,
    /// The shell's errors: the log.
    Errors,
    Nowhere,
}

impl Default for Streams {
    fn default() -> Streams {
        Streams {
            out: Stream::Out,
            errors: Stream::Errors,
        }
    }
}

/// A word, in pieces.
#[derive(Clone, Debug, PartialEq)]
pub struct Word(pub Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    Text(String),
    /// `$NAME`, `${NAME}` or `${NAME:-default}`.
    Variable {
        name: String,
        default: Option<String>,
        quoted: bool,
    },
    /// `$(…)`
    Output(Simple),
}

impl Op {
    fn checked(&mut self) -> Option<&mut bool> {
        match self {
            Op::Command { checked, .. } | Op::Assign { checked, .. } => Some(checked),
            _ => None,
        }
    }

    /// Whether `set -e` ends the script when this fails.
    pub fn must_succeed(&self) -> bool {
        matches!(
            self,
            Op::Command { checked: false, .. } | Op::Assign { checked: false, .. }
        )
    }
}

impl Piece {
    fn expand<'a>(&'a self, value: &impl Fn(&str) -> Cow<'a, str>) -> Cow<'a, str> {
        match self {
            Piece::Text(text) => Cow::Borrowed(text),
            Piece::Variable { name, default, .. } => match (value(name), default) {
                (empty, Some(default)) if empty.is_empty() => Cow::Borrowed(default),
                (found, _) => found,
            },
            // The parser lets it stand nowhere but in an assignment of its own.
            Piece::Output(_) => Cow::Borrowed(""),
        }
    }
}

impl Word {
    /// The word as one text.
    pub fn expand<'a>(&'a self, value: &impl Fn(&str) -> Cow<'a, str>) -> Cow<'a, str> {
        match self.0.as_slice() {
            [one] => one.expand(value),
            pieces => {
                let pieces = pieces.iter().map(|piece| piece.expand(value));
                Cow::Owned(pieces.collect())
            }
        }
    }

    /// The fields that it becomes: the value of an unquoted variable is split at its blanks, and nothing at all is no
    /// field.
    pub fn fields<'a>(
        &'a self,
        value: &impl Fn(&str) -> Cow<'a, str>,
        fields: &mut Vec<Cow<'a, str>>,
    ) {
        let mut field: Option<Cow<'a, str>> = None;
        for piece in &self.0 {
            let text = piece.expand(value);
            if !matches!(piece, Piece::Variable { quoted: false, .. }) {
                match &mut field {
                    Some(field) => *field += text,
                    None => field = Some(text),
                }
                continue;
            }
            for (n, part) in text.split([' ', '\t', '\n']).enumerate() {
                if n > 0 {
                    fields.extend(field.take());
                }
                if !part.is_empty() {
                    field.get_or_insert_default().to_mut().push_str(part);
                }
            }
        }
        fields.extend(field);
    }

    /// Whether a variable's value goes into it.
    pub fn reads(&self, wanted: &str) -> bool {
        let is = |piece: &Piece| matches!(piece, Piece::Variable { name, .. } if name == wanted);
        self.0.iter().any(is)
    }

    pub fn plain(&self) -> Option<&str> {
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
        calls: Calls::default(),
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
            command: Simple {
                words,
                streams: Streams::default(),
            },
            checked: false,
        }]);
        run.calls = Calls::of(&run.program);
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
    run.program = Arc::new(parse::program(script)?);
    run.calls = Calls::of(&run.program);
    Ok(run)
}

/// `NAME=value` as its two halves, where it is that.
fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    is_name(name).then_some((name, value))
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
