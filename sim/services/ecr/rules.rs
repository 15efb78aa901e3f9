//! What a registry is told once: its policy, its scanning, its settings, where it caches from, and how it makes
//! repositories by itself.

use super::invalid;
use super::repositories::{self, Wish};
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};

fn no_registry_policy(cx: &Cx<'_>) -> AwsError {
    let message = format!(
        "Registry policy does not exist in the registry with id '{}'",
        cx.account_id()
    );
    AwsError::new("RegistryPolicyNotFoundException", message)
}

fn policy_json(cx: &Cx<'_>, text: &str) -> Value {
    json!({"registryId": cx.account_id(), "policyText": text})
}

pub(super) fn put_registry_policy(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let text = input.str("policyText").unwrap_or_default().to_owned();
    let policy: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if policy["Statement"].is_null() {
        return Err(invalid(
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided'",
        ));
    }
    cx.place().ecr.policy = Some(text.clone());
    Ok(policy_json(cx, &text))
}

pub(super) fn get_registry_policy(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let text = cx
        .place()
        .ecr
        .policy
        .clone()
        .ok_or_else(|| no_registry_policy(cx))?;
    Ok(policy_json(cx, &text))
}

pub(super) fn delete_registry_policy(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let text = cx
        .place()
        .ecr
        .policy
        .take()
        .ok_or_else(|| no_registry_policy(cx))?;
    Ok(policy_json(cx, &text))
}

pub(super) fn put_scanning(cx: &mut Cx<'_>, input: &Input) -> Value {
    let config = json!({
        "scanType": input.str("scanType").unwrap_or("BASIC"),
        "rules": input.list("rules"),
    });
    cx.place().ecr.scanning = Some(config.clone());
    json!({"registryScanningConfiguration": config})
}

pub(super) fn get_scanning(cx: &mut Cx<'_>) -> Value {
    let registry = cx.account_id().to_owned();
    let config = cx
        .place()
        .ecr
        .scanning
        .clone()
        .unwrap_or_else(|| json!({"scanType": "BASIC", "rules": []}));
    json!({"registryId": registry, "scanningConfiguration": config})
}

/// The settings that there are, each with its values; the first is the default.
const SETTINGS: [(&str, &[&str]); 3] = [
    ("BASIC_SCAN_TYPE_VERSION", &["AWS_NATIVE", "CLAIR"]),
    ("REGISTRY_POLICY_SCOPE", &["V2", "V1"]),
    (BLOB_MOUNTING, &["DISABLED", "ENABLED"]),
];

/// Whether a push may mount layers from another repository of the registry.
pub(super) const BLOB_MOUNTING: &str = "BLOB_MOUNTING";

fn setting(name: &str) -> Result<&'static (&'static str, &'static [&'static str]), AwsError> {
    let found = SETTINGS.iter().find(|(n, _)| *n == name);
    found.ok_or_else(|| {
        AwsError::new(
            "ValidationException",
            format!("Invalid account setting name '{name}'"),
        )
    })
}

pub(super) fn get_setting(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (name, values) = setting(input.str("name").unwrap_or_default())?;
    let value = cx
        .place()
        .ecr
        .settings
        .get(*name)
        .cloned()
        .unwrap_or_else(|| values[0].to_owned());
    Ok(json!({"name": name, "value": value}))
}

pub(super) fn put_setting(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (name, values) = setting(input.str("name").unwrap_or_default())?;
    let value = input.str("value").unwrap_or_default();
    if !values.contains(&value) {
        return Err(AwsError::new(
            "ValidationException",
            format!("Invalid value '{value}' for account setting '{name}'"),
        ));
    }
    cx.place()
        .ecr
        .settings
        .insert((*name).to_owned(), value.to_owned());
    Ok(json!({"name": name, "value": value}))
}

pub(super) fn is_on(world: &World, registry: &str, region: &str, name: &str) -> bool {
    world
        .seen_place(registry, region)
        .is_some_and(|p| p.ecr.settings.get(name).is_some_and(|v| v == "ENABLED"))
}

