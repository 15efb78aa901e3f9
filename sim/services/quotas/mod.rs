//! Service Quotas: the limits that services enforce, and requests to raise them.
//!
//! Known quotas are data ([`facts`]). What is applied in an account and region differs from AWS's default only where it was
//! set ([`set`]) or a request was approved. Knows nothing of what is used up: the services count for themselves.

use super::{Service, ServiceId, whole_service};
use crate::clock::{DAY, Pert};
use crate::error::AwsError;
use crate::world::{Cx, Event, Input, Output, World};
use facts::Quota;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub mod facts;

#[cfg(test)]
mod kept;

pub const SERVICE: Service = Service {
    id: ServiceId::Quotas,
    handle,
    happen,
    wants: whole_service,
};

/// Where the applied values of global quotas are kept.
const GLOBAL: &str = "us-east-1";

/// The applied quotas of one account and region, where they are not AWS's defaults.
#[derive(Clone, Default)]
pub struct State {
    /// By quota code.
    applied: BTreeMap<String, f64>,
    /// By request id.
    requests: BTreeMap<String, Request>,
    /// Tags of applied quotas, by ARN.
    tags: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Clone, Debug)]
struct Request {
    code: String,
    desired: f64,
    status: &'static str,
    /// Unix seconds.
    created: f64,
    updated: f64,
    requester: String,
    ordinal: u64,
}

fn home<'r>(quota: Option<&Quota>, region: &'r str) -> &'r str {
    if quota.is_some_and(|q| q.global) {
        GLOBAL
    } else {
        region
    }
}

/// The applied value of a quota, for instance `L-F678F1CE` (VPCs). Infinite for a code that is not known.
pub fn limit(world: &World, account: &str, region: &str, quota_code: &str) -> f64 {
    let quota = facts::find(quota_code);
    let place = world.seen_place(account, home(quota, region));
    match place.and_then(|p| p.quotas.applied.get(quota_code)) {
        Some(value) => *value,
        None => quota.map_or(f64::INFINITY, |q| q.default),
    }
}

/// Sets the applied value of a quota from outside the API: also below AWS's default, as in a region never used before.
pub fn set(world: &mut World, account: &str, region: &str, quota_code: &str, value: f64) {
    let region = home(facts::find(quota_code), region).to_owned();
    world
        .place(account, &region)
        .quotas
        .applied
        .insert(quota_code.to_owned(), value);
}

fn handle(cx: &mut Cx<'_>, operation: &str, input: &Input) -> Result<Output, AwsError> {
    let value = match operation {
        "ListServices" => {
            let services: Vec<Value> = facts::SERVICES
                .iter()
                .map(|(code, name)| json!({"ServiceCode": code, "ServiceName": name}))
                .collect();
            json!({"Services": services})
        }
        "ListServiceQuotas" => list(cx, input, true)?,
        "ListAWSDefaultServiceQuotas" => list(cx, input, false)?,
        "GetServiceQuota" => json!({"Quota": quota_json(cx, named(input)?, true)}),
        "GetAWSDefaultServiceQuota" => json!({"Quota": quota_json(cx, named(input)?, false)}),
        "RequestServiceQuotaIncrease" => request(cx, input)?,
        "GetRequestedServiceQuotaChange" => {
            let id = input.str("RequestId").unwrap_or_default();
            let found = cx.place().quotas.requests.get(id).cloned();
            let request = found
                .ok_or_else(|| absent("The requested service quota change does not exist."))?;
            json!({"RequestedQuota": request_json(cx, id, &request)})
        }
        "ListRequestedServiceQuotaChangeHistory"
        | "ListRequestedServiceQuotaChangeHistoryByQuota" => history(cx, input),
        "TagResource" => {
            let arn = tagged_arn(cx, input)?;
            let tags = cx.place().quotas.tags.entry(arn).or_default();
            for tag in input.list("Tags") {
                let (key, value) = (tag["Key"].as_str(), tag["Value"].as_str());
                tags.insert(
                    key.unwrap_or_default().to_owned(),
                    value.unwrap_or_default().to_owned(),
                );
            }
            json!({})
        }
        "UntagResource" => {
            let arn = tagged_arn(cx, input)?;
            let keys = input.strings("TagKeys");
            if let Some(tags) = cx.place().quotas.tags.get_mut(&arn) {
                tags.retain(|key, _| !keys.contains(key));
            }
            json!({})
        }
        "ListTagsForResource" => {
            let arn = tagged_arn(cx, input)?;
            let tags = cx
                .place()
                .quotas
                .tags
                .get(&arn)
                .cloned()
                .unwrap_or_default();
            let tags: Vec<Value> = tags
                .iter()
                .map(|(k, v)| json!({"Key": k, "Value": v}))
                .collect();
            json!({"Tags": tags})
        }
        _ => return Err(cx.not_simulated()),
    };
    Ok(value.into())
}

