//! The journal's own lines, as they are written.

use std::io::Write;

use super::Reporter;
use crate::event::Record;
use crate::state::RunState;

/// Writes each record as it stands in the journal. What cannot be written is lost.
pub struct Json<W>(pub W);

impl<W: Write + Send> Reporter for Json<W> {
    fn record(&mut self, record: &Record, _: &RunState) {
        let _ = writeln!(self.0, "{}", record.line).and_then(|()| self.0.flush());
    }
}