// ------------------------------------------------------------------------------------------- pull-through caches

fn no_rule(cx: &Cx<'_>, prefix: &str) -> AwsError {
    let message = format!(
        "The pull through cache rule with prefix '{prefix}' does not exist in the registry with id '{}'",
        cx.account_id()
    );
    AwsError::new("PullThroughCacheRuleNotFoundException", message)
}

fn rule(cx: &mut Cx<'_>, input: &Input) -> Result<(String, Value), AwsError> {
    let prefix = input
        .str("ecrRepositoryPrefix")
        .unwrap_or_default()
        .to_owned();
    let found = cx.place().ecr.cache_rules.get(&prefix).cloned();
    found
        .map(|r| (prefix.clone(), r))
        .ok_or_else(|| no_rule(cx, &prefix))
}

/// The members of a rule that an answer has.
fn pick(rule: &Value, members: &[&str]) -> Value {
    let rows = rule.as_object().into_iter().flatten();
    Value::Object(
        rows.filter(|(k, v)| members.contains(&k.as_str()) && !v.is_null())
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
    )
}

pub(super) fn create_cache_rule(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let prefix = input
        .str("ecrRepositoryPrefix")
        .unwrap_or_default()
        .to_owned();
    let url = input.str("upstreamRegistryUrl").unwrap_or_default();
    let known = [
        ("public.ecr.aws", "ecr-public", false),
        ("quay.io", "quay", false),
        ("registry.k8s.io", "k8s", false),
        ("registry-1.docker.io", "docker-hub", true),
        ("ghcr.io", "github-container-registry", true),
        ("registry.gitlab.com", "gitlab-container-registry", true),
        ("cgr.dev", "chainguard", true),
    ];
    let (upstream, secret) = match known.iter().find(|(host, ..)| *host == url) {
        Some((_, name, secret)) => (*name, *secret),
        None if url.ends_with(".azurecr.io") => ("azure-container-registry", true),
        None if url.contains(".dkr.ecr.") => ("ecr", false),
        None => {
            let message = format!("The specified upstream registry isn't supported: {url}");
            return Err(AwsError::new(
                "UnsupportedUpstreamRegistryException",
                message,
            ));
        }
    };
    if secret && input.str("credentialArn").is_none() {
        return Err(invalid(
            "Invalid parameter at 'credentialArn': the upstream registry needs credentials",
        ));
    }
    if input
        .str("credentialArn")
        .is_some_and(|arn| !arn.contains(":secret:ecr-pullthroughcache/"))
    {
        return Err(invalid(
            "Invalid parameter at 'credentialArn': the secret's name must begin with 'ecr-pullthroughcache/'",
        ));
    }
    let (now, at, registry) = (cx.now(), cx.unix_now(), cx.account_id().to_owned());
    let rules = &mut cx.place().ecr.cache_rules;
    if rules.contains(&prefix) {
        let message = format!(
            "The pull through cache rule with prefix '{prefix}' already exists in the registry with id '{registry}'"
        );
        return Err(AwsError::new(
            "PullThroughCacheRuleAlreadyExistsException",
            message,
        ));
    }
    if rules.len() >= 50 {
        return Err(AwsError::new(
            "LimitExceededException",
            "A registry has at most 50 pull through cache rules",
        ));
    }
    let rule = json!({
        "ecrRepositoryPrefix": prefix,
        "upstreamRegistryUrl": url,
        "upstreamRegistry": upstream,
        "createdAt": at,
        "updatedAt": at,
        "registryId": registry,
        "credentialArn": input.value["credentialArn"],
        "customRoleArn": input.value["customRoleArn"],
        "upstreamRepositoryPrefix": input.str("upstreamRepositoryPrefix").unwrap_or("ROOT"),
    });
    rules.put(prefix, rule.clone(), now);
    let members = [
        "ecrRepositoryPrefix",
        "upstreamRegistryUrl",
        "createdAt",
        "registryId",
        "upstreamRegistry",
        "credentialArn",
        "customRoleArn",
        "upstreamRepositoryPrefix",
    ];
    Ok(pick(&rule, &members))
}

