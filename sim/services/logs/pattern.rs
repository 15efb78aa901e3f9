//! Filter patterns: terms (`ERROR -debug ?a ?b "a phrase"`) and JSON conditions (`{ $.level = "error" && $.code >= 500 }`).
//!
//! Space-delimited patterns (`[ip, user, …]`) and regular expressions are refused.

use super::invalid;
use crate::error::AwsError;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// All of the first, any of the second (if there are), none of the third.
    Terms {
        all: Vec<String>,
        any: Vec<String>,
        none: Vec<String>,
    },
    /// Any of the groups holds if all of its comparisons do.
    Json(Vec<Vec<Comparison>>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    path: Vec<String>,
    operator: String,
    value: String,
    quoted: bool,
}

fn malformed() -> AwsError {
    invalid("Invalid metric filter pattern")
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Pattern, AwsError> {
        let text = text.trim();
        if text.starts_with('[') || text.contains('%') {
            return Err(malformed());
        }
        if let Some(inside) = text.strip_prefix('{') {
            let inside = inside.strip_suffix('}').ok_or_else(malformed)?;
            return json(inside);
        }
        let (mut all, mut any, mut none) = (Vec::new(), Vec::new(), Vec::new());
        for (sign, term) in terms(text)? {
            match sign {
                Some('?') => any.push(term),
                Some('-') => none.push(term),
                _ => all.push(term),
            }
        }
        Ok(Pattern::Terms { all, any, none })
    }

    pub fn matches(&self, message: &str) -> bool {
        match self {
            Pattern::Terms { all, any, none } => {
                all.iter().all(|t| message.contains(t.as_str()))
                    && (any.is_empty() || any.iter().any(|t| message.contains(t.as_str())))
                    && !none.iter().any(|t| message.contains(t.as_str()))
            }
            Pattern::Json(groups) => {
                let Ok(value) = serde_json::from_str::<Value>(message) else {
                    return false;
                };
                groups
                    .iter()
                    .any(|group| group.iter().all(|c| c.holds(&value)))
            }
        }
    }
}

/// The value at `$.a.b` of a JSON message.
pub fn at<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter()
        .try_fold(value, |value, step| match step.parse::<usize>() {
            Ok(index) if value.is_array() => value.get(index),
            _ => value.get(step),
        })
}

/// `$.a.b[0]` as steps.
pub fn path(text: &str) -> Option<Vec<String>> {
    let rest = text.strip_prefix("$.")?;
    let steps: Vec<String> = rest
        .replace('[', ".")
        .replace(']', "")
        .split('.')
        .map(str::to_owned)
        .collect();
    steps.iter().all(|s| !s.is_empty()).then_some(steps)
}

fn terms(text: &str) -> Result<Vec<(Option<char>, String)>, AwsError> {
    let mut found = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.peek().copied() {
        if c.is_whitespace() {
            rest.next();
            continue;
        }
        let sign = rest.next_if(|c| *c == '?' || *c == '-');
        let mut term = String::new();
        if rest.next_if_eq(&'"').is_some() {
            loop {
                match rest.next().ok_or_else(malformed)? {
                    '"' => break,
                    '\\' => term.push(rest.next().ok_or_else(malformed)?),
                    c => term.push(c),
                }
            }
        } else {
            while let Some(c) = rest.next_if(|c| !c.is_whitespace()) {
                // Anything but word characters must be quoted.
                if !(c.is_alphanumeric() || "_.-/:@#".contains(c)) {
                    return Err(malformed());
                }
                term.push(c);
            }
        }
        if term.is_empty() {
            return Err(malformed());
        }
        found.push((sign, term));
    }
    Ok(found)
}

fn json(text: &str) -> Result<Pattern, AwsError> {
    let mut groups = Vec::new();
    for group in text.split("||") {
        let mut all = Vec::new();
        for part in group.split("&&") {
            all.push(comparison(
                part.trim().trim_matches(|c| c == '(' || c == ')').trim(),
            )?);
        }
        groups.push(all);
    }
    Ok(Pattern::Json(groups))
}

fn comparison(text: &str) -> Result<Comparison, AwsError> {
    for word in [" IS NULL", " IS TRUE", " IS FALSE", " NOT EXISTS"] {
        if let Some(left) = text.strip_suffix(word) {
            return Ok(Comparison {
                path: path(left.trim()).ok_or_else(malformed)?,
                operator: word.trim().to_owned(),
                value: String::new(),
                quoted: false,
            });
        }
    }
    for operator in ["!=", ">=", "<=", "=", ">", "<"] {
        let Some((left, right)) = text.split_once(operator) else {
            continue;
        };
        let right = right.trim();
        let quoted = right.len() >= 2 && right.starts_with('"') && right.ends_with('"');
        return Ok(Comparison {
            path: path(left.trim()).ok_or_else(malformed)?,
            operator: operator.to_owned(),
            value: right.trim_matches('"').to_owned(),
            quoted,
        });
    }
    Err(malformed())
}

impl Comparison {
    fn holds(&self, message: &Value) -> bool {
        let found = at(message, &self.path);
        match self.operator.as_str() {
            "NOT EXISTS" => return found.is_none(),
            "IS NULL" => return found.is_some_and(Value::is_null),
            "IS TRUE" => return found.and_then(Value::as_bool) == Some(true),
            "IS FALSE" => return found.and_then(Value::as_bool) == Some(false),
            _ => {}
        }
        let Some(found) = found else { return false };
        if !self.quoted
            && let (Some(actual), Ok(wanted)) = (found.as_f64(), self.value.parse::<f64>())
        {
            return match self.operator.as_str() {
                "=" => actual == wanted,
                "!=" => actual != wanted,
                ">" => actual > wanted,
                "<" => actual < wanted,
                ">=" => actual >= wanted,
                _ => actual <= wanted,
            };
        }
        let actual = match found {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let equal = crate::services::iam::policy::glob(&self.value, &actual);
        match self.operator.as_str() {
            "=" => equal,
            "!=" => !equal,
            _ => false,
        }
    }
}
