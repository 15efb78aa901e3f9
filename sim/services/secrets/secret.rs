//! What a secret is.

use super::{bad_parameter, invalid, tags_json};
use crate::error::AwsError;
use crate::services::iam::policy::Policy;
use crate::world::Input;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A secret value: text, or bytes in base64. Never printed.
#[derive(Clone, PartialEq)]
pub enum Content {
    Text(String),
    Binary(String),
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Content {
    /// The value of an input, if it has one; not both kinds.
    pub fn of(input: &Input) -> Result<Option<Content>, AwsError> {
        match (input.str("SecretString"), input.str("SecretBinary")) {
            (Some(_), Some(_)) => Err(bad_parameter(
                "You can't specify both a binary secret value and a string secret value in the same secret.",
            )),
            (Some(text), None) => Ok(Some(Content::Text(text.to_owned()))),
            (None, Some(bytes)) => Ok(Some(Content::Binary(bytes.to_owned()))),
            (None, None) => Ok(None),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Version {
    pub content: Content,
    /// Unix seconds.
    pub created: f64,
    pub stages: BTreeSet<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Rotation {
    pub enabled: bool,
    pub function: Option<String>,
    pub rules: Value,
    pub next: Option<f64>,
}

/// What a primary knows of one of its replicas.
#[derive(Clone, Debug)]
pub struct Replica {
    pub key: Option<String>,
    pub status: Status,
    pub message: String,
    pub overwrite: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    InProgress,
    InSync,
    Failed,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Status::InProgress => "InProgress",
            Status::InSync => "InSync",
            Status::Failed => "Failed",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Secret {
    pub name: String,
    pub arn: String,
    pub description: Option<String>,
    /// As given; `None` is `aws/secretsmanager`.
    pub key: Option<String>,
    /// Unix seconds.
    pub created: f64,
    pub changed: f64,
    /// When it will be (or was asked to be) deleted: unix seconds of the request.
    pub deleted: Option<f64>,
    pub tags: BTreeMap<String, String>,
    /// By version id.
    pub versions: BTreeMap<String, Version>,
    pub policy: Option<Policy>,
    pub rotation: Option<Rotation>,
    /// The service that made it, for instance `rds`.
    pub owner: Option<String>,
    /// The region of the primary, for a replica.
    pub primary: Option<String>,
    /// By region, for a primary.
    pub replicas: BTreeMap<String, Replica>,
}

impl Secret {
    pub fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }

    pub fn region(&self) -> &str {
        self.arn.split(':').nth(3).unwrap_or_default()
    }

    pub fn check_not_replica(&self) -> Result<(), AwsError> {
        match self.primary {
            None => Ok(()),
            Some(_) => Err(invalid(
                "Operation not permitted on a replica secret. Call must be made in primary secret's region.",
            )),
        }
    }

    pub fn check_not_deleted(&self) -> Result<(), AwsError> {
        match self.deleted {
            None => Ok(()),
            Some(_) => Err(invalid(
                "You can't perform this operation on the secret because it was marked for deletion.",
            )),
        }
    }

    /// The version that carries a stage.
    pub fn staged(&self, stage: &str) -> Option<(&String, &Version)> {
        self.versions
            .iter()
            .find(|(_, version)| version.stages.contains(stage))
    }

    /// Moves a stage to a version. The version that was current becomes the previous one.
    pub fn stage(&mut self, stage: &str, to: &str) {
        let from = self.staged(stage).map(|(id, _)| id.clone());
        if from.as_deref() == Some(to) {
            return;
        }
        for version in self.versions.values_mut() {
            version.stages.remove(stage);
        }
        if stage == "AWSCURRENT"
            && let Some(from) = from
        {
            self.stage("AWSPREVIOUS", &from);
        }
        if let Some(version) = self.versions.get_mut(to) {
            version.stages.insert(stage.to_owned());
            if stage == "AWSCURRENT" {
                version.stages.remove("AWSPREVIOUS");
            }
        }
    }

    pub fn replication_json(&self) -> Value {
        self.replicas
            .iter()
            .map(|(region, replica)| {
                json!({
                    "Region": region,
                    "KmsKeyId": replica.key.as_deref().unwrap_or("alias/aws/secretsmanager"),
                    "Status": replica.status.word(),
                    "StatusMessage": replica.message,
                })
            })
            .collect()
    }

    /// What DescribeSecret and ListSecrets have in common; the member of the stages differs in name.
    pub fn json(&self, stages: &str) -> Value {
        let mut out = json!({
            "ARN": self.arn,
            "Name": self.name,
            "LastChangedDate": self.changed,
            "CreatedDate": self.created,
            "Tags": tags_json(&self.tags),
        });
        let mut set = |name: &str, value: Value| {
            if let Some(fields) = out.as_object_mut() {
                fields.insert(name.to_owned(), value);
            }
        };
        let staged: BTreeMap<&String, &BTreeSet<String>> = self
            .versions
            .iter()
            .filter(|(_, version)| !version.stages.is_empty())
            .map(|(id, version)| (id, &version.stages))
            .collect();
        if !staged.is_empty() {
            set(stages, json!(staged));
        }
        if let Some(description) = &self.description {
            set("Description", json!(description));
        }
        if let Some(key) = &self.key {
            set("KmsKeyId", json!(key));
        }
        if let Some(rotation) = &self.rotation {
            set("RotationEnabled", json!(rotation.enabled));
            if let Some(function) = &rotation.function {
                set("RotationLambdaARN", json!(function));
            }
            if !rotation.rules.is_null() {
                set("RotationRules", rotation.rules.clone());
            }
            if let Some(next) = rotation.next.filter(|_| rotation.enabled) {
                set("NextRotationDate", json!(next));
            }
        }
        if let Some(deleted) = self.deleted {
            set("DeletedDate", json!(deleted));
        }
        if let Some(owner) = &self.owner {
            set("OwningService", json!(owner));
        }
        match &self.primary {
            Some(region) => set("PrimaryRegion", json!(region)),
            None if !self.replicas.is_empty() => set("PrimaryRegion", json!(self.region())),
            None => {}
        }
        out
    }
}
