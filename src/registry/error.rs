//! What a registry refused or failed to answer, with where and what it was about.

use drtool_engine::step::{Class, Left, StepError};
use std::error::Error;
use std::fmt;

/// A request to a registry that did not do what it was to do.
#[derive(Debug)]
pub struct RegistryError {
    /// `GET blob sha256:… of redmine`.
    pub doing: String,
    /// The registry's host.
    pub host: String,
    pub failure: Failure,
}

#[derive(Debug)]
pub enum Failure {
    /// The registry said no. The code is the distribution API's (`NAME_UNKNOWN`), empty if none came.
    Refused {
        status: u16,
        code: String,
        message: String,
    },
    /// No answer, or one that broke off.
    Unreachable(String),
    /// An answer that contradicts itself or the digest that it was asked for.
    Wrong(String),
}

impl RegistryError {
    pub fn status(&self) -> Option<u16> {
        match self.failure {
            Failure::Refused { status, .. } => Some(status),
            _ => None,
        }
    }

    fn class(&self) -> Class {
        match &self.failure {
            Failure::Refused { status, code, .. } => match (*status, code.as_str()) {
                (401 | 403, _) => Class::Pause,
                // A repository that was just made is not seen everywhere at once.
                (_, "NAME_UNKNOWN") => Class::Wait,
                // A blob or child that the registry took is not seen by the manifest's check yet.
                (_, "MANIFEST_BLOB_UNKNOWN" | "BLOB_UPLOAD_UNKNOWN") => Class::Retry,
                (408 | 425 | 429, _) | (_, "TOOMANYREQUESTS") => Class::Retry,
                (status, _) if status >= 500 => Class::Retry,
                _ => Class::Fail,
            },
            Failure::Unreachable(_) => Class::Retry,
            Failure::Wrong(_) => Class::Fail,
        }
    }
}

impl From<RegistryError> for StepError {
    fn from(error: RegistryError) -> StepError {
        let code = match error.failure {
            Failure::Refused { .. } => "E4420",
            Failure::Unreachable(_) => "E4421",
            Failure::Wrong(_) => "E4422",
        };
        // Blobs that no manifest names yet are nobody's: the registry drops them.
        let mut out = StepError::new(code, error.class(), error.to_string()).left(Left::Nothing);
        out.detail.service = Some("ecr".into());
        out.detail.operation = Some(error.doing.clone());
        out.detail.resource = Some(error.host.clone());
        out
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: ", self.doing, self.host)?;
        match &self.failure {
            Failure::Refused {
                status,
                code,
                message,
            } => {
                write!(f, "HTTP {status}")?;
                for part in [code, message] {
                    if !part.is_empty() {
                        write!(f, " {part}")?;
                    }
                }
                Ok(())
            }
            Failure::Unreachable(why) | Failure::Wrong(why) => f.write_str(why),
        }
    }
}

impl Error for RegistryError {}

/// An error and its causes in one line, each part once.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !parts.last().is_some_and(|last| last.contains(&text)) {
            parts.push(text);
        }
        cause = inner.source();
    }
    parts.join(": ")
}
