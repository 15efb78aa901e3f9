//! Strings that may speak of what does not stand yet: `${database.main.endpoint}`.
//!
//! The references come from a fixed, typed table. They are resolved once, by the plan; what they yield is never read again for
//! more of them. There is no other template or expression language: `{{ … }}`, `$(…)` and backticks are text.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::typed::{Located, nearest};
use super::words::Name;
use super::{Image, Parameter, Secret};

/// Text with references in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Literal(String),
    Reference(Reference),
}

/// What text may refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    Database {
        name: String,
        field: DatabaseField,
    },
    /// The DNS name of the balancer of a service.
    Balancer {
        service: String,
    },
    /// The ARN of a secret in the target.
    Secret {
        name: String,
    },
    TargetRegion,
    TargetAccount,
    StackName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseField {
    Endpoint,
    Port,
    Name,
    Username,
}

/// The whole table, as people write it. One line a reference; errors and docs are made from it.
pub const TABLE: &[&str] = &[
    "${database.NAME.endpoint}",
    "${database.NAME.port}",
    "${database.NAME.name}",
    "${database.NAME.username}",
    "${balancer.SERVICE.dnsName}",
    "${secret.NAME.arn}",
    "${target.region}",
    "${target.account}",
    "${stack.name}",
];

impl Text {
    pub fn literal(text: impl Into<String>) -> Text {
        Text {
            parts: vec![Part::Literal(text.into())],
        }
    }

    /// Reads text. `$${` stands for a literal `${`.
    pub fn parse(text: &str) -> Result<Text, String> {
        let mut parts = vec![];
        let mut literal = String::new();
        let mut rest = text;
        while let Some(found) = rest.find("${") {
            if rest[..found].ends_with('$') {
                literal.push_str(&rest[..found]);
                literal.push('{');
                rest = &rest[found + 2..];
                continue;
            }
            literal.push_str(&rest[..found]);
            let inner = &rest[found + 2..];
            let Some(end) = inner.find('}') else {
                return Err(format!(
                    "E1062 `{}` has no closing brace | write `$${{` for a literal `${{`",
                    &rest[found..]
                ));
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Reference(Reference::parse(&inner[..end])?));
            rest = &inner[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() || parts.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Text { parts })
    }

    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().filter_map(|part| match part {
            Part::Reference(reference) => Some(reference),
            Part::Literal(_) => None,
        })
    }
}

impl Reference {
    fn parse(text: &str) -> Result<Reference, String> {
        let unknown = || {
            let written = format!("${{{text}}}");
            let near = nearest(&written, TABLE).map_or_else(
                || format!("references are: {}", TABLE.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            format!("E1062 `{written}` is not a reference that a manifest knows | {near}")
        };
        let (head, rest) = text.split_once('.').ok_or_else(unknown)?;
        match (head, rest) {
            ("target", "region") => return Ok(Reference::TargetRegion),
            ("target", "account") => return Ok(Reference::TargetAccount),
            ("stack", "name") => return Ok(Reference::StackName),
            _ => {}
        }
        let (name, field) = rest.rsplit_once('.').ok_or_else(unknown)?;
        let name = name.to_owned();
        match (head, field) {
            ("database", "endpoint") => Ok(Reference::Database {
                name,
                field: DatabaseField::Endpoint,
            }),
            ("database", "port") => Ok(Reference::Database {
                name,
                field: DatabaseField::Port,
            }),
            ("database", "name") => Ok(Reference::Database {
                name,
                field: DatabaseField::Name,
            }),
            ("database", "username") => Ok(Reference::Database {
                name,
                field: DatabaseField::Username,
            }),
            ("balancer", "dnsName") => Ok(Reference::Balancer { service: name }),
            ("secret", "arn") => Ok(Reference::Secret { name }),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Database { name, field } => write!(f, "${{database.{name}.{field}}}"),
            Reference::Balancer { service } => write!(f, "${{balancer.{service}.dnsName}}"),
            Reference::Secret { name } => write!(f, "${{secret.{name}.arn}}"),
            Reference::TargetRegion => f.write_str("${target.region}"),
            Reference::TargetAccount => f.write_str("${target.account}"),
            Reference::StackName => f.write_str("${stack.name}"),
        }
    }
}

impl fmt::Display for DatabaseField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DatabaseField::Endpoint => "endpoint",
            DatabaseField::Port => "port",
            DatabaseField::Name => "name",
            DatabaseField::Username => "username",
        })
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Literal(text) => f.write_str(&text.replace("${", "$${")),
            Part::Reference(reference) => reference.fmt(f),
        })
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Text::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": format!("Text; may contain {}.", TABLE.join(", ")) })
    }
}

/// A word with AWS's own rules for it.
macro_rules! aws_name {
    ($(#[$doc:meta])* $name:ident, $longest:expr, $marks:expr, $hint:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn new(text: &str) -> Result<$name, String> {
                let fits = (1..=$longest).contains(&text.len()) && !text.contains("..") && text.bytes().all(|b| b.is_ascii_alphanumeric() || $marks.contains(&b));
                if fits { Ok($name(text.to_owned())) } else { Err(format!("E1034 `{text}` is not {}", $hint)) }
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                $name::new(&text).map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "maxLength": $longest })
            }
        }
    };
}

