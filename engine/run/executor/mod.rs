//! One run being carried out: the fold in memory, what each step is busy with, and the records waiting to be written.
//!
//! Every decision is `next`'s, `decide`'s or `gate`'s; this only carries it out, always in the same order: write down, sync,
//! send.

mod backward;
mod forward;
mod looking;
mod mirror;
mod outside;
mod setback;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use self::looking::Share;
use self::mirror::Second;
use super::doing::{Completion, Doing, Done};
use super::fleet::{Ended, Shared};
use super::gate::Trust;
use super::next::{Next, next};
use super::pace::Tempo;
use super::{Run, RunError, Wish};
use crate::event::{Event, Outcome, Reach, Record, Scope, UnwindWhy};
use crate::name::{RunId, StepId};
use crate::plan::Planned;
use crate::state::{Phase, RunState, StepState};
use crate::step::Effect;

/// What a step is busy with. Nothing of it outlives the process: after a crash everything is looked at again.
struct Live {
    /// Something is in flight for it.
    busy: bool,
    /// Counts undertakings, so that the answer to a given-up one is not heard.
    turn: u64,
    due: Option<Timestamp>,
    /// It would be begun, if its gates were open.
    gating: bool,
    /// Everything that it needs was there from here on, as far as this life knows.
    opened: Timestamp,
    /// Its deadline counts from here.
    from: Timestamp,
    /// It has been under way since.
    since: Timestamp,
    setbacks: u32,
    /// Answers in a row that could not be read.
    unread: u32,
    /// Looks that have not shown what was made and is to be taken back.
    unseen: u32,
    begins: u32,
    /// What it lacked when its last call was sent.
    lacked: Option<String>,
    /// The hash of the last request of its undo that was accepted, and when it was.
    accepted: Option<(String, Timestamp)>,
    lane: bool,
}

/// Something that has to stay as it is until a step is done.
struct Keep {
    step: usize,
    until: usize,
    next: Timestamp,
    busy: bool,
    /// Looks in a row that showed it broken: one may have read an old answer.
    strikes: u32,
}

/// Something that leaves once what is written is on disk.
struct Outgoing {
    doing: Doing,
    /// A request that changes something, of a step with this effect: it also waits for the mirror.
    mutating: Option<(usize, Effect)>,
}

pub(super) struct Executor<E: 'static> {
    at: usize,
    run: Run<E>,
    live: Vec<Live>,
    trust: Vec<Trust>,
    tempo: Vec<Tempo>,
    keeps: Vec<Keep>,
    pending: Vec<Record>,
    durable: bool,
    outbox: Vec<Outgoing>,
    /// Requests and slices in flight that must come back before the run may end or turn.
    sending: usize,
    second: Option<Second>,
    wanted: Option<(UnwindWhy, Scope, Reach)>,
    ending: Option<Outcome>,
    result: Option<Result<Outcome, RunError>>,
}

