//! The finished plan: its profile, its facts and its estimate.

use super::Rehearsal;
use super::connect::sorted;
use super::cost;
use super::estimate;
use super::expansion::Expansion;
use super::facts::{Accepted, Facts, Quota};
use super::runbook::Runbook;
use crate::failure::Failures;
use drtool_engine::plan::{self, Finish, Measure, Objective, OnFailure, Plan, Profile};
use serde_json::Value as Json;

impl<'a> Expansion<'a> {
    /// What this run will be measured against: a rehearsal against what was promised for the loss of the region, a planned move
    /// against what its users were told.
    fn objectives(&self) -> Vec<Objective> {
        let promised = &self.manifest.objectives;
        let pairs = match self.asked.profile {
            Rehearsal::Drill => [
                (Measure::RecoveryTime, promised.rto),
                (Measure::RecoveryPoint, promised.rpo),
            ],
            Rehearsal::Real | Rehearsal::DryRun => [
                (Measure::Downtime, promised.downtime),
                (Measure::RecoveryPoint, promised.accept_data_loss),
            ],
        };
        let measured = |measure| match measure {
            Measure::RecoveryPoint => !self.manifest.databases.is_empty(),
            Measure::Downtime => !self.manifest.dns.is_empty(),
            Measure::RecoveryTime => true,
        };
        pairs
            .into_iter()
            .filter(|(measure, _)| measured(*measure))
            .filter_map(|(measure, limit)| {
                let limit = limit?.as_secs();
                Some(Objective { measure, limit })
            })
            .collect()
    }

    pub(super) fn finish(mut self, runbook: &Runbook) -> Result<Plan, Failures> {
        self.gates();
        let steps = sorted(std::mem::take(&mut self.steps));
        let manifest = self.manifest;
        let (name, finish, on_failure) = match self.asked.profile {
            Rehearsal::DryRun => ("plan", Finish::Keep, OnFailure::Stop),
            Rehearsal::Drill => ("drill", Finish::Unwind, OnFailure::Unwind),
            Rehearsal::Real => ("migrate", Finish::Keep, OnFailure::Stop),
        };
        let accepted = |what: &str, why: &str| Accepted {
            what: what.to_owned(),
            why: why.to_owned(),
        };
        let loss = manifest
            .accepted_loss
            .iter()
            .map(|a| accepted(&a.path.value, &a.why));
        let allowed = manifest
            .allow_source_region_in
            .iter()
            .map(|a| accepted(&a.field.value, &a.why));
        let differences = manifest.databases.iter().flat_map(|d| {
            d.accept_difference
                .iter()
                .map(|a| accepted(&format!("{}: {}", d.name.value, a.setting), &a.why))
        });
        let mut facts = Facts {
            stack: manifest.name.to_string(),
            account: self.capture.account.clone(),
            partition: self.capture.partition.clone(),
            from: self.capture.region.clone(),
            to: self.asked.to.to_string(),
            objectives: manifest.objectives.clone(),
            captured: self.capture.taken,
            changes: self.rewriter.changes().to_vec(),
            lints: self.lints.clone(),
            accepted: loss.chain(allowed).chain(differences).collect(),
            left_behind: manifest
                .leave_behind
                .iter()
                .map(|l| accepted(l.what.as_str(), &l.why))
                .collect(),
            notes: self.notes.clone(),
            quotas: self
                .quotas
                .iter()
                .map(|(what, (needed, default))| Quota {
                    what: (*what).to_owned(),
                    needed: *needed,
                    default: *default,
                })
                .collect(),
            estimate: estimate::Estimate::default(),
            costs: cost::costs(&steps, self.asked.to.as_str()),
            written: None,
        };
        let mut plan = Plan {
            format: plan::FORMAT,
            stack: manifest.name.to_string(),
            lineage: self.asked.lineage.clone(),
            seed: self.asked.seed.clone(),
            profile: Profile {
                name: name.to_owned(),
                finish,
                on_failure,
            },
            facts: Json::Null,
            phases: runbook
                .phases
                .iter()
                .map(|phase| plan::Phase {
                    name: phase.name.to_string(),
                    title: phase.title.clone(),
                })
                .collect(),
            steps,
            approvals: vec![],
            objectives: self.objectives(),
        };
        // Times are those of the plan carried out: a dry run's steps are all held and take none.
        let mut real = plan.clone();
        if self.asked.profile == Rehearsal::DryRun {
            real.steps.iter_mut().for_each(|step| step.hold = false);
        }
        facts.estimate = estimate::estimate(&real);
        plan.facts = serde_json::to_value(&facts).unwrap_or_default();
        Ok(plan)
    }
}
