//! Load balancers and their attributes.

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
pub struct LoadBalancer {
    pub arn: String,
    pub name: String,
    pub dns_name: String,
    /// The hosted zone that alias records to this balancer name.
    pub zone_id: String,
    pub scheme: String,
    pub kind: String,
    pub state: String,
    pub ip_address_type: String,
    pub vpc: String,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub tags: Tags,
}

/// What a balancer is made with.
#[derive(Debug, Clone, PartialEq)]
pub struct NewLoadBalancer<'a> {
    pub name: &'a str,
    pub kind: &'a str,
    pub scheme: &'a str,
    /// `ipv4` or `dualstack`.
    pub ip_address_type: &'a str,
    pub subnets: &'a [String],
    pub security_groups: &'a [String],
    pub tags: &'a Tags,
}

/// Looks.
impl Cloud {
    /// Every balancer of the region, with its tags.
    pub async fn load_balancers(
        &self,
        region: &str,
        look: Look,
    ) -> Result<Arc<Vec<LoadBalancer>>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("elb/balancers/{region}"), look, async {
                let mut pages = self
                    .elb(region)
                    .describe_load_balancers()
                    .into_paginator()
                    .items()
                    .send();
                let mut all = Vec::new();
                while let Some(item) = pages.next().await {
                    let b = item.map_err(refused(
                        SERVICE,
                        "DescribeLoadBalancers",
                        region,
                        "all balancers",
                    ))?;
                    all.push(LoadBalancer {
                        arn: text(b.load_balancer_arn()),
                        name: text(b.load_balancer_name()),
                        dns_name: text(b.dns_name()),
                        zone_id: text(b.canonical_hosted_zone_id()),
                        scheme: b
                            .scheme()
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        kind: b
                            .r#type()
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        state: b
                            .state()
                            .and_then(|s| s.code())
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        ip_address_type: b
                            .ip_address_type()
                            .map(|s| s.as_str().to_owned())
                            .unwrap_or_default(),
                        vpc: text(b.vpc_id()),
                        subnets: b
                            .availability_zones()
                            .iter()
                            .filter_map(|z| z.subnet_id())
                            .map(str::to_owned)
                            .collect(),
                        security_groups: b.security_groups().to_vec(),
                        tags: Tags::new(),
                    });
                }
                let tags = self
                    .elb_tags(region, all.iter().map(|b| b.arn.clone()).collect())
                    .await?;
                for b in &mut all {
                    b.tags = tags.get(&b.arn).cloned().unwrap_or_default();
                }
                Ok(all)
            })
            .await
    }

    pub async fn balancer_attributes(
        &self,
        region: &str,
        balancer: &str,
        look: Look,
    ) -> Result<Arc<BTreeMap<String, String>>, CloudError> {
        self.looks()
            .shared(SERVICE, format!("elb/attributes/{balancer}"), look, async {
                let answer = self
                    .elb(region)
                    .describe_load_balancer_attributes()
                    .load_balancer_arn(balancer)
                    .send()
                    .await
                    .map_err(refused(
                        SERVICE,
                        "DescribeLoadBalancerAttributes",
                        region,
                        balancer,
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
    pub fn create_load_balancer(&self, region: &str, new: &NewLoadBalancer<'_>) -> Outgoing {
        let mut request = json!({
            "Name": new.name, "Type": new.kind, "Scheme": new.scheme, "IpAddressType": new.ip_address_type, "Subnets": new.subnets, "Tags": json_tags(new.tags),
        });
        let mut call = self
            .elb_writer(region)
            .create_load_balancer()
            .name(new.name)
            .r#type(aws::LoadBalancerTypeEnum::from(new.kind))
            .scheme(aws::LoadBalancerSchemeEnum::from(new.scheme))
            .ip_address_type(aws::IpAddressType::from(new.ip_address_type))
            .set_subnets(Some(new.subnets.to_vec()))
            .set_tags(Some(aws_tags(new.tags)));
        if !new.security_groups.is_empty() {
            request["SecurityGroups"] = json!(new.security_groups);
            call = call.set_security_groups(Some(new.security_groups.to_vec()));
        }
        outgoing!(
            SERVICE,
            "CreateLoadBalancer",
            region,
            new.name,
            request,
            call,
            |a| a
                .load_balancers()
                .first()
                .and_then(|b| b.load_balancer_arn())
                .map(str::to_owned)
        )
    }

    pub fn modify_balancer_attributes(
        &self,
        region: &str,
        balancer: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Outgoing {
        let request = json!({
            "LoadBalancerArn": balancer,
            "Attributes": attributes.iter().map(|(k, v)| json!({ "Key": k, "Value": v })).collect::<Vec<_>>(),
        });
        let list = attributes
            .iter()
            .map(|(k, v)| {
                aws::LoadBalancerAttribute::builder()
                    .key(k)
                    .value(v)
                    .build()
            })
            .collect();
        let call = self
            .elb_writer(region)
            .modify_load_balancer_attributes()
            .load_balancer_arn(balancer)
            .set_attributes(Some(list));
        outgoing!(
            SERVICE,
            "ModifyLoadBalancerAttributes",
            region,
            balancer,
            request,
            call
        )
    }

    pub fn delete_load_balancer(&self, region: &str, balancer: &str) -> Outgoing {
        let call = self
            .elb_writer(region)
            .delete_load_balancer()
            .load_balancer_arn(balancer);
        outgoing!(
            SERVICE,
            "DeleteLoadBalancer",
            region,
            balancer,
            json!({ "LoadBalancerArn": balancer }),
            call
        )
    }
}
