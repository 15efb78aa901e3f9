//! Source identifiers to target identifiers, in any text or JSON, as pure functions.
//!
//! A [`Rewriter`] is given what becomes what; it rewrites strings, keeps every change with its reason for the plan to show, and
//! notes every string in which the source region's name is left, for the plan to refuse. It guesses nothing: an ARN of a
//! service that it was not told of stays as it is and is noted.
//!
//! Must not know: where a string stands in AWS beyond the path that it is given; what a plan does with the answer.

use drtool_engine::StepId;
use drtool_engine::step::Value;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::composed::{Composed, Late};

/// One rewritten string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Where: the thing, and the path inside it.
    pub field: String,
    pub from: String,
    /// As shown: what is known only later stands in angle brackets.
    pub to: String,
    pub why: String,
}

/// A string in which the source region is still named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remaining {
    pub field: String,
    pub text: String,
}

/// Whether a rule is for whole strings or for parts of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Whole,
    /// A part: what stands before and after it must not be of a name, or `redmine-db` would be found in `redmine-db-2`.
    Part,
    /// A part at the beginning of names, like the host in an image URI.
    Prefix,
}

#[derive(Clone, Debug)]
struct Rule {
    from: String,
    to: Composed,
    why: String,
    reach: Reach,
}

/// What becomes what.
#[derive(Clone, Debug)]
pub struct Rewriter {
    source_region: String,
    rules: Vec<Rule>,
    changes: Vec<Change>,
    remaining: Vec<Remaining>,
}

impl Rewriter {
    pub fn new(source_region: &str, target_region: &str) -> Rewriter {
        let mut rewriter = Rewriter {
            source_region: source_region.to_owned(),
            rules: vec![],
            changes: vec![],
            remaining: vec![],
        };
        rewriter.rule(
            source_region,
            Composed::known(target_region),
            "the region",
            Reach::Whole,
        );
        rewriter
    }

    fn rule(&mut self, from: &str, to: Composed, why: &str, reach: Reach) {
        if from.is_empty()
            || self
                .rules
                .iter()
                .any(|r| r.from == from && r.reach == reach)
        {
            return;
        }
        self.rules.push(Rule {
            from: from.to_owned(),
            to,
            why: why.to_owned(),
            reach,
        });
        // The longest first: `…:secret:redmine/db-a1b2c3` before `…:secret:redmine/`.
        self.rules.sort_by(|a, b| {
            b.from
                .len()
                .cmp(&a.from.len())
                .then_with(|| a.from.cmp(&b.from))
        });
    }

    /// An identifier that becomes another one, known now.
    pub fn becomes(&mut self, from: &str, to: impl Into<String>, why: &str) {
        self.rule(from, Composed::known(to), why, Reach::Part);
    }

    /// An identifier that becomes what a step will yield.
    pub fn becomes_later(&mut self, from: &str, step: StepId, field: &str, why: &str) {
        self.rule(from, Composed::later(step, field), why, Reach::Part);
    }

    /// An identifier that becomes a text with references.
    pub fn becomes_composed(&mut self, from: &str, to: Composed, why: &str) {
        self.rule(from, to, why, Reach::Part);
    }

    /// The beginning of identifiers, such as `arn:aws:logs:us-west-2:111122223333:`.
    pub fn prefix_becomes(&mut self, from: &str, to: impl Into<String>, why: &str) {
        self.rule(from, Composed::known(to), why, Reach::Prefix);
    }

    /// Rewrites one string.
    pub fn text(&mut self, field: &str, text: &str) -> Composed {
        let (composed, reasons) = self.apply(text);
        if !reasons.is_empty() {
            let change = Change {
                field: field.to_owned(),
                from: text.to_owned(),
                to: composed.to_string(),
                why: reasons.join(", "),
            };
            if change.from != change.to && !self.changes.contains(&change) {
                self.changes.push(change);
            }
        }
        let left = composed
            .0
            .iter()
            .filter_map(Value::known)
            .any(|piece| piece.contains(&self.source_region));
        if left {
            let remaining = Remaining {
                field: field.to_owned(),
                text: composed.to_string(),
            };
            if !self.remaining.contains(&remaining) {
                self.remaining.push(remaining);
            }
        }
        composed
    }

    /// Notes a change that was decided elsewhere (an override, a policy), so that the plan shows it with the others.
    pub fn note(&mut self, field: &str, from: &str, to: &Composed, why: &str) {
        let change = Change {
            field: field.to_owned(),
            from: from.to_owned(),
            to: to.to_string(),
            why: why.to_owned(),
        };
        if change.from != change.to {
            self.changes.retain(|c| c.field != field);
            self.changes.push(change);
        }
        self.remaining.retain(|r| r.field != field);
    }

    /// Rewrites every string of a JSON document. What is known only later comes back beside it.
    pub fn json(&mut self, field: &str, document: &Json) -> (Json, Vec<Late>) {
        let mut late = vec![];
        let rewritten = self.inside(field, String::new(), document, &mut late);
        (rewritten, late)
    }

