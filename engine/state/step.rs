//! One step's share of a run's state.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::Phase;
use crate::event::{Answer, Sight};
use crate::plan::OnTimeout;
use crate::step::{CallKind, CallRecord, Claim, Fault};

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Written down; whether it was sent is not known.
    Open,
    Began,
    /// Sent, and no answer came.
    Unknown,
}

/// A call of a step that may have had an effect. Refused calls are forgotten: they had none.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    pub at: Timestamp,
    pub kind: CallKind,
    pub fate: Fate,
    /// When it was accepted.
    pub accepted: Option<Timestamp>,
}

impl Intent {
    /// Whether it was a call that nothing makes safe to send again.
    pub fn is_bare(&self) -> bool {
        matches!(self.kind, CallKind::Bare { .. })
    }
}

/// A question to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The number of the record that asks: answers name it.
    pub number: u64,
    pub until: Timestamp,
    pub on_timeout: OnTimeout,
}

/// One step's share of the fold.
#[derive(Clone, Debug)]
pub struct StepState {
    pub phase: Phase,
    /// Counts proven-absent searches and takings-back: a new attempt has a new intent and token.
    pub attempt: u32,
    pub intents: Vec<Intent>,
    pub befores: Vec<Json>,
    pub handles: Vec<String>,
    pub cursor: Option<Json>,
    pub output: Option<Arc<Json>>,
    pub claim: Option<Claim>,
    /// What a held step saw.
    pub seen: Option<Sight>,
    pub fault: Option<Fault>,
    /// Which of the plan's alternatives it follows; 0 is the plan's first choice.
    pub alternative: usize,
    pub percent: Option<u8>,
    pub note: String,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub asked: Option<Asked>,
    pub answer: Option<Answer>,
    pub broken: Option<String>,
    /// Calls to take it back that were accepted.
    pub taken_back: u32,
    /// Why it was left behind, and what to do instead.
    pub left: Option<(String, String)>,
    /// The last call, for errors.
    pub call: Option<CallRecord>,
}

impl Default for StepState {
    fn default() -> Self {
        StepState {
            phase: Phase::Waiting,
            attempt: 0,
            intents: Vec::new(),
            befores: Vec::new(),
            handles: Vec::new(),
            cursor: None,
            output: None,
            claim: None,
            seen: None,
            fault: None,
            alternative: 0,
            percent: None,
            note: String::new(),
            started: None,
            ended: None,
            asked: None,
            answer: None,
            broken: None,
            taken_back: 0,
            left: None,
            call: None,
        }
    }
}

impl StepState {
    /// Whether this run may have changed something with it that was not taken back.
    pub fn effects(&self) -> bool {
        !self.intents.is_empty() && self.phase != Phase::Undone
    }

    pub fn last(&self) -> Option<&Intent> {
        self.intents.last()
    }

    pub fn first_sent(&self) -> Option<Timestamp> {
        self.intents.first().map(|intent| intent.at)
    }

    /// Where the step's own calls leave it.
    pub(super) fn standing(&self) -> Phase {
        match self.intents.last().map(|intent| intent.fate) {
            None => Phase::Looking,
            Some(Fate::Began) => Phase::Began,
            Some(Fate::Open | Fate::Unknown) => Phase::Intended,
        }
    }

    /// Begins again, as if never done, but with another intent.
    pub(super) fn renew(&mut self) {
        *self = StepState {
            attempt: self.attempt + 1,
            alternative: self.alternative,
            ..StepState::default()
        };
    }
}
