//! References between steps: typed where they are written, plain text where they are kept.
//!
//! Must not know: any kind.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use crate::name::StepId;

/// What a step yields to the steps behind it. `NAME` is the word that errors and schemas use for it ("database").
pub trait Yields: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    const NAME: &'static str;
}

/// A step that nothing needs to refer to.
impl Yields for () {
    const NAME: &'static str = "nothing";
}

/// A reference to the step that yields a `T`. Written and kept as that step's id.
pub struct Ref<T> {
    step: StepId,
    of: PhantomData<fn() -> T>,
}

impl<T> Ref<T> {
    pub fn to(step: StepId) -> Self {
        Ref {
            step,
            of: PhantomData,
        }
    }

    pub fn step(&self) -> &StepId {
        &self.step
    }
}

impl<T> Clone for Ref<T> {
    fn clone(&self) -> Self {
        Ref::to(self.step.clone())
    }
}

impl<T> PartialEq for Ref<T> {
    fn eq(&self, other: &Self) -> bool {
        self.step == other.step
    }
}

impl<T> Eq for Ref<T> {}

impl<T> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "→{}", self.step)
    }
}

impl<T: Yields> Serialize for Ref<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if NAMING.get() {
            named(&self.step, Some(T::NAME), None).serialize(serializer)
        } else {
            self.step.serialize(serializer)
        }
    }
}

impl<'de, T> Deserialize<'de> for Ref<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        StepId::deserialize(deserializer).map(Ref::to)
    }
}

/// A value that is known when the plan is made, or a field of what a step will yield.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<T> {
    Known(T),
    /// The step, and the field of its output: member names joined by dots.
    Later(StepId, String),
}

impl<T> From<T> for Value<T> {
    fn from(known: T) -> Self {
        Value::Known(known)
    }
}

impl<T> Value<T> {
    pub fn later(step: StepId, field: impl Into<String>) -> Self {
        Value::Later(step, field.into())
    }

    pub fn known(&self) -> Option<&T> {
        match self {
            Value::Known(known) => Some(known),
            Value::Later(..) => None,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Known(known) => known.fmt(f),
            Value::Later(step, field) => write!(f, "<{field} of {step}>"),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Later {
    #[serde(rename = "$later")]
    step: StepId,
    field: String,
}

impl<T: Serialize> Serialize for Value<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Known(known) => known.serialize(serializer),
            Value::Later(step, field) if NAMING.get() => {
                named(step, None, Some(field)).serialize(serializer)
            }
            Value::Later(step, field) => Later {
                step: step.clone(),
                field: field.clone(),
            }
            .serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Value<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either<T> {
            Later(Later),
            Known(T),
        }
        Ok(match Either::deserialize(deserializer)? {
            Either::Later(later) => Value::Later(later.step, later.field),
            Either::Known(known) => Value::Known(known),
        })
    }
}

/// One reference found in a step's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Where in the parameters: member names and list positions joined by dots.
    pub path: String,
    pub step: StepId,
    /// What the step referred to has to yield; `None` for a single field of any output.
    pub yields: Option<String>,
    pub field: Option<String>,
}

thread_local! {
    /// Set while `references` serialises a step: references then give their type along with their target.
    static NAMING: Cell<bool> = const { Cell::new(false) };
}

const REFERENCE: &str = "$reference";

fn named(step: &StepId, yields: Option<&str>, field: Option<&str>) -> Json {
    serde_json::json!({ REFERENCE: step.as_str(), "yields": yields, "field": field })
}

/// Every reference that `step` contains, found by serialising it: no kind has to list its own.
pub fn references(step: &impl Serialize) -> Vec<Reference> {
    NAMING.set(true);
    let tree = serde_json::to_value(step);
    NAMING.set(false);
    let mut found = Vec::new();
    if let Ok(tree) = tree {
        walk(&tree, &mut String::new(), &mut found);
    }
    found
}

fn walk(tree: &Json, path: &mut String, found: &mut Vec<Reference>) {
    let mut down = |name: &str, inner: &Json| {
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(name);
        walk(inner, path, found);
        path.truncate(length);
    };
    match tree {
        Json::Object(members) => match members
            .get(REFERENCE)
            .and_then(Json::as_str)
            .and_then(|id| StepId::new(id).ok())
        {
            Some(step) => {
                let text = |name: &str| members.get(name).and_then(Json::as_str).map(str::to_owned);
                found.push(Reference {
                    path: path.clone(),
                    step,
                    yields: text("yields"),
                    field: text("field"),
                });
            }
            None => members.iter().for_each(|(name, inner)| down(name, inner)),
        },
        Json::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(at, inner)| down(&at.to_string(), inner)),
        _ => {}
    }
}

/// The member of `output` that `field` names, dots leading inwards.
pub fn field<'a>(output: &'a Json, field: &str) -> Option<&'a Json> {
    field
        .split('.')
        .filter(|part| !part.is_empty())
        .try_fold(output, |inner, part| match inner {
            Json::Array(items) => items.get(part.parse::<usize>().ok()?),
            other => other.get(part),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Serialize, Deserialize)]
    struct Database {
        endpoint: String,
    }
    impl Yields for Database {
        const NAME: &'static str = "database";
    }

    #[derive(Serialize, Deserialize)]
    struct Service {
        database: Ref<Database>,
        environment: Vec<(String, Value<String>)>,
    }

    #[test]
    fn references_are_plain_text_in_the_plan_and_typed_for_the_checks() {
        let service = Service {
            database: Ref::to(StepId::new("restore/main").unwrap()),
            environment: vec![
                ("NAME".into(), Value::Known("redmine".into())),
                (
                    "HOST".into(),
                    Value::later(StepId::new("restore/main").unwrap(), "endpoint"),
                ),
            ],
        };
        let text = serde_json::to_string(&service).unwrap();
        assert_eq!(
            text,
            r#"{"database":"restore/main","environment":[["NAME","redmine"],["HOST",{"$later":"restore/main","field":"endpoint"}]]}"#
        );
        let back: Service = serde_json::from_str(&text).unwrap();
        let found = references(&back);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].path.as_str(), found[0].yields.as_deref()),
            ("database", Some("database"))
        );
        assert_eq!(
            (found[1].path.as_str(), found[1].field.as_deref()),
            ("environment.1.1", Some("endpoint"))
        );
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
    }
}
