//! Clusters and capacity providers.

use super::{Scope, Tags, client, failure, includes, invalid, last, tags_json, tags_of};
use crate::error::AwsError;
use crate::services::{iam, quotas};
use crate::world::{Cx, Input};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct Cluster {
    pub name: String,
    /// `ACTIVE` or `INACTIVE`.
    pub status: String,
    pub tags: Tags,
    pub settings: Value,
    pub configuration: Value,
    pub service_connect: Value,
    pub providers: Vec<String>,
    pub strategy: Value,
    pub created_by: String,
    pub created: f64,
}

/// The cluster that a call names: its name, or its ARN, or nothing for `default`.
pub(super) fn name_of(given: Option<&str>) -> String {
    match given {
        None | Some("") => "default".into(),
        Some(given) => last(given).to_owned(),
    }
}

/// The name of a cluster that exists and is active.
pub(super) fn active(cx: &mut Cx<'_>, given: Option<&str>) -> Result<String, AwsError> {
    if let Some((account, region)) = given.and_then(super::arn_place)
        && (account != cx.account_id() || region != cx.region)
    {
        return Err(AwsError::new(
            "ClusterNotFoundException",
            "Cluster not found.",
        ));
    }
    let name = name_of(given);
    match cx.place().ecs.clusters.get(&name) {
        Some(cluster) if cluster.status == "ACTIVE" => Ok(name),
        Some(_) => Err(AwsError::new(
            "ClusterNotFoundException",
            "The referenced cluster was inactive.",
        )),
        None => Err(AwsError::new(
            "ClusterNotFoundException",
            "Cluster not found.",
        )),
    }
}

const FARGATE: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

fn check_providers(providers: &[String], strategy: &Value) -> Result<(), AwsError> {
    if let Some(unknown) = providers.iter().find(|p| !FARGATE.contains(&p.as_str())) {
        return Err(invalid(format!(
            "The specified capacity provider '{unknown}' was not found. Specify a valid name or ARN and try again."
        )));
    }
    check_strategy(strategy, Some(providers))
}

/// A capacity provider strategy names providers of the cluster, at most one with a base, not all of weight 0.
pub(super) fn check_strategy(
    strategy: &Value,
    providers: Option<&[String]>,
) -> Result<(), AwsError> {
    let Some(items) = strategy.as_array().filter(|i| !i.is_empty()) else {
        return Ok(());
    };
    let mut bases = 0;
    for item in items {
        let name = super::text(item, "capacityProvider");
        if providers.is_some_and(|p| !p.iter().any(|p| p == name)) {
            return Err(invalid(format!(
                "The specified capacity provider strategy contains a capacity provider that is not associated with the \
                 cluster: {name}. Associate the capacity provider with the cluster and try again."
            )));
        }
        bases += usize::from(item["base"].as_i64().unwrap_or(0) > 0);
    }
    if bases > 1 {
        return Err(invalid(
            "Only one capacity provider may have a non-zero base value.",
        ));
    }
    if items.iter().all(|i| i["weight"].as_i64().unwrap_or(0) == 0) && items.len() > 1 {
        return Err(invalid(
            "The specified capacity provider strategy must have at least one capacity provider with a weight greater \
             than zero.",
        ));
    }
    Ok(())
}

fn valid_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = input.str("clusterName").unwrap_or("default").to_owned();
    if !valid_name(&name) {
        return Err(invalid(
            "Invalid cluster name. Cluster names can contain up to 255 letters (uppercase and \
             lowercase), numbers, hyphens, and underscores.",
        ));
    }
    let providers = input.strings("capacityProviders");
    let strategy = input
        .value
        .get("defaultCapacityProviderStrategy")
        .cloned()
        .unwrap_or_else(|| json!([]));
    check_providers(&providers, &strategy)?;
    // The name of an active cluster gives that cluster, unchanged.
    if cx
        .place()
        .ecs
        .clusters
        .get(&name)
        .is_none_or(|c| c.status != "ACTIVE")
    {
        let held = &cx.place().ecs.clusters;
        let held = held.iter().filter(|(_, c)| c.status == "ACTIVE").count();
        if held as f64 >= quotas::limit(cx.world, cx.account_id(), &cx.region, "L-21C621EB") {
            return Err(client("The limit of clusters per account is reached."));
        }
        let insights = cx
            .place()
            .ecs
            .settings
            .get(&(String::new(), "containerInsights".into()))
            .cloned();
        let settings = match input
            .value
            .get("settings")
            .filter(|s| s.as_array().is_some_and(|s| !s.is_empty()))
        {
            Some(settings) => settings.clone(),
            None => {
                json!([{ "name": "containerInsights", "value": insights.unwrap_or_else(|| "disabled".into()) }])
            }
        };
        let cluster = Cluster {
            name: name.clone(),
            status: "ACTIVE".into(),
            tags: tags_of(input.value.get("tags")),
            settings,
            configuration: input
                .value
                .get("configuration")
                .cloned()
                .unwrap_or(Value::Null),
            service_connect: input
                .value
                .get("serviceConnectDefaults")
                .cloned()
                .unwrap_or(Value::Null),
            providers,
            strategy,
            created_by: cx.caller.arn.clone(),
            created: cx.unix_now(),
        };
        iam::ensure_service_linked_role(cx, "ecs.amazonaws.com")?;
        let fresh = cx.visible_at(&name);
        cx.place().ecs.clusters.put(name.clone(), cluster, fresh);
    }
    let all = ["SETTINGS", "TAGS", "CONFIGURATIONS", "STATISTICS"].map(str::to_owned);
    Ok(json!({ "cluster": render(cx, &name, &all) }))
}

