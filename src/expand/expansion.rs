//! A plan in the making: what every topic adds its steps to.

use super::facts::Lint;
use super::times;
use super::{Asked, Rehearsal, slug};
use crate::capture::Capture;
use crate::capture::rewrite::Rewriter;
use crate::failure::{At, Failure, Sources};
use crate::manifest::{Condition, Consent, Manifest, Target};
use drtool_engine::plan::{self, Expect, Expected, Limits, Need, OnTimeout, Planned};
use drtool_engine::step::{Effect, Value, references};
use drtool_engine::{Place, StepId};
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// A plan in the making.
pub(super) struct Expansion<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) capture: &'a Capture,
    pub(super) target: &'a Target,
    pub(super) asked: &'a Asked,
    pub(super) sources: &'a Sources,
    pub(super) rewriter: Rewriter,
    /// What stands for a source identifier in the target. A `#` sets a field apart: `arn#dnsName`.
    pub(super) made: BTreeMap<String, Value<String>>,
    /// Steps that other lines refer to by role: `restore main`, `watermark main`.
    pub(super) roles: BTreeMap<String, StepId>,
    pub(super) steps: Vec<Planned>,
    pub(super) found: Vec<Failure>,
    pub(super) lints: Vec<Lint>,
    pub(super) notes: Vec<String>,
    pub(super) quotas: BTreeMap<&'static str, (u32, u32)>,
    /// Lines that were refused for what they lack.
    pub(super) wanting: BTreeSet<String>,
    pub(super) now: Now,
}

/// The line that is being expanded.
pub(super) struct Now {
    pub(super) phase: String,
    pub(super) line: String,
    pub(super) at: At,
    pub(super) deadline: Option<u32>,
    pub(super) confirm: bool,
    /// Goes before the names of its steps when it is one of several.
    pub(super) item: Option<String>,
}

impl<'a> Expansion<'a> {
    pub(super) fn new(
        manifest: &'a Manifest,
        capture: &'a Capture,
        target: &'a Target,
        asked: &'a Asked,
        sources: &'a Sources,
    ) -> Self {
        let (from, to, account, partition) = (
            &capture.region,
            asked.to.as_str(),
            &capture.account,
            &capture.partition,
        );
        let mut rewriter = Rewriter::new(from, to);
        for secret in manifest
            .secrets
            .iter()
            .filter_map(|s| capture.secret(s.name.as_str()))
        {
            rewriter.becomes(
                &secret.arn,
                secret.arn.replacen(from, to, 1),
                "the secret's replica",
            );
        }
        for service in ["logs", "ssm"] {
            rewriter.prefix_becomes(
                &format!("arn:{partition}:{service}:{from}:{account}:"),
                format!("arn:{partition}:{service}:{to}:{account}:"),
                "the target region",
            );
        }
        for repository in manifest
            .images
            .iter()
            .filter_map(|i| capture.repository(i.repository.as_str()))
        {
            let moved = repository.uri.replacen(from, to, 1);
            for image in &repository.images {
                let by_digest = format!("{moved}@{}", image.digest);
                rewriter.becomes(
                    &format!("{}@{}", repository.uri, image.digest),
                    by_digest.clone(),
                    "the image's copy",
                );
                for tag in &image.tags {
                    rewriter.becomes(
                        &format!("{}:{tag}", repository.uri),
                        by_digest.clone(),
                        "the image's copy, by the digest that the tag stands for",
                    );
                }
            }
            rewriter.becomes(
                &repository.arn,
                repository.arn.replacen(from, to, 1),
                "the repository",
            );
        }
        Expansion {
            manifest,
            capture,
            target,
            asked,
            sources,
            rewriter,
            made: BTreeMap::new(),
            roles: BTreeMap::new(),
            steps: vec![],
            found: vec![],
            lints: vec![],
            notes: vec![],
            quotas: BTreeMap::new(),
            wanting: BTreeSet::new(),
            now: Now {
                phase: String::new(),
                line: String::new(),
                at: At::default(),
                deadline: None,
                confirm: false,
                item: None,
            },
        }
    }

