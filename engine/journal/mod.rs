//! The journal: the only thing a run remembers. Records are appended, synced before anything depends on them, and never
//! changed; reading proves every one of them.
//!
//! Must not know: what the records mean.

mod disk;
mod line;
pub mod mailbox;
mod memory;
mod mirror;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

pub use disk::{Disk, FileKind, Lock, RealDisk, Stat, Tail};
pub use mailbox::{Letter, Mailbox, Wish};
pub use memory::{Keep, MemoryDisk, Trouble};
pub use mirror::{Mirror, MirrorError};

use crate::event::{Event, Holder, Record};
use crate::name::RunId;
use crate::plan::FORMAT;

/// Why a journal cannot be used. Each has its own code; all of them end the process with status 6.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("there is no run `{run}` in {}", directory.display())]
    Missing { run: RunId, directory: PathBuf },
    #[error("the journal {} is empty", path.display())]
    Empty { path: PathBuf },
    #[error("{} is not safe to use: {why}", path.display())]
    Untrusted { path: PathBuf, why: String },
    #[error("record {number} (at byte {offset}) of the journal is damaged")]
    Corrupt { number: u64, offset: u64 },
    #[error(
        "record {number} of the journal is missing, doubled or moved: number {says} stands in its place"
    )]
    OutOfOrder { number: u64, says: u64 },
    #[error("record {number} of the journal is in words that this build does not know")]
    Unreadable {
        number: u64,
        source: serde_json::Error,
    },
    #[error("the journal has format {found}, this build reads format {FORMAT}")]
    Format { found: u32 },
    #[error("the journal of run `{expected}` says that it is of run `{found}`")]
    OtherRun { expected: RunId, found: String },
    #[error("the plan in the journal does not have the hash that the journal states")]
    PlanChanged,
    #[error("run `{run}` is being carried out by {holder}")]
    Held { run: RunId, holder: String },
    #[error("the file system of {} cannot lock files", path.display())]
    NoLock { path: PathBuf, source: io::Error },
    #[error("a run `{run}` exists already")]
    Exists { run: RunId },
    #[error("the journal cannot be {what}")]
    Disk {
        what: &'static str,
        source: io::Error,
    },
    #[error("a record cannot be written as JSON")]
    Unwritable { source: serde_json::Error },
    #[error("another process has taken the run over: {why}")]
    Usurped { why: String },
}

impl JournalError {
    /// Its code in drtool's list.
    pub fn code(&self) -> &'static str {
        match self {
            JournalError::Missing { .. } => "E3001",
            JournalError::Empty { .. } => "E3002",
            JournalError::Untrusted { .. } => "E3003",
            JournalError::Corrupt { .. } | JournalError::OutOfOrder { .. } => "E3004",
            JournalError::Format { .. } | JournalError::Unreadable { .. } => "E3005",
            JournalError::Disk { .. } | JournalError::Unwritable { .. } => "E3006",
            JournalError::Held { .. }
            | JournalError::NoLock { .. }
            | JournalError::Usurped { .. } => "E3007",
            JournalError::OtherRun { .. } => "E3008",
            JournalError::PlanChanged => "E3011",
            JournalError::Exists { .. } => "E3012",
        }
    }
}

/// A run's journal, in its directory. It comes to be with its first record in it.
const JOURNAL: &str = "journal.jsonl";

/// Where a run's files are.
#[derive(Clone)]
pub struct Place {
    disk: Arc<dyn Disk>,
    state: PathBuf,
    run: RunId,
}

impl Place {
    /// The files of `run` under the state directory `state`.
    pub fn new(disk: Arc<dyn Disk>, state: impl Into<PathBuf>, run: RunId) -> Self {
        Place {
            disk,
            state: state.into(),
            run,
        }
    }

    /// A journal that ends with its process: for dry runs.
    pub fn in_memory(run: RunId) -> Self {
        Place::new(Arc::new(MemoryDisk::default()), "/memory", run)
    }

    pub fn run(&self) -> &RunId {
        &self.run
    }

    pub fn directory(&self) -> PathBuf {
        self.state.join("runs").join(self.run.as_str())
    }

    pub fn journal(&self) -> PathBuf {
        self.directory().join(JOURNAL)
    }

    pub fn mail(&self) -> PathBuf {
        self.directory().join("mail")
    }

    /// Puts a letter into the run's mailbox.
    pub fn post(&self, letter: &Letter) -> io::Result<PathBuf> {
        mailbox::post(&*self.disk, &self.mail(), letter)
    }

