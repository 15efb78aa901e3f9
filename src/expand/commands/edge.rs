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

/// The old record deleted exactly, the new one created: one batch.
pub(super) fn change(params: &Json) -> Vec<Command> {
    let record = |name: &str| {
        params
            .pointer(&format!("/record/{name}"))
            .filter(|v| !v.is_null())
            .cloned()
    };
    let set = |ttl: Option<Json>, values: Option<Json>, alias: Option<Json>| json!({ "Name": record("name"), "Type": record("type"), "TTL": ttl, "ResourceRecords": values, "AliasTarget": alias, "SetIdentifier": record("setIdentifier"), "Failover": record("failover"), "HealthCheckId": record("healthCheckId") });
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
    let new = match (params.get("ttl"), params.get("to")) {
        (Some(ttl), _) => set(Some(ttl.clone()), values.clone(), alias.clone()),
        (None, Some(to)) if alias.is_some() => {
            let target = json!({ "HostedZoneId": to.get("zoneId"), "DNSName": to.get("dnsName"), "EvaluateTargetHealth": alias.as_ref().and_then(|a| a.get("EvaluateTargetHealth")) });
            set(None, None, Some(target))
        }
        (None, to) => set(
            record("ttl"),
            to.map(|to| json!([{ "Value": to.get("dnsName") }])),
            None,
        ),
    };
    let changes = json!([{ "Action": "DELETE", "ResourceRecordSet": set(record("ttl"), values, alias) }, { "Action": "CREATE", "ResourceRecordSet": new }]);
    vec![Command {
        service: "route53",
        operation: "ChangeResourceRecordSets",
        input: json!({ "HostedZoneId": record("zoneId"), "ChangeBatch": { "Changes": changes } }),
    }]
}
