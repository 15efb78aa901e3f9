//! Whatever bytes are in a file, reading it ends with a value or with an error that has a code: never with a panic.

use drtool::capture::Capture;
use drtool::cli::saved;
use drtool::expand::runbook;
use drtool::failure::{Failures, Sources};
use drtool::manifest::{self, File};
use drtool_engine::journal;
use proptest::prelude::*;
use std::path::Path;
use std::sync::LazyLock;

use crate::kill::{self, When};

fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

static MANIFEST: LazyLock<Vec<u8>> = LazyLock::new(|| read("manifests/redmine.yaml"));
static RUNBOOK: LazyLock<Vec<u8>> = LazyLock::new(|| read("runbooks/migrate.yaml"));
static CAPTURE: LazyLock<Vec<u8>> = LazyLock::new(|| read("manifests/redmine.capture.json"));
static PLAN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let bench = crate::world::Bench::new();
    let plan = bench.plan(drtool::expand::Rehearsal::Real);
    serde_json::to_vec_pretty(&serde_json::json!({ "hash": plan.hash(), "plan": plan })).unwrap()
});
/// A journal of a short run, as it lies on disk.
static JOURNAL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let bench = crate::world::Bench::new();
    let plan = bench.plan(drtool::expand::Rehearsal::Drill);
    kill::killed(&bench, &plan, When::Events(400));
    let records = journal::read(&bench.place(&plan)).unwrap();
    let lines: Vec<&str> = records.iter().map(|record| &*record.line).collect();
    (lines.join("\n") + "\n").into_bytes()
});

/// What is done to a file: where (as a part of its length), and what.
#[derive(Clone, Debug)]
enum Harm {
    Flip(f64, u8),
    Cut(f64, usize),
    Twice(f64, usize),
    Put(f64, &'static str),
    End(f64),
}

const PIECES: &[&str] = &[
    "\0",
    "\u{feff}",
    "\r",
    "\t",
    "\n",
    "---\n",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ": ",
    "&a ",
    "*a",
    "!!str ",
    "<<: ",
    "\"",
    "'",
    "|\n",
    "${",
    "}${x",
    "null",
    "~",
    "-1",
    "1e999",
    "99999999999999999999",
    "0x",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "\u{202e}",
    "\u{1b}[2J",
    "ı",
    "🦀",
    "2024-01-01",
    "no",
    "#",
    "\\u0000",
    "\\ud800",
];

fn harm() -> impl Strategy<Value = Harm> {
    let at = || 0.0..1.0_f64;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Harm::Flip(at, byte)),
        (at(), 1..200_usize).prop_map(|(at, length)| Harm::Cut(at, length)),
        (at(), 1..200_usize).prop_map(|(at, length)| Harm::Twice(at, length)),
        (at(), 0..PIECES.len()).prop_map(|(at, piece)| Harm::Put(at, PIECES[piece])),
        at().prop_map(Harm::End),
    ]
}

fn harmed(bytes: &[u8], harms: &[Harm]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for harm in harms {
        let place =
            |at: f64| ((bytes.len() as f64 * at) as usize).min(bytes.len().saturating_sub(1));
        match harm {
            _ if bytes.is_empty() => {}
            Harm::Flip(at, byte) => {
                let at = place(*at);
                bytes[at] ^= byte;
            }
            Harm::Cut(at, length) => {
                let at = place(*at);
                let end = (at + length).min(bytes.len());
                bytes.drain(at..end);
            }
            Harm::Twice(at, length) => {
                let at = place(*at);
                let end = (at + length).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(end..end, piece);
            }
            Harm::Put(at, piece) => {
                let at = place(*at);
                bytes.splice(at..at, piece.bytes());
            }
            Harm::End(at) => {
                let at = place(*at);
                bytes.truncate(at);
            }
        }
    }
    bytes
}

/// An error says what it is and can be shown, and what is shown cannot move a terminal's cursor.
fn told<T>(result: Result<T, Failures>) {
    if let Err(failures) = result {
        assert!(!failures.0.is_empty());
        for failure in &failures.0 {
            assert!(failure.code.starts_with('E') && !failure.to_string().is_empty());
        }
        let text = failures.render(false);
        let obeyed = |c: char| c.is_control() && c != '\n' && c != '\t';
        assert!(!text.contains(obeyed), "{text:?}");
        assert!(!text.contains(['\u{202e}', '\u{feff}']), "{text:?}");
    }
}

fn file(bytes: &[u8]) -> File<'_> {
    File {
        name: "file.yaml",
        bytes,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, rng_seed: prop::test_runner::RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn manifests(harms in prop::collection::vec(harm(), 1..5)) {
        told(manifest::load(&mut Sources::default(), &file(&harmed(&MANIFEST, &harms)), &[]));
    }

    #[test]
    fn overlays(harms in prop::collection::vec(harm(), 1..5)) {
        let base = file(&MANIFEST);
        let over = harmed(b"objectives: { rto: 2h }\nservices:\n  - { name: web, environment: { A: \"b\" } }\n", &harms);
        told(manifest::load(&mut Sources::default(), &base, &[file(&over)]));
    }

    #[test]
    fn runbooks(harms in prop::collection::vec(harm(), 1..5)) {
        told(runbook::load(&mut Sources::default(), &file(&harmed(&RUNBOOK, &harms))));
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        told(manifest::load(&mut Sources::default(), &file(&bytes), &[]));
        told(runbook::load(&mut Sources::default(), &file(&bytes)));
        told(Capture::read("capture.json", &bytes).map_err(Failures::from));
        told(saved::proven("plan.json", &bytes));
        prop_assert!(journal::verify(&bytes).map_or(true, |records| records.is_empty()), "chance wrote a journal");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, rng_seed: prop::test_runner::RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn captures(harms in prop::collection::vec(harm(), 1..5)) {
        told(Capture::read("capture.json", &harmed(&CAPTURE, &harms)).map_err(Failures::from));
    }

    #[test]
    fn saved_plans(harms in prop::collection::vec(harm(), 1..5)) {
        let bytes = harmed(&PLAN, &harms);
        // What still reads as a plan is the plan that was saved: nothing slips through under its hash.
        match saved::proven("plan.json", &bytes) {
            Ok(plan) => prop_assert_eq!(plan, saved::proven("plan.json", &PLAN).unwrap()),
            Err(failures) => told::<()>(Err(failures)),
        }
    }

    #[test]
    fn journals(harms in prop::collection::vec(harm(), 1..5)) {
        let whole = journal::verify(&JOURNAL).unwrap();
        // What is read is how the run really began: a prefix, and never anything else.
        if let Ok(records) = journal::verify(&harmed(&JOURNAL, &harms)) {
            prop_assert!(records.len() <= whole.len());
            prop_assert_eq!(&records[..], &whole[..records.len()]);
        }
    }
}
