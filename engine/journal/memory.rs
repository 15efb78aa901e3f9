//! A disk in memory, for journals that need not outlive their process (a dry run), and for proving what happens when a real
//! one fails: it can refuse an operation, and its power can fail with any part of what was not synced lost.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, FileKind, Lock, Stat, Tail};

/// How much of what was not synced is on the medium after the power failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    Nothing,
    /// The first half: a torn write.
    Half,
    All,
}

/// What goes wrong.
#[derive(Clone)]
pub enum Trouble {
    /// The operation is refused and has no effect.
    Error(io::ErrorKind),
    /// An append writes half and is then refused.
    Short(io::ErrorKind),
    /// The power fails in the middle of the operation; the function lets the rest of the machine know.
    Power(Keep, Arc<dyn Fn() + Send + Sync>),
}

#[derive(Default)]
struct Contents {
    bytes: Vec<u8>,
    synced: usize,
    locked: bool,
}

#[derive(Default)]
struct Inner {
    files: BTreeMap<PathBuf, Contents>,
    operations: u64,
    trouble: BTreeMap<u64, Trouble>,
    dark: bool,
    boots: u64,
}

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<Inner>>);

struct MemoryTail {
    disk: MemoryDisk,
    path: PathBuf,
    boot: u64,
}

struct MemoryLock {
    disk: MemoryDisk,
    path: PathBuf,
    boot: u64,
}

impl MemoryDisk {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another disk with the same files, held by nobody.
    pub fn fork(&self) -> MemoryDisk {
        let files = &self.inner().files;
        let files = files.iter().map(|(path, contents)| {
            let copy = Contents {
                bytes: contents.bytes.clone(),
                synced: contents.synced,
                locked: false,
            };
            (path.clone(), copy)
        });
        MemoryDisk(Arc::new(Mutex::new(Inner {
            files: files.collect(),
            ..Inner::default()
        })))
    }

    /// How many operations that change something were tried: each is a place to fail.
    pub fn operations(&self) -> u64 {
        self.inner().operations
    }

    /// The n-th operation from now goes wrong.
    pub fn trouble(&self, n: u64, trouble: Trouble) {
        let mut inner = self.inner();
        let at = inner.operations + n;
        inner.trouble.insert(at, trouble);
    }

    /// Power is back, locks are gone, what was not synced is as the failure left it.
    pub fn reboot(&self) {
        let mut inner = self.inner();
        inner.dark = false;
        inner.boots += 1;
        inner.trouble.clear();
        inner
            .files
            .values_mut()
            .for_each(|file| file.locked = false);
    }

    /// A process dies: its locks go, but what it appended stays (the kernel has it).
    pub fn kill(&self) {
        let mut inner = self.inner();
        inner.boots += 1;
        inner
            .files
            .values_mut()
            .for_each(|file| file.locked = false);
    }

    /// Changes a file behind everybody's back.
    pub fn spoil(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(file) = self.inner().files.get_mut(path) {
            change(&mut file.bytes);
            file.synced = file.bytes.len();
        }
    }
}

impl Inner {
    /// Counts an operation and says whether it may go on. `path` is being appended with `bytes`.
    fn operate(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if self.dark {
            return Err(io::Error::other("the power is off"));
        }
        self.operations += 1;
        match self.trouble.remove(&self.operations) {
            None => Ok(()),
            Some(Trouble::Error(kind)) => Err(kind.into()),
            Some(Trouble::Short(kind)) => {
                if let Some(file) = self.files.get_mut(path) {
                    file.bytes.extend_from_slice(&bytes[..bytes.len() / 2]);
                }
                Err(kind.into())
            }
            Some(Trouble::Power(keep, off)) => {
                self.dark = true;
                if let Some(file) = self.files.get_mut(path) {
                    file.bytes.extend_from_slice(bytes);
                }
                for file in self.files.values_mut() {
                    let unsynced = file.bytes.len() - file.synced;
                    let kept = match keep {
                        Keep::Nothing => 0,
                        Keep::Half => unsynced / 2,
                        Keep::All => unsynced,
                    };
                    file.bytes.truncate(file.synced + kept);
                    file.synced = file.bytes.len();
                }
                off();
                Err(io::Error::other("the power failed"))
            }
        }
    }
}

impl Disk for MemoryDisk {
    fn make_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        inner.operate(path, &[])?;
        inner.files.insert(
            path.to_owned(),
            Contents {
                bytes: bytes.to_vec(),
                synced: bytes.len(),
                locked: false,
            },
        );
        Ok(())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let inner = self.inner();
        inner
            .files
            .get(path)
            .map(|file| file.bytes.clone())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let inner = self.inner();
        let mut names: Vec<String> = inner
            .files
            .keys()
            .filter_map(|file| {
                file.strip_prefix(path)
                    .ok()?
                    .components()
                    .next()?
                    .as_os_str()
                    .to_str()
                    .map(str::to_owned)
            })
            .collect();
        names.dedup();
        Ok(names)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let inner = self.inner();
        if inner.files.contains_key(path) {
            Ok(Stat {
                kind: FileKind::File,
                ours: true,
                mode: 0o600,
            })
        } else if inner.files.keys().any(|file| file.starts_with(path)) {
            Ok(Stat {
                kind: FileKind::Directory,
                ours: true,
                mode: 0o700,
            })
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn tail(&self, path: &Path) -> io::Result<Box<dyn Tail>> {
        let inner = self.inner();
        if !inner.files.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Box::new(MemoryTail {
            disk: self.clone(),
            path: path.to_owned(),
            boot: inner.boots,
        }))
    }

    fn lock(&self, path: &Path, note: &[u8]) -> io::Result<Box<dyn Lock>> {
        let mut inner = self.inner();
        let boot = inner.boots;
        let file = inner.files.entry(path.to_owned()).or_default();
        if file.locked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        file.locked = true;
        file.bytes = note.to_vec();
        file.synced = note.len();
        Ok(Box::new(MemoryLock {
            disk: self.clone(),
            path: path.to_owned(),
            boot,
        }))
    }
}

impl MemoryTail {
    fn operate(&self, bytes: &[u8], change: impl FnOnce(&mut Contents)) -> io::Result<()> {
        let mut inner = self.disk.inner();
        if inner.boots != self.boot {
            return Err(io::Error::other("this process is dead"));
        }
        inner.operate(&self.path, bytes)?;
        let file = inner
            .files
            .get_mut(&self.path)
            .ok_or(io::ErrorKind::NotFound)?;
        change(file);
        Ok(())
    }
}

impl Tail for MemoryTail {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.operate(bytes, |file| file.bytes.extend_from_slice(bytes))
    }
    fn sync(&mut self) -> io::Result<()> {
        self.operate(&[], |file| file.synced = file.bytes.len())
    }
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.operate(&[], |file| {
            file.bytes
                .truncate(usize::try_from(length).unwrap_or(usize::MAX));
            file.synced = file.bytes.len();
        })
    }
}

impl Lock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        let mut inner = self.disk.inner();
        if inner.boots == self.boot
            && let Some(file) = inner.files.get_mut(&self.path)
        {
            file.locked = false;
        }
    }
}
