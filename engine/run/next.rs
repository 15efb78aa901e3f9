//! What now? Pure: the state of a run decides, and nothing else.

use crate::event::{Halt, Outcome, Reach, Scope, UnwindWhy};
use crate::name::StepId;
use crate::plan::{Finish, OnFailure, OnTimeout};
use crate::state::{Phase, RunState};
use crate::step::{Class, Effect};

/// What a run does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Goes on with the steps whose turn it is.
    Act,
    Unwind {
        why: UnwindWhy,
        scope: Scope,
        reach: Reach,
    },
    /// This step's gate broke and all behind it is taken back: it is brought about again.
    Reopen(StepId),
    /// What was taken back is made again.
    Forward(String),
    /// These cannot be taken back since something left behind needs them.
    Leave(Vec<StepId>),
    End(Outcome),
}

pub fn next(state: &RunState) -> Next {
    if state.unwinding.is_some() {
        back(state)
    } else {
        forward(state)
    }
}

fn id(state: &RunState, at: usize) -> StepId {
    state.plan.steps[at].id.clone()
}

fn forward(state: &RunState) -> Next {
    if let Some(halt) = &state.halt {
        return halted(state, halt);
    }
    if let Some(at) = state.broken() {
        let behind = state.graph.behind([at]);
        let why = state.steps()[at].broken.clone().unwrap_or_default();
        let step = id(state, at);
        // What users were sent to is not taken from under them.
        return match state.cut() {
            Some(cut) if behind[cut] => Next::End(Outcome::Stopped(Halt::GateBroken { step, why })),
            _ => Next::Unwind {
                why: UnwindWhy::Repair(step.clone()),
                scope: Scope::Behind(step),
                reach: Reach::BeforeCut,
            },
        };
    }
    if let Some(at) = state.failed().next() {
        return failed(state, at);
    }
    let (done, all) = state.done();
    if done < all {
        return Next::Act;
    }
    match state.plan.profile.finish {
        Finish::Keep => Next::End(Outcome::Done),
        Finish::Unwind => Next::Unwind {
            why: UnwindWhy::Rehearsed,
            scope: Scope::All,
            reach: Reach::BeforeCut,
        },
    }
}

fn halted(state: &RunState, halt: &Halt) -> Next {
    let scope = match (halt, state.timed_out()) {
        (Halt::Unconfirmed(_), Some(at)) if state.cut().is_none() => {
            match state.steps()[at].asked.as_ref() {
                Some(asked) if asked.on_timeout == OnTimeout::Unwind => Some(Scope::All),
                Some(asked) if asked.on_timeout == OnTimeout::Unfence => {
                    let fences = state
                        .plan
                        .steps
                        .iter()
                        .filter(|step| step.effect == Effect::Fences && !step.hold);
                    Some(Scope::From(fences.map(|step| step.id.clone()).collect()))
                }
                _ => None,
            }
        }
        _ => None,
    };
    match (halt, scope) {
        (Halt::Unconfirmed(step), Some(scope)) => Next::Unwind {
            why: UnwindWhy::Unconfirmed(step.clone()),
            scope,
            reach: Reach::BeforeCut,
        },
        _ => Next::End(Outcome::Stopped(halt.clone())),
    }
}

fn failed(state: &RunState, at: usize) -> Next {
    let step = id(state, at);
    let Some(fault) = state.steps()[at].fault.clone() else {
        return Next::Act;
    };
    if matches!(fault.class, Class::Pause | Class::Scarce) {
        return Next::End(Outcome::Stopped(Halt::Paused { step, fault }));
    }
    if state.untouched() && state.plan.steps[at].effect == Effect::Reads {
        return Next::End(Outcome::Refused { step, fault });
    }
    match state.plan.profile.on_failure {
        OnFailure::Unwind if state.cut().is_none() => Next::Unwind {
            why: UnwindWhy::Failed(step),
            scope: Scope::All,
            reach: Reach::BeforeCut,
        },
        OnFailure::Unwind | OnFailure::Stop => Next::End(Outcome::Failed { step, fault }),
    }
}

fn back(state: &RunState) -> Next {
    let Some(unwind) = &state.unwinding else {
        return Next::Act;
    };
    if let Some(halt) = &state.halt {
        return Next::End(Outcome::Stopped(halt.clone()));
    }
    if !unwind.settled() {
        return Next::Act;
    }
    let stuck: Vec<StepId> = unwind
        .stuck(state.steps())
        .filter(|at| state.steps()[*at].phase != Phase::Left)
        .map(|at| id(state, at))
        .collect();
    if !stuck.is_empty() {
        return Next::Leave(stuck);
    }
    let left: Vec<StepId> = (0..state.steps().len())
        .filter(|at| state.steps()[*at].phase == Phase::Left)
        .map(|at| id(state, at))
        .collect();
    match &unwind.why {
        UnwindWhy::Repair(step) if left.is_empty() => match state.step(step) {
            Some(repaired) if repaired.broken.is_some() => Next::Reopen(step.clone()),
            _ => Next::Forward(format!(
                "`{step}` is brought about again, and what was built on it"
            )),
        },
        UnwindWhy::Unconfirmed(step) if left.is_empty() && unwind.reported => {
            Next::Forward(format!("resumed after nobody had confirmed `{step}`"))
        }
        why => Next::End(Outcome::Unwound {
            why: why.clone(),
            left,
        }),
    }
}
