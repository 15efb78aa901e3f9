//! What a step may know while it looks or describes a call: its environment, what the steps before it yielded, and
//! whose things are ours. There is no clock in it and no way to wait: the two instants in it are told, not taken.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::value::field;
use super::{Ref, StepError, Value, Yields};
use crate::name::{Place, RunId, StepId};

/// What everything that a step makes is tagged with, and how a found thing is told from a stranger's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub stack: String,
    /// The same for all runs that carry one stack's life on: what `protect` makes, `failover` finds.
    pub lineage: String,
    pub run: RunId,
    pub step: StepId,
    /// The intent: changes only after a search has proven that the former one had no effect.
    pub intent: String,
}

/// Whose a found thing is, read from its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This step of this run.
    ThisStep,
    /// Another step of this run.
    ThisRun(String),
    /// An earlier run of the same lineage (`.0` is its id), in the same step.
    Lineage(String),
    /// drtool's, but of another lineage.
    Stranger(String),
    /// It carries no tags of ours.
    Nobody,
}

impl Mark {
    pub const STACK: &'static str = "drtool:stack";
    pub const LINEAGE: &'static str = "drtool:lineage";
    pub const RUN: &'static str = "drtool:run";
    pub const STEP: &'static str = "drtool:step";
    pub const INTENT: &'static str = "drtool:intent";

    /// The tags to put on what is made, at its creation.
    pub fn tags(&self) -> [(&'static str, &str); 5] {
        [
            (Self::STACK, &self.stack),
            (Self::LINEAGE, &self.lineage),
            (Self::RUN, self.run.as_str()),
            (Self::STEP, self.step.as_str()),
            (Self::INTENT, &self.intent),
        ]
    }

    /// Whose is a thing with these tags? Tags can be copied by AWS (`CopyTags`, replicas), so a step also compares what
    /// cannot change: account, region, engine, source, time of creation.
    pub fn owner<'t>(&self, tag: impl Fn(&str) -> Option<&'t str>) -> Owner {
        let Some(lineage) = tag(Self::LINEAGE) else {
            return Owner::Nobody;
        };
        let run = tag(Self::RUN).unwrap_or_default();
        let step = tag(Self::STEP).unwrap_or_default();
        if lineage != self.lineage {
            Owner::Stranger(lineage.to_owned())
        } else if run != self.run.as_str() {
            Owner::Lineage(run.to_owned())
        } else if step != self.step.as_str() {
            Owner::ThisRun(step.to_owned())
        } else {
            Owner::ThisStep
        }
    }
}

/// How a look may be answered: by its own questions, or by answers that others have got lately.
///
/// Epochs count ticks and answers to calls, whichever comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// An answer that is asked for now is of this epoch.
    epoch: u64,
    /// Answers of an earlier epoch are too old. `None`: this look wants its own.
    since: Option<u64>,
    calls: Calls,
}

impl Look {
    /// Shares no answer. A gate wants its own.
    pub fn alone(epoch: u64) -> Self {
        Look {
            epoch,
            since: None,
            calls: Calls::default(),
        }
    }

    /// Shares answers of this epoch.
    pub fn shared(epoch: u64) -> Self {
        Look::since(epoch, epoch, Calls::default())
    }

    /// Shares answers since an epoch, but not what a service said before it answered to a call.
    pub fn since(epoch: u64, since: u64, calls: Calls) -> Self {
        Look {
            epoch,
            since: Some(since),
            calls,
        }
    }

    /// The epoch of an answer that is asked for now.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    pub fn is_shared(&self) -> bool {
        self.since.is_some()
    }

    /// Whether an answer of `service`, asked for in `epoch`, will do.
    pub fn takes(&self, service: &str, epoch: u64) -> bool {
        let called = self.calls.last(service);
        self.since
            .is_some_and(|since| epoch >= since.max(called) && epoch <= self.epoch)
    }
}

/// The epoch in which each service last answered to a call. Services share places by a hash of their names: one that shares
/// its place is asked again too often, never too seldom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls([u64; Calls::PLACES]);

impl Calls {
    const PLACES: usize = 16;

    fn place(service: &str) -> usize {
        let sum = service
            .bytes()
            .fold(0_u32, |sum, byte| sum.wrapping_mul(31) ^ u32::from(byte));
        (sum as usize ^ (sum >> 16) as usize) % Self::PLACES
    }

    fn last(&self, service: &str) -> u64 {
        self.0[Self::place(service)]
    }

    pub fn note(&mut self, service: &str, epoch: u64) {
        self.0[Self::place(service)] = epoch;
    }
}