pub(super) fn describe_cache_rules(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let prefixes = input.strings("ecrRepositoryPrefixes");
    let mut rows = Vec::new();
    for prefix in &prefixes {
        let found = cx.place().ecr.cache_rules.get(prefix).cloned();
        rows.push(found.ok_or_else(|| no_rule(cx, prefix))?);
    }
    if prefixes.is_empty() {
        rows.extend(cx.place().ecr.cache_rules.iter().map(|(_, r)| r.clone()));
    }
    let members = [
        "ecrRepositoryPrefix",
        "upstreamRegistryUrl",
        "createdAt",
        "registryId",
        "credentialArn",
        "customRoleArn",
        "upstreamRepositoryPrefix",
        "upstreamRegistry",
        "updatedAt",
    ];
    let rows: Vec<Value> = rows.iter().map(|r| pick(r, &members)).collect();
    Ok(json!({"pullThroughCacheRules": rows}))
}

pub(super) fn update_cache_rule(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (prefix, mut rule) = rule(cx, input)?;
    for member in ["credentialArn", "customRoleArn"] {
        if let Some(text) = input.str(member) {
            rule[member] = json!(text);
        }
    }
    let (now, at) = (cx.now(), cx.unix_now());
    rule["updatedAt"] = json!(at);
    cx.place().ecr.cache_rules.put(prefix, rule.clone(), now);
    let members = [
        "ecrRepositoryPrefix",
        "registryId",
        "updatedAt",
        "credentialArn",
        "customRoleArn",
        "upstreamRepositoryPrefix",
    ];
    Ok(pick(&rule, &members))
}

pub(super) fn delete_cache_rule(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (prefix, rule) = rule(cx, input)?;
    let now = cx.now();
    cx.place().ecr.cache_rules.remove(&prefix, now);
    let members = [
        "ecrRepositoryPrefix",
        "upstreamRegistryUrl",
        "createdAt",
        "registryId",
        "credentialArn",
        "customRoleArn",
        "upstreamRepositoryPrefix",
    ];
    Ok(pick(&rule, &members))
}

pub(super) fn validate_cache_rule(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (_, rule) = rule(cx, input)?;
    let members = [
        "ecrRepositoryPrefix",
        "registryId",
        "upstreamRegistryUrl",
        "credentialArn",
        "customRoleArn",
        "upstreamRepositoryPrefix",
    ];
    let mut out = pick(&rule, &members);
    out["isValid"] = json!(true);
    Ok(out)
}

// ------------------------------------------------------------------------------------------- creation templates

const TEMPLATE: [&str; 10] = [
    "prefix",
    "description",
    "encryptionConfiguration",
    "resourceTags",
    "imageTagMutability",
    "imageTagMutabilityExclusionFilters",
    "repositoryPolicy",
    "lifecyclePolicy",
    "appliedFor",
    "customRoleArn",
];

fn template(cx: &mut Cx<'_>, input: &Input) -> Result<(String, Value), AwsError> {
    let prefix = input.str("prefix").unwrap_or_default().to_owned();
    let found = cx.place().ecr.templates.get(&prefix).cloned();
    found.map(|t| (prefix.clone(), t)).ok_or_else(|| {
        let message = format!(
            "The repository creation template with prefix '{prefix}' does not exist in the registry with id '{}'",
            cx.account_id()
        );
        AwsError::new("TemplateNotFoundException", message)
    })
}

fn template_json(cx: &Cx<'_>, template: &Value) -> Value {
    json!({"registryId": cx.account_id(), "repositoryCreationTemplate": template})
}

