//! Looking: when, with what, and by whose answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::Executor;
use crate::event::Event;
use crate::name::StepId;
use crate::plan::Expect;
use crate::run::RunError;
use crate::run::decide::elapsed;
use crate::run::doing::{Done, Stand};
use crate::run::fleet::Shared;
use crate::run::pace::{Tempo, later};
use crate::state::Phase;
use crate::step::{Calls, Effect, Look, Mark, Seat};

/// Who may answer a look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// Whoever looked at the same in this tick, and after the last call that could have changed it.
    Tick,
    /// Whoever looked at the same in this tick, and after the last call of all.
    Unchanged,
    Nothing,
}

impl Share {
    /// By what a call may be described. What only adds, by what was seen a moment ago: nothing that somebody else uses is at
    /// stake. What changes something, by what was seen in this tick with no call since; what users would notice, by a look
    /// of its own.
    pub(super) fn before(effect: Effect) -> Share {
        match effect {
            Effect::Reads | Effect::Adds => Share::Tick,
            Effect::Changes => Share::Unchanged,
            Effect::Fences | Effect::Cuts => Share::Nothing,
        }
    }
}

impl<E: Send + Sync + 'static> Executor<E> {
    pub(super) fn look(&mut self, at: usize, shared: &mut Shared) -> Result<(), RunError> {
        if self.step(at).phase == Phase::Waiting {
            let step = self.id(at);
            self.emit(shared, Event::Started { step })?;
        }
        let stand = self.stand(at, shared, Share::Tick);
        self.launch(
            at,
            false,
            async move { Done::Looked(stand.observe().await) },
        );
        Ok(())
    }

    /// Looks again when it is worth while.
    pub(super) fn look_later(&mut self, at: usize, shared: &mut Shared) {
        let now = shared.clock.now();
        let passed = elapsed(self.live[at].since, now);
        // The plan's times are those of the way forward.
        let tempo = match self.state().unwinding {
            None => self.tempo[at],
            Some(_) => Tempo::default(),
        };
        let percent = self.step(at).percent;
        let when = shared.pace.next_look(now, passed, percent, tempo);
        self.look_at(at, when, shared);
    }

    /// Looks again then, or when its time is up.
    pub(super) fn look_at(&mut self, at: usize, when: Timestamp, shared: &mut Shared) {
        let deadline = Duration::from_secs(self.planned(at).limits.deadline.into());
        let end = shared.pace.on_grid(later(self.live[at].from, deadline));
        let when = if end > shared.clock.now() {
            when.min(end)
        } else {
            when
        };
        self.schedule(at, when, shared);
    }

    pub(super) fn overdue(&self, at: usize, shared: &Shared) -> bool {
        let deadline = Duration::from_secs(self.planned(at).limits.deadline.into());
        elapsed(self.live[at].from, shared.clock.now()) >= deadline
    }

    /// What a step needs for one look.
    pub(super) fn stand(&self, at: usize, shared: &Shared, share: Share) -> Stand<E> {
        let (plan, state) = (&self.run.state.plan, &self.run.state);
        let (planned, step) = (&plan.steps[at], &state.steps()[at]);
        let outputs: BTreeMap<StepId, Arc<Json>> = self.run.uses[at]
            .iter()
            .filter_map(|on| {
                Some((
                    plan.steps[*on].id.clone(),
                    state.steps()[*on].output.clone()?,
                ))
            })
            .collect();
        // A check may be about what a call to any service did; and what is taken back, about what others took back.
        let strict = planned.effect == Effect::Reads || state.unwinding.is_some();
        let look = match share {
            Share::Nothing => Look::alone(shared.epoch),
            Share::Tick if !strict => Look::since(shared.epoch, shared.ticked, shared.calls),
            Share::Tick | Share::Unchanged => Look::since(
                shared.epoch,
                shared.ticked.max(shared.answered),
                Calls::default(),
            ),
        };
        let seat = Seat {
            place: planned.region.clone(),
            mark: Mark {
                stack: plan.stack.clone(),
                lineage: plan.lineage.clone(),
                run: state.run.clone(),
                step: planned.id.clone(),
                intent: Seat::intent(&plan.lineage, &state.run, &planned.id, step.attempt),
            },
            outputs,
            attempt: step.attempt,
            handles: step.handles.clone(),
            first_sent: step.first_sent(),
            since: self.live[at].opened,
            now: shared.clock.now(),
            adopt: match &planned.expect {
                Expect::Adopt(named) => Some(named.clone()),
                Expect::New => None,
            },
            look,
        };
        let acts = &self.run.acts[at];
        Stand {
            act: acts[step.alternative.min(acts.len() - 1)].clone(),
            env: self.run.env.clone(),
            seat,
        }
    }
}
