//! Systems Manager: Parameter Store.
//!
//! Reading order: [`parameter`] (what a parameter is, and how it is named), [`writing`], [`reading`], [`labels`] (labels and
//! tags), [`pattern`] (allowed patterns). There is no replication: a parameter is of its region. The rest of Systems Manager
//! is not simulated.

use super::{Service, ServiceId, Wanted, iam, kms, nothing_happens};
use crate::error::AwsError;
use crate::table::Table;
use crate::world::{Caller, Cx, Input, Output, World};
use parameter::{Kind, Parameter, Selector};
use serde_json::{Value, json};
use std::collections::BTreeMap;

mod labels;
pub mod parameter;
mod pattern;
mod reading;
mod writing;

pub const SERVICE: Service = Service {
    id: ServiceId::Ssm,
    handle,
    happen: nothing_happens,
    wants,
};

/// Parameter Store in one account and region.
#[derive(Clone, Default)]
pub struct State {
    /// By full name.
    pub parameters: Table<Parameter>,
}

fn wants(cx: &Cx<'_>, operation: &str, input: &Input) -> Vec<Wanted> {
    let arn = |name: &str| match name.starts_with("arn:") {
        true => name.to_owned(),
        false => arn_of(&cx.region, &cx.caller.account, parameter::split(name).0),
    };
    let resources: Vec<String> = match operation {
        "DescribeParameters" => vec!["*".to_owned()],
        "GetParameters" | "DeleteParameters" => {
            input.strings("Names").iter().map(|n| arn(n)).collect()
        }
        "GetParametersByPath" => vec![arn(input
            .str("Path")
            .unwrap_or_default()
            .trim_end_matches('/'))],
        _ => match input.str("Name").or(input.str("ResourceId")) {
            Some(name) => vec![arn(name)],
            None => vec!["*".to_owned()],
        },
    };
    let mut context = Vec::new();
    for tag in input.list("Tags") {
        let key = tag["Key"].as_str().unwrap_or_default().to_owned();
        context.push((
            format!("aws:RequestTag/{key}"),
            tag["Value"].as_str().unwrap_or_default().to_owned(),
        ));
        context.push(("aws:TagKeys".to_owned(), key));
    }
    if operation == "PutParameter" {
        let overwrite = input.bool("Overwrite").unwrap_or(false);
        context.push(("ssm:Overwrite".to_owned(), overwrite.to_string()));
    }
    resources
        .into_iter()
        .map(|resource| Wanted {
            action: format!("ssm:{operation}"),
            resource,
            context: context.clone(),
        })
        .collect()
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    let value = match operation {
        "PutParameter" => writing::put(cx, input)?,
        "DeleteParameter" => writing::delete(cx, input)?,
        "DeleteParameters" => writing::delete_many(cx, input),
        "GetParameter" => reading::get(cx, input)?,
        "GetParameters" => reading::get_many(cx, input)?,
        "GetParametersByPath" => reading::by_path(cx, input)?,
        "GetParameterHistory" => reading::history(cx, input)?,
        "DescribeParameters" => reading::describe(cx, input)?,
        "LabelParameterVersion" => labels::label(cx, input)?,
        "UnlabelParameterVersion" => labels::unlabel(cx, input)?,
        "AddTagsToResource" => labels::tag(cx, input)?,
        "RemoveTagsFromResource" => labels::untag(cx, input)?,
        "ListTagsForResource" => labels::list_tags(cx, input)?,
        _ => return Err(cx.not_simulated()),
    };
    Ok(value.into())
}

/// The ARN of a parameter: the slash that begins a hierarchy is the ARN's own.
fn arn_of(region: &str, account: &str, name: &str) -> String {
    format!(
        "arn:aws:ssm:{region}:{account}:parameter/{}",
        name.trim_start_matches('/')
    )
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationException", message)
}

fn absent() -> AwsError {
    AwsError::new("ParameterNotFound", "")
}

/// Whether the key of a SecureString can be used by a principal.
fn key_usable(
    world: &World,
    account: &str,
    region: &str,
    principal: &str,
    key: &str,
    action: &str,
) -> Result<(), AwsError> {
    let arn = kms::usable(world, account, region, key).map_err(|why| {
        AwsError::new(
            "InvalidKeyId",
            format!(
                "{} (Service: AWSKMS; Status Code: 400; Error Code: {})",
                why.message, why.code
            ),
        )
    })?;
    if principal.ends_with(":root") {
        return Ok(());
    }
    kms::principal_may_via(world, principal, &arn, action, Some("ssm")).map_err(|why| {
        AwsError::new(
            "AccessDeniedException",
            format!(
                "{} (Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException)",
                why.message
            ),
        )
        .status(400)
    })
}