pub(super) fn create_template(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let prefix = input.str("prefix").unwrap_or_default().to_owned();
    let (now, at) = (cx.now(), cx.unix_now());
    if cx.place().ecr.templates.contains(&prefix) {
        let message = format!(
            "The repository creation template with prefix '{prefix}' already exists in the registry with id '{}'",
            cx.account_id()
        );
        return Err(AwsError::new("TemplateAlreadyExistsException", message));
    }
    repositories::read_tags(input.list("resourceTags"))?;
    let mut template = pick(&input.value, &TEMPLATE);
    if template["imageTagMutability"].is_null() {
        template["imageTagMutability"] = json!("MUTABLE");
    }
    if template["encryptionConfiguration"].is_null() {
        template["encryptionConfiguration"] = json!({"encryptionType": "AES256"});
    }
    template["createdAt"] = json!(at);
    template["updatedAt"] = json!(at);
    cx.place().ecr.templates.put(prefix, template.clone(), now);
    Ok(template_json(cx, &template))
}

pub(super) fn describe_templates(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let prefixes = input.strings("prefixes");
    let registry = cx.account_id().to_owned();
    let all = cx.place().ecr.templates.iter();
    let rows: Vec<Value> = all
        .filter(|(p, _)| prefixes.is_empty() || prefixes.iter().any(|x| x == p))
        .map(|(_, t)| t.clone())
        .collect();
    Ok(json!({"registryId": registry, "repositoryCreationTemplates": rows}))
}

pub(super) fn update_template(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (prefix, mut template) = template(cx, input)?;
    if let (Some(old), Some(new)) = (
        template.as_object_mut(),
        pick(&input.value, &TEMPLATE).as_object(),
    ) {
        old.extend(new.clone());
    }
    let (now, at) = (cx.now(), cx.unix_now());
    template["updatedAt"] = json!(at);
    cx.place().ecr.templates.put(prefix, template.clone(), now);
    Ok(template_json(cx, &template))
}

pub(super) fn delete_template(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (prefix, template) = template(cx, input)?;
    let now = cx.now();
    cx.place().ecr.templates.remove(&prefix, now);
    Ok(template_json(cx, &template))
}

/// What a repository made by the registry itself is to be. `ROOT` is the template of every other prefix.
pub(super) fn template_for(
    world: &mut World,
    registry: &str,
    region: &str,
    name: &str,
    purpose: &str,
) -> Wish {
    let templates = &world.place(registry, region).ecr.templates;
    let found = templates
        .iter()
        .filter(|(prefix, t)| {
            let inside = *prefix == "ROOT"
                || name
                    .strip_prefix(*prefix)
                    .is_some_and(|rest| rest.starts_with('/'));
            let serves = t["appliedFor"]
                .as_array()
                .is_some_and(|a| a.iter().any(|p| p == purpose));
            inside && serves
        })
        .max_by_key(|(prefix, _)| if *prefix == "ROOT" { 0 } else { prefix.len() })
        .map(|(_, t)| t.clone())
        .unwrap_or(Value::Null);
    let text = |member: &str| {
        found[member]
            .as_str()
            .filter(|t| !t.is_empty())
            .map(str::to_owned)
    };
    let filters = found["imageTagMutabilityExclusionFilters"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    Wish {
        mutability: text("imageTagMutability").unwrap_or_else(|| "MUTABLE".into()),
        exclusions: filters
            .iter()
            .filter_map(|f| f["filter"].as_str())
            .map(str::to_owned)
            .collect(),
        scan_on_push: false,
        encryption: found
            .get("encryptionConfiguration")
            .filter(|e| e.is_object())
            .cloned(),
        tags: repositories::read_tags(
            found["resourceTags"]
                .as_array()
                .map_or(&[][..], Vec::as_slice),
        )
        .unwrap_or_default(),
        policy: text("repositoryPolicy"),
        lifecycle: text("lifecyclePolicy"),
    }
}

/// Whether a push may make a repository of that name.
pub(super) fn makes_on_push(world: &World, registry: &str, region: &str, name: &str) -> bool {
    let Some(place) = world.seen_place(registry, region) else {
        return false;
    };
    place.ecr.templates.iter().any(|(prefix, t)| {
        let inside = prefix == "ROOT"
            || name
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with('/'));
        inside
            && t["appliedFor"]
                .as_array()
                .is_some_and(|a| a.iter().any(|p| p == "CREATE_ON_PUSH"))
    })
}