/// A cluster as callers get it; `include` as in DescribeClusters.
fn render(cx: &mut Cx<'_>, name: &str, include: &[String]) -> Value {
    let scope = Scope::of(cx);
    let state = &cx.place().ecs;
    let Some(cluster) = state.clusters.get(name) else {
        return Value::Null;
    };
    let prefix = format!("{name}/");
    let alive = |key: &str| key.starts_with(&prefix);
    let tasks = |status: &[&str]| {
        state
            .tasks
            .iter()
            .filter(|(k, t)| alive(k) && status.contains(&t.last_status.as_str()))
            .count()
    };
    let services = state
        .services
        .iter()
        .filter(|(k, s)| alive(k) && s.status == "ACTIVE")
        .count();
    let has = |what: &str| include.iter().any(|i| i == what);
    let mut value = json!({
        "clusterArn": scope.arn(&format!("cluster/{name}")),
        "clusterName": name,
        "status": cluster.status,
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": tasks(&["RUNNING"]),
        "pendingTasksCount": tasks(&["PROVISIONING", "PENDING", "ACTIVATING"]),
        "activeServicesCount": services,
        "statistics": [],
        "tags": if has("TAGS") { tags_json(&cluster.tags) } else { json!([]) },
        "settings": if has("SETTINGS") { cluster.settings.clone() } else { json!([]) },
        "capacityProviders": cluster.providers,
        "defaultCapacityProviderStrategy": cluster.strategy,
    });
    if has("CONFIGURATIONS") && !cluster.configuration.is_null() {
        value["configuration"] = cluster.configuration.clone();
    }
    if !cluster.service_connect.is_null() {
        value["serviceConnectDefaults"] = cluster.service_connect.clone();
    }
    if has("STATISTICS") {
        let fargate = [
            ("runningFargateTasksCount", tasks(&["RUNNING"])),
            (
                "pendingFargateTasksCount",
                tasks(&["PROVISIONING", "PENDING", "ACTIVATING"]),
            ),
            ("activeFargateServiceCount", services),
        ];
        value["statistics"] = fargate
            .iter()
            .map(|(n, v)| json!({ "name": n, "value": v.to_string() }))
            .collect();
    }
    value
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let scope = Scope::of(cx);
    let asked = match input.strings("clusters") {
        empty if empty.is_empty() => vec!["default".to_owned()],
        given => given,
    };
    if asked.len() > 100 {
        return Err(invalid("Clusters cannot have more than 100 elements."));
    }
    let (mut clusters, mut failures) = (vec![], vec![]);
    let include = input.strings("include");
    for given in &asked {
        let now = cx.now();
        let foreign =
            super::arn_place(given).is_some_and(|(a, r)| a != cx.account_id() || r != cx.region);
        let name = name_of(Some(given));
        if !foreign && cx.place().ecs.clusters.seen(&name, now).is_some() {
            clusters.push(render(cx, &name, &include));
        } else {
            let arn = if given.starts_with("arn:") {
                given.clone()
            } else {
                scope.arn(&format!("cluster/{name}"))
            };
            failures.push(failure(arn, "MISSING"));
        }
    }
    Ok(json!({ "clusters": clusters, "failures": failures }))
}

pub(super) fn list(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let (scope, now) = (Scope::of(cx), cx.now());
    let arns: Vec<String> = cx
        .place()
        .ecs
        .clusters
        .seen_all(now)
        .filter(|(_, c)| c.status == "ACTIVE")
        .map(|(name, _)| scope.arn(&format!("cluster/{name}")))
        .collect();
    Ok(json!({ "clusterArns": arns }))
}

