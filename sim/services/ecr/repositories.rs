//! Repositories: their life, settings, tags and policies.

use super::{
    Repository, about, change, images, invalid, named, no_repository, registry_of, rules, seen,
};
use crate::error::AwsError;
use crate::services::{kms, quotas};
use crate::world::{Cx, Input, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const TAGS: usize = 50;

pub(super) fn json_of(repository: &Repository, registry: &str) -> Value {
    let mut out = json!({
        "repositoryArn": repository.arn,
        "registryId": registry,
        "repositoryName": repository.name,
        "repositoryUri": repository.uri,
        "createdAt": repository.created,
        "imageTagMutability": repository.mutability,
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": repository.encryption,
    });
    if !repository.exclusions.is_empty() {
        out["imageTagMutabilityExclusionFilters"] = exclusions_json(&repository.exclusions);
    }
    out
}

fn exclusions_json(exclusions: &[String]) -> Value {
    exclusions
        .iter()
        .map(|filter| json!({"filterType": "WILDCARD", "filter": filter}))
        .collect()
}

/// Names are made of lower-case parts between slashes.
pub(super) fn check_name(name: &str) -> Result<(), AwsError> {
    let part = |part: &str| {
        let bytes = part.as_bytes();
        let edge = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let inner = |b: &u8| edge(b) || matches!(b, b'.' | b'_' | b'-');
        bytes.first().is_some_and(edge) && bytes.last().is_some_and(edge) && bytes.iter().all(inner)
    };
    if (2..=256).contains(&name.len()) && name.split('/').all(part) {
        return Ok(());
    }
    Err(invalid(
        "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression \
         '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*''",
    ))
}

/// Whether a repository's or a registry's policy lets another account do something.
pub(super) fn lets(policy: Option<&str>, account: &str, action: &str) -> bool {
    let Some(policy) = policy.and_then(|p| serde_json::from_str::<Value>(p).ok()) else {
        return false;
    };
    let list = |value: &Value| match value {
        Value::Array(rows) => rows
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Value::String(one) => vec![one.clone()],
        _ => Vec::<String>::new(),
    };
    let statements = match &policy["Statement"] {
        Value::Array(rows) => rows.clone(),
        one => vec![one.clone()],
    };
    let root = format!("arn:aws:iam::{account}:");
    let mut allowed = false;
    for statement in statements {
        let mut principals = list(&statement["Principal"]);
        principals.extend(list(&statement["Principal"]["AWS"]));
        let named = principals
            .iter()
            .any(|p| p == "*" || p == account || p.starts_with(&root));
        let acts = list(&statement["Action"])
            .iter()
            .any(|a| super::wildcard(&a.to_ascii_lowercase(), &action.to_ascii_lowercase()));
        if named && acts {
            if statement["Effect"] == json!("Deny") {
                return false;
            }
            allowed = true;
        }
    }
    allowed
}

fn check_policy(text: &str) -> Result<(), AwsError> {
    let policy: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let statements = policy["Statement"]
        .as_array()
        .is_some_and(|s| !s.is_empty())
        || policy["Statement"].is_object();
    if policy.is_object() && statements {
        return Ok(());
    }
    Err(invalid(
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
    ))
}

pub(super) fn read_tags(tags: &[Value]) -> Result<Vec<(String, String)>, AwsError> {
    let mut out: Vec<(String, String)> = Vec::new();
    for tag in tags {
        let text = |member: &str| tag[member].as_str().unwrap_or_default().to_owned();
        let key = text("Key");
        if key.is_empty() || key.len() > 128 || key.to_ascii_lowercase().starts_with("aws:") {
            let message = format!("Invalid tag key '{key}'");
            return Err(AwsError::new("InvalidTagParameterException", message));
        }
        if out.iter().any(|(k, _)| *k == key) {
            return Err(AwsError::new(
                "InvalidTagParameterException",
                format!("Duplicate tag key '{key}'"),
            ));
        }
        out.push((key, text("Value")));
    }
    if out.len() > TAGS {
        return Err(too_many_tags());
    }
    Ok(out)
}

fn too_many_tags() -> AwsError {
    AwsError::new(
        "TooManyTagsException",
        format!("A repository can have at most {TAGS} tags"),
    )
}

/// What a new repository is to be.
pub(super) struct Wish {
    pub mutability: String,
    pub exclusions: Vec<String>,
    pub scan_on_push: bool,
    pub encryption: Option<Value>,
    pub tags: Vec<(String, String)>,
    pub policy: Option<String>,
    pub lifecycle: Option<String>,
}

fn exclusions_of(value: &Value, mutability: &str) -> Result<Vec<String>, AwsError> {
    let rows = value.as_array().map_or(&[][..], Vec::as_slice);
    let filters: Vec<String> = rows
        .iter()
        .filter_map(|f| f["filter"].as_str())
        .map(str::to_owned)
        .collect();
    let wanted = mutability.ends_with("_WITH_EXCLUSION");
    if wanted == filters.is_empty() {
        return Err(invalid(
            "Invalid parameter at 'imageTagMutabilityExclusionFilters': filters belong to a mutability with exclusion, and \
             only to one",
        ));
    }
    if filters.len() > 5 {
        return Err(invalid(
            "Invalid parameter at 'imageTagMutabilityExclusionFilters': at most 5 filters",
        ));
    }
    Ok(filters)
}

pub(super) fn create(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let registry = registry_of(cx, input);
    if registry != cx.account_id() {
        return Err(invalid(
            "Invalid parameter at 'registryId': repositories are created in the caller's own registry",
        ));
    }
    let name = input.str("repositoryName").unwrap_or_default().to_owned();
    let mutability = input
        .str("imageTagMutability")
        .unwrap_or("MUTABLE")
        .to_owned();
    let wish = Wish {
        exclusions: exclusions_of(
            &input.value["imageTagMutabilityExclusionFilters"],
            &mutability,
        )?,
        mutability,
        scan_on_push: input.value["imageScanningConfiguration"]["scanOnPush"]
            .as_bool()
            .unwrap_or(false),
        encryption: input
            .value
            .get("encryptionConfiguration")
            .filter(|v| v.is_object())
            .cloned(),
        tags: read_tags(input.list("tags"))?,
        policy: None,
        lifecycle: None,
    };
    let region = cx.region.clone();
    let visible = cx.visible_at(&name);
    let made = make(cx.world, &registry, &region, &name, wish, visible)?;
    Ok(json!({"repository": json_of(&made, &registry)}))
}

/// Makes a repository, for a caller or for what creates repositories by itself.
pub(super) fn make(
    world: &mut World,
    registry: &str,
    region: &str,
    name: &str,
    wish: Wish,
    visible: u64,
) -> Result<Repository, AwsError> {
    check_name(name)?;
    if world
        .place(registry, region)
        .ecr
        .repositories
        .contains(name)
    {
        let message = format!(
            "The repository with name '{name}' already exists in the registry with id '{registry}'"
        );
        return Err(AwsError::new("RepositoryAlreadyExistsException", message));
    }
    let held = world.place(registry, region).ecr.repositories.len();
    let most = quotas::limit(world, registry, region, "L-CFEB8E8D");
    if held as f64 >= most {
        let message = format!("The operation would exceed the limit of {most} repositories");
        return Err(AwsError::new("LimitExceededException", message));
    }
    let mut encryption = wish
        .encryption
        .unwrap_or_else(|| json!({"encryptionType": "AES256"}));
    if encryption["encryptionType"] != json!("AES256") {
        let key = match encryption["kmsKey"].as_str() {
            Some(key) => kms::usable(world, registry, region, key).map_err(|error| {
                let message = format!("Failed to use the KMS key '{key}': {}", error.message);
                AwsError::new("KmsException", message).field("kmsError", error.code)
            })?,
            None => kms::aws_managed(world, registry, region, "ecr"),
        };
        encryption["kmsKey"] = json!(key);
    } else if encryption["kmsKey"].is_string() {
        return Err(invalid(
            "Invalid parameter at 'encryptionConfiguration': a key belongs to encryptionType KMS",
        ));
    }
    let repository = Repository {
        name: name.to_owned(),
        arn: format!("arn:aws:ecr:{region}:{registry}:repository/{name}"),
        uri: format!("{registry}.dkr.ecr.{region}.amazonaws.com/{name}"),
        created: world.unix(world.now()),
        mutability: wish.mutability,
        exclusions: wish.exclusions,
        scan_on_push: wish.scan_on_push,
        encryption,
        tags: wish.tags,
        policy: wish.policy,
        lifecycle: None,
        preview: None,
        images: BTreeMap::new(),
        tagged: BTreeMap::new(),
    };
    world
        .place(registry, region)
        .ecr
        .repositories
        .put(name, repository.clone(), visible);
    if let Some(text) = wish.lifecycle {
        super::lifecycle::attach(world, registry, region, name, text, visible);
    }
    Ok(repository)
}

/// The repository that replication or a push makes, after the template with the longest matching prefix.
pub(super) fn make_by_template(
    world: &mut World,
    registry: &str,
    region: &str,
    name: &str,
    purpose: &str,
) -> Result<Repository, AwsError> {
    let wish = rules::template_for(world, registry, region, name, purpose);
    let now = world.now();
    make(world, registry, region, name, wish, now)
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let registry = registry_of(cx, input);
    let names = input.strings("repositoryNames");
    let now = cx.now();
    let state = cx.world.seen_place(&registry, &cx.region).map(|p| &p.ecr);
    let mut rows = Vec::new();
    if names.is_empty() {
        if registry == cx.account_id() {
            let all = state.into_iter().flat_map(|s| s.repositories.seen_all(now));
            rows.extend(all.map(|(_, r)| json_of(r, &registry)));
        }
    } else {
        for name in &names {
            let found = state.and_then(|s| s.repositories.seen(name, now));
            let found = found.ok_or_else(|| no_repository(name, &registry))?;
            super::admit(cx, &registry, found)?;
            rows.push(json_of(found, &registry));
        }
    }
    Ok(object! {"repositories": rows})
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let registry = registry_of(cx, input);
    let repository = named(cx, input)?.clone();
    if !repository.images.is_empty() && input.bool("force") != Some(true) {
        let message = format!(
            "The repository with name '{}' in registry with id '{registry}' cannot be deleted because it still contains images",
            repository.name
        );
        return Err(AwsError::new("RepositoryNotEmptyException", message));
    }
    let visible = cx.visible_at(&repository.name);
    let region = cx.region.clone();
    let state = &mut cx.world.place(&registry, &region).ecr;
    state.repositories.remove(&repository.name, visible);
    state.layers.remove(&repository.name);
    images::drop_unused_blobs(state);
    let name = repository.name.clone();
    cx.world.unschedule(|e| {
        e.service == crate::services::ServiceId::Ecr
            && e.account == registry
            && e.region == region
            && e.id == name
            && e.what != "replicate"
    });
    Ok(json!({"repository": json_of(&repository, &registry)}))
}

pub(super) fn put_mutability(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, name) = (registry_of(cx, input), named(cx, input)?.name.clone());
    let mutability = input
        .str("imageTagMutability")
        .unwrap_or_default()
        .to_owned();
    let exclusions = exclusions_of(
        &input.value["imageTagMutabilityExclusionFilters"],
        &mutability,
    )?;
    let mut out = about(&registry, &name);
    out["imageTagMutability"] = json!(mutability);
    if !exclusions.is_empty() {
        out["imageTagMutabilityExclusionFilters"] = exclusions_json(&exclusions);
    }
    change(cx, &registry, &name, |r| {
        r.mutability = mutability;
        r.exclusions = exclusions;
    });
    Ok(out)
}

