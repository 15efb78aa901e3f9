//! Steps with their types taken off, so that one engine carries out any of them, and the registry that gives them back.
//!
//! Must not know: any kind by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::{
    Call, CallRecord, Cx, Effect, Made, Observed, Reference, Slice, Step, StepError, Undo, Work,
    Yields, references,
};

/// A step as the engine holds it: JSON in, JSON out.
pub trait Act<E>: Send + Sync {
    fn kind(&self) -> &'static str;
    fn yields(&self) -> &'static str;
    fn effect(&self) -> Effect;
    fn references(&self) -> Vec<Reference>;
    fn observe<'a>(&'a self, cx: &'a Cx<'a, E>)
    -> BoxFuture<'a, Result<Observed<Json>, StepError>>;
    fn advance<'a>(&'a self, cx: &'a Cx<'a, E>) -> BoxFuture<'a, Result<Advance, StepError>>;
    /// One slice. Only asked of an act whose `advance` answered `Work`.
    fn work<'a>(
        &'a self,
        cx: &'a Cx<'a, E>,
        cursor: Option<Json>,
    ) -> BoxFuture<'a, Result<Slice<Json>, StepError>>;
    fn undo<'a>(
        &'a self,
        cx: &'a Cx<'a, E>,
        made: Made<Json, Json>,
    ) -> BoxFuture<'a, Result<Undo, StepError>>;
}

/// What brings a step on.
#[derive(Debug)]
pub enum Advance {
    Call(Call<Json>),
    Work(CallRecord),
}

struct Called<S>(S);
struct Worked<W>(W);

fn json(value: &impl Serialize, what: &'static str) -> Result<Json, StepError> {
    serde_json::to_value(value).map_err(|source| {
        StepError::fail("E4904", format!("{what} cannot be written down")).because(source)
    })
}

fn typed<T: DeserializeOwned>(json: Json, what: &'static str) -> Result<T, StepError> {
    serde_json::from_value(json).map_err(|source| {
        StepError::fail("E4905", format!("{what} in the journal cannot be read")).because(source)
    })
}

fn seen<T: Serialize>(observed: Observed<T>) -> Result<Observed<Json>, StepError> {
    Ok(match observed {
        Observed::Ready(found, claim) => {
            Observed::Ready(json(&found, "what the step yields")?, claim)
        }
        other => other.map(|_| Json::Null),
    })
}

fn remade<T: DeserializeOwned, B: DeserializeOwned>(
    made: Made<Json, Json>,
) -> Result<Made<T, B>, StepError> {
    Ok(Made {
        output: made
            .output
            .map(|output| typed(output, "what the step yielded"))
            .transpose()?,
        befores: made
            .befores
            .into_iter()
            .map(|before| typed(before, "what was there before"))
            .collect::<Result<_, _>>()?,
        handles: made.handles,
        first_sent: made.first_sent,
    })
}

impl<S: Step> Act<S::Env> for Called<S> {
    fn kind(&self) -> &'static str {
        S::KIND
    }
    fn yields(&self) -> &'static str {
        S::Output::NAME
    }
    fn effect(&self) -> Effect {
        self.0.effect()
    }
    fn references(&self) -> Vec<Reference> {
        references(&self.0)
    }
    fn observe<'a>(
        &'a self,
        cx: &'a Cx<'a, S::Env>,
    ) -> BoxFuture<'a, Result<Observed<Json>, StepError>> {
        Box::pin(async move { seen(self.0.observe(cx).await?) })
    }
    fn advance<'a>(&'a self, cx: &'a Cx<'a, S::Env>) -> BoxFuture<'a, Result<Advance, StepError>> {
        Box::pin(async move {
            let call = self.0.begin(cx).await?;
            let before = json(&call.before, "what is there before")?;
            Ok(Advance::Call(call.with(|_| before)))
        })
    }
    fn work<'a>(
        &'a self,
        _: &'a Cx<'a, S::Env>,
        _: Option<Json>,
    ) -> BoxFuture<'a, Result<Slice<Json>, StepError>> {
        Box::pin(async { Ok(Slice::Done) })
    }
    fn undo<'a>(
        &'a self,
        cx: &'a Cx<'a, S::Env>,
        made: Made<Json, Json>,
    ) -> BoxFuture<'a, Result<Undo, StepError>> {
        Box::pin(async move { self.0.undo(cx, &remade(made)?).await })
    }
}

