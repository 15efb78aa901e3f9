//! What a run's records add up to. A fold: the same function reads a running run's events and a dead one's journal.
//!
//! Does no I/O, reads no clock. Must not know: reporters, how steps are carried out.

mod step;
mod table;
#[cfg(test)]
mod tests;
mod unwind;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

pub use step::{Asked, Fate, Intent, StepState};
pub use table::Phase;
pub use unwind::Unwind;

use crate::event::{Answer, Event, Halt, Holder, Outcome, Record, Scope, UnwindWhy};
use crate::name::{RunId, StepId};
use crate::plan::{Graph, Milestone, Plan};
use crate::step::{Claim, Effect};

/// A record that cannot follow the ones before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {number} says `{event}` of {subject}, which cannot be")]
pub struct Illegal {
    pub number: u64,
    pub event: &'static str,
    pub subject: String,
}

impl Illegal {
    pub const CODE: &'static str = "E3009";
}

/// Everything known about a run.
#[derive(Clone, Debug)]
pub struct RunState {
    pub run: RunId,
    pub plan: Arc<Plan>,
    pub hash: String,
    pub graph: Arc<Graph>,
    pub began: Timestamp,
    /// The time of the last record.
    pub now: Timestamp,
    /// How often a process took it over.
    pub epoch: u32,
    pub holder: Option<Holder>,
    /// When the present holder took it over: waits are bounded per life.
    pub life: Timestamp,
    pub outcome: Option<Outcome>,
    pub unwinding: Option<Unwind>,
    pub milestones: BTreeMap<Milestone, (Timestamp, StepId)>,
    /// Why no more is begun in this life.
    pub halt: Option<Halt>,
    pub mirror_lost: Option<String>,
    /// Accepted and unanswered calls, for people.
    pub calls: u64,
    /// Number of the last record.
    pub number: u64,
    steps: Vec<StepState>,
    unmet: Vec<u32>,
    done: usize,
    failed: BTreeSet<usize>,
    broken: BTreeSet<usize>,
    /// A question that nobody answered in this life.
    timed_out: Option<usize>,
    /// Steps whose turn has come since the last `take_opened`.
    opened: Vec<usize>,
}

impl RunState {
    /// The state after a journal's records.
    pub fn fold(records: &[Record]) -> Result<RunState, Illegal> {
        let (first, rest) = records.split_first().ok_or(Illegal {
            number: 0,
            event: "",
            subject: "nothing".into(),
        })?;
        let mut state = RunState::begin(first)?;
        rest.iter().try_for_each(|record| state.apply(record))?;
        Ok(state)
    }

    /// The state after the first record.
    pub fn begin(record: &Record) -> Result<RunState, Illegal> {
        let Event::Planned {
            run, plan, hash, ..
        } = &record.event
        else {
            return Err(Illegal {
                number: record.number,
                event: record.event.name(),
                subject: "a run not begun".into(),
            });
        };
        let graph = Arc::new(Graph::of(plan));
        let mut state = RunState {
            run: run.clone(),
            hash: hash.clone(),
            began: record.at,
            now: record.at,
            epoch: 0,
            holder: None,
            life: record.at,
            outcome: None,
            unwinding: None,
            milestones: BTreeMap::new(),
            halt: None,
            mirror_lost: None,
            calls: 0,
            number: record.number,
            steps: vec![StepState::default(); plan.steps.len()],
            unmet: Vec::new(),
            done: 0,
            failed: BTreeSet::new(),
            broken: BTreeSet::new(),
            timed_out: None,
            opened: Vec::new(),
            plan: Arc::new((**plan).clone()),
            graph,
        };
        state.recount();
        Ok(state)
    }

    pub fn steps(&self) -> &[StepState] {
        &self.steps
    }

    pub fn step(&self, id: &StepId) -> Option<&StepState> {
        self.graph.position(id).map(|at| &self.steps[at])
    }

    /// Steps that are done, of all.
    pub fn done(&self) -> (usize, usize) {
        (self.done, self.steps.len())
    }

