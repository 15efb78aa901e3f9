//! Reading parameters, one by one, by path, and as lists with filters.

use super::parameter::{Kind, Parameter, Selector, Version};
use super::{absent, arn_of, invalid, key_usable, named};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The value of a version as an answer has it: a SecureString is shown only when its decryption is asked for and possible.
fn value_of(cx: &Cx<'_>, version: &Version, decrypt: bool) -> Result<String, AwsError> {
    if version.kind != Kind::SecureString {
        return Ok(version.value.clone());
    }
    if !decrypt {
        let hash = cx
            .world
            .dice
            .hash(&["ssm ciphertext", &version.value], version.number as u64);
        return Ok(STANDARD.encode(format!("AQICAH{hash:016x}{hash:016x}")));
    }
    let key = version.key.as_deref().unwrap_or_default();
    key_usable(
        cx.world,
        cx.account_id(),
        &cx.region,
        &cx.caller.arn,
        key,
        "kms:Decrypt",
    )?;
    Ok(version.value.clone())
}

/// The shape `Parameter`.
fn shown(
    cx: &Cx<'_>,
    parameter: &Parameter,
    selector: &Selector,
    version: &Version,
    decrypt: bool,
) -> Result<Value, AwsError> {
    let mut out = json!({
        "Name": parameter.name,
        "Type": version.kind.word(),
        "Value": value_of(cx, version, decrypt)?,
        "Version": version.number,
        "LastModifiedDate": version.modified,
        "ARN": arn_of(&cx.region, cx.account_id(), &parameter.name),
        "DataType": version.data_type,
    });
    match selector {
        Selector::Latest => {}
        Selector::Number(number) => out["Selector"] = json!(format!(":{number}")),
        Selector::Label(label) => out["Selector"] = json!(format!(":{label}")),
    }
    Ok(out)
}

fn one(cx: &mut Cx<'_>, any: &str, decrypt: bool) -> Result<Value, AwsError> {
    let (name, selector) = named(cx, any);
    let parameter = cx
        .place()
        .ssm
        .parameters
        .get(&name)
        .cloned()
        .ok_or_else(absent)?;
    let version = parameter.version(&selector).ok_or_else(|| {
        let wanted = match &selector {
            Selector::Number(number) => number.to_string(),
            Selector::Label(label) => label.clone(),
            Selector::Latest => String::new(),
        };
        AwsError::new(
            "ParameterVersionNotFound",
            format!("Systems Manager could not find version {wanted} of {name}. Verify the version and try again."),
        )
    })?;
    shown(cx, &parameter, &selector, version, decrypt)
}

pub fn get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let decrypt = input.bool("WithDecryption").unwrap_or(false);
    let found = one(cx, input.str("Name").unwrap_or_default(), decrypt)?;
    Ok(json!({"Parameter": found}))
}

pub fn get_many(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let decrypt = input.bool("WithDecryption").unwrap_or(false);
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for name in input.strings("Names") {
        match one(cx, &name, decrypt) {
            Ok(value) => found.push(value),
            Err(error) if error.code.starts_with("Parameter") => unknown.push(name),
            Err(error) => return Err(error),
        }
    }
    Ok(json!({"Parameters": found, "InvalidParameters": unknown}))
}

/// Whether a name lies under a path, directly or (`recursive`) at any depth.
fn under(name: &str, path: &str, recursive: bool) -> bool {
    let path = path.trim_end_matches('/');
    let Some(rest) = name
        .strip_prefix(path)
        .and_then(|rest| rest.strip_prefix('/'))
    else {
        return false;
    };
    !rest.is_empty() && (recursive || !rest.contains('/'))
}

pub fn by_path(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let path = input.str("Path").unwrap_or_default();
    if !path.starts_with('/') {
        return Err(invalid(
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward \
             slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).",
        ));
    }
    let recursive = input.bool("Recursive").unwrap_or(false);
    let decrypt = input.bool("WithDecryption").unwrap_or(false);
    let filters = filters(input, &["Type", "KeyId", "Label"])?;
    let label = filters
        .iter()
        .find(|f| f.key == "Label")
        .and_then(|f| f.values.first().cloned());
    let parameters: Vec<Parameter> = cx
        .place()
        .ssm
        .parameters
        .iter()
        .filter(|(name, p)| under(name, path, recursive) && filters.iter().all(|f| f.passes(p)))
        .map(|(_, p)| p.clone())
        .collect();
    let mut rows = Vec::new();
    for parameter in &parameters {
        let selector = label.clone().map_or(Selector::Latest, Selector::Label);
        if let Some(version) = parameter.version(&selector) {
            rows.push(shown(cx, parameter, &Selector::Latest, version, decrypt)?);
        }
    }
    Ok(json!({"Parameters": rows}))
}

