//! Preflight: what would stop a run, found before anything is touched. AWS is only looked at, and everything that is found is
//! told at once.
//!
//! A topic is a file: it looks (async, through `cloud`), and judges what it saw (pure). In reading order: this file (what
//! all share), [`region`], [`keys`], [`certificates`], [`quotas`], [`databases`], [`names`] (whose what stands already is),
//! [`network`], [`permissions`], [`roles`], [`health`].
//!
//! A look that fails refuses nothing: what could not be seen is said, because a run meets it with its own errors. Only what was
//! seen refuses. Must not know: the command, the terminal, the journal.

use std::sync::Arc;

use drtool_engine::plan::{Plan, Planned};
use drtool_engine::step::Look;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::capture::Capture;
use crate::cloud::Cloud;
use crate::cloud::error::CloudError;
use crate::cloud::place::Identity;
use crate::env::Env;
use crate::failure::{Exit, Failure, Failures};
use crate::manifest::{Network, Region};

pub mod certificates;
pub mod databases;
mod dry_runs;
pub mod health;
pub mod keys;
pub mod names;
pub mod network;
pub mod permissions;
pub mod quotas;
pub mod region;
pub mod roles;

/// What is about to be done, and where.
pub struct Subject {
    pub plan: Plan,
    pub capture: Capture,
    /// The target's network, as the manifest says it.
    pub network: Network,
    pub to: Region,
    pub who: Identity,
    pub depth: Depth,
}

/// How far the looking goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Nothing but reads is sent: for `plan`.
    Reads,
    /// EC2's dry runs too, which make nothing and show what the caller may do: right before a run.
    DryRuns,
}

/// One thing that would stop the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub code: &'static str,
    pub what: String,
    /// The region and the resource that it is about.
    pub place: String,
    /// What to type or change, most useful first.
    pub hints: Vec<String>,
}

/// What preflight found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    pub findings: Vec<Finding>,
    /// Nothing that stops the run, and worth knowing.
    pub notes: Vec<String>,
    /// What was asked, and is as it has to be.
    pub shown: Vec<String>,
    /// What could not be asked, and why.
    pub unseen: Vec<String>,
    pub quotas: Vec<quotas::Line>,
    pub permissions: permissions::Seen,
}

impl Report {
    fn finding(
        &mut self,
        code: &'static str,
        place: impl Into<String>,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let finding = Finding {
            code,
            what: what.into(),
            place: place.into(),
            hints: vec![hint.into()],
        };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn hint(&mut self, hint: impl Into<String>) {
        if let Some(last) = self.findings.last_mut() {
            last.hints.push(hint.into());
        }
    }

    fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn shown(&mut self, what: impl Into<String>) {
        self.shown.push(what.into());
    }

    /// What was seen; what could not be seen is remembered.
    fn seen<T>(&mut self, what: &str, looked: Result<T, CloudError>) -> Option<T> {
        match looked {
            Ok(seen) => Some(seen),
            Err(error) => {
                let line = format!("{what}: {error}");
                if !self.unseen.contains(&line) {
                    self.unseen.push(line);
                }
                None
            }
        }
    }

    pub fn refuses(&self) -> bool {
        !self.findings.is_empty()
    }

    /// Every finding as people and scripts read it.
    pub fn failures(&self) -> Failures {
        Failures(
            self.findings
                .iter()
                .map(|finding| {
                    let message = format!("{}: {}", finding.place, finding.what);
                    let failure = Failure::new(finding.code, Exit::Refused, message);
                    finding
                        .hints
                        .iter()
                        .fold(failure, |failure, hint| failure.hint(hint.clone()))
                })
                .collect(),
        )
    }
}

/// What a topic looks with.
pub struct Ground<'a> {
    pub env: &'a Env,
    pub subject: &'a Subject,
    pub look: Look,
}

impl Ground<'_> {
    pub fn cloud(&self) -> &Cloud {
        &self.env.cloud
    }

    pub fn plan(&self) -> &Plan {
        &self.subject.plan
    }

    pub fn from(&self) -> &str {
        &self.subject.capture.region
    }

    pub fn to(&self) -> &str {
        self.subject.to.as_str()
    }

    /// The steps of a kind that will be begun, with their parameters.
    pub fn steps<T: DeserializeOwned>(&self, kind: &str) -> Vec<(&Planned, T)> {
        self.plan()
            .steps
            .iter()
            .filter(|step| step.kind == kind && !step.hold)
            .filter_map(|step| Some((step, serde_json::from_value(step.params.clone()).ok()?)))
            .collect()
    }
}

/// Looks at everything and judges it.
pub async fn run(env: Arc<Env>, subject: Subject) -> Report {
    let ground = Ground {
        env: &env,
        subject: &subject,
        look: Look::shared(u64::MAX),
    };
    let mut report = Report::default();
    if !region::check(&ground, &mut report).await {
        return report;
    }
    let standing = names::check(&ground, &mut report).await;
    keys::check(&ground, &mut report).await;
    certificates::check(&ground, &mut report).await;
    databases::check(&ground, &mut report).await;
    network::check(&ground, &mut report).await;
    quotas::check(&ground, &standing, &mut report).await;
    permissions::check(&ground, &mut report).await;
    roles::check(&ground, &mut report).await;
    health::check(&ground, &mut report).await;
    report
}