/// Everything the engine tells one step for one look, begin, slice of work or undo.
#[derive(Clone, Debug)]
pub struct Seat {
    pub place: Place,
    pub mark: Mark,
    /// What the steps that this one needs or refers to have yielded.
    pub outputs: BTreeMap<StepId, Arc<Json>>,
    /// Counts the intents that a search has proven to be without effect.
    pub attempt: u32,
    /// Identifiers that earlier calls of this step returned, oldest first.
    pub handles: Vec<String>,
    /// When the first call of this step left; nothing of ours can be older.
    pub first_sent: Option<Timestamp>,
    /// Everything that this step needs was there from here on. What was answered before proves nothing about it.
    pub since: Timestamp,
    /// When this is asked.
    pub now: Timestamp,
    /// The resource to adopt, if the plan names one.
    pub adopt: Option<String>,
    pub look: Look,
}

impl Seat {
    /// The intent and the token of a step's n-th attempt. Deterministic: a resend after a crash says the same.
    pub fn intent(lineage: &str, run: &RunId, step: &StepId, attempt: u32) -> String {
        digest(&[
            "intent",
            lineage,
            run.as_str(),
            step.as_str(),
            &attempt.to_string(),
        ])
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
    }
}

/// What a step sees. `env` is the product's own: the engine never looks inside.
pub struct Cx<'a, E> {
    pub env: &'a E,
    seat: &'a Seat,
}

impl<'a, E> Cx<'a, E> {
    pub fn new(env: &'a E, seat: &'a Seat) -> Self {
        Cx { env, seat }
    }

    /// Where the step acts.
    pub fn place(&self) -> &'a Place {
        &self.seat.place
    }

    /// What the step behind `reference` has yielded.
    pub fn output<T: Yields>(&self, reference: &Ref<T>) -> Result<T, StepError> {
        read(self.raw(reference.step())?, reference.step(), T::NAME)
    }

    /// A value, looked up where it is only known later.
    pub fn value<T: DeserializeOwned + Clone>(&self, value: &Value<T>) -> Result<T, StepError> {
        match value {
            Value::Known(known) => Ok(known.clone()),
            Value::Later(step, name) => {
                let found = field(self.raw(step)?, name).ok_or_else(|| {
                    StepError::fail("E4902", format!("step `{step}` yields no `{name}`"))
                })?;
                read(found, step, name)
            }
        }
    }

    fn raw(&self, step: &StepId) -> Result<&'a Json, StepError> {
        self.seat
            .outputs
            .get(step)
            .map(AsRef::as_ref)
            .ok_or_else(|| {
                StepError::fail(
                    "E4901",
                    format!(
                        "step `{}` uses `{step}` without needing it",
                        self.seat.mark.step
                    ),
                )
            })
    }

    pub fn mark(&self) -> &'a Mark {
        &self.seat.mark
    }

    /// An idempotency token of 32 letters and digits: the same whenever this attempt is sent again.
    pub fn token(&self) -> String {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let mark = &self.seat.mark;
        let hash = digest(&[
            "token",
            &mark.lineage,
            mark.run.as_str(),
            mark.step.as_str(),
            &self.seat.attempt.to_string(),
        ]);
        let letters = hash
            .iter()
            .take(30)
            .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        "dr".chars().chain(letters).collect()
    }

    /// Identifiers that earlier calls of this step returned, oldest first.
    pub fn handles(&self) -> &'a [String] {
        &self.seat.handles
    }

    /// When this step's first call left. What is older than this (less a little for clocks) is not ours.
    pub fn first_sent(&self) -> Option<Timestamp> {
        self.seat.first_sent
    }

    /// Everything that this step needs was there from here on.
    pub fn since(&self) -> Timestamp {
        self.seat.since
    }

    /// When this is asked, by the clock of whoever asks.
    pub fn now(&self) -> Timestamp {
        self.seat.now
    }

    /// The resource that the plan says to adopt.
    pub fn adopt(&self) -> Option<&'a str> {
        self.seat.adopt.as_deref()
    }

    pub fn look(&self) -> Look {
        self.seat.look
    }
}

fn read<T: DeserializeOwned>(json: &Json, step: &StepId, name: &str) -> Result<T, StepError> {
    T::deserialize(json).map_err(|source| {
        StepError::fail(
            "E4903",
            format!("what step `{step}` yielded is not a {name}"),
        )
        .because(source)
    })
}

fn digest(words: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for word in words {
        hash.update((word.len() as u64).to_be_bytes());
        hash.update(word.as_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_shared_until_its_service_is_called_or_it_is_too_old() {
        let mut calls = Calls::default();
        let look = |calls| Look::since(9, 5, calls);
        assert!(look(calls).takes("rds", 5) && !look(calls).takes("rds", 4));
        calls.note("rds", 7);
        assert!(!look(calls).takes("rds", 6) && look(calls).takes("rds", 7));
        assert!(look(calls).takes("ec2", 6));
        assert!(!look(calls).takes("rds", 10), "of another run's future");
        assert!(!Look::alone(9).takes("rds", 9));
    }
}
