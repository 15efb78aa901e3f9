//! Elastic Load Balancing v2: balancers, listeners, target groups.

mod action;
mod balancer;
mod condition;
mod listener;
mod target_group;

use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, Tags, refused};
use aws_sdk_elasticloadbalancingv2::types as aws;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub use action::Action;
pub use balancer::{LoadBalancer, NewLoadBalancer};
pub use listener::{Listener, ListenerRule};
pub use target_group::{HealthCheck, NewTargetGroup, TargetGroup, TargetHealth};

const SERVICE: &str = "elasticloadbalancing";

fn text(s: Option<&str>) -> String {
    s.unwrap_or_default().to_owned()
}

fn aws_tags(tags: &Tags) -> Vec<aws::Tag> {
    tags.iter()
        .map(|(k, v)| aws::Tag::builder().key(k).value(v).build())
        .collect()
}

fn json_tags(tags: &Tags) -> Value {
    tags.iter()
        .map(|(k, v)| json!({ "Key": k, "Value": v }))
        .collect()
}

/// Looks.
impl Cloud {
    /// Tags of many resources: AWS takes 20 ARNs a call. What has vanished meanwhile has no tags.
    async fn elb_tags(
        &self,
        region: &str,
        arns: Vec<String>,
    ) -> Result<BTreeMap<String, Tags>, CloudError> {
        let mut all = BTreeMap::new();
        for chunk in arns.chunks(20) {
            let answer = self
                .elb(region)
                .describe_tags()
                .set_resource_arns(Some(chunk.to_vec()))
                .send()
                .await
                .map_err(refused(
                    SERVICE,
                    "DescribeTags",
                    region,
                    "balancers and target groups",
                ));
            let answer = match answer {
                Ok(answer) => answer,
                Err(e) if e.not_found() => continue,
                Err(e) => return Err(e),
            };
            for d in answer.tag_descriptions() {
                let tags = d
                    .tags()
                    .iter()
                    .map(|t| (text(t.key()), text(t.value())))
                    .collect();
                all.insert(text(d.resource_arn()), tags);
            }
        }
        Ok(all)
    }
}
