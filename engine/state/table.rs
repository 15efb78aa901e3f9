//! The only table of legal transitions of a step. What is not in it is an error, whoever wrote the journal.

use serde::{Deserialize, Serialize};

use crate::event::Event;

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// For the steps that it needs.
    Waiting,
    Looking,
    /// A call may have been sent; no answer is known.
    Intended,
    /// A call was accepted.
    Began,
    Found,
    Made,
    Held,
    Failed,
    Undoing,
    Undone,
    /// It could not be taken back.
    Left,
}

impl Phase {
    /// Whether steps that need this one may go on.
    pub fn done(self) -> bool {
        matches!(self, Phase::Found | Phase::Made | Phase::Held)
    }

    /// Whether the engine is busy with it.
    pub fn active(self) -> bool {
        matches!(
            self,
            Phase::Looking | Phase::Intended | Phase::Began | Phase::Undoing
        )
    }

    pub fn word(self) -> &'static str {
        match self {
            Phase::Waiting => "waiting",
            Phase::Looking => "looking",
            Phase::Intended => "asked",
            Phase::Began => "begun",
            Phase::Found => "found",
            Phase::Made => "made",
            Phase::Held => "held",
            Phase::Failed => "failed",
            Phase::Undoing => "undoing",
            Phase::Undone => "undone",
            Phase::Left => "left behind",
        }
    }
}

/// The phase after `event`, if the event may happen in this one. `standing` is where the step's own calls leave it: looking
/// when none counts, intended or begun otherwise.
pub(super) fn after(phase: Phase, event: &Event, standing: Phase) -> Option<Phase> {
    use Phase::{
        Began, Failed, Found, Held, Intended, Left, Looking, Made, Undoing, Undone, Waiting,
    };
    match (event, phase) {
        (Event::Started { .. }, Waiting) => Some(standing),
        (Event::Progress { .. }, Looking | Intended | Began | Undoing) => Some(phase),
        (Event::Intended { .. }, Looking | Intended | Began) => Some(Intended),
        (Event::Began { .. }, Intended) => Some(Began),
        (Event::Refused { .. }, Intended) => Some(standing),
        (Event::Unknown { .. } | Event::Worked { .. }, Intended) => Some(Intended),
        (Event::ProvenAbsent { .. }, Intended | Began) => Some(Looking),
        (Event::Found { .. }, Looking) => Some(Found),
        (Event::Made { .. }, Intended | Began) => Some(Made),
        (Event::Held { .. }, Looking) => Some(Held),
        (Event::Failed { .. }, Looking | Intended | Began) => Some(Failed),
        (Event::Alternative { .. }, Looking) => Some(Looking),
        (
            Event::Asked { .. } | Event::Answered { .. } | Event::TimedOut { .. },
            Looking | Intended | Began,
        ) => Some(phase),
        (Event::GateBroken { .. }, Found | Made) => Some(phase),
        (Event::Reopened { .. }, Found | Made) => Some(standing),
        (Event::Reached { .. }, Intended | Began | Found | Made) => Some(phase),
        (
            Event::UndoIntended { .. },
            Looking | Intended | Began | Made | Failed | Undoing | Left,
        ) => Some(Undoing),
        (
            Event::UndoBegan { .. } | Event::UndoRefused { .. } | Event::UndoUnknown { .. },
            Undoing,
        ) => Some(Undoing),
        (Event::Undone { .. }, Looking | Intended | Began | Made | Failed | Undoing | Left) => {
            Some(Undone)
        }
        (Event::LeftBehind { .. }, Looking | Intended | Began | Made | Failed | Undoing | Left) => {
            Some(Left)
        }
        (
            Event::Started { .. }
            | Event::Progress { .. }
            | Event::Intended { .. }
            | Event::Began { .. }
            | Event::Refused { .. }
            | Event::Unknown { .. }
            | Event::Worked { .. }
            | Event::ProvenAbsent { .. }
            | Event::Found { .. }
            | Event::Made { .. }
            | Event::Held { .. }
            | Event::Failed { .. }
            | Event::Alternative { .. }
            | Event::Asked { .. }
            | Event::Answered { .. }
            | Event::TimedOut { .. }
            | Event::GateBroken { .. }
            | Event::Reopened { .. }
            | Event::Reached { .. }
            | Event::UndoIntended { .. }
            | Event::UndoBegan { .. }
            | Event::UndoRefused { .. }
            | Event::UndoUnknown { .. }
            | Event::Undone { .. }
            | Event::LeftBehind { .. },
            _,
        ) => None,
        (
            Event::Planned { .. }
            | Event::Leased { .. }
            | Event::MirrorLost { .. }
            | Event::MirrorBack
            | Event::Note { .. }
            | Event::StopAsked { .. }
            | Event::Unwinding { .. }
            | Event::Forward { .. }
            | Event::Ended { .. },
            _,
        ) => Some(phase),
    }
}
