//! How a task gets a secret's value at its start, and what ECS prints when it does not.

use super::secret::{Content, Secret};
use super::{context, key_usable, name_of, permit};
use crate::services::Wanted;
use crate::world::{Input, World};
use serde_json::Value;

/// What ECS gets for a container secret's `valueFrom`: an ARN with optional `:json-key:stage:version`. The refusal is the
/// reason as ECS prints it. Permissions are not looked at.
pub fn read(world: &World, value_from: &str) -> Result<String, String> {
    get(world, value_from, None)
}

/// The same by a role, which needs to be allowed to read the secret and to use its key.
pub fn read_as(world: &World, role_arn: &str, value_from: &str) -> Result<String, String> {
    get(world, value_from, Some(role_arn))
}

fn get(world: &World, value_from: &str, role: Option<&str>) -> Result<String, String> {
    let parts: Vec<&str> = value_from.split(':').collect();
    let [
        "arn",
        "aws",
        "secretsmanager",
        region,
        account,
        "secret",
        name,
        selectors @ ..,
    ] = parts.as_slice()
    else {
        return Err(format!("invalid secret ARN {value_from}"));
    };
    let arn = format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}");
    let failed = |why: String| format!("failed to fetch secret {arn} from secrets manager: {why}");
    let missing = || {
        failed(
            "ResourceNotFoundException: Secrets Manager can't find the specified secret."
                .to_owned(),
        )
    };
    let secret: Option<&Secret> = world
        .seen_place(account, region)
        .map(|place| &place.secrets)
        .and_then(|state| state.secrets.get(&name_of(state, region, &arn)?));
    // Whoever may not read it is not told whether it is there.
    if let Some(role) = role {
        let wanted = Wanted {
            action: "secretsmanager:GetSecretValue".to_owned(),
            resource: secret.map_or(&arn, |s| &s.arn).clone(),
            context: secret.map_or_else(Vec::new, |s| context(s, &Input::default())),
        };
        let policy = secret.and_then(|s| s.policy.as_ref());
        permit(world, role, &wanted, region, policy)
            .map_err(|why| failed(format!("AccessDeniedException: {}", why.message)))?;
    }
    let secret = secret.ok_or_else(missing)?;
    secret
        .check_not_deleted()
        .map_err(|why| failed(why.to_string()))?;
    let root = format!("arn:aws:iam::{account}:root");
    key_usable(
        world,
        account,
        region,
        role.unwrap_or(&root),
        secret.key.as_deref(),
        true,
    )
    .map_err(|why| failed(why.to_string()))?;
    let selector = |n: usize| selectors.get(n).copied().filter(|s: &&str| !s.is_empty());
    let version = match selector(2) {
        Some(id) => secret.versions.get(id),
        None => secret
            .staged(selector(1).unwrap_or("AWSCURRENT"))
            .map(|(_, version)| version),
    };
    let version = version.ok_or_else(|| {
        failed("ResourceNotFoundException: Secrets Manager can't find the specified secret value for the version".to_owned())
    })?;
    let text = match &version.content {
        Content::Text(text) => text.clone(),
        Content::Binary(_) => return Err(failed("the secret has no SecretString".to_owned())),
    };
    let Some(key) = selector(0) else {
        return Ok(text);
    };
    let missing =
        || format!("retrieved secret from Secrets Manager did not contain json key {key}");
    let value: Value = serde_json::from_str(&text).map_err(|_| missing())?;
    match value.get(key) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) if !other.is_null() => Ok(other.to_string()),
        _ => Err(missing()),
    }
}
