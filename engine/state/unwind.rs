//! Which steps are taken back, and which of them may be taken back now.
//!
//! In reverse: a thing goes when nothing that needed it is left. Fences are the exception: they are lifted as soon as the
//! fences behind them are, since every second of waiting for some deletion would be downtime.

use std::collections::BTreeSet;

use super::StepState;
use crate::event::{Reach, Scope, UnwindWhy};
use crate::plan::{Graph, Plan};
use crate::step::Effect;

#[derive(Clone, Debug)]
pub struct Unwind {
    pub why: UnwindWhy,
    pub scope: Scope,
    pub reach: Reach,
    /// Whether its end has been reported in an earlier life.
    pub reported: bool,
    /// In the scope.
    part: Vec<bool>,
    /// Done with: taken back, or nothing to take back and nothing behind it left.
    cleared: Vec<bool>,
    /// How many steps have to be cleared first.
    blocked: Vec<u32>,
    /// Fences have other blockers than the rest.
    fence: Vec<bool>,
    frees: Vec<Vec<usize>>,
    /// May be taken back now.
    open: BTreeSet<usize>,
    /// Those of `open` that nobody has been told of.
    news: Vec<usize>,
    uncleared: usize,
}

impl Unwind {
    pub(super) fn new(
        plan: &Plan,
        graph: &Graph,
        steps: &[StepState],
        why: UnwindWhy,
        scope: Scope,
        reach: Reach,
    ) -> Unwind {
        let part = match &scope {
            Scope::All => vec![true; steps.len()],
            Scope::From(from) => graph.behind(from.iter().filter_map(|id| graph.position(id))),
            Scope::Behind(step) => {
                let mut part = graph.behind(graph.position(step));
                if let Some(at) = graph.position(step) {
                    part[at] = false;
                }
                part
            }
        };
        let fence: Vec<bool> = plan
            .steps
            .iter()
            .map(|step| step.effect >= Effect::Fences)
            .collect();
        let mut unwind = Unwind {
            why,
            scope,
            reach,
            reported: false,
            cleared: vec![false; steps.len()],
            blocked: vec![0; steps.len()],
            frees: vec![Vec::new(); steps.len()],
            open: BTreeSet::new(),
            news: Vec::new(),
            uncleared: part.iter().filter(|part| **part).count(),
            part,
            fence,
        };
        for at in (0..steps.len()).filter(|at| unwind.part[*at]) {
            let blockers: Vec<usize> = if unwind.fence[at] && steps[at].effects() {
                let behind = graph.behind([at]);
                (0..steps.len())
                    .filter(|other| {
                        *other != at
                            && behind[*other]
                            && unwind.fence[*other]
                            && steps[*other].effects()
                    })
                    .collect()
            } else {
                graph.dependents[at]
                    .iter()
                    .copied()
                    .filter(|other| unwind.part[*other])
                    .collect()
            };
            unwind.blocked[at] = u32::try_from(blockers.len()).unwrap_or(u32::MAX);
            for blocker in blockers {
                unwind.frees[blocker].push(at);
            }
        }
        for at in 0..steps.len() {
            if unwind.part[at] && unwind.blocked[at] == 0 && !unwind.cleared[at] {
                unwind.arrive(at, steps);
            }
        }
        unwind
    }

    /// Nothing blocks `at` any more.
    fn arrive(&mut self, at: usize, steps: &[StepState]) {
        if steps[at].effects() {
            self.open.insert(at);
            self.news.push(at);
        } else {
            self.clear(at, steps);
        }
    }

    pub(super) fn clear(&mut self, at: usize, steps: &[StepState]) {
        let mut done = vec![at];
        while let Some(at) = done.pop() {
            self.open.remove(&at);
            if !self.part[at] || std::mem::replace(&mut self.cleared[at], true) {
                continue;
            }
            self.uncleared -= 1;
            for freed in std::mem::take(&mut self.frees[at]) {
                self.blocked[freed] -= 1;
                if self.blocked[freed] == 0 {
                    if steps[freed].effects() {
                        self.open.insert(freed);
                        self.news.push(freed);
                    } else {
                        done.push(freed);
                    }
                }
            }
        }
    }

    /// `at` could not be taken back. What it needs stays too, except what was changed in the source and its fences: those
    /// are given back whatever else is left.
    pub(super) fn leave(&mut self, at: usize, plan: &Plan, steps: &[StepState]) {
        self.open.remove(&at);
        let freed = std::mem::take(&mut self.frees[at]);
        let (restored, kept): (Vec<usize>, Vec<usize>) = freed
            .into_iter()
            .partition(|freed| plan.steps[*freed].effect >= Effect::Changes);
        self.frees[at] = kept;
        for freed in restored {
            self.blocked[freed] -= 1;
            if self.blocked[freed] == 0 {
                self.arrive(freed, steps);
            }
        }
    }

    /// The steps whose turn has come since this was last asked.
    pub(super) fn take_news(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.news)
    }

    /// The steps that may be taken back now.
    pub fn open(&self) -> impl Iterator<Item = usize> + '_ {
        self.open.iter().copied()
    }

    pub fn is_open(&self, at: usize) -> bool {
        self.open.contains(&at)
    }

    /// Whether nothing more can be done.
    pub fn settled(&self) -> bool {
        self.open.is_empty()
    }

    /// Steps with effects that stay because something that needs them was left.
    pub fn stuck<'a>(&'a self, steps: &'a [StepState]) -> impl Iterator<Item = usize> + 'a {
        (0..steps.len()).filter(|at| {
            self.part[*at] && !self.cleared[*at] && !self.open.contains(at) && steps[*at].effects()
        })
    }

    /// Whether everything in the scope is taken back.
    pub fn complete(&self) -> bool {
        self.uncleared == 0
    }

    pub fn covers(&self, at: usize) -> bool {
        self.part[at]
    }
}