/// A parameter's value, decrypted, by name or ARN. The refusal is the reason as ECS prints it. Permissions are not looked at.
pub fn read(world: &World, account: &str, region: &str, name: &str) -> Result<String, String> {
    read_by(world, account, region, name, None)
}

/// The same by a role, which needs to be allowed to read the parameter and to use its key.
pub fn read_as(
    world: &World,
    role_arn: &str,
    account: &str,
    region: &str,
    name: &str,
) -> Result<String, String> {
    read_by(world, account, region, name, Some(role_arn))
}

fn read_by(
    world: &World,
    account: &str,
    region: &str,
    any: &str,
    role: Option<&str>,
) -> Result<String, String> {
    let failed = |why: String| format!("unable to retrieve parameter {any} from ssm: {why}");
    let (region, account, bare) = match any.strip_prefix("arn:aws:ssm:") {
        None => (region, account, any),
        Some(rest) => {
            let mut parts = rest.splitn(3, ':');
            match (
                parts.next(),
                parts.next(),
                parts.next().and_then(|r| r.strip_prefix("parameter")),
            ) {
                (Some(region), Some(account), Some(name)) => (region, account, name),
                _ => return Err(failed(format!("invalid parameters: {any}"))),
            }
        }
    };
    let missing = || failed(format!("invalid parameters: {any}"));
    let (name, selector) = parameter::split(bare);
    let found = world
        .seen_place(account, region)
        .and_then(|place| place.ssm.find(name));
    // Whoever may not read it is not told whether it is there.
    if let Some(role) = role {
        let wanted = Wanted {
            action: "ssm:GetParameters".to_owned(),
            resource: arn_of(region, account, found.map_or(name, |p| &p.name)),
            context: Vec::new(),
        };
        let caller = Caller {
            account: account.to_owned(),
            arn: role.to_owned(),
            id: String::new(),
            access_key: String::new(),
        };
        iam::authorize(world, &caller, &wanted, region)
            .map_err(|why| failed(format!("AccessDeniedException: {}", why.message)))?;
    }
    let found = found.ok_or_else(missing)?;
    let version = found.version(&selector).ok_or_else(missing)?;
    if version.kind == Kind::SecureString {
        let root = format!("arn:aws:iam::{account}:root");
        let key = version.key.as_deref().unwrap_or_default();
        key_usable(
            world,
            account,
            region,
            role.unwrap_or(&root),
            key,
            "kms:Decrypt",
        )
        .map_err(|why| failed(why.to_string()))?;
    }
    Ok(version.value.clone())
}

impl State {
    /// The parameter of a name; the name from an ARN has lost its first slash, or kept it.
    fn find(&self, name: &str) -> Option<&Parameter> {
        let bare = name.trim_start_matches('/');
        self.parameters
            .get(name)
            .or_else(|| self.parameters.get(bare))
            .or_else(|| {
                let whole = format!("/{bare}");
                self.parameters
                    .get(&whole)
                    .filter(|_| name.starts_with('/'))
            })
    }
}

/// The name and version that an input's name or ARN asks for, in the called region and the caller's account.
fn named(cx: &Cx<'_>, any: &str) -> (String, Selector) {
    let prefix = format!("arn:aws:ssm:{}:", cx.region);
    let bare = match any
        .strip_prefix(&prefix)
        .and_then(|r| r.split_once(":parameter"))
    {
        // Of another account: not shared here.
        Some((account, name)) if account == cx.account_id() => name,
        Some(_) => any,
        None => any,
    };
    let (name, selector) = parameter::split(bare);
    let known = cx
        .world
        .seen_place(cx.account_id(), &cx.region)
        .and_then(|p| p.ssm.find(name));
    let exact = match any.starts_with("arn:") {
        true => known.map(|p| p.name.clone()),
        false => None,
    };
    (exact.unwrap_or_else(|| name.to_owned()), selector)
}

/// Every parameter with its tags, for the Tagging API.
pub fn tagged(
    world: &World,
    account: &str,
    region: &str,
) -> Vec<(String, BTreeMap<String, String>)> {
    world
        .seen_place(account, region)
        .map_or_else(Vec::new, |place| {
            let parameters = place.ssm.parameters.iter();
            parameters
                .map(|(name, p)| (arn_of(region, account, name), p.tags.clone()))
                .collect()
        })
}

fn tags_json(tags: &BTreeMap<String, String>) -> Value {
    tags.iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

#[cfg(test)]
mod tests;
