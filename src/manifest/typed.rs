//! From a tree of nodes to typed values: unknown fields are refused with the nearest known one, types are never guessed,
//! and [`Located`] keeps where a value was written.
//!
//! Knows serde and nodes; knows no field of any manifest.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::{StrDeserializer, U32Deserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::yaml::{Key, Node, What};
use crate::failure::{At, Failure, Sources};
use crate::printable::Printable;

const LOCATED: &str = "$located";

/// A value and where it was written, for errors that are found long after reading.
#[derive(Clone, Debug, Default)]
pub struct Located<T> {
    pub value: T,
    pub at: At,
}

impl<T> Located<T> {
    /// A value that nobody wrote: a default, or one that a test makes.
    pub fn unwritten(value: T) -> Located<T> {
        Located {
            value,
            at: At::default(),
        }
    }
}

impl<T> std::ops::Deref for Located<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// Two values are the same wherever they stand.
impl<T: PartialEq> PartialEq for Located<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: fmt::Display> fmt::Display for Located<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: Serialize> Serialize for Located<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Both<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Both<T> {
            type Value = Located<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            // Other formats (a saved plan) know no places.
            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                inner: D,
            ) -> Result<Self::Value, D::Error> {
                T::deserialize(inner).map(Located::unwritten)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                let mut next = || -> Result<u32, A::Error> {
                    parts
                        .next_element()?
                        .ok_or_else(|| de::Error::custom("no place"))
                };
                let at = At {
                    file: next()? as u16,
                    start: next()?,
                    end: next()?,
                    line: next()?,
                    column: next()?,
                };
                let value = parts
                    .next_element()?
                    .ok_or_else(|| de::Error::custom("no value"))?;
                Ok(Located { value, at })
            }
        }
        deserializer.deserialize_newtype_struct(LOCATED, Both(std::marker::PhantomData))
    }
}

/// Reads `node` as a `T`.
pub fn typed<T: DeserializeOwned>(node: &Node, sources: &Sources) -> Result<T, Failure> {
    T::deserialize(Under { node }).map_err(|fault| fault.failure(sources))
}

/// What did not fit, with the path collected on the way out.
#[derive(Debug)]
struct Fault {
    code: &'static str,
    message: String,
    at: Option<At>,
    path: Vec<String>,
    hint: Option<String>,
}

impl Fault {
    fn new(code: &'static str, message: String) -> Fault {
        Fault {
            code,
            message,
            at: None,
            path: vec![],
            hint: None,
        }
    }

    fn located(mut self, at: At) -> Fault {
        self.at.get_or_insert(at);
        self
    }

    fn under(mut self, step: impl FnOnce() -> String) -> Fault {
        self.path.push(step());
        self
    }

    fn failure(self, sources: &Sources) -> Failure {
        let mut path = String::new();
        for step in self.path.iter().rev() {
            if !path.is_empty() && !step.starts_with('[') {
                path.push('.');
            }
            path.push_str(step);
        }
        let message = if path.is_empty() {
            self.message
        } else {
            format!("{}: {}", Printable(&path), self.message)
        };
        let mut failure = Failure::input(self.code, message);
        if let Some(at) = self.at {
            failure = failure.at(sources, at, "here");
        }
        match self.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    /// A type's own refusal may choose its code by writing it first: `E1026 a duration …| what to do`.
    fn custom<T: fmt::Display>(message: T) -> Fault {
        let message = message.to_string();
        let (code, rest) = crate::manifest::codes::leading(&message).unwrap_or(("E1022", &message));
        match rest.split_once(" | ") {
            Some((what, hint)) => Fault {
                hint: Some(hint.to_owned()),
                ..Fault::new(code, what.to_owned())
            },
            None => Fault::new(code, rest.to_owned()),
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Fault {
        let mut fault = Fault::new("E1020", format!("unknown field `{}`", Printable(field)));
        fault.hint = Some(match nearest(field, expected) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known fields: {}", expected.join(", ")),
        });
        fault
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Fault {
        let mut fault = Fault::new(
            "E1022",
            format!(
                "`{}` is not one of {}",
                Printable(variant),
                expected.join(", ")
            ),
        );
        fault.hint = nearest(variant, expected).map(|near| format!("did you mean `{near}`?"));
        fault
    }

    fn missing_field(field: &'static str) -> Fault {
        Fault::new("E1019", format!("the field `{field}` is missing"))
    }
}

/// The known word that a mistyped one most likely meant.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = word.to_lowercase();
    known
        .iter()
        .map(|k| (distance(&lower, &k.to_lowercase()), *k))
        .filter(|(d, k)| *d <= 1 + k.len().max(lower.len()) / 4)
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let mut best = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]));
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

/// A node under serde's eyes.
#[derive(Clone, Copy)]
struct Under<'a> {
    node: &'a Node,
}

