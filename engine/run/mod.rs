//! Carrying out plans: what now (`next`), what a look means (`decide`), what must hold before a call leaves (`gate`), one run
//! (`executor`) and the only loop (`fleet`).
//!
//! Must not know: kinds by name, commands, the terminal.

mod controls;
pub mod decide;
mod doing;
mod executor;
mod fleet;
mod gate;
pub mod next;
mod pace;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

pub use controls::{Command, Controls};
pub use fleet::{Ended, Fleet};
pub use pace::{Pace, Rate};

use crate::event::{Event, Holder, Outcome, Reach, Record};
use crate::journal::{self, Journal, JournalError, Mirror};
use crate::name::{RunId, StepId};
use crate::plan::{FORMAT, Flaw, Plan, check};
use crate::report::Reporter;
use crate::state::{Illegal, RunState};
use crate::step::{Act, Kinds, ParseError};

/// Why a run cannot be carried out, or no further.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("the journal cannot be used")]
    Journal(#[source] JournalError),
    #[error("the journal contradicts itself, or drtool has a bug")]
    Illegal(#[source] Illegal),
    #[error("the plan cannot be carried out")]
    Plan { flaws: Vec<Flaw> },
    #[error("step `{step}` of the plan cannot be made")]
    Step { step: StepId, source: ParseError },
    #[error("run `{run}` has ended: there is nothing left to {wish}")]
    Over {
        run: RunId,
        wish: &'static str,
        outcome: Box<Outcome>,
    },
    #[error("the fleet was stopped before run `{run}` had ended")]
    Unfinished { run: RunId },
    #[error(
        "users were moved by step `{step}`: taking it back would lose what they have written since"
    )]
    PastTheCut { step: StepId },
}

impl RunError {
    /// Its code in drtool's list.
    pub fn code(&self) -> &'static str {
        match self {
            RunError::Journal(error) => error.code(),
            RunError::Illegal(_) => Illegal::CODE,
            RunError::Plan { flaws } => flaws.first().map_or("E1150", |flaw| flaw.code),
            RunError::Step { .. } => "E1151",
            RunError::Over { .. } => "E3020",
            RunError::PastTheCut { .. } => "E3021",
            RunError::Unfinished { .. } => "E3022",
        }
    }

    /// The process's exit status.
    pub fn exit(&self) -> u8 {
        match self {
            RunError::Plan { .. }
            | RunError::Step { .. }
            | RunError::Over { .. }
            | RunError::PastTheCut { .. } => crate::event::exit::INPUT,
            RunError::Unfinished { .. } => crate::event::exit::STOPPED,
            RunError::Journal(_) | RunError::Illegal(_) => crate::event::exit::JOURNAL,
        }
    }
}

impl From<JournalError> for RunError {
    fn from(error: JournalError) -> Self {
        RunError::Journal(error)
    }
}

impl From<Illegal> for RunError {
    fn from(error: Illegal) -> Self {
        RunError::Illegal(error)
    }
}

/// What somebody wants of a run when it is taken up.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    GoOn,
    Undo { by: String, reach: Reach },
}

/// A run, ready to be given to a fleet. The same for a new one and for one taken over.
pub struct Run<E: 'static> {
    journal: Journal,
    state: RunState,
    /// Records that no reporter has seen yet: those of this life.
    told: Vec<Record>,
    /// Lines of earlier lives, for a mirror that may lack some.
    history: Vec<Arc<str>>,
    env: Arc<E>,
    acts: Acts<E>,
    /// The steps whose outputs each step may read.
    uses: Vec<Vec<usize>>,
    mirror: Option<Arc<dyn Mirror>>,
    reporters: Vec<Box<dyn Reporter>>,
    holder: Holder,
    wish: Wish,
}

