//! Flow logs: kept as settings; nothing is written to where they point.

use super::filters::{Question, one};
use super::state::FlowLog;
use super::tags::{self, Tags};
use super::{invalid, not_found};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::{Value, json};

const DEFAULT_FORMAT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let given = tags::on_create(input, "vpc-flow-log")?;
    let kind = match input.str("ResourceType") {
        Some("VPC") => "vpc",
        Some("Subnet") => "subnet",
        Some("NetworkInterface") => "network-interface",
        other => {
            return Err(invalid(format!(
                "Value ({}) for parameter ResourceType is invalid.",
                other.unwrap_or("null")
            )));
        }
    };
    let destination_type = input
        .str("LogDestinationType")
        .unwrap_or("cloud-watch-logs")
        .to_owned();
    if destination_type == "cloud-watch-logs"
        && !(input.has("DeliverLogsPermissionArn")
            && (input.has("LogGroupName") || input.has("LogDestination")))
    {
        return Err(AwsError::new(
            "InvalidParameter",
            "DeliverLogsPermissionArn and a log group are required for flow logs to CloudWatch Logs",
        ));
    }
    if destination_type != "cloud-watch-logs" && !input.has("LogDestination") {
        return Err(AwsError::new(
            "InvalidParameter",
            "LogDestination can't be empty if LogGroupName is not provided.",
        ));
    }
    let interval = input.i64("MaxAggregationInterval").unwrap_or(600);
    if !matches!(interval, 60 | 600) {
        return Err(invalid("Invalid Flow Log Max Aggregation Interval"));
    }
    let (mut ids, mut unsuccessful) = (vec![], vec![]);
    for resource in input.strings("ResourceIds") {
        let state = &cx.place().ec2;
        let there = match kind {
            "vpc" => state.vpcs.contains(&resource),
            "subnet" => state.subnets.contains(&resource),
            _ => state.interfaces.contains(&resource),
        };
        if !there {
            let error = not_found(kind, &resource);
            unsuccessful.push(json!({"ResourceId": resource, "Error": {"Code": error.code, "Message": error.message}}));
            continue;
        }
        let mut settings = serde_json::Map::new();
        for name in [
            "TrafficType",
            "LogGroupName",
            "LogDestination",
            "DeliverLogsPermissionArn",
            "DeliverCrossAccountRole",
            "DestinationOptions",
        ] {
            if let Some(value) = input.value.get(name).filter(|v| !v.is_null()) {
                settings.insert(name.to_owned(), value.clone());
            }
        }
        settings
            .entry("TrafficType")
            .or_insert_with(|| "ALL".into());
        settings.insert(
            "LogDestinationType".into(),
            destination_type.as_str().into(),
        );
        settings.insert(
            "LogFormat".into(),
            input.str("LogFormat").unwrap_or(DEFAULT_FORMAT).into(),
        );
        settings.insert("MaxAggregationInterval".into(), interval.into());
        let same = state
            .flow_logs
            .iter()
            .any(|(_, l)| l.resource_id == resource && l.settings == settings);
        if same {
            unsuccessful.push(json!({
                "ResourceId": resource,
                "Error": {
                    "Code": "FlowLogAlreadyExists",
                    "Message": "There is an existing Flow Log with the same configuration and log destination.",
                },
            }));
            continue;
        }
        let log = FlowLog {
            id: cx.new_id("fl-"),
            resource_id: resource,
            settings,
            created: cx.unix_now(),
        };
        let at = cx.visible_at(&log.id);
        ids.push(log.id.clone());
        let state = &mut cx.place().ec2;
        state.tags.put(log.id.clone(), given.clone(), at);
        state.flow_logs.put(log.id.clone(), log, at);
    }
    let mut output = json!({"FlowLogIds": ids, "Unsuccessful": unsuccessful});
    if let Some(token) = input.str("ClientToken") {
        output["ClientToken"] = token.into();
    }
    Ok(output)
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let mut unsuccessful = vec![];
    for id in input.strings("FlowLogIds") {
        let at = cx.visible_at(&id);
        let state = &mut cx.place().ec2;
        if state.flow_logs.remove(&id, at).is_none() {
            let error = not_found("vpc-flow-log", &id);
            unsuccessful.push(
                json!({"ResourceId": id, "Error": {"Code": error.code, "Message": error.message}}),
            );
        }
        state.tags.remove(&id, at);
    }
    Ok(json!({"Unsuccessful": unsuccessful}))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let question = Question::read(cx, input, "vpc-flow-log", "FlowLogIds", "Filter")?;
    let state = &cx.place().ec2;
    let names = [
        "flow-log-id",
        "resource-id",
        "log-group-name",
        "log-destination-type",
        "traffic-type",
        "deliver-log-status",
    ];
    let facts = |l: &FlowLog, name: &str| {
        let setting = |name: &str| {
            l.settings
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .into_iter()
                .collect()
        };
        match name {
            "flow-log-id" => one(l.id.as_str()),
            "resource-id" => one(l.resource_id.as_str()),
            "log-group-name" => setting("LogGroupName"),
            "log-destination-type" => setting("LogDestinationType"),
            "traffic-type" => setting("TrafficType"),
            _ => one("SUCCESS"),
        }
    };
    let shown = |l: &FlowLog, tags: &Tags| {
        let mut shown = Value::Object(l.settings.clone());
        shown["FlowLogId"] = l.id.as_str().into();
        shown["ResourceId"] = l.resource_id.as_str().into();
        shown["FlowLogStatus"] = "ACTIVE".into();
        shown["DeliverLogsStatus"] = "SUCCESS".into();
        shown["CreationTime"] = l.created.into();
        shown["Tags"] = tags::listed(tags);
        shown
    };
    let found = question.answer(state, &state.flow_logs, &names, facts, shown)?;
    Ok(object! {"FlowLogs": found})
}