pub fn history(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = named(cx, input.str("Name").unwrap_or_default()).0;
    let decrypt = input.bool("WithDecryption").unwrap_or(false);
    let parameter = cx
        .place()
        .ssm
        .parameters
        .get(&name)
        .cloned()
        .ok_or_else(absent)?;
    let mut rows = Vec::new();
    for version in &parameter.versions {
        let mut row = parameter.metadata(version);
        row["Value"] = json!(value_of(cx, version, decrypt)?);
        row["Labels"] = json!(version.labels);
        rows.push(row);
    }
    Ok(json!({"Parameters": rows}))
}

struct Filter {
    key: String,
    option: String,
    values: Vec<String>,
}

impl Filter {
    fn passes(&self, parameter: &Parameter) -> bool {
        let Some(version) = parameter.versions.last() else {
            return false;
        };
        let any = |actual: &str| {
            self.values.iter().any(|wanted| match self.option.as_str() {
                "BeginsWith" => actual
                    .trim_start_matches('/')
                    .starts_with(wanted.trim_start_matches('/')),
                "Contains" => actual.contains(wanted.as_str()),
                _ => actual == wanted,
            })
        };
        match self.key.as_str() {
            "Name" => {
                any(&parameter.name)
                    || (self.option == "Equals" && any(parameter.name.trim_start_matches('/')))
            }
            "Type" => any(version.kind.word()),
            "KeyId" => version.key.as_deref().is_some_and(any),
            "Tier" => any(&version.tier),
            "DataType" => any(&version.data_type),
            "Label" => parameter
                .versions
                .iter()
                .flat_map(|v| &v.labels)
                .any(|label| any(label)),
            "Path" => {
                let recursive = self.option == "Recursive";
                self.values
                    .iter()
                    .any(|path| under(&parameter.name, path, recursive))
            }
            key => match key.strip_prefix("tag:") {
                Some(tag) => parameter
                    .tags
                    .get(tag)
                    .is_some_and(|v| self.values.is_empty() || any(v)),
                None => false,
            },
        }
    }
}

fn filters(input: &Input, allowed: &[&str]) -> Result<Vec<Filter>, AwsError> {
    let mut read = Vec::new();
    for row in input.list("ParameterFilters") {
        let key = row["Key"].as_str().unwrap_or_default().to_owned();
        let known = allowed.contains(&key.as_str())
            || (allowed.contains(&"tag:") && key.starts_with("tag:"));
        if !known {
            return Err(AwsError::new(
                "InvalidFilterKey",
                format!("The following filter key is not valid: {key}."),
            ));
        }
        let default = if key == "Path" { "OneLevel" } else { "Equals" };
        let option = row["Option"].as_str().unwrap_or(default).to_owned();
        let known: &[&str] = match key.as_str() {
            "Path" => &["Recursive", "OneLevel"],
            "Name" => &["Equals", "BeginsWith", "Contains"],
            _ => &["Equals", "BeginsWith"],
        };
        if !known.contains(&option.as_str()) {
            return Err(AwsError::new(
                "InvalidFilterOption",
                format!(
                    "The following filter option is not valid: {option}. Valid options include: {known:?}"
                ),
            ));
        }
        let values: Vec<String> = row["Values"]
            .as_array()
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect();
        if values.is_empty() && !key.starts_with("tag:") {
            return Err(AwsError::new(
                "InvalidFilterValue",
                "The filter must have a value.",
            ));
        }
        read.push(Filter {
            key,
            option,
            values,
        });
    }
    for row in input.list("Filters") {
        let key = row["Key"].as_str().unwrap_or_default().to_owned();
        let option = if key == "Name" {
            "BeginsWith"
        } else {
            "Equals"
        }
        .to_owned();
        let values = row["Values"].as_array().map_or(&[][..], Vec::as_slice);
        let values = values
            .iter()
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect();
        read.push(Filter {
            key,
            option,
            values,
        });
    }
    Ok(read)
}

pub fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let filters = filters(
        input,
        &[
            "Name", "Type", "KeyId", "Tier", "DataType", "Label", "Path", "tag:",
        ],
    )?;
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    let rows: Vec<Value> = cx
        .place()
        .ssm
        .parameters
        .iter()
        .filter(|(_, p)| filters.iter().all(|f| f.passes(p)))
        .filter_map(|(_, p)| {
            let mut row = p.metadata(p.versions.last()?);
            row["ARN"] = json!(arn_of(&region, &account, &p.name));
            Some(row)
        })
        .collect();
    Ok(json!({"Parameters": rows}))
}