impl<'a> Under<'a> {
    fn refuse(&self, expected: &str) -> Fault {
        let found = match &self.node.what {
            What::Scalar { text, plain: true } if self.node.is_nothing() => {
                format!("nothing (`{text}`)")
            }
            What::Scalar { text, plain: true } if number(text) => format!("the number {text}"),
            What::Scalar { text, plain: true } if matches!(text.as_str(), "true" | "false") => {
                format!("the truth value {text}")
            }
            What::Scalar { text, .. } => format!("the text \"{}\"", Printable(text)),
            What::Sequence(_) => "a list".to_owned(),
            What::Mapping(_) => "a mapping".to_owned(),
        };
        Fault::new("E1022", format!("expected {expected}, found {found}")).located(self.node.at)
    }

    fn text(&self, expected: &str) -> Result<&'a str, Fault> {
        match &self.node.what {
            What::Scalar { text, plain } => {
                if *plain {
                    if self.node.is_nothing() {
                        return Err(self.refuse(expected));
                    }
                    if number(text) {
                        let digits = text.bytes().all(|b| b.is_ascii_digit());
                        let code = if digits
                            && (text.len() >= 10 || text.len() > 1 && text.starts_with('0'))
                        {
                            "E1023"
                        } else {
                            "E1022"
                        };
                        let mut fault = Fault::new(
                            code,
                            format!("expected {expected}, found the number {text}"),
                        );
                        fault.hint = Some(format!(
                            "quote it, or leading zeros and long numbers are lost: \"{text}\""
                        ));
                        return Err(fault.located(self.node.at));
                    }
                    if matches!(
                        text.to_ascii_lowercase().as_str(),
                        "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
                    ) {
                        let mut fault = Fault::new(
                            "E1025",
                            format!(
                                "`{text}` would be read as a truth value by many tools; {expected} is wanted here"
                            ),
                        );
                        fault.hint = Some(format!("if it is meant as text, quote it: \"{text}\""));
                        return Err(fault.located(self.node.at));
                    }
                }
                Ok(text)
            }
            _ => Err(self.refuse(expected)),
        }
    }

    fn plain(&self) -> Option<&'a str> {
        match &self.node.what {
            What::Scalar { text, plain: true } => Some(text),
            _ => None,
        }
    }

    fn integer<T: std::str::FromStr>(&self) -> Result<T, Fault> {
        self.plain()
            .filter(|t| !t.starts_with('+'))
            .and_then(|t| t.parse().ok())
            .ok_or_else(|| self.refuse("a whole number"))
    }
}

fn number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.')
        && text.parse::<f64>().is_ok()
}

macro_rules! integers {
    ($($method:ident $visit:ident),*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            visitor.$visit(self.integer()?).map_err(|e: Fault| e.located(self.node.at))
        }
    )* };
}

