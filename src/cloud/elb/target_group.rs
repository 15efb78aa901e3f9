//! Target groups, their attributes, and how their targets are.

use super::{SERVICE, aws_tags, json_tags, text};
use crate::cloud::call::{Outgoing, outgoing};
use crate::cloud::error::CloudError;
use crate::cloud::{Cloud, Tags, refused};
use aws_sdk_elasticloadbalancingv2::types as aws;
use drtool_engine::step::Look;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetGroup {
    pub arn: String,
    pub name: String,
    pub protocol: String,
    pub port: i32,
    pub protocol_version: Option<String>,
    pub vpc: String,
    pub target_type: String,
    pub health: HealthCheck,
    pub balancers: Vec<String>,
    pub tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheck {
    pub protocol: String,
    /// `traffic-port` or a number.
    pub port: String,
    pub path: Option<String>,
    /// HTTP status codes that count as healthy, as AWS writes them: `200-399`.
    pub matcher: Option<String>,
    /// Seconds.
    pub interval: i32,
    /// Seconds.
    pub timeout: i32,
    pub healthy: i32,
    pub unhealthy: i32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetHealth {
    pub target: String,
    pub port: Option<i32>,
    pub state: String,
    pub reason: Option<String>,
    pub description: Option<String>,
}

/// What a target group is made with.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTargetGroup<'a> {
    pub name: &'a str,
    pub protocol: &'a str,
    pub port: i32,
    pub protocol_version: Option<&'a str>,
    pub vpc: &'a str,
    pub target_type: &'a str,
    pub health: &'a HealthCheck,
    pub tags: &'a Tags,
}

/// Looks.
impl Cloud {
    /// Every target group of the region, with its tags.
    pub async fn target_groups(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<TargetGroup>>, CloudError> {
        self.looks()
            .shared(
                SERVICE,
                format!("elb/target-groups/{region}"),
                look,
                async {
                    let mut pages = self
                        .elb(region)
                        .describe_target_groups()
                        .into_paginator()
                        .items()
                        .send();
                    let mut all = Vec::new();
                    while let Some(item) = pages.next().await {
                        let g = item.map_err(refused(
                            SERVICE,
                            "DescribeTargetGroups",
                            region,
                            "all target groups",
                        ))?;
                        all.push(TargetGroup {
                            arn: text(g.target_group_arn()),
                            name: text(g.target_group_name()),
                            protocol: g
                                .protocol()
                                .map(|s| s.as_str().to_owned())
                                .unwrap_or_default(),
                            port: g.port().unwrap_or_default(),
                            protocol_version: g.protocol_version().map(str::to_owned),
                            vpc: text(g.vpc_id()),
                            target_type: g
                                .target_type()
                                .map(|s| s.as_str().to_owned())
                                .unwrap_or_default(),
                            health: HealthCheck {
                                protocol: g
                                    .health_check_protocol()
                                    .map(|s| s.as_str().to_owned())
                                    .unwrap_or_default(),
                                port: text(g.health_check_port()),
                                path: g.health_check_path().map(str::to_owned),
                                matcher: g.matcher().and_then(|m| m.http_code()).map(str::to_owned),
                                interval: g.health_check_interval_seconds().unwrap_or_default(),
                                timeout: g.health_check_timeout_seconds().unwrap_or_default(),
                                healthy: g.healthy_threshold_count().unwrap_or_default(),
                                unhealthy: g.unhealthy_threshold_count().unwrap_or_default(),
                            },
                            balancers: g.load_balancer_arns().to_vec(),
                            tags: Tags::new(),
                        });
                    }
                    let tags = self
                        .elb_tags(region, all.iter().map(|g| g.arn.clone()).collect())
                        .await?;
                    for g in &mut all {
                        g.tags = tags.get(&g.arn).cloned().unwrap_or_default();
                    }
                    Ok(all)
                },
            )
            .await
    }

    pub async fn target_health(
        &self,
        region: &str,
        group: &str,
        look: Look,
    ) -> Result<Arc<Vec<TargetHealth>>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("elb/health/{group}"), look, async {
                let answer = self
                    .elb(region)
                    .describe_target_health()
                    .target_group_arn(group)
                    .send()
                    .await
                    .map_err(refused(SERVICE, "DescribeTargetHealth", region, group))?;
                Ok(answer
                    .target_health_descriptions()
                    .iter()
                    .map(|d| TargetHealth {
                        target: d
                            .target()
                            .and_then(|t| t.id())
                            .unwrap_or_default()
                            .to_owned(),
                        port: d.target().and_then(|t| t.port()),
                        state: d
                            .target_health()
                            .and_then(|h| h.state())
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        reason: d
                            .target_health()
                            .and_then(|h| h.reason())
                            .map(|r| r.as_str().to_owned()),
                        description: d
                            .target_health()
                            .and_then(|h| h.description())
                            .map(str::to_owned),
                    })
                    .collect())
            })
            .await
    }

    pub async fn target_group_attributes(
        &self,
        region: &str,
        group: &str,
        look: Look,
    ) -> Result<Arc<BTreeMap<String, String>>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("elb/attributes/{group}"), look, async {
                let answer = self
                    .elb(region)
                    .describe_target_group_attributes()
                    .target_group_arn(group)
                    .send()
                    .await
                    .map_err(refused(
                        SERVICE,
                        "DescribeTargetGroupAttributes",
                        region,
                        group,
                    ))?;
                Ok(answer
                    .attributes()
                    .iter()
                    .map(|a| (text(a.key()), text(a.value())))
                    .collect())
            })
            .await
    }
}