    /// Adds a step of the current line and returns its id.
    pub(super) fn step<P: Serialize>(
        &mut self,
        name: &str,
        kind: &str,
        region: &str,
        effect: Effect,
        title: impl Into<String>,
        params: &P,
    ) -> StepId {
        let name = match &self.now.item {
            Some(item) if name.is_empty() => item.clone(),
            Some(item) => format!("{item}-{}", slug(name)),
            None => slug(name),
        };
        let id = self.id(&name);
        if self.steps.iter().any(|step| step.id == id) {
            let failure = Failure::input("E1082", format!("two steps would be called `{id}`")).at(
                self.sources,
                self.now.at,
                "of this line",
            );
            self.found.push(failure.hint("two resources of the source have names that differ only in their marks: rename one"));
        }
        let place = Place::new(region)
            .unwrap_or_else(|_| unreachable!("regions are checked when they are read"));
        let json = serde_json::to_value(params).unwrap_or(Json::Null);
        let needs = references(params)
            .into_iter()
            .map(|r| r.step)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(Need::on)
            .collect();
        let expected = times::expected(kind);
        let mut step = Planned::new(id.clone(), kind, json, place, effect);
        step.phase = self.now.phase.clone();
        step.line = self.now.line.clone();
        step.title = title.into();
        step.needs = needs;
        step.hold = self.held(effect);
        step.limits = self.limits(expected);
        step.expected = Some(expected);
        self.steps.push(step);
        id
    }

    pub(super) fn id(&self, name: &str) -> StepId {
        let text = format!("{}/{name}", self.now.line);
        StepId::new(&text).unwrap_or_else(|_| {
            let short: String = text.chars().take(110).collect();
            StepId::new(short.trim_end_matches('-'))
                .unwrap_or_else(|_| unreachable!("lines are names and slugs are names"))
        })
    }

    fn limits(&self, expected: Expected) -> Limits {
        let patient = (expected.p95 * 4.0).max(600.0) as u32;
        Limits {
            deadline: self.now.deadline.unwrap_or(patient),
            ..Limits::default()
        }
    }

    fn held(&self, effect: Effect) -> bool {
        match self.asked.profile {
            Rehearsal::DryRun => true,
            Rehearsal::Real => false,
            Rehearsal::Drill => matches!(effect, Effect::Changes | Effect::Fences | Effect::Cuts),
        }
    }

    /// The step that was added last.
    pub(super) fn last(&mut self) -> &mut Planned {
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }

    pub(super) fn last_id(&self) -> StepId {
        self.steps[self.steps.len() - 1].id.clone()
    }

    pub(super) fn expect(&mut self, expected: Expected) {
        let limits = self.limits(expected);
        let step = self.last();
        step.expected = Some(expected);
        step.limits = limits;
    }

    /// Holds the last step, whatever its effect: it speaks of a fence that a drill does not set.
    pub(super) fn hold_in_drill(&mut self, stand_in: Json) {
        if self.asked.profile == Rehearsal::Drill {
            self.last().hold = true;
        }
        self.last().stand_in = Some(stand_in);
    }

    pub(super) fn need(&mut self, step: StepId) {
        let last = self.last();
        if last.id != step && !last.needs.iter().any(|need| need.step == step) {
            last.needs.push(Need::on(step));
        }
    }

    pub(super) fn adopt(&mut self, what: &str) {
        self.last().expect = Expect::Adopt(what.to_owned());
    }

    pub(super) fn role(&mut self, role: String, step: &StepId) {
        self.roles.insert(role, step.clone());
    }

    pub(super) fn fault(
        &mut self,
        code: &'static str,
        at: At,
        message: impl Into<String>,
        label: &str,
        hint: impl Into<String>,
    ) {
        self.found.push(
            Failure::input(code, message.into())
                .at(self.sources, at, label)
                .hint(hint),
        );
    }

    /// So many of a thing that AWS limits, with AWS's default.
    pub(super) fn quota(&mut self, what: &'static str, count: u32, default: u32) {
        let entry = self.quotas.entry(what).or_insert((0, default));
        entry.0 += count;
    }

    pub(super) fn lint(
        &mut self,
        what: impl Into<String>,
        costs: impl Into<String>,
        instead: impl Into<String>,
    ) {
        let lint = Lint {
            what: what.into(),
            costs: costs.into(),
            instead: instead.into(),
        };
        if !self.lints.contains(&lint) {
            self.lints.push(lint);
        }
    }

    /// The manifest's answer to the question before the cut.
    pub(super) fn confirm(&self, text: String) -> Option<plan::Confirm> {
        if !self.now.confirm {
            return None;
        }
        let confirm = &self.manifest.confirm;
        let given = match &confirm.cut.value {
            Consent::Ask => None,
            Consent::Given(Condition::AllChecksPassAndNothingLost) => {
                Some("all checks pass and loss is 0".to_owned())
            }
        };
        Some(plan::Confirm {
            text,
            timeout: confirm.timeout.as_secs() as u32,
            on_timeout: OnTimeout::Unfence,
            given,
        })
    }
}
