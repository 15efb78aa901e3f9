//! Lists of secrets with their filters; and random passwords.

use super::bad_parameter;
use super::secret::Secret;
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

/// Whether a value begins with what is asked for; `!` turns it around.
fn begins(values: &[&str], wanted: &Value, same_case: bool) -> bool {
    let wanted: Vec<&str> = wanted
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter_map(Value::as_str)
        .collect();
    wanted.iter().any(|wanted| {
        let (bare, not) = match wanted.strip_prefix('!') {
            Some(bare) => (bare, true),
            None => (*wanted, false),
        };
        let found = values.iter().any(|value| match same_case {
            true => value.starts_with(bare),
            false => value.to_lowercase().starts_with(&bare.to_lowercase()),
        });
        found != not
    })
}

fn passes(secret: &Secret, filters: &[Value]) -> bool {
    filters.iter().all(|filter| {
        let description = secret.description.as_deref().unwrap_or_default();
        let keys: Vec<&str> = secret.tags.keys().map(String::as_str).collect();
        let values: Vec<&str> = secret.tags.values().map(String::as_str).collect();
        let wanted = &filter["Values"];
        match filter["Key"].as_str().unwrap_or_default() {
            "name" => begins(&[&secret.name], wanted, true),
            "description" => {
                let words: Vec<&str> = description.split_whitespace().collect();
                begins(&words, wanted, false)
            }
            "tag-key" => begins(&keys, wanted, true),
            "tag-value" => begins(&values, wanted, true),
            "primary-region" => begins(
                &[secret.primary.as_deref().unwrap_or(secret.region())],
                wanted,
                true,
            ),
            "owning-service" => {
                begins(&[secret.owner.as_deref().unwrap_or_default()], wanted, true)
            }
            "all" => {
                let mut all: Vec<&str> = vec![&secret.name];
                all.extend(secret.name.split(['/', '-', '_', '.']));
                all.extend(description.split_whitespace());
                all.extend(keys);
                all.extend(values);
                begins(&all, wanted, false)
            }
            _ => false,
        }
    })
}

/// The names of the secrets that pass the filters of an input.
pub fn matching(cx: &mut Cx<'_>, input: &Input) -> Vec<String> {
    let filters = input.list("Filters");
    let secrets = &cx.place().secrets.secrets;
    secrets
        .iter()
        .filter(|(_, secret)| secret.deleted.is_none() && passes(secret, filters))
        .map(|(name, _)| name.to_owned())
        .collect()
}

pub fn list(cx: &mut Cx<'_>, input: &Input) -> Value {
    let planned = input.bool("IncludePlannedDeletion").unwrap_or(false);
    let filters = input.list("Filters");
    let mut secrets: Vec<&Secret> = cx
        .place()
        .secrets
        .secrets
        .iter()
        .map(|(_, secret)| secret)
        .filter(|secret| (planned || secret.deleted.is_none()) && passes(secret, filters))
        .collect();
    match input.str("SortBy") {
        Some("last-changed-date") => secrets.sort_by(|a, b| a.changed.total_cmp(&b.changed)),
        Some("name") => secrets.sort_by(|a, b| a.name.cmp(&b.name)),
        _ => secrets.sort_by(|a, b| a.created.total_cmp(&b.created)),
    }
    // Newest first unless asked otherwise.
    if input.str("SortOrder") != Some("asc") {
        secrets.reverse();
    }
    let rows: Vec<Value> = secrets
        .into_iter()
        .map(|s| s.json("SecretVersionsToStages"))
        .collect();
    object! {"SecretList": rows}
}

pub fn random_password(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let length = usize::try_from(input.i64("PasswordLength").unwrap_or(32)).unwrap_or_default();
    let without = |member: &str| input.bool(member).unwrap_or(false);
    let mut kinds: Vec<Vec<char>> = Vec::new();
    for (member, letters) in [
        ("ExcludeLowercase", "abcdefghijklmnopqrstuvwxyz"),
        ("ExcludeUppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        ("ExcludeNumbers", "0123456789"),
        ("ExcludePunctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    ] {
        let excluded = input.str("ExcludeCharacters").unwrap_or_default();
        let kind: Vec<char> = letters.chars().filter(|c| !excluded.contains(*c)).collect();
        if !without(member) && !kind.is_empty() {
            kinds.push(kind);
        }
    }
    if without("IncludeSpace") {
        kinds.push(vec![' ']);
    }
    let each = input.bool("RequireEachIncludedType").unwrap_or(true);
    if kinds.is_empty() || (each && length < kinds.len()) {
        return Err(bad_parameter(
            "The password can't be generated with the given exclusions and length.",
        ));
    }
    let all: Vec<char> = kinds.iter().flatten().copied().collect();
    let seed = cx.hex("password", 32);
    let draw = |n: usize, from: &[char]| {
        let hash = cx.world.dice.hash(&["password", &seed], n as u64);
        from[(hash % from.len() as u64) as usize]
    };
    let password: String = (0..length)
        .map(|n| match kinds.get(n).filter(|_| each) {
            Some(kind) => draw(n, kind),
            None => draw(n, &all),
        })
        .collect();
    Ok(json!({"RandomPassword": password}))
}
