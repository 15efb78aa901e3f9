//! One plain line for each thing worth knowing: for logs, pipes and people without a terminal.

use std::io::Write;

use jiff::Timestamp;

use super::Reporter;
use super::words::{Said, Tone, between, clean, duration, fault, say};
use crate::event::{Event, Record};
use crate::state::RunState;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Only what a person must know.
    Quiet,
    Normal,
    /// Every call.
    Verbose,
}

/// Writes lines. What cannot be written is lost: the run goes on without its reader.
pub struct Lines<W> {
    out: W,
    detail: Detail,
    began: Option<Timestamp>,
}

impl<W: Write + Send> Lines<W> {
    pub fn new(out: W, detail: Detail) -> Self {
        Lines {
            out,
            detail,
            began: None,
        }
    }
}

impl<W: Write + Send> Reporter for Lines<W> {
    fn record(&mut self, record: &Record, state: &RunState) {
        let began = *self.began.get_or_insert(state.began);
        for line in lines(record, self.detail, began) {
            let _ = writeln!(self.out, "{line}");
        }
        let _ = self.out.flush();
    }
}

/// The lines for one record.
pub fn lines(record: &Record, detail: Detail, began: Timestamp) -> Vec<String> {
    let Some(Said { tone, text }) = say(record) else {
        return Vec::new();
    };
    let wanted = match tone {
        Tone::Detail => Detail::Verbose,
        Tone::Plain | Tone::Good => Detail::Normal,
        Tone::Warning | Tone::Bad => Detail::Quiet,
    };
    if detail < wanted {
        return Vec::new();
    }
    let at = format!("{:>12}", duration(between(began, record.at)));
    let mark = match tone {
        Tone::Plain | Tone::Detail => ' ',
        Tone::Good => '+',
        Tone::Warning => '!',
        Tone::Bad => '✗',
    };
    let subject = record
        .event
        .step()
        .map(|step| format!("{}: ", clean(step.as_str())))
        .unwrap_or_default();
    let mut lines = vec![format!("{at} {mark} {subject}{text}")];
    if let Event::Failed { fault: said, .. } = &record.event {
        lines.extend(
            fault(said)
                .into_iter()
                .map(|line| format!("{:>14} {line}", "")),
        );
    }
    lines
}
