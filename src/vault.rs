//! The only place that may hold a secret's value: only of the secrets that a manifest asks to rewrite, only for as long
//! as it takes to write the new version, wiped afterwards. Nothing in here is `Debug`, journaled, logged or hashed.

use crate::cloud::Cloud;
use crate::cloud::call::{Outgoing, handle};
use crate::cloud::error::{CloudError, Failure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use zeroize::{Zeroize, Zeroizing};

/// Reads the current value, writes the named members anew, puts the result as a new version named `token`. The
/// record of the call names the members and never the values.
pub fn rewrite_secret(
    cloud: &Cloud,
    region: &str,
    arn: &str,
    members: BTreeMap<String, String>,
    token: &str,
) -> Outgoing {
    let names: Vec<&String> = members.keys().collect();
    let request = json!({ "SecretId": arn, "ClientRequestToken": token, "SecretString": format!("(members {names:?} rewritten)") });
    let (cloud, region_name, arn_name, token_text) = (
        cloud.clone(),
        region.to_owned(),
        arn.to_owned(),
        token.to_owned(),
    );
    Outgoing::new(
        "secretsmanager",
        "PutSecretValue",
        region,
        arn,
        request,
        move || async move {
            let (region, arn) = (region_name, arn_name);
            let current: Zeroizing<String> = cloud.secret_value(&region, &arn).await?;
            let not_json = || CloudError {
                service: "secretsmanager",
                operation: "PutSecretValue",
                region: region.clone(),
                resource: arn.clone(),
                kind: Failure::NotSent(
                    "its value is not a JSON object, so no member of it can be rewritten".into(),
                ),
            };
            let mut value: Value = serde_json::from_str(&current).map_err(|_| not_json())?;
            let Some(object) = value.as_object_mut() else {
                return Err(not_json());
            };
            for (name, text) in members {
                // A port is a number in RDS's JSON; what was a number stays one.
                let new = match object.get(&name) {
                    Some(Value::Number(_)) => {
                        text.parse::<i64>().map_or(Value::String(text), Value::from)
                    }
                    _ => Value::String(text),
                };
                object.insert(name, new);
            }
            let written = Zeroizing::new(value.to_string());
            wipe(&mut value);
            cloud
                .put_secret_value(&region, &arn, &written, &token_text)
                .await?;
            Ok(handle(token_text))
        },
    )
    .token(token)
}

/// Overwrites every string of a JSON value.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        _ => {}
    }
}
