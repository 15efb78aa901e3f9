//! What a kind of step has to say for itself: what it sees, the call that would bring it about, how to take it back.
//!
//! A step never waits, retries, prints, or reads a clock. It looks when asked and describes one call when asked; the engine
//! does the rest, the same for all. Must not know: runs, journals, other steps' structs.

mod act;
mod call;
mod context;
mod error;
mod value;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use act::{Act, Advance, Kind, Kinds, ParseError, nearest};
pub use call::{Call, CallError, CallKind, CallRecord, Handle, Sending};
pub use context::{Calls, Cx, Look, Mark, Owner, Seat};
pub use error::{Class, Detail, Fault, Left, StepError};
pub use value::{Ref, Reference, Value, Yields, field, references};

/// What a step does to the world, seen from the people who run the source. Ordered by how much it takes to let it go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Looks only.
    Reads,
    /// Makes something new beside what runs.
    Adds,
    /// Changes something of the source that its users do not notice.
    Changes,
    /// Stops the source from taking writes.
    Fences,
    /// Moves users. After it there is no way back but another move.
    Cuts,
}

/// A text that says why.
pub type Why = String;

/// How a thing that is ready is ours to build on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// It carries the tags of this run or lineage, and what cannot be copied agrees.
    Ours,
    /// The plan names it.
    Adopted,
    /// A setting that is as it is wanted. If no call of this run made it so, there is nothing to undo.
    AsWanted,
}

/// What a step sees.
#[derive(Clone, Debug, PartialEq)]
pub enum Observed<T> {
    /// Not there, concluded from complete lists.
    Absent,
    /// Ours, and another call is needed: `begin` is asked again.
    Partial {
        note: String,
    },
    /// On its way by itself.
    Underway {
        percent: Option<u8>,
        note: String,
    },
    Ready(T, Claim),
    /// There, but a stranger's.
    Foreign(Why),
    /// Cannot be told now: a page was missing, access is denied, the region does not answer.
    Unseen(Why),
}

impl<T> Observed<T> {
    pub fn underway(note: impl Into<String>) -> Self {
        Observed::Underway {
            percent: None,
            note: note.into(),
        }
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Observed<U> {
        match self {
            Observed::Absent => Observed::Absent,
            Observed::Partial { note } => Observed::Partial { note },
            Observed::Underway { percent, note } => Observed::Underway { percent, note },
            Observed::Ready(found, claim) => Observed::Ready(change(found), claim),
            Observed::Foreign(why) => Observed::Foreign(why),
            Observed::Unseen(why) => Observed::Unseen(why),
        }
    }
}

/// What a run did in a step: given back to it to be undone.
#[derive(Clone, Debug, PartialEq)]
pub struct Made<T, B> {
    /// What the step yielded. `None` if the run was stopped before it was ready: look by mark and handles.
    pub output: Option<T>,
    /// What was there before each call, oldest first. The first is from before anything was sent.
    pub befores: Vec<B>,
    /// Identifiers that the calls returned, oldest first.
    pub handles: Vec<String>,
    pub first_sent: Option<Timestamp>,
}

impl<T, B> Made<T, B> {
    /// What was there before this run came.
    pub fn before(&self) -> Option<&B> {
        self.befores.first()
    }
}

/// The answer to "take it back". Asked again after every call, until it is `Done`.
#[derive(Debug)]
pub enum Undo {
    /// Looked, and nothing of ours is left; what was changed is as it was.
    Done,
    /// On its way by itself.
    Wait(String),
    Call(Call<()>),
    /// Cannot be taken back.
    Irreversible {
        why: String,
        instead: String,
    },
}

/// A kind of step that is brought about by calls.
pub trait Step: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What the product hands its steps.
    type Env: Send + Sync + 'static;
    /// The word that a runbook uses.
    const KIND: &'static str;
    /// One line for the list of kinds.
    const SUMMARY: &'static str;
    /// A line of a runbook. A test plans it, so it cannot rot.
    const EXAMPLE: &'static str;
    /// What later steps may refer to. Kept in the journal: no secret in it.
    type Output: Yields;
    /// What undo must restore (the old desired count, the old DNS record); `()` if nothing.
    type Before: Serialize + DeserializeOwned + Send + Sync;

    fn effect(&self) -> Effect;

    /// What is there now?
    fn observe(
        &self,
        cx: &Cx<'_, Self::Env>,
    ) -> impl Future<Output = Result<Observed<Self::Output>, StepError>> + Send;

    /// The next call that would bring it about. Sends nothing; may look, for `before`.
    fn begin(
        &self,
        cx: &Cx<'_, Self::Env>,
    ) -> impl Future<Output = Result<Call<Self::Before>, StepError>> + Send;

    /// Looks, and says what is to be done to take it back. Must prove that what it deletes is ours.
    fn undo(
        &self,
        cx: &Cx<'_, Self::Env>,
        made: &Made<Self::Output, Self::Before>,
    ) -> impl Future<Output = Result<Undo, StepError>> + Send;
}

/// How far a slice of work came.
#[derive(Clone, Debug, PartialEq)]
pub enum Slice<C> {
    /// Goes on from `cursor`.
    More {
        cursor: C,
        percent: Option<u8>,
        note: String,
    },
    /// All done: the step is looked at again.
    Done,
}

/// A kind of step that is done by this process itself (copying image layers, objects): in bounded slices that can be
/// repeated, since what is already there is recognised by its content.
pub trait Work: Serialize + DeserializeOwned + Send + Sync + 'static {
    type Env: Send + Sync + 'static;
    const KIND: &'static str;
    const SUMMARY: &'static str;
    const EXAMPLE: &'static str;
    type Output: Yields;
    /// How far it has come. Kept in the journal; a hint only, content decides.
    type Cursor: Serialize + DeserializeOwned + Default + Send + Sync;

    fn effect(&self) -> Effect;

    fn observe(
        &self,
        cx: &Cx<'_, Self::Env>,
    ) -> impl Future<Output = Result<Observed<Self::Output>, StepError>> + Send;

    /// The work as one call, for the journal, the IAM policy and `--as-cli`.
    fn record(&self, cx: &Cx<'_, Self::Env>) -> Result<CallRecord, StepError>;

    /// Does a slice of a few seconds at most.
    fn work(
        &self,
        cx: &Cx<'_, Self::Env>,
        cursor: Self::Cursor,
    ) -> impl Future<Output = Result<Slice<Self::Cursor>, StepError>> + Send;

    fn undo(
        &self,
        cx: &Cx<'_, Self::Env>,
        made: &Made<Self::Output, ()>,
    ) -> impl Future<Output = Result<Undo, StepError>> + Send;
}