impl<E: Send + Sync + 'static> Run<E> {
    /// A new run of `plan`: checks it and begins its journal.
    pub fn begin(
        place: journal::Place,
        plan: Plan,
        kinds: &Kinds<E>,
        env: Arc<E>,
        holder: Holder,
        now: Timestamp,
    ) -> Result<Self, RunError> {
        let flaws = check(&plan);
        if !flaws.is_empty() {
            return Err(RunError::Plan { flaws });
        }
        let acts = acts(&plan, kinds)?;
        let event = Event::Planned {
            format: FORMAT,
            run: place.run().clone(),
            hash: plan.hash(),
            plan: Box::new(plan),
        };
        let (journal, first) = Journal::create(place, now, event, &holder)?;
        let state = RunState::begin(&first)?;
        Ok(Run::new(journal, state, vec![first], acts, env, holder))
    }

    /// Takes a run over, whatever became of its former holder. What a torn record said is not known any more.
    pub fn take_over(
        place: journal::Place,
        kinds: &Kinds<E>,
        env: Arc<E>,
        holder: Holder,
    ) -> Result<Self, RunError> {
        let (journal, records, _torn) = Journal::open(place, &holder)?;
        let state = RunState::fold(&records)?;
        let acts = acts(&state.plan, kinds)?;
        let mut run = Run::new(journal, state, Vec::new(), acts, env, holder);
        run.history = records.iter().map(|record| record.line.clone()).collect();
        Ok(run)
    }

    fn new(
        journal: Journal,
        state: RunState,
        told: Vec<Record>,
        acts: Acts<E>,
        env: Arc<E>,
        holder: Holder,
    ) -> Self {
        let uses = (0..acts.len())
            .map(|at| {
                let referred = acts[at].iter().flat_map(|act| act.references());
                let referred =
                    referred.filter_map(|reference| state.graph.position(&reference.step));
                referred
                    .chain(state.graph.needs[at].iter().copied())
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect()
            })
            .collect();
        Run {
            journal,
            state,
            told,
            history: Vec::new(),
            env,
            acts,
            uses,
            mirror: None,
            reporters: Vec::new(),
            holder,
            wish: Wish::GoOn,
        }
    }

    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Refuses to go on with a run that is over.
    pub fn resume(self) -> Result<Self, RunError> {
        match &self.state.outcome {
            Some(outcome) if !outcome.resumable() => Err(RunError::Over {
                run: self.state.run.clone(),
                wish: "resume",
                outcome: Box::new(outcome.clone()),
            }),
            _ => Ok(self),
        }
    }

    /// Takes back what the run made. Refused once users were moved, unless `reach` says otherwise.
    pub fn undo(mut self, by: impl Into<String>, reach: Reach) -> Result<Self, RunError> {
        if let (Some(cut), Reach::BeforeCut) = (self.state.cut(), reach) {
            return Err(RunError::PastTheCut {
                step: self.state.plan.steps[cut].id.clone(),
            });
        }
        match &self.state.outcome {
            Some(outcome @ Outcome::Unwound { left, .. })
                if left.is_empty() && !outcome.resumable() =>
            {
                return Err(RunError::Over {
                    run: self.state.run.clone(),
                    wish: "undo",
                    outcome: Box::new(outcome.clone()),
                });
            }
            _ => {}
        }
        self.wish = Wish::Undo {
            by: by.into(),
            reach,
        };
        Ok(self)
    }

    pub fn mirror(mut self, mirror: Arc<dyn Mirror>) -> Self {
        self.mirror = Some(mirror);
        self
    }

    pub fn reporter(mut self, reporter: impl Reporter + 'static) -> Self {
        self.reporters.push(Box::new(reporter));
        self
    }
}

/// By step, then by alternative.
type Acts<E> = Vec<Vec<Arc<dyn Act<E>>>>;

fn acts<E>(plan: &Plan, kinds: &Kinds<E>) -> Result<Acts<E>, RunError> {
    plan.steps
        .iter()
        .map(|step| {
            std::iter::once(&step.params)
                .chain(&step.alternatives)
                .map(|params| {
                    kinds
                        .parse(&step.kind, params)
                        .map_err(|source| RunError::Step {
                            step: step.id.clone(),
                            source,
                        })
                })
                .collect()
        })
        .collect()
}
