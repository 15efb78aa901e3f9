//! Readers of a run's stream. A reporter never changes a run, and a run never waits for one to be read.
//!
//! Must not know: how events come about.

pub mod bar;
pub mod figures;
pub mod html;
pub mod json;
pub mod lines;
pub mod picture;
#[cfg(test)]
mod tests;
pub mod verdict;
pub mod words;

use jiff::Timestamp;

use crate::event::Record;
use crate::state::RunState;

/// One way to show a run: while it goes on, or again from its journal.
pub trait Reporter: Send {
    /// A record, already on disk if it is one that must be. `state` is the fold up to the records handed over with it.
    fn record(&mut self, record: &Record, state: &RunState);
    /// Time passes.
    fn pulse(&mut self, _state: &RunState, _now: Timestamp) {}
}

/// Shows a finished or running journal through any reporter.
pub fn replay(
    records: &[Record],
    reporter: &mut dyn Reporter,
) -> Result<Option<RunState>, crate::state::Illegal> {
    let Some((first, rest)) = records.split_first() else {
        return Ok(None);
    };
    let mut state = RunState::begin(first)?;
    reporter.record(first, &state);
    for record in rest {
        state.apply(record)?;
        reporter.record(record, &state);
    }
    Ok(Some(state))
}
