//! What a parameter is, and how its versions are named.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    String,
    StringList,
    SecureString,
}

impl Kind {
    pub fn of(word: &str) -> Option<Kind> {
        match word {
            "String" => Some(Kind::String),
            "StringList" => Some(Kind::StringList),
            "SecureString" => Some(Kind::SecureString),
            _ => None,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Kind::String => "String",
            Kind::StringList => "StringList",
            Kind::SecureString => "SecureString",
        }
    }
}

#[derive(Clone)]
pub struct Version {
    pub number: i64,
    pub kind: Kind,
    pub value: String,
    /// As given, or `alias/aws/ssm`; only for a SecureString.
    pub key: Option<String>,
    pub description: Option<String>,
    pub pattern: Option<String>,
    pub tier: String,
    pub policies: Option<String>,
    pub data_type: String,
    /// Unix seconds.
    pub modified: f64,
    pub user: String,
    pub labels: BTreeSet<String>,
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the value.
        write!(f, "version {} ({})", self.number, self.kind.word())
    }
}

#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: String,
    /// Oldest first; never empty.
    pub versions: Vec<Version>,
    pub tags: BTreeMap<String, String>,
}

/// Which version is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    Latest,
    Number(i64),
    Label(String),
}

/// A name and its selector: `name`, `name:3`, `name:label`.
pub fn split(any: &str) -> (&str, Selector) {
    match any.rsplit_once(':') {
        None => (any, Selector::Latest),
        Some((name, selector)) => match selector.parse() {
            Ok(number) => (name, Selector::Number(number)),
            Err(_) => (name, Selector::Label(selector.to_owned())),
        },
    }
}

impl Parameter {
    pub fn version(&self, selector: &Selector) -> Option<&Version> {
        match selector {
            Selector::Latest => self.versions.last(),
            Selector::Number(number) => self.versions.iter().find(|v| v.number == *number),
            Selector::Label(label) => self.versions.iter().find(|v| v.labels.contains(label)),
        }
    }

    /// The shape `ParameterMetadata`, and the common part of `ParameterHistory`.
    pub fn metadata(&self, version: &Version) -> Value {
        let mut out = json!({
            "Name": self.name,
            "Type": version.kind.word(),
            "LastModifiedDate": version.modified,
            "LastModifiedUser": version.user,
            "Version": version.number,
            "Tier": version.tier,
            "Policies": policies(version),
            "DataType": version.data_type,
        });
        for (member, value) in [
            ("KeyId", &version.key),
            ("Description", &version.description),
            ("AllowedPattern", &version.pattern),
        ] {
            if let Some(value) = value {
                out[member] = json!(value);
            }
        }
        out
    }
}

/// The shape `ParameterInlinePolicy` of each policy in the text that was given.
fn policies(version: &Version) -> Vec<Value> {
    let text = version.policies.as_deref().unwrap_or("[]");
    let rows: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    rows.iter()
        .map(|row| {
            json!({
                "PolicyText": row.to_string(),
                "PolicyType": row["Type"],
                "PolicyStatus": "Pending",
            })
        })
        .collect()
}
