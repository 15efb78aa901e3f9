//! Policy documents: what they say, and what they say about one request.
//!
//! Identity, trust and resource policies and service control policies are the same language. Knows no principals that
//! exist and no services: who asks, for what and under which circumstances comes in as an [`Ask`].

use crate::clock::Nanos;
use std::collections::BTreeMap;
use std::sync::Arc;

mod condition;
mod parse;
mod span;

pub use condition::Condition;
pub use span::Position;

/// Where a document is used decides what it may and must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Attached to a user, group or role; also a boundary or a service control policy. Names no principal.
    Identity,
    /// A role's trust policy. Names principals, no resource.
    Trust,
    /// On a key, a secret, a bucket. Names principals; the resource may be left out.
    Resource,
}

/// A document as written, with what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub text: Arc<str>,
    pub statements: Arc<[Statement]>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub sid: Option<String>,
    pub allow: bool,
    pub principals: Option<Listed<Principal>>,
    pub actions: Listed<String>,
    pub resources: Option<Listed<String>>,
    pub conditions: Vec<Condition>,
    /// Whether `${…}` is replaced: only in documents of version 2012-10-17.
    pub variables: bool,
    pub start: Position,
    pub end: Position,
}

/// A list that either names what is meant, or (`Not…`) everything else.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    pub except: bool,
    pub items: Vec<T>,
}

/// One principal of a statement: its kind (`AWS`, `Service`, `Federated`) and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    pub kind: String,
    pub value: String,
}

/// One request as a policy sees it.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// ARN of the caller: a user, a role session, root; or a service principal for services.
    pub principal: String,
    /// ARN of the role behind a role session; else as `principal`.
    pub principal_arn: String,
    pub account: String,
    pub action: String,
    pub resource: String,
    /// Condition keys in lower case, each with its values.
    pub keys: BTreeMap<String, Vec<String>>,
}

impl Ask {
    /// Adds a value of a condition key.
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Ask {
        self.keys
            .entry(key.to_ascii_lowercase())
            .or_default()
            .push(value.into());
        self
    }
}

/// What a document says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    Deny,
    Silent,
}

impl Policy {
    /// Reads a document; the refusal is IAM's own message.
    pub fn parse(text: &str, used: Use) -> Result<Policy, String> {
        parse::parse(text, used)
    }

    /// The verdict and the statement that settled it.
    pub fn judge(&self, ask: &Ask) -> (Verdict, Option<&Statement>) {
        let mut allowed = None;
        for statement in self.statements.iter() {
            if !statement.applies(ask) {
                continue;
            }
            if !statement.allow {
                return (Verdict::Deny, Some(statement));
            }
            allowed = allowed.or(Some(statement));
        }
        match allowed {
            Some(statement) => (Verdict::Allow, Some(statement)),
            None => (Verdict::Silent, None),
        }
    }

    pub fn verdict(&self, ask: &Ask) -> Verdict {
        self.judge(ask).0
    }

    /// Whether the document gives an account's own IAM policies the say (its root is allowed the action), as the
    /// default policy of a key does.
    pub fn delegates(&self, ask: &Ask) -> bool {
        let root = format!("arn:aws:iam::{}:root", ask.account);
        let mut as_root = ask.clone();
        as_root.principal.clone_from(&root);
        as_root.principal_arn.clone_from(&root);
        self.verdict(&as_root) == Verdict::Allow
    }

    /// Whether some statement allows without naming whom.
    pub fn is_public(&self) -> bool {
        self.statements.iter().any(|s| {
            s.allow
                && s.conditions.is_empty()
                && s.principals.as_ref().is_some_and(|p| {
                    p.except || p.items.iter().any(|p| p.kind == "AWS" && p.value == "*")
                })
        })
    }
}

impl Statement {
    pub fn applies(&self, ask: &Ask) -> bool {
        self.names_action(&ask.action)
            && self.names_resource(ask)
            && self.names_principal(ask)
            && self.conditions.iter().all(|c| c.holds(ask, self.variables))
    }

    pub fn names_action(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let named = self
            .actions
            .items
            .iter()
            .any(|a| glob(&a.to_ascii_lowercase(), &action));
        named != self.actions.except
    }

    fn names_resource(&self, ask: &Ask) -> bool {
        let Some(resources) = &self.resources else {
            return true;
        };
        let named = resources.items.iter().any(|pattern| {
            if self.variables && pattern.contains("${") {
                substitute(pattern, ask).is_some_and(|p| glob(&p, &ask.resource))
            } else {
                glob(pattern, &ask.resource)
            }
        });
        named != resources.except
    }

    fn names_principal(&self, ask: &Ask) -> bool {
        let Some(principals) = &self.principals else {
            return true;
        };
        let named = principals.items.iter().any(|p| match p.kind.as_str() {
            "AWS" => {
                p.value == "*"
                    || (p.value == ask.account && !ask.account.is_empty())
                    || p.value == format!("arn:aws:iam::{}:root", ask.account)
                    || p.value == ask.principal
                    || p.value == ask.principal_arn
            }
            "*" => true,
            _ => p.value == ask.principal,
        });
        named != principals.except
    }
}

/// Whether `text` matches `pattern`, where `*` is any run and `?` any one character.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            back = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star, from)) = back {
            p = star + 1;
            t = from + 1;
            back = Some((star, from + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

/// Replaces `${key}` and `${key, 'default'}`; `None` if a key has no single value.
fn substitute(pattern: &str, ask: &Ask) -> Option<String> {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(start) = rest.find("${") {
        out.push_str(&rest[..start]);
        let inside = &rest[start + 2..];
        let end = inside.find('}')?;
        let (name, default) = match inside[..end].split_once(',') {
            Some((name, default)) => (name.trim(), Some(default.trim().trim_matches('\''))),
            None => (inside[..end].trim(), None),
        };
        match name {
            "*" | "?" | "$" => out.push_str(name),
            _ => match ask.keys.get(&name.to_ascii_lowercase()).map(Vec::as_slice) {
                Some([one]) => out.push_str(one),
                _ => out.push_str(default?),
            },
        }
        rest = &inside[end + 1..];
    }
    out.push_str(rest);
    Some(out)
}

/// A value whose changes are believed only after a while: evaluation sees the newest that has settled.
#[derive(Clone, Debug)]
pub struct Settling<V>(Vec<(Nanos, Option<V>)>);

impl<V> Default for Settling<V> {
    fn default() -> Self {
        Settling(Vec::new())
    }
}

impl<V: Clone> Settling<V> {
    /// Announces a value (`None`: gone), believed from `at` on and never before an earlier announcement.
    pub fn announce(&mut self, value: Option<V>, at: Nanos, now: Nanos) {
        let at = self.0.last().map_or(at, |(last, _)| at.max(*last));
        // What has been superseded by something already believed will not be looked at again.
        let believed = self
            .0
            .iter()
            .rposition(|(from, _)| *from <= now)
            .unwrap_or(0);
        self.0.drain(..believed);
        self.0.push((at, value));
    }

    pub fn at(&self, now: Nanos) -> Option<&V> {
        self.0
            .iter()
            .rev()
            .find(|(from, _)| *from <= now)?
            .1
            .as_ref()
    }
}

#[cfg(test)]
mod tests;
