//! The whole vocabulary of a run. The journal is a list of these; progress, state, reports and exit code are folds over it.
//!
//! Must not know: who reads.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::name::{RunId, StepId};
use crate::plan::{Milestone, OnTimeout, Plan};
use crate::step::{CallKind, CallRecord, Claim, Class, Fault, Handle};

/// One line of a journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Counts from 1.
    pub number: u64,
    pub at: Timestamp,
    pub event: Event,
    /// The line as it is on disk, without its end of line: what `--json` prints.
    pub line: std::sync::Arc<str>,
}

/// Who carries out a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// For people: user and host.
    pub who: String,
    pub pid: u32,
    /// The machine's boot: a process id means nothing across two of them.
    pub boot: String,
    /// Hash or version of the binary.
    pub binary: String,
    /// In which world, in the product's words. Journals of old do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// What a held step saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    Absent,
    Partial(String),
    Underway(String),
    Ready(Claim),
    Foreign(String),
    Unseen(String),
    /// Looking itself failed.
    Error(Fault),
}

/// How an answer to a confirmation came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    Terminal,
    Letter,
    /// In advance, on this condition.
    Given(String),
    /// With `--yes` or another approval in the plan.
    Approval,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Yes,
    No,
}

/// Why everything, or a part, is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnwindWhy {
    /// Somebody asked: `undo`, `drill clean`, `cancel`.
    Asked(String),
    /// The profile says so: a drill is over.
    Rehearsed,
    Failed(StepId),
    /// Nobody confirmed this step in time.
    Unconfirmed(StepId),
    /// This step did not stay as it was, so what was built on it is made again.
    Repair(StepId),
}

/// How much is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    All,
    /// These steps and everything that needs them, directly or not.
    From(Vec<StepId>),
    /// Everything that needs this step, but not the step.
    Behind(StepId),
}

/// Whether what lies behind a cut may be taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    #[default]
    BeforeCut,
    ThroughCut,
}

/// Why a run stopped before its end. It can be resumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Halt {
    /// Ctrl-C, `pause`, `cancel`: by whom.
    Asked(String),
    /// A person has to act first.
    Paused {
        step: StepId,
        fault: Fault,
    },
    /// What had to stay as it was did not.
    GateBroken {
        step: StepId,
        why: String,
    },
    Unconfirmed(StepId),
    Declined {
        step: StepId,
        by: String,
    },
}

/// How a life of a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    /// A check refused before anything was touched.
    Refused {
        step: StepId,
        fault: Fault,
    },
    Failed {
        step: StepId,
        fault: Fault,
    },
    Stopped(Halt),
    /// Taken back; `left` could not be.
    Unwound {
        why: UnwindWhy,
        left: Vec<StepId>,
    },
}

impl Outcome {
    /// The process's exit status, as `docs/` lists them.
    pub fn exit(&self) -> u8 {
        match self {
            Outcome::Done => exit::DONE,
            Outcome::Refused { .. } => exit::REFUSED,
            Outcome::Failed { .. } | Outcome::Stopped(_) => exit::STOPPED,
            Outcome::Unwound { left, .. } if !left.is_empty() => exit::LEFT,
            Outcome::Unwound { why, .. } => match why {
                UnwindWhy::Asked(_) | UnwindWhy::Rehearsed => exit::DONE,
                UnwindWhy::Failed(_) => exit::MISSED,
                UnwindWhy::Unconfirmed(_) | UnwindWhy::Repair(_) => exit::STOPPED,
            },
        }
    }

    /// Whether `resume` has anything to do after it.
    pub fn resumable(&self) -> bool {
        match self {
            Outcome::Done => false,
            Outcome::Refused { .. } | Outcome::Failed { .. } | Outcome::Stopped(_) => true,
            Outcome::Unwound {
                why: UnwindWhy::Unconfirmed(_) | UnwindWhy::Repair(_),
                ..
            } => true,
            Outcome::Unwound { left, .. } => !left.is_empty(),
        }
    }
}

