//! Secrets Manager: metadata, replicas and their promotion. Values pass through here only for the vault.

use super::call::{Outgoing, outgoing};
use super::error::CloudError;
use super::{Cloud, Tags, refused};
use aws_sdk_secretsmanager::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

const SERVICE: &str = "secretsmanager";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Secret {
    pub name: String,
    pub arn: String,
    pub key: Option<String>,
    /// Set on a replica: where its primary is.
    pub primary_region: Option<String>,
    pub replicas: Vec<Replica>,
    pub rotation: bool,
    /// A version is staged AWSPENDING and not current: a rotation is under way.
    pub pending_version: bool,
    /// The id of the version that is AWSCURRENT.
    pub current: Option<String>,
    pub owning_service: Option<String>,
    pub deleted: bool,
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    pub region: String,
    pub status: String,
    pub message: Option<String>,
    pub key: Option<String>,
}

/// Looks.
impl Cloud {
    pub async fn secret(
        &self,
        region: &str,
        name: &str,
        look: Look,
    ) -> Result<Arc<Option<Secret>>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("secrets/{region}/{name}"), look, async {
                let answer = self
                    .secrets(region)
                    .describe_secret()
                    .secret_id(name)
                    .send()
                    .await
                    .map_err(refused(SERVICE, "DescribeSecret", region, name));
                let s = match answer {
                    Ok(s) => s,
                    Err(e) if e.not_found() => return Ok(None),
                    Err(e) => return Err(e),
                };
                Ok(Some(Secret {
                    name: s.name().unwrap_or_default().to_owned(),
                    arn: s.arn().unwrap_or_default().to_owned(),
                    key: s.kms_key_id().map(str::to_owned),
                    primary_region: s.primary_region().map(str::to_owned),
                    replicas: s
                        .replication_status()
                        .iter()
                        .map(|r| Replica {
                            region: r.region().unwrap_or_default().to_owned(),
                            status: r
                                .status()
                                .map(|s| s.as_str().to_owned())
                                .unwrap_or_default(),
                            message: r.status_message().map(str::to_owned),
                            key: r.kms_key_id().map(str::to_owned),
                        })
                        .collect(),
                    rotation: s.rotation_enabled().unwrap_or_default(),
                    pending_version: s.version_ids_to_stages().into_iter().flatten().any(
                        |(_, stages)| {
                            stages.iter().any(|x| x == "AWSPENDING")
                                && !stages.iter().any(|x| x == "AWSCURRENT")
                        },
                    ),
                    current: s
                        .version_ids_to_stages()
                        .into_iter()
                        .flatten()
                        .find(|(_, stages)| stages.iter().any(|x| x == "AWSCURRENT"))
                        .map(|(id, _)| id.clone()),
                    owning_service: s.owning_service().map(str::to_owned),
                    deleted: s.deleted_date().is_some(),
                    tags: s
                        .tags()
                        .iter()
                        .filter_map(|t| {
                            Some((
                                t.key()?.to_owned(),
                                t.value().unwrap_or_default().to_owned(),
                            ))
                        })
                        .collect(),
                }))
            })
            .await
    }
}

/// For the vault alone: the only two functions of drtool that carry a secret's value.
impl Cloud {
    pub(crate) async fn secret_value(
        &self,
        region: &str,
        arn: &str,
    ) -> Result<zeroize::Zeroizing<String>, CloudError> {
        let answer = self
            .secrets(region)
            .get_secret_value()
            .secret_id(arn)
            .send()
            .await
            .map_err(refused(SERVICE, "GetSecretValue", region, arn))?;
        Ok(zeroize::Zeroizing::new(
            answer.secret_string().unwrap_or_default().to_owned(),
        ))
    }

    pub(crate) async fn put_secret_value(
        &self,
        region: &str,
        arn: &str,
        value: &str,
        token: &str,
    ) -> Result<(), CloudError> {
        self.secrets_writer(region)
            .put_secret_value()
            .secret_id(arn)
            .secret_string(value)
            .client_request_token(token)
            .send()
            .await
            .map(drop)
            .map_err(refused(SERVICE, "PutSecretValue", region, arn))
    }
}

/// Calls.
impl Cloud {
    /// Called in the primary's region. Never overwrites a secret of the same name in the target.
    pub fn replicate_secret(
        &self,
        region: &str,
        name: &str,
        target: &str,
        key: Option<&str>,
    ) -> Outgoing {
        let mut replica = json!({ "Region": target });
        if let Some(key) = key {
            replica["KmsKeyId"] = key.into();
        }
        let request = json!({ "SecretId": name, "AddReplicaRegions": [replica], "ForceOverwriteReplicaSecret": false });
        let call = self
            .secrets_writer(region)
            .replicate_secret_to_regions()
            .secret_id(name)
            .add_replica_regions(
                aws::ReplicaRegionType::builder()
                    .region(target)
                    .set_kms_key_id(key.map(str::to_owned))
                    .build(),
            )
            .force_overwrite_replica_secret(false);
        outgoing!(
            SERVICE,
            "ReplicateSecretToRegions",
            region,
            name,
            request,
            call
        )
    }

    /// Called in the primary's region: removes the replica at once, without a recovery window.
    pub fn remove_secret_replica(&self, region: &str, name: &str, target: &str) -> Outgoing {
        let request = json!({ "SecretId": name, "RemoveReplicaRegions": [target] });
        let call = self
            .secrets_writer(region)
            .remove_regions_from_replication()
            .secret_id(name)
            .remove_replica_regions(target);
        outgoing!(
            SERVICE,
            "RemoveRegionsFromReplication",
            region,
            name,
            request,
            call
        )
    }

    /// Called in the replica's region, so it works while the primary's region is down. The replica becomes a secret
    /// of its own.
    pub fn promote_secret(&self, region: &str, name: &str) -> Outgoing {
        let call = self
            .secrets_writer(region)
            .stop_replication_to_replica()
            .secret_id(name);
        outgoing!(
            SERVICE,
            "StopReplicationToReplica",
            region,
            name,
            json!({ "SecretId": name }),
            call
        )
    }

    /// Only for a secret that this run promoted from its own replica: gone at once, so that its name is free again.
    pub fn delete_secret(&self, region: &str, name: &str) -> Outgoing {
        let request = json!({ "SecretId": name, "ForceDeleteWithoutRecovery": true });
        let call = self
            .secrets_writer(region)
            .delete_secret()
            .secret_id(name)
            .force_delete_without_recovery(true);
        outgoing!(SERVICE, "DeleteSecret", region, name, request, call)
    }
}
