//! What goes wrong, as people meet it: a code, a sentence, the place in the file, what to do, an exit status.
//!
//! `docs/errors.md` lists every code; a test compares. Knows nothing of AWS: `cloud` says what an answer meant before it
//! becomes a failure.

use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use crate::printable::{Printable, escaped};

/// How the process ends. The numbers are a promise to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    Done = 0,
    /// A bug in drtool.
    Bug = 1,
    /// Usage or input: manifest, runbook, flags. Nothing touched.
    Input = 2,
    /// Preflight refused. Nothing touched.
    Refused = 3,
    /// Stopped, resumable.
    Stopped = 4,
    /// Undo or cleanup left something.
    LeftBehind = 5,
    /// Journal, lease or state.
    State = 6,
    /// The plan or drill ran, and an objective or check was not met.
    Missed = 7,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit as u8)
    }
}

/// A file that a person wrote, as it was read.
#[derive(Debug)]
pub struct SourceText {
    pub name: String,
    pub text: String,
}

/// A stretch of a [`SourceText`]: bytes, and the line and column (from 1) at which it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// Which text, by its number in [`Sources`].
    pub file: u16,
    pub start: u32,
    pub end: u32,
    pub line: u32,
    pub column: u32,
}

/// The texts that one command has read.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Arc<SourceText>>);

impl Sources {
    pub fn add(&mut self, name: impl Into<String>, text: String) -> u16 {
        self.0.push(Arc::new(SourceText {
            name: name.into(),
            text,
        }));
        u16::try_from(self.0.len() - 1).unwrap_or(u16::MAX)
    }

    pub fn get(&self, file: u16) -> Option<&Arc<SourceText>> {
        self.0.get(usize::from(file))
    }

    /// `file:line:column`.
    pub fn place(&self, at: At) -> String {
        let name = self.get(at.file).map_or("?", |s| s.name.as_str());
        format!("{}:{}:{}", Printable(name), at.line, at.column)
    }
}

/// One thing that went wrong.
#[derive(Debug)]
pub struct Failure {
    /// `E1042`.
    pub code: &'static str,
    pub exit: Exit,
    /// Boxed: a result that carries a failure should stay small.
    told: Box<Told>,
}

#[derive(Debug, Default)]
struct Told {
    message: String,
    labels: Vec<LabeledSpan>,
    source: Option<(Arc<SourceText>, NamedSource<String>)>,
    place: Option<String>,
    hints: Vec<String>,
    cause: Option<Cause>,
}

/// What lies behind a failure. Its words come from files, from AWS, from libraries: they are shown escaped.
#[derive(Debug)]
struct Cause {
    text: String,
    behind: Option<Box<Cause>>,
}

impl Cause {
    fn of(error: &dyn std::error::Error) -> Cause {
        Cause {
            text: escaped(&error.to_string()),
            behind: error.source().map(|behind| Box::new(Cause::of(behind))),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.behind.as_deref().map(|behind| behind as _)
    }
}

impl Failure {
    pub fn new(code: &'static str, exit: Exit, message: impl fmt::Display) -> Failure {
        Failure {
            code,
            exit,
            told: Box::new(Told {
                message: escaped(&message.to_string()),
                ..Told::default()
            }),
        }
    }

    /// Usage or input: nothing was touched.
    pub fn input(code: &'static str, message: impl fmt::Display) -> Failure {
        Failure::new(code, Exit::Input, message)
    }