impl<'de, 'a: 'de> Deserializer<'de> for Under<'a> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.what {
            What::Scalar { text, plain: true } => {
                if self.node.is_nothing() {
                    visitor.visit_unit()
                } else if text == "true" || text == "false" {
                    visitor.visit_bool(text == "true")
                } else if let Ok(number) = text.parse::<i64>() {
                    visitor.visit_i64(number)
                } else {
                    self.text("text")
                        .and_then(|text| visitor.visit_borrowed_str(text))
                }
            }
            What::Scalar { text, .. } => visitor.visit_borrowed_str(text),
            What::Sequence(_) => return self.deserialize_seq(visitor),
            What::Mapping(_) => return self.deserialize_map(visitor),
        }
        .map_err(|e: Fault| e.located(self.node.at))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.plain() {
            Some("true") => visitor.visit_bool(true),
            Some("false") => visitor.visit_bool(false),
            _ => Err(self.refuse("true or false")),
        }
    }

    integers!(deserialize_i8 visit_i8, deserialize_i16 visit_i16, deserialize_i32 visit_i32, deserialize_i64 visit_i64,
        deserialize_u8 visit_u8, deserialize_u16 visit_u16, deserialize_u32 visit_u32, deserialize_u64 visit_u64);

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self
            .plain()
            .filter(|t| number(t))
            .and_then(|t| t.parse::<f64>().ok())
            .filter(|n| n.is_finite())
        {
            Some(number) => visitor.visit_f64(number),
            None => Err(self.refuse("a number")),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let text = self.text("text")?;
        visitor
            .visit_borrowed_str(text)
            .map_err(|e: Fault| e.located(self.node.at))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fault> {
        Err(self.refuse("text"))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.node.is_nothing() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.node.is_nothing() {
            visitor.visit_unit()
        } else {
            Err(self.refuse("nothing"))
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name == LOCATED {
            visitor
                .visit_seq(Place {
                    node: self.node,
                    part: 0,
                })
                .map_err(|e: Fault| e.located(self.node.at))
        } else {
            visitor
                .visit_newtype_struct(self)
                .map_err(|e: Fault| e.located(self.node.at))
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.what {
            What::Sequence(items) => visitor
                .visit_seq(Items { items, next: 0 })
                .map_err(|e: Fault| e.located(self.node.at)),
            _ => Err(self.refuse("a list")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.what {
            What::Mapping(members) => visitor
                .visit_map(Members { members, next: 0 })
                .map_err(|e: Fault| e.located(self.node.at)),
            _ => Err(self.refuse("a mapping")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let choice = match &self.node.what {
            What::Mapping(members) if members.len() == 1 => Choice {
                name: &members[0].0.text,
                at: members[0].0.at,
                inner: Some(&members[0].1),
            },
            What::Mapping(_) => {
                return Err(self.refuse(&format!("exactly one of {}", known.join(", "))));
            }
            _ => Choice {
                name: self.text(&format!("one of {}", known.join(", ")))?,
                at: self.node.at,
                inner: None,
            },
        };
        visitor
            .visit_enum(choice)
            .map_err(|e: Fault| e.located(self.node.at))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

/// A [`Located`] as serde sees it: file, start, end, line, column, then the value.
struct Place<'a> {
    node: &'a Node,
    part: u8,
}

impl<'de, 'a: 'de> SeqAccess<'de> for Place<'a> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let at = self.node.at;
        self.part += 1;
        let number = match self.part {
            1 => u32::from(at.file),
            2 => at.start,
            3 => at.end,
            4 => at.line,
            5 => at.column,
            _ => return seed.deserialize(Under { node: self.node }).map(Some),
        };
        let number: U32Deserializer<Fault> = number.into_deserializer();
        seed.deserialize(number).map(Some)
    }
}

struct Items<'a> {
    items: &'a [Node],
    next: usize,
}

impl<'de, 'a: 'de> SeqAccess<'de> for Items<'a> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.items.get(self.next) else {
            return Ok(None);
        };
        let index = self.next;
        self.next += 1;
        seed.deserialize(Under { node })
            .map(Some)
            .map_err(|e| e.located(node.at).under(|| format!("[{index}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

struct Members<'a> {
    members: &'a [(Key, Node)],
    next: usize,
}

impl<'de, 'a: 'de> MapAccess<'de> for Members<'a> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((key, _)) = self.members.get(self.next) else {
            return Ok(None);
        };
        seed.deserialize(KeyText { key })
            .map(Some)
            .map_err(|e| e.located(key.at))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some((key, node)) = self.members.get(self.next) else {
            return Err(de::Error::custom("a value without a key"));
        };
        self.next += 1;
        seed.deserialize(Under { node })
            .map_err(|e| e.located(node.at).under(|| key.text.clone()))
    }
}

/// A key: its text, or with its place when it is read as [`Located`].
struct KeyText<'a> {
    key: &'a Key,
}

impl<'de, 'a: 'de> Deserializer<'de> for KeyText<'a> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(&self.key.text)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    /// A key that is one of a few words: `subnets: { public: … }`.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(Choice {
            name: &self.key.text,
            at: self.key.at,
            inner: None,
        })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Choice<'a> {
    name: &'a str,
    at: At,
    inner: Option<&'a Node>,
}

impl<'de, 'a: 'de> EnumAccess<'de> for Choice<'a> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let name: StrDeserializer<'_, Fault> = self.name.into_deserializer();
        seed.deserialize(name).map(|v| (v, self))
    }
}

impl<'de, 'a: 'de> VariantAccess<'de> for Choice<'a> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.inner {
            None => Ok(()),
            Some(node) if node.is_nothing() => Ok(()),
            Some(node) => Err(Fault::new(
                "E1022",
                format!("`{}` takes no value", Printable(self.name)),
            )
            .located(node.at)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        match self.inner {
            Some(node) => seed
                .deserialize(Under { node })
                .map_err(|e| e.located(node.at).under(|| self.name.to_owned())),
            None => Err(Fault::new(
                "E1022",
                format!(
                    "`{}` wants its settings: `{}: {{ … }}`",
                    Printable(self.name),
                    Printable(self.name)
                ),
            )
            .located(self.at)),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        match self.inner {
            Some(node) => Under { node }.deserialize_seq(visitor),
            None => Err(
                Fault::new("E1022", format!("`{}` wants a list", Printable(self.name)))
                    .located(self.at),
            ),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let name = self.name;
        match self.inner {
            Some(node) => Under { node }
                .deserialize_map(visitor)
                .map_err(|e| e.under(|| name.to_owned())),
            None => Err(Fault::new(
                "E1022",
                format!(
                    "`{}` wants its settings: `{}: {{ … }}`",
                    Printable(name),
                    Printable(name)
                ),
            )
            .located(self.at)),
        }
    }
}