pub(super) fn put_scanning(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, name) = (registry_of(cx, input), named(cx, input)?.name.clone());
    let on_push = input.value["imageScanningConfiguration"]["scanOnPush"]
        .as_bool()
        .unwrap_or(false);
    change(cx, &registry, &name, |r| r.scan_on_push = on_push);
    let mut out = about(&registry, &name);
    out["imageScanningConfiguration"] = json!({"scanOnPush": on_push});
    Ok(out)
}

pub(super) fn scanning_of_many(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let repositories = &cx.place().ecr.repositories;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in input.strings("repositoryNames") {
        match repositories.seen(&name, now) {
            Some(r) => found.push(json!({
                "repositoryArn": r.arn,
                "repositoryName": name,
                "scanOnPush": r.scan_on_push,
                "scanFrequency": if r.scan_on_push { "SCAN_ON_PUSH" } else { "MANUAL" },
                "appliedScanFilters": [],
            })),
            None => failures.push(json!({
                "repositoryName": name,
                "failureCode": "REPOSITORY_NOT_FOUND",
                "failureReason": "The repository does not exist",
            })),
        }
    }
    Ok(json!({"scanningConfigurations": found, "failures": failures}))
}

pub(super) fn set_policy(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, name) = (registry_of(cx, input), named(cx, input)?.name.clone());
    let text = input.str("policyText").unwrap_or_default().to_owned();
    check_policy(&text)?;
    let mut out = about(&registry, &name);
    out["policyText"] = json!(text);
    change(cx, &registry, &name, |r| r.policy = Some(text));
    Ok(out)
}

