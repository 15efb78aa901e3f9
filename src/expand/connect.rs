//! How steps wait for each other: the needs of lines, the gates of a cut, and the order that satisfies both.

use super::expansion::Expansion;
use super::runbook::Runbook;
use super::slug;
use drtool_engine::StepId;
use drtool_engine::plan::{self, Need, Planned};
use drtool_engine::step::Effect;
use std::collections::BTreeSet;

impl<'a> Expansion<'a> {
    /// Lines that need other lines: the first steps of the one wait for the last steps of the other.
    pub(super) fn connect(&mut self, runbook: &Runbook) {
        let of_line = |steps: &[Planned], line: &str| -> Vec<usize> {
            (0..steps.len())
                .filter(|i| steps[*i].line == line)
                .collect()
        };
        let mut added: Vec<(usize, StepId)> = vec![];
        for (_, line) in runbook.lines() {
            let mine = of_line(&self.steps, line.id.as_str());
            let ids: BTreeSet<&StepId> = mine.iter().map(|i| &self.steps[*i].id).collect();
            let first: Vec<usize> = mine
                .iter()
                .copied()
                .filter(|i| {
                    !self.steps[*i]
                        .needs
                        .iter()
                        .any(|need| ids.contains(&need.step))
                })
                .collect();
            for need in &line.needs {
                let other = runbook.line(need.as_str());
                let theirs = of_line(&self.steps, need.as_str());
                let needed: BTreeSet<&StepId> = theirs
                    .iter()
                    .flat_map(|i| self.steps[*i].needs.iter().map(|n| &n.step))
                    .collect();
                let last: Vec<usize> = theirs
                    .iter()
                    .copied()
                    .filter(|i| !needed.contains(&self.steps[*i].id))
                    .collect();
                // Two lines over the same list go item by item: one database does not wait for another's copy.
                let paired = line.for_each.is_some()
                    && line.for_each == other.and_then(|o| o.for_each.clone());
                for from in &first {
                    for to in &last {
                        if !paired
                            || self.item(&self.steps[*from].id) == self.item(&self.steps[*to].id)
                        {
                            added.push((*from, self.steps[*to].id.clone()));
                        }
                    }
                }
            }
        }
        for (index, step) in added {
            let needs = &mut self.steps[index].needs;
            if !needs.iter().any(|need| need.step == step) {
                needs.push(Need::on(step));
            }
        }
    }

    /// Which thing of a list a step belongs to: the longest item that its name begins with.
    pub(super) fn item(&self, id: &StepId) -> String {
        let name = id.as_str().split('/').nth(1).unwrap_or_default();
        let manifest = self.manifest;
        let databases = manifest.databases.iter().map(|d| d.name.to_string());
        let services = manifest.services.iter().map(|s| s.name.to_string());
        let secrets = manifest.secrets.iter().map(|s| slug(s.name.as_str()));
        let parameters = manifest.parameters.iter().map(|p| slug(p.name.as_str()));
        let images = manifest.images.iter().map(|i| slug(i.repository.as_str()));
        let records = manifest.dns.iter().map(|r| slug(r.record.as_str()));
        let all = databases
            .chain(services)
            .chain(secrets)
            .chain(parameters)
            .chain(images)
            .chain(records);
        all.filter(|item| name == item || name.starts_with(&format!("{item}-")))
            .max_by_key(String::len)
            .unwrap_or_default()
    }

    /// What a cut is gated on: health seen a moment ago, the fence held until it is over.
    pub(super) fn gates(&mut self) {
        let proofs: Vec<(StepId, plan::Proof)> = self
            .steps
            .iter()
            .filter_map(|s| s.proof.map(|p| (s.id.clone(), p)))
            .collect();
        let cuts: Vec<usize> = (0..self.steps.len())
            .filter(|i| self.steps[*i].effect == Effect::Cuts)
            .collect();
        for index in cuts {
            let id = self.steps[index].id.clone();
            for (step, proof) in &proofs {
                let mut need = Need::on(step.clone());
                match proof {
                    plan::Proof::Health => {
                        need.fresh = Some(10);
                        need.settle = self.settles(step);
                    }
                    plan::Proof::Fence => {
                        need.fresh = Some(10);
                        need.keep_until = Some(id.clone());
                    }
                    plan::Proof::Data => {}
                }
                let needs = &mut self.steps[index].needs;
                needs.retain(|n| n.step != *step);
                needs.push(need);
            }
        }
    }

    /// How often in a row a check must pass, as the manifest says of it.
    fn settles(&self, step: &StepId) -> Option<plan::Passes> {
        let checks = &self.manifest.checks;
        let number = step
            .as_str()
            .rsplit('-')
            .next()
            .and_then(|n| n.parse::<usize>().ok());
        let check = number.and_then(|n| checks.get(n.checked_sub(1)?))?;
        let count = u32::from(check.passes);
        Some(plan::Passes {
            count,
            over: count.saturating_sub(1) * check.every.as_secs() as u32,
        })
    }
}

/// The steps in an order that satisfies all needs, else as they were: phases stay together as far as they can.
pub(super) fn sorted(steps: Vec<Planned>) -> Vec<Planned> {
    let mut waiting: Vec<Option<Planned>> = steps.into_iter().map(Some).collect();
    let known: BTreeSet<StepId> = waiting.iter().flatten().map(|s| s.id.clone()).collect();
    let mut done: BTreeSet<StepId> = BTreeSet::new();
    let mut out = vec![];
    while out.len() < waiting.len() {
        let ready = waiting.iter().position(|step| {
            step.as_ref().is_some_and(|step| {
                step.needs
                    .iter()
                    .all(|need| done.contains(&need.step) || !known.contains(&need.step))
            })
        });
        // A circle cannot come out of lines without one; were it there, the order would stay as written.
        let next = ready.or_else(|| waiting.iter().position(Option::is_some));
        let Some(step) = next.and_then(|index| waiting[index].take()) else {
            break;
        };
        done.insert(step.id.clone());
        out.push(step);
    }
    out
}
