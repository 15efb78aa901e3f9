//! Bringing a step about: look, pass its gates, write down, send, look again.

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{Executor, Share, hash};
use crate::event::{Answer, Event, How, Sight};
use crate::plan::Milestone;
use crate::run::RunError;
use crate::run::decide::{Decision, decide, elapsed, holds};
use crate::run::doing::{Done, Gated, gate, send};
use crate::run::fleet::Shared;
use crate::run::gate::{Gate, confirm, fresh, settle};
use crate::run::pace::later;
use crate::state::{Fate, Phase};
use crate::step::{
    Advance, Call, CallError, CallKind, CallRecord, Class, Effect, Fault, Handle, Observed, Slice,
    StepError,
};

/// A refusal as a cause: which call, and what AWS said.
#[derive(Debug, thiserror::Error)]
#[error("{service} {operation} on {resource}: {said}")]
struct Refusal {
    service: String,
    operation: String,
    resource: String,
    said: CallError,
}

impl<E: Send + Sync + 'static> Executor<E> {
    pub(super) fn looked(
        &mut self,
        at: usize,
        seen: Result<Observed<Json>, StepError>,
        shared: &mut Shared,
    ) -> Result<(), RunError> {
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) if self.planned(at).hold => {
                let (step, output) = (self.id(at), self.planned(at).stand_in.clone());
                return self.emit(
                    shared,
                    Event::Held {
                        step,
                        output,
                        seen: Sight::Error(Fault::from(&error)),
                    },
                );
            }
            Err(error) => return self.setback(at, error, shared),
        };
        self.live[at].unread = 0;
        let lacks = match &seen {
            Observed::Partial { note } => Some(note.clone()),
            _ => None,
        };
        let mut decision = decide(
            self.planned(at),
            self.step(at),
            seen,
            shared.clock.now(),
            &shared.pace,
        );
        if let (Decision::Begin, Some(note)) = (&decision, lacks) {
            decision = self.next_part(at, note, shared);
        }
        match decision {
            Decision::Take(event) => {
                // What only looks has no call that could be held back: it is held back from counting.
                if self.only_looks(at) {
                    let now = shared.clock.now();
                    let gate = settle(self.state(), self.planned(at), &self.trust, now);
                    if gate != Gate::Open {
                        return self.wait_at(at, gate, shared);
                    }
                }
                self.leave_lane(at, shared);
                self.emit(shared, *event)?;
                self.reach(at, shared)
            }
            Decision::Wait { note, .. } if self.overdue(at, shared) => {
                let error = self.too_late(at, &note);
                self.fail(at, &error, shared)
            }
            Decision::Wait { percent, note } => {
                self.progress(at, percent, note, shared)?;
                self.look_later(at, shared);
                Ok(())
            }
            Decision::Search { note } => {
                self.live[at].from = shared.clock.now();
                self.progress(at, None, note, shared)?;
                self.look_later(at, shared);
                Ok(())
            }
            Decision::Begin => self.approach(at, shared),
            Decision::Renew => {
                // It begins only now.
                self.live[at].from = shared.clock.now();
                let (step, attempt) = (self.id(at), self.step(at).attempt);
                self.emit(shared, Event::ProvenAbsent { step, attempt })?;
                self.approach(at, shared)
            }
            Decision::Fail(error) => self.fail(at, &error, shared),
        }
    }

    fn too_late(&self, at: usize, note: &str) -> StepError {
        let planned = self.planned(at);
        let state = if note.is_empty() {
            String::new()
        } else {
            format!(": {note}")
        };
        StepError::fail(
            "E4013",
            format!(
                "step `{}` was not done within {} s{state}",
                planned.id, planned.limits.deadline
            ),
        )
    }

    /// What is done when a moment is reached that times are counted between.
    fn reach(&mut self, at: usize, shared: &Shared) -> Result<(), RunError> {
        let (planned, step) = (self.planned(at), self.step(at));
        let Some(milestone) = planned.milestone else {
            return Ok(());
        };
        if !matches!(step.phase, Phase::Found | Phase::Made)
            || (milestone == Milestone::Fenced && step.effects())
        {
            return Ok(());
        }
        // A step that knows the moment better (a snapshot's own time) says so in what it yields.
        let said = step
            .output
            .as_ref()
            .and_then(|output| output.get("moment")?.as_str()?.parse::<Timestamp>().ok());
        let moment = said.unwrap_or_else(|| shared.clock.now());
        let step = planned.id.clone();
        self.emit(
            shared,
            Event::Reached {
                milestone,
                step,
                moment,
            },
        )
    }

    /// A thing that is made by several calls lacks the next one. If it lacks what the last call gave it, lists lag: the call
    /// is not sent again before they can have caught up. If it lacks something else, it came on.
    fn next_part(&mut self, at: usize, note: String, shared: &Shared) -> Decision {
        let live = &self.live[at];
        let sent = self.step(at).last().filter(|last| last.fate == Fate::Began);
        if live.lacked.as_ref() == Some(&note) {
            if sent.is_some_and(|last| elapsed(last.at, shared.clock.now()) < shared.pace.lag) {
                return Decision::Wait {
                    percent: None,
                    note,
                };
            }
        } else {
            self.live[at].begins = 0;
            self.live[at].lacked = Some(note);
        }
        Decision::Begin
    }

    /// It is to be begun: is everything that it waits for there?
    pub(super) fn approach(&mut self, at: usize, shared: &mut Shared) -> Result<(), RunError> {
        self.live[at].gating = true;
        let now = shared.clock.now();
        if self.live[at].begins >= self.planned(at).limits.begins {
            let error = StepError::fail(
                "E4014",
                format!(
                    "step `{}` was begun {} times in vain",
                    self.id(at),
                    self.live[at].begins
                ),
            );
            let error = match self.step(at).note.as_str() {
                "" => error,
                note => StepError {
                    what: format!("{}; last: {note}", error.what),
                    ..error
                },
            };
            return self.fail(at, &error, shared);
        }
        if !self.may_go_unmirrored(self.planned(at).effect) {
            let error = self.mirror_error();
            return self.fail(at, &error, shared);
        }
        let gate = settle(self.state(), self.planned(at), &self.trust, now);
        if gate != Gate::Open {
            return self.wait_at(at, gate, shared);
        }
        loop {
            match confirm(&self.state().plan, self.planned(at), self.step(at), now) {
                Gate::Open => break,
                Gate::Ask(confirm) => {
                    let until = later(now, std::time::Duration::from_secs(confirm.timeout.into()));
                    let (step, on_timeout) = (self.id(at), confirm.on_timeout);
                    self.emit(
                        shared,
                        Event::Asked {
                            step,
                            text: confirm.text,
                            until,
                            on_timeout,
                        },
                    )?;
                }
                Gate::Agreed(how) => {
                    let by = self.consent(at, &how);
                    let step = self.id(at);
                    self.emit(
                        shared,
                        Event::Answered {
                            step,
                            answer: Answer::Yes,
                            by,
                            how,
                        },
                    )?;
                }
                Gate::TimedOut => {
                    let step = self.id(at);
                    return self.emit(shared, Event::TimedOut { step });
                }
                Gate::Wait(then, _) => {
                    self.schedule(at, then, shared);
                    return Ok(());
                }
                Gate::Look(_) => break,
            }
        }
        if !self.live[at].lane
            && let Some(lane) = self.planned(at).lane.clone()
        {
            if !shared.enter(&lane, self.at, at) {
                self.live[at].from = now;
                return Ok(());
            }
            self.live[at].lane = true;
        }
        let gate = fresh(self.state(), self.planned(at), &self.trust, now);
        if gate != Gate::Open {
            return self.wait_at(at, gate, shared);
        }
        let stand = self.stand(at, shared, Share::before(self.planned(at).effect));
        self.launch(
            at,
            false,
            async move { Done::Described(stand.advance().await) },
        );
        Ok(())
    }

    fn consent(&self, at: usize, how: &How) -> String {
        let plan = &self.state().plan;
        match (how, plan.approved(self.planned(at).id.as_str())) {
            (How::Approval, Some(approval)) => approval.by.clone(),
            _ => "the plan".to_owned(),
        }
    }

    fn wait_at(&mut self, at: usize, gate_: Gate, shared: &mut Shared) -> Result<(), RunError> {
        match gate_ {
            _ if self.overdue(at, shared) => {
                let error = self.too_late(at, "a check that it is gated on did not pass");
                self.fail(at, &error, shared)
            }
            Gate::Look(steps) => {
                let stands = steps
                    .into_iter()
                    .map(|step| (step, self.stand(step, shared, Share::Nothing)))
                    .collect();
                let clock = shared.clock.clone();
                self.launch(
                    at,
                    false,
                    async move { Done::Gated(gate(stands, clock).await) },
                );
                Ok(())
            }
            Gate::Wait(then, note) => {
                self.progress(at, None, note, shared)?;
                self.schedule(at, shared.pace.on_grid(then), shared);
                Ok(())
            }
            Gate::Open | Gate::Ask(_) | Gate::Agreed(_) | Gate::TimedOut => Ok(()),
        }
    }

    pub(super) fn gated(
        &mut self,
        at: usize,
        seen: Vec<Gated>,
        shared: &mut Shared,
    ) -> Result<(), RunError> {
        for look in seen {
            let ready = look
                .seen
                .ok()
                .as_ref()
                .and_then(holds)
                .is_some_and(|holds| holds.is_ok());
            self.trust[look.step].note(look.at, ready);
        }
        if self.stopping() {
            Ok(())
        } else if self.only_looks(at) {
            self.schedule(at, shared.clock.now(), shared);
            Ok(())
        } else {
            self.approach(at, shared)
        }
    }

    fn only_looks(&self, at: usize) -> bool {
        let planned = self.planned(at);
        planned.effect == Effect::Reads && !planned.hold
    }

    pub(super) fn described(
        &mut self,
        at: usize,
        advance: Result<Advance, StepError>,
        shared: &mut Shared,
    ) -> Result<(), RunError> {
        let advance = match advance {
            Ok(advance) => advance,
            Err(error) => {
                self.live[at].gating = false;
                return self.setback(at, error, shared);
            }
        };
        if self.stopping() {
            return Ok(());
        }
        // Describing may have taken long: what had to be fresh still has to be.
        if fresh(
            self.state(),
            self.planned(at),
            &self.trust,
            shared.clock.now(),
        ) != Gate::Open
        {
            return self.approach(at, shared);
        }
        self.live[at].gating = false;
        self.live[at].begins += 1;
        match advance {
            Advance::Call(call) => self.intend(at, call, shared),
            Advance::Work(record) => {
                self.intended(at, &record, CallKind::Upsert, Json::Null, shared)?;
                self.slice(at, shared);
                Ok(())
            }
        }
    }

    fn intended(
        &mut self,
        at: usize,
        record: &CallRecord,
        kind: CallKind,
        before: Json,
        shared: &Shared,
    ) -> Result<(), RunError> {
        let (step, attempt, hash) = (self.id(at), self.step(at).attempt, hash(&record.request));
        self.emit(
            shared,
            Event::Intended {
                step,
                attempt,
                kind,
                call: record.clone(),
                hash,
                before,
            },
        )?;
        let fences = self.planned(at).effect == Effect::Fences;
        if fences && !self.state().milestones.contains_key(&Milestone::Fenced) {
            let (milestone, step, moment) = (Milestone::Fenced, self.id(at), shared.clock.now());
            self.emit(
                shared,
                Event::Reached {
                    milestone,
                    step,
                    moment,
                },
            )?;
        }
        Ok(())
    }

    fn intend(&mut self, at: usize, call: Call<Json>, shared: &mut Shared) -> Result<(), RunError> {
        let Call {
            record,
            kind,
            before,
            send: sending,
        } = call;
        self.intended(at, &record, kind, before, shared)?;
        let now = shared.clock.now();
        let rates = &shared.pace.buckets;
        let pause = shared.buckets.reserve(rates, &record.service, now);
        // A call behind a fresh gate is not held up: a stale gate would be worse than a throttled call.
        let gated = self
            .planned(at)
            .needs
            .iter()
            .any(|need| need.fresh.is_some());
        let pause = (!pause.is_zero() && !gated).then(|| shared.clock.sleep(pause));
        let record = Box::new(record);
        self.launch(at, true, async move {
            Done::Sent(record, send(pause, sending).await)
        });
        Ok(())
    }

    pub(super) fn sent(
        &mut self,
        at: usize,
        record: &CallRecord,
        result: Result<Handle, CallError>,
        shared: &mut Shared,
    ) -> Result<(), RunError> {
        self.sending -= 1;
        shared.called(&record.service);
        let step = self.id(at);
        match result {
            Ok(handle) => self.began(at, handle, shared),
            Err(CallError::Unknown { what }) => {
                self.emit(shared, Event::Unknown { step, what })?;
                self.retry(at, shared);
                Ok(())
            }
            Err(CallError::Refused {
                class,
                code,
                message,
                request_id,
            }) => {
                let said = CallError::Refused {
                    class,
                    code: code.clone(),
                    message: message.clone(),
                    request_id: request_id.clone(),
                };
                let error = StepError::new("E4012", class, format!("step `{step}` was refused"))
                    .call(&record.service, &record.operation)
                    .resource(&record.resource)
                    .request(request_id.clone())
                    .because(Refusal {
                        service: record.service.clone(),
                        operation: record.operation.clone(),
                        resource: record.resource.clone(),
                        said,
                    });
                self.emit(
                    shared,
                    Event::Refused {
                        step,
                        class,
                        code,
                        message,
                        request_id,
                    },
                )?;
                if matches!(class, Class::Wait | Class::Retry) {
                    // Not its turn yet, or turned away unread (a throttle): no attempt. Its deadline bounds it.
                    self.live[at].begins = self.live[at].begins.saturating_sub(1);
                }
                self.setback(at, error, shared)
            }
        }
    }

    fn began(&mut self, at: usize, handle: Handle, shared: &mut Shared) -> Result<(), RunError> {
        let step = self.id(at);
        self.emit(shared, Event::Began { step, handle })?;
        let now = shared.clock.now();
        self.live[at].setbacks = 0;
        self.live[at].since = now;
        let when = shared.pace.first_look(now, self.tempo[at]);
        self.look_at(at, when, shared);
        Ok(())
    }

    fn slice(&mut self, at: usize, shared: &Shared) {
        let stand = self.stand(at, shared, Share::Tick);
        let cursor = self.step(at).cursor.clone();
        self.launch(
            at,
            true,
            async move { Done::Sliced(stand.work(cursor).await) },
        );
    }

    pub(super) fn sliced(
        &mut self,
        at: usize,
        slice: Result<Slice<Json>, StepError>,
        shared: &mut Shared,
    ) -> Result<(), RunError> {
        self.sending -= 1;
        shared.acted();
        match slice {
            Ok(Slice::More {
                cursor,
                percent,
                note,
            }) => {
                let step = self.id(at);
                self.emit(
                    shared,
                    Event::Worked {
                        step,
                        cursor,
                        percent,
                        note,
                    },
                )?;
                self.live[at].setbacks = 0;
                if !self.stopping() {
                    self.slice(at, shared);
                }
                Ok(())
            }
            Ok(Slice::Done) => self.began(at, Handle::default(), shared),
            Err(error) => self.setback(at, error, shared),
        }
    }
}