fn absent(message: &str) -> AwsError {
    AwsError::new("NoSuchResourceException", message)
}

/// The quota of an ARN. Only applied quotas have tags.
fn tagged_arn(cx: &Cx<'_>, input: &Input) -> Result<String, AwsError> {
    let arn = input.str("ResourceARN").unwrap_or_default();
    let known = facts::QUOTAS.iter().any(|q| quota_arn(cx, q) == arn);
    if !known {
        return Err(absent("The specified resource does not exist."));
    }
    Ok(arn.to_owned())
}

fn quota_arn(cx: &Cx<'_>, quota: &Quota) -> String {
    match quota.global {
        true => format!(
            "arn:aws:servicequotas::{}:{}/{}",
            cx.account_id(),
            quota.service,
            quota.code
        ),
        false => cx.arn(
            "servicequotas",
            &format!("{}/{}", quota.service, quota.code),
        ),
    }
}

fn named(input: &Input) -> Result<&'static Quota, AwsError> {
    let service = input.str("ServiceCode").unwrap_or_default();
    let code = input.str("QuotaCode").unwrap_or_default();
    if facts::service_name(service).is_none() {
        return Err(absent(
            "The request failed because the specified service does not exist.",
        ));
    }
    facts::find(code)
        .filter(|q| q.service == service)
        .ok_or_else(|| absent("The request failed because the specified quota does not exist."))
}

fn quota_json(cx: &Cx<'_>, quota: &Quota, applied: bool) -> Value {
    let value = match applied {
        true => limit(cx.world, cx.account_id(), &cx.region, quota.code),
        false => quota.default,
    };
    let arn = match applied {
        true => quota_arn(cx, quota),
        false => format!(
            "arn:aws:servicequotas:{}::{}/{}",
            cx.region, quota.service, quota.code
        ),
    };
    json!({
        "ServiceCode": quota.service,
        "ServiceName": facts::service_name(quota.service).unwrap_or_default(),
        "QuotaArn": arn,
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": value,
        "Unit": "None",
        "Adjustable": quota.adjustable,
        "GlobalQuota": quota.global,
        "QuotaAppliedAtLevel": "ACCOUNT",
    })
}

fn list(cx: &mut Cx<'_>, input: &Input, applied: bool) -> Result<Value, AwsError> {
    let service = input.str("ServiceCode").unwrap_or_default();
    if facts::service_name(service).is_none() {
        return Err(absent(
            "The request failed because the specified service does not exist.",
        ));
    }
    let only = input.str("QuotaCode");
    let quotas: Vec<Value> = facts::QUOTAS
        .iter()
        .filter(|q| q.service == service && only.is_none_or(|code| q.code == code))
        .map(|q| quota_json(cx, q, applied))
        .collect();
    Ok(json!({"Quotas": quotas}))
}

