//! Clusters.

use super::{SERVICE, aws_tags, json_tags, tags_of, text};
use crate::cloud::call::{Outgoing, outgoing};
use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, Tags, refused};
use aws_sdk_ecs::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    pub name: String,
    pub arn: String,
    pub status: String,
    pub capacity_providers: Vec<String>,
    /// `enabled`, `enhanced` or `disabled`.
    pub insights: String,
    pub tags: Tags,
}

/// Looks.
impl Cloud {
    /// A cluster by name; an INACTIVE one does not count as there.
    pub async fn cluster(
        &self,
        region: &str,
        name: &str,
        look: Look,
    ) -> Result<Arc<Option<Cluster>>, CloudError> {
        self.looks()
            .shared(
                SERVICE,
                format!("ecs/cluster/{region}/{name}"),
                look,
                async {
                    let answer = self
                        .ecs(region)
                        .describe_clusters()
                        .clusters(name)
                        .include(aws::ClusterField::Tags)
                        .include(aws::ClusterField::Settings)
                        .send()
                        .await
                        .map_err(refused(SERVICE, "DescribeClusters", region, name))?;
                    Ok(answer
                        .clusters()
                        .iter()
                        .find(|c| c.status() != Some("INACTIVE"))
                        .map(|c| Cluster {
                            name: text(c.cluster_name()),
                            arn: text(c.cluster_arn()),
                            status: text(c.status()),
                            capacity_providers: c.capacity_providers().to_vec(),
                            insights: c
                                .settings()
                                .iter()
                                .find(|s| {
                                    s.name() == Some(&aws::ClusterSettingName::ContainerInsights)
                                })
                                .and_then(|s| s.value())
                                .unwrap_or("disabled")
                                .to_owned(),
                            tags: tags_of(c.tags()),
                        }))
                },
            )
            .await
    }
}

/// Calls.
impl Cloud {
    /// `insights`: `enabled`, `enhanced` or `disabled`.
    pub fn create_cluster(
        &self,
        region: &str,
        name: &str,
        insights: &str,
        capacity_providers: &[String],
        tags: &Tags,
    ) -> Outgoing {
        let mut request = json!({ "clusterName": name, "tags": json_tags(tags) });
        let mut call = self
            .ecs_writer(region)
            .create_cluster()
            .cluster_name(name)
            .set_tags(aws_tags(tags));
        if !capacity_providers.is_empty() {
            request["capacityProviders"] = json!(capacity_providers);
            call = call.set_capacity_providers(Some(capacity_providers.to_vec()));
        }
        if !insights.is_empty() && insights != "disabled" {
            request["settings"] = json!([{ "name": "containerInsights", "value": insights }]);
            call = call.settings(
                aws::ClusterSetting::builder()
                    .name(aws::ClusterSettingName::ContainerInsights)
                    .value(insights)
                    .build(),
            );
        }
        outgoing!(SERVICE, "CreateCluster", region, name, request, call)
    }

    pub fn delete_cluster(&self, region: &str, name: &str) -> Outgoing {
        let call = self.ecs_writer(region).delete_cluster().cluster(name);
        outgoing!(
            SERVICE,
            "DeleteCluster",
            region,
            name,
            json!({ "cluster": name }),
            call
        )
    }
}
