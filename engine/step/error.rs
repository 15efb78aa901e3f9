//! What a step says when it cannot go on: which code, what to do about it, and above all what was left behind.
//!
//! Must not know: how errors are printed.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What an error asks of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Not done, and likely to work when asked again (throttled, a connection that never opened).
    Retry,
    /// Not done because something else is not ready yet: look again, then ask again, until the deadline.
    Wait,
    /// An answer came and cannot be read. Asked again a few times in a row, then final: waiting does not mend it.
    Unreadable,
    /// Not to be had this way, here and now (capacity, a class that is not offered): another of the step's ways may do. If it
    /// has none, a person has to act.
    Scarce,
    /// A person has to act (expired credentials, a quota); progress is kept and the run can be resumed.
    Pause,
    /// Will not work however often it is asked.
    Fail,
}

/// What is left in the cloud by a step that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    Nothing,
    Something(String),
    #[default]
    Unknown,
}

/// Which request an error is about. Every part is optional: a check that talks to nobody has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// An error of one step. `Display` says this error's own part only; the cause is behind `source()`.
#[derive(Clone, Debug)]
pub struct StepError {
    /// A code of drtool's list, such as `E4012`.
    pub code: &'static str,
    pub class: Class,
    pub what: String,
    /// Boxed: a result that carries an error should stay small.
    pub detail: Box<Detail>,
    pub left: Left,
    /// What to type or do next, most useful first.
    pub hint: Vec<String>,
    pub source: Option<Arc<dyn Error + Send + Sync>>,
}

impl StepError {
    /// A final error that left nothing behind.
    pub fn fail(code: &'static str, what: impl Into<String>) -> Self {
        Self::new(code, Class::Fail, what)
    }

    /// A person has to act, then the run goes on.
    pub fn pause(code: &'static str, what: impl Into<String>) -> Self {
        Self::new(code, Class::Pause, what)
    }

    /// Not yet: look again later.
    pub fn wait(code: &'static str, what: impl Into<String>) -> Self {
        Self::new(code, Class::Wait, what)
    }

    pub fn new(code: &'static str, class: Class, what: impl Into<String>) -> Self {
        StepError {
            code,
            class,
            what: what.into(),
            detail: Box::default(),
            left: Left::Nothing,
            hint: Vec::new(),
            source: None,
        }
    }

    pub fn left(mut self, left: Left) -> Self {
        self.left = left;
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.push(hint.into());
        self
    }

    pub fn call(mut self, service: impl Into<String>, operation: impl Into<String>) -> Self {
        self.detail.service = Some(service.into());
        self.detail.operation = Some(operation.into());
        self
    }

    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.detail.resource = Some(resource.into());
        self
    }

    pub fn request(mut self, request_id: Option<String>) -> Self {
        self.detail.request_id = request_id;
        self
    }

    pub fn because(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for StepError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

/// An error as the journal keeps it: everything a report needs, the causes as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub code: String,
    pub class: Class,
    pub what: String,
    #[serde(default)]
    pub detail: Detail,
    pub left: Left,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hint: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
}

/// A chain of causes is printed no deeper than this.
const CAUSES: usize = 8;

impl From<&StepError> for Fault {
    fn from(error: &StepError) -> Self {
        let causes = std::iter::successors(error.source(), |cause| (*cause).source());
        Fault {
            code: error.code.to_owned(),
            class: error.class,
            what: error.what.clone(),
            detail: (*error.detail).clone(),
            left: error.left.clone(),
            hint: error.hint.clone(),
            causes: causes.take(CAUSES).map(ToString::to_string).collect(),
        }
    }
}