    /// Steps that failed in this life.
    pub fn failed(&self) -> impl Iterator<Item = usize> + '_ {
        self.failed.iter().copied()
    }

    /// The step whose question nobody answered.
    pub fn timed_out(&self) -> Option<usize> {
        self.timed_out
    }

    /// The first step whose gate broke.
    pub fn broken(&self) -> Option<usize> {
        self.broken.first().copied()
    }

    /// A step that cut users over, or may have.
    pub fn cut(&self) -> Option<usize> {
        (0..self.steps.len())
            .find(|at| self.plan.steps[*at].effect == Effect::Cuts && self.steps[*at].effects())
    }

    /// Whether the run has changed nothing so far.
    pub fn untouched(&self) -> bool {
        self.steps.iter().all(|step| step.intents.is_empty())
    }

    /// Whether a step's turn has come and it is not done.
    pub fn eligible(&self, at: usize) -> bool {
        match &self.unwinding {
            Some(unwind) => unwind.is_open(at),
            None => {
                self.unmet[at] == 0
                    && !self.steps[at].phase.done()
                    && self.steps[at].phase != Phase::Failed
            }
        }
    }

    /// Steps whose turn has come since this was last asked.
    pub fn take_opened(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.opened)
    }

    /// Counts from the beginning what else is counted as it happens.
    fn recount(&mut self) {
        let graph = self.graph.clone();
        let unmet = |needs: &Vec<usize>, steps: &[StepState]| {
            needs.iter().filter(|on| !steps[**on].phase.done()).count()
        };
        self.unmet = graph
            .needs
            .iter()
            .map(|needs| u32::try_from(unmet(needs, &self.steps)).unwrap_or(u32::MAX))
            .collect();
        self.done = self.steps.iter().filter(|step| step.phase.done()).count();
        self.failed = (0..self.steps.len())
            .filter(|at| self.steps[*at].phase == Phase::Failed)
            .collect();
        self.broken = (0..self.steps.len())
            .filter(|at| self.steps[*at].broken.is_some())
            .collect();
        self.opened = (0..self.steps.len())
            .filter(|at| self.eligible(*at))
            .collect();
    }

    /// Adds one record.
    pub fn apply(&mut self, record: &Record) -> Result<(), Illegal> {
        let event = &record.event;
        let illegal = |subject: String| Illegal {
            number: record.number,
            event: event.name(),
            subject,
        };
        if record.number != self.number + 1 {
            return Err(illegal(format!(
                "a journal that has {} records",
                self.number
            )));
        }
        let leased = matches!(event, Event::Leased { .. });
        if (self.epoch == 0 || self.outcome.is_some()) && !leased {
            return Err(illegal("a run that nobody holds".into()));
        }
        match event.step() {
            Some(id) => {
                let at = self
                    .graph
                    .position(id)
                    .ok_or_else(|| illegal(format!("step `{id}`, which is not in the plan")))?;
                let undo = matches!(
                    event,
                    Event::UndoIntended { .. }
                        | Event::UndoBegan { .. }
                        | Event::UndoRefused { .. }
                        | Event::UndoUnknown { .. }
                        | Event::Undone { .. }
                        | Event::LeftBehind { .. }
                );
                let either = matches!(event, Event::Progress { .. } | Event::Reopened { .. });
                if undo != self.unwinding.is_some() && !either {
                    let direction = if undo {
                        "while going forward"
                    } else {
                        "while taking back"
                    };
                    return Err(illegal(format!("step `{id}` {direction}")));
                }
                self.step_event(at, record).ok_or_else(|| {
                    illegal(format!(
                        "step `{id}`, which is {}",
                        self.steps[at].phase.word()
                    ))
                })?;
            }
            None => self
                .run_event(record)
                .ok_or_else(|| illegal("this run".into()))?,
        }
        self.number = record.number;
        self.now = record.at;
        Ok(())
    }

    fn run_event(&mut self, record: &Record) -> Option<()> {
        match &record.event {
            Event::Leased { epoch, holder } => {
                if *epoch != self.epoch + 1 {
                    return None;
                }
                self.epoch = *epoch;
                self.holder = Some(holder.clone());
                self.life = record.at;
                self.outcome = None;
                self.halt = None;
                self.timed_out = None;
                // A new life tries again what failed in the last.
                for step in &mut self.steps {
                    if step.phase == Phase::Failed {
                        step.phase = if step.intents.is_empty() {
                            Phase::Waiting
                        } else {
                            step.standing()
                        };
                        step.fault = None;
                    }
                    if step.answer == Some(Answer::No) || step.answer.is_none() {
                        step.asked = None;
                        step.answer = None;
                    }
                }
                if let Some(unwind) = self.unwinding.take() {
                    let reported = unwind.reported;
                    let mut again = Unwind::new(
                        &self.plan,
                        &self.graph,
                        &self.steps,
                        unwind.why,
                        unwind.scope,
                        unwind.reach,
                    );
                    again.reported = reported;
                    self.unwinding = Some(again);
                }
                self.recount();
            }
            Event::Unwinding { why, scope, reach } => {
                if let (Some(unwind), Scope::From(_) | Scope::Behind(_)) = (&self.unwinding, scope)
                    && !unwind.complete()
                {
                    return None;
                }
                self.halt = None;
                self.timed_out = None;
                self.unwinding = Some(Unwind::new(
                    &self.plan,
                    &self.graph,
                    &self.steps,
                    why.clone(),
                    scope.clone(),
                    *reach,
                ));
                self.recount();
            }
            Event::Forward { .. } => {
                let unwind = self.unwinding.take()?;
                let again = matches!(unwind.why, UnwindWhy::Unconfirmed(_) | UnwindWhy::Repair(_));
                if !unwind.complete() || !again {
                    self.unwinding = Some(unwind);
                    return None;
                }
                for (at, step) in self.steps.iter_mut().enumerate() {
                    if unwind.covers(at) {
                        step.renew();
                    }
                }
                self.milestones.clear();
                self.recount();
            }
            Event::StopAsked { by } => {
                self.halt = self.halt.take().or(Some(Halt::Asked(by.clone())))
            }
            Event::MirrorLost { why } => self.mirror_lost = Some(why.clone()),
            Event::MirrorBack => self.mirror_lost = None,
            Event::Ended { outcome } => {
                if let (Outcome::Unwound { .. }, Some(unwind)) = (outcome, &mut self.unwinding) {
                    unwind.reported = true;
                }
                self.outcome = Some(outcome.clone());
            }
            Event::Note { .. } => {}
            Event::Planned { .. } => return None,
            _ => return None,
        }
        Some(())
    }

    fn step_event(&mut self, at: usize, record: &Record) -> Option<()> {
        let event = &record.event;
        let step = &mut self.steps[at];
        if matches!(event, Event::Refused { .. }) && step.phase == Phase::Intended {
            // Certainly not done: neither the call nor what it would have replaced counts.
            step.intents.pop();
            step.befores.pop();
        }
        let was = step.phase;
        step.phase = table::after(was, event, step.standing())?;
        match event {
            Event::Started { .. } => {
                step.started = Some(record.at);
                step.ended = None;
            }
            Event::Progress { percent, note, .. } => {
                step.percent = *percent;
                step.note.clone_from(note);
            }
            Event::Intended {
                kind, call, before, ..
            } => {
                step.intents.push(Intent {
                    at: record.at,
                    kind: *kind,
                    fate: Fate::Open,
                    accepted: None,
                });
                step.befores.push(before.clone());
                step.call = Some(call.clone());
                step.note.clear();
                step.percent = None;
                self.calls += 1;
            }
            Event::Began { handle, .. } => {
                if let Some(intent) = step.intents.last_mut() {
                    intent.fate = Fate::Began;
                    intent.accepted = Some(record.at);
                }
                if let Some(id) = &handle.id
                    && !step.handles.contains(id)
                {
                    step.handles.push(id.clone());
                }
            }
            Event::Unknown { what, .. } => {
                if let Some(intent) = step.intents.last_mut() {
                    intent.fate = Fate::Unknown;
                }
                step.note = format!("no answer: {what}");
            }
            Event::Refused { code, message, .. } => step.note = format!("{code}: {message}"),
            Event::Worked {
                cursor,
                percent,
                note,
                ..
            } => {
                step.cursor = Some(cursor.clone());
                step.percent = *percent;
                step.note.clone_from(note);
            }
            Event::ProvenAbsent { attempt, .. } => {
                if *attempt != step.attempt {
                    return None;
                }
                step.attempt += 1;
                step.note.clear();
                step.intents.clear();
                step.befores.clear();
                step.handles.clear();
            }
            Event::Found { output, claim, .. } => {
                step.output = Some(Arc::new(output.clone()));
                step.claim = Some(*claim);
            }
            Event::Made { output, .. } => {
                step.output = Some(Arc::new(output.clone()));
                step.claim = Some(Claim::Ours);
            }
            Event::Held { output, seen, .. } => {
                step.output = output.clone().map(Arc::new);
                step.seen = Some(seen.clone());
            }
            Event::Failed { fault, .. } => {
                step.fault = Some(fault.clone());
                self.failed.insert(at);
            }
            Event::Alternative { number, .. } => {
                if *number != step.alternative + 1 {
                    return None;
                }
                step.alternative = *number;
                step.note.clear();
            }
            Event::Asked {
                until, on_timeout, ..
            } => {
                step.asked = Some(Asked {
                    number: record.number,
                    until: *until,
                    on_timeout: *on_timeout,
                });
                step.answer = None;
            }
            Event::Answered {
                step: id,
                answer,
                by,
                ..
            } => {
                step.answer = Some(*answer);
                if *answer == Answer::No {
                    self.halt = Some(Halt::Declined {
                        step: id.clone(),
                        by: by.clone(),
                    });
                }
            }
            Event::TimedOut { step: id } => {
                self.timed_out = Some(at);
                self.halt = Some(Halt::Unconfirmed(id.clone()));
            }
            Event::GateBroken { step: id, why } => {
                step.broken = Some(why.clone());
                self.broken.insert(at);
                self.halt = Some(Halt::GateBroken {
                    step: id.clone(),
                    why: why.clone(),
                });
            }
            Event::Reopened { .. } => {
                step.broken = None;
                self.broken.remove(&at);
                step.output = None;
                // What was refused late is not resent at once: the calls count as answered.
                step.intents
                    .iter_mut()
                    .for_each(|intent| intent.fate = Fate::Began);
                step.phase = step.standing();
            }
            Event::Reached {
                milestone,
                moment,
                step: id,
            } => {
                // Of several databases the oldest decides what is kept; of everything else the last.
                let older = *milestone == Milestone::RecoveryPoint
                    && self
                        .milestones
                        .get(milestone)
                        .is_some_and(|(known, _)| known < moment);
                if !older {
                    self.milestones.insert(*milestone, (*moment, id.clone()));
                }
            }
            Event::UndoIntended { call, .. } => {
                step.call = Some(call.clone());
                step.percent = None;
                self.calls += 1;
            }
            Event::UndoRefused { code, message, .. } => step.note = format!("{code}: {message}"),
            Event::UndoUnknown { what, .. } => step.note = format!("no answer: {what}"),
            Event::LeftBehind { why, instead, .. } => {
                step.left = Some((why.clone(), instead.clone()))
            }
            Event::UndoBegan { .. } => step.taken_back += 1,
            Event::Undone { .. } => {}
            _ => return None,
        }
        let now = self.steps[at].phase;
        let over = now.done() || matches!(now, Phase::Failed | Phase::Undone | Phase::Left);
        if over && (was.active() || self.steps[at].ended.is_none()) && was != Phase::Undoing {
            self.steps[at].ended = Some(record.at);
        }
        if over {
            self.steps[at].percent = None;
        }
        if was.done() != now.done() {
            self.settle(at, now.done());
        }
        if let Some(unwind) = &mut self.unwinding {
            match now {
                Phase::Undone => unwind.clear(at, &self.steps),
                Phase::Left => unwind.leave(at, &self.plan, &self.steps),
                _ => {}
            }
            self.opened.extend(unwind.take_news());
        }
        Some(())
    }

    /// A step became done, or is no longer.
    fn settle(&mut self, at: usize, done: bool) {
        let graph = self.graph.clone();
        for dependent in &graph.dependents[at] {
            if done {
                self.unmet[*dependent] -= 1;
                if self.unwinding.is_none() && self.unmet[*dependent] == 0 {
                    self.opened.push(*dependent);
                }
            } else {
                self.unmet[*dependent] += 1;
            }
        }
        if done {
            self.done += 1;
        } else {
            self.done -= 1;
        }
    }
}