impl<W: Work> Act<W::Env> for Worked<W> {
    fn kind(&self) -> &'static str {
        W::KIND
    }
    fn yields(&self) -> &'static str {
        W::Output::NAME
    }
    fn effect(&self) -> Effect {
        self.0.effect()
    }
    fn references(&self) -> Vec<Reference> {
        references(&self.0)
    }
    fn observe<'a>(
        &'a self,
        cx: &'a Cx<'a, W::Env>,
    ) -> BoxFuture<'a, Result<Observed<Json>, StepError>> {
        Box::pin(async move { seen(self.0.observe(cx).await?) })
    }
    fn advance<'a>(&'a self, cx: &'a Cx<'a, W::Env>) -> BoxFuture<'a, Result<Advance, StepError>> {
        Box::pin(async move { self.0.record(cx).map(Advance::Work) })
    }
    fn work<'a>(
        &'a self,
        cx: &'a Cx<'a, W::Env>,
        cursor: Option<Json>,
    ) -> BoxFuture<'a, Result<Slice<Json>, StepError>> {
        Box::pin(async move {
            let cursor = cursor
                .map(|cursor| typed(cursor, "how far the work had come"))
                .transpose()?
                .unwrap_or_default();
            Ok(match self.0.work(cx, cursor).await? {
                Slice::Done => Slice::Done,
                Slice::More {
                    cursor,
                    percent,
                    note,
                } => Slice::More {
                    cursor: json(&cursor, "how far the work has come")?,
                    percent,
                    note,
                },
            })
        })
    }
    fn undo<'a>(
        &'a self,
        cx: &'a Cx<'a, W::Env>,
        made: Made<Json, Json>,
    ) -> BoxFuture<'a, Result<Undo, StepError>> {
        Box::pin(async move { self.0.undo(cx, &remade(made)?).await })
    }
}

/// Why a plan's step could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    #[error("there is no step kind `{kind}`")]
    UnknownKind {
        kind: String,
        nearest: Option<&'static str>,
    },
    #[error("the parameters of kind `{kind}` are not right")]
    Parameters {
        kind: &'static str,
        source: serde_json::Error,
    },
}

type Parse<E> = fn(&Json) -> Result<Arc<dyn Act<E>>, serde_json::Error>;

/// One row of the list of kinds.
pub struct Kind<E> {
    pub name: &'static str,
    pub summary: &'static str,
    pub example: &'static str,
    /// The word for what it yields.
    pub yields: &'static str,
    /// The JSON Schema of its parameters, if the product makes one.
    pub schema: Option<fn() -> Json>,
    parse: Parse<E>,
}

impl<E> Kind<E> {
    /// The row of a kind that is brought about by calls.
    pub const fn of<S: Step<Env = E>>() -> Self {
        Kind {
            name: S::KIND,
            summary: S::SUMMARY,
            example: S::EXAMPLE,
            yields: S::Output::NAME,
            schema: None,
            parse: |params| Ok(Arc::new(Called(S::deserialize(params)?))),
        }
    }

    /// The row of a kind that is this process's own work.
    pub const fn of_work<W: Work<Env = E>>() -> Self {
        Kind {
            name: W::KIND,
            summary: W::SUMMARY,
            example: W::EXAMPLE,
            yields: W::Output::NAME,
            schema: None,
            parse: |params| Ok(Arc::new(Worked(W::deserialize(params)?))),
        }
    }

    pub const fn schema(mut self, schema: fn() -> Json) -> Self {
        self.schema = Some(schema);
        self
    }

    pub fn parse(&self, params: &Json) -> Result<Arc<dyn Act<E>>, ParseError> {
        (self.parse)(params).map_err(|source| ParseError::Parameters {
            kind: self.name,
            source,
        })
    }
}

/// All kinds, by name.
pub struct Kinds<E: 'static> {
    rows: BTreeMap<&'static str, &'static Kind<E>>,
}

impl<E> Kinds<E> {
    pub fn new(rows: &'static [Kind<E>]) -> Self {
        Kinds {
            rows: rows.iter().map(|row| (row.name, row)).collect(),
        }
    }

    pub fn get(&self, name: &str) -> Result<&'static Kind<E>, ParseError> {
        self.rows
            .get(name)
            .copied()
            .ok_or_else(|| ParseError::UnknownKind {
                kind: name.to_owned(),
                nearest: nearest(name, self.rows.keys().copied()),
            })
    }

    pub fn iter(&self) -> impl Iterator<Item = &'static Kind<E>> {
        self.rows.values().copied()
    }

    pub fn parse(&self, name: &str, params: &Json) -> Result<Arc<dyn Act<E>>, ParseError> {
        self.get(name)?.parse(params)
    }
}

/// The word among `words` that `text` was probably meant to be: at most a third of its letters wrong.
pub fn nearest<'w>(text: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    words
        .into_iter()
        .map(|word| (distance(text, word), word))
        .filter(|(far, word)| *far <= word.chars().count().max(3) / 3)
        .min()
        .map(|(_, word)| word)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
