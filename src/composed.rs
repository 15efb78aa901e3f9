//! Text put together from pieces, some of which only other steps will yield.
//!
//! Must not know: what the text is for.

use std::fmt;

use drtool_engine::StepId;
use drtool_engine::step::Value;
use serde::{Deserialize, Serialize};

/// Pieces that are joined without anything between them. Written as one string where all of it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Composed(pub Vec<Value<String>>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Whole(String),
    Pieces(Vec<Value<String>>),
}

impl From<Written> for Composed {
    fn from(written: Written) -> Self {
        match written {
            Written::Whole(text) => Composed::known(text),
            Written::Pieces(pieces) => Composed(pieces),
        }
    }
}

impl From<Composed> for Written {
    fn from(composed: Composed) -> Self {
        match composed.text() {
            Some(text) => Written::Whole(text),
            None => Written::Pieces(composed.0),
        }
    }
}

impl Composed {
    pub fn known(text: impl Into<String>) -> Composed {
        Composed(vec![Value::Known(text.into())])
    }

    pub fn later(step: StepId, field: &str) -> Composed {
        Composed(vec![Value::later(step, field)])
    }

    /// Adds a piece; neighbouring known pieces become one.
    pub fn push(&mut self, piece: Value<String>) {
        match (self.0.last_mut(), piece) {
            (_, Value::Known(text)) if text.is_empty() => {}
            (Some(Value::Known(last)), Value::Known(text)) => last.push_str(&text),
            (_, piece) => self.0.push(piece),
        }
    }

    /// The whole text, if every piece is known.
    pub fn text(&self) -> Option<String> {
        self.0
            .iter()
            .map(|piece| piece.known().map(String::as_str))
            .collect()
    }

    /// The whole text, with what is known later asked of `resolve`.
    pub fn resolve<E>(
        &self,
        mut resolve: impl FnMut(&Value<String>) -> Result<String, E>,
    ) -> Result<String, E> {
        self.0.iter().map(&mut resolve).collect()
    }

    pub fn is_known(&self) -> bool {
        self.0.iter().all(|piece| piece.known().is_some())
    }
}

impl fmt::Display for Composed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| piece.fmt(f))
    }
}

/// A string inside a JSON document that is known only later: where it stands, and what goes there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Late {
    /// A JSON pointer (RFC 6901) into the document.
    pub pointer: String,
    pub text: Composed,
}