/// Exit statuses. 1 is a bug in drtool, 2 usage or input: the engine has neither.
pub mod exit {
    pub const DONE: u8 = 0;
    pub const BUG: u8 = 1;
    pub const INPUT: u8 = 2;
    pub const REFUSED: u8 = 3;
    pub const STOPPED: u8 = 4;
    pub const LEFT: u8 = 5;
    pub const JOURNAL: u8 = 6;
    pub const MISSED: u8 = 7;
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// Always the first record.
    Planned {
        format: u32,
        run: RunId,
        plan: Box<Plan>,
        hash: String,
    },
    /// A process took the run over. Each life of a run begins with one.
    Leased {
        epoch: u32,
        holder: Holder,
    },
    /// A step is looked at for the first time, or again after it failed or was taken back.
    Started {
        step: StepId,
    },
    /// News of a step that changes nothing. Not synced.
    Progress {
        step: StepId,
        percent: Option<u8>,
        note: String,
    },
    /// A call will be sent. On disk before its first byte leaves.
    Intended {
        step: StepId,
        attempt: u32,
        kind: CallKind,
        call: CallRecord,
        /// Of the request, sensitive members blanked.
        hash: String,
        before: Json,
    },
    Began {
        step: StepId,
        handle: Handle,
    },
    /// The call was answered and certainly not carried out.
    Refused {
        step: StepId,
        class: Class,
        code: String,
        message: String,
        request_id: Option<String>,
    },
    /// No answer; nobody knows.
    Unknown {
        step: StepId,
        what: String,
    },
    /// A slice of this process's own work is done. Not synced: content decides.
    Worked {
        step: StepId,
        cursor: Json,
        percent: Option<u8>,
        note: String,
    },
    /// The search for what an unanswered call may have made has ended without finding any.
    ProvenAbsent {
        step: StepId,
        attempt: u32,
    },
    /// It is there and was not made by this run.
    Found {
        step: StepId,
        output: Json,
        claim: Claim,
    },
    /// It is there, made by this run.
    Made {
        step: StepId,
        output: Json,
    },
    /// Looked at and left alone.
    Held {
        step: StepId,
        output: Option<Json>,
        seen: Sight,
    },
    Failed {
        step: StepId,
        fault: Fault,
    },
    /// The parameters before were refused; goes on with this one of the plan's alternatives (from 1).
    Alternative {
        step: StepId,
        number: usize,
        why: String,
    },
    /// A step that had to stay as it was did not.
    GateBroken {
        step: StepId,
        why: String,
    },
    /// Its gate broke in an earlier life: it is brought about again.
    Reopened {
        step: StepId,
    },
    Asked {
        step: StepId,
        text: String,
        until: Timestamp,
        on_timeout: OnTimeout,
    },
    Answered {
        step: StepId,
        answer: Answer,
        by: String,
        how: How,
    },
    TimedOut {
        step: StepId,
    },
    Reached {
        milestone: Milestone,
        step: StepId,
        moment: Timestamp,
    },
    MirrorLost {
        why: String,
    },
    MirrorBack,
    /// For people; changes nothing.
    Note {
        text: String,
    },
    StopAsked {
        by: String,
    },
    Unwinding {
        why: UnwindWhy,
        scope: Scope,
        reach: Reach,
    },
    UndoIntended {
        step: StepId,
        call: CallRecord,
        hash: String,
    },
    UndoBegan {
        step: StepId,
        handle: Handle,
    },
    UndoRefused {
        step: StepId,
        class: Class,
        code: String,
        message: String,
        request_id: Option<String>,
    },
    UndoUnknown {
        step: StepId,
        what: String,
    },
    Undone {
        step: StepId,
    },
    /// It cannot be taken back, or trying failed.
    LeftBehind {
        step: StepId,
        why: String,
        instead: String,
    },
    /// What was taken back is made again.
    Forward {
        why: String,
    },
    /// This life of the run is over.
    Ended {
        outcome: Outcome,
    },
}

impl Event {
    /// Whether the record must be on disk before any further request leaves.
    pub fn durable(&self) -> bool {
        !matches!(
            self,
            Event::Started { .. }
                | Event::Progress { .. }
                | Event::Worked { .. }
                | Event::Note { .. }
                | Event::Reached { .. }
        )
    }

    /// The step that it is about.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Event::Started { step }
            | Event::Progress { step, .. }
            | Event::Intended { step, .. }
            | Event::Began { step, .. }
            | Event::Refused { step, .. }
            | Event::Unknown { step, .. }
            | Event::Worked { step, .. }
            | Event::ProvenAbsent { step, .. }
            | Event::Found { step, .. }
            | Event::Made { step, .. }
            | Event::Held { step, .. }
            | Event::Failed { step, .. }
            | Event::Alternative { step, .. }
            | Event::GateBroken { step, .. }
            | Event::Reopened { step }
            | Event::Asked { step, .. }
            | Event::Answered { step, .. }
            | Event::TimedOut { step }
            | Event::Reached { step, .. }
            | Event::UndoIntended { step, .. }
            | Event::UndoBegan { step, .. }
            | Event::UndoRefused { step, .. }
            | Event::UndoUnknown { step, .. }
            | Event::Undone { step }
            | Event::LeftBehind { step, .. } => Some(step),
            Event::Planned { .. }
            | Event::Leased { .. }
            | Event::MirrorLost { .. }
            | Event::MirrorBack
            | Event::Note { .. }
            | Event::StopAsked { .. }
            | Event::Unwinding { .. }
            | Event::Forward { .. }
            | Event::Ended { .. } => None,
        }
    }

    /// The word that names the event in a journal.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Planned { .. } => "planned",
            Event::Leased { .. } => "leased",
            Event::Started { .. } => "started",
            Event::Progress { .. } => "progress",
            Event::Intended { .. } => "intended",
            Event::Began { .. } => "began",
            Event::Refused { .. } => "refused",
            Event::Unknown { .. } => "unknown",
            Event::Worked { .. } => "worked",
            Event::ProvenAbsent { .. } => "proven_absent",
            Event::Found { .. } => "found",
            Event::Made { .. } => "made",
            Event::Held { .. } => "held",
            Event::Failed { .. } => "failed",
            Event::Alternative { .. } => "alternative",
            Event::GateBroken { .. } => "gate_broken",
            Event::Reopened { .. } => "reopened",
            Event::Asked { .. } => "asked",
            Event::Answered { .. } => "answered",
            Event::TimedOut { .. } => "timed_out",
            Event::Reached { .. } => "reached",
            Event::MirrorLost { .. } => "mirror_lost",
            Event::MirrorBack => "mirror_back",
            Event::Note { .. } => "note",
            Event::StopAsked { .. } => "stop_asked",
            Event::Unwinding { .. } => "unwinding",
            Event::UndoIntended { .. } => "undo_intended",
            Event::UndoBegan { .. } => "undo_began",
            Event::UndoRefused { .. } => "undo_refused",
            Event::UndoUnknown { .. } => "undo_unknown",
            Event::Undone { .. } => "undone",
            Event::LeftBehind { .. } => "left_behind",
            Event::Forward { .. } => "forward",
            Event::Ended { .. } => "ended",
        }
    }
}