fn no_policy(registry: &str, name: &str) -> AwsError {
    let message = format!(
        "Repository policy does not exist for the repository with name '{name}' in the registry with id '{registry}'"
    );
    AwsError::new("RepositoryPolicyNotFoundException", message)
}

pub(super) fn get_policy(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, repository) = (registry_of(cx, input), seen(cx, input)?);
    let text = repository
        .policy
        .as_ref()
        .ok_or_else(|| no_policy(&registry, &repository.name))?;
    let mut out = about(&registry, &repository.name);
    out["policyText"] = json!(text);
    Ok(out)
}

pub(super) fn delete_policy(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (registry, repository) = (registry_of(cx, input), named(cx, input)?.clone());
    let text = repository
        .policy
        .ok_or_else(|| no_policy(&registry, &repository.name))?;
    change(cx, &registry, &repository.name, |r| r.policy = None);
    let mut out = about(&registry, &repository.name);
    out["policyText"] = json!(text);
    Ok(out)
}

/// The repository of an ARN, in the caller's registry.
fn by_arn(cx: &mut Cx<'_>, input: &Input) -> Result<Repository, AwsError> {
    let arn = input.str("resourceArn").unwrap_or_default().to_owned();
    let ours = cx.arn("ecr", "repository/");
    let Some(name) = arn.strip_prefix(&ours) else {
        return Err(invalid(format!(
            "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN' ({arn})"
        )));
    };
    let registry = cx.account_id().to_owned();
    cx.place()
        .ecr
        .repositories
        .get(name)
        .cloned()
        .ok_or_else(|| no_repository(name, &registry))
}

pub(super) fn tag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let repository = by_arn(cx, input)?;
    let new = read_tags(input.list("tags"))?;
    let mut tags = repository.tags;
    tags.retain(|(key, _)| !new.iter().any(|(k, _)| k == key));
    tags.extend(new);
    if tags.len() > TAGS {
        return Err(too_many_tags());
    }
    let registry = cx.account_id().to_owned();
    change(cx, &registry, &repository.name, |r| r.tags = tags);
    Ok(json!({}))
}

pub(super) fn untag(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let repository = by_arn(cx, input)?;
    let keys = input.strings("tagKeys");
    let registry = cx.account_id().to_owned();
    change(cx, &registry, &repository.name, |r| {
        r.tags.retain(|(key, _)| !keys.contains(key))
    });
    Ok(json!({}))
}

pub(super) fn list_tags(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = by_arn(cx, input)?.name;
    let now = cx.now();
    let seen = cx.place().ecr.repositories.seen(&name, now);
    let tags: Vec<Value> = seen
        .into_iter()
        .flat_map(|r| &r.tags)
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    Ok(json!({"tags": tags}))
}
