//! One journal in which everything happens, shown by every renderer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::figures::figures;
use super::html::page;
use super::json::Json;
use super::lines::{Detail, Lines};
use super::picture::picture;
use super::{Reporter, replay};
use crate::event::*;
use crate::journal::{Journal, Place as Files};
use crate::name::{Place, RunId, StepId};
use crate::plan::*;
use crate::run::tests::toy;
use crate::state::RunState;
use crate::step::{CallKind, CallRecord, Claim, Class, Effect, Fault, Handle, StepError};

/// Every word of the vocabulary. A new event is added here, and then has to be in the sample.
const VOCABULARY: &[&str] = &[
    "planned",
    "leased",
    "started",
    "progress",
    "intended",
    "began",
    "refused",
    "unknown",
    "worked",
    "proven_absent",
    "found",
    "made",
    "held",
    "failed",
    "alternative",
    "gate_broken",
    "reopened",
    "asked",
    "answered",
    "timed_out",
    "reached",
    "mirror_lost",
    "mirror_back",
    "note",
    "stop_asked",
    "unwinding",
    "undo_intended",
    "undo_began",
    "undo_refused",
    "undo_unknown",
    "undone",
    "left_behind",
    "forward",
    "ended",
];

fn id(text: &str) -> StepId {
    StepId::new(text).unwrap()
}

fn plan() -> Plan {
    let mut network = toy::planned("network", "thing", json!({}), Effect::Adds, &[]);
    network.alternatives = vec![json!({})];
    network.expected = Some(Expected {
        p50: 90.0,
        p95: 200.0,
    });
    let steps = vec![
        network,
        toy::planned("images/web", "blobs", json!({}), Effect::Adds, &[]),
        toy::planned("fence", "setting", json!({}), Effect::Fences, &["network"]),
        toy::planned("proof", "check", json!({}), Effect::Reads, &["fence"]),
        toy::planned("noise", "setting", json!({}), Effect::Changes, &[]),
        toy::planned(
            "dns",
            "setting",
            json!({}),
            Effect::Cuts,
            &["proof", "images/web"],
        ),
    ];
    let mut plan = toy::plan(steps);
    let why = "the region <b>burns</b>".to_owned();
    plan.approvals.push(Approval {
        what: "dns".into(),
        by: "owner".into(),
        why,
    });
    plan
}

fn call(operation: &str, resource: &str) -> CallRecord {
    CallRecord {
        service: "rds".into(),
        operation: operation.into(),
        region: Place::new("eu-west-1").unwrap(),
        resource: resource.into(),
        token: None,
        request: json!({ "Name": resource }),
        cli: format!("aws rds {operation}"),
    }
}

struct Story {
    journal: Journal,
    records: Vec<Record>,
    second: i64,
}

impl Story {
    fn tell(&mut self, event: Event) {
        self.second += 7;
        let at = jiff::Timestamp::from_second(1_800_000_000 + self.second).unwrap();
        self.records.push(self.journal.append(at, event).unwrap());
    }
    fn intend(&mut self, step: &str) {
        let call = call("CreateThing", step);
        let (kind, hash, before) = (CallKind::Named, "00".to_owned(), Value::Null);
        let attempt = 0;
        self.tell(Event::Intended {
            step: id(step),
            attempt,
            kind,
            call,
            hash,
            before,
        });
    }
    fn undo(&mut self, step: &str) {
        self.tell(Event::UndoIntended {
            step: id(step),
            call: call("DeleteThing", step),
            hash: "00".into(),
        });
    }
    fn start(&mut self, step: &str) {
        self.tell(Event::Started { step: id(step) });
    }
    fn lease(&mut self, epoch: u32) {
        self.tell(Event::Leased {
            epoch,
            holder: toy::holder(),
        });
    }
    fn ask(&mut self) {
        let until = jiff::Timestamp::from_second(1_800_009_000).unwrap();
        let text = "Move users?\u{1b}[31m".to_owned();
        self.tell(Event::Asked {
            step: id("dns"),
            text,
            until,
            on_timeout: OnTimeout::Unfence,
        });
    }
    fn refused(&mut self, step: &str) {
        self.tell(Event::Refused {
            step: id(step),
            class: Class::Fail,
            code: "InvalidSubnet".into(),
            message: "no such subnet\u{202e}".into(),
            request_id: Some("9c1e".into()),
        });
    }
}

