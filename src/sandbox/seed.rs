//! Source stacks, played into a world as ordinary AWS calls.
//!
//! A stack is a list of calls in botocore's names ([`Seed`]); whoever holds a world, or any other AWS endpoint, can
//! play it. Nothing here knows what the calls mean.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// The stacks that the sandbox can build, by name.
pub const STACKS: &[(&str, &str)] = &[
    ("notejam", include_str!("stacks/notejam.yaml")),
    ("redmine", include_str!("stacks/redmine.yaml")),
    ("techchallenge", include_str!("stacks/techchallenge.yaml")),
    ("vikunja", include_str!("stacks/vikunja.yaml")),
];

/// What overlays of manifests find in their source worlds, by stack and overlay: played over the stack's own calls.
pub const OVERLAYS: &[(&str, &str, &str)] = &[(
    "redmine",
    "failover-pair",
    include_str!("stacks/overlays/redmine.failover-pair.yaml"),
)];

/// A source stack as a list of calls.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    pub stack: String,
    pub region: String,
    pub account: String,
    /// The stack stands if this is answered.
    pub stands: Stands,
    pub calls: Vec<SeedStep>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stands {
    pub call: String,
    #[serde(default)]
    pub with: Value,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum SeedStep {
    Call(SeedCall),
    Text(SeedText),
}

/// A text that later calls upload or refer to, kept by name, with what they need to know of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedText {
    pub text: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedCall {
    /// Service and operation, with a space between.
    pub call: String,
    pub region: Option<String>,
    #[serde(default)]
    pub with: Value,
    /// Name to JSON pointer into the answer. `[Port=443]` in place of a number means the item of which that is so.
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
    pub until: Option<Until>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Until {
    pub at: String,
    pub is: String,
}

/// Whoever can execute one AWS operation and let time pass.
pub trait Player {
    fn call(
        &mut self,
        account: &str,
        region: &str,
        service: &str,
        operation: &str,
        input: Value,
    ) -> Result<Value, String>;
    /// Lets simulated time pass until something may have changed.
    fn wait(&mut self);
}

#[derive(Debug)]
pub struct SeedError {
    pub call: String,
    pub number: usize,
    pub why: String,
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "call {} of the stack, {}: {}",
            self.number, self.call, self.why
        )
    }
}

impl std::error::Error for SeedError {}

/// Looks at most this often for an `until`; the longest wait of any stack is a database, some 30 minutes.
const LOOKS: usize = 2_000;

/// Service and operation of a call.
fn parts(call: &str) -> Result<(&str, &str), String> {
    call.split_once(' ')
        .ok_or_else(|| "a call is a service and an operation".into())
}

impl SeedText {
    fn keep(&self, kept: &mut BTreeMap<String, String>) -> Result<(), String> {
        for (name, text) in &self.text {
            let text = filled_text(text, kept)?;
            let digest = Sha256::digest(text.as_bytes());
            let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
            kept.insert(format!("{name}_base64"), STANDARD.encode(&text));
            kept.insert(format!("{name}_digest"), format!("sha256:{hex}"));
            kept.insert(format!("{name}_size"), text.len().to_string());
            let last = text.len().saturating_sub(1);
            kept.insert(format!("{name}_last"), last.to_string());
            kept.insert(name.clone(), text);
        }
        Ok(())
    }
}

impl Seed {
    /// Whether the stack stands already.
    pub fn stands(&self, player: &mut dyn Player) -> Result<bool, String> {
        let (service, operation) = parts(&self.stands.call)?;
        let input = self.stands.with.clone();
        let answer = player.call(&self.account, &self.region, service, operation, input);
        Ok(answer.is_ok())
    }

    /// Plays the calls in order. What has been kept by name is the answer.
    pub fn play(&self, player: &mut dyn Player) -> Result<BTreeMap<String, String>, SeedError> {
        let mut kept: BTreeMap<String, String> = BTreeMap::new();
        for (index, step) in self.calls.iter().enumerate() {
            let step = match step {
                SeedStep::Call(step) => step,
                SeedStep::Text(texts) => {
                    texts.keep(&mut kept).map_err(|why| SeedError {
                        call: "text".into(),
                        number: index + 1,
                        why,
                    })?;
                    continue;
                }
            };
            let fail = |why: String| SeedError {
                call: step.call.clone(),
                number: index + 1,
                why,
            };
            let (service, operation) = parts(&step.call).map_err(&fail)?;
            let region = step.region.as_deref().unwrap_or(&self.region);
            let mut looks = 0;
            let answer = loop {
                let input = filled(&step.with, &kept).map_err(&fail)?;
                let answer = player
                    .call(&self.account, region, service, operation, input)
                    .map_err(&fail)?;
                let Some(until) = &step.until else {
                    break answer;
                };
                let found = answer.pointer(&until.at).map(text);
                if found.as_deref() == Some(until.is.as_str()) {
                    break answer;
                }
                looks += 1;
                if looks > LOOKS {
                    return Err(fail(format!(
                        "{} is {found:?} after {LOOKS} looks, not {:?}",
                        until.at, until.is
                    )));
                }
                player.wait();
            };
            for (name, pointer) in &step.keep {
                let value = pointed(&answer, pointer)
                    .ok_or_else(|| fail(format!("the answer has nothing at {pointer}")))?;
                kept.insert(name.clone(), text(value));
            }
        }
        Ok(kept)
    }
}

fn pointed<'v>(answer: &'v Value, pointer: &str) -> Option<&'v Value> {
    let mut at = answer;
    for part in pointer.trim_start_matches('/').split('/') {
        let item = part.strip_prefix('[').and_then(|p| p.strip_suffix(']'));
        at = match item.and_then(|item| item.split_once('=')) {
            Some((member, wanted)) => at
                .as_array()?
                .iter()
                .find(|item| item.get(member).map(text).as_deref() == Some(wanted))?,
            None => at.pointer(&format!("/{part}"))?,
        };
    }
    Some(at)
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// `value` with every `${name}` in its strings replaced. Replaced once: what a kept value contains stays as it is.
fn filled(value: &Value, kept: &BTreeMap<String, String>) -> Result<Value, String> {
    Ok(match value {
        Value::String(s) => {
            let number = s
                .strip_prefix("${number:")
                .and_then(|s| s.strip_suffix('}'));
            match number {
                Some(name) => {
                    let value = kept.get(name).and_then(|value| value.parse::<i64>().ok());
                    Value::from(value.ok_or_else(|| format!("no number is kept as `{name}`"))?)
                }
                None => Value::String(filled_text(s, kept)?),
            }
        }
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|v| filled(v, kept))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(k, v)| Ok((k.clone(), filled(v, kept)?)))
                .collect::<Result<_, String>>()?,
        ),
        other => other.clone(),
    })
}

fn filled_text(s: &str, kept: &BTreeMap<String, String>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = s;
    while let Some(start) = rest.find("${") {
        let after = &rest[start + 2..];
        let end = after
            .find('}')
            .ok_or_else(|| format!("`${{` without `}}` in {s:?}"))?;
        let name = &after[..end];
        out.push_str(&rest[..start]);
        out.push_str(
            kept.get(name)
                .ok_or_else(|| format!("nothing is kept as `{name}`"))?,
        );
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}