pub(super) fn update(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = active(cx, input.str("cluster"))?;
    let fresh = cx.visible_at(&name);
    let given = input.clone();
    cx.place().ecs.clusters.change(&name, fresh, |cluster| {
        for setting in given.list("settings") {
            let settings = cluster.settings.as_array_mut();
            let Some(settings) = settings else { continue };
            match settings.iter_mut().find(|s| s["name"] == setting["name"]) {
                Some(seat) => *seat = setting.clone(),
                None => settings.push(setting.clone()),
            }
        }
        if given.has("configuration") {
            cluster.configuration = given.value["configuration"].clone();
        }
        if given.has("serviceConnectDefaults") {
            cluster.service_connect = given.value["serviceConnectDefaults"].clone();
        }
    });
    let all = ["SETTINGS", "TAGS", "CONFIGURATIONS"].map(str::to_owned);
    Ok(json!({ "cluster": render(cx, &name, &all) }))
}

pub(super) fn put_capacity_providers(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = active(cx, input.str("cluster"))?;
    let providers = input.strings("capacityProviders");
    let strategy = input
        .value
        .get("defaultCapacityProviderStrategy")
        .cloned()
        .unwrap_or_else(|| json!([]));
    check_providers(&providers, &strategy)?;
    let prefix = format!("{name}/");
    let used = cx.place().ecs.services.iter().any(|(key, service)| {
        key.starts_with(&prefix)
            && service.status == "ACTIVE"
            && super::rows(&service.given, "capacityProviderStrategy")
                .iter()
                .any(|item| {
                    !providers
                        .iter()
                        .any(|p| p == super::text(item, "capacityProvider"))
                })
    });
    if used {
        return Err(AwsError::new(
            "ResourceInUseException",
            "The specified capacity provider is in use and cannot be removed.",
        ));
    }
    let fresh = cx.visible_at(&name);
    cx.place().ecs.clusters.change(&name, fresh, |cluster| {
        cluster.providers = providers;
        cluster.strategy = strategy;
    });
    Ok(json!({ "cluster": render(cx, &name, &["SETTINGS".into(), "TAGS".into()]) }))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = name_of(input.str("cluster"));
    let prefix = format!("{name}/");
    let state = &cx.place().ecs;
    let Some(cluster) = state.clusters.get(&name) else {
        return Err(AwsError::new(
            "ClusterNotFoundException",
            "Cluster not found.",
        ));
    };
    if cluster.status == "ACTIVE" {
        // A service that still drains counts.
        if state
            .services
            .iter()
            .any(|(k, s)| k.starts_with(&prefix) && s.status != "INACTIVE")
        {
            return Err(AwsError::new(
                "ClusterContainsServicesException",
                "The Cluster cannot be deleted while Services are active.",
            ));
        }
        if state
            .tasks
            .iter()
            .any(|(k, t)| k.starts_with(&prefix) && t.last_status != "STOPPED")
        {
            return Err(AwsError::new(
                "ClusterContainsTasksException",
                "The Cluster cannot be deleted while Tasks are active.",
            ));
        }
        let fresh = cx.visible_at(&name);
        cx.place()
            .ecs
            .clusters
            .change(&name, fresh, |c| c.status = "INACTIVE".into());
    }
    Ok(json!({ "cluster": render(cx, &name, &["SETTINGS".into(), "TAGS".into()]) }))
}

pub(super) fn describe_capacity_providers(
    cx: &mut Cx<'_>,
    input: &Input,
) -> Result<Value, AwsError> {
    let scope = Scope::of(cx);
    let asked = input.strings("capacityProviders");
    if includes(input, "TAGS") && asked.iter().any(|a| a.is_empty()) {
        return Err(client("Capacity provider name must not be empty."));
    }
    let known: Vec<Value> = FARGATE
        .iter()
        .filter(|name| asked.is_empty() || asked.iter().any(|a| last(a) == **name))
        .map(|name| {
            json!({
                "capacityProviderArn": scope.arn(&format!("capacity-provider/{name}")),
                "name": name,
                "status": "ACTIVE",
                "type": name,
                "tags": [],
            })
        })
        .collect();
    let failures: Vec<Value> = asked
        .iter()
        .filter(|a| !FARGATE.contains(&last(a)))
        .map(|a| {
            failure(
                scope.arn(&format!("capacity-provider/{}", last(a))),
                "MISSING",
            )
        })
        .collect();
    Ok(json!({ "capacityProviders": known, "failures": failures }))
}
