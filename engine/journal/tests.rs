use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::plan::{Finish, OnFailure, Plan, Profile};

fn run() -> RunId {
    RunId::new("7f3a").unwrap()
}

fn holder() -> Holder {
    Holder {
        who: "ops@desk".into(),
        pid: 41,
        boot: "b".into(),
        binary: "0.1.0".into(),
        place: None,
    }
}

fn plan() -> Plan {
    Plan {
        format: FORMAT,
        stack: "redmine".into(),
        lineage: "l1".into(),
        seed: "7f3a".into(),
        profile: Profile {
            name: "migrate".into(),
            finish: Finish::Keep,
            on_failure: OnFailure::Stop,
        },
        facts: serde_json::json!({}),
        phases: vec![],
        steps: vec![],
        approvals: vec![],
        objectives: Vec::new(),
    }
}

fn first() -> Event {
    Event::Planned {
        format: FORMAT,
        run: run(),
        hash: plan().hash(),
        plan: Box::new(plan()),
    }
}

fn note(text: &str) -> Event {
    Event::Note { text: text.into() }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn written() -> (MemoryDisk, Place, Vec<Record>) {
    let disk = MemoryDisk::default();
    let place = Place::new(Arc::new(disk.clone()), "/state", run());
    let (mut journal, record) = Journal::create(place.clone(), at(0), first(), &holder()).unwrap();
    let mut records = vec![record];
    for n in 1..6 {
        records.push(journal.append(at(n), note(&format!("number {n}"))).unwrap());
        journal.sync().unwrap();
    }
    (disk, place, records)
}

#[test]
fn what_was_written_is_read_back() {
    let (_, place, records) = written();
    assert_eq!(read(&place).unwrap(), records);
    let (mut journal, again, torn) = Journal::open(place.clone(), &holder()).unwrap();
    assert_eq!((again, torn), (records, None));
    let record = journal.append(at(2), note("later")).unwrap();
    assert_eq!(
        (record.number, record.at),
        (7, at(5)),
        "time does not go back"
    );
    journal.sync().unwrap();
    assert_eq!(read(&place).unwrap().len(), 7);
}

#[test]
fn every_truncation_leaves_a_prefix_of_the_records() {
    let (disk, place, records) = written();
    let whole = disk.read(&place.journal()).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap();
    for length in 0..whole.len() {
        let cut = whole[..length].to_vec();
        disk.spoil(&place.journal(), |bytes| *bytes = cut.clone());
        let opened = Journal::open(place.clone(), &holder());
        if length < first {
            assert!(
                matches!(opened, Err(JournalError::Empty { .. })),
                "{length}"
            );
            continue;
        }
        let (mut journal, found, _) = opened.unwrap();
        let ends = cut.iter().filter(|byte| **byte == b'\n').count();
        // A record that lacks nothing but its end of line was written.
        let expected = if whole.get(length) == Some(&b'\n') {
            ends + 1
        } else {
            ends
        };
        assert_eq!(found, records[..expected], "{length}");
        journal.append(at(9), note("after the crash")).unwrap();
        journal.sync().unwrap();
        drop(journal);
        assert_eq!(read(&place).unwrap().len(), expected + 1, "{length}");
    }
}

#[test]
fn no_flipped_bit_is_believed() {
    let (disk, place, records) = written();
    let whole = disk.read(&place.journal()).unwrap();
    for byte in 0..whole.len() {
        for bit in 0..8 {
            let mut spoilt = whole.clone();
            spoilt[byte] ^= 1 << bit;
            disk.spoil(&place.journal(), |bytes| *bytes = spoilt);
            match read(&place) {
                // Only the very last end of line can be lost without loss: every record is still proven.
                Ok(found) => assert!(
                    byte == whole.len() - 1 && found == records,
                    "byte {byte} bit {bit}"
                ),
                Err(error) => assert_eq!(error.code(), "E3004", "byte {byte} bit {bit}: {error}"),
            }
        }
    }
}

#[test]
fn records_doubled_swapped_or_dropped_are_refused() {
    let (disk, place, _) = written();
    let whole = disk.read(&place.journal()).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    for n in 1..lines.len() - 1 {
        let mut doubled = lines.clone();
        doubled.insert(n, lines[n]);
        let mut swapped = lines.clone();
        swapped.swap(n, n + 1);
        let mut dropped = lines.clone();
        dropped.remove(n);
        for wrong in [doubled, swapped, dropped] {
            disk.spoil(&place.journal(), |bytes| *bytes = wrong.concat());
            assert_eq!(read(&place).unwrap_err().code(), "E3004");
        }
    }
}

#[test]
fn a_run_has_one_holder_and_a_dead_one_lets_go() {
    let (disk, place, _) = written();
    let (journal, ..) = Journal::open(place.clone(), &holder()).unwrap();
    let error = Journal::open(place.clone(), &holder()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "run `7f3a` is being carried out by ops@desk (process 41)"
    );
    assert!(place.held());
    disk.kill();
    assert!(!place.held());
    let (..) = Journal::open(place.clone(), &holder()).unwrap();
    drop(journal);
}

#[test]
fn after_a_failed_write_nothing_is_written_again() {
    for trouble in [
        Trouble::Error(io::ErrorKind::StorageFull),
        Trouble::Short(io::ErrorKind::StorageFull),
    ] {
        for operation in 1..=2 {
            let (disk, place, records) = written();
            let (mut journal, ..) = Journal::open(place.clone(), &holder()).unwrap();
            journal.append(at(8), note("lost")).unwrap();
            disk.trouble(operation, trouble.clone());
            assert_eq!(journal.sync().unwrap_err().code(), "E3006");
            journal.append(at(9), note("too late")).unwrap();
            assert_eq!(journal.sync().unwrap_err().code(), "E3006");
            drop(journal);
            let found = read(&place).unwrap();
            assert!(found.len() <= records.len() + 1 && found.starts_with(&records));
        }
    }
}

#[test]
fn another_runs_journal_and_another_format_are_refused() {
    let (disk, place, _) = written();
    let other = Place::new(
        Arc::new(disk.clone()),
        "/state",
        RunId::new("beef").unwrap(),
    );
    disk.create(&other.journal(), &disk.read(&place.journal()).unwrap())
        .unwrap();
    assert_eq!(read(&other).unwrap_err().code(), "E3008");
    let newer = Place::new(Arc::new(disk.clone()), "/new", run());
    let event = Event::Planned {
        format: FORMAT + 1,
        run: run(),
        hash: plan().hash(),
        plan: Box::new(plan()),
    };
    Journal::create(newer.clone(), at(0), event, &holder()).unwrap();
    assert_eq!(read(&newer).unwrap_err().code(), "E3005");
    let changed = Place::new(Arc::new(disk), "/changed", run());
    let event = Event::Planned {
        format: FORMAT,
        run: run(),
        hash: "00".into(),
        plan: Box::new(plan()),
    };
    Journal::create(changed.clone(), at(0), event, &holder()).unwrap();
    assert_eq!(read(&changed).unwrap_err().code(), "E3011");
}

#[test]
fn a_letter_is_read_once_and_rubbish_is_said() {
    let (_, place, _) = written();
    let (mut journal, ..) = Journal::open(place.clone(), &holder()).unwrap();
    let letter = Letter {
        by: "ops".into(),
        at: at(3),
        wish: Wish::Pause { epoch: 1 },
    };
    place.post(&letter).unwrap();
    assert_eq!(
        place.post(&letter).unwrap_err().kind(),
        io::ErrorKind::AlreadyExists
    );
    place
        .disk
        .create(&place.mail().join("x.json"), b"{}")
        .unwrap();
    let letters = journal.letters();
    assert_eq!(letters.len(), 2);
    assert!(letters.contains(&Ok(letter)));
    assert!(journal.letters().is_empty());
}

/// A directory of this test alone, removed at its end.
struct Scratch(PathBuf);
impl Scratch {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("drtool-engine-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Scratch(path)
    }
}
impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn on_a_real_disk_files_are_ours_alone_and_strangers_files_are_refused() {
    let scratch = Scratch::new("disk");
    let place = Place::new(Arc::new(RealDisk), &scratch.0, run());
    let (mut journal, _) = Journal::create(place.clone(), at(0), first(), &holder()).unwrap();
    journal.append(at(1), note("x")).unwrap();
    journal.sync().unwrap();
    assert!(place.held());
    assert!(matches!(
        Journal::open(place.clone(), &holder()),
        Err(JournalError::Held { .. })
    ));
    drop(journal);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&place.directory()), mode(&place.journal())),
        (0o700, 0o600)
    );
    assert_eq!(
        std::fs::read_dir(place.directory()).unwrap().count(),
        2,
        "no draft is left"
    );
    let (journal, records, _) = Journal::open(place.clone(), &holder()).unwrap();
    assert_eq!(records.len(), 2);
    drop(journal);
    assert_eq!(runs(&RealDisk, &scratch.0).unwrap(), [run()]);

    std::fs::set_permissions(place.journal(), PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(read(&place).unwrap_err().code(), "E3003");
    std::fs::set_permissions(place.journal(), PermissionsExt::from_mode(0o600)).unwrap();
    let elsewhere = scratch.0.join("elsewhere");
    std::fs::rename(place.journal(), &elsewhere).unwrap();
    symlink(&elsewhere, place.journal()).unwrap();
    assert_eq!(read(&place).unwrap_err().code(), "E3003");
    assert_eq!(runs(&RealDisk, &scratch.0).unwrap(), [run()]);
    std::fs::remove_file(place.journal()).unwrap();
    assert_eq!(read(&place).unwrap_err().code(), "E3001");
    assert_eq!(runs(&RealDisk, &scratch.0).unwrap(), [], "it never began");
    std::fs::write(place.journal(), b"").unwrap();
    std::fs::set_permissions(place.journal(), PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(read(&place).unwrap_err().code(), "E3002");
    assert!(matches!(
        Journal::create(place, at(0), first(), &holder()),
        Err(JournalError::Exists { .. })
    ));
}
