//! The calls of what stands at the edge: listeners' actions and DNS changes.

use super::Command;
use serde_json::{Value as Json, json};

/// `{ forward: … }` as AWS writes it.
pub(super) fn action(action: &Json) -> Json {
    let Some((kind, inner)) = action.as_object().and_then(|a| a.iter().next()) else {
        return Json::Null;
    };
    let get = |name: &str| inner.get(name).cloned().unwrap_or(Json::Null);
    match kind.as_str() {
        "forward" => {
            let groups: Vec<Json> = get("targetGroups").as_array().map(|all| all.iter().map(|g| json!({ "TargetGroupArn": g.get("targetGroup"), "Weight": g.get("weight") })).collect()).unwrap_or_default();
            json!({ "Type": "forward", "ForwardConfig": { "TargetGroups": groups } })
        }
        "redirect" => {
            json!({ "Type": "redirect", "RedirectConfig": { "Protocol": get("protocol"), "Port": get("port"), "Host": get("host"), "Path": get("path"), "Query": get("query"), "StatusCode": get("status") } })
        }
        _ => {
            json!({ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": get("status"), "ContentType": get("contentType"), "MessageBody": get("body") } })
        }
    }
}

/// The old records deleted exactly, the new ones created: one batch.
pub(super) fn change(records: &[&Json]) -> Vec<Command> {
    let changes: Vec<Json> = records.iter().flat_map(|params| pair(params)).collect();
    let zone = records
        .first()
        .and_then(|params| params.pointer("/record/zoneId"))
        .cloned();
    vec![Command {
        service: "route53",
        operation: "ChangeResourceRecordSets",
        input: json!({ "HostedZoneId": zone, "ChangeBatch": { "Changes": changes } }),
    }]
}

/// One record: as it is, and as it will be. `ttl` is a TTL that is lowered, `lowered` one that is put back.
fn pair(params: &Json) -> [Json; 2] {
    let record = |name: &str| {
        params
            .pointer(&format!("/record/{name}"))
            .filter(|v| !v.is_null())
            .cloned()
    };
    let set = |ttl: Option<Json>,
               values: Option<Json>,
               alias: Option<Json>,
               check: Option<Json>| json!({ "Name": record("name"), "Type": record("type"), "TTL": ttl, "ResourceRecords": values, "AliasTarget": alias, "SetIdentifier": record("setIdentifier"), "Failover": record("failover"), "HealthCheckId": check });
    let values = record("values")
        .and_then(|v| {
            v.as_array().map(|all| {
                all.iter()
                    .map(|v| json!({ "Value": v }))
                    .collect::<Vec<_>>()
            })
        })
        .filter(|v| !v.is_empty())
        .map(Json::from);
    let alias = record("alias").map(|a| json!({ "HostedZoneId": a.get("hostedZoneId"), "DNSName": a.get("dnsName"), "EvaluateTargetHealth": a.get("evaluateTargetHealth") }));
    let evaluates = record("failover").is_some()
        || alias
            .as_ref()
            .and_then(|a| a.get("EvaluateTargetHealth"))
            .is_some_and(|e| e == true);
    let moved = params.get("to").map(|to| match &alias {
        Some(_) => (None, Some(json!({ "HostedZoneId": to.get("zoneId"), "DNSName": to.get("dnsName"), "EvaluateTargetHealth": evaluates }))),
        None => (Some(json!([{ "Value": to.get("dnsName") }])), None),
    });
    let check = record("healthCheckId");
    let (old, new) = match (params.get("ttl"), params.get("lowered"), moved) {
        (Some(ttl), _, _) => (
            set(record("ttl"), values.clone(), alias.clone(), check.clone()),
            set(Some(ttl.clone()), values, alias, check),
        ),
        (None, Some(lowered), Some((values, alias))) => (
            set(Some(lowered.clone()), values.clone(), alias.clone(), None),
            set(record("ttl"), values, alias, None),
        ),
        (None, _, moved) => {
            let (to_values, to_alias) = moved.unwrap_or_default();
            (
                set(record("ttl"), values, alias, check),
                set(record("ttl"), to_values, to_alias, None),
            )
        }
    };
    [
        json!({ "Action": "DELETE", "ResourceRecordSet": old }),
        json!({ "Action": "CREATE", "ResourceRecordSet": new }),
    ]
}