    /// Points at `at`. The first one names the file; later ones in another file are told as a hint.
    pub fn at(mut self, sources: &Sources, at: At, label: impl Into<String>) -> Failure {
        let label = escaped(&label.into());
        let Some(text) = sources.get(at.file) else {
            return self;
        };
        match &self.told.source {
            Some((first, _)) if !Arc::ptr_eq(first, text) => {
                self.told
                    .hints
                    .push(format!("{}: {label}", sources.place(at)));
            }
            _ if overlong(&text.text, at) => {
                self.told.place.get_or_insert_with(|| sources.place(at));
                self.told
                    .hints
                    .push(format!("{}: {label}", sources.place(at)));
            }
            _ => {
                if self.told.source.is_none() {
                    self.told.place = Some(sources.place(at));
                    // Shown text is escaped byte for byte, so that offsets stay right: a terminal must not obey a manifest.
                    self.told.source = Some((
                        text.clone(),
                        NamedSource::new(&text.name, tamed(&text.text)),
                    ));
                }
                let length = (at.end.max(at.start) - at.start) as usize;
                self.told.labels.push(LabeledSpan::new(
                    Some(label).filter(|l| !l.is_empty()),
                    at.start as usize,
                    length,
                ));
            }
        }
        self
    }

    /// A place in a text that cannot be shown.
    pub fn placed(mut self, name: &str, line: usize, column: usize) -> Failure {
        self.told.place = Some(format!("{}:{line}:{column}", Printable(name)));
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        let hint = hint.into();
        if !hint.is_empty() {
            self.told.hints.push(escaped(&hint));
        }
        self
    }

    pub fn cause(mut self, cause: impl std::error::Error) -> Failure {
        self.told.cause = Some(Cause::of(&cause));
        self
    }

    /// `file:line:column`, where the failure has one.
    pub fn place(&self) -> Option<&str> {
        self.told.place.as_deref()
    }

    pub fn hints(&self) -> &[String] {
        &self.told.hints
    }

    /// The whole failure as people read it.
    pub fn render(&self, colour: bool) -> String {
        let theme = if colour {
            miette::GraphicalTheme::unicode()
        } else {
            miette::GraphicalTheme::unicode_nocolor()
        };
        let handler = miette::GraphicalReportHandler::new_themed(theme)
            .with_width(110)
            .with_context_lines(1)
            .with_links(false);
        let mut out = String::new();
        match handler.render_report(&mut out, self) {
            Ok(()) => out,
            Err(_) => format!("error[{}]: {}\n", self.code, self.told.message),
        }
    }
}

/// The longest line that is shown with a caret under it, in bytes.
const WIDEST: usize = 400;

/// Whether the line at `at`, or a neighbour that would be shown with it, is too long to be shown.
fn overlong(text: &str, at: At) -> bool {
    let first = (at.line as usize).saturating_sub(2);
    text.split('\n')
        .skip(first)
        .take(3)
        .any(|line| line.len() > WIDEST)
}

/// The text with every control character but newline and tab replaced by as many `?` as it has bytes.
fn tamed(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let (c, times) = match c {
                '\n' | '\t' => (c, 1),
                c if escaped(c.encode_utf8(&mut [0; 4])).len() != c.len_utf8() => {
                    ('?', c.len_utf8())
                }
                c => (c, 1),
            };
            std::iter::repeat_n(c, times)
        })
        .collect()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told.message)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.told.cause.as_ref().map(|cause| cause as _)
    }
}

impl Diagnostic for Failure {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        if self.told.hints.is_empty() {
            None
        } else {
            Some(Box::new(self.told.hints.join("\n")))
        }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.told.source.as_ref().map(|(_, s)| s as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if self.told.labels.is_empty() {
            None
        } else {
            Some(Box::new(self.told.labels.iter().cloned()))
        }
    }
}

/// Several at once: a manifest's faults are told together, not one per attempt. Never empty when it is an error.
#[derive(Debug, Default)]
pub struct Failures(pub Vec<Failure>);

impl Failures {
    /// The most serious way to end: the first failure's.
    pub fn exit(&self) -> Exit {
        self.0.first().map_or(Exit::Bug, |f| f.exit)
    }

    pub fn render(&self, colour: bool) -> String {
        self.0
            .iter()
            .map(|f| f.render(colour))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl From<Failure> for Failures {
    fn from(failure: Failure) -> Self {
        Failures(vec![failure])
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, failure) in self.0.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{}: {failure}", failure.code)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failures {}
