//! SSM parameters: those that the manifest names, and those that its tasks read. No value is kept, and a SecureString's is
//! not even asked for.

use std::collections::BTreeSet;

use super::compute::Compute;
use super::{Discovery, failed, missing, own};
use crate::capture::{Parameter, Unhandled};
use crate::failure::Failure;

impl Discovery<'_> {
    /// The parameters that the manifest names, and those that tasks read and it does not name.
    pub(super) async fn parameters(
        &self,
        compute: &Compute,
    ) -> Result<(Vec<Parameter>, Vec<Unhandled>), Failure> {
        let (cloud, region) = (self.cloud, &self.named.region);
        let mut parameters: Vec<Parameter> = Vec::new();
        for name in &self.named.parameters {
            let found = cloud
                .parameter(region, name, self.look)
                .await
                .map_err(failed)?;
            let Some(p) = found.as_ref() else {
                return Err(missing("parameter", name, region));
            };
            let kms_key = match &p.key {
                Some(key) => Some(self.key_arn(key).await?),
                None => None,
            };
            let names_source_region = p.kind != "SecureString"
                && cloud
                    .plain_parameter_contains(region, name, region)
                    .await
                    .map_err(failed)?;
            parameters.push(Parameter {
                name: name.clone(),
                arn: p.arn.clone(),
                kind: p.kind.clone(),
                tier: p.tier.clone(),
                kms_key,
                version: p.version,
                data_type: p.data_type.clone(),
                description: p.description.clone(),
                allowed_pattern: p.allowed_pattern.clone(),
                has_policies: p.policies > 0,
                names_source_region,
                tags: own(&p.tags),
            });
        }
        let mut unlisted = Vec::new();
        for (name, reader) in self.read_by_tasks(compute) {
            let bare = name.trim_start_matches('/');
            if !parameters
                .iter()
                .any(|p| p.name.trim_start_matches('/') == bare)
            {
                unlisted.push(Unhandled {
                    what: format!("ssm/{bare}"),
                    arn: None,
                    why: format!(
                        "task definition {reader} reads it; name it under `parameters:` to move it"
                    ),
                });
            }
        }
        Ok((parameters, unlisted))
    }

    /// A parameter says its key as it was given: an alias, an id or an ARN.
    async fn key_arn(&self, key: &str) -> Result<String, Failure> {
        let found = self
            .cloud
            .key(&self.named.region, key, self.look)
            .await
            .map_err(failed)?;
        match found.as_ref() {
            Some(key) => Ok(key.arn.clone()),
            None => Err(missing("key", key, &self.named.region)),
        }
    }

    /// Names of parameters, each with the family of a task definition that reads it.
    fn read_by_tasks(&self, compute: &Compute) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        for definition in &compute.task_definitions {
            for value in definition
                .container_definitions
                .iter()
                .filter_map(|c| c["secrets"].as_array())
                .flatten()
                .filter_map(|s| s["valueFrom"].as_str())
            {
                found.extend(
                    parameter_name(value, &self.named.region)
                        .map(|name| (name, definition.family.clone())),
                );
            }
        }
        let mut seen = BTreeSet::new();
        found.retain(|(name, _)| seen.insert(name.clone()));
        found
    }
}

/// The parameter that a `valueFrom` names: by ARN in this region, or by its bare name. Nothing for a secret.
fn parameter_name(value_from: &str, region: &str) -> Option<String> {
    let mut parts = value_from.splitn(6, ':');
    if parts.next() != Some("arn") {
        return Some(value_from.split(':').next()?.to_owned());
    }
    let (_partition, service, place, _account, resource) = (
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
    );
    if service != "ssm" || place != region {
        return None;
    }
    // `parameter/a/b` is of `/a/b`, `parameter/a` of `a` or `/a`: the slash that begins a hierarchy is the ARN's own.
    let name = resource.strip_prefix("parameter")?.split(':').next()?;
    Some(if name.matches('/').count() > 1 {
        name.to_owned()
    } else {
        name.trim_start_matches('/').to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_task_reads_is_a_parameter_by_arn_or_by_name_and_never_a_secret() {
        let arn = |rest: &str| format!("arn:aws:ssm:us-west-2:111122223333:parameter{rest}");
        for (from, name) in [
            (arn("/redmine/mail"), Some("/redmine/mail")),
            (arn("/mail"), Some("mail")),
            (arn("/redmine/mail:3"), Some("/redmine/mail")),
            ("/redmine/mail".to_owned(), Some("/redmine/mail")),
            ("mail:live".to_owned(), Some("mail")),
            (arn("/x").replace("us-west-2", "us-east-1"), None),
            (
                "arn:aws:secretsmanager:us-west-2:111122223333:secret:redmine/db-a1b2c3".to_owned(),
                None,
            ),
        ] {
            assert_eq!(
                parameter_name(&from, "us-west-2").as_deref(),
                name,
                "{from}"
            );
        }
    }
}
