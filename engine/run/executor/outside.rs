//! What comes to a run from outside: people's wishes, letters, the passing of time.

use futures_util::FutureExt;

use super::{Executor, Outgoing, Share};
use crate::event::{Answer, Event, Halt, How, Outcome, Reach, Scope, UnwindWhy};
use crate::journal::Wish as Letter;
use crate::name::StepId;
use crate::run::RunError;
use crate::run::decide::holds;
use crate::run::doing::{Completion, Done};
use crate::run::fleet::Shared;
use crate::run::pace::later;
use crate::state::Phase;
use crate::step::{Observed, StepError};
use serde_json::Value as Json;

impl<E: Send + Sync + 'static> Executor<E> {
    /// Stops after the calls in flight.
    pub fn stop(&mut self, by: String, shared: &mut Shared) -> Result<(), RunError> {
        if self.ending.is_some() || self.state().halt.is_some() {
            return Ok(());
        }
        self.emit(shared, Event::StopAsked { by })
    }

    /// Stops at once. What is in flight is adopted or searched for by the next life.
    pub fn stop_now(&mut self, shared: &mut Shared) -> Result<(), RunError> {
        if self.ending.is_none() {
            self.stop("Ctrl-C".into(), shared)?;
            let halt = self
                .state()
                .halt
                .clone()
                .unwrap_or(Halt::Asked("Ctrl-C".into()));
            let outcome = Outcome::Stopped(halt);
            self.emit(
                shared,
                Event::Ended {
                    outcome: outcome.clone(),
                },
            )?;
            self.ending = Some(outcome);
        }
        self.second = None;
        Ok(())
    }

    /// A person's word on a step. `asked` is the record that asked, where the answer names it.
    pub fn answered(
        &mut self,
        step: &StepId,
        asked: Option<u64>,
        answer: Answer,
        by: String,
        how: How,
        shared: &mut Shared,
    ) -> Result<(), RunError> {
        let Some(at) = self.state().graph.position(step) else {
            return Ok(());
        };
        let open = self.step(at).answer.is_none()
            && self
                .step(at)
                .asked
                .as_ref()
                .is_some_and(|question| asked.is_none_or(|asked| asked == question.number));
        if !open || self.stopping() || self.state().unwinding.is_some() {
            return Ok(());
        }
        let step = step.clone();
        self.emit(
            shared,
            Event::Answered {
                step,
                answer,
                by,
                how,
            },
        )?;
        let now = shared.clock.now();
        // The wait for a person does not count, and the step is looked at once more: much can change meanwhile.
        self.live[at].from = now;
        self.live[at].gating = false;
        self.schedule(at, now, shared);
        Ok(())
    }

    /// Takes back what the run made.
    pub fn cancel(&mut self, by: String, shared: &mut Shared) -> Result<(), RunError> {
        if self.ending.is_some()
            || self
                .state()
                .unwinding
                .as_ref()
                .is_some_and(|unwind| unwind.scope == Scope::All)
        {
            return Ok(());
        }
        if let Some(cut) = self.state().cut() {
            let text = format!(
                "{by} asked to cancel, but users were moved by `{}`: use failback",
                self.id(cut)
            );
            return self.emit(shared, Event::Note { text });
        }
        self.wanted = Some((UnwindWhy::Asked(by), Scope::All, Reach::BeforeCut));
        Ok(())
    }

    /// Once in every tick: letters, what has to stay as it is, the mirror, the clock on people's screens.
    pub(super) fn pulse(&mut self, shared: &mut Shared) -> Result<(), RunError> {
        let now = shared.clock.now();
        for letter in self.run.journal.letters() {
            match letter {
                Ok(letter) => self.letter(letter.wish, letter.by, shared)?,
                Err(text) if self.ending.is_none() => self.emit(shared, Event::Note { text })?,
                Err(_) => {}
            }
        }
        self.keep(shared);
        for reporter in &mut self.run.reporters {
            reporter.pulse(&self.run.state, now);
        }
        shared
            .due
            .insert((shared.pace.after(now, shared.pace.tick), self.at, None));
        Ok(())
    }

    fn letter(&mut self, wish: Letter, by: String, shared: &mut Shared) -> Result<(), RunError> {
        let epoch = self.state().epoch;
        match wish {
            Letter::Answer {
                step,
                asked,
                answer,
            } => self.answered(&step, Some(asked), answer, by, How::Letter, shared),
            Letter::Pause { epoch: life } if life == epoch => self.stop(by, shared),
            Letter::Cancel { epoch: life } if life == epoch => self.cancel(by, shared),
            // Written to an earlier life.
            Letter::Pause { .. } | Letter::Cancel { .. } => Ok(()),
        }
    }

    /// Looks at what has to stay as it is.
    fn keep(&mut self, shared: &mut Shared) {
        let now = shared.clock.now();
        if self.stopping() || self.state().unwinding.is_some() {
            return;
        }
        for at in 0..self.keeps.len() {
            let keep = &self.keeps[at];
            let (step, until) = (self.step(keep.step), self.step(keep.until));
            let active = matches!(step.phase, Phase::Found | Phase::Made) && !until.phase.done();
            if !active || keep.busy || keep.next > now {
                continue;
            }
            let share = if keep.strikes == 0 {
                Share::Tick
            } else {
                Share::Nothing
            };
            let stand = self.stand(keep.step, shared, share);
            self.keeps[at].busy = true;
            let run = self.at;
            let look = stand.observe();
            let doing = look.map(move |seen| Completion {
                run,
                step: None,
                turn: 0,
                done: Done::Kept(at, seen),
            });
            self.outbox.push(Outgoing {
                doing: Box::pin(doing),
                mutating: None,
            });
        }
    }

    pub(super) fn kept(
        &mut self,
        at: usize,
        seen: Result<Observed<Json>, StepError>,
        shared: &mut Shared,
    ) -> Result<(), RunError> {
        let now = shared.clock.now();
        let keep = &mut self.keeps[at];
        keep.busy = false;
        keep.next = later(now, shared.pace.keep);
        match seen.ok().as_ref().and_then(holds) {
            // Not seen is not broken; but it is no proof either, and a fresh gate wants one.
            None => {}
            Some(Ok(())) => keep.strikes = 0,
            Some(Err(why)) => {
                keep.strikes += 1;
                keep.next = now;
                let (step, broken) = (keep.step, keep.strikes >= 2);
                let done = self.step(step).phase.done() && self.step(step).broken.is_none();
                if broken && done && !self.stopping() && self.state().unwinding.is_none() {
                    let step = self.id(step);
                    self.emit(shared, Event::GateBroken { step, why })?;
                }
            }
        }
        Ok(())
    }
}
