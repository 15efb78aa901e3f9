//! A call: described before it is sent, so that its intent can be written down first.
//!
//! Must not know: how a call travels.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Class;
use crate::name::Place;

/// What is written down about a call before it is sent. The IAM policy, `--as-cli` and the dry run read it too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// As AWS names it in an IAM action: `rds`, `ecs`, `elasticloadbalancing`.
    pub service: String,
    pub operation: String,
    pub region: Place,
    /// The ARN or name acted on, as far as it is known before the call.
    pub resource: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The request's members, sensitive ones blanked.
    pub request: Json,
    /// The same as a command of the AWS CLI.
    pub cli: String,
}

/// What AWS promises when the same call is sent twice. It decides what is done after a lost answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// The name is ours to choose and unique: sent again, and "already exists" leads to proving whose it is.
    Named,
    /// A stored token makes it safe to send again for so long.
    Token { ttl: Duration },
    /// No promise at all: after a lost answer, search by tag for this long before making another. Only the call that
    /// makes the thing itself is one; what the thing lacks then is `Upsert` or `Named`.
    Bare { window: Duration },
    /// Says how it should be: sent again without harm.
    Upsert,
}

/// What AWS answered to a call that it accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Handle {
    /// The identifier of what was begun, where AWS chose it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// From the answer's `Date`: the only time that may be compared with creation times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_time: Option<Timestamp>,
}

impl Handle {
    pub fn of(id: impl Into<String>) -> Self {
        Handle {
            id: Some(id.into()),
            ..Handle::default()
        }
    }
}

/// How a call can go wrong. The two are never folded into each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallError {
    /// Answered, and certainly not done.
    Refused {
        class: Class,
        code: String,
        message: String,
        request_id: Option<String>,
    },
    /// Sent, and nobody knows: time-out, reset, a 5xx that may have come after the effect.
    Unknown { what: String },
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Refused {
                code,
                message,
                request_id,
                ..
            } => {
                write!(f, "{code}: {message}")?;
                request_id
                    .as_ref()
                    .map_or(Ok(()), |id| write!(f, " (request {id})"))
            }
            CallError::Unknown { what } => write!(f, "no answer: {what}"),
        }
    }
}

impl std::error::Error for CallError {}

/// Sends the call. Used at most once, after the intent is on disk.
pub type Sending = Box<dyn FnOnce() -> BoxFuture<'static, Result<Handle, CallError>> + Send>;

/// One request: what it is, what must be remembered to undo it, and how to send it.
pub struct Call<B> {
    pub record: CallRecord,
    pub kind: CallKind,
    /// What is there now and will not be there afterwards.
    pub before: B,
    pub send: Sending,
}

impl<B> Call<B> {
    pub fn new<F>(
        record: CallRecord,
        kind: CallKind,
        before: B,
        send: impl FnOnce() -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Handle, CallError>> + Send + 'static,
    {
        Call {
            record,
            kind,
            before,
            send: Box::new(move || Box::pin(send())),
        }
    }

    pub(crate) fn with<C>(self, change: impl FnOnce(B) -> C) -> Call<C> {
        Call {
            record: self.record,
            kind: self.kind,
            before: change(self.before),
            send: self.send,
        }
    }
}

impl<B: fmt::Debug> fmt::Debug for Call<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("record", &self.record)
            .field("kind", &self.kind)
            .field("before", &self.before)
            .finish_non_exhaustive()
    }
}
