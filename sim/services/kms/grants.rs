//! Grants: leave to use a key, given to a principal, believed everywhere only after a while.

use super::{change, find, named};
use crate::clock::{Nanos, Pert};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct Grant {
    pub id: String,
    pub name: Option<String>,
    pub grantee: String,
    pub retiring: Option<String>,
    pub operations: Vec<String>,
    pub constraints: Value,
    /// Unix seconds.
    pub created: f64,
    pub issuer: String,
    pub effective_at: Nanos,
    /// With one of these the grant works at once.
    pub tokens: Vec<String>,
}

impl Grant {
    fn json(&self, key_arn: &str) -> Value {
        let mut out = json!({
            "KeyId": key_arn,
            "GrantId": self.id,
            "Name": self.name.as_deref().unwrap_or_default(),
            "CreationDate": self.created,
            "GranteePrincipal": self.grantee,
            "IssuingAccount": self.issuer,
            "Operations": self.operations,
        });
        if let Some(retiring) = &self.retiring {
            out["RetiringPrincipal"] = json!(retiring);
        }
        if !self.constraints.is_null() {
            out["Constraints"] = self.constraints.clone();
        }
        out
    }
}

pub fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = named(cx, input, "KeyId", false)?;
    key.check_usable()?;
    let grantee = input.str("GranteePrincipal").unwrap_or_default().to_owned();
    if !grantee.starts_with("arn:aws:") {
        return Err(AwsError::new(
            "InvalidArnException",
            "ARN is not valid: the grantee principal",
        ));
    }
    let name = input.str("Name").map(str::to_owned);
    let operations = input.strings("Operations");
    let constraints = input
        .value
        .get("Constraints")
        .cloned()
        .unwrap_or(Value::Null);
    let retiring = input.str("RetiringPrincipal").map(str::to_owned);
    let token = format!(
        "AQp{}{}",
        cx.hex("grant-token", 32),
        cx.hex("grant-token", 32)
    );
    // The same name with the same request is the same grant; only the token is new.
    let same = key.grants.values().find(|g| {
        name.is_some()
            && g.name == name
            && g.grantee == grantee
            && g.retiring == retiring
            && g.operations == operations
            && g.constraints == constraints
    });
    if let Some(grant) = same {
        let id = grant.id.clone();
        change(cx, &key, |k| {
            if let Some(grant) = k.grants.get_mut(&id) {
                grant.tokens.push(token.clone());
            }
        });
        return Ok(json!({"GrantToken": token, "GrantId": id}));
    }
    if key.grants.len() >= 50_000 {
        return Err(AwsError::new(
            "LimitExceededException",
            "The number of grants on the key is at its quota.",
        ));
    }
    let id = format!("{}{}", cx.hex("grant", 32), cx.hex("grant", 32));
    let effective_at = match cx.world.settings.read_lag {
        0 => cx.now(),
        _ => {
            cx.now()
                + cx.world
                    .sample(Pert(1.0, 5.0, 240.0), &key.arn, "grant propagation")
        }
    };
    let grant = Grant {
        id: id.clone(),
        name,
        grantee,
        retiring,
        operations,
        constraints,
        created: cx.unix_now(),
        issuer: format!("arn:aws:iam::{}:root", cx.account_id()),
        effective_at,
        tokens: vec![token.clone()],
    };
    change(cx, &key, |k| {
        k.grants.insert(id.clone(), grant);
    });
    Ok(json!({"GrantToken": token, "GrantId": id}))
}

pub fn list(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = named(cx, input, "KeyId", false)?;
    let (id, grantee) = (input.str("GrantId"), input.str("GranteePrincipal"));
    let grants: Vec<Value> = key
        .grants
        .values()
        .filter(|g| id.is_none_or(|id| g.id == id) && grantee.is_none_or(|p| g.grantee == p))
        .map(|g| g.json(&key.arn))
        .collect();
    Ok(json!({"Grants": grants, "Truncated": false}))
}

pub fn list_retirable(cx: &mut Cx<'_>, input: &Input) -> Value {
    let principal = input.str("RetiringPrincipal").unwrap_or_default();
    let grants: Vec<Value> = cx
        .place()
        .kms
        .keys
        .iter()
        .flat_map(|(_, key)| key.grants.values().map(move |g| (key, g)))
        .filter(|(_, g)| g.retiring.as_deref() == Some(principal))
        .map(|(key, g)| g.json(&key.arn))
        .collect();
    json!({"Grants": grants, "Truncated": false})
}

pub fn retire(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let token = input.str("GrantToken");
    let id = input.str("GrantId");
    if token.is_none() && (id.is_none() || !input.has("KeyId")) {
        return Err(AwsError::new(
            "ValidationException",
            "Either a grant token or a key ARN and a grant id is required.",
        ));
    }
    let found = cx.place().kms.keys.iter().find_map(|(_, key)| {
        let grant = key.grants.values().find(|g| match token {
            Some(token) => g.tokens.iter().any(|t| t == token),
            None => Some(g.id.as_str()) == id && input.str("KeyId") == Some(&key.arn),
        })?;
        Some((key.clone(), grant.clone()))
    });
    let Some((key, grant)) = found else {
        return match token {
            Some(_) => Err(AwsError::new(
                "InvalidGrantTokenException",
                "The grant token is not valid.",
            )),
            None => Err(AwsError::new(
                "NotFoundException",
                format!("Grant ID {} not found", id.unwrap_or_default()),
            )),
        };
    };
    let caller = &cx.caller.arn;
    let may = caller.ends_with(":root")
        || grant.retiring.as_ref() == Some(caller)
        || grant.grantee == *caller;
    if !may {
        super::principal_may(cx.world, caller, &key.arn, "kms:RetireGrant")?;
    }
    change(cx, &key, |k| {
        k.grants.remove(&grant.id);
    });
    Ok(json!({}))
}

pub fn revoke(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = named(cx, input, "KeyId", false)?;
    let id = input.str("GrantId").unwrap_or_default().to_owned();
    if find(cx.world, &key.arn).is_some_and(|k| !k.grants.contains_key(&id)) {
        return Err(AwsError::new(
            "NotFoundException",
            format!("Grant ID {id} not found"),
        ));
    }
    change(cx, &key, |k| {
        k.grants.remove(&id);
    });
    Ok(json!({}))
}
