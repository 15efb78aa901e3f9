//! A world that survives the death of its process.
//!
//! The world repeats, so only its inputs are kept: an append-only file with a header and one record per executed
//! request, per action from outside the AWS APIs, and now and then the time. A record is synced before its answer
//! leaves. Opening the file replays it; a torn last record is a crash and is dropped, a bad one before good ones is
//! damage and is refused. Reads are not kept. One process at a time owns the file.

use crate::action::{self, Action};
use crate::call::Executed;
use crate::clock::{Nanos, SECOND};
use crate::faults::Counted;
use crate::world::{Answer, Caller, Request, Response, Settings, World};
use bytes::Bytes;
use crc::{CRC_32_ISCSI, Crc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

static CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// The format that this program writes and reads.
///
/// 2 has requests that are held up, 3 how far faults have counted. Files of earlier formats are read.
pub const FORMAT: u32 = 3;

/// How much virtual time passes at most unrecorded. A restarted world begins at the end of what was reserved.
const RESERVED: Nanos = SECOND;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Record {
    Header {
        format: u32,
        seed: u64,
        settings: Settings,
    },
    /// The body follows the JSON.
    Call {
        at: Nanos,
        caller: Caller,
        method: String,
        host: String,
        target: String,
        headers: Vec<(String, String)>,
    },
    /// A request that is executed at `due`, long after its connection broke. The body follows the JSON.
    Late {
        at: Nanos,
        due: Nanos,
        caller: Caller,
        method: String,
        host: String,
        target: String,
        headers: Vec<(String, String)>,
    },
    Action {
        at: Nanos,
        action: Action,
    },
    /// A fault that counts has met or let pass a request.
    Counted(Counted),
    /// Time may have gone this far.
    Time {
        to: Nanos,
    },
}

/// Why a world cannot be opened.
#[derive(Debug)]
pub enum KeepError {
    Io(io::Error),
    /// Another process has it.
    Owned,
    /// Written by another version of this program.
    Format(u32),
    /// A record at this offset is damaged, and good ones follow.
    Damaged(u64),
    NotAWorld,
}

impl fmt::Display for KeepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeepError::Io(_) => write!(f, "the world's file cannot be read or written"),
            KeepError::Owned => write!(f, "another process owns this world"),
            KeepError::Format(found) => {
                write!(
                    f,
                    "the world's file has format {found}, and this program reads {FORMAT}"
                )
            }
            KeepError::Damaged(at) => write!(f, "the world's file is damaged at byte {at}"),
            KeepError::NotAWorld => write!(f, "the file is not a world"),
        }
    }
}

impl std::error::Error for KeepError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            KeepError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for KeepError {
    fn from(error: io::Error) -> KeepError {
        KeepError::Io(error)
    }
}

/// A world and, perhaps, the file that keeps it.
pub struct Kept {
    world: World,
    file: Option<File>,
    /// Time that the file already allows.
    reserved: Nanos,
}

impl Kept {
    /// A world that dies with its process.
    pub fn in_memory(world: World) -> Kept {
        Kept {
            world,
            file: None,
            reserved: 0,
        }
    }

