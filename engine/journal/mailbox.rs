//! Letters: how another process has a say in a run. Each is a file that is made once and never changed; the process that
//! holds the run reads them and writes what they caused into the journal.
//!
//! A letter is bound to what its writer saw: an answer to one question of one journal, a request to one life of a run.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Disk;
use crate::event::Answer;
use crate::name::StepId;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letter {
    /// For people: user and host.
    pub by: String,
    pub at: Timestamp,
    pub wish: Wish,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Wish {
    /// The answer to the question in the record with this number.
    Answer {
        step: StepId,
        asked: u64,
        answer: Answer,
    },
    /// Stop after the calls in flight, in the life with this number.
    Pause { epoch: u32 },
    /// Take back what was made.
    Cancel { epoch: u32 },
}

/// A letter longer than this is not one.
const LONGEST: usize = 16 * 1024;
/// No more letters than this are read in one life: a full directory must not stop a run.
const MOST: usize = 10_000;

/// Puts a letter in. `AlreadyExists` if the same person has sent the same wish before.
pub fn post(disk: &dyn Disk, directory: &Path, letter: &Letter) -> io::Result<PathBuf> {
    let subject = match &letter.wish {
        Wish::Answer {
            step,
            asked,
            answer,
        } => {
            let answer = match answer {
                Answer::Yes => "approve",
                Answer::No => "decline",
            };
            format!("{answer}-{asked}-{}", step.as_str().replace('/', "~"))
        }
        Wish::Pause { epoch } => format!("pause-{epoch}"),
        Wish::Cancel { epoch } => format!("cancel-{epoch}"),
    };
    disk.make_dir(directory)?;
    let path = directory.join(format!("{subject}.json"));
    disk.create(&path, &serde_json::to_vec(letter)?)?;
    Ok(path)
}

/// Reads each letter once.
pub struct Mailbox {
    directory: PathBuf,
    read: BTreeSet<String>,
}

impl Mailbox {
    pub fn new(directory: PathBuf) -> Self {
        Mailbox {
            directory,
            read: BTreeSet::new(),
        }
    }

    /// The letters that have come since, oldest first. What is not a letter is passed over, and said once.
    pub fn collect(&mut self, disk: &dyn Disk) -> Vec<Result<Letter, String>> {
        let mut letters = Vec::new();
        let Ok(names) = disk.list(&self.directory) else {
            return letters;
        };
        for name in names {
            if self.read.len() >= MOST
                || !name.ends_with(".json")
                || name.starts_with('.')
                || self.read.contains(&name)
            {
                continue;
            }
            let path = self.directory.join(&name);
            let letter = super::trusted(disk, &path)
                .map_err(|error| error.to_string())
                .and_then(|()| disk.read(&path).map_err(|error| error.to_string()))
                .and_then(|bytes| match bytes.len() {
                    0..=LONGEST => {
                        serde_json::from_slice(&bytes).map_err(|error| error.to_string())
                    }
                    _ => Err("it is too long".to_owned()),
                })
                .map_err(|why| format!("letter {} was not read: {why}", name.escape_debug()));
            self.read.insert(name);
            letters.push(letter);
        }
        letters.sort_by_key(|letter| letter.as_ref().ok().map(|letter: &Letter| letter.at));
        letters
    }
}