aws_name!(
    /// A Secrets Manager secret's name, without the six characters that AWS appends to its ARN.
    SecretName, 512, b"/_+=.@-", "the name of a secret | the name, not the ARN: no `*`, no `..`"
);
aws_name!(
    /// An ECR repository's name.
    RepositoryName, 256, b"/_.-", "the name of an ECR repository | the name, not the URI"
);
aws_name!(
    /// An SSM parameter's name, with the slashes of its hierarchy.
    ParameterName, 1011, b"/_.-", "the name of an SSM parameter | the name, not the ARN, and no version or label"
);
aws_name!(
    /// `cluster/service`.
    ServiceName, 512, b"/_-", "an ECS service | write `cluster/service`"
);

impl ServiceName {
    /// The cluster's and the service's name. The check of the whole manifest makes sure that both are there.
    pub fn split(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or(("default", &self.0))
    }

    pub fn has_both(&self) -> bool {
        self.0.split_once('/').is_some_and(|(cluster, service)| {
            !cluster.is_empty() && !service.is_empty() && !service.contains('/')
        })
    }
}

/// A struct that may be written as one word: the name alone.
macro_rules! word_or_mapping {
    ($type:ident, $whole:ident, $word:ident, $of_word:expr, $of_whole:expr, $fields:tt) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Either;
                impl<'de> de::Visitor<'de> for Either {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a name, or a mapping with a name")
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        let of_word: fn($word) -> $type = $of_word;
                        $word::new(text).map(of_word).map_err(E::custom)
                    }
                    fn visit_map<A: de::MapAccess<'de>>(self, members: A) -> Result<$type, A::Error> {
                        #[derive(Deserialize)]
                        #[serde(deny_unknown_fields)]
                        struct $whole $fields
                        let of_whole: fn($whole) -> $type = $of_whole;
                        $whole::deserialize(MapAccessDeserializer::new(members)).map(of_whole)
                    }
                }
                deserializer.deserialize_any(Either)
            }
        }
    };
}

word_or_mapping!(
    Secret, WholeSecret, SecretName,
    |name| Secret { name: Located::unwritten(name), rewrite: Default::default() },
    |whole| Secret { name: whole.name, rewrite: whole.rewrite },
    { name: Located<SecretName>, #[serde(default)] rewrite: std::collections::BTreeMap<String, Located<Text>> }
);
word_or_mapping!(
    Parameter, WholeParameter, ParameterName,
    |name| Parameter { name: Located::unwritten(name), value: None, rewrite: Default::default() },
    |whole| Parameter { name: whole.name, value: whole.value, rewrite: whole.rewrite },
    {
        name: Located<ParameterName>,
        #[serde(default)] value: Option<Located<Text>>,
        #[serde(default)] rewrite: std::collections::BTreeMap<String, Located<Text>>
    }
);
word_or_mapping!(
    Image, WholeImage, RepositoryName,
    |repository| Image { repository: Located::unwritten(repository), tags: vec![] },
    |whole| Image { repository: whole.repository, tags: whole.tags },
    { repository: Located<RepositoryName>, #[serde(default)] tags: Vec<String> }
);

/// A name from the manifest, for use where AWS wants one.
impl From<&Name> for String {
    fn from(name: &Name) -> String {
        name.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_and_everything_else_is_text() {
        let text =
            Text::parse("postgres://${database.main.endpoint}:${database.main.port}/x").unwrap();
        assert_eq!(text.references().count(), 2);
        for literal in ["{{ 7*7 }}", "$(id)", "`id`", "$HOME", "100%"] {
            assert_eq!(Text::parse(literal).unwrap(), Text::literal(literal));
        }
        assert_eq!(Text::parse("$${x}").unwrap(), Text::literal("${x}"));
        assert_eq!(
            Text::parse("${secret.redmine/db.arn}").unwrap().parts,
            [Part::Reference(Reference::Secret {
                name: "redmine/db".into()
            })]
        );
    }

    #[test]
    fn a_function_is_not_a_reference() {
        for text in [
            "${file(\"/etc/passwd\")}",
            "${env.AWS_SECRET_ACCESS_KEY}",
            "${}",
            "${database.main}",
            "${database.main.endpoint",
        ] {
            assert!(
                Text::parse(text).unwrap_err().starts_with("E1062 "),
                "{text}"
            );
        }
        assert!(
            Text::parse("${database.main.endpont}")
                .unwrap_err()
                .contains("${database.NAME.endpoint}")
        );
    }

    #[test]
    fn text_is_written_as_it_was_read() {
        for text in ["a${database.main.endpoint}b", "$${x}", "plain"] {
            assert_eq!(Text::parse(text).unwrap().to_string(), text);
        }
    }
}