    fn inside(&mut self, field: &str, pointer: String, value: &Json, late: &mut Vec<Late>) -> Json {
        match value {
            Json::String(text) => {
                let composed = self.text(field, text);
                match composed.text() {
                    Some(text) => Json::String(text),
                    None => {
                        let shown = composed.to_string();
                        late.push(Late {
                            pointer,
                            text: composed,
                        });
                        Json::String(shown)
                    }
                }
            }
            Json::Array(items) => Json::Array(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| {
                        // `environment[DB_HOST]` reads better than `environment[3]`.
                        let name = item
                            .get("name")
                            .or_else(|| item.get("Name"))
                            .and_then(Json::as_str)
                            .map_or_else(|| index.to_string(), str::to_owned);
                        self.inside(
                            &format!("{field}[{name}]"),
                            format!("{pointer}/{index}"),
                            item,
                            late,
                        )
                    })
                    .collect(),
            ),
            Json::Object(members) => Json::Object(
                members
                    .iter()
                    .map(|(name, item)| {
                        let escaped = name.replace('~', "~0").replace('/', "~1");
                        (
                            name.clone(),
                            self.inside(
                                &format!("{field}.{name}"),
                                format!("{pointer}/{escaped}"),
                                item,
                                late,
                            ),
                        )
                    })
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    fn apply(&self, text: &str) -> (Composed, Vec<String>) {
        if let Some(rule) = self
            .rules
            .iter()
            .find(|r| r.reach == Reach::Whole && r.from == text)
        {
            return (rule.to.clone(), vec![rule.why.clone()]);
        }
        let mut out = Composed(vec![]);
        let mut reasons: Vec<String> = vec![];
        let mut plain = String::new();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let fits = self.rules.iter().find(|r| {
                r.reach != Reach::Whole
                    && rest.starts_with(&r.from)
                    && bounded(text, at, &r.from, r.reach)
            });
            match fits {
                Some(rule) => {
                    out.push(Value::Known(std::mem::take(&mut plain)));
                    rule.to.0.iter().cloned().for_each(|piece| out.push(piece));
                    if !reasons.contains(&rule.why) {
                        reasons.push(rule.why.clone());
                    }
                    at += rule.from.len();
                }
                None => {
                    let c = rest.chars().next().unwrap_or_default();
                    plain.push(c);
                    at += c.len_utf8().max(1);
                }
            }
        }
        out.push(Value::Known(plain));
        if out.0.is_empty() {
            out = Composed(vec![Value::Known(String::new())]);
        }
        (out, reasons)
    }

    /// What was changed, in the order of rewriting.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Where the source region is still named.
    pub fn remaining(&self) -> &[Remaining] {
        &self.remaining
    }
}

/// Whether the identifier at `at` stands alone: neither side goes on with a character that names are made of.
fn bounded(text: &str, at: usize, from: &str, reach: Reach) -> bool {
    let of_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let before = text[..at]
        .chars()
        .next_back()
        .is_none_or(|c| !of_name(c) && c != '.');
    let after = reach == Reach::Prefix
        || text[at + from.len()..]
            .chars()
            .next()
            .is_none_or(|c| !of_name(c));
    before && after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewriter() -> Rewriter {
        let mut rewriter = Rewriter::new("us-west-2", "eu-west-1");
        rewriter.becomes_later(
            "redmine-db.c9.us-west-2.rds.amazonaws.com",
            StepId::new("data/main").unwrap(),
            "endpoint",
            "the database",
        );
        rewriter.becomes(
            "arn:aws:secretsmanager:us-west-2:111122223333:secret:redmine/db-a1b2c3",
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:redmine/db-a1b2c3",
            "the secret's replica",
        );
        rewriter
    }

    #[test]
    fn identifiers_are_found_inside_longer_text_and_only_whole() {
        let mut rewriter = rewriter();
        let url = rewriter.text(
            "url",
            "postgres://redmine-db.c9.us-west-2.rds.amazonaws.com:5432/x",
        );
        assert_eq!(url.to_string(), "postgres://<endpoint of data/main>:5432/x");
        let secret = rewriter.text(
            "s",
            "arn:aws:secretsmanager:us-west-2:111122223333:secret:redmine/db-a1b2c3:password::",
        );
        assert_eq!(
            secret.text().unwrap(),
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:redmine/db-a1b2c3:password::"
        );
        assert!(rewriter.remaining().is_empty());
        // Another host whose name merely ends with ours is not ours.
        rewriter.text("other", "my-redmine-db.c9.us-west-2.rds.amazonaws.com");
        assert_eq!(rewriter.remaining().len(), 1);
    }

    #[test]
    fn the_region_alone_is_rewritten_and_a_stranger_naming_it_is_noted() {
        let mut rewriter = rewriter();
        let (json, late) = rewriter.json("web", &serde_json::json!({
            "options": { "awslogs-region": "us-west-2" },
            "environment": [{ "name": "DB_HOST", "value": "redmine-db.c9.us-west-2.rds.amazonaws.com" }, { "name": "QUEUE", "value": "https://sqs.us-west-2.amazonaws.com/1/q" }],
        }));
        assert_eq!(json["options"]["awslogs-region"], "eu-west-1");
        assert_eq!(late[0].pointer, "/environment/0/value");
        assert_eq!(
            rewriter.remaining(),
            [Remaining {
                field: "web.environment[QUEUE].value".into(),
                text: "https://sqs.us-west-2.amazonaws.com/1/q".into()
            }]
        );
        assert_eq!(rewriter.changes().len(), 2);
    }
}
