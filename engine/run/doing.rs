//! What is in flight: futures that own everything they need, and what they come back with.

use std::sync::Arc;

use futures_util::future::{BoxFuture, join_all};
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::clock::Clock;
use crate::journal::MirrorError;
use crate::step::{
    Act, Advance, CallError, CallRecord, Cx, Handle, Made, Observed, Seat, Sending, Slice,
    StepError, Undo,
};

/// What came back.
pub(super) enum Done {
    Looked(Result<Observed<Json>, StepError>),
    /// Looks of a gate's own, at the steps it asks about.
    Gated(Vec<Gated>),
    Described(Result<Advance, StepError>),
    Sent(Box<CallRecord>, Result<Handle, CallError>),
    Sliced(Result<Slice<Json>, StepError>),
    Undescribed(Result<Undo, StepError>),
    UndoSent(Result<Handle, CallError>),
    /// A look at something that has to stay as it is: its place in the list.
    Kept(usize, Result<Observed<Json>, StepError>),
    Mirrored(Result<(), MirrorError>),
}

pub(super) struct Gated {
    pub step: usize,
    /// When it was seen.
    pub at: Timestamp,
    pub seen: Result<Observed<Json>, StepError>,
}

/// One thing that came back, and to whom.
pub(super) struct Completion {
    pub run: usize,
    /// The step; the run itself has none.
    pub step: Option<usize>,
    /// Which of the step's undertakings: answers to given-up ones are not heard.
    pub turn: u64,
    pub done: Done,
}

pub(super) type Doing = BoxFuture<'static, Completion>;

/// A step's act with all that one look of it needs.
pub(super) struct Stand<E: 'static> {
    pub act: Arc<dyn Act<E>>,
    pub env: Arc<E>,
    pub seat: Seat,
}

impl<E: Send + Sync + 'static> Stand<E> {
    pub async fn observe(self) -> Result<Observed<Json>, StepError> {
        self.act.observe(&Cx::new(&*self.env, &self.seat)).await
    }

    pub async fn advance(self) -> Result<Advance, StepError> {
        self.act.advance(&Cx::new(&*self.env, &self.seat)).await
    }

    pub async fn work(self, cursor: Option<Json>) -> Result<Slice<Json>, StepError> {
        self.act
            .work(&Cx::new(&*self.env, &self.seat), cursor)
            .await
    }

    pub async fn undo(self, made: Made<Json, Json>) -> Result<Undo, StepError> {
        self.act.undo(&Cx::new(&*self.env, &self.seat), made).await
    }
}

/// Looks at several steps at once. Each look counts from its own end: a slow one does not make a quick one old unnoticed.
pub(super) async fn gate<E: Send + Sync + 'static>(
    stands: Vec<(usize, Stand<E>)>,
    clock: Arc<dyn Clock>,
) -> Vec<Gated> {
    join_all(stands.into_iter().map(|(step, stand)| {
        let clock = clock.clone();
        async move {
            let seen = stand.observe().await;
            Gated {
                step,
                at: clock.now(),
                seen,
            }
        }
    }))
    .await
}

/// Sends a call, after its turn in the queue of its service.
pub(super) async fn send(
    pause: Option<BoxFuture<'static, ()>>,
    send: Sending,
) -> Result<Handle, CallError> {
    if let Some(pause) = pause {
        pause.await;
    }
    send().await
}