fn story() -> Vec<Record> {
    let files = Files::in_memory(RunId::new("7f3a").unwrap());
    let at = jiff::Timestamp::from_second(1_800_000_000).unwrap();
    let first = Event::Planned {
        format: FORMAT,
        run: files.run().clone(),
        hash: plan().hash(),
        plan: Box::new(plan()),
    };
    let (journal, first) = Journal::create(files, at, first, &toy::holder()).unwrap();
    let mut story = Story {
        journal,
        records: vec![first],
        second: 0,
    };
    let s = &mut story;
    s.lease(1);
    s.start("network");
    s.tell(Event::Progress {
        step: id("network"),
        percent: Some(40),
        note: "creating".into(),
    });
    s.intend("network");
    s.tell(Event::Unknown {
        step: id("network"),
        what: "time-out after 20 s".into(),
    });
    s.tell(Event::ProvenAbsent {
        step: id("network"),
        attempt: 0,
    });
    s.intend("network");
    s.refused("network");
    s.tell(Event::Alternative {
        step: id("network"),
        number: 1,
        why: "InvalidSubnet".into(),
    });
    s.intend("network");
    s.tell(Event::Began {
        step: id("network"),
        handle: Handle::of("vpc-0a1b"),
    });
    s.tell(Event::Made {
        step: id("network"),
        output: json!({}),
    });
    s.start("images/web");
    s.intend("images/web");
    s.tell(Event::Worked {
        step: id("images/web"),
        cursor: json!(1),
        percent: Some(50),
        note: "layer 1 of 2".into(),
    });
    s.tell(Event::Began {
        step: id("images/web"),
        handle: Handle::default(),
    });
    s.tell(Event::Made {
        step: id("images/web"),
        output: json!({}),
    });
    s.start("noise");
    s.tell(Event::Held {
        step: id("noise"),
        output: None,
        seen: Sight::Absent,
    });
    s.start("fence");
    s.intend("fence");
    let moment = jiff::Timestamp::from_second(1_800_000_000 + s.second).unwrap();
    s.tell(Event::Reached {
        milestone: Milestone::Fenced,
        step: id("fence"),
        moment,
    });
    s.tell(Event::Began {
        step: id("fence"),
        handle: Handle::default(),
    });
    s.tell(Event::Made {
        step: id("fence"),
        output: json!({}),
    });
    s.start("proof");
    s.tell(Event::Found {
        step: id("proof"),
        output: json!({}),
        claim: Claim::AsWanted,
    });
    s.tell(Event::MirrorLost {
        why: "AccessDenied".into(),
    });
    s.tell(Event::MirrorBack);
    s.tell(Event::Note {
        text: "letter x.json was not read".into(),
    });
    s.start("dns");
    s.ask();
    s.tell(Event::TimedOut { step: id("dns") });
    s.tell(Event::GateBroken {
        step: id("proof"),
        why: "a write was accepted".into(),
    });
    s.tell(Event::StopAsked {
        by: "Ctrl-C".into(),
    });
    s.tell(Event::Ended {
        outcome: Outcome::Stopped(Halt::Unconfirmed(id("dns"))),
    });
    s.lease(2);
    s.tell(Event::Reopened { step: id("proof") });
    let error = StepError::fail("E4012", "step `dns` was refused")
        .hint("drtool undo 7f3a")
        .left(crate::step::Left::Unknown);
    s.tell(Event::Failed {
        step: id("dns"),
        fault: Fault::from(&error.because(std::io::Error::other("the wire"))),
    });
    let fault = Fault::from(&StepError::fail("E4012", "step `dns` was refused"));
    s.tell(Event::Ended {
        outcome: Outcome::Failed {
            step: id("dns"),
            fault,
        },
    });
    s.lease(3);
    let scope = Scope::From(vec![id("fence")]);
    s.tell(Event::Unwinding {
        why: UnwindWhy::Unconfirmed(id("dns")),
        scope,
        reach: Reach::BeforeCut,
    });
    s.undo("fence");
    s.tell(Event::UndoRefused {
        step: id("fence"),
        class: Class::Wait,
        code: "InvalidState".into(),
        message: "modifying".into(),
        request_id: None,
    });
    s.undo("fence");
    s.tell(Event::UndoUnknown {
        step: id("fence"),
        what: "reset".into(),
    });
    s.undo("fence");
    s.tell(Event::UndoBegan {
        step: id("fence"),
        handle: Handle::default(),
    });
    s.tell(Event::Undone { step: id("fence") });
    s.tell(Event::Forward {
        why: "resumed".into(),
    });
    for (step, claim) in [("fence", Claim::AsWanted), ("proof", Claim::Ours)] {
        s.start(step);
        s.tell(Event::Found {
            step: id(step),
            output: json!({}),
            claim,
        });
    }
    s.start("dns");
    s.ask();
    s.tell(Event::Answered {
        step: id("dns"),
        answer: Answer::No,
        by: "owner@desk".into(),
        how: How::Letter,
    });
    let why = UnwindWhy::Asked("ops@desk".into());
    s.tell(Event::Unwinding {
        why: why.clone(),
        scope: Scope::All,
        reach: Reach::BeforeCut,
    });
    s.tell(Event::LeftBehind {
        step: id("images/web"),
        why: "RepositoryNotEmpty".into(),
        instead: "delete the repository by hand".into(),
    });
    s.tell(Event::Undone {
        step: id("network"),
    });
    s.tell(Event::Ended {
        outcome: Outcome::Unwound {
            why,
            left: vec![id("images/web")],
        },
    });
    story.records
}

