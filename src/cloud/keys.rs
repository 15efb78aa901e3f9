//! KMS: the keys that a stack's data is encrypted under. Keys are regional and never deleted by drtool.

use super::Cloud;
use super::error::CloudError;
use super::refused;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const SERVICE: &str = "kms";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub id: String,
    pub arn: String,
    /// `Enabled`, `Disabled`, `PendingDeletion`…
    pub state: String,
    pub usage: String,
    pub spec: String,
    /// `CUSTOMER` or `AWS`.
    pub manager: String,
    pub multi_region: bool,
}

/// Looks.
impl Cloud {
    /// A key by id, ARN or `alias/…`.
    pub async fn key(
        &self,
        region: &str,
        id: &str,
        look: Look,
    ) -> Result<Arc<Option<Key>>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("kms/key/{region}/{id}"), look, async {
                let answer = self
                    .kms(region)
                    .describe_key()
                    .key_id(id)
                    .send()
                    .await
                    .map_err(refused(SERVICE, "DescribeKey", region, id));
                match answer {
                    Ok(answer) => Ok(answer.key_metadata().map(|k| Key {
                        id: k.key_id().to_owned(),
                        arn: k.arn().unwrap_or_default().to_owned(),
                        state: k
                            .key_state()
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        usage: k
                            .key_usage()
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        spec: k
                            .key_spec()
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        manager: k
                            .key_manager()
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        multi_region: k.multi_region().unwrap_or_default(),
                    })),
                    Err(e) if e.not_found() => Ok(None),
                    Err(e) => Err(e),
                }
            })
            .await
    }

    /// The aliases of a key.
    pub async fn key_aliases(&self, region: &str, key: &str) -> Result<Vec<String>, CloudError> {
        let mut pages = self
            .kms(region)
            .list_aliases()
            .key_id(key)
            .into_paginator()
            .items()
            .send();
        let mut all = Vec::new();
        while let Some(item) = pages.next().await {
            let alias = item.map_err(refused(SERVICE, "ListAliases", region, key))?;
            all.extend(alias.alias_name().map(str::to_owned));
        }
        Ok(all)
    }
}
