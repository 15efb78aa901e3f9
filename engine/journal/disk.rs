//! The few things a journal asks of a disk, and the machine's own answer to them.
//!
//! Must not know: what is in the files.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where journals live. Everything made is readable by its owner only.
pub trait Disk: Send + Sync + 'static {
    /// Makes a directory and those above it; fine if it is there.
    fn make_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes a file with this content, whole or not at all; `AlreadyExists` if there is one.
    fn create(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The names in a directory, sorted.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    fn stat(&self, path: &Path) -> io::Result<Stat>;
    /// Opens an existing file for appending.
    fn tail(&self, path: &Path) -> io::Result<Box<dyn Tail>>;
    /// Takes a lock until it is dropped or its process dies; `WouldBlock` if another has it. `note` says who.
    fn lock(&self, path: &Path, note: &[u8]) -> io::Result<Box<dyn Lock>>;
}

/// The end of a file.
pub trait Tail: Send {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Everything appended is on the medium. After an error nothing is known about the tail: it must not be tried again.
    fn sync(&mut self) -> io::Result<()>;
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// Held as long as it lives.
pub trait Lock: Send {}

/// What a path is, itself: links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    pub kind: FileKind,
    pub ours: bool,
    /// Permission bits.
    pub mode: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    File,
    Directory,
    Link,
    Other,
}

/// The machine's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

struct RealTail(File);
struct RealLock {
    _file: File,
}

impl Lock for RealLock {}

/// A file opened, and proven to be what the path names and not what a link led to.
fn open(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let file = options.open(path)?;
    let (opened, named) = (file.metadata()?, fs::symlink_metadata(path)?);
    if named.file_type().is_symlink() || (opened.dev(), opened.ino()) != (named.dev(), named.ino())
    {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a link"));
    }
    Ok(file)
}

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Our own user, as the kernel shows it; where it does not, as a file made by us shows it.
fn user(near: &Path) -> io::Result<u32> {
    if let Ok(own) = fs::metadata("/proc/self") {
        return Ok(own.uid());
    }
    let probe = sibling(near, "owner");
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&probe)?;
    let uid = file.metadata().map(|own| own.uid());
    fs::remove_file(&probe)?;
    uid
}

/// A name beside `path` that no other process uses.
fn sibling(path: &Path, what: &str) -> PathBuf {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    path.with_file_name(format!(".{name}.{what}.{}", std::process::id()))
}

impl Disk for RealDisk {
    fn make_dir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)
    }

    fn create(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let draft = sibling(path, "draft");
        // A draft of a dead process with our id is nobody's.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        let written = file
            .write_all(bytes)
            .and_then(|()| file.sync_all())
            // A link, not a rename: a rename would silently replace what is there.
            .and_then(|()| fs::hard_link(&draft, path));
        let removed = fs::remove_file(&draft);
        written.and(removed).and_then(|()| sync_dir(path))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        open(path, OpenOptions::new().read(true))?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let named = fs::symlink_metadata(path)?;
        let kind = match named.file_type() {
            kind if kind.is_symlink() => FileKind::Link,
            kind if kind.is_file() => FileKind::File,
            kind if kind.is_dir() => FileKind::Directory,
            _ => FileKind::Other,
        };
        Ok(Stat {
            kind,
            ours: named.uid() == user(path)?,
            mode: named.mode() & 0o7777,
        })
    }

    fn tail(&self, path: &Path) -> io::Result<Box<dyn Tail>> {
        let mut file = open(path, OpenOptions::new().read(true).write(true))?;
        file.seek(SeekFrom::End(0))?;
        Ok(Box::new(RealTail(file)))
    }

    fn lock(&self, path: &Path, note: &[u8]) -> io::Result<Box<dyn Lock>> {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        let mut file = open(path, &options)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::from(io::ErrorKind::WouldBlock),
            TryLockError::Error(error) => error,
        })?;
        // The note is for people; the lock itself is what counts.
        file.set_len(0)?;
        file.write_all(note)?;
        Ok(Box::new(RealLock { _file: file }))
    }
}

impl Tail for RealTail {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)?;
        self.0.seek(SeekFrom::Start(length))?;
        self.0.sync_all()
    }
}