#[test]
fn the_story_has_every_word_and_each_word_is_what_the_journal_says() {
    let records = story();
    let told: BTreeSet<&str> = records.iter().map(|record| record.event.name()).collect();
    assert_eq!(told, VOCABULARY.iter().copied().collect());
    for record in &records {
        let line: Value = serde_json::from_str(&record.line).unwrap();
        assert_eq!(line["event"]["type"], record.event.name());
        let back: Event = serde_json::from_value(line["event"].clone()).unwrap();
        assert_eq!(back, record.event);
    }
}

fn shown(detail: Detail) -> String {
    let mut out = Vec::new();
    replay(&story(), &mut Lines::new(&mut out, detail)).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn as_lines() {
    insta::assert_snapshot!(shown(Detail::Verbose));
}

#[test]
fn as_few_lines() {
    insta::assert_snapshot!(shown(Detail::Quiet));
}

#[test]
fn as_json_it_is_the_journal() {
    let mut out = Vec::new();
    replay(&story(), &mut Json(&mut out)).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.lines().eq(story().iter().map(|record| &*record.line)));
    assert_eq!(crate::journal::verify(text.as_bytes()).unwrap(), story());
    // The shape of every kind of record.
    let mut seen = BTreeSet::new();
    let shapes: Vec<&str> = text
        .lines()
        .filter(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["event"]["type"] != "planned"
                && seen.insert(line["event"]["type"].as_str().unwrap().to_owned())
        })
        .map(|line| line.split_once("\"number\"").unwrap().1)
        .collect();
    insta::assert_snapshot!(shapes.join("\n"));
}

#[test]
fn as_a_picture_after_every_record() {
    struct Frames(Vec<String>);
    impl Reporter for Frames {
        fn record(&mut self, record: &Record, state: &RunState) {
            let frame = picture(state, record.at).join("\n");
            self.0.push(format!("— {}\n{frame}", record.event.name()));
        }
    }
    let mut frames = Frames(Vec::new());
    replay(&story(), &mut frames).unwrap();
    insta::assert_snapshot!(frames.0.join("\n"));
}

#[test]
fn as_a_moving_picture_nobody_has_to_look_at() {
    let mut bar = super::bar::Bar::on(indicatif::ProgressDrawTarget::hidden(), Detail::Normal);
    let state = replay(&story(), &mut bar).unwrap().unwrap();
    bar.pulse(&state, state.now);
}

#[test]
fn as_a_page_that_loads_nothing_and_lets_nothing_through() {
    let page = page(&story()).unwrap();
    for forbidden in [
        "http://", "https://", "<script", "src=", "<b>burns", "\u{1b}", "\u{202e}", "@import",
        "url(",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    insta::assert_snapshot!(page);
}

#[test]
fn figures_come_from_the_records_alone_and_what_was_not_measured_says_so() {
    let records = story();
    let state = RunState::fold(&records).unwrap();
    let figures = figures(&records, &state);
    assert_eq!(
        (
            figures.lives,
            figures.calls,
            figures.unanswered,
            figures.left
        ),
        (3, 8, 2, 1)
    );
    assert_eq!((figures.downtime, figures.recovery_point), (None, None));
    let bench = toy::Bench::new();
    bench.finish(toy::migrate());
    let records = crate::journal::read(&bench.files).unwrap();
    let figures = super::figures::figures(&records, &RunState::fold(&records).unwrap());
    assert_eq!(
        figures.recovery_point.map(|time| time.as_secs()),
        Some(0),
        "measured, and nothing is lost"
    );
    assert!(figures.downtime.unwrap() > std::time::Duration::from_secs(20));
}

#[test]
fn a_terminal_that_went_away_stops_nothing() {
    struct Gone;
    impl std::io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
    }
    let bench = toy::Bench::new();
    let run = bench
        .begin(toy::migrate())
        .unwrap()
        .reporter(Lines::new(Gone, Detail::Verbose))
        .reporter(Json(Gone));
    assert_eq!(bench.live(run).unwrap().outcome(), &Outcome::Done);
}
