//! Names of steps, runs and places. Checked when they are made, so that nothing behind them has to doubt them.
//!
//! Must not know: what a name is used for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: {rule}")]
pub struct BadName {
    pub what: &'static str,
    pub text: String,
    pub rule: &'static str,
}

/// The longest excerpt of a bad name that an error repeats.
const EXCERPT: usize = 40;

fn excerpt(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(EXCERPT)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().count() > EXCERPT {
        short.push('…');
    }
    short
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(std::sync::Arc<str>);

        impl $type {
            pub fn new(text: impl AsRef<str>) -> Result<Self, BadName> {
                let text = text.as_ref();
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(BadName { what: $what, text: excerpt(text), rule: $rule })
                }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl FromStr for $type {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::new(text)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// A step of a plan: the runbook line's id, and behind a slash the resource when the line was expanded
    /// (`restore/main`). A runbook's author cannot write the slash, so expanded ids never collide with written ones.
    StepId,
    "step id",
    "lower-case letters, digits and dashes, starting with a letter; parts joined by `/`, 120 characters at most",
    |text| text.len() <= 120
        && text.split('/').enumerate().all(|(at, part)| {
            let mut bytes = part.bytes();
            let first = bytes.next();
            first.is_some_and(|b| b.is_ascii_lowercase() || (at > 0 && b.is_ascii_digit()))
                && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || (at > 0 && matches!(b, b'.' | b'_')))
        })
);

name!(
    /// A run: four to eight hexadecimal digits, short enough to be read over the telephone.
    RunId,
    "run id",
    "four to eight lower-case hexadecimal digits",
    |text| (4..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);

name!(
    /// Where a step acts: a region's name, or `global`.
    Place,
    "place",
    "a region such as eu-west-1, or `global`",
    |text| (2..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

impl StepId {
    /// The runbook line that this step was expanded from: the part before the first slash.
    pub fn line(&self) -> &str {
        self.0.split('/').next().unwrap_or(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_could_be_paths_or_look_alikes_are_refused() {
        for bad in [
            "",
            "../x",
            "a/../b",
            "-a",
            "A",
            "a b",
            "аb",
            "a//b",
            "a/",
            "/a",
            "1a",
            &"a".repeat(121),
        ] {
            assert!(StepId::new(bad).is_err(), "{bad}");
        }
        for good in [
            "a",
            "restore/main",
            "network/subnet-1",
            "images/5",
            "a-b-1",
            "parameters/app.db_host",
        ] {
            assert!(StepId::new(good).is_ok(), "{good}");
        }
        for bad in ["", "abc", "xyz1", "../../x", "0123456789", "ABCD"] {
            assert!(RunId::new(bad).is_err(), "{bad}");
        }
        assert!(RunId::new("7f3a").is_ok());
        assert!(
            Place::new("global").is_ok()
                && Place::new("EU-WEST-1").is_err()
                && Place::new("eu west").is_err()
        );
    }

    #[test]
    fn a_bad_name_is_repeated_without_its_control_characters() {
        let error = StepId::new("a\u{1b}[31m").unwrap_err();
        assert_eq!(error.text, "a\\u{1b}[31m");
    }
}
