//! A plan: every decision already made. What `drtool plan` shows, what a reviewer approves, the first record of a journal.
//!
//! Data and pure functions. Must not know: I/O, clocks, how a step is carried out.

mod check;
mod order;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

pub use check::{Flaw, check, check_kinds};
pub use order::Graph;

use crate::name::{Place, StepId};
use crate::step::Effect;

/// The format of plans and journals that this build writes. Others are refused, never guessed at.
pub const FORMAT: u32 = 1;

/// Everything a run will do, in an order that satisfies all needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub format: u32,
    pub stack: String,
    /// The same for all runs that carry one stack's life on.
    pub lineage: String,
    /// What run-scoped names are derived from; the run's id begins with it unless the plan is carried out twice.
    pub seed: String,
    pub profile: Profile,
    /// What people read at the head of a plan: from, to, account, objectives.
    pub facts: Json,
    /// In the order in which they are shown.
    pub phases: Vec<Phase>,
    pub steps: Vec<Planned>,
    /// What somebody has accepted in advance.
    #[serde(default)]
    pub approvals: Vec<Approval>,
    /// What the run is measured against when it is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objectives: Vec<Objective>,
}

/// A limit that was promised for something measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    pub measure: Measure,
    /// In seconds.
    pub limit: u64,
}

/// What can be promised and measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// From the run's begin to the first success (RTO).
    RecoveryTime,
    /// How much written data the recovered state lacks (RPO).
    RecoveryPoint,
    /// From the fence to the first success seen from outside.
    Downtime,
}

/// What a command means for the engine. It never asks for the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// For people: `migrate`, `drill`.
    pub name: String,
    pub finish: Finish,
    #[serde(default)]
    pub on_failure: OnFailure,
}

/// What happens when every step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    Keep,
    /// Everything that was made is taken back (a drill).
    Unwind,
}

/// What happens when a step fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The run stops, with everything in place, and can be resumed or undone.
    #[default]
    Stop,
    Unwind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    pub name: String,
    pub title: String,
}

/// Something accepted before the run began: `unfenced`, `break-glass`, or the id of a step with a `confirm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    pub what: String,
    pub by: String,
    /// In the approver's words, or the condition it was given on.
    pub why: String,
}

/// One step. Times are in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    pub id: StepId,
    pub phase: String,
    /// The line of the runbook that people see it under.
    pub line: String,
    pub title: String,
    pub kind: String,
    pub params: Json,
    pub region: Place,
    pub effect: Effect,
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Looked at, never begun.
    #[serde(default)]
    pub hold: bool,
    /// What it yields while held, if nothing is there to be found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<Json>,
    #[serde(default)]
    pub expect: Expect,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lane>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// Other parameters, tried in this order when the ones before are refused and nothing was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<Confirm>,
    /// What this step is evidence for, when others are gated on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// What is reached when this step is done (a fence: when its first call is sent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milestone: Option<Milestone>,
}

impl Planned {
    /// A step with nothing but what every step must have; the rest is filled in with struct update syntax.
    pub fn new(
        id: StepId,
        kind: impl Into<String>,
        params: Json,
        region: Place,
        effect: Effect,
    ) -> Self {
        Planned {
            phase: String::new(),
            line: id.line().to_owned(),
            title: id.to_string(),
            kind: kind.into(),
            params,
            region,
            effect,
            needs: Vec::new(),
            hold: false,
            stand_in: None,
            expect: Expect::New,
            limits: Limits::default(),
            lane: None,
            expected: None,
            alternatives: Vec::new(),
            confirm: None,
            proof: None,
            milestone: None,
            id,
        }
    }
}

/// Whether the thing should be new or is named by the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    #[default]
    New,
    Adopt(String),
}

/// A step that has to be done first, and how sure of it one must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    pub step: StepId,
    /// It must have been seen ready, by a look of its own, at most so many seconds before this step's call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh: Option<u32>,
    /// It must have been seen ready so often in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle: Option<Passes>,
    /// It is looked at again and again until that step is done; if it breaks, the run stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_until: Option<StepId>,
}

impl Need {
    pub fn on(step: StepId) -> Self {
        Need {
            step,
            fresh: None,
            settle: None,
            keep_until: None,
        }
    }
}

/// So many passes in a row, spread over so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passes {
    pub count: u32,
    pub over: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Seconds from the step's first look in one life of the run; then it fails.
    pub deadline: u32,
    /// Calls in one life of the run, those not counted that were told to wait.
    pub begins: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            deadline: 3600,
            begins: 8,
        }
    }
}

/// A queue shared by all steps (of all runs) that name it; so many are under way at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lane {
    pub name: String,
    pub width: u32,
}

/// How long a step usually takes, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub p50: f64,
    pub p95: f64,
}

/// A person has to agree before the step is begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    pub text: String,
    /// Seconds to wait for an answer.
    pub timeout: u32,
    pub on_timeout: OnTimeout,
    /// The condition on which it was agreed in advance: then nobody is asked once all needs are met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTimeout {
    Stop,
    /// The fences, and what was built on them, are taken back; the rest stays.
    Unfence,
    Unwind,
}

/// What a step is evidence for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The target serves, shown by deep checks.
    Health,
    /// The source takes no writes, shown by trying one.
    Fence,
    /// Every acknowledged write is in the target.
    Data,
}

/// The moments that times are counted between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Milestone {
    /// The source begins to refuse users: downtime begins.
    Fenced,
    /// The moment up to which data is kept.
    RecoveryPoint,
    /// The target answers its deep checks. Every step that says so counts; the last one decides.
    Proven,
    /// Users are sent to the target.
    Cut,
    /// Seen from outside, the target answers under the production name: downtime ends.
    Serving,
}

impl Plan {
    /// The hash by which a plan is approved and by which a journal proves what it carried out.
    pub fn hash(&self) -> String {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    pub fn step(&self, id: &StepId) -> Option<&Planned> {
        self.steps.iter().find(|step| step.id == *id)
    }

    pub fn approved(&self, what: &str) -> Option<&Approval> {
        self.approvals.iter().find(|approval| approval.what == what)
    }

    /// Where each step stands in the list.
    pub fn positions(&self) -> BTreeMap<StepId, usize> {
        self.steps
            .iter()
            .enumerate()
            .map(|(at, step)| (step.id.clone(), at))
            .collect()
    }
}
