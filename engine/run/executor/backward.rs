//! Taking a step back: look, ask, look again, until nothing of it is left.

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{Executor, Share, hash};
use crate::event::Event;
use crate::run::RunError;
use crate::run::decide::elapsed;
use crate::run::decide::surely_undone;
use crate::run::doing::{Done, send};
use crate::run::fleet::Shared;
use crate::run::pace::Pace;
use crate::step::{Call, CallError, Class, Handle, Made, StepError, Undo};

impl<E: Send + Sync + 'static> Executor<E> {
    pub(super) fn take_back(&mut self, at: usize, shared: &mut Shared) -> Result<(), RunError> {
        let step = self.step(at);
        let made: Made<Json, Json> = Made {
            output: step.output.as_deref().cloned(),
            // Also those that say "nothing was there": a later call has found what an earlier one made.
            befores: step.befores.clone(),
            handles: step.handles.clone(),
            first_sent: step.first_sent(),
        };
        let stand = self.stand(at, shared, Share::Tick);
        self.launch(at, false, async move {
            Done::Undescribed(stand.undo(made).await)
        });
        Ok(())
    }

    pub(super) fn undescribed(
        &mut self,
        at: usize,
        undo: Result<Undo, StepError>,
        shared: &mut Shared,
    ) -> Result<(), RunError> {
        let now = shared.clock.now();
        if undo.is_ok() {
            self.live[at].unread = 0;
        }
        match undo {
            Ok(Undo::Done) => match self.gone(at, now, &shared.pace) {
                Ok(()) => {
                    let step = self.id(at);
                    self.emit(shared, Event::Undone { step })
                }
                Err(note) => {
                    self.progress(at, None, note, shared)?;
                    self.look_later(at, shared);
                    Ok(())
                }
            },
            Ok(Undo::Wait(note)) if self.overdue(at, shared) => {
                self.leave(at, format!("it was not gone in time: {note}"), None, shared)
            }
            Ok(Undo::Wait(note)) => {
                self.progress(at, None, note, shared)?;
                self.look_later(at, shared);
                Ok(())
            }
            Ok(Undo::Irreversible { why, instead }) => self.leave(at, why, Some(instead), shared),
            Ok(Undo::Call(_)) if self.stopping() => Ok(()),
            Ok(Undo::Call(_))
                if self.live[at].begins >= self.planned(at).limits.begins.saturating_mul(2) =>
            {
                let note = self.step(at).note.clone();
                self.leave(
                    at,
                    format!("asked {} times in vain: {note}", self.live[at].begins),
                    None,
                    shared,
                )
            }
            // The same once more, right after it was accepted: lists lag, and are given the time to catch up.
            Ok(Undo::Call(call))
                if self.live[at].accepted.as_ref().is_some_and(|(last, when)| {
                    *last == hash(&call.record.request) && elapsed(*when, now) < shared.pace.lag
                }) =>
            {
                let note = format!("{} was accepted, not to be seen yet", call.record.operation);
                self.progress(at, None, note, shared)?;
                self.look_later(at, shared);
                Ok(())
            }
            Ok(Undo::Call(call)) => self.ask_back(at, call, shared),
            Err(error) => match error.class {
                Class::Unreadable if self.may_ask_again(at, shared) => {
                    self.progress(at, None, error.what, shared)?;
                    self.retry(at, shared);
                    Ok(())
                }
                Class::Unreadable => {
                    let why = self.unreadable(at, error).what;
                    self.leave(at, why, None, shared)
                }
                Class::Retry | Class::Wait if !self.overdue(at, shared) => {
                    self.progress(at, None, error.what, shared)?;
                    self.retry(at, shared);
                    Ok(())
                }
                Class::Retry | Class::Wait | Class::Scarce | Class::Pause | Class::Fail => {
                    self.leave(at, error.what, error.hint.into_iter().next(), shared)
                }
            },
        }
    }

    /// Whether nothing of a step is left. What was made and has not been removed is looked for twice: a list may lack it.
    fn gone(&mut self, at: usize, now: Timestamp, pace: &Pace) -> Result<(), String> {
        surely_undone(self.step(at), now, pace)?;
        let step = self.step(at);
        let seen_off = step.intents.is_empty() || step.taken_back > 0;
        self.live[at].unseen += 1;
        if seen_off || self.live[at].unseen > 1 {
            Ok(())
        } else {
            Err("not to be seen: looked for once more".to_owned())
        }
    }

    fn ask_back(&mut self, at: usize, call: Call<()>, shared: &mut Shared) -> Result<(), RunError> {
        let (step, hash) = (self.id(at), hash(&call.record.request));
        self.live[at].begins += 1;
        self.live[at].lacked = Some(hash.clone());
        self.emit(
            shared,
            Event::UndoIntended {
                step,
                call: call.record,
                hash,
            },
        )?;
        let sending = call.send;
        self.launch(at, true, async move {
            Done::UndoSent(send(None, sending).await)
        });
        Ok(())
    }

    pub(super) fn undo_sent(
        &mut self,
        at: usize,
        result: Result<Handle, CallError>,
        shared: &mut Shared,
    ) -> Result<(), RunError> {
        self.sending -= 1;
        shared.acted();
        let step = self.id(at);
        let now = shared.clock.now();
        match result {
            Ok(handle) => {
                self.emit(shared, Event::UndoBegan { step, handle })?;
                self.live[at].setbacks = 0;
                self.live[at].since = now;
                self.live[at].accepted = self.live[at].lacked.take().map(|sent| (sent, now));
                self.schedule(at, now, shared);
                Ok(())
            }
            Err(CallError::Unknown { what }) => {
                self.emit(shared, Event::UndoUnknown { step, what })?;
                self.retry(at, shared);
                Ok(())
            }
            Err(CallError::Refused {
                class,
                code,
                message,
                request_id,
            }) => {
                let why = format!("{code}: {message}");
                self.emit(
                    shared,
                    Event::UndoRefused {
                        step,
                        class,
                        code,
                        message,
                        request_id,
                    },
                )?;
                match class {
                    Class::Retry | Class::Wait if !self.overdue(at, shared) => {
                        self.live[at].begins = self.live[at].begins.saturating_sub(1);
                        self.retry(at, shared);
                        Ok(())
                    }
                    Class::Retry
                    | Class::Wait
                    | Class::Unreadable
                    | Class::Scarce
                    | Class::Pause
                    | Class::Fail => self.leave(at, why, None, shared),
                }
            }
        }
    }

    fn leave(
        &mut self,
        at: usize,
        why: String,
        instead: Option<String>,
        shared: &mut Shared,
    ) -> Result<(), RunError> {
        let step = self.id(at);
        let instead = instead.unwrap_or_else(|| "remove the cause, then undo again".into());
        self.emit(shared, Event::LeftBehind { step, why, instead })
    }
}