fn request(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let quota = named(input)?;
    let desired = input.value["DesiredValue"].as_f64().unwrap_or_default();
    let illegal = |message: String| Err(AwsError::new("IllegalArgumentException", message));
    if !quota.adjustable {
        return illegal(format!("The quota {} is not adjustable.", quota.code));
    }
    let (account, region) = (cx.caller.account.clone(), cx.region.clone());
    if quota.global && region != GLOBAL {
        return illegal(format!(
            "The quota {} is global and is changed in {GLOBAL}.",
            quota.code
        ));
    }
    let present = limit(cx.world, &account, &region, quota.code);
    if desired <= present {
        return illegal(format!(
            "You must provide a quota value greater than the current quota value of {present:?}."
        ));
    }
    let open = cx
        .place()
        .quotas
        .requests
        .values()
        .any(|r| r.code == quota.code && matches!(r.status, "PENDING" | "CASE_OPENED"));
    if open {
        return Err(AwsError::new(
            "ResourceAlreadyExistsException",
            "Only one open service quota increase request is allowed per quota.",
        ));
    }
    let id = format!(
        "{}{}",
        cx.hex("quota request", 32),
        cx.hex("quota request", 8)
    );
    let created = cx.unix_now();
    let ordinal = cx
        .world
        .ordinal(&format!("quota request/{account}/{region}"));
    let request = Request {
        code: quota.code.to_owned(),
        desired,
        status: "PENDING",
        created,
        updated: created,
        requester: cx.caller.arn.clone(),
        ordinal,
    };
    let shown = request_json(cx, &id, &request);
    cx.place().quotas.requests.insert(id.clone(), request);
    // Moderate wishes are granted by a machine, large ones wait for a person.
    let name = format!("{account}/{region}/{}", quota.code);
    if desired <= present.max(1.0) * 4.0 {
        let after = cx
            .world
            .sample(Pert(60.0, 600.0, 3_600.0), &name, "raise quota");
        cx.later(after, "approve", &id);
    } else {
        let after = cx
            .world
            .sample(Pert(60.0, 300.0, 1_200.0), &name, "open case");
        cx.later(after, "open case", &id);
        let after = DAY
            + cx.world
                .sample(Pert(1.0, 86_400.0, 3.0 * 86_400.0), &name, "raise quota");
        cx.later(after, "approve", &id);
    }
    Ok(json!({"RequestedQuota": shown}))
}

fn request_json(cx: &Cx<'_>, id: &str, request: &Request) -> Value {
    let quota = facts::find(&request.code);
    let mut out = json!({
        "Id": id,
        "Status": request.status,
        "Created": request.created,
        "LastUpdated": request.updated,
        "DesiredValue": request.desired,
        "Requester": json!({"accountId": cx.account_id(), "callerArn": request.requester}).to_string(),
        "Unit": "None",
        "QuotaRequestedAtLevel": "ACCOUNT",
    });
    if let Some(quota) = quota {
        out["ServiceCode"] = json!(quota.service);
        out["ServiceName"] = json!(facts::service_name(quota.service));
        out["QuotaCode"] = json!(quota.code);
        out["QuotaName"] = json!(quota.name);
        out["QuotaArn"] = json!(quota_arn(cx, quota));
        out["GlobalQuota"] = json!(quota.global);
    }
    if request.status != "PENDING" && request.status != "APPROVED" {
        out["CaseId"] = json!(format!("{:010}", request.ordinal + 5_000_000_001));
    }
    out
}

fn history(cx: &mut Cx<'_>, input: &Input) -> Value {
    let (service, code, status) = (
        input.str("ServiceCode"),
        input.str("QuotaCode"),
        input.str("Status"),
    );
    let mut requests: Vec<(String, Request)> = cx
        .place()
        .quotas
        .requests
        .iter()
        .map(|(id, r)| (id.clone(), r.clone()))
        .collect();
    requests.sort_by_key(|(_, r)| r.ordinal);
    let rows: Vec<Value> = requests
        .iter()
        .filter(|(_, r)| {
            let of = facts::find(&r.code).map(|q| q.service);
            service.is_none_or(|s| of == Some(s))
                && code.is_none_or(|c| r.code == c)
                && status.is_none_or(|s| r.status == s)
        })
        .map(|(id, r)| request_json(cx, id, r))
        .collect();
    json!({"RequestedQuotas": rows})
}

fn happen(world: &mut World, event: &Event) {
    let at = world.unix(world.now());
    let state = &mut world.place(&event.account, &event.region).quotas;
    let Some(request) = state.requests.get_mut(&event.id) else {
        return;
    };
    request.updated = at;
    if event.what == "open case" {
        request.status = "CASE_OPENED";
        return;
    }
    request.status = "APPROVED";
    let (code, desired) = (request.code.clone(), request.desired);
    state.applied.insert(code, desired);
}

#[cfg(test)]
mod tests;