/// Calls.
impl Cloud {
    pub fn create_target_group(&self, region: &str, new: &NewTargetGroup<'_>) -> Outgoing {
        let h = new.health;
        let mut request = json!({
            "Name": new.name, "Protocol": new.protocol, "Port": new.port, "VpcId": new.vpc, "TargetType": new.target_type,
            "HealthCheckProtocol": h.protocol, "HealthCheckPort": h.port, "HealthCheckIntervalSeconds": h.interval,
            "HealthCheckTimeoutSeconds": h.timeout, "HealthyThresholdCount": h.healthy,
            "UnhealthyThresholdCount": h.unhealthy, "Tags": json_tags(new.tags),
        });
        let mut call = self
            .elb_writer(region)
            .create_target_group()
            .name(new.name)
            .protocol(aws::ProtocolEnum::from(new.protocol))
            .port(new.port)
            .vpc_id(new.vpc)
            .target_type(aws::TargetTypeEnum::from(new.target_type))
            .health_check_protocol(aws::ProtocolEnum::from(h.protocol.as_str()))
            .health_check_port(&h.port)
            .health_check_interval_seconds(h.interval)
            .health_check_timeout_seconds(h.timeout)
            .healthy_threshold_count(h.healthy)
            .unhealthy_threshold_count(h.unhealthy)
            .set_tags(Some(aws_tags(new.tags)));
        if let Some(version) = new.protocol_version {
            request["ProtocolVersion"] = json!(version);
            call = call.protocol_version(version);
        }
        if let Some(path) = &h.path {
            request["HealthCheckPath"] = json!(path);
            call = call.health_check_path(path);
        }
        if let Some(matcher) = &h.matcher {
            request["Matcher"] = json!({ "HttpCode": matcher });
            call = call.matcher(aws::Matcher::builder().http_code(matcher).build());
        }
        outgoing!(
            SERVICE,
            "CreateTargetGroup",
            region,
            new.name,
            request,
            call,
            |a| a
                .target_groups()
                .first()
                .and_then(|g| g.target_group_arn())
                .map(str::to_owned)
        )
    }

    pub fn modify_target_group_attributes(
        &self,
        region: &str,
        group: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Outgoing {
        let request = json!({
            "TargetGroupArn": group,
            "Attributes": attributes.iter().map(|(k, v)| json!({ "Key": k, "Value": v })).collect::<Vec<_>>(),
        });
        let list = attributes
            .iter()
            .map(|(k, v)| aws::TargetGroupAttribute::builder().key(k).value(v).build())
            .collect();
        let call = self
            .elb_writer(region)
            .modify_target_group_attributes()
            .target_group_arn(group)
            .set_attributes(Some(list));
        outgoing!(
            SERVICE,
            "ModifyTargetGroupAttributes",
            region,
            group,
            request,
            call
        )
    }

    pub fn delete_target_group(&self, region: &str, group: &str) -> Outgoing {
        let call = self
            .elb_writer(region)
            .delete_target_group()
            .target_group_arn(group);
        outgoing!(
            SERVICE,
            "DeleteTargetGroup",
            region,
            group,
            json!({ "TargetGroupArn": group }),
            call
        )
    }
}
