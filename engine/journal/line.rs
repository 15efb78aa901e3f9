//! How a record becomes a line and how lines are proven: each carries its number, a checksum, and the checksum of the one
//! before it.
//!
//! A line is `{"sum":"…","prev":"…","number":…,"at":"…","event":{…}}`. The checksum is over every byte behind it, so a reader
//! can prove a line without understanding it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::JournalError;
use crate::event::{Event, Record};

/// Half of a SHA-256, in hexadecimal: enough against accident and, chained and mirrored, against hindsight.
pub(super) type Sum = String;

const DIGITS: usize = 32;
/// What a disk loses, it loses in pieces no smaller than this.
const SECTOR: usize = 512;
const OPEN: &str = "{\"sum\":\"";
const CLOSE: &str = "\",";

/// The checksum before the first.
pub(super) fn origin() -> Sum {
    "0".repeat(DIGITS)
}

fn sum(bytes: &[u8]) -> Sum {
    Sha256::digest(bytes)
        .iter()
        .take(DIGITS / 2)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The record as a line (without its end), and its checksum.
pub(super) fn write(
    prev: &str,
    number: u64,
    at: Timestamp,
    event: Event,
) -> Result<(Record, Sum), JournalError> {
    let json =
        serde_json::to_string(&event).map_err(|source| JournalError::Unwritable { source })?;
    let rest =
        format!("\"prev\":\"{prev}\",\"number\":{number},\"at\":\"{at}\",\"event\":{json}}}");
    let sum = sum(rest.as_bytes());
    let line: Arc<str> = format!("{OPEN}{sum}{CLOSE}{rest}").into();
    Ok((
        Record {
            number,
            at,
            event,
            line,
        },
        sum,
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(rename = "sum")]
    _sum: String,
    prev: String,
    number: u64,
    at: Timestamp,
    event: Event,
}

/// Whether a line proves itself, without looking at its neighbours.
fn proven(line: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(line).ok()?;
    let (said, rest) = text.strip_prefix(OPEN)?.split_at_checked(DIGITS)?;
    let rest = rest.strip_prefix(CLOSE)?;
    (sum(rest.as_bytes()) == said).then_some(text)
}

fn said(text: &str) -> Sum {
    text.get(OPEN.len()..OPEN.len() + DIGITS)
        .unwrap_or_default()
        .to_owned()
}

/// What a journal's bytes say.
#[derive(Debug)]
pub(super) struct Scanned {
    pub records: Vec<Record>,
    /// The checksum of the last record.
    pub sum: Sum,
    /// How many bytes hold proven records; what is behind them is a torn tail.
    pub good: u64,
    /// The last record is whole but its end of line was lost.
    pub unended: bool,
}

/// Reads and proves every record. A torn last line is dropped; anything else that is not right is refused: a reader that
/// skips a bad record forgets the good ones behind it.
pub(super) fn scan(bytes: &[u8]) -> Result<Scanned, JournalError> {
    let mut scanned = Scanned {
        records: Vec::new(),
        sum: origin(),
        good: 0,
        unended: false,
    };
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        let line = &rest[..end.unwrap_or(rest.len())];
        let last = end.is_none_or(|end| at + end + 1 == bytes.len());
        if let Some(text) = proven(line) {
            scanned.take(text)?;
            scanned.unended = end.is_none();
        } else if end.is_none() {
            // The tail of a write that was cut off. If all of a record arrived and only its end is spoilt, it was
            // written, perhaps synced: it counts.
            let whole = line
                .iter()
                .rposition(|byte| *byte == b'}')
                .and_then(|end| proven(&line[..=end]));
            if let Some(text) = whole {
                let length = text.len();
                scanned.take(text)?;
                scanned.unended = true;
                scanned.good = (at + length) as u64;
            }
            break;
        } else if last
            && line
                .split(|byte| *byte != 0)
                .any(|hole| hole.len() >= SECTOR)
        {
            // The file grew before all of its data arrived: also a write that was cut off.
            break;
        } else {
            return Err(JournalError::Corrupt {
                number: scanned.records.len() as u64 + 1,
                offset: at as u64,
            });
        }
        at += line.len() + usize::from(end.is_some());
        scanned.good = at as u64;
    }
    Ok(scanned)
}

impl Scanned {
    fn take(&mut self, text: &str) -> Result<(), JournalError> {
        let number = self.records.len() as u64 + 1;
        let line: Line = serde_json::from_str(text)
            .map_err(|source| JournalError::Unreadable { number, source })?;
        if line.number != number || line.prev != self.sum {
            return Err(JournalError::OutOfOrder {
                number,
                says: line.number,
            });
        }
        self.sum = said(text);
        self.records.push(Record {
            number,
            at: line.at,
            event: line.event,
            line: text.into(),
        });
        Ok(())
    }
}
