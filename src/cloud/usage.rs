//! How many of a thing a region holds already: what quotas are compared with.
//!
//! Things that steps look at are counted from the same shared lists; the rest is counted here.

use super::error::CloudError;
use super::{Cloud, refused};
use std::collections::BTreeMap;

/// Looks.
impl Cloud {
    pub async fn count_secrets(&self, region: &str) -> Result<u64, CloudError> {
        let mut pages = self
            .secrets(region)
            .list_secrets()
            .max_results(100)
            .into_paginator()
            .send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(refused(
                "secretsmanager",
                "ListSecrets",
                region,
                "all secrets",
            ))?;
            count += page.secret_list().len() as u64;
        }
        Ok(count)
    }

    pub async fn count_repositories(&self, region: &str) -> Result<u64, CloudError> {
        let mut pages = self
            .ecr(region)
            .describe_repositories()
            .max_results(1000)
            .into_paginator()
            .items()
            .send();
        let mut count = 0;
        while let Some(item) = pages.next().await {
            item.map_err(refused(
                "ecr",
                "DescribeRepositories",
                region,
                "all repositories",
            ))?;
            count += 1;
        }
        Ok(count)
    }

    pub async fn count_log_groups(&self, region: &str) -> Result<u64, CloudError> {
        let mut pages = self
            .logs(region)
            .describe_log_groups()
            .into_paginator()
            .items()
            .send();
        let mut count = 0;
        while let Some(item) = pages.next().await {
            item.map_err(refused(
                "logs",
                "DescribeLogGroups",
                region,
                "all log groups",
            ))?;
            count += 1;
        }
        Ok(count)
    }

    /// The ARNs of the region's ECS clusters.
    pub async fn cluster_arns(&self, region: &str) -> Result<Vec<String>, CloudError> {
        let mut pages = self
            .ecs(region)
            .list_clusters()
            .into_paginator()
            .items()
            .send();
        let mut all = Vec::new();
        while let Some(item) = pages.next().await {
            all.push(item.map_err(refused("ecs", "ListClusters", region, "all clusters"))?);
        }
        Ok(all)
    }

    /// How many services a cluster holds; none in one that is not there.
    pub async fn count_services(&self, region: &str, cluster: &str) -> Result<u64, CloudError> {
        let mut pages = self
            .ecs(region)
            .list_services()
            .cluster(cluster)
            .into_paginator()
            .items()
            .send();
        let mut count = 0;
        while let Some(item) = pages.next().await {
            match item.map_err(refused("ecs", "ListServices", region, cluster)) {
                Ok(_) => count += 1,
                Err(error) if error.not_found() => return Ok(0),
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }

    /// The vCPUs of all Fargate tasks of the region, in every cluster, spot capacity left out.
    pub async fn fargate_vcpu(&self, region: &str) -> Result<f64, CloudError> {
        /// `DescribeTasks` takes 100 tasks.
        const CALL: usize = 100;
        let mut units = 0.0;
        for cluster in self.cluster_arns(region).await? {
            let mut pages = self
                .ecs(region)
                .list_tasks()
                .cluster(&cluster)
                .launch_type(aws_sdk_ecs::types::LaunchType::Fargate)
                .into_paginator()
                .items()
                .send();
            let mut arns = Vec::new();
            while let Some(item) = pages.next().await {
                arns.push(item.map_err(refused("ecs", "ListTasks", region, &cluster))?);
            }
            for some in arns.chunks(CALL) {
                let answer = self
                    .ecs(region)
                    .describe_tasks()
                    .cluster(&cluster)
                    .set_tasks(Some(some.to_vec()))
                    .send()
                    .await
                    .map_err(refused("ecs", "DescribeTasks", region, &cluster))?;
                units += answer
                    .tasks()
                    .iter()
                    .filter(|task| task.capacity_provider_name() != Some("FARGATE_SPOT"))
                    .filter_map(|task| task.cpu().and_then(|cpu| cpu.parse::<f64>().ok()))
                    .sum::<f64>();
            }
        }
        Ok(units / 1024.0)
    }

    /// How many NAT gateways each zone of the region holds, by the zones of their subnets.
    #[cfg(feature = "network")]
    pub async fn nat_gateways_by_zone(
        &self,
        region: &str,
        look: drtool_engine::step::Look,
    ) -> Result<BTreeMap<String, u64>, CloudError> {
        let subnets = self.subnets(region, look).await?;
        let mut zones = BTreeMap::new();
        for gateway in self.nat_gateways(region, look).await?.iter() {
            let zone = subnets.iter().find(|s| s.id == gateway.subnet);
            if let Some(zone) = zone.filter(|_| !["deleted", "failed"].contains(&&*gateway.state)) {
                *zones.entry(zone.zone.clone()).or_default() += 1;
            }
        }
        Ok(zones)
    }
}