    /// Whether some process carries the run out now.
    pub fn held(&self) -> bool {
        let path = self.directory().join("lock");
        let was_there = self.disk.stat(&path).is_ok();
        // The note is rewritten by taking the lock, so it is kept as it was.
        let note = self.disk.read(&path).unwrap_or_default();
        was_there
            && matches!(self.disk.lock(&path, &note), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// The ids of the runs under `state`. One that was killed before its first record has never begun: it has a directory, and
/// nothing else.
pub fn runs(disk: &dyn Disk, state: &Path) -> Result<Vec<RunId>, JournalError> {
    let folder = state.join("runs");
    match disk.list(&folder) {
        Ok(names) => Ok(names
            .iter()
            .filter(|name| begun(disk, &folder.join(name)))
            .filter_map(|name| RunId::new(name).ok())
            .collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(JournalError::Disk {
            what: "listed",
            source,
        }),
    }
}

fn begun(disk: &dyn Disk, directory: &Path) -> bool {
    let journal = disk.stat(&directory.join(JOURNAL));
    !matches!(journal, Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// Refuses what another user could have put there or can read.
fn trusted(disk: &dyn Disk, path: &Path) -> Result<(), JournalError> {
    let refuse = |why: &str| {
        Err(JournalError::Untrusted {
            path: path.to_owned(),
            why: why.to_owned(),
        })
    };
    let stat = disk.stat(path).map_err(|source| JournalError::Disk {
        what: "examined",
        source,
    })?;
    match stat.kind {
        FileKind::Link => refuse("it is a symbolic link"),
        FileKind::Other => refuse("it is neither a file nor a directory"),
        FileKind::File | FileKind::Directory if !stat.ours => refuse("it belongs to another user"),
        FileKind::File | FileKind::Directory if stat.mode & 0o077 != 0 => {
            refuse(&format!("its mode is {:o}: others may use it", stat.mode))
        }
        FileKind::File | FileKind::Directory => Ok(()),
    }
}

/// A journal, open for writing by the one process that holds its lease.
pub struct Journal {
    place: Place,
    tail: Box<dyn Tail>,
    _lease: Box<dyn Lock>,
    mailbox: Mailbox,
    sum: String,
    number: u64,
    at: Timestamp,
    waiting: Vec<u8>,
    /// After a failed write nothing is known about the tail: the journal is not written again by this process.
    broken: bool,
}

/// What opening found besides the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Bytes of a record that a crash cut off; they were dropped.
    pub bytes: u64,
}

fn take_lease(place: &Place, holder: &Holder) -> Result<Box<dyn Lock>, JournalError> {
    let path = place.directory().join("lock");
    let note = serde_json::to_vec(holder).map_err(|source| JournalError::Unwritable { source })?;
    match place.disk.lock(&path, &note) {
        Ok(lease) => {
            trusted(&*place.disk, &path)?;
            Ok(lease)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            let holder = place
                .disk
                .read(&path)
                .ok()
                .and_then(|note| serde_json::from_slice::<Holder>(&note).ok());
            let holder = holder.map_or("another process".to_owned(), |holder| {
                format!("{} (process {})", holder.who, holder.pid)
            });
            Err(JournalError::Held {
                run: place.run.clone(),
                holder,
            })
        }
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Err(JournalError::NoLock {
            path,
            source: error,
        }),
        Err(source) => Err(JournalError::Disk {
            what: "locked",
            source,
        }),
    }
}

/// Refuses a journal that is not there or not to be trusted, before anything is read or made.
fn present(place: &Place) -> Result<(), JournalError> {
    let path = place.journal();
    match place.disk.stat(&path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(JournalError::Missing {
                run: place.run.clone(),
                directory: place.state.clone(),
            });
        }
        Err(source) => {
            return Err(JournalError::Disk {
                what: "examined",
                source,
            });
        }
    }
    trusted(&*place.disk, &place.directory())?;
    trusted(&*place.disk, &path)
}

/// Proves a journal's records and that they are of this run.
fn examine(place: &Place) -> Result<(line::Scanned, u64), JournalError> {
    present(place)?;
    let path = place.journal();
    let bytes = place
        .disk
        .read(&path)
        .map_err(|source| JournalError::Disk {
            what: "read",
            source,
        })?;
    let scanned = line::scan(&bytes)?;
    match scanned.records.first().map(|record| &record.event) {
        None => Err(JournalError::Empty { path }),
        Some(Event::Planned { format, .. }) if *format != FORMAT => {
            Err(JournalError::Format { found: *format })
        }
        Some(Event::Planned { run, .. }) if *run != place.run => Err(JournalError::OtherRun {
            expected: place.run.clone(),
            found: run.to_string(),
        }),
        Some(Event::Planned { plan, hash, .. }) if plan.hash() != *hash => {
            Err(JournalError::PlanChanged)
        }
        Some(Event::Planned { .. }) => Ok((scanned, bytes.len() as u64)),
        Some(_) => Err(JournalError::Corrupt {
            number: 1,
            offset: 0,
        }),
    }
}

/// Reads a run's records without taking it over: for `status`, `runs`, `report`.
pub fn read(place: &Place) -> Result<Vec<Record>, JournalError> {
    examine(place).map(|(scanned, _)| scanned.records)
}

/// Proves the bytes of a journal that came from elsewhere.
pub fn verify(bytes: &[u8]) -> Result<Vec<Record>, JournalError> {
    line::scan(bytes).map(|scanned| scanned.records)
}

impl Journal {
    /// Begins a journal with its first record.
    pub fn create(
        place: Place,
        at: Timestamp,
        first: Event,
        holder: &Holder,
    ) -> Result<(Journal, Record), JournalError> {
        let disk = place.disk.clone();
        disk.make_dir(&place.directory())
            .map_err(|source| JournalError::Disk {
                what: "given a directory",
                source,
            })?;
        if disk.stat(&place.journal()).is_ok() {
            return Err(JournalError::Exists {
                run: place.run.clone(),
            });
        }
        let lease = take_lease(&place, holder)?;
        let (record, sum) = line::write(&line::origin(), 1, at, first)?;
        let bytes = format!("{}\n", record.line);
        disk.create(&place.journal(), bytes.as_bytes())
            .map_err(|source| match source.kind() {
                io::ErrorKind::AlreadyExists => JournalError::Exists {
                    run: place.run.clone(),
                },
                _ => JournalError::Disk {
                    what: "begun",
                    source,
                },
            })?;
        trusted(&*disk, &place.directory())?;
        let tail = disk
            .tail(&place.journal())
            .map_err(|source| JournalError::Disk {
                what: "opened",
                source,
            })?;
        let mailbox = Mailbox::new(place.mail());
        let journal = Journal {
            place,
            tail,
            _lease: lease,
            mailbox,
            sum,
            number: 1,
            at,
            waiting: Vec::new(),
            broken: false,
        };
        Ok((journal, record))
    }

    /// Takes a run over: its lease, its proven records, and the end of its file.
    pub fn open(
        place: Place,
        holder: &Holder,
    ) -> Result<(Journal, Vec<Record>, Option<Torn>), JournalError> {
        // Refused before the lock is taken: locking makes a file, and nothing is made in a place not to be trusted.
        present(&place)?;
        let lease = take_lease(&place, holder)?;
        let (scanned, length) = examine(&place)?;
        let mut tail = place
            .disk
            .tail(&place.journal())
            .map_err(|source| JournalError::Disk {
                what: "opened",
                source,
            })?;
        let torn = length - scanned.good;
        if torn > 0 {
            tail.cut(scanned.good)
                .map_err(|source| JournalError::Disk {
                    what: "mended",
                    source,
                })?;
        }
        let at = scanned
            .records
            .last()
            .map(|record| record.at)
            .unwrap_or_default();
        let mailbox = Mailbox::new(place.mail());
        let journal = Journal {
            tail,
            _lease: lease,
            mailbox,
            sum: scanned.sum,
            number: scanned.records.len() as u64,
            at,
            waiting: if scanned.unended {
                b"\n".to_vec()
            } else {
                Vec::new()
            },
            broken: false,
            place,
        };
        Ok((
            journal,
            scanned.records,
            (torn > 0).then_some(Torn { bytes: torn }),
        ))
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Makes the next record. It reaches the disk with `flush` or `sync`. Time never goes back within a journal, whatever
    /// the machine's clock does.
    pub fn append(&mut self, at: Timestamp, event: Event) -> Result<Record, JournalError> {
        let at = at.max(self.at);
        let (record, sum) = line::write(&self.sum, self.number + 1, at, event)?;
        self.waiting.extend_from_slice(record.line.as_bytes());
        self.waiting.push(b'\n');
        self.sum = sum;
        self.number += 1;
        self.at = at;
        Ok(record)
    }

    /// Hands what is waiting to the operating system: other processes can read it, a power failure can lose it.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        if self.broken {
            let source = io::Error::other("an earlier write failed");
            return Err(JournalError::Disk {
                what: "written",
                source,
            });
        }
        if self.waiting.is_empty() {
            return Ok(());
        }
        let written = self.tail.append(&self.waiting);
        self.waiting.clear();
        written.map_err(|source| {
            self.broken = true;
            JournalError::Disk {
                what: "written",
                source,
            }
        })
    }

    /// Everything appended is on the medium when this returns.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.flush()?;
        self.tail.sync().map_err(|source| {
            self.broken = true;
            JournalError::Disk {
                what: "synced",
                source,
            }
        })
    }

    /// The letters that have come since the last time.
    pub fn letters(&mut self) -> Vec<Result<Letter, String>> {
        self.mailbox.collect(&*self.place.disk)
    }
}
