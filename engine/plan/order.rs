//! Who needs whom, as positions in the plan.

use std::collections::BTreeMap;

use super::Plan;
use crate::name::StepId;

/// The needs of a plan, both ways.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    pub needs: Vec<Vec<usize>>,
    pub dependents: Vec<Vec<usize>>,
    positions: BTreeMap<StepId, usize>,
}

impl Graph {
    /// Needs that name no step are left out: `check` has refused them.
    pub fn of(plan: &Plan) -> Graph {
        let positions = plan.positions();
        let mut graph = Graph {
            needs: vec![Vec::new(); plan.steps.len()],
            dependents: vec![Vec::new(); plan.steps.len()],
            positions,
        };
        for (at, step) in plan.steps.iter().enumerate() {
            for need in &step.needs {
                if let Some(on) = graph.positions.get(&need.step).copied()
                    && !graph.needs[at].contains(&on)
                {
                    graph.needs[at].push(on);
                    graph.dependents[on].push(at);
                }
            }
        }
        graph
    }

    pub fn position(&self, id: &StepId) -> Option<usize> {
        self.positions.get(id).copied()
    }

    /// Everything that needs one of `from`, directly or not, `from` itself included.
    pub fn behind(&self, from: impl IntoIterator<Item = usize>) -> Vec<bool> {
        closure(&self.dependents, from)
    }

    /// Everything that one of `from` needs, directly or not, `from` itself included.
    pub fn before(&self, from: impl IntoIterator<Item = usize>) -> Vec<bool> {
        closure(&self.needs, from)
    }

    /// An order in which every step comes after what it needs; steps that have a choice keep the plan's order. `Err` is
    /// a circle: each needs the next, the last needs the first.
    pub fn order(&self) -> Result<Vec<usize>, Vec<usize>> {
        let mut unmet: Vec<usize> = self.needs.iter().map(Vec::len).collect();
        let mut ready: std::collections::BTreeSet<usize> =
            (0..unmet.len()).filter(|at| unmet[*at] == 0).collect();
        let mut order = Vec::with_capacity(unmet.len());
        while let Some(at) = ready.pop_first() {
            order.push(at);
            for dependent in &self.dependents[at] {
                unmet[*dependent] -= 1;
                if unmet[*dependent] == 0 {
                    ready.insert(*dependent);
                }
            }
        }
        if order.len() == unmet.len() {
            Ok(order)
        } else {
            Err(self.circle(&unmet))
        }
    }

    /// Walks along unmet needs until a step comes up again.
    fn circle(&self, unmet: &[usize]) -> Vec<usize> {
        let mut walked = Vec::new();
        let mut at = unmet.iter().position(|left| *left > 0);
        while let Some(here) = at {
            if let Some(start) = walked.iter().position(|step| *step == here) {
                return walked.split_off(start);
            }
            walked.push(here);
            at = self.needs[here]
                .iter()
                .copied()
                .find(|need| unmet[*need] > 0);
        }
        walked
    }
}

fn closure(edges: &[Vec<usize>], from: impl IntoIterator<Item = usize>) -> Vec<bool> {
    let mut seen = vec![false; edges.len()];
    let mut open: Vec<usize> = from.into_iter().collect();
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut seen[at], true) {
            open.extend(edges[at].iter().copied().filter(|next| !seen[*next]));
        }
    }
    seen
}