impl<E: Send + Sync + 'static> Executor<E> {
    pub fn new(at: usize, mut run: Run<E>, shared: &Shared) -> Self {
        let now = shared.clock.now();
        let steps = run.acts.len();
        let live = (0..steps)
            .map(|_| Live {
                busy: false,
                turn: 0,
                due: None,
                gating: false,
                opened: now,
                from: now,
                since: now,
                setbacks: 0,
                unread: 0,
                unseen: 0,
                begins: 0,
                lacked: None,
                accepted: None,
                lane: false,
            })
            .collect();
        let graph = &run.state.graph;
        let keeps = run
            .state
            .plan
            .steps
            .iter()
            .flat_map(|step| &step.needs)
            .filter_map(|need| {
                let until = graph.position(need.keep_until.as_ref()?)?;
                Some(Keep {
                    step: graph.position(&need.step)?,
                    until,
                    next: now,
                    busy: false,
                    strikes: 0,
                })
            });
        let keeps = keeps.collect();
        let second = run
            .mirror
            .take()
            .map(|mirror| Second::new(mirror, std::mem::take(&mut run.history)));
        Executor {
            at,
            live,
            trust: vec![Trust::default(); steps],
            tempo: Tempo::of(&run.state.plan, &run.state.graph),
            keeps,
            pending: Vec::new(),
            durable: true,
            outbox: Vec::new(),
            sending: 0,
            second,
            wanted: None,
            ending: None,
            result: None,
            run,
        }
    }

    pub fn run(&self) -> &RunId {
        &self.run.state.run
    }

    pub fn over(&self) -> bool {
        self.result.is_some()
    }

    pub fn ended(self) -> Ended {
        let state = self.run.state;
        // `over` was true, or the fleet would still run.
        let result = self.result.or(self.ending.map(Ok));
        let result = result.unwrap_or(Err(RunError::Unfinished {
            run: state.run.clone(),
        }));
        Ended {
            run: state.run.clone(),
            result,
            state,
        }
    }

    /// Does something for this run; its failure ends this run only.
    pub fn guard(
        &mut self,
        shared: &mut Shared,
        act: impl FnOnce(&mut Self, &mut Shared) -> Result<(), RunError>,
    ) {
        if self.result.is_some() {
            return;
        }
        if let Err(error) = act(self, shared) {
            self.outbox.clear();
            self.give_up(shared);
            self.result = Some(Err(error));
        }
    }

    fn state(&self) -> &RunState {
        &self.run.state
    }

    fn planned(&self, at: usize) -> &Planned {
        &self.run.state.plan.steps[at]
    }

    fn step(&self, at: usize) -> &StepState {
        &self.run.state.steps()[at]
    }

    fn id(&self, at: usize) -> StepId {
        self.planned(at).id.clone()
    }

    /// The only way anything is written.
    fn emit(&mut self, shared: &Shared, event: Event) -> Result<(), RunError> {
        self.durable |= event.durable();
        let record = self.run.journal.append(shared.clock.now(), event)?;
        self.run.state.apply(&record)?;
        self.pending.push(record);
        Ok(())
    }

    pub fn start(&mut self, shared: &mut Shared) -> Result<(), RunError> {
        self.pending.append(&mut self.run.told);
        let epoch = self.state().epoch + 1;
        let holder = self.run.holder.clone();
        self.emit(shared, Event::Leased { epoch, holder })?;
        if let Wish::Undo { by, reach } = self.run.wish.clone() {
            let already = self.state().unwinding.as_ref().is_some_and(|unwind| {
                unwind.scope == Scope::All
                    && !matches!(unwind.why, UnwindWhy::Unconfirmed(_) | UnwindWhy::Repair(_))
            });
            if !already {
                self.wanted = Some((UnwindWhy::Asked(by), Scope::All, reach));
            }
        }
        for at in 0..self.live.len() {
            // What is under way already takes its place in the lane, even if it is full.
            if matches!(self.step(at).phase, Phase::Intended | Phase::Began)
                && let Some(lane) = self.planned(at).lane.clone()
            {
                shared.crowd(&lane);
                self.live[at].lane = true;
            }
        }
        let pulse = shared.pace.after(shared.clock.now(), shared.pace.tick);
        shared.due.insert((pulse, self.at, None));
        Ok(())
    }

    /// Its time has come: a step's, or the run's own pulse.
    pub fn wake(&mut self, step: Option<usize>, shared: &mut Shared) -> Result<(), RunError> {
        let Some(at) = step else {
            return self.pulse(shared);
        };
        self.live[at].due = None;
        if self.live[at].busy || self.stopping() || !self.state().eligible(at) {
            return Ok(());
        }
        if self.state().unwinding.is_some() {
            self.take_back(at, shared)
        } else if self.live[at].gating {
            self.approach(at, shared)
        } else {
            self.look(at, shared)
        }
    }

    /// Something came back.
    pub fn complete(
        &mut self,
        completion: Completion,
        shared: &mut Shared,
    ) -> Result<(), RunError> {
        match (completion.step, completion.done) {
            (_, Done::Mirrored(result)) => self.mirrored(result, shared),
            (_, Done::Kept(keep, seen)) => self.kept(keep, seen, shared),
            (Some(at), _) if self.live[at].turn != completion.turn => Ok(()),
            (Some(at), done) => {
                self.live[at].busy = false;
                match done {
                    Done::Looked(seen) => self.looked(at, seen, shared),
                    Done::Gated(seen) => self.gated(at, seen, shared),
                    Done::Described(advance) => self.described(at, advance, shared),
                    Done::Sent(record, result) => self.sent(at, &record, result, shared),
                    Done::Sliced(slice) => self.sliced(at, slice, shared),
                    Done::Undescribed(undo) => self.undescribed(at, undo, shared),
                    Done::UndoSent(result) => self.undo_sent(at, result, shared),
                    Done::Kept(..) | Done::Mirrored(_) => Ok(()),
                }
            }
            (None, _) => Ok(()),
        }
    }

    /// Writes what happened, tells it, and lets go what may leave now.
    pub fn commit(&mut self, shared: &mut Shared) -> Result<(), RunError> {
        self.open_up(shared);
        self.conclude(shared)?;
        self.open_up(shared);
        if !self.pending.is_empty() {
            if std::mem::take(&mut self.durable) {
                self.run.journal.sync()?;
            } else {
                self.run.journal.flush()?;
            }
            let records = std::mem::take(&mut self.pending);
            for record in &records {
                for reporter in &mut self.run.reporters {
                    reporter.record(record, &self.run.state);
                }
            }
            if let Some(second) = &mut self.second {
                second.queue(records.iter().map(|record| record.line.clone()));
            }
        }
        self.feed_mirror(shared);
        if self.ending.is_some() {
            self.outbox.clear();
            if self.second.as_ref().is_none_or(Second::settled) {
                self.give_up(shared);
                self.result = self.ending.clone().map(Ok);
            }
            return Ok(());
        }
        for outgoing in std::mem::take(&mut self.outbox) {
            match (&mut self.second, outgoing.mutating) {
                (Some(second), Some(_)) if second.healthy() => {
                    second.park(self.run.state.number, outgoing)
                }
                _ => shared.doing.push(outgoing.doing),
            }
        }
        Ok(())
    }

    /// Whether nothing more is begun in this life.
    fn stopping(&self) -> bool {
        let state = self.state();
        self.ending.is_some()
            || self.wanted.is_some()
            || state.halt.is_some()
            || (state.unwinding.is_none() && state.failed().next().is_some())
    }

    /// Wakes the steps whose turn has come.
    fn open_up(&mut self, shared: &mut Shared) {
        let now = shared.clock.now();
        for at in self.run.state.take_opened() {
            let live = &mut self.live[at];
            live.opened = now;
            live.from = now;
            live.since = now;
            live.setbacks = 0;
            live.unread = 0;
            live.begins = 0;
            live.gating = false;
            if !live.busy {
                self.schedule(at, now, shared);
            }
        }
    }

    /// Turns, or ends, if it is time to.
    fn conclude(&mut self, shared: &mut Shared) -> Result<(), RunError> {
        while self.ending.is_none() {
            let what = match &self.wanted {
                Some((why, scope, reach)) => Next::Unwind {
                    why: why.clone(),
                    scope: scope.clone(),
                    reach: *reach,
                },
                None => next(self.state()),
            };
            // What was sent is waited for first: its answer decides what is there to be kept or taken back.
            if what == Next::Act || self.sending > 0 {
                return Ok(());
            }
            match what {
                Next::Act => return Ok(()),
                Next::Unwind { why, scope, reach } => {
                    self.wanted = None;
                    self.give_up(shared);
                    self.emit(shared, Event::Unwinding { why, scope, reach })?;
                }
                Next::Reopen(step) => self.emit(shared, Event::Reopened { step })?,
                Next::Forward(why) => {
                    self.give_up(shared);
                    self.emit(shared, Event::Forward { why })?;
                }
                Next::Leave(steps) => {
                    for step in steps {
                        let why = "something that was left behind needs it".to_owned();
                        let instead = "remove what was left behind, then undo again".to_owned();
                        self.emit(shared, Event::LeftBehind { step, why, instead })?;
                    }
                }
                Next::End(outcome) => {
                    self.emit(
                        shared,
                        Event::Ended {
                            outcome: outcome.clone(),
                        },
                    )?;
                    self.ending = Some(outcome);
                }
            }
            self.open_up(shared);
        }
        Ok(())
    }

    /// Forgets everything that every step is busy with.
    fn give_up(&mut self, shared: &mut Shared) {
        for at in 0..self.live.len() {
            self.live[at].turn += 1;
            self.live[at].busy = false;
            if let Some(due) = self.live[at].due.take() {
                shared.due.remove(&(due, self.at, Some(at)));
            }
            self.leave_lane(at, shared);
        }
        self.trust.fill(Trust::default());
    }

    fn leave_lane(&mut self, at: usize, shared: &mut Shared) {
        if std::mem::take(&mut self.live[at].lane)
            && let Some(lane) = &self.run.state.plan.steps[at].lane
        {
            shared.leave(lane, shared.clock.now());
        }
    }

    fn schedule(&mut self, at: usize, when: Timestamp, shared: &mut Shared) {
        if let Some(due) = self.live[at].due.replace(when) {
            shared.due.remove(&(due, self.at, Some(at)));
        }
        shared.due.insert((when, self.at, Some(at)));
    }

    /// Waits longer after every setback.
    fn retry(&mut self, at: usize, shared: &mut Shared) {
        self.live[at].setbacks += 1;
        let when = shared
            .pace
            .retry(shared.clock.now(), self.live[at].setbacks);
        self.schedule(at, when, shared);
    }

    /// Says how a step is getting on, if that is news.
    fn progress(
        &mut self,
        at: usize,
        percent: Option<u8>,
        note: String,
        shared: &Shared,
    ) -> Result<(), RunError> {
        let step = self.step(at);
        if !step.phase.active() || (step.percent == percent && step.note == note) {
            return Ok(());
        }
        let step = self.id(at);
        self.emit(
            shared,
            Event::Progress {
                step,
                percent,
                note,
            },
        )
    }

    fn launch(
        &mut self,
        at: usize,
        mutating: bool,
        done: impl Future<Output = Done> + Send + 'static,
    ) {
        self.live[at].busy = true;
        self.live[at].turn += 1;
        let (run, turn) = (self.at, self.live[at].turn);
        let doing: BoxFuture<'static, Completion> = Box::pin(done.map(move |done| Completion {
            run,
            step: Some(at),
            turn,
            done,
        }));
        let mutating = mutating.then(|| (at, self.planned(at).effect));
        self.sending += usize::from(mutating.is_some());
        self.outbox.push(Outgoing { doing, mutating });
    }
}

/// The hash of a request, sensitive members blanked.
fn hash(request: &Json) -> String {
    let bytes = serde_json::to_vec(request).unwrap_or_default();
    Sha256::digest(&bytes)
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
