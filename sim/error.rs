//! An AWS error, before it is written in a protocol.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// What an operation refuses with: AWS's own code and, where the model does not say it, the HTTP status.
#[derive(Clone, Debug, PartialEq)]
pub struct AwsError {
    /// The code on the wire, for instance `DBInstanceNotFound` (not the shape's name `DBInstanceNotFoundFault`).
    pub code: String,
    pub message: String,
    /// `None`: the model's status for this code, or 400.
    pub status: Option<u16>,
    /// Further members of the error's shape, in the model's names.
    pub fields: BTreeMap<String, Value>,
}

impl AwsError {
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> AwsError {
        AwsError {
            code: code.into(),
            message: message.into(),
            status: None,
            fields: BTreeMap::new(),
        }
    }

    pub fn status(mut self, status: u16) -> AwsError {
        self.status = Some(status);
        self
    }

    pub fn field(mut self, name: &str, value: impl Into<Value>) -> AwsError {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// The operation is in AWS, and not (yet) in this simulation. Never a guess: 501, and it names itself.
    pub fn not_simulated(service: &str, operation: &str) -> AwsError {
        AwsError::new(
            "NotSimulated",
            format!("{service} {operation} is not simulated"),
        )
        .status(501)
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for AwsError {}
