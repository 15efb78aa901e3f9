//! What did not work: asked again, begun in another way, or given up.

use super::Executor;
use crate::event::Event;
use crate::run::RunError;
use crate::run::fleet::Shared;
use crate::state::{Fate, Phase, StepState};
use crate::step::{Class, Fault, Left, StepError};

impl<E: Send + Sync + 'static> Executor<E> {
    /// It did not work. Tried again if that may help, until the deadline.
    pub(super) fn setback(
        &mut self,
        at: usize,
        error: StepError,
        shared: &mut Shared,
    ) -> Result<(), RunError> {
        match error.class {
            Class::Unreadable if self.may_ask_again(at, shared) => {
                self.progress(at, None, error.what, shared)?;
                self.retry(at, shared);
                Ok(())
            }
            Class::Unreadable => {
                let error = self.unreadable(at, error);
                self.fail(at, &error, shared)
            }
            Class::Retry | Class::Wait if !self.overdue(at, shared) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                self.progress(at, None, cause.unwrap_or(error.what), shared)?;
                self.retry(at, shared);
                Ok(())
            }
            Class::Retry | Class::Wait => {
                // Its time is up: what could be waited for before is final now.
                let error = StepError {
                    class: Class::Fail,
                    ..error
                };
                self.fail(at, &error, shared)
            }
            Class::Scarce => self.refuse(at, &error, shared),
            Class::Pause | Class::Fail => self.fail(at, &error, shared),
        }
    }

    /// Another answer that cannot be read. Whether asking once more is worth while.
    pub(super) fn may_ask_again(&mut self, at: usize, shared: &Shared) -> bool {
        self.live[at].unread += 1;
        self.live[at].unread < shared.pace.unreadable && !self.overdue(at, shared)
    }

    pub(super) fn unreadable(&self, at: usize, error: StepError) -> StepError {
        let times = self.live[at].unread;
        StepError {
            code: "E4015",
            class: Class::Fail,
            what: format!(
                "step `{}` was answered {times} times in a row with what cannot be read: {}",
                self.id(at),
                error.what
            ),
            ..error
        }
    }

    /// It is not to be had this way. Another one, if the plan has one and nothing was made.
    fn refuse(
        &mut self,
        at: usize,
        error: &StepError,
        shared: &mut Shared,
    ) -> Result<(), RunError> {
        let state: &StepState = self.step(at);
        let number = state.alternative + 1;
        if state.phase == Phase::Looking
            && !state.effects()
            && number <= self.planned(at).alternatives.len()
        {
            let why = std::iter::once(error.what.clone())
                .chain(std::error::Error::source(error).map(ToString::to_string))
                .collect::<Vec<_>>()
                .join(": ");
            let step = self.id(at);
            self.emit(shared, Event::Alternative { step, number, why })?;
            let now = shared.clock.now();
            self.live[at].gating = false;
            self.live[at].begins = 0;
            self.schedule(at, now, shared);
            return Ok(());
        }
        self.fail(at, error, shared)
    }

    /// Gives a step up in this life.
    pub(super) fn fail(
        &mut self,
        at: usize,
        error: &StepError,
        shared: &mut Shared,
    ) -> Result<(), RunError> {
        let mut fault = Fault::from(error);
        if fault.left == Left::Nothing
            && let Some(last) = self.step(at).last()
        {
            let resource = self
                .step(at)
                .call
                .as_ref()
                .map(|call| call.resource.clone());
            let resource = self
                .step(at)
                .handles
                .last()
                .cloned()
                .or(resource)
                .unwrap_or_default();
            fault.left = match last.fate {
                Fate::Began => {
                    Left::Something(format!("{resource} in {}", self.planned(at).region))
                }
                Fate::Open | Fate::Unknown => Left::Unknown,
            };
        }
        self.leave_lane(at, shared);
        let step = self.id(at);
        self.emit(shared, Event::Failed { step, fault })
    }
}