    /// Opens the world in a file, or begins one there with this seed and these settings.
    pub fn open(path: &Path, seed: u64, settings: Settings) -> Result<Kept, KeepError> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(KeepError::Owned),
            Err(std::fs::TryLockError::Error(error)) => return Err(error.into()),
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        let (records, sound) = read(&bytes)?;
        if (sound as usize) < bytes.len() {
            file.set_len(sound)?;
            file.sync_data()?;
        }
        let mut records = records.into_iter();
        let mut kept = match records.next() {
            None => {
                let mut world = World::new(seed);
                world.settings = settings.clone();
                let mut kept = Kept {
                    world,
                    file: Some(file),
                    reserved: 0,
                };
                kept.append(
                    &Record::Header {
                        format: FORMAT,
                        seed,
                        settings,
                    },
                    &[],
                )?;
                kept.sync()?;
                // The file's name must survive too.
                if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
                    File::open(folder)?.sync_all()?;
                }
                kept
            }
            Some((
                Record::Header {
                    format,
                    seed,
                    settings,
                },
                _,
            )) if (1..=FORMAT).contains(&format) => {
                let mut world = World::new(seed);
                world.settings = settings;
                Kept {
                    world,
                    file: Some(file),
                    reserved: 0,
                }
            }
            Some((Record::Header { format, .. }, _)) => return Err(KeepError::Format(format)),
            Some(_) => return Err(KeepError::NotAWorld),
        };
        for (record, body) in records {
            kept.replay(record, body);
        }
        let reserved = kept.reserved;
        kept.world.advance_to(reserved);
        kept.world.recording = true;
        Ok(kept)
    }

    fn replay(&mut self, record: Record, body: Bytes) {
        match record {
            Record::Header { .. } => {}
            Record::Call {
                at,
                caller,
                method,
                host,
                target,
                headers,
            } => {
                self.world.advance_to(at);
                let request = Request {
                    method,
                    host,
                    target,
                    headers,
                    body,
                };
                crate::call::replay(&mut self.world, &caller, &request);
            }
            Record::Late {
                at,
                due,
                caller,
                method,
                host,
                target,
                headers,
            } => {
                self.world.advance_to(at);
                let request = Request {
                    method,
                    host,
                    target,
                    headers,
                    body,
                };
                self.world.faults.postpone(due, request, caller);
            }
            Record::Action { at, action } => {
                self.world.advance_to(at);
                action::act(&mut self.world, &action);
            }
            Record::Counted(counted) => self.world.faults.recount(&counted),
            Record::Time { to } => self.reserved = self.reserved.max(to),
        }
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    /// Where this world is served: links into it lead there.
    pub fn front(&mut self, url: &str) {
        self.world.front = Some(url.to_owned());
    }

    /// From here on requests and answers are kept to the byte, in memory: [`crate::call::Log::transcript`].
    pub fn keep_transcript(&mut self) {
        self.world.log.keep_transcript();
    }

    /// Sends a request into the world. What it changed is on disk when this returns.
    pub fn call(&mut self, request: &Request, at: Nanos) -> io::Result<Answer> {
        let answer = self.world.call(request, at);
        self.write_down()?;
        Ok(answer)
    }

    pub fn advance_to(&mut self, at: Nanos) -> io::Result<()> {
        self.world.advance_to(at);
        self.write_down()
    }

    /// Does something from outside the AWS APIs.
    pub fn act(&mut self, action: &Action) -> io::Result<Value> {
        if self.file.is_some() && action.changes() {
            self.append(
                &Record::Action {
                    at: self.world.now(),
                    action: action.clone(),
                },
                &[],
            )?;
            self.sync()?;
        }
        let answer = action::act(&mut self.world, action);
        // What the action did through the APIs is done again by the action.
        self.world.executed.clear();
        self.write_down()?;
        Ok(answer)
    }

    /// A request to a registry: what it stored is on disk when this returns.
    pub fn registry(&mut self, action: &Action) -> io::Result<Response> {
        if self.file.is_some() && action.changes() {
            self.append(
                &Record::Action {
                    at: self.world.now(),
                    action: action.clone(),
                },
                &[],
            )?;
            self.sync()?;
        }
        let response = action::registry(&mut self.world, action);
        self.world.executed.clear();
        Ok(response)
    }

    pub fn is_on_disk(&self) -> bool {
        self.file.is_some()
    }

    fn write_down(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            self.world.executed.clear();
            return Ok(());
        }
        let executed = std::mem::take(&mut self.world.executed);
        let counted = self.world.faults.counted();
        let any = !executed.is_empty() || !counted.is_empty();
        for counted in counted {
            self.append(&Record::Counted(counted), &[])?;
        }
        for Executed {
            at,
            due,
            caller,
            request,
        } in executed
        {
            let Request {
                method,
                host,
                target,
                headers,
                body,
            } = request;
            let record = match due {
                None => Record::Call {
                    at,
                    caller,
                    method,
                    host,
                    target,
                    headers,
                },
                Some(due) => Record::Late {
                    at,
                    due,
                    caller,
                    method,
                    host,
                    target,
                    headers,
                },
            };
            self.append(&record, &body)?;
        }
        if self.world.now() > self.reserved {
            self.reserved = self.world.now() + RESERVED;
            self.append(&Record::Time { to: self.reserved }, &[])?;
        }
        if any { self.sync() } else { Ok(()) }
    }

    fn append(&mut self, record: &Record, body: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        file.write_all(&frame(record, body)?)
    }

    fn sync(&mut self) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.sync_data(),
            None => Ok(()),
        }
    }
}

/// Length of what follows, its checksum, the length of the JSON, the JSON, the body.
fn frame(record: &Record, body: &[u8]) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(record).map_err(io::Error::other)?;
    let length = 4 + json.len() + body.len();
    let mut out = Vec::with_capacity(8 + length);
    out.extend_from_slice(
        &u32::try_from(length)
            .map_err(io::Error::other)?
            .to_le_bytes(),
    );
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(
        &u32::try_from(json.len())
            .map_err(io::Error::other)?
            .to_le_bytes(),
    );
    out.extend_from_slice(&json);
    out.extend_from_slice(body);
    let checksum = CRC32C.checksum(&out[8..]);
    out[4..8].copy_from_slice(&checksum.to_le_bytes());
    Ok(out)
}

/// The records of a file, and how many of its bytes are sound.
fn read(bytes: &[u8]) -> Result<(Vec<(Record, Bytes)>, u64), KeepError> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let mut records = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let whole = word(at).zip(word(at + 4)).and_then(|(length, checksum)| {
            let payload = bytes.get(at + 8..at + 8 + length as usize)?;
            Some((payload, checksum))
        });
        // Not all there: the process died while it wrote.
        let Some((payload, checksum)) = whole else {
            break;
        };
        let end = at + 8 + payload.len();
        let parsed = || {
            let json = word(at + 8)? as usize;
            let record: Record = serde_json::from_slice(payload.get(4..4 + json)?).ok()?;
            Some((record, Bytes::copy_from_slice(payload.get(4 + json..)?)))
        };
        match (CRC32C.checksum(payload) == checksum)
            .then(parsed)
            .flatten()
        {
            Some(record) => records.push(record),
            None if end < bytes.len() => return Err(KeepError::Damaged(at as u64)),
            None => break,
        }
        at = end;
    }
    if records.is_empty() && at < bytes.len() && bytes.len() > 64 {
        return Err(KeepError::NotAWorld);
    }
    Ok((records, at as u64))
}

#[cfg(test)]
mod tests;
