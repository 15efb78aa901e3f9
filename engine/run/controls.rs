//! How people reach a running fleet: Ctrl-C, an answer typed at the terminal. Other processes write letters instead.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::event::Answer;
use crate::name::{RunId, StepId};

/// A wish from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Stop after the calls in flight.
    Stop { by: String },
    /// Stop at once: what is in flight stays unanswered.
    StopNow,
    Answer {
        run: RunId,
        step: StepId,
        answer: Answer,
        by: String,
    },
    /// Take back what the run made.
    Cancel { run: RunId, by: String },
}

#[derive(Default)]
struct Inner {
    waiting: Mutex<VecDeque<Command>>,
    wake: Notify,
}

/// A handle that can be given to any thread.
#[derive(Clone, Default)]
pub struct Controls(Arc<Inner>);

/// No more wishes than this wait; the oldest are dropped.
const MOST: usize = 256;

impl Controls {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Command>> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub fn send(&self, command: Command) {
        let mut waiting = self.waiting();
        if waiting.len() == MOST {
            waiting.pop_front();
        }
        waiting.push_back(command);
        drop(waiting);
        self.0.wake.notify_one();
    }

    /// The first call stops after the calls in flight, every further one at once: what Ctrl-C does.
    pub fn interrupt(&self, times: u32) {
        self.send(if times > 1 {
            Command::StopNow
        } else {
            Command::Stop {
                by: "Ctrl-C".into(),
            }
        });
    }

    pub(super) fn take(&self) -> Vec<Command> {
        self.waiting().drain(..).collect()
    }

    pub(super) async fn changed(&self) {
        self.0.wake.notified().await;
    }
}
