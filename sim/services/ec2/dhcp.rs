//! DHCP options: what hosts of a VPC are told about their network.

use super::filters::{Question, one};
use super::state::DhcpOptions;
use super::tags::{self, Tags};
use super::{dependency, invalid, not_found, required};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

const KEYS: &[&str] = &[
    "domain-name",
    "domain-name-servers",
    "ntp-servers",
    "netbios-name-servers",
    "netbios-node-type",
    "ipv6-address-preferred-lease-time",
];

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = tags::on_create(input, "dhcp-options")?;
    let mut configurations = vec![];
    for entry in input.list("DhcpConfigurations") {
        let key = entry["Key"].as_str().unwrap_or_default().to_owned();
        if !KEYS.contains(&key.as_str()) {
            return Err(invalid(format!(
                "Value ({key}) for parameter key is invalid. Unknown DHCP option."
            )));
        }
        let values: Vec<String> = entry["Values"]
            .as_array()
            .map(|list| {
                list.iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect()
            })
            .unwrap_or_default();
        if values.is_empty() || values.len() > 4 && key.ends_with("-servers") {
            return Err(invalid(format!(
                "Value for parameter {key} is invalid. Between 1 and 4 values are needed."
            )));
        }
        configurations.push((key, values));
    }
    let options = DhcpOptions {
        id: cx.new_id("dopt-"),
        configurations,
    };
    let at = cx.visible_at(&options.id);
    let account = cx.account_id().to_owned();
    let output = json!({"DhcpOptions": shown(&options, &given, &account)});
    let state = &mut cx.place().ec2;
    state.tags.put(options.id.clone(), given, at);
    state.dhcp_options.put(options.id.clone(), options, at);
    Ok(output)
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = required(input, "DhcpOptionsId")?;
    let state = &cx.place().ec2;
    if !state.dhcp_options.contains(id) {
        return Err(not_found("dhcp-options", id));
    }
    if state.vpcs.iter().any(|(_, v)| v.dhcp_options == id) {
        return Err(dependency("dhcpOptions", id));
    }
    let at = cx.visible_at(id);
    let state = &mut cx.place().ec2;
    state.dhcp_options.remove(id, at);
    state.tags.remove(id, at);
    Ok(json!({}))
}

pub(super) fn associate(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (id, vpc_id) = (required(input, "DhcpOptionsId")?, required(input, "VpcId")?);
    let state = &cx.place().ec2;
    if id != "default" && !state.dhcp_options.contains(id) {
        return Err(not_found("dhcp-options", id));
    }
    if !state.vpcs.contains(vpc_id) {
        return Err(not_found("vpc", vpc_id));
    }
    let at = cx.visible_at(vpc_id);
    cx.place()
        .ec2
        .vpcs
        .change(vpc_id, at, |v| v.dhcp_options = id.to_owned());
    Ok(json!({}))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let question = Question::read(cx, input, "dhcp-options", "DhcpOptionsIds", "Filters")?;
    let account = cx.account_id().to_owned();
    let state = &cx.place().ec2;
    let facts = |d: &DhcpOptions, name: &str| match name {
        "dhcp-options-id" => one(d.id.as_str()),
        "owner-id" => one(account.as_str()),
        "key" => d
            .configurations
            .iter()
            .map(|(key, _)| key.clone())
            .collect(),
        _ => d
            .configurations
            .iter()
            .flat_map(|(_, values)| values.clone())
            .collect(),
    };
    let names = ["dhcp-options-id", "owner-id", "key", "value"];
    let shown = |d: &DhcpOptions, tags: &Tags| shown(d, tags, &account);
    let found = question.answer(state, &state.dhcp_options, &names, facts, shown)?;
    Ok(object! {"DhcpOptions": found})
}

fn shown(d: &DhcpOptions, tags: &Tags, account: &str) -> Value {
    let configurations: Vec<Value> = d
        .configurations
        .iter()
        .map(|(key, values)| {
            let values: Vec<Value> = values.iter().map(|v| json!({"Value": v})).collect();
            json!({"Key": key, "Values": values})
        })
        .collect();
    json!({
        "DhcpOptionsId": d.id, "OwnerId": account, "DhcpConfigurations": configurations, "Tags": tags::listed(tags),
    })
}
