//! The only place that may hold a secret's value: only of the secrets that a manifest asks to rewrite and of the parameters
//! that it moves, only for as long as it takes to write the new version, wiped afterwards. Nothing in here is `Debug`, journaled, logged or hashed.

use crate::cloud::Cloud;
use crate::cloud::call::{Outgoing, handle};
use crate::cloud::error::{CloudError, Failure};
use crate::cloud::parameters::{self, NewParameter};
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
            let written = with_members(&current, members).map_err(|why| CloudError {
                service: "secretsmanager",
                operation: "PutSecretValue",
                region: region.clone(),
                resource: arn.clone(),
                kind: Failure::NotSent(why.into()),
            })?;
            cloud
                .put_secret_value(&region, &arn, &written, &token_text)
                .await?;
            Ok(handle(token_text))
        },
    )
    .token(token)
}

/// Makes a parameter in `region` with the value that it has in `source`, the named members of its JSON written anew. The
/// record of the call says where the value comes from, and never what it is.
pub fn copy_parameter(
    cloud: &Cloud,
    source: &str,
    region: &str,
    new: NewParameter,
    members: BTreeMap<String, String>,
) -> Outgoing {
    let rewritten: Vec<&String> = members.keys().collect();
    let stands_for = if rewritten.is_empty() {
        format!("(its value in {source})")
    } else {
        format!("(its value in {source}, members {rewritten:?} rewritten)")
    };
    let request = new.request(&stands_for);
    let (cloud, source, region_name) = (cloud.clone(), source.to_owned(), region.to_owned());
    let name = new.name.clone();
    Outgoing::new(
        parameters::SERVICE,
        "PutParameter",
        region,
        &name,
        request,
        move || async move {
            let mut value = cloud.parameter_value(&source, &new.name).await?;
            if !members.is_empty() {
                value = with_members(&value, members).map_err(|why| CloudError {
                    service: parameters::SERVICE,
                    operation: "PutParameter",
                    region: region_name.clone(),
                    resource: new.name.clone(),
                    kind: Failure::NotSent(why.into()),
                })?;
            }
            cloud.put_parameter(&region_name, &new, &value).await?;
            Ok(handle(new.name))
        },
    )
}

/// Makes a parameter with a value of the manifest's, which is no secret.
pub fn new_parameter(cloud: &Cloud, region: &str, new: NewParameter, value: String) -> Outgoing {
    let request = new.request(&value);
    let (cloud, region_name, name) = (cloud.clone(), region.to_owned(), new.name.clone());
    Outgoing::new(
        parameters::SERVICE,
        "PutParameter",
        region,
        &name,
        request,
        move || async move {
            cloud.put_parameter(&region_name, &new, &value).await?;
            Ok(handle(new.name))
        },
    )
}

/// A JSON object with some members written anew, or why it cannot be.
fn with_members(
    current: &str,
    members: BTreeMap<String, String>,
) -> Result<Zeroizing<String>, &'static str> {
    const NOT_JSON: &str = "its value is not a JSON object, so no member of it can be rewritten";
    let mut value: Value = serde_json::from_str(current).map_err(|_| NOT_JSON)?;
    let Some(object) = value.as_object_mut() else {
        wipe(&mut value);
        return Err(NOT_JSON);
    };
    for (name, text) in members {
        // A port is a number in RDS's JSON; what was a number stays one.
        let new = match object.get(&name) {
            Some(Value::Number(_)) => text.parse::<i64>().map_or(Value::String(text), Value::from),
            _ => Value::String(text),
        };
        if let Some(mut old) = object.insert(name, new) {
            wipe(&mut old);
        }
    }
    let written = Zeroizing::new(value.to_string());
    wipe(&mut value);
    Ok(written)
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
