//! The engine of drtool: plans are data, runs are streams of events. It knows no AWS.
//!
//! # From above
//!
//! A **run is a stream of events, and the stream is the journal**. What is done, what the progress bar shows, what a report
//! says and with which status the process exits are folds over it. Nothing is kept twice, so nothing can disagree.
//!
//! ```text
//!   plan ──────────► run::next ── what now?     run::gate ── may it?      run::decide ── what was seen?
//!   (every choice        ▲            │                                        ▲
//!    already made)       │            ▼                                        │
//!                      state ◄── journal ◄── one writer ◄── run::executor ── looks, calls ──► the world
//!                   (the fold)    (append,      (emit)           │
//!                                  sync)                          └── only what is on disk has left
//! ```
//!
//! One order for everything: **look** (a step says what is there), **ask** (it describes a call; the engine writes the intent
//! down, syncs, sends, writes the answer down), **look again**. After a crash the same lines run from the top. A thing that is
//! there and proven ours is taken. A thing that is absent although a call may have made it is searched for, by the kind of
//! promise that the call carries (`step::CallKind`), before another is made.
//!
//! # The map, in reading order
//!
//! | module | what it is |
//! |---|---|
//! | [`name`] | ids of steps, runs and places, checked when they are made |
//! | [`step`] | what a kind of step says for itself: `Step`, `Work`, `Call`, `Observed`, `Undo`; `Kind` takes the types off |
//! | [`plan`] | what will be done, as data; `plan::check` is what it may not say |
//! | [`event`] | the whole vocabulary of a run, its outcomes and exit statuses |
//! | [`state`] | the fold; `state::table` is the only table of legal transitions; `state::unwind` is the way back |
//! | [`journal`] | lines that prove themselves, on a disk that may fail; lease, mailbox, mirror |
//! | [`clock`] | the machine's time, or a virtual one that moves only when nothing can run |
//! | [`run`] | carrying out: `next`, `decide`, `gate` are pure, `executor` is one run, `fleet` the only loop |
//! | [`report`] | readers: bar, lines, JSON, HTML; the figures of a run |
//!
//! # What is not there
//!
//! - No name of a kind, a command or a cloud. What differs between a move, a drill and a dry run is in the plan.
//! - No clock, sleep, file or terminal in [`step`]; no I/O and no `async` in [`plan`], [`state`], `next`, `decide`, `gate`.
//! - No request leaves before its intent is on disk; none leaves after the disk has failed. A reporter cannot stop a run.
//! - No second checkpoint beside the journal, and no transition outside the table: a journal that says otherwise is refused.
//! - No unbounded wait: deadlines and begins are counted per life of a run, retries back off, questions time out.
//! - Nothing of a stranger's is taken back: undo is asked only of steps that this run began.
//! - No chance: no random number, no hash order, ties in time broken by sequence. Equal worlds write equal journals.

pub mod clock;
pub mod event;
pub mod journal;
pub mod name;
pub mod plan;
pub mod report;
pub mod run;
pub mod state;
pub mod step;

pub use jiff::Timestamp;
pub use name::{Place, RunId, StepId};
